//! One SCTP association.
//!
//! The way of a packet in: `receive` checks it and walks over its chunks; `handshake`, `data`,
//! `reset` and `shutdown` take them. The way out: `transmit` gathers control chunks, an
//! acknowledgement and DATA into one packet. `timing` says what happens when timers run out.

mod cookie;
mod data;
mod handshake;
mod receive;
mod reset;
mod shutdown;
mod tcb;
mod timers;
mod timing;
mod transmit;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use bytes::Bytes;
use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_crypto::{HmacSha256, Rng};

use crate::rto::RttEstimator;
use crate::send_queue::{Policy, QueuedMessage, SendQueue};
use crate::{CloseReason, Config, Event, MIN_MAX_PACKET, Reliability, SendError, SendOptions, Stats};
use tcb::{Outbox, Tcb};
use timers::{Timer, Timers};

/// An SCTP association (RFC 9260) over a transport that needs no addresses of its own, as DTLS is
/// for data channels (RFC 8261).
///
/// Either side may [`connect`](Self::connect), or both at once; a side that does not still accepts.
///
/// ```
/// use bytes::Bytes;
/// use pollrtc_core::{Datagram, Instant, StateMachine};
/// use pollrtc_crypto::Rng;
/// use pollrtc_sctp::{Association, Config, Event, SendOptions};
///
/// let [here, there] = ["192.0.2.1:5000", "192.0.2.2:5000"].map(|a| a.parse().unwrap());
/// let mut alice = Association::new(Config::default(), Rng::from_seed([1; 32]), there);
/// let mut bob = Association::new(Config::default(), Rng::from_seed([2; 32]), here);
/// alice.connect();
/// alice.send(0, 51, Bytes::from("hello"), SendOptions::default()).unwrap();
///
/// let (now, mut buf) = (Instant::ZERO, [0; 1500]);
/// loop {
///     let mut quiet = true;
///     while let Some(transmit) = alice.poll_transmit(now, &mut buf) {
///         bob.handle_datagram(now, Datagram::udp(here, &mut buf[..transmit.len]));
///         quiet = false;
///     }
///     while let Some(transmit) = bob.poll_transmit(now, &mut buf) {
///         alice.handle_datagram(now, Datagram::udp(there, &mut buf[..transmit.len]));
///         quiet = false;
///     }
///     if quiet {
///         break;
///     }
/// }
/// assert_eq!(bob.poll_event(), Some(Event::Connected));
/// let hello = Event::Message { stream: 0, ppid: 51, data: Bytes::from("hello") };
/// assert_eq!(bob.poll_event(), Some(hello));
/// ```
pub struct Association {
    config: Config,
    rng: Rng,
    remote: SocketAddr,
    /// The latest time that we were told.
    now: Instant,
    cookie_key: HmacSha256,
    /// What we offer in INIT and in INIT ACK until an association stands.
    local_tag: u32,
    local_tsn: u32,
    state: State,
    tcb: Option<Box<Tcb>>,
    queue: SendQueue,
    /// Streams that the user wants to be reset and that wait for their data to leave; then for this TSN
    /// to be acknowledged.
    resetting: BTreeMap<u16, Option<u64>>,
    outbox: Outbox,
    timers: Timers,
    rtt: RttEstimator,
    /// Transmissions in a row that went unanswered (§8.1).
    unanswered: u32,
    /// When what awaits an answer (INIT, COOKIE ECHO) was sent, unless it was sent again.
    handshake_sent: Option<Instant>,
    /// The nonce of the heartbeat that is not answered yet, and when it was sent.
    heartbeat: Option<(u64, Instant)>,
    max_packet: usize,
    /// Until when an ABORT says that the peer begins anew.
    restart_expected_until: Option<Instant>,
    events: VecDeque<Event>,
    stats: Stats,
}

/// Where the association stands (RFC 9260 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has happened; a peer may connect.
    Idle,
    CookieWait,
    CookieEchoed {
        cookie: Bytes,
    },
    Established,
    ShutdownPending,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    /// It is over for good.
    Closed,
}

/// Where an association stands, as far as its user is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssociationState {
    /// Not connected; a peer may connect.
    New,
    /// The handshake is on its way.
    Connecting,
    /// Messages flow.
    Connected,
    /// Messages that were sent are still delivered, new ones are not taken.
    ShuttingDown,
    /// It is over.
    Closed,
}

impl Association {
    /// An association with the peer at `remote`, which is copied into every [`Transmit`].
    pub fn new(config: Config, mut rng: Rng, remote: SocketAddr) -> Self {
        let cookie_key = HmacSha256::new(&rng.array::<32>());
        let local_tag = rng.u32().max(1);
        let random_tsn = rng.u32();
        Self {
            remote,
            now: Instant::ZERO,
            cookie_key,
            local_tag,
            local_tsn: config.initial_tsn.unwrap_or(random_tsn),
            rng,
            state: State::Idle,
            tcb: None,
            queue: SendQueue::default(),
            resetting: BTreeMap::new(),
            outbox: Outbox::default(),
            timers: Timers::new(),
            rtt: RttEstimator::new(config.rto_initial, config.rto_min, config.rto_max),
            unanswered: 0,
            handshake_sent: None,
            heartbeat: None,
            max_packet: clamp_packet(config.max_packet),
            restart_expected_until: None,
            events: VecDeque::new(),
            stats: Stats::default(),
            config,
        }
    }

    /// Begins the handshake. Does nothing if it has begun, in whatever way.
    pub fn connect(&mut self) {
        if self.state == State::Idle {
            self.state = State::CookieWait;
            self.outbox.init = true;
        }
    }

    /// Queues a message. It may be called before the association is connected.
    pub fn send(&mut self, stream: u16, ppid: u32, data: Bytes, options: SendOptions) -> Result<(), SendError> {
        self.check_room(data.len())?;
        self.enqueue(stream, ppid, data, options, true)
    }

    /// Whether a message of this length still fits into the send buffer.
    pub(crate) fn check_room(&self, len: usize) -> Result<(), SendError> {
        let (buffered, limit) = (self.queue.buffered(), self.config.send_buffer);
        match len > limit.saturating_sub(buffered) {
            true => Err(SendError::BufferFull { buffered, limit }),
            false => Ok(()),
        }
    }

    /// Like [`send`](Self::send), also when the send buffer is full. Bytes that are not the user's
    /// are not `counted` as buffered.
    pub(crate) fn enqueue(
        &mut self,
        stream: u16,
        ppid: u32,
        data: Bytes,
        options: SendOptions,
        counted: bool,
    ) -> Result<(), SendError> {
        if !matches!(
            self.state(),
            AssociationState::New | AssociationState::Connecting | AssociationState::Connected
        ) {
            return Err(SendError::Closed);
        }
        if data.is_empty() {
            return Err(SendError::Empty);
        }
        let streams = self.outbound_streams();
        if stream >= streams {
            return Err(SendError::NoSuchStream { stream, streams });
        }
        if self.is_resetting(stream) {
            return Err(SendError::Resetting(stream));
        }
        let policy = match options.reliability {
            Reliability::Reliable => Policy::RELIABLE,
            Reliability::MaxRetransmits(max_retransmits) => Policy {
                max_retransmits,
                ..Policy::RELIABLE
            },
            Reliability::MaxLifetime(lifetime) => Policy {
                expires: self.now + lifetime,
                ..Policy::RELIABLE
            },
        };
        let message = QueuedMessage {
            data,
            ppid,
            ordered: options.ordered,
            counted,
            policy,
        };
        self.queue.push(stream, options.priority, message);
        self.stats.messages_sent += 1;
        Ok(())
    }

    /// Where the association stands.
    pub fn state(&self) -> AssociationState {
        match self.state {
            State::Idle => AssociationState::New,
            State::CookieWait | State::CookieEchoed { .. } => AssociationState::Connecting,
            State::Established => AssociationState::Connected,
            State::ShutdownPending | State::ShutdownSent | State::ShutdownReceived | State::ShutdownAckSent => {
                AssociationState::ShuttingDown
            }
            State::Closed => AssociationState::Closed,
        }
    }

    /// How many streams we may send on: what we asked for until the peer is known, then what it
    /// accepts.
    pub fn outbound_streams(&self) -> u16 {
        let asked = self.config.outbound_streams;
        self.tcb.as_ref().map_or(asked, |tcb| tcb.outbound_streams)
    }

    /// Bytes of messages on this stream that have not left yet.
    pub fn buffered_amount(&self, stream: u16) -> usize {
        self.queue.buffered_on(stream)
    }

    /// Sets the amount to which the stream's buffered amount must fall for
    /// [`Event::BufferedAmountLow`]. It is 0 at first.
    pub fn set_buffered_amount_low_threshold(&mut self, stream: u16, threshold: usize) {
        self.queue.set_low_threshold(stream, threshold);
    }

    /// Sets the longest packet to send, in bytes from the common header on: the path's MTU without
    /// IP, UDP and DTLS. Raised to [`MIN_MAX_PACKET`] if it is less, and rounded down to a multiple
    /// of 16, at which checksum and cipher are fastest.
    pub fn set_mtu(&mut self, max_packet: usize) {
        self.max_packet = clamp_packet(max_packet);
        if let Some(tcb) = &mut self.tcb {
            tcb.congestion.set_mtu(self.max_packet);
        }
    }

    /// Tells the round-trip time that another layer measured. It sets the first timeouts, until
    /// the association has measurements of its own.
    pub fn set_round_trip_time(&mut self, rtt: Duration) {
        self.rtt.hint(rtt);
    }

    /// Tells that packets take another path from now on. Its round-trip time and how much it
    /// reorders are learned anew.
    pub fn handle_path_change(&mut self, now: Instant) {
        self.observe(now);
        self.stats.path_changes += 1;
        self.rtt.on_path_change(self.now);
        if let Some(tcb) = &mut self.tcb {
            tcb.loss.on_path_change();
        }
        // What is on its way may need as long as on a path that is not known.
        if self.timers.is_running(Timer::Retransmit) {
            self.timers.set(Timer::Retransmit, self.now + self.rtt.rto());
        }
        self.timers.stop(Timer::Reorder);
        self.rearm_probe();
    }

    /// Sets the peer's port (`a=sctp-port`), if it is not known before.
    pub fn set_remote_port(&mut self, port: u16) {
        self.config.remote_port = port;
    }

    /// The peer may throw its end away and begin anew with another one, as Chromium does when it
    /// replaces the transport below: until then its ABORT (RFC 9260 §3.3.7) does not end the
    /// association, but leaves it as a restart of the peer's does ([`Event::Restarted`]), only that
    /// it needs to be [connected](Self::connect) again.
    pub fn expect_restart(&mut self, until: Instant) {
        self.restart_expected_until = Some(until);
    }

    pub(crate) fn expects_restart(&self) -> bool {
        self.restart_expected_until.is_some_and(|until| self.now < until)
    }

    /// An association that has not begun, with the same peer and configuration.
    pub(crate) fn successor(&self, rng: Rng) -> Self {
        Self::new(self.config.clone(), rng, self.remote)
    }

    /// The smoothed round-trip time, once measured.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.rtt.srtt()
    }

    /// The congestion window in bytes, once connected.
    pub fn congestion_window(&self) -> Option<usize> {
        self.tcb.as_ref().map(|tcb| tcb.congestion.window())
    }

    /// Bytes of messages that came and count against
    /// [`receive_window`](crate::Config::receive_window): whole ones until the application takes
    /// them, and pieces of others.
    pub fn held_bytes(&self) -> usize {
        self.tcb.as_ref().map_or(0, |tcb| tcb.reassembly.held_bytes())
    }

    /// Those of them that can't be handed to the application yet.
    pub(crate) fn reassembling(&self) -> usize {
        self.tcb.as_ref().map_or(0, |tcb| tcb.reassembly.reassembling())
    }

    /// What it has seen.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Like `poll_event`, but the message still counts as unread until [`release`](Self::release).
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Event::BufferedAmountLow { stream } = event {
            self.queue.note_told(stream);
        }
        Some(event)
    }

    /// Bytes whose message's [`release`](Self::release) is past are gone after all.
    pub(crate) fn release_bytes(&mut self, len: usize) {
        if let Some(tcb) = &mut self.tcb {
            tcb.reassembly.release_bytes(len);
            tcb.announce_window(self.config.receive_window);
        }
    }

    /// The application has taken a message of this length: there is room for others.
    pub(crate) fn release(&mut self, len: usize) {
        self.stats.messages_received += 1;
        if let Some(tcb) = &mut self.tcb {
            tcb.reassembly.release(len);
            tcb.announce_window(self.config.receive_window);
        }
    }

    /// Throws away what waits on a stream, if nothing has ever been sent.
    pub(crate) fn discard_unsent(&mut self, stream: u16) -> bool {
        let nothing_sent = self.tcb.is_none();
        if nothing_sent {
            self.queue.forget(stream);
        }
        nothing_sent
    }

    /// Whether nothing of a stream waits to be sent.
    pub(crate) fn is_drained(&self, stream: u16) -> bool {
        self.queue.is_drained(stream)
    }

    /// Throws away what waits to be sent.
    pub(crate) fn discard_queue(&mut self) {
        self.queue.clear();
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    fn observe(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Ends it: nothing is sent any more but what stands for itself.
    fn close_with(&mut self, reason: CloseReason) {
        if self.state == State::Closed {
            return;
        }
        self.state = State::Closed;
        self.tcb = None;
        self.queue.clear();
        self.resetting.clear();
        self.timers.stop_all();
        self.outbox.clear_association();
        self.events.push_back(Event::Closed(reason));
    }
}

fn clamp_packet(max_packet: usize) -> usize {
    // Checksum and cipher work on blocks of 16 bytes; a packet that ends within one costs more than
    // the bytes are worth.
    max_packet.clamp(MIN_MAX_PACKET, usize::from(u16::MAX)) & !15
}

/// Says where it stands and never what was said: messages don't belong into logs.
impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("remote", &self.remote)
            .field("state", &self.state())
            .field("buffered", &self.queue.buffered())
            .field("held_bytes", &self.held_bytes())
            .field("round_trip_time", &self.round_trip_time())
            .field("congestion_window", &self.congestion_window())
            .field("events", &self.events.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl StateMachine for Association {
    type Event = Event;
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        self.observe(now);
        self.receive(datagram.payload);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        while let Some(timer) = self.timers.take_due(self.now) {
            self.on_timer(timer);
        }
    }

    /// Gives `None` if `buf` is shorter than the longest packet ([`Association::set_mtu`]).
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.observe(now);
        let len = self.write_packet(buf)?;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += len as u64;
        Some(Transmit::udp(self.remote, len))
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.take_event()?;
        match &event {
            Event::Message { data, .. } => self.release(data.len()),
            Event::MessageTooLarge { .. } => self.release(0),
            _ => {}
        }
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest()
    }
}
