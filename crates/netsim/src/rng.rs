//! The one source of chance: a small deterministic generator.

use core::time::Duration;

/// A deterministic generator (xoshiro256** seeded by SplitMix64). Not for secrets.
///
/// ```
/// use pollrtc_netsim::Rng;
///
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert!(a.below(6) < 6);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
}

impl Rng {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        let mut mixer = seed;
        Self {
            state: [(); 4].map(|()| split_mix(&mut mixer)),
        }
    }

    /// An independent generator for one thing among many: what it draws does not depend on how much
    /// the others drew, so that one more datagram on one link changes nothing on another.
    pub(crate) fn stream(seed: u64, name: [u64; 3]) -> Self {
        let mixed = name.into_iter().fold(seed, |state, part| {
            let mut mixer = state ^ part.wrapping_mul(GOLDEN_RATIO);
            split_mix(&mut mixer)
        });
        Self::new(mixed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number under `bound`, each equally likely; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Draws from the last, incomplete multiple of `bound` would favour small numbers.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.next_u64();
            if draw < limit {
                return draw % bound;
            }
        }
    }

    /// True with this probability: never at 0, always at 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        const UNIT: f64 = 1.0 / (1u64 << 53) as f64;
        probability > 0.0 && ((self.next_u64() >> 11) as f64) * UNIT < probability
    }

    /// A duration from zero to `longest`, both included.
    pub fn up_to(&mut self, longest: Duration) -> Duration {
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX - 1);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }
}

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(GOLDEN_RATIO);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::Rng;

    /// The reference implementation of xoshiro256** from the state 1, 2, 3, 4.
    #[test]
    fn is_xoshiro256_star_star() {
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let drawn = [(); 4].map(|()| rng.next_u64());
        assert_eq!(drawn, [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240]);
    }

    #[test]
    fn streams_differ() {
        let first = |name| Rng::stream(1, name).next_u64();
        assert_ne!(first([0, 0, 0]), first([0, 0, 1]));
        assert_ne!(first([0, 1, 0]), first([0, 0, 1]));
        assert_eq!(first([3, 2, 1]), first([3, 2, 1]));
    }
}
