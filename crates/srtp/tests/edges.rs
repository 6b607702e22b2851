//! Packets of extreme lengths, and buffers without room.

use pollrtc_core::Headroom;
use pollrtc_srtp::{Config, Cryptex, Dropped, Mki, Outbound, Profile, ProtectError};

use crate::support::{SSRC, Session, key, providers, rtp};

#[test]
fn payloads_may_be_empty_and_as_long_as_a_datagram() {
    for provider in providers() {
        for profile in Profile::ALL {
            let config = Config::default();
            let mut session = Session::between(provider, profile, &config, &config);
            for (index, len) in [0, 1, 15, 16, 17, 65_535].into_iter().enumerate() {
                let plain = rtp(SSRC, index as u64, &vec![7; len]);
                let protected = session.protect(index as u64, &plain);
                assert_eq!(session.unprotect(&protected), Ok(plain), "{provider:?} {profile} {len}");
            }
        }
    }
}

#[test]
fn what_a_keystream_does_not_cover_is_refused() {
    // RFC 3711 §4.1.1: 2^16 blocks of 16 bytes, then the counter would run into the next packet's.
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let len = (1 << 20) + 100;
        let mut buf = rtp(SSRC, 1, &vec![7; len]);
        buf.resize(len + 100, 0);
        assert_eq!(
            session.outbound.protect_rtp(1, &mut buf, len),
            Err(ProtectError::TooLong(len))
        );
        assert_eq!(session.receives(&buf), Err(Dropped::Malformed));
        assert_eq!(
            session.outbound.protect_rtcp(&mut buf, len),
            Err(ProtectError::TooLong(len))
        );
        assert_eq!(session.receives_rtcp(&buf), Err(Dropped::Malformed));
    }
}

#[test]
fn a_buffer_without_room_is_refused_before_a_byte_is_changed() {
    let mki = Config {
        mki: Some(Mki::new(b"key").unwrap()),
        cryptex: Cryptex::Offered,
        ..Config::default()
    };
    for config in [Config::default(), mki] {
        for profile in Profile::ALL {
            let mut outbound = Outbound::new(providers()[0], &key(profile, 0), &config).unwrap();
            let mut plain = rtp(SSRC, 1, &[1, 2, 3, 4, b'x']);
            plain[0] |= 1; // a source, so that all of the headroom is used
            let Headroom { prefix, suffix } = outbound.rtp_headroom();
            assert_eq!(prefix, 0);
            for room in 0..suffix {
                let mut buf = [&plain[..], &vec![7; room]].concat();
                let before = buf.clone();
                let refused = ProtectError::BufferTooShort {
                    needed: plain.len() + suffix,
                    len: buf.len(),
                };
                assert_eq!(
                    outbound.protect_rtp(1, &mut buf, plain.len()),
                    Err(refused),
                    "{profile}"
                );
                assert_eq!(buf, before);
            }
            assert_eq!(outbound.streams(), 0);
            let mut buf = [&plain[..], &vec![7; suffix]].concat();
            assert_eq!(outbound.protect_rtp(1, &mut buf, plain.len()), Ok(buf.len()));
        }
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    let mut outbound = Outbound::new(providers()[0], &key(Profile::AeadAes128Gcm, 0), &Config::default()).unwrap();
    for plain in [&[][..], &[0x80; 11], &[0x40; 12], &[0x8f; 20], &[0x90; 12]] {
        let mut buf = [plain, &[0; 40]].concat();
        assert_eq!(
            outbound.protect_rtp(0, &mut buf, plain.len()),
            Err(ProtectError::Malformed)
        );
    }
    for len in [21, usize::MAX / 2, usize::MAX] {
        let refused = outbound.protect_rtp(0, &mut [0x80; 20], len);
        assert!(matches!(refused, Err(ProtectError::BufferTooShort { .. })), "{len}");
        assert_eq!(
            outbound.protect_rtcp(&mut [0x80; 20], len),
            Err(ProtectError::Malformed)
        );
    }
}
