//! One key, and the two libraries that have it.

use pollrtc_crypto::{Provider, Rng};
use pollrtc_srtp::{Config, Inbound, MasterKey, Mki, Outbound, Profile};

use crate::libsrtp::{Direction, Session, Settings, TRAILER_LEN};
use crate::packet::{self, Extensions};

/// What is agreed beside the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Plain,
    /// Some header extensions are encrypted (RFC 6904).
    EncryptedExtensions,
    /// Packets name the master key.
    MasterKeyIdentifier,
    /// RTCP of libsrtp is not encrypted.
    UnencryptedRtcp,
}

impl Variant {
    pub(crate) const ALL: [Self; 4] = [
        Self::Plain,
        Self::EncryptedExtensions,
        Self::MasterKeyIdentifier,
        Self::UnencryptedRtcp,
    ];
}

/// Numbers of the extensions that are encrypted.
const ENCRYPTED: [u8; 5] = [1, 3, 4, 14, 200];
/// Packets of a run: from shortly before one wrap to shortly behind the next.
const FIRST: u64 = 32_000;
const COUNT: u64 = 100;
/// Where the run jumps to, so that it sees wraps without going through all that lies between.
const JUMPS: [u64; 5] = [50_000, 65_500, 90_000, 120_000, 131_000];

pub(crate) struct Pair {
    variant: Variant,
    /// Whether libsrtp finds the identifier of the master key in SRTCP. With tags of 32 bits libsrtp 2.5 does not, not even
    /// in what it has protected itself: it looks in front of a tag as short as that of SRTP.
    understands_rtcp: bool,
    ssrc: u32,
    outbound: Outbound,
    inbound: Inbound,
    their_outbound: Session,
    their_inbound: Session,
    /// What libsrtp makes is compared, and goes through ours apart from what goes through both.
    from_them: Inbound,
    from_us: Session,
}

impl Pair {
    pub(crate) fn new(provider: &dyn Provider, profile: Profile, variant: Variant, rng: &mut Rng) -> Self {
        let (mut key, mut salt) = (vec![0; profile.key_len()], vec![0; profile.salt_len()]);
        rng.fill(&mut key);
        rng.fill(&mut salt);
        let mki = rng.array::<4>();
        let has = |wanted| variant == wanted;
        let config = Config {
            encrypted_extensions: ENCRYPTED
                .into_iter()
                .filter(|_| has(Variant::EncryptedExtensions))
                .collect(),
            mki: has(Variant::MasterKeyIdentifier).then(|| Mki::new(&mki).unwrap()),
            accept_unencrypted_rtcp: has(Variant::UnencryptedRtcp),
            // libsrtp tries once.
            try_next_rollover: false,
            ..Config::default()
        };
        let settings = Settings {
            encrypted_extensions: ENCRYPTED
                .into_iter()
                .filter(|_| has(Variant::EncryptedExtensions))
                .collect(),
            plain_rtcp: has(Variant::UnencryptedRtcp),
            mki: config.mki.as_ref().map(|_| mki.to_vec()),
            allow_repeat: false,
        };
        let master = MasterKey::new(profile, &key, &salt).unwrap();
        let session = |direction| Session::new(direction, profile, &key, &salt, &settings);
        let mut inbound = || Inbound::new(provider, &master, &config, rng).unwrap();
        let (inbound, from_them) = (inbound(), inbound());
        let mut outbound = Outbound::new(provider, &master, &config).unwrap();
        // RFC 3711 §3.4 begins at 0; libsrtp at 1.
        outbound.resume_rtcp(1);
        Self {
            variant,
            understands_rtcp: variant != Variant::MasterKeyIdentifier || profile.rtp_tag_len() != 4,
            ssrc: rng.u32(),
            outbound,
            inbound,
            their_outbound: session(Direction::Outbound),
            their_inbound: session(Direction::Inbound),
            from_them,
            from_us: session(Direction::Inbound),
        }
    }

    /// How many packets were compared.
    pub(crate) fn run(&mut self, rng: &mut Rng) -> u64 {
        let mut compared = 0;
        let mut waiting: Vec<Vec<u8>> = Vec::new();
        let runs = [FIRST].into_iter().chain(JUMPS);
        for index in runs.flat_map(|first| first..first + COUNT) {
            // Where it has to encrypt some, libsrtp refuses extensions of other profiles, and has padding between elements take
            // nothing of the keystream, which goes over the whole block (RFC 6904 §3).
            let extensions = match self.variant {
                Variant::EncryptedExtensions => Extensions::Elements,
                _ => Extensions::All,
            };
            let plain = packet::rtp(rng, self.ssrc, index as u16, extensions);
            let protected = self.protect(index, &plain);
            self.unprotect(index, &plain, &protected);
            // Some are lost, some come late, twice, or changed.
            match rng.below(8) {
                0 => {}
                1 => waiting.push(protected),
                2 => {
                    let mut changed = protected.clone();
                    let bit = rng.below(8 * changed.len() as u32);
                    changed[bit as usize / 8] ^= 1 << (bit % 8);
                    self.judge(&changed);
                    self.judge(&protected);
                }
                3 => {
                    let len = rng.below(protected.len() as u32);
                    self.judge(&protected[..len as usize]);
                    self.judge(&protected);
                }
                _ => {
                    self.judge(&protected);
                    if rng.below(4) == 0 {
                        self.judge(&protected);
                    }
                }
            }
            if rng.below(10) == 0 {
                for late in waiting.drain(..) {
                    self.judge(&late);
                }
            }
            compared += 1;
            if rng.below(4) == 0 {
                self.rtcp(rng);
                compared += 1;
            }
        }
        let newest = self.inbound.newest(self.ssrc).expect("packets came");
        assert_eq!(self.their_inbound.rollovers(self.ssrc), Some((newest >> 16) as u32));
        compared
    }

    /// Both protect, and it is the same.
    fn protect(&mut self, index: u64, plain: &[u8]) -> Vec<u8> {
        let mut ours = plain.to_vec();
        ours.resize(plain.len() + self.outbound.rtp_headroom().suffix, 0);
        let len = self.outbound.protect_rtp(index, &mut ours, plain.len());
        ours.truncate(len.unwrap_or_else(|error| panic!("{index}: {error}")));
        let mut theirs = plain.to_vec();
        theirs.resize(plain.len() + TRAILER_LEN, 0);
        let len = self.their_outbound.protect(&mut theirs, plain.len());
        theirs.truncate(len.expect("libsrtp protects it"));
        assert_eq!(ours, theirs, "packet {index}: {plain:02x?}");
        ours
    }

    /// Each unprotects, and it is what it was.
    fn unprotect(&mut self, index: u64, plain: &[u8], protected: &[u8]) {
        let mut ours = protected.to_vec();
        let unprotected = self.from_them.unprotect_rtp(&mut ours);
        let unprotected = unprotected.unwrap_or_else(|dropped| panic!("{index}: {dropped}"));
        assert_eq!(unprotected.index, index);
        assert_eq!(unprotected.packet, plain);
        let mut theirs = protected.to_vec();
        let len = self.from_us.unprotect(&mut theirs).expect("libsrtp takes it");
        assert_eq!(theirs[..len], *plain);
    }

    /// Whatever it is, both take it or both drop it.
    fn judge(&mut self, bytes: &[u8]) {
        let (mut ours, mut theirs) = (bytes.to_vec(), bytes.to_vec());
        let ours = self
            .inbound
            .unprotect_rtp(&mut ours)
            .map(|unprotected| unprotected.packet.to_vec());
        let theirs = self
            .their_inbound
            .unprotect(&mut theirs)
            .map(|len| theirs[..len].to_vec());
        assert_eq!(ours.clone().ok(), theirs, "{ours:?} of {bytes:02x?}");
    }

    fn rtcp(&mut self, rng: &mut Rng) {
        let plain = packet::rtcp(rng, self.ssrc);
        let mut ours = plain.clone();
        ours.resize(plain.len() + self.outbound.rtcp_headroom().suffix, 0);
        assert_eq!(self.outbound.protect_rtcp(&mut ours, plain.len()), Ok(ours.len()));
        let mut theirs = plain.clone();
        theirs.resize(plain.len() + TRAILER_LEN, 0);
        let len = self.their_outbound.protect_rtcp(&mut theirs, plain.len());
        theirs.truncate(len.expect("libsrtp protects it"));
        match self.variant {
            Variant::UnencryptedRtcp => assert_eq!(theirs[..plain.len()], plain),
            _ => assert_eq!(ours, theirs, "{plain:02x?}"),
        }
        let mut changed = theirs.clone();
        let bit = rng.below(8 * changed.len() as u32);
        changed[bit as usize / 8] ^= 1 << (bit % 8);
        let cut = rng.below(theirs.len() as u32) as usize;
        // Forged, cut, authentic, replayed.
        for bytes in [&changed[..], &theirs[..cut], &theirs, &theirs] {
            let (mut ours, mut theirs) = (bytes.to_vec(), bytes.to_vec());
            let ours = self
                .inbound
                .unprotect_rtcp(&mut ours)
                .map(|unprotected| unprotected.packet.to_vec());
            let theirs = self
                .their_inbound
                .unprotect_rtcp(&mut theirs)
                .map(|len| theirs[..len].to_vec());
            match self.understands_rtcp {
                true => assert_eq!(ours.clone().ok(), theirs, "{ours:?} of {bytes:02x?}"),
                false => assert_eq!(theirs, None, "libsrtp has learnt it"),
            }
        }
        let mut bytes = theirs;
        assert_eq!(
            *self
                .from_them
                .unprotect_rtcp(&mut bytes)
                .expect("it is authentic")
                .packet,
            plain
        );
        if self.understands_rtcp && self.variant != Variant::UnencryptedRtcp {
            let len = self.from_us.unprotect_rtcp(&mut ours).expect("libsrtp takes it");
            assert_eq!(ours[..len], plain);
        }
    }
}
