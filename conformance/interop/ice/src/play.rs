//! One connection, from the moment at which both sides know all candidates.

use std::net::SocketAddr;
use std::time::Duration;

use crate::is::Is;
use crate::link::{Link, Weather};
use crate::ours::Ours;
use crate::rice::Rice;
use crate::stack::{Name, Stack};

/// How long both may take to select the same pair.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it is watched from then on: longer than consent lasts.
const WATCH: Duration = Duration::from_secs(45);
/// A stack whose timer never moves is woken this often.
const TICK: Duration = Duration::from_millis(1);

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// When both had selected one pair, the same on both sides.
    pub(crate) selected_after: Option<Duration>,
    /// Whether our side had a path to the end.
    pub(crate) stays: bool,
    /// How many packets both had sent when they had selected.
    pub(crate) packets: u64,
    pub(crate) fault: Option<String>,
    /// Our side has selected a pair, and rice-proto, which does not with one of its own kind either, has not.
    pub(crate) is_own: bool,
}

fn make(name: Name, side: usize, seed: u64) -> Box<dyn Stack> {
    match name {
        Name::Pollrtc => Box::new(Ours::new(side, seed)),
        Name::Is => Box::new(Is::new(side)),
        Name::Rice => Box::new(Rice::new(side)),
    }
}

struct Play {
    now: Duration,
    link: Link,
    stacks: [Box<dyn Stack>; 2],
}

impl Play {
    /// All that happens now.
    fn step(&mut self) {
        while let Some((to, packet)) = self.link.receive(self.now) {
            self.stacks[to].receive(self.now, &packet);
        }
        for (side, stack) in self.stacks.iter_mut().enumerate() {
            if stack.next_timeout().is_some_and(|at| at <= self.now) {
                stack.handle_timeout(self.now);
            }
            while let Some(packet) = stack.transmit(self.now) {
                self.link.send(self.now, 1 - side, packet);
            }
        }
    }

    /// On to the next thing that happens.
    fn advance(&mut self) {
        let timeouts = self.stacks.iter_mut().filter_map(|stack| stack.next_timeout());
        let next = timeouts.chain(self.link.next_arrival()).min();
        let next = next.unwrap_or(self.now + Duration::from_secs(1));
        self.now = if next > self.now { next } else { self.now + TICK };
    }

    fn agreed(&self) -> Option<(SocketAddr, SocketAddr)> {
        let [a, b] = &self.stacks;
        let (a, b) = (a.selected()?, b.selected()?);
        (a == (b.1, b.0)).then_some(a)
    }

    fn failure(&self) -> Option<String> {
        let failures = self.stacks.iter().enumerate();
        let mut failures = failures.filter_map(|(side, stack)| Some(format!("side {side}: {}", stack.failure()?)));
        failures.next()
    }
}

/// The first is controlling.
pub(crate) fn play(pairing: [Name; 2], weather: Weather, seed: u64) -> Outcome {
    let mut play = Play {
        now: Duration::ZERO,
        link: Link::new(weather, seed),
        stacks: [make(pairing[0], 0, seed), make(pairing[1], 1, seed)],
    };
    for side in [0, 1] {
        play.stacks[side].start(Duration::ZERO);
    }
    play.step();
    while play.agreed().is_none() && play.now < PATIENCE {
        play.advance();
        play.step();
    }
    let mut outcome = Outcome {
        packets: play.link.packets(),
        ..Outcome::default()
    };
    if play.agreed().is_none() {
        let selected = play.stacks.each_ref().map(|stack| stack.selected());
        outcome.fault = Some(format!(
            "no pair that both have selected: {selected:?} {:?}",
            play.failure()
        ));
        let sides = pairing.iter().zip(&selected);
        outcome.is_own = sides
            .clone()
            .any(|(name, selected)| *name == Name::Rice && selected.is_none())
            && sides
                .filter(|(name, _)| **name == Name::Pollrtc)
                .all(|(_, selected)| selected.is_some());
        return outcome;
    }
    outcome.selected_after = Some(play.now);
    let end = play.now + WATCH;
    while play.now < end {
        play.advance();
        play.step();
    }
    outcome.fault = play.failure().map(|failure| format!("it did not stay: {failure}"));
    outcome.stays = outcome.fault.is_none();
    outcome
}
