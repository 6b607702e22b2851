//! Peers that are no browsers: SIP phones, gateways, and attackers.

use std::fmt::Write;

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{BundlePolicy, Config, Description, NegotiationError, RejectReason, TransceiverInit};
use pollrtc_sdp::{Limits, Profile};

use crate::support::{Peer, edited, hash_of, is_rejected, media_config, media_lines, section, values};

/// As a SIP gateway writes it: no mids, no bundle, profiles of old.
fn phone() -> Description {
    let hash = hash_of("phone");
    let transport = |n: u32| {
        format!(
            "a=ice-ufrag:phone{n}\r\na=ice-pwd:passwordOfThePhone{n:05}\r\na=fingerprint:SHA-256 {hash}\r\n\
             a=setup:actpass\r\na=rtcp-mux\r\na=candidate:1 1 UDP 2130706431 198.51.100.{n} 4000 typ host\r\n"
        )
    };
    Description::offer(format!(
        "v=0\r\no=phone 1 1 IN IP4 198.51.100.1\r\ns=call\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 8 0\r\n{}m=video 4000 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\n{}",
        transport(1),
        transport(2)
    ))
}

fn gateway() -> Peer {
    let config = Config {
        bundle_policy: BundlePolicy::MaxCompat,
        ..media_config()
    };
    Peer::with("gateway", config)
}

#[test]
fn a_peer_without_mids_is_answered_without_mids() {
    let mut bob = gateway();
    let answer = bob.answer(&phone());
    assert!(values(&answer.sdp, "mid").is_empty() && values(&answer.sdp, "group").is_empty());
    let transports: Vec<_> = bob
        .negotiator
        .transports()
        .map(|transport| transport.key.transport)
        .collect();
    let sections = transports
        .into_iter()
        .map(|transport| bob.negotiator.section_of(transport));
    assert!(
        sections.eq([Some((0, None)), Some((1, None))]),
        "candidates go by index"
    );
    assert_eq!(media_lines(&answer), ["m=audio 9 RTP/AVP 8 0", "m=video 9 RTP/AVP 99"]);
    let mids: Vec<_> = bob
        .negotiator
        .transceivers()
        .iter()
        .map(|transceiver| transceiver.mid())
        .collect();
    assert_eq!(mids, [Some("0"), Some("1")], "made up for the application");
    assert_eq!(bob.negotiator.transports().count(), 2);
    assert!(bob.negotiator.transports().all(|transport| transport.mid.is_none()));

    // Again, by index.
    let again = edited(&phone(), "o=phone 1 1", "o=phone 1 2");
    let before = bob.negotiator.transceivers().to_vec();
    bob.answer(&again);
    assert_eq!(bob.negotiator.transceivers(), before);

    // Our offers have mids; the peer leaves them out again.
    let offer = bob.offer();
    assert_eq!(values(&offer.sdp, "mid"), ["0", "1"]);
    assert!(
        media_lines(&offer)
            .iter()
            .all(|line| line.contains("UDP/TLS/RTP/SAVPF"))
    );
    let mut other = gateway();
    let answer = other.answer(&edited(&edited(&offer, "a=mid:0\r\n", ""), "a=mid:1\r\n", ""));
    assert!(values(&answer.sdp, "mid").is_empty());
    let mut text = answer.sdp.clone();
    for transport in [1, 2] {
        // The phone keeps its credentials, certificate and role.
        let name = format!("gatewayT{}g0", transport - 1);
        text = text.replace(&name, &format!("phone{transport}"));
        let pwd = format!("gatewayPasswordOfTransport{}g0", transport - 1);
        text = text.replace(&pwd, &format!("passwordOfThePhone{transport:05}"));
    }
    let text = text.replace(&hash_of("gateway"), &hash_of("phone"));
    let text = text.replace("a=setup:active", "a=setup:passive");
    bob.take(&Description::answer(text));
}

/// Old names of protocols, and those over TCP, mean the same to who answers so.
#[test]
fn an_answer_may_name_the_protocol_otherwise() {
    let names = |kind: &str| match kind {
        "UDP/TLS/RTP/SAVPF" => vec!["UDP/TLS/RTP/SAVP", "TCP/DTLS/RTP/SAVPF", "RTP/SAVPF", "RTP/SAVP"],
        _ => vec!["TCP/DTLS/SCTP", "DTLS/SCTP"],
    };
    let other_stacks = |kind: &str| match kind {
        "UDP/TLS/RTP/SAVPF" => vec!["UDP/DTLS/SCTP", "RTP/ABC"],
        _ => vec!["UDP/TLS/RTP/SAVPF", "TCP/BFCP"],
    };
    for protocol in ["UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP"] {
        let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
        alice
            .negotiator
            .add_transceiver(MediaKind::Audio, TransceiverInit::default());
        alice.negotiator.add_data_channels();
        let answer = bob.answer(&alice.offer());
        for name in other_stacks(protocol) {
            let refused = alice.refuse(&edited(&answer, protocol, name));
            assert!(matches!(refused, NegotiationError::MediaMismatch { .. }), "{refused}");
        }
        for name in names(protocol) {
            let mut alice = alice.clone();
            alice.take(&edited(&answer, protocol, name));
            assert!(alice.negotiator.data_channels().is_some(), "{name}");
            assert!(alice.negotiator.transceivers()[0].parameters().is_some(), "{name}");
        }
    }
    // In an offer as well, and it is answered to the letter.
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&edited(&alice.offer(), "UDP/DTLS/SCTP", "DTLS/SCTP"));
    assert_eq!(media_lines(&answer), ["m=application 9 DTLS/SCTP webrtc-datachannel"]);
    assert_eq!(values(&answer.sdp, "sctp-port"), ["5000"]);
    assert!(bob.negotiator.data_channels().is_some());
    alice.take(&answer);
}

#[test]
fn plain_rtp_is_refused_but_not_an_error() {
    let offer = Description::offer(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0 8\r\nm=video 4002 RTP/AVP 31\r\n",
    );
    let mut bob = gateway();
    bob.take(&offer);
    let answer = bob.create_answer();
    bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(media_lines(&answer), ["m=audio 0 RTP/AVP 0 8", "m=video 0 RTP/AVP 31"]);
    assert_eq!(bob.negotiator.transports().count(), 0);
}

#[test]
fn no_common_codec_rejects_the_section() {
    let mut alice = Peer::media("alice");
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    let offer = alice.offer();
    let line = media_lines(&offer)[0];
    let other = edited(&offer, line, "m=audio 9 UDP/TLS/RTP/SAVPF 77");
    let other = edited(&other, "a=rtpmap:111 opus/48000/2", "a=rtpmap:77 speex/16000");
    let mut bob = Peer::media("bob");
    bob.take(&other);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!(is_rejected(&answer, 0));
    assert!(effects.contains(&pollrtc_jsep::Effect::SectionRejected {
        section: 0,
        mid: "0".into(),
        reason: RejectReason::NoCommonCodec
    }));
    assert!(bob.negotiator.transceivers().is_empty());
}

#[test]
fn a_transceiver_without_a_codec_to_offer_is_rejected_and_gone() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::media("bob"));
    alice.negotiator.add_data_channels();
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let offer = alice.offer();
    assert_eq!(media_lines(&offer)[0], "m=video 0 UDP/TLS/RTP/SAVPF 96");
    assert_eq!(values(&offer.sdp, "group"), ["BUNDLE 1"]);
    alice.take(&bob.answer(&offer));
    assert!(alice.negotiator.transceivers().is_empty() && bob.negotiator.transceivers().is_empty());
    assert!(alice.negotiator.data_channels().is_some());
    assert!(
        !alice.negotiator.negotiation_needed(),
        "it is not tried again and again"
    );
}

#[test]
fn the_profiles_of_jsep_refuse_an_ill_formed_line_of_a_known_kind_and_lenient_does_not() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    for (good, bad) in [
        ("a=setup:actpass", "a=setup:maybe"),
        ("a=sctp-port:5000", "a=sctp-port:99999"),
        ("a=ice-ufrag:", "a=ice-pacing:x\r\na=ice-ufrag:"),
        ("t=0 0\r\n", "t=0 0\r\nk=x\r\n"),
    ] {
        let jsep = Config {
            profile: Profile::Jsep,
            ..Config::new(1)
        };
        let refused = Peer::with("bob", jsep).refuse(&edited(&offer, good, bad));
        let NegotiationError::Sdp(error) = refused else {
            panic!("{refused}")
        };
        assert!(error.line() > 1 && error.column() > 0);
    }
    let lenient = Config {
        profile: Profile::Lenient,
        ..Config::new(1)
    };
    let mut bob = Peer::with("bob", lenient);
    let answer = bob.answer(&edited(&offer, "a=sctp-port:5000", "a=sctp-port:99999"));
    assert!(!is_rejected(&answer, 0), "the default port");
}

#[test]
fn repeated_and_unknown_mids_of_groups_are_refused_by_the_profile_of_jsep_and_else_ignored() {
    let mut alice = Peer::media("alice");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    let offer = alice.offer();
    let bad = [
        edited(&edited(&offer, "BUNDLE 0 1", "BUNDLE 0"), "a=mid:1", "a=mid:0"),
        edited(&offer, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1\r\na=group:BUNDLE 1"),
        edited(&offer, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1 7"),
    ];
    for bad in &bad {
        let with = |profile| {
            let config = Config {
                profile,
                ..media_config()
            };
            Peer::with("bob", config)
        };
        assert!(matches!(with(Profile::Jsep).refuse(bad), NegotiationError::Sdp(_)));
        for profile in [Profile::Interop, Profile::Lenient] {
            let mut bob = with(profile);
            bob.negotiator.set_remote(bad).expect("it is tolerated");
            // What is written must be right again: of two with one mid, the second has none.
            let answer = bob.create_answer();
            assert!(answer.sdp.matches("a=mid:0").count() < 2);
            assert!(!is_rejected(&answer, 0));
        }
    }
}

#[test]
fn what_stands_once_for_many_sections_costs_no_more() {
    let offer = |fingerprints: usize, parameters: usize| {
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for mid in 0..300 {
            write!(sdp, " {mid}").unwrap();
        }
        sdp += "\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n";
        for byte in 0..fingerprints {
            let hash = [format!("{:02X}:{:02X}", byte / 256, byte % 256).as_str(); 16].join(":");
            write!(sdp, "a=fingerprint:sha-256 {hash}\r\n").unwrap();
        }
        for mid in 0..300 {
            write!(
                sdp,
                "m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtcp-mux\r\n\
                 a=rtpmap:96 VP8/90000\r\na=rtpmap:98 VP9/90000\r\n"
            )
            .unwrap();
            if mid == 0 {
                write!(sdp, "a=fmtp:98 {}profile-id=0\r\n", "a=b;".repeat(parameters)).unwrap();
            }
        }
        Description::offer(sdp)
    };
    let cost = |offer: &Description| allocation_counter::measure(|| drop(Peer::media("bob").answer(offer))).bytes_max;
    let (few, many) = (cost(&offer(32, 1)), cost(&offer(8_000, 1)));
    assert!(
        many < few * 2 + 10_000_000,
        "{few} bytes for 32 hashes, {many} for 8,000"
    );

    // Who reads such parameters again and again is kept busy.
    let codecs = |peer: &Peer| -> Vec<usize> {
        let parameters = peer.negotiator.transceivers().iter().take(2);
        parameters
            .map(|transceiver| transceiver.parameters().unwrap().send.codecs.len())
            .collect()
    };
    let mut bob = Peer::media("bob");
    bob.answer(&offer(1, 1));
    assert_eq!(codecs(&bob), [2, 2]);
    let mut bob = Peer::media("bob");
    bob.answer(&offer(1, 200_000));
    assert_eq!(codecs(&bob), [1, 2], "too long to be true");
}

#[test]
fn payload_types_in_conflict_cost_a_codec_and_never_the_data_channels() {
    let mut alice = Peer::media("alice");
    for kind in [MediaKind::Audio, MediaKind::Video] {
        alice.negotiator.add_transceiver(kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let twice = edited(&offer, "a=rtpmap:111 opus", "a=rtpmap:111 L16");
    let twice = edited(
        &twice,
        "m=video 9 UDP/TLS/RTP/SAVPF ",
        "m=video 9 UDP/TLS/RTP/SAVPF 111 ",
    );
    let twice = edited(&twice, "a=mid:1\r\n", "a=mid:1\r\na=rtpmap:111 VP8/90000\r\n");
    for mut bob in [Peer::new("bob"), Peer::media("carol")] {
        let answer = bob.answer(&twice);
        assert!((0..3).all(|index| !is_rejected(&answer, index)));
        assert!(bob.negotiator.data_channels().is_some());
    }
}

#[test]
fn a_large_offer_costs_in_proportion_and_no_more_than_the_limits_allow() {
    let offer_of = |sections: usize| {
        let hash = hash_of("x");
        let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
        for mid in 0..sections {
            write!(sdp, " {mid}").unwrap();
        }
        write!(
            sdp,
            "\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=fingerprint:sha-256 {hash}\r\n"
        )
        .unwrap();
        for mid in 0..sections {
            write!(
                sdp,
                "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=rtcp-mux\r\n\
                 a=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\na=msid:s{mid}\r\n\
                 a=candidate:1 1 udp 2130706431 192.0.2.1 {} typ host\r\n",
                1_000 + mid
            )
            .unwrap();
        }
        Description::offer(sdp)
    };
    let cost = |sections: usize| {
        let offer = offer_of(sections);
        let mut bob = Peer::media("bob");
        let mut answer = offer.clone();
        let cost = allocation_counter::measure(|| answer = bob.answer(&offer));
        assert_eq!(media_lines(&answer).len(), sections);
        assert!(!is_rejected(&answer, sections - 1));
        (cost.count_total, cost.bytes_total)
    };
    let (small, large) = (cost(100), cost(800));
    assert!(large.0 < small.0 * 9, "{small:?} for 100 sections, {large:?} for 800");
    assert!(large.1 < small.1 * 11, "{small:?} for 100 sections, {large:?} for 800");

    let limits = Limits {
        media_sections: 10,
        ..Limits::default()
    };
    let mut bob = Peer::with(
        "bob",
        Config {
            limits,
            ..media_config()
        },
    );
    assert!(matches!(bob.refuse(&offer_of(11)), NegotiationError::Sdp(_)));
    let answer = bob.answer(&offer_of(10));
    assert_eq!(values(&section(&answer, 9), "mid"), ["9"]);
}
