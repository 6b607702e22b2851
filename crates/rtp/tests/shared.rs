//! Packets that outlive their datagram.

use pollrtc_core::Instant;
use pollrtc_rtp::{Extension, ExtensionMap, Origin, Pool, RtpPacket, SharedPacket, Source, StreamKey};

const BYTES: [u8; 18] = [0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 0, 7, 8];

fn packet(origin: Origin) -> RtpPacket<'static> {
    RtpPacket::parse(&BYTES, &ExtensionMap::new(), origin).unwrap()
}

#[test]
fn a_shared_packet_says_all_that_the_view_did() {
    let origin = Origin {
        source: Source {
            stream: StreamKey(9),
            index: 1 << 40,
        },
        arrived: Instant::from_millis(5),
        ..Origin::default()
    };
    let mut bytes = BYTES;
    let mut map = ExtensionMap::new();
    map.insert(1, Extension::Mid);
    let shared = Pool::new(8)
        .share(&RtpPacket::parse(&bytes, &map, origin).unwrap())
        .unwrap();
    bytes.fill(0); // the datagram's buffer is used for the next one
    assert_eq!(shared.view(), packet(origin));
    assert_eq!(shared.view().payload(), [7, 8]);
}

#[test]
fn an_empty_pool_refuses_and_counts() {
    let mut pool = Pool::new(3);
    let held: Vec<SharedPacket> = (0..3).map_while(|_| pool.share(&packet(Origin::default()))).collect();
    assert_eq!(held.len(), 3);
    assert!(pool.share(&packet(Origin::default())).is_none());
    assert_eq!((pool.refused(), pool.len()), (1, 3));

    // Whoever lets go of one in the middle makes room for one.
    let [first, second, third]: [SharedPacket; 3] = held.try_into().unwrap();
    drop(second);
    let fourth = pool.share(&packet(Origin::default())).expect("one is free");
    assert!(pool.share(&packet(Origin::default())).is_none());
    assert_eq!(pool.len(), 3);
    drop((first, third, fourth));
}

#[test]
fn a_warm_pool_asks_no_allocator() {
    let mut pool = Pool::new(64);
    drop(pool.share(&packet(Origin::default())));
    let counted = allocation_counter::measure(|| {
        for _ in 0..100 {
            drop(pool.share(&packet(Origin::default())));
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn packets_cross_threads() {
    let mut pool = Pool::new(4);
    let shared = pool.share(&packet(Origin::default())).unwrap();
    let elsewhere = shared.clone();
    let ssrc = std::thread::spawn(move || elsewhere.view().ssrc()).join().unwrap();
    assert_eq!(ssrc, shared.view().ssrc());
}
