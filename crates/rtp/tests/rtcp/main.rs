//! RTCP packets: written, read, and refused.

mod compound;
mod congestion;
mod corpus;
mod feedback;
mod properties;
mod reports;
mod transport;

use pollrtc_rtp::rtcp::{Compound, RtcpError, RtcpPacket, WriteRtcp};

/// A packet by the fields of its header, and its body.
fn packet(count: u8, packet_type: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len().is_multiple_of(4));
    let words = (body.len() / 4) as u16;
    let mut bytes = vec![0x80 | count, packet_type];
    bytes.extend(words.to_be_bytes());
    bytes.extend(body);
    bytes
}

/// The same with a body of words.
fn words(count: u8, packet_type: u8, body: &[u32]) -> Vec<u8> {
    let body: Vec<u8> = body.iter().flat_map(|word| word.to_be_bytes()).collect();
    packet(count, packet_type, &body)
}

/// What the only packet of a compound says.
fn read(bytes: &[u8]) -> Result<RtcpPacket<'_>, RtcpError> {
    let compound = Compound::parse(bytes).expect("its header is right");
    assert_eq!(compound.ended_by(), None);
    let mut packets = compound.packets();
    let packet = packets.next().expect("there is one");
    assert!(packets.next().is_none(), "there is only one");
    packet
}

/// Writes a packet into a buffer that is as long as it says, and into none that is shorter.
fn written(packet: &impl WriteRtcp) -> Vec<u8> {
    let len = packet.encoded_len();
    let mut bytes = vec![0xaa; len];
    assert_eq!(packet.write_to(&mut bytes), Ok(len));
    assert!(len.is_multiple_of(4));
    let mut short = vec![0xaa; len - 1];
    let error = packet.write_to(&mut short).expect_err("it has no room");
    assert_eq!(error, pollrtc_rtp::rtcp::BuildError::BufferTooSmall { needed: len });
    assert!(short.iter().all(|byte| *byte == 0xaa), "nothing was written");
    bytes
}

/// The view in one variant of a packet.
macro_rules! view {
    ($bytes:expr, $variant:ident) => {
        match crate::read($bytes) {
            Ok(pollrtc_rtp::RtcpPacket::$variant(view)) => view,
            other => panic!("{other:?}"),
        }
    };
}
pub(crate) use view;
