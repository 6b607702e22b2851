//! What a description changes: the difference between before and after.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_sdp::attribute::OwnedCandidate;

use super::section::{LocalSection, each_once};
use super::state::{Agreed, DataWish, Exchange};
use super::{
    Negotiator, RejectReason, SignalingState, Transceiver, TransceiverId, Transport, TransportId, TransportKey,
};

/// Something that a description or a candidate brings about, to be done by the caller.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// Negotiation stands elsewhere.
    SignalingState(SignalingState),
    /// A description of ours has new credentials: gather candidates for them (RFC 9429 §5.9).
    Gather(TransportKey),
    /// A transport was agreed on, or what was agreed on has changed otherwise than in candidates.
    Transport {
        /// The transport as it is now.
        transport: Transport,
        /// Whether ICE starts or restarts: one side has other credentials than before.
        ice_restarted: bool,
        /// Whether DTLS starts or starts anew.
        new_association: bool,
    },
    /// The peer has told more candidates of a transport that was agreed on.
    RemoteCandidates {
        /// The transport that they belong to.
        transport: TransportId,
        /// The new candidates.
        candidates: Vec<OwnedCandidate>,
        /// Whether no more come.
        end_of_candidates: bool,
    },
    /// Nothing needs this transport any more.
    TransportClosed(TransportId),
    /// Data channels are agreed on, or what was agreed on has changed.
    DataChannels(DataChannels),
    /// There are no data channels any more, or the peer wants none.
    DataChannelsClosed,
    /// A section is rejected.
    SectionRejected {
        /// The section's index, from zero.
        section: usize,
        /// The section's mid.
        mid: String,
        /// The reason.
        reason: RejectReason,
    },
    /// Media in a section is not taken, but the section stays, without any: it is bundled with
    /// something that is taken.
    SectionIdle {
        /// The section's index, from zero.
        section: usize,
        /// The section's mid.
        mid: String,
        /// Why the media is not taken.
        reason: RejectReason,
    },
    /// The peer's offer has made a transceiver.
    TransceiverAdded(TransceiverId),
    /// Mid, current direction or parameters of a transceiver have changed.
    TransceiverChanged(TransceiverId),
    /// A transceiver is gone: stopped, rejected, or rolled back.
    TransceiverRemoved(TransceiverId),
    /// The peer sends in this transceiver from now on, or in other streams.
    TrackAdded {
        /// The transceiver that the track belongs to.
        transceiver: TransceiverId,
        /// The streams that it belongs to.
        streams: Vec<String>,
    },
    /// The peer does not send in this transceiver any more.
    TrackRemoved(TransceiverId),
}

/// Data channels as agreed (RFC 8841).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataChannels {
    /// Over which transport.
    pub transport: TransportId,
    /// Index of their section.
    pub section: usize,
    /// Our SCTP port.
    pub local_port: u16,
    /// The peer's SCTP port; another than before is another association (RFC 9429 §5.11).
    pub remote_port: u16,
    /// The largest message that the peer takes, in bytes; `None` has no bound.
    pub max_message_size: Option<u64>,
}

/// What has to happen to get from one state to the other.
pub(super) fn between(before: &Negotiator, after: &Negotiator) -> Vec<Effect> {
    let mut effects = Vec::new();
    if before.signaling_state() != after.signaling_state() {
        effects.push(Effect::SignalingState(after.signaling_state()));
    }
    transceivers(before, after, &mut effects);
    rejected_sections(before.in_force(), after.in_force(), &mut effects);
    idle_sections(before.in_force(), after.in_force(), &mut effects);
    let (old, new) = (before.keys(), after.keys());
    let gathered = new.iter().filter(|key| old.binary_search(key).is_err());
    effects.extend(gathered.copied().map(Effect::Gather));
    transports(before, after, &mut effects);
    // Only a final answer releases what was offered or used before (RFC 9429 §4.1.10, §5.11).
    let is_alive = |id| new.binary_search_by_key(&id, |key| key.transport).is_ok();
    let mut closed: Vec<TransportId> = old.iter().map(|key| key.transport).collect();
    closed.dedup();
    closed.retain(|id| !is_alive(*id));
    effects.extend(closed.into_iter().map(Effect::TransportClosed));
    data_channels(before, after, &mut effects);
    effects
}

fn transceivers(before: &Negotiator, after: &Negotiator, effects: &mut Vec<Effect>) {
    let by_id = |negotiator: &Negotiator| -> BTreeMap<TransceiverId, usize> {
        let all = negotiator.transceivers.iter().enumerate();
        all.map(|(index, transceiver)| (transceiver.id, index)).collect()
    };
    let (old_ids, new_ids) = (by_id(before), by_id(after));
    for old in &before.transceivers {
        if !new_ids.contains_key(&old.id) {
            if old.negotiated.receiving {
                effects.push(Effect::TrackRemoved(old.id));
            }
            effects.push(Effect::TransceiverRemoved(old.id));
        }
    }
    for new in &after.transceivers {
        let old = old_ids.get(&new.id).and_then(|index| before.transceivers.get(*index));
        match old {
            None => effects.push(Effect::TransceiverAdded(new.id)),
            Some(old) if has_changed(old, new) => effects.push(Effect::TransceiverChanged(new.id)),
            Some(_) => {}
        }
        let received = old.filter(|old| old.negotiated.receiving);
        let streams = &new.negotiated.remote_streams;
        if new.negotiated.receiving && received.is_none_or(|old| old.negotiated.remote_streams != *streams) {
            effects.push(Effect::TrackAdded {
                transceiver: new.id,
                streams: streams.clone(),
            });
        } else if !new.negotiated.receiving && received.is_some() {
            effects.push(Effect::TrackRemoved(new.id));
        }
    }
}

fn has_changed(old: &Transceiver, new: &Transceiver) -> bool {
    let (old, new) = (&old.negotiated, &new.negotiated);
    old.mid != new.mid || old.current_direction != new.current_direction || old.parameters != new.parameters
}

fn rejected_sections(before: &Agreed, after: &Agreed, effects: &mut Vec<Effect>) {
    for (index, section) in after.sections.iter().enumerate() {
        let known = before.sections.get(index);
        let was = known.filter(|known| known.rejected.is_some() && known.mid == section.mid);
        if let (Some(reason), None) = (section.rejected, was) {
            effects.push(Effect::SectionRejected {
                section: index,
                mid: section.mid.clone(),
                reason,
            });
        }
    }
}

fn idle_sections(before: &Agreed, after: &Agreed, effects: &mut Vec<Effect>) {
    for (index, section) in after.sections.iter().enumerate() {
        let known = before.sections.get(index);
        let was = known.filter(|known| known.idle().is_some() && known.mid == section.mid);
        if let (Some(idle), None) = (section.idle(), was) {
            effects.push(Effect::SectionIdle {
                section: index,
                mid: section.mid.clone(),
                reason: idle.reason,
            });
        }
    }
}

fn transports(before: &Negotiator, after: &Negotiator, effects: &mut Vec<Effect>) {
    let old = before.transports_in_force();
    for (id, new) in after.transports_in_force() {
        let known = old.get(&id);
        let unchanged = known.filter(|known| known.is_same_but_for_candidates(new));
        let Some(known) = unchanged else {
            let restarted = |known: &&Transport| {
                known.key.generation != new.key.generation || known.remote.differs_in_credentials(&new.remote)
            };
            let anew = |known: &&Transport| {
                let numbers = |transport: &Transport| (transport.association, transport.handshake);
                numbers(known) != numbers(new) || known.remote.differs_in_association(&new.remote)
            };
            effects.push(Effect::Transport {
                transport: new.clone(),
                ice_restarted: known.is_none_or(restarted),
                new_association: known.is_none_or(anew),
            });
            continue;
        };
        let told: BTreeSet<&OwnedCandidate> = known.remote.candidates.iter().collect();
        let candidates = new
            .remote
            .candidates
            .iter()
            .filter(|candidate| !told.contains(candidate));
        let candidates: Vec<OwnedCandidate> = candidates.cloned().collect();
        let ends = new.remote.end_of_candidates && !known.remote.end_of_candidates;
        if !candidates.is_empty() || ends {
            effects.push(Effect::RemoteCandidates {
                transport: id,
                candidates,
                end_of_candidates: new.remote.end_of_candidates,
            });
        }
    }
}

fn data_channels(before: &Negotiator, after: &Negotiator, effects: &mut Vec<Effect>) {
    let (old, new) = (before.in_force().data_channels(), after.in_force().data_channels());
    match new {
        Some(new) if old.as_ref() != Some(&new) => effects.push(Effect::DataChannels(new)),
        None if old.is_some() => effects.push(Effect::DataChannelsClosed),
        // Wanted, and refused.
        None if before.data != DataWish::Unasked && after.data == DataWish::Unasked => {
            effects.push(Effect::DataChannelsClosed);
        }
        _ => {}
    }
}

impl Agreed {
    pub(super) fn data_channels(&self) -> Option<DataChannels> {
        self.sections.iter().enumerate().find_map(|(index, section)| {
            let data = section.data()?;
            Some(DataChannels {
                transport: section.transport?,
                section: index,
                local_port: data.local_port,
                remote_port: data.remote_port,
                max_message_size: data.max_message_size,
            })
        })
    }
}

impl Negotiator {
    /// The data channels of the last exchange, or of the provisional answer that holds now.
    pub fn data_channels(&self) -> Option<DataChannels> {
        self.in_force().data_channels()
    }

    fn transports_in_force(&self) -> BTreeMap<TransportId, &Transport> {
        let agreed = self.agreed.transports.iter();
        let in_force = self.in_force().transports.iter();
        agreed
            .chain(in_force)
            .map(|(id, transport)| (*id, transport.as_ref()))
            .collect()
    }

    /// The credentials that our descriptions name, in order.
    pub(super) fn keys(&self) -> Vec<TransportKey> {
        if self.exchange == Exchange::Closed {
            return Vec::new();
        }
        let agreed = self.agreed.transports.values().map(|transport| transport.key);
        let pending = self.pending_form().into_iter().flat_map(|form| &form.sections);
        each_once(agreed.chain(pending.filter_map(LocalSection::key)))
    }
}
