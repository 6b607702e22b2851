//! What a message of the handshake leads to.

use alloc::vec::Vec;

use pollrtc_crypto::NamedGroup;

use super::agreed::Agreed;

/// What a message leads to: another state, or the end of the handshake with the secrets of its version.
pub(crate) enum Step<S, K> {
    /// The handshake goes on from here.
    Next(S),
    /// The handshake is complete.
    Complete(Established<K>),
}

impl<S, K> Step<S, K> {
    /// The same for whoever stands above the version.
    pub(crate) fn map<T, L>(self, state: impl FnOnce(S) -> T, secrets: impl FnOnce(K) -> L) -> Step<T, L> {
        match self {
            Self::Next(next) => Step::Next(state(next)),
            Self::Complete(established) => Step::Complete(Established {
                secrets: secrets(established.secrets),
                agreed: established.agreed,
                group: established.group,
                retried: established.retried,
                peer_certificate: established.peer_certificate,
            }),
        }
    }
}

/// What a ClientHello leads to at a server.
pub(crate) enum HelloResponse<S> {
    /// The client has to say hello again with a cookie: this message goes out once, and nothing of the client is
    /// kept. The client sends its hello again if it does not get it.
    Cookie(Vec<u8>),
    /// The client has to say hello again with another public key: a flight says so.
    Retry,
    /// The handshake goes on from here.
    Accepted(S),
}

impl<S> HelloResponse<S> {
    /// The same for whoever stands above the version.
    pub(crate) fn map<T>(self, state: impl FnOnce(S) -> T) -> HelloResponse<T> {
        match self {
            Self::Cookie(message) => HelloResponse::Cookie(message),
            Self::Retry => HelloResponse::Retry,
            Self::Accepted(server) => HelloResponse::Accepted(state(server)),
        }
    }
}

/// What a complete handshake leaves behind.
pub(crate) struct Established<K> {
    /// All keys come from these.
    pub(crate) secrets: K,
    pub(crate) agreed: Agreed,
    /// Of the ephemeral keys.
    pub(crate) group: NamedGroup,
    /// Whether a HelloRetryRequest came first.
    pub(crate) retried: bool,
    /// Empty for an anonymous client.
    pub(crate) peer_certificate: Vec<u8>,
}
