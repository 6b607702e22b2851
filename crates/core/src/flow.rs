//! Where bytes travel, and what becomes of streams.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::Framing;

/// How a datagram travels.
///
/// ```
/// # use pollrtc_core::{Flow, Protocol};
/// let flow = Flow::udp("192.0.2.1:5000".parse().unwrap());
/// assert_eq!(flow.protocol(), Protocol::Udp);
/// assert!(Protocol::Tls.is_stream() && !Protocol::Udp.is_stream());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// One datagram is one UDP packet.
    #[default]
    Udp,
    /// One datagram is one frame on a TCP connection.
    Tcp,
    /// One datagram is one frame on a TLS connection over TCP. TLS is the driver's business: what a machine
    /// sees is decrypted already.
    Tls,
}

impl Protocol {
    /// Whether it has connections and frames, rather than packets.
    pub const fn is_stream(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp | Self::Tls => true,
        }
    }
}

/// Where bytes travel: between which two addresses, and how. The key of routing tables and check lists.
///
/// Two flows that are the same place are equal, however the system spelled the addresses: a flow is normalised when
/// it is made. IPv4-mapped addresses are IPv4 ones (RFC 4291 §2.5.5.2), flow labels are gone, and the scope, which
/// names the link, is kept where it says something, in link-local addresses (RFC 4007 §6).
///
/// ```
/// use pollrtc_core::Flow;
/// let plain = Flow::udp("192.0.2.1:9".parse().unwrap());
/// let mapped = Flow::udp("[::ffff:192.0.2.1]:9".parse().unwrap());
/// assert_eq!(plain, mapped);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    remote: SocketAddr,
    local: Option<SocketAddr>,
    protocol: Protocol,
}

impl Flow {
    /// A flow to or from `remote`. `local` is the address on this side; `None` is for callers that have one
    /// socket, and stands for its address.
    #[inline]
    pub fn new(protocol: Protocol, local: Option<SocketAddr>, remote: SocketAddr) -> Self {
        Self {
            remote: normalise(remote),
            local: local.map(normalise),
            protocol,
        }
    }

    /// A UDP flow on the caller's one socket.
    #[inline]
    pub fn udp(remote: SocketAddr) -> Self {
        Self::new(Protocol::Udp, None, remote)
    }

    /// The same flow, on this local address.
    #[must_use]
    #[inline]
    pub fn on(self, local: SocketAddr) -> Self {
        Self {
            local: Some(normalise(local)),
            ..self
        }
    }

    /// The address on this side; `None` for a caller with one socket.
    #[inline]
    pub const fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// The address on the other side.
    #[inline]
    pub const fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// How bytes travel.
    #[inline]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether one host can be there to be answered. A source that is unspecified, multicast (RFC 1112 §7.2),
    /// broadcast (RFC 1122 §3.2.1.3) or has port 0 (RFC 768) is forged or broken, and an answer would go nowhere or to
    /// everybody.
    ///
    /// ```
    /// use pollrtc_core::Flow;
    /// let from = |source: &str| Flow::udp(source.parse().unwrap());
    /// assert!(from("192.0.2.1:9").is_answerable());
    /// for source in ["192.0.2.1:0", "0.0.0.0:9", "224.0.0.251:9", "255.255.255.255:9", "[ff02::fb]:9"] {
    ///     assert!(!from(source).is_answerable());
    /// }
    /// ```
    pub fn is_answerable(&self) -> bool {
        let ip = self.remote.ip();
        let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        self.remote.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast
    }
}

/// `udp 192.0.2.1:4000 > 198.51.100.7:5000`, as captures write it.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Tls => "tls",
        };
        match self.local {
            Some(local) => write!(f, "{protocol} {local} > {}", self.remote),
            None => write!(f, "{protocol} > {}", self.remote),
        }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The one spelling of an address: IPv4-mapped unwrapped, flow label 0, scope only where link-local.
///
/// A [`Flow`] does this by itself; tables that are keyed by bare addresses use it.
///
/// ```
/// use core::net::{SocketAddr, SocketAddrV6};
/// use pollrtc_core::normalise;
/// let on_link = |ip: &str| SocketAddr::V6(SocketAddrV6::new(ip.parse().unwrap(), 9, 7, 2));
/// assert_eq!(normalise(on_link("::ffff:192.0.2.1")).to_string(), "192.0.2.1:9");
/// assert_eq!(normalise(on_link("2001:db8::1")).to_string(), "[2001:db8::1]:9");
/// assert_eq!(normalise(on_link("fe80::1")).to_string(), "[fe80::1%2]:9");
/// ```
#[inline]
pub fn normalise(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(address) => normalise_v6(address),
    }
}

fn normalise_v6(address: SocketAddrV6) -> SocketAddr {
    let ip: Ipv6Addr = *address.ip();
    if let Some(ip) = ip.to_ipv4_mapped() {
        return SocketAddr::new(IpAddr::V4(ip), address.port());
    }
    let scope = if is_link_local(ip) { address.scope_id() } else { 0 };
    SocketAddr::V6(SocketAddrV6::new(ip, address.port(), 0, scope))
}

/// `fe80::/10` (RFC 4291 §2.5.6): the same address may exist on each link.
fn is_link_local(ip: Ipv6Addr) -> bool {
    ip.segments()[0] & 0xffc0 == 0xfe80
}

/// Names a stream that a machine asked for, until it has a [`Flow`]: before it is open it has no local port.
/// The machine counts; a machine of machines, such as a router, hands out numbers of its own.
///
/// ```
/// # use pollrtc_core::RequestId;
/// let mut connecting = std::collections::HashMap::new();
/// connecting.insert(RequestId(7), "a socket"); // asked for, and not open yet
/// assert_eq!(connecting.remove(&RequestId(7)), Some("a socket"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The DNS name of a server, in the letters of DNS (RFC 6066 §3: international names in their ASCII form), without
/// a dot at its end.
///
/// ```
/// # use pollrtc_core::ServerName;
/// assert_eq!(ServerName::new("turn.example.com").unwrap().as_str(), "turn.example.com");
/// assert!(ServerName::new("not a name").is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerName {
    bytes: [u8; Self::LONGEST],
    len: u8,
}

impl ServerName {
    /// RFC 1035 §2.3.4: 255 bytes on the wire, which are 253 of text.
    const LONGEST: usize = 253;

    /// `None` if no server can have this name: it is empty, too long, or has other letters than DNS.
    pub fn new(name: &str) -> Option<Self> {
        let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if name.is_empty() || !name.as_bytes().iter().all(letter) {
            return None;
        }
        let mut bytes = [0; Self::LONGEST];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        let len = u8::try_from(name.len()).ok()?;
        Some(Self { bytes, len })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What a machine wants of the caller's streams; see [`poll_flow`](crate::StateMachine::poll_flow).
///
/// ```
/// # use pollrtc_core::{FlowEvent, FlowRequest, Instant, StateMachine};
/// /// A caller without streams says so at once.
/// fn refuse(machine: &mut impl StateMachine, now: Instant) {
///     while let Some(request) = machine.poll_flow() {
///         if let FlowRequest::Open { id, .. } = request {
///             machine.handle_flow(now, FlowEvent::Failed { id });
///         }
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "requests are rare, and a box would need an allocator"
)]
pub enum FlowRequest {
    /// Connect. [`FlowEvent::Opened`] or [`FlowEvent::Failed`] answers, with the same id.
    Open {
        /// Names this request.
        id: RequestId,
        /// The local address to connect from; the port is the system's choice.
        from: Option<IpAddr>,
        /// Where to.
        to: SocketAddr,
        /// TCP or TLS.
        protocol: Protocol,
        /// How frames are delimited on it.
        framing: Framing,
        /// Whom the certificate has to name, for TLS (RFC 6066 §3); without it, the address `to`.
        server_name: Option<ServerName>,
    },
    /// Give up a request that was not answered yet.
    Cancel(RequestId),
    /// Close a stream, once what was given to it has been sent.
    Close(Flow),
}

/// What became of a stream, or of what was sent; see [`handle_flow`](crate::StateMachine::handle_flow).
///
/// ```
/// # use pollrtc_core::{Flow, FlowEvent, Protocol, RequestId};
/// let local = "192.0.2.2:49152".parse().unwrap();
/// let flow = Flow::new(Protocol::Tcp, Some(local), "192.0.2.1:3478".parse().unwrap());
/// let opened = FlowEvent::Opened { id: Some(RequestId(7)), flow }; // machine.handle_flow(now, opened)
/// # assert_ne!(opened, FlowEvent::Closed(flow));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FlowEvent {
    /// A stream is open: one that was asked for, or (without an id) one that a listener accepted.
    Opened {
        /// The request that this answers.
        id: Option<RequestId>,
        /// What the stream is called from now on.
        flow: Flow,
    },
    /// A stream that was asked for can't be had.
    Failed {
        /// The request that this answers.
        id: RequestId,
    },
    /// A stream is gone, by whoever's wish. Nothing comes from it any more.
    Closed(Flow),
    /// A stream is full: what is sent on it now is dropped, whole frames at a time.
    Blocked(Flow),
    /// A stream that was full has room again.
    Writable(Flow),
    /// The network says that nobody is there (ICMP destination unreachable, RFC 1122 §4.1.3.3). Anybody can say
    /// so: it is a hint.
    Unreachable(Flow),
    /// The network says that what was sent is too long for the path (RFC 8201 §4, RFC 1191 §4). A hint as well.
    TooBig {
        /// Where it was sent.
        flow: Flow,
        /// The longest IP packet that the narrow link takes, in bytes; 0 if the router did not say.
        mtu: u16,
    },
}

/// Names one transmit, so that its fate can be told: see [`handle_sent`](crate::StateMachine::handle_sent).
/// The segments of one train count on from it.
///
/// ```
/// # use pollrtc_core::{SendId, Transmit};
/// /// The ids of the datagrams of a train.
/// fn ids(transmit: &Transmit, buf: &[u8]) -> Option<Vec<SendId>> {
///     let first = transmit.id?.0;
///     let ids = first..first + transmit.datagrams(buf).len() as u64;
///     Some(ids.map(SendId).collect())
/// }
/// # assert_eq!(ids(&Transmit::udp("192.0.2.1:9".parse().unwrap(), 1), &[0]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

/// What became of a transmit.
///
/// ```
/// # use pollrtc_core::{Departure, Instant, StateMachine, Transmit};
/// /// What a caller tells a machine that wants to know.
/// fn tell(machine: &mut impl StateMachine, transmit: &Transmit, sent: std::io::Result<usize>, now: Instant) {
///     if let Some(id) = transmit.id {
///         machine.handle_sent(id, if sent.is_ok() { Departure::Sent(now) } else { Departure::Dropped });
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It left at this time.
    Sent(crate::Instant),
    /// It was never sent: the socket was full, or refused it.
    Dropped,
}
