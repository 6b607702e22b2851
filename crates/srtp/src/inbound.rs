//! Packets that come.

use core::fmt;

use pollrtc_crypto::{AeadAlgorithm, Provider, Rng};

use crate::header::{Header, RTCP_HEADER_LEN, rtcp_ssrc};
use crate::index::{HALF_ROUND, INDEX_END, RTCP_INDEX_END, guess};
use crate::profile::TAG_80;
use crate::streams::Streams;
use crate::transform::{PacketId, Portion, SessionKeys, Transform};
use crate::window::{Known, Window};
use crate::{Config, ConfigError, Cryptex, Dropped, InboundStats, MasterKey, cryptex, extensions};

/// Checks and decrypts what one peer sends, all its streams, in the caller's own buffer.
///
/// It lives as long as the association that it has its key from: who makes a new association drops it, which wipes the
/// keys. A packet that is dropped has changed nothing but a counter; a stream is known from its first authentic packet
/// on. Nothing here allocates, except where a stream begins.
///
/// ```
/// use pollrtc_crypto::{Rng, default_provider};
/// use pollrtc_srtp::{Config, Dropped, Inbound, MasterKey, Outbound, Profile};
///
/// let key = MasterKey::new(Profile::AeadAes128Gcm, &[7; 16], &[8; 12])?;
/// let mut outbound = Outbound::new(default_provider(), &key, &Config::default())?;
/// let mut inbound = Inbound::new(default_provider(), &key, &Config::default(), &mut Rng::from_os())?;
///
/// let mut buf = [0; 1500];
/// buf[..16].copy_from_slice(&[0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b's', b'o', b'n', b'g']);
/// let len = outbound.protect_rtp(1, &mut buf, 16)?;
///
/// let mut copy = buf;
/// let unprotected = inbound.unprotect_rtp(&mut buf[..len])?;
/// assert_eq!(unprotected.packet[12..], *b"song");
/// assert_eq!(unprotected.index, 1);
/// assert_eq!(inbound.unprotect_rtp(&mut copy[..len]), Err(Dropped::Replayed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Inbound {
    keys: SessionKeys,
    config: Config,
    rtp_overhead: usize,
    rtcp_overhead: usize,
    rtp: Streams<Window>,
    rtcp: Streams<Window>,
    stats: InboundStats,
}

/// A packet that is authentic and new, decrypted where it lay.
#[derive(Debug, PartialEq, Eq)]
pub struct Unprotected<'d> {
    /// The plain packet.
    pub packet: &'d mut [u8],
    /// Its stream; of RTCP the sender.
    pub ssrc: u32,
    /// Its index in the stream: of RTP 48 bits, the low 16 of which are its sequence number; of RTCP 31 bits.
    pub index: u64,
}

/// What is kept of a packet's place until it is known to be authentic.
struct Opened {
    len: usize,
    id: PacketId,
}

impl Inbound {
    /// A context for the packets that are protected with `master`.
    ///
    /// # Errors
    ///
    /// If the configuration is out of range, or the provider does not have what the profile needs.
    pub fn new(
        provider: &dyn Provider,
        master: &MasterKey,
        config: &Config,
        rng: &mut Rng,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let profile = master.profile();
        Ok(Self {
            keys: SessionKeys::derive(provider, master)?,
            rtp_overhead: profile.rtp_tag_len() + config.mki_len(),
            rtcp_overhead: INDEX_LEN + profile.rtcp_tag_len() + config.mki_len(),
            rtp: Streams::new(config.max_streams, rng.u64()),
            rtcp: Streams::new(config.max_streams, rng.u64()),
            config: config.clone(),
            stats: InboundStats::default(),
        })
    }

    /// Checks and decrypts an SRTP packet (RFC 3711 §3.3).
    ///
    /// # Errors
    ///
    /// Why it is dropped. The bytes are unspecified then.
    pub fn unprotect_rtp<'d>(&mut self, packet: &'d mut [u8]) -> Result<Unprotected<'d>, Dropped> {
        let opened = self.open_rtp(packet);
        self.stats.rtp += u64::from(opened.is_ok());
        self.hand_over(opened, packet)
    }

    /// Checks and decrypts an SRTCP packet (RFC 3711 §3.4).
    ///
    /// # Errors
    ///
    /// Why it is dropped. The bytes are unspecified then.
    pub fn unprotect_rtcp<'d>(&mut self, packet: &'d mut [u8]) -> Result<Unprotected<'d>, Dropped> {
        let opened = self.open_rtcp(packet);
        self.stats.rtcp += u64::from(opened.is_ok());
        self.hand_over(opened, packet)
    }

    /// Begins a stream in the middle: its next packet has this index or one near it, and what lies below counts as if it
    /// had been there. For who joins late and was told the rollover counter (RFC 3711 §3.3.1), and for streams that
    /// another context went on with until now. A stream that is there already goes on no earlier than it was.
    pub fn resume(&mut self, ssrc: u32, next: u64) {
        let next = next.min(INDEX_END);
        let window = Window::from_next(self.config.rtp_window, next);
        match self.rtp.place(ssrc).and_then(|place| self.rtp.touch(place)) {
            Some(known) if known.newest().is_some_and(|newest| next <= newest) => {}
            Some(known) => *known = window,
            None => self.stats.streams_forgotten += u64::from(self.rtp.insert(ssrc, window)),
        }
    }

    /// The highest index of a stream so far; `None` if nothing authentic came of it yet.
    pub fn newest(&self, ssrc: u32) -> Option<u64> {
        self.rtp.at(self.rtp.place(ssrc)?)?.newest()
    }

    /// How many streams of RTP it knows.
    pub fn streams(&self) -> usize {
        self.rtp.len()
    }

    /// What has come so far.
    pub const fn stats(&self) -> InboundStats {
        self.stats
    }

    fn hand_over<'d>(
        &mut self,
        opened: Result<Opened, Dropped>,
        packet: &'d mut [u8],
    ) -> Result<Unprotected<'d>, Dropped> {
        let opened = opened.inspect_err(|dropped| self.count(*dropped))?;
        let PacketId { ssrc, index } = opened.id;
        let (packet, _) = packet.split_at_mut_checked(opened.len).ok_or(Dropped::Malformed)?;
        Ok(Unprotected { packet, ssrc, index })
    }

    fn count(&mut self, dropped: Dropped) {
        let counter = match dropped {
            Dropped::Malformed => &mut self.stats.dropped_malformed,
            Dropped::UnknownKey => &mut self.stats.dropped_unknown_key,
            Dropped::Replayed => &mut self.stats.dropped_replayed,
            Dropped::TooOld => &mut self.stats.dropped_too_old,
            Dropped::Unauthentic => &mut self.stats.dropped_unauthentic,
            Dropped::Unencrypted => &mut self.stats.dropped_unencrypted,
            Dropped::Header => &mut self.stats.dropped_header,
        };
        *counter += 1;
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<Opened, Dropped> {
        let end = packet.len().checked_sub(self.rtp_overhead).ok_or(Dropped::Malformed)?;
        let header = packet.get(..end).and_then(Header::parse).ok_or(Dropped::Malformed)?;
        let encrypted = packet.get(header.len..end).map_or(0, <[u8]>::len);
        if encrypted > MAX_ENCRYPTED_LEN {
            return Err(Dropped::Malformed);
        }
        let plain_profile = self.plain_profile(&header)?;
        let portion = match plain_profile {
            Some(_) => Portion::with_header(&header, end),
            None => Portion::behind(header.len, end),
        };
        let ssrc = header.ssrc;
        let place = self.rtp.place(ssrc);
        let id = match place.and_then(|place| self.rtp.at(place)) {
            Some(window) => {
                let newest = window.newest().unwrap_or_default();
                let index = guess(newest, header.sequence_number).ok_or(Dropped::TooOld)?;
                is_new(window, index)?;
                let id = PacketId { ssrc, index };
                self.open_portion(packet, portion, id)?;
                id
            }
            None => self.open_first(packet, portion, &header)?,
        };
        // From here on it is authentic.
        match place.and_then(|place| self.rtp.touch(place)) {
            Some(window) => window.insert(id.index),
            None => {
                let mut window = Window::new(self.config.rtp_window);
                window.insert(id.index);
                self.stats.streams_forgotten += u64::from(self.rtp.insert(ssrc, window));
            }
        }
        match (plain_profile, header.extension) {
            (Some(profile), Some(extension)) => cryptex::set_profile(packet, extension, profile),
            _ if self.config.encrypted_extensions.is_empty() => {}
            _ => extensions::apply(
                &self.keys.extensions,
                self.config.encrypted_extensions,
                packet,
                &header,
                id,
            ),
        }
        Ok(Opened { len: end, id })
    }

    /// The profile that the header extension has in the plain packet, if the header is encrypted.
    fn plain_profile(&self, header: &Header) -> Result<Option<u16>, Dropped> {
        let has_sources = header.sources_end > Header::FIXED_LEN;
        let profile = header.extension.map(|extension| extension.profile);
        let plain_profile = profile.and_then(cryptex::plain_profile);
        let is_plain = plain_profile.is_none() && (profile.is_some() || has_sources);
        match self.config.cryptex {
            Cryptex::Off if plain_profile.is_some() => Err(Dropped::Header),
            Cryptex::Required if is_plain => Err(Dropped::Header),
            _ => Ok(plain_profile),
        }
    }

    /// Checks the first packet of a stream, about which nothing is known.
    fn open_first(&self, packet: &mut [u8], portion: Portion, header: &Header) -> Result<PacketId, Dropped> {
        let first = PacketId {
            ssrc: header.ssrc,
            index: u64::from(header.sequence_number),
        };
        // A stream begins in the lower half. One of which all was lost until behind the first wrap is there again.
        if !self.config.try_next_rollover || first.index >= HALF_ROUND {
            return self.open_portion(packet, portion, first).map(|()| first);
        }
        // What can't be decrypted is not there any more afterwards.
        let mut copy = [0; LONGEST_FIRST];
        let copy = copy.get_mut(..packet.len()).map(|copy| {
            copy.copy_from_slice(packet);
            &*copy
        });
        if self.open_portion(packet, portion, first).is_ok() {
            return Ok(first);
        }
        packet.copy_from_slice(copy.ok_or(Dropped::Unauthentic)?);
        let second = PacketId {
            index: first.index + (1 << 16),
            ..first
        };
        self.open_portion(packet, portion, second).map(|()| second)
    }

    /// Authenticates and decrypts. Behind the portion are a tag and the key's identifier, in either order.
    #[inline]
    fn open_portion(&self, packet: &mut [u8], portion: Portion, id: PacketId) -> Result<(), Dropped> {
        let (message, trailer) = packet.split_at_mut_checked(portion.end).ok_or(Dropped::Malformed)?;
        match &self.keys.rtp {
            Transform::CtrHmac(transform) => {
                // RFC 3711 §3.1: the identifier comes first.
                let tag_at = trailer
                    .len()
                    .checked_sub(transform.tag_len())
                    .ok_or(Dropped::Malformed)?;
                let (mki, tag) = trailer.split_at(tag_at);
                self.check_mki(mki)?;
                if !transform.verify(&[message, &id.rollovers()], tag) {
                    return Err(Dropped::Unauthentic);
                }
                let decrypted = portion.with(message, |_, bytes| transform.keystream.apply(id, 0, bytes));
                decrypted.ok_or(Dropped::Malformed)
            }
            Transform::Aead(transform) => {
                // RFC 7714 §8.2: the tag belongs to the ciphertext, and comes first.
                let (tag, mki) = trailer.split_first_chunk().ok_or(Dropped::Malformed)?;
                self.check_mki(mki)?;
                let opened = portion.with(message, |clear, bytes| transform.open(id, clear, bytes, tag));
                match opened {
                    Some(true) => Ok(()),
                    _ => Err(Dropped::Unauthentic),
                }
            }
        }
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<Opened, Dropped> {
        let end = packet.len().checked_sub(self.rtcp_overhead).ok_or(Dropped::Malformed)?;
        let ssrc = packet.get(..end).and_then(rtcp_ssrc).ok_or(Dropped::Malformed)?;
        if end - RTCP_HEADER_LEN > MAX_ENCRYPTED_LEN {
            return Err(Dropped::Malformed);
        }
        // RFC 3711 §3.4: behind the packet stand the word with the index, the identifier and the tag; RFC 7714 §9.2: the
        // tag, the word and the identifier.
        let word_at = match &self.keys.rtcp {
            Transform::CtrHmac(_) => end,
            Transform::Aead(_) => end + AeadAlgorithm::TAG_LEN,
        };
        let word = packet.get(word_at..).and_then(|rest| rest.first_chunk::<INDEX_LEN>());
        let word = *word.ok_or(Dropped::Malformed)?;
        let is_encrypted = u32::from_be_bytes(word) & IS_ENCRYPTED != 0;
        let id = PacketId {
            ssrc,
            index: u64::from(u32::from_be_bytes(word)) % RTCP_INDEX_END,
        };
        let place = self.rtcp.place(ssrc);
        if let Some(window) = place.and_then(|place| self.rtcp.at(place)) {
            is_new(window, id.index)?;
        }
        let portion = Portion::behind(RTCP_HEADER_LEN, end);
        match &self.keys.rtcp {
            Transform::CtrHmac(transform) => {
                let (message, trailer) = packet.split_at_mut_checked(end + INDEX_LEN).ok_or(Dropped::Malformed)?;
                let tag_at = trailer.len().checked_sub(TAG_80).ok_or(Dropped::Malformed)?;
                let (mki, tag) = trailer.split_at(tag_at);
                self.check_mki(mki)?;
                if !transform.verify(&[message], tag) {
                    return Err(Dropped::Unauthentic);
                }
                if is_encrypted {
                    let decrypted = portion.with(message, |_, bytes| transform.keystream.apply(id, 0, bytes));
                    decrypted.ok_or(Dropped::Malformed)?;
                }
            }
            Transform::Aead(transform) => {
                let (message, trailer) = packet.split_at_mut_checked(end).ok_or(Dropped::Malformed)?;
                let (tag, rest) = trailer.split_first_chunk::<16>().ok_or(Dropped::Malformed)?;
                let tag = *tag;
                self.check_mki(rest.get(INDEX_LEN..).unwrap_or_default())?;
                let opened = if is_encrypted {
                    portion.with(message, |header, bytes| {
                        transform.open(id, &rtcp_associated(header, word), bytes, &tag)
                    })
                } else {
                    // RFC 7714 §9.3: all of the packet and the word are authenticated, and nothing is encrypted. The word
                    // moves before the tag, so that they are of one piece.
                    let place = packet.get_mut(end..).and_then(|rest| rest.first_chunk_mut());
                    *place.ok_or(Dropped::Malformed)? = word;
                    let message = packet.get(..end + INDEX_LEN).ok_or(Dropped::Malformed)?;
                    Some(transform.open(id, message, &mut [], &tag))
                };
                if opened != Some(true) {
                    return Err(Dropped::Unauthentic);
                }
            }
        }
        if !is_encrypted && !self.config.accept_unencrypted_rtcp {
            return Err(Dropped::Unencrypted);
        }
        match place.and_then(|place| self.rtcp.touch(place)) {
            Some(window) => window.insert(id.index),
            None => {
                let mut window = Window::new(self.config.rtcp_window);
                window.insert(id.index);
                self.stats.streams_forgotten += u64::from(self.rtcp.insert(ssrc, window));
            }
        }
        Ok(Opened { len: end, id })
    }

    #[inline]
    fn check_mki(&self, found: &[u8]) -> Result<(), Dropped> {
        match &self.config.mki {
            Some(mki) if mki.as_bytes() != found => Err(Dropped::UnknownKey),
            _ => Ok(()),
        }
    }
}

/// Prints no keys.
impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("config", &self.config)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

fn is_new(window: &Window, index: u64) -> Result<(), Dropped> {
    match window.look_up(index) {
        Known::Newest | Known::Late => Ok(()),
        Known::Before => Err(Dropped::Replayed),
        Known::Unknown => Err(Dropped::TooOld),
    }
}

/// What is authenticated of an encrypted RTCP packet and not encrypted (RFC 7714 §9.2).
pub(crate) fn rtcp_associated(header: &[u8], word: [u8; INDEX_LEN]) -> [u8; RTCP_HEADER_LEN + INDEX_LEN] {
    let mut associated = [0; RTCP_HEADER_LEN + INDEX_LEN];
    for (to, from) in associated.iter_mut().zip(header.iter().chain(&word)) {
        *to = *from;
    }
    associated
}

/// Bytes of the word that has the E flag and the index of SRTCP.
pub(crate) const INDEX_LEN: usize = 4;
/// The E flag (RFC 3711 §3.4).
pub(crate) const IS_ENCRYPTED: u32 = 1 << 31;
/// RFC 3711 §4.1.1: 2^16 blocks of keystream.
pub(crate) const MAX_ENCRYPTED_LEN: usize = 1 << 20;
/// Bytes of the longest packet that is tried with another rollover counter.
const LONGEST_FIRST: usize = 2048;
