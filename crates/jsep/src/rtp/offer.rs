//! Offers.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::bundle::{ONE_BYTE, TWO_BYTE};
use super::{
    BundleIds, Codec, CodecOrder, ExtensionId, HeaderExtension, MediaKind, NegotiatedRtp, PayloadType, Role,
    RtpCapabilities, RtpParameters, numbers,
};

impl RtpParameters {
    /// Offers what we can (RFC 9429 §5.2.1). With `previous`, what was agreed before keeps its
    /// payload types, ids and order, codecs that are new come after, and there are no new header
    /// extensions (§5.2.2).
    ///
    /// Payload types and ids are taken from `bundle`; what finds none free is left out. Layers are
    /// added with [`offer_simulcast`](Self::offer_simulcast).
    pub fn offer(capabilities: &RtpCapabilities, previous: Option<&NegotiatedRtp>, bundle: &mut BundleIds) -> Self {
        let mut offer = RtpParameters {
            extmap_allow_mixed: capabilities.extmap_allow_mixed,
            // RFC 9429 §5.2.2: only what the last answer had.
            rtcp_rsize: capabilities.rtcp_rsize && previous.is_none_or(|previous| previous.receive.rtcp_rsize),
            ..RtpParameters::default()
        };
        let known: &[PayloadType] = previous.map_or(&[], |previous| &previous.receive.codecs);
        let mut codecs = Codecs {
            capabilities,
            known,
            bundle,
            offered: Vec::new(),
        };
        // First what was agreed, so that nothing new takes its payload type.
        codecs.add_known();
        codecs.add_new();
        offer.codecs = codecs.in_order();
        offer.header_extensions = match previous {
            None => new_extensions(capabilities, bundle),
            Some(previous) => kept_extensions(capabilities, previous, bundle),
        };
        offer
    }
}

/// The codecs of an offer in the making.
struct Codecs<'a> {
    capabilities: &'a RtpCapabilities,
    known: &'a [PayloadType],
    bundle: &'a mut BundleIds,
    /// With the place of the capability.
    offered: Vec<(usize, PayloadType)>,
}

impl<'a> Codecs<'a> {
    /// Offers again what was agreed, under its payload types.
    fn add_known(&mut self) {
        // What refers to others comes after them.
        for round in [stands_alone, wraps, retransmits] {
            for known in self.known.iter().filter(|known| round(&known.codec)) {
                let repaired = known.apt().into_iter().chain(known.red().unwrap_or_default());
                let all_kept = repaired.into_iter().all(|payload_type| self.has(payload_type));
                if let Some((place, codec)) = self.capability(known).filter(|_| all_kept) {
                    // RFC 9429 §5.2.2: only the feedback that the last answer had.
                    let mut kept = PayloadType {
                        payload_type: known.payload_type,
                        codec: codec.clone(),
                    };
                    kept.codec.feedback.retain(|kind| known.codec.feedback.contains(kind));
                    if !stands_alone(codec) {
                        kept.codec.parameters.clone_from(&known.codec.parameters);
                    }
                    self.bundle.keep(self.capabilities.kind, &kept);
                    self.offered.push((place, kept));
                }
            }
        }
    }

    /// Ours for what was agreed: with the same parameters, else one that has no other use yet.
    fn capability(&self, known: &PayloadType) -> Option<(usize, &'a Codec)> {
        let capabilities: &'a RtpCapabilities = self.capabilities;
        let all = || capabilities.codecs.iter().enumerate();
        let matching = || all().filter(|(_, ours)| ours.matches(&known.codec));
        let place_of = |place: usize| match known.apt() {
            // With what it repairs.
            Some(apt) => self
                .offered
                .iter()
                .find(|(_, each)| each.payload_type == apt)
                .map(|(at, _)| *at),
            None => Some(place),
        };
        let (place, codec) = matching()
            .find(|(_, ours)| ours.parameters == known.codec.parameters)
            .or_else(|| matching().find(|(place, _)| self.offered.iter().all(|(used, _)| used != place)))
            .or_else(|| matching().next())?;
        Some((place_of(place)?, codec))
    }

    fn has(&self, payload_type: u8) -> bool {
        self.offered.iter().any(|(_, each)| each.payload_type == payload_type)
    }

    /// Offers what is not offered yet.
    fn add_new(&mut self) {
        let capabilities: &'a RtpCapabilities = self.capabilities;
        let all = || capabilities.codecs.iter().enumerate();
        for (place, codec) in all().filter(|(_, codec)| stands_alone(codec)) {
            self.add(place, codec.clone());
        }
        for (place, codec) in all().filter(|(_, codec)| wraps(codec)) {
            if let Some(parameters) = self.wrapped(place, codec) {
                self.add(place, codec.clone().with_parameters(&parameters));
            }
        }
        for (place, codec) in self.retransmissions() {
            self.add(place, codec);
        }
    }

    /// RFC 2198 §5: audio names what it wraps, once for the packet and once for what is redundant;
    /// in video `red` holds whatever there is.
    fn wrapped(&self, place: usize, red: &Codec) -> Option<String> {
        let wrapped = self.offered.iter().filter(|(_, each)| {
            each.codec.role() == Role::Media
                && each.codec.clock_rate == red.clock_rate
                && each.codec.channels == red.channels
        });
        if self.capabilities.kind == MediaKind::Video {
            return Some(String::new());
        }
        // One `red` for each codec, in order.
        let earlier = self.capabilities.codecs.iter().take(place);
        let nth = earlier.filter(|codec| codec.role() == Role::Redundancy && codec.matches(red));
        let mut wrapped: Vec<_> = wrapped.collect();
        wrapped.sort_by_key(|(place, _)| *place);
        let (_, wrapped) = wrapped.get(nth.count())?;
        let payload_type = wrapped.payload_type.to_string();
        Some([payload_type.as_str(), "/", &payload_type].concat())
    }

    /// `rtx` for each codec that is retransmitted: media, and `red` in video, which holds media.
    fn retransmissions(&self) -> Vec<(usize, Codec)> {
        let mut list = Vec::new();
        for (place, each) in &self.offered {
            let can =
                |codec: &&Codec| codec.role() == Role::Retransmission && codec.clock_rate == each.codec.clock_rate;
            let repairs = match each.codec.role() {
                Role::Media => true,
                Role::Redundancy => self.capabilities.kind == MediaKind::Video,
                _ => false,
            };
            if let Some(rtx) = self.capabilities.codecs.iter().find(can).filter(|_| repairs) {
                let mut parameters = ["apt=", &each.payload_type.to_string()].concat();
                if !rtx.parameters.is_empty() {
                    parameters = [parameters.as_str(), ";", &rtx.parameters].concat();
                }
                list.push((*place, rtx.clone().with_parameters(&parameters)));
            }
        }
        list
    }

    fn add(&mut self, place: usize, codec: Codec) {
        let is_offered = |(of, each): &(usize, PayloadType)| {
            *of == place && each.codec.role() == codec.role() && each.codec.refers_to_same(&codec)
        };
        if self.offered.iter().any(is_offered) {
            return;
        }
        let offered = &self.offered;
        let unused = |payload_type: u8| offered.iter().all(|(_, each)| each.payload_type != payload_type);
        let kind = self.capabilities.kind;
        if let Some(payload_type) = self.bundle.payload_type(kind, &codec, unused) {
            self.offered.push((place, PayloadType { payload_type, codec }));
        }
    }

    /// RFC 9429 §5.2.2: what was agreed as the last answer has it, then what is new; or all as the
    /// application prefers. What repairs stands behind what it repairs.
    fn in_order(mut self) -> Vec<PayloadType> {
        let known = |payload_type: u8| {
            self.known
                .iter()
                .position(|known| known.payload_type == payload_type)
                .filter(|_| self.capabilities.order == CodecOrder::AsBefore)
        };
        self.offered.sort_by_key(|(place, each)| {
            let repairs = each.codec.role() == Role::Retransmission;
            (known(each.payload_type).unwrap_or(usize::MAX), *place, repairs)
        });
        self.offered.into_iter().map(|(_, each)| each).collect()
    }
}

fn stands_alone(codec: &Codec) -> bool {
    !wraps(codec) && !retransmits(codec)
}

fn wraps(codec: &Codec) -> bool {
    codec.role() == Role::Redundancy
}

fn retransmits(codec: &Codec) -> bool {
    codec.role() == Role::Retransmission
}

/// New ids are those of one-byte headers: Firefox refuses the whole description for a longer one, also
/// where it has answered `a=extmap-allow-mixed`. Where they are too few, first come those without which
/// streams and losses can't be told.
fn new_extensions(capabilities: &RtpCapabilities, bundle: &mut BundleIds) -> Vec<ExtensionId> {
    let usable = if capabilities.extmap_allow_mixed {
        TWO_BYTE
    } else {
        ONE_BYTE
    };
    let mut wanted: Vec<(usize, &HeaderExtension)> = capabilities.header_extensions.iter().enumerate().collect();
    wanted.sort_by_key(|(_, extension)| !numbers::is_essential(extension));
    let mut offered: Vec<(usize, ExtensionId)> = Vec::new();
    for (place, extension) in wanted {
        if offered.iter().any(|(_, each)| each.extension.same_as(extension)) {
            continue;
        }
        if let Some(id) = bundle.extension_id(extension, usable.clone(), ONE_BYTE) {
            let extension = extension.clone();
            offered.push((place, ExtensionId { id, extension }));
        }
    }
    offered.sort_by_key(|(place, _)| *place);
    offered.into_iter().map(|(_, each)| each).collect()
}

/// RFC 9429 §5.2.2: only those of the last answer. RFC 8285 §7: under their ids.
fn kept_extensions(
    capabilities: &RtpCapabilities,
    previous: &NegotiatedRtp,
    bundle: &mut BundleIds,
) -> Vec<ExtensionId> {
    let mut kept: Vec<ExtensionId> = Vec::new();
    for known in previous.extensions() {
        let ours = capabilities
            .header_extensions
            .iter()
            .find(|ours| ours.uri == known.extension.uri && ours.encrypted == known.extension.encrypted);
        if let Some(ours) = ours.filter(|_| kept.iter().all(|each| each.id != known.id)) {
            let extension = HeaderExtension {
                direction: ours.direction,
                ..known.extension.clone()
            };
            bundle.keep_extension(known.id, &extension);
            kept.push(ExtensionId {
                id: known.id,
                extension,
            });
        }
    }
    kept
}
