//! The typed form of the attributes that we know.

use core::fmt;

use super::{Candidate, ExtMap, Fingerprint, Fmtp, Group, IceOptions, Msid, MsidSemantic, Name, RawAttribute};
use super::{RemoteCandidates, Rid, RtcpFb, RtpMap, SctpMap, Setup, Simulcast, Ssrc, SsrcGroup};
use super::{ice, sctp, security};
use crate::error::{ErrorKind, Field};
use crate::fields::Connection;
use crate::grammar::{self, Fault, field, number_u16, token, whole};

/// An attribute with its meaning. `Display` gives `name` or `name:value`, which parses again to the
/// same attribute.
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Setup};
///
/// assert_eq!(Attribute::parse("setup", Some(b"actpass")).unwrap(), Attribute::Setup(Setup::ActPass));
/// assert_eq!(Attribute::SctpPort(5000).to_string(), "sctp-port:5000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attribute<'a> {
    /// `candidate` (RFC 8839 §5.1).
    Candidate(Candidate<'a>),
    /// `mid` (RFC 5888 §4).
    Mid(&'a str),
    /// `group` (RFC 5888 §5).
    Group(Group<'a>),
    /// `bundle-only` (RFC 9143 §6).
    BundleOnly,
    /// `ice-ufrag` (RFC 8839 §5.4).
    IceUfrag(&'a str),
    /// `ice-pwd` (RFC 8839 §5.4).
    IcePwd(&'a str),
    /// `ice-options` (RFC 8839 §5.6).
    IceOptions(IceOptions<'a>),
    /// `ice-lite` (RFC 8839 §5.3).
    IceLite,
    /// `ice-pacing`, in milliseconds (RFC 8839 §5.5).
    IcePacing(u32),
    /// `remote-candidates` (RFC 8839 §5.2).
    RemoteCandidates(RemoteCandidates<'a>),
    /// `end-of-candidates` (RFC 8840 §8.1).
    EndOfCandidates,
    /// `fingerprint` (RFC 8122 §5).
    Fingerprint(Fingerprint<'a>),
    /// `setup` (RFC 4145 §4, RFC 8842 §5).
    Setup(Setup),
    /// `tls-id` (RFC 8842 §4).
    TlsId(&'a str),
    /// `sctp-port` (RFC 8841 §5).
    SctpPort(u16),
    /// `max-message-size` in bytes; 0 has no bound (RFC 8841 §6).
    MaxMessageSize(u64),
    /// `sctpmap` (draft 5 of RFC 8841).
    SctpMap(SctpMap<'a>),
    /// `msid-semantic`, of a draft that expired.
    MsidSemantic(MsidSemantic<'a>),
    /// `extmap-allow-mixed` (RFC 8285 §6).
    ExtmapAllowMixed,
    /// `sendrecv`, `sendonly`, `recvonly` or `inactive` (RFC 8866 §6.7).
    Direction(Direction),
    /// `rtcp-mux` (RFC 5761 §5.1.1).
    RtcpMux,
    /// `rtcp-mux-only` (RFC 8858 §3).
    RtcpMuxOnly,
    /// `rtcp-rsize` (RFC 5506).
    RtcpRsize,
    /// `rtcp` (RFC 3605).
    Rtcp(Rtcp<'a>),
    /// `rtpmap` (RFC 8866 §6.6).
    RtpMap(RtpMap<'a>),
    /// `fmtp` (RFC 8866 §6.15).
    Fmtp(Fmtp<'a>),
    /// `rtcp-fb` (RFC 4585 §4.2).
    RtcpFb(RtcpFb<'a>),
    /// `extmap` (RFC 8285 §8).
    ExtMap(ExtMap<'a>),
    /// `msid` (RFC 8830 §2).
    Msid(Msid<'a>),
    /// `rid` (RFC 8851 §10).
    Rid(Rid<'a>),
    /// `simulcast` (RFC 8853 §5.1).
    Simulcast(Simulcast<'a>),
    /// `ssrc` (RFC 5576 §4.1).
    Ssrc(Ssrc<'a>),
    /// `ssrc-group` (RFC 5576 §4.2).
    SsrcGroup(SsrcGroup<'a>),
    /// One that we have no typed form for, as it came.
    Other(RawAttribute<'a>),
}

impl<'a> Attribute<'a> {
    /// Reads an attribute; one whose name we don't know is [`Attribute::Other`].
    pub fn parse(name: &'a str, value: Option<&'a [u8]>) -> Result<Self, InvalidAttribute> {
        let raw = RawAttribute { name, value };
        let Some(known) = Name::of(name.as_bytes()) else {
            return Ok(Attribute::Other(raw));
        };
        Self::parse_known(known, value).map_err(|fault| InvalidAttribute::new(fault, value.map_or(0, <[u8]>::len)))
    }

    pub(crate) fn parse_known(name: Name, value: Option<&'a [u8]>) -> Result<Self, Fault> {
        if let Some(flag) = Self::flag(name) {
            return match value {
                None => Ok(flag),
                Some(value) => Err(Fault::new(ErrorKind::UnexpectedValue, value)),
            };
        }
        let Some(value) = value else {
            return Err(Fault::new(ErrorKind::MissingValue, b""));
        };
        // Some stacks end lines with a space. The parser tells of it; nothing can hide behind it.
        let trimmed = value.trim_ascii_end();
        grammar::utf8(trimmed)
            .and_then(|text| Self::parse_text(name, text))
            .map_err(|fault| fault.before(value.len().saturating_sub(trimmed.len())))
    }

    fn parse_text(name: Name, text: &'a str) -> Result<Self, Fault> {
        Ok(match name {
            Name::Candidate => Attribute::Candidate(Candidate::parse_value(text)?),
            Name::Mid => Attribute::Mid(whole(text, field(Field::Mid, token))?),
            Name::Group => Attribute::Group(Group::parse_text(text)?),
            Name::IceUfrag => Attribute::IceUfrag(ice::ufrag(text)?),
            Name::IcePwd => Attribute::IcePwd(ice::pwd(text)?),
            Name::IceOptions => Attribute::IceOptions(IceOptions::parse(text)?),
            Name::IcePacing => Attribute::IcePacing(ice::pacing(text)?),
            Name::RemoteCandidates => Attribute::RemoteCandidates(RemoteCandidates::parse(text)?),
            Name::Fingerprint => Attribute::Fingerprint(Fingerprint::parse(text)?),
            Name::Setup => Attribute::Setup(Setup::parse(text)?),
            Name::TlsId => Attribute::TlsId(security::tls_id(text)?),
            Name::SctpPort => Attribute::SctpPort(sctp::port(text)?),
            Name::MaxMessageSize => Attribute::MaxMessageSize(sctp::max_message_size(text)?),
            Name::SctpMap => Attribute::SctpMap(SctpMap::parse(text)?),
            Name::Rtcp => Attribute::Rtcp(Rtcp::parse(text)?),
            Name::RtpMap => Attribute::RtpMap(RtpMap::parse(text)?),
            Name::Fmtp => Attribute::Fmtp(Fmtp::parse(text)?),
            Name::RtcpFb => Attribute::RtcpFb(RtcpFb::parse(text)?),
            Name::ExtMap => Attribute::ExtMap(ExtMap::parse(text)?),
            Name::Msid => Attribute::Msid(Msid::parse(text)?),
            Name::Rid => Attribute::Rid(Rid::parse(text)?),
            Name::Simulcast => Attribute::Simulcast(Simulcast::parse(text)?),
            Name::Ssrc => Attribute::Ssrc(Ssrc::parse(text)?),
            Name::SsrcGroup => Attribute::SsrcGroup(SsrcGroup::parse(text)?),
            // What is left of the names are flags, which were settled above.
            _ => Attribute::MsidSemantic(MsidSemantic::of(text)),
        })
    }

    fn flag(name: Name) -> Option<Self> {
        Some(match name {
            Name::BundleOnly => Attribute::BundleOnly,
            Name::IceLite => Attribute::IceLite,
            Name::EndOfCandidates => Attribute::EndOfCandidates,
            Name::ExtmapAllowMixed => Attribute::ExtmapAllowMixed,
            Name::SendRecv => Attribute::Direction(Direction::SendRecv),
            Name::SendOnly => Attribute::Direction(Direction::SendOnly),
            Name::RecvOnly => Attribute::Direction(Direction::RecvOnly),
            Name::Inactive => Attribute::Direction(Direction::Inactive),
            Name::RtcpMux => Attribute::RtcpMux,
            Name::RtcpMuxOnly => Attribute::RtcpMuxOnly,
            Name::RtcpRsize => Attribute::RtcpRsize,
            _ => return None,
        })
    }
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Candidate(candidate) => write!(f, "candidate:{candidate}"),
            Attribute::Mid(mid) => write!(f, "mid:{mid}"),
            Attribute::Group(group) => write!(f, "group:{group}"),
            Attribute::BundleOnly => f.write_str("bundle-only"),
            Attribute::IceUfrag(ufrag) => write!(f, "ice-ufrag:{ufrag}"),
            Attribute::IcePwd(pwd) => write!(f, "ice-pwd:{pwd}"),
            Attribute::IceOptions(options) => write!(f, "ice-options:{options}"),
            Attribute::IceLite => f.write_str("ice-lite"),
            Attribute::IcePacing(milliseconds) => write!(f, "ice-pacing:{milliseconds}"),
            Attribute::RemoteCandidates(candidates) => write!(f, "remote-candidates:{candidates}"),
            Attribute::EndOfCandidates => f.write_str("end-of-candidates"),
            Attribute::Fingerprint(fingerprint) => write!(f, "fingerprint:{fingerprint}"),
            Attribute::Setup(setup) => write!(f, "setup:{setup}"),
            Attribute::TlsId(id) => write!(f, "tls-id:{id}"),
            Attribute::SctpPort(port) => write!(f, "sctp-port:{port}"),
            Attribute::MaxMessageSize(bytes) => write!(f, "max-message-size:{bytes}"),
            Attribute::SctpMap(map) => write!(f, "sctpmap:{map}"),
            Attribute::MsidSemantic(text) => write!(f, "msid-semantic:{text}"),
            Attribute::ExtmapAllowMixed => f.write_str("extmap-allow-mixed"),
            Attribute::Direction(direction) => write!(f, "{direction}"),
            Attribute::RtcpMux => f.write_str("rtcp-mux"),
            Attribute::RtcpMuxOnly => f.write_str("rtcp-mux-only"),
            Attribute::RtcpRsize => f.write_str("rtcp-rsize"),
            Attribute::Rtcp(rtcp) => write!(f, "rtcp:{rtcp}"),
            Attribute::RtpMap(map) => write!(f, "rtpmap:{map}"),
            Attribute::Fmtp(fmtp) => write!(f, "fmtp:{fmtp}"),
            Attribute::RtcpFb(feedback) => write!(f, "rtcp-fb:{feedback}"),
            Attribute::ExtMap(extension) => write!(f, "extmap:{extension}"),
            Attribute::Msid(msid) => write!(f, "msid:{msid}"),
            Attribute::Rid(rid) => write!(f, "rid:{rid}"),
            Attribute::Simulcast(simulcast) => write!(f, "simulcast:{simulcast}"),
            Attribute::Ssrc(ssrc) => write!(f, "ssrc:{ssrc}"),
            Attribute::SsrcGroup(group) => write!(f, "ssrc-group:{group}"),
            Attribute::Other(raw) => write!(f, "{raw}"),
        }
    }
}

/// Which way media flows, seen from the description's writer (RFC 8866 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways; what a description means that says nothing.
    #[default]
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The direction of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "sendrecv" => Direction::SendRecv,
            "sendonly" => Direction::SendOnly,
            "recvonly" => Direction::RecvOnly,
            "inactive" => Direction::Inactive,
            _ => return None,
        })
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `a=rtcp`: where RTCP goes without `rtcp-mux` (RFC 3605 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rtcp<'a> {
    /// The port.
    pub port: u16,
    /// The address, if it is not that of `c=`.
    pub connection: Option<Connection<'a>>,
}

impl<'a> Rtcp<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let (port, connection) = match text.split_once(' ') {
            Some((port, connection)) => (port, Some(connection)),
            None => (text, None),
        };
        let behind = text.len().saturating_sub(port.len());
        let port =
            whole(port, field(Field::RtcpPort, number_u16(0..=u16::MAX))).map_err(|fault| fault.before(behind))?;
        let connection = connection
            .map(|address| Connection::parse(address.as_bytes()))
            .transpose()?;
        Ok(Self { port, connection })
    }
}

impl fmt::Display for Rtcp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.port)?;
        self.connection.map_or(Ok(()), |connection| write!(f, " {connection}"))
    }
}

/// An attribute's value does not have the form that its RFC gives it.
///
/// ```
/// let error = pollrtc_sdp::attribute::Candidate::parse("candidate:1 0 udp 1 192.0.2.1 9 typ host").unwrap_err();
/// assert_eq!(error.to_string(), "column 13: write a number from 1 to 256 as the candidate's component");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {kind}")]
pub struct InvalidAttribute {
    kind: ErrorKind,
    column: usize,
}

impl InvalidAttribute {
    pub(super) fn new(fault: Fault, length: usize) -> Self {
        let column = length.saturating_sub(fault.remaining).saturating_add(1);
        Self {
            kind: fault.kind,
            column,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where the field that is wrong starts in the text that was read, counted in bytes from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}
