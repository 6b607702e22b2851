//! Limits of bit rate that receivers ask for, and what became of them (RFC 5104 §4.2).

use super::raw::{HEADER_LEN, RawPacket, RtcpError, TRANSPORT_FEEDBACK};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

pub(crate) const REQUEST: u8 = 3;
pub(crate) const NOTIFICATION: u8 = 4;
const ENTRY_LEN: usize = 8;
const MANTISSA_BITS: u32 = 17;
const OVERHEAD_MAX: u16 = 511;

/// A bit rate that a sender must not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BitrateLimit {
    /// In a request the sender that is limited, in a notification whoever asked for it.
    pub ssrc: u32,
    /// Bits per second. Written with 17 significant bits, rounded down; what is read beyond 64 bits is `u64::MAX`.
    pub bitrate: u64,
    /// Bytes of headers around each packet's payload, as measured: 0 to 511.
    pub overhead: u16,
}

impl BitrateLimit {
    fn of(entry: &[u8; ENTRY_LEN]) -> Self {
        let [ssrc, limit] = bytes::words(entry);
        Self {
            ssrc,
            bitrate: scaled(limit >> 9 & 0x1_ffff, limit >> 26),
            overhead: (limit & 0x1ff) as u16,
        }
    }

    fn word(&self) -> u32 {
        let (mantissa, exponent) = unscaled(self.bitrate, MANTISSA_BITS);
        exponent << 26 | mantissa << 9 | u32::from(self.overhead & OVERHEAD_MAX)
    }
}

/// `mantissa * 2^exponent`, or the greatest number.
pub(crate) fn scaled(mantissa: u32, exponent: u32) -> u64 {
    u128::from(mantissa)
        .checked_shl(exponent)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(u64::MAX)
}

/// The greatest mantissa of so many bits, with its exponent, that is not above `value`.
pub(crate) fn unscaled(value: u64, bits: u32) -> (u32, u32) {
    let exponent = u64::BITS.saturating_sub(value.leading_zeros()).saturating_sub(bits);
    let mantissa = value.checked_shr(exponent).unwrap_or_default();
    (u32::try_from(mantissa).unwrap_or(u32::MAX), exponent)
}

macro_rules! packet {
    ($(#[$doc:meta])* $view:ident, $(#[$builder_doc:meta])* $builder:ident, $format:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $view<'d> {
            sender_ssrc: u32,
            limits: &'d [[u8; ENTRY_LEN]],
        }

        impl<'d> $view<'d> {
            pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
                // RFC 5104 §4.2.1.2, §4.2.2.2: the field for the source is not used.
                let (sender_ssrc, _, entries) = raw.feedback()?;
                let limits = raw.entries(entries)?;
                Ok(Self { sender_ssrc, limits })
            }

            /// Who sends it.
            pub const fn sender_ssrc(&self) -> u32 {
                self.sender_ssrc
            }

            /// The limits.
            pub fn limits(&self) -> impl ExactSizeIterator<Item = BitrateLimit> + Clone + use<'d> {
                self.limits.iter().map(BitrateLimit::of)
            }
        }

        $(#[$builder_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $builder<'b> {
            /// Who sends it.
            pub sender_ssrc: u32,
            /// The limits.
            pub limits: &'b [BitrateLimit],
        }

        impl WriteRtcp for $builder<'_> {
            fn encoded_len(&self) -> usize {
                let limits = self.limits.len().saturating_mul(ENTRY_LEN);
                limits.saturating_add(HEADER_LEN + 8)
            }

            fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
                if let Some(limit) = self.limits.iter().find(|limit| limit.overhead > OVERHEAD_MAX) {
                    return Err(BuildError::OutOfRange {
                        value: limit.overhead.into(),
                        limit: OVERHEAD_MAX.into(),
                    });
                }
                write::packet(buf, $format, TRANSPORT_FEEDBACK, self.encoded_len(), |out| {
                    out.put_u32(self.sender_ssrc);
                    out.put_u32(0);
                    for limit in self.limits {
                        out.put_u32(limit.ssrc);
                        out.put_u32(limit.word());
                    }
                })
            }
        }
    };
}

packet!(
    /// TMMBR: limits that a receiver asks for (RFC 5104 §4.2.1).
    Tmmbr,
    /// A TMMBR to be written.
    ///
    /// ```
    /// use pollrtc_rtp::rtcp::{BitrateLimit, TmmbrBuilder, WriteRtcp};
    /// let limits = [BitrateLimit { ssrc: 7, bitrate: 1_000_000, overhead: 40 }];
    /// let mut buf = [0; 20];
    /// assert_eq!(TmmbrBuilder { sender_ssrc: 1, limits: &limits }.write_to(&mut buf), Ok(20));
    /// ```
    TmmbrBuilder,
    REQUEST
);

packet!(
    /// TMMBN: the limits that a sender keeps to (RFC 5104 §4.2.2); it may be that there are none.
    Tmmbn,
    /// A TMMBN to be written.
    ///
    /// ```
    /// use pollrtc_rtp::rtcp::{TmmbnBuilder, WriteRtcp};
    /// assert_eq!(TmmbnBuilder { sender_ssrc: 1, limits: &[] }.write_to(&mut [0; 12]), Ok(12));
    /// ```
    TmmbnBuilder,
    NOTIFICATION
);
