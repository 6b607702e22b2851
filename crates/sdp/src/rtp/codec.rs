//! Codecs, and when two are the same.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// A codec with its configuration, without a payload type.
///
/// ```
/// use pollrtc_sdp::rtp::Codec;
///
/// let ours = Codec::new("H264", 90_000).with_parameters("packetization-mode=1;profile-level-id=42e01f");
/// assert_eq!(ours.parameter("packetization-mode"), Some("1"));
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
    /// any case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(each, _)| each.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Whether the two are the same codec, so that what one side sends the other can decode.
    pub fn matches(&self, other: &Codec) -> bool {
        self.is(&other.name) && self.clock_rate == other.clock_rate && self.channels == other.channels
    }

    /// Whether this is retransmission of another codec's packets (RFC 4588).
    pub fn is_rtx(&self) -> bool {
        self.is("rtx")
    }
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
    /// As it is written: `nack`, `nack pli`.
    pub fn new(text: &str) -> Self {
        let (kind, parameter) = text.split_once(' ').unwrap_or((text, ""));
        Self {
            kind: kind.to_owned(),
            parameter: parameter.to_owned(),
        }
    }
}
