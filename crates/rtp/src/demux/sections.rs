//! What descriptions say of sections, as tables.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::route::{Layer, SectionId};

/// What a description says of one section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section<'c> {
    /// What the caller names it.
    pub id: SectionId,
    /// Its MID (RFC 5888), which no other section has; of two with one MID the first has it.
    pub mid: Option<&'c str>,
    /// The payload types that it receives, those of RTX and FEC among them: 0 to 127.
    pub payload_types: &'c [u8],
    /// The RIDs of what it receives, in the order of its layers: at most 255.
    pub rids: &'c [&'c str],
    /// The SSRCs that it receives, as far as they were signalled (RFC 5576).
    pub ssrcs: &'c [u32],
    /// The SSRCs that it sends: receivers' reports and feedback are about these.
    pub outgoing_ssrcs: &'c [u32],
}

/// One section.
#[derive(Debug)]
struct Entry {
    id: SectionId,
    mid: Option<Box<[u8]>>,
    /// Bit `i` stands for payload type `i`.
    payload_types: u128,
    rids: Vec<Box<[u8]>>,
}

/// A layer by its section and its place there; none if several sections have it.
type Owner = Option<(u16, u8)>;

/// The tables of RFC 9143 §9.2, but for that of streams which were learned. A place is one in the list of sections.
#[derive(Debug, Default)]
pub(super) struct Sections {
    entries: Vec<Entry>,
    /// Places by MID, in the order of MIDs.
    by_mid: Vec<(Box<[u8]>, u16)>,
    /// Layers by RID, in the order of RIDs: those that one section alone has.
    by_rid: Vec<(Box<[u8]>, Owner)>,
    /// Places by SSRC, in the order of SSRCs.
    by_ssrc: Vec<(u32, u16)>,
    by_outgoing_ssrc: Vec<(u32, u16)>,
    /// Places by payload type, where one section alone has it.
    by_payload_type: Vec<Option<u16>>,
}

const PAYLOAD_TYPES: u8 = 128;

impl Sections {
    pub(super) fn new(sections: &[Section<'_>]) -> Self {
        let mut tables = Self::default();
        let (mut known, mut shared) = (0, 0);
        for (place, section) in (0..u16::MAX).zip(sections) {
            let payload_types = mask(section.payload_types);
            shared |= known & payload_types;
            known |= payload_types;
            if let Some(mid) = section.mid {
                tables.by_mid.push((mid.as_bytes().into(), place));
            }
            for (index, rid) in (0..u8::MAX).zip(section.rids) {
                tables.by_rid.push((rid.as_bytes().into(), Some((place, index))));
            }
            tables.by_ssrc.extend(section.ssrcs.iter().map(|ssrc| (*ssrc, place)));
            let outgoing = section.outgoing_ssrcs.iter();
            tables.by_outgoing_ssrc.extend(outgoing.map(|ssrc| (*ssrc, place)));
            tables.entries.push(Entry {
                id: section.id,
                mid: section.mid.map(|mid| mid.as_bytes().into()),
                payload_types,
                rids: section.rids.iter().map(|rid| rid.as_bytes().into()).collect(),
            });
        }
        // RFC 9143 §9.2: what two sections have tells nothing, and is not in the table.
        tables.by_payload_type = (0..PAYLOAD_TYPES)
            .map(|payload_type| {
                tables
                    .first_section(payload_type)
                    .filter(|_| shared & bit(payload_type) == 0)
            })
            .collect();
        tables.by_mid.sort_by(|a, b| a.0.cmp(&b.0));
        tables.by_mid.dedup_by(|second, first| first.0 == second.0);
        tables.by_rid.sort_by(|a, b| a.0.cmp(&b.0));
        tables.by_rid.dedup_by(|second, first| {
            let is_same = first.0 == second.0;
            if is_same {
                first.1 = None;
            }
            is_same
        });
        for ssrcs in [&mut tables.by_ssrc, &mut tables.by_outgoing_ssrc] {
            ssrcs.sort_by_key(|(ssrc, _)| *ssrc);
            ssrcs.dedup_by_key(|(ssrc, _)| *ssrc);
        }
        tables
    }

    pub(super) fn id(&self, place: u16) -> Option<SectionId> {
        self.entry(place).map(|entry| entry.id)
    }

    /// Where the section is now that was at `place` of `before`.
    pub(super) fn moved(&self, before: &Self, place: u16) -> Option<u16> {
        let id = before.id(place)?;
        let place = self.entries.iter().position(|entry| entry.id == id)?;
        u16::try_from(place).ok()
    }

    pub(super) fn has_mid(&self, place: u16, mid: &[u8]) -> bool {
        self.entry(place).is_some_and(|entry| entry.mid.as_deref() == Some(mid))
    }

    pub(super) fn of_mid(&self, mid: &[u8]) -> Option<u16> {
        let found = self.by_mid.binary_search_by(|(known, _)| (**known).cmp(mid)).ok()?;
        self.by_mid.get(found).map(|(_, place)| *place)
    }

    /// A RID of this section.
    pub(super) fn layer(&self, place: u16, rid: &[u8]) -> Option<u8> {
        let rids = &self.entry(place)?.rids;
        u8::try_from(rids.iter().position(|known| **known == *rid)?).ok()
    }

    /// The section that alone has this RID.
    pub(super) fn of_rid(&self, rid: &[u8]) -> Option<(u16, u8)> {
        let found = self.by_rid.binary_search_by(|(known, _)| (**known).cmp(rid)).ok()?;
        self.by_rid.get(found)?.1
    }

    /// Whether a RID has this layer's place.
    pub(super) fn has_layer(&self, place: u16, layer: Layer, rid: &[u8]) -> bool {
        let known = self
            .entry(place)
            .and_then(|entry| entry.rids.get(usize::from(layer.index)));
        known.is_some_and(|known| **known == *rid)
    }

    pub(super) fn of_ssrc(&self, ssrc: u32) -> Option<u16> {
        find(&self.by_ssrc, ssrc)
    }

    pub(super) fn of_outgoing_ssrc(&self, ssrc: u32) -> Option<u16> {
        find(&self.by_outgoing_ssrc, ssrc)
    }

    pub(super) fn has_payload_type(&self, place: u16, payload_type: u8) -> bool {
        let types = self.entry(place).map_or(0, |entry| entry.payload_types);
        types & bit(payload_type) != 0
    }

    /// The section that alone has this payload type.
    pub(super) fn of_payload_type(&self, payload_type: u8) -> Option<u16> {
        self.by_payload_type.get(usize::from(payload_type)).copied().flatten()
    }

    /// The first section that has it.
    fn first_section(&self, payload_type: u8) -> Option<u16> {
        let has = |entry: &Entry| entry.payload_types & bit(payload_type) != 0;
        u16::try_from(self.entries.iter().position(has)?).ok()
    }

    fn entry(&self, place: u16) -> Option<&Entry> {
        self.entries.get(usize::from(place))
    }
}

fn find(table: &[(u32, u16)], ssrc: u32) -> Option<u16> {
    let found = table.binary_search_by_key(&ssrc, |(known, _)| *known).ok()?;
    table.get(found).map(|(_, place)| *place)
}

fn mask(payload_types: &[u8]) -> u128 {
    payload_types
        .iter()
        .fold(0, |mask, payload_type| mask | bit(*payload_type))
}

/// None for what is no payload type.
fn bit(payload_type: u8) -> u128 {
    1_u128.checked_shl(payload_type.into()).unwrap_or_default()
}
