//! The verbs.

use crate::{Datagram, Departure, FlowEvent, FlowRequest, Instant, SendId, Transmit};

/// A protocol that is driven from outside: no sockets, no clock, no threads.
///
/// ```
/// use pollrtc_core::{Datagram, Flow, Instant, StateMachine, Transmit};
///
/// /// Sends back what came, a second later.
/// #[derive(Default)]
/// struct Echo {
///     held: Option<(Instant, Flow, Vec<u8>)>,
/// }
///
/// impl StateMachine for Echo {
///     type Event = ();
///     type Received<'d> = ();
///     fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
///         let due = now + core::time::Duration::from_secs(1);
///         self.held = Some((due, datagram.flow, datagram.payload.to_vec()));
///     }
///     fn handle_timeout(&mut self, _now: Instant) {}
///     fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
///         let (_, flow, bytes) = self.held.take_if(|(due, _, bytes)| *due <= now && bytes.len() <= buf.len())?;
///         buf[..bytes.len()].copy_from_slice(&bytes);
///         Some(Transmit::new(flow, bytes.len()))
///     }
///     fn poll_event(&mut self) -> Option<()> {
///         None
///     }
///     fn poll_timeout(&self) -> Option<Instant> {
///         self.held.as_ref().map(|(due, ..)| *due)
///     }
/// }
/// ```
pub trait StateMachine {
    /// What the application should know.
    type Event;
    /// What a datagram holds for the caller right away, borrowed from the caller's own buffer;
    /// `()` where there is nothing.
    type Received<'d>;

    /// Takes one datagram that came. The bytes are decrypted in place where the protocol encrypts,
    /// hence `&mut` inside. Never fails: what does not belong is dropped and counted.
    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Self::Received<'d>;

    /// Tells that time has passed. Calling it early, late, twice or never is legal.
    fn handle_timeout(&mut self, now: Instant);

    /// Writes the next datagram (or several equal segments of one train, see
    /// [`Transmit::segment_size`]) into `buf` and tells where it goes.
    ///
    /// A datagram that does not fit into `buf` stays where it is and `None` is returned. In a buffer of
    /// [`longest_datagram`](Self::longest_datagram) bytes everything fits, so that there `None` means that there is
    /// nothing to send.
    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit>;

    /// How many bytes the longest datagram has that this machine may write now or later; 1500 for most.
    /// A train may be longer, if there is room for it.
    fn longest_datagram(&self) -> usize {
        1500
    }

    /// The next event, if any.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` if only input
    /// can change anything.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Tells what became of a transmit that has an [`id`](Transmit::id). A caller who never does has sent
    /// everything at the `now` of the call that wrote it.
    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        _ = (id, departure);
    }

    /// Tells what became of a stream, or what the network says of a flow. A machine that uses datagrams only
    /// may ignore it.
    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        _ = (now, event);
    }

    /// The next stream to open or to close, if any. A caller that has no streams need not ask.
    fn poll_flow(&mut self) -> Option<FlowRequest> {
        None
    }
}
