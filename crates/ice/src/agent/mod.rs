//! The agent: what the caller sees, and the order in which its parts get their turn.

mod acquaintance;
mod candidates;
mod checks;
mod consent;
mod gather;
mod lite;
mod nominate;
mod output;
mod path;
mod rebinding;
mod requests;
mod responses;
mod restart;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::{Datagram, Instant, Protocol, StateMachine, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_stun as stun;

use crate::address::normalised;
use crate::candidate::Candidate;
use crate::checklist::LocalId;
use crate::config::{Config, Timing};
use crate::credentials::Credentials;
use crate::event::{Event, FailureReason, Path, Received, Role, State};
use crate::session::Session;
use crate::stats::Stats;
use crate::transactions::Transactions;
use gather::{Base, Gathering};
use output::Outgoing;
use path::Active;
use restart::Previous;

pub use acquaintance::Acquaintance;
pub use candidates::CredentialsError;
pub use gather::AddressError;

/// An ICE agent for one peer: it finds a way between the two and keeps watch over it.
///
/// Give it [local addresses](Agent::add_local_address) and what the peer signals; signal to the
/// peer what its [events](Event) say; send data along its [path](Agent::path).
///
/// ```
/// use pollrtc_core::{Datagram, Instant, StateMachine};
/// use pollrtc_crypto::Rng;
/// use pollrtc_ice::{Agent, Candidate, Config, Role};
///
/// let now = Instant::ZERO;
/// let (a, b) = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.2:6000".parse().unwrap());
/// let mut alice = Agent::new(Config::default(), Role::Controlling, Rng::from_seed([1; 32]));
/// let mut bob = Agent::new(Config::default(), Role::Controlled, Rng::from_seed([2; 32]));
/// alice.add_local_address(now, a)?;
/// bob.add_local_address(now, b)?;
///
/// // Signaling takes credentials and candidates across.
/// alice.set_remote_credentials(now, bob.local_credentials().clone())?;
/// bob.set_remote_credentials(now, alice.local_credentials().clone())?;
/// alice.add_remote_candidate(now, Candidate::host(b));
///
/// // The network takes datagrams across.
/// let mut buf = [0; 1500];
/// for _ in 0..4 {
///     while let Some(transmit) = alice.poll_transmit(now, &mut buf) {
///         bob.handle_datagram(now, Datagram::udp(a, &mut buf[..transmit.len]));
///     }
///     while let Some(transmit) = bob.poll_transmit(now, &mut buf) {
///         alice.handle_datagram(now, Datagram::udp(b, &mut buf[..transmit.len]));
///     }
/// }
/// assert_eq!(alice.path().unwrap().remote, b);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Agent {
    config: Config,
    rng: Rng,
    role: Role,
    tie_breaker: u64,
    remote_lite: bool,
    now: Instant,
    state: State,
    bases: Vec<Base>,
    gathering: Gathering,
    session: Session,
    previous: Vec<Previous>,
    transactions: Transactions,
    outgoing: VecDeque<Outgoing>,
    events: VecDeque<Event>,
    active: Option<Active>,
    /// When the last paced transaction began, and when the next one can.
    paced_at: Option<Instant>,
    pace_at: Option<Instant>,
    stats: Stats,
}

impl Agent {
    /// An agent that knows nothing yet. The side that makes the offer is controlling; if the peer
    /// is lite and this agent is not, [`set_remote_lite`](Self::set_remote_lite) sees to that.
    pub fn new(config: Config, role: Role, mut rng: Rng) -> Self {
        let config = Config {
            timing: config.timing.lawful(),
            ..config
        };
        let credentials = Credentials::generate(&mut rng);
        Self {
            role,
            tie_breaker: rng.u64(),
            remote_lite: false,
            now: Instant::ZERO,
            state: State::New,
            bases: Vec::new(),
            gathering: Gathering::default(),
            session: Session::new(0, credentials),
            previous: Vec::new(),
            transactions: Transactions::default(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
            active: None,
            paced_at: None,
            pace_at: None,
            stats: Stats::default(),
            config,
            rng,
        }
    }

    /// This side's credentials, to signal.
    pub fn local_credentials(&self) -> &Credentials {
        &self.session.keys.local
    }

    /// The peer's credentials, if they are known.
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        let remote = self.session.keys.remote.as_ref()?;
        Some(&remote.credentials)
    }

    /// The local candidates found so far.
    pub fn local_candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.gathering.candidates()
    }

    /// True if no question to a STUN server is open: what [`local_candidates`](Self::local_candidates)
    /// has is all there is.
    pub fn is_gathering_complete(&self) -> bool {
        self.gathering.is_idle()
    }

    /// The role, which may change when both sides took the same one.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Takes a role, before checks begin: the one that signalling says (RFC 8445 §6.1.1). After
    /// that it has no effect: a conflict is repaired by the agents themselves.
    pub fn set_role(&mut self, role: Role) {
        if self.session.patience_ends.is_none() && self.session.number == 0 {
            self.switch_role(role);
        }
    }

    /// Tells whether the peer is a lite agent (`a=ice-lite`). The full agent of the two controls.
    pub fn set_remote_lite(&mut self, lite: bool) {
        self.remote_lite = lite;
        if lite && !self.config.lite {
            self.switch_role(Role::Controlling);
        }
        self.advance(self.now);
    }

    /// How far the agent is.
    pub fn state(&self) -> State {
        self.state
    }

    /// Where to send data now: the selected pair; before that the best pair that works (RFC 8445
    /// §12.1); during a restart the old pair until a new one is selected. `None` means that
    /// nothing may be sent: no pair works, or the peer's consent is gone.
    pub fn path(&self) -> Option<Path> {
        self.active.as_ref().and_then(Active::path)
    }

    /// The smoothed round-trip time of the path, from checks and consent checks.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.active.as_ref()?.rtt
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many things of any kind (addresses, candidates, pairs, requests, messages, events) the
    /// agent holds. The configuration's limits bound it, whatever a peer does.
    pub fn items_held(&self) -> usize {
        let session = &self.session;
        let of_session = session.checklist.len()
            + session.remotes.len()
            + session.early.len()
            + session.held.len()
            + session.unresolved.len();
        let queued = self.transactions.len() + self.outgoing.len() + self.events.len();
        self.bases.len() + self.gathering.len() + of_session + self.previous.len() + queued
    }

    /// Ends it: nothing is sent, answered or accepted any more.
    pub fn close(&mut self) {
        self.end(State::Closed);
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, State::Failed(_) | State::Closed)
    }

    fn fail(&mut self, reason: FailureReason) {
        if !self.has_ended() {
            self.end(State::Failed(reason));
        }
    }

    /// Lets go of all that could still cause a packet.
    fn end(&mut self, state: State) {
        self.transactions.retain(|_, _| false);
        self.outgoing.clear();
        self.previous.clear();
        self.active = None;
        self.pace_at = None;
        self.session.patience_ends = None;
        self.session.nominate_at = None;
        self.session.prune_at = None;
        self.session.early.clear();
        self.gathering.stop();
        self.set_state(state);
    }

    fn set_state(&mut self, state: State) {
        if self.state != state && self.state != State::Closed {
            self.state = state;
            self.tell(Event::StateChanged(state));
        }
    }

    /// Queues an event. A caller who never takes any loses the oldest news of the kind that can
    /// repeat without end, and keeps the latest.
    fn tell(&mut self, event: Event) {
        const REPEATABLE: usize = 64;
        let repeats = |event: &Event| matches!(event, Event::StateChanged(_) | Event::PathChanged(_));
        if repeats(&event)
            && self.events.iter().filter(|event| repeats(event)).count() >= REPEATABLE
            && let Some(oldest) = self.events.iter().position(repeats)
        {
            self.events.remove(oldest);
        }
        self.events.push_back(event);
    }

    /// Brings everything up to `now`: each part does what is due.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        self.run_transactions();
        self.run_consent();
        self.run_restart();
        self.run_conclusion();
        self.run_pacing();
        self.settle();
    }

    fn local_address(&self, local: LocalId) -> Option<SocketAddr> {
        let base = self.bases.get(usize::from(local))?;
        base.in_use.then_some(base.address)
    }

    /// The base that a datagram reached: the one the caller says; without that the only one, else
    /// the one that already talks to `source`, else the first of its family.
    fn reached(&self, destination: Option<SocketAddr>, source: SocketAddr) -> Option<(LocalId, SocketAddr)> {
        let mut bases = (0..)
            .zip(&self.bases)
            .filter(|(_, base)| base.in_use)
            .map(|(id, base)| (id, base.address));
        if let Some(destination) = destination {
            let destination = normalised(destination);
            // What a socket that is bound to all addresses tells is its port.
            let any_ip = destination.ip().is_unspecified();
            return bases.find(|(_, address)| match any_ip {
                true => address.port() == destination.port() && address.is_ipv4() == source.is_ipv4(),
                false => *address == destination,
            });
        }
        if let Some(active) = &self.active
            && active.path.remote == source
        {
            return Some((active.local, active.path.local));
        }
        bases.find(|(_, address)| address.is_ipv4() == source.is_ipv4())
    }

    fn receive_data<'d>(
        &mut self,
        local: (LocalId, SocketAddr),
        remote: SocketAddr,
        payload: &'d mut [u8],
    ) -> Received<'d> {
        let (id, local) = local;
        let on_path = |active: &Active| active.path == Path { local, remote };
        if self.active.as_ref().is_some_and(on_path) || self.has_proven_itself(id, remote) {
            self.stats.data_received += 1;
            return Received::Data { local, remote, payload };
        }
        self.stats.data_from_strangers += 1;
        Received::Handled
    }

    /// Whether an authenticated check of this address was answered, or it answered ours: it knows
    /// our password, and a datagram that it sends now may be data (RFC 8445 §12.2). We send there
    /// only once it has consented, by answering us.
    fn has_proven_itself(&self, local: LocalId, remote: SocketAddr) -> bool {
        let checklist = &self.session.checklist;
        let pair = checklist.find(local, remote).and_then(|id| checklist.get(id));
        pair.is_some_and(|pair| pair.answered || pair.valid.is_some())
            || self.previous.iter().any(|previous| previous.accepts(local, remote))
            || self
                .session
                .early
                .iter()
                .any(|early| early.local == local && early.remote == remote)
    }

    fn receive_message(&mut self, local: (LocalId, SocketAddr), remote: SocketAddr, bytes: &[u8]) {
        let Ok(message) = stun::Message::parse(bytes) else {
            self.stats.malformed += 1;
            return;
        };
        if message.verify_fingerprint() == Some(false) {
            self.stats.bad_fingerprint += 1;
            return;
        }
        if message.method() != stun::Method::BINDING {
            self.stats.unexpected_message += 1;
            return;
        }
        match message.class() {
            stun::Class::Request => self.receive_request(local, remote, &message),
            stun::Class::SuccessResponse | stun::Class::ErrorResponse => self.receive_response(local, remote, &message),
            // RFC 8445 §11: keepalives ask for nothing.
            stun::Class::Indication => self.stats.indications += 1,
        }
    }
}

impl StateMachine for Agent {
    type Event = Event;
    type Received<'d> = Received<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Received<'d> {
        self.now = self.now.max(now);
        if self.has_ended() {
            self.stats.after_end += 1;
            return Received::Handled;
        }
        let remote = normalised(datagram.flow.remote());
        let reached = self.reached(datagram.flow.local(), remote);
        let Some(local) = reached.filter(|_| datagram.flow.protocol() == Protocol::Udp) else {
            self.stats.unknown_address += 1;
            return Received::Handled;
        };
        if !stun::is_stun(datagram.payload) {
            return self.receive_data(local, remote, datagram.payload);
        }
        if crate::address::is_unusable(remote) {
            self.stats.unknown_address += 1;
            return Received::Handled;
        }
        self.receive_message(local, remote, datagram.payload);
        self.advance(now);
        Received::Handled
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = self.now.max(now);
        self.write_next(buf)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.gathering_news())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.has_ended() {
            return None;
        }
        [
            self.transactions.next_deadline(),
            self.pace_at,
            self.consent_timeout(),
            self.conclusion_timeout(),
            self.restart_timeout(),
            self.gathering.timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
        .filter(|at| *at < Instant::FAR_FUTURE) // which never comes
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("role", &self.role)
            .field("state", &self.state)
            .field("path", &self.path())
            .field("pairs", &self.session.checklist.len())
            .finish_non_exhaustive()
    }
}
