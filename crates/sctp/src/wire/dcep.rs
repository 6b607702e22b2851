//! The messages of the data channel establishment protocol (RFC 8832 §5).

use super::{take_u16, take_u32};

/// The payload protocol identifier of these messages (RFC 8832 §8.1).
pub const PPID: u32 = 50;

const ACK: u8 = 0x02;
const OPEN: u8 = 0x03;
const UNORDERED: u8 = 0x80;
const OPEN_HEAD_LEN: usize = 12;

/// How reliable a channel is, as the type of a channel says (RFC 8832 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelReliability {
    /// Everything arrives.
    Reliable,
    /// Each message is retransmitted at most this many times.
    MaxRetransmits(u32),
    /// Each message is given up this many milliseconds after it was sent.
    MaxLifetime(u32),
}

/// A DCEP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// DATA_CHANNEL_OPEN.
    Open(Open<'a>),
    /// DATA_CHANNEL_ACK.
    Ack,
}

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open<'a> {
    /// Whether messages arrive in the order in which they were sent.
    pub ordered: bool,
    /// How reliable the channel is.
    pub reliability: ChannelReliability,
    /// Weight among channels; 128, 256, 512, 1024 for very low to high (RFC 8831 §6.4).
    pub priority: u16,
    /// The channel's name; meant to be UTF-8.
    pub label: &'a [u8],
    /// The subprotocol; meant to be UTF-8.
    pub protocol: &'a [u8],
}

/// Why bytes are no DCEP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Shorter than the message type asks for, or than its lengths say.
    #[error("the message ends before its fields do")]
    TooShort,
    /// Not a known message type.
    #[error("unknown message type {0:#04x}")]
    MessageType(u8),
    /// Not a known channel type.
    #[error("unknown channel type {0:#04x}")]
    ChannelType(u8),
}

impl<'a> Message<'a> {
    /// Reads one message; gives it with the bytes that follow its end. There should be none, but some
    /// peers send more: Pion's ACK has four bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), ParseError> {
        match bytes.split_first() {
            None => Err(ParseError::TooShort),
            Some((&ACK, rest)) => Ok((Self::Ack, rest)),
            Some((&OPEN, rest)) => Open::parse(rest).map(|(open, rest)| (Self::Open(open), rest)),
            Some((&other, _)) => Err(ParseError::MessageType(other)),
        }
    }
}

/// DATA_CHANNEL_ACK on the wire (RFC 8832 §5.2).
pub const ACK_MESSAGE: &[u8] = &[ACK];

impl<'a> Open<'a> {
    fn parse(rest: &'a [u8]) -> Result<(Self, &'a [u8]), ParseError> {
        let (channel_type, priority, parameter, label_len, protocol_len, rest) =
            Self::head(rest).ok_or(ParseError::TooShort)?;
        let reliability = match channel_type & !UNORDERED {
            0 => ChannelReliability::Reliable,
            1 => ChannelReliability::MaxRetransmits(parameter),
            2 => ChannelReliability::MaxLifetime(parameter),
            _ => return Err(ParseError::ChannelType(channel_type)),
        };
        let (label, rest) = rest.split_at_checked(label_len.into()).ok_or(ParseError::TooShort)?;
        let (protocol, rest) = rest.split_at_checked(protocol_len.into()).ok_or(ParseError::TooShort)?;
        let open = Self {
            ordered: channel_type & UNORDERED == 0,
            reliability,
            priority,
            label,
            protocol,
        };
        Ok((open, rest))
    }

    #[expect(clippy::type_complexity, reason = "the fields of the fixed head, in their order")]
    fn head(rest: &[u8]) -> Option<(u8, u16, u32, u16, u16, &[u8])> {
        let (&channel_type, rest) = rest.split_first()?;
        let (priority, rest) = take_u16(rest)?;
        let (parameter, rest) = take_u32(rest)?;
        let (label_len, rest) = take_u16(rest)?;
        let (protocol_len, rest) = take_u16(rest)?;
        Some((channel_type, priority, parameter, label_len, protocol_len, rest))
    }

    /// Bytes on the wire.
    pub fn encoded_len(&self) -> usize {
        OPEN_HEAD_LEN
            .saturating_add(self.label.len())
            .saturating_add(self.protocol.len())
    }

    /// The bytes of the message, in order. Label and protocol longer than 65,535 bytes are cut
    /// there.
    ///
    /// ```
    /// use pollrtc_sctp::wire::dcep::{ChannelReliability, Message, Open};
    ///
    /// let open = Open {
    ///     ordered: true,
    ///     reliability: ChannelReliability::Reliable,
    ///     priority: 256,
    ///     label: b"chat",
    ///     protocol: b"",
    /// };
    /// let bytes: Vec<u8> = open.bytes().collect();
    /// assert_eq!(bytes, b"\x03\x00\x01\x00\0\0\0\0\x00\x04\x00\x00chat");
    /// assert_eq!(Message::parse(&bytes), Ok((Message::Open(open), &[][..])));
    /// ```
    pub fn bytes(&self) -> impl Iterator<Item = u8> + 'a {
        let (kind, parameter) = match self.reliability {
            ChannelReliability::Reliable => (0, 0),
            ChannelReliability::MaxRetransmits(count) => (1, count),
            ChannelReliability::MaxLifetime(millis) => (2, millis),
        };
        let unordered = if self.ordered { 0 } else { UNORDERED };
        let label_len = u16::try_from(self.label.len()).unwrap_or(u16::MAX);
        let protocol_len = u16::try_from(self.protocol.len()).unwrap_or(u16::MAX);
        [OPEN, kind | unordered]
            .into_iter()
            .chain(self.priority.to_be_bytes())
            .chain(parameter.to_be_bytes())
            .chain(label_len.to_be_bytes())
            .chain(protocol_len.to_be_bytes())
            .chain(self.label.iter().copied().take(label_len.into()))
            .chain(self.protocol.iter().copied().take(protocol_len.into()))
    }
}
