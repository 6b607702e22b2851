//! A peer that does not bundle: each section has a transport of its own, with an ICE agent and a DTLS association on a
//! socket of its own, as browsers do it with the policy `max-compat` and as older servers always do.

use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use crate::support::START;
use pollrtc::{
    Certificate, ChannelId, ChannelState, CloseReason, Config, ConnectionState, Datagram, DtlsState, Event,
    Fingerprint, HashAlgorithm, Instant, MediaKind, PeerConnection, RemoteCandidate, Rng, RtpCapabilities,
    SessionDescription, SrtpProfile, StateMachine, TransportId, default_provider,
};
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_dtls::{self as dtls, Connection, PeerVerification};
use pollrtc_ice::{Agent, Candidate, Credentials, Role};
use pollrtc_sctp::channel::{ChannelEvent, DataChannels, Parity};
use pollrtc_stun::{Builder, Class, Message, Method};

const SECOND: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(20);

/// The socket of pollrtc, which has one for all transports.
const OURS: &str = "192.0.2.1:4000";

/// What the sections are about, and the sockets of the peer.
const SECTIONS: [(&str, &str); 3] = [
    ("audio", "192.0.2.2:5000"),
    ("video", "192.0.2.2:5001"),
    ("application", "192.0.2.2:5002"),
];

const DATA: usize = 2;

/// The peer's end of one transport.
struct End {
    address: SocketAddr,
    ice: Agent,
    /// Once it has an answer.
    dtls: Option<Connection>,
    connected: bool,
    /// Whether it was told that the other end is closed.
    closed: bool,
}

struct Pair {
    now: Instant,
    pollrtc: PeerConnection,
    events: Vec<Event>,
    /// Those of audio, video and data.
    ends: Vec<End>,
    /// Over the last of them.
    channels: DataChannels,
    heard: Vec<String>,
    certificate: Certificate,
    wire: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    ours: ChannelId,
}

fn ours() -> SocketAddr {
    OURS.parse().unwrap()
}

/// A server that knows the browsers' codecs.
fn with_codecs(config: Config) -> Config {
    config
        .with_audio(RtpCapabilities::of(MediaKind::Audio))
        .with_video(RtpCapabilities::of(MediaKind::Video))
}

fn section<'s>(sdp: &'s str, media: &str) -> &'s str {
    let at = sdp
        .find(&format!("m={media}"))
        .unwrap_or_else(|| panic!("no {media} in {sdp}"));
    let end = sdp[at + 2..].find("m=").map_or(sdp.len(), |next| at + 2 + next);
    &sdp[at..end]
}

fn value<'s>(sdp: &'s str, name: &str) -> &'s str {
    let value = sdp.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {sdp}"))
}

impl End {
    fn new(address: &str, credentials: &Credentials, rng: &mut Rng) -> Self {
        let address = address.parse().unwrap();
        let mut ice = Agent::new(Default::default(), Role::Controlling, rng.fork());
        ice.restart_with(START, credentials.clone());
        ice.add_local_address(START, address).unwrap();
        Self {
            address,
            ice,
            dtls: None,
            connected: false,
            closed: false,
        }
    }

    /// What the answer says of this transport.
    fn take(&mut self, now: Instant, answer: &str, certificate: &Certificate, rng: &mut Rng) {
        let remote = Credentials::new(value(answer, "a=ice-ufrag:"), value(answer, "a=ice-pwd:"));
        self.ice.set_remote_credentials(now, remote).unwrap();
        self.ice.add_remote_candidate(now, Candidate::host(ours()));
        let (algorithm, hash) = value(answer, "a=fingerprint:").split_once(' ').unwrap();
        let theirs = PeerVerification::Fingerprints(vec![Fingerprint::parse(algorithm, hash).unwrap()]);
        let mut config = dtls::Config::new(certificate.clone(), theirs);
        config.cookies = dtls::Cookies::Off;
        config.srtp_profiles = vec![SrtpProfile::AeadAes128Gcm];
        assert_eq!(value(answer, "a=setup:"), "active");
        self.dtls = Some(Connection::server(config, rng.fork()).unwrap());
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls.as_ref().and_then(InnerProtocol::poll_timeout);
        [self.ice.poll_timeout(), dtls].into_iter().flatten().min()
    }
}

impl Pair {
    /// Offer and answer: what the two said.
    fn new(config: Config) -> (Self, String, String) {
        let mut pollrtc = PeerConnection::new(config);
        pollrtc.add_local_address(START, ours()).unwrap();
        let mut rng = Rng::from_seed([7; 32]);
        let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
        // The same for all transports, as in the offers of browsers.
        let credentials = Credentials::generate(&mut rng);
        let mut ends: Vec<End> = SECTIONS
            .iter()
            .map(|(_, address)| End::new(address, &credentials, &mut rng))
            .collect();
        let offer = offer(&credentials, &certificate, &[]);
        let answer = pollrtc.accept_offer(START, &offer).unwrap();
        for ((media, _), end) in SECTIONS.iter().zip(&mut ends) {
            let section = section(&answer, media);
            if !section.starts_with(&format!("m={media} 0 ")) {
                end.take(START, section, &certificate, &mut rng);
            }
        }
        let mut channels = DataChannels::new(Default::default(), rng.fork());
        channels.set_role(Parity::Odd);
        let channel = channels.open("chat").unwrap();
        let pair = Self {
            now: START,
            pollrtc,
            events: Vec::new(),
            ends,
            channels,
            heard: Vec::new(),
            certificate,
            wire: Vec::new(),
            ours: channel,
        };
        (pair, offer, answer)
    }

    /// All transports stand, and a channel is open.
    fn connected() -> Self {
        let (mut pair, ..) = Self::new(with_codecs(seeded(1)));
        pair.run_until(5 * SECOND, |pair| {
            pair.channels.state(pair.ours) == ChannelState::Open && pair.ends.iter().all(|end| end.connected)
        });
        pair.run_until(SECOND, |pair| {
            pair.pollrtc.connection_state() == ConnectionState::Connected && pair.incoming().is_some()
        });
        pair
    }

    fn incoming(&self) -> Option<ChannelId> {
        self.events.iter().find_map(|event| match event {
            Event::ChannelOpen { channel, .. } => Some(*channel),
            _ => None,
        })
    }

    /// Both hear each other.
    fn say(&mut self, text: &str) {
        let theirs = self.incoming().expect("the channel is open");
        self.pollrtc.send(theirs, format!("pollrtc {text}")).unwrap();
        self.channels.send(self.ours, format!("peer {text}")).unwrap();
        let texts = [format!("pollrtc {text}"), format!("peer {text}")];
        self.run_until(10 * SECOND, |pair| {
            let is_text =
                |event: &Event| matches!(event, Event::Message { data, .. } if data.as_text() == Some(&texts[1]));
            pair.heard.contains(&texts[0]) && pair.events.iter().any(is_text)
        });
    }

    fn states(&self) -> Vec<ConnectionState> {
        let state = |event: &Event| match event {
            Event::ConnectionStateChanged(state) => Some(*state),
            _ => None,
        };
        self.events.iter().filter_map(state).collect()
    }

    /// The ids of the transports by what the sections are about.
    fn ids(&self) -> Vec<TransportId> {
        let stats = self.pollrtc.stats();
        let of_end = |end: &End| {
            let found = stats.transports.iter().find(|transport| {
                let path = transport.path;
                path.is_some_and(|path| path.flow.remote() == end.address)
            });
            found.expect("a path leads there").id
        };
        self.ends.iter().map(of_end).collect()
    }

    /// This transport's end of the peer is no more, and says nothing.
    fn silence(&mut self, end: usize) {
        self.ends[end].address = "203.0.113.1:9".parse().unwrap();
    }

    fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + limit;
        while !done(self) {
            assert!(self.now < deadline, "not done after {limit:?}: {:?}", self.events);
            self.step(deadline);
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step(end);
        }
    }

    fn step(&mut self, end: Instant) {
        self.drain();
        let timers = self.ends.iter().filter_map(End::poll_timeout);
        let timers = timers
            .chain(self.pollrtc.poll_timeout())
            .chain(self.channels.poll_timeout());
        let next = timers.chain(self.wire.iter().map(|(at, ..)| *at)).min().unwrap_or(end);
        let now = self.now.max(next.min(end));
        self.now = now;
        let wire = core::mem::take(&mut self.wire);
        let (arrived, later) = wire.into_iter().partition(|(at, ..)| *at <= now);
        self.wire = later;
        for (_, from, to, mut bytes) in arrived {
            if to == ours() {
                let datagram = Datagram::udp(from, &mut bytes).received_on(to);
                self.pollrtc.handle_datagram(now, datagram);
            } else if let Some(index) = self.ends.iter().position(|end| end.address == to) {
                self.receive(index, from, &mut bytes);
            }
        }
        self.pollrtc.handle_timeout(now);
        for end in &mut self.ends {
            end.ice.handle_timeout(now);
            if let Some(dtls) = &mut end.dtls {
                dtls.handle_timeout(now);
            }
        }
        self.channels.handle_timeout(now);
        self.drain();
    }

    fn receive(&mut self, index: usize, from: SocketAddr, bytes: &mut [u8]) {
        let (now, end) = (self.now, &mut self.ends[index]);
        let datagram = Datagram::udp(from, bytes).received_on(end.address);
        let pollrtc_ice::Received::Data { payload, .. } = end.ice.handle_datagram(now, datagram) else {
            return;
        };
        let Some(dtls) = &mut end.dtls else { return };
        for packet in dtls.handle_body(now, payload) {
            assert_eq!(index, DATA, "data comes on its transport only");
            self.channels.handle_body(now, packet);
        }
    }

    fn drain(&mut self) {
        let (now, mut buf) = (self.now, vec![0; 65_536]);
        while let Some(transmit) = self.pollrtc.poll_transmit(now, &mut buf) {
            assert_eq!(transmit.flow.local(), Some(ours()));
            for datagram in transmit.datagrams(&buf) {
                let to = transmit.flow.remote();
                self.wire.push((now + LATENCY, ours(), to, datagram.to_vec()));
            }
        }
        for (index, end) in self.ends.iter_mut().enumerate() {
            let at = now + LATENCY;
            while let Some(transmit) = end.ice.poll_transmit(now, &mut buf) {
                let to = transmit.flow.remote();
                self.wire.push((at, end.address, to, buf[..transmit.len].to_vec()));
            }
            let Some(dtls) = &mut end.dtls else { continue };
            while let Some(event) = dtls.poll_event() {
                end.connected |= matches!(event, dtls::Event::Connected { .. });
                end.closed |= matches!(event, dtls::Event::Closed(dtls::CloseReason::Remote));
            }
            if end.ice.path().is_none() {
                continue;
            }
            if index == DATA && end.connected {
                self.channels.connect();
                while let Some(len) = self.channels.write_body(now, &mut buf[..1100], Headroom::NONE) {
                    dtls.send(&buf[..len]).unwrap();
                }
            }
            while let Some(length) = dtls.write_body(now, &mut buf, Headroom::NONE) {
                self.wire.push((at, end.address, ours(), buf[..length].to_vec()));
            }
        }
        self.events.extend(core::iter::from_fn(|| self.pollrtc.poll_event()));
        while let Some(event) = self.channels.poll_event() {
            if let ChannelEvent::Message { data, .. } = event {
                self.heard.extend(data.as_text().map(str::to_owned));
            }
        }
    }
}

/// Audio, video and data, and no word of bundling; what is stopped has no port.
fn offer(credentials: &Credentials, certificate: &Certificate, stopped: &[&str]) -> String {
    let Credentials { ufrag, pwd } = credentials;
    let fingerprint = certificate.fingerprint(HashAlgorithm::Sha256);
    let version = 1 + stopped.len();
    let mut sdp = format!("v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for (media, address) in SECTIONS {
        let (host, port) = address.split_once(':').unwrap();
        let port = if stopped.contains(&media) { "0" } else { port };
        let format = match media {
            "audio" => "UDP/TLS/RTP/SAVPF 111\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
            "video" => "UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n",
            _ => "UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n",
        };
        let (line, attributes) = format.split_once("\r\n").unwrap();
        sdp += &format!("m={media} {port} {line}\r\nc=IN IP4 {host}\r\na=mid:{media}\r\n{attributes}");
        sdp += &format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:{fingerprint}\r\na=setup:actpass\r\n");
        if port != "0" {
            sdp += &format!("a=candidate:1 1 udp 2122260223 {host} {port} typ host\r\n");
        }
    }
    sdp
}

#[test]
fn each_section_has_its_own_transport_and_dtls_connects_on_all_of_them() {
    let (mut pair, _, answer) = Pair::new(with_codecs(seeded(1)));
    assert!(!answer.contains("a=group"), "{answer}");
    let names: Vec<&str> = SECTIONS
        .iter()
        .map(|(media, _)| value(section(&answer, media), "a=ice-ufrag:"))
        .collect();
    assert!(names[0] != names[1] && names[1] != names[2] && names[2] != names[0]);
    for media in ["audio", "video"] {
        let section = section(&answer, media);
        assert!(
            section.contains("a=recvonly\r\n"),
            "nothing was said about what to send: {section}"
        );
        assert!(section.contains("a=candidate:"), "{section}");
    }
    pair.run_until(5 * SECOND, |pair| {
        let stats = pair.pollrtc.stats();
        stats
            .transports
            .iter()
            .all(|each| each.dtls_state == DtlsState::Connected)
    });
    pair.run_until(5 * SECOND, |pair| pair.incoming().is_some());
    // In this order, and connected not before all are.
    assert_eq!(pair.states(), [ConnectionState::Connecting, ConnectionState::Connected]);

    let ids = pair.ids();
    let secured = |id: &TransportId| {
        let of_id = |event: &&Event| matches!(event, Event::Secured { transport, .. } if transport == id);
        pair.events.iter().filter(of_id).count()
    };
    assert_eq!(ids.iter().map(secured).collect::<Vec<_>>(), [1, 1, 1]);
    let stats = pair.pollrtc.stats();
    assert_eq!(stats.transports.len(), 3);
    assert_eq!(stats.sctp_transport, Some(ids[DATA]));
    let sections: Vec<_> = stats.transports.iter().map(|each| (each.id, each.section)).collect();
    assert_eq!(sections, [(ids[0], Some(0)), (ids[1], Some(1)), (ids[2], Some(2))]);
    for transport in &stats.transports {
        let profile = transport.security.expect("connected").srtp_profile;
        assert_eq!(profile, Some(SrtpProfile::AeadAes128Gcm));
    }
    let moved: Vec<TransportId> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            Event::PathChanged { transport, .. } => Some(*transport),
            _ => None,
        })
        .collect();
    assert!(ids.iter().all(|id| moved.contains(id)), "{moved:?}");

    pair.say("hello");
    pair.run_for(120 * SECOND);
    pair.say("still here");
    assert_eq!(pair.states().last(), Some(&ConnectionState::Connected));
}

#[test]
fn who_knows_no_codec_refuses_media_and_has_one_transport() {
    let (mut pair, _, answer) = Pair::new(seeded(1));
    for media in ["audio", "video"] {
        assert!(
            section(&answer, media).starts_with(&format!("m={media} 0 ")),
            "{answer}"
        );
    }
    pair.run_until(5 * SECOND, |pair| pair.incoming().is_some());
    assert_eq!(pair.pollrtc.stats().transports.len(), 1);
    assert_eq!(pair.pollrtc.connection_state(), ConnectionState::Connected);
    pair.say("data alone");
}

#[test]
fn a_transport_that_fails_is_told_and_the_others_go_on() {
    let mut pair = Pair::connected();
    pair.silence(0);
    pair.run_until(20 * SECOND, |pair| {
        pair.pollrtc.connection_state() == ConnectionState::Disconnected
    });
    pair.say("while one is silent");
    pair.run_until(60 * SECOND, |pair| {
        pair.pollrtc.connection_state() == ConnectionState::Failed
    });
    pair.run_for(60 * SECOND);
    pair.say("when it is lost");
    assert!(!pair.events.iter().any(|event| matches!(event, Event::Closed(_))));
}

#[test]
fn dtls_that_fails_where_no_data_is_ends_nothing_else() {
    let (mut pair, ..) = Pair::new(with_codecs(seeded(1)));
    // Somebody else's certificate on the transport of video.
    let mut rng = Rng::from_seed([8; 32]);
    let other = Certificate::generate(default_provider(), &mut rng).unwrap();
    let answer = pair.pollrtc.local_description().unwrap().sdp;
    pair.ends[1].take(START, section(&answer, "video"), &other, &mut rng);
    pair.run_until(5 * SECOND, |pair| pair.incoming().is_some());
    pair.run_until(5 * SECOND, |pair| {
        pair.pollrtc.connection_state() == ConnectionState::Failed
    });
    let failed = |stats: &pollrtc::TransportStats| stats.dtls_state == DtlsState::Failed;
    let stats = pair.pollrtc.stats();
    let failed: Vec<TransportId> = stats
        .transports
        .iter()
        .filter(|each| failed(each))
        .map(|each| each.id)
        .collect();
    assert_eq!(failed, [pair.ids()[1]]);
    pair.say("with two of three");
}

#[test]
fn a_section_that_is_stopped_takes_its_transport_along_and_no_other() {
    let mut pair = Pair::connected();
    let now = pair.now;
    let credentials = pair.ends[0].ice.local_credentials().clone();
    let stopping = offer(&credentials, &pair.certificate, &["audio"]);
    let answer = pair.pollrtc.accept_offer(now, &stopping).unwrap();
    assert!(section(&answer, "audio").starts_with("m=audio 0 "), "{answer}");
    pair.run_for(SECOND);
    assert!(pair.ends[0].closed, "DTLS says that it ends");
    assert!(!pair.ends[1].closed && !pair.ends[DATA].closed);
    assert_eq!(pair.pollrtc.stats().transports.len(), 2);
    assert_eq!(pair.pollrtc.connection_state(), ConnectionState::Connected);
    pair.say("without audio");

    // The end of the connection is told on those that are left.
    pair.pollrtc.close(pair.now);
    pair.run_for(SECOND);
    assert!(pair.ends.iter().all(|end| end.closed));
    assert!(matches!(pair.events.last(), Some(Event::Closed(CloseReason::Local))));
    let silent = pair.wire.len();
    pair.run_for(60 * SECOND);
    assert_eq!((silent, pair.pollrtc.poll_timeout()), (0, None));
}

#[test]
fn later_offers_of_ours_keep_the_transports_apart_and_may_restart_them_all() {
    let mut pair = Pair::connected();
    let before = pair.pollrtc.local_description().unwrap().sdp;
    let offer = pair.pollrtc.offer(pair.now).unwrap();
    assert!(!offer.contains("a=group"), "{offer}");
    for (media, _) in SECTIONS {
        let ufrag = |sdp| value(section(sdp, media), "a=ice-ufrag:").to_owned();
        assert_eq!(ufrag(&offer), ufrag(&before));
    }
    let rollback = SessionDescription::rollback();
    pair.pollrtc.set_local_description(pair.now, &rollback).unwrap();
    pair.pollrtc.restart_ice();
    let offer = pair.pollrtc.offer(pair.now).unwrap();
    for (media, _) in SECTIONS {
        let ufrag = |sdp| value(section(sdp, media), "a=ice-ufrag:").to_owned();
        assert_ne!(ufrag(&offer), ufrag(&before));
    }
    pair.pollrtc.set_local_description(pair.now, &rollback).unwrap();
    pair.say("as before");
}

#[test]
fn candidates_are_told_for_each_section_and_taken_for_each() {
    let mut pollrtc = PeerConnection::new(with_codecs(seeded(1)));
    let mut rng = Rng::from_seed([7; 32]);
    let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
    let credentials = Credentials::generate(&mut rng);
    let with_candidates = offer(&credentials, &certificate, &[]);
    let is_candidate = |line: &&str| line.starts_with("a=candidate");
    let without: String = with_candidates
        .lines()
        .filter(|line| !is_candidate(line))
        .map(|line| format!("{line}\r\n"))
        .collect();
    let answer = pollrtc.accept_offer(START, &without).unwrap();
    assert!(!answer.contains("a=candidate"));
    pollrtc.add_local_address(START, ours()).unwrap();
    let told: Vec<_> = std::iter::from_fn(|| pollrtc.poll_event())
        .filter_map(|event| match event {
            Event::Candidate(candidate) => Some(candidate),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    for ((media, address), candidate) in SECTIONS.iter().zip(&told) {
        assert_eq!(candidate.sdp_mid.as_deref(), Some(*media));
        let ufrag = value(section(&answer, media), "a=ice-ufrag:");
        assert_eq!(candidate.username_fragment, ufrag);
        let (host, port) = address.split_once(':').unwrap();
        let theirs = format!("candidate:1 1 udp 2122260223 {host} {port} typ host");
        let theirs = RemoteCandidate {
            mid: Some(media),
            ..RemoteCandidate::from(&theirs)
        };
        pollrtc.add_remote_candidate(START, theirs).unwrap();
    }
    // Each agent asks its own peer.
    let (mut buf, mut asked) = ([0; 1500], Vec::new());
    for step in 0..20 {
        let now = START + step * Duration::from_millis(50);
        pollrtc.handle_timeout(now);
        while let Some(transmit) = pollrtc.poll_transmit(now, &mut buf) {
            asked.push(transmit.flow.remote());
        }
    }
    asked.sort_unstable();
    asked.dedup();
    let all: Vec<SocketAddr> = SECTIONS.iter().map(|(_, address)| address.parse().unwrap()).collect();
    assert_eq!(asked, all);
}

#[test]
fn each_transport_hears_what_a_stun_server_answers_it() {
    let server: SocketAddr = "198.51.100.3:3478".parse().unwrap();
    let seen_as: SocketAddr = "203.0.113.7:40000".parse().unwrap();
    let mut pollrtc = PeerConnection::new(with_codecs(seeded(1)).with_stun_servers([server]));
    let mut rng = Rng::from_seed([7; 32]);
    let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
    let offer = offer(&Credentials::generate(&mut rng), &certificate, &[]);
    pollrtc.accept_offer(START, &offer).unwrap();
    pollrtc.add_local_address(START, ours()).unwrap();
    let (mut buf, mut asked, mut now) = ([0; 1500], Vec::new(), START);
    while asked.len() < 3 {
        now += Duration::from_millis(5);
        pollrtc.handle_timeout(now);
        while let Some(transmit) = pollrtc.poll_transmit(now, &mut buf) {
            let message = Message::parse(&buf[..transmit.len]).unwrap();
            if transmit.flow.remote() == server && !asked.contains(&message.transaction_id()) {
                asked.push(message.transaction_id());
            }
        }
        assert!(now < START + SECOND);
    }
    // The last one first.
    for id in asked.into_iter().rev() {
        let answer = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id);
        let len = answer.xor_mapped_address(seen_as).finish().unwrap();
        pollrtc.handle_datagram(now, Datagram::udp(server, &mut buf[..len]).received_on(ours()));
    }
    assert!(pollrtc.is_gathering_complete());
    let told: Vec<_> = std::iter::from_fn(|| pollrtc.poll_event()).collect();
    let reflexive = |event: &Event| match event {
        Event::Candidate(candidate) if candidate.candidate.contains("typ srflx") => candidate.sdp_mid.clone(),
        _ => None,
    };
    let sections: Vec<String> = told.iter().filter_map(reflexive).collect();
    assert_eq!(sections, ["audio", "video", "application"]);
    let complete = told.iter().filter(|event| matches!(event, Event::GatheringComplete));
    assert_eq!(complete.count(), 1);
}
