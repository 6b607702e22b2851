//! Opus (RFC 7587): a packet is a payload, and its first byte says how it is coded (RFC 6716 §3.1).

use crate::payload::kinds::PayloadError;

/// The clock of Opus in RTP, whatever the encoder's rate is (RFC 7587 §4.1).
const CLOCK_RATE: u32 = 48_000;
/// RFC 6716 §3.2.5: a packet has no more than 120 ms.
const LONGEST_SAMPLES: u32 = CLOCK_RATE / 1_000 * 120;

/// How a packet of Opus is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OpusMode {
    /// Speech.
    Silk,
    /// Speech with music above it.
    Hybrid,
    /// Music, or very low delay.
    Celt,
}

/// The audio bandwidth of a packet of Opus (RFC 6716 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpusBandwidth {
    /// 4 kHz.
    Narrow,
    /// 6 kHz.
    Medium,
    /// 8 kHz.
    Wide,
    /// 12 kHz.
    SuperWide,
    /// 20 kHz.
    Full,
}

/// The table of contents of a packet of Opus (RFC 6716 §3.1).
///
/// ```
/// use pollrtc_rtp::payload::{OpusBandwidth, OpusMode, OpusToc};
///
/// let toc = OpusToc::parse(&[0x78, 1, 2, 3])?; // what browsers send: hybrid, full band, one frame of 20 ms
/// assert_eq!((toc.mode(), toc.bandwidth()), (OpusMode::Hybrid, OpusBandwidth::Full));
/// assert_eq!((toc.samples(), toc.is_stereo()), (960, false));
/// # Ok::<(), pollrtc_rtp::payload::PayloadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpusToc {
    toc: u8,
    frames: u8,
    is_silent: bool,
}

impl OpusToc {
    /// Reads the first bytes of a packet.
    ///
    /// # Errors
    ///
    /// If it is empty, or has no frames, or more than 120 ms of them.
    pub fn parse(payload: &[u8]) -> Result<Self, PayloadError> {
        let toc = *payload.first().ok_or(PayloadError::Truncated("table of contents"))?;
        let frames = match toc & 0x03 {
            0 => 1,
            1 | 2 => 2,
            // RFC 6716 §3.2.5: the count of frames has a byte of its own.
            _ => payload.get(1).ok_or(PayloadError::Truncated("count of frames"))? & 0x3f,
        };
        let parsed = Self {
            toc,
            frames,
            is_silent: payload.len() <= 2 && toc & 0x03 < 2,
        };
        if frames == 0 || parsed.samples() > LONGEST_SAMPLES {
            return Err(PayloadError::Invalid("count of frames"));
        }
        Ok(parsed)
    }

    /// How it is coded.
    pub const fn mode(self) -> OpusMode {
        match self.configuration() {
            0..=11 => OpusMode::Silk,
            12..=15 => OpusMode::Hybrid,
            _ => OpusMode::Celt,
        }
    }

    /// Which bandwidth it has.
    pub const fn bandwidth(self) -> OpusBandwidth {
        match self.configuration() {
            0..=3 | 16..=19 => OpusBandwidth::Narrow,
            4..=7 => OpusBandwidth::Medium,
            8..=11 | 20..=23 => OpusBandwidth::Wide,
            12 | 13 | 24..=27 => OpusBandwidth::SuperWide,
            _ => OpusBandwidth::Full,
        }
    }

    /// Whether this packet has two channels. Each packet says it for itself; SDP always has two (RFC 7587 §4.3).
    pub const fn is_stereo(self) -> bool {
        self.toc & 0x04 != 0
    }

    /// How many frames it has: 1 to 48.
    pub const fn frames(self) -> u8 {
        self.frames
    }

    /// How long it lasts, in ticks of the RTP clock of 48 kHz.
    pub const fn samples(self) -> u32 {
        let frame = match (self.configuration(), self.configuration() & 3) {
            // Tenths of milliseconds.
            (0..=11, 0) => 100,
            (0..=11, 1) => 200,
            (0..=11, 2) => 400,
            (0..=11, _) => 600,
            (12..=15, 0 | 2) => 100,
            (12..=15, _) => 200,
            (_, 0) => 25,
            (_, 1) => 50,
            (_, 2) => 100,
            _ => 200,
        };
        frame * CLOCK_RATE / 10_000 * self.frames as u32
    }

    /// Whether it has no sound: a frame of at most one byte, which encoders send now and then while nobody talks
    /// (discontinuous transmission, RFC 7587 §3.1.3).
    pub const fn is_silent(self) -> bool {
        self.is_silent
    }

    const fn configuration(self) -> u8 {
        self.toc >> 3
    }
}
