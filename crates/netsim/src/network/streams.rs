//! Streams: what machines ask of them, and what becomes of it.

use core::net::SocketAddr;

use pollrtc_core::{
    Datagram, Departure, Flow, FlowEvent, FlowRequest, Framing, Protocol, StateMachine, Transmit, normalise,
};

use super::Network;
use super::drive::UNKNOWN_SOURCE;
use crate::host::{Host, unscoped};
use crate::icmp::IcmpError;
use crate::packet::{Complaint, Packet, Segment, Transport};
use crate::stats::DropReason;
use crate::tcp::{Arriving, Upcall};
use crate::topology::PortId;
use crate::trace::TraceEvent;

/// Streams. Machines open and close them by [`poll_flow`](StateMachine::poll_flow), and hear of them by
/// [`handle_flow`](StateMachine::handle_flow).
///
/// A host's system speaks TCP for its machine, with segments that travel as datagrams do: what a link loses is sent
/// again, by the rules of RFC 6298 and RFC 5681, so that frames come late but come, in order. A stream holds 65,536
/// bytes that were not acknowledged ([`set_send_buffer`](Self::set_send_buffer)); a frame that makes it reach that is
/// taken, and the machine told that the stream is blocked, and those after it are dropped whole until half of it is
/// free again. TLS takes a round trip more; nothing is encrypted, and no certificate looked at.
///
/// ```
/// use std::time::Duration;
/// use pollrtc_netsim::{FlowEvent, Framing, Link, Network, Protocol, Socket, Zone};
///
/// let mut net = Network::new(1);
/// net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(25)));
/// let alice = net.host("192.0.2.1:5000".parse()?, Socket::new());
/// let server = net.host("192.0.2.2:3478".parse()?, Socket::new());
/// net.listen(server, "192.0.2.2:443".parse()?, Protocol::Tls, Framing::Rfc4571);
///
/// net[alice].connect(Protocol::Tls, "192.0.2.2:443".parse()?, Framing::Rfc4571);
/// assert!(net.run_until(|net| net[alice].stream().is_some(), Duration::from_secs(1)));
/// assert_eq!(net.now().since_origin(), Duration::from_millis(100)); // TCP and TLS: two round trips
///
/// let stream = net[alice].stream().unwrap();
/// net[alice].send_on(stream, b"hello");
/// assert!(net.run_until(|net| net[server].waiting() > 0, Duration::from_secs(1)));
/// assert_eq!(net[server].recv().unwrap().payload, b"hello");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
impl Network {
    /// Accepts streams on a port of a host, with frames delimited like this.
    ///
    /// # Panics
    /// If the host does not have the IP address, or listens there already, or the protocol is UDP.
    pub fn listen<M: StateMachine + 'static>(
        &mut self,
        host: Host<M>,
        local: SocketAddr,
        protocol: Protocol,
        framing: Framing,
    ) {
        let local = normalise(local);
        let state = &mut self.hosts[host.index];
        assert!(protocol.is_stream(), "only streams are listened for");
        assert!(
            state.port_of_address(local).is_some(),
            "{} does not have the address of {local}",
            state.name
        );
        let new = state.stack.listen(local, protocol, framing);
        assert!(new, "{} listens on {local} already", state.name);
    }

    /// Accepts no more streams there. Those that are open stay.
    pub fn stop_listening<M: StateMachine + 'static>(&mut self, host: Host<M>, local: SocketAddr) {
        self.hosts[host.index].stack.stop_listening(normalise(local));
    }

    /// How many bytes a host's streams hold, until acknowledged, before they are full; for those opened from now on.
    pub fn set_send_buffer<M: StateMachine + 'static>(&mut self, host: Host<M>, bytes: usize) {
        self.hosts[host.index].stack.set_send_buffer(bytes);
    }

    /// Ends a stream of a host at once, as when its program crashes: the other side is sent a RST. `false` if the host
    /// has no such stream.
    pub fn reset<M: StateMachine + 'static>(&mut self, host: Host<M>, stream: Flow) -> bool {
        let found = self.hosts[host.index].stack.reset(stream);
        self.touch(host.index);
        found
    }

    /// Tells a machine something that came by a stream.
    pub(super) fn tell(&mut self, host: usize, upcall: Upcall) {
        let state = &mut self.hosts[host];
        state.restlessness.reset();
        match upcall {
            Upcall::Event(event) => state.node.handle_flow(self.now, event),
            Upcall::Frame(flow, mut frame) => {
                state.traffic.received += 1;
                state.traffic.received_bytes += frame.len() as u64;
                let datagram = Datagram::new(flow, &mut frame);
                state.node.handle_datagram(self.now, datagram);
            }
        }
    }

    pub(super) fn carry_out(&mut self, host: usize, request: FlowRequest) {
        let now = self.now;
        let state = &mut self.hosts[host];
        match request {
            FlowRequest::Open {
                id,
                from,
                to,
                protocol,
                framing,
                ..
            } => {
                let to = normalise(to);
                match state.base_for(from, to) {
                    Some((base, port)) if protocol.is_stream() && to.port() != 0 => {
                        let mtu = self.topology.mtu(port);
                        state.stack.open(now, id, base, (protocol, to), framing, mtu);
                    }
                    _ => state.stack.fail(id),
                }
            }
            FlowRequest::Cancel(id) => state.stack.cancel(now, id),
            FlowRequest::Close(flow) => state.stack.close(now, flow),
            _ => {}
        }
    }

    pub(super) fn send_frame(&mut self, host: usize, transmit: &Transmit, buffer: &[u8]) {
        let frame = buffer.get(..transmit.len).unwrap_or(buffer);
        self.count_traffic_sent(host, frame.len());
        let sent = self.hosts[host].stack.send(self.now, transmit.flow, frame);
        let departure = match sent {
            Ok(()) => Departure::Sent(self.now),
            Err(reason) => {
                let from = unscoped(transmit.flow.local().unwrap_or(UNKNOWN_SOURCE));
                let segment = Segment::default();
                let packet = Packet::tcp(from, unscoped(transmit.flow.remote()), segment, frame.to_vec());
                self.drop_at_host(host, reason, &packet);
                Departure::Dropped
            }
        };
        if let Some(id) = transmit.id {
            self.hosts[host].node.handle_sent(id, departure);
        }
    }

    /// Lets leave what a host's streams have to send.
    pub(super) fn send_segments(&mut self, host: usize) {
        while let Some(mut packet) = self.hosts[host].stack.packets.pop_front() {
            let port = self.hosts[host].port_of_address(packet.source);
            packet.source = unscoped(packet.source);
            packet.destination = unscoped(packet.destination);
            match port {
                Some(port) => self.depart(host, port, packet),
                None => self.drop_at_host(host, DropReason::NotLocal, &packet),
            }
        }
    }

    /// A TCP segment has come to a host.
    pub(super) fn deliver_segment(&mut self, host: usize, port: PortId, packet: &Packet, segment: &Segment) {
        let mtu = self.topology.mtu(port);
        let state = &mut self.hosts[host];
        let arriving = Arriving {
            local: state.scoped(port, packet.destination),
            remote: state.scoped(port, packet.source),
            segment,
            payload: &packet.payload,
        };
        if state.port_of_address(arriving.local) != Some(port) {
            return self.drop_at(port, DropReason::NoSocket, packet);
        }
        self.log.stats.received += 1;
        let state = &mut self.hosts[host];
        self.log.record(self.now, &state.name, TraceEvent::Received, packet);
        self.flights.delivered(&state.name);
        state.stack.handle_segment(self.now, &arriving, mtu);
        self.pump(host);
    }

    /// An ICMP error has come to the host whose packet it is about.
    pub(super) fn deliver_complaint(&mut self, host: usize, port: PortId, packet: &Packet, complaint: &Complaint) {
        let state = &mut self.hosts[host];
        let (source, destination) = (complaint.source, complaint.destination);
        let complaint = Complaint {
            source: state.scoped(port, source),
            destination: state.scoped(port, destination),
            ..*complaint
        };
        self.log.stats.icmp_received += 1;
        self.log.record(self.now, &state.name, TraceEvent::Received, packet);
        self.flights.delivered(&state.name);
        if complaint.transport == Transport::Tcp {
            state.stack.handle_complaint(self.now, &complaint);
        } else if state.port_of(complaint.source) == Some(port) {
            let flow = Flow::new(Protocol::Udp, Some(complaint.source), complaint.destination);
            let event = match complaint.error {
                IcmpError::TooBig { mtu } => FlowEvent::TooBig { flow, mtu },
                _ => FlowEvent::Unreachable(flow),
            };
            state.restlessness.reset();
            state.node.handle_flow(self.now, event);
        }
        self.pump(host);
    }
}
