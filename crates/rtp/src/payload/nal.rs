//! NAL units between start codes (ITU-T H.264 and H.265, Annex B): the form in which encoders give frames of H.264 and
//! H.265, and decoders take them.

/// The NAL units of a frame, without start codes, and without those that are empty.
#[derive(Clone, Debug)]
pub(crate) struct NalUnits<'f> {
    rest: &'f [u8],
}

impl<'f> NalUnits<'f> {
    /// Where the frame is malformed, if it does not begin with a start code.
    pub(crate) fn new(frame: &'f [u8]) -> Result<Self, usize> {
        if frame.is_empty() {
            return Ok(Self { rest: frame });
        }
        let zeros = frame.iter().take_while(|byte| **byte == 0).count();
        match (zeros >= 2, frame.get(zeros..)) {
            (true, Some([1, rest @ ..])) => Ok(Self { rest }),
            // Nothing but zeros is nothing.
            (true, Some([])) => Ok(Self { rest: &[] }),
            _ => Err(zeros),
        }
    }
}

impl<'f> Iterator for NalUnits<'f> {
    type Item = &'f [u8];

    fn next(&mut self) -> Option<&'f [u8]> {
        while !self.rest.is_empty() {
            let end = next_start_code(self.rest);
            let (unit, behind) = match end.and_then(|end| self.rest.split_at_checked(end)) {
                Some((unit, behind)) => (unit, behind.get(3..).unwrap_or_default()),
                None => (self.rest, &[][..]),
            };
            self.rest = behind;
            // A unit never ends in zeros; those belong to the next start code.
            let zeros = unit.iter().rev().take_while(|byte| **byte == 0).count();
            let unit = unit.get(..unit.len() - zeros).unwrap_or_default();
            if !unit.is_empty() {
                return Some(unit);
            }
        }
        None
    }
}

/// Where the next 0, 0, 1 is. Chunks without any zero, as most are, are passed over at once.
fn next_start_code(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 32;
    let mut at = 0;
    loop {
        let (chunks, _) = bytes.get(at..)?.as_chunks::<CHUNK>();
        let has_zero = |chunk: &[u8; CHUNK]| chunk.iter().fold(false, |any, byte| any | (*byte == 0));
        at += CHUNK * chunks.iter().take_while(|chunk| !has_zero(chunk)).count();
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0)?;
        let zeros = bytes.get(at..)?.iter().take_while(|byte| **byte == 0).count();
        at += zeros;
        if zeros >= 2 && bytes.get(at) == Some(&1) {
            return Some(at - 2);
        }
    }
}
