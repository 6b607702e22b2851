#![doc = "Session Description Protocol (RFC 8866) for WebRTC: who wants to talk, over what, and how."]
//!
//! - [`Session::parse`] checks a description in one pass and gives views into its text: no copy, no
//!   allocation, no `std`. [`Parser`] has other [`Profile`]s and [`Limits`].
//! - [`Session`] and [`Media`] have typed accessors; [`attribute`] has the types.
//! - [`Fragment`] is what is sent of a description when candidates are trickled (RFC 8840, WHIP).
//! - `OwnedSession` and `Writer` (feature `alloc`) hold, change and write descriptions.
//!
//! There is no state here: offer and answer, and the codecs that they agree on, are `pollrtc-jsep`'s,
//! and what WHIP and WHEP ask of descriptions is `pollrtc-whip`'s.
//!
//! # Errors
//!
//! A description either parses as a whole or gives a [`ParseError`] that says what to mend at which
//! line and column. [`Profile::Interop`], for peers as they are, drops what is malformed
//! and tells of it as findings instead. What is unknown is no error: attributes and media sections that this crate has
//! no type for keep their place and their bytes.
//!
//! # Example
//!
//! ```
//! let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
//!              m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
//!              a=setup:actpass\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";
//! let session = pollrtc_sdp::Session::parse(offer)?;
//! for media in session.media().filter(|media| media.is_data_channel()) {
//!     for candidate in media.candidates() {
//!         println!("try {}:{}", candidate.address, candidate.port);
//!     }
//! }
//! # Ok::<(), pollrtc_sdp::ParseError>(())
//! ```
#![no_std]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod attribute;
mod checks;
mod error;
mod fields;
mod fragment;
#[cfg(feature = "alloc")]
mod fragment_writer;
mod grammar;
mod line;
mod media;
mod mids;
#[cfg(feature = "alloc")]
mod owned;
mod parser;
mod profile;
mod reference;
mod report;
mod scan;
mod section;
mod session;
#[cfg(feature = "alloc")]
mod writer;

pub use error::{ErrorKind, Field, Finding, Letter, Limit, ParseError};
pub use fields::{Bandwidth, Connection, MediaLine, Origin, Timing};
pub use fragment::Fragment;
#[cfg(feature = "alloc")]
pub use fragment_writer::{FragmentWriter, OwnedFragment};
pub use line::{Line, Lines};
pub use media::{Media, MediaSections};
#[cfg(feature = "alloc")]
pub use owned::{OwnedSession, Place};
pub use parser::Parser;
pub use profile::{Limits, Profile};
pub use section::{Attributes, TypedAttributes};
pub use session::Session;
#[cfg(feature = "alloc")]
pub use writer::{WriteError, Writer};
