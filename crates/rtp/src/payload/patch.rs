//! Renumbering inside of payloads, in place.

use crate::Patch;
use crate::payload::kinds::PayloadError;
use crate::payload::{vp8, vp9};

/// Writes the numbers of a [`Patch`] into a payload, as it leaves: a forwarder that leaves layers out, or goes from one
/// stream to another, closes the gaps. The payload never changes its length: a number that the sender did not write
/// stays unwritten, and of a picture id with 7 bits those 7 are written (RFC 7741 §4.2: it wraps there).
///
/// ```
/// use pollrtc_rtp::Patch;
/// use pollrtc_rtp::payload::{Vp8Payload, apply_patch};
///
/// let mut payload = [0x90, 0xe0, 0x80, 17, 4, 0x20, 0x9d]; // picture 17, TL0PICIDX 4
/// let patch = Patch::Vp8 { picture_id: 300, tl0_picture_index: 9, key_index: 0 };
/// apply_patch(&mut payload, patch)?;
///
/// let descriptor = Vp8Payload::parse(&payload)?.descriptor;
/// assert_eq!(descriptor.picture_id.map(|id| id.value()), Some(300));
/// assert_eq!(descriptor.tl0_picture_index, Some(9));
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
///
/// # Errors
///
/// If the payload is malformed. Then nothing was written.
pub fn apply_patch(payload: &mut [u8], patch: Patch) -> Result<(), PayloadError> {
    match patch {
        Patch::None => Ok(()),
        Patch::Vp8 {
            picture_id,
            tl0_picture_index,
            key_index,
        } => vp8::renumber(payload, picture_id, tl0_picture_index, key_index),
        Patch::Vp9 { picture_id } => vp9::renumber(payload, picture_id),
    }
}
