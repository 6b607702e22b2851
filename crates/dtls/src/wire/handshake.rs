//! Handshake messages of DTLS 1.2 (RFC 6347 §4.2.2, RFC 5246 §7.4, RFC 8422 §5).

use nom::Parser;
use nom::combinator::{eof, map, opt, verify};
use nom::multi::fold_many0;
use nom::number::complete::{be_u8, be_u16, be_u24};
use nom::sequence::terminated;

use pollrtc_crypto::SignatureScheme;

use super::extensions::Extensions;
use super::parse::{Codes, ParseError, Parsed, complete, opaque8, opaque16, opaque24, random, version};
use super::{Authentication, HandshakeType, Version};

/// The end of a ServerHello's random if the server speaks DTLS 1.3 and was made to choose 1.2 (RFC 8446 §4.1.3).
pub const DOWNGRADE_TO_1_2: [u8; 8] = *b"DOWNGRD\x01";
/// The same for a server that was made to choose less than 1.2.
pub const DOWNGRADE_TO_1_1: [u8; 8] = *b"DOWNGRD\x00";

/// Bytes before the body of a message, and before each fragment of one.
pub const HEADER_LEN: usize = 12;

/// A fragment of a handshake message (RFC 6347 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The message's kind.
    pub kind: HandshakeType,
    /// The length of the whole message's body.
    pub length: u32,
    /// Which message of the sender it is.
    pub message_seq: u16,
    /// Where in the body this fragment begins.
    pub offset: u32,
    /// This part of the body.
    pub body: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn parse(input: &'a [u8]) -> Parsed<'a, Self> {
        let (rest, (kind, length, message_seq, offset, body)) =
            (map(be_u8, HandshakeType), be_u24, be_u16, be_u24, opaque24).parse(input)?;
        // The fragment lies within its message (CVE-2014-0195).
        let end = u64::from(offset).saturating_add(body.len() as u64);
        if end > u64::from(length) {
            return Err(nom::Err::Error(ParseError::Length));
        }
        let fragment = Self {
            kind,
            length,
            message_seq,
            offset,
            body,
        };
        Ok((rest, fragment))
    }

    /// Whether the message's last byte is in it.
    pub fn is_last(&self) -> bool {
        u64::from(self.offset).saturating_add(self.body.len() as u64) == u64::from(self.length)
    }

    /// The header, as on the wire.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [s0, s1] = self.message_seq.to_be_bytes();
        let [_, o0, o1, o2] = self.offset.to_be_bytes();
        let [.., f0, f1, f2] = self.body.len().to_be_bytes();
        [self.kind.0, l0, l1, l2, s0, s1, o0, o1, o2, f0, f1, f2]
    }
}

/// The fragments of a record; ends after the first that is not well-formed. A record may hold
/// several.
pub fn fragments(record: &[u8]) -> Fragments<'_> {
    Fragments { rest: record }
}

/// See [`fragments`].
#[derive(Clone, Debug)]
pub struct Fragments<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fragments<'a> {
    type Item = Result<Fragment<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match Fragment::parse(core::mem::take(&mut self.rest)) {
            Ok((rest, fragment)) => {
                self.rest = rest;
                Some(Ok(fragment))
            }
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Some(Err(error)),
            Err(nom::Err::Incomplete(_)) => Some(Err(ParseError::Length)),
        }
    }
}

/// The client's offer (RFC 6347 §4.3.2).
#[derive(Clone, Debug)]
pub struct ClientHello<'a> {
    /// The highest version before 1.3 that the client speaks.
    pub version: Version,
    /// The client's randomness.
    pub random: &'a [u8; 32],
    /// A session to resume, which we never do.
    pub session_id: &'a [u8],
    /// What HelloVerifyRequest gave.
    pub cookie: &'a [u8],
    /// By the client's preference.
    pub cipher_suites: Codes<'a>,
    /// Must hold 0.
    pub compression_methods: &'a [u8],
    /// Everything else.
    pub extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = (
            version,
            random,
            session_id,
            opaque8,
            Codes::parse16,
            verify(opaque8, |methods: &[u8]| !methods.is_empty()),
            optional_extensions,
        );
        let parser = map(
            parser,
            |(version, random, session_id, cookie, cipher_suites, methods, extensions)| Self {
                version,
                random,
                session_id,
                cookie,
                cipher_suites,
                compression_methods: methods,
                extensions,
            },
        );
        complete(parser, body)
    }

    /// Whether the client speaks `wanted`: its list of versions decides if it sent one
    /// (RFC 8446 §4.2.1), else its version field.
    pub fn offers_version(&self, wanted: Version) -> Result<bool, ParseError> {
        match self.extensions.supported_versions()? {
            Some(list) => Ok(list.contains(wanted.0)),
            // DTLS counts downwards from 0xfeff, so whatever is lower is newer; TLS counts upwards.
            None => Ok((0x8000..=wanted.0).contains(&self.version.0)),
        }
    }
}

/// The server's choice (RFC 5246 §7.4.1.3).
#[derive(Clone, Debug)]
pub struct ServerHello<'a> {
    /// The version that both speak from here on.
    pub version: Version,
    /// The server's randomness.
    pub random: &'a [u8; 32],
    /// A name for this session, of which we make no use.
    pub session_id: &'a [u8],
    /// One of the client's.
    pub cipher_suite: u16,
    /// 0.
    pub compression_method: u8,
    /// Answers to the client's extensions.
    pub extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = (version, random, session_id, be_u16, be_u8, optional_extensions);
        let parser = map(
            parser,
            |(version, random, session_id, cipher_suite, compression_method, extensions)| Self {
                version,
                random,
                session_id,
                cipher_suite,
                compression_method,
                extensions,
            },
        );
        complete(parser, body)
    }
}

/// The server's cookie (RFC 6347 §4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloVerifyRequest<'a> {
    /// DTLS 1.0 or 1.2, and no promise of either.
    pub version: Version,
    /// To be sent back.
    pub cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = map((version, opaque8), |(version, cookie)| Self { version, cookie });
        complete(parser, body)
    }
}

/// A certificate chain (RFC 5246 §7.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateChain<'a> {
    list: &'a [u8],
}

impl<'a> CertificateChain<'a> {
    /// Parses a whole body; every certificate in it is well delimited and not empty.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let list = complete(opaque24, body)?;
        let certificates = terminated(fold_many0(certificate, || (), |(), _: &[u8]| ()), eof);
        complete(certificates, list)?;
        Ok(Self { list })
    }

    /// The DER of each, the sender's own first.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.list;
        core::iter::from_fn(move || {
            let (after, der) = certificate(rest).ok()?;
            rest = after;
            Some(der)
        })
    }
}

fn certificate(input: &[u8]) -> Parsed<'_, &[u8]> {
    verify(opaque24, |der: &[u8]| !der.is_empty()).parse(input)
}

/// The server's ephemeral key on a named curve, signed (RFC 8422 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerKeyExchange<'a> {
    /// The group's code point.
    pub group: u16,
    /// The public key.
    pub public_key: &'a [u8],
    /// What is signed after both randoms: group and public key with their framing.
    pub params: &'a [u8],
    /// The scheme's code point.
    pub scheme: u16,
    /// The signature.
    pub signature: &'a [u8],
}

/// The only form of curve that is left: by name.
pub const NAMED_CURVE: u8 = 3;

impl<'a> ServerKeyExchange<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let (rest, (_, group, public_key)) =
            match (verify(be_u8, |curve_type| *curve_type == NAMED_CURVE), be_u16, opaque8).parse(body) {
                Ok(parsed) => parsed,
                Err(nom::Err::Error(error) | nom::Err::Failure(error)) => return Err(error),
                Err(nom::Err::Incomplete(_)) => return Err(ParseError::Length),
            };
        let params_len = body.len().saturating_sub(rest.len());
        let params = body.get(..params_len).ok_or(ParseError::Length)?;
        let (scheme, signature) = complete((be_u16, opaque16), rest)?;
        Ok(Self {
            group,
            public_key,
            params,
            scheme,
            signature,
        })
    }
}

/// The server wants a certificate (RFC 5246 §7.4.4).
#[derive(Clone, Copy, Debug)]
pub struct CertificateRequest<'a> {
    /// Kinds of keys: 64 is ECDSA, 1 is RSA.
    pub certificate_types: &'a [u8],
    /// What the server can verify.
    pub signature_schemes: Codes<'a>,
    /// Names of authorities, of which WebRTC makes no use.
    pub authorities: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    /// The code point of ECDSA keys.
    pub const ECDSA_SIGN: u8 = 64;
    /// The code point of RSA keys.
    pub const RSA_SIGN: u8 = 1;

    /// Whether the server takes a certificate whose key signs with this scheme. Both lists count.
    pub fn takes(&self, scheme: SignatureScheme) -> bool {
        let kind = match Authentication::of(scheme) {
            Authentication::Ecdsa => Self::ECDSA_SIGN,
            Authentication::Rsa => Self::RSA_SIGN,
        };
        self.certificate_types.contains(&kind) && self.signature_schemes.contains(scheme as u16)
    }

    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = map(
            (opaque8, Codes::parse16, opaque16),
            |(certificate_types, signature_schemes, authorities)| Self {
                certificate_types,
                signature_schemes,
                authorities,
            },
        );
        complete(parser, body)
    }
}

/// The client's ephemeral key (RFC 8422 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientKeyExchange<'a> {
    /// The public key.
    pub public_key: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        complete(map(opaque8, |public_key| Self { public_key }), body)
    }
}

/// The client's proof that its certificate is its own (RFC 5246 §7.4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateVerify<'a> {
    /// The scheme's code point.
    pub scheme: u16,
    /// Over all messages so far.
    pub signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let parser = map((be_u16, opaque16), |(scheme, signature)| Self { scheme, signature });
        complete(parser, body)
    }
}

/// The proof that both saw the same handshake (RFC 5246 §7.4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished<'a> {
    /// Twelve bytes from the pseudorandom function.
    pub verify_data: &'a [u8; 12],
}

impl<'a> Finished<'a> {
    /// Parses a whole body.
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let verify_data = body.try_into().map_err(|_| ParseError::Length)?;
        Ok(Self { verify_data })
    }
}

/// At most 32 bytes.
fn session_id(input: &[u8]) -> Parsed<'_, &[u8]> {
    verify(opaque8, |id: &[u8]| id.len() <= 32).parse(input)
}

/// Hellos may end before the extensions (RFC 5246 §7.4.1.2).
fn optional_extensions(input: &[u8]) -> Parsed<'_, Extensions<'_>> {
    let (rest, bytes) = match input.is_empty() {
        true => (input, None),
        false => opt(opaque16).parse(input)?,
    };
    let extensions = Extensions::parse(bytes.unwrap_or_default()).map_err(nom::Err::Failure)?;
    Ok((rest, extensions))
}
