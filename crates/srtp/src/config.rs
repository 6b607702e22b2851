//! What both ends have agreed upon beside keys, and what is kept.

use alloc::boxed::Box;
use core::fmt;

use pollrtc_crypto::CryptoError;

/// How packets are protected beyond their profile, and how much is remembered of them.
///
/// The defaults are those of WebRTC. Headers are encrypted, and master keys named, only where both ends agreed so.
///
/// ```
/// use pollrtc_srtp::{Config, Cryptex};
/// let config = Config {
///     cryptex: Cryptex::Offered,
///     ..Config::default()
/// };
/// assert_eq!(config.rtp_window, 1024);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How far behind the newest packet of its stream an RTP packet may be, in packets: 64 (RFC 3711 §3.3.2) to
    /// 32,768, and a multiple of 64. What is older is refused, since nobody knows any more whether it was there
    /// before. It holds for [`Inbound`](crate::Inbound) and [`Outbound`](crate::Outbound) alike. A stream takes one
    /// bit for each.
    pub rtp_window: usize,
    /// The same for RTCP, of [`Inbound`](crate::Inbound) alone.
    pub rtcp_window: usize,
    /// For how many of the newest packets of a stream [`Outbound`](crate::Outbound) knows what it sealed, so that they
    /// can be sealed again: a power of two, 1 to 32,768. A stream takes four bytes for each.
    pub repeatable: usize,
    /// Of how many streams a context knows what was there before, 1 to 65,535; of as many again for RTCP. If there are more,
    /// those that were silent for longest give way.
    ///
    /// [`Inbound`](crate::Inbound) forgets them. Only who has the keys can make it do so. [`Outbound`](crate::Outbound) forgets
    /// what it sealed of them, but not up to where: they go on from there, and nothing of them can be sent again or late. It
    /// refuses streams only when there were 65,535.
    ///
    /// As the defaults are, a stream takes 0.3 KiB in the one and 0.8 KiB in the other.
    pub max_streams: usize,
    /// Whether the first packet of a stream that is not authentic is tried once more, as if the sequence number had
    /// wrapped before it (rollover counter 1): so a stream is not lost whose packets around its first wrap all were.
    pub try_next_rollover: bool,
    /// Whether RTCP that is authentic but not encrypted (RFC 3711 §3.4, the E flag) is taken.
    pub accept_unencrypted_rtcp: bool,
    /// Encryption of whole headers.
    pub cryptex: Cryptex,
    /// Encryption of some header extensions (RFC 6904): their numbers. Packets whose whole header is encrypted are not
    /// concerned.
    pub encrypted_extensions: ExtensionIds,
    /// The identifier of the master key that packets carry, if they carry one.
    pub mki: Option<Mki>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rtp_window: 1024,
            rtcp_window: 128,
            repeatable: 128,
            max_streams: 256,
            try_next_rollover: true,
            accept_unencrypted_rtcp: false,
            cryptex: Cryptex::Off,
            encrypted_extensions: ExtensionIds::NONE,
            mki: None,
        }
    }
}

impl Config {
    /// Whether all is within its range.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for window in [self.rtp_window, self.rtcp_window] {
            if !(64..=32_768).contains(&window) || !window.is_multiple_of(64) {
                return Err(ConfigError::Window(window));
            }
        }
        if !self.repeatable.is_power_of_two() || self.repeatable > 32_768 {
            return Err(ConfigError::Repeatable(self.repeatable));
        }
        if !(1..=65_535).contains(&self.max_streams) {
            return Err(ConfigError::Streams(self.max_streams));
        }
        Ok(())
    }

    pub(crate) fn mki_len(&self) -> usize {
        self.mki.as_ref().map_or(0, |mki| mki.as_bytes().len())
    }
}

/// Whether header extensions and contributing sources are encrypted as a whole (RFC 9335).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cryptex {
    /// They are not. Packets that come with such a header are dropped.
    #[default]
    Off,
    /// They are, in what we send; of what comes each packet says it by itself.
    Offered,
    /// They are, both ways: packets with a plain header extension or plain contributing sources are dropped.
    Required,
}

/// A set of numbers of header extensions (RFC 8285).
///
/// ```
/// use pollrtc_srtp::ExtensionIds;
/// let ids: ExtensionIds = [1, 3].into_iter().collect();
/// assert!(ids.contains(3));
/// assert!(!ids.contains(2));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionIds([u128; 2]);

impl ExtensionIds {
    /// No number.
    pub const NONE: Self = Self([0; 2]);

    /// Adds a number. 0 is padding, and stays out.
    pub fn insert(&mut self, id: u8) {
        let [low, high] = &mut self.0;
        let half = if id < 128 { low } else { high };
        *half |= u128::from(id != 0) << (id % 128);
    }

    /// Whether the number is one of them.
    pub const fn contains(&self, id: u8) -> bool {
        let [low, high] = self.0;
        let half = if id < 128 { low } else { high };
        half >> (id % 128) & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }
}

impl FromIterator<u8> for ExtensionIds {
    fn from_iter<I: IntoIterator<Item = u8>>(ids: I) -> Self {
        let mut set = Self::NONE;
        for id in ids {
            set.insert(id);
        }
        set
    }
}

impl fmt::Debug for ExtensionIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries((1..=255).filter(|id| self.contains(*id)))
            .finish()
    }
}

/// A master key identifier (RFC 3711 §3.1): bytes in each packet that name the key. A context has one key; who has
/// several has a context for each.
///
/// ```
/// use pollrtc_srtp::Mki;
/// assert_eq!(Mki::new(&[0, 0, 0, 1])?.as_bytes(), [0, 0, 0, 1]);
/// # Ok::<(), pollrtc_srtp::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mki(Box<[u8]>);

impl Mki {
    /// An identifier of 1 to 255 bytes (RFC 5764 §4.1.1; SDES has up to 128).
    ///
    /// # Errors
    ///
    /// If it is shorter or longer.
    pub fn new(bytes: &[u8]) -> Result<Self, ConfigError> {
        match bytes.len() {
            1..=255 => Ok(Self(bytes.into())),
            len => Err(ConfigError::Mki(len)),
        }
    }

    /// The bytes, as they stand in packets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Why there is no context with this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// [`Config::rtp_window`] or [`Config::rtcp_window`].
    #[error("a window of {0} packets is not a multiple of 64 from 64 to 32768")]
    Window(usize),
    /// [`Config::repeatable`].
    #[error("{0} repeatable packets are not a power of two up to 32768")]
    Repeatable(usize),
    /// [`Config::max_streams`].
    #[error("{0} streams are not 1 to 65535")]
    Streams(usize),
    /// The length of a master key identifier.
    #[error("a master key identifier has 1 to 255 bytes, not {0}")]
    Mki(usize),
    /// The provider does not have what the profile needs.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}
