//! Frames on a stream: cut out of what was read, and delimited where they are written.

/// How frames are delimited on a stream. Who opens a stream says it; a listener has one of its own.
///
/// ```
/// # use pollrtc_core::Framing;
/// let around = Framing::Rfc4571.delimiters(b"hello").unwrap();
/// assert_eq!(around.before(), [0, 5]); // then the frame
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// Each frame has its length in front, in two bytes (RFC 4571 §2). The driver writes and strips them.
    Rfc4571,
    /// STUN messages and ChannelData delimit themselves; the latter are padded to a multiple of four bytes
    /// (RFC 8656 §12.5). The driver writes and strips the padding.
    Stun,
}

/// What goes on a stream before and behind one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    length: Option<[u8; 2]>,
    padding: usize,
}

impl Delimiters {
    /// The bytes before the frame.
    pub fn before(&self) -> &[u8] {
        self.length.as_ref().map_or(&[], |length| length)
    }

    /// The bytes behind the frame.
    pub fn behind(&self) -> &'static [u8] {
        const ZEROS: [u8; 3] = [0; 3];
        ZEROS.get(..self.padding).unwrap_or_default()
    }
}

impl Framing {
    /// What to write around a frame; `None` if it can't go on a stream with this framing: it is empty, too long, or
    /// does not delimit itself.
    ///
    /// ```
    /// use pollrtc_core::Framing;
    /// let around = Framing::Rfc4571.delimiters(b"hello").unwrap();
    /// assert_eq!((around.before(), around.behind()), (&[0, 5][..], &[][..]));
    /// let channel_data = [0x40, 0x01, 0, 1, b'x'];
    /// assert_eq!(Framing::Stun.delimiters(&channel_data).unwrap().behind(), [0, 0, 0]);
    /// ```
    pub fn delimiters(self, frame: &[u8]) -> Option<Delimiters> {
        match self {
            Self::Rfc4571 => Some(Delimiters {
                length: Some(u16::try_from(frame.len()).ok().filter(|len| *len > 0)?.to_be_bytes()),
                padding: 0,
            }),
            Self::Stun => match self.measure(frame) {
                Ok(Some(Extent { prefix, len, padding })) if prefix + len == frame.len() => {
                    Some(Delimiters { length: None, padding })
                }
                _ => None,
            },
        }
    }

    /// How far the frame reaches that begins where `bytes` do; `None` if too little is there to tell.
    fn measure(self, bytes: &[u8]) -> Result<Option<Extent>, FramingError> {
        let stun = |header: usize, length: [u8; 2]| header + usize::from(u16::from_be_bytes(length));
        let extent = match (self, bytes) {
            (Self::Rfc4571, &[l0, l1, ..]) => Extent {
                prefix: 2,
                len: stun(0, [l0, l1]),
                padding: 0,
            },
            // RFC 8489 §5: the two highest bits of a message are zero; its length leaves out the header.
            (Self::Stun, &[0..=0x3f, _, l0, l1, ..]) => Extent {
                prefix: 0,
                len: stun(20, [l0, l1]),
                padding: 0,
            },
            // RFC 8656 §12: channel numbers begin at 0x4000; what is above 0x4fff is reserved, and delimited alike.
            (Self::Stun, &[0x40..=0x7f, _, l0, l1, ..]) => {
                let len = stun(4, [l0, l1]);
                Extent {
                    prefix: 0,
                    len,
                    padding: len.next_multiple_of(4) - len,
                }
            }
            (Self::Stun, &[first @ 0x80..=0xff, ..]) => return Err(FramingError::Lost { first }),
            _ => return Ok(None),
        };
        Ok(Some(extent))
    }
}

/// How far one frame reaches.
#[derive(Clone, Copy)]
struct Extent {
    prefix: usize,
    len: usize,
    padding: usize,
}

/// Why a stream can't be read on: close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// A frame is longer than the buffer.
    TooLong {
        /// How many bytes it has, delimiters included.
        len: usize,
        /// How many the buffer takes.
        room: usize,
    },
    /// Where a frame should begin is something else.
    Lost {
        /// The first byte there.
        first: u8,
    },
}

impl core::fmt::Display for FramingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong { len, room } => write!(f, "a frame of {len} bytes, where {room} is the most"),
            Self::Lost { first } => write!(f, "neither STUN nor ChannelData begins with {first:#04x}"),
        }
    }
}

impl core::error::Error for FramingError {}

/// Cuts what is read from a stream into frames, in a buffer of the caller's: several frames in one read, and a frame
/// over several reads. Allocates nothing.
///
/// The longest frame that it can take is as long as the buffer, delimiters included; 65,537 bytes are enough for any
/// with a length in front.
///
/// ```
/// use pollrtc_core::{Deframer, Framing};
///
/// let mut deframer = Deframer::new(Framing::Rfc4571, [0; 1500]);
/// let mut frames = Vec::new();
/// for read in [&[0, 2, b'h'][..], &[b'i', 0, 3, b'y', b'o', b'u', 0]] {
///     deframer.space()[..read.len()].copy_from_slice(read); // as a socket's read does
///     deframer.filled(read.len());
///     while let Some(frame) = deframer.next_frame()? {
///         frames.push(frame.to_vec());
///     }
/// }
/// assert_eq!(frames, [&b"hi"[..], b"you"]);
/// # Ok::<(), pollrtc_core::FramingError>(())
/// ```
#[derive(Debug)]
pub struct Deframer<B> {
    framing: Framing,
    buffer: B,
    /// What was read and not taken lies between these two.
    begin: usize,
    end: usize,
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Deframer<B> {
    /// A deframer for a stream that begins now.
    pub const fn new(framing: Framing, buffer: B) -> Self {
        Self {
            framing,
            buffer,
            begin: 0,
            end: 0,
        }
    }

    /// Where to put what is read next. It is never empty once [`next_frame`](Self::next_frame) gave `None`.
    pub fn space(&mut self) -> &mut [u8] {
        let buffer = self.buffer.as_mut();
        if self.begin > 0 {
            buffer.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// Tells that the first `len` bytes of [`space`](Self::space) were filled.
    pub fn filled(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.buffer.as_ref().len());
    }

    /// The next frame that is there whole, without its delimiters.
    ///
    /// # Errors
    ///
    /// If what comes next is no frame, or none that the buffer can take: then nothing behind it can be read either.
    pub fn next_frame(&mut self) -> Result<Option<&mut [u8]>, FramingError> {
        loop {
            let room = self.buffer.as_ref().len();
            let bytes = self.buffer.as_ref().get(self.begin..self.end).unwrap_or_default();
            let Some(Extent { prefix, len, padding }) = self.framing.measure(bytes)? else {
                // Not even what tells the length would fit.
                let len = bytes.len() + 1;
                return if len > room {
                    Err(FramingError::TooLong { len, room })
                } else {
                    Ok(None)
                };
            };
            let whole = prefix + len + padding;
            if whole > room {
                return Err(FramingError::TooLong { len: whole, room });
            }
            if whole > bytes.len() {
                return Ok(None);
            }
            let begin = self.begin + prefix;
            self.begin += whole;
            // RFC 4571 §2 allows a frame of no bytes, which says nothing.
            if len > 0 {
                return Ok(self.buffer.as_mut().get_mut(begin..begin + len));
            }
        }
    }

    /// How many bytes of a frame that is not whole yet are there.
    pub const fn pending(&self) -> usize {
        self.end - self.begin
    }
}
