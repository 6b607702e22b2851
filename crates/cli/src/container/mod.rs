//! Files of encoded frames: Ogg for Opus, IVF for VP8, VP9 and AV1, Annex B for H.264.

mod annexb;
mod codec;
mod ivf;
mod ogg;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek};
use std::path::Path;
use std::time::Duration;

pub(crate) use self::codec::Codec;
use self::codec::Failure;

/// A file that is being written.
pub(crate) enum Writer {
    Ogg(Box<ogg::Writer>),
    Ivf(ivf::Writer),
    AnnexB(BufWriter<File>),
}

impl Writer {
    /// Begins a file for frames of this codec. `channels`: of sound.
    pub(crate) fn create(path: &Path, codec: Codec, channels: u8) -> Result<Self, Failure> {
        let file = File::create(path)?;
        Ok(match codec {
            Codec::Opus => Self::Ogg(Box::new(ogg::Writer::new(file, channels)?)),
            Codec::H264 => Self::AnnexB(BufWriter::new(file)),
            _ => Self::Ivf(ivf::Writer::new(file, codec)),
        })
    }

    /// Writes a frame. `at`: in units of the codec's clock since the first one.
    pub(crate) fn write(&mut self, at: u64, frame: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Ogg(writer) => writer.write(at, frame),
            Self::Ivf(writer) => writer.write(at, frame),
            Self::AnnexB(file) => Ok(std::io::Write::write_all(file, frame)?),
        }
    }

    /// Says goodbye to the file: what only the end knows is written too.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Ogg(writer) => writer.finish(),
            Self::Ivf(writer) => writer.finish(),
            Self::AnnexB(mut file) => Ok(std::io::Write::flush(&mut file)?),
        }
    }
}

/// A file that is being read.
pub(crate) struct Reader {
    pub(crate) codec: Codec,
    frames: Frames,
}

enum Frames {
    Ogg(Box<ogg::Reader>),
    Ivf(ivf::Reader),
    AnnexB(annexb::Reader),
}

impl Reader {
    /// Opens a file of any of the kinds, which its first bytes tell. `rate`: pictures each second, where the file does not
    /// say it.
    pub(crate) fn open(path: &Path, rate: f64) -> Result<Self, Failure> {
        let mut file = File::open(path)?;
        let mut magic = [0; 4];
        let len = file.read(&mut magic)?;
        file.rewind()?;
        let (codec, frames) = match magic.get(..len).unwrap_or_default() {
            b"OggS" => (
                Codec::Opus,
                Frames::Ogg(Box::new(ogg::Reader::new(BufReader::new(file))?)),
            ),
            b"DKIF" => {
                let reader = ivf::Reader::new(BufReader::new(file))?;
                (reader.codec, Frames::Ivf(reader))
            }
            [0, 0, 1, ..] | [0, 0, 0, 1] => (Codec::H264, Frames::AnnexB(annexb::Reader::new(file, rate)?)),
            _ => return Err("it is neither Ogg with Opus, nor IVF, nor H.264 with start codes (Annex B)".into()),
        };
        Ok(Self { codec, frames })
    }

    /// The next frame, and when it is to be played; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(Duration, Vec<u8>)>, Failure> {
        match &mut self.frames {
            Frames::Ogg(reader) => reader.next(),
            Frames::Ivf(reader) => reader.next(),
            Frames::AnnexB(reader) => Ok(reader.next()),
        }
    }
}
