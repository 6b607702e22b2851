//! The typed form of the attributes that we know: the one table of them.

use core::fmt;

use super::name::{Repeat, Usage};
use super::{Candidate, Crypto, DcMap, DcSa, Decimal, Depend, ExtMap, Fingerprint, Fmtp, Group, IceOptions};
use super::{ImageAttr, KeyMgmt, MediaClk, Msid, MsidSemantic, RawAttribute, RemoteCandidates, Rid, RtcpFb, RtpMap};
use super::{SctpMap, Setup, Simulcast, SourceFilter, Ssrc, SsrcGroup, TsRefClk};
use super::{ice, sctp, security};
use crate::error::{ErrorKind, Field};
use crate::fields::Connection;
use crate::grammar::{self, Fault, field, number_u16, number_u32, some_text, token, visible, whole};
use crate::profile::Reading;

/// Makes the enum of attributes and that of their names from one table. `indexed` ones are those of
/// which a section remembers where the first one stands.
macro_rules! attributes {
    (
        indexed { $($(#[$idoc:meta])* $i:ident($itype:ty): $itext:literal, $iusage:ident $irepeat:ident, $iparse:expr;)* }
        flags { $($(#[$fdoc:meta])* $f:ident: $ftext:literal, $fusage:ident;)* }
        others { $($(#[$odoc:meta])* $o:ident($otype:ty): $otext:literal, $ousage:ident $orepeat:ident, $oparse:expr;)* }
    ) => {
        /// An attribute with its meaning. `Display` gives `name` or `name:value`, which parses again
        /// to the same attribute.
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
            $($(#[$idoc])* $i($itype),)*
            $($(#[$fdoc])* $f,)*
            /// `sendrecv`, `sendonly`, `recvonly` or `inactive` (RFC 8866 §6.7).
            Direction(Direction),
            $($(#[$odoc])* $o($otype),)*
            /// One that we have no typed form for, as it came.
            Other(RawAttribute<'a>),
        }

        /// The name of an attribute that has a typed form.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Name { $($i,)* $($f,)* SendRecv, SendOnly, RecvOnly, Inactive, $($o,)* }

        impl Name {
            pub(crate) const ALL: [Name; Name::COUNT] = [
                $(Name::$i,)* $(Name::$f,)*
                Name::SendRecv, Name::SendOnly, Name::RecvOnly, Name::Inactive,
                $(Name::$o,)*
            ];
            pub(crate) const COUNT: usize = Name::INDEXED + [$($otext,)*].len();
            /// How many names a section's index has; they come first.
            pub(crate) const INDEXED: usize = [$($itext,)* $($ftext,)*].len() + 4;

            /// The name as it is written.
            #[inline]
            pub(crate) const fn as_bytes(self) -> &'static [u8] {
                self.as_str().as_bytes()
            }

            /// The name as it is written.
            #[inline]
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$i => $itext,)*
                    $(Name::$f => $ftext,)*
                    Name::SendRecv => Direction::SendRecv.as_str(),
                    Name::SendOnly => Direction::SendOnly.as_str(),
                    Name::RecvOnly => Direction::RecvOnly.as_str(),
                    Name::Inactive => Direction::Inactive.as_str(),
                    $(Name::$o => $otext,)*
                }
            }

            /// Where the attribute has a meaning.
            #[inline]
            pub(crate) fn usage(self) -> Usage {
                match self {
                    $(Name::$i => Usage::$iusage,)*
                    $(Name::$f => Usage::$fusage,)*
                    Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive => Usage::Both,
                    $(Name::$o => Usage::$ousage,)*
                }
            }

            /// Whether one section may hold several.
            #[inline]
            pub(crate) fn repeat(self) -> Repeat {
                match self {
                    $(Name::$i => Repeat::$irepeat,)*
                    $(Name::$f => Repeat::Once,)*
                    Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive => Repeat::Once,
                    $(Name::$o => Repeat::$orepeat,)*
                }
            }

            /// Whether the attribute has no value.
            #[inline]
            pub(crate) fn is_flag(self) -> bool {
                matches!(
                    self,
                    $(Name::$f)|* | Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive
                )
            }

        }

        impl<'a> Attribute<'a> {
            /// Makes each attribute where the caller wants it: they are large, and moving them once
            /// more would cost as much as reading them.
            #[inline]
            fn parse_text<E>(name: Name, text: &'a str, error: impl Fn(Fault) -> E) -> Result<Self, E> {
                match name {
                    $(Name::$i => match $iparse(text) {
                        Ok(value) => Ok(Attribute::$i(value)),
                        Err(fault) => Err(error(fault)),
                    },)*
                    $(Name::$o => match $oparse(text) {
                        Ok(value) => Ok(Attribute::$o(value)),
                        Err(fault) => Err(error(fault)),
                    },)*
                    $(Name::$f)|* | Name::SendRecv | Name::SendOnly | Name::RecvOnly | Name::Inactive => {
                        Err(error(Fault::new(ErrorKind::UnexpectedValue, text.as_bytes())))
                    }
                }
            }

            /// Whether a value is well-formed. Checking does not make the attribute, which would be
            /// as much work again.
            #[inline]
            pub(crate) fn check(name: Name, text: &'a str) -> Result<(), Fault> {
                match name {
                    $(Name::$i => $iparse(text).map(drop),)*
                    $(Name::$o => $oparse(text).map(drop),)*
                    _ => Err(Fault::new(ErrorKind::UnexpectedValue, text.as_bytes())),
                }
            }

            #[inline]
            fn flag(name: Name) -> Option<Self> {
                Some(match name {
                    $(Name::$f => Attribute::$f,)*
                    Name::SendRecv => Attribute::Direction(Direction::SendRecv),
                    Name::SendOnly => Attribute::Direction(Direction::SendOnly),
                    Name::RecvOnly => Attribute::Direction(Direction::RecvOnly),
                    Name::Inactive => Attribute::Direction(Direction::Inactive),
                    _ => return None,
                })
            }
        }

        impl Attribute<'_> {
            /// Name and value as they are written, but for [`Attribute::Other`].
            pub(crate) fn parts(&self) -> (&str, Option<&dyn fmt::Display>) {
                match self {
                    $(Attribute::$i(value) => ($itext, Some(value)),)*
                    $(Attribute::$f => ($ftext, None),)*
                    Attribute::Direction(direction) => (direction.as_str(), None),
                    $(Attribute::$o(value) => ($otext, Some(value)),)*
                    Attribute::Other(raw) => (raw.name, None),
                }
            }
        }
    };
}

attributes! {
    indexed {
        /// `candidate` (RFC 8839 §5.1).
        Candidate(Candidate<'a>): "candidate", Media Several, Candidate::parse_value;
        /// `mid` (RFC 5888 §4).
        Mid(&'a str): "mid", Media Once, mid;
        /// `group` (RFC 5888 §5).
        Group(Group<'a>): "group", Session Several, Group::parse_text;
        /// `ice-ufrag` (RFC 8839 §5.4).
        IceUfrag(&'a str): "ice-ufrag", Both Once, ice::ufrag;
        /// `ice-pwd` (RFC 8839 §5.4).
        IcePwd(&'a str): "ice-pwd", Both Once, ice::pwd;
        /// `ice-options` (RFC 8839 §5.6).
        IceOptions(IceOptions<'a>): "ice-options", Both Once, IceOptions::parse;
        /// `ice-pacing`, in milliseconds (RFC 8839 §5.5).
        IcePacing(u32): "ice-pacing", Session Once, ice::pacing;
        /// `fingerprint` (RFC 8122 §5).
        Fingerprint(Fingerprint<'a>): "fingerprint", Both Several, Fingerprint::parse;
        /// `setup` (RFC 4145 §4, RFC 8842 §5).
        Setup(Setup): "setup", Both Once, Setup::parse;
        /// `tls-id` (RFC 8842 §4).
        TlsId(&'a str): "tls-id", Media Once, security::tls_id;
        /// `sctp-port` (RFC 8841 §5).
        SctpPort(u16): "sctp-port", Media Once, sctp::port;
        /// `max-message-size` in bytes; 0 has no bound (RFC 8841 §6).
        MaxMessageSize(u64): "max-message-size", Media Once, sctp::max_message_size;
        /// `sctpmap` (draft 5 of RFC 8841).
        SctpMap(SctpMap<'a>): "sctpmap", Media Several, SctpMap::parse;
        /// `msid-semantic`, of a draft that expired.
        MsidSemantic(MsidSemantic<'a>): "msid-semantic", Session Several, MsidSemantic::parse;
        /// `rtcp` (RFC 3605).
        Rtcp(Rtcp<'a>): "rtcp", Media Once, Rtcp::parse;
        /// `rtpmap` (RFC 8866 §6.6).
        RtpMap(RtpMap<'a>): "rtpmap", Media Several, RtpMap::parse;
        /// `fmtp` (RFC 8866 §6.15).
        Fmtp(Fmtp<'a>): "fmtp", Media Several, Fmtp::parse;
        /// `rtcp-fb` (RFC 4585 §4.2).
        RtcpFb(RtcpFb<'a>): "rtcp-fb", Media Several, RtcpFb::parse;
        /// `extmap` (RFC 8285 §8).
        ExtMap(ExtMap<'a>): "extmap", Both Several, ExtMap::parse;
        /// `msid` (RFC 8830 §2).
        Msid(Msid<'a>): "msid", Media Several, Msid::parse;
        /// `rid` (RFC 8851 §10).
        Rid(Rid<'a>): "rid", Media Several, Rid::parse;
        /// `simulcast` (RFC 8853 §5.1).
        Simulcast(Simulcast<'a>): "simulcast", Media Once, Simulcast::parse;
        /// `ssrc` (RFC 5576 §4.1).
        Ssrc(Ssrc<'a>): "ssrc", Media Several, Ssrc::parse;
        /// `ssrc-group` (RFC 5576 §4.2).
        SsrcGroup(SsrcGroup<'a>): "ssrc-group", Media Several, SsrcGroup::parse;
        /// `ptime`, in milliseconds (RFC 8866 §6.4).
        Ptime(Decimal<'a>): "ptime", Media Once, ptime;
        /// `maxptime`, in milliseconds (RFC 8866 §6.5).
        MaxPtime(Decimal<'a>): "maxptime", Media Once, ptime;
    }
    flags {
        /// `bundle-only` (RFC 9143 §6).
        BundleOnly: "bundle-only", Media;
        /// `ice-lite` (RFC 8839 §5.3).
        IceLite: "ice-lite", Session;
        /// `ice-mismatch` (RFC 8839 §5.3).
        IceMismatch: "ice-mismatch", Media;
        /// `end-of-candidates` (RFC 8840 §8.1).
        EndOfCandidates: "end-of-candidates", Both;
        /// `extmap-allow-mixed` (RFC 8285 §6).
        ExtmapAllowMixed: "extmap-allow-mixed", Both;
        /// `rtcp-mux` (RFC 5761 §5.1.1).
        RtcpMux: "rtcp-mux", Media;
        /// `rtcp-mux-only` (RFC 8858 §3).
        RtcpMuxOnly: "rtcp-mux-only", Media;
        /// `rtcp-rsize` (RFC 5506).
        RtcpRsize: "rtcp-rsize", Media;
        /// `cryptex` (RFC 9335 §4).
        Cryptex: "cryptex", Both;
    }
    others {
        /// `remote-candidates` (RFC 8839 §5.2).
        RemoteCandidates(RemoteCandidates<'a>): "remote-candidates", Media Once, RemoteCandidates::parse;
        /// `framerate`, in frames per second (RFC 8866 §6.13).
        FrameRate(Decimal<'a>): "framerate", Media Once, frame_rate;
        /// `quality`, from 0 to 10 (RFC 8866 §6.14).
        Quality(u32): "quality", Media Once, quality;
        /// `orient`: `portrait`, `landscape` or `seascape` (RFC 8866 §6.8).
        Orient(&'a str): "orient", Media Once, word;
        /// `lang`, a language tag (RFC 8866 §6.12).
        Lang(&'a str): "lang", Both Several, word;
        /// `sdplang`, a language tag (RFC 8866 §6.11).
        SdpLang(&'a str): "sdplang", Both Several, word;
        /// `charset` (RFC 8866 §6.10).
        Charset(&'a str): "charset", Session Once, word;
        /// `type`: `broadcast`, `meeting`, `moderated`, `test` or `H332` (RFC 8866 §6.9).
        Type(&'a str): "type", Session Once, word;
        /// `cat` (RFC 8866 §6.1).
        Cat(&'a str): "cat", Session Once, word;
        /// `keywds` (RFC 8866 §6.2).
        Keywds(&'a str): "keywds", Session Once, text;
        /// `tool` (RFC 8866 §6.3).
        Tool(&'a str): "tool", Session Once, text;
        /// `imageattr` (RFC 6236 §3.1).
        ImageAttr(ImageAttr<'a>): "imageattr", Media Several, ImageAttr::parse;
        /// `key-mgmt` (RFC 4567 §3.1).
        KeyMgmt(KeyMgmt<'a>): "key-mgmt", Both Several, KeyMgmt::parse;
        /// `crypto` (RFC 4568 §9.1).
        Crypto(Crypto<'a>): "crypto", Media Several, Crypto::parse;
        /// `source-filter` (RFC 4570 §3).
        SourceFilter(SourceFilter<'a>): "source-filter", Both Several, SourceFilter::parse;
        /// `label`, which other documents name the section by (RFC 4574 §4).
        Label(&'a str): "label", Media Once, word;
        /// `content`: tokens joined by commas, such as `slides,main` (RFC 4796 §5).
        Content(&'a str): "content", Media Once, word;
        /// `ts-refclk` (RFC 7273 §4.8).
        TsRefClk(TsRefClk<'a>): "ts-refclk", Both Several, TsRefClk::parse;
        /// `mediaclk` (RFC 7273 §5.4).
        MediaClk(MediaClk<'a>): "mediaclk", Both Several, MediaClk::parse;
        /// `depend` (RFC 5583 §5.2.2).
        Depend(Depend<'a>): "depend", Media Once, Depend::parse;
        /// `dcmap` (RFC 8864 §5.1).
        DcMap(DcMap<'a>): "dcmap", Media Several, DcMap::parse;
        /// `dcsa` (RFC 8864 §5.2).
        DcSa(DcSa<'a>): "dcsa", Media Several, DcSa::parse;
    }
}

fn mid(value: &str) -> Result<&str, Fault> {
    whole(value, field(Field::Mid, token))
}

fn ptime(value: &str) -> Result<Decimal<'_>, Fault> {
    Decimal::parse_as(Field::PacketTime, value)
}

fn frame_rate(value: &str) -> Result<Decimal<'_>, Fault> {
    Decimal::parse_as(Field::FrameRate, value)
}

fn quality(value: &str) -> Result<u32, Fault> {
    whole(value, field(Field::Quality, number_u32(0..=u32::MAX)))
}

fn word(value: &str) -> Result<&str, Fault> {
    whole(value, field(Field::Word, visible))
}

fn text(value: &str) -> Result<&str, Fault> {
    whole(value, field(Field::Text, some_text))
}

impl<'a> Attribute<'a> {
    /// Reads an attribute; one whose name we don't know is [`Attribute::Other`].
    pub fn parse(name: &'a str, value: Option<&'a [u8]>) -> Result<Self, InvalidAttribute> {
        let raw = RawAttribute { name, value };
        let Some(known) = Name::of(name.as_bytes()) else {
            return Ok(Attribute::Other(raw));
        };
        Self::read(known, value, |fault| {
            InvalidAttribute::new(fault, value.map_or(0, <[u8]>::len))
        })
    }

    /// Reads more than the RFCs allow, as the lenient profile's accessors do: ICE credentials of
    /// any length and any visible characters (libp2p has colons in them), ICE options joined by
    /// commas, candidates with a priority that can't be or a word too many, and `simulcast` as draft 3
    /// had it.
    ///
    /// ```
    /// use pollrtc_sdp::attribute::Attribute;
    ///
    /// assert!(Attribute::parse("ice-ufrag", Some(b"libp2p:x")).is_err());
    /// assert_eq!(Attribute::parse_lenient("ice-ufrag", Some(b"libp2p:x")), Ok(Attribute::IceUfrag("libp2p:x")));
    /// ```
    pub fn parse_lenient(name: &'a str, value: Option<&'a [u8]>) -> Result<Self, InvalidAttribute> {
        Self::parse(name, value).or_else(|error| {
            let known = Name::of(name.as_bytes());
            known
                .and_then(|known| Self::salvage(known, value, Reading::Lenient))
                .ok_or(error)
        })
    }

    pub(crate) fn parse_known(name: Name, value: Option<&'a [u8]>) -> Result<Self, Fault> {
        Self::read(name, value, |fault| fault)
    }

    /// The same for a value that is known to be text.
    #[inline]
    pub(crate) fn parse_known_text(name: Name, value: &'a str) -> Result<Self, Fault> {
        Self::parse_text(name, value.trim_ascii_end(), |fault| fault)
    }

    #[inline]
    fn read<E>(name: Name, value: Option<&'a [u8]>, error: impl Fn(Fault) -> E) -> Result<Self, E> {
        let Some(value) = value else {
            return Self::flag(name).ok_or_else(|| error(Fault::new(ErrorKind::MissingValue, b"")));
        };
        if name.is_flag() {
            return Err(error(Fault::new(ErrorKind::UnexpectedValue, value)));
        }
        // Some stacks end lines with a space. The parser tells of it; nothing can hide behind it.
        let trimmed = value.trim_ascii_end();
        let error = |fault: Fault| error(fault.before(value.len().saturating_sub(trimmed.len())));
        match grammar::utf8(trimmed) {
            Ok(text) => Self::parse_text(name, text, error),
            Err(fault) => Err(error(fault)),
        }
    }

    /// What can be understood of a malformed attribute.
    #[cold]
    pub(crate) fn salvage(name: Name, value: Option<&'a [u8]>, reading: Reading) -> Option<Self> {
        if reading == Reading::Exact {
            return None;
        }
        let text = core::str::from_utf8(value?.trim_ascii_end()).ok()?;
        match name {
            Name::IceUfrag => ice::salvage_ufrag(text, reading).map(Attribute::IceUfrag),
            Name::IcePwd => ice::salvage_pwd(text, reading).map(Attribute::IcePwd),
            Name::IceOptions => IceOptions::salvage(text).map(Attribute::IceOptions),
            Name::Candidate => Candidate::salvage(text).map(Attribute::Candidate),
            Name::Simulcast if reading == Reading::Lenient => {
                Simulcast::parse_draft(text).ok().map(Attribute::Simulcast)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.parts()) {
            (Attribute::Other(raw), _) => write!(f, "{raw}"),
            (_, (name, None)) => f.write_str(name),
            (_, (name, Some(value))) => write!(f, "{name}:{value}"),
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
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sendrecv" => Direction::SendRecv,
            "sendonly" => Direction::SendOnly,
            "recvonly" => Direction::RecvOnly,
            "inactive" => Direction::Inactive,
            _ => return None,
        })
    }

    /// The direction in which the writer sends, receives, both or neither.
    ///
    /// ```
    /// use pollrtc_sdp::attribute::Direction;
    ///
    /// let offered = Direction::of(true, false);
    /// assert_eq!(offered, Direction::SendOnly);
    /// assert_eq!(offered.reversed().intersect(Direction::SendRecv), Direction::RecvOnly);
    /// ```
    pub const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The other side's view of it (RFC 3264 §6.1).
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// Which way media may flow if both have to allow it.
    pub const fn intersect(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
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
