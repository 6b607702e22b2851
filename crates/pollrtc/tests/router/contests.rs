//! Two connections between the same two sockets, of which nothing tells the datagrams apart.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{
    ChannelId, CloseReason, ConnectionState, Datagram, Event, Instant, PeerConnection, PeerId, Router, StateMachine,
};

const LATENCY: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(1);

/// One socket and all connections on it.
struct Side {
    address: SocketAddr,
    router: Router,
    events: Vec<(PeerId, Event)>,
    inbox: VecDeque<(Instant, Vec<u8>)>,
}

impl Side {
    fn new(address: &str) -> Self {
        Self {
            address: address.parse().unwrap(),
            router: Router::new(),
            events: Vec::new(),
            inbox: VecDeque::new(),
        }
    }

    fn add(&mut self, now: Instant, seed: u8) -> PeerId {
        let mut peer = PeerConnection::new(seeded(seed));
        peer.add_local_address(now, self.address).unwrap();
        self.router.insert(peer)
    }

    fn closed(&self, id: PeerId) -> Option<&CloseReason> {
        self.events.iter().find_map(|(of, event)| match event {
            Event::Closed(reason) if *of == id => Some(reason),
            _ => None,
        })
    }

    fn texts(&self, id: PeerId) -> usize {
        let texts = self.events.iter();
        texts
            .filter(|(of, event)| *of == id && matches!(event, Event::Message { .. }))
            .count()
    }
}

struct Pair {
    now: Instant,
    sides: [Side; 2],
    seed: u8,
    /// Whether each check of the second side's gets a success response that nobody has signed.
    forges_answers: bool,
}

impl Pair {
    fn new() -> Self {
        Self {
            now: Instant::from_millis(5_000),
            sides: [Side::new("192.0.2.1:4000"), Side::new("192.0.2.2:5000")],
            seed: 0,
            forges_answers: false,
        }
    }

    /// Another connection: its ends, and the channel of the first.
    fn negotiate(&mut self) -> ([PeerId; 2], ChannelId) {
        let now = self.now;
        self.seed += 2;
        let seed = self.seed;
        let [one, other] = &mut self.sides;
        let ids = [one.add(now, seed), other.add(now, seed + 1)];
        let mut a = one.router.peer_mut(ids[0]).unwrap();
        let mut b = other.router.peer_mut(ids[1]).unwrap();
        let channel = a.create_data_channel("data").unwrap();
        let answer = b.accept_offer(now, &a.offer(now).unwrap()).unwrap();
        a.accept_answer(now, &answer).unwrap();
        (ids, channel)
    }

    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut buf = vec![0; 65_536];
        while self.now < end {
            self.now += TICK;
            for at in 0..2 {
                let from = self.sides[1 - at].address;
                let side = &mut self.sides[at];
                while side.inbox.front().is_some_and(|(at, _)| *at <= self.now) {
                    let (_, mut bytes) = side.inbox.pop_front().unwrap();
                    let datagram = Datagram::udp(from, &mut bytes).received_on(side.address);
                    side.router.handle_datagram(self.now, datagram);
                }
                side.router.handle_timeout(self.now);
                side.events.extend(std::iter::from_fn(|| side.router.poll_event()));
                while let Some(transmit) = self.sides[at].router.poll_transmit(self.now, &mut buf) {
                    for datagram in transmit.datagrams(&buf) {
                        if let Some(forged) = unsigned_answer(datagram).filter(|_| at == 1 && self.forges_answers) {
                            self.sides[1].inbox.push_back((self.now + LATENCY, forged));
                        }
                        self.sides[1 - at]
                            .inbox
                            .push_back((self.now + LATENCY, datagram.to_vec()));
                    }
                }
            }
        }
    }

    /// Says something every 20 ms for so long; whether all of it is heard, in time.
    fn is_served(&mut self, ids: [PeerId; 2], channel: ChannelId, duration: Duration) -> bool {
        let end = self.now + duration;
        let mut said = 0;
        let before = self.sides[1].texts(ids[1]);
        while self.now < end {
            let peer = self.sides[0].router.peer_mut(ids[0]);
            said += usize::from(peer.is_some_and(|mut peer| peer.send(channel, "hello").is_ok()));
            self.run(Duration::from_millis(20));
        }
        self.run(Duration::from_secs(1));
        said > 0 && self.sides[1].texts(ids[1]) - before == said
    }
}

/// A Binding success response to a check, of a header alone (RFC 8489 §5).
fn unsigned_answer(check: &[u8]) -> Option<Vec<u8>> {
    let header = check.get(..20).filter(|header| header[..2] == [0, 1])?;
    Some([&[1, 1, 0, 0], &header[4..]].concat())
}

#[test]
fn the_second_of_two_connections_between_the_same_sockets_is_refused_and_the_first_goes_on() {
    for apart in [Duration::from_secs(3), Duration::from_millis(150), Duration::ZERO] {
        let mut pair = Pair::new();
        let (first, channel) = pair.negotiate();
        pair.run(apart);
        let (second, _) = pair.negotiate();
        pair.run(Duration::from_secs(1));
        for (side, id) in pair.sides.iter().zip(second) {
            assert_eq!(side.closed(id), Some(&CloseReason::AddressInUse), "{apart:?} apart");
        }
        pair.run(Duration::from_secs(3));
        assert!(
            pair.is_served(first, channel, Duration::from_secs(40)),
            "{apart:?} apart"
        );
        for (side, id) in pair.sides.iter().zip(first) {
            assert_eq!(
                side.router.peer(id).unwrap().connection_state(),
                ConnectionState::Connected
            );
            assert_eq!(side.closed(id), None);
        }
    }
}

/// A program that has crashed and begins anew on its port is not kept from it by what was.
#[test]
fn who_begins_anew_on_the_same_socket_takes_the_place_of_the_former_connection() {
    let mut pair = Pair::new();
    let (former, channel) = pair.negotiate();
    pair.run(Duration::from_secs(1));
    assert!(pair.is_served(former, channel, Duration::from_secs(1)));
    pair.sides[0] = Side::new("192.0.2.1:4000");
    pair.run(Duration::from_secs(2));
    let (latter, channel) = pair.negotiate();
    pair.run(Duration::from_secs(1));
    assert!(pair.is_served(latter, channel, Duration::from_secs(90)));
    let [_, server] = &pair.sides;
    assert_eq!(server.closed(latter[1]), None);
    assert!(matches!(server.closed(former[1]), Some(CloseReason::Ice(_))));
}

/// The former owner's peer is gone; somebody who sees its checks answers them without knowing any password.
#[test]
fn a_forged_answer_does_not_bring_the_former_connection_back() {
    let mut pair = Pair::new();
    let (former, channel) = pair.negotiate();
    pair.run(Duration::from_secs(1));
    assert!(pair.is_served(former, channel, Duration::from_secs(1)));
    pair.sides[0] = Side::new("192.0.2.1:4000");
    pair.forges_answers = true;
    let (latter, channel) = pair.negotiate();
    pair.run(Duration::from_secs(1));
    assert!(pair.is_served(latter, channel, Duration::from_secs(60)));
    assert_eq!(pair.sides[1].closed(latter[1]), None);
}
