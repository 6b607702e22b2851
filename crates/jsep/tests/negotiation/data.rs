//! Data channels: agreed on, closed and brought back, in today's form and in the old one.

use pollrtc_jsep::{Config, Description, Effect, RejectReason, SignalingState};

use crate::support::{Peer, data_pair, edited, exchange, has, is_rejected, media_lines, section, values};

fn legacy(offer: &Description) -> Description {
    let offer = edited(offer, "UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5000");
    edited(&offer, "a=sctp-port:5000", "a=sctpmap:5000 webrtc-datachannel 1024")
}

#[test]
fn data_channels_are_agreed_on_by_offer_and_answer() {
    let (mut alice, mut bob) = (Peer::new("alice"), Peer::new("bob"));
    alice.negotiator.add_data_channels();
    assert!(alice.negotiator.negotiation_needed());
    let offer = alice.offer();
    assert_eq!(
        media_lines(&offer),
        ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]
    );
    assert_eq!(values(&offer.sdp, "setup"), ["actpass"]);

    bob.take(&offer);
    let answer = bob.create_answer();
    let at_bob = bob.negotiator.set_local(&answer).unwrap();
    assert_eq!(values(&answer.sdp, "setup"), ["active"]);
    let at_alice = alice.take(&answer);
    for effects in [&at_alice, &at_bob] {
        assert!(effects.contains(&Effect::SignalingState(SignalingState::Stable)));
        let channels = effects.iter().find_map(|effect| match effect {
            Effect::DataChannels(channels) => Some(channels),
            _ => None,
        });
        let channels = channels.expect("data channels are agreed on");
        assert_eq!((channels.local_port, channels.remote_port), (5000, 5000));
        assert_eq!(channels.max_message_size, Some(262_144));
    }
    assert!(!alice.negotiator.negotiation_needed());
    assert!(!bob.negotiator.negotiation_needed());
}

#[test]
fn absent_attributes_of_a_data_section_have_their_defaults() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = edited(&alice.offer(), "a=sctp-port:5000\r\n", "");
    let offer = edited(&offer, "a=max-message-size:262144\r\n", "");
    let mut bob = Peer::new("bob");
    bob.answer(&offer);
    let channels = bob.negotiator.data_channels().unwrap();
    assert_eq!((channels.remote_port, channels.max_message_size), (5000, Some(65_536)));

    let unlimited = edited(&alice.local(), "max-message-size:262144", "max-message-size:0");
    let mut carol = Peer::new("carol");
    carol.answer(&unlimited);
    assert_eq!(carol.negotiator.data_channels().unwrap().max_message_size, None);
}

#[test]
fn port_zero_closes_the_association() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = edited(&alice.offer(), "a=sctp-port:5000", "a=sctp-port:0");
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&offer);
    assert!(is_rejected(&answer, 0));
}

#[test]
fn the_old_form_is_answered_in_the_old_form() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = legacy(&alice.offer());
    let mut bob = Peer::new("bob");
    let answer = bob.answer(&offer);
    assert_eq!(media_lines(&answer), ["m=application 9 DTLS/SCTP 5000"]);
    assert_eq!(values(&answer.sdp, "sctpmap"), ["5000 webrtc-datachannel 65535"]);
    assert!(values(&answer.sdp, "sctp-port").is_empty());
    assert_eq!(bob.negotiator.data_channels().unwrap().remote_port, 5000);

    // A peer that knows the old form only is offered the old form again.
    let again = bob.offer();
    assert_eq!(media_lines(&again), ["m=application 9 DTLS/SCTP 5000"]);
}

#[test]
fn data_channels_are_closed_and_brought_back_by_either_side() {
    let (mut alice, mut bob) = data_pair();
    for from_alice in [true, false, true] {
        let (one, other) = if from_alice {
            (&mut alice, &mut bob)
        } else {
            (&mut bob, &mut alice)
        };
        one.negotiator.stop_data_channels();
        assert!(one.negotiator.negotiation_needed());
        let offer = one.offer();
        assert!(is_rejected(&offer, 0));
        other.take(&offer);
        let answer = other.create_answer();
        assert!(is_rejected(&answer, 0));
        let effects = other.negotiator.set_local(&answer).unwrap();
        assert!(effects.contains(&Effect::DataChannelsClosed));
        assert!(
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::TransportClosed(_)))
        );
        let effects = one.take(&answer);
        assert!(effects.contains(&Effect::DataChannelsClosed));
        assert_eq!(one.negotiator.transports().count(), 0);

        // Again, in the same place with a new mid, over a new transport.
        other.negotiator.add_data_channels();
        let (again, _) = exchange(other, one);
        assert_eq!(media_lines(&again).len(), 1);
        assert_ne!(values(&again.sdp, "mid"), values(&offer.sdp, "mid"));
        assert!(one.negotiator.data_channels().is_some() && other.negotiator.data_channels().is_some());
        assert!(!one.negotiator.negotiation_needed() && !other.negotiator.negotiation_needed());
    }
}

#[test]
fn who_has_stopped_data_channels_rejects_them_in_its_answer() {
    let (mut alice, mut bob) = data_pair();
    bob.negotiator.stop_data_channels();
    let offer = alice.offer();
    let answer = bob.answer(&offer);
    assert!(is_rejected(&answer, 0));
    let effects = alice.take(&answer);
    assert!(effects.contains(&Effect::SectionRejected {
        section: 0,
        mid: "0".into(),
        reason: RejectReason::Peer
    }));
    // It is not asked for again until the application does.
    assert!(!alice.negotiator.negotiation_needed());
    assert!(media_lines(&alice.offer())[0].starts_with("m=application 0 "));
}

#[test]
fn one_section_with_data_channels_is_enough() {
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let offer = edited(&alice.offer(), "BUNDLE 0", "BUNDLE 0 1");
    let second = section(&offer, 0).replace("a=mid:0", "a=mid:1");
    let offer = Description::offer(format!("{}{second}", offer.sdp));
    let mut bob = Peer::new("bob");
    bob.take(&offer);
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!(!is_rejected(&answer, 0) && is_rejected(&answer, 1));
    assert!(effects.contains(&Effect::SectionRejected {
        section: 1,
        mid: "1".into(),
        reason: RejectReason::DataElsewhere
    }));
    assert_eq!(values(&answer.sdp, "group"), ["BUNDLE 0"]);
}

#[test]
fn an_ice_lite_agent_says_so() {
    let mut bob = Peer::with(
        "bob",
        Config {
            ice_lite: true,
            ..Config::new(9)
        },
    );
    let mut alice = Peer::new("alice");
    alice.negotiator.add_data_channels();
    let (offer, answer) = exchange(&mut alice, &mut bob);
    assert!(!has(&offer.sdp, "ice-lite") && has(&answer.sdp, "ice-lite"));
    assert!(alice.negotiator.transports().all(|transport| transport.remote.ice_lite));
}
