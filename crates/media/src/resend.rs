//! Which requests for packets are answered.

use core::time::Duration;

use pollrtc_core::Instant;

/// How many resends within one round trip are remembered, and so allowed.
const REMEMBERED: usize = 96;
/// A packet that is older is of no use, unless the round trip is long.
const OLDEST: Duration = Duration::from_secs(1);
/// How many bytes of media earn one byte of resends.
const SHARE: u64 = 4;
/// So much may be resent however little was sent: ten packets.
const LEAST_CREDIT: u64 = 12_000;
/// Rates are counted in windows of this length.
const WINDOW: Duration = Duration::from_secs(1);
/// Times are remembered in so many bits of milliseconds; after half as long they are forgotten.
const FORGET: Duration = Duration::from_secs(30);

/// The answers to one receiver's NACKs (RFC 4585 §6.2.1), kept within bounds: the same packet is sent again a round trip
/// later at the soonest, none that is too old, and no more than a quarter of what the stream has sent.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
/// use pollrtc_media::{Refusal, Resends};
/// let mut resends = Resends::new();
/// resends.set_round_trip(Duration::from_millis(80));
/// let sent = Instant::from_millis(1_000);
/// resends.handle_packet(sent, 1_200);
/// let asked = Instant::from_millis(1_050);
/// assert_eq!(resends.admit(asked, 7, sent, 1_200), Ok(()));
/// assert_eq!(resends.admit(asked, 7, sent, 1_200), Err(Refusal::TooSoon));
/// assert_eq!(resends.admit(asked + Duration::from_millis(80), 7, sent, 1_200), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct Resends {
    round_trip: Duration,
    /// A ring: the lower bits of number and time.
    recent: [(u16, u16); REMEMBERED],
    begin: u8,
    len: u8,
    last: Instant,
    credit: u64,
    window: Instant,
    /// Bytes of media in this window, and in the one before.
    media: [u64; 2],
    stats: ResendStats,
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was sent again less than a round trip ago.
    TooSoon,
    /// It would come too late to be of use.
    TooOld,
    /// As much was resent as may be.
    OverRate,
}

/// What became of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResendStats {
    /// Packets that were sent again.
    pub resent: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Requests that came again within a round trip.
    pub too_soon: u64,
    /// Requests for packets of long ago.
    pub too_old: u64,
    /// Requests above the rate.
    pub over_rate: u64,
}

impl Resends {
    /// Nothing was asked for.
    pub const fn new() -> Self {
        Self {
            round_trip: Duration::from_millis(100),
            recent: [(0, 0); REMEMBERED],
            begin: 0,
            len: 0,
            last: Instant::ZERO,
            credit: LEAST_CREDIT,
            window: Instant::ZERO,
            media: [0; 2],
            stats: ResendStats {
                resent: 0,
                bytes: 0,
                too_soon: 0,
                too_old: 0,
                over_rate: 0,
            },
        }
    }

    /// How long it takes to the receiver and back.
    pub const fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// The stream sent a packet of so many bytes, for the first time.
    pub fn handle_packet(&mut self, now: Instant, bytes: usize) {
        let elapsed = now - self.window;
        if elapsed >= WINDOW {
            self.media = [0, if elapsed < WINDOW * 2 { self.media[0] } else { 0 }];
            self.window = now;
        }
        self.media[0] += bytes as u64;
        let most = (self.media[0].max(self.media[1]) / SHARE).max(LEAST_CREDIT);
        self.credit = (self.credit + (bytes as u64).div_ceil(SHARE)).min(most);
    }

    /// Whether the packet with this outgoing number, which was sent first (or came) at `sent` and has so many bytes, may
    /// be sent again now. If so, do it: it is counted.
    ///
    /// # Errors
    ///
    /// Why not. Nothing has to be done then.
    pub fn admit(&mut self, now: Instant, sequence: u64, sent: Instant, bytes: usize) -> Result<(), Refusal> {
        if now - sent > OLDEST.max(self.round_trip * 3) {
            self.stats.too_old += 1;
            return Err(Refusal::TooOld);
        }
        self.forget(now);
        let sequence = sequence as u16;
        let mut recent = (0..self.len).filter_map(|offset| self.recent.get(self.place(offset)));
        if recent.any(|(known, _)| *known == sequence) {
            self.stats.too_soon += 1;
            return Err(Refusal::TooSoon);
        }
        let has_room = usize::from(self.len) < REMEMBERED;
        let Some(credit) = self.credit.checked_sub(bytes as u64).filter(|_| has_room) else {
            self.stats.over_rate += 1;
            return Err(Refusal::OverRate);
        };
        self.credit = credit;
        let place = self.place(self.len);
        if let Some(slot) = self.recent.get_mut(place) {
            *slot = (sequence, millis(now));
            self.len += 1;
        }
        self.stats.resent += 1;
        self.stats.bytes += bytes as u64;
        Ok(())
    }

    /// What was counted.
    pub const fn stats(&self) -> ResendStats {
        self.stats
    }

    /// Lets go of what was resent a round trip ago.
    fn forget(&mut self, now: Instant) {
        if now - self.last > FORGET || now < self.last {
            self.len = 0;
        }
        self.last = now;
        let round_trip = u16::try_from(self.round_trip.as_millis()).unwrap_or(u16::MAX);
        while self.len > 0 {
            let oldest = self.recent.get(self.place(0)).map_or(0, |(_, at)| *at);
            if millis(now).wrapping_sub(oldest) < round_trip.min(millis_of(FORGET)) {
                return;
            }
            self.begin = self.place(1) as u8;
            self.len -= 1;
        }
    }

    fn place(&self, offset: u8) -> usize {
        (usize::from(self.begin) + usize::from(offset)) % REMEMBERED
    }
}

impl Default for Resends {
    fn default() -> Self {
        Self::new()
    }
}

/// The lower bits of a time in milliseconds.
const fn millis(at: Instant) -> u16 {
    (at.as_nanos() / 1_000_000) as u16
}

const fn millis_of(duration: Duration) -> u16 {
    duration.as_millis() as u16
}
