//! Payload types and extension ids are one space within a bundle.

use alloc::string::String;
use alloc::vec::Vec;

use super::agree::RtpError;
use super::{Codec, HeaderExtension, MediaKind, RtpParameters};

/// What stands for what within one bundle: each payload type for one configuration of one codec
/// (RFC 9143 §9.1.1), each extension id for one extension (RFC 8285 §7).
///
/// Make one per bundle and description, [`claim`](Self::claim) what is in use already, then let
/// [`RtpParameters::offer`] take what is free.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BundleIds {
    codecs: Vec<(u8, MediaKind, Codec)>,
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
            match self.codecs.iter().find(|(taken, ..)| *taken == each.payload_type) {
                None => self.codecs.push((each.payload_type, kind, each.codec.clone())),
                Some((_, of, codec)) if *of == kind && same_configuration(codec, &each.codec) => {}
                Some(_) => result = result.and(Err(RtpError::PayloadTypeConflict(each.payload_type))),
            }
        }
        for each in section.header_extensions.iter().filter(|each| each.id < 4096) {
            match self.extensions.iter().find(|(taken, _)| *taken == each.id) {
                None => self.extensions.push((each.id, each.extension.clone())),
                Some((_, extension)) if extension.same_as(&each.extension) => {}
                Some(_) => result = result.and(Err(RtpError::ExtensionIdConflict(each.id))),
            }
        }
        result
    }

    /// The payload type of a configuration: that which it has already, else a free one, first of
    /// those in `preferred`. `None` if all are taken.
    pub(super) fn payload_type(&mut self, kind: MediaKind, codec: &Codec, preferred: Option<u8>) -> Option<u8> {
        let known = self
            .codecs
            .iter()
            .find(|(_, of, each)| *of == kind && same_configuration(each, codec));
        if let Some((payload_type, ..)) = known {
            return Some(*payload_type);
        }
        // RFC 3551 §6: the dynamic range first; RFC 5761 §4: 64 to 95 look like RTCP.
        let free = preferred
            .into_iter()
            .chain(96..=127)
            .chain(35..=63)
            .find(|wanted| self.codecs.iter().all(|(taken, ..)| taken != wanted))?;
        self.codecs.push((free, kind, codec.clone()));
        Some(free)
    }

    /// The id of an extension: that which it has already, else the first that is free.
    pub(super) fn extension_id(&mut self, extension: &HeaderExtension, two_byte: bool) -> Option<u16> {
        if let Some((id, _)) = self.extensions.iter().find(|(_, each)| each.same_as(extension)) {
            return Some(*id);
        }
        let last = if two_byte { 255 } else { 14 };
        let free = (1..=last).find(|wanted| self.extensions.iter().all(|(taken, _)| taken != wanted))?;
        self.extensions.push((free, extension.clone()));
        Some(free)
    }
}

/// Whether two can share a payload type (RFC 9143 §9.1.1): all that changes what the packets hold.
fn same_configuration(a: &Codec, b: &Codec) -> bool {
    let parameters = |codec: &Codec| codec.parameters.clone();
    let (a_parameters, b_parameters): (String, String) = (parameters(a), parameters(b));
    a.is(&b.name) && a.clock_rate == b.clock_rate && a.channels == b.channels && a_parameters == b_parameters
}
