//! Targets of the facade, `pollrtc`.

use pollrtc::{Bytes, ChannelInit, Config, Instant, PeerConnection, Reliability, Router, SignalingState};
use pollrtc_core::laws::Laws;

const NOW: Instant = Instant::from_millis(1_000);

/// Bytes as an offer, and as the answer to one. What is refused changes nothing; what is accepted
/// is answered with a description that the other side accepts.
pub fn negotiation(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut peer = peer(1);
    peer.add_local_address(NOW, ([192, 0, 2, 1], 5000).into())
        .expect("a usable address");
    match peer.accept_offer(NOW, &text) {
        Ok(answer) => {
            let sections = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
            assert_eq!(
                sections(&answer),
                sections(&text),
                "RFC 3264 §6: a section for each section"
            );
            assert_eq!(peer.signaling_state(), SignalingState::Stable);
            pollrtc_sdp::Session::parse(&answer).expect("our own descriptions are well formed");
        }
        Err(_) => {
            assert_eq!(peer.signaling_state(), SignalingState::Stable);
            assert_eq!(peer.local_description(), None);
        }
    }
    let mut offerer = self::peer(2);
    offerer.offer(NOW).expect("a fresh peer can offer");
    let before = offerer.local_description();
    if offerer.accept_answer(NOW, &text).is_err() {
        assert_eq!(offerer.signaling_state(), SignalingState::HaveLocalOffer);
        assert_eq!(offerer.local_description(), before);
    }
}

/// A script for a peer connection that talks to another.
pub fn peer_connection(script: &[u8]) {
    Laws::of(|| negotiated().0)
        .against(|| negotiated().1)
        .verb(act)
        .run(script);
}

/// A script for a router with a few peers, one of which talks.
pub fn router(script: &[u8]) {
    let router = || {
        let mut router = Router::new();
        router.insert(peer(9));
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
                6 if router.len() < 8 => drop(router.insert(peer(argument as u8))),
                _ => {}
            }
        })
        .run(script);
}

fn peer(seed: u8) -> PeerConnection {
    PeerConnection::new(Config::new(pollrtc_crypto::rust_crypto::PROVIDER, [seed; 32]))
}

/// Both ends of one negotiated connection; every call gives the same two.
fn negotiated() -> (PeerConnection, PeerConnection) {
    let (mut alice, mut bob) = (peer(1), peer(2));
    alice
        .add_local_address(NOW, ([192, 0, 2, 1], 5000).into())
        .expect("a usable address");
    bob.add_local_address(NOW, ([192, 0, 2, 2], 6000).into())
        .expect("a usable address");
    alice.create_data_channel("fuzz").expect("room for a channel");
    let offer = alice.offer(NOW).expect("a fresh peer can offer");
    let answer = bob.accept_offer(NOW, &offer).expect("our offer is fine");
    alice.accept_answer(NOW, &answer).expect("our answer is fine");
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
                ..ChannelInit::from("fuzz")
            };
            if let Ok(channel) = peer.create_data_channel(init) {
                let _ = peer.send(channel, Bytes::from(vec![argument as u8; size]));
                if argument.is_multiple_of(7) {
                    peer.close_channel(channel);
                }
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
