//! Pictures of H.264.

use crate::payload::depacketizer::nal::append_start_code;
use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::h264::H264Payload;
use crate::payload::kinds::{FrameMarks, PayloadError};

/// Puts NAL units back together, with start codes in front of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct H264Unpacker {
    /// A NAL unit has begun and has not ended.
    is_open: bool,
}

impl Unpack for H264Unpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        let parsed = H264Payload::parse(payload)?;
        if parsed == H264Payload::Reserved {
            return Ok(FrameMarks::default());
        }
        let is_continued = matches!(parsed, H264Payload::Fragment(fragment) if !fragment.is_start);
        if self.is_open != is_continued {
            return Err(PayloadError::Invalid("order of fragments"));
        }
        match parsed {
            H264Payload::Single(unit) => {
                append_start_code(frame);
                frame.append(unit);
            }
            H264Payload::Aggregate(units) => {
                for unit in units.nal_units() {
                    append_start_code(frame);
                    frame.append(unit);
                }
            }
            H264Payload::Fragment(fragment) => {
                if fragment.is_start {
                    append_start_code(frame);
                    frame.append(&[fragment.header]);
                }
                frame.append(fragment.bytes);
                self.is_open = !fragment.is_end;
            }
            H264Payload::Reserved => {}
        }
        Ok(parsed.marks())
    }

    fn is_whole(&self) -> bool {
        !self.is_open
    }

    fn restart(&mut self) {
        self.is_open = false;
    }
}
