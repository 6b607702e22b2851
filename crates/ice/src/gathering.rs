//! Gathering: the local candidates, and the questions to servers by which they are found (RFC 8445 §5.1).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use pollrtc_core::{Flow, Instant, normalise};

use crate::address::{Reach, is_same, is_unusable, may_pair, reach};
use crate::base::Base;
use crate::candidate::Candidate;
use crate::config::{Config, KEEPALIVE};
use crate::kind::CandidateKind;

/// Where gathering stands.
#[derive(Debug)]
pub(crate) struct Gathering {
    /// None for a lite agent, which has host candidates only (RFC 8445 §5.2).
    servers: Vec<SocketAddr>,
    candidates: Vec<Gathered>,
    /// Questions to be asked: which way, and which server that is.
    queue: VecDeque<(Flow, usize)>,
    /// How many are asked and not answered.
    pending: usize,
    /// There is news since the last [`Event::GatheringComplete`](crate::Event::GatheringComplete).
    unannounced: bool,
    /// When to ask again, so that the NATs keep what was signalled (RFC 8445 §5.1.1.4).
    refresh_at: Option<Instant>,
}

/// A local candidate, its base, and which server saw it.
#[derive(Debug)]
struct Gathered {
    candidate: Candidate,
    base: Base,
    server: Option<usize>,
}

impl Gathering {
    pub(crate) fn new(config: &Config) -> Self {
        let servers: &[SocketAddr] = if config.lite { &[] } else { &config.stun_servers };
        Self {
            servers: servers.iter().copied().map(normalise).collect(),
            candidates: Vec::new(),
            queue: VecDeque::new(),
            pending: 0,
            unannounced: false,
            refresh_at: None,
        }
    }

    pub(crate) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().map(|gathered| &gathered.candidate)
    }

    /// Whether no question is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.pending == 0
    }

    pub(crate) fn has_questions(&self) -> bool {
        !self.queue.is_empty()
    }

    /// How many questions wait or are not answered.
    pub(crate) fn open_questions(&self) -> u32 {
        u32::try_from(self.queue.len() + self.pending).unwrap_or(u32::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.candidates.len() + self.queue.len()
    }

    /// A base was added: its host candidate, to be signalled. The servers are to be asked from there.
    pub(crate) fn add_base(&mut self, base: Base) -> Candidate {
        let candidate = base.host_candidate();
        self.candidates.reserve_exact(1);
        self.candidates.push(Gathered {
            candidate: candidate.clone(),
            base,
            server: None,
        });
        self.ask_from(&base);
        self.unannounced = true;
        candidate
    }

    /// A base is gone, and what was found from it.
    pub(crate) fn remove_base(&mut self, base: &Base) {
        self.candidates.retain(|gathered| gathered.base != *base);
        self.queue.retain(|(flow, _)| !base.has(*flow));
    }

    fn ask_from(&mut self, base: &Base) {
        if reach(base.address.ip()) == Reach::Link {
            return;
        }
        for (server, address) in self.servers.iter().enumerate() {
            if may_pair(base.address, *address) && !is_unusable(*address) {
                self.queue.push_back((base.flow_to(*address), server));
            }
        }
    }

    /// The next question to be asked, if any; it counts as asked.
    pub(crate) fn next_question(&mut self) -> Option<(Flow, usize)> {
        let question = self.queue.pop_front()?;
        self.pending += 1;
        Some(question)
    }

    /// A question that will not be answered any more.
    pub(crate) fn give_up_one(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// A server answered: `mapped` is what it saw, if it saw anything. The candidate, if it is to be signalled.
    pub(crate) fn handle_answer(
        &mut self,
        now: Instant,
        base: &Base,
        server: usize,
        mapped: Option<SocketAddr>,
    ) -> Option<Candidate> {
        self.give_up_one();
        let mapped = mapped
            .map(normalise)
            .filter(|mapped| self.is_credible(base, server, *mapped))?;
        self.refresh_at.get_or_insert(now + KEEPALIVE);
        // RFC 8445 §5.1.3: the same address and base as another candidate is redundant; so is
        // what the server sees without a NAT between.
        let is_known = |gathered: &Gathered| {
            gathered.base == *base && gathered.candidate.address().is_some_and(|known| is_same(known, mapped))
        };
        if self.candidates.iter().any(is_known) {
            return None;
        }
        // A server whose view of a base changed (a NAT that lost its mapping) gives a second
        // candidate; a server that keeps changing its mind gives no third.
        let of_server = |gathered: &&Gathered| gathered.base == *base && gathered.server == Some(server);
        if self.candidates.iter().filter(of_server).count() >= 2 {
            return None;
        }
        let candidate = base.server_reflexive_candidate(mapped, server);
        self.candidates.push(Gathered {
            candidate: candidate.clone(),
            base: *base,
            server: Some(server),
        });
        Some(candidate)
    }

    /// Whether a base can look like this from the outside: it can't be of the other family, nor be the server itself.
    fn is_credible(&self, base: &Base, server: usize, mapped: SocketAddr) -> bool {
        !is_unusable(mapped) && mapped.is_ipv4() == base.address.is_ipv4() && self.servers.get(server) != Some(&mapped)
    }

    /// The priority of the server-reflexive candidate at this address.
    pub(crate) fn server_reflexive_priority(&self, mapped: SocketAddr) -> Option<u32> {
        let is_it = |candidate: &&Candidate| {
            candidate.kind() == CandidateKind::ServerReflexive && candidate.address() == Some(mapped)
        };
        Some(self.candidates().find(is_it)?.priority())
    }

    /// Asks all servers again while nothing is selected, since NATs forget within half a minute.
    pub(crate) fn handle_timeout<'b>(
        &mut self,
        now: Instant,
        is_selected: bool,
        bases: impl Iterator<Item = &'b Base>,
    ) {
        if self.refresh_at.is_none_or(|at| at > now) {
            return;
        }
        self.refresh_at = None;
        if !is_selected && self.is_idle() {
            for base in bases {
                self.ask_from(base);
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.refresh_at
    }

    /// Whether gathering has just become complete; says so once.
    pub(crate) fn poll_complete(&mut self) -> bool {
        self.is_idle() && core::mem::take(&mut self.unannounced)
    }

    /// All candidates are to be signalled anew, and their end.
    pub(crate) fn announce_again(&mut self) -> impl Iterator<Item = &Candidate> {
        self.unannounced |= !self.candidates.is_empty();
        self.candidates()
    }

    pub(crate) fn stop(&mut self) {
        self.queue.clear();
        self.pending = 0;
        self.unannounced = false;
        self.refresh_at = None;
    }
}
