//! Simulcast: `a=rid` and `a=simulcast`.

use pollrtc_jsep::rtp::{Layer, MediaKind, Rid, RtpParameters, Simulcast, SimulcastStream};
use pollrtc_sdp::attribute::RidDirection;

use crate::support::{answer, carried, codec, offer, read, video};

/// An offer of VP8 with these attributes.
fn offering(attributes: &[&str]) -> RtpParameters {
    let mut lines = vec![
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
        "a=rtpmap:98 VP9/90000",
    ];
    lines.extend(attributes);
    read(&lines)
}

/// Our answer, which keeps all layers.
fn answering(offer: &RtpParameters) -> RtpParameters {
    let mut answer = answer(offer, &video(&["VP8/90000"])).unwrap();
    answer.answer_simulcast(offer, |_, _| true);
    answer
}

/// The lines that are written.
fn lines(parameters: &RtpParameters) -> Vec<String> {
    let text = crate::support::written(MediaKind::Video, parameters).to_string();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("a=rid") || line.starts_with("a=simulcast"));
    lines.map(str::to_owned).collect()
}

fn rids(parameters: &RtpParameters) -> Vec<&str> {
    parameters.rids.iter().map(|rid| rid.id.as_str()).collect()
}

fn layers(streams: &[SimulcastStream]) -> Vec<Vec<&str>> {
    let stream = |stream: &'_ SimulcastStream| -> Vec<usize> { (0..stream.alternatives.len()).collect() };
    streams
        .iter()
        .map(|each| {
            stream(each)
                .into_iter()
                .map(|at| each.alternatives[at].rid.as_str())
                .collect()
        })
        .collect()
}

const THREE: [&str; 4] = ["a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f"];

#[test]
fn layers_are_offered_with_a_rid_each() {
    let mut offer = offer(&video(&["VP8/90000"]));
    offer.offer_simulcast(Simulcast::send(["q", "h", "f"]));
    assert_eq!(lines(&offer), THREE);
    assert_eq!(carried(MediaKind::Video, &offer), offer);
}

#[test]
fn one_layer_with_a_name_is_no_simulcast() {
    let mut offer = offer(&video(&["VP8/90000"]));
    offer.offer_simulcast(Simulcast::send(["q"]));
    assert_eq!(lines(&offer), ["a=rid:q send"], "RFC 9429 §5.2.1");
}

#[test]
fn an_answer_turns_the_directions_round() {
    let offer = offering(&[
        "a=rid:1 send",
        "a=rid:2 send",
        "a=rid:3 recv",
        "a=simulcast:send 1;2 recv 3",
    ]);
    let answer = answering(&offer);
    assert_eq!(
        lines(&answer),
        [
            "a=rid:1 recv",
            "a=rid:2 recv",
            "a=rid:3 send",
            "a=simulcast:send 3 recv 1;2"
        ]
    );
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(layers(&agreed.send.simulcast.send), [["1"], ["2"]]);
    assert_eq!(layers(&agreed.receive.simulcast.receive), [["3"]]);
    assert_eq!((rids(&agreed.send), rids(&agreed.receive)), (vec!["1", "2"], vec!["3"]));
    let theirs = agreed.reversed();
    assert_eq!(layers(&theirs.receive.simulcast.receive), [["1"], ["2"]]);
    assert_eq!(theirs.send.rids[0].direction, RidDirection::Send);
}

#[test]
fn an_answer_may_keep_fewer_layers_and_alternatives_but_adds_none() {
    let offer = offering(&[
        "a=rid:1 send",
        "a=rid:2 send",
        "a=rid:3 send",
        "a=rid:4 send",
        "a=simulcast:send 1;2,3;4",
    ]);
    let mut answer = answer(&offer, &video(&["VP8/90000"])).unwrap();
    answer.answer_simulcast(&offer, |direction, rid| {
        assert_eq!(direction, RidDirection::Recv, "as we see it");
        matches!(rid, "3" | "4" | "9")
    });
    assert_eq!(lines(&answer), ["a=rid:3 recv", "a=rid:4 recv", "a=simulcast:recv 3;4"]);
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(layers(&agreed.send.simulcast.send), [["3"], ["4"]]);

    // One that adds is not followed there.
    let greedy = offering(&["a=rid:1 recv", "a=rid:8 recv", "a=rid:2 send", "a=simulcast:recv 8;1;2"]);
    let agreed = offer.accept(&greedy).unwrap();
    assert_eq!(layers(&agreed.send.simulcast.send), [["1"]]);
    assert_eq!(rids(&agreed.send), ["1"]);
}

#[test]
fn without_simulcast_in_the_answer_there_is_one_stream() {
    let offer = offering(&THREE);
    let plain = answer(&offer, &video(&["VP8/90000"])).unwrap();
    let agreed = offer.accept(&plain).unwrap();
    assert!(agreed.send.simulcast.is_empty() && agreed.send.rids.is_empty());

    // The rids alone don't make it simulcast: the first of them is what is sent.
    let named = offering(&["a=rid:q recv", "a=rid:h recv", "a=rid:f recv"]);
    assert_eq!(rids(&offer.accept(&named).unwrap().send), ["q"]);
}

#[test]
fn rids_that_stand_for_two_streams_stand_for_none() {
    // RFC 8851 §6.2.2.
    let offer = offering(&["a=rid:1 send", "a=rid:2 send", "a=rid:1 recv", "a=simulcast:send 1;2"]);
    assert_eq!(rids(&offer), ["2"]);
    assert_eq!(layers(&offer.simulcast.send), [["2"]]);
}

#[test]
fn bad_simulcast_is_ignored_and_never_fatal() {
    let rids = ["a=rid:1 send", "a=rid:2 send", "a=rid:3 recv"];
    for bad in [
        "send 1;2 send 1",
        "send",
        "send 1;;2",
        "both 1;2",
        "send ~",
        "send 1;2 recv",
        "1;2",
        "send 1;2;",
    ] {
        let attribute = format!("a=simulcast:{bad}");
        let lines: Vec<&str> = rids.into_iter().chain([attribute.as_str()]).collect();
        let offer = offering(&lines);
        assert!(offer.simulcast.is_empty(), "{bad}");
        assert_eq!(offer.rids.len(), 3, "{bad}");
    }
    let twice: Vec<&str> = rids
        .into_iter()
        .chain(["a=simulcast:send 1", "a=simulcast:send 2"])
        .collect();
    assert!(offering(&twice).simulcast.is_empty(), "RFC 8853 §5.3.2");
}

#[test]
fn streams_that_no_rid_defines_are_left_out() {
    let offer = offering(&["a=rid:1 send", "a=rid:3 recv", "a=simulcast:send 1;9,3;1"]);
    assert_eq!(
        layers(&offer.simulcast.send),
        [["1"]],
        "3 goes the other way, 1 is there already"
    );
}

#[test]
fn the_form_of_draft_3_is_read() {
    let offer = offering(&["a=rid:1 send", "a=rid:2 send", "a=simulcast: send rid=1;2"]);
    assert_eq!(layers(&offer.simulcast.send), [["1"], ["2"]]);
}

#[test]
fn payload_types_of_a_rid_are_those_of_the_section() {
    let offer = offering(&[
        "a=rid:1 send pt=98,77,96,98",
        "a=rid:2 send pt=77",
        "a=rid:3 send pt=98",
    ]);
    assert_eq!(rids(&offer), ["1", "3"]);
    assert_eq!(offer.rids[0].payload_types, [98, 96]);
    // We only have VP8.
    assert_eq!(lines(&answering(&offer)), ["a=rid:1 recv pt=96"]);
}

#[test]
fn restrictions_have_to_be_understood_by_who_sends() {
    let offer = offering(&[
        "a=rid:1 recv max-width=1280;max-fps=30",
        "a=rid:2 recv max-width=640;max-smell=3",
        "a=rid:3 send max-smell=3",
    ]);
    assert_eq!(
        lines(&answering(&offer)),
        ["a=rid:1 send max-width=1280;max-fps=30", "a=rid:3 recv max-smell=3"]
    );
}

#[test]
fn restrictions_may_get_tighter_but_not_looser() {
    // RFC 8851 §6.4.
    let offer = offering(&["a=rid:1 send max-width=1280;max-height", "a=rid:2 send pt=96"]);
    let agreed = |answered: &str| {
        let line = format!("a=rid:{answered}");
        rids(&offer.accept(&offering(&[&line])).unwrap().send).join(" ")
    };
    assert_eq!(agreed("1 recv max-width=640;max-height=480"), "1");
    assert_eq!(agreed("1 recv"), "1");
    assert_eq!(agreed("1 recv max-width=1920"), "");
    assert_eq!(agreed("1 recv max-fps=30"), "", "not offered");
    assert_eq!(agreed("1 recv pt=96"), "", "the offer named no payload types");
    assert_eq!(agreed("2 recv pt=96"), "2");
    assert_eq!(agreed("2 recv pt=98"), "", "another codec");
    assert_eq!(agreed("1 send"), "", "both can't send it");
}

#[test]
fn streams_that_depend_on_others_go_with_them() {
    let all = [
        "a=rid:1 send",
        "a=rid:2 send depend=1",
        "a=rid:3 send depend=2",
        "a=rid:4 send depend=9",
    ];
    let offer = offering(&all);
    assert_eq!(rids(&offer), ["1", "2", "3"]);
    let mut answer = answer(&offer, &video(&["VP8/90000"])).unwrap();
    answer.answer_simulcast(&offer, |_, rid| rid != "1");
    assert!(answer.rids.is_empty());
}

#[test]
fn pauses_are_answered_if_both_sides_know_them() {
    let lines = ["a=rid:1 send", "a=rid:2 send", "a=simulcast:send 1;~2"];
    let paused = |parameters: &RtpParameters| parameters.simulcast.receive[1].alternatives[0].paused;
    assert!(!paused(&answering(&offering(&lines))), "RFC 8853 §5.3.2");

    let mut with_feedback = lines.to_vec();
    with_feedback.push("a=rtcp-fb:* ccm pause nowait");
    let offer = offering(&with_feedback);
    let mut ours = video(&[]);
    ours.codecs.push(codec("VP8/90000").with_feedback(["ccm pause nowait"]));
    let mut answer = answer(&offer, &ours).unwrap();
    answer.answer_simulcast(&offer, |_, _| true);
    assert!(paused(&answer));
}

#[test]
fn a_reoffer_pauses_a_layer_and_prefers_another() {
    let mut offer = offer(&video(&["VP8/90000"]));
    let layer = |rid: &str, paused| SimulcastStream {
        alternatives: vec![Layer {
            rid: rid.to_owned(),
            paused,
        }],
    };
    offer.offer_simulcast(Simulcast {
        send: vec![layer("f", true), layer("q", false), layer("h", false)],
        receive: Vec::new(),
    });
    assert_eq!(lines(&offer).last().unwrap(), "a=simulcast:send ~f;q;h");
    let answer = offering(&[
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv ~h;f;q",
    ]);
    let agreed = offer.accept(&answer).unwrap();
    assert_eq!(
        layers(&agreed.send.simulcast.send),
        [["h"], ["f"], ["q"]],
        "in the order of who receives"
    );
    let paused: Vec<bool> = agreed
        .send
        .simulcast
        .send
        .iter()
        .map(|each| each.alternatives[0].paused)
        .collect();
    assert_eq!(paused, [true, false, false], "and paused as they want it");
}

#[test]
fn restrictions_are_written_as_they_are_read() {
    let mut offer = offer(&video(&["VP8/90000"]));
    offer.rids.push(Rid {
        payload_types: vec![96],
        restrictions: vec![
            ("max-width".to_owned(), Some("1280".to_owned())),
            ("max-fps".to_owned(), None),
        ],
        ..Rid::new("hi", RidDirection::Send)
    });
    offer.offer_simulcast(Simulcast::send(["hi", "lo"]));
    assert_eq!(
        lines(&offer),
        [
            "a=rid:hi send pt=96;max-width=1280;max-fps",
            "a=rid:lo send",
            "a=simulcast:send hi;lo"
        ]
    );
    assert_eq!(carried(MediaKind::Video, &offer), offer);
}

#[test]
fn the_example_of_rfc_8853_is_answered_as_there() {
    // §5.6.1.
    let offer = read(&[
        "m=video 49300 RTP/AVP 97 98",
        "a=rtpmap:97 H264/90000",
        "a=rtpmap:98 H264/90000",
        "a=fmtp:97 profile-level-id=42c01f;max-fs=3600;max-mbps=108000",
        "a=fmtp:98 profile-level-id=42c00b;max-fs=240;max-mbps=3600",
        "a=rid:1 send pt=97",
        "a=rid:2 send pt=98",
        "a=rid:3 recv pt=97",
        "a=simulcast:send 1;2 recv 3",
    ]);
    let mut answer = answer(&offer, &video(&["H264/90000 profile-level-id=42c01f"])).unwrap();
    answer.answer_simulcast(&offer, |_, _| true);
    assert_eq!(
        lines(&answer),
        [
            "a=rid:1 recv pt=97",
            "a=rid:2 recv pt=98",
            "a=rid:3 send pt=97",
            "a=simulcast:send 3 recv 1;2"
        ]
    );
}
