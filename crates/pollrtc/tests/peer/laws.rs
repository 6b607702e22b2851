//! A peer connection and a router keep the seven laws, whatever is called, comes or is lost.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::hostile_script::{self, calling};
use crate::script::{act, act_on_duplicates, answered_thrice, negotiated, seeded};
use pollrtc::{Event, Instant, PeerConnection, Router, StateMachine};
use pollrtc_core::laws::Laws;

/// All addresses that a script may give: those of the two sides, and one more.
const LOCAL_ADDRESSES: [SocketAddr; 3] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5000),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5001),
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)), 6000),
];

#[test]
fn the_offerer_keeps_the_laws() {
    Laws::of(|| negotiated().0)
        .local_addresses(LOCAL_ADDRESSES)
        .against(|| negotiated().1)
        .verb(act)
        .scripts(40)
        .check();
}

#[test]
fn the_answerer_keeps_the_laws() {
    let addresses = (([192, 0, 2, 2], 6000).into(), ([192, 0, 2, 1], 5000).into());
    Laws::of(|| negotiated().1)
        .local_addresses(LOCAL_ADDRESSES)
        .against(|| negotiated().0)
        .addresses(addresses.0, addresses.1)
        .verb(act)
        .scripts(40)
        .check();
}

#[test]
fn a_peer_that_never_negotiates_keeps_the_laws() {
    Laws::of(|| PeerConnection::new(seeded(3)))
        .local_addresses(LOCAL_ADDRESSES)
        .verb(act)
        .scripts(40)
        .check();
}

/// Sound and pictures both ways, with a peer that has the keys and sends anything.
#[test]
fn a_call_keeps_the_laws_whatever_its_peer_seals() {
    Laws::of(|| calling().0)
        .local_addresses(LOCAL_ADDRESSES)
        .against(|| calling().1)
        .verb(hostile_script::act)
        .scripts(80)
        .check();
}

/// What such a peer seals is taken: its streams begin, and what it asks for is heard.
#[test]
fn what_a_hostile_peer_seals_is_authentic() {
    let (mut alice, _bob) = calling();
    for argument in 0..2_000 {
        hostile_script::act(
            &mut alice,
            Instant::from_millis(2_000 + argument),
            (argument << 4) | (argument % 8),
        );
    }
    let events: Vec<_> = std::iter::from_fn(|| alice.poll_event()).collect();
    let count = |is_such: fn(&Event) -> bool| events.iter().filter(|event| is_such(event)).count();
    assert!(
        count(|event| matches!(event, Event::StreamStarted { .. })) > 10,
        "{events:?}"
    );
    assert!(count(|event| matches!(event, Event::StreamEnded { .. })) > 10);
    assert!(count(|event| matches!(event, Event::ResendWanted { .. })) > 10);
    assert!(count(|event| matches!(event, Event::KeyframeWanted { .. })) > 10);
    assert!(count(|event| matches!(event, Event::Clock { .. })) > 0);
    assert!(events.len() < 5_000, "what is not taken is bounded");
}

#[test]
fn a_router_keeps_the_laws() {
    let router = || {
        let mut router = Router::new();
        router.insert(PeerConnection::new(seeded(9)));
        router.insert(negotiated().0);
        router
    };
    Laws::of(router)
        .local_addresses(LOCAL_ADDRESSES)
        .against(|| negotiated().1)
        .verb(|router, now, argument| {
            let ids: Vec<_> = router.peers().map(|(id, _)| id).collect();
            let Some(id) = ids.get(argument as usize % ids.len().max(1)) else {
                return;
            };
            if let Some(mut peer) = router.peer_mut(*id) {
                act(&mut peer, now, argument >> 4);
            }
            match argument % 97 {
                5 => drop(router.remove(*id)),
                6 => drop(router.insert(PeerConnection::new(seeded(argument as u8)))),
                _ => {}
            }
        })
        .scripts(40)
        .check();
}

#[test]
fn a_router_with_several_answers_to_one_offer_keeps_the_laws() {
    let router = || {
        let mut router = Router::new();
        for peer in answered_thrice().1 {
            router.insert(peer);
        }
        router
    };
    let addresses = (([192, 0, 2, 2], 6000).into(), ([192, 0, 2, 1], 5000).into());
    Laws::of(router)
        .local_addresses(LOCAL_ADDRESSES)
        .against(|| answered_thrice().0)
        .addresses(addresses.0, addresses.1)
        .verb(act_on_duplicates)
        .scripts(40)
        .check();
}
