//! How frames stand in a stream of bytes.

use pollrtc_core::Framing;

/// Appends a frame to a stream; `false` if it can't be a frame there.
pub(super) fn write(framing: Framing, frame: &[u8], stream: &mut Vec<u8>) -> bool {
    match framing {
        Framing::Stun => {
            let Ok(Some(extent)) = extent_of_stun(frame) else {
                return false;
            };
            if frame.len() != extent.end && frame.len() != extent.padded_end {
                return false;
            }
            stream.extend_from_slice(frame);
            stream.extend(core::iter::repeat_n(0, extent.padded_end - frame.len()));
        }
        _ => {
            let Ok(len) = u16::try_from(frame.len()) else {
                return false;
            };
            stream.extend_from_slice(&len.to_be_bytes());
            stream.extend_from_slice(frame);
        }
    }
    true
}

/// Takes the first frame off a stream; `Ok(None)` if more has to come first.
pub(super) fn take(framing: Framing, stream: &mut Vec<u8>) -> Result<Option<Vec<u8>>, NotAFrame> {
    let extent = match framing {
        Framing::Stun => extent_of_stun(stream)?,
        _ => extent_of_rfc4571(stream),
    };
    let Some(extent) = extent.filter(|extent| stream.len() >= extent.padded_end) else {
        return Ok(None);
    };
    let rest = stream.split_off(extent.padded_end);
    let mut frame = core::mem::replace(stream, rest);
    frame.truncate(extent.end);
    frame.drain(..extent.start);
    Ok(Some(frame))
}

/// What comes can't be frames: the two sides do not speak of the same.
#[derive(Debug)]
pub(super) struct NotAFrame;

/// Where a frame lies in the stream.
struct Extent {
    start: usize,
    end: usize,
    padded_end: usize,
}

/// RFC 4571 §2: a length in front.
fn extent_of_rfc4571(stream: &[u8]) -> Option<Extent> {
    let end = 2 + usize::from(u16_at(stream, 0)?);
    Some(Extent {
        start: 2,
        end,
        padded_end: end,
    })
}

/// RFC 8489 §5 and RFC 8656 §12.4: both have a length in their third and fourth byte. ChannelData is padded on streams
/// (RFC 8656 §12.5).
fn extent_of_stun(stream: &[u8]) -> Result<Option<Extent>, NotAFrame> {
    const STUN_HEADER: usize = 20;
    const CHANNEL_DATA_HEADER: usize = 4;
    let header = match stream.first() {
        Some(0..=63) => STUN_HEADER,
        Some(64..=127) => CHANNEL_DATA_HEADER,
        Some(_) => return Err(NotAFrame),
        None => return Ok(None),
    };
    Ok(u16_at(stream, 2).map(|len| {
        let end = header + usize::from(len);
        Extent {
            start: 0,
            end,
            padded_end: end.next_multiple_of(4),
        }
    }))
}

fn u16_at(stream: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*stream.get(at..)?.first_chunk()?))
}
