//! Reading, verifying and writing messages never touches the heap, nor does a server that answers.

use std::net::SocketAddr;

use allocation_counter::measure;
use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_stun::{
    AttributeType, BindingServer, Builder, Class, IntegrityKey, Message, Method, ServerConfig, TransactionId,
};

fn write_check(buf: &mut [u8], key: &IntegrityKey) -> usize {
    Builder::new(buf, Class::Request, Method::BINDING, TransactionId([7; 12]))
        .ice_username("AbCd", "EfGh")
        .attribute(AttributeType::GOOG_NETWORK_INFO, &[0, 1, 0, 10])
        .ice_controlling(1)
        .use_candidate()
        .priority(2)
        .message_integrity(key)
        .fingerprint()
        .finish()
        .unwrap()
}

#[test]
fn messages_never_touch_the_heap() {
    let mut buf = [0; 256];
    let allocations = measure(|| {
        let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
        let len = write_check(&mut buf, &key);
        let message = Message::parse(&buf[..len]).unwrap();
        assert_eq!(message.username(), Some("AbCd:EfGh"));
        assert_eq!(message.attributes().count(), 7);
        assert_eq!(message.unknown_comprehension_required().count(), 0);
        assert!(message.verify_integrity(&key));
        assert_eq!(message.verify_fingerprint(), Some(true));
        assert!(Message::parse(&buf[..len - 1]).is_err());
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn server_answers_without_touching_the_heap() {
    let client = SocketAddr::from(([192, 0, 2, 1], 5000));
    let mut server = BindingServer::new(ServerConfig::default());
    let mut request = [0; 256];
    let len = write_check(&mut request, &IntegrityKey::short_term("password"));
    let mut buf = [0; 1500];
    let mut exchange = || {
        server.handle_datagram(Instant::ZERO, Datagram::udp(client, &mut request[..len]));
        server.poll_transmit(Instant::ZERO, &mut buf).is_some()
    };
    assert!(exchange()); // the queue gets its memory
    let allocations = measure(|| assert!(exchange()));
    assert_eq!(allocations.count_total, 0);
}
