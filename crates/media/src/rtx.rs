//! Retransmission payloads (RFC 4588), in place.

use pollrtc_rtp::{ExtensionMap, Origin, RtpPacket};

static NO_EXTENSIONS: ExtensionMap = ExtensionMap::new();

/// The numbers of one retransmission stream: each receiver has one of its own, whose packets are numbered like those of
/// any stream (RFC 4588 §4).
///
/// ```
/// use pollrtc_media::RtxNumbers;
/// let mut numbers = RtxNumbers::new(0xffff); // random
/// assert_eq!(numbers.take(), 0x7fff); // the first one is below 2^15
/// assert_eq!(numbers.take(), 0x8000);
/// ```
#[derive(Clone, Debug)]
pub struct RtxNumbers {
    next: u64,
}

impl RtxNumbers {
    /// A stream whose first number has these lower 15 bits (RFC 3711 §3.3.1).
    pub const fn new(first: u16) -> Self {
        Self {
            next: (first & 0x7fff) as u64,
        }
    }

    /// The number of the next packet, with its rollovers.
    pub const fn take(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

/// How a packet is called as a retransmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtxNames {
    /// The payload type that stands for retransmissions of the packet's own one.
    pub payload_type: u8,
    /// The SSRC of the retransmission stream.
    pub ssrc: u32,
    /// The number in that stream.
    pub sequence: u16,
}

/// Makes a retransmission of a packet: the first `len` bytes of `buf`, as it left (RFC 4588 §4). Two bytes more are
/// needed. Timestamp, marker, sources and header extensions stay, padding goes. How long it is then; `None` if it is no
/// packet, or there is no room.
///
/// ```
/// use pollrtc_media::{OriginalNames, RtxNames, unwrap_rtx, wrap_rtx};
/// let mut buf = [0; 64];
/// let packet = [0x80, 96, 0x12, 0x34, 0, 0, 0, 2, 0, 0, 0, 3, b'h', b'i'];
/// buf[..14].copy_from_slice(&packet);
/// let names = RtxNames { payload_type: 97, ssrc: 4, sequence: 7 };
/// let len = wrap_rtx(&mut buf, 14, names).ok_or("no room")?;
/// assert_eq!(buf[..len], [0x80, 97, 0, 7, 0, 0, 0, 2, 0, 0, 0, 4, 0x12, 0x34, b'h', b'i']);
/// let original = OriginalNames { payload_type: 96, ssrc: 3 };
/// assert_eq!(unwrap_rtx(&mut buf[..len], original), Some(&mut packet.clone()[..]));
/// # Ok::<(), &str>(())
/// ```
pub fn wrap_rtx(buf: &mut [u8], len: usize, names: RtxNames) -> Option<usize> {
    let packet = RtpPacket::parse(buf.get(..len)?, &NO_EXTENSIONS, Origin::default()).ok()?;
    let (payload, padding) = (packet.payload().len(), packet.padding());
    let begin = len - padding - payload;
    let end = begin + payload;
    let original = packet.sequence_number().to_be_bytes();
    if buf.len() < end + 2 {
        return None;
    }
    buf.copy_within(begin..end, begin + 2);
    buf.get_mut(begin..begin + 2)?.copy_from_slice(&original);
    let header = buf.first_chunk_mut::<12>()?;
    header[0] &= !0x20;
    header[1] = header[1] & 0x80 | names.payload_type & 0x7f;
    header[2..4].copy_from_slice(&names.sequence.to_be_bytes());
    header[8..12].copy_from_slice(&names.ssrc.to_be_bytes());
    Some(end + 2)
}

/// How a packet was called before it was retransmitted, but for its number, which it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginalNames {
    /// The payload type that the retransmission's one stands for (`apt`).
    pub payload_type: u8,
    /// The SSRC of the stream that is repaired.
    pub ssrc: u32,
}

/// Makes a retransmission the packet that it was (RFC 4588 §4): its header moves up by two bytes, so that it ends where it
/// did. `None` if it carries none: it is no packet, or has less than two bytes of payload, which is padding to probe with.
pub fn unwrap_rtx(packet: &mut [u8], names: OriginalNames) -> Option<&mut [u8]> {
    let view = RtpPacket::parse(packet, &NO_EXTENSIONS, Origin::default()).ok()?;
    let begin = packet.len() - view.padding() - view.payload().len();
    let original = view.payload().first_chunk::<2>().copied()?;
    packet.copy_within(..begin, 2);
    let packet = packet.get_mut(2..)?;
    let header = packet.first_chunk_mut::<12>()?;
    header[1] = header[1] & 0x80 | names.payload_type & 0x7f;
    header[2..4].copy_from_slice(&original);
    header[8..12].copy_from_slice(&names.ssrc.to_be_bytes());
    Some(packet)
}
