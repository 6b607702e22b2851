//! Channels as the user sees them.

use alloc::string::String;
use core::time::Duration;

use super::Message;
use crate::config::setters;
use crate::{CloseReason, Config, Reliability};

/// How [`DataChannels`](super::DataChannels) behave.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// The association below. Its `max_message_size` is what SDP should announce
    /// (`a=max-message-size`, RFC 8841 §6).
    pub association: Config,
    /// How many channels there may be at once, the peer's included.
    pub max_channels: usize,
    /// How many bytes of labels and protocols the peer's channels may have together.
    pub max_label_bytes: usize,
    /// How long a channel that we have closed waits for the peer to close its side (RFC 8831 §6.7), counted from when
    /// the peer has everything of ours, or from the last message that it still sends. Then the channel is closed all the
    /// same, and its number is not used again until the peer has reset it.
    pub close_timeout: Duration,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            association: Config {
                // Whether the peer is there is for ICE to say (RFC 7675); an association that
                // gives up by itself could not outlive an ICE restart.
                max_retransmits: None,
                max_init_retransmits: None,
                ..Config::default()
            },
            max_channels: 4096,
            max_label_bytes: 1024 * 1024,
            close_timeout: Duration::from_secs(30),
        }
    }
}

impl ChannelConfig {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    setters! {
        with_association, association: Config;
        with_max_channels, max_channels: usize;
        with_max_label_bytes, max_label_bytes: usize;
        with_close_timeout, close_timeout: Duration;
    }
}

/// Which stream numbers are ours to choose for channels that we open (RFC 8832 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// 0, 2, 4...: ours if we are the DTLS client.
    Even,
    /// 1, 3, 5...: ours if we are the DTLS server.
    Odd,
}

/// Names a channel of one [`DataChannels`](super::DataChannels); never used for another one later.
///
/// ```
/// # use pollrtc_sctp::channel::ChannelId;
/// /// What an application keeps for each channel.
/// let mut drafts = std::collections::BTreeMap::<ChannelId, String>::new();
/// # drafts.clear();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// What a channel shall be like.
///
/// ```
/// use pollrtc_sctp::Reliability;
/// use pollrtc_sctp::channel::ChannelInit;
///
/// let chat = ChannelInit::from("chat"); // ordered and reliable
/// let game = ChannelInit::new("positions").unordered().with_reliability(Reliability::MaxRetransmits(0));
/// # assert_ne!(chat, game);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelInit {
    /// Its name; need not be unique.
    pub label: String,
    /// The subprotocol, if both sides agree on one.
    pub protocol: String,
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// How hard to try to deliver a message.
    pub reliability: Reliability,
    /// `Some(id)`: both sides create the channel with this stream number, agreed on by other means,
    /// and nothing is said about it on the wire (RFC 8831 §6.5).
    pub negotiated: Option<u16>,
    /// Weight among channels: 128, 256, 512, 1024 for very low, low, medium, high (RFC 8831 §6.4).
    pub priority: u16,
}

impl Default for ChannelInit {
    fn default() -> Self {
        Self {
            label: String::new(),
            protocol: String::new(),
            ordered: true,
            reliability: Reliability::Reliable,
            negotiated: None,
            priority: 256,
        }
    }
}

impl ChannelInit {
    /// A channel that is ordered and reliable.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// The same without order among messages.
    #[must_use]
    pub fn unordered(self) -> Self {
        Self { ordered: false, ..self }
    }

    /// The same with a subprotocol.
    #[must_use]
    pub fn with_protocol(self, protocol: impl Into<String>) -> Self {
        Self {
            protocol: protocol.into(),
            ..self
        }
    }

    /// The same with a stream number that both sides know; see [`negotiated`](Self::negotiated).
    #[must_use]
    pub fn with_negotiated_id(self, id: u16) -> Self {
        Self {
            negotiated: Some(id),
            ..self
        }
    }

    setters! {
        with_reliability, reliability: Reliability;
        with_priority, priority: u16;
    }
}

impl From<&str> for ChannelInit {
    fn from(label: &str) -> Self {
        Self::new(label)
    }
}

impl From<String> for ChannelInit {
    fn from(label: String) -> Self {
        Self::new(label)
    }
}

/// What a channel is like, whoever opened it.
///
/// ```
/// # use pollrtc_sctp::Reliability;
/// # use pollrtc_sctp::channel::ChannelInfo;
/// fn is_like_tcp(info: &ChannelInfo) -> bool {
///     info.ordered && info.reliability == Reliability::Reliable
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelInfo {
    /// Its name.
    pub label: String,
    /// The subprotocol; empty for none.
    pub protocol: String,
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// How hard either side tries to deliver a message.
    pub reliability: Reliability,
    /// Whether both sides created it without a word on the wire.
    pub negotiated: bool,
    /// Whether the peer opened it.
    pub incoming: bool,
    /// Weight among channels.
    pub priority: u16,
}

/// Where a channel stands (`readyState` of W3C WebRTC).
///
/// ```
/// # use pollrtc_sctp::channel::{ChannelState, DataChannels};
/// # let mut channels = DataChannels::new(Default::default(), pollrtc_sctp::Rng::from_seed([1; 32]));
/// let chat = channels.open("chat")?;
/// assert_eq!(channels.state(chat), ChannelState::Connecting);
/// # Ok::<(), pollrtc_sctp::channel::OpenError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// Waits for the association.
    Connecting,
    /// Messages flow.
    Open,
    /// Being closed by either side; messages that were sent before are still delivered.
    Closing,
    /// Closed in both directions.
    Closed,
}

/// What a channel has carried (`RTCDataChannelStats`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStats {
    /// Messages taken to be sent.
    pub messages_sent: u64,
    /// Bytes of these messages.
    pub bytes_sent: u64,
    /// Messages that came.
    pub messages_received: u64,
    /// Bytes of these messages.
    pub bytes_received: u64,
}

/// What all channels together have seen.
///
/// ```
/// # use pollrtc_sctp::channel::DataChannels;
/// # let channels = DataChannels::new(Default::default(), pollrtc_sctp::Rng::from_seed([1; 32]));
/// let stats = channels.stats();
/// println!("{} of {} are closed again", stats.channels_closed, stats.channels_opened);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataChannelsStats {
    /// The association below.
    pub association: crate::Stats,
    /// Channels that became open.
    pub channels_opened: u64,
    /// Channels that were open and are closed.
    pub channels_closed: u64,
    /// Dropped: messages on streams without a channel.
    pub dropped_no_channel: u64,
    /// Dropped: messages on channels that the peer has closed, or behind one that was too large.
    pub dropped_closed: u64,
    /// Dropped: messages of a kind that is not known.
    pub dropped_kind: u64,
    /// Refused, which closes their stream: OPEN messages that can't be read, that collide with one of
    /// ours, or of which there are too many.
    pub refused_establishment: u64,
    /// Dropped, at no cost: messages of channel establishment of an unknown type, ACKs for nothing,
    /// OPENs on channels that are open.
    pub dropped_establishment: u64,
    /// Messages of channel establishment that were taken without the bytes behind their end.
    pub trailing_establishment: u64,
}

/// What happened to [`DataChannels`](super::DataChannels).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// The association stands.
    Connected,
    /// A channel is open.
    Opened {
        /// The channel.
        channel: ChannelId,
        /// Whether the peer opened it.
        incoming: bool,
    },
    /// A message came.
    Message {
        /// The channel that it came on.
        channel: ChannelId,
        /// The message.
        data: Message,
    },
    /// What waits to be sent on a channel fell to its threshold. Told once, however often it
    /// happens until it is taken.
    BufferedAmountLow {
        /// The channel.
        channel: ChannelId,
    },
    /// A message that was refused on this channel since too much waited ([`ChannelSendError::BufferFull`]) fits now.
    /// Channels that were refused are told in turn.
    Writable {
        /// The channel.
        channel: ChannelId,
    },
    /// The peer closes a channel.
    Closing {
        /// The channel.
        channel: ChannelId,
    },
    /// A channel is closed, in both directions.
    Closed {
        /// The channel.
        channel: ChannelId,
        /// The reason.
        reason: ChannelCloseReason,
    },
    /// The association ended, and with it all channels.
    Disconnected(CloseReason),
}

/// Why a channel is closed.
///
/// ```
/// # use pollrtc_sctp::channel::ChannelCloseReason;
/// assert_eq!(ChannelCloseReason::Remote.to_string(), "closed by the peer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelCloseReason {
    /// We closed it.
    #[error("closed by us")]
    Local,
    /// The peer closed it.
    #[error("closed by the peer")]
    Remote,
    /// The association ended.
    #[error("the association ended")]
    Disconnected,
    /// The peer lost its state and began anew.
    #[error("the peer began anew")]
    Restarted,
    /// The peer sent a message that is larger than we accept.
    #[error("the peer sent a message that is too large")]
    MessageTooLarge,
    /// The peer broke the rules of channel establishment (RFC 8832).
    #[error("the peer broke the rules of channel establishment")]
    ProtocolViolation,
    /// The peer accepts fewer streams than the channel's number.
    #[error("the peer has no such stream")]
    NoSuchStream,
}

/// Why a channel could not be opened. Nothing has happened.
///
/// ```
/// # use pollrtc_sctp::channel::{ChannelInit, DataChannels, OpenError};
/// # let mut channels = DataChannels::new(Default::default(), pollrtc_sctp::Rng::from_seed([1; 32]));
/// channels.open(ChannelInit::new("ours").with_negotiated_id(5))?;
/// let again = channels.open(ChannelInit::new("the same").with_negotiated_id(5));
/// assert_eq!(again, Err(OpenError::StreamInUse(5)));
/// # Ok::<(), OpenError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The association has ended.
    #[error("the association has ended")]
    Disconnected,
    /// All channels are being closed; wait until that is negotiated.
    #[error("all channels are being closed; open another one when that is negotiated")]
    Closing,
    /// The negotiated stream number belongs to another channel.
    #[error("stream {0} belongs to another channel")]
    StreamInUse(u16),
    /// The negotiated stream number is beyond what the association has.
    #[error("stream {stream} is beyond the {streams} that there are")]
    NoSuchStream {
        /// The stream asked for.
        stream: u16,
        /// How many there are.
        streams: u16,
    },
    /// There are as many channels as the configuration or the streams allow.
    #[error("there are {0} channels already")]
    TooManyChannels(usize),
    /// Label or protocol have more than 65,535 bytes.
    #[error("a label or protocol of {0} bytes is longer than 65535")]
    LabelTooLong(usize),
}

/// Why a message was not taken. Nothing has been queued.
///
/// ```
/// # use pollrtc_sctp::channel::{ChannelSendError, DataChannels};
/// # let mut channels = DataChannels::new(Default::default(), pollrtc_sctp::Rng::from_seed([1; 32]));
/// let chat = channels.open("chat").unwrap();
/// assert_eq!(channels.send(chat, "too early"), Err(ChannelSendError::NotOpen));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelSendError {
    /// The channel is not open yet, or not any more.
    #[error("the channel is not open")]
    NotOpen,
    /// No message of this size can ever be sent: the peer does not accept it, or it is longer than all that may wait
    /// to be sent.
    #[error("{size} bytes are more than the {max} that can be sent at once")]
    TooLarge {
        /// The message's length.
        size: usize,
        /// The peer's limit, or [`Config::send_buffer`](crate::Config::send_buffer) if that is less.
        max: usize,
    },
    /// Too much waits to be sent on all channels together, or others were refused before and go first. Wait for
    /// [`ChannelEvent::Writable`] of this channel.
    #[error("{buffered} of {limit} bytes wait to be sent already")]
    BufferFull {
        /// Bytes that wait now, on all channels, or more if there are many short messages; see
        /// [`Config::send_buffer`](crate::Config::send_buffer).
        buffered: usize,
        /// [`Config::send_buffer`](crate::Config::send_buffer).
        limit: usize,
    },
}
