//! What is never written, and what does not change.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{Config, Description, NegotiationError, RemoteCandidate, TransceiverInit};

use super::support::{Peer, data_pair, edited, exchange, is_rejected, values};

#[test]
fn groups_that_we_do_not_know_are_not_answered() {
    let mut alice = Peer::media("alice");
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let offer = edited(
        &alice.offer(),
        "a=group:BUNDLE",
        "a=group:FID 0 1\r\na=group:x-new 0\r\na=group:BUNDLE",
    );
    let answer = Peer::media("bob").answer(&offer);
    let groups = values(&answer.sdp, "group");
    assert!(groups.contains(&"BUNDLE 0 1"), "{groups:?}");
    assert!(
        groups
            .iter()
            .all(|group| !group.starts_with("FID") && !group.starts_with("x-new"))
    );
}

/// Plan B: one section, several tracks by `a=ssrc`.
#[test]
fn sources_are_not_written_unless_we_are_told_some() {
    let mut alice = Peer::media("alice");
    alice
        .negotiator
        .add_transceiver(MediaKind::Video, TransceiverInit::default());
    let offer = alice.offer();
    assert!(!offer.sdp.contains("a=ssrc"));
    let sources = "a=ssrc-group:SIM 1 2\r\na=ssrc:1 msid:a b\r\na=ssrc:2 msid:a c\r\na=sendrecv\r\n";
    let answer = Peer::media("bob").answer(&edited(&offer, "a=sendrecv\r\n", sources));
    assert!(!is_rejected(&answer, 0));
    assert!(!answer.sdp.contains("a=ssrc"));
}

#[test]
fn a_session_id_is_less_than_two_to_the_63() {
    let mut alice = Peer::with("alice", Config::new(u64::MAX));
    alice.negotiator.add_data_channels();
    let offer = alice.offer();
    let id = offer.sdp.lines().nth(1).unwrap().split(' ').nth(1).unwrap();
    assert!(id.parse::<u64>().unwrap() < (1 << 63) - 1, "{id}");
}

#[test]
fn another_ufrag_alone_is_a_restart_and_roles_stay() {
    let (mut alice, mut bob) = data_pair();
    let role = |peer: &Peer| peer.negotiator.transports().next().unwrap().dtls_role;
    let before = (role(&alice), role(&bob));
    let offer = alice.offer();
    let ufrag = format!("a=ice-ufrag:{}", values(&offer.sdp, "ice-ufrag")[0]);
    let answer = bob.answer(&edited(&offer, &ufrag, "a=ice-ufrag:another"));
    let key = bob.negotiator.transports().next().unwrap().key;
    assert_eq!(
        (key.generation, key.tls_id),
        (1, 0),
        "new credentials, the same association"
    );
    alice.negotiator.set_local(&Description::rollback()).unwrap();
    assert!(!answer.sdp.contains(&ufrag));

    // Asked for in earnest, it leaves the roles of DTLS as they are (RFC 9725 §4.3.3, RFC 8842 §5.5).
    let (mut alice, mut bob) = data_pair();
    alice.negotiator.restart_ice();
    exchange(&mut alice, &mut bob);
    assert_eq!((role(&alice), role(&bob)), before);
}

#[test]
fn the_end_of_another_generations_candidates_ends_nothing() {
    let (_, mut bob) = data_pair();
    let before = bob.negotiator.clone();
    let end = RemoteCandidate {
        mid: Some("0"),
        ufrag: Some("unknown"),
        ..RemoteCandidate::default()
    };
    let refused = bob.negotiator.add_remote_candidate(end);
    assert!(
        matches!(refused, Err(NegotiationError::UnknownUfrag { .. })),
        "{refused:?}"
    );
    assert_eq!(bob.negotiator, before);
}
