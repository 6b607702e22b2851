//! Codecs of answers, and what both sides make of them.

use pollrtc_jsep::rtp::{BundleIds, CodecOrder, MediaKind, Role, RtpCapabilities, RtpError, RtpParameters};

use crate::support::{answer, audio, carried, codec, listed, offer, read, video};

const VIDEO: [&str; 12] = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 118 119 120",
    "c=IN IP4 0.0.0.0",
    "a=rtpmap:96 VP8/90000",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:98 VP9/90000",
    "a=rtpmap:99 rtx/90000",
    "a=fmtp:99 apt=98",
    "a=rtpmap:118 red/90000",
    "a=rtpmap:119 rtx/90000",
    "a=fmtp:119 apt=118",
    "a=rtpmap:120 ulpfec/90000",
];

#[test]
fn an_answer_has_the_offers_payload_types_and_order() {
    let answer = answer(&read(&VIDEO), &video(&["VP9/90000", "VP8/90000", "H264/90000"])).unwrap();
    assert_eq!(listed(&answer), ["96 VP8", "98 VP9"]);
}

#[test]
fn codec_preferences_decide_the_answers_order() {
    let mut ours = video(&["VP9/90000", "rtx/90000", "VP8/90000"]);
    ours.order = CodecOrder::Preferred;
    let answer = answer(&read(&VIDEO), &ours).unwrap();
    assert_eq!(listed(&answer), ["98 VP9", "99 rtx apt=98", "96 VP8", "97 rtx apt=96"]);
}

#[test]
fn without_a_common_codec_there_is_no_answer() {
    assert_eq!(
        answer(&read(&VIDEO), &video(&["H264/90000", "rtx/90000", "red/90000"])),
        None
    );
    assert_eq!(answer(&read(&VIDEO), &RtpCapabilities::none(MediaKind::Video)), None);
    let events = read(&[
        "m=audio 9 UDP/TLS/RTP/SAVPF 126 13",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:126 telephone-event/8000",
    ]);
    assert_eq!(
        answer(&events, &RtpCapabilities::of(MediaKind::Audio)),
        None,
        "events and noise are beside a codec"
    );
}

#[test]
fn repairs_are_answered_with_what_they_repair() {
    let ours = video(&["VP9/90000", "rtx/90000"]);
    assert_eq!(
        listed(&answer(&read(&VIDEO), &ours).unwrap()),
        ["98 VP9", "99 rtx apt=98"]
    );

    let ours = video(&["VP8/90000", "rtx/90000", "red/90000", "ulpfec/90000"]);
    assert_eq!(
        listed(&answer(&read(&VIDEO), &ours).unwrap()),
        ["96 VP8", "97 rtx apt=96", "118 red", "119 rtx apt=118", "120 ulpfec"]
    );

    let ours = video(&["VP8/90000", "rtx/90000", "ulpfec/90000"]);
    assert_eq!(
        listed(&answer(&read(&VIDEO), &ours).unwrap()),
        ["96 VP8", "97 rtx apt=96"],
        "ULPFEC goes within RED"
    );
}

#[test]
fn flexfec_is_kept_with_media_of_its_clock_only() {
    let offer = |rate: &str| {
        read(&[
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:96 VP8/90000",
            &format!("a=rtpmap:97 flexfec-03/{rate}"),
            "a=fmtp:97 repair-window=10000000",
        ])
    };
    let ours = video(&["VP8/90000", "flexfec-03/90000"]);
    assert_eq!(listed(&answer(&offer("90000"), &ours).unwrap())[0], "96 VP8");
    assert!(listed(&answer(&offer("90000"), &ours).unwrap())[1].starts_with("97 flexfec-03"));
    let without = video(&["VP8/90000"]);
    assert_eq!(
        listed(&answer(&offer("90000"), &without).unwrap()),
        ["96 VP8"],
        "not wanted"
    );
    let other = video(&["VP8/90000", "flexfec-03/48000"]);
    assert_eq!(
        listed(&answer(&offer("48000"), &other).unwrap()),
        ["96 VP8"],
        "nothing to repair at 48 kHz"
    );
    let alone = video(&["flexfec-03/90000"]);
    assert!(answer(&offer("90000"), &alone).is_none(), "nothing to repair at all");
}

#[test]
fn retransmission_of_nothing_or_in_a_loop_is_dropped() {
    let ours = video(&["VP8/90000", "rtx/90000"]);
    for (bad, rate) in [
        ("apt=98", 90_000),
        ("apt=97", 90_000),
        ("apt=300", 90_000),
        ("apt=", 90_000),
        ("rtx-time=200", 90_000),
        ("apt=96", 48_000),
    ] {
        let map = format!("a=rtpmap:97 rtx/{rate}");
        let fmtp = format!("a=fmtp:97 {bad}");
        let offer = read(&[
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98",
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:96 VP8/90000",
            &map,
            &fmtp,
            "a=rtpmap:98 rtx/90000",
            "a=fmtp:98 apt=97",
        ]);
        assert_eq!(listed(&answer(&offer, &ours).unwrap()), ["96 VP8"], "{bad}");
    }
}

#[test]
fn one_payload_type_retransmits_another() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 97 96 98",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 rtx-time=3000;apt=96",
        "a=rtpmap:98 rtx/90000",
        "a=fmtp:98 apt=96",
    ]);
    let answer = answer(&offer, &video(&["VP8/90000", "rtx/90000 rtx-time=500"])).unwrap();
    assert_eq!(listed(&answer), ["97 rtx apt=96;rtx-time=500", "96 VP8"]);
    assert_eq!(answer.rtx_of(96), Some(97));
}

#[test]
fn redundancy_is_answered_with_all_that_it_wraps() {
    let offer = read(&[
        "m=audio 9 UDP/TLS/RTP/SAVPF 63 111 0 64",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:64 red/8000",
        "a=fmtp:64 0/5",
    ]);
    let ours = audio(&["opus/48000/2", "PCMU/8000", "red/48000/2", "red/8000"]);
    assert_eq!(
        listed(&answer(&offer, &ours).unwrap()),
        ["63 red 111/111", "111 opus", "0 PCMU"]
    );
    let ours = audio(&["PCMU/8000", "red/48000/2"]);
    assert_eq!(listed(&answer(&offer, &ours).unwrap()), ["0 PCMU"]);
}

#[test]
fn comfort_noise_and_events_are_per_clock_rate() {
    let offer = offer(&RtpCapabilities::of(MediaKind::Audio));
    let ours = audio(&["opus/48000/2", "CN/8000", "telephone-event/48000"]);
    let names: Vec<_> = answer(&offer, &ours)
        .unwrap()
        .codecs
        .iter()
        .map(|each| format!("{}/{}", each.codec.name, each.codec.clock_rate))
        .collect();
    assert_eq!(
        names,
        ["opus/48000", "telephone-event/48000"],
        "no codec of 8 kHz, no noise of 8 kHz"
    );
}

#[test]
fn one_codec_with_other_parameters_is_another_entry() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 98 100 102 104",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:98 VP9/90000",
        "a=rtpmap:100 VP9/90000",
        "a=fmtp:100 profile-id=2",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 profile-level-id=42e01f;packetization-mode=1",
        "a=rtpmap:104 H264/90000",
        "a=fmtp:104 profile-level-id=42e01f;packetization-mode=0",
    ]);
    let ours = video(&[
        "VP9/90000 profile-id=2",
        "H264/90000 profile-level-id=42e01f;packetization-mode=0",
    ]);
    assert_eq!(answer(&offer, &ours).unwrap().format_list(), "100 104");
    let ours = RtpCapabilities::of(MediaKind::Video);
    assert_eq!(answer(&offer, &ours).unwrap().format_list(), "98 100 102 104");
}

#[test]
fn feedback_is_that_of_both() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:* goog-remb",
        "a=rtcp-fb:96 x-unknown",
    ]);
    let mut ours = video(&[]);
    ours.codecs
        .push(codec("VP8/90000").with_feedback(["transport-cc", "goog-remb", "nack"]));
    let answer = answer(&offer, &ours).unwrap();
    let texts: Vec<_> = answer.codecs[0]
        .codec
        .feedback
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(texts, ["goog-remb", "nack"]);
}

#[test]
fn rtcp_of_reduced_size_needs_both() {
    let mut ours = video(&["VP8/90000"]);
    let mut offered = read(&VIDEO);
    assert!(!answer(&offered, &ours).unwrap().rtcp_rsize);
    offered.rtcp_rsize = true;
    let answered = answer(&offered, &ours).unwrap();
    assert!(answered.rtcp_rsize && offered.accept(&answered).unwrap().send.rtcp_rsize);
    ours.rtcp_rsize = false;
    let answered = answer(&offered, &ours).unwrap();
    assert!(!answered.rtcp_rsize && !offered.accept(&answered).unwrap().send.rtcp_rsize);
}

#[test]
fn each_side_sends_with_the_payload_types_that_the_other_named() {
    // RFC 3264 §5.1: an answer should keep the payload types, but may not.
    let offer = read(&VIDEO);
    let answer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 100 101 102",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:100 VP9/90000",
        "a=rtpmap:101 rtx/90000",
        "a=fmtp:101 apt=100",
        "a=rtpmap:102 VP8/90000",
    ]);
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(listed(&agreed.send), ["100 VP9", "101 rtx apt=100", "102 VP8"]);
    assert_eq!(listed(&agreed.receive), ["98 VP9", "99 rtx apt=98", "96 VP8"]);
    let theirs = agreed.clone().reversed();
    assert_eq!((&theirs.send, &theirs.receive), (&agreed.receive, &agreed.send));
}

#[test]
fn what_was_not_offered_is_not_agreed() {
    let offer = read(&VIDEO);
    let answer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 120 121 122",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 H264/90000",
        "a=rtpmap:120 red/90000",
        "a=fmtp:120 96/97",
        "a=rtpmap:121 VP8/90000",
        "a=rtpmap:122 rtx/90000",
        "a=fmtp:122 apt=97",
    ]);
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(listed(&agreed.send), ["96 VP8"]);
    assert_eq!(listed(&agreed.receive), ["96 VP8"]);
}

#[test]
fn an_answer_without_a_common_codec_is_an_error() {
    let offer = offer(&RtpCapabilities::of(MediaKind::Audio));
    let answer = read(&[
        "m=audio 9 UDP/TLS/RTP/SAVPF 96 126",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 speex/16000",
        "a=rtpmap:126 telephone-event/8000",
    ]);
    assert_eq!(offer.accept(&answer), Err(RtpError::NoCommonCodec));
}

#[test]
fn without_asymmetry_both_sides_keep_to_the_lower_h264_level() {
    let h264 = |profile: &str| {
        let fmtp = format!("a=fmtp:102 profile-level-id={profile}");
        read(&[
            "m=video 9 UDP/TLS/RTP/SAVPF 102",
            "c=IN IP4 0.0.0.0",
            "a=rtpmap:102 H264/90000",
            &fmtp,
        ])
    };
    for (offered, answered) in [("42e01f", "42e00d"), ("42e00d", "42e01f")] {
        let agreed = h264(offered).accept(&h264(answered)).unwrap();
        for side in [agreed.send, agreed.receive] {
            assert_eq!(listed(&side), ["102 H264 profile-level-id=42e00d"]);
        }
    }
}

#[test]
fn two_sections_of_a_bundle_share_payload_types_only_for_one_configuration() {
    let mut bundle = BundleIds::new();
    let first = read(&VIDEO);
    assert_eq!(bundle.claim(MediaKind::Video, &first), Ok(()));
    assert_eq!(bundle.claim(MediaKind::Video, &first), Ok(()), "the same twice is fine");

    let mut other = read(&VIDEO);
    other.codecs[0].codec = codec("VP8/90000 max-fr=30");
    assert_eq!(
        bundle.claim(MediaKind::Video, &other),
        Ok(()),
        "what is only declared may differ"
    );
    other.codecs[0].codec = codec("AV1/90000");
    assert_eq!(
        bundle.claim(MediaKind::Video, &other),
        Err(RtpError::PayloadTypeConflict(96))
    );
    assert_eq!(
        bundle.claim(MediaKind::Audio, &first),
        Err(RtpError::PayloadTypeConflict(96)),
        "a codec of another kind is another codec"
    );
    let mut other = read(&VIDEO);
    other.codecs[1].codec.parameters = "apt=98".to_owned();
    assert_eq!(
        bundle.claim(MediaKind::Video, &other),
        Err(RtpError::PayloadTypeConflict(97))
    );
}

#[test]
fn our_own_payload_types_give_way_to_the_peers() {
    let mut bundle = BundleIds::new();
    bundle.claim(MediaKind::Video, &read(&VIDEO)).unwrap();
    let theirs = RtpParameters::offer(&audio(&["opus/48000/2", "G722/8000", "L16/44100"]), None, &mut bundle);
    assert_eq!(
        listed(&theirs),
        ["111 opus", "9 G722", "105 L16"],
        "and what browsers use is left to them"
    );

    let same = RtpParameters::offer(&video(&["VP9/90000", "rtx/90000"]), None, &mut bundle);
    assert_eq!(
        listed(&same),
        ["98 VP9", "99 rtx apt=98"],
        "what is the same may be the same"
    );
}

#[test]
fn payload_types_that_could_be_rtcp_are_never_offered() {
    let many: Vec<String> = (0..100).map(|number| format!("X-{number}/90000")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let offer = offer(&video(&many));
    let mut numbers: Vec<u8> = offer.codecs.iter().map(|each| each.payload_type).collect();
    assert_eq!(
        numbers[..3],
        [105, 106, 112],
        "what browsers use for other things comes last"
    );
    // As of RFC 3551: the dynamic ones before the others.
    numbers.sort_unstable_by_key(|each| (*each < 96, *each));
    assert_eq!(
        numbers,
        (96..=127).chain(35..=63).collect::<Vec<u8>>(),
        "what finds no number is left out"
    );
}

#[test]
fn the_usual_codecs_are_offered_as_browsers_do() {
    let audio = offer(&RtpCapabilities::of(MediaKind::Audio));
    assert_eq!(
        listed(&audio),
        [
            "111 opus minptime=10;useinbandfec=1",
            "63 red 111/111",
            "9 G722",
            "0 PCMU",
            "8 PCMA",
            "13 CN",
            "110 telephone-event 0-15",
            "126 telephone-event 0-15",
        ]
    );
    let video = offer(&RtpCapabilities::of(MediaKind::Video));
    for each in video.codecs.iter().filter(|each| each.codec.role() == Role::Media) {
        assert!(video.rtx_of(each.payload_type).is_some(), "{each:?} is retransmitted");
    }
    // RFC 9143 §9.1.
    let mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
    assert!(audio.extension_id(mid).is_some() && video.extension_id(mid).is_some());
    assert_eq!(carried(MediaKind::Audio, &audio), audio);
    assert_eq!(carried(MediaKind::Video, &video), video);
}
