//! What crosses a thread is a value: packets are shared, and all else is each thread's own.

mod common;

use std::sync::mpsc;

use common::{Packet, VP8, Vp8, forwarded, forwarder};
use pollrtc_core::Instant;
use pollrtc_media::{
    ALL_LAYERS, Departures, Forwarder, History, HistoryConfig, KeyframeRequests, NackList, Reception, RemoteClock,
    Resends, RoundTrip, RtcpTiming, StreamArrivals, Transmission, TransportArrivals, Upstream,
};
use pollrtc_rtp::{Pool, SharedPacket, StreamKey};

fn assert_send<T: Send>() {}

#[test]
fn all_may_move_to_another_thread() {
    assert_send::<(Forwarder, History, Resends, KeyframeRequests)>();
    assert_send::<(Reception, NackList, Upstream, RemoteClock, Transmission, RoundTrip)>();
    assert_send::<(RtcpTiming, TransportArrivals, StreamArrivals, Departures)>();
}

/// A thread that forwards what it is given to one subscriber, and sends each hundredth packet again from its history.
fn forward(packets: mpsc::Receiver<SharedPacket>, first_sequence: u16) -> (Vec<u64>, usize) {
    let mut forwarder = forwarder(90_000, first_sequence);
    forwarder.select(StreamKey(1), ALL_LAYERS);
    let mut history = History::new(HistoryConfig::default());
    let (mut left, mut resent) = (Vec::new(), 0);
    for packet in packets {
        let view = packet.view();
        history.insert(view.origin.arrived, &packet);
        let Some(rewrite) = forwarded(forwarder.next(&view)) else {
            continue;
        };
        left.push(rewrite.sequence);
        if left.len() % 100 == 0 {
            let lacking = (rewrite.sequence as u16).wrapping_sub(50);
            let source = forwarder.find(lacking).expect("it left");
            let kept = history.get(source).expect("it is less than a second old");
            let again = forwarder.repeat(lacking, &kept.view()).expect("it is that packet");
            assert_eq!(again.sequence as u16, lacking);
            resent += 1;
        }
    }
    (left, resent)
}

#[test]
fn one_publishers_packets_are_forwarded_by_two_threads() {
    let threads: Vec<_> = [7, 0x7ffe]
        .into_iter()
        .map(|first_sequence| {
            let (sender, receiver) = mpsc::channel();
            (sender, std::thread::spawn(move || forward(receiver, first_sequence)))
        })
        .collect();
    let mut pool = Pool::new(20_000);
    for index in 0..10_000_u64 {
        let payload = Vp8 {
            begins: true,
            key: index == 0,
            picture: index as u16,
            ..Vp8::default()
        };
        let packet = Packet::new(1, 65_000 + index, 3_000 * index as u32, VP8, &payload.payload());
        let packet = packet.arrived(Instant::from_millis(3 * index));
        // One copy, for both.
        let shared = pool.share(&packet.view()).expect("the pool is large enough");
        for (sender, _) in &threads {
            sender.send(shared.clone()).expect("the thread lives");
        }
    }
    assert_eq!(pool.refused(), 0);
    for ((sender, thread), first) in threads.into_iter().zip([7, 0x7ffe]) {
        drop(sender);
        let (left, resent) = thread.join().expect("no thread panics");
        assert!(left.into_iter().eq(first..first + 10_000));
        assert_eq!(resent, 100);
    }
}
