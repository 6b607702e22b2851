//! What a lite agent does instead of checking (RFC 8445 §2.5).

use super::Agent;
use crate::pair::{PairId, PairState};
use crate::session::IncomingCheck;

impl Agent {
    /// RFC 8445 §7.3.2: a lite agent selects what the controlling peer nominates, at once.
    pub(super) fn take_check_lite(&mut self, id: PairId, check: IncomingCheck) {
        let role = self.role;
        let Some(pair) = self.session.checklist.get_mut(id) else {
            return;
        };
        pair.state = PairState::Succeeded;
        pair.leads_to = Some(id);
        pair.last_success = self.now;
        if check.use_candidate {
            let priority = pair.local_priority;
            pair.make_valid(role, priority);
            self.nominated_by_peer(id, check.nomination);
        }
    }

    /// RFC 8445 §8.2: two lite agents check nothing; each takes the pair that is best on paper.
    pub(super) fn run_lite_pair(&mut self) {
        let both = self.config.lite && self.remote_lite && self.session.keys.remote.is_some();
        if !both || self.session.selected.is_some() {
            return;
        }
        let role = self.role;
        let now = self.now;
        let best = self
            .session
            .checklist
            .iter()
            .max_by_key(|pair| pair.priority)
            .map(|pair| pair.id);
        if let Some(pair) = best.and_then(|id| self.session.checklist.get_mut(id)) {
            pair.state = PairState::Succeeded;
            pair.last_success = now;
            pair.make_valid(role, pair.local_priority);
            let id = pair.id;
            self.select(id);
        }
    }
}
