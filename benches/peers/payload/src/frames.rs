//! Frames as encoders give them, of bytes that look like anything.

use pollrtc_rtp::payload::PayloadFormat;

/// A key frame with `len` bytes of picture.
pub(crate) fn frame(format: PayloadFormat, len: usize) -> Vec<u8> {
    match format {
        PayloadFormat::H264 => annex_b(&[
            &[0x67, 0x42, 0xe0, 0x1f],
            &[0x68, 0xce, 0x3c, 0x80],
            &picture(&[0x65], len),
        ]),
        PayloadFormat::H265(_) => annex_b(&[
            &[0x40, 1, 0x0c, 1],
            &[0x42, 1, 1, 0x60],
            &[0x44, 1, 0xc0],
            &picture(&[0x26, 1], len),
        ]),
        PayloadFormat::Av1 => {
            let mut frame = vec![0x0a, 2, 0xaa, 0xbb, 0x32]; // a sequence header, and a frame with its size
            let mut size = len + 2;
            while size > 127 {
                frame.push(size as u8 | 0x80);
                size >>= 7;
            }
            frame.push(size as u8);
            frame.extend(picture(&[0x10], len));
            frame
        }
        PayloadFormat::Vp9 => picture(&[0x82], len),
        _ => picture(&[0x10], len),
    }
}

fn annex_b(units: &[&[u8]]) -> Vec<u8> {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
}

/// A header, and bytes among which are zeros, but no start codes.
fn picture(header: &[u8], len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut bytes = header.to_vec();
    bytes.extend((0..len).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        match state as u8 {
            1..=3 => 4,
            other => other,
        }
    }));
    bytes.push(0x80);
    bytes
}
