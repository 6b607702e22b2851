//! `sctp-proto`, which str0m has, and `rtc-sctp` of the webrtc-rs project: two crates of one family,
//! whose interfaces differ in where they ask for the time.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::stack::{BUFFER, Delivery, End, MAX_MESSAGE, MAX_PACKET, Stack, Told};

/// The headers of SCTP and of a DATA chunk, for which their largest payload leaves room.
const HEADERS: u32 = 28;

/// The reason of an end that the peer has asked for.
const CLOSED: &str = "AssociationClosed";

fn addresses(server: bool) -> (SocketAddr, SocketAddr) {
    let (client, served) = (([192, 0, 2, 1], 1).into(), ([192, 0, 2, 2], 2).into());
    if server { (served, client) } else { (client, served) }
}

macro_rules! family {
    ($family:ident: $krate:ident, payload: $payload:ident, connect: $connect:expr, handle: $handle:expr,
     write: $write:expr, close: $close:expr, endpoint_packets: $endpoint_packets:expr, client: $client:expr,
     new: $new:expr) => {
        pub(crate) mod $family {
            use super::*;

            pub(crate) struct Endpoint {
                endpoint: $krate::Endpoint,
                handle: Option<$krate::AssociationHandle>,
                association: Option<$krate::Association>,
                peer: SocketAddr,
                /// Their clock's time at which the play begins.
                began: Instant,
                now: Duration,
                connected: bool,
                streams: BTreeSet<u16>,
                messages: VecDeque<(u16, Bytes)>,
                told: Told,
                /// Why the association was lost, if it was.
                lost: Option<String>,
            }

            impl Endpoint {
                pub(crate) fn new(server: bool) -> Self {
                    let (own, peer) = addresses(server);
                    let mut config = $krate::EndpointConfig::new();
                    config.max_payload_size((MAX_PACKET - HEADERS) & !3);
                    Self {
                        endpoint: $new(own, Arc::new(config), server),
                        handle: None,
                        association: None,
                        peer,
                        began: Instant::now(),
                        now: Duration::ZERO,
                        connected: false,
                        streams: BTreeSet::new(),
                        messages: VecDeque::new(),
                        told: Told::default(),
                        lost: None,
                    }
                }

                fn instant(&self) -> Instant {
                    self.began + self.now
                }

                fn read(&mut self) {
                    let Some(association) = &mut self.association else {
                        return;
                    };
                    while let Some(event) = association.poll() {
                        match event {
                            $krate::Event::Connected => self.connected = true,
                            // Told of each stream that is gone.
                            $krate::Event::AssociationLost { reason, .. } => {
                                self.lost = Some(format!("{reason:?}")).filter(|reason| reason != CLOSED);
                            }
                            _ => {}
                        }
                    }
                    while let Some(stream) = association.accept_stream() {
                        self.streams.insert(stream.stream_identifier());
                    }
                    let mut buf = vec![0; MAX_MESSAGE as usize];
                    for id in &self.streams {
                        let Ok(mut stream) = association.stream(*id) else {
                            continue;
                        };
                        while let Ok(Some(chunks)) = stream.read_sctp() {
                            let len = chunks.read(&mut buf).unwrap_or_default();
                            self.messages
                                .push_back((*id, Bytes::copy_from_slice(&buf[..len])));
                        }
                    }
                    while let Some(event) = association.poll_endpoint_event() {
                        // They say so when a shutdown begins. Their endpoint would not know whom the answer is for.
                        let early = event.is_drained() && !association.is_closed();
                        if let Some(handle) = self.handle.filter(|_| !early) {
                            self.endpoint.handle_event(handle, event);
                        }
                    }
                    if association.is_closed() {
                        self.told.end = Some(self.lost.clone().map_or(End::InOrder, End::Lost));
                    }
                }
            }

            impl Stack for Endpoint {
                fn connect(&mut self) {
                    let now = self.instant();
                    let (handle, association) = $connect(&mut self.endpoint, now, $client(), self.peer);
                    self.handle = Some(handle);
                    self.association = Some(association);
                }

                fn advance(&mut self, now: Duration) {
                    self.now = now;
                    let now = self.instant();
                    if let Some(association) = &mut self.association
                        && association.poll_timeout().is_some_and(|at| at <= now)
                    {
                        association.handle_timeout(now);
                    }
                }

                fn timeout(&self) -> Option<Duration> {
                    let at = self.association.as_ref()?.poll_timeout()?;
                    Some(at.saturating_duration_since(self.began))
                }

                fn input(&mut self, packet: Bytes) {
                    let now = self.instant();
                    match $handle(&mut self.endpoint, now, self.peer, packet) {
                        Some((handle, $krate::DatagramEvent::NewAssociation(association))) => {
                            self.handle = Some(handle);
                            self.association = Some(association);
                        }
                        Some((_, $krate::DatagramEvent::AssociationEvent(event))) => {
                            if let Some(association) = &mut self.association {
                                association.handle_event(event);
                            }
                        }
                        #[allow(unreachable_patterns, reason = "one of the two has more")]
                        _ => {}
                    }
                }

                fn output(&mut self) -> Vec<Bytes> {
                    self.read();
                    let now = self.instant();
                    let mut packets: Vec<Bytes> = $endpoint_packets(&mut self.endpoint);
                    if let Some(association) = &mut self.association {
                        while let Some(transmit) = association.poll_transmit(now) {
                            if let $krate::Payload::RawEncode(all) = transmit.$payload {
                                packets.extend(all);
                            }
                        }
                    }
                    packets
                }

                fn is_connected(&mut self) -> bool {
                    self.read();
                    self.connected
                }

                fn send(&mut self, stream: u16, message: &Bytes, delivery: Delivery) -> bool {
                    let now = self.instant();
                    let Some(association) = &mut self.association else {
                        return false;
                    };
                    if self.streams.insert(stream) {
                        let _ = association.open_stream(stream, $krate::PayloadProtocolIdentifier::Binary);
                    }
                    let Ok(mut stream) = association.stream(stream) else {
                        return false;
                    };
                    let (kind, count) = match delivery.retransmissions {
                        None => ($krate::ReliabilityType::Reliable, 0),
                        Some(count) => ($krate::ReliabilityType::Rexmit, count.into()),
                    };
                    stream
                        .set_reliability_params(!delivery.ordered, kind, count)
                        .is_ok()
                        && $write(&mut stream, now, message)
                }

                fn receive(&mut self) -> Option<(u16, Bytes)> {
                    self.read();
                    self.messages.pop_front()
                }

                fn reset(&mut self, stream: u16) -> bool {
                    self.read();
                    let now = self.instant();
                    self.streams.remove(&stream);
                    let association = self.association.as_mut();
                    association
                        .and_then(|association| association.stream(stream).ok())
                        .is_some_and(|mut stream| $close(&mut stream, now))
                }

                fn shutdown(&mut self) {
                    if let Some(association) = &mut self.association {
                        let _ = association.shutdown();
                    }
                }

                fn told(&mut self) -> Told {
                    self.read();
                    self.told.clone()
                }
            }
        }
    };
}

family!(sctp_proto_stack: sctp_proto,
payload: payload,
connect: |endpoint: &mut sctp_proto::Endpoint, _, config, peer| endpoint.connect(config, peer).expect("connect"),
handle: |endpoint: &mut sctp_proto::Endpoint, now, peer, packet| endpoint.handle(now, peer, None, None, packet),
write: |stream: &mut sctp_proto::Stream<'_>, _: Instant, message: &Bytes|
    stream.write_sctp(message, sctp_proto::PayloadProtocolIdentifier::Binary).is_ok(),
close: |stream: &mut sctp_proto::Stream<'_>, _: Instant| stream.close().is_ok(),
endpoint_packets: |endpoint: &mut sctp_proto::Endpoint| {
    let mut packets = Vec::new();
    while let Some(transmit) = endpoint.poll_transmit() {
        if let sctp_proto::Payload::RawEncode(all) = transmit.payload {
            packets.extend(all);
        }
    }
    packets
},
client: || {
    let mut config = sctp_proto::ClientConfig::new();
    config.transport = Arc::new(sctp_proto_transport());
    config
},
new: |_: SocketAddr, config, server: bool| {
    let served = server.then(|| {
        let mut served = sctp_proto::ServerConfig::new();
        served.transport = Arc::new(sctp_proto_transport());
        Arc::new(served)
    });
    sctp_proto::Endpoint::new(config, served)
});

fn sctp_proto_transport() -> sctp_proto::TransportConfig {
    sctp_proto::TransportConfig::default()
        .with_max_receive_buffer_size(BUFFER)
        .with_max_send_message_size(MAX_MESSAGE)
        .with_max_receive_message_size(MAX_MESSAGE)
}

family!(rtc_sctp_stack: rtc_sctp,
payload: message,
connect: |endpoint: &mut rtc_sctp::Endpoint, now, config, peer|
    endpoint.connect(now, config, peer).expect("connect"),
handle: |endpoint: &mut rtc_sctp::Endpoint, now, peer, packet| endpoint.handle(now, peer, None, packet),
write: |stream: &mut rtc_sctp::Stream<'_>, now: Instant, message: &Bytes|
    stream.write_sctp(now, message, rtc_sctp::PayloadProtocolIdentifier::Binary).is_ok(),
close: |stream: &mut rtc_sctp::Stream<'_>, now: Instant| stream.close(now).is_ok(),
endpoint_packets: |_: &mut rtc_sctp::Endpoint| Vec::new(),
client: || rtc_sctp::ClientConfig::new(rtc_sctp_transport()),
new: |own: SocketAddr, config, server: bool| {
    let served = server.then(|| Arc::new(rtc_sctp::ServerConfig::new(rtc_sctp_transport())));
    rtc_sctp::Endpoint::new(own, rtc_shared::TransportProtocol::UDP, config, served)
});

fn rtc_sctp_transport() -> rtc_sctp::TransportConfig {
    rtc_sctp::TransportConfig::default()
        .with_max_receive_buffer_size(BUFFER)
        .with_max_message_size(MAX_MESSAGE)
}

pub(crate) fn sctp_proto_endpoint(server: bool) -> sctp_proto_stack::Endpoint {
    sctp_proto_stack::Endpoint::new(server)
}

pub(crate) fn rtc_sctp_endpoint(server: bool) -> rtc_sctp_stack::Endpoint {
    rtc_sctp_stack::Endpoint::new(server)
}
