//! Keys of an ICE generation: what its checks are signed and verified with.

use alloc::format;
use alloc::string::String;

use pollrtc_stun::IntegrityKey;

use crate::credentials::Credentials;

/// Both sides' credentials of one generation, keyed once.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) local: Credentials,
    pub(crate) local_key: IntegrityKey,
    pub(crate) remote: Option<RemoteKeys>,
}

#[derive(Debug)]
pub(crate) struct RemoteKeys {
    pub(crate) credentials: Credentials,
    pub(crate) key: IntegrityKey,
    /// USERNAME of our requests: theirs, a colon, ours (RFC 8445 §7.2.2).
    pub(crate) username: String,
}

impl Keys {
    pub(crate) fn new(local: Credentials) -> Self {
        let local_key = IntegrityKey::short_term(&local.pwd);
        Self {
            local,
            local_key,
            remote: None,
        }
    }

    pub(crate) fn set_remote(&mut self, credentials: Credentials) {
        self.remote = Some(RemoteKeys {
            key: IntegrityKey::short_term(&credentials.pwd),
            username: format!("{}:{}", credentials.ufrag, self.local.ufrag),
            credentials,
        });
    }
}
