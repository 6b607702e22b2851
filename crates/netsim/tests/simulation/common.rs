//! What the tests share: addresses without ceremony and two hosts on one link.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_netsim::{Arrival, Host, Link, Network, Socket, Zone};

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// All that a socket has received and nobody took.
pub(crate) fn drain(net: &mut Network, host: Host<Socket>) -> Vec<Arrival> {
    std::iter::from_fn(|| net[host].recv()).collect()
}

/// Alice and Bob on the Internet, with a link between them.
pub(crate) struct Pair {
    pub(crate) net: Network,
    pub(crate) alice: Host<Socket>,
    pub(crate) bob: Host<Socket>,
}

pub(crate) const ALICE: &str = "192.0.2.1:5000";
pub(crate) const BOB: &str = "192.0.2.2:6000";

impl Pair {
    pub(crate) fn new(seed: u64, link: Link) -> Self {
        let mut net = Network::new(seed);
        net.set_link(Zone::INTERNET, link);
        let alice = net.host(addr(ALICE), Socket::new());
        let bob = net.host(addr(BOB), Socket::new());
        Self { net, alice, bob }
    }

    /// Alice sends Bob this many numbered datagrams of this length, with this long between them; what
    /// Bob got.
    pub(crate) fn stream(&mut self, count: u32, len: usize, gap: Duration) -> Vec<Arrival> {
        for number in 0..count {
            let mut payload = vec![0; len.max(4)];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            self.net[self.alice].send(addr(BOB), &payload);
            self.net.advance(gap);
        }
        self.net.advance(Duration::from_secs(60));
        drain(&mut self.net, self.bob)
    }
}

pub(crate) fn number(arrival: &Arrival) -> u32 {
    let first = arrival.payload.first_chunk().expect("four bytes");
    u32::from_be_bytes(*first)
}
