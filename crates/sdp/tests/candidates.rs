//! Candidates, as they stand in descriptions and as browsers trickle them.

use pollrtc_sdp::attribute::{Attribute, Candidate, CandidateKind, OwnedCandidate, TcpType};
use quickcheck::quickcheck;

#[track_caller]
fn refused(text: &str, message: &str) {
    assert_eq!(Candidate::parse(text).expect_err(text).to_string(), message);
}

#[test]
fn a_host_candidate_of_chrome() {
    let text = "candidate:4086830444 1 udp 2122194687 192.0.2.2 43774 typ host generation 0 ufrag bQqH network-id 1";
    let candidate = Candidate::parse(text).unwrap();
    assert_eq!(
        (candidate.foundation, candidate.component, candidate.transport),
        ("4086830444", 1, "udp")
    );
    assert_eq!(
        (candidate.priority, candidate.address, candidate.port),
        (2_122_194_687, "192.0.2.2", 43_774)
    );
    assert_eq!(
        (candidate.kind, candidate.related, candidate.tcp_type),
        (CandidateKind::Host, None, None)
    );
    assert_eq!(
        (
            candidate.ufrag(),
            candidate.extension("network-id"),
            candidate.extension("x")
        ),
        (Some("bQqH"), Some("1"), None)
    );
    assert!(candidate.is_udp() && !candidate.is_tcp());
    assert_eq!(format!("candidate:{candidate}"), text);
}

#[test]
fn the_prefix_may_be_there_or_not() {
    let value = "1 1 UDP 1 2001:db8::1 9 typ relay raddr :: rport 9";
    let bare = Candidate::parse(value).unwrap();
    assert_eq!(Candidate::parse(&format!("candidate:{value}")), Ok(bare));
    assert_eq!(Candidate::parse(&format!("a=candidate:{value}  ")), Ok(bare));
    assert_eq!((bare.kind, bare.related), (CandidateKind::Relay, Some(("::", 9))));
}

#[test]
fn a_tcp_candidate_says_who_connects() {
    let tcp = |tcp_type: &str| format!("3 1 TCP 2105458943 192.0.2.2 9 typ host{tcp_type}");
    for (name, tcp_type) in [
        ("active", TcpType::Active),
        ("passive", TcpType::Passive),
        ("so", TcpType::SimultaneousOpen),
    ] {
        let text = tcp(&format!(" tcptype {name}"));
        let candidate = Candidate::parse(&text).unwrap();
        assert_eq!((candidate.tcp_type, candidate.is_tcp()), (Some(tcp_type), true));
        assert_eq!(candidate.to_string(), text);
    }
    // RFC 6544 §4.5: to be ignored, which is for the agent to do.
    for text in [tcp(""), tcp(" tcptype simultaneous")] {
        assert_eq!(Candidate::parse(&text).unwrap().tcp_type, None);
    }
}

#[test]
fn names_are_addresses_too() {
    let name = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6.local";
    let text = format!("1 1 udp 2113937151 {name} 51472 typ host");
    assert_eq!(Candidate::parse(&text).unwrap().address, name);
}

#[test]
fn what_is_unknown_is_kept() {
    let text = "1 2 sctp 1 turn.example.com 1 typ magic colour blue";
    let candidate = Candidate::parse(text).unwrap();
    assert_eq!(
        (candidate.transport, candidate.kind),
        ("sctp", CandidateKind::Unknown("magic"))
    );
    assert_eq!(candidate.extensions().collect::<Vec<_>>(), [("colour", "blue")]);
    assert_eq!(candidate.to_string(), text);
}

#[test]
fn extensions_come_in_any_order() {
    let text = "1 1 udp 1 192.0.2.1 1 typ srflx generation 0 rport 7 raddr 10.0.0.1 ufrag abcd";
    let candidate = Candidate::parse(text).unwrap();
    assert_eq!(
        (candidate.related, candidate.ufrag()),
        (Some(("10.0.0.1", 7)), Some("abcd"))
    );
    let written = "1 1 udp 1 192.0.2.1 1 typ srflx raddr 10.0.0.1 rport 7 generation 0 ufrag abcd";
    assert_eq!(candidate.to_string(), written);
    assert_eq!(Candidate::parse(written), Ok(candidate));
    // One without the other says nothing.
    assert_eq!(
        Candidate::parse("1 1 udp 1 192.0.2.1 1 typ srflx raddr 10.0.0.1")
            .unwrap()
            .related,
        None
    );
}

#[test]
fn a_candidate_is_made_and_written() {
    let mut candidate = Candidate::host("a", 7, "::1", 5);
    candidate.kind = CandidateKind::ServerReflexive;
    candidate.related = Some(("0.0.0.0", 9));
    assert_eq!(candidate.to_string(), "a 1 udp 7 ::1 5 typ srflx raddr 0.0.0.0 rport 9");
    let candidate = candidate.with_extensions("ufrag abcd").unwrap();
    assert_eq!(
        candidate.to_string(),
        "a 1 udp 7 ::1 5 typ srflx raddr 0.0.0.0 rport 9 ufrag abcd"
    );
    assert!(candidate.with_extensions("ufrag").is_err());
    assert!(candidate.with_extensions("ufrag a\r\na=x").is_err());
}

/// Browsers take it, the letter of RFC 8839 refuses it with this message.
#[track_caller]
fn odd(text: &str, message: &str) {
    let error = Attribute::parse("candidate", Some(text.as_bytes())).expect_err(text);
    assert_eq!(error.to_string(), message, "{text}");
    let candidate = Candidate::parse(text).expect(text);
    assert!((1..=0x7fff_ffff).contains(&candidate.priority));
    assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
}

#[test]
fn every_field_has_its_bounds() {
    assert!(
        Candidate::parse(&format!(
            "{} 256 udp 2147483647 192.0.2.1 65535 typ host",
            "f".repeat(32)
        ))
        .is_ok()
    );
    let foundation = "write 1 to 32 letters, digits, `+` or `/` as the candidate's foundation";
    refused("", &format!("column 1: {foundation}"));
    refused("candidate:", &format!("column 11: {foundation}"));
    odd(
        &format!("{} 1 udp 1 192.0.2.1 9 typ host", "f".repeat(33)),
        &format!("column 1: {foundation}"),
    );
    odd("f- 1 udp 1 192.0.2.1 9 typ host", &format!("column 1: {foundation}"));
    refused("f: 1 udp 1 192.0.2.1 9 typ host", &format!("column 1: {foundation}"));
    let component = "write a number from 1 to 256 as the candidate's component";
    refused("1 0 udp 1 192.0.2.1 9 typ host", &format!("column 3: {component}"));
    refused("1 257 udp 1 192.0.2.1 9 typ host", &format!("column 3: {component}"));
    refused("1  1 udp 1 192.0.2.1 9 typ host", &format!("column 3: {component}"));
    let priority = "write a number from 1 to 2147483647 as the candidate's priority";
    odd("1 1 udp 0 192.0.2.1 9 typ host", &format!("column 9: {priority}"));
    odd(
        "1 1 udp 2147483648 192.0.2.1 9 typ host",
        &format!("column 9: {priority}"),
    );
    refused(
        "1 1 udp 4294967296 192.0.2.1 9 typ host",
        &format!("column 9: {priority}"),
    );
    let address = "write an IPv4 or IPv6 address or a host name as the candidate's address";
    refused("1 1 udp 1 [2001:db8::1] 9 typ host", &format!("column 11: {address}"));
    refused("1 1 udp 1 fe80::1%eth0 9 typ host", &format!("column 11: {address}"));
    refused("1 1 udp 1 192.0.2.256 9 typ host", &format!("column 11: {address}"));
    refused(
        "1 1 udp 1 192.0.2.1 65536 typ host",
        "column 21: write a number from 0 to 65535 as the port",
    );
    let kind = "write `typ` and a token such as `host` as the candidate's type";
    refused("a=candidate:1 1 udp 1 192.0.2.1 9 host", &format!("column 35: {kind}"));
    refused(
        "1 1 udp 1 192.0.2.1 9 typ",
        "column 23: write `typ` and a token such as `host` as the candidate's type",
    );
    let related = "write `raddr` with an address and `rport` with a port as the candidate's related address";
    odd(
        "1 1 udp 1 192.0.2.1 9 typ srflx raddr x% rport 1",
        &format!("column 39: {related}"),
    );
    odd(
        "1 1 udp 1 192.0.2.1 9 typ srflx raddr ::1 rport x",
        &format!("column 49: {related}"),
    );
    odd(
        "1 1 udp 1 192.0.2.1 9 typ host x",
        "column 32: write a name and a value as the candidate's extension",
    );
}

quickcheck! {
    fn no_text_makes_it_panic(text: String) -> bool {
        match Candidate::parse(&text) {
            Ok(candidate) => Candidate::parse(&candidate.to_string()) == Ok(candidate),
            Err(error) => (1..=text.len() + 1).contains(&error.column()),
        }
    }

    fn what_is_written_is_read(component: u8, priority: u32, port: u16, address: std::net::IpAddr, related: Option<(std::net::IpAddr, u16)>, kind: u8) -> bool {
        let address = address.to_string();
        let related = related.map(|(address, port)| (address.to_string(), port));
        let kinds = [CandidateKind::Host, CandidateKind::ServerReflexive, CandidateKind::PeerReflexive, CandidateKind::Relay];
        let mut candidate = Candidate::host("f", (priority >> 1).max(1), &address, port);
        candidate.component = u16::from(component) + 1;
        candidate.kind = kinds[usize::from(kind % 4)];
        candidate.related = related.as_ref().map(|(address, port)| (address.as_str(), *port));
        Candidate::parse(&candidate.to_string()) == Ok(candidate)
    }
}

#[test]
fn an_owned_candidate_says_what_its_text_said() {
    for line in [
        "1 1 udp 2130706431 192.0.2.1 5000 typ host",
        "842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0 ufrag EsAw",
        "4 2 TCP 1 2001:db8::1 9 typ host tcptype active x y",
        "5 1 udp 7 a-name.local 9 typ unheard-of network-cost 999 ufrag a/b+",
    ] {
        let read = Candidate::parse(line).unwrap();
        let owned = OwnedCandidate::from(read);
        assert_eq!(owned.as_candidate(), read);
        assert_eq!(owned.to_string(), line);
        assert_eq!(owned.as_candidate().ufrag(), read.ufrag());
        assert_eq!(line.parse(), Ok(owned));
    }
}
