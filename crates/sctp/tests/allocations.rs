//! Law 7: in the steady state nothing is allocated beyond the message that is handed over, and
//! parsing allocates nothing at all.

mod support;

use allocation_counter::measure;
use bytes::Bytes;
use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_sctp::wire::{Chunk, Data, ForwardTsn, Init, Packet, Parameters, Reconfig, Sack, dcep};
use support::*;

fn allocations(work: impl FnOnce()) -> usize {
    measure(work).count_total as usize
}

/// Sends `message` so many times and drains both sides after each; the test's own buffer is used for
/// all packets.
fn exchange(pair: &mut Associations, message: &Bytes, times: usize) -> usize {
    let mut buf = [0; 1500];
    let now = pair.now;
    let mut packets = 0;
    for _ in 0..times {
        let options = Default::default();
        pair.a.machine.send(0, 53, message.clone(), options).unwrap();
        loop {
            let before = packets;
            while let Some(len) = pair.a.machine.write_body(now, &mut buf, Headroom::NONE) {
                packets += 1;
                pair.b.machine.handle_body(now, &mut buf[..len]);
            }
            while let Some(len) = pair.b.machine.write_body(now, &mut buf, Headroom::NONE) {
                packets += 1;
                pair.a.machine.handle_body(now, &mut buf[..len]);
            }
            if packets == before {
                break;
            }
        }
        while pair.a.machine.poll_event().is_some() {}
        while pair.b.machine.poll_event().is_some() {}
    }
    packets
}

#[test]
fn one_message_is_one_allocation() {
    for len in [1, 64, 1100, 16_384, 65_536] {
        let mut pair = Associations::connected();
        // A slice of something larger shares its count of references; cloning it is free.
        let message = Bytes::from(vec![7; len + 1]).slice(..len);
        exchange(&mut pair, &message, 200);
        let mut packets = 0;
        let count = allocations(|| packets = exchange(&mut pair, &message, 500));
        assert!(packets >= 500 * len / 1124);
        // `Bytes` counts references in a place of its own, for messages in several packets.
        let per_message = if len > 1124 { 2 } else { 1 };
        assert!(
            count <= 500 * per_message,
            "{len} bytes: {count} allocations for 500 messages"
        );
    }
}

fn read(chunk: &Chunk<'_>) {
    let _ = Data::parse(chunk);
    let _ = Init::parse(chunk).map(|init| init.parameters.count());
    let _ = Sack::parse(chunk).map(|sack| sack.gap_blocks().count() + sack.duplicates().count());
    let _ = ForwardTsn::parse(chunk).map(|forward| forward.streams().count());
    let _ = Parameters::new(chunk.value())
        .filter_map(|parameter| Reconfig::parse(&parameter))
        .count();
    let _ = dcep::Message::parse(chunk.value());
}

#[test]
fn parsing_allocates_nothing() {
    let mut pair = Associations::new(config(), config());
    pair.a.machine.connect();
    pair.send(0, numbered(0, 5000));
    pair.run_for(ms(500));
    let packets = [pair.a.wire, pair.b.wire].concat();
    let count = allocations(|| {
        for packet in &packets {
            let packet = Packet::parse(packet).unwrap();
            packet.chunks().for_each(|chunk| read(&chunk.unwrap()));
        }
    });
    assert_eq!(count, 0);
}
