//! str0m as an agent.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Instant;

use agent::{ChannelInit, Message, Record, Stack};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsVersion;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

fn main() {
    str0m::crypto::from_feature_flags().install_process_default();
    agent::run::<Str0m>();
}

/// A message that is larger never gets in; 128 KiB unless told.
const MAX_BUFFERED: usize = 1024 * 1024;

struct Str0m {
    rtc: Rtc,
    local: SocketAddr,
    /// Channels that wait for the first offer.
    unoffered: Vec<ChannelConfig>,
    offered: Option<SdpPendingOffer>,
    labels: HashMap<ChannelId, String>,
    /// No more channels by offers.
    is_negotiated: bool,
}

impl Stack for Str0m {
    const NAME: &'static str = "str0m";
    const VERSION: &'static str = "0.25.0";

    fn new(now: Instant, local: SocketAddr, _dtls: &str) -> Result<Self, Box<dyn Error>> {
        let mut rtc = Rtc::builder()
            .set_dtls_version(DtlsVersion::Auto) // 1.2 alone unless told
            .set_sctp_max_buffered_amount(MAX_BUFFERED)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        Ok(Self {
            rtc,
            local,
            unoffered: Vec::new(),
            offered: None,
            labels: HashMap::new(),
            is_negotiated: false,
        })
    }

    fn open(&mut self, _now: Instant, init: &ChannelInit) -> Result<(), Box<dyn Error>> {
        let config = ChannelConfig {
            label: init.label.clone(),
            ordered: init.ordered,
            reliability: match init.max_retransmits {
                None => Reliability::Reliable,
                Some(retransmits) => Reliability::MaxRetransmits { retransmits },
            },
            ..ChannelConfig::default()
        };
        if !self.is_negotiated {
            self.unoffered.push(config);
            return Ok(());
        }
        let mut change = self.rtc.sdp_api();
        let channel = change.add_channel_with_config(config);
        if change.apply().is_some() {
            return Err("the channel needs an offer".into());
        }
        self.labels.insert(channel, init.label.clone());
        Ok(())
    }

    fn offer(&mut self, _now: Instant) -> Result<String, Box<dyn Error>> {
        let mut change = self.rtc.sdp_api();
        for config in self.unoffered.drain(..) {
            let label = config.label.clone();
            self.labels.insert(change.add_channel_with_config(config), label);
        }
        let (offer, pending) = change.apply().ok_or("nothing to offer")?;
        self.offered = Some(pending);
        Ok(offer.to_sdp_string())
    }

    fn answer(&mut self, _now: Instant, offer: &str) -> Result<String, Box<dyn Error>> {
        let answer = self.rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(offer)?)?;
        self.is_negotiated = true;
        Ok(answer.to_sdp_string())
    }

    fn accept(&mut self, _now: Instant, answer: &str) -> Result<(), Box<dyn Error>> {
        let pending = self.offered.take().ok_or("no offer waits for an answer")?;
        self.rtc
            .sdp_api()
            .accept_answer(pending, SdpAnswer::from_sdp_string(answer)?)?;
        self.is_negotiated = true;
        Ok(())
    }

    fn send(&mut self, _now: Instant, label: &str, message: &Message) -> Result<bool, Box<dyn Error>> {
        let channel = self.channel(label)?;
        let mut channel = self.rtc.channel(channel).ok_or("the channel is not open")?;
        Ok(channel.write(!message.is_text, &message.content)?)
    }

    fn close(&mut self, _now: Instant, label: &str) -> Result<(), Box<dyn Error>> {
        let channel = self.channel(label)?;
        self.rtc.direct_api().close_data_channel(channel);
        Ok(())
    }

    fn end(&mut self, _now: Instant) -> Result<(), Box<dyn Error>> {
        Ok(self.rtc.close()?)
    }

    fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &mut [u8]) -> Result<(), Box<dyn Error>> {
        let Ok(contents) = (&*datagram).try_into() else {
            return Ok(()); // no protocol that it knows
        };
        let receive = Receive {
            proto: Protocol::Udp,
            source,
            destination: self.local,
            contents,
        };
        Ok(self.rtc.handle_input(Input::Receive(now, receive))?)
    }

    fn timeout(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        Ok(self.rtc.handle_input(Input::Timeout(now))?)
    }

    fn drain(
        &mut self,
        record: &mut Record,
        send: &mut dyn FnMut(SocketAddr, &[u8]),
    ) -> Result<Option<Instant>, Box<dyn Error>> {
        loop {
            let event = match self.rtc.poll_output()? {
                Output::Timeout(deadline) => break self.settle(record, deadline),
                Output::Transmit(transmit) => {
                    send(transmit.destination, &transmit.contents);
                    continue;
                }
                Output::Event(event) => event,
            };
            match event {
                Event::Connected => record.connection = "connected",
                Event::IceConnectionStateChange(IceConnectionState::Disconnected) => record.connection = "disconnected",
                Event::ChannelOpen(channel, label) => {
                    record.channel(&label).state = "open";
                    self.labels.insert(channel, label);
                }
                Event::ChannelData(data) => {
                    let label = self.labels.get(&data.id).ok_or("data of an unknown channel")?;
                    let message = Message {
                        is_text: !data.binary,
                        content: data.data,
                    };
                    record.channel(label).received.push(message.digest());
                }
                Event::ChannelClose(channel) => {
                    if let Some(label) = self.labels.remove(&channel) {
                        record.channel(&label).state = "closed";
                    }
                }
                Event::Closed => self.ended(record),
                _ => {}
            }
        }
    }
}

impl Str0m {
    fn channel(&self, label: &str) -> Result<ChannelId, Box<dyn Error>> {
        let mut known = self.labels.iter();
        let found = known.find_map(|(channel, known)| (known == label).then_some(*channel));
        Ok(found.ok_or("no such channel")?)
    }

    fn settle(&self, record: &mut Record, deadline: Instant) -> Result<Option<Instant>, Box<dyn Error>> {
        if !self.rtc.is_alive() {
            self.ended(record);
        }
        Ok(Some(deadline))
    }

    fn ended(&self, record: &mut Record) {
        record.connection = "closed";
        record
            .channels
            .values_mut()
            .for_each(|channel| channel.state = "closed");
    }
}
