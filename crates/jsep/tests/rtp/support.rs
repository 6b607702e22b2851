//! Sections as text, and capabilities in short.

use pollrtc_jsep::rtp::{BundleIds, Codec, HeaderExtension, MediaKind, RtpCapabilities, RtpParameters};
use pollrtc_sdp::{Connection, MediaLine, Origin, OwnedSession, Parser, Profile, Writer};

/// A description with one section, given as its lines without line ends.
pub(crate) fn description(lines: &[&str]) -> String {
    let mut text = String::from("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text
}

/// What the description's first section says.
pub(crate) fn read(lines: &[&str]) -> RtpParameters {
    let text = description(lines);
    // What the stricter profiles refuse must do no harm either.
    let session = Parser::new()
        .profile(Profile::Lenient)
        .parse(&text)
        .expect("a description");
    RtpParameters::read(&session.media().next().expect("a section"))
}

/// Our capabilities: these codecs, as `opus/48000/2 minptime=10`, and no header extensions.
pub(crate) fn able(kind: MediaKind, codecs: &[&str]) -> RtpCapabilities {
    RtpCapabilities {
        codecs: codecs.iter().map(|text| codec(text)).collect(),
        ..RtpCapabilities::none(kind)
    }
}

pub(crate) fn video(codecs: &[&str]) -> RtpCapabilities {
    able(MediaKind::Video, codecs)
}

pub(crate) fn audio(codecs: &[&str]) -> RtpCapabilities {
    able(MediaKind::Audio, codecs)
}

/// Video with VP8 and these extensions.
pub(crate) fn able_to_extend(uris: &[&str]) -> RtpCapabilities {
    RtpCapabilities {
        header_extensions: uris.iter().map(|uri| HeaderExtension::new(uri)).collect(),
        ..video(&["VP8/90000"])
    }
}

/// `opus/48000/2 minptime=10`.
pub(crate) fn codec(text: &str) -> Codec {
    let (encoding, parameters) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = encoding.split('/');
    let name = parts.next().expect("a name");
    let number = |part: Option<&str>| part.map(|number| number.parse().expect("a number"));
    let clock_rate = number(parts.next()).expect("a clock rate");
    Codec::new(name, clock_rate)
        .with_channels(number(parts.next()).unwrap_or(1))
        .with_parameters(parameters)
}

/// The first offer of a peer.
pub(crate) fn offer(capabilities: &RtpCapabilities) -> RtpParameters {
    RtpParameters::offer(capabilities, None, &mut BundleIds::new())
}

/// The answer in a bundle of one section.
pub(crate) fn answer(offer: &RtpParameters, capabilities: &RtpCapabilities) -> Option<RtpParameters> {
    offer.answer(capabilities, &mut BundleIds::new())
}

/// `96 VP8` and so on, in order; with parameters where there are some.
pub(crate) fn listed(parameters: &RtpParameters) -> Vec<String> {
    let text = |each: &pollrtc_jsep::rtp::PayloadType| {
        let text = format!("{} {} {}", each.payload_type, each.codec.name, each.codec.parameters);
        text.trim_end().to_owned()
    };
    parameters.codecs.iter().map(text).collect()
}

/// `1 urn:x` and so on, with the direction if it is not both.
pub(crate) fn extensions(parameters: &RtpParameters) -> Vec<String> {
    let text = |each: &pollrtc_jsep::rtp::ExtensionId| {
        let hidden = if each.extension.encrypted { "hidden " } else { "" };
        match each.extension.direction.as_str() {
            "sendrecv" => format!("{} {hidden}{}", each.id, each.extension.uri),
            direction => format!("{}/{direction} {hidden}{}", each.id, each.extension.uri),
        }
    };
    parameters.header_extensions.iter().map(text).collect()
}

/// The section as it goes over the wire.
pub(crate) fn written(kind: MediaKind, parameters: &RtpParameters) -> OwnedSession {
    let mut writer = Writer::new(&Origin::with_id("1", "1"));
    writer
        .media(&MediaLine {
            kind: kind.as_str(),
            port: 9,
            port_count: None,
            protocol: "UDP/TLS/RTP/SAVPF",
            format_list: &parameters.format_list(),
        })
        .connection(&Connection::UNSPECIFIED);
    parameters.write(&mut writer);
    writer.finish().expect("a description")
}

/// What arrives at the other side.
pub(crate) fn carried(kind: MediaKind, parameters: &RtpParameters) -> RtpParameters {
    let text = written(kind, parameters);
    RtpParameters::read(&text.as_session().media().next().expect("a section"))
}
