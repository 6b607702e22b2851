//! The typed form of attributes: each is read, and written as it was.

use pollrtc_sdp::attribute::{Attribute, Direction, Fingerprint, OwnedAttribute, RawAttribute, Setup};
use pollrtc_sdp::{ErrorKind, Field};
use quickcheck::quickcheck;

use crate::support::read as try_read;

fn read(text: &str) -> Attribute<'_> {
    try_read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// All that have a typed form, in some of the forms they have.
const EXAMPLES: &[&str] = &[
    "mid:audio",
    "group:BUNDLE",
    "group:BUNDLE a b",
    "bundle-only",
    "ice-ufrag:EsAw",
    "ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
    "ice-options:trickle ice2",
    "ice-lite",
    "ice-pacing:50",
    "remote-candidates:1 192.0.2.1 5000 2 ::1 5001",
    "end-of-candidates",
    "candidate:1 1 udp 1 192.0.2.1 9 typ host",
    "fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33",
    "setup:active",
    "setup:passive",
    "setup:actpass",
    "setup:holdconn",
    "tls-id:abc3de65cddef001be82",
    "sctp-port:5000",
    "max-message-size:18446744073709551615",
    "sctpmap:5000 webrtc-datachannel",
    "sctpmap:5000 webrtc-datachannel 1024",
    "msid-semantic: WMS *",
    "extmap-allow-mixed",
    "sendrecv",
    "sendonly",
    "recvonly",
    "inactive",
    "rtcp-mux",
    "rtcp-mux-only",
    "rtcp-rsize",
    "rtcp:9",
    "rtcp:9 IN IP4 0.0.0.0",
    "rtpmap:0 PCMU/8000",
    "rtpmap:111 opus/48000/2",
    "fmtp:111 minptime=10;useinbandfec=1",
    "fmtp:101 0-15",
    "rtcp-fb:96 nack pli",
    "rtcp-fb:* ccm fir",
    "rtcp-fb:96 transport-cc",
    "extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "extmap:4351/recvonly http://example.com/ext short of it",
    "msid:stream",
    "msid:- track",
    "rid:hi send",
    "rid:1 recv pt=97,98;max-width=1280;depend=2,3;x=",
    "simulcast:send 1,~4;2 recv hi",
    "ssrc:1 cname:x:y",
    "ssrc:4294967295 flag",
    "ssrc-group:FID 1 2",
    "ssrc-group:SIM",
    "x-unknown",
    "x-unknown:with:colons and spaces ",
    "ice-mismatch",
    "cryptex",
    "ptime:20",
    "maxptime:0.5",
    "framerate:29.97",
    "quality:10",
    "orient:seascape",
    "lang:de-CH",
    "sdplang:en",
    "charset:UTF-8",
    "type:broadcast",
    "cat:a.b",
    "keywds:some words",
    "tool:a tool",
    "imageattr:97 send [x=800,y=[1:2:3],q=0.6] [x=480,y=320] recv *",
    "key-mgmt:mikey AQAF=",
    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:a|2^20|1:32;inline:b KDR=1",
    "source-filter: incl IN IP4 * 192.0.2.1 192.0.2.2",
    "label:1",
    "content:main,alt",
    "ts-refclk:ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:37",
    "mediaclk:id=src:MDA6NjA= direct=963214424 rate=1000/1001",
    "depend:96 lay L1:98,99; 97 mdc",
    "dcmap:3 label=\"Label; 1\";ordered=false;max-retr=5",
    "dcsa:2 accept-types:text/plain",
];

#[test]
fn each_is_written_as_it_was_read() {
    for text in EXAMPLES {
        assert_eq!(read(text).to_string(), *text);
    }
}

#[test]
fn owned_ones_outlive_their_text() {
    for text in EXAMPLES {
        let owned = {
            let text = text.to_string();
            OwnedAttribute::from(read(&text))
        };
        assert_eq!(owned.to_string(), *text);
        assert_eq!(owned.as_attribute(), read(text));
        assert_eq!(owned, owned.clone());
    }
    let latin1 = RawAttribute {
        name: "x",
        value: Some(b"caf\xe9"),
    };
    let owned = OwnedAttribute::from(Attribute::Other(latin1));
    assert_eq!(owned.as_attribute(), Attribute::Other(latin1), "byte for byte");
    let lenient = Attribute::parse_lenient("ice-ufrag", Some(b"a:b")).unwrap();
    assert_eq!(OwnedAttribute::from(lenient).as_attribute(), lenient);
}

#[test]
fn each_says_what_it_means() {
    assert_eq!(read("setup:actpass"), Attribute::Setup(Setup::ActPass));
    assert_eq!(read("recvonly"), Attribute::Direction(Direction::RecvOnly));
    assert_eq!(
        read("max-message-size:99999999999999999999"),
        Attribute::MaxMessageSize(u64::MAX)
    );
    assert_eq!(
        read("x:y"),
        Attribute::Other(RawAttribute {
            name: "x",
            value: Some(b"y")
        })
    );
    let Attribute::RemoteCandidates(candidates) = read("remote-candidates:1 192.0.2.1 5000 2 ::1 5001") else {
        panic!()
    };
    assert_eq!(
        candidates.iter().collect::<Vec<_>>(),
        [(1, "192.0.2.1", 5000), (2, "::1", 5001)]
    );
    let Attribute::Group(group) = read("group:LS a b") else {
        panic!()
    };
    assert_eq!(
        (group.semantics, group.mids().collect::<Vec<_>>(), group.is_bundle()),
        ("LS", vec!["a", "b"], false)
    );
    let Attribute::Rtcp(rtcp) = read("rtcp:53020 IN IP6 2001:db8::1") else {
        panic!()
    };
    assert_eq!((rtcp.port, rtcp.connection.unwrap().address), (53_020, "2001:db8::1"));
}

#[test]
fn a_flag_has_no_value_and_others_have_one() {
    assert_eq!(
        Attribute::parse("rtcp-mux", Some(b"1")).unwrap_err().kind(),
        ErrorKind::UnexpectedValue
    );
    assert_eq!(
        Attribute::parse("mid", None).unwrap_err().kind(),
        ErrorKind::MissingValue
    );
    assert_eq!(
        Attribute::parse("mid", Some(b"")).unwrap_err().kind(),
        ErrorKind::Invalid(Field::Mid)
    );
    // RFC 8866 §9: names are compared as they are.
    assert!(matches!(Attribute::parse("MID", Some(b"a")), Ok(Attribute::Other(_))));
}

#[test]
fn a_value_that_is_no_text_says_where_it_ends_to_be() {
    let error = Attribute::parse("mid", Some(b"ab\xffc")).unwrap_err();
    assert_eq!((error.kind(), error.column()), (ErrorKind::Invalid(Field::Text), 3));
}

#[test]
fn fingerprints_of_known_functions_have_their_length() {
    for (algorithm, length) in [
        ("sha-1", 20),
        ("SHA-256", 32),
        ("sha-384", 48),
        ("sha-512", 64),
        ("md5", 16),
    ] {
        for wrong in [length - 1, length + 1] {
            let value = format!("{algorithm} {}", vec!["0A"; wrong].join(":"));
            let error = Attribute::parse("fingerprint", Some(value.as_bytes())).unwrap_err();
            assert_eq!(
                (error.kind(), error.column()),
                (ErrorKind::Invalid(Field::Fingerprint), algorithm.len() + 2)
            );
        }
        let text = format!("fingerprint:{algorithm} {}", vec!["0A"; length].join(":"));
        let Attribute::Fingerprint(fingerprint) = read(&text) else {
            panic!()
        };
        assert!(fingerprint.is(&algorithm.to_ascii_lowercase()));
        assert_eq!(fingerprint.bytes().collect::<Vec<_>>(), vec![10; length]);
    }
    for malformed in [
        "sha-256",
        "sha-256 ",
        "sha-3 0A:",
        "sha-3 :0A",
        "sha-3 0A0:B",
        "sha-3 G0",
        "sha-3 0A 0B",
        "sha-3 A",
    ] {
        assert!(
            Attribute::parse("fingerprint", Some(malformed.as_bytes())).is_err(),
            "{malformed}"
        );
    }
    assert_eq!(
        read("fingerprint:sha-3 0A:0B"),
        Attribute::Fingerprint(Fingerprint {
            algorithm: "sha-3",
            value: "0A:0B"
        })
    );
}

#[test]
fn credentials_are_neither_too_short_nor_too_long() {
    for (name, least) in [("ice-ufrag", 4), ("ice-pwd", 22)] {
        for (length, accepted) in [(least - 1, false), (least, true), (256, true), (257, false)] {
            let value = "a".repeat(length);
            assert_eq!(
                Attribute::parse(name, Some(value.as_bytes())).is_ok(),
                accepted,
                "{name} of {length}"
            );
        }
    }
    for (length, accepted) in [(19, false), (20, true), (255, true), (256, false)] {
        assert_eq!(
            Attribute::parse("tls-id", Some("-".repeat(length).as_bytes())).is_ok(),
            accepted,
            "{length}"
        );
    }
}

quickcheck! {
    /// Examples with a few bytes changed, removed or doubled: far more of them are well-formed than
    /// of any text.
    fn what_resembles_an_attribute_is_written_and_read_the_same(example: usize, edits: Vec<(usize, u8, u8)>) -> bool {
        let mut text = EXAMPLES[example % EXAMPLES.len()].as_bytes().to_vec();
        for (at, edit, byte) in edits.into_iter().take(3) {
            let at = at % text.len().max(1);
            match edit % 4 {
                _ if text.is_empty() => {}
                0 => text[at] = byte & 0x7f,
                1 => text.insert(at, b" :;,=/~*[]\"0195azAZ-"[usize::from(byte) % 19]),
                2 => { text.remove(at); }
                _ => text.extend_from_within(at..),
            }
        }
        let Ok(text) = String::from_utf8(text) else { return true };
        let Ok(attribute) = try_read(&text) else { return true };
        let written = attribute.to_string();
        try_read(&written) == Ok(attribute) && OwnedAttribute::from(attribute).as_attribute() == attribute
    }

    fn what_is_read_is_written_and_read_the_same(name: usize, value: String) -> bool {
        let names = ["mid", "group", "ice-options", "candidate", "fingerprint", "setup", "sctpmap", "rtcp", "msid-semantic", "x"];
        let name = names[name % names.len()];
        let Ok(attribute) = Attribute::parse(name, Some(value.as_bytes())) else { return true };
        let written = attribute.to_string();
        let (name, value) = written.split_once(':').unwrap();
        Attribute::parse(name, Some(value.as_bytes())) == Ok(attribute)
    }
}
