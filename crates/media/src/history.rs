//! The last packets of published streams.

use core::time::Duration;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use pollrtc_core::Instant;
use pollrtc_rtp::{SharedPacket, Source, StreamKey};

/// How much a [`History`] keeps. Whatever bound is reached first holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// Bytes of packets, of all streams together.
    pub bytes: usize,
    /// Packets, of all streams together.
    pub packets: usize,
    /// Packets of one stream: the next power of two counts.
    pub packets_per_stream: usize,
    /// Streams.
    pub streams: usize,
    /// How old a packet gets. What is older is of no use to a receiver.
    pub age: Duration,
}

impl Default for HistoryConfig {
    /// 8 MiB, 8,192 packets, 1,024 of a stream, 64 streams, a second.
    fn default() -> Self {
        Self {
            bytes: 8 << 20,
            packets: 8_192,
            packets_per_stream: 1_024,
            streams: 64,
            age: Duration::from_secs(1),
        }
    }
}

/// The last packets of published streams, from which retransmissions are answered: one for each thread that forwards,
/// shared by all its subscribers. Bounded by [`HistoryConfig`]; once warm it asks no allocator.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{History, HistoryConfig};
/// use pollrtc_rtp::{ExtensionMap, Origin, Pool, RtpPacket, Source, StreamKey};
/// # let bytes = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b'x'];
/// let source = Source { stream: StreamKey(1), index: 1 };
/// let origin = Origin { source, ..Origin::default() };
/// let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), origin)?;
/// let mut pool = Pool::new(8);
/// let mut history = History::new(HistoryConfig::default());
/// if let Some(shared) = pool.share(&packet) {
///     history.insert(Instant::ZERO, &shared);
/// }
/// assert_eq!(history.get(source).map(|kept| kept.view()), Some(packet));
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Debug)]
pub struct History {
    config: HistoryConfig,
    rings: BTreeMap<StreamKey, Ring>,
    /// In the order in which they came. Some have been overwritten in their ring since.
    order: VecDeque<Source>,
    bytes: usize,
    len: usize,
}

/// The packets of one stream: that with index `i` is at `i` modulo the length.
#[derive(Debug)]
struct Ring {
    slots: Vec<Option<Slot>>,
    used: usize,
}

#[derive(Debug)]
struct Slot {
    packet: SharedPacket,
    inserted: Instant,
}

impl History {
    /// An empty history.
    pub const fn new(config: HistoryConfig) -> Self {
        Self {
            config,
            rings: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            len: 0,
        }
    }

    /// Keeps a packet, and lets go of what is too old or too much.
    pub fn insert(&mut self, now: Instant, packet: &SharedPacket) {
        self.expire(now);
        let view = packet.view();
        let source = view.origin.source;
        if self.rings.len() >= self.config.streams && !self.rings.contains_key(&source.stream) {
            self.forget_a_stream();
        }
        if self.config.streams == 0 {
            return;
        }
        let len = self.config.packets_per_stream.clamp(1, 1 << 16).next_power_of_two();
        let ring = self.rings.entry(source.stream).or_insert_with(|| Ring::new(len));
        let held = ring.slot(source.index).map(|held| (held.index(), held.bytes()));
        // A packet older than the one in its place is further behind than the ring is long.
        if held.is_some_and(|(index, _)| index >= source.index) {
            return;
        }
        if let Some(slot) = ring.slot_mut(source.index) {
            *slot = Some(Slot {
                packet: packet.clone(),
                inserted: now,
            });
        }
        match held {
            Some((_, bytes)) => self.bytes -= bytes,
            None => {
                ring.used += 1;
                self.len += 1;
            }
        }
        self.bytes += view.as_bytes().len();
        self.order.push_back(source);
        while self.bytes > self.config.bytes || self.order.len() > self.config.packets {
            if !self.drop_oldest() {
                return;
            }
        }
    }

    /// The packet, if it is still there.
    pub fn get(&self, source: Source) -> Option<&SharedPacket> {
        let slot = self.rings.get(&source.stream)?.slot(source.index)?;
        (slot.index() == source.index).then_some(&slot.packet)
    }

    /// Lets go of what is too old. [`insert`](Self::insert) does so too.
    pub fn expire(&mut self, now: Instant) {
        while let Some(&oldest) = self.order.front() {
            let slot = self.rings.get(&oldest.stream).and_then(|ring| ring.slot(oldest.index));
            let is_fresh =
                slot.is_some_and(|slot| slot.index() == oldest.index && slot.inserted + self.config.age >= now);
            if is_fresh || !self.drop_oldest() {
                return;
            }
        }
    }

    /// Lets go of a stream that has ended.
    pub fn remove(&mut self, stream: StreamKey) {
        let Some(ring) = self.rings.remove(&stream) else { return };
        for slot in ring.slots.iter().flatten() {
            self.bytes -= slot.bytes();
            self.len -= 1;
        }
        self.order.retain(|source| source.stream != stream);
    }

    /// How many bytes of packets are kept.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many packets are kept.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True if nothing is kept.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// False if there was none.
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.order.pop_front() else {
            return false;
        };
        let Some(ring) = self.rings.get_mut(&oldest.stream) else {
            return true;
        };
        if let Some(slot) = ring.slot_mut(oldest.index)
            && let Some(dropped) = slot.take_if(|slot| slot.index() == oldest.index)
        {
            ring.used -= 1;
            self.bytes -= dropped.bytes();
            self.len -= 1;
        }
        true
    }

    /// Makes room for another stream: an empty one goes first, else the one whose packet is oldest.
    fn forget_a_stream(&mut self) {
        let empty = self
            .rings
            .iter()
            .find(|(_, ring)| ring.used == 0)
            .map(|(stream, _)| *stream);
        let oldest = || self.order.front().map(|source| source.stream);
        if let Some(stream) = empty.or_else(oldest) {
            self.remove(stream);
        }
    }
}

impl Ring {
    fn new(len: usize) -> Self {
        let mut slots = Vec::new();
        slots.resize_with(len, || None);
        Self { slots, used: 0 }
    }

    fn place(&self, index: u64) -> usize {
        (index % self.slots.len().max(1) as u64) as usize
    }

    fn slot(&self, index: u64) -> Option<&Slot> {
        self.slots.get(self.place(index))?.as_ref()
    }

    fn slot_mut(&mut self, index: u64) -> Option<&mut Option<Slot>> {
        let place = self.place(index);
        self.slots.get_mut(place)
    }
}

impl Slot {
    fn index(&self) -> u64 {
        self.packet.view().origin.source.index
    }

    fn bytes(&self) -> usize {
        self.packet.view().as_bytes().len()
    }
}
