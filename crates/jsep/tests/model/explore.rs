//! Every order in which two sides and the messages between them can act.
//!
//! A side depends on nothing but what has happened to it, so what an event does to it is computed
//! once and looked up for every world in which that side is the same: that makes millions of worlds
//! cheap.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use pollrtc_jsep::{Config, SignalingState};

use crate::pair;
use crate::side::{Event, Message, Side, Step};

/// Both sides, and what is on its way *to* each of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    sides: [u32; 2],
    queues: [Vec<u32>; 2],
}

/// The side that an event leads to, and the message that it sends.
type Outcome = (u32, Option<u32>);

/// Who does what.
pub(crate) type Act = (usize, Event);

pub(crate) struct Explorer {
    /// What either side can do.
    alphabet: Vec<Event>,
    sides: Vec<Side>,
    ids: HashMap<(u64, u64), u32>,
    messages: Vec<Message>,
    message_ids: HashMap<Message, u32>,
    steps: HashMap<(u32, Event, Option<u32>), Outcome>,
    pairs: HashSet<[u32; 2]>,
    settled: HashSet<u64>,
}

impl Explorer {
    pub(crate) fn new(alphabet: &[Event]) -> Self {
        Self {
            alphabet: alphabet.to_vec(),
            sides: Vec::new(),
            ids: HashMap::new(),
            messages: Vec::new(),
            message_ids: HashMap::new(),
            steps: HashMap::new(),
            pairs: HashSet::new(),
            settled: HashSet::new(),
        }
    }

    /// Two sides that have done nothing but this.
    pub(crate) fn start(&mut self, configs: [Config; 2], script: &[Act]) -> World {
        let [a, b] = configs;
        let sides = [self.side(Side::new(0, a)), self.side(Side::new(1, b))].map(Result::unwrap);
        let mut world = World {
            sides,
            queues: [Vec::new(), Vec::new()],
        };
        for (who, event) in script {
            world = match self.act(&world, *who, *event) {
                Ok(Some(next)) => next,
                other => panic!("{event:?} of side {who} in the script: {other:?}"),
            };
        }
        world
    }

    /// Visits every world within this many acts; panics with a shortest path to what is wrong.
    pub(crate) fn explore(&mut self, start: World, depth: usize) -> usize {
        let mut seen = HashSet::from([hash(&start)]);
        let mut paths: Vec<(usize, usize, Event)> = vec![(0, 0, Event::Receive)];
        let mut level = vec![(start, 0)];
        for _ in 0..depth {
            let mut next_level = Vec::new();
            for (world, path) in level {
                for who in [0, 1] {
                    for event in self.alphabet.clone() {
                        let done = self.act(&world, who, event).and_then(|next| match next {
                            Some(next) if seen.insert(hash(&next)) => {
                                self.settle(&next)?;
                                paths.push((path, who, event));
                                next_level.push((next, paths.len() - 1));
                                Ok(())
                            }
                            _ => Ok(()),
                        });
                        if let Err(error) = done {
                            panic!("{}{who}: {event:?}\n=> {error}", describe(&paths, path));
                        }
                    }
                }
            }
            level = next_level;
        }
        seen.len()
    }

    /// One way of this many tries, chosen by the seed, and how many of them led further; panics with
    /// the way to what is wrong.
    pub(crate) fn walk(&mut self, start: World, tries: usize, seed: u64) -> usize {
        let mut world = start;
        let mut way = String::new();
        let mut acts = 0;
        let mut random = seed;
        for _ in 0..tries {
            // Knuth's MMIX generator; its upper bits are the better ones.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let choice = (random >> 33) as usize;
            let (who, event) = (choice % 2, self.alphabet[choice / 2 % self.alphabet.len()]);
            match self.act(&world, who, event) {
                // Every other way keeps to the rules of signaling.
                Ok(Some(next)) if seed % 2 == 1 || !self.is_tainted(&next) => {
                    writeln!(way, "{who}: {event:?}").unwrap();
                    (world, acts) = (next, acts + 1);
                }
                Ok(_) => {}
                Err(error) => panic!("seed {seed}:\n{way}{who}: {event:?}\n=> {error}"),
            }
        }
        if let Err(error) = self.settle(&world) {
            panic!("seed {seed}:\n{way}=> {error}");
        }
        acts
    }

    /// One act; `None` if nothing comes of it.
    pub(crate) fn act(&mut self, world: &World, who: usize, event: Event) -> Result<Option<World>, String> {
        let mut next = world.clone();
        let message = match event {
            Event::Receive if world.queues[who].is_empty() => return Ok(None),
            Event::Receive => Some(next.queues[who].remove(0)),
            _ => None,
        };
        let (side, sent) = self.step(world.sides[who], event, message)?;
        next.sides[who] = side;
        next.queues[1 - who].extend(sent);
        if next == *world {
            return Ok(None);
        }
        self.check(&next)?;
        Ok(Some(next))
    }

    fn step(&mut self, side: u32, event: Event, message: Option<u32>) -> Result<Outcome, String> {
        let key = (side, event, message);
        if let Some(known) = self.steps.get(&key) {
            return Ok(*known);
        }
        let received = message.map(|message| &self.messages[message as usize]);
        let result = match self.sides[side as usize].step(event, received)? {
            Step::Same => (side, None),
            Step::Next(next, sent) => (self.side(*next)?, sent.map(|sent| self.message(sent))),
        };
        self.steps.insert(key, result);
        Ok(result)
    }

    fn side(&mut self, side: Side) -> Result<u32, String> {
        let key = side.key();
        if let Some(known) = self.ids.get(&key) {
            return Ok(*known);
        }
        side.probe()?;
        let id = u32::try_from(self.sides.len()).unwrap();
        self.ids.insert(key, id);
        self.sides.push(side);
        Ok(id)
    }

    fn message(&mut self, message: Message) -> u32 {
        if let Some(known) = self.message_ids.get(&message) {
            return *known;
        }
        let id = u32::try_from(self.messages.len()).unwrap();
        self.message_ids.insert(message.clone(), id);
        self.messages.push(message);
        id
    }

    fn pair(&self, world: &World) -> [&Side; 2] {
        world.sides.map(|side| &self.sides[side as usize])
    }

    fn is_tainted(&self, world: &World) -> bool {
        self.pair(world).iter().any(|side| side.tainted)
    }

    /// What both must agree on, whenever neither is in an exchange.
    fn check(&mut self, world: &World) -> Result<(), String> {
        if self.pairs.contains(&world.sides) {
            return Ok(());
        }
        let [a, b] = self.pair(world);
        let stable = [a, b].iter().all(|side| side.state() == SignalingState::Stable);
        if stable && (!self.is_tainted(world) || a.completed == b.completed) {
            pair::check(a, b)?;
        }
        self.pairs.insert(world.sides);
        Ok(())
    }

    /// Both applications wait, answer what comes, and offer what is needed: that must end, with all
    /// that was wanted agreed on.
    fn settle(&mut self, world: &World) -> Result<(), String> {
        const ACTS: usize = 40;
        let mut world = world.clone();
        let mut path = Vec::new();
        let mut text = String::from("settling:\n");
        while self.settled.insert(hash(&world)) {
            let [a, b] = self.pair(&world);
            if self.is_tainted(&world) {
                return Ok(());
            }
            let Some((who, event)) = self.duty(&world) else {
                return pair::check_settled(a, b).map_err(|error| format!("{text}{error}"));
            };
            if path.len() == ACTS {
                return Err(format!("{text}it does not end"));
            }
            writeln!(text, "{who}: {event:?}").unwrap();
            path.push((who, event));
            world = match self.act(&world, who, event) {
                Ok(Some(next)) => next,
                Ok(None) => return Err(format!("{text}nothing comes of it")),
                Err(error) => return Err(format!("{text}{error}")),
            };
        }
        Ok(())
    }

    fn duty(&self, world: &World) -> Option<Act> {
        let sides = self.pair(world);
        let offers = |who: usize| {
            let side = sides[who];
            side.state() == SignalingState::Stable && side.negotiator.negotiation_needed()
        };
        let answers = |who: usize| {
            let state = sides[who].state();
            matches!(
                state,
                SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPrAnswer
            )
        };
        let receives = |who: usize| !world.queues[who].is_empty();
        let first = |wanted: &dyn Fn(usize) -> bool| [0, 1].into_iter().find(|who| wanted(*who));
        first(&receives)
            .map(|who| (who, Event::Receive))
            .or_else(|| first(&answers).map(|who| (who, Event::Answer)))
            .or_else(|| first(&offers).map(|who| (who, Event::Offer)))
    }
}

fn hash(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

fn describe(paths: &[(usize, usize, Event)], mut path: usize) -> String {
    let mut acts = Vec::new();
    while path != 0 {
        let (before, who, event) = &paths[path];
        acts.push(format!("{who}: {event:?}\n"));
        path = *before;
    }
    acts.reverse();
    acts.concat()
}
