//! How long what a NAT or a firewall knows of a flow lives: for a time after each packet, which for TCP depends on
//! how far the connection has come (RFC 5382 §5).

use core::time::Duration;

use crate::packet::{Direction, Flags};

/// The times after which a flow is forgotten.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetimes {
    /// Of UDP, until it is known to go both ways.
    pub(crate) udp: Duration,
    /// Of UDP that goes both ways.
    pub(crate) udp_stream: Duration,
    /// Of a TCP connection that opens or closes.
    pub(crate) tcp_transitory: Duration,
    /// Of a TCP connection that is established.
    pub(crate) tcp_established: Duration,
}

impl Lifetimes {
    /// The times that the RFCs ask for: five minutes for UDP (RFC 4787 REQ-5 c), two hours and four minutes for an
    /// established TCP connection and four minutes for the others (RFC 5382 REQ-5).
    pub(crate) const RFC: Self = Self {
        udp: Duration::from_secs(300),
        udp_stream: Duration::from_secs(300),
        tcp_transitory: Duration::from_secs(240),
        tcp_established: Duration::from_secs(2 * 3600 + 4 * 60),
    };

    /// Linux' defaults: `nf_conntrack_udp_timeout`, `nf_conntrack_udp_timeout_stream`,
    /// `nf_conntrack_tcp_timeout_syn_sent`, `nf_conntrack_tcp_timeout_established`.
    pub(crate) const LINUX: Self = Self {
        udp: Duration::from_secs(30),
        udp_stream: Duration::from_secs(120),
        tcp_transitory: Duration::from_secs(120),
        tcp_established: Duration::from_secs(432_000),
    };

    /// How long a TCP connection in this state lives.
    pub(crate) fn of(&self, connection: &TcpState) -> Duration {
        if connection.is_established() {
            self.tcp_established
        } else {
            self.tcp_transitory
        }
    }
}

/// What one who only looks on knows of a TCP connection: which control bits it has seen, from inside and from outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TcpState {
    syn: [bool; 2],
    fin: [bool; 2],
    rst: bool,
}

impl TcpState {
    /// A connection whose beginning was not seen.
    pub(crate) const PICKED_UP: Self = Self {
        syn: [true; 2],
        fin: [false; 2],
        rst: false,
    };

    pub(crate) fn note(&mut self, direction: Direction, flags: Flags) {
        if flags.syn && !flags.ack && self.is_closed() {
            *self = Self::default(); // the same two ports, used anew
        }
        let side = direction as usize;
        self.syn[side] |= flags.syn;
        self.fin[side] |= flags.fin;
        self.rst |= flags.rst;
    }

    /// The inside has sent its SYN and the outside has said nothing yet.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.syn == [true, false]
    }

    fn is_established(&self) -> bool {
        self.syn == [true; 2] && self.fin == [false; 2] && !self.rst
    }

    fn is_closed(&self) -> bool {
        self.rst || self.fin == [true; 2]
    }
}
