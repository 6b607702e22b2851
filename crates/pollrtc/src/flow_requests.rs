//! What several machines ask of streams, under numbers that they share: a connection's agents, and a router's
//! connections.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use pollrtc_core::{FlowRequest, RequestId};

/// Requests that are not answered yet.
#[derive(Debug)]
pub(crate) struct FlowRequests<Owner> {
    /// Whose they are, and how their owner calls them, by the number that the caller knows.
    waiting: BTreeMap<RequestId, (Owner, RequestId)>,
    next: u64,
}

impl<Owner: Copy + PartialEq> FlowRequests<Owner> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            next: 0,
        }
    }

    /// The request of one of them under a number of ours. `None` if it takes back what it has not asked for.
    pub(crate) fn ask(&mut self, owner: Owner, mut request: FlowRequest) -> Option<FlowRequest> {
        match &mut request {
            FlowRequest::Open { id, .. } => {
                let ours = RequestId(self.next);
                self.next += 1;
                self.waiting.insert(ours, (owner, *id));
                *id = ours;
            }
            FlowRequest::Cancel(id) => {
                let asked = (owner, *id);
                let mut waiting = self.waiting.iter();
                let ours = waiting.find_map(|(ours, theirs)| (*theirs == asked).then_some(*ours))?;
                self.waiting.remove(&ours);
                *id = ours;
            }
            // What names a flow means the same for all.
            _ => {}
        }
        Some(request)
    }

    /// A request is answered: whose it was, and how its owner calls it.
    pub(crate) fn answer(&mut self, ours: RequestId) -> Option<(Owner, RequestId)> {
        self.waiting.remove(&ours)
    }

    /// Forgets what one of them has asked for, and gives the numbers that the caller knows.
    pub(crate) fn forget(&mut self, owner: Owner) -> Vec<RequestId> {
        let mut forgotten = Vec::new();
        self.waiting.retain(|ours, (asked, _)| {
            if *asked == owner {
                forgotten.push(*ours);
            }
            *asked != owner
        });
        forgotten
    }
}
