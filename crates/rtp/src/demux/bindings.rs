//! Which stream belongs where: a table of bounded size and of constant time, whoever chooses the SSRCs.

use alloc::vec::Vec;

use super::route::Layer;
use crate::extended::unwrap_near;

/// What is known of one stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) ssrc: u32,
    /// A place in the list of sections.
    pub(super) section: u16,
    pub(super) layer: Option<Layer>,
    /// The highest sequence number that came, with its rollovers.
    highest: i64,
    /// The one that came with the last name.
    named: i64,
}

impl Binding {
    /// A stream that begins with this packet.
    pub(super) fn new(ssrc: u32, section: u16, sequence_number: u16) -> Self {
        Self {
            ssrc,
            section,
            layer: None,
            highest: sequence_number.into(),
            named: i64::MIN,
        }
    }

    /// Follows the sequence number; which one it is.
    pub(super) fn follow(&mut self, sequence_number: u16) -> i64 {
        let number = unwrap_near::<16>(self.highest, sequence_number.into());
        self.highest = self.highest.max(number);
        number
    }

    /// Whether a name in packet `number` is newer than the last one (RFC 9143 §9.2, RFC 7941 §4.2.6).
    pub(super) const fn is_newer(&self, number: i64) -> bool {
        number > self.named
    }

    pub(super) const fn set_named(&mut self, number: i64) {
        self.named = number;
    }
}

/// How many streams share a place. A search looks at these and no others.
const WAYS: usize = 8;

/// The streams of one place, the one that came last in front.
type Set = [Option<Binding>; WAYS];

/// Streams by SSRC. As in the cache of a processor, an SSRC has one of the sets, and the one in it that came longest
/// ago makes room: no number of SSRCs makes it longer than its limit, or a search longer than a set. Who can't guess the
/// seed can't choose whom to displace.
#[derive(Debug)]
pub(super) struct Bindings {
    /// A power of two.
    sets: Vec<Set>,
    sets_max: usize,
    multiplier: u64,
    offset: u64,
    evicted: u64,
}

impl Bindings {
    /// At most `limit` streams, and at least one set of them.
    pub(super) fn new(seed: u64, limit: usize) -> Self {
        let sets_max = limit.checked_div(WAYS).unwrap_or_default().max(1);
        Self {
            sets: Vec::new(),
            // The power of two below.
            sets_max: sets_max.checked_add(1).map_or(sets_max, usize::next_power_of_two) >> 1,
            multiplier: mix(seed) | 1,
            offset: mix(seed.wrapping_add(1)),
            evicted: 0,
        }
    }

    /// The stream, which is now the one that came last.
    #[inline]
    pub(super) fn touch(&mut self, ssrc: u32) -> Option<&mut Binding> {
        let place = self.place(ssrc);
        let set = self.sets.get_mut(place)?;
        let way = set
            .iter()
            .position(|way| way.is_some_and(|binding| binding.ssrc == ssrc))?;
        if way > 0 {
            set.get_mut(..=way)?.rotate_right(1);
        }
        set.first_mut()?.as_mut()
    }

    /// The stream.
    pub(super) fn find(&self, ssrc: u32) -> Option<&Binding> {
        let set = self.sets.get(self.place(ssrc))?;
        set.iter().flatten().find(|binding| binding.ssrc == ssrc)
    }

    /// Remembers a stream that is not there, or one of its set goes.
    pub(super) fn insert(&mut self, binding: Binding) {
        if self.sets.is_empty() {
            self.sets.push([None; WAYS]);
        }
        let mut place = self.place(binding.ssrc);
        while self.is_full(place) && self.sets.len() < self.sets_max {
            self.grow();
            place = self.place(binding.ssrc);
        }
        self.evicted = self.evicted.saturating_add(self.is_full(place).into());
        if let Some(set) = self.sets.get_mut(place) {
            set.rotate_right(1);
            if let Some(first) = set.first_mut() {
                *first = Some(binding);
            }
        }
    }

    /// Keeps what `keep` says, in whatever form it has given it.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&mut Binding) -> bool) {
        for set in &mut self.sets {
            let mut kept = [None; WAYS];
            let bindings = set
                .iter_mut()
                .flatten()
                .filter_map(|binding| keep(binding).then_some(*binding));
            kept.iter_mut()
                .zip(bindings)
                .for_each(|(place, binding)| *place = Some(binding));
            *set = kept;
        }
    }

    pub(super) fn len(&self) -> usize {
        self.sets.iter().flatten().flatten().count()
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn is_full(&self, place: usize) -> bool {
        self.sets
            .get(place)
            .is_some_and(|set| matches!(set.last(), Some(Some(_))))
    }

    /// Twice as many sets: each becomes two, in which its streams keep their order.
    fn grow(&mut self) {
        let mut old = core::mem::take(&mut self.sets);
        let len = old.len().saturating_mul(2).min(self.sets_max).max(1);
        self.sets.resize(len, [None; WAYS]);
        for binding in old.iter_mut().flat_map(|set| set.iter().rev()).flatten() {
            let place = self.place(binding.ssrc);
            if let Some(set) = self.sets.get_mut(place) {
                set.rotate_right(1);
                if let Some(first) = set.first_mut() {
                    *first = Some(*binding);
                }
            }
        }
    }

    /// Which set an SSRC has: multiplication by a secret odd number, of which the upper bits count (Dietzfelbinger).
    #[inline]
    fn place(&self, ssrc: u32) -> usize {
        let hash = u64::from(ssrc).wrapping_add(self.offset).wrapping_mul(self.multiplier);
        let bits = self.sets.len().checked_ilog2().unwrap_or_default();
        let unused = u64::BITS.saturating_sub(bits);
        usize::try_from(hash.checked_shr(unused).unwrap_or_default()).unwrap_or_default()
    }
}

/// Spreads a seed over all bits (the finaliser of SplitMix64).
const fn mix(seed: u64) -> u64 {
    let seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let seed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let seed = (seed ^ seed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ seed >> 31
}
