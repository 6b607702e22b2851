//! The signaling state: what may be said when, what is taken back, and what two offers at once do.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{Description, Effect, NegotiationError, SdpKind, SignalingState, TransceiverInit};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::support::{Peer, as_kind, data_pair, edited, exchange, values, version};

fn wrong_state(result: Result<Vec<Effect>, NegotiationError>) -> bool {
    matches!(result, Err(NegotiationError::WrongState { .. }))
}

#[test]
fn a_local_description_must_fit_the_state() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.create_offer();
    for kind in [SdpKind::Answer, SdpKind::PrAnswer] {
        assert!(
            wrong_state(alice.negotiator.set_local(&as_kind(&offer, kind))),
            "stable has nothing to answer"
        );
    }
    alice.negotiator.set_local(&offer).unwrap();
    alice.negotiator.set_local(&offer).expect("an offer replaces an offer");
    bob.take(&offer);
    assert!(
        wrong_state(bob.negotiator.set_local(&offer)),
        "an offer waits for an answer first"
    );
    let answer = bob.create_answer();
    bob.negotiator.set_local(&as_kind(&answer, SdpKind::PrAnswer)).unwrap();
    assert!(wrong_state(bob.negotiator.set_local(&offer)));
    bob.negotiator
        .set_local(&as_kind(&answer, SdpKind::PrAnswer))
        .expect("again, provisionally");
    bob.negotiator.set_local(&answer).expect("and for good");
    assert!(wrong_state(bob.negotiator.set_local(&answer)), "once");
}

#[test]
fn a_remote_description_must_fit_the_state() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    bob.take(&offer);
    bob.take(&offer);
    let answer = bob.create_answer();
    assert!(
        wrong_state(bob.negotiator.set_remote(&answer)),
        "it was not Bob who offered"
    );
    assert!(
        wrong_state(alice.negotiator.set_remote(&offer)),
        "glare is the caller's to solve"
    );
    let provisional = as_kind(&answer, SdpKind::PrAnswer);
    alice.take(&provisional);
    assert_eq!(alice.negotiator.signaling_state(), SignalingState::HaveRemotePrAnswer);
    alice.take(&provisional);
    assert!(wrong_state(alice.negotiator.set_remote(&offer)));
    alice.take(&answer);
    assert!(wrong_state(alice.negotiator.set_remote(&answer)), "once");
}

#[test]
fn a_local_description_is_the_one_that_was_created() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.create_offer();
    let before = alice.negotiator.clone();
    let munged = edited(&offer, "actpass", "active");
    assert_eq!(
        alice.negotiator.set_local(&munged),
        Err(NegotiationError::Modified { kind: SdpKind::Offer })
    );
    assert_eq!(alice.negotiator, before);
    alice.negotiator.set_local(&offer).unwrap();

    let mut bob = Peer::new("bob");
    bob.take(&offer);
    let answer = bob.create_answer();
    let munged = edited(&answer, "active", "passive");
    assert_eq!(
        bob.negotiator.set_local(&munged),
        Err(NegotiationError::Modified { kind: SdpKind::Answer })
    );
    bob.negotiator.set_local(&answer).unwrap();
    // What another exchange has overtaken is not the last any more.
    let stale = alice.create_offer();
    alice.take(&answer);
    assert_eq!(
        alice.negotiator.set_local(&stale),
        Err(NegotiationError::Modified { kind: SdpKind::Offer })
    );
}

#[test]
fn every_state_but_stable_rolls_back_on_both_sides() {
    let (alice, bob) = data_pair();
    let rollback = Description::rollback();
    for by_local in [true, false] {
        for depth in 0..4 {
            let (mut alice, mut bob) = (alice.clone(), bob.clone());
            let (agreed_a, agreed_b) = (alice.local(), bob.local());
            let offer = alice.offer();
            if depth > 0 {
                bob.take(&offer);
            }
            if depth > 1 {
                let answer = bob.create_answer();
                bob.negotiator.set_local(&as_kind(&answer, SdpKind::PrAnswer)).unwrap();
                if depth > 2 {
                    alice.take(&as_kind(&answer, SdpKind::PrAnswer));
                }
            }
            for (peer, agreed) in [(&mut alice, &agreed_a), (&mut bob, &agreed_b)] {
                let was_stable = peer.negotiator.signaling_state() == SignalingState::Stable;
                let result = match by_local {
                    true => peer.negotiator.set_local(&rollback),
                    false => peer.negotiator.set_remote(&rollback),
                };
                assert_eq!(wrong_state(result), was_stable);
                assert_eq!(peer.negotiator.signaling_state(), SignalingState::Stable);
                assert_eq!(&peer.local(), agreed, "as before the exchange");
                assert!(peer.negotiator.pending_remote().is_none());
            }
            exchange(&mut alice, &mut bob);
        }
    }
    let mut alice = alice;
    alice.offer();
    let text = Description {
        sdp: "v=0".into(),
        ..rollback
    };
    assert_eq!(
        alice.negotiator.set_local(&text),
        Err(NegotiationError::RollbackWithText)
    );
}

#[test]
fn versions_grow_and_are_never_used_twice() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let first = alice.create_offer();
    assert_eq!(alice.create_offer(), first, "nothing new to tell");
    alice
        .candidates
        .push("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host".into());
    let second = alice.create_offer();
    assert_eq!(version(&second), version(&first) + 1);
    alice.negotiator.set_local(&second).unwrap();
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    let third = alice.create_offer();
    assert_eq!(version(&third), version(&second) + 1, "also after a rollback");
    let constant = |offer: &Description| {
        let mut lines = offer.sdp.lines();
        let origin = lines.nth(1).unwrap().split(' ').take(2).collect::<Vec<_>>().join(" ");
        [origin, lines.next().unwrap().into(), lines.next().unwrap().into()]
    };
    assert_eq!(constant(&first), constant(&third));
    assert_eq!(constant(&first)[1..], ["s=-", "t=0 0"]);
}

#[test]
fn the_polite_peer_gives_way_and_the_impolite_one_ignores() {
    let (mut polite, mut impolite) = data_pair();
    polite.negotiator.restart_ice();
    let (ours, theirs) = (polite.offer(), impolite.offer());
    // The impolite one just does not look at the offer that collides with its own.
    let waiting = impolite.negotiator.clone();
    assert!(wrong_state(impolite.negotiator.set_remote(&ours)));
    assert_eq!(impolite.negotiator, waiting);
    // The polite one rolls back and takes the other's, in one step.
    let effects = polite.negotiator.set_remote_yielding(&theirs).unwrap();
    assert!(effects.contains(&Effect::SignalingState(SignalingState::HaveRemoteOffer)));
    let answer = polite.create_answer();
    polite.negotiator.set_local(&answer).unwrap();
    impolite.take(&answer);
    // What the polite one wanted is still to be negotiated.
    assert!(polite.negotiator.negotiation_needed());
    let (offer, _) = exchange(&mut polite, &mut impolite);
    assert_ne!(values(&offer.sdp, "ice-ufrag"), values(&answer.sdp, "ice-ufrag"));
    assert!(!polite.negotiator.negotiation_needed());
}

#[test]
fn who_has_a_provisional_answer_does_not_give_way_any_more() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    bob.take(&offer);
    alice.take(&as_kind(&bob.create_answer(), SdpKind::PrAnswer));
    let theirs = Description::offer(offer.sdp);
    assert!(wrong_state(alice.negotiator.set_remote_yielding(&theirs)));
}

#[test]
fn a_description_does_not_show_its_password_by_accident() {
    let (mut alice, _) = data_pair();
    let offer = alice.offer();
    let password = values(&offer.sdp, "ice-pwd")[0];
    assert!(!format!("{offer:?}").contains(password));
    assert!(offer.to_string().contains(password));
}

#[test]
fn an_offer_that_can_not_be_taken_rolls_nothing_back() {
    let (mut polite, mut impolite) = data_pair();
    polite.offer();
    let before = polite.negotiator.clone();
    let bad = edited(&impolite.offer(), "a=mid:0", "a=mid:7");
    let bad = edited(&bad, "BUNDLE 0", "BUNDLE 7");
    let refused = polite.negotiator.set_remote_yielding(&bad);
    assert!(matches!(refused, Err(NegotiationError::MidMismatch { section: 0, .. })));
    assert_eq!(polite.negotiator, before, "our offer still waits");
}

#[test]
fn provisional_answers_may_change_and_the_last_is_final() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    bob.take(&offer);
    let first = as_kind(&bob.create_answer(), SdpKind::PrAnswer);
    bob.negotiator.set_local(&first).unwrap();
    let effects = alice.take(&first);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::DataChannels(_))));
    assert!(alice.negotiator.current_remote().is_none(), "nothing is final");
    assert_eq!(alice.negotiator.pending_remote(), Some(first.clone()));
    let transport = alice.transport();
    let create = alice.negotiator.create_offer(transport);
    assert!(
        matches!(create, Err(NegotiationError::WrongState { .. })),
        "a re-offer needs a final answer"
    );

    // Another device picks up: other credentials, another certificate.
    let mut carol = Peer::new("carol");
    let answer = carol.answer(&offer);
    let effects = alice.take(&answer);
    let changed = effects.iter().find_map(|effect| match effect {
        Effect::Transport {
            transport,
            ice_restarted,
            new_association,
        } => Some((transport.remote.ufrag.as_str(), *ice_restarted, *new_association)),
        _ => None,
    });
    assert_eq!(changed, Some((values(&answer.sdp, "ice-ufrag")[0], true, true)));
    assert_eq!(alice.negotiator.current_remote(), Some(answer));
    let associations: Vec<u32> = alice.negotiator.transports().map(|each| each.association).collect();
    assert_eq!(associations, [1], "it is not that of the provisional answer");
}

#[test]
fn an_answer_that_does_not_fit_the_offer_is_refused() {
    let mut alice = Peer::media("alice");
    for _ in 0..2 {
        alice
            .negotiator
            .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    }
    alice.negotiator.add_data_channels();
    let answer = Peer::media("bob").answer(&alice.offer());
    let (short, _) = answer.sdp.rsplit_once("m=application").unwrap();
    let short = edited(&Description::answer(short), "BUNDLE 0 1 2", "BUNDLE 0 1");
    let refused = alice.refuse(&short);
    assert_eq!(
        refused,
        NegotiationError::SectionsMismatch {
            offered: 3,
            answered: 2
        }
    );
    let media = alice.refuse(&edited(
        &answer,
        "m=application 9 UDP/DTLS/SCTP",
        "m=application 9 TCP/TLS/BFCP",
    ));
    assert!(matches!(media, NegotiationError::MediaMismatch { section: 2, .. }));
    let renamed = edited(&edited(&answer, "BUNDLE 0 1 2", "BUNDLE 0 1 3"), "a=mid:2", "a=mid:3");
    assert!(matches!(
        alice.refuse(&renamed),
        NegotiationError::MidMismatch { section: 2, .. }
    ));
    alice.take(&answer);
}

#[test]
fn what_is_closed_can_not_be_negotiated() {
    let (mut alice, bob) = data_pair();
    let remote = bob.local();
    alice.negotiator.close();
    assert_eq!(alice.negotiator.signaling_state(), SignalingState::Closed);
    let transport = alice.transport();
    assert!(alice.negotiator.create_offer(transport).is_err());
    assert!(wrong_state(
        alice.negotiator.set_remote(&as_kind(&remote, SdpKind::Offer))
    ));
    assert!(wrong_state(alice.negotiator.set_local(&Description::rollback())));
    assert!(!alice.negotiator.negotiation_needed());
}

/// A byte of a description that comes wrong: where, and what stands there.
#[derive(Clone, Debug)]
struct Fault {
    at: usize,
    byte: u8,
    cut: bool,
}

impl Arbitrary for Fault {
    fn arbitrary(g: &mut Gen) -> Self {
        Self {
            at: usize::arbitrary(g),
            byte: *g.choose(b"0159azAZ:= /\r\n-+;,*").unwrap(),
            cut: bool::arbitrary(g),
        }
    }
}

impl Fault {
    fn put_into(&self, description: &Description) -> Description {
        let mut bytes = description.sdp.clone().into_bytes();
        let at = self.at % bytes.len();
        if self.cut {
            let end = bytes[at..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(bytes.len(), |end| at + end + 1);
            bytes.drain(at..end);
        } else {
            bytes[at] = self.byte;
        }
        Description {
            sdp: String::from_utf8(bytes).unwrap(),
            ..description.clone()
        }
    }
}

quickcheck! {
    fn for_every_fault_in_a_description_it_is_taken_or_changes_nothing(faults: Vec<Fault>) -> bool {
        let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
        alice.negotiator.add_track(MediaKind::Audio, vec!["s".into()]);
        alice.negotiator.add_track(MediaKind::Video, vec!["s".into()]);
        alice.negotiator.add_data_channels();
        let offer = alice.offer();
        let bad = faults.iter().fold(offer.clone(), |offer, fault| fault.put_into(&offer));
        let before = bob.negotiator.clone();
        match bob.negotiator.set_remote(&bad) {
            Err(_) => assert_eq!(bob.negotiator, before),
            Ok(_) => {
                // What is taken can be answered, or taken back.
                bob.create_answer();
                bob.negotiator.set_remote(&Description::rollback()).unwrap();
                assert_eq!(bob.negotiator.transceivers(), before.transceivers());
            }
        }
        let answer = bob.answer(&offer);
        let bad = faults.iter().fold(answer.clone(), |answer, fault| fault.put_into(&answer));
        let before = alice.negotiator.clone();
        if alice.negotiator.set_remote(&bad).is_err() {
            assert_eq!(alice.negotiator, before);
            alice.take(&answer);
        }
        alice.negotiator.signaling_state() == SignalingState::Stable
    }
}
