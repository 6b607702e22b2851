//! What a description leaves out, or says otherwise than was agreed, costs what it is about and never the rest.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{
    BundlePolicy, Config, Description, Deviation, Effect, NegotiationError, RejectReason, TransceiverInit,
};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::support::{Peer, exchange, is_rejected, media_config, section, values};

/// An answer as the rules have it, and one of before that it may be mixed with.
struct Answers {
    now: Description,
    before: Description,
}

/// How it comes to an answer, and what becomes of it.
struct Case {
    name: &'static str,
    /// Whether each section has a transport of its own.
    alone: bool,
    /// Whether it is the second answer.
    later: bool,
    /// Whether the offer restarts ICE.
    restart: bool,
    edit: fn(&Answers) -> String,
}

const fn case(name: &'static str, edit: fn(&Answers) -> String) -> Case {
    Case {
        name,
        alone: false,
        later: false,
        restart: false,
        edit,
    }
}

const fn alone(case: Case) -> Case {
    Case { alone: true, ..case }
}

const fn later(case: Case) -> Case {
    Case { later: true, ..case }
}

const MUX: &[&str] = &["rtcp-mux", "rtcp-mux-only"];
const CREDENTIALS: &[&str] = &["ice-ufrag", "ice-pwd"];
const FINGERPRINT: &[&str] = &["fingerprint"];
const TRANSPORT: &[&str] = &["ice-ufrag", "ice-pwd", "fingerprint", "setup", "candidate"];

/// The same in `conformance/interop/verdicts/answers.js`, where peers are asked.
const CASES: [Case; 20] = [
    case("bundled media has no rtcp-mux", |answers| {
        lacks(&answers.now, MUX, None)
    }),
    alone(case("media on its own has no rtcp-mux", |answers| {
        lacks(&answers.now, MUX, None)
    })),
    later(case("bundled media has no rtcp-mux any more", |answers| {
        lacks(&answers.now, MUX, None)
    })),
    alone(later(case("media on its own has no rtcp-mux any more", |answers| {
        lacks(&answers.now, MUX, None)
    }))),
    case("the first section of a bundle has no fingerprint", |answers| {
        lacks(&answers.now, FINGERPRINT, Some(0))
    }),
    case("the first section of a bundle has no ICE credentials", |answers| {
        lacks(&answers.now, CREDENTIALS, Some(0))
    }),
    case(
        "the first section of a bundle says nothing of its transport",
        |answers| lacks(&answers.now, TRANSPORT, Some(0)),
    ),
    alone(case("one of two transports has no fingerprint", |answers| {
        lacks(&answers.now, FINGERPRINT, Some(1))
    })),
    alone(case("one of two transports has no ICE credentials", |answers| {
        lacks(&answers.now, CREDENTIALS, Some(1))
    })),
    case("there is no fingerprint", |answers| {
        lacks(&answers.now, FINGERPRINT, None)
    }),
    case("there are no ICE credentials", |answers| {
        lacks(&answers.now, CREDENTIALS, None)
    }),
    later(case("there is no fingerprint any more", |answers| {
        lacks(&answers.now, FINGERPRINT, None)
    })),
    Case {
        restart: true,
        ..later(case("an ICE restart has the credentials of before", |answers| {
            saying(&answers.now.sdp, CREDENTIALS, &answers.before)
        }))
    },
    case(
        "the group leaves out a section that has what the others have",
        |answers| leaving_out(&answers.now),
    ),
    later(case("the group leaves it out later", |answers| {
        leaving_out(&answers.now)
    })),
    later(case("there is no group any more", |answers| {
        grouped(&answers.now.sdp, &[])
    })),
    later(case(
        "the group leaves it out later, with a transport of its own",
        |answers| apart(&answers.now),
    )),
    alone(later(case(
        "the group has a section that was not in it, with a transport of its own",
        |answers| grouped(&answers.now.sdp, &values(&answers.now.sdp, "mid")),
    ))),
    alone(later(case(
        "the group has a section that was not in it, with the transport of the others",
        |answers| {
            let grouped = grouped(&answers.now.sdp, &values(&answers.now.sdp, "mid"));
            saying(&grouped, &["ice-ufrag", "ice-pwd", "setup"], &answers.now)
        },
    ))),
    case("the group has a mid that nobody has", |answers| {
        let mut mids = values(&answers.now.sdp, "mid");
        mids.push("none");
        grouped(&answers.now.sdp, &mids)
    }),
];

/// Whether a line is one of these attributes.
fn is_one_of(line: &str, names: &[&str]) -> bool {
    let name = line
        .strip_prefix("a=")
        .and_then(|line| line.trim_end().split(':').next());
    name.is_some_and(|name| names.contains(&name))
}

/// The description without these attributes, in one section or in all.
fn lacks(description: &Description, names: &[&str], place: Option<usize>) -> String {
    let mut sections = 0;
    let lines = description.sdp.split_inclusive("\r\n");
    let kept = lines.filter(|line| {
        sections += usize::from(line.starts_with("m="));
        place.is_some_and(|place| sections != place + 1) || !is_one_of(line, names)
    });
    kept.collect()
}

/// The description with these mids in its only group.
fn grouped(sdp: &str, mids: &[&str]) -> String {
    let mut text = String::new();
    for line in sdp
        .split_inclusive("\r\n")
        .filter(|line| !line.starts_with("a=group:BUNDLE"))
    {
        text += line;
        if line.starts_with("t=") && !mids.is_empty() {
            write!(text, "a=group:BUNDLE {}\r\n", mids.join(" ")).unwrap();
        }
    }
    text
}

fn leaving_out(description: &Description) -> String {
    let mids = values(&description.sdp, "mid");
    grouped(&description.sdp, &mids[..mids.len() - 1])
}

/// As if the last section had a transport of its own.
fn apart(description: &Description) -> String {
    let last = values(&description.sdp, "mid").len() - 1;
    let text = section(description, last);
    let own = text.replace(values(&text, "ice-ufrag")[0], "apart");
    let own = own.replace(values(&text, "ice-pwd")[0], "apart/from/all/the/others");
    leaving_out(description).replace(&text, &own)
}

/// Each section says what the first one of another description says.
fn saying(sdp: &str, names: &[&str], from: &Description) -> String {
    let mut text = sdp.to_owned();
    for name in names {
        let said = values(&from.sdp, name)[0];
        let lines = text.split_inclusive("\r\n").map(|line| match is_one_of(line, &[name]) {
            true => format!("a={name}:{said}\r\n"),
            false => line.to_owned(),
        });
        text = lines.collect();
    }
    text
}

fn peer(name: &'static str, alone: bool) -> Peer {
    let bundle_policy = match alone {
        true => BundlePolicy::MaxCompat,
        false => BundlePolicy::Balanced,
    };
    let config = Config {
        bundle_policy,
        ..media_config()
    };
    Peer::with(name, config)
}

/// Alice has offered, and Bob has answered.
fn answered(case: &Case) -> (Peer, Answers) {
    let (mut alice, mut bob) = (peer("alice", case.alone), peer("bob", case.alone));
    let kinds: &[MediaKind] = match case.alone {
        true => &[MediaKind::Audio],
        false => &[MediaKind::Audio, MediaKind::Video],
    };
    for kind in kinds {
        alice.negotiator.add_transceiver(*kind, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    let answer = |alice: &mut Peer, bob: &mut Peer| {
        let offer = alice.offer();
        let heard = match case.alone {
            true => grouped(&offer.sdp, &[]),
            false => offer.sdp,
        };
        bob.answer(&Description::offer(heard))
    };
    let before = answer(&mut alice, &mut bob);
    if !case.later {
        return (
            alice,
            Answers {
                now: before.clone(),
                before,
            },
        );
    }
    alice.take(&before);
    if case.restart {
        alice.negotiator.restart_ice();
    }
    let now = answer(&mut alice, &mut bob);
    (alice, Answers { now, before })
}

/// What Alice makes of it: what is rejected for what reason, and what she tells of.
fn verdict(case: &Case) -> String {
    let (mut alice, answers) = answered(case);
    let said = Description::answer((case.edit)(&answers));
    assert_ne!(said, answers.now, "{}", case.name);
    let effects = match alice.negotiator.set_remote(&said) {
        Err(error) => return format!("refuses: {error:?}"),
        Ok(effects) => effects,
    };
    let mut verdict = String::from("takes");
    for effect in effects {
        if let Effect::SectionRejected { section, reason, .. } = effect {
            write!(verdict, ", rejects {section}: {reason:?}").unwrap();
        }
    }
    for deviation in alice.negotiator.remote_deviations() {
        write!(verdict, ", {deviation:?}").unwrap();
    }
    for finding in alice.negotiator.remote_findings() {
        write!(verdict, ", {:?}", finding.kind()).unwrap();
    }
    verdict
}

/// `UPDATE_GOLDEN=1` writes the column of ours anew.
#[test]
fn an_answer_that_deviates_costs_what_the_table_says() {
    let table = include_str!("answers.tsv");
    let said: BTreeMap<&str, Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|row| (row.split('\t').next().unwrap(), row.split('\t').skip(1).collect()))
        .collect();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let mut text = table.lines().next().unwrap().to_owned() + "\n";
        for case in &CASES {
            let peers = said.get(case.name).map_or(&[] as &[&str], |row| &row[1..]);
            writeln!(text, "{}\t{}\t{}", case.name, verdict(case), peers.join("\t")).unwrap();
        }
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/negotiation/answers.tsv");
        fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(said.len(), CASES.len());
    for case in &CASES {
        let row = &said[case.name];
        assert_eq!(verdict(case), row[0], "{}", case.name);
        // Chromium and Firefox, whom everybody connects with.
        let is_refused = row[0].starts_with("refuses");
        assert!(!is_refused || row[1..3] == ["refuses"; 2], "{}", case.name);
    }
}

/// An offer of audio and data, each over a transport of its own.
fn offered_alone() -> Description {
    let mut alice = peer("alice", true);
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    alice.negotiator.add_data_channels();
    Description::offer(grouped(&alice.offer().sdp, &[]))
}

#[test]
fn an_offer_without_a_fingerprint_or_credentials_costs_the_section_that_lacks_them() {
    let offer = offered_alone();
    let lacking = [
        (FINGERPRINT, RejectReason::NoFingerprint),
        (CREDENTIALS, RejectReason::NoIceCredentials),
    ];
    for (names, reason) in lacking {
        for place in 0..2 {
            let mut bob = peer("bob", true);
            bob.take(&Description::offer(lacks(&offer, names, Some(place))));
            let answer = bob.create_answer();
            let effects = bob.negotiator.set_local(&answer).unwrap();
            let rejected = Effect::SectionRejected {
                section: place,
                mid: place.to_string(),
                reason,
            };
            assert!(effects.contains(&rejected), "{effects:?}");
            assert!(is_rejected(&answer, place) && !is_rejected(&answer, 1 - place));
            assert_eq!(bob.negotiator.transports().count(), 1);
        }
        // There is nothing left to agree on.
        let error = peer("bob", true).refuse(&Description::offer(lacks(&offer, names, None)));
        let expected = match reason {
            RejectReason::NoFingerprint => NegotiationError::MissingFingerprint { section: 0 },
            _ => NegotiationError::MissingIceCredentials { section: 0 },
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn an_offer_that_bundles_may_leave_to_the_bundle_what_it_does_not_say() {
    let case = case("", |answers| answers.now.sdp.clone());
    let (alice, _) = answered(&case);
    let offer = alice.local();
    let said = [
        (lacks(&offer, MUX, None), Deviation::RtcpMuxMissing { section: 0 }),
        (
            lacks(&offer, TRANSPORT, Some(0)),
            Deviation::TransportElsewhere { section: 0 },
        ),
        (
            lacks(&offer, FINGERPRINT, Some(0)),
            Deviation::TransportElsewhere { section: 0 },
        ),
    ];
    for (sdp, deviation) in said {
        // The credentials of one transport, as of a peer that has no other to fall back on.
        let sdp = saying(&sdp, CREDENTIALS, &Description::offer(section(&offer, 1)));
        let mut bob = peer("bob", false);
        let answer = bob.answer(&Description::offer(sdp));
        assert!((0..3).all(|index| !is_rejected(&answer, index)));
        assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 0 1 2"]);
        assert_eq!(bob.negotiator.transports().count(), 1);
        assert_eq!(bob.negotiator.remote_deviations(), [deviation]);
    }
}

#[test]
fn a_later_offer_without_a_fingerprint_goes_on_with_the_association() {
    let (mut alice, mut bob) = (peer("alice", false), peer("bob", false));
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    let before: Vec<_> = bob.negotiator.transports().cloned().collect();
    let silent = Description::offer(lacks(&alice.offer(), FINGERPRINT, None));
    let answer = bob.answer(&silent);
    assert!(bob.negotiator.transports().eq(&before));
    let deviates = [Deviation::FingerprintMissing { section: 0 }];
    assert_eq!(bob.negotiator.remote_deviations(), deviates);
    alice.take(&answer);
    // Also where ICE restarts.
    alice.negotiator.restart_ice();
    let silent = Description::offer(lacks(&alice.offer(), FINGERPRINT, None));
    bob.answer(&silent);
    let after = bob.negotiator.transports().next().unwrap();
    assert_ne!(after.remote.ufrag, before[0].remote.ufrag);
    assert_eq!(
        (after.association, &after.remote.fingerprints),
        (0, &before[0].remote.fingerprints)
    );
}

/// Lines that go from an answer, and the sections that are in its group.
#[derive(Clone, Debug)]
struct Deviating {
    case: usize,
    lost: Vec<(usize, usize)>,
    members: Vec<usize>,
}

impl Arbitrary for Deviating {
    fn arbitrary(g: &mut Gen) -> Self {
        let lost: Vec<(usize, usize)> = Arbitrary::arbitrary(g);
        let members: Vec<usize> = Arbitrary::arbitrary(g);
        Self {
            case: usize::arbitrary(g) % CASES.len(),
            lost: lost
                .into_iter()
                .map(|(section, line)| (section % 3, line % TRANSPORT.len()))
                .collect(),
            members: members.into_iter().map(|member| member % 3).collect(),
        }
    }
}

quickcheck! {
    /// For every answer that leaves lines out, or sections of its group: what is agreed on can be reached and recognised, and the
    /// next exchange is as good as ever. Refused is only what nobody could be reached or recognised by.
    fn whatever_an_answer_leaves_out_what_is_left_is_whole(deviating: Deviating) -> bool {
        let case = &CASES[deviating.case];
        let (mut alice, answers) = answered(case);
        let mut text = answers.now.clone();
        for (section, line) in &deviating.lost {
            text.sdp = lacks(&text, &[TRANSPORT[*line]], Some(*section));
        }
        let mids: Vec<String> = values(&text.sdp, "mid").into_iter().map(str::to_owned).collect();
        let mut members: Vec<&str> = Vec::new();
        for member in &deviating.members {
            let mid = mids[member % mids.len()].as_str();
            if !members.contains(&mid) {
                members.push(mid);
            }
        }
        text.sdp = grouped(&text.sdp, &members);
        let before = alice.negotiator.clone();
        if let Err(error) = alice.negotiator.set_remote(&text) {
            assert_eq!(alice.negotiator, before);
            let complete = |index: usize| {
                let section = section(&text, index);
                [CREDENTIALS, FINGERPRINT].concat().iter().all(|name| !values(&section, name).is_empty())
            };
            let lacks = matches!(
                error,
                NegotiationError::MissingFingerprint { .. } | NegotiationError::MissingIceCredentials { .. }
            );
            return lacks && !(0..mids.len()).any(complete);
        }
        let negotiator = &alice.negotiator;
        let transports: Vec<_> = negotiator.transports().collect();
        assert!(transports.iter().all(|transport| !transport.remote.fingerprints.is_empty()));
        let carries = |id| transports.iter().any(|transport| transport.key.transport == id);
        assert!(negotiator.data_channels().is_none_or(|data| carries(data.transport)));
        let mut keys: Vec<_> = transports.iter().map(|transport| transport.key).collect();
        keys.dedup();
        assert_eq!(keys.len(), transports.len());
        // What holds can be written, and offered again.
        alice.local();
        let mut carol = peer("carol", case.alone);
        let offer = alice.offer();
        let answer = carol.answer(&offer);
        values(&offer.sdp, "mid") == values(&answer.sdp, "mid")
    }
}
