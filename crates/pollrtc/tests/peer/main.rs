//! Peer connections and routers, through their public API and in virtual time.

mod connect;
mod dialects;
mod handshakes;
mod hostile;
mod laws;
mod negotiation;
mod renegotiation;
mod replacement;
mod script;
mod security;
mod support;
mod transports;
