//! The hash of handshake messages.

use pollrtc_crypto::{HashAlgorithm, HashContext, Provider};

use crate::reassembly::Message;

/// The hash of a handshake so far.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; HashAlgorithm::MAX_OUTPUT_LEN],
    length: usize,
}

impl Digest {
    pub(crate) fn of(context: &dyn HashContext) -> Self {
        let mut bytes = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        let length = context.finish(&mut bytes);
        Self { bytes, length }
    }

    /// Of a ClientHello, to know it again.
    pub(crate) fn of_hello(provider: &dyn Provider, hello: &Message) -> Option<Self> {
        let mut context = provider.hash(HashAlgorithm::Sha256).ok()?;
        context.update(&hello.bytes);
        Some(Self::of(&*context))
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }

    #[cfg(test)]
    pub(crate) fn from_bytes(digest: &[u8]) -> Self {
        let mut bytes = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        bytes[..digest.len()].copy_from_slice(digest);
        Self {
            bytes,
            length: digest.len(),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
