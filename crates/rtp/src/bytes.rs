//! Reading and writing numbers in network byte order, without a place where it could fail.

/// The first words of some bytes; zero where they end.
#[inline]
pub(crate) fn words<const W: usize>(bytes: &[u8]) -> [u32; W] {
    let (words, _) = bytes.as_chunks::<4>();
    core::array::from_fn(|place| words.get(place).map_or(0, |word| u32::from_be_bytes(*word)))
}

/// The low three bytes of a word, as a number with a sign.
#[inline]
pub(crate) const fn signed24(word: u32) -> i32 {
    (word << 8).cast_signed() >> 8
}

/// The first `N` bytes, and what is behind them.
#[inline]
pub(crate) fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().map(|(head, rest)| (*head, rest))
}

/// Puts bytes behind each other into a buffer, and counts also what no longer fits.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    #[inline]
    pub(crate) const fn new(buf: &'b mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(place) = self.buf.get_mut(self.len..end) {
            place.copy_from_slice(bytes);
        }
        self.len = end;
    }

    #[inline]
    pub(crate) fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }

    #[inline]
    pub(crate) fn put_u16(&mut self, value: u16) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn put_u32(&mut self, value: u32) {
        self.put(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn put_u64(&mut self, value: u64) {
        self.put(&value.to_be_bytes());
    }

    /// Zeros, up to a length of `len` bytes.
    #[inline]
    pub(crate) fn fill_to(&mut self, len: usize) {
        if let Some(place) = self.buf.get_mut(self.len..len) {
            place.fill(0);
        }
        self.len = self.len.max(len);
    }

    /// What was put so far, and did not fit.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// How many bytes were put, unless some of them did not fit.
    #[inline]
    pub(crate) fn finish(self) -> Option<usize> {
        (self.len <= self.buf.len()).then_some(self.len)
    }
}
