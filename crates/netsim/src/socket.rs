//! The simplest host.

use core::net::SocketAddr;
use std::collections::VecDeque;

use pollrtc_core::{Datagram, Ecn, Instant, StateMachine, Transmit};

/// A host without a protocol: it sends what it is told and keeps what comes, as a plain UDP socket
/// does. For tests of networks, and for strangers and attackers in tests of protocols.
///
/// It keeps the first 65,536 datagrams that nobody took and drops later ones.
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
}

#[derive(Clone, Debug)]
struct Departure {
    transmit: Transmit,
    payload: Vec<u8>,
}

/// A datagram that a [`Socket`] received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// From whom.
    pub source: SocketAddr,
    /// To which of the host's addresses.
    pub destination: SocketAddr,
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

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

const INBOX_MAX: usize = 65_536;
