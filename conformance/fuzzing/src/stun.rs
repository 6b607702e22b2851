//! Targets of `pollrtc-stun`.

use std::net::SocketAddr;

use pollrtc_core::Flow;
use pollrtc_core::laws::Laws;
use pollrtc_crypto::Rng;
use pollrtc_stun::{
    AttributeType, BindingServer, Builder, Client, ClientConfig, IntegrityKey, IntegrityKeySha256, Message,
    ServerConfig,
};

/// Bytes as a message, as they are and behind a header that fits them.
pub fn stun_message(data: &[u8]) {
    read(data);
    let body = &data[..data.len().min(65_532) / 4 * 4];
    let length = u16::try_from(body.len()).expect("65532 at most").to_be_bytes();
    let header = [0x01, 0x01, length[0], length[1], 0x21, 0x12, 0xa4, 0x42];
    read(&[&header[..], &[7; 12], body].concat());
}

/// A script for a client that talks to a server.
pub fn stun_client(script: &[u8]) {
    let laws = Laws::of(client).against(server).verb(|client, _, _| client.request());
    crate::run(&laws, script);
}

/// A script for a server that a client talks to.
pub fn stun_server(script: &[u8]) {
    let laws = Laws::of(server)
        .against(client)
        .memory(BindingServer::queued, ServerConfig::default().max_queued);
    crate::run(&laws, script);
}

/// Reads all that a message has and writes it again.
fn read(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else {
        return;
    };
    assert!(pollrtc_stun::is_stun(bytes));
    assert_eq!(message.attributes().count(), message.raw_attributes().count());
    assert!(message.error_code().is_none_or(|(code, _)| (300..700).contains(&code)));
    let _ = (message.username(), message.xor_mapped_address());
    let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
    let key_sha256 = IntegrityKeySha256::short_term("VOkJxbRl1RmTxUk/WvJxBt");
    let _ = (
        message.verify_integrity(&key),
        message.verify_integrity_sha256(&key_sha256),
    );
    for kind in message.unknown_comprehension_required() {
        assert!(kind.is_comprehension_required() && !kind.is_known());
    }

    // What counts, written again and signed by us, reads the same.
    let closing = [
        AttributeType::MESSAGE_INTEGRITY,
        AttributeType::MESSAGE_INTEGRITY_SHA256,
        AttributeType::FINGERPRINT,
    ];
    let open = || message.raw_attributes().filter(|raw| !closing.contains(&raw.kind));
    let mut buf = vec![0; bytes.len() + 24 + 36 + 8];
    let (class, method, id) = (message.class(), message.method(), message.transaction_id());
    let mut builder = Builder::new(&mut buf, class, method, id);
    for raw in open() {
        builder = builder.attribute(raw.kind, raw.value);
    }
    let Ok(len) = builder
        .message_integrity(&key)
        .message_integrity_sha256(&key_sha256)
        .fingerprint()
        .finish()
    else {
        assert!(
            bytes.len() > 65_000,
            "only a message that was full has no room for our tags"
        );
        return;
    };
    let again = Message::parse(&buf[..len]).expect("what the builder wrote is a message");
    assert!(
        again
            .raw_attributes()
            .filter(|raw| !closing.contains(&raw.kind))
            .eq(open())
    );
    assert!(again.verify_integrity(&key) && again.verify_integrity_sha256(&key_sha256));
    assert_eq!(again.verify_fingerprint(), Some(true));
}

fn client() -> Client {
    let server = SocketAddr::from(([192, 0, 2, 2], 6000));
    Client::new(ClientConfig::default(), Flow::udp(server), Rng::from_seed([1; 32]))
}

fn server() -> BindingServer {
    BindingServer::new(ServerConfig::default().with_software("pollrtc"))
}
