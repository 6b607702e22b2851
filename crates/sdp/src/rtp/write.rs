//! Writes what a section says.

use alloc::format;

use super::{ExtensionId, PayloadType, RtpParameters};
use crate::Writer;
use crate::attribute::{Attribute, Direction};

impl RtpParameters {
    /// Writes the attributes into the media section that the writer is at; the `m=` line takes
    /// [`format_list`](Self::format_list).
    pub fn write(&self, writer: &mut Writer) {
        for extension in &self.header_extensions {
            write_extension(extension, writer);
        }
        if self.extmap_allow_mixed {
            writer.attribute(Attribute::ExtmapAllowMixed);
        }
        if self.rtcp_rsize {
            writer.attribute(Attribute::RtcpRsize);
        }
        for codec in &self.codecs {
            write_codec(codec, writer);
        }
    }
}

fn write_codec(PayloadType { payload_type, codec }: &PayloadType, writer: &mut Writer) {
    let (name, clock_rate) = (&codec.name, codec.clock_rate);
    match codec.channels {
        1 => writer.text("rtpmap", &format!("{payload_type} {name}/{clock_rate}")),
        channels => writer.text("rtpmap", &format!("{payload_type} {name}/{clock_rate}/{channels}")),
    };
    for feedback in &codec.feedback {
        let text = format!("{payload_type} {} {}", feedback.kind, feedback.parameter);
        writer.text("rtcp-fb", text.trim_end());
    }
    if !codec.parameters.is_empty() {
        writer.text("fmtp", &format!("{payload_type} {}", codec.parameters));
    }
}

fn write_extension(ExtensionId { id, extension }: &ExtensionId, writer: &mut Writer) {
    let direction = match extension.direction {
        Direction::SendRecv => "",
        Direction::SendOnly => "/sendonly",
        Direction::RecvOnly => "/recvonly",
        Direction::Inactive => "/inactive",
    };
    let text = format!("{id}{direction} {} {}", extension.uri, extension.attributes);
    writer.text("extmap", text.trim_end());
}
