//! The client until the server has chosen the version.

use super::Secrets;
use crate::error::HandshakeError;
use crate::handshake::{Context, Offer, Step, malformed};
use crate::reassembly::Message;
use crate::wire::handshake::{DOWNGRADE_TO_1_1, DOWNGRADE_TO_1_2, HelloVerifyRequest, ServerHello};
use crate::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use crate::wire::{ExtensionType, HandshakeType, Version};
use crate::{v12, v13};

/// A server may change its mind about the cookie once, when its secret just changed.
const MAX_COOKIES: u8 = 2;

/// Where a client stands.
pub(crate) enum ClientHandshake {
    /// It waits for the server's choice.
    Offering(Offering),
    V12(v12::Client),
    V13(v13::Client),
}

/// What was offered, and what the server has asked for before it chose the version.
pub(crate) struct Offering {
    offer: Offer,
    /// HelloVerifyRequests that were answered.
    cookies: u8,
    /// What HelloRetryRequest settled.
    retry: Option<v13::Retry>,
}

impl ClientHandshake {
    /// Starts with the first flight.
    pub(crate) fn start(cx: &mut Context<'_>) -> Self {
        Self::Offering(Offering {
            offer: Offer::start(cx),
            cookies: 0,
            retry: None,
        })
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, Secrets>, HandshakeError> {
        match self {
            Self::Offering(offering) => offering.handle_message(cx, message).map(Step::Next),
            Self::V12(client) => Ok(client.handle_message(cx, message)?.map(Self::V12, Secrets::V12)),
            Self::V13(client) => Ok(client.handle_message(cx, message)?.map(Self::V13, Secrets::V13)),
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

impl Offering {
    /// Whether a HelloRetryRequest has come, which only servers of DTLS 1.3 send.
    pub(crate) fn is_retried(&self) -> bool {
        self.retry.is_some()
    }

    fn handle_message(mut self, cx: &mut Context<'_>, message: &Message) -> Result<ClientHandshake, HandshakeError> {
        match message.kind {
            HandshakeType::HELLO_VERIFY_REQUEST => {
                self.answer_cookie(cx, message)?;
                Ok(ClientHandshake::Offering(self))
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
        self.offer.send(cx, request.cookie, &[]);
        Ok(())
    }

    fn handle_server_hello(self, cx: &mut Context<'_>, message: &Message) -> Result<ClientHandshake, HandshakeError> {
        let hello = ServerHello::parse(message.body()).map_err(|_| malformed(message))?;
        let illegal = HandshakeError::IllegalParameter(message.kind);
        let (v12, v13) = (cx.config.speaks(Version::DTLS_1_2), cx.config.speaks(Version::DTLS_1_3));
        let version = match hello.extensions.get(ExtensionType::SUPPORTED_VERSIONS) {
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
                if self.retry.is_some() {
                    return Err(HandshakeError::Unexpected(message.kind));
                }
                let (offer, retry) = v13::Client::retry(self.offer, cx, message, &hello)?;
                Ok(ClientHandshake::Offering(Self {
                    offer,
                    cookies: self.cookies,
                    retry: Some(retry),
                }))
            }
            Version::DTLS_1_3 => {
                v13::Client::accept(self.offer, self.retry, cx, message, &hello).map(ClientHandshake::V13)
            }
            Version::DTLS_1_2 if self.retry.is_some() => Err(illegal),
            Version::DTLS_1_2 if v12 => {
                let is_downgrade =
                    hello.random.ends_with(&DOWNGRADE_TO_1_1) || v13 && hello.random.ends_with(&DOWNGRADE_TO_1_2);
                if is_downgrade {
                    return Err(HandshakeError::Downgrade);
                }
                v12::Client::accept(self.offer, cx, message, &hello).map(ClientHandshake::V12)
            }
            _ => Err(HandshakeError::Version),
        }
    }
}
