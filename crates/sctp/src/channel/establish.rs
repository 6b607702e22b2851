//! Opening channels, ours and the peer's (RFC 8832 §6).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::table::Channel;
use super::{
    ChannelCloseReason, ChannelId, ChannelInfo, ChannelInit, ChannelState, ChannelStats, DataChannels, OpenError,
};
use crate::wire::dcep::{self, ChannelReliability, Open, ParseError};
use crate::{Reliability, SendOptions};

/// Beyond this many events that nobody takes, the peer can't open channels.
const MAX_EVENTS: usize = 32_768;

impl DataChannels {
    pub(super) fn open_channel(&mut self, init: ChannelInit) -> Result<ChannelId, OpenError> {
        if self.ended {
            return Err(OpenError::Disconnected);
        }
        if self.closing {
            return Err(OpenError::Closing);
        }
        if self.table.len() >= self.max_channels {
            return Err(OpenError::TooManyChannels(self.table.len()));
        }
        let longest = init.label.len().max(init.protocol.len());
        if longest > usize::from(u16::MAX) {
            return Err(OpenError::LabelTooLong(longest));
        }
        let streams = self.association.outbound_streams();
        if let Some(stream) = init.negotiated {
            if stream >= streams {
                return Err(OpenError::NoSuchStream { stream, streams });
            }
            if self.table.is_taken(stream) {
                return Err(OpenError::StreamInUse(stream));
            }
        }
        let stream = match (init.negotiated, self.parity) {
            (Some(stream), _) => Some(stream),
            (None, Some(parity)) => Some(
                self.table
                    .free_stream(parity, streams)
                    .ok_or(OpenError::TooManyChannels(self.table.len()))?,
            ),
            (None, None) => None,
        };
        let negotiated = init.negotiated.is_some();
        let id = self.table.insert(Channel {
            info: ChannelInfo {
                label: init.label,
                protocol: init.protocol,
                ordered: init.ordered,
                reliability: init.reliability,
                negotiated,
                incoming: false,
                priority: init.priority,
            },
            stream,
            known_to_peer: negotiated,
            awaits_ack: !negotiated,
            ..Channel::new()
        });
        match stream {
            Some(stream) => self.begin(id, stream),
            None => self.unassigned.push_back(id),
        }
        Ok(id)
    }

    /// The role is known: channels that waited get their numbers.
    pub(super) fn assign_streams(&mut self) {
        let Some(parity) = self.parity else { return };
        while let Some(id) = self.unassigned.pop_front() {
            let streams = self.association.outbound_streams();
            match self.table.free_stream(parity, streams) {
                Some(stream) => {
                    self.table.assign(id, stream);
                    self.begin(id, stream);
                }
                None => self.begin_closing(id, ChannelCloseReason::NoSuchStream),
            }
        }
    }

    fn begin(&mut self, id: ChannelId, stream: u16) {
        let Some(channel) = self.table.get(id) else {
            return;
        };
        self.association
            .set_buffered_amount_low_threshold(stream, channel.low_threshold);
        if !channel.info.negotiated {
            let open: Vec<u8> = open_message(&channel.info).bytes().collect();
            self.send_establishment(stream, Bytes::from(open));
        }
        if self.connected {
            self.note_opened(id);
        }
    }

    /// Always ordered and reliable, whatever the channel is (RFC 8832 §6).
    fn send_establishment(&mut self, stream: u16, message: Bytes) {
        // It can only fail when the association ends or the stream is beyond what the peer accepts;
        // either closes the channel anyway.
        let _ = self
            .association
            .enqueue(stream, dcep::PPID, message, SendOptions::default(), false);
    }

    pub(super) fn handle_establishment(&mut self, stream: u16, bytes: &[u8]) {
        match dcep::Message::parse(bytes) {
            Ok((message, rest)) => {
                self.stats.trailing_establishment += u64::from(!rest.is_empty());
                match message {
                    dcep::Message::Open(open) => self.handle_open(stream, &open),
                    dcep::Message::Ack => self.handle_open_ack(stream),
                }
            }
            // A type of message that is not known asks for nothing that we could refuse.
            Err(ParseError::MessageType(_)) => self.stats.dropped_establishment += 1,
            Err(ParseError::TooShort | ParseError::ChannelType(_)) => self.refuse_open(stream),
        }
    }

    /// Odd or even is for the sender to observe (RFC 8832 §6): a free number is taken whoever should
    /// have chosen it, since peers exist whose numbers follow the role of ICE and not of DTLS.
    fn handle_open(&mut self, stream: u16, open: &Open<'_>) {
        self.finish_reused(stream);
        let crowded = self.table.len() >= self.max_channels
            || self.events.len() >= MAX_EVENTS
            || self.table.label_bytes() + open.label.len() + open.protocol.len() > self.max_label_bytes;
        if self.closing || crowded || self.table.is_taken(stream) {
            self.refuse_open(stream);
            return;
        }
        let id = self.table.insert(Channel {
            info: ChannelInfo {
                label: String::from_utf8_lossy(open.label).into_owned(),
                protocol: String::from_utf8_lossy(open.protocol).into_owned(),
                ordered: open.ordered,
                reliability: reliability(open.reliability),
                negotiated: false,
                incoming: true,
                priority: open.priority,
            },
            stream: Some(stream),
            known_to_peer: true,
            ..Channel::new()
        });
        self.send_establishment(stream, Bytes::from_static(dcep::ACK_MESSAGE));
        self.note_opened(id);
    }

    fn handle_open_ack(&mut self, stream: u16) {
        let channel = self
            .table
            .on_stream(stream)
            .and_then(|id| self.table.get_mut(id))
            .filter(|channel| channel.awaits_ack);
        match channel {
            Some(channel) => {
                channel.awaits_ack = false;
                channel.known_to_peer = true;
            }
            None => self.stats.dropped_establishment += 1,
        }
    }

    /// An OPEN that can't be had costs its stream, not the association (RFC 8832 §6). A channel that
    /// both sides know stays: RFC 8832 would close it, but who says too much has lost nothing.
    fn refuse_open(&mut self, stream: u16) {
        let on_stream = self.table.on_stream(stream);
        match on_stream.and_then(|id| Some((id, self.table.get(id)?))) {
            Some((_, channel)) if channel.known_to_peer => {
                self.stats.dropped_establishment += 1;
                return;
            }
            // Both sides chose this number for a channel of their own.
            Some((id, _)) => self.begin_closing(id, ChannelCloseReason::ProtocolViolation),
            // There is nothing to close here; the reset tells the peer. If it can't be told, then
            // for reasons that end the association or that the peer chose itself.
            None => {
                let _ = self.association.reset_streams(&[stream]);
            }
        }
        self.stats.refused_establishment += 1;
    }
}

impl Channel {
    fn new() -> Self {
        Self {
            info: ChannelInfo {
                label: String::new(),
                protocol: String::new(),
                ordered: true,
                reliability: Reliability::Reliable,
                negotiated: false,
                incoming: false,
                priority: 0,
            },
            state: ChannelState::Connecting,
            stream: None,
            known_to_peer: false,
            awaits_ack: false,
            incoming_reset: false,
            outgoing_reset: false,
            close_reason: ChannelCloseReason::Local,
            parts: Vec::new(),
            receives: true,
            low_threshold: 0,
            low_pending: false,
            writable_pending: false,
            stats: ChannelStats::default(),
        }
    }
}

fn open_message(info: &ChannelInfo) -> Open<'_> {
    Open {
        ordered: info.ordered,
        reliability: match info.reliability {
            Reliability::Reliable => ChannelReliability::Reliable,
            Reliability::MaxRetransmits(count) => ChannelReliability::MaxRetransmits(count.into()),
            Reliability::MaxLifetime(lifetime) => {
                ChannelReliability::MaxLifetime(u32::try_from(lifetime.as_millis()).unwrap_or(u32::MAX))
            }
        },
        priority: info.priority,
        label: info.label.as_bytes(),
        protocol: info.protocol.as_bytes(),
    }
}

fn reliability(wire: ChannelReliability) -> Reliability {
    match wire {
        ChannelReliability::Reliable => Reliability::Reliable,
        // More than 65,535 retransmissions never happen.
        ChannelReliability::MaxRetransmits(count) => {
            Reliability::MaxRetransmits(u16::try_from(count).unwrap_or(u16::MAX))
        }
        ChannelReliability::MaxLifetime(millis) => Reliability::MaxLifetime(Duration::from_millis(millis.into())),
    }
}
