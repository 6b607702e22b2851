//! Generations: the credentials of now, and what is left of those from before a restart (RFC 8445 §9).

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::{Flow, Instant};

use crate::credentials::Credentials;
use crate::keys::Keys;

/// The current ICE generation and the last few.
#[derive(Debug)]
pub(crate) struct Generations {
    number: u32,
    keys: Keys,
    previous: Vec<Previous>,
    /// How long checks with old credentials are answered once no data flows on their path.
    grace: Duration,
}

/// What is left of a generation after a restart: enough to answer the peer, which may not know yet,
/// and to keep its path alive. It never touches the new checklist.
#[derive(Debug)]
struct Previous {
    number: u32,
    keys: Keys,
    had_selected: bool,
    /// Where the peer's data may come from.
    authenticated: Vec<Flow>,
    /// When to forget it; `None` while it carries data.
    expires: Option<Instant>,
}

/// What a generation leaves to the next.
#[derive(Debug)]
pub(crate) struct Legacy {
    /// Whether a pair was selected.
    pub(crate) had_selected: bool,
    /// Where the peer's data may come from; the first few are kept.
    pub(crate) authenticated: Vec<Flow>,
    /// Which generation's path carries the data.
    pub(crate) carrying: Option<u32>,
}

/// How many old generations are remembered: restarts in quick succession cost no more than this.
const MAX_PREVIOUS: usize = 2;

/// How many flows an old generation still takes data from.
pub(crate) const MAX_AUTHENTICATED: usize = 8;

impl Generations {
    pub(crate) fn new(credentials: Credentials, grace: Duration) -> Self {
        Self {
            number: 0,
            keys: Keys::new(credentials),
            previous: Vec::new(),
            grace,
        }
    }

    /// The number of the current one: 0, and one more for each restart.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Keys of the current one.
    pub(crate) fn current(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn set_remote(&mut self, credentials: Credentials) {
        self.keys.set_remote(credentials);
    }

    pub(crate) fn knows_remote(&self) -> bool {
        self.keys.remote.is_some()
    }

    /// Keys of the generation of this number, if it is remembered.
    pub(crate) fn keys(&self, number: u32) -> Option<&Keys> {
        if number == self.number {
            return Some(&self.keys);
        }
        Some(&self.of(number)?.keys)
    }

    /// The generation whose local fragment this is.
    pub(crate) fn with_ufrag(&self, ufrag: &str) -> Option<(u32, &Keys)> {
        if self.keys.local.ufrag == ufrag {
            return Some((self.number, &self.keys));
        }
        let of_ufrag = |previous: &&Previous| previous.keys.local.ufrag == ufrag;
        let previous = self.previous.iter().find(of_ufrag)?;
        Some((previous.number, &previous.keys))
    }

    /// Whether an old generation had selected a pair: then that is its path.
    pub(crate) fn had_selected(&self, number: u32) -> bool {
        self.of(number).is_some_and(|previous| previous.had_selected)
    }

    /// Whether data that comes by this flow may be the peer's of before a restart.
    pub(crate) fn is_authenticated(&self, flow: Flow) -> bool {
        self.previous
            .iter()
            .any(|previous| previous.authenticated.contains(&flow))
    }

    /// How many old ones are remembered.
    pub(crate) fn len(&self) -> usize {
        self.previous.len()
    }

    /// The next generation begins.
    pub(crate) fn restart(&mut self, now: Instant, credentials: Credentials, legacy: Legacy) {
        let keys = core::mem::replace(&mut self.keys, Keys::new(credentials));
        let number = self.number;
        self.number = number.wrapping_add(1);
        if self.previous.len() >= MAX_PREVIOUS {
            let is_spare = |previous: &Previous| legacy.carrying != Some(previous.number);
            let at = self.previous.iter().position(is_spare).unwrap_or(0);
            self.previous.remove(at);
        }
        self.previous.push(Previous {
            number,
            keys,
            had_selected: legacy.had_selected,
            authenticated: legacy.authenticated,
            expires: (legacy.carrying != Some(number)).then_some(now + self.grace),
        });
    }

    /// Data has left the old path, which has done its duty.
    pub(crate) fn leave_old_path(&mut self, now: Instant) {
        for previous in &mut self.previous {
            previous.expires.get_or_insert(now + self.grace);
        }
    }

    /// The old path is dead.
    pub(crate) fn forget_old_path(&mut self) {
        self.previous.retain(|previous| previous.expires.is_some());
    }

    pub(crate) fn forget_flows(&mut self, is_gone: impl Fn(Flow) -> bool) {
        for previous in &mut self.previous {
            previous.authenticated.retain(|flow| !is_gone(*flow));
        }
    }

    pub(crate) fn forget_previous(&mut self) {
        self.previous.clear();
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.previous
            .retain(|previous| previous.expires.is_none_or(|at| now < at));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.previous.iter().filter_map(|previous| previous.expires).min()
    }

    fn of(&self, number: u32) -> Option<&Previous> {
        self.previous.iter().find(|previous| previous.number == number)
    }
}
