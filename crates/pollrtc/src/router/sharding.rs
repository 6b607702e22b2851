//! Several routers behind one address, one for each thread: what comes to the wrong one is handed on as a value.
//!
//! The kernel spreads datagrams over the sockets of one port by their addresses, and knows nothing of ufrags. A check
//! names the router that it is for in the first characters of the ufrag that it asks for. What follows by the same flow
//! names nobody, so that a router remembers which flows are another one's.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use pollrtc_core::{Datagram, Ecn, Flow, Instant};

use super::routes::{FlowKey, Table};
use crate::router_id::RouterId;

/// How many flows of other routers are remembered.
const FLOWS: usize = 16_384;
/// How many bytes wait to be handed on.
const WAITING_BYTES: usize = 1024 * 1024;
/// What a waiting datagram takes besides its bytes.
const OVERHEAD: usize = 64;

/// A datagram that owns its bytes, to be sent to another thread.
///
/// ```
/// use pollrtc::{Datagram, OwnedDatagram};
///
/// let mut bytes = *b"hello";
/// let mut owned = OwnedDatagram::copy_of(&Datagram::udp("192.0.2.1:5000".parse().unwrap(), &mut bytes));
/// assert_eq!(owned.as_datagram().payload, b"hello");
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OwnedDatagram {
    /// The way that it came by.
    pub flow: Flow,
    /// Its ECN mark.
    pub ecn: Option<Ecn>,
    /// When it arrived, if the system told.
    pub arrived: Option<Instant>,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl OwnedDatagram {
    /// A copy of a datagram.
    pub fn copy_of(datagram: &Datagram<'_>) -> Self {
        Self {
            flow: datagram.flow,
            ecn: datagram.ecn,
            arrived: datagram.arrived,
            payload: datagram.payload.to_vec(),
        }
    }

    /// The datagram, to be handled.
    pub fn as_datagram(&mut self) -> Datagram<'_> {
        Datagram::new(self.flow, &mut self.payload)
            .with_ecn(self.ecn)
            .arrived_at(self.arrived)
    }
}

/// What belongs to other routers.
#[derive(Debug, Default)]
pub(super) struct Misdirected {
    by_flow: Table<FlowKey, Shard>,
    /// The keys of `by_flow`, the oldest first.
    flows: VecDeque<FlowKey>,
    waiting: VecDeque<(RouterId, OwnedDatagram)>,
    waiting_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Shard {
    router: RouterId,
    /// Whether something came by the flow since it was remembered or spared.
    is_used: bool,
}

impl Misdirected {
    /// Whose flow this is, of other routers.
    pub(super) fn owner(&mut self, flow: Flow) -> Option<RouterId> {
        let shard = self.by_flow.get_mut(&FlowKey(flow))?;
        shard.is_used = true;
        Some(shard.router)
    }

    /// A check by this flow has asked for a peer of that router. Anybody can write one: of very many flows those
    /// are forgotten that nothing else came by.
    pub(super) fn learn(&mut self, flow: Flow, router: RouterId) {
        let key = FlowKey(flow);
        let shard = Shard { router, is_used: false };
        if let Some(known) = self.by_flow.get_mut(&key) {
            known.router = router;
            return;
        }
        while self.flows.len() >= FLOWS {
            let Some(oldest) = self.flows.pop_front() else { break };
            match self.by_flow.get_mut(&oldest) {
                Some(shard) if shard.is_used => {
                    shard.is_used = false;
                    self.flows.push_back(oldest);
                }
                _ => drop(self.by_flow.remove(&oldest)),
            }
        }
        self.by_flow.insert(key, shard);
        self.flows.push_back(key);
    }

    /// A datagram is to be handed on; false if too many wait.
    pub(super) fn push(&mut self, router: RouterId, datagram: &Datagram<'_>) -> bool {
        let bytes = datagram.payload.len() + OVERHEAD;
        if self.waiting_bytes + bytes > WAITING_BYTES {
            return false;
        }
        self.waiting_bytes += bytes;
        self.waiting.push_back((router, OwnedDatagram::copy_of(datagram)));
        true
    }

    pub(super) fn pop(&mut self) -> Option<(RouterId, OwnedDatagram)> {
        let (router, datagram) = self.waiting.pop_front()?;
        self.waiting_bytes -= datagram.payload.len() + OVERHEAD;
        Some((router, datagram))
    }
}
