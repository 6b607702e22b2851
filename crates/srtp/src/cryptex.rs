//! Headers that are encrypted as a whole (RFC 9335): what marks them.

use crate::header::{EXTENSION_HEADER_LEN, ExtensionBlock, HAS_EXTENSION, Header, ONE_BYTE, TWO_BYTES};

/// Stands in place of [`ONE_BYTE`] where the header is encrypted.
const ENCRYPTED_ONE_BYTE: u16 = 0xc0de;
/// Stands in place of [`TWO_BYTES`].
const ENCRYPTED_TWO_BYTES: u16 = 0xc2de;

/// The profile in a packet whose header is encrypted, by the one in the plain packet. Other profiles are none of
/// RFC 8285, and have no such form.
pub(crate) fn encrypted_profile(profile: u16) -> Option<u16> {
    match profile {
        ONE_BYTE => Some(ENCRYPTED_ONE_BYTE),
        _ if profile & 0xfff0 == TWO_BYTES => Some(ENCRYPTED_TWO_BYTES),
        _ => None,
    }
}

/// Back; `None` if the header is not encrypted.
pub(crate) fn plain_profile(profile: u16) -> Option<u16> {
    match profile {
        ENCRYPTED_ONE_BYTE => Some(ONE_BYTE),
        ENCRYPTED_TWO_BYTES => Some(TWO_BYTES),
        _ => None,
    }
}

/// Writes the profile of a header extension.
pub(crate) fn set_profile(packet: &mut [u8], extension: ExtensionBlock, profile: u16) {
    let place = extension.begin.checked_sub(EXTENSION_HEADER_LEN);
    let place = place.and_then(|at| packet.get_mut(at..)?.first_chunk_mut());
    if let Some(place) = place {
        *place = profile.to_be_bytes();
    }
}

/// Puts an empty header extension behind the contributing sources of a packet of `len` bytes that has none: RFC 9335
/// §5.1, so that the receiver sees that they are encrypted. There is room behind the packet.
pub(crate) fn insert_extension(packet: &mut [u8], len: usize, header: &mut Header) {
    let at = header.sources_end;
    let begin = at + EXTENSION_HEADER_LEN;
    let Some(rest) = packet.get_mut(at..len + EXTENSION_HEADER_LEN) else {
        return;
    };
    rest.copy_within(..len - at, EXTENSION_HEADER_LEN);
    if let Some(place) = rest.first_chunk_mut() {
        let [p0, p1] = ONE_BYTE.to_be_bytes();
        *place = [p0, p1, 0, 0];
    }
    if let Some(first) = packet.first_mut() {
        *first |= HAS_EXTENSION;
    }
    header.extension = Some(ExtensionBlock {
        profile: ONE_BYTE,
        begin,
    });
    header.len = begin;
}

/// Takes it away again. The packet has `len` bytes, that extension included.
pub(crate) fn remove_extension(packet: &mut [u8], len: usize, header: &Header) {
    let at = header.sources_end;
    if let Some(rest) = packet.get_mut(at..len) {
        rest.copy_within(EXTENSION_HEADER_LEN.., 0);
    }
    if let Some(first) = packet.first_mut() {
        *first &= !HAS_EXTENSION;
    }
}
