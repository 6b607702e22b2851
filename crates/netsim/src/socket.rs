//! The simplest host.

use core::net::SocketAddr;
use std::collections::VecDeque;

use pollrtc_core::{Datagram, Ecn, Flow, FlowEvent, FlowRequest, Framing, Instant, Protocol, RequestId};
use pollrtc_core::{StateMachine, Transmit};

/// A host without a protocol: it sends what it is told and keeps what comes, as a plain socket
/// does. For tests of networks, and for strangers and attackers in tests of protocols.
///
/// It keeps the first 65,536 datagrams, and as many events of flows, that nobody took and drops later ones.
///
/// ```
/// use std::time::Duration;
/// use pollrtc_netsim::{Link, Network, Socket, Zone};
///
/// let (alice, bob) = ("192.0.2.1:5000".parse()?, "192.0.2.2:6000".parse()?);
/// let mut net = Network::new(1);
/// net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(40)));
/// let a = net.host(alice, Socket::new());
/// let b = net.host(bob, Socket::new());
///
/// net[a].send(bob, b"hello");
/// assert!(net.run_until(|net| net[b].waiting() > 0, Duration::from_secs(1)));
/// let arrival = net[b].recv().unwrap();
/// assert_eq!((arrival.source, &arrival.payload[..]), (alice, &b"hello"[..]));
/// assert_eq!(arrival.at.since_origin(), Duration::from_millis(40));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Socket {
    outbox: VecDeque<Departure>,
    inbox: VecDeque<Arrival>,
    requests: VecDeque<FlowRequest>,
    requested: u64,
    flow_events: VecDeque<FlowEvent>,
    /// In the order in which they were opened.
    streams: Vec<Flow>,
}

#[derive(Clone, Debug)]
struct Departure {
    transmit: Transmit,
    payload: Vec<u8>,
}

/// A datagram, or a frame of a stream, that a [`Socket`] received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// From whom.
    pub source: SocketAddr,
    /// To which of the host's addresses.
    pub destination: SocketAddr,
    /// How it travelled.
    pub protocol: Protocol,
    /// Its ECN mark.
    pub ecn: Option<Ecn>,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Socket {
    /// A silent one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a datagram from the host's first address of the destination's family.
    pub fn send(&mut self, destination: SocketAddr, payload: &[u8]) {
        self.send_transmit(Transmit::udp(destination, payload.len()), payload);
    }

    /// Sends a datagram from this address, which the host must have.
    pub fn send_from(&mut self, source: SocketAddr, destination: SocketAddr, payload: &[u8]) {
        let transmit = Transmit::udp(destination, payload.len()).from_local(source);
        self.send_transmit(transmit, payload);
    }

    /// Sends as `transmit` says, for example a train of segments; its length is that of `payload`.
    pub fn send_transmit(&mut self, transmit: Transmit, payload: &[u8]) {
        self.outbox.push_back(Departure {
            transmit: Transmit {
                len: payload.len(),
                ..transmit
            },
            payload: payload.to_vec(),
        });
    }

    /// Opens a stream. [`flow_event`](Self::flow_event) tells what becomes of it.
    pub fn connect(&mut self, protocol: Protocol, to: SocketAddr, framing: Framing) -> RequestId {
        let id = RequestId(self.requested);
        self.requested += 1;
        self.request(FlowRequest::Open {
            id,
            from: None,
            to,
            protocol,
            framing,
            server_name: None,
        });
        id
    }

    /// Asks for anything else about streams.
    pub fn request(&mut self, request: FlowRequest) {
        self.requests.push_back(request);
    }

    /// Sends a frame on a stream.
    pub fn send_on(&mut self, stream: Flow, frame: &[u8]) {
        self.send_transmit(Transmit::new(stream, frame.len()), frame);
    }

    /// Closes a stream.
    pub fn close(&mut self, stream: Flow) {
        self.request(FlowRequest::Close(stream));
    }

    /// The stream that was opened last, whoever did, of those that are open.
    pub fn stream(&self) -> Option<Flow> {
        self.streams.last().copied()
    }

    /// The oldest event of a flow that was not taken yet.
    pub fn flow_event(&mut self) -> Option<FlowEvent> {
        self.flow_events.pop_front()
    }

    /// The oldest datagram that came and was not taken yet.
    pub fn recv(&mut self) -> Option<Arrival> {
        self.inbox.pop_front()
    }

    /// How many are there to take.
    pub fn waiting(&self) -> usize {
        self.inbox.len()
    }
}

impl StateMachine for Socket {
    type Event = ();
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        if self.inbox.len() < INBOX_MAX {
            self.inbox.push_back(Arrival {
                at: now,
                source: datagram.flow.remote(),
                destination: datagram.flow.local().unwrap_or(datagram.flow.remote()),
                protocol: datagram.flow.protocol(),
                ecn: datagram.ecn,
                payload: datagram.payload.to_vec(),
            });
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_transmit(&mut self, _now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let room = buf.get_mut(..self.outbox.front()?.payload.len())?;
        let departure = self.outbox.pop_front()?;
        room.copy_from_slice(&departure.payload);
        Some(departure.transmit)
    }

    fn handle_flow(&mut self, _now: Instant, event: FlowEvent) {
        match event {
            FlowEvent::Opened { flow, .. } if self.streams.len() < INBOX_MAX && flow.is_answerable() => {
                self.streams.push(flow);
            }
            FlowEvent::Closed(flow) => self.streams.retain(|stream| *stream != flow),
            _ => {}
        }
        if self.flow_events.len() < INBOX_MAX {
            self.flow_events.push_back(event);
        }
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        self.requests.pop_front()
    }

    fn longest_datagram(&self) -> usize {
        self.outbox
            .iter()
            .map(|departure| departure.payload.len())
            .max()
            .unwrap_or(0)
            .max(1500)
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

const INBOX_MAX: usize = 65_536;
