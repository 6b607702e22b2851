//! Pacing: the time between new transactions, Ta (RFC 8445 §14.2).

use alloc::collections::{BTreeSet, VecDeque};
use core::time::Duration;

use pollrtc_core::Instant;

use crate::config::LEAST_PACING;

/// When one agent may begin its next transaction.
#[derive(Debug)]
pub(crate) struct Pacing {
    interval: Duration,
    /// Somebody else says when.
    shared: bool,
    /// When the last transaction began.
    last: Option<Instant>,
    /// When to begin the next, or to look again.
    due: Option<Instant>,
    /// The next could begin now, if only somebody said so.
    wanted: bool,
}

impl Pacing {
    pub(crate) fn new(interval: Duration, shared: bool) -> Self {
        Self {
            interval,
            shared,
            last: None,
            due: None,
            wanted: false,
        }
    }

    /// The first time, from now on, at which a transaction may begin.
    pub(crate) fn earliest(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| (last + self.interval).max(now))
    }

    /// Whether somebody else says when.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    pub(crate) fn handle_start(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// The next transaction is to begin, or may come to be wanted, at this time.
    pub(crate) fn set_due(&mut self, now: Instant, due: Option<Instant>) {
        self.wanted = self.shared && due.is_some_and(|due| due <= now);
        self.due = due.filter(|_| !self.wanted);
    }

    pub(crate) fn share(&mut self) {
        self.shared = true;
    }

    pub(crate) fn pace_alone(&mut self) {
        self.shared = false;
        self.wanted = false;
    }

    pub(crate) fn wants_to_start(&self) -> bool {
        self.wanted
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// One budget for many agents with [shared pacing](crate::Config::shared_pacing): who may begin a transaction, in the
/// order in which they asked, and when.
///
/// RFC 8445 §14.2 wants all agents of an implementation together to begin no more than one transaction in 5 ms, for two
/// reasons (Appendix B.1): NATs can't make new bindings faster, and checks must not take more of a thin link than the data
/// that follows. Both are about the network that this side is in. So this is right wherever a NAT or an access
/// link may stand before the agents; a server with a public address and bandwidth to spare, which has many peers to
/// connect at a time, may ask for a shorter interval: each agent keeps its own Ta towards its peer all the same. Nominations are
/// checks that have been triggered (RFC 8445 §8.1.1) and wait for their turn, though not for their own agent's Ta;
/// consent checks have times of their own (RFC 7675 §5.1) and don't wait.
///
/// `K` names an agent. An agent that takes part is asked after everything that happens to it:
///
/// ```
/// use pollrtc_ice::{Agent, Candidate, Config, Credentials, Instant, Pacer, Rng, Role, StateMachine};
///
/// let now = Instant::ZERO;
/// let mut agents: Vec<Agent> = (0..2)
///     .map(|n| Agent::new(Config::default().with_shared_pacing(), Role::Controlling, Rng::from_seed([n; 32])))
///     .collect();
/// let mut pacer = Pacer::new(Pacer::INTERVAL);
/// for (index, agent) in agents.iter_mut().enumerate() {
///     agent.add_local_address(now, "192.0.2.1:5000".parse()?)?;
///     agent.set_remote_credentials(now, Credentials::new("8hhY", "asd88fgpdd777uzjYhagZg"))?;
///     agent.add_remote_candidate(now, Candidate::host("192.0.2.2:6000".parse()?));
///     if agent.wants_to_start() {
///         pacer.wait(index);
///     }
/// }
/// while let Some(index) = pacer.poll(now) {
///     if agents[index].start_transaction(now) {
///         pacer.handle_start(now);
///     }
/// }
/// let mut buf = [0; 1500];
/// assert!(agents[0].poll_transmit(now, &mut buf).is_some());
/// assert!(agents[1].poll_transmit(now, &mut buf).is_none());
/// assert_eq!(pacer.poll_timeout(), Some(now + Pacer::INTERVAL)); // then it is the other one's turn
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pacer<K = u32> {
    interval: Duration,
    /// When the next transaction may begin.
    next: Option<Instant>,
    waiting: VecDeque<K>,
    /// Those of `waiting`, so that nobody waits twice.
    names: BTreeSet<K>,
}

impl Pacer {
    /// The least time between two transactions that RFC 8445 §14.2 allows to all agents together.
    pub const INTERVAL: Duration = LEAST_PACING;
}

impl<K: Copy + Ord> Pacer<K> {
    /// One transaction in this time.
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: None,
            waiting: VecDeque::new(),
            names: BTreeSet::new(),
        }
    }

    /// This agent wants to start a transaction; it waits once, however often it is said.
    pub fn wait(&mut self, agent: K) {
        if self.names.insert(agent) {
            self.waiting.push_back(agent);
        }
    }

    /// The agent that may begin its transaction now, if it still wants to; it waits no longer.
    pub fn poll(&mut self, now: Instant) -> Option<K> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let agent = self.waiting.pop_front()?;
        self.names.remove(&agent);
        Some(agent)
    }

    /// An agent has begun a transaction.
    pub fn handle_start(&mut self, now: Instant) {
        self.next = Some(now + self.interval);
    }

    /// When the next one may begin, if anybody waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let anybody = !self.waiting.is_empty();
        anybody.then(|| self.next.unwrap_or(Instant::ZERO))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// One transaction in [`Pacer::INTERVAL`].
impl<K: Copy + Ord> Default for Pacer<K> {
    fn default() -> Self {
        Self::new(LEAST_PACING)
    }
}
