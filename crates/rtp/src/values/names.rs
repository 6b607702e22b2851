//! Names of sections and layers.

use super::value::{HeaderExtension, put};
use crate::extension::Extension;

/// The longest name that is taken: none that WebRTC gives is longer than 16, and each stream keeps one.
const LEN_MAX: usize = 64;

/// Text that was found to have only such characters.
fn text(value: &[u8], is_allowed: impl Fn(u8) -> bool) -> Option<&str> {
    let is_right = matches!(value.len(), 1..=LEN_MAX) && value.iter().all(|byte| is_allowed(*byte));
    if is_right {
        core::str::from_utf8(value).ok()
    } else {
        None
    }
}

/// RFC 8866 §9: what a `token` has.
const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~')
}

/// RFC 8852 §3: letters and digits. RFC 8851 §4 has these two as well in descriptions, and some use them.
const fn is_stream_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $is_allowed:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'d>(pub &'d str);

        impl<'d> HeaderExtension<'d> for $name<'d> {
            const KIND: Extension = $kind;

            /// Names of up to 64 characters, all of them allowed.
            #[inline]
            fn parse(value: &'d [u8]) -> Option<Self> {
                text(value, $is_allowed).map(Self)
            }

            fn encoded_len(&self) -> usize {
                self.0.len()
            }

            fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
                put(self.0.as_bytes(), buf)
            }
        }
    };
}

name!(
    /// The section that a stream belongs to (RFC 9143 §15.1): a token.
    ///
    /// ```
    /// use pollrtc_rtp::{HeaderExtension, Mid};
    /// assert_eq!(Mid::parse(b"0"), Some(Mid("0")));
    /// assert_eq!(Mid::parse(b"a b"), None);
    /// ```
    Mid,
    Extension::Mid,
    is_token
);

name!(
    /// The layer of a simulcast (RFC 8852 §3.1): letters and digits, `-` and `_`.
    Rid,
    Extension::Rid,
    is_stream_id
);

name!(
    /// The layer that a stream repairs (RFC 8852 §3.2): letters and digits, `-` and `_`.
    RepairedRid,
    Extension::RepairedRid,
    is_stream_id
);
