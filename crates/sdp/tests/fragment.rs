//! Candidates come in fragments (RFC 8840, RFC 9725).

use allocation_counter::measure;
use pollrtc_sdp::attribute::{Attribute, Candidate};
use pollrtc_sdp::{
    ErrorKind, Fragment, FragmentWriter, Letter, Limits, MediaLine, OwnedFragment, Parser, Profile, WriteError,
};
use quickcheck::quickcheck;

const CREDENTIALS: &str = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
const CANDIDATE: &str = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n";
const SECTION: &str = "m=audio 9 RTP/AVP 0\r\na=mid:0\r\n";

/// A line and what is to be said of it.
type Told = (u32, ErrorKind);

/// What each profile, from the strictest on, makes of a text: `Ok` with its findings, or the error.
fn verdicts(text: &str) -> [Result<Vec<Told>, Told>; 3] {
    [Profile::Rfc8866, Profile::Jsep, Profile::Lenient].map(|profile| {
        let mut findings = Vec::new();
        let parser = Parser::new().profile(profile);
        match parser.parse_fragment_with(text, |finding| findings.push((finding.line(), finding.kind()))) {
            Ok(_) => Ok(findings),
            Err(error) => Err((error.line(), error.kind())),
        }
    })
}

#[test]
fn candidates_are_told_by_section() {
    let text = format!(
        "a=ice-lite\r\na=ice-options:trickle ice2\r\na=ice-pacing:50\r\n{CREDENTIALS}a=x-vendor:1\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n{CANDIDATE}{CANDIDATE}\
         m=audio 9 RTP/AVP 0\r\na=mid:a\r\na=ice-ufrag:media\r\na=ice-pwd:0123456789012345678901\r\n{CANDIDATE}a=end-of-candidates\r\n"
    );
    assert_eq!(verdicts(&text), [Ok(vec![]), Ok(vec![]), Ok(vec![])]);
    let fragment = Fragment::parse(&text).unwrap();
    assert_eq!(fragment.credentials(), Some(("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")));
    assert_eq!(
        (fragment.ice_ufrag(), fragment.ice_pwd().map(str::len)),
        (Some("EsAw"), Some(24))
    );
    assert!(fragment.ice_lite() && fragment.ice_options().unwrap().contains("ice2"));
    assert_eq!((fragment.ice_pacing(), fragment.end_of_candidates()), (Some(50), false));
    assert_eq!((fragment.attributes().count(), fragment.lines().count()), (6, 16));
    let sections: Vec<_> = fragment
        .media()
        .map(|media| {
            (
                media.mid(),
                media.ice_ufrag(),
                media.candidates().count(),
                media.end_of_candidates(),
            )
        })
        .collect();
    assert_eq!(
        sections,
        [(Some("v"), Some("EsAw"), 2, false), (Some("a"), Some("media"), 1, true)]
    );
    assert_eq!(
        fragment.media_by_mid("a").unwrap().ice_pwd(),
        Some("0123456789012345678901")
    );
    assert_eq!((fragment.media_count(), fragment.as_bytes()), (2, text.as_bytes()));
}

#[test]
fn whip_sends_the_section_of_the_tagged_mid_alone() {
    // RFC 9725 §4.3: the others of the bundle are not there, and the credentials stand in the section.
    let text = format!("a=group:BUNDLE 0 1 2\r\n{SECTION}{CREDENTIALS}{CANDIDATE}a=end-of-candidates\r\n");
    assert_eq!(verdicts(&text), [Ok(vec![]), Ok(vec![]), Ok(vec![])]);
    let fragment = Fragment::parse(&text).unwrap();
    assert_eq!(fragment.bundle().unwrap().mids().next(), Some("0"));
    assert_eq!(fragment.credentials(), Some(("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")));
    assert!(fragment.ice_ufrag().is_none());
}

#[test]
fn an_end_of_all_candidates_stands_before_the_sections() {
    let text = format!("{CREDENTIALS}a=end-of-candidates\r\n{SECTION}");
    let fragment = Fragment::parse(&text).unwrap();
    assert!(fragment.end_of_candidates() && fragment.media().all(|media| media.end_of_candidates()));
    assert_eq!(Fragment::parse("").unwrap().credentials(), None);
}

#[test]
fn the_same_section_may_come_twice() {
    let text = format!("{CREDENTIALS}{SECTION}{CANDIDATE}{SECTION}{CANDIDATE}");
    let fragment = Fragment::parse(&text).unwrap();
    assert_eq!(fragment.media().filter(|media| media.mid() == Some("0")).count(), 2);
}

#[test]
fn names_are_matched_whatever_their_case() {
    // RFC 8840 §9.2.
    let text = format!("{CREDENTIALS}{SECTION}{CANDIDATE}a=end-of-candidates\r\n")
        .replace("ice-ufrag", "ICE-Ufrag")
        .replace("a=candidate", "a=Candidate")
        .replace("a=mid", "a=MID");
    assert_eq!(verdicts(&text), [Ok(vec![]), Ok(vec![]), Ok(vec![])]);
    let media = Fragment::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(
        (media.mid(), media.candidates().count(), media.ice_ufrag()),
        (Some("0"), 1, Some("EsAw"))
    );
    let owned = OwnedFragment::parse(&text).unwrap();
    assert_eq!(owned.as_fragment().media().next().unwrap().mid(), Some("0"));
}

#[test]
fn what_is_no_fragment_is_refused() {
    let not_here = |letter| ErrorKind::NotInFragment(Letter(letter));
    for (line, kind) in [
        ("v=0", not_here(b'v')),
        ("o=- 1 1 IN IP4 0.0.0.0", not_here(b'o')),
        ("s=-", not_here(b's')),
        ("t=0 0", not_here(b't')),
        ("c=IN IP4 0.0.0.0", not_here(b'c')),
        ("x=y", not_here(b'x')),
    ] {
        let text = format!("{line}\r\n{CREDENTIALS}{SECTION}{CANDIDATE}");
        assert_eq!(verdicts(&text), [Err((1, kind)), Err((1, kind)), Ok(vec![(1, kind)])]);
        let text = format!("{CREDENTIALS}{SECTION}{line}\r\n{CANDIDATE}");
        assert_eq!(verdicts(&text), [Err((5, kind)), Err((5, kind)), Ok(vec![(5, kind)])]);
    }
    let text = format!("{CREDENTIALS}m=audio 9 RTP/AVP 0\r\n{CANDIDATE}");
    let kind = ErrorKind::MissingMid;
    assert_eq!(verdicts(&text), [Err((5, kind)), Err((5, kind)), Ok(vec![(5, kind)])]);
    for half in CREDENTIALS.split_inclusive('\n') {
        let text = format!("{half}{SECTION}{CANDIDATE}");
        let kind = ErrorKind::MissingCredentials;
        assert_eq!(
            verdicts(&text),
            [Err((5, kind)), Ok(vec![(5, kind)]), Ok(vec![(5, kind)])]
        );
    }
    for text in ["<html>", "a=x\rb", "a=x\0", "m=audio\r\n", "hello"] {
        assert!(verdicts(text).iter().all(Result::is_err), "{text}");
    }
    let limits = Limits {
        candidates: 1,
        ..Limits::default()
    };
    let text = format!("{SECTION}{CANDIDATE}{CANDIDATE}");
    let error = Parser::new().limits(limits).parse_fragment(&text).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TooLarge { maximum: 1, .. }));
    // No description is taken for a fragment, and no fragment for a description.
    let description = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    assert!(Parser::new().parse_fragment(description).is_err());
    assert!(pollrtc_sdp::Session::parse(&text).is_err());
}

#[test]
fn a_fragment_is_read_without_an_allocation() {
    let text = format!(
        "{CREDENTIALS}{}",
        format!("{SECTION}{}", CANDIDATE.repeat(20)).repeat(20)
    );
    let allocations = measure(|| {
        let fragment = Fragment::parse(&text).unwrap();
        assert_eq!(fragment.media().flat_map(|media| media.candidates()).count(), 400);
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn a_fragment_is_written_as_it_is_read() {
    let candidate = Candidate::host("1", 2_130_706_431, "192.0.2.1", 5_000);
    let mut writer = FragmentWriter::new();
    writer
        .bundle(["0", "1"])
        .section_of(&MediaLine::data_channel(9), "0")
        .credentials("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
        .candidate(candidate)
        .end_of_candidates();
    let written = writer.finish().unwrap();
    let expected = format!(
        "a=group:BUNDLE 0 1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n{CREDENTIALS}{CANDIDATE}a=end-of-candidates\r\n"
    );
    assert_eq!(written.to_string(), expected);
    assert_eq!(
        written.as_fragment().media().next().unwrap().candidates().next(),
        Some(candidate)
    );
    assert_eq!(written, OwnedFragment::parse(&expected).unwrap());
    assert_eq!(written.into_bytes(), expected.as_bytes());
    assert!(FragmentWriter::new().finish().unwrap().as_bytes().is_empty());
}

#[test]
fn nothing_is_smuggled_into_a_fragment() {
    let injected = Err(WriteError::Injection(Letter(b'a')));
    assert_eq!(
        FragmentWriter::new().section("0\r\na=ice-lite").clone().finish(),
        injected
    );
    assert_eq!(
        FragmentWriter::new().credentials("EsAw", "x\n").clone().finish(),
        injected
    );
    assert_eq!(FragmentWriter::new().bundle(["0\r"]).clone().finish(), injected);
    let short = FragmentWriter::new().credentials("x", "y").clone().finish();
    assert!(matches!(short, Err(WriteError::Invalid(error)) if error.line() == 1));
    let spaced = FragmentWriter::new().attribute(Attribute::Mid("a b")).clone().finish();
    assert!(matches!(spaced, Err(WriteError::Invalid(_))));
}

quickcheck! {
    fn whatever_is_accepted_keeps_every_byte(edits: Vec<(usize, u8)>) -> bool {
        let mut text = format!("{CREDENTIALS}{SECTION}{CANDIDATE}{SECTION}").into_bytes();
        for (place, byte) in edits {
            let place = place % text.len();
            text[place] = byte;
        }
        let lenient = Parser::new().profile(Profile::Lenient).parse_fragment(&text);
        match Fragment::parse(&text) {
            Ok(fragment) => {
                let owned = OwnedFragment::parse(&text).unwrap();
                let views = [fragment, owned.as_fragment()].map(|fragment| {
                    fragment.media().map(|media| (media.as_bytes().to_vec(), media.candidates().count())).collect::<Vec<_>>()
                });
                owned.as_bytes() == text && views[0] == views[1] && lenient.is_ok()
            }
            Err(error) => error.offset() <= text.len(),
        }
    }
}

#[test]
fn a_malformed_line_costs_what_it_is_about() {
    let good = format!("a=group:BUNDLE 0\r\n{SECTION}{CREDENTIALS}{CANDIDATE}a=end-of-candidates\r\n");
    for line in [
        "a=candidate:1 1 udp",
        "a=ice-pacing:soon",
        "a=ice-options:",
        "a=setup:maybe",
        "a=rtpmap:opus",
        "b=AS:-1",
        "c=IN IP4 0.0.0.0",
        "x=y",
        "",
    ] {
        for place in 0..=good.matches("\r\n").count() {
            let (before, after): (Vec<_>, Vec<_>) = good
                .split_inclusive("\r\n")
                .enumerate()
                .partition(|(index, _)| *index < place);
            let text = |lines: Vec<(usize, &str)>| lines.into_iter().map(|(_, line)| line).collect::<String>();
            let text = format!("{}{line}\r\n{}", text(before), text(after));
            let fragment = Fragment::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(
                fragment.credentials(),
                Some(("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")),
                "{text}"
            );
            let media = fragment.media().next().unwrap();
            assert_eq!(media.mid(), Some("0"), "{text}");
            assert_eq!(
                (media.candidates().count(), media.end_of_candidates()),
                (1, true),
                "{text}"
            );
        }
    }
}
