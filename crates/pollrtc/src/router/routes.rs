//! Whose datagram it is: three tables for look-ups in constant time.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, SocketAddr};

use pollrtc_core::{Flow, normalise};
use pollrtc_stun::{Class, Message, TransactionId};

use super::slots::PeerId;

/// Never iterated over, so that its order decides nothing. `std`'s hash can't be steered by whoever chooses addresses
/// and ufrags. Without `std` a tree does.
#[cfg(feature = "std")]
pub(super) type Table<K, V> = std::collections::HashMap<K, V>;
#[cfg(not(feature = "std"))]
pub(super) type Table<K, V> = alloc::collections::BTreeMap<K, V>;

/// How many flows one peer may be known by.
const FLOWS_PER_PEER: usize = 64;
/// How many ufrags of former ICE generations still lead to a peer.
const FORMER_UFRAGS_PER_PEER: usize = 3;
/// How many of one peer's STUN requests may wait for their responses at a time, on average.
const TRANSACTIONS_PER_PEER: usize = 64;

/// From what a datagram says to the peer that it is for.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// By where datagrams travel, once ICE knows that flow.
    by_flow: Table<FlowKey, PeerId>,
    /// By the ufrag that a check asks for.
    by_ufrag: Table<String, PeerId>,
    /// By the transaction that a response answers.
    by_transaction: Table<TransactionId, PeerId>,
    /// Who has asked by a flow last, and in which transaction: whom it concerns that nobody is there.
    by_question: Table<FlowKey, (PeerId, TransactionId)>,
    /// Transactions by age, so that those without a response are forgotten.
    transactions: VecDeque<(TransactionId, Flow)>,
    /// The local addresses of all peers.
    locals: Vec<SocketAddr>,
}

/// What leads to one peer, so that it can be forgotten with the peer.
#[derive(Debug, Default)]
pub(super) struct Names {
    flows: Vec<Flow>,
    ufrags: Vec<String>,
    /// The last one of its local addresses.
    last_local: Option<SocketAddr>,
}

impl Routes {
    /// Takes note of a peer's local addresses, of which new ones are the last.
    pub(super) fn add_locals(&mut self, names: &mut Names, addresses: &[SocketAddr]) {
        let last = addresses.last().copied();
        if last.is_none() || names.last_local == last {
            return;
        }
        names.last_local = last;
        for address in addresses.iter().copied().map(normalise) {
            if !self.locals.contains(&address) {
                self.locals.push(address);
            }
        }
    }

    /// The one spelling of a flow, with the local address that it is on. `None` stands for the only one that was
    /// given, and what a socket that is bound to all addresses tells is its port. Where several are meant, the flow
    /// stays as it is.
    pub(super) fn locate(&self, flow: Flow) -> Flow {
        let is_meant = |known: &&SocketAddr| match flow.local() {
            None => true,
            Some(local) => {
                local.ip().is_unspecified() && known.port() == local.port() && known.is_ipv4() == local.is_ipv4()
            }
        };
        let mut meant = self.locals.iter().filter(is_meant);
        match (meant.next(), meant.next()) {
            (Some(local), None) => flow.on(*local),
            _ => flow,
        }
    }

    /// Whom a message names: a request the peer that it is for (RFC 8445 §7.2.2), a response the one that asked, which
    /// may have left.
    pub(super) fn named(&self, message: &Message<'_>) -> Option<PeerId> {
        match message.class() {
            Class::SuccessResponse | Class::ErrorResponse => {
                self.by_transaction.get(&message.transaction_id()).copied()
            }
            Class::Request => self.by_ufrag.get(pollrtc_ice::local_ufrag(message)?).copied(),
            Class::Indication => None,
        }
    }

    /// Whoever has asked has an answer that it believes. A forged one comes before the true one, and must not take its way.
    pub(super) fn end_transaction(&mut self, transaction: TransactionId) {
        self.by_transaction.remove(&transaction);
    }

    /// Whose flow this is.
    pub(super) fn owner(&self, flow: Flow) -> Option<PeerId> {
        let at = |flow| self.by_flow.get(&FlowKey(flow)).copied();
        at(flow).or_else(|| match flow.local() {
            // The caller does not always say which address it is.
            Some(_) => at(Flow::new(flow.protocol(), None, flow.remote())),
            None => self.locals.iter().find_map(|local| at(flow.on(*local))),
        })
    }

    /// Who has asked by this flow last, if that is not long ago.
    pub(super) fn asker(&self, flow: Flow) -> Option<PeerId> {
        Some(self.by_question.get(&FlowKey(flow))?.0)
    }

    /// A flow is this peer's from now on, whosever it was. If it has too many then, one that `is_validated` does not
    /// hold for is forgotten, the oldest first.
    pub(super) fn claim(&mut self, id: PeerId, names: &mut Names, flow: Flow, is_validated: impl Fn(Flow) -> bool) {
        self.by_flow.insert(FlowKey(flow), id);
        names.flows.push(flow);
        if names.flows.len() > FLOWS_PER_PEER {
            let at = names.flows.iter().position(|flow| !is_validated(*flow)).unwrap_or(0);
            let forgotten = names.flows.remove(at);
            remove_own(&mut self.by_flow, &FlowKey(forgotten), id);
        }
    }

    /// A flow of a peer does not lead to it any more.
    pub(super) fn release(&mut self, id: PeerId, names: &mut Names, flow: Flow) {
        names.lose(flow);
        remove_own(&mut self.by_flow, &FlowKey(flow), id);
    }

    /// The flows of a peer, none of which leads to it any more.
    pub(super) fn release_flows(&mut self, id: PeerId, names: &mut Names) -> Vec<Flow> {
        let flows = core::mem::take(&mut names.flows);
        for flow in &flows {
            remove_own(&mut self.by_flow, &FlowKey(*flow), id);
        }
        flows
    }

    /// The peer is asked for by these ufrags from now on, and by a few that it had before.
    pub(super) fn rename<'u>(&mut self, id: PeerId, names: &mut Names, current: impl Iterator<Item = &'u str> + Clone) {
        let before = names.ufrags.len();
        for ufrag in current.clone() {
            // The newest are the last.
            if !names.ufrags.iter().rev().any(|known| known == ufrag) {
                names.ufrags.push(ufrag.to_string());
                self.by_ufrag.insert(ufrag.to_string(), id);
            }
        }
        if names.ufrags.len() == before {
            return;
        }
        let most = current.clone().count() + FORMER_UFRAGS_PER_PEER;
        while names.ufrags.len() > most {
            let is_former = |known: &String| current.clone().all(|ufrag| ufrag != known);
            let Some(oldest) = names.ufrags.iter().position(is_former) else {
                return;
            };
            remove_own(&mut self.by_ufrag, &names.ufrags.remove(oldest), id);
        }
    }

    /// Remembers who asked, so that the response finds its way. The oldest of very many is forgotten.
    pub(super) fn expect_response(&mut self, id: PeerId, transaction: TransactionId, flow: Flow, peers: usize) {
        if self.by_transaction.contains_key(&transaction) {
            return;
        }
        self.by_transaction.insert(transaction, id);
        self.by_question.insert(FlowKey(flow), (id, transaction));
        self.transactions.push_back((transaction, flow));
        while self.transactions.len() > TRANSACTIONS_PER_PEER * peers.max(1) {
            let Some((oldest, flow)) = self.transactions.pop_front() else {
                break;
            };
            self.by_transaction.remove(&oldest);
            let key = FlowKey(flow);
            if self.by_question.get(&key).is_some_and(|(_, latest)| *latest == oldest) {
                self.by_question.remove(&key);
            }
        }
    }

    /// Nothing leads to the peer of these names any more, but for responses to what it has asked.
    pub(super) fn forget(&mut self, id: PeerId, mut names: Names) {
        self.release_flows(id, &mut names);
        for ufrag in &names.ufrags {
            remove_own(&mut self.by_ufrag, ufrag, id);
        }
    }
}

/// Removes an entry if it leads to this peer, and not to one that has taken the name over.
#[cfg(feature = "std")]
fn remove_own<K: Hash + Eq>(table: &mut Table<K, PeerId>, key: &K, id: PeerId) {
    if table.get(key) == Some(&id) {
        table.remove(key);
    }
}

#[cfg(not(feature = "std"))]
fn remove_own<K: Ord>(table: &mut Table<K, PeerId>, key: &K, id: PeerId) {
    if table.get(key) == Some(&id) {
        table.remove(key);
    }
}

impl Names {
    /// Whether the peer is asked for by all of these ufrags.
    pub(super) fn are<'u>(&self, mut current: impl Iterator<Item = &'u str>) -> bool {
        current.all(|ufrag| self.ufrags.iter().any(|known| known == ufrag))
    }

    /// The streams among the flows.
    pub(super) fn streams(&self) -> impl Iterator<Item = Flow> {
        self.flows.iter().copied().filter(|flow| flow.protocol().is_stream())
    }

    /// Another peer has taken this flow over.
    pub(super) fn lose(&mut self, flow: Flow) {
        self.flows.retain(|known| *known != flow);
    }
}

/// A flow as a key: hashed in few and short pieces, since each datagram is looked up by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowKey(pub(super) Flow);

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let local = self.0.local();
        let local_port = local.map_or(0, |local| local.port());
        let ports = u32::from(self.0.remote().port()) << 16 | u32::from(local_port);
        state.write_u64(u64::from(ports) << 8 | self.0.protocol() as u64);
        for address in [Some(self.0.remote()), local].into_iter().flatten() {
            match address.ip() {
                IpAddr::V4(ip) => state.write_u32(ip.to_bits()),
                IpAddr::V6(ip) => state.write_u128(ip.to_bits()),
            }
        }
    }
}

impl Ord for FlowKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for FlowKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
