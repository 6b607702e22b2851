//! Transports: what one ICE agent and one DTLS association carry.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pollrtc_sdp::attribute::Setup;

/// One transport: one ICE agent with a DTLS association on top. Sections that are bundled share one
/// (RFC 9143).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(pub(super) u32);

impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Which credentials and which identifier of ours a description has for a transport.
///
/// Never used again once they differ: a restart that is rolled back leaves a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportKey {
    /// Which transport.
    pub transport: TransportId,
    /// Counts from zero; another generation has another `ice-ufrag` and `ice-pwd` and its own
    /// candidates (RFC 8839 §4.4.3.1).
    pub generation: u32,
    /// Counts from zero; another number has another `tls-id`, for another DTLS association
    /// (RFC 8842 §5.3).
    pub tls_id: u32,
}

/// What ICE and DTLS put into our descriptions for one [`TransportKey`]; it may grow from one call
/// to the next, as candidates are found.
///
/// Give the same `ufrag` and `pwd` to all transports that are offered together, as browsers do: RFC
/// 8839 §5.4 allows it, and the transports differ in their candidates. An offer with a bundle policy
/// other than max-bundle names several. Once they are bundled, every section has the credentials of
/// the first, and a section whose credentials were others before has restarted ICE to Chromium and
/// Firefox: the one answers with new credentials, the other refuses the offer.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LocalTransport {
    /// 4 to 256 characters (RFC 8839 §5.4).
    pub ufrag: String,
    /// 22 to 256 characters (RFC 8839 §5.4).
    pub pwd: String,
    /// The hashes of our certificates.
    pub fingerprints: Vec<CertificateHash>,
    /// `a=tls-id`, if you want one (RFC 8842 §4); an answer has it only if the offer has one.
    pub tls_id: Option<String>,
    /// The values of `a=candidate`, with or without `candidate:`.
    pub candidates: Vec<String>,
    /// Whether no more candidates come in this generation.
    pub end_of_candidates: bool,
}

impl fmt::Debug for LocalTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("LocalTransport")
            .field("ufrag", &self.ufrag)
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

/// The hash of a certificate (RFC 8122 §5).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateHash {
    /// The hash function, in lower case, such as `sha-256`.
    pub algorithm: String,
    /// Pairs of hexadecimal digits joined by colons, in upper case.
    pub value: String,
}

impl CertificateHash {
    /// Both in the case that makes equal hashes equal texts.
    pub fn new(algorithm: &str, value: &str) -> Self {
        Self {
            algorithm: algorithm.to_ascii_lowercase(),
            value: value.to_ascii_uppercase(),
        }
    }

    /// RFC 8122 §5 has more, but MD2 and MD5 prove nothing.
    pub(super) fn is_usable(&self) -> bool {
        matches!(
            self.algorithm.as_str(),
            "sha-256" | "sha-384" | "sha-512" | "sha-224" | "sha-1"
        )
    }
}

/// Which side of the DTLS handshake we are (RFC 8842 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DtlsRole {
    /// We send the ClientHello (`a=setup:active`).
    Client,
    /// We wait for it (`a=setup:passive`).
    Server,
}

impl DtlsRole {
    /// What we write to say so in an answer.
    pub(super) fn setup(self) -> Setup {
        match self {
            DtlsRole::Client => Setup::Active,
            DtlsRole::Server => Setup::Passive,
        }
    }
}

/// Who nominates (RFC 8445 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IceRole {
    /// We do.
    Controlling,
    /// The peer does.
    Controlled,
}

/// What both sides agree on for one transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// The credentials of ours that the agreement is about.
    pub key: TransportKey,
    /// How to reach and recognise the peer.
    pub remote: RemoteTransport,
    /// Who starts the DTLS handshake.
    pub dtls_role: DtlsRole,
    /// Who nominates. It is determined anew with each generation (RFC 8445 §6.1.1).
    pub ice_role: IceRole,
    /// Whether RTCP comes over the same component as RTP (RFC 5761); always, if there is no RTP.
    pub rtcp_mux: bool,
    /// Counts from zero; another number is another DTLS association over this transport
    /// (RFC 8842 §3.1).
    pub association: u32,
    /// Counts from zero; another number is another DTLS handshake with the same peer, whose end of the
    /// transport is a new one: what ran over the association goes on over the new one.
    pub handshake: u32,
    /// Index and mid of the section that describes the transport, for signaling its candidates.
    pub section: usize,
    /// See [`section`](Self::section).
    pub mid: Option<String>,
}

impl Transport {
    pub(super) fn is_same_but_for_candidates(&self, other: &Self) -> bool {
        let Self {
            key,
            remote,
            dtls_role,
            ice_role,
            rtcp_mux,
            association,
            handshake,
            section,
            mid,
        } = self;
        *key == other.key
            && remote.is_same_but_for_candidates(&other.remote)
            && *dtls_role == other.dtls_role
            && *ice_role == other.ice_role
            && *rtcp_mux == other.rtcp_mux
            && *association == other.association
            && *handshake == other.handshake
            && *section == other.section
            && *mid == other.mid
    }
}

/// How to reach and recognise the peer.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteTransport {
    /// The peer's `ice-ufrag`.
    pub ufrag: String,
    /// The peer's `ice-pwd`.
    pub pwd: String,
    /// Whether the peer is an ICE-lite agent (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// Whether the peer supports `trickle` (RFC 8840 §4.1.1).
    pub trickle: bool,
    /// Hashes of the peer's certificates by functions that are fit for use; at least one.
    pub fingerprints: Vec<CertificateHash>,
    /// The peer's `tls-id`, as last told for this DTLS association.
    pub tls_id: Option<String>,
    /// Values of `a=candidate`, each once, those that were trickled among them.
    pub candidates: Vec<String>,
    /// Whether no more come.
    pub end_of_candidates: bool,
}

impl RemoteTransport {
    fn is_same_but_for_candidates(&self, other: &Self) -> bool {
        let Self {
            ufrag,
            pwd,
            ice_lite,
            trickle,
            fingerprints,
            tls_id,
            candidates: _,
            end_of_candidates: _,
        } = self;
        *ufrag == other.ufrag
            && *pwd == other.pwd
            && *ice_lite == other.ice_lite
            && *trickle == other.trickle
            && *fingerprints == other.fingerprints
            && *tls_id == other.tls_id
    }

    /// Whether `other` has other credentials: another generation (RFC 8839 §4.4.3.1.1: a new
    /// ufrag, or a new pwd, or both).
    pub(super) fn differs_in_credentials(&self, other: &Self) -> bool {
        self.ufrag != other.ufrag || self.pwd != other.pwd
    }

    /// Whether `other` is another end of DTLS: other certificates, in any order, or another tls-id
    /// (RFC 8842 §3.1). A description without a tls-id tells nothing about it: an answer has none if
    /// the offer has none.
    pub(super) fn differs_in_association(&self, other: &Self) -> bool {
        let another_id = self
            .tls_id
            .as_ref()
            .zip(other.tls_id.as_ref())
            .is_some_and(|(a, b)| a != b);
        another_id || self.fingerprints != other.fingerprints
    }
}

impl fmt::Debug for RemoteTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("RemoteTransport")
            .field("ufrag", &self.ufrag)
            .field("ice_lite", &self.ice_lite)
            .field("fingerprints", &self.fingerprints)
            .field("tls_id", &self.tls_id)
            .field("candidates", &self.candidates)
            .field("end_of_candidates", &self.end_of_candidates)
            .finish_non_exhaustive()
    }
}
