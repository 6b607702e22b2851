//! A session: the checks of one ICE generation, and what they lead to (RFC 8445 §6 to §8).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Flow, Instant, Protocol};
use pollrtc_stun::{Message, TransactionId};

use crate::address::{is_unusable, may_pair};
use crate::backups::Backups;
use crate::base::Base;
use crate::budget::Budget;
use crate::candidate::Candidate;
use crate::checklist::{Checklist, Readiness};
use crate::context::Context;
use crate::event::Role;
use crate::failover::{Failover, failover};
use crate::kind::CandidateKind;
use crate::liveness::{LEAST_GAP, gap};
use crate::nomination::Nomination;
use crate::pair::{Pair, PairId, PairState};
use crate::priority::{COMPONENT, candidate_priority};
use crate::remotes::{Remote, Remotes};
use crate::stats::Stats;
use crate::transaction::{Purpose, Transaction};

/// One ICE session: from the start, or a restart, to the next.
#[derive(Debug, Default)]
pub(crate) struct Session {
    checklist: Checklist,
    remotes: Remotes,
    nomination: Nomination,
    backups: Backups,
    /// Whether an authentic check of the peer has come.
    peer_checks: bool,
    /// The latest checks that were answered.
    recent: VecDeque<TransactionId>,
    /// Checks that came before the peer's credentials, one for each flow.
    early: Vec<EarlyCheck>,
    /// When patience ends (RFC 8863); `None` before checks begin, and when it need not be kept any more.
    patience_ends: Option<Instant>,
}

/// A check that came before we knew the peer's credentials; it was answered, the rest waits.
#[derive(Clone, Debug)]
struct EarlyCheck {
    flow: Flow,
    ufrag: Box<str>,
    check: IncomingCheck,
}

/// What a check says that matters after it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IncomingCheck {
    transaction: TransactionId,
    priority: Option<u32>,
    use_candidate: bool,
    /// The value of a renomination (draft-thatcher-ice-renomination).
    nomination: Option<u32>,
}

/// An answer to one of our checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckSuccess {
    pub(crate) pair: PairId,
    pub(crate) nominates: bool,
    /// The address that the peer saw us under.
    pub(crate) mapped: SocketAddr,
    /// What the candidate at this address is worth, unless it is the base's own.
    pub(crate) reflexive_priority: Option<u32>,
    pub(crate) round_trip: Option<Duration>,
}

/// How many checks of the peer are recognised when they come again from another address. As many as
/// candidates that only checks tell of, by default.
const MAX_RECENT: usize = 32;

/// How many checks that came before the peer's credentials are remembered.
const MAX_EARLY: usize = 16;

/// How long a triggered check waits for the answer to the one that is in progress already. When
/// both sides begin at once, each one's check is on its way when the other's arrives, and a second
/// one would only double the traffic; when the peer's NAT let the first one fall, the second
/// follows after this. It is half of the time between checks that RFC 8445 §14.2 recommends.
const TRIGGERED_HOLD: Duration = Duration::from_millis(25);

/// How many checks of one pair may be unanswered at once; a peer that triggers more is not obeyed.
const MAX_OUTSTANDING: u8 = 4;

/// How many fresh checks may follow the first one of a pair, or of its nomination, while nothing works. They come in quick
/// succession, where retransmissions, which go on, would come ever later.
const MAX_FRESH: u8 = 6;

impl From<&Message<'_>> for IncomingCheck {
    fn from(message: &Message<'_>) -> Self {
        Self {
            transaction: message.transaction_id(),
            priority: message.priority(),
            use_candidate: message.use_candidate(),
            nomination: message.nomination(),
        }
    }
}

/// What is known.
impl Session {
    pub(crate) fn pair_count(&self) -> usize {
        self.checklist.len()
    }

    /// How many things of any kind are kept.
    pub(crate) fn items(&self) -> usize {
        self.checklist.len() + self.remotes.items() + self.early.len() + self.backups.len()
    }

    /// Whether another pair could take the place of the selected one.
    pub(crate) fn has_standby(&self) -> bool {
        self.backups.are_ready()
    }

    pub(crate) fn pair(&self, id: PairId) -> Option<&Pair> {
        self.checklist.get(id)
    }

    pub(crate) fn selected(&self) -> Option<PairId> {
        self.nomination.selected()
    }

    pub(crate) fn peer_checks(&self) -> bool {
        self.peer_checks
    }

    /// Whether checks may have begun.
    pub(crate) fn is_waiting_for_pair(&self) -> bool {
        self.patience_ends.is_some()
    }

    /// Whether there is a pair on this flow.
    pub(crate) fn has_pair(&self, flow: Flow) -> bool {
        self.checklist.find(flow).is_some()
    }

    /// Whether a pair on this flow works: it has answered a check.
    pub(crate) fn is_valid(&self, flow: Flow) -> bool {
        let pair = self.checklist.find(flow).and_then(|id| self.checklist.get(id));
        pair.is_some_and(|pair| pair.valid.is_some())
    }

    /// Whether an authenticated check of this address was answered, or it answered ours: it knows
    /// our password, and a datagram that it sends now may be data (RFC 8445 §12.2). We send there
    /// only once it has consented, by answering us.
    pub(crate) fn is_authenticated(&self, flow: Flow) -> bool {
        let pair = self.checklist.find(flow).and_then(|id| self.checklist.get(id));
        pair.is_some_and(|pair| pair.answered || pair.valid.is_some())
            || self.early.iter().any(|early| early.flow == flow)
    }

    /// All flows of which that is true, the first `limit`.
    pub(crate) fn authenticated(&self, limit: usize) -> Vec<Flow> {
        let pairs = self.checklist.iter();
        let authenticated = pairs.filter(|pair| pair.valid.is_some() || pair.answered);
        authenticated.map(|pair| pair.flow).take(limit).collect()
    }

    /// The second half of the username of the latest early check from this address.
    pub(crate) fn early_ufrag(&self, remote: SocketAddr) -> Option<&str> {
        let early = self.early.iter().find(|early| early.flow.remote() == remote)?;
        Some(&early.ufrag)
    }

    /// The pair that data takes if nothing is selected: the best that works and whose consent is
    /// fresh.
    pub(crate) fn best_usable(&self, now: Instant, consent_expiry: Option<Duration>) -> Option<PairId> {
        let fresh = |pair: &Pair| consent_expiry.is_none_or(|expiry| now < pair.last_success + expiry);
        self.checklist.best_valid(fresh).map(|pair| pair.id)
    }
}

/// Remote candidates, and the pairs made of them.
impl Session {
    pub(crate) fn remotes_mut(&mut self) -> &mut Remotes {
        &mut self.remotes
    }

    /// Takes a signalled candidate; `is_of_now` says whether it may be of the peer's current credentials. A name to be
    /// resolved, if that is what it is.
    pub(crate) fn handle_candidate(
        &mut self,
        cx: &mut Context<'_>,
        candidate: Candidate,
        is_of_now: bool,
    ) -> Option<String> {
        let lawful =
            candidate.component() == COMPONENT && candidate.protocol() == Protocol::Udp && candidate.priority() > 0;
        let name = candidate.mdns_name();
        match candidate.address() {
            None if name.is_none() => cx.stats.candidates_unusable += 1,
            _ if !lawful => cx.stats.candidates_unusable += 1,
            _ if !is_of_now => {
                cx.stats.candidates_other_generation += 1;
                self.remotes.hold(candidate);
            }
            Some(address) => self.add_candidate(cx, &candidate, address),
            None if self.remotes.signalled() >= cx.config.max_candidates => cx.stats.candidates_over_limit += 1,
            None => {
                let name = name.map(Into::into);
                return name.filter(|_| self.remotes.await_address(candidate));
            }
        }
        None
    }

    /// Takes a signalled candidate at this address.
    fn add_candidate(&mut self, cx: &mut Context<'_>, candidate: &Candidate, address: SocketAddr) {
        // Our own address is no peer: checks to it would come back to us.
        if is_unusable(address) || cx.bases.with_address(address).is_some() {
            cx.stats.candidates_unusable += 1;
            return;
        }
        let known = self.remotes.find(address);
        let is_peer_reflexive =
            |at| (self.remotes.get(at)).is_some_and(|remote| remote.kind == CandidateKind::PeerReflexive);
        let remote = match known {
            Some(known) if !is_peer_reflexive(known) => {
                cx.stats.candidates_repeated += 1;
                return;
            }
            _ if self.remotes.signalled() >= cx.config.max_candidates => {
                let place = known.is_none().then(|| self.forget_signalled(cx)).flatten();
                let Some(place) = place else {
                    cx.stats.candidates_over_limit += 1;
                    return;
                };
                self.remotes.replace(place, candidate, address)
            }
            Some(known) => {
                self.name_peer_reflexive(cx.role, known, candidate, address);
                known
            }
            None => self.remotes.add(candidate, address),
        };
        for base in cx.bases.iter() {
            self.pair_up(cx, base, remote);
        }
    }

    /// RFC 8838 §11: pairs of a candidate that is signalled at last keep their
    /// states and get the priority that the peer gives them.
    fn name_peer_reflexive(&mut self, role: Role, known: usize, candidate: &Candidate, address: SocketAddr) {
        let Some(remote) = self.remotes.name(known, candidate, address) else {
            return;
        };
        for pair in self.checklist.iter_mut().filter(|pair| pair.remote == known) {
            pair.remote_priority = remote.priority;
            pair.foundation.1 = remote.foundation;
            pair.prioritise(role);
        }
    }

    /// Pairs a base with all remote candidates that it is not paired with.
    pub(crate) fn pair_base(&mut self, cx: &Context<'_>, base: &Base) {
        for remote in 0..self.remotes.len() {
            self.pair_up(cx, base, remote);
        }
    }

    /// RFC 8445 §6.1.2.2 and §6.1.2.6 for one pair, RFC 8838 §12 where it joins others.
    fn pair_up(&mut self, cx: &Context<'_>, base: &Base, remote: usize) {
        let Some(candidate) = self.remotes.get(remote) else {
            return;
        };
        // A peer-reflexive candidate is paired only with where it was seen (§7.3.1.3).
        let may = may_pair(base.address, candidate.address) && candidate.kind != CandidateKind::PeerReflexive;
        let flow = base.flow_to(candidate.address);
        if !may || self.checklist.find(flow).is_some() {
            return;
        }
        if let Some(id) = self.insert_pair(cx, base, flow, remote) {
            self.checklist.set_initial_state(id);
        }
    }

    /// Puts a pair into the checklist, if there is room.
    fn insert_pair(&mut self, cx: &Context<'_>, base: &Base, flow: Flow, remote: usize) -> Option<PairId> {
        let candidate = self.remotes.get(remote)?;
        let mut pair = Pair::new(
            flow,
            remote,
            base.host_priority(),
            candidate.priority,
            (base.foundation, candidate.foundation),
        );
        pair.prioritise(cx.role);
        self.backups.touch();
        self.checklist.insert(pair, cx.config.max_pairs)
    }

    /// What a base's going leaves behind: without the selected pair, what is left is checked again and the best of it
    /// nominated, without a restart.
    pub(crate) fn remove_base(&mut self, cx: &Context<'_>, is_gone: impl Fn(Flow) -> bool) {
        let checklist = &self.checklist;
        let pair_is_gone = |id| checklist.get(id).is_some_and(|pair| is_gone(pair.flow));
        let selected_is_gone = self.nomination.handle_removal(pair_is_gone);
        self.backups.touch();
        self.early.retain(|early| !is_gone(early.flow));
        self.checklist.remove_of(is_gone);
        if !selected_is_gone {
            return;
        }
        for base in cx.bases.iter() {
            self.pair_base(cx, base);
        }
        let (now, timing) = (cx.now, &cx.config.timing);
        self.checklist
            .begin_again(|pair| now < pair.last_success + timing.consent_expiry);
        self.patience_ends = Some(now + timing.patience);
    }
}

/// Checks of ours.
impl Session {
    /// RFC 8863 §4: patience begins when both sides have what checks need.
    pub(crate) fn begin(&mut self, cx: &Context<'_>) {
        self.patience_ends = Some(cx.now + cx.config.timing.patience);
    }

    /// Whether a nomination waits for its turn.
    pub(crate) fn has_due_nomination(&self) -> bool {
        self.nomination.due().is_some()
    }

    /// When the next check may go out, but for pacing.
    pub(crate) fn readiness(&self, now: Instant) -> Readiness {
        let fresh = self.next_fresh_check().map(|(_, at)| at);
        match (self.checklist.readiness(now, self.worthwhile()), fresh) {
            (Readiness::Now, _) => Readiness::Now,
            (_, Some(at)) if at <= now => Readiness::Now,
            (Readiness::At(at), Some(fresh)) => Readiness::At(at.min(fresh)),
            (Readiness::Never, Some(fresh)) => Readiness::At(fresh),
            (readiness, None) => readiness,
        }
    }

    /// Sends the next check, if any; tells whether it did.
    pub(crate) fn start_next_check(&mut self, cx: &mut Context<'_>) -> bool {
        // RFC 8445 §8.1.1: nominations have their turn as triggered checks do.
        if let Some(pair) = self.nomination.due() {
            self.nomination.handle_start();
            return self.start_check(cx, pair, true);
        }
        while let Some(pair) = self.checklist.next(cx.now, self.worthwhile()) {
            if self.hold_back(cx, pair) {
                continue;
            }
            return self.start_check(cx, pair, false);
        }
        match self.next_fresh_check() {
            Some((pair, at)) if at <= cx.now => self.start_fresh_check(cx, pair),
            _ => false,
        }
    }

    /// Puts a check off if its remote address has got as many as it may; tells whether it did. Who has answered wants
    /// them.
    fn hold_back(&mut self, cx: &mut Context<'_>, id: PairId) -> bool {
        let Some(pair) = self.checklist.get_mut(id).filter(|pair| pair.valid.is_none()) else {
            return false;
        };
        let ip = pair.flow.remote().ip();
        if cx.budget.spend(cx.now, ip) {
            return false;
        }
        cx.stats.checks_over_budget += 1;
        pair.held_until = cx.budget.earliest(cx.now, ip);
        if pair.state != PairState::Frozen {
            // Whatever triggered it still wants it, also where ordinary checks are not worth it any more.
            let held_until = pair.held_until;
            self.checklist.trigger(id, held_until);
        }
        true
    }

    /// While nothing works, or a nomination is not answered: the pair to be asked by a check of its own, and when.
    fn next_fresh_check(&self) -> Option<(PairId, Instant)> {
        if let Some(pair) = self.nomination.unanswered() {
            let pair = self.checklist.get(pair).filter(|pair| pair.fresh_checks < MAX_FRESH)?;
            return Some((pair.id, pair.latest_check? + gap(pair.rtt)));
        }
        if self.nomination.is_decided() || self.checklist.best_valid(|_| true).is_some() {
            return None;
        }
        // Where only a check has told of a candidate, the next one of the peer triggers ours.
        let is_signalled = |pair: &Pair| {
            let remote = self.remotes.get(pair.remote);
            remote.is_some_and(|remote| remote.kind != CandidateKind::PeerReflexive)
        };
        let may = |pair: &Pair| pair.fresh_checks < MAX_FRESH && is_signalled(pair);
        let pair = self.checklist.longest_unanswered(may)?;
        Some((pair.id, pair.latest_check? + LEAST_GAP))
    }

    fn start_fresh_check(&mut self, cx: &mut Context<'_>, id: PairId) -> bool {
        let nominates = self.nomination.unanswered() == Some(id);
        let Some(pair) = self.checklist.get_mut(id) else {
            return false;
        };
        pair.fresh_checks = pair.fresh_checks.saturating_add(1);
        pair.latest_check = Some(cx.now);
        let Some(base) = cx.bases.of(pair.flow) else {
            return false;
        };
        if pair.valid.is_none() && !cx.budget.spend(cx.now, pair.flow.remote().ip()) {
            cx.stats.checks_over_budget += 1;
            return false;
        }
        cx.request_extra_check(id, pair.flow, base, nominates);
        true
    }

    /// Which ordinary checks are worth a packet: none once a pair is selected, and none that could
    /// only find something worse than what works (RFC 8445 §6.1.4.2 leaves this to local policy).
    fn worthwhile(&self) -> impl Fn(&Pair) -> bool + use<> {
        let done = self.nomination.is_decided();
        let best = self.checklist.best_valid(|_| true).and_then(|pair| pair.valid);
        move |pair| !done && best.is_none_or(|best| pair.priority > best.priority)
    }

    /// Sends a check of this pair; tells whether it could.
    fn start_check(&mut self, cx: &mut Context<'_>, id: PairId, nominates: bool) -> bool {
        let crowd = cx.config.timing.pacing.saturating_mul(self.checklist.busy());
        let Some(pair) = self.checklist.get_mut(id) else {
            return false;
        };
        let Some(base) = cx.bases.of(pair.flow) else {
            return false;
        };
        // A nomination repeats the check of a pair that has succeeded and still counts as such.
        if nominates {
            pair.fresh_checks = 0;
        } else {
            pair.state = PairState::InProgress;
        }
        pair.first_check.get_or_insert(cx.now);
        pair.latest_check = Some(cx.now);
        pair.check = Some(cx.request_check(id, pair.flow, base, nominates, crowd));
        pair.outstanding = pair.outstanding.saturating_add(1);
        true
    }

    /// RFC 8445 §7.3.1.4: the peer's check on a pair triggers ours.
    fn trigger_check(&mut self, cx: &mut Context<'_>, id: PairId) {
        let Some(pair) = self.checklist.get(id) else {
            return;
        };
        if pair.state != PairState::Succeeded {
            self.ask_anew(cx, id);
        }
    }

    /// Asks a pair, instead of going on with a check of it that is not answered.
    fn ask_anew(&mut self, cx: &mut Context<'_>, id: PairId) {
        let Some(pair) = self.checklist.get(id) else {
            return;
        };
        match pair.state {
            PairState::Waiting | PairState::Frozen | PairState::Failed | PairState::Succeeded => {
                self.checklist.trigger(id, cx.now);
            }
            PairState::InProgress if pair.outstanding >= MAX_OUTSTANDING => {
                cx.stats.limit_reached += 1;
            }
            PairState::InProgress => {
                let check = pair.check;
                let age = check
                    .and_then(|check| cx.outbox.get(&check))
                    .map_or(TRIGGERED_HOLD, |check| cx.now - check.started_at);
                if let Some(check) = check {
                    cx.outbox.cancel(cx.now, &check);
                }
                // Where many pairs are open both ways, one after the other is asked again.
                let hold = TRIGGERED_HOLD * (1 + self.checklist.held(cx.now));
                self.checklist.trigger(id, cx.now + age.min(hold));
            }
        }
    }

    /// Counts a check of a pair as answered or given up.
    pub(crate) fn handle_end_of_check(&mut self, check: &Transaction, id: &TransactionId) {
        if let Purpose::Check(pair, _) = check.purpose
            && !check.is_extra
            && let Some(pair) = self.checklist.get_mut(pair)
        {
            pair.outstanding = pair.outstanding.saturating_sub(1);
            if pair.check == Some(*id) {
                pair.check = None;
            }
        }
    }

    /// RFC 8445 §7.2.5.3: the peer answered.
    pub(crate) fn handle_success(&mut self, cx: &mut Context<'_>, success: CheckSuccess) {
        let (id, now) = (success.pair, cx.now);
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        pair.state = PairState::Succeeded;
        pair.last_success = now;
        // One answer is enough, unless it is a nomination that waits for its own.
        if let Some(check) = pair.check
            && (success.nominates || self.nomination.unanswered() != Some(id))
        {
            cx.outbox.cancel(now, &check);
        }
        self.backups.touch();
        let (flow, remote, foundation) = (pair.flow, pair.remote, pair.foundation);
        let nominated = core::mem::take(&mut pair.nominate_on_success);
        self.checklist.untrigger(id);

        // §7.2.5.3.2: the valid pair is the one whose local candidate the peer saw. Its base is
        // ours, unless what was seen is another of our host addresses.
        let other = cx.bases.seen_instead(flow, success.mapped);
        let valid = other.and_then(|base| self.pair_from(cx, base, remote)).unwrap_or(id);
        let reflexive = success.reflexive_priority.filter(|_| valid == id);
        if let Some(pair) = self.checklist.get_mut(valid) {
            pair.state = PairState::Succeeded;
            pair.last_success = now;
            pair.mapped = Some(success.mapped);
            pair.make_valid(cx.role, reflexive.unwrap_or(pair.local_priority));
        }
        if let Some(pair) = self.checklist.get_mut(id) {
            pair.leads_to = Some(valid);
        }
        self.checklist.unfreeze(foundation);
        // A late answer to a nomination that was answered, or that another one has followed, moves nothing.
        if success.nominates && self.nomination.unanswered() == Some(id) {
            self.nomination.end();
            if cx.role == Role::Controlling {
                self.select(cx, valid);
            }
        }
        if nominated && cx.role == Role::Controlled {
            self.accept_nomination(cx, valid);
        }
        if let (Some(sample), Some(pair)) = (success.round_trip, self.checklist.get_mut(id)) {
            pair.measure(sample);
        }
    }

    /// The pair of another base with this remote candidate, made if need be.
    fn pair_from(&mut self, cx: &Context<'_>, base: &Base, remote: usize) -> Option<PairId> {
        let flow = base.flow_to(self.remotes.get(remote)?.address);
        let known = self.checklist.find(flow);
        known.or_else(|| self.insert_pair(cx, base, flow, remote))
    }

    /// A check was refused or its answer is no good.
    pub(crate) fn handle_refusal(&mut self, id: PairId, nominates: bool) {
        self.checklist.untrigger(id);
        self.handle_failure(id, nominates);
    }

    /// RFC 8445 §7.2.5.2: a check failed, for good.
    pub(crate) fn handle_failure(&mut self, id: PairId, nominates: bool) {
        self.backups.touch();
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        if nominates
            && self
                .nomination
                .selected()
                .is_some_and(|selected| pair.leads_to.unwrap_or(id) == selected)
        {
            // It was nominated anew, as the same pair: only consent decides on what is selected.
            self.nomination.end();
            return;
        }
        let leads_to = pair.leads_to.take();
        pair.nominate_on_success = false;
        pair.state = PairState::Failed;
        if nominates {
            // §7.2.5.3.4: off the valid list. Others that work may still be nominated.
            for failed in [Some(id), leads_to].into_iter().flatten() {
                if let Some(pair) = self.checklist.get_mut(failed) {
                    pair.valid = None;
                }
            }
            self.nomination.end();
        }
    }

    /// RFC 8445 §7.2.5.1: a check met a role conflict, and is tried again.
    pub(crate) fn handle_role_conflict(&mut self, now: Instant, id: PairId, nominates: bool) {
        if nominates {
            self.nomination.end();
        } else if self
            .checklist
            .get(id)
            .is_some_and(|pair| pair.check.is_none() && pair.state == PairState::InProgress)
        {
            self.checklist.trigger(id, now);
        }
    }

    /// Priorities follow a change of roles (RFC 8445 §7.3.1.1).
    pub(crate) fn handle_role(&mut self, role: Role) {
        for pair in self.checklist.iter_mut() {
            pair.prioritise(role);
            pair.nominate_on_success = false;
        }
        self.nomination.handle_role();
    }

    /// The peer answered a consent check on this pair, and sees its base under this address. If that is news, our NAT
    /// has given it another one: a peer-reflexive local candidate (RFC 8445 §7.2.5.3.1) of the same base, whose
    /// pair is the same on this side and another one for the peer. The consent check that told has
    /// nominated it there, if it is selected, which spares the peer from finding out that the old
    /// one is dead.
    pub(crate) fn handle_consent(&mut self, cx: &Context<'_>, id: PairId, mapped: SocketAddr, reflexive: Option<u32>) {
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        pair.last_success = cx.now;
        let before = pair.mapped.replace(mapped);
        if before.is_some_and(|before| before != mapped) {
            pair.make_valid(cx.role, reflexive.unwrap_or(pair.local_priority));
        }
    }

    /// Consent to this pair is gone.
    pub(crate) fn handle_lost_consent(&mut self, id: PairId) {
        if let Some(pair) = self.checklist.get_mut(id) {
            pair.valid = None;
            pair.leads_to = None;
            pair.state = PairState::Failed;
        }
    }
}

/// Checks of the peer.
impl Session {
    /// Takes note that a check of the peer was authentic.
    pub(crate) fn handle_peer_check(&mut self) {
        self.peer_checks = true;
    }

    /// Keeps what is left to do for a check until the peer's credentials are known.
    pub(crate) fn keep_early(&mut self, cx: &mut Context<'_>, flow: Flow, ufrag: &str, check: IncomingCheck) {
        let ufrag: Box<str> = ufrag.chars().take(256).collect();
        if let Some(known) = self.early.iter_mut().find(|early| early.flow == flow) {
            let use_candidate = known.check.use_candidate || check.use_candidate;
            known.check = IncomingCheck { use_candidate, ..check };
            known.ufrag = ufrag;
        } else if self.early.len() < MAX_EARLY {
            self.early.push(EarlyCheck { flow, ufrag, check });
        } else {
            cx.stats.limit_reached += 1;
        }
    }

    /// What was left to do for early checks, now that the peer's credentials are known.
    pub(crate) fn handle_early(&mut self, cx: &mut Context<'_>, remote_ufrag: &str) {
        for early in core::mem::take(&mut self.early) {
            if *early.ufrag == *remote_ufrag {
                self.handle_check(cx, early.flow, early.check);
            } else {
                cx.stats.other_generation += 1;
            }
        }
    }

    /// RFC 8445 §7.3.1.3 to §7.3.1.5, for a check that was answered with success.
    pub(crate) fn handle_check(&mut self, cx: &mut Context<'_>, flow: Flow, check: IncomingCheck) {
        let known = self.checklist.find(flow);
        let last = known.and_then(|id| self.checklist.get(id)?.last_request);
        // A replay says nothing new, from wherever it comes.
        if self.is_repeated(check.transaction) || last == Some(check.transaction) {
            cx.stats.repeated_requests += 1;
            return;
        }
        let Some(id) = known.or_else(|| self.learn_pair(cx, flow, check.priority)) else {
            cx.stats.limit_reached += 1;
            return;
        };
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        pair.answered = true;
        pair.last_asked = cx.now;
        pair.last_request = Some(check.transaction);
        if cx.config.lite {
            self.handle_check_lite(cx, id, check);
            return;
        }
        // §8.1.2: once a pair is selected, others are checked only if the peer wants one of them,
        // comes from an address that is new or was given up, or the selected one has gone silent.
        let is_news = known.is_none() || pair.state == PairState::Failed;
        if check.use_candidate || is_news || self.selected().is_none() || cx.is_doubtful() {
            self.trigger_check(cx, id);
        }
        if check.use_candidate && cx.role == Role::Controlled {
            self.handle_nomination(cx, id, check.nomination);
        }
    }

    /// RFC 8445 §7.3.2: a lite agent selects what the controlling peer nominates, at once.
    fn handle_check_lite(&mut self, cx: &mut Context<'_>, id: PairId, check: IncomingCheck) {
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        pair.state = PairState::Succeeded;
        pair.leads_to = Some(id);
        pair.last_success = cx.now;
        if check.use_candidate {
            pair.make_valid(cx.role, pair.local_priority);
            self.handle_nomination(cx, id, check.nomination);
        }
    }

    /// Whether a check came before, not long ago; it is recognised from now on.
    fn is_repeated(&mut self, check: TransactionId) -> bool {
        if self.recent.contains(&check) {
            return true;
        }
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(check);
        false
    }

    /// RFC 8445 §7.3.1.3: a check told of a candidate, or of a pair.
    fn learn_pair(&mut self, cx: &Context<'_>, flow: Flow, priority: Option<u32>) -> Option<PairId> {
        let base = cx.bases.of(flow)?;
        let candidate = match self.remotes.find(flow.remote()) {
            Some(known) => known,
            None => {
                let is_full = self.remotes.peer_reflexive() >= cx.config.max_peer_reflexive;
                let place = if is_full {
                    Some(self.forget_peer_reflexive(cx)?)
                } else {
                    None
                };
                let usual = candidate_priority(CandidateKind::PeerReflexive, u16::MAX);
                let priority = priority.unwrap_or(usual).max(1);
                self.remotes.add_peer_reflexive(flow.remote(), priority, place)
            }
        };
        self.insert_pair(cx, base, flow, candidate)
    }

    /// Makes room for a peer-reflexive candidate at the cost of the one that was silent for longest, and
    /// for so long that consent to it would have ended: a peer whose NAT moves it every few
    /// minutes stays reachable for ever. The place that is free now.
    fn forget_peer_reflexive(&mut self, cx: &Context<'_>) -> Option<usize> {
        let selected = self.selected();
        let last_heard = |place| {
            let pairs = self.checklist.iter().filter(|pair| pair.remote == place);
            pairs
                .map(|pair| match selected {
                    Some(selected) if selected == pair.id => cx.now,
                    _ => pair.last_asked.max(pair.last_success),
                })
                .max()
        };
        let candidates = (0..).zip(self.remotes.iter());
        let (oldest, heard) = candidates
            .filter(|(_, remote)| remote.kind == CandidateKind::PeerReflexive)
            .map(|(place, _)| (place, last_heard(place)))
            .min_by_key(|(_, heard)| *heard)?;
        if heard.is_some_and(|heard| cx.now < heard + cx.config.timing.consent_expiry) {
            return None;
        }
        self.checklist.retain(|pair| pair.remote != oldest);
        Some(oldest)
    }

    /// Makes room for a signalled candidate at the cost of one whose checks have all failed, and that was silent for as long
    /// as consent lasts: a peer that moves about tells for ever where it is. The place that is free now.
    fn forget_signalled(&mut self, cx: &Context<'_>) -> Option<usize> {
        let is_gone = |pair: &Pair| {
            let heard = pair.last_asked.max(pair.last_success);
            pair.state == PairState::Failed && cx.now >= heard + cx.config.timing.consent_expiry
        };
        let selected = self.selected();
        // One without pairs may be for an address of ours that is still to come, unless its pairs were freed.
        let has_base = |remote: &Remote| {
            let mut bases = cx.bases.iter();
            bases.any(|base| may_pair(base.address, remote.address))
        };
        let is_spare = |place: usize, remote: &Remote| {
            let mut pairs = self.checklist.iter().filter(|pair| pair.remote == place).peekable();
            (pairs.peek().is_some() || has_base(remote)) && pairs.all(|pair| is_gone(pair) && selected != Some(pair.id))
        };
        let mut candidates = (0..).zip(self.remotes.iter());
        let (place, _) = candidates
            .find(|(place, remote)| remote.kind != CandidateKind::PeerReflexive && is_spare(*place, remote))?;
        self.checklist.retain(|pair| pair.remote != place);
        self.backups.touch();
        Some(place)
    }

    /// RFC 8445 §7.3.1.5: the peer nominates the pair that its check came on. It counts once our
    /// own check of it has succeeded: a path that works one way only is never selected.
    fn handle_nomination(&mut self, cx: &mut Context<'_>, id: PairId, value: Option<u32>) {
        if value.is_some_and(|value| !self.nomination.handle_value(value)) {
            return;
        }
        let Some(pair) = self.checklist.get_mut(id) else {
            return;
        };
        match (pair.state, pair.leads_to) {
            (PairState::Succeeded, Some(valid)) => self.accept_nomination(cx, valid),
            _ => pair.nominate_on_success = true,
        }
    }

    /// A nominated pair is valid on this side too.
    fn accept_nomination(&mut self, cx: &mut Context<'_>, id: PairId) {
        if let Some(pair) = self.checklist.get_mut(id) {
            pair.nominated = true;
        }
        if self.nomination.accepts(id, &self.checklist, cx.is_doubtful()) {
            self.select(cx, id);
        }
    }
}

/// Conclusions.
impl Session {
    /// Nominates, moves, frees: whatever is due.
    pub(crate) fn conclude(&mut self, cx: &mut Context<'_>) {
        if cx.role == Role::Controlling && !cx.config.lite {
            self.choose(cx);
        } else {
            self.nomination.leave_choice();
        }
        self.fail_over(cx);
        self.run_backups(cx);
        if self.nomination.poll_free(cx.now) {
            self.free(cx);
        }
    }

    fn choose(&mut self, cx: &mut Context<'_>) {
        if let Some(best) = self.nomination.choose(cx.now, cx.config.timing.pacing, &self.checklist) {
            self.nominate(best);
        }
    }

    /// Has the check that led to this pair repeated, now with USE-CANDIDATE.
    fn nominate(&mut self, id: PairId) {
        if let Some(source) = self.nomination.source_of(id, &self.checklist) {
            self.nomination.begin(source);
        }
    }

    /// Keeps those alive that stand by.
    fn run_backups(&mut self, cx: &mut Context<'_>) {
        match self.selected() {
            Some(selected) if !cx.config.lite => {
                self.backups
                    .run(cx.now, cx.config, selected, &mut self.checklist, cx.rng);
            }
            _ => self.backups.clear(),
        }
    }

    /// The selected pair answers no more, and another one does: that is it.
    fn fail_over(&mut self, cx: &mut Context<'_>) {
        // A pair that was selected just now is not the path yet.
        let selected = self.selected().and_then(|selected| self.checklist.get(selected));
        let Some((selected, health)) = selected.and_then(|pair| Some((pair, cx.path_of(pair.id)?))) else {
            return;
        };
        let is_backup = |id| self.backups.contains(id);
        let timing = &cx.config.timing;
        match failover(cx.now, cx.role, selected, &health, timing, &self.checklist, is_backup) {
            Failover::Stay => {}
            Failover::MoveTo(id) => self.move_to(cx, id),
            Failover::Check(pairs) if !cx.config.lite => {
                for id in pairs {
                    self.ask_anew(cx, id);
                }
            }
            Failover::Check(_) => {}
        }
    }

    /// The controlling side tells the other by nominating; the controlled one follows the peer to
    /// where it is.
    fn move_to(&mut self, cx: &mut Context<'_>, id: PairId) {
        if cx.role == Role::Controlling && !cx.config.lite {
            self.nominate(id);
            return;
        }
        if let Some(selected) = self.selected()
            && let Some(pair) = self.checklist.get_mut(selected)
        {
            pair.nominated = false;
        }
        self.nomination.follow(id);
        self.backups.touch();
    }

    /// RFC 8445 §8.1.2: the pair is selected; no others are checked any more.
    fn select(&mut self, cx: &mut Context<'_>, id: PairId) {
        self.nomination.select(cx.now, id);
        self.backups.touch();
        let nominated: Vec<PairId> = self
            .checklist
            .iter()
            .filter(|pair| pair.nominate_on_success)
            .map(|pair| pair.id)
            .collect();
        self.checklist.clear_triggered(|id| nominated.contains(&id));
        for pair in self.checklist.iter().filter(|pair| !pair.nominate_on_success) {
            if let Some(check) = pair.check {
                cx.outbox.cancel(cx.now, &check);
            }
        }
    }

    /// The peer's nomination of another pair counts from now on, without delay.
    pub(crate) fn free_now(&mut self, cx: &mut Context<'_>) {
        if self.nomination.free_now() {
            self.free(cx);
        }
    }

    /// RFC 8445 §8.3.1: frees what was not selected, save what the peer may still send data on, and what may stand by.
    fn free(&mut self, cx: &mut Context<'_>) {
        let Some(selected) = self.selected() else {
            return;
        };
        let backups = &self.backups;
        let may_stand_by =
            |pair: &Pair| backups.contains(pair.id) || matches!(pair.state, PairState::Waiting | PairState::Frozen);
        self.checklist
            .retain(|pair| pair.id == selected || pair.valid.is_some() || pair.answered || may_stand_by(pair));
        let checklist = &self.checklist;
        cx.outbox.retain_requests(|transaction| match transaction.purpose {
            Purpose::Check(pair, _) => checklist.get(pair).is_some(),
            _ => true,
        });
        self.checklist.shrink();
        cx.outbox.shrink();
    }

    /// RFC 8863: nothing works and nothing is left to try. Before patience ends, the peer's own
    /// checks may still show a way; after it, it also stands in for an end of candidates that
    /// never came. True: it is over.
    pub(crate) fn has_lost_patience(&mut self, cx: &Context<'_>) -> bool {
        if self.patience_ends.is_none_or(|at| at > cx.now) {
            return false;
        }
        if cx.path.is_some() {
            self.patience_ends = None;
            return false;
        }
        // A lite agent tries nothing: it is the peer's checks that it waited for.
        if cx.config.lite || !self.checklist.is_any_alive() {
            return true;
        }
        // Look again when the next check has ended.
        let next = cx.outbox.poll_timeout().filter(|at| *at > cx.now);
        self.patience_ends = Some(next.unwrap_or(cx.now + cx.config.timing.pacing));
        false
    }

    /// RFC 8445 §8.2: two lite agents check nothing; each takes the pair that is best on paper.
    pub(crate) fn select_between_lite(&mut self, cx: &mut Context<'_>) {
        if self.selected().is_some() {
            return;
        }
        let best = self.checklist.iter().max_by_key(|pair| pair.priority);
        let best = best.map(|pair| pair.id);
        if let Some(pair) = best.and_then(|id| self.checklist.get_mut(id)) {
            pair.state = PairState::Succeeded;
            pair.last_success = cx.now;
            pair.make_valid(cx.role, pair.local_priority);
            let id = pair.id;
            self.select(cx, id);
        }
    }

    /// Nobody waits for the answer to this check any more.
    pub(crate) fn is_moot(&self, transaction: &Transaction, generation: u32) -> bool {
        match transaction.purpose {
            Purpose::Check(pair, claim) => claim.generation != generation || self.checklist.get(pair).is_none(),
            Purpose::Gather { .. } | Purpose::Consent(_) => false,
        }
    }

    /// Whether a request may be repeated now: a check only if its remote address has not got too many.
    pub(crate) fn may_repeat(
        &self,
        transaction: &Transaction,
        now: Instant,
        budget: &mut Budget,
        stats: &mut Stats,
    ) -> bool {
        let Purpose::Check(pair, _) = transaction.purpose else {
            return true;
        };
        let has_answered = self.checklist.get(pair).is_some_and(|pair| pair.valid.is_some());
        let may = has_answered || budget.spend(now, transaction.flow.remote().ip());
        stats.checks_over_budget += u64::from(!may);
        may
    }

    /// It ends: nothing is due any more.
    pub(crate) fn stop(&mut self) {
        self.patience_ends = None;
        self.nomination.stop();
        self.backups.clear();
        self.early.clear();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.nomination
            .poll_timeout()
            .into_iter()
            .chain(self.patience_ends)
            .chain(self.backups.poll_timeout())
            .min()
    }
}
