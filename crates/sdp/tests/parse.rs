//! A description is read: its lines, its sections, and what each section gets from the session.

use pollrtc_sdp::attribute::{Attribute, Direction, RawAttribute, Setup};
use pollrtc_sdp::{Connection, Parser, Profile, Session};

mod common;

/// RFC 8866 §5.
const RFC_8866_EXAMPLE: &str = "v=0\r\n\
    o=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\n\
    s=Call to John Smith\r\n\
    i=SDP Offer #1\r\n\
    u=http://www.jdoe.example.com/home.html\r\n\
    e=Jane Doe <jane@jdoe.example.com>\r\n\
    p=+1 617 555-6011\r\n\
    c=IN IP4 198.51.100.1\r\n\
    t=0 0\r\n\
    m=audio 49170 RTP/AVP 0\r\n\
    m=audio 49180 RTP/AVP 0\r\n\
    m=video 51372 RTP/AVP 99\r\n\
    c=IN IP6 2001:db8::2\r\n\
    a=rtpmap:99 h263-1998/90000\r\n";

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

fn strict(text: &str) -> Session<'_> {
    Parser::new()
        .profile(Profile::Rfc8866)
        .parse(text)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_example_of_the_standard_is_read() {
    let session = strict(RFC_8866_EXAMPLE);
    let origin = session.origin();
    assert_eq!(
        (origin.username, origin.session_id_number()),
        ("jdoe", Some(3_724_394_400))
    );
    assert_eq!(origin.to_string(), "jdoe 3724394400 3724394405 IN IP4 198.51.100.1");
    assert_eq!(session.name(), b"Call to John Smith");
    assert_eq!(session.information(), Some(&b"SDP Offer #1"[..]));
    assert_eq!(
        session
            .timings()
            .map(|timing| (timing.start, timing.stop))
            .collect::<Vec<_>>(),
        [("0", "0")]
    );
    assert_eq!(
        session.media().map(|media| media.port()).collect::<Vec<_>>(),
        [49_170, 49_180, 51_372]
    );
    let addresses: Vec<_> = session
        .media()
        .map(|media| media.connection().unwrap().address)
        .collect();
    assert_eq!(addresses, ["198.51.100.1", "198.51.100.1", "2001:db8::2"]);
    let video = session.media().nth(2).unwrap();
    assert_eq!(
        (video.kind(), video.protocol(), video.formats().collect::<Vec<_>>()),
        ("video", "RTP/AVP", vec!["99"])
    );
    assert_eq!(
        video
            .attributes()
            .map(|attribute| attribute.to_string())
            .collect::<Vec<_>>(),
        ["rtpmap:99 h263-1998/90000"]
    );
}

#[test]
fn every_line_that_the_standard_knows_is_accepted() {
    let text = "v=0\r\no=- 1 1 IN IP6 ::1\r\ns= \r\ni=what\r\nu=https://example.com/\r\ne=a@example.com\r\np=+1 617\r\n\
        c=IN IP4 233.252.0.1/127/3\r\nb=AS:500\r\nb=X-foo:99999999999999999999\r\n\
        t=3724394400 3724398000\r\nr=604800 3600 0 90000\r\nr=7d 1h 0 25h\r\nz=3730928400 -1h 3749680800 0\r\nt=0 0\r\n\
        k=prompt\r\na=recvonly\r\n\
        m=audio 49170/2 RTP/AVP 0 8\r\ni=speech\r\nc=IN IP6 ff00::db8:0:101/3\r\nc=IN IP9 something\r\nb=TIAS:64000\r\nk=clear:x\r\na=ptime:20\r\n";
    let session = strict(text);
    let connection = session.connection().unwrap();
    assert_eq!(
        (connection.address, connection.time_to_live, connection.count),
        ("233.252.0.1", Some(127), Some(3))
    );
    assert_eq!(connection.to_string(), "IN IP4 233.252.0.1/127/3");
    let bandwidths: Vec<_> = session
        .bandwidths()
        .map(|bandwidth| (bandwidth.kind, bandwidth.number()))
        .collect();
    assert_eq!(bandwidths, [("AS", Some(500)), ("X-foo", None)]);
    assert_eq!(session.timings().count(), 2);

    let audio = session.media().next().unwrap();
    assert_eq!(audio.line().port_count, Some(2));
    assert_eq!(audio.line().to_string(), "audio 49170/2 RTP/AVP 0 8");
    assert_eq!(audio.information(), Some(&b"speech"[..]));
    let connections: Vec<_> = audio
        .connections()
        .map(|connection| (connection.address, connection.count))
        .collect();
    assert_eq!(connections, [("ff00::db8:0:101", Some(3)), ("something", None)]);
    assert_eq!(audio.bandwidths().next().unwrap().to_string(), "TIAS:64000");
    assert_eq!(audio.direction(), Direction::RecvOnly);
}

#[test]
fn line_feeds_alone_end_lines_too_and_the_last_line_needs_none() {
    let text = RFC_8866_EXAMPLE.replace("\r\n", "\n");
    assert_eq!(strict(&text).media_count(), 3);
    let mut findings = Vec::new();
    let parser = Parser::new().profile(Profile::Rfc8866);
    let session = parser
        .parse_with(RFC_8866_EXAMPLE.trim_end(), |finding| {
            findings.push(finding.to_string())
        })
        .unwrap();
    let last = session.media().last().unwrap().attributes().last().unwrap();
    assert_eq!(last.text(), Some("99 h263-1998/90000"));
    assert_eq!(findings, ["line 14, column 28: end the last line with CRLF"]);
}

#[test]
fn an_offer_without_media_is_legal() {
    let session = strict(HEAD);
    assert_eq!((session.media_count(), session.media().count()), (0, 0));
}

#[test]
fn a_section_says_more_than_the_session_does() {
    let text = format!(
        "{HEAD}a=ice-lite\r\na=ice-ufrag:sess\r\na=ice-pwd:0123456789012345678901\r\na=ice-options:ice2\r\na=setup:passive\r\n\
         a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33\r\na=sendonly\r\na=end-of-candidates\r\na=extmap-allow-mixed\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=ice-ufrag:media\r\na=ice-pwd:abcdefghijabcdefghijab\r\na=ice-options:trickle renomination\r\n\
         a=setup:active\r\na=fingerprint:SHA-256 {hash}\r\na=fingerprint:sha-3 00\r\na=inactive\r\n",
        hash = ["AB"; 32].join(":"),
    );
    let session = Session::parse(&text).unwrap();
    assert!(session.ice_lite());
    let [first, second] = session.media().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((first.ice_ufrag(), second.ice_ufrag()), (Some("sess"), Some("media")));
    assert_eq!(
        (first.setup(), second.setup()),
        (Some(Setup::Passive), Some(Setup::Active))
    );
    assert_eq!(
        (first.direction(), second.direction()),
        (Direction::SendOnly, Direction::Inactive)
    );
    assert!(first.ice_options().unwrap().contains("ice2") && !second.ice_options().unwrap().contains("ice2"));
    assert!(second.end_of_candidates() && second.extmap_allow_mixed());
    // RFC 8122 §5: fingerprints replace each other as a set.
    assert_eq!(
        first
            .fingerprints()
            .map(|fingerprint| fingerprint.bytes().count())
            .collect::<Vec<_>>(),
        [20]
    );
    let of_media: Vec<_> = second.fingerprints().map(|fingerprint| fingerprint.algorithm).collect();
    assert_eq!(of_media, ["SHA-256", "sha-3"]);
    assert!(second.fingerprints().next().unwrap().is("sha-256"));
}

#[test]
fn sections_that_we_do_not_understand_keep_their_place_and_their_bytes() {
    let image = "m=image 9 udptl/weird t38\r\na=whatever\r\na=x:y:z\r\n";
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n";
    let video = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=mid:v\r\n";
    let text = [HEAD, image, data, video].concat();
    let session = Session::parse(&text).unwrap();
    let sections: Vec<_> = session.media().map(|media| media.as_bytes()).collect();
    assert_eq!(sections, [image.as_bytes(), data.as_bytes(), video.as_bytes()]);
    assert_eq!(session.media_by_mid("v").unwrap().kind(), "video");
    assert!(session.media_by_mid("v").unwrap().is_rejected());
    assert!(session.media_by_mid("x").is_none());
    assert_eq!(session.lines().count(), 4 + 3 + 2 + 3);
}

#[test]
fn a_data_channel_section_is_known_in_its_new_and_its_old_form() {
    let text = format!(
        "{HEAD}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5001\r\na=max-message-size:0\r\n\
         m=application 9 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n\
         m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n\
         m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\n\
         m=application 9 UDP/BFCP *\r\n"
    );
    let session = Session::parse(&text).unwrap();
    let ports: Vec<_> = session
        .media()
        .map(|media| (media.is_data_channel(), media.sctp_port()))
        .collect();
    let data = |port| (true, Some(port));
    assert_eq!(ports, [data(5001), data(5000), data(5000), data(5000), (false, None)]);
    let sizes: Vec<_> = session.media().map(|media| media.max_message_size()).collect();
    assert_eq!(sizes, [Some(0), None, None, None, None]);
    assert!(
        session
            .media()
            .nth(1)
            .unwrap()
            .sctp_map()
            .is_some_and(|map| map.streams == Some(1024))
    );
    assert!(
        session
            .media()
            .nth(3)
            .is_some_and(|media| !media.is_rejected() && media.bundle_only())
    );
}

#[test]
fn bytes_that_are_no_text_spoil_only_what_they_stand_in() {
    let mut text = format!("{HEAD}a=tool:").into_bytes();
    text.extend([0xff, 0xfe]);
    text.extend(b"\r\na=ice-lite\r\nm=audio 9 RTP/AVP 0\r\n");
    let session = Session::parse(&text).unwrap();
    let tool = session.attributes().next().unwrap();
    assert_eq!((tool.value, tool.text()), (Some(&[0xff, 0xfe][..]), None));
    assert_eq!(tool.to_string(), "tool:\u{fffd}\u{fffd}");
    assert!(session.ice_lite());
}

#[test]
fn lenient_reads_what_cameras_send() {
    let text = "v=0\r\no=- 1 1 IN\r\ns=\r\nx=what\r\nt=1 1\r\nt=0 0 \r\nm=video 0 RTP/AVP 96\r\na=setup:maybe\r\na=control:track1\r\na=control:track2\r\nb=AS:1\r\n";
    assert!(Session::parse(text).is_err());
    let mut findings = Vec::new();
    let parser = Parser::new().profile(Profile::Lenient);
    let session = parser
        .parse_with(text, |finding| findings.push((finding.line(), finding.column())))
        .unwrap();
    assert_eq!(findings, [(2, 11), (3, 3), (4, 1), (5, 3), (6, 6), (8, 9), (11, 1)]);
    assert_eq!((session.origin().session_id, session.origin().address), ("1", ""));
    let media = session.media().next().unwrap();
    assert_eq!(
        (media.setup(), media.attributes().count(), media.connection()),
        (None, 3, None)
    );
    assert_eq!(
        session.timings().map(|timing| timing.stop).collect::<Vec<_>>(),
        ["1", "0"]
    );
}

#[test]
fn attributes_come_in_their_types_and_in_order() {
    let malformed = RawAttribute {
        name: "fmtp",
        value: Some(b"x"),
    };
    let in_capitals = RawAttribute {
        name: "Setup",
        value: Some(b"active"),
    };
    let unknown = RawAttribute {
        name: "x-unknown",
        value: Some(b"\xff"),
    };
    let media = b"m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=mid:0 \r\na=rtcp-mux \r\na=fmtp:x\r\na=Setup:active\r\na=x-unknown:\xff\r\na=ice-ufrag:a:b:c\r\n";
    let text = [format!("{HEAD}a=ice-lite\r\na=tool:x 1.0\r\n").as_bytes(), media].concat();
    let parse = |profile| Parser::new().profile(profile).structure_only().parse(&text).unwrap();

    let session = parse(Profile::Jsep);
    let types: Vec<_> = session.typed_attributes().collect();
    assert_eq!(types, [Attribute::IceLite, Attribute::Tool("x 1.0")]);
    let types: Vec<_> = session.media().next().unwrap().typed_attributes().collect();
    let colons = RawAttribute {
        name: "ice-ufrag",
        value: Some(b"a:b:c"),
    };
    let others = [malformed, in_capitals, unknown, colons].map(Attribute::Other);
    assert_eq!(types[..2], [Attribute::Mid("0"), Attribute::RtcpMux]);
    assert_eq!(types[2..], others);

    let session = parse(Profile::Lenient);
    let types: Vec<_> = session.media().next().unwrap().typed_attributes().collect();
    assert_eq!(types[..2], [Attribute::Mid("0"), Attribute::RtcpMux]);
    assert_eq!(
        types[2..],
        [
            Attribute::Other(malformed),
            Attribute::Setup(Setup::Active),
            Attribute::Other(unknown),
            Attribute::IceUfrag("a:b:c"),
        ]
    );
}

#[test]
fn jsep_tolerates_what_browsers_do_and_tells_of_it() {
    let text = format!(
        "{HEAD}\r\nm=audio 9 RTP/AVP 0 8 0\r\na=mid:a \r\na=rtcp-mux:1\r\na=mid:b\r\na=ice-lite\r\nc=IN IP4 0.0.0.0\r\n"
    );
    let mut findings = Vec::new();
    let session = Parser::new()
        .parse_with(&text, |finding| findings.push((finding.line(), finding.column())))
        .unwrap();
    assert_eq!(findings, [(5, 1), (6, 23), (7, 8), (8, 12), (9, 1), (10, 1), (11, 1)]);
    let media = session.media().next().unwrap();
    assert_eq!(
        (media.mid(), media.rtcp_mux(), media.connection()),
        (Some("a"), false, Some(Connection::UNSPECIFIED))
    );
}

#[test]
fn many_sections_are_read_as_well_as_few() {
    for sections in [1, 63, 64, 65, 512, 513, 3_000] {
        let text = common::offer(sections);
        let session = strict(&text);
        assert_eq!((session.media_count(), session.media().count()), (sections, sections));
        assert_eq!(session.bundle().unwrap().mids().count(), sections);
        let last = session.media().last().unwrap();
        assert_eq!(last.mid(), Some((sections - 1).to_string().as_str()));
    }
}
