//! Conferences in virtual time: connections on both sides, without sockets and without a browser.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc::rtp::{ExtensionMap, Format, Origin, Patch, Pool};
use pollrtc::{
    Config, ConnectionState, Datagram, Direction, Entropy, Event, Instant, MediaKind, Outgoing, PeerConnection,
    Received, Rewrite, RtpCapabilities, RtpPacket, SignalingState, StateMachine, TransceiverInit,
};

use super::forwarding::{Connections, Forwarding, MemberId};

const START: Instant = Instant::from_millis(1_000_000);
const LATENCY: Duration = Duration::from_millis(20);
const TICK: Duration = Duration::from_millis(5);
/// 25 pictures a second.
const PICTURE: Duration = Duration::from_millis(40);

const ANN: MemberId = MemberId(1);
const BEN: MemberId = MemberId(2);
const CLEO: MemberId = MemberId(3);
const DORA: MemberId = MemberId(4);

/// The server's connections.
#[derive(Default)]
struct Servers(BTreeMap<MemberId, RefCell<PeerConnection>>, Instant);

impl Connections for Servers {
    fn with<R>(&self, member: MemberId, act: impl FnOnce(&mut PeerConnection, Instant) -> R) -> Option<R> {
        Some(act(&mut self.0.get(&member)?.borrow_mut(), self.1))
    }
}

/// A member's own side.
struct Client {
    peer: PeerConnection,
    /// A stream for each layer of its camera.
    layers: Vec<Outgoing>,
    format: Format,
    /// How many pictures it has sent.
    sent: u32,
    /// Whether the next picture of each layer is a key frame.
    key_frame: Vec<bool>,
    /// How many key frames it was asked for.
    asked: usize,
    came: Vec<Picture>,
}

/// A packet with a picture of somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Picture {
    of: MemberId,
    layer: u8,
    number: u32,
}

/// Who is in, the connections of both sides, and the wire between them.
struct Conference {
    servers: Servers,
    forwarding: Forwarding,
    clients: BTreeMap<MemberId, Client>,
    wire: VecDeque<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    pool: Pool,
    /// Of what goes to members, each packet of media of this number is lost; 0: none.
    lose_each: usize,
    carried: usize,
}

fn address(member: MemberId, is_server: bool) -> SocketAddr {
    let host = if is_server { 1 } else { 2 };
    ([192, 0, 2, host], 5000 + member.0 as u16).into()
}

fn who(address: SocketAddr) -> (MemberId, bool) {
    (
        MemberId(u64::from(address.port() - 5000)),
        address == self::address(MemberId(u64::from(address.port() - 5000)), true),
    )
}

/// Each client has an order of codecs, and with it numbers, of its own.
fn connection(member: MemberId, is_server: bool) -> PeerConnection {
    let mut video = RtpCapabilities::of(MediaKind::Video);
    if !is_server && member.0.is_multiple_of(2) {
        video.codecs.reverse();
    }
    let seed = 2 * member.0 as u8 + u8::from(is_server);
    let config = Config::default()
        .with_entropy(Entropy::Seed([seed; 32]))
        .with_video(video)
        .with_offered_direction(Direction::RecvOnly);
    let mut peer = PeerConnection::new(config);
    peer.add_local_address(START, address(member, is_server)).unwrap();
    peer
}

impl Conference {
    fn new() -> Self {
        Self {
            servers: Servers(BTreeMap::new(), START),
            forwarding: Forwarding::new(),
            clients: BTreeMap::new(),
            wire: VecDeque::new(),
            pool: Pool::new(100_000),
            lose_each: 0,
            carried: 0,
        }
    }

    /// Somebody comes in whose camera has so many layers.
    fn enter(&mut self, member: MemberId, layers: usize) {
        let now = self.servers.1;
        let (mut server, mut peer) = (connection(member, true), connection(member, false));
        let rids = ["q", "h", "f"].map(str::to_owned);
        let init = TransceiverInit {
            direction: Direction::SendOnly,
            rids: if layers > 1 {
                rids[..layers].to_vec()
            } else {
                Vec::new()
            },
            ..TransceiverInit::default()
        };
        let camera = peer.add_transceiver(MediaKind::Video, init);
        let offer = peer.offer(now).unwrap();
        let answer = server.accept_offer(now, &offer).unwrap();
        peer.accept_answer(now, &answer).unwrap();
        let agreed = peer.transceiver(camera).unwrap().parameters().unwrap();
        let mut formats = agreed.send.codecs.iter().filter(|each| !each.codec.is("rtx"));
        let vp8 = formats.position(|each| each.codec.is("VP8")).unwrap();
        let client = Client {
            format: Format(vp8 as u8),
            layers: peer.outgoing_of(camera).collect(),
            peer,
            sent: 0,
            key_frame: vec![true; layers],
            asked: 0,
            came: Vec::new(),
        };
        assert_eq!(client.layers.len(), layers);
        self.clients.insert(member, client);
        self.servers.0.insert(member, RefCell::new(server));
        self.forwarding.join(member);
    }

    fn leave(&mut self, member: MemberId) {
        self.clients.remove(&member);
        self.servers.0.remove(&member);
        self.forwarding.leave(&self.servers, member);
    }

    /// Lets time pass, in which everybody sends pictures.
    fn run_for(&mut self, duration: Duration) {
        let end = self.servers.1 + duration;
        let mut looked = self.servers.1;
        while self.servers.1 < end {
            self.servers.1 += TICK;
            let now = self.servers.1;
            self.deliver();
            for member in self.clients.keys().copied().collect::<Vec<_>>() {
                self.exchange(member);
                self.film(member);
                self.drain(member);
            }
            if now - looked >= Duration::from_millis(500) {
                self.forwarding.look(&self.servers, now - looked);
                looked = now;
            }
        }
    }

    /// The server offers what is new; signaling takes no time.
    fn exchange(&mut self, member: MemberId) {
        let now = self.servers.1;
        let may_offer = self.servers.with(member, |peer, _| {
            peer.connection_state() == ConnectionState::Connected && peer.signaling_state() == SignalingState::Stable
        });
        if may_offer != Some(true) || !self.forwarding.subscribe(&self.servers, member) {
            return;
        }
        let client = self.clients.get_mut(&member).unwrap();
        let exchanged = self.servers.with(member, |server, now| {
            let offer = server.offer(now).unwrap();
            let answer = client.peer.accept_offer(now, &offer).unwrap();
            server.accept_answer(now, &answer).unwrap();
        });
        exchanged.unwrap();
        let _ = now;
    }

    /// A member's camera makes a picture, of one packet for each layer.
    fn film(&mut self, member: MemberId) {
        let now = self.servers.1;
        let client = self.clients.get_mut(&member).unwrap();
        let is_due = (now - START).as_millis().is_multiple_of(PICTURE.as_millis());
        if !is_due || client.peer.connection_state() != ConnectionState::Connected {
            return;
        }
        for layer in 0..client.layers.len() {
            let is_key = std::mem::take(&mut client.key_frame[layer]);
            let bytes = picture_packet(
                Picture {
                    of: member,
                    layer: layer as u8,
                    number: client.sent,
                },
                is_key,
            );
            let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
            let rewrite = Rewrite {
                sequence: client.sent.into(),
                timestamp: client.sent * 3600,
                marker: true,
                format: client.format,
                patch: Patch::None,
                descriptor: None,
                frame_number: None,
            };
            let mut buf = [0; 2000];
            let written = client
                .peer
                .write_rtp(now, client.layers[layer], &packet, &rewrite, &mut buf);
            let written = written.expect("a connection");
            self.wire.push_back((
                now + LATENCY,
                address(member, false),
                written.flow.remote(),
                buf[..written.len].to_vec(),
            ));
        }
        client.sent += 1;
    }

    fn deliver(&mut self) {
        let now = self.servers.1;
        while self.wire.front().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, from, to, mut bytes)) = self.wire.pop_front() else {
                break;
            };
            let (member, is_server) = who(to);
            let datagram = Datagram::udp(from, &mut bytes).received_on(to);
            if is_server {
                let Some(server) = self.servers.0.get(&member) else {
                    continue;
                };
                let received = server.borrow_mut().handle_datagram(now, datagram);
                if let Received::Rtp { stream, packet } = received {
                    let packet = self.pool.share(&packet).unwrap();
                    self.forwarding.handle_packet(&self.servers, member, stream, &packet);
                }
            } else if let Some(client) = self.clients.get_mut(&member) {
                let received = client.peer.handle_datagram(now, datagram);
                if let Received::Rtp { stream, packet } = received {
                    let format = usize::from(packet.origin.format.0);
                    let codec = client.peer.formats_of(stream).nth(format).unwrap();
                    assert!(codec.is("VP8"), "{codec:?}");
                    client.came.push(picture_of(&packet));
                }
            }
        }
    }

    /// What a member's two connections have to send and to tell.
    fn drain(&mut self, member: MemberId) {
        let now = self.servers.1;
        let mut buf = vec![0; 65_536];
        let mut events = Vec::new();
        if let Some(server) = self.servers.0.get(&member) {
            let mut peer = server.borrow_mut();
            if peer.poll_timeout().is_some_and(|due| due <= now) {
                peer.handle_timeout(now);
            }
            while let Some(transmit) = peer.poll_transmit(now, &mut buf) {
                for datagram in transmit.datagrams(&buf) {
                    let is_media = datagram[0] >> 6 == 2 && !(192..224).contains(&datagram[1]);
                    self.carried += usize::from(is_media);
                    if is_media && self.lose_each > 0 && self.carried.is_multiple_of(self.lose_each) {
                        continue;
                    }
                    self.wire.push_back((
                        now + LATENCY,
                        address(member, true),
                        transmit.flow.remote(),
                        datagram.to_vec(),
                    ));
                }
            }
            events.extend(std::iter::from_fn(|| peer.poll_event()));
        }
        for event in events {
            self.forwarding.handle_event(&self.servers, member, &event);
        }
        let client = self.clients.get_mut(&member).unwrap();
        if client.peer.poll_timeout().is_some_and(|due| due <= now) {
            client.peer.handle_timeout(now);
        }
        while let Some(transmit) = client.peer.poll_transmit(now, &mut buf) {
            for datagram in transmit.datagrams(&buf) {
                self.wire.push_back((
                    now + LATENCY,
                    address(member, false),
                    transmit.flow.remote(),
                    datagram.to_vec(),
                ));
            }
        }
        while let Some(event) = client.peer.poll_event() {
            if let Event::KeyframeWanted { stream } = event
                && let Some(layer) = client.layers.iter().position(|layer| *layer == stream)
            {
                client.key_frame[layer] = true;
                client.asked += 1;
            }
        }
    }

    /// What came to one of another since the last time, in order.
    fn take(&mut self, viewer: MemberId, of: MemberId) -> Vec<Picture> {
        let came = &mut self.clients.get_mut(&viewer).unwrap().came;
        let (its, others) = std::mem::take(came).into_iter().partition(|picture| picture.of == of);
        *came = others;
        its
    }

    fn sections(&self, member: MemberId) -> usize {
        let description = self.clients[&member].peer.remote_description().unwrap();
        description.sdp.matches("\r\nm=").count()
    }
}

/// VP8 (RFC 7741 §4): one partition that begins a picture, then what is told of it. Larger layers cost more.
fn picture_packet(picture: Picture, is_key: bool) -> Vec<u8> {
    let mut bytes = vec![0x80, 0x80 | 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    bytes.extend([0x10, u8::from(!is_key), 0, 0, 0x9d, 0x01, 0x2a, 0, 0, 0, 0]);
    bytes.extend([picture.of.0 as u8, picture.layer]);
    bytes.extend(picture.number.to_be_bytes());
    bytes.resize(100 + 450 * usize::from(picture.layer), 0);
    bytes
}

fn picture_of(packet: &RtpPacket<'_>) -> Picture {
    let told: [u8; 6] = packet.payload()[11..17].try_into().unwrap();
    let [of, layer, number @ ..] = told;
    Picture {
        of: MemberId(of.into()),
        layer,
        number: u32::from_be_bytes(number),
    }
}

/// Pictures that follow each other without a gap.
fn assert_whole(pictures: &[Picture], least: usize) {
    assert!(pictures.len() >= least, "{} pictures came", pictures.len());
    let mut numbers: Vec<u32> = pictures.iter().map(|picture| picture.number).collect();
    numbers.sort_unstable();
    for pair in numbers.windows(2) {
        assert_eq!(pair[0] + 1, pair[1]);
    }
}

#[test]
fn each_gets_what_all_others_send() {
    let mut conference = Conference::new();
    for member in [ANN, BEN, CLEO] {
        conference.enter(member, 1);
    }
    conference.run_for(Duration::from_secs(5));
    for viewer in [ANN, BEN, CLEO] {
        for of in [ANN, BEN, CLEO] {
            let came = conference.take(viewer, of);
            match viewer == of {
                true => assert!(came.is_empty()),
                false => assert_whole(&came, 75),
            }
        }
    }
}

#[test]
fn who_comes_shares_one_key_frame_with_all_who_come() {
    let mut conference = Conference::new();
    conference.enter(ANN, 1);
    conference.run_for(Duration::from_secs(5));
    let before = conference.clients[&ANN].asked;
    for member in [BEN, CLEO, DORA] {
        conference.enter(member, 1);
    }
    conference.run_for(Duration::from_secs(2));
    for viewer in [BEN, CLEO, DORA] {
        assert_whole(&conference.take(viewer, ANN), 20);
    }
    assert_eq!(conference.clients[&ANN].asked - before, 1);
}

#[test]
fn sections_of_those_who_have_left_are_used_again() {
    let mut conference = Conference::new();
    for member in [ANN, BEN, CLEO] {
        conference.enter(member, 1);
    }
    conference.run_for(Duration::from_secs(2));
    let before = conference.sections(ANN);
    assert_eq!(before, 3);
    for round in 0..3 {
        conference.leave(BEN);
        conference.run_for(Duration::from_secs(1));
        conference.take(ANN, BEN);
        conference.enter(BEN, 1);
        conference.run_for(Duration::from_secs(2));
        assert_whole(&conference.take(ANN, BEN), 20);
        assert_whole(&conference.take(BEN, ANN), 20);
        assert_eq!(conference.sections(ANN), before, "round {round}");
    }
    assert_whole(&conference.take(ANN, CLEO), 200);
}

#[test]
fn what_a_viewer_lost_comes_from_the_history() {
    let mut conference = Conference::new();
    conference.enter(ANN, 1);
    conference.enter(BEN, 1);
    conference.run_for(Duration::from_secs(2));
    conference.lose_each = 10;
    conference.run_for(Duration::from_secs(5));
    conference.lose_each = 0;
    conference.run_for(Duration::from_secs(1));
    assert_whole(&conference.take(ANN, BEN), 150);
    assert_whole(&conference.take(BEN, ANN), 150);
}

#[test]
fn a_viewer_gets_the_layer_that_is_shown_and_allowed() {
    let mut conference = Conference::new();
    conference.enter(ANN, 1);
    conference.enter(BEN, 3);
    conference.run_for(Duration::from_secs(3));
    conference.forwarding.set_widths(BEN, &[320, 640, 1280]);
    let shown = conference.forwarding.shown_to(&conference.servers, ANN);
    let [shown] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((shown.of, shown.layers), (BEN, 3));
    let mid = shown.mid.clone();
    // 25 pictures a second of 100, 550 and 1000 bytes.
    for (width, limit, layer) in [
        (300, None, Some(0)),
        (600, None, Some(1)),
        (1280, None, Some(2)),
        (1280, Some(150_000), Some(1)),
        (1280, Some(50_000), Some(0)),
        (0, None, None),
        (1280, Some(1_000), None),
        (4000, Some(1_000_000), Some(2)),
    ] {
        conference
            .forwarding
            .want(&conference.servers, ANN, &[(mid.clone(), width)].into(), limit);
        conference.run_for(Duration::from_secs(3));
        conference.take(ANN, BEN);
        conference.run_for(Duration::from_secs(1));
        let came = conference.take(ANN, BEN);
        match layer {
            Some(layer) => {
                assert!(
                    came.iter().all(|picture| picture.layer == layer),
                    "{width} {limit:?}: {came:?}"
                );
                assert_whole(&came, 24);
            }
            None => assert!(came.is_empty(), "{width} {limit:?}: {came:?}"),
        }
    }
}
