//! What is broken, cut, forged or appended: refused or ignored, never believed, never a panic.

mod support;

use pollrtc_stun::{
    Attribute, AttributeType, Builder, Class, IntegrityKey, IntegrityKeySha256, Message, Method, ParseError,
    TransactionId, is_stun,
};
use quickcheck::quickcheck;
use support::{PASSWORD, bytes, samples};

const ID: TransactionId = TransactionId([9; 12]);

/// A binding request with these attributes.
fn request(attributes: &str) -> Vec<u8> {
    let attributes = bytes(attributes);
    let mut message = bytes("0001 0000 2112a442 090909090909090909090909");
    message[2..4].copy_from_slice(&(attributes.len() as u16).to_be_bytes());
    message.extend(attributes);
    message
}

/// What `write` builds.
fn build(write: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
    let mut buf = [0; 512];
    let builder = Builder::new(&mut buf, Class::Request, Method::BINDING, ID);
    let len = write(builder).finish().unwrap();
    buf[..len].to_vec()
}

/// The same message with something appended, and the length in the header to match.
fn append(message: &[u8], more: &str) -> Vec<u8> {
    let mut message = [message, &bytes(more)].concat();
    let length = (message.len() - 20) as u16;
    message[2..4].copy_from_slice(&length.to_be_bytes());
    message
}

#[test]
fn shorter_than_a_header() {
    let header = request("");
    assert!(Message::parse(&header).is_ok());
    for len in 0..20 {
        let error = Message::parse(&header[..len]).unwrap_err();
        assert_eq!(error, ParseError::TooShort { len });
        assert!(!is_stun(&header[..len]));
    }
}

#[test]
fn other_protocols_on_the_same_port() {
    for first in 0x40..=0xff {
        let mut message = request("");
        message[0] = first;
        assert_eq!(Message::parse(&message).unwrap_err(), ParseError::NotStun);
        assert!(!is_stun(&message));
    }
    let mut without_cookie = request("");
    without_cookie[7] ^= 1;
    assert_eq!(Message::parse(&without_cookie).unwrap_err(), ParseError::NotStun);
    assert!(!is_stun(&without_cookie));
}

#[test]
fn length_that_lies_or_is_not_a_multiple_of_four() {
    let whole = request("0024 0004 00000001");
    for announced in [0, 4, 7, 9, 12, 0xffff_usize] {
        let mut message = whole.clone();
        message[2..4].copy_from_slice(&(announced as u16).to_be_bytes());
        let error = Message::parse(&message).unwrap_err();
        assert_eq!(error, ParseError::Length { announced, present: 8 });
    }
    let odd = request("0024 0001 00 00");
    assert!(matches!(Message::parse(&odd), Err(ParseError::Length { .. })));
}

#[test]
fn attribute_past_the_end() {
    for attributes in ["0006 0001", "0006 0005 61626364", "0006 ffff 61626364"] {
        let error = Message::parse(&request(attributes)).unwrap_err();
        assert_eq!(error, ParseError::Attribute { offset: 20 });
    }
    let second = request("0024 0004 00000001 0006 0008 61626364");
    let error = Message::parse(&second).unwrap_err();
    assert_eq!(error, ParseError::Attribute { offset: 28 });
}

#[test]
fn padding_missing_at_the_end() {
    let mut message = request("0006 0005 6162636465");
    assert!(Message::parse(&message).is_err());
    message[3] = 12; // the header counts the padding, the datagram lacks it
    assert!(Message::parse(&message).is_err());
}

#[test]
fn padding_of_any_bytes_is_ignored() {
    let message = request("0006 0005 6162636465 ffeedd");
    assert_eq!(Message::parse(&message).unwrap().username(), Some("abcde"));
}

#[test]
fn samples_cut_anywhere_are_refused() {
    for sample in samples() {
        for len in 0..sample.len() {
            assert!(Message::parse(&sample[..len]).is_err());
        }
        assert!(Message::parse(&[&sample[..], &[0; 4]].concat()).is_err());
    }
}

#[test]
fn every_flipped_bit_breaks_integrity_or_fingerprint() {
    let [request, ..] = samples();
    let key = IntegrityKey::short_term(PASSWORD);
    for bit in 0..request.len() * 8 {
        let mut changed = request.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(message) = Message::parse(&changed) else {
            continue;
        };
        let intact = message.verify_integrity(&key) && message.verify_fingerprint() == Some(true);
        assert!(!intact, "bit {bit}");
    }
}

#[test]
fn values_of_the_wrong_size_are_as_good_as_absent() {
    let message = request(
        "0024 0003 000001 00  0025 0004 00000000  8029 0004 00000000  802a 000c 000000000000000000000000
         0020 0008 0003a1470112a643  c001 0000",
    );
    let message = Message::parse(&message).unwrap();
    assert_eq!(message.priority(), None);
    assert!(!message.use_candidate());
    assert_eq!((message.ice_controlled(), message.ice_controlling()), (None, None));
    assert_eq!(message.xor_mapped_address(), None);
    assert_eq!(message.nomination(), None);
    assert_eq!(message.attributes().count(), 6);
    for attribute in message.attributes() {
        assert!(matches!(attribute, Attribute::Malformed { .. }), "{attribute:?}");
    }
}

#[test]
fn text_that_is_not_utf8() {
    let message = request("0006 0002 fffe 0000");
    assert_eq!(Message::parse(&message).unwrap().username(), None);
    // Of a reason phrase the good part is kept: the code must not get lost.
    let message = request("0009 0008 00000457 4f4bfffe");
    assert_eq!(Message::parse(&message).unwrap().error_code(), Some((487, "OK")));
}

#[test]
fn error_codes_out_of_range() {
    for value in ["00000200", "00000700", "00000364", "000003ff", "000000"] {
        let mut attribute = format!("0009 000{} {value}", value.len() / 2);
        attribute.push_str(&"0".repeat(8 - value.len()));
        assert_eq!(
            Message::parse(&request(&attribute)).unwrap().error_code(),
            None,
            "{value}"
        );
    }
}

#[test]
fn first_of_several_counts() {
    let message = request("0024 0004 00000001  0024 0004 00000002");
    assert_eq!(Message::parse(&message).unwrap().priority(), Some(1));
}

#[test]
fn what_follows_the_integrity_is_ignored() {
    let key = IntegrityKey::short_term(PASSWORD);
    let signed = build(|b| b.username("a:b").message_integrity(&key));
    let appended = append(&signed, "0025 0000  0024 0004 00000001  7fff 0000  0008 0004 00000000");
    let message = Message::parse(&appended).unwrap();
    assert!(
        message.verify_integrity(&key),
        "the signature does not cover what follows"
    );
    assert!(!message.use_candidate());
    assert_eq!(message.priority(), None);
    assert_eq!(message.unknown_comprehension_required().count(), 0);
    let kinds: Vec<_> = message.raw_attributes().map(|raw| raw.kind).collect();
    assert_eq!(kinds, [AttributeType::USERNAME, AttributeType::MESSAGE_INTEGRITY]);
}

#[test]
fn both_integrities_and_the_fingerprint_each_cover_what_is_before() {
    let key = IntegrityKey::short_term(PASSWORD);
    let key_sha256 = IntegrityKeySha256::short_term(PASSWORD);
    let bytes = build(|b| {
        b.username("a:b")
            .message_integrity(&key)
            .message_integrity_sha256(&key_sha256)
            .fingerprint()
    });
    let message = Message::parse(&bytes).unwrap();
    assert!(message.verify_integrity(&key));
    assert!(message.verify_integrity_sha256(&key_sha256));
    assert_eq!(message.verify_fingerprint(), Some(true));
}

#[test]
fn integrity_behind_sha256_or_fingerprint_does_not_count() {
    let key = IntegrityKey::short_term(PASSWORD);
    let signed = build(|b| b.message_integrity_sha256(&IntegrityKeySha256::short_term("x")));
    let late = append(&signed, &format!("0008 0014 {}", "00".repeat(20)));
    assert!(!Message::parse(&late).unwrap().has_integrity());
    let marked = build(|b| b.fingerprint());
    let late = append(&marked, &format!("0008 0014 {}", "00".repeat(20)));
    let message = Message::parse(&late).unwrap();
    assert!(!message.has_integrity() && !message.verify_integrity(&key));
}

#[test]
fn fingerprint_must_be_last() {
    let marked = build(|b| b.username("a:b").fingerprint());
    assert_eq!(Message::parse(&marked).unwrap().verify_fingerprint(), Some(true));
    let appended = append(&marked, "0025 0000");
    let message = Message::parse(&appended).unwrap();
    assert_eq!(message.verify_fingerprint(), Some(false));
    assert!(!message.use_candidate());
}

#[test]
fn tags_of_the_wrong_size_verify_nothing() {
    let key = IntegrityKey::short_term(PASSWORD);
    for attribute in [
        "0008 0000",
        "0008 0004 00000000",
        "0008 0010 00000000000000000000000000000000",
    ] {
        let message = request(attribute);
        let message = Message::parse(&message).unwrap();
        assert!(message.has_integrity() && !message.verify_integrity(&key));
    }
    let message = request("8028 0000");
    assert_eq!(Message::parse(&message).unwrap().verify_fingerprint(), Some(false));
}

/// RFC 8489 §14.6: a shortened tag is only for usages that say so.
#[test]
fn shortened_sha256_tag_is_not_accepted() {
    let key = IntegrityKeySha256::short_term(PASSWORD);
    let mut message = build(|b| b.message_integrity_sha256(&key));
    message.truncate(20 + 4 + 16);
    message[3] = 20;
    message[23] = 16;
    let message = Message::parse(&message).unwrap();
    assert!(message.has_integrity_sha256() && !message.verify_integrity_sha256(&key));
}

#[test]
fn unknown_attributes_are_told_by_their_range() {
    let message = request("7fff 0000  ffff 0000  0003 0000  7ffe 0002 0000 0000");
    let message = Message::parse(&message).unwrap();
    let unknown: Vec<u16> = message.unknown_comprehension_required().map(|kind| kind.0).collect();
    assert_eq!(unknown, [0x7fff, 0x0003, 0x7ffe]);
}

quickcheck! {
    fn any_bytes_behind_a_header_are_read_without_panic(body: Vec<u8>, kind: u16) -> bool {
        let body = &body[..body.len() / 4 * 4];
        let mut message = request("");
        message[..2].copy_from_slice(&(kind & 0x3fff).to_be_bytes());
        message[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
        message.extend(body);
        match Message::parse(&message) {
            Ok(message) => message.attributes().count() == message.raw_attributes().count(),
            Err(error) => matches!(error, ParseError::Attribute { .. }),
        }
    }
}
