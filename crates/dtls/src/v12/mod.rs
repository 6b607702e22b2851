//! The handshake of DTLS 1.2: what both roles share.
//!
//! The engine around it (records, reassembly, flights, timers) knows no version; the modules here
//! know no datagrams. A handshake takes whole messages in order and starts flights.

mod client;
mod keys;
mod messages;
mod server;

use alloc::vec::Vec;

use pollrtc_crypto::{CryptoError, HashAlgorithm, NamedGroup, Provider, Rng, SignatureScheme, public_key_info};

use crate::config::Config;
use crate::error::HandshakeError;
use crate::flight::{Flight, Item};
use crate::outbox::Outbox;
use crate::reassembly::Message;
use crate::records::{ENCRYPTED_EPOCH, RecordLayer};
use crate::wire::handshake::{CertificateChain, HEADER_LEN};
use crate::wire::{Authentication, CipherSuite, HandshakeType, SrtpProfile, Writer};

pub(crate) use client::Client;
pub(crate) use keys::Secrets;
pub(crate) use server::{Server, Welcome};

/// What a handshake works with.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) rng: &'a mut Rng,
    pub(crate) records: &'a mut RecordLayer,
    pub(crate) flight: &'a mut Flight,
    pub(crate) outbox: &'a mut Outbox,
}

impl Context<'_> {
    fn provider(&self) -> &'static dyn Provider {
        self.config.provider
    }
}

/// What a complete handshake leaves behind.
pub(crate) struct Established {
    pub(crate) secrets: Secrets,
    pub(crate) srtp_profile: Option<SrtpProfile>,
    /// Empty for an anonymous client.
    pub(crate) peer_certificate: Vec<u8>,
}

impl Established {
    pub(crate) fn cipher_suite(&self) -> CipherSuite {
        self.secrets.suite
    }
}

/// What a message leads to.
pub(crate) enum Step<S> {
    /// The handshake goes on from here.
    Next(S),
    /// The handshake is complete.
    Complete(Established),
}

impl<S> Step<S> {
    pub(crate) fn map<T>(self, wrap: impl FnOnce(S) -> T) -> Step<T> {
        match self {
            Self::Next(state) => Step::Next(wrap(state)),
            Self::Complete(established) => Step::Complete(established),
        }
    }
}

/// What the hellos settled.
pub(crate) struct Negotiated {
    suite: CipherSuite,
    client_random: [u8; 32],
    server_random: [u8; 32],
    srtp_profile: Option<SrtpProfile>,
}

/// All handshake messages so far, each as if it had been one fragment (RFC 6347 §4.2.6).
/// CertificateVerify signs the bytes themselves, hence they are kept.
pub(crate) struct Transcript {
    bytes: Vec<u8>,
    next_message_seq: u16,
}

impl Transcript {
    /// An empty one; our next message gets this number.
    fn new(next_message_seq: u16) -> Self {
        Self {
            bytes: Vec::new(),
            next_message_seq,
        }
    }

    /// Adds what the peer sent.
    fn receive(&mut self, message: &Message) {
        self.bytes.extend_from_slice(&message.bytes);
    }

    /// Adds a message of ours, and gives it back for the flight.
    fn send(&mut self, kind: HandshakeType, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let message = message(kind, self.next_message_seq, body);
        self.next_message_seq = self.next_message_seq.wrapping_add(1);
        self.bytes.extend_from_slice(&message);
        message
    }

    fn hash(&self, provider: &dyn Provider, algorithm: HashAlgorithm) -> Result<Digest, CryptoError> {
        let mut context = provider.hash(algorithm)?;
        context.update(&self.bytes);
        let mut digest = Digest {
            bytes: [0; HashAlgorithm::MAX_OUTPUT_LEN],
            length: 0,
        };
        digest.length = context.finish(&mut digest.bytes);
        Ok(digest)
    }
}

struct Digest {
    bytes: [u8; HashAlgorithm::MAX_OUTPUT_LEN],
    length: usize,
}

impl Digest {
    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A whole message: header and body.
fn message(kind: HandshakeType, message_seq: u16, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u8(kind.0);
    let mut content = Writer::new();
    body(&mut content);
    let content = content.into_bytes();
    let [.., l0, l1, l2] = content.len().to_be_bytes();
    writer.bytes(&[l0, l1, l2]);
    writer.u16(message_seq);
    writer.bytes(&[0, 0, 0, l0, l1, l2]);
    writer.bytes(&content);
    debug_assert_eq!(writer.len(), HEADER_LEN + content.len());
    writer.into_bytes()
}

fn plain(message: Vec<u8>) -> Item {
    Item::Handshake { epoch: 0, message }
}

fn encrypted(message: Vec<u8>) -> Item {
    Item::Handshake {
        epoch: ENCRYPTED_EPOCH,
        message,
    }
}

impl From<CryptoError> for HandshakeError {
    fn from(_: CryptoError) -> Self {
        Self::Provider
    }
}

/// The peer's own certificate, if it is the one we talk to, or nothing if it shows none. Everything
/// else waits for this: no key is derived for anyone else.
fn check_certificate(cx: &Context<'_>, message: &Message) -> Result<Vec<u8>, HandshakeError> {
    let chain = CertificateChain::parse(message.body()).map_err(|_| HandshakeError::Malformed(message.kind))?;
    let Some(own) = chain.iter().next() else {
        return Ok(Vec::new());
    };
    cx.config.peer.check(own)?;
    public_key_info(own).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    Ok(own.to_vec())
}

/// Whether the key of `certificate` signed the parts. The scheme must be one that we offered.
fn check_signature(
    cx: &Context<'_>,
    certificate: &[u8],
    kind: HandshakeType,
    scheme: u16,
    signed: &[u8],
    signature: &[u8],
) -> Result<Authentication, HandshakeError> {
    let scheme = scheme_from_code(cx.provider(), scheme).ok_or(HandshakeError::IllegalParameter(kind))?;
    let key = public_key_info(certificate).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    cx.provider()
        .verify(scheme, key, signed, signature)
        .map_err(|error| match error {
            CryptoError::Unsupported | CryptoError::InvalidKey => HandshakeError::UnsupportedCertificate,
            _ => HandshakeError::Signature,
        })?;
    Ok(Authentication::of(scheme))
}

/// Whether the peer's Finished is what our own view of the handshake gives, in constant time.
fn check_finished(expected: &[u8; 12], received: &[u8; 12]) -> Result<(), HandshakeError> {
    let difference = expected
        .iter()
        .zip(received)
        .fold(0u8, |difference, (ours, theirs)| difference | (ours ^ theirs));
    match core::hint::black_box(difference) {
        0 => Ok(()),
        _ => Err(HandshakeError::Finished),
    }
}

fn scheme_from_code(provider: &dyn Provider, code: u16) -> Option<SignatureScheme> {
    provider
        .signature_schemes()
        .iter()
        .copied()
        .find(|scheme| *scheme as u16 == code)
}

fn group_from_code(provider: &dyn Provider, code: u16) -> Option<NamedGroup> {
    groups(provider).find(|group| *group as u16 == code)
}

/// The groups of this version, by preference.
fn groups(provider: &dyn Provider) -> impl Iterator<Item = NamedGroup> {
    let all = provider.groups().iter().copied();
    all.filter(|group| group.is_diffie_hellman())
}
