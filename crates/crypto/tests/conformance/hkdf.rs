//! Key derivation.

use pollrtc_crypto::{CryptoError, HashAlgorithm, Hkdf, Secret};

use crate::hex::hex;
use crate::providers::providers;

#[test]
fn keys_are_those_of_rfc_5869() {
    let long = |from: u8| (from..=from + 79).map(|byte| format!("{byte:02x}")).collect::<String>();
    let vectors = [
        (
            "0b".repeat(22),
            "000102030405060708090a0b0c".to_owned(),
            "f0f1f2f3f4f5f6f7f8f9".to_owned(),
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            long(0),
            long(0x60),
            long(0xb0),
            "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
             da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            "0b".repeat(22),
            String::new(),
            String::new(),
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ];
    for provider in providers() {
        for (input, salt, info, secret, key) in &vectors {
            let extracted = Hkdf::extract(provider, HashAlgorithm::Sha256, &hex(salt), &hex(input)).expect("a secret");
            assert_eq!(extracted.as_bytes(), hex(secret), "{provider:?}");

            let hkdf = Hkdf::new(provider, HashAlgorithm::Sha256, extracted.as_bytes()).expect("a key");
            let (info, key) = (hex(info), hex(key));
            // However the purpose is cut, and however much of the key is wanted.
            for cut in 0..=info.len() {
                let (front, back) = info.split_at(cut);
                for length in 0..=key.len() {
                    let mut out = vec![0; length];
                    assert_eq!(hkdf.expand(&[front, back], &mut out), Ok(()));
                    assert_eq!(out, key[..length], "{provider:?}");
                }
            }
        }
    }
}

#[test]
fn more_than_255_outputs_are_refused() {
    for provider in providers() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let hkdf = Hkdf::new(provider, hash, &[7; 32]).expect("a key");
            let most = 255 * hash.output_len();
            assert_eq!(hkdf.expand(&[b"info"], &mut vec![0; most]), Ok(()));
            let refused = hkdf.expand(&[b"info"], &mut vec![0; most + 1]);
            assert_eq!(refused, Err(CryptoError::Unsupported), "{provider:?}");
        }
    }
}

#[test]
fn a_purpose_has_at_most_eight_parts() {
    for provider in providers() {
        let hkdf = Hkdf::new(provider, HashAlgorithm::Sha256, &[7; 32]).expect("a key");
        assert_eq!(hkdf.expand(&[&b"i"[..]; 8], &mut [0; 16]), Ok(()));
        assert_eq!(
            hkdf.expand(&[&b"i"[..]; 9], &mut [0; 16]),
            Err(CryptoError::Unsupported)
        );
    }
}

#[test]
fn secrets_have_the_length_of_their_hash_and_are_not_printed() {
    for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
        let mut secret = Secret::zeros(hash);
        secret.as_bytes_mut().fill(7);
        assert_eq!(secret.as_bytes(), vec![7; hash.output_len()]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
