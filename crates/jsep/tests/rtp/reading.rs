//! What a section says, and what it only seems to say.

use crate::support::{listed, read};

#[test]
fn static_payload_types_need_no_rtpmap() {
    let offer = read(&["m=audio 9 RTP/AVP 0 8 9 13 18 77 96", "c=IN IP4 0.0.0.0"]);
    assert_eq!(listed(&offer), ["0 PCMU", "8 PCMA", "9 G722", "13 CN", "18 G729"]);
    assert_eq!(offer.codec(9).unwrap().clock_rate, 8_000, "RFC 3551 §4.5.2");
}

#[test]
fn an_rtpmap_comes_before_what_a_payload_type_stands_for_else() {
    let offer = read(&["m=audio 9 RTP/AVP 0", "c=IN IP4 0.0.0.0", "a=rtpmap:0 opus/48000/2"]);
    assert_eq!(listed(&offer), ["0 opus"]);
}

#[test]
fn what_is_not_on_the_m_line_does_not_count() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98 96",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:97 VP9/90000",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:96 H264/90000",
        "a=fmtp:97 profile-id=2",
        "a=rtcp-fb:97 nack",
    ]);
    assert_eq!(
        listed(&offer),
        ["96 VP8"],
        "and of several for one payload type the first counts"
    );
}

#[test]
fn payload_types_that_could_be_rtcp_are_not_used_on_its_port() {
    let lines = ["m=video 9 UDP/TLS/RTP/SAVPF 72 64 95 96 63", "c=IN IP4 0.0.0.0"];
    let maps = [72, 64, 95, 96, 63].map(|payload_type| format!("a=rtpmap:{payload_type} VP8/90000"));
    let mut lines: Vec<&str> = lines.into_iter().chain(maps.iter().map(String::as_str)).collect();
    assert_eq!(read(&lines).format_list(), "72 64 95 96 63");
    lines.push("a=rtcp-mux");
    assert_eq!(read(&lines).format_list(), "96 63", "RFC 5761 §4");
}

#[test]
fn feedback_for_all_is_feedback_of_each() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        "c=IN IP4 0.0.0.0",
        "a=rtcp-fb:* nack",
        "a=rtcp-fb:* ccm fir",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:97 VP9/90000",
        "a=rtcp-fb:97 nack pli",
        "a=rtcp-fb:97 nack",
    ]);
    let feedback = |payload_type| -> Vec<String> {
        let codec = offer.codec(payload_type).unwrap();
        codec.feedback.iter().map(ToString::to_string).collect()
    };
    assert_eq!(feedback(96), ["nack", "ccm fir"]);
    assert_eq!(feedback(97), ["nack pli", "nack", "ccm fir"]);
}

#[test]
fn parameters_on_several_lines_are_read_as_one() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:102 H264/90000",
        "a=fmtp:102 profile-level-id=42e01f",
        "a=fmtp:102 packetization-mode=1",
    ]);
    assert_eq!(offer.codec(102).unwrap().parameter("packetization-mode"), Some("1"));
}

#[test]
fn a_section_without_anything_says_nothing() {
    let offer = read(&["m=video 9 UDP/TLS/RTP/SAVPF x", "c=IN IP4 0.0.0.0"]);
    assert_eq!(offer, pollrtc_jsep::rtp::RtpParameters::default());
}
