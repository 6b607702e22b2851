//! Kinds of candidates.

use pollrtc_sdp::attribute;

/// How a candidate came about (RFC 8445 §5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateKind {
    /// An address of the host itself.
    Host,
    /// What a STUN server saw.
    ServerReflexive,
    /// What the peer saw.
    PeerReflexive,
    /// An address on a TURN server.
    Relayed,
}

impl CandidateKind {
    /// The name in a candidate line: `host`, `srflx`, `prflx` or `relay`.
    pub const fn name(self) -> &'static str {
        self.written().as_str()
    }

    pub(crate) const fn written(self) -> attribute::CandidateKind<'static> {
        match self {
            Self::Host => attribute::CandidateKind::Host,
            Self::ServerReflexive => attribute::CandidateKind::ServerReflexive,
            Self::PeerReflexive => attribute::CandidateKind::PeerReflexive,
            Self::Relayed => attribute::CandidateKind::Relay,
        }
    }

    /// RFC 8445 §5.1.2.2's recommended values.
    pub(crate) const fn type_preference(self) -> u8 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }
}
