//! Header extensions in offers and answers: which are answered, and with which ids.

use alloc::vec::Vec;

use super::bundle::{BundleIds, ONE_BYTE, TWO_BYTE};
use super::capabilities::RtpCapabilities;
use super::extension::{ExtensionId, HeaderExtension};
use super::parameters::RtpParameters;
use pollrtc_sdp::attribute::Direction;

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
