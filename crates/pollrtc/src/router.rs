//! Many connections behind one socket.

mod duplicates;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::ops::{Deref, DerefMut};

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_ice::Acquaintance;
use pollrtc_stun::{Class, Message, TransactionId};

use crate::peer::DescriptionDigest;
use crate::{Event, PeerConnection};
use duplicates::Standing;

/// The tables for look-ups, in constant time; never iterated over, so that their order decides nothing.
/// `std`'s hash can't be steered by whoever chooses addresses and ufrags. Without `std` a tree does.
#[cfg(feature = "std")]
type Table<K, V> = std::collections::HashMap<K, V>;
#[cfg(not(feature = "std"))]
type Table<K, V> = alloc::collections::BTreeMap<K, V>;

/// How many addresses one peer may be known by.
const ADDRESSES_PER_PEER: usize = 64;
/// How many ICE generations of one peer are still recognised by their ufrag.
const UFRAGS_PER_PEER: usize = 4;
/// How many of one peer's STUN requests may wait for their responses at a time, on average.
const TRANSACTIONS_PER_PEER: usize = 64;

/// A connection inside a [`Router`]. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId {
    index: u32,
    generation: u32,
}

/// Owns the connections behind one socket (or a few), finds the right one for each datagram in
/// constant time, and serves timers and output of thousands of them at the price of the busy ones.
///
/// A datagram finds its peer by the address that it came from, once ICE knows that address; a STUN
/// request by the username fragment that it asks for, a STUN response by its transaction. Everything
/// else is a stranger's: dropped and counted.
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
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_address: Table<SocketAddr, PeerId>,
    by_ufrag: Table<String, PeerId>,
    by_transaction: Table<TransactionId, PeerId>,
    /// By the remote description that they were made from, the oldest first.
    by_description: Table<DescriptionDigest, Vec<PeerId>>,
    /// Transactions by age, so that those without a response are forgotten.
    transactions: VecDeque<TransactionId>,
    /// When the peers that are at rest must be woken.
    timers: BTreeSet<(Instant, u32)>,
    /// The peers that something happened to: their output is to be taken.
    busy: VecDeque<u32>,
    /// The peers that may have events.
    eventful: VecDeque<u32>,
    strangers: u64,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    occupant: Option<Occupant>,
}

#[derive(Debug)]
struct Occupant {
    peer: PeerConnection,
    /// Set while the peer is at rest and has a timer.
    timer: Option<Instant>,
    busy: bool,
    eventful: bool,
    addresses: Vec<SocketAddr>,
    ufrags: Vec<String>,
    standing: Standing,
    /// Whether other connections were made from the same description.
    has_duplicates: bool,
    /// Whether it may speak DTLS, beside those.
    speaks: bool,
}

impl Router {
    /// A router without peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a connection in.
    pub fn insert(&mut self, peer: PeerConnection) -> PeerId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                generation: 0,
                occupant: None,
            });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 peers")
        });
        let slot = &mut self.slots[index as usize];
        slot.occupant = Some(Occupant {
            peer,
            timer: None,
            busy: false,
            eventful: false,
            addresses: Vec::new(),
            ufrags: Vec::new(),
            standing: Standing::default(),
            has_duplicates: false,
            speaks: true,
        });
        let id = PeerId {
            index,
            generation: slot.generation,
        };
        self.touch(id);
        id
    }

    /// Takes a connection out, for good or to live on its own.
    pub fn remove(&mut self, id: PeerId) -> Option<PeerConnection> {
        let description = self.occupant(id)?.standing.description;
        let slot = &mut self.slots[id.index as usize];
        let mut occupant = slot.occupant.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if let Some(deadline) = occupant.timer {
            self.timers.remove(&(deadline, id.index));
        }
        self.busy.retain(|index| *index != id.index);
        self.eventful.retain(|index| *index != id.index);
        for address in &occupant.addresses {
            self.by_address.remove_entry(address);
        }
        for ufrag in &occupant.ufrags {
            self.by_ufrag.remove(ufrag);
        }
        self.free.push(id.index);
        self.delist(id, description);
        occupant.peer.hold_back(false);
        Some(occupant.peer)
    }

    /// A connection to look at.
    pub fn peer(&self, id: PeerId) -> Option<&PeerConnection> {
        Some(&self.occupant(id)?.peer)
    }

    /// A connection to act on.
    pub fn peer_mut(&mut self, id: PeerId) -> Option<PeerMut<'_>> {
        self.occupant(id)?;
        Some(PeerMut { router: self, id })
    }

    /// All connections.
    pub fn peers(&self) -> impl Iterator<Item = (PeerId, &PeerConnection)> {
        self.slots.iter().zip(0..).filter_map(|(slot, index)| {
            Some((
                PeerId {
                    index,
                    generation: slot.generation,
                },
                &slot.occupant.as_ref()?.peer,
            ))
        })
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// True if there is no connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many datagrams belonged to no connection.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }

    /// A connection that may have events or room to send, once each time that something happened to
    /// it. For callers that let everybody take their own events with
    /// [`poll_event_of`](Self::poll_event_of), instead of all of them with
    /// [`poll_event`](StateMachine::poll_event): who is slow then slows down nobody but their peer.
    pub fn poll_ready(&mut self) -> Option<PeerId> {
        while let Some(index) = self.eventful.pop_front() {
            let Some(id) = self.id_at(index) else { continue };
            if let Some(occupant) = self.occupant_mut(id) {
                occupant.eventful = false;
            }
            return Some(id);
        }
        None
    }

    /// The next event of one connection.
    pub fn poll_event_of(&mut self, id: PeerId) -> Option<Event> {
        let occupant = self.occupant_mut(id)?;
        let event = occupant.peer.poll_event()?;
        // Taking an event may let the peer's window open, which is output.
        if !core::mem::replace(&mut occupant.busy, true) {
            if let Some(deadline) = occupant.timer.take() {
                self.timers.remove(&(deadline, id.index));
            }
            self.busy.push_back(id.index);
        }
        Some(event)
    }

    fn occupant(&self, id: PeerId) -> Option<&Occupant> {
        let slot = self.slots.get(id.index as usize)?;
        slot.occupant.as_ref().filter(|_| slot.generation == id.generation)
    }

    fn occupant_mut(&mut self, id: PeerId) -> Option<&mut Occupant> {
        let slot = self.slots.get_mut(id.index as usize)?;
        slot.occupant.as_mut().filter(|_| slot.generation == id.generation)
    }

    fn id_at(&self, index: u32) -> Option<PeerId> {
        let slot = self.slots.get(index as usize)?;
        slot.occupant.as_ref()?;
        Some(PeerId {
            index,
            generation: slot.generation,
        })
    }

    /// Something happened to a peer: its output, its events and its names are to be looked at.
    fn touch(&mut self, id: PeerId) {
        self.wake(id);
        self.rename(id);
        self.compare(id);
    }

    fn wake(&mut self, id: PeerId) {
        let Some(occupant) = self.occupant_mut(id) else { return };
        let timer = occupant.timer.take();
        let (was_busy, was_eventful) = (occupant.busy, occupant.eventful);
        (occupant.busy, occupant.eventful) = (true, true);
        if let Some(deadline) = timer {
            self.timers.remove(&(deadline, id.index));
        }
        if !was_busy {
            self.busy.push_back(id.index);
        }
        if !was_eventful {
            self.eventful.push_back(id.index);
        }
    }

    fn rename(&mut self, id: PeerId) {
        let Some(occupant) = self.occupant_mut(id) else { return };
        let Occupant { peer, ufrags, .. } = occupant;
        let is_new = |ufrag: &&str| !ufrags.iter().any(|known| known == ufrag);
        let new: Vec<String> = peer.local_ufrags().filter(is_new).map(ToString::to_string).collect();
        if new.is_empty() {
            return;
        }
        ufrags.extend(new.iter().cloned());
        let surplus = ufrags
            .len()
            .saturating_sub(UFRAGS_PER_PEER * peer.local_ufrags().count());
        let forgotten: Vec<String> = ufrags.drain(..surplus).collect();
        for ufrag in forgotten {
            self.by_ufrag.remove(&ufrag);
        }
        for ufrag in new {
            self.by_ufrag.insert(ufrag, id);
        }
    }

    /// The peer has nothing to send now: it rests until its timer.
    fn rest(&mut self, id: PeerId) {
        let Some(occupant) = self.occupant_mut(id) else { return };
        occupant.busy = false;
        occupant.timer = occupant.peer.poll_timeout();
        if let Some(deadline) = occupant.timer {
            self.timers.insert((deadline, id.index));
        }
    }

    /// Whose datagram this is.
    fn route(&mut self, source: SocketAddr, payload: &[u8]) -> Option<PeerId> {
        if let Ok(message) = Message::parse(payload) {
            match message.class() {
                Class::SuccessResponse | Class::ErrorResponse => {
                    let asked = self.by_transaction.remove(&message.transaction_id());
                    if let Some(id) = asked.filter(|id| self.occupant(*id).is_some()) {
                        return Some(id);
                    }
                }
                Class::Request | Class::Indication => {
                    let named = pollrtc_ice::local_ufrag(payload).and_then(|ufrag| self.by_ufrag.get(ufrag));
                    if let Some(id) = named {
                        return Some(*id);
                    }
                }
            }
        }
        self.by_address.get(&source).copied()
    }

    /// ICE has heard of this address in a message that only the peer can have written. It is the
    /// peer's if nobody else's; and in any case once a check of ours has come back from it, which
    /// nobody can fake with a forged source address.
    fn learn_address(&mut self, id: PeerId, address: SocketAddr) {
        let owner = self.by_address.get(&address).copied();
        if owner == Some(id) {
            return;
        }
        let Some(occupant) = self.occupant_mut(id) else { return };
        let acquaintance = occupant.peer.acquaintance(address);
        if acquaintance == Acquaintance::Stranger {
            return;
        }
        if let Some(owner) = owner {
            if acquaintance != Acquaintance::Verified {
                return;
            }
            if let Some(owner) = self.occupant_mut(owner) {
                owner.addresses.retain(|known| *known != address);
            }
        }
        self.by_address.insert(address, id);
        let Some(occupant) = self.occupant_mut(id) else { return };
        occupant.addresses.push(address);
        if occupant.addresses.len() > ADDRESSES_PER_PEER {
            // The oldest goes, rather one that does not answer.
            let verified = |address: &SocketAddr| occupant.peer.acquaintance(*address) == Acquaintance::Verified;
            let at = occupant
                .addresses
                .iter()
                .position(|address| !verified(address))
                .unwrap_or(0);
            let forgotten = occupant.addresses.remove(at);
            self.by_address.remove(&forgotten);
        }
    }

    /// Remembers who asked, so that the response finds its way.
    fn remember_transaction(&mut self, id: PeerId, sent: &[u8]) {
        let Ok(message) = Message::parse(sent) else { return };
        if message.class() != Class::Request || self.by_transaction.contains_key(&message.transaction_id()) {
            return;
        }
        self.by_transaction.insert(message.transaction_id(), id);
        self.transactions.push_back(message.transaction_id());
        while self.transactions.len() > TRANSACTIONS_PER_PEER * self.len().max(1) {
            let Some(oldest) = self.transactions.pop_front() else {
                break;
            };
            self.by_transaction.remove(&oldest);
        }
    }
}

impl StateMachine for Router {
    type Event = (PeerId, Event);
    /// The connection that took the datagram, if any did.
    type Received<'d> = Option<PeerId>;

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) -> Option<PeerId> {
        let source = datagram.flow.remote();
        let Some(id) = self.route(source, datagram.payload) else {
            self.strangers += 1;
            return None;
        };
        let stun = pollrtc_stun::is_stun(datagram.payload);
        let occupant = self.occupant_mut(id)?;
        if occupant.has_duplicates && !stun {
            return Some(self.deliver_to_duplicates(now, id, datagram));
        }
        occupant.peer.handle_datagram(now, datagram);
        if stun {
            self.learn_address(id, source);
        }
        self.touch(id);
        Some(id)
    }

    fn handle_timeout(&mut self, now: Instant) {
        while let Some((deadline, index)) = self.timers.first().copied() {
            if deadline > now {
                break;
            }
            self.timers.remove(&(deadline, index));
            let Some(id) = self.id_at(index) else { continue };
            self.touch(id);
        }
        // The woken ones are busy now, beside those that were.
        for position in 0..self.busy.len() {
            let Some(id) = self.busy.get(position).and_then(|index| self.id_at(*index)) else {
                continue;
            };
            let Some(occupant) = self.occupant_mut(id) else {
                continue;
            };
            if occupant.peer.poll_timeout().is_some_and(|deadline| deadline <= now) {
                occupant.peer.handle_timeout(now);
                self.touch(id);
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        // A peer whose datagram may not have fitted into `buf` stays busy, but each is asked only once.
        for _ in 0..self.busy.len() {
            let index = self.busy.pop_front()?;
            let Some(id) = self.id_at(index) else { continue };
            let Some(occupant) = self.occupant_mut(id) else {
                continue;
            };
            let transmit = occupant.peer.poll_transmit(now, buf);
            if transmit.is_none() && buf.len() >= occupant.peer.longest_datagram() {
                self.rest(id);
                continue;
            }
            self.busy.push_back(index);
            let Some(transmit) = transmit else { continue };
            if let Some(sent) = buf.get(..transmit.len).filter(|sent| pollrtc_stun::is_stun(sent)) {
                self.remember_transaction(id, sent);
            }
            // Sending can free room, which is an event.
            if let Some(occupant) = self.occupant_mut(id)
                && !core::mem::replace(&mut occupant.eventful, true)
            {
                self.eventful.push_back(index);
            }
            return Some(transmit);
        }
        None
    }

    fn poll_event(&mut self) -> Option<(PeerId, Event)> {
        while let Some(index) = self.eventful.front().copied() {
            let Some(id) = self.id_at(index) else {
                self.eventful.pop_front();
                continue;
            };
            if let Some(event) = self.poll_event_of(id) {
                return Some((id, event));
            }
            if let Some(occupant) = self.occupant_mut(id) {
                occupant.eventful = false;
            }
            self.eventful.pop_front();
        }
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let busy = self.busy.iter().filter_map(|index| {
            let occupant = self.slots.get(*index as usize)?.occupant.as_ref()?;
            occupant.peer.poll_timeout()
        });
        busy.chain(self.timers.first().map(|(deadline, _)| *deadline)).min()
    }
}

/// A connection of a [`Router`], borrowed to act on. The router looks at what has changed when
/// this is dropped.
#[derive(Debug)]
pub struct PeerMut<'r> {
    router: &'r mut Router,
    id: PeerId,
}

impl Deref for PeerMut<'_> {
    type Target = PeerConnection;

    fn deref(&self) -> &PeerConnection {
        let occupant = self.router.slots[self.id.index as usize].occupant.as_ref();
        &occupant
            .expect("checked when made, and the router is borrowed since")
            .peer
    }
}

impl DerefMut for PeerMut<'_> {
    fn deref_mut(&mut self) -> &mut PeerConnection {
        let occupant = self.router.slots[self.id.index as usize].occupant.as_mut();
        &mut occupant
            .expect("checked when made, and the router is borrowed since")
            .peer
    }
}

impl Drop for PeerMut<'_> {
    fn drop(&mut self) {
        self.router.touch(self.id);
    }
}
