//! The choice of the version, by the server's hello at a client and by the client's at a server. It stands above
//! both versions; nothing below knows that there are two.

mod client;
mod secrets;
mod server;

pub(crate) use client::ClientHandshake;
pub(crate) use secrets::Secrets;
pub(crate) use server::{ServerHandshake, handle_client_hello, has_valid_cookie};
