//! Requests for key frames: one for all who ask, no more often than is of use.

use core::time::Duration;

use alloc::vec::Vec;

use pollrtc_core::Instant;

/// How often key frames may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyframeConfig {
    /// At least so much lies between two requests: a key frame costs as much as many others. Whoever asks meanwhile
    /// shares the next one.
    pub interval: Duration,
    /// An unanswered request is repeated after this, once...
    pub first_retry: Duration,
    /// ...and from then on after this.
    pub retry: Duration,
    /// So many times. Then it takes another who asks.
    pub retries: u8,
}

impl Default for KeyframeConfig {
    /// Each 500 ms; again after 250 ms, then five times after a second.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            first_retry: Duration::from_millis(250),
            retry: Duration::from_secs(1),
            retries: 6,
        }
    }
}

/// Requests for key frames of one stream, by PLI (RFC 4585 §6.3.1) or FIR (RFC 5104 §4.3.1): however many subscribers
/// ask however often, the publisher is asked once.
///
/// ```
/// use core::time::Duration;
/// use pollrtc_core::Instant;
/// use pollrtc_media::{KeyframeConfig, KeyframeRequests};
/// let mut requests = KeyframeRequests::new(KeyframeConfig::default());
/// let now = Instant::from_millis(1_000);
/// for _ in 0..300 {
///     requests.request();
/// }
/// assert!(requests.poll_request(now).is_some());
/// assert!(requests.poll_request(now).is_none());
/// // It was lost.
/// let later = requests.poll_timeout().ok_or("no answer yet")?;
/// assert_eq!(later, now + Duration::from_millis(250));
/// assert!(requests.poll_request(later).is_some());
/// requests.handle_key_frame();
/// assert_eq!(requests.poll_timeout(), None);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KeyframeRequests {
    config: KeyframeConfig,
    is_wanted: bool,
    /// A request that has not been answered, and how many times it was repeated.
    open: Option<(Instant, u8)>,
    last: Option<Instant>,
    sequence: u8,
    sent: u64,
}

/// A request to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyframeRequest {
    /// Its number, for a FIR: a repeated request has the same (RFC 5104 §4.3.1.2).
    pub sequence: u8,
    /// How many times it was sent before.
    pub repeated: u8,
}

impl KeyframeRequests {
    /// Nobody has asked.
    pub const fn new(config: KeyframeConfig) -> Self {
        Self {
            config,
            is_wanted: false,
            open: None,
            last: None,
            sequence: 0,
            sent: 0,
        }
    }

    /// Somebody needs a key frame. Who asks while a request is open shares the answer.
    pub const fn request(&mut self) {
        self.is_wanted = true;
    }

    /// A key frame began: all who have asked have it.
    pub const fn handle_key_frame(&mut self) {
        self.is_wanted = false;
        self.open = None;
    }

    /// The request that is to be sent now, if there is one.
    pub fn poll_request(&mut self, now: Instant) -> Option<KeyframeRequest> {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return None;
        }
        let repeated = match self.open {
            Some((_, repeated)) => repeated + 1,
            None => {
                self.sequence = self.sequence.wrapping_add(1);
                0
            }
        };
        // The last repetition closes it.
        self.open = (repeated < self.config.retries).then_some((now, repeated));
        self.is_wanted = false;
        self.last = Some(now);
        self.sent += 1;
        Some(KeyframeRequest {
            sequence: self.sequence,
            repeated,
        })
    }

    /// When a request is to be sent: at once, if that is in the past.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.open {
            Some((sent, 0)) => Some(sent + self.config.first_retry),
            Some((sent, _)) => Some(sent + self.config.retry),
            None if self.is_wanted => Some(self.last.map_or(Instant::ZERO, |last| last + self.config.interval)),
            None => None,
        }
    }

    /// How many requests were sent.
    pub const fn sent(&self) -> u64 {
        self.sent
    }
}

/// FIRs that came for one stream: a number that a sender repeats is the same request (RFC 5104 §4.3.1.2).
///
/// ```
/// use pollrtc_media::ReceivedFirs;
/// let mut firs = ReceivedFirs::default();
/// assert!(firs.is_new(0xcafe, 7));
/// assert!(!firs.is_new(0xcafe, 7));
/// assert!(firs.is_new(0xcafe, 8));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ReceivedFirs {
    latest: Vec<(u32, u8)>,
}

impl ReceivedFirs {
    /// How many senders are told apart. One that was forgotten may repeat itself once.
    pub const LIMIT: usize = 16;

    /// Notes a request; whether it is a new one.
    pub fn is_new(&mut self, sender: u32, sequence: u8) -> bool {
        if let Some((_, latest)) = self.latest.iter_mut().find(|(known, _)| *known == sender) {
            return core::mem::replace(latest, sequence) != sequence;
        }
        if self.latest.len() >= Self::LIMIT {
            self.latest.remove(0);
        }
        self.latest.push((sender, sequence));
        true
    }
}
