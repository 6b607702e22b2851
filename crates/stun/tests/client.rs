//! A client asks a server for its address, in virtual time.

use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::{Datagram, Flow, Instant, Protocol, StateMachine};
use pollrtc_crypto::Rng;
use pollrtc_stun::{
    BindingServer, Builder, Class, Client, ClientConfig, ClientEvent, ClientTransaction, ErrorCode, Message, Method,
    RequestFailure, Retransmission, ServerConfig, TimeoutAction, TransactionId,
};

const START: Instant = Instant::from_millis(1_000);

fn server_address() -> SocketAddr {
    "198.51.100.1:3478".parse().unwrap()
}

fn our_address() -> SocketAddr {
    "203.0.113.5:50000".parse().unwrap()
}

fn client(config: ClientConfig) -> Client {
    Client::new(config, Flow::udp(server_address()), Rng::from_seed([7; 32]))
}

/// The request that the client wants to send, if any.
fn take(client: &mut Client, now: Instant) -> Option<Vec<u8>> {
    let mut buf = [0; 1500];
    let transmit = client.poll_transmit(now, &mut buf)?;
    assert_eq!(transmit.flow.remote(), server_address());
    Some(buf[..transmit.len].to_vec())
}

fn id_of(request: &[u8]) -> TransactionId {
    Message::parse(request).unwrap().transaction_id()
}

fn give(client: &mut Client, now: Instant, source: SocketAddr, mut bytes: Vec<u8>) {
    client.handle_datagram(now, Datagram::udp(source, &mut bytes));
}

fn response(class: Class, id: TransactionId, write: impl FnOnce(Builder<'_>) -> Builder<'_>) -> Vec<u8> {
    let mut buf = [0; 256];
    let len = write(Builder::new(&mut buf, class, Method::BINDING, id))
        .finish()
        .unwrap();
    buf[..len].to_vec()
}

fn success(id: TransactionId) -> Vec<u8> {
    response(Class::SuccessResponse, id, |b| b.xor_mapped_address(our_address()))
}

#[test]
fn learns_its_address_and_the_round_trip_time() {
    let mut client = client(ClientConfig::default());
    let mut server = BindingServer::new(ServerConfig::default());
    let mut request = take(&mut client, START).unwrap();
    assert_eq!(take(&mut client, START), None);

    server.handle_datagram(START, Datagram::udp(our_address(), &mut request));
    let mut buf = [0; 1500];
    let answer = server.poll_transmit(START, &mut buf).unwrap();
    let later = START + Duration::from_millis(30);
    give(&mut client, later, server_address(), buf[..answer.len].to_vec());

    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::MappedAddress {
            address: our_address(),
            round_trip_time: Some(Duration::from_millis(30)),
        })
    );
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(client.stats().responses, 1);
}

/// RFC 8489 §6.2.1 gives these times for its defaults.
#[test]
fn retransmits_the_same_bytes_on_schedule_and_gives_up() {
    let mut client = client(ClientConfig::default());
    let first = take(&mut client, START).unwrap();
    let mut times = vec![0];
    while let Some(due) = client.poll_timeout() {
        client.handle_timeout(due);
        if let Some(again) = take(&mut client, due) {
            assert_eq!(again, first);
            times.push((due - START).as_millis());
        } else {
            assert_eq!((due - START).as_millis(), 39_500);
        }
    }
    assert_eq!(times, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    assert_eq!(client.poll_event(), Some(ClientEvent::Failed(RequestFailure::TimedOut)));
    assert_eq!(client.stats().requests_sent, 7);
}

#[test]
fn round_trip_time_of_a_repeated_request_is_unknown() {
    let mut client = client(ClientConfig::default());
    let id = id_of(&take(&mut client, START).unwrap());
    let due = client.poll_timeout().unwrap();
    client.handle_timeout(due);
    assert!(take(&mut client, due).is_some());
    give(&mut client, due, server_address(), success(id));
    assert_eq!(
        client.poll_event(),
        Some(ClientEvent::MappedAddress {
            address: our_address(),
            round_trip_time: None,
        })
    );
}

/// A caller that slept for a minute sends one request, not those that it missed.
#[test]
fn no_burst_after_a_jump_in_time() {
    let mut client = client(ClientConfig::default());
    assert!(take(&mut client, START).is_some());
    let late = START + Duration::from_secs(60);
    client.handle_timeout(late);
    assert!(take(&mut client, late).is_some());
    client.handle_timeout(late);
    assert_eq!(take(&mut client, late), None);
    assert_eq!(client.poll_timeout(), Some(late + Duration::from_secs(1)));
    assert_eq!(client.poll_event(), None);
}

#[test]
fn strangers_and_other_transactions_are_ignored_and_counted() {
    let mut client = client(ClientConfig::default());
    give(&mut client, START, server_address(), success(TransactionId([0; 12])));
    let id = id_of(&take(&mut client, START).unwrap());

    let stranger = "198.51.100.2:3478".parse().unwrap();
    give(&mut client, START, stranger, success(id));
    give(&mut client, START, server_address(), success(TransactionId([0; 12])));
    give(&mut client, START, server_address(), vec![0; 19]);
    let request = response(Class::Request, id, |b| b.xor_mapped_address(our_address()));
    give(&mut client, START, server_address(), request);
    let mut wrong = response(Class::SuccessResponse, id, |b| {
        b.xor_mapped_address(our_address()).fingerprint()
    });
    *wrong.last_mut().unwrap() ^= 1;
    give(&mut client, START, server_address(), wrong);

    assert_eq!(client.poll_event(), None);
    let stats = client.stats();
    assert_eq!(stats.dropped_other_source, 1);
    assert_eq!(stats.dropped_malformed, 1);
    assert_eq!(stats.dropped_unexpected, 3);
    assert_eq!(stats.dropped_fingerprint, 1);

    give(&mut client, START, server_address(), success(id));
    assert!(client.poll_event().is_some());
    give(&mut client, START, server_address(), success(id));
    assert_eq!(client.poll_event(), None, "a second response is too late");
}

#[test]
fn fingerprint_is_required_where_it_is_used() {
    let mut client = client(ClientConfig::default().with_fingerprint().with_software("pollrtc"));
    let request = take(&mut client, START).unwrap();
    assert_eq!(Message::parse(&request).unwrap().verify_fingerprint(), Some(true));
    let id = id_of(&request);
    give(&mut client, START, server_address(), success(id));
    assert_eq!(client.poll_event(), None);
    let marked = response(Class::SuccessResponse, id, |b| {
        b.xor_mapped_address(our_address()).fingerprint()
    });
    give(&mut client, START, server_address(), marked);
    assert!(client.poll_event().is_some());
}

type Write = fn(Builder<'_>) -> Builder<'_>;

#[test]
fn failures_say_why() {
    let cases: [(Class, Write, RequestFailure); 4] = [
        (
            Class::ErrorResponse,
            |b| b.error_code(ErrorCode::SERVER_ERROR, "Server Error"),
            RequestFailure::Refused(500),
        ),
        (Class::ErrorResponse, |b| b, RequestFailure::NotUnderstood),
        (Class::SuccessResponse, |b| b, RequestFailure::NotUnderstood),
        (
            Class::SuccessResponse,
            |b| {
                b.xor_mapped_address(our_address())
                    .attribute(pollrtc_stun::AttributeType(0x7fff), &[])
            },
            RequestFailure::NotUnderstood,
        ),
    ];
    for (class, write, failure) in cases {
        let mut client = client(ClientConfig::default());
        let id = id_of(&take(&mut client, START).unwrap());
        give(&mut client, START, server_address(), response(class, id, write));
        assert_eq!(client.poll_event(), Some(ClientEvent::Failed(failure)));
        assert_eq!(client.poll_timeout(), None);
    }
}

#[test]
fn old_servers_that_send_only_the_plain_address_are_understood() {
    let mut client = client(ClientConfig::default());
    let id = id_of(&take(&mut client, START).unwrap());
    let plain = response(Class::SuccessResponse, id, |b| b.mapped_address(our_address()));
    give(&mut client, START, server_address(), plain);
    assert!(matches!(client.poll_event(), Some(ClientEvent::MappedAddress { .. })));
}

#[test]
fn asking_again_takes_a_new_transaction() {
    let mut client = client(ClientConfig::default());
    let first = id_of(&take(&mut client, START).unwrap());
    client.request();
    let second = id_of(&take(&mut client, START).unwrap());
    assert_ne!(first, second);
    give(&mut client, START, server_address(), success(first));
    assert_eq!(client.poll_event(), None, "the first was given up");
    give(&mut client, START, server_address(), success(second));
    assert!(client.poll_event().is_some());
}

#[test]
fn request_waits_for_a_buffer_that_holds_it() {
    let mut client = client(ClientConfig::default());
    assert_eq!(client.poll_transmit(START, &mut [0; 19]), None);
    assert_eq!(client.poll_timeout(), None);
    assert!(take(&mut client, START).is_some());
}

#[test]
fn transaction_over_a_reliable_transport_is_sent_once() {
    let id = TransactionId([1; 12]);
    let mut transaction = ClientTransaction::new(START, id, Retransmission::RELIABLE);
    let end = START + Duration::from_millis(39_500);
    assert_eq!(transaction.poll_timeout(), Some(end));
    assert_eq!(transaction.handle_timeout(START), TimeoutAction::Nothing);
    assert_eq!(transaction.handle_timeout(end), TimeoutAction::TimedOut);
}

/// RFC 8445 §7.3.1.4: a cancelled check is not sent again, but its response is still waited for.
#[test]
fn stopped_transaction_waits_as_long_as_it_would_have() {
    let id = TransactionId([1; 12]);
    let mut transaction = ClientTransaction::new(START, id, Retransmission::default());
    transaction.stop_retransmitting();
    let end = START + Duration::from_millis(39_500);
    assert_eq!(transaction.poll_timeout(), Some(end));
    assert_eq!(transaction.handle_timeout(end), TimeoutAction::TimedOut);
}

#[test]
fn asks_and_hears_by_its_flow_alone() {
    let flow = Flow::new(Protocol::Tcp, Some(our_address()), server_address());
    let config = ClientConfig::default().with_retransmission(Retransmission::RELIABLE);
    let mut client = Client::new(config, flow, Rng::from_seed([7; 32]));
    let mut buf = [0; 1500];
    let transmit = client.poll_transmit(START, &mut buf).unwrap();
    assert_eq!(transmit.flow, flow);
    let id = id_of(&buf[..transmit.len]);
    let others = [
        Flow::udp(server_address()).on(our_address()),
        flow.on("203.0.113.6:50000".parse().unwrap()),
        Flow::new(Protocol::Tcp, Some(our_address()), our_address()),
    ];
    for other in others {
        client.handle_datagram(START, Datagram::new(other, &mut success(id)));
        assert_eq!(client.poll_event(), None);
    }
    assert_eq!(client.stats().dropped_other_source, 3);
    let unnamed = Flow::new(Protocol::Tcp, None, server_address());
    client.handle_datagram(START, Datagram::new(unnamed, &mut success(id)));
    assert!(matches!(client.poll_event(), Some(ClientEvent::MappedAddress { .. })));
}
