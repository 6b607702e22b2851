//! What the stories have in common: two ends with one key, and packets.

use pollrtc_crypto::{Provider, Rng, aws_lc_rs, rust_crypto};
use pollrtc_srtp::{Config, Dropped, Inbound, MasterKey, Outbound, Profile};

pub(crate) const SSRC: u32 = 0xcafe_babe;

/// Every provider there is.
pub(crate) fn providers() -> [&'static dyn Provider; 2] {
    [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER]
}

/// A key of the profile; another one for each `seed`.
pub(crate) fn key(profile: Profile, seed: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..48).map(|byte| byte ^ seed).collect();
    let (key, salt) = bytes.split_at(32);
    MasterKey::new(profile, &key[..profile.key_len()], &salt[..profile.salt_len()]).expect("a key")
}

/// One direction of a session: who sends, and who receives.
pub(crate) struct Session {
    pub(crate) outbound: Outbound,
    pub(crate) inbound: Inbound,
}

impl Session {
    pub(crate) fn new(profile: Profile) -> Self {
        Self::with(profile, &Config::default())
    }

    pub(crate) fn with(profile: Profile, config: &Config) -> Self {
        Self::between(aws_lc_rs::PROVIDER, profile, config, config)
    }

    pub(crate) fn between(provider: &dyn Provider, profile: Profile, sender: &Config, receiver: &Config) -> Self {
        let key = key(profile, 0);
        Self {
            outbound: Outbound::new(provider, &key, sender).expect("a context"),
            inbound: Inbound::new(provider, &key, receiver, &mut Rng::from_seed([7; 32])).expect("a context"),
        }
    }

    /// Both start their one stream in the middle.
    pub(crate) fn resumed(profile: Profile, next: u64) -> Self {
        let mut session = Self::new(profile);
        session.outbound.resume(SSRC, next).expect("room for a stream");
        session.inbound.resume(SSRC, next);
        session
    }

    /// The stream's packet with this index, protected.
    pub(crate) fn sent(&mut self, index: u64) -> Vec<u8> {
        self.protect(index, &rtp(SSRC, index, b"payload"))
    }

    pub(crate) fn protect(&mut self, index: u64, plain: &[u8]) -> Vec<u8> {
        protect(&mut self.outbound, index, plain)
    }

    pub(crate) fn protect_rtcp(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buf = plain.to_vec();
        buf.resize(plain.len() + self.outbound.rtcp_headroom().suffix, 0);
        let len = self.outbound.protect_rtcp(&mut buf, plain.len()).expect("protected");
        buf.truncate(len);
        buf
    }

    /// The index, if it is taken.
    pub(crate) fn receives(&mut self, protected: &[u8]) -> Result<u64, Dropped> {
        let mut bytes = protected.to_vec();
        let unprotected = self.inbound.unprotect_rtp(&mut bytes)?;
        Ok(unprotected.index)
    }

    /// The plain packet, if it is taken.
    pub(crate) fn unprotect(&mut self, protected: &[u8]) -> Result<Vec<u8>, Dropped> {
        let mut bytes = protected.to_vec();
        let unprotected = self.inbound.unprotect_rtp(&mut bytes)?;
        Ok(unprotected.packet.to_vec())
    }

    /// The index of SRTCP, if it is taken.
    pub(crate) fn receives_rtcp(&mut self, protected: &[u8]) -> Result<u64, Dropped> {
        let mut bytes = protected.to_vec();
        let unprotected = self.inbound.unprotect_rtcp(&mut bytes)?;
        Ok(unprotected.index)
    }
}

pub(crate) fn protect(outbound: &mut Outbound, index: u64, plain: &[u8]) -> Vec<u8> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + outbound.rtp_headroom().suffix, 0);
    let len = outbound.protect_rtp(index, &mut buf, plain.len()).expect("protected");
    buf.truncate(len);
    buf
}

/// A packet of a stream, with this index.
pub(crate) fn rtp(ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend((index as u16).to_be_bytes());
    packet.extend([0, 0, 0, 160]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A receiver report about nobody, with a source description behind it.
pub(crate) fn rtcp(ssrc: u32) -> Vec<u8> {
    let ssrc = ssrc.to_be_bytes();
    let report = [&[0x80, 201, 0, 1], &ssrc[..]].concat();
    let description = [&[0x81, 202, 0, 3], &ssrc[..], &[1, 4, b'n', b'a', b'm', b'e', 0, 0]].concat();
    [report, description].concat()
}
