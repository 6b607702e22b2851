//! Counter mode. The examples of the standards are in `conformance/tests/srtp.rs`.

use pollrtc_crypto::{CryptoError, CtrAlgorithm};
use quickcheck::quickcheck;

use crate::providers::providers;

#[test]
fn keys_of_another_length_are_refused() {
    for provider in providers() {
        for algorithm in CtrAlgorithm::ALL {
            for length in (0..=64).filter(|length| *length != algorithm.key_len()) {
                let refused = provider.ctr(algorithm, &vec![7; length]).err();
                assert_eq!(
                    refused,
                    Some(CryptoError::InvalidKey),
                    "{provider:?}, {algorithm:?} {length}"
                );
            }
        }
    }
}

// After the last value comes zero, and between 32 bits and the next the carry is not lost.
#[test]
fn the_counter_is_one_number_of_128_bits() {
    let (mut before_carry, mut after_carry) = ([0; 16], [0; 16]);
    before_carry[12..].fill(0xff);
    after_carry[11] = 1;
    for provider in providers() {
        for algorithm in CtrAlgorithm::ALL {
            let key = provider.ctr(algorithm, &vec![7; algorithm.key_len()]).expect("a key");
            for (counter, next) in [([0xff; 16], [0; 16]), (before_carry, after_carry)] {
                let (mut two, mut one) = ([0; 32], [0; 16]);
                key.apply_keystream(&counter, &mut two);
                key.apply_keystream(&next, &mut one);
                assert_eq!(two[16..], one, "{provider:?}, {algorithm:?}");
            }
        }
    }
}

quickcheck! {
    fn providers_agree_and_twice_is_nothing(key: (u64, u64, u64, u64), counter: (u64, u64), bytes: Vec<u8>) -> bool {
        let key = [key.0, key.1, key.2, key.3].map(u64::to_be_bytes).concat();
        let counter = [counter.0, counter.1].map(u64::to_be_bytes).concat();
        let counter = counter.try_into().expect("16 bytes");
        CtrAlgorithm::ALL.into_iter().all(|algorithm| {
            let [one, other] = providers().map(|provider| {
                let key = provider.ctr(algorithm, &key[..algorithm.key_len()]).expect("a key");
                let mut encrypted = bytes.clone();
                key.apply_keystream(&counter, &mut encrypted);
                let mut decrypted = encrypted.clone();
                key.apply_keystream(&counter, &mut decrypted);
                assert_eq!(decrypted, bytes);
                encrypted
            });
            one == other
        })
    }
}
