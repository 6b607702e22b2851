//! The handshake of DTLS 1.2: what both roles share.

mod client;
mod keys;
mod messages;
mod server;

use alloc::vec::Vec;

use pollrtc_crypto::{CryptoError, HashAlgorithm, NamedGroup, Provider, public_key_info};

use crate::config::Config;
use crate::error::HandshakeError;
use crate::flight::Item;
use crate::handshake::{Agreed, Context, Digest, item, message, scheme_from_code};
use crate::reassembly::Message;
use crate::records::ENCRYPTED_EPOCH;
use crate::wire::handshake::CertificateChain;
use crate::wire::{Authentication, CipherSuite, HandshakeType, Writer};

pub(crate) use client::Client;
pub(crate) use keys::SecurityParameters;
pub(crate) use server::Server;

/// What the hellos settled.
pub(crate) struct Negotiated {
    suite: CipherSuite,
    client_random: [u8; 32],
    server_random: [u8; 32],
    agreed: Agreed,
}

/// All handshake messages so far, each as if it had been one fragment (RFC 6347 §4.2.6).
/// CertificateVerify signs the bytes themselves, hence they are kept.
pub(crate) struct Transcript {
    bytes: Vec<u8>,
    next_message_seq: u16,
}

impl Transcript {
    /// One that begins with a ClientHello; our next message gets this number.
    fn new(client_hello: Vec<u8>, next_message_seq: u16) -> Self {
        Self {
            bytes: client_hello,
            next_message_seq,
        }
    }

    /// Adds what the peer sent.
    fn add(&mut self, message: &Message) {
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
        Ok(Digest::of(&*context))
    }
}

fn plain(message: Vec<u8>) -> Item {
    item(0, message)
}

fn encrypted(message: Vec<u8>) -> Item {
    item(ENCRYPTED_EPOCH, message)
}

/// The peer's end-entity certificate, if it is the one we talk to, or nothing if it shows none. Everything
/// else waits for this: no key is derived for anyone else.
fn check_certificate(cx: &Context<'_>, message: &Message) -> Result<Vec<u8>, HandshakeError> {
    let chain = CertificateChain::parse(message.body()).map_err(|_| HandshakeError::Malformed(message.kind))?;
    let Some(end_entity) = chain.iter().next() else {
        return Ok(Vec::new());
    };
    cx.config.peer.check(end_entity)?;
    public_key_info(end_entity).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    Ok(end_entity.to_vec())
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
    let scheme = scheme_from_code(cx.config, scheme).ok_or(HandshakeError::IllegalParameter(kind))?;
    let key = public_key_info(certificate).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    cx.provider()
        .verify(scheme, key, signed, signature)
        .map_err(|error| match error {
            CryptoError::Unsupported | CryptoError::InvalidKey => HandshakeError::UnsupportedCertificate,
            _ => HandshakeError::Signature,
        })?;
    Ok(Authentication::of(scheme))
}

fn group_from_code(config: &Config, code: u16) -> Option<NamedGroup> {
    groups12(config).find(|group| *group as u16 == code)
}

/// The groups of this version, by preference.
fn groups12(config: &Config) -> impl Iterator<Item = NamedGroup> {
    config.known_groups().filter(|group| group.is_diffie_hellman())
}
