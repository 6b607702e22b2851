//! What an agent costs once its work is done.

use std::time::Duration;

use allocation_counter::measure;
use pollrtc_core::{Datagram, StateMachine};
use pollrtc_ice::{Received, State};

use super::common::{A, B, Pair, at, host, is_request, ms};

fn connected(counts: [usize; 2]) -> Pair {
    let mut pair = Pair::with_addresses(counts, ms(20));
    pair.signal();
    assert!(pair.run_until_both(State::Completed, at(1000)));
    pair
}

#[test]
fn data_and_polls_never_touch_the_heap() {
    let mut pair = connected([1, 1]);
    let now = pair.now;
    let agent = &mut pair.agents[A];
    let mut payload = [0x80; 1200];
    let mut buf = [0; 1500];
    let allocations = measure(|| {
        for _ in 0..100 {
            let datagram = Datagram::udp(host(B, 0), &mut payload).received_on(host(A, 0));
            assert!(matches!(agent.handle_datagram(now, datagram), Received::Data { .. }));
            assert!(agent.path().is_some());
            assert!(agent.poll_transmit(now, &mut buf).is_none());
            assert!(agent.poll_event().is_none());
            assert!(agent.poll_timeout().is_some());
        }
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn answering_the_peers_consent_checks_never_touches_the_heap() {
    let mut pair = connected([1, 1]);
    pair.run_for(Duration::from_secs(20));
    let now = pair.now;
    let check = pair.sent[B]
        .iter()
        .rev()
        .map(|(_, packet)| packet)
        .find(|packet| is_request(&packet.bytes));
    let mut check = check.expect("a consent check").bytes.clone();
    let agent = &mut pair.agents[A];
    let mut buf = [0; 1500];
    let allocations = measure(|| {
        agent.handle_datagram(now, Datagram::udp(host(B, 0), &mut check));
        assert!(agent.poll_transmit(now, &mut buf).is_some());
    });
    assert_eq!(allocations.count_total, 0);
}

#[test]
fn an_idle_agent_is_small() {
    let before = measure(|| {
        let pair = connected([1, 1]);
        let [one, two] = pair.agents;
        std::mem::forget((one, two));
    });
    let each = before.bytes_current / 2;
    assert!(each < 8 * 1024, "{each} bytes of heap");
}
