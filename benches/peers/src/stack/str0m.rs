//! str0m, with aws-lc-rs. Its output must be drained after each input.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use str0m::change::{SdpAnswer, SdpOffer};
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::peer::{Drained, Options, Peer};

pub(crate) struct Str0m {
    rtc: Rtc,
    local: SocketAddr,
    remote: SocketAddr,
    channel: Option<ChannelId>,
}

impl Peer for Str0m {
    const NAME: &'static str = "str0m";
    const BATCHES: bool = false;
    type Output = Vec<u8>;
    type Datagram = Vec<u8>;

    fn pair(now: Instant, [here, there]: [SocketAddr; 2], options: &Options) -> (Self, Self) {
        let mut a = build(now, options);
        let mut b = build(now, options);
        a.add_local_candidate(Candidate::host(here, "udp").expect("candidate"));
        b.add_local_candidate(Candidate::host(there, "udp").expect("candidate"));
        let mut change = a.sdp_api();
        let channel = change.add_channel("bench".into());
        let (offer, pending) = change.apply().expect("offer");
        let offer = SdpOffer::from_sdp_string(&offer.to_sdp_string()).expect("offer parses");
        let answer = b.sdp_api().accept_offer(offer).expect("offer is accepted");
        let answer = SdpAnswer::from_sdp_string(&answer.to_sdp_string()).expect("answer parses");
        a.sdp_api().accept_answer(pending, answer).expect("answer is accepted");
        let peer = |rtc, local, remote, channel| Self {
            rtc,
            local,
            remote,
            channel,
        };
        (peer(a, here, there, Some(channel)), peer(b, there, here, None))
    }

    fn receive(&mut self, now: Instant, datagram: Vec<u8>) {
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

    fn drain(&mut self, _now: Instant, drained: &mut Drained<Vec<u8>>) -> Option<Instant> {
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
                Output::Event(_) => {}
            }
        }
    }

    fn send(&mut self, _now: Instant, message: &[u8]) -> bool {
        let channel = self.channel.and_then(|channel| self.rtc.channel(channel));
        channel.is_some_and(|mut channel| channel.write(true, message).expect("write"))
    }

    fn datagrams(output: Vec<u8>, mut each: impl FnMut(Vec<u8>)) {
        each(output);
    }
}

fn build(now: Instant, options: &Options) -> Rtc {
    let mut builder = Rtc::builder().set_sctp_max_buffered_amount(options.max_buffered);
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
