//! Pictures of H.265.

use crate::payload::depacketizer::nal::append_start_code;
use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::h265::{H265DecodingOrder, H265NalUnit, H265Payload};
use crate::payload::kinds::{FrameMarks, PayloadError};

/// Puts NAL units back together, with start codes in front of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct H265Unpacker {
    order: H265DecodingOrder,
    /// A NAL unit has begun and has not ended.
    is_open: bool,
}

impl H265Unpacker {
    pub(crate) const fn new(order: H265DecodingOrder) -> Self {
        Self { order, is_open: false }
    }
}

impl Unpack for H265Unpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        let parsed = H265Payload::parse(payload, self.order)?;
        let is_continued = matches!(parsed, H265Payload::Fragment(fragment) if !fragment.is_start);
        if self.is_open != is_continued {
            return Err(PayloadError::Invalid("order of fragments"));
        }
        let mut append = |unit: H265NalUnit<'_>| {
            append_start_code(frame);
            frame.append(&unit.header);
            frame.append(unit.body);
        };
        match parsed {
            H265Payload::Single(unit) => append(unit),
            H265Payload::Aggregate(units) => units.nal_units().for_each(append),
            H265Payload::Fragment(fragment) => {
                if fragment.is_start {
                    append(fragment.part);
                } else {
                    frame.append(fragment.part.body);
                }
                self.is_open = !fragment.is_end;
            }
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
