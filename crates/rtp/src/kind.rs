//! What a datagram holds, by its first bytes.

/// Which protocol a datagram on a transport of media is of.
///
/// ```
/// use pollrtc_rtp::PacketKind;
/// assert_eq!(PacketKind::of(&[0x80, 111]), Some(PacketKind::Rtp));
/// assert_eq!(PacketKind::of(&[0x80, 200]), Some(PacketKind::Rtcp));
/// assert_eq!(PacketKind::of(&[22, 254]), Some(PacketKind::Dtls));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PacketKind {
    /// STUN (RFC 8489).
    Stun,
    /// ZRTP (RFC 6189).
    Zrtp,
    /// DTLS.
    Dtls,
    /// A message on a channel of TURN (RFC 8656 §12).
    TurnChannel,
    /// RTP, or SRTP.
    Rtp,
    /// RTCP, or SRTCP.
    Rtcp,
}

impl PacketKind {
    /// RFC 7983 §7, RFC 9443 §3: the first byte tells the protocol, `None` for one that nobody here speaks.
    /// RFC 5761 §4: of RTP and RTCP, the latter has 192 to 223 in the second byte, so that payload types 64 to 95 are
    /// not used for RTP beside it. What is too short to tell these two apart is neither.
    #[inline]
    pub const fn of(datagram: &[u8]) -> Option<Self> {
        Some(match datagram {
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            [0..=3, ..] => Self::Stun,
            [16..=19, ..] => Self::Zrtp,
            [20..=63, ..] => Self::Dtls,
            [64..=79, ..] => Self::TurnChannel,
            _ => return None,
        })
    }
}
