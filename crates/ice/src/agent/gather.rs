//! Local addresses and the candidates that they give (RFC 8445 §5.1).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use pollrtc_core::Instant;

use super::{Agent, Event};
use crate::address::{Scope, is_unusable, may_pair, normalised, scope};
use crate::candidate::{Candidate, CandidateKind};
use crate::checklist::LocalId;
use crate::priority::local_preference;
use crate::transactions::{Purpose, Schedule, Transaction};

/// A local address that checks and data leave from.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) address: SocketAddr,
    pub(super) in_use: bool,
    pub(super) rank: u16,
    pub(super) local_preference: u16,
    pub(super) foundation: u16,
}

/// Where gathering stands.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    candidates: Vec<Gathered>,
    /// Questions to be asked: this base, that server.
    queue: VecDeque<(LocalId, usize)>,
    /// How many are asked and not answered.
    pending: usize,
    /// There is news since the last [`Event::GatheringComplete`].
    unannounced: bool,
    /// When to ask again, so that the NATs keep what was signalled (RFC 8445 §5.1.1.4).
    refresh_at: Option<Instant>,
}

/// A local candidate and where it leaves from.
#[derive(Debug)]
struct Gathered {
    candidate: Candidate,
    local: LocalId,
    server: Option<usize>,
}

/// Why an address can't be a local one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Nobody can be reached there: unspecified (bind to an interface's own address, or give that
    /// address here), multicast, deprecated, port 0.
    #[error("{0} is not an address that a peer could send to")]
    Unusable(SocketAddr),
    /// [`Config::max_candidates`](crate::Config::max_candidates) is reached.
    #[error("there are as many local addresses as the configuration allows")]
    TooMany,
    /// A lite agent has one address of each family (RFC 8445 §5.2).
    #[error("a lite agent has one address of each family")]
    LiteHasOne,
}

/// RFC 8445 §11: Tr, how often what is not used otherwise is kept alive.
const KEEPALIVE: Duration = Duration::from_secs(15);

impl Agent {
    /// Adds an address that datagrams are sent from and received on; its candidates come as
    /// [events](Event::Candidate). A loopback address is only paired with the peer's.
    ///
    /// # Errors
    ///
    /// If no peer could ever reach it, or a limit is met.
    pub fn add_local_address(&mut self, now: Instant, address: SocketAddr) -> Result<(), AddressError> {
        let address = normalised(address);
        if is_unusable(address) {
            return Err(AddressError::Unusable(address));
        }
        if self.has_ended() || self.bases.iter().any(|base| base.in_use && base.address == address) {
            return Ok(());
        }
        let local = self.take_base(address)?;
        self.announce_host(local);
        self.ask_servers(local);
        self.pair_base(local);
        self.gathering.unannounced = true;
        self.advance(now);
        Ok(())
    }

    /// Removes an address, as when its interface is gone. If the path led over it, the next pair
    /// that works takes over, or checks begin again on what is left.
    pub fn remove_local_address(&mut self, now: Instant, address: SocketAddr) {
        let address = normalised(address);
        let Some(at) = self
            .bases
            .iter()
            .position(|base| base.in_use && base.address == address)
        else {
            return;
        };
        self.bases[at].in_use = false;
        let Ok(local) = LocalId::try_from(at) else {
            return;
        };
        self.gathering.candidates.retain(|gathered| gathered.local != local);
        self.gathering.queue.retain(|(base, _)| *base != local);
        let candidates = &self.gathering;
        self.events.retain(|event| match event {
            Event::Candidate(candidate) => candidates.candidates().any(|known| known == candidate),
            _ => true,
        });
        self.forget_transactions(|transaction| transaction.local == local);
        self.forget_base(local);
        self.advance(now);
    }

    /// A place in the list of bases, with its preference and foundation.
    fn take_base(&mut self, address: SocketAddr) -> Result<LocalId, AddressError> {
        let in_use = || self.bases.iter().filter(|base| base.in_use);
        let of_family = |base: &&Base| base.address.is_ipv4() == address.is_ipv4();
        if in_use().count() >= self.config.max_candidates {
            return Err(AddressError::TooMany);
        }
        if self.config.lite && in_use().any(|base| of_family(&base)) {
            return Err(AddressError::LiteHasOne);
        }
        // The least rank that no other address of its family and kind has: unique priorities.
        // Loopback comes after all that reaches further.
        let lowest = match scope(address.ip()) {
            Scope::Loopback => 1024,
            _ => 0,
        };
        let taken = |rank: u16| in_use().filter(of_family).any(|base| base.rank == rank);
        let rank = (lowest..u16::MAX).find(|rank| !taken(*rank)).unwrap_or(u16::MAX);
        // RFC 8445 §5.1.1.3: same type and same IP address, same foundation.
        let same_ip = in_use().find(|base| base.address.ip() == address.ip());
        let used = |foundation: u16| self.bases.iter().any(|base| base.foundation == foundation);
        let foundation = match same_ip {
            Some(base) => base.foundation,
            None => (1..u16::MAX).find(|foundation| !used(*foundation)).unwrap_or(u16::MAX),
        };
        let base = Base {
            address,
            in_use: true,
            rank,
            local_preference: local_preference(address, rank, 0),
            foundation,
        };
        let at = match self.bases.iter().position(|base| !base.in_use) {
            Some(free) => {
                self.bases[free] = base;
                free
            }
            None => {
                self.bases.push(base);
                self.bases.len() - 1
            }
        };
        LocalId::try_from(at).map_err(|_| AddressError::TooMany)
    }

    fn announce_host(&mut self, local: LocalId) {
        let base = &self.bases[usize::from(local)];
        let candidate = Candidate::local(
            CandidateKind::Host,
            base.address,
            None,
            base.foundation.into(),
            base.local_preference,
        );
        self.announce(Gathered {
            candidate,
            local,
            server: None,
        });
    }

    fn announce(&mut self, gathered: Gathered) {
        self.tell(Event::Candidate(gathered.candidate.clone()));
        self.gathering.candidates.push(gathered);
    }

    fn ask_servers(&mut self, local: LocalId) {
        let base = self.bases[usize::from(local)].address;
        // A lite agent has host candidates only (RFC 8445 §5.2).
        if self.config.lite || scope(base.ip()) == Scope::Link {
            return;
        }
        for (server, address) in self.config.stun_servers.iter().enumerate() {
            let address = normalised(*address);
            if may_pair(base, address) && !is_unusable(address) {
                self.gathering.queue.push_back((local, server));
            }
        }
    }

    /// The schedule of questions to servers.
    pub(super) fn gather_schedule(&self) -> Schedule {
        let timing = self.timing();
        Schedule {
            rto: timing.retransmission,
            transmissions: timing.gather_transmissions,
            last_wait: 1 << (timing.gather_transmissions - 1).min(6),
        }
    }

    /// Asks the next server, if one is to be asked; tells whether.
    pub(super) fn start_gathering_one(&mut self) -> bool {
        let Some((local, server)) = self.gathering.queue.pop_front() else {
            return false;
        };
        let Some(remote) = self.config.stun_servers.get(server).copied() else {
            return false;
        };
        self.gathering.pending += 1;
        let deadline = self.now + self.gather_schedule().wait_after(1);
        self.start_transaction(Transaction {
            purpose: Purpose::Gather { server },
            session: self.session.number,
            local,
            remote: normalised(remote),
            role: self.role,
            tie_breaker: 0,
            priority: 0,
            started_at: self.now,
            transmissions: 0,
            deadline,
            cancelled: false,
            queued: false,
        });
        true
    }

    /// A server answered, or did not: `mapped` is what it saw.
    pub(super) fn gathered(&mut self, local: LocalId, server: usize, mapped: Option<SocketAddr>) {
        self.gathering.pending = self.gathering.pending.saturating_sub(1);
        let Some(base) = self.bases.get(usize::from(local)).filter(|base| base.in_use) else {
            return;
        };
        let Some(mapped) = mapped.map(normalised).filter(|mapped| !is_unusable(*mapped)) else {
            return;
        };
        // RFC 8445 §5.1.3: the same address and base as another candidate is redundant; so is
        // what the server sees without a NAT between.
        let known = |gathered: &Gathered| gathered.local == local && gathered.candidate.address() == Some(mapped);
        if self.gathering.refresh_at.is_none() {
            self.gathering.refresh_at = Some(self.now + KEEPALIVE);
        }
        if self.gathering.candidates.iter().any(known) {
            return;
        }
        // Foundations of reflexive candidates: one for each base address and server (§5.1.1.3).
        let server_number = u32::try_from(server).unwrap_or(u32::MAX).min(0xfffe);
        let foundation = (u32::from(base.foundation) << 16) + 1 + server_number;
        let preference = local_preference(base.address, base.rank, server);
        let candidate = Candidate::local(
            CandidateKind::ServerReflexive,
            mapped,
            Some(base.address),
            foundation,
            preference,
        );
        // A server whose view of a base changed (a NAT that lost its mapping) gives a second
        // candidate; a server that keeps changing its mind gives no third.
        let of_server = |gathered: &&Gathered| gathered.local == local && gathered.server == Some(server);
        if self.gathering.candidates.iter().filter(of_server).count() < 2 {
            self.announce(Gathered {
                candidate,
                local,
                server: Some(server),
            });
        }
    }

    /// Asks all servers again while no path is found, since NATs forget within half a minute.
    pub(super) fn run_gathering(&mut self) {
        if self.gathering.refresh_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.gathering.refresh_at = None;
        if self.session.selected.is_none() && self.gathering.queue.is_empty() && self.gathering.pending == 0 {
            let locals: Vec<LocalId> = (0..)
                .zip(&self.bases)
                .filter(|(_, base)| base.in_use)
                .map(|(id, _)| id)
                .collect();
            for local in locals {
                self.ask_servers(local);
            }
        }
    }

    /// Says that gathering is complete, once it is.
    pub(super) fn gathering_news(&mut self) -> Option<Event> {
        if self.gathering.is_idle() && core::mem::take(&mut self.gathering.unannounced) {
            return Some(Event::GatheringComplete);
        }
        None
    }

    /// Signals all candidates anew, as a restart has to.
    pub(super) fn announce_again(&mut self) {
        let Self { gathering, events, .. } = self;
        events.retain(|event| !matches!(event, Event::Candidate(_)));
        events.extend(
            gathering
                .candidates
                .iter()
                .map(|gathered| Event::Candidate(gathered.candidate.clone())),
        );
        gathering.unannounced |= !gathering.candidates.is_empty();
    }
}

impl Gathering {
    pub(super) fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().map(|gathered| &gathered.candidate)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.pending == 0
    }

    pub(super) fn len(&self) -> usize {
        self.candidates.len() + self.queue.len()
    }

    pub(super) fn has_questions(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.refresh_at
    }

    /// A question that will not be answered any more.
    pub(super) fn give_up_one(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    pub(super) fn stop(&mut self) {
        self.queue.clear();
        self.pending = 0;
        self.unannounced = false;
        self.refresh_at = None;
    }
}
