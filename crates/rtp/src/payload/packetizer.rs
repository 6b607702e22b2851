//! From frames to payloads: what all packetizers have in common.

/// Makes the payloads of one frame, one after the other.
///
/// ```
/// use pollrtc_rtp::payload::{Packetize, Vp8Descriptor, Vp8Packetizer};
///
/// let frame = [7; 3_000]; // what an encoder made
/// let mut packetizer = Vp8Packetizer::new(&frame, Vp8Descriptor::default(), 1_200)?;
/// let mut buf = [0; 1_500];
/// let mut markers = Vec::new();
/// while let Some(payload) = packetizer.write_payload(&mut buf)? {
///     markers.push(payload.marker); // &buf[..payload.len] is what follows an RTP header
/// }
/// assert_eq!(markers, [false, false, true]);
/// # Ok::<(), pollrtc_rtp::payload::PacketizeError>(())
/// ```
pub trait Packetize {
    /// Writes the next payload to the beginning of `buf`. `None` when the frame has no more.
    ///
    /// No payload is longer than the limit that the packetizer was made with. The bytes of a frame are copied once,
    /// here, and work is linear in them.
    ///
    /// # Errors
    ///
    /// [`PacketizeError::ShortBuffer`] if `buf` is shorter than the limit. The payload is still there to be written.
    fn write_payload(&mut self, buf: &mut [u8]) -> Result<Option<Written>, PacketizeError>;
}

/// One payload that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// How many bytes it has.
    pub len: usize,
    /// Whether it is the first one of its frame.
    pub starts_frame: bool,
    /// Whether it is the last one of its frame.
    pub ends_frame: bool,
    /// The marker bit of its packet (RFC 3550 §5.1). With video it stands on the last packet of a picture.
    pub marker: bool,
}

/// What a caller asked for and can't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketizeError {
    /// Payloads must have more room than their headers take.
    #[error("payloads of {limit} bytes are too short for this format, which needs {least}")]
    Limit {
        /// How long a payload may be.
        limit: usize,
        /// How long it must be allowed to be.
        least: usize,
    },
    /// Something that goes into one packet is too long for it.
    #[error("{len} bytes do not fit into one payload of {limit}, and can't be cut")]
    TooLong {
        /// How long it is.
        len: usize,
        /// How long a payload may be.
        limit: usize,
    },
    /// The frame is not in the form that its format takes: Annex B for H.264 and H.265, OBUs with sizes for AV1.
    #[error("the frame is malformed at byte {0}")]
    Malformed(usize),
    /// The buffer is shorter than a payload may be.
    #[error("a buffer of {len} bytes is too short for payloads of {limit}")]
    ShortBuffer {
        /// How long the buffer is.
        len: usize,
        /// How long a payload may be.
        limit: usize,
    },
}

/// The part of a buffer that a payload may take.
pub(crate) fn room(buf: &mut [u8], limit: usize) -> Result<&mut [u8], PacketizeError> {
    let len = buf.len();
    buf.get_mut(..limit).ok_or(PacketizeError::ShortBuffer { len, limit })
}

/// Writes bytes behind a header of so many; how many there are with it.
pub(crate) fn append(room: &mut [u8], header: usize, bytes: &[u8]) -> Option<usize> {
    let end = header + bytes.len();
    room.get_mut(header..end)?.copy_from_slice(bytes);
    Some(end)
}

/// No datagram has more.
const LONGEST_PAYLOAD: usize = 65_507;

/// A limit that leaves room for at least one byte behind headers of `headers` bytes, and that a datagram can have.
pub(crate) const fn checked_limit(limit: usize, headers: usize) -> Result<usize, PacketizeError> {
    match limit > headers {
        true if limit > LONGEST_PAYLOAD => Ok(LONGEST_PAYLOAD),
        true => Ok(limit),
        false => Err(PacketizeError::Limit {
            limit,
            least: headers + 1,
        }),
    }
}

/// Bytes in the fewest pieces of at most so many, none more than one byte longer than another: a last packet of one
/// byte would cost as much as a full one.
#[derive(Clone, Debug)]
pub(crate) struct Pieces<'f> {
    rest: &'f [u8],
    count: usize,
}

impl<'f> Pieces<'f> {
    pub(crate) const fn new(bytes: &'f [u8], longest: usize) -> Self {
        let longest = if longest == 0 { 1 } else { longest };
        Self {
            rest: bytes,
            count: bytes.len().div_ceil(longest),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'f> Iterator for Pieces<'f> {
    type Item = &'f [u8];

    fn next(&mut self) -> Option<&'f [u8]> {
        let len = self.rest.len().checked_div(self.count)?;
        let longer = usize::from(!self.rest.len().is_multiple_of(self.count));
        let (piece, rest) = self.rest.split_at_checked(len + longer)?;
        self.rest = rest;
        self.count -= 1;
        Some(piece)
    }
}
