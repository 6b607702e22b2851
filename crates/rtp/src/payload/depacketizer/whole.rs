//! Frames of audio, and opaque ones.

use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack, Unpacked};
use crate::payload::kinds::PayloadError;

/// Each payload is a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeUnpacker;

impl Unpack for WholeUnpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<Unpacked, PayloadError> {
        frame.append(payload);
        Ok(Unpacked {
            starts_frame: true,
            ends_frame: true,
            is_keyframe: true,
            ..Unpacked::default()
        })
    }
}

/// Each payload is a part of a frame; which, is told elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpaqueUnpacker;

impl Unpack for OpaqueUnpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<Unpacked, PayloadError> {
        frame.append(payload);
        Ok(Unpacked::default())
    }
}
