//! Consent: the path in use, and whether the peer still wants what is sent there (RFC 7675).

use core::time::Duration;

use pollrtc_core::{Flow, Instant};
use pollrtc_crypto::Rng;

use crate::config::{KEEPALIVE, Timing};
use crate::liveness::Doubt;
use crate::pair::{Pair, PairId, smoothed};
use crate::transaction::{Claim, Transaction};

/// The path in use, if there is one, and what the peer has said on it.
#[derive(Debug)]
pub(crate) struct Consent {
    timing: Timing,
    /// A lite agent asks nothing: its full peer does, and that it does is all there is.
    lite: bool,
    /// Whether another pair could take the place of the path's.
    has_standby: bool,
    path: Option<ActivePath>,
}

/// Where data goes.
#[derive(Clone, Copy, Debug)]
struct ActivePath {
    flow: Flow,
    origin: Origin,
    rtt: Option<Duration>,
    /// When the peer last answered a check or consent check of ours: that is consent.
    last_success: Instant,
    /// When a check or an answer of the peer last came, authenticated: all that a lite agent has for consent.
    last_message: Instant,
    /// When anything last came from it that was authenticated.
    last_heard: Instant,
    /// When a check of the peer last came.
    last_request: Instant,
    /// Checks of ours are unanswered.
    doubt: Option<Doubt>,
    /// When the latest went out.
    last_check: Instant,
    next_check: Instant,
    /// After how much silence it is asked whether it is alive, if another one stands by.
    patience: Duration,
    /// Consent ran out while the machine slept: nothing goes out but one consent check.
    suspended_until: Option<Instant>,
}

/// What a path is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A pair of the current checklist.
    Pair(PairId),
    /// The path of the generation of this number, from before a restart.
    Previous(u32),
}

/// How the path is doing, as others need to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathHealth {
    pub(crate) origin: Origin,
    pub(crate) last_heard: Instant,
    /// Since when checks of ours are unanswered, once the first answer is overdue.
    pub(crate) doubted_since: Option<Instant>,
    /// Since when it is clear that it answers no more.
    pub(crate) missed_since: Option<Instant>,
    /// Nothing came for longer than [`Timing::disconnect`].
    pub(crate) silent: bool,
}

/// What is to be done for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Consent is gone.
    Expired,
    /// A consent check has to go out.
    Check,
    /// A packet that keeps the NATs' bindings open has to go out.
    Keepalive,
}

/// A timer that comes this much too late was not forgotten: the machine slept.
const SLEPT: Duration = Duration::from_secs(5);

/// Two checks of the peer in less than this are doubts.
const PEER_DOUBTS: Duration = Duration::from_millis(400);

/// How long apart checks are at least that somebody else gives reason for.
const SUSPICION_INTERVAL: Duration = Duration::from_secs(1);

/// How long the answer to the consent check after a sleep may take.
const AFTER_SLEEP: Duration = Duration::from_secs(2);

/// How many consent checks may be unanswered.
const MAX_UNANSWERED: u32 = 8;

impl Consent {
    pub(crate) fn new(timing: Timing, lite: bool) -> Self {
        Self {
            timing,
            lite,
            has_standby: false,
            path: None,
        }
    }

    /// Tells whether another pair could take the place of the path's.
    pub(crate) fn set_standby(&mut self, has_standby: bool) {
        self.has_standby = has_standby;
    }

    /// The way that data takes; `None` if nothing may be sent.
    pub(crate) fn flow(&self) -> Option<Flow> {
        let path = self.path.as_ref()?;
        path.suspended_until.is_none().then_some(path.flow)
    }

    /// The flow of the path, also while nothing may be sent there.
    pub(crate) fn current_flow(&self) -> Option<Flow> {
        Some(self.path.as_ref()?.flow)
    }

    /// Whether this is the path.
    pub(crate) fn is_on(&self, flow: Flow) -> bool {
        self.path.as_ref().is_some_and(|path| path.flow == flow)
    }

    pub(crate) fn round_trip_time(&self) -> Option<Duration> {
        self.path.as_ref()?.rtt
    }

    /// What the path is made of, if there is one.
    pub(crate) fn origin(&self) -> Option<Origin> {
        Some(self.path.as_ref()?.origin)
    }

    /// Which generation's path is in use, where `current` is the number of that of now.
    pub(crate) fn generation(&self, current: u32) -> Option<u32> {
        Some(match self.origin()? {
            Origin::Pair(_) => current,
            Origin::Previous(number) => number,
        })
    }

    pub(crate) fn health(&self, now: Instant) -> Option<PathHealth> {
        let path = self.path.as_ref()?;
        Some(PathHealth {
            origin: path.origin,
            last_heard: path.last_heard,
            doubted_since: path.doubt.and_then(|doubt| doubt.overdue_since()),
            missed_since: path.missed_at().filter(|at| *at <= now),
            silent: path.suspended_until.is_some() || path.last_heard + self.timing.disconnect <= now,
        })
    }

    /// Takes this pair as the path; a pair that was last asked some time ago is asked again soon.
    pub(crate) fn take_path(&mut self, now: Instant, pair: &Pair, rng: &mut Rng) {
        let interval = if self.lite { KEEPALIVE } else { self.interval(rng) };
        let patience = drawn(self.timing.failover, rng);
        self.path = Some(ActivePath {
            flow: pair.flow,
            origin: Origin::Pair(pair.id),
            rtt: pair.rtt,
            last_success: pair.last_success,
            last_message: pair.last_success.max(now),
            last_heard: pair.last_success.max(now),
            last_request: pair.last_asked,
            doubt: None,
            last_check: pair.last_success,
            next_check: (pair.last_success + interval).max(now),
            patience,
            suspended_until: None,
        });
    }

    /// The pair learns of round trips from its checks, the path from its own.
    pub(crate) fn learn_round_trip(&mut self, rtt: Option<Duration>) {
        if let Some(path) = &mut self.path {
            path.rtt = path.rtt.or(rtt);
        }
    }

    /// A restart: what was a pair's path is that of an old generation.
    pub(crate) fn handle_restart(&mut self, old: u32) {
        if let Some(path) = &mut self.path
            && let Origin::Pair(_) = path.origin
        {
            path.origin = Origin::Previous(old);
        }
    }

    /// There is no path any more. What it was made of.
    pub(crate) fn drop_path(&mut self) -> Option<Origin> {
        Some(self.path.take()?.origin)
    }

    pub(crate) fn forget_flows(&mut self, is_gone: impl Fn(Flow) -> bool) {
        self.path.take_if(|path| is_gone(path.flow));
    }

    /// A check or an answer of the peer came by this flow, authenticated.
    pub(crate) fn handle_message(&mut self, now: Instant, flow: Flow) {
        if let Some(path) = self.path.as_mut().filter(|path| path.flow == flow) {
            path.last_message = now;
            path.last_heard = now;
        }
    }

    /// Anything else came by this flow, authenticated by the protocol that it belongs to. The peer is there, which is
    /// not to say that it wants what we send: RFC 7675 §5.1 lets nothing but an answer to a check renew consent.
    pub(crate) fn handle_authenticated(&mut self, now: Instant, flow: Flow) {
        if let Some(path) = self.path.as_mut().filter(|path| path.flow == flow) {
            path.last_heard = path.last_heard.max(now);
        }
    }

    /// The next consent check goes out at once.
    pub(crate) fn check_now(&mut self, now: Instant) {
        if let Some(path) = self.path.as_mut().filter(|_| !self.lite) {
            path.next_check = path.next_check.min(now);
        }
    }

    /// A check of the peer came by this flow. One soon after the other means that our answers don't arrive, though
    /// all that the peer sends may.
    pub(crate) fn handle_request(&mut self, now: Instant, flow: Flow) {
        self.handle_message(now, flow);
        if let Some(path) = self.path.as_mut().filter(|path| path.flow == flow) {
            let before = core::mem::replace(&mut path.last_request, now);
            if now - before < PEER_DOUBTS {
                self.suspect(now, flow);
            }
        }
    }

    /// There is reason to ask soon whether the path is alive, if it goes by this flow; once a second is enough.
    pub(crate) fn suspect(&mut self, now: Instant, flow: Flow) {
        if let Some(path) = self.path.as_mut().filter(|path| path.flow == flow && !self.lite)
            && now >= path.last_check + SUSPICION_INTERVAL
        {
            path.next_check = path.next_check.min(now);
        }
    }

    /// RFC 7675 §5.1: a consent check every 4 to 6 seconds; consent ends 30 seconds after the last
    /// answer. Two lite agents ask nothing, and their consent has no end.
    pub(crate) fn handle_timeout(&mut self, now: Instant, both_lite: bool) -> Option<Due> {
        let expires = self.expires()?;
        let due = self.next_due()?;
        let lite = self.lite;
        let path = self.path.as_mut()?;
        let is_over = now >= expires && !both_lite;
        let overslept = now - due >= SLEPT && path.suspended_until.is_none();
        if is_over && overslept && !lite {
            // Time jumped: the checks that would have kept consent alive were never sent. Data
            // waits until one of them is answered.
            path.suspended_until = Some(now + AFTER_SLEEP);
            path.doubt = None;
        } else if is_over {
            return Some(Due::Expired);
        }
        if now < due {
            return None;
        }
        if lite {
            path.next_check = now + KEEPALIVE;
            return Some(Due::Keepalive);
        }
        Some(Due::Check)
    }

    /// When something has to go out: for consent, since the last answer is overdue, or since it is quiet and another
    /// pair stands by.
    fn next_due(&self) -> Option<Instant> {
        let path = self.path.as_ref()?;
        if self.lite {
            return Some(path.next_check);
        }
        let next = match path.doubt {
            Some(doubt) => doubt.next(),
            None if self.has_standby => path.last_heard + path.patience,
            None => path.next_check,
        };
        Some(next.min(path.next_check))
    }

    /// When consent ends if nothing comes.
    fn expires(&self) -> Option<Instant> {
        let path = self.path.as_ref()?;
        let consented = if self.lite {
            path.last_message
        } else {
            path.last_success
        };
        Some(path.suspended_until.unwrap_or(consented + self.timing.consent_expiry))
    }

    fn interval(&self, rng: &mut Rng) -> Duration {
        drawn(self.timing.consent_interval, rng)
    }

    /// A consent check goes out now: how long its answer counts.
    pub(crate) fn begin_check(&mut self, now: Instant, rng: &mut Rng) -> Option<Duration> {
        let interval = self.interval(rng);
        let patience = drawn(self.timing.failover, rng);
        let path = self.path.as_mut()?;
        path.last_check = now;
        path.next_check = now + interval;
        path.patience = patience;
        path.doubt = Some(Doubt::ask(path.doubt, now, path.rtt));
        Some(self.timing.consent_expiry.min(interval.saturating_mul(MAX_UNANSWERED)))
    }

    /// Whether a consent check was sent on the path that is in use now.
    pub(crate) fn is_of_path(&self, transaction: &Transaction, claim: &Claim, current: u32) -> bool {
        self.path.as_ref().is_some_and(|path| path.flow == transaction.flow)
            && self.generation(current) == Some(claim.generation)
    }

    /// The peer answered a check on the path; its pair, if that is of now.
    pub(crate) fn renew(&mut self, now: Instant, transaction: &Transaction) -> Option<PairId> {
        let path = self.path.as_mut()?;
        // An answer to a question from before the sleep says nothing about now.
        if path
            .suspended_until
            .is_some_and(|until| transaction.started_at + AFTER_SLEEP < until)
        {
            return None;
        }
        path.suspended_until = None;
        path.doubt = None;
        path.last_success = now;
        path.last_message = now;
        path.last_heard = now;
        if let Some(sample) = transaction.round_trip(now) {
            path.rtt = Some(smoothed(path.rtt, sample));
        }
        match path.origin {
            Origin::Pair(id) => Some(id),
            Origin::Previous(_) => None,
        }
    }

    /// `was_silent` as the state tells it: then silence is no news.
    pub(crate) fn poll_timeout(&self, now: Instant, both_lite: bool, was_silent: bool) -> Option<Instant> {
        let path = self.path.as_ref()?;
        if both_lite {
            return Some(path.next_check);
        }
        let silent = (!was_silent).then(|| path.last_heard + self.timing.disconnect);
        let missed = path.missed_at().filter(|at| *at > now);
        [self.next_due(), self.expires(), silent, missed]
            .into_iter()
            .flatten()
            .min()
    }
}

impl ActivePath {
    /// When it becomes clear that it answers no more.
    fn missed_at(&self) -> Option<Instant> {
        Some(self.doubt?.missed_at(self.last_heard))
    }
}

/// A factor between 0.8 and 1.2 keeps many agents from asking in step.
pub(crate) fn drawn(mean: Duration, rng: &mut Rng) -> Duration {
    mean.saturating_mul(800 + rng.below(401)) / 1000
}
