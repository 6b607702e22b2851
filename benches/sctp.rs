//! SCTP: the wire, a handshake, and messages in bulk between two peers in one process.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;
use pollrtc_sctp::channel::{ChannelEvent, DataChannels, Parity};
use pollrtc_sctp::wire::{Data, DataHeader, Packet, PacketWriter, verify_checksum};
use pollrtc_sctp::{Association, Config, Event, SendOptions};

struct Pair<M> {
    a: M,
    b: M,
    now: Instant,
    buf: [u8; 1500],
}

impl<M: InnerProtocol> Pair<M> {
    /// Carries packets until both are quiet.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(len) = self.a.write_body(self.now, &mut self.buf, Headroom::NONE) {
                self.b.handle_body(self.now, &mut self.buf[..len]);
                quiet = false;
            }
            while let Some(len) = self.b.write_body(self.now, &mut self.buf, Headroom::NONE) {
                self.a.handle_body(self.now, &mut self.buf[..len]);
                quiet = false;
            }
            if quiet {
                return;
            }
        }
    }
}

fn associations() -> Pair<Association> {
    let rng = |seed| Rng::from_seed([seed; 32]);
    Pair {
        a: Association::new(Config::default(), rng(1)),
        b: Association::new(Config::default(), rng(2)),
        now: Instant::from_millis(1),
        buf: [0; 1500],
    }
}

fn connected() -> Pair<Association> {
    let mut pair = associations();
    pair.a.connect();
    pair.settle();
    assert_eq!(pair.a.poll_event(), Some(Event::Connected));
    assert_eq!(pair.b.poll_event(), Some(Event::Connected));
    pair
}

/// Sends `count` messages and takes them at the other side.
fn transfer(pair: &mut Pair<Association>, message: &Bytes, count: usize) {
    for _ in 0..count {
        pair.a
            .send(0, 53, message.clone(), SendOptions::default())
            .expect("there is room");
    }
    let mut got = 0;
    while got < count {
        pair.now += core::time::Duration::from_micros(100);
        pair.settle();
        while let Some(event) = pair.b.poll_event() {
            got += usize::from(matches!(event, Event::Message { .. }));
        }
        while pair.a.poll_event().is_some() {}
    }
}

fn bulk(c: &mut Criterion) {
    let mut group = c.benchmark_group("sctp/bulk");
    for (name, len, count) in [
        ("64 B", 64, 1000),
        ("1 KiB", 1024, 500),
        ("16 KiB", 16_384, 64),
        ("256 KiB", 262_144, 4),
    ] {
        let message = Bytes::from(vec![7; len + 1]).slice(..len);
        let mut pair = connected();
        transfer(&mut pair, &message, count);
        group.throughput(Throughput::Bytes((len * count) as u64));
        group.bench_function(name, |b| b.iter(|| transfer(&mut pair, &message, count)));
    }
    group.finish();
}

fn handshake(c: &mut Criterion) {
    c.bench_function("sctp/association handshake, both sides", |b| b.iter(connected));
    c.bench_function("sctp/channel from nothing to open, both sides", |b| {
        b.iter(|| {
            let rng = |seed| Rng::from_seed([seed; 32]);
            let mut pair = Pair {
                a: DataChannels::new(Default::default(), rng(1)),
                b: DataChannels::new(Default::default(), rng(2)),
                now: Instant::from_millis(1),
                buf: [0; 1500],
            };
            pair.a.set_role(Parity::Even);
            pair.b.set_role(Parity::Odd);
            pair.a.open("bench").expect("there is room");
            pair.a.connect();
            pair.b.connect();
            pair.settle();
            let opened =
                std::iter::from_fn(|| pair.b.poll_event()).any(|event| matches!(event, ChannelEvent::Opened { .. }));
            assert!(opened);
        });
    });
}

fn wire(c: &mut Criterion) {
    let payload = [7; 1124];
    let header = DataHeader {
        beginning: true,
        ending: true,
        ..DataHeader::default()
    };
    let mut buf = [0; 1500];
    let build = |buf: &mut [u8]| {
        let mut packet = PacketWriter::new(buf, 5000, 5000, 7).expect("it fits");
        packet.data(&header, &payload);
        packet.finish()
    };
    c.bench_function("sctp/build a packet of 1152 B", |b| {
        b.iter(|| build(black_box(&mut buf)))
    });
    let len = build(&mut buf);
    c.bench_function("sctp/check and parse a packet of 1152 B", |b| {
        b.iter(|| {
            let bytes = black_box(&mut buf[..len]);
            assert!(verify_checksum(bytes));
            let packet = Packet::parse(bytes).expect("a packet");
            let chunk = packet.chunks().next().expect("a chunk").expect("well formed");
            Data::parse(&chunk).expect("data").tsn
        });
    });
}

criterion_group!(benches, wire, handshake, bulk);
criterion_main!(benches);
