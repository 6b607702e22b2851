//! Rooms: two browsers meet in one and pass each other descriptions and candidates over WebSockets.
//!
//! The server says `{"type":"welcome","place":"first"|"second"}`, `{"type":"peer-joined"}` and
//! `{"type":"peer-left"}`; everything else that one side says is handed to the other as it is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info};

use super::ending::Ending;
use super::refused;

/// Rooms that exist at the same time.
const MAX_ROOMS: usize = 1024;
/// The longest name of a room, in bytes.
const MAX_NAME: usize = 64;
/// The longest message that is passed on: more than any description.
const MAX_MESSAGE: usize = 256 * 1024;
/// Messages that wait for a slow reader; a connection has a few dozen candidates.
const MAX_WAITING: usize = 256;
/// How many bytes of them: more than one message may have.
const MAX_WAITING_BYTES: usize = 512 * 1024;
/// How long a seat is kept at most.
const MAX_STAY: Duration = Duration::from_secs(24 * 3600);
/// How often a browser is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// After how long a silence it is not.
const MAX_SILENCE: Duration = Duration::from_secs(90);

/// All rooms of this server.
#[derive(Debug)]
pub(super) struct Rooms {
    by_name: Mutex<HashMap<String, Room>>,
    ending: Ending,
}

/// Who sits where: the first to come and the second.
#[derive(Debug, Default)]
struct Room {
    seats: [Option<Outbox>; 2],
}

/// What waits for the browser on a seat, bounded in number and in bytes.
#[derive(Debug)]
struct Outbox {
    texts: mpsc::Sender<Utf8Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// The end of an outbox that the browser's connection reads.
#[derive(Debug)]
struct Inbox {
    texts: mpsc::Receiver<Utf8Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    room: String,
}

/// `GET /ws?room=NAME`: takes a seat.
pub(super) async fn enter(
    State(rooms): State<Arc<Rooms>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, refused::Refused> {
    let Query(Wanted { room }) = wanted?;
    if room.is_empty() || room.len() > MAX_NAME {
        let why = "a room's name has 1 to 64 bytes";
        return Err(refused::Refused::new(StatusCode::BAD_REQUEST, why));
    }
    let upgrade = upgrade.map_err(|rejection| refused::Refused::new(rejection.status(), rejection.body_text()))?;
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| stay(rooms, room, socket)))
}

async fn stay(rooms: Arc<Rooms>, name: String, mut socket: WebSocket) {
    let mut ending = rooms.ending.clone();
    let (seat, mut inbox) = match rooms.take_seat(name) {
        Ok(taken) => taken,
        Err(refused) => return refuse(socket, refused).await,
    };
    let place = ["first", "second"][seat.place];
    info!(place, "a browser enters a room");
    let conversation = async {
        let welcome = format!(r#"{{"type":"welcome","place":"{place}"}}"#);
        say(&mut socket, Message::text(welcome)).await?;
        if seat.place == 1 {
            seat.tell_both(r#"{"type":"peer-joined"}"#);
        }
        let mut pings = interval(PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_heard = Instant::now();
        loop {
            tokio::select! {
                said = socket.recv() => {
                    last_heard = Instant::now();
                    match said.transpose()? {
                        Some(Message::Text(text)) => seat.pass_on(text),
                        Some(Message::Close(_)) | None => return Ok(()),
                        // Pongs show that it is there.
                        Some(_) => {}
                    }
                }
                heard = inbox.next() => match heard {
                    Some(text) => say(&mut socket, Message::Text(text)).await?,
                    None => return Ok(()),
                },
                _ = pings.tick() => {
                    if last_heard.elapsed() > MAX_SILENCE {
                        debug!(place, "the browser is silent");
                        return Ok(());
                    }
                    say(&mut socket, Message::Ping(Default::default())).await?;
                }
            }
        }
    };
    let is_over = tokio::select! {
        // Whether the conversation ended or took too long makes no difference: the seat is free again.
        ended = tokio::time::timeout(MAX_STAY, conversation) => {
            let ended: Result<Result<(), axum::Error>, _> = ended;
            debug!(place, ?ended, "the browser leaves its room");
            false
        }
        () = ending.begun() => true,
    };
    if is_over {
        let frame = CloseFrame {
            code: close_code::AWAY,
            reason: "the server ends".into(),
        };
        // Who has left already need not be told.
        let _ = say(&mut socket, Message::Close(Some(frame))).await;
    }
}

/// Who takes nothing for so long is as silent as who says nothing.
async fn say(socket: &mut WebSocket, message: Message) -> Result<(), axum::Error> {
    let said = tokio::time::timeout(MAX_SILENCE, socket.send(message)).await;
    said.map_err(axum::Error::new)?
}

async fn refuse(mut socket: WebSocket, refused: Refused) {
    let reason = match refused {
        Refused::RoomFull => "the room is full",
        Refused::TooManyRooms => "the server has no more rooms",
    };
    let frame = CloseFrame {
        code: close_code::AGAIN,
        reason: reason.into(),
    };
    // The other side may be gone already; there is nobody else to tell.
    let _ = say(&mut socket, Message::Close(Some(frame))).await;
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    RoomFull,
    TooManyRooms,
}

/// A place in a room, until it is dropped.
#[derive(Debug)]
struct Seat {
    rooms: Arc<Rooms>,
    name: String,
    place: usize,
}

impl Rooms {
    pub(super) fn new(ending: Ending) -> Self {
        Self {
            by_name: Mutex::default(),
            ending,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn take_seat(self: &Arc<Self>, name: String) -> Result<(Seat, Inbox), Refused> {
        let mut by_name = self.lock();
        if !by_name.contains_key(&name) && by_name.len() >= MAX_ROOMS {
            return Err(Refused::TooManyRooms);
        }
        let room = by_name.entry(name.clone()).or_default();
        let place = room.seats.iter().position(Option::is_none);
        let place = place.ok_or(Refused::RoomFull)?;
        let (outbox, inbox) = outbox();
        room.seats[place] = Some(outbox);
        drop(by_name);
        let rooms = Arc::clone(self);
        Ok((Seat { rooms, name, place }, inbox))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outbox() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        texts: sender,
        waiting_bytes: Arc::clone(&waiting_bytes),
    };
    let inbox = Inbox {
        texts: receiver,
        waiting_bytes,
    };
    (outbox, inbox)
}

impl Outbox {
    /// Lost if too much waits already. Posted under the lock of the rooms, by one at a time.
    fn post(&self, text: Utf8Bytes) {
        let len = text.len();
        if self.waiting_bytes.load(Ordering::Relaxed) + len <= MAX_WAITING_BYTES {
            self.waiting_bytes.fetch_add(len, Ordering::Relaxed);
            if self.texts.try_send(text).is_err() {
                self.waiting_bytes.fetch_sub(len, Ordering::Relaxed);
            }
        }
    }
}

impl Inbox {
    async fn next(&mut self) -> Option<Utf8Bytes> {
        let text = self.texts.recv().await?;
        self.waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
        Some(text)
    }
}

impl Seat {
    /// Hands a message to whoever sits on the other seat; lost if nobody does or if they don't read.
    fn pass_on(&self, text: Utf8Bytes) {
        self.send(1 - self.place, text);
    }

    fn tell_both(&self, text: &'static str) {
        self.send(0, text.into());
        self.send(1, text.into());
    }

    fn send(&self, place: usize, text: Utf8Bytes) {
        let by_name = self.rooms.lock();
        if let Some(outbox) = by_name.get(&self.name).and_then(|room| room.seats[place].as_ref()) {
            outbox.post(text);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.pass_on(r#"{"type":"peer-left"}"#.into());
        let mut by_name = self.rooms.lock();
        if let Some(room) = by_name.get_mut(&self.name) {
            room.seats[self.place] = None;
            if room.seats.iter().all(Option::is_none) {
                by_name.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ending::ending;
    use super::*;

    fn rooms() -> Arc<Rooms> {
        Arc::new(Rooms::new(ending().1))
    }

    fn heard(inbox: &mut Inbox) -> Option<Utf8Bytes> {
        let text = inbox.texts.try_recv().ok()?;
        inbox.waiting_bytes.fetch_sub(text.len(), Ordering::Relaxed);
        Some(text)
    }

    #[test]
    fn two_meet_and_a_third_stays_outside() {
        let rooms = rooms();
        let (first, mut first_inbox) = rooms.take_seat("a".into()).unwrap();
        let (second, mut second_inbox) = rooms.take_seat("a".into()).unwrap();
        assert_eq!((first.place, second.place), (0, 1));
        assert_eq!(rooms.take_seat("a".into()).unwrap_err(), Refused::RoomFull);

        first.pass_on("hello".into());
        assert_eq!(heard(&mut second_inbox).unwrap(), "hello");
        assert!(heard(&mut first_inbox).is_none());

        drop(second);
        assert_eq!(heard(&mut first_inbox).unwrap(), r#"{"type":"peer-left"}"#);
        drop(first);
        assert!(rooms.lock().is_empty(), "an empty room is forgotten");
    }

    #[test]
    fn rooms_are_bounded() {
        let rooms = rooms();
        let seats: Vec<_> = (0..MAX_ROOMS)
            .map(|room| rooms.take_seat(room.to_string()).unwrap())
            .collect();
        assert_eq!(rooms.take_seat("one more".into()).unwrap_err(), Refused::TooManyRooms);
        assert_eq!(seats.len(), MAX_ROOMS);
    }

    #[test]
    fn what_waits_for_a_slow_browser_is_bounded_in_bytes() {
        let rooms = rooms();
        let (first, _first_inbox) = rooms.take_seat("a".into()).unwrap();
        let (_second, mut inbox) = rooms.take_seat("a".into()).unwrap();
        let long = "x".repeat(MAX_MESSAGE);
        for _ in 0..MAX_WAITING {
            first.pass_on(long.as_str().into());
        }
        let waited = std::iter::from_fn(|| heard(&mut inbox)).count();
        assert_eq!(waited, MAX_WAITING_BYTES / MAX_MESSAGE);
        first.pass_on("there is room again".into());
        assert_eq!(heard(&mut inbox).unwrap(), "there is room again");
    }
}
