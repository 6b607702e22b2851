//! Packets that leave.

use core::fmt;

use pollrtc_core::Headroom;
use pollrtc_crypto::{HmacSha1, Provider};

use crate::header::{EXTENSION_HEADER_LEN, ExtensionBlock, Header, RTCP_HEADER_LEN, rtcp_ssrc};
use crate::inbound::{INDEX_LEN, IS_ENCRYPTED, MAX_ENCRYPTED_LEN, rtcp_associated};
use crate::index::{INDEX_END, RTCP_INDEX_END};
use crate::profile::TAG_80;
use crate::sealed::{Memory, Sealed, Use, is_first};
use crate::streams::Streams;
use crate::transform::{PacketId, Portion, SessionKeys, Transform};
use crate::{Config, ConfigError, Cryptex, MasterKey, OutboundStats, ProtectError, cryptex, extensions};

/// Protects what one end sends to one peer, all its streams, in the caller's own buffer.
///
/// The caller says which index a packet has: its sequence number with the rollovers above it. No index is used for two
/// packets (RFC 3711 §9.1): one that was sealed before is refused, unless the packet has the same bytes as then, as
/// it has when it is sent again. That is known of the newest [`Config::repeatable`] packets of a stream; what is older is
/// refused in any case, and what is older than [`Config::rtp_window`] as well, whether it was sealed or not.
///
/// It lives as long as the association that it has its key from: who makes a new association drops it, which wipes the
/// keys. Never make a second one with the same key, since it would not know what the first has sealed. Nothing here
/// allocates, except where a stream begins.
///
/// ```
/// use pollrtc_crypto::default_provider;
/// use pollrtc_srtp::{Config, MasterKey, Outbound, Profile, ProtectError};
///
/// let key = MasterKey::new(Profile::AeadAes128Gcm, &[7; 16], &[8; 12])?;
/// let mut outbound = Outbound::new(default_provider(), &key, &Config::default())?;
///
/// let plain = [0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, b's', b'o', b'n', b'g'];
/// let mut buf = [0; 1500];
/// buf[..16].copy_from_slice(&plain);
/// let len = outbound.protect_rtp(1, &mut buf, 16)?;
/// assert_eq!(len, 16 + outbound.rtp_headroom().suffix);
///
/// // The same packet again is the same again; another one under its number is refused.
/// let mut again = [0; 1500];
/// again[..16].copy_from_slice(&plain);
/// assert_eq!(outbound.protect_rtp(1, &mut again, 16), Ok(len));
/// assert_eq!(again, buf);
/// again[..16].copy_from_slice(&plain);
/// again[12] = b'l';
/// assert_eq!(outbound.protect_rtp(1, &mut again, 16), Err(ProtectError::Reused(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Outbound {
    keys: SessionKeys,
    config: Config,
    rtp_overhead: usize,
    rtcp_overhead: usize,
    streams: Streams<Sealed>,
    /// How many of them have a memory.
    memories: usize,
    /// How many RTP packets the key has sealed.
    sealed: u64,
    /// The next index of SRTCP. One for all senders: they have nothing else in common that would keep them apart.
    next_rtcp: u64,
    stats: OutboundStats,
}

/// A packet between the checks and its tag.
#[derive(Clone, Copy)]
pub(crate) struct Sealing {
    id: PacketId,
    header: Header,
    portion: Portion,
    /// Where the stream lies, if it is there.
    place: Option<usize>,
    usage: Use,
    /// How the header was changed.
    change: Change,
    /// Bytes of the protected packet.
    protected_len: usize,
}

/// What is done to a header that is encrypted as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    /// The profile of its extension, from this one.
    Profile(ExtensionBlock),
    /// It gets an extension.
    Inserted,
}

/// How many streams there may ever be under one key.
const MAX_STREAMS: usize = 65_535;

/// The first bytes of a tag, which tell packets apart that have one index.
type TagHead = u32;

impl Outbound {
    /// A context that protects packets with `master`.
    ///
    /// # Errors
    ///
    /// If the configuration is out of range, or the provider does not have what the profile needs.
    pub fn new(provider: &dyn Provider, master: &MasterKey, config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        let profile = master.profile();
        Ok(Self {
            keys: SessionKeys::derive(provider, master)?,
            rtp_overhead: profile.rtp_tag_len() + config.mki_len(),
            rtcp_overhead: INDEX_LEN + profile.rtcp_tag_len() + config.mki_len(),
            // Our own streams don't attack us.
            streams: Streams::new(MAX_STREAMS, 0x9e37_79b9_7f4a_7c15),
            memories: 0,
            config: config.clone(),
            sealed: 0,
            next_rtcp: 0,
            stats: OutboundStats::default(),
        })
    }

    /// What SRTP needs around an RTP packet: nothing before it; behind it the tag, the key's identifier, and where headers
    /// are encrypted as a whole the header extension that a packet with contributing sources may have to get.
    pub fn rtp_headroom(&self) -> Headroom {
        let inserted = match self.config.cryptex {
            Cryptex::Off => 0,
            Cryptex::Offered | Cryptex::Required => EXTENSION_HEADER_LEN,
        };
        Headroom {
            prefix: 0,
            suffix: self.rtp_overhead + inserted,
        }
    }

    /// What SRTCP needs around an RTCP packet.
    pub fn rtcp_headroom(&self) -> Headroom {
        Headroom {
            prefix: 0,
            suffix: self.rtcp_overhead,
        }
    }

    /// Protects the RTP packet in the first `len` bytes of `buf` (RFC 3711 §3.3), which has this index; how long it is
    /// afterwards. `buf` has [`rtp_headroom`](Self::rtp_headroom) behind it.
    ///
    /// # Errors
    ///
    /// Why it is not protected. Packet and stream are as they were.
    pub fn protect_rtp(&mut self, index: u64, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let sealing = self.begin(index, buf, len)?;
        let tag = match self.encrypt(buf, &sealing)? {
            Some(tag) => tag,
            None => {
                let (mac, packet) = self.unsigned(buf, &sealing).ok_or(ProtectError::Malformed)?;
                let tag = mac.sign(&[packet, &sealing.rollovers()]);
                self.write_tag(buf, &sealing, &tag)
            }
        };
        self.finish(buf, &sealing, tag)
    }

    /// Protects the RTCP packet in the first `len` bytes of `buf` (RFC 3711 §3.4), which may be compound; how long it is
    /// afterwards. `buf` has [`rtcp_headroom`](Self::rtcp_headroom) behind it.
    ///
    /// # Errors
    ///
    /// Why it is not protected. The packet is as it was.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, ProtectError> {
        let ssrc = buf.get(..len).and_then(rtcp_ssrc).ok_or(ProtectError::Malformed)?;
        if len - RTCP_HEADER_LEN > MAX_ENCRYPTED_LEN {
            return Err(ProtectError::TooLong(len));
        }
        let protected_len = len + self.rtcp_overhead;
        let room = buf.len();
        let packet = buf.get_mut(..protected_len).ok_or(ProtectError::BufferTooShort {
            needed: protected_len,
            len: room,
        })?;
        // RFC 3711 §9.2: the index begins at zero (§3.4) and never begins anew.
        if self.next_rtcp >= RTCP_INDEX_END {
            return Err(ProtectError::Exhausted);
        }
        let id = PacketId {
            ssrc,
            index: self.next_rtcp,
        };
        let word = (IS_ENCRYPTED | id.index as u32).to_be_bytes();
        let portion = Portion::behind(RTCP_HEADER_LEN, len);
        let mki = self.config.mki.as_ref().map_or(&[][..], |mki| mki.as_bytes());
        match &self.keys.rtcp {
            Transform::CtrHmac(transform) => {
                portion.with(packet, |_, bytes| transform.keystream.apply(id, 0, bytes));
                let Some((message, trailer)) = packet.split_at_mut_checked(len + INDEX_LEN) else {
                    return Err(ProtectError::Malformed);
                };
                write_all(message.get_mut(len..).unwrap_or_default(), [&word]);
                let tag = transform.mac.sign(&[message]);
                write_all(trailer, [mki, tag.get(..TAG_80).unwrap_or_default()]);
            }
            Transform::Aead(transform) => {
                let sealed = portion.with(packet, |header, bytes| {
                    transform.seal(id, &rtcp_associated(header, word), bytes)
                });
                let tag = sealed.flatten().ok_or(ProtectError::TooLong(len))?;
                write_all(packet.get_mut(len..).unwrap_or_default(), [&tag, &word, mki]);
            }
        }
        self.next_rtcp += 1;
        self.stats.rtcp += 1;
        Ok(protected_len)
    }

    /// Begins a stream in the middle: what lies below `next` counts as sealed. For a stream that another context, with
    /// the same key, has sent until now, and whose receivers know how often it wrapped. A stream that is there already
    /// goes on no earlier than it was.
    ///
    /// # Errors
    ///
    /// If there are too many streams.
    pub fn resume(&mut self, ssrc: u32, next: u64) -> Result<(), ProtectError> {
        let sealed = Sealed::from_next(next.min(INDEX_END));
        match self.streams.place(ssrc) {
            Some(place) => {
                let known = self
                    .streams
                    .touch(place)
                    .filter(|known| known.newest() < sealed.newest());
                if let Some(known) = known {
                    let memory = known.take_memory();
                    *known = sealed;
                    if let Some(memory) = memory {
                        known.remember(memory);
                    }
                }
            }
            None if self.streams.is_full() => return Err(ProtectError::TooManyStreams),
            None => {
                self.streams.insert(ssrc, sealed);
            }
        }
        Ok(())
    }

    /// The same for SRTCP: indices below `next` count as used.
    pub fn resume_rtcp(&mut self, next: u32) {
        self.next_rtcp = self.next_rtcp.max(u64::from(next));
    }

    /// The highest index that was sealed of a stream; `None` if none was.
    pub fn newest(&self, ssrc: u32) -> Option<u64> {
        self.streams.at(self.streams.place(ssrc)?)?.newest()
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }

    /// What was protected so far.
    pub const fn stats(&self) -> OutboundStats {
        self.stats
    }

    /// All checks. Nothing has changed yet.
    #[inline]
    pub(crate) fn begin(&self, index: u64, buf: &[u8], len: usize) -> Result<Sealing, ProtectError> {
        let packet = buf.get(..len).ok_or(ProtectError::BufferTooShort {
            needed: len.saturating_add(self.rtp_overhead),
            len: buf.len(),
        })?;
        let header = Header::parse(packet).ok_or(ProtectError::Malformed)?;
        let sequence_number = header.sequence_number;
        if index as u16 != sequence_number {
            return Err(ProtectError::SequenceNumber { sequence_number, index });
        }
        if index >= INDEX_END || self.sealed >= INDEX_END {
            return Err(ProtectError::Exhausted);
        }
        if len > MAX_ENCRYPTED_LEN {
            return Err(ProtectError::TooLong(len));
        }
        let change = self.change(&header)?;
        let inserted = match change {
            Change::Inserted => EXTENSION_HEADER_LEN,
            _ => 0,
        };
        let end = len + inserted;
        let protected_len = end + self.rtp_overhead;
        if protected_len > buf.len() {
            return Err(ProtectError::BufferTooShort {
                needed: protected_len,
                len: buf.len(),
            });
        }
        let place = self.streams.place(header.ssrc);
        let usage = match place.and_then(|place| self.streams.at(place)) {
            Some(sealed) => sealed.use_of(index)?,
            None => {
                is_first(index)?;
                if self.streams.is_full() {
                    return Err(ProtectError::TooManyStreams);
                }
                Use::First
            }
        };
        Ok(Sealing {
            id: PacketId {
                ssrc: header.ssrc,
                index,
            },
            portion: match change {
                Change::None => Portion::behind(header.len, end),
                _ => Portion::with_header(&header, end),
            },
            header,
            place,
            usage,
            change,
            protected_len,
        })
    }

    /// What is done to a header so that it can be encrypted as a whole.
    fn change(&self, header: &Header) -> Result<Change, ProtectError> {
        let has_sources = header.sources_end > Header::FIXED_LEN;
        match (self.config.cryptex, header.extension) {
            // Receivers would take it for what it is not.
            (_, Some(extension)) if cryptex::plain_profile(extension.profile).is_some() => {
                Err(ProtectError::HeaderExtension)
            }
            (Cryptex::Off, _) => Ok(Change::None),
            (cryptex, Some(extension)) => match cryptex::encrypted_profile(extension.profile) {
                Some(_) => Ok(Change::Profile(extension)),
                // RFC 9335 is for extensions of RFC 8285 alone.
                None if cryptex == Cryptex::Required => Err(ProtectError::HeaderExtension),
                None => Ok(Change::None),
            },
            (_, None) if has_sources => Ok(Change::Inserted),
            (_, None) => Ok(Change::None),
        }
    }

    /// Encrypts. The first bytes of the tag, if it was made on the way.
    #[inline]
    pub(crate) fn encrypt(&self, buf: &mut [u8], sealing: &Sealing) -> Result<Option<TagHead>, ProtectError> {
        let Sealing {
            id,
            mut header,
            portion,
            ..
        } = *sealing;
        let end = portion.end;
        match sealing.change {
            Change::None if self.config.encrypted_extensions.is_empty() => {}
            Change::None => {
                let ids = self.config.encrypted_extensions;
                extensions::apply(&self.keys.extensions, ids, buf, &header, id);
            }
            Change::Profile(extension) => {
                let profile = cryptex::encrypted_profile(extension.profile);
                cryptex::set_profile(buf, extension, profile.unwrap_or_default());
            }
            Change::Inserted => {
                cryptex::insert_extension(buf, end - EXTENSION_HEADER_LEN, &mut header);
                if let Some(extension) = header.extension {
                    let profile = cryptex::encrypted_profile(extension.profile);
                    cryptex::set_profile(buf, extension, profile.unwrap_or_default());
                }
            }
        }
        match &self.keys.rtp {
            Transform::CtrHmac(transform) => {
                portion.with(buf, |_, bytes| transform.keystream.apply(id, 0, bytes));
                Ok(None)
            }
            Transform::Aead(transform) => {
                let tag = portion.with(buf, |clear, bytes| transform.seal(id, clear, bytes));
                let tag = tag.flatten().ok_or(ProtectError::TooLong(end))?;
                Ok(Some(self.write_tag(buf, sealing, &tag)))
            }
        }
    }

    /// What the tag of an encrypted packet is made of, apart from its rollover counter; `None` if it was made already.
    #[inline]
    pub(crate) fn unsigned<'a>(&'a self, buf: &'a [u8], sealing: &Sealing) -> Option<(&'a HmacSha1, &'a [u8])> {
        match &self.keys.rtp {
            Transform::CtrHmac(transform) => Some((&transform.mac, buf.get(..sealing.portion.end)?)),
            Transform::Aead(_) => None,
        }
    }

    /// Writes tag and identifier behind the packet.
    #[inline]
    pub(crate) fn write_tag(&self, buf: &mut [u8], sealing: &Sealing, tag: &[u8]) -> TagHead {
        let trailer = buf
            .get_mut(sealing.portion.end..sealing.protected_len)
            .unwrap_or_default();
        let mki = self.config.mki.as_ref().map_or(&[][..], |mki| mki.as_bytes());
        match &self.keys.rtp {
            // RFC 3711 §3.1: the identifier comes first.
            Transform::CtrHmac(transform) => {
                let short = tag.get(..transform.tag_len()).unwrap_or_default();
                write_all(trailer, [mki, short]);
            }
            // RFC 7714 §8.2: the tag belongs to the ciphertext, and comes first.
            Transform::Aead(_) => write_all(trailer, [tag, mki]),
        }
        u32::from_be_bytes(tag.first_chunk().copied().unwrap_or_default())
    }

    /// Remembers what was sealed. Where the index was sealed before with other bytes, all is undone.
    #[inline]
    pub(crate) fn finish(&mut self, buf: &mut [u8], sealing: &Sealing, tag: TagHead) -> Result<usize, ProtectError> {
        let PacketId { ssrc, index } = sealing.id;
        match sealing.usage {
            Use::First => {
                self.sealed += 1;
                let place = match sealing.place {
                    Some(place) => place,
                    None => {
                        self.streams.insert(ssrc, Sealed::from_next(0));
                        self.streams.len() - 1
                    }
                };
                let has_memory = self.streams.at(place).is_some_and(Sealed::has_memory);
                let memory = (!has_memory).then(|| self.memory());
                if let Some(sealed) = self.streams.touch(place) {
                    if let Some(memory) = memory {
                        sealed.remember(memory);
                    }
                    sealed.insert(index, tag);
                }
            }
            Use::Again(known) if known == tag => self.stats.rtp_repeated += 1,
            Use::Again(_) => {
                self.undo(buf, sealing);
                return Err(ProtectError::Reused(index));
            }
        }
        self.stats.rtp += 1;
        Ok(sealing.protected_len)
    }

    /// A memory for a stream that has none: a new one, or that of the stream that was silent for longest.
    #[cold]
    fn memory(&mut self) -> Memory {
        let given_up = match self.memories < self.config.max_streams {
            true => None,
            false => self.streams.oldest(Sealed::has_memory).and_then(Sealed::take_memory),
        };
        given_up.unwrap_or_else(|| {
            self.memories += 1;
            Memory::new(&self.config)
        })
    }

    /// Makes the plain packet of a protected one again.
    #[cold]
    fn undo(&self, buf: &mut [u8], sealing: &Sealing) {
        let Sealing {
            id, header, portion, ..
        } = *sealing;
        let end = portion.end;
        match &self.keys.rtp {
            Transform::CtrHmac(transform) => {
                portion.with(buf, |_, bytes| transform.keystream.apply(id, 0, bytes));
            }
            Transform::Aead(transform) => {
                let tag = buf.get(end..).and_then(|trailer| trailer.first_chunk()).copied();
                portion.with(buf, |clear, bytes| {
                    transform.open(id, clear, bytes, &tag.unwrap_or_default())
                });
            }
        }
        match sealing.change {
            Change::None => {
                let ids = self.config.encrypted_extensions;
                extensions::apply(&self.keys.extensions, ids, buf, &header, id);
            }
            Change::Profile(extension) => cryptex::set_profile(buf, extension, extension.profile),
            Change::Inserted => cryptex::remove_extension(buf, end, &header),
        }
    }
}

impl Sealing {
    /// What the tag is made of beside the packet.
    pub(crate) const fn rollovers(&self) -> [u8; 4] {
        self.id.rollovers()
    }
}

/// Prints no keys.
impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("config", &self.config)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// Writes one behind the other; as many as there is room for.
#[inline]
fn write_all<const N: usize>(mut to: &mut [u8], parts: [&[u8]; N]) {
    for part in parts {
        let Some((place, rest)) = to.split_at_mut_checked(part.len()) else {
            return;
        };
        place.copy_from_slice(part);
        to = rest;
    }
}
