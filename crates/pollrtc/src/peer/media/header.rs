//! Packets that leave: who sends them, and what they say beside the payload.

use pollrtc_rtp::dependency_descriptor::set_frame_number;
use pollrtc_rtp::{BuildError, Extension, ExtensionElement, ExtensionForms, Rewrite, RtpPacket, RtpPacketBuilder};

use super::sender::{OutgoingFormat, Route};
use super::told::Told;

/// What a packet says of this hop, which is never passed on.
pub(super) struct Hop<'h> {
    /// What it says this time, or said when it left first.
    pub(super) told: Told,
    pub(super) route: &'h Route,
    pub(super) ssrc: u32,
    pub(super) format: OutgoingFormat,
    /// Whether it is a retransmission: its layer is named otherwise (RFC 8852 §3.2).
    pub(super) is_repair: bool,
}

/// More header extensions than there are meanings.
const EXTENSIONS: usize = 16;
/// RFC 8285 §4.3.
const LONGEST_EXTENSION: usize = 255;

impl Hop<'_> {
    /// Writes a packet as it leaves, plain; how long it is.
    pub(super) fn write(
        &self,
        packet: &RtpPacket<'_>,
        rewrite: &Rewrite<'_>,
        buf: &mut [u8],
    ) -> Result<usize, BuildError> {
        let send_time = self.told.send_time.to_bytes();
        let number = self.told.transport_sequence.to_be_bytes();
        let mut renumbered = [0; LONGEST_EXTENSION];
        let rewrite = &Rewrite {
            descriptor: descriptor(rewrite, &mut renumbered),
            ..*rewrite
        };
        let mut extensions = [ExtensionElement { id: 0, value: &[] }; EXTENSIONS];
        let mut count = 0;
        for (extension, id) in &self.route.extensions {
            let value = match extension {
                Extension::TransportSequence => Some(&number[..]),
                Extension::AbsSendTime => Some(&send_time[..]),
                other => self.value(*other, packet, rewrite),
            };
            let element = value.map(|value| ExtensionElement { id: *id, value });
            if let Some(element) = element.filter(|element| self.can_say(element))
                && let Some(slot) = extensions.get_mut(count)
            {
                *slot = element;
                count += 1;
            }
        }
        let builder = RtpPacketBuilder {
            marker: rewrite.marker,
            payload_type: self.format.payload_type,
            sequence_number: rewrite.sequence as u16, // its low 16 bits
            timestamp: rewrite.timestamp,
            ssrc: self.ssrc,
            extensions: extensions.get(..count).unwrap_or_default(),
            forms: self.forms(),
            payload: packet.payload(),
            ..RtpPacketBuilder::default()
        };
        builder.write_to(buf)
    }

    fn forms(&self) -> ExtensionForms {
        match self.route.mixed_extensions {
            true => ExtensionForms::Mixed,
            false => ExtensionForms::OneByte,
        }
    }

    /// RFC 8285 §4.2, §6: what can't be said in the form that both know is left out.
    fn can_say(&self, element: &ExtensionElement<'_>) -> bool {
        let is_short = element.id < 15 && matches!(element.value.len(), 1..=16);
        is_short || (self.route.mixed_extensions && element.value.len() <= usize::from(u8::MAX))
    }

    /// What is said of an extension that both sides know: of this hop what it is here, of anything else what came.
    fn value<'v>(&'v self, extension: Extension, packet: &RtpPacket<'v>, rewrite: &Rewrite<'v>) -> Option<&'v [u8]> {
        let rid = || {
            self.route
                .rid
                .as_deref()
                .filter(|_| !self.told.is_known)
                .map(str::as_bytes)
        };
        match extension {
            Extension::Mid => Some(self.route.mid.as_bytes()).filter(|_| !self.told.is_known),
            Extension::Rid => rid().filter(|_| !self.is_repair),
            Extension::RepairedRid => rid().filter(|_| self.is_repair),
            Extension::DependencyDescriptor => rewrite.descriptor,
            other if other.is_hop_by_hop() => None,
            other => packet.extension(other),
        }
    }
}

/// The dependency descriptor as it leaves; `renumbered` has room for one whose frame is called otherwise.
fn descriptor<'v>(rewrite: &Rewrite<'v>, renumbered: &'v mut [u8]) -> Option<&'v [u8]> {
    let came = rewrite.descriptor?;
    let Some(number) = rewrite.frame_number else {
        return Some(came);
    };
    let leaving = renumbered.get_mut(..came.len())?;
    leaving.copy_from_slice(came);
    set_frame_number(leaving, number);
    Some(leaving)
}
