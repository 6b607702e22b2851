//! Frames of VP8.

use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::kinds::{FrameMarks, PayloadError};
use crate::payload::vp8::Vp8Payload;

/// Puts the parts of frames together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vp8Unpacker;

impl Unpack for Vp8Unpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        let parsed = Vp8Payload::parse(payload)?;
        frame.append(parsed.bytes);
        Ok(parsed.marks())
    }
}
