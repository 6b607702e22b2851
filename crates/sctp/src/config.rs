//! What a caller can decide.

use core::time::Duration;

/// How an [`Association`](crate::Association) behaves. The defaults fit a data channel under DTLS.
///
/// ```
/// use pollrtc_sctp::Config;
///
/// let config = Config::new().with_max_message_size(64 * 1024).with_remote_port(5001);
/// # let _ = config;
/// ```
///
/// # Memory
///
/// Whatever a peer sends, and however late the application takes it, an association does not hold more than
///
/// - twice [`receive_window`](Self::receive_window) and [`max_message_size`](Self::max_message_size) of what came, many
///   small messages included,
/// - [`max_outstanding`](Self::max_outstanding) and one message of what was sent,
/// - twice [`send_buffer`](Self::send_buffer) of what the application has queued to be sent, many small messages included,
/// - 32 bytes for each stream that the peer used, of [`inbound_streams`](Self::inbound_streams),
/// - 2.5 MB besides, for what is known of up to 16,384 chunks.
///
/// # Limits
///
/// Any value may be given. One that no association can work with counts as the nearest that one can, as each field says;
/// [`within_limits`](Self::within_limits) shows what comes of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Our port. A label only: under DTLS it never meets a real port (RFC 8261 §3).
    pub local_port: u16,
    /// The peer's port (`a=sctp-port`, RFC 8841).
    pub remote_port: u16,
    /// The longest packet to send, in bytes from the common header on, also where the path takes more. Raised to
    /// [`MIN_MAX_PACKET`] if it is less, lowered to 65,520 if it is more, and rounded down to a multiple of 16, at which
    /// checksum and cipher are fastest.
    pub max_packet: usize,
    /// How many bytes the peer may have on the way or waiting for the application. The message that is being received
    /// does not count before it is whole, so that one may be longer. Bounds the memory that the peer can make us hold,
    /// together with `max_message_size`. Raised to 1,500 if it is less, which peers refuse (RFC 9260 §3.3.2).
    pub receive_window: u32,
    /// The largest message to accept, in bytes. A larger one is discarded with an event. It may be larger than
    /// `receive_window`. Zero counts as 1. What opens a data channel is a message too, 12 bytes and its label and protocol
    /// long (RFC 8832 §5.1).
    pub max_message_size: usize,
    /// How many bytes may wait to be sent; also the longest message that can be sent. Messages of fewer than 192 bytes count
    /// as if they had so many between them, as that is what it costs to keep one.
    pub send_buffer: usize,
    /// How many bytes of messages may have been sent, in whole or in part, and not be acknowledged up to the last one;
    /// beyond that no message is begun. A peer that acknowledges all but the first packet makes us hold so many.
    /// A message counts 192 bytes more than it has. At most 16,384 chunks are outstanding, whatever this says, and one
    /// message may always be: with zero each waits until the one before it has arrived.
    pub max_outstanding: usize,
    /// How many streams to ask for; the peer may allow fewer. Zero counts as 1 (RFC 9260 §3.3.2).
    pub outbound_streams: u16,
    /// How many streams to accept. Zero counts as 1 (RFC 9260 §3.3.2).
    pub inbound_streams: u16,
    /// Retransmission timeout before anything was measured (RFC 9260 §16: 1 s). Kept between `rto_min` and `rto_max`.
    pub rto_initial: Duration,
    /// Lower bound of the retransmission timeout. RFC 9260 §16 says 1 s, which is too long for
    /// conversations; 400 ms stays above the delay of acknowledgements. No more than `rto_max`.
    pub rto_min: Duration,
    /// Upper bound of the retransmission timeout. RFC 9260 §16 says 60 s; 3 s make an association
    /// go on soon after an outage. Raised to 1 ms if it is less, which timers can't tell from nothing.
    pub rto_max: Duration,
    /// How many retransmissions or heartbeats in a row may go unanswered before the peer counts as
    /// gone; `None` for no limit, where another layer (ICE consent) watches over the peer.
    pub max_retransmits: Option<u32>,
    /// How many times INIT or COOKIE ECHO may be sent again in a row; `None` for no limit.
    pub max_init_retransmits: Option<u32>,
    /// How long nothing may be sent before a heartbeat is, besides a retransmission timeout; `None` for none. Raised to 1 ms
    /// if it is less.
    pub heartbeat_interval: Option<Duration>,
    /// How long a state cookie is good for. Raised to 5 s if it is less: it has to outlast a round trip and the first
    /// retransmission, or nobody can connect.
    pub cookie_lifetime: Duration,
    /// How long an acknowledgement may wait for company. Lowered to 500 ms if it is more (RFC 9260 §6.2).
    pub sack_delay: Duration,
    /// The congestion window to begin with, in packets. RFC 9260 §7.2.1 says 4; 10 is what TCP
    /// begins with today (RFC 6928) and saves a round trip on most messages. Zero counts as 1.
    pub initial_window: usize,
    /// The first TSN; `None` for a random one. Anything else is for tests.
    pub initial_tsn: Option<u32>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_port: 5000,
            remote_port: 5000,
            max_packet: DEFAULT_MAX_PACKET,
            receive_window: 2 * 1024 * 1024,
            max_message_size: 256 * 1024,
            send_buffer: 16 * 1024 * 1024,
            max_outstanding: 16 * 1024 * 1024,
            outbound_streams: u16::MAX,
            inbound_streams: u16::MAX,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(400),
            rto_max: Duration::from_secs(3),
            max_retransmits: Some(10),
            max_init_retransmits: Some(8),
            heartbeat_interval: Some(Duration::from_secs(30)),
            cookie_lifetime: Duration::from_secs(60),
            sack_delay: Duration::from_millis(200),
            initial_window: 10,
            initial_tsn: None,
        }
    }
}

/// Methods that set one field each.
macro_rules! setters {
    ($($name:ident, $field:ident: $type:ty;)*) => {
        $(
            #[doc = concat!("The same with [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            #[must_use]
            pub fn $name(self, $field: $type) -> Self {
                Self { $field, ..self }
            }
        )*
    };
}
pub(crate) use setters;

impl Config {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with what an association makes of it: each value that it can't work with is the nearest one that it can.
    ///
    /// ```
    /// # use pollrtc_sctp::Config;
    /// let config = Config::new().with_outbound_streams(0).with_receive_window(10).within_limits();
    /// assert_eq!((config.outbound_streams, config.receive_window), (1, 1500));
    /// ```
    #[must_use]
    pub fn within_limits(self) -> Self {
        let rto_max = self.rto_max.max(MIN_INTERVAL);
        let rto_min = self.rto_min.clamp(MIN_INTERVAL, rto_max);
        Self {
            max_packet: round_packet(self.max_packet),
            receive_window: self.receive_window.max(MIN_RECEIVE_WINDOW),
            max_message_size: self.max_message_size.max(1),
            outbound_streams: self.outbound_streams.max(1),
            inbound_streams: self.inbound_streams.max(1),
            rto_initial: self.rto_initial.clamp(rto_min, rto_max),
            rto_min,
            rto_max,
            heartbeat_interval: self.heartbeat_interval.map(|interval| interval.max(MIN_INTERVAL)),
            cookie_lifetime: self.cookie_lifetime.max(MIN_COOKIE_LIFETIME),
            sack_delay: self.sack_delay.min(MAX_SACK_DELAY),
            initial_window: self.initial_window.max(1),
            ..self
        }
    }

    setters! {
        with_local_port, local_port: u16;
        with_remote_port, remote_port: u16;
        with_max_packet, max_packet: usize;
        with_receive_window, receive_window: u32;
        with_max_message_size, max_message_size: usize;
        with_send_buffer, send_buffer: usize;
        with_max_outstanding, max_outstanding: usize;
        with_outbound_streams, outbound_streams: u16;
        with_inbound_streams, inbound_streams: u16;
        with_rto_initial, rto_initial: Duration;
        with_rto_min, rto_min: Duration;
        with_rto_max, rto_max: Duration;
        with_max_retransmits, max_retransmits: Option<u32>;
        with_max_init_retransmits, max_init_retransmits: Option<u32>;
        with_heartbeat_interval, heartbeat_interval: Option<Duration>;
        with_cookie_lifetime, cookie_lifetime: Duration;
        with_sack_delay, sack_delay: Duration;
        with_initial_window, initial_window: usize;
        with_initial_tsn, initial_tsn: Option<u32>;
    }
}

/// Leaves room for IPv6, UDP and DTLS in 1280 bytes, and is a multiple of 16, at which checksum and
/// cipher are fastest.
pub const DEFAULT_MAX_PACKET: usize = 1152;

/// The least that [`Config::max_packet`] can be, and the least that a path has to take: where it takes less, nothing
/// is sent. An INIT ACK with its cookie fits.
pub const MIN_MAX_PACKET: usize = 512;

/// A smaller window in an INIT is an error (RFC 9260 §3.3.2).
pub(crate) const MIN_RECEIVE_WINDOW: u32 = 1500;
/// What timers can't tell apart (RFC 9260 §6.3.1, G), and the least time between heartbeats.
pub(crate) const MIN_INTERVAL: Duration = Duration::from_millis(1);
const MIN_COOKIE_LIFETIME: Duration = Duration::from_secs(5);
/// RFC 9260 §6.2.
const MAX_SACK_DELAY: Duration = Duration::from_millis(500);

/// A length of packets at which checksum and cipher are fastest: they work on blocks of 16 bytes, and a packet that
/// ends within one costs more than the bytes are worth.
pub(crate) fn round_packet(max_packet: usize) -> usize {
    max_packet.clamp(MIN_MAX_PACKET, usize::from(u16::MAX)) & !15
}

/// How to send one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendOptions {
    /// Whether it keeps its place among the other ordered messages of its stream.
    pub ordered: bool,
    /// How hard to try.
    pub reliability: Reliability,
    /// The stream's weight against other streams that have something to send (RFC 8831 §6.4).
    pub priority: u16,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            ordered: true,
            reliability: Reliability::Reliable,
            priority: 256,
        }
    }
}

/// How hard to try to deliver a message (RFC 3758, RFC 7496).
///
/// ```
/// # use std::time::Duration;
/// # use pollrtc_sctp::Reliability;
/// let positions = Reliability::MaxRetransmits(0); // the next one says more than the last one once again
/// let voice = Reliability::MaxLifetime(Duration::from_millis(200));
/// # assert_ne!(positions, voice);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reliability {
    /// Until it arrives.
    #[default]
    Reliable,
    /// Retransmit each fragment at most this many times.
    MaxRetransmits(u16),
    /// Give up this long after `send`.
    MaxLifetime(Duration),
}
