//! Answers.

use super::extension::{intersect, reversed};
use super::{BundleIds, Codec, ExtensionId, HeaderExtension, PayloadType, RtpCapabilities, RtpParameters};
use crate::attribute::Direction;

impl RtpParameters {
    /// Answers this offer with what we can (RFC 9429 §5.3.1): its payload types and ids, what both
    /// sides have. `None` if there is no common codec; the section is to be rejected then.
    ///
    /// `bundle` gives ids to the extensions that the offer only proposes.
    pub fn answer(&self, capabilities: &RtpCapabilities, bundle: &mut BundleIds) -> Option<RtpParameters> {
        let mut answer = RtpParameters {
            extmap_allow_mixed: self.extmap_allow_mixed && capabilities.extmap_allow_mixed,
            rtcp_rsize: self.rtcp_rsize && capabilities.rtcp_rsize,
            ..RtpParameters::default()
        };
        for offered in self.codecs.iter().filter(|each| !each.codec.is_rtx()) {
            if let Some(ours) = capabilities.codecs.iter().find(|ours| ours.matches(&offered.codec)) {
                answer.codecs.push(PayloadType {
                    payload_type: offered.payload_type,
                    codec: answered(&offered.codec, ours),
                });
            }
        }
        if answer.codecs.is_empty() {
            return None;
        }
        answer.header_extensions = self
            .header_extensions
            .iter()
            .filter_map(|offered| answered_extension(offered, capabilities, bundle))
            .collect();
        Some(answer)
    }
}

/// Our codec, with the feedback that the offer has too.
fn answered(offered: &Codec, ours: &Codec) -> Codec {
    let mut codec = ours.clone();
    codec.feedback.retain(|kind| offered.feedback.contains(kind));
    codec
}

fn answered_extension(
    offered: &ExtensionId,
    capabilities: &RtpCapabilities,
    bundle: &mut BundleIds,
) -> Option<ExtensionId> {
    let ours = capabilities
        .header_extensions
        .iter()
        .find(|ours| ours.uri == offered.extension.uri)?;
    let direction = intersect(reversed(offered.extension.direction), ours.direction);
    if direction == Direction::Inactive {
        return None;
    }
    let extension = HeaderExtension {
        direction,
        ..offered.extension.clone()
    };
    let id = if offered.id < 4096 {
        offered.id
    } else {
        bundle.extension_id(&extension, capabilities.extmap_allow_mixed)?
    };
    Some(ExtensionId { id, extension })
}
