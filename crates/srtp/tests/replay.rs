//! Packets that come twice, and packets that come late.

use pollrtc_srtp::{Config, ConfigError, Dropped, Profile};
use quickcheck::quickcheck;

use crate::support::{SSRC, Session, rtcp};

#[test]
fn what_was_there_is_dropped_the_second_time() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let packets: Vec<_> = (0..10).map(|index| session.sent(index)).collect();
        for packet in &packets {
            assert!(session.receives(packet).is_ok());
        }
        for packet in &packets {
            assert_eq!(session.receives(packet), Err(Dropped::Replayed), "{profile}");
        }
        let stats = session.inbound.stats();
        assert_eq!((stats.rtp, stats.dropped_replayed), (10, 10));
    }
}

#[test]
fn windows_reach_as_far_back_as_they_are_long() {
    for window in [64, 128, 1024, 32_768] {
        let config = Config {
            rtp_window: window,
            ..Config::default()
        };
        let mut session = Session::with(Profile::AeadAes128Gcm, &config);
        let window = window as u64;
        let [late, too_old] = [2, 1].map(|index| session.sent(index));
        let newest = (window + 1).min(32_768);
        let newest = session.sent(newest);
        assert!(session.receives(&newest).is_ok());
        if window < 32_768 {
            assert_eq!(session.receives(&late), Ok(2), "window {window}");
            assert_eq!(session.receives(&late), Err(Dropped::Replayed), "window {window}");
            assert_eq!(session.receives(&too_old), Err(Dropped::TooOld), "window {window}");
        } else {
            assert_eq!(session.receives(&late), Ok(2));
            assert_eq!(session.receives(&too_old), Ok(1));
        }
    }
}

#[test]
fn windows_out_of_range_are_refused() {
    for window in [0, 1, 63, 65, 100, 32_832, usize::MAX] {
        let rtp = Config {
            rtp_window: window,
            ..Config::default()
        };
        let rtcp = Config {
            rtcp_window: window,
            ..Config::default()
        };
        for config in [rtp, rtcp] {
            let key = crate::support::key(Profile::AeadAes128Gcm, 0);
            let provider = crate::support::providers()[0];
            let inbound =
                pollrtc_srtp::Inbound::new(provider, &key, &config, &mut pollrtc_crypto::Rng::from_seed([7; 32]));
            assert_eq!(inbound.err(), Some(ConfigError::Window(window)));
            let outbound = pollrtc_srtp::Outbound::new(provider, &key, &config);
            assert_eq!(outbound.err(), Some(ConfigError::Window(window)));
        }
    }
}

#[test]
fn the_same_sequence_number_a_round_later_is_another_packet() {
    let mut session = Session::new(Profile::Aes128CmHmacSha1_80);
    for index in [7, 30_000, 60_000, (1 << 16) + 7, (1 << 16) + 8] {
        let packet = session.sent(index);
        assert_eq!(session.receives(&packet), Ok(index));
    }
}

// Peers were seen that look for replays of RTP alone.
#[test]
fn rtcp_that_was_there_is_dropped_the_second_time() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let packets: Vec<_> = (0..200).map(|_| session.protect_rtcp(&rtcp(SSRC))).collect();
        for index in [0, 2, 1, 150] {
            assert_eq!(session.receives_rtcp(&packets[index]), Ok(index as u64));
            assert_eq!(
                session.receives_rtcp(&packets[index]),
                Err(Dropped::Replayed),
                "{profile}"
            );
        }
        // The window of RTCP has 128 packets unless it is told otherwise.
        assert_eq!(session.receives_rtcp(&packets[23]), Ok(23));
        assert_eq!(session.receives_rtcp(&packets[22]), Err(Dropped::TooOld), "{profile}");
        assert_eq!(session.receives_rtcp(&packets[199]), Ok(199));
    }
}

quickcheck! {
    /// For every order in which packets come, doubled and late: each is taken once, unless the window has left it behind.
    fn every_packet_is_taken_once(order: Vec<u8>) -> bool {
        let config = Config { rtp_window: 64, ..Config::default() };
        let mut session = Session::with(Profile::AeadAes128Gcm, &config);
        let packets: Vec<_> = (0..256).map(|index| session.sent(index)).collect();
        let mut taken = std::collections::BTreeSet::new();
        order.into_iter().map(u64::from).all(|index| {
            let newest = taken.last().copied().unwrap_or(0u64);
            let expected = match taken.contains(&index) {
                _ if newest >= index + 64 => Err(Dropped::TooOld),
                true => Err(Dropped::Replayed),
                false => Ok(index),
            };
            taken.insert(index);
            session.receives(&packets[index as usize]) == expected
        })
    }
}
