//! Our seeds and descriptions near them, for all libraries.

use std::fs;
use std::path::Path;

use pollrtc_sdp_differential::{differential, is_known_difference, pollrtc, rtc_sdp, sdp_types};
use quickcheck::quickcheck;

const OFFER: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=msid-semantic: WMS\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\nb=AS:64\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n";

#[test]
fn all_read_the_offer() {
    let ours = pollrtc(OFFER).unwrap();
    assert_eq!((ours.media.len(), ours.media[0].attributes.len()), (2, 6));
    assert_eq!(sdp_types(OFFER).as_ref(), Some(&ours));
    assert_eq!(rtc_sdp(OFFER).as_ref(), Some(&ours));
    assert!(!is_known_difference(OFFER));
}

#[test]
fn all_read_the_seeds_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/seeds/sdp");
    let seeds: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(seeds.len() > 10);
    for seed in seeds {
        println!("{}", seed.display()); // shown if they disagree
        differential(&fs::read(seed).unwrap());
    }
}

quickcheck! {
    fn what_is_near_an_offer_is_read_alike(edits: Vec<(usize, u8)>) -> bool {
        let mut text = OFFER.as_bytes().to_vec();
        for (place, byte) in edits {
            let place = place % text.len();
            text[place] = byte & 0x7f;
        }
        differential(&text);
        true
    }
}
