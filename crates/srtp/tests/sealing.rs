//! No keystream is used for two packets.

use pollrtc_srtp::{Config, ConfigError, Cryptex, Dropped, Outbound, Profile, ProtectError};
use quickcheck::quickcheck;

use crate::support::{SSRC, Session, key, protect, providers, rtp};

/// What it says to a packet with this index and payload, and that a refusal has changed no byte of the packet.
fn try_to_send(outbound: &mut Outbound, index: u64, payload: &[u8]) -> Result<Vec<u8>, ProtectError> {
    let plain = rtp(SSRC, index, payload);
    let mut buf = [&plain[..], &[0; 40]].concat();
    let result = outbound.protect_rtp(index, &mut buf, plain.len());
    match result {
        Ok(len) => Ok(buf[..len].to_vec()),
        Err(error) => {
            assert_eq!(buf[..plain.len()], plain, "{error} has changed the packet");
            Err(error)
        }
    }
}

fn outbound(profile: Profile) -> Outbound {
    Outbound::new(providers()[0], &key(profile, 0), &Config::default()).unwrap()
}

// RFC 3711 §9.1. In-band retransmissions are the same packet; others have to be refused.
#[test]
fn a_packet_is_sent_again_as_it_was_or_not_at_all() {
    for provider in providers() {
        for profile in Profile::ALL {
            let mut outbound = Outbound::new(provider, &key(profile, 0), &Config::default()).unwrap();
            let first = try_to_send(&mut outbound, 7, b"song").unwrap();
            try_to_send(&mut outbound, 8, b"another").unwrap();
            assert_eq!(try_to_send(&mut outbound, 7, b"song"), Ok(first), "{profile}");
            for other in [&b"long"[..], b"", b"song and more"] {
                let refused = try_to_send(&mut outbound, 7, other);
                assert_eq!(refused, Err(ProtectError::Reused(7)), "{provider:?} {profile}");
            }
            let stats = outbound.stats();
            assert_eq!((stats.rtp, stats.rtp_repeated), (3, 1));
        }
    }
}

#[test]
fn a_header_that_differs_makes_another_packet() {
    for profile in Profile::ALL {
        let mut outbound = outbound(profile);
        let plain = rtp(SSRC, 1, b"song");
        protect(&mut outbound, 1, &plain);
        let mut marked = plain.clone();
        marked[1] |= 0x80;
        let mut buf = [&marked[..], &[0; 16]].concat();
        assert_eq!(
            outbound.protect_rtp(1, &mut buf, marked.len()),
            Err(ProtectError::Reused(1)),
            "{profile}"
        );
        assert_eq!(buf[..marked.len()], marked);
    }
}

#[test]
fn a_refused_packet_is_plain_again_however_its_header_was_encrypted() {
    let whole = Config {
        cryptex: Cryptex::Offered,
        ..Config::default()
    };
    let single = Config {
        encrypted_extensions: [1, 2].into_iter().collect(),
        ..Config::default()
    };
    for (profile, config) in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm]
        .into_iter()
        .flat_map(|profile| [(profile, &whole), (profile, &single)])
    {
        // Sources with an extension of each form, and without.
        for (first, extension) in [
            (0x92, &[0xbe, 0xde, 0, 1, 0x10, b'a', 0x20, b'b'][..]),
            (0x91, &[0x10, 0x07, 0, 1, 1, 2, b'a', b'b']),
            (0x82, &[]),
            (0x90, &[0x12, 0x34, 0, 1, 1, 2, 3, 4]),
        ] {
            let mut outbound = Outbound::new(providers()[0], &key(profile, 0), config).unwrap();
            let sources = &[7; 8][..4 * usize::from(first & 0x0f)];
            let mut plain = rtp(SSRC, 1, &[sources, extension, b"song"].concat());
            plain[0] = first;
            let protected = protect(&mut outbound, 1, &plain);
            assert_eq!(protect(&mut outbound, 1, &plain), protected);
            *plain.last_mut().unwrap() ^= 1;
            let mut buf = [&plain[..], &[0; 40]].concat();
            assert_eq!(
                outbound.protect_rtp(1, &mut buf, plain.len()),
                Err(ProtectError::Reused(1))
            );
            assert_eq!(buf[..plain.len()], plain, "{profile}, {first:x}");
        }
    }
}

#[test]
fn how_much_can_be_sent_again_is_up_to_the_configuration() {
    for repeatable in [1, 64, 1024] {
        let config = Config {
            repeatable,
            ..Config::default()
        };
        let mut outbound = Outbound::new(providers()[0], &key(Profile::AeadAes128Gcm, 0), &config).unwrap();
        let count = repeatable as u64 + 10;
        for index in 0..count {
            try_to_send(&mut outbound, index, b"song").unwrap();
        }
        for index in 0..count {
            let again = try_to_send(&mut outbound, index, b"song");
            match index >= 10 {
                true => assert!(again.is_ok(), "{repeatable}, {index}"),
                // RFC 3711 §9.1: nobody knows any more whether it is the same.
                false if count - index <= 1024 => assert_eq!(again, Err(ProtectError::Reused(index))),
                false => assert_eq!(
                    again,
                    Err(ProtectError::TooOld {
                        index,
                        newest: count - 1
                    })
                ),
            }
        }
    }
    for repeatable in [0, 3, 65_536] {
        let config = Config {
            repeatable,
            ..Config::default()
        };
        let refused = Outbound::new(providers()[0], &key(Profile::AeadAes128Gcm, 0), &config);
        assert_eq!(refused.err(), Some(ConfigError::Repeatable(repeatable)));
    }
}

#[test]
fn what_was_left_out_may_be_sent_late_once() {
    let mut outbound = outbound(Profile::Aes128CmHmacSha1_80);
    for index in (0..2000).filter(|index| index % 100 != 0) {
        try_to_send(&mut outbound, index, b"song").unwrap();
    }
    for late in [1000, 1900] {
        assert!(try_to_send(&mut outbound, late, b"late").is_ok());
    }
    assert_eq!(
        try_to_send(&mut outbound, 1900, b"else"),
        Err(ProtectError::Reused(1900))
    );
    let too_old = ProtectError::TooOld {
        index: 900,
        newest: 1999,
    };
    assert_eq!(try_to_send(&mut outbound, 900, b"late"), Err(too_old));
}

#[test]
fn a_stream_begins_in_the_lower_half_of_the_first_round() {
    // RFC 3711 §3.3.1: else a receiver that misses its first packets takes the wrap for nothing.
    for index in [1 << 15, 65_535, 1 << 16, 1 << 40] {
        let mut outbound = outbound(Profile::AeadAes128Gcm);
        assert_eq!(
            try_to_send(&mut outbound, index, b"x"),
            Err(ProtectError::FirstIndex(index))
        );
        assert_eq!(outbound.streams(), 0);
        assert!(try_to_send(&mut outbound, (1 << 15) - 1, b"x").is_ok());
    }
}

#[test]
fn what_receivers_could_not_follow_is_not_sent() {
    let mut outbound = outbound(Profile::AeadAes128Gcm);
    try_to_send(&mut outbound, 100, b"x").unwrap();
    let jump = |index, newest| Err(ProtectError::Jump { index, newest });
    assert_eq!(try_to_send(&mut outbound, 100 + 32_768, b"x"), jump(100 + 32_768, 100));
    assert_eq!(try_to_send(&mut outbound, 100 + 65_536, b"x"), jump(100 + 65_536, 100));
    assert!(try_to_send(&mut outbound, 100 + 32_767, b"x").is_ok());
}

#[test]
fn the_sequence_number_is_the_end_of_the_index() {
    let mut outbound = outbound(Profile::AeadAes128Gcm);
    let mut buf = [&rtp(SSRC, 7, b"x")[..], &[0; 16]].concat();
    let refused = Err(ProtectError::SequenceNumber {
        sequence_number: 7,
        index: 8,
    });
    assert_eq!(outbound.protect_rtp(8, &mut buf, 13), refused);
}

// RFC 3711 §9.2.
#[test]
fn the_key_is_worn_out_with_the_last_index() {
    for profile in Profile::ALL {
        let last = (1 << 48) - 1;
        let mut session = Session::resumed(profile, last);
        let packet = session.sent(last);
        assert_eq!(session.receives(&packet), Ok(last));
        let refused = try_to_send(&mut session.outbound, last + 1, b"x");
        assert_eq!(refused, Err(ProtectError::Exhausted), "{profile}");
        // For a receiver there is nothing behind it either.
        let mut beyond = Session::new(profile);
        let packet = beyond.sent(0);
        assert_eq!(session.receives(&packet), Err(Dropped::TooOld), "{profile}");
    }
}

#[test]
fn a_stream_resumes_no_earlier_than_it_was() {
    let mut outbound = outbound(Profile::AeadAes128Gcm);
    try_to_send(&mut outbound, 100, b"song").unwrap();
    outbound.resume(SSRC, 50).unwrap();
    assert_eq!(try_to_send(&mut outbound, 100, b"else"), Err(ProtectError::Reused(100)));
    outbound.resume(SSRC, 300).unwrap();
    assert!(try_to_send(&mut outbound, 299, b"song").is_err());
    assert!(try_to_send(&mut outbound, 300, b"song").is_ok());
}

quickcheck! {
    /// For every order of indices and payloads: what a receiver can decrypt under one index is always the same.
    fn no_index_has_two_packets(sent: Vec<(u16, bool)>) -> bool {
        [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm].into_iter().all(|profile| {
            let mut outbound = outbound(profile);
            let mut packets = std::collections::BTreeMap::new();
            sent.iter().all(|(index, which)| {
                let index = u64::from(index % 300);
                match try_to_send(&mut outbound, index, if *which { b"song" } else { b"talk" }) {
                    Ok(packet) => packets.entry(index).or_insert_with(|| packet.clone()) == &packet,
                    Err(_) => packets.contains_key(&index),
                }
            })
        })
    }
}
