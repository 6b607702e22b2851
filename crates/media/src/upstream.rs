//! A stream that comes by no connection.

use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_rtp::{ExtensionMap, Format, Origin, RtpPacket, Source, StreamKey, Via};

use crate::{Arrival, Facts, Reception};

/// How many sources are watched that may be the stream's: somebody who sends under many names can't hide it easily.
const RIVALS: usize = 8;

/// What an [`Upstream`] has to know.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The name of the stream.
    pub key: StreamKey,
    /// Its SSRC, if it was told. Else that of the first source that shows to be one.
    pub ssrc: Option<u32>,
    /// Which header extensions it has.
    pub extensions: ExtensionMap,
    /// What its payload types mean.
    pub types: PayloadTypes,
    /// After so much silence another source may take its place, if no SSRC was told.
    pub silence: Duration,
}

impl UpstreamConfig {
    /// A stream of which nothing was told but the payload types.
    pub const fn new(key: StreamKey, types: PayloadTypes) -> Self {
        Self {
            key,
            ssrc: None,
            extensions: ExtensionMap::new(),
            types,
            silence: Duration::from_secs(2),
        }
    }
}

/// What payload types mean.
#[derive(Clone, Debug)]
pub struct PayloadTypes {
    types: [Option<(Format, u32)>; 128],
}

impl PayloadTypes {
    /// None means anything.
    pub const fn new() -> Self {
        Self { types: [None; 128] }
    }

    /// A payload type, of 7 bits, means this format, whose clock has so many hertz; false if there is no such type.
    pub fn insert(&mut self, payload_type: u8, format: Format, clock_rate: u32) -> bool {
        let entry = self.types.get_mut(usize::from(payload_type));
        entry.map(|entry| *entry = Some((format, clock_rate))).is_some()
    }

    /// What it means.
    pub fn get(&self, payload_type: u8) -> Option<(Format, u32)> {
        self.types.get(usize::from(payload_type)).copied().flatten()
    }
}

impl Default for PayloadTypes {
    fn default() -> Self {
        Self::new()
    }
}

/// A stream that comes by no connection (RTSP, SIP, a pipe between servers): gives raw RTP what a connection would, its
/// name, its index, its format and its statistics, so that a [`Forwarder`](crate::Forwarder) takes it like any other.
///
/// Nothing here is authenticated: a source counts after two packets in a row (RFC 3550 §A.1), and others are dropped.
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{PayloadTypes, Upstream, UpstreamConfig};
/// use pollrtc_rtp::{Format, StreamKey};
/// let mut types = PayloadTypes::new();
/// types.insert(96, Format(0), 90_000);
/// let mut upstream = Upstream::new(UpstreamConfig::new(StreamKey(7), types));
/// let packet = |sequence: u8| [0x80, 96, 0, sequence, 0, 0, 0, 2, 0, 0, 0, 3, b'x'];
/// assert!(upstream.receive(Instant::ZERO, &packet(1)).is_none()); // on probation
/// let bytes = packet(2);
/// let view = upstream.receive(Instant::ZERO, &bytes).ok_or("two in a row")?;
/// assert_eq!((view.origin.source.stream, view.origin.source.index), (StreamKey(7), 2));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug)]
pub struct Upstream {
    config: UpstreamConfig,
    reception: Reception,
    ssrc: Option<u32>,
    last: Option<Instant>,
    /// The last packets of other sources, one of which may be the next one, and the place of the oldest.
    rivals: [Option<(u32, u16)>; RIVALS],
    oldest_rival: usize,
    stats: UpstreamStats,
}

/// What was dropped of all that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamStats {
    /// What is no RTP packet.
    pub malformed: u64,
    /// Packets whose payload type means nothing.
    pub unknown_type: u64,
    /// Packets of other sources, and of those that have not shown yet to be one.
    pub strangers: u64,
    /// How many times another source took over.
    pub takeovers: u64,
}

impl Upstream {
    /// A stream of which nothing has come.
    pub const fn new(config: UpstreamConfig) -> Self {
        Self {
            ssrc: config.ssrc,
            config,
            reception: Reception::new(),
            last: None,
            rivals: [None; RIVALS],
            oldest_rival: 0,
            stats: UpstreamStats {
                malformed: 0,
                unknown_type: 0,
                strangers: 0,
                takeovers: 0,
            },
        }
    }

    /// Takes a datagram. The packet, if it is one of the stream, and the first of its number.
    pub fn receive<'d>(&mut self, arrived: Instant, bytes: &'d [u8]) -> Option<RtpPacket<'d>> {
        let Ok(mut packet) = RtpPacket::parse(bytes, &self.config.extensions, Origin::default()) else {
            self.stats.malformed += 1;
            return None;
        };
        let Some((format, clock_rate)) = self.config.types.get(packet.payload_type()) else {
            self.stats.unknown_type += 1;
            return None;
        };
        if self.ssrc != Some(packet.ssrc()) && !self.takes_over(arrived, &packet) {
            self.stats.strangers += 1;
            return None;
        }
        let facts = Facts {
            timestamp: packet.timestamp(),
            clock_rate,
            payload: packet.payload().len(),
        };
        let arrival = self.reception.handle_sequence(arrived, packet.sequence_number(), facts);
        if !matches!(arrival, Arrival::OnProbation | Arrival::OutOfPlace) {
            self.last = Some(arrived);
        }
        packet.origin = Origin {
            source: Source {
                stream: self.config.key,
                index: arrival.delivered()?,
            },
            arrived,
            format,
            via: Via::Media,
        };
        Some(packet)
    }

    /// The stream's statistics.
    pub const fn reception(&self) -> &Reception {
        &self.reception
    }

    /// The stream's statistics, to make a report of.
    pub const fn reception_mut(&mut self) -> &mut Reception {
        &mut self.reception
    }

    /// The SSRC, once it is known.
    pub const fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// What was dropped.
    pub const fn stats(&self) -> UpstreamStats {
        self.stats
    }

    /// Whether a packet of another source begins to be the stream's.
    fn takes_over(&mut self, now: Instant, packet: &RtpPacket<'_>) -> bool {
        let is_silent = self.last.is_none_or(|last| now - last > self.config.silence);
        if self.config.ssrc.is_some() || !is_silent {
            return false;
        }
        let (ssrc, sequence) = (packet.ssrc(), packet.sequence_number());
        let known = self.rivals.iter_mut().flatten().find(|(known, _)| *known == ssrc);
        let before = match known {
            Some((_, last)) => core::mem::replace(last, sequence),
            None => {
                if let Some(oldest) = self.rivals.get_mut(self.oldest_rival) {
                    *oldest = Some((ssrc, sequence));
                }
                self.oldest_rival = (self.oldest_rival + 1) % RIVALS;
                return false;
            }
        };
        // RFC 3550 §A.1: two in a row.
        if sequence != before.wrapping_add(1) {
            return false;
        }
        self.stats.takeovers += u64::from(self.last.is_some());
        self.reception = self.reception.proven_after();
        self.ssrc = Some(ssrc);
        self.rivals = [None; RIVALS];
        true
    }
}
