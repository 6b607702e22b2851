//! The certificates that a test gives us.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use pollrtc_crypto::{Certificate, CryptoError, Rng, SignatureScheme, SigningKey, default_provider};

use crate::options::Credential;
use crate::session::Failure;

/// Reads a certificate and its key. Each signature takes `delay` of the time of the test. What is
/// signed is noted in `signatures` under the credential's number.
pub(crate) fn load(
    credential: &Credential,
    number: usize,
    delay: Duration,
    signatures: &Arc<Signatures>,
) -> Result<Certificate, Failure> {
    let (Some(certificate), Some(key)) = (&credential.certificate_file, &credential.key_file) else {
        return Err(Failure::Credential);
    };
    let mut chain = pem(certificate, "CERTIFICATE")?;
    let key = pem(key, "PRIVATE KEY")?;
    let key = default_provider()
        .signing_key_from_pkcs8(key.first().ok_or(Failure::Credential)?)
        .map_err(|_| Failure::Unimplemented("the kind of key"))?;
    let mut schemes = key.schemes().to_vec();
    if !credential.schemes.is_empty() {
        let wanted = credential.schemes.iter();
        schemes = wanted
            .filter_map(|code| schemes.iter().copied().find(|scheme| *scheme as u16 == *code))
            .collect();
    }
    if chain.is_empty() {
        return Err(Failure::Credential);
    }
    let own = chain.remove(0);
    let key = Arc::new(WatchedKey {
        key,
        schemes,
        number,
        delay,
        signatures: signatures.clone(),
    });
    let certificate = Certificate::from_der(&own, key).map_err(|_| Failure::Credential)?;
    Ok(certificate.with_authorities(chain))
}

/// What was signed.
#[derive(Debug)]
pub(crate) struct Signatures {
    /// How long it took, in the time of the test.
    nanos: AtomicU64,
    /// The credential that signed last.
    credential: AtomicUsize,
}

impl Default for Signatures {
    fn default() -> Self {
        Self {
            nanos: AtomicU64::new(0),
            credential: AtomicUsize::new(usize::MAX),
        }
    }
}

impl Signatures {
    /// How much time they took since the last call.
    pub(crate) fn take_time(&self) -> Duration {
        Duration::from_nanos(self.nanos.swap(0, Ordering::Relaxed))
    }

    /// The number of the credential that signed last.
    pub(crate) fn credential(&self) -> Option<usize> {
        Some(self.credential.load(Ordering::Relaxed)).filter(|number| *number != usize::MAX)
    }
}

/// A key that is slow, prefers what the test prefers, and whose use is seen.
#[derive(Debug)]
struct WatchedKey {
    key: Arc<dyn SigningKey>,
    schemes: Vec<SignatureScheme>,
    number: usize,
    delay: Duration,
    signatures: Arc<Signatures>,
}

impl SigningKey for WatchedKey {
    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        let nanos = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        self.signatures.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.signatures.credential.store(self.number, Ordering::Relaxed);
        self.key.sign(scheme, message, rng)
    }

    fn public_key_info(&self) -> &[u8] {
        self.key.public_key_info()
    }

    fn to_pkcs8(&self) -> zeroize::Zeroizing<Vec<u8>> {
        self.key.to_pkcs8()
    }
}

/// The blocks of this kind in a file (RFC 7468).
fn pem(path: &Path, kind: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::Transport)?;
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    let blocks = text.split(&begin).skip(1);
    let bytes = blocks.map(|block| base64(block.split_once(&end)?.0));
    bytes.collect::<Option<_>>().ok_or(Failure::Credential)
}

/// RFC 4648 §4, white space ignored.
fn base64(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for group in digits.chunks(4) {
        let padding = group.iter().filter(|digit| **digit == b'=').count();
        let mut value = 0u32;
        for digit in group {
            let six_bits = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' => 0,
                _ => return None,
            };
            value = value << 6 | u32::from(six_bits);
        }
        bytes.extend_from_slice(value.to_be_bytes().get(1..4usize.checked_sub(padding)?)?);
    }
    Some(bytes)
}
