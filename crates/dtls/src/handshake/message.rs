//! Messages of ours, whole, for the transcript and for a flight.

use alloc::vec::Vec;

use crate::error::HandshakeError;
use crate::flight::Item;
use crate::reassembly::Message;
use crate::wire::handshake::HEADER_LEN;
use crate::wire::{HandshakeType, Writer};

/// A whole message: header and body.
pub(crate) fn message(kind: HandshakeType, message_seq: u16, body: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u8(kind.0);
    let mut content = Writer::new();
    body(&mut content);
    let content = content.into_bytes();
    let [.., l0, l1, l2] = content.len().to_be_bytes();
    writer.bytes(&[l0, l1, l2]);
    writer.u16(message_seq);
    writer.bytes(&[0, 0, 0, l0, l1, l2]);
    writer.bytes(&content);
    debug_assert_eq!(writer.len(), HEADER_LEN + content.len());
    writer.into_bytes()
}

/// A message for records of an epoch.
pub(crate) fn item(epoch: u16, message: Vec<u8>) -> Item {
    Item::Handshake { epoch, message }
}

/// A message that can't be parsed.
pub(crate) fn malformed(message: &Message) -> HandshakeError {
    HandshakeError::Malformed(message.kind)
}
