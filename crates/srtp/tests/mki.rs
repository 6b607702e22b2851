//! Packets that name the master key (RFC 3711 §3.1).

use pollrtc_srtp::{Config, ConfigError, Dropped, Mki, Profile};

use crate::support::{SSRC, Session, providers, rtcp};

fn config(mki: &[u8]) -> Config {
    Config {
        mki: Some(Mki::new(mki).unwrap()),
        ..Config::default()
    }
}

#[test]
fn both_ends_agree_on_an_identifier() {
    for provider in providers() {
        for profile in Profile::ALL {
            let config = config(&[0xe1, 0xf9, 0x7a, 0x0d]);
            let mut session = Session::between(provider, profile, &config, &config);
            let plain_len = 12 + b"payload".len();
            let rtp = session.sent(1);
            assert_eq!(rtp.len(), plain_len + 4 + profile.rtp_tag_len());
            // RFC 3711 §3.1: before the tag; RFC 7714 §8.2: behind it.
            let at = match profile {
                Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => rtp.len() - 4,
                _ => plain_len,
            };
            assert_eq!(rtp[at..at + 4], [0xe1, 0xf9, 0x7a, 0x0d]);
            assert_eq!(session.receives(&rtp), Ok(1), "{provider:?} {profile}");
            let rtcp = session.protect_rtcp(&rtcp(SSRC));
            assert_eq!(session.receives_rtcp(&rtcp), Ok(0), "{provider:?} {profile}");
        }
    }
}

#[test]
fn another_identifier_is_another_key() {
    for profile in Profile::ALL {
        let mut session = Session::between(providers()[0], profile, &config(b"one"), &config(b"two"));
        let (rtp, rtcp) = (session.sent(1), session.protect_rtcp(&rtcp(SSRC)));
        assert_eq!(session.receives(&rtp), Err(Dropped::UnknownKey));
        assert_eq!(session.receives_rtcp(&rtcp), Err(Dropped::UnknownKey));
        assert_eq!(session.inbound.stats().dropped_unknown_key, 2);
    }
}

#[test]
fn an_identifier_that_was_not_agreed_fails_and_so_does_a_missing_one() {
    // RFC 5764 §4.1.3: WebRTC has none.
    for profile in Profile::ALL {
        for (sender, receiver) in [
            (config(b"key!"), Config::default()),
            (Config::default(), config(b"key!")),
        ] {
            let mut session = Session::between(providers()[0], profile, &sender, &receiver);
            let (rtp, rtcp) = (session.sent(1), session.protect_rtcp(&rtcp(SSRC)));
            assert!(session.receives(&rtp).is_err(), "{profile}");
            assert!(session.receives_rtcp(&rtcp).is_err(), "{profile}");
            assert_eq!(session.inbound.streams(), 0);
        }
    }
}

#[test]
fn identifiers_have_up_to_255_bytes() {
    for len in [0, 256] {
        assert_eq!(Mki::new(&vec![7; len]), Err(ConfigError::Mki(len)));
    }
    let config = config(&[7; 255]);
    let mut session = Session::with(Profile::AeadAes128Gcm, &config);
    let packet = session.sent(1);
    assert_eq!(session.receives(&packet), Ok(1));
}
