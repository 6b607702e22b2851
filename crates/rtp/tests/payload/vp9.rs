//! VP9 (RFC 9628).

use pollrtc_rtp::payload::{
    Layer, PayloadError, PayloadFormat, PictureId, Vp9Descriptor, Vp9Layer, Vp9Packetizer, Vp9Payload, Vp9Picture,
    Vp9References, Vp9Scalability,
};
use quickcheck::quickcheck;

use crate::common::{Stream, noise, payloads};

#[test]
fn without_flexible_mode_a_layer_has_an_index_of_pictures() {
    // I, L, B, E; 15 bits; TID 1, U, SID 2, D; TL0PICIDX
    let payload = Vp9Payload::parse(&[0xac, 0xff, 0xff, 0x35, 200, 0x82]).unwrap();
    let layer = Vp9Layer {
        temporal: 1,
        is_switching_up_point: true,
        spatial: 2,
        is_inter_layer_predicted: true,
        tl0_picture_index: 200,
    };
    assert_eq!(payload.descriptor.picture_id, Some(PictureId::Long(0x7fff)));
    assert_eq!(payload.descriptor.layer, Some(layer));
    assert_eq!(
        payload.layer(),
        Layer {
            spatial: 2,
            temporal: 1
        }
    );
    assert!(payload.starts_frame() && !payload.starts_picture() && !payload.starts_keyframe());
    assert_eq!(payload.bytes, [0x82]);
}

#[test]
fn flexible_mode_names_at_most_three_pictures() {
    // RFC 9628 §4.2: N says that another one follows.
    let three = [0xd8, 5, 0x03, 0x05, 0xfe, 1];
    let payload = Vp9Payload::parse(&three).unwrap();
    assert_eq!(payload.descriptor.references.as_slice(), [1, 2, 127]);
    let four = [0xd8, 5, 0x03, 0x05, 0x07, 0x08, 1];
    assert_eq!(Vp9Payload::parse(&four), Err(PayloadError::Invalid("reference")));
    // A picture does not need itself, and differences are of picture ids.
    assert!(Vp9Payload::parse(&[0xd8, 5, 0x00, 1]).is_err());
    assert!(Vp9Payload::parse(&[0x58, 0x02, 1]).is_err());
    // Nothing is predicted, so nothing is named.
    assert!(
        Vp9Payload::parse(&[0x98, 5, 1])
            .unwrap()
            .descriptor
            .references
            .as_slice()
            .is_empty()
    );
    assert!(Vp9References::new(&[1, 2, 3, 4]).is_none() && Vp9References::new(&[128]).is_none());
}

#[test]
fn a_key_frame_begins_at_the_lowest_layer_of_a_picture_that_needs_no_other() {
    let starts = |payload: &[u8]| Vp9Payload::parse(payload).unwrap().starts_keyframe();
    assert!(starts(&[0x88, 1, 0]), "Firefox and GStreamer name no layer");
    assert!(starts(&[0xa8, 1, 0x00, 0, 0]));
    assert!(!starts(&[0xa8, 1, 0x03, 0, 0]), "another spatial layer");
    assert!(!starts(&[0xe8, 1, 0x00, 0, 0]), "predicted");
    assert!(!starts(&[0x80, 1, 0]), "not its beginning");
}

#[test]
fn a_scalability_structure_tells_sizes_and_groups() {
    let group = [
        Vp9Picture {
            temporal: 0,
            is_switching_up_point: false,
            references: Vp9References::new(&[4]).unwrap(),
        },
        Vp9Picture {
            temporal: 2,
            is_switching_up_point: true,
            references: Vp9References::new(&[1]).unwrap(),
        },
        Vp9Picture {
            temporal: 1,
            is_switching_up_point: true,
            references: Vp9References::new(&[2, 1]).unwrap(),
        },
        Vp9Picture::default(),
    ];
    let sizes = [(320, 180), (640, 360), (1_280, 720)];
    let mut buf = [0; 64];
    let structure = Vp9Scalability::write(&sizes, &group, &mut buf).unwrap();
    let written = Vp9Descriptor {
        picture_id: Some(PictureId::Short(3)),
        scalability: Some(structure),
        ..Vp9Descriptor::default()
    };
    let mut bytes = [0; 64];
    let len = written.write(&mut bytes).unwrap();
    assert_eq!(len, written.encoded_len());
    let read = Vp9Payload::parse(&bytes[..=len])
        .unwrap()
        .descriptor
        .scalability
        .unwrap();
    assert_eq!(read.spatial_layers(), 3);
    assert!(read.resolutions().eq(sizes));
    assert!(read.pictures().eq(group));

    // Neither is said.
    let bare = Vp9Payload::parse(&[0x8a, 1, 0x20, 7])
        .unwrap()
        .descriptor
        .scalability
        .unwrap();
    assert_eq!(
        (
            bare.spatial_layers(),
            bare.resolutions().count(),
            bare.pictures().count()
        ),
        (2, 0, 0)
    );
    // What is cut off within it is an error at each length.
    for short in 0..=len {
        assert!(Vp9Payload::parse(&bytes[..short]).is_err(), "{short} bytes");
    }
    assert!(Vp9Scalability::write(&[], &[], &mut buf).is_none());
    assert!(Vp9Scalability::write(&[(1, 1); 9], &[], &mut buf).is_none());
}

#[test]
fn the_structure_is_in_the_first_packet_alone() {
    let mut buf = [0; 16];
    let scalability = Vp9Scalability::write(&[(320, 180)], &[], &mut buf);
    let frame = noise(1_000, 4);
    let descriptor = Vp9Descriptor {
        scalability,
        ..Vp9Descriptor::default()
    };
    let sent = payloads(&mut Vp9Packetizer::new(&frame, descriptor, 300).unwrap(), 300);
    let read: Vec<_> = sent
        .iter()
        .map(|one| Vp9Payload::parse(&one.bytes).unwrap().descriptor)
        .collect();
    assert!(read.len() > 3);
    for (index, descriptor) in read.iter().enumerate() {
        assert_eq!(descriptor.scalability.is_some(), index == 0);
        assert_eq!(descriptor.starts_frame, index == 0);
        assert_eq!(descriptor.ends_frame, index == read.len() - 1);
    }
}

#[test]
fn the_layers_of_a_picture_come_out_together() {
    let layer = |spatial| Vp9Descriptor {
        picture_id: Some(PictureId::Long(9)),
        layer: Some(Vp9Layer {
            spatial,
            is_inter_layer_predicted: spatial > 0,
            ..Vp9Layer::default()
        }),
        ..Vp9Descriptor::default()
    };
    let (low, high) = (noise(400, 1), noise(1_500, 2));
    let mut stream = Stream::new(PayloadFormat::Vp9);
    let below = payloads(
        &mut Vp9Packetizer::new(&low, layer(0), 1_000).unwrap().with_layers_to_come(),
        1_000,
    );
    let above = payloads(&mut Vp9Packetizer::new(&high, layer(1), 1_000).unwrap(), 1_000);
    stream.frame(&[below.clone(), above.clone()].concat());
    let frame = stream.poll().unwrap();
    assert_eq!(frame.bytes, [low, high].concat());
    assert!(frame.is_keyframe);
    assert_eq!(frame.layer.spatial, 1);

    // Without its lower layer, the upper one is nothing.
    below.iter().for_each(|_| stream.lose());
    stream.frame(&above);
    assert!(stream.poll().is_none());
}

quickcheck! {
    /// For every descriptor: it is read as it was written.
    fn every_descriptor_is_read_as_it_was_written(flags: (bool, bool, bool, bool, bool), picture: Option<(bool, u16)>,
                                                  layer: Option<(u8, bool, bool, u8)>, references: Vec<u8>) -> bool {
        let picture_id = picture.map(|(is_short, id)| match is_short {
            true => PictureId::Short(id as u8 & 0x7f),
            false => PictureId::Long(id & 0x7fff),
        });
        let is_flexible = flags.4 && picture_id.is_some();
        let references: Vec<u8> = references.iter().take(3).map(|difference| difference % 127 + 1).collect();
        let is_inter_picture_predicted = flags.0 && !(is_flexible && references.is_empty());
        let has_references = is_flexible && is_inter_picture_predicted;
        let written = Vp9Descriptor {
            picture_id,
            is_inter_picture_predicted,
            is_flexible,
            starts_frame: flags.1,
            ends_frame: flags.2,
            is_not_reference_for_upper_layers: flags.3,
            layer: layer.map(|(ids, is_switching_up_point, is_inter_layer_predicted, index)| Vp9Layer {
                temporal: ids & 7,
                is_switching_up_point,
                spatial: ids >> 3 & 7,
                is_inter_layer_predicted,
                tl0_picture_index: if is_flexible { 0 } else { index },
            }),
            references: Vp9References::new(if has_references { &references } else { &[] }).unwrap(),
            scalability: None,
        };
        let mut buf = [1; 16];
        let len = written.write(&mut buf).unwrap();
        len == written.encoded_len()
            && Vp9Payload::parse(&buf[..=len]).unwrap().descriptor == written
            && (0..=len).all(|short| Vp9Payload::parse(&buf[..short]).is_err())
    }
}
