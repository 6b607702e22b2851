//! Frames of each format, and their packetizers.

use pollrtc_rtp::payload::{
    Av1Packetizer, H264Mode, H264Packetizer, H265DecodingOrder, H265Packetizer, OpaquePacketizer, Packetize,
    PayloadFormat, PictureId, Vp8Descriptor, Vp8Packetizer, Vp9Descriptor, Vp9Layer, Vp9Packetizer, WholePacketizer,
};

use crate::common::{annex_b, nal_unit, noise};

pub(crate) const FORMATS: [PayloadFormat; 7] = [
    PayloadFormat::Whole,
    PayloadFormat::Vp8,
    PayloadFormat::Vp9,
    PayloadFormat::H264,
    PayloadFormat::H265(H265DecodingOrder::AsSent),
    PayloadFormat::Av1,
    PayloadFormat::Opaque,
];

/// A frame of `len` bytes, roughly, cut into units of about `unit`, in the form of a format.
pub(crate) fn frame(format: PayloadFormat, len: usize, unit: usize, seed: u32) -> Vec<u8> {
    let sizes = || (0..len).step_by(unit).map(|begin| unit.min(len - begin));
    let units = |first: &[u8], others: &[u8]| {
        let units = sizes().enumerate().map(|(index, size)| match index {
            0 => nal_unit(first, size, seed),
            _ => nal_unit(others, size, seed ^ size as u32),
        });
        annex_b(&units.collect::<Vec<_>>())
    };
    match format {
        PayloadFormat::H264 => units(&[0x67], &[0x65]),
        PayloadFormat::H265(_) => units(&[0x40, 1], &[0x26, 1]),
        PayloadFormat::Av1 => sizes()
            .enumerate()
            .flat_map(|(index, size)| {
                let header = if index == 0 { 0x0a } else { 0x32 };
                let leb128 = match size {
                    0..128 => vec![size as u8],
                    _ => vec![size as u8 | 0x80, (size >> 7) as u8],
                };
                [vec![header], leb128, noise(size, seed)].concat()
            })
            .collect(),
        _ => noise(len, seed),
    }
}

pub(crate) fn packetizer<'f>(format: PayloadFormat, frame: &'f [u8], limit: usize) -> Box<dyn Packetize + 'f> {
    let picture_id = Some(PictureId::Long(300));
    match format {
        PayloadFormat::Whole => Box::new(WholePacketizer::new(frame, limit).unwrap()),
        PayloadFormat::Vp8 => {
            let descriptor = Vp8Descriptor {
                picture_id,
                ..Vp8Descriptor::default()
            };
            Box::new(Vp8Packetizer::new(frame, descriptor, limit).unwrap())
        }
        PayloadFormat::Vp9 => {
            let layer = Some(Vp9Layer::default());
            let descriptor = Vp9Descriptor {
                picture_id,
                layer,
                ..Vp9Descriptor::default()
            };
            Box::new(Vp9Packetizer::new(frame, descriptor, limit).unwrap())
        }
        PayloadFormat::H264 => Box::new(H264Packetizer::new(frame, H264Mode::NonInterleaved, limit).unwrap()),
        PayloadFormat::H265(_) => Box::new(H265Packetizer::new(frame, limit).unwrap()),
        PayloadFormat::Av1 => Box::new(Av1Packetizer::new(frame, limit).unwrap()),
        _ => Box::new(OpaquePacketizer::new(frame, limit).unwrap()),
    }
}
