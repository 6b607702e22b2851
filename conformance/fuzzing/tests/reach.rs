//! Stand-ins for cryptography keep nobody from connecting: fuzz targets get where real providers would.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc::{Config, Event, Instant, PeerConnection};
use pollrtc_core::{Datagram, StateMachine};
use pollrtc_fuzzing_provider::PROVIDER;

const ALICE: ([u8; 4], u16) = ([192, 0, 2, 1], 5000);
const BOB: ([u8; 4], u16) = ([192, 0, 2, 2], 6000);

#[test]
fn two_peers_talk_with_stand_ins_and_every_run_is_the_same() {
    let first = talk();
    assert_eq!(first, talk());
    let is_there = |end: &str| first.iter().any(|line| line.contains(end));
    assert!(is_there("alice Message") && is_there("bob Message"), "{first:#?}");
}

/// Two ends negotiate, connect and say something to each other; what both were told.
fn talk() -> Vec<String> {
    let mut now = Instant::from_millis(1_000);
    let [mut alice, mut bob] = [1, 2].map(|seed| PeerConnection::new(Config::new(PROVIDER, [seed; 32])));
    alice.add_local_address(now, ALICE.into()).expect("an address");
    bob.add_local_address(now, BOB.into()).expect("an address");
    alice.create_data_channel("talk").expect("a channel");
    let offer = alice.offer(now).expect("an offer");
    let answer = bob.accept_offer(now, &offer).expect("our offer is fine");
    alice.accept_answer(now, &answer).expect("our answer is fine");

    let mut log = Vec::new();
    for _ in 0..200 {
        for peer in [&mut alice, &mut bob] {
            peer.handle_timeout(now);
        }
        while carry(now, &mut alice, ALICE.into(), &mut bob) | carry(now, &mut bob, BOB.into(), &mut alice) {}
        for (name, peer) in [("alice", &mut alice), ("bob", &mut bob)] {
            while let Some(event) = peer.poll_event() {
                log.push(format!("{name} {event:?}"));
                if let Event::ChannelOpen { channel, .. } = event {
                    peer.send(channel, "hello").expect("an open channel");
                }
            }
        }
        now += Duration::from_millis(10);
    }
    log
}

/// Whether there was anything to carry.
fn carry(now: Instant, from: &mut PeerConnection, source: SocketAddr, to: &mut PeerConnection) -> bool {
    let (mut buf, mut has_said) = ([0; 1500], false);
    while let Some(transmit) = from.poll_transmit(now, &mut buf) {
        has_said = true;
        let _ = to.handle_datagram(now, Datagram::udp(source, &mut buf[..transmit.len]));
    }
    has_said
}
