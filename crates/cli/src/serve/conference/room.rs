//! Who is in which conference.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pollrtc::{Config, Direction, Event, Instant, MediaKind, PeerConnection};
use pollrtc_tokio::{Endpoint, MediaPacket, Peer};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::ending::Ending;
use super::forwarding::{Connections, Forwarding, MemberId};
use crate::public;

/// Conferences that there are at the same time.
const MAX_ROOMS: usize = 256;
/// Who is in one of them at most: what each sends goes to all others.
const MAX_MEMBERS: usize = 16;

/// All conferences of this server.
#[derive(Debug)]
pub(in crate::serve) struct Conferences {
    endpoint: Endpoint,
    /// Of each member's connection.
    config: Config,
    /// The addresses that a NAT gives us.
    public: Vec<IpAddr>,
    /// How many members there may be in all of them.
    most: usize,
    pub(super) ending: Ending,
    by_name: Mutex<HashMap<String, Arc<Room>>>,
    members: AtomicU64,
}

/// One conference.
#[derive(Debug)]
pub(super) struct Room {
    state: Mutex<State>,
    /// Counts what all have to be told.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    people: People,
    forwarding: Forwarding,
    /// When rates were measured.
    looked: Instant,
}

/// The members, with their connections.
#[derive(Debug, Default)]
struct People(BTreeMap<MemberId, Person>);

#[derive(Debug)]
struct Person {
    name: String,
    peer: Arc<Peer>,
    /// Whether it can be heard and seen, as it says.
    microphone: bool,
    camera: bool,
}

impl Connections for People {
    fn with<R>(&self, member: MemberId, act: impl FnOnce(&mut PeerConnection, Instant) -> R) -> Option<R> {
        Some(self.0.get(&member)?.peer.with(act))
    }
}

/// Why somebody can't come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("the conference is full")]
    Room,
    #[error("the server has as many conferences as it may have")]
    Rooms,
    #[error("the server has as many connections as it may have")]
    Members,
}

/// A place in a conference, until it is dropped.
#[derive(Debug)]
pub(super) struct Member {
    conferences: Arc<Conferences>,
    room_name: String,
    room: Arc<Room>,
    pub(super) id: MemberId,
    pub(super) peer: Arc<Peer>,
}

impl Conferences {
    /// Connections of these are kept for as long as told when they are interrupted; there are `most` of them.
    pub(in crate::serve) fn new(
        endpoint: Endpoint,
        config: Config,
        limits: &super::super::sessions::Limits,
        ending: Ending,
    ) -> Self {
        Self {
            endpoint,
            config: config
                .with_offered_direction(Direction::RecvOnly)
                .with_close_timeout(limits.interrupted),
            public: limits.public.clone(),
            most: limits.most,
            ending,
            by_name: Mutex::default(),
            members: AtomicU64::new(0),
        }
    }

    /// How many there are.
    pub(in crate::serve) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Somebody of this name comes in. They have a connection from now on.
    pub(super) fn enter(self: &Arc<Self>, room_name: String, name: String) -> Result<Member, Full> {
        let mut by_name = self.lock();
        if by_name.values().map(|room| room.lock().people.0.len()).sum::<usize>() >= self.most {
            return Err(Full::Members);
        }
        if !by_name.contains_key(&room_name) && by_name.len() >= MAX_ROOMS {
            return Err(Full::Rooms);
        }
        let room = Arc::clone(by_name.entry(room_name.clone()).or_insert_with(Room::new));
        let mut state = room.lock();
        if state.people.0.len() >= MAX_MEMBERS {
            return Err(Full::Room);
        }
        let id = MemberId(self.members.fetch_add(1, Ordering::Relaxed) + 1);
        let peer = Arc::new(self.endpoint.peer(self.config.clone()));
        state.forwarding.join(id);
        state.people.0.insert(
            id,
            Person {
                name,
                peer: Arc::clone(&peer),
                microphone: true,
                camera: true,
            },
        );
        drop(state);
        room.note_change();
        Ok(Member {
            conferences: Arc::clone(self),
            room_name,
            room,
            id,
            peer,
        })
    }

    /// Our description as the peer is to see it.
    pub(super) fn announced(&self, sdp: &str) -> String {
        public::announce(sdp, &self.public, self.config.ice_lite)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Room>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                people: People::default(),
                forwarding: Forwarding::new(),
                looked: Instant::ZERO,
            }),
            changes: watch::Sender::new(0),
        })
    }

    fn note_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Tells when something has changed that this member may have to be told.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.room.changes.subscribe()
    }

    /// Forwards what this member sends, until its connection ends.
    pub(super) async fn forward(&self) {
        while let Some(MediaPacket { stream, packet }) = self.peer.next_packet().await {
            let State { people, forwarding, .. } = &mut *self.room.lock();
            forwarding.handle_packet(people, self.id, stream, &packet);
        }
    }

    /// Something happened to this member's connection.
    pub(super) fn handle_event(&self, event: &Event) {
        let State { people, forwarding, .. } = &mut *self.room.lock();
        if forwarding.handle_event(people, self.id, event) {
            self.room.note_change();
        }
    }

    /// Gives this member all that the others send; whether descriptions have to be exchanged for it.
    pub(super) fn subscribe(&self) -> bool {
        let State { people, forwarding, .. } = &mut *self.room.lock();
        forwarding.subscribe(people, self.id)
    }

    /// How wide pictures are shown, by the section that they come by, and how many bits a second may come.
    pub(super) fn want(&self, widths: &BTreeMap<String, u32>, limit: Option<u64>) {
        let State { people, forwarding, .. } = &mut *self.room.lock();
        forwarding.want(people, self.id, widths, limit);
    }

    /// How wide the pictures are that this member sends, by their layers.
    pub(super) fn set_widths(&self, widths: &[u32]) {
        self.room.lock().forwarding.set_widths(self.id, widths);
    }

    /// Whether this member can be heard and seen.
    pub(super) fn set_devices(&self, microphone: bool, camera: bool) {
        if let Some(person) = self.room.lock().people.0.get_mut(&self.id) {
            (person.microphone, person.camera) = (microphone, camera);
        }
        self.room.note_change();
    }

    /// Measures rates and chooses layers, if that was not done by somebody else within `interval`.
    pub(super) fn look(&self, interval: Duration) {
        let State {
            people,
            forwarding,
            looked,
        } = &mut *self.room.lock();
        let now = self.peer.with(|_, now| now);
        let passed = now - *looked;
        if passed >= interval {
            *looked = now;
            forwarding.look(people, passed);
        }
    }

    /// Who is here, and what this member gets of each.
    pub(super) fn roster(&self) -> Value {
        let state = self.room.lock();
        let shown = state.forwarding.shown_to(&state.people, self.id);
        let others = state.people.0.iter().filter(|(id, _)| **id != self.id);
        let people = others.map(|(id, person)| {
            let streams = shown.iter().filter(|shown| shown.of == *id);
            let streams = streams.map(|shown| {
                json!({
                    "mid": shown.mid,
                    "kind": kind_name(shown.kind),
                    "layer": shown.layer,
                    "layers": shown.layers,
                })
            });
            json!({
                "id": id.0,
                "name": person.name,
                "microphone": person.microphone,
                "camera": person.camera,
                "streams": streams.collect::<Vec<_>>(),
            })
        });
        json!({ "type": "people", "people": people.collect::<Vec<_>>() })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.peer.close();
        let mut by_name = self.conferences.lock();
        let is_empty = {
            let State { people, forwarding, .. } = &mut *self.room.lock();
            people.0.remove(&self.id);
            forwarding.leave(people, self.id);
            people.0.is_empty()
        };
        if is_empty {
            by_name.remove(&self.room_name);
        }
        drop(by_name);
        self.room.note_change();
    }
}

fn kind_name(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ending::ending;
    use super::super::super::sessions::Limits;
    use super::*;

    #[tokio::test]
    async fn conferences_are_bounded_and_forgotten_when_all_have_left() {
        let endpoint = Endpoint::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let limits = Limits {
            most: MAX_MEMBERS + 1,
            interrupted: Duration::from_secs(1),
            public: Vec::new(),
        };
        let (_end, ending) = ending();
        let conferences = Arc::new(Conferences::new(endpoint, Config::default(), &limits, ending));
        let enter = |room: &str| conferences.enter(room.to_owned(), "somebody".to_owned());
        let mut members: Vec<_> = (0..MAX_MEMBERS).map(|_| enter("a").unwrap()).collect();
        assert_eq!(enter("a").unwrap_err(), Full::Room);
        let other = enter("b").unwrap();
        assert_eq!(enter("b").unwrap_err(), Full::Members);

        // The others are told that one has left.
        let roster = |member: &Member| member.roster()["people"].as_array().unwrap().len();
        assert_eq!(roster(&members[0]), MAX_MEMBERS - 1);
        let mut changes = members[0].changes();
        drop(members.pop());
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert_eq!(roster(&members[0]), MAX_MEMBERS - 2);

        drop(other);
        assert_eq!(conferences.len(), 1);
        members.clear();
        assert_eq!(conferences.len(), 0);
    }
}
