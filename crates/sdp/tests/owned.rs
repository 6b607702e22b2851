//! Descriptions are written, kept and changed.

use pollrtc_sdp::attribute::{Attribute, Candidate, Fingerprint, RawAttribute, Setup};
use pollrtc_sdp::{
    Bandwidth, Connection, ErrorKind, Letter, MediaLine, Origin, OwnedSession, Parser, Place, Profile, Session,
    WriteError, Writer,
};
use quickcheck::{TestResult, quickcheck};

mod common;

fn origin() -> Origin<'static> {
    Origin::with_id("4611731400430051336", "2")
}

#[test]
fn a_data_channel_offer_is_written_as_browsers_expect_it() {
    let hash = ["AB"; 32].join(":");
    let mut writer = Writer::new(&origin());
    writer
        .group("BUNDLE", ["0"])
        .text("ice-options", "trickle")
        .flag("extmap-allow-mixed");
    writer
        .media(&MediaLine::data_channel(9))
        .connection(&Connection::UNSPECIFIED)
        .bandwidth(&Bandwidth {
            kind: "AS",
            value: "30",
        })
        .attribute(Attribute::Candidate(Candidate::host(
            "1",
            2_130_706_431,
            "192.0.2.1",
            5_000,
        )))
        .attribute(Attribute::EndOfCandidates)
        .attribute(Attribute::IceUfrag("EsAw"))
        .attribute(Attribute::IcePwd("P2uYro0UCOQ4zxjKXaWCBui1"))
        .attribute(Attribute::Fingerprint(Fingerprint {
            algorithm: "sha-256",
            value: &hash,
        }))
        .attribute(Attribute::Setup(Setup::ActPass))
        .attribute(Attribute::Mid("0"))
        .attribute(Attribute::SctpPort(5000))
        .attribute(Attribute::MaxMessageSize(262_144));
    let offer = writer.finish().unwrap();
    let expected = format!(
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\na=extmap-allow-mixed\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\nb=AS:30\r\n\
         a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n\
         a=fingerprint:sha-256 {hash}\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n"
    );
    assert_eq!(offer.to_string(), expected);
    assert!(Parser::new().profile(Profile::Rfc8866).parse(offer.as_bytes()).is_ok());
}

#[test]
fn a_description_without_anything_is_legal() {
    let session = Writer::new(&origin()).finish().unwrap();
    assert_eq!(
        session.to_string(),
        "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
    );
    assert_eq!(session.into_bytes().len(), 61);
}

#[test]
fn an_answer_refuses_what_it_does_not_understand_in_its_place() {
    let offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v d\r\n\
        m=video 9/2 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\n\
        m=image 9 udptl t38\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=sctp-port:5000\r\n";
    let offer = Session::parse(offer).unwrap();
    let mut writer = Writer::new(&origin());
    writer.group("BUNDLE", ["d"]);
    for media in offer.media() {
        if media.is_data_channel() {
            writer.copy(&media)
        } else {
            writer.rejected(&media)
        };
    }
    let answer = writer.finish().unwrap();
    let sections: Vec<_> = answer
        .as_session()
        .media()
        .map(|media| String::from_utf8(media.as_bytes().to_vec()).unwrap())
        .collect();
    assert_eq!(
        sections,
        [
            "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\n",
            "m=image 0 udptl t38\r\nc=IN IP4 0.0.0.0\r\n",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=sctp-port:5000\r\n",
        ]
    );
}

#[test]
fn a_line_whose_name_is_no_text_is_no_attribute_that_is_counted_or_chosen() {
    let mut text = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=\xff:1 2 3\r\na=x:1\r\na=y:1\r\n".to_vec();
    let session = Parser::new().profile(Profile::Interop).parse(&text).unwrap();
    let names: Vec<_> = session.attributes().map(|attribute| attribute.name).collect();
    assert_eq!(names, ["x", "y"]);
    let mut owned = OwnedSession::from(session);
    assert_eq!(
        owned.retain_attributes(Place::Session, |attribute| attribute.name == "y"),
        Ok(1)
    );
    owned.replace_attribute(Place::Session, 0, Attribute::IceLite).unwrap();
    text.truncate(text.len() - "a=x:1\r\na=y:1\r\n".len());
    text.extend(b"a=ice-lite\r\n");
    assert_eq!(owned.as_bytes(), text);
    assert_eq!(
        owned.remove_attribute(Place::Session, 1),
        Err(WriteError::NoSuchAttribute { count: 1 })
    );
}

#[test]
fn no_value_smuggles_a_line_in() {
    for bad in ["x\r\na=ice-lite", "x\n", "x\r", "x\0"] {
        let mut writer = Writer::new(&origin());
        writer.text("x", bad).flag("y");
        assert_eq!(writer.finish(), Err(WriteError::Injection(Letter(b'a'))));

        let mut writer = Writer::new(&Origin {
            username: bad,
            ..origin()
        });
        writer.flag("y");
        assert_eq!(writer.finish(), Err(WriteError::Injection(Letter(b'o'))));

        let mut writer = Writer::new(&origin());
        writer.media(&MediaLine {
            format_list: bad,
            ..MediaLine::data_channel(9)
        });
        assert_eq!(writer.finish(), Err(WriteError::Injection(Letter(b'm'))));

        let mut session = Writer::new(&origin()).finish().unwrap();
        let before = session.clone();
        for attribute in [
            Attribute::Mid(bad),
            Attribute::Other(RawAttribute {
                name: "x",
                value: Some(bad.as_bytes()),
            }),
            Attribute::Other(RawAttribute { name: bad, value: None }),
        ] {
            assert_eq!(
                session.push_attribute(Place::Session, attribute),
                Err(WriteError::Injection(Letter(b'a')))
            );
            assert_eq!(
                session.set_attribute(Place::Session, attribute),
                Err(WriteError::Injection(Letter(b'a')))
            );
        }
        let connection = Connection {
            address: bad,
            ..Connection::UNSPECIFIED
        };
        assert_eq!(
            session.set_connection(Place::Session, &connection),
            Err(WriteError::Injection(Letter(b'c')))
        );
        assert_eq!(session, before);
    }
    let error = WriteError::Injection(Letter(b'a')).to_string();
    assert_eq!(
        error,
        "remove carriage return, line feed and NUL from the value of `a=`"
    );
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let mut writer = Writer::new(&origin());
    writer.attribute(Attribute::IceUfrag("x"));
    let Err(WriteError::Invalid(error)) = writer.finish() else {
        panic!()
    };
    assert_eq!((error.line(), error.column()), (5, 13));

    let mut writer = Writer::new(&origin());
    writer.flag("x").connection(&Connection::UNSPECIFIED);
    let Err(WriteError::Invalid(error)) = writer.finish() else {
        panic!()
    };
    assert_eq!(error.kind(), ErrorKind::Misplaced(Letter(b'c')));

    let mut session = Writer::new(&origin()).finish().unwrap();
    let before = session.clone();
    assert!(matches!(
        session.push_attribute(Place::Session, Attribute::IcePwd("x")),
        Err(WriteError::InvalidAttribute(_))
    ));
    let nameless = Attribute::Other(RawAttribute { name: "", value: None });
    assert_eq!(
        session.push_attribute(Place::Session, nameless),
        Err(WriteError::InvalidName)
    );
    assert_eq!(
        session.push_attribute(Place::Media(0), Attribute::RtcpMux),
        Err(WriteError::NoSuchSection { count: 0 })
    );
    let media = MediaLine {
        kind: "audio x",
        ..MediaLine::data_channel(9)
    };
    assert!(matches!(
        session.push_media(&media),
        Err(WriteError::InvalidLine {
            letter: Letter(b'm'),
            ..
        })
    ));
    assert!(matches!(
        session.set_origin(&Origin {
            session_id: "x",
            ..origin()
        }),
        Err(WriteError::InvalidLine {
            letter: Letter(b'o'),
            ..
        })
    ));
    assert_eq!(session, before);
}

#[test]
fn a_change_touches_its_own_lines_only() {
    let text = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns= odd \nt=0 0\na=x:\u{e4}\n\nm=audio 9 RTP/AVP 0\na=x:1\na=x:2\nm=video 9 RTP/AVP 96\nb=AS:1\na=mid:v";
    let mut session: OwnedSession = text.parse().unwrap();
    assert_eq!(session.to_string(), text);
    session.set_origin(&origin()).unwrap();
    session
        .set_connection(Place::Session, &Connection::UNSPECIFIED)
        .unwrap();
    assert_eq!(session.remove_attributes(Place::Media(0), "x"), Ok(2));
    session
        .set_media_line(
            0,
            &MediaLine {
                kind: "audio",
                port: 0,
                port_count: None,
                protocol: "RTP/AVP",
                format_list: "0",
            },
        )
        .unwrap();
    session.push_attribute(Place::Media(0), Attribute::Mid("a")).unwrap();
    session
        .set_connection(Place::Media(1), &Connection::UNSPECIFIED)
        .unwrap();
    session
        .set_connection(
            Place::Media(1),
            &Connection {
                address: "192.0.2.1",
                ..Connection::UNSPECIFIED
            },
        )
        .unwrap();
    session.push_attribute(Place::Media(1), Attribute::RtcpMux).unwrap();
    session.set_attribute(Place::Media(1), Attribute::Mid("w")).unwrap();
    session
        .set_attribute(Place::Media(1), Attribute::Setup(Setup::Active))
        .unwrap();
    session.push_media(&MediaLine::data_channel(9)).unwrap();
    let expected = "v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns= odd \nc=IN IP4 0.0.0.0\nt=0 0\na=x:\u{e4}\n\n\
        m=audio 0 RTP/AVP 0\na=mid:a\n\
        m=video 9 RTP/AVP 96\nc=IN IP4 192.0.2.1\nb=AS:1\na=mid:w\na=rtcp-mux\na=setup:active\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n";
    assert_eq!(session.to_string(), expected);
    assert!(Session::parse(session.as_bytes()).is_ok());
    assert_eq!(session.as_session().media_count(), 3);
}

#[test]
fn text_that_is_no_utf8_is_kept_byte_for_byte() {
    let mut text = b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=caf".to_vec();
    text.extend(b"\xe9\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=x:\xff\r\n");
    let session = OwnedSession::parse(&text).unwrap();
    assert_eq!(session.as_bytes(), text);
    assert!(session.to_string().contains("s=caf\u{fffd}\r\n"));
    let parsed = session.as_session();
    let mut writer = Writer::new(&parsed.origin());
    writer.copy(&parsed.media().next().unwrap());
    assert!(
        writer
            .finish()
            .unwrap()
            .as_bytes()
            .ends_with(b"m=audio 9 RTP/AVP 0\r\na=x:\xff\r\n")
    );
}

quickcheck! {
    fn whatever_parses_keeps_every_byte(edits: Vec<(usize, u8)>) -> TestResult {
        let mut text = common::offer(2).into_bytes();
        for (place, byte) in edits {
            let place = place % text.len();
            text[place] = byte;
        }
        for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Lenient] {
            let Ok(session) = Parser::new().profile(profile).parse(&text) else { continue };
            if OwnedSession::from(session).as_bytes() != text {
                return TestResult::failed();
            }
        }
        TestResult::passed()
    }

    fn what_is_added_is_found_and_what_is_removed_is_gone(values: Vec<u32>) -> bool {
        let mut session = OwnedSession::parse(&common::offer(2)).unwrap();
        let before = session.clone();
        let texts: Vec<String> = values.iter().map(u32::to_string).collect();
        for text in &texts {
            let attribute = RawAttribute { name: "x-test", value: Some(text.as_bytes()) };
            session.push_attribute(Place::Media(0), Attribute::Other(attribute)).unwrap();
        }
        let found: Vec<String> = session.as_session().media().next().unwrap().attributes()
            .filter(|attribute| attribute.name == "x-test").filter_map(|attribute| attribute.text().map(str::to_owned)).collect();
        found == texts && session.remove_attributes(Place::Media(0), "x-test") == Ok(values.len()) && session == before
    }
}
