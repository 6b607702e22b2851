//! Frames of audio, and opaque ones.

use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::format::PayloadFormat;
use crate::payload::kinds::{FrameMarks, PayloadError};

/// Each payload is a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeUnpacker;

impl Unpack for WholeUnpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        frame.append(payload);
        PayloadFormat::Whole.marks(payload)
    }
}

/// Each payload is a part of a frame; which, is told elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpaqueUnpacker;

impl Unpack for OpaqueUnpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        frame.append(payload);
        PayloadFormat::Opaque.marks(payload)
    }
}
