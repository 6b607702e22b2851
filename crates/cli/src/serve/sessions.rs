//! Sessions: the connections that this server is a peer of. Each message on each channel is echoed, and so is media.
//!
//! | request | answer |
//! |---|---|
//! | `POST /offer`, `{"type":"offer","sdp":..}` | `{"type":"answer","sdp":..,"id":..}` |
//! | `POST /offer?id=N`, the same | a further offer on that session: its answer |
//! | `POST /call` | `{"type":"offer","sdp":..,"id":..}`: the server offers |
//! | `POST /call?id=N` | the same, once more on that session |
//! | `POST /call?id=N&change=C` | the same, to `restart-ice`, `close-channels` or `open-channel` |
//! | `POST /answer?id=N`, `{"type":"answer","sdp":..}` | `{}` |
//! | `GET /session?id=N` | what was negotiated: `{"view":{..},"dtls":{..}}`, for people and for programs; `findings`: what was malformed in the client's description, and left out, each `{"line":..,"column":..,"error":..}` |
//! | `DELETE /session?id=N` | nothing; the session is closed |
//!
//! An offer that comes twice, since somebody pressed a button or repeated a request, makes two sessions: the one
//! whose answer the peer takes connects and ends the other.
//!
//! There is no trickle here: every SDP holds all its candidates. What goes wrong is answered with
//! `{"error":..}`, and with `line` and `column` where the SDP is malformed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use pollrtc::{Config, ConnectionState, Direction, Event, OpenError, PeerConnection};
use pollrtc_tokio::{Endpoint, Peer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, info};

use super::check;
use super::echo::MediaEcho;
use super::ending::Ending;
use super::refused::Refused;
use crate::connection;
use crate::public;
use crate::signal::Description;

/// How many bytes may wait for one client: a few of the longest messages. Anybody may open a session.
const MAX_BUFFERED: usize = 1 << 20;
/// How long a session may take to connect.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether a session is connected.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// What all sessions have in common.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// How many there are at most.
    pub(super) most: usize,
    /// How long one is kept that is interrupted.
    pub(super) interrupted: Duration,
    /// The addresses that a NAT gives us.
    pub(super) public: Vec<IpAddr>,
}

/// All sessions of this server.
#[derive(Debug)]
pub(super) struct Sessions {
    endpoint: Endpoint,
    /// Of each of them.
    config: Config,
    limits: Limits,
    ending: Ending,
    by_id: Mutex<HashMap<u64, Arc<Session>>>,
    /// How many there have been.
    count: AtomicU64,
}

#[derive(Debug)]
struct Session {
    peer: Peer,
    media: MediaEcho,
    /// Its name in the log; the id is nobody's business.
    number: u64,
}

#[derive(Debug, Deserialize)]
struct Which {
    id: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Call {
    id: Option<u64>,
    change: Option<Change>,
}

/// What the server's next offer is about.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    RestartIce,
    CloseChannels,
    OpenChannel,
}

impl Change {
    fn of(self, peer: &Peer) -> Result<(), OpenError> {
        match self {
            Self::RestartIce => peer.with(|peer, _| peer.restart_ice()),
            Self::CloseChannels => peer.with(|peer, _| peer.close_data_channels()),
            Self::OpenChannel => return peer.create_data_channel("chat").map(drop),
        }
        Ok(())
    }
}

/// A description that belongs to a session.
#[derive(Debug, Serialize)]
struct Described {
    #[serde(flatten)]
    description: Description,
    id: u64,
}

pub(super) fn routes(sessions: Arc<Sessions>) -> Router {
    Router::new()
        .route("/offer", post(offer))
        .route("/call", post(call))
        .route("/answer", post(answer))
        .route("/session", get(view).delete(hang_up))
        .with_state(sessions)
}

type Body = Result<Json<Description>, JsonRejection>;
type Asked<T> = Result<Query<T>, QueryRejection>;

async fn offer(
    State(sessions): State<Arc<Sessions>>,
    which: Asked<Which>,
    body: Body,
) -> Result<Json<Described>, Refused> {
    let which = which?.0;
    let offer = body?.0.of_kind("offer")?;
    let (id, session) = match which.id {
        Some(id) => (id, sessions.find(id)?),
        None => sessions.open()?,
    };
    match session.peer.accept_offer(&offer).await {
        Ok(sdp) => Ok(Json(Described {
            description: Description::new("answer", sessions.announced(sdp)),
            id,
        })),
        Err(error) => {
            if which.id.is_none() {
                sessions.close(id);
            }
            Err(error.into())
        }
    }
}

async fn call(State(sessions): State<Arc<Sessions>>, call: Asked<Call>) -> Result<Json<Described>, Refused> {
    let call = call?.0;
    let (id, session) = match call.id {
        Some(id) => (id, sessions.find(id)?),
        None => sessions.open()?,
    };
    let change = match call.id {
        Some(_) => call.change,
        None => Some(Change::OpenChannel),
    };
    let offer = match change.map_or(Ok(()), |change| change.of(&session.peer)) {
        Ok(()) => session.peer.offer().await.map_err(Refused::from),
        Err(error) => Err(Refused::new(StatusCode::CONFLICT, error)),
    };
    match offer {
        Ok(sdp) => Ok(Json(Described {
            description: Description::new("offer", sessions.announced(sdp)),
            id,
        })),
        Err(refused) => {
            if call.id.is_none() {
                sessions.close(id);
            }
            Err(refused)
        }
    }
}

async fn answer(
    State(sessions): State<Arc<Sessions>>,
    which: Asked<Which>,
    body: Body,
) -> Result<Json<Value>, Refused> {
    let which = which?.0;
    let answer = body?.0.of_kind("answer")?;
    sessions
        .find(which.id.unwrap_or_default())?
        .peer
        .accept_answer(&answer)?;
    Ok(Json(json!({})))
}

async fn view(State(sessions): State<Arc<Sessions>>, which: Asked<Which>) -> Result<Json<Value>, Refused> {
    let session = sessions.find(which?.0.id.unwrap_or_default())?;
    let stats = session.peer.stats();
    let security = stats.data_transport().and_then(|transport| transport.security);
    let security = security.map(|agreed| connection::describe(&agreed));
    let told = |peer: &PeerConnection| -> Vec<Value> { peer.remote_findings().iter().map(check::describe).collect() };
    let findings = session.peer.with(|peer, _| told(peer));
    Ok(Json(
        json!({ "view": session.view(), "dtls": security, "findings": findings }),
    ))
}

async fn hang_up(State(sessions): State<Arc<Sessions>>, which: Asked<Which>) -> Result<StatusCode, Refused> {
    let id = which?.0.id.unwrap_or_default();
    sessions.find(id)?;
    sessions.close(id);
    Ok(StatusCode::NO_CONTENT)
}

impl Sessions {
    pub(super) fn new(endpoint: Endpoint, config: Config, limits: Limits, ending: Ending) -> Self {
        // Whoever has come back by then restarts ICE.
        let config = config
            .with_offered_direction(Direction::SendRecv)
            .with_close_timeout(limits.interrupted)
            .with_max_buffered_amount(MAX_BUFFERED);
        Self {
            endpoint,
            config,
            limits,
            ending,
            by_id: Mutex::default(),
            count: AtomicU64::new(0),
        }
    }

    /// How many there are, and how many connections, those that are just saying goodbye included.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.lock().len(), self.endpoint.len())
    }

    /// Says goodbye to all.
    pub(super) async fn close_all(&self) {
        self.endpoint.close().await;
    }

    /// A new session, which echoes from now on.
    fn open(self: &Arc<Self>) -> Result<(u64, Arc<Session>), Refused> {
        let mut by_id = self.lock();
        let refuse = |why| Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, why));
        if self.ending.has_begun() {
            return refuse("the server ends");
        }
        if by_id.len() >= self.limits.most {
            return refuse("the server has as many sessions as it may have");
        }
        let session = Arc::new(Session {
            peer: self.endpoint.peer(self.config.clone()),
            media: MediaEcho::new(),
            number: self.count.fetch_add(1, Ordering::Relaxed) + 1,
        });
        let id = unguessable_id().map_err(Refused::internal)?;
        by_id.insert(id, Arc::clone(&session));
        drop(by_id);
        info!(session = session.number, "a session begins");
        let (sessions, echoing) = (Arc::clone(self), Arc::clone(&session));
        tokio::spawn(async move {
            let interrupted = sessions.limits.interrupted;
            tokio::select! {
                () = echoing.echo() => {}
                () = echoing.media.run(&echoing.peer) => {}
                () = echoing.lost(interrupted) => info!(session = echoing.number, "the peer does not come back"),
            }
            info!(session = echoing.number, "the session ends");
            sessions.close(id);
        });
        Ok((id, session))
    }

    /// Our description as the peer is to see it.
    fn announced(&self, sdp: String) -> String {
        public::announce(&sdp, &self.limits.public, self.config.ice_lite)
    }

    fn find(&self, id: u64) -> Result<Arc<Session>, Refused> {
        let session = self.lock().get(&id).cloned();
        session.ok_or_else(|| Refused::new(StatusCode::NOT_FOUND, "there is no such session"))
    }

    fn close(&self, id: u64) {
        if let Some(session) = self.lock().remove(&id) {
            session.peer.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<Session>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Sends back what comes, until the connection ends.
    async fn echo(&self) {
        let session = self.number;
        while let Some(event) = self.peer.next_event().await {
            self.media.handle_event(&self.peer, &event);
            match event {
                // Who takes no message as large as they send gets no echo of it.
                Event::Message { channel, data } => {
                    if let Err(error) = self.peer.send(channel, data).await {
                        debug!(session, %error, "no echo");
                    }
                }
                Event::ConnectionStateChanged(state) => {
                    info!(session, ?state);
                    if state == ConnectionState::Closed {
                        return;
                    }
                }
                Event::PathChanged { path, .. } => info!(session, path = %path.flow),
                Event::Secured {
                    version, cipher_suite, ..
                } => info!(session, %version, %cipher_suite),
                Event::Closed(reason) => {
                    info!(session, %reason, "closed");
                    return;
                }
                event => debug!(session, ?event),
            }
        }
    }

    /// Once it has not connected in time, or was interrupted for so long. Also while an echo waits for a peer that
    /// will never take it.
    async fn lost(&self, interrupted: Duration) {
        let mut deadline = Some(Instant::now() + PATIENCE);
        loop {
            match self.peer.with(|peer, _| peer.connection_state()) {
                ConnectionState::Connected => deadline = None,
                _ => deadline = deadline.or_else(|| Some(Instant::now() + interrupted)),
            }
            match deadline {
                Some(deadline) if deadline <= Instant::now() => return,
                Some(deadline) => sleep_until(deadline.min(Instant::now() + WATCH_INTERVAL)).await,
                None => sleep(WATCH_INTERVAL).await,
            }
        }
    }

    /// What the page shows.
    fn view(&self) -> Value {
        let stats = self.peer.stats();
        let state = self.peer.with(|peer, _| peer.connection_state());
        let mut view = json!({ "state": format!("{state:?}").to_lowercase() });
        let Some(transport) = stats.data_transport() else {
            return view;
        };
        if let Some(path) = transport.path {
            view["path"] = json!(path.flow.to_string());
        }
        if let Some(time) = transport.round_trip_time {
            view["round trip"] = json!(format!("{:.1} ms", time.as_secs_f64() * 1000.0));
        }
        if let Some(security) = transport.security {
            view["DTLS"] = json!(format!("{}, {}", security.version, security.cipher_suite));
            view["key exchange"] = json!(security.group.name());
        }
        if let Some(media) = stats.transports.iter().find_map(|transport| transport.media) {
            let dropped =
                media.inbound.dropped_unauthentic + media.inbound.dropped_malformed + media.dropped_unassigned;
            view["media"] = json!(format!(
                "{} packets came, {dropped} were of no use, {} left",
                media.inbound.rtp, media.outbound.rtp
            ));
        }
        view
    }
}

/// Nobody ends or changes a session that they did not open. As large as a JavaScript number holds.
fn unguessable_id() -> Result<u64, getrandom::Error> {
    Ok(getrandom::u64()? >> 11)
}

#[cfg(test)]
mod tests {
    use super::super::ending::ending;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_connect_is_forgotten() {
        let endpoint = Endpoint::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let limits = Limits {
            most: 1,
            interrupted: PATIENCE,
            public: Vec::new(),
        };
        let (_end, ending) = ending();
        let sessions = Arc::new(Sessions::new(endpoint.clone(), Config::default(), limits, ending));
        let (id, session) = sessions.open().unwrap();
        assert_eq!(sessions.open().unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        drop(session);

        tokio::time::sleep(PATIENCE + Duration::from_secs(1)).await;
        assert_eq!(sessions.find(id).unwrap_err().status, StatusCode::NOT_FOUND);
        sessions.open().unwrap();
    }
}
