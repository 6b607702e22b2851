//! Acknowledgements of DTLS 1.3 (RFC 9147 §7): which records with handshake messages have come.

use super::Writer;
use super::parse::{ParseError, complete, opaque16};

/// Bytes of a [`RecordNumber`].
pub const RECORD_NUMBER_LEN: usize = 16;

/// Which record it is (RFC 9147 §4). They are ordered as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordNumber {
    /// Counts changes of keys.
    pub epoch: u64,
    /// Counts records within the epoch.
    pub sequence: u64,
}

/// The content of a record of type [`Ack`](super::ContentType::Ack).
///
/// ```
/// use pollrtc_dtls::wire::{Writer, ack::{Ack, RecordNumber}};
///
/// let numbers = [RecordNumber { epoch: 2, sequence: 0 }, RecordNumber { epoch: 2, sequence: 5 }];
/// let mut writer = Writer::new();
/// Ack::write(&mut writer, numbers);
/// let bytes = writer.into_bytes();
/// assert!(Ack::parse(&bytes).unwrap().iter().eq(numbers));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    numbers: &'a [u8],
}

impl<'a> Ack<'a> {
    /// Parses a whole content.
    pub fn parse(content: &'a [u8]) -> Result<Self, ParseError> {
        let numbers = complete(opaque16, content)?;
        match numbers.len().is_multiple_of(RECORD_NUMBER_LEN) {
            true => Ok(Self { numbers }),
            false => Err(ParseError::Length),
        }
    }

    /// The records that have come.
    pub fn iter(&self) -> impl Iterator<Item = RecordNumber> + use<'a> {
        self.numbers.chunks_exact(RECORD_NUMBER_LEN).filter_map(|number| {
            let (epoch, sequence) = number.split_first_chunk::<8>()?;
            Some(RecordNumber {
                epoch: u64::from_be_bytes(*epoch),
                sequence: u64::from_be_bytes(*sequence.first_chunk::<8>()?),
            })
        })
    }

    /// Whether it names no record: the peer has got something, but nothing that it can read.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Writes a content.
    pub fn write(writer: &mut Writer, numbers: impl IntoIterator<Item = RecordNumber>) {
        writer.vector16(|writer| {
            for number in numbers {
                writer.bytes(&number.epoch.to_be_bytes());
                writer.bytes(&number.sequence.to_be_bytes());
            }
        });
    }
}
