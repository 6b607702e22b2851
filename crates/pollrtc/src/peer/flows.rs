//! What the agents of several transports ask of streams and want to hear of what they sent, under numbers that the
//! connection gives.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::{Flow, FlowEvent, FlowRequest, SendId};

use crate::flow_requests::FlowRequests;

/// Which agent, as long as its transport lives.
pub(super) type AgentId = u32;

/// Bits of a [`SendId`] that are the agent's own; above them stands whose it is, and above that is room for a router.
const SEND_BITS: u32 = 24;
const AGENT_MASK: u64 = 0xFF;

/// The streams that agents have asked for.
#[derive(Debug)]
pub(super) struct Flows {
    requests: FlowRequests<AgentId>,
    open: Vec<(AgentId, Flow)>,
    /// What is asked in the name of agents that are gone.
    orphans: VecDeque<FlowRequest>,
}

/// Who is told what became of a flow, in which words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Addressee {
    /// The agent that has asked.
    One(AgentId, FlowEvent),
    /// It is not known whose the flow is; who does not use it does not mind.
    All(FlowEvent),
    /// Nobody any more.
    Nobody,
}

impl Flows {
    pub(super) fn new() -> Self {
        Self {
            requests: FlowRequests::new(),
            open: Vec::new(),
            orphans: VecDeque::new(),
        }
    }

    /// What is to be done for agents that are gone.
    pub(super) fn poll_orphan(&mut self) -> Option<FlowRequest> {
        self.orphans.pop_front()
    }

    /// The request of an agent under a number of ours.
    pub(super) fn ask(&mut self, agent: AgentId, request: FlowRequest) -> Option<FlowRequest> {
        self.requests.ask(agent, request)
    }

    pub(super) fn addressee(&mut self, event: FlowEvent) -> Addressee {
        match event {
            FlowEvent::Opened { id: Some(ours), flow } => match self.requests.answer(ours) {
                Some((agent, theirs)) => {
                    self.open.push((agent, flow));
                    Addressee::One(agent, FlowEvent::Opened { id: Some(theirs), flow })
                }
                None => {
                    self.orphans.push_back(FlowRequest::Close(flow));
                    Addressee::Nobody
                }
            },
            FlowEvent::Failed { id: ours } => match self.requests.answer(ours) {
                Some((agent, id)) => Addressee::One(agent, FlowEvent::Failed { id }),
                None => Addressee::Nobody,
            },
            FlowEvent::Closed(flow) => match self.open.iter().position(|(_, open)| *open == flow) {
                Some(at) => Addressee::One(self.open.swap_remove(at).0, event),
                None => Addressee::All(event),
            },
            other => Addressee::All(other),
        }
    }

    /// An agent is gone: what it has asked for is not wanted any more.
    pub(super) fn forget(&mut self, agent: AgentId) {
        let Self {
            requests,
            open,
            orphans,
        } = self;
        orphans.extend(requests.forget(agent).into_iter().map(FlowRequest::Cancel));
        open.retain(|(owner, flow)| {
            if *owner == agent {
                orphans.push_back(FlowRequest::Close(*flow));
            }
            *owner != agent
        });
    }
}

/// An agent's transmit as the connection tells it.
pub(super) fn outer_send_id(agent: AgentId, inner: SendId) -> SendId {
    let own = inner.0 & ((1 << SEND_BITS) - 1);
    SendId((u64::from(agent) & AGENT_MASK) << SEND_BITS | own)
}

/// Whether a transmit was this agent's, and how it calls it.
pub(super) fn inner_send_id(agent: AgentId, outer: SendId) -> Option<SendId> {
    let is_its = outer.0 >> SEND_BITS & AGENT_MASK == u64::from(agent) & AGENT_MASK;
    is_its.then_some(SendId(outer.0 & ((1 << SEND_BITS) - 1)))
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;

    use pollrtc_core::{Framing, Protocol, RequestId};

    use super::*;

    fn open(id: u64) -> FlowRequest {
        FlowRequest::Open {
            id: RequestId(id),
            from: None,
            to: relay(),
            protocol: Protocol::Tcp,
            framing: Framing::Stun,
            server_name: None,
        }
    }

    fn relay() -> SocketAddr {
        ([192, 0, 2, 9], 3478).into()
    }

    fn stream(port: u16) -> Flow {
        Flow::new(Protocol::Tcp, Some(([192, 0, 2, 1], port).into()), relay())
    }

    #[test]
    fn two_agents_that_count_alike_are_told_apart() {
        let mut flows = Flows::new();
        assert_eq!(flows.ask(4, open(0)), Some(open(0)));
        assert_eq!(flows.ask(7, open(0)), Some(open(1)));
        let opened = |id, flow| FlowEvent::Opened {
            id: Some(RequestId(id)),
            flow,
        };
        let one = stream(1);
        assert_eq!(flows.addressee(opened(1, one)), Addressee::One(7, opened(0, one)));
        let failed = |id| FlowEvent::Failed { id: RequestId(id) };
        assert_eq!(flows.addressee(failed(0)), Addressee::One(4, failed(0)));
        assert_eq!(flows.addressee(failed(0)), Addressee::Nobody, "it is answered");
        let closed = FlowEvent::Closed(one);
        assert_eq!(flows.addressee(closed), Addressee::One(7, closed));
        assert_eq!(flows.addressee(closed), Addressee::All(closed));
    }

    #[test]
    fn what_is_cancelled_and_opens_all_the_same_is_closed() {
        let mut flows = Flows::new();
        flows.ask(4, open(9));
        let cancel = |id| FlowRequest::Cancel(RequestId(id));
        assert_eq!(flows.ask(5, cancel(9)), None, "it is another's");
        assert_eq!(flows.ask(4, cancel(9)), Some(cancel(0)));
        let opened = FlowEvent::Opened {
            id: Some(RequestId(0)),
            flow: stream(1),
        };
        assert_eq!(flows.addressee(opened), Addressee::Nobody);
        assert_eq!(flows.poll_orphan(), Some(FlowRequest::Close(stream(1))));
    }

    #[test]
    fn an_agent_that_is_gone_leaves_no_stream() {
        let mut flows = Flows::new();
        flows.ask(4, open(0));
        flows.ask(4, open(1));
        flows.ask(5, open(0));
        let opened = |id, port| FlowEvent::Opened {
            id: Some(RequestId(id)),
            flow: stream(port),
        };
        flows.addressee(opened(0, 1));
        flows.addressee(opened(2, 2));
        flows.forget(4);
        let orphans: Vec<_> = core::iter::from_fn(|| flows.poll_orphan()).collect();
        let expected = [FlowRequest::Cancel(RequestId(1)), FlowRequest::Close(stream(1))];
        assert_eq!(orphans, expected);
    }

    quickcheck::quickcheck! {
        fn for_every_agent_a_transmit_is_named_and_found(agent: u8, other: u8, id: u32) -> bool {
            let id = SendId(u64::from(id) & 0xFF_FFFF);
            let outer = outer_send_id(agent.into(), id);
            let fits_into_a_router = outer.0 <= u64::from(u32::MAX);
            let found = inner_send_id(other.into(), outer);
            fits_into_a_router && found == (agent == other).then_some(id)
        }
    }
}
