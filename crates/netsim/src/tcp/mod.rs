//! TCP as a host's system has it, and TLS on top: streams of frames for machines, by way of segments that links lose,
//! NATs translate and firewalls filter.

mod connection;
mod receiver;
mod sender;
mod stack;
mod tls;

pub(crate) use stack::{Arriving, Stack, Upcall};
