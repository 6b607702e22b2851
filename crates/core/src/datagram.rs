//! What goes in and what comes out.

use core::net::SocketAddr;

/// How a datagram travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// One datagram is one UDP packet.
    #[default]
    Udp,
    /// One datagram is one frame of a TCP connection (RFC 4571).
    Tcp,
}

/// Explicit congestion notification, the two low bits of the IP traffic class (RFC 3168 §5).
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
    /// Who sent it.
    pub source: SocketAddr,
    /// The local address that it reached, if the caller knows; a caller with several sockets should.
    pub destination: Option<SocketAddr>,
    /// How it came.
    pub protocol: Protocol,
    /// Its ECN mark, if the system tells.
    pub ecn: Option<Ecn>,
    /// Its bytes, which the state machine may decrypt in place.
    pub payload: &'d mut [u8],
}

impl<'d> Datagram<'d> {
    /// A UDP datagram.
    pub fn udp(source: SocketAddr, payload: &'d mut [u8]) -> Self {
        Self {
            source,
            destination: None,
            protocol: Protocol::Udp,
            ecn: None,
            payload,
        }
    }

    /// The same, with the local address that it reached.
    #[must_use]
    pub fn received_on(self, destination: SocketAddr) -> Self {
        Self {
            destination: Some(destination),
            ..self
        }
    }

    /// The same, with its ECN mark.
    #[must_use]
    pub fn with_ecn(self, ecn: Option<Ecn>) -> Self {
        Self { ecn, ..self }
    }
}

/// What [`poll_transmit`](crate::StateMachine::poll_transmit) wrote into the caller's buffer and
/// where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// How many bytes of the buffer to send.
    pub len: usize,
    /// Where to.
    pub destination: SocketAddr,
    /// The local address to send from; `None` leaves it to the caller.
    pub source: Option<SocketAddr>,
    /// If set, the `len` bytes are several datagrams of this many bytes each (the last may be
    /// shorter), for generic segmentation offload. `None`: one datagram.
    pub segment_size: Option<usize>,
    /// The ECN mark to send with.
    pub ecn: Option<Ecn>,
    /// How to send it.
    pub protocol: Protocol,
}

impl Transmit {
    /// One UDP datagram of `len` bytes.
    pub fn udp(destination: SocketAddr, len: usize) -> Self {
        Self {
            len,
            destination,
            source: None,
            segment_size: None,
            ecn: None,
            protocol: Protocol::Udp,
        }
    }

    /// The same, sent from this local address.
    #[must_use]
    pub fn from_local(self, source: SocketAddr) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// The datagrams of the train that was written into `buf`, one by one: what a caller without
    /// segmentation offload sends.
    ///
    /// ```
    /// use pollrtc_core::Transmit;
    /// let transmit = Transmit { segment_size: Some(4), ..Transmit::udp("192.0.2.1:9".parse().unwrap(), 10) };
    /// let sizes: Vec<usize> = transmit.datagrams(&[0; 64]).map(|d| d.len()).collect();
    /// assert_eq!(sizes, [4, 4, 2]);
    /// ```
    pub fn datagrams<'b>(&self, buf: &'b [u8]) -> core::slice::Chunks<'b, u8> {
        let all = buf.get(..self.len).unwrap_or(buf);
        all.chunks(self.segment_size.unwrap_or(self.len).max(1))
    }
}
