//! Ogg with Opus (RFC 3533, RFC 7845).

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::time::Duration;

use ::ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use pollrtc::rtp::payload::OpusToc;

use super::codec::Failure;

/// Ogg counts samples of 48 kHz, whatever was recorded (RFC 7845 §4).
const RATE: u64 = 48_000;
/// RFC 7845 §4.2: how much of the beginning decoders throw away: 80 ms.
const PRE_SKIP: u16 = 3_840;
/// Any number names the only stream of a file.
const SERIAL: u32 = 1;
/// A page holds a second, so that no more is lost where nobody ends the file.
const PAGE: u64 = RATE;

pub(crate) struct Writer {
    file: PacketWriter<'static, BufWriter<File>>,
    /// The last packet, which waits for the one that follows, as the last one of all is marked.
    last: Option<(Vec<u8>, u64)>,
    page_begins: u64,
}

impl Writer {
    pub(super) fn new(file: File, channels: u8) -> Result<Self, Failure> {
        let mut file = PacketWriter::new(BufWriter::new(file));
        // RFC 7845 §5.1: version 1, and neither gain nor a table of channels.
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.extend(PRE_SKIP.to_le_bytes());
        head.extend((RATE as u32).to_le_bytes());
        head.extend([0, 0, 0]);
        file.write_packet(head, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        // RFC 7845 §5.2: who wrote it, and no comments.
        let vendor = concat!("pollrtc ", env!("CARGO_PKG_VERSION")).as_bytes();
        let mut tags = b"OpusTags".to_vec();
        tags.extend(u32::try_from(vendor.len())?.to_le_bytes());
        tags.extend(vendor);
        tags.extend(0_u32.to_le_bytes());
        file.write_packet(tags, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
        Ok(Self {
            file,
            last: None,
            page_begins: 0,
        })
    }

    /// RFC 7845 §4: a page tells how many samples there are up to its end.
    pub(super) fn write(&mut self, at: u64, packet: &[u8]) -> Result<(), Failure> {
        let end = at + samples(packet) + u64::from(PRE_SKIP);
        if let Some((before, ended)) = self.last.replace((packet.to_vec(), end)) {
            // Where something is missing in between, only the ends of pages tell it.
            let is_gap = at + u64::from(PRE_SKIP) != ended;
            let info = match is_gap || ended - self.page_begins >= PAGE {
                true => PacketWriteEndInfo::EndPage,
                false => PacketWriteEndInfo::NormalPacket,
            };
            if matches!(info, PacketWriteEndInfo::EndPage) {
                self.page_begins = ended;
            }
            self.file.write_packet(before, SERIAL, info, ended)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        if let Some((packet, end)) = self.last.take() {
            self.file
                .write_packet(packet, SERIAL, PacketWriteEndInfo::EndStream, end)?;
        }
        Ok(std::io::Write::flush(self.file.inner_mut())?)
    }
}

fn samples(packet: &[u8]) -> u64 {
    OpusToc::parse(packet).map_or(0, |toc| toc.samples().into())
}

pub(super) struct Reader {
    file: PacketReader<BufReader<File>>,
    pre_skip: u64,
    /// The rest of the page: packets, and how many samples each has.
    page: VecDeque<(Vec<u8>, u64)>,
    /// Where the next packet begins, in samples.
    at: u64,
}

impl Reader {
    pub(super) fn new(file: BufReader<File>) -> Result<Self, Failure> {
        let mut file = PacketReader::new(file);
        let head = file.read_packet()?.ok_or("there is nothing in the Ogg file")?;
        let pre_skip = match head.data.as_slice() {
            [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, _, low, high, ..] => u16::from_le_bytes([*low, *high]),
            _ => return Err("Ogg without Opus".into()),
        };
        file.read_packet()?; // the tags
        Ok(Self {
            file,
            pre_skip: pre_skip.into(),
            page: VecDeque::new(),
            at: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<(Duration, Vec<u8>)>, Failure> {
        if self.page.is_empty() {
            self.read_page()?;
        }
        let Some((packet, len)) = self.page.pop_front() else {
            return Ok(None);
        };
        let at = Duration::from_micros(self.at * 1_000 / (RATE / 1_000));
        self.at += len;
        Ok(Some((at, packet)))
    }

    /// A page tells where it ends, and so where it begins: something may be missing in front of it.
    fn read_page(&mut self) -> Result<(), Failure> {
        let mut total = 0;
        while let Some(packet) = self.file.read_packet()? {
            let len = samples(&packet.data);
            total += len;
            let is_last = packet.last_in_page();
            let end = packet.absgp_page();
            self.page.push_back((packet.data, len));
            if is_last {
                self.at = self.at.max(end.saturating_sub(self.pre_skip + total));
                break;
            }
        }
        Ok(())
    }
}
