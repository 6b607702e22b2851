//! The client until the server has chosen the version.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{KeyExchange, NamedGroup};

use super::client_hello::{self, Varying};
use super::{Context, Step, groups, item, malformed, message};
use crate::error::HandshakeError;
use crate::flight::Answer;
use crate::reassembly::Message;
use crate::wire::handshake::{HelloVerifyRequest, ServerHello};
use crate::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use crate::wire::{HandshakeType, Version};
use crate::{v12, v13};

/// A server may change its mind about the cookie once, when its secret just changed.
const MAX_COOKIES: u8 = 2;

/// The end of a ServerHello's random if the server speaks a newer version than the one that it was
/// made to choose (RFC 8446 §4.1.3): it chose 1.2 ...
const DOWNGRADE_TO_1_2: &[u8; 8] = b"DOWNGRD\x01";
/// ... or less.
const DOWNGRADE_TO_1_1: &[u8; 8] = b"DOWNGRD\x00";

/// Where a client stands.
pub(crate) enum Client {
    /// It waits for the server's choice.
    Offering(Offer),
    V12(v12::Client),
    V13(v13::Client),
}

/// What was offered.
pub(crate) struct Offer {
    pub(crate) random: [u8; 32],
    pub(crate) key_shares: Vec<Box<dyn KeyExchange>>,
    /// The newest ClientHello, header included.
    pub(crate) hello: Vec<u8>,
    pub(crate) next_message_seq: u16,
    /// HelloVerifyRequests that were answered.
    cookies: u8,
    /// What HelloRetryRequest settled.
    pub(crate) retry: Option<v13::Retry>,
}

impl Client {
    /// Starts with the first flight.
    pub(crate) fn start(cx: &mut Context<'_>) -> Self {
        cx.records.set_plain_version(Version::DTLS_1_0);
        let mut offer = Offer {
            random: cx.rng.array(),
            key_shares: Vec::new(),
            hello: Vec::new(),
            next_message_seq: 0,
            cookies: 0,
            retry: None,
        };
        if cx.config.speaks(Version::DTLS_1_3) {
            let groups = first_groups(cx).into_iter().flatten();
            let provider = cx.provider();
            offer.key_shares = groups
                .filter_map(|group| provider.key_exchange(group, cx.rng).ok())
                .collect();
        }
        offer.send(cx, &[], &[]);
        Self::Offering(offer)
    }

    /// Takes the next message.
    pub(crate) fn handle_message(self, cx: &mut Context<'_>, message: &Message) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::Offering(offer) => offer.handle_message(cx, message).map(Step::Next),
            Self::V12(client) => Ok(client.handle_message(cx, message)?.map(Self::V12)),
            Self::V13(client) => Ok(client.handle_message(cx, message)?.map(Self::V13)),
        }
    }

    /// The version, once it is settled.
    pub(crate) fn version(&self) -> Option<Version> {
        match self {
            Self::Offering(_) => None,
            Self::V12(_) => Some(Version::DTLS_1_2),
            Self::V13(_) => Some(Version::DTLS_1_3),
        }
    }
}

/// The groups of the first ClientHello's public keys: the best one, and if few servers have it yet
/// the best of the others too.
fn first_groups(cx: &Context<'_>) -> [Option<NamedGroup>; 2] {
    let first = groups(cx.config).next();
    match first {
        Some(group) if !group.is_diffie_hellman() => {
            let fallback = groups(cx.config).find(|group| group.is_diffie_hellman());
            [first, fallback]
        }
        _ => [first, None],
    }
}

impl Offer {
    /// Sends a ClientHello: the same every time but for the cookies and, after HelloRetryRequest, the
    /// public keys.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, legacy_cookie: &[u8], cookie: &[u8]) {
        let varying = Varying {
            random: &self.random,
            legacy_cookie,
            cookie,
            key_shares: &self.key_shares,
            connection_id: cx.records.own_id(),
        };
        self.hello = message(HandshakeType::CLIENT_HELLO, self.next_message_seq, |writer| {
            client_hello::write(writer, cx.config, &varying);
        });
        self.next_message_seq = self.next_message_seq.wrapping_add(1);
        cx.flight.start(vec![item(0, self.hello.clone())], Answer::Expected);
        cx.acks.clear();
    }

    fn handle_message(mut self, cx: &mut Context<'_>, message: &Message) -> Result<Client, HandshakeError> {
        match message.kind {
            HandshakeType::HELLO_VERIFY_REQUEST => {
                self.answer_cookie(cx, message)?;
                Ok(Client::Offering(self))
            }
            HandshakeType::SERVER_HELLO => self.handle_server_hello(cx, message),
            kind => Err(HandshakeError::Unexpected(kind)),
        }
    }

    /// RFC 6347 §4.2.1: the same ClientHello with the server's cookie. Neither the first one nor the
    /// HelloVerifyRequest counts for the transcript. Only servers of DTLS 1.2 do this (RFC 9147 §5.2).
    fn answer_cookie(&mut self, cx: &mut Context<'_>, message: &Message) -> Result<(), HandshakeError> {
        let request = HelloVerifyRequest::parse(message.body()).map_err(|_| malformed(message))?;
        if !cx.config.speaks(Version::DTLS_1_2) {
            return Err(HandshakeError::Version);
        }
        if self.cookies >= MAX_COOKIES || self.retry.is_some() {
            return Err(HandshakeError::Unexpected(message.kind));
        }
        self.cookies += 1;
        self.send(cx, request.cookie, &[]);
        Ok(())
    }

    fn handle_server_hello(self, cx: &mut Context<'_>, message: &Message) -> Result<Client, HandshakeError> {
        let hello = ServerHello::parse(message.body()).map_err(|_| malformed(message))?;
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let (v12, v13) = (cx.config.speaks(Version::DTLS_1_2), cx.config.speaks(Version::DTLS_1_3));
        let version = match hello.extensions.get(crate::wire::ExtensionType::SUPPORTED_VERSIONS) {
            Some(_) if !v13 => return Err(HandshakeError::UnsolicitedExtension),
            // RFC 8446 §4.2.1: only for versions from 1.3 on.
            Some(_) => match hello.extensions.selected_version().map_err(|_| malformed(message))? {
                Some(version @ Version::DTLS_1_3) => version,
                _ => return Err(illegal),
            },
            // RFC 8446 §4.2.1: and without the extension, for none of those.
            None if hello.version == Version::DTLS_1_3 => return Err(HandshakeError::Version),
            None => hello.version,
        };
        match version {
            // RFC 9147 §5.3: a client with the cookie of DTLS 1.2 does not get 1.3.
            Version::DTLS_1_3 if self.cookies > 0 => Err(illegal),
            Version::DTLS_1_3 if *hello.random == HELLO_RETRY_REQUEST_RANDOM => {
                v13::Client::retry(self, cx, message, &hello).map(Client::Offering)
            }
            Version::DTLS_1_3 => v13::Client::accept(self, cx, message, &hello).map(Client::V13),
            Version::DTLS_1_2 if self.retry.is_some() => Err(illegal),
            Version::DTLS_1_2 if v12 => {
                let is_downgrade =
                    hello.random.ends_with(DOWNGRADE_TO_1_1) || v13 && hello.random.ends_with(DOWNGRADE_TO_1_2);
                if is_downgrade {
                    return Err(HandshakeError::Downgrade);
                }
                v12::Client::accept(self, cx, message, &hello).map(Client::V12)
            }
            _ => Err(HandshakeError::Version),
        }
    }
}
