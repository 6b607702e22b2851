//! When two codecs are the same.

use crate::support::{answer, audio, codec, listed, read, video};

fn same(a: &str, b: &str) -> bool {
    let (a, b) = (codec(a), codec(b));
    assert_eq!(a.matches(&b), b.matches(&a), "{a:?} and {b:?} match from one side only");
    a.matches(&b)
}

#[test]
fn names_are_the_same_in_any_case_and_clocks_and_channels_count() {
    assert!(same("opus/48000/2", "OPUS/48000/2"));
    assert!(!same("opus/48000/2", "opus/48000"));
    assert!(!same("G722/8000", "G722/16000"));
    assert!(same("G722/8000", "G722/8000/1"), "one channel goes without saying");
    assert!(!same("VP8/90000", "VP9/90000"));
}

#[test]
fn h264_profiles_are_compared_by_their_meaning() {
    let h264 = |profile: &str| format!("H264/90000 packetization-mode=1;profile-level-id={profile}");
    let alike = |a: &str, b: &str| same(&h264(a), &h264(b));
    // RFC 6184 §8.1, table 5: the ways to write each profile.
    assert!(
        alike("42e01f", "4de01f") && alike("42c01f", "58c01f"),
        "constrained baseline"
    );
    assert!(alike("42001f", "42a01f") && alike("42001f", "58801f"), "baseline");
    assert!(alike("4d001f", "4d401f"), "main");
    assert!(alike("58001f", "58101f"), "extended, with the flag for level 1b");
    assert!(
        alike("64001f", "640028") && !alike("64001f", "640c1f"),
        "high and constrained high"
    );
    let profiles = [
        "42e01f", "42001f", "4d001f", "58001f", "64001f", "640c1f", "6e001f", "7a001f", "f4001f", "2c101f",
    ];
    for (place, a) in profiles.iter().enumerate() {
        for b in &profiles[place + 1..] {
            assert!(!alike(a, b), "{a} is not {b}");
        }
    }
}

#[test]
fn h264_hex_digits_have_any_case_and_levels_may_differ() {
    assert!(same(
        "H264/90000 profile-level-id=42E01F",
        "H264/90000 profile-level-id=42e034"
    ));
}

#[test]
fn h264_packetization_modes_are_never_mixed() {
    let h264 = |parameters: &str| format!("H264/90000 profile-level-id=42e01f{parameters}");
    assert!(same(&h264(""), &h264(";packetization-mode=0")), "0 goes without saying");
    assert!(!same(&h264(""), &h264(";packetization-mode=1")));
    assert!(!same(&h264(";packetization-mode=2"), &h264(";packetization-mode=1")));
    assert!(
        !same(&h264(";packetization-mode=3"), &h264(";packetization-mode=3")),
        "there is no mode 3"
    );
}

#[test]
fn h264_without_a_profile_is_baseline() {
    // RFC 6184 §8.1.
    assert!(same("H264/90000", "H264/90000 profile-level-id=42000a"));
    assert!(!same("H264/90000", "H264/90000 profile-level-id=42e01f"));
}

#[test]
fn h264_with_a_malformed_profile_matches_nothing() {
    for bad in ["42e0", "42e01f00", "42e01g", "+2e01f", ""] {
        let bad = format!("H264/90000 profile-level-id={bad}");
        assert!(!same(&bad, &bad), "{bad}");
    }
}

#[test]
fn vp9_av1_and_h265_profiles_have_defaults() {
    assert!(same("VP9/90000", "VP9/90000 profile-id=0"));
    assert!(!same("VP9/90000 profile-id=2", "VP9/90000 profile-id=0"));
    assert!(same(
        "VP9/90000 max-fs=12288;max-fr=60",
        "VP9/90000 profile-id=0;max-fs=3600"
    ));

    assert!(same("AV1/90000", "AV1/90000 level-idx=5;profile=0;tier=0"));
    assert!(
        same("AV1/90000 level-idx=8;tier=1", "AV1/90000"),
        "level and tier are each side's own"
    );
    assert!(!same("AV1/90000 profile=1", "AV1/90000"));

    assert!(same(
        "H265/90000",
        "H265/90000 level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"
    ));
    assert!(same("H265/90000 interop-constraints=b00000000000", "H265/90000"));
    for other in [
        "profile-id=2",
        "profile-space=1",
        "tier-flag=1",
        "tx-mode=MRST",
        "interop-constraints=800000000000",
    ] {
        assert!(!same("H265/90000", &format!("H265/90000 {other}")), "{other}");
    }
    let compatible = "H265/90000 profile-compatibility-indicator=60000000";
    assert!(same("H265/90000", compatible));
    assert!(!same("H265/90000 profile-compatibility-indicator=40000000", compatible));
}

#[test]
fn parameters_that_only_declare_never_matter() {
    assert!(same("VP8/90000", "VP8/90000 max-fs=12288;max-fr=60"));
    assert!(same(
        "opus/48000/2 minptime=10;useinbandfec=1",
        "opus/48000/2 stereo=1;usedtx=1;cbr=1"
    ));
    assert!(same("telephone-event/8000 0-15", "telephone-event/8000"));
    assert!(
        !same("telephone-event/8000", "telephone-event/48000"),
        "one per clock rate"
    );
    assert!(!same("CN/8000", "CN/16000"), "one per clock rate");
}

#[test]
fn parameters_are_found_whatever_stands_around_them() {
    let codec = codec("H264/90000 ;; Packetization-Mode = 1 ; sprop-parameter-sets=Z0I=,aM4=; packetization-mode=0;");
    assert_eq!(codec.parameter("packetization-mode"), Some("1"));
    assert_eq!(codec.parameter("sprop-parameter-sets"), Some("Z0I=,aM4="));
    assert_eq!(codec.parameter("mode"), None);
}

/// What we answer to an offered H.264 with ours.
fn answered_h264(offered: &str, ours: &str) -> String {
    let fmtp = format!("a=fmtp:102 {offered}");
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 102",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:102 H264/90000",
        &fmtp,
    ]);
    let answer = answer(&offer, &video(&[&format!("H264/90000 {ours}")])).expect("the same codec");
    answer.codecs[0].codec.parameters.clone()
}

#[test]
fn an_answer_keeps_the_h264_profile_and_does_not_raise_the_level() {
    // Ours is lower.
    assert_eq!(
        answered_h264("profile-level-id=42e034", "profile-level-id=42e01f"),
        "profile-level-id=42e01f"
    );
    // Ours is higher: the offer's level stays, and the bytes are the offer's.
    assert_eq!(
        answered_h264("profile-level-id=4de01f", "profile-level-id=42e034"),
        "profile-level-id=4de01f"
    );
    // Only one side lets the levels differ.
    assert_eq!(
        answered_h264(
            "profile-level-id=42e01f",
            "level-asymmetry-allowed=1;profile-level-id=42e034"
        ),
        "level-asymmetry-allowed=1;profile-level-id=42e01f"
    );
}

#[test]
fn an_answer_has_its_own_h264_level_if_both_sides_let_levels_differ() {
    assert_eq!(
        answered_h264(
            "level-asymmetry-allowed=1;profile-level-id=42e01f",
            "level-asymmetry-allowed=1;profile-level-id=42e034"
        ),
        "level-asymmetry-allowed=1;profile-level-id=42e034"
    );
}

#[test]
fn h264_level_1b_lies_between_1_and_1_1() {
    // Level 1b is 11 with a flag in baseline, main and extended.
    assert_eq!(
        answered_h264("profile-level-id=42f00b", "profile-level-id=42e00b"),
        "profile-level-id=42f00b"
    );
    assert_eq!(
        answered_h264("profile-level-id=42e00b", "profile-level-id=42f00b"),
        "profile-level-id=42f00b"
    );
    assert_eq!(
        answered_h264("profile-level-id=42f00b", "profile-level-id=42e00a"),
        "profile-level-id=42e00a"
    );
    // In high it is 9, which is more than 10.
    assert_eq!(
        answered_h264("profile-level-id=640009", "profile-level-id=64000a"),
        "profile-level-id=64000a"
    );
    assert_eq!(
        answered_h264("profile-level-id=64000b", "profile-level-id=640009"),
        "profile-level-id=640009"
    );
}

#[test]
fn an_h265_answer_keeps_the_configuration_and_does_not_raise_the_level() {
    let offer = read(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 49",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:49 H265/90000",
        "a=fmtp:49 level-id=93;profile-id=1;interop-constraints=B00000000000",
    ]);
    let answer = answer(&offer, &video(&["H265/90000 level-id=180;tx-mode=SRST"])).unwrap();
    assert_eq!(
        listed(&answer),
        ["49 H265 level-id=93;tx-mode=SRST;profile-id=1;interop-constraints=B00000000000"]
    );
}

#[test]
fn declarations_are_each_sides_own() {
    let offer = read(&[
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1",
    ]);
    let answer = answer(&offer, &audio(&["opus/48000/2 usedtx=1;maxplaybackrate=16000"])).unwrap();
    let agreed = offer.accept(&answer).unwrap().reversed();
    assert_eq!(
        agreed.send.codecs[0].codec.parameters,
        "minptime=10;useinbandfec=1;stereo=1"
    );
    assert_eq!(
        agreed.receive.codecs[0].codec.parameters,
        "usedtx=1;maxplaybackrate=16000"
    );
}
