//! What both versions' handshakes share, and how the version is chosen.
//!
//! The engine around it (records, reassembly, flights, timers) knows no version; the modules here
//! and those of the versions know no datagrams. A handshake takes whole messages in order and starts
//! flights.

mod agreed;
mod client;
mod client_hello;
mod server;

use alloc::boxed::Box;
use alloc::vec::Vec;

use pollrtc_crypto::{
    Certificate, CryptoError, HashAlgorithm, HashContext, NamedGroup, Provider, Rng, SignatureScheme,
};

use crate::acks::Acks;
use crate::config::Config;
use crate::error::{ExportError, HandshakeError};
use crate::flight::{Flight, Item};
use crate::outbox::Outbox;
use crate::reassembly::Message;
use crate::records::RecordLayer;
use crate::wire::extensions::Extensions;
use crate::wire::handshake::HEADER_LEN;
use crate::wire::{CipherSuite, HandshakeType, Version, Writer};
use crate::{v12, v13};

pub(crate) use agreed::Agreed;
pub(crate) use client::{Client, Offer};
pub(crate) use client_hello::{
    connection_id, extension, point_formats, signature_schemes as write_signature_schemes, use_srtp,
};
pub(crate) use server::{Listener, Server};

/// What a handshake works with.
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) rng: &'a mut Rng,
    pub(crate) records: &'a mut RecordLayer,
    pub(crate) flight: &'a mut Flight,
    pub(crate) acks: &'a mut Acks,
    pub(crate) outbox: &'a mut Outbox,
}

impl Context<'_> {
    pub(crate) fn provider(&self) -> &'static dyn Provider {
        self.config.provider
    }
}

/// What a complete handshake leaves behind.
pub(crate) struct Established {
    pub(crate) secrets: Secrets,
    pub(crate) agreed: Agreed,
    /// Of the ephemeral keys.
    pub(crate) group: NamedGroup,
    /// Whether a HelloRetryRequest came first.
    pub(crate) retried: bool,
    /// Empty for an anonymous client.
    pub(crate) peer_certificate: Vec<u8>,
}

/// What all keys come from.
pub(crate) enum Secrets {
    V12(v12::Secrets),
    V13(Box<v13::Secrets>),
}

/// Labels of the key schedule of DTLS 1.2, which no exporter may be used with (RFC 5705 §4).
const RESERVED_LABELS: [&str; 5] = [
    "client finished",
    "server finished",
    "master secret",
    "extended master secret",
    "key expansion",
];

impl Established {
    pub(crate) fn version(&self) -> Version {
        self.cipher_suite().version()
    }

    pub(crate) fn cipher_suite(&self) -> CipherSuite {
        match &self.secrets {
            Secrets::V12(secrets) => secrets.suite,
            Secrets::V13(secrets) => secrets.suite(),
        }
    }

    /// The epoch of the application's data.
    pub(crate) fn application_epoch(&self) -> u16 {
        match &self.secrets {
            Secrets::V12(_) => crate::records::ENCRYPTED_EPOCH,
            Secrets::V13(secrets) => secrets.write_epoch(),
        }
    }

    /// Whether this is the epoch of what the peer sends now. In DTLS 1.2 nothing follows the
    /// handshake.
    pub(crate) fn is_read_epoch(&self, epoch: u16) -> bool {
        match &self.secrets {
            Secrets::V12(_) => false,
            Secrets::V13(secrets) => secrets.read_epoch() == epoch,
        }
    }

    /// Keys for others. RFC 5705 §4: no context and an empty one are two things in DTLS 1.2; RFC
    /// 8446 §7.5: and one in 1.3.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &str,
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        if RESERVED_LABELS.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        let length = u16::try_from(context.unwrap_or_default().len()).map_err(|_| ExportError::ContextTooLong)?;
        let exported = match &self.secrets {
            Secrets::V12(secrets) => secrets.export(provider, label, context.map(|context| (length, context)), out),
            Secrets::V13(secrets) => secrets.export(provider, label, context.unwrap_or_default(), out),
        };
        exported.map_err(|_| ExportError::Provider)
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

/// The hash of a handshake so far.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; HashAlgorithm::MAX_OUTPUT_LEN],
    length: usize,
}

impl Digest {
    pub(crate) fn of(context: &dyn HashContext) -> Self {
        let mut bytes = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        let length = context.finish(&mut bytes);
        Self { bytes, length }
    }

    /// Of a ClientHello, to know it again.
    pub(crate) fn of_hello(provider: &dyn Provider, hello: &Message) -> Option<Self> {
        let mut context = provider.hash(HashAlgorithm::Sha256).ok()?;
        context.update(&hello.bytes);
        Some(Self::of(&*context))
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }

    #[cfg(test)]
    pub(crate) fn from_bytes(digest: &[u8]) -> Self {
        let mut bytes = [0; HashAlgorithm::MAX_OUTPUT_LEN];
        bytes[..digest.len()].copy_from_slice(digest);
        Self {
            bytes,
            length: digest.len(),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A whole message: header and body.
pub(crate) fn message(kind: HandshakeType, message_seq: u16, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
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

/// A message for records of an epoch.
pub(crate) fn item(epoch: u16, message: Vec<u8>) -> Item {
    Item::Handshake { epoch, message }
}

impl From<CryptoError> for HandshakeError {
    fn from(_: CryptoError) -> Self {
        Self::Provider
    }
}

/// A message that can't be parsed.
pub(crate) fn malformed(message: &Message) -> HandshakeError {
    HandshakeError::Malformed(message.kind)
}

/// Whether two MACs are the same, in constant time. One of another length is just a wrong one.
pub(crate) fn check_finished(expected: &[u8], received: &[u8]) -> Result<(), HandshakeError> {
    if expected.len() != received.len() {
        return Err(HandshakeError::Finished);
    }
    let difference = expected
        .iter()
        .zip(received)
        .fold(0u8, |difference, (ours, theirs)| difference | (ours ^ theirs));
    match core::hint::black_box(difference) {
        0 => Ok(()),
        _ => Err(HandshakeError::Finished),
    }
}

/// The connection id that the peer wants to be sent, if we speak of ids as well.
pub(crate) fn peer_connection_id<'a>(
    config: &Config,
    message: &Message,
    extensions: &Extensions<'a>,
) -> Result<Option<&'a [u8]>, HandshakeError> {
    match config.connection_ids {
        Some(_) => extensions.connection_id().map_err(|_| malformed(message)),
        None => Ok(None),
    }
}

/// A scheme that the peer may sign with.
pub(crate) fn scheme_from_code(config: &Config, code: u16) -> Option<SignatureScheme> {
    signature_schemes(config).find(|scheme| *scheme as u16 == code)
}

/// What the peer may sign with, by preference.
pub(crate) fn signature_schemes(config: &Config) -> impl Iterator<Item = SignatureScheme> {
    let known = config.provider.signature_schemes();
    let ours = config.signature_schemes.iter().copied();
    ours.filter(|scheme| known.contains(scheme))
}

/// What `fit` makes of the first of our certificates that it takes; if of none, why not of the last.
pub(crate) fn first_certificate<T>(
    config: &Config,
    mut fit: impl FnMut(&Certificate) -> Result<T, HandshakeError>,
) -> Result<T, HandshakeError> {
    let mut obstacle = HandshakeError::SignatureScheme;
    for certificate in &config.certificates {
        match fit(certificate) {
            Ok(fitting) => return Ok(fitting),
            Err(error) => obstacle = error,
        }
    }
    Err(obstacle)
}

/// The groups that we speak, by preference.
pub(crate) fn groups(config: &Config) -> impl Iterator<Item = NamedGroup> {
    let known = config.provider.groups();
    config.groups.iter().copied().filter(|group| known.contains(group))
}
