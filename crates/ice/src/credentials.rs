//! Username fragments and passwords.

use alloc::string::String;
use core::fmt;

use pollrtc_crypto::Rng;
use zeroize::Zeroize;

use crate::tag::{ALPHABET, UfragTag};

/// A username fragment and its password (RFC 8445 §5.3), as `a=ice-ufrag` and `a=ice-pwd` carry
/// them.
///
/// ```
/// use pollrtc_ice::Credentials;
/// let theirs = Credentials::new("8hhY", "asd88fgpdd777uzjYhagZg");
/// assert_eq!(theirs.ufrag, "8hhY");
/// assert!(!format!("{theirs:?}").contains("asd88")); // the password stays out of logs
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The username fragment: 4 to 256 characters.
    pub ufrag: String,
    /// The password: 22 to 256 characters.
    pub pwd: String,
}

impl Credentials {
    /// Credentials that were signalled.
    pub fn new(ufrag: impl Into<String>, pwd: impl Into<String>) -> Self {
        Self {
            ufrag: ufrag.into(),
            pwd: pwd.into(),
        }
    }

    /// Fresh ones. RFC 8445 §5.3 asks for at least 24 bits in the fragment and 128 in the password;
    /// these have 48 and 144, so that a server can tell many peers on one socket apart.
    pub fn generate(rng: &mut Rng) -> Self {
        Self {
            ufrag: ice_chars::<8>(rng),
            pwd: ice_chars::<24>(rng),
        }
    }

    /// The same with a fragment that begins with `tag`, and has 36 random bits then.
    pub fn generate_tagged(rng: &mut Rng, tag: Option<UfragTag>) -> Self {
        let mut credentials = Self::generate(rng);
        if let Some(tag) = tag {
            tag.put(&mut credentials.ufrag);
        }
        credentials
    }
}

impl Credentials {
    /// RFC 8839 §5.4.
    pub(crate) fn check_lengths(&self) -> Result<(), CredentialsError> {
        if !(4..=256).contains(&self.ufrag.len()) {
            return Err(CredentialsError::UfragLength(self.ufrag.len()));
        }
        if !(22..=256).contains(&self.pwd.len()) {
            return Err(CredentialsError::PwdLength(self.pwd.len()));
        }
        Ok(())
    }
}

/// Why credentials can't be a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Not 4 to 256 characters.
    #[error("the username fragment has {0} characters; RFC 8839 §5.4 wants 4 to 256")]
    UfragLength(usize),
    /// Not 22 to 256 characters.
    #[error("the password has {0} characters; RFC 8839 §5.4 wants 22 to 256")]
    PwdLength(usize),
}

impl Drop for Credentials {
    fn drop(&mut self) {
        self.pwd.zeroize();
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// `N` random characters of the 64 that RFC 8839 §5.4 allows, 6 bits each.
fn ice_chars<const N: usize>(rng: &mut Rng) -> String {
    let symbol = |byte: u8| char::from(ALPHABET[usize::from(byte & 63)]);
    rng.array::<N>().into_iter().map(symbol).collect()
}
