//! DTLS 1.3 (RFC 9147) and 1.2 (RFC 6347) as a sans-IO state machine, client and server, with DTLS-SRTP
//! (RFC 5764).
//!
//! A [`Connection`] owns no socket, no clock and no thread, and sees no address. Datagrams go in with `handle_body`,
//! which gives back the application's data decrypted in the caller's own buffer, and come out of
//! `write_body`; [`Connection::write_record`] encrypts a plaintext where it stands, so that sending costs no
//! copy either. See [`pollrtc_core::InnerProtocol`] for the contract, and [`pollrtc_core::Standalone`] for a
//! connection with a socket of its own.
//!
//! # Who is at the other end
//!
//! [`Config::peer`] says whom to talk to: in WebRTC, whoever has the certificate whose fingerprint
//! the session description named. Both sides show a certificate and prove that they have its key;
//! before that no key is derived, no data is handed over and none can be sent.
//!
//! # What is an error and what is not
//!
//! Whatever comes from the network is never an `Err`: what is malformed, forged, replayed or out of
//! place is dropped and counted in [`Connection::stats`], and what ends the connection is
//! [`Event::Closed`] with its [`CloseReason`]. Nothing that an off-path attacker could have sent ends an
//! established connection, and neither forged alerts nor forged ClientHellos end a handshake that goes
//! on. `Err` means that the caller asked for what can't be done: see [`ConfigError`], [`SendError`] and
//! [`ExportError`].
//!
//! # Peers that move
//!
//! With [`Config::connection_ids`] the peer's records have an id of ours (RFC 9146, RFC 9147 §9), by which a
//! server with one socket finds the connection of a client whose address a translator has changed. WebRTC
//! does without: ICE looks after addresses.
//!
//! ```
//! # #[cfg(feature = "aws-lc-rs")] {
//! use std::collections::HashMap;
//! use pollrtc_dtls::{Certificate, ClientCertificates, Config, Connection, ConnectionIdPolicy, Datagram, Flow, Headroom, InnerProtocol, Instant, PeerVerification, Rng, Standalone, StateMachine, connection_id, default_provider};
//!
//! const ID_LEN: u8 = 8;
//! let mut rng = Rng::from_os();
//! let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
//! let mut config = Config::new(certificate, PeerVerification::AcceptAny);
//! config.client_certificates = ClientCertificates::NotRequested;
//! config.connection_ids = Some(ConnectionIdPolicy::Random { length: ID_LEN.try_into().unwrap() });
//!
//! // A connection can be found from the moment at which it is made.
//! let home = Flow::udp("192.0.2.1:4000".parse().unwrap());
//! let mut connections = vec![Standalone::new(Connection::server(config, rng.fork()).unwrap(), home)];
//! let mut by_id: HashMap<Vec<u8>, usize> = HashMap::new();
//! by_id.extend(connections[0].inner.connection_ids().map(|id| (id.to_vec(), 0)));
//! # // A client that wants no ids itself.
//! # let mut config = Config::new(None, PeerVerification::AcceptAny);
//! # config.connection_ids = Some(ConnectionIdPolicy::SendOnly);
//! # let mut client = Connection::client(config, rng.fork()).unwrap();
//! # let (now, mut buf) = (Instant::ZERO, [0; 1500]);
//! # while !(client.is_connected() && connections[0].inner.is_connected()) {
//! #     while let Some(len) = client.write_body(now, &mut buf, Headroom::NONE) {
//! #         connections[0].handle_datagram(now, Datagram::new(home, &mut buf[..len]));
//! #     }
//! #     while let Some(transmit) = connections[0].poll_transmit(now, &mut buf) {
//! #         client.handle_body(now, &mut buf[..transmit.len]);
//! #     }
//! # }
//! # client.send(b"hello").unwrap();
//! # let length = client.write_body(now, &mut buf, Headroom::NONE).unwrap();
//! # let datagram = &mut buf[..length];
//!
//! // A datagram comes from an address that nobody has heard of.
//! let elsewhere = Flow::udp("203.0.113.9:61000".parse().unwrap());
//! let id = connection_id(datagram, ID_LEN).expect("an id");
//! let connection = &mut connections[by_id[id]];
//! let received = connection.inner.handle_body(now, datagram);
//! // Only the peer can have made it, and nothing newer has come. Is the peer really there? `is_newest` says how
//! // to find out, and then:
//! if received.is_newest() && connection.flow() != elsewhere {
//!     connection.inner.use_next_connection_id();
//!     connection.set_flow(elsewhere);
//! }
//! # assert_eq!(connections[0].flow(), elsewhere);
//! # }
//! ```
//!
//! # Code map
//!
//! [`wire`] knows bytes only. Records, fragments, flights and acknowledgements are one engine, which asks no
//! version. `handshake` is what both versions share, one idea per file; `v12` and `v13` are the two of them, next to
//! each other and unknown to each other; `negotiation` stands above and chooses. `admission` says in two tables which
//! records and messages count; `connection` puts all of it together, one file for each concern. No module needs one
//! that needs it.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod acceptor;
mod acks;
mod admission;
mod client_hellos;
mod config;
mod connection;
mod connection_ids;
mod error;
mod flight;
mod handshake;
mod negotiation;
mod outbox;
mod reassembly;
mod received;
mod records;
mod replay;
mod stats;
mod v12;
mod v13;
pub mod wire;

pub use acceptor::{Accepted, Acceptor};
pub use config::{
    CertificateCheck, ChooseConnectionId, ClientCertificates, Config, ConnectionIdChooser, ConnectionIdPolicy, Cookies,
    DEFAULT_GROUPS, KeyLog, PeerVerification, Versions,
};
pub use connection::{Connection, Event, State};
pub use error::{CloseReason, ConfigError, ConnectionIdError, ExportError, HandshakeError, SendError};
pub use received::ApplicationData;
pub use stats::Stats;
pub use v13::KeyUpdateRequest;
pub use wire::datagram::connection_id;
pub use wire::v13::ConnectionIdUsage;
pub use wire::{AlertDescription, CipherSuite, SrtpProfile, Version};
// What the API and the examples speak of besides.
pub use pollrtc_core::{Datagram, Flow, Headroom, InnerProtocol, Instant, Standalone, StateMachine, Transmit};
#[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
pub use pollrtc_crypto::default_provider;
pub use pollrtc_crypto::{Certificate, Fingerprint, HashAlgorithm, NamedGroup, Provider, Rng};
