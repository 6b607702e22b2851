//! Formats whose payloads have no header of their own: audio, where a packet is a frame, and frames that are opaque.

use crate::bytes::Writer;
use crate::payload::packetizer::{Packetize, PacketizeError, Pieces, Written, checked_limit, room};

/// Packetizes what is one packet per frame: Opus (RFC 7587 §4.2), PCMU, PCMA and G.722 (RFC 3551 §4.5), comfort noise
/// (RFC 3389), telephone events (RFC 4733).
///
/// The marker of audio stands where sound begins again after silence (RFC 3551 §4.1), or a key is pressed (RFC 4733
/// §2.2.2). That only the caller knows: [`with_marker`](Self::with_marker).
///
/// ```
/// use pollrtc_rtp::payload::{Packetize, WholePacketizer};
///
/// let mut packetizer = WholePacketizer::new(&[0x78, 1, 2, 3], 1_200)?.with_marker();
/// let mut buf = [0; 1_200];
/// let payload = packetizer.write_payload(&mut buf)?.unwrap();
/// assert_eq!((payload.len, payload.marker), (4, true));
/// assert!(packetizer.write_payload(&mut buf)?.is_none());
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WholePacketizer<'f> {
    frame: Option<&'f [u8]>,
    limit: usize,
    marker: bool,
}

impl<'f> WholePacketizer<'f> {
    /// Payloads have at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If the frame is longer than that.
    pub const fn new(frame: &'f [u8], limit: usize) -> Result<Self, PacketizeError> {
        if frame.len() > limit {
            return Err(PacketizeError::TooLong {
                len: frame.len(),
                limit,
            });
        }
        Ok(Self {
            frame: if frame.is_empty() { None } else { Some(frame) },
            limit,
            marker: false,
        })
    }

    /// Sound begins here, after silence.
    #[must_use]
    pub const fn with_marker(mut self) -> Self {
        self.marker = true;
        self
    }
}

impl Packetize for WholePacketizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let Some(frame) = self.frame else { return Ok(None) };
        let mut writer = Writer::new(room(buf, self.limit)?);
        writer.put(frame);
        self.frame = None;
        Ok(writer.finish().map(|len| Written {
            len,
            starts_frame: true,
            ends_frame: true,
            marker: self.marker,
        }))
    }
}

/// Packetizes frames that only their sender and their receiver can read, because they are encrypted from end to end.
/// There is nothing but their bytes in a payload: where frames begin and end, and which are key frames, is told by
/// the marker and by the dependency descriptor in a header extension.
///
/// ```
/// use pollrtc_rtp::payload::{OpaquePacketizer, Packetize};
///
/// let mut packetizer = OpaquePacketizer::new(&[9; 2_000], 1_200)?;
/// let mut buf = [0; 1_200];
/// let lengths: Vec<usize> = core::iter::from_fn(|| packetizer.write_payload(&mut buf).unwrap())
///     .map(|payload| payload.len)
///     .collect();
/// assert_eq!(lengths, [1_000, 1_000]);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpaquePacketizer<'f> {
    pieces: Pieces<'f>,
    limit: usize,
    is_begun: bool,
}

impl<'f> OpaquePacketizer<'f> {
    /// Payloads have at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If that is none.
    pub const fn new(frame: &'f [u8], limit: usize) -> Result<Self, PacketizeError> {
        let limit = match checked_limit(limit, 0) {
            Ok(limit) => limit,
            Err(error) => return Err(error),
        };
        Ok(Self {
            pieces: Pieces::new(frame, limit),
            limit,
            is_begun: false,
        })
    }
}

impl Packetize for OpaquePacketizer<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        let mut writer = Writer::new(room(buf, self.limit)?);
        let Some(piece) = self.pieces.next() else {
            return Ok(None);
        };
        writer.put(piece);
        let starts_frame = !core::mem::replace(&mut self.is_begun, true);
        Ok(writer.finish().map(|len| Written {
            len,
            starts_frame,
            ends_frame: self.pieces.is_empty(),
            marker: self.pieces.is_empty(),
        }))
    }
}
