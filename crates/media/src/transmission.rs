//! What is known of a stream that is sent, as its sender reports tell it.

use pollrtc_core::Instant;
use pollrtc_rtp::rtcp::SenderInfo;

use crate::{ClockPair, NtpClock};

/// Statistics of one sent stream (one SSRC): what its sender reports say (RFC 3550 §6.4.1).
///
/// ```
/// use pollrtc_core::Instant;
/// use pollrtc_media::{ClockPair, NtpClock, Transmission};
/// let mut transmission = Transmission::new(90_000);
/// transmission.handle_packet(Instant::from_millis(100), 4_000, 1_200);
/// transmission.set_clock(ClockPair { timestamp: 4_000, at: Instant::from_millis(50) }); // taken by the camera then
/// let report = transmission.report(Instant::from_millis(150), NtpClock::default()).ok_or("nothing was sent")?;
/// assert_eq!((report.packet_count, report.octet_count), (1, 1_200));
/// assert_eq!(report.rtp_timestamp, 13_000); // a tenth of a second behind the frame
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Transmission {
    clock_rate: u32,
    /// What was said of the clock; else the writing of the first packet counts.
    clock: Option<ClockPair>,
    packets: u64,
    octets: u64,
}

impl Transmission {
    /// A stream whose codec has a clock of `clock_rate` hertz. Another SSRC is another stream: its counters begin at 0.
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            clock: None,
            packets: 0,
            octets: 0,
        }
    }

    /// A packet left, with so many bytes of payload.
    pub fn handle_packet(&mut self, now: Instant, timestamp: u32, payload: usize) {
        self.clock.get_or_insert(ClockPair { timestamp, at: now });
        self.packets += 1;
        self.octets += payload as u64;
    }

    /// What the stream's clock showed when: reports then tell receivers how sound and picture go together. For a
    /// forwarded stream this is the publisher's clock, in the timestamps that leave
    /// ([`Forwarder::outgoing_clock`](crate::Forwarder::outgoing_clock)).
    pub const fn set_clock(&mut self, clock: ClockPair) {
        self.clock = Some(clock);
    }

    /// What a report says that leaves now; `None` if no packet has left. RFC 3550 §6.4.1: the timestamp is that of
    /// the report's own moment, not that of a packet; the counters wrap.
    pub fn report(&self, now: Instant, world: NtpClock) -> Option<SenderInfo> {
        let clock = self.clock.filter(|_| self.packets > 0)?;
        Some(SenderInfo {
            ntp_time: world.at(now),
            rtp_timestamp: clock.timestamp_at(now, self.clock_rate),
            packet_count: self.packets as u32,
            octet_count: self.octets as u32,
        })
    }

    /// Packets sent.
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes of payload sent.
    pub const fn octets(&self) -> u64 {
        self.octets
    }
}
