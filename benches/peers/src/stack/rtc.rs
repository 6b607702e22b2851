//! webrtc-rs's sans-IO stack, with ring, its default. Several inputs may precede a drain.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use rtc::data_channel::RTCDataChannelId;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::interceptor_registry::{
    configure_nack, configure_rtcp_reports, configure_simulcast_extension_headers, configure_twcc,
};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_VP8, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use crate::peer::{Drained, Options, Peer};

pub(crate) struct Rtc {
    connection: RTCPeerConnection,
    transport: TransportContext,
    channel: Option<RTCDataChannelId>,
    max_buffered: usize,
    streams: Vec<(RTCRtpSenderId, u32, u8)>,
}

impl Peer for Rtc {
    const NAME: &'static str = "rtc";
    const BATCHES: bool = true;
    type Output = BytesMut;
    type Datagram = BytesMut;
    type Packet = rtc::rtp::Packet;

    fn pair(now: Instant, [here, there]: [SocketAddr; 2], options: &Options) -> (Self, Self) {
        let mut a = build(now, here, options);
        let mut b = build(now, there, options);
        let channel = (options.video == 0).then(|| a.create_data_channel("bench", None).expect("channel").id());
        let video: Vec<_> = (0..options.video).map(|number| add_video(&mut a, number)).collect();
        let offer = a.create_offer(None).expect("offer");
        a.set_local_description(now, offer.clone()).expect("own offer");
        b.set_remote_description(now, offer).expect("offer is accepted");
        let answer = b.create_answer(None).expect("answer");
        b.set_local_description(now, answer.clone()).expect("own answer");
        a.set_remote_description(now, answer).expect("answer is accepted");
        let streams = video.into_iter().map(|(id, ssrc)| {
            let sender = a
                .rtp_sender(id)
                .expect("sender")
                .get_parameters()
                .rtp_parameters
                .codecs
                .first()
                .cloned();
            (id, ssrc, sender.map_or(96, |codec| codec.payload_type))
        });
        let streams = streams.collect();
        let peer = |connection, local_addr, peer_addr, channel, streams| Self {
            connection,
            transport: TransportContext {
                local_addr,
                peer_addr,
                ecn: None,
                transport_protocol: TransportProtocol::UDP,
            },
            channel,
            max_buffered: options.max_buffered,
            streams,
        };
        (
            peer(a, here, there, channel, streams),
            peer(b, there, here, None, Vec::new()),
        )
    }

    fn receive(&mut self, now: Instant, message: BytesMut, _drained: &mut Drained<Self>) {
        let transport = self.transport;
        let tagged = TaggedBytesMut {
            now,
            transport,
            message,
        };
        self.connection.handle_read(tagged).expect("receive");
    }

    fn timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now).expect("timeout");
    }

    fn drain(&mut self, _now: Instant, drained: &mut Drained<Self>) -> Option<Instant> {
        self.take_output(drained);
        while let Some(event) = self.connection.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(RTCPeerConnectionState::Connected) => {
                    drained.connected = true;
                }
                RTCPeerConnectionEvent::OnDataChannel(RTCDataChannelEvent::OnOpen(channel)) => {
                    self.channel = Some(channel);
                    drained.channel_open = true;
                }
                _ => {}
            }
        }
        while let Some(read) = self.connection.poll_read() {
            match read.message {
                RTCMessage::DataChannelMessage(_, message) => {
                    drained.messages += 1;
                    drained.bytes += message.data.len() as u64;
                }
                RTCMessage::RtpPacket(_, packet) => drained.push_packet(|| packet),
                _ => {}
            }
        }
        // Taking messages can cause output.
        self.take_output(drained);
        self.connection.poll_timeout()
    }

    fn send(&mut self, now: Instant, message: &[u8]) -> bool {
        let max = self.max_buffered;
        let channel = self.channel.and_then(|channel| self.connection.data_channel(channel));
        channel.is_some_and(|mut channel| {
            channel.outstanding_bytes() + message.len() <= max && channel.send(now, BytesMut::from(message)).is_ok()
        })
    }

    fn packet(sequence: u64, timestamp: u32, payload: &[u8]) -> rtc::rtp::Packet {
        rtc::rtp::Packet {
            header: rtc::rtp::header::Header {
                version: 2,
                sequence_number: sequence as u16,
                timestamp,
                ..Default::default()
            },
            payload: Bytes::copy_from_slice(payload),
        }
    }

    fn send_packet(&mut self, now: Instant, stream: usize, packet: &rtc::rtp::Packet, _drained: &mut Drained<Self>) {
        let (id, ssrc, payload_type) = self.streams[stream];
        let mut packet = packet.clone();
        packet.header.ssrc = ssrc;
        packet.header.payload_type = payload_type;
        // Those that came belong to the hop that they came by.
        packet.header.extensions.clear();
        packet.header.extension = false;
        packet.header.extensions_padding = 0;
        self.connection
            .rtp_sender(id)
            .expect("sender")
            .write_rtp(now, packet)
            .expect("write");
    }

    fn datagrams(output: BytesMut, mut each: impl FnMut(BytesMut)) {
        each(output);
    }
}

impl Rtc {
    fn take_output(&mut self, drained: &mut Drained<Self>) {
        while let Some(written) = self.connection.poll_write() {
            drained.output.push(written.message);
        }
    }
}

fn codec() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: vec![],
    }
}

fn add_video(connection: &mut RTCPeerConnection, number: usize) -> (RTCRtpSenderId, u32) {
    let ssrc = 0x5eed_0001 + number as u32;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: codec(),
        ..Default::default()
    };
    let name = format!("video{number}");
    let track = MediaStreamTrack::new("stream".into(), name.clone(), name, RtpCodecKind::Video, vec![encoding]);
    (connection.add_track(track).expect("track"), ssrc)
}

/// One codec, with all the feedback that there is.
fn media(options: &Options) -> (MediaEngine, Registry) {
    let mut engine = MediaEngine::default();
    if options.video == 0 {
        return (engine, Registry::new());
    }
    let vp8 = RTCRtpCodecParameters {
        rtp_codec: codec(),
        payload_type: 96,
        ..Default::default()
    };
    engine.register_codec(vp8, RtpCodecKind::Video).expect("codec");
    let registry = configure_nack(Registry::new(), &mut engine);
    configure_simulcast_extension_headers(&mut engine).expect("extensions");
    let registry = configure_twcc(registry, &mut engine).expect("feedback");
    (engine, configure_rtcp_reports(registry))
}

fn build(now: Instant, address: SocketAddr, options: &Options) -> RTCPeerConnection {
    let provider = rtc::crypto::default_provider().expect("provider");
    let settings = SettingEngineBuilder::new().with_crypto_provider(provider);
    let (engine, registry) = media(options);
    let mut configuration = RTCConfigurationBuilder::new();
    if options.shared_certificate {
        configuration = configuration.with_certificates(vec![shared_certificate()]);
    }
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_configuration(configuration.build())
        .with_setting_engine(settings.build())
        .with_media_engine(engine)
        .with_interceptor_registry(registry)
        .build(now)
        .expect("connection");
    let host = CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: address.ip().to_string(),
            port: address.port(),
            component: 1,
            ..CandidateConfig::default()
        },
        ..CandidateHostConfig::default()
    };
    let candidate = RTCIceCandidate::from(&host.new_candidate_host().expect("candidate"));
    connection
        .add_local_candidate(candidate.to_json().expect("candidate"))
        .expect("candidate is accepted");
    connection
}

fn shared_certificate() -> RTCCertificate {
    static CERTIFICATE: OnceLock<RTCCertificate> = OnceLock::new();
    let generate = || {
        let provider = rtc::crypto::default_provider().expect("provider");
        let parameters = CertificateParams::new(vec!["bench".to_string()]).expect("parameters");
        let scheme = rtc::crypto::SignatureScheme::EcdsaP256Sha256;
        RTCCertificate::generate(provider.crypto(), scheme, parameters).expect("certificate")
    };
    CERTIFICATE.get_or_init(generate).clone()
}
