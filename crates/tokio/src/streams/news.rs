//! What the tasks of streams tell their owner.

use std::time::Duration;

use pollrtc::{Flow, Framing, RequestId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

pub(super) enum News {
    Established { id: Option<RequestId>, stream: Established },
    Failed(RequestId),
    Frame { number: u64, flow: Flow, bytes: Vec<u8> },
    Writable { number: u64, flow: Flow },
    Closed { number: u64, flow: Flow },
}

/// A TCP or TLS stream.
pub(super) trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for S {}
pub(super) type Stream = Box<dyn ReadWrite>;

/// A stream that is open, and served by nobody yet.
pub(super) struct Established {
    pub(super) flow: Flow,
    pub(super) stream: Stream,
    pub(super) framing: Framing,
    /// Of a stream that a listener accepted.
    pub(super) accepted: Option<Accepted>,
}

/// What a stream of a stranger is held to.
pub(super) struct Accepted {
    /// Until when the first frame must be there.
    pub(super) patience: Duration,
    /// Its place among all that are accepted, given back in the end.
    pub(super) permit: OwnedSemaphorePermit,
}
