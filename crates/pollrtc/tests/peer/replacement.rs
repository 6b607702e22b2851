//! A peer that replaces its end of the transport where the section that describes it is stopped, as browsers do: the
//! same ICE credentials from another socket, another DTLS handshake with the same certificate. Firefox goes on with its
//! SCTP association over that, Chromium with another one that has the same channels.

use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use crate::support::START;
use pollrtc::{
    Certificate, ChannelId, ChannelState, CloseReason, ConnectionState, Datagram, DtlsRole, Event, Fingerprint,
    HashAlgorithm, Instant, PeerConnection, Rng, StateMachine, Version, Versions, default_provider,
};
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_dtls::{self as dtls, Connection, PeerVerification};
use pollrtc_ice::{Agent, Candidate, Credentials, Role};
use pollrtc_sctp::channel::{ChannelEvent, ChannelInit, DataChannels, Parity};

const SECOND: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(20);

/// The browser's end of the transport.
struct End {
    address: SocketAddr,
    ice: Agent,
    dtls: Connection,
    channels: DataChannels,
}

/// What a browser does when the transport ends.
#[derive(Clone, Copy, Debug)]
struct Habits {
    /// Whether another association begins, as in Chromium.
    begins_anew: bool,
    /// Whether pollrtc hears of the end.
    says_so: bool,
}

struct Pair {
    now: Instant,
    pollrtc: PeerConnection,
    address: SocketAddr,
    events: Vec<Event>,
    end: End,
    heard: Vec<String>,
    certificate: Certificate,
    credentials: Credentials,
    /// Of pollrtc.
    remote: (Credentials, Fingerprint),
    dtls_role: DtlsRole,
    /// Of the datagrams that have arrived at the browser.
    longest_heard: usize,
    /// Arrival, source, destination; what comes for an end that is no more is lost.
    wire: Vec<(Instant, SocketAddr, SocketAddr, Vec<u8>)>,
    /// The browser's and pollrtc's end of one channel.
    ours: ChannelId,
    theirs: ChannelId,
}

fn value<'s>(sdp: &'s str, name: &str) -> &'s str {
    let value = sdp.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in {sdp}"))
}

/// A browser's offer of audio and data in one bundle, whose first section may be stopped.
fn offer(credentials: &Credentials, certificate: &Certificate, stopped: bool) -> String {
    let Credentials { ufrag, pwd } = credentials;
    let fingerprint = certificate.fingerprint(HashAlgorithm::Sha256);
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=fingerprint:{fingerprint}\r\na=setup:actpass\r\n"
    );
    let (group, port, version) = if stopped { ("d", 0, 2) } else { ("a d", 9, 1) };
    format!(
        "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {group}\r\n\
         m=audio {port} UDP/TLS/RTP/SAVPF 111\r\n{transport}a=mid:a\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=mid:d\r\na=sctp-port:5000\r\n"
    )
}

impl Pair {
    /// Connected, with a channel of the browser's.
    fn connected(role: DtlsRole) -> Self {
        let config = seeded(1).with_preferred_dtls_role(role);
        let mut pollrtc = PeerConnection::new(config);
        let address = "192.0.2.1:4000".parse().unwrap();
        pollrtc.add_local_address(START, address).unwrap();
        let mut rng = Rng::from_seed([7; 32]);
        let certificate = Certificate::generate(default_provider(), &mut rng).unwrap();
        let credentials = Credentials::generate(&mut rng);
        let answer = pollrtc
            .accept_offer(START, &offer(&credentials, &certificate, false))
            .unwrap();
        let remote = Credentials::new(value(&answer, "a=ice-ufrag:"), value(&answer, "a=ice-pwd:"));
        let (algorithm, hash) = value(&answer, "a=fingerprint:").split_once(' ').unwrap();
        let remote = (remote, Fingerprint::parse(algorithm, hash).unwrap());
        let setup = if role == DtlsRole::Client { "active" } else { "passive" };
        assert_eq!(value(&answer, "a=setup:"), setup);
        let mut end = End::new(
            "192.0.2.2:5000".parse().unwrap(),
            &certificate,
            &credentials,
            &remote,
            role,
            START,
            1,
        );
        let ours = end.channels.open("chat").unwrap();
        let mut pair = Self {
            now: START,
            pollrtc,
            address,
            events: Vec::new(),
            end,
            heard: Vec::new(),
            certificate,
            credentials,
            remote,
            dtls_role: role,
            longest_heard: 0,
            wire: Vec::new(),
            ours,
            theirs: ours,
        };
        let is_open = |pair: &Self| pair.end.channels.state(ours) == ChannelState::Open;
        pair.run_until(5 * SECOND, |pair| pair.incoming().is_some() && is_open(pair));
        pair.theirs = pair.incoming().unwrap();
        pair.say("before");
        pair
    }

    fn incoming(&self) -> Option<ChannelId> {
        self.events.iter().find_map(|event| match event {
            Event::ChannelOpen {
                channel,
                incoming: true,
            } => Some(*channel),
            _ => None,
        })
    }

    /// The page stops audio, which describes the transport. What the browser does then.
    fn stop_audio(&mut self, habits: Option<Habits>) {
        let offer = offer(&self.credentials, &self.certificate, true);
        let answer = self.pollrtc.accept_offer(self.now, &offer).unwrap();
        assert_eq!(value(&answer, "a=ice-ufrag:"), self.remote.0.ufrag);
        let Some(Habits { begins_anew, says_so }) = habits else {
            return;
        };
        let address = "192.0.2.2:6000".parse().unwrap();
        let new = End::new(
            address,
            &self.certificate,
            &self.credentials,
            &self.remote,
            self.dtls_role,
            self.now,
            2,
        );
        let mut old = core::mem::replace(&mut self.end, new);
        let mut last = Vec::new();
        if begins_anew {
            old.channels.abort("Close called");
            last.extend(old.sealed(self.now));
            // The channels are there as before, and nobody says OPEN again.
            let negotiated = ChannelInit::new("chat").with_negotiated_id(u16::from(self.dtls_role == DtlsRole::Client));
            self.ours = self.end.channels.open(negotiated).unwrap();
        } else {
            core::mem::swap(&mut self.end.channels, &mut old.channels);
        }
        old.dtls.close(self.now);
        last.extend(old.sealed(self.now));
        if says_so {
            let to = self.address;
            let at = self.now + LATENCY;
            self.wire
                .extend(last.into_iter().map(|bytes| (at, old.address, to, bytes)));
        }
    }

    /// Somebody else's hello, as if it came from the peer's new end, or its only one.
    fn forge_hello(&mut self) {
        let strangers = Certificate::generate(default_provider(), &mut Rng::from_seed([8; 32])).unwrap();
        let (from, to, at) = (self.end.address, self.address, self.now + LATENCY);
        let mut stranger = End::new(
            from,
            &strangers,
            &self.credentials,
            &self.remote,
            DtlsRole::Server,
            self.now,
            3,
        );
        let hello = stranger.sealed(self.now);
        assert!(!hello.is_empty());
        self.wire.extend(hello.into_iter().map(|bytes| (at, from, to, bytes)));
    }

    /// Both hear each other.
    fn say(&mut self, text: &str) {
        self.pollrtc.send(self.theirs, format!("pollrtc {text}")).unwrap();
        self.end.channels.send(self.ours, format!("browser {text}")).unwrap();
        let texts = [format!("pollrtc {text}"), format!("browser {text}")];
        self.run_until(10 * SECOND, |pair| {
            let is_text =
                |event: &Event| matches!(event, Event::Message { data, .. } if data.as_text() == Some(&texts[1]));
            pair.heard.contains(&texts[0]) && pair.events.iter().any(is_text)
        });
    }

    fn ended(&self) -> Option<&CloseReason> {
        self.events.iter().find_map(|event| match event {
            Event::Closed(reason) => Some(reason),
            _ => None,
        })
    }

    fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + limit;
        while !done(self) {
            assert!(
                self.now < deadline,
                "not done after {limit:?}: {:?}, heard {:?}",
                self.events,
                self.heard
            );
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
        let timers = [self.pollrtc.poll_timeout(), self.end.poll_timeout()];
        let arrivals = self.wire.iter().map(|(at, ..)| *at).min();
        let next = timers.into_iter().flatten().chain(arrivals).min().unwrap_or(end);
        let now = self.now.max(next.min(end));
        self.now = now;
        let (arrived, later) = core::mem::take(&mut self.wire)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.wire = later;
        for (_, from, to, mut bytes) in arrived {
            if to == self.address {
                let datagram = Datagram::udp(from, &mut bytes).received_on(to);
                self.pollrtc.handle_datagram(now, datagram);
            } else if to == self.end.address {
                self.longest_heard = self.longest_heard.max(bytes.len());
                self.end.receive(now, from, &mut bytes);
            }
        }
        self.pollrtc.handle_timeout(now);
        self.end.handle_timeout(now);
        self.drain();
    }

    fn drain(&mut self) {
        let (now, mut buf) = (self.now, vec![0; 65_536]);
        while let Some(transmit) = self.pollrtc.poll_transmit(now, &mut buf) {
            for datagram in transmit.datagrams(&buf) {
                self.wire
                    .push((now + LATENCY, self.address, transmit.flow.remote(), datagram.to_vec()));
            }
        }
        for (to, bytes) in self.end.transmit(now) {
            self.wire.push((now + LATENCY, self.end.address, to, bytes));
        }
        self.events.extend(core::iter::from_fn(|| self.pollrtc.poll_event()));
        while let Some(event) = self.end.channels.poll_event() {
            if let ChannelEvent::Message { data, .. } = event {
                self.heard.extend(data.as_text().map(str::to_owned));
            }
        }
    }
}

impl End {
    fn new(
        address: SocketAddr,
        certificate: &Certificate,
        credentials: &Credentials,
        remote: &(Credentials, Fingerprint),
        peers_role: DtlsRole,
        now: Instant,
        seed: u8,
    ) -> Self {
        let mut rng = Rng::from_seed([seed; 32]);
        let mut ice = Agent::new(Default::default(), Role::Controlling, rng.fork());
        ice.restart_with(now, credentials.clone());
        ice.add_local_address(now, address).unwrap();
        ice.set_remote_credentials(now, remote.0.clone()).unwrap();
        ice.add_remote_candidate(now, Candidate::host("192.0.2.1:4000".parse().unwrap()));
        let dtls = Self::dtls(certificate, remote.1, peers_role, Versions::Both, rng.fork());
        let mut channels = DataChannels::new(Default::default(), rng.fork());
        channels.set_role(match peers_role {
            DtlsRole::Client => Parity::Odd,
            DtlsRole::Server => Parity::Even,
        });
        Self {
            address,
            ice,
            dtls,
            channels,
        }
    }

    fn dtls(
        certificate: &Certificate,
        remote: Fingerprint,
        peers_role: DtlsRole,
        versions: Versions,
        rng: Rng,
    ) -> Connection {
        let mut config = dtls::Config::new(certificate.clone(), PeerVerification::Fingerprints(vec![remote]));
        config.cookies = dtls::Cookies::Off;
        config.versions = versions;
        let connection = match peers_role {
            DtlsRole::Client => Connection::server(config, rng),
            DtlsRole::Server => Connection::client(config, rng),
        };
        connection.unwrap()
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &mut [u8]) {
        let datagram = Datagram::udp(from, bytes).received_on(self.address);
        if let pollrtc_ice::Received::Data { payload, .. } = self.ice.handle_datagram(now, datagram) {
            for packet in self.dtls.handle_body(now, payload) {
                self.channels.handle_body(now, packet);
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let timers = [
            self.ice.poll_timeout(),
            self.dtls.poll_timeout(),
            self.channels.poll_timeout(),
        ];
        timers.into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.ice.handle_timeout(now);
        self.dtls.handle_timeout(now);
        self.channels.handle_timeout(now);
    }

    fn transmit(&mut self, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
        let (mut out, mut buf) = (Vec::new(), vec![0; 2000]);
        while let Some(transmit) = self.ice.poll_transmit(now, &mut buf) {
            out.push((transmit.flow.remote(), buf[..transmit.len].to_vec()));
        }
        let Some(path) = self.ice.path() else { return out };
        out.extend(self.sealed(now).into_iter().map(|bytes| (path.flow.remote(), bytes)));
        out
    }

    /// What DTLS and SCTP have to say.
    fn sealed(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let (mut out, mut buf) = (Vec::new(), vec![0; 2000]);
        if self.dtls.is_connected() {
            self.channels.connect();
            while let Some(len) = self.channels.write_body(now, &mut buf[..1100], Headroom::NONE) {
                self.dtls.send(&buf[..len]).unwrap();
            }
        }
        while let Some(length) = self.dtls.write_body(now, &mut buf, Headroom::NONE) {
            out.push(buf[..length].to_vec());
        }
        out
    }
}

#[test]
fn a_browser_that_stops_the_section_that_carries_the_transport_goes_on_with_another_end() {
    for role in [DtlsRole::Client, DtlsRole::Server] {
        for begins_anew in [false, true] {
            for says_so in [true, false] {
                let mut pair = Pair::connected(role);
                pair.stop_audio(Some(Habits { begins_anew, says_so }));
                pair.run_for(LATENCY);
                pair.pollrtc.send(pair.theirs, "in between").unwrap();
                pair.run_for(2 * SECOND);
                // Without a word it was sent to nobody, and the association that it was sent on is no more.
                let is_heard = pair.heard.iter().any(|text| text == "in between");
                assert_eq!(is_heard, says_so || !begins_anew, "{role:?}");
                pair.say("after");
                assert_eq!(
                    pair.pollrtc.stats().transports[0].path.unwrap().flow.remote(),
                    pair.end.address
                );
                pair.run_for(60 * SECOND);
                pair.say("and for long");
                let closed = |event: &Event| matches!(event, Event::Closed(_) | Event::ChannelClosed { .. });
                assert!(
                    !pair.events.iter().any(closed),
                    "{role:?}, {begins_anew}, {says_so}: {:?}",
                    pair.events
                );
                assert_eq!(pair.pollrtc.connection_state(), ConnectionState::Connected);
            }
        }
    }
}

/// Records of DTLS 1.2 have more around them. What SCTP has cut for those of 1.3 it can't cut again, so that IP has to.
#[test]
fn what_was_cut_for_shorter_records_is_sent_again_in_longer_ones() {
    let role = DtlsRole::Client;
    let mut pair = Pair::connected(role);
    let text = "much ".repeat(2000);
    pair.pollrtc.send(pair.theirs, text.as_str()).unwrap();
    // All of it is sent to the end that is no more.
    let mut buf = vec![0; 65_536];
    let now = pair.now;
    let lost = core::iter::from_fn(|| pair.pollrtc.poll_transmit(now, &mut buf).map(|transmit| transmit.len));
    assert!(lost.max().is_some());
    let habits = Habits {
        begins_anew: false,
        says_so: true,
    };
    pair.stop_audio(Some(habits));
    let (remote, rng) = (pair.remote.1, Rng::from_seed([4; 32]));
    pair.end.dtls = End::dtls(&pair.certificate, remote, role, Versions::Dtls12, rng);
    pair.run_until(20 * SECOND, |pair| pair.heard.contains(&text));
    let security = pair.pollrtc.stats().transports[0].security.unwrap();
    assert_eq!(security.version, Version::DTLS_1_2);
    assert!(
        pair.longest_heard > seeded(1).mtu,
        "one is longer than the path takes in one piece"
    );
    pair.say("after");
}

#[test]
fn who_replaces_nothing_goes_on_as_before() {
    for role in [DtlsRole::Client, DtlsRole::Server] {
        let mut pair = Pair::connected(role);
        pair.stop_audio(None);
        pair.say("after");
        pair.run_for(60 * SECOND);
        pair.say("and for long");
        let secured = pair
            .events
            .iter()
            .filter(|event| matches!(event, Event::Secured { .. }));
        assert_eq!(secured.count(), 1);
    }
}

/// Anybody can send a ClientHello with the peer's address.
#[test]
fn a_forged_hello_replaces_nothing() {
    let mut pair = Pair::connected(DtlsRole::Server);
    pair.stop_audio(None);
    pair.forge_hello();
    for second in 0..60 {
        pair.run_for(SECOND);
        pair.say(&format!("{second}"));
    }
    // One of the browser's own has its turn all the same.
    let mut pair = Pair::connected(DtlsRole::Server);
    pair.stop_audio(Some(Habits {
        begins_anew: true,
        says_so: true,
    }));
    pair.forge_hello();
    pair.run_for(2 * SECOND);
    pair.say("after");
}

#[test]
fn a_browser_that_leaves_is_missed_after_a_while_if_its_end_may_be_replaced_and_at_once_if_not() {
    for (wait, patience) in [(Duration::ZERO, 30 * SECOND), (30 * SECOND, SECOND)] {
        let mut pair = Pair::connected(DtlsRole::Client);
        pair.stop_audio(None);
        pair.run_for(wait);
        pair.end.dtls.close(pair.now);
        pair.run_until(patience, |pair| pair.ended().is_some());
        assert_eq!(pair.ended(), Some(&CloseReason::Remote));
    }
}
