//! Several connections that were made from one description: a request was repeated since its answer did not come
//! in time, a button was pressed twice, somebody has copied an offer.
//!
//! The peer is one, and so is our address. It answers checks of all of them as long as it has none of their
//! descriptions, and can't tell whose ClientHello it has before it. What tells which of our descriptions it has
//! are its own checks, and what proves that they are its own is DTLS. So
//!
//! - those speak DTLS that the peer checks; as long as it checks none, the newest one does;
//! - the one whose handshake is done ends the others.

use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_ice::Acquaintance;

use super::{PeerId, Router};
use crate::PeerConnection;
use crate::peer::DescriptionDigest;

/// How many connections of one description there may be; each may be the one whose answer the peer has.
const CONNECTIONS_PER_DESCRIPTION: usize = 4;

/// What a connection was seen to be when it was last compared with others of its description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) description: Option<DescriptionDigest>,
    peer_checks: bool,
    secured: bool,
}

impl Standing {
    pub(super) fn of(peer: &PeerConnection) -> Self {
        Self {
            description: peer.description_digest(),
            peer_checks: peer.peer_checks(),
            secured: peer.is_secured(),
        }
    }

    /// Whether the peer has this connection's description.
    fn is_wanted(self) -> bool {
        self.peer_checks || self.secured
    }
}

impl Router {
    /// Compares a connection with others of its description, if something about it has changed.
    pub(super) fn compare(&mut self, id: PeerId) {
        let Some(occupant) = self.occupant_mut(id) else { return };
        let after = Standing::of(&occupant.peer);
        let before = core::mem::replace(&mut occupant.standing, after);
        if before == after {
            return;
        }
        if before.description != after.description {
            self.delist(id, before.description);
            self.enlist(id, after.description);
        }
        let Some(description) = after.description else { return };
        if after.secured && !before.secured {
            self.end_others(id, description);
        }
        self.weigh(description);
    }

    fn enlist(&mut self, id: PeerId, description: Option<DescriptionDigest>) {
        let Some(description) = description else { return };
        let listed = self.by_description.entry(description).or_default();
        listed.push(id);
        if listed.len() <= CONNECTIONS_PER_DESCRIPTION {
            return;
        }
        let listed = listed.clone();
        let unwanted = |id: &PeerId| self.occupant(*id).is_none_or(|occupant| !occupant.standing.is_wanted());
        // Who is wanted stays, whoever sends copies of its offer.
        let superseded = listed.into_iter().find(unwanted).unwrap_or(id);
        self.supersede(superseded);
    }

    /// A connection is gone, has ended or has another description.
    pub(super) fn delist(&mut self, id: PeerId, description: Option<DescriptionDigest>) {
        let Some(description) = description else { return };
        let Some(listed) = self.by_description.get_mut(&description) else {
            return;
        };
        listed.retain(|other| *other != id);
        if listed.is_empty() {
            self.by_description.remove(&description);
        } else {
            self.weigh(description);
        }
    }

    /// Decides on who may speak DTLS.
    fn weigh(&mut self, description: DescriptionDigest) {
        let listed = self.by_description.get(&description).cloned().unwrap_or_default();
        let is_wanted = |id: &PeerId| self.occupant(*id).is_some_and(|occupant| occupant.standing.is_wanted());
        let wanted: Vec<bool> = listed.iter().map(is_wanted).collect();
        let newest = listed.last().copied();
        let one_is_wanted = wanted.contains(&true);
        for (id, wanted) in listed.iter().copied().zip(wanted) {
            let Some(occupant) = self.occupant_mut(id) else {
                continue;
            };
            occupant.has_duplicates = listed.len() > 1;
            let speaks = wanted || (!one_is_wanted && Some(id) == newest);
            occupant.speaks = speaks;
            occupant.peer.hold_back(!speaks);
            if speaks {
                self.wake(id);
            }
        }
    }

    /// The peer has proven that it is at the other end of this connection.
    fn end_others(&mut self, id: PeerId, description: DescriptionDigest) {
        let Some(listed) = self.by_description.get(&description) else {
            return;
        };
        let others: Vec<PeerId> = listed.iter().copied().filter(|other| *other != id).collect();
        for other in others {
            let addresses = match self.occupant_mut(other) {
                Some(occupant) => core::mem::take(&mut occupant.addresses),
                None => Vec::new(),
            };
            for address in addresses {
                self.by_address.remove(&address);
                self.learn_address(id, address);
            }
            self.supersede(other);
        }
    }

    fn supersede(&mut self, id: PeerId) {
        if let Some(occupant) = self.occupant_mut(id) {
            occupant.peer.supersede();
        }
        self.touch(id);
    }

    /// A datagram that is not STUN, from an address of a peer that has several connections here: each that
    /// speaks with this address gets it, and drops what is not its own.
    pub(super) fn deliver_to_duplicates(&mut self, now: Instant, owner: PeerId, datagram: Datagram<'_>) -> PeerId {
        let speaking = self.speaking(owner, datagram.flow.remote());
        let (last, others) = speaking.split_last().unwrap_or((&owner, &[]));
        for id in others {
            let mut copy = datagram.payload.to_vec();
            let copy = Datagram {
                payload: &mut copy,
                ..datagram
            };
            if let Some(occupant) = self.occupant_mut(*id) {
                occupant.peer.handle_datagram(now, copy);
            }
            self.touch(*id);
        }
        if let Some(occupant) = self.occupant_mut(*last) {
            occupant.peer.handle_datagram(now, datagram);
        }
        self.touch(*last);
        *last
    }

    fn speaking(&self, owner: PeerId, source: SocketAddr) -> Vec<PeerId> {
        let description = self.occupant(owner).and_then(|occupant| occupant.standing.description);
        let listed = description.and_then(|description| self.by_description.get(&description));
        let speaks_with = |id: &&PeerId| {
            let occupant = self.occupant(**id).filter(|occupant| occupant.speaks);
            occupant.is_some_and(|occupant| occupant.peer.acquaintance(source) != Acquaintance::Stranger)
        };
        listed.into_iter().flatten().filter(speaks_with).copied().collect()
    }
}
