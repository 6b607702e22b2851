//! What streams may take.

use std::time::Duration;

/// What streams may take.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StreamLimits {
    /// The longest frame that is read, with its length in front, in bytes; 16,386 unless told. A stream with a longer
    /// one is closed.
    pub longest_frame: usize,
    /// How many bytes wait to be sent on one stream, at most; 262,144 unless told. When it is full, whole frames are
    /// dropped.
    pub send_buffer: usize,
    /// How many accepted streams there are at a time, at most; 1,024 unless told. Further ones are closed at once.
    pub accepted: usize,
    /// How long it may take until a stream is open, until the first frame comes on an accepted one, and until what
    /// waits is sent and the other side closes too once a stream is to be closed; 10 s unless told.
    pub patience: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            longest_frame: 16_386,
            send_buffer: 262_144,
            accepted: 1_024,
            patience: Duration::from_secs(10),
        }
    }
}
