//! What would reach the wrong connection, or none.

use std::net::SocketAddr;

use crate::script::seeded;
use pollrtc::{Datagram, Flow, FlowEvent, Instant, PeerConnection, Router, StateMachine};
use pollrtc_stun::{Builder, Class, IntegrityKey, Method, TransactionId};

const NOW: Instant = Instant::from_millis(5_000);

fn client() -> SocketAddr {
    ([192, 0, 2, 1], 5000).into()
}

fn server() -> SocketAddr {
    ([192, 0, 2, 100], 3478).into()
}

/// A server's connection that has made an offer; each is the same as the other.
fn offering() -> PeerConnection {
    let mut peer = PeerConnection::new(seeded(100));
    peer.add_local_address(NOW, server()).unwrap();
    peer.create_data_channel("hall").unwrap();
    peer.offer(NOW).unwrap();
    peer
}

/// What somebody sends who has that offer.
fn check(peer: &PeerConnection) -> Vec<u8> {
    let sdp = peer.local_description().unwrap().sdp;
    let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let (ufrag, pwd) = (value("a=ice-ufrag:"), value("a=ice-pwd:"));
    let mut buf = [0; 512];
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([1; 12]))
        .username(&format!("{ufrag}:client"))
        .priority(1)
        .ice_controlling(1)
        .message_integrity(&IntegrityKey::short_term(pwd))
        .fingerprint()
        .finish()
        .unwrap();
    buf[..len].to_vec()
}

#[test]
fn a_ufrag_that_another_connection_has_taken_over_stays_that_ones() {
    let mut router = Router::new();
    let (first, second) = (router.insert(offering()), router.insert(offering()));
    let mut request = check(router.peer(second).unwrap());
    let mut whose = |router: &mut Router| {
        let taken = router.handle_datagram(NOW, Datagram::udp(client(), &mut request));
        taken.map(|(id, _)| id)
    };
    router.remove(first);
    assert_eq!(whose(&mut router), Some(second));
    router.remove(second);
    assert_eq!(whose(&mut router), None);
}

#[test]
fn that_nobody_is_there_is_told_to_who_has_asked() {
    let mut peer = PeerConnection::new(seeded(1));
    peer.add_local_address(NOW, client()).unwrap();
    peer.create_data_channel("hall").unwrap();
    let offer = peer.offer(NOW).unwrap();
    let mut answering = PeerConnection::new(seeded(2));
    answering.add_local_address(NOW, server()).unwrap();
    answering.accept_offer(NOW, &offer).unwrap();
    let mut router = Router::new();
    let id = router.insert(answering);
    let unreachable = |router: &Router| router.peer(id).unwrap().stats().transports[0].ice.unreachable;
    // Its check goes out, and what comes back is ICMP.
    let mut buf = vec![0; 65_536];
    let transmit = router.poll_transmit(NOW, &mut buf).unwrap();
    assert_eq!(transmit.flow.remote(), client());
    router.handle_flow(NOW, FlowEvent::Unreachable(Flow::udp(client())));
    assert_eq!(unreachable(&router), 1);
    router.handle_flow(NOW, FlowEvent::Unreachable(Flow::udp(([203, 0, 113, 9], 9).into())));
    assert_eq!(unreachable(&router), 1, "nobody has asked there");
}
