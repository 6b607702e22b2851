//! The messages of RFC 5769 and RFC 8489 appendix B.1: read, verified and built byte for byte.

use pollrtc_conformance::{hex, text, vectors};
use pollrtc_stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, IntegrityKeySha256, Message, Method, TransactionId,
};
use serde_json::Value;

#[test]
fn messages_are_read_and_verified() {
    for vector in messages() {
        println!("{}", text(&vector, "section"));
        let bytes = hex(text(&vector, "bytes"));
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.class(), class(&vector));
        assert_eq!(message.method(), Method::BINDING);
        assert_eq!(message.transaction_id(), transaction_id(&vector));
        let read: Vec<Value> = message.attributes().filter_map(as_json).collect();
        assert_eq!(&read, vector["attributes"].as_array().unwrap());

        let key = hex(text(&vector, "key"));
        let verified = match text(&vector, "integrity") {
            "sha1" => message.verify_integrity(&IntegrityKey::from_bytes(&key)),
            _ => message.verify_integrity_sha256(&IntegrityKeySha256::from_bytes(&key)),
        };
        assert!(verified);
        let fingerprint = vector["fingerprint"].as_bool().unwrap();
        assert_eq!(message.verify_fingerprint(), fingerprint.then_some(true));
    }
}

#[test]
fn messages_are_built_byte_for_byte() {
    for vector in messages() {
        println!("{}", text(&vector, "section"));
        let mut buf = [0; 256];
        let id = transaction_id(&vector);
        let mut builder =
            Builder::new(&mut buf, class(&vector), Method::BINDING, id).padding(hex(text(&vector, "padding"))[0]);
        for attribute in vector["attributes"].as_array().unwrap() {
            builder = put(builder, attribute);
        }
        let key = hex(text(&vector, "key"));
        builder = match text(&vector, "integrity") {
            "sha1" => builder.message_integrity(&IntegrityKey::from_bytes(&key)),
            _ => builder.message_integrity_sha256(&IntegrityKeySha256::from_bytes(&key)),
        };
        if vector["fingerprint"].as_bool().unwrap() {
            builder = builder.fingerprint();
        }
        let len = builder.finish().unwrap();
        assert_eq!(buf[..len], hex(text(&vector, "bytes")));
    }
}

fn messages() -> Vec<Value> {
    let messages = vectors("rfc5769")["messages"].as_array().cloned().unwrap();
    assert_eq!(messages.len(), 5);
    messages
}

fn class(vector: &Value) -> Class {
    match text(vector, "class") {
        "request" => Class::Request,
        _ => Class::SuccessResponse,
    }
}

fn transaction_id(vector: &Value) -> TransactionId {
    TransactionId(hex(text(vector, "transaction_id")).try_into().unwrap())
}

/// An attribute as the vectors have it; `None` for those that are computed over the message.
fn as_json(attribute: Attribute<'_>) -> Option<Value> {
    Some(match attribute {
        Attribute::Software(text) => ["SOFTWARE", text].into(),
        Attribute::Username(text) => ["USERNAME", text].into(),
        Attribute::Nonce(text) => ["NONCE", text].into(),
        Attribute::Realm(text) => ["REALM", text].into(),
        Attribute::XorMappedAddress(address) => ["XOR-MAPPED-ADDRESS", &address.to_string()].into(),
        Attribute::Priority(priority) => Value::from(vec![Value::from("PRIORITY"), priority.into()]),
        Attribute::IceControlled(tie_breaker) => ["ICE-CONTROLLED", &format!("{tie_breaker:016x}")].into(),
        Attribute::UserHash(hash) => ["USERHASH", &digits(hash)].into(),
        Attribute::PasswordAlgorithm(value) => ["PASSWORD-ALGORITHM", &digits(value)].into(),
        _ => return None,
    })
}

fn put<'b>(builder: Builder<'b>, attribute: &Value) -> Builder<'b> {
    let value = &attribute[1];
    let text = value.as_str().unwrap_or_default();
    match attribute[0].as_str().unwrap() {
        "SOFTWARE" => builder.software(text),
        "USERNAME" => builder.username(text),
        "NONCE" => builder.nonce(text),
        "REALM" => builder.realm(text),
        "XOR-MAPPED-ADDRESS" => builder.xor_mapped_address(text.parse().unwrap()),
        "PRIORITY" => builder.priority(value.as_u64().unwrap().try_into().unwrap()),
        "ICE-CONTROLLED" => builder.ice_controlled(u64::from_str_radix(text, 16).unwrap()),
        "USERHASH" => builder.attribute(AttributeType::USERHASH, &hex(text)),
        "PASSWORD-ALGORITHM" => builder.attribute(AttributeType::PASSWORD_ALGORITHM, &hex(text)),
        other => panic!("the vectors have an attribute that is not known here: {other}"),
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
