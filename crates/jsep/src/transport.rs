//! Transports: what one ICE agent and one DTLS association carry.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use pollrtc_sdp::attribute::{Fingerprint, OwnedCandidate, Setup};

/// One transport: one ICE agent with a DTLS association on top. Sections that are bundled share one
/// (RFC 9143).
///
/// ```
/// # use pollrtc_jsep::TransportId;
/// /// What is to be shown of each transport, by the name that events and statistics have for it.
/// let mut shown = std::collections::BTreeMap::<TransportId, String>::new();
/// # shown.clear();
/// ```
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
    /// The transport that they belong to.
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
    /// Candidates that are known by now.
    pub candidates: Vec<OwnedCandidate>,
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

/// A hash function that names certificates and is fit for it: RFC 8122 §5 has MD2 and MD5 too, which
/// prove nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HashFunction {
    /// `sha-1`: only what peers name is compared with it.
    Sha1,
    /// `sha-224`.
    Sha224,
    /// `sha-256`, which everybody writes.
    Sha256,
    /// `sha-384`.
    Sha384,
    /// `sha-512`.
    Sha512,
}

impl HashFunction {
    const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its name in `a=fingerprint`.
    pub const fn name(self) -> &'static str {
        match self {
            HashFunction::Sha1 => "sha-1",
            HashFunction::Sha224 => "sha-224",
            HashFunction::Sha256 => "sha-256",
            HashFunction::Sha384 => "sha-384",
            HashFunction::Sha512 => "sha-512",
        }
    }

    /// How many bytes its hashes have.
    pub const fn length(self) -> usize {
        match self {
            HashFunction::Sha1 => 20,
            HashFunction::Sha224 => 28,
            HashFunction::Sha256 => 32,
            HashFunction::Sha384 => 48,
            HashFunction::Sha512 => HASH_LENGTH_MAXIMUM,
        }
    }
}

const HASH_LENGTH_MAXIMUM: usize = 64;

/// The hash of a certificate (RFC 8122 §5).
///
/// ```
/// use pollrtc_jsep::{CertificateHash, HashFunction};
///
/// let hash = CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).unwrap();
/// assert!(hash.to_string().starts_with("sha-256 AB:AB:AB:"));
/// assert_eq!(CertificateHash::new(HashFunction::Sha1, &[0xab; 32]), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateHash {
    function: HashFunction,
    /// What lies beyond the function's length is zero.
    bytes: [u8; HASH_LENGTH_MAXIMUM],
}

impl CertificateHash {
    /// `None` if there are more or fewer bytes than the function gives.
    pub fn new(function: HashFunction, bytes: &[u8]) -> Option<Self> {
        let mut padded = [0; HASH_LENGTH_MAXIMUM];
        let fits = bytes.len() == function.length();
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        fits.then_some(Self {
            function,
            bytes: padded,
        })
    }

    /// That of an `a=fingerprint`; `None` if its function is none that is fit for use, or its value is
    /// not as long as that function's.
    pub fn of(fingerprint: &Fingerprint<'_>) -> Option<Self> {
        let mut functions = HashFunction::ALL.into_iter();
        let function = functions.find(|function| fingerprint.is(function.name()))?;
        let mut bytes = [0; HASH_LENGTH_MAXIMUM];
        let mut read = fingerprint.bytes();
        for byte in bytes.iter_mut().take(function.length()) {
            *byte = read.next()?;
        }
        read.next().is_none().then_some(Self { function, bytes })
    }

    /// The hash function.
    pub const fn function(&self) -> HashFunction {
        self.function
    }

    /// Its bytes, as many as the function gives.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.function.length()).unwrap_or_default()
    }
}

impl fmt::Display for CertificateHash {
    /// The value of `a=fingerprint`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        let mut separator = ' ';
        for byte in self.bytes() {
            write!(f, "{separator}{byte:02X}")?;
            separator = ':';
        }
        Ok(())
    }
}

impl fmt::Debug for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateHash({self})")
    }
}

/// Which side of the DTLS handshake we are (RFC 8842 §5).
///
/// ```
/// # use pollrtc_jsep::DtlsRole;
/// fn setup(role: DtlsRole) -> &'static str {
///     match role {
///         DtlsRole::Client => "a=setup:active",
///         DtlsRole::Server => "a=setup:passive",
///     }
/// }
/// # assert_ne!(setup(DtlsRole::Client), setup(DtlsRole::Server));
/// ```
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
    /// Index of the section that describes the transport, for signaling its candidates.
    pub section: usize,
    /// Mid of the section that describes the transport; see [`section`](Self::section).
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
    /// The peer's candidates, each once, those that were trickled among them.
    pub candidates: Vec<OwnedCandidate>,
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
