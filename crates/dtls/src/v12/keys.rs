//! The key schedule of DTLS 1.2: pseudorandom function, master secret, record keys, Finished,
//! exporter.

use alloc::vec::Vec;

use pollrtc_crypto::{CryptoError, HashAlgorithm, Provider};
use zeroize::Zeroizing;

use crate::error::ExportError;
use crate::records::{Keys, iv_len};
use crate::wire::CipherSuite;

const MASTER_SECRET_LEN: usize = 48;
pub(super) const VERIFY_DATA_LEN: usize = 12;

/// Labels of the key schedule itself, which the exporter must not be used with (RFC 5705 §4).
const RESERVED_LABELS: [&str; 5] = [
    "client finished",
    "server finished",
    "master secret",
    "extended master secret",
    "key expansion",
];

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Everything that the keys of a connection come from.
pub(crate) struct Secrets {
    pub(super) suite: CipherSuite,
    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    master_secret: Zeroizing<[u8; MASTER_SECRET_LEN]>,
}

impl Secrets {
    /// RFC 7627 §4: the master secret from the shared secret and the hash of the handshake up to
    /// and with ClientKeyExchange.
    pub(super) fn new(
        provider: &dyn Provider,
        suite: CipherSuite,
        client_random: [u8; 32],
        server_random: [u8; 32],
        shared_secret: &[u8],
        session_hash: &[u8],
    ) -> Result<Self, CryptoError> {
        let mut master_secret = Zeroizing::new([0; MASTER_SECRET_LEN]);
        let label = "extended master secret";
        let out = &mut *master_secret;
        prf(provider, suite.hash(), shared_secret, label, &[session_hash], out)?;
        Ok(Self {
            suite,
            client_random,
            server_random,
            master_secret,
        })
    }

    /// RFC 5246 §6.3: the keys of the client's records and of the server's.
    pub(super) fn record_keys(&self, provider: &dyn Provider) -> Result<(Keys, Keys), CryptoError> {
        let algorithm = self.suite.aead();
        let (key_len, iv_len) = (algorithm.key_len(), iv_len(algorithm));
        let mut block = Zeroizing::new([0u8; 2 * (32 + 12)]);
        let length = 2 * (key_len + iv_len);
        let block = block.get_mut(..length).ok_or(CryptoError::InvalidKey)?;
        let seed: [&[u8]; 2] = [&self.server_random, &self.client_random];
        self.prf(provider, "key expansion", &seed, block)?;

        let (keys, ivs) = block.split_at(2 * key_len);
        let (client_key, server_key) = keys.split_at(key_len);
        let (client_iv, server_iv) = ivs.split_at(iv_len);
        Ok((
            Keys::new(provider, algorithm, client_key, client_iv)?,
            Keys::new(provider, algorithm, server_key, server_iv)?,
        ))
    }

    /// RFC 5246 §7.4.9: what `side` puts into its Finished after a handshake with this hash.
    pub(super) fn verify_data(
        &self,
        provider: &dyn Provider,
        side: Side,
        transcript_hash: &[u8],
    ) -> Result<[u8; VERIFY_DATA_LEN], CryptoError> {
        let label = match side {
            Side::Client => "client finished",
            Side::Server => "server finished",
        };
        let mut out = [0; VERIFY_DATA_LEN];
        self.prf(provider, label, &[transcript_hash], &mut out)?;
        Ok(out)
    }

    /// RFC 5705 §4: keys for others. No context and an empty context are two different things.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        if RESERVED_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        let length = u16::try_from(context.unwrap_or_default().len())
            .map_err(|_| ExportError::ContextTooLong)?
            .to_be_bytes();
        let parts: [&[u8]; 4] = [
            &self.client_random,
            &self.server_random,
            &length,
            context.unwrap_or_default(),
        ];
        let seed = match context {
            Some(_) => &parts[..],
            None => &parts[..2],
        };
        self.prf(provider, label, seed, out).map_err(|_| ExportError::Provider)
    }

    fn prf(&self, provider: &dyn Provider, label: &str, seed: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        let secret = &*self.master_secret;
        prf(provider, self.suite.hash(), secret, label, seed, out)
    }
}

/// RFC 5246 §5: as many bytes as asked for, from a secret, a label and a seed.
fn prf(
    provider: &dyn Provider,
    hash: HashAlgorithm,
    secret: &[u8],
    label: &str,
    seed: &[&[u8]],
    out: &mut [u8],
) -> Result<(), CryptoError> {
    let key = provider.hmac(hash, secret)?;
    let mut a = Zeroizing::new([0; HashAlgorithm::MAX_OUTPUT_LEN]);
    let mut block = Zeroizing::new([0; HashAlgorithm::MAX_OUTPUT_LEN]);
    let mut parts: Vec<&[u8]> = Vec::with_capacity(seed.len() + 2);
    parts.push(label.as_bytes());
    parts.extend_from_slice(seed);
    let mut a_len = key.sign(&parts, &mut a);
    for chunk in out.chunks_mut(hash.output_len()) {
        let mut with_a: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        with_a.push(a.get(..a_len).unwrap_or_default());
        with_a.extend_from_slice(&parts);
        key.sign(&with_a, &mut block);
        for (byte, produced) in chunk.iter_mut().zip(block.iter()) {
            *byte = *produced;
        }
        let previous = a.clone();
        a_len = key.sign(&[previous.get(..a_len).unwrap_or_default()], &mut a);
    }
    Ok(())
}
