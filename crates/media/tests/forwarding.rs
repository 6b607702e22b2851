//! A publisher, a server and two subscribers in virtual time: loss is repaired on each hop by itself.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use common::{Packet, Random, VP8, Vp8, forwarder, temporal, written};
use pollrtc_core::Instant;
use pollrtc_media::{
    Arrival, Facts, Forwarder, History, HistoryConfig, KeyframeConfig, KeyframeRequests, NackConfig, NackList,
    OriginalNames, Reception, Resends, RtxNames, RtxNumbers, Verdict, unwrap_rtx, wrap_rtx,
};
use pollrtc_rtp::{ExtensionMap, Missing, Origin, Pool, RtpPacket, StreamKey, Via};

const ONE_WAY: u64 = 30;
const ROUND_TRIP: Duration = Duration::from_millis(2 * ONE_WAY);
const MEDIA: u32 = 0x1111;
const RTX: u32 = 0x2222;
const RTX_TYPE: u8 = 120;
/// A frame has so many packets.
const FRAME: u64 = 8;

/// What is on its way.
enum Message {
    /// A packet to the server, or from there to a subscriber.
    Rtp(End, Vec<u8>),
    Nack(End, Vec<Missing>),
    KeyframeRequest,
}

/// At which end of the server's links.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Publisher,
    Subscriber(usize),
}

/// Links with delay and loss. What leaves first arrives first.
struct Network {
    random: Random,
    under_way: BTreeMap<(u64, u64), Message>,
    sent: u64,
}

impl Network {
    fn send(&mut self, now: u64, loss_percent: u64, message: Message) {
        self.sent += 1;
        if self.random.below(100) >= loss_percent {
            self.under_way.insert((now + ONE_WAY, self.sent), message);
        }
    }

    fn arrived(&mut self, now: u64) -> Vec<Message> {
        let later = self.under_way.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.under_way, later).into_values().collect()
    }
}

/// One end that receives a stream and its retransmissions: it has each packet once.
struct Receiver {
    reception: Reception,
    nacks: NackList,
    /// When a packet that was missing was noticed, and how long it took to have it.
    missing_since: BTreeMap<u64, u64>,
    waits: Vec<u64>,
    delivered: BTreeSet<u64>,
    retransmissions: u64,
}

impl Receiver {
    fn new() -> Self {
        let mut nacks = NackList::new(NackConfig::default());
        nacks.set_round_trip(ROUND_TRIP);
        Self {
            reception: Reception::authenticated(),
            nacks,
            missing_since: BTreeMap::new(),
            waits: Vec::new(),
            delivered: BTreeSet::new(),
            retransmissions: 0,
        }
    }

    /// The packet with its index and way, if it is to be delivered.
    fn receive(&mut self, now: u64, bytes: &mut Vec<u8>) -> Option<(u64, Via)> {
        let parse = |bytes: &[u8]| {
            let packet = RtpPacket::parse(bytes, &ExtensionMap::new(), Origin::default()).expect("a packet");
            (
                packet.ssrc(),
                packet.sequence_number(),
                packet.timestamp(),
                packet.payload().len(),
            )
        };
        let via = if parse(bytes).0 == RTX { Via::Rtx } else { Via::Media };
        if via == Via::Rtx {
            self.retransmissions += 1;
            let original = OriginalNames {
                payload_type: 96 + VP8.0,
                ssrc: MEDIA,
            };
            let original = unwrap_rtx(bytes, original)?.to_vec();
            *bytes = original;
        }
        let (_, sequence, timestamp, payload) = parse(bytes);
        // SRTP knows the index; here the highest one tells it.
        let near = self.reception.highest_index().unwrap_or(sequence.into());
        let index = near.wrapping_add_signed(i64::from(sequence.wrapping_sub(near as u16).cast_signed()));
        let facts = Facts {
            timestamp,
            clock_rate: 90_000,
            payload,
        };
        let at = Instant::from_millis(now);
        let before = self.reception.highest_index();
        let arrival = match via {
            Via::Rtx => self.reception.handle_recovered(index),
            _ => self.reception.handle_index(at, index, facts),
        };
        if let (Arrival::InOrder { .. }, Some(before)) = (arrival, before) {
            self.missing_since.extend((before + 1..index).map(|lost| (lost, now)));
        }
        let index = arrival.delivered()?;
        self.nacks.handle_packet(at, index, via);
        self.waits
            .extend(self.missing_since.remove(&index).map(|since| now - since));
        assert!(self.delivered.insert(index), "{index} was delivered twice");
        Some((index, via))
    }

    fn poll_nacks(&mut self, now: u64) -> Vec<Missing> {
        std::iter::from_fn(|| self.nacks.poll_missing(Instant::from_millis(now))).collect()
    }
}

/// The server's end of a subscription.
struct Subscription {
    forwarder: Forwarder,
    resends: Resends,
    rtx: RtxNumbers,
    receiver: Receiver,
    loss_percent: u64,
    first_copies: u64,
}

impl Subscription {
    fn new(first: u16, loss_percent: u64) -> Self {
        let mut forwarder = forwarder(90_000, first);
        forwarder.select(StreamKey(1), temporal(2));
        let mut resends = Resends::new();
        resends.set_round_trip(ROUND_TRIP);
        Self {
            forwarder,
            resends,
            rtx: RtxNumbers::new(first.wrapping_mul(7)),
            receiver: Receiver::new(),
            loss_percent,
            first_copies: 0,
        }
    }
}

fn as_rtx(mut bytes: Vec<u8>, numbers: &mut RtxNumbers) -> Vec<u8> {
    let names = RtxNames {
        payload_type: RTX_TYPE,
        ssrc: RTX,
        sequence: numbers.take() as u16,
    };
    let len = bytes.len();
    bytes.extend([0, 0]);
    let len = wrap_rtx(&mut bytes, len, names).expect("there is room");
    bytes.truncate(len);
    bytes
}

/// Half a minute of video of 240 packets a second. All that goes up, requests included, has `upstream_loss` percent.
fn play(upstream_loss: u64, downstream_loss: [u64; 2]) -> (u64, u64, [Subscription; 2]) {
    let mut network = Network {
        random: Random(7),
        under_way: BTreeMap::new(),
        sent: 0,
    };
    let (mut sent, mut keys, mut is_key_wanted) = (BTreeMap::new(), 0, true);
    let mut publisher_rtx = RtxNumbers::new(300);
    let mut server = Receiver::new();
    let (mut pool, mut history) = (Pool::new(2_000), History::new(HistoryConfig::default()));
    let mut keyframes = KeyframeRequests::new(KeyframeConfig::default());
    let mut subscriptions = [
        Subscription::new(0x7ff0, downstream_loss[0]),
        Subscription::new(3, downstream_loss[1]),
    ];
    let mut index = 30_000_u64;
    for now in 0..30_500 {
        let at = Instant::from_millis(now);
        // The publisher: a frame each 33 ms, for 30 s.
        if now % 33 == 0 && now < 30_000 {
            let key = std::mem::take(&mut is_key_wanted);
            keys += u64::from(key);
            for number in 0..FRAME {
                let payload = Vp8 {
                    begins: number == 0,
                    key,
                    picture: (now / 33) as u16,
                    ..Vp8::default()
                };
                let timestamp = (now * 90) as u32;
                let packet = Packet::new(
                    MEDIA.into(),
                    index,
                    timestamp,
                    VP8,
                    &[payload.payload(), vec![7; 900]].concat(),
                );
                sent.insert(index as u16, packet.bytes.clone());
                network.send(now, upstream_loss, Message::Rtp(End::Publisher, packet.bytes));
                index += 1;
            }
        }
        for message in network.arrived(now) {
            match message {
                Message::KeyframeRequest => is_key_wanted = true,
                Message::Nack(End::Publisher, missing) => {
                    for number in missing.into_iter().flat_map(|missing| missing.sequence_numbers()) {
                        let bytes = as_rtx(sent[&number].clone(), &mut publisher_rtx);
                        network.send(now, upstream_loss, Message::Rtp(End::Publisher, bytes));
                    }
                }
                Message::Rtp(End::Publisher, mut bytes) => {
                    let Some((index, via)) = server.receive(now, &mut bytes) else {
                        continue;
                    };
                    let mut packet = Packet::new(1, index, 0, VP8, &[]).arrived(at);
                    packet.bytes = bytes;
                    packet.origin.via = via;
                    history.insert(at, &pool.share(&packet.view()).expect("the pool is large enough"));
                    if packet.view().payload()[6] == 0 {
                        keyframes.handle_key_frame();
                    }
                    for (number, subscription) in subscriptions.iter_mut().enumerate() {
                        match subscription.forwarder.next(&packet.view()) {
                            Verdict::Forward(rewrite) => {
                                let bytes = written(&packet.view(), &rewrite, MEDIA);
                                subscription.resends.handle_packet(at, bytes.len());
                                subscription.first_copies += 1;
                                let message = Message::Rtp(End::Subscriber(number), bytes);
                                network.send(now, subscription.loss_percent, message);
                            }
                            Verdict::KeyframeNeeded(_) => keyframes.request(),
                            Verdict::Skip => {}
                        }
                    }
                }
                Message::Rtp(End::Subscriber(number), mut bytes) => {
                    subscriptions[number].receiver.receive(now, &mut bytes);
                }
                Message::Nack(End::Subscriber(number), missing) => {
                    let subscription = &mut subscriptions[number];
                    for sequence in missing.into_iter().flat_map(|missing| missing.sequence_numbers()) {
                        let found = subscription
                            .forwarder
                            .find(sequence)
                            .and_then(|source| history.get(source));
                        let Some(packet) = found else { continue };
                        let view = packet.view();
                        let rewrite = subscription
                            .forwarder
                            .repeat(sequence, &view)
                            .expect("it is that packet");
                        let bytes = written(&view, &rewrite, MEDIA);
                        let admitted =
                            subscription
                                .resends
                                .admit(at, rewrite.sequence, view.origin.arrived, bytes.len());
                        if admitted.is_ok() {
                            let bytes = as_rtx(bytes, &mut subscription.rtx);
                            let message = Message::Rtp(End::Subscriber(number), bytes);
                            network.send(now, subscription.loss_percent, message);
                        }
                    }
                }
            }
        }
        if keyframes.poll_request(at).is_some() {
            network.send(now, upstream_loss, Message::KeyframeRequest);
        }
        let nacks = server.poll_nacks(now);
        if !nacks.is_empty() {
            network.send(now, upstream_loss, Message::Nack(End::Publisher, nacks));
        }
        for (number, subscription) in subscriptions.iter_mut().enumerate() {
            let nacks = subscription.receiver.poll_nacks(now);
            if !nacks.is_empty() {
                let message = Message::Nack(End::Subscriber(number), nacks);
                network.send(now, upstream_loss, message);
            }
        }
    }
    assert!(server.nacks.stats().given_up == 0 && !server.nacks.take_key_frame_need());
    (index - 30_000, keys, subscriptions)
}

/// The share of packets that were missing and came within so many milliseconds, and of those that never came.
fn repaired(sent: u64, receiver: &Receiver, within: u64) -> (f64, u64) {
    let slow = receiver.waits.iter().filter(|wait| **wait > within).count() as f64;
    (1.0 - slow / sent as f64, sent - receiver.delivered.len() as u64)
}

#[test]
fn five_percent_of_loss_on_every_hop_are_repaired() {
    let (sent, keys, [mut first, mut second]) = play(5, [5, 5]);
    assert!(sent > 7_000);
    assert!(keys <= 3, "{keys} key frames: both began with the same one");
    for subscription in [&mut first, &mut second] {
        let (share, never) = repaired(subscription.first_copies, &subscription.receiver, 3 * ONE_WAY);
        assert!(
            share > 0.97,
            "{share} came within one and a half round trips, though two hops lose"
        );
        assert_eq!(never, 0, "of {sent}");
        assert_eq!(subscription.receiver.nacks.stats().given_up, 0);
        let numbers = &subscription.receiver.delivered;
        let (begin, end) = (numbers.first().unwrap(), numbers.last().unwrap());
        assert_eq!(
            end - begin + 1,
            subscription.first_copies,
            "all numbers are there, over their wrap"
        );
    }
}

#[test]
fn loss_of_one_subscriber_is_nobody_elses_business() {
    let (sent, keys, [lossy, clean]) = play(0, [5, 0]);
    assert!(keys <= 2);
    assert_eq!(
        (clean.receiver.retransmissions, clean.receiver.nacks.stats().asked),
        (0, 0)
    );
    assert_eq!(clean.receiver.delivered.len() as u64, sent, "and not one packet more");
    let (share, never) = repaired(sent, &lossy.receiver, 3 * ONE_WAY);
    assert!(
        share >= 0.995 && never == 0,
        "{share} within one and a half round trips, {never} never"
    );
    // What it took: about what was lost, and no more.
    let resent = lossy.resends.stats().resent;
    assert!((sent / 25..sent / 12).contains(&resent), "{resent} of {sent}");
}

#[test]
fn loss_above_is_repaired_above() {
    let (_, _, [first, second]) = play(5, [0, 0]);
    for subscription in [first, second] {
        assert_eq!(subscription.receiver.nacks.stats().given_up, 0);
        let (_, never) = repaired(subscription.first_copies, &subscription.receiver, 0);
        assert_eq!(never, 0);
        // Whoever asks the server for what the server lacks gets it when the server has it, once.
        assert_eq!(subscription.receiver.reception.stats().duplicates, 0);
    }
}

#[test]
fn who_joins_after_seventy_thousand_packets_begins_at_the_beginning() {
    let mut late = forwarder(90_000, 9);
    let mut early = forwarder(90_000, 9);
    early.select(StreamKey(1), temporal(0));
    let mut keyframes = KeyframeRequests::new(KeyframeConfig::default());
    let mut left = Vec::new();
    for index in 0..71_000_u64 {
        let now = Instant::from_millis(index);
        if index == 70_000 {
            late.select(StreamKey(1), temporal(0));
        }
        let key = index == 0 || index == 70_600;
        let payload = Vp8 {
            begins: true,
            key,
            picture: index as u16,
            ..Vp8::default()
        };
        let packet = Packet::new(1, index, 90 * index as u32, VP8, &payload.payload()).arrived(now);
        assert!(matches!(early.next(&packet.view()), Verdict::Forward(_)));
        match late.next(&packet.view()) {
            Verdict::Forward(rewrite) => left.push(rewrite.sequence),
            Verdict::KeyframeNeeded(stream) => {
                assert_eq!(stream, StreamKey(1));
                keyframes.request();
            }
            Verdict::Skip => assert!(index < 70_000),
        }
        keyframes.poll_request(now);
    }
    assert!(
        left.iter().copied().eq(9..409),
        "the first number is below 2^15, whatever the publisher's is"
    );
    assert_eq!(keyframes.sent(), 2, "asked, and once more after a quarter of a second");
}

#[test]
fn once_warm_nothing_is_allocated_per_packet() {
    let (mut pool, mut history) = (Pool::new(2_000), History::new(HistoryConfig::default()));
    let mut reception = Reception::authenticated();
    let mut nacks = NackList::new(NackConfig::default());
    let mut forwarder = forwarder(90_000, 0);
    let mut resends = Resends::new();
    forwarder.select(StreamKey(1), temporal(1));
    let packets: Vec<Packet> = (0..20_000)
        .map(|index| {
            let payload = Vp8 {
                begins: true,
                key: index == 0,
                picture: index as u16,
                temporal: (index % 2) as u8 * (1 + (index % 4) as u8 / 3),
                ..Vp8::default()
            };
            let payload = [payload.payload(), vec![1; 500 + index as usize % 500]].concat();
            Packet::new(1, index, 3_000 * index as u32, VP8, &payload).arrived(Instant::from_millis(index))
        })
        .filter(|packet| packet.origin.source.index % 20 != 19)
        .collect();
    let mut forwarded = 0;
    let mut run = |packets: &[Packet]| {
        for packet in packets {
            let now = packet.origin.arrived;
            let index = packet.origin.source.index;
            let facts = Facts {
                timestamp: packet.view().timestamp(),
                clock_rate: 90_000,
                payload: packet.view().payload().len(),
            };
            reception.handle_index(now, index, facts);
            nacks.handle_packet(now, index, Via::Media);
            while nacks.poll_missing(now).is_some() {}
            if let Some(shared) = pool.share(&packet.view()) {
                history.insert(now, &shared);
            }
            if let Verdict::Forward(rewrite) = forwarder.next(&packet.view()) {
                resends.handle_packet(now, 500);
                forwarded += 1;
                let sequence = (rewrite.sequence as u16).wrapping_sub(30);
                if let Some(kept) = forwarder.find(sequence).and_then(|source| history.get(source)) {
                    let again = forwarder.repeat(sequence, &kept.view()).expect("it is that packet");
                    let _ = resends.admit(now, again.sequence, now, 500);
                }
            }
        }
    };
    let (cold, warm) = packets.split_at(10_000);
    run(cold);
    let counted = allocation_counter::measure(|| run(warm));
    assert_eq!(counted.count_total, 0);
    assert!(forwarded > 10_000 && resends.stats().resent > 100);
}
