//! What becomes of DTLS handshakes between whole peers: with ClientHellos that are not the peer's, though
//! they have its address; and with none at all.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use pollrtc::{
    CloseReason, Config, ConnectionIdChooser, ConnectionIdPolicy, Datagram, Instant, StateMachine, Versions,
};
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_crypto::{Certificate, NamedGroup, Rng, default_provider};
use pollrtc_dtls::{CloseReason as DtlsCloseReason, Connection, PeerVerification};

use crate::support::{Pair, Who};

const SECOND: Duration = Duration::from_secs(1);

fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram.first(), Some(20..=63))
}

/// The kinds of handshakes: versions and groups of both.
fn kinds() -> [(&'static str, Versions, Vec<NamedGroup>); 3] {
    let classic = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    let hybrid = [vec![NamedGroup::X25519MlKem768], classic.clone()].concat();
    [
        ("1.2", Versions::Dtls12, classic.clone()),
        ("1.3", Versions::Dtls13, classic),
        ("1.3 with ML-KEM", Versions::Dtls13, hybrid),
    ]
}

/// The ClientHello of somebody else, in its datagrams.
fn client_hello(versions: Versions, groups: &[NamedGroup]) -> Vec<Vec<u8>> {
    let certificate = Certificate::generate(default_provider(), &mut Rng::from_seed([8; 32])).unwrap();
    let mut config = pollrtc_dtls::Config::new(certificate, PeerVerification::AcceptAny);
    config.versions = versions;
    config.groups = groups.to_vec();
    let mut client = Connection::client(config, Rng::from_seed([9; 32])).unwrap();
    let (mut datagrams, mut buf) = (Vec::new(), [0; 2000]);
    while let Some(length) = client.write_body(Instant::ZERO, &mut buf, Headroom::NONE) {
        datagrams.push(buf[..length].to_vec());
    }
    datagrams
}

fn forged_hellos() -> [(&'static str, Vec<Vec<u8>>); 4] {
    let hybrid = [NamedGroup::X25519MlKem768, NamedGroup::X25519];
    [
        ("of 1.2", client_hello(Versions::Dtls12, &[NamedGroup::Secp256r1])),
        ("of 1.3", client_hello(Versions::Dtls13, &[NamedGroup::X25519])),
        ("with ML-KEM", client_hello(Versions::Both, &hybrid)),
        // The server would rather have another group than the one whose key it has.
        (
            "that needs a retry",
            client_hello(Versions::Dtls13, &[NamedGroup::Secp384r1, NamedGroup::X25519]),
        ),
    ]
}

/// Two whose DTLS datagrams are counted, and of which one is lost. Bob is the client.
fn counted(versions: Versions, groups: &[NamedGroup], lost: Option<u64>) -> (Pair, Rc<Cell<u64>>) {
    let change = |config: Config| config.with_dtls_versions(versions).with_dtls_groups(groups.to_vec());
    let mut pair = Pair::with(change, change);
    let count = Rc::new(Cell::new(0));
    let counter = count.clone();
    pair.lose = Box::new(move |_, datagram| {
        let number = counter.get();
        counter.set(number + u64::from(is_dtls(datagram)));
        is_dtls(datagram) && Some(number) == lost
    });
    pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    (pair, count)
}

fn forge(pair: &mut Pair, hello: &[Vec<u8>], to_server: bool) {
    let now = pair.now;
    let (to, from) = match to_server {
        true => (&mut pair.alice, pair.bob.address),
        false => (&mut pair.bob, pair.alice.address),
    };
    for datagram in hello {
        let mut bytes = datagram.clone();
        let datagram = Datagram::udp(from, &mut bytes).received_on(to.address);
        to.peer.handle_datagram(now, datagram);
    }
}

fn no_forged_hello_ends_a_handshake(to_server: bool) {
    let mut handshakes = 0;
    for (name, versions, groups) in kinds() {
        let (mut pair, count) = counted(versions, &groups, None);
        pair.run_until(5 * SECOND, Pair::connected);
        let datagrams = count.get().min(8);
        let hello_len = if name.contains("ML-KEM") { 2 } else { 1 };
        for lost in (0..datagrams).map(Some).chain([None]) {
            for (forged_name, forged) in forged_hellos() {
                for moment in 1..=datagrams {
                    // Something of the client's own hello has to come first.
                    if lost == Some(0) && moment <= 1 && hello_len == 1 {
                        continue;
                    }
                    let (mut pair, count) = counted(versions, &groups, lost);
                    pair.run_until(5 * SECOND, |_| count.get() >= moment);
                    // Until it has arrived, or just before the next does.
                    let latency = pair.latency;
                    pair.run_for(latency);
                    forge(&mut pair, &forged, to_server);
                    let begin = pair.now;
                    while !pair.connected() {
                        pair.run_for(SECOND / 4);
                        assert!(
                            pair.now < begin + 20 * SECOND,
                            "{name}: a forged hello {forged_name} after {moment} datagrams, {lost:?} lost: {:?} {:?}",
                            pair.alice.events,
                            pair.bob.events
                        );
                    }
                    handshakes += 1;
                }
            }
        }
    }
    assert!(handshakes > 300, "{handshakes}");
}

#[test]
fn no_hello_forged_at_the_server_ends_a_handshake_at_any_moment_with_any_datagram_lost() {
    no_forged_hello_ends_a_handshake(true);
}

#[test]
fn no_hello_forged_at_the_client_ends_a_handshake_at_any_moment_with_any_datagram_lost() {
    no_forged_hello_ends_a_handshake(false);
}

/// Why it ended, if it did.
fn closed_because(side: &crate::support::Side) -> Option<CloseReason> {
    let mut events = side.events.iter();
    events.find_map(|event| match event {
        pollrtc::Event::Closed(reason) => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn a_server_that_hears_no_hello_on_its_path_ends_in_the_time_that_it_is_given() {
    for seconds in [25, 7] {
        let mut pair = Pair::with(
            |config: Config| config.with_dtls_hello_timeout(Duration::from_secs(seconds)),
            |config| config,
        );
        if seconds == 25 {
            assert_eq!(
                Config::default().dtls_hello_timeout,
                25 * SECOND,
                "what one gets who says nothing"
            );
        }
        // Bob's ClientHellos get lost on the way, and nothing else.
        pair.lose = Box::new(|_, datagram| is_dtls(datagram));
        pair.alice.peer.create_data_channel("chat").unwrap();
        pair.negotiate();
        let begin = pair.now;
        pair.run_until(40 * SECOND, |pair| closed_because(&pair.alice).is_some());
        let reason = closed_because(&pair.alice).unwrap();
        assert_eq!(reason, CloseReason::Dtls(DtlsCloseReason::NoClientHello));
        let took = pair.now - begin;
        let due = Duration::from_secs(seconds);
        assert!((due..due + SECOND).contains(&took), "{took:?}");
    }
}

#[test]
fn a_client_that_is_refused_learns_why_in_seconds() {
    // Nothing in common but the version.
    let mut pair = Pair::with(
        |config: Config| {
            config
                .with_dtls_versions(Versions::Dtls13)
                .with_dtls_groups(vec![NamedGroup::Secp256r1])
        },
        |config: Config| {
            config
                .with_dtls_versions(Versions::Dtls13)
                .with_dtls_groups(vec![NamedGroup::X25519])
        },
    );
    pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    let begin = pair.now;
    pair.run_until(10 * SECOND, |pair| closed_because(&pair.bob).is_some());
    assert!(pair.now - begin < 5 * SECOND);
    let reason = closed_because(&pair.bob).unwrap();
    let refused = pollrtc_dtls::AlertDescription::HANDSHAKE_FAILURE;
    assert_eq!(reason, CloseReason::Dtls(DtlsCloseReason::Alert(refused)));
    // And the server when its time for a hello is over.
    pair.run_until(40 * SECOND, |pair| closed_because(&pair.alice).is_some());
    let reason = closed_because(&pair.alice).unwrap();
    let group = pollrtc_dtls::HandshakeError::Group;
    assert_eq!(reason, CloseReason::Dtls(DtlsCloseReason::Handshake(group)));
}

#[test]
fn a_configuration_that_dtls_can_make_nothing_of_ends_the_connection_with_that_reason() {
    let nothing = |config: Config| config.with_dtls_groups(vec![]);
    let mut pair = Pair::with(nothing, |config| config);
    pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    pair.run_until(SECOND, |pair| closed_because(&pair.alice).is_some());
    let error = pollrtc_dtls::ConfigError::Groups;
    assert_eq!(closed_because(&pair.alice), Some(CloseReason::DtlsConfiguration(error)));
}

/// Ids of this length, all of whose bytes are this one.
fn ids_of(length: u8, byte: u8) -> ConnectionIdPolicy {
    ConnectionIdPolicy::Chosen {
        length: length.try_into().unwrap(),
        chooser: ConnectionIdChooser(Arc::new(move |id| id.fill(byte))),
    }
}

#[test]
fn who_asks_for_connection_ids_is_sent_them_by_the_other_peer() {
    for versions in [Versions::Dtls12, Versions::Dtls13] {
        let with = |policy| {
            move |mut config: Config| {
                config.dtls_versions = versions;
                config.with_dtls_connection_ids(policy)
            }
        };
        let mut pair = Pair::with(with(ids_of(6, 0xaa)), with(ids_of(9, 0xbb)));
        let seen = Rc::new(Cell::new((0, 0)));
        let counts = seen.clone();
        pair.lose = Box::new(move |_, datagram| {
            let has = |length: u8, byte| {
                let id = pollrtc_dtls::connection_id(datagram, length);
                id.is_some_and(|id| id.iter().all(|of_id| *of_id == byte))
            };
            let (to_alice, to_bob) = counts.get();
            counts.set((to_alice + u32::from(has(6, 0xaa)), to_bob + u32::from(has(9, 0xbb))));
            false
        });
        let (alices, bobs) = pair.open(Who::Alice, "ids");
        let before = seen.get();
        pair.say(Who::Alice, alices, "to Bob");
        pair.say(Who::Bob, bobs, "to Alice");
        let (to_alice, to_bob) = seen.get();
        assert!(
            to_alice > before.0 && to_bob > before.1,
            "{versions:?}: {before:?} {:?}",
            seen.get()
        );
    }
}
