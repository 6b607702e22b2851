//! The verbs of media for many peers, which say that none is negotiated.

use crate::script::seeded;
use pollrtc::{Datagram, Instant, Outgoing, PeerConnection, Rewrite, Router, RtpPacket, StateMachine, WriteError};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Patch, Pool};

const PACKET: [u8; 16] = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 6, 7];

const REWRITE: Rewrite<'static> = Rewrite {
    sequence: 1,
    timestamp: 2,
    marker: false,
    format: Format(0),
    patch: Patch::None,
    descriptor: None,
    frame_number: None,
};

#[test]
fn nothing_is_sent_where_nothing_is_negotiated_and_nobody_is_visited() {
    let now = Instant::from_millis(1_000);
    let mut router = Router::new();
    let ids = [1, 2, 3].map(|seed| router.insert(PeerConnection::new(seeded(seed))));
    let gone = router.insert(PeerConnection::new(seeded(4)));
    assert!(router.remove(gone).is_some());
    let mut buf = [0; 1500];
    while router.poll_transmit(now, &mut buf).is_some() {}
    while router.poll_event().is_some() {}
    let before = router.poll_timeout();

    let packet = RtpPacket::parse(&PACKET, &ExtensionMap::new(), Origin::default()).unwrap();
    let shared = Pool::new(1).share(&packet).unwrap();
    let refused = Err(WriteError::NotNegotiated);
    for id in ids.into_iter().chain([gone]) {
        let to = Outgoing(0);
        let written = router.write_rtp(now, id, to, &packet, &REWRITE, &mut buf);
        assert_eq!(written, Err(WriteError::NotNegotiated));
        assert_eq!(router.queue_rtp(now, id, to, &shared, &REWRITE), refused);
        assert_eq!(router.resend(now, id, to, &shared, &REWRITE), refused);
    }
    let mut told = Vec::new();
    let to = ids.map(|id| (id, Outgoing(7), REWRITE));
    router.fan_out(now, &packet, to, &mut buf, |id, written| told.push((id, written.err())));
    assert_eq!(told, ids.map(|id| (id, Some(WriteError::NotNegotiated))));

    assert_eq!(router.poll_ready(), None, "nothing happened to anybody");
    assert_eq!(router.poll_timeout(), before);
    assert!(router.poll_transmit(now, &mut buf).is_none());
    assert_eq!(buf, [0; 1500]);
}

#[test]
fn media_of_nobody_is_counted() {
    let mut router = Router::new();
    router.insert(PeerConnection::new(seeded(1)));
    let mut bytes = PACKET;
    let datagram = Datagram::udp(([192, 0, 2, 1], 5000).into(), &mut bytes);
    assert_eq!(router.handle_datagram(Instant::ZERO, datagram), None);
    assert_eq!(router.stats().unroutable, 1);
}
