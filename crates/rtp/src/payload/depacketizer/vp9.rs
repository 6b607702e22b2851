//! Pictures of VP9.

use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::kinds::{FrameMarks, PayloadError};
use crate::payload::vp9::Vp9Payload;

/// Puts the parts of pictures together, all spatial layers one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vp9Unpacker;

impl Unpack for Vp9Unpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        let parsed = Vp9Payload::parse(payload)?;
        frame.append(parsed.bytes);
        Ok(parsed.marks())
    }
}
