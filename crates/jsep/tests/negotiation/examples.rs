//! The answers in RFC 8829 §7 made again: from the same offers, by a peer that can do what the
//! answerer there can, attribute by attribute.

use std::collections::BTreeSet;
use std::fs;

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities, RtpParameters};
use pollrtc_jsep::{
    BundlePolicy, CertificateHash, Config, Description, DtlsRole, LocalTransport, Negotiator, TransceiverInit,
};
use pollrtc_sdp::attribute::{Direction, Setup};
use pollrtc_sdp::{Media, Session};
use serde_json::Value;

/// The text of each offer and of its answer.
fn examples() -> Vec<(String, String, String)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../conformance/vectors/sdp-rfc8829.json"
    );
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let descriptions = file["descriptions"].as_array().unwrap();
    let text = |description: &Value| -> String {
        let lines = description["lines"].as_array().unwrap();
        lines
            .iter()
            .map(|line| format!("{}\r\n", line.as_str().unwrap()))
            .collect()
    };
    let answers = descriptions
        .iter()
        .filter_map(|answer| Some((answer["answers"].as_str()?, answer)));
    answers
        .map(|(offer, answer)| {
            let offered = descriptions
                .iter()
                .find(|description| description["id"] == offer)
                .unwrap();
            (answer["id"].as_str().unwrap().to_owned(), text(offered), text(answer))
        })
        .collect()
}

/// What the answerer can do, as its answer shows.
fn config(answer: &Session<'_>) -> Config {
    let capabilities = |kind: MediaKind| {
        let mut all = RtpCapabilities::none(kind);
        for media in answer
            .media()
            .filter(|media| MediaKind::parse(media.kind()) == Some(kind))
        {
            let parameters = RtpParameters::read(&media);
            all.extmap_allow_mixed = parameters.extmap_allow_mixed;
            for each in parameters.codecs {
                let mut codec = each.codec;
                if codec.is("rtx") {
                    codec.parameters.clear();
                }
                if !all.codecs.contains(&codec) {
                    all.codecs.push(codec);
                }
            }
            for each in parameters.header_extensions {
                let mut extension = each.extension;
                extension.direction = Direction::SendRecv;
                if !all.header_extensions.contains(&extension) {
                    all.header_extensions.push(extension);
                }
            }
        }
        all
    };
    let active = answer.media().any(|media| media.setup() == Some(Setup::Active));
    Config {
        audio: capabilities(MediaKind::Audio),
        video: capabilities(MediaKind::Video),
        preferred_dtls_role: if active { DtlsRole::Client } else { DtlsRole::Server },
        bundle_policy: BundlePolicy::Balanced,
        max_message_size: answer.media().find_map(|media| media.max_message_size()).unwrap_or(0),
        ..Config::new(1)
    }
}

/// What ICE and DTLS tell, as the answer has it.
fn transport(answer: &Session<'_>) -> LocalTransport {
    let media = answer
        .media()
        .find(|media| media.ice_ufrag().is_some())
        .expect("credentials");
    LocalTransport {
        ufrag: media.ice_ufrag().unwrap().to_owned(),
        pwd: media.ice_pwd().unwrap().to_owned(),
        fingerprints: media
            .fingerprints()
            .filter_map(|each| CertificateHash::of(&each))
            .collect(),
        tls_id: media.tls_id().map(str::to_owned),
        candidates: media.candidates().map(Into::into).collect(),
        end_of_candidates: media.end_of_candidates(),
    }
}

/// We have no limits of our own to tell. What holds for the whole bundle deployed peers want in each
/// section, the RFC in one. A browser receives one stream where we take the layers that are offered.
const TOLD_OTHERWISE: [&str; 6] = [
    "a=maxptime",
    "a=imageattr",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rid",
    "a=simulcast",
];

/// What the RFC has in the first section of a bundle.
const TOLD_IN_EACH: [&str; 5] = ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup", "a=tls-id"];

/// The lines of a section that we are to have too, in no order.
fn lines(media: &Media<'_>) -> BTreeSet<String> {
    let text = String::from_utf8(media.as_bytes().to_vec()).unwrap();
    text.lines()
        .filter(|line| !TOLD_OTHERWISE.iter().any(|name| line.starts_with(name)))
        .map(|line| line.replace("a=rtcp-fb:* ", "a=rtcp-fb:"))
        .collect()
}

#[test]
fn the_answers_of_the_examples_are_made_again() {
    let examples = examples();
    assert_eq!(examples.len(), 5);
    for (id, offer, answer) in examples {
        let expected = Session::parse(&answer).unwrap();
        let mut bob = Negotiator::new(config(&expected));
        bob.set_remote(&Description::offer(offer.as_str()))
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        for media in expected.media() {
            let streams: Vec<String> = media
                .attributes()
                .filter(|attribute| attribute.name == "msid")
                .map(|attribute| attribute.text().unwrap().to_owned())
                .collect();
            if let Some(kind) = MediaKind::parse(media.kind()).filter(|_| !streams.is_empty()) {
                let id = bob.add_track(kind, streams);
                // §7.3: early media goes one way first.
                bob.set_direction(id, media.direction()).unwrap();
            }
        }
        let made = bob.create_answer(|_| transport(&expected)).unwrap();
        bob.set_local(&made).unwrap();
        let made = Session::parse(&made.sdp).unwrap();
        let groups = |session: &Session<'_>| session.groups().map(|group| group.to_string()).collect::<BTreeSet<_>>();
        assert_eq!(groups(&made), groups(&expected), "{id}");
        assert_eq!(made.media_count(), expected.media_count(), "{id}");
        for (made, expected) in made.media().zip(expected.media()) {
            let (mut made, wanted) = (lines(&made), lines(&expected));
            if expected.ice_ufrag().is_none() {
                made.retain(|line| !TOLD_IN_EACH.iter().any(|name| line.starts_with(name)));
            }
            assert_eq!(made, wanted, "{id}");
        }
    }
}

#[test]
fn the_answers_of_the_examples_are_taken() {
    for (id, _, answer) in examples() {
        let expected = Session::parse(&answer).unwrap();
        let mut alice = Negotiator::new(config(&expected));
        // An offer of ours with the same sections under the same mids.
        for media in expected.media() {
            match MediaKind::parse(media.kind()) {
                Some(kind) => {
                    alice.add_transceiver(kind, TransceiverInit::default());
                }
                None => alice.add_data_channels(),
            }
        }
        let offer = alice.create_offer(|key| LocalTransport {
            ufrag: format!("alice{}", key.transport),
            ..transport(&expected)
        });
        alice.set_local(&offer.unwrap()).unwrap();
        let mut renamed = answer.clone();
        for (index, media) in expected.media().enumerate() {
            let mid = media.mid().unwrap();
            renamed = renamed.replace(&format!("a=mid:{mid}\r\n"), &format!("a=mid:{index}\r\n"));
            renamed = renamed.replace(&format!(" {mid}"), &format!(" {index}"));
        }
        // The data section stands last in an offer of ours.
        if expected
            .media()
            .last()
            .is_some_and(|media| MediaKind::parse(media.kind()).is_some())
            && expected.media().any(|media| media.is_data_channel())
        {
            continue;
        }
        let taken = alice.set_remote(&Description::answer(renamed));
        taken.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(alice.transports().count(), 1, "{id}");
    }
}
