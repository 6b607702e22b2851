//! What once went wrong.

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{BundlePolicy, Config, Effect, NegotiationError, SdpKind, TransceiverInit};
use pollrtc_sdp::Profile;
use pollrtc_sdp::attribute::Direction;

use super::support::{Peer, as_kind, edited, is_rejected, media_config, values};

#[test]
fn a_final_answer_receives_what_the_provisional_one_did_not() {
    let (mut alice, mut bob) = (Peer::media("alice"), Peer::media("bob"));
    alice
        .negotiator
        .add_transceiver(MediaKind::Audio, TransceiverInit::default());
    bob.take(&alice.offer());
    let id = bob.negotiator.transceivers()[0].id();

    bob.negotiator.set_direction(id, Direction::Inactive).unwrap();
    let provisional = as_kind(&bob.create_answer(), SdpKind::PrAnswer);
    let effects = bob.negotiator.set_local(&provisional).unwrap();
    assert!(effects.contains(&Effect::TrackRemoved(id)));

    bob.negotiator.set_direction(id, Direction::RecvOnly).unwrap();
    let answer = bob.create_answer();
    let effects = bob.negotiator.set_local(&answer).unwrap();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::TrackAdded { .. })));
    assert!(bob.negotiator.transceivers()[0].is_receiving());
}

/// Takes what cameras and old phones say.
fn lenient() -> Peer {
    let config = Config {
        profile: Profile::Lenient,
        ..media_config()
    };
    Peer::with("bob", config)
}

#[test]
fn of_two_sections_with_one_mid_the_second_has_none() {
    let mut alice = Peer::media("alice");
    alice.negotiator.add_track(MediaKind::Audio, Vec::new());
    alice.negotiator.add_track(MediaKind::Video, Vec::new());
    let doubled = edited(&alice.offer(), "a=mid:1\r\n", "a=mid:0\r\n");
    for mut bob in [Peer::media("bob"), lenient()] {
        let answer = bob.answer(&doubled);
        assert_eq!(values(&answer.sdp, "mid"), ["0"]);
        // What can't be named can't be told from the other; only the lenient profile goes by places.
        let is_lenient = bob.negotiator.config().profile == Profile::Lenient;
        assert_eq!(is_rejected(&answer, 1), !is_lenient);
    }
}

#[test]
fn an_offer_whose_refusal_can_not_be_written_is_refused_as_a_whole() {
    let mut alice = Peer::media("alice");
    alice.negotiator.add_data_channels();
    let odd = edited(
        &alice.offer(),
        "m=application 9 UDP/DTLS/SCTP",
        "m=appl@cation 9 UDP//DTLS",
    );
    assert!(matches!(
        lenient().refuse(&odd),
        NegotiationError::Write(_) | NegotiationError::Sdp(_)
    ));
}

#[test]
fn a_section_without_a_mid_gets_none_that_the_same_offer_has() {
    let mut alice = Peer::media("alice");
    alice.negotiator.add_track(MediaKind::Audio, Vec::new());
    alice.negotiator.add_track(MediaKind::Video, Vec::new());
    let offer = edited(&alice.offer(), "a=group:BUNDLE 0 1\r\n", "");
    let offer = edited(&edited(&offer, "a=mid:0\r\n", ""), "a=mid:1\r\n", "a=mid:0\r\n");

    let config = Config {
        bundle_policy: BundlePolicy::MaxCompat,
        ..media_config()
    };
    let mut bob = Peer::with("bob", config);
    bob.answer(&offer);
    let mids: Vec<_> = bob.negotiator.transceivers().iter().map(|each| each.mid()).collect();
    assert_eq!(mids, [Some("1"), Some("0")]);
    bob.offer();
}
