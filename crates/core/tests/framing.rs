//! Frames are found however a stream was cut into reads.

use pollrtc_core::{Deframer, Framing, FramingError};
use quickcheck::quickcheck;

/// Puts reads of these sizes, in turn, through a deframer with this much room.
fn read_by(framing: Framing, room: usize, stream: &[u8], sizes: &[usize]) -> Result<Vec<Vec<u8>>, FramingError> {
    let mut deframer = Deframer::new(framing, vec![0; room]);
    let (mut frames, mut rest) = (Vec::new(), stream);
    let mut sizes = sizes.iter().chain([&usize::MAX]).cycle();
    while !rest.is_empty() {
        let space = deframer.space();
        assert!(!space.is_empty(), "there is room for the frame that began");
        let len = sizes
            .next()
            .map_or(1, |size| *size)
            .clamp(1, space.len())
            .min(rest.len());
        let (read, behind) = rest.split_at(len);
        space[..len].copy_from_slice(read);
        deframer.filled(len);
        rest = behind;
        while let Some(frame) = deframer.next_frame()? {
            frames.push(frame.to_vec());
        }
    }
    Ok(frames)
}

/// The frames as a driver writes them.
fn write(framing: Framing, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for frame in frames {
        let around = framing.delimiters(frame).expect("a frame");
        stream.extend([around.before(), frame, around.behind()].concat());
    }
    stream
}

/// A STUN message, or ChannelData, with this many bytes behind its header.
fn self_delimiting(is_message: bool, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u16).to_be_bytes();
    match is_message {
        true => [&[0, 1], &length[..], &[0x21, 0x12, 0xa4, 0x42], &[7; 12], body].concat(),
        false => [&[0x40, 0x01], &length[..], body].concat(),
    }
}

#[test]
fn messages_and_channel_data_share_a_stream() {
    // RFC 8656 §12.5: ChannelData is padded, messages have no need.
    let frames = [
        self_delimiting(true, &[0; 8]),
        self_delimiting(false, b"a"),
        self_delimiting(false, b"four"),
        self_delimiting(true, &[]),
    ];
    let stream = write(Framing::Stun, &frames);
    assert_eq!(stream.len(), 28 + 8 + 8 + 20);
    for size in 1..=stream.len() {
        assert_eq!(
            read_by(Framing::Stun, 64, &stream, &[size]).unwrap(),
            frames,
            "by {size}"
        );
    }
}

#[test]
fn a_frame_of_no_bytes_says_nothing() {
    let frames = read_by(Framing::Rfc4571, 8, &[0, 0, 0, 1, b'x', 0, 0], &[1]);
    assert_eq!(frames.unwrap(), [b"x"]);
    assert_eq!(Framing::Rfc4571.delimiters(b""), None);
}

#[test]
fn a_frame_longer_than_the_buffer_ends_the_stream() {
    let error = read_by(Framing::Rfc4571, 100, &[0, 99], &[2]).unwrap_err();
    assert_eq!(error, FramingError::TooLong { len: 101, room: 100 });
    assert_eq!(error.to_string(), "a frame of 101 bytes, where 100 is the most");
    // So does a buffer that can't even take a length.
    let error = read_by(Framing::Rfc4571, 1, &[0, 9, 1], &[1]).unwrap_err();
    assert_eq!(error, FramingError::TooLong { len: 2, room: 1 });
    // It stays so: nothing behind it can be found.
    let mut deframer = Deframer::new(Framing::Rfc4571, [0; 2]);
    deframer.space().copy_from_slice(&[0, 1]);
    deframer.filled(2);
    assert!(deframer.next_frame().is_err());
    assert!(deframer.next_frame().is_err());
}

#[test]
fn what_is_neither_message_nor_channel_data_ends_the_stream() {
    let error = read_by(Framing::Stun, 100, b"\x16\x03\x01", &[3]);
    assert_eq!(error.unwrap(), Vec::<Vec<u8>>::new()); // three bytes may still become a message
    let error = read_by(Framing::Stun, 100, &[0x80], &[1]).unwrap_err();
    assert_eq!(error, FramingError::Lost { first: 0x80 });
}

#[test]
fn what_does_not_delimit_itself_is_not_framed() {
    assert_eq!(Framing::Stun.delimiters(b"\x16\xfe\xfd a record"), None);
    assert_eq!(Framing::Stun.delimiters(&self_delimiting(true, b"1234")[..23]), None);
    assert_eq!(Framing::Stun.delimiters(&[0x80; 8]), None);
    assert_eq!(Framing::Rfc4571.delimiters(&[0; 65_536]), None);
}

#[test]
fn cutting_allocates_nothing() {
    let stream = write(Framing::Rfc4571, &[vec![1; 30], vec![2; 40]]);
    let mut deframer = Deframer::new(Framing::Rfc4571, [0; 64]);
    let mut found = 0;
    let counted = allocation_counter::measure(|| {
        for byte in &stream {
            deframer.space()[0] = *byte;
            deframer.filled(1);
            while let Some(frame) = deframer.next_frame().unwrap() {
                found += frame.len();
            }
        }
    });
    assert_eq!((counted.count_total, found, deframer.pending()), (0, 70, 0));
}

quickcheck! {
    /// For every list of frames and every way of cutting the stream into reads: the frames come out.
    fn every_cut_gives_the_same_frames(frames: Vec<Vec<u8>>, sizes: Vec<usize>) -> bool {
        let frames: Vec<_> = frames.into_iter().filter(|frame| !frame.is_empty()).collect();
        let stream = write(Framing::Rfc4571, &frames);
        let sizes: Vec<_> = sizes.iter().map(|size| size % 50).collect();
        read_by(Framing::Rfc4571, 600, &stream, &sizes).unwrap() == frames
    }

    /// The same for frames that delimit themselves.
    fn every_cut_gives_the_same_messages(bodies: Vec<(bool, Vec<u8>)>, sizes: Vec<usize>) -> bool {
        let frames: Vec<_> = bodies.iter().map(|(is_message, body)| self_delimiting(*is_message, body)).collect();
        let stream = write(Framing::Stun, &frames);
        let sizes: Vec<_> = sizes.iter().map(|size| size % 50).collect();
        read_by(Framing::Stun, 600, &stream, &sizes).unwrap() == frames
    }
}
