//! A description is changed line by line and section by section.

use pollrtc_sdp::attribute::{Attribute, Setup};
use pollrtc_sdp::{
    Bandwidth, Connection, MediaLine, OwnedSession, Parser, Place, Profile, Session, Timing, WriteError,
};

const TEXT: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=x:1\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=x:2\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n";

fn document() -> OwnedSession {
    TEXT.parse().unwrap()
}

/// The lines that are in one text and not in the other: removed, then added.
fn difference(document: &OwnedSession) -> (Vec<String>, Vec<String>) {
    let (before, after) = (TEXT, document.to_string());
    let missing = |from: &str, other: &str| {
        let mut rest: Vec<_> = other.split_inclusive('\n').collect();
        from.split_inclusive('\n')
            .filter(|line| match rest.iter().position(|other| other == line) {
                Some(at) => {
                    rest.remove(at);
                    false
                }
                None => true,
            })
            .map(str::to_owned)
            .collect()
    };
    (missing(before, &after), missing(&after, before))
}

#[test]
fn lines_of_the_session_are_replaced_or_stand_where_they_belong() {
    let mut document = document();
    document.set_name("Café").unwrap();
    document.set_information(Place::Session, "what for").unwrap();
    document
        .set_bandwidth(
            Place::Session,
            &Bandwidth {
                kind: "AS",
                value: "64",
            },
        )
        .unwrap();
    document
        .set_bandwidth(
            Place::Session,
            &Bandwidth {
                kind: "TIAS",
                value: "64000",
            },
        )
        .unwrap();
    document
        .set_bandwidth(
            Place::Session,
            &Bandwidth {
                kind: "AS",
                value: "65",
            },
        )
        .unwrap();
    document
        .set_connection(Place::Session, &Connection::UNSPECIFIED)
        .unwrap();
    document
        .set_timing(&Timing {
            start: "3724394400",
            stop: "0",
        })
        .unwrap();
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=Café\r\ni=what for\r\nc=IN IP4 0.0.0.0\r\nb=AS:65\r\nb=TIAS:64000\r\nt=3724394400 0\r\na=x:1\r\nm=";
    assert!(document.to_string().starts_with(head), "{document}");
    document
        .set_connection(Place::Media(1), &Connection::UNSPECIFIED)
        .unwrap();
    assert!(
        Parser::new()
            .profile(Profile::Rfc8866)
            .parse(document.as_bytes())
            .is_ok()
    );

    assert_eq!(document.remove_bandwidths(Place::Session, "AS"), Ok(1));
    assert_eq!(document.remove_bandwidths(Place::Session, "AS"), Ok(0));
    assert_eq!(document.remove_lines(Place::Session, 'b'), Ok(1));
    assert_eq!(document.remove_lines(Place::Session, 'i'), Ok(1));
    assert_eq!(document.remove_lines(Place::Session, 'c'), Ok(1));
    assert_eq!(document.remove_lines(Place::Media(1), 'c'), Ok(1));
    document.set_name("-").unwrap();
    document.set_timing(&Timing::PERMANENT).unwrap();
    assert_eq!(document.to_string(), TEXT);
}

#[test]
fn a_time_takes_the_place_of_all_that_stood_there() {
    let text = TEXT.replace(
        "t=0 0",
        "t=3724394400 3724398000\r\nr=7d 1h 0\r\nz=3730928400 -1h\r\nt=0 0",
    );
    let mut document: OwnedSession = text.parse().unwrap();
    document.set_timing(&Timing::PERMANENT).unwrap();
    assert_eq!(document.to_string(), TEXT);
}

#[test]
fn attributes_are_addressed_by_their_number() {
    let audio = Place::Media(0);
    let mut document = document();
    document.replace_attribute(audio, 1, Attribute::RtcpMux).unwrap();
    document
        .insert_attribute(audio, 0, Attribute::Setup(Setup::Active))
        .unwrap();
    document.insert_attribute(audio, 3, Attribute::RtcpRsize).unwrap();
    document
        .insert_attribute(Place::Session, 1, Attribute::IceLite)
        .unwrap();
    let (removed, added) = difference(&document);
    assert_eq!(removed, ["a=x:2\r\n"]);
    assert_eq!(
        added,
        [
            "a=ice-lite\r\n",
            "a=setup:active\r\n",
            "a=rtcp-mux\r\n",
            "a=rtcp-rsize\r\n"
        ]
    );
    let media = document.media(0).unwrap();
    let names: Vec<_> = media.attributes().map(|attribute| attribute.name).collect();
    assert_eq!(names, ["setup", "mid", "rtcp-mux", "rtcp-rsize"]);

    document.remove_attribute(audio, 2).unwrap();
    assert_eq!(
        document.retain_attributes(audio, |attribute| attribute.name == "mid"),
        Ok(2)
    );
    assert_eq!(document.media(0).unwrap().attributes().count(), 1);
    for error in [
        document.replace_attribute(audio, 1, Attribute::RtcpMux),
        document.remove_attribute(audio, 1),
        document.insert_attribute(audio, 2, Attribute::RtcpMux),
    ] {
        assert_eq!(error, Err(WriteError::NoSuchAttribute { count: 1 }));
    }
    assert_eq!(document.remove_lines(audio, 'm'), Err(WriteError::NotRemovable('m')));
    assert_eq!(document.remove_lines(audio, '€'), Err(WriteError::NotRemovable('€')));
    assert_eq!(
        document.remove_lines(Place::Media(2), 'a'),
        Err(WriteError::NoSuchSection { count: 2 })
    );
}

#[test]
fn sections_are_added_copied_and_removed() {
    let mut document = document();
    document.insert_media(1, &MediaLine::data_channel(9)).unwrap();
    document.push_attribute(Place::Media(1), Attribute::Mid("d")).unwrap();
    let other =
        Session::parse("v=0\no=- 2 2 IN IP4 0.0.0.0\ns=-\nt=0 0\nm=text 9 RTP/AVP 98\na=mid:t\n\na=y\n").unwrap();
    let text = other.media().next().unwrap();
    document.push_section(&text);
    let mids = |document: &OwnedSession| -> Vec<String> {
        document
            .as_session()
            .media()
            .filter_map(|media| media.mid().map(str::to_owned))
            .collect()
    };
    assert_eq!(mids(&document), ["a", "d", "v", "t"]);
    assert_eq!(
        document.media(3).unwrap().as_bytes(),
        b"m=text 9 RTP/AVP 98\r\na=mid:t\r\na=y\r\n"
    );

    document.remove_section(3).unwrap();
    document.replace_section(0, &text).unwrap();
    assert_eq!(mids(&document), ["t", "d", "v"]);
    document.remove_section(0).unwrap();
    document.remove_section(0).unwrap();
    assert_eq!(mids(&document), ["v"]);
    assert!(
        document
            .to_string()
            .ends_with("a=x:1\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n")
    );
    document.remove_section(0).unwrap();
    assert!(document.media(0).is_none());
    let error = Err(WriteError::NoSuchSection { count: 0 });
    assert_eq!(document.remove_section(0), error);
    assert_eq!(document.replace_section(0, &text), error);
    assert_eq!(document.insert_media(1, &MediaLine::data_channel(9)), error);
    assert_eq!(document.set_media_line(0, &MediaLine::data_channel(9)), error);
}

#[test]
fn new_lines_end_as_the_lines_around_them() {
    // CRLF in the session, LF in the section, and no end at all.
    let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\na=mid:a\n\nm=video 9 RTP/AVP 96\na=mid:v";
    let mut document: OwnedSession = text.parse().unwrap();
    document.set_attribute(Place::Media(1), Attribute::Mid("w")).unwrap();
    assert!(document.to_string().ends_with("\na=mid:w"));
    document.push_attribute(Place::Session, Attribute::IceLite).unwrap();
    document.push_attribute(Place::Media(0), Attribute::RtcpMux).unwrap();
    document.push_attribute(Place::Media(1), Attribute::RtcpMux).unwrap();
    assert_eq!(
        document.as_bytes(),
        b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\nm=audio 9 RTP/AVP 0\na=mid:a\na=rtcp-mux\n\nm=video 9 RTP/AVP 96\na=mid:w\na=rtcp-mux\n"
    );
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    let mut document = document();
    let bandwidth = Bandwidth {
        kind: "AS",
        value: "-1",
    };
    let timing = Timing { start: "1", stop: "0" };
    for result in [
        document.set_name(""),
        document.set_name("a\r\nb"),
        document.set_information(Place::Media(0), "a\0b"),
        document.set_bandwidth(Place::Media(0), &bandwidth),
        document.set_timing(&timing),
        document.insert_media(
            0,
            &MediaLine {
                kind: " audio",
                ..MediaLine::data_channel(9)
            },
        ),
        document.insert_attribute(Place::Media(0), 0, Attribute::IceUfrag("x")),
        document.replace_attribute(Place::Media(0), 0, Attribute::Mid("a b")),
    ] {
        assert!(result.is_err());
    }
    assert_eq!(document.to_string(), TEXT);
}

#[test]
fn names_in_capitals_are_found_in_what_the_lenient_profile_read() {
    let text = TEXT.replace("a=mid:a", "a=MID:a");
    let session = Parser::new().profile(Profile::Lenient).parse(&text).unwrap();
    let mut document = OwnedSession::from(session);
    assert_eq!(document.media(0).unwrap().mid(), Some("a"));
    document.set_attribute(Place::Media(0), Attribute::Mid("b")).unwrap();
    assert_eq!(document.to_string(), TEXT.replace("a=mid:a", "a=mid:b"));
    let mut document = OwnedSession::from(session);
    assert_eq!(document.remove_attributes(Place::Media(0), "mid"), Ok(1));
}

#[test]
fn descriptions_are_equal_if_their_texts_are() {
    let lenient = Parser::new().profile(Profile::Lenient).parse(TEXT).unwrap();
    assert_eq!(OwnedSession::from(lenient), document());
    assert!(format!("{:?}", document()).starts_with("OwnedSession(v=0"));
}

#[test]
fn keys_are_not_copied() {
    let text = TEXT.replace("a=mid:v", "k=clear:secret\r\na=mid:v");
    let session = Session::parse(&text).unwrap();
    let mut writer = pollrtc_sdp::Writer::new(&session.origin());
    session.media().for_each(|media| {
        writer.copy(&media);
    });
    let written = writer.finish().unwrap().to_string();
    assert!(written.contains("a=mid:v") && !written.contains("secret"));
}
