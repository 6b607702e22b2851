//! The target of frames in `pollrtc-media`.

use std::time::Duration;

use pollrtc_core::Instant;
use pollrtc_media::{Frames, FramesConfig};
use pollrtc_rtp::payload::{DepacketizerLimits, H265DecodingOrder, PayloadFormat};
use pollrtc_rtp::{Extension, ExtensionMap, Format, Origin, Pool, RtpPacket, Source, StreamKey, Via};

const FORMATS: [PayloadFormat; 7] = [
    PayloadFormat::Whole,
    PayloadFormat::Vp8,
    PayloadFormat::Vp9,
    PayloadFormat::H264,
    PayloadFormat::H265(H265DecodingOrder::AsSent),
    PayloadFormat::Av1,
    PayloadFormat::Opaque,
];
const PACKETS: usize = 16;
const LONGEST_FRAME: usize = 2_000;

/// A script of steps: a byte of flags, one that says how numbers and time go on, one of length, then a packet behind its
/// fixed header. Whatever comes in whichever order, frames come out in order, and no more is held than may be.
pub fn frames(script: &[u8]) {
    let config = FramesConfig {
        patience: Duration::from_millis(100),
        packets: PACKETS,
        limits: DepacketizerLimits {
            frame_bytes: LONGEST_FRAME,
            waiting_frames: 2,
        },
    };
    let mut frames = Frames::new(FORMATS, config);
    let mut extensions = ExtensionMap::new();
    extensions.insert(1, Extension::DependencyDescriptor);
    // One more is held while another one is taken.
    let mut pool = Pool::new(PACKETS + 2);
    let (mut index, mut timestamp, mut now) = (65_500_u64, 0_u32, Instant::from_millis(1_000));
    let (mut inserted, mut came) = (0_u64, 0_u64);
    let mut rest = script;
    while let [flags, ahead, len, behind @ ..] = rest {
        let (body, behind) = behind.split_at(behind.len().min(usize::from(*len)));
        rest = behind;
        index = match flags >> 6 {
            0 => index.saturating_sub(u64::from(*ahead)),
            1 => index + u64::from(*ahead) * 5_000,
            _ => index + u64::from(*ahead % 4),
        };
        timestamp = timestamp.wrapping_add(u32::from(flags >> 4 & 1));
        now += Duration::from_millis(u64::from(*ahead) / 8);
        let [high, low] = (index as u16).to_be_bytes();
        let first = 0x80 | (flags >> 1 & 0x10);
        let mut bytes = vec![first, 96 | (flags << 7), high, low];
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(body);
        let origin = Origin {
            source: Source {
                stream: StreamKey(1),
                index,
            },
            arrived: now,
            format: Format(flags >> 1 & 7),
            via: Via::Media,
        };
        if let Ok(packet) = RtpPacket::parse(&bytes, &extensions, origin) {
            let shared = pool.share(&packet).expect("no more are held than may be");
            frames.insert(now, &shared);
            inserted += 1;
        }
        assert!(frames.held_packets() <= PACKETS);
        if *ahead != 255 {
            came += take(&mut frames, now);
        }
    }
    frames.handle_end();
    came += take(&mut frames, now);
    assert_eq!(frames.held_packets(), 0);
    let stats = frames.stats();
    let dropped = stats.late_packets + stats.unclaimed_packets + stats.unknown_packets;
    assert!(dropped <= inserted && came + stats.broken_frames <= stats.depacketizer.frames);
    assert!(stats.depacketizer.frames <= 2 * inserted + 1);
}

fn take(frames: &mut Frames, now: Instant) -> u64 {
    let mut count = 0;
    while let Some(frame) = frames.poll_frame(now) {
        assert!(!frame.bytes.is_empty() && frame.bytes.len() <= LONGEST_FRAME);
        assert!(usize::from(frame.format.0) < FORMATS.len());
        count += 1;
    }
    // What is waited for has a time at which it is given up.
    assert_eq!(frames.poll_timeout().is_some(), frames.held_packets() > 0);
    count
}
