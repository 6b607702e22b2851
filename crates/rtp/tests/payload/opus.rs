//! Opus (RFC 7587, RFC 6716 §3.1).

use pollrtc_rtp::payload::{OpusBandwidth, OpusMode, OpusToc, PayloadError};

#[test]
fn each_configuration_has_its_mode_bandwidth_and_length() {
    // RFC 6716 §3.1, table 2: tenths of milliseconds.
    let table: [(core::ops::RangeInclusive<u8>, OpusMode, OpusBandwidth, &[u32]); 9] = [
        (0..=3, OpusMode::Silk, OpusBandwidth::Narrow, &[100, 200, 400, 600]),
        (4..=7, OpusMode::Silk, OpusBandwidth::Medium, &[100, 200, 400, 600]),
        (8..=11, OpusMode::Silk, OpusBandwidth::Wide, &[100, 200, 400, 600]),
        (12..=13, OpusMode::Hybrid, OpusBandwidth::SuperWide, &[100, 200]),
        (14..=15, OpusMode::Hybrid, OpusBandwidth::Full, &[100, 200]),
        (16..=19, OpusMode::Celt, OpusBandwidth::Narrow, &[25, 50, 100, 200]),
        (20..=23, OpusMode::Celt, OpusBandwidth::Wide, &[25, 50, 100, 200]),
        (24..=27, OpusMode::Celt, OpusBandwidth::SuperWide, &[25, 50, 100, 200]),
        (28..=31, OpusMode::Celt, OpusBandwidth::Full, &[25, 50, 100, 200]),
    ];
    let mut seen = 0;
    for (configurations, mode, bandwidth, lengths) in table {
        for (configuration, length) in configurations.zip(lengths) {
            let toc = OpusToc::parse(&[configuration << 3, 1, 2]).unwrap();
            assert_eq!((toc.mode(), toc.bandwidth()), (mode, bandwidth), "{configuration}");
            // RFC 7587 §4.1: the clock is 48 kHz, whatever the bandwidth.
            assert_eq!(toc.samples(), length * 48 / 10, "{configuration}");
            seen += 1;
        }
    }
    assert_eq!(seen, 32);
}

#[test]
fn frames_and_channels_are_counted() {
    assert_eq!(OpusToc::parse(&[0x78, 1, 2]).unwrap().frames(), 1);
    assert_eq!(OpusToc::parse(&[0x79, 1, 2]).unwrap().frames(), 2);
    assert_eq!(OpusToc::parse(&[0x7a, 1, 2]).unwrap().samples(), 1_920);
    let three = OpusToc::parse(&[0x7f, 0x83, 1, 2]).unwrap();
    assert_eq!((three.frames(), three.samples(), three.is_stereo()), (3, 2_880, true));
}

#[test]
fn silence_has_a_byte_at_most() {
    // RFC 7587 §3.1.3: what encoders send while nobody talks.
    assert!(OpusToc::parse(&[0x78]).unwrap().is_silent());
    assert!(OpusToc::parse(&[0x78, 0xff]).unwrap().is_silent());
    assert!(!OpusToc::parse(&[0x78, 0xff, 0xfe]).unwrap().is_silent());
}

#[test]
fn no_packet_is_empty_or_longer_than_120_ms() {
    assert!(matches!(OpusToc::parse(&[]), Err(PayloadError::Truncated(_))));
    assert!(matches!(OpusToc::parse(&[0x7b]), Err(PayloadError::Truncated(_))));
    assert!(OpusToc::parse(&[0x7b, 0]).is_err());
    assert!(OpusToc::parse(&[0x7b, 6]).is_ok());
    assert!(OpusToc::parse(&[0x7b, 7]).is_err(), "140 ms");
    assert!(OpusToc::parse(&[0x83, 48]).is_ok(), "48 frames of 2.5 ms");
}
