//! The typed form of the attributes that we know.

use core::fmt;

use super::direction::Direction;
use super::invalid::InvalidAttribute;
use super::name::Name;
use super::table::attribute_table;
use super::{Candidate, Crypto, DcMap, DcSa, Decimal, Depend, ExtMap, Fingerprint, Fmtp, Group, IceOptions};
use super::{ImageAttr, KeyMgmt, MediaClk, Msid, MsidSemantic, RawAttribute, RemoteCandidates, Rid, RtcpFb, RtpMap};
use super::{SctpMap, Setup, Simulcast, SourceFilter, Ssrc, SsrcGroup, TsRefClk};
use super::{ice, sctp, security};
use crate::error::{ErrorKind, Field};
use crate::fields::Connection;
use crate::grammar::{self, Fault, field, number_u16, number_u32, some_text, token, visible, whole};
use crate::profile::Reading;

/// Makes the enum of attributes from the table.
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

attribute_table!(attributes);

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

impl<'a> RawAttribute<'a> {
    /// The attribute with its meaning.
    ///
    /// ```
    /// let session = pollrtc_sdp::Session::parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=tool:x 1.0\r\n").unwrap();
    /// let typed = session.attributes().next().unwrap().typed();
    /// assert_eq!(typed, Ok(pollrtc_sdp::attribute::Attribute::Tool("x 1.0")));
    /// ```
    pub fn typed(&self) -> Result<Attribute<'a>, InvalidAttribute> {
        Attribute::parse(self.name, self.value)
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
