//! Datagrams taken apart and put together again, as an attacker or a bad network would.

use pollrtc_dtls::wire::handshake::{Fragment, fragments};
use pollrtc_dtls::wire::record::{self, Header};
use pollrtc_dtls::wire::{ContentType, ExtensionType, HandshakeType, Version, Writer};

/// The records of some datagrams, each with its header.
pub(crate) fn records(datagrams: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let whole = |datagram| record::records(datagram).map(|record| rebuild(&record.unwrap()));
    datagrams.iter().flat_map(|datagram| whole(datagram)).collect()
}

fn rebuild(record: &record::Record<'_>) -> Vec<u8> {
    [&record.header.to_bytes(), record.fragment].concat()
}

/// A record of epoch 0.
pub(crate) fn plain_record(content_type: ContentType, sequence: u64, content: &[u8]) -> Vec<u8> {
    record_of_epoch(0, content_type, sequence, content)
}

pub(crate) fn record_of_epoch(epoch: u16, content_type: ContentType, sequence: u64, content: &[u8]) -> Vec<u8> {
    let header = Header {
        content_type,
        version: Version::DTLS_1_2,
        epoch,
        sequence,
        length: content.len().try_into().unwrap(),
    };
    [&header.to_bytes(), content].concat()
}

/// A fragment in a record of its own.
pub(crate) fn fragment_record(fragment: &Fragment<'_>) -> Vec<u8> {
    let content = [&fragment.header(), fragment.body].concat();
    plain_record(ContentType::Handshake, 900, &content)
}

/// A whole handshake message in a record of its own.
pub(crate) fn message_record(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Vec<u8> {
    fragment_record(&whole(kind, message_seq, body))
}

pub(crate) fn whole(kind: HandshakeType, message_seq: u16, body: &[u8]) -> Fragment<'_> {
    Fragment {
        kind,
        length: body.len().try_into().unwrap(),
        message_seq,
        offset: 0,
        body,
    }
}

/// The plain handshake messages of some datagrams, none of them cut: kind, number, body.
pub(crate) fn messages(datagrams: &[Vec<u8>]) -> Vec<(HandshakeType, u16, Vec<u8>)> {
    let mut found = Vec::new();
    for bytes in records(datagrams) {
        let header = Header::parse(&bytes).unwrap();
        if header.epoch != 0 || header.content_type != ContentType::Handshake {
            continue;
        }
        for fragment in fragments(&bytes[record::HEADER_LEN..]) {
            let fragment = fragment.unwrap();
            assert!(fragment.offset == 0 && fragment.is_last(), "the message is cut");
            found.push((fragment.kind, fragment.message_seq, fragment.body.to_vec()));
        }
    }
    found
}

/// The body of the one message of this kind.
pub(crate) fn body_of(datagrams: &[Vec<u8>], kind: HandshakeType) -> Vec<u8> {
    let mut of_kind = messages(datagrams).into_iter().filter(|(found, ..)| *found == kind);
    let (_, _, body) = of_kind.next().unwrap();
    assert!(of_kind.next().is_none());
    body
}

/// A hello in the making: every part can be spoilt.
#[derive(Clone)]
pub(crate) struct HelloParts {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) cookie: Vec<u8>,
    pub(crate) cipher_suites: Vec<u16>,
    pub(crate) compression: Vec<u8>,
    pub(crate) extensions: Vec<(ExtensionType, Vec<u8>)>,
    pub(crate) trailer: Vec<u8>,
}

impl HelloParts {
    /// What any server accepts.
    pub(crate) fn good() -> Self {
        Self {
            version: 0xfefd,
            random: [7; 32],
            cookie: vec![],
            cipher_suites: vec![0xc02b],
            compression: vec![0],
            extensions: vec![
                (ExtensionType::EXTENDED_MASTER_SECRET, vec![]),
                (ExtensionType::SUPPORTED_GROUPS, vec![0, 4, 0, 29, 0, 23]),
                (ExtensionType::SIGNATURE_ALGORITHMS, vec![0, 2, 4, 3]),
            ],
            trailer: vec![],
        }
    }

    pub(crate) fn without(mut self, kind: ExtensionType) -> Self {
        self.extensions.retain(|(found, _)| *found != kind);
        self
    }

    pub(crate) fn with(mut self, kind: ExtensionType, content: &[u8]) -> Self {
        self.extensions.push((kind, content.to_vec()));
        self
    }

    /// The body of a ClientHello.
    pub(crate) fn client(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u16(self.version);
        writer.bytes(&self.random);
        writer.vector8(|_| {});
        writer.vector8(|writer| writer.bytes(&self.cookie));
        writer.vector16(|writer| self.cipher_suites.iter().for_each(|suite| writer.u16(*suite)));
        writer.vector8(|writer| writer.bytes(&self.compression));
        self.finish(writer)
    }

    /// The body of a ServerHello with the first cipher suite.
    pub(crate) fn server(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u16(self.version);
        writer.bytes(&self.random);
        writer.vector8(|_| {});
        writer.u16(self.cipher_suites[0]);
        writer.u8(self.compression[0]);
        self.finish(writer)
    }

    fn finish(&self, mut writer: Writer) -> Vec<u8> {
        writer.vector16(|writer| {
            for (kind, content) in &self.extensions {
                writer.u16(kind.0);
                writer.vector16(|writer| writer.bytes(content));
            }
        });
        writer.bytes(&self.trailer);
        writer.into_bytes()
    }
}
