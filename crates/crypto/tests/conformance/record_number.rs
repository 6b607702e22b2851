//! Masks for the numbers of records.

use pollrtc_crypto::{AeadAlgorithm, CryptoError};
use quickcheck::quickcheck;

use crate::hex::hex;
use crate::providers::providers;

#[test]
fn masks_are_those_of_the_standards() {
    // The RFC of DTLS has no examples; QUIC masks its numbers in the same way.
    let vectors = [
        (
            "RFC 9001 A.2",
            AeadAlgorithm::Aes128Gcm,
            "9f50449e04a0e810283a1e9933adedd2",
            "d1b1c98dd7689fb8ec11d242b123dc9b",
            "437b",
        ),
        (
            "FIPS 197 C.3",
            AeadAlgorithm::Aes256Gcm,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff",
            "8ea2",
        ),
        (
            "RFC 9001 A.5",
            AeadAlgorithm::ChaCha20Poly1305,
            "25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4",
            "5e5cd55c41f69080575d7999c25a5bfb",
            "aefe",
        ),
    ];
    for provider in providers() {
        for (source, algorithm, key, sample, mask) in vectors {
            let key = provider.record_number_key(algorithm, &hex(key)).expect("a key");
            let sample = hex(sample).try_into().expect("16 bytes");
            assert_eq!(key.mask(&sample).to_vec(), hex(mask), "{provider:?}, {source}");
        }
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for provider in providers() {
        for algorithm in AeadAlgorithm::ALL {
            for length in (0..=64).filter(|length| *length != algorithm.key_len()) {
                let refused = provider.record_number_key(algorithm, &vec![7; length]).err();
                assert_eq!(
                    refused,
                    Some(CryptoError::InvalidKey),
                    "{provider:?}, {algorithm:?} {length}"
                );
            }
        }
    }
}

// The last block that a counter can name is one like any other.
#[test]
fn providers_agree_at_the_end_of_the_counter() {
    let masks = providers().map(|provider| {
        let key = provider.record_number_key(AeadAlgorithm::ChaCha20Poly1305, &[7; 32]);
        key.expect("a key").mask(&[0xff; 16])
    });
    assert_eq!(masks[0], masks[1]);
}

quickcheck! {
    fn providers_agree(key: (u64, u64, u64, u64), sample: (u64, u64)) -> bool {
        let key = [key.0, key.1, key.2, key.3].map(u64::to_be_bytes).concat();
        let sample = [sample.0, sample.1].map(u64::to_be_bytes).concat();
        let sample = sample.try_into().expect("16 bytes");
        AeadAlgorithm::ALL.into_iter().all(|algorithm| {
            let masks = providers().map(|provider| {
                let key = provider.record_number_key(algorithm, &key[..algorithm.key_len()]);
                key.expect("a key").mask(&sample)
            });
            masks[0] == masks[1]
        })
    }
}
