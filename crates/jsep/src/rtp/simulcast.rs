//! Simulcast in offers and answers: which layers are offered, kept and agreed on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::layers::{Layer, Rid, Simulcast, SimulcastStream};
use super::parameters::RtpParameters;
use pollrtc_sdp::attribute::RidDirection;

const DIRECTIONS: [RidDirection; 2] = [RidDirection::Send, RidDirection::Recv];

impl RtpParameters {
    /// Adds layers to this offer (RFC 9429 §5.2.1): `a=rid` for each that has none yet, and
    /// `a=simulcast` if there is more than one in a direction.
    pub fn offer_simulcast(&mut self, simulcast: Simulcast) {
        for direction in DIRECTIONS {
            let streams = simulcast.streams(direction);
            for layer in streams.iter().flat_map(|stream| &stream.alternatives) {
                if self.rids.iter().all(|rid| rid.id != layer.rid) {
                    self.rids.push(Rid::new(&layer.rid, direction));
                }
            }
            if streams.iter().flat_map(|stream| &stream.alternatives).count() > 1 {
                *self.simulcast.streams_mut(direction) = streams.to_vec();
            }
        }
    }

    /// Adds to this answer the layers of the offer that `keep` wants, in the other direction
    /// (RFC 8851 §6.3, RFC 8853 §5.3.2); `keep` is asked with the direction as we see it. Nothing
    /// is ever added that was not offered.
    ///
    /// Streams that we would have to send with restrictions that nobody has defined are left out.
    pub fn answer_simulcast(&mut self, offer: &RtpParameters, keep: impl Fn(RidDirection, &str) -> bool) {
        self.rids = offer
            .rids
            .iter()
            .filter(|rid| keep(rid.direction.reversed(), &rid.id))
            .filter_map(|rid| self.answer_rid(rid))
            .collect();
        drop_broken_dependencies(&mut self.rids);
        // RFC 8853 §5.3.2: no pauses if the offer knows none.
        let pause = offer.can_pause() && self.can_pause();
        let offered = offer.simulcast.clone().reversed();
        for direction in DIRECTIONS {
            let mut streams = offered.streams(direction).to_vec();
            for stream in &mut streams {
                stream.alternatives.retain(|layer| self.has_rid(&layer.rid, direction));
                for layer in &mut stream.alternatives {
                    layer.paused &= pause;
                }
            }
            streams.retain(|stream| !stream.alternatives.is_empty());
            *self.simulcast.streams_mut(direction) = streams;
        }
    }

    fn answer_rid(&self, offered: &Rid) -> Option<Rid> {
        let mut answer = Rid {
            direction: offered.direction.reversed(),
            ..offered.clone()
        };
        answer
            .payload_types
            .retain(|payload_type| self.codec(*payload_type).is_some());
        let none_left = answer.payload_types.is_empty() && !offered.payload_types.is_empty();
        // RFC 8851 §6.2.2: who sends has to understand all restrictions, who receives need not.
        let sends = answer.direction == RidDirection::Send;
        let understood = answer.restrictions.iter().all(|(name, _)| is_known_restriction(name));
        (!none_left && (understood || !sends)).then_some(answer)
    }

    fn has_rid(&self, id: &str, direction: RidDirection) -> bool {
        self.rids.iter().any(|rid| rid.id == id && rid.direction == direction)
    }

    /// The rids of this offer that the answer keeps, as the answer has them (RFC 8851 §6.4), with
    /// the answer's payload types. `payload_type` tells ours for one of the answer's.
    pub(super) fn accept_rids(&self, answer: &RtpParameters, payload_type: impl Fn(u8) -> Option<u8>) -> Vec<Rid> {
        let mut accepted: Vec<Rid> = Vec::new();
        for answered in &answer.rids {
            let offered = self
                .rids
                .iter()
                .find(|rid| rid.id == answered.id && rid.direction == answered.direction.reversed());
            let Some(offered) = offered else { continue };
            let unlisted = answered
                .payload_types
                .iter()
                .any(|theirs| payload_type(*theirs).is_none_or(|ours| !offered.payload_types.contains(&ours)));
            let restricts = answered
                .restrictions
                .iter()
                .all(|(name, value)| restricts_more(offered, name, value.as_deref()));
            if !unlisted && restricts && accepted.iter().all(|rid| rid.id != answered.id) {
                accepted.push(answered.clone());
            }
        }
        accepted
    }

    /// The streams in one direction, seen from here, that offer and answer have in common.
    pub(super) fn accept_streams(
        &self,
        answer: &RtpParameters,
        rids: &[Rid],
        direction: RidDirection,
    ) -> Vec<SimulcastStream> {
        let offered = self.simulcast.streams(direction);
        let is_offered = |layer: &Layer| {
            let mut alternatives = offered.iter().flat_map(|stream| &stream.alternatives);
            alternatives.any(|each| each.rid == layer.rid) && rids.iter().any(|rid| rid.id == layer.rid)
        };
        let mut streams = answer.simulcast.streams(direction.reversed()).to_vec();
        for stream in &mut streams {
            stream.alternatives.retain(is_offered);
        }
        streams.retain(|stream| !stream.alternatives.is_empty());
        streams
    }
}

/// RFC 8851 §6.2.2, §5: what depends on a stream that is not there is not there either.
pub(super) fn drop_broken_dependencies(rids: &mut Vec<Rid>) {
    let ids = rids.iter().enumerate().map(|(place, rid)| (rid.id.as_str(), place));
    let places: BTreeMap<&str, usize> = ids.collect();
    let mut dependents = alloc::vec![Vec::new(); rids.len()];
    let mut broken = Vec::new();
    for (place, rid) in rids.iter().enumerate() {
        for id in rid.dependencies() {
            match places.get(id).and_then(|needed| dependents.get_mut(*needed)) {
                Some(dependents) => dependents.push(place),
                None => broken.push(place),
            }
        }
    }
    let mut stays = alloc::vec![true; rids.len()];
    while let Some(place) = broken.pop() {
        if let Some(slot @ true) = stays.get_mut(place) {
            *slot = false;
            broken.extend(dependents.get(place).into_iter().flatten());
        }
    }
    let mut stays = stays.into_iter();
    rids.retain(|_| stays.next() == Some(true));
}

/// RFC 8851 §5.
fn is_known_restriction(name: &str) -> bool {
    matches!(
        name,
        "max-width" | "max-height" | "max-fps" | "max-fs" | "max-br" | "max-pps" | "max-bpp" | "depend"
    )
}

/// RFC 8851 §6.4: the answer has no restriction of its own, and none that is looser than ours.
fn restricts_more(offered: &Rid, name: &str, answered: Option<&str>) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    match (offered.restriction(name).map(Option::as_deref), answered) {
        (None, _) => false,
        (Some(None), _) => true,
        (Some(Some(ours)), Some(theirs)) => {
            ours == theirs
                || number(theirs)
                    .zip(number(ours))
                    .is_some_and(|(theirs, ours)| theirs <= ours)
        }
        (Some(Some(_)), None) => false,
    }
}
