// Two peers in a simulated network, 20 ms apart, for the examples of `pollrtc::guide`: they include this file.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc::{ChannelId, ChannelState, Config, Event, PeerConnection, StateMachine};
use pollrtc_netsim::{Host, Link, Network, Zone};

/// How long anything may take, in virtual time.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct Pair {
    pub net: Network,
    pub alice: Host<PeerConnection>,
    pub bob: Host<PeerConnection>,
}

impl Pair {
    /// Two peers that have their addresses and know nothing of each other.
    pub fn new(alice: Config, bob: Config) -> Self {
        let mut net = Network::new(1);
        net.set_link(Zone::INTERNET, Link::new().latency(Duration::from_millis(20)));
        let mut host = |config, address: &str| {
            let address: SocketAddr = address.parse().unwrap();
            let mut peer = PeerConnection::new(config);
            peer.add_local_address(net.now(), address).unwrap();
            net.host(address, peer)
        };
        let (alice, bob) = (host(alice, "192.0.2.1:4000"), host(bob, "198.51.100.2:5000"));
        Self { net, alice, bob }
    }

    /// Connected, with a channel that is open on both sides.
    pub fn connected(alice: Config, bob: Config) -> (Self, ChannelId, ChannelId) {
        let mut pair = Self::new(alice, bob);
        let channel = pair.net[pair.alice].create_data_channel("chat").unwrap();
        pair.exchange();
        let mut theirs = None;
        pair.until(|pair| {
            while let Some(event) = pair.net[pair.bob].poll_event() {
                if let Event::ChannelOpen { channel, .. } = event {
                    theirs = Some(channel);
                }
            }
            while pair.net[pair.alice].poll_event().is_some() {}
            theirs.is_some() && pair.net[pair.alice].channel_state(channel) == ChannelState::Open
        });
        (pair, channel, theirs.unwrap())
    }

    /// Alice offers, Bob answers, by signaling that takes no time.
    pub fn exchange(&mut self) {
        let offer = self.net.with(self.alice, |peer, now| peer.offer(now)).unwrap();
        let answer = self
            .net
            .with(self.bob, |peer, now| peer.accept_offer(now, &offer))
            .unwrap();
        self.net
            .with(self.alice, |peer, now| peer.accept_answer(now, &answer))
            .unwrap();
    }

    /// Goes on until something is the case, which it has to come to be.
    pub fn until(&mut self, mut is_so: impl FnMut(&mut Self) -> bool) {
        let deadline = self.net.now() + PATIENCE;
        while !is_so(self) {
            assert!(self.net.now() < deadline && self.net.step(), "it never comes to that");
        }
    }
}
