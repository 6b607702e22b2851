//! The keys of a context, and what they do to a packet.

use alloc::boxed::Box;

use pollrtc_crypto::{
    AeadKey, CryptoError, CtrAlgorithm, CtrKey, HmacSha1, Provider, SrtpKeyDerivation, SrtpKeyLabel, SrtpTransform,
};
use zeroize::Zeroizing;

use crate::MasterKey;
use crate::header::{EXTENSION_HEADER_LEN, Header};
use crate::profile::{TAG_32, TAG_80};

/// The keys that are derived from a master key, once (RFC 3711 §4.3; with DTLS the key derivation rate is 0).
pub(crate) struct SessionKeys {
    pub(crate) rtp: Transform,
    pub(crate) rtcp: Transform,
    /// For header extensions (RFC 6904 §3).
    pub(crate) extensions: Keystream,
}

impl SessionKeys {
    pub(crate) fn derive(provider: &dyn Provider, master: &MasterKey) -> Result<Self, CryptoError> {
        let transform = master.profile().transform();
        let algorithm = transform.key_derivation();
        let derivation = SrtpKeyDerivation::new(provider, algorithm, master.key(), master.salt())?;
        let short_tags = master.profile().rtp_tag_len() == TAG_32;
        Ok(Self {
            rtp: Transform::derive(provider, transform, &derivation, RTP, short_tags)?,
            rtcp: Transform::derive(provider, transform, &derivation, RTCP, false)?,
            // RFC 7714 §8.3: with AES-GCM as well. RFC 6904 §3: the salt is as long as that of payloads; where it is shorter than
            // AES-CM has it, zeros follow.
            extensions: Keystream::derive(provider, algorithm, &derivation, EXTENSIONS, transform.salt_len())?,
        })
    }
}

/// Encryption, authentication, salt.
type Labels = [SrtpKeyLabel; 3];
const RTP: Labels = [
    SrtpKeyLabel::SrtpEncryption,
    SrtpKeyLabel::SrtpAuthentication,
    SrtpKeyLabel::SrtpSalt,
];
const RTCP: Labels = [
    SrtpKeyLabel::SrtcpEncryption,
    SrtpKeyLabel::SrtcpAuthentication,
    SrtpKeyLabel::SrtcpSalt,
];
const EXTENSIONS: [SrtpKeyLabel; 2] = [SrtpKeyLabel::SrtpHeaderEncryption, SrtpKeyLabel::SrtpHeaderSalt];

/// What no two packets under one key have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketId {
    pub(crate) ssrc: u32,
    /// 48 bits for RTP, 31 for RTCP.
    pub(crate) index: u64,
}

impl PacketId {
    /// What an RTP packet is authenticated with and does not carry (RFC 3711 §4.2).
    pub(crate) const fn rollovers(self) -> [u8; 4] {
        ((self.index >> 16) as u32).to_be_bytes()
    }
}

/// How one kind of packet is protected.
pub(crate) enum Transform {
    CtrHmac(CtrHmac),
    Aead(Aead),
}

impl Transform {
    fn derive(
        provider: &dyn Provider,
        transform: SrtpTransform,
        derivation: &SrtpKeyDerivation,
        labels: Labels,
        short_tags: bool,
    ) -> Result<Self, CryptoError> {
        let [encryption, authentication, salt] = labels;
        match transform {
            SrtpTransform::CtrHmacSha1 { cipher, .. } => {
                let mut key = Zeroizing::new([0; SrtpTransform::HMAC_KEY_LEN]);
                derivation.derive(authentication, &mut *key);
                Ok(Self::CtrHmac(CtrHmac {
                    keystream: Keystream::derive(provider, cipher, derivation, [encryption, salt], SALT_LEN)?,
                    mac: HmacSha1::new(&*key),
                    short_tags,
                }))
            }
            SrtpTransform::Aead(algorithm) => {
                let mut key = Zeroizing::new([0; MAX_KEY_LEN]);
                let (key, _) = key.split_at_mut(algorithm.key_len().min(MAX_KEY_LEN));
                derivation.derive(encryption, key);
                let mut nonce = Zeroizing::new([0; 16]);
                let (_, place) = nonce.split_at_mut(4);
                derivation.derive(salt, place);
                Ok(Self::Aead(Aead {
                    key: provider.aead(algorithm, key)?,
                    salt: Zeroizing::new(u128::from_be_bytes(*nonce)),
                }))
            }
            _ => Err(CryptoError::Unsupported),
        }
    }
}

/// AES in counter mode, of which every packet has a part to itself.
pub(crate) struct Keystream {
    key: Box<dyn CtrKey>,
    /// The salt, in the place that it has in a counter.
    salt: Zeroizing<u128>,
}

impl Keystream {
    fn derive(
        provider: &dyn Provider,
        algorithm: CtrAlgorithm,
        derivation: &SrtpKeyDerivation,
        [encryption, salt]: [SrtpKeyLabel; 2],
        salt_len: usize,
    ) -> Result<Self, CryptoError> {
        let mut key = Zeroizing::new([0; MAX_KEY_LEN]);
        let (key, _) = key.split_at_mut(algorithm.key_len().min(MAX_KEY_LEN));
        derivation.derive(encryption, key);
        let mut counter = Zeroizing::new([0; CtrAlgorithm::COUNTER_LEN]);
        let (place, _) = counter.split_at_mut(salt_len.min(SALT_LEN));
        derivation.derive(salt, place);
        Ok(Self {
            key: provider.ctr(algorithm, key)?,
            salt: Zeroizing::new(u128::from_be_bytes(*counter)),
        })
    }

    /// Encrypts or decrypts what has the packet's keystream from its `block`th block on. RFC 3711 §4.1.1: the counter is
    /// the salt with the SSRC and the index added, each in its place; its low 16 bits count blocks.
    #[inline]
    pub(crate) fn apply(&self, id: PacketId, block: u16, bytes: &mut [u8]) {
        let counter = *self.salt ^ u128::from(id.ssrc) << 64 ^ u128::from(id.index) << 16 ^ u128::from(block);
        self.key.apply_keystream(&counter.to_be_bytes(), bytes);
    }
}

/// A keystream, and the first bytes of an HMAC-SHA1.
pub(crate) struct CtrHmac {
    pub(crate) keystream: Keystream,
    pub(crate) mac: HmacSha1,
    /// Whether tags have 32 bits instead of 80.
    short_tags: bool,
}

impl CtrHmac {
    pub(crate) const fn tag_len(&self) -> usize {
        match self.short_tags {
            true => TAG_32,
            false => TAG_80,
        }
    }

    /// Whether the tag, of [`tag_len`](Self::tag_len) bytes, is that of the parts.
    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        // Time does not depend on what is in the tag; its length is no secret.
        match self.short_tags {
            true => <&[u8; TAG_32]>::try_from(tag).is_ok_and(|tag| self.mac.verify_first(parts, tag)),
            false => <&[u8; TAG_80]>::try_from(tag).is_ok_and(|tag| self.mac.verify_first(parts, tag)),
        }
    }
}

/// Authenticated encryption.
pub(crate) struct Aead {
    key: Box<dyn AeadKey>,
    /// The salt, in the place that it has in a nonce: the low 96 bits.
    salt: Zeroizing<u128>,
}

impl Aead {
    /// RFC 7714 §8.1 and §9.1: the salt with the SSRC and the index added, each in its place.
    #[inline]
    fn nonce(&self, id: PacketId) -> [u8; 12] {
        let nonce = *self.salt ^ u128::from(id.ssrc) << 48 ^ u128::from(id.index);
        let [_, _, _, _, nonce @ ..] = nonce.to_be_bytes();
        nonce
    }

    /// The tag; `None` if the bytes are more than one nonce covers.
    #[inline]
    pub(crate) fn seal(&self, id: PacketId, clear: &[u8], bytes: &mut [u8]) -> Option<[u8; 16]> {
        self.key.seal(&self.nonce(id), clear, bytes).ok()
    }

    /// Whether the tag is right; if not, the bytes are unspecified.
    #[inline]
    pub(crate) fn open(&self, id: PacketId, clear: &[u8], bytes: &mut [u8], tag: &[u8; 16]) -> bool {
        self.key.open(&self.nonce(id), clear, bytes, tag).is_ok()
    }
}

/// Which bytes of a packet are encrypted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Portion {
    /// Where they begin.
    begin: usize,
    /// Where they end.
    pub(crate) end: usize,
    /// Where the contributing sources end, if they are encrypted as well.
    sources_end: Option<usize>,
}

impl Portion {
    /// All behind a header that stays as it is.
    pub(crate) const fn behind(begin: usize, end: usize) -> Self {
        Self {
            begin,
            end,
            sources_end: None,
        }
    }

    /// All but the fixed header and that of the extension (RFC 9335 §6).
    pub(crate) const fn with_header(header: &Header, end: usize) -> Self {
        Self {
            begin: Header::FIXED_LEN + EXTENSION_HEADER_LEN,
            end,
            sources_end: Some(header.sources_end),
        }
    }

    /// Works on what stays as it is, and on what is encrypted. `None` if they don't lie in the packet.
    #[inline]
    pub(crate) fn with<R>(self, packet: &mut [u8], work: impl FnOnce(&[u8], &mut [u8]) -> R) -> Option<R> {
        // RFC 9335 §6.2: the header of the extension moves before the contributing sources meanwhile, so that both
        // parts are of one piece.
        if let Some(end) = self.sources_end {
            let moved = packet.get_mut(Header::FIXED_LEN..end + EXTENSION_HEADER_LEN)?;
            moved.rotate_right(EXTENSION_HEADER_LEN);
        }
        let (clear, encrypted) = packet.get_mut(..self.end)?.split_at_mut_checked(self.begin)?;
        let result = work(clear, encrypted);
        if let Some(end) = self.sources_end {
            let moved = packet.get_mut(Header::FIXED_LEN..end + EXTENSION_HEADER_LEN)?;
            moved.rotate_left(EXTENSION_HEADER_LEN);
        }
        Some(result)
    }
}

/// Bytes of the longest key of a cipher.
const MAX_KEY_LEN: usize = 32;
/// Bytes of a salt for counter mode.
const SALT_LEN: usize = 14;
