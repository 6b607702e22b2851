//! Renaming, remembered as ranges: what went out under which number.

/// One run of packets whose names change alike. It reaches to where the next one begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    /// The outgoing number of its first packet, and that packet's index in its stream: the lower 32 bits.
    outgoing: u32,
    index: u32,
    pub(super) names: Names,
}

/// What is added to the names of each packet of a range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) picture_id: u16,
    pub(super) tl0_picture_index: u8,
    pub(super) key_index: u8,
    /// The place of its switch in the forwarder's table. `HOLE`: these numbers never leave.
    pub(super) switch: u8,
    /// The highest layers that are forwarded.
    pub(super) spatial: u8,
    pub(super) temporal: u8,
}

const HOLE: u8 = u8::MAX;

/// A range that grows longer than this goes on as another one, so that 32 bits tell all of its numbers apart.
const LONGEST: u32 = 1 << 20;

/// The newest ranges, each beginning where the one before it ends.
#[derive(Clone, Debug)]
pub(super) struct Ranges {
    ranges: [Range; Self::LIMIT],
    len: usize,
    /// The outgoing number after the highest one.
    next: u64,
    /// The lowest number there is: all are above it or equal.
    first: u64,
}

impl Ranges {
    /// 15 a second are needed for every other frame of 30 a second.
    pub(super) const LIMIT: usize = 28;

    pub(super) const fn new(first: u64) -> Self {
        let names = Names {
            picture_id: 0,
            tl0_picture_index: 0,
            key_index: 0,
            switch: HOLE,
            spatial: 0,
            temporal: 0,
        };
        let range = Range {
            outgoing: first as u32,
            index: 0,
            names,
        };
        Self {
            ranges: [range; Self::LIMIT],
            len: 0,
            next: first,
            first,
        }
    }

    /// The outgoing number after the highest one.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// What is added to the names of the newest packets.
    pub(super) fn newest(&self) -> Option<Names> {
        self.used().last().map(|range| range.names)
    }

    /// From here on packets are called otherwise: that with this index gets the next number.
    pub(super) fn begin(&mut self, index: u64, names: Names) {
        let range = Range {
            outgoing: self.next as u32,
            index: index as u32,
            names,
        };
        // Nothing has gone out under the newest one's names: it is this one that was meant.
        match self.used_mut().last_mut() {
            Some(newest) if newest.outgoing == range.outgoing => *newest = range,
            _ => self.insert(self.len, range),
        }
    }

    /// Gives out `count` more numbers of the newest range, and tells the last of them.
    pub(super) fn extend(&mut self, count: u64) -> u64 {
        self.next += count;
        let last = self.next - 1;
        if let Some(&newest) = self.used().last() {
            let distance = (last as u32).wrapping_sub(newest.outgoing);
            if distance >= LONGEST {
                let outgoing = last as u32;
                let index = newest.index.wrapping_add(distance);
                self.insert(
                    self.len,
                    Range {
                        outgoing,
                        index,
                        ..newest
                    },
                );
            }
        }
        last
    }

    /// The number under which a packet leaves, if it is in one of the ranges.
    pub(super) fn outgoing(&self, switch: u8, index: u64) -> Option<(u64, Names)> {
        let mut end = self.next as u32;
        for range in self.used().iter().rev() {
            let distance = (index as u32).wrapping_sub(range.index);
            if range.names.switch == switch && distance < end.wrapping_sub(range.outgoing) {
                let outgoing = range.outgoing.wrapping_add(distance);
                return Some((self.whole(outgoing), range.names));
            }
            end = range.outgoing;
        }
        None
    }

    /// The other way round: the lower 32 bits of the index of the packet that has an outgoing number.
    pub(super) fn source(&self, outgoing: u64) -> Option<(u32, Names)> {
        if !(self.first..self.next).contains(&outgoing) {
            return None;
        }
        let back = self.back(outgoing as u32);
        let range = self
            .used()
            .iter()
            .rev()
            .find(|range| self.back(range.outgoing) >= back)?;
        let distance = (outgoing as u32).wrapping_sub(range.outgoing);
        (range.names.switch != HOLE).then(|| (range.index.wrapping_add(distance), range.names))
    }

    /// An outgoing number that was kept free for a packet will never leave.
    pub(super) fn leave_out(&mut self, outgoing: u64) {
        let back = self.back(outgoing as u32);
        let found = self.used().iter().rposition(|range| self.back(range.outgoing) >= back);
        let Some((at, &range)) = found.and_then(|at| Some((at, self.used().get(at)?))) else {
            return;
        };
        let outgoing = outgoing as u32;
        let distance = outgoing.wrapping_sub(range.outgoing);
        let end = self.used().get(at + 1).map_or(self.next as u32, |next| next.outgoing);
        let names = Names {
            switch: HOLE,
            ..range.names
        };
        let hole = Range {
            outgoing,
            names,
            ..range
        };
        let behind = Range {
            outgoing: outgoing.wrapping_add(1),
            index: range.index.wrapping_add(distance).wrapping_add(1),
            ..range
        };
        // The newest range is never left empty: what comes next belongs to it.
        let is_last = behind.outgoing == end && at + 1 < self.len;
        if !is_last {
            self.insert(at + 1, behind);
        }
        // Inserting into a full list has moved all by one.
        let at = self.used().iter().position(|candidate| *candidate == range);
        match at {
            Some(at) if distance == 0 => {
                if let Some(range) = self.used_mut().get_mut(at) {
                    *range = hole;
                }
            }
            Some(at) => self.insert(at + 1, hole),
            None => {}
        }
    }

    /// A switch's place in the table is taken by another one: what left after it can't be found any more.
    pub(super) fn forget(&mut self, switch: u8) {
        for range in self.used_mut() {
            if range.names.switch == switch {
                range.names.switch = HOLE;
            }
        }
    }

    /// How far below the next number this one is.
    const fn back(&self, outgoing: u32) -> u32 {
        (self.next as u32).wrapping_sub(outgoing)
    }

    const fn whole(&self, outgoing: u32) -> u64 {
        self.next - self.back(outgoing) as u64
    }

    fn used(&self) -> &[Range] {
        self.ranges.get(..self.len).unwrap_or_default()
    }

    fn used_mut(&mut self) -> &mut [Range] {
        self.ranges.get_mut(..self.len).unwrap_or_default()
    }

    /// Puts a range at a place; the oldest one makes room.
    fn insert(&mut self, mut at: usize, range: Range) {
        if self.len == Self::LIMIT {
            self.ranges.rotate_left(1);
            self.len -= 1;
            let Some(below) = at.checked_sub(1) else { return };
            at = below;
        }
        self.len += 1;
        if let Some(tail) = self.ranges.get_mut(at..self.len) {
            tail.rotate_right(1);
            if let Some(first) = tail.first_mut() {
                *first = range;
            }
        }
    }
}
