//! What each codec's parameters mean to an offer and its answer, and when two codecs are the same.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::Codec;
use super::h264::ProfileLevelId;

impl Codec {
    /// Whether the two are the same codec, so that what one side sends the other can decode: name,
    /// clock rate, channels, and those parameters that have to be the same on both sides.
    ///
    /// | codec | parameters that have to be the same |
    /// |---|---|
    /// | H264 | the profile within `profile-level-id`, `packetization-mode` (RFC 6184 §8.2.2) |
    /// | H265 | `profile-space`, `profile-id`, `tier-flag`, `interop-constraints`, `tx-mode`, and if both say it `profile-compatibility-indicator` (RFC 7798 §7.2.2) |
    /// | VP9 | `profile-id` (RFC 9628 §7) |
    /// | AV1 | `profile` |
    /// | others | none: they say what their writer wants to receive |
    ///
    /// What repairs or wraps other codecs (`rtx`, `red`) matches here whatever it refers to.
    pub fn matches(&self, other: &Codec) -> bool {
        self.is(&other.name)
            && self.clock_rate == other.clock_rate
            && self.channels == other.channels
            && same_configuration(self, other)
    }
}

/// Whether those parameters are the same that have to be the same on both sides. The names of the
/// codecs are equal already.
fn same_configuration(a: &Codec, b: &Codec) -> bool {
    match Format::of(a) {
        Format::H264 => {
            let profile = |codec| profile_level_id(codec).map(|id| id.profile());
            let mode = packetization_mode(a);
            mode.is_some() && mode == packetization_mode(b) && profile(a).is_some_and(|same| profile(b) == Some(same))
        }
        Format::H265 => {
            H265.iter().all(|symmetric| symmetric.is_same(a, b))
                && same_if_said(a, b, "profile-compatibility-indicator")
        }
        // RFC 9628 §7: a profile that is not said is 0.
        Format::Vp9 => Symmetric::new("profile-id", "0").is_same(a, b),
        // RTP Payload Format For AV1 §7.2.1: so here; the level and the tier are each receiver's own.
        Format::Av1 => Symmetric::new("profile", "0").is_same(a, b),
        Format::Declarative => true,
    }
}

/// The parameters of our answer to a codec that matches ours.
pub(super) fn answer(offered: &Codec, ours: &Codec) -> String {
    match Format::of(ours) {
        Format::H264 => answer_h264(offered, ours),
        Format::H265 => answer_h265(offered, ours),
        Format::Vp9 | Format::Av1 | Format::Declarative => ours.parameters.clone(),
    }
}

/// The parameters of `codec` as they hold after an answer: without level asymmetry both sides of
/// H.264 keep to the lower level (RFC 6184 §8.2.2), whatever was answered.
pub(super) fn agreed(codec: &Codec, other: &Codec) -> String {
    let lowered = match Format::of(codec) {
        Format::H264 if !asymmetric(codec, other) => profile_level_id(codec).zip(profile_level_id(other)),
        _ => None,
    };
    match lowered {
        Some((id, limit)) if limit.level() < id.level() => set(
            &codec.parameters,
            "profile-level-id",
            &id.with_level_of(limit).to_text(),
        ),
        _ => codec.parameters.clone(),
    }
}

/// RFC 6184 §8.2.2: the profile stays, and the level is not raised unless both sides let it differ.
fn answer_h264(offered: &Codec, ours: &Codec) -> String {
    let (Some(theirs), Some(own)) = (profile_level_id(offered), profile_level_id(ours)) else {
        return ours.parameters.clone();
    };
    let said = offered.parameter("profile-level-id").is_some() || ours.parameter("profile-level-id").is_some();
    if !said {
        return ours.parameters.clone();
    }
    let answered = if asymmetric(offered, ours) || own.level() < theirs.level() {
        theirs.with_level_of(own)
    } else {
        theirs
    };
    set(&ours.parameters, "profile-level-id", &answered.to_text())
}

/// RFC 7798 §7.2.2: all that configures stays as offered but the level, which is not raised.
fn answer_h265(offered: &Codec, ours: &Codec) -> String {
    let mut answer = ours.parameters.clone();
    let names = H265.iter().map(|symmetric| symmetric.name);
    for name in names.chain(["profile-compatibility-indicator"]) {
        if let Some(value) = offered.parameter(name) {
            answer = set(&answer, name, value);
        }
    }
    let level = |codec: &Codec| {
        codec
            .parameter("level-id")
            .map_or(Some(93), |level| level.parse::<u8>().ok())
    };
    match (level(offered), level(ours)) {
        (Some(theirs), Some(own)) if theirs < own => set(&answer, "level-id", &theirs.to_string()),
        _ => answer,
    }
}

enum Format {
    H264,
    H265,
    Vp9,
    Av1,
    /// Parameters say what their writer wants to receive, and match always: VP8 (RFC 7741 §6),
    /// Opus (RFC 7587 §7), and what we don't know.
    Declarative,
}

impl Format {
    fn of(codec: &Codec) -> Self {
        if codec.is("H264") {
            Format::H264
        } else if codec.is("H265") {
            Format::H265
        } else if codec.is("VP9") {
            Format::Vp9
        } else if codec.is("AV1") {
            Format::Av1
        } else {
            Format::Declarative
        }
    }
}

/// A parameter that has to be the same on both sides, and what it is if it is not said.
struct Symmetric {
    name: &'static str,
    default: &'static str,
}

impl Symmetric {
    const fn new(name: &'static str, default: &'static str) -> Self {
        Self { name, default }
    }

    fn is_same(&self, a: &Codec, b: &Codec) -> bool {
        let value = |codec| {
            let value: &str = Codec::parameter(codec, self.name).unwrap_or(self.default);
            value.trim_start_matches('0')
        };
        value(a).eq_ignore_ascii_case(value(b))
    }
}

/// RFC 7798 §7.1.
const H265: [Symmetric; 5] = [
    Symmetric::new("profile-space", "0"),
    Symmetric::new("profile-id", "1"),
    Symmetric::new("tier-flag", "0"),
    Symmetric::new("interop-constraints", "B00000000000"),
    Symmetric::new("tx-mode", "SRST"),
];

/// RFC 7798 infers one bit where it is not said; encoders set more, which decoders of that one
/// profile can ignore.
fn same_if_said(a: &Codec, b: &Codec, name: &str) -> bool {
    match (a.parameter(name), b.parameter(name)) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => true,
    }
}

/// `None` if it is malformed: such a format has no match.
fn profile_level_id(codec: &Codec) -> Option<ProfileLevelId> {
    match codec.parameter("profile-level-id") {
        None => Some(ProfileLevelId::DEFAULT),
        Some(text) => ProfileLevelId::parse(text),
    }
}

/// RFC 6184 §8.1: 0 if it is not said.
fn packetization_mode(codec: &Codec) -> Option<u8> {
    match codec.parameter("packetization-mode") {
        None => Some(0),
        Some(mode) => mode.parse().ok().filter(|mode| *mode <= 2),
    }
}

fn asymmetric(a: &Codec, b: &Codec) -> bool {
    [a, b]
        .iter()
        .all(|codec| codec.parameter("level-asymmetry-allowed") == Some("1"))
}

/// The parameters with one of them changed in its place, or put at the end.
fn set(parameters: &str, name: &str, value: &str) -> String {
    let mut found = false;
    let mut parts: Vec<String> = Vec::new();
    for part in parameters
        .split(';')
        .map(str::trim_ascii)
        .filter(|part| !part.is_empty())
    {
        let own_name = part.split_once('=').map_or(part, |(name, _)| name.trim_ascii_end());
        if !own_name.eq_ignore_ascii_case(name) {
            parts.push(part.to_owned());
        } else if !found {
            found = true;
            parts.push([own_name, "=", value].concat());
        }
    }
    if !found {
        parts.push([name, "=", value].concat());
    }
    parts.join(";")
}
