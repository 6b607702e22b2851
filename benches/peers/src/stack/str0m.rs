//! str0m, with aws-lc-rs. Its output must be drained after each input.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::peer::{Drained, Options, Peer};

pub(crate) struct Str0m {
    rtc: Rtc,
    local: SocketAddr,
    remote: SocketAddr,
    channel: Option<ChannelId>,
    streams: Vec<(Ssrc, Pt)>,
}

pub(crate) struct Packet {
    sequence: u64,
    timestamp: u32,
    marker: bool,
    payload: Arc<[u8]>,
}

impl Peer for Str0m {
    const NAME: &'static str = "str0m";
    const BATCHES: bool = false;
    type Output = Vec<u8>;
    type Datagram = Vec<u8>;
    type Packet = Packet;

    fn pair(now: Instant, [here, there]: [SocketAddr; 2], options: &Options) -> (Self, Self) {
        let mut a = build(now, options);
        let mut b = build(now, options);
        a.add_local_candidate(Candidate::host(here, "udp").expect("candidate"));
        b.add_local_candidate(Candidate::host(there, "udp").expect("candidate"));
        let mut change = a.sdp_api();
        let channel = (options.video == 0).then(|| change.add_channel("bench".into()));
        let video: Vec<_> = (0..options.video)
            .map(|_| change.add_media(MediaKind::Video, Direction::SendOnly, None, None, None))
            .collect();
        let (offer, pending) = change.apply().expect("offer");
        let offer = SdpOffer::from_sdp_string(&offer.to_sdp_string()).expect("offer parses");
        let answer = b.sdp_api().accept_offer(offer).expect("offer is accepted");
        let answer = SdpAnswer::from_sdp_string(&answer.to_sdp_string()).expect("answer parses");
        a.sdp_api().accept_answer(pending, answer).expect("answer is accepted");
        let payload_type = a
            .codec_config()
            .find(|each| each.spec().codec == Codec::Vp8)
            .map(|each| each.pt());
        let streams = video.into_iter().map(|mid| {
            let ssrc = a.direct_api().stream_tx_by_mid(mid, None).expect("a stream").ssrc();
            (ssrc, payload_type.expect("VP8"))
        });
        let streams = streams.collect();
        let peer = |rtc, local, remote, channel, streams| Self {
            rtc,
            local,
            remote,
            channel,
            streams,
        };
        (
            peer(a, here, there, channel, streams),
            peer(b, there, here, None, Vec::new()),
        )
    }

    fn receive(&mut self, now: Instant, datagram: Vec<u8>, _drained: &mut Drained<Self>) {
        let receive = Receive {
            proto: Protocol::Udp,
            source: self.remote,
            destination: self.local,
            contents: datagram.as_slice().try_into().expect("a known protocol"),
        };
        self.rtc.handle_input(Input::Receive(now, receive)).expect("receive");
    }

    fn timeout(&mut self, now: Instant) {
        self.rtc.handle_input(Input::Timeout(now)).expect("timeout");
    }

    fn drain(&mut self, _now: Instant, drained: &mut Drained<Self>) -> Option<Instant> {
        loop {
            match self.rtc.poll_output().expect("output") {
                Output::Timeout(deadline) => return Some(deadline),
                Output::Transmit(transmit) => drained.output.push(transmit.contents.into()),
                Output::Event(Event::Connected) => drained.connected = true,
                Output::Event(Event::ChannelOpen(channel, _)) => {
                    self.channel = Some(channel);
                    drained.channel_open = true;
                }
                Output::Event(Event::ChannelData(message)) => {
                    drained.messages += 1;
                    drained.bytes += message.data.len() as u64;
                }
                Output::Event(Event::RtpPacket(packet)) => drained.push_packet(|| Packet {
                    sequence: *packet.seq_no,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload,
                }),
                Output::Event(_) => {}
            }
        }
    }

    fn send(&mut self, _now: Instant, message: &[u8]) -> bool {
        let channel = self.channel.and_then(|channel| self.rtc.channel(channel));
        channel.is_some_and(|mut channel| channel.write(true, message).expect("write"))
    }

    fn packet(sequence: u64, timestamp: u32, payload: &[u8]) -> Packet {
        Packet {
            sequence,
            timestamp,
            marker: false,
            payload: payload.into(),
        }
    }

    fn send_packet(&mut self, now: Instant, stream: usize, packet: &Packet, _drained: &mut Drained<Self>) {
        let (ssrc, payload_type) = self.streams[stream];
        let write = RtpWrite::new(
            payload_type,
            packet.sequence.into(),
            packet.timestamp,
            now,
            packet.payload.clone(),
        );
        let write = write.marker(packet.marker).nackable(true);
        self.rtc
            .direct_api()
            .stream_tx(&ssrc)
            .expect("a stream")
            .write_rtp(write);
    }

    fn datagrams(output: Vec<u8>, mut each: impl FnMut(Vec<u8>)) {
        each(output);
    }
}

fn build(now: Instant, options: &Options) -> Rtc {
    let mut builder = Rtc::builder().set_sctp_max_buffered_amount(options.max_buffered);
    if options.video > 0 {
        builder = builder.set_rtp_mode(true).clear_codecs().enable_vp8(true);
    }
    if options.shared_certificate {
        builder = builder.set_dtls_cert(shared_certificate());
    }
    builder.build(now)
}

fn shared_certificate() -> DtlsCert {
    static CERTIFICATE: OnceLock<DtlsCert> = OnceLock::new();
    let generate = || {
        let provider = str0m::crypto::from_feature_flags().dtls_provider;
        provider.generate_certificate().expect("certificate")
    };
    CERTIFICATE.get_or_init(generate).clone()
}
