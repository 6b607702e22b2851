//! Start codes in front of NAL units (ITU-T H.264 and H.265, Annex B).

use crate::payload::depacketizer::unpack::FrameBuffer;

/// What stands in front of each NAL unit.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Begins a NAL unit in a frame.
pub(crate) fn append_start_code(frame: &mut FrameBuffer) {
    frame.append(&START_CODE);
}
