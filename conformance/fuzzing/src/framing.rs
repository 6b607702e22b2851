//! Targets of `pollrtc-core` that read bytes.

use pollrtc_core::{Deframer, Framing, FramingError};

/// A stream, cut into reads in two ways: the frames are the same, lie behind each other, and are what is written back.
pub fn deframer(data: &[u8]) {
    let Some((&[kind, room, size], stream)) = data.split_first_chunk::<3>() else {
        return;
    };
    let framing = if kind % 2 == 0 { Framing::Rfc4571 } else { Framing::Stun };
    let room = 1 + usize::from(room) * 16;
    let (whole, end) = frames(framing, room, stream, usize::MAX);
    let (cut, cut_end) = frames(framing, room, stream, 1 + usize::from(size));
    assert_eq!((&whole, end), (&cut, cut_end));

    let mut written = 0;
    for frame in &whole {
        let around = framing.delimiters(frame).expect("it was a frame on this stream");
        written += around.before().len() + frame.len() + around.behind().len();
    }
    assert!(written <= stream.len());
}

/// The frames of a stream, up to where it can't be read on.
fn frames(framing: Framing, room: usize, stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<FramingError>) {
    let mut deframer = Deframer::new(framing, vec![0; room]);
    let (mut frames, mut rest) = (Vec::new(), stream);
    loop {
        loop {
            match deframer.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
        if rest.is_empty() {
            return (frames, None);
        }
        let space = deframer.space();
        let len = size.min(space.len()).min(rest.len());
        assert!(len > 0, "a frame that fits has room");
        let (read, behind) = rest.split_at(len);
        space[..len].copy_from_slice(read);
        deframer.filled(len);
        rest = behind;
    }
}
