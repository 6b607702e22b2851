//! Where a header ends: the packet says it, whatever its extension holds.

use pollrtc_rtp::{ExtensionMap, Origin, RtpPacket};
use pollrtc_srtp::{Config, Outbound, Profile};
use quickcheck::quickcheck;

use crate::support::{SSRC, Session, key, protect, providers, rtp};

/// Extension blocks that readers have come to grief over. Peers were seen that make the header anew from what they
/// understood of it, and decrypt from the wrong place on.
const ODD_BLOCKS: [&[u8]; 12] = [
    &[0xbe, 0xde, 0, 0],                                        // empty
    &[0xbe, 0xde, 0, 2, 0x10, b'a', 0xf0, 1, 2, 3, 4, 5],       // number 15 in the middle
    &[0xbe, 0xde, 0, 1, 0x00, 0x00, 0x00, 0x00],                // padding alone
    &[0xbe, 0xde, 0, 1, 0x0f, 1, 2, 3],                         // number 0 with a length
    &[0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3],                         // longer than the block
    &[0xbe, 0xde, 0, 2, 0x10, b'a', 0, 0, 0, 0x20, b'b', 0],    // padding between
    &[0x10, 0x00, 0, 1, 1, 0, 0, 0],                            // an empty value
    &[0x10, 0x0f, 0, 1, 1, 255, 1, 2],                          // longer than the block
    &[0x10, 0x00, 0, 1, 0, 0, 0, 1],                            // a number without a length
    &[0x12, 0x34, 0, 1, 1, 2, 3, 4],                            // another profile
    &[0, 0, 0, 0],                                              // no profile at all
    &[0xff, 0xff, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], // and another one
];

fn packet(sources: u8, block: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut packet = rtp(SSRC, 1, &vec![9; 4 * usize::from(sources)]);
    packet[0] |= sources | if block.is_empty() { 0 } else { 0x10 };
    packet.extend(block);
    packet.extend(payload);
    packet
}

#[test]
fn odd_extension_blocks_stay_as_they_are_and_the_payload_begins_behind_them() {
    for profile in Profile::ALL {
        for encrypted in [false, true] {
            let config = Config {
                encrypted_extensions: (1..=255).filter(|_| encrypted).collect(),
                ..Config::default()
            };
            for block in ODD_BLOCKS {
                for sources in [0, 1, 15] {
                    let mut session = Session::with(profile, &config);
                    let plain = packet(sources, block, b"payload");
                    let protected = session.protect(1, &plain);
                    let header_len = plain.len() - b"payload".len();
                    if !encrypted {
                        assert_eq!(protected[..header_len], plain[..header_len], "{profile} {block:?}");
                    }
                    assert_ne!(&protected[header_len..][..7], b"payload");
                    assert_eq!(session.unprotect(&protected), Ok(plain), "{profile} {block:?}");
                }
            }
        }
    }
}

/// How long the header is that stays plain.
fn plain_len(plain: &[u8]) -> usize {
    // A keystream has a byte of zero now and then; three of them hardly have one in the same place.
    let first_change = |seed| {
        let key = key(Profile::Aes128CmHmacSha1_80, seed);
        let mut outbound = Outbound::new(providers()[0], &key, &Config::default()).unwrap();
        let protected = protect(&mut outbound, 1, plain);
        protected
            .iter()
            .zip(plain)
            .take_while(|(protected, plain)| protected == plain)
            .count()
    };
    [1, 2, 3].into_iter().map(first_change).min().unwrap()
}

quickcheck! {
    /// For every packet that `pollrtc-rtp` reads: payload and padding there are what is encrypted here.
    fn the_header_ends_where_the_view_of_rtp_ends_it(sources: u8, profile: u16, block: Vec<u8>, has_block: bool) -> bool {
        let block = match has_block {
            true => {
                let words = block.len() / 4;
                let head = [profile.to_be_bytes(), (words as u16).to_be_bytes()].concat();
                [&head[..], &block[..4 * words]].concat()
            }
            false => Vec::new(),
        };
        let plain = packet(sources % 16, &block, &[7; 64]);
        let view = RtpPacket::parse(&plain, &ExtensionMap::new(), Origin::default()).expect("a packet");
        plain.len() - view.payload().len() - view.padding() == plain_len(&plain)
    }
}

#[test]
fn padding_is_encrypted_with_the_payload() {
    for profile in Profile::ALL {
        let mut session = Session::new(profile);
        // A probe: padding and nothing else.
        let mut plain = rtp(SSRC, 1, &[0; 255]);
        plain[0] |= 0x20;
        *plain.last_mut().unwrap() = 255;
        let protected = session.protect(1, &plain);
        assert_ne!(protected[266], 255);
        let unprotected = session.unprotect(&protected).unwrap();
        let view = RtpPacket::parse(&unprotected, &ExtensionMap::new(), Origin::default()).unwrap();
        assert_eq!((view.payload().len(), view.padding()), (0, 255));
    }
}
