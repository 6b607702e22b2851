//! Offer and answer, in and out of order; what is refused changes nothing.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Pair, START};
use pollrtc::{
    ChannelState, Event, NegotiationError, PeerConnection, RejectReason, SdpKind, SessionDescription, SignalingState,
    StateMachine,
};

const SECOND: Duration = Duration::from_secs(1);

fn open_pair() -> Pair {
    let mut pair = Pair::new();
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    pair.negotiate();
    pair.run_until(2 * SECOND, |pair| {
        let bob_has_it = |event: &Event| matches!(event, Event::ChannelOpen { .. });
        pair.alice.peer.channel_state(chat) == ChannelState::Open && pair.bob.events.iter().any(bob_has_it)
    });
    pair
}

fn ufrag(sdp: &str) -> &str {
    sdp.lines()
        .find_map(|line| line.strip_prefix("a=ice-ufrag:"))
        .expect("a description has a ufrag")
}

/// Alice's channel still carries messages to Bob.
fn assert_talking(pair: &mut Pair, text: &str) {
    let opened = pair.bob.events.iter().find_map(|event| match event {
        Event::ChannelOpen { channel, .. } => Some(*channel),
        _ => None,
    });
    let channel = opened.expect("Bob's end is open");
    pair.bob.peer.send(channel, text).unwrap();
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.texts().last().is_some_and(|last| last == text)
    });
}

#[test]
fn malformed_sdp_gives_line_and_column_and_changes_nothing() {
    let mut peer = PeerConnection::new(seeded(1));
    let bad = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application x UDP/DTLS/SCTP webrtc-datachannel\r\n";
    let error = peer.accept_offer(START, bad).unwrap_err();
    let NegotiationError::Sdp(error) = error else {
        panic!("{error}")
    };
    assert_eq!((error.line(), error.column()), (5, 15));
    assert_eq!(peer.signaling_state(), SignalingState::Stable);
    assert_eq!(peer.local_description(), None);
}

#[test]
fn sections_that_we_have_no_use_for_keep_their_place_and_are_rejected() {
    let mut alice = PeerConnection::new(seeded(1));
    alice
        .add_local_address(START, "192.0.2.1:4000".parse().unwrap())
        .unwrap();
    alice.create_data_channel("chat").unwrap();
    let offer = alice.offer(START).unwrap();
    let (session, data) = offer.split_once("m=application").unwrap();
    // Audio would have a transport of its own.
    let session = session.replace("BUNDLE 0", "BUNDLE 0 v");
    let offer = format!(
        "{session}m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n\
         m=application{data}m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=bundle-only\r\n"
    );
    let mut bob = PeerConnection::new(seeded(2));
    bob.add_local_address(START, "192.0.2.2:4000".parse().unwrap()).unwrap();
    let answer = bob.accept_offer(START, &offer).unwrap();
    let sections: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(sections[0], "m=audio 0 UDP/TLS/RTP/SAVPF 111 0");
    assert!(sections[1].starts_with("m=application 4000 "), "{}", sections[1]);
    assert_eq!(sections[2], "m=video 0 UDP/TLS/RTP/SAVPF 96");
    assert!(
        answer.contains("a=group:BUNDLE 0\r\n"),
        "only what is accepted is bundled"
    );
    let told: Vec<_> = std::iter::from_fn(|| bob.poll_event())
        .filter_map(|event| match event {
            Event::SectionRejected { section, mid, reason } => Some((section, mid, reason)),
            _ => None,
        })
        .collect();
    let unsupported = |section: usize, mid: &str| (section, mid.to_owned(), RejectReason::Unsupported);
    assert_eq!(told, [unsupported(0, "a"), unsupported(2, "v")]);
}

#[test]
fn an_ice_restart_from_either_side_keeps_the_channel() {
    let mut pair = open_pair();
    let before = pair.alice.peer.local_description().unwrap().sdp;

    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    assert_ne!(ufrag(&offer), ufrag(&before));
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, "after Alice's restart");

    pair.bob.peer.restart_ice();
    let offer = pair.bob.peer.offer(pair.now).unwrap();
    assert_ne!(ufrag(&offer), ufrag(&answer));
    let answer = pair.alice.peer.accept_offer(pair.now, &offer).unwrap();
    assert_ne!(ufrag(&answer), ufrag(&before));
    pair.bob.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, "after Bob's restart");
}

#[test]
fn renegotiation_without_changes_keeps_everything() {
    let mut pair = open_pair();
    let before = pair.alice.peer.local_description().unwrap().sdp;
    pair.negotiate();
    let after = pair.alice.peer.local_description().unwrap().sdp;
    assert_eq!(ufrag(&before), ufrag(&after));
    let version = |sdp: &str| -> u64 {
        let origin = sdp.lines().nth(1).expect("o= is the second line");
        origin
            .split(' ')
            .nth(2)
            .and_then(|version| version.parse().ok())
            .expect("a number")
    };
    assert!(version(&after) > version(&before), "RFC 3264 §8: the version grows");
    assert_talking(&mut pair, "still here");
}

#[test]
fn what_does_not_fit_the_state_is_refused() {
    let mut peer = PeerConnection::new(seeded(1));
    let now = START;
    let refused = |result: Result<_, NegotiationError>| matches!(result, Err(NegotiationError::WrongState { .. }));
    assert!(refused(peer.create_answer()));
    assert!(refused(
        peer.accept_answer(now, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")
            .map(|()| unreachable!())
    ));
    peer.create_data_channel("chat").unwrap();
    let offer = peer.create_offer().unwrap();
    let edited = SessionDescription::offer(offer.sdp.replace("actpass", "active"));
    assert_eq!(
        peer.set_local_description(now, &edited),
        Err(NegotiationError::Modified { kind: SdpKind::Offer })
    );
    peer.set_local_description(now, &offer).unwrap();
    assert_eq!(peer.signaling_state(), SignalingState::HaveLocalOffer);
    peer.set_local_description(now, &SessionDescription::rollback())
        .unwrap();
    assert_eq!(peer.signaling_state(), SignalingState::Stable);
    assert_eq!(peer.local_description(), None, "the offer was taken back");
}

#[test]
fn candidates_trickle_in_both_directions() {
    let mut pair = Pair::new();
    let now = pair.now;
    let mut alice = PeerConnection::new(seeded(1));
    let mut bob = PeerConnection::new(seeded(2));
    let chat = alice.create_data_channel("chat").unwrap();
    // Descriptions first, without any candidate.
    let offer = alice.offer(now).unwrap();
    let answer = bob.accept_offer(now, &offer).unwrap();
    alice.accept_answer(now, &answer).unwrap();
    assert!(!offer.contains("a=candidate") && !answer.contains("a=candidate"));
    // Then the addresses.
    alice.add_local_address(now, pair.alice.address).unwrap();
    bob.add_local_address(now, pair.bob.address).unwrap();
    let trickle = |from: &mut PeerConnection, to: &mut PeerConnection| {
        use pollrtc::StateMachine;
        let mut count = 0;
        while let Some(event) = from.poll_event() {
            if let Event::Candidate(candidate) = event {
                assert_eq!(candidate.sdp_mid.as_deref(), Some("0"));
                to.add_remote_candidate(now, &candidate.candidate).unwrap();
                count += 1;
            }
        }
        assert_eq!(count, 1);
    };
    trickle(&mut alice, &mut bob);
    trickle(&mut bob, &mut alice);
    (pair.alice.peer, pair.bob.peer) = (alice, bob);
    pair.run_until(2 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
}

#[test]
fn a_new_certificate_without_an_ice_restart_is_refused() {
    let mut pair = open_pair();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let digest = offer.split("sha-256 ").nth(1).unwrap();
    let forged = offer.replace(&digest[..2], if digest.starts_with("AA") { "BB" } else { "AA" });
    let refused = pair.bob.peer.accept_offer(pair.now, &forged);
    assert_eq!(refused, Err(NegotiationError::NewDtlsAssociation { section: 0 }));
    assert_eq!(pair.bob.peer.signaling_state(), SignalingState::Stable);
    assert_talking(&mut pair, "as if nothing had been said");
}

/// Offers of browsers with everything in them get an answer that takes the data channels, and no
/// media.
#[test]
fn browsers_offers_are_answered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/sdp/browsers");
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files {
        let path = file.unwrap().path();
        if !path.to_string_lossy().ends_with("-offer.sdp") {
            continue;
        }
        let offer = std::fs::read_to_string(&path).unwrap();
        let mut peer = PeerConnection::new(seeded(7));
        peer.add_local_address(START, "192.0.2.9:4000".parse().unwrap())
            .unwrap();
        let answer = peer
            .accept_offer(START, &offer)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let sections = |sdp: &str| sdp.lines().filter(|line| line.starts_with("m=")).count();
        assert_eq!(sections(&answer), sections(&offer), "{}", path.display());
        // All that is bundled with data channels stays, without media.
        let has_data = offer.contains("m=application");
        let alive = answer
            .lines()
            .filter(|line| line.starts_with("m=") && line.split(' ').nth(1) != Some("0"))
            .count();
        let all = if has_data { sections(&offer) } else { 0 };
        assert_eq!(alive, all, "{}", path.display());
        let idle = answer.lines().filter(|line| *line == "a=inactive").count();
        assert_eq!(idle, sections(&offer) - usize::from(has_data), "{}", path.display());
    }
}

#[test]
fn a_restart_that_is_taken_back_changes_nothing() {
    let mut pair = open_pair();
    let before = pair.alice.peer.local_description().unwrap().sdp;
    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    assert_ne!(ufrag(&offer), ufrag(&before));
    pair.alice
        .peer
        .set_local_description(pair.now, &SessionDescription::rollback())
        .unwrap();
    assert_eq!(ufrag(&pair.alice.peer.local_description().unwrap().sdp), ufrag(&before));
    // Glare is why offers are taken back: Bob's came first, and restarts nothing.
    let offer = pair.bob.peer.offer(pair.now).unwrap();
    let answer = pair.alice.peer.accept_offer(pair.now, &offer).unwrap();
    assert_eq!(ufrag(&answer), ufrag(&before));
    pair.bob.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_for(90 * SECOND);
    assert_talking(&mut pair, "as if nothing had been said");
}

/// Browsers do so when the section that describes the transport is stopped: to them it is another
/// transport, with another handshake of DTLS, over which the association of SCTP goes on.
#[test]
fn an_answer_that_restarts_ice_by_itself_is_taken_and_the_channels_wait_for_the_new_transport() {
    let mut pair = open_pair();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    let forged = answer.replace(ufrag(&answer), "another1");
    pair.alice.peer.accept_answer(pair.now, &forged).unwrap();
    pair.run_for(SECOND);
    let closed = |event: &Event| matches!(event, Event::ChannelClosed { .. } | Event::Closed(_));
    assert!(!pair.alice.events.iter().any(closed), "{:?}", pair.alice.events);
    assert_eq!(pair.alice.peer.connection_state(), pollrtc::ConnectionState::Connecting);
}

#[test]
fn fingerprints_are_a_set() {
    let mut pair = open_pair();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let line = offer.lines().find(|line| line.starts_with("a=fingerprint:")).unwrap();
    let unknown = offer.replace(line, &format!("a=fingerprint:sha-9 AB:CD\r\n{line}"));
    let answer = pair.bob.peer.accept_offer(pair.now, &unknown).unwrap();
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    assert_talking(&mut pair, "same certificate");
}

#[test]
fn what_is_closed_can_not_be_negotiated() {
    let mut pair = open_pair();
    pair.alice.peer.close(pair.now);
    pair.run_for(SECOND);
    for side in [&mut pair.alice, &mut pair.bob] {
        assert_eq!(side.peer.signaling_state(), SignalingState::Closed);
        assert!(side.peer.offer(pair.now).is_err());
    }
}

#[test]
fn no_password_is_ever_printed() {
    let pair = open_pair();
    let sdp = pair.alice.peer.local_description().unwrap().sdp;
    let pwd = sdp.lines().find_map(|line| line.strip_prefix("a=ice-pwd:")).unwrap();
    assert!(!format!("{:?}", pair.alice.peer).contains(pwd));
}
