//! Every pair of NATs that can work without a relay does, whatever the timing; the others end with
//! a reason.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use pollrtc_core::{Instant, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_ice::{Agent, Candidate, CandidateKind, Config, Event, FailureReason, Role, State};
use pollrtc_netsim::{Firewall, Hairpinning, Host, Link, Nat, Network, Zone};
use pollrtc_stun::{BindingServer, ServerConfig};

use super::common::{A, B, address, ms};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open,
    FullCone,
    AddressRestricted,
    PortRestricted,
    /// A port-restricted NAT behind a port-restricted NAT.
    Carrier,
    Symmetric,
    /// A Linux router, with a rule against what is unsolicited: port-restricted.
    Linux,
    /// A Linux router without a rule against unsolicited UDP: port-restricted, until a peer's check
    /// comes before ours and makes it choose another port.
    PortOpen,
}

use Kind::{AddressRestricted, Carrier, FullCone, Linux, Open, PortOpen, PortRestricted, Symmetric};

const KINDS: [Kind; 8] = [
    Open,
    FullCone,
    AddressRestricted,
    PortRestricted,
    Carrier,
    Symmetric,
    Linux,
    PortOpen,
];

/// A NAT whose port is not the one that was told, and one that looks at ports, never meet (or, if
/// the former is only port-open, by luck).
fn can_work(a: Kind, b: Kind) -> bool {
    let picky = |kind| matches!(kind, PortRestricted | Carrier | Symmetric | Linux | PortOpen);
    let fixed = |kind| !matches!(kind, Symmetric | PortOpen);
    (fixed(a) || !picky(b)) && (fixed(b) || !picky(a))
}

const STUN_SERVER: &str = "198.51.100.1:3478";

#[derive(Clone)]
enum Signal {
    Credentials(pollrtc_ice::Credentials),
    Candidate(Box<Candidate>),
    End,
}

/// Two agents behind what they are behind, and signaling that takes its time.
pub(super) struct World {
    pub(super) net: Network,
    pub(super) agents: [Host<Agent>; 2],
    pub(super) delay: [Duration; 2],
    /// What each agent has told, what it signals included.
    events: [Rc<RefCell<Vec<Event>>>; 2],
}

impl World {
    pub(super) fn new(seed: u64, link: Link, zones: impl FnOnce(&mut Network) -> [(Zone, &'static str); 2]) -> Self {
        let mut net = Network::new(seed);
        net.set_link(Zone::INTERNET, link);
        net.host(address(STUN_SERVER), BindingServer::new(ServerConfig::default()));
        let places = zones(&mut net);
        let agents = [(A, Role::Controlling), (B, Role::Controlled)].map(|(side, role)| {
            let config = Config::default().with_stun_servers([address(STUN_SERVER)]);
            let mut rng = [side as u8; 32];
            rng[8..16].copy_from_slice(&seed.to_be_bytes());
            let mut agent = Agent::new(config, role, Rng::from_seed(rng));
            let (zone, local) = places[side];
            agent.add_local_address(Instant::ZERO, address(local)).unwrap();
            net.host_in(zone, address(local), agent)
        });
        Self {
            net,
            agents,
            delay: [ms(50); 2],
            events: Default::default(),
        }
    }

    fn between(seed: u64, kinds: [Kind; 2], link: Link) -> Self {
        Self::new(seed, link, |net| {
            [
                (kinds[A], "203.0.113.1", "192.168.1.2:5000"),
                (kinds[B], "203.0.113.2", "192.168.7.2:6000"),
            ]
            .map(|(kind, outside, inside)| {
                let outside = outside.parse().unwrap();
                let nat = match kind {
                    Open if inside.starts_with("192.168.1.") => return (Zone::INTERNET, "203.0.113.11:5000"),
                    Open => return (Zone::INTERNET, "203.0.113.12:6000"),
                    FullCone => Nat::full_cone(outside),
                    AddressRestricted => Nat::address_restricted(outside),
                    PortRestricted | Carrier => Nat::port_restricted(outside),
                    Symmetric => Nat::symmetric(outside),
                    Linux => Nat::linux(outside),
                    PortOpen => Nat::port_open(outside),
                };
                let zone = net.nat(nat);
                if kind == Carrier {
                    let middle = if outside.to_string().ends_with(".1") {
                        "100.64.0.1"
                    } else {
                        "100.64.0.2"
                    };
                    return (net.nat_in(zone, Nat::port_restricted(middle.parse().unwrap())), inside);
                }
                (zone, inside)
            })
        })
    }

    /// Trickles what each side has to say to the other.
    pub(super) fn signal(&mut self) {
        for side in [A, B] {
            let (from, to) = (self.agents[side], self.agents[1 - side]);
            let events = self.events[side].clone();
            let mut credentials = Some(self.net[from].local_credentials().clone());
            let take = move |agent: &mut Agent| {
                if let Some(credentials) = credentials.take() {
                    return Some(Signal::Credentials(credentials));
                }
                loop {
                    let event = agent.poll_event()?;
                    events.borrow_mut().push(event.clone());
                    match event {
                        Event::Candidate(candidate) => return Some(Signal::Candidate(Box::new(candidate))),
                        Event::GatheringComplete => return Some(Signal::End),
                        _ => {}
                    }
                }
            };
            self.net
                .signal(from, to, self.delay[side], take, |agent, now, signal| match signal {
                    Signal::Credentials(credentials) => agent.set_remote_credentials(now, credentials).unwrap(),
                    Signal::Candidate(candidate) => agent.add_remote_candidate(now, *candidate),
                    Signal::End => agent.end_of_remote_candidates(now),
                });
        }
    }

    pub(super) fn run_until(&mut self, deadline: Instant, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        while !done(self) {
            if self.net.now() >= deadline {
                return false;
            }
            let mut looks = 0;
            let one_moment = |_: &mut Network| {
                looks += 1;
                looks > 1
            };
            self.net.run_until(one_moment, deadline);
        }
        true
    }

    /// Lets time pass and forgets what the agents tell meanwhile.
    pub(super) fn run_for(&mut self, duration: Duration) {
        self.net.advance(duration);
        for events in &self.events {
            events.borrow_mut().clear();
        }
    }

    /// What an agent has told since it was asked last.
    pub(super) fn told(&mut self, side: usize) -> Vec<Event> {
        self.events[side].take()
    }

    pub(super) fn both(&mut self, state: State) -> bool {
        self.agents.iter().all(|agent| self.net[*agent].state() == state)
    }
}

pub(super) fn internet(loss: f64) -> Link {
    Link::new().latency(ms(100)).loss(loss)
}

#[test]
fn every_pair_that_can_work_does_under_loss_and_skew() {
    for (index, a) in KINDS.into_iter().enumerate() {
        for b in KINDS.into_iter().skip(index).filter(|b| can_work(a, *b)) {
            for seed in 0..200 {
                let kinds = if seed % 2 == 0 { [a, b] } else { [b, a] };
                let mut world = World::between(seed, kinds, internet(0.1));
                world.delay = [[50, 50], [50, 80], [80, 50]][seed as usize % 3].map(ms);
                world.signal();
                let completed = world.run_until(Instant::from_millis(30_000), |world| world.both(State::Completed));
                assert!(completed, "{kinds:?} seed {seed}");
                let now = world.net.now();
                world.net.run_until(|_| false, now + Duration::from_secs(20));
                assert!(
                    world.agents.iter().all(|agent| world.net[*agent].path().is_some()),
                    "{kinds:?} seed {seed} stays"
                );
            }
        }
    }
}

#[test]
fn without_loss_they_connect_within_a_second() {
    for (index, a) in KINDS.into_iter().enumerate() {
        for b in KINDS.into_iter().skip(index).filter(|b| can_work(a, *b)) {
            for skew in [[50, 50], [50, 80], [80, 50]] {
                for kinds in [[a, b], [b, a]] {
                    let mut world = World::between(7, kinds, internet(0.0));
                    world.delay = skew.map(ms);
                    world.signal();
                    let connected = world.run_until(Instant::from_millis(1_000), |world| {
                        world.agents.iter().all(|agent| world.net[*agent].path().is_some())
                    });
                    assert!(connected, "{kinds:?} skew {skew:?}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_work_fails_with_a_reason() {
    for (a, b) in [
        (Symmetric, PortRestricted),
        (Symmetric, Symmetric),
        (Carrier, Symmetric),
    ] {
        let mut world = World::between(3, [a, b], internet(0.0));
        world.signal();
        let failed = State::Failed(FailureReason::NoPair);
        assert!(
            world.run_until(Instant::from_millis(90_000), |world| world.both(failed)),
            "{a:?} {b:?}"
        );
        for agent in world.agents {
            assert_eq!(world.net[agent].path(), None);
            assert_eq!(world.net[agent].poll_timeout(), None, "nothing left to do");
        }
    }
}

#[test]
fn the_kind_of_path_is_the_expected_one() {
    let kind_of = |kinds| {
        let mut world = World::between(5, kinds, internet(0.0));
        world.signal();
        assert!(world.run_until(Instant::from_millis(5_000), |world| world.both(State::Completed)));
        let remote = world.net[world.agents[A]].path().unwrap().flow.remote();
        let signalled = world.told(B).into_iter().find_map(|event| match event {
            Event::Candidate(candidate) if candidate.address() == Some(remote) => Some(candidate.kind()),
            _ => None,
        });
        signalled.unwrap_or(CandidateKind::PeerReflexive)
    };
    assert_eq!(kind_of([Open, Open]), CandidateKind::Host);
    assert_eq!(kind_of([Symmetric, Open]), CandidateKind::Host);
    for other in [FullCone, AddressRestricted, PortRestricted, Linux, Carrier] {
        assert_eq!(kind_of([Open, other]), CandidateKind::ServerReflexive, "{other:?}");
        assert_eq!(kind_of([other, other]), CandidateKind::ServerReflexive, "{other:?}");
    }
    for other in [Open, FullCone, AddressRestricted] {
        assert_eq!(kind_of([other, Symmetric]), CandidateKind::PeerReflexive, "{other:?}");
    }
}

#[test]
fn on_one_network_the_host_pair_is_taken() {
    let mut world = World::new(2, internet(0.0), |net| {
        let home = net.nat(Nat::symmetric("203.0.113.1".parse().unwrap()));
        [(home, "192.168.1.2:5000"), (home, "192.168.1.3:6000")]
    });
    world.signal();
    assert!(world.run_until(Instant::from_millis(3_000), |world| world.both(State::Completed)));
    assert_eq!(
        world.net[world.agents[A]].path().unwrap().flow.remote(),
        address("192.168.1.3:6000")
    );
}

#[test]
fn behind_one_hairpinning_nat_the_host_pair_is_still_the_one() {
    let mut world = World::new(2, internet(0.0), |net| {
        let nat = Nat::full_cone("203.0.113.1".parse().unwrap()).hairpinning(Hairpinning::ExternalSource);
        let home = net.nat(nat);
        [(home, "192.168.1.2:5000"), (home, "192.168.1.3:6000")]
    });
    world.signal();
    assert!(world.run_until(Instant::from_millis(3_000), |world| world.both(State::Completed)));
    assert_eq!(
        world.net[world.agents[A]].path().unwrap().flow.remote(),
        address("192.168.1.3:6000")
    );
}

#[test]
fn where_udp_is_blocked_it_fails_and_says_so() {
    let mut world = World::new(2, internet(0.0), |net| {
        let office = net.firewall(Firewall::block_udp());
        [(office, "203.0.113.9:5000"), (Zone::INTERNET, "203.0.113.12:6000")]
    });
    world.signal();
    let failed = State::Failed(FailureReason::NoPair);
    assert!(world.run_until(Instant::from_millis(90_000), |world| world.both(failed)));
}

#[test]
fn consent_checks_keep_a_short_lived_mapping_alive() {
    let mut world = World::new(4, internet(0.0), |net| {
        let nat = |ip: &str| Nat::port_restricted(ip.parse().unwrap()).timeout(Duration::from_secs(10));
        let (one, two) = (net.nat(nat("203.0.113.1")), net.nat(nat("203.0.113.2")));
        [(one, "192.168.1.2:5000"), (two, "192.168.7.2:6000")]
    });
    world.signal();
    assert!(world.run_until(Instant::from_millis(5_000), |world| world.both(State::Completed)));
    world.net.advance(Duration::from_secs(600));
    assert!(world.both(State::Completed));
}
