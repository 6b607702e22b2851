//! A guess at what a datagram is, from its first bytes (RFC 9443 §2, which updates RFC 7983 §7).

use core::fmt;

/// What a datagram seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The 14 bits of class and method.
    Stun(u16),
    Zrtp,
    /// Content type and, if it is an unencrypted handshake message, its type.
    Dtls(u8, Option<u8>),
    TurnChannel(u16),
    Quic,
    /// Payload type with the marker bit masked out.
    Rtp(u8),
    /// Packet type.
    Rtcp(u8),
    Data,
}

impl Protocol {
    pub(super) fn guess(payload: &[u8]) -> Self {
        let word = |at: usize| {
            let bytes = payload.get(at..)?.first_chunk()?;
            Some(u16::from_be_bytes(*bytes))
        };
        match (payload.first(), word(0)) {
            (Some(0..=3), Some(kind)) if payload.get(4..8) == Some(&STUN_MAGIC_COOKIE) => Self::Stun(kind),
            (Some(16..=19), _) if payload.len() >= ZRTP_HEADER => Self::Zrtp,
            (Some(content @ 20..=63), _) if payload.len() >= DTLS_RECORD_HEADER => {
                let epoch_zero = word(3) == Some(0);
                let handshake = payload.get(DTLS_RECORD_HEADER).filter(|_| epoch_zero);
                Self::Dtls(*content, handshake.filter(|_| *content == 22).copied())
            }
            (Some(64..=79), Some(channel)) if word(2).is_some() => Self::TurnChannel(channel),
            (Some(80..=127), Some(_)) if payload.len() >= QUIC_SHORT => Self::Quic,
            (Some(128..=191), Some(kind)) if payload.len() >= RTCP_HEADER => {
                // RFC 5761 §4: RTCP's packet types keep clear of RTP's payload types.
                match kind as u8 {
                    kind @ 192..=223 => Self::Rtcp(kind),
                    kind => Self::Rtp(kind & 0x7F),
                }
            }
            _ => Self::Data,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Stun(kind) => write_stun(f, kind),
            Self::Zrtp => write!(f, "ZRTP"),
            Self::Dtls(content, handshake) => write_dtls(f, content, handshake),
            Self::TurnChannel(channel) => write!(f, "TURN channel {channel:#06x}"),
            Self::Quic => write!(f, "QUIC"),
            Self::Rtp(payload_type) => write!(f, "RTP {payload_type}"),
            Self::Rtcp(packet_type) => write!(f, "RTCP {packet_type}"),
            Self::Data => write!(f, "data"),
        }
    }
}

// RFC 8489 §5: the class is spread over bits 4 and 8, the method lies around them.
fn write_stun(f: &mut fmt::Formatter<'_>, kind: u16) -> fmt::Result {
    let method = (kind & 0x000F) | ((kind & 0x00E0) >> 1) | ((kind & 0x3E00) >> 2);
    match method {
        0x001 => write!(f, "STUN Binding")?,
        0x003 => write!(f, "STUN Allocate")?,
        0x004 => write!(f, "STUN Refresh")?,
        0x006 => write!(f, "STUN Send")?,
        0x007 => write!(f, "STUN Data")?,
        0x008 => write!(f, "STUN CreatePermission")?,
        0x009 => write!(f, "STUN ChannelBind")?,
        other => write!(f, "STUN method {other:#05x}")?,
    }
    f.write_str(match kind & 0x0110 {
        0x0000 => " request",
        0x0010 => " indication",
        0x0100 => " success",
        _ => " error",
    })
}

fn write_dtls(f: &mut fmt::Formatter<'_>, content: u8, handshake: Option<u8>) -> fmt::Result {
    match content {
        20 => return write!(f, "DTLS change_cipher_spec"),
        21 => return write!(f, "DTLS alert"),
        22 => write!(f, "DTLS handshake")?,
        23 => return write!(f, "DTLS application_data"),
        25 => return write!(f, "DTLS tls12_cid"),
        26 => return write!(f, "DTLS ack"),
        // RFC 9147 §4: the unified header of encrypted records starts with the bits 001.
        32..=63 => return write!(f, "DTLS 1.3 ciphertext"),
        other => return write!(f, "DTLS content {other}"),
    }
    match handshake {
        Some(1) => write!(f, " client_hello"),
        Some(2) => write!(f, " server_hello"),
        Some(3) => write!(f, " hello_verify_request"),
        Some(4) => write!(f, " new_session_ticket"),
        Some(11) => write!(f, " certificate"),
        Some(12) => write!(f, " server_key_exchange"),
        Some(13) => write!(f, " certificate_request"),
        Some(14) => write!(f, " server_hello_done"),
        Some(15) => write!(f, " certificate_verify"),
        Some(16) => write!(f, " client_key_exchange"),
        Some(20) => write!(f, " finished"),
        _ => Ok(()),
    }
}

const STUN_MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const DTLS_RECORD_HEADER: usize = 13;
const ZRTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;
/// A QUIC short header with its shortest protected payload (RFC 9001 §5.4.2).
const QUIC_SHORT: usize = 21;
