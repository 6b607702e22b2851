//! What laws and fuzz targets do with a connection: two ends of one, and an application that calls
//! anything at any time. Also compiled into `conformance/fuzzing`, with a `PROVIDER` of its own.

use pollrtc::{
    Bytes, ChannelInit, Config, Instant, PeerConnection, Reliability, RemoteCandidate, Router, SdpKind,
    SessionDescription, SignalingState,
};

/// A configuration whose runs repeat.
pub(crate) fn seeded(seed: u8) -> Config {
    Config::new(super::PROVIDER, [seed; 32])
}

/// Both ends of one negotiated connection; every call gives the same two.
pub(crate) fn negotiated() -> (PeerConnection, PeerConnection) {
    let now = Instant::from_millis(1_000);
    let (mut alice, offer) = offerer(now);
    let (bob, answer) = answerer(now, 2, &offer);
    alice.accept_answer(now, &answer).expect("our answer is fine");
    (alice, bob)
}

/// Who has made an offer, and taken one of several answers to it.
pub(crate) fn answered_thrice() -> (PeerConnection, [PeerConnection; 3]) {
    let now = Instant::from_millis(1_000);
    let (mut alice, offer) = offerer(now);
    let answerers = [2, 3, 4].map(|seed| answerer(now, seed, &offer));
    let [_, (_, answer), _] = &answerers;
    alice.accept_answer(now, answer).expect("our answer is fine");
    (alice, answerers.map(|(peer, _)| peer))
}

/// Another answer to that offer.
pub(crate) fn answered_once_more(now: Instant, seed: u8) -> PeerConnection {
    static OFFER: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    answerer(now, seed, OFFER.get_or_init(|| offerer(now).1)).0
}

fn offerer(now: Instant) -> (PeerConnection, String) {
    let mut alice = PeerConnection::new(seeded(1));
    alice
        .add_local_address(now, ([192, 0, 2, 1], 5000).into())
        .expect("a usable address");
    alice.create_data_channel("script").expect("room for a channel");
    let offer = alice.offer(now).expect("a fresh peer can offer");
    (alice, offer)
}

fn answerer(now: Instant, seed: u8, offer: &str) -> (PeerConnection, String) {
    let mut bob = PeerConnection::new(seeded(seed));
    bob.add_local_address(now, ([192, 0, 2, 2], 6000).into())
        .expect("a usable address");
    let answer = bob.accept_offer(now, offer).expect("our offer is fine");
    (bob, answer)
}

/// What an application may do with a router at any time whose peers have answered one offer.
pub(crate) fn act_on_duplicates(router: &mut Router, now: Instant, argument: u64) {
    let ids: Vec<_> = router.peers().map(|(id, _)| id).collect();
    let Some(id) = ids.get(argument as usize % ids.len().max(1)) else {
        return;
    };
    match argument >> 4 & 31 {
        0 => drop(router.remove(*id)),
        1..=3 if router.len() < 8 => drop(router.insert(answered_once_more(now, (argument >> 9) as u8))),
        _ => {
            if let Some(mut peer) = router.peer_mut(*id) {
                act(&mut peer, now, argument >> 9);
            }
        }
    }
}

/// What an application may do at any time, by number.
pub(crate) fn act(peer: &mut PeerConnection, now: Instant, argument: u64) {
    match argument % 12 {
        0..=3 => talk(peer, argument >> 4),
        4 | 5 => negotiate(peer, now, argument >> 4),
        6 => drop(peer.local_description()),
        7 => peer.restart_ice(),
        8 => peer.close_data_channels(),
        9 => {
            let candidate = RemoteCandidate {
                mid: ["0", "1", "2"].get(argument as usize >> 4 & 3).copied(),
                ..RemoteCandidate::from("candidate:1 1 udp 1 203.0.113.1 9 typ host")
            };
            drop(peer.add_remote_candidate(now, candidate));
        }
        10 => drop(peer.add_local_address(now, ([192, 0, 2, 1], 5001).into())),
        _ if argument % 251 == 11 => peer.close(now),
        _ => {}
    }
}

fn talk(peer: &mut PeerConnection, argument: u64) {
    let size = (argument >> 8) as usize % 5_000;
    let reliability = match argument % 3 {
        0 => Reliability::Reliable,
        _ => Reliability::MaxRetransmits(argument as u16 % 4),
    };
    let mut init = ChannelInit::new("script").with_reliability(reliability);
    init.ordered = argument.is_multiple_of(2);
    if let Ok(channel) = peer.create_data_channel(init) {
        let _ = peer.send(channel, Bytes::from(vec![argument as u8; size]));
        if argument.is_multiple_of(5) {
            peer.detach_channel(channel);
        }
        if argument.is_multiple_of(7) {
            peer.close_channel(channel);
        }
        let _ = peer.take_message(channel);
        if argument.is_multiple_of(11) {
            peer.discard_messages(channel);
        }
    }
}

/// One step of an exchange, with a stranger who takes the other side's place.
fn negotiate(peer: &mut PeerConnection, now: Instant, argument: u64) {
    let mut stranger = PeerConnection::new(seeded(argument as u8));
    let wants_data = argument & 64 != 0 && stranger.create_data_channel("stranger").is_ok();
    match argument % 6 {
        0 => drop(peer.offer(now)),
        1 => drop(peer.set_local_description(now, &SessionDescription::rollback())),
        2 => drop(peer.accept_offer(now, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")),
        3 => {
            if let Ok(offer) = stranger.offer(now) {
                drop(peer.accept_offer(now, &offer));
            }
        }
        4 => {
            // An offer that waits for its answer.
            if let Ok(offer) = stranger.create_offer() {
                drop(peer.set_remote_description(now, &offer));
            }
        }
        _ => {
            if peer.signaling_state() == SignalingState::HaveLocalOffer
                && let Some(offer) = peer.local_description()
                && stranger.set_remote_description(now, &offer).is_ok()
            {
                if !wants_data {
                    stranger.close_data_channels();
                }
                if let Ok(mut answer) = stranger.create_answer() {
                    if argument & 128 != 0 {
                        answer.kind = SdpKind::PrAnswer;
                    }
                    drop(peer.set_remote_description(now, &answer));
                }
            }
        }
    }
}
