//! Encryption of header extensions, some of them (RFC 6904).

use crate::ExtensionIds;
use crate::header::{Header, ONE_BYTE, TWO_BYTES};
use crate::transform::{Keystream, PacketId};

/// Encrypts or decrypts the values of the extensions with these numbers. Numbers, lengths and padding stay, so both ends
/// find the same values.
pub(crate) fn apply(keystream: &Keystream, ids: ExtensionIds, packet: &mut [u8], header: &Header, id: PacketId) {
    let Some(extension) = header.extension else { return };
    let Some(block) = packet.get_mut(extension.begin..header.len) else {
        return;
    };
    let mut at = 0;
    while let Some((number, begin, len)) = next_element(extension.profile, block, at) {
        at = begin + len;
        if !ids.contains(number) {
            continue;
        }
        let Some(value) = block.get_mut(begin..at) else { return };
        // The keystream goes over the whole block; here are the blocks of it that this value lies in.
        let mut bytes = [0; 16 + MAX_VALUE_LEN];
        let skipped = begin % 16;
        let Ok(first) = u16::try_from(begin / 16) else { return };
        let Some(bytes) = bytes.get_mut(..skipped + len) else {
            return;
        };
        keystream.apply(id, first, bytes);
        for (byte, mask) in value.iter_mut().zip(bytes.iter().skip(skipped)) {
            *byte ^= mask;
        }
    }
}

/// The element at this place, or behind the padding that is there: its number, where its value begins, and how long
/// that is (RFC 8285 §4.2, §4.3).
fn next_element(profile: u16, block: &[u8], mut at: usize) -> Option<(u8, usize, usize)> {
    while *block.get(at)? == 0 {
        at += 1;
    }
    let head = *block.get(at)?;
    let (number, begin, len) = match profile {
        // Number 15 ends the list.
        ONE_BYTE if head >> 4 == 15 => return None,
        ONE_BYTE => (head >> 4, at + 1, usize::from(head & 0x0f) + 1),
        _ if profile & 0xfff0 == TWO_BYTES => (head, at + 2, usize::from(*block.get(at + 1)?)),
        // Another profile's own.
        _ => return None,
    };
    (begin + len <= block.len()).then_some((number, begin, len))
}

/// Bytes of the longest value.
const MAX_VALUE_LEN: usize = 255;
