//! Peer connections and routers, through their public API and in virtual time.

mod connect;
mod laws;
mod negotiation;
mod router;
mod support;
