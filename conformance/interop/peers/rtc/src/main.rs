//! rtc, webrtc-rs's stack without sockets, as an agent.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Instant;

use agent::{ChannelInit, Message, Record, Stack};
use bytes::BytesMut;
use rtc::data_channel::{RTCDataChannelId, RTCDataChannelInit};
use rtc::peer_connection::configuration::RTCConfigurationBuilder;
use rtc::peer_connection::configuration::setting_engine::{SctpMaxMessageSize, SettingEngineBuilder};
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{CandidateConfig, CandidateHostConfig, RTCDtlsRole, RTCIceCandidate};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

/// What may wait in a channel: it takes as much as it is given.
const MAX_WAITING: usize = 1024 * 1024;
/// What it takes and sends at most; 64 KiB unless told.
const MAX_MESSAGE_SIZE: u32 = 256 * 1024;

fn main() {
    agent::run::<Rtc>();
}

struct Rtc {
    connection: RTCPeerConnection,
    local: SocketAddr,
    labels: HashMap<RTCDataChannelId, String>,
}

impl Stack for Rtc {
    const NAME: &'static str = "rtc";
    const VERSION: &'static str = "0.21.1";

    /// It does not look at the offer's `a=setup`: the role that it answers with must be told.
    fn new(now: Instant, local: SocketAddr, dtls: &str) -> Result<Self, Box<dyn Error>> {
        let provider = rtc::crypto::default_provider()?;
        let role = match dtls {
            "server" => RTCDtlsRole::Server,
            _ => RTCDtlsRole::Client,
        };
        let settings = SettingEngineBuilder::new()
            .with_crypto_provider(provider)
            .with_answering_dtls_role(role)
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_MESSAGE_SIZE));
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_setting_engine(settings.build())
            .build(now)?;
        let host = CandidateHostConfig {
            base_config: CandidateConfig {
                network: "udp".to_owned(),
                address: local.ip().to_string(),
                port: local.port(),
                component: 1,
                ..CandidateConfig::default()
            },
            ..CandidateHostConfig::default()
        };
        connection.add_local_candidate(RTCIceCandidate::from(&host.new_candidate_host()?).to_json()?)?;
        Ok(Self {
            connection,
            local,
            labels: HashMap::new(),
        })
    }

    fn open(&mut self, _now: Instant, init: &ChannelInit) -> Result<(), Box<dyn Error>> {
        let options = RTCDataChannelInit {
            ordered: init.ordered,
            max_retransmits: init.max_retransmits,
            ..RTCDataChannelInit::default()
        };
        let channel = self.connection.create_data_channel(&init.label, Some(options))?.id();
        self.labels.insert(channel, init.label.clone());
        Ok(())
    }

    fn offer(&mut self, now: Instant) -> Result<String, Box<dyn Error>> {
        let offer = self.connection.create_offer(None)?;
        self.connection.set_local_description(now, offer)?;
        self.description()
    }

    fn answer(&mut self, now: Instant, offer: &str) -> Result<String, Box<dyn Error>> {
        let offer = RTCSessionDescription::offer(offer.to_owned())?;
        self.connection.set_remote_description(now, offer)?;
        let answer = self.connection.create_answer(None)?;
        self.connection.set_local_description(now, answer)?;
        self.description()
    }

    fn accept(&mut self, now: Instant, answer: &str) -> Result<(), Box<dyn Error>> {
        let answer = RTCSessionDescription::answer(answer.to_owned())?;
        Ok(self.connection.set_remote_description(now, answer)?)
    }

    fn send(&mut self, now: Instant, label: &str, message: &Message) -> Result<bool, Box<dyn Error>> {
        let channel = self.channel(label)?;
        let mut channel = self.connection.data_channel(channel).ok_or("the channel is gone")?;
        if channel.outstanding_bytes() > MAX_WAITING {
            return Ok(false);
        }
        if message.is_text {
            channel.send_text(now, String::from_utf8(message.content.clone())?)?;
        } else {
            channel.send(now, BytesMut::from(message.content.as_slice()))?;
        }
        Ok(true)
    }

    fn close(&mut self, _now: Instant, label: &str) -> Result<(), Box<dyn Error>> {
        let channel = self.channel(label)?;
        Ok(self
            .connection
            .data_channel(channel)
            .ok_or("the channel is gone")?
            .close()?)
    }

    fn end(&mut self, _now: Instant) -> Result<(), Box<dyn Error>> {
        Ok(self.connection.close()?)
    }

    fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) -> Result<(), Box<dyn Error>> {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: source,
            ecn: None,
            transport_protocol: TransportProtocol::UDP,
        };
        let message = BytesMut::from(&*datagram);
        Ok(self.connection.handle_read(TaggedBytesMut {
            now,
            transport,
            message,
        })?)
    }

    fn timeout(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        Ok(self.connection.handle_timeout(now)?)
    }

    fn drain(
        &mut self,
        record: &mut Record,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Result<Option<Instant>, Box<dyn Error>> {
        self.transmit(send);
        while let Some(event) = self.connection.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(state) => self.connection_is(state, record),
                RTCPeerConnectionEvent::OnDataChannel(event) => self.channel_event(event, record),
                _ => {}
            }
        }
        while let Some(read) = self.connection.poll_read() {
            let RTCMessage::DataChannelMessage(channel, message) = read.message else {
                continue;
            };
            let label = self.labels.get(&channel).ok_or("data of an unknown channel")?;
            let message = Message {
                is_text: message.is_string,
                content: message.data.to_vec(),
            };
            record.channel(label).received.push(message.digest());
        }
        // Taking messages can cause output.
        self.transmit(send);
        Ok(self.connection.poll_timeout())
    }
}

impl Rtc {
    fn description(&self) -> Result<String, Box<dyn Error>> {
        Ok(self.connection.local_description().ok_or("no description")?.sdp)
    }

    fn channel(&self, label: &str) -> Result<RTCDataChannelId, Box<dyn Error>> {
        let mut known = self.labels.iter();
        let found = known.find_map(|(channel, known)| (known == label).then_some(*channel));
        Ok(found.ok_or("no such channel")?)
    }

    fn transmit(&mut self, send: &mut dyn FnMut(SocketAddr, &[u8])) {
        while let Some(transmit) = self.connection.poll_write() {
            send(transmit.transport.peer_addr, &transmit.message);
        }
    }

    fn connection_is(&self, state: RTCPeerConnectionState, record: &mut Record) {
        record.connection = match state {
            RTCPeerConnectionState::Connecting => "connecting",
            RTCPeerConnectionState::Connected => "connected",
            RTCPeerConnectionState::Disconnected => "disconnected",
            RTCPeerConnectionState::Failed => "failed",
            RTCPeerConnectionState::Closed => "closed",
            _ => "new",
        };
    }

    fn channel_event(&mut self, event: RTCDataChannelEvent, record: &mut Record) {
        let (channel, state) = match event {
            RTCDataChannelEvent::OnOpen(channel) => (channel, "open"),
            RTCDataChannelEvent::OnClosing(channel) => (channel, "closing"),
            RTCDataChannelEvent::OnClose(channel) => (channel, "closed"),
            _ => return,
        };
        if let Some(known) = self.connection.data_channel(channel) {
            let label = known.label().to_owned();
            self.labels.entry(channel).or_insert(label);
        }
        if let Some(label) = self.labels.get(&channel) {
            record.channel(label).state = state;
        }
        if state == "closed" {
            self.labels.remove(&channel);
        }
    }
}
