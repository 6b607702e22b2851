//! The transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2, and version 02 of it).

use super::value::{HeaderExtension, put};
use crate::extension::Extension;

/// The number of a packet among all of its transport.
///
/// ```
/// use pollrtc_rtp::{HeaderExtension, TransportSequence};
/// let number = TransportSequence { sequence_number: 0x0102, request: None };
/// assert_eq!(TransportSequence::parse(&[1, 2]), Some(number));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransportSequence {
    /// It counts all packets of the transport, whatever stream they belong to, as they are sent.
    pub sequence_number: u16,
    /// Feedback that is wanted now (version 02).
    pub request: Option<FeedbackRequest>,
}

/// Feedback that the sender of a packet wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedbackRequest {
    /// Whether it is to say when packets arrived.
    pub with_timestamps: bool,
    /// How many packets it is to be about, this one and those before it: 1 to 32,767.
    pub sequence_count: u16,
}

impl FeedbackRequest {
    const WITH_TIMESTAMPS: u16 = 0x8000;
    const SEQUENCE_COUNT: u16 = 0x7fff;
}

impl HeaderExtension<'_> for TransportSequence {
    const KIND: Extension = Extension::TransportSequence;

    #[inline]
    fn parse(value: &[u8]) -> Option<Self> {
        let (&number, rest) = value.split_first_chunk::<2>()?;
        let request = match rest {
            [] => 0,
            &[r0, r1] => u16::from_be_bytes([r0, r1]),
            _ => return None,
        };
        let sequence_count = request & FeedbackRequest::SEQUENCE_COUNT;
        Some(Self {
            sequence_number: u16::from_be_bytes(number),
            // About no packet: nothing is asked for.
            request: (sequence_count > 0).then_some(FeedbackRequest {
                with_timestamps: request & FeedbackRequest::WITH_TIMESTAMPS != 0,
                sequence_count,
            }),
        })
    }

    fn encoded_len(&self) -> usize {
        if self.request.is_some() { 4 } else { 2 }
    }

    fn write_to(&self, buf: &mut [u8]) -> Option<usize> {
        let [n0, n1] = self.sequence_number.to_be_bytes();
        let Some(request) = self.request else {
            return put(&[n0, n1], buf);
        };
        let timestamps = if request.with_timestamps {
            FeedbackRequest::WITH_TIMESTAMPS
        } else {
            0
        };
        let [r0, r1] = (timestamps | request.sequence_count & FeedbackRequest::SEQUENCE_COUNT).to_be_bytes();
        put(&[n0, n1, r0, r1], buf)
    }
}
