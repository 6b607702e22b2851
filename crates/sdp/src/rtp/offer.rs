//! Offers.

use alloc::format;
use alloc::vec::Vec;

use super::{BundleIds, Codec, ExtensionId, MediaKind, NegotiatedRtp, PayloadType, RtpCapabilities, RtpParameters};

impl RtpParameters {
    /// Offers what we can (RFC 9429 §5.2.1). With `previous`, what was agreed before keeps its
    /// payload types, ids and order, and what is new comes after (§5.2.2).
    ///
    /// Payload types and ids are taken from `bundle`; what finds none free is left out.
    pub fn offer(capabilities: &RtpCapabilities, previous: Option<&NegotiatedRtp>, bundle: &mut BundleIds) -> Self {
        let mut offer = RtpParameters {
            extmap_allow_mixed: capabilities.extmap_allow_mixed,
            rtcp_rsize: capabilities.rtcp_rsize && previous.is_none_or(|previous| previous.receive.rtcp_rsize),
            ..RtpParameters::default()
        };
        if let Some(previous) = previous {
            let known = previous.receive.codecs.iter();
            offer.codecs.extend(known.cloned());
        }
        let primaries = capabilities.codecs.iter().filter(|codec| !codec.is_rtx());
        let missing: Vec<_> = primaries
            .filter(|codec| offer.codecs.iter().all(|each| !each.codec.matches(codec)))
            .collect();
        for codec in missing {
            let Some(payload_type) = bundle.payload_type(capabilities.kind, codec, usual(codec)) else {
                continue;
            };
            offer.codecs.push(PayloadType {
                payload_type,
                codec: codec.clone(),
            });
            offer.offer_rtx(payload_type, codec.clock_rate, capabilities, bundle);
        }
        for extension in &capabilities.header_extensions {
            if let Some(id) = bundle.extension_id(extension, capabilities.extmap_allow_mixed) {
                offer.header_extensions.push(ExtensionId {
                    id,
                    extension: extension.clone(),
                });
            }
        }
        offer
    }

    fn offer_rtx(&mut self, primary: u8, clock_rate: u32, capabilities: &RtpCapabilities, bundle: &mut BundleIds) {
        let can = |codec: &&Codec| codec.is_rtx() && codec.clock_rate == clock_rate;
        let Some(rtx) = capabilities.codecs.iter().find(can) else {
            return;
        };
        if capabilities.kind == MediaKind::Audio {
            return;
        }
        let codec = rtx.clone().with_parameters(&format!("apt={primary}"));
        if let Some(payload_type) = bundle.payload_type(capabilities.kind, &codec, None) {
            self.codecs.push(PayloadType { payload_type, codec });
        }
    }
}

/// The payload type that a codec has everywhere: static ones (RFC 3551 §6), and 111 for Opus.
fn usual(codec: &Codec) -> Option<u8> {
    match (codec.name.as_str(), codec.clock_rate) {
        ("PCMU", 8_000) => Some(0),
        ("PCMA", 8_000) => Some(8),
        ("opus", 48_000) => Some(111),
        _ => None,
    }
}
