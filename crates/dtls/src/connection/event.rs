//! What the caller is told.

use alloc::vec::Vec;

use crate::error::{CloseReason, HandshakeError};
use crate::wire::{CipherSuite, SrtpProfile, Version};

/// What the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake is complete, the peer is who it should be, and data may flow.
    Connected {
        /// The version that both speak.
        version: Version,
        /// What encrypts and authenticates.
        cipher_suite: CipherSuite,
        /// The SRTP profile, if both have one in common.
        srtp_profile: Option<SrtpProfile>,
        /// Whether the peer proved that it has the key of a certificate that
        /// [`Config::peer`](crate::Config::peer) named or took. Not if that accepts anyone, or if the peer showed no certificate.
        is_peer_authenticated: bool,
    },
    /// Other connection ids of ours are valid than before: see
    /// [`Connection::connection_ids`](crate::Connection::connection_ids).
    ConnectionIdsChanged,
    /// Application data that overtook the end of the handshake on the network and had to wait for
    /// it. All later data comes out of [`handle_body`](pollrtc_core::InnerProtocol::handle_body) itself.
    ApplicationData(Vec<u8>),
    /// As a server: a ClientHello came that we can't agree with. It was refused with an alert, and we
    /// wait for another one, since anyone could have sent this one.
    ClientHelloRefused(HandshakeError),
    /// The connection is over; nothing follows.
    Closed(CloseReason),
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// A server that has no acceptable ClientHello yet.
    Listening,
    /// The handshake is under way.
    Connecting,
    /// Data may flow.
    Connected,
    /// It is over.
    Closed,
}
