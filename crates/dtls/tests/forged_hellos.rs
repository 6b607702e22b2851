//! ClientHellos with the peer's address that are not the peer's: ahead of its own, beside it, behind it, at
//! every moment of a handshake, whole or in pieces, also if the network loses one datagram.

use std::collections::BTreeMap;
use std::time::Duration;

use pollrtc_core::{InnerProtocol, Instant};
use pollrtc_crypto::NamedGroup;
use pollrtc_dtls::wire::record::HEADER_LEN;
use pollrtc_dtls::{Connection, Cookies, State, Versions};

use crate::support::wire::{HelloParts, message_record};
use crate::support::{Pair, Setup, deliver, drain, millis, rng};
use pollrtc_dtls::wire::HandshakeType;

/// One way.
const LATENCY: Duration = millis(20);
/// No handshake takes longer, whatever happens to it.
const LIMIT: Duration = Duration::from_secs(20);

/// The kinds of handshakes.
fn setups() -> Vec<(&'static str, Setup)> {
    let small = |mut setup: Setup| {
        setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
        setup
    };
    let retried = |mut setup: Setup| {
        setup.server.groups = vec![NamedGroup::Secp256r1];
        setup
    };
    let with_cookies = |mut setup: Setup| {
        setup.server.cookies = Cookies::Required;
        setup
    };
    vec![
        ("1.2", Setup::new()),
        ("1.2 with cookies", with_cookies(Setup::new())),
        ("1.3", small(Setup::v13())),
        ("1.3 with ML-KEM", Setup::v13()),
        ("1.3 with a retry", retried(small(Setup::v13()))),
        ("1.3 with cookies", with_cookies(small(Setup::v13()))),
        ("1.3 with ML-KEM and cookies", with_cookies(Setup::v13())),
        ("both", Setup::new().speaking(Versions::Both)),
    ]
}

/// The ClientHello of another client than the pair's, with this number, in datagrams.
fn hello_of(setup: &Setup, message_seq: u8) -> Vec<Vec<u8>> {
    let mut client = Connection::client(setup.client.clone(), rng(77)).unwrap();
    let mut datagrams = drain(&mut client, Instant::from_millis(1));
    for datagram in &mut datagrams {
        datagram[HEADER_LEN + 5] = message_seq;
    }
    datagrams
}

/// ClientHellos that somebody may forge: each good by itself but for the last two.
fn forged_hellos() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let with_groups = |versions, groups: &[NamedGroup]| {
        let mut setup = Setup::new().speaking(versions);
        setup.client.groups = groups.to_vec();
        setup
    };
    let x25519 = [NamedGroup::X25519];
    let needs_a_retry = with_groups(Versions::Dtls13, &[NamedGroup::Secp384r1, NamedGroup::Secp256r1]);
    let bad = HelloParts {
        cipher_suites: vec![0x002f],
        ..HelloParts::good()
    };
    // None is as long as one of a pair's: a piece that fits where one of the client's own is missing can't be
    // told from it.
    let mut with_ml_kem = Setup::new().speaking(Versions::Both);
    with_ml_kem.client.server_name = Some("elsewhere.example".to_owned());
    let mut hellos = vec![];
    for message_seq in [0, 1] {
        hellos.extend([
            (
                "of 1.2",
                hello_of(&with_groups(Versions::Dtls12, &[NamedGroup::Secp256r1]), message_seq),
            ),
            ("of 1.3", hello_of(&with_groups(Versions::Dtls13, &x25519), message_seq)),
            ("with ML-KEM", hello_of(&with_ml_kem, message_seq)),
            ("that needs a retry", hello_of(&needs_a_retry, message_seq)),
            (
                "that can't be answered",
                vec![message_record(
                    HandshakeType::CLIENT_HELLO,
                    message_seq.into(),
                    &bad.client(),
                )],
            ),
        ]);
    }
    hellos.push(("of one piece", vec![hello_of(&with_ml_kem, 0).remove(0)]));
    hellos
}

/// A handshake over a network, in virtual time.
struct Network {
    pair: Pair,
    /// By the time of arrival and the order of sending: whether to the server.
    wire: BTreeMap<(Instant, usize), (bool, Vec<u8>)>,
    sent: usize,
    /// The number of the datagram that gets lost.
    lost: Option<usize>,
    delivered: usize,
}

impl Network {
    fn new(setup: &Setup, lost: Option<usize>) -> Self {
        Self {
            pair: setup.clone().pair(),
            wire: BTreeMap::new(),
            sent: 0,
            lost,
            delivered: 0,
        }
    }

    fn collect(&mut self) {
        let (to_server, to_client) = (self.pair.client_sends(), self.pair.server_sends());
        let datagrams = to_server.into_iter().map(|datagram| (true, datagram));
        for (is_to_server, datagram) in datagrams.chain(to_client.into_iter().map(|datagram| (false, datagram))) {
            if self.lost != Some(self.sent) {
                let key = (self.pair.now + LATENCY, self.sent);
                self.wire.insert(key, (is_to_server, datagram));
            }
            self.sent += 1;
        }
    }

    /// Lets the next datagram arrive, or the next timer run out. `false` if nothing happens any more.
    fn step(&mut self) -> bool {
        self.collect();
        let arrival = self.wire.keys().next().copied();
        let timers = [self.pair.client.poll_timeout(), self.pair.server.poll_timeout()];
        let timer = timers.into_iter().flatten().min();
        match (arrival, timer) {
            (Some((at, number)), timer) if timer.is_none_or(|timer| at <= timer) => {
                self.pair.now = self.pair.now.max(at);
                let (is_to_server, datagram) = self.wire.remove(&(at, number)).unwrap();
                match is_to_server {
                    true => self.pair.server_gets(&datagram),
                    false => self.pair.client_gets(&datagram),
                };
                self.delivered += 1;
                true
            }
            (_, Some(timer)) => {
                self.pair.wait(timer.max(self.pair.now) - self.pair.now);
                true
            }
            (_, None) => false,
        }
    }

    fn is_connected(&self) -> bool {
        self.pair.client.is_connected() && self.pair.server.is_connected()
    }

    /// Until both are connected, one is closed, or it takes too long; tells whether both are connected.
    fn finish(&mut self) -> bool {
        let end = self.pair.now + LIMIT;
        let is_over = |pair: &Pair| {
            let states = [pair.client.state(), pair.server.state()];
            states.contains(&State::Closed)
        };
        while !self.is_connected() && !is_over(&self.pair) && self.pair.now < end && self.step() {}
        self.is_connected()
    }
}

/// How many datagrams a handshake takes that nothing happens to.
fn datagrams(setup: &Setup) -> usize {
    let mut network = Network::new(setup, None);
    assert!(network.finish());
    network.sent
}

/// Sends forged hellos to the server or to the client, at every moment from the first datagram on that has
/// arrived there, with each datagram or none lost.
fn at_every_moment(to_server: bool) {
    let (mut handshakes, hellos) = (0, forged_hellos());
    for (name, setup) in setups() {
        let count = datagrams(&setup);
        for lost in (0..count).map(Some).chain([None]) {
            for (forged_name, forged) in &hellos {
                for moment in 1..=count + 1 {
                    let mut network = Network::new(&setup, lost);
                    let begins = |network: &Network| match to_server {
                        true => network.delivered >= moment,
                        false => network.delivered + 1 >= moment,
                    };
                    while !begins(&network) && network.step() {}
                    network.collect();
                    for datagram in forged {
                        match to_server {
                            true => network.pair.server_gets(datagram),
                            false => network.pair.client_gets(datagram),
                        };
                    }
                    let is_connected = network.finish();
                    let events = [network.pair.client_events(), network.pair.server_events()];
                    assert!(
                        is_connected,
                        "{name}: a forged hello {forged_name} after {moment} datagrams, {lost:?} lost: {events:?}",
                    );
                    handshakes += 1;
                }
            }
        }
    }
    assert!(handshakes > 2000, "{handshakes}");
}

#[test]
fn none_behind_the_clients_own_ends_a_handshake_at_any_moment_with_any_datagram_lost() {
    at_every_moment(true);
}

#[test]
fn none_at_a_client_ends_a_handshake_at_any_moment_with_any_datagram_lost() {
    at_every_moment(false);
}

#[test]
fn one_beside_each_of_the_clients_datagrams_ends_nothing() {
    for (name, setup) in setups() {
        for (forged_name, forged) in forged_hellos() {
            let mut pair = setup.clone().pair();
            let mut is_first = true;
            pair.connect_over(60, |from_client, datagram| {
                let mut arriving = vec![datagram];
                if from_client {
                    arriving.extend(forged.iter().cloned());
                    // Also ahead, but for the client's first.
                    if !core::mem::take(&mut is_first) {
                        arriving.splice(0..0, forged.iter().cloned());
                    }
                }
                arriving
            });
            assert!(
                pair.client.is_connected() && pair.server.is_connected(),
                "{name}: beside a forged hello {forged_name}"
            );
        }
    }
}

#[test]
fn a_client_that_is_far_away_or_slow_to_repeat_itself_keeps_its_place() {
    // ICE has told us of 10 ms, and the client waits a second before it says anything again.
    for (name, mut setup) in setups() {
        setup.client.initial_rto = millis(1000);
        let count = datagrams(&setup);
        for lost in 0..count {
            for (forged_name, forged) in forged_hellos() {
                for after in [10, 100, 400, 900, 1100] {
                    let mut network = Network::new(&setup, Some(lost));
                    network.pair.server.set_round_trip_time(millis(10));
                    while network.delivered == 0 && network.step() {}
                    let moment = network.pair.now + millis(after);
                    while network.pair.now < moment && !network.is_connected() && network.step() {}
                    forged
                        .iter()
                        .for_each(|datagram| drop(network.pair.server_gets(datagram)));
                    assert!(network.finish(), "{name}: {forged_name} after {after} ms, {lost} lost");
                }
            }
        }
    }
}

#[test]
fn one_ahead_gives_way_when_its_sender_is_silent() {
    for (name, setup) in setups() {
        for (forged_name, forged) in forged_hellos() {
            let mut network = Network::new(&setup, None);
            forged
                .iter()
                .for_each(|datagram| drop(network.pair.server_gets(datagram)));
            // What it is told goes to whoever sent it. (With the client's address that is the client, which
            // is lost then, as with any stack.)
            let (state, asked) = (network.pair.server.state(), network.pair.server.stats().cookies_asked);
            let end = network.pair.now + LIMIT;
            while !network.is_connected() && network.pair.now < end {
                let stats = network.pair.server.stats();
                let has_changed = network.pair.server.state() != state || stats.cookies_asked > asked;
                if !has_changed && stats.replaced_client_hellos == 0 {
                    network.pair.server_sends();
                }
                assert!(network.step(), "{name}: behind a forged hello {forged_name}");
            }
            assert!(network.is_connected(), "{name}: behind a forged hello {forged_name}");
        }
    }
}

#[test]
fn ignored_ones_are_counted_and_cost_neither_work_nor_memory() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let answer = pair.server_sends();
    let before = pair.server.memory();
    for number in 0..100 {
        let hello = HelloParts {
            random: [number; 32],
            ..HelloParts::good()
        };
        pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &hello.client()));
    }
    assert_eq!(pair.server.stats().ignored_client_hellos, 100);
    assert_eq!((pair.server.memory(), pair.server_sends().len()), (before, 0));
    for datagram in answer {
        pair.client_gets(&datagram);
    }
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn a_spoilt_copy_of_a_hello_with_a_cookie_ends_nothing() {
    for setup in [Setup::new(), Setup::v13()] {
        for is_ahead in [true, false] {
            let mut setup = setup.clone();
            setup.server.cookies = Cookies::Required;
            setup.client.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
            let mut pair = setup.pair();
            for datagram in pair.client_sends() {
                pair.server_gets(&datagram);
            }
            for datagram in pair.server_sends() {
                pair.client_gets(&datagram);
            }
            let second = pair.client_sends().remove(0);
            // The random, the cookie's neighbourhood, the last byte.
            for at in [HEADER_LEN + 12 + 10, HEADER_LEN + 12 + 40, second.len() - 1] {
                let mut spoilt = second.clone();
                spoilt[at] ^= 1;
                if !is_ahead {
                    pair.server_gets(&second);
                }
                pair.server_gets(&spoilt);
                for datagram in pair.server_sends() {
                    pair.client_gets(&datagram);
                }
                assert!(is_ahead == (pair.server.state() == State::Listening));
            }
            pair.server_gets(&second);
            pair.settle();
            assert!(
                pair.client.is_connected() && pair.server.is_connected(),
                "{is_ahead}: {:?} {:?}",
                pair.client_events(),
                pair.server_events()
            );
        }
    }
}

#[test]
fn a_client_with_a_cookie_takes_over_at_once() {
    let mut setup = Setup::v13();
    setup.server.cookies = Cookies::Required;
    let mut pair = setup.clone().pair();
    let mut other = Connection::client(setup.client.clone(), rng(50)).unwrap();
    for client in [&mut other, &mut pair.client] {
        let mut server = Connection::server(setup.server.clone(), rng(4)).unwrap();
        for datagram in drain(client, pair.now) {
            deliver(&mut server, pair.now, &datagram);
        }
        for datagram in drain(&mut server, pair.now) {
            deliver(client, pair.now, &datagram);
        }
    }
    for datagram in drain(&mut other, pair.now) {
        pair.server_gets(&datagram);
    }
    assert_eq!(pair.server.state(), State::Connecting);
    pair.server_sends();
    pair.settle();
    assert_eq!(pair.server.stats().replaced_client_hellos, 1);
    assert!(pair.client.is_connected() && pair.server.is_connected());
}
