//! The providers that a test is put to.

use pollrtc_crypto::{Provider, aws_lc_rs, rust_crypto};

/// Every provider there is.
pub(crate) fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}
