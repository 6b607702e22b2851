//! Attributes of RTP sections: formats, feedback, header extensions, RTCP.

use pollrtc_sdp::attribute::{Attribute, Direction, RtpMap};
use pollrtc_sdp::{ErrorKind, Profile, Session};

use crate::support::{description, lenient, read, refused, verdict, verdicts, written_back};

#[test]
fn formats_are_mapped_to_codecs() {
    written_back(&[
        "rtpmap:0 PCMU/8000",
        "rtpmap:111 opus/48000/2",
        "rtpmap:127 vnd.onvif.metadata/90000",
    ]);
    refused(&[
        (
            "rtpmap:128 VP8/90000",
            "column 1: write a number from 0 to 127 as the payload type",
        ),
        (
            "rtpmap: 96 VP8/90000",
            "column 1: write a number from 0 to 127 as the payload type",
        ),
        (
            "rtpmap:96",
            "column 3: write a token such as `opus` as the encoding's name",
        ),
        (
            "rtpmap:96 VP8",
            "column 7: write `/` and a number from 1 as the clock rate",
        ),
        (
            "rtpmap:96 VP8/0",
            "column 7: write `/` and a number from 1 as the clock rate",
        ),
        (
            "rtpmap:96 VP8/4294967296",
            "column 7: write `/` and a number from 1 as the clock rate",
        ),
        (
            "rtpmap:96 opus/48000/0",
            "column 15: write a number from 1 as the number of channels",
        ),
        (
            "rtpmap:96 opus/48000/2/1",
            "column 16: remove what follows: the value ends here",
        ),
    ]);
    assert!(verdicts(&["rtpmap:96 VP8"])[1].is_err(), "RFC 9429 §5.8");
}

#[test]
fn what_is_said_of_formats_that_are_not_listed_means_nothing() {
    let lines = [
        "rtpmap:96 VP8/90000",
        "rtpmap:98 VP9/90000",
        "fmtp:99 x=y",
        "rtcp-fb:100 nack",
        "rtcp-fb:* nack",
        "fmtp:red x",
    ];
    for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
        assert_eq!(
            verdict(profile, &lines),
            Ok(vec![
                (8, ErrorKind::UnlistedFormat),
                (9, ErrorKind::UnlistedFormat),
                (10, ErrorKind::UnlistedFormat)
            ])
        );
    }
    let text = description(&lines);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert!(media.rtp_map(96).is_some() && media.rtp_map(98).is_none());
}

#[test]
fn payload_types_that_everybody_knows_need_no_map() {
    let text = description(&[]).replace("96 97", "0 8 13 96");
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let written = |payload_type| media.rtp_map(payload_type).map(|map| map.to_string());
    assert_eq!(written(0).as_deref(), Some("0 PCMU/8000"));
    assert_eq!(written(8).as_deref(), Some("8 PCMA/8000"));
    assert_eq!(written(13).as_deref(), Some("13 CN/8000"));
    assert_eq!((written(9), written(96)), (None, None), "not listed, not known");
    assert_eq!(
        RtpMap::of_static(9).unwrap().clock_rate,
        8_000,
        "RFC 3551 §4.5.2: for history's sake"
    );
    assert_eq!(RtpMap::of_static(10).unwrap().channel_count(), 2);
    assert_eq!(RtpMap::of_static(11).unwrap().channel_count(), 1);
    let known = (0..=127)
        .filter(|payload_type| RtpMap::of_static(*payload_type).is_some())
        .count();
    assert_eq!(known, 24);
    // One that is written counts.
    let text = description(&["rtpmap:0 telephone-event/8000"]).replace("96 97", "0");
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert!(media.rtp_map(0).unwrap().is("Telephone-Event"));
}

#[test]
fn parameters_of_formats_are_kept_and_taken_apart() {
    written_back(&[
        "fmtp:96 profile-level-id=42e01f;packetization-mode=1",
        "fmtp:101 0-15",
        "fmtp:63 111/111",
        "fmtp:96 a=b; c ;;d=e=f;",
        "fmtp:96  two spaces",
    ]);
    let Ok(Attribute::Fmtp(fmtp)) = read("fmtp:96 a = b ; c ;;d=e=f;") else {
        panic!()
    };
    assert_eq!(
        fmtp.parameters().collect::<Vec<_>>(),
        [("a", Some("b")), ("c", None), ("d", Some("e=f"))]
    );
    assert_eq!(
        (fmtp.payload_type(), fmtp.get("D"), fmtp.get("x")),
        (Some(96), Some("e=f"), None)
    );
    let [strict, jsep, lenient] = verdicts(&["fmtp:96"]);
    assert!(strict.is_err());
    assert_eq!((jsep.unwrap().len(), lenient.unwrap().len()), (1, 1), "as good as none");
}

#[test]
fn feedback_of_any_kind_is_kept() {
    written_back(&[
        "rtcp-fb:* nack",
        "rtcp-fb:96 nack pli",
        "rtcp-fb:96 ack rpsi",
        "rtcp-fb:96 trr-int 100",
        "rtcp-fb:96 ccm fir",
        "rtcp-fb:96 ccm tmmbr smaxpr=120",
        "rtcp-fb:96 ccm tstr",
        "rtcp-fb:96 ccm vbcm 1",
        "rtcp-fb:96 transport-cc",
        "rtcp-fb:96 goog-remb",
        "rtcp-fb:96 x-unknown with more",
    ]);
    refused(&[
        (
            "rtcp-fb:128 nack",
            "column 1: write a number from 0 to 127 as the payload type",
        ),
        (
            "rtcp-fb:96",
            "column 3: write a token such as `nack` as the feedback's kind",
        ),
        (
            "rtcp-fb:96 (",
            "column 3: write a token such as `nack` as the feedback's kind",
        ),
    ]);
    assert_eq!(verdicts(&["rtcp-fb:96 x-unknown with more"])[0], Ok(vec![]));
}

#[test]
fn header_extensions_have_ids_in_range() {
    written_back(&[
        "extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "extmap:15 http://example.com/two-byte",
        "extmap:255/sendonly http://example.com/ext",
        "extmap:4096/inactive http://example.com/ext with attributes",
        "extmap:4351 urn:x",
    ]);
    let id = "write a number from 1 to 255, or in an offer from 4096 to 4351, as the header extension's id";
    for wrong in ["0", "256", "4095", "4352", "99999", "-1"] {
        refused(&[(&format!("extmap:{wrong} urn:x"), &format!("column 1: {id}"))]);
    }
    refused(&[
        ("extmap:1", "column 2: write a URI as the header extension's name"),
        ("extmap:1 ", "column 2: write a URI as the header extension's name"),
        (
            "extmap:1/both urn:x",
            "column 3: write `sendrecv`, `sendonly`, `recvonly` or `inactive` as the header extension's direction",
        ),
    ]);
    let Ok(Attribute::ExtMap(extension)) = read("extmap:15/recvonly urn:x") else {
        panic!()
    };
    assert_eq!(extension.direction, Some(Direction::RecvOnly));
    assert!(!extension.fits_one_byte() && !extension.is_provisional());
}

#[test]
fn an_id_stands_for_one_header_extension() {
    let lines = ["extmap:1 urn:a", "extmap:2 urn:b", "extmap:1 urn:c"];
    let duplicate = ErrorKind::DuplicateExtension;
    assert_eq!(verdicts(&lines), [Err(duplicate), Err(duplicate), Ok(vec![duplicate])]);
    let text = description(&lines);
    let error = Session::parse(&text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 9, column 10: give each header extension its own id"
    );
    // The same one twice does no harm; alternatives are legal in an offer (RFC 8285 §7).
    assert_eq!(
        verdicts(&["extmap:1 urn:a", "extmap:1 urn:a"])[1],
        Ok(vec![ErrorKind::RepeatedAttribute])
    );
    assert_eq!(verdicts(&["extmap:4096 urn:a", "extmap:4096 urn:b"])[0], Ok(vec![]));
    // Sections have ids of their own.
    let two = description(&["extmap:1 urn:a"]) + "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=extmap:1 urn:b\r\n";
    assert!(Session::parse(&two).is_ok());
}

#[test]
fn header_extensions_stand_at_one_level() {
    let session_level =
        |attributes: &[&str]| description(attributes).replace("t=0 0\r\n", "t=0 0\r\na=extmap:1 urn:a\r\n");
    let text = session_level(&[]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(
        media.header_extensions().map(|each| each.uri).collect::<Vec<_>>(),
        ["urn:a"]
    );
    let text = session_level(&["extmap:2 urn:b"]);
    let error = Session::parse(&text).unwrap_err();
    assert_eq!((error.kind(), error.line()), (ErrorKind::ExtensionsAtBothLevels, 8));
    let media = lenient(&text).media().next().unwrap();
    assert_eq!(
        media.header_extensions().map(|each| each.uri).collect::<Vec<_>>(),
        ["urn:b"]
    );
}

#[test]
fn mixed_header_forms_may_be_allowed_for_all_sections_or_one() {
    written_back(&["extmap-allow-mixed"]);
    let allowed = |text: &str| {
        Session::parse(text)
            .unwrap()
            .media()
            .next()
            .unwrap()
            .extmap_allow_mixed()
    };
    assert!(!allowed(&description(&[])));
    assert!(allowed(&description(&["extmap-allow-mixed"])));
    assert!(allowed(
        &description(&[]).replace("t=0 0\r\n", "t=0 0\r\na=extmap-allow-mixed\r\n")
    ));
}

#[test]
fn encrypted_header_extensions_say_what_they_hide() {
    let line = "extmap:5/sendonly urn:ietf:params:rtp-hdrext:encrypt urn:ietf:params:rtp-hdrext:smpte-tc 25@600/24";
    written_back(&[line, "cryptex"]);
    let Ok(Attribute::ExtMap(extension)) = read(line) else {
        panic!()
    };
    let hidden = extension.encrypted().unwrap();
    assert_eq!(
        hidden.to_string(),
        "5/sendonly urn:ietf:params:rtp-hdrext:smpte-tc 25@600/24"
    );
    assert_eq!(hidden.encrypted(), None);
    let media = description(&["cryptex"]);
    assert!(Session::parse(&media).unwrap().media().next().unwrap().cryptex());
    assert!(read("cryptex:1").is_err());
}

#[test]
fn rtcp_shares_the_port_or_has_its_own() {
    written_back(&[
        "rtcp-mux",
        "rtcp-mux-only",
        "rtcp-rsize",
        "rtcp:9",
        "rtcp:53020 IN IP6 2001:db8::1",
    ]);
    // RFC 8858 §4.1 wants `rtcp-mux` beside it; that is for who answers to mind.
    assert_eq!(verdicts(&["rtcp-mux-only"])[0], Ok(vec![]));
    // RFC 8866 §5.13: a flag with a value is ignored.
    assert_eq!(
        verdicts(&["rtcp-mux:1", "rtcp-rsize:x"])[1],
        Ok(vec![ErrorKind::UnexpectedValue; 2])
    );
    let text = description(&["rtcp-mux:1"]);
    assert!(!Session::parse(&text).unwrap().media().next().unwrap().rtcp_mux());
    for wrong in ["rtcp:", "rtcp:65536", "rtcp:9 IN", "rtcp:9 IN IP4 [::1]"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn directions_exclude_each_other() {
    assert_eq!(
        verdicts(&["sendonly", "recvonly"])[1],
        Ok(vec![ErrorKind::RepeatedAttribute])
    );
    let text = description(&["sendonly", "recvonly"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(media.direction(), Direction::SendOnly, "the first counts");
}

#[test]
fn times_and_rates_are_above_zero() {
    written_back(&[
        "ptime:20",
        "ptime:0.125",
        "maxptime:120",
        "framerate:29.97",
        "framerate:30.000000",
    ]);
    for wrong in [
        "ptime:0",
        "ptime:",
        "ptime:20ms",
        "maxptime:-1",
        "framerate:0.0",
        "framerate:.5",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let text = description(&["ptime:20", "maxptime:120", "framerate:29.97"]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(media.ptime().unwrap().to_f64(), 20.0);
    assert_eq!(media.max_ptime().unwrap().as_str(), "120");
    assert_eq!(media.frame_rate().unwrap().to_f64(), 29.97);
    assert!(verdicts(&["ptime:x"])[1].is_err(), "RFC 9429 §5.8.2");
    assert_eq!(verdicts(&["framerate:x"])[1].as_ref().map(Vec::len), Ok(1));
}
