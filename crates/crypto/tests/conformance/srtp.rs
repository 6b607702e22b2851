//! The derivation of SRTP's keys. The examples of the standards are in `conformance/tests/srtp.rs`.

use pollrtc_crypto::{AeadAlgorithm, CryptoError, CtrAlgorithm, SrtpKeyDerivation, SrtpKeyLabel, SrtpTransform};
use quickcheck::quickcheck;

use crate::providers::providers;

#[test]
fn master_keys_and_salts_of_another_length_are_refused() {
    for provider in providers() {
        for algorithm in CtrAlgorithm::ALL {
            for (key_len, salt_len) in (0..40).flat_map(|key_len| (0..20).map(move |salt_len| (key_len, salt_len))) {
                let derivation = SrtpKeyDerivation::new(provider, algorithm, &vec![7; key_len], &vec![8; salt_len]);
                let is_right = key_len == algorithm.key_len() && salt_len <= 14;
                let expected = if is_right { None } else { Some(CryptoError::InvalidKey) };
                assert_eq!(derivation.err(), expected, "{algorithm:?}, {key_len}, {salt_len}");
            }
        }
    }
}

#[test]
fn keys_are_as_long_as_the_standards_say() {
    let cipher = CtrAlgorithm::Aes128Ctr;
    // RFC 3711 §8.2, RFC 7714 §12: master key and salt, and what derives the session keys.
    let transforms = [
        (SrtpTransform::CtrHmacSha1 { cipher, tag_len: 10 }, 16, 14, cipher),
        (SrtpTransform::Aead(AeadAlgorithm::Aes128Gcm), 16, 12, cipher),
        (
            SrtpTransform::Aead(AeadAlgorithm::Aes256Gcm),
            32,
            12,
            CtrAlgorithm::Aes256Ctr,
        ),
    ];
    for (transform, key_len, salt_len, derivation) in transforms {
        assert_eq!((transform.key_len(), transform.salt_len()), (key_len, salt_len));
        assert_eq!(transform.key_derivation(), derivation);
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let [provider, _] = providers();
    let derivation = SrtpKeyDerivation::new(provider, CtrAlgorithm::Aes128Ctr, &[7; 16], &[8; 14]);
    assert_eq!(format!("{derivation:?}"), "Ok(SrtpKeyDerivation(..))");
}

quickcheck! {
    fn providers_derive_the_same_and_each_label_another(key: (u64, u64, u64, u64), salt: u64, length: u8) -> bool {
        let key = [key.0, key.1, key.2, key.3].map(u64::to_be_bytes).concat();
        let length = usize::from(length.max(16));
        CtrAlgorithm::ALL.into_iter().all(|algorithm| {
            let [one, other] = providers().map(|provider| {
                let key = &key[..algorithm.key_len()];
                let derivation = SrtpKeyDerivation::new(provider, algorithm, key, &salt.to_be_bytes()).expect("a key");
                SrtpKeyLabel::ALL.map(|label| {
                    // What stood there before does not matter.
                    let mut derived = vec![label as u8; length];
                    derivation.derive(label, &mut derived);
                    derived
                })
            });
            let different = one.iter().collect::<std::collections::HashSet<_>>().len();
            one == other && different == one.len()
        })
    }
}
