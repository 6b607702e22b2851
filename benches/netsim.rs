//! How fast the simulator moves datagrams: what a test of a bulk transfer pays for it.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_core::{Framing, Protocol};
use pollrtc_netsim::{Host, Link, Nat, Network, Socket, Trace, Zone};

const DATAGRAMS: u64 = 10_000;
const PAYLOAD: [u8; 1200] = [0x5A; 1200];

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

/// A sender with its datagrams ready, and where they go.
fn loaded(mut net: Network, zone: Zone) -> (Network, Host<Socket>) {
    let sender = net.host_in(zone, addr("10.0.0.2:5000"), Socket::new());
    let receiver = net.host(addr("198.51.100.1:3478"), Socket::new());
    for _ in 0..DATAGRAMS {
        net[sender].send(addr("198.51.100.1:3478"), &PAYLOAD);
    }
    (net, receiver)
}

fn run((mut net, receiver): (Network, Host<Socket>)) -> usize {
    while net.step() {}
    net[receiver].waiting()
}

fn bad_link() -> Link {
    Link::new()
        .latency(Duration::from_millis(20))
        .jitter(Duration::from_millis(5))
        .loss(0.01)
        .duplication(0.01)
        .reordering(0.01, Duration::from_millis(5))
        .corruption(0.01)
        .bandwidth(1_000_000_000)
        .queue(usize::MAX)
}

fn datagrams(c: &mut Criterion) {
    let mut group = c.benchmark_group("netsim");
    group.throughput(Throughput::Elements(DATAGRAMS));
    let mut bench = |name: &str, make: &dyn Fn() -> (Network, Host<Socket>)| {
        group.bench_function(name, |b| {
            b.iter_batched(make, |loaded| black_box(run(loaded)), BatchSize::LargeInput);
        });
    };
    bench("perfect link", &|| loaded(Network::new(1), Zone::INTERNET));
    bench("all impairments", &|| {
        let mut net = Network::new(1);
        net.set_link(Zone::INTERNET, bad_link());
        loaded(net, Zone::INTERNET)
    });
    bench("two NATs", &|| {
        let mut net = Network::new(1);
        let carrier = net.nat(Nat::port_restricted(addr("203.0.113.1:0").ip()));
        let home = net.nat_in(carrier, Nat::symmetric(addr("100.64.0.2:0").ip()));
        loaded(net, home)
    });
    bench("Linux NAT", &|| {
        let mut net = Network::new(1);
        let home = net.nat(Nat::linux(addr("203.0.113.1:0").ip()));
        loaded(net, home)
    });
    bench("traced", &|| {
        let mut net = Network::new(1);
        net.start_trace(Trace::new());
        loaded(net, Zone::INTERNET)
    });
    group.finish();
}

/// The same by a stream: frames of the same size, and what TCP sends to bring them.
fn frames(c: &mut Criterion) {
    const SERVICE: &str = "198.51.100.1:443";
    let mut group = c.benchmark_group("netsim stream");
    group.throughput(Throughput::Elements(DATAGRAMS));
    for (name, loss) in [("no loss", 0.0), ("1 % lost", 0.01)] {
        let make = || {
            let mut net = Network::new(1);
            let link = Link::new().latency(Duration::from_millis(20)).loss(loss);
            net.set_link(Zone::INTERNET, link);
            let sender = net.host(addr("10.0.0.2:5000"), Socket::new());
            let receiver = net.host(addr(SERVICE), Socket::new());
            net.listen(receiver, addr(SERVICE), Protocol::Tcp, Framing::Rfc4571);
            net.set_send_buffer(sender, usize::MAX);
            net[sender].connect(Protocol::Tcp, addr(SERVICE), Framing::Rfc4571);
            net.run_until(|net| net[sender].stream().is_some(), Duration::from_secs(60));
            let stream = net[sender].stream().expect("it is open");
            for _ in 0..DATAGRAMS {
                net[sender].send_on(stream, &PAYLOAD);
            }
            (net, receiver)
        };
        group.bench_function(name, |b| {
            b.iter_batched(make, |loaded| black_box(run(loaded)), BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, datagrams, frames);
criterion_main!(benches);
