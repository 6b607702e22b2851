//! The receiving half of a connection: puts segments in order.

use std::collections::BTreeMap;

/// A stream of bytes as it comes in.
#[derive(Clone, Debug, Default)]
pub(super) struct Receiver {
    /// The next sequence number in order.
    next: u64,
    /// What came too early.
    early: BTreeMap<u64, Vec<u8>>,
    /// The sequence number of the FIN.
    fin: Option<u64>,
}

impl Receiver {
    /// The SYN came.
    pub(super) fn begin(&mut self) {
        self.next = self.next.max(1);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.next > 0
    }

    /// The next sequence number in order: what is acknowledged.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// All has come.
    pub(super) fn is_finished(&self) -> bool {
        self.fin.is_some_and(|fin| self.next > fin)
    }

    /// A segment came; what is in order now is appended to `stream`.
    pub(super) fn take(&mut self, sequence: u64, bytes: &[u8], fin: bool, stream: &mut Vec<u8>) {
        if fin {
            self.fin = Some(sequence + bytes.len() as u64);
        }
        if sequence > self.next {
            if self.early.len() < EARLY_MAX && !bytes.is_empty() {
                self.early.insert(sequence, bytes.to_vec());
            }
        } else {
            self.append(sequence, bytes, stream);
        }
        while let Some(entry) = self.early.first_entry()
            && *entry.key() <= self.next
        {
            let (sequence, bytes) = entry.remove_entry();
            self.append(sequence, &bytes, stream);
        }
        if self.fin == Some(self.next) {
            self.next += 1;
        }
    }

    /// What begins at or before the next sequence number.
    fn append(&mut self, sequence: u64, bytes: &[u8], stream: &mut Vec<u8>) {
        let known = (self.next - sequence) as usize;
        let news = bytes.get(known..).unwrap_or_default();
        self.next += news.len() as u64;
        stream.extend_from_slice(news);
    }
}

/// Segments that wait for an earlier one: more than any send buffer holds.
const EARLY_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::Receiver;

    #[test]
    fn overlapping_and_early_segments_make_one_stream() {
        let (mut receiver, mut stream) = (Receiver::default(), Vec::new());
        receiver.begin();
        receiver.take(5, b"efgh", true, &mut stream);
        receiver.take(3, b"cd", false, &mut stream);
        assert!(stream.is_empty() && !receiver.is_finished());
        receiver.take(1, b"abcd", false, &mut stream);
        receiver.take(1, b"ab", false, &mut stream);
        assert_eq!(stream, b"abcdefgh");
        assert!(receiver.is_finished());
        assert_eq!(receiver.next(), 10);
    }
}
