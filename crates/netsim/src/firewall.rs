//! A gateway that forwards without translating, or refuses to.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use pollrtc_core::{Instant, Protocol};

use crate::icmp::IcmpError;
use crate::nat::{Dependence, Lifetimes, Scope, TcpState};
use crate::packet::{Content, Direction, Packet, Transport};
use crate::stats::DropReason;

/// A firewall in front of a zone. The hosts behind it have addresses that the outside can route to.
///
/// What may leave is said by protocol and port; what may come in is what answers it, and what
/// [`allow`](Self::allow) and [`allow_in`](Self::allow_in) except. ICMP errors pass if they are about something that
/// passed, unless [`block_icmp`](Self::block_icmp) says otherwise.
///
/// ```
/// use pollrtc_netsim::{Firewall, Network, Socket};
///
/// let mut net = Network::new(1);
/// let office = net.firewall(Firewall::block_udp());
/// let inside = net.host_in(office, "198.51.100.2:5000".parse()?, Socket::new());
/// let outside = net.host("192.0.2.1:5000".parse()?, Socket::new());
///
/// net[inside].send("192.0.2.1:5000".parse()?, b"let me out");
/// net.advance(std::time::Duration::from_secs(1));
/// assert!(net[outside].recv().is_none());
/// assert_eq!(net.stats().blocked, 1);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Firewall {
    udp: Ports,
    tcp: Ports,
    filtering: Dependence,
    allowed: Vec<SocketAddr>,
    services: Vec<(Transport, u16)>,
    lifetimes: Lifetimes,
    refusal: Refusal,
    icmp_blocked: bool,
}

/// To which ports of the outside something may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ports {
    /// To all.
    All,
    /// To these.
    Only(Vec<u16>),
    /// To none.
    None,
}

impl Ports {
    fn contain(&self, port: u16) -> bool {
        match self {
            Self::All => true,
            Self::Only(ports) => ports.contains(&port),
            Self::None => false,
        }
    }
}

/// How a firewall treats what it does not let out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Silent,
    Icmp,
}

impl Firewall {
    /// Lets no UDP through, in neither direction. TCP gets out, and answers to it in.
    pub fn block_udp() -> Self {
        Self::stateful().udp(Ports::None)
    }

    /// Lets only TCP to port 443 out, as in offices where all that works is the web.
    pub fn https_only() -> Self {
        Self::block_udp().tcp(Ports::Only(vec![443]))
    }

    /// Lets everything out, and in only answers: datagrams from exactly the address and port that the
    /// inside sent to, up to two minutes after it last did. What home routers do for IPv6.
    pub fn stateful() -> Self {
        Self::filtering(Dependence::AddressAndPortDependent)
    }

    /// The same with one of RFC 4787's kinds of filter.
    pub fn filtering(dependence: Dependence) -> Self {
        Self {
            udp: Ports::All,
            tcp: Ports::All,
            filtering: dependence,
            allowed: Vec::new(),
            services: Vec::new(),
            lifetimes: Lifetimes {
                udp: PINHOLE_TIMEOUT,
                udp_stream: PINHOLE_TIMEOUT,
                ..Lifetimes::RFC
            },
            refusal: Refusal::Silent,
            icmp_blocked: false,
        }
    }

    /// To which ports UDP gets out.
    #[must_use]
    pub fn udp(self, ports: Ports) -> Self {
        Self { udp: ports, ..self }
    }

    /// To which ports TCP gets out.
    #[must_use]
    pub fn tcp(self, ports: Ports) -> Self {
        Self { tcp: ports, ..self }
    }

    /// Always lets what goes to and comes from this outside address through.
    #[must_use]
    pub fn allow(mut self, outside: SocketAddr) -> Self {
        self.allowed.push(outside);
        self
    }

    /// Lets anybody send to this port of the hosts inside, and their answers out: they serve something there.
    /// ([`Protocol::Tls`] is TCP.)
    #[must_use]
    pub fn allow_in(mut self, protocol: Protocol, port: u16) -> Self {
        self.services.push((protocol.into(), port));
        self
    }

    /// Answers what it does not let out with ICMP (administratively prohibited), so that the inside knows at once.
    /// Otherwise it is dropped silently.
    #[must_use]
    pub fn reject(self) -> Self {
        Self {
            refusal: Refusal::Icmp,
            ..self
        }
    }

    /// Lets no ICMP errors through, in neither direction, which makes a black hole of each narrow link beyond it.
    #[must_use]
    pub fn block_icmp(self) -> Self {
        Self {
            icmp_blocked: true,
            ..self
        }
    }

    /// How long after the last datagram out an answer may come in; two minutes unless set.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.lifetimes.udp = timeout;
        self
    }

    fn lets_out(&self, transport: Transport, destination: SocketAddr) -> bool {
        let ports = match transport {
            Transport::Udp => &self.udp,
            Transport::Tcp => &self.tcp,
        };
        ports.contain(destination.port())
    }

    fn serves(&self, transport: Transport, port: u16) -> bool {
        self.services.contains(&(transport, port))
    }
}

/// RFC 4787 REQ-5 for NATs, RFC 6092 REC-14 for firewalls: not under two minutes.
const PINHOLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Expired pinholes are swept out when there are this many.
const SWEEP_AT: usize = 4096;

/// A firewall in use.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    firewall: Firewall,
    pinholes: BTreeMap<(Transport, SocketAddr, Scope), Pinhole>,
}

/// Where answers come in.
#[derive(Clone, Copy, Debug)]
struct Pinhole {
    expires: Instant,
    /// Of TCP; of its youngest connection, if the pinhole is wider than one.
    connection: TcpState,
}

impl Filter {
    pub(crate) fn new(firewall: Firewall) -> Self {
        Self {
            firewall,
            pinholes: BTreeMap::new(),
        }
    }

    pub(crate) fn outbound(&mut self, now: Instant, packet: &Packet) -> Result<(), DropReason> {
        if let Content::Icmp(_) = packet.content {
            return self.pass_icmp();
        }
        let (Some(transport), inside, outside) = (packet.transport(), packet.source, packet.destination) else {
            return Ok(());
        };
        if self.firewall.allowed.contains(&outside) || self.firewall.serves(transport, inside.port()) {
            return Ok(());
        }
        if !self.firewall.lets_out(transport, outside) {
            return Err(DropReason::Blocked);
        }
        if self.pinholes.len() >= SWEEP_AT {
            self.pinholes.retain(|_, pinhole| pinhole.expires > now);
        }
        let key = (transport, inside, Scope::of(self.firewall.filtering, outside));
        let pinhole = self.pinholes.entry(key).or_insert(Pinhole {
            expires: now,
            connection: TcpState::default(),
        });
        let lifetime = match packet.flags() {
            Some(flags) => {
                pinhole.connection.note(Direction::Outbound, flags);
                self.firewall.lifetimes.of(&pinhole.connection)
            }
            None => self.firewall.lifetimes.udp,
        };
        pinhole.expires = now + lifetime;
        Ok(())
    }

    pub(crate) fn inbound(&mut self, now: Instant, packet: &Packet) -> Result<(), DropReason> {
        if let Content::Icmp(complaint) = &packet.content {
            self.pass_icmp()?;
            let (inside, outside) = (complaint.source, complaint.destination);
            let known = self.firewall.allowed.contains(&outside)
                || self.firewall.serves(complaint.transport, inside.port())
                || self.is_open(now, complaint.transport, inside, outside);
            return if known { Ok(()) } else { Err(DropReason::Filtered) };
        }
        let (Some(transport), outside, inside) = (packet.transport(), packet.source, packet.destination) else {
            return Ok(());
        };
        if self.firewall.allowed.contains(&outside) || self.firewall.serves(transport, inside.port()) {
            return Ok(());
        }
        if !self.is_open(now, transport, inside, outside) {
            // Nothing of it could have been asked for.
            let reason = match self.firewall.lets_out(transport, outside) {
                true => DropReason::Filtered,
                false => DropReason::Blocked,
            };
            return Err(reason);
        }
        if let Some(flags) = packet.flags() {
            let key = (transport, inside, Scope::of(self.firewall.filtering, outside));
            if let Some(pinhole) = self.pinholes.get_mut(&key) {
                pinhole.connection.note(Direction::Inbound, flags);
                pinhole.expires = now + self.firewall.lifetimes.of(&pinhole.connection);
            }
        }
        Ok(())
    }

    /// What it says to the inside about what it does not let out.
    pub(crate) fn refusal(&self, direction: Direction) -> Option<IcmpError> {
        let told = direction == Direction::Outbound && self.firewall.refusal == Refusal::Icmp;
        told.then_some(IcmpError::Prohibited)
    }

    fn is_open(&self, now: Instant, transport: Transport, inside: SocketAddr, outside: SocketAddr) -> bool {
        let key = (transport, inside, Scope::of(self.firewall.filtering, outside));
        self.pinholes.get(&key).is_some_and(|pinhole| pinhole.expires > now)
    }

    fn pass_icmp(&self) -> Result<(), DropReason> {
        if self.firewall.icmp_blocked {
            return Err(DropReason::Blocked);
        }
        Ok(())
    }
}
