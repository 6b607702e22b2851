//! Certificate fingerprints, as SDP carries them (RFC 8122 §5).

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

use core::fmt;
use core::str::FromStr;

use ctutils::CtEq;
use sha1::Sha1;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::HashAlgorithm;

/// The hash of a certificate, by which the peers of a session name each other.
///
/// Written and read in the form of the value of SDP's `fingerprint` attribute:
///
/// ```
/// use pollrtc_crypto::{Fingerprint, HashAlgorithm};
///
/// let ours = Fingerprint::of(HashAlgorithm::Sha1, b"the DER of a certificate");
/// let in_sdp = ours.to_string();
/// assert!(in_sdp.starts_with("sha-1 ") && in_sdp.len() == 6 + 59);
///
/// let theirs: Fingerprint = in_sdp.parse()?;
/// assert!(theirs.matches(b"the DER of a certificate"));
/// assert!(!theirs.matches(b"the DER of another"));
/// # Ok::<(), pollrtc_crypto::FingerprintError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    algorithm: HashAlgorithm,
    /// The hash, in front of zeros where the algorithm gives less.
    digest: [u8; HashAlgorithm::MAX_OUTPUT_LEN],
}

/// Why a text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// No space between the name of a hash function and its value.
    #[error("a fingerprint is a hash function's name, one space and its value")]
    MissingValue,
    /// A hash function that we don't compute, such as `md5`: look for another fingerprint of the
    /// same description.
    #[error("the fingerprint's hash function is not supported")]
    UnknownAlgorithm,
    /// Something other than two hexadecimal digits, or no colon between two pairs of them.
    #[error("a fingerprint's value is pairs of hexadecimal digits with colons between them")]
    InvalidDigit,
    /// More or fewer bytes than the hash function gives.
    #[error("the fingerprint's value has the wrong length for its hash function")]
    WrongLength,
}

impl Fingerprint {
    /// The fingerprint of a certificate, given as DER.
    pub fn of(algorithm: HashAlgorithm, certificate_der: &[u8]) -> Self {
        match algorithm {
            HashAlgorithm::Sha1 => Self::padded(algorithm, &Sha1::digest(certificate_der)),
            HashAlgorithm::Sha224 => Self::padded(algorithm, &Sha224::digest(certificate_der)),
            HashAlgorithm::Sha256 => Self::padded(algorithm, &Sha256::digest(certificate_der)),
            HashAlgorithm::Sha384 => Self::padded(algorithm, &Sha384::digest(certificate_der)),
            HashAlgorithm::Sha512 => Self::padded(algorithm, &Sha512::digest(certificate_der)),
        }
    }

    /// Reads the two halves of the attribute's value: `parse("sha-256", "AB:CD:..")`. Names of
    /// hash functions are case-insensitive, and so are the digits, though RFC 8122 §5 wants them
    /// in upper case.
    pub fn parse(algorithm: &str, value: &str) -> Result<Self, FingerprintError> {
        let algorithm = HashAlgorithm::from_name(algorithm).ok_or(FingerprintError::UnknownAlgorithm)?;
        let mut digest = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        let mut bytes = digest.iter_mut().take(algorithm.output_len());
        for pair in value.split(':') {
            let &[high, low] = pair.as_bytes() else {
                return Err(FingerprintError::InvalidDigit);
            };
            let byte = bytes.next().ok_or(FingerprintError::WrongLength)?;
            *byte = hex_digit(high)? << 4 | hex_digit(low)?;
        }
        match bytes.next() {
            None => Ok(Self { algorithm, digest }),
            Some(_) => Err(FingerprintError::WrongLength),
        }
    }

    /// The fingerprint with this digest; `None` if there are more or fewer than the hash function gives.
    pub fn from_digest(algorithm: HashAlgorithm, digest: &[u8]) -> Option<Self> {
        (digest.len() == algorithm.output_len()).then(|| Self::padded(algorithm, digest))
    }

    /// The hash function of the fingerprint.
    pub const fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The bytes of the hash, as many as the hash function gives.
    pub fn digest(&self) -> &[u8] {
        self.digest.get(..self.algorithm.output_len()).unwrap_or(&self.digest)
    }

    /// Whether this is the fingerprint of the certificate, given as DER. Compares in constant
    /// time.
    #[must_use]
    pub fn matches(&self, certificate_der: &[u8]) -> bool {
        let theirs = Self::of(self.algorithm, certificate_der);
        self.digest[..].ct_eq(&theirs.digest[..]).into()
    }

    fn padded(algorithm: HashAlgorithm, digest: &[u8]) -> Self {
        let mut padded = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        for (to, from) in padded.iter_mut().zip(digest) {
            *to = *from;
        }
        Self {
            algorithm,
            digest: padded,
        }
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads the value of the attribute: `sha-256 AB:CD:..`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (algorithm, value) = text.split_once(' ').ok_or(FingerprintError::MissingValue)?;
        Self::parse(algorithm, value)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.name())?;
        let mut separator = ' ';
        for byte in self.digest() {
            write!(f, "{separator}{byte:02X}")?;
            separator = ':';
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// The value of one hexadecimal digit, below 16.
fn hex_digit(digit: u8) -> Result<u8, FingerprintError> {
    match char::from(digit).to_digit(16) {
        // A digit is below 16, so nothing is cut off.
        Some(value) => Ok(value as u8),
        None => Err(FingerprintError::InvalidDigit),
    }
}
