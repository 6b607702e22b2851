//! Ephemeral key exchange: X25519, P-256 and P-384.

use pollrtc_crypto::{CryptoError, KeyExchange, NamedGroup, Provider, Rng};

use crate::hex::hex;
use crate::providers::providers;

const POINT_GROUPS: [NamedGroup; 2] = [NamedGroup::Secp256r1, NamedGroup::Secp384r1];

#[test]
fn every_provider_agrees_with_every_other_in_every_group() {
    for ours in providers() {
        for group in ours.groups() {
            for theirs in providers() {
                let (our_key, their_key) = (fresh(ours, *group), fresh(theirs, *group));
                let our_point = our_key.public_key().to_vec();
                let their_point = their_key.public_key().to_vec();
                assert_eq!(our_key.group(), *group);
                assert_eq!(our_point.len(), group.public_key_len());

                let our_secret = our_key.complete(&their_point).expect("a valid point");
                let their_secret = their_key.complete(&our_point).expect("a valid point");
                assert_eq!(our_secret, their_secret, "{ours:?}, {theirs:?}, {group:?}");
                assert!(our_secret.iter().any(|byte| *byte != 0));
            }
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
            let point = fresh(provider, *group).public_key().to_vec();
            for length in 0..point.len() {
                let refused = fresh(provider, *group).complete(&point[..length]);
                assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
            }
            let refused = fresh(provider, *group).complete(&[&point[..], &[0]].concat());
            assert_eq!(refused, Err(CryptoError::InvalidKey), "{provider:?}, {group:?}");
        }
    }
}

#[test]
fn rust_crypto_repeats_itself_from_the_same_seed() {
    let provider = pollrtc_crypto::rust_crypto::provider();
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
