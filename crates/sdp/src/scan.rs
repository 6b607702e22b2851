//! Searches that look at eight bytes at a time.

/// Where `byte`, which is not NUL, first stands.
#[inline(always)]
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    let everywhere = u64::from_le_bytes([byte; 8]);
    let marks = |word| below::<1>(word ^ everywhere);
    // What is searched is mostly some words long: two at a time, with one branch for both.
    let (pairs, _) = text.as_chunks::<16>();
    let mut start = 0_usize;
    for pair in pairs {
        let pair = u128::from_le_bytes(*pair);
        let (low, high) = (marks(pair as u64), marks(pair.wrapping_shr(64) as u64));
        if low | high != 0 {
            let index = match low {
                0 => first_marked(high).wrapping_add(8),
                low => first_marked(low),
            };
            return Some(start.wrapping_add(index));
        }
        start = start.wrapping_add(16);
    }
    first(text, start, marks)
}

/// Where `byte` first stands among the eight that make up a word.
#[inline]
pub(crate) fn find_in_word(word: u64, byte: u8) -> Option<usize> {
    let marks = below::<1>(word ^ u64::from_le_bytes([byte; 8]));
    (marks != 0).then_some(first_marked(marks))
}

/// How many bytes at the start are visible: neither space nor a control character.
#[inline]
pub(crate) fn visible_length(text: &[u8]) -> usize {
    let delete = u64::from_le_bytes([0x7f; 8]);
    let end = first(text, 0, |word| below::<{ b' ' + 1 }>(word) | below::<1>(word ^ delete));
    // What fills up a short text is not visible.
    end.unwrap_or(text.len()).min(text.len())
}

/// A text's first bytes as a number, filled up with NUL.
#[inline]
pub(crate) const fn word(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => short_word(text),
    }
}

/// Less than eight bytes as a number.
#[inline]
const fn short_word(text: &[u8]) -> u64 {
    match (text.first_chunk(), text.last_chunk()) {
        // Two halves that overlap.
        (Some(first), Some(last)) => {
            let behind = text.len().wrapping_sub(4).wrapping_mul(8) as u32;
            u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64).wrapping_shl(behind)
        }
        _ => match text {
            [a, b, c, ..] => u32::from_le_bytes([*a, *b, *c, 0]) as u64,
            [a, b] => u16::from_le_bytes([*a, *b]) as u64,
            [a] => *a as u64,
            [] => 0,
        },
    }
}

/// The first byte from `start` on that `marks` marks in its word: by its highest bit, and no byte
/// before it. There is none before `start`.
#[inline(always)]
fn first(text: &[u8], mut start: usize, marks: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, _) = text.get(start..).unwrap_or_default().as_chunks();
    for word in words {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(start.wrapping_add(first_marked(marks)));
        }
        start = start.wrapping_add(8);
    }
    // The bytes left over end a word of which the others have been looked at.
    let (start, word) = match text.last_chunk() {
        Some(bytes) => (text.len().wrapping_sub(8), u64::from_le_bytes(*bytes)),
        None => (0, short_word(text)),
    };
    let marks = marks(word);
    (marks != 0).then_some(start.wrapping_add(first_marked(marks)))
}

#[inline]
fn first_marked(marks: u64) -> usize {
    marks.trailing_zeros().wrapping_div(8) as usize
}

/// Marks bytes below `LIMIT`, which is at most 128. Bytes behind the first of them may be marked too.
#[inline]
fn below<const LIMIT: u8>(word: u64) -> u64 {
    let limits = u64::from_le_bytes([LIMIT; 8]);
    word.wrapping_sub(limits) & !word & u64::from_le_bytes([0x80; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For every text and place: what eight bytes at a time find is what one at a time finds.
    #[test]
    fn words_find_what_bytes_find() {
        for byte in 1..=255 {
            for at in 0..40 {
                let mut whole = [b'x'; 40];
                if let Some(place) = whole.get_mut(at) {
                    *place = byte;
                }
                for length in 0..=40 {
                    let text = whole.get(..length).unwrap_or_default();
                    assert_eq!(find(text, byte), text.iter().position(|each| *each == byte));
                    let visible = text.iter().take_while(|byte| **byte > b' ' && **byte != 0x7f);
                    assert_eq!(visible_length(text), visible.count(), "{text:?}");
                }
            }
        }
    }
}
