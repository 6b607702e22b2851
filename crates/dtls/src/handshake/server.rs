//! The server until it has chosen the version: what it does about ClientHellos.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use pollrtc_crypto::HmacSha256;
use zeroize::Zeroizing;

use super::{Context, Step, malformed};
use crate::config::{Config, Cookies};
use crate::error::HandshakeError;
use crate::reassembly::Message;
use crate::wire::Version;
use crate::wire::handshake::ClientHello;
use crate::{v12, v13};

/// Where a server stands that has answered a ClientHello.
pub(crate) enum Server {
    V12(Box<v12::Server>),
    V13(v13::Server),
}

impl Server {
    /// The ClientHello, header included, as long as nothing has come that follows it.
    pub(crate) fn unanswered_client_hello(&self) -> Option<&[u8]> {
        match self {
            Self::V12(server) => server.unanswered_client_hello(),
            Self::V13(server) => server.unanswered_client_hello(),
        }
    }

    /// Takes the next message.
    pub(crate) fn handle_message(self, cx: &mut Context<'_>, message: &Message) -> Result<Step<Self>, HandshakeError> {
        match self {
            Self::V12(server) => {
                let step = server.handle_message(cx, message)?;
                Ok(step.map(|server| Self::V12(Box::new(server))))
            }
            Self::V13(server) => Ok(server.handle_message(cx, message)?.map(Self::V13)),
        }
    }

    pub(crate) fn version(&self) -> Version {
        match self {
            Self::V12(_) => Version::DTLS_1_2,
            Self::V13(_) => Version::DTLS_1_3,
        }
    }
}

/// What a server does about ClientHellos. It keeps nothing of a client that it refuses or asks for a
/// cookie.
#[derive(Clone)]
pub(crate) struct Listener {
    cookie_key: Arc<HmacSha256>,
    /// Its cookies count, but no new ones are made with it.
    previous_cookie_key: Option<Arc<HmacSha256>>,
    asks_for_cookies: bool,
    remote: SocketAddr,
}

impl Listener {
    pub(crate) fn new(config: &Config, rng: &mut pollrtc_crypto::Rng, remote: SocketAddr) -> Self {
        Self {
            cookie_key: Self::new_key(rng),
            previous_cookie_key: None,
            asks_for_cookies: config.cookies == Cookies::Required,
            remote,
        }
    }

    /// One that asks for cookies, with keys that others have too.
    pub(crate) fn with_keys(
        cookie_key: Arc<HmacSha256>,
        previous_cookie_key: Option<Arc<HmacSha256>>,
        remote: SocketAddr,
    ) -> Self {
        Self {
            cookie_key,
            previous_cookie_key,
            asks_for_cookies: true,
            remote,
        }
    }

    /// A key for cookies.
    pub(crate) fn new_key(rng: &mut pollrtc_crypto::Rng) -> Arc<HmacSha256> {
        Arc::new(HmacSha256::new(&*Zeroizing::new(rng.array::<32>())))
    }

    /// Whether a client has to prove its address.
    pub(crate) fn asks_for_cookies(&self) -> bool {
        self.asks_for_cookies
    }

    /// A cookie that vouches for the client's address and these parts of what it said.
    pub(crate) fn cookie(&self, parts: [&[u8]; 2]) -> [u8; HmacSha256::TAG_LEN] {
        let (ip, port) = self.address_bytes();
        self.cookie_key.sign(&[&ip, &port, parts[0], parts[1]])
    }

    /// Whether the cookie is one of ours, for this address and these parts.
    pub(crate) fn is_cookie(&self, parts: [&[u8]; 2], cookie: &[u8]) -> bool {
        let (ip, port) = self.address_bytes();
        let keys = [Some(&self.cookie_key), self.previous_cookie_key.as_ref()];
        let mut keys = keys.into_iter().flatten();
        keys.any(|key| key.verify(&[&ip, &port, parts[0], parts[1]], cookie))
    }

    /// Whether a ClientHello has a cookie of ours that vouches for it.
    pub(crate) fn is_vouched_for(&self, cx: &Context<'_>, message: &Message) -> bool {
        let Ok(hello) = ClientHello::parse(message.body()) else {
            return false;
        };
        let versions = hello.extensions.supported_versions().ok().flatten();
        let offers_13 = versions.is_some_and(|versions| versions.contains(Version::DTLS_1_3.0));
        match offers_13 && cx.config.speaks(Version::DTLS_1_3) {
            true => v13::Server::is_vouched_for(self, cx, message, &hello),
            false => self.asks_for_cookies && v12::Server::is_vouched_for(self, message, &hello),
        }
    }

    /// Takes a ClientHello. `None`: the client was asked for a cookie or another public key.
    pub(crate) fn handle_client_hello(
        &self,
        cx: &mut Context<'_>,
        message: &Message,
    ) -> Result<Option<Server>, HandshakeError> {
        let hello = ClientHello::parse(message.body()).map_err(|_| malformed(message))?;
        let versions = hello.extensions.supported_versions().map_err(|_| malformed(message))?;
        // RFC 8446 §4.2.1: DTLS 1.3 is offered by the extension alone.
        let offers_13 = versions.is_some_and(|versions| versions.contains(Version::DTLS_1_3.0));
        if offers_13 && cx.config.speaks(Version::DTLS_1_3) {
            return Ok(v13::Server::accept(self, cx, message, &hello)?.map(Server::V13));
        }
        let offers_12 = hello
            .offers_version(Version::DTLS_1_2)
            .map_err(|_| malformed(message))?;
        if offers_12 && cx.config.speaks(Version::DTLS_1_2) {
            let server = v12::Server::accept(self, cx, message, &hello)?;
            return Ok(server.map(|server| Server::V12(Box::new(server))));
        }
        Err(HandshakeError::Version)
    }

    fn address_bytes(&self) -> ([u8; 16], [u8; 2]) {
        let ip = match self.remote.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        };
        (ip, self.remote.port().to_be_bytes())
    }
}
