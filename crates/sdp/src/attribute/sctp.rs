//! SCTP over DTLS (RFC 8841), and the form that came before it.

use core::fmt;

use nom::Parser;
use nom::combinator::{cut, opt};
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, digits, field, number_u16, reject, space, token, whole};

/// The SCTP port where a description names none: what every browser uses.
pub const DEFAULT_SCTP_PORT: u16 = 5000;

/// The largest message that a peer accepts if it says nothing (RFC 8841 §6.1).
pub const DEFAULT_MAX_MESSAGE_SIZE: u64 = 65_536;

/// RFC 8841 §5.2: one to five digits, no leading zeroes.
pub(super) fn port(text: &str) -> Result<u16, Fault> {
    whole(
        text,
        field(Field::SctpPort, |input| {
            let (rest, text) = digits(input)?;
            match text.parse() {
                Ok(port) if !has_leading_zero(text) => Ok((rest, port)),
                _ => reject(input),
            }
        }),
    )
}

/// RFC 8841 §6.2: digits without leading zeroes. More than 64 bits hold is as good as their maximum.
pub(super) fn max_message_size(text: &str) -> Result<u64, Fault> {
    whole(
        text,
        field(Field::MaxMessageSize, |input| {
            let (rest, text) = digits(input)?;
            if has_leading_zero(text) {
                reject(input)
            } else {
                Ok((rest, text.parse().unwrap_or(u64::MAX)))
            }
        }),
    )
}

fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

/// `a=sctpmap`, from draft 5 of what became RFC 8841: `a=sctpmap:5000 webrtc-datachannel 1024`.
/// RFC 9429 §5.1.2 wants it understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SctpMap<'a> {
    /// The SCTP port, which is the `m=` line's format too.
    pub port: u16,
    /// `webrtc-datachannel`.
    pub protocol: &'a str,
    /// How many streams, if it says so.
    pub streams: Option<u16>,
}

impl<'a> SctpMap<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, port) = field(Field::SctpPort, number_u16(0..=u16::MAX)).parse(input)?;
            let (input, protocol) = field(Field::SctpMapProtocol, preceded(space, token)).parse(input)?;
            let (input, streams) = opt(preceded(
                space,
                cut(field(Field::StreamCount, number_u16(0..=u16::MAX))),
            ))
            .parse(input)?;
            Ok((
                input,
                Self {
                    port,
                    protocol,
                    streams,
                },
            ))
        })
    }
}

impl fmt::Display for SctpMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.port, self.protocol)?;
        self.streams.map_or(Ok(()), |streams| write!(f, " {streams}"))
    }
}
