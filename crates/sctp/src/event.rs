//! What the application should know.

use bytes::Bytes;

use crate::{CloseReason, ResetError};

/// What happened to an [`Association`](crate::Association).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Both sides agree; messages flow.
    Connected,
    /// A message came.
    Message {
        /// The stream that it came on.
        stream: u16,
        /// The payload protocol identifier: what its sender says it is.
        ppid: u32,
        /// The message.
        data: Bytes,
    },
    /// A message came that is larger than [`Config::max_message_size`](crate::Config::max_message_size);
    /// it is gone.
    MessageTooLarge {
        /// The stream that it came on.
        stream: u16,
    },
    /// The peer reset streams on which it sends: its next message there begins a new life.
    IncomingReset(Streams),
    /// What became of [`reset_streams`](crate::Association::reset_streams).
    OutgoingReset {
        /// The stream.
        stream: u16,
        /// Whether it is reset.
        result: Result<(), ResetError>,
    },
    /// What waits to be sent on a stream fell to its threshold. Told once, however often it happens
    /// until it is taken.
    BufferedAmountLow {
        /// The stream.
        stream: u16,
    },
    /// A message that was refused on this stream since the send buffer was full
    /// ([`SendError::BufferFull`](crate::SendError::BufferFull)) fits now. Those who were refused are told in turn.
    Writable {
        /// The stream.
        stream: u16,
    },
    /// The peer reports an error that does not end the association (RFC 9260 §3.3.10).
    PeerError {
        /// The cause's code.
        code: u16,
    },
    /// The peer lost its state and connected anew (RFC 9260 §5.2): what it had not acknowledged is
    /// lost, streams begin anew, what had not been sent yet is still queued.
    Restarted,
    /// The association is over.
    Closed(CloseReason),
}

/// Streams named by the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// All streams.
    All,
    /// One stream.
    One(u16),
}
