//! Audio and video: transceivers get sections, sections get transceivers.

use pollrtc_jsep::rtp::{Codec, LocalSource, MediaKind};
use pollrtc_jsep::{Description, Deviation, Effect, NegotiationError, RejectReason, TransceiverInit};
use pollrtc_sdp::attribute::Direction;

use crate::support::{Peer, as_kind, edited, exchange, has, is_rejected, media_lines, section, values};

fn kinds(description: &Description) -> Vec<&str> {
    media_lines(description)
        .iter()
        .map(|line| line[2..].split(' ').next().unwrap())
        .collect()
}

fn streams(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn recvonly() -> TransceiverInit {
    TransceiverInit {
        direction: Direction::RecvOnly,
        ..TransceiverInit::default()
    }
}

/// Alice sends audio and video and has data channels; Bob has nothing to say.
fn call() -> (Peer, Peer) {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_track(MediaKind::Audio, streams(&["s"]));
    alice.negotiator.add_track(MediaKind::Video, streams(&["s"]));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    (alice, bob)
}

#[test]
fn sections_come_in_the_order_of_transceivers_and_data_comes_last() {
    let mut alice = Peer::media("alice");
    alice.negotiator.add_data_channels();
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    alice.negotiator.add_transceiver(MediaKind::Audio, recvonly());
    alice.negotiator.add_track(MediaKind::Video, streams(&["s"]));
    let offer = alice.create_offer();
    // The track goes to the transceiver that has none.
    assert_eq!(kinds(&offer), ["video", "audio", "application"]);
    let lines: Vec<&str> = offer.sdp.lines().take(4).collect();
    let origin: Vec<&str> = lines[1].split(' ').collect();
    assert_eq!(
        (lines[0], origin[0], origin[3..].join(" ").as_str()),
        ("v=0", "o=-", "IN IP4 0.0.0.0")
    );
    assert!(origin[1].parse::<u64>().unwrap() < (1 << 63) - 1);
    assert_eq!(lines[2..], ["s=-", "t=0 0"]);
}

#[test]
fn every_transceiver_that_is_not_stopped_has_a_section_and_none_is_legal() {
    let mut alice = Peer::media("alice");
    assert!(!alice.negotiator.negotiation_needed());
    assert_eq!(media_lines(&alice.create_offer()), [""; 0]);
    for _ in 0..3 {
        alice
            .negotiator
            .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    }
    let stopped = alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    alice.negotiator.stop(stopped).unwrap();
    assert!(
        alice.negotiator.transceiver(stopped).is_none(),
        "no section has to be rejected for it"
    );
    let offer = alice.offer();
    assert_eq!(kinds(&offer), ["audio"; 3]);

    let mut bob = Peer::media("bob");
    let nothing = Peer::media("carol").offer();
    let answer = bob.answer(&nothing);
    assert_eq!(media_lines(&answer), [""; 0]);
}

#[test]
fn what_must_not_be_offered_is_not_and_trickle_is() {
    let (alice, _) = call();
    let offer = alice.local();
    assert_eq!(values(&offer.sdp, "ice-options"), ["trickle ice2"]);
    for attribute in ["crypto", "key-mgmt"] {
        assert!(values(&offer.sdp, attribute).is_empty());
    }
    assert!(!has(&offer.sdp, "ice-lite"));
    assert!(!offer.sdp.lines().any(|line| line.starts_with("k=")));

    // An answer has options only if the offer has.
    let mut alice = Peer::media("alice");
    alice.negotiator.add_data_channels();
    let plain = edited(&alice.offer(), "a=ice-options:trickle ice2\r\n", "");
    let mut bob = Peer::media("bob");
    assert!(values(&bob.answer(&plain).sdp, "ice-options").is_empty());
    assert_eq!(bob.negotiator.can_trickle(), Some(false));
}

#[test]
fn mids_are_short_and_never_those_of_the_peer() {
    let mut alice = Peer::media("alice");
    for _ in 0..1_100 {
        alice
            .negotiator
            .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    }
    let offer = alice.create_offer();
    let mut mids = values(&offer.sdp, "mid");
    assert!(mids.iter().all(|mid| mid.len() <= 3));
    mids.sort_unstable();
    mids.dedup();
    assert_eq!(mids.len(), 1_100);

    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = edited(&alice.offer(), "a=mid:0", "a=mid:1");
    let offer = edited(&offer, "BUNDLE 0", "BUNDLE 1");
    bob.answer(&offer);
    bob.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    bob.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    assert_eq!(values(&bob.create_offer().sdp, "mid"), ["1", "2", "3"]);
}

#[test]
fn sections_keep_their_number_order_and_mid() {
    let (mut alice, mut bob) = call();
    let before = alice.local();
    bob.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let (offer, answer) = exchange(&mut bob, &mut alice);
    assert_eq!(kinds(&offer), ["audio", "video", "application", "audio"]);
    assert_eq!(values(&offer.sdp, "mid")[..3], values(&before.sdp, "mid")[..]);
    assert_eq!(values(&answer.sdp, "mid"), values(&offer.sdp, "mid"));

    // A peer that forgets a section, or names it otherwise, is refused.
    let again = bob.offer();
    let (short, _) = again.sdp.rsplit_once("m=audio").unwrap();
    let short = edited(&Description::offer(short), "BUNDLE 0 1 2 3", "BUNDLE 0 1 2");
    assert_eq!(
        alice.refuse(&short),
        NegotiationError::SectionsMissing { had: 4, has: 3 }
    );
    let renamed = edited(&again, "a=mid:2", "a=mid:9");
    let renamed = edited(&renamed, "BUNDLE 0 1 2 3", "BUNDLE 0 1 9 3");
    assert!(matches!(
        alice.refuse(&renamed),
        NegotiationError::MidMismatch { section: 2, .. }
    ));
}

#[test]
fn a_stopped_section_is_rejected_and_its_place_used_again_under_a_new_mid() {
    let (mut alice, mut bob) = call();
    let video = alice.negotiator.transceivers()[1].id();
    alice.negotiator.stop(video).unwrap();
    assert!(alice.negotiator.negotiation_needed());
    let offer = alice.create_offer();
    assert!(is_rejected(&offer, 1));
    assert!(values(&section(&offer, 1), "msid").is_empty());
    assert_eq!(values(&offer.sdp, "group")[0], "BUNDLE 0 2");
    // Not before an answer has agreed to it.
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    assert_eq!(kinds(&offer), ["audio", "video", "application", "audio"]);
    let answer = bob.answer(&offer);
    let effects = alice.take(&answer);
    assert!(effects.contains(&Effect::TransceiverRemoved(video)));
    assert_eq!(bob.negotiator.transceivers().len(), 2, "Bob's went with it");

    // Now any kind may have it, and from either side.
    bob.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let (offer, answer) = exchange(&mut bob, &mut alice);
    assert_eq!(kinds(&offer), ["audio", "audio", "application", "audio"]);
    assert_eq!(values(&offer.sdp, "mid"), ["0", "4", "2", "3"]);
    assert!(!is_rejected(&answer, 1));
    assert_eq!(alice.negotiator.transceivers().last().unwrap().section(), Some(1));
}

#[test]
fn what_the_peer_rejects_is_stopped() {
    let (mut alice, mut bob) = call();
    let theirs = bob.negotiator.transceivers()[1].id();
    bob.negotiator.stop(theirs).unwrap();
    assert!(bob.negotiator.negotiation_needed());
    let (_, answer) = exchange(&mut alice, &mut bob);
    assert!(is_rejected(&answer, 1) && !is_rejected(&answer, 0));
    assert_eq!(alice.negotiator.transceivers().len(), 1);
    assert_eq!(bob.negotiator.transceivers().len(), 1);
    assert!(!bob.negotiator.negotiation_needed());
}

#[test]
fn a_reoffer_has_what_the_last_answer_had() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    let id = alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let offer = alice.offer();
    assert!(has(&offer.sdp, "rtcp-mux-only") && has(&section(&offer, 1), "rtcp-mux"));
    assert_eq!(values(&section(&offer, 0), "rtcp"), ["9 IN IP4 0.0.0.0"]);
    bob.take(&offer);
    let transceiver = bob.negotiator.transceivers()[0].id();
    let preferred = [
        Codec::new("PCMA", 8_000),
        bob.negotiator.config().audio.codecs[0].clone(),
    ];
    bob.negotiator
        .set_codec_preferences(transceiver, Some(preferred.to_vec()))
        .unwrap();
    let answer = bob.create_answer();
    bob.negotiator.set_local(&answer).unwrap();
    alice.take(&answer);

    // An empty list is no preference.
    alice.negotiator.set_codec_preferences(id, Some(Vec::new())).unwrap();
    let again = alice.offer();
    let answered: Vec<&str> = media_lines(&answer)[0].split(' ').skip(3).collect();
    let offered: Vec<&str> = media_lines(&again)[0].split(' ').skip(3).collect();
    assert!(offered.starts_with(&answered), "{offered:?} after {answered:?}");
    assert!(offered.len() > answered.len(), "what was not answered comes after");
    assert!(!again.sdp.contains("a=bundle-only") && !has(&again.sdp, "rtcp-mux-only"));
    assert!(values(&again.sdp, "rtcp").is_empty());
    // What holds for the transport is the same in both.
    for attribute in ["ice-ufrag", "ice-pwd", "fingerprint", "setup"] {
        let values = values(&again.sdp, attribute);
        assert!(values.len() == 2 && values[0] == values[1], "{attribute}");
    }
    let second = section(&again, 1);
    assert!(has(&second, "rtcp-mux"), "libwebrtc refuses bundled media without it");
    assert!(
        media_lines(&again)[1].starts_with("m=video 9 "),
        "bundled, not bundle-only"
    );
    assert!(has(&section(&again, 0), "rtcp-mux"));
    assert_eq!(alice.negotiator.transceiver(id).unwrap().mid(), Some("0"));
    alice.take(&bob.answer(&again));
}

#[test]
fn an_answer_has_the_sections_of_the_offer_word_for_word() {
    let mut alice = Peer::media("alice");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    for protocol in ["RTP/AVP", "RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"] {
        let offer = edited(&offer, "UDP/TLS/RTP/SAVPF", protocol);
        let strange = "m=text 9 RTP/AVP 98 99\r\nc=IN IP4 0.0.0.0\r\na=mid:t\r\na=rtpmap:98 t140/1000\r\n\
                       m=image 5 udptl t38\r\nc=IN IP4 0.0.0.0\r\n";
        let offer = Description::offer(format!("{}{strange}", offer.sdp));
        let mut bob = Peer::media("bob");
        let answer = bob.answer(&offer);
        let words = |description: &Description, index: usize| -> Vec<String> {
            media_lines(description)
                .iter()
                .map(|line| line.split(' ').nth(index).unwrap().to_owned())
                .collect()
        };
        assert_eq!(words(&answer, 0), words(&offer, 0));
        assert_eq!(words(&answer, 2), words(&offer, 2));
        assert_eq!(
            words(&answer, 1)[3..],
            ["0", "0"],
            "what is not understood keeps its place"
        );
        assert!(words(&answer, 1)[..3].iter().all(|port| port == "9"));
        assert_eq!(media_lines(&answer)[3], "m=text 0 RTP/AVP 98 99");
        assert_eq!(values(&answer.sdp, "mid"), ["0", "1", "2", "t"]);
        for index in 0..5 {
            assert!(section(&answer, index).contains("c=IN IP4 "));
        }
        // Every later offer has them too.
        assert_eq!(kinds(&bob.offer()), ["audio", "video", "application", "text", "image"]);
    }
}

#[test]
fn directions_are_answered_by_what_both_sides_want() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    let reversed = |direction| match direction {
        SendOnly => RecvOnly,
        RecvOnly => SendOnly,
        both => both,
    };
    let sends = |direction| matches!(direction, SendRecv | SendOnly);
    let receives = |direction| matches!(direction, SendRecv | RecvOnly);
    let all = [SendRecv, SendOnly, RecvOnly, Inactive];
    for offered in all {
        for wanted in all {
            let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
            let init = TransceiverInit {
                direction: offered,
                ..TransceiverInit::default()
            };
            let ours = alice.negotiator.add_transceiver(MediaKind::Audio, init);
            let offer = alice.offer();
            assert!(has(&offer.sdp, offered.as_str()));
            bob.take(&offer);
            let theirs = bob.negotiator.transceivers()[0].id();
            bob.negotiator.set_direction(theirs, wanted).unwrap();
            let answer = bob.create_answer();
            bob.negotiator.set_local(&answer).unwrap();
            alice.take(&answer);
            let current = |peer: &Peer, id| peer.negotiator.transceiver(id).unwrap().current_direction().unwrap();
            let at_bob = current(&bob, theirs);
            assert_eq!(at_bob, reversed(current(&alice, ours)));
            assert_eq!(sends(at_bob), sends(wanted) && receives(offered));
            assert_eq!(receives(at_bob), receives(wanted) && sends(offered));
            assert_eq!(
                bob.negotiator.transceiver(theirs).unwrap().is_receiving(),
                receives(at_bob)
            );
            assert!(!alice.negotiator.negotiation_needed());
            assert!(!bob.negotiator.negotiation_needed(), "{offered} answered {at_bob}");
        }
    }
}

#[test]
fn an_answer_goes_no_further_than_the_offer() {
    let mut alice = Peer::media("alice");
    let init = TransceiverInit {
        direction: Direction::SendOnly,
        ..TransceiverInit::default()
    };
    alice.negotiator.add_transceiver(MediaKind::Audio, init);
    let offer = alice.offer();
    let answer = Peer::media("bob").answer(&offer);
    let effects = alice.take(&edited(&answer, "a=recvonly", "a=sendrecv"));
    assert_eq!(
        alice.negotiator.remote_deviations(),
        [Deviation::Direction {
            section: 0,
            offered: Direction::SendOnly,
            answered: Direction::SendRecv
        }]
    );
    // As far as both allow it.
    let audio = &alice.negotiator.transceivers()[0];
    assert_eq!(audio.current_direction(), Some(Direction::SendOnly));
    assert!(!audio.is_receiving());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::TrackAdded { .. })));
}

#[test]
fn an_answer_without_a_common_codec_costs_its_section_alone() {
    let mut alice = Peer::media("alice");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&offer);
    let audio = section(&answer, 0);
    let codecs = values(&audio, "rtpmap")
        .into_iter()
        .map(|map| format!("a=rtpmap:{map}\r\n"));
    let other = codecs.fold(audio.clone(), |text, map| {
        let payload_type = map["a=rtpmap:".len()..].split(' ').next().unwrap().to_owned();
        text.replace(&map, &format!("a=rtpmap:{payload_type} unheard-of/8000\r\n"))
    });
    let effects = alice.take(&edited(&answer, &audio, &other));
    assert!(effects.contains(&Effect::SectionIdle {
        section: 0,
        mid: "0".into(),
        reason: RejectReason::NoCommonCodec
    }));
    let kinds: Vec<MediaKind> = alice.negotiator.transceivers().iter().map(|each| each.kind()).collect();
    assert_eq!(kinds, [MediaKind::Video]);
    assert!(alice.negotiator.data_channels().is_some());
    // It stays so in what comes next.
    let next = alice.offer();
    assert!(has(&section(&next, 0), "inactive"), "{next}");
    alice.take(&bob.answer(&next));
    assert_eq!(alice.negotiator.transports().count(), 1);
}

#[test]
fn the_peers_sections_find_tracks_that_wait_and_else_make_transceivers() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for _ in 0..2 {
        alice
            .negotiator
            .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    }
    let mut receives_nothing = recvonly();
    receives_nothing.direction = Direction::SendOnly;
    alice.negotiator.add_transceiver(MediaKind::Audio, receives_nothing);
    let offer = alice.offer();

    let waits = bob
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let mut carol = bob.clone();
    let first = bob.negotiator.add_track(MediaKind::Video, streams(&["v"]));
    let effects = bob.take(&offer);
    let added = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::TransceiverAdded(_)))
        .count();
    assert_eq!(
        added, 3,
        "only what was added to send something is used, and it is video"
    );
    assert_eq!(bob.negotiator.transceiver(waits).unwrap().mid(), None);
    assert_eq!(bob.negotiator.transceiver(first).unwrap().mid(), None);
    let made = bob.negotiator.transceivers().last().unwrap();
    assert_eq!((made.direction(), made.mid()), (Direction::RecvOnly, Some("2")));

    carol.negotiator.set_direction(waits, Direction::RecvOnly).unwrap();
    let tracks = [0, 1].map(|_| {
        let init = streams(&["a"]);
        let reused = carol.negotiator.add_track(MediaKind::Audio, init);
        assert!(reused == waits || carol.negotiator.transceiver(reused).is_some());
        reused
    });
    carol.take(&offer);
    // The second of them was made by adding a track, so it waits for the first section.
    assert_eq!(carol.negotiator.transceiver(tracks[1]).unwrap().mid(), Some("0"));
    assert_eq!(carol.negotiator.transceiver(tracks[1]).unwrap().section(), Some(0));
}

#[test]
fn a_track_added_while_an_offer_waits_is_answered() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_track(MediaKind::Audio, streams(&["a"]));
    bob.take(&alice.offer());
    let id = bob.negotiator.add_track(MediaKind::Audio, streams(&["b"]));
    assert_eq!(bob.negotiator.transceivers().len(), 1);
    let answer = bob.create_answer();
    assert!(has(&answer.sdp, "sendrecv"));
    assert_eq!(values(&answer.sdp, "msid"), ["b"]);
    bob.negotiator.set_local(&answer).unwrap();
    let effects = alice.take(&answer);
    let ours = alice.negotiator.transceivers()[0].id();
    assert!(effects.contains(&Effect::TrackAdded {
        transceiver: ours,
        streams: streams(&["b"])
    }));
    assert_eq!(
        bob.negotiator.transceiver(id).unwrap().current_direction(),
        Some(Direction::SendRecv)
    );
}

#[test]
fn tracks_come_and_go_with_direction_and_streams_once_for_each_description() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    let id = alice.negotiator.add_track(MediaKind::Audio, streams(&["one"]));
    let tracks = |effects: &[Effect]| -> Vec<Effect> {
        let is_track = |effect: &&Effect| matches!(effect, Effect::TrackAdded { .. } | Effect::TrackRemoved(_));
        effects.iter().filter(is_track).cloned().collect()
    };
    let offer = alice.offer();
    let effects = tracks(&bob.take(&offer));
    let theirs = bob.negotiator.transceivers()[0].id();
    let added = |names| Effect::TrackAdded {
        transceiver: theirs,
        streams: streams(names),
    };
    assert_eq!(effects, [added(&["one"])]);
    assert_eq!(tracks(&bob.take(&offer)), []);
    let answer = bob.create_answer();
    assert_eq!(tracks(&bob.negotiator.set_local(&answer).unwrap()), []);
    alice.take(&answer);

    alice.negotiator.set_streams(id, streams(&["two"])).unwrap();
    assert!(alice.negotiator.negotiation_needed());
    assert_eq!(tracks(&bob.take(&alice.offer())), [added(&["two"])]);
    // Taken back, it is as before.
    let effects = bob.negotiator.set_remote(&Description::rollback()).unwrap();
    assert_eq!(tracks(&effects), [added(&["one"])]);
    alice.negotiator.set_local(&Description::rollback()).unwrap();

    alice.negotiator.remove_track(id).unwrap();
    let offer = alice.offer();
    assert!(has(&offer.sdp, "recvonly"));
    assert_eq!(
        values(&offer.sdp, "msid"),
        ["two"],
        "it stays when the direction changes"
    );
    assert_eq!(tracks(&bob.take(&offer)), [Effect::TrackRemoved(theirs)]);
}

#[test]
fn a_rollback_removes_what_the_offer_has_made_but_nothing_with_a_track() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    let before = bob.negotiator.clone();
    bob.take(&alice.offer());
    let mut untouched = bob.clone();
    let effects = untouched.negotiator.set_remote(&Description::rollback()).unwrap();
    let removed = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::TransceiverRemoved(_)))
        .count();
    assert_eq!(removed, 2);
    assert_eq!(untouched.negotiator.transceivers(), before.transceivers());

    let kept = bob.negotiator.add_track(MediaKind::Video, streams(&["v"]));
    bob.negotiator.set_local(&Description::rollback()).unwrap();
    let transceivers = bob.negotiator.transceivers();
    assert_eq!(transceivers.len(), 1);
    assert_eq!(
        (transceivers[0].id(), transceivers[0].mid(), transceivers[0].section()),
        (kept, None, None)
    );
    let offer = bob.create_offer();
    assert_eq!(kinds(&offer), ["video"], "the track has its section now");
    let mut again = bob.clone();
    again.take(&alice.local());
    assert_eq!(
        again.negotiator.transceiver(kept).unwrap().section(),
        Some(1),
        "or that of the peer's next offer"
    );

    // The offerer's transceivers lose their mids and keep their place in the next offer.
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    assert!(
        alice
            .negotiator
            .transceivers()
            .iter()
            .all(|transceiver| transceiver.mid().is_none())
    );
    assert_eq!(kinds(&alice.offer()), ["audio", "video"]);
}

#[test]
fn an_offer_that_replaces_an_offer_may_have_another_kind_under_its_mid() {
    let mut bob = Peer::media("bob");
    for kind in [MediaKind::Audio, MediaKind::Video, MediaKind::Audio] {
        let mut alice = Peer::media("alice");
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
        bob.take(&alice.offer());
        let seen: Vec<_> = bob
            .negotiator
            .transceivers()
            .iter()
            .map(|each| (each.kind(), each.mid()))
            .collect();
        assert_eq!(seen, [(kind, Some("0"))]);
    }
}

#[test]
fn an_offer_that_replaces_an_offer_keeps_the_transceivers_it_shares() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    bob.take(&alice.offer());
    let first = bob.negotiator.transceivers()[0].id();
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let effects = bob.take(&alice.offer());
    assert_eq!(bob.negotiator.transceivers()[0].id(), first);
    assert_eq!(
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::TransceiverAdded(_)))
            .count(),
        1
    );
    bob.take(&edited(&Peer::media("carol").offer(), "s=-", "s=-"));
    assert!(bob.negotiator.transceivers().is_empty(), "an offer without sections");
}

#[test]
fn sections_of_one_stream_are_played_in_step() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_track(MediaKind::Audio, streams(&["s"]));
    alice.negotiator.add_track(MediaKind::Video, streams(&["s", "t"]));
    alice.negotiator.add_track(MediaKind::Video, streams(&["u"]));
    let offer = alice.offer();
    assert_eq!(values(&offer.sdp, "group"), ["BUNDLE 0 1 2", "LS 0 1"]);
    bob.take(&offer);
    // Without tracks of ours the offered group stays.
    let mut silent = bob.clone();
    assert_eq!(values(&silent.create_answer().sdp, "group")[1], "LS 0 1");
    bob.negotiator.add_track(MediaKind::Audio, streams(&["x"]));
    bob.negotiator.add_track(MediaKind::Video, streams(&["y"]));
    assert_eq!(
        values(&bob.create_answer().sdp, "group").len(),
        1,
        "in two streams, not in step"
    );
    let answer = silent.create_answer();
    silent.negotiator.set_local(&answer).unwrap();
    alice.take(&answer);
    assert_eq!(values(&alice.create_offer().sdp, "group")[1], "LS 0 1");
}

#[test]
fn provisional_answers_release_nothing_and_stop_nothing() {
    let (mut alice, mut bob) = call();
    let video = bob.negotiator.transceivers()[1].id();
    bob.take(&alice.offer());
    bob.negotiator.stop(video).unwrap();
    let answer = bob.create_answer();
    let provisional = as_kind(&answer, pollrtc_jsep::SdpKind::PrAnswer);
    bob.negotiator.set_local(&provisional).unwrap();
    alice.take(&provisional);
    assert_eq!(alice.negotiator.transceivers().len(), 2);
    assert_eq!(bob.negotiator.transceivers().len(), 2);
    bob.negotiator.set_local(&answer).unwrap();
    alice.take(&answer);
    assert_eq!(alice.negotiator.transceivers().len(), 1);
    assert_eq!(bob.negotiator.transceivers().len(), 1);
}

#[test]
fn layers_are_offered_and_answered() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    let init = TransceiverInit {
        direction: Direction::SendOnly,
        rids: streams(&["q", "h", "f"]),
        ..TransceiverInit::default()
    };
    let id = alice.negotiator.add_transceiver(MediaKind::Video, init);
    let (offer, answer) = exchange(&mut alice, &mut bob);
    assert_eq!(values(&offer.sdp, "rid"), ["q send", "h send", "f send"]);
    assert_eq!(values(&offer.sdp, "simulcast"), ["send q;h;f"]);
    assert_eq!(values(&answer.sdp, "simulcast"), ["recv q;h;f"]);
    let parameters = alice.negotiator.transceiver(id).unwrap().parameters().unwrap();
    assert_eq!(parameters.send.rids.len(), 3);
    // They stay (RFC 9429 §5.2.2).
    let again = alice.offer();
    assert_eq!(values(&again.sdp, "rid"), values(&offer.sdp, "rid"));
    assert_eq!(values(&again.sdp, "simulcast"), values(&offer.sdp, "simulcast"));
}

/// RFC 9429 §5.2.2: an offer of who receives layers would end them if it said nothing of them.
#[test]
fn layers_stay_when_their_receiver_offers() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    let init = TransceiverInit {
        direction: Direction::SendOnly,
        rids: streams(&["q", "h", "f"]),
        ..TransceiverInit::default()
    };
    let camera = alice.negotiator.add_transceiver(MediaKind::Video, init);
    exchange(&mut alice, &mut bob);
    bob.negotiator.add_track(MediaKind::Audio, vec!["sound".into()]);
    for _ in 0..2 {
        let (offer, answer) = exchange(&mut bob, &mut alice);
        assert_eq!(values(&offer.sdp, "rid"), ["q recv", "h recv", "f recv"]);
        assert_eq!(values(&offer.sdp, "simulcast"), ["recv q;h;f"]);
        assert_eq!(values(&answer.sdp, "simulcast"), ["send q;h;f"]);
        let sent = alice.negotiator.transceiver(camera).unwrap().parameters().unwrap();
        assert_eq!(sent.send.simulcast.send.len(), 3);
        let received = bob.negotiator.transceivers()[0].parameters().unwrap();
        assert_eq!(received.receive.simulcast.receive.len(), 3);
    }
}

/// As a server asks for it that forwards the layers.
#[test]
fn an_answerer_sends_the_layers_that_are_asked_for() {
    let asked = |offer: &Description, rids: &str| {
        let lines: String = rids.split(';').map(|rid| format!("a=rid:{rid} recv\r\n")).collect();
        edited(
            offer,
            "a=mid:0\r\n",
            &format!("a=mid:0\r\n{lines}a=simulcast:recv {rids}\r\n"),
        )
    };
    let server = || {
        let mut alice = Peer::media("alice");
        let init = TransceiverInit {
            direction: Direction::RecvOnly,
            ..TransceiverInit::default()
        };
        alice.negotiator.add_transceiver(MediaKind::Video, init);
        alice
    };
    let layers = |peer: &Peer| -> Vec<String> {
        let parameters = peer.negotiator.transceivers()[0].parameters().expect("it is agreed on");
        let streams = parameters.send.simulcast.send.iter();
        streams.map(|stream| stream.alternatives[0].rid.clone()).collect()
    };
    let (mut alice, mut bob) = (server(), Peer::media("bob"));
    bob.negotiator.add_track(MediaKind::Video, vec!["camera".into()]);
    let answer = bob.answer(&asked(&alice.offer(), "q;h;f"));
    assert_eq!(values(&answer.sdp, "rid"), ["q send", "h send", "f send"]);
    assert_eq!(values(&answer.sdp, "simulcast"), ["send q;h;f"]);
    assert_eq!(layers(&bob), ["q", "h", "f"]);
    // They stay: in what Bob offers, and where fewer are asked for.
    let offer = bob.create_offer();
    assert_eq!(values(&offer.sdp, "simulcast"), ["send q;h;f"]);
    alice.take(&edited(&answer, "a=simulcast:send q;h;f\r\n", ""));
    let answer = bob.answer(&asked(&alice.offer(), "q;h"));
    assert_eq!(values(&answer.sdp, "simulcast"), ["send q;h"]);
    assert_eq!(layers(&bob), ["q", "h"]);

    // Who sends nothing sends no layers, and who has layers of its own sends those.
    let (mut alice, mut carol) = (server(), Peer::media("carol"));
    let answer = carol.answer(&asked(&alice.offer(), "q;h;f"));
    assert!(values(&answer.sdp, "simulcast").is_empty() && values(&answer.sdp, "rid").is_empty());
}

/// RFC 5576: whoever knows no `a=mid` in packets finds streams by these, and their retransmissions.
#[test]
fn both_sides_name_the_sources_that_they_send_and_learn_the_others() {
    let camera = LocalSource {
        ssrc: 11,
        rtx: Some(12),
    };
    let microphone = LocalSource {
        ssrc: 13,
        rtx: Some(14),
    };
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    let video = alice.negotiator.add_track(MediaKind::Video, streams(&["s"]));
    let audio = alice.negotiator.add_track(MediaKind::Audio, streams(&["s"]));
    alice.negotiator.set_sources(video, vec![camera]).unwrap();
    alice.negotiator.set_sources(audio, vec![microphone]).unwrap();
    let offer = alice.offer();
    assert_eq!(values(&section(&offer, 0), "ssrc-group"), ["FID 11 12"]);
    let camera_section = section(&offer, 0);
    let named = values(&camera_section, "ssrc");
    assert_eq!(named.len(), 2);
    assert!(
        named[0].starts_with("11 cname:") && named[1].starts_with("12 cname:"),
        "{named:?}"
    );
    // Nothing retransmits audio here.
    assert_eq!(values(&section(&offer, 1), "ssrc").len(), 1);
    assert!(values(&section(&offer, 1), "ssrc-group").is_empty());

    bob.negotiator.set_remote(&offer).unwrap();
    let heard: Vec<_> = bob
        .negotiator
        .transceivers()
        .iter()
        .map(|each| each.remote_sources().clone())
        .collect();
    assert_eq!(heard[0].tracks()[0].layers, [11]);
    assert_eq!(heard[0].rtx_of(11), Some(12));
    assert_eq!(heard[1].tracks()[0].layers, [13]);
    let theirs = bob.negotiator.transceivers()[0].id();
    let reply = LocalSource { ssrc: 21, rtx: None };
    bob.negotiator.set_direction(theirs, Direction::SendRecv).unwrap();
    bob.negotiator.set_sources(theirs, vec![reply]).unwrap();
    let answer = bob.create_answer();
    bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(values(&section(&answer, 0), "ssrc").len(), 1);
    assert!(values(&section(&answer, 1), "ssrc").is_empty(), "it only receives");
    alice.negotiator.set_remote(&answer).unwrap();
    let ours = alice.negotiator.transceiver(video).unwrap();
    assert_eq!(ours.remote_sources().sources[0].ssrc, 21);
    assert!(
        alice
            .negotiator
            .transceiver(audio)
            .unwrap()
            .remote_sources()
            .sources
            .is_empty()
    );
}

/// RFC 8853 §5: layers are told apart by their ids in packets.
#[test]
fn layers_of_simulcast_have_no_sources_in_descriptions() {
    let mut alice = Peer::media("alice");
    let init = TransceiverInit {
        rids: streams(&["q", "h", "f"]),
        ..TransceiverInit::default()
    };
    let video = alice.negotiator.add_transceiver(MediaKind::Video, init);
    assert_eq!(alice.negotiator.transceiver(video).unwrap().rids().len(), 3);
    let sources = (1..=3).map(|ssrc| LocalSource { ssrc, rtx: None });
    alice.negotiator.set_sources(video, sources.collect()).unwrap();
    assert!(!alice.offer().sdp.contains("a=ssrc"));
}
