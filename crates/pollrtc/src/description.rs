//! What peers exchange, and what can be wrong with it.

use alloc::string::String;
use core::fmt;

use pollrtc_crypto::CryptoError;

use crate::SignalingState;

/// What a description is for (W3C WebRTC §4.6, `RTCSdpType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpKind {
    /// It proposes.
    Offer,
    /// It agrees.
    Answer,
    /// It takes the pending offer back; its SDP is empty.
    Rollback,
}

/// An offer or an answer, as it travels over your signaling.
///
/// ```
/// use pollrtc::{SdpKind, SessionDescription};
/// let offer = SessionDescription::offer("v=0\r\n...");
/// assert_eq!(offer.kind, SdpKind::Offer);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// What it is for.
    pub kind: SdpKind,
    /// Its text (RFC 8866).
    pub sdp: String,
}

impl SessionDescription {
    /// An offer.
    pub fn offer(sdp: impl Into<String>) -> Self {
        Self {
            kind: SdpKind::Offer,
            sdp: sdp.into(),
        }
    }

    /// An answer.
    pub fn answer(sdp: impl Into<String>) -> Self {
        Self {
            kind: SdpKind::Answer,
            sdp: sdp.into(),
        }
    }

    /// Takes the pending offer back.
    pub fn rollback() -> Self {
        Self {
            kind: SdpKind::Rollback,
            sdp: String::new(),
        }
    }
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sdp)
    }
}

/// Why a description was refused. The connection is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The text is not SDP; the error tells where.
    #[error("the description can't be parsed: {0}")]
    Sdp(#[from] pollrtc_sdp::ParseError),
    /// The call does not fit into the state of negotiation.
    #[error("can't {action} in signaling state {state:?}")]
    WrongState {
        /// What was asked for.
        action: &'static str,
        /// Where negotiation stands.
        state: SignalingState,
    },
    /// The local description is not the one that was created last; descriptions can't be edited.
    #[error("the local description differs from the one that was created last; set it as it was created")]
    Modified,
    /// A section that we need has no ICE credentials (RFC 8839 §5.4).
    #[error("m-section {section} has no a=ice-ufrag or a=ice-pwd")]
    MissingIceCredentials {
        /// Its index, from zero.
        section: usize,
    },
    /// A section that we need names no certificate with a hash that we know (RFC 8122 §5).
    #[error("m-section {section} has no a=fingerprint with a known hash")]
    MissingFingerprint {
        /// Its index, from zero.
        section: usize,
    },
    /// `a=setup:holdconn` (RFC 8842 §5.1 forbids it).
    #[error("a=setup:holdconn can't be used with DTLS")]
    HoldConn,
    /// An answer with `a=setup:actpass`.
    #[error("the answer leaves the DTLS role open (a=setup:actpass); it must be active or passive")]
    SetupUndecided,
    /// The peer asks for a new DTLS association (other certificate, role or tls-id, RFC 8842 §5.5).
    #[error("the peer asks for a new DTLS association within this connection; make a new connection instead")]
    NewDtlsAssociation,
    /// An answer with more or fewer sections than the offer (RFC 3264 §6).
    #[error("the offer has {offered} m-sections, the answer {answered}")]
    SectionsMismatch {
        /// In the offer.
        offered: usize,
        /// In the answer.
        answered: usize,
    },
    /// An offer with fewer sections than were agreed on before (RFC 3264 §8).
    #[error("the description has {has} m-sections, but {had} were agreed on before; none may be removed")]
    SectionsMissing {
        /// Agreed on before.
        had: usize,
        /// In this description.
        has: usize,
    },
    /// An answer with another mid than the offer (RFC 5888 §9.1).
    #[error("the answer's section has mid {answered:?} where the offer has {offered:?}")]
    MidMismatch {
        /// In the offer.
        offered: String,
        /// In the answer.
        answered: String,
    },
    /// An answer with new ICE credentials to an offer that had the old ones (RFC 8839 §4.4.3): only an
    /// offer can restart ICE.
    #[error("the answer has new ICE credentials, but the offer did not restart ICE")]
    UnaskedRestart,
    /// No certificate could be made when the connection was made.
    #[error("there is no certificate to offer: {0}")]
    Certificate(CryptoError),
    /// Our own description could not be written.
    #[error("the local description can't be written: {0}")]
    Write(#[from] pollrtc_sdp::WriteError),
}
