//! What packets said of their hop, so that they can be sent again byte for byte.

use alloc::boxed::Box;

use pollrtc_rtp::AbsSendTime;

/// How many of a stream's newest packets can be sent again as they were: SRTP and what is told here remember as many.
pub(super) const REPEATABLE: usize = 128;

/// What changes in a packet's header each time that it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// When it left.
    pub(super) send_time: AbsSendTime,
    /// The transport-wide sequence number.
    pub(super) transport_sequence: u16,
    /// Whether the peer knows by now which section and layer the SSRC belongs to (RFC 9143 §9.2, RFC 8852 §3).
    pub(super) is_known: bool,
}

/// What the newest packets of one stream said. RFC 3711 §9.1: a packet that is sent again without a stream of its own has
/// the same number, so all of it must be the same.
#[derive(Debug)]
pub(super) struct Sayings(Box<[Option<(u64, Told)>; REPEATABLE]>);

impl Sayings {
    pub(super) fn new() -> Self {
        Self(Box::new([None; REPEATABLE]))
    }

    pub(super) fn insert(&mut self, sequence: u64, told: Told) {
        if let Some(slot) = self.0.get_mut(place(sequence)) {
            *slot = Some((sequence, told));
        }
    }

    pub(super) fn of(&self, sequence: u64) -> Option<Told> {
        let (known, told) = (*self.0.get(place(sequence))?)?;
        (known == sequence).then_some(told)
    }
}

const fn place(sequence: u64) -> usize {
    sequence as usize % REPEATABLE
}
