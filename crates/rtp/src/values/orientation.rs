//! How the camera was held (3GPP TS 26.114 §7.4.5).

use super::value::{HeaderExtension, put};
use crate::extension::Extension;

/// How the camera was held: what to do with a picture before it is shown.
///
/// ```
/// use pollrtc_rtp::{HeaderExtension, Rotation, VideoOrientation};
/// let upright = VideoOrientation { is_back_camera: false, is_flipped: false, rotation: Rotation::Degrees90 };
/// assert_eq!(VideoOrientation::parse(&[1]), Some(upright));
/// assert_eq!(upright.to_bytes(), [1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VideoOrientation {
    /// Whether it is the camera on the back of the device.
    pub is_back_camera: bool,
    /// Whether left and right are exchanged.
    pub is_flipped: bool,
    /// How far to turn it.
    pub rotation: Rotation,
}

/// How far to turn a picture, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Rotation {
    /// Not at all.
    #[default]
    None = 0,
    /// A quarter.
    Degrees90 = 1,
    /// Upside down.
    Degrees180 = 2,
    /// Three quarters.
    Degrees270 = 3,
}

impl VideoOrientation {
    const BACK: u8 = 0x08;
    const FLIPPED: u8 = 0x04;

    /// One byte, of which four bits are used.
    pub const fn to_bytes(self) -> [u8; 1] {
        let camera = if self.is_back_camera { Self::BACK } else { 0 };
        let flip = if self.is_flipped { Self::FLIPPED } else { 0 };
        [camera | flip | self.rotation as u8]
    }
}

impl HeaderExtension<'_> for VideoOrientation {
    const KIND: Extension = Extension::VideoOrientation;

    fn parse(value: &[u8]) -> Option<Self> {
        let &[byte] = value else { return None };
        Some(Self {
            is_back_camera: byte & Self::BACK != 0,
            is_flipped: byte & Self::FLIPPED != 0,
            rotation: match byte & 3 {
                0 => Rotation::None,
                1 => Rotation::Degrees90,
                2 => Rotation::Degrees180,
                _ => Rotation::Degrees270,
            },
        })
    }

    fn encoded_len(&self) -> usize {
        1
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        put(&self.to_bytes(), buf)
    }
}
