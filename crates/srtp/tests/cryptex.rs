//! Headers that are encrypted as a whole (RFC 9335). The standard's packets are in `conformance/tests/srtp_packets.rs`.

use pollrtc_srtp::{Config, Cryptex, Dropped, Outbound, Profile, ProtectError};

use crate::support::{SSRC, Session, key, providers, rtp};

const PROFILES: [Profile; 2] = [Profile::Aes256CmHmacSha1_32, Profile::AeadAes256Gcm];

fn config(cryptex: Cryptex) -> Config {
    Config {
        cryptex,
        ..Config::default()
    }
}

/// A packet with this many contributing sources and this extension.
fn packet(sources: u8, extension: &[u8]) -> Vec<u8> {
    let mut packet = rtp(SSRC, 1, &vec![9; 4 * usize::from(sources)]);
    packet[0] |= sources | if extension.is_empty() { 0 } else { 0x10 };
    packet.extend(extension);
    packet.extend(b"payload");
    packet
}

const ONE_BYTE: &[u8] = &[0xbe, 0xde, 0, 1, 0x10, b'a', 0x20, b'b'];
const TWO_BYTES: &[u8] = &[0x10, 0x00, 0, 1, 1, 2, b'a', b'b'];
const ANOTHER: &[u8] = &[0x12, 0x34, 0, 1, 1, 2, b'a', b'b'];

#[test]
fn extension_and_sources_are_hidden_and_found_again() {
    for provider in providers() {
        for profile in PROFILES {
            for (plain, marker) in [
                (packet(0, ONE_BYTE), [0xc0, 0xde]),
                (packet(15, ONE_BYTE), [0xc0, 0xde]),
                (packet(3, TWO_BYTES), [0xc2, 0xde]),
            ] {
                let required = config(Cryptex::Required);
                let mut session = Session::between(provider, profile, &required, &required);
                let protected = session.protect(1, &plain);
                let sources_end = 12 + 4 * usize::from(plain[0] & 0x0f);
                assert_eq!(protected[sources_end..sources_end + 2], marker);
                assert_ne!(
                    protected[sources_end + 4..sources_end + 8],
                    plain[sources_end + 4..sources_end + 8]
                );
                if sources_end > 12 {
                    assert_ne!(protected[12..sources_end], plain[12..sources_end]);
                }
                assert_eq!(session.unprotect(&protected), Ok(plain), "{provider:?} {profile}");
            }
        }
    }
}

#[test]
fn sources_without_an_extension_get_an_empty_one() {
    // RFC 9335 §5.1: it tells the receiver that they are encrypted.
    for profile in PROFILES {
        let mut session = Session::with(profile, &config(Cryptex::Required));
        let plain = packet(2, &[]);
        let protected = session.protect(1, &plain);
        assert_eq!(protected.len(), plain.len() + 4 + profile.rtp_tag_len());
        assert_eq!(protected[20..24], [0xc0, 0xde, 0, 0]);
        assert_eq!(
            session.unprotect(&protected),
            Ok(packet(2, &[0xbe, 0xde, 0, 0])),
            "{profile}"
        );
        // The headroom has room for it.
        assert_eq!(session.outbound.rtp_headroom().suffix, profile.rtp_tag_len() + 4);
    }
}

#[test]
fn a_packet_with_neither_is_a_packet_as_ever() {
    for profile in PROFILES {
        let mut session = Session::with(profile, &config(Cryptex::Required));
        let mut plain_session = Session::new(profile);
        let plain = packet(0, &[]);
        let protected = session.protect(1, &plain);
        assert_eq!(protected, plain_session.protect(1, &plain));
        assert_eq!(session.unprotect(&protected), Ok(plain));
    }
}

#[test]
fn what_was_not_agreed_is_dropped() {
    for profile in PROFILES {
        for (sender, receiver, expected) in [
            (Cryptex::Offered, Cryptex::Off, Err(Dropped::Header)),
            (Cryptex::Off, Cryptex::Required, Err(Dropped::Header)),
            (Cryptex::Off, Cryptex::Offered, Ok(1)),
            (Cryptex::Required, Cryptex::Offered, Ok(1)),
        ] {
            for plain in [packet(0, ONE_BYTE), packet(2, &[])] {
                let mut session = Session::between(providers()[0], profile, &config(sender), &config(receiver));
                let protected = session.protect(1, &plain);
                assert_eq!(session.receives(&protected), expected, "{sender:?} to {receiver:?}");
                assert_eq!(session.inbound.stats().dropped_header, u64::from(expected.is_err()));
            }
        }
    }
}

#[test]
fn extensions_of_another_profile_have_no_such_form() {
    let plain = packet(1, ANOTHER);
    for profile in PROFILES {
        let mut session = Session::with(profile, &config(Cryptex::Offered));
        let protected = session.protect(1, &plain);
        assert_eq!(protected[..24], plain[..24]);
        assert_eq!(session.unprotect(&protected), Ok(plain.clone()));

        let mut outbound = Outbound::new(providers()[0], &key(profile, 0), &config(Cryptex::Required)).unwrap();
        let mut buf = [&plain[..], &[0; 40]].concat();
        assert_eq!(
            outbound.protect_rtp(1, &mut buf, plain.len()),
            Err(ProtectError::HeaderExtension)
        );
    }
}

#[test]
fn nobody_sends_a_plain_header_that_looks_encrypted() {
    for cryptex in [Cryptex::Off, Cryptex::Offered] {
        let mut outbound = Outbound::new(providers()[0], &key(PROFILES[0], 0), &config(cryptex)).unwrap();
        let plain = packet(0, &[0xc0, 0xde, 0, 0]);
        let mut buf = [&plain[..], &[0; 40]].concat();
        assert_eq!(
            outbound.protect_rtp(1, &mut buf, plain.len()),
            Err(ProtectError::HeaderExtension)
        );
    }
}

#[test]
fn every_bit_of_an_encrypted_header_counts() {
    for profile in PROFILES {
        let mut session = Session::with(profile, &config(Cryptex::Required));
        let protected = session.protect(1, &packet(2, ONE_BYTE));
        for bit in 0..protected.len() * 8 {
            let mut forged = protected.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(session.receives(&forged).is_err(), "{profile}, bit {bit}");
        }
        assert_eq!(session.receives(&protected), Ok(1));
    }
}
