//! What a stranger sends: nothing of it has an effect.

use pollrtc_srtp::{Config, Cryptex, Dropped, Mki, Profile};
use quickcheck::quickcheck;

use crate::support::{SSRC, Session, rtcp, rtp};

/// Contributing sources, an extension and padding: something of everything.
fn packet_with_all() -> Vec<u8> {
    let mut packet = rtp(SSRC, 1, &[0, 0, 0, 1, 0, 0, 0, 2]);
    packet[0] = 0xb2;
    packet.extend([0xbe, 0xde, 0, 1, 0x10, b'a', 0x20, b'b']);
    packet.extend(b"payload\0\0\x03");
    packet
}

// RFC 3711 §3.1: header, sources and extension are plain and authenticated; the rollover counter is authenticated and not
// sent.
#[test]
fn every_bit_of_a_packet_counts() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let protected = session.protect(1, &packet_with_all());
        for bit in 0..protected.len() * 8 {
            let mut forged = protected.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let dropped = session.receives(&forged).unwrap_err();
            assert!(
                matches!(dropped, Dropped::Unauthentic | Dropped::Malformed),
                "{profile}, bit {bit}"
            );
            assert_eq!(session.inbound.streams(), 0);
        }
        assert_eq!(session.receives(&protected), Ok(1), "{profile}");
    }
}

#[test]
fn every_bit_of_an_rtcp_packet_counts() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let protected = session.protect_rtcp(&rtcp(SSRC));
        for bit in 0..protected.len() * 8 {
            let mut forged = protected.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let dropped = session.receives_rtcp(&forged).unwrap_err();
            assert!(
                matches!(dropped, Dropped::Unauthentic | Dropped::Malformed),
                "{profile}, bit {bit}"
            );
        }
        assert_eq!(session.receives_rtcp(&protected), Ok(0), "{profile}");
    }
}

#[test]
fn the_rollover_counter_is_authenticated() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let protected = session.sent(1);
        // The same packet at an end that is a round ahead.
        let mut ahead = Session::resumed(profile, 5 << 16);
        assert_eq!(ahead.receives(&protected), Err(Dropped::Unauthentic), "{profile}");
    }
}

// Lengths of all kinds: shorter than the header, the tag, what the header says. Peers were seen that panic at RTCP below
// 8 + 4 + tag bytes.
#[test]
fn packets_of_any_length_that_are_too_short_are_dropped() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let (rtp, rtcp) = (
            session.protect(1, &packet_with_all()),
            session.protect_rtcp(&rtcp(SSRC)),
        );
        for len in 0..rtp.len() {
            assert!(session.receives(&rtp[..len]).is_err(), "{profile}, {len} bytes");
        }
        for len in 0..rtcp.len() {
            assert!(session.receives_rtcp(&rtcp[..len]).is_err(), "{profile}, {len} bytes");
        }
        for len in 0..12 + profile.rtp_tag_len() {
            assert_eq!(
                session.receives(&vec![0x80; len]),
                Err(Dropped::Malformed),
                "{profile}, {len} bytes"
            );
        }
        for len in 0..8 + 4 + profile.rtcp_tag_len() {
            assert_eq!(
                session.receives_rtcp(&vec![0x80; len]),
                Err(Dropped::Malformed),
                "{profile}, {len} bytes"
            );
        }
    }
}

#[test]
fn a_header_that_ends_behind_the_packet_is_dropped() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        // 15 sources, or an extension of 65,535 words, that are not there.
        for forged in [
            [&[0x8f][..], &[0; 60]].concat(),
            [&[0x90][..], &[0; 11], &[0xbe, 0xde, 0xff, 0xff], &[0; 40]].concat(),
            // The extension would lie in the tag.
            [
                &[0x90][..],
                &[0; 11],
                &[0xbe, 0xde, 0, 1],
                &[0; 3],
                &vec![0; profile.rtp_tag_len()],
            ]
            .concat(),
        ] {
            assert_eq!(session.receives(&forged), Err(Dropped::Malformed), "{profile}");
        }
        assert_eq!(session.inbound.stats().dropped_malformed, 3);
    }
}

#[test]
fn a_plain_packet_right_behind_the_handshake_is_dropped_and_the_session_goes_on() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        assert_eq!(session.receives(&rtp(SSRC, 0, &[7; 100])), Err(Dropped::Unauthentic));
        assert_eq!(
            session.receives_rtcp(&[&rtcp(SSRC)[..], &[0; 40]].concat()),
            Err(Dropped::Unauthentic)
        );
        let first = session.sent(0);
        assert_eq!(session.receives(&first), Ok(0), "{profile}");
    }
}

#[test]
fn another_key_is_another_session() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        let mut other = pollrtc_srtp::Outbound::new(
            crate::support::providers()[0],
            &crate::support::key(profile, 1),
            &Config::default(),
        )
        .unwrap();
        let packet = crate::support::protect(&mut other, 1, &rtp(SSRC, 1, b"x"));
        assert_eq!(session.receives(&packet), Err(Dropped::Unauthentic), "{profile}");
    }
}

/// The configurations that parse something more.
fn configs() -> [Config; 4] {
    [
        Config::default(),
        Config {
            cryptex: Cryptex::Offered,
            encrypted_extensions: (0..=255).collect(),
            ..Config::default()
        },
        Config {
            mki: Some(Mki::new(b"key").unwrap()),
            accept_unencrypted_rtcp: true,
            ..Config::default()
        },
        Config {
            cryptex: Cryptex::Required,
            try_next_rollover: false,
            ..Config::default()
        },
    ]
}

quickcheck! {
    /// For every profile and all bytes: nothing but a counter changes, and what was sent before and after is taken.
    fn any_bytes_change_nothing(first: u8, bytes: Vec<u8>, more: u8) -> bool {
        let bytes = [&[0x80 | (first % 0x40)][..], &bytes, &vec![more; usize::from(more)]].concat();
        Profile::ALL.into_iter().all(|profile| {
            configs().into_iter().all(|config| {
                let mut session = Session::with(profile, &config);
                let [before, after] = [7, 8].map(|index| session.sent(index));
                assert_eq!(session.receives(&before), Ok(7));
                let newest = session.inbound.newest(SSRC);
                assert!(session.receives(&bytes).is_err() && session.receives_rtcp(&bytes).is_err());
                assert_eq!((session.inbound.newest(SSRC), session.inbound.streams()), (newest, 1));
                session.receives(&before) == Err(Dropped::Replayed) && session.receives(&after) == Ok(8)
            })
        })
    }

    /// For every stream that is there and every forged sequence number: a failed authentication moves no window and no
    /// rollover counter (RFC 3711 §3.3).
    fn a_forged_sequence_number_moves_nothing(next: u32, sequence_numbers: Vec<u16>) -> bool {
        let next = u64::from(next);
        [Profile::Aes128CmHmacSha1_32, Profile::AeadAes256Gcm].into_iter().all(|profile| {
            let mut session = Session::resumed(profile, next);
            let [first, second] = [next, next + 1].map(|index| session.sent(index));
            assert_eq!(session.receives(&first), Ok(next));
            for sequence_number in &sequence_numbers {
                let mut forged = first.clone();
                forged[2..4].copy_from_slice(&sequence_number.to_be_bytes());
                forged[13] ^= 1;
                assert!(session.receives(&forged).is_err());
            }
            session.inbound.newest(SSRC) == Some(next) && session.receives(&second) == Ok(next + 1)
        })
    }
}
