//! What a frame needs, and who needs it.

use crate::payload::Layer;

/// How many decode targets, and so chains, there can be (§A.8.2: five bits).
pub(crate) const MOST_TARGETS: usize = 32;
/// How many frames one may need. AV1 has eight pictures to refer to; twice as many are for layers.
pub(crate) const MOST_DIFFERENCES: usize = 16;

/// §A.8.2: the size of a frame's own difference is in units of four bits.
pub(crate) const DIFFERENCE_UNIT: usize = 4;

/// How many units a difference of 1 to 4096 has, less one as it is written: 1 to 3.
pub(crate) const fn difference_units(difference: u16) -> u32 {
    match difference {
        0..=16 => 1,
        17..=256 => 2,
        _ => 3,
    }
}

/// What a frame is to a decode target (§A.2, table A.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DecodeTargetIndication {
    /// It does not belong to the target.
    #[default]
    NotPresent,
    /// It belongs to the target, and no other frame of it needs this one.
    Discardable,
    /// It belongs to the target, and whoever can decode it can decode all of the target that follows.
    Switch,
    /// It belongs to the target, and others need it.
    Required,
}

/// What a frame is to each decode target, at most 32.
///
/// ```
/// use pollrtc_rtp::dependency_descriptor::{DecodeTargetIndication, Indications};
///
/// let indications = Indications::from_symbols("SD-").unwrap(); // as in the tables of the specification
/// assert_eq!(indications.len(), 3);
/// assert_eq!(indications.get(1), Some(DecodeTargetIndication::Discardable));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Indications {
    /// Two bits for each, the first target highest, as on the wire.
    bits: u64,
    count: u8,
}

impl Indications {
    /// From one symbol for each target: `-` not present, `D` discardable, `S` switch, `R` required. `None` if there is
    /// another one, or more than 32.
    pub fn from_symbols(symbols: &str) -> Option<Self> {
        let mut indications = Self::default();
        for symbol in symbols.chars() {
            indications.push(match symbol {
                '-' => DecodeTargetIndication::NotPresent,
                'D' => DecodeTargetIndication::Discardable,
                'S' => DecodeTargetIndication::Switch,
                'R' => DecodeTargetIndication::Required,
                _ => return None,
            })?;
        }
        Some(indications)
    }

    /// Adds what the frame is to the next target. `None` if there are 32 already.
    pub fn push(&mut self, indication: DecodeTargetIndication) -> Option<()> {
        let place = usize::from(self.count);
        if place >= MOST_TARGETS {
            return None;
        }
        self.bits |= (indication as u64) << (62 - 2 * place);
        self.count += 1;
        Some(())
    }

    /// Of at most 32 targets, from the bits on the wire: those of the first 16 at most, and the others.
    pub(crate) const fn from_bits(first: u32, others: u32, targets: usize) -> Self {
        let first_bits = if targets < 16 { 2 * targets } else { 32 };
        let other_bits = 2 * targets - first_bits;
        let bits = (first as u64) << (64 - first_bits);
        Self {
            bits: match other_bits {
                0 => bits,
                _ => bits | (others as u64) << (32 - other_bits),
            },
            count: targets as u8,
        }
    }

    /// How many targets there are.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// True if there is no target.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What the frame is to a target; `None` if there is no such target.
    pub const fn get(&self, target: usize) -> Option<DecodeTargetIndication> {
        if target >= self.len() {
            return None;
        }
        Some(match self.bits >> (62 - 2 * target) & 3 {
            0 => DecodeTargetIndication::NotPresent,
            1 => DecodeTargetIndication::Discardable,
            2 => DecodeTargetIndication::Switch,
            _ => DecodeTargetIndication::Required,
        })
    }

    /// What the frame is to each target, in order.
    pub fn iter(&self) -> impl Iterator<Item = DecodeTargetIndication> + use<> {
        let all = *self;
        (0..all.len()).filter_map(move |target| all.get(target))
    }
}

/// How many frames back those lie that a frame needs: at most 16, each 1 to 4096.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameDifferences {
    values: [u16; MOST_DIFFERENCES],
    count: u8,
}

impl FrameDifferences {
    /// `None` if there are more than 16, or one is not in 1 to 4096.
    pub fn new(differences: &[u16]) -> Option<Self> {
        let mut all = Self::default();
        for difference in differences {
            all.push(*difference)?;
        }
        Some(all)
    }

    /// The differences, in order; none if the frame needs no other.
    pub fn as_slice(&self) -> &[u16] {
        self.values.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// How many bits they have where a frame has its own (§A.8.2: `frame_fdiffs`).
    pub(crate) fn bits(&self) -> usize {
        let bits = |difference: &u16| 2 + DIFFERENCE_UNIT * difference_units(*difference) as usize;
        2 + self.as_slice().iter().map(bits).sum::<usize>()
    }

    pub(crate) fn push(&mut self, difference: u16) -> Option<()> {
        let place = self.values.get_mut(usize::from(self.count))?;
        *place = matches!(difference, 1..=4_096).then_some(difference)?;
        self.count += 1;
        Some(())
    }
}

/// How many frames back the last one of each chain lies (§A.5), at most 32 chains; 0 where the chain begins here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChainDifferences {
    values: [u8; MOST_TARGETS],
    count: u8,
}

impl ChainDifferences {
    /// `None` if there are more than 32.
    pub fn new(differences: &[u8]) -> Option<Self> {
        let mut all = Self::default();
        for difference in differences {
            all.push(*difference)?;
        }
        Some(all)
    }

    /// The differences, in the order of the chains; none if there are no chains.
    pub fn as_slice(&self) -> &[u8] {
        self.values.get(..usize::from(self.count)).unwrap_or_default()
    }

    pub(crate) fn push(&mut self, difference: u8) -> Option<()> {
        *self.values.get_mut(usize::from(self.count))? = difference;
        self.count += 1;
        Some(())
    }
}

/// What a frame needs, and which decode targets need it. Frames have it, and so have templates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FrameDependencies {
    /// Which layer it belongs to: 4 spatial and 8 temporal ones at most.
    pub layer: Layer,
    /// What it is to each decode target.
    pub indications: Indications,
    /// How many frames back those lie that it needs.
    pub frames: FrameDifferences,
    /// How many frames back the last one of each chain lies.
    pub chains: ChainDifferences,
}
