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

use super::routes::Table;
use super::slots::PeerId;
use crate::peer::{DescriptionDigest, PeerConnection, Progress};

/// How many connections of one description there may be; each may be the one whose answer the peer has.
const CONNECTIONS_PER_DESCRIPTION: usize = 4;

/// What matters of a connection when it is compared with others of its description.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) description: Option<DescriptionDigest>,
    /// Whether the peer has sent a check.
    pub(super) is_checked: bool,
    /// Whether the DTLS handshake is done.
    pub(super) is_secured: bool,
}

impl Status {
    pub(super) fn of(peer: &PeerConnection, progress: Progress) -> Self {
        Self {
            description: peer.description_digest(),
            is_checked: progress.is_checked,
            is_secured: progress.is_secured,
        }
    }

    /// Whether the peer has this connection's description.
    fn is_wanted(self) -> bool {
        self.is_checked || self.is_secured
    }
}

/// All connections by the remote description that they were made from.
#[derive(Debug, Default)]
pub(super) struct Duplicates {
    /// The oldest first.
    by_description: Table<DescriptionDigest, Vec<Member>>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    id: PeerId,
    is_wanted: bool,
}

/// What follows for connections of one description.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Whether it may speak DTLS, and whether it has others beside.
    Dtls {
        id: PeerId,
        is_allowed: bool,
        has_duplicates: bool,
    },
    /// It ends in favour of another one, to which its flows lead from now on.
    Superseded { id: PeerId, heir: Option<PeerId> },
}

impl Duplicates {
    /// A connection has changed, comes or goes. What follows is to be done in this order: whoever is superseded is
    /// the next to change.
    pub(super) fn update(&mut self, id: PeerId, before: Status, after: Status) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        if before.description != after.description {
            self.delist(id, before.description, &mut verdicts);
        }
        let Some(description) = after.description else {
            return verdicts;
        };
        let members = self.by_description.entry(description).or_default();
        let is_wanted = after.is_wanted();
        match members.iter_mut().find(|member| member.id == id) {
            Some(member) => member.is_wanted = is_wanted,
            None => members.push(Member { id, is_wanted }),
        }
        weigh(members, &mut verdicts);
        if after.is_secured && !before.is_secured {
            // The peer has proven that it is at the other end of this connection.
            let others = members.iter().filter(|member| member.id != id);
            verdicts.extend(others.map(|other| Verdict::Superseded {
                id: other.id,
                heir: Some(id),
            }));
        } else if members.len() > CONNECTIONS_PER_DESCRIPTION {
            // Who is wanted stays, whoever sends copies of its offer.
            let superseded = members.iter().find(|member| !member.is_wanted);
            let id = superseded.map_or(id, |member| member.id);
            verdicts.push(Verdict::Superseded { id, heir: None });
        }
        verdicts
    }

    fn delist(&mut self, id: PeerId, description: Option<DescriptionDigest>, verdicts: &mut Vec<Verdict>) {
        let Some(description) = description else { return };
        let Some(members) = self.by_description.get_mut(&description) else {
            return;
        };
        members.retain(|member| member.id != id);
        if members.is_empty() {
            self.by_description.remove(&description);
        } else {
            weigh(members, verdicts);
        }
    }

    /// Those of one description, the oldest first.
    pub(super) fn of(&self, description: DescriptionDigest) -> impl Iterator<Item = PeerId> {
        let members = self.by_description.get(&description);
        members.into_iter().flatten().map(|member| member.id)
    }
}

/// Decides on who may speak DTLS.
fn weigh(members: &[Member], verdicts: &mut Vec<Verdict>) {
    let is_one_wanted = members.iter().any(|member| member.is_wanted);
    let newest = members.last().map(|member| member.id);
    verdicts.extend(members.iter().map(|member| Verdict::Dtls {
        id: member.id,
        is_allowed: member.is_wanted || (!is_one_wanted && Some(member.id) == newest),
        has_duplicates: members.len() > 1,
    }));
}
