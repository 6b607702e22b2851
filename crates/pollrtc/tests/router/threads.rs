//! Connections and routers move between threads.

use pollrtc::{Config, Datagram, Event, PeerConnection, PeerId, Router, Stats};

#[test]
fn everything_is_send() {
    fn assert_send<T: Send>() {}
    assert_send::<PeerConnection>();
    assert_send::<Router>();
    assert_send::<Config>();
    assert_send::<Event>();
    assert_send::<(PeerId, Event)>();
    assert_send::<Datagram<'static>>();
    assert_send::<Stats>();
}
