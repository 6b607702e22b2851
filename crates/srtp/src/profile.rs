//! What packets are protected with.

use core::fmt;

use pollrtc_crypto::{AeadAlgorithm, CtrAlgorithm, SrtpTransform};

/// How the packets of a session are protected, as its two ends have agreed.
///
/// ```
/// use pollrtc_srtp::Profile;
/// let profile = Profile::Aes128CmHmacSha1_32;
/// assert_eq!(profile.rtp_tag_len(), 4);
/// assert_eq!(profile.rtcp_tag_len(), 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// AES-128 in counter mode, tags of 80 bits (RFC 3711 §4.1.1 and §4.2.1).
    Aes128CmHmacSha1_80,
    /// The same with tags of 32 bits for RTP.
    Aes128CmHmacSha1_32,
    /// AES-256 in counter mode, tags of 80 bits (RFC 6188).
    Aes256CmHmacSha1_80,
    /// The same with tags of 32 bits for RTP.
    Aes256CmHmacSha1_32,
    /// AES-128 in Galois/counter mode (RFC 7714).
    AeadAes128Gcm,
    /// AES-256 in Galois/counter mode (RFC 7714).
    AeadAes256Gcm,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 6] = [
        Self::Aes128CmHmacSha1_80,
        Self::Aes128CmHmacSha1_32,
        Self::Aes256CmHmacSha1_80,
        Self::Aes256CmHmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The profile of a transform, as DTLS names what it agreed upon; `None` for those that SRTP has not.
    ///
    /// ```
    /// use pollrtc_crypto::{AeadAlgorithm, SrtpTransform};
    /// use pollrtc_srtp::Profile;
    /// let transform = SrtpTransform::Aead(AeadAlgorithm::Aes128Gcm);
    /// assert_eq!(Profile::of(transform), Some(Profile::AeadAes128Gcm));
    /// assert_eq!(Profile::of(SrtpTransform::Aead(AeadAlgorithm::ChaCha20Poly1305)), None);
    /// ```
    pub fn of(transform: SrtpTransform) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.transform() == transform)
    }

    /// The transform, in terms of cryptography.
    pub const fn transform(self) -> SrtpTransform {
        let (cipher, tag_len) = match self {
            Self::Aes128CmHmacSha1_80 => (CtrAlgorithm::Aes128Ctr, TAG_80),
            Self::Aes128CmHmacSha1_32 => (CtrAlgorithm::Aes128Ctr, TAG_32),
            Self::Aes256CmHmacSha1_80 => (CtrAlgorithm::Aes256Ctr, TAG_80),
            Self::Aes256CmHmacSha1_32 => (CtrAlgorithm::Aes256Ctr, TAG_32),
            Self::AeadAes128Gcm => return SrtpTransform::Aead(AeadAlgorithm::Aes128Gcm),
            Self::AeadAes256Gcm => return SrtpTransform::Aead(AeadAlgorithm::Aes256Gcm),
        };
        SrtpTransform::CtrHmacSha1 { cipher, tag_len }
    }

    /// Bytes of a master key.
    pub const fn key_len(self) -> usize {
        self.transform().key_len()
    }

    /// Bytes of a master salt.
    pub const fn salt_len(self) -> usize {
        self.transform().salt_len()
    }

    /// Bytes of the tag of an SRTP packet.
    pub const fn rtp_tag_len(self) -> usize {
        match self.transform() {
            SrtpTransform::CtrHmacSha1 { tag_len, .. } => tag_len,
            _ => AeadAlgorithm::TAG_LEN,
        }
    }

    /// Bytes of the tag of an SRTCP packet: 10 where those of SRTP have 4 (RFC 5764 §4.1.2).
    pub const fn rtcp_tag_len(self) -> usize {
        match self.transform() {
            SrtpTransform::CtrHmacSha1 { .. } => TAG_80,
            _ => AeadAlgorithm::TAG_LEN,
        }
    }
}

/// The name in the registry of DTLS-SRTP (RFC 5764 §4.1.2, RFC 7714 §14.2); AES-256 in counter mode has none there,
/// and is spelled alike.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes128CmHmacSha1_80 => "SRTP_AES128_CM_HMAC_SHA1_80",
            Self::Aes128CmHmacSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
            Self::Aes256CmHmacSha1_80 => "SRTP_AES256_CM_HMAC_SHA1_80",
            Self::Aes256CmHmacSha1_32 => "SRTP_AES256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "SRTP_AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "SRTP_AEAD_AES_256_GCM",
        })
    }
}

/// Bytes of a tag of 80 bits.
pub(crate) const TAG_80: usize = 10;
/// Bytes of a tag of 32 bits.
pub(crate) const TAG_32: usize = 4;
