//! A malformed line costs what it is about, never the connection.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{
    BundlePolicy, Config, Description, Effect, NegotiationError, RejectReason, SdpKind, TransceiverInit,
};
use pollrtc_sdp::attribute::Direction;
use pollrtc_sdp::{Parser, Profile};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::support::{Peer, edited, exchange, is_rejected, media_config, section, values};

/// Lines that a connection can do without, each malformed in one way, and what peers make of them
/// (`conformance/interop/verdicts`).
fn malformed() -> impl Iterator<Item = &'static str> {
    let rows = include_str!("malformed.tsv").lines().skip(1);
    rows.map(|row| row.split('\t').next().expect("a row has a line"))
}

/// Audio, video and data channels in one bundle.
fn offerer() -> Peer {
    let mut alice = Peer::media("alice");
    alice.negotiator.add_track(MediaKind::Audio, vec!["s".to_owned()]);
    alice.negotiator.add_track(MediaKind::Video, vec!["s".to_owned()]);
    alice.negotiator.add_data_channels();
    alice
}

/// What a peer has come to, but for the text that it came by.
fn outcome(peer: &Peer) -> String {
    let negotiator = &peer.negotiator;
    let transports: Vec<_> = negotiator.transports().collect();
    let local = peer.local().sdp;
    format!(
        "{transports:#?}\n{:#?}\n{:#?}\n{local}",
        negotiator.transceivers(),
        negotiator.data_channels()
    )
}

/// The description with a line at the end of the session's part or of a section, or where the order
/// of lines puts it.
fn with_line(description: &Description, line: &str, place: Option<usize>) -> Description {
    let mut part = 0;
    let mut sdp = String::new();
    let wanted = place.map_or(0, |index| index + 1);
    for each in description.sdp.split_inclusive("\r\n") {
        let starts = each.starts_with("m=");
        if starts && part == wanted {
            sdp += &format!("{line}\r\n");
        }
        part += usize::from(starts);
        sdp += each;
    }
    if part == wanted {
        sdp += &format!("{line}\r\n");
    }
    Description {
        sdp,
        ..description.clone()
    }
}

const PLACES: [Option<usize>; 4] = [None, Some(0), Some(1), Some(2)];

#[test]
fn a_malformed_minor_line_of_an_offer_is_dropped_alone() {
    let offer = offerer().offer();
    let mut plain = Peer::media("bob");
    plain.answer(&offer);
    for line in malformed() {
        for place in PLACES {
            let mut bob = Peer::media("bob");
            let odd = with_line(&offer, line, place);
            if let Err(error) = bob.negotiator.set_remote(&odd) {
                panic!("{line} at {place:?}: {error}");
            }
            let answer = bob.create_answer();
            bob.negotiator.set_local(&answer).expect("our answer fits");
            assert_eq!(outcome(&bob), outcome(&plain), "{line} at {place:?}");
        }
    }
}

#[test]
fn a_malformed_minor_line_of_an_answer_is_dropped_alone() {
    let mut alice = offerer();
    let answer = Peer::media("bob").answer(&alice.offer());
    let mut plain = alice.clone();
    plain.take(&answer);
    for line in malformed() {
        for place in PLACES {
            for kind in [SdpKind::PrAnswer, SdpKind::Answer] {
                let mut alice = alice.clone();
                let odd = with_line(&answer, line, place);
                if let Err(error) = alice.negotiator.set_remote(&Description { kind, ..odd }) {
                    panic!("{line} at {place:?}: {error}");
                }
                if kind == SdpKind::Answer {
                    assert_eq!(outcome(&alice), outcome(&plain), "{line} at {place:?}");
                }
            }
        }
    }
}

#[test]
fn the_application_is_told_what_was_dropped_and_where() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let odd = with_line(&with_line(&offer, "a=ptime:", Some(0)), "b=AS:-1", None);
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&odd);
    let shown = |peer: &Peer, text: &str| -> Vec<String> {
        let findings = peer.negotiator.remote_findings().iter();
        findings.map(|finding| finding.display_with(text).to_string()).collect()
    };
    let findings = shown(&bob, &odd.sdp);
    assert!(findings[0].contains("move the `b=` line"), "{findings:?}");
    assert!(findings[1].contains("write digits as the bandwidth") && findings[1].contains("b=AS:-1"));
    assert!(findings[2].contains("as the packet time") && findings[2].contains("a=ptime:"));

    // Those of the latest description, and no more than one can read.
    alice.take(&with_line(&answer, &["b=AS:-1"; 1_000].join("\r\n"), Some(0)));
    assert_eq!(alice.negotiator.remote_findings().len(), 64);
    assert!(exchange(&mut alice, &mut bob).1.sdp.starts_with("v=0"));
    assert!(alice.negotiator.remote_findings().is_empty());

    // Who wants to validate finds the first of them refused.
    for profile in [Profile::Rfc8866, Profile::Jsep] {
        assert!(Parser::new().profile(profile).parse(&odd.sdp).is_err());
        let mut carol = Peer::with(
            "carol",
            Config {
                profile,
                ..Config::new(3)
            },
        );
        assert!(matches!(carol.refuse(&odd), NegotiationError::Sdp(_)));
    }
}

/// What a section can't do without: how it stands in an offer, and how it does not.
const VITAL: &[(&str, &str)] = &[
    ("a=mid:", "a=mid:two words "),
    ("a=ice-ufrag:", "a=ice-ufrag:a "),
    ("a=ice-pwd:", "a=ice-pwd:a "),
    ("a=fingerprint:", "a=fingerprint:sha-256 A"),
    ("a=setup:", "a=setup:x"),
    ("a=sctp-port:", "a=sctp-port:x"),
    ("a=max-message-size:", "a=max-message-size:-"),
    ("a=sctp-port:", "a=sctpmap:x\r\na=sctp-port:"),
];

#[test]
fn a_malformed_vital_line_costs_its_section() {
    // Each section with a transport of its own, so that each has all of these.
    let config = || Config {
        bundle_policy: BundlePolicy::MaxCompat,
        ..media_config()
    };
    let mut alice = Peer::with("alice", config());
    alice.negotiator.add_track(MediaKind::Audio, vec!["s".to_owned()]);
    alice.negotiator.add_data_channels();
    let offer = Description::offer(alice.offer().sdp.replace("a=group:BUNDLE 0 1\r\n", ""));
    let data = section(&offer, 1);
    for (good, bad) in VITAL {
        let odd = edited(&offer, &data, &data.replacen(good, bad, 1));
        let mut bob = Peer::with("bob", config());
        bob.take(&odd);
        let answer = bob.create_answer();
        let effects = bob.negotiator.set_local(&answer).expect("our answer fits");
        assert!(!is_rejected(&answer, 0) && is_rejected(&answer, 1), "{bad}\n{answer}");
        let reason = effects.iter().find_map(|effect| match effect {
            Effect::SectionRejected { section: 1, reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(reason, Some(RejectReason::Malformed), "{bad}");
        assert_eq!(bob.negotiator.remote_findings().len(), 1, "{bad}");

        // In an answer too.
        let mut alice = alice.clone();
        let good_answer = Peer::with("bob", config()).answer(&offer);
        let data = section(&good_answer, 1);
        let effects = alice.take(&edited(&good_answer, &data, &data.replacen(good, bad, 1)));
        let rejected = effects.contains(&Effect::SectionRejected {
            section: 1,
            mid: "1".to_owned(),
            reason: RejectReason::Malformed,
        });
        assert!(rejected, "{bad}: {effects:?}");
        assert_eq!(alice.negotiator.transports().count(), 1);
    }
}

#[test]
fn without_a_section_left_a_malformed_vital_line_refuses_the_whole() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    for (good, bad) in VITAL {
        let odd = Description::offer(offer.sdp.replacen(good, bad, 1));
        let NegotiationError::Sdp(error) = Peer::new("bob").refuse(&odd) else {
            panic!("{bad}")
        };
        let line = odd.sdp.lines().nth(error.line() as usize - 1).unwrap();
        assert!(bad.starts_with(&line[..line.find(':').unwrap()]), "{line} for {bad}");
    }
}

#[test]
fn a_malformed_group_costs_the_group() {
    let mut alice = offerer();
    let odd = with_line(&alice.offer(), "a=group:", None);
    let answer = Peer::media("bob").answer(&odd);
    assert_eq!(values(&answer.sdp, "group")[0], "BUNDLE 0 1 2");

    // Without a bundle each section has a transport, as both said that it may.
    let config = Config {
        bundle_policy: BundlePolicy::MaxCompat,
        ..media_config()
    };
    let mut alice = Peer::with("alice", config);
    alice.negotiator.add_track(MediaKind::Audio, vec!["s".to_owned()]);
    alice.negotiator.add_data_channels();
    let mut bob = Peer::media("bob");
    let answer = bob.answer(&edited(&alice.offer(), "a=group:BUNDLE 0 1", "a=group:@ 0 1"));
    assert!(values(&answer.sdp, "group").is_empty());
    assert!(!is_rejected(&answer, 0) && !is_rejected(&answer, 1));
    assert_eq!(bob.negotiator.transports().count(), 2);
    assert_eq!(bob.negotiator.remote_findings().len(), 1);
}

#[test]
fn a_malformed_vital_line_of_the_session_costs_the_sections_that_need_it() {
    let mut alice = Peer::with(
        "alice",
        Config {
            bundle_policy: BundlePolicy::MaxCompat,
            ..media_config()
        },
    );
    alice.negotiator.add_track(MediaKind::Audio, vec!["s".to_owned()]);
    alice.negotiator.add_data_channels();
    let offer = Description::offer(alice.offer().sdp.replace("a=group:BUNDLE 0 1\r\n", ""));
    for (good, bad) in &VITAL[1..5] {
        let odd = with_line(&offer, bad, None);
        let answer = Peer::media("bob").answer(&odd);
        assert!(
            !is_rejected(&answer, 0) && !is_rejected(&answer, 1),
            "both say it themselves"
        );

        let data = section(&odd, 1);
        let start = data.find(good).unwrap();
        let end = start + data[start..].find("\r\n").unwrap() + 2;
        let silent = edited(&odd, &data, &format!("{}{}", &data[..start], &data[end..]));
        let answer = Peer::media("bob").answer(&silent);
        assert!(!is_rejected(&answer, 0) && is_rejected(&answer, 1), "{bad}");
    }
}

#[test]
fn a_malformed_codec_or_extension_costs_itself() {
    let offer = offerer().offer();
    let opus = edited(&offer, "opus/48000/2", "opus/48k/2");
    let answer = Peer::media("bob").answer(&opus);
    assert!(!offer.sdp.contains("opus/48k") && !answer.sdp.contains("opus"));
    assert!(!is_rejected(&answer, 0), "PCMU is left");

    let uri = "urn:ietf:params:rtp-hdrext:sdes:mid";
    let extension = values(&offer.sdp, "extmap")
        .into_iter()
        .find(|value| value.ends_with(uri))
        .expect("it is offered");
    let answer = Peer::media("bob").answer(&edited(&offer, extension, &format!("0 {uri}")));
    assert!(!answer.sdp.contains(uri) && answer.sdp.contains("a=extmap"));
}

#[test]
fn candidates_that_can_mean_one_thing_only_are_taken() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    for (written, read) in [
        ("1 1 udp 0 192.0.2.1 9 typ host", "1 1 udp 1 192.0.2.1 9 typ host"),
        (
            "1 1 udp 4294967295 192.0.2.1 9 typ host",
            "1 1 udp 2147483647 192.0.2.1 9 typ host",
        ),
        (
            "1 1 udp 7 192.0.2.1 9 typ host generation 0 odd",
            "1 1 udp 7 192.0.2.1 9 typ host generation 0",
        ),
        ("1 1 udp 7 192.0.2.1 9 typ host odd", "1 1 udp 7 192.0.2.1 9 typ host"),
        (
            "1 1 udp 7 192.0.2.1 9 typ host generation 0  network-id 1",
            "1 1 udp 7 192.0.2.1 9 typ host generation 0",
        ),
        (
            "host-1 1 udp 7 192.0.2.1 9 typ host",
            "host-1 1 udp 7 192.0.2.1 9 typ host",
        ),
        (
            "1 1 udp 7 192.0.2.1 9 typ srflx raddr hidden% rport 0",
            "1 1 udp 7 192.0.2.1 9 typ srflx",
        ),
    ] {
        let mut bob = Peer::new("bob");
        bob.answer(&with_line(&offer, &format!("a=candidate:{written}"), Some(0)));
        let transport = bob.negotiator.transports().next().expect("there is one");
        assert_eq!(transport.remote.candidates, [read.parse().unwrap()]);
        assert_eq!(bob.negotiator.remote_findings().len(), 1);
    }
}

#[test]
fn credentials_have_the_characters_that_browsers_take() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let (ufrag, pwd) = (values(&offer.sdp, "ice-ufrag")[0], values(&offer.sdp, "ice-pwd")[0]);
    let odd = "zlm_1-=#";
    let odd_pwd = "_-=#_-=#_-=#_-=#_-=#_-=#";
    let taken = edited(&edited(&offer, ufrag, odd), pwd, odd_pwd);
    let answer = bob.answer(&taken);
    let remote = &bob.negotiator.transports().next().expect("there is one").remote;
    assert_eq!((remote.ufrag.as_str(), remote.pwd.as_str()), (odd, odd_pwd));

    let (ufrag, pwd) = (values(&answer.sdp, "ice-ufrag")[0], values(&answer.sdp, "ice-pwd")[0]);
    alice.take(&edited(&edited(&answer, ufrag, odd), pwd, odd_pwd));
    let remote = &alice.negotiator.transports().next().expect("there is one").remote;
    assert_eq!((remote.ufrag.as_str(), remote.pwd.as_str()), (odd, odd_pwd));
}

#[test]
fn options_of_ice_that_are_joined_by_commas_are_those_options() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let mut bob = Peer::new("bob");
    let offer = edited(
        &alice.offer(),
        "a=ice-options:trickle ice2",
        "a=ice-options:ice2,trickle",
    );
    let answer = bob.answer(&offer);
    assert_eq!(bob.negotiator.can_trickle(), Some(true));
    assert_eq!(values(&answer.sdp, "ice-options"), ["trickle ice2"]);

    alice.take(&edited(
        &answer,
        "a=ice-options:trickle ice2",
        "a=ice-options:ice2,trickle",
    ));
    assert_eq!(alice.negotiator.can_trickle(), Some(true));
}

/// What an offerer may want: sections of any kind in any order, with all that peers say of them.
#[derive(Clone, Debug)]
struct Wanted {
    sections: Vec<Wish>,
    policy: BundlePolicy,
    with_tls_id: bool,
    candidates: bool,
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Track(MediaKind),
    Transceiver(MediaKind, Direction),
    Data,
}

impl Arbitrary for Wanted {
    fn arbitrary(g: &mut Gen) -> Self {
        let kinds = [MediaKind::Audio, MediaKind::Video];
        let section = |g: &mut Gen| match u8::arbitrary(g) % 4 {
            0 => Wish::Data,
            1 => Wish::Track(*g.choose(&kinds).expect("there are two")),
            _ => {
                let direction = Direction::of(bool::arbitrary(g), bool::arbitrary(g));
                Wish::Transceiver(*g.choose(&kinds).expect("there are two"), direction)
            }
        };
        let policies = [BundlePolicy::Balanced, BundlePolicy::MaxCompat, BundlePolicy::MaxBundle];
        Self {
            sections: (0..1 + usize::arbitrary(g) % 4).map(|_| section(g)).collect(),
            policy: *g.choose(&policies).expect("there are three"),
            with_tls_id: bool::arbitrary(g),
            candidates: bool::arbitrary(g),
        }
    }
}

impl Wanted {
    fn offerer(&self) -> Peer {
        let config = Config {
            bundle_policy: self.policy,
            ..media_config()
        };
        let mut alice = Peer::with("alice", config);
        alice.with_tls_id = self.with_tls_id;
        alice.end_of_candidates = self.candidates;
        let candidate = "1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0".to_owned();
        alice.candidates = self.candidates.then_some(candidate).into_iter().collect();
        for wish in &self.sections {
            match *wish {
                Wish::Data => alice.negotiator.add_data_channels(),
                Wish::Track(kind) => {
                    alice.negotiator.add_track(kind, vec!["stream".to_owned()]);
                }
                Wish::Transceiver(kind, direction) => {
                    let init = TransceiverInit {
                        direction,
                        ..TransceiverInit::default()
                    };
                    alice.negotiator.add_transceiver(kind, init);
                }
            }
        }
        alice
    }
}

/// A description with what other peers say besides.
fn talkative(description: &Description) -> Description {
    let mut sdp = description
        .sdp
        .replacen("t=0 0\r\n", "b=CT:1000\r\nt=0 0\r\na=tool:x 1\r\n", 1);
    sdp = sdp.replace(
        "a=rtcp-mux\r\n",
        "b=AS:500\r\na=rtcp-mux\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ptime:20\r\na=ssrc:1 cname:x\r\n\
         a=ssrc-group:FID 1 2\r\na=rid:1 send\r\na=simulcast:send 1\r\na=framerate:30\r\na=label:x\r\n",
    );
    Description {
        sdp,
        ..description.clone()
    }
}

/// Whether a description can do without the line (`Profile::Interop`).
fn is_minor(line: &str) -> bool {
    const VITAL: [&str; 8] = [
        "mid",
        "ice-ufrag",
        "ice-pwd",
        "fingerprint",
        "setup",
        "sctp-port",
        "sctpmap",
        "max-message-size",
    ];
    match line.strip_prefix("a=") {
        Some(attribute) => !VITAL.contains(&attribute.split(':').next().unwrap_or_default()),
        None => !line.starts_with("v=") && !line.starts_with("m="),
    }
}

/// The line without any sense in it. What is put there can't begin any value that means something.
fn garbled(line: &str, way: u8, garbage: &str) -> String {
    let garbage = garbage.replace(['\r', '\n', '\0'], "?");
    let garbage = ["\u{1}", ";", "\u{e9}", "@"][usize::from(way / 4 % 4)].to_owned() + &garbage;
    match line.strip_prefix("a=") {
        None => format!("{}{garbage}", &line[..2]),
        Some(attribute) => {
            let name = attribute.split(':').next().unwrap_or_default();
            match way % 4 {
                0 => format!("a={garbage}"),
                1 if attribute.contains(':') => format!("a={name}"),
                _ => format!("a={name}:{garbage}"),
            }
        }
    }
}

/// A line of `description`, once garbled and once gone.
fn garbled_and_gone(description: &Description, which: usize, way: u8, garbage: &str) -> (String, [Description; 2]) {
    let lines: Vec<&str> = description.sdp.lines().collect();
    let minor: Vec<usize> = (0..lines.len()).filter(|index| is_minor(lines[*index])).collect();
    let index = minor[which % minor.len()];
    let with = |replacement: Option<&str>| {
        let before = lines[..index].iter().copied();
        let lines = before.chain(replacement).chain(lines[index + 1..].iter().copied());
        Description {
            sdp: lines.map(|line| format!("{line}\r\n")).collect(),
            ..description.clone()
        }
    };
    let garbled = garbled(lines[index], way, garbage);
    let both = [with(Some(&garbled)), with(None)];
    (format!("{:?} became {garbled:?}", lines[index]), both)
}

quickcheck! {
    /// For every offer and every minor line of it: garbled it counts as much as absent.
    fn a_garbled_minor_line_of_an_offer_is_as_good_as_none(wanted: Wanted, which: usize, way: u8, garbage: String) -> bool {
        let offer = talkative(&wanted.offerer().offer());
        let (what, descriptions) = garbled_and_gone(&offer, which, way, &garbage);
        let [garbled, gone] = descriptions.map(|offer| {
            let mut bob = Peer::media("bob");
            bob.negotiator.set_remote(&offer).map(|_| {
                let answer = bob.create_answer();
                bob.negotiator.set_local(&answer).expect("our answer fits");
                outcome(&bob)
            })
        });
        assert_eq!(garbled, gone, "{what}");
        true
    }

    /// The same for answers.
    fn a_garbled_minor_line_of_an_answer_is_as_good_as_none(wanted: Wanted, which: usize, way: u8, garbage: String) -> bool {
        let mut alice = wanted.offerer();
        let answer = talkative(&Peer::media("bob").answer(&alice.offer()));
        let (what, descriptions) = garbled_and_gone(&answer, which, way, &garbage);
        let [garbled, gone] = descriptions.map(|answer| {
            let mut alice = alice.clone();
            alice.negotiator.set_remote(&answer).map(|_| outcome(&alice))
        });
        assert_eq!(garbled, gone, "{what}");
        true
    }
}
