//! Sessions: the connections that this server is a peer of. Each message on each channel is echoed.
//!
//! | request | answer |
//! |---|---|
//! | `POST /offer`, `{"type":"offer","sdp":..}` | `{"type":"answer","sdp":..,"id":..}` |
//! | `POST /offer?id=N`, the same | a further offer on that session: its answer |
//! | `POST /call` | `{"type":"offer","sdp":..,"id":..}`: the server offers |
//! | `POST /call?id=N` | the same, once more on that session |
//! | `POST /call?id=N&change=C` | the same, to `restart-ice`, `close-channels` or `open-channel` |
//! | `POST /answer?id=N`, `{"type":"answer","sdp":..}` | `{}` |
//! | `GET /session?id=N` | what was negotiated: `{"view":{..},"dtls":{..}}`, for people and for programs; `findings`: what was malformed in the client's description, and left out |
//! | `DELETE /session?id=N` | nothing; the session is closed |
//!
//! An offer that comes twice, since somebody pressed a button or repeated a request, makes two sessions: the one
//! whose answer the peer takes connects and ends the other.
//!
//! There is no trickle here: every SDP holds all its candidates. What goes wrong is answered with
//! `{"error":..}`, and with `line` and `column` where the SDP is malformed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use pollrtc::{Config, ConnectionState, Event, NegotiationError, OpenError, PeerConnection};
use pollrtc_tokio::{Endpoint, Peer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::connection;
use crate::signal::Description;

/// How long a session may take to connect, and to come back once it is interrupted.
const PATIENCE: Duration = Duration::from_secs(30);

/// All sessions of this server.
#[derive(Debug)]
pub(super) struct Sessions {
    endpoint: Endpoint,
    /// Of each of them.
    config: Config,
    most: usize,
    by_id: Mutex<HashMap<u64, Arc<Session>>>,
}

#[derive(Debug)]
struct Session {
    peer: Peer,
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

async fn offer(
    State(sessions): State<Arc<Sessions>>,
    Query(which): Query<Which>,
    body: Body,
) -> Result<Json<Described>, Refused> {
    let offer = body?.0.of_kind("offer")?;
    let (id, session) = match which.id {
        Some(id) => (id, sessions.find(id)?),
        None => sessions.open()?,
    };
    match session.peer.accept_offer(&offer).await {
        Ok(sdp) => Ok(Json(Described {
            description: Description::new("answer", sdp),
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

async fn call(State(sessions): State<Arc<Sessions>>, Query(call): Query<Call>) -> Result<Json<Described>, Refused> {
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
            description: Description::new("offer", sdp),
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
    Query(which): Query<Which>,
    body: Body,
) -> Result<Json<Value>, Refused> {
    let answer = body?.0.of_kind("answer")?;
    sessions
        .find(which.id.unwrap_or_default())?
        .peer
        .accept_answer(&answer)?;
    Ok(Json(json!({})))
}

async fn view(State(sessions): State<Arc<Sessions>>, Query(which): Query<Which>) -> Result<Json<Value>, Refused> {
    let session = sessions.find(which.id.unwrap_or_default())?;
    let stats = session.peer.stats();
    let security = stats.data_transport().and_then(|transport| transport.security);
    let security = security.map(|agreed| connection::describe(&agreed));
    let told =
        |peer: &PeerConnection| -> Vec<String> { peer.remote_findings().iter().map(ToString::to_string).collect() };
    let findings = session.peer.with(|peer, _| told(peer));
    Ok(Json(
        json!({ "view": session.view(), "dtls": security, "findings": findings }),
    ))
}

async fn hang_up(State(sessions): State<Arc<Sessions>>, Query(which): Query<Which>) -> Result<StatusCode, Refused> {
    let id = which.id.unwrap_or_default();
    sessions.find(id)?.peer.close();
    sessions.close(id);
    Ok(StatusCode::NO_CONTENT)
}

impl Sessions {
    pub(super) fn new(endpoint: Endpoint, config: Config, most: usize) -> Self {
        Self {
            endpoint,
            config,
            most,
            by_id: Mutex::default(),
        }
    }

    /// A new session, which echoes from now on.
    fn open(self: &Arc<Self>) -> Result<(u64, Arc<Session>), Refused> {
        let mut by_id = self.lock();
        if by_id.len() >= self.most {
            return Err(Refused::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the server has as many sessions as it may have",
            ));
        }
        let session = Arc::new(Session {
            peer: self.endpoint.peer(self.config.clone()),
        });
        let id = unguessable_id().map_err(Refused::internal)?;
        by_id.insert(id, Arc::clone(&session));
        drop(by_id);
        let (sessions, echoing) = (Arc::clone(self), Arc::clone(&session));
        tokio::spawn(async move {
            echoing.echo().await;
            sessions.close(id);
        });
        Ok((id, session))
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
    /// Sends back what comes, until the connection ends or does not come about.
    async fn echo(&self) {
        let mut deadline = Some(Instant::now() + PATIENCE);
        loop {
            let next = self.peer.next_event();
            let event = match deadline {
                Some(deadline) => timeout_at(deadline, next).await.unwrap_or(None),
                None => next.await,
            };
            match event {
                // Who takes no message as large as they send gets no echo of it.
                Some(Event::Message { channel, data }) => drop(self.peer.send(channel, data).await),
                Some(Event::ConnectionStateChanged(state)) => match state {
                    ConnectionState::Connected => deadline = None,
                    ConnectionState::Closed => return,
                    _ => deadline = deadline.or(Some(Instant::now() + PATIENCE)),
                },
                Some(Event::Closed(_)) | None => return,
                Some(_) => {}
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
        view
    }
}

/// Nobody ends or changes a session that they did not open. As large as a JavaScript number holds.
fn unguessable_id() -> Result<u64, getrandom::Error> {
    Ok(getrandom::u64()? >> 11)
}

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    body: Value,
}

impl Refused {
    fn new(status: StatusCode, why: impl std::fmt::Display) -> Self {
        Self {
            status,
            body: json!({ "error": why.to_string() }),
        }
    }

    fn internal(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}

impl From<NegotiationError> for Refused {
    fn from(error: NegotiationError) -> Self {
        let status = match error {
            NegotiationError::WrongState { .. } => StatusCode::CONFLICT,
            NegotiationError::NoCertificate | NegotiationError::Write(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut refused = Self::new(status, &error);
        if let NegotiationError::Sdp(at) = error {
            refused.body["line"] = at.line().into();
            refused.body["column"] = at.column().into();
        }
        refused
    }
}

impl From<JsonRejection> for Refused {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<crate::signal::WrongKind> for Refused {
    fn from(wrong: crate::signal::WrongKind) -> Self {
        Self::new(StatusCode::BAD_REQUEST, wrong)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_connect_is_forgotten() {
        let endpoint = Endpoint::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let sessions = Arc::new(Sessions::new(endpoint.clone(), Config::default(), 1));
        let (id, session) = sessions.open().unwrap();
        assert_eq!(sessions.open().unwrap_err().status, StatusCode::SERVICE_UNAVAILABLE);
        drop(session);

        tokio::time::sleep(PATIENCE + Duration::from_secs(1)).await;
        assert_eq!(sessions.find(id).unwrap_err().status, StatusCode::NOT_FOUND);
        sessions.open().unwrap();
    }
}
