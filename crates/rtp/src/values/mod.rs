//! What header extensions say: each as a type that is read from the bytes of a value, and written into them.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

mod audio_level;
mod capture_time;
mod layers;
mod names;
mod orientation;
mod playout_delay;
mod send_time;
mod transport_sequence;
mod value;

pub use audio_level::AudioLevel;
pub use capture_time::AbsCaptureTime;
pub use layers::{LayerResolution, LayersError, SpatialLayer, VideoLayersAllocation};
pub use names::{Mid, RepairedRid, Rid};
pub use orientation::{Rotation, VideoOrientation};
pub use playout_delay::PlayoutDelay;
pub use send_time::AbsSendTime;
pub use transport_sequence::{FeedbackRequest, TransportSequence};
pub use value::HeaderExtension;
