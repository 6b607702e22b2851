//! Transports: ICE credentials and restarts, the DTLS role and its association.

use pollrtc_jsep::{
    Config, Description, Deviation, DtlsRole, Effect, IceRole, NegotiationError, Reassociation, RejectReason, SdpKind,
    Transport,
};

use crate::support::{Peer, as_kind, data_pair, edited, exchange, fingerprint, hash_of, is_rejected, values};

fn offered() -> (Peer, Description) {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    (alice, offer)
}

fn the_transport(peer: &Peer) -> Transport {
    let mut transports = peer.negotiator.transports();
    let transport = transports.next().expect("there is one").clone();
    assert!(transports.next().is_none());
    transport
}

fn restarts(effects: &[Effect]) -> Vec<(bool, bool)> {
    let restart = |effect: &Effect| match effect {
        Effect::Transport {
            ice_restarted,
            new_association,
            ..
        } => Some((*ice_restarted, *new_association)),
        _ => None,
    };
    effects.iter().filter_map(restart).collect()
}

fn gathers(effects: &[Effect]) -> usize {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Gather(_)))
        .count()
}

#[test]
fn the_answerer_takes_the_role_that_the_offer_leaves() {
    let roles = [
        ("actpass", "active", DtlsRole::Client),
        ("active", "passive", DtlsRole::Server),
        ("passive", "active", DtlsRole::Client),
    ];
    for (offers, answers, role) in roles {
        let (_, offer) = offered();
        let offer = edited(&offer, "a=setup:actpass", &format!("a=setup:{offers}"));
        let mut bob = Peer::new("bob");
        let answer = bob.answer(&offer);
        assert_eq!(values(&answer.sdp, "setup"), [answers]);
        assert_eq!(the_transport(&bob).dtls_role, role);
    }
    // RFC 4145 §4: without the attribute it is active in an offer.
    let (_, offer) = offered();
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&edited(&offer, "a=setup:actpass\r\n", ""));
    assert_eq!(values(&answer.sdp, "setup"), ["passive"]);
    // A server may prefer to wait.
    let config = Config {
        preferred_dtls_role: DtlsRole::Server,
        ..Config::new(3)
    };
    let mut carol = Peer::with("carol", config);
    let answer = carol.answer(&offer);
    assert_eq!(values(&answer.sdp, "setup"), ["passive"]);
}

#[test]
fn holdconn_is_refused_with_a_reason() {
    let (alice, offer) = offered();
    let mut bob = Peer::new("bob");
    bob.take(&edited(&offer, "actpass", "holdconn"));
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!(is_rejected(&answer, 0));
    assert!(effects.contains(&Effect::SectionRejected {
        section: 0,
        mid: "0".into(),
        reason: RejectReason::HoldConn
    }));

    let answer = Peer::new("carol").answer(&offer);
    let mut held = alice.clone();
    let effects = held.take(&edited(&answer, "setup:active", "setup:holdconn"));
    assert!(effects.contains(&Effect::SectionRejected {
        section: 0,
        mid: "0".into(),
        reason: RejectReason::HoldConn
    }));
    assert_eq!(
        held.negotiator.remote_deviations(),
        [Deviation::HoldConn { section: 0 }]
    );
    assert_eq!(held.negotiator.transports().count(), 0);
    // The next exchange begins anew.
    held.negotiator.add_data_channels();
    let mut carol = Peer::new("carol");
    exchange(&mut held, &mut carol);
    assert_eq!(the_transport(&held).dtls_role, DtlsRole::Server);
    // Where there is an association, it goes on.
    let answer = carol.answer(&held.offer());
    held.take(&edited(&answer, "setup:active", "setup:holdconn"));
    assert_eq!(the_transport(&held).dtls_role, DtlsRole::Server);
}

#[test]
fn an_answer_that_leaves_the_role_open_waits_for_our_hello() {
    let (mut alice, offer) = offered();
    let answer = Peer::new("carol").answer(&offer);
    let mut open = alice.clone();
    open.take(&edited(&answer, "setup:active", "setup:actpass"));
    assert_eq!(the_transport(&open).dtls_role, DtlsRole::Client);
    assert_eq!(
        open.negotiator.remote_deviations(),
        [Deviation::SetupUndecided { section: 0 }]
    );
    alice.take(&edited(&answer, "a=setup:active\r\n", ""));
    assert_eq!(
        the_transport(&alice).dtls_role,
        DtlsRole::Client,
        "RFC 4145 §4: absent means passive in an answer"
    );
    assert!(alice.negotiator.remote_deviations().is_empty());
}

#[test]
fn every_offer_leaves_the_role_open_and_every_answer_keeps_it() {
    let (mut alice, mut bob) = data_pair();
    assert_eq!(the_transport(&alice).dtls_role, DtlsRole::Server);
    // Bob offers now; he stays the client.
    let (offer, answer) = exchange(&mut bob, &mut alice);
    assert_eq!(values(&offer.sdp, "setup"), ["actpass"]);
    assert_eq!(values(&answer.sdp, "setup"), ["passive"]);
    assert_eq!(the_transport(&bob).dtls_role, DtlsRole::Client);
}

/// Some peers write what they were first, or nothing, whatever was agreed on.
#[test]
fn an_offer_that_forgets_the_roles_or_turns_them_round_goes_on_with_the_association() {
    let said = [
        ("a=setup:passive\r\n", ["active"]),
        ("a=setup:active\r\n", ["passive"]),
        ("", ["passive"]),
    ];
    for (setup, answered) in said {
        let (mut alice, mut bob) = data_pair();
        let roles = [&alice, &bob].map(|peer| the_transport(peer).dtls_role);
        assert_eq!(roles, [DtlsRole::Server, DtlsRole::Client]);
        let offer = edited(&bob.offer(), "a=setup:actpass\r\n", setup);
        alice.take(&offer);
        let answer = alice.create_answer();
        // What is answered fits what is offered.
        assert_eq!(values(&answer.sdp, "setup"), answered);
        assert_eq!(restarts(&alice.negotiator.set_local(&answer).unwrap()), []);
        bob.take(&answer);
        for (peer, role) in [&alice, &bob].into_iter().zip(roles) {
            assert_eq!(
                (the_transport(peer).dtls_role, the_transport(peer).association),
                (role, 0)
            );
        }
    }
    // In an answer too.
    for setup in ["actpass", "active", "passive"] {
        let (mut alice, mut bob) = data_pair();
        let answer = alice.answer(&bob.offer());
        bob.take(&edited(&answer, "setup:passive", &format!("setup:{setup}")));
        assert_eq!(
            (the_transport(&bob).dtls_role, the_transport(&bob).association),
            (DtlsRole::Client, 0)
        );
    }
}

#[test]
fn who_forgets_its_role_in_an_answer_keeps_it() {
    let (mut alice, mut bob) = data_pair();
    assert_eq!(the_transport(&bob).dtls_role, DtlsRole::Client);
    // Firefox answers each offer `active`, the server of an association too.
    let answer = alice.answer(&bob.offer());
    assert_eq!(values(&answer.sdp, "setup"), ["passive"]);
    bob.take(&edited(&answer, "setup:passive", "setup:active"));
    assert_eq!(the_transport(&bob).dtls_role, DtlsRole::Client);
    assert_eq!(the_transport(&bob).association, 0);
}

#[test]
fn credentials_stay_unless_the_offer_restarts_ice() {
    let (mut alice, mut bob) = data_pair();
    let before = (
        values(&alice.local().sdp, "ice-ufrag")[0].to_owned(),
        values(&bob.local().sdp, "ice-ufrag")[0].to_owned(),
    );
    let offer = alice.create_offer();
    let effects = alice.negotiator.set_local(&offer).unwrap();
    assert_eq!(gathers(&effects), 0);
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(gathers(&effects) + restarts(&effects).len(), 0);
    alice.take(&answer);
    assert_eq!(values(&offer.sdp, "ice-ufrag"), [before.0.as_str()]);
    assert_eq!(values(&answer.sdp, "ice-ufrag"), [before.1.as_str()]);

    alice.negotiator.restart_ice();
    assert!(alice.negotiator.negotiation_needed());
    let offer = alice.create_offer();
    let effects = alice.negotiator.set_local(&offer).unwrap();
    assert_eq!(gathers(&effects), 1);
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!((gathers(&effects), restarts(&effects)), (1, vec![(true, false)]));
    assert_eq!(restarts(&alice.take(&answer)), [(true, false)]);
    assert_ne!(values(&offer.sdp, "ice-ufrag"), [before.0.as_str()]);
    assert_ne!(values(&answer.sdp, "ice-ufrag"), [before.1.as_str()]);
    assert!(!alice.negotiator.negotiation_needed());
    // Both sides agree on who nominates, and it is who restarted.
    assert_eq!(the_transport(&alice).ice_role, IceRole::Controlling);
    assert_eq!(the_transport(&bob).ice_role, IceRole::Controlled);
}

#[test]
fn another_password_alone_restarts_ice_too() {
    let (mut alice, mut bob) = data_pair();
    let offer = alice.offer();
    let pwd = values(&offer.sdp, "ice-pwd")[0].to_owned();
    let offer = edited(&offer, &pwd, "AnotherPasswordOfTheSameUfrag");
    let ufrag = values(&bob.local().sdp, "ice-ufrag")[0].to_owned();
    let answer = bob.answer(&offer);
    assert_ne!(values(&answer.sdp, "ice-ufrag"), [ufrag.as_str()]);
}

/// As browsers answer where the section that describes the transport is stopped.
#[test]
fn an_answer_that_restarts_ice_by_itself_is_another_end_of_the_transport() {
    let (mut alice, mut bob) = data_pair();
    let before = the_transport(&alice);
    let ours = values(&alice.local().sdp, "ice-ufrag")[0].to_owned();
    let answer = bob.answer(&alice.offer());
    let ufrag = values(&answer.sdp, "ice-ufrag")[0].to_owned();
    let answer = edited(&answer, &ufrag, "another1");
    assert_eq!(restarts(&alice.take(&answer)), [(true, true)]);
    let after = the_transport(&alice);
    assert_eq!((after.remote.ufrag.as_str(), after.key), ("another1", before.key));
    // The same peer: what ran over the transport before goes on.
    assert_eq!((before.handshake, after.handshake, after.association), (0, 1, 0));
    assert_eq!(values(&alice.local().sdp, "ice-ufrag")[0], ours, "our own stay");
    // The next one goes on with that.
    let again = edited(&bob.answer(&alice.offer()), &ufrag, "another1");
    assert_eq!(restarts(&alice.take(&again)), []);
    assert_eq!(the_transport(&alice).handshake, 1);
}

/// Once provisionally, once finally: that is one handshake. The roles are those of the answer.
#[test]
fn another_end_of_the_transport_that_is_told_twice_is_one() {
    let (mut alice, mut bob) = data_pair();
    exchange(&mut bob, &mut alice);
    let answer = bob.answer(&alice.offer());
    let ufrag = values(&answer.sdp, "ice-ufrag")[0].to_owned();
    let answer = edited(&edited(&answer, &ufrag, "another1"), "setup:active", "setup:passive");
    assert_eq!(the_transport(&alice).dtls_role, DtlsRole::Server);
    assert_eq!(
        restarts(&alice.take(&as_kind(&answer, SdpKind::PrAnswer))),
        [(true, true)]
    );
    assert_eq!(restarts(&alice.take(&answer)), []);
    assert_eq!(
        (the_transport(&alice).handshake, the_transport(&alice).dtls_role),
        (1, DtlsRole::Client)
    );
}

#[test]
fn an_answer_restarts_ice_if_the_offer_does() {
    let (mut alice, mut bob) = data_pair();
    let answer = bob.answer(&alice.offer());
    alice.take(&answer);
    alice.negotiator.restart_ice();
    let before = the_transport(&alice);
    let offer = alice.create_offer();
    assert_eq!(gathers(&alice.negotiator.set_local(&offer).unwrap()), 1);
    // As aiortc answers, which knows no restart: its end goes on, and so does ours.
    assert_eq!(restarts(&alice.take(&as_kind(&answer, SdpKind::PrAnswer))), []);
    assert_eq!(
        alice.negotiator.live_keys().count(),
        2,
        "the answer may still be another"
    );
    assert_eq!(restarts(&alice.take(&answer)), []);
    assert_eq!(the_transport(&alice), before);
    let deviates = [Deviation::RestartIgnored { section: 0 }];
    assert_eq!(alice.negotiator.remote_deviations(), deviates);
    assert!(alice.negotiator.live_keys().eq([before.key]));
    // It is told once, and not tried again and again.
    assert!(!alice.negotiator.negotiation_needed());
    let ufrag = |description: &Description| values(&description.sdp, "ice-ufrag")[0].to_owned();
    assert_ne!(ufrag(&alice.local()), ufrag(&offer), "what holds is what is said");
    let again = alice.offer();
    assert_eq!(ufrag(&again), ufrag(&alice.local()));
    alice.take(&bob.answer(&again));
    // Another restart is another try, with credentials that were never told.
    alice.negotiator.restart_ice();
    let anew = alice.offer();
    assert_ne!(ufrag(&anew), ufrag(&offer));
    assert_eq!(restarts(&alice.take(&bob.answer(&anew))), [(true, false)]);
}

#[test]
fn a_restart_that_is_taken_back_leaves_the_old_credentials_and_a_gap() {
    let (mut alice, mut bob) = data_pair();
    let ufrag = |description: &Description| values(&description.sdp, "ice-ufrag")[0].to_owned();
    let before = ufrag(&alice.local());
    alice.negotiator.restart_ice();
    let first = alice.offer();
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    assert_eq!(ufrag(&alice.local()), before);
    // Bob's offer restarts nothing, so the answer has the old ones.
    let (_, answer) = exchange(&mut bob, &mut alice);
    assert_eq!(ufrag(&answer), before);
    // The restart is still wanted; what it was offered with is not used again.
    assert!(alice.negotiator.negotiation_needed());
    let second = alice.offer();
    assert_ne!(ufrag(&second), before);
    assert_ne!(ufrag(&second), ufrag(&first));
}

#[test]
fn another_certificate_needs_an_ice_restart() {
    let (mut alice, mut bob) = data_pair();
    let hash = hash_of("alice");
    let other = hash_of("mallory");
    let forged = edited(&alice.offer(), &hash, &other);
    assert_eq!(bob.refuse(&forged), NegotiationError::NewDtlsAssociation { section: 0 });
    alice.negotiator.set_local(&Description::rollback()).unwrap();

    alice.negotiator.restart_ice();
    let anew = edited(&alice.offer(), &hash, &other);
    let mut strict = bob.clone();
    bob.take(&anew);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(restarts(&effects), [(true, true)]);
    assert_eq!(the_transport(&bob).association, 1);

    // Who can't have two associations refuses it.
    let config = Config {
        reassociation: Reassociation::Refuse,
        ..Config::new(4)
    };
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    strict = Peer::with(strict.name, config);
    exchange(&mut alice, &mut strict);
    alice.negotiator.restart_ice();
    let anew = edited(&alice.offer(), &hash, &other);
    assert_eq!(
        strict.refuse(&anew),
        NegotiationError::NewDtlsAssociation { section: 0 }
    );
}

#[test]
fn fingerprints_are_a_set_and_unknown_hashes_are_ignored() {
    let (mut alice, offer) = offered();
    let line = format!("a=fingerprint:sha-256 {}", hash_of("alice"));
    let unknown = edited(&offer, &line, &format!("a=fingerprint:sha-9 AB:CD\r\n{line}"));
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&unknown);
    alice.take(&answer);
    assert_eq!(the_transport(&bob).remote.fingerprints, [fingerprint("alice")]);
    // The same in lower case, twice, is the same.
    let again = edited(&alice.offer(), &line, &format!("{line}\r\n{}", line.to_lowercase()));
    let answer = bob.answer(&again);
    alice.take(&answer);
    assert_eq!(the_transport(&bob).association, 0);

    let mut carol = Peer::new("carol");
    let none = edited(&offer, &line, "a=fingerprint:sha-9 AB:CD");
    assert!(is_rejected(&carol.answer(&none), 0), "no hash that is fit for use");
    let refused = Peer::new("dave").refuse(&edited(&offer, &format!("{line}\r\n"), ""));
    assert_eq!(refused, NegotiationError::MissingFingerprint { section: 0 });
}

#[test]
fn what_is_mandatory_must_be_there() {
    let (_, offer) = offered();
    for attribute in ["ice-ufrag", "ice-pwd"] {
        let line = format!("a={attribute}:{}\r\n", values(&offer.sdp, attribute)[0]);
        let refused = Peer::new("bob").refuse(&edited(&offer, &line, ""));
        assert_eq!(refused, NegotiationError::MissingIceCredentials { section: 0 });
        // It may stand at the session level.
        let moved = edited(&edited(&offer, &line, ""), "a=group", &format!("{line}a=group"));
        Peer::new("bob").answer(&moved);
    }
}

#[test]
fn a_new_tls_id_is_a_new_association_and_is_answered_by_a_new_one() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    (alice.with_tls_id, bob.with_tls_id) = (true, true);
    alice.negotiator.add_data_channels();
    let (offer, answer) = exchange(&mut alice, &mut bob);
    let (ours, theirs) = (values(&offer.sdp, "tls-id")[0], values(&answer.sdp, "tls-id")[0]);
    let (again, same) = exchange(&mut alice, &mut bob);
    assert_eq!(
        (values(&again.sdp, "tls-id"), values(&same.sdp, "tls-id")),
        (vec![ours], vec![theirs])
    );

    let anew = edited(&alice.offer(), ours, "another-tls-id-of-alice");
    assert_eq!(bob.refuse(&anew), NegotiationError::NewDtlsAssociation { section: 0 });
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    alice.negotiator.restart_ice();
    let anew = edited(&alice.offer(), ours, "another-tls-id-of-alice");
    let answer = bob.answer(&anew);
    assert_ne!(values(&answer.sdp, "tls-id"), [theirs]);

    // RFC 8842 §5.3: no tls-id in the offer, none in the answer.
    let (_, offer) = offered();
    let mut carol = Peer::new("carol");
    carol.with_tls_id = true;
    assert!(values(&carol.answer(&offer).sdp, "tls-id").is_empty());
}

#[test]
fn a_description_without_a_tls_id_goes_on_with_the_association() {
    // One side knows tls-id, the other does not, and both offer in turn.
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.with_tls_id = true;
    alice.negotiator.add_data_channels();
    let (offer, _) = exchange(&mut alice, &mut bob);
    let (_, answer) = exchange(&mut bob, &mut alice);
    assert!(values(&answer.sdp, "tls-id").is_empty());
    exchange(&mut alice, &mut bob);
    let associations =
        |peer: &Peer| -> Vec<u32> { peer.negotiator.transports().map(|each| each.association).collect() };
    assert_eq!((associations(&alice), associations(&bob)), (vec![0], vec![0]));

    // It is not forgotten by that.
    exchange(&mut bob, &mut alice);
    let ours = values(&offer.sdp, "tls-id")[0];
    let anew = edited(&alice.offer(), ours, "another-tls-id-of-alice");
    assert_eq!(bob.refuse(&anew), NegotiationError::NewDtlsAssociation { section: 0 });
}

#[test]
fn ice_lite_leaves_the_nomination_to_the_full_agent() {
    let lite = || {
        Peer::with(
            "lite",
            Config {
                ice_lite: true,
                ..Config::new(5)
            },
        )
    };
    let (mut alice, mut bob) = (Peer::new("alice"), lite());
    bob.negotiator.add_data_channels();
    exchange(&mut bob, &mut alice);
    assert_eq!(the_transport(&alice).ice_role, IceRole::Controlling);
    assert_eq!(the_transport(&bob).ice_role, IceRole::Controlled);
    let (mut one, mut other) = (lite(), lite());
    one.negotiator.add_data_channels();
    exchange(&mut one, &mut other);
    assert_eq!(the_transport(&one).ice_role, IceRole::Controlling);
    assert_eq!(the_transport(&other).ice_role, IceRole::Controlled);
}

#[test]
fn no_password_is_ever_printed() {
    let (alice, bob) = data_pair();
    let pwd = values(&bob.local().sdp, "ice-pwd")[0].to_owned();
    assert!(!format!("{:?}", alice.negotiator).contains(&pwd));
    assert!(!format!("{:?}", the_transport(&alice)).contains(&pwd));
}
