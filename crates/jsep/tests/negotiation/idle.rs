//! Media that we can't take, bundled with what we do take: it stays without any, so that the transport
//! stays where it is described.

use pollrtc_jsep::rtp::{Codec, MediaKind};
use pollrtc_jsep::{BundlePolicy, Config, Description, Effect, RejectReason, TransceiverInit};
use pollrtc_sdp::attribute::Direction;

use crate::support::{
    Peer, described_once, edited, exchange, has, is_rejected, media_config, media_lines, section, transport_of, values,
};

const KINDS: [MediaKind; 2] = [MediaKind::Audio, MediaKind::Video];

/// Audio, video and data channels, as a browser with this policy offers them.
fn browser(bundle_policy: BundlePolicy) -> Peer {
    let config = Config {
        bundle_policy,
        ..media_config()
    };
    let mut alice = Peer::with("alice", config);
    for kind in KINDS {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    alice
}

fn idle(effects: &[Effect]) -> Vec<(usize, RejectReason)> {
    let idle = |effect: &Effect| match effect {
        Effect::SectionIdle { section, reason, .. } => Some((*section, *reason)),
        _ => None,
    };
    effects.iter().filter_map(idle).collect()
}

fn closed(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::TransportClosed(_)))
}

/// All that a section without media says beside its transport.
fn assert_idle(description: &Description, index: usize) {
    let text = section(description, index);
    assert!(!is_rejected(description, index), "{description}");
    assert!(has(&text, "inactive") && has(&text, "rtcp-mux"), "{text}");
    let formats = media_lines(description)[index].split(' ').skip(3).count();
    assert_eq!((formats, values(&text, "rtpmap").len()), (1, 1), "{text}");
    for attribute in ["msid", "rtcp-fb", "extmap", "ssrc", "rid"] {
        assert!(values(&text, attribute).is_empty(), "{text}");
    }
}

#[test]
fn the_section_that_describes_the_transport_keeps_it_whatever_the_policy() {
    for policy in [BundlePolicy::MaxBundle, BundlePolicy::Balanced, BundlePolicy::MaxCompat] {
        let (mut alice, mut bob) = (browser(policy), Peer::new("bob"));
        let offer = alice.offer();
        bob.take(&offer);
        let answer = bob.create_answer();
        let effects = bob.negotiator.set_local(&answer).unwrap();
        let unsupported = RejectReason::Unsupported;
        assert_eq!(idle(&effects), [(0, unsupported), (1, unsupported)], "once each");
        assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 0 1 2"]);
        for index in 0..2 {
            assert_idle(&answer, index);
        }
        assert!(bob.negotiator.transceivers().is_empty() && bob.negotiator.data_channels().is_some());
        alice.take(&answer);
        for peer in [&alice, &bob] {
            let transport = peer.negotiator.transports().next().unwrap();
            assert_eq!((transport.section, peer.negotiator.transports().count()), (0, 1));
            assert!(!peer.negotiator.negotiation_needed());
        }
        let directions = alice
            .negotiator
            .transceivers()
            .iter()
            .map(|each| each.current_direction());
        assert!(directions.eq([Some(Direction::Inactive); 2]));

        // From either side nothing changes any more.
        let (_, again) = exchange(&mut alice, &mut bob);
        assert!((0..2).all(|index| transport_of(&section(&again, index)) == transport_of(&section(&answer, index))));
        bob.take(&alice.offer());
        let answer = bob.create_answer();
        assert_eq!(idle(&bob.negotiator.set_local(&answer).unwrap()), []);
        alice.take(&answer);
        let (offer, answer) = exchange(&mut bob, &mut alice);
        for description in [&offer, &answer] {
            assert_eq!(values(&description.sdp, "group"), ["BUNDLE 0 1 2"]);
            assert_idle(&offer, 0);
            assert_idle(&offer, 1);
        }
        assert_eq!(bob.negotiator.transports().count(), 1);
    }
}

#[test]
fn nothing_is_kept_where_nothing_is_taken_or_nothing_is_bundled() {
    // Audio and video alone.
    let mut alice = browser(BundlePolicy::MaxBundle);
    alice.negotiator.stop_data_channels();
    let answer = Peer::new("bob").answer(&alice.offer());
    assert!((0..2).all(|index| is_rejected(&answer, index)));
    // With a transport of its own.
    let offer = browser(BundlePolicy::MaxCompat).offer();
    let apart = edited(&offer, "a=group:BUNDLE 0 1 2\r\n", "");
    let answer = Peer::new("bob").answer(&apart);
    assert!((0..2).all(|index| is_rejected(&answer, index)) && !is_rejected(&answer, 2));
    // What is bundled multiplexes RTCP, whether it says so or not.
    let silent = edited(&edited(&offer, "a=rtcp-mux\r\n", ""), "a=rtcp-mux-only\r\n", "");
    let answer = Peer::new("bob").answer(&silent);
    assert_idle(&answer, 0);
    assert!(!is_rejected(&answer, 2));
    // What is no RTP at all.
    let strange = edited(&offer, "m=audio 9 UDP/TLS/RTP/SAVPF", "m=text 9 TCP/MRCPv2");
    let answer = Peer::new("bob").answer(&strange);
    assert!(is_rejected(&answer, 0));
    assert_idle(&answer, 1);
}

#[test]
fn they_go_with_the_last_that_is_taken() {
    for stopping in 0..2 {
        let mut peers = [browser(BundlePolicy::MaxBundle), Peer::new("bob")];
        let [alice, bob] = &mut peers;
        exchange(alice, bob);
        peers[stopping].negotiator.stop_data_channels();
        let [alice, bob] = &mut peers;
        let (offerer, answerer) = if stopping == 0 { (alice, bob) } else { (bob, alice) };
        let (_, answer) = exchange(offerer, answerer);
        assert!((0..3).all(|index| is_rejected(&answer, index)), "{answer}");
        assert!(peers.iter().all(|peer| peer.negotiator.transports().count() == 0));
        // And come again.
        let [alice, bob] = &mut peers;
        alice.negotiator.add_track(MediaKind::Audio, vec![]);
        alice.negotiator.add_data_channels();
        let (_, answer) = exchange(alice, bob);
        assert_idle(&answer, 0);
        assert!(bob.negotiator.data_channels().is_some());
    }
}

#[test]
fn data_channels_that_come_back_at_once_find_their_transport() {
    let (mut alice, mut bob) = (browser(BundlePolicy::MaxBundle), Peer::new("bob"));
    exchange(&mut alice, &mut bob);
    let before: Vec<_> = bob.negotiator.live_keys().collect();
    bob.negotiator.stop_data_channels();
    bob.negotiator.add_data_channels();
    let (offer, _) = exchange(&mut bob, &mut alice);
    assert_idle(&offer, 0);
    assert_eq!(bob.negotiator.live_keys().collect::<Vec<_>>(), before);
}

#[test]
fn more_media_comes_and_goes_beside_data_channels() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    for kind in KINDS {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    let (_, answer) = exchange(&mut alice, &mut bob);
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 0 1 2"]);
    assert_idle(&answer, 1);
    assert_idle(&answer, 2);
    // The peer lets go of one.
    let audio = alice.negotiator.transceivers()[0].id();
    alice.negotiator.stop(audio).unwrap();
    let offer = alice.offer();
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!(is_rejected(&answer, 1) && !closed(&effects));
    assert_idle(&answer, 2);
    alice.take(&answer);
    // Its place is used again.
    let (mut carol, mut dave) = (alice, bob);
    dave.negotiator.stop_data_channels();
    let (offer, _) = exchange(&mut dave, &mut carol);
    assert!((0..3).all(|index| is_rejected(&offer, index)));
}

#[test]
fn media_without_a_common_codec_is_kept_too_and_its_transceiver_is_gone() {
    let mut bob = Peer::with(
        "bob",
        Config {
            audio: {
                let mut audio = media_config().audio;
                audio.codecs = vec![Codec::new("speex", 16_000)];
                audio
            },
            ..media_config()
        },
    );
    bob.negotiator.add_track(MediaKind::Audio, vec![]);
    let mut alice = browser(BundlePolicy::MaxBundle);
    let offer = alice.offer();
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(idle(&effects), [(0, RejectReason::NoCommonCodec)]);
    assert_idle(&answer, 0);
    assert!(!is_rejected(&answer, 1));
    alice.take(&answer);
    let kinds: Vec<MediaKind> = bob.negotiator.transceivers().iter().map(|each| each.kind()).collect();
    assert_eq!(kinds, [MediaKind::Video]);
    assert!(!bob.negotiator.negotiation_needed());
    // New media of ours takes none of its numbers.
    bob.negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let (offer, _) = exchange(&mut bob, &mut alice);
    assert_idle(&offer, 0);
    let formats = |index: usize| -> Vec<&str> { media_lines(&offer)[index].split(' ').skip(3).collect() };
    assert!(!formats(1).contains(&formats(0)[0]) && !formats(3).contains(&formats(0)[0]));
}

/// As RFC 9143 §7.3.1 has it: nobody else could describe the transport.
#[test]
fn a_transport_that_is_described_once_stays_where_it_is() {
    let (mut alice, mut bob) = (browser(BundlePolicy::MaxBundle), Peer::new("bob"));
    let answer = bob.answer(&described_once(&alice.offer()));
    assert_idle(&answer, 0);
    assert!(!is_rejected(&answer, 2));
    alice.take(&answer);
}
