//! Sections that are made to be costly, or of parts that don't fit.

use allocation_counter::measure;
use pollrtc_jsep::rtp::{BundleIds, MediaKind, RtpCapabilities, RtpParameters, RtpSources};
use pollrtc_sdp::{Parser, Profile, Session};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::support::{answer, carried, description};

/// All that is done with an offer.
fn negotiate(text: &str) -> Option<()> {
    let session = Parser::new().profile(Profile::Lenient).parse(text).ok()?;
    let mut bundle = BundleIds::new();
    for media in session.media() {
        let offer = RtpParameters::read(&media);
        assert!(offer.codecs.len() <= 128 && offer.rids.len() <= 64);
        assert!(offer.header_extensions.len() <= 512);
        RtpSources::read(&media).tracks();
        let kind = MediaKind::parse(media.kind()).unwrap_or(MediaKind::Video);
        let _ = bundle.claim(kind, &offer);
        let able = RtpCapabilities::of(kind);
        let Some(mut answer) = answer(&offer, &able) else {
            continue;
        };
        answer.answer_simulcast(&offer, |_, _| true);
        assert_eq!(carried(kind, &answer), answer, "what we answer is read as we mean it");
        let agreed = offer.accept(&answer).expect("our answer fits");
        assert_eq!(agreed.receive.format_list(), answer.format_list());
        let again = RtpParameters::offer(&able, Some(&agreed.reversed()), &mut bundle);
        assert!(again.format_list().starts_with(&answer.format_list()));
    }
    Some(())
}

/// The attributes of an offer of VP8, and how many of them there are per line of `unit`.
fn grown(unit: &dyn Fn(usize) -> String, lines: usize) -> String {
    let mut text = description(&[
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=rtpmap:96 VP8/90000",
    ]);
    for line in 0..lines {
        text.push_str(&unit(line));
        text.push_str("\r\n");
    }
    text
}

#[test]
fn memory_grows_no_faster_than_the_text() {
    let units: [(&str, &dyn Fn(usize) -> String); 10] = [
        ("rtpmap", &|line| format!("a=rtpmap:{} X{line}/90000", line % 128)),
        ("fmtp", &|line| format!("a=fmtp:96 x{line}=y")),
        ("rtcp-fb", &|line| format!("a=rtcp-fb:* x{line}")),
        ("extmap", &|line| format!("a=extmap:{} urn:{line}", 4_096 + line % 256)),
        ("rid", &|line| format!("a=rid:{line} send pt=96")),
        ("rid of one id", &|_| "a=rid:1 send".to_owned()),
        ("dependent rid", &|line| {
            format!("a=rid:{line} send depend={}", line + 1)
        }),
        ("ssrc", &|line| format!("a=ssrc:{line} cname:c")),
        ("ssrc-group", &|line| format!("a=ssrc-group:SIM {line} {}", line + 1)),
        ("simulcast", &|_| "a=simulcast:send 1;2".to_owned()),
    ];
    for (name, unit) in units {
        let allocated = |lines: usize| {
            let text = grown(unit, lines);
            let allocations = measure(|| negotiate(&text).unwrap_or_else(|| panic!("{name} should be read")));
            (allocations.count_total, allocations.bytes_total)
        };
        let (few, many) = (allocated(1_000), allocated(16_000));
        // Twice, since a vector that grows is copied at steps that the count may just have passed.
        let in_bounds = many.0 <= few.0 * 16 * 2 && many.1 <= few.1 * 16 * 2;
        assert!(
            in_bounds,
            "{name}: calls and bytes {few:?} for 1,000 lines, {many:?} for 16,000"
        );
    }
}

#[test]
fn long_lists_on_one_line_are_read() {
    let list = |unit: &str, length: usize| unit.repeat(length);
    let lines = [
        format!("a=rid:1 send pt=96{}", list(",96", 20_000)),
        format!("a=rid:1 send x{}", list(";x", 30_000)),
        format!("a=rid:1 send depend=2{}", list(",2", 30_000)),
        format!("a=simulcast:send 1{}", list(";1", 30_000)),
        format!("a=fmtp:96 {}", list("a=b;", 16_000)),
        format!("a=ssrc-group:SIM{}", list(" 1", 30_000)),
    ];
    for line in lines {
        let unit = |_: usize| line.clone();
        assert!(negotiate(&grown(&unit, 1)).is_some(), "{}", &line[..20]);
    }
    let formats = format!("m=video 9 RTP/AVP 96{}", list(" 96", 20_000));
    let text = description(&[&formats, "c=IN IP4 0.0.0.0", "a=rtpmap:96 VP8/90000"]);
    let session = Session::parse(&text).map(|session| RtpParameters::read(&session.media().next().unwrap()));
    assert!(session.is_err() || session.is_ok_and(|read| read.format_list() == "96"));
}

#[test]
fn streams_that_depend_on_each_other_fall_together() {
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let text = |last: &str| {
        let mut text = grown(&|_| String::new(), 0);
        for (place, id) in letters.iter().enumerate() {
            let mut needed: Vec<String> = letters.iter().take(place + 2).map(char::to_string).collect();
            if place + 1 == letters.len() {
                needed.push(last.to_owned());
            }
            text.push_str(&format!("a=rid:{id} send depend={}\r\n", needed.join(",")));
        }
        text
    };
    let streams = |text: &str| {
        let session = Session::parse(text).expect("a description");
        RtpParameters::read(&session.media().next().unwrap()).rids.len()
    };
    assert_eq!(streams(&text("a")), 62);
    assert_eq!(streams(&text("missing")), 0);
}

#[test]
fn all_128_payload_types_are_answered() {
    let all: Vec<String> = (0..128).map(|each: u8| each.to_string()).collect();
    let mut lines = vec![
        format!("m=video 9 RTP/AVP {}", all.join(" ")),
        "c=IN IP4 0.0.0.0".to_owned(),
    ];
    for each in 0..128 {
        lines.push(match each % 2 {
            0 => format!("a=rtpmap:{each} H264/90000\r\na=fmtp:{each} profile-level-id=42e01f;packetization-mode=1"),
            _ => format!("a=rtpmap:{each} rtx/90000\r\na=fmtp:{each} apt={}", each - 1),
        });
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let text = description(&lines);
    negotiate(&text).expect("a description");
    let session = Session::parse(&text).unwrap();
    let offer = RtpParameters::read(&session.media().next().unwrap());
    assert_eq!(
        answer(&offer, &RtpCapabilities::of(MediaKind::Video))
            .unwrap()
            .codecs
            .len(),
        128
    );
}

/// Lines of a section that know nothing of each other.
#[derive(Debug, Clone)]
struct Soup(Vec<String>);

impl Arbitrary for Soup {
    fn arbitrary(g: &mut Gen) -> Self {
        let section = ["m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 0", "c=IN IP4 0.0.0.0"].map(str::to_owned);
        let lines = (0..usize::arbitrary(g) % 40).map(|_| line(g)).collect::<Vec<_>>();
        Soup(section.into_iter().chain(lines).collect())
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let lines = self.0.clone();
        Box::new((2..lines.len()).map(move |place| {
            let mut fewer = lines.clone();
            fewer.remove(place);
            Soup(fewer)
        }))
    }
}

fn line(g: &mut Gen) -> String {
    const CODECS: [&str; 12] = [
        "VP8/90000",
        "vp9/90000",
        "H264/90000",
        "rtx/90000",
        "red/90000",
        "ulpfec/90000",
        "H265/90000",
        "AV1/90000",
        "rtx/8000",
        "X/1",
        "flexfec-03/90000",
        "VP8/90000/2",
    ];
    const PARAMETERS: [&str; 16] = [
        "apt=96",
        "apt=97",
        "apt=98;x",
        "96/97",
        "96/",
        "profile-level-id=42e01f",
        "packetization-mode=1",
        "profile-id=2",
        "profile-level-id=42f00b;level-asymmetry-allowed=1",
        "level-id=1",
        "profile=1",
        "x",
        ";;",
        "=",
        " a = b ; ",
        "apt=0",
    ];
    const EXTENSIONS: [&str; 6] = [
        "urn:3gpp:video-orientation",
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "urn:x a b",
        "urn:ietf:params:rtp-hdrext:encrypt urn:3gpp:video-orientation",
        "urn:ietf:params:rtp-hdrext:encrypt",
        "urn:ietf:params:rtp-hdrext:sdes:mid x=1",
    ];
    const IDS: [&str; 8] = ["1", "2", "14", "15", "255", "4096", "4097", "1/sendonly"];
    const RIDS: [&str; 10] = [
        "1 send",
        "2 send pt=96",
        "3 recv",
        "3 send",
        "4 send depend=1",
        "5 recv pt=97,98;max-width=3",
        "6 send x=",
        "7 recv y",
        "8 recv max-fps",
        "1 recv",
    ];
    const SIMULCASTS: [&str; 6] = [
        "send 1;2",
        "recv 3,5;7",
        "send 1,~4;2 recv 8",
        "send 1;1",
        " send rid=1;2",
        "send",
    ];
    const FEEDBACK: [&str; 6] = [
        "nack",
        "nack pli",
        "ccm fir",
        "ccm pause nowait",
        "x y z",
        "transport-cc",
    ];
    const SOURCES: [&str; 5] = [
        "1 cname:x",
        "2 msid:a b",
        "1 msid:- c",
        "3 label:z",
        "4294967295 cname:y",
    ];
    let number = 96 + u8::arbitrary(g) % 4;
    match u8::arbitrary(g) % 9 {
        0 | 1 => format!("a=rtpmap:{number} {}", g.choose(&CODECS).unwrap()),
        2 | 3 => format!("a=fmtp:{number} {}", g.choose(&PARAMETERS).unwrap()),
        4 => format!(
            "a=extmap:{} {}",
            g.choose(&IDS).unwrap(),
            g.choose(&EXTENSIONS).unwrap()
        ),
        5 => format!("a=rid:{}", g.choose(&RIDS).unwrap()),
        6 => format!("a=simulcast:{}", g.choose(&SIMULCASTS).unwrap()),
        7 => {
            let number = number.to_string();
            let target = if bool::arbitrary(g) { "*" } else { number.as_str() };
            format!("a=rtcp-fb:{target} {}", g.choose(&FEEDBACK).unwrap())
        }
        _ if bool::arbitrary(g) => format!("a=ssrc:{}", g.choose(&SOURCES).unwrap()),
        _ => [
            "a=rtcp-mux",
            "a=extmap-allow-mixed",
            "a=ssrc-group:SIM 1 2",
            "a=ssrc-group:FID 1 1",
            "a=rtcp-rsize",
        ][usize::arbitrary(g) % 5]
            .to_owned(),
    }
}

quickcheck! {
    fn lines_that_do_not_fit_are_answered_or_not_but_never_break(soup: Soup) -> bool {
        let lines: Vec<&str> = soup.0.iter().map(String::as_str).collect();
        negotiate(&description(&lines));
        true
    }
}
