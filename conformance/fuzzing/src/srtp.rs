//! Targets of `pollrtc-srtp`.

use pollrtc_crypto::{Rng, rust_crypto};
use pollrtc_srtp::{Config, Cryptex, Inbound, InboundStats, MasterKey, Mki, Outbound, Profile};

/// Two ends with one key; packets of the sender come as they are, changed, cut, twice or late, beside bytes of anybody.
/// What is not the sender's own changes nothing but a counter, and the sender's next packet is taken in any case.
///
/// The first byte chooses profile and configuration. Then come steps: what to do, an argument, and what the step needs of
/// the rest.
pub fn srtp_unprotect(data: &[u8]) {
    let Some((choice, mut script)) = data.split_first() else {
        return;
    };
    let mut ends = Ends::new(*choice, secret(data));
    // All of it as one packet, as a stranger would send it.
    ends.stranger(script, Kind::Rtp);
    ends.stranger(script, Kind::Rtcp);
    while let Some(([step, argument], rest)) = script.split_first_chunk() {
        script = ends.step(*step, *argument, rest);
    }
    let packet = ends.protect(&[7; 40]);
    assert!(ends.is_taken(&packet, Kind::Rtp), "the sender's next packet is taken");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rtp,
    Rtcp,
}

struct Ends {
    outbound: Outbound,
    inbound: Inbound,
    /// Of the next packet.
    index: u64,
    /// What was sent: each with whether it is RTP, and its index.
    sent: Vec<(Kind, Vec<u8>)>,
    /// With 32 bits a fuzzer may guess one.
    has_long_tags: bool,
}

const SSRC: u32 = 0xcafe_babe;

impl Ends {
    fn new(choice: u8, mut secret: Rng) -> Self {
        let (profile, choice) = (choice % 6, choice / 6);
        let profile = Profile::ALL[usize::from(profile)];
        let config = Config {
            rtp_window: 64,
            rtcp_window: 64,
            max_streams: 4,
            try_next_rollover: choice & 1 != 0,
            accept_unencrypted_rtcp: choice & 2 != 0,
            cryptex: [Cryptex::Off, Cryptex::Offered, Cryptex::Required][usize::from(choice >> 2) % 3],
            encrypted_extensions: (1..=255).filter(|id| choice & 16 != 0 && id % 2 == 1).collect(),
            mki: (choice & 32 != 0).then(|| Mki::new(b"mki").expect("not too long")),
            ..Config::default()
        };
        let (key, salt) = (secret.array::<32>(), secret.array::<14>());
        let key = MasterKey::new(profile, &key[..profile.key_len()], &salt[..profile.salt_len()]);
        let key = key.expect("of the right lengths");
        let provider = rust_crypto::PROVIDER;
        Self {
            outbound: Outbound::new(provider, &key, &config).expect("in range"),
            inbound: Inbound::new(provider, &key, &config, &mut Rng::from_seed([9; 32])).expect("in range"),
            index: 0,
            sent: Vec::new(),
            has_long_tags: profile.rtp_tag_len() > 4,
        }
    }

    /// What is left of the script.
    fn step<'a>(&mut self, step: u8, argument: u8, rest: &'a [u8]) -> &'a [u8] {
        let (bytes, after) = rest.split_at(rest.len().min(argument.into()));
        match step % 8 {
            0 => self.stranger(bytes, Kind::Rtp),
            1 => self.stranger(bytes, Kind::Rtcp),
            // A packet with this behind its fixed header, from what is a packet.
            2 => {
                let packet = self.protect(bytes);
                self.sent.push((Kind::Rtp, packet.clone()));
                let _ = self.is_taken(&packet, Kind::Rtp);
            }
            3 => {
                let packet = self.protect_rtcp(bytes);
                self.sent.push((Kind::Rtcp, packet.clone()));
                let _ = self.is_taken(&packet, Kind::Rtcp);
            }
            // One that is lost until somebody brings it; and a jump ahead.
            4 => {
                let packet = self.protect(bytes);
                self.sent.push((Kind::Rtp, packet));
                // Half a round behind the newest that came, nobody could follow.
                if self.index < self.inbound.newest(SSRC).unwrap_or_default() + 5_000 {
                    self.index += 100 * u64::from(argument);
                }
            }
            // One that was sent, once more: at most once it is taken.
            5 => {
                if let Some((kind, packet)) = self.sent_before(argument) {
                    let _ = self.is_taken(&packet, kind);
                    assert!(!self.is_taken(&packet, kind), "a packet is taken twice");
                }
                return rest;
            }
            // One that was sent, with a bit changed, or cut.
            step => {
                let Some((&[place], after)) = rest.split_first_chunk() else {
                    return &[];
                };
                if let Some((kind, mut packet)) = self.sent_before(argument) {
                    let len = packet.len();
                    match step {
                        6 => packet[usize::from(place) % len] ^= 1 << (argument % 8),
                        _ => packet.truncate(usize::from(place) % len),
                    }
                    self.stranger(&packet, kind);
                }
                return after;
            }
        }
        after
    }

    fn sent_before(&self, argument: u8) -> Option<(Kind, Vec<u8>)> {
        let from_the_last = usize::from(argument) % self.sent.len().max(1);
        self.sent.iter().nth_back(from_the_last).cloned()
    }

    /// The next packet, with this behind its fixed header if that is a packet then, else with nothing.
    fn protect(&mut self, rest: &[u8]) -> Vec<u8> {
        let index = self.index;
        self.index += 1;
        let (first, rest) = rest.split_first().map_or((0, rest), |(first, rest)| (*first, rest));
        for (first, rest) in [(first, rest), (0, &[][..])] {
            let mut packet = vec![0x80 | (first & 0x3f), 96];
            packet.extend((index as u16).to_be_bytes());
            packet.extend([0, 0, 0, 1]);
            packet.extend(SSRC.to_be_bytes());
            packet.extend(rest);
            let len = packet.len();
            packet.resize(len + self.outbound.rtp_headroom().suffix, 0);
            if let Ok(len) = self.outbound.protect_rtp(index, &mut packet, len) {
                packet.truncate(len);
                return packet;
            }
        }
        unreachable!("a packet with a fixed header alone can be protected")
    }

    fn protect_rtcp(&mut self, rest: &[u8]) -> Vec<u8> {
        let mut packet = [&[0x80, 201, 0, 1][..], &SSRC.to_be_bytes(), rest].concat();
        let len = packet.len();
        packet.resize(len + self.outbound.rtcp_headroom().suffix, 0);
        let len = self
            .outbound
            .protect_rtcp(&mut packet, len)
            .expect("any bytes can be protected");
        packet.truncate(len);
        packet
    }

    fn is_taken(&mut self, packet: &[u8], kind: Kind) -> bool {
        let mut bytes = packet.to_vec();
        match kind {
            Kind::Rtp => self.inbound.unprotect_rtp(&mut bytes),
            Kind::Rtcp => self.inbound.unprotect_rtcp(&mut bytes),
        }
        .is_ok()
    }

    /// What nobody has protected changes nothing but one counter.
    fn stranger(&mut self, packet: &[u8], kind: Kind) {
        // A script may well bring what was sent.
        if self.sent.iter().any(|(_, sent)| sent == packet) {
            return;
        }
        let before = (self.inbound.streams(), self.inbound.newest(SSRC), self.inbound.stats());
        let is_taken = self.is_taken(packet, kind);
        if is_taken {
            assert!(!self.has_long_tags, "a forged packet is taken");
            return;
        }
        let after = self.inbound.stats();
        assert_eq!(
            (self.inbound.streams(), self.inbound.newest(SSRC)),
            (before.0, before.1)
        );
        assert_eq!(
            (after.rtp, after.rtcp, after.streams_forgotten),
            (before.2.rtp, before.2.rtcp, before.2.streams_forgotten)
        );
        assert_eq!(dropped(after), dropped(before.2) + 1);
    }
}

/// Where a script's keys come from. A fuzzer looks at what is compared, and puts it into other scripts: a packet that was
/// authentic in one is forged in all others.
fn secret(data: &[u8]) -> Rng {
    let mut seed = [0u8; 32];
    for (number, byte) in data.iter().enumerate() {
        let place = &mut seed[number % 32];
        *place = place.wrapping_mul(31).wrapping_add(*byte);
    }
    Rng::from_seed(seed)
}

fn dropped(stats: InboundStats) -> u64 {
    stats.dropped_malformed
        + stats.dropped_unknown_key
        + stats.dropped_replayed
        + stats.dropped_too_old
        + stats.dropped_unauthentic
        + stats.dropped_unencrypted
        + stats.dropped_header
}
