//! The agent keeps the laws of the contract, in every role and at every stage.

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Credentials, Role};

use super::common::address;

const MACHINE: &str = "192.0.2.1:5000";
const PEER: &str = "192.0.2.2:6000";

/// An agent that knows its peer: credentials follow from the seeds.
fn acquainted(config: Config, role: Role, seed: u8, here: &str, there: &str) -> Agent {
    let theirs = Agent::new(Config::default(), role, Rng::from_seed([3 - seed; 32]));
    let mut agent = Agent::new(config, role, Rng::from_seed([seed; 32]));
    agent.add_local_address(Instant::ZERO, address(here)).unwrap();
    agent
        .set_remote_credentials(Instant::ZERO, theirs.local_credentials().clone())
        .unwrap();
    agent.add_remote_candidate(Instant::ZERO, Candidate::host(address(there)));
    agent
}

fn machine(config: Config, role: Role) -> Agent {
    acquainted(config, role, 1, MACHINE, PEER)
}

fn peer(role: Role) -> Agent {
    acquainted(Config::default(), role, 2, PEER, MACHINE)
}

fn samples() -> Vec<Vec<u8>> {
    let mut agents = [machine(Config::default(), Role::Controlling), peer(Role::Controlled)];
    let mut samples = vec![b"\x16\xfe\xfd not STUN".to_vec()];
    let mut buf = [0; 1500];
    for agent in &mut agents {
        while let Some(transmit) = agent.poll_transmit(Instant::ZERO, &mut buf) {
            samples.push(buf[..transmit.len].to_vec());
        }
    }
    samples
}

/// All addresses that a script may give the machine.
fn local_addresses() -> impl Iterator<Item = SocketAddr> {
    let on_links = (0..4).map(|link| SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), 5000, 0, link));
    (5000..5004)
        .map(|port| ([192, 0, 2, 1], port).into())
        .chain(on_links.map(SocketAddr::V6))
}

fn verbs(laws: Laws<Agent>) -> Laws<Agent> {
    laws.local_addresses(local_addresses())
        .verb(|agent, now, _| agent.restart(now))
        .verb(|agent, now, n| {
            let port = 5000 + (n % 4) as u16;
            let _ = agent.add_local_address(now, ([192, 0, 2, 1], port).into());
        })
        .verb(|agent, now, n| agent.remove_local_address(now, ([192, 0, 2, 1], 5000 + (n % 4) as u16).into()))
        .verb(|agent, now, n| {
            let address = ([192, 0, 2, (n % 300) as u8], (n >> 8) as u16).into();
            agent.add_remote_candidate(now, Candidate::host(address));
        })
        .verb(|agent, now, n| {
            let line = format!("candidate:1 1 udp {} name{}.local 9 typ host", 1 + n % 1000, n % 200);
            agent.add_remote_candidate(now, line.parse().unwrap());
        })
        .verb(|agent, now, n| {
            let name = format!("name{}.local", n % 200);
            agent.handle_mdns_answer(now, &name, Some([192, 0, 2, (n >> 8) as u8].into()));
        })
        .verb(|agent, now, n| {
            let credentials = Credentials::new(format!("frag{}", n % 3), "a password of many characters");
            agent.set_remote_credentials(now, credentials).unwrap();
        })
        .verb(|agent, now, _| agent.end_of_remote_candidates(now))
        .verb(|agent, _, n| {
            agent.set_role(if n % 2 == 0 {
                Role::Controlling
            } else {
                Role::Controlled
            })
        })
        .verb(|agent, _, n| agent.set_remote_lite(n % 8 == 0))
        .verb(|agent, now, n| {
            // The same link-local address on a few links.
            let ip = "fe80::1".parse().unwrap();
            let _ = agent.add_local_address(now, SocketAddrV6::new(ip, 5000, 0, (n % 4) as u32).into());
        })
        .verb(|agent, now, n| {
            let line = format!("candidate:2 1 udp 1 fe80::{:x} 6000 typ host", 1 + n % 4);
            agent.add_remote_candidate(now, line.parse().unwrap());
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
}

/// All bounds of the configuration, and what the agent adds of its own.
const MOST_ITEMS: usize = 2_000;

#[test]
fn a_controlling_agent_keeps_the_laws() {
    verbs(Laws::of(|| machine(Config::default(), Role::Controlling)))
        .against(|| peer(Role::Controlled))
        .samples(samples())
        .memory(Agent::items_held, MOST_ITEMS)
        .scripts(400)
        .check();
}

#[test]
fn a_controlled_agent_keeps_the_laws() {
    verbs(Laws::of(|| machine(Config::default(), Role::Controlled)))
        .against(|| peer(Role::Controlling))
        .samples(samples())
        .memory(Agent::items_held, MOST_ITEMS)
        .scripts(400)
        .check();
}

#[test]
fn agents_in_conflict_keep_the_laws() {
    Laws::of(|| machine(Config::default(), Role::Controlling))
        .local_addresses([address(MACHINE)])
        .against(|| peer(Role::Controlling))
        .memory(Agent::items_held, MOST_ITEMS)
        .check();
}

#[test]
fn an_agent_that_shares_its_pacing_keeps_the_laws() {
    let config = || Config::default().with_shared_pacing();
    verbs(Laws::of(move || machine(config(), Role::Controlling)))
        .against(|| peer(Role::Controlled))
        .samples(samples())
        .memory(Agent::items_held, MOST_ITEMS)
        .check();
}

#[test]
fn a_lite_agent_keeps_the_laws() {
    let config = || Config::default().with_lite();
    verbs(Laws::of(move || machine(config(), Role::Controlled)))
        .against(|| peer(Role::Controlling))
        .samples(samples())
        .memory(Agent::items_held, MOST_ITEMS)
        .check();
}

#[test]
fn a_gathering_agent_with_odd_limits_keeps_the_laws() {
    let config = || {
        let mut config = Config::default()
            .with_stun_servers([address(PEER), address("192.0.2.2:6001"), address("[2001:db8::1]:3478")])
            .with_max_candidates(2)
            .with_max_peer_reflexive(1)
            .with_max_pairs(2);
        config.timing.pacing = Duration::ZERO;
        config.timing.retransmission = Duration::ZERO;
        config.timing.check_transmissions = 0;
        config.timing.gather_transmissions = 0;
        config.timing.last_wait = 0;
        config.timing.patience = Duration::ZERO;
        config.timing.consent_interval = Duration::ZERO;
        config.timing.consent_expiry = Duration::ZERO;
        config.timing.disconnect = Duration::ZERO;
        config.timing.restart_grace = Duration::ZERO;
        config
    };
    verbs(Laws::of(move || machine(config(), Role::Controlling)))
        .against(|| peer(Role::Controlled))
        .samples(samples())
        .memory(Agent::items_held, MOST_ITEMS)
        .check();
}
