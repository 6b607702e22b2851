//! Offers and answers that go over HTTP: WHIP (RFC 9725) and WHEP.

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    BundlePolicy, CertificateHash, Config, HashFunction, LocalTransport, Negotiator, TransceiverInit, TransportKey,
};
use pollrtc_sdp::attribute::{Candidate, Direction};
use pollrtc_sdp::{Fragment, Session};
use pollrtc_whip::{Fault, Patch, Protocol, answer_faults, check_answer, check_offer, known_sections, offer_faults};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

/// A description with audio and video as a WHIP client offers them.
fn offer() -> String {
    format!(
        "{HEAD}a=group:BUNDLE 0 1\r\n{}{}",
        section("audio", 0, ""),
        section("video", 1, "")
    )
}

fn section(kind: &str, mid: usize, more: &str) -> String {
    let hash = ["AB"; 32].join(":");
    format!(
        "m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:EsAw\r\n\
         a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=fingerprint:sha-256 {hash}\r\na=setup:actpass\r\na=sendonly\r\n\
         a=msid:stream {kind}\r\na=rtcp-mux\r\na=rtcp-mux-only\r\na=rtpmap:96 x/90000\r\n{more}"
    )
}

/// The server's answer to [`offer`].
fn answer() -> String {
    offer()
        .replace("a=sendonly", "a=recvonly")
        .replace("a=setup:actpass", "a=setup:passive")
        .replace(
            "a=msid:stream audio\r\n",
            "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n",
        )
        .replace("a=msid:stream video\r\n", "")
}

#[track_caller]
fn offered(protocol: Protocol, text: &str) -> Vec<Fault> {
    let session = Session::parse(text).expect("a description");
    let faults: Vec<Fault> = offer_faults(protocol, &session).collect();
    assert_eq!(check_offer(protocol, &session).err(), faults.first().copied());
    faults
}

#[track_caller]
fn answered(protocol: Protocol, offer: &str, answer: &str) -> Vec<Fault> {
    let (offer, answer) = (
        Session::parse(offer).expect("an offer"),
        Session::parse(answer).expect("an answer"),
    );
    let faults: Vec<Fault> = answer_faults(protocol, &offer, &answer).collect();
    assert_eq!(check_answer(protocol, &offer, &answer).err(), faults.first().copied());
    faults
}

#[test]
fn an_offer_and_its_answer_that_keep_the_rules_pass() {
    assert_eq!(offered(Protocol::Whip, &offer()), []);
    assert_eq!(answered(Protocol::Whip, &offer(), &answer()), []);
    // The other way round for WHEP, where the server sends the stream.
    let wants = offer()
        .replace("a=sendonly", "a=recvonly")
        .replace("a=msid:stream", "a=x:stream");
    assert_eq!(offered(Protocol::Whep, &wants), []);
    let gives = answer().replace("a=recvonly", "a=sendonly\r\na=msid:stream");
    assert_eq!(answered(Protocol::Whep, &wants, &gives), []);
}

#[test]
fn what_the_negotiator_writes_passes_for_either_protocol_and_bundle_policy() {
    for bundle_policy in [BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle] {
        for protocol in [Protocol::Whip, Protocol::Whep] {
            let config = |session_id| Config {
                bundle_policy,
                audio: RtpCapabilities::of(MediaKind::Audio),
                video: RtpCapabilities::of(MediaKind::Video),
                ..Config::new(session_id)
            };
            let (mut client, mut server) = (Negotiator::new(config(2)), Negotiator::new(config(4)));
            for kind in [MediaKind::Audio, MediaKind::Video] {
                let direction = match protocol {
                    Protocol::Whip => Direction::SendOnly,
                    Protocol::Whep => Direction::RecvOnly,
                };
                let init = TransceiverInit {
                    direction,
                    streams: vec!["stream".to_owned()],
                    ..TransceiverInit::default()
                };
                client.add_transceiver(kind, init);
                if protocol == Protocol::Whep {
                    let id = server.add_track(kind, vec!["stream".to_owned()]);
                    server.set_direction(id, Direction::SendOnly).unwrap();
                }
            }
            // Later exchanges leave more to the first section of the bundle.
            for round in 0..2 {
                let offer = client.create_offer(transport).unwrap();
                client.set_local(&offer).unwrap();
                server.set_remote(&offer).unwrap();
                let answer = server.create_answer(transport).unwrap();
                server.set_local(&answer).unwrap();
                client.set_remote(&answer).unwrap();
                let case = format!("{protocol:?} {bundle_policy:?} {round}");
                assert_eq!(offered(protocol, &offer.sdp), [], "{case}\n{offer}");
                assert_eq!(answered(protocol, &offer.sdp, &answer.sdp), [], "{case}\n{answer}");
            }
        }
    }
}

fn transport(key: TransportKey) -> LocalTransport {
    LocalTransport {
        ufrag: format!("uf{}g{}", key.transport, key.generation),
        pwd: "password/of/22/characters".to_owned(),
        fingerprints: vec![CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).expect("32 bytes")],
        candidates: vec![Candidate::host("1", 2_130_706_431, "192.0.2.1", 5_000).into()],
        ..LocalTransport::default()
    }
}

/// A description of two sections, in which the one of this index lacks the lines that begin so.
fn lacking(description: &str, indices: &[usize], names: &[&str]) -> String {
    let (head, sections) = description.split_once("m=").expect("a section");
    let mut text = head.to_owned();
    for (index, section) in sections.split("m=").enumerate() {
        let lines = format!("m={section}");
        let lacks = |line: &str| indices.contains(&index) && names.iter().any(|name| line.starts_with(name));
        text.extend(lines.split_inclusive("\r\n").filter(|line| !lacks(line)));
    }
    text
}

#[test]
fn what_a_section_leaves_out_of_its_transport_the_first_of_its_bundle_says() {
    type Missing = fn(usize) -> Fault;
    let told: [(&[&str], Missing); 5] = [
        (&["a=ice-ufrag"], |section| Fault::Credentials { section }),
        (&["a=ice-pwd"], |section| Fault::Credentials { section }),
        (&["a=fingerprint"], |section| Fault::Fingerprint { section }),
        (&["a=setup"], |section| Fault::Setup { section }),
        (&["a=rtcp-mux"], |section| Fault::RtcpMux { section }),
    ];
    for (names, missing) in told {
        for (description, is_offer) in [(offer(), true), (answer(), false)] {
            let faults = |indices: &[usize]| {
                let text = lacking(&description, indices, names);
                match is_offer {
                    true => offered(Protocol::Whip, &text),
                    false => answered(Protocol::Whip, &offer(), &text),
                }
            };
            assert_eq!(faults(&[1]), [], "{names:?}: the first says it");
            assert_eq!(
                faults(&[0]),
                [missing(0)],
                "{names:?}: the second says it for itself alone"
            );
            assert_eq!(faults(&[0, 1]), [missing(0), missing(1)], "{names:?}: nobody says it");
        }
    }
    // All of it at once, as RFC 9143 §7.1.3 has it.
    let all = ["a=ice-", "a=fingerprint", "a=setup", "a=rtcp-mux"];
    assert_eq!(offered(Protocol::Whip, &lacking(&offer(), &[1], &all)), []);
    // The first is who stands first in the group, wherever its section is.
    let other_first = offer().replace("BUNDLE 0 1", "BUNDLE 1 0");
    assert_eq!(offered(Protocol::Whip, &lacking(&other_first, &[0], &all)), []);
    assert_eq!(offered(Protocol::Whip, &lacking(&other_first, &[1], &all)).len(), 4);
    // Who is in no bundle speaks for itself.
    let apart = lacking(&offer().replace("BUNDLE 0 1", "BUNDLE 0"), &[1], &["a=fingerprint"]);
    let faults = offered(Protocol::Whip, &apart);
    assert_eq!(
        faults,
        [Fault::NotBundled { section: 1 }, Fault::Fingerprint { section: 1 }]
    );
    // What it says itself counts, and not what the first says.
    let contradicts = offer().replacen("a=setup:actpass", "a=setup:active", 1);
    let contradicts = contradicts.replace("a=setup:actpass", "a=setup:passive");
    assert_eq!(offered(Protocol::Whip, &contradicts), [Fault::Setup { section: 1 }]);
}

#[test]
fn what_is_refused_has_a_status() {
    let faults = offered(Protocol::Whip, HEAD);
    assert_eq!(faults, [Fault::NoMedia]);
    assert_eq!(faults[0].status(), 422);
    assert_eq!(Fault::FragmentCredentials.status(), 400);
    for fault in [
        Fault::Stream { section: 1 },
        Fault::SeveralTracks { section: 1 },
        Fault::Rejected { section: 1 },
        Fault::Setup { section: 1 },
    ] {
        assert_eq!(fault.status(), 422, "{fault}");
    }
    assert_eq!(
        Fault::RtcpMux { section: 1 }.to_string(),
        "section 1: add `a=rtcp-mux`",
        "and says what to do"
    );
}

#[test]
fn a_client_of_whip_sends_and_a_server_receives() {
    for (direction, fine) in [
        ("sendonly", true),
        ("sendrecv", true),
        ("recvonly", false),
        ("inactive", false),
    ] {
        let offer = offer().replace("a=sendonly", &format!("a={direction}"));
        let expected = [Fault::Direction { section: 0 }, Fault::Direction { section: 1 }];
        assert_eq!(
            offered(Protocol::Whip, &offer),
            if fine { &[][..] } else { &expected[..] },
            "{direction}"
        );
    }
    for direction in ["sendonly", "sendrecv", "inactive"] {
        let answer = answer().replacen("a=recvonly", &format!("a={direction}\r\na=msid:stream"), 1);
        assert_eq!(
            answered(Protocol::Whip, &offer(), &answer),
            [Fault::Direction { section: 0 }],
            "{direction}"
        );
    }
}

#[test]
fn a_client_of_whep_receives_and_a_server_sends_or_has_nothing() {
    let wants = offer().replace("a=sendonly", "a=recvonly");
    assert_eq!(
        offered(Protocol::Whep, &wants.replacen("a=recvonly", "a=sendonly", 1)),
        [Fault::Direction { section: 0 }]
    );
    let nothing = answer().replace("a=recvonly", "a=inactive");
    assert_eq!(answered(Protocol::Whep, &wants, &nothing), []);
    let rejected = nothing.replacen("m=video 9", "m=video 0", 1);
    assert_eq!(answered(Protocol::Whep, &wants, &rejected), []);
    assert_eq!(
        answered(Protocol::Whep, &wants, &answer()).len(),
        2,
        "a server that receives"
    );
}

#[test]
fn all_sections_are_in_one_bundle_and_share_the_port_with_rtcp() {
    let outside = offer().replace("BUNDLE 0 1", "BUNDLE 0");
    assert_eq!(offered(Protocol::Whip, &outside), [Fault::NotBundled { section: 1 }]);
    let none = offer().replace("a=group:BUNDLE 0 1\r\n", "");
    assert_eq!(offered(Protocol::Whip, &none).len(), 2);
    let two = offer().replace("BUNDLE 0 1", "BUNDLE 0\r\na=group:BUNDLE 1");
    assert_eq!(
        offered(Protocol::Whip, &two),
        [Fault::NotBundled { section: 0 }, Fault::NotBundled { section: 1 }]
    );

    let without = offer().replace("a=rtcp-mux\r\na=rtcp-mux-only\r\n", "");
    assert_eq!(
        offered(Protocol::Whip, &without),
        [Fault::RtcpMux { section: 0 }, Fault::RtcpMux { section: 1 }]
    );
    let only_tagged = format!(
        "{HEAD}a=group:BUNDLE 0 1\r\n{}{}",
        section("audio", 0, ""),
        section("video", 1, "").replace("a=rtcp-mux\r\na=rtcp-mux-only\r\n", "")
    );
    assert_eq!(
        offered(Protocol::Whip, &only_tagged),
        [],
        "what is bundled leaves it to the first"
    );
}

#[test]
fn there_is_one_stream_with_one_track_of_each_kind() {
    let other = offer().replace("a=msid:stream video", "a=msid:other video");
    assert_eq!(offered(Protocol::Whip, &other), [Fault::Stream { section: 1 }]);
    let unnamed = offer().replace("a=msid:stream audio\r\n", "");
    assert_eq!(
        offered(Protocol::Whip, &unnamed),
        [Fault::Stream { section: 0 }, Fault::Stream { section: 1 }]
    );
    let by_source = offer().replace("a=msid:", "a=ssrc:1 msid:");
    assert_eq!(offered(Protocol::Whip, &by_source), [], "the old form");

    let twice = format!(
        "{HEAD}a=group:BUNDLE 0 1\r\n{}{}",
        section("audio", 0, ""),
        section("audio", 1, "")
    );
    assert_eq!(offered(Protocol::Whip, &twice), [Fault::SeveralTracks { section: 1 }]);
    let text = format!("{HEAD}a=group:BUNDLE 0\r\n{}", section("text", 0, ""));
    assert_eq!(offered(Protocol::Whip, &text), [Fault::Kind { section: 0 }]);
}

#[test]
fn nothing_is_accepted_in_parts() {
    let answer = answer().replace("m=video 9", "m=video 0");
    assert_eq!(
        answered(Protocol::Whip, &offer(), &answer),
        [Fault::Rejected { section: 1 }]
    );
    let fewer = answer
        .split("m=video")
        .next()
        .unwrap()
        .replace("BUNDLE 0 1", "BUNDLE 0");
    assert_eq!(answered(Protocol::Whip, &offer(), &fewer), [Fault::Sections]);
    let other = answer.replace("m=video 0", "m=audio 9");
    assert_eq!(answered(Protocol::Whip, &offer(), &other), [Fault::Sections]);
    assert_eq!(
        offered(Protocol::Whip, &offer().replace("m=video 9", "m=video 0")),
        [Fault::Rejected { section: 1 }]
    );
}

#[test]
fn an_answer_is_whole_at_once() {
    let without = answer().replace("a=candidate:", "a=x:");
    assert_eq!(answered(Protocol::Whip, &offer(), &without), [Fault::NoCandidates]);
    let without = answer().replace("a=ice-pwd", "a=x").replace("a=ice-ufrag", "a=y");
    assert_eq!(
        answered(Protocol::Whip, &offer(), &without),
        [Fault::Credentials { section: 0 }, Fault::Credentials { section: 1 }]
    );
    let without = offer().replace("a=fingerprint", "a=x");
    assert_eq!(offered(Protocol::Whip, &without)[0], Fault::Fingerprint { section: 0 });
}

#[test]
fn the_server_decides_who_starts_dtls_unless_the_client_can_only_start() {
    for (setup, fine) in [
        ("actpass", true),
        ("active", true),
        ("passive", false),
        ("holdconn", false),
    ] {
        let offer = offer().replace("a=setup:actpass", &format!("a=setup:{setup}"));
        assert_eq!(offered(Protocol::Whip, &offer).is_empty(), fine, "{setup}");
    }
    let starts = offer().replace("a=setup:actpass", "a=setup:active");
    let active = answer().replace("a=setup:passive", "a=setup:active");
    assert_eq!(answered(Protocol::Whip, &offer(), &active), []);
    assert_eq!(answered(Protocol::Whip, &starts, &answer()), []);
    assert_eq!(
        answered(Protocol::Whip, &starts, &active),
        [Fault::Setup { section: 0 }, Fault::Setup { section: 1 }]
    );
}

#[test]
fn an_offer_of_too_many_sections_is_refused_without_looking_at_all() {
    let many: String = (0..5_000).map(|mid| section("video", mid, "")).collect();
    let faults = offered(Protocol::Whip, &format!("{HEAD}{many}"));
    assert_eq!(faults[0], Fault::TooManySections);
    assert!(faults.len() < 200);
}

const CURRENT: (&str, &str) = ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1");

const TRICKLED: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
    m=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 61764 typ host\r\n\
    m=audio 9 RTP/AVP 0\r\na=mid:7\r\na=candidate:2 1 udp 2130706431 192.0.2.1 61764 typ host\r\na=end-of-candidates\r\n";

#[test]
fn a_patch_with_the_current_credentials_trickles() {
    let fragment = Fragment::parse(TRICKLED).unwrap();
    let patch = Patch::of(&fragment, CURRENT).unwrap();
    assert_eq!((patch, patch.success()), (Patch::Candidates, 204));
    let known: Vec<_> = known_sections(&fragment, |mid| matches!(mid, "0" | "1")).collect();
    assert_eq!(known.len(), 1, "a mid that is not known is passed over");
    assert_eq!(known[0].candidates().count(), 1);
}

#[test]
fn a_patch_with_new_credentials_restarts_and_leaves_dtls_alone() {
    for (ufrag, pwd) in [("EsAx", CURRENT.1), (CURRENT.0, "another/password/of/it")] {
        let body = format!(
            "a=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=setup:passive\r\n\
             a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n"
        );
        let fragment = Fragment::parse(&body).unwrap();
        let patch = Patch::of(&fragment, CURRENT).unwrap();
        // There is no role in it, whatever the fragment says.
        assert_eq!((patch, patch.success()), (Patch::Restart { ufrag, pwd }, 200));
        assert_eq!(fragment.media_count(), 1, "the section of the bundle's tag is enough");
    }
}

#[test]
fn a_patch_without_credentials_is_a_bad_request() {
    let fragment = Fragment::parse("m=audio 9 RTP/AVP 0\r\na=mid:0\r\n").unwrap();
    assert_eq!(Patch::of(&fragment, CURRENT), Err(Fault::FragmentCredentials));
}

#[test]
fn a_patch_names_the_generation_that_it_is_for() {
    let etag = "\"xyzzy\"";
    let restart = Patch::Restart { ufrag: "a", pwd: "b" };
    for patch in [Patch::Candidates, restart] {
        assert_eq!(patch.precondition(None, etag), Err(428));
        assert_eq!(patch.precondition(Some(etag), etag), Ok(()));
        assert_eq!(patch.precondition(Some("\"a\", \"xyzzy\""), etag), Ok(()));
        assert_eq!(patch.precondition(Some("\"older\""), etag), Err(412));
        assert_eq!(patch.precondition(Some("W/\"xyzzy\""), "W/\"xyzzy\""), Err(412));
    }
    assert_eq!(restart.precondition(Some("*"), etag), Ok(()));
    assert_eq!(
        Patch::Candidates.precondition(Some("*"), etag),
        Err(412),
        "which generation?"
    );
}
