//! What is left of keys in the memory of the process when a context is gone. A program of its own, so that nothing else
//! is in it.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use pollrtc_crypto::{CtrAlgorithm, Provider, Rng, SrtpKeyDerivation, SrtpKeyLabel, aws_lc_rs, rust_crypto};
use pollrtc_srtp::{Config, Inbound, MasterKey, Outbound, Profile};

/// What the test remembers of a secret is masked with this, so that it does not find itself.
const MASK: u8 = 0x5c;
/// So much of a secret counts as all of it.
const NEEDLE_LEN: usize = 12;

/// How often each of the masked secrets stands in what the process can write, apart from stacks: what calls into
/// cryptography leave there is theirs, and the next call's.
fn copies(secrets: &[Vec<u8>]) -> Vec<usize> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let here = &raw const secrets as u64;
    let mut found = vec![0; secrets.len()];
    let mut bytes = vec![0u8; 1 << 20];
    let own = bytes.as_ptr() as u64..bytes.as_ptr() as u64 + bytes.len() as u64;
    for line in maps
        .lines()
        .filter(|line| line.split(' ').nth(1).unwrap().starts_with("rw"))
    {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let region = address(start)..address(end);
        if region.contains(&here) {
            continue;
        }
        let mut at = region.start;
        while at < region.end {
            let wanted = (region.end - at).min(bytes.len() as u64) as usize;
            let Ok(len) = memory.read_at(&mut bytes[..wanted], at) else {
                break;
            };
            for (offset, window) in bytes[..len].windows(NEEDLE_LEN).enumerate() {
                for (count, secret) in found.iter_mut().zip(secrets) {
                    let is_same = window.iter().zip(secret).all(|(byte, masked)| byte ^ MASK == *masked);
                    *count += usize::from(is_same && !own.contains(&(at + offset as u64)));
                }
            }
            // What begins in this piece and ends in the next is seen with the next.
            at += if len < bytes.len() {
                len.max(1)
            } else {
                len - NEEDLE_LEN + 1
            } as u64;
        }
    }
    found
}

fn masked(secret: &[u8]) -> Vec<u8> {
    secret.iter().take(NEEDLE_LEN).map(|byte| byte ^ MASK).collect()
}

/// The secrets of a context: those that it is given, and those that it derives.
fn secrets(provider: &dyn Provider, key: &[u8], salt: &[u8]) -> Vec<Vec<u8>> {
    let derivation = SrtpKeyDerivation::new(provider, CtrAlgorithm::Aes128Ctr, key, salt).unwrap();
    let mut derived = [0; 16];
    let mut secrets = vec![masked(key)];
    for label in [SrtpKeyLabel::SrtpEncryption, SrtpKeyLabel::SrtcpEncryption] {
        derivation.derive(label, &mut derived);
        secrets.push(masked(&derived));
    }
    derived.fill(0);
    secrets
}

#[test]
fn keys_are_gone_with_their_contexts() {
    for provider in [aws_lc_rs::PROVIDER, rust_crypto::PROVIDER] {
        for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm] {
            let mut rng = Rng::from_os();
            let mut key: [u8; 16] = rng.array();
            let mut salt = rng.array::<14>();
            let salt = &mut salt[..profile.salt_len()];
            let secrets = secrets(provider, &key, salt);

            let master = MasterKey::new(profile, &key, salt).unwrap();
            key.fill(0);
            let config = Config::default();
            let mut outbound = Box::new(Outbound::new(provider, &master, &config).unwrap());
            let inbound = Box::new(Inbound::new(provider, &master, &config, &mut rng).unwrap());
            let mut buf = [0x80; 100];
            buf[2..4].fill(0);
            outbound.protect_rtp(0, &mut buf, 60).unwrap();
            let open = copies(&secrets);
            // The scan finds what is there: keys of packets stand at the front of their schedules.
            assert!(open[1] >= 1, "{provider:?} {profile}: {open:?}");
            drop((master, outbound, inbound));
            let gone = copies(&secrets);
            assert_eq!(gone, [0; 3], "{provider:?} {profile}");
        }
    }
}
