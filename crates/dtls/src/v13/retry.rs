//! HelloRetryRequest as a server sends it (RFC 8446 §4.1.4, RFC 9147 §5.1): everything that has to be
//! remembered is in its cookie, so nothing is kept of a client that asks for the first time.

use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{HashAlgorithm, HmacSha256};

use super::keys::Schedule;
use super::{Transcript, messages, tls_parts};
use crate::error::HandshakeError;
use crate::flight::Answer;
use crate::handshake::{Context, CookieKeys, Digest, HelloResponse, item, malformed, message};
use crate::reassembly::Message;
use crate::wire::handshake::ClientHello;
use crate::wire::{CipherSuite, ExtensionType, HandshakeType, Version};

/// A cookie of ours, which says what was settled.
pub(super) struct Cookie {
    pub(super) suite: CipherSuite,
    /// The group of which we asked a public key, if we did.
    pub(super) group: Option<u16>,
    /// The hash of the first ClientHello.
    first_hello: Vec<u8>,
    bytes: Vec<u8>,
}

/// Asks the client to say hello again, with a cookie, and with a public key of this group if one is `wanted`.
pub(super) fn request<S>(
    keys: &CookieKeys,
    cx: &mut Context<'_>,
    hello_message: &Message,
    hello: &ClientHello<'_>,
    suite: CipherSuite,
    wanted: Option<u16>,
) -> Result<HelloResponse<S>, HandshakeError> {
    let schedule = Schedule::new(cx.provider(), suite);
    let first_hello = schedule.digest(&tls_parts(&hello_message.bytes))?;
    let [s0, s1] = suite.code().to_be_bytes();
    let [g0, g1] = wanted.unwrap_or(0).to_be_bytes();
    let mut cookie = [&[s0, s1, g0, g1], first_hello.as_bytes()].concat();
    let unchanging = unchanging(cx, hello_message, hello)?;
    cookie.extend(keys.cookie([&cookie, unchanging.as_bytes()]));

    let request = message(HandshakeType::SERVER_HELLO, hello_message.message_seq, |writer| {
        messages::hello_retry_request(writer, suite, wanted, &cookie);
    });
    cx.records.set_plain_version(Version::DTLS_1_2);
    if keys.are_required() {
        return Ok(HelloResponse::Cookie(request));
    }
    cx.flight.start(vec![item(0, request)], Answer::Expected);
    cx.acks.clear();
    Ok(HelloResponse::Retry)
}

impl Cookie {
    /// What the cookie of a ClientHello says, if it has one. RFC 9147 §5.1: a wrong one ends it.
    pub(super) fn from_hello(
        keys: &CookieKeys,
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
            .filter(|(said, mac)| keys.is_valid([said, unchanging.as_bytes()], *mac))
            .ok_or(illegal)?;
        let ([s0, s1, g0, g1], first_hello) = said.split_first_chunk::<4>().ok_or(illegal)?;
        Ok(Some(Self {
            suite: CipherSuite::from_code(u16::from_be_bytes([*s0, *s1])).ok_or(illegal)?,
            group: Some(u16::from_be_bytes([*g0, *g1])).filter(|group| *group != 0),
            first_hello: first_hello.to_vec(),
            bytes: cookie.to_vec(),
        }))
    }

    /// The handshake up to the second ClientHello, which gives the next message its number.
    pub(super) fn transcript(&self, schedule: Schedule, hello: &Message) -> Result<Transcript, HandshakeError> {
        let mut transcript = Transcript::after_retry(schedule, &self.first_hello, hello.message_seq)?;
        let request = message(HandshakeType::SERVER_HELLO, 0, |writer| {
            messages::hello_retry_request(writer, self.suite, self.group, &self.bytes);
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
