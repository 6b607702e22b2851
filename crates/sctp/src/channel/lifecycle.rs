//! What the association tells, and how channels live and die by it (RFC 8831 §6).

use alloc::vec::Vec;

use super::{ChannelCloseReason, ChannelEvent, ChannelId, ChannelState, DataChannels};
use crate::{AssociationState, Event, ResetError, Streams};

impl DataChannels {
    pub(super) fn handle_association_events(&mut self) {
        while let Some(event) = self.association.take_event() {
            match event {
                Event::Connected => self.handle_connected(),
                Event::Message { stream, ppid, data } => self.handle_message(stream, ppid, data),
                Event::MessageTooLarge { stream } => {
                    self.association.release(0);
                    if let Some(channel) = self.table.on_stream(stream) {
                        self.handle_too_large(channel);
                    }
                }
                Event::IncomingReset(Streams::One(stream)) => self.handle_incoming_reset(stream),
                Event::IncomingReset(Streams::All) => {
                    let streams: Vec<u16> = self.table.ids().filter_map(|id| self.table.get(id)?.stream).collect();
                    let streams: Vec<u16> = streams.into_iter().chain(self.half_closed.given_up()).collect();
                    streams
                        .into_iter()
                        .for_each(|stream| self.handle_incoming_reset(stream));
                }
                Event::OutgoingReset { stream, result } => self.handle_outgoing_reset(stream, result),
                Event::BufferedAmountLow { stream } => {
                    if let Some(id) = self.table.on_stream(stream) {
                        self.handle_buffered_amount_low(id);
                    }
                }
                Event::Writable { stream } => {
                    if let Some(id) = self.table.on_stream(stream) {
                        self.handle_writable(id);
                    }
                }
                Event::PeerError { .. } => {}
                Event::Restarted => self.handle_restart(),
                Event::Closed(reason) => self.handle_disconnect(reason),
            }
        }
    }

    fn handle_restart(&mut self) {
        if self.association.expects_restart() {
            self.handle_expected_restart();
        } else {
            self.association.discard_queue();
            self.finish_all(ChannelCloseReason::Restarted);
        }
        for stream in self.half_closed.clear() {
            self.table.make_reusable(stream);
        }
    }

    /// The peer goes on with the same channels over an association that begins anew.
    fn handle_expected_restart(&mut self) {
        if self.association.state() == AssociationState::New {
            self.connected = false;
            // What waits for the application filled the window of the end that is gone.
            self.events.iter_mut().for_each(|queued| queued.unread = None);
            self.inboxes.forget_windows();
        }
        let ids: Vec<ChannelId> = self.table.ids().collect();
        for id in ids {
            self.drop_parts(id);
            let Some(channel) = self.table.get(id) else {
                continue;
            };
            let is_sent = channel.stream.is_some_and(|stream| self.association.is_drained(stream));
            match channel.state {
                // New streams need no reset.
                ChannelState::Closing => self.finish(id, None, true),
                // Nobody can say whether the peer has heard of it.
                ChannelState::Open if channel.awaits_ack && is_sent => {
                    self.finish(id, Some(ChannelCloseReason::Restarted), false);
                }
                _ => {}
            }
        }
    }

    fn handle_connected(&mut self) {
        self.connected = true;
        self.emit(ChannelEvent::Connected);
        let streams = self.association.outbound_streams();
        let ids: Vec<ChannelId> = self.table.ids().collect();
        for id in ids {
            let Some(channel) = self.table.get(id) else {
                continue;
            };
            match (channel.stream, channel.state) {
                (Some(stream), _) if stream >= streams => {
                    self.finish(id, Some(ChannelCloseReason::NoSuchStream), true);
                }
                (Some(_), ChannelState::Connecting) => self.note_opened(id),
                // It was closed when it could not be reset yet.
                (Some(stream), ChannelState::Closing) => self.reset(id, stream),
                _ => {}
            }
        }
    }

    pub(super) fn note_opened(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get_mut(id) {
            channel.state = ChannelState::Open;
            let incoming = channel.info.incoming;
            self.stats.channels_opened += 1;
            self.emit(ChannelEvent::Opened { channel: id, incoming });
        }
    }

    fn handle_buffered_amount_low(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get_mut(id)
            && channel.state == ChannelState::Open
            && !core::mem::replace(&mut channel.low_pending, true)
        {
            self.emit(ChannelEvent::BufferedAmountLow { channel: id });
        }
    }

    /// Who was refused may try again.
    fn handle_writable(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get_mut(id)
            && channel.state == ChannelState::Open
            && !core::mem::replace(&mut channel.writable_pending, true)
        {
            self.emit(ChannelEvent::Writable { channel: id });
        }
    }

    // Closing (RFC 8831 §6.7).

    pub(super) fn begin_closing(&mut self, id: ChannelId, reason: ChannelCloseReason) {
        let Some(channel) = self.table.get_mut(id) else {
            return;
        };
        if channel.state == ChannelState::Closing {
            return;
        }
        if channel.state == ChannelState::Open {
            self.stats.channels_closed += 1;
        }
        channel.state = ChannelState::Closing;
        channel.close_reason = reason;
        match channel.stream {
            // Nobody else knows of it yet.
            None => self.finish(id, None, true),
            Some(stream) if self.association.discard_unsent(stream) => self.finish(id, None, true),
            Some(stream) => self.reset(id, stream),
        }
    }

    fn reset(&mut self, id: ChannelId, stream: u16) {
        match self.association.reset_streams(&[stream]) {
            // Before the association stands it waits for that; while it ends it needs no reset.
            Ok(()) | Err(ResetError::NotConnected) => {}
            // The number is used up, since nobody can say when its old messages have passed.
            Err(ResetError::Unsupported | ResetError::Refused) => self.finish(id, None, false),
        }
    }

    fn handle_incoming_reset(&mut self, stream: u16) {
        if self.half_closed.take_given_up(stream) {
            self.table.make_reusable(stream);
        }
        let Some(id) = self.table.on_stream(stream) else {
            return;
        };
        let Some(channel) = self.table.get_mut(id) else {
            return;
        };
        channel.incoming_reset = true;
        let closing = channel.state == ChannelState::Closing;
        self.stop_receiving(id);
        if !closing {
            self.emit(ChannelEvent::Closing { channel: id });
            self.begin_closing(id, ChannelCloseReason::Remote);
        }
        self.finish_if_reset(id);
    }

    fn handle_outgoing_reset(&mut self, stream: u16, result: Result<(), ResetError>) {
        let Some(id) = self.table.on_stream(stream) else {
            return;
        };
        match result {
            Ok(()) => {
                if let Some(channel) = self.table.get_mut(id) {
                    channel.outgoing_reset = true;
                    if !channel.incoming_reset {
                        self.await_incoming_reset(id);
                    }
                }
                self.finish_if_reset(id);
            }
            Err(_) => self.finish(id, None, false),
        }
    }

    /// The peer opens a channel with this number. It may do so once both directions are reset (RFC
    /// 8832 §6), so what we have not heard of yet is done, and the channel before is closed.
    pub(super) fn finish_reused(&mut self, stream: u16) {
        let before = self.table.on_stream(stream).and_then(|id| self.table.get(id));
        if before.is_some_and(|before| !before.incoming_reset) {
            return; // It has not even reset its own direction.
        }
        for stream in self.association.prove_reset(stream) {
            self.handle_outgoing_reset(stream, Ok(()));
        }
    }

    /// The peer has as long as configured to close its side, counted from the last message that it sends.
    fn await_incoming_reset(&mut self, id: ChannelId) {
        if let Some(channel) = self.table.get(id) {
            let (now, messages) = (self.association.now(), channel.stats.messages_received);
            self.half_closed.wait_for(id, now, messages);
        }
    }

    /// Gives up waiting for peers that don't close their side.
    pub(super) fn finish_half_closed(&mut self) {
        while let Some((id, messages)) = self.half_closed.take_due(self.association.now()) {
            let Some(channel) = self.table.get(id) else { continue };
            if channel.stats.messages_received != messages {
                self.await_incoming_reset(id);
                continue;
            }
            if let Some(stream) = channel.stream {
                self.half_closed.give_up(stream);
            }
            self.finish(id, None, false);
        }
    }

    fn finish_if_reset(&mut self, id: ChannelId) {
        let both = self
            .table
            .get(id)
            .is_some_and(|channel| channel.incoming_reset && channel.outgoing_reset);
        if both {
            self.finish(id, None, true);
        }
    }

    /// The channel is gone. Its number may be used again if it is `reusable`.
    fn finish(&mut self, id: ChannelId, reason: Option<ChannelCloseReason>, reusable: bool) {
        self.stop_receiving(id);
        if let Some(channel) = self.table.remove(id, reusable) {
            if channel.state == ChannelState::Open {
                self.stats.channels_closed += 1;
            }
            self.unassigned.retain(|waiting| *waiting != id);
            self.inboxes.finish(id);
            self.half_closed.forget_finished(|id| self.table.get(id).is_none());
            self.emit(ChannelEvent::Closed {
                channel: id,
                reason: reason.unwrap_or(channel.close_reason),
            });
        }
    }

    /// All channels are gone, for this reason.
    pub(super) fn finish_all(&mut self, reason: ChannelCloseReason) {
        let ids: Vec<ChannelId> = self.table.ids().collect();
        for id in ids {
            self.finish(id, Some(reason), true);
        }
    }

    /// All channels end with the association; one that is being closed keeps its own reason.
    pub(super) fn end_channels(&mut self) {
        let ids: Vec<ChannelId> = self.table.ids().collect();
        for id in ids {
            let closing = self
                .table
                .get(id)
                .is_some_and(|channel| channel.state == ChannelState::Closing);
            self.finish(id, (!closing).then_some(ChannelCloseReason::Disconnected), true);
        }
    }
}
