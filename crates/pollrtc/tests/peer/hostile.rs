//! Floods and bursts at whole peers: from strangers, and from whoever sends from the peer's address.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use pollrtc::{ChannelState, Datagram, Instant, PeerConnection, Router, StateMachine};
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_crypto::{Certificate, Rng, default_provider};
use pollrtc_dtls::{Config, Connection, PeerVerification, Versions};

use crate::script::seeded;
use crate::support::Pair;

const SECOND: Duration = Duration::from_secs(1);

/// The ClientHello of somebody, in its datagrams.
fn client_hello(versions: Versions) -> Vec<Vec<u8>> {
    let certificate = Certificate::generate(default_provider(), &mut Rng::from_seed([8; 32])).unwrap();
    let mut config = Config::new(certificate, PeerVerification::AcceptAny);
    config.versions = versions;
    let mut client = Connection::client(config, Rng::from_seed([9; 32])).unwrap();
    let (mut datagrams, mut buf) = (Vec::new(), [0; 2000]);
    while let Some(length) = client.write_body(Instant::ZERO, &mut buf, Headroom::NONE) {
        datagrams.push(buf[..length].to_vec());
    }
    datagrams
}

fn forged(number: u32) -> SocketAddr {
    let [a, b, c, d] = number.to_be_bytes();
    SocketAddr::from(([203, b, c, d], 1024 + u16::from(a)))
}

#[test]
fn client_hellos_from_forged_addresses_cost_a_router_nothing() {
    let mut router = Router::new();
    for number in 0..10 {
        let mut peer = PeerConnection::new(seeded(number));
        peer.add_local_address(Instant::ZERO, "192.0.2.100:3478".parse().unwrap())
            .unwrap();
        peer.create_data_channel("chat").unwrap();
        peer.offer(Instant::ZERO).unwrap();
        router.insert(peer);
    }
    let mut buf = vec![0; 2000];
    while router.poll_transmit(Instant::ZERO, &mut buf).is_some() {}
    let hellos = [client_hello(Versions::Dtls12), client_hello(Versions::Dtls13)].concat();
    assert_eq!(
        hellos.len(),
        3,
        "one of DTLS 1.2, and two pieces with a post-quantum key"
    );
    let mut copies: Vec<Vec<u8>> = hellos.clone();
    let allocations = measure(|| {
        for number in 0..30_000 {
            let copy = &mut copies[number as usize % 3];
            copy.copy_from_slice(&hellos[number as usize % 3]);
            assert_eq!(
                router.handle_datagram(Instant::ZERO, Datagram::udp(forged(number), copy)),
                None
            );
        }
    });
    assert_eq!(allocations.count_total, 0);
    assert_eq!(router.stats().unroutable, 30_000);
    assert!(
        router.poll_transmit(Instant::ZERO, &mut buf).is_none(),
        "nobody is answered"
    );
}

#[test]
fn client_hellos_from_forged_addresses_do_not_reach_dtls_at_any_stage() {
    let hello = [client_hello(Versions::Dtls12), client_hello(Versions::Dtls13)].concat();
    for wait in [0, 40, 60, 110, 160, 220, 320, 420] {
        let mut pair = Pair::new();
        let chat = pair.alice.peer.create_data_channel("chat").unwrap();
        pair.negotiate();
        pair.run_for(Duration::from_millis(wait));
        let dtls = |pair: &Pair| {
            [
                pair.alice.peer.stats().transports[0].dtls,
                pair.bob.peer.stats().transports[0].dtls,
            ]
        };
        let before = dtls(&pair);
        for number in 0..500 {
            for side in [&mut pair.alice, &mut pair.bob] {
                let mut bytes = hello[number as usize % 3].clone();
                let datagram = Datagram::udp(forged(number), &mut bytes).received_on(side.address);
                side.peer.handle_datagram(pair.now, datagram);
            }
        }
        assert_eq!(dtls(&pair), before, "after {wait} ms");
        pair.run_until(2 * SECOND, |pair| {
            pair.alice.peer.channel_state(chat) == ChannelState::Open
        });
    }
}

/// A datagram of 40 records that anyone can make.
fn dust(number: u8) -> Vec<u8> {
    let mut datagram = Vec::new();
    for record in 0..40u8 {
        let (content_type, epoch) = ([20, 21, 22, 23, 26][usize::from(record % 5)], record % 3);
        let content = [
            &[record % 25, 0, 16, 0, 0, number % 8, 0, number, record, 0, 0, 18][..],
            &[number; 18],
        ]
        .concat();
        datagram.extend([content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, number, record, 0, 30]);
        datagram.extend(content);
    }
    datagram
}

#[test]
fn a_burst_of_1000_datagrams_from_the_peers_address_before_any_poll_takes_bounded_memory() {
    for wait in [0, 60, 110, 160, 220, 320, 1000] {
        let mut pair = Pair::new();
        let chat = pair.alice.peer.create_data_channel("chat").unwrap();
        pair.negotiate();
        pair.run_for(Duration::from_millis(wait));
        let (now, bob) = (pair.now, pair.bob.address);
        let alice = pair.alice.address;
        let bursts: Vec<Vec<u8>> = (0..=255).map(dust).collect();
        let heap = measure(|| {
            for number in 0..1000usize {
                // Records of epochs that are not there, alerts, acknowledgements, announcements: all but
                // the handshake messages that only a forger who hits the moment could make count.
                let mut bytes = bursts[number % 256].clone();
                bytes.chunks_mut(43).for_each(|record| {
                    if record[0] == 22 && record[4] == 0 {
                        record[0] = 23;
                    }
                });
                let datagram = Datagram::udp(bob, &mut bytes).received_on(alice);
                pair.alice.peer.handle_datagram(now, datagram);
            }
        });
        assert!(heap.bytes_max < 128 * 1024, "after {wait} ms: {heap:?}");
        pair.run_until(5 * SECOND, |pair| {
            pair.alice.peer.channel_state(chat) == ChannelState::Open
        });
    }
}

#[test]
fn what_comes_before_the_description_takes_bounded_memory() {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    // The answer is slow, and Bob's address is known by his checks.
    pair.run_for(Duration::from_millis(300));
    let (now, bob, alice) = (pair.now, pair.bob.address, pair.alice.address);
    let heap = measure(|| {
        for number in 0..1000usize {
            let mut bytes = dust(number as u8);
            let datagram = Datagram::udp(bob, &mut bytes).received_on(alice);
            pair.alice.peer.handle_datagram(now, datagram);
        }
    });
    assert!(heap.bytes_max < 64 * 1024, "{heap:?}");
    assert!(pair.alice.peer.stats().dropped_early > 900);
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
}

#[test]
fn datagrams_that_come_again_a_thousand_times_say_nothing_new() {
    let mut pair = Pair::new();
    let recorded: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let tape = recorded.clone();
    pair.lose = Box::new(move |_, datagram| {
        if matches!(datagram.first(), Some(20..=63)) {
            tape.borrow_mut().push(datagram.to_vec());
        }
        false
    });
    let (chat, _) = pair.open(crate::support::Who::Alice, "chat");
    pair.say(crate::support::Who::Alice, chat, "once");
    let (now, alice, bob) = (pair.now, pair.alice.address, pair.bob.address);
    let before = pair.bob.texts().len();
    let tape = recorded.borrow().clone();
    for datagram in tape.iter().cycle().take(1000) {
        let mut bytes = datagram.clone();
        pair.bob
            .peer
            .handle_datagram(now, Datagram::udp(alice, &mut bytes).received_on(bob));
        let mut bytes = datagram.clone();
        pair.alice
            .peer
            .handle_datagram(now, Datagram::udp(bob, &mut bytes).received_on(alice));
    }
    pair.say(crate::support::Who::Alice, chat, "twice");
    assert_eq!(pair.bob.texts().len(), before + 1);
}
