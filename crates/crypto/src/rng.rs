//! Randomness that the caller decides.

use core::fmt;

use chacha20::ChaCha20Rng;
#[cfg(feature = "rust-crypto")]
use rand_core::CryptoRng;
use rand_core::{Rng as _, SeedableRng};
use zeroize::Zeroizing;

/// A cryptographically secure generator (ChaCha20), the only source of randomness of a state
/// machine.
///
/// ```
/// use pollrtc_crypto::Rng;
/// let mut one = Rng::from_seed([7; 32]); // the same seed, the same run
/// let mut two = Rng::from_seed([7; 32]);
/// assert_eq!(one.array::<12>(), two.array::<12>());
/// ```
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// A generator seeded by the operating system.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give, since nothing can be safe then.
    #[cfg(any(feature = "aws-lc-rs", feature = "getrandom"))]
    pub fn from_os() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        #[cfg(feature = "getrandom")]
        getrandom::fill(&mut *seed).expect("the operating system gives randomness");
        #[cfg(not(feature = "getrandom"))]
        aws_lc_rs::rand::fill(&mut *seed).expect("the operating system gives randomness");
        Self::from_seed(*seed)
    }

    /// A generator that gives the same bytes for the same seed. Outside of tests the seed must be
    /// 32 bytes of true entropy.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A generator of its own, seeded by this one: for a part that must not disturb, nor be
    /// disturbed by, what others draw.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(*Zeroizing::new(self.array()))
    }

    /// As the generator that RustCrypto's crates ask for.
    #[cfg(feature = "rust-crypto")]
    pub(crate) fn as_crypto_rng(&mut self) -> &mut impl CryptoRng {
        &mut self.0
    }

    /// Fills `bytes` with randomness.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// An array of `N` random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A random number of 32 bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A random number of 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A random number in `0..bound`; 0 if `bound` is 0. The bias is below 2^-32 for 32-bit bounds.
    pub fn below(&mut self, bound: u32) -> u32 {
        // The high half of a 64-bit product spreads 64 random bits evenly over `bound` values.
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u32
    }
}

impl fmt::Debug for Rng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rng(..)")
    }
}
