//! Many connections behind one socket.

mod contests;
mod duplicates;
mod routes;
mod schedule;
mod sharding;
mod slots;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use pollrtc_core::{Datagram, Departure, Flow, FlowEvent, FlowRequest, Instant, SendId, StateMachine, Transmit};
use pollrtc_ice::{AddressValidation, Pacer};
use pollrtc_rtp::{Rewrite, RtpPacket, SharedPacket};
use pollrtc_stun::{Class, Message, TransactionId};

use crate::event::{CloseReason, Event};
use crate::flow_requests::FlowRequests;
use crate::frame::Frame;
use crate::peer::{PeerConnection, Progress};
use crate::router_id::RouterId;
use crate::stream::{Outgoing, Received, WriteError};
use contests::Contests;
use duplicates::{Duplicates, Status, Verdict};
use routes::{Names, Routes};
use schedule::{Question, Queues, Timers};
use sharding::Misdirected;
use slots::Slots;

pub use sharding::OwnedDatagram;
pub use slots::PeerId;

/// How long apart all connections of a router begin ICE transactions, unless told: 5,000 of them a second, which is
/// half a megabyte.
const PACING: Duration = Duration::from_micros(200);

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
/// Two connections between the same two sockets can't be told apart, once they speak DTLS. The first one goes on, and the
/// second one ends with [`CloseReason::AddressInUse`] as soon as ICE has found that path. A peer that begins anew from the same
/// address takes the place of its former connection, which does not answer any more.
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
#[derive(Debug)]
pub struct Router {
    peers: Slots<Occupant>,
    routes: Routes,
    duplicates: Duplicates,
    contests: Contests,
    /// When each peer is to be woken.
    timers: Timers,
    /// Who is to be asked what.
    queues: Queues,
    /// Whose the streams are that were asked for, by the number that the caller knows.
    requests: FlowRequests<PeerId>,
    /// Streams of peers that have left.
    orphans: VecDeque<Flow>,
    /// Of all peers that have been here.
    longest_datagram: usize,
    /// Who may begin an ICE transaction, and when.
    pacer: Pacer,
    /// Where there are several routers behind one address.
    id: Option<RouterId>,
    misdirected: Misdirected,
    stats: RouterStats,
}

impl Default for Router {
    fn default() -> Self {
        Self::new()
    }
}

/// What a router has dropped, beside what its connections have.
///
/// ```
/// use pollrtc::{Datagram, Instant, Router, StateMachine};
///
/// let mut router = Router::new();
/// let mut bytes = *b"who is there?";
/// router.handle_datagram(Instant::ZERO, Datagram::udp("192.0.2.1:5000".parse().unwrap(), &mut bytes));
/// assert_eq!(router.stats().unroutable, 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouterStats {
    /// Datagrams that belonged to no connection.
    pub unroutable: u64,
    /// STUN messages whose FINGERPRINT is wrong (RFC 8489 §14.7).
    pub bad_fingerprint: u64,
    /// Datagrams of other routers: those that were handed on.
    pub misdirected: u64,
    /// Datagrams of other routers that were dropped, since too many waited to be handed on.
    pub misdirected_dropped: u64,
}

#[derive(Debug)]
struct Occupant {
    peer: PeerConnection,
    names: Names,
    /// That of the peer's names that `names` has; `None` before there are any.
    names_version: Option<u64>,
    /// How far the peer was when it was looked at last.
    progress: Progress,
    /// How long its longest datagram is.
    longest_datagram: usize,
    status: Status,
    /// Whether other connections were made from the same description.
    has_duplicates: bool,
    /// Whether it may speak DTLS, beside those.
    is_dtls_allowed: bool,
}

impl Router {
    /// A router without peers.
    pub fn new() -> Self {
        Self {
            peers: Slots::default(),
            routes: Routes::default(),
            duplicates: Duplicates::default(),
            contests: Contests::default(),
            timers: Timers::default(),
            queues: Queues::default(),
            requests: FlowRequests::new(),
            orphans: VecDeque::new(),
            longest_datagram: 0,
            pacer: Pacer::new(PACING),
            id: None,
            misdirected: Misdirected::default(),
            stats: RouterStats::default(),
        }
    }

    /// A router that shares its address with others, mostly one for each thread; see
    /// [`poll_misdirected`](Self::poll_misdirected). Make its peers with the same
    /// [`router_id`](crate::Config::router_id).
    pub fn with_id(id: RouterId) -> Self {
        Self {
            id: Some(id),
            ..Self::new()
        }
    }

    /// All connections together begin one ICE transaction in this time, in turn; each of them begins one in 50 ms at the
    /// most all the same. By default that is 200 µs, for a server that has a public address and many peers that come at a
    /// time. RFC 8445 §14.2 wants 5 ms of all agents of an implementation, since NATs in front of them make bindings no
    /// faster, and thin links carry no more: where a router runs behind such, that is the interval to take.
    #[must_use]
    pub fn with_pacing(self, interval: Duration) -> Self {
        Self {
            pacer: Pacer::new(interval),
            ..self
        }
    }

    /// Its number among those that share its address.
    pub fn id(&self) -> Option<RouterId> {
        self.id
    }

    /// The next datagram that is for another router: for that one's
    /// [`handle_misdirected`](Self::handle_misdirected), whatever the way to its thread. A caller who never takes any
    /// loses them, within bounds. The first check by a flow says whose it is, and what follows by it goes there too.
    ///
    /// Where sockets share a port, what the other router sends goes out from the same address, and the peer can't tell.
    ///
    /// ```
    /// use pollrtc::{Instant, Router, RouterId};
    /// let id = |number| RouterId::new(number).ok_or("a number up to 4095");
    /// let mut routers = [Router::with_id(id(0)?), Router::with_id(id(1)?)];
    /// while let Some((other, mut datagram)) = routers[0].poll_misdirected() {
    ///     routers[usize::from(other.number())].handle_misdirected(Instant::ZERO, &mut datagram);
    /// }
    /// # Ok::<(), &str>(())
    /// ```
    pub fn poll_misdirected(&mut self) -> Option<(RouterId, OwnedDatagram)> {
        self.misdirected.pop()
    }

    /// Takes a datagram that another router was given. It is handed on no more: what is for nobody here is dropped and
    /// counted.
    pub fn handle_misdirected<'d>(
        &mut self,
        now: Instant,
        datagram: &'d mut OwnedDatagram,
    ) -> Option<(PeerId, Received<'d>)> {
        self.receive(now, datagram.as_datagram(), IfUnknown::Drop)
    }

    /// Takes a connection in. One that comes before it has both descriptions begins each check when the router [lets
    /// it](Self::with_pacing); one that has them has begun the first by itself.
    pub fn insert(&mut self, mut peer: PeerConnection) -> PeerId {
        peer.share_pacing();
        let id = self.peers.insert(Occupant {
            peer,
            names: Names::default(),
            names_version: None,
            progress: Progress::default(),
            longest_datagram: 0,
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
        self.routes.forget(id, names);
        self.contests.forget(id);
        let verdicts = self.duplicates.update(id, status, Status::default());
        self.apply(verdicts);
        peer.allow_dtls(true);
        peer.pace_alone();
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
            let slot = self.queues.pop(Question::Events)?;
            if let Some((id, _)) = self.peers.at(slot) {
                return Some(id);
            }
        }
    }

    /// The next event of one connection.
    pub fn poll_event_of(&mut self, id: PeerId) -> Option<Event> {
        let event = self.peers.get_mut(id)?.peer.poll_event()?;
        // Taking an event may let the peer's window open, which is output.
        self.expect_output(id);
        Some(event)
    }

    /// Writes a packet for one peer into `buf`, as [`PeerConnection::write_rtp`] does. Neither deadlines nor events are
    /// looked at, so that a packet costs no more than its sealing, whatever else the router has to do.
    ///
    /// # Errors
    ///
    /// Why nothing was written, as there; [`WriteError::NotNegotiated`] also if there is no such peer.
    pub fn write_rtp(
        &mut self,
        now: Instant,
        id: PeerId,
        to: Outgoing,
        packet: &RtpPacket<'_>,
        rewrite: &Rewrite<'_>,
        buf: &mut [u8],
    ) -> Result<Transmit, WriteError> {
        let occupant = self.peers.get_mut(id).ok_or(WriteError::NotNegotiated)?;
        let transmit = occupant.peer.write_rtp(now, to, packet, rewrite, buf)?;
        Ok(outer_transmit(id.index(), transmit))
    }

    /// Queues a packet for one peer, as [`PeerConnection::queue_rtp`] does: it comes out of
    /// [`poll_transmit`](StateMachine::poll_transmit), which looks at the peer's deadlines once, however much is queued.
    ///
    /// # Errors
    ///
    /// Why it was not queued, as there; [`WriteError::NotNegotiated`] also if there is no such peer.
    pub fn queue_rtp(
        &mut self,
        now: Instant,
        id: PeerId,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        let occupant = self.peers.get_mut(id).ok_or(WriteError::NotNegotiated)?;
        occupant.peer.queue_rtp(now, to, packet, rewrite)?;
        self.expect_output(id);
        Ok(())
    }

    /// Sends a frame to one peer, as [`PeerConnection::write_frame`] does.
    ///
    /// # Errors
    ///
    /// Why nothing was sent of it, as there; [`WriteError::NotNegotiated`] also if there is no such peer.
    pub fn write_frame(&mut self, now: Instant, id: PeerId, to: Outgoing, frame: &Frame<'_>) -> Result<(), WriteError> {
        let occupant = self.peers.get_mut(id).ok_or(WriteError::NotNegotiated)?;
        occupant.peer.write_frame(now, to, frame)?;
        self.expect_output(id);
        Ok(())
    }

    /// Queues a packet that one peer lacks, as [`PeerConnection::resend`] does.
    ///
    /// # Errors
    ///
    /// Why it can't be sent again, as there; [`WriteError::NotNegotiated`] also if there is no such peer.
    pub fn resend(
        &mut self,
        now: Instant,
        id: PeerId,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        let occupant = self.peers.get_mut(id).ok_or(WriteError::NotNegotiated)?;
        occupant.peer.resend(now, to, packet, rewrite)?;
        self.expect_output(id);
        Ok(())
    }

    /// Writes one packet for many peers, one after the other into `buf`: `sink` gets each of them with what is to be sent, or
    /// why nothing is. The same as [`write_rtp`](Self::write_rtp) for each.
    pub fn fan_out<'r>(
        &mut self,
        now: Instant,
        packet: &RtpPacket<'_>,
        to: impl IntoIterator<Item = (PeerId, Outgoing, Rewrite<'r>)>,
        buf: &mut [u8],
        mut sink: impl FnMut(PeerId, Result<(Transmit, &[u8]), WriteError>),
    ) {
        for (id, outgoing, rewrite) in to {
            match self.write_rtp(now, id, outgoing, packet, &rewrite, buf) {
                Ok(transmit) => sink(id, Ok((transmit, buf.get(..transmit.len).unwrap_or_default()))),
                Err(error) => sink(id, Err(error)),
            }
        }
    }

    /// There may be something to send, and nothing else has changed.
    fn expect_output(&mut self, id: PeerId) {
        self.queues.push(id.index(), [Question::Output]);
        self.queues.note_stale(id.index());
    }

    /// Something happened to a peer: its output, its events and its names are to be looked at.
    fn touch(&mut self, id: PeerId) {
        let Some(occupant) = self.peers.get_mut(id) else { return };
        let version = Some(occupant.peer.names_version());
        let progress = occupant.peer.progress();
        debug_assert!(occupant.names_version != version || occupant.names.are(occupant.peer.local_ufrags()));
        if progress.wants_to_start {
            self.pacer.wait(id.index());
        }
        let is_as_before = occupant.names_version == version && occupant.progress == progress;
        self.queues.push(id.index(), [Question::Flows]);
        if is_as_before && occupant.peer.is_at_rest() {
            // Since the timers were told its deadline, nobody did anything to it.
            return;
        }
        self.queues.push(id.index(), Question::ALL);
        self.queues.note_stale(id.index());
        if is_as_before {
            return;
        }
        (occupant.names_version, occupant.progress) = (version, progress);
        self.routes
            .rename(id, &mut occupant.names, occupant.peer.local_ufrags());
        self.routes
            .add_locals(&mut occupant.names, occupant.peer.local_addresses());
        occupant.longest_datagram = occupant.peer.longest_datagram();
        self.longest_datagram = self.longest_datagram.max(occupant.longest_datagram);
        let after = Status::of(&occupant.peer, progress);
        let before = core::mem::replace(&mut occupant.status, after);
        if before != after {
            let verdicts = self.duplicates.update(id, before, after);
            self.apply(verdicts);
        }
    }

    fn wake(&mut self, id: PeerId) {
        self.queues.push(id.index(), Question::ALL);
        self.queues.note_stale(id.index());
    }

    /// Lets those begin an ICE transaction whose turn it is.
    fn start_transactions(&mut self, now: Instant) {
        // Who wants to and can't is asked once.
        for _ in 0..self.pacer.len() {
            let Some(slot) = self.pacer.poll(now) else { return };
            let Some((id, occupant)) = self.peers.at_mut(slot) else {
                continue;
            };
            if occupant.peer.start_transaction(now) {
                self.pacer.handle_start(now);
                self.touch(id);
            } else {
                // It has put its check off, and has another deadline for that.
                self.wake(id);
            }
        }
    }

    /// Tells the timers all deadlines that they may not know.
    fn tell_timers(&mut self) {
        if !self.queues.has_stale() {
            return;
        }
        for place in 0..self.queues.len(Question::Output) {
            if let Some(slot) = self.queues.stale_at(place) {
                self.rest(slot);
            }
        }
    }

    /// The peer rests until its deadline, unless it has something to send.
    fn rest(&mut self, slot: u32) {
        self.queues.note_told(slot);
        if let Some((_, occupant)) = self.peers.at(slot) {
            self.timers.set(slot, occupant.peer.poll_timeout());
        }
    }

    /// ICE has heard of this flow in a message that only the peer can have written. It is the
    /// peer's if nobody else's; and in any case once a check of ours has come back by it, which
    /// nobody can fake with a forged source address. Who has lost it by that.
    fn claim_flow(&mut self, id: PeerId, flow: Flow) -> Option<PeerId> {
        let owner = self.routes.owner(flow);
        if owner == Some(id) {
            return None;
        }
        let occupant = self.peers.get(id)?;
        match occupant.peer.address_validation(flow) {
            AddressValidation::Unknown => return None,
            AddressValidation::Authenticated if owner.is_some() => return None,
            _ => {}
        }
        if let Some(owner) = owner.and_then(|owner| self.peers.get_mut(owner)) {
            owner.names.lose(flow);
        }
        let Occupant { peer, names, .. } = self.peers.get_mut(id)?;
        let is_validated = |flow: Flow| peer.address_validation(flow) == AddressValidation::Validated;
        self.routes.claim(id, names, flow, is_validated);
        owner
    }

    /// A message of a peer has come by a flow, whosever that was; `answer` is the check that it agrees to, if it does. Where its
    /// former owner shows that it lives, the two can't be told apart, and the latter one ends.
    fn follow_flow(&mut self, now: Instant, id: PeerId, flow: Flow, answer: Option<TransactionId>) {
        if !self.contests.has_lost(id, flow) {
            if let Some(former) = self.claim_flow(id, flow) {
                self.contest(now, flow, former, id);
            }
            return;
        }
        if let Some(answer) = answer
            && let Some(latter) = self.contests.note_answer(id, flow, answer)
        {
            if let Some(occupant) = self.peers.get_mut(latter) {
                occupant.peer.give_way(CloseReason::AddressInUse);
            }
            self.touch(latter);
            self.claim_flow(id, flow);
        }
    }

    /// A connection has taken a flow over. The former owner is asked whether its peer lives, unless both answer one
    /// description, of which one alone goes on.
    fn contest(&mut self, now: Instant, flow: Flow, former: PeerId, latter: PeerId) {
        let description = |id| Some(self.peers.get(id)?.status.description);
        if description(former).flatten().is_some() && description(former) == description(latter) {
            return;
        }
        if let Some(occupant) = self.peers.get_mut(former) {
            occupant.peer.ask_path(now, flow);
            self.contests.begin(flow, former, latter);
            self.touch(former);
        }
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
            for flow in self.routes.release_flows(id, &mut occupant.names) {
                self.claim_flow(heir, flow);
            }
        }
        if let Some(occupant) = self.peers.get_mut(id) {
            occupant.peer.give_way(CloseReason::Superseded);
        }
        self.touch(id);
    }

    fn receive<'d>(
        &mut self,
        now: Instant,
        datagram: Datagram<'d>,
        if_unknown: IfUnknown,
    ) -> Option<(PeerId, Received<'d>)> {
        let flow = self.routes.locate(datagram.flow);
        let datagram = Datagram { flow, ..datagram };
        let is_stun = pollrtc_stun::is_stun(datagram.payload);
        let message = is_stun.then(|| Message::parse(datagram.payload).ok()).flatten();
        if message.as_ref().and_then(Message::verify_fingerprint) == Some(false) {
            self.stats.bad_fingerprint += 1;
            return None;
        }
        let named = message.as_ref().and_then(|message| self.routes.named(message));
        let id = named.filter(|id| self.peers.get(*id).is_some());
        let shard = match id {
            Some(_) => None,
            None => self.shard_named(message.as_ref()),
        };
        let by_flow = || self.routes.owner(flow).filter(|_| shard.is_none());
        let Some(id) = id.or_else(by_flow) else {
            self.hand_on(&datagram, shard, if_unknown);
            return None;
        };
        let occupant = self.peers.get_mut(id)?;
        if let Some(message) = message {
            let peer = &mut occupant.peer;
            let is_awaited = peer.awaits(&message);
            peer.handle_message(now, flow, &message);
            // A forged answer is none.
            let answer = (is_awaited && !peer.awaits(&message)).then(|| message.transaction_id());
            if let Some(answer) = answer {
                self.routes.end_transaction(answer);
            }
            let agreeing = answer.filter(|_| message.class() == Class::SuccessResponse);
            self.follow_flow(now, id, flow, agreeing);
            self.touch(id);
            return Some((id, Received::Nothing));
        }
        if occupant.has_duplicates {
            return Some(self.deliver_to_duplicates(now, id, datagram));
        }
        let received = occupant.peer.handle_datagram(now, datagram);
        self.touch(id);
        Some((id, received))
    }

    /// The other router whose peer a check asks for.
    fn shard_named(&self, message: Option<&Message<'_>>) -> Option<RouterId> {
        let own = self.id?;
        let ufrag = pollrtc_ice::local_ufrag(message?)?;
        RouterId::of(ufrag).filter(|router| *router != own)
    }

    /// Nobody here is meant.
    fn hand_on(&mut self, datagram: &Datagram<'_>, named: Option<RouterId>, if_unknown: IfUnknown) {
        let router = match if_unknown {
            IfUnknown::Drop => None,
            IfUnknown::HandOn => named.or_else(|| self.misdirected.owner(datagram.flow)),
        };
        let Some(router) = router else {
            self.stats.unroutable += 1;
            return;
        };
        if named.is_some() {
            self.misdirected.learn(datagram.flow, router);
        }
        match self.misdirected.push(router, datagram) {
            true => self.stats.misdirected += 1,
            false => self.stats.misdirected_dropped += 1,
        }
    }

    /// A datagram that is not STUN, by a flow of a peer that has several connections here: each that
    /// speaks DTLS by this flow gets it, and drops what is not its own.
    fn deliver_to_duplicates<'d>(
        &mut self,
        now: Instant,
        owner: PeerId,
        datagram: Datagram<'d>,
    ) -> (PeerId, Received<'d>) {
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
        let received = match self.peers.get_mut(*last) {
            Some(occupant) => occupant.peer.handle_datagram(now, datagram),
            None => Received::Nothing,
        };
        self.touch(*last);
        (*last, received)
    }

    /// Whom something is told that became of a flow, and in which words.
    fn addressee(&mut self, event: FlowEvent) -> Option<(PeerId, FlowEvent)> {
        match event {
            FlowEvent::Opened { id: Some(ours), flow } => {
                let asked = self.requests.answer(ours);
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
                let (id, theirs) = self.requests.answer(ours)?;
                Some((id, FlowEvent::Failed { id: theirs }))
            }
            FlowEvent::Closed(flow) | FlowEvent::Blocked(flow) | FlowEvent::Writable(flow) => {
                Some((self.routes.owner(self.routes.locate(flow))?, event))
            }
            // ICMP tells mostly of checks that nobody has answered yet.
            FlowEvent::Unreachable(flow) | FlowEvent::TooBig { flow, .. } => {
                let flow = self.routes.locate(flow);
                let id = self.routes.owner(flow).or_else(|| self.routes.asker(flow))?;
                Some((id, event))
            }
            // Who has connected to a listener says in their first check whom they want.
            _ => None,
        }
    }
}

impl StateMachine for Router {
    type Event = (PeerId, Event);
    /// The connection that took the datagram, if any did, and what it gives to the caller right away.
    type Received<'d> = Option<(PeerId, Received<'d>)>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Option<(PeerId, Received<'d>)> {
        self.receive(now, datagram, IfUnknown::HandOn)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.tell_timers();
        while let Some(slot) = self.timers.take_due(now) {
            let Some((id, occupant)) = self.peers.at_mut(slot) else {
                continue;
            };
            occupant.peer.handle_timeout(now);
            self.touch(id);
        }
        self.start_transactions(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.start_transactions(now);
        // A peer whose datagram may not have fitted into `buf` stays busy, but each is asked only once.
        for _ in 0..self.queues.len(Question::Output) {
            let slot = self.queues.pop(Question::Output)?;
            let peers = self.peers.len();
            let Some((id, occupant)) = self.peers.at_mut(slot) else {
                self.queues.note_told(slot);
                continue;
            };
            let transmit = occupant.peer.poll_transmit(now, buf);
            if transmit.is_none() && buf.len() >= occupant.longest_datagram {
                self.rest(slot);
                continue;
            }
            self.queues.push(slot, [Question::Output]);
            let Some(transmit) = transmit else { continue };
            let sent = buf.get(..transmit.len).filter(|sent| pollrtc_stun::is_stun(sent));
            if let Some(message) = sent.and_then(|sent| Message::parse(sent).ok())
                && message.class() == Class::Request
            {
                self.routes
                    .expect_response(id, message.transaction_id(), transmit.flow, peers);
                self.contests.note_check(id, transmit.flow, message.transaction_id());
            }
            // Sending can free room, which is an event.
            self.queues.push(slot, [Question::Events]);
            return Some(outer_transmit(slot, transmit));
        }
        None
    }

    fn longest_datagram(&self) -> usize {
        self.longest_datagram
    }

    fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        while let Some(slot) = self.queues.first(Question::Events) {
            let id = self.peers.at(slot).map(|(id, _)| id);
            if let Some(id) = id
                && let Some(event) = self.poll_event_of(id)
            {
                return Some((id, event));
            }
            self.queues.pop(Question::Events);
        }
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let stale = self
            .queues
            .stale()
            .filter_map(|slot| self.peers.at(slot)?.1.peer.poll_timeout());
        stale
            .chain(self.timers.earliest())
            .chain(self.pacer.poll_timeout())
            .min()
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
            self.routes.release(id, &mut occupant.names, flow);
        }
        self.touch(id);
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        if let Some(flow) = self.orphans.pop_front() {
            return Some(FlowRequest::Close(flow));
        }
        while let Some(slot) = self.queues.first(Question::Flows) {
            let request = self
                .peers
                .at_mut(slot)
                .and_then(|(id, occupant)| Some((id, occupant.peer.poll_flow()?)));
            let Some((id, request)) = request else {
                self.queues.pop(Question::Flows);
                continue;
            };
            if let Some(request) = self.requests.ask(id, request) {
                return Some(request);
            }
        }
        None
    }
}

/// What becomes of a datagram that is for nobody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IfUnknown {
    /// Another router may know.
    HandOn,
    /// Another router has handed it on already.
    Drop,
}

/// A peer's transmit as the router tells it: in the upper half of its number stands the slot.
fn outer_transmit(slot: u32, transmit: Transmit) -> Transmit {
    let outer = |inner: SendId| SendId(u64::from(slot) << 32 | inner.0 & u64::from(u32::MAX));
    Transmit {
        id: transmit.id.map(outer),
        ..transmit
    }
}

fn inner_send_id(outer: SendId) -> (u32, SendId) {
    let slot = (outer.0 >> 32) as u32;
    (slot, SendId(outer.0 & u64::from(u32::MAX)))
}

/// A connection of a [`Router`], borrowed to act on. The router looks at what has changed when
/// this is dropped.
///
/// ```
/// use pollrtc::{Config, PeerConnection, Router};
///
/// let mut router = Router::new();
/// let id = router.insert(PeerConnection::new(Config::default()));
/// let mut peer = router.peer_mut(id).ok_or("it has left")?;
/// peer.create_data_channel("chat")?; // all that a connection can do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
            // What was done to it may include that it was asked for its output: then it is at rest, with
            // another deadline than the timers know.
            self.router.wake(self.id);
            self.router.touch(self.id);
        }
    }
}
