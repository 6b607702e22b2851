//! IVF: a header of 32 bytes, then frames with 12 bytes in front of each, all little-endian.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use super::codec::{Codec, Failure};

const MAGIC: &[u8; 4] = b"DKIF";
const HEADER: u16 = 32;
/// The clock of video in RTP.
const CLOCK: u32 = 90_000;
/// In front of each temporal unit of AV1 in a file, and never in RTP.
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0x00];
/// No frame that can be sent is longer.
const LONGEST: u32 = 1 << 26;

pub(crate) struct Writer {
    file: BufWriter<File>,
    codec: Codec,
    frames: u32,
}

impl Writer {
    pub(super) fn new(file: File, codec: Codec) -> Self {
        Self {
            file: BufWriter::new(file),
            codec,
            frames: 0,
        }
    }

    pub(super) fn write(&mut self, at: u64, frame: &[u8]) -> Result<(), Failure> {
        if self.frames == 0 {
            let header = header(self.codec, frame);
            self.file.write_all(&header)?;
        }
        let delimiter: &[u8] = match self.codec {
            Codec::Av1 => &TEMPORAL_DELIMITER,
            _ => &[],
        };
        let len = u32::try_from(delimiter.len() + frame.len())?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(&at.to_le_bytes())?;
        self.file.write_all(delimiter)?;
        self.file.write_all(frame)?;
        self.frames += 1;
        Ok(())
    }

    /// The header tells how many frames there are.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if self.frames > 0 {
            self.file.seek(SeekFrom::Start(24))?;
            self.file.write_all(&self.frames.to_le_bytes())?;
        }
        Ok(self.file.flush()?)
    }
}

fn header(codec: Codec, first: &[u8]) -> Vec<u8> {
    let fourcc = match codec {
        Codec::Vp9 => b"VP90",
        Codec::Av1 => b"AV01",
        _ => b"VP80",
    };
    // RFC 6386 §9.1. Of the others only the stream tells it, where players look anyway.
    let (width, height) = match (codec, first) {
        (Codec::Vp8, [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..]) => (
            u16::from_le_bytes([*w0, *w1]) & 0x3fff,
            u16::from_le_bytes([*h0, *h1]) & 0x3fff,
        ),
        _ => (0, 0),
    };
    let mut header = MAGIC.to_vec();
    header.extend(0_u16.to_le_bytes()); // the version
    header.extend(HEADER.to_le_bytes());
    header.extend(fourcc);
    header.extend(width.to_le_bytes());
    header.extend(height.to_le_bytes());
    header.extend(CLOCK.to_le_bytes());
    header.extend(1_u32.to_le_bytes()); // units of the clock
    header.resize(HEADER.into(), 0);
    header
}

pub(super) struct Reader {
    file: BufReader<File>,
    pub(super) codec: Codec,
    /// Units of time each second, and how many of them one is.
    rate: u32,
    scale: u32,
    first: Option<u64>,
}

impl Reader {
    pub(super) fn new(mut file: BufReader<File>) -> Result<Self, Failure> {
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header)
            .map_err(|_| "the header of IVF is cut off")?;
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let codec = match &header[8..12] {
            b"VP80" => Codec::Vp8,
            b"VP90" => Codec::Vp9,
            b"AV01" => Codec::Av1,
            other => return Err(format!("IVF with {}, not VP80, VP90 or AV01", other.escape_ascii()).into()),
        };
        let len = u16::from_le_bytes([header[6], header[7]]);
        file.seek(SeekFrom::Start(len.max(HEADER).into()))?;
        let (rate, scale) = (word(16), word(20));
        if rate == 0 || scale == 0 {
            return Err("IVF without a time base".into());
        }
        Ok(Self {
            file,
            codec,
            rate,
            scale,
            first: None,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<(Duration, Vec<u8>)>, Failure> {
        let mut header = [0; 12];
        match self.file.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let [l0, l1, l2, l3, time @ ..] = header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]);
        if len > LONGEST {
            return Err(format!("a frame of {len} bytes: the file is damaged").into());
        }
        let at = u64::from_le_bytes(time);
        let mut frame = vec![0; len as usize];
        match self.file.read_exact(&mut frame) {
            // Whoever wrote it was interrupted.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let since = at.saturating_sub(*self.first.get_or_insert(at));
        let nanos = u128::from(since) * u128::from(self.scale) * 1_000_000_000 / u128::from(self.rate);
        let at = Duration::from_nanos(u64::try_from(nanos)?);
        if self.codec == Codec::Av1 && frame.starts_with(&TEMPORAL_DELIMITER) {
            frame.drain(..TEMPORAL_DELIMITER.len());
        }
        Ok(Some((at, frame)))
    }
}
