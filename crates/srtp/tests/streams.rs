//! Many streams under one key.

use pollrtc_srtp::{Config, ConfigError, Dropped, Inbound, Outbound, Profile, ProtectError};

use crate::support::{Session, key, protect, providers, rtcp, rtp};

const FEW: usize = 8;

fn few() -> Config {
    Config {
        max_streams: FEW,
        ..Config::default()
    }
}

#[test]
fn the_stream_that_was_silent_for_longest_gives_way() {
    let mut session = Session::between(providers()[0], Profile::AeadAes128Gcm, &Config::default(), &few());
    let first: Vec<_> = (0..=FEW as u32)
        .map(|ssrc| session.protect(1, &rtp(ssrc, 1, b"a")))
        .collect();
    for packet in &first[..FEW] {
        assert!(session.receives(packet).is_ok());
    }
    // Stream 0 speaks again; so stream 1 is the one.
    let packet = session.protect(2, &rtp(0, 2, b"b"));
    assert!(session.receives(&packet).is_ok());
    assert!(session.receives(&first[FEW]).is_ok());
    assert_eq!(session.inbound.streams(), FEW);
    assert_eq!(session.inbound.stats().streams_forgotten, 1);
    assert_eq!(session.inbound.newest(1), None);
    assert_eq!(session.inbound.newest(0), Some(2));
    // It comes back as a new one.
    let packet = session.protect(3, &rtp(1, 3, b"c"));
    assert_eq!(session.receives(&packet), Ok(3));
}

#[test]
fn a_sender_never_forgets_where_a_stream_is() {
    let mut session = Session::between(providers()[0], Profile::AeadAes128Gcm, &few(), &Config::default());
    let song = |ssrc, index| rtp(ssrc, index, b"song");
    for ssrc in 0..3 * FEW as u32 {
        for index in [1, 3] {
            let packet = session.protect(index, &song(ssrc, index));
            assert_eq!(session.receives(&packet), Ok(index));
        }
    }
    assert_eq!(session.outbound.streams(), 3 * FEW);
    // Of those that were silent for longest nothing is known but that: so nothing of them is sent again, nor late.
    let mut refused = |ssrc, index, payload: &[u8]| {
        let plain = rtp(ssrc, index, payload);
        let mut buf = [&plain[..], &[0; 16]].concat();
        session.outbound.protect_rtp(index, &mut buf, plain.len()).err()
    };
    for index in [1, 2, 3] {
        assert_eq!(
            refused(0, index, b"song"),
            Some(ProtectError::TooOld { index, newest: 3 })
        );
    }
    // Of those that spoke last it is all known.
    let last = 3 * FEW as u32 - 1;
    assert_eq!(refused(last, 3, b"song"), None);
    assert_eq!(refused(last, 3, b"else"), Some(ProtectError::Reused(3)));
    assert_eq!(refused(last, 2, b"late"), None);
    // One that speaks again is remembered from there on.
    assert_eq!(refused(0, 4, b"song"), None);
    assert_eq!(refused(0, 4, b"song"), None);
    assert_eq!(refused(0, 4, b"else"), Some(ProtectError::Reused(4)));
    assert_eq!(refused(0, 3, b"song"), Some(ProtectError::Reused(3)));
}

#[test]
fn a_key_is_for_65535_streams() {
    let mut outbound = Outbound::new(providers()[0], &key(Profile::AeadAes128Gcm, 0), &few()).unwrap();
    for ssrc in 0..65_535 {
        outbound.resume(ssrc, 1).unwrap();
    }
    let mut buf = rtp(99_999, 1, b"a");
    let len = buf.len();
    buf.resize(100, 0);
    assert_eq!(
        outbound.protect_rtp(1, &mut buf, len),
        Err(ProtectError::TooManyStreams)
    );
    assert_eq!(outbound.resume(99_999, 7), Err(ProtectError::TooManyStreams));
    protect(&mut outbound, 2, &rtp(3, 2, b"b"));
}

#[test]
fn a_flood_of_forged_streams_leaves_nothing() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let good = session.sent(1);
        assert!(session.receives(&good).is_ok());
        for ssrc in 0..5000u32 {
            let mut forged = good.clone();
            forged[8..12].copy_from_slice(&ssrc.wrapping_mul(0x9e37_79b9).to_be_bytes());
            assert_eq!(session.receives(&forged), Err(Dropped::Unauthentic), "{profile}");
            assert_eq!(session.receives_rtcp(&forged), Err(Dropped::Unauthentic), "{profile}");
        }
        assert_eq!(session.inbound.streams(), 1);
        assert_eq!(session.inbound.stats().dropped_unauthentic, 10_000);
        let next = session.sent(2);
        assert_eq!(session.receives(&next), Ok(2));
    }
}

#[test]
fn senders_of_rtcp_are_streams_of_their_own() {
    let mut session = Session::with(Profile::AeadAes128Gcm, &few());
    for ssrc in 0..3 * FEW as u32 {
        let packet = session.protect_rtcp(&rtcp(ssrc));
        assert_eq!(session.receives_rtcp(&packet), Ok(ssrc.into()));
    }
    // None of them took the place of media.
    assert_eq!(session.inbound.streams(), 0);
    assert_eq!(session.inbound.stats().streams_forgotten, 2 * FEW as u64);
}

#[test]
fn no_streams_and_too_many_are_refused() {
    for max_streams in [0, 65_536] {
        let config = Config {
            max_streams,
            ..Config::default()
        };
        let key = key(Profile::AeadAes128Gcm, 0);
        let mut rng = pollrtc_crypto::Rng::from_seed([7; 32]);
        let refused = Inbound::new(providers()[0], &key, &config, &mut rng).err();
        assert_eq!(refused, Some(ConfigError::Streams(max_streams)));
    }
}
