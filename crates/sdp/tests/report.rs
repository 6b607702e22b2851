//! An error is shown in its line, whatever stands there.

use pollrtc_sdp::{ParseError, Parser, Profile, Session};
use quickcheck::quickcheck;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";

/// What is shown of the line, and the line with the caret, without their gutters.
#[track_caller]
fn shown(text: &[u8], error: &ParseError) -> (String, String) {
    let report = error.display_with(text).to_string();
    let mut lines = report.split('\n').skip(2);
    let mut line = || {
        lines
            .next()
            .unwrap()
            .split_once("| ")
            .map(|(_, shown)| shown.to_owned())
    };
    let pair = (line().unwrap(), line().unwrap());
    assert_eq!(lines.next(), None, "{report}");
    pair
}

#[track_caller]
fn refused(text: &[u8]) -> (String, String) {
    shown(text, &Session::parse(text).unwrap_err())
}

#[test]
fn a_caret_stands_under_what_is_wrong() {
    let text = format!("{HEAD}m=audio 9 RTP/AVP 0\r\na=setup:server\r\na=mid:x\r\n");
    let error = Session::parse(&text).unwrap_err();
    assert_eq!(
        error.display_with(&text).to_string(),
        "line 6, column 9: write `active`, `passive`, `actpass` or `holdconn` as the setup role\n  |\n6 | a=setup:server\n  |         ^"
    );
    let many = HEAD.to_owned() + &"a=x\n".repeat(100) + "a=:";
    let error = Session::parse(&many).unwrap_err();
    assert!(
        error
            .display_with(&many)
            .to_string()
            .ends_with("    |\n105 | a=:\n    |   ^")
    );
}

#[test]
fn a_line_that_is_missing_is_shown_as_the_place_where_it_belongs() {
    assert_eq!(
        refused(b"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n"),
        (String::new(), "^".to_owned())
    );
    assert_eq!(refused(b""), (String::new(), "^".to_owned()));
    assert_eq!(
        refused(b"v=0\no=- 1 1 IN\n"),
        ("o=- 1 1 IN".to_owned(), "          ^".to_owned())
    );
}

#[test]
fn a_long_line_is_cut_to_the_part_around_the_caret() {
    let long = "x".repeat(70_000);
    let (line, caret) = refused(format!("{HEAD}m={long} nine {long}\r\n").as_bytes());
    assert_eq!(line, format!("…{} nine {}…", "x".repeat(59), "x".repeat(35)));
    assert_eq!(caret, format!("{}^", " ".repeat(61)));
    let (line, caret) = refused(format!("{HEAD}m= {long}\r\n").as_bytes());
    assert_eq!((line, caret), (format!("m= {}…", "x".repeat(39)), "  ^".to_owned()));
    // Characters are not cut in two.
    let long = "€".repeat(100);
    let (line, _) = refused(format!("{HEAD}i={long}\0{long}\r\n").as_bytes());
    assert_eq!(line, format!("…{}\\0{}…", "€".repeat(20), "€".repeat(13)));
}

#[test]
fn what_is_no_printable_text_is_shown_as_escapes() {
    let mut text = format!("{HEAD}m=audio\t").into_bytes();
    text.extend(b"\xff\x1b[2J 9\r\n");
    assert_eq!(
        refused(&text),
        ("m=audio\\t\\xff\\u{1b}[2J 9".to_owned(), "         ^".to_owned())
    );
    let bidirectional = format!("{HEAD}\u{202e}=x\r\n");
    assert_eq!(refused(bidirectional.as_bytes()).0, "\\u{202e}=x");
    let carriage_return = format!("{HEAD}a=x\ry\r\n");
    assert_eq!(
        refused(carriage_return.as_bytes()),
        ("a=x\\ry".to_owned(), "   ^".to_owned())
    );
    assert_eq!(
        refused(format!("{HEAD}a=x\r").as_bytes()),
        ("a=x\\r".to_owned(), "   ^".to_owned())
    );
}

quickcheck! {
    fn every_error_is_shown_in_three_lines(edits: Vec<(usize, u8)>, other: Vec<u8>) -> bool {
        let mut text = format!("{HEAD}m=audio 9 RTP/AVP 0\r\na=setup:active\r\n").into_bytes();
        for (place, byte) in edits {
            let place = place % text.len();
            text[place] = byte;
        }
        let mut errors = Vec::new();
        let lenient = Parser::new().profile(Profile::Lenient).parse_with(&text, |finding| errors.push(finding));
        errors.extend(lenient.err());
        errors.extend(Session::parse(&text).err());
        errors.iter().all(|error| {
            let (line, caret) = shown(&text, error);
            let printable = line.chars().all(|character| !character.is_control());
            // A text that the error is not about gives a wrong picture, and no harm.
            printable && caret.ends_with('^') && error.display_with(&other).to_string().lines().count() == 4
        })
    }
}
