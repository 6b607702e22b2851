//! Writing: what is written reads the same, and what can't be written is told once, at the end.

use std::net::{IpAddr, SocketAddr};

use pollrtc_stun::{
    Attribute, AttributeType, BuildError, Builder, Class, ErrorCode, IntegrityKey, Message, Method, TransactionId,
};
use quickcheck::quickcheck;

const ID: TransactionId = TransactionId([9; 12]);

fn builder(buf: &mut [u8]) -> Builder<'_> {
    Builder::new(buf, Class::Request, Method::BINDING, ID)
}

#[test]
fn every_attribute_reads_as_it_was_written() {
    let mut buf = [0; 512];
    let address: SocketAddr = "203.0.113.9:40000".parse().unwrap();
    let len = builder(&mut buf)
        .ice_username("abcd", "efgh")
        .priority(7)
        .use_candidate()
        .ice_controlled(8)
        .ice_controlling(9)
        .xor_mapped_address(address)
        .mapped_address(address)
        .software("pollrtc")
        .realm("example.org")
        .nonce("nonce")
        .error_code(ErrorCode::ROLE_CONFLICT, ErrorCode::reason(487))
        .attribute(AttributeType::GOOG_NETWORK_INFO, &[0, 1, 0, 10])
        .attribute(AttributeType::GOOG_NOMINATION, &[0, 0, 0, 3])
        .attribute(AttributeType(0xfff0), &[1, 2, 3])
        .finish()
        .unwrap();
    let message = Message::parse(&buf[..len]).unwrap();
    let attributes: Vec<_> = message.attributes().collect();
    assert_eq!(
        attributes,
        [
            Attribute::Username("abcd:efgh"),
            Attribute::Priority(7),
            Attribute::UseCandidate,
            Attribute::IceControlled(8),
            Attribute::IceControlling(9),
            Attribute::XorMappedAddress(address),
            Attribute::MappedAddress(address),
            Attribute::Software("pollrtc"),
            Attribute::Realm("example.org"),
            Attribute::Nonce("nonce"),
            Attribute::ErrorCode {
                code: 487,
                reason: "Role Conflict"
            },
            Attribute::NetworkInfo { id: 1, cost: 10 },
            Attribute::Nomination(3),
            Attribute::Other {
                kind: AttributeType(0xfff0),
                value: &[1, 2, 3]
            },
        ]
    );
    assert_eq!(message.username(), Some("abcd:efgh"));
    assert_eq!(message.xor_mapped_address(), Some(address));
    assert_eq!(message.error_code(), Some((487, "Role Conflict")));
    assert_eq!(message.nomination(), Some(3));
    assert!(message.use_candidate());
}

#[test]
fn unknown_attributes_are_listed_and_padded() {
    let mut buf = [0xff; 128];
    let types = [AttributeType(0x7fff), AttributeType(0x0003), AttributeType(0x7ffe)];
    let len = builder(&mut buf).unknown_attributes(types).finish().unwrap();
    assert_eq!(buf[20..len], [0, 0x0a, 0, 6, 0x7f, 0xff, 0, 3, 0x7f, 0xfe, 0, 0]);
    let message = Message::parse(&buf[..len]).unwrap();
    let Some(Attribute::UnknownAttributes(read)) = message.attributes().next() else {
        panic!("there is a list");
    };
    assert!(read.eq(types));
}

#[test]
fn class_and_method_survive_in_every_combination() {
    for class in [
        Class::Request,
        Class::Indication,
        Class::SuccessResponse,
        Class::ErrorResponse,
    ] {
        for number in 0..=0xfff {
            let method = Method::from_u16(number).unwrap();
            let mut buf = [0; 20];
            Builder::new(&mut buf, class, method, ID).finish().unwrap();
            let message = Message::parse(&buf).unwrap();
            assert_eq!((message.class(), message.method()), (class, method));
            assert_eq!(message.method().as_u16(), number);
        }
    }
    assert_eq!(Method::from_u16(0x1000), None);
}

#[test]
fn too_small_a_buffer_is_told_with_what_is_needed() {
    let key = IntegrityKey::short_term("password");
    let write = |buf: &mut [u8]| {
        builder(buf)
            .username("abcd:efgh")
            .message_integrity(&key)
            .fingerprint()
            .finish()
    };
    let mut enough = [0; 68];
    assert_eq!(write(&mut enough), Ok(68));
    for len in 0..68 {
        let needed = BuildError::BufferTooSmall { needed: 68 };
        assert_eq!(write(&mut vec![0; len]), Err(needed));
    }
}

#[test]
fn values_beyond_their_limits() {
    let mut buf = vec![0; 100_000];
    let long = "x".repeat(509);
    let limit = 508;
    for (kind, result) in [
        (AttributeType::USERNAME, builder(&mut buf).username(&long).finish()),
        (
            AttributeType::SOFTWARE,
            builder(&mut vec![0; 600]).software(&long).finish(),
        ),
        (AttributeType::REALM, builder(&mut vec![0; 600]).realm(&long).finish()),
        (AttributeType::NONCE, builder(&mut vec![0; 600]).nonce(&long).finish()),
        (
            AttributeType::ERROR_CODE,
            builder(&mut vec![0; 600]).error_code(400, &long).finish(),
        ),
        (
            AttributeType::USERNAME,
            builder(&mut vec![0; 600]).ice_username(&long, "").finish(),
        ),
    ] {
        assert_eq!(result, Err(BuildError::ValueTooLong { kind, limit }));
    }
    for code in [0, 299, 700, u16::MAX] {
        assert_eq!(
            builder(&mut buf).error_code(code, "").finish(),
            Err(BuildError::ErrorCode(code))
        );
    }
    let data = vec![0; 65_536];
    let kind = AttributeType(0x8000);
    assert_eq!(
        builder(&mut buf).attribute(kind, &data).finish(),
        Err(BuildError::MessageTooLong)
    );
    let many = (0..40_000).map(AttributeType);
    assert_eq!(
        builder(&mut buf).unknown_attributes(many).finish(),
        Err(BuildError::MessageTooLong)
    );
    let full = builder(&mut buf).attribute(kind, &data[..65_528]).finish();
    assert_eq!(full, Ok(20 + 65_532));
    let over = builder(&mut buf)
        .attribute(kind, &data[..65_528])
        .use_candidate()
        .finish();
    assert_eq!(over, Err(BuildError::MessageTooLong));
}

#[test]
fn nothing_goes_behind_what_closes_the_message() {
    let key = IntegrityKey::short_term("password");
    let mut buf = [0; 256];
    let late = builder(&mut buf).message_integrity(&key).priority(1).finish();
    assert_eq!(late, Err(BuildError::OutOfOrder(AttributeType::PRIORITY)));
    let late = builder(&mut buf).fingerprint().message_integrity(&key).finish();
    assert_eq!(late, Err(BuildError::OutOfOrder(AttributeType::MESSAGE_INTEGRITY)));
    let twice = builder(&mut buf).fingerprint().fingerprint().finish();
    assert_eq!(twice, Err(BuildError::OutOfOrder(AttributeType::FINGERPRINT)));
}

/// The first mistake is the one that is told.
#[test]
fn first_error_is_remembered() {
    let mut buf = [0; 20];
    let result = builder(&mut buf).error_code(1, "").error_code(2, "").finish();
    assert_eq!(result, Err(BuildError::ErrorCode(1)));
}

quickcheck! {
    fn any_attributes_survive(attributes: Vec<(u16, Vec<u8>)>, id: u64, padding: u8) -> bool {
        let closing = [0x0008, 0x001c, 0x8028];
        let attributes: Vec<_> = attributes
            .into_iter()
            .filter(|(kind, _)| !closing.contains(kind))
            .collect();
        let id = TransactionId([id.to_be_bytes(), [0; 8]].concat()[..12].try_into().unwrap());
        let mut buf = vec![0; 65_552];
        let mut builder =
            Builder::new(&mut buf, Class::Indication, Method::BINDING, id).padding(padding);
        for (kind, value) in &attributes {
            builder = builder.attribute(AttributeType(*kind), value);
        }
        let key = IntegrityKey::short_term("password");
        let len = builder.message_integrity(&key).fingerprint().finish().unwrap();
        let message = Message::parse(&buf[..len]).unwrap();
        let read: Vec<_> = message
            .raw_attributes()
            .filter(|raw| !closing.contains(&raw.kind.0))
            .map(|raw| (raw.kind.0, raw.value.to_vec()))
            .collect();
        message.transaction_id() == id
            && read == attributes
            && message.verify_integrity(&key)
            && message.verify_fingerprint() == Some(true)
    }

    fn any_address_survives(ip: IpAddr, port: u16, id: u64) -> bool {
        let address = SocketAddr::new(ip, port);
        let id = TransactionId([id.to_be_bytes(), [5; 8]].concat()[..12].try_into().unwrap());
        let mut buf = [0; 128];
        let len = Builder::new(&mut buf, Class::SuccessResponse, Method::BINDING, id)
            .xor_mapped_address(address)
            .mapped_address(address)
            .finish()
            .unwrap();
        let message = Message::parse(&buf[..len]).unwrap();
        message.xor_mapped_address() == Some(address)
            && message.attribute(AttributeType::MAPPED_ADDRESS)
                == Some(Attribute::MappedAddress(address))
    }
}
