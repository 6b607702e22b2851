//! SCTP inside of another protocol: it writes into its place between the headers of those below, and the path says
//! how much room there is.

mod support;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::wire::{Data, Packet, kind, verify_checksum};
use pollrtc_sctp::{Association, MIN_MAX_PACKET};
use quickcheck::quickcheck;
use support::*;

/// The payload lengths of the DATA chunks in a packet.
fn payloads(packet: &[u8]) -> Vec<usize> {
    let chunks = Packet::parse(packet).unwrap().chunks().map(Result::unwrap);
    let data = chunks.filter(|chunk| chunk.kind() == kind::DATA);
    data.map(|chunk| Data::parse(&chunk).unwrap().payload.len()).collect()
}

/// What `a` writes where the path has so much room.
fn write(pair: &mut Associations, room: usize) -> Option<Vec<u8>> {
    let mut buf = vec![0; room];
    let len = pair.a.machine.write_body(pair.now, &mut buf, Headroom::NONE)?;
    buf.truncate(len);
    Some(buf)
}

quickcheck! {
    fn for_every_headroom_nothing_but_the_body_is_written(prefix: u8, suffix: u8, spare: u16) -> bool {
        let headroom = Headroom { prefix: prefix.into(), suffix: suffix.into() };
        let mut pair = Associations::connected();
        pair.send(0, numbered(0, 20_000));
        let mut buf = vec![0xA5; headroom.total() + MIN_MAX_PACKET + usize::from(spare % 2000)];
        let len = pair.a.machine.write_body(pair.now, &mut buf, headroom).unwrap();
        let (before, rest) = buf.split_at_mut(headroom.prefix);
        let (body, after) = rest.split_at_mut(len);
        before.iter().chain(after.iter()).all(|byte| *byte == 0xA5)
            && after.len() >= headroom.suffix
            && verify_checksum(body)
    }
}

#[test]
fn another_room_is_used_by_the_next_packet() {
    let mut pair = Associations::new(config().with_max_packet(2000), config());
    pair.connect();
    pair.send(0, numbered(0, 100_000));
    let lengths = [1200, 600, 1410, 1000, 3000].map(|room| write(&mut pair, room).unwrap().len());
    // Whole blocks of 16 bytes, and never more than is configured.
    assert_eq!(lengths, [1200, 592, 1408, 992, 2000]);
}

#[test]
fn no_room_is_not_the_same_as_nothing_to_say() {
    let mut pair = Associations::connected();
    let longest = pair.a.machine.longest_body();
    assert_eq!(write(&mut pair, longest), None, "there is nothing to say");
    pair.send(0, "something");
    assert_eq!(write(&mut pair, MIN_MAX_PACKET - 1), None, "there is no room");
    assert!(write(&mut pair, longest).is_some());
    for protocol in [100, MIN_MAX_PACKET, 1152, 5000] {
        let mut machine = Association::new(config().with_max_packet(protocol), rng(1));
        machine.connect();
        assert!(
            machine
                .write_body(pair.now, &mut vec![0; machine.longest_body()], Headroom::NONE)
                .is_some()
        );
    }
}

#[test]
fn what_was_cut_for_more_room_than_there_is_waits_and_says_so() {
    let mut pair = Associations::connected();
    pair.send(0, numbered(0, 5000));
    let first = write(&mut pair, 1200).unwrap();
    assert_eq!(payloads(&first), [1152 - 28]);
    // It is lost, and the path takes less from then on: what was not cut yet is cut for that.
    let others: Vec<Vec<u8>> = std::iter::from_fn(|| write(&mut pair, 600)).collect();
    assert!(others.iter().all(|packet| packet.len() <= 600));
    assert_eq!(pair.a.machine.needed_room(), None, "it is not known to be lost yet");
    for mut packet in others {
        pair.b.machine.handle_body(pair.now, &mut packet);
    }
    let mut sack = vec![0; 1200];
    while let Some(len) = pair.b.machine.write_body(pair.now, &mut sack, Headroom::NONE) {
        pair.a.machine.handle_body(pair.now, &mut sack[..len]);
    }
    pair.now += ms(1000);
    pair.a.machine.handle_timeout(pair.now);
    assert_eq!(write(&mut pair, 600), None);
    assert_eq!(pair.a.machine.needed_room(), Some(1152));
    let again = write(&mut pair, 1152).unwrap();
    assert_eq!(payloads(&again), [1152 - 28]);
    assert_eq!(pair.a.machine.needed_room(), None);
    pair.b.machine.handle_body(pair.now, &mut again.clone());
    pair.run_for(ms(1000));
    assert_eq!(pair.b.messages(), [(0, numbered(0, 5000))]);
}
