//! What is wrong is refused, with the place and with what to write there.

use pollrtc_sdp::{ErrorKind, Letter, Limit, Limits, ParseError, Parser, Profile, Session};

mod common;

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
const AUDIO: &str = "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n";

fn strict(text: &str) -> Result<Session<'_>, ParseError> {
    Parser::new().profile(Profile::Rfc8866).parse(text)
}

/// Both profiles that follow the RFCs refuse `text`, and say this.
#[track_caller]
fn refused(text: &str, message: &str) {
    for profile in [Profile::Rfc8866, Profile::Jsep] {
        let error = Parser::new().profile(profile).parse(text).expect_err(text);
        assert_eq!(error.to_string(), message, "{profile:?}");
    }
}

/// The strict profile alone refuses `text`.
#[track_caller]
fn refused_by_the_letter(text: &str, message: &str) {
    assert_eq!(strict(text).expect_err(text).to_string(), message);
    assert!(Session::parse(text).is_ok());
}

#[test]
fn what_is_no_description_is_refused_at_once() {
    for text in [
        "",
        "\r\n",
        "<html>\n",
        "m=audio 9 RTP/AVP 0\r\n",
        "o=- 1 1 IN IP4 0.0.0.0\r\nv=0\r\n",
        " v=0\r\n",
        "hello",
    ] {
        refused(text, "line 1, column 1: add the `v=` line, which is missing");
        for profile in [Profile::Interop, Profile::Lenient] {
            assert!(Parser::new().profile(profile).parse(text).is_err());
        }
    }
    refused("v=1\r\n", "line 1, column 3: write `0` as the protocol version");
}

#[test]
fn lines_have_one_form() {
    refused(
        &format!("{HEAD} a=x\r\n"),
        "line 5, column 1: a line is one lower-case letter, `=` and a value; complete or remove this one",
    );
    refused(
        &format!("{HEAD}a =x\r\n"),
        "line 5, column 2: a line is one lower-case letter, `=` and a value; complete or remove this one",
    );
    refused(
        &format!("{HEAD}A=x\r\n"),
        "line 5, column 1: a line is one lower-case letter, `=` and a value; complete or remove this one",
    );
    refused(
        &format!("{HEAD}a= x\r\n"),
        "line 5, column 3: remove the space before the value",
    );
    refused(
        &format!("{HEAD}m= audio 9 RTP/AVP 0\r\n"),
        "line 5, column 3: remove the space before the value",
    );
    refused(
        &format!("{HEAD}a=\r\n"),
        "line 5, column 3: write a token as the attribute name",
    );
    refused(
        &format!("{HEAD}a=:x\r\n"),
        "line 5, column 3: write a token as the attribute name",
    );
    refused(
        &format!("{HEAD}x=y\r\n"),
        "line 5, column 1: remove this line: SDP has no `x=`",
    );
    refused_by_the_letter(&format!("{HEAD}\r\n"), "line 5, column 1: remove the blank line");
}

#[test]
fn bytes_that_end_lines_early_for_some_are_refused_by_all() {
    for profile in [Profile::Rfc8866, Profile::Jsep, Profile::Interop, Profile::Lenient] {
        let parser = Parser::new().profile(profile);
        let error = parser.parse(&format!("{HEAD}a=x:\ra=ice-lite\r\n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 5, column 5: remove the carriage return, or follow it by a line feed"
        );
        let error = parser.parse(&format!("{HEAD}a=x:\0\r\n")).unwrap_err();
        assert_eq!(error.to_string(), "line 5, column 5: remove the NUL byte");
        let error = parser.parse(&format!("{HEAD}a=x\r")).unwrap_err();
        assert_eq!((error.kind(), error.column()), (ErrorKind::BareCarriageReturn, 4));
        assert_eq!(
            parser.parse(&format!("{HEAD}a=x\0")).unwrap_err().kind(),
            ErrorKind::Nul
        );
    }
}

#[test]
fn lines_have_an_order() {
    let order = "the order is v o s i u e p c b t r z k a, then for each m: i c b k a";
    refused(
        "v=0\r\ns=-\r\no=- 1 1 IN IP4 0.0.0.0\r\nt=0 0\r\n",
        &format!("line 3, column 1: move the `o=` line: {order}"),
    );
    refused(
        &format!("{HEAD}v=0\r\n"),
        &format!("line 5, column 1: move the `v=` line: {order}"),
    );
    refused(
        &format!("{HEAD}{AUDIO}").replace("t=0 0", "r=1 1 0\r\nt=0 0"),
        &format!("line 4, column 1: move the `r=` line: {order}"),
    );
    refused(
        &format!("{HEAD}a=x\r\nb=AS:1\r\n"),
        &format!("line 6, column 1: move the `b=` line: {order}"),
    );
    refused_by_the_letter(
        &format!("{HEAD}{AUDIO}a=x\r\nb=AS:1\r\n"),
        &format!("line 8, column 1: move the `b=` line: {order}"),
    );
    refused(
        &HEAD.replace("t=0 0", "c=IN IP4 0.0.0.0\r\nc=IN IP4 0.0.0.0\r\nt=0 0"),
        "line 5, column 1: remove this line: only one `c=` is allowed here",
    );
}

#[test]
fn lines_that_are_needed_are_missed() {
    refused(
        &HEAD.replace("o=- 1 1 IN IP4 0.0.0.0\r\n", ""),
        "line 4, column 1: add the `o=` line, which is missing",
    );
    refused(
        &HEAD.replace("s=-\r\n", ""),
        "line 4, column 1: add the `s=` line, which is missing",
    );
    refused(
        &format!("{}{AUDIO}", HEAD.replace("t=0 0\r\n", "")),
        "line 4, column 1: add the `t=` line, which is missing",
    );
    refused_by_the_letter(
        &format!("{HEAD}m=audio 9 RTP/AVP 0\r\n"),
        "line 6, column 1: add the `c=` line, which is missing",
    );
    assert_eq!(strict("v=0").unwrap_err().kind(), ErrorKind::Missing(Letter(b'o')));
}

#[test]
fn fields_have_forms() {
    let with = |from: &str, to: &str| format!("{HEAD}{AUDIO}").replacen(from, to, 1);
    for (text, message) in [
        (
            with("o=- ", "o= "),
            "line 2, column 3: remove the space before the value",
        ),
        (
            with("- 1 1", "- one 1"),
            "line 2, column 5: write digits as the session id",
        ),
        (
            with("- 1 1", "- 1 -1"),
            "line 2, column 7: write digits as the session version",
        ),
        (
            with("IN IP4 0.0.0.0\r\ns", "IN IP4\r\ns"),
            "line 2, column 15: write an IPv4 or IPv6 address or a host name as the address",
        ),
        (
            with("0.0.0.0\r\ns", "0.0.0.0 x\r\ns"),
            "line 2, column 23: remove what follows: the value ends here",
        ),
        (
            with("t=0 0", "t=0 0 0"),
            "line 4, column 6: remove what follows: the value ends here",
        ),
        (
            with("audio 9 ", "audio 65536 "),
            "line 5, column 9: write a number from 0 to 65535 as the port",
        ),
        (
            with("audio 9 ", "audio -1 "),
            "line 5, column 9: write a number from 0 to 65535 as the port",
        ),
        (
            with("audio 9 ", "audio 9/0 "),
            "line 5, column 11: write a number from 1 as the number of ports",
        ),
        (
            with("audio 9 ", "audio  9 "),
            "line 5, column 9: write a number from 0 to 65535 as the port",
        ),
        (
            with("RTP/AVP 0", "RTP/AVP"),
            "line 5, column 18: write at least one token as the format",
        ),
        (
            with("RTP/AVP 0", "RTP//AVP 0"),
            "line 5, column 11: write tokens joined by `/`, such as `UDP/DTLS/SCTP`, as the transport protocol",
        ),
        (
            with("AVP 0\r\nc=IN IP4 0.0.0.0", "AVP 0\r\nc=IN IP4 0.0.0.0/256"),
            "line 6, column 18: write a number from 0 to 255 as the time to live",
        ),
        (
            with("AVP 0\r\nc=IN IP4 0.0.0.0", "AVP 0\r\nc=IN IP4 0.0.0"),
            "line 6, column 10: write an IPv4 or IPv6 address or a host name as the address",
        ),
        (
            with("AVP 0\r\nc=IN IP4 0.0.0.0", "AVP 0\r\nc=IN IP6 ::g"),
            "line 6, column 10: write an IPv4 or IPv6 address or a host name as the address",
        ),
        (
            with("t=0 0", "b=AS\r\nt=0 0"),
            "line 4, column 3: write a token such as `AS`, followed by `:`, as the bandwidth type",
        ),
        (
            with("t=0 0", "b=AS:-1\r\nt=0 0"),
            "line 4, column 6: write digits as the bandwidth",
        ),
        (with("t=0 0", "u=\r\nt=0 0"), "line 4, column 3: write a URI as the URI"),
        (
            with("t=0 0", "p=phone\r\nt=0 0"),
            "line 4, column 3: write a phone number such as `+1 617 555-6011` as the phone number",
        ),
        (
            with("t=0 0", "t=0 0\r\nr=1 1"),
            "line 5, column 3: write an interval, a duration and offsets, each digits with d, h, m, s or no unit, as the repeat time",
        ),
        (
            with("t=0 0", "t=0 0\r\nz=1"),
            "line 5, column 3: write pairs of a time and an offset as the zone adjustment",
        ),
        (
            with("t=0 0", "t=0 0\r\nk=secret"),
            "line 5, column 3: write `prompt`, `clear:`, `base64:` or `uri:` with its key as the key",
        ),
    ] {
        refused(&text, message);
    }
    refused_by_the_letter(
        &with("s=-", "s="),
        "line 3, column 3: write text, or `-`, as the session name",
    );
    refused_by_the_letter(
        &with("t=0 0", "t=1 0"),
        "line 4, column 3: write `0` or at least ten digits as the start time",
    );
    refused_by_the_letter(
        &with("t=0 0", "t=0"),
        "line 4, column 4: write `0` or at least ten digits as the stop time",
    );
    refused_by_the_letter(
        &with("t=0 0", "t=0 0 "),
        "line 4, column 6: remove the space at the end of the line",
    );
    refused_by_the_letter(
        &with("RTP/AVP 0", "RTP/AVP 0 8 0"),
        "line 5, column 23: list each format once",
    );
    refused_by_the_letter(
        &with("RTP/AVP 0", "RTP/AVP x y x"),
        "line 5, column 23: list each format once",
    );
}

#[test]
fn no_profile_guesses_at_the_head_of_a_media_section() {
    for line in [
        "m=audio 9 RTP/AVP",
        "m=audio 9\t RTP/AVP 0",
        "m=audio 9 RTP/AVP 0\x7f",
        "m=audio",
        "m=audio 9 RTP/AVP  0",
    ] {
        let text = format!("{HEAD}{line}\r\n");
        assert!(Parser::new().profile(Profile::Lenient).parse(&text).is_err(), "{line}");
    }
    let text = [HEAD.as_bytes(), b"m=audio 9\xff RTP/AVP 0\r\n"].concat();
    let error = Parser::new().profile(Profile::Lenient).parse(&text).unwrap_err();
    assert_eq!((error.line(), error.column()), (5, 10));
}

#[test]
fn known_attributes_have_forms() {
    let hash = ["AB"; 31].join(":");
    for (attribute, column, kind) in [
        ("mid:a b", 8, "remove what follows: the value ends here"),
        ("mid:", 7, "write a token as the mid"),
        ("mid", 6, "add a value: this attribute is not a flag"),
        (
            "ice-ufrag:abc",
            13,
            "write 4 to 256 letters, digits, `+` or `/` as the ICE user name fragment",
        ),
        (
            "ice-ufrag:ab:cd",
            13,
            "write 4 to 256 letters, digits, `+` or `/` as the ICE user name fragment",
        ),
        (
            "ice-pwd:short",
            11,
            "write 22 to 256 letters, digits, `+` or `/` as the ICE password",
        ),
        (
            "setup:server",
            9,
            "write `active`, `passive`, `actpass` or `holdconn` as the setup role",
        ),
        (
            "tls-id:short",
            10,
            "write 20 to 255 letters, digits, `+`, `/`, `-` or `_` as the tls-id",
        ),
        (
            "sctp-port:65536",
            13,
            "write a number from 0 to 65535 without leading zeroes as the SCTP port",
        ),
        (
            "sctp-port:05000",
            13,
            "write a number from 0 to 65535 without leading zeroes as the SCTP port",
        ),
        (
            "max-message-size:-1",
            20,
            "write a number without leading zeroes as the maximum message size",
        ),
        (
            "sctpmap:5000",
            15,
            "write a token such as `webrtc-datachannel` as the sctpmap protocol",
        ),
        ("rtcp:65536", 8, "write a number from 0 to 65535 as the RTCP port"),
        ("rtcp:9 IN IP4 x%y", 18, "remove what follows: the value ends here"),
        (
            "remote-candidates:1 192.0.2.1",
            21,
            "write a component, an address and a port for each as the remote candidates",
        ),
        (
            &format!("fingerprint:sha-256 {hash}"),
            23,
            "write pairs of hexadecimal digits joined by `:`, as many as the hash function gives, as the fingerprint",
        ),
        (
            "candidate:1 0 udp 1 192.0.2.1 9 typ host",
            15,
            "write a number from 1 to 256 as the candidate's component",
        ),
    ] {
        refused(
            &format!("{HEAD}{AUDIO}a={attribute}\r\n"),
            &format!("line 7, column {column}: {kind}"),
        );
    }
    // What can mean one thing only.
    for (attribute, column, kind) in [
        ("ice-options:a  b", 16, "remove what follows: the value ends here"),
        ("ice-options:a,b", 16, "remove what follows: the value ends here"),
        (
            "candidate:1 1 udp 0 192.0.2.1 9 typ host",
            21,
            "write a number from 1 to 2147483647 as the candidate's priority",
        ),
        (
            "ice-ufrag:zlm_",
            13,
            "write 4 to 256 letters, digits, `+` or `/` as the ICE user name fragment",
        ),
    ] {
        refused_by_the_letter(
            &format!("{HEAD}{AUDIO}a={attribute}\r\n"),
            &format!("line 7, column {column}: {kind}"),
        );
    }
}

#[test]
fn mids_are_unique_and_groups_name_those_that_exist() {
    let message = "give each media section its own mid";
    refused(
        &format!("{HEAD}{AUDIO}a=mid:a\r\n{AUDIO}a=mid:a\r\n"),
        &format!("line 10, column 7: {message}"),
    );
    refused(
        &format!("{HEAD}a=group:LS a b\r\n{AUDIO}a=mid:a\r\n"),
        "line 5, column 14: name only mids of media sections in a group",
    );
    refused(
        &format!("{HEAD}a=group:BUNDLE a\r\na=group:BUNDLE a\r\n{AUDIO}a=mid:a\r\n"),
        "line 6, column 16: put each mid into one BUNDLE group only",
    );
    assert!(
        strict(&format!(
            "{HEAD}a=group:BUNDLE a\r\na=group:LS a\r\na=group:BUNDLE\r\n{AUDIO}a=mid:a\r\n"
        ))
        .is_ok()
    );
    for sections in [100, 2_000] {
        let text = common::offer(sections);
        let repeated = text.replace(&format!("a=mid:{}\r\n", sections - 1), "a=mid:70\r\n");
        let error = Session::parse(&repeated).unwrap_err();
        assert_eq!(
            (error.kind(), error.line() as usize),
            (ErrorKind::DuplicateMid, 7 + 13 * (sections - 1) + 11)
        );
        let unknown = text.replace("a=mid:70\r\n", "a=mid:x\r\n");
        let error = Session::parse(&unknown).unwrap_err();
        assert_eq!(
            (error.kind(), error.line(), error.offset()),
            (ErrorKind::UnknownMid, 5, text.find(" 70").unwrap() + 1)
        );
    }
}

#[test]
fn limits_are_kept() {
    let text = common::offer(10);
    let limited = |limits| {
        Parser::new()
            .limits(limits)
            .parse(&text)
            .map(|session| session.media_count())
    };
    let bytes = u32::try_from(text.len()).unwrap();
    let lines = u32::try_from(text.lines().count()).unwrap();
    let all = Limits {
        bytes,
        lines,
        media_sections: 10,
        attributes: 11,
        candidates: 3,
    };
    assert_eq!(limited(all), Ok(10));
    for (limits, limit, maximum, line) in [
        (
            Limits {
                bytes: bytes - 1,
                ..all
            },
            Limit::Bytes,
            bytes - 1,
            lines,
        ),
        (
            Limits {
                lines: lines - 1,
                ..all
            },
            Limit::Lines,
            lines - 1,
            lines,
        ),
        (
            Limits {
                media_sections: 9,
                ..all
            },
            Limit::MediaSections,
            9,
            8 + 13 * 9,
        ),
        (Limits { attributes: 10, ..all }, Limit::Attributes, 10, 20),
        (Limits { candidates: 2, ..all }, Limit::Candidates, 2, 12),
    ] {
        let error = limited(limits).unwrap_err();
        assert_eq!(
            (error.kind(), error.line()),
            (ErrorKind::TooLarge { limit, maximum }, line)
        );
    }
    let message = limited(Limits {
        media_sections: 9,
        ..all
    })
    .unwrap_err()
    .to_string();
    assert_eq!(
        message,
        "line 125, column 1: shorten the description: it has more than 9 media sections"
    );
}
