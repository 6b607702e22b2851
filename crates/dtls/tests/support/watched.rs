//! A cryptographic provider that counts what it is asked for, and knows each nonce that it sealed with.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use pollrtc_crypto::{
    AeadAlgorithm, AeadKey, CryptoError, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange,
    KeyExchangeAnswer, NamedGroup, Provider, RecordNumberKey, Rng, SignatureScheme, SigningKey, default_provider,
};
use zeroize::Zeroizing;

/// Nonces by key.
type Nonces = Arc<Mutex<HashSet<[u8; 12]>>>;

/// The default provider, watched. It lives as long as the test program.
pub(crate) struct Watched {
    inner: &'static dyn Provider,
    counts: Arc<Counts>,
    sealed: Mutex<HashMap<Vec<u8>, Nonces>>,
}

#[derive(Default)]
struct Counts {
    key_exchanges: AtomicU64,
    signatures: AtomicU64,
    verifications: AtomicU64,
    keys: AtomicU64,
    sealed: AtomicU64,
}

/// Operations with public keys, and keys for records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) key_exchanges: u64,
    pub(crate) signatures: u64,
    pub(crate) verifications: u64,
    pub(crate) record_keys: u64,
}

impl Watched {
    pub(crate) fn leak() -> &'static Self {
        Box::leak(Box::new(Self {
            inner: default_provider(),
            counts: Arc::default(),
            sealed: Mutex::default(),
        }))
    }

    /// What was done so far; the count begins anew.
    pub(crate) fn take_work(&self) -> Work {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Work {
            key_exchanges: take(&self.counts.key_exchanges),
            signatures: take(&self.counts.signatures),
            verifications: take(&self.counts.verifications),
            record_keys: take(&self.counts.keys),
        }
    }

    /// Records that were encrypted, each with a nonce of its own.
    pub(crate) fn sealed(&self) -> u64 {
        self.counts.sealed.load(Ordering::Relaxed)
    }

    /// Keys that something was encrypted with.
    pub(crate) fn sealing_keys(&self) -> usize {
        let sealed = self.sealed.lock().unwrap();
        sealed
            .values()
            .filter(|nonces| !nonces.lock().unwrap().is_empty())
            .count()
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched(..)")
    }
}

fn count(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

impl Provider for Watched {
    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        count(&self.counts.keys);
        let nonces = self.sealed.lock().unwrap().entry(key.to_vec()).or_default().clone();
        Ok(Box::new(WatchedAead {
            inner: self.inner.aead(algorithm, key)?,
            nonces,
            counts: self.counts.clone(),
        }))
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        self.inner.record_number_key(algorithm, key)
    }

    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError> {
        self.inner.ctr(algorithm, key)
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError> {
        self.inner.hash(algorithm)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        self.inner.hmac(algorithm, key)
    }

    fn groups(&self) -> &'static [NamedGroup] {
        self.inner.groups()
    }

    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError> {
        count(&self.counts.key_exchanges);
        self.inner.key_exchange(group, rng)
    }

    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError> {
        count(&self.counts.key_exchanges);
        self.inner.answer_key_exchange(group, peer_public_key, rng)
    }

    fn signature_schemes(&self) -> &'static [SignatureScheme] {
        self.inner.signature_schemes()
    }

    fn verify(
        &self,
        scheme: SignatureScheme,
        subject_public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        count(&self.counts.verifications);
        self.inner.verify(scheme, subject_public_key_info, message, signature)
    }

    fn generate_signing_key(&self, rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError> {
        Ok(Arc::new(WatchedSigner {
            inner: self.inner.generate_signing_key(rng)?,
            counts: self.counts.clone(),
        }))
    }

    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.inner.signing_key_from_pkcs8(der)
    }
}

struct WatchedAead {
    inner: Box<dyn AeadKey>,
    nonces: Nonces,
    counts: Arc<Counts>,
}

impl AeadKey for WatchedAead {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8]) -> Result<[u8; 16], CryptoError> {
        count(&self.counts.sealed);
        assert!(self.nonces.lock().unwrap().insert(*nonce), "a nonce is used twice");
        self.inner.seal(nonce, aad, in_out)
    }

    fn open(&self, nonce: &[u8; 12], aad: &[u8], in_out: &mut [u8], tag: &[u8; 16]) -> Result<(), CryptoError> {
        self.inner.open(nonce, aad, in_out, tag)
    }
}

struct WatchedSigner {
    inner: Arc<dyn SigningKey>,
    counts: Arc<Counts>,
}

impl fmt::Debug for WatchedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl SigningKey for WatchedSigner {
    fn schemes(&self) -> &[SignatureScheme] {
        self.inner.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8], rng: &mut Rng) -> Result<Vec<u8>, CryptoError> {
        count(&self.counts.signatures);
        self.inner.sign(scheme, message, rng)
    }

    fn public_key_info(&self) -> &[u8] {
        self.inner.public_key_info()
    }

    fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.inner.to_pkcs8()
    }
}
