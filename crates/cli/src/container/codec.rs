//! What files can hold.

use std::error::Error;

use pollrtc::MediaKind;

/// Why a file can't be read or written.
pub(crate) type Failure = Box<dyn Error>;

/// What files can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Codec {
    Opus,
    Vp8,
    Vp9,
    Av1,
    H264,
}

impl Codec {
    const ALL: [Self; 5] = [Self::Opus, Self::Vp8, Self::Vp9, Self::Av1, Self::H264];

    /// As descriptions name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opus => "opus",
            Self::Vp8 => "VP8",
            Self::Vp9 => "VP9",
            Self::Av1 => "AV1",
            Self::H264 => "H264",
        }
    }

    pub(crate) fn of(codec: &pollrtc::Codec) -> Option<Self> {
        Self::ALL.into_iter().find(|known| codec.is(known.name()))
    }

    pub(crate) fn kind(self) -> MediaKind {
        match self {
            Self::Opus => MediaKind::Audio,
            _ => MediaKind::Video,
        }
    }

    /// What a file's name ends with.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Opus => "ogg",
            Self::Vp8 | Self::Vp9 | Self::Av1 => "ivf",
            Self::H264 => "h264",
        }
    }
}
