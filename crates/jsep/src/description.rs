//! What is exchanged, and where an exchange stands.

use alloc::string::String;
use core::fmt;

/// What a description is for (RFC 9429 §4.1.10, W3C WebRTC §4.6 `RTCSdpType`).
///
/// ```
/// # use pollrtc_jsep::SdpKind;
/// assert_eq!(SdpKind::Offer.to_string(), "offer"); // as in the `type` of a browser's description
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SdpKind {
    /// It proposes.
    Offer,
    /// It agrees for now: nothing is released, and another answer may follow.
    PrAnswer,
    /// It agrees.
    Answer,
    /// It takes the exchange that is under way back; its SDP is empty.
    Rollback,
}

impl fmt::Display for SdpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SdpKind::Offer => "offer",
            SdpKind::PrAnswer => "provisional answer",
            SdpKind::Answer => "answer",
            SdpKind::Rollback => "rollback",
        })
    }
}

/// A description as it travels over your signaling.
///
/// ```
/// use pollrtc_jsep::{Description, SdpKind};
///
/// let offer = Description::offer("v=0\r\n...");
/// assert_eq!(offer.kind, SdpKind::Offer);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Description {
    /// What it is for.
    pub kind: SdpKind,
    /// The text (RFC 8866).
    pub sdp: String,
}

impl Description {
    /// An offer.
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self::new(SdpKind::Offer, sdp)
    }

    /// A provisional answer.
    pub fn pranswer(sdp: impl Into<String>) -> Self {
        Self::new(SdpKind::PrAnswer, sdp)
    }

    /// An answer.
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self::new(SdpKind::Answer, sdp)
    }

    /// Takes the exchange that is under way back.
    pub fn rollback() -> Self {
        Self::new(SdpKind::Rollback, "")
    }

    fn new(kind: SdpKind, sdp: impl Into<String>) -> Self {
        Self { kind, sdp: sdp.into() }
    }
}

impl fmt::Debug for Description {
    /// The text without what is secret in it; `Display` has all of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:", self.kind)?;
        for line in self.sdp.lines() {
            let secret = ["a=ice-pwd:", "a=crypto:", "k="]
                .into_iter()
                .find(|name| line.starts_with(name));
            match secret {
                Some(name) => writeln!(f, "{name}...")?,
                None => writeln!(f, "{line}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sdp)
    }
}

/// Where negotiation stands (RFC 9429 §3.2, W3C WebRTC §4.3.1 `RTCSignalingState`).
///
/// ```
/// # use pollrtc_jsep::SignalingState;
/// assert_eq!(SignalingState::HaveLocalOffer.to_string(), "have-local-offer");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum SignalingState {
    /// No exchange is under way.
    #[default]
    Stable,
    /// Our offer waits for the peer's answer.
    HaveLocalOffer,
    /// The peer's offer waits for our answer.
    HaveRemoteOffer,
    /// We have answered the peer's offer for now.
    HaveLocalPrAnswer,
    /// The peer has answered our offer for now.
    HaveRemotePrAnswer,
    /// The connection is closed; nothing can be negotiated.
    Closed,
}

impl fmt::Display for SignalingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignalingState::Stable => "stable",
            SignalingState::HaveLocalOffer => "have-local-offer",
            SignalingState::HaveRemoteOffer => "have-remote-offer",
            SignalingState::HaveLocalPrAnswer => "have-local-pranswer",
            SignalingState::HaveRemotePrAnswer => "have-remote-pranswer",
            SignalingState::Closed => "closed",
        })
    }
}

/// A text with secrets in it: compared, written, never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}
