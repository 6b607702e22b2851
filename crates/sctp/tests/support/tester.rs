//! A machine whose peer is the test itself, which speaks SCTP by hand.

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_sctp::wire::{Cause, DataHeader, Packet, PacketWriter, kind};
use pollrtc_sctp::{Association, CloseReason, Config, Event};

use super::*;

/// An association whose handshake is over, with the numbers that its peer needs to go on.
pub struct Tester {
    pub machine: Association,
    pub now: Instant,
    /// The tag that the machine wants to see, and the one that it uses.
    pub tag: u32,
    pub tsn: u32,
}

impl Tester {
    pub fn new() -> Self {
        Self::with(config())
    }

    pub fn with(own: Config) -> Self {
        let mut pair = Associations::new(own, config());
        pair.connect();
        pair.b.machine.send(0, 51, "x".into(), Default::default()).unwrap();
        pair.run_for(ms(1000));
        let tag = Packet::parse(&pair.b.wire[0]).unwrap().verification_tag();
        let mut machine = pair.a.machine;
        while machine.poll_event().is_some() {}
        Self {
            machine,
            now: pair.now,
            tag,
            tsn: 0xFFFF_FFF1,
        }
    }

    pub fn give_with_tag(&mut self, tag: u32, build: impl FnOnce(&mut PacketWriter<'_>)) {
        let mut buf = vec![0; 20_000];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, tag).unwrap();
        build(&mut packet);
        let len = packet.finish();
        self.give_bytes(&mut buf[..len]);
    }

    pub fn give(&mut self, build: impl FnOnce(&mut PacketWriter<'_>)) {
        self.give_with_tag(self.tag, build);
    }

    pub fn give_bytes(&mut self, bytes: &mut [u8]) {
        self.machine.handle_body(self.now, bytes);
    }

    pub fn data(&mut self, offset: u32, flags: u8, stream: u16, payload: &[u8]) {
        let header = DataHeader {
            unordered: flags & 4 != 0,
            beginning: flags & 2 != 0,
            ending: flags & 1 != 0,
            tsn: self.tsn.wrapping_add(offset),
            stream,
            ..DataHeader::default()
        };
        self.give(|packet| {
            packet.data(&header, payload);
        });
    }

    /// A whole message in its place in a stream.
    pub fn ordered(&mut self, offset: u32, stream: u16, ssn: u16, payload: &[u8]) {
        let header = DataHeader {
            beginning: true,
            ending: true,
            tsn: self.tsn.wrapping_add(offset),
            stream,
            ssn,
            ppid: 51,
            ..DataHeader::default()
        };
        self.give(|packet| {
            packet.data(&header, payload);
        });
    }

    /// Everything up to `cumulative` has come, and these blocks behind it.
    pub fn sack(&mut self, cumulative: u32, window: u32, blocks: &[(u16, u16)]) {
        self.give(|packet| {
            packet.chunk(kind::SACK, 0, |body| {
                body.put_u32(cumulative);
                body.put_u32(window);
                body.put_u16(blocks.len() as u16);
                body.put_u16(0);
                for (start, end) in blocks {
                    body.put_u16(*start);
                    body.put_u16(*end);
                }
            });
        });
    }

    /// All up to the TSN at this offset counts as received, and on these streams all up to these numbers.
    pub fn forward_tsn(&mut self, offset: u32, streams: &[(u16, u16)]) {
        let tsn = self.tsn.wrapping_add(offset);
        self.give(|packet| {
            packet.chunk(kind::FORWARD_TSN, 0, |body| {
                body.put_u32(tsn);
                for (stream, ssn) in streams {
                    body.put_u16(*stream);
                    body.put_u16(*ssn);
                }
            });
        });
    }

    /// Asks to reset streams behind the TSN at this offset. Gives the results that are answered.
    pub fn reset(&mut self, sequence: u32, last: u32, streams: &[u16]) -> Vec<u32> {
        let last = self.tsn.wrapping_add(last);
        self.give(|packet| {
            packet.chunk(kind::RE_CONFIG, 0, |body| {
                let fields = [sequence.to_be_bytes(), [0; 4], last.to_be_bytes()].concat();
                let streams: Vec<u8> = streams.iter().flat_map(|stream| stream.to_be_bytes()).collect();
                body.put_parameter(13, &[&fields, &streams]);
            });
        });
        self.reset_results()
    }

    /// The results of resets that are told now.
    pub fn reset_results(&mut self) -> Vec<u32> {
        let chunks = self.chunks();
        let answers = chunks.iter().filter(|chunk| chunk.0 == kind::RE_CONFIG);
        answers
            .map(|answer| u32::from_be_bytes(answer.2[8..12].try_into().unwrap()))
            .collect()
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.machine.poll_event()).collect()
    }

    /// All chunks that leave now, with their flags and bodies.
    pub fn chunks(&mut self) -> Vec<(u8, u8, Vec<u8>)> {
        let mut buf = [0; 1500];
        let mut all = Vec::new();
        while let Some(len) = self.machine.write_body(self.now, &mut buf, Headroom::NONE) {
            let packet = Packet::parse(&buf[..len]).unwrap();
            all.extend(
                packet
                    .chunks()
                    .map(Result::unwrap)
                    .map(|c| (c.kind(), c.flags(), c.value().to_vec())),
            );
        }
        all
    }

    pub fn causes(&mut self, kind: u8) -> Vec<u16> {
        let chunks = self.chunks();
        let values = chunks.iter().filter(|chunk| chunk.0 == kind);
        values
            .flat_map(|chunk| Cause::all(&chunk.2).map(|cause| cause.code).collect::<Vec<_>>())
            .collect()
    }

    pub fn end(&mut self) -> CloseReason {
        let mut last = None;
        while let Some(event) = self.machine.poll_event() {
            last = Some(event);
        }
        match last {
            Some(Event::Closed(reason)) => reason,
            other => panic!("not closed but {other:?}"),
        }
    }
}
