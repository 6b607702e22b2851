//! One packet for many.

use pollrtc_crypto::Provider;
use pollrtc_srtp::{Config, Outbound, Profile, ProtectError, Receiver, fan_out};
use quickcheck::quickcheck;

use crate::support::{SSRC, key, protect, providers, rtp};

/// A room of receivers with keys of their own.
fn room(provider: &dyn Provider, profiles: &[Profile]) -> Vec<Outbound> {
    let keyed = |(number, profile): (usize, &Profile)| {
        Outbound::new(provider, &key(*profile, number as u8), &Config::default()).unwrap()
    };
    profiles.iter().enumerate().map(keyed).collect()
}

/// What each has of a header and a patched byte of its own in front.
fn own(number: usize) -> Vec<u8> {
    rtp(SSRC + number as u32, 100 + number as u64, &[number as u8])
}

/// Each receiver's packet, made by itself and by `fan_out`.
fn both_ways(provider: &dyn Provider, profiles: &[Profile], shared: &[u8]) -> [Vec<Vec<u8>>; 2] {
    let mut senders = room(provider, profiles);
    let alone = senders.iter_mut().enumerate();
    let alone =
        alone.map(|(number, outbound)| protect(outbound, 100 + number as u64, &[&own(number)[..], shared].concat()));
    let alone = alone.collect();
    let mut room = room(provider, profiles);
    let mut bufs = vec![vec![0; shared.len() + 100]; room.len()];
    let mut receivers: Vec<_> = room
        .iter_mut()
        .zip(&mut bufs)
        .enumerate()
        .map(|(number, (outbound, buf))| {
            let own = own(number);
            buf[..own.len()].copy_from_slice(&own);
            Receiver::new(outbound, 100 + number as u64, buf, own.len())
        })
        .collect();
    fan_out(shared, &mut receivers);
    [
        alone,
        receivers.iter().map(|receiver| receiver.packet().to_vec()).collect(),
    ]
}

#[test]
fn each_receiver_gets_what_it_would_get_alone() {
    for provider in providers() {
        for profile in Profile::ALL {
            for count in 0..10 {
                for len in [0, 1, 50, 63, 64, 65, 1200] {
                    let [alone, together] = both_ways(provider, &vec![profile; count], &vec![7; len]);
                    assert_eq!(
                        alone, together,
                        "{provider:?} {profile}, {count} receivers, {len} bytes"
                    );
                }
            }
        }
    }
}

#[test]
fn one_that_fails_keeps_nobody_from_its_packet() {
    for profile in [Profile::Aes128CmHmacSha1_80, Profile::AeadAes128Gcm] {
        for failing in 0..6 {
            let mut room = room(providers()[0], &[profile; 6]);
            // It has sent this index already, with other bytes.
            protect(&mut room[failing], 100 + failing as u64, &own(failing));
            let mut bufs = vec![vec![0; 1400]; 6];
            let mut receivers: Vec<_> = room
                .iter_mut()
                .zip(&mut bufs)
                .enumerate()
                .map(|(number, (outbound, buf))| {
                    let own = own(number);
                    buf[..own.len()].copy_from_slice(&own);
                    Receiver::new(outbound, 100 + number as u64, buf, own.len())
                })
                .collect();
            fan_out(&[7; 1200], &mut receivers);
            for (number, receiver) in receivers.iter().enumerate() {
                match number == failing {
                    true => {
                        assert_eq!(receiver.result, Err(ProtectError::Reused(100 + number as u64)));
                        assert_eq!(receiver.packet(), b"");
                    }
                    false => assert_eq!(receiver.packet().len(), 13 + 1200 + profile.rtp_tag_len()),
                }
            }
        }
    }
}

#[test]
fn a_receiver_without_room_is_told() {
    let mut room = room(providers()[0], &[Profile::Aes128CmHmacSha1_80; 2]);
    let [first, second] = &mut room[..] else { panic!("two") };
    let (mut short, mut long) = ([0; 30], [0; 200]);
    short[..13].copy_from_slice(&own(0));
    long[..13].copy_from_slice(&own(1));
    let mut receivers = [
        Receiver::new(first, 100, &mut short, 13),
        Receiver::new(second, 101, &mut long, 13),
    ];
    fan_out(&[7; 100], &mut receivers);
    assert_eq!(
        receivers[0].result,
        Err(ProtectError::BufferTooShort { needed: 123, len: 30 })
    );
    assert_eq!(receivers[1].result, Ok(123));
}

quickcheck! {
    /// For every room, whatever its receivers speak.
    fn a_mixed_room_gets_what_each_would_get_alone(profiles: Vec<u8>, shared: Vec<u8>) -> bool {
        let profiles: Vec<_> = profiles.iter().map(|number| Profile::ALL[usize::from(*number) % 6]).collect();
        let [alone, together] = both_ways(providers()[0], &profiles, &shared);
        alone == together
    }
}
