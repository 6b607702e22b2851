//! What a server keeps of ClientHellos beside the one that it puts together: enough to stay with one
//! client when others come. Anyone who can forge the client's address can send one.

use core::time::Duration;

use pollrtc_core::Instant;

use crate::error::HandshakeError;
use crate::handshake::Digest;
use crate::reassembly::{Message, Reassembler};
use crate::wire::HandshakeType;
use crate::wire::handshake::{Fragment, HEADER_LEN};

/// Bytes of a ClientHello that is kept beside the one that is put together or answered.
const MAX_OTHER_HELLO: usize = 4096;

/// For how long a client may be silent before another one's ClientHello is looked at, at least. A client
/// that missed our answer, or whose own answer was lost, repeats itself after 1 s at the latest, which is
/// where RFC 6347 §4.2.4.1 has its timer begin; twice that leaves room for the way.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct ClientHellos {
    /// Pieces of one that is not the one being put together or answered.
    other: Reassembler,
    /// When the first piece came of the one that is being put together.
    began: Instant,
    /// The one that was answered with a request to say hello again, and for that alone.
    requested: Option<Digest>,
    /// When something came last from the client whose hello is being answered.
    heard: Instant,
    /// Until when one has to come that can be answered.
    deadline: Option<Instant>,
    /// Why the last one was refused, as long as none was answered.
    refusal: Option<HandshakeError>,
}

impl ClientHellos {
    pub(crate) fn new() -> Self {
        Self {
            other: Reassembler::new(MAX_OTHER_HELLO),
            began: Instant::ZERO,
            requested: None,
            heard: Instant::ZERO,
            deadline: None,
            refusal: None,
        }
    }

    /// Until when a ClientHello has to come that can be answered.
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// A ClientHello can't be answered.
    pub(crate) fn set_refusal(&mut self, error: HandshakeError) {
        self.refusal = Some(error);
    }

    /// One is answered.
    pub(crate) fn clear_refusal(&mut self) {
        self.refusal = None;
    }

    pub(crate) fn refusal(&self) -> Option<HandshakeError> {
        self.refusal
    }

    /// A ClientHello begins to come.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began = now;
    }

    /// Whether it may still become complete. Not for longer, however often pieces come: they may be
    /// anyone's.
    pub(crate) fn may_complete(&self, now: Instant, rto: Duration) -> bool {
        now < self.began + patience(rto)
    }

    /// The client whose hello is being answered was heard.
    pub(crate) fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Whether it has been silent for so long that it may be gone.
    pub(crate) fn is_silent(&self, now: Instant, rto: Duration) -> bool {
        now >= self.heard + patience(rto)
    }

    /// This hello was answered with a request.
    pub(crate) fn set_requested(&mut self, now: Instant, hello: Option<Digest>) {
        self.requested = hello;
        self.heard = now;
    }

    /// The hello that was answered with a request, if that is what we wait for.
    pub(crate) fn requested(&self) -> Option<&Digest> {
        self.requested.as_ref()
    }

    /// Takes a piece of another hello; the whole of it, if this was the last.
    pub(crate) fn add_other(&mut self, fragment: &Fragment<'_>) -> Option<Message> {
        self.other.insert(0, fragment);
        let whole = self.other.pop_any(HandshakeType::CLIENT_HELLO)?;
        self.forget_other();
        Some(whole)
    }

    pub(crate) fn forget_other(&mut self) {
        self.other.restart(0);
    }

    /// The connection is over.
    pub(crate) fn forget(&mut self) {
        self.forget_other();
        self.deadline = None;
    }

    pub(crate) fn memory(&self) -> usize {
        self.other.memory()
    }
}

/// `rto` is how long we wait for an answer at first.
fn patience(rto: Duration) -> Duration {
    PATIENCE.max(rto.saturating_mul(2))
}

/// Whether the fragment is a piece of this message, header included.
pub(crate) fn is_piece_of(fragment: &Fragment<'_>, message: &[u8]) -> bool {
    let Some((header, body)) = message.split_first_chunk::<HEADER_LEN>() else {
        return false;
    };
    let [.., l0, l1, l2] = fragment.length.to_be_bytes();
    let [s0, s1] = fragment.message_seq.to_be_bytes();
    let start = usize::try_from(fragment.offset).unwrap_or(usize::MAX);
    let piece = body.get(start..).and_then(|rest| rest.get(..fragment.body.len()));
    header.starts_with(&[fragment.kind.0, l0, l1, l2, s0, s1])
        && piece == Some(fragment.body)
        && (!fragment.body.is_empty() || body.is_empty())
}
