//! Sections that share a transport: offered, accepted in part, refused, taken apart.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{
    BundlePolicy, Config, Description, Deviation, Effect, RejectReason, RtcpMuxPolicy, SdpKind, TransceiverInit,
    TransportId,
};

use crate::support::{
    Peer, as_kind, described_once, different, edited, exchange, has, is_rejected, media_config, media_lines, section,
    transport_of, values,
};

fn with_policy(name: &'static str, bundle_policy: BundlePolicy) -> Peer {
    let config = Config {
        bundle_policy,
        ..media_config()
    };
    Peer::with(name, config)
}

/// Two audio sections, one of video, data channels.
fn offerer(bundle_policy: BundlePolicy) -> Peer {
    let mut alice = with_policy("alice", bundle_policy);
    for kind in [MediaKind::Audio, MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    alice
}

/// As a peer says it that knows nothing of bundles: each section answered on its own.
fn without_bundle(description: &Description) -> Description {
    let lines = description.sdp.split_inclusive("\r\n");
    let kept: String = lines.filter(|line| !line.starts_with("a=group:BUNDLE")).collect();
    Description {
        sdp: kept,
        ..description.clone()
    }
}

/// Media by a protocol that we don't know, or back by the one that all know.
fn by_another_protocol(description: &Description) -> Description {
    match description.sdp.contains("SAVPF") {
        true => edited(description, "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/ABCD"),
        false => edited(description, "UDP/TLS/RTP/ABCD", "UDP/TLS/RTP/SAVPF"),
    }
}

fn reasons(effects: &[Effect]) -> Vec<(usize, RejectReason)> {
    let reason = |effect: &Effect| match effect {
        Effect::SectionRejected { section, reason, .. } => Some((*section, *reason)),
        _ => None,
    };
    effects.iter().filter_map(reason).collect()
}

fn closed(effects: &[Effect]) -> usize {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::TransportClosed(_)))
        .count()
}

#[test]
fn the_policy_decides_which_sections_have_a_transport_to_fall_back_on() {
    let policies = [
        (BundlePolicy::Balanced, [false, true, false, false]),
        (BundlePolicy::MaxCompat, [false; 4]),
        (BundlePolicy::MaxBundle, [false, true, true, true]),
    ];
    for (policy, bundle_only) in policies {
        let mut alice = offerer(policy);
        let offer = alice.offer();
        assert_eq!(values(&offer.sdp, "group"), ["BUNDLE 0 1 2 3"]);
        let own = bundle_only.iter().filter(|bundle_only| !**bundle_only).count();
        assert_eq!(different(&offer, "ice-ufrag"), own, "unique credentials");
        for (index, bundle_only) in bundle_only.into_iter().enumerate() {
            let text = section(&offer, index);
            assert_eq!(has(&text, "bundle-only"), bundle_only);
            assert_eq!(media_lines(&offer)[index].split(' ').nth(1) == Some("0"), bundle_only);
            let tagged = transport_of(&section(&offer, 0));
            assert!(!bundle_only || transport_of(&text) == tagged, "as the tagged one says");
        }
        // A bundle-only section in the group is accepted all the same, over one transport.
        let mut bob = Peer::media("bob");
        let answer = bob.answer(&offer);
        assert_eq!(different(&answer, "ice-ufrag"), 1);
        assert!((0..4).all(|index| !is_rejected(&answer, index)));
        assert!(!answer.sdp.contains("bundle-only"));
        let effects = alice.take(&answer);
        assert_eq!(closed(&effects), own - 1);
        assert_eq!(alice.negotiator.transports().count(), 1);
        assert_eq!(bob.negotiator.transports().count(), 1);
    }
}

#[test]
fn transports_that_the_bundle_leaves_over_are_closed_by_the_final_answer_only() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let offer = alice.offer();
    let answer = Peer::media("bob").answer(&offer);
    assert_eq!(closed(&alice.take(&as_kind(&answer, SdpKind::PrAnswer))), 0);
    assert_eq!(alice.negotiator.live_keys().count(), 4);
    assert_eq!(closed(&alice.take(&answer)), 3);
    assert_eq!(alice.negotiator.live_keys().count(), 1);
}

#[test]
fn a_peer_without_bundles_gets_a_transport_for_each_section_it_can_use() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let offer = alice.offer();
    // What it does not know it ignores; to it, port zero is a refusal.
    let mut bob = with_policy("bob", BundlePolicy::MaxCompat);
    let answer = bob.answer(&edited(&without_bundle(&offer), "a=bundle-only\r\n", ""));
    assert!(is_rejected(&answer, 1));
    assert_eq!(different(&answer, "ice-ufrag"), 3);
    let effects = alice.take(&answer);
    assert_eq!(reasons(&effects), [(1, RejectReason::Peer)]);
    assert_eq!(alice.negotiator.transports().count(), 3);
    // What was not bundled is not offered as bundled again, what is new is.
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let again = alice.offer();
    assert_eq!(values(&again.sdp, "group"), ["BUNDLE 4"]);
    assert_eq!(values(&again.sdp, "mid"), ["0", "4", "2", "3"]);
    assert_eq!(different(&again, "ice-ufrag"), 4);
    alice.take(&bob.answer(&again));
    assert_eq!(alice.negotiator.transports().count(), 4);
}

/// A name of a transport is good for as long as the transport lives, and for no other.
#[test]
fn the_transports_of_a_peer_that_does_not_bundle_keep_their_names() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let mut bob = with_policy("bob", BundlePolicy::MaxCompat);
    let offered = |alice: &mut Peer, bob: &mut Peer| {
        let answer = bob.answer(&without_bundle(&alice.offer()));
        alice.take(&answer)
    };
    let carriers = |peer: &Peer| {
        let transports = peer.negotiator.transports();
        transports
            .map(|transport| (transport.section, transport.key.transport))
            .collect::<Vec<_>>()
    };
    let generations = |peer: &Peer| {
        let transports = peer.negotiator.transports();
        transports.map(|transport| transport.key.generation).collect::<Vec<_>>()
    };
    offered(&mut alice, &mut bob);
    let (at_alice, at_bob) = (carriers(&alice), carriers(&bob));
    let sections = |carriers: &[(usize, TransportId)]| carriers.iter().map(|(section, _)| *section).collect::<Vec<_>>();
    assert_eq!(sections(&at_alice), [0, 1, 2, 3]);
    assert_eq!(sections(&at_bob), [0, 1, 2, 3]);

    // A re-offer, an ICE restart, a restart that is taken back.
    offered(&mut alice, &mut bob);
    alice.negotiator.restart_ice();
    alice.offer();
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    offered(&mut alice, &mut bob);
    assert_eq!((carriers(&alice), carriers(&bob)), (at_alice.clone(), at_bob.clone()));
    assert_eq!(generations(&bob), [1; 4]);

    // What is stopped takes its transport with it, and what comes into its place has another.
    let stopped = alice.negotiator.transceivers()[0].id();
    alice.negotiator.stop(stopped).unwrap();
    let effects = offered(&mut alice, &mut bob);
    let closed = |effects: &[Effect]| {
        let closed = effects.iter().filter_map(|effect| match effect {
            Effect::TransportClosed(id) => Some(*id),
            _ => None,
        });
        closed.collect::<Vec<_>>()
    };
    assert_eq!(closed(&effects), [at_alice[0].1]);
    assert_eq!(carriers(&alice), at_alice[1..]);
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    offered(&mut alice, &mut bob);
    for (now, before) in [(carriers(&alice), &at_alice), (carriers(&bob), &at_bob)] {
        assert_eq!(now[..3], before[1..]);
        assert_eq!(now[3].0, 0);
        assert!(before.iter().all(|(_, id)| *id != now[3].1));
    }

    // The peer bundles what it has not bundled before: the first one's transport is that of all.
    let known = carriers(&alice);
    let offer = bob.offer();
    let mids = values(&offer.sdp, "mid").join(" ");
    let offer = edited(
        &without_bundle(&offer),
        "t=0 0\r\n",
        &format!("t=0 0\r\na=group:BUNDLE {mids}\r\n"),
    );
    alice.negotiator.set_remote(&offer).unwrap();
    let answer = alice.create_answer();
    let effects = alice.negotiator.set_local(&answer).unwrap();
    let first = known.iter().find(|(section, _)| *section == 0).unwrap().1;
    assert_eq!(carriers(&alice), [(0, first)]);
    let others: Vec<TransportId> = known.iter().map(|(_, id)| *id).filter(|id| *id != first).collect();
    assert_eq!(closed(&effects), others);
}

#[test]
fn the_answerers_policy_rejects_what_has_no_bundle() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let offer = without_bundle(&alice.offer());
    let rejected = |policy| {
        let mut bob = with_policy("bob", policy);
        let answer = bob.answer(&offer);
        [0, 1, 2, 3].map(|index| is_rejected(&answer, index))
    };
    assert_eq!(rejected(BundlePolicy::MaxCompat), [false; 4]);
    assert_eq!(rejected(BundlePolicy::Balanced), [false, true, false, false]);
    assert_eq!(rejected(BundlePolicy::MaxBundle), [false, true, true, true]);
}

#[test]
fn the_first_section_that_is_not_rejected_describes_the_transport() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let offer = alice.offer();
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&by_another_protocol(&offer));
    assert_eq!(
        [0, 1, 2, 3].map(|index| is_rejected(&answer, index)),
        [true, true, true, false]
    );
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 3"]);
    alice.take(&by_another_protocol(&answer));
    let transport = alice.negotiator.transports().next().unwrap();
    assert_eq!((transport.section, transport.mid.as_deref()), (3, Some("3")));
    // Both mean the same end of it.
    let ours = values(&section(&offer, 3), "ice-ufrag")[0].to_owned();
    assert_eq!(bob.negotiator.transports().next().unwrap().remote.ufrag, ours);
}

#[test]
fn without_the_section_that_describes_the_transport_the_whole_bundle_is_rejected() {
    let mut alice = offerer(BundlePolicy::MaxBundle);
    let offer = described_once(&by_another_protocol(&alice.offer()));
    let mut bob = Peer::new("bob");
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!((0..4).all(|index| is_rejected(&answer, index)));
    assert_eq!(reasons(&effects)[3], (3, RejectReason::BundleRejected));
    alice.take(&by_another_protocol(&answer));
    assert_eq!(alice.negotiator.transports().count(), 0);
}

#[test]
fn bundle_only_outside_of_a_bundle_is_rejected() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let offer = edited(&alice.offer(), "BUNDLE 0 1 2 3", "BUNDLE 0 2 3");
    let mut bob = Peer::media("bob");
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(reasons(&effects), [(1, RejectReason::BundleOnly)]);

    // An answer that moves such a section out of the bundle has none for it.
    let mut alice = offerer(BundlePolicy::Balanced);
    let answer = Peer::media("carol").answer(&alice.offer());
    let moved = edited(&answer, "BUNDLE 0 1 2 3", "BUNDLE 0 2 3");
    let text = section(&moved, 1);
    let own = edited(&moved, &text, &text.replace("a=ice-ufrag:", "a=ice-ufrag:own"));
    let effects = alice.clone().take(&own);
    assert_eq!(reasons(&effects), [(1, RejectReason::BundleOnly)]);
    // One that has no other transport is forgotten there.
    for moved in [&moved, &described_once(&moved)] {
        let mut alice = alice.clone();
        assert_eq!(reasons(&alice.take(moved)), []);
        let deviates = [Deviation::BundleMismatch { section: 1 }];
        assert_eq!(alice.negotiator.remote_deviations(), deviates);
        assert_eq!(alice.negotiator.transports().count(), 1);
    }
}

#[test]
fn port_zero_without_bundle_only_is_rejected_also_in_a_bundle() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let offer = edited(&alice.offer(), "a=bundle-only\r\n", "");
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&offer);
    assert!(is_rejected(&answer, 1));
    assert_eq!(
        values(&answer.sdp, "group"),
        ["BUNDLE 0 2 3"],
        "and is not in the group"
    );
}

#[test]
fn answers_of_the_older_rule_have_bundled_sections_with_port_zero() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&alice.offer());
    let older = edited(&answer, "m=video 9", "m=video 0");
    let older = edited(&older, "a=mid:2\r\n", "a=mid:2\r\na=bundle-only\r\n");
    let effects = alice.take(&older);
    assert_eq!(reasons(&effects), []);
    assert_eq!(alice.negotiator.transports().count(), 1);
}

#[test]
fn the_answers_group_is_a_part_of_the_offered_one() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let offer = alice.offer();
    let mut split = edited(
        &offer,
        "a=group:BUNDLE 0 1 2 3",
        "a=group:BUNDLE 0 1\r\na=group:BUNDLE 2 3",
    );
    split.kind = SdpKind::Offer;
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&split);
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 0 1", "BUNDLE 2 3"]);
    assert_eq!(bob.negotiator.transports().count(), 2);
    // The order within a group is the answerer's choice of who describes the transport.
    let mut carol = Peer::media("carol");
    let answer = carol.answer(&edited(&offer, "BUNDLE 0 1 2 3", "BUNDLE 2 0 1 3"));
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 2 0 1 3"]);
    assert_eq!(values(&section(&answer, 2), "ice-ufrag").len(), 1);

    // A section in a group that it was not offered in.
    let mut dave = offerer(BundlePolicy::MaxCompat);
    let (_, first) = exchange(&mut dave, &mut Peer::media("erin"));
    let unbundled = {
        let mut dave = offerer(BundlePolicy::MaxCompat);
        let offer = without_bundle(&dave.offer());
        let mut erin = with_policy("erin", BundlePolicy::MaxCompat);
        dave.take(&erin.answer(&offer));
        let again = dave.offer();
        let answer = erin.answer(&again);
        (dave, edited(&answer, "t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1\r\n"))
    };
    let (mut dave, forged) = unbundled;
    assert_eq!(dave.negotiator.transports().count(), 4);
    assert_eq!(closed(&dave.take(&forged)), 1, "it goes where the answer has it");
    assert_eq!(dave.negotiator.transports().count(), 3);
    let deviates = [Deviation::BundleMismatch { section: 1 }];
    assert_eq!(dave.negotiator.remote_deviations(), deviates);
    assert_eq!(values(&dave.offer().sdp, "group"), ["BUNDLE 0 1"]);
    assert!(values(&first.sdp, "group").len() == 1);
}

#[test]
fn what_is_bundled_can_not_be_moved_out_by_an_answer() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let mut bob = Peer::media("bob");
    exchange(&mut alice, &mut bob);
    let offer = alice.offer();
    assert_eq!(different(&offer, "ice-ufrag"), 1);
    let answer = bob.answer(&offer);
    let moved = edited(&answer, "BUNDLE 0 1 2 3", "BUNDLE 0 1 2");
    let before: Vec<_> = alice.negotiator.transports().cloned().collect();
    let effects = alice.take(&moved);
    assert_eq!((reasons(&effects), closed(&effects)), (vec![], 0));
    assert!(alice.negotiator.transports().eq(&before));
    assert!(alice.negotiator.data_channels().is_some());
    let deviates = [Deviation::BundleMismatch { section: 3 }];
    assert_eq!(alice.negotiator.remote_deviations(), deviates);
    assert_eq!(values(&alice.offer().sdp, "group"), ["BUNDLE 0 1 2 3"]);
}

#[test]
fn the_transport_stays_when_the_section_that_described_it_goes() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let mut bob = Peer::media("bob");
    exchange(&mut alice, &mut bob);
    let before: Vec<_> = alice.negotiator.live_keys().collect();
    let first = alice.negotiator.transceivers()[0].id();
    alice.negotiator.stop(first).unwrap();
    let offer = alice.offer();
    assert_eq!(values(&offer.sdp, "group"), ["BUNDLE 1 2 3"]);
    assert_eq!(values(&section(&offer, 1), "ice-ufrag").len(), 1);
    let answer = bob.answer(&offer);
    let effects = alice.take(&answer);
    assert_eq!(closed(&effects), 0);
    assert_eq!(alice.negotiator.live_keys().collect::<Vec<_>>(), before);
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 1 2 3"]);
}

#[test]
fn media_may_be_bundled_into_a_data_section() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    let (data, audio) = (section(&offer, 0), section(&offer, 1));
    // RFC 9429 §5.2.2: the data section speaks for the media.
    assert!(has(&data, "rtcp-mux") && has(&audio, "rtcp-mux"));
    assert_eq!(different(&offer, "ice-ufrag"), 1);
    assert!(!offer.sdp.contains("bundle-only"));
    let answer = bob.answer(&offer);
    assert!(has(&section(&answer, 0), "rtcp-mux") && !is_rejected(&answer, 1));
    alice.take(&answer);
    assert_eq!(alice.negotiator.transports().count(), 1);
}

#[test]
fn multiplexing_of_rtcp_is_answered_if_offered_and_demanded_by_the_policy() {
    let mut alice = with_policy("alice", BundlePolicy::MaxCompat);
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    assert!(has(&offer.sdp, "rtcp-mux") && has(&offer.sdp, "rtcp-mux-only"));
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&offer);
    assert!(has(&answer.sdp, "rtcp-mux") && !has(&answer.sdp, "rtcp-mux-only"));
    let alone = without_bundle(&edited(&answer, "a=rtcp-mux\r\n", ""));
    let effects = alice.clone().take(&alone);
    assert_eq!(reasons(&effects), [(0, RejectReason::NoRtcpMux)]);
    alice.take(&answer);

    // Who can do nothing else means it.
    let only = without_bundle(&edited(&offer, "a=rtcp-mux\r\n", ""));
    let mut carol = Peer::media("carol");
    carol.take(&only);
    let deviates = [Deviation::RtcpMuxOnly { section: 0 }];
    assert_eq!(carol.negotiator.remote_deviations(), deviates);
    let answer = carol.create_answer();
    assert!(has(&answer.sdp, "rtcp-mux") && !is_rejected(&answer, 0));
    let mut dora = with_policy("dora", BundlePolicy::MaxCompat);
    dora.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    dora.offer();
    dora.take(&edited(&answer, "a=rtcp-mux\r\n", "a=rtcp-mux-only\r\n"));
    assert_eq!(dora.negotiator.remote_deviations(), deviates);
    assert!(dora.negotiator.transports().all(|transport| transport.rtcp_mux));
    let without = edited(&only, "a=rtcp-mux-only\r\n", "");
    let mut carol = Peer::media("carol");
    carol.take(&without);
    let answer = carol.create_answer();
    let effects = carol.negotiator.set_local(&answer).unwrap();
    assert_eq!(reasons(&effects), [(0, RejectReason::NoRtcpMux)]);

    let config = Config {
        rtcp_mux_policy: RtcpMuxPolicy::Negotiate,
        ..media_config()
    };
    let mut dave = Peer::with("dave", config);
    let answer = dave.answer(&without);
    assert!(!has(&answer.sdp, "rtcp-mux"));
    assert_eq!(values(&answer.sdp, "rtcp"), ["9 IN IP4 0.0.0.0"]);
    assert!(dave.negotiator.transports().all(|transport| !transport.rtcp_mux));
}

#[test]
fn multiplexing_stays_as_it_was_agreed() {
    let config = || Config {
        rtcp_mux_policy: RtcpMuxPolicy::Negotiate,
        ..media_config()
    };
    let (mut alice, mut bob) = (Peer::with("alice", config()), Peer::with("bob", config()));
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    exchange(&mut alice, &mut bob);
    let answer = bob.answer(&alice.offer());
    let again = Peer::clone(&alice);
    for unbundled in [false, true] {
        let (mut alice, mut bob) = (again.clone(), bob.clone());
        let without = |description: &Description| match unbundled {
            true => without_bundle(&edited(description, "a=rtcp-mux\r\n", "")),
            false => edited(description, "a=rtcp-mux\r\n", ""),
        };
        let deviates = [Deviation::RtcpMuxMissing { section: 0 }];
        let effects = alice.take(&without(&answer));
        assert_eq!(reasons(&effects), []);
        assert_eq!(alice.negotiator.remote_deviations(), deviates);
        // In an offer as well, and the answer says what goes on.
        let answer = bob.answer(&without(&alice.offer()));
        assert_eq!(bob.negotiator.remote_deviations(), deviates);
        assert!(has(&answer.sdp, "rtcp-mux") && !is_rejected(&answer, 0));
        for peer in [&alice, &bob] {
            assert!(peer.negotiator.transports().all(|transport| transport.rtcp_mux));
        }
    }
}

/// A line behind those of a section that describe codecs.
fn with_codec(offer: &str, section: usize, payload_type: u8, codec: &str) -> String {
    let line = media_lines(&Description::offer(offer))[section].to_owned();
    let mid = format!("a=mid:{section}\r\n");
    offer.replacen(&line, &format!("{line} {payload_type}"), 1).replacen(
        &mid,
        &format!("{mid}a=rtpmap:{payload_type} {codec}\r\n"),
        1,
    )
}

fn formats(description: &Description, index: usize) -> Vec<&str> {
    media_lines(description)[index].split(' ').skip(3).collect()
}

#[test]
fn a_payload_type_that_means_two_codecs_within_a_bundle_costs_the_second_codec() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let offer = alice.offer();
    // VP8 has the number of Opus.
    let twice = edited(&offer, "a=rtpmap:96 VP8/90000", "a=rtpmap:111 VP8/90000");
    let line = media_lines(&twice)[2].to_owned();
    let twice = edited(&twice, &line, &line.replacen("SAVPF 96 ", "SAVPF 111 ", 1));
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&twice);
    assert!((0..4).all(|index| !is_rejected(&answer, index)));
    assert_eq!(formats(&answer, 0)[0], "111");
    assert!(
        !formats(&answer, 2).contains(&"111") && !formats(&answer, 2).contains(&"97"),
        "{answer}"
    );
    assert!(formats(&answer, 2).contains(&"102"), "the others are as good as ever");
    // On transports of their own they don't meet.
    let answer = with_policy("carol", BundlePolicy::MaxCompat).answer(&without_bundle(&twice));
    assert_eq!(formats(&answer, 2)[0], "111");
    // What we can't do takes nothing from what we can.
    let unknown = Description::offer(with_codec(&offer.sdp, 0, 96, "L16/44100"));
    let answer = Peer::media("dave").answer(&unknown);
    assert_eq!(formats(&answer, 2)[..2], ["96", "97"]);
    // One that has nothing else left stays without media.
    let mut erin = Peer::media("erin");
    let only = Description::offer(with_codec(&offer.sdp, 0, 96, "G722/8000"));
    let line = media_lines(&only)[2].to_owned();
    let only = edited(&only, &line, "m=video 9 UDP/TLS/RTP/SAVPF 96");
    erin.take(&only);
    let answer = erin.create_answer();
    let effects = erin.negotiator.set_local(&answer).unwrap();
    assert!(has(&section(&answer, 2), "inactive") && !is_rejected(&answer, 2));
    let is_idle = |effect: &Effect| {
        matches!(
            effect,
            Effect::SectionIdle {
                section: 2,
                reason: RejectReason::NoCommonCodec,
                ..
            }
        )
    };
    assert!(effects.iter().any(is_idle));
}

#[test]
fn an_extension_id_that_means_two_extensions_within_a_bundle_costs_the_second() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let offer = alice.offer();
    let twice = edited(&offer, "a=extmap:13 ", "a=extmap:1 ");
    let answer = Peer::media("bob").answer(&twice);
    assert!((0..4).all(|index| !is_rejected(&answer, index)));
    let ids = |index: usize| -> Vec<String> {
        let text = section(&answer, index);
        let values = values(&text, "extmap").into_iter();
        values
            .map(|value| value.split(' ').next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(0), ["1", "2", "3", "4"]);
    assert!(
        !ids(2).contains(&"1".to_owned()) && ids(2).contains(&"14".to_owned()),
        "{answer}"
    );
}

/// Alice's sound comes under numbers of her own, and goes.
#[test]
fn numbers_are_bound_for_as_long_as_the_bundle_lives() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    let renumbered = edited(
        &offer,
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:12 urn:ietf:params:rtp-hdrext:sdes:mid",
    );
    let renumbered = [
        ("SAVPF 111 ", "SAVPF 96 "),
        ("a=rtpmap:111 ", "a=rtpmap:96 "),
        ("a=fmtp:111 ", "a=fmtp:96 "),
        ("a=rtcp-fb:111 ", "a=rtcp-fb:96 "),
        (" 111/111", " 96/96"),
    ]
    .into_iter()
    .fold(renumbered, |offer, (from, to)| edited(&offer, from, to));
    let answer = bob.answer(&renumbered);
    assert_eq!(formats(&answer, 1)[0], "96");
    let back = edited(&answer, "a=extmap:12 ", "a=extmap:4 ");
    alice.take(&back);
    // Stopped by whichever, the place used again or not.
    let audio = alice.negotiator.transceivers()[0].id();
    alice.negotiator.stop(audio).unwrap();
    exchange(&mut alice, &mut bob);
    for kind in [MediaKind::Video, MediaKind::Audio] {
        bob.negotiator.add_track(kind, vec![]);
    }
    let offer = bob.offer();
    let (video, audio) = (section(&offer, 1), section(&offer, 2));
    assert!(video.starts_with("m=video") && audio.starts_with("m=audio"));
    assert!(
        !formats(&offer, 1).contains(&"96") && formats(&offer, 2).contains(&"96"),
        "{offer}"
    );
    for text in [&video, &audio] {
        let mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
        let of = |id: &str| {
            values(text, "extmap")
                .into_iter()
                .filter(|value| value.split(' ').next() == Some(id))
                .map(|value| value.split(' ').nth(1).unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(of("12"), [mid]);
    }
    // Another transport is another matter.
    let mut carol = Peer::media("carol");
    carol.negotiator.add_track(MediaKind::Video, vec![]);
    assert!(formats(&carol.offer(), 0).contains(&"96"));
}

/// What each payload type and extension id of a live section stands for.
fn meanings(description: &Description) -> Vec<(String, String)> {
    let live = (0..media_lines(description).len()).filter(|index| !is_rejected(description, *index));
    let texts = live.map(|index| section(description, index));
    let of = |text: &String| -> Vec<(String, String)> {
        let named = ["rtpmap", "extmap"].into_iter().flat_map(|name| {
            let values = values(text, name).into_iter();
            values.map(move |value| {
                let (number, meaning) = value.split_once(' ').unwrap();
                (format!("{name} {number}"), meaning.to_owned())
            })
        });
        named.collect()
    };
    texts.flat_map(|text| of(&text)).collect()
}

/// Firefox 153 refuses an extension id that has had another meaning in the connection ("attempted to remap RTP extension
/// id"), also when nothing was left of what it stood in.
#[test]
fn numbers_are_bound_for_good_also_when_everything_was_stopped() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    // 5 is Bob's for what browsers have at 1, and Alice leaves out what he has at 14.
    let level = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
    let other = format!("a=extmap:5 {level}\r\na=extmap:14 urn:of:bob\r\na=rtpmap:96 G729D/8000");
    let theirs = edited(&offer, &format!("a=extmap:1 {level}"), &other);
    let theirs = edited(&theirs, "SAVPF 111 ", "SAVPF 96 111 ");
    let answer = bob.answer(&theirs);
    assert!(!answer.sdp.contains("urn:of:bob") && !answer.sdp.contains("G729D"));
    let audio = bob.negotiator.transceivers()[0].id();
    bob.negotiator.stop(audio).unwrap();
    alice.take(&edited(&answer, "a=extmap:5 ", "a=extmap:1 "));
    exchange(&mut bob, &mut alice);
    assert_eq!(bob.negotiator.transports().count(), 0);

    bob.negotiator.add_track(MediaKind::Video, vec![]);
    bob.negotiator.add_track(MediaKind::Audio, vec![]);
    let offer = bob.offer();
    let taken = [
        ("extmap 5", level),
        ("extmap 14", "urn:of:bob"),
        ("rtpmap 96", "G729D/8000"),
    ];
    let said = meanings(&offer);
    for (number, meaning) in taken {
        assert!(
            said.iter().all(|(each, means)| each != number || means == meaning),
            "{offer}"
        );
    }
    assert!(said.contains(&("extmap 5".to_owned(), level.to_owned())));
    assert!(said.contains(&("rtpmap 111".to_owned(), "opus/48000/2".to_owned())));
}

/// Firefox 153 answers less than is offered, and numbers a new section as it always does: with 109 for opus, which our first
/// offer had for an `rtx` that it has left out.
#[test]
fn numbers_that_the_peer_gives_to_something_else_are_not_offered_for_what_they_were() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    bob.negotiator = {
        let mut config = media_config();
        config.video.codecs.retain(|codec| codec.is("VP8") || codec.is("rtx"));
        pollrtc_jsep::Negotiator::new(config)
    };
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let (offer, _) = exchange(&mut alice, &mut bob);
    assert!(offer.sdp.contains("a=rtpmap:109 rtx/90000"));
    bob.negotiator.add_track(MediaKind::Audio, vec![]);
    let offer = bob.offer();
    let opus = [
        ("SAVPF 111 ", "SAVPF 109 "),
        ("a=rtpmap:111 ", "a=rtpmap:109 "),
        ("a=fmtp:111 ", "a=fmtp:109 "),
        ("a=rtcp-fb:111 ", "a=rtcp-fb:109 "),
        (" 111/111", " 109/109"),
    ];
    let theirs = opus
        .into_iter()
        .fold(offer, |offer, (from, to)| edited(&offer, from, to));
    alice.answer(&theirs);
    let next = alice.offer();
    let said = meanings(&next);
    let of_109: Vec<_> = said.iter().filter(|(number, _)| number == "rtpmap 109").collect();
    assert_eq!(
        of_109,
        [&("rtpmap 109".to_owned(), "opus/48000/2".to_owned())],
        "{next}"
    );
}

#[test]
fn what_we_offer_is_never_in_conflict_with_what_came() {
    let mut alice = offerer(BundlePolicy::MaxCompat);
    let mut dave = Peer::media("dave");
    dave.answer(&alice.offer());
    dave.negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let offer = dave.offer();
    assert_eq!(formats(&offer, 2), formats(&offer, 4), "the same numbers for the same");
    Peer::media("erin").answer(&offer);
}

/// libwebrtc refuses or rejects bundled sections without, Firefox too, or it loses its tab; aiortc
/// refuses the whole.
#[test]
fn every_section_says_what_its_transport_is_and_only_one_how_to_reach_it() {
    for policy in [BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle] {
        let mut alice = offerer(policy);
        let mut bob = Peer::media("bob");
        (alice.with_tls_id, bob.with_tls_id) = (true, true);
        let host = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host";
        (alice.candidates, bob.candidates) = (vec![host.to_owned()], vec![host.to_owned()]);
        let first = alice.offer();
        let answer = bob.answer(&first);
        alice.take(&answer);
        // One is rejected, one more comes.
        let second = alice.negotiator.transceivers()[1].id();
        alice.negotiator.stop(second).unwrap();
        let (reoffer, last) = exchange(&mut alice, &mut bob);
        assert!(is_rejected(&reoffer, 1) && is_rejected(&last, 1));
        for description in [&answer, &reoffer, &last] {
            let tagged = transport_of(&section(description, 0));
            assert_eq!(tagged.len(), 5, "{description}");
            for index in 0..4 {
                let text = section(description, index);
                assert_eq!(transport_of(&text), tagged, "{policy:?} {index}: {description}");
                assert_eq!(values(&text, "candidate").is_empty(), index != 0);
                let is_media = index < 3;
                assert_eq!(has(&text, "rtcp-mux"), is_media, "{description}");
            }
        }
        // The first offer names as many transports as there are sections with their own.
        assert!((0..4).all(|index| transport_of(&section(&first, index)).len() == 5));
        assert!((0..4).all(|index| values(&section(&first, index), "setup") == ["actpass"]));
    }
}

#[test]
fn what_comes_may_describe_a_transport_once() {
    let mut alice = offerer(BundlePolicy::Balanced);
    let mut bob = Peer::media("bob");
    for _ in 0..2 {
        let answer = bob.answer(&described_once(&alice.offer()));
        assert!((0..4).all(|index| !is_rejected(&answer, index)));
        alice.take(&described_once(&answer));
        for peer in [&alice, &bob] {
            assert_eq!(peer.negotiator.transports().count(), 1);
        }
    }
}

/// Only the section that is new is left, and it is known to be one of the bundle.
#[test]
fn what_joins_a_bundle_has_its_transport_although_all_others_are_rejected() {
    let mut alice = with_policy("alice", BundlePolicy::Balanced);
    let mut bob = Peer::media("bob");
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    exchange(&mut alice, &mut bob);
    let before: Vec<_> = bob.negotiator.live_keys().collect();
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let audio = bob.negotiator.transceivers()[0].id();
    bob.negotiator.stop(audio).unwrap();
    let answer = bob.answer(&offer);
    assert!(is_rejected(&answer, 0) && !is_rejected(&answer, 1));
    assert_eq!(bob.negotiator.live_keys().collect::<Vec<_>>(), before);
    assert_eq!(closed(&alice.take(&answer)), 0);
}
