//! A peer connection and a router keep the seven laws, whatever is called, comes or is lost.

use crate::support::seeded;
use pollrtc::{Bytes, ChannelInit, Instant, PeerConnection, Reliability, Router};
use pollrtc_core::laws::Laws;

/// Both ends of one negotiated connection; every call gives the same two.
fn negotiated() -> (PeerConnection, PeerConnection) {
    let now = Instant::from_millis(1_000);
    let mut alice = PeerConnection::new(seeded(1));
    let mut bob = PeerConnection::new(seeded(2));
    alice.add_local_address(now, "192.0.2.1:5000".parse().unwrap()).unwrap();
    bob.add_local_address(now, "192.0.2.2:6000".parse().unwrap()).unwrap();
    alice.create_data_channel("chat").unwrap();
    let offer = alice.offer(now).unwrap();
    let answer = bob.accept_offer(now, &offer).unwrap();
    alice.accept_answer(now, &answer).unwrap();
    (alice, bob)
}

/// What an application may do at any time, by number.
fn act(peer: &mut PeerConnection, now: Instant, argument: u64) {
    let size = (argument >> 8) as usize % 5_000;
    match argument % 12 {
        0..=4 => {
            let reliability = match argument % 3 {
                0 => Reliability::Reliable,
                _ => Reliability::MaxRetransmits(argument as u16 % 4),
            };
            let init = ChannelInit {
                ordered: argument.is_multiple_of(2),
                reliability,
                ..ChannelInit::from("law")
            };
            if let Ok(channel) = peer.create_data_channel(init) {
                let _ = peer.send(channel, Bytes::from(vec![argument as u8; size]));
            }
        }
        5 => drop(peer.offer(now)),
        6 => drop(peer.local_description()),
        7 => peer.restart_ice(),
        8 => drop(peer.accept_offer(now, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")),
        9 => drop(peer.add_remote_candidate(now, "candidate:1 1 udp 1 203.0.113.1 9 typ host")),
        10 => drop(peer.add_local_address(now, ([192, 0, 2, 1], 5001).into())),
        _ if argument % 251 == 11 => peer.close(now),
        _ => {}
    }
}

#[test]
fn the_offerer_keeps_the_laws() {
    Laws::of(|| negotiated().0)
        .against(|| negotiated().1)
        .verb(act)
        .scripts(40)
        .check();
}

#[test]
fn the_answerer_keeps_the_laws() {
    let addresses = (([192, 0, 2, 2], 6000).into(), ([192, 0, 2, 1], 5000).into());
    Laws::of(|| negotiated().1)
        .against(|| negotiated().0)
        .addresses(addresses.0, addresses.1)
        .verb(act)
        .scripts(40)
        .check();
}

#[test]
fn a_peer_that_never_negotiates_keeps_the_laws() {
    Laws::of(|| PeerConnection::new(seeded(3)))
        .verb(act)
        .scripts(40)
        .check();
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
