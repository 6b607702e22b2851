//! The server until it has chosen the version: what it does about ClientHellos.

use alloc::boxed::Box;

use super::Secrets;
use crate::error::HandshakeError;
use crate::handshake::{Context, CookieKeys, HelloResponse, Step, malformed};
use crate::reassembly::Message;
use crate::wire::Version;
use crate::wire::handshake::ClientHello;
use crate::{v12, v13};

/// Where a server stands that has answered a ClientHello.
pub(crate) enum ServerHandshake {
    V12(Box<v12::Server>),
    V13(v13::Server),
}

impl ServerHandshake {
    /// The ClientHello, header included, as long as nothing has come that follows it.
    pub(crate) fn unanswered_client_hello(&self) -> Option<&[u8]> {
        match self {
            Self::V12(server) => server.unanswered_client_hello(),
            Self::V13(server) => server.unanswered_client_hello(),
        }
    }

    /// Takes the next message.
    pub(crate) fn handle_message(
        self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Step<Self, Secrets>, HandshakeError> {
        match self {
            Self::V12(server) => {
                let step = server.handle_message(cx, message)?;
                Ok(step.map(|server| Self::V12(Box::new(server)), Secrets::V12))
            }
            Self::V13(server) => Ok(server.handle_message(cx, message)?.map(Self::V13, Secrets::V13)),
        }
    }

    pub(crate) fn version(&self) -> Version {
        match self {
            Self::V12(_) => Version::DTLS_1_2,
            Self::V13(_) => Version::DTLS_1_3,
        }
    }
}

/// Whether a ClientHello has a cookie of ours, for its address and for what it says.
pub(crate) fn has_valid_cookie(keys: &CookieKeys, cx: &Context<'_>, message: &Message) -> bool {
    let Ok(hello) = ClientHello::parse(message.body()) else {
        return false;
    };
    let versions = hello.extensions.supported_versions().ok().flatten();
    let offers_13 = versions.is_some_and(|versions| versions.contains(Version::DTLS_1_3.0));
    match offers_13 && cx.config.speaks(Version::DTLS_1_3) {
        true => v13::Server::has_valid_cookie(keys, cx, message, &hello),
        false => keys.are_required() && v12::Server::has_valid_cookie(keys, message, &hello),
    }
}

/// Takes a ClientHello.
pub(crate) fn handle_client_hello(
    keys: &CookieKeys,
    cx: &mut Context<'_>,
    message: &Message,
) -> Result<HelloResponse<ServerHandshake>, HandshakeError> {
    let hello = ClientHello::parse(message.body()).map_err(|_| malformed(message))?;
    let versions = hello.extensions.supported_versions().map_err(|_| malformed(message))?;
    // RFC 8446 §4.2.1: DTLS 1.3 is offered by the extension alone.
    let offers_13 = versions.is_some_and(|versions| versions.contains(Version::DTLS_1_3.0));
    if offers_13 && cx.config.speaks(Version::DTLS_1_3) {
        return Ok(v13::Server::accept(keys, cx, message, &hello)?.map(ServerHandshake::V13));
    }
    let offers_12 = hello
        .offers_version(Version::DTLS_1_2)
        .map_err(|_| malformed(message))?;
    if offers_12 && cx.config.speaks(Version::DTLS_1_2) {
        let response = v12::Server::accept(keys, cx, message, &hello)?;
        return Ok(response.map(|server| ServerHandshake::V12(Box::new(server))));
    }
    Err(HandshakeError::Version)
}
