//! Peer connections and routers, through their public API and in virtual time.

mod connect;
mod dialects;
mod ending;
mod frames;
mod handshakes;
mod hostile;
mod hostile_script;
mod laws;
mod liveness;
mod media;
mod negotiation;
mod networks;
mod renegotiation;
mod replacement;
mod script;
mod security;
mod support;
mod transports;

/// Who does the cryptography of [`script`]: RustCrypto, whose runs repeat.
const PROVIDER: &dyn pollrtc_crypto::Provider = pollrtc_crypto::rust_crypto::PROVIDER;
