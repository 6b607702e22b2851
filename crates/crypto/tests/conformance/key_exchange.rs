//! Ephemeral key exchange: X25519, P-256, P-384, and X25519 together with ML-KEM-768.

use pollrtc_crypto::{CryptoError, KeyExchange, KeyExchangeAnswer, NamedGroup, Provider, Rng};

use crate::hex::hex;
use crate::providers::providers;

const POINT_GROUPS: [NamedGroup; 2] = [NamedGroup::Secp256r1, NamedGroup::Secp384r1];
const HYBRID: NamedGroup = NamedGroup::X25519MlKem768;

#[test]
fn every_provider_agrees_with_every_other_in_every_group() {
    for ours in providers() {
        for group in ours.groups() {
            for theirs in providers() {
                let our_key = fresh(ours, *group);
                assert_eq!(our_key.group(), *group);
                assert_eq!(our_key.public_key().len(), group.public_key_len());

                let answer = answer(theirs, *group, our_key.public_key()).expect("a valid key");
                assert_eq!(answer.public_key.len(), group.answer_len());
                let secret = our_key.complete(&answer.public_key).expect("a valid answer");
                assert_eq!(secret, answer.secret, "{ours:?}, {theirs:?}, {group:?}");
                assert!(secret.iter().any(|byte| *byte != 0));
            }
        }
    }
}

// Version 1.2 has the server speak first, and neither side answers the other's key with its own.
#[test]
fn either_side_may_speak_first_where_both_keys_are_of_one_form() {
    for ours in providers() {
        for group in ours.groups().iter().filter(|group| group.is_diffie_hellman()) {
            for theirs in providers() {
                let (our_key, their_key) = (fresh(ours, *group), fresh(theirs, *group));
                let our_point = our_key.public_key().to_vec();
                let their_point = their_key.public_key().to_vec();
                let our_secret = our_key.complete(&their_point).expect("a valid point");
                let their_secret = their_key.complete(&our_point).expect("a valid point");
                assert_eq!(our_secret, their_secret, "{ours:?}, {theirs:?}, {group:?}");
            }
        }
    }
}

// draft-ietf-tls-ecdhe-mlkem §3.1.3: the secrets of both, ML-KEM's first.
#[test]
fn a_hybrid_secret_has_both_parts_and_needs_both() {
    for provider in providers() {
        let ours = fresh(provider, HYBRID);
        let good = answer(provider, HYBRID, ours.public_key()).expect("a valid key");
        assert_eq!(good.secret.len(), 64);

        let mut other_ciphertext = good.public_key.clone();
        other_ciphertext[7] ^= 1;
        // Implicit rejection: no error, but a secret that nobody else has.
        let secret = ours.complete(&other_ciphertext).expect("a ciphertext");
        assert_ne!(secret[..32], good.secret[..32]);
        assert_eq!(secret[32..], good.secret[32..]);

        let ours = fresh(provider, HYBRID);
        let mut other_point = answer(provider, HYBRID, ours.public_key()).expect("a valid key");
        other_point.public_key[1088] ^= 1;
        let secret = ours.complete(&other_point.public_key).expect("a point");
        assert_eq!(secret[..32], other_point.secret[..32]);
        assert_ne!(secret[32..], other_point.secret[32..]);
    }
}

#[test]
fn a_hybrid_key_with_a_bad_part_is_refused() {
    for provider in providers() {
        let ours = fresh(provider, HYBRID);
        let zero_point = [&ours.public_key()[..1184], &[0; 32]].concat();
        // FIPS 203 §7.2: each coefficient is below 3329; here the first is 4095.
        let unreduced = [&[0xff, ours.public_key()[1] | 0x0f], &ours.public_key()[2..]].concat();
        for bad in [zero_point, unreduced] {
            let refused = answer(provider, HYBRID, &bad);
            assert_eq!(refused.err(), Some(CryptoError::InvalidKey), "{provider:?}");
        }

        let answered = answer(provider, HYBRID, ours.public_key()).expect("a valid key");
        let zero_point = [&answered.public_key[..1088], &[0; 32]].concat();
        assert_eq!(ours.complete(&zero_point), Err(CryptoError::InvalidKey), "{provider:?}");
    }
}

#[test]
fn secrets_are_not_printed() {
    for provider in providers() {
        for group in provider.groups() {
            let ours = fresh(provider, *group);
            let answer = answer(provider, *group, ours.public_key()).expect("a valid key");
            assert_eq!(format!("{answer:?}"), "KeyExchangeAnswer(..)");
        }
    }
}

#[test]
fn every_key_is_fresh() {
    for provider in providers() {
        let mut rng = Rng::from_seed([7; 32]);
        for group in provider.groups() {
            let one = provider.key_exchange(*group, &mut rng).expect("a key");
            let two = provider.key_exchange(*group, &mut rng).expect("a key");
            assert_ne!(one.public_key(), two.public_key());
        }
    }
}

// RFC 7748 §6.1 allows to refuse these, RFC 8422 §5.11 demands it. All u-coordinates of small
// order, also as numbers that are not reduced modulo the field's prime.
#[test]
fn x25519_refuses_points_of_small_order() {
    for provider in providers() {
        for point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let refused = fresh(provider, NamedGroup::X25519).complete(&hex(point));
            assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {point}");
        }
    }
}

// RFC 7748 §5: the highest bit of a u-coordinate is not looked at.
#[test]
fn x25519_ignores_the_highest_bit() {
    for provider in providers() {
        let ours = fresh(provider, NamedGroup::X25519);
        let theirs = fresh(provider, NamedGroup::X25519);
        let our_point = ours.public_key().to_vec();
        let mut their_point = theirs.public_key().to_vec();
        their_point[31] |= 0x80;
        let our_secret = ours.complete(&their_point);
        assert!(our_secret.is_ok(), "{provider:?}");
        assert_eq!(our_secret, theirs.complete(&our_point), "{provider:?}");
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    for provider in providers() {
        for group in POINT_GROUPS {
            let valid = fresh(provider, group).public_key().to_vec();
            for byte in 1..valid.len() {
                let mut off = valid.clone();
                off[byte] ^= 1;
                let refused = fresh(provider, group).complete(&off);
                assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
        }
    }
}

#[test]
fn coordinates_outside_of_the_field_are_refused() {
    for provider in providers() {
        for group in POINT_GROUPS {
            for filling in [0x00, 0xff] {
                let mut point = vec![filling; group.public_key_len()];
                point[0] = 4;
                let refused = fresh(provider, group).complete(&point);
                assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
        }
    }
}

// RFC 8422 §5.4.1 leaves nothing but the uncompressed form; the point at infinity is a single 0.
#[test]
fn other_forms_of_points_are_refused() {
    for provider in providers() {
        for group in POINT_GROUPS {
            let point = fresh(provider, group).public_key().to_vec();
            let (x, y) = point[1..].split_at(point.len() / 2);
            let odd = y[y.len() - 1] & 1;
            let compressed = [&[2 | odd], x].concat();
            let hybrid = [&[6 | odd], &point[1..]].concat();
            for other in [compressed, hybrid, vec![0], point[1..].to_vec()] {
                let refused = fresh(provider, group).complete(&other);
                assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
        }
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for provider in providers() {
        for group in provider.groups() {
            let key = fresh(provider, *group).public_key().to_vec();
            let answered = answer(provider, *group, &key).expect("a valid key").public_key;
            // Every length, but of long keys only those around the limits of their parts.
            let wrong = |right: usize| {
                (0..=right + 1).filter(move |length| *length != right && (right < 100 || right - 40 < *length))
            };
            let resized = |bytes: &[u8], length| {
                let mut bytes = bytes.to_vec();
                bytes.resize(length, 0);
                bytes
            };
            for length in wrong(answered.len()).chain([0, 31, 1087, 1088]) {
                let refused = fresh(provider, *group).complete(&resized(&answered, length));
                assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
            for length in wrong(key.len()).chain([0, 31, 1183, 1184]) {
                let refused = answer(provider, *group, &resized(&key, length));
                assert_eq!(refused.err(), Some(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
        }
    }
}

#[test]
fn rust_crypto_repeats_itself_from_the_same_seed() {
    let provider = pollrtc_crypto::rust_crypto::PROVIDER;
    for group in provider.groups() {
        let [one, two] = [(); 2].map(|()| {
            let mut rng = Rng::from_seed([7; 32]);
            provider.key_exchange(*group, &mut rng).expect("a key")
        });
        assert_eq!(one.public_key(), two.public_key(), "{group:?}");
    }
}

fn fresh(provider: &dyn Provider, group: NamedGroup) -> Box<dyn KeyExchange> {
    provider
        .key_exchange(group, &mut Rng::from_os())
        .expect("a group that it has")
}

fn answer(provider: &dyn Provider, group: NamedGroup, public_key: &[u8]) -> Result<KeyExchangeAnswer, CryptoError> {
    provider.answer_key_exchange(group, public_key, &mut Rng::from_os())
}
