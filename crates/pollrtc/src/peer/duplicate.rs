//! What a [`Router`](crate::Router) asks of connections that were made from the same description.

use pollrtc_crypto::HashAlgorithm;
use pollrtc_sdp::negotiation::RemoteTransport;

use super::PeerConnection;
use crate::CloseReason;

/// What tells one peer's description from another's: a hash of its ICE credentials, which are fresh for each
/// ICE session (RFC 8445 §5.3), and of its certificates' fingerprints.
pub(crate) type DescriptionDigest = [u8; 32];

impl PeerConnection {
    /// Of the remote description that is agreed on; `None` before, and after the end.
    pub(crate) fn description_digest(&self) -> Option<DescriptionDigest> {
        self.description_digest.filter(|_| self.ending.is_none())
    }

    /// Whether the peer has sent a check: it knows our description.
    pub(crate) fn peer_checks(&self) -> bool {
        self.transports.current.ice.peer_checks()
    }

    /// Whether the peer has proven to have the certificate that its description names.
    pub(crate) fn is_secured(&self) -> bool {
        self.transports.current.security.is_connected()
    }

    /// While it is held back, a connection does no more than ICE: two DTLS clients that speak to one peer from
    /// the same address would spoil each other's handshake.
    pub(crate) fn hold_back(&mut self, held_back: bool) {
        self.held_back = held_back;
    }

    /// Ends the connection in favour of another one, without a word: the peer would take that for a word of
    /// the other.
    pub(crate) fn supersede(&mut self) {
        self.end(CloseReason::Superseded);
        let current = &mut self.transports.current;
        current.security.close(self.now);
        current.ice.close();
    }

    pub(super) fn digest_of(&self, remote: &RemoteTransport) -> Option<DescriptionDigest> {
        let mut hash = self.provider.hash(HashAlgorithm::Sha256).ok()?;
        let fingerprints = remote.fingerprints.iter();
        let fingerprints = fingerprints.flat_map(|hash| [&hash.algorithm, &hash.value]);
        for text in [&remote.ufrag, &remote.pwd].into_iter().chain(fingerprints) {
            hash.update(&text.len().to_be_bytes());
            hash.update(text.as_bytes());
        }
        let mut digest = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        hash.finish(&mut digest);
        digest.first_chunk().copied()
    }
}
