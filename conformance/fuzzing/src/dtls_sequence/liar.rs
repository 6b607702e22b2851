//! A peer that says whatever it is told to, at any time, with everything in it right: keys, signatures
//! and Finished all cover what was said so far. What it must not get is a connection.

use pollrtc_crypto::{Certificate, Rng, SignatureScheme};
use pollrtc_dtls::wire::handshake::{HelloVerifyRequest, ServerHello, fragments};
use pollrtc_dtls::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use pollrtc_dtls::wire::{ContentType, ExtensionType, HandshakeType, Version, Writer};

use super::keys::{Cipher, Role, Tap, expand_label, hmac, prf, sha256};

/// Everything that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    ClientHello,
    /// In DTLS 1.3, without a public key.
    ClientHelloWithoutKey,
    HelloVerifyRequest,
    HelloRetryRequest,
    ServerHello,
    /// Of the version that is not the session's.
    OtherServerHello,
    EncryptedExtensions,
    Certificate,
    EmptyCertificate,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    ClientKeyExchange,
    CertificateVerify,
    Finished,
    HelloRequest,
    NewSessionTicket,
    KeyUpdate,
    EndOfEarlyData,
    RequestConnectionId,
    MessageHash,
    Unknown,
}

impl Say {
    pub(super) const ALL: [Self; 22] = [
        Self::ClientHello,
        Self::ClientHelloWithoutKey,
        Self::HelloVerifyRequest,
        Self::HelloRetryRequest,
        Self::ServerHello,
        Self::OtherServerHello,
        Self::EncryptedExtensions,
        Self::Certificate,
        Self::EmptyCertificate,
        Self::ServerKeyExchange,
        Self::CertificateRequest,
        Self::ServerHelloDone,
        Self::ClientKeyExchange,
        Self::CertificateVerify,
        Self::Finished,
        Self::HelloRequest,
        Self::NewSessionTicket,
        Self::KeyUpdate,
        Self::EndOfEarlyData,
        Self::RequestConnectionId,
        Self::MessageHash,
        Self::Unknown,
    ];

    pub(super) fn kind(self) -> HandshakeType {
        match self {
            Self::ClientHello | Self::ClientHelloWithoutKey => HandshakeType::CLIENT_HELLO,
            Self::HelloVerifyRequest => HandshakeType::HELLO_VERIFY_REQUEST,
            Self::HelloRetryRequest | Self::ServerHello | Self::OtherServerHello => HandshakeType::SERVER_HELLO,
            Self::EncryptedExtensions => HandshakeType::ENCRYPTED_EXTENSIONS,
            Self::Certificate | Self::EmptyCertificate => HandshakeType::CERTIFICATE,
            Self::ServerKeyExchange => HandshakeType::SERVER_KEY_EXCHANGE,
            Self::CertificateRequest => HandshakeType::CERTIFICATE_REQUEST,
            Self::ServerHelloDone => HandshakeType::SERVER_HELLO_DONE,
            Self::ClientKeyExchange => HandshakeType::CLIENT_KEY_EXCHANGE,
            Self::CertificateVerify => HandshakeType::CERTIFICATE_VERIFY,
            Self::Finished => HandshakeType::FINISHED,
            Self::HelloRequest => HandshakeType::HELLO_REQUEST,
            Self::NewSessionTicket => HandshakeType::NEW_SESSION_TICKET,
            Self::KeyUpdate => HandshakeType::KEY_UPDATE,
            Self::EndOfEarlyData => HandshakeType(5),
            Self::RequestConnectionId => HandshakeType::REQUEST_CONNECTION_ID,
            Self::MessageHash => HandshakeType::MESSAGE_HASH,
            Self::Unknown => HandshakeType(99),
        }
    }

    /// Whether it is one of the messages that are plain in every version.
    pub(super) fn is_hello(self) -> bool {
        let kind = self.kind();
        kind == HandshakeType::CLIENT_HELLO || kind == HandshakeType::SERVER_HELLO
    }
}

/// What is wrong with a message after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// A byte is missing, or one too many if there is none that could be.
    Length,
    /// The last bit of what proves something is another.
    Proof,
    /// Certificate and key are somebody else's.
    Identity,
}

impl Fault {
    /// Whether a message with this fault differs from one without.
    pub(super) fn shows_in(self, say: Say) -> bool {
        let is_proof = matches!(say, Say::CertificateVerify | Say::Finished | Say::ServerKeyExchange);
        match self {
            Self::None => false,
            Self::Length => true,
            Self::Proof => is_proof || say == Say::Certificate,
            Self::Identity => (is_proof && say != Say::Finished) || say == Say::Certificate,
        }
    }
}

/// A message of the handshake so far.
#[derive(Clone)]
struct Said {
    kind: HandshakeType,
    message_seq: u16,
    body: Vec<u8>,
}

pub(super) struct Liar {
    pub(super) role: Role,
    pub(super) version: Version,
    tap: Tap,
    rng: Rng,
    own: Certificate,
    others: Certificate,
    pub(super) next_message_seq: u16,
    said: Vec<Said>,
    /// What the other side gave us to show it again.
    pub(super) cookie: Vec<u8>,
    heard: u16,
    client_random: [u8; 32],
    server_random: [u8; 32],
    /// Our keys of an epoch, in use.
    ours: Vec<(u16, Cipher)>,
}

/// A public key of X25519 that gives a secret: the curve's base point.
const PUBLIC_KEY: [u8; 32] = {
    let mut key = [0; 32];
    key[0] = 9;
    key
};
const X25519: [u8; 2] = [0, 0x1d];
const ECDSA_SECP256R1_SHA256: [u8; 2] = [4, 3];
const V12_SUITE: u16 = 0xc02b;
const V13_SUITE: u16 = 0x1301;

impl Liar {
    pub(super) fn new(role: Role, version: Version, tap: Tap, own: Certificate, others: Certificate) -> Self {
        Self {
            role,
            version,
            tap,
            rng: Rng::from_seed([9; 32]),
            own,
            others,
            next_message_seq: 0,
            said: Vec::new(),
            cookie: Vec::new(),
            heard: 0,
            client_random: [0; 32],
            server_random: [0; 32],
            ours: Vec::new(),
        }
    }

    /// Begins the handshake once more, if the other side will.
    pub(super) fn restart(&mut self) {
        self.next_message_seq = 0;
        self.said.clear();
        self.heard = 0;
        self.ours.clear();
    }

    fn is_13(&self) -> bool {
        self.version == Version::DTLS_1_3
    }

    /// The body of a message, as it is right at this place; `None` if it takes keys that are not there.
    pub(super) fn body(&mut self, say: Say, fault: Fault) -> Option<Vec<u8>> {
        let fault = match fault.shows_in(say) {
            true => fault,
            false => Fault::None,
        };
        let identity = match fault {
            Fault::Identity => self.others.clone(),
            _ => self.own.clone(),
        };
        let mut body = match say {
            Say::ClientHello => self.client_hello(true),
            Say::ClientHelloWithoutKey => self.client_hello(false),
            Say::HelloVerifyRequest => vec![0xfe, 0xff, 2, 5, 5],
            Say::HelloRetryRequest => hello_of_13(&HELLO_RETRY_REQUEST_RANDOM, &[0, 44, 0, 4, 0, 2, 5, 5]),
            Say::ServerHello => self.server_hello(self.is_13()),
            Say::OtherServerHello => self.server_hello(!self.is_13()),
            Say::EncryptedExtensions => vec![0, 0],
            Say::Certificate => self.certificate(Some(&identity)),
            Say::EmptyCertificate => self.certificate(None),
            Say::ServerKeyExchange => {
                let params = [&[3][..], &X25519, &[32], &PUBLIC_KEY].concat();
                let signed = [&self.client_random[..], &self.server_random, &params].concat();
                [params, self.signature(&identity, &signed)].concat()
            }
            Say::CertificateRequest if self.is_13() => vec![0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3],
            Say::CertificateRequest => vec![1, 64, 0, 2, 4, 3, 0, 0],
            Say::ServerHelloDone | Say::HelloRequest | Say::EndOfEarlyData => vec![],
            Say::ClientKeyExchange => [&[32][..], &PUBLIC_KEY].concat(),
            Say::CertificateVerify => {
                let signed = match self.is_13() {
                    true => {
                        let who = if self.role == Role::Client { "client" } else { "server" };
                        let context = format!("{}TLS 1.3, {who} CertificateVerify\0", " ".repeat(64));
                        [context.as_bytes(), &sha256(&self.transcript())].concat()
                    }
                    false => self.transcript(),
                };
                self.signature(&identity, &signed)
            }
            Say::Finished => self.finished()?,
            Say::NewSessionTicket => [&[0, 0, 14, 16, 1, 2, 3, 4, 1, 0, 0, 3][..], b"abc", &[0, 0]].concat(),
            Say::KeyUpdate => vec![0],
            Say::RequestConnectionId => vec![1],
            Say::MessageHash => vec![0; 32],
            Say::Unknown => vec![1, 2, 3],
        };
        match fault {
            Fault::Length if body.is_empty() => body.push(0),
            Fault::Length => drop(body.pop()),
            Fault::Proof => *body.last_mut()? ^= 1,
            Fault::None | Fault::Identity => {}
        }
        Some(body)
    }

    fn client_hello(&mut self, with_key: bool) -> Vec<u8> {
        let random = match self.is_asked_again() {
            true => self.client_random,
            false => self.rng.array(),
        };
        let mut writer = Writer::new();
        writer.u16(Version::DTLS_1_2.0);
        writer.bytes(&random);
        writer.vector8(|_session_id| {});
        writer.vector8(|writer| {
            if !self.is_13() {
                writer.bytes(&self.cookie);
            }
        });
        writer.vector16(|writer| {
            writer.u16(V12_SUITE);
            writer.u16(V13_SUITE);
        });
        writer.vector8(|writer| writer.u8(0));
        writer.vector16(|writer| {
            let mut extension = |kind: ExtensionType, content: &[u8]| {
                writer.u16(kind.0);
                writer.vector16(|writer| writer.bytes(content));
            };
            extension(ExtensionType::EXTENDED_MASTER_SECRET, &[]);
            extension(ExtensionType::SUPPORTED_GROUPS, &[0, 4, 0, 0x1d, 0, 0x17]);
            extension(ExtensionType::SIGNATURE_ALGORITHMS, &[0, 2, 4, 3]);
            if !self.is_13() {
                return;
            }
            extension(ExtensionType::SUPPORTED_VERSIONS, &[2, 0xfe, 0xfc]);
            let share = [&X25519[..], &[0, 32], &PUBLIC_KEY].concat();
            let shares = match with_key {
                true => [&[0, 36][..], &share].concat(),
                false => vec![0, 0],
            };
            extension(ExtensionType::KEY_SHARE, &shares);
            if !self.cookie.is_empty() {
                let length = u16::try_from(self.cookie.len()).expect("a short cookie").to_be_bytes();
                extension(ExtensionType::COOKIE, &[&length[..], &self.cookie].concat());
            }
        });
        writer.into_bytes()
    }

    fn server_hello(&mut self, is_13: bool) -> Vec<u8> {
        let random = self.rng.array();
        if is_13 {
            let share = [&[0, 51, 0, 36][..], &X25519, &[0, 32], &PUBLIC_KEY].concat();
            return hello_of_13(&random, &share);
        }
        let [s0, s1] = V12_SUITE.to_be_bytes();
        [&[0xfe, 0xfd][..], &random, &[0, s0, s1, 0, 0, 4, 0, 23, 0, 0]].concat()
    }

    fn certificate(&self, own: Option<&Certificate>) -> Vec<u8> {
        let mut writer = Writer::new();
        if self.is_13() {
            writer.vector8(|_context| {});
        }
        writer.vector24(|writer| {
            let Some(own) = own else { return };
            writer.vector24(|writer| writer.bytes(own.der()));
            if self.is_13() {
                writer.vector16(|_extensions| {});
            }
        });
        writer.into_bytes()
    }

    fn signature(&mut self, identity: &Certificate, signed: &[u8]) -> Vec<u8> {
        let scheme = SignatureScheme::EcdsaSecp256r1Sha256;
        let signature = identity.key().sign(scheme, signed, &mut self.rng).expect("a signature");
        let length = u16::try_from(signature.len()).expect("a short signature").to_be_bytes();
        [&ECDSA_SECP256R1_SHA256[..], &length, &signature].concat()
    }

    fn finished(&self) -> Option<Vec<u8>> {
        let hash = sha256(&self.transcript());
        if self.is_13() {
            let secret = self.tap.secret(handshake_label(self.role))?;
            return Some(hmac(&expand_label(&secret, "finished", 32), &[&hash]));
        }
        let label = match self.role {
            Role::Client => "client finished",
            Role::Server => "server finished",
        };
        Some(prf(&self.tap.secret("CLIENT_RANDOM")?, label, &hash, 12))
    }

    /// All that was said and heard, as the version writes it.
    fn transcript(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for said in &self.said {
            let [.., l0, l1, l2] = said.body.len().to_be_bytes();
            let [s0, s1] = said.message_seq.to_be_bytes();
            bytes.extend([said.kind.0, l0, l1, l2]);
            if !self.is_13() {
                bytes.extend([s0, s1, 0, 0, 0, l0, l1, l2]);
            }
            bytes.extend(&said.body);
        }
        bytes
    }

    /// A message has its number and is on its way.
    pub(super) fn note_said(&mut self, say: Say, body: &[u8]) {
        if say == Say::OtherServerHello {
            self.version = match self.is_13() {
                true => Version::DTLS_1_2,
                false => Version::DTLS_1_3,
            };
        }
        if let (true, Some(random)) = (say.is_hello(), body.get(2..34)) {
            match self.role {
                Role::Client => self.client_random.copy_from_slice(random),
                Role::Server => self.server_random.copy_from_slice(random),
            }
        }
        match say {
            // RFC 6347 §4.2.1: neither it nor the first ClientHello counts.
            Say::HelloVerifyRequest => self.said.clear(),
            Say::HelloRetryRequest => {
                self.hash_the_first_hello();
                self.push(say.kind(), self.next_message_seq, body);
            }
            _ => self.push(say.kind(), self.next_message_seq, body),
        }
        self.next_message_seq += 1;
    }

    /// RFC 8446 §4.4.1.
    fn hash_the_first_hello(&mut self) {
        self.version = Version::DTLS_1_3;
        let hash = sha256(&self.transcript());
        self.said.clear();
        self.push(HandshakeType::MESSAGE_HASH, 0, &hash);
    }

    fn push(&mut self, kind: HandshakeType, message_seq: u16, body: &[u8]) {
        self.said.push(Said {
            kind,
            message_seq,
            body: body.to_vec(),
        });
    }

    /// Reads what the other side has sent. It does not cut messages.
    pub(super) fn listen(&mut self, datagram: &[u8]) {
        let mut rest = datagram;
        while !rest.is_empty() {
            let is_unified = rest[0] >> 5 == 1;
            let length_at = if is_unified { 3 } else { 11 };
            let length = usize::from(u16::from_be_bytes([rest[length_at], rest[length_at + 1]]));
            let (record, after) = rest.split_at(length_at + 2 + length);
            rest = after;
            let epoch_1 = !is_unified && record[4] == 1;
            let opened = match (is_unified, epoch_1) {
                (true, _) => self.theirs(2).and_then(|keys| keys.open(record)),
                (_, true) => self.theirs(1).and_then(|keys| keys.open(record)),
                (_, false) => Some((record[0], record[13..].to_vec())),
            };
            let Some((content_type, content)) = opened else {
                continue;
            };
            if content_type != ContentType::Handshake as u8 {
                continue;
            }
            for fragment in fragments(&content) {
                let fragment = fragment.expect("our own side writes no nonsense");
                assert!(fragment.offset == 0 && fragment.is_last(), "a message is cut");
                if fragment.message_seq == self.heard {
                    self.heard += 1;
                    self.note_heard(fragment.kind, fragment.message_seq, fragment.body);
                }
            }
        }
    }

    fn note_heard(&mut self, kind: HandshakeType, message_seq: u16, body: &[u8]) {
        match kind {
            HandshakeType::HELLO_VERIFY_REQUEST => {
                self.cookie = HelloVerifyRequest::parse(body).expect("a request").cookie.to_vec();
                self.said.clear();
            }
            HandshakeType::SERVER_HELLO => {
                let hello = ServerHello::parse(body).expect("a hello");
                if *hello.random == HELLO_RETRY_REQUEST_RANDOM {
                    let cookie = hello.extensions.cookie().expect("well formed");
                    self.cookie = cookie.expect("ours always has one").to_vec();
                    self.hash_the_first_hello();
                }
                self.server_random = *hello.random;
                self.push(kind, message_seq, body);
            }
            HandshakeType::CLIENT_HELLO => {
                self.client_random = *body[2..].first_chunk().expect("a random");
                self.push(kind, message_seq, body);
            }
            _ => self.push(kind, message_seq, body),
        }
    }

    /// Whether a first hello was answered by a request to say it again.
    pub(super) fn is_asked_again(&self) -> bool {
        !self.cookie.is_empty()
    }

    /// A record of epoch `epoch` with our keys; `None` if they are not there.
    pub(super) fn seal(&mut self, epoch: u16, content_type: u8, content: &[u8]) -> Option<Vec<u8>> {
        if !self.ours.iter().any(|(known, _)| *known == epoch) {
            let cipher = self.cipher(epoch, self.role)?;
            self.ours.push((epoch, cipher));
        }
        let (_, cipher) = self.ours.iter_mut().find(|(known, _)| *known == epoch)?;
        Some(cipher.seal(content_type, content))
    }

    fn theirs(&self, epoch: u16) -> Option<Cipher> {
        self.cipher(epoch, self.role.other())
    }

    fn cipher(&self, epoch: u16, writer: Role) -> Option<Cipher> {
        if epoch == 1 {
            let secret = self.tap.secret("CLIENT_RANDOM")?;
            return Some(Cipher::v12(&secret, &self.client_random, &self.server_random, writer));
        }
        let label = match (epoch, writer) {
            (2, writer) => handshake_label(writer),
            (_, Role::Client) => "CLIENT_TRAFFIC_SECRET_0",
            (_, Role::Server) => "SERVER_TRAFFIC_SECRET_0",
        };
        Some(Cipher::v13(&self.tap.secret(label)?, epoch))
    }
}

fn handshake_label(writer: Role) -> &'static str {
    match writer {
        Role::Client => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        Role::Server => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    }
}

fn hello_of_13(random: &[u8; 32], extension: &[u8]) -> Vec<u8> {
    let [s0, s1] = V13_SUITE.to_be_bytes();
    let length = u16::try_from(6 + extension.len())
        .expect("a short extension")
        .to_be_bytes();
    let versions = [0, 43, 0, 2, 0xfe, 0xfc];
    [
        &[0xfe, 0xfd][..],
        random,
        &[0, s0, s1, 0],
        &length,
        &versions,
        extension,
    ]
    .concat()
}
