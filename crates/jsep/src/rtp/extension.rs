//! RTP header extensions (RFC 8285).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::bundle::{ONE_BYTE, TWO_BYTE};
use super::{BundleIds, RtpCapabilities, RtpParameters};
use pollrtc_sdp::attribute::{Direction, ExtMap};

/// A header extension that we can use, or that is in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeaderExtension {
    /// What names it.
    pub uri: String,
    /// Which way, seen from who says so.
    pub direction: Direction,
    /// Whether it goes encrypted (RFC 6904).
    pub encrypted: bool,
    /// The extension's own attributes; empty if there are none.
    pub attributes: String,
}

impl HeaderExtension {
    /// Of both ways and not encrypted.
    pub fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            direction: Direction::SendRecv,
            encrypted: false,
            attributes: String::new(),
        }
    }

    /// The same, encrypted (RFC 6904 §4).
    #[must_use]
    pub fn encrypted(self) -> Self {
        Self {
            encrypted: true,
            ..self
        }
    }

    /// Whether both mean the same extension, so that they share an id within a bundle
    /// (RFC 8285 §7: the URI with its attributes).
    pub(super) fn same_as(&self, other: &HeaderExtension) -> bool {
        self.is_form_of(other) && self.attributes == other.attributes
    }

    /// The same with other attributes perhaps.
    fn is_form_of(&self, other: &HeaderExtension) -> bool {
        self.uri == other.uri && self.encrypted == other.encrypted
    }
}

/// An extension and its id, `a=extmap`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtensionId {
    /// 1 to 14, or to 255 in the two-byte form; in offers also 4096 to 4351, which only propose.
    pub id: u16,
    /// What it is.
    pub extension: HeaderExtension,
}

impl ExtensionId {
    fn is_provisional(&self) -> bool {
        self.id >= ExtMap::FIRST_PROVISIONAL_ID
    }
}

impl RtpParameters {
    /// Which of the offered extensions we answer, and how (RFC 8285 §7): with the offer's ids, the
    /// other direction, and free ids for what was only proposed.
    pub(super) fn answer_extensions(
        &self,
        capabilities: &RtpCapabilities,
        two_byte: bool,
        bundle: &mut BundleIds,
    ) -> Vec<ExtensionId> {
        let mut answer: Vec<ExtensionId> = Vec::new();
        for offered in self.header_extensions.iter().filter(|each| !each.is_provisional()) {
            bundle.keep_extension(offered.id, &offered.extension);
        }
        let mut chosen_provisional = Vec::new();
        for offered in &self.header_extensions {
            let Some(mut extension) = answered(&offered.extension, capabilities) else {
                continue;
            };
            if answer.iter().any(|each| each.extension.same_as(&extension)) {
                continue;
            }
            // RFC 6904 §4.1: the encrypted form is the better one, and never both are used.
            if !extension.encrypted && self.offers_encrypted(&extension.uri, capabilities) {
                extension.direction = Direction::Inactive;
            }
            let id = if !offered.is_provisional() {
                Some(offered.id).filter(|id| *id <= 14 || capabilities.extmap_allow_mixed)
            } else if chosen_provisional.contains(&offered.id) || extension.direction == Direction::Inactive {
                // RFC 8285 §7: of alternatives, which share an id, at most one.
                None
            } else {
                let ids = if two_byte { TWO_BYTE } else { ONE_BYTE };
                bundle.extension_id(&extension, ids.clone(), ids)
            };
            if let Some(id) = id {
                chosen_provisional.extend(Some(offered.id).filter(|_| offered.is_provisional()));
                answer.push(ExtensionId { id, extension });
            }
        }
        answer
    }

    fn offers_encrypted(&self, uri: &str, capabilities: &RtpCapabilities) -> bool {
        self.header_extensions.iter().any(|each| {
            each.extension.encrypted && each.extension.uri == uri && answered(&each.extension, capabilities).is_some()
        })
    }

    /// The extensions that the offer has too, as the offerer sees them, with the answer's ids.
    pub(super) fn accept_extensions(&self, answer: &RtpParameters) -> Vec<ExtensionId> {
        let mut agreed: Vec<ExtensionId> = Vec::new();
        for answered in &answer.header_extensions {
            // RFC 8285 §7: the answer has the offer's id, and a new one for what was proposed.
            let Some(offered) = self.header_extensions.iter().find(|offered| {
                offered.extension.is_form_of(&answered.extension)
                    && (offered.id == answered.id || offered.is_provisional())
            }) else {
                continue;
            };
            let taken = agreed
                .iter()
                .any(|each| each.id == answered.id || each.extension.is_form_of(&answered.extension));
            if taken || answered.is_provisional() {
                continue;
            }
            let direction = offered
                .extension
                .direction
                .intersect(answered.extension.direction.reversed());
            if direction != Direction::Inactive {
                let extension = HeaderExtension {
                    direction,
                    ..answered.extension.clone()
                };
                agreed.push(ExtensionId {
                    id: answered.id,
                    extension,
                });
            }
        }
        agreed
    }
}

/// The extension as we answer it, if we can and want to use it in some direction.
fn answered(offered: &HeaderExtension, capabilities: &RtpCapabilities) -> Option<HeaderExtension> {
    let ours = capabilities
        .header_extensions
        .iter()
        .find(|ours| ours.is_form_of(offered))?;
    let direction = offered.direction.reversed().intersect(ours.direction);
    (direction != Direction::Inactive).then(|| HeaderExtension {
        direction,
        ..offered.clone()
    })
}
