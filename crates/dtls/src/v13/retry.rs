//! HelloRetryRequest as a server sends it (RFC 8446 §4.1.4, RFC 9147 §5.1): everything that has to be
//! remembered is in its cookie, so nothing is kept of a client that asks for the first time.

use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{HashAlgorithm, HmacSha256};

use super::keys::Schedule;
use super::server::Choice;
use super::{Transcript, messages, tls_parts};
use crate::error::HandshakeError;
use crate::flight::Answer;
use crate::handshake::{Context, Digest, Listener, item, malformed, message};
use crate::reassembly::Message;
use crate::wire::handshake::ClientHello;
use crate::wire::{CipherSuite, ContentType, ExtensionType, HandshakeType, Version};

/// What a cookie of ours says.
pub(super) struct Retried {
    pub(super) suite: CipherSuite,
    /// The group of which we asked a public key, if we did.
    pub(super) group: Option<u16>,
    /// The hash of the first ClientHello.
    first_hello: Vec<u8>,
    cookie: Vec<u8>,
}

/// Asks the client to say hello again. If its address is not known to be its own, that is not sent
/// again by itself: the client does that.
pub(super) fn ask(
    listener: &Listener,
    cx: &mut Context<'_>,
    hello_message: &Message,
    hello: &ClientHello<'_>,
    choice: &Choice<'_>,
) -> Result<(), HandshakeError> {
    let schedule = Schedule::new(cx.provider(), choice.suite);
    let group = match choice.public_key {
        Some(_) => None,
        None => Some(choice.group as u16),
    };
    let first_hello = schedule.digest(&tls_parts(&hello_message.bytes))?;
    let [s0, s1] = choice.suite.code().to_be_bytes();
    let [g0, g1] = group.unwrap_or(0).to_be_bytes();
    let mut cookie = [&[s0, s1, g0, g1], first_hello.as_bytes()].concat();
    let unchanging = unchanging(cx, hello_message, hello)?;
    cookie.extend(listener.cookie([&cookie, unchanging.as_bytes()]));

    let request = message(HandshakeType::SERVER_HELLO, hello_message.message_seq, |writer| {
        messages::hello_retry_request(writer, choice.suite, group, &cookie);
    });
    cx.records.set_plain_version(Version::DTLS_1_2);
    if !listener.asks_for_cookies() {
        cx.flight.start(vec![item(0, request)], Answer::Expected);
        cx.acks.clear();
    } else if let Ok(record) = cx.records.write_alone(0, ContentType::Handshake, &request) {
        cx.outbox.reply(record);
    }
    Ok(())
}

impl Retried {
    /// What the cookie of a ClientHello says, if it has one. RFC 9147 §5.1: a wrong one ends it.
    pub(super) fn from_hello(
        listener: &Listener,
        cx: &Context<'_>,
        message: &Message,
        hello: &ClientHello<'_>,
    ) -> Result<Option<Self>, HandshakeError> {
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let Some(cookie) = hello.extensions.cookie().map_err(|_| malformed(message))? else {
            return Ok(None);
        };
        let unchanging = unchanging(cx, message, hello)?;
        let (said, _) = cookie
            .split_last_chunk::<{ HmacSha256::TAG_LEN }>()
            .filter(|(said, mac)| listener.is_cookie([said, unchanging.as_bytes()], *mac))
            .ok_or(illegal)?;
        let ([s0, s1, g0, g1], first_hello) = said.split_first_chunk::<4>().ok_or(illegal)?;
        Ok(Some(Self {
            suite: CipherSuite::from_code(u16::from_be_bytes([*s0, *s1])).ok_or(illegal)?,
            group: Some(u16::from_be_bytes([*g0, *g1])).filter(|group| *group != 0),
            first_hello: first_hello.to_vec(),
            cookie: cookie.to_vec(),
        }))
    }

    /// The handshake up to the second ClientHello, which gives the next message its number.
    pub(super) fn transcript(&self, schedule: Schedule, hello: &Message) -> Result<Transcript, HandshakeError> {
        let mut transcript = Transcript::after_retry(schedule, &self.first_hello, hello.message_seq)?;
        let request = message(HandshakeType::SERVER_HELLO, 0, |writer| {
            messages::hello_retry_request(writer, self.suite, self.group, &self.cookie);
        });
        transcript.add(&request);
        Ok(transcript)
    }
}

/// The hash of what a client must not change after a HelloRetryRequest (RFC 8446 §4.1.2): a cookie for
/// one hello is none for a weaker one.
fn unchanging(cx: &Context<'_>, message: &Message, hello: &ClientHello<'_>) -> Result<Digest, HandshakeError> {
    let mut context = cx.provider().hash(HashAlgorithm::Sha256)?;
    context.update(hello.random);
    context.update(&[u8::try_from(hello.session_id.len()).map_err(|_| malformed(message))?]);
    context.update(hello.session_id);
    for suite in hello.cipher_suites.iter() {
        context.update(&suite.to_be_bytes());
    }
    let may_change = |kind| {
        matches!(
            kind,
            ExtensionType::KEY_SHARE
                | ExtensionType::COOKIE
                | ExtensionType::EARLY_DATA
                | ExtensionType::PRE_SHARED_KEY
                | ExtensionType::PADDING
        )
    };
    for (kind, content) in hello.extensions.iter().filter(|(kind, _)| !may_change(*kind)) {
        let [.., length0, length1] = content.len().to_be_bytes();
        let [kind0, kind1] = kind.0.to_be_bytes();
        context.update(&[kind0, kind1, length0, length1]);
        context.update(content);
    }
    Ok(Digest::of(&*context))
}
