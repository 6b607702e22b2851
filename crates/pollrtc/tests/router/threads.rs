//! Connections and routers move between threads, and routers that share an address hand on what is another one's.

use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{
    Config, Datagram, Event, Instant, OwnedDatagram, PeerConnection, PeerId, Router, RouterId, StateMachine, Stats,
};
use pollrtc_stun::{Builder, Class, Method, TransactionId};

#[test]
fn everything_is_send() {
    fn assert_send<T: Send>() {}
    assert_send::<PeerConnection>();
    assert_send::<Router>();
    assert_send::<Config>();
    assert_send::<Event>();
    assert_send::<(PeerId, Event)>();
    assert_send::<Datagram<'static>>();
    assert_send::<(RouterId, OwnedDatagram)>();
    assert_send::<Stats>();
}

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 100], 3478);

fn id(number: u16) -> RouterId {
    RouterId::new(number).unwrap()
}

struct Client {
    peer: PeerConnection,
    address: SocketAddr,
    /// Which router has its connection, and which one the kernel gives its datagrams to.
    home: usize,
    reached: usize,
    texts: Vec<String>,
}

/// Two routers with a socket each that share a port, and clients for each combination.
struct Server {
    now: Instant,
    routers: [Router; 2],
    clients: Vec<Client>,
    /// How many datagrams were handed on.
    handed_on: u64,
}

impl Server {
    fn new() -> Self {
        let now = Instant::from_millis(5_000);
        let mut routers = [Router::with_id(id(7)), Router::with_id(id(4_095))];
        let mut clients = Vec::new();
        for number in 0..8u8 {
            let (home, reached) = (usize::from(number % 2), usize::from(number / 2 % 2));
            let address = SocketAddr::from(([198, 51, 100, number], 5000));
            let mut peer = PeerConnection::new(seeded(number));
            peer.add_local_address(now, address).unwrap();
            peer.create_data_channel("hall").unwrap();
            let config = seeded(100 + number).with_router_id(routers[home].id().unwrap());
            let mut ours = PeerConnection::new(config);
            ours.add_local_address(now, SERVER.into()).unwrap();
            let id = routers[home].insert(ours);
            let offer = peer.offer(now).unwrap();
            let answer = routers[home].peer_mut(id).unwrap().accept_offer(now, &offer).unwrap();
            peer.accept_answer(now, &answer).unwrap();
            clients.push(Client {
                peer,
                address,
                home,
                reached,
                texts: Vec::new(),
            });
        }
        Self {
            now,
            routers,
            clients,
            handed_on: 0,
        }
    }

    fn tick(&mut self) {
        let mut buf = vec![0; 2_000];
        for client in &mut self.clients {
            while let Some(transmit) = client.peer.poll_transmit(self.now, &mut buf) {
                let datagram = Datagram::udp(client.address, &mut buf[..transmit.len]).received_on(SERVER.into());
                let taken = self.routers[client.reached].handle_datagram(self.now, datagram);
                assert_eq!(taken.is_some(), client.home == client.reached);
            }
            client.peer.handle_timeout(self.now);
            while let Some(event) = client.peer.poll_event() {
                match event {
                    Event::ChannelOpen { channel, .. } => client.peer.send(channel, "hello").unwrap(),
                    Event::Message { data, .. } => client.texts.push(data.as_text().unwrap().to_owned()),
                    _ => {}
                }
            }
        }
        for from in 0..2 {
            while let Some((other, mut datagram)) = self.routers[from].poll_misdirected() {
                assert_eq!(self.routers[1 - from].id(), Some(other));
                let taken = self.routers[1 - from].handle_misdirected(self.now, &mut datagram);
                assert!(taken.is_some(), "it knows whose it is");
                self.handed_on += 1;
            }
        }
        for router in &mut self.routers {
            router.handle_timeout(self.now);
            while let Some((id, event)) = router.poll_event() {
                if let Event::Message { channel, data } = event {
                    router.peer_mut(id).unwrap().send(channel, data).unwrap();
                }
            }
            while let Some(transmit) = router.poll_transmit(self.now, &mut buf) {
                let to = transmit.flow.remote();
                let client = self.clients.iter_mut().find(|client| client.address == to);
                let datagram = Datagram::udp(SERVER.into(), &mut buf[..transmit.len]);
                client.unwrap().peer.handle_datagram(self.now, datagram);
            }
        }
        self.now += Duration::from_millis(1);
    }
}

#[test]
fn what_comes_to_the_wrong_one_of_two_routers_is_handed_on() {
    let mut server = Server::new();
    (0..20_000).for_each(|_| server.tick());
    for client in &server.clients {
        assert_eq!(client.texts, ["hello"], "{} of router {}", client.address, client.home);
    }
    assert!(server.handed_on > 0);
    let counted: u64 = server.routers.iter().map(|router| router.stats().misdirected).sum();
    assert_eq!(counted, server.handed_on);
    assert!(server.routers.iter().all(|router| router.stats().unroutable == 0));
}

/// A check, with nothing that would authenticate it, for a peer with this ufrag.
fn check(ufrag: &str, buf: &mut [u8]) -> usize {
    let builder = Builder::new(buf, Class::Request, Method::BINDING, TransactionId([7; 12]));
    builder
        .username(&format!("{ufrag}:theirs"))
        .fingerprint()
        .finish()
        .unwrap()
}

/// Anybody can write a check for either router to the other one.
#[test]
fn nothing_is_handed_to_and_fro() {
    let mut routers = [Router::with_id(id(0)), Router::with_id(id(1))];
    let now = Instant::from_millis(1);
    let mut buf = [0; 200];
    for (router, ufrag) in routers.iter_mut().zip(["ABxxxxxx", "AAxxxxxx"]) {
        let len = check(ufrag, &mut buf);
        let datagram = Datagram::udp(([203, 0, 113, 1], 1).into(), &mut buf[..len]);
        assert_eq!(router.handle_datagram(now, datagram), None);
    }
    let data = Datagram::udp(([203, 0, 113, 1], 1).into(), &mut buf[150..]);
    assert_eq!(routers[0].handle_datagram(now, data), None);
    let [one, other] = &mut routers;
    for (from, to) in [(&mut *one, &mut *other)] {
        assert_eq!(from.stats().misdirected, 2, "the check, and what follows it");
        while let Some((_, mut datagram)) = from.poll_misdirected() {
            assert_eq!(to.handle_misdirected(now, &mut datagram), None);
        }
    }
    assert_eq!(other.stats().unroutable, 2);
    assert_eq!(other.stats().misdirected, 1, "only what came from outside");
}

/// However many forged checks come, and however late they are taken.
#[test]
fn what_waits_to_be_handed_on_is_bounded() {
    let mut router = Router::with_id(id(0));
    let now = Instant::from_millis(1);
    let mut buf = [0; 200];
    let len = check("BBxxxxxx", &mut buf);
    for number in 0..100_000u32 {
        let [_, a, b, c] = number.to_be_bytes();
        let mut datagram = buf;
        let datagram = Datagram::udp(([10, a, b, c], 5000).into(), &mut datagram[..len]);
        router.handle_datagram(now, datagram);
    }
    let waiting: usize = std::iter::from_fn(|| router.poll_misdirected())
        .map(|(_, datagram)| datagram.payload.len())
        .sum();
    assert!(waiting <= 1024 * 1024, "{waiting} bytes");
    let stats = router.stats();
    assert_eq!(stats.misdirected + stats.misdirected_dropped, 100_000);
}
