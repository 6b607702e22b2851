//! The mixture that stands in for hashes, MACs, keystreams and secrets.

/// 64 bits that depend on every byte that was put in, in order. Each word goes in by a bijection of the state, so
/// that of two inputs of one length that differ in one word no two give the same.
#[derive(Clone)]
pub(crate) struct Mix {
    state: u64,
    /// Bytes that do not fill a word yet.
    pending: [u8; 8],
    pending_len: usize,
}

/// What a mixture is for: those for different ends have nothing in common.
#[derive(Clone, Copy)]
pub(crate) enum Domain {
    Aead,
    Ctr,
    RecordNumber,
    Hash,
    Hmac,
    PublicKey,
    SharedSecret,
    Signature,
}

/// An odd number whose bits look random (from the golden ratio), as splitmix64 has it.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mix {
    pub(crate) fn new(domain: Domain, algorithm: u8) -> Self {
        let mut mix = Self {
            state: GAMMA,
            pending: [0; 8],
            pending_len: 0,
        };
        mix.word(u64::from_be_bytes([0, 0, 0, 0, 0, 0, domain as u8, algorithm]));
        mix
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        if self.pending_len > 0 {
            let (front, rest) = bytes.split_at(bytes.len().min(8 - self.pending_len));
            self.pending[self.pending_len..][..front.len()].copy_from_slice(front);
            self.pending_len += front.len();
            bytes = rest;
            if self.pending_len < 8 {
                return;
            }
            self.word(u64::from_le_bytes(self.pending));
        }
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        self.pending[..rest.len()].copy_from_slice(rest);
        self.pending_len = rest.len();
    }

    /// Bytes after their length: where they end cannot be shifted.
    pub(crate) fn framed(&mut self, bytes: &[u8]) {
        self.update(&(bytes.len() as u64).to_le_bytes());
        self.update(bytes);
    }

    pub(crate) fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.pending[self.pending_len..].fill(0);
        last.word(u64::from_le_bytes(last.pending));
        last.word(self.pending_len as u64);
        last.state
    }

    /// Fills `out` from what was put in.
    pub(crate) fn write(&self, out: &mut [u8]) {
        let mut state = self.finish();
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&scrambled(state).to_le_bytes()[..chunk.len()]);
            state = state.wrapping_add(GAMMA);
        }
    }

    /// XORs `in_out` with a keystream from what was put in.
    pub(crate) fn mask(&self, in_out: &mut [u8]) {
        let mut state = self.finish();
        for chunk in in_out.chunks_mut(8) {
            for (byte, mask) in chunk.iter_mut().zip(scrambled(state).to_le_bytes()) {
                *byte ^= mask;
            }
            state = state.wrapping_add(GAMMA);
        }
    }

    fn word(&mut self, word: u64) {
        self.state = (self.state ^ word).wrapping_mul(GAMMA).rotate_left(29);
    }
}

/// The finish of splitmix64, a bijection.
fn scrambled(state: u64) -> u64 {
    let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ state >> 31
}
