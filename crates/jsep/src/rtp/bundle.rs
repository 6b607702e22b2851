//! Payload types and extension ids are one space within a bundle.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use super::{Codec, ExtensionId, HeaderExtension, MediaKind, PayloadType, Role, RtpError, RtpParameters, numbers};
use pollrtc_sdp::attribute::ExtMap;

/// The ids of extensions in one-byte headers (RFC 8285 §4.2).
pub(super) const ONE_BYTE: RangeInclusive<u16> = 1..=14;
/// Those of two-byte headers (RFC 8285 §4.3).
pub(super) const TWO_BYTE: RangeInclusive<u16> = 1..=255;

/// What stands for what within one bundle: each payload type for one configuration of one codec
/// (RFC 9143 §9.1.1), each extension id for one extension (RFC 8285 §7).
///
/// Keep one per bundle for as long as the bundle lives: RFC 3264 §8.3.2 lets a payload type never
/// stand for another codec. [`claim`](Self::claim) what a peer's sections use before any of them is
/// answered, and before something is offered beside them; [`RtpParameters::offer`] takes what is
/// free.
///
/// ```
/// use pollrtc_jsep::rtp::{BundleIds, MediaKind, RtpCapabilities, RtpParameters};
///
/// let mut bundle = BundleIds::new();
/// let audio = RtpParameters::offer(&RtpCapabilities::of(MediaKind::Audio), None, &mut bundle);
/// let video = RtpParameters::offer(&RtpCapabilities::of(MediaKind::Video), None, &mut bundle);
/// let mid = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// assert_eq!(audio.extension_id(mid), video.extension_id(mid));
/// assert!(audio.codecs.iter().all(|each| video.codec(each.payload_type).is_none()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleIds {
    codecs: Vec<(MediaKind, PayloadType)>,
    extensions: Vec<(u16, HeaderExtension)>,
}

impl BundleIds {
    /// Nothing is taken.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what a section uses.
    ///
    /// # Errors
    ///
    /// If a payload type or an id stands for something else in another section of the bundle. What
    /// is not in conflict is taken nevertheless.
    pub fn claim(&mut self, kind: MediaKind, section: &RtpParameters) -> Result<(), RtpError> {
        let mut result = Ok(());
        for each in &section.codecs {
            match self.owner(each.payload_type) {
                None => self.codecs.push((kind, each.clone())),
                Some((of, taken)) if *of == kind && same_use(taken, each) => {}
                Some(_) => result = result.and(Err(RtpError::PayloadTypeConflict(each.payload_type))),
            }
        }
        for each in &section.header_extensions {
            if each.id >= ExtMap::FIRST_PROVISIONAL_ID {
                continue;
            }
            match self.extensions.iter().find(|(taken, _)| *taken == each.id) {
                None => self.extensions.push((each.id, each.extension.clone())),
                Some((_, extension)) if extension.same_as(&each.extension) => {}
                Some(_) => result = result.and(Err(RtpError::ExtensionIdConflict(each.id))),
            }
        }
        result
    }

    /// A section without what is in conflict with what is taken: a payload type or an id that stands
    /// for something else already costs the codec or the extension.
    pub(crate) fn without_conflicts<'s>(&self, kind: MediaKind, section: &'s RtpParameters) -> Cow<'s, RtpParameters> {
        let is_free = |each: &PayloadType| {
            let owner = self.owner(each.payload_type);
            owner.is_none_or(|(of, taken)| *of == kind && same_use(taken, each))
        };
        let is_free_id = |each: &ExtensionId| {
            let owner = self.extensions.iter().find(|(taken, _)| *taken == each.id);
            owner.is_none_or(|(_, extension)| extension.same_as(&each.extension))
        };
        if section.codecs.iter().all(is_free) && section.header_extensions.iter().all(is_free_id) {
            return Cow::Borrowed(section);
        }
        let mut admitted = section.clone();
        admitted.codecs.retain(is_free);
        admitted.header_extensions.retain(is_free_id);
        Cow::Owned(admitted)
    }

    /// Takes what another one has taken, as far as it is free.
    pub(crate) fn remember(&mut self, other: &BundleIds) {
        for (kind, each) in &other.codecs {
            self.keep(*kind, each);
        }
        for (id, extension) in &other.extensions {
            self.keep_extension(*id, extension);
        }
    }

    /// A payload type for one more codec of a section, of those that the section has `unused`: what
    /// stands for the same already, else one that is free, at best that of browsers. `None` if all are
    /// taken.
    pub(super) fn payload_type(&mut self, kind: MediaKind, codec: &Codec, unused: impl Fn(u8) -> bool) -> Option<u8> {
        let known = |same: fn(&Codec, &Codec) -> bool| {
            self.codecs
                .iter()
                .find(|(of, each)| *of == kind && unused(each.payload_type) && same(&each.codec, codec))
                .map(|(_, each)| each.payload_type)
        };
        if let Some(payload_type) = known(same_text).or_else(|| known(same_meaning)) {
            return Some(payload_type);
        }
        // RFC 3551 §6: the dynamic range first; RFC 5761 §4: with RTCP on the same port, 64 to 95
        // could be RTCP packets. What browsers use for other things comes last.
        let dynamic = || (96..=127).chain(35..=63);
        let other = dynamic().filter(|wanted| !numbers::is_payload_type_of_something(*wanted));
        let payload_type = numbers::payload_type(codec)
            .into_iter()
            .chain(other)
            .chain(dynamic())
            .find(|wanted| self.owner(*wanted).is_none() && unused(*wanted))?;
        let codec = codec.clone();
        self.codecs.push((kind, PayloadType { payload_type, codec }));
        Some(payload_type)
    }

    /// Takes a payload type that a section keeps.
    pub(super) fn keep(&mut self, kind: MediaKind, kept: &PayloadType) {
        if self.owner(kept.payload_type).is_none() {
            self.codecs.push((kind, kept.clone()));
        }
    }

    fn owner(&self, payload_type: u8) -> Option<&(MediaKind, PayloadType)> {
        self.codecs.iter().find(|(_, each)| each.payload_type == payload_type)
    }

    /// The id of an extension: that which it has already, if it is one of `usable`, else a free one
    /// of `assignable`.
    pub(super) fn extension_id(
        &mut self,
        extension: &HeaderExtension,
        usable: RangeInclusive<u16>,
        assignable: RangeInclusive<u16>,
    ) -> Option<u16> {
        let known = self.extensions.iter().find(|(_, each)| each.same_as(extension));
        if let Some((id, _)) = known {
            return Some(*id).filter(|id| usable.contains(id));
        }
        let other = ONE_BYTE.filter(|wanted| !numbers::is_extension_id_of_something(*wanted));
        // RFC 8285 §4.2: 15 ends a one-byte header, so that mixing is safer without it.
        let longer = assignable.clone().filter(|wanted| *wanted > 15);
        let free = numbers::extension_id(extension)
            .into_iter()
            .chain(other)
            .chain(ONE_BYTE)
            .chain(longer)
            .find(|wanted| self.extensions.iter().all(|(taken, _)| taken != wanted))
            .filter(|id| assignable.contains(id))?;
        self.extensions.push((free, extension.clone()));
        Some(free)
    }

    /// Takes an id that a section keeps.
    pub(super) fn keep_extension(&mut self, id: u16, extension: &HeaderExtension) {
        if self.extensions.iter().all(|(taken, _)| *taken != id) {
            self.extensions.push((id, extension.clone()));
        }
    }
}

/// Whether two can share a payload type (RFC 9143 §9.1.1): all that changes what the packets hold
/// is the same.
fn same_use(a: &PayloadType, b: &PayloadType) -> bool {
    // To compare texts costs little, to read them much.
    a.codec == b.codec || a.codec.matches(&b.codec) && a.codec.refers_to_same(&b.codec)
}

fn same_text(a: &Codec, b: &Codec) -> bool {
    a.parameters == b.parameters && a.matches(b)
}

/// The same but for what each side declares for itself; what refers to other payload types has to
/// be the same to the letter.
fn same_meaning(a: &Codec, b: &Codec) -> bool {
    !matches!(a.role(), Role::Retransmission | Role::Redundancy) && a.matches(b)
}
