//! Media has its verbs, and nothing to say as long as none is negotiated.

use std::time::Duration;

use crate::script::seeded;
use crate::support::{Pair, START, Who};
use pollrtc::{Datagram, Outgoing, PeerConnection, Received, Rewrite, RtpPacket, StateMachine, WriteError};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Patch, Pool};

const PACKET: [u8; 16] = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 4, 5, 6, 7];

const REWRITE: Rewrite<'static> = Rewrite {
    sequence: 1,
    timestamp: 2,
    marker: false,
    format: Format(0),
    patch: Patch::None,
    descriptor: None,
};

/// Every verb that sends is told that there is nobody, and nothing leaves.
fn is_refused(peer: &mut PeerConnection) {
    let packet = RtpPacket::parse(&PACKET, &ExtensionMap::new(), Origin::default()).unwrap();
    let shared = Pool::new(1).share(&packet).unwrap();
    let mut buf = [0; 1500];
    for to in [0, 1, u32::MAX].map(Outgoing) {
        let before = peer.poll_timeout();
        let written = peer.write_rtp(START, to, &packet, &REWRITE, &mut buf);
        assert_eq!(written, Err(WriteError::NotNegotiated));
        let queued = peer.queue_rtp(START, to, &shared, &REWRITE);
        assert_eq!(queued, Err(WriteError::NotNegotiated));
        assert_eq!(
            peer.resend(START, to, &shared, &REWRITE),
            Err(WriteError::NotNegotiated)
        );
        assert_eq!(peer.poll_timeout(), before);
    }
    assert_eq!(buf, [0; 1500]);
}

#[test]
fn nothing_is_sent_where_nothing_is_negotiated() {
    is_refused(&mut PeerConnection::new(seeded(1)));
    let mut pair = Pair::new();
    pair.open(Who::Alice, "chat");
    is_refused(&mut pair.alice.peer);
    let sent = pair.alice.sent;
    pair.run_for(Duration::from_millis(1));
    assert_eq!(pair.alice.sent, sent);
}

#[test]
fn media_that_comes_all_the_same_is_dropped_and_counted() {
    let mut pair = Pair::new();
    let (chat, _) = pair.open(Who::Alice, "chat");
    let (now, from, to) = (pair.now, pair.alice.address, pair.bob.address);
    for first in [0x80, 0xbf] {
        let mut bytes = PACKET;
        bytes[0] = first;
        let datagram = Datagram::udp(from, &mut bytes).received_on(to);
        assert_eq!(pair.bob.peer.handle_datagram(now, datagram), Received::Nothing);
    }
    assert_eq!(pair.bob.peer.stats().dropped_media, 2);
    pair.say(Who::Alice, chat, "as if nothing had come");
}
