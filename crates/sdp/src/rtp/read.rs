//! Reads what a section says.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::{Codec, ExtensionId, Feedback, HeaderExtension, PayloadType, RtpParameters};
use crate::Media;
use crate::attribute::{Direction, RawAttribute};

/// More kinds of feedback for one payload type say nothing new.
const MAX_FEEDBACK: usize = 32;

impl RtpParameters {
    /// What a section says. What is malformed, doubled or refers to nothing is left out.
    pub fn read(media: &Media<'_>) -> Self {
        let mut read = RtpParameters {
            extmap_allow_mixed: media.extmap_allow_mixed(),
            rtcp_rsize: media.rtcp_rsize(),
            ..RtpParameters::default()
        };
        let mut codecs: [Option<Codec>; 128] = [const { None }; 128];
        let mut everywhere = Vec::new();
        for attribute in media.attributes() {
            let Some(value) = attribute.text() else { continue };
            match attribute.name {
                "extmap" => read.header_extensions.extend(extension(value)),
                "rtcp-fb" => feedback(value, &mut codecs, &mut everywhere),
                _ => format(&attribute, value, &mut codecs),
            }
        }
        for payload_type in media.formats().filter_map(|format| format.parse::<u8>().ok()) {
            let slot = codecs.get_mut(usize::from(payload_type)).and_then(Option::take);
            let Some(mut codec) = slot.filter(|codec| !codec.name.is_empty()) else {
                continue;
            };
            codec.feedback.extend(everywhere.iter().cloned());
            codec.feedback.truncate(MAX_FEEDBACK);
            read.codecs.push(PayloadType { payload_type, codec });
        }
        read
    }
}

/// The codec of the payload type that the value starts with, made if it is not there.
fn slot<'c, 'v>(value: &'v str, codecs: &'c mut [Option<Codec>; 128]) -> Option<(&'c mut Codec, &'v str)> {
    let (payload_type, rest) = value.split_once(' ')?;
    let slot = codecs.get_mut(payload_type.parse::<usize>().ok()?)?;
    Some((slot.get_or_insert_with(|| Codec::new("", 0)), rest.trim()))
}

fn format(attribute: &RawAttribute<'_>, value: &str, codecs: &mut [Option<Codec>; 128]) {
    match attribute.name {
        "rtpmap" => {
            if let Some((codec, encoding)) = slot(value, codecs)
                && codec.name.is_empty()
            {
                let mut parts = encoding.split('/');
                codec.name = parts.next().unwrap_or_default().to_owned();
                codec.clock_rate = parts.next().and_then(|rate| rate.parse().ok()).unwrap_or(0);
                codec.channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
            }
        }
        "fmtp" => {
            if let Some((codec, parameters)) = slot(value, codecs)
                && codec.parameters.is_empty()
            {
                codec.parameters = parameters.to_owned();
            }
        }
        _ => {}
    }
}

fn feedback(value: &str, codecs: &mut [Option<Codec>; 128], everywhere: &mut Vec<Feedback>) {
    let list = if let Some(kind) = value.strip_prefix("* ") {
        Some((everywhere, kind))
    } else {
        slot(value, codecs).map(|(codec, kind)| (&mut codec.feedback, kind))
    };
    if let Some((list, kind)) = list
        && list.len() < MAX_FEEDBACK
    {
        list.push(Feedback::new(kind));
    }
}

fn extension(value: &str) -> Option<ExtensionId> {
    let (id, rest) = value.split_once(' ')?;
    let (id, direction) = id.split_once('/').unwrap_or((id, "sendrecv"));
    let direction = match direction {
        "sendrecv" => Direction::SendRecv,
        "sendonly" => Direction::SendOnly,
        "recvonly" => Direction::RecvOnly,
        "inactive" => Direction::Inactive,
        _ => return None,
    };
    let (uri, attributes) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(ExtensionId {
        id: id.parse().ok()?,
        extension: HeaderExtension {
            direction,
            attributes: attributes.to_owned(),
            ..HeaderExtension::new(uri)
        },
    })
}
