//! The libraries, each behind the same two calls.

use std::hint::black_box;

use pollrtc_crypto::{Rng, default_provider};
use pollrtc_srtp::{Config, Inbound, MasterKey, Outbound, Profile, Receiver, fan_out};
use rtc_crypto::RTCCryptoProvider;
use rtc_crypto::providers::RingProvider;
use rtc_srtp::context::Context;
use rtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use rtc_srtp::protection_profile::ProtectionProfile;

use crate::libsrtp::{Direction, Session, Settings};
use crate::measure::ROOM_BEHIND;

pub(crate) const SSRC: u32 = 0xcafe_babe;

/// A sender and its receiver.
pub(crate) trait Subject {
    /// How long the protected packet is.
    fn protect(&mut self, index: u64, buf: &mut [u8], len: usize) -> usize;
    /// How long the plain packet is.
    fn unprotect(&mut self, packet: &mut [u8]) -> usize;
}

/// Many receivers with keys of their own.
pub(crate) trait Room {
    fn len(&self) -> usize;
    fn send(&mut self, index: u64, plain: &[u8]);
}

/// Key and salt of the profile.
fn key(profile: Profile, seed: usize) -> (Vec<u8>, Vec<u8>) {
    let bytes: Vec<u8> = (0..46).map(|byte| (byte * 7 + seed) as u8).collect();
    let (key, salt) = bytes.split_at(profile.key_len());
    (key.to_vec(), salt[..profile.salt_len()].to_vec())
}

fn outbound(profile: Profile, seed: usize) -> Outbound {
    let (key, salt) = key(profile, seed);
    let key = MasterKey::new(profile, &key, &salt).expect("a key");
    Outbound::new(default_provider(), &key, &Config::default()).expect("a context")
}

pub(crate) struct Pollrtc {
    outbound: Outbound,
    inbound: Inbound,
}

impl Pollrtc {
    pub(crate) fn new(profile: Profile) -> Self {
        let (key, salt) = key(profile, 0);
        let key = MasterKey::new(profile, &key, &salt).expect("a key");
        let config = Config::default();
        Self {
            outbound: outbound(profile, 0),
            inbound: Inbound::new(default_provider(), &key, &config, &mut Rng::from_os()).expect("a context"),
        }
    }
}

impl Subject for Pollrtc {
    fn protect(&mut self, index: u64, buf: &mut [u8], len: usize) -> usize {
        self.outbound.protect_rtp(index, buf, len).expect("protected")
    }

    fn unprotect(&mut self, packet: &mut [u8]) -> usize {
        self.inbound.unprotect_rtp(packet).expect("authentic").packet.len()
    }
}

pub(crate) struct Libsrtp {
    outbound: Session,
    inbound: Session,
}

impl Libsrtp {
    pub(crate) fn new(profile: Profile) -> Self {
        let (key, salt) = key(profile, 0);
        let session = |direction| Session::new(direction, profile, &key, &salt, &Settings::default());
        Self {
            outbound: session(Direction::Outbound),
            inbound: session(Direction::Inbound),
        }
    }
}

impl Subject for Libsrtp {
    fn protect(&mut self, _: u64, buf: &mut [u8], len: usize) -> usize {
        self.outbound.protect(buf, len).expect("protected")
    }

    fn unprotect(&mut self, packet: &mut [u8]) -> usize {
        self.inbound.unprotect(packet).expect("authentic")
    }
}

/// It does not work in place: what it returns is dropped, and the packet is taken from there for the other end.
pub(crate) struct Rtc {
    outbound: Context,
    inbound: Context,
}

impl Rtc {
    pub(crate) fn new(profile: Profile) -> Self {
        let (key, salt) = key(profile, 0);
        let profile = match profile {
            Profile::Aes128CmHmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
            Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            _ => ProtectionProfile::AeadAes256Gcm,
        };
        let context = || {
            let (rtp, rtcp) = (srtp_replay_protection(1024), srtcp_replay_protection(128));
            Context::new(
                &key,
                &salt,
                profile,
                Some(rtp),
                Some(rtcp),
                RingProvider::new().crypto(),
            )
            .expect("a context")
        };
        Self {
            outbound: context(),
            inbound: context(),
        }
    }
}

impl Subject for Rtc {
    fn protect(&mut self, _: u64, buf: &mut [u8], len: usize) -> usize {
        let protected = self.outbound.encrypt_rtp(&buf[..len]).expect("protected");
        buf[..protected.len()].copy_from_slice(&protected);
        protected.len()
    }

    fn unprotect(&mut self, packet: &mut [u8]) -> usize {
        black_box(self.inbound.decrypt_rtp(packet).expect("authentic")).len()
    }
}

/// Bytes of the header, which each receiver has for itself.
const OWN: usize = 12;

pub(crate) struct PollrtcRoom {
    receivers: Vec<Outbound>,
    bufs: Vec<Vec<u8>>,
}

impl PollrtcRoom {
    pub(crate) fn new(profile: Profile, len: usize) -> Self {
        Self {
            receivers: (0..len).map(|seed| outbound(profile, seed)).collect(),
            bufs: vec![vec![0; 1500]; len],
        }
    }
}

impl Room for PollrtcRoom {
    fn len(&self) -> usize {
        self.receivers.len()
    }

    fn send(&mut self, index: u64, plain: &[u8]) {
        let (own, shared) = plain.split_at(OWN);
        let receivers = self.receivers.iter_mut().zip(&mut self.bufs);
        let mut receivers: Vec<_> = receivers
            .map(|(outbound, buf)| {
                buf[..OWN].copy_from_slice(own);
                Receiver::new(outbound, index, buf, OWN)
            })
            .collect();
        fan_out(shared, &mut receivers);
        assert!(receivers.iter().all(|receiver| receiver.result.is_ok()));
    }
}

pub(crate) struct LibsrtpRoom {
    receivers: Vec<Session>,
    buf: Vec<u8>,
}

impl LibsrtpRoom {
    pub(crate) fn new(profile: Profile, len: usize) -> Self {
        let session = |seed| {
            let (key, salt) = key(profile, seed);
            Session::new(Direction::Outbound, profile, &key, &salt, &Settings::default())
        };
        Self {
            receivers: (0..len).map(session).collect(),
            buf: vec![0; 1500 + ROOM_BEHIND],
        }
    }
}

impl Room for LibsrtpRoom {
    fn len(&self) -> usize {
        self.receivers.len()
    }

    fn send(&mut self, _: u64, plain: &[u8]) {
        for session in &mut self.receivers {
            self.buf[..plain.len()].copy_from_slice(plain);
            session.protect(&mut self.buf, plain.len()).expect("protected");
        }
    }
}
