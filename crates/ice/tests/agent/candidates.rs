//! Candidates: lines, priorities, foundations (RFC 8445 §5.1, RFC 8839 §5.1, RFC 8421).

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pollrtc_core::Protocol;
use pollrtc_ice::{
    AddressError, Candidate, CandidateError, CandidateKind, Config, Credentials, CredentialsError, Role, State,
};
use quickcheck::quickcheck;

use super::common::{B, Pair, Solo, address, agent, at, ms};

fn parse(line: &str) -> Candidate {
    line.parse().unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[test]
fn lines_of_browsers_are_read() {
    let chrome = parse(
        "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0 ufrag EsAw network-cost 999",
    );
    assert_eq!(chrome.kind(), CandidateKind::ServerReflexive);
    assert_eq!(chrome.address(), Some(address("203.0.113.7:46154")));
    assert_eq!(chrome.related(), Some(address("10.0.0.5:46154")));
    assert_eq!(
        (chrome.foundation(), chrome.component(), chrome.priority()),
        ("842163049", 1, 1_677_729_535)
    );
    assert_eq!(chrome.ufrag(), Some("EsAw"));

    let firefox = parse("candidate:0 1 UDP 2122252543 3a4b8bd5-6d0f-4f1c-a7ba-0d4b3a2d5c9e.local 49203 typ host");
    assert_eq!(firefox.name(), Some("3a4b8bd5-6d0f-4f1c-a7ba-0d4b3a2d5c9e.local"));
    assert_eq!((firefox.address(), firefox.protocol()), (None, Protocol::Udp));

    let tcp = parse("candidate:1 1 TCP 2105524479 192.0.2.3 9 typ host tcptype active");
    assert_eq!(tcp.protocol(), Protocol::Tcp);
    assert_eq!(
        tcp.to_string(),
        "candidate:1 1 tcp 2105524479 192.0.2.3 9 typ host tcptype active"
    );

    let v6 = parse("a=candidate:1 1 udp 1 2001:db8::1 5000 typ relay raddr :: rport 0");
    assert_eq!(
        (v6.kind(), v6.address()),
        (CandidateKind::Relayed, Some(address("[2001:db8::1]:5000")))
    );
}

#[test]
fn what_is_no_candidate_says_why() {
    assert!(matches!(
        "candidate:".parse::<Candidate>(),
        Err(CandidateError::Syntax(_))
    ));
    assert!(matches!("".parse::<Candidate>(), Err(CandidateError::Syntax(_))));
    let line = "candidate:1 1 sctp 1 192.0.2.3 5 typ host";
    assert_eq!(line.parse::<Candidate>(), Err(CandidateError::Transport));
    let line = "candidate:1 1 udp 1 192.0.2.3 5 typ satellite";
    assert_eq!(line.parse::<Candidate>(), Err(CandidateError::Kind));
}

#[test]
fn mapped_ipv4_becomes_ipv4() {
    let line = parse("candidate:1 1 udp 1 ::ffff:192.0.2.3 5 typ host");
    assert_eq!(line.address(), Some(address("192.0.2.3:5")));
}

quickcheck! {
    fn every_candidate_survives_its_line(ip: IpAddr, port: u16, base: IpAddr, reflexive: bool) -> bool {
        let address = SocketAddr::new(ip, port);
        let candidate = match reflexive {
            true => Candidate::server_reflexive(address, SocketAddr::new(base, port)),
            false => Candidate::host(address),
        };
        candidate.to_string().parse() == Ok(candidate)
    }

    fn no_line_panics(line: String) -> bool {
        let _ = line.parse::<Candidate>();
        let _ = format!("candidate:{line}").parse::<Candidate>();
        true
    }
}

#[test]
fn priorities_follow_the_formula() {
    let candidate = Candidate::host(address("[2001:db8::1]:1"));
    assert_eq!(candidate.priority(), (126 << 24) | (65_535 << 8) | 255);
    let reflexive = Candidate::server_reflexive(address("192.0.2.1:1"), address("10.0.0.1:1"));
    assert_eq!(reflexive.priority() >> 24, 100);
    assert_eq!(reflexive.priority() & 0xff, 255);
}

#[test]
fn priorities_are_unique_and_families_take_turns() {
    let mut agent = agent(Role::Controlling, 1);
    for index in 1..=20 {
        agent
            .add_local_address(at(0), address(&format!("192.0.2.{index}:5000")))
            .unwrap();
        agent
            .add_local_address(at(0), address(&format!("[2001:db8::{index}]:5000")))
            .unwrap();
    }
    agent.add_local_address(at(0), address("127.0.0.1:5000")).unwrap();
    let mut candidates: Vec<_> = agent.local_candidates().collect();
    let priorities: BTreeSet<u32> = candidates.iter().map(|candidate| candidate.priority()).collect();
    assert_eq!(priorities.len(), candidates.len());
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority()));
    let families: Vec<bool> = candidates
        .iter()
        .map(|candidate| candidate.address().unwrap().is_ipv4())
        .collect();
    assert!(
        families[..40].chunks(2).all(|pair| pair == [false, true]),
        "{families:?}"
    );
    assert_eq!(candidates.last().unwrap().address(), Some(address("127.0.0.1:5000")));
}

#[test]
fn foundations_are_those_of_the_address() {
    let mut agent = agent(Role::Controlling, 1);
    for local in ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"] {
        agent.add_local_address(at(0), address(local)).unwrap();
    }
    let foundations: Vec<_> = agent
        .local_candidates()
        .map(|candidate| candidate.foundation().to_owned())
        .collect();
    assert_eq!(foundations[0], foundations[1]);
    assert_ne!(foundations[0], foundations[2]);
    let (one, two) = (
        Candidate::host(address("192.0.2.1:1")),
        Candidate::host(address("192.0.2.2:1")),
    );
    assert_ne!(one.foundation(), two.foundation());
}

#[test]
fn addresses_that_nobody_could_reach_are_refused() {
    let mut agent = agent(Role::Controlling, 1);
    for local in [
        "0.0.0.0:5000",
        "[::]:5000",
        "224.0.0.1:5000",
        "192.0.2.1:0",
        "[fec0::1]:1",
        "[::192.0.2.1]:1",
    ] {
        let local = address(local);
        assert_eq!(
            agent.add_local_address(at(0), local),
            Err(AddressError::Unusable(local))
        );
    }
    assert_eq!(agent.local_candidates().count(), 0);
    // The mapped form is never offered; the address itself is.
    agent
        .add_local_address(at(0), address("[::ffff:192.0.2.1]:5000"))
        .unwrap();
    let offered: Vec<_> = agent.local_candidates().filter_map(Candidate::address).collect();
    assert_eq!(offered, [address("192.0.2.1:5000")]);
}

#[test]
fn an_address_counts_once_and_there_is_a_limit() {
    let config = Config::default().with_max_candidates(2);
    let mut solo = Solo::unacquainted(config, Role::Controlling);
    let local = solo.agent.local_candidates().next().unwrap().address().unwrap();
    solo.agent.add_local_address(at(0), local).unwrap();
    assert_eq!(solo.agent.local_candidates().count(), 1);
    solo.agent.add_local_address(at(0), address("192.0.2.200:1")).unwrap();
    assert_eq!(
        solo.agent.add_local_address(at(0), address("192.0.2.201:1")),
        Err(AddressError::TooMany)
    );
    // A place that is left is free again.
    solo.agent.remove_local_address(at(0), address("192.0.2.200:1"));
    solo.agent.add_local_address(at(0), address("192.0.2.201:1")).unwrap();
}

#[test]
fn credentials_have_the_lengths_and_letters_of_the_rfc() {
    let letters = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    };
    let mut seen = BTreeSet::new();
    for seed in 0..50 {
        let credentials = agent(Role::Controlling, seed).local_credentials().clone();
        assert!(credentials.ufrag.len() >= 4 && credentials.pwd.len() >= 22);
        assert!(letters(&credentials.ufrag) && letters(&credentials.pwd));
        assert!(seen.insert(credentials.ufrag.clone()));
    }
}

#[test]
fn credentials_of_impossible_lengths_are_refused_and_long_ones_work() {
    let mut solo = Solo::unacquainted(Config::default(), Role::Controlling);
    let mut set = |ufrag: usize, pwd: usize| {
        solo.agent
            .set_remote_credentials(at(0), Credentials::new("u".repeat(ufrag), "p".repeat(pwd)))
    };
    assert_eq!(set(3, 22), Err(CredentialsError::UfragLength(3)));
    assert_eq!(set(257, 22), Err(CredentialsError::UfragLength(257)));
    assert_eq!(set(4, 21), Err(CredentialsError::PwdLength(21)));
    assert_eq!(set(256, 256), Ok(()));
    solo.agent
        .add_remote_candidate(at(0), Candidate::host(address("192.0.2.2:6000")));
    assert!(solo.only_sent().bytes.len() > 256);
}

quickcheck::quickcheck! {
    /// RFC 8839 §5.4 has letters, digits, `+` and `/`; some peers have more, such as `zlm_1`.
    fn credentials_of_any_visible_characters_work(ufrag: Vec<u8>, pwd: Vec<u8>) -> bool {
        let visible = |bytes: Vec<u8>, least: usize| -> String {
            let visible = bytes.into_iter().map(|byte| char::from(b'!' + byte % 94));
            // A colon stands between the two fragments.
            let visible = visible.filter(|each| *each != ':').chain("_-=#".chars().cycle().take(least));
            visible.take(256).collect()
        };
        let theirs = Credentials::new(visible(ufrag, 4), visible(pwd, 22));
        let mut pair = Pair::with_addresses([1, 1], ms(20));
        pair.agents[B].restart_with(at(0), theirs);
        pair.signal();
        pair.run_until_both(State::Completed, at(1000))
    }
}
