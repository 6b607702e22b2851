//! Who begins a check when: all peers of a router share the network that it is in (RFC 8445 §14.2).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use crate::script::seeded;
use pollrtc::{Instant, PeerConnection, Router, StateMachine};
use pollrtc_stun::{Class, Message};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 100], 3478);
const PEERS: u8 = 40;

/// All offers are answered at once by a router that begins one check in `pacing`, and nobody ever says a word. When each
/// check was sent for the first time, and to whom, until everybody was asked.
fn first_checks(pacing: Duration) -> Vec<(Instant, SocketAddr)> {
    let mut now = Instant::from_millis(1_000);
    let mut router = Router::new().with_pacing(pacing);
    for number in 0..PEERS {
        let mut client = PeerConnection::new(seeded(number));
        let address = SocketAddr::from(([192, 0, 2, 1 + number], 5000));
        client.add_local_address(now, address).unwrap();
        client.create_data_channel("paced").unwrap();
        let offer = client.offer(now).unwrap();
        let mut server = PeerConnection::new(seeded(100 + number));
        server.add_local_address(now, SERVER.into()).unwrap();
        let id = router.insert(server);
        router.peer_mut(id).unwrap().accept_offer(now, &offer).unwrap();
    }
    let (mut known, mut asked, mut first) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let mut buf = [0; 2_000];
    while asked.len() < usize::from(PEERS) {
        while let Some(transmit) = router.poll_transmit(now, &mut buf) {
            let message = Message::parse(&buf[..transmit.len]).unwrap();
            assert_eq!(message.class(), Class::Request);
            if known.insert(message.transaction_id()) {
                first.push((now, transmit.flow.remote()));
                asked.insert(transmit.flow.remote());
            }
        }
        assert!(now < Instant::from_millis(3_000), "each has its turn");
        now = router.poll_timeout().unwrap().max(now);
        router.handle_timeout(now);
    }
    first
}

#[test]
fn peers_that_begin_at_once_share_one_budget_of_checks() {
    for pacing in [Duration::from_millis(5), Duration::from_micros(200)] {
        let checks = first_checks(pacing);
        let gaps = checks.windows(2).map(|two| two[1].0 - two[0].0);
        assert!(gaps.clone().all(|gap| gap >= pacing), "{checks:?}");
        // Nobody's turn is lost, and nobody is asked twice before all were asked once.
        assert_eq!(checks.len(), usize::from(PEERS));
        let all = checks[checks.len() - 1].0 - checks[0].0;
        assert!(all <= pacing * u32::from(PEERS), "{all:?}");
    }
}

#[test]
fn a_peer_that_leaves_its_router_has_a_budget_of_its_own() {
    let now = Instant::from_millis(1_000);
    let mut router = Router::new().with_pacing(Duration::from_secs(1));
    let mut ids = Vec::new();
    for number in 0..3 {
        let mut client = PeerConnection::new(seeded(number));
        let address = SocketAddr::from(([192, 0, 2, 1 + number], 5000));
        client.add_local_address(now, address).unwrap();
        client.create_data_channel("paced").unwrap();
        let mut server = PeerConnection::new(seeded(100 + number));
        server.add_local_address(now, SERVER.into()).unwrap();
        let id = router.insert(server);
        let offer = client.offer(now).unwrap();
        router.peer_mut(id).unwrap().accept_offer(now, &offer).unwrap();
        ids.push(id);
    }
    let mut buf = [0; 2_000];
    assert!(router.poll_transmit(now, &mut buf).is_some());
    assert_eq!(
        router.poll_transmit(now, &mut buf),
        None,
        "the others wait for their turn"
    );
    for id in &ids[1..] {
        let mut alone = router.remove(*id).unwrap();
        assert!(alone.poll_transmit(now, &mut buf).is_some(), "nobody else to wait for");
    }
}
