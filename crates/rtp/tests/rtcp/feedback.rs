//! What receivers ask for: packets, pictures and bit rates.

use pollrtc_rtp::Missing;
use pollrtc_rtp::rtcp::{
    BitrateLimit, BuildError, FirEntry, FullIntraRequestBuilder, GenericNackBuilder, PictureLossIndication,
    RembBuilder, RtcpError, RtcpPacket, TmmbnBuilder, TmmbrBuilder, WriteRtcp,
};

use crate::{packet, read, view, words, written};

#[test]
fn a_nack_names_up_to_seventeen_in_an_entry() {
    // RFC 4585 §6.2.1, over the wrap
    let all = Missing {
        first: 65_530,
        following: 0xffff,
    };
    let numbers: Vec<u16> = all.sequence_numbers().collect();
    assert_eq!(numbers.len(), 17);
    assert_eq!((numbers[0], numbers[6], numbers[16]), (65_530, 0, 10));

    let bytes = words(1, 205, &[1, 2, 0xfffa_ffff, 0x0064_0000]);
    let nack = view!(&bytes, GenericNack);
    assert_eq!((nack.sender_ssrc(), nack.media_ssrc()), (1, 2));
    assert!(nack.sequence_numbers().eq(numbers.into_iter().chain([100])));
}

#[test]
fn numbers_are_packed_into_as_few_entries_as_there_can_be() {
    let entries = |numbers: &[u16]| Missing::pack(numbers.iter().copied()).collect::<Vec<_>>();
    let missing = |first, following| Missing { first, following };
    assert_eq!(entries(&[]), []);
    assert_eq!(entries(&[5, 6, 21, 22]), [missing(5, 0x8001), missing(22, 0)]);
    assert_eq!(
        entries(&[65_530, 65_535, 9, 11]),
        [missing(65_530, 1 << 4 | 1 << 14), missing(11, 0)]
    );
    assert_eq!(entries(&[7, 7, 8]), [missing(7, 1)]);
    // Out of order costs an entry, and nothing else.
    assert_eq!(entries(&[8, 7]), [missing(8, 0), missing(7, 0)]);

    let bytes = written(&GenericNackBuilder {
        sender_ssrc: 1,
        media_ssrc: 2,
        missing: Missing::pack([5, 6, 21, 22].into_iter()),
    });
    assert_eq!(bytes, words(1, 205, &[1, 2, 0x0005_8001, 0x0016_0000]));
}

#[test]
fn a_picture_loss_has_two_sources_and_nothing_else() {
    // RFC 4585 §6.3.1.2
    let request = PictureLossIndication {
        sender_ssrc: 1,
        media_ssrc: 2,
    };
    let bytes = words(1, 206, &[1, 2]);
    assert_eq!(written(&request), bytes);
    assert_eq!(read(&bytes), Ok(RtcpPacket::PictureLossIndication(request)));
    assert_eq!(read(&words(1, 206, &[1])), Err(RtcpError::Short { needed: 8, len: 4 }));
}

#[test]
fn a_full_intra_request_names_its_sources_in_entries() {
    // RFC 5104 §4.3.1.1: the source of the media is 0 in front, and numbers count per source.
    let entries = [
        FirEntry {
            ssrc: 7,
            sequence_number: 255,
        },
        FirEntry {
            ssrc: 8,
            sequence_number: 0,
        },
    ];
    let bytes = written(&FullIntraRequestBuilder {
        sender_ssrc: 1,
        entries: &entries,
    });
    assert_eq!(bytes, words(4, 206, &[1, 0, 7, 0xff00_0000, 8, 0]));
    let request = view!(&bytes, FullIntraRequest);
    assert_eq!(request.sender_ssrc(), 1);
    assert!(request.entries().eq(entries));
    // A number that comes again is told as it is: whoever serves the source knows what it has served.
    assert!(
        view!(&words(4, 206, &[1, 9, 7, 0xff12_3456]), FullIntraRequest)
            .entries()
            .eq([entries[0]])
    );
    assert_eq!(read(&words(4, 206, &[1, 0, 7])), Err(RtcpError::Entries { len: 12 }));
}

#[test]
fn an_estimate_has_a_mantissa_of_eighteen_bits() {
    let bytes = written(&RembBuilder {
        sender_ssrc: 1,
        bitrate: 2_500_003,
        ssrcs: &[7, 8],
    });
    // 2,500,003 is 156,250 * 16, and 3 more.
    let estimate = 2 << 24 | 4 << 18 | 156_250;
    assert_eq!(
        bytes,
        words(15, 206, &[1, 0, u32::from_be_bytes(*b"REMB"), estimate, 7, 8])
    );
    let remb = view!(&bytes, Remb);
    assert_eq!((remb.sender_ssrc(), remb.bitrate()), (1, 2_500_000));
    assert!(remb.ssrcs().eq([7, 8]));

    let most = written(&RembBuilder {
        sender_ssrc: 1,
        bitrate: u64::MAX,
        ssrcs: &[],
    });
    assert_eq!(view!(&most, Remb).bitrate(), 0x3_ffff << 46);
    let error = BuildError::TooMany { count: 256, limit: 255 };
    let builder = RembBuilder {
        sender_ssrc: 1,
        bitrate: 0,
        ssrcs: &[0; 256],
    };
    assert_eq!(builder.write_to(&mut [0; 2_048]), Err(error));
}

#[test]
fn an_estimate_beyond_all_bounds_is_the_greatest_number() {
    let remb = |estimate| words(15, 206, &[1, 0, u32::from_be_bytes(*b"REMB"), estimate]);
    assert_eq!(view!(&remb(63 << 18 | 0x3_ffff), Remb).bitrate(), u64::MAX);
    assert_eq!(view!(&remb(63 << 18 | 1), Remb).bitrate(), 1 << 63);
    assert_eq!(view!(&remb(63 << 18), Remb).bitrate(), 0);
}

#[test]
fn an_estimate_of_fewer_streams_than_it_counts_is_refused() {
    let name = u32::from_be_bytes(*b"REMB");
    let short = words(15, 206, &[1, 0, name, 2 << 24 | 9, 7]);
    assert_eq!(read(&short), Err(RtcpError::Short { needed: 24, len: 20 }));
    let long = words(15, 206, &[1, 0, name, 1 << 24 | 9, 7, 8]);
    assert!(view!(&long, Remb).ssrcs().eq([7]));
    assert_eq!(
        read(&words(15, 206, &[1, 0, name])),
        Err(RtcpError::Short { needed: 16, len: 12 })
    );
    // Feedback of another application.
    assert!(matches!(
        read(&words(15, 206, &[1, 0, 0, 9])),
        Ok(RtcpPacket::Unknown(_))
    ));
    assert!(matches!(read(&packet(15, 206, &[])), Ok(RtcpPacket::Unknown(_))));
}

#[test]
fn limits_of_bit_rate_have_a_mantissa_of_seventeen_bits() {
    // RFC 5104 §4.2.1.1, §4.2.2.1
    let limit = BitrateLimit {
        ssrc: 7,
        bitrate: 1_000_003,
        overhead: 511,
    };
    // 1,000,003 is 125,000 * 8, and 3 more.
    let expected = [1, 0, 7, 3 << 26 | 125_000 << 9 | 511];
    let request = written(&TmmbrBuilder {
        sender_ssrc: 1,
        limits: &[limit],
    });
    assert_eq!(request, words(3, 205, &expected));
    let rounded = BitrateLimit {
        bitrate: 1_000_000,
        ..limit
    };
    assert_eq!(view!(&request, Tmmbr).sender_ssrc(), 1);
    assert!(view!(&request, Tmmbr).limits().eq([rounded]));

    let notification = written(&TmmbnBuilder {
        sender_ssrc: 1,
        limits: &[limit],
    });
    assert_eq!(notification, words(4, 205, &expected));
    assert!(view!(&notification, Tmmbn).limits().eq([rounded]));
    let none = written(&TmmbnBuilder {
        sender_ssrc: 1,
        limits: &[],
    });
    assert_eq!(view!(&none, Tmmbn).limits().count(), 0);

    let beyond = words(3, 205, &[1, 0, 7, 63 << 26 | 0x1_ffff << 9]);
    assert_eq!(view!(&beyond, Tmmbr).limits().next().unwrap().bitrate, u64::MAX);
    let error = BuildError::OutOfRange { value: 512, limit: 511 };
    let limits = [BitrateLimit { overhead: 512, ..limit }];
    let builder = TmmbrBuilder {
        sender_ssrc: 1,
        limits: &limits,
    };
    assert_eq!(builder.write_to(&mut [0; 64]), Err(error));
    assert_eq!(read(&words(3, 205, &[1, 0, 7])), Err(RtcpError::Entries { len: 12 }));
}
