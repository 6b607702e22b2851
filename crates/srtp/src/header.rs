//! Where the parts of a packet lie, as far as SRTP has to know: read from the packet's own words, never made anew.

/// The header of an RTP packet (RFC 3550 §5.1). It is the same whether the packet is protected or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) ssrc: u32,
    pub(crate) sequence_number: u16,
    /// Where the list of contributing sources ends, and an extension begins.
    pub(crate) sources_end: usize,
    pub(crate) extension: Option<ExtensionBlock>,
    /// Where the payload begins.
    pub(crate) len: usize,
}

/// A header extension, whatever its profile (RFC 3550 §5.3.1): the elements lie in `begin..` the header's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExtensionBlock {
    pub(crate) profile: u16,
    pub(crate) begin: usize,
}

impl Header {
    /// The fixed part.
    pub(crate) const FIXED_LEN: usize = 12;

    /// `None` if this is no packet of version 2, or its header ends behind it.
    #[inline]
    pub(crate) fn parse(packet: &[u8]) -> Option<Self> {
        let (&[first, _, s0, s1, _, _, _, _, c0, c1, c2, c3], _) = packet.split_first_chunk::<{ Self::FIXED_LEN }>()?;
        if first >> 6 != 2 {
            return None;
        }
        let sources_end = Self::FIXED_LEN + 4 * usize::from(first & 0x0f);
        let mut header = Self {
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            sequence_number: u16::from_be_bytes([s0, s1]),
            sources_end,
            extension: None,
            len: sources_end,
        };
        if first & HAS_EXTENSION != 0 {
            let &[p0, p1, l0, l1] = packet.get(sources_end..)?.first_chunk::<4>()?;
            let begin = sources_end + EXTENSION_HEADER_LEN;
            header.extension = Some(ExtensionBlock {
                profile: u16::from_be_bytes([p0, p1]),
                begin,
            });
            header.len = begin + 4 * usize::from(u16::from_be_bytes([l0, l1]));
        }
        (header.len <= packet.len()).then_some(header)
    }
}

/// The sender's SSRC of an RTCP packet: of the first one, if there are several (RFC 3550 §6.4.1). `None` if this is
/// no packet of version 2.
pub(crate) fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let &[first, _, _, _, c0, c1, c2, c3] = packet.first_chunk::<RTCP_HEADER_LEN>()?;
    (first >> 6 == 2).then_some(u32::from_be_bytes([c0, c1, c2, c3]))
}

/// Bytes of an RTCP packet that stay plain (RFC 3711 §3.4).
pub(crate) const RTCP_HEADER_LEN: usize = 8;
/// The bit in the first byte that says that there is a header extension.
pub(crate) const HAS_EXTENSION: u8 = 0x10;
/// The profile and the length of a header extension.
pub(crate) const EXTENSION_HEADER_LEN: usize = 4;
/// The profile of elements with headers of one byte (RFC 8285 §4.2).
pub(crate) const ONE_BYTE: u16 = 0xbede;
/// The profile of elements with headers of two bytes, its low four bits aside (RFC 8285 §4.3).
pub(crate) const TWO_BYTES: u16 = 0x1000;
