//! Candidates as they are signalled.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use pollrtc_core::{Protocol, normalise};
use pollrtc_sdp::attribute::{self, OwnedCandidate};

use crate::kind::CandidateKind;
use crate::priority::{COMPONENT, candidate_priority, local_preference};

/// A transport address at which an agent may be reached.
///
/// It reads and writes the value of SDP's `a=candidate` (RFC 8839 §5.1), which is also what W3C's
/// `RTCIceCandidate.candidate` holds:
///
/// ```
/// use pollrtc_ice::{Candidate, CandidateKind};
///
/// let line = "candidate:1 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998";
/// let candidate: Candidate = line.parse()?;
/// assert_eq!(candidate.kind(), CandidateKind::ServerReflexive);
/// assert_eq!(candidate.address(), Some("192.0.2.3:45664".parse().unwrap()));
/// assert_eq!(candidate.to_string(), line);
/// # Ok::<(), pollrtc_ice::CandidateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    foundation: String,
    component: u16,
    protocol: Protocol,
    tcp_type: Option<attribute::TcpType>,
    priority: u32,
    host: CandidateHost,
    kind: CandidateKind,
    related: Option<SocketAddr>,
    ufrag: Option<String>,
}

/// Where a candidate is: browsers hide addresses of the host behind names that only multicast DNS
/// resolves.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CandidateHost {
    Address(SocketAddr),
    Name { name: String, port: u16 },
}

/// What the names end in that multicast DNS resolves, in letters of any case (RFC 6762 §3, RFC 4343).
const MDNS_DOMAIN: &str = ".local";

impl Candidate {
    /// A host candidate for an agent's only address.
    ///
    /// ```
    /// let candidate = pollrtc_ice::Candidate::host("192.0.2.1:5000".parse().unwrap());
    /// assert!(candidate.to_string().ends_with("192.0.2.1 5000 typ host"));
    /// ```
    pub fn host(address: SocketAddr) -> Self {
        let address = normalise(address);
        let preference = local_preference(address, 0, 0);
        let foundation = foundation_of(CandidateKind::Host, address.ip());
        Self::local(CandidateKind::Host, address, None, foundation, preference)
    }

    /// A server-reflexive candidate: `address` is what the server saw of `base`.
    pub fn server_reflexive(address: SocketAddr, base: SocketAddr) -> Self {
        let (address, base) = (normalise(address), normalise(base));
        let preference = local_preference(base, 0, 0);
        let foundation = foundation_of(CandidateKind::ServerReflexive, base.ip());
        Self::local(
            CandidateKind::ServerReflexive,
            address,
            Some(base),
            foundation,
            preference,
        )
    }

    pub(crate) fn local(
        kind: CandidateKind,
        address: SocketAddr,
        base: Option<SocketAddr>,
        foundation: u32,
        local_preference: u16,
    ) -> Self {
        Self {
            foundation: foundation.to_string(),
            component: COMPONENT,
            protocol: Protocol::Udp,
            tcp_type: None,
            priority: candidate_priority(kind, local_preference),
            host: CandidateHost::Address(address),
            kind,
            related: base,
            ufrag: None,
        }
    }

    /// Candidates with equal foundations are likely to work or fail together (RFC 8445 §5.1.1.3).
    pub fn foundation(&self) -> &str {
        &self.foundation
    }

    /// The component, 1 for everything that WebRTC sends.
    pub fn component(&self) -> u16 {
        self.component
    }

    /// How it is reached.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its priority, 1 to 2^31 - 1 (RFC 8445 §5.1.2).
    pub fn priority(&self) -> u32 {
        self.priority
    }

    /// Its address; `None` while only a name is known. One that was read from a line names no link, even if it is
    /// link-local: the peer's number of a link means nothing here.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            CandidateHost::Address(address) => Some(address),
            CandidateHost::Name { .. } => None,
        }
    }

    /// The name that stands for its address, if one does.
    pub fn name(&self) -> Option<&str> {
        match &self.host {
            CandidateHost::Address(_) => None,
            CandidateHost::Name { name, .. } => Some(name),
        }
    }

    /// The name, if it may be resolved. Only names that multicast DNS resolves are, and only by it: a peer must not make
    /// us ask a DNS server of its choice. More than one dot is no such name
    /// (draft-ietf-mmusic-mdns-ice-candidates §3.2.1).
    pub(crate) fn mdns_name(&self) -> Option<&str> {
        let name = self.name()?;
        let (label, domain) = name.split_at_checked(name.len().checked_sub(MDNS_DOMAIN.len())?)?;
        if !domain.eq_ignore_ascii_case(MDNS_DOMAIN) {
            return None;
        }
        let is_label = !label.is_empty() && label.len() <= 63 && !label.contains('.');
        is_label.then_some(name)
    }

    /// How it came about.
    pub fn kind(&self) -> CandidateKind {
        self.kind
    }

    /// The base of a reflexive candidate, the mapped address of a relayed one.
    pub fn related(&self) -> Option<SocketAddr> {
        self.related
    }

    /// The username fragment of the session that it belongs to, where the line says so.
    pub fn ufrag(&self) -> Option<&str> {
        self.ufrag.as_deref()
    }

    /// The same candidate at the address that its name stands for.
    pub(crate) fn resolved(mut self, ip: IpAddr) -> Self {
        let port = match self.host {
            CandidateHost::Address(address) => address.port(),
            CandidateHost::Name { port, .. } => port,
        };
        self.host = CandidateHost::Address(normalise(SocketAddr::new(ip, port)));
        self
    }
}

/// RFC 8445 §5.1.1.3 for candidates that no agent counts: equal for equal kinds and addresses, and
/// hardly ever for others (FNV-1a).
fn foundation_of(kind: CandidateKind, base: IpAddr) -> u32 {
    let (v4, v6);
    let octets: &[u8] = match base {
        IpAddr::V4(ip) => {
            v4 = ip.octets();
            &v4
        }
        IpAddr::V6(ip) => {
            v6 = ip.octets();
            &v6
        }
    };
    let bytes = kind.name().bytes().chain(octets.iter().copied());
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Why a line is no candidate that an agent could use.
///
/// ```
/// # use pollrtc_ice::{Candidate, CandidateError};
/// let error = "candidate:1 1 sctp 1 192.0.2.1 5000 typ host".parse::<Candidate>().unwrap_err();
/// assert_eq!(error, CandidateError::Transport);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// Not the grammar of RFC 8839 §5.1: nothing that follows it can be trusted.
    #[error("not a candidate line: {0}")]
    Syntax(attribute::InvalidAttribute),
    /// A transport other than UDP and TCP: ignore the candidate.
    #[error("the candidate's transport is neither UDP nor TCP")]
    Transport,
    /// A kind that no RFC known to this crate defines: ignore the candidate.
    #[error("the candidate's type is none of host, srflx, prflx and relay")]
    Kind,
}

impl FromStr for Candidate {
    type Err = CandidateError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        attribute::Candidate::parse(line)
            .map_err(CandidateError::Syntax)?
            .try_into()
    }
}

impl TryFrom<attribute::Candidate<'_>> for Candidate {
    type Error = CandidateError;

    fn try_from(line: attribute::Candidate<'_>) -> Result<Self, Self::Error> {
        let protocol = match line.transport {
            udp if udp.eq_ignore_ascii_case("udp") => Protocol::Udp,
            tcp if tcp.eq_ignore_ascii_case("tcp") => Protocol::Tcp,
            _ => return Err(CandidateError::Transport),
        };
        let kind = match line.kind {
            attribute::CandidateKind::Host => CandidateKind::Host,
            attribute::CandidateKind::ServerReflexive => CandidateKind::ServerReflexive,
            attribute::CandidateKind::PeerReflexive => CandidateKind::PeerReflexive,
            attribute::CandidateKind::Relay => CandidateKind::Relayed,
            attribute::CandidateKind::Unknown(_) => return Err(CandidateError::Kind),
        };
        let host = match line.address.parse::<IpAddr>() {
            Ok(ip) => CandidateHost::Address(normalise(SocketAddr::new(ip, line.port))),
            Err(_) => CandidateHost::Name {
                name: line.address.to_string(),
                port: line.port,
            },
        };
        // A related address tells people what happened and agents nothing: one that is no address
        // (browsers write 0.0.0.0 or a name to hide it) is no reason to lose the candidate.
        let related = line
            .related
            .and_then(|(ip, port)| Some(SocketAddr::new(ip.parse().ok()?, port)));
        Ok(Self {
            foundation: line.foundation.to_string(),
            component: line.component,
            protocol,
            tcp_type: line.tcp_type,
            priority: line.priority,
            host,
            kind,
            related,
            ufrag: line.ufrag().map(ToString::to_string),
        })
    }
}

/// As descriptions have it.
impl From<&Candidate> for OwnedCandidate {
    fn from(candidate: &Candidate) -> Self {
        let (address, port) = match &candidate.host {
            CandidateHost::Address(address) => (address.ip().to_string(), address.port()),
            CandidateHost::Name { name, port } => (name.clone(), *port),
        };
        let related = candidate
            .related
            .map(|related| (related.ip().to_string(), related.port()));
        let mut line = attribute::Candidate::host(&candidate.foundation, candidate.priority, &address, port);
        line.component = candidate.component;
        line.transport = match candidate.protocol {
            Protocol::Tcp => "tcp",
            _ => "udp",
        };
        line.kind = candidate.kind.written();
        line.related = related.as_ref().map(|(ip, port)| (ip.as_str(), *port));
        line.tcp_type = candidate.tcp_type;
        let ufrag = candidate.ufrag.as_ref().map(|ufrag| format!("ufrag {ufrag}"));
        // It was read from a line, so that it can be written into one.
        let with_ufrag = ufrag.as_deref().and_then(|ufrag| line.with_extensions(ufrag).ok());
        with_ufrag.unwrap_or(line).into()
    }
}

/// The value of `a=candidate`, without `a=`.
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "candidate:{}", OwnedCandidate::from(self))
    }
}
