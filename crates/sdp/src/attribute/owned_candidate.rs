//! A candidate that outlives the text that it was read from.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use super::InvalidAttribute;
use super::candidate::{Candidate, CandidateKind, TcpType};

/// A [`Candidate`] that owns its text, in one piece of memory.
///
/// ```
/// use pollrtc_sdp::attribute::{Candidate, OwnedCandidate};
///
/// let line = "1 1 udp 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998 ufrag EsAw";
/// let candidate: OwnedCandidate = line.parse()?;
/// assert_eq!(candidate.as_candidate(), Candidate::parse(line)?);
/// assert_eq!(candidate.to_string(), line);
/// # Ok::<(), pollrtc_sdp::attribute::InvalidAttribute>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnedCandidate {
    /// Foundation, transport, address, kind, related address and extensions, one behind the other.
    text: String,
    /// Where each of them but the last ends.
    ends: [usize; 5],
    component: u16,
    priority: u32,
    port: u16,
    related_port: Option<u16>,
    tcp_type: Option<TcpType>,
}

impl OwnedCandidate {
    /// The typed view.
    pub fn as_candidate(&self) -> Candidate<'_> {
        let [foundation, transport, address, kind, related] = self.ends;
        let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        Candidate {
            foundation: part(0, foundation),
            component: self.component,
            transport: part(foundation, transport),
            priority: self.priority,
            address: part(transport, address),
            port: self.port,
            kind: CandidateKind::named(part(address, kind)),
            related: self.related_port.map(|port| (part(kind, related), port)),
            tcp_type: self.tcp_type,
            extensions: part(related, self.text.len()),
        }
    }
}

impl From<Candidate<'_>> for OwnedCandidate {
    fn from(candidate: Candidate<'_>) -> Self {
        let (related_address, related_port) = candidate.related.unzip();
        let parts = [
            candidate.foundation,
            candidate.transport,
            candidate.address,
            candidate.kind.as_str(),
            related_address.unwrap_or_default(),
        ];
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut text = String::with_capacity(length.saturating_add(candidate.extensions.len()));
        let ends = parts.map(|part| {
            text.push_str(part);
            text.len()
        });
        let begin = text.len();
        for (name, value) in candidate.extensions() {
            if text.len() > begin {
                text.push(' ');
            }
            text.push_str(name);
            text.push(' ');
            text.push_str(value);
        }
        Self {
            text,
            ends,
            component: candidate.component,
            priority: candidate.priority,
            port: candidate.port,
            related_port,
            tcp_type: candidate.tcp_type,
        }
    }
}

impl FromStr for OwnedCandidate {
    type Err = InvalidAttribute;

    /// Reads what [`Candidate::parse`] reads.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Candidate::parse(text).map(Self::from)
    }
}

impl fmt::Display for OwnedCandidate {
    /// The attribute's value, without `candidate:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_candidate().fmt(f)
    }
}

impl fmt::Debug for OwnedCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedCandidate({self})")
    }
}
