//! Two peers, their NATs and a STUN server; signaling takes no time.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc::{
    AddressError, ChannelId, ChannelSendError, CloseReason, Config, ConnectionState, Event, Instant, Message,
    NegotiationError, OpenError, PeerConnection, StateMachine,
};
use pollrtc_netsim::{Host, Link, Network, Trace, Zone};
use pollrtc_stun::{BindingServer, ServerConfig};

use super::Args;
use super::nat::NatKind;

/// How much virtual time everything may take.
const PATIENCE: Duration = Duration::from_secs(600);
const STUN_SERVER: SocketAddr = address([198, 51, 100, 1], 3478);
/// The size of the largest message, in bytes; they grow up to there and begin anew.
const LARGEST: usize = 500;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every message came back.
    Arrived,
    /// ICE found no way.
    NotConnected,
    /// The connection ended too soon.
    Ended(CloseReason),
    /// A message came that is not the one that was sent.
    Wrong { index: usize },
    /// Time is over.
    Late { echoed: usize },
}

type Say<'s> = Box<dyn FnMut(Instant, char, String) + 's>;

pub(super) struct World<'s> {
    net: Network,
    peers: [Peer; 2],
    checks: [Checks; 2],
    talk: Talk,
    say: Say<'s>,
    outcome: Option<Outcome>,
}

#[derive(Clone, Copy)]
struct Peer {
    name: char,
    host: Host<PeerConnection>,
}

/// How far connectivity checks have come: sent, answered by the other side, received.
type Checks = [u64; 3];

/// What is said on the channel: A sends, B returns.
struct Talk {
    messages: usize,
    /// The next message that A sends, that B expects, that A expects back.
    sent: usize,
    arrived: usize,
    echoed: usize,
    /// Where A sends, once it is open.
    open: Option<ChannelId>,
    /// Echoes that B could not send yet.
    held: VecDeque<(ChannelId, Message)>,
}

/// The peers could not even be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(transparent)]
    Channel(#[from] OpenError),
    #[error(transparent)]
    Negotiation(#[from] NegotiationError),
}

impl<'s> World<'s> {
    /// Builds the network and lets A make its offer to B.
    pub(super) fn new(args: &Args, say: impl FnMut(Instant, char, String) + 's) -> Result<Self, SetupError> {
        let mut net = Network::new(args.seed);
        let internet = Link::new().latency(args.rtt / 2).loss(args.loss);
        net.set_link(Zone::INTERNET, internet);
        if args.pcap.is_some() {
            net.start_trace(Trace::new());
        }
        net.host(STUN_SERVER, BindingServer::new(ServerConfig::default()));

        let mut entropy = SeedBytes(pollrtc_netsim::Rng::new(args.seed));
        let mut peer = |name, nat: NatKind, outside: [u8; 4], inside: [u8; 4]| {
            let zone = nat.build(&mut net, address(outside, 0).ip());
            let own = address(if nat.is_transparent() { outside } else { inside }, 5000);
            let mut connection = PeerConnection::new(
                Config::default()
                    .with_entropy(pollrtc::Entropy::Seed(entropy.next()))
                    .with_stun_servers(vec![STUN_SERVER]),
            );
            connection.add_local_address(Instant::ZERO, own)?;
            let host = net.host_in(zone, own, connection);
            Ok::<_, SetupError>(Peer { name, host })
        };
        let a = peer('A', args.nat_a, [203, 0, 113, 1], [192, 168, 1, 2])?;
        let b = peer('B', args.nat_b, [203, 0, 113, 2], [10, 0, 0, 2])?;

        let mut world = Self {
            net,
            peers: [a, b],
            checks: [Checks::default(); 2],
            talk: Talk {
                messages: args.messages,
                sent: 0,
                arrived: 0,
                echoed: 0,
                open: None,
                held: VecDeque::new(),
            },
            say: Box::new(say),
            outcome: None,
        };
        world.say('A', format!("is behind: {}", describe(args.nat_a)));
        world.say('B', format!("is behind: {}", describe(args.nat_b)));
        world.net.with(a.host, |peer, _| peer.create_data_channel("messages"))?;
        let offer = world.net.with(a.host, PeerConnection::offer)?;
        world.say('A', format!("offers ({} bytes of SDP)", offer.len()));
        let answer = world.net.with(b.host, |peer, now| peer.accept_offer(now, &offer))?;
        world.say('B', format!("answers ({} bytes of SDP)", answer.len()));
        world.net.with(a.host, |peer, now| peer.accept_answer(now, &answer))?;
        Ok(world)
    }

    /// Lets time pass until it is clear how it ends.
    pub(super) fn run(&mut self) -> Outcome {
        let end = self.net.now() + PATIENCE;
        while self.outcome.is_none() {
            self.take_events();
            self.speak();
            if self.outcome.is_none() && (!self.net.step() || self.net.now() > end) {
                let echoed = self.talk.echoed;
                self.outcome = Some(Outcome::Late { echoed });
            }
        }
        self.sum_up();
        self.outcome.clone().unwrap_or(Outcome::Late {
            echoed: self.talk.echoed,
        })
    }

    /// All that crossed the wire, if that was asked for.
    pub(super) fn write_capture(&self, out: impl io::Write) -> io::Result<()> {
        self.net.trace().map_or(Ok(()), |trace| trace.write_pcapng(out))
    }

    fn take_events(&mut self) {
        for (from, to) in [(0, 1), (1, 0)] {
            let (peer, other) = (self.peers[from], self.peers[to]);
            self.note_checks(from);
            while let Some(event) = self.net[peer.host].poll_event() {
                self.happened(peer, other, event);
            }
        }
    }

    /// Tells of checks as long as there is no path.
    fn note_checks(&mut self, index: usize) {
        let peer = self.peers[index];
        let stats = self.net[peer.host].stats();
        let Some(stats) = stats.data_transport() else {
            return;
        };
        let checks = [
            stats.ice.requests_sent,
            stats.ice.responses_received,
            stats.ice.requests_received,
        ];
        if checks != self.checks[index] && stats.path.is_none() {
            self.checks[index] = checks;
            let [sent, answered, received] = checks;
            self.say(
                peer.name,
                format!("ICE: {sent} requests sent, {answered} answered; {received} received"),
            );
        }
    }

    fn happened(&mut self, peer: Peer, other: Peer, event: Event) {
        let name = peer.name;
        match event {
            Event::Candidate(candidate) => {
                self.say(name, format!("sends {}", candidate.candidate));
                self.trickle(other, &candidate.candidate);
            }
            Event::GatheringComplete => {
                self.say(name, "has all its candidates".to_owned());
                self.trickle(other, "");
            }
            Event::ConnectionStateChanged(state) => {
                self.say(name, format!("is {}", format!("{state:?}").to_lowercase()));
                if state == ConnectionState::Failed {
                    self.outcome.get_or_insert(Outcome::NotConnected);
                }
            }
            Event::PathChanged { path, .. } => {
                self.say(name, format!("ICE: chose the pair {}", path.flow));
            }
            Event::Secured {
                version, cipher_suite, ..
            } => {
                self.say(
                    name,
                    format!("DTLS: {version}, {cipher_suite}; the peer has the right certificate"),
                );
            }
            Event::ChannelOpen { channel, incoming } => {
                self.say(
                    name,
                    format!(
                        "SCTP: the channel is open{}",
                        if incoming { ", opened by the peer" } else { "" }
                    ),
                );
                if !incoming {
                    self.talk.open = Some(channel);
                }
            }
            Event::Message { channel, data } if name == 'B' => {
                self.expect(self.talk.arrived, &data);
                self.talk.arrived += 1;
                self.talk.held.push_back((channel, data));
            }
            Event::Message { data, .. } => {
                self.expect(self.talk.echoed, &data);
                self.talk.echoed += 1;
                if self.talk.echoed.is_multiple_of((self.talk.messages / 5).max(1)) {
                    self.say(
                        name,
                        format!("has {} of {} messages back", self.talk.echoed, self.talk.messages),
                    );
                }
                if self.talk.echoed == self.talk.messages {
                    self.outcome.get_or_insert(Outcome::Arrived);
                }
            }
            Event::Closed(reason) => {
                self.say(name, format!("has ended: {reason}"));
                self.outcome.get_or_insert(Outcome::Ended(reason));
            }
            _ => {}
        }
    }

    fn trickle(&mut self, to: Peer, candidate: &str) {
        let taken = self
            .net
            .with(to.host, |peer, now| peer.add_remote_candidate(now, candidate));
        if let Err(error) = taken {
            self.say(to.name, format!("does not take it: {error}"));
        }
    }

    /// Sends what there is room for.
    fn speak(&mut self) {
        let [a, b] = self.peers;
        let talk = &mut self.talk;
        while let Some(channel) = talk.open
            && talk.sent < talk.messages
            && self.net[a.host].send(channel, message(talk.sent)).is_ok()
        {
            talk.sent += 1;
        }
        while let Some((channel, echo)) = talk.held.pop_front() {
            if let Err(ChannelSendError::BufferFull { .. }) = self.net[b.host].send(channel, echo.clone()) {
                talk.held.push_front((channel, echo));
                break;
            }
        }
    }

    fn expect(&mut self, index: usize, came: &Message) {
        if *came != message(index) {
            self.outcome = Some(Outcome::Wrong { index });
        }
    }

    fn sum_up(&mut self) {
        for peer in self.peers {
            let (stats, traffic) = (self.net[peer.host].stats(), self.net.traffic(peer.host));
            let rtt = stats.data_transport().and_then(|transport| transport.round_trip_time);
            let rtt = rtt.map_or_else(String::new, |time| {
                format!(", round trip {:.1} ms", time.as_secs_f64() * 1000.0)
            });
            self.say(
                peer.name,
                format!("sent {} datagrams, received {}{rtt}", traffic.sent, traffic.received),
            );
        }
    }

    fn say(&mut self, who: char, what: String) {
        (self.say)(self.net.now(), who, what);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrived => write!(f, "all messages arrived"),
            Self::NotConnected => write!(f, "no way was found, though there is one"),
            Self::Ended(reason) => write!(f, "the connection ended too soon: {reason}"),
            Self::Wrong { index } => write!(f, "message {index} is not what was sent"),
            Self::Late { echoed } => {
                write!(
                    f,
                    "only {echoed} messages came back in {} s of virtual time",
                    PATIENCE.as_secs()
                )
            }
        }
    }
}

/// Entropy for the peers that the seed decides.
struct SeedBytes(pollrtc_netsim::Rng);

impl SeedBytes {
    fn next(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for eight in seed.chunks_mut(8) {
            eight.copy_from_slice(&self.0.next_u64().to_le_bytes());
        }
        seed
    }
}

/// The message of this number; they differ in size and content.
fn message(index: usize) -> Message {
    let mut text = format!("message {index} ").repeat(LARGEST / 8);
    text.truncate(1 + index * 37 % LARGEST);
    Message::from(text)
}

fn describe(nat: NatKind) -> &'static str {
    match nat {
        NatKind::None => "no NAT",
        NatKind::FullCone => "a full-cone NAT",
        NatKind::AddressRestricted => "an address-restricted NAT",
        NatKind::PortRestricted => "a port-restricted NAT",
        NatKind::Linux => "a Linux router",
        NatKind::Symmetric => "a symmetric NAT",
        NatKind::NoUdp => "a firewall that blocks UDP",
    }
}

const fn address(ip: [u8; 4], port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(
        std::net::Ipv4Addr::new(ip[0], ip[1], ip[2], ip[3]),
        port,
    ))
}
