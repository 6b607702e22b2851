//! The connection through its public API, in virtual time.

mod acceptor;
mod agreed;
mod allocations;
mod attacks;
mod certificates;
mod configuration;
mod connection_ids;
mod ending;
mod forged_hellos;
mod fragmentation;
mod handshake;
mod hellos;
mod hostile;
mod laws;
mod openssl;
mod records;
mod retransmission;
mod secrets;
mod support;
mod v13;
