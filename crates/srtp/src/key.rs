//! Master keys, and how DTLS exports them.

use core::fmt;

use zeroize::Zeroizing;

use crate::Profile;

/// The master key and salt of one direction (RFC 3711 §3.2.1), from which an [`Outbound`](crate::Outbound) at one end
/// and an [`Inbound`](crate::Inbound) at the other derive the keys of their packets. Wiped when dropped.
///
/// ```
/// use pollrtc_srtp::{MasterKey, Profile};
/// let key = MasterKey::new(Profile::Aes128CmHmacSha1_80, &[7; 16], &[8; 14])?;
/// assert_eq!(format!("{key:?}"), "MasterKey { profile: Aes128CmHmacSha1_80, .. }");
/// # Ok::<(), pollrtc_srtp::KeyError>(())
/// ```
#[derive(Clone)]
pub struct MasterKey {
    profile: Profile,
    /// Key and salt, one behind the other.
    bytes: Zeroizing<[u8; MAX_LEN]>,
}

impl MasterKey {
    /// A key that the caller has: from SDES (RFC 4568), or of its own making.
    ///
    /// # Errors
    ///
    /// If key or salt don't have the lengths of the profile.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        let expected = profile.key_len() + profile.salt_len();
        if (key.len(), salt.len()) != (profile.key_len(), profile.salt_len()) {
            return Err(KeyError {
                expected,
                len: key.len() + salt.len(),
            });
        }
        let mut bytes = Zeroizing::new([0; MAX_LEN]);
        for (to, from) in bytes.iter_mut().zip(key.iter().chain(salt)) {
            *to = *from;
        }
        Ok(Self { profile, bytes })
    }

    /// What it is for.
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.bytes.get(..self.profile.key_len()).unwrap_or_default()
    }

    pub(crate) fn salt(&self) -> &[u8] {
        let begin = self.profile.key_len();
        self.bytes
            .get(begin..begin + self.profile.salt_len())
            .unwrap_or_default()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// The keys of both directions, as a DTLS association exports them (RFC 5764 §4.2).
///
/// What the client sends is protected with [`client`](Self::client), what the server sends with
/// [`server`](Self::server): each end makes its `Outbound` of its own key and its `Inbound` of the other's. The two
/// are never the same, so that no SSRC that both ends happen to choose makes them use a keystream twice (RFC 3711
/// §9.1).
///
/// ```
/// use pollrtc_srtp::{DtlsKeys, Profile};
/// // `connection.export_keying_material(label, None, out)`, once the handshake is done.
/// let export = |label: &str, out: &mut [u8]| -> Result<(), std::convert::Infallible> {
///     assert_eq!(label, DtlsKeys::EXPORTER_LABEL);
///     out.fill(7);
///     Ok(())
/// };
/// let keys = DtlsKeys::export(Profile::AeadAes128Gcm, export).unwrap();
/// assert_eq!(keys.client.profile(), Profile::AeadAes128Gcm);
/// ```
#[derive(Clone, Debug)]
pub struct DtlsKeys {
    /// For the packets of the DTLS client.
    pub client: MasterKey,
    /// For the packets of the DTLS server.
    pub server: MasterKey,
}

impl DtlsKeys {
    /// The label to export with (RFC 5764 §4.2), without a context.
    pub const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";

    /// How many bytes to export.
    pub const fn exported_len(profile: Profile) -> usize {
        2 * (profile.key_len() + profile.salt_len())
    }

    /// Asks an exporter for the bytes: it is given the label and the place for them, which is wiped afterwards.
    ///
    /// # Errors
    ///
    /// What the exporter says.
    pub fn export<E>(profile: Profile, exporter: impl FnOnce(&str, &mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut exported = Zeroizing::new([0; 2 * MAX_LEN]);
        let (exported, _) = exported.split_at_mut(Self::exported_len(profile).min(2 * MAX_LEN));
        exporter(Self::EXPORTER_LABEL, exported)?;
        Ok(Self::split(profile, exported))
    }

    /// From bytes that were exported.
    ///
    /// # Errors
    ///
    /// If there are not as many as [`exported_len`](Self::exported_len) says.
    pub fn from_exported(profile: Profile, exported: &[u8]) -> Result<Self, KeyError> {
        let expected = Self::exported_len(profile);
        if exported.len() != expected {
            return Err(KeyError {
                expected,
                len: exported.len(),
            });
        }
        Ok(Self::split(profile, exported))
    }

    /// RFC 5764 §4.2: the client's key, the server's key, the client's salt, the server's salt.
    fn split(profile: Profile, exported: &[u8]) -> Self {
        let (key_len, salt_len) = (profile.key_len(), profile.salt_len());
        let one = |number: usize| {
            let mut bytes = Zeroizing::new([0; MAX_LEN]);
            let key = exported.iter().skip(number * key_len).take(key_len);
            let salt = exported.iter().skip(2 * key_len + number * salt_len).take(salt_len);
            for (to, from) in bytes.iter_mut().zip(key.chain(salt)) {
                *to = *from;
            }
            MasterKey { profile, bytes }
        };
        Self {
            client: one(0),
            server: one(1),
        }
    }
}

/// Key and salt don't have the lengths that the profile asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes of key and salt instead of {expected}")]
pub struct KeyError {
    /// Bytes of both that the profile asks for.
    pub expected: usize,
    /// Bytes of both that were given.
    pub len: usize,
}

/// Bytes of the longest key and salt.
const MAX_LEN: usize = 32 + 14;
