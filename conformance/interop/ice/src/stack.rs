//! What the stacks have in common.

use std::net::SocketAddr;
use std::time::Duration;

/// Which stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Pollrtc,
    Is,
    Rice,
}

impl Name {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Pollrtc, Self::Is, Self::Rice]
            .into_iter()
            .find(|known| known.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pollrtc => "pollrtc",
            Self::Is => "is",
            Self::Rice => "rice",
        }
    }
}

/// A datagram under way.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// An agent that knows both sides' candidates. Times count from its start.
pub(crate) trait Stack {
    fn start(&mut self, now: Duration);
    fn next_timeout(&mut self) -> Option<Duration>;
    fn handle_timeout(&mut self, now: Duration);
    fn receive(&mut self, now: Duration, packet: &Packet);
    fn transmit(&mut self, now: Duration) -> Option<Packet>;
    /// The local and remote address of the pair that it has selected.
    fn selected(&self) -> Option<(SocketAddr, SocketAddr)>;
    /// Why it has given up, if it has.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// How many addresses each side has.
pub(crate) const ADDRESSES: usize = 2;

pub(crate) const UFRAGS: [&str; 2] = ["aaaaaaaa", "bbbbbbbb"];
pub(crate) const PASSWORDS: [&str; 2] = ["aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb"];

pub(crate) fn address(side: usize, index: usize) -> SocketAddr {
    let (side, index) = (side as u8, index as u8);
    SocketAddr::from(([10, side + 1, index, 1], 5000 + u16::from(index)))
}

/// RFC 8445 §5.1.2.1 for a host candidate.
pub(crate) fn priority(index: usize) -> u32 {
    (126 << 24) | ((65_535 - 100 * index as u32) << 8) | 255
}
