//! Targets of `pollrtc-ice`.

use pollrtc_core::Instant;
use pollrtc_core::laws::Laws;
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Credentials, Role};

/// Bytes as a candidate line: what is read is written back the same.
pub fn ice_candidate(data: &[u8]) {
    let Ok(line) = core::str::from_utf8(data) else {
        return;
    };
    let Ok(candidate) = line.parse::<Candidate>() else {
        return;
    };
    let written = candidate.to_string();
    assert_eq!(written.parse(), Ok(candidate.clone()), "{written}");
    // No agent is disturbed by it, whatever it says.
    let mut agent = agent(Role::Controlling, 1);
    agent.add_remote_candidate(Instant::ZERO, candidate);
}

/// A script for an agent that talks to another one. The first byte chooses which.
pub fn ice_agent(data: &[u8]) {
    let Some((kind, script)) = data.split_first() else {
        return;
    };
    let shared_pacing = kind & 0x10 != 0;
    let (role, lite) = match kind % 4 {
        0 => (Role::Controlling, false),
        1 => (Role::Controlled, false),
        2 => (Role::Controlled, true),
        _ => (Role::Controlling, true), // a conflict, or two lite agents
    };
    let peer_role = match kind % 8 {
        0 | 3 | 4 => Role::Controlled,
        _ => Role::Controlling,
    };
    let config = move || {
        let mut config = Config::default().with_stun_servers([([192, 0, 2, 2], 6000).into()]);
        config.lite = lite;
        config.shared_pacing = shared_pacing;
        config
    };
    let on_links = (0..4).map(|link| core::net::SocketAddrV6::new(LINK_LOCAL, 5000, 0, link).into());
    let laws = Laws::of(move || acquainted(config(), role, 1))
        .local_addresses((4998..5002).map(|port| ([192, 0, 2, 1], port).into()).chain(on_links))
        .against(move || acquainted(Config::default(), peer_role, 2))
        .verb(|agent, now, _| agent.restart(now))
        .verb(|agent, now, n| {
            // Refused addresses are the caller's mistake and change nothing.
            let _ = agent.add_local_address(now, ([192, 0, 2, 1], 4998 + low(n) % 4).into());
        })
        .verb(|agent, now, n| agent.remove_local_address(now, ([192, 0, 2, 1], 4998 + low(n) % 4).into()))
        .verb(|agent, now, n| {
            let [last, ..] = n.to_le_bytes();
            agent.add_remote_candidate(now, Candidate::host(([192, 0, 2, last], low(n >> 8)).into()));
        })
        .verb(|agent, now, n| {
            let line = format!("candidate:1 1 udp {} name{}.local 9 typ host", 1 + n % 1000, n % 200);
            agent.add_remote_candidate(now, line.parse().expect("a candidate"));
        })
        .verb(|agent, now, n| {
            let [name, last, ..] = n.to_le_bytes();
            agent.handle_mdns_answer(now, &format!("name{name}.local"), Some([192, 0, 2, last].into()));
        })
        .verb(|agent, now, n| {
            let credentials = Credentials::new(format!("frag{}", n % 3), "a password of many characters");
            agent.set_remote_credentials(now, credentials).expect("lawful lengths");
        })
        .verb(|agent, now, _| agent.end_of_remote_candidates(now))
        .verb(|agent, _, n| agent.set_remote_lite(n % 8 == 0))
        .verb(|agent, now, n| {
            let on_link = core::net::SocketAddrV6::new(LINK_LOCAL, 5000, 0, u32::from(low(n) % 4));
            let _ = agent.add_local_address(now, on_link.into());
        })
        .verb(|agent, now, n| {
            let line = format!("candidate:2 1 udp 1 fe80::{:x} 6000 typ host", 1 + n % 4);
            agent.add_remote_candidate(now, line.parse().expect("a candidate"));
        })
        .verb(|agent, now, _| {
            if let Some(path) = agent.path() {
                agent.handle_authenticated(now, path);
            }
        })
        .verb(|agent, now, _| agent.expect_migration(now))
        .verb(|agent, now, _| {
            agent.start_transaction(now);
        })
        .verb(|agent, _, n| {
            if n % 64 == 0 {
                agent.close();
            }
        })
        .memory(Agent::items_held, 2_000);
    crate::run(&laws, script);
}

/// An address that may exist on several links.
const LINK_LOCAL: core::net::Ipv6Addr = core::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

fn low(n: u64) -> u16 {
    (n & 0xffff) as u16
}

fn agent(role: Role, seed: u8) -> Agent {
    Agent::new(Config::default(), role, Rng::from_seed([seed; 32]))
}

/// An agent at the harness's address that knows its peer at the other: credentials follow from the
/// seeds, 1 for the machine and 2 for its peer.
fn acquainted(config: Config, role: Role, seed: u8) -> Agent {
    let theirs = agent(role, 3 - seed);
    let (here, there) = match seed {
        1 => (([192, 0, 2, 1], 5000), ([192, 0, 2, 2], 6000)),
        _ => (([192, 0, 2, 2], 6000), ([192, 0, 2, 1], 5000)),
    };
    let mut agent = Agent::new(config, role, Rng::from_seed([seed; 32]));
    let now = Instant::ZERO;
    agent.add_local_address(now, here.into()).expect("a lawful address");
    agent
        .set_remote_credentials(now, theirs.local_credentials().clone())
        .expect("lawful lengths");
    agent.add_remote_candidate(now, Candidate::host(there.into()));
    agent
}
