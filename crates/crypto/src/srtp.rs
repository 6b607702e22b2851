//! What SRTP needs of cryptography: what its packets are protected with, and the keys for that.

use alloc::boxed::Box;
use core::fmt;

use crate::{AeadAlgorithm, CryptoError, CtrAlgorithm, CtrKey, Provider};

/// A cryptographic transform: how packets of SRTP and SRTCP are protected (RFC 3711 §4, RFC 7714 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SrtpTransform {
    /// A keystream, and the first bytes of an HMAC-SHA1 (RFC 3711 §4.1.1 and §4.2.1).
    CtrHmacSha1 {
        /// The cipher that makes the keystream.
        cipher: CtrAlgorithm,
        /// Bytes of the tag of an SRTP packet. Those of SRTCP have 10 whatever it is (RFC 5764 §4.1.2).
        tag_len: usize,
    },
    /// Authenticated encryption (RFC 7714).
    Aead(AeadAlgorithm),
}

impl SrtpTransform {
    /// Bytes of the session key for HMAC-SHA1 (RFC 3711 §5.2).
    pub const HMAC_KEY_LEN: usize = 20;

    /// Bytes of a master key, and of the session key for encryption: they are of one length.
    pub const fn key_len(self) -> usize {
        match self {
            Self::CtrHmacSha1 { cipher, .. } => cipher.key_len(),
            Self::Aead(algorithm) => algorithm.key_len(),
        }
    }

    /// Bytes of a master salt, and of the session salt (RFC 3711 §5.1, RFC 7714 §12).
    pub const fn salt_len(self) -> usize {
        match self {
            Self::CtrHmacSha1 { .. } => MAX_SALT_LEN,
            Self::Aead(_) => AeadAlgorithm::NONCE_LEN,
        }
    }

    /// The cipher that [derives the session keys](SrtpKeyDerivation): that with the master key's length
    /// (RFC 6188 §3, RFC 7714 §11).
    pub const fn key_derivation(self) -> CtrAlgorithm {
        match self.key_len() {
            32 => CtrAlgorithm::Aes256Ctr,
            _ => CtrAlgorithm::Aes128Ctr,
        }
    }
}

/// The label of a session key: what it is for (RFC 3711 §4.3.1 and §4.3.2, RFC 6904 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum SrtpKeyLabel {
    /// Encryption of SRTP packets.
    SrtpEncryption = 0x00,
    /// Authentication of SRTP packets.
    SrtpAuthentication = 0x01,
    /// The salt of SRTP packets.
    SrtpSalt = 0x02,
    /// Encryption of SRTCP packets.
    SrtcpEncryption = 0x03,
    /// Authentication of SRTCP packets.
    SrtcpAuthentication = 0x04,
    /// The salt of SRTCP packets.
    SrtcpSalt = 0x05,
    /// Encryption of header extensions (RFC 6904 §3).
    SrtpHeaderEncryption = 0x06,
    /// The salt of header extensions (RFC 6904 §3).
    SrtpHeaderSalt = 0x07,
}

impl SrtpKeyLabel {
    /// Every label.
    pub const ALL: [Self; 8] = [
        Self::SrtpEncryption,
        Self::SrtpAuthentication,
        Self::SrtpSalt,
        Self::SrtcpEncryption,
        Self::SrtcpAuthentication,
        Self::SrtcpSalt,
        Self::SrtpHeaderEncryption,
        Self::SrtpHeaderSalt,
    ];
}

/// Derives the keys of a session from a master key and its salt: AES-CM as a pseudo-random function (RFC 3711
/// §4.3.3, for 256 bits RFC 6188 §3). They are derived once: with DTLS-SRTP the key derivation rate is 0 (RFC
/// 5764 §4.1.2).
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// use pollrtc_crypto::{CtrAlgorithm, SrtpKeyDerivation, SrtpKeyLabel, default_provider};
///
/// // A direction's key and salt, as DTLS exports them.
/// let (master_key, master_salt) = ([7; 16], [8; 14]);
/// let derivation =
///     SrtpKeyDerivation::new(default_provider(), CtrAlgorithm::Aes128Ctr, &master_key, &master_salt).unwrap();
/// let (mut key, mut salt) = ([0; 16], [0; 14]);
/// derivation.derive(SrtpKeyLabel::SrtpEncryption, &mut key);
/// derivation.derive(SrtpKeyLabel::SrtpSalt, &mut salt);
/// # }
/// ```
pub struct SrtpKeyDerivation {
    master_key: Box<dyn CtrKey>,
    /// The salt in front of zeros: the counter of a label before this is added.
    counter: [u8; CtrAlgorithm::COUNTER_LEN],
}

impl SrtpKeyDerivation {
    /// A derivation from a master key and its salt of at most 14 bytes. A salt of 12, as AES-GCM has it, counts as if two
    /// zeros followed: RFC 7714 §11 does not say where they go, and this is where all stacks put them.
    ///
    /// # Errors
    ///
    /// [`CryptoError::InvalidKey`] if the key is of another length than the algorithm's, or the salt too long.
    pub fn new(
        provider: &dyn Provider,
        algorithm: CtrAlgorithm,
        master_key: &[u8],
        master_salt: &[u8],
    ) -> Result<Self, CryptoError> {
        let mut counter = [0; CtrAlgorithm::COUNTER_LEN];
        let (room, _) = counter.split_at_mut(MAX_SALT_LEN);
        let room = room.get_mut(..master_salt.len()).ok_or(CryptoError::InvalidKey)?;
        room.copy_from_slice(master_salt);
        Ok(Self {
            master_key: provider.ctr(algorithm, master_key)?,
            counter,
        })
    }

    /// Fills `out` with the key or salt, of at most 1 MiB, that the label stands for.
    pub fn derive(&self, label: SrtpKeyLabel, out: &mut [u8]) {
        let mut counter = self.counter;
        // RFC 3711 §4.3.1: the label stands before an index of 48 bits, which is 0; §4.3.3 shifts both
        // left by the 16 bits in which the blocks are counted.
        counter[7] ^= label as u8;
        out.fill(0);
        self.master_key.apply_keystream(&counter, out);
    }
}

impl fmt::Debug for SrtpKeyDerivation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SrtpKeyDerivation(..)")
    }
}

/// Bytes of the salt that the key derivation takes (RFC 3711 §4.3.3).
const MAX_SALT_LEN: usize = 14;
