//! What the agent tells.

use alloc::string::String;

use pollrtc_core::Flow;

use crate::candidate::Candidate;

/// Which agent decides on the pair (RFC 8445 §6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It nominates. The side that made the offer has this role, or the full one of a full and a
    /// lite agent.
    Controlling,
    /// It follows.
    Controlled,
}

impl Role {
    /// The other side's role.
    pub(crate) const fn opposite(self) -> Self {
        match self {
            Self::Controlling => Self::Controlled,
            Self::Controlled => Self::Controlling,
        }
    }
}

/// Something that the application should know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A local candidate to signal to the peer.
    Candidate(Candidate),
    /// All candidates of the addresses given so far are known; signal the end of candidates if no
    /// more addresses are to follow. Comes again if they do.
    GatheringComplete,
    /// The state changed.
    StateChanged(State),
    /// Data goes this way from now on.
    PathChanged(Path),
    /// A remote candidate hides behind this `.local` name. Resolve it by multicast DNS only and
    /// answer with [`Agent::handle_mdns_answer`](crate::Agent::handle_mdns_answer); or don't, and the peer's
    /// own checks will tell where it is.
    ResolveMdns {
        /// The name.
        name: String,
    },
}

/// How far the agent is.
///
/// ```
/// # use pollrtc_ice::State;
/// fn may_send(state: State) -> bool {
///     matches!(state, State::Connected | State::Completed | State::Disconnected)
/// }
/// assert!(!may_send(State::Checking));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing is known of the peer.
    New,
    /// Looking for a pair that works.
    Checking,
    /// A pair works, data can flow.
    Connected,
    /// A pair is selected on this side.
    Completed,
    /// Nothing has been heard of the peer for [a while](crate::Timing::disconnect). Data still goes
    /// out until consent expires; a word from the peer, and the state is what it was.
    Disconnected,
    /// It is over until [a restart](crate::Agent::restart).
    Failed(FailureReason),
    /// [Closed](crate::Agent::close) by the caller.
    Closed,
}

/// Why an agent failed.
///
/// ```
/// # use pollrtc_ice::FailureReason;
/// assert_eq!(FailureReason::NoPair.to_string(), "no pair of candidates works");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FailureReason {
    /// Every pair was tried and [patience](crate::Timing::patience) is at its end.
    #[error("no pair of candidates works")]
    NoPair,
    /// The peer did not renew its consent in time (RFC 7675 §5.1).
    #[error("the peer has not consented to receive for too long")]
    ConsentExpired,
    /// The peer revoked its consent (RFC 7675 §5.2).
    #[error("the peer has revoked its consent to receive")]
    ConsentRevoked,
}

/// A way between the two peers, which data takes.
///
/// ```
/// # use pollrtc_ice::{Flow, Path};
/// let flow = Flow::udp("192.0.2.1:5000".parse().unwrap()).on("192.0.2.2:4000".parse().unwrap());
/// let path = Path::new(flow, 1200);
/// assert_eq!(path.flow.remote().port(), 5000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Path {
    /// From where to where, and how. The local address is always there: a base, not what a NAT makes of it.
    pub flow: Flow,
    /// How many bytes a datagram may have on it, without the headers of UDP and IP.
    pub mtu: usize,
}

impl Path {
    /// A path by this flow that takes datagrams of so many bytes.
    pub const fn new(flow: Flow, mtu: usize) -> Self {
        Self { flow, mtu }
    }
}

/// What a datagram was.
#[derive(Debug)]
pub enum Received<'d> {
    /// A message to the agent, or nothing that belongs here: taken or dropped, and counted.
    Handled,
    /// The peer's data. It came from an address that has proven to know our password.
    Data {
        /// The way that it came.
        path: Path,
        /// Its bytes.
        payload: &'d mut [u8],
    },
}

/// How far the other end of a flow is validated: what a server needs to know that tells many peers on one socket apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AddressValidation {
    /// Nothing authentic has come from it.
    Unknown,
    /// It has sent a check that only the peer can have written; its source may still be forged.
    Authenticated,
    /// It has answered a check of ours: the peer receives there.
    Validated,
}
