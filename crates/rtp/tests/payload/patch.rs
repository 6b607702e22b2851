//! Numbers that a forwarder writes into payloads, in place.

use pollrtc_rtp::Patch;
use pollrtc_rtp::payload::{PictureId, Vp8Payload, Vp9Payload, apply_patch};
use quickcheck::quickcheck;

const VP8: Patch = Patch::Vp8 {
    picture_id: 0x2345,
    tl0_picture_index: 0xaa,
    key_index: 0x1b,
};

#[test]
fn all_numbers_of_vp8_are_written_and_nothing_else() {
    let mut payload = [0x90, 0xf0, 0x80, 1, 2, 0xe3, 0x9d, 0x9e];
    apply_patch(&mut payload, VP8).unwrap();
    assert_eq!(
        payload,
        [0x90, 0xf0, 0xa3, 0x45, 0xaa, 0xfb, 0x9d, 0x9e],
        "TID and Y stay"
    );
}

#[test]
fn a_short_picture_id_wraps_at_seven_bits() {
    let mut payload = [0x90, 0x80, 0x7f, 0x9d];
    apply_patch(&mut payload, VP8).unwrap();
    assert_eq!(payload, [0x90, 0x80, 0x45, 0x9d]);
}

#[test]
fn what_the_sender_left_out_stays_out() {
    for whole in [&[0x10, 0xff, 0xfe][..], &[0x90, 0x00, 0xff], &[0x90, 0x20, 0x5f, 0xff]] {
        let mut payload = whole.to_vec();
        apply_patch(&mut payload, VP8).unwrap();
        assert_eq!(payload, whole);
    }
}

#[test]
fn the_picture_id_of_vp9_is_written_in_its_length() {
    let mut long = [0xac, 0x80, 1, 0x42, 9, 1];
    apply_patch(&mut long, Patch::Vp9 { picture_id: 0x7ffe }).unwrap();
    assert_eq!(long, [0xac, 0xff, 0xfe, 0x42, 9, 1]);
    let mut short = [0x88, 3, 1];
    apply_patch(&mut short, Patch::Vp9 { picture_id: 0x7ffe }).unwrap();
    assert_eq!(short, [0x88, 0x7e, 1]);
    let mut none = [0x08, 3, 1];
    apply_patch(&mut none, Patch::Vp9 { picture_id: 0x7ffe }).unwrap();
    assert_eq!(none, [0x08, 3, 1]);
}

#[test]
fn what_is_malformed_stays_as_it_is() {
    for broken in [&[][..], &[0x90], &[0x90, 0xf0, 0x80, 1, 2], &[0x90, 0x80, 0x80]] {
        let mut payload = broken.to_vec();
        assert!(apply_patch(&mut payload, VP8).is_err());
        assert_eq!(payload, broken);
        assert!(apply_patch(&mut payload, Patch::None).is_ok());
    }
    let mut cut = [0x98, 0x80];
    assert!(apply_patch(&mut cut, Patch::Vp9 { picture_id: 5 }).is_err());
    assert_eq!(cut, [0x98, 0x80]);
}

quickcheck! {
    /// For every payload and number: the descriptor says the number afterwards, and what was not renumbered is the
    /// same.
    fn every_payload_says_its_new_numbers(bytes: Vec<u8>, picture_id: u16, tl0_picture_index: u8, key_index: u8) -> bool {
        let patch = Patch::Vp8 { picture_id, tl0_picture_index, key_index };
        let mut patched = bytes.clone();
        let Ok(before) = Vp8Payload::parse(&bytes) else {
            return apply_patch(&mut patched, patch).is_err() && patched == bytes;
        };
        apply_patch(&mut patched, patch).unwrap();
        let after = Vp8Payload::parse(&patched).unwrap();
        let mut expected = before.descriptor;
        expected.picture_id = expected.picture_id.map(|id| match id {
            PictureId::Short(_) => PictureId::Short(picture_id as u8 & 0x7f),
            PictureId::Long(_) => PictureId::Long(picture_id & 0x7fff),
        });
        expected.tl0_picture_index = expected.tl0_picture_index.map(|_| tl0_picture_index);
        expected.key_index = expected.key_index.map(|_| key_index & 0x1f);
        after.descriptor == expected && after.bytes == before.bytes && patched.len() == bytes.len()
    }

    fn every_payload_of_vp9_says_its_new_picture(bytes: Vec<u8>, picture_id: u16) -> bool {
        let mut patched = bytes.clone();
        let Ok(before) = Vp9Payload::parse(&bytes) else {
            return apply_patch(&mut patched, Patch::Vp9 { picture_id }).is_err() && patched == bytes;
        };
        apply_patch(&mut patched, Patch::Vp9 { picture_id }).unwrap();
        let after = Vp9Payload::parse(&patched).unwrap();
        let mut expected = before.descriptor;
        expected.picture_id = expected.picture_id.map(|id| match id {
            PictureId::Short(_) => PictureId::Short(picture_id as u8 & 0x7f),
            PictureId::Long(_) => PictureId::Long(picture_id & 0x7fff),
        });
        after.descriptor == expected && after.bytes == before.bytes
    }
}
