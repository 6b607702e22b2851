//! The number of a frame, which stands in the same place in each descriptor.

/// The frame number in the value of a header extension, for which no structure is needed. `None` if it is too short.
///
/// ```
/// use pollrtc_rtp::dependency_descriptor::{frame_number, set_frame_number};
/// let mut descriptor = [0xc0, 0x12, 0x34];
/// assert_eq!(frame_number(&descriptor), Some(0x1234));
/// set_frame_number(&mut descriptor, 7);
/// assert_eq!(descriptor, [0xc0, 0, 7]);
/// ```
pub const fn frame_number(descriptor: &[u8]) -> Option<u16> {
    match descriptor {
        // §A.8.2: two flags and the template's number stand in front.
        [_, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Writes another frame number into the value of a header extension. One that is too short stays as it is.
pub fn set_frame_number(descriptor: &mut [u8], frame_number: u16) {
    if let [_, high, low, ..] = descriptor {
        [*high, *low] = frame_number.to_be_bytes();
    }
}
