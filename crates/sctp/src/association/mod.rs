//! One SCTP association.
//!
//! What it is made of: `state` says where it stands and holds what there is of the peer, a `sender`, a `receiver`,
//! `reconfiguration` (stream reset), `heartbeat`; `path` measures the way to it; `replies` are packets that need
//! no association. Each of them owns its fields and is told what it needs.
//!
//! The way of a packet in: `receive` checks it and hands its chunks to these parts, with `handshake`, `reset` and
//! `close` between them where several have a say. The way out: `transmit` gathers control chunks, an acknowledgement
//! and DATA into one packet. `timeouts` says what happens when timers run out.

mod close;
mod cookie;
mod handshake;
mod heartbeat;
mod path;
mod receive;
mod receiver;
mod reconfiguration;
mod replies;
mod reset;
mod sender;
mod state;
mod timeouts;
mod timer;
mod transmit;

use alloc::collections::VecDeque;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{HmacSha256, Rng};

use crate::send_queue::{Policy, QueuedMessage, SendQueue};
use crate::wire::{CHUNK_HEADER_LEN, HEADER_LEN};
use crate::{Config, Event, Reliability, SendError, SendOptions, Stats};
use path::Path;
use replies::Replies;
use state::{Phase, State};
use timer::Repeated;

/// Beyond this many events that nobody takes, a peer can't cause more, except messages, which the
/// window bounds.
const MAX_EVENTS: usize = 4096;
/// The most that is kept of the reason in an ABORT, and told in one.
const MAX_REASON: usize = 256;
/// The longest cookie to echo. It must fit into one packet; usrsctp's hold a copy of both INITs.
const MAX_COOKIE: usize = 1200;

/// An SCTP association (RFC 9260) inside of a protocol that has the addresses, as DTLS is for data channels
/// (RFC 8261).
///
/// Either side may [`connect`](Self::connect), or both at once; a side that does not still accepts.
///
/// ```
/// use bytes::Bytes;
/// use pollrtc_sctp::{Association, Config, Event, Headroom, InnerProtocol, Instant, Rng, SendOptions};
///
/// let mut alice = Association::new(Config::default(), Rng::from_seed([1; 32]));
/// let mut bob = Association::new(Config::default(), Rng::from_seed([2; 32]));
/// alice.connect();
/// alice.send(0, 51, Bytes::from("hello"), SendOptions::default()).unwrap();
///
/// let (now, mut buf) = (Instant::ZERO, [0; 1200]);
/// loop {
///     let mut quiet = true;
///     while let Some(len) = alice.write_body(now, &mut buf, Headroom::NONE) {
///         bob.handle_body(now, &mut buf[..len]);
///         quiet = false;
///     }
///     while let Some(len) = bob.write_body(now, &mut buf, Headroom::NONE) {
///         alice.handle_body(now, &mut buf[..len]);
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
    /// The latest time that we were told.
    now: Instant,
    cookie_key: HmacSha256,
    /// What we offer in INIT and in INIT ACK until an association stands.
    local_tag: u32,
    local_tsn: u32,
    state: State,
    queue: SendQueue,
    path: Path,
    /// The longest packet that the path took when it was asked last.
    max_packet: usize,
    /// How much room the packet needs that did not fit when it was asked last.
    needed_room: Option<usize>,
    replies: Replies,
    /// Until when an ABORT says that the peer begins anew.
    restart_expected_until: Option<Instant>,
    events: VecDeque<Event>,
    stats: Stats,
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
    /// An association that has not begun. It takes the configuration [within its limits](Config::within_limits).
    pub fn new(config: Config, mut rng: Rng) -> Self {
        let config = config.within_limits();
        let cookie_key = HmacSha256::new(&rng.array::<32>());
        let local_tag = rng.u32().max(1);
        let random_tsn = rng.u32();
        Self {
            now: Instant::ZERO,
            cookie_key,
            local_tag,
            local_tsn: config.initial_tsn.unwrap_or(random_tsn),
            rng,
            state: State::Idle,
            queue: SendQueue::default(),
            path: Path::new(&config),
            max_packet: config.max_packet,
            needed_room: None,
            replies: Replies::default(),
            restart_expected_until: None,
            events: VecDeque::new(),
            stats: Stats::default(),
            config,
        }
    }

    /// Begins the handshake. Does nothing if it has begun, in whatever way.
    pub fn connect(&mut self) {
        if matches!(self.state, State::Idle) {
            self.state = State::CookieWait(Repeated::new());
        }
    }

    /// Queues a message. It may be called before the association is connected.
    ///
    /// # Errors
    ///
    /// If it can't be sent at all, or not now: then [`Event::Writable`] tells when to try again.
    pub fn send(&mut self, stream: u16, ppid: u32, data: Bytes, options: SendOptions) -> Result<(), SendError> {
        self.check_room(stream, data.len())?;
        self.enqueue(stream, ppid, data, options, true)
    }

    /// Whether a message of this length may be queued on a stream: it has to fit into the send buffer. If it is refused
    /// and may fit later, [`Event::Writable`] follows.
    pub(crate) fn check_room(&mut self, stream: u16, size: usize) -> Result<(), SendError> {
        let max = self.config.send_buffer;
        if size > max {
            return Err(SendError::TooLarge { size, max });
        }
        let is_open = stream < self.outbound_streams() && !self.is_over();
        // Who can't send at all is told so when the message is queued.
        if !is_open || self.queue.admit(stream, size, max) {
            return Ok(());
        }
        Err(SendError::BufferFull {
            buffered: self.queue.held(),
            limit: max,
        })
    }

    /// How long a message may be that is taken now: zero if others wait for room already.
    pub fn send_room(&self) -> usize {
        self.queue.room(self.config.send_buffer)
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
        if self.is_over() {
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
            Reliability::MaxRetransmits(max_retransmits) => Policy {
                max_retransmits,
                ..Policy::RELIABLE
            },
            Reliability::Reliable | Reliability::MaxLifetime(_) => Policy::RELIABLE,
        };
        let message = QueuedMessage {
            data,
            ppid,
            ordered: options.ordered,
            counted,
            policy,
        };
        let lifetime = match options.reliability {
            Reliability::MaxLifetime(lifetime) => Some(lifetime),
            _ => None,
        };
        self.queue.push(stream, options.priority, message, lifetime);
        self.stats.messages_sent += 1;
        Ok(())
    }

    /// Whether nothing is taken any more.
    fn is_over(&self) -> bool {
        matches!(self.state(), AssociationState::ShuttingDown | AssociationState::Closed)
    }

    /// Where the association stands.
    pub fn state(&self) -> AssociationState {
        match &self.state {
            State::Idle => AssociationState::New,
            State::CookieWait(_) => AssociationState::Connecting,
            State::Associated(tcb) => match tcb.phase {
                Phase::CookieEchoed { .. } => AssociationState::Connecting,
                Phase::Established => AssociationState::Connected,
                Phase::ShutdownPending
                | Phase::ShutdownSent(_)
                | Phase::ShutdownReceived
                | Phase::ShutdownAckSent(_) => AssociationState::ShuttingDown,
            },
            State::Closed => AssociationState::Closed,
        }
    }

    /// How many streams we may send on: what we asked for until the peer is known, then what it
    /// accepts.
    pub fn outbound_streams(&self) -> u16 {
        let asked = self.config.outbound_streams;
        self.state.tcb().map_or(asked, |tcb| tcb.outbound_streams)
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

    /// Tells the round-trip time that another layer measured. It sets the first timeouts, until
    /// the association has measurements of its own.
    pub fn set_round_trip_time(&mut self, rtt: Duration) {
        self.path.set_round_trip_time(rtt);
    }

    /// Tells that packets take another path from now on. How much it carries is learned anew, from what an association
    /// begins with (RFC 8831 §5, RFC 8261 §6.1), as are its round-trip time and how much it reorders.
    pub fn handle_path_change(&mut self, now: Instant) {
        self.observe(now);
        self.stats.path_changes += 1;
        self.path.handle_change(self.now);
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.sender.handle_path_change(self.now, &self.path);
        }
    }

    /// Tells that the path carries packets both ways, as a layer below has seen by an answer that is authenticated. What
    /// was sent again in vain while it did not is sent again now, instead of when the retransmission timer runs out
    /// that was doubled each time (RFC 9260 §6.3.3).
    ///
    /// Nothing happens where nothing waits for that. Tell it once after each silence: what it sends again has not been
    /// answered within any time.
    pub fn handle_path_alive(&mut self, now: Instant) {
        self.observe(now);
        let Some(tcb) = self.state.tcb_mut() else { return };
        if tcb.sender.handle_path_alive(self.now) {
            self.path.handle_alive();
        }
    }

    /// How many bytes of room [`write_body`](InnerProtocol::write_body) needs, if it gave `None` when it was called
    /// last since there were fewer: a chunk was cut for a path that took more, or the peer's cookie is longer than
    /// the path takes, and neither can be cut again. Over UDP such a packet may still be sent as fragments of IP.
    pub fn needed_room(&self) -> Option<usize> {
        self.needed_room
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

    /// The latest time that it was told.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn expects_restart(&self) -> bool {
        self.restart_expected_until.is_some_and(|until| self.now < until)
    }

    /// An association that has not begun, with the same peer and configuration.
    pub(crate) fn successor(&self, rng: Rng) -> Self {
        Self::new(self.config.clone(), rng)
    }

    /// The smoothed round-trip time, once measured.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.path.rtt().srtt()
    }

    /// The congestion window in bytes, once connected.
    pub fn congestion_window(&self) -> Option<usize> {
        self.state.tcb().map(|tcb| tcb.sender.congestion_window())
    }

    /// Bytes of messages that came and count against
    /// [`receive_window`](crate::Config::receive_window): whole ones until the application takes
    /// them, and pieces of others.
    pub fn held_bytes(&self) -> usize {
        self.state.tcb().map_or(0, |tcb| tcb.receiver.held_bytes())
    }

    /// Those of them that can't be handed to the application yet.
    pub(crate) fn reassembling(&self) -> usize {
        self.state.tcb().map_or(0, |tcb| tcb.receiver.reassembling())
    }

    /// What it has seen.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Like `poll_event`, but the message still counts as unread until [`release`](Self::release).
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            if let Event::BufferedAmountLow { stream } = event {
                self.queue.note_told(stream);
            }
            return Some(event);
        }
        let stream = self.queue.poll_writable(self.config.send_buffer)?;
        Some(Event::Writable { stream })
    }

    /// Bytes whose message's [`release`](Self::release) is past are gone after all.
    pub(crate) fn release_bytes(&mut self, len: usize) {
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.receiver.release_bytes(len);
        }
    }

    /// The application has taken a message of this length: there is room for others.
    pub(crate) fn release(&mut self, len: usize) {
        self.stats.messages_received += 1;
        if let Some(tcb) = self.state.tcb_mut() {
            tcb.receiver.release(len);
        }
    }

    /// Throws away what waits on a stream, if nothing has ever been sent.
    pub(crate) fn discard_unsent(&mut self, stream: u16) -> bool {
        let nothing_sent = self.state.tcb().is_none();
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
        self.queue.stamp(self.now);
    }
}

/// Says where it stands and never what was said: messages don't belong into logs.
impl fmt::Debug for Association {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Association")
            .field("state", &self.state())
            .field("buffered", &self.queue.held())
            .field("held_bytes", &self.held_bytes())
            .field("round_trip_time", &self.round_trip_time())
            .field("congestion_window", &self.congestion_window())
            .field("events", &self.events.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl InnerProtocol for Association {
    type Event = Event;
    type Received<'d> = ();

    fn handle_body(&mut self, now: Instant, body: &mut [u8]) {
        self.observe(now);
        self.handle_packet(body);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.observe(now);
        self.handle_timeouts();
    }

    /// Gives `None` also where there is room for fewer than [`MIN_MAX_PACKET`](crate::MIN_MAX_PACKET) bytes. What was cut for a path that
    /// took more waits for one that does.
    fn write_body(&mut self, now: Instant, buf: &mut [u8], headroom: Headroom) -> Option<usize> {
        self.observe(now);
        let len = self.write_packet(headroom.body(buf)?)?;
        self.stats.packets_sent += 1;
        self.stats.bytes_sent += len as u64;
        Some(len)
    }

    /// [`Config::max_packet`], or a little more: a peer's cookie can't be cut.
    fn longest_body(&self) -> usize {
        self.config.max_packet.max(HEADER_LEN + CHUNK_HEADER_LEN + MAX_COOKIE)
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
        Some(self.state.deadline().min(self.queue.first_expires())).filter(|deadline| *deadline != Instant::FAR_FUTURE)
    }
}
