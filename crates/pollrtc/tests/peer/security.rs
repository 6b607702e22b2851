//! What DTLS is told, and what it agrees on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pollrtc::{ChannelState, Config, DtlsParameters, DtlsRole, KeyLog, NamedGroup, SrtpProfile, Version, Versions};

use crate::support::Pair;

const BOTH_ROLES: [DtlsRole; 2] = [DtlsRole::Client, DtlsRole::Server];

/// Bob, who answers, in this role.
fn as_answerer(role: DtlsRole) -> impl Fn(Config) -> Config {
    move |config: Config| config.with_preferred_dtls_role(role)
}

/// Offer and answer, and a channel of Alice's: how long until it opened.
fn connect(pair: &mut Pair) -> Duration {
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let start = pair.now;
    pair.negotiate();
    pair.run_until(Duration::from_secs(5), |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
    pair.now - start
}

/// What both say that they agreed on.
fn agreed(pair: &Pair) -> [DtlsParameters; 2] {
    [&pair.alice, &pair.bob].map(|side| side.peer.stats().transports[0].security.expect("connected"))
}

#[test]
fn both_sides_say_what_they_agreed_on() {
    for bobs in BOTH_ROLES {
        let mut pair = Pair::with(|alice| alice, as_answerer(bobs));
        assert!(pair.alice.peer.stats().transports.is_empty());
        connect(&mut pair);
        let [mut alice, bob] = agreed(&pair);
        assert_eq!(bob.role, bobs);
        assert_ne!(alice.role, bob.role);
        alice.role = bobs;
        assert_eq!(alice, bob, "all but the role is the same");
        assert_eq!(
            (bob.version, bob.group),
            (Version::DTLS_1_3, NamedGroup::X25519MlKem768)
        );
        assert_eq!(bob.srtp_profile, Some(SrtpProfile::AeadAes128Gcm));
        assert!(!bob.hello_was_retried);
    }
}

#[test]
fn one_side_that_speaks_an_old_version_is_enough_for_it() {
    for bobs in BOTH_ROLES {
        for old in [0, 1] {
            let versions = |side| match side == old {
                true => Versions::Dtls12,
                false => Versions::Both,
            };
            let restricted = |side| move |config: Config| as_answerer(bobs)(config).with_dtls_versions(versions(side));
            let mut pair = Pair::with(restricted(0), restricted(1));
            connect(&mut pair);
            for side in agreed(&pair) {
                assert_eq!((side.version, side.group), (Version::DTLS_1_2, NamedGroup::X25519));
            }
        }
    }
}

#[test]
fn a_missing_public_key_costs_one_round_trip() {
    for bobs in BOTH_ROLES {
        let usual = connect(&mut Pair::with(|alice| alice, as_answerer(bobs)));
        let groups =
            |groups: Vec<NamedGroup>| move |config: Config| as_answerer(bobs)(config).with_dtls_groups(groups.clone());
        // The client sends a public key of its first group.
        let (all, one) = (
            vec![NamedGroup::X25519, NamedGroup::Secp384r1],
            vec![NamedGroup::Secp384r1],
        );
        let mut pair = match bobs {
            DtlsRole::Client => Pair::with(groups(one), groups(all)),
            DtlsRole::Server => Pair::with(groups(all), groups(one)),
        };
        let took = connect(&mut pair);
        for side in agreed(&pair) {
            assert_eq!((side.group, side.hello_was_retried), (NamedGroup::Secp384r1, true));
        }
        assert_eq!(took, usual + 2 * pair.latency);
    }
}

#[test]
fn who_asks_for_secrets_gets_those_of_each_version() {
    for (versions, labels) in [
        (Versions::Dtls12, vec!["CLIENT_RANDOM"]),
        (
            Versions::Dtls13,
            vec![
                "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                "CLIENT_TRAFFIC_SECRET_0",
                "SERVER_TRAFFIC_SECRET_0",
                "EXPORTER_SECRET",
            ],
        ),
    ] {
        let logs: [Arc<Mutex<Vec<String>>>; 2] = Default::default();
        let logged = |side: usize| {
            let log = Arc::clone(&logs[side]);
            move |config: Config| {
                config
                    .with_dtls_versions(versions)
                    .with_key_log(KeyLog(Arc::new(move |line| log.lock().unwrap().push(line.to_owned()))))
            }
        };
        connect(&mut Pair::with(logged(0), logged(1)));
        let [alices, bobs] = logs.map(|log| log.lock().unwrap().clone());
        assert_eq!(alices, bobs);
        let found: Vec<_> = alices.iter().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(found, labels);
    }
}
