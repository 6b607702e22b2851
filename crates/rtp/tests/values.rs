//! What header extensions say.

use core::fmt::Debug;

use pollrtc_rtp::{
    AbsCaptureTime, AbsSendTime, AudioLevel, FeedbackRequest, HeaderExtension, LayerResolution, LayersError, Mid,
    NtpTime, PlayoutDelay, RepairedRid, Rid, Rotation, SpatialLayer, TransportSequence, VideoLayersAllocation,
    VideoOrientation,
};
use quickcheck::quickcheck;

/// A value is written as these bytes, and read from them.
fn same<T: for<'d> HeaderExtension<'d> + PartialEq + Debug>(value: T, bytes: &[u8]) {
    let mut buf = [0xaa; 255];
    assert_eq!(value.encoded_len(), bytes.len());
    assert_eq!(value.write_to(&mut buf), Some(bytes.len()));
    assert_eq!(buf[..bytes.len()], *bytes);
    assert_eq!(T::parse(bytes), Some(value));
    let value = T::parse(bytes).unwrap();
    assert_eq!(value.write_to(&mut buf[..bytes.len() - 1]), None);
}

fn refused<T: for<'d> HeaderExtension<'d> + PartialEq + Debug>(bytes: &[u8]) {
    assert_eq!(T::parse(bytes), None, "{bytes:?}");
}

#[test]
fn audio_levels() {
    // RFC 6464 §3
    let level = |is_voice, level| AudioLevel { is_voice, level };
    same(level(true, 0), &[0x80]);
    same(level(false, 127), &[0x7f]);
    assert_eq!(AudioLevel::parse(&[0x85, 0]), Some(level(true, 5)));
    assert_eq!(level(false, 200).to_bytes(), [127]);
    refused::<AudioLevel>(&[]);
}

#[test]
fn send_and_capture_times() {
    same(AbsSendTime(0x01_0203), &[1, 2, 3]);
    refused::<AbsSendTime>(&[1, 2]);
    refused::<AbsSendTime>(&[1, 2, 3, 4]);
    // 6 bits of seconds, 18 of their fraction.
    assert_eq!(
        AbsSendTime::from_ntp(NtpTime(0xffff_ffff_ffff_ffff)),
        AbsSendTime(0xff_ffff)
    );
    assert_eq!(AbsSendTime::from_ntp(NtpTime(64 << 32)), AbsSendTime(0));

    let captured = NtpTime(0x0102_0304_0506_0708);
    let time = |clock_offset| AbsCaptureTime { captured, clock_offset };
    same(time(None), &[1, 2, 3, 4, 5, 6, 7, 8]);
    same(
        time(Some(-1)),
        &[1, 2, 3, 4, 5, 6, 7, 8, 255, 255, 255, 255, 255, 255, 255, 255],
    );
    refused::<AbsCaptureTime>(&[0; 7]);
    refused::<AbsCaptureTime>(&[0; 12]);
    refused::<AbsCaptureTime>(&[0; 17]);
}

#[test]
fn transport_numbers_of_both_versions() {
    let number = |request| TransportSequence {
        sequence_number: 0x0102,
        request,
    };
    let request = |with_timestamps, sequence_count| {
        number(Some(FeedbackRequest {
            with_timestamps,
            sequence_count,
        }))
    };
    same(number(None), &[1, 2]);
    same(request(true, 1), &[1, 2, 0x80, 1]);
    same(request(false, 0x7fff), &[1, 2, 0x7f, 0xff]);
    // About no packet: nothing is asked for.
    assert_eq!(TransportSequence::parse(&[1, 2, 0x80, 0]), Some(number(None)));
    refused::<TransportSequence>(&[1]);
    refused::<TransportSequence>(&[1, 2, 3]);
    refused::<TransportSequence>(&[1, 2, 3, 4, 5]);
}

#[test]
fn names_have_only_their_characters() {
    // RFC 9143 §15.1, RFC 8852 §3
    assert_eq!(Mid::parse(b"audio-0"), Some(Mid("audio-0")));
    assert_eq!(Rid::parse(b"hi"), Some(Rid("hi")));
    assert_eq!(RepairedRid::parse(b"hi_2"), Some(RepairedRid("hi_2")));
    let long = [b'a'; 65];
    for malformed in [&b""[..], b"a b", b"a\0", b"\xff\xfe", "\u{e9}".as_bytes(), &long] {
        assert_eq!(Mid::parse(malformed), None, "{malformed:?}");
        assert_eq!(Rid::parse(malformed), None, "{malformed:?}");
        assert_eq!(RepairedRid::parse(malformed), None, "{malformed:?}");
    }
    assert_eq!(Mid::parse(b"a+b"), Some(Mid("a+b")));
    assert_eq!(Rid::parse(b"a+b"), None);
    let mut buf = [0; 2];
    assert_eq!(Mid("ab").write_to(&mut buf), Some(2));
    assert_eq!((buf, Mid("abc").write_to(&mut buf)), (*b"ab", None));
}

#[test]
fn playout_delays() {
    let delay = |min, max| PlayoutDelay { min, max };
    same(delay(0x123, 0x456), &[0x12, 0x34, 0x56]);
    same(delay(0, 0), &[0, 0, 0]);
    same(delay(4_095, 4_095), &[255, 255, 255]);
    assert_eq!(delay(5_000, 5_000).to_bytes(), [255, 255, 255]);
    refused::<PlayoutDelay>(&[0x12, 0x31, 0x22]); // the lower one is above
    refused::<PlayoutDelay>(&[0, 0]);
}

#[test]
fn orientations() {
    // 3GPP TS 26.114 §7.4.5
    let orientation = |is_back_camera, is_flipped, rotation| VideoOrientation {
        is_back_camera,
        is_flipped,
        rotation,
    };
    same(orientation(false, false, Rotation::None), &[0]);
    same(orientation(false, false, Rotation::Degrees90), &[1]);
    same(orientation(true, false, Rotation::Degrees180), &[0x0a]);
    same(orientation(true, true, Rotation::Degrees270), &[0x0f]);
    assert_eq!(VideoOrientation::parse(&[0xf1]), VideoOrientation::parse(&[1]));
    refused::<VideoOrientation>(&[]);
    refused::<VideoOrientation>(&[0, 0]);
}

fn layer(stream: u8, spatial: u8, bitrates: &[u32], resolution: Option<(u32, u32, u8)>) -> SpatialLayer {
    let mut layer = SpatialLayer::new(stream, spatial, bitrates).expect("it is in range");
    layer.resolution = resolution.map(|(width, height, frame_rate)| LayerResolution {
        width,
        height,
        frame_rate,
    });
    layer
}

fn allocation(stream: u8, layers: &[SpatialLayer]) -> VideoLayersAllocation {
    VideoLayersAllocation::new(stream, layers).expect("they go together")
}

#[test]
fn allocations_of_layers() {
    // Two streams of one layer each: one mask for both.
    let simulcast = [
        layer(0, 0, &[25, 50], Some((320, 180, 15))),
        layer(1, 0, &[300], Some((65_536, 720, 30))),
    ];
    let expected = [
        0x51, 0x40, 25, 50, 0xac, 0x02, 1, 63, 0, 179, 15, 0xff, 0xff, 2, 0xcf, 30,
    ];
    same(allocation(1, &simulcast), &expected);

    // Three streams, the second one paused, the last one with two layers.
    let uneven = [
        layer(0, 0, &[1], None),
        layer(2, 0, &[2], None),
        layer(2, 3, &[3, 4, 5, 6], None),
    ];
    same(allocation(2, &uneven), &[0xa0, 0x10, 0x90, 0x0c, 1, 2, 3, 4, 5, 6]);

    // One stream of five temporal counts is not possible, of four layers it is.
    let spatial: Vec<_> = (0..4).map(|spatial| layer(0, spatial, &[u32::MAX], None)).collect();
    let mut expected = vec![0x0f, 0];
    expected.extend([0xff, 0xff, 0xff, 0xff, 0x0f].repeat(4));
    same(allocation(0, &spatial), &expected);

    same(allocation(0, &[]), &[0]);
    assert_eq!(allocation(3, &[]), allocation(0, &[]));
}

#[test]
fn allocations_that_are_cut_off_are_refused() {
    let simulcast = [
        layer(0, 0, &[25, 50], Some((320, 180, 15))),
        layer(1, 0, &[300], Some((640, 360, 30))),
    ];
    let mut buf = [0; 255];
    let len = allocation(1, &simulcast).write_to(&mut buf).unwrap();
    // Without any resolution it is whole.
    for cut in (0..len).filter(|cut| *cut != 6) {
        refused::<VideoLayersAllocation>(&buf[..cut]);
    }
    assert!(VideoLayersAllocation::parse(&buf[..6]).is_some());
    refused::<VideoLayersAllocation>(&[0x40]); // nothing is sent, but by somebody
    refused::<VideoLayersAllocation>(&[0, 0]); // no layer
    refused::<VideoLayersAllocation>(&[0x01, 0, 0xff, 0xff, 0xff, 0xff, 0x10]); // above 32 bits
    refused::<VideoLayersAllocation>(&[0x01, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0]); // too many bytes
}

#[test]
fn layers_that_are_no_allocation_are_refused() {
    assert_eq!(SpatialLayer::new(4, 0, &[1]), None);
    assert_eq!(SpatialLayer::new(0, 4, &[1]), None);
    assert_eq!(SpatialLayer::new(0, 0, &[]), None);
    assert_eq!(SpatialLayer::new(0, 0, &[1; 5]), None);
    let error = |stream, layers: &[SpatialLayer]| VideoLayersAllocation::new(stream, layers).expect_err("wrong");
    let (plain, sized) = (layer(0, 1, &[1], None), layer(1, 0, &[1], Some((1, 1, 1))));
    assert_eq!(error(4, &[plain]), LayersError::Stream(4));
    assert_eq!(error(0, &[plain, plain]), LayersError::Order(1));
    assert_eq!(error(0, &[plain, layer(0, 0, &[1], None)]), LayersError::Order(1));
    assert_eq!(error(0, &[plain, sized]), LayersError::Resolution(1));
    assert_eq!(
        error(0, &[layer(0, 0, &[1], Some((0, 1, 1)))]),
        LayersError::Resolution(0)
    );
    let sizes = Some((1, 1, 1));
    let all = (0..16).map(|place| layer(place / 4, place % 4, &[u32::MAX; 4], sizes));
    assert_eq!(
        error(0, &all.collect::<Vec<_>>()),
        LayersError::TooLong(1 + 4 + 16 * 25)
    );
}

quickcheck! {
    /// For every value of any kind: what can be read is written the same, apart from bits that mean nothing.
    fn every_value_that_is_read_can_be_written(bytes: Vec<u8>) -> bool {
        fn again<T: for<'d> HeaderExtension<'d> + PartialEq>(bytes: &[u8]) -> bool {
            let Some(value) = T::parse(bytes) else { return true };
            let mut buf = [0; 255];
            let len = value.write_to(&mut buf).unwrap();
            len == value.encoded_len() && len <= bytes.len() && T::parse(&buf[..len]) == Some(value)
        }
        let bytes = &bytes[..bytes.len().min(255)];
        (0..=bytes.len().min(20)).all(|len| {
            let bytes = &bytes[..len];
            again::<AudioLevel>(bytes) && again::<AbsSendTime>(bytes) && again::<AbsCaptureTime>(bytes)
                && again::<TransportSequence>(bytes) && again::<PlayoutDelay>(bytes) && again::<VideoOrientation>(bytes)
        }) && again::<VideoLayersAllocation>(bytes)
    }

    /// For every list of layers in order: what is written is what is read.
    fn every_allocation_is_read_as_it_was_written(masks: (u8, u8), stream: u8, bitrates: Vec<(u8, u32)>, sizes: Vec<(u16, u16, u8)>, is_sized: bool) -> bool {
        let masks = [masks.0 >> 4, masks.0 & 15, masks.1 >> 4, masks.1 & 15];
        let mut bitrates = bitrates.into_iter().chain([(0, 0)]).cycle();
        let mut sizes = sizes.into_iter().chain([(1, 1, 1)]).cycle();
        let places = (0..4).flat_map(|stream| (0..4).map(move |spatial| (stream, spatial)));
        let layers: Vec<_> = places.filter(|(stream, spatial)| masks[usize::from(*stream)] >> spatial & 1 == 1).map(|(stream, spatial)| {
            let (count, bitrate) = bitrates.next().unwrap();
            let (width, height, frame_rate) = sizes.next().unwrap();
            let size = is_sized.then_some((u32::from(width) + 1, u32::from(height) + 1, frame_rate));
            layer(stream, spatial, &[bitrate >> 7; 4][..usize::from(count % 4) + 1], size)
        }).collect();
        let allocation = match VideoLayersAllocation::new(stream % 4, &layers) {
            Ok(allocation) => allocation,
            Err(error) => return matches!(error, LayersError::TooLong(_)),
        };
        let mut buf = [0; 255];
        let len = allocation.write_to(&mut buf).unwrap();
        VideoLayersAllocation::parse(&buf[..len]) == Some(allocation) && allocation.layers() == layers
    }
}
