//! Packets in a row.

use pollrtc_rtp::payload::{Depacketizer, DepacketizerLimits, Frame, Packetize, PayloadFormat, PayloadPacket, Written};

/// One payload that a packetizer made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) written: Written,
}

/// All payloads of a frame. What holds for every packetizer is looked at here: no payload is empty or longer than the
/// limit, and the first and the last one know it.
pub(crate) fn payloads(packetizer: &mut dyn Packetize, limit: usize) -> Vec<Sent> {
    let mut buf = vec![0xee; limit + 7];
    let mut sent: Vec<Sent> = Vec::new();
    while let Some(written) = packetizer.write_payload(&mut buf).expect("the buffer is long enough") {
        assert!((1..=limit).contains(&written.len), "{} of {limit}", written.len);
        assert!(
            buf[limit..].iter().all(|byte| *byte == 0xee),
            "written behind the limit"
        );
        assert_eq!(written.starts_frame, sent.is_empty());
        let bytes = buf[..written.len].to_vec();
        sent.push(Sent { bytes, written });
    }
    let (last, others) = sent.split_last().expect("a frame has a packet at least");
    assert!(last.written.ends_frame);
    assert!(
        others
            .iter()
            .all(|sent| !sent.written.ends_frame && !sent.written.marker)
    );
    assert_eq!(
        packetizer.write_payload(&mut buf),
        Ok(None),
        "nothing comes behind the end"
    );
    sent
}

/// A stream of packets into a depacketizer.
pub(crate) struct Stream {
    pub(crate) depacketizer: Depacketizer,
    pub(crate) sequence_number: u16,
    pub(crate) timestamp: u32,
}

impl Stream {
    pub(crate) fn new(format: PayloadFormat) -> Self {
        Self::with_limits(format, DepacketizerLimits::default())
    }

    pub(crate) fn with_limits(format: PayloadFormat, limits: DepacketizerLimits) -> Self {
        Self {
            depacketizer: Depacketizer::new(format, limits),
            sequence_number: 65_530,
            timestamp: u32::MAX - 1_000,
        }
    }

    /// A packet arrives.
    pub(crate) fn packet(&mut self, payload: &[u8], marker: bool) {
        self.depacketizer.handle_packet(PayloadPacket {
            sequence_number: self.sequence_number,
            timestamp: self.timestamp,
            marker,
            payload,
            marks: None,
        });
        self.lose();
    }

    /// A packet does not arrive.
    pub(crate) fn lose(&mut self) {
        self.sequence_number = self.sequence_number.wrapping_add(1);
    }

    /// What follows is another frame.
    pub(crate) fn next_frame(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(3_000);
    }

    /// All packets of a frame arrive.
    pub(crate) fn frame(&mut self, sent: &[Sent]) {
        for one in sent {
            self.packet(&one.bytes, one.written.marker);
        }
        self.next_frame();
    }

    pub(crate) fn poll(&mut self) -> Option<Frame<'_>> {
        self.depacketizer.poll_frame()
    }

    /// The bytes of the next frame.
    pub(crate) fn bytes(&mut self) -> Option<Vec<u8>> {
        self.poll().map(|frame| frame.bytes.to_vec())
    }
}

/// Bytes that look like anything, always the same.
pub(crate) fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}

/// A NAL unit with that header and a body of so many bytes that contain no start code.
pub(crate) fn nal_unit(header: &[u8], body: usize, seed: u32) -> Vec<u8> {
    let mut unit = header.to_vec();
    for byte in noise(body, seed) {
        // ITU-T H.264 §7.4.1: what would look like a start code has a 3 in it.
        let is_emulated = matches!(unit[..], [.., 0, 0]) && byte <= 3;
        unit.push(if is_emulated { 3 } else { byte });
    }
    if let Some(last) = unit.last_mut().filter(|last| **last == 0) {
        *last = 0x80;
    }
    unit
}

/// NAL units with start codes.
pub(crate) fn annex_b<U: AsRef<[u8]>>(units: &[U]) -> Vec<u8> {
    units
        .iter()
        .flat_map(|unit| [&[0, 0, 0, 1], unit.as_ref()].concat())
        .collect()
}
