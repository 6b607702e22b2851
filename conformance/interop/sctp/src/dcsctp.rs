//! `dcsctp`, the translation to Rust of what Chromium has.

use std::time::Duration;

use bytes::Bytes;
use dcsctp::api::{DcSctpSocket, Message, Options, PpId, SendOptions, Socket, SocketEvent, SocketTime, StreamId};

use crate::stack::{BUFFER, Delivery, End, MAX_MESSAGE, MAX_PACKET, Stack, Told};

pub(crate) struct Endpoint {
    socket: Socket,
    connected: bool,
    packets: Vec<Bytes>,
    told: Told,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        let options = Options {
            mtu: MAX_PACKET as usize,
            max_receiver_window_buffer_size: BUFFER as usize,
            max_send_buffer_size: BUFFER as usize,
            per_stream_send_queue_limit: BUFFER as usize,
            max_message_size: MAX_MESSAGE as usize,
            ..Options::default()
        };
        Self {
            socket: Socket::new("dcsctp", &options),
            connected: false,
            packets: Vec::new(),
            told: Told::default(),
        }
    }

    fn read(&mut self) {
        while let Some(event) = self.socket.poll_event() {
            match event {
                SocketEvent::SendPacket(packet) => self.packets.push(packet.into()),
                SocketEvent::OnConnected() => self.connected = true,
                SocketEvent::OnStreamsResetPerformed(_) => self.told.resets_done += 1,
                SocketEvent::OnStreamsResetFailed(_) => self.told.resets_failed += 1,
                SocketEvent::OnIncomingStreamReset(_) => self.told.resets_of_peer += 1,
                SocketEvent::OnClosed() => self.told.end = Some(End::InOrder),
                SocketEvent::OnAborted(kind, text) => self.told.end = Some(End::Lost(format!("{kind:?} {text}"))),
                _ => {}
            }
        }
    }
}

impl Stack for Endpoint {
    fn connect(&mut self) {
        self.socket.connect();
    }

    fn advance(&mut self, now: Duration) {
        self.socket.advance_time(SocketTime::zero() + now);
    }

    fn timeout(&self) -> Option<Duration> {
        let at = self.socket.poll_timeout();
        (at != SocketTime::infinite_future()).then(|| at - SocketTime::zero())
    }

    fn input(&mut self, packet: Bytes) {
        self.socket.handle_input(&packet);
    }

    fn output(&mut self) -> Vec<Bytes> {
        self.read();
        std::mem::take(&mut self.packets)
    }

    fn is_connected(&mut self) -> bool {
        self.read();
        self.connected
    }

    fn send(&mut self, stream: u16, message: &Bytes, delivery: Delivery) -> bool {
        let options = SendOptions {
            unordered: !delivery.ordered,
            max_retransmissions: delivery.retransmissions,
            ..SendOptions::default()
        };
        let message = Message::new(StreamId(stream), PpId(53), message.to_vec());
        self.socket.send(message, &options).is_ok()
    }

    fn receive(&mut self) -> Option<(u16, Bytes)> {
        let message = self.socket.get_next_message()?;
        Some((message.stream_id.0, message.payload.into()))
    }

    fn reset(&mut self, stream: u16) -> bool {
        self.socket.reset_streams(&[StreamId(stream)]).is_ok()
    }

    fn shutdown(&mut self) {
        self.socket.shutdown();
    }

    fn told(&mut self) -> Told {
        self.read();
        self.told.clone()
    }
}
