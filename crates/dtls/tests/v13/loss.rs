//! What happens to DTLS 1.3 when datagrams are lost, doubled, or overtake each other.

use std::collections::VecDeque;

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::Rng;
use pollrtc_dtls::wire::ack::Ack;
use pollrtc_dtls::wire::handshake::Fragment;
use pollrtc_dtls::wire::{ContentType, HandshakeType};
use pollrtc_dtls::{Cookies, Event, State, Versions};
use quickcheck::quickcheck;

use crate::support::cipher::{FIRST_SEQUENCE, Tap};
use crate::support::wire::plain_record;
use crate::support::{Pair, Setup, millis};

/// A client that has the server's whole flight, and has sent its own; the server has not got it.
fn before_the_last_flight(mtu: usize) -> (Pair, Vec<Vec<u8>>) {
    let mut setup = Setup::v13();
    setup.client.mtu = mtu;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let flight = pair.client_sends();
    (pair, flight)
}

#[test]
fn every_single_lost_datagram_is_made_up_for() {
    for versions in [Versions::Dtls13, Versions::Both] {
        for mtu in [1200, 300, 100] {
            for lost in 0..60 {
                let mut setup = Setup::new().speaking(versions);
                (setup.client.mtu, setup.server.mtu) = (mtu, mtu);
                let mut pair = setup.pair();
                let mut count = 0;
                pair.connect_over(400, |_, datagram| {
                    count += 1;
                    if count - 1 == lost { vec![] } else { vec![datagram] }
                });
                assert!(pair.client.is_connected(), "mtu {mtu}, datagram {lost}");
                assert!(pair.server.is_connected(), "mtu {mtu}, datagram {lost}");
            }
        }
    }
}

quickcheck! {
    /// For every pattern of loss (a third of all), doubling and reordering: both connect, data flows,
    /// and nobody sends without end.
    fn any_bad_network_is_survived(seed: u64) -> bool {
        let mut setup = Setup::v13();
        (setup.client.mtu, setup.server.mtu) = (250, 400);
        for config in [&mut setup.client, &mut setup.server] {
            config.handshake_timeout = millis(3_600_000);
        }
        let mut pair = setup.pair();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let mut late: [VecDeque<Vec<u8>>; 2] = Default::default();
        pair.connect_over(5000, |from_client, datagram| {
            let mut arriving = match rng.below(6) {
                0 | 1 => vec![],
                2 => vec![datagram.clone(), datagram],
                3 => {
                    late[usize::from(from_client)].push_back(datagram);
                    vec![]
                }
                _ => vec![datagram],
            };
            let side = usize::from(from_client);
            if rng.below(3) == 0 {
                arriving.extend(late[side].pop_front());
            }
            arriving
        });
        let connected = pair.client.is_connected() && pair.server.is_connected();
        // Without loss everything comes to rest.
        for _ in 0..20 {
            pair.settle();
            pair.wait(millis(60_000));
        }
        pair.settle();
        connected && (pair.client.poll_timeout(), pair.server.poll_timeout()) == (None, None)
    }
}

#[test]
fn the_last_flight_is_sent_again_until_it_is_acknowledged() {
    let (mut pair, _lost) = before_the_last_flight(1200);
    assert!(pair.client.is_connected());
    assert_eq!(pair.server.state(), State::Connecting);
    let mut sent_at = Vec::new();
    let start = pair.now;
    while sent_at.len() < 4 {
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
        assert_eq!(pair.client_sends().len(), 1);
        sent_at.push(pair.now - start);
    }
    assert_eq!(sent_at, [400, 1200, 2800, 6000].map(millis));
    pair.now = pair.client.poll_timeout().unwrap();
    pair.client.handle_timeout(pair.now);
    pair.settle();
    assert!(pair.server.is_connected());
    assert_eq!(pair.client.poll_timeout(), None, "acknowledged");
}

#[test]
fn a_lost_acknowledgement_is_sent_again_when_the_client_sends_its_flight_again() {
    let (mut pair, flight) = before_the_last_flight(1200);
    for datagram in &flight {
        pair.server_gets(datagram);
    }
    assert!(pair.server.is_connected());
    assert_eq!(pair.server_sends().len(), 1, "lost");
    assert!(pair.server_sends().is_empty());
    pair.wait(millis(400));
    let again = pair.client_sends();
    assert_eq!(again.len(), 1);
    pair.server_gets(&again[0]);
    pair.wait(millis(100));
    let acknowledgement = pair.server_sends();
    assert_eq!(acknowledgement.len(), 1);
    pair.client_gets(&acknowledgement[0]);
    assert_eq!(pair.client.poll_timeout(), None);
    // Replays cause nothing.
    pair.server_gets(&again[0]);
    assert!(pair.server_sends().is_empty());
}

#[test]
fn only_what_was_lost_is_sent_again() {
    let (mut pair, flight) = before_the_last_flight(150);
    assert!(flight.len() > 3);
    for (index, datagram) in flight.iter().enumerate() {
        if index != 1 {
            pair.server_gets(datagram);
        }
    }
    // The gap is told as soon as it can't be reordering any more, and filled when no more is told.
    pair.wait(millis(25));
    let told = pair.server_sends();
    assert_eq!(told.len(), 1);
    pair.client_gets(&told[0]);
    pair.wait(millis(50));
    let again = pair.client_sends();
    assert_eq!(again.len(), 1, "one datagram was lost");
    pair.server_gets(&again[0]);
    assert!(pair.server.is_connected());
    pair.settle();
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn the_rest_of_a_flight_is_asked_for_after_a_quarter_of_the_timeout() {
    let mut setup = Setup::v13();
    setup.server.mtu = 300;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    let (last, others) = flight.split_last().unwrap();
    assert!(others.len() > 2);
    for datagram in others {
        pair.client_gets(datagram);
    }
    assert!(pair.client_sends().is_empty(), "the rest may be on its way");
    let due = pair.client.poll_timeout().unwrap();
    // The first record that was readable came at once.
    assert_eq!(due, pair.now + millis(100));
    pair.now = due;
    pair.client.handle_timeout(due);
    let told = pair.client_sends();
    assert_eq!(told.len(), 1);
    pair.server_gets(&told[0]);
    pair.wait(millis(50));
    let again = pair.server_sends();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].len(), last.len());
    pair.client_gets(&again[0]);
    assert!(pair.client.is_connected());
}

#[test]
fn data_that_overtakes_the_clients_last_flight_waits_for_it() {
    let (mut pair, flight) = before_the_last_flight(1200);
    pair.client.send(b"first").unwrap();
    pair.client.send(b"second").unwrap();
    for datagram in pair.client_sends() {
        assert_eq!(pair.server_gets(&datagram), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.server.state(), State::Connecting);
    assert_eq!(pair.server.stats().held_records, 2);
    for datagram in &flight {
        pair.server_gets(datagram);
    }
    let events = pair.server_events();
    assert!(matches!(events[0], Event::Connected { .. }));
    assert_eq!(events[1], Event::ApplicationData(b"first".to_vec()));
    assert_eq!(events[2], Event::ApplicationData(b"second".to_vec()));
}

#[test]
fn a_client_that_lacks_the_servers_hello_alone_says_so_and_gets_it_a_round_trip_later() {
    let mut setup = Setup::v13();
    setup.server.mtu = 300;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    let is_plain = |datagram: &&Vec<u8>| datagram[0] == ContentType::Handshake as u8;
    let hello: Vec<_> = flight.iter().filter(is_plain).collect();
    assert!(hello.len() > 1 && hello.len() < flight.len());
    // All of it is lost, and what follows it comes.
    for datagram in &flight[hello.len()..] {
        pair.client_gets(datagram);
    }
    assert!(pair.client_sends().is_empty(), "it may be on its way");
    // RFC 9147 section 7.1: an acknowledgement of nothing. Once.
    pair.wait(millis(25));
    let told = pair.client_sends();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][..13], [26, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, told[0][10], 0, 2]);
    assert_eq!(told[0][13..], [0, 0]);
    pair.server_gets(&told[0]);
    // No more often than four times per timeout.
    pair.wait(millis(75));
    let again = pair.server_sends();
    assert_eq!(again.len(), flight.len());
    for datagram in &again {
        pair.client_gets(datagram);
    }
    assert!(pair.client.is_connected());
    pair.rest();
    assert!(pair.server.is_connected());
}

#[test]
fn a_hello_that_was_overtaken_only_is_not_asked_for() {
    let mut setup = Setup::v13();
    setup.server.mtu = 300;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let mut flight = pair.server_sends();
    flight.rotate_left(4);
    for datagram in &flight[..flight.len() - 4] {
        pair.client_gets(datagram);
    }
    pair.wait(millis(20));
    for datagram in &flight[flight.len() - 4..] {
        pair.client_gets(datagram);
    }
    assert!(pair.client.is_connected());
    let sent = pair.client_sends();
    assert!(sent.iter().all(|datagram| datagram[0] != ContentType::Ack as u8));
}

#[test]
fn records_whose_fragments_were_dropped_are_not_acknowledged() {
    // RFC 9147 section 7: what is not kept must come again, so nothing says that it has come.
    let mut setup = Setup::v13();
    setup.server.mtu = 200;
    let tap = Tap::on(&mut setup.server);
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    let hello = flight
        .iter()
        .filter(|datagram| datagram[0] == ContentType::Handshake as u8)
        .count();
    for datagram in &flight[..hello] {
        pair.client_gets(datagram);
    }
    let mut keys = tap.server_handshake();
    let piece = |message_seq, length| {
        let fragment = Fragment {
            kind: HandshakeType::CERTIFICATE,
            length,
            message_seq,
            offset: 0,
            body: &[7; 20],
        };
        [&fragment.header(), fragment.body].concat()
    };
    let handshake = ContentType::Handshake as u8;
    // Kept; too far ahead; kept and too far ahead in one record; no fragment at all.
    let kept = piece(3, 700);
    let far = piece(60, 700);
    for content in [&kept[..], &far, &[&kept[..], &far].concat(), &[1, 2, 3]] {
        let record = keys.seal(handshake, content);
        pair.client_gets(&record);
    }
    pair.wait(millis(100));
    let told = pair.client_sends();
    assert_eq!(told.len(), 1);
    let (_, content_type, content) = tap.client_handshake().open(&told[0]).unwrap();
    assert_eq!(content_type, ContentType::Ack as u8);
    // Those of the forger of this test.
    let numbers = Ack::parse(&content).unwrap();
    let sequences = numbers.iter().map(|number| number.sequence);
    let sequences: Vec<_> = sequences.filter(|sequence| *sequence >= FIRST_SEQUENCE).collect();
    assert_eq!(sequences, [FIRST_SEQUENCE], "the first alone was kept as a whole");
}

#[test]
fn encrypted_records_that_overtake_the_servers_hello_wait_for_it() {
    let mut setup = Setup::v13();
    setup.server.mtu = 300;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let mut flight = pair.server_sends();
    flight.reverse();
    for datagram in flight {
        pair.client_gets(&datagram);
    }
    assert!(pair.client.is_connected());
    assert!(pair.client.stats().held_records > 0);
}

/// A plain acknowledgement of plain records, as anyone can send it.
fn forged_acknowledgement(sequences: impl Iterator<Item = u64>) -> Vec<u8> {
    let numbers: Vec<u8> = sequences
        .flat_map(|sequence| [0u64.to_be_bytes(), sequence.to_be_bytes()].concat())
        .collect();
    let length = u16::try_from(numbers.len()).unwrap().to_be_bytes();
    plain_record(ContentType::Ack, 1000, &[&length[..], &numbers].concat())
}

#[test]
fn a_forged_acknowledgement_does_not_keep_the_servers_hello_from_a_client_that_lacks_it() {
    let mut pair = Setup::v13().pair();
    let hello = pair.client_sends();
    for datagram in &hello {
        pair.server_gets(datagram);
    }
    assert!(!pair.server_sends().is_empty(), "lost");
    pair.server_gets(&forged_acknowledgement(0..10));
    pair.wait(millis(400));
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    pair.rest();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn a_forged_acknowledgement_does_not_keep_a_client_from_repeating_itself() {
    let mut setup = Setup::v13();
    setup.server.cookies = Cookies::Required;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    assert!(!pair.client_sends().is_empty(), "lost");
    pair.client_gets(&forged_acknowledgement(0..10));
    pair.wait(millis(400));
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    pair.rest();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}
