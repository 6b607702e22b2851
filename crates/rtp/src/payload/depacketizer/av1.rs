//! Temporal units of AV1.

use crate::payload::av1::{Av1Payload, HAS_EXTENSION, HAS_SIZE, Number, is_left_out, kind, read_number};
use crate::payload::depacketizer::unpack::{FrameBuffer, Unpack};
use crate::payload::kinds::{FrameMarks, PayloadError};
use crate::payload::reader::Reader;

/// Puts OBUs back together, each with its size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Av1Unpacker {
    /// Where in the frame the OBU begins that has not ended.
    open: Option<usize>,
}

impl Unpack for Av1Unpacker {
    fn unpack(&mut self, payload: &[u8], frame: &mut FrameBuffer) -> Result<FrameMarks, PayloadError> {
        let parsed = Av1Payload::parse(payload)?;
        if self.open.is_some() != parsed.continues() {
            return Err(PayloadError::Invalid("order of OBU elements"));
        }
        let mut elements = parsed.elements().peekable();
        while let Some(element) = elements.next() {
            let begin = self.open.take().unwrap_or(frame.len());
            frame.append(element);
            if elements.peek().is_none() && parsed.is_continued() {
                self.open = Some(begin);
            } else {
                give_size(frame, begin)?;
            }
        }
        Ok(parsed.marks())
    }

    fn is_whole(&self) -> bool {
        self.open.is_none()
    }

    fn restart(&mut self) {
        self.open = None;
    }
}

/// Gives the OBU that is the end of a frame its size, and takes it out again if it is one that decoders don't need.
/// Its bytes move by the length of the size, once.
fn give_size(frame: &mut FrameBuffer, begin: usize) -> Result<(), PayloadError> {
    if frame.is_too_long() {
        return Ok(());
    }
    let element = frame.tail(begin);
    let Some(first) = element.first().copied() else {
        return Ok(()); // an element without bytes is no OBU
    };
    if is_left_out(kind(first)) {
        frame.truncate(begin);
        return Ok(());
    }
    let header_len = if first & HAS_EXTENSION == 0 { 1 } else { 2 };
    let payload = element.get(header_len..).ok_or(PayloadError::Truncated("OBU header"))?;
    if first & HAS_SIZE != 0 {
        // The sender left it there; then it has to be true.
        let mut reader = Reader::new(payload);
        let len = read_number(&mut reader)?;
        return match len == reader.rest().len() {
            true => Ok(()),
            false => Err(PayloadError::Invalid("OBU size")),
        };
    }
    let size = Number::new(payload.len());
    if let Some(first) = frame.byte_mut(begin) {
        *first |= HAS_SIZE;
    }
    frame.insert(begin + header_len, size.as_slice());
    Ok(())
}
