//! Packets are lost, come twice, and come late; senders forget markers. What comes out are frames that went in.

use pollrtc_rtp::payload::{FrameMarks, PayloadFormat, PayloadPacket};
use quickcheck::quickcheck;

use crate::common::{Stream, noise, payloads};
use crate::frames::{FORMATS, frame, packetizer};

/// What becomes of packets, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// It comes behind the next one.
    Late,
}

/// How packets travel.
#[derive(Clone, Copy, Debug)]
struct Link {
    format: PayloadFormat,
    has_markers: bool,
    has_descriptors: bool,
    /// One packet in so many is not just delivered; 0 if all are.
    one_in: u8,
}

/// Sends twenty frames; which ones came out, by number. Panics if anything else did.
fn came_out(link: Link, seed: u32) -> Vec<usize> {
    let sizes = noise(20, seed);
    let frames: Vec<Vec<u8>> = (1..)
        .zip(&sizes)
        .map(|(number, size)| {
            frame(
                link.format,
                10 + 4 * usize::from(*size),
                150 + 7 * number,
                seed ^ number as u32,
            )
        })
        .collect();
    let packets = (0..).zip(&frames).flat_map(|(timestamp, frame)| {
        let limit = if link.format == PayloadFormat::Whole {
            1_200
        } else {
            200
        };
        let sent = payloads(packetizer(link.format, frame, limit).as_mut(), limit);
        sent.into_iter().map(move |one| (timestamp, one))
    });
    let mut dice = noise(4_000, !seed).into_iter();
    let mut roll = || match dice.next().unwrap_or_default().checked_rem(link.one_in) {
        Some(0) => [Fate::Lost, Fate::Twice, Fate::Late][usize::from(dice.next().unwrap_or_default() % 3)],
        _ => Fate::Arrives,
    };
    let mut arrivals = Vec::new();
    let mut late = None;
    for (sequence_number, (timestamp, sent)) in (65_500_u16..=u16::MAX).chain(0..).zip(packets) {
        let packet = (sequence_number, timestamp, sent);
        match roll() {
            Fate::Arrives => arrivals.push(packet),
            Fate::Lost => {}
            Fate::Twice => arrivals.extend([packet.clone(), packet]),
            Fate::Late if late.is_none() => {
                late = Some(packet);
                continue;
            }
            Fate::Late => arrivals.push(packet),
        }
        arrivals.extend(late.take());
    }
    let mut stream = Stream::new(link.format);
    let mut numbers = Vec::new();
    for (sequence_number, timestamp, sent) in &arrivals {
        stream.depacketizer.handle_packet(PayloadPacket {
            sequence_number: *sequence_number,
            timestamp: *timestamp,
            marker: link.has_markers && sent.written.marker,
            payload: &sent.bytes,
            marks: link.has_descriptors.then_some(FrameMarks {
                starts_frame: sent.written.starts_frame,
                ends_frame: sent.written.ends_frame,
                ..FrameMarks::default()
            }),
        });
        while let Some(polled) = stream.poll() {
            let number = polled.timestamp as usize;
            assert_eq!(polled.bytes, frames[number], "{link:?}: frame {number}");
            numbers.push(number);
        }
    }
    assert!(numbers.is_sorted_by(|one, next| one < next), "{link:?}: {numbers:?}");
    numbers
}

#[test]
fn without_loss_all_frames_come_out() {
    for format in FORMATS {
        for (has_markers, has_descriptors) in [(true, true), (true, false), (false, true), (false, false)] {
            let numbers = came_out(
                Link {
                    format,
                    has_markers,
                    has_descriptors,
                    one_in: 0,
                },
                7,
            );
            // Without a marker the last one does not end, and opaque frames show only in a descriptor where the first
            // one begins.
            let ends =
                has_markers || format == PayloadFormat::Whole || format == PayloadFormat::Opaque && has_descriptors;
            let begins = has_descriptors || format != PayloadFormat::Opaque;
            let expected = usize::from(!begins)..20 - usize::from(!ends);
            assert!(numbers.iter().copied().eq(expected), "{format:?}: {numbers:?}");
        }
    }
}

#[test]
fn with_a_little_loss_most_frames_come_out() {
    for format in FORMATS {
        let link = Link {
            format,
            has_markers: true,
            has_descriptors: true,
            one_in: 40,
        };
        let count: usize = (0..20).map(|seed| came_out(link, seed).len()).sum();
        // A frame has three packets, about, and one packet in sixty is lost or late.
        assert!((300..400).contains(&count), "{format:?}: {count} of 400");
    }
}

quickcheck! {
    /// For every loss: what comes out went in, in its order, each frame once at most.
    fn for_every_loss_what_comes_out_went_in(seed: u32, has_markers: bool, has_descriptors: bool, one_in: u8) -> bool {
        FORMATS.into_iter().all(|format| {
            came_out(Link { format, has_markers, has_descriptors, one_in: one_in % 20 }, seed).len() <= 20
        })
    }
}
