//! Protocols that run inside of others, and never see an address.

use core::ops::Add;

use crate::{Datagram, Flow, Instant, StateMachine, Transmit};

/// How many bytes the protocols below need around a body: headers before it, tags behind it.
///
/// Headroom adds up from layer to layer, so that each writes straight into its place in the caller's one buffer.
///
/// ```
/// use pollrtc_core::Headroom;
/// let channel_data = Headroom { prefix: 4, suffix: 0 };
/// let record = Headroom { prefix: 13 + 8, suffix: 16 };
/// assert_eq!(channel_data + record, Headroom { prefix: 25, suffix: 16 });
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Bytes before the body.
    pub prefix: usize,
    /// Bytes behind the body.
    pub suffix: usize,
}

impl Headroom {
    /// No bytes at all: the body is the datagram.
    pub const NONE: Self = Self { prefix: 0, suffix: 0 };

    /// Both sides together.
    pub const fn total(self) -> usize {
        self.prefix.saturating_add(self.suffix)
    }

    /// The place for the body in `buf`; `None` if there is none.
    pub fn body(self, buf: &mut [u8]) -> Option<&mut [u8]> {
        let end = buf.len().checked_sub(self.suffix)?;
        buf.get_mut(self.prefix..end)
    }
}

impl Add for Headroom {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            prefix: self.prefix.saturating_add(other.prefix),
            suffix: self.suffix.saturating_add(other.suffix),
        }
    }
}

/// A protocol that runs inside of another, as SCTP does inside of DTLS: it takes bodies and writes bodies, and
/// addresses are none of its business. The verbs and the laws are those of a [`StateMachine`].
pub trait InnerProtocol {
    /// What the layer above should know.
    type Event;
    /// What a body holds for the caller right away, borrowed from the caller's own buffer.
    type Received<'d>;

    /// Takes one body that came. Never fails: what does not belong is dropped and counted.
    fn handle_body<'d>(&mut self, now: Instant, body: &'d mut [u8]) -> Self::Received<'d>;

    /// Tells that time has passed. Calling it early, late, twice or never is legal.
    fn handle_timeout(&mut self, now: Instant);

    /// Writes the next body into `buf[headroom.prefix..]`, leaves at least `headroom.suffix` bytes of `buf` free
    /// behind it, and tells how long the body is; never zero. What is written around it is up to the protocols below.
    ///
    /// `buf` is as long as the path takes, all headers of the protocols inside of it included. A body that can't be
    /// made to fit stays where it is and `None` is returned; where there is room for
    /// [`longest_body`](Self::longest_body) bytes, `None` means that there is nothing to send.
    fn write_body(&mut self, now: Instant, buf: &mut [u8], headroom: Headroom) -> Option<usize>;

    /// How many bytes the longest body has that this protocol may write now or later, where the path takes that many.
    fn longest_body(&self) -> usize;

    /// The next event, if any.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` if only input can change anything.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// An inner protocol that runs by itself, straight over one flow: SCTP over UDP (RFC 6951), DTLS on a socket of its
/// own, and either of them in tests.
#[derive(Debug)]
pub struct Standalone<P> {
    /// The protocol.
    pub inner: P,
    flow: Flow,
}

impl<P> Standalone<P> {
    /// `inner` over `flow`. Datagrams of other flows are not looked at.
    pub const fn new(inner: P, flow: Flow) -> Self {
        Self { inner, flow }
    }

    /// Where its datagrams go.
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// From here on its datagrams go by another flow, and come by that one: the path has changed.
    pub const fn set_flow(&mut self, flow: Flow) {
        self.flow = flow;
    }

    /// Whether a datagram of this flow is meant: `None` on either side stands for the caller's one local address.
    fn is_reached_by(&self, flow: Flow) -> bool {
        let local = match (self.flow.local(), flow.local()) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => true,
        };
        local && self.flow.remote() == flow.remote() && self.flow.protocol() == flow.protocol()
    }
}

impl<P: InnerProtocol> StateMachine for Standalone<P> {
    type Event = P::Event;
    /// `None` if the datagram came by another flow.
    type Received<'d> = Option<P::Received<'d>>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Self::Received<'d> {
        self.is_reached_by(datagram.flow)
            .then(|| self.inner.handle_body(now, datagram.payload))
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let len = self.inner.write_body(now, buf, Headroom::NONE)?;
        Some(Transmit::new(self.flow, len))
    }

    fn longest_datagram(&self) -> usize {
        self.inner.longest_body()
    }

    fn poll_event(&mut self) -> Option<P::Event> {
        self.inner.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}
