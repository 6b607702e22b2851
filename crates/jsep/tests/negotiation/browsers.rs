//! What browsers say, where a copy of the captures lies beside the repository: each offer is
//! answered, each answer taken, one exchange after the other.

use std::fs;
use std::path::PathBuf;

use pollrtc_jsep::rtp::MediaKind;
use pollrtc_jsep::{Description, Effect, SignalingState, TransceiverInit};
use pollrtc_sdp::Session;

use crate::support::{Peer, has, is_rejected, media_lines, section, values};

/// Name and text of each capture whose name ends so.
fn captures(ending: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/sdp/browsers");
    let Ok(entries) = fs::read_dir(&folder) else {
        return Vec::new();
    };
    let names = entries.map(|entry| {
        entry
            .expect("a folder can be read")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let text = fs::read_to_string(folder.join(&name)).expect("a capture is text");
            (name, text)
        })
        .collect()
}

#[test]
fn who_has_data_channels_only_takes_those_and_keeps_what_is_bundled_without_media() {
    for (name, text) in captures("-offer.sdp") {
        let offer = Description::offer(text);
        let mut bob = Peer::new("bob");
        let answer = bob.answer(&offer);
        let session = Session::parse(&offer.sdp).unwrap();
        assert_eq!(media_lines(&answer).len(), session.media_count(), "{name}");
        let has_data = session.media().any(|media| media.is_data_channel());
        for (index, media) in session.media().enumerate() {
            assert_eq!(is_rejected(&answer, index), !has_data, "{name}");
            let is_idle = has(&section(&answer, index), "inactive");
            assert_eq!(is_idle, !media.is_data_channel(), "{name}");
        }
        assert_eq!(
            bob.negotiator.transports().count(),
            usize::from(offer.sdp.contains("m=application"))
        );
    }
}

#[test]
fn who_has_media_accepts_all_of_it_over_one_transport() {
    for (name, text) in captures("-offer.sdp") {
        let offer = Description::offer(text);
        let mut bob = Peer::media("bob");
        let answer = bob.answer(&offer);
        for index in 0..media_lines(&answer).len() {
            assert!(!is_rejected(&answer, index), "{name}: {}", media_lines(&answer)[index]);
        }
        let session = Session::parse(&offer.sdp).unwrap();
        let bundle: Vec<&str> = session.bundle().expect("browsers bundle").mids().collect();
        assert_eq!(
            values(&answer.sdp, "group")[0],
            format!("BUNDLE {}", bundle.join(" ")),
            "{name}"
        );
        let transport = bob.negotiator.transports().next().expect("there is one");
        assert_eq!(
            Some(transport.remote.ufrag.as_str()),
            session.media().next().unwrap().ice_ufrag(),
            "{name}"
        );
        assert!(!transport.remote.candidates.is_empty(), "{name}");
        assert_eq!(bob.negotiator.transports().count(), 1, "{name}");
        // Both ways: what each transceiver agreed on is what the browser offered.
        for transceiver in bob.negotiator.transceivers() {
            let parameters = transceiver.parameters().expect("it is agreed on");
            assert!(!parameters.receive.codecs.is_empty(), "{name}");
        }
        // And Bob can offer in turn.
        let again = bob.offer();
        assert_eq!(media_lines(&again).len(), media_lines(&answer).len(), "{name}");
    }
}

#[test]
fn what_browsers_offer_later_goes_on_or_restarts() {
    for (first, text) in captures("-offer.sdp") {
        let session = first.trim_end_matches("-offer.sdp");
        for (again, later) in captures("-offer.sdp") {
            let Some(what) = again.strip_prefix(session).filter(|rest| *rest != "-offer.sdp") else {
                continue;
            };
            let same_session = |text: &str| {
                text.lines()
                    .nth(1)
                    .map(|line| line.split(' ').nth(1).map(str::to_owned))
            };
            if same_session(&text) != same_session(&later) {
                continue;
            }
            let mut bob = Peer::media("bob");
            let before = bob.answer(&Description::offer(text.clone()));
            bob.take(&Description::offer(later));
            let answer = bob.create_answer();
            let effects = bob.negotiator.set_local(&answer).unwrap();
            let restarts = effects.iter().any(|effect| {
                matches!(
                    effect,
                    Effect::Transport {
                        ice_restarted: true,
                        ..
                    }
                )
            });
            assert_eq!(restarts, what.contains("restart"), "{again}");
            let same = values(&before.sdp, "ice-ufrag")[0] == values(&answer.sdp, "ice-ufrag")[0];
            assert_eq!(same, !what.contains("restart"), "{again}");
            assert_eq!(bob.negotiator.transports().next().unwrap().association, 0, "{again}");
        }
    }
}

/// The captured answers are to offers of browsers; the sections of ours are the same, in the same
/// order, so that they fit it all but for numbers.
#[test]
fn what_browsers_answer_is_taken() {
    let scenarios = [("-audio-video-data-answer.sdp", true), ("-data-answer.sdp", false)];
    for (ending, media) in scenarios {
        for (name, text) in captures(ending) {
            if !media && name.contains("video") {
                continue;
            }
            let mut alice = Peer::media("alice");
            if media {
                for kind in [MediaKind::Audio, MediaKind::Video] {
                    alice.negotiator.add_transceiver(kind, TransceiverInit::default());
                }
            }
            alice.negotiator.add_data_channels();
            alice.offer();
            let answer = Description::answer(text);
            alice.take(&answer);
            assert_eq!(alice.negotiator.signaling_state(), SignalingState::Stable);
            assert_eq!(alice.negotiator.transports().count(), 1, "{name}");
            assert!(alice.negotiator.data_channels().is_some(), "{name}");
            let transport = alice.negotiator.transports().next().unwrap();
            assert_eq!(transport.remote.ufrag, values(&answer.sdp, "ice-ufrag")[0], "{name}");
            for transceiver in alice.negotiator.transceivers() {
                assert!(transceiver.parameters().is_some(), "{name}");
            }
            assert!(!alice.negotiator.negotiation_needed(), "{name}");
        }
    }
}
