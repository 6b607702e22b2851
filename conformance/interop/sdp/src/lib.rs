//! What several SDP libraries accept they must read alike: as many media sections, each of the same
//! kind, port, protocol and formats, and the same attributes in the same order.
//!
//! Differences that we know and want are in [`is_known_difference`], each with its reason.

use std::io::Cursor;

use pollrtc_sdp::attribute::RawAttribute;
use pollrtc_sdp::{Parser, Profile};

/// What a library reads of a description.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading {
    pub session_name: String,
    pub attributes: Vec<Attribute>,
    pub media: Vec<Media>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: String,
    pub port: u64,
    pub protocol: String,
    pub formats: Vec<String>,
    pub attributes: Vec<Attribute>,
}

/// Name, and value if there is one.
pub type Attribute = (String, Option<String>);

/// Bytes as a description, for each library; panics if two that accept it disagree.
pub fn differential(data: &[u8]) {
    // The others have texts, and each its own way with bytes that are none.
    let Ok(text) = str::from_utf8(data) else { return };
    if is_known_difference(text) {
        return;
    }
    let Some(ours) = pollrtc(text) else { return };
    if let Some(theirs) = sdp_types(text) {
        assert_eq!(ours, theirs, "sdp-types");
    }
    if let Some(theirs) = rtc_sdp(text) {
        assert_eq!(ours, theirs, "rtc-sdp");
    }
}

/// Whether a library reads the description otherwise than we do, and we know why.
pub fn is_known_difference(text: &str) -> bool {
    text.lines().any(|line| {
        // Space of any kind at an end of a value, which one takes for a part of it and another takes
        // away; we keep it in raw values and tell of it in typed ones.
        let value = line.split_once('=').map_or(line, |(_, value)| value);
        let spaced = line.ends_with(char::is_whitespace) || value.starts_with(char::is_whitespace);
        // A number of ports, which we keep apart from the port.
        let port_count = line.starts_with("m=") && line.split(' ').nth(1).is_some_and(|port| port.contains('/'));
        spaced || port_count
    })
}

pub fn pollrtc(text: &str) -> Option<Reading> {
    let session = Parser::new().profile(Profile::Jsep).parse(text).ok()?;
    let attribute = |raw: RawAttribute<'_>| {
        let value = raw.value.map(|value| String::from_utf8_lossy(value).into_owned());
        (raw.name.to_owned(), value)
    };
    let media = |media: pollrtc_sdp::Media<'_>| Media {
        kind: media.kind().to_owned(),
        port: media.port().into(),
        protocol: media.protocol().to_owned(),
        formats: media.formats().map(str::to_owned).collect(),
        attributes: media.attributes().map(attribute).collect(),
    };
    Some(Reading {
        session_name: String::from_utf8_lossy(session.name()).into_owned(),
        attributes: session.attributes().map(attribute).collect(),
        media: session.media().map(media).collect(),
    })
}

pub fn sdp_types(text: &str) -> Option<Reading> {
    let session = sdp_types::Session::parse(text.as_bytes()).ok()?;
    let attribute = |attribute: sdp_types::Attribute| (attribute.attribute, attribute.value);
    let media = |media: sdp_types::Media| Media {
        kind: media.media,
        port: media.port.into(),
        protocol: media.proto,
        formats: media.fmt.split(' ').map(str::to_owned).collect(),
        attributes: media.attributes.into_iter().map(attribute).collect(),
    };
    Some(Reading {
        session_name: session.session_name,
        attributes: session.attributes.into_iter().map(attribute).collect(),
        media: session.medias.into_iter().map(media).collect(),
    })
}

pub fn rtc_sdp(text: &str) -> Option<Reading> {
    let session = rtc_sdp::SessionDescription::unmarshal(&mut Cursor::new(text)).ok()?;
    let attribute = |attribute: rtc_sdp::description::common::Attribute| (attribute.key, attribute.value);
    let media = |media: rtc_sdp::MediaDescription| Media {
        kind: media.media_name.media,
        port: u64::try_from(media.media_name.port.value).unwrap_or(u64::MAX),
        protocol: media.media_name.protos.join("/"),
        formats: media.media_name.formats,
        attributes: media.attributes.into_iter().map(attribute).collect(),
    };
    Some(Reading {
        session_name: session.session_name,
        attributes: session.attributes.into_iter().map(attribute).collect(),
        media: session.media_descriptions.into_iter().map(media).collect(),
    })
}
