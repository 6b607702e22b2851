//! What is read.

use pollrtc_rtp::rtcp::{
    CompoundBuilder, ReportBlock, SdesChunkBuilder, SdesItem, SenderInfo, SourceDescriptionBuilder,
    TransportWideFeedbackBuilder,
};
use pollrtc_rtp::{ExtensionElement, NtpTime, RtpPacketBuilder};

/// Packets with an audio level, a send time, a transport-wide number and a MID, by the numbers that libwebrtc gives
/// them.
pub(crate) fn packets() -> Vec<Vec<u8>> {
    (0..64).map(|number: u16| packet(number.wrapping_mul(917))).collect()
}

fn packet(sequence_number: u16) -> Vec<u8> {
    let number = sequence_number.to_be_bytes();
    let elements = [
        ExtensionElement { id: 1, value: &[0x8e] },
        ExtensionElement {
            id: 2,
            value: &[0x12, 0x34, 0x56],
        },
        ExtensionElement { id: 3, value: &number },
        ExtensionElement { id: 4, value: b"0" },
    ];
    let packet = RtpPacketBuilder {
        payload_type: 96,
        marker: sequence_number.is_multiple_of(5),
        sequence_number,
        timestamp: u32::from(sequence_number) * 3_000,
        ssrc: 0x1122_3344,
        extensions: &elements,
        payload: &[0xab; 1_172],
        ..RtpPacketBuilder::default()
    };
    let mut bytes = vec![0; packet.encoded_len()];
    packet.write_to(&mut bytes).expect("it has room");
    bytes
}

/// A report with one block, a name of 16 characters, and feedback on a hundred packets of which three were lost and
/// three came late. All ends on whole words, since some take no padding.
pub(crate) fn compounds() -> Vec<Vec<u8>> {
    (0..16).map(compound).collect()
}

fn compound(feedback_count: u8) -> Vec<u8> {
    let info = SenderInfo {
        ntp_time: NtpTime(0xe1a2_b3c4_d5e6_f708),
        rtp_timestamp: 90_000,
        packet_count: 1_000,
        octet_count: 1_000_000,
    };
    let block = ReportBlock {
        ssrc: 0x5566_7788,
        fraction_lost: 3,
        cumulative_lost: 17,
        extended_highest_sequence: 70_000,
        jitter: 33,
        last_sender_report: 0xb3c4_d5e6,
        delay_since_last_sender_report: 65_536,
    };
    let items = [SdesItem::cname("0123456789abcdef")];
    let chunks = [SdesChunkBuilder {
        ssrc: 0x1122_3344,
        items: &items,
    }];
    let mut at = 0x12_3456 * 256;
    let arrivals = (0..100).map(move |number: i64| {
        at += match number {
            41 | 47 | 60 => return None,
            55 => 400,
            56 => -12,
            80 => 300,
            _ => number * 7 % 23,
        };
        Some(at)
    });
    let feedback = TransportWideFeedbackBuilder::new(0x1122_3344, 0x5566_7788, feedback_count, 5_000, arrivals, 1_200);
    let mut buf = vec![0; 1_200];
    let len = CompoundBuilder::new(&mut buf)
        .push_reports(0x1122_3344, Some(info), &[block])
        .push(&SourceDescriptionBuilder { chunks: &chunks })
        .push(&feedback.expect("some arrived"))
        .finish()
        .expect("it has room");
    buf.truncate(len);
    buf
}
