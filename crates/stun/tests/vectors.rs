//! The sample messages of RFC 5769 and RFC 8489 appendix B: read, verified and rebuilt.

mod support;

use pollrtc_stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, IntegrityKeySha256, Message, Method, TransactionId,
};
use support::{PASSWORD, bytes, samples};

/// The transaction id of RFC 5769 §2.1 to §2.3.
const TRANSACTION_ID: [u8; 12] = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

/// "マトリックス"
const USERNAME: &str = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}";
/// MD5 of "マトリックス:example.org:TheMatrIX" (RFC 8489 §9.2.2).
const LONG_TERM_KEY: &str = "e8ca7ad59d5eb0518e312911d2dab2a9";
/// SHA-256 of the same.
const LONG_TERM_KEY_SHA256: &str = "dd295a613b9058c3c23d6dc7165bda072304d989c9d0af3a8c7e184b4f9bb4a1";
/// Of RFC 5769 §2.4 and RFC 8489 appendix B.1.
const LONG_TERM_ID: [u8; 12] = [0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e];

#[test]
fn sample_request_is_read_and_verified() {
    let [request, ..] = samples();
    let message = Message::parse(&request).unwrap();
    assert_eq!(message.class(), Class::Request);
    assert_eq!(message.method(), Method::BINDING);
    assert_eq!(message.transaction_id(), TransactionId(TRANSACTION_ID));
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!(message.ice_controlling(), None);
    assert!(!message.use_candidate());
    assert_eq!(
        message.attribute(AttributeType::SOFTWARE),
        Some(Attribute::Software("STUN test client"))
    );
    assert!(message.verify_integrity(&IntegrityKey::short_term(PASSWORD)));
    assert!(!message.verify_integrity(&IntegrityKey::short_term("another password")));
    assert_eq!(message.verify_fingerprint(), Some(true));
}

#[test]
fn sample_request_is_rebuilt_byte_for_byte() {
    let mut buf = [0; 256];
    let id = TransactionId(TRANSACTION_ID);
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, id)
        .padding(b' ')
        .software("STUN test client")
        .priority(0x6e00_01ff)
        .ice_controlled(0x932f_f9b1_5126_3b36)
        .username("evtj:h6vY")
        .message_integrity(&IntegrityKey::short_term(PASSWORD))
        .fingerprint()
        .finish()
        .unwrap();
    assert_eq!(buf[..len], samples()[0]);
}

#[test]
fn sample_responses_are_read_and_verified() {
    let [_, ipv4, ipv6, ..] = samples();
    for (response, address) in [
        (ipv4, "192.0.2.1:32853"),
        (ipv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let message = Message::parse(&response).unwrap();
        assert_eq!(message.class(), Class::SuccessResponse);
        assert_eq!(message.method(), Method::BINDING);
        assert_eq!(message.xor_mapped_address(), Some(address.parse().unwrap()));
        assert_eq!(
            message.attribute(AttributeType::SOFTWARE),
            Some(Attribute::Software("test vector"))
        );
        assert!(message.verify_integrity(&IntegrityKey::short_term(PASSWORD)));
        assert_eq!(message.verify_fingerprint(), Some(true));
    }
}

#[test]
fn sample_responses_are_rebuilt_byte_for_byte() {
    let [_, ipv4, ipv6, ..] = samples();
    for (response, address) in [
        (ipv4, "192.0.2.1:32853"),
        (ipv6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let mut buf = [0; 256];
        let id = TransactionId(TRANSACTION_ID);
        let len = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id)
            .padding(b' ')
            .software("test vector")
            .xor_mapped_address(address.parse().unwrap())
            .message_integrity(&IntegrityKey::short_term(PASSWORD))
            .fingerprint()
            .finish()
            .unwrap();
        assert_eq!(buf[..len], response);
    }
}

#[test]
fn sample_request_with_long_term_credentials() {
    let [_, _, _, request, _] = samples();
    let key = IntegrityKey::from_bytes(&bytes(LONG_TERM_KEY));
    let message = Message::parse(&request).unwrap();
    assert_eq!(message.username(), Some(USERNAME));
    assert_eq!(
        message.attribute(AttributeType::NONCE),
        Some(Attribute::Nonce("f//499k954d6OL34oL9FSTvy64sA"))
    );
    assert_eq!(
        message.attribute(AttributeType::REALM),
        Some(Attribute::Realm("example.org"))
    );
    assert!(message.verify_integrity(&key));
    assert_eq!(message.verify_fingerprint(), None);

    let mut buf = [0; 256];
    let id = TransactionId(LONG_TERM_ID);
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, id)
        .username(USERNAME)
        .nonce("f//499k954d6OL34oL9FSTvy64sA")
        .realm("example.org")
        .message_integrity(&key)
        .finish()
        .unwrap();
    assert_eq!(buf[..len], request);
}

/// As printed, the header's length counts the header too: such a message is refused. Erratum 6268
/// corrects it.
#[test]
fn sample_request_with_sha256_and_userhash() {
    let [_, _, _, _, request] = samples();
    let key = IntegrityKeySha256::from_bytes(&bytes(LONG_TERM_KEY_SHA256));
    let message = Message::parse(&request).unwrap();
    let Some(Attribute::UserHash(user_hash)) = message.attribute(AttributeType::USERHASH) else {
        panic!("there is a USERHASH");
    };
    assert!(!message.has_integrity());
    assert!(message.verify_integrity_sha256(&key));
    assert!(!message.verify_integrity_sha256(&IntegrityKeySha256::short_term("TheMatrIX")));

    let mut buf = [0; 256];
    let id = TransactionId(LONG_TERM_ID);
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, id)
        .attribute(AttributeType::USERHASH, user_hash)
        .nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
        .realm("example.org")
        .attribute(AttributeType::PASSWORD_ALGORITHM, &[0, 2, 0, 0])
        .message_integrity_sha256(&key)
        .finish()
        .unwrap();
    assert_eq!(buf[..len], request);
}
