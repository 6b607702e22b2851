//! For every traffic, a NAT does what a much simpler model of RFC 4787 says: a list of all that went
//! out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_netsim::Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
use pollrtc_netsim::{Dependence, Host, Nat, Network, PortPolicy, Socket, Zone};
use quickcheck::{Arbitrary, Gen, quickcheck};

use crate::common::{addr, drain, ms};

const INSIDE: [&str; 3] = ["10.0.0.2:5000", "10.0.0.2:5001", "10.0.0.3:5000"];
const OUTSIDE: [&str; 3] = ["198.51.100.1:1", "198.51.100.1:2", "198.51.100.2:1"];
const TIMEOUT: Duration = ms(10_000);
const TICK: Duration = ms(1);

#[derive(Clone, Debug)]
struct Settings {
    mapping: Dependence,
    filtering: Dependence,
    ports: PortPolicy,
}

#[derive(Clone, Debug)]
enum Act {
    /// An inside socket sends to an outside one.
    Out {
        from: usize,
        to: usize,
    },
    /// An outside socket sends to an outside address of the NAT that was seen before.
    In {
        from: usize,
        to: usize,
    },
    Wait {
        millis: u16,
    },
}

impl Arbitrary for Settings {
    fn arbitrary(g: &mut Gen) -> Self {
        let kinds = [EndpointIndependent, AddressDependent, AddressAndPortDependent];
        let policies = [PortPolicy::Preserve, PortPolicy::Sequential, PortPolicy::Random];
        let mut kind = || *g.choose(&kinds).unwrap();
        Self {
            mapping: kind(),
            filtering: kind(),
            ports: *g.choose(&policies).unwrap(),
        }
    }
}

impl Arbitrary for Act {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut below = |bound| usize::arbitrary(g) % bound;
        match below(5) {
            0 | 1 => Self::Out {
                from: below(INSIDE.len()),
                to: below(OUTSIDE.len()),
            },
            2 | 3 => Self::In {
                from: below(OUTSIDE.len()),
                to: below(1000),
            },
            _ => Self::Wait {
                millis: below(12_000) as u16,
            },
        }
    }
}

/// What went out, and with which outside address.
struct Sent {
    at: Instant,
    internal: SocketAddr,
    remote: SocketAddr,
    external: SocketAddr,
}

struct Lab {
    net: Network,
    zone: Zone,
    inside: [Host<Socket>; 2],
    outside: [Host<Socket>; 2],
    sent: Vec<Sent>,
}

impl Lab {
    fn new(settings: &Settings) -> Self {
        let mut net = Network::new(1);
        let public = "203.0.113.1".parse().unwrap();
        let nat = Nat::new(public, settings.mapping, settings.filtering);
        let zone = net.nat(nat.port_policy(settings.ports).timeout(TIMEOUT));
        let first = net.host_in(zone, addr(INSIDE[0]), Socket::new());
        net.bind_in(zone, first, addr(INSIDE[1]));
        let second = net.host_in(zone, addr(INSIDE[2]), Socket::new());
        let near = net.host(addr(OUTSIDE[0]), Socket::new());
        net.bind(near, addr(OUTSIDE[1]));
        let far = net.host(addr(OUTSIDE[2]), Socket::new());
        Self {
            net,
            zone,
            inside: [first, second],
            outside: [near, far],
            sent: Vec::new(),
        }
    }

    fn out(&mut self, from: usize, to: usize) {
        let (internal, remote) = (addr(INSIDE[from]), addr(OUTSIDE[to]));
        let at = self.net.now();
        self.net[self.inside[from / 2]].send_from(internal, remote, b"out");
        self.net.advance(TICK);
        let external = drain(&mut self.net, self.outside[to / 2])[0].source;
        self.sent.push(Sent {
            at,
            internal,
            remote,
            external,
        });
    }

    /// Which inside socket got it, if any, and which should have by the model.
    fn inbound(&mut self, filtering: Dependence, from: usize, to: SocketAddr) -> [Option<SocketAddr>; 2] {
        let remote = addr(OUTSIDE[from]);
        let now = self.net.now();
        // Whoever held that outside address last still holds it, if the model lets the remote in.
        let holder = self.sent.iter().rfind(|sent| sent.external == to);
        let holder = holder.map(|sent| sent.internal);
        let lets_in = |sent: &&Sent| {
            sent.external == to
                && Some(sent.internal) == holder
                && now < sent.at + TIMEOUT
                && match filtering {
                    EndpointIndependent => true,
                    AddressDependent => sent.remote.ip() == remote.ip(),
                    AddressAndPortDependent => sent.remote == remote,
                }
        };
        let expected = self.sent.iter().rfind(lets_in).map(|sent| sent.internal);
        self.net[self.outside[from / 2]].send_from(remote, to, b"in");
        self.net.advance(TICK);
        let got = self.inside.map(|host| drain(&mut self.net, host));
        let got = got.concat().first().map(|arrival| arrival.destination);
        [got, expected]
    }
}

quickcheck! {
    fn inbound_passes_exactly_when_the_rfc_says(settings: Settings, acts: Vec<Act>) -> bool {
        let mut lab = Lab::new(&settings);
        acts.iter().all(|act| {
            match *act {
                Act::Out { from, to } => lab.out(from, to),
                Act::Wait { millis } => lab.net.advance(ms(u64::from(millis))),
                Act::In { from, to } if !lab.sent.is_empty() => {
                    let external = lab.sent[to % lab.sent.len()].external;
                    let [got, expected] = lab.inbound(settings.filtering, from, external);
                    return got == expected;
                }
                Act::In { .. } => {}
            }
            true
        })
    }

    fn live_mappings_never_share_an_outside_address(settings: Settings, acts: Vec<Act>) -> bool {
        let mut lab = Lab::new(&settings);
        for act in acts {
            match act {
                Act::Out { from, to } => lab.out(from, to),
                Act::Wait { millis } => lab.net.advance(ms(u64::from(millis))),
                Act::In { .. } => {}
            }
        }
        let mappings = lab.net.mappings(lab.zone);
        let outside: BTreeSet<SocketAddr> = mappings.iter().map(|mapping| mapping.external).collect();
        let live = lab.sent.iter().filter(|sent| lab.net.now() < sent.at + TIMEOUT);
        let seen: BTreeSet<SocketAddr> = live.map(|sent| sent.external).collect();
        outside.len() == mappings.len() && outside == seen
    }
}
