//! What one section says.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Codec, ExtensionId, Rid, Role, Simulcast};

/// A codec and the payload type that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PayloadType {
    /// The number, 0 to 127.
    pub payload_type: u8,
    /// The codec that it stands for.
    pub codec: Codec,
}

impl PayloadType {
    /// The payload type that this one retransmits, if it is `rtx` (RFC 4588 §8.1).
    pub fn apt(&self) -> Option<u8> {
        self.codec.apt()
    }

    /// The payload types within this one, if it is `red` (RFC 2198 §5): none named means any.
    /// `None` if they are malformed.
    pub fn red(&self) -> Option<Vec<u8>> {
        self.codec.red()
    }
}

/// What one section says, or what is agreed for one way: codecs in order of preference, header
/// extensions, RTCP, layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RtpParameters {
    /// Codecs in order of preference, as on the `m=` line.
    pub codecs: Vec<PayloadType>,
    /// `a=extmap`.
    pub header_extensions: Vec<ExtensionId>,
    /// `a=extmap-allow-mixed` (RFC 8285 §6).
    pub extmap_allow_mixed: bool,
    /// `a=rtcp-rsize` (RFC 5506). A section that is bundled into another may leave it to that one.
    pub rtcp_rsize: bool,
    /// `a=rid` (RFC 8851).
    pub rids: Vec<Rid>,
    /// `a=simulcast` (RFC 8853).
    pub simulcast: Simulcast,
}

impl RtpParameters {
    /// The codec behind a payload type.
    pub fn codec(&self, payload_type: u8) -> Option<&Codec> {
        self.codecs
            .iter()
            .find(|each| each.payload_type == payload_type)
            .map(|each| &each.codec)
    }

    /// The payload type that retransmits this one.
    pub fn rtx_of(&self, payload_type: u8) -> Option<u8> {
        self.codecs
            .iter()
            .find(|each| each.apt() == Some(payload_type))
            .map(|each| each.payload_type)
    }

    /// The id of a header extension that is not encrypted.
    pub fn extension_id(&self, uri: &str) -> Option<u16> {
        self.header_extensions
            .iter()
            .find(|each| each.extension.uri == uri && !each.extension.encrypted)
            .map(|each| each.id)
    }

    /// The payload types as they stand on the `m=` line.
    pub fn format_list(&self) -> String {
        let mut list = String::new();
        for each in &self.codecs {
            if !list.is_empty() {
                list.push(' ');
            }
            list.push_str(&each.payload_type.to_string());
        }
        list
    }

    /// As little as a section can have that stays without media: its first codec, of which nothing is
    /// asked.
    pub(crate) fn idle(&self) -> Option<Self> {
        let first = self.codecs.iter().find(|each| each.codec.role() == Role::Media)?;
        let mut codec = first.clone();
        codec.codec.feedback.clear();
        Some(Self {
            codecs: [codec].into(),
            ..Self::default()
        })
    }

    /// Whether RTP streams can be paused (RFC 7728 §7): some codec has `ccm pause`.
    pub(super) fn can_pause(&self) -> bool {
        self.codecs
            .iter()
            .flat_map(|each| &each.codec.feedback)
            .any(|feedback| feedback.kind == "ccm" && feedback.parameter.split(' ').next() == Some("pause"))
    }
}
