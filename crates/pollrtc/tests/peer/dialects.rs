//! Peers that say the same in other words, as SIP, old browsers, servers and scripts do: each of them
//! gets an answer that it understands, and a channel that carries messages.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Pair, START, Who};
use pollrtc::{
    ChannelSendError, ChannelState, Config, ConnectionState, Deviation, DtlsRole, Event, NegotiationError,
    PeerConnection, RemoteCandidate, SessionDescription, SignalingState, StateMachine,
};

const SECOND: Duration = Duration::from_secs(1);

/// An exchange whose descriptions are written anew on their way.
fn exchange_as(
    pair: &mut Pair,
    offerer: Who,
    offers: impl Fn(&str) -> String,
    answers: impl Fn(&str) -> String,
) -> (String, String) {
    let now = pair.now;
    let offer = offers(&pair.side(offerer).peer.offer(now).expect("an offer"));
    let answerer = &mut pair.side(offerer.other()).peer;
    let answer = answerer
        .accept_offer(now, &offer)
        .unwrap_or_else(|error| panic!("{error}\n{offer}"));
    let heard = answers(&answer);
    let offerer = &mut pair.side(offerer).peer;
    offerer
        .accept_answer(now, &heard)
        .unwrap_or_else(|error| panic!("{error}\n{heard}"));
    (offer, answer)
}

/// Two who have found each other with an offer that was written anew.
fn met(offers: impl Fn(&str) -> String) -> Pair {
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    exchange_as(&mut pair, Who::Alice, offers, as_it_is);
    assert_talking(&mut pair, Who::Alice, "chat");
    pair
}

/// A new channel opens, without a further exchange, and carries messages both ways.
fn assert_talking(pair: &mut Pair, who: Who, label: &str) {
    let (ours, theirs) = pair.open(who, label);
    pair.say(who, ours, &format!("{label}: one way"));
    pair.say(who.other(), theirs, &format!("{label}: and the other"));
}

fn as_it_is(sdp: &str) -> String {
    sdp.to_owned()
}

/// Without the lines that begin so.
fn without(sdp: &str, beginnings: &[&str]) -> String {
    let lines = sdp
        .lines()
        .filter(|line| !beginnings.iter().any(|each| line.starts_with(each)));
    lines.map(|line| format!("{line}\r\n")).collect()
}

fn replaced(sdp: &str, from: &str, to: &str) -> String {
    assert!(sdp.contains(from), "there is {from:?} in\n{sdp}");
    sdp.replace(from, to)
}

fn lines<'s>(sdp: &'s str, beginning: &str) -> Vec<&'s str> {
    sdp.lines().filter(|line| line.starts_with(beginning)).collect()
}

fn ports(sdp: &str) -> Vec<&str> {
    let ports = lines(sdp, "m=").into_iter().map(|line| line.split(' ').nth(1));
    ports.map(|port| port.expect("a port")).collect()
}

#[test]
fn a_peer_that_writes_malformed_lines_is_connected_with_and_told_about() {
    let odd = |sdp: &str| {
        let sdp = replaced(sdp, "a=ice-options:trickle ice2", "a=ice-options:ice2,trickle");
        let sdp = replaced(&sdp, "t=0 0\r\n", "t=now\r\na=charset:\r\na=tool:\r\n");
        format!("{sdp}a=ptime:\r\na=ssrc:1234\r\na=rtcp-fb:111\r\na=candidate:1\r\na=remote-candidates:\r\nb=AS:-1\r\n")
    };
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    exchange_as(&mut pair, Who::Alice, odd, odd);
    for who in [Who::Alice, Who::Bob] {
        let findings = pair.side(who).peer.remote_findings();
        let told = |words: &str| findings.iter().any(|finding| finding.to_string().contains(words));
        assert!(told("ICE options") || told("value ends here"), "{findings:?}");
        assert!(
            told("packet time") && told("start time") && told("bandwidth"),
            "{findings:?}"
        );
    }
    assert_talking(&mut pair, Who::Alice, "chat");
    assert_talking(&mut pair, Who::Bob, "chat back");
}

/// As aiortc 1.16: it takes no notice of the new credentials, and answers with those that it had. Its agent goes on by them, and
/// would find nobody there any more.
#[test]
fn a_peer_that_does_not_restart_ice_goes_on_as_before() {
    let mut pair = met(as_it_is);
    let credentials = ["a=ice-ufrag", "a=ice-pwd"];
    let of = |pair: &mut Pair, who: Who| {
        let offer = pair.side(who).peer.create_offer().unwrap().sdp;
        credentials.map(|name| lines(&offer, name)[0].to_owned())
    };
    for restarting in Who::BOTH {
        let before = of(&mut pair, restarting);
        pair.side(restarting).peer.restart_ice();
        let unheard = |offer: &str| {
            let new = credentials.map(|name| lines(offer, name)[0].to_owned());
            assert_ne!(new, before);
            replaced(&replaced(offer, &new[0], &before[0]), &new[1], &before[1])
        };
        exchange_as(&mut pair, restarting, unheard, as_it_is);
        let peer = &pair.side(restarting).peer;
        assert!(matches!(
            peer.remote_deviations(),
            [Deviation::RestartIgnored { section: 0 }]
        ));
        // Longer than consent lasts.
        pair.run_for(60 * SECOND);
        assert_eq!(
            pair.side(restarting).peer.connection_state(),
            ConnectionState::Connected
        );
        assert_talking(&mut pair, restarting, &format!("{restarting:?} wanted to restart"));
        assert_eq!(of(&mut pair, restarting), before);
    }
    // Who does restart is as welcome as ever.
    pair.alice.peer.restart_ice();
    exchange_as(&mut pair, Who::Alice, as_it_is, as_it_is);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Alice, "after a restart");
}

#[test]
fn a_peer_without_mids_and_bundles_hears_of_none() {
    let sip = |sdp: &str| without(sdp, &["a=mid", "a=group", "a=ice-options", "a=tls-id", "a=rtcp"]);
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let (_, answer) = exchange_as(&mut pair, Who::Alice, sip, as_it_is);
    for attribute in ["a=mid", "a=group", "a=ice-options", "a=tls-id"] {
        assert!(!answer.contains(attribute), "{answer}");
    }
    assert_talking(&mut pair, Who::Alice, "as she offered");

    // Bob's own offers have mids, which she answers without.
    pair.bob.peer.restart_ice();
    let (offer, _) = exchange_as(&mut pair, Who::Bob, as_it_is, sip);
    assert_eq!(lines(&offer, "a=mid").len(), 1);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Bob, "after his restart");

    pair.alice.peer.restart_ice();
    exchange_as(&mut pair, Who::Alice, sip, as_it_is);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Alice, "after hers");

    for stopping in Who::BOTH {
        pair.side(stopping).peer.close_data_channels();
        exchange_as(&mut pair, stopping, sip, sip);
        pair.run_for(SECOND);
        assert_eq!(pair.alice.peer.connection_state(), ConnectionState::New);
        pair.side(stopping.other()).peer.create_data_channel("again").unwrap();
        exchange_as(&mut pair, stopping.other(), sip, sip);
        assert_talking(&mut pair, stopping, "once more");
    }
}

#[test]
fn candidates_of_a_peer_without_mids_go_by_index() {
    let now = START;
    let sip = |sdp: &str| without(sdp, &["a=mid", "a=group"]);
    let mut pair = Pair::new();
    let mut alice = PeerConnection::new(seeded(1));
    let mut bob = PeerConnection::new(seeded(2));
    let chat = alice.create_data_channel("chat").unwrap();
    let answer = bob.accept_offer(now, &sip(&alice.offer(now).unwrap())).unwrap();
    alice.accept_answer(now, &answer).unwrap();
    bob.add_local_address(now, pair.bob.address).unwrap();
    let candidate = std::iter::from_fn(|| bob.poll_event()).find_map(|event| match event {
        Event::Candidate(candidate) => Some(candidate),
        _ => None,
    });
    let candidate = candidate.expect("Bob trickles");
    assert_eq!((candidate.sdp_mid.as_deref(), candidate.sdp_mline_index), (None, 0));
    alice.add_remote_candidate(now, &candidate).unwrap();
    let second = RemoteCandidate {
        section: Some(1),
        ..RemoteCandidate::from(&candidate)
    };
    assert!(alice.add_remote_candidate(now, second).is_err());
    alice.add_local_address(now, pair.alice.address).unwrap();
    (pair.alice.peer, pair.bob.peer) = (alice, bob);
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
}

#[test]
fn firefox_before_2018_is_answered_in_its_own_form() {
    let old = |sdp: &str| {
        let sdp = replaced(sdp, "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000");
        let sdp = replaced(&sdp, "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 256");
        without(&sdp, &["a=max-message-size", "a=tls-id"])
    };
    let new = |sdp: &str| {
        let sdp = replaced(sdp, "DTLS/SCTP 5000", "UDP/DTLS/SCTP webrtc-datachannel");
        replaced(&sdp, "a=sctpmap:5000 webrtc-datachannel 65535", "a=sctp-port:5000")
    };
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let (_, answer) = exchange_as(&mut pair, Who::Alice, old, new);
    assert!(
        lines(&answer, "m=application")[0].ends_with(" DTLS/SCTP 5000"),
        "{answer}"
    );
    assert!(lines(&answer, "a=sctp-port").is_empty(), "{answer}");
    assert_talking(&mut pair, Who::Alice, "in the old form");

    // It knows no other form, and is offered none.
    pair.bob.peer.restart_ice();
    exchange_as(&mut pair, Who::Bob, new, old);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Bob, "and again");
}

#[test]
fn the_peers_largest_message_is_what_it_says_or_64_kib() {
    let size = "a=max-message-size:262144";
    for (said, largest) in [
        (format!("{size}\r\n"), 262_144),
        ("a=max-message-size:100\r\n".to_owned(), 100),
        (String::new(), 65_536),
    ] {
        let mut pair = met(|offer| replaced(offer, &format!("{size}\r\n"), &said));
        let (theirs, _) = pair.open(Who::Bob, "large");
        pair.bob.peer.send(theirs, vec![0; largest]).unwrap();
        let (size, max) = (largest + 1, largest);
        assert_eq!(
            pair.bob.peer.send(theirs, vec![0; size]),
            Err(ChannelSendError::TooLarge { size, max })
        );
    }
    // RFC 8841 §6.1: zero has no bound, and more digits than a number holds hardly one.
    for any in ["0", "18446744073709551615", "99999999999999999999999"] {
        let mut pair = Pair::with(|alice: Config| alice.with_max_message_size(1_000_000), |bob| bob);
        pair.alice.peer.create_data_channel("first").unwrap();
        let said = format!("a=max-message-size:{any}");
        exchange_as(
            &mut pair,
            Who::Alice,
            |offer| replaced(offer, "a=max-message-size:1000000", &said),
            as_it_is,
        );
        let (theirs, _) = pair.open(Who::Bob, "large");
        pair.bob.peer.send(theirs, vec![7; 1_000_000]).unwrap();
        pair.run_until(30 * SECOND, |pair| {
            let whole =
                |event: &Event| matches!(event, Event::Message { data, .. } if data.as_bytes().len() == 1_000_000);
            pair.alice.events.iter().any(whole)
        });
    }
}

#[test]
fn who_takes_no_message_at_all_does_not_promise_to_take_any() {
    let mut peer = PeerConnection::new(seeded(1).with_max_message_size(0));
    peer.create_data_channel("chat").unwrap();
    let offer = peer.offer(START).unwrap();
    assert_eq!(lines(&offer, "a=max-message-size"), ["a=max-message-size:1"]);
}

#[test]
fn what_stands_in_the_session_holds_for_the_section() {
    let names = [
        "a=ice-ufrag",
        "a=ice-pwd",
        "a=fingerprint",
        "a=setup",
        "a=end-of-candidates",
    ];
    let moved = |sdp: &str| {
        let of_session: String = names
            .iter()
            .flat_map(|name| lines(sdp, name))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let rest = without(sdp, &names);
        let (session, sections) = rest.split_once("m=").expect("a section");
        format!("{session}{of_session}m={sections}")
    };
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    exchange_as(&mut pair, Who::Alice, moved, moved);
    assert_talking(&mut pair, Who::Alice, "chat");
    pair.bob.peer.restart_ice();
    exchange_as(&mut pair, Who::Bob, moved, moved);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Alice, "after a restart");
}

#[test]
fn of_several_fingerprints_the_strongest_known_hash_counts() {
    let unknown =
        "a=fingerprint:sha3-256 AB:CD\r\na=fingerprint:md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";
    let weak = format!("a=fingerprint:sha-1 {}\r\n", ["00"; 20].join(":"));
    met(|offer| replaced(offer, "a=fingerprint", &format!("{unknown}{weak}a=fingerprint")));
    // Another certificate of the same peer's may be named beside it, in any case of letters.
    let other = format!("a=fingerprint:SHA-256 {}\r\n", ["0a"; 32].join(":"));
    met(|offer| replaced(offer, "a=fingerprint", &format!("{other}a=fingerprint")));
}

#[test]
fn a_section_that_names_no_known_hash_is_refused_and_the_next_offer_may_be_better() {
    let mut pair = Pair::new();
    let now = pair.now;
    pair.alice.peer.create_data_channel("first").unwrap();
    let offer = pair.alice.peer.offer(now).unwrap();
    let unknown: String = offer
        .lines()
        .map(|line| match line.starts_with("a=fingerprint") {
            true => "a=fingerprint:sha3-256 AB:CD\r\n".to_owned(),
            false => format!("{line}\r\n"),
        })
        .collect();
    let answer = pair.bob.peer.accept_offer(now, &unknown).unwrap();
    assert_eq!(ports(&answer), ["0"]);
    assert_eq!(pair.bob.peer.connection_state(), ConnectionState::New);
    let held = replaced(&offer, "a=setup:actpass", "a=setup:holdconn");
    let answer = pair.bob.peer.accept_offer(now, &held).unwrap();
    assert_eq!(ports(&answer), ["0"]);

    let answer = pair.bob.peer.accept_offer(now, &offer).unwrap();
    pair.alice.peer.accept_answer(now, &answer).unwrap();
    assert_talking(&mut pair, Who::Alice, "at last");
}

#[test]
fn line_ends_blank_lines_and_stray_spaces_are_of_no_matter() {
    met(|offer| offer.replace("\r\n", "\n"));
    met(|offer| offer.trim_end().to_owned());
    met(|offer| format!("{offer}\r\n"));
    met(|offer| format!("{}\n\n", offer.replace("\r\n", "\n")));
    // Some lines were written by a script.
    met(|offer| replaced(offer, "a=setup:actpass\r\n", "a=setup:actpass \na=x-script\n\r\n"));
    met(|offer| replaced(offer, "s=-\r\n", "s=\r\n"));
}

#[test]
fn what_smuggles_lines_in_is_refused() {
    let mut alice = PeerConnection::new(seeded(1));
    alice.create_data_channel("first").unwrap();
    let offer = alice.offer(START).unwrap();
    for end in ["\r\r\n", "\r", "\0\r\n"] {
        let mut bob = PeerConnection::new(seeded(2));
        let text = replaced(&offer, "a=setup:actpass\r\n", &format!("a=setup:actpass{end}"));
        let refused = bob.accept_offer(START, &text).unwrap_err();
        let NegotiationError::Sdp(error) = refused else {
            panic!("{end:?}: {refused}")
        };
        let line = text.lines().position(|line| line.starts_with("a=setup")).unwrap() + 1;
        assert_eq!(error.line() as usize, line, "{end:?}: {error}");
        assert_eq!(bob.signaling_state(), SignalingState::Stable);
    }
}

#[test]
fn lines_of_a_section_come_in_any_order() {
    met(|offer| {
        let (session, section) = offer.split_once("m=").expect("a section");
        let mut lines: Vec<&str> = section.lines().collect();
        lines[1..].reverse();
        format!("{session}m={}\r\n", lines.join("\r\n"))
    });
}

#[test]
fn a_candidate_that_nobody_can_use_does_not_hide_the_others() {
    let odd = [
        "1 1 udp 1 fe80::54a9:d238:b2ee:ceb%24 5000 typ host",
        "2 1 udp 1 192.0.2.1 5001 typ teleport",
        "3 1 quic 1 192.0.2.1 5002 typ host",
        "4 1 tcp 1 192.0.2.1 5003 typ host",
        "5 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "6 2 udp 1 192.0.2.1 5004 typ host",
        "7 1 udp 1 nobody.example 5005 typ host",
        "8 1 udp 1 0.0.0.0 5006 typ host",
        "9 1 udp 1 192.0.2.1 0 typ host",
    ];
    let odd: String = odd.iter().map(|each| format!("a=candidate:{each}\r\n")).collect();
    met(|offer| replaced(offer, "a=candidate", &format!("{odd}a=candidate")));
    met(|offer| {
        replaced(
            offer,
            "a=end-of-candidates\r\n",
            &format!("a=end-of-candidates\r\n{odd}"),
        )
    });
}

#[test]
fn ten_thousand_candidates_that_trickle_cost_less_than_a_second() {
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let (offer, _) = exchange_as(&mut pair, Who::Alice, as_it_is, as_it_is);
    let mid = lines(&offer, "a=mid:")[0].trim_start_matches("a=mid:").to_owned();
    let start = std::time::Instant::now();
    for number in 0..10_000u32 {
        let line = format!(
            "candidate:{number} 1 udp {} 198.51.{}.{} 9 typ host",
            2_000_000_000 - number,
            100 + number / 200 % 100,
            number % 200
        );
        let candidate = RemoteCandidate {
            mid: Some(&mid),
            ..RemoteCandidate::from(line.as_str())
        };
        pair.bob.peer.add_remote_candidate(pair.now, candidate).unwrap();
    }
    let took = start.elapsed();
    assert!(took < SECOND, "{took:?}");
    assert_talking(&mut pair, Who::Alice, "chat");
}

#[test]
fn a_lite_agent_is_reached_and_may_offer_or_answer() {
    for lite in Who::BOTH {
        for offerer in Who::BOTH {
            let as_lite = |who, config: Config| config.with_ice_lite(who == lite);
            let mut pair = Pair::with(|alice| as_lite(Who::Alice, alice), |bob| as_lite(Who::Bob, bob));
            pair.side(offerer).peer.create_data_channel("first").unwrap();
            let (offer, answer) = exchange_as(&mut pair, offerer, as_it_is, as_it_is);
            assert_eq!(offer.contains("a=ice-lite"), offerer == lite);
            assert_eq!(answer.contains("a=ice-lite"), offerer != lite);
            assert_talking(&mut pair, offerer, "chat");
            for restarting in Who::BOTH {
                pair.side(restarting).peer.restart_ice();
                exchange_as(&mut pair, restarting, as_it_is, as_it_is);
                pair.run_for(2 * SECOND);
                assert_talking(&mut pair, restarting, &format!("{restarting:?} has restarted"));
            }
        }
    }
}

#[test]
fn whoever_decides_the_dtls_role_both_take_one() {
    for (offered, answered) in [("actpass", "active"), ("active", "passive"), ("passive", "active")] {
        let mut pair = Pair::new();
        pair.alice.peer.create_data_channel("first").unwrap();
        let offers = |offer: &str| replaced(offer, "actpass", offered);
        let (_, answer) = exchange_as(&mut pair, Who::Alice, offers, as_it_is);
        assert_eq!(lines(&answer, "a=setup"), [format!("a=setup:{answered}")]);
        assert_talking(&mut pair, Who::Alice, "chat");
        // Whoever offers next says `actpass`, and nothing changes.
        for offerer in Who::BOTH {
            exchange_as(&mut pair, offerer, as_it_is, as_it_is);
            pair.run_for(SECOND);
            assert_talking(&mut pair, offerer, &format!("{offerer:?} offers again"));
        }
    }
}

/// RFC 4145 §4: who offers without the attribute is active, who answers without it passive.
#[test]
fn who_says_nothing_of_its_dtls_role_has_one() {
    met(|offer| without(offer, &["a=setup"]));
    let mut pair = Pair::with(
        |alice| alice,
        |bob: Config| bob.with_preferred_dtls_role(DtlsRole::Server),
    );
    pair.alice.peer.create_data_channel("first").unwrap();
    exchange_as(&mut pair, Who::Alice, as_it_is, |answer| {
        without(answer, &["a=setup:passive"])
    });
    assert_talking(&mut pair, Who::Alice, "chat");
}

/// Alice's offers as a browser's with a microphone and a camera: hers in the middle of three bundled
/// sections, each of them with the same transport but for the last, which has none to fall back on.
fn among_media(offer: &str) -> String {
    let media = |kind: &str, port: &str, more: &str| {
        format!("m={kind} {port} UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:{kind}\r\na=rtcp-mux\r\n{more}")
    };
    let (session, data) = offer.split_once("m=").expect("a section");
    let names = [
        "a=candidate",
        "a=ice-",
        "a=fingerprint",
        "a=setup",
        "a=end-of",
        "a=tls-id",
    ];
    let transport = data
        .lines()
        .filter(|line| names.iter().any(|name| line.starts_with(name)));
    let transport: String = transport.map(|line| format!("{line}\r\n")).collect();
    let audio = media("audio", "9", &transport);
    let video = media("video", "0", "a=bundle-only\r\na=rtpmap:96 VP8/90000\r\n");
    let mid = lines(offer, "a=mid")[0].strip_prefix("a=mid:").expect("a mid");
    let session = replaced(session, &format!("BUNDLE {mid}"), &format!("BUNDLE audio {mid} video"));
    format!("{session}{audio}m={data}{video}")
}

/// What she hears of the answers.
fn without_media(answer: &str) -> String {
    let (session, sections) = answer.split_once("m=audio").expect("audio comes first");
    let (_, data) = sections.split_once("m=application").expect("data comes next");
    let (data, _) = data.split_once("m=video").expect("video comes last");
    let session = session.replace(" video\r\n", "\r\n");
    format!("{session}m=application{data}")
}

#[test]
fn sections_of_media_around_the_data_stay_without_media_or_are_rejected_if_they_have_no_codec() {
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let (_, answer) = exchange_as(&mut pair, Who::Alice, among_media, without_media);
    let without_use = |answer: &str| {
        let ports = ports(answer);
        assert_eq!((ports.len(), ports[0]), (3, "0"), "{answer}");
        assert!(ports[1] != "0" && ports[2] != "0", "{answer}");
        assert_eq!(lines(answer, "m=audio"), ["m=audio 0 UDP/TLS/RTP/SAVPF 96"]);
        assert_eq!(lines(answer, "a=group"), ["a=group:BUNDLE 0 video"]);
        assert_eq!(lines(answer, "a=inactive").len(), 2);
    };
    without_use(&answer);
    assert_talking(&mut pair, Who::Alice, "chat");

    pair.alice.peer.restart_ice();
    let (_, answer) = exchange_as(&mut pair, Who::Alice, among_media, without_media);
    without_use(&answer);
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Alice, "after a restart");

    // Bob's offers keep all three places, and what became of them.
    pair.bob.peer.restart_ice();
    let offer = pair.bob.peer.create_offer().unwrap();
    without_use(&offer.sdp);
    pair.bob.peer.set_local_description(pair.now, &offer).unwrap();
    let now = pair.now;
    let answer = pair.alice.peer.accept_offer(now, &without_media(&offer.sdp)).unwrap();
    let (session, data) = answer.split_once("m=").unwrap();
    let answer = format!(
        "{session}m=audio 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:audio\r\nm={data}m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:video\r\n"
    );
    pair.bob.peer.accept_answer(now, &answer).unwrap();
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Bob, "after his");
}

#[test]
fn a_second_section_for_data_channels_is_one_too_many() {
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let twice = |offer: &str| {
        let offer = replaced(offer, "BUNDLE 0", "BUNDLE 0 too");
        format!(
            "{offer}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:too\r\na=sctp-port:5000\r\n"
        )
    };
    let once = |answer: &str| {
        let at = answer.rfind("m=application").expect("two sections");
        answer[..at].to_owned()
    };
    let (_, answer) = exchange_as(&mut pair, Who::Alice, twice, once);
    assert_eq!(ports(&answer)[1], "0");
    assert_eq!(lines(&answer, "a=group"), ["a=group:BUNDLE 0"]);
    assert_talking(&mut pair, Who::Alice, "chat");
}

#[test]
fn what_nobody_understands_is_of_no_matter() {
    met(|offer| {
        let long = "x".repeat(70_000);
        let session =
            format!("a=group:FUTURE 0\r\na=msid-semantic:WMS *\r\na=extmap-allow-mixed\r\na=tool:{long}\r\nm=");
        let offer = replaced(offer, "m=", &session);
        let section = format!("a=sctp-init:AQAA\r\na=dcmap:0 label=\"first\"\r\na={long}\r\na=x:y:z:\u{e9}\r\na=setup");
        replaced(&offer, "a=setup", &section)
    });
}

#[test]
fn a_session_version_has_any_number_of_digits() {
    let huge = |offer: &str| {
        let origin = lines(offer, "o=")[0].to_owned();
        replaced(offer, &origin, &format!("o=- {0} {0} IN IP4 0.0.0.0", "9".repeat(30)))
    };
    let mut pair = met(huge);
    exchange_as(&mut pair, Who::Alice, huge, as_it_is);
    assert_talking(&mut pair, Who::Alice, "as before");
}

#[test]
fn each_dtls_association_has_an_identifier_of_its_own() {
    let mut pair = Pair::new();
    pair.alice.peer.create_data_channel("first").unwrap();
    let (offer, answer) = exchange_as(&mut pair, Who::Alice, as_it_is, as_it_is);
    let id = |sdp: &str| -> String { lines(sdp, "a=tls-id")[0].to_owned() };
    let (hers, his) = (id(&offer), id(&answer));
    assert_ne!(hers, his);
    assert_eq!(hers.len(), "a=tls-id:".len() + 20, "20 characters of 6 bits are 120");
    assert_talking(&mut pair, Who::Alice, "chat");

    // It outlives restarts and exchanges in which the other one offers.
    pair.bob.peer.restart_ice();
    let (offer, answer) = exchange_as(&mut pair, Who::Bob, as_it_is, as_it_is);
    assert_eq!((id(&offer), id(&answer)), (his.clone(), hers.clone()));
    pair.run_for(2 * SECOND);
    assert_talking(&mut pair, Who::Bob, "after a restart");

    // Another transport has another one.
    pair.alice.peer.close_data_channels();
    exchange_as(&mut pair, Who::Alice, as_it_is, as_it_is);
    pair.bob.peer.create_data_channel("again").unwrap();
    let (offer, answer) = exchange_as(&mut pair, Who::Bob, as_it_is, as_it_is);
    assert!(id(&offer) != his && id(&answer) != hers);
    assert_talking(&mut pair, Who::Bob, "once more");
}

#[test]
fn a_peer_that_takes_over_gets_a_new_identifier_and_a_new_association() {
    let mut pair = Pair::new();
    pair.open(Who::Alice, "to the first Bob");
    let id = |peer: &PeerConnection| -> String {
        let sdp = peer.local_description().expect("it was set").sdp;
        lines(&sdp, "a=tls-id")[0].to_owned()
    };
    let before = id(&pair.alice.peer);
    // Another process has Bob's address and knows what he has said, and no more.
    let mut second = PeerConnection::new(seeded(99));
    second.add_local_address(pair.now, pair.bob.address).unwrap();
    second.create_data_channel("from the second").unwrap();
    pair.bob.peer = second;
    exchange_as(&mut pair, Who::Bob, as_it_is, as_it_is);
    assert_ne!(id(&pair.alice.peer), before);
    pair.run_until(10 * SECOND, Pair::connected);
    assert_talking(&mut pair, Who::Alice, "to the second Bob");
}

#[test]
fn the_impolite_peer_ignores_an_offer_that_collides() {
    let mut pair = Pair::new();
    let now = pair.now;
    let (ours, _) = pair.open(Who::Alice, "chat");
    pair.alice.peer.restart_ice();
    pair.bob.peer.restart_ice();
    let hers = pair.alice.peer.offer(now).unwrap();
    let his = pair.bob.peer.offer(now).unwrap();
    // She is impolite: what collides with her offer never reaches her peer connection.
    assert_eq!(pair.alice.peer.signaling_state(), SignalingState::HaveLocalOffer);
    drop(his);
    let answer = pair.bob.peer.accept_offer(now, &hers).unwrap();
    pair.alice.peer.accept_answer(now, &answer).unwrap();
    pair.run_for(2 * SECOND);
    pair.say(Who::Alice, ours, "hers was first");
    // His wish outlives the offer that he gave up, unless her restart was his as well.
    if pair.bob.peer.negotiation_needed() {
        pair.exchange(Who::Bob);
    }
    pair.run_for(2 * SECOND);
    assert!(!pair.bob.peer.negotiation_needed() && !pair.alice.peer.negotiation_needed());
    pair.say(Who::Alice, ours, "and still");
}

#[test]
fn a_late_answer_to_an_offer_that_was_taken_back_changes_nothing() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "chat");
    let now = pair.now;
    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.offer(now).unwrap();
    let late = pair.bob.peer.accept_offer(now, &offer).unwrap();
    pair.alice
        .peer
        .set_local_description(now, &SessionDescription::rollback())
        .unwrap();
    let refused = pair.alice.peer.accept_answer(now, &late);
    assert!(
        matches!(refused, Err(NegotiationError::WrongState { .. })),
        "{refused:?}"
    );
    // Bob has restarted already, so that Alice has to, too.
    pair.alice.peer.restart_ice();
    pair.exchange(Who::Alice);
    pair.run_for(5 * SECOND);
    pair.say(Who::Alice, ours, "in the end");
}
