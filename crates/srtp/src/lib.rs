//! SRTP and SRTCP (RFC 3711): packets of RTP and RTCP, protected and unprotected in the caller's own buffer.
//!
//! An [`Outbound`] protects what one end sends, an [`Inbound`] checks and decrypts what the other end sends; each has the
//! key of its direction, which [`DtlsKeys`] takes from a DTLS association (RFC 5764), or which the caller has made. They
//! know no time and no addresses, and are gone with the association that they have their keys from. [`fan_out`] writes one
//! packet for many receivers.
//!
//! All profiles of WebRTC are here and those of RFC 6188 ([`Profile`]), headers encrypted in part (RFC 6904) or as a whole
//! (RFC 9335), and identifiers of master keys ([`Config`]).
//!
//! An `Err` of [`Outbound`] is a mistake of the caller's, and has changed nothing. One of [`Inbound`] says why a packet
//! was dropped; it is counted, ends nothing, and has changed nothing either. Nothing panics, whatever comes, and nothing
//! is allocated for a packet, good or bad, except where a stream begins. The number of streams is bounded.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

extern crate alloc;

mod config;
mod cryptex;
mod error;
mod extensions;
mod fan_out;
mod header;
mod inbound;
mod index;
mod key;
mod outbound;
mod profile;
mod sealed;
mod stats;
mod streams;
mod transform;
mod window;

pub use config::{Config, ConfigError, Cryptex, ExtensionIds, Mki};
pub use error::{Dropped, ProtectError};
pub use fan_out::{Receiver, fan_out};
pub use inbound::{Inbound, Unprotected};
pub use key::{DtlsKeys, KeyError, MasterKey};
pub use outbound::Outbound;
pub use profile::Profile;
pub use stats::{InboundStats, OutboundStats};
