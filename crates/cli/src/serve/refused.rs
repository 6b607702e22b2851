//! Why a request was not carried out: always as JSON, `{"error":..}`.

use std::fmt::Display;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use pollrtc::NegotiationError;
use serde_json::{Value, json};

use crate::signal::WrongKind;

/// The longest reason that is passed on, in bytes.
const MAX_REASON: usize = 4096;

#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    body: Value,
}

impl Refused {
    pub(super) fn new(status: StatusCode, why: impl Display) -> Self {
        Self {
            status,
            body: json!({ "error": why.to_string() }),
        }
    }

    pub(super) fn internal(why: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }
}

/// There is nothing here.
pub(super) async fn unknown_path(uri: Uri) -> Refused {
    Refused::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

/// Errors that come from below our own handlers are JSON too.
pub(super) async fn as_json(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(CONTENT_TYPE);
    let is_json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if is_json || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = to_bytes(body, MAX_REASON).await.unwrap_or_default();
    let reason = match text.as_ref() {
        [] => status.canonical_reason().unwrap_or("refused").to_lowercase().into(),
        text => String::from_utf8_lossy(text),
    };
    let mut refused = Refused::new(status, reason).into_response();
    for (name, value) in &parts.headers {
        if name != CONTENT_TYPE && name != CONTENT_LENGTH {
            refused.headers_mut().append(name, value.clone());
        }
    }
    refused
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

impl From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<WrongKind> for Refused {
    fn from(wrong: WrongKind) -> Self {
        Self::new(StatusCode::BAD_REQUEST, wrong)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
