//! Payload formats: `a=rtpmap` (RFC 8866 §6.6), `a=fmtp` (§6.15) and `a=rtcp-fb` (RFC 4585 §4.2).

use core::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{cut, opt, value};
use nom::sequence::{preceded, terminated};

use crate::error::Field;
use crate::grammar::{Fault, Parsed, field, number_u8, number_u32, rest, some_text, space, token, whole, write_texts};

/// `a=rtpmap`: what a payload type stands for (RFC 8866 §6.6).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, RtpMap};
///
/// let Ok(Attribute::RtpMap(opus)) = Attribute::parse("rtpmap", Some(b"111 opus/48000/2")) else { panic!() };
/// assert!(opus.is("OPUS"));
/// assert_eq!((opus.payload_type, opus.clock_rate, opus.channels), (111, 48_000, Some(2)));
/// assert_eq!(opus.to_string(), "111 opus/48000/2");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RtpMap<'a> {
    /// The payload type, from 0 to 127.
    pub payload_type: u8,
    /// The encoding's name; compare it with [`is`](Self::is), without regard to case.
    pub encoding: &'a str,
    /// RTP timestamps per second, at least 1.
    pub clock_rate: u32,
    /// How many audio channels, if it says so; see [`channel_count`](Self::channel_count).
    pub channels: Option<u32>,
}

impl<'a> RtpMap<'a> {
    /// Whether this is the encoding `name`, without regard to case (RFC 4855 §3).
    pub fn is(&self, name: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(name)
    }

    /// The number of channels, which is one where the attribute does not say.
    pub fn channel_count(&self) -> u32 {
        self.channels.unwrap_or(1)
    }

    /// What a payload type means without an `a=rtpmap` of its own (RFC 3551 §6, tables 4 and 5).
    ///
    /// ```
    /// use pollrtc_sdp::attribute::RtpMap;
    ///
    /// assert_eq!(RtpMap::of_static(0).unwrap().to_string(), "0 PCMU/8000");
    /// assert_eq!(RtpMap::of_static(96), None);
    /// ```
    pub fn of_static(payload_type: u8) -> Option<RtpMap<'static>> {
        let (encoding, clock_rate) = match payload_type {
            0 => ("PCMU", 8_000),
            3 => ("GSM", 8_000),
            4 => ("G723", 8_000),
            5 => ("DVI4", 8_000),
            6 => ("DVI4", 16_000),
            7 => ("LPC", 8_000),
            8 => ("PCMA", 8_000),
            9 => ("G722", 8_000),
            10 | 11 => ("L16", 44_100),
            12 => ("QCELP", 8_000),
            13 => ("CN", 8_000),
            14 => ("MPA", 90_000),
            15 => ("G728", 8_000),
            16 => ("DVI4", 11_025),
            17 => ("DVI4", 22_050),
            18 => ("G729", 8_000),
            25 => ("CelB", 90_000),
            26 => ("JPEG", 90_000),
            28 => ("nv", 90_000),
            31 => ("H261", 90_000),
            32 => ("MPV", 90_000),
            33 => ("MP2T", 90_000),
            34 => ("H263", 90_000),
            _ => return None,
        };
        Some(RtpMap {
            payload_type,
            encoding,
            clock_rate,
            channels: (payload_type == 10).then_some(2),
        })
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, payload_type) = terminated(payload_type, field(Field::EncodingName, space)).parse(input)?;
            let (input, encoding) = field(Field::EncodingName, token).parse(input)?;
            let (input, clock_rate) =
                field(Field::ClockRate, preceded(tag("/"), number_u32(1..=u32::MAX))).parse(input)?;
            let channels = field(Field::Channels, number_u32(1..=u32::MAX));
            let (input, channels) = opt(preceded(tag("/"), cut(channels))).parse(input)?;
            Ok((
                input,
                Self {
                    payload_type,
                    encoding,
                    clock_rate,
                    channels,
                },
            ))
        })
    }
}

impl fmt::Display for RtpMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.payload_type, self.encoding, self.clock_rate)?;
        self.channels.map_or(Ok(()), |channels| write!(f, "/{channels}"))
    }
}

/// RFC 3551 §6: seven bits.
fn payload_type(input: &str) -> Parsed<'_, u8> {
    field(Field::PayloadType, number_u8(0..=127)).parse(input)
}

/// `a=fmtp`: parameters of a format (RFC 8866 §6.15).
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, Fmtp};
///
/// let text = b"96 profile-level-id=42e01f;packetization-mode=1; sprop-parameter-sets=Z0I=,aM4=;";
/// let Ok(Attribute::Fmtp(fmtp)) = Attribute::parse("fmtp", Some(text)) else { panic!() };
/// assert_eq!(fmtp.get("Packetization-Mode"), Some("1"));
/// assert_eq!(fmtp.parameters().last(), Some(("sprop-parameter-sets", Some("Z0I=,aM4="))));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fmtp<'a> {
    /// The format: a payload type for RTP. See [`payload_type`](Self::payload_type).
    pub format: &'a str,
    /// The parameters as they came.
    pub parameters: &'a str,
}

impl<'a> Fmtp<'a> {
    /// The format as a payload type, if it is one.
    pub fn payload_type(&self) -> Option<u8> {
        payload_type_of(self.format)
    }

    /// Names and values, in order, of what is joined by semicolons; without the spaces around them.
    /// What has no `=` has no value: `0-15` of telephone events, `111/111` of RED.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone + use<'a> {
        self.parameters
            .split(';')
            .map(str::trim_ascii)
            .filter(|parameter| !parameter.is_empty())
            .map(|parameter| match parameter.split_once('=') {
                Some((name, value)) => (name.trim_ascii_end(), Some(value.trim_ascii_start())),
                None => (parameter, None),
            })
    }

    /// The first value of the parameter `name`, without regard to case (RFC 4855 §3).
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.parameters()
            .find(|(each, _)| each.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value)
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, format) = field(Field::Format, token).parse(input)?;
            let (input, parameters) = field(Field::FormatParameters, preceded(space, some_text)).parse(input)?;
            Ok((input, Self { format, parameters }))
        })
    }
}

impl fmt::Display for Fmtp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_texts(f, &[self.format, " ", self.parameters])
    }
}

/// A format of an `m=` line as a payload type, if it is one.
pub(crate) fn payload_type_of(format: &str) -> Option<u8> {
    match number_u8(0..=127).parse(format) {
        Ok(("", payload_type)) => Some(payload_type),
        _ => None,
    }
}

/// `a=rtcp-fb`: RTCP feedback that the writer wants for a payload type (RFC 4585 §4.2,
/// RFC 5104 §7.1). Kinds that we don't know keep their text.
///
/// ```
/// use pollrtc_sdp::attribute::{Attribute, RtcpFb};
///
/// let Ok(Attribute::RtcpFb(feedback)) = Attribute::parse("rtcp-fb", Some(b"* ccm fir")) else { panic!() };
/// assert_eq!(feedback, RtcpFb { payload_type: None, kind: "ccm", parameter: Some("fir") });
/// assert!(feedback.applies_to(96));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RtcpFb<'a> {
    /// The payload type, or `None` for `*`: all of the section.
    pub payload_type: Option<u8>,
    /// `nack`, `ack`, `ccm`, `trr-int`, `transport-cc`, `goog-remb` or another token.
    pub kind: &'a str,
    /// What follows it: `pli`, `fir`, a number...
    pub parameter: Option<&'a str>,
}

impl<'a> RtcpFb<'a> {
    /// Whether it is for this payload type, by its number or for all.
    pub fn applies_to(&self, payload_type: u8) -> bool {
        self.payload_type.is_none_or(|each| each == payload_type)
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let all = value(None, tag("*"));
            let one = number_u8(0..=127).map(Some);
            let (input, payload_type) = field(Field::PayloadType, alt((one, all))).parse(input)?;
            let (input, kind) = field(Field::Feedback, preceded(space, token)).parse(input)?;
            let (input, parameter) = opt(preceded(space, rest)).parse(input)?;
            Ok((
                input,
                Self {
                    payload_type,
                    kind,
                    parameter: parameter.filter(|parameter| !parameter.is_empty()),
                },
            ))
        })
    }
}

impl fmt::Display for RtcpFb<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type}")?,
            None => f.write_str("*")?,
        }
        write_texts(f, &[" ", self.kind])?;
        self.parameter
            .map_or(Ok(()), |parameter| write_texts(f, &[" ", parameter]))
    }
}
