//! Writes what a section says.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{ExtensionId, PayloadType, Rid, RtpParameters, SimulcastStream};
use pollrtc_sdp::Writer;
use pollrtc_sdp::attribute::{Attribute, Direction, ExtMap};

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
        for rid in &self.rids {
            write_rid(rid, writer);
        }
        let directions = [("send", &self.simulcast.send), ("recv", &self.simulcast.receive)];
        let lists: Vec<String> = directions
            .into_iter()
            .filter(|(_, streams)| !streams.is_empty())
            .map(|(direction, streams)| format!("{direction} {}", stream_list(streams)))
            .collect();
        if !lists.is_empty() {
            writer.text("simulcast", &lists.join(" "));
        }
    }
}

fn write_codec(PayloadType { payload_type, codec }: &PayloadType, writer: &mut Writer) {
    let (name, clock_rate) = (&codec.name, codec.clock_rate);
    match codec.channels {
        1 => writer.formatted("rtpmap", format_args!("{payload_type} {name}/{clock_rate}")),
        channels => writer.formatted("rtpmap", format_args!("{payload_type} {name}/{clock_rate}/{channels}")),
    };
    for feedback in &codec.feedback {
        writer.formatted("rtcp-fb", format_args!("{payload_type} {feedback}"));
    }
    if !codec.parameters.is_empty() {
        writer.formatted("fmtp", format_args!("{payload_type} {}", codec.parameters));
    }
}

fn write_extension(ExtensionId { id, extension }: &ExtensionId, writer: &mut Writer) {
    // RFC 8285 §7: without a direction it has that of the section.
    let direction = Some(extension.direction).filter(|direction| *direction != Direction::SendRecv);
    let attributes = Some(extension.attributes.as_str()).filter(|attributes| !attributes.is_empty());
    let plain = ExtMap {
        id: *id,
        direction,
        uri: &extension.uri,
        attributes,
    };
    if !extension.encrypted {
        writer.attribute(Attribute::ExtMap(plain));
        return;
    }
    // RFC 6904 §4: what is encrypted follows as if it were attributes.
    let inner = match attributes {
        Some(attributes) => format!("{} {attributes}", extension.uri),
        None => extension.uri.clone(),
    };
    writer.attribute(Attribute::ExtMap(ExtMap {
        uri: ExtMap::ENCRYPT,
        attributes: Some(&inner),
        ..plain
    }));
}

fn write_rid(rid: &Rid, writer: &mut Writer) {
    let payload_types: Vec<String> = rid.payload_types.iter().map(|each| format!("{each}")).collect();
    let mut parameters = Vec::new();
    if !payload_types.is_empty() {
        parameters.push(format!("pt={}", payload_types.join(",")));
    }
    parameters.extend(rid.restrictions.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    }));
    let text = format!("{} {} {}", rid.id, rid.direction, parameters.join(";"));
    writer.text("rid", text.trim_end());
}

/// RFC 8853 §5.1 `sc-str-list`.
fn stream_list(streams: &[SimulcastStream]) -> String {
    let stream = |stream: &SimulcastStream| {
        let alternatives = stream.alternatives.iter();
        let alternatives: Vec<String> = alternatives
            .map(|layer| format!("{}{}", if layer.paused { "~" } else { "" }, layer.rid))
            .collect();
        alternatives.join(",")
    };
    streams.iter().map(stream).collect::<Vec<_>>().join(";")
}
