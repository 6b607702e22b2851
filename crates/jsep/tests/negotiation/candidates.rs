//! Candidates: in descriptions, after them, of the wrong generation, for sections that are not there.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{Config, Description, Effect, NegotiationError, RemoteCandidate, SdpKind};

use crate::support::{Peer, as_kind, data_pair, edited, exchange, has, media_lines, section, values};

const HOST: &str = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host";
const REFLEXIVE: &str = "candidate:2 1 udp 1694498815 203.0.113.7 6000 typ srflx raddr 192.0.2.1 rport 5000";
const RELAYED: &str = "candidate:3 1 udp 16777215 2001:db8::9 7000 typ relay raddr 203.0.113.7 rport 6000";

fn trickled(candidate: &str) -> RemoteCandidate<'_> {
    RemoteCandidate {
        candidate,
        mid: Some("0"),
        ..RemoteCandidate::default()
    }
}

fn told(effects: &[Effect]) -> Vec<(usize, bool)> {
    let told = |effect: &Effect| match effect {
        Effect::RemoteCandidates {
            candidates,
            end_of_candidates,
            ..
        } => Some((candidates.len(), *end_of_candidates)),
        _ => None,
    };
    effects.iter().filter_map(told).collect()
}

#[test]
fn a_description_has_the_candidates_that_are_known_when_it_is_written() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    assert!(media_lines(&offer)[0].starts_with("m=application 9 ") && offer.sdp.contains("c=IN IP4 0.0.0.0\r\n"));
    // RFC 8839 §4.2.1.2: the default is what works most often without ICE.
    for (candidate, default) in [
        (HOST, ("5000", "IN IP4 192.0.2.1")),
        (REFLEXIVE, ("6000", "IN IP4 203.0.113.7")),
        (RELAYED, ("7000", "IN IP6 2001:db8::9")),
    ] {
        alice.candidates.push(candidate.to_owned());
        let now = alice.local();
        assert_eq!(media_lines(&now)[0].split(' ').nth(1), Some(default.0));
        assert!(now.sdp.contains(&format!("c={}\r\n", default.1)));
        assert!(now.sdp.contains(&format!("a={candidate}\r\n")));
    }
    assert!(!has(&alice.local().sdp, "end-of-candidates"));
    alice.end_of_candidates = true;
    assert!(has(&alice.local().sdp, "end-of-candidates"));
    // The text that was set is another one, the version is not.
    assert_eq!(alice.local().sdp.lines().nth(1), offer.sdp.lines().nth(1));

    // In a bundle they stand once.
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_track(MediaKind::Audio, vec![]);
    alice.negotiator.add_data_channels();
    bob.candidates.push(HOST.to_owned());
    let (_, answer) = exchange(&mut alice, &mut bob);
    assert_eq!(values(&answer.sdp, "candidate").len(), 1);
    assert!(section(&answer, 1).starts_with("m=application 5000 "));
}

#[test]
fn candidates_of_descriptions_and_trickled_ones_are_taken_once() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    bob.candidates.push(HOST.to_owned());
    let answer = bob.answer(&offer);
    alice.take(&answer);
    assert_eq!(alice.negotiator.transports().next().unwrap().remote.candidates.len(), 1);
    // Browsers add the ufrag where they trickle.
    let again = format!("{HOST} ufrag {}", values(&answer.sdp, "ice-ufrag")[0]);
    assert_eq!(alice.negotiator.add_remote_candidate(trickled(&again)).unwrap(), []);
    let effects = alice.negotiator.add_remote_candidate(trickled(REFLEXIVE)).unwrap();
    assert_eq!(told(&effects), [(1, false)]);
    assert_eq!(alice.negotiator.add_remote_candidate(trickled(REFLEXIVE)).unwrap(), []);
    let effects = alice.negotiator.add_remote_candidate(trickled("")).unwrap();
    assert_eq!(told(&effects), [(0, true)]);
    // A re-offer that repeats them has no effect, one that has more tells those.
    bob.candidates = vec![HOST.to_owned(), REFLEXIVE.to_owned(), RELAYED.to_owned()];
    let offer = bob.offer();
    alice.take(&offer);
    let answer = alice.create_answer();
    assert_eq!(told(&alice.negotiator.set_local(&answer).unwrap()), [(1, true)]);
}

#[test]
fn candidates_before_the_answer_wait_for_it() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    assert_eq!(
        bob.negotiator.add_remote_candidate(trickled(HOST)),
        Err(NegotiationError::NoRemoteDescription)
    );
    bob.take(&alice.offer());
    assert_eq!(bob.negotiator.add_remote_candidate(trickled(HOST)).unwrap(), []);
    bob.negotiator.add_remote_candidate(trickled("")).unwrap();
    let answer = bob.create_answer();
    bob.negotiator.set_local(&answer).unwrap();
    let transport = bob.negotiator.transports().next().unwrap();
    assert_eq!(transport.remote.candidates.len(), 1);
    assert!(transport.remote.end_of_candidates);
}

#[test]
fn a_candidate_names_its_section_by_mid_or_index() {
    let (alice, _) = data_pair();
    let by = |mid, section, candidate| {
        let mut alice = alice.clone();
        alice.negotiator.add_remote_candidate(RemoteCandidate {
            candidate,
            mid,
            section,
            ufrag: None,
        })
    };
    assert_eq!(told(&by(None, Some(0), HOST).unwrap()), [(1, false)]);
    assert_eq!(
        told(&by(Some("0"), Some(7), HOST).unwrap()),
        [(1, false)],
        "the mid comes first"
    );
    for (mid, section) in [(Some("1"), None), (Some("1"), Some(0)), (None, Some(1)), (None, None)] {
        assert_eq!(by(mid, section, HOST), Err(NegotiationError::NoSuchSection));
    }
    assert_eq!(told(&by(None, None, "").unwrap()), [(0, true)], "all sections");
    assert!(matches!(
        by(Some("0"), None, "candidate:nonsense"),
        Err(NegotiationError::Candidate(_))
    ));
}

#[test]
fn a_candidate_may_overtake_the_answer_that_has_its_section() {
    let (mut alice, mut bob) = data_pair();
    alice.negotiator.stop_data_channels();
    exchange(&mut alice, &mut bob);
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let mid = values(&offer.sdp, "mid")[0];
    let early = RemoteCandidate {
        mid: Some(mid),
        ..trickled(HOST)
    };
    let refused = alice.negotiator.add_remote_candidate(early);
    assert_eq!(
        refused,
        Err(NegotiationError::NoRemoteDescription),
        "keep it until then"
    );
    let answer = bob.answer(&offer);
    alice.take(&answer);
    assert_eq!(
        told(&alice.negotiator.add_remote_candidate(early).unwrap()),
        [(1, false)]
    );
}

#[test]
fn candidates_of_another_generation_are_dropped() {
    let (mut alice, mut bob) = data_pair();
    let old = values(&bob.local().sdp, "ice-ufrag")[0].to_owned();
    alice.negotiator.restart_ice();
    let offer = alice.offer();
    let answer = bob.answer(&offer);
    let new = values(&answer.sdp, "ice-ufrag")[0].to_owned();
    let of = |ufrag| RemoteCandidate {
        ufrag: Some(ufrag),
        ..trickled(HOST)
    };
    assert_eq!(
        alice.negotiator.add_remote_candidate(of(&new)),
        Err(NegotiationError::UnknownUfrag { ufrag: new.clone() }),
        "its answer is not here yet"
    );
    assert_eq!(
        told(&alice.negotiator.add_remote_candidate(of(&old)).unwrap()),
        [(1, false)]
    );
    alice.take(&answer);
    assert!(
        alice
            .negotiator
            .transports()
            .next()
            .unwrap()
            .remote
            .candidates
            .is_empty(),
        "a new generation"
    );
    let before = alice.negotiator.clone();
    let dropped = alice.negotiator.add_remote_candidate(of(&old));
    assert_eq!(dropped, Err(NegotiationError::UnknownUfrag { ufrag: old.clone() }));
    let named = format!("{HOST} ufrag {old}");
    assert!(alice.negotiator.add_remote_candidate(trickled(&named)).is_err());
    assert_eq!(alice.negotiator, before);
    assert_eq!(
        told(&alice.negotiator.add_remote_candidate(of(&new)).unwrap()),
        [(1, false)]
    );
}

#[test]
fn candidates_of_any_section_of_a_bundle_are_for_its_transport() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice.negotiator.add_track(MediaKind::Audio, vec![]);
    alice.negotiator.add_data_channels();
    exchange(&mut alice, &mut bob);
    let data = RemoteCandidate {
        mid: Some("1"),
        ..trickled(HOST)
    };
    assert_eq!(
        told(&alice.negotiator.add_remote_candidate(data).unwrap()),
        [(1, false)]
    );
    assert_eq!(
        alice
            .negotiator
            .section_of(alice.negotiator.transports().next().unwrap().key.transport),
        Some((0, Some("0".into())))
    );
}

#[test]
fn candidates_of_a_provisional_answer_go_with_it() {
    let (mut alice, mut bob) = data_pair();
    alice.negotiator.restart_ice();
    let answer = bob.answer(&alice.offer());
    alice.take(&as_kind(&answer, SdpKind::PrAnswer));
    assert_eq!(
        told(&alice.negotiator.add_remote_candidate(trickled(HOST)).unwrap()),
        [(1, false)]
    );
    let mut stays = alice.clone();
    stays.take(&answer);
    assert_eq!(stays.negotiator.transports().next().unwrap().remote.candidates.len(), 1);
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    let ufrag = alice.negotiator.transports().next().unwrap().remote.ufrag.clone();
    assert_ne!(ufrag, values(&answer.sdp, "ice-ufrag")[0]);
}

#[test]
fn more_candidates_than_the_limit_are_ignored() {
    let config = Config {
        candidates_maximum: 100,
        ..Config::new(7)
    };
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::with("bob", config));
    alice.negotiator.add_data_channels();
    let lines: Vec<String> = (0..250)
        .map(|index| format!("candidate:1 1 udp 2130706431 192.0.2.{index} 5000 typ host"))
        .collect();
    alice.candidates = lines.clone();
    let offer = alice.offer();
    bob.answer(&offer);
    assert_eq!(bob.negotiator.transports().next().unwrap().remote.candidates.len(), 100);
    assert_eq!(bob.negotiator.add_remote_candidate(trickled(&lines[249])).unwrap(), []);
    assert_eq!(bob.negotiator.transports().next().unwrap().remote.candidates.len(), 100);
    // One of a kind that nobody knows is handed on all the same.
    let unknown = edited(&offer, "192.0.2.0 5000 typ host", "192.0.2.0 5000 typ moon");
    let mut carol = Peer::new("carol");
    carol.answer(&unknown);
    assert_eq!(
        carol.negotiator.transports().next().unwrap().remote.candidates.len(),
        250
    );
}
