//! The lines of RFC 8866 that WebRTC does nothing with have their forms too, and each profile its own
//! way with what is not quite right.

use pollrtc_sdp::{ErrorKind, Parser, Profile, Session};

/// What each profile, from the strictest on, makes of a text: `Ok` with its findings, or the error.
fn verdicts(text: &str) -> [Result<Vec<ErrorKind>, ErrorKind>; 3] {
    [Profile::Rfc8866, Profile::Jsep, Profile::Lenient].map(|profile| {
        let mut findings = Vec::new();
        let parser = Parser::new().profile(profile);
        match parser.parse_with(text, |finding| findings.push(finding.kind())) {
            Ok(_) => Ok(findings),
            Err(error) => Err(error.kind()),
        }
    })
}

fn with(line: &str) -> String {
    let (session, times) = match line.as_bytes()[0] {
        b'r' | b'z' | b'k' => ("", line),
        _ => (line, ""),
    };
    format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n{session}\r\nt=0 0\r\n{times}\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n")
        .replace("\r\n\r\n", "\r\n")
}

#[test]
fn contact_lines_have_the_forms_of_the_standard() {
    for line in [
        "u=https://example.com:8080/~a/b%20c?q=1&r=[2]#top",
        "u=relative/path",
        "e=jane@example.com",
        "e=jane@example.com (Jane Doe)",
        "e=Jane Doe <jane@example.com>",
        "e=\"jane doe\"@example.com",
        "p=+1 617 555-6011",
        "p=00",
        "p=+1 617 555-6011 (Jane Doe)",
        "p=Jane Doe <+1 617 555-6011>",
        "r=604800 3600 0 90000",
        "r=7d 1h 0 25h",
        "r=10080m 3600s 0 90000s",
        "z=3730928400 -1h 3749680800 0",
        "k=prompt",
        "k=clear:anything at all",
        "k=base64:YWJjZA==",
        "k=uri:https://example.com/key",
    ] {
        assert_eq!(verdicts(&with(line)), [Ok(vec![]), Ok(vec![]), Ok(vec![])], "{line}");
    }
    for line in [
        "u=https://example.com/a b",
        "u=%zz",
        "u=%4",
        "u=<x>",
        "e=NONE",
        "e=@example.com",
        "e=jane@",
        "e=jane doe@example.com",
        "e=Jane <Doe> <jane@example.com>",
        "e=jane@example.com(no space before)",
        "p=+",
        "p=0",
        "p=1x2",
        "p=<+1 617>",
        "r=0 1 1",
        "r=7d 1h",
        "r=7d 1h 0 25w",
        "z=3730928400",
        "z=3730928400 - 1h",
        "k=clear:",
        "k=base64:YWJ",
        "k=base64:Y===",
        "k=uri:a b",
        "k=PROMPT",
    ] {
        let [strict, jsep, lenient] = verdicts(&with(line));
        assert!(
            matches!(strict, Err(ErrorKind::Invalid(_) | ErrorKind::TrailingText)),
            "{line}: {strict:?}"
        );
        assert_eq!(strict, jsep, "{line}");
        assert_eq!(lenient, Ok(vec![strict.unwrap_err()]), "{line}");
    }
}

#[test]
fn a_connection_line_suits_its_address() {
    for (line, kind) in [
        ("c=IN IP4 2001:db8::1", ErrorKind::AddressTypeMismatch),
        ("c=IN IP6 192.0.2.1", ErrorKind::AddressTypeMismatch),
        ("c=IN IP4 233.252.0.1", ErrorKind::MissingTimeToLive),
        ("c=IN IP4 192.0.2.1/127", ErrorKind::UnicastSuffix),
        ("c=IN IP6 2001:db8::1/3", ErrorKind::UnicastSuffix),
    ] {
        assert_eq!(
            verdicts(&with(line)),
            [Err(kind), Ok(vec![kind]), Ok(vec![kind])],
            "{line}"
        );
    }
    for line in [
        "c=IN IP4 233.252.0.1/0",
        "c=IN IP6 ff15::101",
        "c=IN IP4 host.example.com",
        "c=IN IP4 4c7d3a31.local",
        "c=IN IP4 group.example.com/127/3",
        "c=TN RFC2543 +1-201-406-4090",
    ] {
        assert_eq!(verdicts(&with(line)), [Ok(vec![]), Ok(vec![]), Ok(vec![])], "{line}");
    }
}

#[test]
fn a_short_origin_line_says_what_is_missing() {
    for (line, message) in [
        ("o=-", "line 2, column 4: write digits as the session id"),
        ("o=- 1", "line 2, column 6: write digits as the session version"),
        (
            "o=- 1 1",
            "line 2, column 8: write a token such as `IN` as the network type",
        ),
        (
            "o=- 1 1 IN",
            "line 2, column 11: write `IP4`, `IP6` or another token as the address type",
        ),
        (
            "o=- 1 1 IN IP4",
            "line 2, column 15: write an IPv4 or IPv6 address or a host name as the address",
        ),
    ] {
        let text = with("b=AS:1").replace("o=- 1 1 IN IP4 0.0.0.0", line);
        assert_eq!(Session::parse(&text).unwrap_err().to_string(), message);
        let [strict, _, lenient] = verdicts(&text);
        assert_eq!(lenient, Ok(vec![strict.unwrap_err()]));
    }
}

#[test]
fn names_in_capitals_are_unknown_but_to_the_lenient_profile() {
    let text = with("b=AS:1")
        + "a=Mid:a\r\na=SETUP:active\r\na=X-VENDOR:1\r\na=Candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 1 192.0.2.2 9 typ host\r\n";
    let text = text.replace("t=0 0\r\n", "t=0 0\r\na=Group:BUNDLE a b\r\n");
    let case = ErrorKind::NameCase;
    let found = vec![case, case, case, case, ErrorKind::UnknownMid];
    assert_eq!(verdicts(&text), [Ok(vec![]), Ok(vec![]), Ok(found)]);
    let parser = Parser::new();
    let exact = parser.parse(&text).unwrap();
    let folded = parser.profile(Profile::Lenient).parse(&text).unwrap();
    let [exact, folded] = [exact, folded].map(|session| session.media().next().unwrap());
    assert_eq!(
        (exact.mid(), exact.setup(), exact.candidates().count()),
        (None, None, 1)
    );
    assert_eq!(
        (folded.mid(), folded.setup().is_some(), folded.candidates().count()),
        (Some("a"), true, 2)
    );
}

#[test]
fn formats_are_tokens_to_the_letter_only() {
    let text = with("b=AS:1").replace("RTP/AVP 0", "udptl image/t38 urn:x");
    let kind = ErrorKind::FormatNotToken;
    assert_eq!(verdicts(&text), [Err(kind), Ok(vec![]), Ok(vec![])]);
    let media = Session::parse(&text)
        .unwrap()
        .media()
        .next()
        .unwrap()
        .formats()
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(media, "image/t38,urn:x");
}

#[test]
fn one_direction_stands_at_each_level() {
    let text = with("b=AS:1").replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n") + "a=recvonly\r\na=inactive\r\n";
    let kind = ErrorKind::RepeatedAttribute;
    assert_eq!(verdicts(&text), [Err(kind), Ok(vec![kind]), Ok(vec![kind])]);
    let session = Session::parse(&text).unwrap();
    assert_eq!(session.direction().unwrap().as_str(), "sendonly");
    assert_eq!(session.media().next().unwrap().direction().as_str(), "recvonly");
}

#[test]
fn a_flag_with_a_value_is_ignored_and_told_of() {
    let text = with("b=AS:1") + "a=rtcp-mux:1\r\na=bundle-only:\r\n";
    let found = vec![ErrorKind::UnexpectedValue; 2];
    assert_eq!(verdicts(&text), [Ok(found.clone()), Ok(found.clone()), Ok(found)]);
    let session = Session::parse(&text).unwrap();
    let media = session.media().next().unwrap();
    assert!(!media.rtcp_mux() && !media.bundle_only());
    assert_eq!(media.attributes().next().unwrap().to_string(), "rtcp-mux:1");
}

#[test]
fn a_space_behind_a_flag_is_told_of_and_hides_nothing() {
    let text = with("b=AS:1") + "a=rtcp-mux \r\na=x  \r\na=mid:a \r\n";
    let kind = ErrorKind::TrailingSpace;
    assert_eq!(verdicts(&text), [Err(kind), Ok(vec![kind; 3]), Ok(vec![kind; 3])]);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert!(media.rtcp_mux());
    assert_eq!(
        media.attributes().map(|attribute| attribute.name).collect::<Vec<_>>(),
        ["rtcp-mux", "x", "mid"]
    );
    let refused = with("b=AS:1") + "a=rtcp-mux x\r\n";
    assert!(Session::parse(&refused).is_err());
}

#[test]
fn every_rule_says_where_it_comes_from() {
    for (line, reference) in [
        ("b=AS:x", "RFC 8866 §5.8"),
        ("u=a b", "RFC 8866 §5.5"),
        ("r=1", "RFC 8866 §5.10"),
        ("c=IN IP6 192.0.2.1", "RFC 8866 §5.7"),
        ("j=1", "RFC 8866 §5"),
    ] {
        let text = with(line);
        let error = Parser::new().profile(Profile::Rfc8866).parse(&text).unwrap_err();
        assert_eq!(error.kind().reference(), reference, "{line}");
    }
}
