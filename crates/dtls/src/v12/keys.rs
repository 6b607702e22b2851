//! The key schedule of DTLS 1.2: pseudorandom function, master secret, record keys, Finished,
//! exporter.

use alloc::vec::Vec;

use pollrtc_crypto::{CryptoError, HashAlgorithm, Provider, Secret};
use zeroize::Zeroizing;

use crate::records::{Keys12, iv_len};
use crate::wire::CipherSuite;

const MASTER_SECRET_LEN: usize = 48;
pub(super) const VERIFY_DATA_LEN: usize = 12;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// Everything that the keys of a connection come from (RFC 5246 §6.1).
pub(crate) struct SecurityParameters {
    pub(crate) suite: CipherSuite,
    pub(super) client_random: [u8; 32],
    pub(super) server_random: [u8; 32],
    master_secret: Secret,
}

impl SecurityParameters {
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
        let mut master_secret = Secret::with_len(MASTER_SECRET_LEN);
        let label = "extended master secret";
        let out = master_secret.as_bytes_mut();
        prf(provider, suite.hash(), shared_secret, label, &[session_hash], out)?;
        Ok(Self {
            suite,
            client_random,
            server_random,
            master_secret,
        })
    }

    /// What the key log gets (RFC 9850 §2.2).
    pub(super) fn master_secret(&self) -> &[u8] {
        self.master_secret.as_bytes()
    }

    /// RFC 5246 §6.3: the keys of the client's records and of the server's.
    pub(super) fn record_keys(&self, provider: &dyn Provider) -> Result<(Keys12, Keys12), CryptoError> {
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
            Keys12::new(provider, algorithm, client_key, client_iv)?,
            Keys12::new(provider, algorithm, server_key, server_iv)?,
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

    /// RFC 5705 §4: keys for others. The context comes with its length.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &str,
        context: Option<(u16, &[u8])>,
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (length, context_bytes) = context.unwrap_or_default();
        let length = length.to_be_bytes();
        let parts: [&[u8]; 4] = [&self.client_random, &self.server_random, &length, context_bytes];
        let seed = match context {
            Some(_) => &parts[..],
            None => &parts[..2],
        };
        self.prf(provider, label, seed, out)
    }

    fn prf(&self, provider: &dyn Provider, label: &str, seed: &[&[u8]], out: &mut [u8]) -> Result<(), CryptoError> {
        let secret = self.master_secret.as_bytes();
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
        block.copy_from_slice(&*a);
        a_len = key.sign(&[block.get(..a_len).unwrap_or_default()], &mut a);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that circulate with the IETF's TLS working group for P_SHA256.
    #[test]
    fn the_pseudorandom_function_gives_the_published_bytes() {
        let secret = [
            0x9b, 0xbe, 0x43, 0x6b, 0xa9, 0x40, 0xf0, 0x17, 0xb1, 0x76, 0x52, 0x84, 0x9a, 0x71, 0xdb, 0x35,
        ];
        let seed = [
            0xa0, 0xba, 0x9f, 0x93, 0x6c, 0xda, 0x31, 0x18, 0x27, 0xa6, 0xf7, 0x96, 0xff, 0xd5, 0x19, 0x8c,
        ];
        let provider = pollrtc_crypto::rust_crypto::PROVIDER;
        let mut out = [0; 100];
        prf(
            provider,
            HashAlgorithm::Sha256,
            &secret,
            "test label",
            &[&seed],
            &mut out,
        )
        .unwrap();
        assert_eq!(
            out[..32],
            [
                0xe3, 0xf2, 0x29, 0xba, 0x72, 0x7b, 0xe1, 0x7b, 0x8d, 0x12, 0x26, 0x20, 0x55, 0x7c, 0xd4, 0x53, 0xc2,
                0xaa, 0xb2, 0x1d, 0x07, 0xc3, 0xd4, 0x95, 0x32, 0x9b, 0x52, 0xd4, 0xe6, 0x1e, 0xdb, 0x5a,
            ]
        );
        assert_eq!(out[92..], [0x10, 0xff, 0xf7, 0x01, 0x87, 0x34, 0x7b, 0x66]);
    }
}
