//! Targets of `pollrtc-netsim`.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Framing, Protocol};
use pollrtc_netsim::Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
use pollrtc_netsim::{
    Firewall, Hairpinning, Host, Link, Nat, Network, PortPolicy, Refresh, Socket, Stats, Trace, Unsolicited, Zone,
};

/// A script that builds a network (five bytes for each of two NATs, seven for the link), then sends, opens and closes
/// streams, and waits. Each packet is received or dropped for a reason, and the same script gives the same story.
pub fn netsim_network(script: &[u8]) {
    let (first, story) = play(script);
    if crate::is_repeated(script) {
        let (second, again) = play(script);
        assert_eq!(first, second);
        assert_eq!(story, again);
    }
    assert_eq!(first.sent + first.duplicated, first.received + first.dropped());
    assert_eq!(first.icmp_sent, first.icmp_received + first.icmp_dropped);
}

const SOCKETS: [&str; 6] = [
    "10.0.0.2:5000",
    "10.0.0.2:600",
    "10.0.0.3:5000",
    "100.64.0.9:5000",
    "198.51.100.1:3478",
    "198.51.100.2:3478",
];
const EXTERNAL: [&str; 2] = ["203.0.113.1", "100.64.0.2"];

struct Script<'s> {
    bytes: std::slice::Iter<'s, u8>,
}

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    fn probability(&mut self) -> f64 {
        f64::from(self.byte()) / 512.0
    }

    fn nat(&mut self, external: &str) -> Nat {
        let kinds = [EndpointIndependent, AddressDependent, AddressAndPortDependent];
        let hairpinning = [
            Hairpinning::Off,
            Hairpinning::ExternalSource,
            Hairpinning::InternalSource,
        ];
        let ports = [PortPolicy::Preserve, PortPolicy::Sequential, PortPolicy::Random];
        let habits = self.byte();
        let external = external.parse().expect("an address");
        let (mapping, filtering) = (self.choose(&kinds), self.choose(&kinds));
        let nat = match self.byte() {
            0..=79 => Nat::linux(external),
            80..=99 => Nat::linux(external).tcp(mapping, filtering),
            _ => Nat::new(external, mapping, filtering),
        }
        .port_policy(self.choose(&ports))
        .hairpinning(hairpinning[usize::from(habits) % 3])
        .timeout(Duration::from_millis(u64::from(habits) * 4));
        let nat = if habits & 64 == 0 {
            nat
        } else {
            nat.refresh(Refresh::Both)
        };
        if habits & 128 == 0 {
            nat
        } else {
            nat.unsolicited(Unsolicited::Refused)
        }
    }

    fn link(&mut self) -> Link {
        let link = Link::new().mtu(1000);
        let link = if self.byte() & 1 == 0 {
            link
        } else {
            link.report_too_big()
        };
        link.latency(Duration::from_millis(u64::from(self.byte())))
            .jitter(Duration::from_millis(u64::from(self.byte())))
            .loss(self.probability())
            .duplication(self.probability())
            .reordering(self.probability(), Duration::from_millis(20))
            .bandwidth(u64::from(self.byte()) * 10_000 + 1000)
            .queue(10_000)
    }
}

fn play(script: &[u8]) -> (Stats, String) {
    let mut script = Script { bytes: script.iter() };
    let mut net = Network::new(1);
    net.start_trace(Trace::last(1000));
    let (outer, inner) = (script.nat(EXTERNAL[0]), script.nat(EXTERNAL[1]));
    net.set_link(Zone::INTERNET, script.link());
    let carrier = net.nat(outer);
    let home = net.nat_in(carrier, inner);
    let office = net.firewall(Firewall::stateful());
    let sockets = SOCKETS.map(|socket| socket.parse::<SocketAddr>().expect("an address"));
    let two = net.host_in(home, sockets[0], Socket::new());
    net.bind_in(home, two, sockets[1]);
    let hosts: [Host<Socket>; 6] = [
        two,
        two,
        net.host_in(home, sockets[2], Socket::new()),
        net.host_in(carrier, sockets[3], Socket::new()),
        net.host(sockets[4], Socket::new()),
        net.host_in(office, sockets[5], Socket::new()),
    ];
    for (host, listener) in hosts.into_iter().zip(sockets) {
        let framing = if listener.port() == 600 {
            Framing::Stun
        } else {
            Framing::Rfc4571
        };
        let protocol = if listener.port() == 3478 {
            Protocol::Tls
        } else {
            Protocol::Tcp
        };
        net.listen(host, listener, protocol, framing);
    }
    while !script.bytes.as_slice().is_empty() {
        let host = usize::from(script.byte()) % hosts.len();
        let payload = vec![7; usize::from(script.byte()) * 5 + 1];
        match script.byte() {
            0..=99 => {
                let destination = script.choose(&sockets);
                net[hosts[host]].send_from(sockets[host], destination, &payload);
            }
            100..=149 => {
                let address = script.choose(&EXTERNAL).parse().expect("an address");
                let port = script.choose(&[5000, 600, 50_000, 50_001]);
                let destination = SocketAddr::new(address, port);
                net[hosts[host]].send_from(sockets[host], destination, &payload);
            }
            150..=199 => {
                while let Some(arrival) = net[hosts[host]].recv() {
                    net[hosts[host]].send_from(arrival.destination, arrival.source, &arrival.payload);
                }
            }
            200 => net.flush_nat(home),
            201 => {
                let protocol = script.choose(&[Protocol::Tcp, Protocol::Tls]);
                let framing = script.choose(&[Framing::Rfc4571, Framing::Stun]);
                net[hosts[host]].connect(protocol, script.choose(&sockets), framing);
            }
            202 => {
                if let Some(stream) = net[hosts[host]].stream() {
                    net[hosts[host]].send_on(stream, &payload);
                }
            }
            203 => {
                if let Some(stream) = net[hosts[host]].stream() {
                    net[hosts[host]].close(stream);
                }
            }
            204 => {
                if let Some(stream) = net[hosts[host]].stream() {
                    net.reset(hosts[host], stream);
                }
            }
            wait => net.advance(Duration::from_millis(u64::from(wait - 200))),
        }
    }
    while net.step() {}
    (net.stats(), net.trace().expect("it was started").to_string())
}
