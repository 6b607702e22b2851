//! Handshake messages that have another form in DTLS 1.3 (RFC 8446 §4, RFC 9147 §5).
//!
//! ClientHello, ServerHello and CertificateVerify kept theirs: see [`handshake`](super::handshake).

use nom::Parser;
use nom::combinator::{eof, map, verify};
use nom::multi::fold_many0;
use nom::number::complete::{be_u8, be_u32};
use nom::sequence::terminated;

use super::Writer;
use super::extensions::Extensions;
use super::parse::{ParseError, Parsed, complete, opaque8, opaque16, opaque24};

/// The random of a ServerHello that is a HelloRetryRequest (RFC 8446 §4.1.3).
pub const HELLO_RETRY_REQUEST_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// What the server answers to extensions, encrypted (RFC 8446 §4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptedExtensions<'a> {
    /// The answers.
    pub extensions: Extensions<'a>,
}

impl<'a> EncryptedExtensions<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        complete(map(extensions, |extensions| Self { extensions }), body)
    }
}

/// The server wants the client's certificate (RFC 8446 §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// Comes back in the certificate message; empty during the handshake.
    pub context: &'a [u8],
    /// What the server can verify, and more.
    pub extensions: Extensions<'a>,
}

impl<'a> CertificateRequest<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = map((opaque8, extensions), |(context, extensions)| Self {
            context,
            extensions,
        });
        complete(parser, body)
    }
}

/// A certificate chain (RFC 8446 §4.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateChain<'a> {
    /// What the request had; empty during the handshake.
    pub context: &'a [u8],
    list: &'a [u8],
}

impl<'a> CertificateChain<'a> {
    /// Parses a whole body; every certificate in it is well delimited and not empty.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let (context, list) = complete((opaque8, opaque24), body)?;
        let entries = terminated(fold_many0(entry, || (), |(), _| ()), eof);
        complete(entries, list)?;
        Ok(Self { context, list })
    }

    /// The DER of each with its extensions, the sender's own first.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Extensions<'a>)> + use<'a> {
        let mut rest = self.list;
        core::iter::from_fn(move || {
            let (after, found) = entry(rest).ok()?;
            rest = after;
            Some(found)
        })
    }
}

fn entry(input: &[u8]) -> Parsed<'_, (&[u8], Extensions<'_>)> {
    let der = verify(opaque24, |der: &[u8]| !der.is_empty());
    (der, extensions).parse(input)
}

/// The sender's next records have new keys (RFC 8446 §4.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUpdate {
    /// Whether the receiver should change its own keys too.
    pub update_requested: bool,
}

impl KeyUpdate {
    /// Parses a whole body.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        match body {
            [0] => Ok(Self {
                update_requested: false,
            }),
            [1] => Ok(Self { update_requested: true }),
            [_] => Err(ParseError::Value),
            _ => Err(ParseError::Length),
        }
    }

    /// The body.
    pub fn body(self) -> [u8; 1] {
        [u8::from(self.update_requested)]
    }
}

/// What a peer may do with new connection ids (RFC 9147 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ConnectionIdUsage {
    /// It must use one of them from now on.
    Immediate = 0,
    /// It may use them, or go on with what it has.
    Spare = 1,
}

/// Connection ids that the sender takes from here on (RFC 9147 §9).
///
/// ```
/// use pollrtc_dtls::wire::{Writer, v13::{ConnectionIdUsage, NewConnectionId}};
///
/// let mut writer = Writer::new();
/// NewConnectionId::write(&mut writer, [&b"first"[..], b"second"], ConnectionIdUsage::Spare);
/// let bytes = writer.into_bytes();
/// let message = NewConnectionId::parse(&bytes).unwrap();
/// assert!(message.iter().eq([&b"first"[..], b"second"]));
/// assert_eq!(message.usage, ConnectionIdUsage::Spare);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewConnectionId<'a> {
    list: &'a [u8],
    /// What to do with them.
    pub usage: ConnectionIdUsage,
}

impl<'a> NewConnectionId<'a> {
    /// Parses a whole body; every id in it is well delimited.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let (list, usage) = complete((opaque16, be_u8), body)?;
        complete(fold_many0(opaque8, || (), |(), _| ()), list)?;
        let usage = match usage {
            0 => ConnectionIdUsage::Immediate,
            1 => ConnectionIdUsage::Spare,
            _ => return Err(ParseError::Value),
        };
        Ok(Self { list, usage })
    }

    /// The ids, in the order in which they should be used.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.list;
        core::iter::from_fn(move || {
            let (after, id) = opaque8(rest).ok()?;
            rest = after;
            Some(id)
        })
    }

    /// Writes a body.
    pub fn write<'i>(writer: &mut Writer, ids: impl IntoIterator<Item = &'i [u8]>, usage: ConnectionIdUsage) {
        writer.vector16(|writer| {
            for id in ids {
                writer.vector8(|writer| writer.bytes(id));
            }
        });
        writer.u8(usage as u8);
    }
}

/// The sender asks for connection ids (RFC 9147 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestConnectionId {
    /// How many it would like to have.
    pub count: u8,
}

impl RequestConnectionId {
    /// Parses a whole body.
    pub fn parse(body: &[u8]) -> Result<Self, ParseError> {
        match body {
            [count] => Ok(Self { count: *count }),
            _ => Err(ParseError::Length),
        }
    }

    /// The body.
    pub fn body(self) -> [u8; 1] {
        [self.count]
    }
}

/// A session ticket (RFC 8446 §4.6.1), of which we make no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSessionTicket<'a> {
    /// Seconds.
    pub lifetime: u32,
    /// The ticket; never empty.
    pub ticket: &'a [u8],
}

impl<'a> NewSessionTicket<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let ticket = verify(opaque16, |ticket: &[u8]| !ticket.is_empty());
        let parser = map(
            (be_u32, be_u32, opaque8, ticket, extensions),
            |(lifetime, _age_add, _nonce, ticket, _extensions)| Self { lifetime, ticket },
        );
        complete(parser, body)
    }
}

fn extensions(input: &[u8]) -> Parsed<'_, Extensions<'_>> {
    let (rest, bytes) = opaque16(input)?;
    let extensions = Extensions::parse(bytes).map_err(nom::Err::Failure)?;
    Ok((rest, extensions))
}
