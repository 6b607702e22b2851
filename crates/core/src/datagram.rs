//! What goes in and what comes out.

use core::net::SocketAddr;
use core::num::NonZeroUsize;

use crate::{Flow, Instant, SendId};

/// Explicit congestion notification, the two low bits of the IP traffic class (RFC 3168 §5).
///
/// ```
/// # use pollrtc_core::Ecn;
/// let traffic_class = 0b1011_1010; // as the system tells of a datagram that came
/// assert_eq!(Ecn::from_bits(traffic_class), Some(Ecn::Ect0));
/// assert_eq!(Ecn::from_bits(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ecn {
    /// ECN-capable transport (1), as L4S senders mark it (RFC 9331).
    Ect1 = 0b01,
    /// ECN-capable transport (0).
    Ect0 = 0b10,
    /// Congestion experienced.
    Ce = 0b11,
}

impl Ecn {
    /// From the two low bits of a traffic class; `None` for "not ECN-capable".
    pub fn from_bits(bits: u8) -> Option<Self> {
        match bits & 0b11 {
            0b01 => Some(Self::Ect1),
            0b10 => Some(Self::Ect0),
            0b11 => Some(Self::Ce),
            _ => None,
        }
    }
}

/// One datagram that came from the network.
///
/// ```
/// use pollrtc_core::Datagram;
///
/// let mut buf = [0u8; 1500];
/// let (len, from) = (20, "192.0.2.1:5000".parse().unwrap()); // as a socket's recv_from tells
/// let datagram = Datagram::udp(from, &mut buf[..len]).received_on("192.0.2.2:6000".parse().unwrap());
/// assert_eq!(datagram.payload.len(), 20);
/// ```
#[derive(Debug)]
pub struct Datagram<'d> {
    /// Where it came from, and which local address it reached, if the caller knows; a caller with several sockets
    /// must know.
    pub flow: Flow,
    /// Its ECN mark, if the system tells.
    pub ecn: Option<Ecn>,
    /// When it arrived, if the system tells, as with timestamps of the kernel; else the `now` of the call counts.
    pub arrived: Option<Instant>,
    /// Its bytes, which the state machine may decrypt in place.
    pub payload: &'d mut [u8],
}

impl<'d> Datagram<'d> {
    /// A datagram, or a frame of a stream, that came by this flow.
    pub fn new(flow: Flow, payload: &'d mut [u8]) -> Self {
        Self {
            flow,
            ecn: None,
            arrived: None,
            payload,
        }
    }

    /// A UDP datagram on the caller's one socket.
    pub fn udp(source: SocketAddr, payload: &'d mut [u8]) -> Self {
        Self::new(Flow::udp(source), payload)
    }

    /// The same, with the local address that it reached.
    #[must_use]
    pub fn received_on(self, local: SocketAddr) -> Self {
        Self {
            flow: self.flow.on(local),
            ..self
        }
    }

    /// The same, with its ECN mark.
    #[must_use]
    pub fn with_ecn(self, ecn: Option<Ecn>) -> Self {
        Self { ecn, ..self }
    }

    /// The same, with the time at which it arrived.
    #[must_use]
    pub fn arrived_at(self, arrived: Option<Instant>) -> Self {
        Self { arrived, ..self }
    }
}

/// What [`poll_transmit`](crate::StateMachine::poll_transmit) wrote into the caller's buffer and
/// where it goes.
///
/// ```
/// # use pollrtc_core::Transmit;
/// let buf = [0; 1500];
/// let transmit = Transmit::udp("192.0.2.1:5000".parse().unwrap(), 100); // as `poll_transmit` gives it
/// let (bytes, to) = (&buf[..transmit.len], transmit.flow.remote()); // socket.send_to(bytes, to)
/// assert_eq!((bytes.len(), to.port()), (100, 5000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to, from which local address (`None` leaves it to the caller), and how.
    pub flow: Flow,
    /// How many bytes of the buffer to send; never zero.
    pub len: usize,
    /// If set, the `len` bytes are several datagrams of this many bytes each (the last may be
    /// shorter), for generic segmentation offload. `None`: one datagram. Only on UDP, and not above `len`.
    pub segment_size: Option<NonZeroUsize>,
    /// The ECN mark to send with.
    pub ecn: Option<Ecn>,
    /// Set where the machine wants to hear [when it left](crate::StateMachine::handle_sent).
    pub id: Option<SendId>,
}

impl Transmit {
    /// `len` bytes for this flow: one datagram, or one frame of a stream.
    pub const fn new(flow: Flow, len: usize) -> Self {
        Self {
            flow,
            len,
            segment_size: None,
            ecn: None,
            id: None,
        }
    }

    /// One UDP datagram of `len` bytes.
    pub fn udp(destination: SocketAddr, len: usize) -> Self {
        Self::new(Flow::udp(destination), len)
    }

    /// The same, sent from this local address.
    #[must_use]
    pub fn from_local(self, source: SocketAddr) -> Self {
        Self {
            flow: self.flow.on(source),
            ..self
        }
    }

    /// The same, as a train of datagrams of `segment_size` bytes each, the last of which may be shorter. One
    /// datagram that is no longer than a segment, and a size of zero, are no train.
    #[must_use]
    pub fn in_segments(self, segment_size: usize) -> Self {
        Self {
            segment_size: NonZeroUsize::new(segment_size).filter(|size| size.get() < self.len),
            ..self
        }
    }

    /// The datagrams of the train that was written into `buf`, one by one: what a caller without
    /// segmentation offload sends.
    ///
    /// ```
    /// use pollrtc_core::Transmit;
    /// let transmit = Transmit::udp("192.0.2.1:9".parse().unwrap(), 10).in_segments(4);
    /// let sizes: Vec<usize> = transmit.datagrams(&[0; 64]).map(|d| d.len()).collect();
    /// assert_eq!(sizes, [4, 4, 2]);
    /// ```
    pub fn datagrams<'b>(&self, buf: &'b [u8]) -> core::slice::Chunks<'b, u8> {
        let all = buf.get(..self.len).unwrap_or(buf);
        all.chunks(self.segment_size.map_or(self.len.max(1), NonZeroUsize::get))
    }
}
