//! What a caller knows who has seen nothing but the effects: it must be what the negotiator says.

use std::collections::{BTreeMap, BTreeSet};

use pollrtc_jsep::{
    DataChannels, Effect, Negotiator, SignalingState, Transceiver, TransceiverId, Transport, TransportId, TransportKey,
};

use crate::check;

#[derive(Clone, Debug, Default)]
pub(crate) struct Mirror {
    state: SignalingState,
    keys: BTreeSet<TransportKey>,
    closed: BTreeSet<TransportId>,
    transports: BTreeMap<TransportId, Transport>,
    data: Option<DataChannels>,
    transceivers: BTreeMap<TransceiverId, Transceiver>,
    tracks: BTreeMap<TransceiverId, Vec<String>>,
}

impl Mirror {
    /// Follows the effects of one call, whose result is `negotiator`.
    pub(crate) fn follow(&mut self, effects: &[Effect], negotiator: &Negotiator) -> Result<(), String> {
        let mut changed = BTreeSet::new();
        for effect in effects {
            match effect {
                Effect::SignalingState(state) => {
                    check!(*state != self.state, "{state} is announced again");
                    self.state = *state;
                }
                Effect::Gather(key) => check!(self.keys.insert(*key), "{key:?} is gathered for twice"),
                Effect::Transport { transport, .. } => {
                    self.transports.insert(transport.key.transport, transport.clone());
                }
                Effect::RemoteCandidates {
                    transport, candidates, ..
                } => {
                    let known = self.transports.get_mut(transport).ok_or("candidates of no transport")?;
                    known.remote.candidates.extend(candidates.iter().cloned());
                }
                Effect::TransportClosed(id) => {
                    let known = self.keys.iter().any(|key| key.transport == *id);
                    check!(known, "transport {id} is closed and was never open");
                    check!(self.closed.insert(*id), "transport {id} is closed twice");
                    self.keys.retain(|key| key.transport != *id);
                    self.transports.remove(id);
                }
                Effect::DataChannels(data) => self.data = Some(data.clone()),
                Effect::DataChannelsClosed => self.data = None,
                Effect::TransceiverAdded(id) => {
                    check!(!self.transceivers.contains_key(id), "{id:?} is added twice");
                    let added = negotiator
                        .transceiver(*id)
                        .ok_or("a transceiver is added that is none")?;
                    self.transceivers.insert(*id, added.clone());
                }
                Effect::TransceiverChanged(id) => {
                    changed.insert(*id);
                }
                Effect::TransceiverRemoved(id) => {
                    check!(
                        self.transceivers.remove(id).is_some(),
                        "{id:?} is removed that was none"
                    );
                }
                Effect::TrackAdded { transceiver, streams } => {
                    let known = self.tracks.insert(*transceiver, streams.clone());
                    check!(
                        known.as_ref() != Some(streams),
                        "the track of {transceiver:?} is added again"
                    );
                }
                Effect::TrackRemoved(id) => {
                    check!(
                        self.tracks.remove(id).is_some(),
                        "the track of {id:?} is removed that was none"
                    );
                }
                Effect::SectionRejected { .. } => {}
                other => return Err(format!("an effect that nobody knows: {other:?}")),
            }
        }
        self.compare(&changed, negotiator)?;
        // Generations that were replaced or rolled back just go.
        self.keys = negotiator.live_keys().collect();
        self.catch_up(negotiator);
        Ok(())
    }

    /// What the application did itself: it knows.
    pub(crate) fn catch_up(&mut self, negotiator: &Negotiator) {
        let all = negotiator.transceivers().iter();
        self.transceivers = all.map(|each| (each.id(), each.clone())).collect();
    }

    fn compare(&self, changed: &BTreeSet<TransceiverId>, negotiator: &Negotiator) -> Result<(), String> {
        check!(
            self.state == negotiator.signaling_state(),
            "the signaling state has changed without effect"
        );
        for key in negotiator.live_keys() {
            check!(self.keys.contains(&key), "{key:?} is in use without effect");
            check!(
                !self.closed.contains(&key.transport),
                "transport {} is used after it was closed",
                key.transport
            );
        }
        let provisional = matches!(
            self.state,
            SignalingState::HaveLocalPrAnswer | SignalingState::HaveRemotePrAnswer
        );
        if !provisional {
            let agreed: BTreeMap<_, _> = negotiator
                .transports()
                .map(|each| (each.key.transport, each.clone()))
                .collect();
            check!(
                self.transports == agreed,
                "transports differ from their effects: {:?} {agreed:?}",
                self.transports
            );
        }
        check!(
            self.data == negotiator.data_channels(),
            "data channels differ from their effects"
        );
        let ids: Vec<_> = negotiator.transceivers().iter().map(Transceiver::id).collect();
        check!(
            self.transceivers.keys().copied().eq(ids.iter().copied()),
            "transceivers differ from their effects"
        );
        for transceiver in negotiator.transceivers() {
            let id = transceiver.id();
            let known = self.transceivers.get(&id).ok_or("a transceiver without effect")?;
            let same = known.mid() == transceiver.mid()
                && known.current_direction() == transceiver.current_direction()
                && known.parameters() == transceiver.parameters();
            check!(same || changed.contains(&id), "{id:?} has changed without effect");
            check!(
                transceiver.is_receiving() == self.tracks.contains_key(&id),
                "the track of {id:?} has no effect"
            );
            let streams = self.tracks.get(&id).map_or(&[][..], Vec::as_slice);
            check!(
                streams == transceiver.remote_streams(),
                "the streams of {id:?} have no effect"
            );
        }
        Ok(())
    }
}
