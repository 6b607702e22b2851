//! The frames of one stream, whatever its format is.

use crate::payload::av1::Av1Packetizer;
use crate::payload::format::PayloadFormat;
use crate::payload::h264::{H264Mode, H264Packetizer};
use crate::payload::h265::H265Packetizer;
use crate::payload::packetizer::{Packetize, PacketizeError, Written};
use crate::payload::picture::PictureId;
use crate::payload::vp8::{Vp8Descriptor, Vp8Packetizer};
use crate::payload::vp9::{Vp9Descriptor, Vp9Packetizer};
use crate::payload::whole::{OpaquePacketizer, WholePacketizer};

/// Packetizes the frames of one stream without layers, for callers who have frames and don't want to know more.
/// Pictures of VP8 and VP9 are numbered with 15 bits.
///
/// Whoever has layers makes a packetizer for each frame instead, and tells it which layer that is.
///
/// ```
/// use pollrtc_rtp::payload::{FramePacketizer, Packetize, PayloadFormat};
///
/// let mut stream = FramePacketizer::new(PayloadFormat::Vp8, 17); // a random number
/// let mut buf = [0; 1_200];
/// let mut payloads = stream.packetize(&[0x10, 1, 2, 3], 1_200)?;
/// while let Some(payload) = payloads.write_payload(&mut buf)? {
///     assert_eq!(buf[..payload.len], [0x90, 0x80, 0x80, 17, 0x10, 1, 2, 3]);
/// }
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FramePacketizer {
    format: PayloadFormat,
    h264_mode: H264Mode,
    next_picture: PictureId,
}

impl FramePacketizer {
    /// The first picture of VP8 or VP9 has that number, of which 15 bits count; RFC 7741 §4.2 lets it be a random one.
    pub const fn new(format: PayloadFormat, first_picture: u16) -> Self {
        Self {
            format,
            h264_mode: H264Mode::NonInterleaved,
            next_picture: PictureId::Long(first_picture & 0x7fff),
        }
    }

    /// Frames of H.264 are packetized in that mode, instead of the non-interleaved one.
    #[must_use]
    pub const fn with_h264_mode(self, h264_mode: H264Mode) -> Self {
        Self { h264_mode, ..self }
    }

    /// The payloads of the next frame, each of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If the frame can't be sent, as the packetizer of its format says. Then no number was used up.
    pub fn packetize<'f>(&mut self, frame: &'f [u8], limit: usize) -> Result<Payloads<'f>, PacketizeError> {
        let picture_id = Some(self.next_picture);
        let packetizer = match self.format {
            PayloadFormat::Whole => Packetizer::Whole(WholePacketizer::new(frame, limit)?),
            PayloadFormat::Vp8 => {
                let descriptor = Vp8Descriptor {
                    picture_id,
                    ..Vp8Descriptor::default()
                };
                Packetizer::Vp8(Vp8Packetizer::new(frame, descriptor, limit)?)
            }
            PayloadFormat::Vp9 => {
                let descriptor = Vp9Descriptor {
                    picture_id,
                    is_inter_picture_predicted: !self.format.is_keyframe(frame),
                    ..Vp9Descriptor::default()
                };
                Packetizer::Vp9(Vp9Packetizer::new(frame, descriptor, limit)?)
            }
            PayloadFormat::H264 => Packetizer::H264(H264Packetizer::new(frame, self.h264_mode, limit)?),
            PayloadFormat::H265(_) => Packetizer::H265(H265Packetizer::new(frame, limit)?),
            PayloadFormat::Av1 => Packetizer::Av1(Av1Packetizer::new(frame, limit)?),
            PayloadFormat::Opaque => Packetizer::Opaque(OpaquePacketizer::new(frame, limit)?),
        };
        self.next_picture = self.next_picture.next();
        Ok(Payloads(packetizer))
    }
}

/// The payloads of one frame, of any format. Made by [`FramePacketizer::packetize`].
#[derive(Clone, Debug)]
pub struct Payloads<'f>(Packetizer<'f>);

#[derive(Clone, Debug)]
enum Packetizer<'f> {
    Whole(WholePacketizer<'f>),
    Vp8(Vp8Packetizer<'f>),
    Vp9(Vp9Packetizer<'f>),
    H264(H264Packetizer<'f>),
    H265(H265Packetizer<'f>),
    Av1(Av1Packetizer<'f>),
    Opaque(OpaquePacketizer<'f>),
}

impl Packetize for Payloads<'_> {
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError> {
        match &mut self.0 {
            Packetizer::Whole(packetizer) => packetizer.write_payload(buf),
            Packetizer::Vp8(packetizer) => packetizer.write_payload(buf),
            Packetizer::Vp9(packetizer) => packetizer.write_payload(buf),
            Packetizer::H264(packetizer) => packetizer.write_payload(buf),
            Packetizer::H265(packetizer) => packetizer.write_payload(buf),
            Packetizer::Av1(packetizer) => packetizer.write_payload(buf),
            Packetizer::Opaque(packetizer) => packetizer.write_payload(buf),
        }
    }
}
