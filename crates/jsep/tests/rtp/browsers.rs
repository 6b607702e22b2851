//! What browsers offer and answer each other, where a copy of the captures lies beside the
//! repository.

use std::fs;
use std::path::PathBuf;

use pollrtc_jsep::rtp::{BundleIds, MediaKind, PayloadType, Role, RtpCapabilities, RtpParameters};
use pollrtc_sdp::{Media, Session};

/// Offer and answer of each capture, by the answer's name.
fn exchanges() -> Vec<(String, Vec<u8>, Vec<u8>)> {
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
    let mut answers: Vec<String> = names.filter(|name| name.ends_with("-answer.sdp")).collect();
    answers.sort();
    let read = |name: &str| fs::read(folder.join(name)).expect("a file can be read");
    answers
        .into_iter()
        .map(|answer| {
            let (offerer, rest) = answer.split_once("-to-").expect("who answers whom");
            let (_, scenario) = rest.split_once('-').expect("what happens");
            let offer = format!("{offerer}-{}", scenario.replace("-answer.sdp", "-offer.sdp"));
            (answer.clone(), read(&offer), read(&answer))
        })
        .collect()
}

/// The sections that carry RTP and were accepted: their kinds, and both sides' parameters.
fn sections(offer: &Session<'_>, answer: &Session<'_>) -> Vec<(MediaKind, RtpParameters, RtpParameters)> {
    let read = |(offered, answered): (Media<'_>, Media<'_>)| {
        let kind = MediaKind::parse(offered.kind())?;
        let accepted = !answered.is_rejected();
        accepted.then(|| (kind, RtpParameters::read(&offered), RtpParameters::read(&answered)))
    };
    offer.media().zip(answer.media()).filter_map(read).collect()
}

#[test]
fn what_browsers_agree_on_our_answer_has_too() {
    for (name, offer, answer) in exchanges() {
        let (offer, answer) = (
            Session::parse(&offer).expect(&name),
            Session::parse(&answer).expect(&name),
        );
        let sections = sections(&offer, &answer);
        let mut bundle = BundleIds::new();
        for (kind, offered, _) in &sections {
            assert_eq!(bundle.claim(*kind, offered), Ok(()), "{name}");
        }
        for (kind, offered, theirs) in sections {
            let able = RtpCapabilities::of(kind);
            let ours = offered.answer(&able, &mut bundle).expect(&name);
            let expected: Vec<u8> = theirs.codecs.iter().map(|each| each.payload_type).collect();
            let answered = ours.codecs.iter().map(|each| each.payload_type);
            let common: Vec<u8> = answered
                .filter(|payload_type| expected.contains(payload_type))
                .collect();
            assert_eq!(common, expected, "{name}: {}", ours.format_list());
            let media = |each: &&PayloadType| each.codec.role() == Role::Media;
            for each in theirs.codecs.iter().filter(media) {
                let codec = ours.codec(each.payload_type).expect(&name);
                assert!(codec.matches(&each.codec), "{name}: {codec:?}");
                let missing: Vec<_> = each
                    .codec
                    .feedback
                    .iter()
                    .filter(|kind| !codec.feedback.contains(kind))
                    .collect();
                assert!(missing.is_empty(), "{name}: {missing:?} of {codec:?}");
            }
            // An offer may be from a call with the other browser, and not have all of them.
            let offered = |uri: &str| offered.extension_id(uri).is_some();
            for each in theirs
                .header_extensions
                .iter()
                .filter(|each| offered(&each.extension.uri))
            {
                let known = able.header_extensions.iter().any(|ours| ours.uri == each.extension.uri);
                assert_eq!(
                    ours.extension_id(&each.extension.uri),
                    known.then_some(each.id),
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn a_browsers_offer_and_answer_are_agreed_on_whole() {
    for (name, offer, answer) in exchanges() {
        let (offer, answer) = (
            Session::parse(&offer).expect(&name),
            Session::parse(&answer).expect(&name),
        );
        for (_, offered, answered) in sections(&offer, &answer) {
            let agreed = offered.accept(&answered).expect(&name);
            assert_eq!(agreed.send.format_list(), answered.format_list(), "{name}");
            assert_eq!(agreed.receive.format_list(), answered.format_list(), "{name}");
            assert!(!agreed.send.header_extensions.is_empty(), "{name}");
        }
    }
}

#[test]
fn our_answer_to_a_browsers_simulcast_receives_its_layers() {
    for (name, offer, _) in exchanges().into_iter().filter(|(name, ..)| name.contains("simulcast")) {
        let offer = Session::parse(&offer).expect(&name);
        let offered = RtpParameters::read(&offer.media().next().expect(&name));
        let mut answer = offered
            .answer(&RtpCapabilities::of(MediaKind::Video), &mut BundleIds::new())
            .expect(&name);
        answer.answer_simulcast(&offered, |_, _| true);
        let rids: Vec<_> = answer
            .simulcast
            .receive
            .iter()
            .map(|stream| stream.alternatives[0].rid.as_str())
            .collect();
        assert_eq!(rids, ["q", "h", "f"], "{name}");
        assert!(
            answer
                .extension_id("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id")
                .is_some(),
            "{name}"
        );
    }
}

/// Chromium that has taken an offer of its own back keeps the numbers that it chose for it, and has
/// no way out where ours mean other things by them.
#[test]
fn our_numbers_are_those_of_chromium() {
    let mut bundle = BundleIds::new();
    let mut offer = |kind| RtpParameters::offer(&RtpCapabilities::of(kind), None, &mut bundle);
    let (audio, video) = (offer(MediaKind::Audio), offer(MediaKind::Video));
    assert_eq!(audio.format_list(), "111 63 9 0 8 13 110 126");
    assert_eq!(audio.codec(63).map(|red| red.parameters.as_str()), Some("111/111"));
    // Its order is another one.
    let chromium = [
        (96, "VP8", ""),
        (98, "VP9", "profile-id=0"),
        (100, "VP9", "profile-id=2"),
        (102, "H264", "profile-level-id=42001f"),
        (104, "H264", "profile-level-id=42001f"),
        (108, "H264", "profile-level-id=42e01f"),
        (114, "H264", "profile-level-id=42e01f"),
        (116, "H264", "profile-level-id=4d001f"),
        (39, "H264", "profile-level-id=4d001f"),
        (45, "AV1", "profile=0"),
        (118, "red", ""),
        (120, "ulpfec", ""),
    ];
    for (payload_type, name, parameter) in chromium {
        let codec = video.codec(payload_type).unwrap_or_else(|| panic!("no {name}"));
        assert!(codec.is(name) && codec.parameters.contains(parameter), "{codec:?}");
    }
    let repaired = [96, 98, 100, 102, 104, 108, 114, 116, 118, 39, 45];
    let repairs = repaired.map(|payload_type| video.rtx_of(payload_type));
    assert_eq!(repairs, [97, 99, 101, 103, 107, 109, 115, 117, 119, 40, 46].map(Some));
    // What it does not have takes none of its numbers.
    let others: Vec<u8> = video.codecs.iter().map(|each| each.payload_type).collect();
    let mut sorted = others.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), others.len());

    let ids = |parameters: &RtpParameters| -> Vec<u16> {
        let mut ids: Vec<u16> = parameters.header_extensions.iter().map(|each| each.id).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&audio), [1, 2, 3, 4]);
    assert_eq!(ids(&video), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    for (uri, id) in [
        ("urn:ietf:params:rtp-hdrext:sdes:mid", 4),
        ("urn:ietf:params:rtp-hdrext:toffset", 14),
        ("urn:3gpp:video-orientation", 13),
        ("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 10),
    ] {
        assert_eq!(video.extension_id(uri), Some(id), "{uri}");
    }
}
