//! Many connections behind one socket.

mod duplicates;
mod routes;
mod schedule;
mod slots;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use pollrtc_core::{
    Datagram, Departure, Flow, FlowEvent, FlowRequest, Instant, RequestId, SendId, StateMachine, Transmit,
};
use pollrtc_ice::AddressValidation;
use pollrtc_stun::{Class, Message};

use crate::{Event, PeerConnection};
use duplicates::{Duplicates, Status, Verdict};
use routes::{Names, Routes};
use schedule::{Queue, Timers};
use slots::Slots;

pub use slots::PeerId;

/// Owns the connections behind one socket (or a few), finds the right one for each datagram in
/// constant time, and serves timers and output of thousands of them at the price of the busy ones.
///
/// A datagram finds its peer by the [flow](pollrtc_core::Flow) that it came by, once ICE knows that flow; a STUN
/// request by the username fragment that it asks for, a STUN response by its transaction. Everything
/// else belongs to nobody: dropped and [counted](Self::stats).
///
/// # Several sockets
///
/// Say with each datagram [which local address](Datagram::received_on) it reached. Behind one outside address and port
/// there may be several peers, told apart by where they send to: NATs give one port to many as long as they talk
/// to different places (RFC 7857 §5 advises against, Linux does).
///
/// # Offers that come twice
///
/// Requests are repeated when an answer is late, and buttons pressed twice. A server that answers the same offer
/// again, with another connection, need not know: the one whose answer the peer took connects, and the others end
/// with [`CloseReason::Superseded`](crate::CloseReason::Superseded). Which one that is shows in the peer's own
/// checks, and is certain once it has proven in DTLS to have the certificate of the offer. So whoever has got hold
/// of a copy of somebody's offer ends nothing with it: not a connection that stands, nor one that is about to.
/// They do take one of the four places that connections of one offer have, hence answer an offer to those only
/// who may have made it. An offer is a secret of both sides (it has the password of ICE), and signaling needs TLS
/// and a word on who may send what. Peers that are ICE-lite never check: of their connections the newest one
/// counts until DTLS has decided.
///
/// ```
/// use pollrtc::{Config, Instant, PeerConnection, Router};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut router = Router::new();
/// let mut peer = PeerConnection::new(Config::default());
/// peer.add_local_address(Instant::ZERO, "192.0.2.1:4000".parse()?)?;
/// let id = router.insert(peer);
/// let offer = router.peer_mut(id).ok_or("no such peer")?.offer(Instant::ZERO)?;
/// # let _ = offer;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Router {
    peers: Slots<Occupant>,
    routes: Routes,
    duplicates: Duplicates,
    /// When each peer is to be woken.
    timers: Timers,
    /// Whose deadline may have changed since `timers` was told.
    stale: Queue,
    /// Who may have something to send.
    busy: Queue,
    /// Who may have events.
    eventful: Queue,
    /// Who may have something to ask of streams.
    asking: Queue,
    /// Whose the streams are that were asked for, by the number that the caller knows.
    requests: BTreeMap<RequestId, (PeerId, RequestId)>,
    last_request: u64,
    /// Streams of peers that have left.
    orphans: VecDeque<Flow>,
    /// Of all peers that have been here.
    longest_datagram: usize,
    stats: RouterStats,
}

/// What a router has dropped, beside what its connections have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterStats {
    /// Datagrams that belonged to no connection.
    pub unroutable: u64,
}

#[derive(Debug)]
struct Occupant {
    peer: PeerConnection,
    names: Names,
    status: Status,
    /// Whether other connections were made from the same description.
    has_duplicates: bool,
    /// Whether it may speak DTLS, beside those.
    is_dtls_allowed: bool,
}

impl Router {
    /// A router without peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a connection in.
    pub fn insert(&mut self, peer: PeerConnection) -> PeerId {
        let id = self.peers.insert(Occupant {
            peer,
            names: Names::default(),
            status: Status::default(),
            has_duplicates: false,
            is_dtls_allowed: true,
        });
        self.touch(id);
        id
    }

    /// Takes a connection out, for good or to live on its own. Streams that it has open are closed.
    pub fn remove(&mut self, id: PeerId) -> Option<PeerConnection> {
        let Occupant {
            mut peer,
            names,
            status,
            ..
        } = self.peers.remove(id)?;
        self.timers.set(id.index(), None);
        self.orphans.extend(names.streams());
        self.routes.forget(names);
        let verdicts = self.duplicates.update(id, status, Status::default());
        self.apply(verdicts);
        peer.allow_dtls(true);
        Some(peer)
    }

    /// A connection to look at.
    pub fn peer(&self, id: PeerId) -> Option<&PeerConnection> {
        Some(&self.peers.get(id)?.peer)
    }

    /// A connection to act on.
    pub fn peer_mut(&mut self, id: PeerId) -> Option<PeerMut<'_>> {
        self.peers.get(id)?;
        Some(PeerMut {
            router: self,
            id,
            is_changed: false,
        })
    }

    /// All connections.
    pub fn peers(&self) -> impl Iterator<Item = (PeerId, &PeerConnection)> {
        self.peers.iter().map(|(id, occupant)| (id, &occupant.peer))
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// True if there is no connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was dropped.
    pub fn stats(&self) -> RouterStats {
        self.stats
    }

    /// A connection that may have events or room to send, once each time that something happened to
    /// it. For callers that let everybody take their own events with
    /// [`poll_event_of`](Self::poll_event_of), instead of all of them with
    /// [`poll_event`](StateMachine::poll_event): who is slow then slows down nobody but their peer.
    pub fn poll_ready(&mut self) -> Option<PeerId> {
        loop {
            let slot = self.eventful.pop()?;
            if let Some((id, _)) = self.peers.at(slot) {
                return Some(id);
            }
        }
    }

    /// The next event of one connection.
    pub fn poll_event_of(&mut self, id: PeerId) -> Option<Event> {
        let event = self.peers.get_mut(id)?.peer.poll_event()?;
        // Taking an event may let the peer's window open, which is output.
        self.stale.push(id.index());
        self.busy.push(id.index());
        Some(event)
    }

    /// Something happened to a peer: its output, its events and its names are to be looked at.
    fn touch(&mut self, id: PeerId) {
        let Some(occupant) = self.peers.get_mut(id) else { return };
        self.routes
            .rename(id, &mut occupant.names, occupant.peer.local_ufrags());
        self.routes
            .add_locals(&mut occupant.names, occupant.peer.local_addresses());
        let after = Status::of(&occupant.peer);
        let before = core::mem::replace(&mut occupant.status, after);
        self.longest_datagram = self.longest_datagram.max(occupant.peer.longest_datagram());
        self.wake(id);
        if before != after {
            let verdicts = self.duplicates.update(id, before, after);
            self.apply(verdicts);
        }
    }

    fn wake(&mut self, id: PeerId) {
        for queue in [&mut self.stale, &mut self.busy, &mut self.eventful, &mut self.asking] {
            queue.push(id.index());
        }
    }

    /// The peer has nothing to send now: it rests until its deadline.
    fn rest(&mut self, slot: u32) {
        let Some((_, occupant)) = self.peers.at(slot) else {
            return;
        };
        self.timers.set(slot, occupant.peer.poll_timeout());
    }

    /// ICE has heard of this flow in a message that only the peer can have written. It is the
    /// peer's if nobody else's; and in any case once a check of ours has come back by it, which
    /// nobody can fake with a forged source address.
    fn claim_flow(&mut self, id: PeerId, flow: Flow) {
        let owner = self.routes.owner(flow);
        if owner == Some(id) {
            return;
        }
        let Some(occupant) = self.peers.get(id) else { return };
        match occupant.peer.address_validation(flow) {
            AddressValidation::Unknown => return,
            AddressValidation::Authenticated if owner.is_some() => return,
            _ => {}
        }
        if let Some(owner) = owner.and_then(|owner| self.peers.get_mut(owner)) {
            owner.names.lose(flow);
        }
        let Some(Occupant { peer, names, .. }) = self.peers.get_mut(id) else {
            return;
        };
        let is_validated = |flow: Flow| peer.address_validation(flow) == AddressValidation::Validated;
        self.routes.claim(id, names, flow, is_validated);
    }

    /// Does what follows for connections of one description.
    fn apply(&mut self, verdicts: Vec<Verdict>) {
        for verdict in verdicts {
            match verdict {
                Verdict::Dtls {
                    id,
                    is_allowed,
                    has_duplicates,
                } => {
                    let Some(occupant) = self.peers.get_mut(id) else {
                        continue;
                    };
                    occupant.has_duplicates = has_duplicates;
                    occupant.is_dtls_allowed = is_allowed;
                    occupant.peer.allow_dtls(is_allowed);
                    if is_allowed {
                        self.wake(id);
                    }
                }
                Verdict::Superseded { id, heir } => self.supersede(id, heir),
            }
        }
    }

    fn supersede(&mut self, id: PeerId, heir: Option<PeerId>) {
        let Some(occupant) = self.peers.get_mut(id) else { return };
        if let Some(heir) = heir {
            for flow in self.routes.release_flows(&mut occupant.names) {
                self.claim_flow(heir, flow);
            }
        }
        if let Some(occupant) = self.peers.get_mut(id) {
            occupant.peer.supersede();
        }
        self.touch(id);
    }

    /// A datagram that is not STUN, by a flow of a peer that has several connections here: each that
    /// speaks DTLS by this flow gets it, and drops what is not its own.
    fn deliver_to_duplicates(&mut self, now: Instant, owner: PeerId, datagram: Datagram<'_>) -> PeerId {
        let description = self.peers.get(owner).and_then(|occupant| occupant.status.description);
        let is_meant = |id: &PeerId| {
            let occupant = self.peers.get(*id).filter(|occupant| occupant.is_dtls_allowed);
            occupant
                .is_some_and(|occupant| occupant.peer.address_validation(datagram.flow) != AddressValidation::Unknown)
        };
        let duplicates = description
            .into_iter()
            .flat_map(|description| self.duplicates.of(description));
        let meant: Vec<PeerId> = duplicates.filter(is_meant).collect();
        let (last, others) = meant.split_last().unwrap_or((&owner, &[]));
        for id in others {
            let mut copy = datagram.payload.to_vec();
            let copy = Datagram {
                payload: &mut copy,
                ..datagram
            };
            if let Some(occupant) = self.peers.get_mut(*id) {
                occupant.peer.handle_datagram(now, copy);
            }
            self.touch(*id);
        }
        if let Some(occupant) = self.peers.get_mut(*last) {
            occupant.peer.handle_datagram(now, datagram);
        }
        self.touch(*last);
        *last
    }

    /// The request of a peer under a number of ours.
    fn ask(&mut self, id: PeerId, request: FlowRequest) -> Option<FlowRequest> {
        match request {
            FlowRequest::Open {
                id: theirs,
                from,
                to,
                protocol,
                framing,
                server_name,
            } => {
                let ours = RequestId(self.last_request);
                self.last_request += 1;
                self.requests.insert(ours, (id, theirs));
                Some(FlowRequest::Open {
                    id: ours,
                    from,
                    to,
                    protocol,
                    framing,
                    server_name,
                })
            }
            FlowRequest::Cancel(theirs) => {
                let is_meant = |(_, asked): &(&RequestId, &(PeerId, RequestId))| **asked == (id, theirs);
                let ours = self.requests.iter().find(is_meant).map(|(ours, _)| *ours)?;
                self.requests.remove(&ours);
                Some(FlowRequest::Cancel(ours))
            }
            other => Some(other),
        }
    }

    /// Whom something is told that became of a flow, and in which words.
    fn addressee(&mut self, event: FlowEvent) -> Option<(PeerId, FlowEvent)> {
        match event {
            FlowEvent::Opened { id: Some(ours), flow } => {
                let asked = self.requests.remove(&ours);
                let asked = asked.and_then(|(id, theirs)| Some((id, theirs, self.peers.get_mut(id)?)));
                let Some((id, theirs, occupant)) = asked else {
                    self.orphans.push_back(flow);
                    return None;
                };
                self.routes
                    .claim(id, &mut occupant.names, flow, |flow| flow.protocol().is_stream());
                let id_and_flow = FlowEvent::Opened { id: Some(theirs), flow };
                Some((id, id_and_flow))
            }
            FlowEvent::Failed { id: ours } => {
                let (id, theirs) = self.requests.remove(&ours)?;
                Some((id, FlowEvent::Failed { id: theirs }))
            }
            FlowEvent::Closed(flow)
            | FlowEvent::Blocked(flow)
            | FlowEvent::Writable(flow)
            | FlowEvent::Unreachable(flow)
            | FlowEvent::TooBig { flow, .. } => Some((self.routes.owner(self.routes.locate(flow))?, event)),
            // Who has connected to a listener says in their first check whom they want.
            _ => None,
        }
    }
}

impl StateMachine for Router {
    type Event = (PeerId, Event);
    /// The connection that took the datagram, if any did.
    type Received<'d> = Option<PeerId>;

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) -> Option<PeerId> {
        let flow = self.routes.locate(datagram.flow);
        let is_stun = pollrtc_stun::is_stun(datagram.payload);
        let message = is_stun.then(|| Message::parse(datagram.payload).ok()).flatten();
        let is_here = |id| self.peers.get(id).is_some();
        let Some(id) = self.routes.find(flow, message.as_ref(), is_here) else {
            self.stats.unroutable += 1;
            return None;
        };
        let datagram = Datagram { flow, ..datagram };
        let occupant = self.peers.get_mut(id)?;
        if occupant.has_duplicates && !is_stun {
            return Some(self.deliver_to_duplicates(now, id, datagram));
        }
        occupant.peer.handle_datagram(now, datagram);
        if is_stun {
            self.claim_flow(id, flow);
        }
        self.touch(id);
        Some(id)
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some(slot) = self.stale.pop() {
            self.rest(slot);
        }
        while let Some(slot) = self.timers.take_due(now) {
            let Some((id, occupant)) = self.peers.at_mut(slot) else {
                continue;
            };
            occupant.peer.handle_timeout(now);
            self.touch(id);
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        // A peer whose datagram may not have fitted into `buf` stays busy, but each is asked only once.
        for _ in 0..self.busy.len() {
            let slot = self.busy.pop()?;
            let peers = self.peers.len();
            let Some((id, occupant)) = self.peers.at_mut(slot) else {
                continue;
            };
            let transmit = occupant.peer.poll_transmit(now, buf);
            if transmit.is_none() && buf.len() >= occupant.peer.longest_datagram() {
                self.rest(slot);
                continue;
            }
            self.busy.push(slot);
            let Some(transmit) = transmit else { continue };
            let sent = buf.get(..transmit.len).filter(|sent| pollrtc_stun::is_stun(sent));
            if let Some(message) = sent.and_then(|sent| Message::parse(sent).ok())
                && message.class() == Class::Request
            {
                self.routes.expect_response(id, message.transaction_id(), peers);
            }
            // Sending can free room, which is an event.
            self.eventful.push(slot);
            return Some(Transmit {
                id: transmit.id.map(|id| outer_send_id(slot, id)),
                ..transmit
            });
        }
        if self.busy.len() == 0 {
            // All are at rest, and `timers` was told.
            self.stale.clear();
        }
        None
    }

    fn longest_datagram(&self) -> usize {
        self.longest_datagram
    }

    fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        while let Some(slot) = self.eventful.first() {
            let id = self.peers.at(slot).map(|(id, _)| id);
            if let Some(id) = id
                && let Some(event) = self.poll_event_of(id)
            {
                return Some((id, event));
            }
            self.eventful.pop();
        }
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let stale = self
            .stale
            .iter()
            .filter_map(|slot| self.peers.at(slot)?.1.peer.poll_timeout());
        stale.chain(self.timers.earliest()).min()
    }

    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        let (slot, inner) = inner_send_id(id);
        let Some((id, occupant)) = self.peers.at_mut(slot) else {
            return;
        };
        occupant.peer.handle_sent(inner, departure);
        self.wake(id);
    }

    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        let Some((id, event)) = self.addressee(event) else {
            return;
        };
        let Some(occupant) = self.peers.get_mut(id) else { return };
        occupant.peer.handle_flow(now, event);
        if let FlowEvent::Closed(flow) = event {
            self.routes.release(&mut occupant.names, flow);
        }
        self.touch(id);
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        if let Some(flow) = self.orphans.pop_front() {
            return Some(FlowRequest::Close(flow));
        }
        while let Some(slot) = self.asking.first() {
            let request = self
                .peers
                .at_mut(slot)
                .and_then(|(id, occupant)| Some((id, occupant.peer.poll_flow()?)));
            let Some((id, request)) = request else {
                self.asking.pop();
                continue;
            };
            if let Some(request) = self.ask(id, request) {
                return Some(request);
            }
        }
        None
    }
}

/// A peer's own number for a transmit, as the router tells it: the slot stands in the upper half.
fn outer_send_id(slot: u32, inner: SendId) -> SendId {
    SendId(u64::from(slot) << 32 | inner.0 & u64::from(u32::MAX))
}

fn inner_send_id(outer: SendId) -> (u32, SendId) {
    let slot = (outer.0 >> 32) as u32;
    (slot, SendId(outer.0 & u64::from(u32::MAX)))
}

/// A connection of a [`Router`], borrowed to act on. The router looks at what has changed when
/// this is dropped.
#[derive(Debug)]
pub struct PeerMut<'r> {
    router: &'r mut Router,
    id: PeerId,
    is_changed: bool,
}

impl Deref for PeerMut<'_> {
    type Target = PeerConnection;

    fn deref(&self) -> &PeerConnection {
        let occupant = self.router.peers.get(self.id);
        &occupant
            .expect("checked when made, and the router is borrowed since")
            .peer
    }
}

impl DerefMut for PeerMut<'_> {
    fn deref_mut(&mut self) -> &mut PeerConnection {
        self.is_changed = true;
        let occupant = self.router.peers.get_mut(self.id);
        &mut occupant
            .expect("checked when made, and the router is borrowed since")
            .peer
    }
}

impl Drop for PeerMut<'_> {
    fn drop(&mut self) {
        if self.is_changed {
            self.router.touch(self.id);
        }
    }
}
