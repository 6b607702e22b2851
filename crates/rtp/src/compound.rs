//! The view of one compound RTCP packet.

/// Why bytes are no RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no RTCP packet at byte {at} of {len}")]
pub struct CompoundError {
    /// Where the first packet begins that is none.
    pub at: usize,
    /// How many bytes there are.
    pub len: usize,
}

/// RTCP packets, one behind the other (RFC 3550 §6.1), also of reduced size, without a report in front (RFC 5506).
/// The lengths were checked once; reading can't fail.
///
/// ```
/// # use pollrtc_rtp::Compound;
/// let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 7];
/// let compound = Compound::parse(&receiver_report)?;
/// assert_eq!(compound.packets().next().unwrap().packet_type, 201);
/// # Ok::<(), pollrtc_rtp::CompoundError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compound<'d> {
    bytes: &'d [u8],
}

/// One packet of a compound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpPacket<'d> {
    /// The report count, or the format of a feedback message: 5 bits.
    pub count: u8,
    /// The packet type: 200 for a sender report, 205 for transport feedback...
    pub packet_type: u8,
    /// What follows the first four bytes, without padding.
    pub body: &'d [u8],
}

impl<'d> Compound<'d> {
    /// Checks the bytes of a compound (RFC 3550 §A.2): each packet is of version 2, lengths add up, and only the last
    /// one is padded.
    ///
    /// # Errors
    ///
    /// If there is no packet, or one of them is malformed.
    pub fn parse(bytes: &'d [u8]) -> Result<Self, CompoundError> {
        let mut rest = bytes;
        loop {
            let at = bytes.len() - rest.len();
            let error = CompoundError { at, len: bytes.len() };
            let (packet, behind) = split(rest).ok_or(error)?;
            let is_padded = packet.first().is_some_and(|first| first & 0x20 != 0);
            if is_padded && (!behind.is_empty() || padding(packet).is_none()) {
                return Err(error);
            }
            if behind.is_empty() {
                return Ok(Self { bytes });
            }
            rest = behind;
        }
    }

    /// All bytes.
    pub const fn as_bytes(&self) -> &'d [u8] {
        self.bytes
    }

    /// The packets, in order.
    pub fn packets(&self) -> impl Iterator<Item = RtcpPacket<'d>> + use<'d> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let (packet, behind) = split(rest)?;
            rest = behind;
            let [first, packet_type, ..] = *packet else { return None };
            let end = packet.len() - if first & 0x20 == 0 { 0 } else { padding(packet)? };
            Some(RtcpPacket {
                count: first & 0x1f,
                packet_type,
                body: packet.get(4..end).unwrap_or_default(),
            })
        })
    }
}

/// The first packet, and what is behind it (RFC 3550 §6.4.1: the length counts words, less one).
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [first, 192..=223, l0, l1, ..] = *bytes else {
        return None;
    };
    if first >> 6 != 2 {
        return None;
    }
    bytes.split_at_checked(4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1))
}

/// How much of a padded packet is padding: whole words, and never the header.
fn padding(packet: &[u8]) -> Option<usize> {
    let count = usize::from(*packet.last()?);
    (count > 0 && count.is_multiple_of(4) && count <= packet.len() - 4).then_some(count)
}
