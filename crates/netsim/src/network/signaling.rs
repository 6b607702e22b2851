//! What hosts tell each other out of band, as offers, answers and candidates are.

use core::time::Duration;
use std::cell::RefCell;
use std::rc::Rc;

use pollrtc_core::{Instant, StateMachine};

use super::Network;
use super::signals::Source;
use crate::host::{Host, Node, Slot};

/// Signaling: what travels from host to host by other ways than this network.
impl Network {
    /// Tells one machine what another has to say out of band: `take` is asked for it after each step of `from`, until
    /// it has no more, and `bring` does with it what is to be done at `to`, so much later. For the other direction,
    /// call it again.
    ///
    /// `take` may take the machine's events, to find those that are for the other side; what it leaves out is gone, so
    /// it keeps what the test wants to see (it may hold an [`Rc`]).
    ///
    /// ```
    /// use std::time::Duration;
    /// # use pollrtc_netsim::{Datagram, Instant, StateMachine, Transmit};
    /// use pollrtc_netsim::Network;
    /// # #[derive(Default)]
    /// # struct Agent { candidates: Vec<String>, heard: Vec<(Instant, String)> }
    /// # impl StateMachine for Agent {
    /// #     type Event = String;
    /// #     type Received<'d> = ();
    /// #     fn handle_datagram(&mut self, _: Instant, _: Datagram<'_>) {}
    /// #     fn handle_timeout(&mut self, _: Instant) {}
    /// #     fn poll_transmit(&mut self, _: Instant, _: &mut [u8]) -> Option<Transmit> { None }
    /// #     fn poll_event(&mut self) -> Option<String> { self.candidates.pop() }
    /// #     fn poll_timeout(&self) -> Option<Instant> { None }
    /// # }
    /// # impl Agent {
    /// #     fn add_remote_candidate(&mut self, now: Instant, candidate: String) { self.heard.push((now, candidate)); }
    /// # }
    ///
    /// let mut net = Network::new(1);
    /// let alice = net.host("192.0.2.1:5000".parse()?, Agent::default());
    /// let bob = net.host("192.0.2.2:5000".parse()?, Agent::default());
    /// for (from, to) in [(alice, bob), (bob, alice)] {
    ///     net.signal(
    ///         from,
    ///         to,
    ///         Duration::from_millis(50),
    ///         |agent| agent.poll_event(),
    ///         |agent, now, candidate| agent.add_remote_candidate(now, candidate),
    ///     );
    /// }
    /// # net[alice].candidates.push("candidate:1".to_owned());
    /// # net.advance(Duration::from_secs(1));
    /// # assert_eq!(net[bob].heard, [(Instant::from_millis(50), "candidate:1".to_owned())]);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn signal<A, B, S>(
        &mut self,
        from: Host<A>,
        to: Host<B>,
        delay: Duration,
        mut take: impl FnMut(&mut A) -> Option<S> + 'static,
        bring: impl FnMut(&mut B, Instant, S) + 'static,
    ) where
        A: StateMachine + 'static,
        B: StateMachine + 'static,
        S: 'static,
    {
        let bring = Rc::new(RefCell::new(bring));
        let source = Source {
            take: Box::new(move |node| {
                let signal = take(machine_of(node)?)?;
                let bring = bring.clone();
                Some(Box::new(move |node: &mut dyn Node, now| {
                    if let Some(machine) = machine_of(node) {
                        (bring.borrow_mut())(machine, now, signal);
                    }
                }))
            }),
            to: to.index,
            delay,
        };
        self.slot_mut(from);
        self.slot_mut(to);
        self.signals.add(from.index, source);
        self.touch(from.index);
    }

    /// Takes what a host has to tell.
    pub(super) fn take_signals(&mut self, host: usize) {
        let node = &mut *self.hosts[host].node;
        if self.signals.take(self.now, host, node) {
            self.touch(host); // who takes may also act
        }
    }
}

fn machine_of<M: StateMachine + 'static>(node: &mut dyn Node) -> Option<&mut M> {
    let slot: Option<&mut Slot<M>> = node.as_any_mut().downcast_mut();
    slot.map(|slot| &mut slot.machine)
}
