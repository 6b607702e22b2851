//! Whose turn it is: timers, and queues of those that something happened to. All by slot.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::Instant;

/// Children of one node of the heap: what is compared with each other lies side by side in memory.
const CHILDREN: usize = 4;
/// The place of a slot that is not in the heap.
const NOWHERE: u32 = u32::MAX;

/// When each slot is to be woken, and which of them is the first.
///
/// A heap that is told the truth late: an entry never says more than its slot's deadline, and the first one says
/// exactly that. So a deadline that moves away, as most do with every packet, or ends, is noted and no more, however
/// many others there are; the heap is set right when the entry has become the first. Each slot has one entry at most,
/// so nothing grows with the number of changes. Equal deadlines go by slot: the order depends on nothing else.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: Vec<Entry>,
    slots: Vec<Timer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    slot: u32,
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    /// The end of time if it does not run.
    deadline: Instant,
    place: u32,
}

impl Timer {
    const STOPPED: Self = Self {
        deadline: Instant::FAR_FUTURE,
        place: NOWHERE,
    };
}

impl Timers {
    /// The deadline of a slot, in the place of the one that it had.
    pub(super) fn set(&mut self, slot: u32, deadline: Option<Instant>) {
        let deadline = deadline.unwrap_or(Instant::FAR_FUTURE);
        if self.slots.len() <= slot as usize {
            self.slots.resize(slot as usize + 1, Timer::STOPPED);
        }
        let timer = &mut self.slots[slot as usize];
        if timer.deadline == deadline {
            return;
        }
        timer.deadline = deadline;
        let place = timer.place as usize;
        if timer.place == NOWHERE {
            self.heap.push(Entry { at: deadline, slot });
            self.rise(self.heap.len() - 1);
        } else if deadline < self.heap[place].at {
            self.heap[place].at = deadline;
            self.rise(place);
        }
        self.settle();
    }

    /// When the first slot is to be woken.
    pub(super) fn earliest(&self) -> Option<Instant> {
        Some(self.heap.first()?.at)
    }

    /// A slot whose deadline has come; it has none from now on.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let first = self.heap.first().filter(|first| first.at <= now)?.slot;
        self.set(first, None);
        Some(first)
    }

    /// Corrects the first entry until it says its slot's deadline.
    fn settle(&mut self) {
        while let Some(first) = self.heap.first() {
            let deadline = self.slots[first.slot as usize].deadline;
            if deadline == Instant::FAR_FUTURE {
                self.slots[first.slot as usize].place = NOWHERE;
                self.heap.swap_remove(0);
            } else if first.at != deadline {
                self.heap[0].at = deadline;
            } else {
                return;
            }
            self.sink();
        }
    }

    /// Brings an entry that is earlier than before to its place.
    fn rise(&mut self, mut place: usize) {
        let entry = self.heap[place];
        while place > 0 {
            let above = (place - 1) / CHILDREN;
            if self.heap[above] <= entry {
                break;
            }
            self.put(place, self.heap[above]);
            place = above;
        }
        self.put(place, entry);
    }

    /// Brings the first entry, which may be later than before, to its place.
    fn sink(&mut self) {
        let Some(entry) = self.heap.first().copied() else {
            return;
        };
        let mut place = 0;
        loop {
            let below = place * CHILDREN + 1;
            let children = self.heap.iter().copied().enumerate().skip(below).take(CHILDREN);
            let Some((least, child)) = children
                .min_by_key(|(_, child)| *child)
                .filter(|(_, child)| *child < entry)
            else {
                break;
            };
            self.put(place, child);
            place = least;
        }
        self.put(place, entry);
    }

    fn put(&mut self, place: usize, entry: Entry) {
        self.heap[place] = entry;
        // There are no more entries than slots, whose numbers are of 32 bits.
        self.slots[entry.slot as usize].place = place as u32;
    }
}

/// What a slot may have to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// What it has to send.
    Output,
    /// Its events.
    Events,
    /// What it wants of streams.
    Flows,
}

impl Question {
    pub(super) const ALL: [Self; 3] = [Self::Output, Self::Events, Self::Flows];

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Beside the bits of the questions: who is to be asked for output may have another deadline than the timers know.
const STALE: u8 = 1 << 7;

/// For each question the slots that are to be asked, in the order in which they were put here, each once.
#[derive(Debug, Default)]
pub(super) struct Queues {
    orders: [VecDeque<u32>; Question::ALL.len()],
    /// For each slot the bits of the questions in whose queues it is, and [`STALE`].
    members: Vec<u8>,
    /// How many are stale.
    stale: usize,
}

impl Queues {
    /// Puts a slot at the end of those that are to be asked this, unless it is there.
    pub(super) fn push<const N: usize>(&mut self, slot: u32, questions: [Question; N]) {
        if self.members.len() <= slot as usize {
            self.members.resize(slot as usize + 1, 0);
        }
        let member = &mut self.members[slot as usize];
        let all = questions.iter().fold(*member, |all, question| all | question.bit());
        let before = core::mem::replace(member, all);
        if before == all {
            return;
        }
        for question in questions {
            if before & question.bit() == 0 {
                self.orders[question as usize].push_back(slot);
            }
        }
    }

    /// The deadline of a slot, which waits to be asked for output, may be another one than the timers know.
    pub(super) fn note_stale(&mut self, slot: u32) {
        if let Some(member) = self.members.get_mut(slot as usize)
            && *member & STALE == 0
        {
            *member |= STALE;
            self.stale += 1;
        }
    }

    /// The timers know the deadline of a slot.
    pub(super) fn note_told(&mut self, slot: u32) {
        if let Some(member) = self.members.get_mut(slot as usize)
            && *member & STALE != 0
        {
            *member &= !STALE;
            self.stale -= 1;
        }
    }

    /// Whether the timers may not know somebody's deadline.
    pub(super) fn has_stale(&self) -> bool {
        self.stale > 0
    }

    /// The slot in this place of those that are to be asked for output, if the timers may not know its deadline.
    pub(super) fn stale_at(&self, place: usize) -> Option<u32> {
        let slot = *self.orders[Question::Output as usize].get(place)?;
        (self.members[slot as usize] & STALE != 0).then_some(slot)
    }

    /// Those whose deadline the timers may not know.
    pub(super) fn stale(&self) -> impl Iterator<Item = u32> {
        let places = if self.has_stale() {
            self.len(Question::Output)
        } else {
            0
        };
        (0..places).filter_map(|place| self.stale_at(place)).take(self.stale)
    }

    pub(super) fn first(&self, question: Question) -> Option<u32> {
        self.orders[question as usize].front().copied()
    }

    pub(super) fn pop(&mut self, question: Question) -> Option<u32> {
        let slot = self.orders[question as usize].pop_front()?;
        self.members[slot as usize] &= !question.bit();
        Some(slot)
    }

    pub(super) fn len(&self, question: Question) -> usize {
        self.orders[question as usize].len()
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;

    /// For every sequence of changes, the first is the one that a sorted table finds, and all come in its order.
    #[test]
    fn timers_come_as_from_a_sorted_table() {
        fn property(changes: Vec<(u8, Option<u8>)>) -> bool {
            let mut timers = Timers::default();
            let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
            let first = |model: &BTreeMap<u32, Instant>| model.iter().map(|(slot, at)| (*at, *slot)).min();
            for (slot, at) in changes {
                // Few slots, so that deadlines change often.
                let slot = u32::from(slot % 24);
                let at = at.map(|at| Instant::from_millis(u64::from(at)));
                timers.set(slot, at);
                match at {
                    Some(at) => drop(model.insert(slot, at)),
                    None => drop(model.remove(&slot)),
                }
                if timers.earliest() != first(&model).map(|(at, _)| at) || timers.heap.len() > 24 {
                    return false;
                }
            }
            while let Some((at, slot)) = first(&model) {
                let too_early = at.as_nanos().checked_sub(1).map(Instant::from_nanos);
                if too_early.is_some_and(|now| timers.take_due(now).is_some()) || timers.take_due(at) != Some(slot) {
                    return false;
                }
                model.remove(&slot);
            }
            timers.earliest().is_none() && timers.take_due(Instant::FAR_FUTURE).is_none()
        }
        quickcheck::quickcheck(property as fn(Vec<(u8, Option<u8>)>) -> bool);
    }

    #[test]
    fn a_queue_holds_each_slot_once() {
        let mut queues = Queues::default();
        let (first, other) = (Question::Output, Question::Events);
        [3, 1, 3, 7, 1].into_iter().for_each(|slot| queues.push(slot, [first]));
        queues.push(1, [other]);
        assert_eq!(queues.pop(first), Some(3));
        queues.push(3, [first, other]);
        let mut all = |question| core::iter::from_fn(|| queues.pop(question)).collect::<Vec<_>>();
        assert_eq!(all(first), [1, 7, 3]);
        assert_eq!(all(other), [1, 3]);
        assert_eq!(queues.first(first), None);
        queues.push(7, [first]);
        assert_eq!(queues.len(first), 1);
    }

    #[test]
    fn a_deadline_is_stale_until_the_timers_know_it() {
        let mut queues = Queues::default();
        [3, 1, 7].into_iter().for_each(|slot| queues.push(slot, Question::ALL));
        [7, 3, 3].into_iter().for_each(|slot| queues.note_stale(slot));
        assert_eq!(queues.stale().collect::<Vec<_>>(), [3, 7]);
        [3, 3].into_iter().for_each(|slot| queues.note_told(slot));
        assert_eq!(queues.stale().collect::<Vec<_>>(), [7]);
        queues.note_told(7);
        assert_eq!(queues.stale().next(), None);
    }
}
