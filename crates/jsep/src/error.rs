//! What can be wrong, and why a section is rejected.

use alloc::string::String;

use super::{SdpKind, SignalingState};
use pollrtc_sdp::attribute::{Direction, InvalidAttribute};

/// Why a description or a candidate was refused. Nothing has changed then.
///
/// ```
/// # use pollrtc_jsep::{NegotiationError, SignalingState};
/// let error = NegotiationError::WrongState { action: "set an answer", state: SignalingState::Stable };
/// assert_eq!(error.to_string(), "can't set an answer in signaling state stable");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The text is not SDP; the error tells where.
    #[error("the description can't be parsed: {0}")]
    Sdp(#[from] pollrtc_sdp::ParseError),
    /// The call does not fit into the state of negotiation (RFC 9429 §5.5, §5.6, §5.7).
    #[error("can't {action} in signaling state {state}")]
    WrongState {
        /// What was asked for.
        action: &'static str,
        /// Where negotiation stands.
        state: SignalingState,
    },
    /// The local description is not the one that was created last (RFC 9429 §5.4).
    #[error(
        "the local {kind} is not the one that was created last; create it again and set it as it is, or change transceivers instead of text"
    )]
    Modified {
        /// What it is for.
        kind: SdpKind,
    },
    /// A rollback with a text (RFC 9429 §4.1.10).
    #[error("a rollback must have an empty SDP")]
    RollbackWithText,
    /// There is no such transceiver.
    #[error("there is no such transceiver, or it was stopped; add another")]
    NoSuchTransceiver,
    /// No section that we could use has ICE credentials (RFC 9429 §5.8.3), so that there is nothing left to agree on. Where others
    /// have them, those without are rejected. Browsers, Pion, aiortc and libdatachannel refuse it too.
    #[error("m-section {section} has no a=ice-ufrag or a=ice-pwd, nor has the session; add both")]
    MissingIceCredentials {
        /// Index of the first, from zero.
        section: usize,
    },
    /// No section that we could use has a fingerprint (RFC 8122 §5), so that there is nothing left to agree on. Where others have
    /// one, those without are rejected. Browsers, Pion and libdatachannel refuse it too; aiortc fails as DTLS begins.
    #[error("m-section {section} has no a=fingerprint with a known hash; add one such as sha-256")]
    MissingFingerprint {
        /// Index of the first, from zero.
        section: usize,
    },
    /// The peer asks for a new DTLS association (other certificate, role or tls-id) where it can't
    /// have one (RFC 8842 §5.5, RFC 9429 §5.8.3).
    #[error(
        "m-section {section} asks for a new DTLS association; keep fingerprint and tls-id, or restart ICE with new ones if the other side allows that, and keep the role"
    )]
    NewDtlsAssociation {
        /// Index of the section, from zero.
        section: usize,
    },
    /// An answer with more or fewer sections than the offer (RFC 3264 §6).
    #[error("the offer has {offered} m-sections, the answer {answered}; answer each in its place")]
    SectionsMismatch {
        /// Number of sections in the offer.
        offered: usize,
        /// Number of sections in the answer.
        answered: usize,
    },
    /// An offer with fewer sections than were agreed on before (RFC 3264 §8).
    #[error(
        "the description has {has} m-sections, but {had} were agreed on before; reject what is not needed with port 0"
    )]
    SectionsMissing {
        /// Number of sections agreed on before.
        had: usize,
        /// Number of sections in this description.
        has: usize,
    },
    /// Another mid than the offer has, or than was agreed on for a section in use
    /// (RFC 5888 §9.1, RFC 9429 §5.2.2).
    #[error("m-section {section} has mid {found:?} where {expected:?} is in use; keep the mid")]
    MidMismatch {
        /// Index of the section, from zero.
        section: usize,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Another media type or protocol than offered, or than agreed on for a section in use
    /// (RFC 9429 §5.8.3).
    #[error("m-section {section} is {found:?} where {expected:?} is in use; keep media type and protocol")]
    MediaMismatch {
        /// Index of the section, from zero.
        section: usize,
        /// Media and protocol as they should be.
        expected: String,
        /// Media and protocol as they are.
        found: String,
    },
    /// A candidate that can't be read (RFC 8839 §5.1).
    #[error("the candidate can't be parsed: {0}")]
    Candidate(#[from] InvalidAttribute),
    /// A candidate before the peer's description that it belongs to: the first one, or the answer to
    /// an offer of ours with a new section.
    #[error("there is no description of the peer's with this section yet; add the candidate after it")]
    NoRemoteDescription,
    /// A candidate for a section that the peer's description does not have (RFC 9429 §4.1.19).
    #[error("no m-section of the peer's has this mid or index")]
    NoSuchSection,
    /// A candidate for credentials that the peer's description does not have.
    #[error("the peer's description has no ufrag {ufrag:?}; the candidate is of another generation")]
    UnknownUfrag {
        /// What the candidate names.
        ufrag: String,
    },
    /// A section of ours needs a certificate, and its transport has told the fingerprint of none.
    #[error("there is no certificate to put into the local description; give or make one")]
    NoCertificate,
    /// Our own description could not be written; look at what the transports gave.
    #[error("the local description can't be written: {0}")]
    Write(#[from] pollrtc_sdp::WriteError),
}

/// Something in the peer's description that its RFC doesn't allow, but that can be understood.
///
/// ```
/// # use pollrtc_jsep::Deviation;
/// let deviation = Deviation::RtcpMuxOnly { section: 0 };
/// println!("understood all the same: {deviation}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Deviation {
    /// An answer whose direction goes further than the offer (RFC 3264 §6.1). Media flows as far as
    /// both allow it.
    #[error(
        "m-section {section} was offered {offered} and is answered {answered}; answer what the offer leaves room for"
    )]
    Direction {
        /// Index of the section, from zero.
        section: usize,
        /// The direction in the offer.
        offered: Direction,
        /// The direction in the answer.
        answered: Direction,
    },
    /// An answer with `a=setup:actpass` (RFC 8842 §5.3), as good as one without `a=setup`: the peer
    /// waits for our ClientHello.
    #[error("m-section {section} leaves the DTLS role open (a=setup:actpass); answer active or passive")]
    SetupUndecided {
        /// Index of the section, from zero.
        section: usize,
    },
    /// An answer with `a=setup:holdconn` (RFC 8842 §5.1). Where there is no association yet, the
    /// sections of that transport are rejected.
    #[error("m-section {section}: a=setup:holdconn can't be used with DTLS; answer active or passive")]
    HoldConn {
        /// Index of the section, from zero.
        section: usize,
    },
    /// `a=rtcp-mux-only` without `a=rtcp-mux` (RFC 8858 §3), which it stands for.
    #[error("m-section {section} has a=rtcp-mux-only without a=rtcp-mux; add the latter")]
    RtcpMuxOnly {
        /// Index of the section, from zero.
        section: usize,
    },
    /// Media without `a=rtcp-mux` in a bundle (RFC 9143 §9.3), or where multiplexing was agreed on before (RFC 9429 §5.8.3). It is
    /// multiplexed all the same.
    #[error("m-section {section} has no a=rtcp-mux, although it is bundled or had it before; add it")]
    RtcpMuxMissing {
        /// Index of the section, the first of its bundle, from zero.
        section: usize,
    },
    /// No fingerprint that is fit for use, although a DTLS association is in use (RFC 8122 §5). It goes on with the certificate
    /// that was verified.
    #[error("m-section {section} has no a=fingerprint with a known hash any more; repeat it in each description")]
    FingerprintMissing {
        /// Index of the section that describes the transport, from zero.
        section: usize,
    },
    /// A bundle whose first section does not describe its transport (RFC 9143 §7.1.3), but another one does, which is taken.
    #[error("m-section {section} is the first of its bundle and does not describe the transport; describe it there")]
    TransportElsewhere {
        /// Index of the first section, from zero.
        section: usize,
    },
    /// An answer whose BUNDLE group has a section that was not offered in it, or leaves out one that has no transport of its own
    /// (RFC 9143 §7.3.3). The first is bundled, and what was bundled stays so.
    #[error(
        "m-section {section}: the answer's BUNDLE group does not fit the offer's; answer with a part of the same group"
    )]
    BundleMismatch {
        /// Index of the section that does not fit, from zero.
        section: usize,
    },
    /// An answer with the old ICE credentials to an offer that restarts ICE (RFC 9429 §5.10). ICE is not restarted, and goes on
    /// with the credentials of before.
    #[error("the offer restarts ICE, but m-section {section} of the answer has the old credentials; make new ones")]
    RestartIgnored {
        /// Index of the section that describes the transport, from zero.
        section: usize,
    },
}

/// Why a section has port zero.
///
/// ```
/// # use pollrtc_jsep::RejectReason;
/// assert_eq!(RejectReason::NoCommonCodec.to_string(), "no common codec");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum RejectReason {
    /// The peer has rejected or stopped it.
    #[error("the peer rejects it")]
    Peer,
    /// Its media type, protocol or format is none that we know.
    #[error("media type or protocol is not supported")]
    Unsupported,
    /// It carries data channels as another section does already, or closes them (RFC 8841 §5.1).
    #[error("one section with data channels is enough")]
    DataElsewhere,
    /// Its transceiver was stopped, or the data channels were.
    #[error("it was stopped")]
    Stopped,
    /// No codec that both sides can use.
    #[error("no common codec")]
    NoCommonCodec,
    /// The bundle policy has no transport for it (RFC 9429 §5.3.1).
    #[error("the bundle policy leaves it without a transport")]
    BundlePolicy,
    /// `a=bundle-only` outside of a bundle (RFC 9143 §6).
    #[error("bundle-only outside of a bundle")]
    BundleOnly,
    /// The section that describes its bundle's transport is rejected (RFC 9143 §7.3.3).
    #[error("the section that describes the bundle's transport is rejected")]
    BundleRejected,
    /// It has no `a=rtcp-mux`, which our policy requires.
    #[error("no a=rtcp-mux")]
    NoRtcpMux,
    /// It names no certificate by a hash that is fit for use (RFC 8122 §5).
    #[error("no fingerprint with a known hash")]
    NoFingerprint,
    /// It has no ICE credentials (RFC 8839 §5.4).
    #[error("no ICE credentials")]
    NoIceCredentials,
    /// `a=setup:holdconn` (RFC 8842 §5.1).
    #[error("a=setup:holdconn can't be used with DTLS")]
    HoldConn,
    /// The peer's section has a malformed line that it can't do without
    /// ([`Profile::Interop`](pollrtc_sdp::Profile::Interop)).
    #[error("a line that it can't do without is malformed")]
    Malformed,
}
