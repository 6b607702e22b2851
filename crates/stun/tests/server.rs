//! A server answers binding requests, and nothing else.

use std::net::SocketAddr;

use pollrtc_core::{Datagram, Flow, Instant, Protocol, StateMachine, Transmit};
use pollrtc_stun::{
    Attribute, AttributeType, BindingServer, Builder, Class, Message, Method, ServerConfig, TransactionId,
};
use quickcheck::quickcheck;

const ID: TransactionId = TransactionId([9; 12]);

fn client_address() -> SocketAddr {
    "[2001:db8::7]:5000".parse().unwrap()
}

fn server(software: Option<&'static str>) -> BindingServer {
    let mut config = ServerConfig::default();
    config.software = software;
    BindingServer::new(config)
}

fn message(class: Class, write: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
    let mut buf = vec![0; 2048];
    let len = write(Builder::new(&mut buf, class, Method::BINDING, ID))
        .finish()
        .unwrap();
    buf.truncate(len);
    buf
}

fn ask(server: &mut BindingServer, mut request: Vec<u8>) {
    server.handle_datagram(Instant::ZERO, Datagram::udp(client_address(), &mut request));
}

fn take(server: &mut BindingServer) -> Option<(Transmit, Vec<u8>)> {
    let mut buf = [0; 1500];
    let transmit = server.poll_transmit(Instant::ZERO, &mut buf)?;
    Some((transmit, buf[..transmit.len].to_vec()))
}

#[test]
fn tells_the_client_its_address_from_where_it_was_asked() {
    let mut server = server(Some("pollrtc"));
    let mut request = message(Class::Request, |b| b.software("a client"));
    let asked_at = "198.51.100.1:3478".parse().unwrap();
    let flow = Flow::new(Protocol::Tcp, Some(asked_at), client_address());
    server.handle_datagram(Instant::ZERO, Datagram::new(flow, &mut request));

    let (transmit, answer) = take(&mut server).unwrap();
    assert_eq!(transmit.flow.remote(), client_address());
    assert_eq!(transmit.flow.local(), Some(asked_at));
    assert_eq!(transmit.flow.protocol(), Protocol::Tcp);
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(answer.class(), Class::SuccessResponse);
    assert_eq!(answer.transaction_id(), ID);
    assert_eq!(answer.xor_mapped_address(), Some(client_address()));
    assert_eq!(answer.verify_fingerprint(), None);
    assert_eq!(
        answer.attribute(AttributeType::SOFTWARE),
        Some(Attribute::Software("pollrtc"))
    );
    assert_eq!(take(&mut server), None);
    assert_eq!(server.stats().granted, 1);
}

#[test]
fn answers_with_fingerprint_who_asks_with_it() {
    let mut server = server(None);
    ask(&mut server, message(Class::Request, |b| b.fingerprint()));
    let (_, answer) = take(&mut server).unwrap();
    assert_eq!(Message::parse(&answer).unwrap().verify_fingerprint(), Some(true));

    let mut wrong = message(Class::Request, |b| b.fingerprint());
    *wrong.last_mut().unwrap() ^= 1;
    ask(&mut server, wrong);
    assert_eq!(take(&mut server), None);
    assert_eq!(server.stats().dropped_fingerprint, 1);
}

#[test]
fn refuses_what_it_does_not_know_and_lists_it_once_each() {
    let mut server = server(None);
    let request = message(Class::Request, |b| {
        b.attribute(AttributeType(0x7fff), &[])
            .attribute(AttributeType(0x7ffe), &[1])
            .attribute(AttributeType(0x7fff), &[])
            .attribute(AttributeType(0xfffe), &[])
    });
    ask(&mut server, request);
    let (_, answer) = take(&mut server).unwrap();
    let answer = Message::parse(&answer).unwrap();
    assert_eq!(answer.class(), Class::ErrorResponse);
    assert_eq!(answer.error_code(), Some((420, "Unknown Attribute")));
    let Some(Attribute::UnknownAttributes(types)) = answer.attribute(AttributeType::UNKNOWN_ATTRIBUTES) else {
        panic!("there is a list");
    };
    assert!(types.eq([AttributeType(0x7fff), AttributeType(0x7ffe)]));
    assert_eq!(server.stats().refused_unknown_attribute, 1);
}

#[test]
fn repeated_request_gets_the_same_answer() {
    let mut server = server(None);
    let request = message(Class::Request, |b| b);
    ask(&mut server, request.clone());
    ask(&mut server, request);
    let (first, second) = (take(&mut server).unwrap(), take(&mut server).unwrap());
    assert_eq!(first, second);
}

#[test]
fn does_not_answer_what_is_no_binding_request() {
    let mut server = server(None);
    ask(&mut server, message(Class::Indication, |b| b));
    ask(&mut server, message(Class::SuccessResponse, |b| b));
    ask(&mut server, message(Class::ErrorResponse, |b| b));
    let mut allocate = [0; 20];
    let method = Method::from_u16(3).unwrap();
    Builder::new(&mut allocate, Class::Request, method, ID)
        .finish()
        .unwrap();
    ask(&mut server, allocate.to_vec());
    ask(&mut server, vec![0x16; 100]);
    assert_eq!(take(&mut server), None);
    let stats = server.stats();
    assert_eq!(stats.indications, 1);
    assert_eq!(stats.dropped_unexpected, 3);
    assert_eq!(stats.dropped_malformed, 1);
}

#[test]
fn does_not_answer_to_where_no_single_host_is() {
    let mut server = server(None);
    for source in [
        "0.0.0.0:5000",
        "255.255.255.255:5",
        "224.0.0.1:5",
        "[ff02::1]:5",
        "192.0.2.1:0",
    ] {
        let mut request = message(Class::Request, |b| b);
        let source = source.parse().unwrap();
        server.handle_datagram(Instant::ZERO, Datagram::udp(source, &mut request));
    }
    assert_eq!(take(&mut server), None);
    assert_eq!(server.stats().dropped_source, 5);
}

#[test]
fn queue_is_bounded() {
    let mut server = BindingServer::new(ServerConfig::default().with_max_queued(3));
    for _ in 0..10 {
        ask(&mut server, message(Class::Request, |b| b));
    }
    assert_eq!(server.queued(), 3);
    assert_eq!(server.stats().dropped_queue_full, 7);
    assert_eq!(server.poll_transmit(Instant::ZERO, &mut [0; 43]), None);
    assert_eq!(server.queued(), 3, "an answer that does not fit stays");
    while take(&mut server).is_some() {}
    assert_eq!(server.queued(), 0);
}

#[test]
fn leaves_out_software_that_would_make_the_answer_too_long() {
    const LONG: &str = "a name that is much too long for an answer to the shortest request";
    let mut server = server(Some(LONG));
    ask(&mut server, message(Class::Request, |b| b));
    let (_, answer) = take(&mut server).unwrap();
    assert_eq!(answer.len(), 44);
    ask(&mut server, message(Class::Request, |b| b.software(LONG)));
    let (_, answer) = take(&mut server).unwrap();
    assert!(
        Message::parse(&answer)
            .unwrap()
            .attribute(AttributeType::SOFTWARE)
            .is_some()
    );
}

quickcheck! {
    /// For every request: the answer is at most three times as long.
    fn never_amplifies_more_than_threefold(attributes: Vec<(u16, Vec<u8>)>, fingerprint: bool) -> bool {
        let request = message(Class::Request, |mut b| {
            for (kind, value) in attributes.iter().take(40) {
                let value = &value[..value.len().min(20)];
                if ![0x0008, 0x001c, 0x8028].contains(kind) {
                    b = b.attribute(AttributeType(*kind), value);
                }
            }
            if fingerprint { b.fingerprint() } else { b }
        });
        let asked = request.len();
        let mut server = server(Some("pollrtc"));
        ask(&mut server, request);
        let (_, answer) = take(&mut server).unwrap();
        answer.len() <= 3 * asked
    }
}
