//! Routers: many connections behind one socket or a few, through the public API and in virtual time.

mod contests;
mod flows;
mod media;
mod pacing;
mod peers;
#[path = "../peer/script.rs"]
#[allow(dead_code)] // the fuzz targets and the other tests use all of it
mod script;
mod strays;
mod threads;

/// Who does the cryptography of [`script`]: RustCrypto, whose runs repeat.
const PROVIDER: &dyn pollrtc_crypto::Provider = pollrtc_crypto::rust_crypto::PROVIDER;
