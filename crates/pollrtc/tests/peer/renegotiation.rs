//! What comes and goes within a connection: data channels, transports, certificates, changes of mind.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Pair, START, Who};
use pollrtc::{
    ChannelCloseReason, ChannelId, ChannelState, CloseReason, ConnectionState, Event, IceCandidate, NegotiationError,
    OpenError, PeerConnection, RejectReason, RemoteCandidate, SdpKind, SessionDescription, SignalingState,
    StateMachine,
};

const SECOND: Duration = Duration::from_secs(1);

fn sections(sdp: &str) -> Vec<&str> {
    sdp.lines().filter(|line| line.starts_with("m=")).collect()
}

fn value<'s>(sdp: &'s str, name: &str) -> &'s str {
    let mut values = sdp.lines().rev();
    let value = values.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {sdp}"))
}

fn closed(events: &[Event]) -> Vec<(ChannelId, ChannelCloseReason)> {
    let closed = |event: &Event| match event {
        Event::ChannelClosed { channel, reason } => Some((*channel, *reason)),
        _ => None,
    };
    events.iter().filter_map(closed).collect()
}

fn has_ended(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Closed(_)))
}

#[test]
fn data_channels_are_given_up_and_come_again_from_either_side() {
    for stopping in Who::BOTH {
        for returning in Who::BOTH {
            let mut pair = Pair::new();
            let (ours, theirs) = pair.open(Who::Alice, "first");
            pair.say(Who::Alice, ours, "before, from Alice");
            pair.say(Who::Bob, theirs, "before, from Bob");
            let before = pair.side(returning).peer.local_description().unwrap().sdp;

            pair.side(stopping).peer.close_data_channels();
            assert!(pair.side(stopping).peer.negotiation_needed());
            assert_eq!(
                pair.side(stopping).peer.create_data_channel("early"),
                Err(OpenError::Closing)
            );
            let (offer, answer) = pair.exchange(stopping);
            for sdp in [&offer, &answer] {
                assert_eq!(sections(sdp), ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]);
                assert!(!sdp.contains("a=candidate") && !sdp.contains("a=group"), "{sdp}");
            }
            pair.run_for(SECOND);
            assert_eq!(closed(&pair.alice.events)[0].0, ours);
            assert_eq!(closed(&pair.bob.events)[0].0, theirs);
            for side in [&pair.alice, &pair.bob] {
                assert_eq!(side.peer.connection_state(), ConnectionState::New);
                assert!(!has_ended(&side.events), "{:?}", side.events);
                assert!(!side.peer.negotiation_needed());
            }
            let silent = (pair.alice.sent, pair.bob.sent);
            pair.run_for(60 * SECOND);
            assert_eq!((pair.alice.sent, pair.bob.sent), silent, "nobody is there to talk to");

            let (ours, theirs) = pair.open(returning, "second");
            let after = pair.side(returning).peer.local_description().unwrap().sdp;
            assert_eq!(sections(&after).len(), 1, "the place is used again");
            assert_ne!(value(&after, "a=mid"), value(&before, "a=mid"));
            assert_ne!(value(&after, "a=ice-ufrag"), value(&before, "a=ice-ufrag"));
            assert_eq!(value(&after, "a=fingerprint"), value(&before, "a=fingerprint"));
            pair.say(returning, ours, "after");
            pair.say(returning.other(), theirs, "after, too");
            assert!(pair.connected());
        }
    }
}

#[test]
fn what_was_sent_before_the_end_arrives_if_the_exchange_gives_it_time() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "bulk");
    for number in 0..100 {
        pair.alice.peer.send(ours, format!("{number}")).unwrap();
    }
    pair.alice.peer.close_data_channels();
    pair.run_until(5 * SECOND, |pair| {
        closed(&pair.alice.events) == [(ours, ChannelCloseReason::Local)]
    });
    pair.exchange(Who::Alice);
    pair.run_for(SECOND);
    let all: Vec<String> = (0..100).map(|number| format!("{number}")).collect();
    assert_eq!(pair.bob.texts(), all);
    assert_eq!(closed(&pair.bob.events)[0].1, ChannelCloseReason::Remote);
}

#[test]
fn messages_that_nobody_has_taken_yet_outlive_the_transport() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "first");
    pair.bob.reading = false;
    pair.alice.peer.send(ours, "read me later").unwrap();
    pair.run_for(SECOND);
    pair.alice.peer.close_data_channels();
    pair.exchange(Who::Alice);
    pair.bob.reading = true;
    pair.run_for(SECOND);
    assert_eq!(pair.bob.texts(), ["read me later"]);
    let order: Vec<bool> = pair
        .bob
        .events
        .iter()
        .map(|event| matches!(event, Event::Message { .. }))
        .collect();
    let closed_at = pair
        .bob
        .events
        .iter()
        .position(|event| matches!(event, Event::ChannelClosed { .. }));
    assert!(order.iter().position(|is_message| *is_message) < closed_at);
}

#[test]
fn a_peer_that_refuses_data_channels_may_take_them_later() {
    let mut pair = Pair::new();
    let now = pair.now;
    let refused = pair.alice.peer.create_data_channel("no").unwrap();
    let offer = pair.alice.peer.offer(now).unwrap();
    pair.bob
        .peer
        .set_remote_description(now, &SessionDescription::offer(offer))
        .unwrap();
    pair.bob.peer.close_data_channels();
    let answer = pair.bob.peer.create_answer().unwrap();
    pair.bob.peer.set_local_description(now, &answer).unwrap();
    assert_eq!(
        sections(&answer.sdp),
        ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    );
    pair.alice.peer.accept_answer(now, &answer.sdp).unwrap();
    pair.run_for(SECOND);
    assert_eq!(
        closed(&pair.alice.events),
        [(refused, ChannelCloseReason::Disconnected)]
    );
    assert_eq!(pair.alice.peer.connection_state(), ConnectionState::New);
    assert!(!pair.alice.peer.negotiation_needed(), "a refusal is not an invitation");

    let (theirs, ours) = pair.open(Who::Bob, "yes");
    pair.say(Who::Bob, theirs, "here I am");
    pair.say(Who::Alice, ours, "welcome");
}

#[test]
fn the_first_exchange_may_be_about_nothing() {
    for first in Who::BOTH {
        for second in Who::BOTH {
            let mut pair = Pair::new();
            let (offer, answer) = pair.exchange(first);
            assert!(sections(&offer).is_empty() && sections(&answer).is_empty());
            pair.run_for(10 * SECOND);
            assert_eq!((pair.alice.sent, pair.bob.sent), (0, 0));
            let (ours, theirs) = pair.open(second, "chat");
            pair.say(second, ours, "one");
            pair.say(second.other(), theirs, "two");
        }
    }
}

const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=ice-ufrag:UFRAG\r\na=ice-pwd:PWD\r\n\
    a=fingerprint:HASH\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n";

/// What a browser makes of this offer that has audio, too: in front, bundled, with all candidates.
fn with_audio(offer: &str) -> String {
    let (session, data) = offer.split_once("m=application").unwrap();
    let mut audio = AUDIO
        .replace("UFRAG", value(offer, "a=ice-ufrag"))
        .replace("PWD", value(offer, "a=ice-pwd"))
        .replace("HASH", value(offer, "a=fingerprint"));
    let mut rest = String::new();
    for line in data.lines() {
        let part = if line.starts_with("a=candidate") {
            &mut audio
        } else {
            &mut rest
        };
        *part += &format!("{line}\r\n");
    }
    let session = session.replace("a=group:BUNDLE ", "a=group:BUNDLE a ");
    format!("{session}{audio}m=application{rest}")
}

/// The answer to what the offer was without audio, which has the candidates.
fn without_audio(answer: &str) -> String {
    let (session, rest) = answer.split_once("m=audio").unwrap();
    let (audio, data) = rest.split_once("m=application").unwrap();
    let candidates = audio.lines().filter(|line| line.starts_with("a=candidate"));
    let candidates: String = candidates.map(|line| format!("{line}\r\n")).collect();
    let session = session.replace("a=group:BUNDLE a ", "a=group:BUNDLE ");
    format!("{session}m=application{data}{candidates}")
}

#[test]
fn audio_alone_is_rejected_and_data_channels_join_it_later() {
    let mut pair = Pair::new();
    let now = pair.now;
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let offer = pair.alice.peer.create_offer().unwrap();
    let both = with_audio(&offer.sdp);
    let (audio, _) = both.split_once("m=application").unwrap();
    let answer = pair
        .bob
        .peer
        .accept_offer(now, &audio.replace("BUNDLE a 0", "BUNDLE a"))
        .unwrap();
    assert_eq!(sections(&answer), ["m=audio 0 UDP/TLS/RTP/SAVPF 111"]);
    pair.run_for(10 * SECOND);
    assert_eq!(pair.bob.sent, 0);

    pair.alice.peer.set_local_description(now, &offer).unwrap();
    let answer = pair.bob.peer.accept_offer(now, &both).unwrap();
    assert_eq!(sections(&answer).len(), 2);
    // Audio describes the transport in the offer, and so it does in the answer, without any sound.
    assert!(answer.contains("a=group:BUNDLE a 0\r\n"), "{answer}");
    let (_, audio) = answer.split_once("m=audio ").unwrap();
    let (audio, data) = audio.split_once("m=application ").unwrap();
    assert!(audio.starts_with("5000 UDP/TLS/RTP/SAVPF 111\r\n") && audio.contains("a=inactive\r\n"));
    assert!(audio.contains("a=candidate:") && !data.contains("a=candidate:"));
    let idle = |event: &Event| {
        matches!(
            event,
            Event::SectionIdle {
                section: 0,
                reason: RejectReason::Unsupported,
                ..
            }
        )
    };
    pair.run_for(SECOND);
    assert!(pair.bob.events.iter().any(idle), "{:?}", pair.bob.events);
    pair.alice.peer.accept_answer(now, &without_audio(&answer)).unwrap();
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
    pair.say(Who::Alice, chat, "finally");

    // Bob's offers have it too, as long as there are data channels.
    let offer = pair.bob.peer.offer(pair.now).unwrap();
    assert!(
        offer.contains("a=group:BUNDLE a 0\r\n") && offer.contains("a=inactive\r\n"),
        "{offer}"
    );
    pair.bob
        .peer
        .set_local_description(pair.now, &SessionDescription::rollback())
        .unwrap();
    pair.bob.peer.close_data_channels();
    let offer = pair.bob.peer.offer(pair.now).unwrap();
    assert!(
        sections(&offer).iter().all(|line| line.split(' ').nth(1) == Some("0")),
        "{offer}"
    );
}

#[test]
fn the_place_of_rejected_audio_is_used_for_data_channels_of_ours() {
    let mut pair = Pair::new();
    let now = pair.now;
    let audio = AUDIO.replace("UFRAG", "abcd").replace("PWD", "efghijklmnopqrstuvwxyz");
    let audio = audio.replace("HASH", &format!("sha-256 {}", ["AB"; 32].join(":")));
    let offer = format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a\r\n{audio}");
    pair.bob.peer.accept_offer(now, &offer).unwrap();
    let chat = pair.bob.peer.create_data_channel("chat").unwrap();
    let (offer, _) = pair.exchange(Who::Bob);
    assert_eq!(sections(&offer).len(), 1, "{offer}");
    assert_ne!(value(&offer, "a=mid"), "a");
    pair.run_until(5 * SECOND, |pair| {
        pair.bob.peer.channel_state(chat) == ChannelState::Open
    });
    pair.say(Who::Bob, chat, "in its place");
}

#[test]
fn a_provisional_answer_connects_and_the_final_one_changes_nothing() {
    let mut pair = Pair::new();
    let now = pair.now;
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let offer = pair.alice.peer.offer(now).unwrap();
    pair.bob
        .peer
        .set_remote_description(now, &SessionDescription::offer(offer))
        .unwrap();
    let answer = pair.bob.peer.create_answer().unwrap();
    let provisional = SessionDescription {
        kind: SdpKind::PrAnswer,
        ..answer
    };
    pair.bob.peer.set_local_description(now, &provisional).unwrap();
    pair.alice.peer.set_remote_description(now, &provisional).unwrap();
    assert_eq!(pair.alice.peer.signaling_state(), SignalingState::HaveRemotePrAnswer);
    assert_eq!(pair.bob.peer.signaling_state(), SignalingState::HaveLocalPrAnswer);
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
    pair.say(Who::Alice, chat, "for now");

    let answer = pair.bob.peer.create_answer().unwrap();
    pair.bob.peer.set_local_description(pair.now, &answer).unwrap();
    pair.alice.peer.accept_answer(pair.now, &answer.sdp).unwrap();
    assert_eq!(pair.alice.peer.signaling_state(), SignalingState::Stable);
    pair.run_for(10 * SECOND);
    pair.say(Who::Alice, chat, "for good");
}

#[test]
fn an_offer_of_the_peers_can_be_taken_back() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "chat");
    let before = pair.bob.peer.local_description().unwrap().sdp;
    let now = pair.now;
    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.create_offer().unwrap();
    pair.bob.peer.set_remote_description(now, &offer).unwrap();
    let provisional = SessionDescription {
        kind: SdpKind::PrAnswer,
        ..pair.bob.peer.create_answer().unwrap()
    };
    assert_ne!(value(&provisional.sdp, "a=ice-ufrag"), value(&before, "a=ice-ufrag"));
    pair.bob
        .peer
        .set_remote_description(now, &SessionDescription::rollback())
        .unwrap();
    assert_eq!(pair.bob.peer.signaling_state(), SignalingState::Stable);
    let after = pair.bob.peer.local_description().unwrap().sdp;
    assert_eq!(value(&after, "a=ice-ufrag"), value(&before, "a=ice-ufrag"));
    pair.run_for(60 * SECOND);
    pair.say(Who::Alice, ours, "as if nothing had been said");
    pair.exchange(Who::Alice);
    pair.run_for(60 * SECOND);
    pair.say(Who::Alice, ours, "and now it was");
}

#[test]
fn a_restart_that_was_agreed_on_provisionally_can_be_taken_back_by_both() {
    let mut pair = Pair::new();
    let (ours, theirs) = pair.open(Who::Alice, "chat");
    let now = pair.now;
    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.offer(now).unwrap();
    pair.bob
        .peer
        .set_remote_description(now, &SessionDescription::offer(offer))
        .unwrap();
    let provisional = SessionDescription {
        kind: SdpKind::PrAnswer,
        ..pair.bob.peer.create_answer().unwrap()
    };
    pair.bob.peer.set_local_description(now, &provisional).unwrap();
    pair.alice.peer.set_remote_description(now, &provisional).unwrap();
    pair.run_for(5 * SECOND);
    pair.say(Who::Alice, ours, "on the new path");
    let now = pair.now;
    pair.alice
        .peer
        .set_local_description(now, &SessionDescription::rollback())
        .unwrap();
    pair.bob
        .peer
        .set_remote_description(now, &SessionDescription::rollback())
        .unwrap();
    pair.run_for(60 * SECOND);
    pair.say(Who::Alice, ours, "on the old one");
    pair.say(Who::Bob, theirs, "yes");
}

#[test]
fn when_both_offer_the_polite_one_gives_way() {
    let mut pair = Pair::new();
    let now = pair.now;
    let ours = pair.alice.peer.create_data_channel("Alice's").unwrap();
    let theirs = pair.bob.peer.create_data_channel("Bob's").unwrap();
    let impolite = pair.alice.peer.offer(now).unwrap();
    pair.bob.peer.offer(now).unwrap();
    // Alice ignores Bob's offer; he takes hers, and his own is as if it had never been.
    let answer = pair.bob.peer.accept_offer(now, &impolite).unwrap();
    assert_eq!(pair.bob.peer.signaling_state(), SignalingState::Stable);
    pair.alice.peer.accept_answer(now, &answer).unwrap();
    pair.run_until(5 * SECOND, |pair| {
        let open = |peer: &PeerConnection, channel| peer.channel_state(channel) == ChannelState::Open;
        open(&pair.alice.peer, ours) && open(&pair.bob.peer, theirs)
    });
    assert!(
        !pair.bob.peer.negotiation_needed(),
        "one section carries the channels of both"
    );
    pair.say(Who::Alice, ours, "mine");
    pair.say(Who::Bob, theirs, "and mine");
}

#[test]
fn an_offer_that_was_taken_back_leaves_its_channels_waiting() {
    let mut pair = Pair::new();
    let now = pair.now;
    let chat = pair.alice.peer.create_data_channel("chat").unwrap();
    let first = pair.alice.peer.offer(now).unwrap();
    pair.alice
        .peer
        .set_local_description(now, &SessionDescription::rollback())
        .unwrap();
    assert!(pair.alice.peer.negotiation_needed());
    let (second, _) = pair.exchange(Who::Alice);
    assert_ne!(value(&first, "a=ice-ufrag"), value(&second, "a=ice-ufrag"));
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
}

/// All candidates that a peer has told by now.
fn told(peer: &mut PeerConnection) -> Vec<IceCandidate> {
    let mut candidates = Vec::new();
    while let Some(event) = peer.poll_event() {
        if let Event::Candidate(candidate) = event {
            candidates.push(candidate);
        }
    }
    candidates
}

#[test]
fn what_is_told_of_another_generation_waits_for_it() {
    let now = Pair::new().now;
    let (mut alice, mut bob) = (PeerConnection::new(seeded(1)), PeerConnection::new(seeded(2)));
    alice.create_data_channel("chat").unwrap();
    let offer = alice.offer(now).unwrap();
    bob.accept_offer(now, &offer).unwrap();
    // Its line does not tell whose it is, as with Pion.
    let early = RemoteCandidate {
        candidate: "candidate:1 1 udp 2130706431 192.0.2.77 5000 typ host",
        mid: Some("0"),
        section: None,
        ufrag: Some("later"),
    };
    bob.add_remote_candidate(now, early).unwrap();
    assert_eq!(bob.stats().transports[0].ice.candidates_other_generation, 1);
    let ours = RemoteCandidate {
        ufrag: Some(value(&offer, "a=ice-ufrag")),
        ..early
    };
    bob.add_remote_candidate(now, ours).unwrap();
    assert_eq!(bob.stats().transports[0].ice.candidates_other_generation, 1);
}

#[test]
fn candidates_find_their_section_by_mid_index_and_ufrag() {
    let mut pair = Pair::new();
    let now = pair.now;
    let mut alice = PeerConnection::new(seeded(1));
    let chat = alice.create_data_channel("chat").unwrap();
    let offer = alice.offer(now).unwrap();
    alice.add_local_address(now, pair.alice.address).unwrap();
    let [candidate] = told(&mut alice).try_into().unwrap();
    assert_eq!(
        (candidate.sdp_mid.as_deref(), candidate.sdp_mline_index),
        (Some("0"), 0)
    );
    assert_eq!(candidate.username_fragment, value(&offer, "a=ice-ufrag"));

    let bob = &mut pair.bob.peer;
    let stray = RemoteCandidate {
        mid: Some("nine"),
        ..RemoteCandidate::from(&candidate)
    };
    bob.set_remote_description(now, &SessionDescription::offer(with_audio(&offer)))
        .unwrap();
    assert_eq!(
        bob.add_remote_candidate(now, stray),
        Err(NegotiationError::NoSuchSection.into())
    );
    // A browser that bundles tells its candidates for the first section, which Bob rejects.
    let of_audio = RemoteCandidate {
        mid: Some("a"),
        ..RemoteCandidate::from(&candidate)
    };
    bob.add_remote_candidate(now, of_audio).unwrap();
    let answer = bob.create_answer().unwrap();
    bob.set_local_description(now, &answer).unwrap();
    let end = RemoteCandidate {
        candidate: "",
        ..RemoteCandidate::from(&candidate)
    };
    bob.add_remote_candidate(now, RemoteCandidate { mid: Some("0"), ..end })
        .unwrap();
    // Without hers she can't be reached first: Bob's check goes to the candidate.
    let mut buf = [0; 2000];
    let first = bob.poll_transmit(now, &mut buf).expect("a check");
    assert_eq!(first.flow.remote(), pair.alice.address);
    alice.accept_answer(now, &without_audio(&answer.sdp)).unwrap();
    pair.alice.peer = alice;
    pair.run_until(5 * SECOND, |pair| {
        pair.alice.peer.channel_state(chat) == ChannelState::Open
    });
}

#[test]
fn a_path_to_another_address_is_measured_anew_by_both() {
    let mut pair = Pair::new();
    let (ours, theirs) = pair.open(Who::Alice, "chat");
    let path_changes =
        |pair: &Pair| [&pair.alice, &pair.bob].map(|side| side.peer.stats().channels.association.path_changes);
    pair.run_for(2 * SECOND);
    let before = path_changes(&pair);
    // Bob goes from one network to another.
    let (old, new) = (pair.bob.address, "198.51.100.7:7000".parse().unwrap());
    pair.bob.peer.add_local_address(pair.now, new).unwrap();
    pair.bob.peer.remove_local_address(pair.now, old);
    pair.bob.address = new;
    pair.bob.peer.restart_ice();
    pair.exchange(Who::Bob);
    pair.run_for(5 * SECOND);
    assert_eq!(pair.alice.peer.stats().transports[0].path.unwrap().flow.remote(), new);
    assert_eq!(path_changes(&pair), before.map(|count| count + 1));
    pair.say(Who::Alice, ours, "there you are");
    pair.say(Who::Bob, theirs, "yes");
    // A restart that finds the same path changes nothing.
    pair.alice.peer.restart_ice();
    pair.exchange(Who::Alice);
    pair.run_for(5 * SECOND);
    assert_eq!(path_changes(&pair), before.map(|count| count + 1));
}

#[test]
fn candidates_of_a_restart_name_its_generation() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "chat");
    let now = pair.now;
    pair.alice.peer.restart_ice();
    let offer = pair.alice.peer.offer(now).unwrap();
    pair.alice
        .peer
        .add_local_address(now, "192.0.2.9:4009".parse().unwrap())
        .unwrap();
    let [candidate] = told(&mut pair.alice.peer).try_into().unwrap();
    assert_eq!(candidate.username_fragment, value(&offer, "a=ice-ufrag"));
    // It overtakes the offer.
    pair.bob.peer.add_remote_candidate(now, &candidate).unwrap();
    let answer = pair.bob.peer.accept_offer(now, &offer).unwrap();
    pair.alice.peer.accept_answer(now, &answer).unwrap();
    pair.run_for(10 * SECOND);
    pair.say(Who::Alice, ours, "still here");
}

#[test]
fn another_peer_may_take_over_with_an_ice_restart_and_a_certificate_of_its_own() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "to the first Bob");
    pair.say(Who::Alice, ours, "hello Bob");
    // The process at Bob's address is replaced by another one, which knows nothing.
    let mut second = PeerConnection::new(seeded(99));
    second.add_local_address(pair.now, pair.bob.address).unwrap();
    pair.bob.peer = second;
    pair.alice.peer.restart_ice();
    pair.exchange(Who::Alice);
    pair.run_until(10 * SECOND, Pair::connected);
    assert_eq!(closed(&pair.alice.events), [(ours, ChannelCloseReason::Disconnected)]);
    let secured = |event: &&Event| matches!(event, Event::Secured { .. });
    assert_eq!(pair.alice.events.iter().filter(secured).count(), 2);
    let (ours, theirs) = pair.open(Who::Alice, "to the second Bob");
    pair.say(Who::Alice, ours, "hello again");
    pair.say(Who::Bob, theirs, "hello");
}

/// Browsers end SCTP and DTLS as soon as they have made their answer, which takes its time.
#[test]
fn a_peer_that_leaves_before_its_answer_arrives_does_not_end_the_connection() {
    let mut pair = Pair::new();
    pair.open(Who::Alice, "chat");
    pair.alice.peer.close_data_channels();
    let now = pair.now;
    let offer = pair.alice.peer.offer(now).unwrap();
    let mut answering = PeerConnection::new(seeded(3));
    let answer = answering.accept_offer(now, &offer).unwrap();
    pair.bob.peer.close(now);
    pair.run_for(SECOND);
    assert!(has_ended(&pair.bob.events) && !has_ended(&pair.alice.events));
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_for(SECOND);
    assert!(!has_ended(&pair.alice.events), "{:?}", pair.alice.events);

    answering.add_local_address(pair.now, pair.bob.address).unwrap();
    pair.bob.peer = answering;
    let (ours, _) = pair.open(Who::Alice, "next");
    pair.say(Who::Alice, ours, "and on it goes");
}

/// RFC 8446 §6.1, RFC 5246 §7.2.1: whoever closes DTLS says so.
#[test]
fn who_lets_go_of_a_transport_tells_the_peer_on_it() {
    let mut pair = Pair::new();
    let (ours, _) = pair.open(Who::Alice, "chat");
    pair.alice.peer.close_data_channels();
    let offer = pair.alice.peer.offer(pair.now).unwrap();
    let sent = pair.bob.sent;
    let answer = pair.bob.peer.accept_offer(pair.now, &offer).unwrap();
    pair.run_for(SECOND);
    assert_eq!(pair.bob.sent, sent + 1, "one alert, and nothing else");
    assert_eq!(closed(&pair.alice.events), [(ours, ChannelCloseReason::Disconnected)]);

    let sent = pair.alice.sent;
    pair.alice.peer.accept_answer(pair.now, &answer).unwrap();
    pair.run_for(SECOND);
    assert_eq!(pair.alice.sent, sent, "the alert was answered already");
    assert!(!has_ended(&pair.alice.events) && !has_ended(&pair.bob.events));
    let (ours, _) = pair.open(Who::Bob, "next");
    pair.say(Who::Bob, ours, "and on it goes");
}

#[test]
fn a_peer_that_left_is_gone_if_the_offer_is_taken_back() {
    let mut pair = Pair::new();
    pair.open(Who::Alice, "chat");
    pair.alice.peer.close_data_channels();
    pair.alice.peer.offer(pair.now).unwrap();
    pair.bob.peer.close(pair.now);
    pair.run_for(SECOND);
    let now = pair.now;
    pair.alice
        .peer
        .set_local_description(now, &SessionDescription::rollback())
        .unwrap();
    pair.run_for(SECOND);
    assert!(
        matches!(pair.alice.events.last(), Some(Event::Closed(CloseReason::Remote))),
        "{:?}",
        pair.alice.events
    );
}

#[test]
fn without_a_section_there_is_nothing_to_give_up() {
    let mut peer = PeerConnection::new(seeded(1));
    let waiting = peer.create_data_channel("never").unwrap();
    peer.close_data_channels();
    assert!(!peer.negotiation_needed());
    assert_eq!(peer.channel_state(waiting), ChannelState::Closed);
    let offer = peer.offer(START).unwrap();
    assert!(sections(&offer).is_empty());
    peer.create_data_channel("now").unwrap();
}

/// Whatever two peers do, in whichever order: once an exchange is through, both know the same, and
/// whatever is sent arrives.
#[test]
fn any_order_of_changes_ends_in_agreement() {
    fn property(script: Vec<u8>) -> bool {
        let mut pair = Pair::new();
        for (number, step) in script.into_iter().take(16).enumerate() {
            let who = Who::BOTH[usize::from(step & 1)];
            let now = pair.now;
            match step >> 1 & 7 {
                0 => pair.side(who).peer.close_data_channels(),
                1 => pair.side(who).peer.restart_ice(),
                2 | 3 => drop(pair.exchange(who)),
                4 => {
                    let offer = pair.side(who).peer.offer(now).unwrap();
                    let other = &mut pair.side(who.other()).peer;
                    other
                        .set_remote_description(now, &SessionDescription::offer(offer))
                        .unwrap();
                    let rollback = SessionDescription::rollback();
                    other.set_remote_description(now, &rollback).unwrap();
                    pair.side(who).peer.set_local_description(now, &rollback).unwrap();
                }
                5 => pair.run_for(Duration::from_millis(u64::from(step) * 10)),
                _ => {
                    let label = format!("{number}");
                    // Unless channels are being given up.
                    if pair.side(who).peer.create_data_channel(label.as_str()).is_ok() {
                        pair.exchange(who);
                        pair.run_for(SECOND);
                        let text = format!("message {number}");
                        let open = pair.side(who).events.iter().rev().find_map(|event| match event {
                            Event::ChannelOpen { channel, .. } => Some(*channel),
                            _ => None,
                        });
                        if let Some(channel) = open.filter(|_| pair.connected())
                            && pair.side(who).peer.channel_state(channel) == ChannelState::Open
                        {
                            pair.say(who, channel, &text);
                        }
                    }
                }
            }
        }
        pair.exchange(Who::Alice);
        pair.exchange(Who::Bob);
        pair.run_for(40 * SECOND);
        let [alice, bob] = [&pair.alice, &pair.bob].map(|side| side.peer.connection_state());
        assert_eq!(alice, bob);
        let (ours, theirs) = pair.open(Who::Alice, "the end");
        pair.say(Who::Alice, ours, "last words");
        pair.say(Who::Bob, theirs, "amen");
        !has_ended(&pair.alice.events) && !has_ended(&pair.bob.events)
    }
    quickcheck::QuickCheck::new()
        .tests(60)
        .quickcheck(property as fn(Vec<u8>) -> bool);
}
