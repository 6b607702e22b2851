//! A NAT at work: what becomes of a packet in each direction.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use pollrtc_core::Instant;

use super::flows::Flows;
use super::mappings::Mappings;
use super::pool::Pool;
use super::{Hairpinning, Kind, Mapping, Nat, Unsolicited, nat64};
use crate::icmp::IcmpError;
use crate::packet::{Complaint, Content, Direction, Flags, IPV4_HEADER, IPV6_HEADER, Packet, Transport};
use crate::rng::Rng;
use crate::stats::DropReason;

/// A NAT in use. A pure function of what passes, the time and its generators.
#[derive(Clone, Debug)]
pub(crate) struct Translator {
    pool: Pool,
    udp: Table,
    tcp: Table,
    hairpinning: Hairpinning,
    unsolicited: Unsolicited,
    nat64_prefix: Option<Ipv6Addr>,
}

/// Where a packet from inside goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the outside.
    Out,
    /// Back to the inside.
    Back,
}

impl Translator {
    /// `udp` and `tcp` decide chance for each.
    pub(crate) fn new(nat: &Nat, mut udp: Rng, tcp: Rng) -> Self {
        let ports = Rng::new(udp.next_u64());
        Self {
            udp: Table::new(nat, Transport::Udp, ports),
            tcp: Table::new(nat, Transport::Tcp, tcp),
            pool: Pool::new(nat.external.clone(), nat.pooling, udp),
            hairpinning: nat.hairpinning,
            unsolicited: nat.unsolicited,
            nat64_prefix: nat.nat64_prefix,
        }
    }

    /// A packet from inside: rewrites its addresses.
    pub(crate) fn outbound(&mut self, now: Instant, packet: &mut Packet) -> Result<Way, DropReason> {
        if self.passes_as_it_is(packet.destination) {
            return Ok(Way::Out);
        }
        let Some(transport) = packet.transport() else {
            return self.complaint_from_inside(now, packet);
        };
        let (internal, remote, flags) = (packet.source, self.to_outside(packet.destination), packet.flags());
        let hairpins = self.pool.contains(remote.ip());
        if hairpins && self.hairpinning == Hairpinning::Off {
            return Err(DropReason::HairpinRefused);
        }
        let Self { pool, udp, tcp, .. } = self;
        let table = if transport == Transport::Udp { udp } else { tcp };
        let external = table.outbound(now, pool, (internal, remote), flags)?;
        if !hairpins {
            (packet.source, packet.destination) = (external, remote);
            return Ok(Way::Out);
        }
        // RFC 4787 §6: as if it had gone out and come back in.
        packet.destination = table.inbound(now, external, remote, flags)?;
        packet.source = match self.hairpinning {
            Hairpinning::InternalSource => internal,
            _ => self.to_inside(external),
        };
        Ok(Way::Back)
    }

    /// A packet from outside: rewrites its addresses.
    pub(crate) fn inbound(&mut self, now: Instant, packet: &mut Packet) -> Result<(), DropReason> {
        if self.passes_as_it_is(packet.destination) {
            return Ok(());
        }
        let (remote, external, flags) = (packet.source, packet.destination, packet.flags());
        packet.destination = match packet.transport() {
            Some(transport) => self.table_mut(transport).inbound(now, remote, external, flags)?,
            None => return self.complaint_from_outside(now, packet),
        };
        packet.source = self.to_inside(remote);
        Ok(())
    }

    /// What it says to who sent something that did not pass.
    pub(crate) fn refusal(&self, direction: Direction, reason: DropReason) -> Option<IcmpError> {
        match (direction, reason) {
            // RFC 5508 REQ-8.
            (Direction::Outbound, DropReason::PortsExhausted) => Some(IcmpError::Prohibited),
            (Direction::Inbound, DropReason::NoMapping | DropReason::Filtered) => {
                (self.unsolicited == Unsolicited::Refused).then_some(IcmpError::PortUnreachable)
            }
            _ => None,
        }
    }

    /// The mappings that are alive, those of UDP first.
    pub(crate) fn mappings(&self, now: Instant) -> Vec<Mapping> {
        let mut all = self.udp.live_ones(now);
        all.extend(self.tcp.live_ones(now));
        all
    }

    /// Forgets everything, as after a restart.
    pub(crate) fn flush(&mut self) {
        self.udp.flush();
        self.tcp.flush();
        self.pool.flush();
    }

    /// RFC 5508 REQ-5: an inside host complains of something that came in. What it quotes shows the addresses as they
    /// are inside.
    fn complaint_from_inside(&mut self, now: Instant, packet: &mut Packet) -> Result<Way, DropReason> {
        let Content::Icmp(complaint) = &mut packet.content else {
            return Err(DropReason::NoMapping);
        };
        let (internal, remote) = (complaint.destination, self.nat64_prefix.to_outside(complaint.source));
        let table = self.table(complaint.transport);
        let external = table.external_of(now, internal, remote).ok_or(DropReason::NoMapping)?;
        (complaint.source, complaint.destination) = (remote, external);
        packet.source.set_ip(external.ip());
        packet.destination.set_ip(remote.ip());
        if self.nat64_prefix.is_some() {
            complaint.shrink();
        }
        if !self.pool.contains(remote.ip()) {
            return Ok(Way::Out);
        }
        self.complaint_from_outside(now, packet)?;
        Ok(Way::Back)
    }

    /// RFC 5508 REQ-4: somebody outside complains of what an inside host has sent.
    fn complaint_from_outside(&mut self, now: Instant, packet: &mut Packet) -> Result<(), DropReason> {
        let Content::Icmp(complaint) = &mut packet.content else {
            return Err(DropReason::NoMapping);
        };
        let (external, remote) = (complaint.source, complaint.destination);
        let internal = self.table(complaint.transport).internal_of(now, external, remote)?;
        complaint.source = internal;
        complaint.destination = self.nat64_prefix.to_inside(remote);
        if self.nat64_prefix.is_some() {
            complaint.grow();
        }
        packet.destination.set_ip(internal.ip());
        packet.source = self.nat64_prefix.to_inside(packet.source);
        Ok(())
    }

    /// A NAT64 leaves IPv6 alone.
    fn passes_as_it_is(&self, destination: SocketAddr) -> bool {
        let (Some(prefix), IpAddr::V6(destination)) = (self.nat64_prefix, destination.ip()) else {
            return false;
        };
        nat64::extract(prefix, destination).is_none()
    }

    fn to_outside(&self, address: SocketAddr) -> SocketAddr {
        self.nat64_prefix.to_outside(address)
    }

    fn to_inside(&self, address: SocketAddr) -> SocketAddr {
        self.nat64_prefix.to_inside(address)
    }

    fn table(&self, transport: Transport) -> &Table {
        match transport {
            Transport::Udp => &self.udp,
            Transport::Tcp => &self.tcp,
        }
    }

    fn table_mut(&mut self, transport: Transport) -> &mut Table {
        match transport {
            Transport::Udp => &mut self.udp,
            Transport::Tcp => &mut self.tcp,
        }
    }
}

/// What remote addresses look like on the two sides of a NAT.
trait Sides {
    fn to_outside(&self, address: SocketAddr) -> SocketAddr;
    fn to_inside(&self, address: SocketAddr) -> SocketAddr;
}

/// The prefix of a NAT64; other NATs have none and leave remote addresses alone.
impl Sides for Option<Ipv6Addr> {
    fn to_outside(&self, address: SocketAddr) -> SocketAddr {
        let embedded = match (self, address.ip()) {
            (Some(prefix), IpAddr::V6(ip)) => nat64::extract(*prefix, ip),
            _ => None,
        };
        embedded.map_or(address, |ip| SocketAddr::new(ip.into(), address.port()))
    }

    fn to_inside(&self, address: SocketAddr) -> SocketAddr {
        match (self, address.ip()) {
            (Some(prefix), IpAddr::V4(ip)) => SocketAddr::new(nat64::embed(*prefix, ip).into(), address.port()),
            _ => address,
        }
    }
}

impl Complaint {
    /// RFC 7915 §4.2: what fits as IPv4 may be as much longer as the IPv6 header is.
    fn grow(&mut self) {
        if let IcmpError::TooBig { mtu } = &mut self.error {
            *mtu = mtu.saturating_add(HEADER_DIFFERENCE);
        }
    }

    /// RFC 7915 §5.2: and the other way.
    fn shrink(&mut self) {
        if let IcmpError::TooBig { mtu } = &mut self.error {
            *mtu = mtu.saturating_sub(HEADER_DIFFERENCE);
        }
    }
}

const HEADER_DIFFERENCE: u16 = (IPV6_HEADER - IPV4_HEADER) as u16;

/// What a NAT knows of one transport protocol.
#[derive(Clone, Debug)]
enum Table {
    Mappings(Mappings),
    Flows(Flows),
}

impl Table {
    fn new(nat: &Nat, transport: Transport, rng: Rng) -> Self {
        let of_tcp = nat.tcp.filter(|_| transport == Transport::Tcp);
        match (nat.kind, of_tcp) {
            (_, Some(kinds)) => Self::Mappings(Mappings::new(nat, transport, kinds, rng)),
            (Kind::Mappings { mapping, filtering }, None) => {
                Self::Mappings(Mappings::new(nat, transport, (mapping, filtering), rng))
            }
            (Kind::Flows, None) => Self::Flows(Flows::new(nat, transport, rng)),
        }
    }

    fn outbound(
        &mut self,
        now: Instant,
        pool: &mut Pool,
        ends: (SocketAddr, SocketAddr),
        flags: Option<Flags>,
    ) -> Result<SocketAddr, DropReason> {
        match self {
            Self::Mappings(table) => table.outbound(now, pool, ends, flags),
            Self::Flows(table) => table.outbound(now, pool, ends, flags),
        }
    }

    fn inbound(
        &mut self,
        now: Instant,
        remote: SocketAddr,
        external: SocketAddr,
        flags: Option<Flags>,
    ) -> Result<SocketAddr, DropReason> {
        match self {
            Self::Mappings(table) => table.inbound(now, remote, external, flags),
            Self::Flows(table) => table.inbound(now, remote, external, flags),
        }
    }

    fn internal_of(&self, now: Instant, external: SocketAddr, remote: SocketAddr) -> Result<SocketAddr, DropReason> {
        match self {
            Self::Mappings(table) => table.internal_of(now, external, remote),
            Self::Flows(table) => table.internal_of(now, external, remote),
        }
    }

    fn external_of(&self, now: Instant, internal: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        match self {
            Self::Mappings(table) => table.external_of(now, internal, remote),
            Self::Flows(table) => table.external_of(now, internal, remote),
        }
    }

    fn live_ones(&self, now: Instant) -> Vec<Mapping> {
        match self {
            Self::Mappings(table) => table.live_ones(now).collect(),
            Self::Flows(table) => table.live_ones(now).collect(),
        }
    }

    fn flush(&mut self) {
        match self {
            Self::Mappings(table) => table.flush(),
            Self::Flows(table) => table.flush(),
        }
    }
}
