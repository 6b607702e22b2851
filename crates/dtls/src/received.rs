//! Application data where it arrived: in the caller's own buffer.

use core::ops::Range;

use crate::wire::ContentType;
use crate::wire::datagram::{AnyHeader, split_first_mut_with_id};
use crate::wire::record::{HEADER_LEN, TLS12_CID};
use crate::wire::unified::UnifiedHeader;

/// The application's records of one datagram, decrypted in place, in their order.
///
/// ```
/// # fn on_datagram(connection: &mut pollrtc_dtls::Connection, now: pollrtc_core::Instant, datagram: &mut [u8]) {
/// use pollrtc_dtls::InnerProtocol;
///
/// for payload in connection.handle_body(now, datagram) {
///     println!("{} bytes", payload.len());
/// }
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ApplicationData<'d> {
    rest: &'d mut [u8],
    id_len: u8,
    origin: Origin,
}

/// What is known of where a datagram came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nothing: anyone may have sent it.
    #[default]
    Unknown,
    /// The peer sent it, or some of it, earlier or just now.
    Peer,
    /// The peer sent it, and nothing newer has come.
    NewestOfPeer,
}

impl<'d> ApplicationData<'d> {
    /// A datagram, or the front of one, all of whose records went through [`mark_data`] or
    /// [`mark_consumed`]. Connection ids in it have this length.
    pub(crate) fn new(datagram: &'d mut [u8], id_len: u8, origin: Origin) -> Self {
        Self {
            rest: datagram,
            id_len,
            origin,
        }
    }

    /// Whether something in the datagram proved to be the peer's, on a connection that is established: there is a
    /// way from the peer to where it arrived.
    pub fn is_authenticated(&self) -> bool {
        self.origin != Origin::Unknown
    }

    /// Whether something in the datagram is newer than all that has come before, and proved to be the peer's: where
    /// the datagram came from the peer is now, or somebody who passes on what it sent (RFC 9146 §6). Known only
    /// where the peer's records have a connection id of ours.
    ///
    /// Whoever can see the peer's datagrams can send them on from any address. So before anything else is sent to an
    /// address that is new, find out whether the peer receives what is sent there, or somebody will be flooded who
    /// never asked for anything: [write](crate::Connection::write_record) something that the peer has to answer and
    /// that nobody can guess, such as a random number, send that there, no more of it than came from there, and
    /// change to the new address when the answer comes, with
    /// [another connection id](crate::Connection::use_next_connection_id).
    pub fn is_newest(&self) -> bool {
        self.origin == Origin::NewestOfPeer
    }
}

impl<'d> Iterator for ApplicationData<'d> {
    type Item = &'d mut [u8];

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let datagram = core::mem::take(&mut self.rest);
            let is_consumed = restore(datagram);
            let (header, record, rest) = split_first_mut_with_id(datagram, self.id_len).ok()?;
            self.rest = rest;
            match header {
                AnyHeader::Classic(header) if header.content_type == ContentType::ApplicationData => {
                    let start = usize::from(header.epoch);
                    let length = usize::try_from(header.sequence).ok()?;
                    return record.get_mut(start..start.checked_add(length)?);
                }
                // Epoch and number, as below.
                AnyHeader::Cid(header) if header.epoch != 0 => {
                    let start = usize::from(header.epoch);
                    let length = usize::try_from(header.sequence).ok()?;
                    return record.get_mut(start..start.checked_add(length)?);
                }
                AnyHeader::Unified(header) if !is_consumed => {
                    let length = usize::from(u16::from_be_bytes(*record.last_chunk::<2>()?));
                    return record.get_mut(header.header_len..header.header_len.checked_add(length)?);
                }
                _ => {}
            }
        }
        None
    }
}

/// Set in the first byte of a consumed record with a unified header; no record looks so on the wire.
const CONSUMED: u8 = 0b0110_0000;

/// Marks a record, which has served its purpose, to be handed over: where the plaintext is now stands
/// in its own bytes. So nothing has to be remembered per record, and nothing is allocated.
///
/// In a classic header, epoch and sequence number tell where the plaintext begins and how long it is;
/// also in one with a connection id, whose type stays.
/// Behind a unified one the plaintext begins at once, and its length takes the end of the tag's place.
pub(crate) fn mark_data(record: &mut [u8], plaintext: &Range<usize>) {
    let [.., length0, length1] = plaintext.len().to_be_bytes();
    if record.first().is_some_and(|byte| UnifiedHeader::is_first_byte(*byte)) {
        if let Some(end) = record.last_chunk_mut::<2>() {
            *end = [length0, length1];
        }
        return;
    }
    let Some([kind, _, _, e0, e1, sequence @ .., _, _]) = record.first_chunk_mut::<HEADER_LEN>() else {
        return;
    };
    if *kind != TLS12_CID {
        *kind = ContentType::ApplicationData as u8;
    }
    let [.., start0, start1] = plaintext.start.to_be_bytes();
    (*e0, *e1) = (start0, start1);
    *sequence = [0, 0, 0, 0, length0, length1];
}

/// Marks a record as nothing for the application.
pub(crate) fn mark_consumed(record: &mut [u8]) {
    match record.first_mut() {
        Some(byte) if UnifiedHeader::is_first_byte(*byte) => *byte ^= CONSUMED,
        Some(&mut TLS12_CID) => {
            if let Some([_, _, _, epoch @ ..]) = record.first_chunk_mut::<5>() {
                *epoch = [0; 2];
            }
        }
        Some(kind) => *kind = ContentType::Alert as u8,
        None => {}
    }
}

/// Undoes the mark of a consumed record with a unified header; tells whether there was one.
fn restore(datagram: &mut [u8]) -> bool {
    match datagram.first_mut() {
        Some(byte) if UnifiedHeader::is_first_byte(*byte ^ CONSUMED) => {
            *byte ^= CONSUMED;
            true
        }
        _ => false,
    }
}
