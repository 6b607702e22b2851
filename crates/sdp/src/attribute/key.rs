//! Keys in descriptions: `a=crypto` (RFC 4568) and `a=key-mgmt` (RFC 4567). WebRTC uses neither
//! (RFC 9429 §5.2.1); gateways read them.

use core::fmt;

use nom::Parser;
use nom::combinator::{opt, recognize};
use nom::multi::many0_count;
use nom::sequence::preceded;

use crate::error::Field;
use crate::grammar::{Fault, Parsed, field, number_u32, rest, some_text, space, token, visible, whole};

/// `a=crypto`: an SRTP key in the clear (RFC 4568 §9.1). `Debug` does not show it.
///
/// ```
/// use pollrtc_sdp::attribute::Attribute;
///
/// let value = b"1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32 KDR=1";
/// let Ok(Attribute::Crypto(crypto)) = Attribute::parse("crypto", Some(value)) else { panic!() };
/// assert_eq!((crypto.tag, crypto.suite), (1, "AES_CM_128_HMAC_SHA1_80"));
/// assert!(!format!("{crypto:?}").contains("PS1u"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crypto<'a> {
    /// The number by which the answer chooses, of at most nine digits.
    pub tag: u32,
    /// The name of the suite, such as `AES_CM_128_HMAC_SHA1_80`.
    pub suite: &'a str,
    /// Keys, joined by semicolons: `inline:` and base64.
    pub keys: &'a str,
    /// Session parameters, joined by spaces.
    pub parameters: Option<&'a str>,
}

impl<'a> Crypto<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, tag) = field(Field::CryptoTag, number_u32(0..=999_999_999)).parse(input)?;
            let (input, suite) = field(Field::CryptoSuite, preceded(spaces, token)).parse(input)?;
            let (input, keys) = field(Field::Key, preceded(spaces, visible)).parse(input)?;
            let (input, parameters) = opt(preceded(spaces, some_text)).parse(input)?;
            Ok((
                input,
                Self {
                    tag,
                    suite,
                    keys,
                    parameters,
                },
            ))
        })
    }
}

fn spaces(input: &str) -> Parsed<'_, &str> {
    recognize(preceded(space, many0_count(space))).parse(input)
}

impl fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crypto")
            .field("tag", &self.tag)
            .field("suite", &self.suite)
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Crypto<'_> {
    /// The attribute's value, key included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tag, self.suite, self.keys)?;
        self.parameters.map_or(Ok(()), |parameters| write!(f, " {parameters}"))
    }
}

/// `a=key-mgmt`: a message of a key management protocol (RFC 4567 §3.1). `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyMgmt<'a> {
    /// `mikey` or another.
    pub protocol: &'a str,
    /// The message in base64.
    pub data: &'a str,
}

impl<'a> KeyMgmt<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            // RFC 4567 §3.1 shows a space behind the colon in some examples.
            let (input, _) = many0_count(space).parse(input)?;
            let (input, protocol) = field(Field::KeyManagement, token).parse(input)?;
            let (input, data) = field(Field::Key, preceded(space, rest)).parse(input)?;
            Ok((input, Self { protocol, data }))
        })
    }
}

impl fmt::Debug for KeyMgmt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyMgmt")
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for KeyMgmt<'_> {
    /// The attribute's value, message included.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.protocol, self.data)
    }
}
