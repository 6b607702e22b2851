//! A router: what a visit of a peer costs that has nothing to say, and what idle peers cost, few or many.
//!
//! `cargo bench --bench router` measures time. `cargo bench --bench router -- visits N`, `... -- idle PEERS SECONDS` and
//! `... -- memory PEERS` do one thing that often and no more, for tools that count instructions: the difference of two
//! runs is what the difference of work costs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Wall};

use criterion::Criterion;
use pollrtc::{
    Certificate, Config, Datagram, Event, Instant, PeerConnection, PeerId, Rng, Router, StateMachine, default_provider,
};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 1], 3478);
const LATENCY: Duration = Duration::from_millis(10);
/// Peers begin spread over this time, so that their timers don't march in step.
const SPREAD: Duration = Duration::from_millis(5000);

/// A server's router, another one that has all of its clients, and what is under way between them.
struct World {
    now: Instant,
    server: Router,
    clients: Router,
    ids: Vec<PeerId>,
    wire: BTreeMap<(Instant, u64), (bool, SocketAddr, Vec<u8>)>,
    carried: u64,
    spare: Vec<Vec<u8>>,
    buf: Vec<u8>,
    /// What the server's router has taken, of the time of the machine.
    spent: Duration,
}

impl World {
    fn new(peers: u32) -> Self {
        let certificate = Certificate::generate(default_provider(), &mut Rng::from_os()).expect("a certificate");
        let config = || Config::default().with_certificate(certificate.clone());
        let mut world = Self {
            now: Instant::from_millis(1_000),
            server: Router::new(),
            clients: Router::new(),
            ids: Vec::new(),
            wire: BTreeMap::new(),
            carried: 0,
            spare: Vec::new(),
            buf: vec![0; 2_000],
            spent: Duration::ZERO,
        };
        let start = world.now;
        for number in 0..peers {
            world.run_to(start + SPREAD * number / peers);
            world.join(number, config());
        }
        world.run_to(world.now + Duration::from_secs(10));
        world
    }

    fn join(&mut self, number: u32, config: Config) {
        let [_, a, b, c] = number.to_be_bytes();
        let address = SocketAddr::from(([10, a, b, c], 5000));
        let mut client = PeerConnection::new(config.clone());
        client.add_local_address(self.now, address).expect("an address");
        client.create_data_channel("bench").expect("a channel");
        let offer = client.offer(self.now).expect("an offer");
        let mut server = PeerConnection::new(config);
        server.add_local_address(self.now, SERVER.into()).expect("an address");
        let answer = server.accept_offer(self.now, &offer).expect("an answer");
        client.accept_answer(self.now, &answer).expect("it fits");
        self.clients.insert(client);
        self.ids.push(self.server.insert(server));
    }

    /// Lets time pass.
    fn run_to(&mut self, end: Instant) {
        loop {
            self.settle();
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let next = [self.server.poll_timeout(), self.clients.poll_timeout(), arrival];
            let next = next.into_iter().flatten().min().unwrap_or(end);
            self.now = self.now.max(next.min(end));
            while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to_server, client, mut bytes) = entry.remove();
                let start = Wall::now();
                if to_server {
                    let datagram = Datagram::udp(client, &mut bytes).received_on(SERVER.into());
                    self.server.handle_datagram(self.now, datagram);
                    self.spent += start.elapsed();
                } else {
                    let datagram = Datagram::udp(SERVER.into(), &mut bytes).received_on(client);
                    self.clients.handle_datagram(self.now, datagram);
                }
                self.spare.push(bytes);
            }
            let start = Wall::now();
            self.server.handle_timeout(self.now);
            self.spent += start.elapsed();
            self.clients.handle_timeout(self.now);
            if self.now >= end {
                self.settle();
                return;
            }
        }
    }

    /// Takes all output.
    fn settle(&mut self) {
        for to_server in [false, true] {
            loop {
                let router = if to_server { &mut self.clients } else { &mut self.server };
                let start = Wall::now();
                let transmit = router.poll_transmit(self.now, &mut self.buf);
                if !to_server {
                    self.spent += start.elapsed();
                }
                let Some(transmit) = transmit else { break };
                let client = if to_server {
                    transmit.flow.local()
                } else {
                    Some(transmit.flow.remote())
                };
                let mut bytes = self.spare.pop().unwrap_or_default();
                bytes.clear();
                bytes.extend_from_slice(&self.buf[..transmit.len]);
                self.carried += 1;
                let key = (self.now + LATENCY, self.carried);
                self.wire.insert(key, (to_server, client.expect("an address"), bytes));
            }
        }
        let start = Wall::now();
        while let Some((_, event)) = self.server.poll_event() {
            assert!(!matches!(event, Event::Closed(_)), "a peer has gone");
        }
        self.spent += start.elapsed();
        while self.clients.poll_event().is_some() {}
    }

    /// Touches a peer that is at rest, asks for output and gets none.
    fn visit(&mut self, index: usize) {
        let id = self.ids[index % self.ids.len()];
        if let Some(mut peer) = self.server.peer_mut(id) {
            std::hint::black_box(&mut *peer);
        }
        assert!(self.server.poll_transmit(self.now, &mut self.buf).is_none());
    }
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

fn idle(peers: u32, seconds: u32) {
    let mut world = World::new(peers);
    world.spent = Duration::ZERO;
    world.run_to(world.now + Duration::from_secs(seconds.into()));
    let each = world.spent / peers / seconds;
    println!("{peers} idle peers: {} ns per peer and second", each.as_nanos());
}

/// What one more peer takes: both ends of the connection, and half of that for the one in the server's router.
fn memory(peers: u32) {
    drop(World::new(10));
    let before = resident();
    let world = World::new(peers);
    let both = (resident() - before) / world.ids.len();
    println!("{peers} idle peers: {} bytes per peer", both / 2);
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("router");
    let mut world = World::new(40);
    let mut index = 0;
    group.bench_function("visit at rest", |b| {
        b.iter(|| {
            index += 1;
            world.visit(index);
        });
    });
    group.finish();
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
    match arguments.get(1).map(String::as_str) {
        Some("visits") => {
            let mut world = World::new(4);
            (0..number(2) as usize).for_each(|index| world.visit(index));
        }
        Some("idle") => idle(number(2), number(3)),
        Some("memory") => memory(number(2)),
        _ => {
            let mut criterion = Criterion::default().configure_from_args();
            bench(&mut criterion);
            criterion.final_summary();
        }
    }
}
