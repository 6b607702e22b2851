//! What channels carry.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;

/// A message of a data channel: text or bytes.
///
/// ```
/// use pollrtc_sctp::channel::Message;
///
/// let text = Message::from("hello");
/// assert_eq!(text.as_text(), Some("hello"));
/// let binary = Message::from(vec![1, 2, 3]);
/// assert_eq!((binary.as_text(), binary.as_bytes()), (None, &[1, 2, 3][..]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    kind: MessageKind,
    data: Bytes,
}

/// How a message is meant.
///
/// ```
/// # use pollrtc_sctp::channel::{Message, MessageKind};
/// assert_eq!(Message::from("hello").kind(), MessageKind::Text);
/// assert_eq!(Message::from(vec![1, 2]).kind(), MessageKind::Binary);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A string, in UTF-8.
    Text,
    /// Bytes.
    Binary,
}

impl Message {
    /// A message from bytes that are at hand already; for text they should be UTF-8.
    pub fn new(kind: MessageKind, data: Bytes) -> Self {
        Self { kind, data }
    }

    /// How it is meant.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }

    /// The text; `None` if it is binary, or if its sender did not send UTF-8.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind {
            MessageKind::Text => core::str::from_utf8(&self.data).ok(),
            MessageKind::Binary => None,
        }
    }

    /// The bytes, of text as well.
    pub fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, without copying.
    pub fn into_bytes(self) -> Bytes {
        self.data
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::new(MessageKind::Text, Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::new(MessageKind::Text, Bytes::from(text.into_bytes()))
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::new(MessageKind::Binary, Bytes::copy_from_slice(bytes))
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(MessageKind::Binary, Bytes::from(bytes))
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::new(MessageKind::Binary, bytes)
    }
}

/// Payload protocol identifiers of messages (RFC 8831 §8).
mod ppid {
    pub(super) const STRING: u32 = 51;
    pub(super) const BINARY_PARTIAL: u32 = 52;
    pub(super) const BINARY: u32 = 53;
    pub(super) const STRING_PARTIAL: u32 = 54;
    pub(super) const STRING_EMPTY: u32 = 56;
    pub(super) const BINARY_EMPTY: u32 = 57;
}

/// What stands for no bytes at all, since SCTP has no empty messages (RFC 8831 §6.6).
static NOTHING: &[u8] = &[0];

/// What a PPID says of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Whole(MessageKind),
    Empty(MessageKind),
    /// More of the same message follows; deprecated, but still sent by old Firefox.
    Part,
}

impl Payload {
    pub(super) fn from_ppid(ppid: u32) -> Option<Self> {
        Some(match ppid {
            ppid::STRING => Self::Whole(MessageKind::Text),
            ppid::BINARY => Self::Whole(MessageKind::Binary),
            ppid::STRING_EMPTY => Self::Empty(MessageKind::Text),
            ppid::BINARY_EMPTY => Self::Empty(MessageKind::Binary),
            ppid::STRING_PARTIAL | ppid::BINARY_PARTIAL => Self::Part,
            _ => return None,
        })
    }
}

impl Message {
    pub(super) fn into_wire(self) -> (u32, Bytes) {
        match (self.kind, self.data.is_empty()) {
            (MessageKind::Text, false) => (ppid::STRING, self.data),
            (MessageKind::Binary, false) => (ppid::BINARY, self.data),
            (MessageKind::Text, true) => (ppid::STRING_EMPTY, Bytes::from_static(NOTHING)),
            (MessageKind::Binary, true) => (ppid::BINARY_EMPTY, Bytes::from_static(NOTHING)),
        }
    }
}
