//! Header extensions that are encrypted one by one (RFC 6904). The standard's example is in
//! `conformance/tests/srtp_packets.rs`.

use pollrtc_srtp::{Config, Cryptex, ExtensionIds, Profile};
use quickcheck::quickcheck;

use crate::support::{SSRC, Session, providers, rtp};

fn config(ids: &[u8]) -> Config {
    Config {
        encrypted_extensions: ids.iter().copied().collect(),
        ..Config::default()
    }
}

fn packet(extension: &[u8]) -> Vec<u8> {
    let mut packet = rtp(SSRC, 1, extension);
    packet[0] |= 0x10;
    packet.extend(b"payload");
    packet
}

#[test]
fn values_are_hidden_and_numbers_lengths_and_padding_are_not() {
    let extension = [
        0xbe, 0xde, 0, 3, 0x10, b'a', 0, 0, 0x22, b'b', b'b', b'b', 0x30, b'c', 0, 0,
    ];
    for provider in providers() {
        for profile in Profile::ALL {
            let config = config(&[1, 2]);
            let mut session = Session::between(provider, profile, &config, &config);
            let protected = session.protect(1, &packet(&extension));
            let hidden = [17, 21, 22, 23];
            for (at, byte) in packet(&extension).iter().enumerate().take(28) {
                if !hidden.contains(&at) {
                    assert_eq!(protected[at], *byte, "{profile}, byte {at}");
                }
            }
            assert_ne!(hidden.map(|at| protected[at]), *b"abbb", "{profile}");
            assert_eq!(
                session.unprotect(&protected),
                Ok(packet(&extension)),
                "{provider:?} {profile}"
            );
        }
    }
}

#[test]
fn long_values_of_the_two_byte_form_are_hidden_from_end_to_end() {
    // From one block of the keystream into many others.
    let value = [7; 255];
    let extension = [&[0x10, 0, 0, 66, 9, 2, 1, 1, 200, 255][..], &value, &[0, 0, 0]].concat();
    for profile in Profile::ALL {
        let mut session = Session::with(profile, &config(&[200]));
        let protected = session.protect(1, &packet(&extension));
        let equal = protected[22..277].iter().filter(|byte| **byte == 7).count();
        assert!(equal < 10, "{equal} of 255 bytes are as they were");
        assert_eq!(protected[..22], packet(&extension)[..22]);
        assert_eq!(session.unprotect(&protected), Ok(packet(&extension)), "{profile}");
    }
}

#[test]
fn a_header_that_is_encrypted_as_a_whole_is_not_encrypted_once_more() {
    let extension = [0xbe, 0xde, 0, 1, 0x10, b'a', 0, 0];
    for profile in Profile::ALL {
        let both = Config {
            cryptex: Cryptex::Offered,
            ..config(&[1])
        };
        let whole = Config {
            cryptex: Cryptex::Offered,
            ..Config::default()
        };
        let mut session = Session::between(providers()[0], profile, &both, &whole);
        let protected = session.protect(1, &packet(&extension));
        assert_eq!(session.unprotect(&protected), Ok(packet(&extension)), "{profile}");
    }
}

#[test]
fn a_set_of_numbers_has_what_was_put_in() {
    let ids: ExtensionIds = [0, 1, 14, 127, 128, 255].into_iter().collect();
    assert_eq!(format!("{ids:?}"), "{1, 14, 127, 128, 255}");
    assert!(ExtensionIds::NONE.is_empty() && !ids.is_empty());
}

quickcheck! {
    /// For every block of extensions and every set of numbers, the other end finds the same again.
    fn any_block_is_found_again(profile: u8, block: Vec<u8>, ids: Vec<u8>, two_bytes: bool) -> bool {
        let words = block.len() / 4;
        let head = if two_bytes { [0x10, 0] } else { [0xbe, 0xde] };
        let plain = packet(&[&head[..], &(words as u16).to_be_bytes(), &block[..4 * words]].concat());
        let profile = Profile::ALL[usize::from(profile) % Profile::ALL.len()];
        let mut session = Session::with(profile, &config(&ids));
        let protected = session.protect(1, &plain);
        session.unprotect(&protected) == Ok(plain)
    }
}
