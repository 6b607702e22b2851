//! Sources that a section names.

use pollrtc_jsep::rtp::RtpSources;
use pollrtc_sdp::Session;

use crate::support::description;

fn sources(lines: &[&str]) -> RtpSources {
    let mut all = vec![
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
    ];
    all.extend(lines);
    let text = description(&all);
    let session = Session::parse(&text).expect("a description");
    RtpSources::read(&session.media().next().expect("a section"))
}

#[test]
fn a_browsers_track_has_a_source_and_one_that_retransmits() {
    let sources = sources(&[
        "a=ssrc-group:FID 1 2",
        "a=ssrc-group:FEC-FR 1 3",
        "a=ssrc:1 cname:c",
        "a=ssrc:1 msid:stream track",
        "a=ssrc:2 cname:c",
        "a=ssrc:2 msid:stream track",
        "a=ssrc:3 cname:c",
    ]);
    assert_eq!(
        (sources.rtx_of(1), sources.fec_of(1), sources.rtx_of(2)),
        (Some(2), Some(3), None)
    );
    let tracks = sources.tracks();
    assert_eq!(tracks.len(), 1);
    assert_eq!(tracks[0].layers, [1]);
    assert_eq!(tracks[0].msid, Some(("stream".to_owned(), Some("track".to_owned()))));
    assert_eq!(sources.sources[0].cname.as_deref(), Some("c"));
}

#[test]
fn several_tracks_of_plan_b_in_one_section_are_told_apart() {
    let sources = sources(&[
        "a=ssrc:1 cname:c",
        "a=ssrc:1 msid:alice camera",
        "a=ssrc:2 msid:bob camera",
        "a=ssrc:2 cname:c",
        "a=ssrc:4 cname:c",
        "a=ssrc-group:FID 2 4",
        "a=ssrc:3 msid:bob",
    ]);
    let tracks: Vec<_> = sources
        .tracks()
        .into_iter()
        .map(|track| (track.msid.expect("a name").0, track.layers))
        .collect();
    assert_eq!(
        tracks,
        [
            ("alice".to_owned(), vec![1]),
            ("bob".to_owned(), vec![2]),
            ("bob".to_owned(), vec![3])
        ]
    );
}

#[test]
fn layers_of_an_old_simulcast_group_are_told_in_order() {
    let sources = sources(&[
        "a=ssrc-group:SIM 30 10 20",
        "a=ssrc-group:FID 30 31",
        "a=ssrc-group:FID 10 11",
        "a=ssrc-group:FID 20 21",
        "a=ssrc:10 msid:s t",
        "a=ssrc:11 msid:s t",
        "a=ssrc:20 msid:s t",
        "a=ssrc:21 msid:s t",
        "a=ssrc:30 msid:s t",
        "a=ssrc:31 msid:s t",
    ]);
    let tracks = sources.tracks();
    assert_eq!(tracks.len(), 1);
    assert_eq!(tracks[0].layers, [30, 10, 20]);
    assert_eq!(
        tracks[0]
            .layers
            .iter()
            .map(|layer| sources.rtx_of(*layer))
            .collect::<Vec<_>>(),
        [Some(31), Some(11), Some(21)]
    );
}

#[test]
fn groups_that_make_no_sense_do_no_harm() {
    let sources = sources(&[
        "a=ssrc-group:SIM",
        "a=ssrc-group:SIM 1 1 1",
        "a=ssrc-group:FID 1",
        "a=ssrc-group:FID 1 1",
        "a=ssrc-group:SIM 2 1",
        "a=ssrc:1 cname",
        "a=ssrc:1 msid:",
    ]);
    assert_eq!(sources.sources.len(), 1);
    assert!(
        sources.tracks().is_empty(),
        "the only source says that it repairs itself"
    );
}
