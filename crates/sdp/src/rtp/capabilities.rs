//! What we can do.

use alloc::vec::Vec;

use super::{Codec, HeaderExtension};

/// The media kinds that go over RTP in WebRTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
}

impl MediaKind {
    /// Of the word on the `m=` line.
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        }
    }

    /// As on the `m=` line.
    pub fn as_str(self) -> &'static str {
        match self {
            MediaKind::Audio => "audio",
            MediaKind::Video => "video",
        }
    }
}

/// In which order codecs are listed where another side has listed them before (RFC 9429 §5.2.2,
/// §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CodecOrder {
    /// An answer keeps the order of the offer, a re-offer that of the last answer.
    #[default]
    AsBefore,
    /// The application has set preferences: always that of [`RtpCapabilities::codecs`].
    Preferred,
}

/// What we can send and receive of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpCapabilities {
    /// Of what kind.
    pub kind: MediaKind,
    /// In order of preference. `rtx` and `red` stand here once, without the payload types that they
    /// refer to.
    pub codecs: Vec<Codec>,
    /// Which of the two orders holds.
    pub order: CodecOrder,
    /// In the order in which they get their ids.
    pub header_extensions: Vec<HeaderExtension>,
    /// Whether one- and two-byte header extensions may be mixed.
    pub extmap_allow_mixed: bool,
    /// Whether RTCP packets may be of reduced size.
    pub rtcp_rsize: bool,
}

impl RtpCapabilities {
    /// Nothing: all sections of this kind are refused.
    pub fn none(kind: MediaKind) -> Self {
        Self {
            kind,
            codecs: Vec::new(),
            order: CodecOrder::AsBefore,
            header_extensions: Vec::new(),
            extmap_allow_mixed: true,
            rtcp_rsize: true,
        }
    }

    /// What browsers have in common.
    pub fn of(kind: MediaKind) -> Self {
        let (codecs, extensions) = match kind {
            MediaKind::Audio => (audio_codecs(), AUDIO_EXTENSIONS),
            MediaKind::Video => (video_codecs(), VIDEO_EXTENSIONS),
        };
        Self {
            codecs,
            header_extensions: extensions.iter().map(|uri| HeaderExtension::new(uri)).collect(),
            ..Self::none(kind)
        }
    }
}

const AUDIO_EXTENSIONS: &[&str] = &[
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
];

const VIDEO_EXTENSIONS: &[&str] = &[
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "urn:3gpp:video-orientation",
];

fn audio_codecs() -> Vec<Codec> {
    [
        Codec::new("opus", 48_000)
            .with_channels(2)
            .with_parameters("minptime=10;useinbandfec=1")
            .with_feedback(["transport-cc"]),
        Codec::new("PCMU", 8_000),
        Codec::new("PCMA", 8_000),
        Codec::new("telephone-event", 8_000).with_parameters("0-15"),
    ]
    .into()
}

fn video_codecs() -> Vec<Codec> {
    const FEEDBACK: [&str; 5] = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
    [
        Codec::new("VP8", 90_000).with_feedback(FEEDBACK),
        Codec::new("H264", 90_000)
            .with_parameters("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
            .with_feedback(FEEDBACK),
        Codec::new("rtx", 90_000),
    ]
    .into()
}
