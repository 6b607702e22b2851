//! Rooms: two browsers meet in one and pass each other descriptions and candidates over WebSockets.
//!
//! The server says `{"type":"welcome","place":"first"|"second"}`, `{"type":"peer-joined"}` and
//! `{"type":"peer-left"}`; everything else that one side says is handed to the other as it is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::sync::mpsc;

/// Rooms that exist at the same time.
const MAX_ROOMS: usize = 1024;
/// The longest name of a room, in bytes.
const MAX_NAME: usize = 64;
/// The longest message that is passed on: more than any description.
const MAX_MESSAGE: usize = 256 * 1024;
/// Messages that wait for a slow reader; a connection has a few dozen candidates.
const MAX_WAITING: usize = 256;
/// How long a seat is kept at most.
const MAX_STAY: Duration = Duration::from_secs(3600);

/// All rooms of this server.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    by_name: Mutex<HashMap<String, Room>>,
}

/// Who sits where: the first to come and the second.
#[derive(Debug, Default)]
struct Room {
    seats: [Option<mpsc::Sender<Utf8Bytes>>; 2],
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    room: String,
}

/// `GET /ws?room=NAME`: takes a seat.
pub(super) async fn enter(
    State(rooms): State<Arc<Rooms>>,
    Query(Wanted { room }): Query<Wanted>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if room.is_empty() || room.len() > MAX_NAME {
        return (StatusCode::BAD_REQUEST, "a room's name has 1 to 64 bytes").into_response();
    }
    upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(move |socket| stay(rooms, room, socket))
}

async fn stay(rooms: Arc<Rooms>, name: String, mut socket: WebSocket) {
    let (seat, mut inbox) = match rooms.take_seat(name) {
        Ok(taken) => taken,
        Err(refused) => return refuse(socket, refused).await,
    };
    let place = ["first", "second"][seat.place];
    let welcome = format!(r#"{{"type":"welcome","place":"{place}"}}"#);
    if socket.send(Message::text(welcome)).await.is_err() {
        return;
    }
    if seat.place == 1 {
        seat.tell_both(r#"{"type":"peer-joined"}"#);
    }
    let conversation = async {
        loop {
            tokio::select! {
                said = socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => seat.pass_on(text),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
                heard = inbox.recv() => match heard {
                    Some(text) => if socket.send(Message::Text(text)).await.is_err() {
                        break;
                    },
                    None => break,
                },
            }
        }
    };
    // Whether the conversation ended or took too long makes no difference: the seat is free again.
    let _ = tokio::time::timeout(MAX_STAY, conversation).await;
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
    let _ = socket.send(Message::Close(Some(frame))).await;
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
    fn take_seat(self: &Arc<Self>, name: String) -> Result<(Seat, mpsc::Receiver<Utf8Bytes>), Refused> {
        let mut by_name = self.lock();
        if !by_name.contains_key(&name) && by_name.len() >= MAX_ROOMS {
            return Err(Refused::TooManyRooms);
        }
        let room = by_name.entry(name.clone()).or_default();
        let place = room.seats.iter().position(Option::is_none);
        let place = place.ok_or(Refused::RoomFull)?;
        let (outbox, inbox) = mpsc::channel(MAX_WAITING);
        room.seats[place] = Some(outbox);
        drop(by_name);
        let rooms = Arc::clone(self);
        Ok((Seat { rooms, name, place }, inbox))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
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
            let _ = outbox.try_send(text);
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
    use super::*;

    #[test]
    fn two_meet_and_a_third_stays_outside() {
        let rooms = Arc::new(Rooms::default());
        let (first, mut first_inbox) = rooms.take_seat("a".into()).unwrap();
        let (second, mut second_inbox) = rooms.take_seat("a".into()).unwrap();
        assert_eq!((first.place, second.place), (0, 1));
        assert_eq!(rooms.take_seat("a".into()).unwrap_err(), Refused::RoomFull);

        first.pass_on("hello".into());
        assert_eq!(second_inbox.try_recv().unwrap(), "hello");
        assert!(first_inbox.try_recv().is_err());

        drop(second);
        assert_eq!(first_inbox.try_recv().unwrap(), r#"{"type":"peer-left"}"#);
        drop(first);
        assert!(rooms.lock().is_empty(), "an empty room is forgotten");
    }

    #[test]
    fn rooms_are_bounded() {
        let rooms = Arc::new(Rooms::default());
        let seats: Vec<_> = (0..MAX_ROOMS)
            .map(|room| rooms.take_seat(room.to_string()).unwrap())
            .collect();
        assert_eq!(rooms.take_seat("one more".into()).unwrap_err(), Refused::TooManyRooms);
        assert_eq!(seats.len(), MAX_ROOMS);
    }
}
