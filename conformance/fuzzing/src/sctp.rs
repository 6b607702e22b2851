//! Targets of `pollrtc-sctp`.

use std::time::Duration;

use bytes::Bytes;
use pollrtc_core::laws::Laws;
use pollrtc_core::{Flow, Headroom, InnerProtocol, Instant, Standalone};
use pollrtc_crypto::Rng;
use pollrtc_sctp::channel::{ChannelConfig, ChannelId, ChannelInit, DataChannels, Parity};
use pollrtc_sctp::wire::dcep;
use pollrtc_sctp::wire::{
    Cause, Data, DataHeader, ForwardTsn, Init, Packet, PacketWriter, Parameters, Reconfig, Sack, kind, verify_checksum,
};
use pollrtc_sctp::{Association, Config, Event, Reliability, SendOptions};

const MACHINE: ([u8; 4], u16) = ([192, 0, 2, 1], 5000);
const PEER: ([u8; 4], u16) = ([192, 0, 2, 2], 6000);

/// Bytes as a packet: all views, and the same chunks written again.
pub fn sctp_packet(data: &[u8]) {
    let mut bytes = data.to_vec();
    let before = bytes.clone();
    let _ = verify_checksum(&mut bytes);
    assert_eq!(bytes, before, "looking at the checksum changes nothing");
    let Ok(packet) = Packet::parse(data) else {
        assert!(data.len() < 12);
        return;
    };
    let mut buf = vec![0; data.len() + 4];
    let mut writer = PacketWriter::new(
        &mut buf,
        packet.source_port(),
        packet.destination_port(),
        packet.verification_tag(),
    )
    .expect("as long as what was read");
    let mut chunks = Vec::new();
    for chunk in packet.chunks() {
        let Ok(chunk) = chunk else { break };
        views(&chunk);
        assert!(writer.chunk(chunk.kind(), chunk.flags(), |body| body.put(chunk.value())));
        chunks.push(chunk);
    }
    let len = writer.finish();
    assert!(verify_checksum(&mut buf[..len]));
    let again = Packet::parse(&buf[..len]).expect("we wrote it");
    let again: Vec<_> = again.chunks().map(|chunk| chunk.expect("we wrote it")).collect();
    assert_eq!(again, chunks);
}

fn views(chunk: &pollrtc_sctp::wire::Chunk<'_>) {
    let len = chunk.value().len();
    if let Some(data) = Data::parse(chunk) {
        assert_eq!(data.payload.len() + 12, len);
    }
    if let Some(sack) = Sack::parse(chunk) {
        assert_eq!(12 + 4 * (sack.gap_blocks().len() + sack.duplicates().len()), len);
    }
    if let Some(forward) = ForwardTsn::parse(chunk) {
        assert_eq!(4 + 4 * forward.streams().len(), len);
    }
    if let Some(init) = Init::parse(chunk) {
        assert!(init.parameters.map(|parameter| parameter.raw.len()).sum::<usize>() <= len);
    }
    assert!(Cause::all(chunk.value()).count() <= len / 4);
    for parameter in Parameters::new(chunk.value()) {
        if let Some(Reconfig::OutgoingReset(reset)) = Reconfig::parse(&parameter) {
            assert_eq!(16 + 2 * reset.streams().len(), parameter.raw.len());
        }
    }
}

/// Bytes as a DCEP message; what is one is written back the same, but for what follows its end.
pub fn dcep(data: &[u8]) {
    match dcep::Message::parse(data) {
        Ok((dcep::Message::Open(open), rest)) => {
            let written: Vec<u8> = open.bytes().collect();
            assert_eq!(written.len(), open.encoded_len());
            assert_eq!(written.len() + rest.len(), data.len());
            assert_eq!(dcep::Message::parse(&written), Ok((dcep::Message::Open(open), &[][..])));
        }
        Ok((dcep::Message::Ack, rest)) => assert_eq!(data, [dcep::ACK_MESSAGE, rest].concat()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn association(seed: u8) -> Association {
    let config = Config::new()
        .with_receive_window(64 * 1024)
        .with_max_message_size(32 * 1024)
        .with_initial_tsn(Some(0xFFFF_FFF0));
    Association::new(config, Rng::from_seed([seed; 32]))
}

fn options(argument: u64) -> SendOptions {
    SendOptions {
        ordered: argument & 1 == 0,
        reliability: match argument & 6 {
            0 => Reliability::MaxRetransmits((argument >> 3) as u16 % 3),
            2 => Reliability::MaxLifetime(Duration::from_millis(argument >> 3 & 0xFF)),
            _ => Reliability::Reliable,
        },
        priority: argument as u16,
    }
}

/// A protocol by itself, over the flow to the other one of a law test.
fn standalone<P>(protocol: P, remote: ([u8; 4], u16)) -> Standalone<P> {
    Standalone::new(protocol, Flow::udp(remote.into()))
}

/// A script for an association that talks to another.
pub fn sctp_association(script: &[u8]) {
    let laws = Laws::of(|| standalone(association(1), PEER))
        .against(|| {
            let mut peer = association(2);
            peer.connect();
            for stream in 0..8 {
                peer.send(stream, 53, vec![7; 3000].into(), SendOptions::default())
                    .expect("the queue is empty");
            }
            standalone(peer, MACHINE)
        })
        .verb(|association, _, _| association.inner.connect())
        .verb(|association, _, argument| {
            let data = vec![7; (argument >> 8) as usize % 5000];
            let _ = association
                .inner
                .send(argument as u16 % 8, 53, data.into(), options(argument));
        })
        .verb(|association, _, argument| {
            let _ = association.inner.reset_streams(&[argument as u16 % 8]);
        })
        .verb(|association, _, _| association.inner.close())
        .verb(|association, _, _| association.inner.abort("fuzz"));
    crate::run(&laws, script);
}

/// An association whose peer says anything, under the right tag and with the right checksum.
pub fn sctp_peer(data: &[u8]) {
    let mut raw = RawPeer::connected();
    let mut input = Input(data);
    while let Some(step) = input.byte() {
        raw.step(step, &mut input);
        raw.drain();
    }
}

struct RawPeer {
    machine: Association,
    now: Instant,
    tag: u32,
    /// What the machine sent last in its DATA, and what it expects in ours.
    machine_tsn: u32,
    our_tsn: u32,
    requests: u32,
}

impl RawPeer {
    fn connected() -> Self {
        let mut machine = association(1);
        let mut peer = association(2);
        machine.connect();
        let now = Instant::from_millis(1000);
        let (mut buf, mut tag) = ([0; 1500], 0);
        for _ in 0..2 {
            while let Some(len) = machine.write_body(now, &mut buf, Headroom::NONE) {
                peer.handle_body(now, &mut buf[..len]);
            }
            while let Some(len) = peer.write_body(now, &mut buf, Headroom::NONE) {
                tag = Packet::parse(&buf).expect("we wrote it").verification_tag();
                machine.handle_body(now, &mut buf[..len]);
            }
        }
        assert_eq!(machine.poll_event(), Some(Event::Connected));
        Self {
            machine,
            now,
            tag,
            machine_tsn: 0xFFFF_FFEF,
            our_tsn: 0xFFFF_FFF0,
            requests: 0xFFFF_FFF0,
        }
    }

    fn step(&mut self, step: u8, input: &mut Input<'_>) {
        match step % 10 {
            0 => {
                let (chunk_kind, flags) = (input.next(), input.next());
                let value = input.take();
                self.say(|packet| {
                    packet.chunk(chunk_kind, flags, |body| body.put(value));
                });
            }
            1..=3 => {
                let (offset, flags) = (input.next() % 32, input.next());
                let header = DataHeader {
                    unordered: flags & 4 != 0,
                    beginning: flags & 2 != 0,
                    ending: flags & 1 != 0,
                    tsn: self.our_tsn.wrapping_add(offset.into()),
                    stream: u16::from(flags >> 6),
                    ssn: u16::from(flags >> 3 & 7),
                    ppid: 53,
                };
                let payload = vec![7; usize::from(input.next()) * 4];
                self.say(|packet| {
                    packet.data(&header, &payload);
                });
            }
            4 => {
                let acknowledged = self.machine_tsn.wrapping_sub((input.next() % 32).into());
                let window = u32::from(input.next()) * 256;
                let gaps = input.take();
                self.say(|packet| {
                    packet.chunk(kind::SACK, 0, |body| {
                        body.put_u32(acknowledged);
                        body.put_u32(window);
                        body.put_u16(gaps.len() as u16 / 2);
                        body.put_u16(0);
                        for gap in gaps.chunks_exact(2) {
                            body.put_u16(gap[0].into());
                            body.put_u16(u16::from(gap[0]) + u16::from(gap[1] % 16));
                        }
                    });
                });
            }
            5 => {
                let tsn = self.our_tsn.wrapping_add((input.next() % 32).into());
                let skipped = input.take();
                self.our_tsn = tsn;
                self.say(|packet| {
                    packet.chunk(kind::FORWARD_TSN, 0, |body| {
                        body.put_u32(tsn);
                        for entry in skipped.chunks_exact(2) {
                            body.put_u16(u16::from(entry[0] & 3));
                            body.put_u16(entry[1].into());
                        }
                    });
                });
            }
            6 => {
                let last = self.our_tsn.wrapping_add((input.next() % 8).into()).wrapping_sub(1);
                let sequence = self.requests;
                self.requests = sequence.wrapping_add(u32::from(input.next() & 1));
                self.say(|packet| {
                    packet.chunk(kind::RE_CONFIG, 0, |body| {
                        let fields = [sequence, 0, last].map(u32::to_be_bytes).concat();
                        body.put_parameter(13, &[&fields, &[0, 0, 0, 1]]);
                    });
                });
            }
            7 => {
                self.now += Duration::from_millis(u64::from(input.next()) * 8);
                self.machine.handle_timeout(self.now);
            }
            8 => {
                let argument = u64::from(input.next());
                let data = Bytes::from(vec![7; 1 + usize::from(input.next()) * 16]);
                let _ = self.machine.send(argument as u16 & 3, 53, data, options(argument));
            }
            _ => {
                let _ = self.machine.reset_streams(&[u16::from(input.next() & 3)]);
            }
        }
    }

    fn say(&mut self, build: impl FnOnce(&mut PacketWriter<'_>)) {
        let mut buf = [0; 2000];
        let mut packet = PacketWriter::new(&mut buf, 5000, 5000, self.tag).expect("it fits");
        build(&mut packet);
        let len = packet.finish();
        self.machine.handle_body(self.now, &mut buf[..len]);
    }

    /// Takes all that the machine has to say; that must end, and leave it quiet.
    fn drain(&mut self) {
        let mut buf = [0; 1500];
        let mut packets = 0;
        while let Some(len) = self.machine.write_body(self.now, &mut buf, Headroom::NONE) {
            packets += 1;
            assert!(packets < 10_000, "a drain that does not end");
            let bytes = &buf[..len];
            assert!(verify_checksum(&mut bytes.to_vec()));
            let packet = Packet::parse(bytes).expect("ours are well formed");
            for chunk in packet.chunks().map(|chunk| chunk.expect("ours are well formed")) {
                if let Some(data) = Data::parse(&chunk).filter(|_| chunk.kind() == kind::DATA) {
                    self.machine_tsn = data.tsn;
                }
            }
        }
        while let Some(event) = self.machine.poll_event() {
            if let Event::Message { data, .. } = event {
                assert!(data.len() <= 32 * 1024, "larger than we accept");
            }
        }
        let due = self.machine.poll_timeout();
        if due.is_some_and(|due| due <= self.now) {
            self.machine.handle_timeout(self.now);
        }
    }
}

/// Bytes as small numbers.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn next(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    fn take(&mut self) -> &'a [u8] {
        let len = usize::from(self.next()).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }
}

fn channels(seed: u8) -> DataChannels {
    let mut config = ChannelConfig::new().with_max_channels(16).with_max_label_bytes(1000);
    config.association.initial_tsn = Some(0xFFFF_FFF0);
    DataChannels::new(config, Rng::from_seed([seed; 32]))
}

fn nth(channels: &DataChannels, argument: u64) -> Option<ChannelId> {
    let count = channels.channels().count().max(1);
    channels.channels().nth(argument as usize % count)
}

/// A script for data channels whose peer is an association that sends the script's own bytes as
/// messages of every kind.
pub fn data_channels(script: &[u8]) {
    let messages: Vec<Vec<u8>> = script.chunks(24).take(64).map(<[u8]>::to_vec).collect();
    let laws = Laws::of(|| {
        let mut machine = channels(1);
        machine.connect();
        standalone(machine, PEER)
    })
    .against(move || {
        let mut peer = association(2);
        for (number, message) in (0u16..).zip(&messages) {
            // The first byte tells the kind, so that the second one is free to be a type of DCEP.
            let ppid = 50 + u32::from(message[0] % 9);
            let data = Bytes::copy_from_slice(message.get(1..).unwrap_or_default());
            let _ = peer.send(number % 8, ppid, data, SendOptions::default());
        }
        standalone(peer, MACHINE)
    })
    .verb(|channels, _, argument| {
        channels
            .inner
            .set_role(if argument & 1 == 0 { Parity::Even } else { Parity::Odd });
    })
    .verb(|channels, _, argument| {
        let mut init = ChannelInit::new("ours").with_reliability(options(argument).reliability);
        init.negotiated = argument.is_multiple_of(3).then_some((argument >> 8) as u16 % 12);
        init.ordered = argument & 1 == 0;
        let _ = channels.inner.open(init);
    })
    .verb(|channels, _, argument| {
        if let Some(channel) = nth(&channels.inner, argument) {
            let _ = channels.inner.send(channel, vec![7; (argument >> 8) as usize % 3000]);
        }
    })
    .verb(|channels, _, argument| {
        if let Some(channel) = nth(&channels.inner, argument) {
            channels.inner.close_channel(channel);
        }
    });
    crate::run(&laws, script);
}
