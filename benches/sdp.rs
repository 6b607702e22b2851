//! SDP: a browser's offer and a large server's, checked, read and written.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_sdp::attribute::{Attribute, Candidate, Fingerprint, Setup};
use pollrtc_sdp::{Connection, MediaLine, Origin, OwnedSession, Parser, Session, Writer};

const HASH: &str = "D2:B9:31:8F:DF:24:D8:0E:ED:D2:EF:25:9E:AF:6F:B8:34:AE:53:9C:E6:F3:8F:F2:64:15:FA:E8:7F:53:2D:38";

/// A data channel and `videos` video sections with twelve codecs each, as Chrome writes them.
fn offer(videos: usize) -> String {
    let mut offer = String::from("v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    (0..=videos).for_each(|mid| write!(offer, " {mid}").expect("a string takes all"));
    offer.push_str("\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n");
    for mid in 0..videos {
        offer.push_str("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 102 103 104 105 106 107\r\n");
        transport(&mut offer, mid);
        for id in 1..=11 {
            write!(
                offer,
                "a=extmap:{id} urn:ietf:params:rtp-hdrext:sdes:extension-{id}\r\n"
            )
            .expect("a string takes all");
        }
        offer.push_str("a=sendrecv\r\na=msid:stream track\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
        for payload_type in (96..108).step_by(2) {
            write!(
                offer,
                "a=rtpmap:{payload_type} VP8/90000\r\na=rtcp-fb:{payload_type} goog-remb\r\na=rtcp-fb:{payload_type} transport-cc\r\n\
                 a=rtcp-fb:{payload_type} ccm fir\r\na=rtcp-fb:{payload_type} nack\r\na=rtcp-fb:{payload_type} nack pli\r\n\
                 a=fmtp:{payload_type} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n\
                 a=rtpmap:{} rtx/90000\r\na=fmtp:{} apt={payload_type}\r\n",
                payload_type + 1,
                payload_type + 1
            )
            .expect("a string takes all");
        }
        offer.push_str("a=ssrc-group:FID 1112854129 1154699093\r\na=ssrc:1112854129 cname:9h25drs5kRC+DqfJ\r\n");
    }
    offer.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
    transport(&mut offer, videos);
    offer.push_str("a=sctp-port:5000\r\na=max-message-size:262144\r\n");
    offer
}

fn transport(offer: &mut String, mid: usize) {
    write!(
        offer,
        "c=IN IP4 0.0.0.0\r\n\
         a=candidate:4086830444 1 udp 2122194687 192.0.2.2 43774 typ host generation 0 network-id 1\r\n\
         a=candidate:221430264 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active generation 0 network-id 1\r\n\
         a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=ice-options:trickle\r\n\
         a=fingerprint:sha-256 {HASH}\r\na=setup:actpass\r\na=mid:{mid}\r\n"
    )
    .expect("a string takes all");
}

/// What a peer connection asks of each section.
fn read(session: &Session<'_>) {
    for media in session.media() {
        black_box((
            media.mid(),
            media.ice_ufrag(),
            media.ice_pwd(),
            media.setup(),
            media.direction(),
        ));
        black_box((media.is_data_channel(), media.sctp_port(), media.max_message_size()));
        black_box(media.candidates().last());
        black_box(media.fingerprints().last());
    }
}

fn write() -> OwnedSession {
    let mut writer = Writer::new(&Origin::with_id("4611731400430051336", "2"));
    writer.group("BUNDLE", ["0"]);
    writer
        .media(&MediaLine::data_channel(9))
        .connection(&Connection::UNSPECIFIED)
        .attribute(Attribute::Candidate(Candidate::host(
            "1",
            2_130_706_431,
            "192.0.2.1",
            5_000,
        )))
        .attribute(Attribute::IceUfrag("EsAw"))
        .attribute(Attribute::IcePwd("P2uYro0UCOQ4zxjKXaWCBui1"))
        .text("ice-options", "trickle")
        .attribute(Attribute::Fingerprint(Fingerprint {
            algorithm: "sha-256",
            value: HASH,
        }))
        .attribute(Attribute::Setup(Setup::ActPass))
        .attribute(Attribute::Mid("0"))
        .attribute(Attribute::SctpPort(5_000))
        .attribute(Attribute::MaxMessageSize(262_144));
    writer.finish().expect("it is well-formed")
}

fn sdp(criterion: &mut Criterion) {
    for (name, videos) in [("data channel", 0), ("one video", 1), ("fifty videos", 50)] {
        let offer = offer(videos);
        let mut group = criterion.benchmark_group(format!("sdp, {name}"));
        group.throughput(Throughput::Bytes(offer.len() as u64));
        group.bench_function("structure", |bencher| {
            bencher.iter(|| {
                Parser::new()
                    .structure_only()
                    .parse(black_box(&offer))
                    .map(|session| session.media_count())
            });
        });
        group.bench_function("checked", |bencher| {
            bencher.iter(|| Session::parse(black_box(&offer)).map(|session| session.media_count()));
        });
        group.bench_function("checked and read", |bencher| {
            bencher.iter(|| Session::parse(black_box(&offer)).map(|session| read(&session)));
        });
        group.bench_function("owned", |bencher| {
            bencher.iter(|| OwnedSession::parse(black_box(&offer)))
        });
    }
    criterion.bench_function("sdp, write a data channel offer", |bencher| bencher.iter(write));
    let line =
        "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.0.5 rport 46154 generation 0";
    criterion.bench_function("sdp, candidate", |bencher| {
        bencher.iter(|| Candidate::parse(black_box(line)))
    });
}

criterion_group!(benches, sdp);
criterion_main!(benches);
