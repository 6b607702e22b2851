//! Data channels (RFC 8831) and their establishment (RFC 8832) on top of an association.

mod closing;
mod detached;
mod establish;
mod inbox;
mod incoming;
mod lifecycle;
mod message;
mod table;
mod types;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;

use crate::{Association, CloseReason, SendError, SendOptions};
use closing::HalfClosed;
use inbox::Inboxes;
pub use message::{Message, MessageKind};
use table::Table;
pub use types::{
    ChannelCloseReason, ChannelConfig, ChannelEvent, ChannelId, ChannelInfo, ChannelInit, ChannelSendError,
    ChannelState, ChannelStats, DataChannelsStats, OpenError, Parity,
};

/// What a peer accepts that says nothing about it in SDP (RFC 8841 §6).
const DEFAULT_REMOTE_MAX_MESSAGE_SIZE: usize = 65_536;

/// All data channels with one peer: an [`Association`] that speaks DCEP.
///
/// ```
/// use pollrtc_sctp::{Headroom, InnerProtocol, Instant, Rng};
/// use pollrtc_sctp::channel::{ChannelEvent, DataChannels, Parity};
///
/// let mut alice = DataChannels::new(Default::default(), Rng::from_seed([1; 32]));
/// let mut bob = DataChannels::new(Default::default(), Rng::from_seed([2; 32]));
/// alice.set_role(Parity::Even); // she is the DTLS client
/// bob.set_role(Parity::Odd);
/// let chat = alice.open("chat").unwrap();
/// alice.connect();
/// bob.connect();
///
/// let (now, mut buf, mut opened) = (Instant::ZERO, [0; 1200], false);
/// while !opened {
///     while let Some(len) = alice.write_body(now, &mut buf, Headroom::NONE) {
///         bob.handle_body(now, &mut buf[..len]);
///     }
///     while let Some(len) = bob.write_body(now, &mut buf, Headroom::NONE) {
///         alice.handle_body(now, &mut buf[..len]);
///     }
///     while let Some(event) = bob.poll_event() {
///         if let ChannelEvent::Opened { channel, .. } = event {
///             assert_eq!(bob.info(channel).unwrap().label, "chat");
///             opened = true;
///         }
///     }
/// }
/// alice.send(chat, "hello").unwrap();
/// ```
pub struct DataChannels {
    association: Association,
    max_channels: usize,
    max_label_bytes: usize,
    parity: Option<Parity>,
    connected: bool,
    /// Whether all channels were told to close, and no other may open.
    closing: bool,
    ended: bool,
    /// `usize::MAX` for no limit.
    remote_max_message_size: usize,
    table: Table,
    half_closed: HalfClosed,
    /// Channels that wait for a stream, until the role is known.
    unassigned: VecDeque<ChannelId>,
    /// Bytes held in `Channel::parts`.
    part_bytes: usize,
    events: VecDeque<Queued>,
    inboxes: Inboxes,
    stats: DataChannelsStats,
}

/// An event, and for messages how much of the receive window it fills.
struct Queued {
    event: ChannelEvent,
    unread: Option<u32>,
}

impl DataChannels {
    /// Channels over an association that has not begun.
    pub fn new(config: ChannelConfig, rng: Rng) -> Self {
        Self {
            association: Association::new(config.association, rng),
            max_channels: config.max_channels,
            max_label_bytes: config.max_label_bytes,
            parity: None,
            connected: false,
            closing: false,
            ended: false,
            remote_max_message_size: DEFAULT_REMOTE_MAX_MESSAGE_SIZE,
            table: Table::default(),
            half_closed: HalfClosed::new(config.close_timeout),
            unassigned: VecDeque::new(),
            part_bytes: 0,
            events: VecDeque::new(),
            inboxes: Inboxes::default(),
            stats: DataChannelsStats::default(),
        }
    }

    /// Tells which stream numbers are ours, as soon as the DTLS role is known. Channels that were
    /// opened before get theirs now.
    pub fn set_role(&mut self, parity: Parity) {
        if self.parity.is_none() {
            self.parity = Some(parity);
            self.assign_streams();
        }
    }

    /// Begins the handshake. With data channels both sides do, as soon as DTLS is up.
    pub fn connect(&mut self) {
        self.association.connect();
    }

    /// Sets the largest message that the peer accepts (`a=max-message-size`): `None` if it does not
    /// say, 0 for no limit (RFC 8841 §6).
    pub fn set_remote_max_message_size(&mut self, bytes: Option<u64>) {
        self.remote_max_message_size = match bytes {
            None => DEFAULT_REMOTE_MAX_MESSAGE_SIZE,
            Some(0) => usize::MAX,
            Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        };
    }

    /// The largest message that the peer accepts; `None` for no limit.
    pub fn remote_max_message_size(&self) -> Option<usize> {
        Some(self.remote_max_message_size).filter(|max| *max != usize::MAX)
    }

    /// The largest message that [`send`](Self::send) ever takes (`maxMessageSize` of W3C WebRTC §6.1.1): what the peer
    /// accepts, and what fits into the [send buffer](crate::Config::send_buffer).
    pub fn max_message_size(&self) -> usize {
        self.remote_max_message_size.min(self.association.config().send_buffer)
    }

    /// How long a message may be that [`send`](Self::send) takes now, as far as room for it goes. Zero if others were
    /// refused and wait for room.
    pub fn send_room(&self) -> usize {
        self.association.send_room()
    }

    /// The largest message that we accept: what to announce in SDP.
    pub fn local_max_message_size(&self) -> usize {
        self.association.config().max_message_size
    }

    /// Opens a channel, before or after connecting. [`ChannelEvent::Opened`] tells when messages can
    /// be sent.
    pub fn open(&mut self, init: impl Into<ChannelInit>) -> Result<ChannelId, OpenError> {
        self.open_channel(init.into())
    }

    /// Queues a message.
    ///
    /// # Errors
    ///
    /// If the channel is not open, or the message can never be sent; or if there is no room now, of which
    /// [`ChannelEvent::Writable`] tells for this channel. Nothing is queued then.
    pub fn send(&mut self, channel: ChannelId, message: impl Into<Message>) -> Result<(), ChannelSendError> {
        let max = self.max_message_size();
        let entry = self
            .table
            .get_mut(channel)
            .filter(|entry| entry.state == ChannelState::Open)
            .ok_or(ChannelSendError::NotOpen)?;
        let stream = entry.stream.ok_or(ChannelSendError::NotOpen)?;
        let message = message.into();
        let size = message.len();
        if size > max {
            return Err(ChannelSendError::TooLarge { size, max });
        }
        let options = SendOptions {
            // RFC 8832 §6: until the peer knows the channel, nothing may overtake the OPEN.
            ordered: entry.info.ordered || !entry.known_to_peer,
            reliability: entry.info.reliability,
            priority: entry.info.priority,
        };
        let (ppid, data) = message.into_wire();
        // What stands for an empty message is no byte of the user's.
        let counted = size > 0;
        self.association
            .check_room(stream, size)
            .and_then(|()| self.association.enqueue(stream, ppid, data, options, counted))
            .map_err(|error| match error {
                SendError::BufferFull { buffered, limit } => ChannelSendError::BufferFull { buffered, limit },
                _ => ChannelSendError::NotOpen,
            })?;
        entry.stats.messages_sent += 1;
        entry.stats.bytes_sent += size as u64;
        Ok(())
    }

    /// Closes a channel. What was sent before is delivered first; [`ChannelEvent::Closed`] follows
    /// when both directions are closed.
    pub fn close_channel(&mut self, channel: ChannelId) {
        self.begin_closing(channel, ChannelCloseReason::Local);
        self.handle_association_events();
    }

    /// Closes all channels as [`close_channel`](Self::close_channel) does. From now on none can be opened, by
    /// either side, until there is a [new association](Self::new_association).
    pub fn close_all_channels(&mut self) {
        self.closing = true;
        let ids: Vec<ChannelId> = self.table.ids().collect();
        for id in ids {
            self.begin_closing(id, ChannelCloseReason::Local);
        }
        self.handle_association_events();
    }

    /// Lets go of the association without a word to the peer, which has agreed on that by other
    /// means (RFC 8841 §9.3), and begins with another one, which needs to be told role and port of
    /// the peer and to be [connected](Self::connect). All channels are closed; events and messages
    /// that wait for the application stay.
    pub fn new_association(&mut self, rng: Rng) {
        self.handle_association_events();
        self.end_channels();
        self.association = self.association.successor(rng);
        self.table.forget_streams();
        self.half_closed.clear();
        self.unassigned.clear();
        self.parity = None;
        self.remote_max_message_size = DEFAULT_REMOTE_MAX_MESSAGE_SIZE;
        (self.connected, self.closing, self.ended) = (false, false, false);
        // They filled the window of the association that is gone, whose end is no news.
        self.events.iter_mut().for_each(|queued| queued.unread = None);
        self.inboxes.forget_windows();
        self.events
            .retain(|queued| !matches!(queued.event, ChannelEvent::Disconnected(_)));
    }

    /// The peer may throw its end of the association away and begin anew with the same channels, as
    /// Chromium does when it replaces the transport below. Until then they stay open, whether it says
    /// so (ABORT, RFC 9260 §3.3.7) or not (§5.2). After an ABORT the association needs to be
    /// [connected](Self::connect) again. What the peer had not acknowledged is lost, what was not sent
    /// yet is sent then.
    pub fn expect_restart(&mut self, until: Instant) {
        self.association.expect_restart(until);
    }

    /// Bytes of messages on this channel that have not left yet.
    pub fn buffered_amount(&self, channel: ChannelId) -> usize {
        let stream = self.table.get(channel).and_then(|channel| channel.stream);
        stream.map_or(0, |stream| self.association.buffered_amount(stream))
    }

    /// Sets the amount to which the buffered amount must fall for
    /// [`ChannelEvent::BufferedAmountLow`]; 0 at first.
    pub fn set_buffered_amount_low_threshold(&mut self, channel: ChannelId, bytes: usize) {
        if let Some(entry) = self.table.get_mut(channel) {
            entry.low_threshold = bytes;
            if let Some(stream) = entry.stream {
                self.association.set_buffered_amount_low_threshold(stream, bytes);
            }
        }
    }

    /// Bytes of messages that came and are held: whole ones until the application takes them, and
    /// the beginnings of others. Looks at every event that waits.
    ///
    /// The peer can make it [`receive_window`](crate::Config::receive_window) and
    /// [`max_message_size`](crate::Config::max_message_size) at most, whatever it sends and however
    /// long the application takes nothing.
    pub fn held_bytes(&self) -> usize {
        let waiting = self.events.iter().map(|queued| match &queued.event {
            ChannelEvent::Message { data, .. } => data.len(),
            _ => 0,
        });
        self.association.reassembling() + self.part_bytes + waiting.sum::<usize>() + self.inboxes.bytes()
    }

    /// What a channel is like; `None` once it is closed.
    pub fn info(&self, channel: ChannelId) -> Option<&ChannelInfo> {
        self.table.get(channel).map(|channel| &channel.info)
    }

    /// Where a channel stands.
    pub fn state(&self, channel: ChannelId) -> ChannelState {
        self.table
            .get(channel)
            .map_or(ChannelState::Closed, |channel| channel.state)
    }

    /// A channel's stream number, once it has one.
    pub fn stream_id(&self, channel: ChannelId) -> Option<u16> {
        self.table.get(channel)?.stream
    }

    /// What a channel has carried; `None` once it is closed.
    pub fn channel_stats(&self, channel: ChannelId) -> Option<ChannelStats> {
        self.table.get(channel).map(|channel| channel.stats)
    }

    /// All channels that are not closed.
    pub fn channels(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.table.ids()
    }

    /// Whether the association stands.
    pub fn is_connected(&self) -> bool {
        self.connected && !self.ended
    }

    /// Ends the association in good order: what was sent is delivered first.
    pub fn close(&mut self) {
        self.association.close();
        self.handle_association_events();
    }

    /// Ends all at once; the peer is told the reason.
    pub fn abort(&mut self, reason: &str) {
        self.association.abort(reason);
        self.handle_association_events();
    }

    /// DTLS is gone, and all channels with it (RFC 8841 §9.3).
    pub fn handle_transport_closed(&mut self) {
        self.association.handle_transport_closed();
        self.handle_association_events();
    }

    /// Tells a measured round-trip time; see [`Association::set_round_trip_time`].
    pub fn set_round_trip_time(&mut self, rtt: Duration) {
        self.association.set_round_trip_time(rtt);
    }

    /// Tells that packets take another path; see [`Association::handle_path_change`].
    pub fn handle_path_change(&mut self, now: Instant) {
        self.association.handle_path_change(now);
    }

    /// Tells that the path carries packets; see [`Association::handle_path_alive`].
    pub fn handle_path_alive(&mut self, now: Instant) {
        self.association.handle_path_alive(now);
    }

    /// How much room a packet needs that did not fit; see [`Association::needed_room`].
    pub fn needed_room(&self) -> Option<usize> {
        self.association.needed_room()
    }

    /// Sets the peer's port (`a=sctp-port`).
    pub fn set_remote_port(&mut self, port: u16) {
        self.association.set_remote_port(port);
    }

    /// The association below, to look at.
    pub fn association(&self) -> &Association {
        &self.association
    }

    /// What it has seen.
    pub fn stats(&self) -> DataChannelsStats {
        DataChannelsStats {
            association: self.association.stats(),
            ..self.stats
        }
    }

    fn emit(&mut self, event: ChannelEvent) {
        self.events.push_back(Queued { event, unread: None });
    }

    fn handle_disconnect(&mut self, reason: CloseReason) {
        self.ended = true;
        self.finish_all(ChannelCloseReason::Disconnected);
        self.emit(ChannelEvent::Disconnected(reason));
    }
}

/// Says where it stands and never what was said: messages don't belong into logs.
impl fmt::Debug for DataChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataChannels")
            .field("association", &self.association)
            .field("connected", &self.is_connected())
            .field("channels", &self.table.len())
            .field("part_bytes", &self.part_bytes)
            .field("events", &self.events.len())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

impl InnerProtocol for DataChannels {
    type Event = ChannelEvent;
    type Received<'d> = ();

    fn handle_body(&mut self, now: Instant, body: &mut [u8]) {
        self.association.handle_body(now, body);
        self.handle_association_events();
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.association.handle_timeout(now);
        self.handle_association_events();
        self.finish_half_closed();
    }

    fn write_body(&mut self, now: Instant, buf: &mut [u8], headroom: Headroom) -> Option<usize> {
        let len = self.association.write_body(now, buf, headroom);
        self.handle_association_events();
        len
    }

    fn longest_body(&self) -> usize {
        self.association.longest_body()
    }

    fn poll_event(&mut self) -> Option<ChannelEvent> {
        let Queued { event, unread } = self.events.pop_front()?;
        self.release_unread(unread);
        match event {
            ChannelEvent::BufferedAmountLow { channel } => {
                if let Some(channel) = self.table.get_mut(channel) {
                    channel.low_pending = false;
                }
            }
            ChannelEvent::Writable { channel } => {
                if let Some(channel) = self.table.get_mut(channel) {
                    channel.writable_pending = false;
                }
            }
            _ => {}
        }
        Some(event)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [self.association.poll_timeout(), self.half_closed.deadline()];
        deadlines.into_iter().flatten().min()
    }
}
