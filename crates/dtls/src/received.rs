//! Application data where it arrived: in the caller's own buffer.

use core::ops::Range;

use crate::wire::ContentType;
use crate::wire::record::{HEADER_LEN, split_first_mut};

/// The application's records of one datagram, decrypted in place, in their order.
///
/// ```
/// # fn on_datagram(connection: &mut pollrtc_dtls::Connection, now: pollrtc_core::Instant, datagram: pollrtc_core::Datagram<'_>) {
/// use pollrtc_core::StateMachine;
///
/// for payload in connection.handle_datagram(now, datagram) {
///     println!("{} bytes", payload.len());
/// }
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ApplicationData<'d> {
    rest: &'d mut [u8],
}

impl<'d> ApplicationData<'d> {
    /// A datagram all of whose records went through [`deliver`] or [`withhold`].
    pub(crate) fn new(datagram: &'d mut [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'d> Iterator for ApplicationData<'d> {
    type Item = &'d mut [u8];

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (header, record, rest) = split_first_mut(core::mem::take(&mut self.rest)).ok()?;
            self.rest = rest;
            if header.content_type == ContentType::ApplicationData {
                let start = usize::from(header.epoch);
                let length = usize::try_from(header.sequence).ok()?;
                return record.get_mut(start..start.checked_add(length)?);
            }
        }
        None
    }
}

/// Marks a record, whose header has served its purpose, to be handed over: epoch and sequence number
/// now tell where the plaintext begins and how long it is. So nothing has to be remembered per
/// record, and nothing is allocated.
pub(crate) fn deliver(record: &mut [u8], plaintext: &Range<usize>) {
    let Some([kind, _, _, e0, e1, sequence @ .., _, _]) = record.first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    *kind = ContentType::ApplicationData as u8;
    let [.., start0, start1] = plaintext.start.to_be_bytes();
    (*e0, *e1) = (start0, start1);
    let [_, _, length @ ..] = (plaintext.len() as u64).to_be_bytes();
    *sequence = length;
}

/// Marks a record as nothing for the application.
pub(crate) fn withhold(record: &mut [u8]) {
    if let Some(kind) = record.first_mut() {
        *kind = ContentType::Alert as u8;
    }
}
