//! Descriptions are created and take effect (RFC 9429 §5.5 to §5.11); all or nothing.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::agree::{Exchanged, Offerer};
use super::description::{Description, SdpKind, Secret, SignalingState};
use super::effect::{self, Effect};
use super::read::RemoteDescription;
use super::section::{AgreedContent, LocalForm, LocalSection};
use super::state::{Agreed, Before, Created, Current, DataWish, Exchange, Provisional};
use super::transceiver::{Negotiated, Origin};
use super::transport::{CertificateHash, HashFunction, LocalTransport, TransportKey};
use super::{Deviation, NegotiationError, Negotiator, TransceiverInit};
use crate::rtp::{MediaKind, RtpSources};
use pollrtc_sdp::Profile;
use pollrtc_sdp::attribute::Direction;

impl Negotiator {
    /// An offer with all that is wanted and known now (RFC 9429 §5.2). Set it, then send it.
    ///
    /// `transport` tells what ICE and DTLS have for each key; it is asked once for each.
    ///
    /// # Errors
    ///
    /// If the peer's offer waits for an answer, the connection is closed, or `transport` gives
    /// credentials or candidates that can't be written.
    pub fn create_offer(
        &mut self,
        transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Description, NegotiationError> {
        match self.signaling_state() {
            SignalingState::Stable | SignalingState::HaveLocalOffer => {}
            _ => return Err(self.wrong_state("create an offer")),
        }
        let form = self.offer_form();
        let created = self.create(SdpKind::Offer, form, self.created_offer.as_ref(), transport)?;
        self.version = created.form.version;
        let sdp = created.text.0.clone();
        self.created_offer = Some(created);
        Ok(Description::offer(sdp))
    }

    /// The answer to the offer that was set (RFC 9429 §5.3); provisional, if you set it as that. Set
    /// it, then send it.
    ///
    /// # Errors
    ///
    /// If there is no offer to answer, or `transport` gives credentials or candidates that can't be
    /// written.
    pub fn create_answer(
        &mut self,
        transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Description, NegotiationError> {
        let form = self.answer_form()?;
        let created = self.create(SdpKind::Answer, form, self.created_answer.as_ref(), transport)?;
        self.version = created.form.version;
        let sdp = created.text.0.clone();
        self.created_answer = Some(created);
        Ok(Description::answer(sdp))
    }

    /// RFC 9429 §5.2.2: the version grows with each description that differs from the one created
    /// before, and none is used twice, also after a rollback.
    fn create(
        &self,
        kind: SdpKind,
        mut form: LocalForm,
        last: Option<&Created>,
        mut transport: impl FnMut(TransportKey) -> LocalTransport,
    ) -> Result<Created, NegotiationError> {
        if let Some(last) = form.last.as_mut().filter(|last| last.local.is_none()) {
            last.local = Some(LocalTransport {
                candidates: Vec::new(),
                end_of_candidates: false,
                ..transport(last.key)
            });
        }
        if let Some(last) = last.filter(|last| last.form.version == self.version) {
            form.version = self.version;
            if *last.form == form {
                let text = Secret(self.written(kind, &form, &mut transport)?.sdp);
                if text == last.text {
                    return Ok(last.clone());
                }
            }
        }
        form.version = self.version.saturating_add(1);
        let text = Secret(self.written(kind, &form, transport)?.sdp);
        let form = Arc::new(form);
        Ok(Created { form, text })
    }

    /// A description of ours takes effect, as it was created (RFC 9429 §5.5).
    ///
    /// A provisional answer is an answer that was created, set with [`SdpKind::PrAnswer`].
    ///
    /// # Errors
    ///
    /// If it does not fit into the state of negotiation, or is not what was created last.
    pub fn set_local(&mut self, description: &Description) -> Result<Vec<Effect>, NegotiationError> {
        if description.kind == SdpKind::Rollback {
            return self.roll_back(description);
        }
        self.apply(|next| next.take_local(description))
    }

    /// The peer's description takes effect (RFC 9429 §5.6).
    ///
    /// An offer that comes while one of ours waits is refused: that is glare. Use
    /// [`set_remote_yielding`](Self::set_remote_yielding) if this side is to give way.
    ///
    /// # Errors
    ///
    /// If it is malformed, does not fit into the state of negotiation, or asks for what can't be.
    pub fn set_remote(&mut self, description: &Description) -> Result<Vec<Effect>, NegotiationError> {
        if description.kind == SdpKind::Rollback {
            return self.roll_back(description);
        }
        self.apply(|next| next.take_remote(description))
    }

    /// As [`set_remote`](Self::set_remote), but an offer of the peer's has precedence over one of
    /// ours, which is rolled back in the same step: the polite side of "perfect negotiation" (W3C
    /// WebRTC §10.7). The other side ignores the offer that collides with its own.
    ///
    /// # Errors
    ///
    /// As [`set_remote`](Self::set_remote); our offer still waits then.
    pub fn set_remote_yielding(&mut self, description: &Description) -> Result<Vec<Effect>, NegotiationError> {
        if description.kind != SdpKind::Offer || self.signaling_state() != SignalingState::HaveLocalOffer {
            return self.set_remote(description);
        }
        self.apply(|next| {
            next.abandon();
            next.take_remote(description)
        })
    }

    /// RFC 9429 §5.7: from every state but stable, and the same on both sides.
    fn roll_back(&mut self, description: &Description) -> Result<Vec<Effect>, NegotiationError> {
        if !description.sdp.is_empty() {
            return Err(NegotiationError::RollbackWithText);
        }
        match self.exchange {
            Exchange::None | Exchange::Closed => Err(self.wrong_state("roll back")),
            _ => self.apply(|next| {
                next.abandon();
                Ok(())
            }),
        }
    }

    /// Changes a copy, so that an error changes nothing (RFC 9429 §5.9, §5.10).
    pub(super) fn apply(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), NegotiationError>,
    ) -> Result<Vec<Effect>, NegotiationError> {
        let mut next = self.clone();
        change(&mut next)?;
        let effects = effect::between(self, &next);
        *self = next;
        Ok(effects)
    }

    fn take_local(&mut self, description: &Description) -> Result<(), NegotiationError> {
        let kind = description.kind;
        let state = self.signaling_state();
        let (fits, action, created) = match kind {
            SdpKind::Offer => (
                matches!(state, SignalingState::Stable | SignalingState::HaveLocalOffer),
                "set a local offer",
                &self.created_offer,
            ),
            SdpKind::PrAnswer => (
                matches!(
                    state,
                    SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPrAnswer
                ),
                "set a local provisional answer",
                &self.created_answer,
            ),
            _ => (
                matches!(
                    state,
                    SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPrAnswer
                ),
                "set a local answer",
                &self.created_answer,
            ),
        };
        if !fits {
            return Err(self.wrong_state(action));
        }
        let created = created.as_ref().filter(|created| created.text.0 == description.sdp);
        let form = created.ok_or(NegotiationError::Modified { kind })?.form.clone();
        self.remember(&form);
        if kind == SdpKind::Offer {
            self.take_local_offer(form);
            return Ok(());
        }
        let Exchange::Received { offer, trickled, .. } = &self.exchange else {
            return Err(self.wrong_state(action));
        };
        let (offer, trickled) = (offer.clone(), trickled.clone());
        let mut agreed = self.exchanged(Offerer::Peer, &form, &offer)?;
        agreed.add_trickled(&trickled, &offer, self.config.candidates_maximum);
        self.conclude(kind, form, offer, agreed);
        Ok(())
    }

    fn take_local_offer(&mut self, form: Arc<LocalForm>) {
        let before = self.before();
        for (index, section) in form.sections.iter().enumerate() {
            // They stand in the order of their ids.
            let place = |id| self.transceivers.binary_search_by_key(&id, |each| each.id).ok();
            let place = section.transceiver().and_then(place);
            if let Some(transceiver) = place.and_then(|place| self.transceivers.get_mut(place)) {
                transceiver.negotiated.mid = Some(section.mid.clone());
                transceiver.negotiated.section = Some(index);
            }
        }
        self.exchange = Exchange::Offered {
            offer: form,
            provisional: None,
            before,
        };
    }

    fn take_remote(&mut self, description: &Description) -> Result<(), NegotiationError> {
        let state = self.signaling_state();
        let (fits, action) = match description.kind {
            SdpKind::Offer => (
                matches!(state, SignalingState::Stable | SignalingState::HaveRemoteOffer),
                "set a remote offer",
            ),
            SdpKind::PrAnswer => (
                matches!(
                    state,
                    SignalingState::HaveLocalOffer | SignalingState::HaveRemotePrAnswer
                ),
                "set a remote provisional answer",
            ),
            _ => (
                matches!(
                    state,
                    SignalingState::HaveLocalOffer | SignalingState::HaveRemotePrAnswer
                ),
                "set a remote answer",
            ),
        };
        if !fits {
            return Err(self.wrong_state(action));
        }
        let mut remote = RemoteDescription::read(description, &self.config)?;
        self.created_offer = None;
        self.created_answer = None;
        if description.kind == SdpKind::Offer {
            remote.complete(&self.agreed, None);
            return self.take_remote_offer(Arc::new(remote));
        }
        let Exchange::Offered { offer, .. } = &self.exchange else {
            return Err(self.wrong_state(action));
        };
        let mut offer = offer.clone();
        remote.fit_bundles(&offer);
        remote.complete(&self.agreed, Some(&offer));
        remote.compare_directions(&offer);
        let agreed = self.exchanged(Offerer::Us, &offer, &remote)?;
        for transport in agreed.transports.values() {
            let id = transport.key.transport;
            if offer.key_of(id).is_some_and(|offered| offered != transport.key) {
                remote.deviate([Deviation::RestartIgnored {
                    section: transport.section,
                }]);
                if description.kind == SdpKind::Answer {
                    Arc::make_mut(&mut offer).replace_key(transport.key);
                    self.restart.remove(&id);
                }
            }
        }
        self.conclude(description.kind, offer, Arc::new(remote), agreed);
        Ok(())
    }

    fn take_remote_offer(&mut self, offer: Arc<RemoteDescription>) -> Result<(), NegotiationError> {
        self.check_offer(&offer)?;
        let before = self.before();
        self.associate(&offer);
        self.receive(&offer);
        self.exchange = Exchange::Received {
            offer,
            provisional: None,
            trickled: Vec::new(),
            before,
        };
        // The answer must be possible before the offer is taken.
        let answer = self.answer_form()?;
        if self.config.profile == Profile::Lenient {
            // What is refused is copied, and may be what no writer of ours writes.
            let any = |_| LocalTransport {
                ufrag: "any4".to_owned(),
                pwd: "any/22/characters/or/more".to_owned(),
                fingerprints: CertificateHash::new(HashFunction::Sha256, &[0xab; 32])
                    .into_iter()
                    .collect(),
                ..LocalTransport::default()
            };
            self.written(SdpKind::Answer, &answer, any)?;
        }
        Ok(())
    }

    /// RFC 3264 §8, RFC 9429 §5.2.2: sections stay, in their places, under their mids.
    fn check_offer(&self, offer: &RemoteDescription) -> Result<(), NegotiationError> {
        let (had, has) = (self.agreed.sections.len(), offer.sections.len());
        if has < had {
            return Err(NegotiationError::SectionsMissing { had, has });
        }
        for (section, (known, offered)) in self.agreed.sections.iter().zip(&offer.sections).enumerate() {
            if known.rejected.is_some() {
                continue;
            }
            if let Some(found) = offered.mid.as_ref().filter(|mid| **mid != known.mid) {
                return Err(NegotiationError::MidMismatch {
                    section,
                    expected: known.mid.clone(),
                    found: found.clone(),
                });
            }
            if known.line.media != offered.line.media {
                return Err(NegotiationError::MediaMismatch {
                    section,
                    expected: known.line.media.clone(),
                    found: offered.line.media.clone(),
                });
            }
        }
        Ok(())
    }

    /// Each RTP section of the peer's has a transceiver: the one it had, else one that was added to
    /// send something, else a new one (RFC 9429 §5.10).
    fn associate(&mut self, offer: &RemoteDescription) {
        self.disassociate(offer);
        if offer.sections.iter().all(|section| section.rtp().is_none()) {
            return;
        }
        let taken: BTreeSet<usize> = self
            .transceivers
            .iter()
            .filter_map(|transceiver| transceiver.negotiated.section)
            .collect();
        let bundle_of = offer.bundle_of();
        let mut mids = self.fresh_mids();
        mids.avoid(offer.mids());
        let mut waiting: BTreeMap<MediaKind, VecDeque<usize>> = BTreeMap::new();
        for (place, each) in self.transceivers.iter().enumerate() {
            let waits = each.origin == Origin::AddTrack && each.negotiated.section.is_none() && !each.stopped;
            if waits {
                waiting.entry(each.kind).or_default().push_back(place);
            }
        }
        for (index, section) in offer.sections.iter().enumerate() {
            let bundled = bundle_of.get(index).is_some_and(Option::is_some);
            let Some(rtp) = section.rtp().filter(|_| !section.is_rejected(bundled)) else {
                continue;
            };
            if taken.contains(&index) || self.capabilities(rtp.kind).codecs.is_empty() {
                continue;
            }
            let mid = section.mid.clone().unwrap_or_else(|| mids.fresh());
            let wanted = section.direction.receives();
            let found = waiting
                .get_mut(&rtp.kind)
                .filter(|_| wanted)
                .and_then(VecDeque::pop_front);
            let negotiated = Negotiated {
                mid: Some(mid),
                section: Some(index),
                ..Negotiated::default()
            };
            if let Some(transceiver) = found.and_then(|place| self.transceivers.get_mut(place)) {
                transceiver.negotiated = negotiated;
                continue;
            }
            let init = TransceiverInit {
                direction: Direction::RecvOnly,
                ..TransceiverInit::default()
            };
            self.push_transceiver(rtp.kind, init, Origin::Remote);
            if let Some(transceiver) = self.transceivers.last_mut() {
                transceiver.negotiated = negotiated;
            }
        }
        self.next_mid = self.next_mid.max(mids.next());
    }

    /// Transceivers whose section is another's now, or is not in an offer that replaces another.
    fn disassociate(&mut self, offer: &RemoteDescription) {
        // An offer that replaces another may have something else under the same mid.
        let stays = |each: &super::Transceiver| {
            let negotiated = &each.negotiated;
            let section = negotiated.section.and_then(|index| offer.sections.get(index));
            match section {
                Some(section) if section.line.media != each.kind.as_str() => false,
                Some(section) => section.mid.is_none() || section.mid == negotiated.mid,
                None => negotiated.section.is_none(),
            }
        };
        let gone = |each: &super::Transceiver| {
            !stays(each) && each.origin == Origin::Remote && !each.has_track && !each.has_sent
        };
        self.transceivers.retain(|each| !gone(each));
        for transceiver in &mut self.transceivers {
            if !stays(transceiver) {
                transceiver.give_up_section();
            }
        }
    }

    /// What the peer sends, and in which streams (RFC 9429 §5.10; W3C WebRTC §4.4.1.5).
    fn receive(&mut self, remote: &RemoteDescription) {
        if self.transceivers.is_empty() {
            return;
        }
        let bundle_of = remote.bundle_of();
        for transceiver in &mut self.transceivers {
            let Some(index) = transceiver.negotiated.section else {
                continue;
            };
            let Some(section) = remote.sections.get(index) else {
                continue;
            };
            let bundled = bundle_of.get(index).is_some_and(Option::is_some);
            let rtp = section.rtp().filter(|_| !section.is_rejected(bundled));
            let sends = rtp.filter(|_| section.direction.sends());
            transceiver.negotiated.receiving = sends.is_some();
            transceiver.negotiated.remote_streams = sends.map(|rtp| rtp.streams.clone()).unwrap_or_default();
            transceiver.negotiated.remote_sources = sends.map(|rtp| rtp.sources.clone()).unwrap_or_default();
        }
    }

    fn exchanged(
        &self,
        offerer: Offerer,
        local: &LocalForm,
        remote: &RemoteDescription,
    ) -> Result<Agreed, NegotiationError> {
        let exchanged = Exchanged {
            config: &self.config,
            before: &self.agreed,
            provisional: self.provisional().map(|provisional| &*provisional.agreed),
            offerer,
            local,
            remote,
        };
        exchanged.agree()
    }

    /// There is an answer (RFC 9429 §5.11).
    fn conclude(&mut self, kind: SdpKind, local: Arc<LocalForm>, remote: Arc<RemoteDescription>, agreed: Agreed) {
        // Anew, because a provisional answer may have said less than this one.
        self.receive(&remote);
        for transceiver in &mut self.transceivers {
            let section = transceiver
                .negotiated
                .section
                .and_then(|index| agreed.sections.get(index));
            let rtp = section.and_then(|section| match &section.content {
                AgreedContent::Rtp(rtp) if section.rejected.is_none() => Some(rtp),
                _ => None,
            });
            let rtp = rtp.filter(|rtp| rtp.transceiver == transceiver.id);
            let negotiated = &mut transceiver.negotiated;
            negotiated.current_direction = rtp.map(|rtp| rtp.direction);
            negotiated.parameters = rtp.map(|rtp| rtp.parameters.clone());
            if !rtp.is_some_and(|rtp| rtp.direction.receives()) {
                negotiated.receiving = false;
                negotiated.remote_streams.clear();
                negotiated.remote_sources = RtpSources::default();
            }
        }
        let agreed = Arc::new(agreed);
        if kind == SdpKind::PrAnswer {
            let new = Some(Provisional { local, remote, agreed });
            match &mut self.exchange {
                Exchange::Offered { provisional, .. } | Exchange::Received { provisional, .. } => *provisional = new,
                _ => {}
            }
            return;
        }
        self.agreed = agreed;
        self.current = Some(Current {
            kind: match self.exchange {
                Exchange::Offered { .. } => SdpKind::Offer,
                _ => SdpKind::Answer,
            },
            local,
            remote,
        });
        self.exchange = Exchange::None;
        self.created_offer = None;
        self.created_answer = None;
        self.settle();
    }

    /// A final answer releases what is not needed any more.
    fn settle(&mut self) {
        let agreed = self.agreed.clone();
        for transceiver in &mut self.transceivers {
            let sends = transceiver.negotiated.current_direction.is_some_and(Direction::sends);
            transceiver.has_sent |= sends;
            // What the peer has asked for is what there is from now on (W3C WebRTC §4.4.1.5).
            let layers = transceiver.negotiated.parameters.iter();
            let layers = layers.flat_map(|parameters| &parameters.send.simulcast.send);
            if transceiver.rids.is_empty() && sends {
                let first = layers.filter_map(|stream| stream.alternatives.first());
                transceiver.rids = first.map(|layer| layer.rid.clone()).collect();
            }
        }
        // RFC 9429 §5.11, W3C WebRTC §4.4.1.5: a transceiver whose section is rejected is stopped. One
        // that is kept without media is as good as rejected to it.
        self.transceivers.retain(|transceiver| {
            let section = transceiver
                .negotiated
                .section
                .and_then(|index| agreed.sections.get(index));
            section.is_none_or(|section| section.rejected.is_none() && section.idle().is_none())
        });
        let has_data = agreed.sections.iter().any(|section| section.data().is_some());
        let described = self.current.as_ref().is_some_and(|current| {
            let is_data = |section: &LocalSection| matches!(section.content, super::section::LocalContent::Data(_));
            current.local.sections.iter().any(is_data)
        });
        self.data = match (has_data, self.data) {
            (true, DataWish::Unasked) => DataWish::Wanted,
            // Stopped while an exchange was under way that has agreed on them.
            (true, wish) => wish,
            // Refused; to be wanted again by the next call.
            (false, DataWish::Wanted) if described => DataWish::Unasked,
            (false, DataWish::Stopping) => DataWish::Unasked,
            (false, wish) => wish,
        };
        self.restart.retain(|transport, replaced| {
            let now = agreed.transports.get(transport);
            now.is_some_and(|now| now.key.generation <= *replaced)
        });
        self.used
            .retain(|transport, _| agreed.transports.contains_key(transport));
    }

    /// The exchange that is under way is given up (RFC 9429 §5.7).
    fn abandon(&mut self) {
        let (Exchange::Offered { before, .. } | Exchange::Received { before, .. }) =
            core::mem::replace(&mut self.exchange, Exchange::None)
        else {
            return;
        };
        self.transceivers.retain_mut(|transceiver| {
            match before.get(&transceiver.id) {
                Some(negotiated) => transceiver.negotiated = negotiated.clone(),
                None if transceiver.origin == Origin::Remote && !transceiver.has_track => return false,
                None => transceiver.give_up_section(),
            }
            !(transceiver.stopped && transceiver.negotiated.section.is_none())
        });
        self.created_offer = None;
        self.created_answer = None;
        let agreed = self.agreed.clone();
        self.restart
            .retain(|transport, _| agreed.transports.contains_key(transport));
        self.used
            .retain(|transport, _| agreed.transports.contains_key(transport));
        if self.data == DataWish::Stopping && !agreed.sections.iter().any(|section| section.data().is_some()) {
            self.data = DataWish::Unasked;
        }
    }

    /// What a rollback restores: as it was before the first description of the exchange.
    fn before(&self) -> Before {
        match &self.exchange {
            Exchange::Offered { before, .. } | Exchange::Received { before, .. } => before.clone(),
            _ => {
                let all = self.transceivers.iter();
                Arc::new(
                    all.map(|transceiver| (transceiver.id, transceiver.negotiated.clone()))
                        .collect(),
                )
            }
        }
    }

    /// Mids, transports and generations that a description of ours has are not given out again.
    fn remember(&mut self, form: &LocalForm) {
        for key in form.keys() {
            self.next_transport = self.next_transport.max(key.transport.0.saturating_add(1));
            let used = self.used.entry(key.transport).or_insert((key.generation, key.tls_id));
            *used = (used.0.max(key.generation), used.1.max(key.tls_id));
        }
        let known: BTreeSet<&str> = self
            .agreed
            .sections
            .iter()
            .map(|section| section.mid.as_str())
            .collect();
        let numbers = form
            .sections
            .iter()
            .filter(|section| !known.contains(section.mid.as_str()));
        let numbers = numbers.filter_map(|section| section.mid.parse::<u32>().ok());
        if let Some(last) = numbers.filter(|number| *number < 1_000).max() {
            self.next_mid = self.next_mid.max(last.saturating_add(1));
        }
    }
}
