//! What happens when datagrams are lost, doubled, or overtake each other.

use std::collections::VecDeque;

use pollrtc_core::InnerProtocol;
use pollrtc_crypto::Rng;
use pollrtc_dtls::wire::ContentType;
use pollrtc_dtls::{Event, State};
use quickcheck::quickcheck;

use crate::support::wire::plain_record;
use crate::support::{Pair, Setup, millis};

#[test]
fn the_first_flight_is_sent_again_after_400_ms_then_twice_as_late_each_time() {
    let mut pair = Pair::new();
    let mut sent_at = Vec::new();
    let start = pair.now;
    while sent_at.len() < 5 {
        assert_eq!(pair.client_sends().len(), 1);
        sent_at.push(pair.now - start);
        pair.now = pair.client.poll_timeout().unwrap();
        pair.client.handle_timeout(pair.now);
    }
    assert_eq!(sent_at, [0, 400, 1200, 2800, 6000].map(millis));
    assert_eq!(pair.client.stats().flights_resent, 5);
}

#[test]
fn a_known_round_trip_time_sets_the_first_wait() {
    for (round_trip, wait) in [(100, 150), (1, 50), (1000, 1500), (60_000, 3000)] {
        let mut pair = Pair::new();
        pair.client.set_round_trip_time(millis(round_trip));
        pair.client_sends();
        assert_eq!(pair.client.poll_timeout(), Some(pair.now + millis(wait)));
    }
}

#[test]
fn a_known_round_trip_time_ends_the_doubling_at_3_s() {
    let mut pair = Pair::new();
    let mut waits = Vec::new();
    let mut measure = |pair: &mut Pair| {
        pair.client_sends();
        let due = pair.client.poll_timeout().unwrap();
        waits.push((due - pair.now).as_millis());
        pair.now = due;
        pair.client.handle_timeout(due);
    };
    // Nobody knows anything yet.
    (0..5).for_each(|_| measure(&mut pair));
    pair.client.set_round_trip_time(millis(300));
    (0..4).for_each(|_| measure(&mut pair));
    assert_eq!(waits, [400, 800, 1600, 3200, 6400, 3000, 3000, 3000, 3000]);

    let mut pair = Pair::new();
    pair.client.set_round_trip_time(millis(100));
    let mut waits = Vec::new();
    for _ in 0..7 {
        pair.client_sends();
        let due = pair.client.poll_timeout().unwrap();
        waits.push((due - pair.now).as_millis());
        pair.now = due;
        pair.client.handle_timeout(due);
    }
    assert_eq!(waits, [150, 300, 600, 1200, 2400, 3000, 3000]);
}

#[test]
fn a_round_trip_time_that_becomes_known_moves_a_timer_that_runs() {
    let mut pair = Pair::new();
    pair.client_sends();
    let sent = pair.now;
    assert_eq!(pair.client.poll_timeout(), Some(sent + millis(400)));
    for (round_trip, wait) in [(40, 60), (2000, 3000), (0, 50), (200, 300)] {
        pair.client.set_round_trip_time(millis(round_trip));
        assert_eq!(pair.client.poll_timeout(), Some(sent + millis(wait)));
    }
    // It counts for what is doubled, too.
    pair.now = sent + millis(300);
    pair.client.handle_timeout(pair.now);
    pair.client_sends();
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + millis(600)));
    pair.client.set_round_trip_time(millis(100));
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + millis(300)));
}

#[test]
fn a_new_flight_waits_as_long_as_at_first_if_the_last_one_got_through() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    pair.server_sends();
    assert_eq!(pair.server.poll_timeout(), Some(pair.now + millis(400)));
}

#[test]
fn a_caller_has_a_flight_sent_again_once_per_timeout_and_the_timer_is_not_doubled() {
    for setup in [Setup::new(), Setup::v13()] {
        let mut pair = setup.pair();
        assert!(!pair.server.repeat_flight(pair.now), "there is none");
        assert!(!pair.client.repeat_flight(pair.now), "it is not out yet");
        let hello = pair.client_sends();
        pair.now += millis(20);
        assert!(pair.client.repeat_flight(pair.now));
        assert!(!pair.client.repeat_flight(pair.now), "it is on its way");
        assert_eq!(pair.client_sends().len(), hello.len());
        assert!(!pair.client.repeat_flight(pair.now), "once is enough");
        assert_eq!(pair.client.poll_timeout(), Some(pair.now + millis(400)));
        pair.wait(millis(400));
        let again = pair.client_sends();
        assert_eq!(
            pair.client.poll_timeout(),
            Some(pair.now + millis(800)),
            "this one was lost"
        );
        assert!(pair.client.repeat_flight(pair.now));
        assert_eq!(pair.client_sends().len(), again.len());
        assert_eq!(pair.client.poll_timeout(), Some(pair.now + millis(800)));
        assert_eq!(pair.client.stats().flights_resent, 3);
        for datagram in &again {
            pair.server_gets(datagram);
        }
        pair.rest();
        assert!(pair.client.is_connected() && pair.server.is_connected());
        assert!(!pair.client.repeat_flight(pair.now) && !pair.server.repeat_flight(pair.now));
    }
}

#[test]
fn every_single_lost_datagram_is_made_up_for() {
    for mtu in [1200, 300] {
        for lost in 0..16 {
            let mut setup = Setup::new();
            (setup.client.mtu, setup.server.mtu) = (mtu, mtu);
            let mut pair = setup.pair();
            let mut count = 0;
            pair.connect_over(100, |_, datagram| {
                count += 1;
                if count - 1 == lost { vec![] } else { vec![datagram] }
            });
            assert!(pair.client.is_connected(), "mtu {mtu}, datagram {lost}");
            assert!(pair.server.is_connected(), "mtu {mtu}, datagram {lost}");
        }
    }
}

quickcheck! {
    /// For every pattern of loss (a third of all), doubling and reordering: both connect, and
    /// nobody sends without end.
    fn any_bad_network_is_survived(seed: u64) -> bool {
        let mut setup = Setup::new();
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
        pair.client.is_connected() && pair.server.is_connected()
    }
}

#[test]
fn the_last_flight_is_sent_again_when_the_peer_sends_its_own_again() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    assert!(pair.server.is_connected());
    let lost = pair.server_sends();
    assert_eq!(pair.server.poll_timeout(), None, "the last flight has no timer");

    pair.wait(millis(400));
    let again = pair.client_sends();
    assert!(!again.is_empty());
    for datagram in &again {
        pair.server_gets(datagram);
    }
    let repeated = pair.server_sends();
    assert_eq!(repeated.len(), lost.len());
    assert_ne!(repeated, lost, "new sequence numbers");
    for datagram in repeated {
        pair.client_gets(&datagram);
    }
    assert!(pair.client.is_connected());

    // The same datagrams once more are replays and cause nothing.
    for datagram in &again {
        pair.server_gets(datagram);
    }
    assert!(pair.server_sends().is_empty());
    assert!(pair.server.stats().replayed_records > 0);
}

#[test]
fn a_repeated_hello_is_answered_but_not_more_than_four_times_per_timeout() {
    let mut pair = Pair::new();
    let hello = pair.client_sends();
    pair.server_gets(&hello[0]);
    assert_eq!(pair.server_sends().len(), 1);
    for _ in 0..100 {
        pair.server_gets(&hello[0]);
    }
    assert!(pair.server_sends().is_empty(), "just sent");
    pair.now += millis(100);
    for _ in 0..100 {
        pair.server_gets(&hello[0]);
    }
    assert_eq!(pair.server_sends().len(), 1);
    assert_eq!(pair.server.stats().flights_resent, 1);
}

#[test]
fn data_that_overtakes_the_clients_finished_waits_for_it() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let delayed = pair.client_sends();
    // The client can't be connected before the server's Finished; so let a copy of the server see it.
    for datagram in &delayed {
        pair.server_gets(datagram);
    }
    let finished = pair.server_sends();
    pair.server.send(b"first").unwrap();
    pair.server.send(b"second").unwrap();
    for datagram in pair.server_sends() {
        assert_eq!(pair.client_gets(&datagram), Vec::<Vec<u8>>::new());
    }
    assert_eq!(pair.client.state(), State::Connecting);
    assert_eq!(pair.client.stats().held_records, 2);
    for datagram in finished {
        assert_eq!(pair.client_gets(&datagram), Vec::<Vec<u8>>::new());
    }
    let events = pair.client_events();
    assert!(matches!(events[0], Event::Connected { .. }));
    assert_eq!(events[1], Event::ApplicationData(b"first".to_vec()));
    assert_eq!(events[2], Event::ApplicationData(b"second".to_vec()));
}

#[test]
fn finished_that_overtakes_the_rest_of_its_flight_waits_for_it() {
    let mut setup = Setup::new();
    setup.client.mtu = 200;
    let mut pair = setup.pair();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for datagram in pair.server_sends() {
        pair.client_gets(&datagram);
    }
    let mut flight = pair.client_sends();
    assert!(flight.len() > 2);
    flight.reverse();
    for datagram in flight {
        pair.server_gets(&datagram);
    }
    assert!(pair.server.is_connected());
    assert_eq!(pair.server.stats().held_records, 1);
}

#[test]
fn only_a_few_early_records_are_kept() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    for sequence in 0..1000 {
        let mut early = plain_record(ContentType::ApplicationData, sequence, &[0; 1000]);
        early[4] = 1; // of the next epoch
        pair.server_gets(&early);
    }
    let stats = pair.server.stats();
    assert!(stats.held_records <= 16);
    assert_eq!(stats.held_records + stats.overflowed_records, 1000);
    assert!(pair.server.memory() < 65_536);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}
