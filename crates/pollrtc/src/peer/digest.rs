//! What tells one peer's description from another's.

use pollrtc_crypto::{HashAlgorithm, Provider};
use pollrtc_jsep::RemoteTransport;

/// A hash of the peer's ICE credentials, which are fresh for each ICE session (RFC 8445 §5.3), and of its
/// certificates' fingerprints.
pub(crate) type DescriptionDigest = [u8; 32];

pub(super) fn digest_of(provider: &dyn Provider, remote: &RemoteTransport) -> Option<DescriptionDigest> {
    let mut hash = provider.hash(HashAlgorithm::Sha256).ok()?;
    let fingerprints = remote.fingerprints.iter();
    let fingerprints = fingerprints.flat_map(|hash| [hash.function().name().as_bytes(), hash.bytes()]);
    let credentials = [remote.ufrag.as_bytes(), remote.pwd.as_bytes()];
    for bytes in credentials.into_iter().chain(fingerprints) {
        hash.update(&bytes.len().to_be_bytes());
        hash.update(bytes);
    }
    let mut digest = [0; HashAlgorithm::MAX_OUTPUT_LEN];
    hash.finish(&mut digest);
    digest.first_chunk().copied()
}
