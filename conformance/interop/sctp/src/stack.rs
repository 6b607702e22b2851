//! One face for all stacks, so that the same play is given with each pair of them.

use std::time::Duration;

use bytes::Bytes;

use crate::{dcsctp, ours, proto, usrsctp};

/// The longest packet, from SCTP's common header on.
pub(crate) const MAX_PACKET: u32 = 1184;
/// How many bytes each side takes in, and holds to be sent.
pub(crate) const BUFFER: u32 = 1 << 20;
/// The longest message.
pub(crate) const MAX_MESSAGE: u32 = 256 * 1024;

/// How a message is to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) ordered: bool,
    /// How often it may be sent again; `None` for as often as it takes.
    pub(crate) retransmissions: Option<u16>,
}

impl Delivery {
    pub(crate) const RELIABLE: Self = Self {
        ordered: true,
        retransmissions: None,
    };
}

/// What a stack told besides messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Resets of streams that we asked for and that are done, or that failed.
    pub(crate) resets_done: u32,
    pub(crate) resets_failed: u32,
    /// Resets of streams by the peer.
    pub(crate) resets_of_peer: u32,
    /// How the association ended.
    pub(crate) end: Option<End>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    InOrder,
    Lost(String),
}

/// An endpoint of one association. Time is virtual and counts from the beginning of a play.
pub(crate) trait Stack {
    fn connect(&mut self);
    /// Moves the clock forward and lets run out what is due.
    fn advance(&mut self, now: Duration);
    /// When it wants to be advanced.
    fn timeout(&self) -> Option<Duration>;
    fn input(&mut self, packet: Bytes);
    fn output(&mut self) -> Vec<Bytes>;
    fn is_connected(&mut self) -> bool;
    /// Queues a message; false if it is not taken.
    fn send(&mut self, stream: u16, message: &Bytes, delivery: Delivery) -> bool;
    /// The next message that came, with its stream.
    fn receive(&mut self) -> Option<(u16, Bytes)>;
    /// Resets a stream on which we send; false if that can't be begun.
    fn reset(&mut self, stream: u16) -> bool;
    /// Ends in good order.
    fn shutdown(&mut self);
    fn told(&mut self) -> Told;
}

/// Which stacks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Pollrtc,
    Dcsctp,
    Usrsctp,
    SctpProto,
    RtcSctp,
}

impl Name {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pollrtc,
        Self::Dcsctp,
        Self::Usrsctp,
        Self::SctpProto,
        Self::RtcSctp,
    ];

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Pollrtc => "pollrtc",
            Self::Dcsctp => "dcsctp",
            Self::Usrsctp => "usrsctp",
            Self::SctpProto => "sctp-proto",
            Self::RtcSctp => "rtc-sctp",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.text() == text)
    }

    pub(crate) fn endpoint(self, server: bool) -> Box<dyn Stack> {
        match self {
            Self::Pollrtc => Box::new(ours::Endpoint::new(server)),
            Self::Dcsctp => Box::new(dcsctp::Endpoint::new()),
            Self::Usrsctp => Box::new(usrsctp::Endpoint::new()),
            Self::SctpProto => Box::new(proto::sctp_proto_endpoint(server)),
            Self::RtcSctp => Box::new(proto::rtc_sctp_endpoint(server)),
        }
    }

    /// Whether it only speaks with a peer if it has begun itself. Then both do, as browsers do it.
    pub(crate) fn begins_always(self) -> bool {
        self == Self::Usrsctp
    }

    /// Whether it tells of an end that it has asked for itself. The two answer SHUTDOWN ACK with SHUTDOWN COMPLETE, and
    /// stay in SHUTDOWN-SENT for ever (`handle_shutdown_ack` in their `association/mod.rs`; RFC 9260 §9.2: CLOSED).
    pub(crate) fn tells_end_of_its_own(self) -> bool {
        !matches!(self, Self::SctpProto | Self::RtcSctp)
    }

    /// Whether it takes a SHUTDOWN COMPLETE that has its own tag in return, as who has ended answers a SHUTDOWN ACK that
    /// comes again because the first one was lost (RFC 9260 §8.5.1 C).
    pub(crate) fn takes_reflected_tags(self) -> bool {
        !matches!(self, Self::SctpProto | Self::RtcSctp)
    }

    /// Whether it tells what became of resets.
    pub(crate) fn tells_resets(self) -> bool {
        !matches!(self, Self::SctpProto | Self::RtcSctp)
    }
}
