//! webrtc-rs's sans-IO stack, with ring, its default. Several inputs may precede a drain.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use bytes::BytesMut;
use rtc::data_channel::RTCDataChannelId;
use rtc::peer_connection::certificate::{CertificateParams, RTCCertificate};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use crate::peer::{Drained, Options, Peer};

pub(crate) struct Rtc {
    connection: RTCPeerConnection,
    transport: TransportContext,
    channel: Option<RTCDataChannelId>,
    max_buffered: usize,
}

impl Peer for Rtc {
    const NAME: &'static str = "rtc";
    const BATCHES: bool = true;
    type Output = BytesMut;
    type Datagram = BytesMut;

    fn pair(now: Instant, [here, there]: [SocketAddr; 2], options: &Options) -> (Self, Self) {
        let mut a = build(now, here, options);
        let mut b = build(now, there, options);
        let channel = a.create_data_channel("bench", None).expect("channel").id();
        let offer = a.create_offer(None).expect("offer");
        a.set_local_description(now, offer.clone()).expect("own offer");
        b.set_remote_description(now, offer).expect("offer is accepted");
        let answer = b.create_answer(None).expect("answer");
        b.set_local_description(now, answer.clone()).expect("own answer");
        a.set_remote_description(now, answer).expect("answer is accepted");
        let peer = |connection, local_addr, peer_addr, channel| Self {
            connection,
            transport: TransportContext {
                local_addr,
                peer_addr,
                ecn: None,
                transport_protocol: TransportProtocol::UDP,
            },
            channel,
            max_buffered: options.max_buffered,
        };
        (peer(a, here, there, Some(channel)), peer(b, there, here, None))
    }

    fn receive(&mut self, now: Instant, message: BytesMut) {
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

    fn drain(&mut self, _now: Instant, drained: &mut Drained<BytesMut>) -> Option<Instant> {
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
            if let RTCMessage::DataChannelMessage(_, message) = read.message {
                drained.messages += 1;
                drained.bytes += message.data.len() as u64;
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

    fn datagrams(output: BytesMut, mut each: impl FnMut(BytesMut)) {
        each(output);
    }
}

impl Rtc {
    fn take_output(&mut self, drained: &mut Drained<BytesMut>) {
        while let Some(written) = self.connection.poll_write() {
            drained.output.push(written.message);
        }
    }
}

fn build(now: Instant, address: SocketAddr, options: &Options) -> RTCPeerConnection {
    let provider = rtc::crypto::default_provider().expect("provider");
    let settings = SettingEngineBuilder::new().with_crypto_provider(provider);
    let mut configuration = RTCConfigurationBuilder::new();
    if options.shared_certificate {
        configuration = configuration.with_certificates(vec![shared_certificate()]);
    }
    let mut connection = RTCPeerConnectionBuilder::new()
        .with_configuration(configuration.build())
        .with_setting_engine(settings.build())
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
