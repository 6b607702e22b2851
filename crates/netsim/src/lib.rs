//! A deterministic network in virtual time, for tests of sans-IO protocols.
//!
//! A [`Network`] has a clock of its own, one seed that decides all chance, and hosts: any
//! [`StateMachine`]. Between them lie [`Link`]s (latency, jitter, loss,
//! duplication, reordering, bandwidth with a drop-tail queue, MTU, corruption), [`Nat`] boxes in the
//! terms of RFC 4787 and as Linux has them, alone or nested, NAT64, and [`Firewall`]s by protocol and port. Machines send
//! datagrams, open streams ([`Network::listen`]), and hear what ICMP says. A [`Trace`] shows what crossed the wire,
//! as text or as a capture file for Wireshark.
//!
//! ```
//! use std::time::Duration;
//! use pollrtc_netsim::{Link, Nat, Network, Socket, Zone};
//!
//! let mut net = Network::new(7);
//! net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(50)).loss(0.1));
//! let home = net.nat(Nat::port_restricted("203.0.113.1".parse()?));
//! let alice = net.host_in(home, "192.168.1.2:5000".parse()?, Socket::new());
//! let server = net.host("198.51.100.1:3478".parse()?, Socket::new());
//!
//! for _ in 0..10 {
//!     net[alice].send("198.51.100.1:3478".parse()?, b"who am I?");
//! }
//! assert!(net.run_until(|net| net[server].waiting() > 0, Duration::from_secs(1)));
//! let question = net[server].recv().unwrap();
//! assert_eq!(question.source, "203.0.113.1:5000".parse()?);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! # Testing your own protocol
//!
//! Write it as a state machine, put it in a network, and let one seed after the other try to break it:
//!
//! ```
//! use std::net::SocketAddr;
//! use std::time::Duration;
//! use pollrtc_netsim::{Datagram, Instant, Link, Nat, Network, Socket, StateMachine, Transmit, Zone};
//!
//! /// Asks until it is answered: our protocol under test.
//! struct Ping {
//!     server: SocketAddr,
//!     next: Option<Instant>,
//!     round_trip: Option<Duration>,
//!     sent: Instant,
//! }
//!
//! impl StateMachine for Ping {
//!     type Event = Duration; // the round-trip time
//!     type Received<'d> = ();
//!
//!     fn handle_datagram(&mut self, now: Instant, _pong: Datagram<'_>) {
//!         if self.next.take().is_some() {
//!             self.round_trip = Some(now - self.sent);
//!         }
//!     }
//!     fn handle_timeout(&mut self, _now: Instant) {}
//!     fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
//!         self.next.take_if(|due| *due <= now)?;
//!         (self.next, self.sent) = (Some(now + Duration::from_millis(200)), now);
//!         buf.get_mut(..4)?.copy_from_slice(b"ping");
//!         Some(Transmit::udp(self.server, 4))
//!     }
//!     fn poll_event(&mut self) -> Option<Duration> {
//!         self.round_trip.take()
//!     }
//!     fn poll_timeout(&self) -> Option<Instant> {
//!         self.next
//!     }
//! }
//!
//! let server = "198.51.100.1:7".parse()?;
//! for seed in 0..100 {
//!     // 25 ms each way, and three of ten datagrams are lost.
//!     let mut net = Network::new(seed);
//!     net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(25)).loss(0.3));
//!     let home = net.nat(Nat::symmetric("203.0.113.1".parse()?));
//!     let ping = Ping { server, next: Some(net.now()), round_trip: None, sent: net.now() };
//!     let alice = net.host_in(home, "10.0.0.2:5000".parse()?, ping);
//!     let echo = net.host(server, Socket::new());
//!
//!     let answered = net.run_until(
//!         |net| {
//!             while let Some(question) = net[echo].recv() {
//!                 net[echo].send(question.source, b"pong");
//!             }
//!             net[alice].poll_event() == Some(Duration::from_millis(50))
//!         },
//!         Duration::from_secs(10),
//!     );
//!     assert!(answered, "seed {seed}");
//! }
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! # How a datagram travels
//!
//! host, its uplink, the path through the zone, the downlink of the receiver. If nobody in the zone
//! has the address, the receiver is the zone's gateway, which translates or filters and sends on in
//! the zone around it, and so forth. Each of the three stretches is a [`Link`] and perfect unless set:
//! usually only the zone's ([`Network::set_link`]) is, so that its latency is the one-way delay.
//!
//! What can't be delivered is dropped and counted, and its sender may be told by ICMP: that a port is closed, always;
//! that nobody has an address, where [`Network::report_unreachable`] says so; that a packet is too big, from links with
//! [`Link::report_too_big`]; by NATs with [`Unsolicited::Refused`] and firewalls with [`Firewall::reject`]. NATs
//! translate these errors back, and firewalls may stop them. The machine hears of them by
//! [`handle_flow`](pollrtc_core::StateMachine::handle_flow).
//!
//! # Misuse
//!
//! This is a tool for tests: what can only be a mistake in the test (an address given twice, a handle
//! of another network) panics, and so does a machine that breaks the third law by busy-looping, or whose transmit is
//! empty, longer than its buffer, has a segment size above its length or on a stream, or goes to port 0. What a
//! machine can do wrong by no fault of its own, such as sending from an address that has just gone, is dropped and
//! counted ([`Stats`]).

mod firewall;
mod host;
mod icmp;
mod link;
mod nat;
mod network;
mod packet;
mod rng;
mod socket;
mod stats;
mod tcp;
mod topology;
mod trace;

pub use firewall::{Firewall, Ports};
pub use host::Host;
pub use icmp::IcmpError;
pub use link::Link;
pub use nat::{
    Dependence, Hairpinning, Mapping, Nat, Pooling, PortPolicy, Refresh, SimultaneousOpen, Unsolicited, nat64_address,
};
pub use network::{Attached, Deadline, InFlight, Network, Verdict};
pub use rng::Rng;
pub use socket::{Arrival, Socket};
pub use stats::{DropReason, Stats, Traffic};
pub use topology::Zone;
pub use trace::{Carried, Trace, TraceEvent, TraceRecord};
// What the API and the examples speak of besides.
pub use pollrtc_core::{Datagram, FlowEvent, Framing, Instant, Protocol, StateMachine, Transmit};
