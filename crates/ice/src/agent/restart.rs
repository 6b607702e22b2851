//! Restarts (RFC 8445 §9): a new session begins while the old path carries the data.

use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::Instant;

use super::Agent;
use super::path::Origin;
use crate::checklist::LocalId;
use crate::credentials::Credentials;
use crate::event::{Event, State};
use crate::session::{Keys, Session};
use crate::transactions::Purpose;

/// What is left of a session after a restart: enough to answer the peer, which may not know yet,
/// and to keep its path alive. It never touches the new checklist.
#[derive(Debug)]
pub(super) struct Previous {
    number: u32,
    keys: Keys,
    /// Whether a pair was selected.
    had_selected: bool,
    /// Where the peer's data may come from.
    proven: Vec<(LocalId, SocketAddr)>,
    /// When to forget it; `None` while it carries data.
    expires: Option<Instant>,
}

/// How many old sessions are remembered: restarts in quick succession cost no more than this.
const MAX_PREVIOUS: usize = 2;

/// How many addresses an old session still takes data from.
const MAX_PROVEN: usize = 8;

impl Previous {
    pub(super) fn accepts(&self, local: LocalId, remote: SocketAddr) -> bool {
        self.proven.contains(&(local, remote))
    }

    pub(super) fn forget_base(&mut self, local: LocalId) {
        self.proven.retain(|(base, _)| *base != local);
    }
}

impl Agent {
    /// Restarts ICE (RFC 8445 §9): new credentials, to signal; the same role; local candidates are
    /// told again. Data continues on the old path until a pair of the new session is selected.
    pub fn restart(&mut self, now: Instant) {
        let credentials = Credentials::generate(&mut self.rng);
        self.restart_with(now, credentials);
    }

    /// The same with credentials that were [made](Credentials::generate) before: an offer that
    /// restarts ICE names them, and they take effect when the offer does.
    pub fn restart_with(&mut self, now: Instant, credentials: Credentials) {
        self.now = self.now.max(now);
        if self.state == State::Closed {
            return;
        }
        let number = self.session.number.wrapping_add(1);
        let old = core::mem::replace(&mut self.session, Session::new(number, credentials));
        // Candidates of the peer's new session may have come before this.
        self.session.held = old.held;
        self.keep(old.number, old.keys, old.selected.is_some(), &old.checklist);
        self.transactions
            .retain(|_, transaction| !matches!(transaction.purpose, Purpose::Check { .. }));
        if let Some(active) = &mut self.active
            && let Origin::Pair(_) = active.origin
        {
            active.origin = Origin::Previous(old.number);
        }
        if matches!(self.state, State::Failed(_)) {
            self.set_state(State::New);
        }
        self.events.retain(|event| !matches!(event, Event::ResolveMdns { .. }));
        self.announce_again();
        self.advance(now);
    }

    fn keep(&mut self, number: u32, keys: Keys, had_selected: bool, checklist: &crate::checklist::Checklist) {
        let carries = |number| matches!(&self.active, Some(active) if active.origin == Origin::Previous(number));
        let expires = match &self.active {
            Some(active) if matches!(active.origin, Origin::Pair(_)) => None,
            _ => Some(self.now + self.timing().restart_grace),
        };
        if self.previous.len() >= MAX_PREVIOUS {
            let at = self
                .previous
                .iter()
                .position(|previous| !carries(previous.number))
                .unwrap_or(0);
            self.previous.remove(at);
        }
        let proven = checklist
            .iter()
            .filter(|pair| pair.valid.is_some() || pair.answered)
            .map(|pair| (pair.local, pair.remote_address))
            .take(MAX_PROVEN)
            .collect();
        self.previous.push(Previous {
            number,
            keys,
            had_selected,
            proven,
            expires,
        });
    }

    /// The new session has selected a pair: the old path has done its duty.
    pub(super) fn leave_old_path(&mut self) {
        let expires = self.now + self.timing().restart_grace;
        for previous in &mut self.previous {
            previous.expires.get_or_insert(expires);
        }
    }

    /// The old path is dead.
    pub(super) fn forget_old_path(&mut self) {
        self.previous.retain(|previous| previous.expires.is_some());
    }

    pub(super) fn run_restart(&mut self) {
        let now = self.now;
        self.previous
            .retain(|previous| previous.expires.is_none_or(|at| now < at));
    }

    pub(super) fn restart_timeout(&self) -> Option<Instant> {
        self.previous.iter().filter_map(|previous| previous.expires).min()
    }

    /// The session whose local fragment this is.
    pub(super) fn keys_of(&self, ufrag: &str) -> Option<(u32, &Keys)> {
        if self.session.keys.local.ufrag == ufrag {
            return Some((self.session.number, &self.session.keys));
        }
        let previous = self
            .previous
            .iter()
            .find(|previous| previous.keys.local.ufrag == ufrag)?;
        Some((previous.number, &previous.keys))
    }

    /// Whether an old session had selected a pair: then that is its path.
    pub(super) fn had_selected(&self, number: u32) -> bool {
        let of_session = |previous: &&Previous| previous.number == number;
        self.previous
            .iter()
            .find(of_session)
            .is_some_and(|previous| previous.had_selected)
    }

    pub(super) fn keys(&self, number: u32) -> Option<&Keys> {
        if number == self.session.number {
            return Some(&self.session.keys);
        }
        let previous = self.previous.iter().find(|previous| previous.number == number)?;
        Some(&previous.keys)
    }
}
