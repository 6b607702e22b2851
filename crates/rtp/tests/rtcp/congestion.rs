//! When packets arrived, by their streams (RFC 8888).

use pollrtc_rtp::rtcp::{
    ArrivalOffset, BuildError, CongestionControlFeedbackBuilder, Ecn, PacketMetric, RtcpError, StreamMetricsBuilder,
    WriteRtcp,
};

use crate::{packet, read, view, words, written};

const fn received(ecn: Option<Ecn>, offset: ArrivalOffset) -> PacketMetric {
    PacketMetric::Received { ecn, offset }
}

#[test]
fn each_stream_has_metrics_from_a_number_on() {
    let metrics = [
        received(None, ArrivalOffset::Before(0)),
        PacketMetric::NotReceived,
        received(Some(Ecn::Ce), ArrivalOffset::Before(0x1ffd)),
        received(Some(Ecn::Ect1), ArrivalOffset::Beyond),
        received(Some(Ecn::Ect0), ArrivalOffset::Unknown),
    ];
    let streams = [
        StreamMetricsBuilder {
            ssrc: 7,
            begin_sequence: 65_534,
            metrics: &metrics,
        },
        StreamMetricsBuilder {
            ssrc: 8,
            begin_sequence: 9,
            metrics: &[],
        },
    ];
    let bytes = written(&CongestionControlFeedbackBuilder {
        sender_ssrc: 1,
        streams: &streams,
        report_timestamp: 0x1234_5678,
    });
    // RFC 8888 §3.1: an odd number is followed by zeros.
    let first = [7, 0xfffe_0005, 0x8000_0000, 0xfffd_bffe, 0xdfff_0000];
    let expected = [&[1][..], &first, &[8, 0x0009_0000], &[0x1234_5678]].concat();
    assert_eq!(bytes, words(11, 205, &expected));

    let feedback = view!(&bytes, CongestionControlFeedback);
    assert_eq!((feedback.sender_ssrc(), feedback.report_timestamp()), (1, 0x1234_5678));
    let streams: Vec<_> = feedback.streams().collect();
    assert_eq!((streams[0].ssrc(), streams[0].begin_sequence()), (7, 65_534));
    let numbered = [65_534, 65_535, 0, 1, 2].into_iter().zip(metrics);
    assert!(streams[0].metrics().eq(numbered));
    assert_eq!((streams[1].ssrc(), streams[1].begin_sequence()), (8, 9));
    assert_eq!(streams[1].metrics().count(), 0);
    assert_eq!(streams.len(), 2);
}

#[test]
fn an_offset_that_has_no_room_is_written_as_beyond() {
    let metrics = [received(None, ArrivalOffset::Before(0x1ffe)); 2];
    let streams = [StreamMetricsBuilder {
        ssrc: 7,
        begin_sequence: 0,
        metrics: &metrics,
    }];
    let bytes = written(&CongestionControlFeedbackBuilder {
        sender_ssrc: 1,
        streams: &streams,
        report_timestamp: 0,
    });
    let feedback = view!(&bytes, CongestionControlFeedback);
    let beyond = received(None, ArrivalOffset::Beyond);
    let stream = feedback.streams().next().unwrap();
    assert!(stream.metrics().all(|(_, metric)| metric == beyond));
}

#[test]
fn bits_of_what_was_not_received_are_not_looked_at() {
    let bytes = words(11, 205, &[1, 7, 0x0001_0001, 0x7fff_0000, 9]);
    let feedback = view!(&bytes, CongestionControlFeedback);
    assert!(
        feedback
            .streams()
            .next()
            .unwrap()
            .metrics()
            .eq([(1, PacketMetric::NotReceived)])
    );
}

#[test]
fn reports_past_the_end_are_refused() {
    assert_eq!(read(&words(11, 205, &[1])), Err(RtcpError::Short { needed: 8, len: 4 }));
    assert_eq!(read(&packet(11, 205, &[])), Err(RtcpError::Short { needed: 4, len: 0 }));
    let three_of_four = words(11, 205, &[1, 7, 0x0001_0004, 0, 9]);
    assert_eq!(read(&three_of_four), Err(RtcpError::Entries { len: 20 }));
    let half_a_header = words(11, 205, &[1, 7, 9]);
    assert_eq!(read(&half_a_header), Err(RtcpError::Entries { len: 12 }));
    assert_eq!(
        view!(&words(11, 205, &[1, 9]), CongestionControlFeedback)
            .streams()
            .count(),
        0
    );
}

#[test]
fn no_report_is_about_more_than_a_quarter_of_all_numbers() {
    let metrics = vec![PacketMetric::NotReceived; 16_385];
    let report = |metrics| {
        let streams = [StreamMetricsBuilder {
            ssrc: 7,
            begin_sequence: 0,
            metrics,
        }];
        let feedback = CongestionControlFeedbackBuilder {
            sender_ssrc: 1,
            streams: &streams,
            report_timestamp: 0,
        };
        feedback.write_to(&mut vec![0; 40_000])
    };
    let error = BuildError::TooMany {
        count: 16_385,
        limit: 16_384,
    };
    assert_eq!(report(&metrics), Err(error));
    assert_eq!(report(&metrics[1..]), Ok(4 + 4 + 8 + 2 * 16_384 + 4));
}
