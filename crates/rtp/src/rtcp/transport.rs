//! When packets arrived, by their transport-wide numbers (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3).

use super::raw::{HEADER_LEN, RawPacket, RtcpError, TRANSPORT_FEEDBACK};
use super::write::{self, BuildError, WriteRtcp};
use crate::bytes;

pub(crate) const FORMAT: u8 = 15;
/// Two sources, then base, count, reference time and the number of the feedback.
const FIELDS_LEN: usize = 16;
const CHUNK_LEN: usize = 2;
/// How many statuses a chunk has (§3.1.3, §3.1.4).
const RUN_MAX: u16 = 0x1fff;
const ONE_BIT_STATUSES: u16 = 14;
const TWO_BIT_STATUSES: u16 = 7;
/// A reference time counts units of 64 ms, a delta those of 250 µs (§3.1, §3.1.5).
const TICKS_PER_REFERENCE: i64 = 256;

/// What became of a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arrival {
    /// It has not been received.
    NotReceived,
    /// It was received, nobody says when (a symbol that version 01 has reserved, and version 02 uses).
    Received,
    /// It was received so many units of 250 µs behind the reference time.
    At(i32),
}

/// One packet in a [`TransportWideFeedback`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PacketStatus {
    /// The transport-wide sequence number.
    pub sequence_number: u16,
    /// What became of it.
    pub arrival: Arrival,
}

/// Transport-wide congestion control feedback (TWCC): which packets of a range arrived, and when.
///
/// ```
/// use pollrtc_rtp::rtcp::{Arrival, Compound, RtcpPacket, TransportWideFeedbackBuilder, WriteRtcp};
///
/// // Times in units of 250 µs; the second packet was lost.
/// let arrivals = [Some(25_600), None, Some(25_610)];
/// let feedback = TransportWideFeedbackBuilder::new(1, 2, 0, 65_535, arrivals.into_iter(), 1_200).ok_or("nothing")?;
/// assert_eq!(feedback.status_count(), 3); // all of them had room
/// let mut buf = [0; 24];
/// assert_eq!(feedback.write_to(&mut buf), Ok(24));
///
/// let compound = Compound::parse(&buf).expect("it was just written");
/// let Some(Ok(RtcpPacket::TransportWideFeedback(feedback))) = compound.packets().next() else { panic!() };
/// assert_eq!(feedback.reference_time(), 100); // units of 64 ms
/// let statuses = feedback.statuses().map(|status| (status.sequence_number, status.arrival));
/// assert!(statuses.eq([(65_535, Arrival::At(0)), (0, Arrival::NotReceived), (1, Arrival::At(10))]));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportWideFeedback<'d> {
    sender_ssrc: u32,
    media_ssrc: u32,
    base_sequence: u16,
    status_count: u16,
    reference_time: i32,
    feedback_count: u8,
    /// As many as it takes for all statuses.
    chunks: &'d [[u8; CHUNK_LEN]],
    /// At least as many bytes as the statuses need.
    deltas: &'d [u8],
}

impl<'d> TransportWideFeedback<'d> {
    /// All of it is checked before anything is said of any packet.
    #[inline]
    pub(crate) fn of(raw: RawPacket<'d>) -> Result<Self, RtcpError> {
        let (fields, rest) = raw.fields::<FIELDS_LEN>()?;
        let [sender_ssrc, media_ssrc, range, time] = bytes::words(&fields);
        let status_count = range as u16;

        let mut left = status_count;
        let mut used: usize = 0;
        let mut deltas_len: usize = 0;
        let (chunks, _) = rest.as_chunks::<CHUNK_LEN>();
        let short = |needed: usize| RtcpError::Short {
            needed: needed.saturating_add(FIELDS_LEN),
            len: raw.body.len(),
        };
        while left > 0 {
            let chunk = chunks
                .get(used)
                .ok_or_else(|| short(rest.len().saturating_add(CHUNK_LEN)))?;
            let chunk = Chunk::of(*chunk);
            if chunk.count == 0 {
                let at = used.saturating_mul(CHUNK_LEN).saturating_add(FIELDS_LEN);
                return Err(RtcpError::EmptyRun { at });
            }
            let count = chunk.count.min(left);
            deltas_len = deltas_len.saturating_add(chunk.deltas_len(count));
            left = left.saturating_sub(count);
            used = used.saturating_add(1);
        }
        let chunks_len = used.saturating_mul(CHUNK_LEN);
        let (_, deltas) = rest.split_at_checked(chunks_len).unwrap_or_default();
        if deltas.len() < deltas_len {
            return Err(short(chunks_len.saturating_add(deltas_len)));
        }
        Ok(Self {
            sender_ssrc,
            media_ssrc,
            base_sequence: (range >> 16) as u16,
            status_count,
            reference_time: time.cast_signed() >> 8,
            feedback_count: time as u8,
            chunks: chunks.get(..used).unwrap_or_default(),
            deltas,
        })
    }

    /// Who sends it.
    pub const fn sender_ssrc(&self) -> u32 {
        self.sender_ssrc
    }

    /// One of the streams that it is about: it is about all of the transport.
    pub const fn media_ssrc(&self) -> u32 {
        self.media_ssrc
    }

    /// The first packet's transport-wide sequence number.
    pub const fn base_sequence(&self) -> u16 {
        self.base_sequence
    }

    /// How many packets it is about.
    pub const fn status_count(&self) -> u16 {
        self.status_count
    }

    /// The reference time, in units of 64 ms on the receiver's clock, whose origin nobody knows: 24 bits with a sign,
    /// which wrap after 12 days.
    pub const fn reference_time(&self) -> i32 {
        self.reference_time
    }

    /// The number of this feedback, so that one that was lost is noticed: it wraps after 255.
    pub const fn feedback_count(&self) -> u8 {
        self.feedback_count
    }

    /// What became of each packet, in the order of their numbers.
    pub fn statuses(&self) -> impl Iterator<Item = PacketStatus> + Clone + use<'d> {
        Statuses {
            chunks: self.chunks.iter(),
            deltas: self.deltas,
            sequence_number: self.base_sequence,
            behind: self.status_count,
            ticks: 0,
            chunk: Chunk::default(),
        }
    }
}

/// A symbol: its two low bits (§3.1.1).
type Symbol = u32;
const NOT_RECEIVED: Symbol = 0;
const SMALL_DELTA: Symbol = 1;
const LARGE_DELTA: Symbol = 2;

/// The symbols of a chunk (§3.1.3, §3.1.4).
#[derive(Clone, Copy, Default)]
struct Chunk {
    /// Two bits each, the first one on top.
    symbols: u32,
    /// Bits from one symbol to the next: none if all are the same.
    step: u32,
    count: u16,
}

impl Chunk {
    #[inline]
    fn of(bytes: [u8; CHUNK_LEN]) -> Self {
        let chunk = u32::from(u16::from_be_bytes(bytes));
        match chunk >> 14 {
            0 | 1 => Self {
                // The one symbol, without the count behind it.
                symbols: chunk << 17 & 0xc000_0000,
                step: 0,
                count: chunk as u16 & RUN_MAX,
            },
            2 => Self {
                symbols: spread(chunk & 0x3fff) << 4,
                step: 2,
                count: ONE_BIT_STATUSES,
            },
            _ => Self {
                symbols: chunk << 18,
                step: 2,
                count: TWO_BIT_STATUSES,
            },
        }
    }

    #[inline]
    const fn is_run_of(self, symbol: Symbol) -> bool {
        self.step == 0 && self.symbols >> 30 == symbol
    }

    /// Whether any symbol is more than a small delta.
    #[inline]
    const fn has_large(self) -> bool {
        self.symbols & 0xaaaa_aaaa != 0
    }

    /// Bytes of the deltas of the first `count` symbols.
    #[inline]
    fn deltas_len(self, count: u16) -> usize {
        let size = |symbol: u32| match symbol {
            SMALL_DELTA | LARGE_DELTA => symbol,
            _ => 0,
        };
        if self.step == 0 {
            return usize::from(count).saturating_mul(size(self.symbols >> 30) as usize);
        }
        let kept = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(count).saturating_mul(2)));
        let symbols = self.symbols & kept.unwrap_or_default();
        let (low, high) = (symbols & 0x5555_5555, symbols >> 1 & 0x5555_5555);
        let large = (high & !low).count_ones();
        (low & !high).count_ones().saturating_add(large).saturating_add(large) as usize
    }
}

/// Puts a zero above each of 14 bits.
#[inline]
const fn spread(bits: u32) -> u32 {
    let bits = (bits | bits << 8) & 0x00ff_00ff;
    let bits = (bits | bits << 4) & 0x0f0f_0f0f;
    let bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

/// What is left to read.
#[derive(Clone)]
struct Statuses<'d> {
    chunks: core::slice::Iter<'d, [u8; CHUNK_LEN]>,
    deltas: &'d [u8],
    sequence_number: u16,
    ticks: i32,
    /// What is left of a chunk.
    chunk: Chunk,
    /// How many statuses are in the chunks behind it.
    behind: u16,
}

impl Statuses<'_> {
    /// Goes on to the next chunk.
    #[inline]
    fn load(&mut self) -> Option<()> {
        let chunk = Chunk::of(*self.chunks.next()?);
        let count = chunk.count.min(self.behind);
        self.behind = self.behind.saturating_sub(count);
        self.chunk = Chunk { count, ..chunk };
        Some(())
    }

    #[inline]
    fn status(&mut self, arrival: Arrival) -> PacketStatus {
        let sequence_number = self.sequence_number;
        self.sequence_number = sequence_number.wrapping_add(1);
        PacketStatus {
            sequence_number,
            arrival,
        }
    }

    /// 65,535 deltas of 16 bits have room in 32.
    #[inline]
    fn arrived_after(&mut self, delta: i16) -> Arrival {
        self.ticks = self.ticks.wrapping_add(delta.into());
        Arrival::At(self.ticks)
    }

    /// The next status of a chunk that has one.
    #[inline]
    fn read(&mut self) -> Option<PacketStatus> {
        let symbol = self.chunk.symbols >> 30;
        self.chunk.symbols <<= self.chunk.step;
        self.chunk.count = self.chunk.count.saturating_sub(1);
        let arrival = match symbol {
            NOT_RECEIVED => Arrival::NotReceived,
            SMALL_DELTA => {
                let (&delta, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                self.arrived_after(delta.into())
            }
            LARGE_DELTA => {
                let (delta, rest) = bytes::take::<2>(self.deltas)?;
                self.deltas = rest;
                self.arrived_after(i16::from_be_bytes(delta))
            }
            _ => Arrival::Received,
        };
        Some(self.status(arrival))
    }
}

impl Iterator for Statuses<'_> {
    type Item = PacketStatus;

    #[inline]
    fn next(&mut self) -> Option<PacketStatus> {
        if self.chunk.count == 0 {
            self.load()?;
        }
        self.read()
    }

    /// Most packets come in runs, which take a loop over their deltas alone: `for_each` and all else that reads to the
    /// end has it.
    #[inline]
    fn fold<B, F: FnMut(B, PacketStatus) -> B>(mut self, init: B, mut tell: F) -> B {
        let mut result = init;
        while self.chunk.count > 0 || self.load().is_some() {
            let count = usize::from(self.chunk.count);
            if self.chunk.is_run_of(SMALL_DELTA)
                && let Some((run, rest)) = self.deltas.split_at_checked(count)
            {
                self.deltas = rest;
                self.chunk.count = 0;
                for delta in run {
                    let arrival = self.arrived_after((*delta).into());
                    result = tell(result, self.status(arrival));
                }
                continue;
            }
            if self.chunk.has_large() {
                for _ in 0..count {
                    let Some(status) = self.read() else { return result };
                    result = tell(result, status);
                }
                continue;
            }
            let mut symbols = core::mem::take(&mut self.chunk).symbols;
            for _ in 0..count {
                let mut arrival = Arrival::NotReceived;
                if symbols >> 30 == SMALL_DELTA {
                    let Some((&delta, rest)) = self.deltas.split_first() else {
                        return result;
                    };
                    self.deltas = rest;
                    arrival = self.arrived_after(delta.into());
                }
                symbols <<= 2;
                result = tell(result, self.status(arrival));
            }
        }
        result
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::from(self.chunk.count).saturating_add(self.behind.into());
        (left, Some(left))
    }
}

/// A [`TransportWideFeedback`] to be written.
///
/// It is about as many packets as have room, and as long as each came within 8 s of the one before it: see
/// [`status_count`](Self::status_count).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportWideFeedbackBuilder<I> {
    sender_ssrc: u32,
    media_ssrc: u32,
    feedback_count: u8,
    base_sequence: u16,
    arrivals: I,
    status_count: u16,
    /// Units of 64 ms.
    reference_time: i64,
    len: usize,
}

impl<I: Iterator<Item = Option<i64>> + Clone> TransportWideFeedbackBuilder<I> {
    /// Feedback on packets from the number `base_sequence` on, in at most `max_len` bytes. `arrivals` has one for each
    /// number: when it was received, in units of 250 µs on a clock of the caller's, or `None` if it was not.
    ///
    /// `None` if no packet was received, or none that was has room.
    pub fn new(
        sender_ssrc: u32,
        media_ssrc: u32,
        feedback_count: u8,
        base_sequence: u16,
        arrivals: I,
        max_len: usize,
    ) -> Option<Self> {
        let first = arrivals.clone().flatten().next()?;
        let reference_time = first.div_euclid(TICKS_PER_REFERENCE);
        let mut feedback = Self {
            sender_ssrc,
            media_ssrc,
            feedback_count,
            base_sequence,
            arrivals,
            status_count: u16::MAX,
            reference_time,
            len: HEADER_LEN + FIELDS_LEN,
        };
        let (status_count, received, _) = feedback.fit(max_len & !3);
        feedback.status_count = status_count;
        // Where the end is known, the last chunks may cover more.
        let (_, _, len) = feedback.fit(max_len & !3);
        feedback.len = len.checked_next_multiple_of(4)?;
        (received > 0).then_some(feedback)
    }

    /// How many packets it is about: feedback on the rest of `arrivals` goes into the next one.
    pub const fn status_count(&self) -> u16 {
        self.status_count
    }

    /// How many statuses have room, how many packets of these were received, and how many bytes it takes.
    fn fit(&self, max_len: usize) -> (u16, u16, usize) {
        let mut symbols = self.symbols();
        let (mut count, mut received, mut len) = (0_u16, 0_u16, HEADER_LEN + FIELDS_LEN);
        while let Some((_, in_chunk)) = next_chunk(&symbols) {
            len = len.saturating_add(CHUNK_LEN);
            if len > max_len {
                return (count, received, len.saturating_sub(CHUNK_LEN));
            }
            for (symbol, _) in symbols.by_ref().take(in_chunk.into()) {
                let needed = len.saturating_add(symbol as usize);
                if needed > max_len {
                    return (count, received, len);
                }
                len = needed;
                count = count.saturating_add(1);
                received = received.saturating_add(u16::from(symbol != NOT_RECEIVED));
            }
        }
        (count, received, len)
    }

    fn symbols(&self) -> Symbols<I> {
        Symbols {
            arrivals: self.arrivals.clone(),
            left: self.status_count,
            last: self.reference_time.saturating_mul(TICKS_PER_REFERENCE),
        }
    }
}

/// Arrivals as symbols with their deltas. Ends before a delta that has no room in 16 bits.
#[derive(Clone)]
struct Symbols<I> {
    arrivals: I,
    left: u16,
    last: i64,
}

impl<I: Iterator<Item = Option<i64>>> Iterator for Symbols<I> {
    type Item = (Symbol, i16);

    fn next(&mut self) -> Option<(Symbol, i16)> {
        self.left = self.left.checked_sub(1)?;
        let Some(at) = self.arrivals.next()? else {
            return Some((NOT_RECEIVED, 0));
        };
        let Some(delta) = at.checked_sub(self.last).and_then(|delta| i16::try_from(delta).ok()) else {
            self.left = 0;
            return None;
        };
        self.last = at;
        match delta {
            0..=255 => Some((SMALL_DELTA, delta)),
            _ => Some((LARGE_DELTA, delta)),
        }
    }
}

/// The chunk that covers most of the symbols that come next, and how many of them. A vector that is not full can only be
/// the last chunk.
fn next_chunk(symbols: &(impl Iterator<Item = (Symbol, i16)> + Clone)) -> Option<(u16, u16)> {
    let mut ahead = symbols.clone().map(|(symbol, _)| symbol);
    let first = ahead.next()?;
    let (mut is_run, mut run) = (true, 1_u16);
    let (mut is_one_bit, mut ones, mut one_bit) = (first != LARGE_DELTA, 1_u16, first);
    let (mut twos, mut two_bits) = (1_u16, first);
    for symbol in ahead.by_ref().take(usize::from(ONE_BIT_STATUSES.saturating_sub(1))) {
        is_run &= symbol == first;
        run = run.saturating_add(is_run.into());
        is_one_bit &= symbol != LARGE_DELTA;
        ones = ones.saturating_add(1);
        one_bit = one_bit << 1 | symbol;
        if twos < TWO_BIT_STATUSES {
            twos = twos.saturating_add(1);
            two_bits = two_bits << 2 | symbol;
        } else if !is_run && !is_one_bit {
            break;
        }
    }
    if run == ONE_BIT_STATUSES {
        let more = ahead.take(usize::from(RUN_MAX.saturating_sub(run)));
        let more = more.take_while(|symbol| *symbol == first).count();
        run = run.saturating_add(u16::try_from(more).unwrap_or_default());
    }
    let ones = if is_one_bit { ones } else { 0 };
    Some(if run >= ones && run >= twos {
        ((first as u16) << 13 | run, run)
    } else if ones >= twos {
        let unused = ONE_BIT_STATUSES.saturating_sub(ones);
        (0x8000 | (one_bit << unused) as u16, ones)
    } else {
        let unused = TWO_BIT_STATUSES.saturating_sub(twos);
        (0xc000 | (two_bits << unused.saturating_mul(2)) as u16, twos)
    })
}

impl<I: Iterator<Item = Option<i64>> + Clone> WriteRtcp for TransportWideFeedbackBuilder<I> {
    fn encoded_len(&self) -> usize {
        self.len
    }

    fn write_to(&self, buf: &mut [u8]) -> Result<usize, BuildError> {
        write::packet(buf, FORMAT, TRANSPORT_FEEDBACK, self.len, |out| {
            out.put_u32(self.sender_ssrc);
            out.put_u32(self.media_ssrc);
            out.put_u16(self.base_sequence);
            out.put_u16(self.status_count);
            // The low 24 bits: the reference time wraps.
            out.put_u32((self.reference_time as u32) << 8 | u32::from(self.feedback_count));
            let mut symbols = self.symbols();
            while let Some((chunk, count)) = next_chunk(&symbols) {
                out.put_u16(chunk);
                symbols.by_ref().take(count.into()).for_each(drop);
            }
            for (symbol, delta) in self.symbols() {
                match symbol {
                    SMALL_DELTA => out.put_u8(delta as u8),
                    LARGE_DELTA => out.put(&delta.to_be_bytes()),
                    _ => {}
                }
            }
        })
    }
}
