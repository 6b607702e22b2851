//! The page: plain files that are part of the program.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

const FILES: [(&str, &str, &str); 10] = [
    ("/", "text/html", include_str!("../../page/index.html")),
    ("/style.css", "text/css", include_str!("../../page/style.css")),
    ("/app.js", "text/javascript", include_str!("../../page/app.js")),
    ("/camera.js", "text/javascript", include_str!("../../page/camera.js")),
    ("/capture.js", "text/javascript", include_str!("../../page/capture.js")),
    (
        "/conference.js",
        "text/javascript",
        include_str!("../../page/conference.js"),
    ),
    ("/link.js", "text/javascript", include_str!("../../page/link.js")),
    ("/meter.js", "text/javascript", include_str!("../../page/meter.js")),
    ("/page.js", "text/javascript", include_str!("../../page/page.js")),
    ("/sdp.js", "text/javascript", include_str!("../../page/sdp.js")),
];

/// The page loads nothing from elsewhere, and nobody else frames it.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'";

pub(super) fn routes() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(move || file(kind, text)))
    })
}

async fn file(kind: &str, text: &'static str) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (CACHE_CONTROL, "no-cache".to_owned()),
        (CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (headers, text)
}
