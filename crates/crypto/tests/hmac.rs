//! HMAC without a provider: vectors of RFC 2202 and RFC 4231, and how tags are checked.

#[path = "support/hex.rs"]
mod hex;

use hex::hex;
use pollrtc_crypto::{HmacSha1, HmacSha256};
use quickcheck::quickcheck;

// RFC 2202 §3: cases 1, 2, 3 and 6 (a key longer than a block).
#[test]
fn sha1_gives_the_tags_of_rfc_2202() {
    let cases: [(Vec<u8>, &[u8], &str); 4] = [
        (vec![0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ),
        (vec![0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
        (
            vec![0xaa; 80],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "aa4ae5e15272d00e95705637ce8a3b55ed402112",
        ),
    ];
    for (key, message, tag) in cases {
        assert_eq!(HmacSha1::new(&key).sign(&[message])[..], hex(tag));
    }
}

// RFC 4231 §4: cases 1, 2, 3 and 6 (a key longer than a block).
#[test]
fn sha256_gives_the_tags_of_rfc_4231() {
    let cases: [(Vec<u8>, &[u8], &str); 4] = [
        (
            vec![0x0b; 20],
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 20],
            &[0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
    ];
    for (key, message, tag) in cases {
        assert_eq!(HmacSha256::new(&key).sign(&[message])[..], hex(tag));
    }
}

#[test]
fn only_the_whole_tag_is_accepted() {
    let key = HmacSha1::new(b"key");
    let tag = key.sign(&[b"message"]);
    assert!(key.verify(&[b"message"], &tag));
    assert!(!key.verify(&[b"message"], &tag[..12]));
    assert!(!key.verify(&[b"message"], &[]));
    assert!(!key.verify(&[b"message"], &[&tag[..], &[0]].concat()));
    assert!(!HmacSha1::new(b"another key").verify(&[b"message"], &tag));
    for bit in 0..tag.len() * 8 {
        let mut wrong = tag;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(!key.verify(&[b"message"], &wrong), "bit {bit} was not looked at");
    }
}

#[test]
fn keys_do_not_show_in_debug_output() {
    assert_eq!(format!("{:?}", HmacSha1::new(b"key")), "HmacSha1(..)");
    assert_eq!(format!("{:?}", HmacSha256::new(b"key")), "HmacSha256(..)");
}

quickcheck! {
    /// For every three messages of any lengths under keys of their own.
    fn tags_made_side_by_side_are_those_made_alone(keys: (u8, u8, u8), messages: (Vec<u8>, Vec<u8>, Vec<u8>), repeat: u8) -> bool {
        let keys = [keys.0, keys.1, keys.2].map(|key| HmacSha1::new(&[key; 20]));
        // Messages of several blocks, of which none ends where another does.
        let messages = [messages.0, messages.1, messages.2].map(|message| message.repeat(usize::from(repeat % 8)));
        let [one, two, three] = &messages;
        let tags = HmacSha1::sign_each([(&keys[0], [one, b"1"]), (&keys[1], [two, b""]), (&keys[2], [three, b"three"])]);
        tags[0] == keys[0].sign(&[one, b"1"])
            && tags[1] == keys[1].sign(&[two])
            && tags[2] == keys[2].sign(&[three, b"three"])
    }

    fn the_first_bytes_of_a_tag_are_looked_at_to_the_last_bit(message: Vec<u8>, bit: u8) -> bool {
        let key = HmacSha1::new(&[7; 20]);
        let tag = key.sign(&[&message]);
        let mut wrong = tag;
        wrong[usize::from(bit / 8 % 10)] ^= 1 << (bit % 8);
        key.verify_first::<10>(&[&message], tag.first_chunk().unwrap())
            && !key.verify_first::<10>(&[&message], wrong.first_chunk().unwrap())
            && key.verify_first::<4>(&[&message], tag.first_chunk().unwrap())
            && key.verify_first::<4>(&[&message], wrong.first_chunk().unwrap()) == (bit / 8 % 10 >= 4)
    }

    fn parts_are_taken_as_one_message(key: Vec<u8>, message: Vec<u8>, at: usize) -> bool {
        let (front, back) = message.split_at(at % (message.len() + 1));
        let (sha1, sha256) = (HmacSha1::new(&key), HmacSha256::new(&key));
        sha1.verify(&[&message], &sha1.sign(&[front, &[], back]))
            && sha256.verify(&[&message], &sha256.sign(&[front, &[], back]))
    }
}
