//! All transports of a connection, by id.
//!
//! Sections that are bundled share one, every other section has its own (RFC 9143, RFC 9429 §4.1.1). Mostly there is
//! one, so that the map is a short list in the order of ids, and finding one costs nothing.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use pollrtc_core::{Datagram, Departure, Flow, FlowEvent, FlowRequest, Instant, SendId, StateMachine, Transmit};
use pollrtc_crypto::Rng;
use pollrtc_ice::{self as ice, AddressError, AddressValidation, Candidate};
use pollrtc_jsep::{CertificateHash, LocalTransport, TransportId, TransportKey};
use pollrtc_stun::Message;

use super::flows::{Addressee, AgentId, Flows, inner_send_id, outer_send_id};
use super::transport::Transport;

/// How many closed transports wait to say so, at most.
const ALERTS: usize = 4;

/// The transports, and what others are made from.
#[derive(Debug)]
pub(super) struct Transports {
    /// By id; the last may be one without, which gathers candidates before a description names it (RFC 9429
    /// §3.5.4 calls that the ICE candidate pool).
    all: Vec<Transport>,
    /// The alerts with which closed transports end, and where they go.
    alerts: VecDeque<(Flow, Vec<u8>)>,
    ice: ice::Config,
    rng: Rng,
    /// Given to each agent.
    addresses: Vec<SocketAddr>,
    /// Another one whenever there may be other ufrags or addresses, and with each connection.
    names_version: u64,
    /// Of our certificate; none if there is no certificate.
    fingerprints: Vec<CertificateHash>,
    /// Whether an agent has found all its candidates, and nobody was told that all have.
    gathered: bool,
    /// The streams of all agents.
    flows: Flows,
    next_agent: AgentId,
}

impl Transports {
    pub(super) fn new(ice: ice::Config, rng: Rng, fingerprint: Option<CertificateHash>) -> Self {
        Self {
            all: Vec::new(),
            alerts: VecDeque::new(),
            ice,
            rng,
            addresses: Vec::new(),
            names_version: 0,
            fingerprints: fingerprint.into_iter().collect(),
            gathered: false,
            flows: Flows::new(),
            next_agent: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Transport> + Clone {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Transport> {
        self.all.iter_mut()
    }

    /// Those that a description names which was set.
    pub(super) fn described(&self) -> impl Iterator<Item = &Transport> {
        self.all.iter().filter(|transport| transport.is_described)
    }

    pub(super) fn at(&mut self, index: usize) -> Option<&mut Transport> {
        self.all.get_mut(index)
    }

    pub(super) fn index_of(&self, id: TransportId) -> Option<usize> {
        self.all.iter().position(|transport| transport.id == Some(id))
    }

    pub(super) fn get(&self, id: TransportId) -> Option<&Transport> {
        self.all.iter().find(|transport| transport.id == Some(id))
    }

    pub(super) fn get_mut(&mut self, id: TransportId) -> Option<&mut Transport> {
        self.all.iter_mut().find(|transport| transport.id == Some(id))
    }

    /// The one with the lowest id, or the one in the pool; made if there is none.
    pub(super) fn first(&mut self) -> &mut Transport {
        if self.all.is_empty() {
            let transport = self.make();
            self.all.push(transport);
            self.note_names();
        }
        &mut self.all[0]
    }

    /// Those that every agent was given.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The same as before as long as ufrags and addresses are, also if one connection took the place of another.
    pub(super) fn names_version(&self) -> u64 {
        self.names_version
    }

    /// There may be other ufrags or addresses than before. What there was and is makes the version, as FNV-1a does.
    pub(super) fn note_names(&mut self) {
        const PRIME: u64 = 0x0100_0000_01b3;
        let ufrags = self
            .all
            .iter()
            .map(|transport| &transport.ice.local_credentials().ufrag);
        let version = ufrags
            .flat_map(|ufrag| ufrag.bytes())
            .fold(!self.names_version, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(PRIME)
            });
        self.names_version = version;
    }

    pub(super) fn add_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), AddressError> {
        self.gather(now);
        for transport in &mut self.all {
            transport.ice.add_local_address(now, address)?;
        }
        if !self.addresses.contains(&address) {
            self.addresses.push(address);
        }
        self.note_names();
        Ok(())
    }

    /// A candidate of the peer's that no description of it has a place for yet, or `None` for the end of them. It
    /// goes to the transport whose peer calls itself so, else to the first one, whose agent keeps it.
    pub(super) fn add_early_candidate(&mut self, now: Instant, candidate: Option<Candidate>) {
        let ufrag = candidate.as_ref().and_then(Candidate::ufrag);
        let is_named = |transport: &Transport| {
            let remote = transport.ice.remote_credentials();
            ufrag.is_some() && remote.map(|remote| remote.ufrag.as_str()) == ufrag
        };
        let named = self.all.iter().position(is_named);
        let first = self.first();
        let transport = match named {
            Some(index) => &mut self.all[index],
            None => first,
        };
        match candidate {
            Some(candidate) => transport.ice.add_remote_candidate(now, candidate),
            None => transport.ice.end_of_remote_candidates(now),
        }
    }

    pub(super) fn remove_address(&mut self, now: Instant, address: SocketAddr) {
        self.addresses.retain(|known| *known != address);
        self.note_names();
        for transport in &mut self.all {
            transport.ice.remove_local_address(now, address);
        }
    }

    /// A transport is wanted: candidates are needed soon, so that the first description has them.
    pub(super) fn gather(&mut self, now: Instant) {
        self.first();
        for transport in &mut self.all {
            transport.gather(now, &self.addresses);
        }
    }

    /// What a new description says about a transport. One that is not known yet comes to be, as do
    /// the credentials of another generation.
    pub(super) fn describe(&mut self, now: Instant, key: TransportKey) -> LocalTransport {
        let index = match self.index_of(key.transport) {
            Some(index) => index,
            None => self.insert(key.transport),
        };
        let transport = &mut self.all[index];
        transport.gather(now, &self.addresses);
        transport.prepare(key, &mut self.rng, self.ice.ufrag_tag);
        transport.describe(key, &self.fingerprints)
    }

    /// The same for a description that was made before, with the candidates that are known now.
    pub(super) fn describe_again(&self, key: TransportKey) -> LocalTransport {
        let known = self.get(key.transport);
        known.map_or_else(LocalTransport::default, |known| known.describe(key, &self.fingerprints))
    }

    /// A description that was just created is the only one that can be set, and names these beside `live` ones.
    pub(super) fn forget_all_but(&mut self, live: impl Fn(TransportId) -> bool) {
        let Self { all, flows, .. } = self;
        all.retain(|transport| {
            let is_live = transport.id.is_none_or(&live);
            if !is_live {
                flows.forget(transport.agent);
            }
            is_live
        });
        self.note_names();
    }

    /// Descriptions that were set name nothing but these any more.
    pub(super) fn retain(&mut self, keys: impl Iterator<Item = TransportKey> + Clone) {
        for transport in &mut self.all {
            transport.retain(keys.clone());
        }
    }

    /// A transport is closed; what it has to say on its path is said yet.
    pub(super) fn close(&mut self, now: Instant, id: TransportId) {
        let Some(index) = self.index_of(id) else { return };
        let mut transport = self.all.remove(index);
        self.flows.forget(transport.agent);
        let alert = transport.close(now);
        self.note_names();
        if self.alerts.len() < ALERTS {
            self.alerts.extend(alert);
        }
    }

    /// The one that a datagram is for.
    pub(super) fn receiver_of(&self, datagram: &Datagram<'_>) -> usize {
        match self.all.len() {
            0 | 1 => 0,
            _ => self.demultiplex(datagram.flow, Message::parse(datagram.payload).ok().as_ref()),
        }
    }

    /// The one that a STUN message is for.
    pub(super) fn receiver_of_message(&self, flow: Flow, message: &Message<'_>) -> usize {
        match self.all.len() {
            0 | 1 => 0,
            _ => self.demultiplex(flow, Some(message)),
        }
    }

    /// A check names the ufrag of the transport that it is for, and an answer what was asked. All else is told apart
    /// by where it travels: two transports have different addresses at one end at least.
    fn demultiplex(&self, flow: Flow, message: Option<&Message<'_>>) -> usize {
        if let Some(message) = message
            && let Some(index) = self.all.iter().position(|each| each.ice.is_addressed_by(message))
        {
            return index;
        }
        let is_path = |transport: &Transport| transport.flow().is_some_and(|path| is_on(flow, path));
        if let Some(index) = self.all.iter().position(is_path) {
            return index;
        }
        let known = |index: &usize| self.all.get(*index).map(|each| each.ice.address_validation(flow));
        // Of equals the first.
        (0..self.all.len()).rev().max_by_key(known).unwrap_or(0)
    }

    /// How far the other end of a flow is validated by any of them.
    pub(super) fn address_validation(&self, flow: Flow) -> AddressValidation {
        let known = self.all.iter().map(|transport| transport.ice.address_validation(flow));
        known.max().unwrap_or(AddressValidation::Unknown)
    }

    pub(super) fn resolve_mdns(&mut self, now: Instant, name: &str, address: Option<IpAddr>) {
        for transport in &mut self.all {
            transport.ice.handle_mdns_answer(now, name, address);
        }
    }

    pub(super) fn is_gathering_complete(&self) -> bool {
        self.all.iter().all(|transport| transport.ice.is_gathering_complete())
    }

    /// The next event of any agent, and of which one.
    pub(super) fn poll_ice_event(&mut self) -> Option<(Option<TransportId>, ice::Event)> {
        for transport in &mut self.all {
            while let Some(event) = transport.ice.poll_event() {
                match event {
                    ice::Event::GatheringComplete => self.gathered = true,
                    event => return Some((transport.id, event)),
                }
            }
        }
        if self.gathered && self.is_gathering_complete() {
            self.gathered = false;
            return Some((None, ice::Event::GatheringComplete));
        }
        None
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for transport in &mut self.all {
            transport.handle_timeout(now);
        }
    }

    /// Whether there may be events.
    pub(super) fn has_news(&self) -> bool {
        self.gathered
            || self
                .all
                .iter()
                .any(|transport| transport.ice.has_news() || transport.dtls.has_news())
    }

    /// Before this, there is nothing to send and nothing to do; zero if that is not known.
    pub(super) fn quiet_until(&self) -> Instant {
        if !self.alerts.is_empty() {
            return Instant::ZERO;
        }
        let quiet = self.all.iter().map(Transport::quiet_until);
        quiet.fold(Instant::FAR_FUTURE, Instant::min)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.all.iter().filter_map(Transport::poll_timeout).min()
    }

    /// What the agents have to send.
    pub(super) fn poll_ice(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.all.iter_mut().find_map(|transport| {
            let transmit = transport.ice.poll_transmit(now, buf)?;
            let id = transmit.id.map(|inner| outer_send_id(transport.agent, inner));
            Some(Transmit { id, ..transmit })
        })
    }

    /// What became of something that an agent sent.
    pub(super) fn handle_sent(&mut self, id: SendId, departure: Departure) {
        for transport in &mut self.all {
            if let Some(inner) = inner_send_id(transport.agent, id) {
                transport.ice.handle_sent(inner, departure);
            }
        }
    }

    /// What became of a flow.
    pub(super) fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        match self.flows.addressee(event) {
            Addressee::One(agent, event) => {
                let asked = self.all.iter_mut().find(|transport| transport.agent == agent);
                asked
                    .into_iter()
                    .for_each(|transport| transport.ice.handle_flow(now, event));
            }
            Addressee::All(event) => {
                let all = self.all.iter_mut();
                all.for_each(|transport| transport.ice.handle_flow(now, event));
            }
            Addressee::Nobody => {}
        }
    }

    /// What the agents ask of streams.
    pub(super) fn poll_flow(&mut self) -> Option<FlowRequest> {
        if let Some(request) = self.flows.poll_orphan() {
            return Some(request);
        }
        for transport in &mut self.all {
            while let Some(request) = transport.ice.poll_flow() {
                if let Some(request) = self.flows.ask(transport.agent, request) {
                    return Some(request);
                }
            }
        }
        None
    }

    /// The alert with which a closed transport ends.
    pub(super) fn poll_alert(&mut self, buf: &mut [u8]) -> Option<Transmit> {
        let (flow, alert) = self.alerts.front()?;
        buf.get_mut(..alert.len())?.copy_from_slice(alert);
        let transmit = Transmit::new(*flow, alert.len());
        self.alerts.pop_front();
        Some(transmit)
    }

    /// Flights and alerts of DTLS, of which none is longer than `longest`.
    pub(super) fn poll_dtls(&mut self, now: Instant, buf: &mut [u8], longest: usize) -> Option<Transmit> {
        let mut transports = self.all.iter_mut();
        transports.find_map(|transport| transport.poll_dtls(now, buf, longest))
    }

    /// DTLS says that it ends, on all of them.
    pub(super) fn close_dtls(&mut self, now: Instant) {
        for transport in &mut self.all {
            transport.dtls.close(now);
        }
    }

    /// Somebody else says from now on when each begins its transactions.
    pub(super) fn share_pacing(&mut self) {
        self.ice.shared_pacing = true;
        for transport in &mut self.all {
            transport.ice.share_pacing();
        }
    }

    /// Each says that for itself.
    pub(super) fn pace_alone(&mut self) {
        self.ice.shared_pacing = false;
        for transport in &mut self.all {
            transport.ice.pace_alone();
        }
    }

    pub(super) fn close_ice(&mut self) {
        for transport in &mut self.all {
            transport.ice.close();
        }
    }

    /// A new one in its place in the order: that of the pool if there is one. Where it is.
    fn insert(&mut self, id: TransportId) -> usize {
        let pooled = self.all.pop_if(|last| last.id.is_none());
        let mut transport = pooled.unwrap_or_else(|| self.make());
        transport.id = Some(id);
        let index = self.all.partition_point(|known| known.id < Some(id));
        self.all.insert(index, transport);
        self.note_names();
        index
    }

    fn make(&mut self) -> Transport {
        let agent = self.next_agent;
        self.next_agent = agent.wrapping_add(1);
        Transport::new(agent, self.ice.clone(), self.rng.fork())
    }
}

/// Whether what came by `flow` came on the way that `path` is: who has one socket may not say which.
fn is_on(flow: Flow, path: Flow) -> bool {
    let local = flow.local().is_none_or(|local| Some(local) == path.local());
    local && flow.remote() == path.remote() && flow.protocol() == path.protocol()
}
