//! Keys: where they come from, and where they must not be seen.

use std::convert::Infallible;

use pollrtc_crypto::Rng;
use pollrtc_srtp::{Config, DtlsKeys, Inbound, KeyError, MasterKey, Outbound, Profile};

use crate::support::{SSRC, Session, key, protect, providers, rtp};

#[test]
fn what_dtls_exports_are_two_keys_and_then_two_salts() {
    // RFC 5764 §4.2: the client's key, the server's key, the client's salt, the server's salt.
    for profile in Profile::ALL {
        let (key_len, salt_len) = (profile.key_len(), profile.salt_len());
        let exported: Vec<u8> = (0..2 * (key_len + salt_len) as u8).collect();
        let keys = DtlsKeys::export(profile, |label, out| {
            assert_eq!(label, "EXTRACTOR-dtls_srtp");
            out.copy_from_slice(&exported);
            Ok::<(), Infallible>(())
        })
        .unwrap();
        let (all_keys, salts) = exported.split_at(2 * key_len);
        for (number, exported) in [keys.client, keys.server].into_iter().enumerate() {
            let key = &all_keys[number * key_len..][..key_len];
            let salt = &salts[number * salt_len..][..salt_len];
            let by_hand = MasterKey::new(profile, key, salt).unwrap();
            let [one, other] = [exported, by_hand].map(|key| {
                let mut outbound = Outbound::new(providers()[0], &key, &Config::default()).unwrap();
                protect(&mut outbound, 1, &rtp(SSRC, 1, b"song"))
            });
            assert_eq!(one, other, "{profile}");
        }
    }
}

#[test]
fn the_clients_packets_are_for_the_server_and_not_for_the_client() {
    for profile in Profile::ALL {
        let exported: Vec<u8> = (0..DtlsKeys::exported_len(profile) as u8).collect();
        let keys = DtlsKeys::from_exported(profile, &exported).unwrap();
        let config = Config::default();
        let inbound = |key| Inbound::new(providers()[0], key, &config, &mut Rng::from_seed([7; 32])).unwrap();
        let mut client = Outbound::new(providers()[0], &keys.client, &config).unwrap();
        let (mut at_server, mut at_client) = (inbound(&keys.client), inbound(&keys.server));
        let mut packet = protect(&mut client, 1, &rtp(SSRC, 1, b"song"));
        assert!(at_client.unprotect_rtp(&mut packet.clone()).is_err(), "{profile}");
        assert!(at_server.unprotect_rtp(&mut packet).is_ok(), "{profile}");
    }
}

#[test]
fn keys_of_another_length_are_refused() {
    for profile in Profile::ALL {
        let (key_len, salt_len) = (profile.key_len(), profile.salt_len());
        let expected = key_len + salt_len;
        for (key, salt) in [
            (key_len - 1, salt_len),
            (key_len, salt_len + 1),
            (key_len + 1, salt_len - 1),
            (0, 0),
        ] {
            let refused = MasterKey::new(profile, &vec![7; key], &vec![7; salt]);
            assert_eq!(
                refused.err(),
                Some(KeyError {
                    expected,
                    len: key + salt
                }),
                "{profile}"
            );
        }
        let expected = DtlsKeys::exported_len(profile);
        for len in [0, expected - 1, expected + 1] {
            let refused = DtlsKeys::from_exported(profile, &vec![7; len]);
            assert_eq!(refused.err(), Some(KeyError { expected, len }), "{profile}");
        }
    }
}

#[test]
fn an_exporter_that_has_nothing_is_heard() {
    assert_eq!(
        DtlsKeys::export(Profile::AeadAes128Gcm, |_, _| Err("not connected")).err(),
        Some("not connected")
    );
}

#[test]
fn transforms_of_dtls_have_a_profile() {
    for profile in Profile::ALL {
        assert_eq!(Profile::of(profile.transform()), Some(profile));
    }
}

#[test]
fn every_profile_speaks_over_every_pair_of_providers() {
    for profile in Profile::ALL {
        for sender in providers() {
            for receiver in providers() {
                let config = Config::default();
                let key = key(profile, 0);
                let mut session = Session::between(sender, profile, &config, &config);
                session.inbound = Inbound::new(receiver, &key, &config, &mut Rng::from_seed([7; 32])).unwrap();
                let packet = session.sent(1);
                assert_eq!(
                    session.receives(&packet),
                    Ok(1),
                    "{sender:?} to {receiver:?}, {profile}"
                );
            }
        }
    }
}

#[test]
fn keys_do_not_show_in_debug_output() {
    let secret = [0xab; 16];
    let key = MasterKey::new(Profile::AeadAes128Gcm, &secret, &[0xcd; 12]).unwrap();
    let mut exported = vec![0xab; DtlsKeys::exported_len(Profile::AeadAes128Gcm)];
    exported.fill(0xab);
    let keys = DtlsKeys::from_exported(Profile::AeadAes128Gcm, &exported).unwrap();
    let config = Config::default();
    let outbound = Outbound::new(providers()[0], &key, &config).unwrap();
    let inbound = Inbound::new(providers()[0], &key, &config, &mut Rng::from_seed([7; 32])).unwrap();
    let shown = format!("{key:?} {keys:?} {outbound:?} {inbound:?}");
    for secret in ["171", "ab, ab", "AB", "205"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("AeadAes128Gcm"));
}

#[test]
fn contexts_may_go_to_another_thread() {
    fn is_send<T: Send + Sync>() {}
    is_send::<Outbound>();
    is_send::<Inbound>();
    is_send::<MasterKey>();
}
