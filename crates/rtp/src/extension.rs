//! Header extensions by what they mean.

/// What a header extension means. Which number it has is agreed on by each pair of peers (RFC 8285 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Extension {
    /// The section that a stream belongs to (RFC 9143 §14).
    Mid,
    /// The layer of a simulcast (RFC 8852 §3.1).
    Rid,
    /// The layer that a retransmission repairs (RFC 8852 §3.2).
    RepairedRid,
    /// The transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions).
    TransportSequence,
    /// When it was sent, in 24 bits.
    AbsSendTime,
    /// How loud it is (RFC 6464).
    AudioLevel,
    /// When it was captured.
    AbsCaptureTime,
    /// Within which limits to delay its playout.
    PlayoutDelay,
    /// How the camera was held (3GPP TS 26.114).
    VideoOrientation,
    /// Which layers exist, with their bit rates and sizes.
    VideoLayersAllocation,
    /// Which frames this one needs (AV1 RTP specification, appendix A).
    DependencyDescriptor,
    /// One that the application gave this number.
    Other(u8),
}

impl Extension {
    /// How many meanings a view keeps the places of.
    pub(crate) const INDEXED: usize = 12;

    /// Whether it speaks of one hop, so that it is never passed on.
    pub const fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Self::Mid | Self::Rid | Self::RepairedRid | Self::TransportSequence | Self::AbsSendTime
        )
    }

    /// The URI by which descriptions name it; `None` for an application's own.
    pub const fn uri(self) -> Option<&'static str> {
        Some(match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportSequence => "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::AbsCaptureTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
            Self::PlayoutDelay => "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::VideoLayersAllocation => "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
            Self::Other(_) => return None,
        })
    }

    /// The place of this meaning in a view's index; an application's own ones share the last.
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Mid => 0,
            Self::Rid => 1,
            Self::RepairedRid => 2,
            Self::TransportSequence => 3,
            Self::AbsSendTime => 4,
            Self::AudioLevel => 5,
            Self::AbsCaptureTime => 6,
            Self::PlayoutDelay => 7,
            Self::VideoOrientation => 8,
            Self::VideoLayersAllocation => 9,
            Self::DependencyDescriptor => 10,
            Self::Other(_) => 11,
        }
    }
}

/// Which number means what, between two peers.
#[derive(Clone, Debug)]
pub struct ExtensionMap {
    by_id: [Option<Extension>; 256],
}

impl ExtensionMap {
    /// No number means anything.
    pub const fn new() -> Self {
        Self { by_id: [None; 256] }
    }

    /// Gives the number `id` a meaning; false if it can't have one: 0 is padding, and 15 means nothing where numbers
    /// have four bits (RFC 8285 §4.2), so that it is not used for either form here.
    pub fn insert(&mut self, id: u8, extension: Extension) -> bool {
        if matches!(id, 0 | 15) {
            return false;
        }
        if let Some(meaning) = self.by_id.get_mut(usize::from(id)) {
            *meaning = Some(extension);
        }
        true
    }

    /// What the number `id` means.
    pub fn get(&self, id: u8) -> Option<Extension> {
        self.by_id.get(usize::from(id)).copied().flatten()
    }
}

impl Default for ExtensionMap {
    fn default() -> Self {
        Self::new()
    }
}
