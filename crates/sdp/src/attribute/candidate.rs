//! `a=candidate` (RFC 8839 §5.1, RFC 6544 §4.5).

use core::fmt;
use core::ops::RangeInclusive;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};

use super::InvalidAttribute;
use crate::error::{ErrorKind, Field};
use crate::grammar::{
    Fault, Parsed, field, host, ice_chars, number_u16, number_u32, space, split_at_space, token, visible, whole,
};

/// A transport address that a peer may be reached at (RFC 8839 §5.1).
///
/// ```
/// use pollrtc_sdp::attribute::{Candidate, CandidateKind};
///
/// let line = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0 ufrag EsAw";
/// let candidate = Candidate::parse(line).unwrap();
/// assert_eq!(candidate.kind, CandidateKind::ServerReflexive);
/// assert_eq!(candidate.related, Some(("10.0.0.5", 46154)));
/// assert_eq!(candidate.ufrag(), Some("EsAw"));
/// assert_eq!(format!("candidate:{candidate}"), line);
/// ```
///
/// A type, a transport or an extension that we don't know is no error; whoever uses the candidate
/// ignores it then.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Equal for candidates of the same type, base, server and transport.
    pub foundation: &'a str,
    /// 1 for RTP or data, 2 for RTCP.
    pub component: u16,
    /// `udp`, `tcp` or another token, in any case; see [`Candidate::is_udp`].
    pub transport: &'a str,
    /// The priority, from 1 to 2147483647.
    pub priority: u32,
    /// An IPv4 or IPv6 address, or a host name such as `<uuid>.local`.
    pub address: &'a str,
    /// The port; TCP candidates of type active have 9.
    pub port: u16,
    /// How the address was found.
    pub kind: CandidateKind<'a>,
    /// The address that this one is derived from (`raddr`, `rport`).
    pub related: Option<(&'a str, u16)>,
    /// Who connects. RFC 6544 §4.5: a TCP candidate without it is to be ignored.
    pub tcp_type: Option<TcpType>,
    /// Names and values as they came, those above among them.
    pub(super) extensions: &'a str,
}

impl<'a> Candidate<'a> {
    /// A UDP candidate for component 1, of type host.
    pub fn host(foundation: &'a str, priority: u32, address: &'a str, port: u16) -> Self {
        Self {
            foundation,
            component: 1,
            transport: "udp",
            priority,
            address,
            port,
            kind: CandidateKind::Host,
            related: None,
            tcp_type: None,
            extensions: "",
        }
    }

    /// Reads a candidate as browsers give it (`candidate:...`), as it stands in a description
    /// (`a=candidate:...`), or the bare value.
    ///
    /// As browsers do, it takes more than RFC 8839 §5.1 allows: any token as the foundation, a priority
    /// that can't be (which becomes the nearest that can), a word too many at the end, and a related
    /// address that is none. [`Attribute::parse`](super::Attribute::parse) does not.
    pub fn parse(text: &'a str) -> Result<Self, InvalidAttribute> {
        let line = text.strip_prefix("a=").unwrap_or(text);
        let value = line.strip_prefix("candidate:").unwrap_or(line);
        // Some stacks end the line with a space; nothing can hide behind it.
        let trimmed = value.trim_ascii_end();
        let spaces = value.len().saturating_sub(trimmed.len());
        Self::parse_value(trimmed)
            .or_else(|fault| Self::salvage(trimmed).ok_or(fault))
            .map_err(|fault| InvalidAttribute::new(fault.before(spaces), text.len()))
    }

    /// The same candidate with `extensions`: names and values, joined by single spaces.
    pub fn with_extensions(self, extensions: &'a str) -> Result<Self, InvalidAttribute> {
        if !extensions.is_empty() {
            whole(extensions, field(Field::CandidateExtension, extension_list))
                .map_err(|fault| InvalidAttribute::new(fault, extensions.len()))?;
        }
        Ok(Self { extensions, ..self })
    }

    /// Whether the transport is UDP.
    pub fn is_udp(&self) -> bool {
        self.transport.eq_ignore_ascii_case("udp")
    }

    /// Whether the transport is TCP.
    pub fn is_tcp(&self) -> bool {
        self.transport.eq_ignore_ascii_case("tcp")
    }

    /// Whether RFC 8839 §5.1 wants to know what the candidate is derived from: all but the host's own.
    pub fn needs_related(&self) -> bool {
        matches!(
            self.kind,
            CandidateKind::ServerReflexive | CandidateKind::PeerReflexive | CandidateKind::Relay
        )
    }

    /// Whether an agent can use the candidate: its type and transport are known, and if it is TCP
    /// it says who connects (RFC 8839 §5.1, RFC 6544 §4.5: ignore it otherwise).
    pub fn is_usable(&self) -> bool {
        let transport = self.is_udp() || (self.is_tcp() && self.tcp_type.is_some());
        transport && !matches!(self.kind, CandidateKind::Unknown(_))
    }

    /// The same candidate, derived from an address that nobody is told (RFC 8839 §5.1: the
    /// unspecified one of its family, and port 9).
    ///
    /// ```
    /// use pollrtc_sdp::attribute::{Candidate, CandidateKind};
    ///
    /// let mut reflexive = Candidate::host("1", 1_677_729_535, "203.0.113.7", 46_154);
    /// reflexive.kind = CandidateKind::ServerReflexive;
    /// assert_eq!(reflexive.with_hidden_related().to_string(), "1 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 9");
    /// ```
    pub fn with_hidden_related(self) -> Self {
        let unspecified = if self.address.contains(':') { "::" } else { "0.0.0.0" };
        Self {
            related: Some((unspecified, 9)),
            ..self
        }
    }

    /// The extensions that have no field of their own: name and value of each.
    pub fn extensions(&self) -> impl Iterator<Item = (&'a str, &'a str)> + Clone + use<'a> {
        Pairs(self.extensions).filter(|(name, _)| !matches!(*name, "raddr" | "rport" | "tcptype"))
    }

    /// The extension `name`'s value.
    pub fn extension(&self, name: &str) -> Option<&'a str> {
        self.extensions()
            .find(|(each, _)| *each == name)
            .map(|(_, value)| value)
    }

    /// The user name fragment of the generation that this candidate belongs to, if it says so
    /// (RFC 8838 §11's `ufrag`).
    pub fn ufrag(&self) -> Option<&'a str> {
        self.extension("ufrag")
    }

    pub(crate) fn parse_value(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, candidate) = head(input, ice_chars(1..=32), 1..=PRIORITY_MAXIMUM)?;
            let (input, extensions) = extensions(input)?;
            Ok((input, candidate.extended(extensions)))
        })
    }

    /// What can mean one thing only although RFC 8839 does not have it so.
    #[cold]
    pub(super) fn salvage(text: &'a str) -> Option<Self> {
        let (list, candidate) = head(text, token, 0..=u32::MAX).ok()?;
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(' ');
        if !ends(list) {
            return None;
        }
        // Names and values as far as they come in pairs; a word too many means nothing.
        let mut read = Extensions::default();
        let mut rest = list;
        while let Some(named) = rest.strip_prefix(' ')
            && let Ok((after, (name, value))) = extension(named)
            && ends(after)
        {
            // A related address tells people what happened and agents nothing.
            let _ = read.take(name, value);
            rest = after;
        }
        let pairs = list.strip_suffix(rest).unwrap_or(list);
        read.text = pairs.strip_prefix(' ').unwrap_or(pairs);
        Some(Self {
            priority: candidate.priority.clamp(1, PRIORITY_MAXIMUM),
            ..candidate.extended(read)
        })
    }

    fn extended(self, extensions: Extensions<'a>) -> Self {
        Self {
            related: extensions.related_address.zip(extensions.related_port),
            tcp_type: extensions.tcp_type,
            extensions: extensions.text,
            ..self
        }
    }
}

/// RFC 8839 §5.1: the largest priority.
const PRIORITY_MAXIMUM: u32 = 0x7fff_ffff;

/// RFC 8839 §5.1 `candidate-attribute` up to the type.
#[inline(always)]
fn head<'a>(
    input: &'a str,
    foundation: impl Parser<&'a str, Output = &'a str, Error = Fault>,
    priorities: RangeInclusive<u32>,
) -> Parsed<'a, Candidate<'a>> {
    let (input, foundation) = field(Field::Foundation, terminated(foundation, space)).parse(input)?;
    let (input, component) = field(Field::Component, terminated(number_u16(1..=256), space)).parse(input)?;
    let (input, transport) = field(Field::Transport, terminated(token, space)).parse(input)?;
    let (input, priority) = field(Field::Priority, terminated(number_u32(priorities), space)).parse(input)?;
    let (input, address) = field(Field::CandidateAddress, terminated(host, space)).parse(input)?;
    let (input, port) = field(Field::Port, terminated(number_u16(0..=u16::MAX), space)).parse(input)?;
    let (input, kind) = field(Field::CandidateType, preceded((tag("typ"), space), token)).parse(input)?;
    let candidate = Candidate {
        foundation,
        component,
        transport,
        priority,
        address,
        port,
        kind: CandidateKind::named(kind),
        related: None,
        tcp_type: None,
        extensions: "",
    };
    Ok((input, candidate))
}

/// What is told behind the type.
#[derive(Default)]
struct Extensions<'a> {
    related_address: Option<&'a str>,
    related_port: Option<u16>,
    tcp_type: Option<TcpType>,
    /// All of it, as it came.
    text: &'a str,
}

impl<'a> Extensions<'a> {
    /// Takes a name and its value; `false` if it is a related address that is none.
    #[inline]
    fn take(&mut self, name: &str, value: &'a str) -> bool {
        match name {
            "raddr" => {
                self.related_address = all(host, value);
                self.related_address.is_some()
            }
            "rport" => {
                self.related_port = all(number_u16(0..=u16::MAX), value);
                self.related_port.is_some()
            }
            // RFC 6544 §4.5 knows three; a candidate with another is one without.
            "tcptype" => {
                self.tcp_type = TcpType::parse(value);
                true
            }
            _ => true,
        }
    }
}

/// RFC 8839 §5.1: names and values, to the end.
#[inline(always)]
fn extensions(input: &str) -> Parsed<'_, Extensions<'_>> {
    let mut extensions = Extensions {
        text: input.strip_prefix(' ').unwrap_or(input),
        ..Extensions::default()
    };
    let mut input = input;
    while !input.is_empty() {
        let (named, _) = field(Field::CandidateExtension, space).parse(input)?;
        let (after, (name, value)) = field(Field::CandidateExtension, extension).parse(named)?;
        if !extensions.take(name, value) {
            return Err(nom::Err::Error(Fault {
                kind: ErrorKind::Invalid(Field::RelatedAddress),
                remaining: after.len().saturating_add(value.len()),
            }));
        }
        input = after;
    }
    Ok((input, extensions))
}

#[inline]
fn extension(input: &str) -> Parsed<'_, (&str, &str)> {
    let (input, name) = visible(input)?;
    let (input, _) = space(input)?;
    let (input, value) = visible(input)?;
    Ok((input, (name, value)))
}

fn extension_list(input: &str) -> Parsed<'_, ()> {
    let (rest, _) = (extension, many0_count(preceded(space, extension))).parse(input)?;
    Ok((rest, ()))
}

fn all<'a, O>(mut parser: impl Parser<&'a str, Output = O, Error = Fault>, text: &'a str) -> Option<O> {
    match parser.parse(text) {
        Ok(("", output)) => Some(output),
        _ => None,
    }
}

/// Names and values, joined by single spaces.
#[derive(Debug, Clone)]
struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let (name, rest) = split_at_space(self.0)?;
        let (value, rest) = split_at_space(rest).unwrap_or((rest, ""));
        self.0 = rest;
        Some((name, value))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        (
            self.foundation,
            self.component,
            self.transport,
            self.priority,
            self.address,
            self.port,
        ) == (
            other.foundation,
            other.component,
            other.transport,
            other.priority,
            other.address,
            other.port,
        ) && (self.kind, self.related, self.tcp_type) == (other.kind, other.related, other.tcp_type)
            && self.extensions().eq(other.extensions())
    }
}

impl Eq for Candidate<'_> {}

impl fmt::Display for Candidate<'_> {
    /// The attribute's value, without `candidate:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            foundation,
            component,
            transport,
            priority,
            address,
            port,
            kind,
            ..
        } = self;
        write!(
            f,
            "{foundation} {component} {transport} {priority} {address} {port} typ {kind}"
        )?;
        if let Some((address, port)) = self.related {
            write!(f, " raddr {address} rport {port}")?;
        }
        if let Some(tcp_type) = self.tcp_type {
            write!(f, " tcptype {tcp_type}")?;
        }
        self.extensions()
            .try_for_each(|(name, value)| write!(f, " {name} {value}"))
    }
}

/// How a candidate's address was found (RFC 8445 §5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind<'a> {
    /// An address of the host's own.
    Host,
    /// The address that a STUN server saw.
    ServerReflexive,
    /// The address that the peer saw.
    PeerReflexive,
    /// An address on a TURN server.
    Relay,
    /// A type that RFC 8839 does not know; the candidate is to be ignored.
    Unknown(&'a str),
}

impl<'a> CandidateKind<'a> {
    /// The name as it is written.
    pub const fn as_str(&self) -> &'a str {
        match self {
            CandidateKind::Host => "host",
            CandidateKind::ServerReflexive => "srflx",
            CandidateKind::PeerReflexive => "prflx",
            CandidateKind::Relay => "relay",
            CandidateKind::Unknown(name) => name,
        }
    }

    /// The kind of this name.
    pub(super) fn named(name: &'a str) -> Self {
        match name {
            "host" => CandidateKind::Host,
            "srflx" => CandidateKind::ServerReflexive,
            "prflx" => CandidateKind::PeerReflexive,
            "relay" => CandidateKind::Relay,
            name => CandidateKind::Unknown(name),
        }
    }
}

impl fmt::Display for CandidateKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who connects to whom (RFC 6544 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpType {
    /// The candidate's owner connects.
    Active,
    /// The candidate's owner listens.
    Passive,
    /// Both connect at once.
    SimultaneousOpen,
}

impl TcpType {
    /// The name as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            TcpType::Active => "active",
            TcpType::Passive => "passive",
            TcpType::SimultaneousOpen => "so",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "active" => Some(TcpType::Active),
            "passive" => Some(TcpType::Passive),
            "so" => Some(TcpType::SimultaneousOpen),
            _ => None,
        }
    }
}

impl fmt::Display for TcpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
