//! Sequence numbers that wrap, and which index a packet has.

use pollrtc_srtp::{Config, Dropped, Profile};

use crate::support::{SSRC, Session, rtp};

const PROFILES: [Profile; 2] = [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm];
const ROUND: u64 = 1 << 16;

#[test]
fn a_stream_wraps_and_its_late_packets_keep_their_round() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let packets: Vec<_> = (32_000..3 * ROUND).map(|index| (index, session.sent(index))).collect();
        let (late, in_order): (Vec<_>, Vec<_>) = packets.into_iter().partition(|(index, _)| index % ROUND == 65_535);
        for (index, packet) in in_order {
            assert_eq!(session.receives(&packet), Ok(index));
            // RFC 3711 §3.3.1: what comes from before the wrap has the rollover counter of then.
            if let Some((before, packet)) = late.iter().find(|(before, _)| before + 100 == index) {
                assert_eq!(session.receives(packet), Ok(*before), "{profile}");
            }
        }
    }
}

// Peers were seen that add a negative difference to their newest index here, and lose the stream afterwards.
#[test]
fn a_late_packet_moves_nothing_backwards() {
    for profile in PROFILES {
        let mut session = Session::resumed(profile, 2 * ROUND + 30);
        let packets: Vec<_> = (2 * ROUND + 30..2 * ROUND + 40)
            .map(|index| session.sent(index))
            .collect();
        assert_eq!(session.receives(&packets[9]), Ok(2 * ROUND + 39));
        assert_eq!(session.receives(&packets[0]), Ok(2 * ROUND + 30));
        assert_eq!(session.inbound.newest(SSRC), Some(2 * ROUND + 39));
        assert_eq!(session.receives(&packets[5]), Ok(2 * ROUND + 35));
    }
}

#[test]
fn half_a_round_at_a_time_is_followed_and_more_is_not_sent() {
    let mut session = Session::new(Profile::AeadAes128Gcm);
    for index in [0, 32_767, 65_534, 98_301, 131_068] {
        let packet = session.sent(index);
        assert_eq!(session.receives(&packet), Ok(index));
    }
}

#[test]
fn nothing_lies_before_the_first_round() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let packet = session.sent(5);
        assert_eq!(session.receives(&packet), Ok(5));
        // Sequence number 65,530 seems to come from before the first packet; the rollover counter can't be below 0,
        // which is the only one that it is tried with. It is not authentic, and the stream goes on.
        let mut other = Session::resumed(profile, 4 * ROUND + 65_530);
        let stray = other.sent(4 * ROUND + 65_530);
        assert_eq!(session.receives(&stray), Err(Dropped::Unauthentic), "{profile}");
        assert_eq!(session.inbound.newest(SSRC), Some(5));
        let packet = session.sent(6);
        assert_eq!(session.receives(&packet), Ok(6));
    }
}

#[test]
fn a_stream_whose_first_packets_are_lost_is_found_behind_its_first_wrap() {
    for profile in PROFILES {
        // The sender began shortly before the wrap, as old ones do; all of that was lost.
        let mut session = Session::new(profile);
        session.outbound.resume(SSRC, 65_530).unwrap();
        session.sent(65_530);
        let packet = session.sent(ROUND + 3);
        assert_eq!(session.receives(&packet), Ok(ROUND + 3), "{profile}");
        let packet = session.sent(ROUND + 4);
        assert_eq!(session.receives(&packet), Ok(ROUND + 4), "{profile}");
    }
}

#[test]
fn who_does_not_want_to_try_twice_does_not() {
    let config = Config {
        try_next_rollover: false,
        ..Config::default()
    };
    for profile in PROFILES {
        let mut session = Session::with(profile, &config);
        session.outbound.resume(SSRC, 65_530).unwrap();
        let packet = session.sent(ROUND + 3);
        assert_eq!(session.receives(&packet), Err(Dropped::Unauthentic), "{profile}");
        // Who is told the rollover counter needs no guess.
        session.inbound.resume(SSRC, ROUND);
        assert_eq!(session.receives(&packet), Ok(ROUND + 3), "{profile}");
    }
}

// Peers were seen that have one rollover counter for all streams.
#[test]
fn streams_wrap_apart_from_each_other() {
    let mut session = Session::new(Profile::Aes128CmHmacSha1_80);
    for index in (32_000..ROUND + 10).step_by(1000) {
        let packet = session.protect(index, &rtp(1, index, b"fast"));
        assert_eq!(session.receives(&packet), Ok(index));
        let slow = index / 1000;
        let packet = session.protect(slow, &rtp(2, slow, b"slow"));
        assert_eq!(session.receives(&packet), Ok(slow));
    }
    assert_eq!(session.inbound.newest(1), session.outbound.newest(1));
    assert_eq!(session.inbound.newest(2), session.outbound.newest(2));
}

#[test]
fn a_stream_that_rests_keeps_its_rollover_counter() {
    // RFC 3711 §3.2.3: the context of an SSRC lives as long as the session, also if another one was used meanwhile.
    let mut session = Session::resumed(Profile::AeadAes128Gcm, 7 * ROUND + 65_000);
    let packet = session.sent(7 * ROUND + 65_000);
    assert_eq!(session.receives(&packet), Ok(7 * ROUND + 65_000));
    for index in 0..1000 {
        let packet = session.protect(index, &rtp(1, index, b"another"));
        assert_eq!(session.receives(&packet), Ok(index));
    }
    let packet = session.sent(8 * ROUND + 3);
    assert_eq!(session.receives(&packet), Ok(8 * ROUND + 3));
}

#[test]
fn a_stream_resumes_no_earlier_than_it_was() {
    let mut session = Session::new(Profile::AeadAes128Gcm);
    let old = session.sent(100);
    assert_eq!(session.receives(&old), Ok(100));
    session.inbound.resume(SSRC, 50);
    assert_eq!(session.receives(&old), Err(Dropped::Replayed));
    session.inbound.resume(SSRC, 3 * ROUND);
    assert_eq!(session.inbound.newest(SSRC), Some(3 * ROUND - 1));
}
