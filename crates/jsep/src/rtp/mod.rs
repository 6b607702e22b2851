//! What a section that carries RTP negotiates: codecs and their payload types, header extensions,
//! feedback, layers of simulcast.
//!
//! These are pure functions over owned values; who calls them keeps the state. An offerer makes an
//! offer of its [`RtpCapabilities`], the answerer reads it and answers, and both then take from
//! offer and answer what is agreed:
//!
//! ```
//! use pollrtc_jsep::rtp::{BundleIds, MediaKind, RtpCapabilities, RtpParameters};
//!
//! let ours = RtpCapabilities::of(MediaKind::Audio);
//! let offer = RtpParameters::offer(&ours, None, &mut BundleIds::new());
//!
//! let mut theirs = RtpCapabilities::of(MediaKind::Audio);
//! theirs.codecs.retain(|codec| codec.is("opus"));
//! let answer = offer.answer(&theirs, &mut BundleIds::new()).unwrap();
//! assert_eq!(answer.format_list(), "111");
//!
//! let agreed = offer.accept(&answer)?;
//! assert_eq!(agreed.send.codecs[0].payload_type, 111);
//! # Ok::<(), pollrtc_jsep::rtp::RtpError>(())
//! ```

mod agree;
mod answer;
mod bundle;
mod capabilities;
mod codec;
mod error;
mod extension;
mod extensions;
mod h264;
mod layers;
mod numbers;
mod offer;
mod parameters;
mod read;
mod rules;
mod simulcast;
mod sources;
mod write;

pub use agree::NegotiatedRtp;
pub use bundle::BundleIds;
pub use capabilities::{CodecOrder, MediaKind, RtpCapabilities};
pub use codec::{Codec, Feedback, Role};
pub use error::RtpError;
pub use extension::{ExtensionId, HeaderExtension};
pub use layers::{Layer, Rid, Simulcast, SimulcastStream};
pub use parameters::{PayloadType, RtpParameters};
pub use sources::{LocalSource, RtpSources, Source, Track};
