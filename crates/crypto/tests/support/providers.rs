//! The providers that a test is put to.

use pollrtc_crypto::Provider;

/// Every provider that is there.
pub(crate) fn providers() -> Vec<&'static dyn Provider> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        pollrtc_crypto::aws_lc_rs::provider(),
        #[cfg(feature = "rust-crypto")]
        pollrtc_crypto::rust_crypto::provider(),
    ]
}
