//! Connection ids (RFC 9146, RFC 9147 §9).

mod addresses;
mod changes;
mod negotiation;
mod records;

use std::num::NonZeroU8;

use pollrtc_dtls::{ConnectionIdPolicy, Versions};

use crate::support::{Pair, Setup};

const VERSIONS: [Versions; 2] = [Versions::Dtls12, Versions::Dtls13];

/// Random ids of this length, or the wish for none.
pub(crate) fn policy(length: u8) -> Option<ConnectionIdPolicy> {
    Some(match NonZeroU8::new(length) {
        Some(length) => ConnectionIdPolicy::Random { length },
        None => ConnectionIdPolicy::SendOnly,
    })
}

/// A client and a server that want to be sent ids of these lengths.
fn setup(versions: Versions, client: u8, server: u8) -> Setup {
    let mut setup = Setup::new().speaking(versions);
    setup.client.connection_ids = policy(client);
    setup.server.connection_ids = policy(server);
    setup
}

/// The same, connected and at rest.
fn connected(versions: Versions, client: u8, server: u8) -> Pair {
    let mut pair = setup(versions, client, server).pair().connect();
    pair.rest();
    pair
}

/// Both say something, and both hear it.
fn talk(pair: &mut Pair) {
    pair.client.send(b"ping").unwrap();
    pair.server.send(b"pong").unwrap();
    let (from_client, from_server) = (pair.client_sends(), pair.server_sends());
    let mut at_server = from_client.iter().flat_map(|datagram| pair.server_gets(datagram));
    assert!(at_server.any(|payload| payload == b"ping"));
    let mut at_client = from_server.iter().flat_map(|datagram| pair.client_gets(datagram));
    assert!(at_client.any(|payload| payload == b"pong"));
}

/// What one of the two sends, as it stands on the wire.
fn from_client(pair: &mut Pair, payload: &[u8]) -> Vec<u8> {
    pair.client.send(payload).unwrap();
    pair.client_sends().remove(0)
}
