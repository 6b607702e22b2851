//! The typed form of attributes: each is read, and written as it was.

use pollrtc_sdp::attribute::{Attribute, Direction, Fingerprint, RawAttribute, Setup};
use pollrtc_sdp::{ErrorKind, Field};
use quickcheck::quickcheck;

fn read(text: &str) -> Attribute<'_> {
    let (name, value) = text
        .split_once(':')
        .map_or((text, None), |(name, value)| (name, Some(value.as_bytes())));
    Attribute::parse(name, value).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn each_is_written_as_it_was_read() {
    for text in [
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
    ] {
        assert_eq!(read(text).to_string(), text);
    }
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
    fn what_is_read_is_written_and_read_the_same(name: usize, value: String) -> bool {
        let names = ["mid", "group", "ice-options", "candidate", "fingerprint", "setup", "sctpmap", "rtcp", "msid-semantic", "x"];
        let name = names[name % names.len()];
        let Ok(attribute) = Attribute::parse(name, Some(value.as_bytes())) else { return true };
        let written = attribute.to_string();
        let (name, value) = written.split_once(':').unwrap();
        Attribute::parse(name, Some(value.as_bytes())) == Ok(attribute)
    }
}
