//! The law harness: puts any [`StateMachine`] through the laws of the contract.
//!
//! Quickcheck makes scripts; each step calls the machine in some order, at some time (also
//! backwards, also far ahead), with a buffer of some size, with bytes that are random, replayed,
//! mutated or those of an honest peer, which come by flows of all kinds. While a script runs, the harness checks:
//!
//! - laws 1 and 2: nothing panics, not even who walks what `Received` yields;
//! - law 3: after a full drain nothing comes before `poll_timeout`; after `handle_timeout(now)` the
//!   next timeout lies after `now`, or there is output; a buffer of `longest_datagram` bytes is long enough;
//! - law 4: a drain ends, and the memory that [`Laws::memory`] measures stays under its bound;
//! - law 5: the same script on a second machine gives the same transmits, events, flow requests, and the same in
//!   `Received`;
//! - that each transmit has a length and a port, fits into its buffer, has segments on UDP only, none of them longer
//!   than `longest_datagram`, and leaves from a local address that the machine was given.
//!
//! ```
//! use pollrtc_core::laws::Laws;
//! # use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
//! # #[derive(Default)]
//! # struct Silence;
//! # impl StateMachine for Silence {
//! #     type Event = ();
//! #     type Received<'d> = ();
//! #     fn handle_datagram(&mut self, _: Instant, _: Datagram<'_>) {}
//! #     fn handle_timeout(&mut self, _: Instant) {}
//! #     fn poll_transmit(&mut self, _: Instant, _: &mut [u8]) -> Option<Transmit> { None }
//! #     fn poll_event(&mut self) -> Option<()> { None }
//! #     fn poll_timeout(&self) -> Option<Instant> { None }
//! # }
//! Laws::of(Silence::default).check();
//! ```

mod run;
mod script;

use core::fmt::Debug;
use core::net::SocketAddr;
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

use quickcheck::{Gen, QuickCheck, TestResult, Testable};

use crate::{Datagram, Instant, StateMachine};

/// A verb of the protocol: called with the machine, the time and a random argument.
type Verb<M> = Box<dyn Fn(&mut M, Instant, u64)>;

/// How much memory a machine holds.
type Measure<M> = Box<dyn Fn(&M) -> usize>;

/// Walks what a datagram yielded, and tells what it saw.
type Walk<M> = Box<dyn for<'d> Fn(<M as StateMachine>::Received<'d>) -> String>;

/// What to put through the laws. Build it with [`Laws::of`], end with [`check`](Self::check) in a
/// test or [`run`](Self::run) in a fuzz target.
pub struct Laws<M: StateMachine> {
    make: Box<dyn Fn() -> M>,
    make_peer: Option<Box<dyn Fn() -> Box<dyn Node>>>,
    verbs: Vec<Verb<M>>,
    samples: Vec<Vec<u8>>,
    memory: Option<(Measure<M>, usize)>,
    walk: Walk<M>,
    locals: Option<Vec<SocketAddr>>,
    address: SocketAddr,
    peer_address: SocketAddr,
    scripts: u64,
}

impl<M> Laws<M>
where
    M: StateMachine + 'static,
    M::Event: Debug,
{
    /// The laws for the machines that `make` makes; each must be made from the same seed.
    pub fn of(make: impl Fn() -> M + 'static) -> Self
    where
        for<'d> M::Received<'d>: Debug,
    {
        Self::walking(make, |received| format!("{received:?}"))
    }

    /// The same, for machines whose `Received` holds more than its `Debug` tells: an iterator, a view with
    /// accessors. `walk` takes all that there is to take, and tells it.
    pub fn walking(make: impl Fn() -> M + 'static, walk: impl for<'d> Fn(M::Received<'d>) -> String + 'static) -> Self {
        Self {
            walk: Box::new(walk),
            locals: None,
            make: Box::new(make),
            make_peer: None,
            verbs: Vec::new(),
            samples: Vec::new(),
            memory: None,
            address: SocketAddr::from(([192, 0, 2, 1], 5000)),
            peer_address: SocketAddr::from(([192, 0, 2, 2], 6000)),
            scripts: 200,
        }
    }

    /// An honest peer to talk to, so that scripts reach what lies behind a handshake. It lives at
    /// 192.0.2.2:6000 and sees the machine at 192.0.2.1:5000.
    #[must_use]
    pub fn against<P>(mut self, make_peer: impl Fn() -> P + 'static) -> Self
    where
        P: StateMachine + 'static,
        P::Event: Debug,
    {
        self.make_peer = Some(Box::new(move || Box::new(make_peer())));
        self
    }

    /// Other addresses for the machine and its peer.
    #[must_use]
    pub fn addresses(mut self, machine: SocketAddr, peer: SocketAddr) -> Self {
        (self.address, self.peer_address) = (machine, peer);
        self
    }

    /// All local addresses that the machine was given: it may send from no other. Without this it may also send from
    /// where a datagram is said to have come to.
    #[must_use]
    pub fn local_addresses(mut self, locals: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.locals = Some(locals.into_iter().map(crate::normalise).collect());
        self
    }

    /// A verb of the protocol beyond those of every machine, such as `send` or `restart`. Called with a random
    /// argument.
    #[must_use]
    pub fn verb(mut self, verb: impl Fn(&mut M, Instant, u64) + 'static) -> Self {
        self.verbs.push(Box::new(verb));
        self
    }

    /// Datagrams in the protocol's format, to be delivered whole and mutated.
    #[must_use]
    pub fn samples<B: Into<Vec<u8>>>(mut self, samples: impl IntoIterator<Item = B>) -> Self {
        self.samples.extend(samples.into_iter().map(Into::into));
        self
    }

    /// How much memory a machine holds, by its own account, and the bound that law 4 sets for it.
    #[must_use]
    pub fn memory(mut self, measure: impl Fn(&M) -> usize + 'static, bound: usize) -> Self {
        self.memory = Some((Box::new(measure), bound));
        self
    }

    /// How many scripts [`check`](Self::check) makes; 200 unless told.
    #[must_use]
    pub fn scripts(mut self, scripts: u64) -> Self {
        self.scripts = scripts;
        self
    }

    /// Checks the laws with random scripts.
    ///
    /// # Panics
    ///
    /// If a law is broken; the message holds the script, shrunk, for [`run`](Self::run).
    pub fn check(self) {
        struct Property<M: StateMachine>(Laws<M>);
        impl<M> Testable for Property<M>
        where
            M: StateMachine + 'static,
            M::Event: Debug,
        {
            fn result(&self, random: &mut Gen) -> TestResult {
                use quickcheck::Arbitrary;
                let script = Vec::<u8>::arbitrary(random);
                let failure = self.failure(&script);
                let Some(mut reason) = failure else {
                    return TestResult::passed();
                };
                let mut script = script;
                while let Some((smaller, why)) = script
                    .shrink()
                    .find_map(|smaller| self.failure(&smaller).map(|why| (smaller, why)))
                {
                    (script, reason) = (smaller, why);
                }
                TestResult::error(format!("{reason}\n  script: {script:?}"))
            }
        }
        impl<M> Property<M>
        where
            M: StateMachine + 'static,
            M::Event: Debug,
        {
            fn failure(&self, script: &[u8]) -> Option<String> {
                let run = std::panic::AssertUnwindSafe(|| self.0.run(script));
                let panic = std::panic::catch_unwind(run).err()?;
                let text = panic.downcast_ref::<String>().cloned();
                Some(
                    text.or_else(|| panic.downcast_ref::<&str>().map(|s| String::from(*s)))
                        .unwrap_or_default(),
                )
            }
        }
        let scripts = self.scripts;
        QuickCheck::new()
            .rng(Gen::new(2000))
            .tests(scripts)
            .quickcheck(Property(self));
    }
}

/// A state machine whose kind is forgotten: what a peer is to the harness.
trait Node {
    fn deliver(&mut self, now: Instant, datagram: Datagram<'_>);
    fn timeout(&mut self, now: Instant);
    fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<crate::Transmit>;
    fn event(&mut self) -> bool;
    fn deadline(&self) -> Option<Instant>;
}

impl<M: StateMachine> Node for M {
    fn deliver(&mut self, now: Instant, datagram: Datagram<'_>) {
        self.handle_datagram(now, datagram);
    }
    fn timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }
    fn transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<crate::Transmit> {
        self.poll_transmit(now, buf)
    }
    fn event(&mut self) -> bool {
        self.poll_event().is_some()
    }
    fn deadline(&self) -> Option<Instant> {
        self.poll_timeout()
    }
}
