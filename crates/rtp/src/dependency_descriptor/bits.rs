//! Bits, from high to low (§A.8.2).

use crate::dependency_descriptor::error::DescriptorError;

/// Bits that are read one field after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitReader<'d> {
    bytes: &'d [u8],
    at: usize,
    end: usize,
}

impl<'d> BitReader<'d> {
    pub(crate) const fn new(bytes: &'d [u8]) -> Self {
        Self::within(bytes, 0, bytes.len() * 8)
    }

    /// The bits from `at` to `end`.
    pub(crate) const fn within(bytes: &'d [u8], at: usize, end: usize) -> Self {
        Self { bytes, at, end }
    }

    /// How many bits were read, counted from the first byte.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// The bits up to `end`, counted from the first byte.
    pub(crate) const fn until(self, end: usize) -> Self {
        Self { end, ..self }
    }

    /// f(n): at most 32 bits.
    #[inline]
    pub(crate) fn read(&mut self, bits: usize, field: &'static str) -> Result<u32, DescriptorError> {
        let begin = self.at;
        self.skip(bits, field)?;
        let bytes = self.bytes.get(begin / 8..).unwrap_or_default();
        let window = match bytes.first_chunk() {
            Some(window) => u64::from_be_bytes(*window),
            None => {
                let mut window = [0; 8];
                window.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
                u64::from_be_bytes(window)
            }
        };
        // 32 bits and up to 7 in front of them.
        let [.., b0, b1, b2, b3] = match bits {
            0 => [0; 8],
            _ => (window << (begin % 8) >> (64 - bits)).to_be_bytes(),
        };
        Ok(u32::from_be_bytes([b0, b1, b2, b3]))
    }

    /// Passes over bits, however many.
    #[inline]
    pub(crate) fn skip(&mut self, bits: usize, field: &'static str) -> Result<(), DescriptorError> {
        let end = self.at + bits;
        if end > self.end {
            return Err(DescriptorError::Truncated(field));
        }
        self.at = end;
        Ok(())
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, DescriptorError> {
        Ok(self.read(1, field)? != 0)
    }

    /// At most eight bits.
    pub(crate) fn small(&mut self, bits: usize, field: &'static str) -> Result<u8, DescriptorError> {
        let [low, ..] = self.read(bits, field)?.to_le_bytes();
        Ok(low)
    }

    /// ns(n): a value below `count`, which is 1 to 255.
    pub(crate) fn below(&mut self, count: u8, field: &'static str) -> Result<u8, DescriptorError> {
        let (bits, short) = non_symmetric(count);
        let value = self.small(bits - 1, field)?;
        if u32::from(value) < short {
            return Ok(value);
        }
        let extra = self.small(1, field)?;
        let [low, ..] = (u32::from(value) * 2 + u32::from(extra) - short).to_le_bytes();
        Ok(low)
    }
}

/// How many bits the longer values of ns(n) have, and how many values have one less.
fn non_symmetric(count: u8) -> (usize, u32) {
    let bits = 8 - count.leading_zeros();
    ((bits as usize).max(1), (1 << bits) - u32::from(count))
}

/// Bits that are written one field after the other. What does not fit is counted all the same.
#[derive(Debug)]
pub(crate) struct BitWriter<'b> {
    bytes: &'b mut [u8],
    at: usize,
}

impl<'b> BitWriter<'b> {
    /// Overwrites what is in `bytes`.
    pub(crate) fn new(bytes: &'b mut [u8]) -> Self {
        bytes.fill(0);
        Self { bytes, at: 0 }
    }

    /// write_f(n, v): at most 32 bits.
    pub(crate) fn write(&mut self, bits: usize, value: u32) {
        let mut left = bits;
        while left > 0 {
            let free = 8 - self.at % 8;
            let some = left.min(free);
            let [piece, ..] = (value >> (left - some)).to_le_bytes();
            if let Some(byte) = self.bytes.get_mut(self.at / 8) {
                *byte |= (piece & u8::MAX >> (8 - some)) << (free - some);
            }
            self.at += some;
            left -= some;
        }
    }

    pub(crate) fn flag(&mut self, is_set: bool) {
        self.write(1, is_set.into());
    }

    /// write_ns(n, v)
    pub(crate) fn below(&mut self, count: u8, value: u8) {
        let (bits, short) = non_symmetric(count);
        if u32::from(value) < short {
            self.write(bits - 1, value.into());
        } else {
            self.write(bits, u32::from(value) + short);
        }
    }

    /// All bits that are left in a reader.
    pub(crate) fn copy(&mut self, mut reader: BitReader<'_>) {
        loop {
            let bits = (reader.end - reader.at).min(8);
            match reader.read(bits, "structure") {
                Ok(value) if bits > 0 => self.write(bits, value),
                _ => return,
            }
        }
    }

    /// How many bits were written.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many bytes were written; an error if the buffer was too short for them.
    pub(crate) fn finish(self) -> Result<usize, DescriptorError> {
        let needed = self.at.div_ceil(8);
        match needed <= self.bytes.len() {
            true => Ok(needed),
            false => Err(DescriptorError::ShortBuffer {
                len: self.bytes.len(),
                needed,
            }),
        }
    }
}
