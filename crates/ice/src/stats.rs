//! Counters.

/// What came, what went, and why something was dropped.
///
/// ```
/// # use pollrtc_ice::{Agent, Config, Role};
/// # let agent = Agent::new(Config::default(), Role::Controlling, pollrtc_ice::Rng::from_seed([1; 32]));
/// let stats = agent.stats();
/// println!("{} of {} were sent again", stats.retransmissions_sent, stats.requests_sent);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Checks, nominations and consent checks sent, retransmissions included.
    pub requests_sent: u64,
    /// Of these, retransmissions.
    pub retransmissions_sent: u64,
    /// Of these, consent checks.
    pub consent_checks_sent: u64,
    /// Responses sent, errors included.
    pub responses_sent: u64,
    /// Requests that passed authentication.
    pub requests_received: u64,
    /// Responses that passed authentication and answered something.
    pub responses_received: u64,
    /// Datagrams of data that were handed on.
    pub data_received: u64,
    /// Role conflicts repaired, on either side.
    pub role_conflicts: u64,

    /// Dropped: neither STUN nor by a flow on which the peer has authenticated itself.
    pub data_unauthenticated: u64,
    /// Dropped: looks like STUN but is not.
    pub malformed: u64,
    /// Dropped: FINGERPRINT is wrong.
    pub bad_fingerprint: u64,
    /// Dropped: a method or class that has no place here.
    pub unexpected_message: u64,
    /// Taken and ignored: indications that keep bindings alive.
    pub indications: u64,
    /// Refused or dropped: no USERNAME or no MESSAGE-INTEGRITY.
    pub unauthenticated: u64,
    /// Refused: USERNAME does not begin with our fragment.
    pub unknown_username: u64,
    /// Refused or dropped: MESSAGE-INTEGRITY is wrong.
    pub bad_integrity: u64,
    /// Dropped: a response that answers nothing that is asked.
    pub unmatched_response: u64,
    /// A response that came another way than the request went (RFC 8445 §7.2.5.2.1).
    pub asymmetric_response: u64,
    /// Refused: a request with attributes that we would have to understand.
    pub unknown_attributes: u64,
    /// A 487 that answered a request from before a change of roles.
    pub stale_role_conflict: u64,
    /// The credentials are from before a restart: answered only, or dropped if they are ours of one session
    /// and the peer's of another.
    pub other_generation: u64,
    /// Answered only: a request that was seen before.
    pub repeated_requests: u64,
    /// Dropped: reached no local address of this agent, or came from an impossible one.
    pub unknown_address: u64,
    /// Dropped: the agent has ended.
    pub after_end: u64,
    /// Dropped: too many responses wait to be sent.
    pub response_queue_full: u64,
    /// Dropped: too many [refusals](crate::Config::max_waiting_refusals) wait to be sent.
    pub refusal_queue_full: u64,
    /// Checks that wait or were left out since their IP address has had [as many as it
    /// may](crate::Config::max_checks_per_address).
    pub checks_over_budget: u64,
    /// What ICMP has said of flows that checks or data of ours went by.
    pub unreachable: u64,
    /// Answered only: no room to learn another candidate or pair from checks.
    pub limit_reached: u64,
    /// Remote candidates that this agent has no use for: other components, TCP, odd ports and
    /// addresses, names that are not multicast DNS's.
    pub candidates_unusable: u64,
    /// Remote candidates that were known already.
    pub candidates_repeated: u64,
    /// Remote candidates of another session (their username fragment tells).
    pub candidates_other_generation: u64,
    /// Remote candidates over the [limit](crate::Config::max_candidates).
    pub candidates_over_limit: u64,
}
