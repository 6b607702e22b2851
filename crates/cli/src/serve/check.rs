//! What this program makes of a description, for people who write or mend one.
//!
//! `POST /check`, `{"sdp":..}`: `{"error":null,"findings":[..]}`. Each is `{"line":..,"column":..,"error":..}`:
//! `error` makes the description useless, findings cost only what they are about; the first 64 of them are told.

use axum::extract::rejection::JsonRejection;
use axum::routing::post;
use axum::{Json, Router};
use pollrtc_sdp::{ParseError, Parser, Profile};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refused::Refused;

/// How many findings are told at most.
const MAX_FINDINGS: usize = 64;

pub(super) fn routes() -> Router {
    Router::new().route("/check", post(check))
}

#[derive(Debug, Deserialize)]
struct Text {
    sdp: String,
}

async fn check(body: Result<Json<Text>, JsonRejection>) -> Result<Json<Value>, Refused> {
    let Json(Text { sdp }) = body?;
    let mut findings = Vec::new();
    // As the negotiator reads what a peer sends.
    let parser = Parser::new().profile(Profile::Interop);
    let parsed = parser.parse_with(&sdp, |finding| {
        if findings.len() < MAX_FINDINGS {
            findings.push(describe(&finding));
        }
    });
    let error = parsed.err().map(|error| describe(&error));
    Ok(Json(json!({ "error": error, "findings": findings })))
}

/// A place in a description, and what to do there.
pub(super) fn describe(error: &ParseError) -> Value {
    json!({ "line": error.line(), "column": error.column(), "error": error.kind().to_string() })
}
