//! What callers did wrong, and why associations end.

use alloc::string::String;

/// Why a message was not taken. Nothing has been queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The association has ended or is about to: nothing can be sent any more.
    #[error("the association is closed or shutting down")]
    Closed,
    /// SCTP has no empty messages; data channels send one byte instead (RFC 8831 §6.6).
    #[error("an empty message can't be sent")]
    Empty,
    /// The peer accepts fewer streams.
    #[error("stream {stream} does not exist, the peer accepts {streams}")]
    NoSuchStream {
        /// The stream asked for.
        stream: u16,
        /// How many there are.
        streams: u16,
    },
    /// The stream is being reset; wait for the event that says that it is done.
    #[error("stream {0} is being reset")]
    Resetting(u16),
    /// The message is longer than all that may ever wait: it would never fit.
    #[error("{size} bytes are more than the {max} that may wait to be sent")]
    TooLarge {
        /// The message's length.
        size: usize,
        /// [`Config::send_buffer`](crate::Config::send_buffer).
        max: usize,
    },
    /// Too much waits to be sent, or others were refused before and go first. Wait for
    /// [`Event::Writable`](crate::Event::Writable) of this stream.
    #[error("{buffered} of {limit} bytes wait to be sent already")]
    BufferFull {
        /// Bytes that wait now, or more if there are many short messages; see
        /// [`Config::send_buffer`](crate::Config::send_buffer).
        buffered: usize,
        /// [`Config::send_buffer`](crate::Config::send_buffer).
        limit: usize,
    },
}

/// Why streams could not be reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// There is no association (yet, or any more).
    #[error("the association is not connected")]
    NotConnected,
    /// The peer does not know stream reset (RFC 6525).
    #[error("the peer does not support stream reset")]
    Unsupported,
    /// The peer refused.
    #[error("the peer refused to reset the stream")]
    Refused,
}

/// Why an association ended.
///
/// ```
/// # use pollrtc_sctp::CloseReason;
/// assert_eq!(CloseReason::Timeout.to_string(), "the peer stopped answering");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// One side shut it down and all data was delivered (RFC 9260 §9.2).
    #[error("shut down in good order")]
    Shutdown,
    /// We aborted it.
    #[error("aborted")]
    Aborted,
    /// The peer aborted it.
    #[error("the peer aborted (cause {code}): {reason}")]
    PeerAborted {
        /// The first cause (RFC 9260 §3.3.10); 0 if it gave none.
        code: u16,
        /// What the peer wrote, if anything.
        reason: String,
    },
    /// The peer did not answer our attempts to connect.
    #[error("the peer does not answer")]
    ConnectTimeout,
    /// The peer stopped answering.
    #[error("the peer stopped answering")]
    Timeout,
    /// The peer broke the protocol.
    #[error("the peer broke the protocol: {0}")]
    ProtocolViolation(&'static str),
    /// The peer made us hold more than we are ready to.
    #[error("the peer fills our memory with messages that it does not finish")]
    OutOfResource,
    /// What carries the packets is gone.
    #[error("the transport closed")]
    TransportClosed,
}
