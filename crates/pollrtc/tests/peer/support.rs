//! Two peers and the wire between them, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{
    ChannelId, ChannelState, Config, ConnectionState, Datagram, Event, Incoming, Instant, PeerConnection, Received,
    SharedPacket, StateMachine,
};
use pollrtc_rtp::Pool;

/// The origin of the tests' time, far enough from zero to let clocks step back.
pub(crate) const START: Instant = Instant::from_millis(1_000_000);

/// A peer with the address of its only socket and the events that it told.
pub(crate) struct Side {
    pub(crate) peer: PeerConnection,
    pub(crate) address: SocketAddr,
    pub(crate) events: Vec<Event>,
    pub(crate) sent: u64,
    /// The packets of media that came.
    pub(crate) media: Vec<Arrived>,
    pool: Pool,
    /// Whether events are taken.
    pub(crate) reading: bool,
}

impl Side {
    fn new(config: Config, address: &str, now: Instant) -> Self {
        let address = address.parse().expect("a socket address");
        let mut peer = PeerConnection::new(config);
        peer.add_local_address(now, address).expect("a usable address");
        Self {
            peer,
            address,
            events: Vec::new(),
            sent: 0,
            media: Vec::new(),
            pool: Pool::new(100_000),
            reading: true,
        }
    }

    /// The messages that came, as text.
    pub(crate) fn texts(&self) -> Vec<String> {
        let text = |event: &Event| match event {
            Event::Message { data, .. } => Some(data.as_text().unwrap_or("(binary)").to_owned()),
            _ => None,
        };
        self.events.iter().filter_map(text).collect()
    }
}

/// A packet of media that came.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) stream: Incoming,
    pub(crate) packet: SharedPacket,
}

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Alice,
    Bob,
}

impl Who {
    pub(crate) const BOTH: [Self; 2] = [Self::Alice, Self::Bob];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }
}

/// Says whether a datagram gets lost: its number, from one, and its bytes.
pub(crate) type Loss = Box<dyn FnMut(u64, &[u8]) -> bool>;

/// Alice offers, Bob answers.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) alice: Side,
    pub(crate) bob: Side,
    /// One-way delay.
    pub(crate) latency: Duration,
    /// Which datagrams get lost; none unless told.
    pub(crate) lose: Loss,
    wire: VecDeque<(Instant, bool, Vec<u8>)>,
    carried: u64,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Self::with(|config| config, |config| config)
    }

    /// With changes to Alice's and Bob's configuration.
    pub(crate) fn with(alice: impl FnOnce(Config) -> Config, bob: impl FnOnce(Config) -> Config) -> Self {
        Self {
            now: START,
            alice: Side::new(alice(seeded(1)), "192.0.2.1:4000", START),
            bob: Side::new(bob(seeded(2)), "192.0.2.2:5000", START),
            latency: Duration::from_millis(50),
            lose: Box::new(|_, _| false),
            wire: VecDeque::new(),
            carried: 0,
        }
    }

    /// Offer and answer, with signaling that takes no time.
    pub(crate) fn negotiate(&mut self) {
        let offer = self.alice.peer.offer(self.now).expect("Alice offers");
        let answer = self.bob.peer.accept_offer(self.now, &offer).expect("Bob answers");
        self.alice.peer.accept_answer(self.now, &answer).expect("Alice accepts");
    }

    /// This one offers, the other one answers: both descriptions.
    pub(crate) fn exchange(&mut self, offerer: Who) -> (String, String) {
        let now = self.now;
        let offer = self.side(offerer).peer.offer(now).expect("an offer");
        let answer = self
            .side(offerer.other())
            .peer
            .accept_offer(now, &offer)
            .expect("an answer");
        self.side(offerer).peer.accept_answer(now, &answer).expect("it fits");
        (offer, answer)
    }

    pub(crate) fn side(&mut self, who: Who) -> &mut Side {
        match who {
            Who::Alice => &mut self.alice,
            Who::Bob => &mut self.bob,
        }
    }

    /// One opens a channel, which comes to be open on both sides: both ends.
    pub(crate) fn open(&mut self, who: Who, label: &str) -> (ChannelId, ChannelId) {
        let ours = self.side(who).peer.create_data_channel(label).expect("a channel");
        if self.side(who).peer.negotiation_needed() {
            self.exchange(who);
        }
        let label = label.to_owned();
        let theirs = |pair: &Self| {
            let other = if who == Who::Alice { &pair.bob } else { &pair.alice };
            let incoming = other.events.iter().filter_map(|event| match event {
                Event::ChannelOpen { channel, .. } => Some(*channel),
                _ => None,
            });
            let labelled = |channel: &ChannelId| {
                other
                    .peer
                    .channel_info(*channel)
                    .is_some_and(|info| info.label == label)
            };
            incoming.into_iter().find(labelled)
        };
        let open = |pair: &Self| {
            let side = if who == Who::Alice { &pair.alice } else { &pair.bob };
            side.peer.channel_state(ours) == ChannelState::Open && theirs(pair).is_some()
        };
        self.run_until(Duration::from_secs(5), open);
        (ours, theirs(self).expect("just seen"))
    }

    /// One says something on a channel, and the other one hears it.
    pub(crate) fn say(&mut self, who: Who, channel: ChannelId, text: &str) {
        self.side(who).peer.send(channel, text).expect("room for a message");
        let text = text.to_owned();
        self.run_until(Duration::from_secs(5), |pair| {
            let other = if who == Who::Alice { &pair.bob } else { &pair.alice };
            other.texts().contains(&text)
        });
    }

    /// Lets time pass until the condition holds, or panics after `limit` of virtual time.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Pair) -> bool) {
        let deadline = self.now + limit;
        while !done(self) {
            assert!(
                self.now < deadline,
                "not done after {limit:?}: {:?} {:?}",
                self.alice.events,
                self.bob.events
            );
            self.step(deadline);
        }
    }

    /// Lets this much time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step(end);
        }
    }

    /// Both sides are connected.
    pub(crate) fn connected(&self) -> bool {
        let connected = |side: &Side| side.peer.connection_state() == ConnectionState::Connected;
        connected(&self.alice) && connected(&self.bob)
    }

    /// Takes a datagram from one to the other, as the network would.
    pub(crate) fn carry(&mut self, from: Who, bytes: &[u8]) {
        self.carried += 1;
        if !(self.lose)(self.carried, bytes) {
            self.wire
                .push_back((self.now + self.latency, from == Who::Alice, bytes.to_vec()));
        }
    }

    /// Goes to the next moment at which something happens, at most to `end`.
    fn step(&mut self, end: Instant) {
        self.drain(true);
        self.drain(false);
        let timers = [self.alice.peer.poll_timeout(), self.bob.peer.poll_timeout()];
        let arrival = self.wire.front().map(|(at, ..)| *at);
        let next = timers.into_iter().flatten().chain(arrival).min().unwrap_or(end);
        self.now = self.now.max(next.min(end));
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, to_bob, mut bytes)) = self.wire.pop_front() else {
                break;
            };
            let (from, to) = if to_bob {
                (&self.alice.address, &mut self.bob)
            } else {
                (&self.bob.address, &mut self.alice)
            };
            let datagram = Datagram::udp(*from, &mut bytes).received_on(to.address);
            if let Received::Rtp { stream, packet } = to.peer.handle_datagram(self.now, datagram) {
                let packet = to.pool.share(&packet).expect("room for a packet");
                to.media.push(Arrived { stream, packet });
            }
        }
        for side in [&mut self.alice, &mut self.bob] {
            if side.peer.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
                side.peer.handle_timeout(self.now);
            }
        }
        self.drain(true);
        self.drain(false);
    }

    fn drain(&mut self, alice: bool) {
        let (side, other) = if alice {
            (&mut self.alice, self.bob.address)
        } else {
            (&mut self.bob, self.alice.address)
        };
        let mut buf = vec![0; 65_536];
        while let Some(transmit) = side.peer.poll_transmit(self.now, &mut buf) {
            let destination = transmit.flow.remote();
            for datagram in transmit.datagrams(&buf) {
                assert!(datagram.len() <= side.peer.longest_datagram());
                side.sent += 1;
                self.carried += 1;
                if destination == other && !(self.lose)(self.carried, datagram) {
                    self.wire.push_back((self.now + self.latency, alice, datagram.to_vec()));
                }
            }
        }
        while side.reading
            && let Some(event) = side.peer.poll_event()
        {
            side.events.push(event);
        }
    }
}
