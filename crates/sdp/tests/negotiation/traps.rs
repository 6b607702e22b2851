//! What once went wrong.

use pollrtc_sdp::attribute::Direction;
use pollrtc_sdp::negotiation::{Effect, SdpKind, TransceiverInit};
use pollrtc_sdp::rtp::MediaKind;

use super::support::{Peer, as_kind};

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
