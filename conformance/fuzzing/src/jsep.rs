//! Targets of `pollrtc_jsep`.

use std::collections::VecDeque;

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    BundlePolicy, CertificateHash, Config, Description, HashFunction, LocalTransport, Negotiator, RemoteCandidate,
    RtcpMuxPolicy, SdpKind, SignalingState, TransceiverInit, TransportKey,
};
use pollrtc_sdp::attribute::{Candidate, Direction};
use pollrtc_sdp::{Parser, Profile, Session};

/// Bytes as an offer, its answer, and our next offer; then as the answer to an offer of ours. What
/// is refused changes nothing; what is accepted has an answer that fits.
pub fn jsep(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let cautious = Config {
        bundle_policy: BundlePolicy::MaxCompat,
        rtcp_mux_policy: RtcpMuxPolicy::Negotiate,
        profile: Profile::Lenient,
        ..config(2)
    };
    for config in [config(1), cautious] {
        offered(config.clone(), &text);
        answered(config, &text);
    }
}

fn offered(config: Config, offer: &str) {
    let profile = config.profile;
    let mut negotiator = Negotiator::new(config);
    negotiator.add_track(MediaKind::Audio, vec!["stream".to_owned()]);
    if !takes(&mut negotiator, &Description::offer(offer)) {
        return;
    }
    let answer = negotiator
        .create_answer(transport)
        .expect("what is taken can be answered");
    fits(profile, &answer.sdp, offer);
    negotiator.set_local(&answer).expect("our own answer");
    assert_eq!(negotiator.signaling_state(), SignalingState::Stable);
    goes_on(&mut negotiator, profile, offer);
}

/// After an exchange: an offer of ours keeps what there is, and a rollback brings it back.
fn goes_on(negotiator: &mut Negotiator, profile: Profile, before: &str) {
    negotiator.add_data_channels();
    negotiator.add_track(MediaKind::Video, Vec::new());
    negotiator.restart_ice();
    let agreed = (negotiator.current_local(transport), negotiator.current_remote());
    let offer = negotiator.create_offer(transport).expect("an offer is due");
    let count = |text| parse(profile, text).media_count();
    assert!(count(&offer.sdp) >= count(before), "RFC 3264 §8: sections stay");
    negotiator.set_local(&offer).expect("our own offer");
    negotiator.set_local(&Description::rollback()).expect("a rollback");
    assert_eq!(
        (negotiator.current_local(transport), negotiator.current_remote()),
        agreed
    );
}

fn answered(config: Config, answer: &str) {
    let profile = config.profile;
    let mut negotiator = Negotiator::new(config);
    negotiator.add_track(MediaKind::Audio, vec!["stream".to_owned()]);
    negotiator.add_transceiver(MediaKind::Video, TransceiverInit::default());
    negotiator.add_data_channels();
    let offer = negotiator.create_offer(transport).expect("a fresh one can offer");
    negotiator.set_local(&offer).expect("our own offer");
    for kind in [SdpKind::PrAnswer, SdpKind::Answer] {
        let sdp = answer.to_owned();
        if !takes(&mut negotiator, &Description { kind, sdp }) {
            return;
        }
    }
    assert_eq!(negotiator.signaling_state(), SignalingState::Stable);
    goes_on(&mut negotiator, profile, answer);
}

/// Whether a description is taken; if not, nothing has changed.
fn takes(negotiator: &mut Negotiator, description: &Description) -> bool {
    let before = negotiator.clone();
    let taken = negotiator.set_remote(description).is_ok();
    assert!(taken || *negotiator == before, "an error has changed something");
    taken
}

/// RFC 9429 §5.3.1: section for section.
fn fits(profile: Profile, answer: &str, offer: &str) {
    // What is refused is copied, and is as well formed as it came.
    let letter = Parser::new().profile(Profile::Rfc8866).parse(offer).is_ok();
    let (answer, offer) = (
        parse(if letter { Profile::Rfc8866 } else { profile }, answer),
        parse(profile, offer),
    );
    assert_eq!(answer.media_count(), offer.media_count());
    for (ours, theirs) in answer.media().zip(offer.media()) {
        // Of two with one mid, the second has none.
        assert!(ours.mid() == theirs.mid() || (profile != Profile::Jsep && ours.mid().is_none()));
        assert_eq!((ours.kind(), ours.protocol()), (theirs.kind(), theirs.protocol()));
        assert!(theirs.port() != 0 || theirs.bundle_only() || ours.port() == 0);
    }
}

fn parse(profile: Profile, text: &str) -> Session<'_> {
    let parser = Parser::new().profile(profile);
    parser.parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Each pair of bytes is something that one of two negotiators does, or that happens to a
/// description on its way.
pub fn jsep_pair(script: &[u8]) {
    let mut sides = [Negotiator::new(config(1)), Negotiator::new(config(2))];
    let mut queues: [VecDeque<Description>; 2] = Default::default();
    for step in script.chunks_exact(2).take(200) {
        let (who, argument) = (usize::from(step[0] & 1), step[1]);
        let sent = match (step[0] >> 1) % 8 {
            0 | 1 => {
                if let Some(message) = queues[who].pop_front() {
                    receive(&mut sides[who], &message, argument);
                }
                None
            }
            2 => create(&mut sides[who], SdpKind::Offer),
            3 => create(&mut sides[who], SdpKind::Answer),
            4 => create(&mut sides[who], SdpKind::PrAnswer),
            5 => {
                if let Some(message) = queues[who].front_mut() {
                    message.sdp = edited(&message.sdp, argument);
                }
                None
            }
            _ => {
                act(&mut sides[who], argument);
                None
            }
        };
        queues[1 - who].extend(sent);
    }
}

fn receive(side: &mut Negotiator, message: &Description, argument: u8) {
    let before = side.clone();
    let taken = match argument % 3 {
        0 => side.set_remote_yielding(message).is_ok(),
        _ => side.set_remote(message).is_ok(),
    };
    assert!(taken || *side == before, "an error has changed something");
    if taken && side.signaling_state() == SignalingState::HaveRemoteOffer {
        let answer = side
            .clone()
            .create_answer(transport)
            .expect("what is taken can be answered");
        fits(side.config().profile, &answer.sdp, &message.sdp);
    }
}

fn create(side: &mut Negotiator, kind: SdpKind) -> Option<Description> {
    let before = side.clone();
    let created = match kind {
        SdpKind::Offer => side.create_offer(transport),
        _ => side.create_answer(transport),
    };
    let Ok(created) = created else {
        assert!(*side == before, "an error has changed something");
        return None;
    };
    parse(side.config().profile, &created.sdp);
    let description = Description { kind, ..created };
    side.set_local(&description).expect("our own description");
    Some(description)
}

fn act(side: &mut Negotiator, argument: u8) {
    let place = usize::from(argument >> 6);
    let id = side.transceivers().get(place).map(|transceiver| transceiver.id());
    let few = side.transceivers().len() < 8;
    match (argument % 13, id) {
        (0, _) if few => drop(side.add_track(MediaKind::Audio, vec!["a".to_owned()])),
        (1, _) if few => drop(side.add_track(MediaKind::Video, vec!["a".to_owned(), "b".to_owned()])),
        (2, _) if few => {
            let init = TransceiverInit {
                direction: Direction::SendOnly,
                rids: vec!["h".to_owned(), "l".to_owned()],
                ..TransceiverInit::default()
            };
            side.add_transceiver(MediaKind::Video, init);
        }
        (3, Some(id)) => drop(side.stop(id)),
        (4, Some(id)) => drop(side.remove_track(id)),
        (5, Some(id)) => drop(side.set_direction(id, Direction::RecvOnly)),
        (6, Some(id)) => drop(side.set_direction(id, Direction::SendRecv)),
        (7, Some(id)) => drop(side.set_streams(id, vec!["c".to_owned()])),
        (8, _) => side.add_data_channels(),
        (9, _) => side.stop_data_channels(),
        (10, _) => side.restart_ice(),
        (11, _) => drop(side.set_local(&Description::rollback())),
        (12, _) => {
            let candidate = RemoteCandidate {
                candidate: "candidate:7 1 udp 1 192.0.2.7 7 typ host",
                section: Some(place),
                ..RemoteCandidate::default()
            };
            let before = side.clone();
            let taken = side.add_remote_candidate(candidate).is_ok();
            assert!(taken || *side == before, "an error has changed something");
        }
        _ => {}
    }
}

/// A line is lost, comes twice, changes places with the next, or loses its end.
fn edited(text: &str, argument: u8) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    if lines.len() < 2 {
        return text.to_owned();
    }
    let place = usize::from(argument >> 2) * (lines.len() - 1) / 64;
    match argument & 3 {
        0 => drop(lines.remove(place)),
        1 => lines.insert(place, lines[place]),
        2 => lines.swap(place, place + 1),
        _ => {
            let line = lines[place].trim_end();
            let end = line.len().saturating_sub(1);
            let cut = line.get(..end).unwrap_or_default();
            let cut = format!("{cut}\r\n");
            return [&lines[..place], &[cut.as_str()], &lines[place + 1..]]
                .concat()
                .concat();
        }
    }
    lines.concat()
}

/// What browsers have.
fn config(session_id: u64) -> Config {
    Config {
        audio: RtpCapabilities::of(MediaKind::Audio),
        video: RtpCapabilities::of(MediaKind::Video),
        ..Config::new(session_id)
    }
}

fn transport(key: TransportKey) -> LocalTransport {
    let TransportKey {
        transport, generation, ..
    } = key;
    LocalTransport {
        ufrag: format!("ufrag{transport}g{generation}"),
        pwd: format!("password/of/transport/{transport}g{generation}"),
        fingerprints: vec![CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).expect("32 bytes")],
        candidates: vec![Candidate::host("1", 2_130_706_431, "192.0.2.1", 5_000).into()],
        ..LocalTransport::default()
    }
}
