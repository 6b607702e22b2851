//! Header extensions by what they mean.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic
)]

/// The transport-wide sequence number with a request for feedback behind it.
const TRANSPORT_SEQUENCE_02: &str = "http://www.webrtc.org/experiments/rtp-hdrext/transport-wide-cc-02";

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

    /// What a URI means; `None` if it is not known.
    ///
    /// Both versions of the transport-wide sequence number mean the same: a value says by its length which it is of.
    pub fn from_uri(uri: &str) -> Option<Self> {
        const KNOWN: [Extension; Extension::INDEXED - 1] = [
            Extension::Mid,
            Extension::Rid,
            Extension::RepairedRid,
            Extension::TransportSequence,
            Extension::AbsSendTime,
            Extension::AudioLevel,
            Extension::AbsCaptureTime,
            Extension::PlayoutDelay,
            Extension::VideoOrientation,
            Extension::VideoLayersAllocation,
            Extension::DependencyDescriptor,
        ];
        if uri == TRANSPORT_SEQUENCE_02 {
            return Some(Self::TransportSequence);
        }
        KNOWN.into_iter().find(|known| known.uri() == Some(uri))
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

/// Which number means what, between two peers, for the whole of their session: RFC 8285 §7 lets no number change its
/// meaning.
///
/// ```
/// use pollrtc_rtp::{Extension, ExtensionMap};
/// let mut map = ExtensionMap::new();
/// assert!(map.insert(3, Extension::AudioLevel));
/// assert_eq!(map.get(3), Some(Extension::AudioLevel));
/// assert_eq!(map.id_of(Extension::AudioLevel), Some(3));
/// ```
#[derive(Clone, Debug)]
pub struct ExtensionMap {
    by_id: [Option<Extension>; 256],
    /// The place of each number's meaning in a view's index; beyond its end for none.
    places: [u8; 256],
    /// The number of each meaning, zero for none; an application's own ones are their numbers.
    ids: [u8; Extension::INDEXED],
}

impl ExtensionMap {
    /// No number means anything.
    pub const fn new() -> Self {
        Self {
            by_id: [None; 256],
            places: [u8::MAX; 256],
            ids: [0; Extension::INDEXED],
        }
    }

    /// Gives the number `id` a meaning; false if it can't have one: 0 is padding, and 15 means nothing where numbers
    /// have four bits (RFC 8285 §4.2), so that it is not used for either form here.
    ///
    /// Two numbers may have one meaning; the last one is [`id_of`](Self::id_of) it.
    pub fn insert(&mut self, id: u8, extension: Extension) -> bool {
        if matches!(id, 0 | 15) {
            return false;
        }
        self.remove(id);
        if let Some(meaning) = self.by_id.get_mut(usize::from(id)) {
            *meaning = Some(extension);
        }
        if let Some(place) = self.places.get_mut(usize::from(id)) {
            *place = extension.place() as u8;
        }
        if let Some(number) = self.ids.get_mut(extension.place()) {
            *number = id;
        }
        true
    }

    /// Takes the meaning from the number `id`.
    pub fn remove(&mut self, id: u8) {
        let meaning = self.by_id.get_mut(usize::from(id)).and_then(Option::take);
        if let Some(place) = self.places.get_mut(usize::from(id)) {
            *place = u8::MAX;
        }
        if let Some(number) = meaning.and_then(|meaning| self.ids.get_mut(meaning.place()))
            && *number == id
        {
            *number = 0;
        }
    }

    /// What the number `id` means.
    #[inline]
    pub fn get(&self, id: u8) -> Option<Extension> {
        self.by_id.get(usize::from(id)).copied().flatten()
    }

    /// Where a view keeps the place of what the number `id` means; beyond the end of its index if it means nothing.
    #[inline]
    pub(crate) fn place(&self, id: u8) -> usize {
        self.places.get(usize::from(id)).copied().unwrap_or(u8::MAX).into()
    }

    /// The number of a meaning.
    #[inline]
    pub fn id_of(&self, extension: Extension) -> Option<u8> {
        match extension {
            Extension::Other(id) => (self.get(id) == Some(extension)).then_some(id),
            _ => self.ids.get(extension.place()).copied().filter(|id| *id != 0),
        }
    }

    /// Numbers with their meanings.
    pub fn iter(&self) -> impl Iterator<Item = (u8, Extension)> + Clone {
        (0..=u8::MAX)
            .zip(self.by_id)
            .filter_map(|(id, meaning)| Some((id, meaning?)))
    }
}

impl Default for ExtensionMap {
    fn default() -> Self {
        Self::new()
    }
}
