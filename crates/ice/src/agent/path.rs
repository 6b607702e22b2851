//! The path in use, and the state that follows from it.

use core::time::Duration;

use pollrtc_core::Instant;

use super::consent::KEEPALIVE;
use super::{Agent, Event};
use crate::checklist::LocalId;
use crate::event::{Path, State};
use crate::pair::PairId;

/// Where data goes.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) path: Path,
    pub(super) local: LocalId,
    pub(super) origin: Origin,
    pub(super) rtt: Option<Duration>,
    /// When the peer last answered a check or consent check of ours: that is consent.
    pub(super) last_success: Instant,
    /// When it last said anything that was authenticated.
    pub(super) last_heard: Instant,
    /// When the first consent check went out that came after this and is not answered.
    pub(super) unanswered_since: Option<Instant>,
    pub(super) next_check: Instant,
    /// Consent ran out while the machine slept: nothing goes out but one consent check.
    pub(super) suspended_until: Option<Instant>,
}

/// What a path is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Pair(PairId),
    /// The path of the session of this number, from before a restart.
    Previous(u32),
}

impl Active {
    pub(super) fn path(&self) -> Option<Path> {
        self.suspended_until.is_none().then_some(self.path)
    }
}

impl Agent {
    /// Puts the path where it belongs after all that has happened, and tells the state.
    pub(super) fn settle(&mut self) {
        if self.has_ended() {
            return;
        }
        self.choose_path();
        let started = self.session.keys.remote.is_some() || self.session.number > 0;
        let state = match &self.active {
            Some(_) if self.is_silent() && !(self.config.lite && self.remote_lite) => State::Disconnected,
            Some(active) => match (active.origin, self.session.selected) {
                (Origin::Pair(id), Some(selected)) if id == selected => State::Completed,
                _ => State::Connected,
            },
            None if started => State::Checking,
            None => State::New,
        };
        self.set_state(state);
    }

    fn choose_path(&mut self) {
        let on_old_path = matches!(&self.active, Some(active) if matches!(active.origin, Origin::Previous(_)));
        let choice = match self.session.selected {
            Some(selected) => Some(selected),
            None if on_old_path => return,
            None => self.best_usable(),
        };
        let Some(id) = choice else {
            return;
        };
        if self
            .active
            .as_ref()
            .is_some_and(|active| active.origin == Origin::Pair(id))
        {
            // The pair learns of round trips from its checks, the path from its own.
            if let (Some(active), Some(pair)) = (&mut self.active, self.session.checklist.get(id)) {
                active.rtt = active.rtt.or(pair.rtt);
            }
            return;
        }
        self.take_path(id);
    }

    fn take_path(&mut self, id: PairId) {
        let interval = if self.config.lite {
            KEEPALIVE
        } else {
            self.consent_interval()
        };
        let Some(pair) = self.session.checklist.get(id) else {
            return;
        };
        let Some(local) = self.local_address(pair.local) else {
            return;
        };
        let path = Path {
            local,
            remote: pair.remote_address,
        };
        let before = self.active.as_ref().map(|active| active.path);
        // A pair that was last asked some time ago is asked again soon.
        let next_check = (pair.last_success + interval).max(self.now);
        self.active = Some(Active {
            path,
            local: pair.local,
            origin: Origin::Pair(id),
            rtt: pair.rtt,
            last_success: pair.last_success,
            last_heard: pair.last_success.max(self.now),
            unanswered_since: None,
            next_check,
            suspended_until: None,
        });
        if before != Some(path) {
            self.tell(Event::PathChanged(path));
        }
        if next_check <= self.now {
            self.run_consent();
        }
    }
}
