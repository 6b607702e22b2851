//! Targets of the payload formats and of the dependency descriptor in `pollrtc-rtp`.

use pollrtc_rtp::Patch;
use pollrtc_rtp::dependency_descriptor::{DependencyDescriptor, DescriptorReader};
use pollrtc_rtp::payload::{
    Av1Packetizer, Av1Payload, Depacketizer, DepacketizerLimits, FrameMarks, H264Mode, H264Packetizer, H264Payload,
    H265DecodingOrder, H265Packetizer, H265Payload, Layer, OpaquePacketizer, OpusToc, Packetize, PacketizeError,
    PayloadFormat, PayloadPacket, PictureId, Vp8Descriptor, Vp8Packetizer, Vp8Payload, Vp9Descriptor, Vp9Packetizer,
    Vp9Payload, WholePacketizer, apply_patch,
};

/// Longer frames are dropped.
const LONGEST_FRAME: usize = 2_000;

/// The first byte picks a format, and the second how long its payloads may be. Then come packets: a byte of flags, one
/// of length, a payload. Frames that come out are packetized, and come out again.
pub fn rtp_payload(data: &[u8]) {
    let [format, limit, packets @ ..] = data else { return };
    let format = match format % 8 {
        0 => PayloadFormat::Vp8,
        1 => PayloadFormat::Vp9,
        2 => PayloadFormat::H264,
        3 => PayloadFormat::H265(H265DecodingOrder::AsSent),
        4 => PayloadFormat::H265(H265DecodingOrder::Numbered),
        5 => PayloadFormat::Av1,
        6 => PayloadFormat::Opaque,
        _ => PayloadFormat::Whole,
    };
    let limit = 20 + usize::from(*limit);
    let limits = DepacketizerLimits {
        frame_bytes: LONGEST_FRAME,
        waiting_frames: 3,
    };
    let mut depacketizer = Depacketizer::new(format, limits);
    let (mut sequence_number, mut timestamp) = (65_500_u16, 0_u32);
    let (mut rest, mut frames, mut count) = (packets, 0, 0);
    while let [flags, len, behind @ ..] = rest {
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        rest = behind;
        read_payload(payload);
        let flag = |bit: u8| flags >> bit & 1 == 1;
        sequence_number = sequence_number.wrapping_add(if flag(1) { u16::from(flags >> 6) * 9_999 } else { 1 });
        timestamp = timestamp.wrapping_add(u32::from(flag(2)));
        depacketizer.handle_packet(PayloadPacket {
            sequence_number,
            timestamp,
            marker: flag(0),
            payload,
            marks: flag(3).then_some(FrameMarks {
                starts_frame: flag(4),
                ends_frame: flag(5),
                is_keyframe: flag(6),
                layer: Layer::default(),
            }),
        });
        count += 1;
        if flag(7) {
            continue; // nobody takes frames
        }
        while let Some(frame) = depacketizer.poll_frame() {
            frames += 1;
            assert!((1..=LONGEST_FRAME).contains(&frame.bytes.len()));
            comes_back(format, frame.bytes, limit);
        }
    }
    let stats = depacketizer.stats();
    let dropped = stats.incomplete_frames + stats.malformed_frames + stats.long_frames;
    assert!(frames <= stats.frames);
    // A packet ends two frames at most, the one before it and its own.
    assert!(stats.frames + dropped <= 2 * count);
    assert!(stats.late_packets <= count);
    // Callers' frames need not be well-formed either.
    comes_back(format, packets, limit);
}

/// Bytes through every view: what it says lies within, and renumbering changes numbers alone.
fn read_payload(payload: &[u8]) {
    if let Ok(toc) = OpusToc::parse(payload) {
        assert!((120..=5_760).contains(&toc.samples()));
    }
    if let Ok(aggregate) = H264Payload::parse(payload) {
        aggregate.starts_keyframe();
        if let H264Payload::Aggregate(units) = aggregate {
            assert!(units.nal_units().map(|unit| unit.len() + 2).sum::<usize>() < payload.len());
        }
    }
    for order in [H265DecodingOrder::AsSent, H265DecodingOrder::Numbered] {
        let Ok(parsed) = H265Payload::parse(payload, order) else {
            continue;
        };
        parsed.starts_keyframe();
        assert!(parsed.layer().spatial < 64 && parsed.layer().temporal < 7);
        if let H265Payload::Aggregate(units) = parsed {
            assert!(units.nal_units().map(|unit| unit.body.len() + 4).sum::<usize>() < payload.len());
        }
    }
    if let Ok(parsed) = Av1Payload::parse(payload) {
        parsed.starts_keyframe();
        parsed.layer();
        assert!(parsed.elements().map(<[u8]>::len).sum::<usize>() < payload.len());
    }
    let mut renumbered = payload.to_vec();
    if let Ok(before) = Vp8Payload::parse(payload) {
        before.resolution();
        let patch = Patch::Vp8 {
            picture_id: 0x7fff,
            tl0_picture_index: 1,
            key_index: 2,
        };
        apply_patch(&mut renumbered, patch).expect("it is well-formed");
        let after = Vp8Payload::parse(&renumbered).expect("it still is");
        assert_eq!((after.layer(), after.bytes), (before.layer(), before.bytes));
        assert_eq!(
            after.descriptor.tl0_picture_index.is_some(),
            before.descriptor.tl0_picture_index.is_some()
        );
    }
    renumbered.copy_from_slice(payload);
    if let Ok(before) = Vp9Payload::parse(payload) {
        if let Some(structure) = before.descriptor.scalability {
            let parts = 4 * structure.resolutions().count() + structure.pictures().count();
            assert!(parts < payload.len());
        }
        apply_patch(&mut renumbered, Patch::Vp9 { picture_id: 0x7fff }).expect("it is well-formed");
        let after = Vp9Payload::parse(&renumbered).expect("it still is");
        assert_eq!(
            (after.descriptor.layer, after.bytes),
            (before.descriptor.layer, before.bytes)
        );
        let number = after.descriptor.picture_id.map(PictureId::value);
        assert!(number.is_none_or(|number| number == 0x7fff || number == 0x7f));
    }
}

/// A frame is packetized and comes out; what came out is packetized and comes out the same.
fn comes_back(format: PayloadFormat, frame: &[u8], limit: usize) {
    let Some(first) = there_and_back(format, frame, limit) else {
        return;
    };
    if !first.is_empty() {
        assert_eq!(
            there_and_back(format, &first, limit).as_ref(),
            Some(&first),
            "{format:?}"
        );
    }
}

/// What a depacketizer makes of what a packetizer makes of a frame; `None` if that refuses the frame. Nothing at all
/// comes out of a frame that has nothing to send.
fn there_and_back(format: PayloadFormat, frame: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut packetizer = packetizer(format, frame, limit).ok()?;
    let format = match format {
        PayloadFormat::H265(_) => PayloadFormat::H265(H265DecodingOrder::AsSent),
        other => other,
    };
    let mut depacketizer = Depacketizer::new(format, DepacketizerLimits::default());
    let mut buf = vec![0; limit];
    let (mut sequence_number, mut sent) = (0_u16, 0);
    while let Some(written) = packetizer.write_payload(&mut buf).expect("the buffer is long enough") {
        assert!((1..=limit).contains(&written.len));
        sent += written.len;
        depacketizer.handle_packet(PayloadPacket {
            sequence_number,
            timestamp: 0,
            marker: written.marker,
            payload: &buf[..written.len],
            marks: Some(FrameMarks {
                starts_frame: written.starts_frame,
                ends_frame: written.ends_frame,
                ..FrameMarks::default()
            }),
        });
        sequence_number = sequence_number.wrapping_add(1);
    }
    // No byte of a frame is sent twice, and headers have six bytes at most, beside sizes of up to three.
    assert!(sent <= 4 * frame.len() + 9 * usize::from(sequence_number) + 16);
    let frame = depacketizer.poll_frame().map(|frame| frame.bytes.to_vec());
    assert_eq!(frame.is_some(), sequence_number > 0, "{:?}", depacketizer.stats());
    Some(frame.unwrap_or_default())
}

fn packetizer<'f>(
    format: PayloadFormat,
    frame: &'f [u8],
    limit: usize,
) -> Result<Box<dyn Packetize + 'f>, PacketizeError> {
    Ok(match format {
        PayloadFormat::Vp8 => Box::new(Vp8Packetizer::new(frame, Vp8Descriptor::default(), limit)?),
        PayloadFormat::Vp9 => Box::new(Vp9Packetizer::new(frame, Vp9Descriptor::default(), limit)?),
        PayloadFormat::H264 => Box::new(H264Packetizer::new(frame, H264Mode::NonInterleaved, limit)?),
        PayloadFormat::H265(_) => Box::new(H265Packetizer::new(frame, limit)?),
        PayloadFormat::Av1 => Box::new(Av1Packetizer::new(frame, limit)?),
        PayloadFormat::Opaque => Box::new(OpaquePacketizer::new(frame, limit)?),
        _ => Box::new(WholePacketizer::new(frame, limit)?),
    })
}

/// Descriptors of one stream, each behind a byte of length: what is read can be written with the structure of the
/// stream, in no more bytes, and is read the same.
pub fn dependency_descriptor(data: &[u8]) {
    let mut reader = DescriptorReader::new();
    let (mut rest, mut index) = (data, 1_000);
    while let [len, behind @ ..] = rest {
        let (bytes, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        rest = behind;
        index += 1;
        let Ok(descriptor) = reader.read(index, bytes) else {
            continue;
        };
        let structure = reader.structure().expect("there is one, or nothing could be read");
        assert!((1..=64).contains(&structure.templates()) && (1..=32).contains(&structure.decode_targets()));
        assert!(structure.chains() <= structure.decode_targets());
        assert_eq!(reader.active_decode_targets() & !structure.all_decode_targets(), 0);
        for target in 0..structure.decode_targets() {
            assert!(structure.decode_target_layer(target).is_some());
            let chain = structure.protected_by(target);
            assert_eq!(chain.is_some(), structure.chains() > 0);
            assert!(chain.is_none_or(|chain| usize::from(chain) < structure.chains()));
        }
        assert_eq!(
            structure
                .template(descriptor.template_id)
                .map(|template| template.layer),
            Some(descriptor.dependencies.layer)
        );
        let mut buf = [0; 255];
        let len = descriptor.write(structure, &mut buf).expect("it came in no more bytes");
        assert!(len <= bytes.len(), "{len} bytes of {}", bytes.len());
        assert_eq!(
            DependencyDescriptor::parse(&buf[..len], Some(structure)),
            Ok(descriptor)
        );
        let best = structure
            .best_template(&descriptor.dependencies)
            .expect("one has its layer");
        let shortest = DependencyDescriptor {
            template_id: best,
            ..descriptor
        };
        assert!(shortest.write(structure, &mut buf).expect("it is no longer") <= len);
        // An older packet changes nothing.
        let before = reader.clone();
        assert_eq!(reader.read(index - 1, bytes), Ok(descriptor));
        assert_eq!(reader.structure(), before.structure());
        assert_eq!(reader.active_decode_targets(), before.active_decode_targets());
    }
}
