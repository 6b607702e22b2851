//! The lines of RFC 8866 §5 other than attributes: origin, connection, bandwidth, time and media.

use core::fmt;
use core::net::IpAddr;

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{cut, opt, recognize};
use nom::multi::many0_count;
use nom::sequence::{preceded, terminated};

use crate::attribute::payload_type_of;
use crate::checks;
use crate::error::{ErrorKind, Field};
use crate::grammar::{
    self, Fault, Parsed, complete, digits, field, host, is_token, next, number_u16, number_u32, reject, space, token,
    visible, words,
};

/// Whether the value of a line other than `a=` has the form that RFC 8866 §5 gives it.
pub(crate) fn check(letter: u8, value: &[u8]) -> Result<(), Fault> {
    match letter {
        b'v' if value == b"0" => Ok(()),
        b'v' => Err(Fault::new(ErrorKind::Invalid(Field::Version), value)),
        b'o' => Origin::parse(value).map(drop),
        b's' => checks::text(value, Field::SessionName),
        b'i' => checks::text(value, Field::Information),
        b'u' => checks::uri(value),
        b'e' => checks::email(value),
        b'p' => checks::phone(value),
        b'c' => Connection::parse(value).map(drop),
        b'b' => Bandwidth::parse(value).map(drop),
        b't' => Timing::parse(value).map(drop),
        b'r' => checks::repeat(value),
        b'z' => checks::zones(value),
        b'k' => checks::key(value),
        b'm' => MediaLine::parse(value).map(drop),
        _ => Ok(()),
    }
}

/// `o=`: who made the session, and which version of it this is (RFC 8866 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin<'a> {
    /// The user's name, or `-`.
    pub username: &'a str,
    /// Digits of any length; see [`Origin::session_id_number`].
    pub session_id: &'a str,
    /// Digits of any length, higher in each new version.
    pub session_version: &'a str,
    /// `IN`.
    pub network_type: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// An address or a host name.
    pub address: &'a str,
}

impl<'a> Origin<'a> {
    /// What a WebRTC peer writes: no user name, the loopback address, and these two numbers
    /// (RFC 9429 §5.2.1).
    pub fn with_id(session_id: &'a str, session_version: &'a str) -> Self {
        Self {
            username: "-",
            session_id,
            session_version,
            network_type: "IN",
            address_type: "IP4",
            address: "127.0.0.1",
        }
    }

    /// The session id, if it fits; RFC 8866 sets no bound.
    pub fn session_id_number(&self) -> Option<u64> {
        self.session_id.parse().ok()
    }

    /// The session version, if it fits; RFC 8866 sets no bound.
    pub fn session_version_number(&self) -> Option<u64> {
        self.session_version.parse().ok()
    }

    /// Whether `other` describes the same session: all but the version and the form of the address
    /// identify it (RFC 8866 §5.2).
    pub fn is_same_session(&self, other: &Origin<'_>) -> bool {
        self.username == other.username
            && self.session_id == other.session_id
            && self.network_type == other.network_type
            && self.address_type == other.address_type
            && self.address == other.address
    }

    /// Whether this version is older, equal or newer than `other`'s, at any number of digits
    /// (RFC 8866 §5.2: compare as numbers).
    ///
    /// ```
    /// use core::cmp::Ordering;
    ///
    /// let read = |text| pollrtc_sdp::Session::parse(text).unwrap().origin();
    /// let first = read("v=0\r\no=- 1 99999999999999999999 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    /// let second = read("v=0\r\no=- 1 0100000000000000000000 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    /// assert_eq!(first.compare_version(&second), Ordering::Less);
    /// ```
    pub fn compare_version(&self, other: &Origin<'_>) -> core::cmp::Ordering {
        let (ours, theirs) = (
            self.session_version.trim_start_matches('0'),
            other.session_version.trim_start_matches('0'),
        );
        ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs))
    }

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        complete(value, |input| {
            let (input, username) = field(Field::Username, visible).parse(input)?;
            let (input, session_id) = next(Field::SessionId, digits).parse(input)?;
            let (input, session_version) = next(Field::SessionVersion, digits).parse(input)?;
            let (input, network_type) = next(Field::NetworkType, token).parse(input)?;
            let (input, address_type) = next(Field::AddressType, token).parse(input)?;
            let (input, address) = next(Field::Address, visible).parse(input)?;
            Ok((
                input,
                Self {
                    username,
                    session_id,
                    session_version,
                    network_type,
                    address_type,
                    address,
                },
            ))
        })
    }

    /// What can be read of a line that only the lenient profile accepts: missing fields are empty.
    pub(crate) fn salvage(value: &'a [u8]) -> Self {
        let mut words = grammar::utf8(value)
            .unwrap_or_default()
            .split(' ')
            .filter(|word| !word.is_empty());
        let mut next = || words.next().unwrap_or_default();
        Self {
            username: next(),
            session_id: next(),
            session_version: next(),
            network_type: next(),
            address_type: next(),
            address: next(),
        }
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            username,
            session_id,
            session_version,
            network_type,
            address_type,
            address,
        } = self;
        write!(
            f,
            "{username} {session_id} {session_version} {network_type} {address_type} {address}"
        )
    }
}

/// `c=`: where media goes (RFC 8866 §5.7). With ICE it is the default candidate's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Connection<'a> {
    /// `IN`.
    pub network_type: &'a str,
    /// `IP4`, `IP6` or another token.
    pub address_type: &'a str,
    /// An IP address or a host name, without what follows a slash.
    pub address: &'a str,
    /// How far multicast goes; IPv4 only.
    pub time_to_live: Option<u8>,
    /// How many addresses in a row, if it says so.
    pub count: Option<u32>,
}

impl<'a> Connection<'a> {
    /// `IN IP4 0.0.0.0`, which is what a WebRTC description says before candidates are known.
    pub const UNSPECIFIED: Connection<'static> = Connection {
        network_type: "IN",
        address_type: "IP4",
        address: "0.0.0.0",
        time_to_live: None,
        count: None,
    };

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        complete(value, |input| {
            let (input, network_type) = field(Field::NetworkType, token).parse(input)?;
            let (input, address_type) = next(Field::AddressType, token).parse(input)?;
            if network_type != "IN" || !matches!(address_type, "IP4" | "IP6") {
                // Networks that we don't know have addresses that we don't know.
                let (input, address) = next(Field::Address, visible).parse(input)?;
                let connection = Self {
                    network_type,
                    address_type,
                    address,
                    time_to_live: None,
                    count: None,
                };
                return Ok((input, connection));
            }
            let (input, address) = next(Field::Address, host).parse(input)?;
            // RFC 8866 §5.7: IPv6 multicast has no time to live, so its first number is the count.
            let (input, time_to_live) = match address_type {
                "IP4" => opt(preceded(tag("/"), cut(field(Field::TimeToLive, number_u16(0..=255))))).parse(input)?,
                _ => (input, None),
            };
            let (input, count) = opt(preceded(
                tag("/"),
                cut(field(Field::AddressCount, number_u32(1..=u32::MAX))),
            ))
            .parse(input)?;
            let time_to_live = time_to_live.and_then(|ttl| u8::try_from(ttl).ok());
            Ok((
                input,
                Self {
                    network_type,
                    address_type,
                    address,
                    time_to_live,
                    count,
                },
            ))
        })
    }
}

impl Connection<'_> {
    /// What RFC 8866 §5.7 and §9 demand beyond the form that is enough to read the line: that type
    /// and address agree, and that a time to live or a count stand where there is multicast.
    pub(crate) fn check_use(&self) -> Result<(), ErrorKind> {
        if self.network_type != "IN" {
            return Ok(());
        }
        let suffix = self.time_to_live.is_some() || self.count.is_some();
        match (self.address_type, self.address.parse::<IpAddr>()) {
            ("IP4", Ok(IpAddr::V6(_))) | ("IP6", Ok(IpAddr::V4(_))) => Err(ErrorKind::AddressTypeMismatch),
            (_, Ok(address)) if suffix && !address.is_multicast() => Err(ErrorKind::UnicastSuffix),
            (_, Ok(IpAddr::V4(address))) if address.is_multicast() && self.time_to_live.is_none() => {
                Err(ErrorKind::MissingTimeToLive)
            }
            // A host name may be that of a group.
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.network_type, self.address_type, self.address)?;
        if let Some(time_to_live) = self.time_to_live {
            write!(f, "/{time_to_live}")?;
        }
        self.count.map_or(Ok(()), |count| write!(f, "/{count}"))
    }
}

/// `b=`: how much bandwidth (RFC 8866 §5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bandwidth<'a> {
    /// `AS` (kbit/s), `TIAS` (bit/s), `CT` or another token.
    pub kind: &'a str,
    /// Digits of any length; see [`Bandwidth::number`].
    pub value: &'a str,
}

impl<'a> Bandwidth<'a> {
    /// The value, if it fits; RFC 8866 sets no bound.
    pub fn number(&self) -> Option<u64> {
        self.value.parse().ok()
    }

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        complete(value, |input| {
            let (input, kind) = field(Field::BandwidthType, terminated(token, tag(":"))).parse(input)?;
            let (input, value) = field(Field::Bandwidth, digits).parse(input)?;
            Ok((input, Self { kind, value }))
        })
    }
}

impl fmt::Display for Bandwidth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.value)
    }
}

/// `t=`: when the session starts and stops, in seconds since 1900 (RFC 8866 §5.9). WebRTC has `0 0`,
/// which is permanent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing<'a> {
    /// Digits; `0` has no start.
    pub start: &'a str,
    /// Digits; `0` has no end.
    pub stop: &'a str,
}

impl fmt::Display for Timing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.start, self.stop)
    }
}

impl<'a> Timing<'a> {
    /// `0 0`: from ever to ever, as WebRTC has it (RFC 9429 §5.2.1).
    pub const PERMANENT: Timing<'static> = Timing { start: "0", stop: "0" };

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        complete(value, |input| {
            let (input, start) = field(Field::StartTime, time).parse(input)?;
            let (input, stop) = next(Field::StopTime, time).parse(input)?;
            Ok((input, Self { start, stop }))
        })
    }

    /// What can be read of a line that the stricter profiles refuse.
    pub(crate) fn salvage(value: &'a [u8]) -> Self {
        let mut words = grammar::utf8(value)
            .unwrap_or_default()
            .split(' ')
            .filter(|word| !word.is_empty());
        Self {
            start: words.next().unwrap_or("0"),
            stop: words.next().unwrap_or("0"),
        }
    }
}

/// RFC 8866 §9 `time`: ten digits or more, so that it can't be before 1931; or zero.
fn time(input: &str) -> Parsed<'_, &str> {
    let (rest, text) = digits(input)?;
    let fits = text == "0" || (text.len() >= 10 && !text.starts_with('0'));
    if fits { Ok((rest, text)) } else { reject(input) }
}

/// `m=`: one media section's head (RFC 8866 §5.14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MediaLine<'a> {
    /// `audio`, `video`, `application` or another token.
    pub kind: &'a str,
    /// Zero rejects the section, or says that it rides in a bundle (`a=bundle-only`).
    pub port: u16,
    /// How many ports in a row, if it says so.
    pub port_count: Option<u32>,
    /// The transport protocol, such as `UDP/DTLS/SCTP`.
    pub protocol: &'a str,
    /// The formats, joined by single spaces; see [`MediaLine::formats`].
    pub format_list: &'a str,
}

impl<'a> MediaLine<'a> {
    /// The data channel's line: `m=application <port> UDP/DTLS/SCTP webrtc-datachannel` (RFC 8841).
    pub fn data_channel(port: u16) -> Self {
        Self {
            kind: "application",
            port,
            port_count: None,
            protocol: "UDP/DTLS/SCTP",
            format_list: "webrtc-datachannel",
        }
    }

    /// What a fragment's `m=` line says whose writer does not know better: `audio 9 RTP/AVP 0`
    /// (RFC 8840 §4.4).
    pub const PSEUDO: MediaLine<'static> = MediaLine {
        kind: "audio",
        port: 9,
        port_count: None,
        protocol: "RTP/AVP",
        format_list: "0",
    };

    /// The formats: payload types for RTP, `webrtc-datachannel` for data.
    pub fn formats(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        words(self.format_list)
    }

    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Fault> {
        complete(value, |input| {
            let (input, kind) = field(Field::Media, token).parse(input)?;
            let (input, port) = next(Field::Port, number_u16(0..=u16::MAX)).parse(input)?;
            let (input, port_count) = opt(preceded(
                tag("/"),
                cut(field(Field::PortCount, number_u32(1..=u32::MAX))),
            ))
            .parse(input)?;
            let (input, protocol) = next(Field::Protocol, protocol).parse(input)?;
            let (input, format_list) = next(Field::Format, formats).parse(input)?;
            Ok((
                input,
                Self {
                    kind,
                    port,
                    port_count,
                    protocol,
                    format_list,
                },
            ))
        })
    }

    /// What stands out in the list of formats.
    pub(crate) fn survey(&self) -> Survey<'a> {
        // Payload types are the common case, and one bit each settles them; other formats are
        // compared with those before, of which there is rarely more than one.
        let mut survey = Survey {
            payload_types: 0,
            odd: None,
            repeated: None,
        };
        let mut others = 0_usize;
        for (position, format) in self.formats().enumerate() {
            let seen = match payload_type_of(format) {
                Some(payload_type) => {
                    let bit = 1_u128.wrapping_shl(u32::from(payload_type));
                    let seen = survey.payload_types & bit != 0;
                    survey.payload_types |= bit;
                    seen
                }
                None => {
                    if survey.odd.is_none() && !format.bytes().all(is_token) {
                        survey.odd = Some(format);
                    }
                    others = others.saturating_add(1);
                    others <= MAX_COMPARED_FORMATS && self.formats().take(position).any(|earlier| earlier == format)
                }
            };
            if seen {
                survey.repeated = survey.repeated.or(Some(format));
            }
        }
        survey
    }
}

/// What stands out in a list of formats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survey<'a> {
    /// One bit for each payload type.
    pub(crate) payload_types: u128,
    /// The first format that is no token, which RFC 8866 §9 wants all of them to be.
    pub(crate) odd: Option<&'a str>,
    /// The first format that stands twice.
    pub(crate) repeated: Option<&'a str>,
}

/// Beyond this many formats that are no payload types, duplicates go unnoticed: the check must not
/// grow with the square of what a peer sends.
const MAX_COMPARED_FORMATS: usize = 32;

/// RFC 8866 §9 `proto`: tokens joined by slashes.
fn protocol(input: &str) -> Parsed<'_, &str> {
    recognize((token, many0_count(preceded(tag("/"), cut(token))))).parse(input)
}

/// RFC 8866 §9 `1*(SP fmt)`. Slashes and colons are no token characters, but `urn:` and `mime/type`
/// formats occur in the field; [`MediaLine::survey`] tells of them.
fn formats(input: &str) -> Parsed<'_, &str> {
    match is_words(input.as_bytes()) {
        true => grammar::rest(input),
        false => recognize((visible, many0_count(preceded(space, visible)))).parse(input),
    }
}

/// Whether a text is nothing but words joined by single spaces. Without branches, so that it
/// compiles to a few vector instructions: there may be dozens of formats.
fn is_words(text: &[u8]) -> bool {
    let [first, .., last] = text else { return false };
    let is_visible = |byte: u8| (byte > b' ') & (byte != 0x7f);
    let next = text.get(1..).unwrap_or_default();
    text.iter()
        .zip(next)
        .fold(is_visible(*first) & is_visible(*last), |words, (byte, next)| {
            words & (is_visible(*byte) | (*byte == b' ') & is_visible(*next))
        })
}

impl fmt::Display for MediaLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.port)?;
        if let Some(count) = self.port_count {
            write!(f, "/{count}")?;
        }
        write!(f, " {} {}", self.protocol, self.format_list)
    }
}
