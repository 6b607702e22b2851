//! Decides what an answer of ours has (RFC 9429 §5.3).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::agree;
use super::bundle::{self, Shared};
use super::config::Reassociation;
use super::read::{RemoteContent, RemoteDescription, RemoteSection};
use super::section::{
    LocalContent, LocalData, LocalForm, LocalIdle, LocalRtp, LocalSection, LocalState, Rtcp, TransportDescription,
};
use super::state::{DataWish, Exchange};
use super::transceiver::Transceiver;
use super::transport::TransportKey;
use super::{
    BundlePolicy, DtlsRole, NegotiationError, Negotiator, RejectReason, RemoteTransport, RtcpMuxPolicy, TransportId,
};
use crate::rtp::{BundleIds, MediaKind, RtpParameters};
use pollrtc_sdp::attribute::{Direction, RidDirection, Setup};

impl Negotiator {
    /// The answer to the offer that waits, but for its version.
    pub(super) fn answer_form(&self) -> Result<LocalForm, NegotiationError> {
        let Exchange::Received { offer, .. } = &self.exchange else {
            return Err(self.wrong_state("create an answer"));
        };
        Answering::new(self, offer).form()
    }
}

/// An answer in the making.
struct Answering<'a> {
    negotiator: &'a Negotiator,
    offer: &'a RemoteDescription,
    /// Which group each section is offered in.
    bundle_of: Vec<Option<usize>>,
    by_section: BTreeMap<usize, &'a Transceiver>,
    rejected: Vec<Option<RejectReason>>,
    parameters: Vec<Option<RtpParameters>>,
    /// Sections that are kept without media, and why.
    idle: BTreeMap<usize, (RejectReason, RtpParameters)>,
    states: BTreeMap<usize, LocalState>,
    /// Sections whose RTCP goes with their RTP.
    muxed: BTreeSet<usize>,
    /// The first that can't be reached or recognised, if the rest is rejected too.
    missing: Option<NegotiationError>,
}

impl<'a> Answering<'a> {
    fn new(negotiator: &'a Negotiator, offer: &'a RemoteDescription) -> Self {
        let transceivers = negotiator.transceivers.iter();
        let by_section = transceivers.filter_map(|transceiver| Some((transceiver.negotiated.section?, transceiver)));
        Self {
            negotiator,
            offer,
            bundle_of: offer.bundle_of(),
            by_section: by_section.collect(),
            rejected: alloc::vec![None; offer.sections.len()],
            parameters: alloc::vec![None; offer.sections.len()],
            idle: BTreeMap::new(),
            states: BTreeMap::new(),
            muxed: BTreeSet::new(),
            missing: None,
        }
    }

    fn form(mut self) -> Result<LocalForm, NegotiationError> {
        self.reject_by_content()?;
        self.reject_by_policy();
        self.keep_what_is_bundled();
        let shared = self.assign_transports()?;
        // Whoever gets no section learns more from an error.
        if let Some(missing) = self.missing.take().filter(|_| shared.is_empty()) {
            return Err(missing);
        }
        let (offer, negotiator) = (self.offer, self.negotiator);
        let mut mids = None;
        let mut sections = Vec::with_capacity(offer.sections.len());
        for (index, section) in offer.sections.iter().enumerate() {
            let known = self
                .by_section
                .get(&index)
                .and_then(|transceiver| transceiver.negotiated.mid.clone());
            let agreed = self.negotiator.agreed.sections.get(index);
            let mid = section
                .mid
                .clone()
                .or(known)
                .or(agreed.map(|agreed| agreed.mid.clone()))
                .unwrap_or_else(|| mids.get_or_insert_with(|| negotiator.fresh_mids()).fresh());
            sections.push(self.section(index, section, mid));
        }
        let in_group = |shared: &Shared| self.bundle_of.get(shared.tagged).is_some_and(Option::is_some);
        Ok(LocalForm {
            version: 0,
            last: negotiator.last_transport(&sections, DtlsRole::setup, |index| {
                let offered = offer.sections.get(index).map(|section| section.direction);
                let sends = offered.is_some_and(Direction::receives);
                Direction::of(sends, !sends && offered.is_some_and(Direction::sends))
            }),
            bundles: shared
                .into_iter()
                .filter(in_group)
                .map(|shared| shared.members)
                .collect(),
            lip_sync: self.lip_sync(&sections),
            sections,
            ice_options: offer.ice_options,
            ice_lite: self.negotiator.config.ice_lite,
        })
    }

    fn is_rejected(&self, index: usize) -> bool {
        self.rejected.get(index).is_none_or(Option::is_some)
    }

    fn reject(&mut self, index: usize, reason: RejectReason) {
        if let Some(slot) = self.rejected.get_mut(index) {
            slot.get_or_insert(reason);
        }
    }

    /// What each section carries, and whether we can take part in it (RFC 9429 §5.3.1).
    fn reject_by_content(&mut self) -> Result<(), NegotiationError> {
        let offer = self.offer;
        let data = self.data_section();
        for (index, section) in offer.sections.iter().enumerate() {
            let bundled = self.bundle_of.get(index).is_some_and(Option::is_some);
            if let Some(reason) = section.rejected(bundled) {
                self.reject(index, reason);
                continue;
            }
            match &section.content {
                RemoteContent::Unknown => self.reject(index, RejectReason::Unsupported),
                RemoteContent::Data(_) if self.negotiator.data == DataWish::Stopping => {
                    self.reject(index, RejectReason::Stopped);
                }
                RemoteContent::Data(data_offer) if data_offer.port == 0 || data != Some(index) => {
                    self.reject(index, RejectReason::DataElsewhere);
                }
                // What we never take part in may not stand in the way of the rest.
                RemoteContent::Rtp(rtp) if self.negotiator.capabilities(rtp.kind).codecs.is_empty() => {
                    self.reject(index, RejectReason::Unsupported);
                }
                RemoteContent::Data(_) | RemoteContent::Rtp(_) => {}
            }
        }
        self.answer_media()
    }

    /// The section that the data channels are on, else the first that has any.
    fn data_section(&self) -> Option<usize> {
        let usable = |index: &usize| {
            let bundled = self.bundle_of.get(*index).is_some_and(Option::is_some);
            let section = self.offer.sections.get(*index);
            section.is_some_and(|section| {
                !section.is_rejected(bundled) && section.data().is_some_and(|data| data.port != 0)
            })
        };
        let agreed = &self.negotiator.agreed.sections;
        let current = agreed
            .iter()
            .position(|section| section.data().is_some())
            .filter(usable);
        current.or_else(|| (0..self.offer.sections.len()).find(usable))
    }

    /// Codecs and header extensions, whose numbers are one space within a bundle.
    fn answer_media(&mut self) -> Result<(), NegotiationError> {
        let alive = |index| !self.is_rejected(index);
        let offer = self.offer;
        if offer.sections.iter().all(|section| section.rtp().is_none()) {
            return Ok(());
        }
        for shared in bundle::shared(&offer.bundles, offer.sections.len(), alive) {
            let media = |index: usize| offer.sections.get(index).and_then(RemoteSection::rtp);
            let mut ids = BundleIds::new();
            for rtp in shared.members.iter().filter_map(|index| media(*index)) {
                // What is in conflict counts once it is answered.
                let _ = ids.claim(rtp.kind, &rtp.parameters);
            }
            // RFC 8285 §7: what an id was bound to stays so.
            ids.remember(&self.negotiator.agreed.ids);
            // RFC 9143 §9.1.1, RFC 8285 §7: in one bundle a number stands for one thing, the first
            // that we answer.
            let mut answered = BundleIds::new();
            for index in shared.members {
                if let Some(rtp) = media(index) {
                    let offered = answered.without_conflicts(rtp.kind, &rtp.parameters);
                    match self.answered_media(index, rtp.kind, &offered, &mut ids) {
                        Ok(parameters) => {
                            let _ = answered.claim(rtp.kind, &parameters);
                            if let Some(slot) = self.parameters.get_mut(index) {
                                *slot = Some(parameters);
                            }
                        }
                        Err(reason) => self.reject(index, reason),
                    }
                }
            }
        }
        Ok(())
    }

    fn answered_media(
        &self,
        index: usize,
        kind: MediaKind,
        offered: &RtpParameters,
        ids: &mut BundleIds,
    ) -> Result<RtpParameters, RejectReason> {
        let all = self.negotiator.capabilities(kind);
        let Some(transceiver) = self.by_section.get(&index).filter(|each| !each.stopped) else {
            return Err(RejectReason::Stopped);
        };
        let capabilities = transceiver.capabilities(all);
        offered.answer(&capabilities, ids).ok_or(RejectReason::NoCommonCodec)
    }

    /// Sections that the bundle policy leaves without a transport (RFC 9429 §5.3.1).
    fn reject_by_policy(&mut self) {
        let policy = self.negotiator.config.bundle_policy;
        let mut first_of: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for (index, section) in self.offer.sections.iter().enumerate() {
            let kind = match policy {
                BundlePolicy::MaxCompat => return,
                BundlePolicy::Balanced => Some(section.line.media.as_str()),
                BundlePolicy::MaxBundle => None,
            };
            // What the offer itself rejects is no section to be with.
            if matches!(self.rejected.get(index), Some(Some(RejectReason::Peer))) {
                continue;
            }
            let first = *first_of.entry(kind).or_insert(index);
            let group = |index: usize| self.bundle_of.get(index).copied().flatten();
            let together = group(index).is_some() && group(index) == group(first);
            if first != index && !together {
                self.reject(index, RejectReason::BundlePolicy);
            }
        }
    }

    /// Media that we can't take is not rejected where it is bundled with something that we do take,
    /// but stays without any, `inactive` with a codec of the peer's. The RFCs have it rejected. But if
    /// it is the section that describes the bundle's transport, the transport would be described by
    /// another one from then on, and browsers can't follow that: they close the transport with the
    /// section, or never look for a path. The others stay too: browsers put something new into the
    /// place of what is rejected, and that may be the first place.
    fn keep_what_is_bundled(&mut self) {
        let offer = self.offer;
        for group in &offer.bundles {
            if group.iter().all(|member| self.is_rejected(*member)) {
                continue;
            }
            for member in group {
                let reason = self.rejected.get(*member).copied().flatten();
                let Some(reason @ (RejectReason::Unsupported | RejectReason::NoCommonCodec)) = reason else {
                    continue;
                };
                let says_mux = |index: Option<&usize>| {
                    let section = index.and_then(|index| offer.sections.get(*index));
                    section.is_some_and(|section| section.rtcp_mux)
                };
                let rtp = offer.sections.get(*member).and_then(RemoteSection::rtp);
                let parameters = rtp.and_then(|rtp| rtp.parameters.idle());
                if let Some(parameters) = parameters.filter(|_| says_mux(Some(member)) || says_mux(group.first())) {
                    self.idle.insert(*member, (reason, parameters));
                    if let Some(slot) = self.rejected.get_mut(*member) {
                        *slot = None;
                    }
                }
            }
        }
    }

    /// Gives each group and each section on its own a transport, or rejects what has none.
    fn assign_transports(&mut self) -> Result<Vec<Shared>, NegotiationError> {
        let offer = self.offer;
        let mut given = BTreeSet::new();
        let mut next = self.negotiator.next_transport;
        let mut result = Vec::new();
        let alive: Vec<bool> = (0..offer.sections.len())
            .map(|index| !self.is_rejected(index))
            .collect();
        let is_alive = |index: usize| alive.get(index).copied().unwrap_or(false);
        for shared in bundle::shared(&offer.bundles, offer.sections.len(), is_alive) {
            let Some((shared, state)) = self.transport_of(shared, &mut given, &mut next)? else {
                continue;
            };
            if self.says_mux(&shared, shared.tagged) {
                self.muxed.extend(&shared.members);
            }
            for member in &shared.members {
                let state = match &state {
                    LocalState::Active { key, .. } if *member != shared.tagged => LocalState::Active {
                        key: *key,
                        description: TransportDescription::Bundled,
                    },
                    state => state.clone(),
                };
                self.states.insert(*member, state);
            }
            result.push(shared);
        }
        Ok(result)
    }

    /// The transport that these sections share, described by the first of them that can; those that
    /// can't are rejected, all if there is none (RFC 9143 §7.3.1, §7.3.3).
    fn transport_of(
        &mut self,
        mut shared: Shared,
        given: &mut BTreeSet<TransportId>,
        next: &mut u32,
    ) -> Result<Option<(Shared, LocalState)>, NegotiationError> {
        let offer = self.offer;
        loop {
            let Some(tagged) = offer.tagged_of(&shared) else {
                let section = |index: &usize| offer.sections.get(*index);
                // Plain RTP knows neither ICE nor DTLS: it is refused, not an error (RFC 9429 §5.1.2).
                let plain =
                    |index: &usize| section(index).is_some_and(|each| !each.promises_dtls() && !each.has_fingerprint);
                let group = self.bundle_of.get(shared.tagged).copied().flatten();
                let group = group
                    .and_then(|group| offer.bundles.get(group))
                    .unwrap_or(&shared.members);
                let described = group
                    .iter()
                    .any(|index| section(index).is_some_and(|each| each.credentials.is_some()));
                if shared.members.iter().all(plain) {
                    for member in shared.members {
                        self.reject(member, RejectReason::NoFingerprint);
                    }
                    return Ok(None);
                }
                let reason = match described {
                    true => RejectReason::BundleRejected,
                    false => RejectReason::NoIceCredentials,
                };
                if !described {
                    let missing = NegotiationError::MissingIceCredentials { section: shared.tagged };
                    self.missing.get_or_insert(missing);
                }
                for member in shared.members {
                    self.reject(member, reason);
                }
                return Ok(None);
            };
            let Some(section) = offer.sections.get(tagged) else {
                return Ok(None);
            };
            let has_rtp = |index: &usize| self.parameters.get(*index).is_some_and(Option::is_some);
            let has_rtp = shared.members.iter().any(has_rtp);
            match self.unusable(&shared, tagged, section, has_rtp) {
                None => {
                    let shared = shared.tag(tagged);
                    let state = self.described(&shared, section, has_rtp, given, next)?;
                    return Ok(Some((shared, state)));
                }
                Some(reason) => {
                    // Plain RTP fails on its own (RFC 9429 §5.1.2, §5.3.1).
                    if reason == RejectReason::NoFingerprint && !section.has_fingerprint && section.promises_dtls() {
                        let missing = NegotiationError::MissingFingerprint { section: tagged };
                        self.missing.get_or_insert(missing);
                    }
                    self.reject(tagged, reason);
                    shared.members.retain(|member| *member != tagged);
                    let Some(first) = shared.members.first() else {
                        return Ok(None);
                    };
                    shared.tagged = *first;
                }
            }
        }
    }

    /// Why the transport that a section describes can't be used.
    fn unusable(&self, shared: &Shared, index: usize, section: &RemoteSection, has_rtp: bool) -> Option<RejectReason> {
        if section.fingerprints.is_empty() {
            return Some(RejectReason::NoFingerprint);
        }
        if section.setup == Some(Setup::HoldConn) {
            return Some(RejectReason::HoldConn);
        }
        let required = self.negotiator.config.rtcp_mux_policy == RtcpMuxPolicy::Require;
        (has_rtp && required && !self.says_mux(shared, index)).then_some(RejectReason::NoRtcpMux)
    }

    /// Whether RTCP goes with RTP: the section that describes the transport says so, or where that
    /// one has data, as browsers do, one with media.
    fn says_mux(&self, shared: &Shared, tagged: usize) -> bool {
        let section = |index: usize| self.offer.sections.get(index);
        let says = |index: usize| section(index).is_some_and(|section| section.rtcp_mux);
        let is_data = section(tagged).is_some_and(|section| section.data().is_some());
        says(tagged) || (is_data && shared.members.iter().any(|member| says(*member)))
    }

    /// Which transport that is, and how we describe our end of it.
    fn described(
        &self,
        shared: &Shared,
        section: &RemoteSection,
        has_rtp: bool,
        given: &mut BTreeSet<TransportId>,
        next: &mut u32,
    ) -> Result<LocalState, NegotiationError> {
        let missing = NegotiationError::MissingIceCredentials { section: shared.tagged };
        if section.credentials.is_none() {
            return Err(missing);
        }
        let agreed = &self.negotiator.agreed;
        let known = |index: &usize| agreed.sections.get(*index).and_then(|section| section.transport);
        // RFC 9143 §7.5: what is new comes along in the bundle's transport, also if all that was in it
        // is rejected now.
        let group = self.bundle_of.get(shared.tagged).copied().flatten();
        let group = group.and_then(|group| self.offer.bundles.get(group));
        let transport = shared
            .members
            .iter()
            .chain(group.into_iter().flatten())
            .filter_map(known)
            .find(|transport| !given.contains(transport));
        let before = transport.and_then(|transport| agreed.transports.get(&transport));
        let provisional = self.negotiator.pending_form();
        let provisional = provisional.and_then(|form| form.sections.get(shared.tagged)?.key());
        let key = match (before, provisional) {
            (Some(before), _) => before.key,
            (None, Some(key)) if !given.contains(&key.transport) => key,
            _ => {
                let transport = TransportId(*next);
                *next = next.saturating_add(1);
                TransportKey {
                    transport,
                    generation: 0,
                    tls_id: 0,
                }
            }
        };
        given.insert(key.transport);
        let mux = self.says_mux(shared, shared.tagged);
        let (key, continued) = match before {
            Some(before) => {
                let remote = agree::remote_transport(self.offer, shared).ok_or(missing)?;
                self.continued(key, before, &remote, shared.tagged, provisional)?
            }
            None => (key, None),
        };
        let role = match (section.setup, continued) {
            // RFC 8842 §5.3: the roles of an association stay. Who says nothing, or something else,
            // has forgotten its role: its certificate tells that the association goes on.
            (None | Some(Setup::ActPass), Some(continued)) => continued,
            (Some(Setup::ActPass), None) => self.negotiator.config.preferred_dtls_role,
            // RFC 4145 §4: this is the only answer to it.
            (Some(Setup::Passive), _) => DtlsRole::Client,
            // An offer without it means active.
            _ => DtlsRole::Server,
        };
        Ok(LocalState::Active {
            key,
            description: TransportDescription::Full {
                setup: role.setup(),
                tls_id: section.tls_id.is_some(),
                rtcp: Rtcp {
                    mux: has_rtp && mux,
                    mux_only: false,
                    rsize: has_rtp && section.rtcp_rsize,
                    address: has_rtp && !mux,
                },
            },
        })
    }

    /// The credentials with which a transport goes on, and the role if its association does.
    fn continued(
        &self,
        key: TransportKey,
        before: &super::Transport,
        remote: &RemoteTransport,
        section: usize,
        provisional: Option<TransportKey>,
    ) -> Result<(TransportKey, Option<DtlsRole>), NegotiationError> {
        let restarts = before.remote.differs_in_credentials(remote);
        let anew = before.remote.differs_in_association(remote);
        let allowed = self.negotiator.config.reassociation == Reassociation::WithIceRestart;
        if anew && !(restarts && allowed) {
            return Err(NegotiationError::NewDtlsAssociation { section });
        }
        let provisional = provisional.filter(|provisional| provisional.transport == key.transport);
        // What a provisional answer of ours said stays.
        let generation = match provisional.filter(|provisional| provisional.generation > key.generation) {
            _ if !restarts => key.generation,
            Some(provisional) => provisional.generation,
            None => self.negotiator.next_generation(key.transport),
        };
        let tls_id = match provisional.filter(|provisional| provisional.tls_id > key.tls_id) {
            _ if !anew => key.tls_id,
            Some(provisional) => provisional.tls_id,
            None => self.negotiator.next_tls_id(key.transport),
        };
        let key = TransportKey {
            generation,
            tls_id,
            ..key
        };
        Ok((key, (!anew).then_some(before.dtls_role)))
    }

    fn section(&mut self, index: usize, offered: &RemoteSection, mid: String) -> LocalSection {
        let rejected = self.rejected.get(index).copied().flatten();
        let state = match (rejected, self.states.remove(&index)) {
            (None, Some(state)) => state,
            (reason, _) => LocalState::Rejected(reason.unwrap_or(RejectReason::BundleRejected)),
        };
        let parameters = self.parameters.get_mut(index).and_then(Option::take);
        let is_active = matches!(state, LocalState::Active { .. });
        let content = match (&offered.content, parameters) {
            (RemoteContent::Data(data), _) if is_active => LocalContent::Data(LocalData {
                legacy: data.legacy,
                // The old form has the port as its format, which an answer copies.
                port: match data.legacy {
                    true => data.port,
                    false => self.negotiator.config.sctp_port,
                },
            }),
            (RemoteContent::Rtp(_), Some(parameters)) if is_active => self.media(index, offered, parameters),
            (RemoteContent::Rtp(_), None) if is_active => self.nothing(index, offered),
            _ => self.refused(index, offered),
        };
        let mut line = offered.line.clone();
        match &content {
            LocalContent::Rtp(rtp) => line.formats = rtp.parameters.format_list(),
            LocalContent::Idle(idle) => line.formats = idle.parameters.format_list(),
            _ => {}
        }
        LocalSection {
            mid,
            has_mid: offered.mid.is_some(),
            line,
            content,
            state,
        }
    }

    /// A section that is kept without media.
    fn nothing(&mut self, index: usize, offered: &RemoteSection) -> LocalContent {
        match self.idle.remove(&index) {
            Some((reason, parameters)) => LocalContent::Idle(Box::new(LocalIdle {
                reason,
                parameters,
                rtcp_mux: self.muxed.contains(&index),
            })),
            None => self.refused(index, offered),
        }
    }

    /// What is said of a section that is rejected: what the offer says of its formats, or if the peer
    /// has stopped it, what we have said before.
    fn refused(&self, index: usize, offered: &RemoteSection) -> LocalContent {
        if MediaKind::parse(&offered.line.media).is_none() {
            return LocalContent::Unknown;
        }
        let said = || {
            let current = self.negotiator.current.as_ref()?;
            current.local.sections.get(index)?.content.parameters()
        };
        let described = offered.rtp().map(|rtp| &rtp.parameters).or_else(said);
        LocalContent::nothing(&offered.line, offered.rtcp_mux, described)
    }

    fn media(&self, index: usize, offered: &RemoteSection, mut parameters: RtpParameters) -> LocalContent {
        let Some(transceiver) = self.by_section.get(&index) else {
            return self.refused(index, offered);
        };
        // RFC 3264 §6.1.
        let direction = offered.direction.reversed().intersect(transceiver.direction);
        let agreed = self
            .negotiator
            .agreed
            .sections
            .get(index)
            .and_then(|agreed| agreed.rtp());
        let previous = agreed.filter(|agreed| agreed.transceiver == transceiver.id);
        let had_streams = previous.is_some_and(|agreed| agreed.streams.is_some());
        let sends = transceiver.direction.sends();
        if let Some(offer) = offered.rtp() {
            // RFC 8853 §5.3.2: any layers of the peer's, and of ours those that the application has.
            // One that has not said which it has gets those that the peer wants.
            parameters.answer_simulcast(&offer.parameters, |way, rid| match way {
                RidDirection::Recv => true,
                RidDirection::Send => {
                    let layers = &transceiver.rids;
                    sends && (layers.is_empty() || layers.iter().any(|ours| ours == rid))
                }
            });
        }
        LocalContent::Rtp(Box::new(LocalRtp {
            transceiver: transceiver.id,
            rtcp_mux: self.muxed.contains(&index),
            direction,
            sources: transceiver.sources_to_name(direction.sends(), &parameters),
            parameters,
            streams: (sends || had_streams).then(|| transceiver.streams.clone()),
        }))
    }

    /// RFC 9429 §5.3.1: of each offered group, the sections that share a stream of ours or have none.
    fn lip_sync(&self, sections: &[LocalSection]) -> Vec<Vec<usize>> {
        let streams = |index: usize| {
            let active = sections.get(index).is_some_and(|section| section.rejected().is_none());
            let transceiver = self.by_section.get(&index).filter(|_| active)?;
            Some(transceiver.streams.as_slice())
        };
        let mut groups = Vec::new();
        for group in &self.offer.lip_sync {
            let common = group.iter().filter_map(|index| streams(*index)?.first()).next();
            let fits = |index: &usize| {
                streams(*index)
                    .is_some_and(|streams| streams.is_empty() || common.is_some_and(|common| streams.contains(common)))
            };
            let members: Vec<usize> = group.iter().copied().filter(fits).collect();
            if members.len() > 1 {
                groups.push(members);
            }
        }
        groups
    }
}
