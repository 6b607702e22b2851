//! HMAC with the hashes that STUN and SCTP are tied to, free of providers and allocations.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// Declares a keyed HMAC over one hash: the methods differ in nothing but the length of the tag.
macro_rules! keyed_hmac {
    ($(#[$doc:meta])* $name:ident, $hash:ty, $tag_len:literal) => {
        $(#[$doc])*
        ///
        /// The key goes through the hash once, when it is given; each message starts from the
        /// state that this left behind. The state is wiped when dropped.
        #[derive(Clone)]
        pub struct $name(Hmac<$hash>);

        impl $name {
            /// Bytes of a tag.
            pub const TAG_LEN: usize = $tag_len;

            /// Takes a key of any length.
            pub fn new(key: &[u8]) -> Self {
                Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
            }

            /// The tag over the parts, taken as if they were one message.
            pub fn sign(&self, parts: &[&[u8]]) -> [u8; $tag_len] {
                self.over(parts).finalize().into_bytes().into()
            }

            /// Whether `tag` is the whole tag over the parts, in time that does not depend on how
            /// much of it is right.
            #[must_use]
            pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
                self.over(parts).verify_slice(tag).is_ok()
            }

            fn over(&self, parts: &[&[u8]]) -> Hmac<$hash> {
                let mut mac = self.0.clone();
                for part in parts {
                    mac.update(part);
                }
                mac
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

keyed_hmac! {
    /// HMAC-SHA1 (RFC 2104), keyed: STUN's MESSAGE-INTEGRITY (RFC 8489 §14.5).
    ///
    /// ```
    /// use pollrtc_crypto::HmacSha1;
    /// let key = HmacSha1::new(b"VOkJxbRl1RmTxUk/WvJxBt");
    /// let tag = key.sign(&[b"header", b"attributes"]);
    /// assert_eq!(tag, key.sign(&[b"headerattributes"]));
    /// assert!(key.verify(&[b"headerattributes"], &tag));
    /// assert!(!key.verify(&[b"headerattributes"], &tag[..19]));
    /// ```
    HmacSha1, Sha1, 20
}

keyed_hmac! {
    /// HMAC-SHA256 (RFC 2104), keyed: STUN's MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6) and the
    /// cookies of SCTP (RFC 9260 §5.1.3).
    ///
    /// ```
    /// use pollrtc_crypto::HmacSha256;
    /// let key = HmacSha256::new(&[7; 32]);
    /// let tag = key.sign(&[b"cookie"]);
    /// assert!(key.verify(&[b"coo", b"kie"], &tag));
    /// assert!(!key.verify(&[b"Cookie"], &tag));
    /// ```
    HmacSha256, Sha256, 32
}
