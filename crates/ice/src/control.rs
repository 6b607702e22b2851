//! Control: which of the two agents decides on the pair (RFC 8445 §6.1.1, §7.3.1.1).

use pollrtc_crypto::Rng;
use pollrtc_stun::Message;

use crate::event::Role;

/// The role, and what it is defended with.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) role: Role,
    pub(crate) tie_breaker: u64,
}

/// Both sides have the same role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// We have to take the other one.
    Lost,
    /// The peer has to.
    Won,
}

impl Control {
    pub(crate) fn new(role: Role, rng: &mut Rng) -> Self {
        Self {
            role,
            tie_breaker: rng.u64(),
        }
    }

    /// RFC 8445 §7.3.1.1: whether a check of the peer claims the role that we have. The greater tie-breaker controls.
    pub(crate) fn conflict(&self, message: &Message<'_>) -> Option<Conflict> {
        let theirs = match self.role {
            Role::Controlling => message.ice_controlling(),
            Role::Controlled => message.ice_controlled(),
        }?;
        let we_should_control = self.tie_breaker >= theirs;
        let we_control = self.role == Role::Controlling;
        Some(if we_should_control == we_control {
            Conflict::Won
        } else {
            Conflict::Lost
        })
    }

    /// Equal tie-breakers would make both sides give way for ever.
    pub(crate) fn draw_tie_breaker(&mut self, rng: &mut Rng) {
        self.tie_breaker = rng.u64();
    }
}
