//! Media outside of any connection: a packet is received, kept, forwarded to fifty, and asked for again.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_core::Instant;
use pollrtc_media::{
    ALL_LAYERS, Codec, Content, Facts, FormatMap, Forwarder, ForwarderConfig, History, HistoryConfig, NackConfig,
    NackList, Reception, Verdict,
};
use pollrtc_rtp::{ExtensionMap, Format, Origin, Pool, RtpPacket, Source, StreamKey, Via};

const SUBSCRIBERS: usize = 50;

/// The packets of a camera: VP8, ten to a picture, 1,200 bytes each.
struct Camera {
    bytes: Vec<u8>,
    index: u64,
}

impl Camera {
    fn new() -> Self {
        let header = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let descriptor = [0x90, 0xf0, 0x80, 0, 0, 0x20];
        let bytes = [&header[..], &descriptor, &[0; 1_182]].concat();
        Self { bytes, index: 0 }
    }

    /// The next packet; the first one begins a key frame.
    fn packet(&mut self) -> RtpPacket<'_> {
        self.index += 1;
        let picture = self.index / 10;
        self.bytes[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        self.bytes[4..8].copy_from_slice(&(3_000 * picture as u32).to_be_bytes());
        self.bytes[14..16].copy_from_slice(&(picture as u16 | 0x8000).to_be_bytes());
        self.bytes[18] = u8::from(self.index > 1);
        let origin = Origin {
            source: Source {
                stream: StreamKey(1),
                index: self.index,
            },
            arrived: Instant::from_millis(3 * self.index),
            ..Origin::default()
        };
        RtpPacket::parse(&self.bytes, &ExtensionMap::new(), origin).expect("a packet")
    }
}

fn forwarders() -> Vec<Forwarder> {
    let mut formats = FormatMap::new();
    formats.insert(Format(0), Format(0), Codec::Vp8);
    let config = ForwarderConfig {
        formats,
        clock_rate: 90_000,
        first_sequence: 1,
    };
    let mut forwarders = vec![Forwarder::new(config); SUBSCRIBERS];
    forwarders
        .iter_mut()
        .for_each(|forwarder| forwarder.select(StreamKey(1), ALL_LAYERS));
    forwarders
}

fn media(c: &mut Criterion) {
    let mut group = c.benchmark_group("media");

    group.throughput(Throughput::Elements(1));
    let (mut camera, mut pool, mut history) = (Camera::new(), Pool::new(4_000), History::new(HistoryConfig::default()));
    let (mut reception, mut nacks) = (Reception::authenticated(), NackList::new(NackConfig::default()));
    group.bench_function("receive and keep", |b| {
        b.iter(|| {
            let packet = camera.packet();
            let Origin { source, arrived, .. } = packet.origin;
            let facts = Facts {
                timestamp: packet.timestamp(),
                clock_rate: 90_000,
                payload: packet.payload().len(),
            };
            black_box(reception.handle_index(arrived, source.index, facts));
            nacks.handle_packet(arrived, source.index, Via::Media);
            if let Some(shared) = pool.share(&packet) {
                history.insert(arrived, &shared);
            }
        });
    });

    group.throughput(Throughput::Elements(SUBSCRIBERS as u64));
    let (mut camera, mut subscribers) = (Camera::new(), forwarders());
    group.bench_function("forward to 50", |b| {
        b.iter(|| {
            let packet = camera.packet();
            let content = Content::of(Codec::Vp8, &packet);
            for subscriber in &mut subscribers {
                let verdict = subscriber.next_with(&packet, &content);
                assert!(matches!(black_box(verdict), Verdict::Forward(_)));
            }
        });
    });

    let (mut camera, mut subscribers) = (Camera::new(), forwarders());
    for _ in 0..1_000 {
        let packet = camera.packet();
        subscribers
            .iter_mut()
            .for_each(|subscriber| _ = subscriber.next(&packet));
    }
    let packet = camera.packet();
    subscribers
        .iter_mut()
        .for_each(|subscriber| _ = subscriber.next(&packet));
    group.bench_function("find and repeat for 50", |b| {
        b.iter(|| {
            for subscriber in &subscribers {
                let sequence = subscriber.next_sequence() as u16 - 1;
                assert_eq!(subscriber.find(sequence), Some(packet.origin.source));
                black_box(subscriber.repeat(sequence, &packet));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, media);
criterion_main!(benches);
