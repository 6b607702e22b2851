//! `pollrtc-sctp`.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::Rng;
use pollrtc_sctp::{Association, AssociationState, CloseReason, Config, Event, Reliability, SendOptions};

use crate::stack::{BUFFER, Delivery, End, MAX_MESSAGE, MAX_PACKET, Stack, Told};

pub(crate) struct Endpoint {
    association: Association,
    now: Instant,
    messages: VecDeque<(u16, Bytes)>,
    told: Told,
}

impl Endpoint {
    pub(crate) fn new(server: bool) -> Self {
        let config = Config::new()
            .with_max_packet(MAX_PACKET as usize)
            .with_receive_window(BUFFER)
            .with_send_buffer(BUFFER as usize)
            .with_max_message_size(MAX_MESSAGE as usize);
        let rng = Rng::from_seed([1 + u8::from(server); 32]);
        Self {
            association: Association::new(config, rng),
            now: Instant::ZERO,
            messages: VecDeque::new(),
            told: Told::default(),
        }
    }

    fn read(&mut self) {
        while let Some(event) = self.association.poll_event() {
            match event {
                Event::Message { stream, data, .. } => self.messages.push_back((stream, data)),
                Event::OutgoingReset { result: Ok(()), .. } => self.told.resets_done += 1,
                Event::OutgoingReset { .. } => self.told.resets_failed += 1,
                Event::IncomingReset(_) => self.told.resets_of_peer += 1,
                Event::Closed(CloseReason::Shutdown) => self.told.end = Some(End::InOrder),
                Event::Closed(reason) => self.told.end = Some(End::Lost(reason.to_string())),
                _ => {}
            }
        }
    }
}

impl Stack for Endpoint {
    fn connect(&mut self) {
        self.association.connect();
    }

    fn advance(&mut self, now: Duration) {
        self.now = Instant::ZERO + now;
        if self.association.poll_timeout().is_some_and(|at| at <= self.now) {
            self.association.handle_timeout(self.now);
        }
    }

    fn timeout(&self) -> Option<Duration> {
        self.association.poll_timeout().map(|at| at - Instant::ZERO)
    }

    fn input(&mut self, packet: Bytes) {
        let mut bytes = BytesMut::from(packet);
        self.association.handle_body(self.now, &mut bytes);
    }

    fn output(&mut self) -> Vec<Bytes> {
        let mut buf = [0; MAX_PACKET as usize];
        let mut packets = Vec::new();
        while let Some(len) = self.association.write_body(self.now, &mut buf, Headroom::NONE) {
            packets.push(Bytes::copy_from_slice(&buf[..len]));
        }
        packets
    }

    fn is_connected(&mut self) -> bool {
        self.association.state() == AssociationState::Connected
    }

    fn send(&mut self, stream: u16, message: &Bytes, delivery: Delivery) -> bool {
        let options = SendOptions {
            ordered: delivery.ordered,
            reliability: match delivery.retransmissions {
                None => Reliability::Reliable,
                Some(count) => Reliability::MaxRetransmits(count),
            },
            ..SendOptions::default()
        };
        self.association.send(stream, 53, message.clone(), options).is_ok()
    }

    fn receive(&mut self) -> Option<(u16, Bytes)> {
        self.read();
        self.messages.pop_front()
    }

    fn reset(&mut self, stream: u16) -> bool {
        self.association.reset_streams(&[stream]).is_ok()
    }

    fn shutdown(&mut self) {
        self.association.close();
    }

    fn told(&mut self) -> Told {
        self.read();
        self.told.clone()
    }
}
