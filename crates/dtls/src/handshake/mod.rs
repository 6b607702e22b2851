//! What the handshakes of both versions share: one idea per file.
//!
//! The engine around it (records, reassembly, flights, timers) knows no version, and the modules here know no
//! datagrams: a handshake takes whole messages in order and starts flights. [`negotiation`](crate::negotiation)
//! stands above both versions.

mod agreed;
mod certificates;
mod client_hello;
mod context;
mod cookies;
mod digest;
mod extensions;
mod finished;
mod message;
mod offer;
mod step;

pub(crate) use agreed::Agreed;
pub(crate) use certificates::{ClientAuthentication, first_certificate, scheme_from_code};
pub(crate) use context::Context;
pub(crate) use cookies::CookieKeys;
pub(crate) use digest::Digest;
pub(crate) use extensions::{connection_id, extension, peer_connection_id, point_formats, signature_schemes};
pub(crate) use finished::check_finished;
pub(crate) use message::{item, malformed, message};
pub(crate) use offer::Offer;
pub(crate) use step::{Established, HelloResponse, Step};
