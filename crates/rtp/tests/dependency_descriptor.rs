//! The dependency descriptor (RTP Payload Format For AV1, appendix A).

use std::path::Path;

use pollrtc_rtp::dependency_descriptor::{
    ChainDifferences, DecodeTargetIndication, DependencyDescriptor, DescriptorError, DescriptorReader,
    FrameDependencies, FrameDifferences, Indications, TemplateStructure,
};
use pollrtc_rtp::payload::Layer;
use quickcheck::quickcheck;

/// A row of the tables in §A.10.2.
fn template(spatial: u8, temporal: u8, frames: &[u16], chains: &[u8], indications: &str) -> FrameDependencies {
    FrameDependencies {
        layer: Layer { spatial, temporal },
        indications: Indications::from_symbols(indications).unwrap(),
        frames: FrameDifferences::new(frames).unwrap(),
        chains: ChainDifferences::new(chains).unwrap(),
    }
}

/// §A.10.2.1: one spatial layer, three temporal ones.
fn l1t3_templates() -> Vec<FrameDependencies> {
    vec![
        template(0, 0, &[], &[0], "SSS"),
        template(0, 0, &[4], &[4], "SSS"),
        template(0, 1, &[2], &[2], "SD-"),
        template(0, 2, &[1], &[1], "D--"),
        template(0, 2, &[1], &[3], "D--"),
    ]
}

fn l1t3() -> TemplateStructure {
    TemplateStructure::new(10, &l1t3_templates(), &[0, 0, 0], &[(640, 360)]).unwrap()
}

/// §A.10.2.2: three spatial layers, three temporal ones.
fn l3t3_templates() -> Vec<FrameDependencies> {
    vec![
        template(0, 0, &[], &[0, 0, 0], "SSSSSSSSS"),
        template(0, 0, &[12], &[12, 11, 10], "RRRRRRSSS"),
        template(0, 1, &[6], &[6, 5, 4], "RR-RR-SD-"),
        template(0, 2, &[3], &[3, 2, 1], "R--R--D--"),
        template(0, 2, &[3], &[9, 8, 7], "R--R--D--"),
        template(1, 0, &[1], &[1, 1, 1], "SSSSSS---"),
        template(1, 0, &[12, 1], &[1, 1, 1], "RRRSSS---"),
        template(1, 1, &[6, 1], &[7, 6, 5], "RR-SD----"),
        template(1, 2, &[3, 1], &[4, 3, 2], "R--D-----"),
        template(1, 2, &[3, 1], &[10, 9, 8], "R--D-----"),
        template(2, 0, &[1], &[2, 1, 1], "SSS------"),
        template(2, 0, &[12, 1], &[2, 1, 1], "SSS------"),
        template(2, 1, &[6, 1], &[8, 7, 6], "SD-------"),
        template(2, 2, &[3, 1], &[5, 4, 3], "D--------"),
        template(2, 2, &[3, 1], &[11, 10, 9], "D--------"),
    ]
}

fn l3t3() -> TemplateStructure {
    let sizes = [(320, 180), (640, 360), (1_280, 720)];
    TemplateStructure::new(0, &l3t3_templates(), &[2, 2, 2, 1, 1, 1, 0, 0, 0], &sizes).unwrap()
}

/// The first packet of a key frame.
fn key_frame(structure: &TemplateStructure, frame_number: u16) -> DependencyDescriptor {
    let template_id = structure.id_offset();
    DependencyDescriptor {
        starts_frame: true,
        ends_frame: false,
        frame_number,
        template_id,
        has_structure: true,
        active_decode_targets: None,
        dependencies: structure.template(template_id).unwrap(),
    }
}

fn written(descriptor: &DependencyDescriptor, structure: &TemplateStructure) -> Vec<u8> {
    let mut buf = [0xff; 255];
    let len = descriptor.write(structure, &mut buf).unwrap();
    buf[..len].to_vec()
}

#[test]
fn a_structure_tells_its_templates_targets_chains_and_sizes() {
    let structure = l3t3();
    assert_eq!(
        (structure.templates(), structure.decode_targets(), structure.chains()),
        (15, 9, 3)
    );
    for (id, template) in (0..).zip(l3t3_templates()) {
        assert_eq!(structure.template(id), Some(template), "{id}");
        assert_eq!(structure.best_template(&template), Some(id));
    }
    assert_eq!((structure.template(15), structure.template(63)), (None, None));
    // §A.8.2: decode_target_layers.
    let layers: Vec<_> = (0..9)
        .map(|target| structure.decode_target_layer(target).unwrap())
        .collect();
    let expected = [2, 1, 0]
        .into_iter()
        .flat_map(|spatial| [2, 1, 0].map(|temporal| Layer { spatial, temporal }));
    assert!(layers.into_iter().eq(expected));
    assert_eq!(structure.decode_target_layer(9), None);
    let chains: Vec<_> = (0..10).map(|target| structure.protected_by(target)).collect();
    let protected = |chain| [Some(chain); 3];
    assert_eq!(
        chains,
        [&protected(2)[..], &protected(1), &protected(0), &[None]].concat()
    );
    assert_eq!(structure.resolution(0), Some((320, 180)));
    assert_eq!(
        (structure.resolution(2), structure.resolution(3)),
        (Some((1_280, 720)), None)
    );
    assert_eq!((structure.spatial_layers(), structure.all_decode_targets()), (3, 0x1ff));
}

#[test]
fn the_bits_are_those_of_the_specification() {
    let templates = [template(0, 0, &[], &[0], "SS"), template(0, 1, &[1], &[1], "-D")];
    let structure = TemplateStructure::new(33, &templates, &[0, 0], &[(640, 360)]).unwrap();
    let bytes = written(&key_frame(&structure, 0x1234), &structure);
    let bits = [
        "10100001",
        "0001001000110100", // start_of_frame, template 33; frame_number
        "10000",
        "100001",
        "00001", // flags; template_id_offset, dt_cnt_minus_one
        "0111",
        "10100001", // next_layer_idc: temporal, none; template_dtis
        "0",
        "100000", // template_fdiffs: none; 1, which is less one
        "10",
        "00000001", // chain_cnt: ns(3) of 1; template_chain_fdiff (decode_target_protected_by has no bits)
        "1",
        "0000001001111111",
        "0000000101100111", // 640 x 360, each less one
    ]
    .concat();
    let padded = format!("{bits:0<width$}", width = bits.len().next_multiple_of(8));
    let expected: Vec<u8> = padded
        .as_bytes()
        .chunks(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    assert_eq!(bytes, expected);
}

#[test]
fn most_descriptors_have_three_bytes() {
    let structure = l1t3();
    let mut reader = DescriptorReader::new();
    let first = written(&key_frame(&structure, 65_535), &structure);
    assert!(reader.read(1, &first).unwrap().starts_keyframe());
    assert_eq!(reader.structure(), Some(&structure));

    // §A.10.2.1: frames 0 to 3 after it, which need the one before, two before, one before, four before.
    for (frame_number, template_id) in [(0, 13), (1, 12), (2, 14), (3, 11)] {
        let descriptor = DependencyDescriptor {
            ends_frame: true,
            frame_number,
            template_id,
            has_structure: false,
            dependencies: structure.template(template_id).unwrap(),
            ..key_frame(&structure, 0)
        };
        let bytes = written(&descriptor, &structure);
        assert_eq!(bytes, [0xc0 | template_id, 0, frame_number as u8]);
        let read = reader.read(2 + u64::from(frame_number), &bytes).unwrap();
        assert_eq!(read, descriptor);
        assert!(!read.starts_keyframe());
        assert_eq!(read.marks().layer, read.dependencies.layer);
    }
}

#[test]
fn what_differs_from_the_template_is_written_and_nothing_else() {
    let structure = l1t3();
    let plain = DependencyDescriptor {
        has_structure: false,
        ..key_frame(&structure, 7)
    };
    let own = template(0, 0, &[1, 16, 17, 256, 257, 4_096], &[255], "R-D");
    let mut lengths = Vec::new();
    for dependencies in [
        plain.dependencies,
        FrameDependencies {
            indications: own.indications,
            ..plain.dependencies
        },
        FrameDependencies {
            frames: own.frames,
            ..plain.dependencies
        },
        FrameDependencies {
            chains: own.chains,
            ..plain.dependencies
        },
        own,
    ] {
        for active_decode_targets in [None, Some(0b101)] {
            let descriptor = DependencyDescriptor {
                dependencies,
                active_decode_targets,
                ..plain
            };
            let bytes = written(&descriptor, &structure);
            assert_eq!(DependencyDescriptor::parse(&bytes, Some(&structure)), Ok(descriptor));
            lengths.push(bytes.len());
        }
    }
    // 24 bits; else with 5 of flags, 3 for targets, 6 for indications, 6 * 2 + 12 * 4 + 2 for frames, 8 for a chain.
    assert_eq!(lengths, [3, 4, 5, 5, 12, 12, 5, 5, 14, 14]);
}

#[test]
fn a_descriptor_of_a_key_frame_is_an_error_at_each_shorter_length() {
    let whole = written(
        &DependencyDescriptor {
            active_decode_targets: Some(3),
            ..key_frame(&l3t3(), 9)
        },
        &l3t3(),
    );
    for len in 0..whole.len() {
        let cut = DependencyDescriptor::parse(&whole[..len], None);
        // Three bytes have no structure, and say so.
        let expected = |error: &DescriptorError| match len {
            3 => *error == DescriptorError::NoStructure,
            _ => matches!(error, DescriptorError::Truncated(_)),
        };
        assert!(cut.as_ref().is_err_and(expected), "{len}: {cut:?}");
    }
    assert!(DependencyDescriptor::parse(&whole, None).is_ok());
    // §A.8.3: padding is ignored.
    let padded = [&whole[..], &[0xff, 0xff]].concat();
    assert_eq!(
        DependencyDescriptor::parse(&padded, None),
        DependencyDescriptor::parse(&whole, None)
    );
}

#[test]
fn custom_fields_that_end_too_early_are_errors() {
    let structure = l1t3();
    let own = template(0, 0, &[300, 4_000], &[9], "DDD");
    let descriptor = DependencyDescriptor {
        has_structure: false,
        dependencies: own,
        active_decode_targets: Some(1),
        ..key_frame(&structure, 9)
    };
    let whole = written(&descriptor, &structure);
    for len in (0..whole.len()).filter(|len| *len != 3) {
        let cut = DependencyDescriptor::parse(&whole[..len], Some(&structure));
        assert!(matches!(cut, Err(DescriptorError::Truncated(_))), "{len}: {cut:?}");
    }
}

#[test]
fn templates_of_a_lost_structure_are_unknown() {
    // §A.8.3: ids of successive structures don't overlap, so that this shows.
    let mut reader = DescriptorReader::new();
    assert_eq!(reader.read(1, &[0xca, 0, 1]), Err(DescriptorError::NoStructure));
    reader.read(2, &written(&key_frame(&l1t3(), 2), &l1t3())).unwrap();
    assert_eq!(
        reader.read(3, &[0xc0 | 15, 0, 3]),
        Err(DescriptorError::UnknownTemplate(15))
    );
    assert_eq!(
        reader.read(4, &[0xc0 | 9, 0, 3]),
        Err(DescriptorError::UnknownTemplate(9))
    );
    assert!(reader.read(5, &[0xc0 | 14, 0, 3]).is_ok());
    // Ids wrap at 64.
    let wrapping = l1t3().with_id_offset(62);
    assert_eq!(wrapping.template(1), l1t3().template(13));
    assert_eq!(wrapping.template(3), None);
    reader.read(6, &written(&key_frame(&wrapping, 4), &wrapping)).unwrap();
    assert_eq!(
        reader.read(7, &[0xc0 | 2, 0, 5]).unwrap().dependencies,
        l1t3_templates()[4]
    );
}

#[test]
fn a_late_packet_takes_no_newer_structure_away() {
    let (old, new) = (l1t3(), l1t3().with_id_offset(40));
    let mut reader = DescriptorReader::new();
    reader.read(1 << 20, &written(&key_frame(&new, 9), &new)).unwrap();
    let late = DependencyDescriptor {
        active_decode_targets: Some(1),
        ..key_frame(&old, 5)
    };
    assert!(
        reader
            .read((1 << 20) - 4, &written(&late, &old))
            .unwrap()
            .starts_keyframe(),
        "it can be read all the same"
    );
    assert_eq!(
        (reader.structure(), reader.active_decode_targets()),
        (Some(&new), 0b111)
    );
}

#[test]
fn decode_targets_are_active_until_it_is_said_otherwise() {
    let structure = l3t3();
    let mut reader = DescriptorReader::new();
    assert_eq!(reader.active_decode_targets(), 0);
    // §A.4: a structure makes all of them active.
    reader.read(1, &written(&key_frame(&structure, 0), &structure)).unwrap();
    assert_eq!(reader.active_decode_targets(), 0x1ff);
    assert!((0..3).all(|chain| reader.is_active_chain(chain)) && !reader.is_active_chain(3));

    let only = |mask| DependencyDescriptor {
        has_structure: false,
        active_decode_targets: Some(mask),
        ..key_frame(&structure, 1)
    };
    reader.read(5, &written(&only(0x1f8), &structure)).unwrap();
    reader.read(3, &written(&only(0x001), &structure)).unwrap(); // late
    assert_eq!(reader.active_decode_targets(), 0x1f8);
    // §A.5: chain 2 protects the first three targets alone.
    assert!(reader.is_active_chain(0) && reader.is_active_chain(1) && !reader.is_active_chain(2));
    // A structure with a mask.
    let key = DependencyDescriptor {
        active_decode_targets: Some(7),
        ..key_frame(&structure, 6)
    };
    reader.read(9, &written(&key, &structure)).unwrap();
    assert_eq!(reader.active_decode_targets(), 7);
}

#[test]
fn bits_that_are_too_many_are_errors() {
    let flags = |structure: &[&str]| {
        let bits = [
            "11",
            "000000",
            "0000000000000000",
            "10000",
            "000000",
            &structure.concat(),
        ]
        .concat();
        let padded = format!("{bits:0<width$}", width = bits.len() + 8);
        let bytes = padded.as_bytes().chunks_exact(8);
        let bytes: Vec<_> = bytes
            .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
            .collect();
        DependencyDescriptor::parse(&bytes, None)
    };
    assert_eq!(
        flags(&["00000", &"00".repeat(64)]),
        Err(DescriptorError::TooMany("templates"))
    );
    assert_eq!(
        flags(&["00000", &"10".repeat(4)]),
        Err(DescriptorError::TooMany("layers"))
    );
    assert_eq!(
        flags(&["00000", &"01".repeat(8)]),
        Err(DescriptorError::TooMany("layers"))
    );
    let endless = flags(&["00000", "11", "10", &"11111".repeat(17)]);
    assert_eq!(endless, Err(DescriptorError::TooMany("frame differences")));
    assert!(flags(&["00000", "11", "10", "0", "0", "0"]).is_ok());
}

#[test]
fn structures_that_contradict_themselves_are_not_made() {
    let good = l1t3_templates();
    let refused = |templates: &[FrameDependencies], protected_by: &[u8], sizes: &[(u32, u32)]| {
        TemplateStructure::new(0, templates, protected_by, sizes).unwrap_err()
    };
    let is_unwritable = |error| matches!(error, DescriptorError::Unwritable(_));
    assert!(is_unwritable(refused(&[], &[], &[])));
    assert!(is_unwritable(refused(&good, &[0, 0], &[])), "a target without a chain");
    assert!(
        is_unwritable(refused(&good, &[0, 0, 1], &[])),
        "a chain that is not there"
    );
    assert!(
        is_unwritable(refused(&good, &[0; 3], &[(1, 1), (2, 2)])),
        "a size too many"
    );
    assert!(is_unwritable(refused(&good, &[0; 3], &[(0, 1)])), "no width");
    assert!(
        is_unwritable(refused(&[good[2], good[0]], &[0; 3], &[])),
        "not from the lowest layer up"
    );
    assert!(
        is_unwritable(refused(&[good[0], good[3]], &[0; 3], &[])),
        "a layer is missing"
    );
    assert!(is_unwritable(refused(&[template(0, 0, &[17], &[0], "S")], &[0], &[])));
    assert!(is_unwritable(refused(&[template(0, 0, &[1], &[16], "S")], &[0], &[])));
    assert!(is_unwritable(refused(&[template(0, 0, &[1], &[], "")], &[], &[])));
    assert_eq!(
        refused(&vec![good[0]; 65], &[0; 3], &[]),
        DescriptorError::TooMany("templates")
    );
    let long = vec![template(0, 0, &[1; 16], &[], &"S".repeat(32)); 64];
    assert!(matches!(
        refused(&long, &[], &[]),
        DescriptorError::ShortBuffer { len: 255, .. }
    ));
    assert!(TemplateStructure::new(0, &[template(0, 0, &[], &[], &"R".repeat(32))], &[], &[]).is_ok());
}

#[test]
fn what_can_not_be_written_is_told() {
    let structure = l1t3();
    let key = key_frame(&structure, 1);
    let mut buf = [0; 255];
    let unknown = DependencyDescriptor { template_id: 1, ..key };
    assert_eq!(
        unknown.write(&structure, &mut buf),
        Err(DescriptorError::UnknownTemplate(1))
    );
    let layer = DependencyDescriptor {
        dependencies: l1t3_templates()[2],
        ..key
    };
    assert!(matches!(
        layer.write(&structure, &mut buf),
        Err(DescriptorError::Unwritable(_))
    ));
    let targets = DependencyDescriptor {
        dependencies: template(0, 0, &[], &[0], "SS"),
        ..key
    };
    assert!(matches!(
        targets.write(&structure, &mut buf),
        Err(DescriptorError::Unwritable(_))
    ));
    let needed = key.write(&structure, &mut buf).unwrap();
    for len in 0..needed {
        assert_eq!(
            key.write(&structure, &mut buf[..len]),
            Err(DescriptorError::ShortBuffer { len, needed })
        );
    }
}

#[test]
fn a_structure_takes_half_a_kilobyte_and_no_allocator() {
    assert!(
        size_of::<TemplateStructure>() <= 640,
        "{}",
        size_of::<TemplateStructure>()
    );
    assert!(
        size_of::<DescriptorReader>() <= 680,
        "{}",
        size_of::<DescriptorReader>()
    );
    let bytes = written(&key_frame(&l3t3(), 9), &l3t3());
    let mut reader = DescriptorReader::new();
    let counted = allocation_counter::measure(|| {
        for index in 0..100 {
            reader.read(index, &bytes).unwrap();
            reader.read(index, &[0xc1, 0, 3]).unwrap();
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// Where a checkout of what a fuzzer of another stack has kept lies beside the repository.
#[test]
fn what_others_have_kept_is_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/rtp/webrtc-dd");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: there is nothing at {}", folder.display());
        return;
    };
    let mut seen = 0;
    for entry in entries {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let mut reader = DescriptorReader::new();
        for begin in 0..bytes.len() {
            for end in begin..bytes.len().min(begin + 255) {
                let _ = reader.read(begin as u64, &bytes[begin..end]);
                seen += 1;
            }
        }
    }
    assert!(seen > 10_000);
}

/// Structures that a generator chose: layers go up one by one.
fn made(
    steps: &[u8],
    targets: u8,
    chains: u8,
    noise: &[u8],
    offset: u8,
    with_sizes: bool,
) -> (TemplateStructure, Vec<FrameDependencies>) {
    let targets = usize::from(targets) % 32 + 1;
    let chains = usize::from(chains) % (targets.min(8) + 1);
    let mut noise = noise.iter().copied().cycle();
    let mut next = move || noise.next().unwrap_or(0x5a);
    let mut layer = Layer::default();
    let mut templates = Vec::new();
    for step in [0].iter().chain(steps).take(9) {
        match step % 3 {
            1 if layer.temporal < 7 => layer.temporal += 1,
            2 if layer.spatial < 3 => {
                layer = Layer {
                    spatial: layer.spatial + 1,
                    temporal: 0,
                }
            }
            _ => {}
        }
        let mut indications = Indications::default();
        for _ in 0..targets {
            let all = [
                DecodeTargetIndication::NotPresent,
                DecodeTargetIndication::Discardable,
                DecodeTargetIndication::Switch,
                DecodeTargetIndication::Required,
            ];
            indications.push(all[usize::from(next() % 4)]).unwrap();
        }
        let frames: Vec<_> = (0..next() % 4).map(|_| u16::from(next() % 16) + 1).collect();
        let chains: Vec<_> = (0..chains).map(|_| next() % 16).collect();
        templates.push(FrameDependencies {
            layer,
            indications,
            frames: FrameDifferences::new(&frames).unwrap(),
            chains: ChainDifferences::new(&chains).unwrap(),
        });
    }
    let protected_by: Vec<_> = (0..targets)
        .filter(|_| chains > 0)
        .map(|_| next() % chains as u8)
        .collect();
    let layers = if with_sizes { usize::from(layer.spatial) + 1 } else { 0 };
    let sizes: Vec<_> = (0..layers)
        .map(|_| (u32::from(next()) * 256 + 1, u32::from(next()) + 1))
        .collect();
    let structure = TemplateStructure::new(offset, &templates, &protected_by, &sizes).unwrap();
    for (target, chain) in protected_by.iter().enumerate() {
        assert_eq!(structure.protected_by(target), Some(*chain));
    }
    for (spatial, size) in (0..).zip(sizes) {
        assert_eq!(structure.resolution(spatial), Some(size));
    }
    (structure, templates)
}

quickcheck! {
    /// For every structure: each template, and a descriptor that brings it along, are read as they were written.
    fn every_structure_is_read_as_it_was_written(steps: Vec<u8>, counts: (u8, u8), noise: Vec<u8>, offset: u8, with_sizes: bool) -> bool {
        let (structure, templates) = made(&steps, counts.0, counts.1, &noise, offset, with_sizes);
        let mut reader = DescriptorReader::new();
        reader.read(0, &written(&key_frame(&structure, 77), &structure)).unwrap();
        reader.structure() == Some(&structure)
            && (0..).zip(&templates).all(|(index, template)| {
                structure.template(offset.wrapping_add(index) & 0x3f) == Some(*template)
            })
    }

    /// For every descriptor of a structure: it is read as it was written, and its length is that of what differs.
    fn every_descriptor_is_read_as_it_was_written(steps: Vec<u8>, counts: (u8, u8), noise: Vec<u8>, frames: Vec<u16>,
                                                  own: (bool, bool, bool), mask: Option<u32>) -> bool {
        let (structure, templates) = made(&steps, counts.0, counts.1, &noise, 0, false);
        let frames: Vec<_> = frames.iter().take(16).map(|difference| difference % 4_096 + 1).collect();
        templates.iter().enumerate().all(|(index, template)| {
            let other = templates[templates.len() - 1 - index];
            let dependencies = FrameDependencies {
                layer: template.layer,
                indications: if own.0 { other.indications } else { template.indications },
                frames: if own.1 { FrameDifferences::new(&frames).unwrap() } else { template.frames },
                chains: if own.2 { other.chains } else { template.chains },
            };
            let descriptor = DependencyDescriptor {
                starts_frame: own.0,
                ends_frame: own.1,
                frame_number: index as u16 * 5_000,
                template_id: structure.best_template(&dependencies).unwrap(),
                has_structure: false,
                active_decode_targets: mask.map(|mask| mask & structure.all_decode_targets()),
                dependencies,
            };
            let bytes = written(&descriptor, &structure);
            DependencyDescriptor::parse(&bytes, Some(&structure)) == Ok(descriptor)
                && (mask.is_some() || own.0 || own.1 || own.2 || bytes.len() == 3)
        })
    }

    /// For every byte string: an error, or a descriptor that is written in no more bytes and read the same.
    fn every_byte_string_is_a_descriptor_or_an_error(bytes: Vec<u8>) -> bool {
        let structure = l3t3();
        let Ok(read) = DependencyDescriptor::parse(&bytes, Some(&structure)) else { return true };
        read.has_structure || {
            let again = written(&read, &structure);
            again.len() <= bytes.len() && DependencyDescriptor::parse(&again, Some(&structure)) == Ok(read)
        }
    }
}
