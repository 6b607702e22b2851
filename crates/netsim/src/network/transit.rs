//! The way of a datagram from host to host.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pollrtc_core::{Datagram, Flow, Protocol};

use super::Network;
use super::flights::Stage;
use super::interceptor::{InFlight, Verdict};
use crate::icmp::IcmpError;
use crate::link::Passage;
use crate::nat::Way;
use crate::packet::{Content, Direction, Packet, Transport};
use crate::stats::DropReason;
use crate::topology::{Device, Owner, PortId, Zone};
use crate::trace::TraceEvent;

/// Datagrams on the wire.
impl Network {
    /// Looks at each datagram (and TCP segment) right after a host has sent it, and may change or drop it: for the
    /// test that needs exactly the third one lost. Replaces an earlier interceptor.
    ///
    /// ```
    /// use pollrtc_netsim::{Network, Socket, Verdict};
    ///
    /// let mut net = Network::new(1);
    /// let a = net.host("192.0.2.1:5000".parse()?, Socket::new());
    /// let mut count = 0;
    /// net.intercept(move |_| {
    ///     count += 1;
    ///     if count == 3 { Verdict::Drop } else { Verdict::Pass }
    /// });
    /// # for n in 0..5 { net[a].send("192.0.2.1:5000".parse()?, &[n]); }
    /// # net.step();
    /// # let got: Vec<u8> = std::iter::from_fn(|| net[a].recv()).map(|d| d.payload[0]).collect();
    /// # assert_eq!(got, [0, 1, 3, 4]);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn intercept(&mut self, interceptor: impl FnMut(InFlight<'_>) -> Verdict + 'static) {
        self.interceptor = Some(Box::new(interceptor));
    }

    /// Puts a datagram into a zone as if someone there had sent it, with whatever source: for forged
    /// and replayed ones.
    pub fn inject(&mut self, zone: Zone, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let injector = self.topology.zone_mut(zone).injector;
        let packet = Packet::new(source, destination, payload.to_vec());
        self.flights.add(self.now, Stage::Crossing(injector), packet);
    }

    /// A host's packet leaves through this port.
    pub(super) fn depart(&mut self, host: usize, port: PortId, mut packet: Packet) {
        self.count_sent(host, &packet);
        if let Some(interceptor) = &mut self.interceptor {
            let len = packet.payload.len();
            let protocol = packet.transport().map_or(Protocol::Udp, Transport::protocol);
            let verdict = interceptor(InFlight {
                at: self.now,
                protocol,
                source: packet.source,
                destination: packet.destination,
                payload: &mut packet.payload,
            });
            if verdict == Verdict::Drop {
                return self.drop_at(port, DropReason::Intercepted, &packet);
            }
            assert!(
                protocol == Protocol::Udp || packet.payload.len() == len,
                "an interceptor changed the length of a TCP segment"
            );
        }
        if packet.payload.len() > UDP_PAYLOAD_MAX {
            return self.drop_at(port, DropReason::MtuExceeded, &packet);
        }
        self.flights.add(self.now, Stage::Uplink(port), packet);
    }

    /// Tells the sender of a packet that it could not be delivered; from where it can be reached in this zone.
    fn complain(&mut self, zone: Zone, reporter: IpAddr, error: IcmpError, about: &Packet) {
        let Some(complaint) = Packet::complaint(reporter, error, about) else {
            return;
        };
        let injector = self.topology.zone(zone).injector;
        self.log.stats.icmp_sent += 1;
        let name = &self.topology.ports[injector.0].name;
        self.log.record(self.now, name, TraceEvent::Sent, &complaint);
        self.flights.add(self.now, Stage::Crossing(injector), complaint);
    }

    /// Moves a datagram on until it has to wait, is there, or is gone.
    pub(super) fn transit(&mut self, mut stage: Stage, mut packet: Packet) {
        loop {
            // What this stage is, which wire lies there, and what comes after it.
            let (port, pipe, next) = match stage {
                Stage::Uplink(from) => {
                    let pipe = self.topology.ports[from.0].up.as_mut();
                    (from, pipe, Stage::Crossing(from))
                }
                Stage::Crossing(from) => {
                    let Some(to) = self.topology.route(from, packet.destination) else {
                        return self.lose_way(from, &packet);
                    };
                    if from == to {
                        stage = Stage::Arrived(to); // a host that sends to itself
                        continue;
                    }
                    let next = Stage::Downlink(to);
                    (from, self.topology.path_mut(from, to), next)
                }
                Stage::Downlink(to) => {
                    let pipe = self.topology.ports[to.0].down.as_mut();
                    (to, pipe, Stage::Arrived(to))
                }
                Stage::Arrived(to) => match self.arrive(to, packet) {
                    Some((onward, translated)) => {
                        (stage, packet) = (onward, translated);
                        continue;
                    }
                    None => return,
                },
            };
            stage = next;
            let Some(pipe) = pipe else {
                continue;
            };
            match pipe.pass(self.now, &mut packet) {
                Ok(passage) => {
                    self.count_passage(&passage);
                    if let Some(arrival) = passage.duplicate {
                        self.flights.add(arrival, stage, packet.clone());
                    }
                    if passage.arrival > self.now {
                        return self.flights.add(passage.arrival, stage, packet);
                    }
                }
                Err(reason) => {
                    let error = pipe.too_big().filter(|_| reason == DropReason::MtuExceeded);
                    self.drop_at(port, reason, &packet);
                    if let Some(error) = error {
                        let zone = self.topology.ports[port.0].zone;
                        self.complain(zone, router_in(packet.source), error, &packet);
                    }
                    return;
                }
            }
        }
    }

    /// Nobody in this zone has the address, nor is there a way out of it.
    fn lose_way(&mut self, from: PortId, packet: &Packet) {
        self.drop_at(from, DropReason::NoRoute, packet);
        let zone = self.topology.ports[from.0].zone;
        if self.topology.zone(zone).reports_unreachable {
            self.complain(zone, router_in(packet.source), IcmpError::HostUnreachable, packet);
        }
    }

    /// A datagram has come to a port: its host takes it, or its gateway sends it on.
    fn arrive(&mut self, port: PortId, packet: Packet) -> Option<(Stage, Packet)> {
        match self.topology.ports[port.0].owner {
            Owner::Host(host) => {
                self.deliver(host, port, packet);
                None
            }
            Owner::WayOut => {
                let zone = self.topology.ports[port.0].zone;
                self.forward(port, zone, Direction::Outbound, packet)
            }
            Owner::GatewayOf(zone) => self.forward(port, zone, Direction::Inbound, packet),
            Owner::Injector => None,
        }
    }

    fn forward(
        &mut self,
        port: PortId,
        zone: Zone,
        direction: Direction,
        mut packet: Packet,
    ) -> Option<(Stage, Packet)> {
        packet.hops_left = packet.hops_left.saturating_sub(1);
        if packet.hops_left == 0 {
            self.drop_at(port, DropReason::HopLimit, &packet);
            return None;
        }
        let was = (packet.source, packet.destination);
        match self.pass_gateway(zone, direction, &mut packet) {
            Ok(onward) => {
                if was != (packet.source, packet.destination) {
                    self.log.stats.translated += 1;
                    let name = &self.topology.ports[port.0].name;
                    let (source, destination) = was;
                    let event = TraceEvent::Translated { source, destination };
                    self.log.record(self.now, name, event, &packet);
                }
                Some((onward, packet))
            }
            Err(reason) => {
                self.drop_at(port, reason, &packet);
                if let Some(error) = self.refusal(zone, direction, reason) {
                    let place = self.topology.ports[port.0].zone;
                    self.complain(place, packet.destination.ip(), error, &packet);
                }
                None
            }
        }
    }

    /// What the gateway of a zone says to who sent something that it did not let through.
    fn refusal(&self, zone: Zone, direction: Direction, reason: DropReason) -> Option<IcmpError> {
        match &self.topology.zone(zone).gateway.as_ref()?.device {
            Device::Firewall(filter) => filter.refusal(direction),
            Device::Nat { translator, .. } => translator.refusal(direction, reason),
        }
    }

    /// Asks the gateway of a zone, which rewrites the addresses; gives where the packet goes on.
    fn pass_gateway(&mut self, zone: Zone, direction: Direction, packet: &mut Packet) -> Result<Stage, DropReason> {
        let now = self.now;
        let gateway = self.topology.zone_mut(zone).gateway.as_mut();
        let gateway = gateway.ok_or(DropReason::NoRoute)?;
        let out = Stage::Uplink(gateway.outside);
        let back = Stage::Crossing(gateway.inside);
        match (&mut gateway.device, direction) {
            (Device::Firewall(filter), Direction::Outbound) => {
                filter.outbound(now, packet)?;
                Ok(out)
            }
            (Device::Firewall(filter), Direction::Inbound) => {
                filter.inbound(now, packet)?;
                Ok(back)
            }
            (Device::Nat { translator, .. }, Direction::Outbound) => match translator.outbound(now, packet)? {
                Way::Out => Ok(out),
                Way::Back => Ok(back),
            },
            (Device::Nat { translator, .. }, Direction::Inbound) => {
                translator.inbound(now, packet)?;
                Ok(back)
            }
        }
    }

    fn deliver(&mut self, host: usize, port: PortId, mut packet: Packet) {
        match &packet.content {
            Content::Udp => {}
            Content::Tcp(segment) => return self.deliver_segment(host, port, &packet, segment),
            Content::Icmp(complaint) => return self.deliver_complaint(host, port, &packet, complaint),
        }
        let state = &mut self.hosts[host];
        let local = state.scoped(port, packet.destination);
        if state.port_of(local) != Some(port) {
            self.drop_at(port, DropReason::NoSocket, &packet);
            let zone = self.topology.ports[port.0].zone;
            return self.complain(zone, packet.destination.ip(), IcmpError::PortUnreachable, &packet);
        }
        state.traffic.received += 1;
        state.traffic.received_bytes += packet.payload.len() as u64;
        state.restlessness.reset();
        self.log.stats.received += 1;
        self.log.record(self.now, &state.name, TraceEvent::Received, &packet);
        self.flights.delivered(&state.name);
        let flow = Flow::new(Protocol::Udp, Some(local), state.scoped(port, packet.source));
        let datagram = Datagram::new(flow, &mut packet.payload).with_ecn(packet.ecn);
        state.node.handle_datagram(self.now, datagram);
        self.pump(host);
    }

    fn count_passage(&mut self, passage: &Passage) {
        let stats = &mut self.log.stats;
        stats.duplicated += u64::from(passage.duplicate.is_some());
        stats.reordered += u64::from(passage.reordered);
        stats.corrupted += u64::from(passage.corrupted);
    }

    pub(super) fn drop_at(&mut self, port: PortId, reason: DropReason, packet: &Packet) {
        let name = &self.topology.ports[port.0].name;
        self.log.dropped(self.now, name, reason, packet);
    }
}

/// From whom a router in the way of this packet says something: it has no address here, and takes the one for that
/// (RFC 7600 §4.8), or one of the prefix that leads nowhere (RFC 6666).
fn router_in(source: SocketAddr) -> IpAddr {
    match source {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8)),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1)),
    }
}

/// The 16 bits of IPv4's length, less the headers (RFC 791, RFC 768).
const UDP_PAYLOAD_MAX: usize = 65_507;
