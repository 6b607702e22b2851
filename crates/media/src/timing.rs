//! When RTCP is sent: RFC 3550 §6.3, with the early feedback of AVPF (RFC 4585 §3.5).

use core::time::Duration;

use alloc::vec::Vec;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;

/// RFC 3550 §6.3.1: e - 3/2, which makes up for what reconsideration does to the average.
const COMPENSATION: f64 = core::f64::consts::E - 1.5;
/// RFC 3550 §6.3.1: senders have a quarter of the bandwidth to themselves where they are fewer than a quarter.
const SENDER_SHARE: f64 = 0.25;
/// RFC 3550 §6.3.5: after so many intervals without a packet a member has left.
const MEMBER_TIMEOUT: u32 = 5;
/// RFC 3550 §6.3.5: after so many intervals without RTP a member is no sender any more.
const SENDER_TIMEOUT: u32 = 2;
/// RFC 3550 §6.3.7: with fewer members than this a BYE leaves at once.
const FEW_MEMBERS: usize = 50;
/// RFC 4585 §3.4 d: until the first packet, where more than two take part.
const TMIN_MULTIPARTY: Duration = Duration::from_secs(1);
/// RFC 4585 §3.5.2: feedback is spread over this part of the interval, where more than two take part.
const DITHER: f64 = 0.5;
/// However little bandwidth there is, somebody is heard of within this.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What is negotiated and chosen for the RTCP of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtcpTimingConfig {
    /// The bandwidth of all RTCP of the session, in bits per second: 5 % of that of the session (RFC 3550 §6.2).
    pub bandwidth: u32,
    /// When feedback may leave, and how far apart reports are.
    pub profile: RtcpProfile,
    /// About how long the first packet will be, in bytes, with IP and UDP.
    pub first_packet: usize,
    /// How many members are told apart: more are counted as far as this, and forgotten again.
    pub members: usize,
}

/// The profile of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpProfile {
    /// RTP/AVP, RTP/SAVP: reports at least so far apart, 5 s in RFC 3550 §6.2; half of it before the first.
    Avp {
        /// Tmin.
        shortest: Duration,
    },
    /// RTP/AVPF, RTP/SAVPF: feedback leaves early.
    Avpf {
        /// T_rr_interval (`trr-int`): regular reports are at least so far apart, zero for no such bound
        /// (RFC 4585 §3.4 m).
        shortest: Duration,
    },
}

impl Default for RtcpTimingConfig {
    /// AVPF with 100 kbit/s, reports at least a second apart.
    fn default() -> Self {
        Self {
            bandwidth: 100_000,
            profile: RtcpProfile::Avpf {
                shortest: Duration::from_secs(1),
            },
            first_packet: 100,
            members: 256,
        }
    }
}

/// Tells when the RTCP of one session leaves.
///
/// A compound that is due is sent with all that there is to tell; feedback that can't wait for it asks with
/// [`request_early`](Self::request_early). The caller tells what it sends, what comes, and who leaves.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
/// use pollrtc_crypto::Rng;
/// use pollrtc_media::{RtcpDue, RtcpTiming, RtcpTimingConfig};
/// let now = Instant::from_millis(1_000);
/// let mut timing = RtcpTiming::new(now, RtcpTimingConfig::default(), Rng::from_seed([1; 32]));
/// timing.handle_rtp(now, 0xcafe);
/// // A packet is missing: with two members that is told at once.
/// assert!(timing.request_early(now, Duration::from_millis(100)));
/// assert_eq!(timing.poll_due(now), Some(RtcpDue::Early));
/// timing.handle_sent(64);
/// // The next report comes in its time.
/// let next = timing.poll_timeout();
/// assert!(next > now && timing.poll_due(now).is_none());
/// ```
#[derive(Debug)]
pub struct RtcpTiming {
    config: RtcpTimingConfig,
    rng: Rng,
    /// Other members, by SSRC.
    members: Vec<Member>,
    we_sent: Option<Instant>,
    /// RFC 3550 §6.3: members when tn was last computed; ourselves included.
    previous_members: usize,
    average_size: f64,
    is_initial: bool,
    /// tp and tn.
    previous: Instant,
    next: Instant,
    /// T_rr: the interval as computed last.
    interval: Duration,
    early: Early,
    has_sent: bool,
    /// A BYE is to leave: how many members have said theirs since, ourselves included.
    leaving: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    ssrc: u32,
    heard: Instant,
    sent: Option<Instant>,
}

/// Early feedback (RFC 4585 §3.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Early {
    /// It may be scheduled (allow_early).
    Allowed,
    /// It leaves then (te).
    Scheduled(Instant),
    /// It has left; the next may not before an interval is over.
    Spent(Instant),
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcpDue {
    /// A regular report, with feedback if there is any.
    Report,
    /// Feedback, in a compound as small as may be.
    Early,
    /// A BYE, and then nothing any more.
    Bye,
}

impl RtcpTiming {
    /// Somebody takes part in a session from now on.
    pub fn new(now: Instant, config: RtcpTimingConfig, rng: Rng) -> Self {
        let mut timing = Self {
            config,
            rng,
            members: Vec::new(),
            we_sent: None,
            previous_members: 1,
            average_size: config.first_packet as f64,
            is_initial: true,
            previous: now,
            next: now,
            interval: Duration::ZERO,
            early: Early::Allowed,
            has_sent: false,
            leaving: None,
        };
        timing.interval = timing.random_interval();
        timing.next = now + timing.interval;
        timing
    }

    /// RTP came from this SSRC, which SRTP or probation have shown to be genuine.
    pub fn handle_rtp(&mut self, now: Instant, ssrc: u32) {
        if let Some(member) = self.member(now, ssrc) {
            member.sent = Some(now);
        }
    }

    /// A compound came from this SSRC, so many bytes long, with IP and UDP. One with a BYE goes to
    /// [`handle_bye`](Self::handle_bye) besides.
    pub fn handle_rtcp(&mut self, now: Instant, ssrc: u32, size: usize) {
        // RFC 3550 §6.3.7: while we leave, only BYEs count.
        if self.leaving.is_none() {
            self.member(now, ssrc);
            self.average(size);
        }
    }

    /// A member has said goodbye, in a compound of so many bytes (RFC 3550 §6.3.4).
    pub fn handle_bye(&mut self, now: Instant, ssrc: u32, size: usize) {
        if let Some(gone) = self.leaving.as_mut() {
            *gone += 1;
            self.average(size);
            return;
        }
        self.members.retain(|member| member.ssrc != ssrc);
        self.reconsider_reverse(now);
    }

    /// We have sent RTP (RFC 3550 §6.3.8).
    pub fn handle_rtp_sent(&mut self, now: Instant) {
        self.has_sent = true;
        if self.we_sent.replace(now).is_none() {
            self.reconsider_reverse(now);
        }
    }

    /// What [`poll_due`](Self::poll_due) told was sent, so many bytes long, with IP and UDP. If there was nothing to send,
    /// say zero.
    pub fn handle_sent(&mut self, size: usize) {
        if size > 0 {
            self.has_sent = true;
            self.average(size);
            self.is_initial = false;
        }
    }

    /// There is feedback that is of use if it leaves within `delay`. True if it does: early, which
    /// [`poll_timeout`](Self::poll_timeout) and [`poll_due`](Self::poll_due) tell, or with the next report. If not, forget
    /// it (RFC 4585 §3.5.2).
    pub fn request_early(&mut self, now: Instant, delay: Duration) -> bool {
        if self.leaving.is_some() {
            return false;
        }
        let with_report = self.next <= now + delay;
        if matches!(self.config.profile, RtcpProfile::Avp { .. }) {
            return with_report;
        }
        let dither = match self.is_point_to_point() {
            true => Duration::ZERO,
            false => self.interval.mul_f64(DITHER * self.random()),
        };
        let at = match self.early {
            Early::Scheduled(at) => at,
            // What is over the bandwidth waits for its turn.
            Early::Spent(until) if now < until => until,
            Early::Allowed | Early::Spent(_) => now + dither,
        };
        // RFC 4585 §3.5.2: it would not leave before the report that is due anyway, or too late to be of use.
        if at >= self.next || at > now + delay {
            return with_report;
        }
        self.early = Early::Scheduled(at);
        true
    }

    /// We leave: a BYE is to be sent, at once where members are few. Nobody who never sent anything says it
    /// (RFC 3550 §6.3.7).
    pub fn leave(&mut self, now: Instant, bye_size: usize) {
        if self.leaving.is_some() || !self.has_sent {
            return;
        }
        let members = self.members.len() + 1;
        self.leaving = Some(1);
        if members < FEW_MEMBERS {
            self.next = now;
            self.previous = now - LONGEST;
            return;
        }
        self.previous = now;
        self.previous_members = 1;
        self.is_initial = true;
        self.we_sent = None;
        self.average_size = bye_size as f64;
        self.interval = self.random_interval();
        self.next = now + self.interval;
    }

    /// What is to be sent now. Ask for it when the time of [`poll_timeout`](Self::poll_timeout) has come; send it at once,
    /// and say how long it was.
    pub fn poll_due(&mut self, now: Instant) -> Option<RtcpDue> {
        if let (Early::Scheduled(at), None) = (self.early, self.leaving)
            && at <= now
            && at < self.next
        {
            // RFC 4585 §3.4: it took the place of a report, so that the average stays the same.
            self.early = Early::Spent(now + self.interval);
            return Some(RtcpDue::Early);
        }
        if now < self.next {
            return None;
        }
        self.expire(now);
        let interval = self.random_interval();
        self.previous_members = self.counted_members();
        // RFC 3550 §6.3.6: members may have come since.
        if self.previous + interval > now && !self.leaves_at_once() {
            self.interval = interval;
            self.next = self.previous + interval;
            return None;
        }
        if self.leaving.is_some() {
            self.next = Instant::FAR_FUTURE;
            return Some(RtcpDue::Bye);
        }
        self.previous = now;
        self.interval = self.random_interval();
        self.next = now + self.interval;
        if let Early::Scheduled(_) = self.early {
            self.early = Early::Allowed; // it goes with this one
        }
        // RFC 4585 §3.5.3: reports without feedback that come sooner would be left out.
        if let RtcpProfile::Avpf { shortest } = self.config.profile {
            self.next = self.next.max(now + shortest.mul_f64(0.5 + self.random()));
        }
        Some(RtcpDue::Report)
    }

    /// When to ask [`poll_due`](Self::poll_due) at the latest; [`Instant::FAR_FUTURE`] once a BYE was said.
    pub fn poll_timeout(&self) -> Instant {
        match self.early {
            Early::Scheduled(at) if self.leaving.is_none() => at.min(self.next),
            _ => self.next,
        }
    }

    /// How many take part, ourselves included.
    pub fn members(&self) -> usize {
        self.members.len() + 1
    }

    /// How many of them send, ourselves included.
    pub fn senders(&self) -> usize {
        let others = self.members.iter().filter(|member| member.sent.is_some()).count();
        others + usize::from(self.we_sent.is_some())
    }

    /// The interval before randomness: Td (RFC 3550 §6.3.1).
    fn deterministic_interval(&self, is_sender: bool) -> Duration {
        let members = self.counted_members();
        let senders = if self.leaving.is_some() { 0 } else { self.senders() };
        let bandwidth = f64::from(self.config.bandwidth.max(1)) / 8.0;
        let (count, bandwidth) = if senders as f64 <= members as f64 * SENDER_SHARE {
            match is_sender {
                true => (senders, bandwidth * SENDER_SHARE),
                false => (members - senders.min(members), bandwidth * (1.0 - SENDER_SHARE)),
            }
        } else {
            (members, bandwidth)
        };
        let seconds = (count as f64 * self.average_size / bandwidth).min(LONGEST.as_secs_f64());
        Duration::from_secs_f64(seconds.max(0.0)).max(self.shortest_interval())
    }

    /// Tmin.
    fn shortest_interval(&self) -> Duration {
        match self.config.profile {
            RtcpProfile::Avp { shortest } if self.is_initial => shortest / 2,
            RtcpProfile::Avp { shortest } => shortest,
            // RFC 4585 §3.5.1.
            RtcpProfile::Avpf { .. } if self.is_initial && !self.is_point_to_point() => TMIN_MULTIPARTY,
            RtcpProfile::Avpf { .. } => Duration::ZERO,
        }
    }

    /// T.
    fn random_interval(&mut self) -> Duration {
        let interval = self.deterministic_interval(self.we_sent.is_some());
        let factor = (0.5 + self.random()) / COMPENSATION;
        interval.mul_f64(factor).max(Duration::from_millis(1))
    }

    /// From 0 to 1.
    fn random(&mut self) -> f64 {
        f64::from(self.rng.u32()) / f64::from(u32::MAX)
    }

    /// RFC 3550 §6.3.3.
    fn average(&mut self, size: usize) {
        self.average_size += (size as f64 - self.average_size) / 16.0;
    }

    /// A member of whom something was heard, if there is room for one more.
    fn member(&mut self, now: Instant, ssrc: u32) -> Option<&mut Member> {
        if self.leaving.is_some() {
            return None;
        }
        match self.members.binary_search_by_key(&ssrc, |member| member.ssrc) {
            Ok(at) => {
                let member = self.members.get_mut(at)?;
                member.heard = now;
                Some(member)
            }
            Err(_) if self.members.len() >= self.config.members => None,
            Err(at) => {
                let heard = now;
                self.members.insert(
                    at,
                    Member {
                        ssrc,
                        heard,
                        sent: None,
                    },
                );
                self.members.get_mut(at)
            }
        }
    }

    /// RFC 3550 §6.3.5.
    fn expire(&mut self, now: Instant) {
        if self.leaving.is_some() {
            return;
        }
        // With no lower bound two would soon forget each other.
        let interval = self.deterministic_interval(false).max(Duration::from_secs(5));
        let before = self.members.len();
        self.members
            .retain(|member| now - member.heard <= interval * MEMBER_TIMEOUT);
        for member in &mut self.members {
            member.sent = member.sent.filter(|sent| now - *sent <= interval * SENDER_TIMEOUT);
        }
        self.we_sent = self.we_sent.filter(|sent| now - *sent <= interval * SENDER_TIMEOUT);
        if self.members.len() < before {
            self.reconsider_reverse(now);
        }
    }

    /// Fewer members have more bandwidth each: what was scheduled comes nearer (RFC 3550 §6.3.4).
    fn reconsider_reverse(&mut self, now: Instant) {
        let members = self.counted_members();
        if members < self.previous_members {
            let share = members as f64 / self.previous_members as f64;
            self.next = now + (self.next - now).mul_f64(share);
            self.previous = now - (now - self.previous).mul_f64(share);
            self.previous_members = members;
        }
    }

    fn counted_members(&self) -> usize {
        self.leaving.unwrap_or(self.members.len() + 1)
    }

    fn leaves_at_once(&self) -> bool {
        self.leaving.is_some() && self.members.len() + 1 < FEW_MEMBERS
    }

    fn is_point_to_point(&self) -> bool {
        self.members.len() <= 1
    }
}
