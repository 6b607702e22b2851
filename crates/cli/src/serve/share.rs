//! What another device needs to open the page: URLs that work from there, and QR codes of them.
//!
//! | request | answer |
//! |---|---|
//! | `GET /network` | `{"urls":[..]}`: where other machines reach this server; none if it serves this machine alone |
//! | `GET /qr?text=..` | the text as a QR code, an SVG image |

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refused::Refused;

/// The longest text that is drawn, in bytes: more than any link of ours, less than a code can hold.
const MAX_TEXT: usize = 1024;

pub(super) fn routes(urls: Vec<String>) -> Router {
    Router::new()
        .route("/network", get(network))
        .route("/qr", get(qr))
        .with_state(Arc::new(urls))
}

async fn network(State(urls): State<Arc<Vec<String>>>) -> Json<Value> {
    Json(json!({ "urls": *urls }))
}

#[derive(Debug, Deserialize)]
struct Text {
    text: String,
}

async fn qr(wanted: Result<Query<Text>, QueryRejection>) -> Result<impl IntoResponse, Refused> {
    let Query(Text { text }) = wanted?;
    if text.len() > MAX_TEXT {
        let why = format!(
            "a text of {} bytes is more than the {MAX_TEXT} that are drawn",
            text.len()
        );
        return Err(Refused::new(StatusCode::BAD_REQUEST, why));
    }
    let code = QrCode::with_error_correction_level(&text, EcLevel::M).map_err(Refused::internal)?;
    // Dark on light in every theme: not all cameras read it the other way round.
    let image = code.render::<svg::Color<'_>>().module_dimensions(4, 4).build();
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "no-store")];
    Ok((headers, image))
}
