//! Who speaks DTLS with whom: fingerprint (RFC 8122), setup (RFC 4145), tls-id (RFC 8842).

use core::fmt;

use nom::Parser;

use crate::error::Field;
use crate::grammar::{
    Fault, Parsed, bytes_where, field, is_hash_char, is_ice_char, reject, space, token, whole, write_texts,
};

/// `a=fingerprint`: the hash of a certificate (RFC 8122 §5).
///
/// A hash function that we don't know is no error: the attribute is one of several then, and is
/// ignored where certificates are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint<'a> {
    /// The hash function's name, such as `sha-256`; compare it without regard to case.
    pub algorithm: &'a str,
    /// Pairs of hexadecimal digits joined by colons, as many as the hash function gives.
    pub value: &'a str,
}

impl<'a> Fingerprint<'a> {
    /// Whether this is a hash by `algorithm` (without regard to case).
    pub fn is(&self, algorithm: &str) -> bool {
        self.algorithm.eq_ignore_ascii_case(algorithm)
    }

    /// The hash's bytes.
    pub fn bytes(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.value
            .split(':')
            .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
    }

    pub(crate) fn parse(text: &'a str) -> Result<Self, Fault> {
        whole(text, |input| {
            let (input, algorithm) = field(Field::HashFunction, token).parse(input)?;
            let (input, _) = field(Field::Fingerprint, space).parse(input)?;
            let hash = |input| {
                let (rest, text) = bytes_where(input, is_hash_char)?;
                if is_hash_of(algorithm, text) {
                    Ok((rest, text))
                } else {
                    reject(input)
                }
            };
            let (input, value) = field(Field::Fingerprint, hash).parse(input)?;
            Ok((input, Self { algorithm, value }))
        })
    }
}

/// Pairs of digits, and as many as the hash function gives if we know it. RFC 8122 has upper-case
/// digits; lower-case ones name the same bytes.
fn is_hash_of(algorithm: &str, text: &str) -> bool {
    let lengths = [
        ("sha-256", 32),
        ("sha-1", 20),
        ("sha-224", 28),
        ("sha-384", 48),
        ("sha-512", 64),
        ("md5", 16),
        ("md2", 16),
    ];
    // The text has nothing but digits and colons.
    let is_pair = |chunk: &[u8]| match chunk {
        [high, low, b':'] | [high, low] => (*high != b':') & (*low != b':'),
        _ => false,
    };
    let is_pairs = text.len() % 3 == 2
        && text
            .as_bytes()
            .chunks(3)
            .fold(true, |pairs, chunk| pairs & is_pair(chunk));
    let pairs = text.len().div_ceil(3);
    is_pairs
        && lengths
            .iter()
            .find(|(name, _)| algorithm.eq_ignore_ascii_case(name))
            .is_none_or(|(_, length)| *length == pairs)
}

impl fmt::Display for Fingerprint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_texts(f, &[self.algorithm, " ", self.value])
    }
}

/// `a=setup`: who starts the DTLS handshake (RFC 4145 §4, RFC 8842 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The writer starts: it is the DTLS client.
    Active,
    /// The writer waits: it is the DTLS server.
    Passive,
    /// The answerer chooses; in offers only.
    ActPass,
    /// Nobody starts for now.
    HoldConn,
}

impl Setup {
    /// The name as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
            Setup::HoldConn => "holdconn",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        whole(
            text,
            field(Field::Setup, |input| {
                let (rest, text) = token(input)?;
                // RFC 8866 §6: attribute values are compared as they are unless it is said otherwise.
                let setup = match text {
                    "active" => Setup::Active,
                    "passive" => Setup::Passive,
                    "actpass" => Setup::ActPass,
                    "holdconn" => Setup::HoldConn,
                    _ => return reject(input),
                };
                Ok((rest, setup))
            }),
        )
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// RFC 8842 §4: 20 to 255 characters, each of six bits.
pub(super) fn tls_id(text: &str) -> Result<&str, Fault> {
    whole(text, field(Field::TlsId, tls_id_chars))
}

fn tls_id_chars(input: &str) -> Parsed<'_, &str> {
    let (rest, text) = bytes_where(input, |byte| is_ice_char(byte) || matches!(byte, b'-' | b'_'))?;
    if (20..=255).contains(&text.len()) {
        Ok((rest, text))
    } else {
        reject(input)
    }
}
