//! Codecs and their feedback.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A codec with its configuration, without a payload type.
///
/// ```
/// use pollrtc_jsep::rtp::Codec;
///
/// let ours = Codec::new("H264", 90_000).with_parameters("packetization-mode=1;profile-level-id=42e01f");
/// let theirs = Codec::new("h264", 90_000).with_parameters("profile-level-id=4D8034;packetization-mode=1");
/// assert!(ours.matches(&theirs), "both are of the constrained baseline profile");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Codec {
    /// The encoding name, such as `opus`; its case says nothing.
    pub name: String,
    /// The RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Audio channels; 1 if the description does not say.
    pub channels: u32,
    /// `a=fmtp`, as it is written; empty if there is none.
    pub parameters: String,
    /// `a=rtcp-fb`.
    pub feedback: Vec<Feedback>,
}

impl Codec {
    /// A codec with one channel, no parameters and no feedback.
    pub fn new(name: &str, clock_rate: u32) -> Self {
        Self {
            name: name.to_owned(),
            clock_rate,
            channels: 1,
            parameters: String::new(),
            feedback: Vec::new(),
        }
    }

    /// The same with this many channels.
    #[must_use]
    pub fn with_channels(self, channels: u32) -> Self {
        Self { channels, ..self }
    }

    /// The same with this `a=fmtp`.
    #[must_use]
    pub fn with_parameters(self, parameters: &str) -> Self {
        Self {
            parameters: parameters.to_owned(),
            ..self
        }
    }

    /// The same with these kinds of feedback, each as it stands in `a=rtcp-fb`: `nack pli`.
    #[must_use]
    pub fn with_feedback<'f>(self, feedback: impl IntoIterator<Item = &'f str>) -> Self {
        Self {
            feedback: feedback.into_iter().map(Feedback::new).collect(),
            ..self
        }
    }

    /// Whether it has this encoding name (RFC 4855 §3: in any case).
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value of a parameter in `a=fmtp`; the first, if there are several. Names are compared in
    /// any case (RFC 4855 §3).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(each, _)| each.trim_ascii().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_ascii())
    }

    /// What the codec is there for.
    pub fn role(&self) -> Role {
        const ROLES: [(&str, Role); 8] = [
            ("rtx", Role::Retransmission),
            ("red", Role::Redundancy),
            ("ulpfec", Role::Fec),
            ("flexfec-03", Role::Fec),
            ("flexfec", Role::Fec),
            ("parityfec", Role::Fec),
            ("CN", Role::ComfortNoise),
            ("telephone-event", Role::Events),
        ];
        ROLES
            .into_iter()
            .find(|(name, _)| self.is(name))
            .map_or(Role::Media, |(_, role)| role)
    }

    pub(super) fn apt(&self) -> Option<u8> {
        if self.role() == Role::Retransmission {
            self.parameter("apt")?.parse().ok()
        } else {
            None
        }
    }

    pub(super) fn red(&self) -> Option<Vec<u8>> {
        if self.role() != Role::Redundancy {
            return None;
        }
        let list = self.parameters.trim_ascii();
        if list.is_empty() {
            return Some(Vec::new());
        }
        list.split('/')
            .map(|payload_type| payload_type.trim_ascii().parse().ok())
            .collect()
    }

    /// Whether both name the same payload types, if they name any.
    pub(super) fn refers_to_same(&self, other: &Codec) -> bool {
        self.apt() == other.apt() && self.red() == other.red()
    }
}

/// What a codec is there for. A section needs at least one of [`Role::Media`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sound or pictures.
    Media,
    /// `rtx`: retransmits packets of the payload type that `apt` names (RFC 4588).
    Retransmission,
    /// `red`: several packets in one (RFC 2198).
    Redundancy,
    /// `ulpfec` (RFC 5109), `flexfec-03` (RFC 8627).
    Fec,
    /// `CN` (RFC 3389).
    ComfortNoise,
    /// `telephone-event` (RFC 4733).
    Events,
}

/// A kind of feedback over RTCP, `a=rtcp-fb` without its payload type (RFC 4585 §4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Feedback {
    /// `nack`, `ccm`, `transport-cc`, ...
    pub kind: String,
    /// `pli`, `fir`, ...; empty if there is none.
    pub parameter: String,
}

impl Feedback {
    /// The feedback as it is written: `nack`, `nack pli`.
    pub fn new(text: &str) -> Self {
        let (kind, parameter) = text.split_once(' ').unwrap_or((text, ""));
        Self {
            kind: kind.to_owned(),
            parameter: parameter.to_owned(),
        }
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.parameter.is_empty() {
            Ok(())
        } else {
            write!(f, " {}", self.parameter)
        }
    }
}
