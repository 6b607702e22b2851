//! Whether the application should make an offer (W3C WebRTC §4.7.3).

use super::section::{AgreedRtp, AgreedSection};
use super::state::{DataWish, Exchange};
use super::{Negotiator, Transceiver};

impl Negotiator {
    /// Whether what the application wants differs from what is agreed, so that an offer is due. Only
    /// between exchanges: during one it says no.
    pub fn negotiation_needed(&self) -> bool {
        if self.exchange != Exchange::None {
            return false;
        }
        let sections = &self.agreed.sections;
        let restarts = !self.restart.is_empty();
        let data = sections.iter().any(|section| section.data().is_some());
        let data_differs = match self.data {
            DataWish::Wanted => !data,
            DataWish::Stopping => data,
            DataWish::Unasked => false,
        };
        // A section whose transceiver is gone is to be rejected.
        let orphaned = |section: &AgreedSection| {
            let rtp = section.rtp().filter(|_| section.rejected.is_none());
            rtp.is_some_and(|rtp| self.transceiver(rtp.transceiver).is_none())
        };
        restarts
            || data_differs
            || self.transceivers.iter().any(|transceiver| self.differs(transceiver))
            || sections.iter().any(orphaned)
    }

    fn differs(&self, transceiver: &Transceiver) -> bool {
        if transceiver.stopped {
            return true;
        }
        let section = transceiver
            .negotiated
            .section
            .and_then(|index| self.agreed.sections.get(index));
        let Some(rtp) = section.and_then(AgreedSection::rtp) else {
            return true;
        };
        let streams = transceiver.direction.sends() && rtp.streams.as_ref() != Some(&transceiver.streams);
        streams || direction_differs(transceiver, rtp)
    }
}

/// What we offered must be what we want; what we answered, as much of it as the offer allows.
fn direction_differs(transceiver: &Transceiver, rtp: &AgreedRtp) -> bool {
    match rtp.offered {
        Some(offered) => offered != transceiver.direction,
        None => match rtp.peer_offered {
            Some(peer) => rtp.direction != transceiver.direction.intersect(peer.reversed()),
            None => false,
        },
    }
}
