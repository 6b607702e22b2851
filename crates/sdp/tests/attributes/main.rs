//! The typed form of attributes: each is read, written as it was, and refused or ignored if it is
//! malformed.

mod other;
mod rtp;
mod streams;
mod support;
mod table;
mod transport;
