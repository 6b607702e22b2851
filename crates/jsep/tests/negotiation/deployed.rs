//! What deployed peers do that the RFCs do not allow, as a live exchange with each has shown.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{Description, DtlsRole, Effect, RejectReason, SignalingState, TransceiverInit};

use crate::support::{Peer, edited, exchange, has, is_rejected, media_lines, section, values};

/// As libdatachannel 0.24 answers audio, video and data, when audio or video of the offer has port zero: it accepts them
/// (RFC 3264 §6 forbids that), in its bundle too.
fn libdatachannel(audio: &str, video: &str) -> Description {
    let transport = "a=rtcp-mux\r\na=setup:active\r\na=ice-ufrag:JPXB\r\na=ice-pwd:PjigcAy6E4udLaWJ6hD5Fz\r\n";
    let hash = ["76"; 32].join(":");
    Description::answer(format!(
        "v=0\r\no=rtc 2886960908 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=group:LS 0 1\r\n\
         a=msid-semantic:WMS *\r\na=ice-options:ice2,trickle\r\na=fingerprint:sha-256 {hash}\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF {audio}\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux-only\r\n{transport}\
         a=rtpmap:{audio} opus/48000/2\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF {video}\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendrecv\r\na=rtcp-mux-only\r\n{transport}\
         a=rtpmap:{video} VP8/90000\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sendrecv\r\na=sctp-port:5000\r\n\
         a=max-message-size:262144\r\na=setup:active\r\na=ice-ufrag:JPXB\r\na=ice-pwd:PjigcAy6E4udLaWJ6hD5Fz\r\n"
    ))
}

#[test]
fn what_we_stopped_stays_stopped_if_the_answer_accepts_it() {
    for stopped in [0, 1] {
        let mut alice = Peer::media("alice");
        for kind in [MediaKind::Audio, MediaKind::Video] {
            alice.negotiator.add_transceiver(kind, TransceiverInit::default());
        }
        alice.negotiator.add_data_channels();
        let offer = alice.offer();
        let first_of = |section: usize| media_lines(&offer)[section].split(' ').nth(3).unwrap().to_owned();
        let answer = libdatachannel(&first_of(0), &first_of(1));
        alice.take(&answer);

        let id = alice.negotiator.transceivers()[stopped].id();
        alice.negotiator.stop(id).unwrap();
        assert!(is_rejected(&alice.offer(), stopped));
        let effects = alice.take(&answer);
        assert!(effects.contains(&Effect::SectionRejected {
            section: stopped,
            mid: stopped.to_string(),
            reason: RejectReason::Stopped,
        }));
        assert_eq!(alice.negotiator.signaling_state(), SignalingState::Stable);
        assert_eq!(alice.negotiator.transceiver(id), None);
        assert_eq!(alice.negotiator.transceivers().len(), 1, "the other goes on");
        assert!(alice.negotiator.data_channels().is_some());
        assert!(!alice.negotiator.negotiation_needed());

        // It offers the section again, for it there still is one: that is a new one for us.
        let mut again = edited(&answer, "a=setup:active", "a=setup:actpass");
        again.kind = pollrtc_jsep::SdpKind::Offer;
        alice.answer(&again);
        assert_eq!(alice.negotiator.transceivers().len(), 2);
        assert!(alice.negotiator.data_channels().is_some());
    }
}

/// The kinds and mids of the sections, and the bundle.
fn outline(description: &Description) -> String {
    let kind = |line: &str| line.split(' ').next().unwrap_or_default().replace("m=", "");
    let lines = media_lines(description).into_iter().enumerate();
    let sections = lines.map(|(index, line)| match is_rejected(description, index) {
        true => "-".to_owned(),
        false => format!("{} {}", kind(line), values(&section(description, index), "mid")[0]),
    });
    let sections: Vec<String> = sections.collect();
    format!("{}: {}", values(&description.sdp, "group")[0], sections.join(", "))
}

/// Chromium 156 takes the first section of a bundle for the one that carries the transport, whatever the group's order is. A
/// section that is new and comes first has a transport of its own there: its answer fails ("Failed to setup RTCP mux"), or has
/// new credentials and begins DTLS anew.
#[test]
fn a_new_section_of_ours_never_comes_before_those_that_go_on() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    let stop = |peer: &mut Peer, place: usize| {
        let id = peer.negotiator.transceivers()[place].id();
        peer.negotiator.stop(id).unwrap();
    };
    let add = |peer: &mut Peer, kind| peer.negotiator.add_transceiver(kind, TransceiverInit::default());
    stop(&mut alice, 0);
    exchange(&mut alice, &mut bob);

    add(&mut alice, MediaKind::Audio);
    let (offer, _) = exchange(&mut alice, &mut bob);
    assert_eq!(outline(&offer), "BUNDLE 1 2 3: -, video 1, application 2, audio 3");
    // Behind the first, places are used again.
    stop(&mut bob, 1);
    exchange(&mut bob, &mut alice);
    add(&mut bob, MediaKind::Video);
    let (offer, _) = exchange(&mut bob, &mut alice);
    assert_eq!(outline(&offer), "BUNDLE 1 2 4: -, video 1, application 2, video 4");
    // Also where the first is let go in the same step.
    stop(&mut alice, 0);
    add(&mut alice, MediaKind::Audio);
    let (offer, _) = exchange(&mut alice, &mut bob);
    assert_eq!(outline(&offer), "BUNDLE 2 4 5: -, -, application 2, video 4, audio 5");

    // With nothing left to come before, all places are free.
    for _ in 0..alice.negotiator.transceivers().len() {
        stop(&mut alice, 0);
        exchange(&mut alice, &mut bob);
    }
    alice.negotiator.stop_data_channels();
    exchange(&mut alice, &mut bob);
    add(&mut alice, MediaKind::Audio);
    let (offer, _) = exchange(&mut alice, &mut bob);
    assert_eq!(outline(&offer), "BUNDLE 6: audio 6, -, -, -, -");
}

/// aiortc 1.16 does not look at the port: it looks for a common codec ("Failed to set remote video description send
/// parameters") and for `a=rtcp-mux`, and refuses the whole description. Browsers write all into what is rejected.
#[test]
fn a_rejected_section_says_what_its_formats_are() {
    let described = |description: &Description, index: usize| {
        assert!(is_rejected(description, index));
        let text = section(description, index);
        let formats: Vec<String> = text
            .lines()
            .next()
            .unwrap()
            .split(' ')
            .skip(3)
            .map(str::to_owned)
            .collect();
        let maps = values(&text, "rtpmap");
        let mapped: Vec<String> = maps
            .iter()
            .map(|map| map.split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(mapped, formats, "{text}");
        assert!(has(&text, "rtcp-mux") && has(&text, "inactive"), "{text}");
        assert!(values(&text, "extmap").is_empty() && values(&text, "rtcp-fb").is_empty());
        maps.iter()
            .map(|map| map.split(' ').nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    let video = alice.negotiator.transceivers()[1].id();
    alice.negotiator.stop(video).unwrap();
    // In each offer and answer from then on.
    for _ in 0..3 {
        let (offer, answer) = exchange(&mut alice, &mut bob);
        assert!(described(&offer, 1).contains(&"VP8/90000".to_owned()));
        assert!(is_rejected(&answer, 1));
        let (offer, answer) = exchange(&mut bob, &mut alice);
        assert!(described(&offer, 1).contains(&"VP8/90000".to_owned()));
        assert!(is_rejected(&answer, 1));
    }

    // And where the answer rejects what was offered.
    let mut carol = Peer::media("carol");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        carol.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    let offer = carol.offer();
    let alone = Description::offer(offer.sdp.replace("a=group:BUNDLE 0 1\r\n", ""));
    let mut dave = Peer::media("dave");
    dave.negotiator.set_remote(&alone).unwrap();
    let video = dave.negotiator.transceivers()[1].id();
    dave.negotiator.stop(video).unwrap();
    let answer = dave.create_answer();
    assert!(described(&answer, 1).contains(&"VP8/90000".to_owned()));

    // And where we have no codec to offer.
    let mut erin = Peer::new("erin");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        erin.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    erin.negotiator.add_data_channels();
    let offer = erin.offer();
    assert_eq!(described(&offer, 0), ["PCMU/8000"]);
    assert_eq!(described(&offer, 1), ["VP8/90000"]);
}

/// Chromium 156 has another DTLS transport once the section is stopped that carried the first one, with the same ICE
/// credentials. Its answer says for each which role it has there; it refuses an answer by which the second one would have
/// the role of the first ("Failed to set SSL role for the transport").
#[test]
fn a_role_that_is_another_where_the_transports_section_was_stopped_is_meant() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    exchange(&mut alice, &mut bob);
    let role = |peer: &Peer| peer.negotiator.transports().next().unwrap().dtls_role;
    let handshake = |peer: &Peer| peer.negotiator.transports().next().unwrap().handshake;
    assert_eq!((role(&bob), handshake(&bob)), (DtlsRole::Client, 0));

    let audio = bob.negotiator.transceivers()[0].id();
    bob.negotiator.stop(audio).unwrap();
    let offer = bob.offer();
    let answer = alice.answer(&offer);
    assert_eq!(
        values(&answer.sdp, "setup"),
        ["passive", "passive"],
        "ours has one transport only"
    );
    let (mut same, mut all) = (bob.clone(), bob.clone());
    same.take(&answer);
    assert_eq!((role(&same), handshake(&same)), (DtlsRole::Client, 0));
    // Who says it everywhere has forgotten its role.
    all.take(&edited(&answer, "a=setup:passive", "a=setup:active"));
    assert_eq!((role(&all), handshake(&all)), (DtlsRole::Client, 0));

    let (first, second) = answer.sdp.split_once("m=video").unwrap();
    let chromium = Description::answer(format!(
        "{first}m=video{}",
        second.replace("a=setup:passive", "a=setup:active")
    ));
    bob.take(&chromium);
    assert_eq!((role(&bob), handshake(&bob)), (DtlsRole::Server, 1));
    let next = bob.answer(&alice.offer());
    assert_eq!(values(&section(&next, 1), "setup"), ["passive"]);
    assert_eq!((role(&bob), handshake(&bob)), (DtlsRole::Server, 1));
}

/// libdatachannel 0.24 ("Remote description has no ICE user fragment") and aiortc 1.16 ("ICE username fragment or password
/// is missing") refuse a description that has no credentials at all; libdatachannel also one in which all media is inactive
/// ("Remote description has no active media"), and aiortc one with a section without a direction.
#[test]
fn what_stops_the_last_section_names_the_transport_that_ends() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    exchange(&mut alice, &mut bob);
    let ids: Vec<_> = alice.negotiator.transceivers().iter().map(|each| each.id()).collect();
    for id in ids {
        alice.negotiator.stop(id).unwrap();
    }
    let names = |description: &Description, offerer: &str, name: &str, setup: &str| {
        for index in [0, 1] {
            assert!(is_rejected(description, index));
            let text = section(description, index);
            assert_eq!(values(&text, "ice-ufrag"), [format!("{name}T0g0")], "{description}");
            assert_eq!(values(&text, "ice-pwd"), [format!("{name}PasswordOfTransport0g0")]);
            assert_eq!(values(&text, "fingerprint").len(), 1);
            assert_eq!(values(&text, "setup"), [setup]);
            let direction = if name == offerer { "sendonly" } else { "recvonly" };
            assert!(has(&text, direction) && values(&text, "candidate").is_empty(), "{text}");
        }
    };
    let (offer, answer) = exchange(&mut alice, &mut bob);
    names(&offer, "alice", "alice", "actpass");
    names(&answer, "alice", "bob", "active");
    // It has ended: nobody is asked for it any more, and what was set is still what was written.
    for (peer, set) in [(&alice, &offer), (&bob, &answer)] {
        assert_eq!(peer.negotiator.live_keys().count(), 0);
        let nobody = |key| panic!("{key:?} has ended");
        assert_eq!(peer.negotiator.local_description(nobody).unwrap().as_ref(), Some(set));
    }
    // Nor is that another transport, which both have if they begin again.
    let (offer, answer) = exchange(&mut bob, &mut alice);
    names(&offer, "bob", "bob", "actpass");
    names(&answer, "bob", "alice", "passive");
    bob.negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let (offer, answer) = exchange(&mut bob, &mut alice);
    assert_eq!(values(&section(&offer, 0), "ice-ufrag"), ["bobT1g0"]);
    assert_eq!(values(&section(&answer, 0), "ice-ufrag"), ["aliceT2g0"]);
}
