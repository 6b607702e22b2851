//! H.264 with start codes (ITU-T H.264, Annex B), cut into pictures.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use super::codec::Failure;

/// Longer files are for other programs.
const LONGEST: u64 = 1 << 30;

pub(super) struct Reader {
    bytes: Vec<u8>,
    /// Where the rest begins.
    at: usize,
    pictures: u32,
    rate: f64,
}

impl Reader {
    pub(super) fn new(file: File, rate: f64) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(Self {
            bytes,
            at: 0,
            pictures: 0,
            rate,
        })
    }

    pub(super) fn next(&mut self) -> Option<(Duration, Vec<u8>)> {
        let rest = self.bytes.get(self.at..)?;
        let len = picture_len(rest);
        let picture = rest.get(..len).filter(|picture| !picture.is_empty())?.to_vec();
        self.at += len;
        let at = Duration::from_secs_f64(f64::from(self.pictures) / self.rate);
        self.pictures += 1;
        Some((at, picture))
    }
}

/// How long the first picture is, with all that goes with it (§7.4.1.2.3).
fn picture_len(bytes: &[u8]) -> usize {
    let mut has_slice = false;
    for at in start_codes(bytes) {
        let header = bytes.get(at + 3).map_or(0, |header| header & 0x1f);
        // A slice whose number of the first macroblock is 0 is written as a single bit.
        let is_first_slice = bytes.get(at + 4).is_none_or(|next| next & 0x80 != 0);
        let begins = match header {
            1 | 5 => is_first_slice,
            6..=9 | 14..=18 => true,
            _ => false,
        };
        if has_slice && begins {
            // The start code may have a zero in front.
            return match at.checked_sub(1).and_then(|before| bytes.get(before)) {
                Some(0) => at - 1,
                _ => at,
            };
        }
        has_slice |= matches!(header, 1..=5);
    }
    bytes.len()
}

/// Where 0, 0, 1 is.
fn start_codes(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let triples = bytes.windows(3).enumerate();
    triples.filter(|(_, triple)| *triple == [0, 0, 1]).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_begin_with_their_parameters_or_first_slices() {
        let first = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 0x88, 3, 0, 0, 1, 0x65, 0x08, 4,
        ];
        let second = [0, 0, 0, 1, 0x61, 0x9a, 5];
        let third = [0, 0, 1, 9, 0xf0, 0, 0, 1, 0x61, 0x9a, 6];
        let all = [&first[..], &second, &third].concat();
        assert_eq!(picture_len(&all), first.len());
        assert_eq!(picture_len(&all[first.len()..]), second.len());
        assert_eq!(picture_len(&third), third.len());
        assert_eq!(picture_len(&[]), 0);
    }
}
