//! Extensions of both hellos. What is not known is skipped, never refused by the parser.

use nom::Parser;
use nom::combinator::{map, verify};
use nom::multi::fold_many0;
use nom::number::complete::{be_u8, be_u16};
use nom::sequence::preceded;

use super::parse::{Codes, ParseError, Parsed, complete, opaque8, opaque16};
use super::{ExtensionType, Version};

/// A hello with more is refused, so that looking for duplicates stays cheap. Browsers send about 16.
pub const MAX_EXTENSIONS: usize = 64;

/// The kind of a server's name: a DNS name (RFC 6066 §3).
pub const HOST_NAME: u8 = 0;

/// The longest that a DNS name can be (RFC 1035 §2.3.4).
const MAX_HOST_NAME: usize = 255;

/// A block of extensions whose framing is known to be good and in which no type occurs twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// Checks the framing, without the block's own length.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let mut seen = [0u16; MAX_EXTENSIONS];
        let mut count = 0usize;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (after, (kind, _)) = extension(rest).map_err(|_| ParseError::Length)?;
            rest = after;
            if seen.iter().take(count).any(|other| *other == kind.0) {
                return Err(ParseError::DuplicateExtension);
            }
            *seen.get_mut(count).ok_or(ParseError::TooManyExtensions)? = kind.0;
            count = count.saturating_add(1);
        }
        Ok(Self { bytes })
    }

    /// Each type with its content.
    pub fn iter(&self) -> impl Iterator<Item = (ExtensionType, &'a [u8])> + use<'a> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let (after, found) = extension(rest).ok()?;
            rest = after;
            Some(found)
        })
    }

    /// The content of one.
    pub fn get(&self, kind: ExtensionType) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, content)| (found == kind).then_some(content))
    }

    fn typed<T>(
        &self,
        kind: ExtensionType,
        parser: impl Parser<&'a [u8], Output = T, Error = ParseError>,
    ) -> Result<Option<T>, ParseError> {
        self.get(kind).map(|content| complete(parser, content)).transpose()
    }

    /// Whether an extension is there that has no content.
    fn is_empty_answer(&self, kind: ExtensionType) -> Result<bool, ParseError> {
        match self.get(kind) {
            None => Ok(false),
            Some([]) => Ok(true),
            Some(_) => Err(ParseError::Length),
        }
    }

    /// The client's versions (RFC 8446 §4.2.1).
    pub fn supported_versions(&self) -> Result<Option<Codes<'a>>, ParseError> {
        self.typed(ExtensionType::SUPPORTED_VERSIONS, Codes::parse8)
    }

    /// The server's version (RFC 8446 §4.2.1).
    pub fn selected_version(&self) -> Result<Option<Version>, ParseError> {
        self.typed(ExtensionType::SUPPORTED_VERSIONS, map(be_u16, Version))
    }

    /// What HelloRetryRequest gave; never empty (RFC 8446 §4.2.2).
    pub fn cookie(&self) -> Result<Option<&'a [u8]>, ParseError> {
        let parser = verify(opaque16, |cookie: &[u8]| !cookie.is_empty());
        self.typed(ExtensionType::COOKIE, parser)
    }

    /// The client's public keys (RFC 8446 §4.2.8).
    pub fn key_shares(&self) -> Result<Option<KeyShares<'a>>, ParseError> {
        self.typed(ExtensionType::KEY_SHARE, KeyShares::parse)
    }

    /// The server's public key (RFC 8446 §4.2.8).
    pub fn key_share(&self) -> Result<Option<KeyShare<'a>>, ParseError> {
        self.typed(ExtensionType::KEY_SHARE, KeyShare::parse)
    }

    /// The group of which HelloRetryRequest wants a public key (RFC 8446 §4.2.8).
    pub fn selected_group(&self) -> Result<Option<u16>, ParseError> {
        self.typed(ExtensionType::KEY_SHARE, be_u16)
    }

    /// Groups for key exchange (RFC 8422 §5.1.1).
    pub fn supported_groups(&self) -> Result<Option<Codes<'a>>, ParseError> {
        self.typed(ExtensionType::SUPPORTED_GROUPS, Codes::parse16)
    }

    /// Signature schemes (RFC 5246 §7.4.1.4.1).
    pub fn signature_algorithms(&self) -> Result<Option<Codes<'a>>, ParseError> {
        self.typed(ExtensionType::SIGNATURE_ALGORITHMS, Codes::parse16)
    }

    /// Point formats, of which 0 (uncompressed) must be one (RFC 8422 §5.1.2).
    pub fn ec_point_formats(&self) -> Result<Option<&'a [u8]>, ParseError> {
        let parser = verify(opaque8, |formats: &[u8]| formats.contains(&0));
        self.typed(ExtensionType::EC_POINT_FORMATS, parser)
    }

    /// Whether the master secret covers the handshake (RFC 7627 §5.1); the extension is empty.
    pub fn extended_master_secret(&self) -> Result<bool, ParseError> {
        self.is_empty_answer(ExtensionType::EXTENDED_MASTER_SECRET)
    }

    /// What ties a renegotiation to its predecessor; empty in a first handshake (RFC 5746 §3.2).
    pub fn renegotiation_info(&self) -> Result<Option<&'a [u8]>, ParseError> {
        self.typed(ExtensionType::RENEGOTIATION_INFO, opaque8)
    }

    /// The DER of the names of authorities whose certificates are welcome: at least one, in version
    /// 1.3 (RFC 8446 §4.2.4). WebRTC has no authorities.
    pub fn certificate_authorities(&self) -> Result<Option<&'a [u8]>, ParseError> {
        self.typed(ExtensionType::CERTIFICATE_AUTHORITIES, authorities)
    }

    /// Protocols of the application: the client's by preference, the server's one (RFC 7301 §3.1).
    pub fn application_protocols(&self) -> Result<Option<ProtocolNames<'a>>, ParseError> {
        self.typed(ExtensionType::ALPN, ProtocolNames::parse)
    }

    /// The DNS name by which the client asks for the server (RFC 6066 §3).
    pub fn server_name(&self) -> Result<Option<&'a str>, ParseError> {
        self.typed(ExtensionType::SERVER_NAME, server_names)
    }

    /// Whether the server made use of that name (RFC 6066 §3); the extension is empty.
    pub fn server_name_answer(&self) -> Result<bool, ParseError> {
        self.is_empty_answer(ExtensionType::SERVER_NAME)
    }

    /// The longest plaintext of a record that the sender takes (RFC 8449 §4). In DTLS 1.3 the byte of
    /// the content type counts.
    pub fn record_size_limit(&self) -> Result<Option<u16>, ParseError> {
        self.typed(ExtensionType::RECORD_SIZE_LIMIT, be_u16)
    }

    /// The connection id that the sender wants to be sent; empty if it wants none but may send with
    /// ours (RFC 9146 §3).
    pub fn connection_id(&self) -> Result<Option<&'a [u8]>, ParseError> {
        self.typed(ExtensionType::CONNECTION_ID, opaque8)
    }

    /// SRTP profiles and the master key identifier (RFC 5764 §4.1.1).
    pub fn use_srtp(&self) -> Result<Option<UseSrtp<'a>>, ParseError> {
        self.typed(ExtensionType::USE_SRTP, UseSrtp::parse)
    }
}

/// A public key for key exchange (RFC 8446 §4.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShare<'a> {
    /// The group's code point.
    pub group: u16,
    /// The public key; never empty.
    pub public_key: &'a [u8],
}

impl<'a> KeyShare<'a> {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let key = verify(opaque16, |key: &[u8]| !key.is_empty());
        map((be_u16, key), |(group, public_key)| Self { group, public_key }).parse(input)
    }
}

/// The client's public keys, by preference: none, if it leaves the group to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyShares<'a>(&'a [u8]);

impl<'a> KeyShares<'a> {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, list) = opaque16(input)?;
        let shares = fold_many0(KeyShare::parse, || (), |(), _| ());
        complete(shares, list).map_err(nom::Err::Failure)?;
        Ok((rest, Self(list)))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = KeyShare<'a>> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (after, share) = KeyShare::parse(rest).ok()?;
            rest = after;
            Some(share)
        })
    }
}

/// Names of protocols; at least one, none empty (RFC 7301 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolNames<'a>(&'a [u8]);

impl<'a> ProtocolNames<'a> {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, list) = verify(opaque16, |list: &[u8]| !list.is_empty()).parse(input)?;
        complete(fold_many0(protocol_name, || (), |(), _| ()), list).map_err(nom::Err::Failure)?;
        Ok((rest, Self(list)))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (after, name) = protocol_name(rest).ok()?;
            rest = after;
            Some(name)
        })
    }
}

fn protocol_name(input: &[u8]) -> Parsed<'_, &[u8]> {
    verify(opaque8, |name: &[u8]| !name.is_empty()).parse(input)
}

/// The content of `use_srtp`.
#[derive(Clone, Copy, Debug)]
pub struct UseSrtp<'a> {
    /// Profiles: the client's by preference, the server's one.
    pub profiles: Codes<'a>,
    /// Master key identifier; WebRTC has none.
    pub mki: &'a [u8],
}

impl<'a> UseSrtp<'a> {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        map((Codes::parse16, opaque8), |(profiles, mki)| Self { profiles, mki }).parse(input)
    }
}

/// A list of which only one name can be known: there is no kind but DNS names.
fn server_names(input: &[u8]) -> Parsed<'_, &str> {
    let (rest, list) = opaque16(input)?;
    let name = preceded(verify(be_u8, |kind| *kind == HOST_NAME), opaque16);
    let name = complete(name, list).map_err(nom::Err::Failure)?;
    let is_name = !name.is_empty() && name.len() <= MAX_HOST_NAME && !name.contains(&0);
    match core::str::from_utf8(name) {
        Ok(name) if is_name => Ok((rest, name)),
        _ => Err(nom::Err::Failure(ParseError::Value)),
    }
}

fn authorities(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, list) = verify(opaque16, |list: &[u8]| !list.is_empty()).parse(input)?;
    let name = verify(opaque16, |name: &[u8]| !name.is_empty());
    complete(fold_many0(name, || (), |(), _: &[u8]| ()), list).map_err(nom::Err::Failure)?;
    Ok((rest, list))
}

fn extension(input: &[u8]) -> Parsed<'_, (ExtensionType, &[u8])> {
    (map(be_u16, ExtensionType), opaque16).parse(input)
}
