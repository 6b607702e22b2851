//! Attributes of streams: msid, sources, rids, simulcast.

use pollrtc_sdp::attribute::{Attribute, Rid, RidDirection, SimulcastList};
use pollrtc_sdp::{ErrorKind, Profile, Session};

use crate::support::{description, lenient, read, refused, verdict, verdicts, written_back};

#[test]
fn a_track_is_in_streams() {
    let longest = format!("msid:{0} {0}", "x".repeat(64));
    written_back(&[
        "msid:stream",
        "msid:stream track",
        "msid:- track",
        "msid:{9ad4bd7b-7f5b-4a5c-8f3a-0e7f3c1b7d52} {0c1f2b60-1a53-4c3d-9d1e-6f2a33b2a1f0}",
        &longest,
    ]);
    let identifier = "write 1 to 64 token characters as the stream's or track's id";
    refused(&[
        (&format!("msid:{}", "x".repeat(65)), &format!("column 1: {identifier}")),
        (
            &format!("msid:x {}", "x".repeat(65)),
            &format!("column 3: {identifier}"),
        ),
        ("msid:", &format!("column 1: {identifier}")),
        ("msid:a  b", &format!("column 3: {identifier}")),
        ("msid:a b c", "column 4: remove what follows: the value ends here"),
    ]);
    let text = description(&["msid:a t", "msid:b t", "msid:- t"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let streams: Vec<_> = media.msids().map(|msid| msid.stream_id()).collect();
    assert_eq!(streams, [Some("a"), Some("b"), None]);
}

#[test]
fn the_semantic_of_msids_is_read_whatever_it_says() {
    written_back(&["msid-semantic: WMS *", "msid-semantic:WMS", "msid-semantic:WMS a b"]);
    for text in [
        "msid-semantic: WMS a b",
        "msid-semantic:WMS a b",
        "msid-semantic:  WMS  a b",
    ] {
        let Ok(Attribute::MsidSemantic(semantic)) = read(text) else {
            panic!()
        };
        assert_eq!(
            (semantic.semantic(), semantic.streams().collect::<Vec<_>>()),
            ("WMS", vec!["a", "b"])
        );
    }
}

#[test]
fn sources_have_attributes() {
    written_back(&[
        "ssrc:1112854129 cname:9h25drs5kRC+DqfJ",
        "ssrc:1 msid:stream track",
        "ssrc:0 label:x",
        "ssrc:4294967295 flag",
        "ssrc:1 fmtp:96 a=b",
        "ssrc:1 cname:",
    ]);
    let ssrc = "column 1: write a number from 0 to 4294967295 as the synchronization source";
    refused(&[
        ("ssrc:4294967296 cname:x", ssrc),
        ("ssrc:99999999999999999999 cname:x", ssrc),
        ("ssrc:x cname:x", ssrc),
        (
            "ssrc:1",
            "column 2: write a token such as `cname` as the source's attribute",
        ),
        (
            "ssrc:1 :x",
            "column 2: write a token such as `cname` as the source's attribute",
        ),
    ]);
    let text = description(&[
        "ssrc:1 cname:c",
        "ssrc:1 msid:s t",
        "ssrc:1 mslabel:s",
        "ssrc:2 msid:- t",
    ]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let msids: Vec<_> = media
        .ssrcs()
        .filter_map(|ssrc| Some((ssrc.ssrc, ssrc.msid()?.stream_id())))
        .collect();
    assert_eq!(msids, [(1, Some("s")), (2, None)], "as before RFC 8830");
}

#[test]
fn groups_of_sources_may_be_empty() {
    written_back(&[
        "ssrc-group:FID 1 2",
        "ssrc-group:FEC-FR 1 2",
        "ssrc-group:SIM 1 2 3",
        "ssrc-group:X",
    ]);
    refused(&[
        (
            "ssrc-group:",
            "column 1: write a token such as `FID` as the group semantics",
        ),
        (
            "ssrc-group:FID 1 4294967296",
            "column 6: remove what follows: the value ends here",
        ),
    ]);
    let text = description(&["ssrc-group:FID 1 2", "ssrc-group:SIM 1 3 5"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let groups: Vec<_> = media
        .ssrc_groups()
        .map(|group| (group.semantics, group.ssrcs().collect::<Vec<_>>()))
        .collect();
    assert_eq!(groups, [("FID", vec![1, 2]), ("SIM", vec![1, 3, 5])]);
}

#[test]
fn rids_name_payload_types_first_and_then_restrictions() {
    written_back(&[
        "rid:1 send",
        "rid:a-b_C recv",
        "rid:1 send pt=97",
        "rid:1 send pt=97,98;max-width=1280;max-height=720;max-fps=30",
        "rid:1 recv max-fs=3600;max-br=1000;max-pps=1;max-bpp=0.25",
        "rid:2 send depend=1,0;max-width",
        "rid:2 send x-new=any text: {here}",
    ]);
    let restriction =
        "write `pt=` and payload types, then names and values, joined by `;`, as the RTP stream's restrictions";
    for wrong in ["pt=", "pt=128", "max-width=x", "max-bpp=1", "depend", "x y"] {
        assert!(read(&format!("rid:1 send {wrong}")).is_err(), "{wrong}");
        assert!(
            Rid::new("1", RidDirection::Send).with_parameters(wrong).is_err(),
            "{wrong}"
        );
    }
    refused(&[
        (
            "rid:a.b send",
            "column 2: write `send` or `recv` as the RTP stream's direction",
        ),
        (
            "rid: send",
            "column 1: write letters, digits, `-` or `_` as the RTP stream id",
        ),
        (
            "rid:1 both",
            "column 2: write `send` or `recv` as the RTP stream's direction",
        ),
        ("rid:1 send pt=", &format!("column 8: {restriction}")),
        (
            "rid:1 send max-width=1;pt=97",
            "column 19: remove what follows: the value ends here",
        ),
    ]);
    assert_eq!(RidDirection::Send.reversed(), RidDirection::Recv);
    let rid = Rid::new("1", RidDirection::Recv)
        .with_parameters("pt=97;max-br=5")
        .unwrap();
    assert_eq!(
        (rid.restriction("max-br"), rid.parameters()),
        (Some("5"), "pt=97;max-br=5")
    );
}

#[test]
fn malformed_rids_are_ignored() {
    let lines = ["rid:a.b send", "rid:1 send"];
    let [strict, jsep, tolerated] = verdicts(&lines);
    assert!(strict.is_err());
    assert_eq!((jsep.unwrap().len(), tolerated.unwrap().len()), (1, 1));
    let text = description(&lines);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(media.rids().map(|rid| rid.id).collect::<Vec<_>>(), ["1"]);
}

#[test]
fn rids_that_stand_twice_are_told_of() {
    let lines = ["rid:a send", "rid:b send", "rid:a recv"];
    let duplicate = ErrorKind::DuplicateRid;
    assert_eq!(
        verdicts(&lines),
        [Err(duplicate), Ok(vec![duplicate]), Ok(vec![duplicate])]
    );
    assert_eq!(verdict(Profile::Jsep, &lines).unwrap(), [(9, duplicate)]);
    // In another section they are others.
    let two = description(&["rid:a send"]) + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=rid:a send\r\n";
    assert!(Session::parse(&two).is_ok());
}

#[test]
fn what_stands_twice_is_told_of_whatever_the_case_of_its_name_and_the_space_behind_it() {
    let lines = ["RID:1 send", "Rid:1 send", "ExtMap:5 urn:a", "extmap:5 urn:b"];
    let [_, _, lenient] = verdicts(&lines);
    let lenient = lenient.unwrap();
    assert!(lenient.contains(&ErrorKind::DuplicateRid), "{lenient:?}");
    assert!(lenient.contains(&ErrorKind::DuplicateExtension), "{lenient:?}");
    let [_, jsep, _] = verdicts(&["rid:1 send ", "rid:1 send "]);
    assert!(jsep.unwrap().contains(&ErrorKind::DuplicateRid));
    let [_, jsep, _] = verdicts(&["extmap:5 urn:a ", "extmap:5 urn:b "]);
    assert_eq!(jsep, Err(ErrorKind::DuplicateExtension));
}

#[test]
fn simulcast_has_streams_with_alternatives() {
    written_back(&[
        "simulcast:send 1",
        "simulcast:recv 1;2;3",
        "simulcast:send 1,~4;2;~3 recv hi,lo",
    ]);
    let wrong = "write `send`, `recv` or both, each followed by rids joined by `;` and `,`, as the simulcast streams";
    for malformed in ["", "send", "send ;1", "both 1", "1;2", "send a.b~"] {
        assert!(read(&format!("simulcast:{malformed}")).is_err(), "{malformed}");
    }
    refused(&[
        ("simulcast:sendrecv 1", &format!("column 1: {wrong}")),
        (
            "simulcast:send 1;",
            "column 7: remove what follows: the value ends here",
        ),
        (
            "simulcast:send 1 send 2",
            "column 7: remove what follows: the value ends here",
        ),
    ]);
    // What follows the receiving list first is read too.
    let Ok(Attribute::Simulcast(simulcast)) = read("simulcast:recv 1 send 2") else {
        panic!()
    };
    assert_eq!(simulcast.to_string(), "send 2 recv 1");
    assert_eq!(SimulcastList::parse("1,~4;2").unwrap().rids().count(), 3);
    assert!(SimulcastList::parse("").is_err());
}

#[test]
fn malformed_simulcast_is_ignored_and_never_fatal() {
    for malformed in ["simulcast", "simulcast:", "simulcast:send 1;", "simulcast: send rid=1"] {
        let [strict, jsep, tolerated] = verdicts(&["rid:1 send", malformed]);
        assert!(strict.is_err(), "{malformed}");
        assert_eq!((jsep.unwrap().len(), tolerated.unwrap().len()), (1, 1), "{malformed}");
        let text = description(&["rid:1 send", malformed]);
        assert_eq!(Session::parse(&text).unwrap().media().next().unwrap().simulcast(), None);
    }
}

#[test]
fn simulcast_of_rids_that_nobody_defined_is_told_of() {
    let undefined = ErrorKind::UndefinedRid;
    let lines = ["simulcast:send 1;2 recv 3", "rid:1 send", "rid:3 recv"];
    assert_eq!(
        verdicts(&lines),
        [Err(undefined), Ok(vec![undefined]), Ok(vec![undefined])]
    );
    assert_eq!(verdict(Profile::Jsep, &lines).unwrap(), [(7, undefined)]);
    let lines = ["simulcast:send 1;~2", "rid:1 send", "rid:2 send"];
    assert_eq!(verdicts(&lines)[0], Ok(vec![]));
    // RFC 8853 §5.2: one to a section.
    let twice = ["rid:1 send", "simulcast:send 1", "simulcast:send 1"];
    assert_eq!(verdicts(&twice)[1], Ok(vec![ErrorKind::RepeatedAttribute]));
}

#[test]
fn the_third_draft_of_simulcast_is_read_by_the_lenient_profile() {
    let text = description(&["rid:1 send", "rid:2 send", "simulcast: send rid=1;2 recv rid=3"]);
    let simulcast = lenient(&text).media().next().unwrap().simulcast().unwrap();
    assert_eq!(simulcast.to_string(), "send 1;2 recv 3");
    assert!(
        Attribute::parse_lenient("simulcast", Some(b" send pt=1;2")).is_err(),
        "these are no rids"
    );
}

#[test]
fn twenty_thousand_ids_that_stand_twice_take_no_longer_each() {
    let lines = |count: usize| -> Vec<String> {
        (0..count)
            .map(|number| match number % 2 {
                0 => format!("extmap:{} urn:{}", number % 255 + 1, "x".repeat(30)),
                _ => format!("rid:{} send", number % 500),
            })
            .collect()
    };
    let findings = |count: usize| {
        let lines = lines(count);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        verdict(Profile::Lenient, &lines).unwrap().len()
    };
    assert_eq!(findings(200), 0);
    assert!(findings(20_000) > 9_000);
}
