//! Sequences of handshake messages: a connection against a liar that leaves out, repeats, swaps,
//! spoils and makes up messages at any stage, in both roles and versions. Nothing but what the
//! reference acceptor takes ends in a connection, and nothing is released before that.

mod acceptor;
mod keys;
mod liar;
mod network;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, HashAlgorithm, NamedGroup, Rng};
use pollrtc_dtls::wire::handshake::Fragment;
use pollrtc_dtls::wire::{ContentType, HandshakeType};
use pollrtc_dtls::{
    CipherSuite, ClientCertificates, Config, Connection, Cookies, Event, PeerVerification, State, Version, Versions,
};

use pollrtc_fuzzing_provider::PROVIDER;

use acceptor::{Rules, Stage};
use keys::{Role, Tap};
use liar::{Fault, Liar, Say};

/// What a peer or an attacker may make a connection keep.
const MAX_MEMORY: usize = 104 * 1024;

/// For so long a client may be silent before another one's hello is looked at.
const PATIENCE: Duration = Duration::from_secs(2);

/// For so long at least a handshake has to go on behind an alert that anyone can have sent.
const ALERT_PATIENCE: Duration = Duration::from_secs(3);

/// How a game went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The right messages came in the right order.
    Connected,
    /// Something wrong was said under the right keys or in its place.
    Refused,
    /// The right sequence was not completed.
    Pending,
}

/// A setup, then a script: with the setup's high bit a network's, else a liar's.
pub fn dtls_sequence(data: &[u8]) {
    let Some((setup, script)) = data.split_first() else {
        return;
    };
    match setup & 0x80 {
        0 => drop(play(*setup, script)),
        _ => network::play(*setup, script),
    }
}

/// A liar with this setup follows the script. Panics if the connection and the acceptor disagree.
pub fn play(setup: u8, script: &[u8]) -> Outcome {
    let mut game = Game::new(setup);
    let mut script = Script(script);
    let mut after_the_end = 0;
    while let Some(action) = script.next() {
        game.act(action, &mut script);
        game.check();
        after_the_end += u8::from(game.stage == Stage::Dead);
        if after_the_end > 3 {
            break;
        }
    }
    match game.stage {
        Stage::Connected => Outcome::Connected,
        Stage::Dead => Outcome::Refused,
        _ => Outcome::Pending,
    }
}

/// The bytes that are left; zeros follow them within an action.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn more(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }
}

struct Game {
    liar: Liar,
    target: Connection,
    now: Instant,
    rules: Rules,
    asks_for_cookies: bool,
    stage: Stage,
    /// DTLS 1.2: whether the liar's ChangeCipherSpec counts already.
    is_announced: bool,
    /// DTLS 1.2: what encrypted messages that came before it lead to.
    waiting: Vec<Stage>,
    /// Whether nothing but a ClientHello was said: another one may take its place.
    is_fresh: bool,
    /// The datagrams of what was said rightly.
    sent: Vec<Vec<u8>>,
    /// Data that only the liar can have sent, and that has not been handed over.
    data: BTreeSet<Vec<u8>>,
    handed_over: Vec<Vec<u8>>,
    plain_sequence: u64,
    was_connected: bool,
    /// When somebody said last that the liar has given up: if nothing goes on, that is believed.
    alerted: Option<Instant>,
    /// Shown when something is wrong.
    last_event: Option<Event>,
}

struct Certificates {
    targets: Certificate,
    liars: Certificate,
    others: Certificate,
}

fn certificates() -> &'static Certificates {
    static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
    CERTIFICATES.get_or_init(|| {
        let mut rng = Rng::from_seed([1; 32]);
        let mut generate = || Certificate::generate(PROVIDER, &mut rng).expect("a certificate");
        Certificates {
            targets: generate(),
            liars: generate(),
            others: generate(),
        }
    })
}

fn config(own: &Certificate, peer: &Certificate) -> Config {
    let fingerprint = peer.fingerprint(HashAlgorithm::Sha256);
    let mut config = Config::with_provider(PROVIDER, own.clone(), PeerVerification::Fingerprints(vec![fingerprint]));
    // The second is the certificates' own (RFC 8422 §5.1).
    config.groups = vec![NamedGroup::X25519, NamedGroup::Secp256r1];
    config.cipher_suites = vec![CipherSuite::Aes128GcmSha256, CipherSuite::EcdheEcdsaAes128GcmSha256];
    config.handshake_timeout = Duration::from_secs(1 << 24);
    config
}

/// Bit 0: the liar is the server. Bit 1: it begins with DTLS 1.2. Bit 2: the other side speaks both
/// versions. Bit 3: a server asks for cookies. Bits 4 and 5: what it wants to know of clients.
impl Game {
    fn new(setup: u8) -> Self {
        let bit = |number: u8| setup >> number & 1 == 1;
        let role = if bit(0) { Role::Server } else { Role::Client };
        let (version, only) = match bit(1) {
            true => (Version::DTLS_1_2, Versions::Dtls12),
            false => (Version::DTLS_1_3, Versions::Dtls13),
        };
        let certificates = certificates();
        let mut config = config(&certificates.targets, &certificates.liars);
        config.versions = if bit(2) { Versions::Both } else { only };
        config.cookies = if bit(3) { Cookies::Required } else { Cookies::Off };
        config.client_certificates = match setup >> 4 & 3 {
            2 => ClientCertificates::Optional,
            3 => ClientCertificates::NotRequested,
            _ => ClientCertificates::Required,
        };
        // Messages are not cut, so that the liar need not put them together.
        config.mtu = 16_000;
        let tap = Tap::on(&mut config);
        let rules = Rules {
            role,
            versions: config.versions,
            client_certificates: config.client_certificates,
        };
        let rng = Rng::from_seed([3; 32]);
        let target = match role {
            Role::Client => Connection::server(config, rng).unwrap(),
            Role::Server => Connection::client(config, rng).unwrap(),
        };
        let (own, others) = (certificates.liars.clone(), certificates.others.clone());
        let mut game = Self {
            liar: Liar::new(role, version, tap, own, others),
            target,
            now: Instant::from_millis(1),
            rules,
            asks_for_cookies: bit(3),
            stage: rules.first(),
            is_announced: false,
            waiting: Vec::new(),
            is_fresh: false,
            sent: Vec::new(),
            data: BTreeSet::new(),
            handed_over: Vec::new(),
            plain_sequence: 0,
            was_connected: false,
            alerted: None,
            last_event: None,
        };
        game.listen();
        game
    }

    /// The version, once it is settled.
    fn version(&self) -> Option<Version> {
        match self.stage {
            Stage::ClientHello | Stage::ServerHello { .. } => None,
            _ => Some(self.liar.version),
        }
    }

    fn act(&mut self, action: u8, script: &mut Script<'_>) {
        match action % 16 {
            0..=5 => {
                let say = self.right(script.more());
                self.say(say, Fault::None, action / 16, script);
            }
            6 => self.overtake(),
            // Leaves one out.
            7 => {
                let after = self.rules.next(self.stage, self.right(0), self.liar.version);
                let say = self.rules.right(after, self.liar.version).first().copied();
                self.say(say.unwrap_or(Say::Finished), Fault::None, action / 16, script);
            }
            8 => {
                let say = Say::ALL[usize::from(script.more()) % Say::ALL.len()];
                self.say(say, Fault::None, action / 16, script);
            }
            9 => {
                let say = self.right(script.more());
                let fault = [Fault::Length, Fault::Proof, Fault::Identity][usize::from(action / 16) % 3];
                self.say(say, fault, 0, script);
            }
            10 => self.announce(),
            11 => self.repeat(script.more()),
            12 | 13 => self.forge(action / 16, script.more()),
            14 => self.noise_under_keys(action / 16),
            _ if (action / 16).is_multiple_of(2) => self.say_hello_again((action / 32).is_multiple_of(2)),
            _ => self.wait(script.more()),
        }
    }

    /// One of the messages that are right now; nothing is, after the end.
    fn right(&self, choice: u8) -> Say {
        let right = self.rules.right(self.stage, self.liar.version);
        match right.len() {
            0 => Say::Unknown,
            count => right[usize::from(choice) % count],
        }
    }

    /// Says something: whole or in pieces, and perhaps in the epoch where it does not belong.
    fn say(&mut self, say: Say, fault: Fault, style: u8, script: &mut Script<'_>) {
        let say = match say {
            Say::ClientHelloWithoutKey if self.liar.version == Version::DTLS_1_2 => Say::ClientHello,
            say => say,
        };
        // ChangeCipherSpec comes before Finished in DTLS 1.2, or the other way round on a bad network.
        let announces = say == Say::Finished && self.version() == Some(Version::DTLS_1_2) && style & 4 == 0;
        if announces && self.stage == Stage::Finished && !self.is_announced {
            self.announce();
        }
        let Some(body) = self.liar.body(say, fault) else {
            return;
        };
        let is_misplaced = style == 15;
        let epoch = self.epoch(say, is_misplaced);
        // Whether another hello counts depends on how long nothing was heard: see `say_hello_again`.
        if self.is_fresh && say.kind() == HandshakeType::CLIENT_HELLO {
            return;
        }
        let is_right = !fault.shows_in(say);
        let effect = self.effect(say, is_right, epoch);
        let style = if effect == Effect::Waits { 0 } else { style % 6 };
        let pieces = pieces(&body, style, script);
        let Some(datagrams) = self.datagrams(say.kind(), self.liar.next_message_seq, &body, epoch, &pieces, style)
        else {
            return;
        };
        self.is_fresh &= epoch != 2;
        let next = match is_right {
            true => self.rules.next(self.stage, say, self.liar.version),
            false => Stage::Dead,
        };
        let overflowed = self.target.stats().overflowed_records;
        if effect != Effect::IsTaken {
            datagrams.into_iter().for_each(|datagram| self.deliver(datagram));
            if effect == Effect::Waits && self.target.stats().overflowed_records == overflowed {
                self.waiting.push(next);
            }
            return;
        }
        self.liar.note_said(say, &body);
        let is_asked_again = self.stage == Stage::ClientHello && self.is_asked_again(say);
        if is_asked_again || next == Stage::Dead {
            self.sent.clear();
        } else {
            self.sent.extend(datagrams.iter().cloned());
        }
        if !is_asked_again {
            self.is_fresh = self.stage == Stage::ClientHello;
            self.stage = next;
        }
        datagrams.into_iter().for_each(|datagram| self.deliver(datagram));
    }

    fn epoch(&self, say: Say, is_misplaced: bool) -> u16 {
        let encrypted = match self.version() {
            None => return 0,
            Some(Version::DTLS_1_3) => 2,
            Some(_) => 1,
        };
        let is_encrypted = match encrypted {
            2 => !say.is_hello(),
            _ => say == Say::Finished,
        };
        // Once all is settled, what breaks the rules under the right keys ends it rightly.
        let is_over = self.stage == Stage::Connected;
        match is_encrypted != is_misplaced && !is_over {
            true => encrypted,
            false => 0,
        }
    }

    /// What the connection does about a message with the next number.
    fn effect(&self, say: Say, is_right: bool, epoch: u16) -> Effect {
        match (self.stage, self.version(), epoch) {
            (Stage::Connected | Stage::Dead, ..) => Effect::IsIgnored,
            // A server that waits keeps waiting, whatever anyone says but a hello that it can answer.
            (Stage::ClientHello, ..) => match say {
                Say::ClientHelloWithoutKey if is_right && !self.liar.is_asked_again() => Effect::IsTaken,
                Say::ClientHello if is_right => Effect::IsTaken,
                _ => Effect::IsIgnored,
            },
            // RFC 5246 §7.4.1.1 for HelloRequest, and for what else the other side never sends in the clear.
            (_, version, 0) if version != Some(Version::DTLS_1_3) && self.has_no_place(say) => Effect::IsIgnored,
            // Finished is never plain.
            (Stage::ServerHello { .. }, ..) if say == Say::Finished => Effect::IsIgnored,
            (Stage::ServerHello { .. }, ..) => Effect::IsTaken,
            (_, Some(Version::DTLS_1_3), 2) if !say.is_hello() => Effect::IsTaken,
            (_, Some(Version::DTLS_1_3), _) => Effect::IsIgnored,
            (Stage::Finished, _, 1) if self.is_announced => Effect::IsTaken,
            (Stage::Finished, _, 1) => Effect::Waits,
            // Its number is taken by the time that it can be read.
            (_, _, 1) => Effect::IsIgnored,
            (Stage::Finished, _, _) if self.is_announced => Effect::IsIgnored,
            _ if say == Say::Finished => Effect::IsIgnored,
            _ => Effect::IsTaken,
        }
    }

    /// Whether nobody in the liar's role says this in the clear, but for a client's first hello.
    fn has_no_place(&self, say: Say) -> bool {
        let is_never_plain = matches!(
            say,
            Say::EncryptedExtensions | Say::KeyUpdate | Say::RequestConnectionId
        );
        let is_of_the_other_side = match self.rules.role {
            Role::Server => matches!(
                say,
                Say::ClientHello | Say::ClientHelloWithoutKey | Say::CertificateVerify | Say::ClientKeyExchange
            ),
            Role::Client => matches!(
                say,
                Say::ClientHello
                    | Say::ClientHelloWithoutKey
                    | Say::HelloVerifyRequest
                    | Say::HelloRetryRequest
                    | Say::ServerHello
                    | Say::OtherServerHello
                    | Say::NewSessionTicket
                    | Say::ServerKeyExchange
                    | Say::CertificateRequest
                    | Say::ServerHelloDone
            ),
        };
        is_never_plain || is_of_the_other_side || say == Say::HelloRequest
    }

    /// Whether the connection answers this hello with a request for another one.
    fn is_asked_again(&self, say: Say) -> bool {
        !self.liar.is_asked_again() && (self.asks_for_cookies || say == Say::ClientHelloWithoutKey)
    }

    /// The next two messages, the second first, if the first needs no answer.
    fn overtake(&mut self) {
        let (first, version) = (self.right(0), self.liar.version);
        let needs_no_answer = !first.is_hello() && first != Say::HelloVerifyRequest;
        let after = self.rules.next(self.stage, first, version);
        let second = self.rules.right(after, version).first().copied();
        let (Some(second), true) = (second, needs_no_answer && self.version().is_some()) else {
            return;
        };
        let is_taken = |game: &Self, say| {
            let epoch = game.epoch(say, false);
            game.effect(say, true, epoch) == Effect::IsTaken
        };
        if !is_taken(self, first) || second == Say::Finished && version == Version::DTLS_1_2 {
            return;
        }
        let mut datagrams = Vec::new();
        for say in [first, second] {
            let Some(body) = self.liar.body(say, Fault::None) else {
                return;
            };
            let epoch = self.epoch(say, false);
            let message_seq = self.liar.next_message_seq;
            let whole = [(0, body.len())];
            let Some(sealed) = self.datagrams(say.kind(), message_seq, &body, epoch, &whole, 0) else {
                return;
            };
            self.liar.note_said(say, &body);
            datagrams.extend(sealed);
            self.is_fresh = false;
        }
        self.stage = self.rules.next(after, second, version);
        self.sent.extend(datagrams.iter().cloned());
        datagrams.into_iter().rev().for_each(|datagram| self.deliver(datagram));
    }

    /// DTLS 1.2: ChangeCipherSpec. In DTLS 1.3 there is none.
    fn announce(&mut self) {
        let record = self.plain(ContentType::ChangeCipherSpec as u8, &[1]);
        let is_handshaking = !matches!(self.stage, Stage::ClientHello | Stage::Connected | Stage::Dead);
        if is_handshaking && self.version() != Some(Version::DTLS_1_3) {
            self.is_announced = true;
            if let (Stage::Finished, Some(next)) = (self.stage, self.waiting.first()) {
                self.stage = *next;
            }
        }
        self.deliver(record);
    }

    /// Something that was said before, once more.
    fn repeat(&mut self, choice: u8) {
        if !self.sent.is_empty() {
            let datagram = self.sent[usize::from(choice) % self.sent.len()].clone();
            self.deliver(datagram);
        }
    }

    /// What anybody can send who can forge an address. It changes nothing.
    fn forge(&mut self, what: u8, more: u8) {
        let kind = Say::ALL[usize::from(more) % Say::ALL.len()].kind();
        // A piece of a hello keeps others out for a while.
        if self.stage == Stage::ClientHello && kind == HandshakeType::CLIENT_HELLO && (6..=9).contains(&what) {
            return;
        }
        let next = self.liar.next_message_seq;
        let fragment = |kind, message_seq, length| Fragment {
            kind,
            length,
            message_seq,
            offset: 0,
            body: &[7; 4],
        };
        let handshake = |fragment: Fragment<'_>| [&fragment.header(), fragment.body].concat();
        let (content_type, content) = match what {
            0 => (ContentType::Alert, vec![2, more]),
            1 => (ContentType::Alert, vec![1, 0]),
            2 => (ContentType::ApplicationData, b"plain".to_vec()),
            3 => {
                let number = [0, 0, 0, 0, 0, 0, 0, more & 3, 0, 0, 0, 0, 0, 0, 0, more >> 2];
                (ContentType::Ack, [&[0, 16][..], &number].concat())
            }
            4 => (ContentType::ChangeCipherSpec, vec![2; usize::from(more % 3)]),
            5 => (ContentType::Handshake, vec![more; usize::from(more)]),
            6 => (ContentType::Handshake, handshake(fragment(kind, next + 100, 4))),
            7 => (
                ContentType::Handshake,
                handshake(fragment(kind, next.saturating_sub(1), 40_000)),
            ),
            // No real message is that long, so it gives way.
            8 => (ContentType::Handshake, handshake(fragment(kind, next, 4000))),
            9 => (ContentType::Handshake, handshake(fragment(kind, next, 0x00ff_ffff))),
            10 => (ContentType::Ack, vec![0xff, more]),
            11 => return self.deliver(vec![more; usize::from(more)]),
            12 => return self.deliver(Vec::new()),
            13 => {
                let mut junk = self.plain(more, &[more; 40]);
                junk[4] = more & 3;
                return self.deliver(junk);
            }
            _ => {
                let junk = [&[0b0010_1100 | more & 3, 0, more, 0, 40][..], &[more; 40]].concat();
                return self.deliver(junk);
            }
        };
        if content_type == ContentType::Alert {
            self.alerted.get_or_insert(self.now);
        }
        let record = self.plain(content_type as u8, &content);
        self.deliver(record);
    }

    /// What has no place here, under the right keys.
    fn noise_under_keys(&mut self, what: u8) {
        let data = format!("{} {}", self.data.len(), self.plain_sequence).into_bytes();
        self.plain_sequence += 1;
        let application_data = ContentType::ApplicationData as u8;
        let (is_13, is_over) = (
            self.version() == Some(Version::DTLS_1_3),
            self.stage == Stage::Connected,
        );
        let data_epoch = if is_13 { 3 } else { 1 };
        if what.is_multiple_of(8) || is_over {
            if self.version().is_none() {
                return;
            }
            if let Some(record) = self.liar.seal(data_epoch, application_data, &data) {
                self.data.insert(data.clone());
                self.deliver(record);
                let was_handed_over = !self.data.contains(&data);
                assert!(was_handed_over || !is_over, "data is handed over once connected");
            }
            return;
        }
        let is_readable = is_13 || self.stage == Stage::Finished && self.is_announced;
        if !is_readable || self.stage == Stage::Dead {
            return;
        }
        let (content_type, content) = match what % 8 {
            1 => (ContentType::Alert as u8, vec![1, 90]),
            2 => (ContentType::ChangeCipherSpec as u8, vec![1]),
            3 => (ContentType::Ack as u8, vec![0, 16, 0, 0]),
            4 if is_13 => (application_data, b"under the keys of the handshake".to_vec()),
            4 => (application_data, vec![]),
            5 => (ContentType::Alert as u8, vec![2, 40]),
            6 => (ContentType::Alert as u8, vec![1]),
            _ => (ContentType::Handshake as u8, vec![1, 0]),
        };
        let epoch = if is_13 { 2 } else { 1 };
        let Some(record) = self.liar.seal(epoch, content_type, &content) else {
            return;
        };
        self.is_fresh = false;
        if matches!(what % 8, 5 | 6) {
            self.stage = Stage::Dead;
        }
        self.deliver(record);
    }

    /// Another ClientHello. As long as the first one has only been answered, it takes its place if nothing
    /// is heard of that one for a while, and else is ignored.
    fn say_hello_again(&mut self, is_silent: bool) {
        if self.rules.role == Role::Server || self.stage == Stage::ClientHello || self.liar.is_asked_again() {
            return;
        }
        let Some(body) = self.liar.body(Say::ClientHello, Fault::None) else {
            return;
        };
        let whole = [(0, body.len())];
        let datagrams = self.datagrams(HandshakeType::CLIENT_HELLO, 0, &body, 0, &whole, 0);
        let datagrams = datagrams.unwrap_or_default();
        match is_silent {
            true => self.pass(PATIENCE),
            false if self.is_fresh => self
                .sent
                .clone()
                .into_iter()
                .for_each(|datagram| self.deliver(datagram)),
            false => {}
        }
        if is_silent && self.is_fresh && !self.asks_for_cookies && !matches!(self.stage, Stage::Connected | Stage::Dead)
        {
            self.liar.restart();
            self.liar.note_said(Say::ClientHello, &body);
            self.stage = self.rules.next(Stage::ClientHello, Say::ClientHello, self.liar.version);
            self.is_announced = false;
            self.waiting.clear();
            self.sent = datagrams.clone();
        }
        datagrams.into_iter().for_each(|datagram| self.deliver(datagram));
    }

    fn wait(&mut self, tenths: u8) {
        self.pass(Duration::from_millis(100 * u64::from(tenths)));
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.target.handle_timeout(self.now);
        let is_believed = self.alerted.is_some_and(|alerted| self.now >= alerted + ALERT_PATIENCE);
        if is_believed && self.target.state() == State::Closed {
            self.stage = Stage::Dead;
        }
        self.listen();
    }

    /// The pieces of a message in datagrams of their own, or all in one; `None` without keys.
    fn datagrams(
        &mut self,
        kind: HandshakeType,
        message_seq: u16,
        body: &[u8],
        epoch: u16,
        pieces: &[(usize, usize)],
        style: u8,
    ) -> Option<Vec<Vec<u8>>> {
        let mut records = Vec::new();
        for (start, end) in pieces {
            let fragment = Fragment {
                kind,
                length: u32::try_from(body.len()).expect("a short message"),
                message_seq,
                offset: u32::try_from(*start).expect("a short message"),
                body: &body[*start..*end],
            };
            let content = [&fragment.header(), fragment.body].concat();
            let content_type = ContentType::Handshake as u8;
            records.push(match epoch {
                0 => self.plain(content_type, &content),
                _ => self.liar.seal(epoch, content_type, &content)?,
            });
        }
        Some(match style {
            5 => vec![records.concat()],
            _ => records,
        })
    }

    fn plain(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let [.., s0, s1] = self.plain_sequence.to_be_bytes();
        self.plain_sequence += 1;
        let [.., l0, l1] = content.len().to_be_bytes();
        let header = [content_type, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, s0, s1, l0, l1];
        [&header[..], content].concat()
    }

    fn deliver(&mut self, mut datagram: Vec<u8>) {
        let received: Vec<_> = self
            .target
            .handle_body(self.now, &mut datagram)
            .map(|payload| payload.to_vec())
            .collect();
        self.take_events();
        assert!(received.is_empty() || self.target.is_connected(), "data before the end");
        self.handed_over.extend(received);
        for data in self.handed_over.drain(..) {
            assert!(self.data.remove(&data), "not the liar's data, or once more");
        }
        self.listen();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.target.poll_event() {
            self.last_event = Some(event.clone());
            match event {
                Event::Connected { .. } => {
                    assert!(!self.was_connected, "connected twice");
                    self.was_connected = true;
                }
                Event::ApplicationData(data) => {
                    assert!(self.was_connected, "data before the end");
                    self.handed_over.push(data);
                }
                _ => {}
            }
        }
    }

    /// Takes what the connection sends.
    fn listen(&mut self) {
        let mut buf = vec![0; 20_000];
        while let Some(length) = self.target.write_body(self.now, &mut buf, Headroom::NONE) {
            self.liar.listen(&buf[..length]);
        }
    }

    /// The connection and the acceptor agree, and nothing is released too early.
    fn check(&mut self) {
        let is_expected = self.stage == Stage::Connected;
        assert_eq!(
            self.target.is_connected(),
            is_expected,
            "{:?} {:?} {:?}",
            self.stage,
            self.target,
            self.last_event
        );
        assert!(self.was_connected || !is_expected);
        if self.stage == Stage::Dead {
            assert_eq!(self.target.state(), State::Closed);
        }
        let mut keys = [0; 16];
        let exported = self
            .target
            .export_keying_material("EXTRACTOR-dtls_srtp", None, &mut keys);
        assert_eq!(exported.is_ok(), is_expected);
        if !is_expected {
            assert!(self.target.send(b"too early").is_err());
            assert_eq!(self.target.peer_certificate(), None);
            assert_eq!(self.target.cipher_suite(), None);
        }
        assert!(self.target.memory() <= MAX_MEMORY);
    }
}

/// What becomes of a message with the next number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    IsTaken,
    /// Until ChangeCipherSpec.
    Waits,
    IsIgnored,
}

/// Where a message is cut, in the order in which the pieces are sent.
fn pieces(body: &[u8], style: u8, script: &mut Script<'_>) -> Vec<(usize, usize)> {
    let length = body.len();
    if length < 2 || style < 2 {
        return vec![(0, length)];
    }
    let cut = 1 + usize::from(script.more()) % (length - 1);
    match style {
        2 => vec![(0, cut), (cut, length)],
        3 => vec![(cut, length), (0, cut)],
        // The second begins before the first ends, and then comes all of it again.
        4 => vec![(0, cut), (cut / 2, length), (0, length)],
        _ => {
            let step = (length / 40).max(1);
            (0..length)
                .step_by(step)
                .map(|start| (start, (start + step).min(length)))
                .rev()
                .collect()
        }
    }
}
