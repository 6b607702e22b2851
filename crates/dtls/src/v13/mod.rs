//! The handshake of DTLS 1.3 (RFC 9147, RFC 8446): what both roles share.

mod application;
mod client;
mod keys;
mod messages;
mod retry;
mod server;

use alloc::boxed::Box;
use alloc::vec::Vec;

use pollrtc_crypto::{Certificate, CryptoError, HashContext, SignatureScheme, public_key_info};

use crate::config::Config;
use crate::error::HandshakeError;
use crate::flight::Item;
use crate::handshake::{
    Context, Digest, check_finished, first_certificate, item, malformed, message, scheme_from_code,
};
use crate::reassembly::Message;
use crate::records::HANDSHAKE_EPOCH;
use crate::wire::extensions::Extensions;
use crate::wire::handshake::{CertificateVerify, HEADER_LEN};
use crate::wire::v13::CertificateChain;
use crate::wire::{Codes, HandshakeType, Writer};
use keys::{Schedule, TrafficSecret};

pub(crate) use application::ApplicationTraffic;
pub use application::KeyUpdateRequest;
pub(crate) use client::{Client, Retry};
pub(crate) use server::Server;

/// RFC 8446 §4.4.3: what a signature of the server begins with, behind 64 spaces.
const SERVER_CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify\0";
/// The same for the client.
const CLIENT_CONTEXT: &[u8] = b"TLS 1.3, client CertificateVerify\0";

/// The running hash of all handshake messages, in the form that they have in TLS: without numbers and
/// fragments (RFC 9147 §5.2).
pub(crate) struct Transcript {
    context: Box<dyn HashContext>,
    /// The number of our next message.
    next_message_seq: u16,
}

impl Transcript {
    /// An empty one; our next message gets this number.
    fn new(schedule: Schedule, next_message_seq: u16) -> Result<Self, CryptoError> {
        Ok(Self {
            context: schedule.provider.hash(schedule.suite.hash())?,
            next_message_seq,
        })
    }

    /// RFC 8446 §4.4.1: one in which the hash of the first ClientHello stands for it.
    fn after_retry(schedule: Schedule, first_hello: &[u8], next_message_seq: u16) -> Result<Self, CryptoError> {
        let mut transcript = Self::new(schedule, next_message_seq)?;
        let [.., length] = first_hello.len().to_be_bytes();
        let header = [HandshakeType::MESSAGE_HASH.0, 0, 0, length];
        transcript.context.update(&header);
        transcript.context.update(first_hello);
        Ok(transcript)
    }

    /// Adds a message with the header that it has in DTLS.
    fn add(&mut self, message: &[u8]) {
        for part in tls_parts(message) {
            self.context.update(part);
        }
    }

    /// Adds a message of ours, and gives it back for the flight.
    fn send(&mut self, epoch: u16, kind: HandshakeType, body: impl FnOnce(&mut Writer)) -> Item {
        let message = message(kind, self.next_message_seq, body);
        self.next_message_seq = self.next_message_seq.wrapping_add(1);
        self.add(&message);
        item(epoch, message)
    }

    fn hash(&self) -> Digest {
        Digest::of(&*self.context)
    }
}

/// A message as it would be in TLS: kind, length, body.
fn tls_parts(message: &[u8]) -> [&[u8]; 2] {
    [
        message.get(..4).unwrap_or_default(),
        message.get(HEADER_LEN..).unwrap_or_default(),
    ]
}

/// The peer's end-entity certificate, if it is the one that we talk to. `None` if it shows none.
fn check_certificate(cx: &Context<'_>, message: &Message) -> Result<Option<Vec<u8>>, HandshakeError> {
    let chain = CertificateChain::parse(message.body()).map_err(|_| malformed(message))?;
    if !chain.context.is_empty() {
        return Err(HandshakeError::IllegalParameter(message.kind));
    }
    // RFC 8446 §4.4.2: answers to what was offered, and we offer nothing about certificates.
    if chain.iter().any(|(_, extensions)| extensions.iter().next().is_some()) {
        return Err(HandshakeError::UnsolicitedExtension);
    }
    let Some((end_entity, _)) = chain.iter().next() else {
        return Ok(None);
    };
    cx.config.peer.check(end_entity)?;
    public_key_info(end_entity).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    Ok(Some(end_entity.to_vec()))
}

/// RFC 8446 §4.4.3: whether the key of `certificate` signed this handshake.
fn check_signature(
    cx: &Context<'_>,
    certificate: &[u8],
    message: &Message,
    context: &[u8],
    transcript: &Digest,
) -> Result<(), HandshakeError> {
    let verify = CertificateVerify::parse(message.body()).map_err(|_| malformed(message))?;
    let key = public_key_info(certificate).map_err(|_| HandshakeError::UnsupportedCertificate)?;
    let scheme = scheme_from_code(cx.config, verify.scheme)
        .filter(|scheme| is_scheme_of_13(*scheme) && scheme.is_for_key(key))
        .ok_or(HandshakeError::IllegalParameter(message.kind))?;
    cx.provider()
        .verify(scheme, key, &signed(context, transcript), verify.signature)
        .map_err(|error| match error {
            CryptoError::Unsupported | CryptoError::InvalidKey => HandshakeError::UnsupportedCertificate,
            _ => HandshakeError::Signature,
        })
}

/// Our certificate and the proof that it is our own.
fn show_certificate(
    cx: &mut Context<'_>,
    transcript: &mut Transcript,
    (own, scheme): (&Certificate, SignatureScheme),
    context: &[u8],
) -> Result<[Item; 2], HandshakeError> {
    let shown = transcript.send(HANDSHAKE_EPOCH, HandshakeType::CERTIFICATE, |writer| {
        messages::certificate(writer, Some(own));
    });
    let signature = own.key().sign(scheme, &signed(context, &transcript.hash()), cx.rng)?;
    let proof = transcript.send(HANDSHAKE_EPOCH, HandshakeType::CERTIFICATE_VERIFY, |writer| {
        messages::certificate_verify(writer, scheme, &signature);
    });
    Ok([shown, proof])
}

/// Our Finished.
fn finished(schedule: Schedule, transcript: &mut Transcript, traffic: &TrafficSecret) -> Result<Item, CryptoError> {
    let verify_data = schedule.verify_data(traffic, &transcript.hash())?;
    Ok(transcript.send(HANDSHAKE_EPOCH, HandshakeType::FINISHED, |writer| {
        writer.bytes(verify_data.as_bytes());
    }))
}

/// RFC 8446 §4.4.4: whether the peer saw the same handshake.
fn check_peer_finished(
    schedule: Schedule,
    transcript: &Transcript,
    traffic: &TrafficSecret,
    message: &Message,
) -> Result<(), HandshakeError> {
    let expected = schedule.verify_data(traffic, &transcript.hash())?;
    check_finished(expected.as_bytes(), message.body())
}

/// What is signed.
fn signed(context: &[u8], transcript: &Digest) -> Vec<u8> {
    [&[b' '; 64], context, transcript.as_bytes()].concat()
}

/// RFC 8446 §4.2.3: PKCS1 does not sign handshakes any more.
fn is_scheme_of_13(scheme: SignatureScheme) -> bool {
    !matches!(
        scheme,
        SignatureScheme::RsaPkcs1Sha256 | SignatureScheme::RsaPkcs1Sha384 | SignatureScheme::RsaPkcs1Sha512
    )
}

/// Which certificate we show, and what we sign with, of what the peer can verify.
fn choose_certificate(config: &Config, offered: Codes<'_>) -> Result<(Certificate, SignatureScheme), HandshakeError> {
    first_certificate(config, |certificate| {
        let key = certificate.key();
        let mut schemes = key.schemes().iter().copied();
        schemes
            .find(|scheme| {
                let fits = is_scheme_of_13(*scheme) && scheme.is_for_key(key.public_key_info());
                fits && offered.contains(*scheme as u16)
            })
            .map(|scheme| (certificate.clone(), scheme))
            .ok_or(HandshakeError::SignatureScheme)
    })
}

/// The schemes that the peer can verify; they must be there (RFC 8446 §4.2.3).
fn offered_schemes<'a>(extensions: &Extensions<'a>, message: &Message) -> Result<Codes<'a>, HandshakeError> {
    extensions
        .signature_algorithms()
        .map_err(|_| malformed(message))?
        .ok_or(HandshakeError::MissingExtension)
}
