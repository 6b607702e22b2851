//! What a member and the server say to each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use pollrtc::{ConnectionState, Event, SignalingState};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{debug, info};

use super::super::refused::Refused;
use super::room::{Conferences, Member};
use crate::signal::Description;

/// The longest name of a conference or of a member, in bytes.
const MAX_NAME: usize = 128;
/// The longest message: more than any description.
const MAX_MESSAGE: usize = 256 * 1024;
/// How often rates are measured, and layers chosen by them.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often a browser is asked whether it is still there: after so many looks.
const PING_EVERY: u32 = 20;
/// After how long a silence it is not.
const MAX_SILENCE: Duration = Duration::from_secs(90);
/// How long a member may take to connect.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
pub(in crate::serve) struct Wanted {
    name: String,
    r#as: String,
}

/// What a member says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Offer {
        sdp: String,
    },
    Answer {
        sdp: String,
    },
    Want {
        #[serde(default)]
        widths: BTreeMap<String, u32>,
        limit: Option<u64>,
    },
    Sending {
        widths: Vec<u32>,
    },
    Devices {
        microphone: bool,
        camera: bool,
    },
    Restart,
}

/// `GET /conference?name=ROOM&as=NAME`: comes in.
pub(in crate::serve) async fn enter(
    State(conferences): State<Arc<Conferences>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let Query(Wanted { name: room, r#as: name }) = wanted?;
    let fits = |name: &str| (1..=MAX_NAME).contains(&name.len());
    if !fits(&room) || !fits(&name) {
        let why = "the names of a conference and of its members have 1 to 128 bytes";
        return Err(Refused::new(StatusCode::BAD_REQUEST, why));
    }
    let upgrade = upgrade.map_err(|rejection| Refused::new(rejection.status(), rejection.body_text()))?;
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| stay(conferences, room, name, socket)))
}

async fn stay(conferences: Arc<Conferences>, room: String, name: String, mut socket: WebSocket) {
    let mut ending = conferences.ending.clone();
    let member = match conferences.enter(room, name) {
        Ok(member) => member,
        Err(full) => return end(&mut socket, close_code::AGAIN, &full.to_string()).await,
    };
    let number = member.id.0;
    info!(member = number, "a member comes");
    let mut conversation = Conversation {
        conferences: &conferences,
        member: &member,
        roster: Value::Null,
    };
    let why = tokio::select! {
        said = conversation.hold(&mut socket) => said.unwrap_or_else(|error| {
            debug!(member = number, %error, "the browser is gone");
            ""
        }),
        () = member.forward() => "the connection has ended",
        () = watch(&member) => "the connection has ended",
        () = ending.begun() => "the server ends",
    };
    info!(member = number, why, "the member leaves");
    drop(member);
    end(&mut socket, close_code::AWAY, why).await;
}

/// Says goodbye; who has left already need not be told.
async fn end(socket: &mut WebSocket, code: u16, why: &str) {
    let frame = CloseFrame {
        code,
        reason: why.into(),
    };
    let _ = timeout(MAX_SILENCE, socket.send(Message::Close(Some(frame)))).await;
}

/// Passes on what happens to a member's connection, until it ends.
async fn watch(member: &Member) {
    while let Some(event) = member.peer.next_event().await {
        member.handle_event(&event);
        match event {
            Event::Closed(reason) => {
                info!(member = member.id.0, %reason, "closed");
                return;
            }
            Event::ConnectionStateChanged(state) => info!(member = member.id.0, ?state),
            event => debug!(member = member.id.0, ?event),
        }
    }
}

/// What is said over one WebSocket. Nothing waits for a slow reader: what it has not been told yet is found out when it
/// can be told.
struct Conversation<'c> {
    conferences: &'c Conferences,
    member: &'c Member,
    /// What was said last of those who are here.
    roster: Value,
}

impl Conversation<'_> {
    /// Why it is over.
    async fn hold(&mut self, socket: &mut WebSocket) -> Result<&'static str, axum::Error> {
        let mut changes = self.member.changes();
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (began, mut last_heard) = (Instant::now(), Instant::now());
        let (mut count, mut has_connected) = (0_u32, false);
        loop {
            tokio::select! {
                said = socket.recv() => {
                    last_heard = Instant::now();
                    match said.transpose()? {
                        Some(Message::Text(text)) => match serde_json::from_str(&text) {
                            Ok(said) => self.take(socket, said).await?,
                            Err(error) => debug!(%error, "a member says what nobody understands"),
                        },
                        Some(Message::Close(_)) | None => return Ok(""),
                        // Pongs show that it is there.
                        Some(_) => {}
                    }
                }
                _ = changes.changed() => {}
                _ = looks.tick() => {
                    count = count.wrapping_add(1);
                    self.member.look(LOOK_INTERVAL / 2);
                    has_connected |= self.is_connected();
                    if !has_connected && began.elapsed() > PATIENCE {
                        return Ok("no connection was made");
                    }
                    if last_heard.elapsed() > MAX_SILENCE {
                        return Ok("nothing was heard any more");
                    }
                    if count.is_multiple_of(PING_EVERY) {
                        say(socket, Message::Ping(Default::default())).await?;
                    }
                }
            }
            self.tell(socket).await?;
        }
    }

    fn is_connected(&self) -> bool {
        let state = self.member.peer.with(|peer, _| peer.connection_state());
        state == ConnectionState::Connected
    }

    async fn take(&mut self, socket: &mut WebSocket, said: Said) -> Result<(), axum::Error> {
        let peer = &self.member.peer;
        match said {
            Said::Offer { sdp } => match peer.accept_offer(&sdp).await {
                Ok(answer) => self.describe(socket, "answer", &answer).await?,
                Err(error) => refuse(socket, &error.to_string()).await?,
            },
            Said::Answer { sdp } => {
                if let Err(error) = peer.accept_answer(&sdp) {
                    refuse(socket, &error.to_string()).await?;
                }
            }
            Said::Want { widths, limit } => self.member.want(&widths, limit),
            Said::Sending { widths } => self.member.set_widths(&widths),
            Said::Devices { microphone, camera } => self.member.set_devices(microphone, camera),
            Said::Restart => peer.with(|peer, _| peer.restart_ice()),
        }
        Ok(())
    }

    /// Tells what has changed: who is here, and a new offer if one is due.
    async fn tell(&mut self, socket: &mut WebSocket) -> Result<(), axum::Error> {
        let roster = self.member.roster();
        if roster != self.roster {
            say(socket, Message::text(roster.to_string())).await?;
            self.roster = roster;
        }
        let peer = &self.member.peer;
        // What is forwarded before there is a path would be lost, and with it the key frame that began it.
        let may_offer = peer.with(|peer, _| {
            peer.signaling_state() == SignalingState::Stable
                && peer.connection_state() != ConnectionState::New
                && peer.connection_state() != ConnectionState::Connecting
        });
        if may_offer && self.member.subscribe() {
            match peer.offer().await {
                Ok(offer) => self.describe(socket, "offer", &offer).await?,
                // It is closed: the end is on its way.
                Err(error) => debug!(%error, "no offer"),
            }
        }
        Ok(())
    }

    async fn describe(&self, socket: &mut WebSocket, kind: &str, sdp: &str) -> Result<(), axum::Error> {
        let description = Description::new(kind, self.conferences.announced(sdp));
        say(socket, Message::text(json!(description).to_string())).await
    }
}

async fn refuse(socket: &mut WebSocket, why: &str) -> Result<(), axum::Error> {
    debug!(why, "a description is refused");
    say(
        socket,
        Message::text(json!({ "type": "refused", "error": why }).to_string()),
    )
    .await
}

/// Who takes nothing for so long is as silent as who says nothing.
async fn say(socket: &mut WebSocket, message: Message) -> Result<(), axum::Error> {
    timeout(MAX_SILENCE, socket.send(message))
        .await
        .map_err(axum::Error::new)?
}
