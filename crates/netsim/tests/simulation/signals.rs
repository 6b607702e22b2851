//! What hosts tell each other out of band arrives, in order, after its time.

use std::cell::RefCell;
use std::rc::Rc;

use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};
use pollrtc_netsim::Network;

use crate::common::{ALICE, BOB, addr, ms};

/// Trickles a number each 20 ms, and answers each that it hears with its double.
#[derive(Default)]
struct Trickler {
    next: Option<Instant>,
    left: u32,
    outbox: Vec<u32>,
    heard: Vec<(Instant, u32)>,
}

impl StateMachine for Trickler {
    type Event = u32;
    type Received<'d> = ();

    fn handle_datagram(&mut self, _now: Instant, _datagram: Datagram<'_>) {}

    fn handle_timeout(&mut self, now: Instant) {
        if self.next.take_if(|due| *due <= now).is_some() {
            self.outbox.push(self.left);
            self.left -= 1;
            self.next = (self.left > 0).then_some(now + ms(20));
        }
    }

    fn poll_transmit(&mut self, _now: Instant, _buf: &mut [u8]) -> Option<Transmit> {
        None
    }

    fn poll_event(&mut self) -> Option<u32> {
        (!self.outbox.is_empty()).then(|| self.outbox.remove(0))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }
}

#[test]
fn signals_travel_between_hosts_while_the_test_waits_for_something_else() {
    let mut net = Network::new(1);
    let alice = net.host(
        addr(ALICE),
        Trickler {
            next: Some(Instant::ZERO),
            left: 3,
            ..Trickler::default()
        },
    );
    let bob = net.host(addr(BOB), Trickler::default());
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = log.clone();
    net.signal(
        alice,
        bob,
        ms(50),
        move |machine| machine.poll_event().inspect(|number| seen.borrow_mut().push(*number)),
        |machine, now, number| {
            machine.heard.push((now, number));
            machine.outbox.push(2 * number);
        },
    );
    net.signal(bob, alice, ms(30), StateMachine::poll_event, |machine, now, number| {
        machine.heard.push((now, number));
    });
    assert!(net.run_until(|net| net[alice].heard.len() == 3, ms(1000)));
    let at = Instant::from_millis;
    assert_eq!(net[bob].heard, [(at(50), 3), (at(70), 2), (at(90), 1)]);
    assert_eq!(net[alice].heard, [(at(80), 6), (at(100), 4), (at(120), 2)]);
    assert_eq!(*log.borrow(), [3, 2, 1]);
    assert!(!net.step(), "nothing is left to tell");
}

/// What a test makes a machine say between two steps is taken at the next one.
#[test]
fn what_the_test_itself_causes_is_told_too() {
    let mut net = Network::new(1);
    let alice = net.host(addr(ALICE), Trickler::default());
    let bob = net.host(addr(BOB), Trickler::default());
    net.signal(alice, bob, ms(10), StateMachine::poll_event, |machine, now, number| {
        machine.heard.push((now, number));
    });
    net.advance(ms(100));
    net[alice].outbox.push(7);
    net.advance(ms(100));
    assert_eq!(net[bob].heard, [(Instant::from_millis(110), 7)]);
}
