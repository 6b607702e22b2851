//! Attributes of ICE, DTLS and SCTP, and of data channels.

use pollrtc_sdp::attribute::{Attribute, Candidate, CandidateKind};
use pollrtc_sdp::{ErrorKind, Field, Session};

use crate::support::{description, lenient, read, refused, verdicts, written_back};

const HASH: &str = "D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38";

#[test]
fn candidates_of_unknown_kinds_are_no_reason_to_refuse_a_description() {
    let lines = [
        "candidate:1 1 udp 1 192.0.2.1 9 typ teleport",
        "candidate:1 1 quic 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host x-vendor 1 network-cost 10",
    ];
    assert_eq!(verdicts(&lines), [Ok(vec![]), Ok(vec![]), Ok(vec![])]);
    let text = description(&lines);
    let session = Session::parse(&text).unwrap();
    let usable: Vec<bool> = session
        .media()
        .next()
        .unwrap()
        .candidates()
        .map(|candidate| candidate.is_usable())
        .collect();
    assert_eq!(usable, [false, false, true]);
}

#[test]
fn a_candidate_whose_address_is_none_that_is_known_is_ignored_and_no_other() {
    for address in ["fe80::54a9:d238:b2ee:ceb%24", "192.0.2", "ATM+47.0091"] {
        let line = format!("candidate:1 1 udp 1 {address} 9 typ host");
        let lines = [line.as_str(), "candidate:2 1 udp 1 192.0.2.1 9 typ host"];
        let kind = ErrorKind::Invalid(Field::CandidateAddress);
        assert_eq!(verdicts(&lines), [Err(kind), Ok(vec![kind]), Ok(vec![kind])]);
        let text = description(&lines);
        let session = Session::parse(&text).unwrap();
        let foundations: Vec<_> = session
            .media()
            .flat_map(|media| media.candidates())
            .map(|candidate| candidate.foundation)
            .collect();
        assert_eq!(foundations, ["2"]);
        // One that trickles has nobody but its sender to tell.
        assert!(Candidate::parse(&line).is_err());
    }
}

#[test]
fn derived_candidates_say_of_what() {
    for kind in ["srflx", "prflx", "relay"] {
        let bare = format!("candidate:1 1 udp 1 192.0.2.1 9 typ {kind}");
        assert_eq!(
            verdicts(&[&bare]),
            [
                Err(ErrorKind::MissingRelatedAddress),
                Ok(vec![ErrorKind::MissingRelatedAddress]),
                Ok(vec![ErrorKind::MissingRelatedAddress])
            ]
        );
        let full = format!("{bare} raddr 0.0.0.0 rport 9");
        assert_eq!(verdicts(&[&full]), [Ok(vec![]), Ok(vec![]), Ok(vec![])]);
        assert_eq!(
            Candidate::parse(&bare).unwrap().with_hidden_related().to_string(),
            full.strip_prefix("candidate:").unwrap()
        );
    }
    let mut candidate = Candidate::host("1", 1, "2001:db8::1", 9);
    assert!(!candidate.needs_related());
    candidate.kind = CandidateKind::Relay;
    assert!(candidate.needs_related());
    assert_eq!(candidate.with_hidden_related().related, Some(("::", 9)));
}

#[test]
fn tcp_candidates_that_do_not_say_who_connects_are_told_of_and_ignored() {
    let line = "candidate:1 1 tcp 1 192.0.2.1 9 typ host";
    let [strict, jsep, lenient] = verdicts(&[line]);
    assert_eq!(strict, Err(ErrorKind::MissingTcpType));
    assert_eq!(
        (jsep, lenient),
        (Ok(vec![ErrorKind::MissingTcpType]), Ok(vec![ErrorKind::MissingTcpType]))
    );
    assert!(!Candidate::parse(line).unwrap().is_usable());
    for tcp_type in ["active", "passive", "so"] {
        let line = format!("{line} tcptype {tcp_type}");
        assert!(Candidate::parse(&line).unwrap().is_usable());
        written_back(&[&line]);
    }
}

#[test]
fn what_ice_says_of_itself_is_read_and_written() {
    written_back(&[
        "remote-candidates:1 192.0.2.1 5000",
        "remote-candidates:1 192.0.2.1 5000 2 host.local 5001",
        "ice-lite",
        "ice-mismatch",
        "ice-pacing:50",
        "end-of-candidates",
    ]);
    refused(&[
        (
            "remote-candidates:1 192.0.2.1",
            "column 1: write a component, an address and a port for each as the remote candidates",
        ),
        (
            "ice-pacing:99999999999",
            "column 1: write at most ten digits as the ICE pacing",
        ),
        ("ice-pacing:-1", "column 1: write at most ten digits as the ICE pacing"),
        ("ice-lite:1", "column 1: remove the value: this attribute is a flag"),
    ]);
    // RFC 8839 §5.3, §5.5: of the session only.
    for line in ["ice-lite", "ice-pacing:50"] {
        assert_eq!(verdicts(&[line])[1], Ok(vec![ErrorKind::MisplacedAttribute]));
    }
}

#[test]
fn credentials_have_their_characters_and_lenient_takes_others_too() {
    written_back(&["ice-ufrag:a+/9", "ice-pwd:0123456789ABCDEFGHIJ+/"]);
    let lines = ["ice-ufrag:libp2p:x_y", "ice-pwd:short"];
    let [strict, jsep, tolerated] = verdicts(&lines);
    assert_eq!(strict, Err(ErrorKind::TrailingText));
    assert_eq!(jsep, Err(ErrorKind::TrailingText));
    assert_eq!(
        tolerated,
        Ok(vec![ErrorKind::TrailingText, ErrorKind::Invalid(Field::IcePwd)])
    );
    let text = description(&lines);
    let media = lenient(&text).media().next().unwrap();
    assert_eq!(
        (media.ice_ufrag(), media.ice_pwd()),
        (Some("libp2p:x_y"), Some("short"))
    );
    assert!(Attribute::parse_lenient("ice-ufrag", Some(b"two words")).is_err());
}

#[test]
fn a_section_has_its_own_credentials_or_those_of_the_session() {
    let session_level = "a=ice-ufrag:sess\r\na=ice-pwd:0123456789abcdefghijkl\r\n";
    let text = description(&["ice-ufrag:sect"]).replace("t=0 0\r\n", &format!("t=0 0\r\n{session_level}"));
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(media.ice_ufrag(), Some("sect"));
    assert_eq!(media.ice_pwd(), Some("0123456789abcdefghijkl"));
}

#[test]
fn ice_options_are_tokens() {
    written_back(&["ice-options:trickle", "ice-options:trickle ice2 renomination x+y"]);
    let Ok(Attribute::IceOptions(options)) = read("ice-options:trickle ice2") else {
        panic!()
    };
    assert!(options.trickle() && options.ice2() && !options.renomination());
    refused(&[
        (
            "ice-options:",
            "column 1: write tokens such as `trickle` as the ICE options",
        ),
        (
            "ice-options:trickle  ice2",
            "column 8: remove what follows: the value ends here",
        ),
    ]);
}

#[test]
fn fingerprints_are_those_of_the_section_or_else_of_the_session() {
    written_back(&[&format!("fingerprint:sha-256 {HASH}"), "fingerprint:x-new 00:FF"]);
    let at_session = format!("t=0 0\r\na=fingerprint:sha-256 {HASH}\r\n");
    let own = ["fingerprint:x-new 00:FF", "fingerprint:x-other 01"];
    let text = description(&own).replace("t=0 0\r\n", &at_session);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    let algorithms: Vec<_> = media.fingerprints().map(|each| each.algorithm).collect();
    assert_eq!(algorithms, ["x-new", "x-other"], "as a set");
    let text = description(&[]).replace("t=0 0\r\n", &at_session);
    let media = Session::parse(&text).unwrap().media().next().unwrap();
    assert_eq!(media.fingerprints().map(|each| each.value).collect::<Vec<_>>(), [HASH]);
}

/// What can't be read must not hand a section over to the certificate of another.
#[test]
fn a_malformed_first_line_does_not_hide_the_section_s_own() {
    let session_wide = format!("t=0 0\r\na=fingerprint:sha-256 {HASH}\r\na=extmap:1 urn:session\r\n");
    let own = [
        "fingerprint:sha-256 0",
        "fingerprint:x-new 00:FF",
        "extmap:0 urn:a",
        "extmap:2 urn:b",
    ];
    let text = description(&own).replace("t=0 0\r\n", &session_wide);
    let session = lenient(&text);
    let media = session.media().next().unwrap();
    assert_eq!(
        media.fingerprints().map(|each| each.algorithm).collect::<Vec<_>>(),
        ["x-new"]
    );
    assert_eq!(
        media.header_extensions().map(|each| each.uri).collect::<Vec<_>>(),
        ["urn:b"]
    );
}

#[test]
fn lower_case_fingerprints_are_read_and_told_of() {
    let line = format!("fingerprint:SHA-256 {}", HASH.to_ascii_lowercase());
    assert_eq!(
        verdicts(&[&line]),
        [
            Err(ErrorKind::LowerCaseFingerprint),
            Ok(vec![ErrorKind::LowerCaseFingerprint]),
            Ok(vec![ErrorKind::LowerCaseFingerprint])
        ]
    );
    let Ok(Attribute::Fingerprint(fingerprint)) = read(&line) else {
        panic!()
    };
    assert!(fingerprint.is("sha-256"));
    assert_eq!(fingerprint.bytes().next(), Some(0xd2));
}

#[test]
fn setup_has_four_values() {
    written_back(&["setup:active", "setup:passive", "setup:actpass", "setup:holdconn"]);
    for wrong in ["setup:Active", "setup:client", "setup:", "setup:active passive"] {
        assert!(read(wrong).is_err(), "{wrong}");
        assert!(verdicts(&[wrong])[1].is_err(), "{wrong}");
    }
}

#[test]
fn a_tls_id_has_twenty_characters_or_more() {
    written_back(&["tls-id:abc3de65cddef001be82", "tls-id:abc3de65cddef001be8+/-_"]);
    refused(&[
        (
            "tls-id:abc3de65cddef001be8",
            "column 1: write 20 to 255 letters, digits, `+`, `/`, `-` or `_` as the tls-id",
        ),
        (
            "tls-id:abc3de65cddef001be82.",
            "column 21: remove what follows: the value ends here",
        ),
    ]);
}

#[test]
fn sctp_ports_and_sizes_have_their_ranges() {
    written_back(&[
        "sctp-port:0",
        "sctp-port:65535",
        "max-message-size:0",
        "max-message-size:18446744073709551615",
    ]);
    for wrong in [
        "sctp-port:65536",
        "sctp-port:05000",
        "sctp-port:",
        "max-message-size:-1",
        "max-message-size:01",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_old_form_of_sctp_is_read_and_written() {
    written_back(&[
        "sctpmap:5000 webrtc-datachannel",
        "sctpmap:5000 webrtc-datachannel 1024",
    ]);
    for wrong in [
        "sctpmap:5000",
        "sctpmap:x webrtc-datachannel",
        "sctpmap:5000 webrtc-datachannel x",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn data_channels_agreed_in_sdp_are_kept() {
    // RFC 8864 §5.1.1's examples.
    written_back(&[
        "dcmap:0",
        r#"dcmap:1 subprotocol="bfcp";max-time=60000;priority=512"#,
        r#"dcmap:2 subprotocol="msrp";ordered=true;label="msrp""#,
        r#"dcmap:3 label="Label 1";ordered=false;max-retr=5;priority=128"#,
        r#"dcmap:4 label="foo%09bar";ordered=true;max-time=15000"#,
        r#"dcmap:5 label="""#,
        "dcsa:2 accept-types:text/plain",
        "dcsa:2 path",
    ]);
    let Ok(Attribute::DcMap(channel)) = read(r#"dcmap:2 subprotocol="msrp;x";max-time=15000"#) else {
        panic!()
    };
    assert_eq!((channel.subprotocol(), channel.label()), ("msrp;x", ""));
    assert_eq!(
        (channel.max_lifetime(), channel.max_retransmits(), channel.ordered()),
        (Some(15_000), None, true)
    );
    let text = description(&["dcmap:0", "dcmap:x", "dcmap:7"]);
    let session = Session::parse(&text).expect("a malformed one is ignored");
    let streams: Vec<u16> = session
        .media()
        .next()
        .unwrap()
        .data_channel_maps()
        .map(|each| each.stream)
        .collect();
    assert_eq!(streams, [0, 7]);
}
