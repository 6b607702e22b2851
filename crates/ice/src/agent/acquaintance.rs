//! How well a remote address is known: what a server needs to tell many peers on one socket apart.

use core::net::SocketAddr;

use super::Agent;
use crate::address::normalised;
use crate::checklist::LocalId;

/// How well a remote address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Acquaintance {
    /// Nothing authentic has come from it.
    Stranger,
    /// It has sent a check that only the peer can have written; its source may still be forged.
    Heard,
    /// It has answered a check of ours: the peer receives there.
    Verified,
}

impl Agent {
    /// How well `remote` is known, over all local addresses.
    ///
    /// ```
    /// # use pollrtc_ice::{Acquaintance, Agent, Config, Role};
    /// # let agent = Agent::new(Config::default(), Role::Controlling, pollrtc_crypto::Rng::from_seed([1; 32]));
    /// assert_eq!(agent.acquaintance("203.0.113.9:9".parse()?), Acquaintance::Stranger);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn acquaintance(&self, remote: SocketAddr) -> Acquaintance {
        let remote = normalised(remote);
        let checklist = &self.session.checklist;
        let locals = (0..LocalId::MAX).take(self.bases.len());
        let verified = |local| {
            let pair = checklist.find(local, remote).and_then(|id| checklist.get(id));
            pair.is_some_and(|pair| pair.valid.is_some())
        };
        // The path from before a restart is no pair of this checklist, and verified all the same.
        let is_path = self.active.as_ref().is_some_and(|active| active.path.remote == remote);
        if is_path || locals.clone().any(verified) {
            return Acquaintance::Verified;
        }
        if locals.clone().any(|local| self.has_proven_itself(local, remote)) {
            return Acquaintance::Heard;
        }
        Acquaintance::Stranger
    }

    /// Whether an authentic check of the peer has come, since the start or the last restart: then it
    /// knows our credentials, by which it has our description. An answer to a check of ours does not
    /// say that much, for the peer may give it without (RFC 8445 §7.3).
    pub fn peer_checks(&self) -> bool {
        self.session.peer_checks
    }

    /// What the peer at this address calls itself, as long as its credentials are not known here: the
    /// second half of the username of its latest authentic check.
    pub fn early_ufrag(&self, remote: SocketAddr) -> Option<&str> {
        let remote = normalised(remote);
        let early = self.session.early.iter().find(|early| early.remote == remote)?;
        Some(&early.ufrag)
    }
}
