//! Who may ask: this server's own page, and whatever is no browser.

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refused::Refused;

/// A page of another site can make a browser send requests and open WebSockets to this server too,
/// but it can't hide where it is from.
pub(super) async fn only_own_page(request: Request, next: Next) -> Response {
    if !same_origin(request.headers()) {
        return Refused::new(StatusCode::FORBIDDEN, "only this server's own page may ask").into_response();
    }
    next.run(request).await
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(ORIGIN) else {
        return true; // not a browser, or a mere visit
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_stay_outside() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, origin.parse().unwrap());
            headers.insert(HOST, "localhost:8080".parse().unwrap());
            headers
        };
        assert!(same_origin(&headers("http://localhost:8080")));
        assert!(!same_origin(&headers("http://example.com")));
        assert!(!same_origin(&headers("null")));
        assert!(same_origin(&HeaderMap::new()), "not a browser");
    }
}
