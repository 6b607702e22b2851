//! What we can do.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Codec, HeaderExtension};

/// The media kinds that go over RTP in WebRTC.
///
/// ```
/// # use pollrtc_jsep::rtp::MediaKind;
/// assert_eq!(MediaKind::parse("audio"), Some(MediaKind::Audio));
/// assert_eq!(MediaKind::Video.as_str(), "video");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaKind {
    /// `audio`.
    Audio,
    /// `video`.
    Video,
}

impl MediaKind {
    /// The kind that a word on the `m=` line names.
    pub fn parse(kind: &str) -> Option<Self> {
        match kind {
            "audio" => Some(MediaKind::Audio),
            "video" => Some(MediaKind::Video),
            _ => None,
        }
    }

    /// The word on the `m=` line.
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
///
/// ```
/// use pollrtc_jsep::rtp::{Codec, MediaKind, RtpCapabilities};
///
/// let mut video = RtpCapabilities::none(MediaKind::Video);
/// video.codecs.push(Codec::new("VP8", 90_000).with_feedback(["nack", "nack pli"]));
/// video.codecs.push(Codec::new("rtx", 90_000));
/// assert_eq!(video.codecs.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpCapabilities {
    /// The kind of media.
    pub kind: MediaKind,
    /// In order of preference. `rtx` stands here once per clock rate, `red` once per codec that it
    /// wraps, both without the payload types that they refer to.
    pub codecs: Vec<Codec>,
    /// Which of the two orders holds.
    pub order: CodecOrder,
    /// In the order in which they are offered. They get the ids that browsers give them, and never one
    /// above 14 in an offer, which Firefox refuses; what finds none free is left out.
    pub header_extensions: Vec<HeaderExtension>,
    /// Whether we understand two-byte header extensions, also mixed with those of one byte
    /// (RFC 8285 §6). The peer's ids above 14 need it.
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

    /// What the browsers' offers hold, for a peer that forwards media or has codecs for it all.
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

/// RFC 6464.
const AUDIO_LEVEL: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
const ABSOLUTE_SEND_TIME: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
const TRANSPORT_WIDE_CC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
/// RFC 9143 §15.
const MID: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// RFC 8852 §3.
const RID: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
const REPAIRED_RID: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

const AUDIO_EXTENSIONS: &[&str] = &[AUDIO_LEVEL, ABSOLUTE_SEND_TIME, TRANSPORT_WIDE_CC, MID];

const VIDEO_EXTENSIONS: &[&str] = &[
    // RFC 5450.
    "urn:ietf:params:rtp-hdrext:toffset",
    ABSOLUTE_SEND_TIME,
    "urn:3gpp:video-orientation",
    TRANSPORT_WIDE_CC,
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-timing",
    "http://www.webrtc.org/experiments/rtp-hdrext/color-space",
    MID,
    RID,
    REPAIRED_RID,
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
    "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
];

/// RFC 7874 §3 asks for Opus, G.711 and events; the others are the browsers'.
fn audio_codecs() -> Vec<Codec> {
    [
        Codec::new("opus", 48_000)
            .with_channels(2)
            .with_parameters("minptime=10;useinbandfec=1")
            .with_feedback(["transport-cc"]),
        Codec::new("red", 48_000).with_channels(2),
        Codec::new("G722", 8_000).with_feedback(["transport-cc"]),
        Codec::new("PCMU", 8_000).with_feedback(["transport-cc"]),
        Codec::new("PCMA", 8_000).with_feedback(["transport-cc"]),
        Codec::new("CN", 8_000),
        Codec::new("telephone-event", 48_000).with_parameters("0-15"),
        Codec::new("telephone-event", 8_000).with_parameters("0-15"),
    ]
    .into()
}

/// RFC 7742 §5 asks for VP8 and H.264's constrained baseline; the others are the browsers'.
fn video_codecs() -> Vec<Codec> {
    const FEEDBACK: [&str; 5] = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
    const VIDEO: [(&str, &str); 5] = [
        ("VP8", ""),
        ("VP9", "profile-id=0"),
        ("VP9", "profile-id=2"),
        ("AV1", "level-idx=5;profile=0;tier=0"),
        ("H265", "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"),
    ];
    // Constrained baseline, baseline, main and constrained high, each at level 3.1.
    let h264 = ["42e01f", "42001f", "4d001f", "640c1f"]
        .into_iter()
        .flat_map(|profile| {
            ["1", "0"].map(|mode| {
                let parameters = [
                    "level-asymmetry-allowed=1;packetization-mode=",
                    mode,
                    ";profile-level-id=",
                    profile,
                ];
                ("H264", parameters.concat())
            })
        });
    let others = VIDEO.map(|(name, parameters)| (name, String::from(parameters)));
    let [vp8, vp9, vp9_10_bit, av1, h265] = others;
    [vp8, vp9, vp9_10_bit]
        .into_iter()
        .chain(h264)
        .chain([av1, h265])
        .map(|(name, parameters)| {
            Codec::new(name, 90_000)
                .with_parameters(&parameters)
                .with_feedback(FEEDBACK)
        })
        .chain([
            Codec::new("rtx", 90_000),
            Codec::new("red", 90_000),
            Codec::new("ulpfec", 90_000),
            Codec::new("flexfec-03", 90_000)
                .with_parameters("repair-window=10000000")
                .with_feedback(["goog-remb", "transport-cc"]),
        ])
        .collect()
}
