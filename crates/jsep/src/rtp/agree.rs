//! What is agreed once there is an answer.

use alloc::vec::Vec;

use super::{ExtensionId, PayloadType, Rid, Role, RtpError, RtpParameters, rules};
use pollrtc_sdp::attribute::RidDirection;

/// What both sides agreed on for one section, as one of them sees it.
///
/// The codecs of both ways stand in the same order, that of the answer, so that those at the same
/// place are the same; their payload types mostly are too, but need not be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NegotiatedRtp {
    /// With what to send: payload types, parameters and ids as the other side wants to receive
    /// them (RFC 3264 §5.1). Simulcast with no streams means one stream: the first of those that
    /// were offered.
    pub send: RtpParameters,
    /// What comes in: as we said it.
    pub receive: RtpParameters,
}

impl NegotiatedRtp {
    /// The same as the other side sees it.
    #[must_use]
    pub fn reversed(self) -> Self {
        let reversed = |mut parameters: RtpParameters| {
            for rid in &mut parameters.rids {
                rid.direction = rid.direction.reversed();
            }
            for each in &mut parameters.header_extensions {
                each.extension.direction = each.extension.direction.reversed();
            }
            parameters.simulcast = parameters.simulcast.reversed();
            parameters
        };
        Self {
            send: reversed(self.receive),
            receive: reversed(self.send),
        }
    }

    /// The header extensions of either way.
    pub(super) fn extensions(&self) -> impl Iterator<Item = &ExtensionId> {
        let only_received = |each: &&ExtensionId| !each.extension.direction.sends();
        let received = self.receive.header_extensions.iter().filter(only_received);
        self.send.header_extensions.iter().chain(received)
    }
}

impl RtpParameters {
    /// What this offer and its answer agree on, as the offerer sees it;
    /// [`reversed`](NegotiatedRtp::reversed) for the answerer.
    ///
    /// What the answer has that was not offered does not count. An answer may have other payload
    /// types than the offer (RFC 3264 §6.1 only asks for the same): each side sends with those that
    /// the other has named.
    ///
    /// # Errors
    ///
    /// If they agree on no codec for media.
    pub fn accept(&self, answer: &RtpParameters) -> Result<NegotiatedRtp, RtpError> {
        let pairs = self.pairs(answer);
        if pairs.iter().all(|(ours, _)| ours.codec.role() != Role::Media) {
            return Err(RtpError::NoCommonCodec);
        }
        let ours_for = |payload_type: u8| {
            pairs
                .iter()
                .find(|(_, theirs)| theirs.payload_type == payload_type)
                .map(|(ours, _)| ours.payload_type)
        };
        let rids = self.accept_rids(answer, ours_for);
        let mut agreed = NegotiatedRtp::default();
        for (ours, theirs) in &pairs {
            let (sent, received) = agreed_codecs(ours, theirs);
            agreed.send.codecs.push(sent);
            agreed.receive.codecs.push(received);
        }
        for each in self.accept_extensions(answer) {
            if each.extension.direction.sends() {
                agreed.send.header_extensions.push(each.clone());
            }
            if each.extension.direction.receives() {
                agreed.receive.header_extensions.push(each);
            }
        }
        for side in [&mut agreed.send, &mut agreed.receive] {
            side.rtcp_rsize = self.rtcp_rsize && answer.rtcp_rsize;
            side.extmap_allow_mixed = self.extmap_allow_mixed && answer.extmap_allow_mixed;
        }
        agreed.send.simulcast.send = self.accept_streams(answer, &rids, RidDirection::Send);
        agreed.receive.simulcast.receive = self.accept_streams(answer, &rids, RidDirection::Recv);
        for rid in rids {
            self.agree_rid(rid, ours_for, &mut agreed);
        }
        Ok(agreed)
    }

    /// Sorts an answered stream to its way, with the payload types that count there.
    fn agree_rid(&self, answered: Rid, ours_for: impl Fn(u8) -> Option<u8>, agreed: &mut NegotiatedRtp) {
        let rid = Rid {
            direction: answered.direction.reversed(),
            ..answered
        };
        match rid.direction {
            // RFC 8853 §5.3.3: of layers that are not answered as such, there is only the first.
            RidDirection::Send if self.is_unused_layer(&rid, agreed) => {}
            RidDirection::Send => agreed.send.rids.push(rid),
            RidDirection::Recv => {
                let payload_types = rid.payload_types.iter().filter_map(|each| ours_for(*each)).collect();
                agreed.receive.rids.push(Rid { payload_types, ..rid });
            }
        }
    }

    fn is_unused_layer(&self, rid: &Rid, agreed: &NegotiatedRtp) -> bool {
        let mut others = self
            .simulcast
            .send
            .iter()
            .skip(1)
            .flat_map(|stream| &stream.alternatives);
        agreed.send.simulcast.send.is_empty() && others.any(|layer| layer.rid == rid.id)
    }

    /// Ours and theirs for each codec of the answer that was offered, in the answer's order. Each of
    /// ours counts once.
    fn pairs<'a>(&'a self, answer: &'a RtpParameters) -> Vec<(&'a PayloadType, &'a PayloadType)> {
        let mut found: Vec<(usize, &PayloadType, &PayloadType)> = Vec::new();
        // What refers to other payload types needs theirs first.
        for round in [Round::Plain, Round::Wraps, Round::Retransmits] {
            for (place, theirs) in answer.codecs.iter().enumerate() {
                if Round::of(theirs) != round {
                    continue;
                }
                let free = |ours: &&PayloadType| {
                    found
                        .iter()
                        .all(|(_, taken, _)| taken.payload_type != ours.payload_type)
                };
                let is_same =
                    |ours: &&PayloadType| ours.codec.matches(&theirs.codec) && refers_alike(ours, theirs, &found);
                let same_number = |ours: &&PayloadType| ours.payload_type == theirs.payload_type;
                let candidates = || self.codecs.iter().filter(free);
                let ours = candidates()
                    .find(|ours| same_number(ours) && is_same(ours))
                    .or_else(|| candidates().find(is_same));
                if let Some(ours) = ours {
                    found.push((place, ours, theirs));
                }
            }
        }
        found.sort_by_key(|(place, ..)| *place);
        found.into_iter().map(|(_, ours, theirs)| (ours, theirs)).collect()
    }
}

#[derive(PartialEq, Eq)]
enum Round {
    Plain,
    Wraps,
    Retransmits,
}

impl Round {
    fn of(each: &PayloadType) -> Self {
        match each.codec.role() {
            Role::Redundancy => Round::Wraps,
            Role::Retransmission => Round::Retransmits,
            _ => Round::Plain,
        }
    }
}

/// Whether ours refers to the same codecs as theirs, each by its own payload types.
fn refers_alike(ours: &PayloadType, theirs: &PayloadType, found: &[(usize, &PayloadType, &PayloadType)]) -> bool {
    let ours_for = |payload_type: u8| {
        found
            .iter()
            .find(|(_, _, each)| each.payload_type == payload_type)
            .map(|(_, each, _)| each.payload_type)
    };
    match Round::of(theirs) {
        Round::Plain => true,
        Round::Retransmits => ours.apt().is_some() && theirs.apt().and_then(ours_for) == ours.apt(),
        Round::Wraps => match (ours.red(), theirs.red()) {
            (Some(ours), Some(theirs)) => {
                let theirs: Option<Vec<u8>> = theirs.into_iter().map(ours_for).collect();
                theirs.as_ref() == Some(&ours)
            }
            _ => false,
        },
    }
}

/// How we send and how we receive: each as its receiver has said, with the feedback of both.
fn agreed_codecs(ours: &PayloadType, theirs: &PayloadType) -> (PayloadType, PayloadType) {
    let (mut sent, mut received) = (theirs.clone(), ours.clone());
    sent.codec.parameters = rules::agreed(&theirs.codec, &ours.codec);
    received.codec.parameters = rules::agreed(&ours.codec, &theirs.codec);
    received
        .codec
        .feedback
        .retain(|kind| theirs.codec.feedback.contains(kind));
    sent.codec.feedback.clone_from(&received.codec.feedback);
    (sent, received)
}
