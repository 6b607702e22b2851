//! The keys of a connection of DTLS 1.3, out of its key log: whoever has them can take its records
//! apart and make others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pollrtc_crypto::{AeadAlgorithm, AeadKey, HashAlgorithm, Hkdf, RecordNumberKey, default_provider};
use pollrtc_dtls::wire::datagram::AnyHeader;
use pollrtc_dtls::wire::handshake::fragments;
use pollrtc_dtls::wire::unified::UnifiedHeader;
use pollrtc_dtls::wire::{ContentType, HandshakeType};
use pollrtc_dtls::{Config, KeyLog, Versions};

use super::wire::whole;

/// The number of the first record that [`Cipher::seal`] makes.
pub(crate) const FIRST_SEQUENCE: u64 = 100;

/// What the secrets are called that each version tells to its key log.
pub(crate) const LABELS: [(Versions, &[&str]); 2] = [
    (Versions::Dtls12, &["CLIENT_RANDOM"]),
    (
        Versions::Dtls13,
        &[
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            "CLIENT_TRAFFIC_SECRET_0",
            "SERVER_TRAFFIC_SECRET_0",
            "EXPORTER_SECRET",
        ],
    ),
];

/// The secrets that a connection tells to its key log.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Tap {
    /// Listens to what this configuration's connection tells.
    pub(crate) fn on(config: &mut Config) -> Self {
        let tap = Self::default();
        let secrets = tap.0.clone();
        config.key_log = Some(KeyLog(Arc::new(move |line| {
            let mut words = line.split(' ');
            let (label, _random, secret) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let bytes = secret.as_bytes().chunks(2);
            let bytes = bytes.map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
            secrets.lock().unwrap().insert(label.to_owned(), bytes.collect());
        })));
        tap
    }

    pub(crate) fn secret(&self, label: &str) -> Vec<u8> {
        self.0.lock().unwrap()[label].clone()
    }

    /// The client's keys of the handshake.
    pub(crate) fn client_handshake(&self) -> Cipher {
        Cipher::new(&self.secret("CLIENT_HANDSHAKE_TRAFFIC_SECRET"), 2)
    }

    /// The server's keys of the handshake.
    pub(crate) fn server_handshake(&self) -> Cipher {
        Cipher::new(&self.secret("SERVER_HANDSHAKE_TRAFFIC_SECRET"), 2)
    }

    /// The client's first keys for data.
    pub(crate) fn client_application(&self) -> Cipher {
        Cipher::new(&self.secret("CLIENT_TRAFFIC_SECRET_0"), 3)
    }

    /// The server's first keys for data.
    pub(crate) fn server_application(&self) -> Cipher {
        Cipher::new(&self.secret("SERVER_TRAFFIC_SECRET_0"), 3)
    }
}

/// The keys of one direction and epoch of TLS_AES_128_GCM_SHA256.
pub(crate) struct Cipher {
    key: Box<dyn AeadKey>,
    iv: [u8; 12],
    number_key: Box<dyn RecordNumberKey>,
    epoch: u16,
    next_sequence: u64,
    /// The connection id in the records that it makes, if any.
    id: Vec<u8>,
}

impl Cipher {
    fn new(secret: &[u8], epoch: u16) -> Self {
        let hkdf = Hkdf::new(default_provider(), HashAlgorithm::Sha256, secret).unwrap();
        let expand = |label: &str, out: &mut [u8]| {
            let label = format!("dtls13{label}");
            let lengths = [0, out.len() as u8, label.len() as u8];
            hkdf.expand(&[&lengths, label.as_bytes(), &[0]], out).unwrap();
        };
        let (mut key, mut iv, mut number_key) = ([0; 16], [0; 12], [0; 16]);
        expand("key", &mut key);
        expand("iv", &mut iv);
        expand("sn", &mut number_key);
        let algorithm = AeadAlgorithm::Aes128Gcm;
        Self {
            key: default_provider().aead(algorithm, &key).unwrap(),
            iv,
            number_key: default_provider().record_number_key(algorithm, &number_key).unwrap(),
            epoch,
            // Beyond what the honest owner of the keys has used.
            next_sequence: FIRST_SEQUENCE,
            id: Vec::new(),
        }
    }

    /// The same, with a connection id in the records that it makes.
    pub(crate) fn with_id(self, id: &[u8]) -> Self {
        Self {
            id: id.to_vec(),
            ..self
        }
    }

    fn nonce(&self, sequence: u64) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// A record that only the owner of the keys can make.
    pub(crate) fn seal(&mut self, content_type: u8, content: &[u8]) -> Vec<u8> {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let mut inner = [content, &[content_type]].concat();
        let length = (inner.len() + 16) as u16;
        let mut header = UnifiedHeader::full(self.epoch, sequence, length).to_vec();
        if !self.id.is_empty() {
            header.extend(&self.id);
            UnifiedHeader::write_with_id(&mut header, &self.id, self.epoch, sequence, length).unwrap();
        }
        let tag = self.key.seal(&self.nonce(sequence), &header, &mut inner).unwrap();
        inner.extend(tag);
        let mask = self.number_key.mask(inner.first_chunk().unwrap());
        header[1 + self.id.len()] ^= mask[0];
        header[2 + self.id.len()] ^= mask[1];
        [&header[..], &inner].concat()
    }

    /// A whole handshake message in a record of its own.
    pub(crate) fn message(&mut self, kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
        let fragment = whole(kind, message_seq, body);
        self.seal(ContentType::Handshake as u8, &[&fragment.header(), body].concat())
    }

    /// The type and content of a record of these keys with a number below 2^16.
    pub(crate) fn open(&self, record: &[u8]) -> Option<(u64, u8, Vec<u8>)> {
        let header = UnifiedHeader::parse(record).ok()?;
        let (head, ciphertext) = record.split_at(header.header_len);
        let mut head = head.to_vec();
        let mask = self.number_key.mask(ciphertext.first_chunk()?);
        head[1] ^= mask[0];
        head[2] ^= mask[1];
        let sequence = u64::from(u16::from_be_bytes([head[1], head[2]]));
        let (inner, tag) = ciphertext.split_last_chunk::<16>()?;
        let mut inner = inner.to_vec();
        self.key.open(&self.nonce(sequence), &head, &mut inner, tag).ok()?;
        let content_type = inner.pop()?;
        Some((sequence, content_type, inner))
    }

    /// The handshake messages of these keys in some datagrams, none of them cut: kind, number, body.
    pub(crate) fn messages(&self, datagrams: &[Vec<u8>]) -> Vec<(HandshakeType, u16, Vec<u8>)> {
        let mut found = Vec::new();
        for (_, content_type, content) in split(datagrams).iter().filter_map(|record| self.open(record)) {
            if content_type != ContentType::Handshake as u8 {
                continue;
            }
            for fragment in fragments(&content) {
                let fragment = fragment.unwrap();
                assert!(fragment.offset == 0 && fragment.is_last(), "the message is cut");
                found.push((fragment.kind, fragment.message_seq, fragment.body.to_vec()));
            }
        }
        found
    }
}

/// The records of some datagrams, of either form, each with its header.
pub(crate) fn split(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let (record, after) = rest.split_at(AnyHeader::parse(rest).unwrap().record_len());
            found.push(record.to_vec());
            rest = after;
        }
    }
    found
}
