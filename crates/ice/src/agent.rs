//! The agent: what the caller sees, and the order in which its parts get their turn.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use pollrtc_core::{Datagram, Flow, FlowEvent, Instant, Protocol, StateMachine, Transmit, normalise};
use pollrtc_crypto::Rng;
use pollrtc_stun::{Class, ErrorCode, Message, Method, TransactionId, is_stun};

use crate::address::{is_same, is_unusable};
use crate::base::{AddressError, Bases};
use crate::budget::Budget;
use crate::candidate::Candidate;
use crate::checklist::Readiness;
use crate::config::Config;
use crate::consent::{Consent, Due, Origin};
use crate::context::Context;
use crate::control::{Conflict, Control};
use crate::credentials::{Credentials, CredentialsError};
use crate::event::{AddressValidation, Event, FailureReason, Path, Received, Role, State};
use crate::events::Events;
use crate::gathering::Gathering;
use crate::generations::{Generations, Legacy, MAX_AUTHENTICATED};
use crate::outbox::{Answer, LONGEST_MESSAGE, Outbox, Response};
use crate::pacing::Pacing;
use crate::pair::PairId;
use crate::requests::{Verdict, judge, mapped_address};
use crate::session::{CheckSuccess, IncomingCheck, Session};
use crate::stats::Stats;
use crate::transaction::{Claim, Purpose, Transaction};
use crate::ufrag::local_ufrag;

/// An ICE agent for one peer: it finds a way between the two and keeps watch over it.
///
/// Give it [local addresses](Agent::add_local_address) and what the peer signals; signal to the
/// peer what its [events](Event) say; send data along its [path](Agent::path).
///
/// ```
/// use pollrtc_ice::{Agent, Candidate, Config, Datagram, Instant, Rng, Role, StateMachine};
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
/// assert_eq!(alice.path().unwrap().flow.remote(), b);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Agent {
    config: Config,
    rng: Rng,
    control: Control,
    remote_lite: bool,
    now: Instant,
    state: State,
    bases: Bases,
    gathering: Gathering,
    generations: Generations,
    session: Session,
    outbox: Outbox,
    budget: Budget,
    consent: Consent,
    pacing: Pacing,
    events: Events,
    stats: Stats,
}

/// RFC 7675 §5.2.
const FORBIDDEN: u16 = 403;

/// What the caller sees and sets.
impl Agent {
    /// An agent that knows nothing yet. The side that makes the offer is controlling; if the peer
    /// is lite and this agent is not, [`set_remote_lite`](Self::set_remote_lite) sees to that.
    pub fn new(config: Config, role: Role, mut rng: Rng) -> Self {
        let config = Config {
            timing: config.timing.lawful(),
            ..config
        };
        let credentials = Credentials::generate_tagged(&mut rng, config.ufrag_tag);
        Self {
            control: Control::new(role, &mut rng),
            remote_lite: false,
            now: Instant::ZERO,
            state: State::New,
            bases: Bases::new(config.max_candidates, config.lite),
            gathering: Gathering::new(&config),
            generations: Generations::new(credentials, config.timing.restart_grace),
            session: Session::default(),
            outbox: Outbox::new(&config),
            budget: Budget::new(config.max_checks_per_address),
            consent: Consent::new(config.timing, config.lite),
            pacing: Pacing::new(config.timing.pacing, config.shared_pacing),
            events: Events::default(),
            stats: Stats::default(),
            config,
            rng,
        }
    }

    /// This side's credentials, to signal.
    pub fn local_credentials(&self) -> &Credentials {
        &self.generations.current().local
    }

    /// The peer's credentials, if they are known.
    pub fn remote_credentials(&self) -> Option<&Credentials> {
        let remote = self.generations.current().remote.as_ref()?;
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
        self.control.role
    }

    /// Takes a role, before checks begin: the one that signalling says (RFC 8445 §6.1.1). After
    /// that it has no effect: a conflict is repaired by the agents themselves.
    pub fn set_role(&mut self, role: Role) {
        if !self.session.is_waiting_for_pair() && self.generations.number() == 0 {
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
        Some(self.path_by(self.consent.flow()?))
    }

    /// The smoothed round-trip time of the path, from checks and consent checks.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.consent.round_trip_time()
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How many things of any kind (addresses, candidates, pairs, requests, messages, events) the
    /// agent holds. The configuration's limits bound it, whatever a peer does.
    pub fn items_held(&self) -> usize {
        let queued = self.outbox.len() + self.budget.len() + self.events.len();
        let checks = self.session.items() + self.generations.len();
        self.bases.len() + self.gathering.len() + checks + queued
    }

    /// Adds an address that UDP datagrams are sent from and received on; its candidates come as
    /// [events](Event::Candidate). A loopback address is only paired with the peer's, a link-local one only with
    /// those that may be on its link: the same address on two links is two addresses.
    ///
    /// # Errors
    ///
    /// If no peer could ever reach it, or a limit is met.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), AddressError> {
        let address = normalise(address);
        if is_unusable(address) {
            return Err(AddressError::Unusable(address));
        }
        if self.has_ended() || self.bases.find(Protocol::Udp, address).is_some() {
            return Ok(());
        }
        let base = self.bases.add(Protocol::Udp, address)?;
        let candidate = self.gathering.add_base(base);
        self.events.push(Event::Candidate(candidate));
        let (session, cx) = self.checks();
        session.pair_base(&cx, &base);
        self.advance(now);
        Ok(())
    }

    /// Removes an address, as when its interface is gone. If the path led over it, the next pair
    /// that works takes over, or checks begin again on what is left.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        let Some(base) = self.bases.remove(Protocol::Udp, normalise(address)) else {
            return;
        };
        let is_gone = |flow| base.has(flow);
        self.gathering.remove_base(&base);
        let gathering = &self.gathering;
        let is_known = |candidate: &Candidate| gathering.candidates().any(|known| known == candidate);
        self.events.retain_candidates(is_known);
        for _ in 0..self.outbox.forget_flows(is_gone) {
            self.gathering.give_up_one();
        }
        let (session, cx) = self.checks();
        session.remove_base(&cx, is_gone);
        self.generations.forget_flows(is_gone);
        self.consent.forget_flows(is_gone);
        self.advance(now);
    }

    /// Tells the peer's credentials; checks begin. Others than before mean that the peer has
    /// restarted, which [restarts](Self::restart) this agent too, unless it just did.
    ///
    /// # Errors
    ///
    /// If their lengths are not those of RFC 8839 §5.4; nothing changes then.
    pub fn set_remote_credentials(&mut self, now: Instant, remote: Credentials) -> Result<(), CredentialsError> {
        remote.check_lengths()?;
        match self.remote_credentials() {
            Some(known) if *known == remote => return Ok(()),
            // RFC 8445 §9: new credentials are a restart, and one of both sides.
            Some(_) => self.restart(now),
            None => {}
        }
        self.now = self.now.max(now);
        if self.has_ended() {
            return Ok(());
        }
        let ufrag = remote.ufrag.clone();
        self.generations.set_remote(remote);
        let (session, cx) = self.checks();
        session.begin(&cx);
        for candidate in self.session.remotes_mut().take_held() {
            self.handle_candidate(candidate);
        }
        let (session, mut cx) = self.checks();
        session.handle_early(&mut cx, &ufrag);
        self.advance(now);
        Ok(())
    }

    /// Adds a candidate that the peer signalled, at any time (RFC 8838). What this agent has no use
    /// for is ignored and counted: components other than 1, TCP, unusable addresses, names outside
    /// `.local`, what belongs to another session, and what is over the limit.
    pub fn add_remote_candidate(&mut self, now: Instant, candidate: Candidate) {
        if self.has_ended() {
            self.stats.after_end += 1;
            return;
        }
        self.now = self.now.max(now);
        self.handle_candidate(candidate);
        self.advance(now);
    }

    /// Tells that the peer will signal no more candidates (RFC 8838 §14). Nothing waits for that: what works first is
    /// nominated, and where nothing works a check of the peer may show a way until [patience](crate::Timing::patience)
    /// ends (RFC 8863).
    pub fn end_of_remote_candidates(&mut self, now: Instant) {
        self.advance(now);
    }

    /// Answers [`Event::ResolveMdns`]; `None`: the name is not known on this network.
    pub fn handle_mdns_answer(&mut self, now: Instant, name: &str, ip: Option<IpAddr>) {
        self.now = self.now.max(now);
        let named = self.session.remotes_mut().take_named(name);
        if let Some(ip) = ip {
            for candidate in named {
                self.handle_candidate(candidate.resolved(ip));
            }
        }
        self.advance(now);
    }

    /// Restarts ICE (RFC 8445 §9): new credentials, to signal; the same role; local candidates are
    /// told again. Data continues on the old path until a pair of the new session is selected.
    pub fn restart(&mut self, now: Instant) {
        let credentials = Credentials::generate_tagged(&mut self.rng, self.config.ufrag_tag);
        self.restart_with(now, credentials);
    }

    /// The same with credentials that were [made](Credentials::generate) before: an offer that
    /// restarts ICE names them, and they take effect when the offer does.
    pub fn restart_with(&mut self, now: Instant, credentials: Credentials) {
        self.now = self.now.max(now);
        if self.state == State::Closed {
            return;
        }
        let number = self.generations.number();
        let mut old = core::mem::take(&mut self.session);
        // Candidates of the peer's new session may have come before this.
        for candidate in old.remotes_mut().take_held() {
            self.session.remotes_mut().hold(candidate);
        }
        let legacy = Legacy {
            had_selected: old.selected().is_some(),
            authenticated: old.authenticated(MAX_AUTHENTICATED),
            carrying: self.consent.generation(number),
        };
        self.generations.restart(self.now, credentials, legacy);
        self.outbox
            .retain_requests(|transaction| !matches!(transaction.purpose, Purpose::Check(..)));
        self.consent.handle_restart(number);
        if matches!(self.state, State::Failed(_)) {
            self.set_state(State::New);
        }
        self.events.forget_names();
        self.events.retain_candidates(|_| false);
        for candidate in self.gathering.announce_again() {
            self.events.push(Event::Candidate(candidate.clone()));
        }
        self.advance(now);
    }

    /// The peer may go on from another socket from now on, without a restart: browsers do when the
    /// section of a description that describes the transport is stopped. Its nomination of another
    /// pair counts at once, and the path is asked whether anybody is there, so that one that is left
    /// does not hold up a move to where the peer is.
    pub fn expect_migration(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let (session, mut cx) = self.checks();
        session.free_now(&mut cx);
        self.consent.check_now(self.now);
        self.advance(now);
    }

    /// Tells that something came by this path which the protocol that it belongs to has authenticated, as a DTLS
    /// record or an SRTP packet: the peer lives, and its packets arrive. That puts off all doubts about the path, and a
    /// state of [`Disconnected`](State::Disconnected) is over.
    ///
    /// It is no consent: RFC 7675 §5.1 lets nothing but an answer to a check renew that, since a peer that sends need not
    /// want what we send.
    ///
    /// What only looks like data of the peer must not be told here: its source may be forged.
    pub fn handle_authenticated(&mut self, now: Instant, path: Path) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        self.consent.handle_authenticated(self.now, path.flow);
        if self.state == State::Disconnected {
            self.settle();
        }
    }

    /// Takes a STUN message that came by this flow and that the caller has read already, as a server does that looks for
    /// the one of its agents that it is for. [`handle_datagram`](StateMachine::handle_datagram) does the same for those who have
    /// not. The caller drops messages with a wrong [FINGERPRINT](Message::verify_fingerprint); one without any is as good as
    /// one with the right one.
    pub fn handle_message(&mut self, now: Instant, flow: Flow, message: &Message<'_>) {
        self.now = self.now.max(now);
        if let Some(flow) = self.admit(flow) {
            self.dispatch(flow, message);
            self.advance(now);
        }
    }

    /// Whether the next transaction could begin now, if only somebody said so: with
    /// [shared pacing](Config::shared_pacing) nothing but [`start_transaction`](Self::start_transaction) begins one. It
    /// may change with any input and with each [`handle_timeout`](StateMachine::handle_timeout).
    pub fn wants_to_start(&self) -> bool {
        self.pacing.wants_to_start()
    }

    /// Begins the next transaction; tells whether there was one to begin. See [`Pacer`](crate::Pacer).
    pub fn start_transaction(&mut self, now: Instant) -> bool {
        self.now = self.now.max(now);
        let started = !self.has_ended() && self.pacing.wants_to_start() && self.start_one();
        self.advance(now);
        started
    }

    /// [Shares](Config::shared_pacing) its pacing with others from now on.
    pub fn share_pacing(&mut self) {
        self.config.shared_pacing = true;
        self.pacing.share();
        self.advance(self.now);
    }

    /// Shares its pacing with nobody from now on.
    pub fn pace_alone(&mut self) {
        self.config.shared_pacing = false;
        self.pacing.pace_alone();
        self.advance(self.now);
    }

    /// Ends it: nothing is sent, answered or accepted any more.
    pub fn close(&mut self) {
        self.end(State::Closed);
    }
}

/// What a server with many peers asks.
impl Agent {
    /// How far the other end of `flow` is validated; over all local addresses, if the flow names none.
    ///
    /// ```
    /// # use pollrtc_ice::{AddressValidation, Agent, Config, Flow, Role};
    /// # let agent = Agent::new(Config::default(), Role::Controlling, pollrtc_ice::Rng::from_seed([1; 32]));
    /// let flow = Flow::udp("203.0.113.9:9".parse()?);
    /// assert_eq!(agent.address_validation(flow), AddressValidation::Unknown);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn address_validation(&self, flow: Flow) -> AddressValidation {
        if flow.local().is_some() {
            let reached = self.bases.complete(flow, None);
            return reached.map_or(AddressValidation::Unknown, |flow| self.validation_of(flow));
        }
        let bases = self.bases.iter().filter(|base| base.protocol == flow.protocol());
        let each = bases.map(|base| self.validation_of(base.flow_to(flow.remote())));
        each.max().unwrap_or(AddressValidation::Unknown)
    }

    fn validation_of(&self, flow: Flow) -> AddressValidation {
        // The path from before a restart is no pair of this checklist, and validated all the same.
        if self.consent.is_on(flow) || self.session.is_valid(flow) {
            return AddressValidation::Validated;
        }
        if self.is_authenticated(flow) {
            return AddressValidation::Authenticated;
        }
        AddressValidation::Unknown
    }

    /// Whether a message is for this agent, of all that a caller has: a check that names a ufrag of its own, also one
    /// from before a restart, or an answer to what it has asked. Its origin may be forged all the same.
    pub fn is_addressed_by(&self, message: &Message<'_>) -> bool {
        match message.class() {
            Class::Request => local_ufrag(message).is_some_and(|ufrag| self.generations.with_ufrag(ufrag).is_some()),
            Class::SuccessResponse | Class::ErrorResponse => self.outbox.get(&message.transaction_id()).is_some(),
            Class::Indication => false,
        }
    }

    /// Whether an authentic check of the peer has come, since the start or the last restart: then it
    /// knows our credentials, by which it has our description. An answer to a check of ours does not
    /// say that much, for the peer may give it without (RFC 8445 §7.3).
    pub fn peer_checks(&self) -> bool {
        self.session.peer_checks()
    }

    /// What the peer at this address calls itself, as long as its credentials are not known here: the
    /// second half of the username of its latest authentic check.
    pub fn early_ufrag(&self, remote: SocketAddr) -> Option<&str> {
        self.session.early_ufrag(normalise(remote))
    }
}

impl StateMachine for Agent {
    type Event = Event;
    type Received<'d> = Received<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Received<'d> {
        self.now = self.now.max(now);
        let is_data = !is_stun(datagram.payload);
        // Mostly it is the peer's data on the path.
        if is_data && self.consent.is_on(datagram.flow) {
            self.stats.data_received += 1;
            let path = self.path_by(datagram.flow);
            let payload = datagram.payload;
            return Received::Data { path, payload };
        }
        let Some(flow) = self.admit(datagram.flow) else {
            return Received::Handled;
        };
        if is_data {
            return self.handle_data(flow, datagram.payload);
        }
        match Message::parse(datagram.payload) {
            Ok(message) if message.verify_fingerprint() == Some(false) => self.stats.bad_fingerprint += 1,
            Ok(message) => self.dispatch(flow, &message),
            Err(_) => self.stats.malformed += 1,
        }
        self.advance(now);
        Received::Handled
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.now = self.now.max(now);
        if self.outbox.has_nothing_to_send() {
            return None;
        }
        let path = self.consent.flow();
        self.outbox
            .write_next(self.now, &self.generations, path, &mut self.stats, buf)
    }

    fn longest_datagram(&self) -> usize {
        LONGEST_MESSAGE
    }

    fn poll_event(&mut self) -> Option<Event> {
        let complete = || Event::GatheringComplete;
        let event = self.events.pop();
        event.or_else(|| self.gathering.poll_complete().then(complete))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.has_ended() {
            return None;
        }
        let is_disconnected = self.state == State::Disconnected;
        [
            self.outbox.poll_timeout(),
            self.pacing.poll_timeout(),
            self.consent.poll_timeout(self.now, self.both_lite(), is_disconnected),
            self.session.poll_timeout(),
            self.generations.poll_timeout(),
            self.gathering.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
        .filter(|at| *at < Instant::FAR_FUTURE) // which never comes
    }

    /// RFC 8445 §7.2.5.2.2: what ICMP says may fail a pair, and need not. Anybody can say so, and a home router that
    /// has not yet seen the peer's own packet says so of pairs that work a moment later; so a pair lives on until
    /// its check times out or its consent ends. It is a reason to ask on the path soon, and no more. That a packet was too big says nothing of checks, which are small, and a
    /// path's MTU is not lowered on the word of a stranger.
    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        let FlowEvent::Unreachable(flow) = event else {
            return;
        };
        self.now = self.now.max(now);
        let reached = self.bases.complete(flow, self.consent.current_flow());
        if let Some(flow) = reached.filter(|flow| self.consent.is_on(*flow) || self.session.has_pair(*flow)) {
            self.stats.unreachable += 1;
            self.consent.suspect(self.now, flow);
            self.advance(now);
        }
    }
}

/// What comes in.
impl Agent {
    /// The flow with the base that it reached, if anybody is there and may be asked from there.
    fn admit(&mut self, flow: Flow) -> Option<Flow> {
        if self.has_ended() {
            self.stats.after_end += 1;
            return None;
        }
        let reached = self.bases.complete(flow, self.consent.current_flow());
        if reached.is_none() {
            self.stats.unknown_address += 1;
        }
        reached
    }

    fn handle_data<'d>(&mut self, flow: Flow, payload: &'d mut [u8]) -> Received<'d> {
        if self.consent.is_on(flow) || self.is_authenticated(flow) {
            self.stats.data_received += 1;
            let path = self.path_by(flow);
            return Received::Data { path, payload };
        }
        self.stats.data_unauthenticated += 1;
        Received::Handled
    }

    fn is_authenticated(&self, flow: Flow) -> bool {
        self.session.is_authenticated(flow) || self.generations.is_authenticated(flow)
    }

    fn dispatch(&mut self, flow: Flow, message: &Message<'_>) {
        if is_unusable(flow.remote()) {
            self.stats.unknown_address += 1;
            return;
        }
        if message.method() != Method::BINDING {
            self.stats.unexpected_message += 1;
            return;
        }
        match message.class() {
            Class::Request => self.handle_request(flow, message),
            Class::SuccessResponse | Class::ErrorResponse => self.handle_response(flow, message),
            // RFC 8445 §11: keepalives ask for nothing.
            Class::Indication => self.stats.indications += 1,
        }
    }

    fn handle_request(&mut self, flow: Flow, message: &Message<'_>) {
        let (generation, remote_ufrag) = match judge(message, &self.generations, &mut self.stats) {
            Verdict::Dropped => return,
            Verdict::Refused(answer, generation) => return self.respond(flow, message, answer, generation),
            Verdict::Authentic {
                generation,
                remote_ufrag,
            } => (generation, remote_ufrag),
        };
        self.consent.handle_request(self.now, flow);
        if generation != self.generations.number() {
            self.respond(flow, message, Answer::Success, Some(generation));
            self.stats.other_generation += 1;
            return;
        }
        self.session.handle_peer_check();
        let conflict = self.control.conflict(message).filter(|_| !self.config.lite);
        self.stats.role_conflicts += u64::from(conflict.is_some());
        match conflict {
            Some(Conflict::Won) => {
                let refused = Answer::Error(ErrorCode::ROLE_CONFLICT);
                return self.respond(flow, message, refused, Some(generation));
            }
            Some(Conflict::Lost) => self.switch_role(self.control.role.opposite()),
            None => {}
        }
        self.respond(flow, message, Answer::Success, Some(generation));
        let check = IncomingCheck::from(message);
        // Without the peer's password there is nothing to check with yet.
        let is_early = !self.generations.knows_remote() && !self.config.lite;
        let (session, mut cx) = self.checks();
        if is_early {
            session.keep_early(&mut cx, flow, remote_ufrag, check);
        } else {
            session.handle_check(&mut cx, flow, check);
        }
    }

    fn respond(&mut self, flow: Flow, request: &Message<'_>, answer: Answer, generation: Option<u32>) {
        let response = Response {
            transaction: request.transaction_id(),
            flow,
            generation,
            answer,
        };
        self.outbox.respond(response, &mut self.stats);
    }

    fn handle_response(&mut self, flow: Flow, message: &Message<'_>) {
        let id = message.transaction_id();
        let Some(transaction) = self.outbox.get(&id).copied() else {
            self.stats.unmatched_response += 1;
            return;
        };
        match transaction.purpose {
            Purpose::Gather { server } => self.handle_server_answer(flow, message, &transaction, server),
            Purpose::Check(_, claim) | Purpose::Consent(claim) => {
                self.handle_check_answer(flow, message, &transaction, &claim);
            }
        }
    }

    fn handle_server_answer(&mut self, flow: Flow, message: &Message<'_>, asked: &Transaction, server: usize) {
        // A server has no password: the random id and the addresses are all there is.
        if asked.flow != flow {
            self.stats.asymmetric_response += 1;
            return;
        }
        self.outbox.remove(&message.transaction_id());
        self.stats.responses_received += 1;
        let is_granted = message.class() == Class::SuccessResponse;
        let mapped = mapped_address(message).filter(|_| is_granted);
        let Some(base) = self.bases.of(flow) else {
            self.gathering.give_up_one();
            return;
        };
        if let Some(candidate) = self.gathering.handle_answer(self.now, base, server, mapped) {
            self.events.push(Event::Candidate(candidate));
        }
    }

    /// RFC 8445 §7.2.5.
    fn handle_check_answer(&mut self, flow: Flow, message: &Message<'_>, asked: &Transaction, claim: &Claim) {
        let keys = self.generations.keys(claim.generation);
        let Some(remote) = keys.and_then(|keys| keys.remote.as_ref()) else {
            self.stats.unmatched_response += 1;
            return;
        };
        // RFC 8489 §9.1.4: without integrity it never came. Nothing below happens before this.
        if !message.verify_integrity(&remote.key) {
            self.stats.bad_integrity += 1;
            return;
        }
        self.stats.responses_received += 1;
        self.outbox.remove(&message.transaction_id());
        self.session.handle_end_of_check(asked, &message.transaction_id());
        let is_symmetric = asked.flow == flow;
        let is_understood = message.unknown_comprehension_required().next().is_none();
        if !is_symmetric {
            // RFC 8445 §7.2.5.2.1.
            self.stats.asymmetric_response += 1;
        }
        let mapped = message.xor_mapped_address().map(normalise);
        match (message.class(), mapped) {
            (Class::SuccessResponse, Some(mapped)) if is_symmetric && is_understood => {
                self.consent.handle_message(self.now, flow);
                self.handle_success(asked, claim, mapped);
            }
            (Class::ErrorResponse, _) if is_symmetric => {
                let code = message.error_code().map_or(0, |(code, _)| code);
                self.handle_refusal(asked, claim, code);
            }
            _ => self.handle_failure(asked, claim),
        }
    }

    fn handle_success(&mut self, asked: &Transaction, claim: &Claim, mapped: SocketAddr) {
        let current = self.generations.number();
        let reflexive_priority = self.reflexive_priority(asked.flow, mapped, claim.priority);
        match asked.purpose {
            Purpose::Check(pair, _) if claim.generation == current => {
                let success = CheckSuccess {
                    pair,
                    nominates: claim.nominates,
                    mapped,
                    reflexive_priority,
                    round_trip: asked.round_trip(self.now),
                };
                if self.consent.is_of_path(asked, claim, current) {
                    self.consent.renew(self.now, asked);
                }
                let (session, mut cx) = self.checks();
                session.handle_success(&mut cx, success);
            }
            Purpose::Consent(_) if self.consent.is_of_path(asked, claim, current) => {
                if let Some(pair) = self.consent.renew(self.now, asked) {
                    let (session, cx) = self.checks();
                    session.handle_consent(&cx, pair, mapped, reflexive_priority);
                }
            }
            _ => {}
        }
    }

    /// The priority of the local candidate that the peer saw: that of the server-reflexive
    /// candidate at this address, else that of the peer-reflexive one which is found just now
    /// (RFC 8445 §7.2.5.3.1); `None` for the host candidate itself.
    fn reflexive_priority(&self, flow: Flow, mapped: SocketAddr, peer_reflexive: u32) -> Option<u32> {
        if flow.local().is_some_and(|base| is_same(base, mapped)) {
            return None;
        }
        let signalled = self.gathering.server_reflexive_priority(mapped);
        Some(signalled.unwrap_or(peer_reflexive))
    }

    /// An authenticated error came.
    fn handle_refusal(&mut self, asked: &Transaction, claim: &Claim, code: u16) {
        if code == ErrorCode::ROLE_CONFLICT {
            self.handle_role_conflict(asked, claim);
            return;
        }
        let current = self.generations.number();
        match asked.purpose {
            Purpose::Check(..) => self.handle_failure(asked, claim),
            Purpose::Consent(_) if code == FORBIDDEN && self.consent.is_of_path(asked, claim, current) => {
                self.lose_consent(FailureReason::ConsentRevoked);
            }
            _ => {}
        }
    }

    fn handle_failure(&mut self, asked: &Transaction, claim: &Claim) {
        if let Purpose::Check(pair, _) = asked.purpose
            && claim.generation == self.generations.number()
        {
            self.session.handle_refusal(pair, claim.nominates);
        }
    }

    /// RFC 8445 §7.2.5.1: the other side keeps the role that the request claimed; we take the other
    /// one and try again. A refusal of a role that we no longer claim says nothing new.
    fn handle_role_conflict(&mut self, asked: &Transaction, claim: &Claim) {
        if claim.role == self.control.role {
            self.stats.role_conflicts += 1;
            self.switch_role(self.control.role.opposite());
            self.control.draw_tie_breaker(&mut self.rng);
        } else {
            self.stats.stale_role_conflict += 1;
        }
        if let Purpose::Check(pair, _) = asked.purpose
            && claim.generation == self.generations.number()
        {
            self.session.handle_role_conflict(self.now, pair, claim.nominates);
        }
    }

    /// A remote candidate, wherever it was until now.
    fn handle_candidate(&mut self, candidate: Candidate) {
        let remote = self.remote_credentials();
        let is_of_now = |ufrag| remote.is_some_and(|remote| remote.ufrag == ufrag);
        let is_of_now = candidate.ufrag().is_none_or(is_of_now);
        let (session, mut cx) = self.checks();
        if let Some(name) = session.handle_candidate(&mut cx, candidate, is_of_now) {
            self.events.push(Event::ResolveMdns { name });
        }
    }
}

/// What time brings.
impl Agent {
    /// Brings everything up to `now`: each part does what is due.
    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.has_ended() {
            return;
        }
        self.give_up_requests();
        self.run_consent();
        self.generations.handle_timeout(self.now);
        self.conclude();
        self.start_what_may_start();
        self.settle();
    }

    fn give_up_requests(&mut self) {
        let current = self.generations.number();
        let Self {
            outbox,
            session,
            budget,
            stats,
            now,
            ..
        } = self;
        loop {
            let is_moot = |asked: &Transaction| session.is_moot(asked, current);
            let may_send = |asked: &Transaction| session.may_repeat(asked, *now, budget, stats);
            let Some((id, transaction)) = outbox.give_up_one(*now, is_moot, may_send) else {
                return;
            };
            match transaction.purpose {
                Purpose::Check(..) if transaction.is_extra => {}
                Purpose::Check(pair, claim) => {
                    session.handle_end_of_check(&transaction, &id);
                    if !transaction.cancelled {
                        session.handle_failure(pair, claim.nominates);
                    }
                }
                Purpose::Gather { .. } => self.gathering.give_up_one(),
                Purpose::Consent(_) => {}
            }
        }
    }

    fn run_consent(&mut self) {
        let both_lite = self.both_lite();
        match self.consent.handle_timeout(self.now, both_lite) {
            None => {}
            Some(Due::Expired) => self.lose_consent(FailureReason::ConsentExpired),
            Some(Due::Keepalive) => self.outbox.keep_alive(TransactionId::random(&mut self.rng)),
            Some(Due::Check) => self.send_consent_check(),
        }
    }

    fn send_consent_check(&mut self) {
        let current = self.generations.number();
        let (Some(health), Some(flow)) = (self.consent.health(self.now), self.consent.current_flow()) else {
            return;
        };
        let (generation, is_selected) = match health.origin {
            Origin::Pair(id) => (current, self.session.selected() == Some(id)),
            Origin::Previous(number) => (number, self.generations.had_selected(number)),
        };
        // Once they were nominated, some lite servers answer nothing but nominations: Chromium repeats its own
        // with each check of the selected pair, which RFC 8445 §8.1.1 does not forbid.
        let nominates = is_selected && self.control.role == Role::Controlling;
        let (_, cx) = self.checks();
        let Some(claim) = cx.bases.of(flow).map(|base| cx.claim(base, nominates)) else {
            return;
        };
        let claim = Claim { generation, ..claim };
        if let Some(wait) = self.consent.begin_check(self.now, &mut self.rng) {
            let request = Transaction::new(self.now, Purpose::Consent(claim), flow, wait);
            self.outbox.start(TransactionId::random(&mut self.rng), request);
        }
    }

    /// RFC 7675 §5.1: after this, nothing is sent on this path; only a restart brings it back.
    fn lose_consent(&mut self, reason: FailureReason) {
        let Some(origin) = self.consent.drop_path() else {
            return;
        };
        self.outbox
            .retain_requests(|transaction| !matches!(transaction.purpose, Purpose::Consent(_)));
        let Origin::Pair(id) = origin else {
            // The old path died during a restart; the new session goes on looking.
            self.generations.forget_old_path();
            return;
        };
        self.session.handle_lost_consent(id);
        let was_selected = self.session.selected() == Some(id);
        if was_selected || self.best_usable().is_none() {
            self.fail(reason);
        }
    }

    fn conclude(&mut self) {
        let between_lite = self.both_lite() && self.generations.knows_remote();
        let (session, mut cx) = self.checks();
        if between_lite {
            session.select_between_lite(&mut cx);
        }
        session.conclude(&mut cx);
        if session.has_lost_patience(&cx) {
            self.fail(FailureReason::NoPair);
        }
    }

    /// Starts what may start now, one transaction each Ta (RFC 8445 §14.2).
    fn start_what_may_start(&mut self) {
        let is_selected = self.session.selected().is_some();
        self.gathering.handle_timeout(self.now, is_selected, self.bases.iter());
        let mut due = self.next_start();
        // More than one where a question to a server was due with a nomination, which does not wait for Ta.
        while due.is_some_and(|due| due <= self.now) && !self.pacing.is_shared() {
            let has_started = self.start_one();
            due = self.next_start();
            if !has_started {
                break;
            }
        }
        self.pacing.set_due(self.now, due);
    }

    fn start_one(&mut self) -> bool {
        let started = self.ask_next_server() || self.start_next_check();
        if started {
            self.pacing.handle_start(self.now);
        }
        started
    }

    fn next_start(&self) -> Option<Instant> {
        let earliest = self.pacing.earliest(self.now);
        if self.gathering.has_questions() {
            return Some(earliest);
        }
        if !self.may_check() {
            return None;
        }
        // Peers that wait for it send nothing before.
        if self.session.has_due_nomination() {
            return Some(self.now);
        }
        match self.session.readiness(self.now) {
            Readiness::Now => Some(earliest),
            Readiness::At(time) => Some(earliest.max(time)),
            Readiness::Never => None,
        }
    }

    fn ask_next_server(&mut self) -> bool {
        let Some((flow, server)) = self.gathering.next_question() else {
            return false;
        };
        let id = TransactionId::random(&mut self.rng);
        let crowd = self
            .config
            .timing
            .pacing
            .saturating_mul(self.gathering.open_questions());
        let purpose = Purpose::Gather { server };
        self.outbox.request(self.now, id, purpose, flow, crowd);
        true
    }

    fn start_next_check(&mut self) -> bool {
        let may = self.may_check();
        let (session, mut cx) = self.checks();
        may && session.start_next_check(&mut cx)
    }

    /// Checks need the peer's credentials, and a full agent on this side.
    fn may_check(&self) -> bool {
        !self.config.lite && self.generations.knows_remote()
    }

    /// Puts the path where it belongs after all that has happened, and tells the state.
    fn settle(&mut self) {
        if self.has_ended() {
            return;
        }
        self.choose_path();
        self.consent.set_standby(self.session.has_standby());
        let started = self.generations.knows_remote() || self.generations.number() > 0;
        let state = match self.consent.health(self.now) {
            Some(health) if health.silent && !self.both_lite() => State::Disconnected,
            Some(health) => match (health.origin, self.session.selected()) {
                (Origin::Pair(id), Some(selected)) if id == selected => State::Completed,
                _ => State::Connected,
            },
            None if started => State::Checking,
            None => State::New,
        };
        self.set_state(state);
    }

    fn choose_path(&mut self) {
        let origin = self.consent.origin();
        let choice = match (self.session.selected(), origin) {
            (Some(selected), _) => Some(selected),
            (None, Some(Origin::Previous(_))) => return,
            (None, _) => self.best_usable(),
        };
        let Some(pair) = choice.and_then(|id| self.session.pair(id)) else {
            return;
        };
        if origin == Some(Origin::Pair(pair.id)) {
            self.consent.learn_round_trip(pair.rtt);
            return;
        }
        let before = self.consent.current_flow();
        let flow = pair.flow;
        self.consent.take_path(self.now, pair, &mut self.rng);
        self.generations.leave_old_path(self.now);
        if before != Some(flow) {
            self.events.push(Event::PathChanged(self.path_by(flow)));
        }
        // A pair that was last asked some time ago is asked again at once.
        self.run_consent();
    }

    /// The pair that data takes if nothing is selected.
    fn best_usable(&self) -> Option<PairId> {
        let expiry = (!self.config.lite).then_some(self.config.timing.consent_expiry);
        self.session.best_usable(self.now, expiry)
    }
}

/// What all of it needs.
impl Agent {
    /// The checks of the current generation, and what they are told and lent.
    fn checks(&mut self) -> (&mut Session, Context<'_>) {
        let cx = Context {
            now: self.now,
            config: &self.config,
            role: self.control.role,
            tie_breaker: self.control.tie_breaker,
            generation: self.generations.number(),
            path: self.consent.health(self.now),
            bases: &self.bases,
            outbox: &mut self.outbox,
            budget: &mut self.budget,
            rng: &mut self.rng,
            stats: &mut self.stats,
        };
        (&mut self.session, cx)
    }

    fn path_by(&self, flow: Flow) -> Path {
        Path {
            flow,
            mtu: self.config.mtu,
        }
    }

    fn both_lite(&self) -> bool {
        self.config.lite && self.remote_lite
    }

    /// Takes the other role, or the same.
    fn switch_role(&mut self, role: Role) {
        if self.control.role != role {
            self.control.role = role;
            self.session.handle_role(role);
        }
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
        self.outbox.clear();
        self.generations.forget_previous();
        self.consent.drop_path();
        self.pacing.set_due(self.now, None);
        self.session.stop();
        self.gathering.stop();
        self.set_state(state);
    }

    fn set_state(&mut self, state: State) {
        if self.state != state && self.state != State::Closed {
            self.state = state;
            self.events.push(Event::StateChanged(state));
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("role", &self.control.role)
            .field("state", &self.state)
            .field("path", &self.path())
            .field("pairs", &self.session.pair_count())
            .finish_non_exhaustive()
    }
}
