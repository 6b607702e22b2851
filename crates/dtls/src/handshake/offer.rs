//! What a client offers before it knows the version.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{KeyExchange, NamedGroup};

use super::client_hello::{self, HelloFields};
use super::context::Context;
use super::message::{item, message};
use crate::flight::Answer;
use crate::wire::{HandshakeType, Version};

/// What was offered.
pub(crate) struct Offer {
    pub(crate) random: [u8; 32],
    pub(crate) key_shares: Vec<Box<dyn KeyExchange>>,
    /// The newest ClientHello, header included.
    pub(crate) hello: Vec<u8>,
    pub(crate) next_message_seq: u16,
}

impl Offer {
    /// Starts with the first flight.
    pub(crate) fn start(cx: &mut Context<'_>) -> Self {
        cx.records.set_plain_version(Version::DTLS_1_0);
        let mut offer = Self {
            random: cx.rng.array(),
            key_shares: Vec::new(),
            hello: Vec::new(),
            next_message_seq: 0,
        };
        if cx.config.speaks(Version::DTLS_1_3) {
            let groups = first_groups(cx).into_iter().flatten();
            let provider = cx.provider();
            offer.key_shares = groups
                .filter_map(|group| provider.key_exchange(group, cx.rng).ok())
                .collect();
        }
        offer.send(cx, &[], &[]);
        offer
    }

    /// Sends a ClientHello: the same every time but for the cookies and, after HelloRetryRequest, the
    /// public keys.
    pub(crate) fn send(&mut self, cx: &mut Context<'_>, legacy_cookie: &[u8], cookie: &[u8]) {
        let fields = HelloFields {
            random: &self.random,
            legacy_cookie,
            cookie,
            key_shares: &self.key_shares,
            connection_id: cx.records.own_id(),
        };
        self.hello = message(HandshakeType::CLIENT_HELLO, self.next_message_seq, |writer| {
            client_hello::write(writer, cx.config, &fields);
        });
        self.next_message_seq = self.next_message_seq.wrapping_add(1);
        cx.flight.start(vec![item(0, self.hello.clone())], Answer::Expected);
        cx.acks.clear();
    }
}

/// The groups of the first ClientHello's public keys: the best one, and if few servers have it yet
/// the best of the others too.
fn first_groups(cx: &Context<'_>) -> [Option<NamedGroup>; 2] {
    let first = cx.config.known_groups().next();
    match first {
        Some(group) if !group.is_diffie_hellman() => {
            let fallback = cx.config.known_groups().find(|group| group.is_diffie_hellman());
            [first, fallback]
        }
        _ => [first, None],
    }
}
