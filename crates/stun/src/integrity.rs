//! Keys for MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 §9, §14.5, §14.6).

use pollrtc_crypto::{HmacSha1, HmacSha256};

/// A key for MESSAGE-INTEGRITY. The password goes through the hash once, here; signing and verifying
/// a message starts from the state that this left behind.
///
/// Wiped when dropped, never printed.
///
/// ```
/// use pollrtc_stun::IntegrityKey;
/// let ours = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt"); // as a=ice-pwd gives it
/// # let _ = ours;
/// ```
#[derive(Clone, Debug)]
pub struct IntegrityKey(HmacSha1);

impl IntegrityKey {
    /// The key of a short-term credential, as ICE uses it: the password itself (RFC 8489 §9.1.1).
    ///
    /// The password must have gone through the OpaqueString profile (RFC 8265); ICE's alphabet
    /// (RFC 8839 §5.4) is unchanged by it.
    pub fn short_term(password: &str) -> Self {
        Self::from_bytes(password.as_bytes())
    }

    /// A key that was derived elsewhere, such as that of a long-term credential (RFC 8489 §9.2.2).
    pub fn from_bytes(key: &[u8]) -> Self {
        Self(HmacSha1::new(key))
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 20] {
        self.0.sign(parts)
    }

    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8; 20]) -> bool {
        self.0.verify(parts, tag)
    }
}

/// A key for MESSAGE-INTEGRITY-SHA256; see [`IntegrityKey`].
#[derive(Clone, Debug)]
pub struct IntegrityKeySha256(HmacSha256);

impl IntegrityKeySha256 {
    /// The key of a short-term credential (RFC 8489 §9.1.1).
    pub fn short_term(password: &str) -> Self {
        Self::from_bytes(password.as_bytes())
    }

    /// A key that was derived elsewhere, such as that of a long-term credential (RFC 8489 §9.2.2).
    pub fn from_bytes(key: &[u8]) -> Self {
        Self(HmacSha256::new(key))
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.sign(parts)
    }

    pub(crate) fn verify(&self, parts: &[&[u8]], tag: &[u8; 32]) -> bool {
        self.0.verify(parts, tag)
    }
}
