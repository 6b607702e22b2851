//! What the caller decides.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::tag::UfragTag;

/// How an agent behaves and what it may cost. The defaults are good; each bound here is a bound on
/// memory and on traffic that a peer could cause.
///
/// ```
/// use pollrtc_ice::Config;
/// let config = Config::default().with_stun_servers(["198.51.100.1:3478".parse()?]).with_mtu(1400);
/// assert!(!config.lite);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// A lite agent (RFC 8445 §2.5) only answers checks: right for servers with a public address,
    /// whose peers are full agents.
    pub lite: bool,
    /// Servers that tell the address which a NAT gives to each local address.
    pub stun_servers: Vec<SocketAddr>,
    /// How many local addresses, and how many signalled remote candidates, are kept; more are
    /// refused or ignored. A remote one whose checks have failed, and that was silent for as long as consent lasts, makes room.
    pub max_candidates: usize,
    /// How many remote candidates are kept that only checks tell of (they need the peer's
    /// knowledge of our password, but no signalling). One that was silent for as long as consent
    /// lasts makes room.
    pub max_peer_reflexive: usize,
    /// How many pairs the checklist holds (RFC 8445 §6.1.2.5); the lowest priorities go first.
    pub max_pairs: usize,
    /// How many pairs from each local address are kept alive beside the selected one, to take its place when it dies: 2.
    /// Lite agents keep none.
    pub max_backup_pairs: usize,
    /// How many checks go to one IP address in a second at most, however many candidates with that address a peer
    /// signals, and however often it restarts: 50. What is over waits.
    pub max_checks_per_address: u32,
    /// How many refusals of requests that nobody has authenticated wait to be sent: 16. They have no part in the room for
    /// answers to the peer, and go out after those.
    pub max_waiting_refusals: usize,
    /// How many bytes a datagram may have on a path of which nothing better is known, without the headers of UDP and
    /// IP.
    pub mtu: usize,
    /// Whether this agent shares its pacing with others: it begins a transaction only when
    /// [told to](crate::Agent::start_transaction), by whoever owns the [`Pacer`](crate::Pacer). Its own
    /// [Ta](Timing::pacing) holds besides.
    pub shared_pacing: bool,
    /// What the ufrags of this agent begin with, where several servers share one address.
    pub ufrag_tag: Option<UfragTag>,
    /// Times.
    pub timing: Timing,
}

impl Config {
    /// The same for a [lite](Self::lite) agent.
    #[must_use]
    pub fn with_lite(self) -> Self {
        Self { lite: true, ..self }
    }

    /// The same with these [servers](Self::stun_servers).
    #[must_use]
    pub fn with_stun_servers(self, servers: impl Into<Vec<SocketAddr>>) -> Self {
        Self {
            stun_servers: servers.into(),
            ..self
        }
    }

    /// The same with so many [candidates](Self::max_candidates) of each side at most.
    #[must_use]
    pub fn with_max_candidates(self, max_candidates: usize) -> Self {
        Self { max_candidates, ..self }
    }

    /// The same with so many remote candidates [from checks](Self::max_peer_reflexive) at most.
    #[must_use]
    pub fn with_max_peer_reflexive(self, max_peer_reflexive: usize) -> Self {
        Self {
            max_peer_reflexive,
            ..self
        }
    }

    /// The same with so many [pairs](Self::max_pairs) at most.
    #[must_use]
    pub fn with_max_pairs(self, max_pairs: usize) -> Self {
        Self { max_pairs, ..self }
    }

    /// The same with so many [backup pairs](Self::max_backup_pairs) from each local address.
    #[must_use]
    pub fn with_max_backup_pairs(self, max_backup_pairs: usize) -> Self {
        Self {
            max_backup_pairs,
            ..self
        }
    }

    /// The same with so many checks to one IP address [in a second](Self::max_checks_per_address).
    #[must_use]
    pub fn with_max_checks_per_address(self, max_checks_per_address: u32) -> Self {
        Self {
            max_checks_per_address,
            ..self
        }
    }

    /// The same with room for so many [refusals](Self::max_waiting_refusals).
    #[must_use]
    pub fn with_max_waiting_refusals(self, max_waiting_refusals: usize) -> Self {
        Self {
            max_waiting_refusals,
            ..self
        }
    }

    /// The same with paths that take datagrams of so many [bytes](Self::mtu).
    #[must_use]
    pub fn with_mtu(self, mtu: usize) -> Self {
        Self { mtu, ..self }
    }

    /// The same for an agent that [shares its pacing](Self::shared_pacing).
    #[must_use]
    pub fn with_shared_pacing(self) -> Self {
        Self {
            shared_pacing: true,
            ..self
        }
    }

    /// The same with these [times](Self::timing).
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lite: false,
            stun_servers: Vec::new(),
            max_candidates: 100,
            max_peer_reflexive: 32,
            max_pairs: 100,
            max_backup_pairs: 2,
            max_checks_per_address: 50,
            max_waiting_refusals: 16,
            mtu: DEFAULT_MTU,
            shared_pacing: false,
            ufrag_tag: None,
            timing: Timing::default(),
        }
    }
}

/// How fast an agent asks, and how long it waits.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timing {
    /// Ta, the time between two new transactions (RFC 8445 §14.2). 5 ms is the least that the RFC
    /// allows and the default; less counts as 5 ms.
    pub pacing: Duration,
    /// RTO, the time to the first retransmission, doubled for each one that follows (RFC 8445
    /// §14.3). 500 ms is the least that the RFC allows and the default; less counts as 500 ms. It is [Ta](Self::pacing)
    /// times the number of transactions that wait or are in progress, where that is more.
    pub retransmission: Duration,
    /// Rc, how often a check is sent in all (RFC 8489 §6.2.1): 7.
    pub check_transmissions: u32,
    /// The same for questions to STUN servers: 7. Where signaling has to wait for the end of gathering, and no server
    /// answers, fewer end it sooner: 4 after 7.5 s, 7 after 39.5 s.
    pub gather_transmissions: u32,
    /// Rm, for how many RTOs an answer to the last transmission is awaited: 16.
    pub last_wait: u32,
    /// How long to be patient while nothing works (RFC 8863): 39.5 s, as long as a check takes to
    /// time out.
    pub patience: Duration,
    /// The mean time between consent checks (RFC 7675 §5.1): 5 s, each drawn from 0.8 to 1.2 times
    /// this; less than 5 s counts as 5 s.
    pub consent_interval: Duration,
    /// How long consent lasts: 30 s, never more.
    pub consent_expiry: Duration,
    /// After how long a silence of the peer the state becomes
    /// [`Disconnected`](crate::State::Disconnected): 7.5 s, which a lost consent check or two don't
    /// reach while the peer's own checks arrive.
    pub disconnect: Duration,
    /// After how much silence of the selected pair it is asked whether it is alive, if another one stands by to take its
    /// place: 1 s, which makes less than 3 s from the death of a path to data on the next; less than 1 s counts as 1 s. Without another one there is
    /// nothing to gain, and nobody is asked more often than consent needs.
    pub failover: Duration,
    /// The mean time between checks of each [backup pair](Config::max_backup_pairs), drawn as for consent: 15 s, which keeps
    /// the bindings of NATs open; less than 5 s counts as 5 s.
    pub backup_interval: Duration,
    /// How long checks with the credentials from before a restart are still answered, once data
    /// no longer flows on the old path: 5 s.
    pub restart_grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            pacing: LEAST_PACING,
            retransmission: LEAST_RETRANSMISSION,
            check_transmissions: 7,
            gather_transmissions: 7,
            last_wait: 16,
            patience: Duration::from_millis(39_500),
            consent_interval: LEAST_CONSENT_INTERVAL,
            consent_expiry: MOST_CONSENT,
            disconnect: Duration::from_millis(7_500),
            failover: LEAST_FAILOVER,
            backup_interval: KEEPALIVE,
            restart_grace: Duration::from_secs(5),
        }
    }
}

/// What passes everywhere: IPv6's least MTU (RFC 8200 §5) is 1280 bytes, of which tunnels and headers take a few.
const DEFAULT_MTU: usize = 1200;
/// RFC 8445 §11: Tr, the time between packets that do nothing but keep a binding open.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(15);
/// RFC 8445 §14.2.
pub(crate) const LEAST_PACING: Duration = Duration::from_millis(5);
/// RFC 8445 §14.3.
const LEAST_RETRANSMISSION: Duration = Duration::from_millis(500);
/// RFC 7675 §5.1: no less than 4 s between checks, and the interval is drawn from 0.8 times this.
const LEAST_CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// A second of silence is nothing on a thin path.
const LEAST_FAILOVER: Duration = Duration::from_secs(1);
/// RFC 7675 §5.1.
const MOST_CONSENT: Duration = Duration::from_secs(30);

impl Timing {
    /// The same with what the RFCs forbid moved to the nearest lawful value.
    pub(crate) fn lawful(self) -> Self {
        Self {
            pacing: self.pacing.max(LEAST_PACING),
            retransmission: self.retransmission.max(LEAST_RETRANSMISSION),
            check_transmissions: self.check_transmissions.clamp(1, 16),
            gather_transmissions: self.gather_transmissions.clamp(1, 16),
            last_wait: self.last_wait.clamp(1, 64),
            consent_interval: self.consent_interval.max(LEAST_CONSENT_INTERVAL),
            consent_expiry: self.consent_expiry.min(MOST_CONSENT),
            failover: self.failover.max(LEAST_FAILOVER),
            backup_interval: self.backup_interval.max(LEAST_CONSENT_INTERVAL),
            ..self
        }
    }
}
