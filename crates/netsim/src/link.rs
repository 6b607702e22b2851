//! One direction of a link and all that can go wrong on it.

use core::time::Duration;

use pollrtc_core::Instant;

use crate::icmp::IcmpError;
use crate::packet::{Content, Packet};
use crate::rng::Rng;
use crate::stats::DropReason;

/// What one direction of a link does to datagrams. The default is perfect: no delay, no loss, no
/// limit.
///
/// A packet meets, in this order: MTU, queue and bandwidth, loss, corruption, duplication, latency
/// with jitter and reordering. What is lost of a TCP stream is sent again by its host, and comes late. Sizes are those on the wire, with all headers.
/// Probabilities are from 0 to 1; what lies outside is moved to the nearer end.
///
/// ```
/// use std::time::Duration;
/// use pollrtc_netsim::Link;
///
/// let dsl = Link::new()
///     .latency(Duration::from_millis(15))
///     .jitter(Duration::from_millis(3))
///     .loss(0.001)
///     .bandwidth(10_000_000)
///     .queue(64_000)
///     .mtu(1492);
/// # let _ = dsl;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    latency: Duration,
    jitter: Duration,
    loss: f64,
    duplication: f64,
    reordering: f64,
    held_back: Duration,
    corruption: f64,
    bandwidth: Option<u64>,
    queue: usize,
    mtu: usize,
    reports_too_big: bool,
}

impl Link {
    /// A perfect link.
    pub const fn new() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            held_back: Duration::ZERO,
            corruption: 0.0,
            bandwidth: None,
            queue: QUEUE_DEFAULT,
            mtu: MTU_MAX,
            reports_too_big: false,
        }
    }

    /// How long each datagram takes.
    #[must_use]
    pub const fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// Up to how much longer it may take, each value equally likely. Jitter alone never reorders: a
    /// datagram waits for the one before it, as in a queue.
    #[must_use]
    pub const fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// The probability that a datagram is lost; 1 cuts the link.
    #[must_use]
    pub const fn loss(self, loss: f64) -> Self {
        Self { loss, ..self }
    }

    /// The probability that a datagram arrives twice.
    #[must_use]
    pub const fn duplication(self, duplication: f64) -> Self {
        Self { duplication, ..self }
    }

    /// The probability that a datagram is held back, and for how long: those sent within that time
    /// after it overtake.
    #[must_use]
    pub const fn reordering(self, reordering: f64, held_back: Duration) -> Self {
        Self {
            reordering,
            held_back,
            ..self
        }
    }

    /// The probability that one bit of a datagram's payload is flipped. The receiver gets it all the
    /// same, as if the error had got past UDP's checksum. (What is not UDP is dropped instead.)
    #[must_use]
    pub const fn corruption(self, corruption: f64) -> Self {
        Self { corruption, ..self }
    }

    /// How many bits per second pass. What comes faster waits in the [`queue`](Self::queue).
    #[must_use]
    pub const fn bandwidth(self, bits_per_second: u64) -> Self {
        Self {
            bandwidth: Some(bits_per_second),
            ..self
        }
    }

    /// How many bytes may wait for [`bandwidth`](Self::bandwidth), the datagram on the wire included;
    /// what comes while it is full is dropped (drop-tail). 96,000 unless set.
    #[must_use]
    pub const fn queue(self, bytes: usize) -> Self {
        Self { queue: bytes, ..self }
    }

    /// The largest IP packet in bytes; larger ones are dropped silently, as if sent with "don't
    /// fragment" and the ICMP answer were lost: a black hole (RFC 8899 §1.1), unless
    /// [`report_too_big`](Self::report_too_big) is set too.
    #[must_use]
    pub const fn mtu(self, bytes: usize) -> Self {
        Self { mtu: bytes, ..self }
    }

    /// Who sends a packet larger than the [`mtu`](Self::mtu) is told by ICMP (RFC 1191 §4, RFC 8201 §4), and hears it as
    /// [`FlowEvent::TooBig`](pollrtc_core::FlowEvent::TooBig).
    #[must_use]
    pub const fn report_too_big(self) -> Self {
        Self {
            reports_too_big: true,
            ..self
        }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

/// 64 packets of 1,500 bytes.
const QUEUE_DEFAULT: usize = 96_000;
/// The length fields of IPv4 and UDP have 16 bits.
const MTU_MAX: usize = 65_535;

/// A link in use: its settings, its generator and what is on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Pipe {
    link: Link,
    rng: Rng,
    /// When the last byte of what was accepted so far has left.
    busy_until: Instant,
    /// When the last datagram that kept its place arrives.
    last_arrival: Instant,
}

/// How a datagram comes out of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) arrival: Instant,
    pub(crate) duplicate: Option<Instant>,
    pub(crate) corrupted: bool,
    pub(crate) reordered: bool,
}

impl Pipe {
    pub(crate) fn new(link: Link, rng: Rng) -> Self {
        Self {
            link,
            rng,
            busy_until: Instant::ZERO,
            last_arrival: Instant::ZERO,
        }
    }

    /// Changes the link under traffic; what is on the wire stays there.
    pub(crate) fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    pub(crate) fn mtu(&self) -> usize {
        self.link.mtu.min(MTU_MAX)
    }

    /// The error by which the sender of a packet that is too large is told.
    pub(crate) fn too_big(&self) -> Option<IcmpError> {
        let mtu = u16::try_from(self.mtu()).unwrap_or(u16::MAX);
        self.link.reports_too_big.then_some(IcmpError::TooBig { mtu })
    }

    /// Puts a packet on the wire.
    pub(crate) fn pass(&mut self, now: Instant, packet: &mut Packet) -> Result<Passage, DropReason> {
        let size = packet.wire_len();
        if size > self.mtu() {
            return Err(DropReason::MtuExceeded);
        }
        let departure = self.enqueue(now, size)?;
        if self.rng.chance(self.link.loss) {
            return Err(DropReason::Loss);
        }
        let damaged = self.rng.chance(self.link.corruption);
        if damaged && packet.content != Content::Udp {
            return Err(DropReason::Loss); // a checksum saw it
        }
        let corrupted = damaged && self.corrupt(&mut packet.payload);
        let duplicated = self.rng.chance(self.link.duplication) && !packet.is_icmp();
        let reordered = self.rng.chance(self.link.reordering);
        let arrival = if reordered {
            departure + self.link.latency + self.rng.up_to(self.link.jitter) + self.link.held_back
        } else {
            self.arrival_in_order(departure)
        };
        let duplicate = duplicated.then(|| self.arrival_in_order(departure));
        Ok(Passage {
            arrival,
            duplicate,
            corrupted,
            reordered,
        })
    }

    /// Waits behind what is queued; gives the time at which the last byte has left.
    fn enqueue(&mut self, now: Instant, size: usize) -> Result<Instant, DropReason> {
        let Some(bits_per_second) = self.link.bandwidth else {
            return Ok(now);
        };
        let backlog = bytes_in(self.busy_until - now, bits_per_second);
        if backlog > 0 && backlog + size as u128 > self.link.queue as u128 {
            return Err(DropReason::QueueFull);
        }
        self.busy_until = self.busy_until.max(now) + time_for(size, bits_per_second);
        Ok(self.busy_until)
    }

    fn arrival_in_order(&mut self, departure: Instant) -> Instant {
        let arrival = departure + self.link.latency + self.rng.up_to(self.link.jitter);
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }

    /// Flips one bit; false if there is none.
    fn corrupt(&mut self, payload: &mut [u8]) -> bool {
        let bit = self.rng.below(payload.len() as u64 * 8);
        match payload.get_mut((bit / 8) as usize) {
            Some(byte) => *byte ^= 1 << (bit % 8),
            None => return false,
        }
        true
    }
}

const NANOS_PER_SECOND: u128 = 1_000_000_000;

fn time_for(bytes: usize, bits_per_second: u64) -> Duration {
    let bit_nanos = bytes as u128 * 8 * NANOS_PER_SECOND;
    let nanos = bit_nanos.div_ceil(u128::from(bits_per_second.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn bytes_in(time: Duration, bits_per_second: u64) -> u128 {
    (time.as_nanos() * u128::from(bits_per_second)).div_ceil(8 * NANOS_PER_SECOND)
}
