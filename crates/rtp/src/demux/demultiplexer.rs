//! The rules, in their order.

use alloc::vec::Vec;

use super::bindings::{Binding, Bindings};
use super::route::{Layer, Route, SectionId, Unrouted};
use super::sections::{Section, Sections};
use crate::extension::Extension;
use crate::packet::RtpPacket;
use crate::rtcp::{RtcpPacket, RtcpSource, SdesChunk, SdesType, SourceDescription};
use crate::values::Mid;

/// How much a [`Demultiplexer`] may remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemultiplexerConfig {
    /// At most so many streams are remembered; those that were heard of longest ago make room. Rounded down to a power
    /// of two, and at least 8. Each takes 40 bytes.
    pub streams: usize,
    /// A random number that no peer can guess, so that none can choose SSRCs that displace others.
    pub seed: u64,
}

impl DemultiplexerConfig {
    /// 1,024 streams.
    pub const fn new(seed: u64) -> Self {
        Self { streams: 1_024, seed }
    }
}

/// Tells to which section of a BUNDLE group a packet belongs (RFC 9143 §9.2), and to which layer (RFC 8852), in
/// constant time.
///
/// In this order: the MID that it carries, which its stream keeps; its SSRC, as signalled, or as learned from a MID, a
/// RID that one section alone has, or SDES; its payload type, if one section alone has it.
///
/// ```
/// use pollrtc_rtp::{
///     Demultiplexer, DemultiplexerConfig, Extension, ExtensionMap, Origin, RtpPacket, Section, SectionId,
/// };
///
/// let mut demultiplexer = Demultiplexer::new(DemultiplexerConfig::new(0x5eed));
/// let audio = Section { id: SectionId(1), mid: Some("a"), payload_types: &[111], ..Section::default() };
/// let video = Section { id: SectionId(2), mid: Some("v"), payload_types: &[96], ..Section::default() };
/// demultiplexer.set_sections(&[audio, video]);
///
/// let mut extensions = ExtensionMap::new();
/// extensions.insert(1, Extension::Mid);
/// let bytes = [0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x10, b'v', 0, 0];
/// let packet = RtpPacket::parse(&bytes, &extensions, Origin::default())?;
/// assert_eq!(demultiplexer.route(&packet).map(|route| route.section), Ok(SectionId(2)));
/// # Ok::<(), pollrtc_rtp::ParseError>(())
/// ```
#[derive(Debug)]
pub struct Demultiplexer {
    sections: Sections,
    bindings: Bindings,
    /// Of each section, whether the RTCP packet that is looked at was delivered there.
    delivered: Vec<bool>,
}

impl Demultiplexer {
    /// Without sections every packet belongs nowhere.
    pub fn new(config: DemultiplexerConfig) -> Self {
        Self {
            sections: Sections::default(),
            bindings: Bindings::new(config.seed, config.streams),
            delivered: Vec::new(),
        }
    }

    /// What descriptions say now. Streams of sections that are still there stay where they are, unless their SSRC is
    /// signalled to be elsewhere; those of others are forgotten. At most 65,535 sections count.
    pub fn set_sections(&mut self, sections: &[Section<'_>]) {
        let tables = Sections::new(sections);
        let before = &self.sections;
        self.bindings.retain(|binding| {
            let Some(place) = tables.moved(before, binding.section) else {
                return false;
            };
            binding.section = place;
            tables.of_ssrc(binding.ssrc).is_none_or(|signalled| signalled == place)
        });
        self.sections = tables;
        self.delivered.resize(sections.len(), false);
    }

    /// Where a packet belongs; its stream belongs there from now on.
    ///
    /// # Errors
    ///
    /// If it belongs nowhere: it is to be dropped.
    #[inline]
    pub fn route(&mut self, packet: &RtpPacket<'_>) -> Result<Route, Unrouted> {
        let sequence_number = packet.sequence_number();
        match self.bindings.touch(packet.ssrc()) {
            Some(binding) => {
                let number = binding.follow(sequence_number);
                if binding.is_newer(number) {
                    named(&self.sections, packet, binding, number)?;
                }
                route(&self.sections, packet, binding)
            }
            None => {
                let mut binding = self.first(packet)?;
                named(&self.sections, packet, &mut binding, sequence_number.into())?;
                let route = route(&self.sections, packet, &binding)?;
                self.bindings.insert(binding);
                Ok(route)
            }
        }
    }

    /// A stream that nothing is known of, before its names are looked at.
    #[cold]
    fn first(&self, packet: &RtpPacket<'_>) -> Result<Binding, Unrouted> {
        let sections = &self.sections;
        let of_mid = packet.extension(Extension::Mid).and_then(|mid| sections.of_mid(mid));
        let names = [Extension::Rid, Extension::RepairedRid];
        let mut rids = names.into_iter().filter_map(|name| packet.extension(name));
        let section = of_mid
            .or_else(|| sections.of_ssrc(packet.ssrc()))
            // RFC 8852 §3: RIDs are scoped by the MID; without one, where only one section has it.
            .or_else(|| rids.find_map(|rid| sections.of_rid(rid)).map(|(section, _)| section))
            .or_else(|| sections.of_payload_type(packet.payload_type()));
        match section {
            Some(section) => Ok(Binding::new(packet.ssrc(), section, packet.sequence_number())),
            None if is_foreign(packet) => Err(Unrouted::UnknownMid),
            None => Err(Unrouted::Unknown),
        }
    }

    /// Where an incoming stream belongs, as far as is known.
    pub fn stream(&self, ssrc: u32) -> Option<Route> {
        let (section, layer) = match self.bindings.find(ssrc) {
            Some(binding) => (binding.section, binding.layer),
            None => (self.sections.of_ssrc(ssrc)?, None),
        };
        let section = self.sections.id(section)?;
        Some(Route { section, layer })
    }

    /// Tells all sections that an RTCP packet concerns, each once: by the source that sent it, and by those of ours that
    /// it is about (RFC 9143 §9.2). A source description that names sections or layers is remembered. It may concern
    /// none, and is of use all the same.
    pub fn route_rtcp(&mut self, packet: &RtcpPacket<'_>, mut deliver: impl FnMut(SectionId)) {
        if let RtcpPacket::SourceDescription(description) = packet {
            self.learn(description);
        }
        self.delivered.fill(false);
        let Self {
            sections,
            bindings,
            delivered,
        } = self;
        packet.for_each_source(|source| {
            let section = match source {
                RtcpSource::Sender(ssrc) => match bindings.find(ssrc) {
                    Some(binding) => Some(binding.section),
                    None => sections.of_ssrc(ssrc),
                },
                RtcpSource::Target(ssrc) => sections.of_outgoing_ssrc(ssrc),
            };
            if let Some(section) = section
                && let Some(is_delivered) = delivered.get_mut(usize::from(section))
                && let Some(id) = sections.id(section)
                && !core::mem::replace(is_delivered, true)
            {
                deliver(id);
            }
        });
    }

    /// RFC 9143 §15, RFC 8852 §3: what SDES says of streams, which has no order among packets; so it counts for streams
    /// that nothing has named yet.
    fn learn(&mut self, description: &SourceDescription<'_>) {
        for chunk in description.chunks() {
            let mid = item(&chunk, SdesType::MID);
            let Some(section) = mid.and_then(|mid| self.sections.of_mid(mid)) else {
                continue;
            };
            if self.bindings.find(chunk.ssrc()).is_some() {
                continue;
            }
            let mut binding = Binding::new(chunk.ssrc(), section, 0);
            let rid = item(&chunk, SdesType::RTP_STREAM_ID).map(|rid| (rid, false));
            let repaired = item(&chunk, SdesType::REPAIRED_RTP_STREAM_ID).map(|rid| (rid, true));
            binding.layer = repaired.or(rid).and_then(|(rid, is_repair)| {
                let index = self.sections.layer(section, rid)?;
                Some(Layer { index, is_repair })
            });
            self.bindings.insert(binding);
        }
    }

    /// How many streams are remembered.
    pub fn streams(&self) -> usize {
        self.bindings.len()
    }

    /// How many were forgotten for want of room.
    pub const fn evicted(&self) -> u64 {
        self.bindings.evicted()
    }
}

/// What is said of a source in one respect.
fn item<'d>(chunk: &SdesChunk<'d>, kind: SdesType) -> Option<&'d [u8]> {
    chunk.items().find(|item| item.kind == kind).map(|item| item.value)
}

/// Whether a packet names a section, and not by something that is no name.
fn is_foreign(packet: &RtpPacket<'_>) -> bool {
    packet.header_extension::<Mid<'_>>().is_some()
}

/// Takes the names in a packet that is newer than the last one with names.
#[inline]
fn named(sections: &Sections, packet: &RtpPacket<'_>, binding: &mut Binding, number: i64) -> Result<(), Unrouted> {
    if let Some(mid) = packet.extension(Extension::Mid) {
        if !sections.has_mid(binding.section, mid) {
            match sections.of_mid(mid) {
                // RFC 9143 §9.2: the latest name counts. What was known of layers was so in another section.
                Some(section) => (binding.section, binding.layer) = (section, None),
                None if is_foreign(packet) => return Err(Unrouted::UnknownMid),
                None => {}
            }
        }
        binding.set_named(number);
    }
    let repaired = packet.extension(Extension::RepairedRid).map(|rid| (rid, true));
    let rid = || packet.extension(Extension::Rid).map(|rid| (rid, false));
    // RFC 8852 §3: a stream that repairs may have a RID of its own.
    let Some((rid, is_repair)) = repaired.or_else(rid) else {
        return Ok(());
    };
    let is_known = binding
        .layer
        .is_some_and(|layer| layer.is_repair == is_repair && sections.has_layer(binding.section, layer, rid));
    if !is_known && let Some(index) = sections.layer(binding.section, rid) {
        binding.layer = Some(Layer { index, is_repair });
    }
    binding.set_named(number);
    Ok(())
}

/// RFC 9143 §9.2: the payload type must be one of the section's.
#[inline]
fn route(sections: &Sections, packet: &RtpPacket<'_>, binding: &Binding) -> Result<Route, Unrouted> {
    if !sections.has_payload_type(binding.section, packet.payload_type()) {
        return Err(Unrouted::PayloadType);
    }
    Ok(Route {
        section: sections.id(binding.section).ok_or(Unrouted::Unknown)?,
        layer: binding.layer,
    })
}
