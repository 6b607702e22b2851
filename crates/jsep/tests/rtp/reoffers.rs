//! Offers after an answer (RFC 9429 §5.2.2).

use pollrtc_jsep::rtp::{
    BundleIds, CodecOrder, HeaderExtension, MediaKind, NegotiatedRtp, RtpCapabilities, RtpParameters,
};

use crate::support::{able_to_extend, answer, codec, extensions, listed, offer, read, video};

/// Offers again after what was agreed.
fn again(capabilities: &RtpCapabilities, previous: &NegotiatedRtp) -> RtpParameters {
    RtpParameters::offer(capabilities, Some(previous), &mut BundleIds::new())
}

#[test]
fn codecs_stand_in_the_order_of_the_last_answer_and_new_ones_after() {
    let mut ours = video(&["VP8/90000", "VP9/90000", "H264/90000", "rtx/90000"]);
    let first = offer(&ours);
    let answered = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 105 98 99",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:105 H264/90000",
        "a=rtpmap:98 VP9/90000",
        "a=rtpmap:99 rtx/90000",
        "a=fmtp:99 apt=98",
    ]);
    assert_eq!(
        listed(&first),
        [
            "96 VP8",
            "97 rtx apt=96",
            "98 VP9",
            "99 rtx apt=98",
            "105 H264",
            "106 rtx apt=105"
        ]
    );
    let agreed = first.accept(&answered).unwrap();
    ours.codecs.push(codec("AV1/90000"));
    assert_eq!(
        listed(&again(&ours, &agreed)),
        [
            "105 H264",
            "98 VP9",
            "99 rtx apt=98",
            "96 VP8",
            "97 rtx apt=96",
            "106 rtx apt=105",
            "45 AV1",
            "46 rtx apt=45"
        ],
    );
}

#[test]
fn a_payload_type_never_stands_for_another_codec_while_the_bundle_lives() {
    let mut ours = video(&["VP8/90000", "VP9/90000", "rtx/90000"]);
    let mut bundle = BundleIds::new();
    let first = RtpParameters::offer(&ours, None, &mut bundle);
    assert_eq!(listed(&first), ["96 VP8", "97 rtx apt=96", "98 VP9", "99 rtx apt=98"]);
    let agreed = first.accept(&answer(&first, &video(&["VP9/90000"])).unwrap()).unwrap();
    ours.codecs.insert(0, codec("AV1/90000"));
    assert_eq!(
        listed(&RtpParameters::offer(&ours, Some(&agreed), &mut bundle)),
        [
            "98 VP9",
            "45 AV1",
            "46 rtx apt=45",
            "96 VP8",
            "97 rtx apt=96",
            "99 rtx apt=98"
        ],
    );
}

#[test]
fn codec_preferences_decide_the_reoffers_order() {
    let mut ours = video(&["VP8/90000", "VP9/90000"]);
    let first = offer(&ours);
    let agreed = first.accept(&answer(&first, &ours).unwrap()).unwrap();
    ours.codecs.reverse();
    assert_eq!(listed(&again(&ours, &agreed)), ["96 VP8", "98 VP9"]);
    ours.order = CodecOrder::Preferred;
    assert_eq!(listed(&again(&ours, &agreed)), ["98 VP9", "96 VP8"]);
}

#[test]
fn what_we_can_no_longer_do_is_not_offered_again() {
    let first = offer(&video(&["VP8/90000", "VP9/90000"]));
    let agreed = first.accept(&first.clone()).unwrap();
    assert_eq!(listed(&again(&video(&["VP9/90000"]), &agreed)), ["98 VP9"]);
}

#[test]
fn an_answerer_offers_the_payload_types_that_it_answered() {
    let offer = read(&[
        "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 101",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:109 opus/48000/2",
        "a=rtpmap:9 G722/8000/1",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
    ]);
    let ours = RtpCapabilities::of(MediaKind::Audio);
    let answer = answer(&offer, &ours).unwrap();
    let agreed = offer.accept(&answer).unwrap().reversed();
    let reoffer = again(&ours, &agreed);
    assert_eq!(
        listed(&reoffer)[..3],
        [
            "109 opus minptime=10;useinbandfec=1",
            "9 G722",
            "101 telephone-event 0-15"
        ]
    );
    assert_eq!(listed(&reoffer)[3], "63 red 109/109", "and what is new refers to them");
}

#[test]
fn h264_is_offered_again_at_our_own_level() {
    let ours = video(&["H264/90000 profile-level-id=42e034"]);
    let first = offer(&ours);
    let answer = answer(&first, &video(&["H264/90000 profile-level-id=42e00d"])).unwrap();
    let agreed = first.accept(&answer).unwrap();
    assert_eq!(listed(&agreed.receive), ["114 H264 profile-level-id=42e00d"]);
    assert_eq!(listed(&again(&ours, &agreed)), ["114 H264 profile-level-id=42e034"]);
}

#[test]
fn only_the_answers_extensions_are_offered_again() {
    let ours = able_to_extend(&["urn:a", "urn:b", "urn:c"]);
    let first = offer(&ours);
    let mut theirs = able_to_extend(&["urn:c", "urn:a"]);
    theirs.header_extensions[0].direction = pollrtc_sdp::attribute::Direction::RecvOnly;
    let agreed = first.accept(&answer(&first, &theirs).unwrap()).unwrap();
    let mut ours = ours;
    ours.header_extensions.push(HeaderExtension::new("urn:new"));
    assert_eq!(extensions(&again(&ours, &agreed)), ["9 urn:a", "2 urn:c"]);
    assert_eq!(extensions(&again(&able_to_extend(&["urn:c"]), &agreed)), ["2 urn:c"]);
}

#[test]
fn only_the_answers_feedback_is_offered_again_but_for_new_codecs() {
    let feedback = ["nack", "nack pli", "transport-cc"];
    let mut ours = video(&[]);
    ours.codecs.push(codec("VP8/90000").with_feedback(feedback));
    let first = offer(&ours);
    let mut theirs = video(&[]);
    theirs.codecs.push(codec("VP8/90000").with_feedback(["nack"]));
    let agreed = first.accept(&answer(&first, &theirs).unwrap()).unwrap();
    ours.codecs.push(codec("VP9/90000").with_feedback(feedback));
    let reoffer = again(&ours, &agreed);
    let counts: Vec<usize> = reoffer.codecs.iter().map(|each| each.codec.feedback.len()).collect();
    assert_eq!((reoffer.format_list().as_str(), counts), ("96 98", vec![1, 3]));
}

#[test]
fn reduced_size_rtcp_is_offered_again_only_if_it_was_answered() {
    let ours = video(&["VP8/90000"]);
    let mut theirs = ours.clone();
    theirs.rtcp_rsize = false;
    let first = offer(&ours);
    assert!(first.rtcp_rsize);
    let agreed = first.accept(&answer(&first, &theirs).unwrap()).unwrap();
    assert!(!again(&ours, &agreed).rtcp_rsize);
}

#[test]
fn variants_that_are_one_codec_to_us_are_all_offered_again() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 102 104 103",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 profile-level-id=42e034",
        "a=rtpmap:104 H264/90000",
        "a=fmtp:104 profile-level-id=42e00d",
        "a=rtpmap:103 rtx/90000",
        "a=fmtp:103 apt=104",
    ]);
    let ours = video(&["VP8/90000", "H264/90000 profile-level-id=42e01f", "rtx/90000"]);
    let agreed = offer.accept(&answer(&offer, &ours).unwrap()).unwrap().reversed();
    assert_eq!(again(&ours, &agreed).format_list(), "102 104 103 96 97 105");
}
