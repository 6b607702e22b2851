//! ICE: two agents that find each other, and what an agent costs once they have.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, Config, Received, Role, State};

const PAYLOAD: usize = 1200;

fn host(side: u8, index: u8) -> SocketAddr {
    SocketAddr::from(([10, side, index, 1], 5000))
}

fn agent(role: Role, side: u8, addresses: u8) -> Agent {
    let mut agent = Agent::new(Config::default(), role, Rng::from_seed([side; 32]));
    for index in 0..addresses {
        let local = host(side, index);
        agent.add_local_address(Instant::ZERO, local).expect("a lawful address");
    }
    agent
}

fn introduce(to: &mut Agent, other: &Agent) {
    let now = Instant::ZERO;
    let credentials = other.local_credentials().clone();
    to.set_remote_credentials(now, credentials).expect("lawful credentials");
    let candidates: Vec<Candidate> = other.local_candidates().cloned().collect();
    for candidate in candidates {
        to.add_remote_candidate(now, candidate);
    }
    to.end_of_remote_candidates(now);
}

fn acquainted(addresses: [u8; 2]) -> [Agent; 2] {
    let mut a = agent(Role::Controlling, 1, addresses[0]);
    let mut b = agent(Role::Controlled, 2, addresses[1]);
    introduce(&mut a, &b);
    introduce(&mut b, &a);
    [a, b]
}

/// Hands over what each has to say until both have selected a pair.
fn connect([a, b]: &mut [Agent; 2]) {
    let mut buf = [0; 1500];
    let mut now = Instant::ZERO;
    while a.state() != State::Completed || b.state() != State::Completed {
        let before = now;
        now = [a.poll_timeout(), b.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now);
        assert!(
            now.saturating_since(before) < core::time::Duration::from_secs(1),
            "they are stuck"
        );
        for _ in 0..2 {
            pass(now, a, b, &mut buf);
            pass(now, b, a, &mut buf);
        }
        a.handle_timeout(now);
        b.handle_timeout(now);
    }
}

fn pass(now: Instant, from: &mut Agent, to: &mut Agent, buf: &mut [u8]) {
    while let Some(transmit) = from.poll_transmit(now, buf) {
        let source = transmit.flow.local().expect("an agent says where from");
        let datagram = Datagram::udp(source, &mut buf[..transmit.len]).received_on(transmit.flow.remote());
        to.handle_datagram(now, datagram);
    }
}

fn ice(c: &mut Criterion) {
    let mut group = c.benchmark_group("ice");
    for (name, addresses) in [("connect/1 pair", [1, 1]), ("connect/20 pairs", [5, 4])] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut agents = acquainted(addresses);
                connect(&mut agents);
                agents
            });
        });
    }

    let mut agents = acquainted([1, 1]);
    connect(&mut agents);
    let [mut connected, mut peer] = agents;
    let mut payload = vec![0x80; PAYLOAD];
    group.bench_function("data/receive", |b| {
        b.iter(|| {
            let datagram = Datagram::udp(host(2, 0), black_box(&mut payload)).received_on(host(1, 0));
            let received = connected.handle_datagram(Instant::ZERO, datagram);
            assert!(matches!(received, Received::Data { .. }));
        });
    });
    group.bench_function("data/path", |b| b.iter(|| black_box(&connected).path()));
    group.bench_function("idle/poll", |b| {
        let mut buf = [0; 1500];
        b.iter(|| {
            assert!(connected.poll_transmit(Instant::ZERO, &mut buf).is_none());
            (connected.poll_event(), connected.poll_timeout())
        });
    });

    // A consent check of the peer, answered.
    let mut buf = [0; 1500];
    let (now, check) = loop {
        let now = peer.poll_timeout().expect("consent is kept fresh");
        peer.handle_timeout(now);
        if let Some(transmit) = peer.poll_transmit(now, &mut buf) {
            break (now, buf[..transmit.len].to_vec());
        }
    };
    group.bench_function("check/answer", |b| {
        b.iter_batched_ref(
            || check.clone(),
            |check| {
                let datagram = Datagram::udp(host(2, 0), check).received_on(host(1, 0));
                connected.handle_datagram(now, datagram);
                connected.poll_transmit(now, &mut buf).expect("an answer")
            },
            BatchSize::SmallInput,
        );
    });

    let line = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0 ufrag EsAw network-cost 999";
    group.bench_function("candidate/read", |b| b.iter(|| black_box(line).parse::<Candidate>()));
    group.finish();
}

criterion_group!(benches, ice);
criterion_main!(benches);
