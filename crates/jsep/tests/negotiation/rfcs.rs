//! The offers in the RFCs answered by a peer that can do what the answerer there can: section by
//! section as the answer there. Those RFCs are older than DTLS and ICE in each description, so each
//! offer gets what JSEP needs first.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use pollrtc_jsep::rtp::{Codec, MediaKind, RtpCapabilities, RtpParameters};
use pollrtc_jsep::{BundlePolicy, Config, Description, Negotiator, RtcpMuxPolicy, TransceiverInit};
use pollrtc_sdp::{Media, Session};
use serde_json::Value;

use super::support::Peer;

/// Where our answer is another than that of the RFC, and why.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "4317-2.4-2: section 1: audio RTP/AVP rejected instead of audio RTP/AVP recvonly telephone-event",
        EVENTS_ALONE,
    ),
    (
        "4317-3.2-2: section 1: audio RTP/AVP rejected instead of audio RTP/AVP recvonly telephone-event",
        EVENTS_ALONE,
    ),
    (
        "4317-3.2-4: section 0: audio RTP/AVP recvonly ilbc instead of audio RTP/AVP sendrecv pcmu ilbc",
        "RFC 3264 §6.1: an answer to sendonly does not send, and its codecs are among those that were offered",
    ),
    (
        "4317-3.2-4: section 1: audio RTP/AVP rejected instead of audio RTP/AVP sendonly telephone-event",
        EVENTS_ALONE,
    ),
    (
        "4317-4.1-4: section 1: audio RTP/AVP rejected instead of audio RTP/AVP sendonly telephone-event",
        EVENTS_ALONE,
    ),
    (
        "6544-15.2-2: section 0: audio TCP/RTP/AVP rejected instead of audio TCP/RTP/AVP sendrecv pcmu",
        "RFC 9429 §5.1.2: RTP over TCP is written TCP/DTLS/RTP/SAVPF or SAVP, and read as no other word",
    ),
    ("9143-18.2-2: bundles {\"BUNDLE foo bar\"} instead of {}", NO_BUNDLES),
    (
        "9143-18.2-2: section 0: audio RTP/AVP mid foo sendrecv pcmu instead of audio RTP/AVP sendrecv pcmu",
        NO_BUNDLES,
    ),
    (
        "9143-18.2-2: section 1: video RTP/AVP mid bar sendrecv mpv instead of video RTP/AVP sendrecv mpv",
        NO_BUNDLES,
    ),
    (
        "9143-18.3-2: bundles {\"BUNDLE foo bar\"} instead of {\"BUNDLE zen foo bar\"}",
        PAYLOAD_TYPE_66,
    ),
    (
        "9143-18.3-2: section 2: video RTP/AVP mid zen rejected instead of video RTP/AVP mid zen sendrecv",
        PAYLOAD_TYPE_66,
    ),
    (
        "9143-18.4-2: section 2: video RTP/AVP mid zen rejected instead of video RTP/AVP mid zen sendrecv",
        PAYLOAD_TYPE_66,
    ),
];

const EVENTS_ALONE: &str =
    "events go with a codec: a section of nothing else carries no media that we could send or play";
const NO_BUNDLES: &str = "the answerer there does not know mids and bundles";
const PAYLOAD_TYPE_66: &str = "RFC 5761 §4: such a packet can't be told from one of RTCP on the same port";

#[test]
fn offers_are_answered_as_the_rfcs_do() {
    let mut differences = Vec::new();
    let mut pairs = 0;
    for (id, offer, answer) in examples() {
        pairs += 1;
        for difference in compare(&offer, &answer) {
            differences.push(format!("{id}: {difference}"));
        }
    }
    let expected: Vec<String> = OTHERWISE
        .iter()
        .map(|(difference, _)| (*difference).to_owned())
        .collect();
    assert_eq!(differences, expected, "{differences:#?}");
    assert!(OTHERWISE.iter().all(|(_, why)| !why.is_empty()));
    assert_eq!(pairs, 40);
}

/// RFC 8829 §7: who wants the same offers the same, but for mids (there `a1`, here `0`).
#[test]
fn the_first_offers_of_rfc_8829_are_made_again() {
    let first = ["8829-7.1-1", "8829-7.2-1", "8829-7.3-1"];
    let offers: Vec<(String, String)> = descriptions("sdp-rfc8829.json")
        .iter()
        .map(|offer| (offer["id"].as_str().unwrap().to_owned(), lines(offer)))
        .filter(|(id, _)| first.contains(&id.as_str()))
        .collect();
    assert_eq!(offers.len(), first.len());
    for (id, offer) in offers {
        let expected = Session::parse(&offer).unwrap();
        let bundle_policy = match expected.media().any(|media| media.bundle_only()) {
            true => BundlePolicy::MaxBundle,
            false => BundlePolicy::Balanced,
        };
        let config = Config {
            bundle_policy,
            rtcp_mux_policy: match expected.media().any(|media| media.rtcp_mux_only()) {
                true => RtcpMuxPolicy::Require,
                false => RtcpMuxPolicy::Negotiate,
            },
            ..config(&expected, &expected)
        };
        let mut alice = Peer::with("alice", config);
        for media in expected.media() {
            match MediaKind::parse(media.kind()) {
                Some(kind) => {
                    let init = TransceiverInit {
                        direction: media.direction(),
                        streams: media.msids().map(|msid| msid.stream.to_owned()).collect(),
                        ..TransceiverInit::default()
                    };
                    alice.negotiator.add_transceiver(kind, init);
                }
                None => alice.negotiator.add_data_channels(),
            }
        }
        let made = alice.create_offer().sdp;
        let made = Session::parse(&made).unwrap();
        assert_eq!(made.media_count(), expected.media_count(), "{id}");
        assert_eq!(places(&made, "BUNDLE"), places(&expected, "BUNDLE"), "{id}");
        assert_eq!(places(&made, "LS"), places(&expected, "LS"), "{id}");
        for (made, expected) in made.media().zip(expected.media()) {
            assert_eq!(proposed(&made, &expected), proposed(&expected, &expected), "{id}");
        }
    }
}

/// What an offer says of a section, with no mid. Of its transport where the RFC's does: ours say it
/// in bundle-only sections too.
fn proposed(media: &Media<'_>, expected: &Media<'_>) -> String {
    let mid = format!(" mid {}", media.mid().unwrap());
    let told = told(media).replace(&mid, "");
    let streams: Vec<&str> = media.msids().map(|msid| msid.stream).collect();
    let is_described = expected.ice_ufrag().is_some();
    let setup = media.setup().filter(|_| is_described).map(|setup| setup.as_str());
    let described = is_described && media.ice_ufrag().is_some() && media.fingerprints().next().is_some();
    format!(
        "{told} {} {streams:?} {setup:?} {described} {}",
        media.bundle_only(),
        media.rtcp_mux_only()
    )
}

/// Groups by the places of their sections.
fn places(session: &Session<'_>, semantics: &str) -> Vec<Vec<usize>> {
    let place = |mid: &str| session.media().position(|media| media.mid() == Some(mid)).unwrap();
    let groups = session.groups().filter(|group| group.semantics == semantics);
    groups.map(|group| group.mids().map(place).collect()).collect()
}

fn compare(offer: &str, answer: &str) -> Vec<String> {
    let expected = Session::parse(answer).unwrap();
    let offered = Session::parse(offer).unwrap();
    let mut bob = Peer::with("bob", config(&offered, &expected));
    let offer = Description::offer(dressed(offer));
    if let Err(error) = bob.negotiator.set_remote(&offer) {
        return vec![format!("refused: {error}")];
    }
    decide(&mut bob.negotiator, &offered, &expected);
    let made = bob.create_answer().sdp;
    let made = Session::parse(&made).unwrap();
    if made.media_count() != expected.media_count() {
        return vec![format!(
            "{} sections instead of {}",
            made.media_count(),
            expected.media_count()
        )];
    }
    let bundles = |session: &Session<'_>| -> BTreeSet<String> {
        session
            .groups()
            .filter(|group| group.is_bundle())
            .map(|group| group.to_string())
            .collect()
    };
    let mut differences = Vec::new();
    if bundles(&made) != bundles(&expected) {
        differences.push(format!(
            "bundles {:?} instead of {:?}",
            bundles(&made),
            bundles(&expected)
        ));
    }
    for (index, (made, expected)) in made.media().zip(expected.media()).enumerate() {
        let (made, expected) = (told(&made), told(&expected));
        if made != expected {
            differences.push(format!("section {index}: {made} instead of {expected}"));
        }
    }
    differences
}

/// What an answer decides.
fn told(media: &Media<'_>) -> String {
    let mut told = format!("{} {}", media.kind(), media.protocol());
    if let Some(mid) = media.mid() {
        write!(told, " mid {mid}").unwrap();
    }
    if media.port() == 0 && !media.bundle_only() {
        told.push_str(" rejected");
        return told;
    }
    write!(told, " {}", media.direction().as_str()).unwrap();
    // Where retransmission stands among the codecs says nothing.
    let mut codecs = RtpParameters::read(media).codecs;
    codecs.sort_by_key(|each| each.codec.is("rtx"));
    for each in codecs {
        write!(told, " {}", each.codec.name.to_lowercase()).unwrap();
    }
    if let Some(port) = media.sctp_port() {
        write!(told, " sctp {port}").unwrap();
    }
    told
}

/// The application of the answerer: what each section is for.
fn decide(bob: &mut Negotiator, offer: &Session<'_>, answer: &Session<'_>) {
    for (index, (offered, answered)) in offer.media().zip(answer.media()).enumerate() {
        let found = bob.transceivers().iter().find(|each| each.section() == Some(index));
        if let Some(id) = found.map(|each| each.id()) {
            bob.set_direction(id, answered.direction()).unwrap();
            bob.set_codec_preferences(id, Some(codecs(&offered, &answered)))
                .unwrap();
            if answered.port() == 0 && !answered.bundle_only() {
                bob.stop(id).unwrap();
            }
        }
    }
}

/// What the answerer can do, as its answer shows.
fn config(offer: &Session<'_>, answer: &Session<'_>) -> Config {
    let capabilities = |kind: MediaKind| {
        let mut all = RtpCapabilities::none(kind);
        let sections = offer.media().zip(answer.media());
        for (offered, answered) in sections.filter(|(offered, _)| MediaKind::parse(offered.kind()) == Some(kind)) {
            for codec in codecs(&offered, &answered) {
                if !all.codecs.contains(&codec) {
                    all.codecs.push(codec);
                }
            }
        }
        all
    };
    Config {
        audio: capabilities(MediaKind::Audio),
        video: capabilities(MediaKind::Video),
        bundle_policy: BundlePolicy::MaxCompat,
        rtcp_mux_policy: RtcpMuxPolicy::Negotiate,
        ..Config::new(1)
    }
}

/// The codecs of an answer; some of the examples say only in the offer what a payload type is.
fn codecs(offered: &Media<'_>, answered: &Media<'_>) -> Vec<Codec> {
    let own = RtpParameters::read(answered).codecs;
    let offered = RtpParameters::read(offered).codecs.into_iter();
    let kept = offered.filter(|each| answered.formats().any(|format| format == each.payload_type.to_string()));
    let kept = kept.filter(|each| own.iter().all(|own| own.payload_type != each.payload_type));
    own.iter().cloned().chain(kept).map(|each| each.codec).collect()
}

/// With credentials and certificates wherever there are none.
fn dressed(offer: &str) -> String {
    let session = Session::parse(offer).unwrap();
    let mut text = String::new();
    let sections: usize = session.media().map(|media| media.as_bytes().len()).sum();
    text.push_str(&offer[..offer.len() - sections]);
    for (index, media) in session.media().enumerate() {
        text.push_str(std::str::from_utf8(media.as_bytes()).unwrap());
        if media.bundle_only() {
            continue;
        }
        if media.ice_ufrag().is_none() {
            write!(text, "a=ice-ufrag:uuu{index}\r\na=ice-pwd:0123456789abcdefghijkl\r\n").unwrap();
        }
        if media.fingerprints().next().is_none() {
            write!(text, "a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":")).unwrap();
        }
        if media.setup().is_none() {
            text.push_str("a=setup:actpass\r\n");
        }
    }
    text
}

/// Each offer that has an answer beside it; RFC 8829 is told in `examples`.
fn examples() -> Vec<(String, String, String)> {
    let mut files: Vec<_> = fs::read_dir(VECTORS)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut examples = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("sdp-rfc") || name == "sdp-rfc8829.json" {
            continue;
        }
        let descriptions = descriptions(name);
        for answer in &descriptions {
            let offer = descriptions
                .iter()
                .find(|offer| answer["answers"].is_string() && offer["id"] == answer["answers"]);
            // Some are not what a browser would read.
            let fits = |description: &Value| description["profile"] != "Lenient" && description["profile"].is_string();
            if let Some(offer) = offer.filter(|offer| fits(offer) && fits(answer)) {
                examples.push((answer["id"].as_str().unwrap().to_owned(), lines(offer), lines(answer)));
            }
        }
    }
    examples
}

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance/vectors");

fn descriptions(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("{VECTORS}/{file}")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["descriptions"].as_array().unwrap().clone()
}

fn lines(description: &Value) -> String {
    let lines = description["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| format!("{}\r\n", line.as_str().unwrap()))
        .collect()
}
