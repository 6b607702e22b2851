//! What is made to be costly or to be read in two ways.

use std::cmp::Ordering;
use std::fmt::Write;

use pollrtc_sdp::{ErrorKind, Limits, Parser, Profile, Session};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n";
const PROFILES: [Profile; 3] = [Profile::Rfc8866, Profile::Jsep, Profile::Lenient];

#[test]
fn lines_of_any_length_are_read() {
    let long = "x".repeat(70_000);
    let text = format!("{HEAD}a=tool:{long}\r\n{AUDIO}a=mid:{long}\r\na={long}\r\na=fmtp:0 {long}\r\n");
    for profile in PROFILES {
        let session = Parser::new().profile(profile).parse(&text).unwrap();
        let media = session.media().next().unwrap();
        assert_eq!(media.attributes().nth(1).unwrap().name.len(), 70_000);
        assert_eq!(media.mid(), Some(long.as_str()));
        assert_eq!(session.media_by_mid(&long).unwrap().port(), 9);
    }
}

#[test]
fn thousands_of_sections_and_attributes_are_read() {
    let sections = format!("{HEAD}{}", AUDIO.repeat(5_000));
    assert_eq!(Session::parse(&sections).unwrap().media().count(), 5_000);
    let attributes = format!("{HEAD}{AUDIO}{}", "a=x\r\n".repeat(20_000));
    let session = Session::parse(&attributes).unwrap();
    assert_eq!(session.media().next().unwrap().attributes().count(), 20_000);
    let limits = Limits {
        media_sections: u32::MAX,
        ..Limits::default()
    };
    let too_many = format!("{HEAD}{}", AUDIO.repeat(8_193));
    let error = Parser::new().limits(limits).parse(&too_many).unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::TooLarge {
            maximum: Limits::MEDIA_SECTIONS_MAXIMUM,
            ..
        }
    ));
}

#[test]
fn mids_are_told_apart_whatever_they_have_in_common() {
    // The same length and the same beginning, in any order.
    let mid = |number: usize| format!("{}{number:05}", "x".repeat(150));
    for sections in [64, 65, 512, 513, 5_000] {
        let mut text = format!("{HEAD}a=group:BUNDLE");
        (0..sections).for_each(|number| write!(text, " {}", mid(number)).unwrap());
        text.push_str("\r\n");
        for section in 0..sections {
            write!(text, "{AUDIO}a=mid:{}\r\n", mid(section * 7 % sections)).unwrap();
        }
        assert!(sections % 7 != 0 && Session::parse(&text).is_ok(), "{sections}");
        let again = text.replacen(&format!("a=mid:{}", mid(1)), &format!("a=mid:{}", mid(0)), 1);
        assert_eq!(
            Session::parse(&again).unwrap_err().kind(),
            ErrorKind::DuplicateMid,
            "{sections}"
        );
    }
}

#[test]
fn each_repeated_mid_is_told_of_once_and_in_order() {
    for sections in [10, 100, 1_000] {
        let mut text = HEAD.to_owned();
        for section in 0..sections {
            // Every tenth has the mid of the one before, in the old way of writing names.
            let mid = section - usize::from(section % 10 == 9);
            write!(text, "{AUDIO}a=MID:{mid}\r\na=mid:ignored\r\n").unwrap();
        }
        let mut repeated = Vec::new();
        let parser = Parser::new().profile(Profile::Lenient);
        let session = parser
            .parse_with(&text, |finding| match finding.kind() {
                ErrorKind::DuplicateMid => repeated.push((finding.line(), finding.column())),
                kind => assert!(matches!(kind, ErrorKind::NameCase | ErrorKind::RepeatedAttribute)),
            })
            .unwrap();
        let expected: Vec<_> = (0..sections as u32 / 10)
            .map(|ten| (4 + 4 * (10 * ten + 9) + 3, 7))
            .collect();
        assert_eq!(repeated, expected);
        assert_eq!(session.media().nth(3).unwrap().mid(), Some("3"));
    }
}

#[test]
fn versions_beyond_64_bits_are_compared_as_numbers() {
    let session = |version: &str| format!("v=0\r\no=- 1 {version} IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    let digits = "9".repeat(70_000);
    for (first, second, expected) in [
        ("18446744073709551615", "18446744073709551616", Ordering::Less),
        ("100000000000000000000", "99999999999999999999", Ordering::Greater),
        ("0", "000", Ordering::Equal),
        ("007", "7", Ordering::Equal),
        (digits.as_str(), "1", Ordering::Greater),
    ] {
        let (first, second) = (session(first), session(second));
        let (first, second) = (
            Session::parse(&first).unwrap().origin(),
            Session::parse(&second).unwrap().origin(),
        );
        assert_eq!(first.compare_version(&second), expected);
        assert_eq!(second.compare_version(&first), expected.reverse());
        assert!(first.is_same_session(&second));
    }
    let big = session("18446744073709551616");
    assert_eq!(Session::parse(&big).unwrap().origin().session_version_number(), None);
}

#[test]
fn a_section_that_is_not_understood_stands_in_the_middle_and_hides_nothing() {
    let text = format!(
        "{HEAD}{AUDIO}a=mid:a\r\nm=hologram 7/3 FUTURE/QUIC/9 * x-1\r\nc=SPACE IP99 far/away\r\nb=X-y:1\r\na=mid:h\r\na=candidate:{candidate}\r\n{AUDIO}a=mid:b\r\n",
        candidate = "1 1 udp 1 192.0.2.1 9 typ host"
    );
    for profile in PROFILES {
        let session = Parser::new().profile(profile).parse(&text).unwrap();
        let mids: Vec<_> = session.media().filter_map(|media| media.mid()).collect();
        assert_eq!(mids, ["a", "h", "b"]);
        let unknown = session.media().nth(1).unwrap();
        assert_eq!(
            (unknown.kind(), unknown.protocol(), unknown.candidates().count()),
            ("hologram", "FUTURE/QUIC/9", 1)
        );
        assert!(!unknown.is_data_channel());
    }
}

#[test]
fn many_formats_that_are_no_payload_types_cost_no_square() {
    // 300,000 formats: comparing each with each would take minutes.
    let formats = (1_000..301_000).fold(String::new(), |mut list, format| {
        write!(list, " {format}").unwrap();
        list
    });
    let limits = Limits {
        bytes: 8 << 20,
        ..Limits::default()
    };
    let text = format!("{HEAD}m=audio 9 RTP/AVP{formats}\r\nc=IN IP4 0.0.0.0\r\n");
    let session = Parser::new().limits(limits).parse(&text).unwrap();
    assert_eq!(session.media().next().unwrap().formats().count(), 300_000);
}
