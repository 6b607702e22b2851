//! The certificate that a test gives us.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollrtc_crypto::{Certificate, CryptoError, Rng, SignatureScheme, SigningKey, default_provider};

use crate::session::Failure;

/// Reads a certificate and its key. Each signature takes `delay` of the time of the test, which is
/// added up in `spent`.
pub(crate) fn load(
    certificate: &Path,
    key: &Path,
    delay: Duration,
    spent: &Arc<Spent>,
) -> Result<Certificate, Failure> {
    let certificate = pem(certificate, "CERTIFICATE")?;
    let key = pem(key, "PRIVATE KEY")?;
    let key = default_provider()
        .signing_key_from_pkcs8(&key)
        .map_err(|_| Failure::Unimplemented("the kind of key"))?;
    let key = Arc::new(SlowKey {
        key,
        delay,
        spent: spent.clone(),
    });
    Certificate::from_der(&certificate, key).map_err(|_| Failure::Credential)
}

/// Time that signatures took, in the time of the test.
#[derive(Debug, Default)]
pub(crate) struct Spent(AtomicU64);

impl Spent {
    /// How much it was since the last call.
    pub(crate) fn take(&self) -> Duration {
        Duration::from_nanos(self.0.swap(0, Ordering::Relaxed))
    }
}

#[derive(Debug)]
struct SlowKey {
    key: Arc<dyn SigningKey>,
    delay: Duration,
    spent: Arc<Spent>,
}

impl SigningKey for SlowKey {
    fn schemes(&self) -> &[SignatureScheme] {
        self.key.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        let nanos = u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX);
        self.spent.0.fetch_add(nanos, Ordering::Relaxed);
        self.key.sign(scheme, message, rng)
    }

    fn public_key_info(&self) -> &[u8] {
        self.key.public_key_info()
    }

    fn to_pkcs8(&self) -> zeroize::Zeroizing<Vec<u8>> {
        self.key.to_pkcs8()
    }
}

/// The first block of this kind in a file (RFC 7468).
fn pem(path: &Path, kind: &str) -> Result<Vec<u8>, Failure> {
    let text = fs::read_to_string(path).map_err(Failure::Transport)?;
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    let block = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
    let (digits, _) = block.ok_or(Failure::Credential)?;
    base64(digits).ok_or(Failure::Credential)
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
