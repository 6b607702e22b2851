//! One socket, many peers.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{
    CloseReason, Config, ConnectionState, Datagram, DtlsRole, Event, Instant, PeerConnection, PeerId, Received, Router,
    StateMachine,
};
use pollrtc_stun::{Builder, Class, IntegrityKey, Message, Method, TransactionId};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 100], 3478);

/// A server that echoes, and clients of which each has its own address.
struct Hall {
    now: Instant,
    router: Router,
    clients: Vec<(PeerId, SocketAddr, PeerConnection)>,
    texts: HashMap<SocketAddr, Vec<String>>,
}

impl Hall {
    fn with_clients(count: u8) -> Self {
        let now = Instant::from_millis(5_000);
        let mut hall = Self {
            now,
            router: Router::new(),
            clients: Vec::new(),
            texts: HashMap::new(),
        };
        for number in 0..count {
            hall.join(number);
        }
        hall
    }

    fn join(&mut self, number: u8) {
        let address = SocketAddr::from(([192, 0, 2, 1 + number], 5000));
        let mut client = PeerConnection::new(seeded(number));
        client.add_local_address(self.now, address).unwrap();
        client.create_data_channel("hall").unwrap();
        let mut server = PeerConnection::new(seeded(100 + number));
        server.add_local_address(self.now, SERVER.into()).unwrap();
        let id = self.router.insert(server);
        let offer = client.offer(self.now).unwrap();
        let answer = self
            .router
            .peer_mut(id)
            .unwrap()
            .accept_offer(self.now, &offer)
            .unwrap();
        client.accept_answer(self.now, &answer).unwrap();
        self.clients.push((id, address, client));
    }

    /// One millisecond: all that is under way arrives.
    fn tick(&mut self) {
        let mut buf = vec![0; 65_536];
        while let Some(transmit) = self.router.poll_transmit(self.now, &mut buf) {
            let to = self
                .clients
                .iter_mut()
                .find(|(_, address, _)| *address == transmit.flow.remote());
            if let Some((.., client)) = to {
                client.handle_datagram(self.now, Datagram::udp(SERVER.into(), &mut buf[..transmit.len]));
            }
        }
        while let Some((id, event)) = self.router.poll_event() {
            if let Event::Message { channel, data } = event {
                self.router.peer_mut(id).unwrap().send(channel, data).unwrap();
            }
        }
        for (id, address, client) in &mut self.clients {
            while let Some(transmit) = client.poll_transmit(self.now, &mut buf) {
                let datagram = Datagram::udp(*address, &mut buf[..transmit.len]);
                let taken = self.router.handle_datagram(self.now, datagram);
                assert_eq!(
                    taken,
                    Some((*id, Received::Nothing)),
                    "each datagram finds its own peer"
                );
            }
            while let Some(event) = client.poll_event() {
                match event {
                    Event::ChannelOpen { channel, .. } => client.send(channel, format!("I am {address}")).unwrap(),
                    Event::Message { data, .. } => {
                        self.texts
                            .entry(*address)
                            .or_default()
                            .push(data.as_text().unwrap().to_owned());
                    }
                    _ => {}
                }
            }
            client.handle_timeout(self.now);
        }
        self.now += Duration::from_millis(1);
        if self.router.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.router.handle_timeout(self.now);
        }
    }

    fn run(&mut self, milliseconds: u32) {
        (0..milliseconds).for_each(|_| self.tick());
    }
}

#[test]
fn each_client_gets_its_own_echo() {
    let mut hall = Hall::with_clients(12);
    hall.run(1_000);
    assert_eq!(hall.texts.len(), 12);
    for (address, texts) in &hall.texts {
        assert_eq!(*texts, [format!("I am {address}")]);
    }
    assert_eq!(hall.router.stats().unroutable, 0);
}

#[test]
fn a_stranger_is_counted_and_costs_nothing() {
    let mut hall = Hall::with_clients(1);
    hall.run(300);
    for first in 0..=255u8 {
        let datagram = &mut [first; 64];
        assert_eq!(
            hall.router
                .handle_datagram(hall.now, Datagram::udp(([203, 0, 113, 5], 5).into(), datagram)),
            None
        );
    }
    assert_eq!(hall.router.stats().unroutable, 256);
}

#[test]
fn a_removed_peer_leaves_nothing_behind() {
    let mut hall = Hall::with_clients(3);
    hall.run(500);
    let (id, address, mut client) = hall.clients.remove(0);
    assert!(hall.router.remove(id).is_some());
    assert!(hall.router.remove(id).is_none(), "an id is used once");
    assert!(hall.router.peer_mut(id).is_none());
    assert_eq!(hall.router.len(), 2);
    // What the client still sends is a stranger's now.
    hall.now += Duration::from_secs(10);
    client.handle_timeout(hall.now);
    let mut buf = vec![0; 2_000];
    while let Some(transmit) = client.poll_transmit(hall.now, &mut buf) {
        let datagram = Datagram::udp(address, &mut buf[..transmit.len]);
        assert_eq!(hall.router.handle_datagram(hall.now, datagram), None);
    }
    // And its slot serves the next one.
    hall.join(40);
    hall.run(500);
    assert_eq!(hall.texts[&SocketAddr::from(([192, 0, 2, 41], 5000))].len(), 1);
}

#[test]
fn a_client_that_comes_back_from_another_address_is_found_by_its_ufrag() {
    let mut hall = Hall::with_clients(2);
    hall.run(500);
    let (id, address, _) = &mut hall.clients[0];
    let (id, address) = (*id, address);
    // A NAT gave it another port, of which the client itself knows nothing.
    let moved = SocketAddr::from(([192, 0, 2, 1], 6000));
    *address = moved;
    hall.run(15_000);
    let (.., client) = &mut hall.clients[0];
    assert_eq!(client.connection_state(), ConnectionState::Connected);
    client.create_data_channel("hall again").unwrap();
    hall.run(100);
    assert_eq!(hall.texts[&moved], [format!("I am {moved}")]);
    let server = hall.router.peer(id).unwrap();
    assert_eq!(server.connection_state(), ConnectionState::Connected);
    // Long after consent to the old address has ended.
    hall.run(45_000);
    let server = hall.router.peer(id).unwrap();
    assert_eq!(server.connection_state(), ConnectionState::Connected);
}

/// Says whether a datagram gets lost.
type Loss = Box<dyn FnMut(&[u8]) -> bool>;

/// A server that answers one offer several times, and the client that made it.
struct Duplicates {
    now: Instant,
    router: Router,
    servers: Vec<(PeerId, String)>,
    closed: Vec<(PeerId, CloseReason)>,
    client: PeerConnection,
    offer: String,
    texts: Vec<String>,
    /// Under way, with the time of arrival; to the server or from it.
    wire: VecDeque<(Instant, bool, Vec<u8>)>,
    lose: Loss,
    /// Where somebody sits who has the offer too, and answers checks with its password.
    copyist: Option<Credentials>,
}

/// What a description says about ICE.
#[derive(Clone)]
struct Credentials {
    ufrag: String,
    pwd: String,
}

fn credentials(description: &str) -> Credentials {
    let value = |name: &str| {
        let line = description.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    };
    Credentials {
        ufrag: value("a=ice-ufrag:"),
        pwd: value("a=ice-pwd:"),
    }
}

const COPYIST: ([u8; 4], u16) = ([203, 0, 113, 66], 6666);

const CLIENT: ([u8; 4], u16) = ([192, 0, 2, 1], 5000);
const LATENCY: Duration = Duration::from_millis(20);

impl Duplicates {
    fn new() -> Self {
        let now = Instant::from_millis(5_000);
        let mut client = PeerConnection::new(seeded(1));
        client.add_local_address(now, CLIENT.into()).unwrap();
        client.create_data_channel("hall").unwrap();
        let offer = client.offer(now).unwrap();
        Self {
            now,
            router: Router::new(),
            servers: Vec::new(),
            closed: Vec::new(),
            client,
            offer,
            texts: Vec::new(),
            wire: VecDeque::new(),
            lose: Box::new(|_| false),
            copyist: None,
        }
    }

    /// Whoever has the offer posts it as well, checks the connection that answers, and is what it checks.
    fn post_copy(&mut self) -> usize {
        let number = self.post(|config| config);
        let theirs = credentials(&self.offer);
        self.copyist = Some(theirs.clone());
        self.copyist_checks(number, &theirs);
        number
    }

    fn copyist_checks(&mut self, number: usize, theirs: &Credentials) {
        let ours = credentials(&self.servers[number].1);
        let mut buf = [0; 512];
        let mut id = [0; 12];
        id[..8].copy_from_slice(&(self.now - Instant::ZERO).as_micros().to_be_bytes()[8..]);
        let id = TransactionId(id);
        let len = Builder::new(&mut buf, Class::Request, Method::BINDING, id)
            .username(&format!("{}:{}", ours.ufrag, theirs.ufrag))
            .priority(1_845_501_695)
            .ice_controlling(u64::MAX)
            .use_candidate()
            .message_integrity(&IntegrityKey::short_term(&ours.pwd))
            .fingerprint()
            .finish()
            .unwrap();
        let datagram = Datagram::udp(COPYIST.into(), &mut buf[..len]);
        self.router.handle_datagram(self.now, datagram);
    }

    /// The answer to a check that reached whoever has the copy.
    fn copyist_answers(&mut self, request: &[u8]) {
        let Ok(message) = Message::parse(request) else { return };
        let Some(theirs) = self.copyist.as_ref().filter(|_| message.class() == Class::Request) else {
            return;
        };
        let mut buf = [0; 512];
        let len = Builder::new(
            &mut buf,
            Class::SuccessResponse,
            Method::BINDING,
            message.transaction_id(),
        )
        .xor_mapped_address(SERVER.into())
        .message_integrity(&IntegrityKey::short_term(&theirs.pwd))
        .fingerprint()
        .finish()
        .unwrap();
        let datagram = Datagram::udp(COPYIST.into(), &mut buf[..len]);
        self.router.handle_datagram(self.now, datagram);
    }

    /// The offer is posted: another connection answers it. Which one, counted from zero.
    fn post(&mut self, config: impl FnOnce(Config) -> Config) -> usize {
        let mut server = PeerConnection::new(config(seeded(100 + self.servers.len() as u8)));
        server.add_local_address(self.now, SERVER.into()).unwrap();
        let id = self.router.insert(server);
        let answer = self
            .router
            .peer_mut(id)
            .unwrap()
            .accept_offer(self.now, &self.offer)
            .unwrap();
        self.servers.push((id, answer));
        self.servers.len() - 1
    }

    fn take_answer(&mut self, number: usize) {
        let answer = self.servers[number].1.clone();
        self.client.accept_answer(self.now, &answer).unwrap();
    }

    fn state(&self, number: usize) -> ConnectionState {
        let peer = self.router.peer(self.servers[number].0);
        peer.map_or(ConnectionState::Closed, PeerConnection::connection_state)
    }

    fn has_superseded(&self, number: usize) -> bool {
        self.closed.contains(&(self.servers[number].0, CloseReason::Superseded))
    }

    fn tick(&mut self) {
        let mut buf = vec![0; 65_536];
        while self.wire.front().is_some_and(|(at, ..)| *at <= self.now) {
            let Some((_, to_server, mut bytes)) = self.wire.pop_front() else {
                break;
            };
            if to_server {
                self.router
                    .handle_datagram(self.now, Datagram::udp(CLIENT.into(), &mut bytes));
            } else {
                self.client
                    .handle_datagram(self.now, Datagram::udp(SERVER.into(), &mut bytes));
            }
        }
        if self.router.poll_timeout().is_some_and(|deadline| deadline <= self.now) {
            self.router.handle_timeout(self.now);
        }
        self.client.handle_timeout(self.now);
        while let Some((id, event)) = self.router.poll_event() {
            match event {
                Event::Message { channel, data } => {
                    self.router.peer_mut(id).unwrap().send(channel, data).unwrap();
                }
                Event::Closed(reason) => self.closed.push((id, reason)),
                _ => {}
            }
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::ChannelOpen { channel, .. } => self.client.send(channel, "hello").unwrap(),
                Event::Message { data, .. } => self.texts.push(data.as_text().unwrap().to_owned()),
                _ => {}
            }
        }
        let arrival = self.now + LATENCY;
        while let Some(transmit) = self.router.poll_transmit(self.now, &mut buf) {
            if transmit.flow.remote() == COPYIST.into() {
                let request = buf[..transmit.len].to_vec();
                self.copyist_answers(&request);
            }
            if transmit.flow.remote() == CLIENT.into() && !(self.lose)(&buf[..transmit.len]) {
                self.wire.push_back((arrival, false, buf[..transmit.len].to_vec()));
            }
        }
        while let Some(transmit) = self.client.poll_transmit(self.now, &mut buf) {
            if transmit.flow.remote() == SERVER.into() && !(self.lose)(&buf[..transmit.len]) {
                self.wire.push_back((arrival, true, buf[..transmit.len].to_vec()));
            }
        }
        self.now += Duration::from_millis(1);
    }

    fn run(&mut self, milliseconds: u64) {
        (0..milliseconds).for_each(|_| self.tick());
    }

    /// How long until the echo comes.
    fn run_until_echo(&mut self, limit: u64) -> u64 {
        let start = self.now;
        while self.texts.is_empty() {
            assert!(
                self.now < start + Duration::from_millis(limit),
                "no echo after {limit} ms"
            );
            self.tick();
        }
        (self.now - start).as_millis() as u64
    }
}

fn roles() -> [DtlsRole; 2] {
    [DtlsRole::Client, DtlsRole::Server]
}

/// A request was repeated since its answer did not come, or a button pressed twice.
#[test]
fn whichever_answer_to_an_offer_that_was_posted_twice_is_used_it_connects_and_the_other_ends() {
    for role in roles() {
        for used in [0, 1] {
            for (between, before_answer) in [
                (0, 0),
                (0, 50),
                (30, 0),
                (90, 10),
                (1_000, 0),
                (1_000, 100),
                (10_000, 30),
            ] {
                let mut hall = Duplicates::new();
                let configure = |config: Config| config.with_preferred_dtls_role(role);
                hall.post(configure);
                hall.run(between);
                hall.post(configure);
                hall.run(before_answer);
                hall.take_answer(used);
                let took = hall.run_until_echo(3_000);
                assert!(
                    took < 700,
                    "{took} ms, {role:?}, answer {used}, {between} ms between, {before_answer} ms before"
                );
                hall.run(100);
                assert_eq!(hall.state(used), ConnectionState::Connected);
                assert!(hall.has_superseded(1 - used), "{:?}", hall.closed);
                assert_eq!(hall.closed.len(), 1);
                hall.run(10_000);
                assert_eq!(hall.state(used), ConnectionState::Connected);
                assert_eq!(hall.client.connection_state(), ConnectionState::Connected);
            }
        }
    }
}

/// How many ClientHellos the client gets from now on.
fn count_hellos(hall: &mut Duplicates) -> Rc<Cell<u32>> {
    let hellos = Rc::new(Cell::new(0));
    let count = hellos.clone();
    hall.lose = Box::new(move |datagram| {
        let is_client_hello = datagram[0] == 22 && datagram[13] == 1;
        count.set(count.get() + u32::from(is_client_hello));
        false
    });
    hellos
}

#[test]
fn a_connection_that_stands_stays_when_its_offer_is_posted_again_and_the_answer_is_not_used() {
    let mut hall = Duplicates::new();
    hall.post(|config| config);
    hall.take_answer(0);
    hall.run_until_echo(1_000);
    let hellos = count_hellos(&mut hall);
    for _ in 0..10 {
        hall.post(|config| config);
        hall.run(3_000);
    }
    hall.run(60_000);
    assert_eq!(hall.state(0), ConnectionState::Connected);
    assert_eq!(hall.client.connection_state(), ConnectionState::Connected);
    assert_eq!(hellos.get(), 0, "the others are no peers of anybody");
    let open = |number: &usize| hall.state(*number) != ConnectionState::Closed;
    assert_eq!((0..11).filter(open).count(), 4, "and only so many are kept");
}

#[test]
fn whoever_posts_a_copy_of_an_offer_ends_and_delays_nothing() {
    for role in roles() {
        for copied_after in [0, 5, 25, 45, 65, 100, 150, 200, 1_000, 20_000] {
            let mut hall = Duplicates::new();
            let configure = |config: Config| config.with_preferred_dtls_role(role);
            hall.post(configure);
            hall.take_answer(0);
            hall.run(copied_after);
            let copy = hall.post_copy();
            let theirs = credentials(&hall.offer);
            if hall.texts.is_empty() {
                let took = copied_after + hall.run_until_echo(1_000);
                assert!(took < 300, "{took} ms, {role:?}, copied after {copied_after} ms");
            }
            for _ in 0..15 {
                hall.run(2_500);
                hall.copyist_checks(copy, &theirs);
                assert_eq!(
                    hall.state(0),
                    ConnectionState::Connected,
                    "{role:?}, copied after {copied_after} ms"
                );
            }
            assert_eq!(hall.client.connection_state(), ConnectionState::Connected);
            assert!(!hall.has_superseded(0));
        }
    }
}

/// Devices exist that have the same credentials and certificate after each start.
#[test]
fn a_peer_that_begins_anew_with_the_same_description_gets_a_new_connection() {
    for role in roles() {
        let mut hall = Duplicates::new();
        let configure = |config: Config| config.with_preferred_dtls_role(role);
        hall.post(configure);
        hall.take_answer(0);
        hall.run_until_echo(1_000);
        hall.run(5_000);
        let rebooted = Duplicates::new();
        assert_eq!(hall.offer, rebooted.offer);
        hall.client = rebooted.client;
        hall.texts.clear();
        hall.post(configure);
        hall.take_answer(1);
        let took = hall.run_until_echo(2_000);
        assert!(took < 500, "{took} ms, {role:?}");
        hall.run(100);
        assert!(hall.has_superseded(0));
        hall.run(60_000);
        assert_eq!(hall.state(1), ConnectionState::Connected);
    }
}

/// ZLMediaKit's peers are called `zlm_1`, `zlm_2` and so on, and passwords have what their makers like.
#[test]
fn peers_with_odd_characters_in_their_credentials_are_found() {
    let now = Instant::from_millis(5_000);
    let mut router = Router::new();
    let mut peers = Vec::new();
    for (number, ufrag) in ["zlm_1", "zlm_12", "a=b#", "+/-_"].into_iter().enumerate() {
        let pwd = format!("{ufrag}_-=#a-password-of-22");
        let address = SocketAddr::from(([192, 0, 2, 1 + number as u8], 5000));
        let mut client = PeerConnection::new(seeded(number as u8));
        client.add_local_address(now, address).unwrap();
        client.create_data_channel("hall").unwrap();
        let offer = client.offer(now).unwrap();
        let theirs = credentials(&offer);
        let offer = offer.replace(&theirs.ufrag, ufrag).replace(&theirs.pwd, &pwd);
        let mut server = PeerConnection::new(seeded(100 + number as u8));
        server.add_local_address(now, SERVER.into()).unwrap();
        let id = router.insert(server);
        let answer = router.peer_mut(id).unwrap().accept_offer(now, &offer).unwrap();

        let rng = pollrtc_crypto::Rng::from_seed([number as u8; 32]);
        let mut agent = pollrtc_ice::Agent::new(pollrtc_ice::Config::default(), pollrtc_ice::Role::Controlling, rng);
        agent.restart_with(now, pollrtc_ice::Credentials::new(ufrag, pwd));
        agent.add_local_address(now, address).unwrap();
        let ours = credentials(&answer);
        agent
            .set_remote_credentials(now, pollrtc_ice::Credentials::new(ours.ufrag, ours.pwd))
            .unwrap();
        agent.add_remote_candidate(now, pollrtc_ice::Candidate::host(SERVER.into()));
        peers.push((id, address, agent));
    }
    let mut buf = [0; 1500];
    for millisecond in 0..100 {
        let now = now + Duration::from_millis(millisecond);
        router.handle_timeout(now);
        while let Some(transmit) = router.poll_transmit(now, &mut buf) {
            let to = peers
                .iter_mut()
                .find(|(_, address, _)| *address == transmit.flow.remote());
            if let Some((.., agent)) = to {
                agent.handle_datagram(now, Datagram::udp(SERVER.into(), &mut buf[..transmit.len]));
            }
        }
        for (id, address, agent) in &mut peers {
            agent.handle_timeout(now);
            while let Some(transmit) = agent.poll_transmit(now, &mut buf) {
                let datagram = Datagram::udp(*address, &mut buf[..transmit.len]);
                assert_eq!(router.handle_datagram(now, datagram), Some((*id, Received::Nothing)));
            }
        }
    }
    for (id, address, agent) in &peers {
        assert_eq!(agent.state(), pollrtc_ice::State::Completed);
        let path = router.peer(*id).unwrap().stats().transports[0].path;
        assert_eq!(path.map(|path| path.flow.remote()), Some(*address));
    }
    assert_eq!(router.stats().unroutable, 0);
}
