//! What each library does with a frame.

use bytes::{Bytes, BytesMut};
use pollrtc_rtp::payload::{
    Depacketizer, DepacketizerLimits, FramePacketizer, Packetize, PayloadFormat, PayloadPacket,
};
use rtc_rtp::codec::{av1, h264, h265, vp8, vp9};
use rtc_rtp::packetizer::Payloader;

/// The longest payload.
pub(crate) const LIMIT: usize = 1_200;

pub(crate) trait Subject {
    /// The payloads of a frame, each to `each`.
    fn packetize(&mut self, frame: &Bytes, each: &mut dyn FnMut(&[u8]));
    /// Puts payloads together; `out` has the frame then. `None` if the library reads fields and no frames.
    fn depacketize(&mut self, payloads: &[Bytes], out: &mut BytesMut) -> Option<()>;
}

pub(crate) struct Pollrtc {
    packetizer: FramePacketizer,
    depacketizer: Depacketizer,
    buf: [u8; LIMIT],
    sequence_number: u16,
    timestamp: u32,
}

impl Pollrtc {
    pub(crate) fn new(format: PayloadFormat) -> Self {
        Self {
            packetizer: FramePacketizer::new(format, 0),
            depacketizer: Depacketizer::new(format, DepacketizerLimits::default()),
            buf: [0; LIMIT],
            sequence_number: 0,
            timestamp: 0,
        }
    }
}

impl Subject for Pollrtc {
    fn packetize(&mut self, frame: &Bytes, each: &mut dyn FnMut(&[u8])) {
        let mut payloads = self.packetizer.packetize(frame, LIMIT).expect("it is well-formed");
        while let Some(written) = payloads
            .write_payload(&mut self.buf)
            .expect("the buffer is long enough")
        {
            each(&self.buf[..written.len]);
        }
    }

    fn depacketize(&mut self, payloads: &[Bytes], out: &mut BytesMut) -> Option<()> {
        self.timestamp += 3_000;
        for (index, payload) in payloads.iter().enumerate() {
            self.depacketizer.handle_packet(PayloadPacket {
                sequence_number: self.sequence_number,
                timestamp: self.timestamp,
                marker: index + 1 == payloads.len(),
                payload,
                marks: None,
            });
            self.sequence_number = self.sequence_number.wrapping_add(1);
        }
        out.extend_from_slice(self.depacketizer.poll_frame()?.bytes);
        Some(())
    }
}

/// webrtc-rs.
pub(crate) struct Rtc {
    format: PayloadFormat,
    payloader: Box<dyn Payloader>,
}

impl Rtc {
    pub(crate) fn new(format: PayloadFormat) -> Self {
        let payloader: Box<dyn Payloader> = match format {
            PayloadFormat::Vp8 => Box::new(vp8::Vp8Payloader::default()),
            PayloadFormat::Vp9 => Box::new(vp9::Vp9Payloader::default()),
            PayloadFormat::H264 => Box::new(h264::H264Payloader::default()),
            PayloadFormat::Av1 => Box::new(av1::Av1Payloader::default()),
            _ => Box::new(h265::HevcPayloader::default()),
        };
        Self { format, payloader }
    }
}

impl Subject for Rtc {
    fn packetize(&mut self, frame: &Bytes, each: &mut dyn FnMut(&[u8])) {
        let payloads = self.payloader.payload(LIMIT, frame).expect("it is well-formed");
        payloads.iter().for_each(|payload| each(payload));
    }

    fn depacketize(&mut self, payloads: &[Bytes], out: &mut BytesMut) -> Option<()> {
        let mut depacketizer: Box<dyn rtc_rtp::packetizer::Depacketizer> = match self.format {
            PayloadFormat::Vp8 => Box::new(vp8::Vp8Packet::default()),
            PayloadFormat::Vp9 => Box::new(vp9::Vp9Packet::default()),
            PayloadFormat::H264 => Box::new(h264::H264Packet::default()),
            PayloadFormat::Av1 => Box::new(av1::Av1Depacketizer::default()),
            _ => return None,
        };
        for payload in payloads {
            out.extend_from_slice(&depacketizer.depacketize(payload).expect("it is well-formed"));
        }
        Some(())
    }
}
