//! Decides what an offer of ours has (RFC 9429 §5.2).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::bundle::{self, Shared};
use super::line::SectionLine;
use super::section::{
    AgreedIdle, AgreedSection, LastTransport, LocalContent, LocalData, LocalForm, LocalIdle, LocalRtp, LocalSection,
    LocalState, Mids, Rtcp, TransportDescription,
};
use super::state::DataWish;
use super::transceiver::Transceiver;
use super::transport::TransportKey;
use super::{BundlePolicy, DtlsRole, Negotiator, RejectReason, RtcpMuxPolicy, TransportId};
use crate::rtp::{
    BundleIds, Codec, MediaKind, NegotiatedRtp, Role, RtpCapabilities, RtpParameters, Simulcast, SimulcastStream,
};
use pollrtc_sdp::attribute::{Direction, Setup};

/// What stands in one place of the offer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot<'a> {
    Media(&'a Transceiver),
    Data,
    /// Kept without media, because its bundle is in use.
    Idle(&'a AgreedIdle),
    /// Port zero, with the transceiver that goes with it unless it is associated already.
    Rejected(RejectReason, Option<&'a Transceiver>),
}

/// Where a section stands in relation to what was described before.
struct Place<'a> {
    slot: Slot<'a>,
    mid: String,
    /// Whether it was agreed on and goes on.
    agreed: bool,
}

impl Negotiator {
    /// The next offer, but for its version.
    pub(super) fn offer_form(&self) -> LocalForm {
        let places = self.places();
        let groups = self.offered_groups(&places);
        let states = self.states(&places, &groups);
        let mut ids = self.agreed.ids.clone();
        let mut sections = Vec::with_capacity(places.len());
        for ((index, place), state) in places.iter().enumerate().zip(states) {
            sections.push(self.offered_section(index, place, state, &mut ids));
        }
        let bundles = groups.into_iter().map(|group| group.members).collect();
        LocalForm {
            version: 0,
            last: self.last_transport(&sections, |_| Setup::ActPass, |_| Direction::SendOnly),
            lip_sync: self.offered_lip_sync(&places),
            bundles,
            sections,
            ice_options: true,
            ice_lite: self.config.ice_lite,
        }
    }

    /// The transport that ends with a description, or has ended before, if that rejects all sections.
    pub(super) fn last_transport(
        &self,
        sections: &[LocalSection],
        setup: impl Fn(DtlsRole) -> Setup,
        direction: impl Fn(usize) -> Direction,
    ) -> Option<LastTransport> {
        if sections.iter().any(|section| section.rejected().is_none()) {
            return None;
        }
        let directions = || (0..sections.len()).map(&direction).collect();
        let ending = self.transports().next().map(|ending| LastTransport {
            key: ending.key,
            dtls_role: ending.dtls_role,
            setup: setup(ending.dtls_role),
            directions: directions(),
            local: None,
        });
        ending.or_else(|| {
            let ended = self.current.as_ref()?.local.last.clone()?;
            Some(LastTransport {
                setup: setup(ended.dtls_role),
                directions: directions(),
                ..ended
            })
        })
    }

    /// What stands in each place. Places are kept for good (RFC 3264 §8); one whose section was
    /// rejected is used again, with a new mid (RFC 9429 §5.2.2). But never one in front of a bundle
    /// that goes on: to Chromium the first section of a bundle is the one that carries the transport,
    /// whatever the group says, and a new one there means a new transport.
    fn places(&self) -> Vec<Place<'_>> {
        let pending = self.pending_form();
        let described = pending.map_or(0, |form| form.sections.len());
        let count = described.max(self.agreed.sections.len());
        let mut associated: BTreeMap<usize, &Transceiver> = BTreeMap::new();
        for transceiver in &self.transceivers {
            if let Some(section) = transceiver.negotiated.section {
                associated.insert(section, transceiver);
            }
        }
        let data = self.data_place();
        let mut waiting = self
            .transceivers
            .iter()
            .filter(|transceiver| transceiver.negotiated.section.is_none() && !transceiver.stopped)
            .map(Slot::Media)
            .chain((self.data == DataWish::Wanted && data.is_none()).then_some(Slot::Data))
            .peekable();
        let is_used = |index: &usize| {
            let media = associated.get(index).is_some_and(|transceiver| !transceiver.stopped);
            media || (data == Some(*index) && self.data == DataWish::Wanted)
        };
        // What is new joins the first.
        let joined = waiting.peek().and(self.agreed.bundles.first());
        let used = self.agreed.bundles.iter().filter(|group| group.iter().any(is_used));
        let used: BTreeSet<usize> = used.chain(joined).flatten().copied().collect();
        let is_idle = |index: &usize| {
            self.agreed
                .sections
                .get(*index)
                .is_some_and(|section| section.idle().is_some())
        };
        let goes_on = |index: &&usize| is_used(index) || (used.contains(index) && is_idle(index));
        let mut bundles = self.agreed.bundles.iter();
        let front = bundles.find_map(|group| group.iter().filter(goes_on).min().copied());
        let mut mids = self.fresh_mids();
        let mut places = Vec::with_capacity(count);
        for index in 0..count {
            let before = self.agreed.sections.get(index);
            let is_free = before.is_some_and(|section| section.rejected.is_some());
            let idle = before.and_then(AgreedSection::idle).filter(|_| used.contains(&index));
            let written = pending.and_then(|form| form.sections.get(index));
            let mid = written
                .map(|section| &section.mid)
                .or(before.map(|section| &section.mid))
                .cloned();
            let kept = match associated.get(&index) {
                Some(transceiver) if !transceiver.stopped => Some(Slot::Media(transceiver)),
                Some(_) => Some(Slot::Rejected(RejectReason::Stopped, None)),
                None if data == Some(index) && self.data == DataWish::Wanted => Some(Slot::Data),
                None if is_free => None,
                None if idle.is_some() => idle.map(Slot::Idle),
                None => Some(Slot::Rejected(RejectReason::Stopped, None)),
            };
            let may_recycle = kept.is_none() && front.is_none_or(|front| front < index);
            let recycled = if may_recycle { waiting.next() } else { None };
            let slot = kept.or(recycled).unwrap_or(Slot::Rejected(
                before
                    .and_then(|section| section.rejected)
                    .unwrap_or(RejectReason::Stopped),
                None,
            ));
            let mid = match (mid, recycled) {
                (Some(mid), None) => mid,
                _ => mids.fresh(),
            };
            let slot = self.able(slot);
            let agreed = !is_free && before.is_some() && !matches!(slot, Slot::Rejected(..));
            places.push(Place { slot, mid, agreed });
        }
        for slot in waiting {
            let slot = self.able(slot);
            places.push(Place {
                slot,
                mid: mids.fresh(),
                agreed: false,
            });
        }
        places
    }

    /// Preferences and configuration may leave a transceiver no codec to offer. Its section is
    /// rejected then, and it with it.
    fn able<'a>(&self, slot: Slot<'a>) -> Slot<'a> {
        let Slot::Media(transceiver) = slot else { return slot };
        let capabilities = transceiver.capabilities(self.capabilities(transceiver.kind));
        if capabilities.codecs.iter().any(|codec| codec.role() == Role::Media) {
            slot
        } else {
            Slot::Rejected(RejectReason::NoCommonCodec, Some(transceiver))
        }
    }

    /// Which section is that of the data channels.
    fn data_place(&self) -> Option<usize> {
        let is_data =
            |section: &LocalSection| matches!(section.content, LocalContent::Data(_)) && section.rejected().is_none();
        let pending = self
            .pending_form()
            .and_then(|form| form.sections.iter().position(is_data));
        pending.or_else(|| self.agreed.sections.iter().position(|section| section.data().is_some()))
    }

    pub(super) fn fresh_mids(&self) -> Mids {
        let ours = self.agreed.sections.iter().map(|section| section.mid.clone());
        let pending = self.pending_form().into_iter().flat_map(|form| &form.sections);
        let pending = pending.map(|section| section.mid.clone());
        let theirs = self.remote().into_iter().flat_map(|remote| remote.mids().cloned());
        let associated = self
            .transceivers
            .iter()
            .filter_map(|transceiver| transceiver.negotiated.mid.clone());
        let taken: BTreeSet<String> = ours.chain(pending).chain(theirs).chain(associated).collect();
        Mids::new(taken, self.next_mid)
    }

    /// What was bundled stays so, and what is new comes along (RFC 9429 §5.2.2).
    fn offered_groups(&self, places: &[Place<'_>]) -> Vec<Shared> {
        let is_active = |index: usize| {
            places
                .get(index)
                .is_some_and(|place| !matches!(place.slot, Slot::Rejected(..)))
        };
        let stays = |index: usize| places.get(index).is_some_and(|place| place.agreed);
        let groups = self.agreed.bundles.iter();
        let mut groups: Vec<Shared> = groups.filter_map(|group| Shared::of_group(group, stays)).collect();
        let new = (0..places.len()).filter(|index| is_active(*index) && !stays(*index));
        match groups.first_mut() {
            Some(group) => group.members.extend(new),
            None => groups.extend(Shared::of_group(&new.collect::<Vec<_>>(), |_| true)),
        }
        groups
    }

    /// Which transport each section has, and which of them describe it.
    fn states(&self, places: &[Place<'_>], groups: &[Shared]) -> Vec<LocalState> {
        let mut states: Vec<LocalState> = places
            .iter()
            .map(|place| match place.slot {
                Slot::Rejected(reason, _) => LocalState::Rejected(reason),
                _ => LocalState::Rejected(RejectReason::BundlePolicy),
            })
            .collect();
        let mut keys = Keys::new(self);
        let members: Vec<Vec<usize>> = groups.iter().map(|group| group.members.clone()).collect();
        let is_active = |index: usize| {
            places
                .get(index)
                .is_some_and(|place| !matches!(place.slot, Slot::Rejected(..)))
        };
        for shared in bundle::shared(&members, places.len(), is_active) {
            let agreed = shared.members.iter().find_map(|member| {
                places.get(*member).filter(|place| place.agreed)?;
                self.agreed.sections.get(*member)?.transport
            });
            let has_rtp = shared.members.iter().any(|member| {
                places
                    .get(*member)
                    .is_some_and(|place| matches!(place.slot, Slot::Media(_)))
            });
            if let Some(transport) = agreed {
                // RFC 9143 §7.5: all members have the address of the group, new ones too.
                let key = keys.of(transport);
                for member in &shared.members {
                    let description = if *member == shared.tagged {
                        self.full(Some(transport), has_rtp)
                    } else {
                        TransportDescription::Bundled
                    };
                    put(&mut states, *member, key, description);
                }
                continue;
            }
            let mut kinds = BTreeSet::new();
            let mut tagged_key = None;
            for member in &shared.members {
                let Some(place) = places.get(*member) else { continue };
                let is_first_of_kind = kinds.insert(kind_of(&place.slot));
                let own = match self.config.bundle_policy {
                    BundlePolicy::Balanced => is_first_of_kind,
                    BundlePolicy::MaxCompat => true,
                    BundlePolicy::MaxBundle => *member == shared.tagged,
                };
                let is_media = matches!(place.slot, Slot::Media(_));
                match (own, tagged_key) {
                    (false, Some(key)) => put(&mut states, *member, key, TransportDescription::BundleOnly),
                    _ => {
                        let key = keys.own(*member);
                        tagged_key.get_or_insert(key);
                        let rtp = is_media || (*member == shared.tagged && has_rtp);
                        put(&mut states, *member, key, self.full(None, rtp));
                    }
                }
            }
        }
        states
    }

    /// RFC 8842 §5.2, §5.5: every offer leaves the choice of the DTLS role to the answerer.
    fn full(&self, agreed: Option<TransportId>, has_rtp: bool) -> TransportDescription {
        let agreed = agreed.and_then(|transport| self.agreed.transports.get(&transport));
        let mux = agreed.is_none_or(|transport| transport.rtcp_mux);
        TransportDescription::Full {
            setup: Setup::ActPass,
            tls_id: true,
            rtcp: Rtcp {
                mux: has_rtp && mux,
                mux_only: has_rtp && agreed.is_none() && self.config.rtcp_mux_policy == RtcpMuxPolicy::Require,
                rsize: has_rtp,
                address: has_rtp && (agreed.is_none() || !mux),
            },
        }
    }

    fn offered_section(&self, index: usize, place: &Place<'_>, state: LocalState, ids: &mut BundleIds) -> LocalSection {
        let before = self.agreed.sections.get(index);
        let section = |line, content, state| LocalSection {
            mid: place.mid.clone(),
            has_mid: true,
            line,
            content,
            state,
        };
        match place.slot {
            Slot::Data => {
                let legacy = before.filter(|_| place.agreed).and_then(|before| {
                    let data = before.data().filter(|data| data.legacy)?;
                    Some((before.line.clone(), *data))
                });
                // A peer that knows the old form only is offered the old form again.
                if let Some((line, data)) = legacy {
                    let data = LocalData {
                        legacy: true,
                        port: data.local_port,
                    };
                    return section(line, LocalContent::Data(data), state);
                }
                let data = LocalData {
                    legacy: false,
                    port: self.config.sctp_port,
                };
                section(line_of_data(), LocalContent::Data(data), state)
            }
            Slot::Media(transceiver) => {
                let previous = before.filter(|_| place.agreed).and_then(|before| before.rtp());
                let capabilities = transceiver.capabilities(self.capabilities(transceiver.kind));
                let previous_parameters = previous.map(|previous| &previous.parameters);
                let mut parameters = RtpParameters::offer(&capabilities, previous_parameters, ids);
                let sends = transceiver.direction.sends();
                // RFC 9429 §5.2.2: what was said about layers stays, of ours and of the peer's.
                let had_layers = previous.is_some_and(|previous| !previous.parameters.send.rids.is_empty());
                let ours = transceiver.rids.iter().filter(|_| sends || had_layers);
                let simulcast = Simulcast {
                    receive: previous_parameters.map_or_else(Vec::new, received_layers),
                    ..Simulcast::send(ours.map(String::as_str))
                };
                parameters.offer_simulcast(simulcast);
                let had_streams = previous.is_some_and(|previous| previous.streams.is_some());
                let transport = match &state {
                    LocalState::Active { key, .. } => self.agreed.transports.get(&key.transport),
                    LocalState::Rejected(_) => None,
                };
                let rtp = LocalRtp {
                    rtcp_mux: transport.is_none_or(|transport| transport.rtcp_mux),
                    transceiver: transceiver.id,
                    direction: transceiver.direction,
                    streams: (sends || had_streams).then(|| transceiver.streams.clone()),
                    sources: transceiver.sources_to_name(sends, &parameters),
                    parameters,
                };
                let line = line_of_media(transceiver.kind, &rtp.parameters.format_list());
                section(line, LocalContent::Rtp(Box::new(rtp)), state)
            }
            Slot::Idle(idle) => {
                let transport = match &state {
                    LocalState::Active { key, .. } => self.agreed.transports.get(&key.transport),
                    LocalState::Rejected(_) => None,
                };
                let kind = before.and_then(|before| MediaKind::parse(&before.line.media));
                let line = line_of_media(kind.unwrap_or(MediaKind::Audio), &idle.parameters.format_list());
                let idle = LocalIdle {
                    reason: idle.reason,
                    parameters: idle.parameters.clone(),
                    rtcp_mux: transport.is_none_or(|transport| transport.rtcp_mux),
                };
                section(line, LocalContent::Idle(Box::new(idle)), state)
            }
            Slot::Rejected(_, Some(transceiver)) => {
                let rtp = LocalRtp {
                    transceiver: transceiver.id,
                    direction: Direction::Inactive,
                    parameters: RtpParameters {
                        codecs: RtpParameters::offer(&least(transceiver.kind), None, ids).codecs,
                        ..RtpParameters::default()
                    },
                    streams: None,
                    sources: Vec::new(),
                    rtcp_mux: true,
                };
                let formats = Some(rtp.parameters.format_list()).filter(|formats| !formats.is_empty());
                let line = line_of_media(transceiver.kind, formats.as_deref().unwrap_or("0"));
                section(line, LocalContent::Rtp(Box::new(rtp)), state)
            }
            Slot::Rejected(_, None) => {
                let pending = self.pending_form().and_then(|form| form.sections.get(index));
                let line = pending
                    .map(|pending| pending.line.clone())
                    .or(before.map(|before| before.line.clone()))
                    .unwrap_or_else(line_of_data);
                let current = self.current.as_ref().map(|current| &current.local);
                let current = current.and_then(|form| form.sections.get(index));
                let described = pending.or(current).and_then(|written| written.content.parameters());
                let content = match MediaKind::parse(&line.media) {
                    Some(_) => LocalContent::nothing(&line, true, described),
                    None => LocalContent::Unknown,
                };
                section(line, content, state)
            }
        }
    }

    pub(super) fn capabilities(&self, kind: MediaKind) -> &RtpCapabilities {
        match kind {
            MediaKind::Audio => &self.config.audio,
            MediaKind::Video => &self.config.video,
        }
    }

    /// Sections whose media belongs to one stream are played in step (RFC 9429 §5.2.1); what was
    /// agreed on stays so (§5.2.2).
    fn offered_lip_sync(&self, places: &[Place<'_>]) -> Vec<Vec<usize>> {
        let mut by_stream: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, place) in places.iter().enumerate() {
            if let Slot::Media(transceiver) = place.slot {
                let streams: BTreeSet<&str> = transceiver.streams.iter().map(String::as_str).collect();
                for stream in streams {
                    by_stream.entry(stream).or_default().push(index);
                }
            }
        }
        let alive = |index: &usize| places.get(*index).is_some_and(|place| place.agreed);
        let kept = self.agreed.lip_sync.iter();
        let kept = kept.map(|group| group.iter().copied().filter(alive).collect::<Vec<usize>>());
        let mut groups: Vec<Vec<usize>> = kept.filter(|group| group.len() > 1).collect();
        let mut grouped: BTreeSet<usize> = groups.iter().flatten().copied().collect();
        for sections in by_stream.into_values().filter(|sections| sections.len() > 1) {
            if sections.iter().any(|section| !grouped.contains(section)) {
                grouped.extend(sections.iter().copied());
                groups.push(sections);
            }
        }
        groups
    }
}

fn put(states: &mut [LocalState], index: usize, key: TransportKey, description: TransportDescription) {
    if let Some(state) = states.get_mut(index) {
        *state = LocalState::Active { key, description };
    }
}

fn kind_of(slot: &Slot<'_>) -> Option<MediaKind> {
    match slot {
        Slot::Media(transceiver) => Some(transceiver.kind),
        _ => None,
    }
}

/// The layers that the peer sends as of the last answer: we want all of them.
fn received_layers(agreed: &NegotiatedRtp) -> Vec<SimulcastStream> {
    if agreed.receive.simulcast.receive.is_empty() {
        let single = agreed.receive.rids.iter();
        return single.map(|rid| SimulcastStream::new(&rid.id)).collect();
    }
    let mut layers = agreed.receive.simulcast.receive.clone();
    for layer in layers.iter_mut().flat_map(|stream| &mut stream.alternatives) {
        layer.paused = false;
    }
    layers
}

fn line_of_data() -> SectionLine {
    SectionLine {
        media: "application".to_owned(),
        protocol: "UDP/DTLS/SCTP".to_owned(),
        formats: "webrtc-datachannel".to_owned(),
    }
}

/// RFC 9429 §5.1.2: this profile in every offer, whatever the peer has called it.
fn line_of_media(kind: MediaKind, formats: &str) -> SectionLine {
    SectionLine {
        media: kind.as_str().to_owned(),
        protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
        formats: formats.to_string(),
    }
}

/// What is written where there is nothing to offer: an `m=` line has to have a format, and aiortc wants
/// one that it knows, also of what is rejected. Everybody has these (RFC 7874 §3, RFC 7742 §5).
fn least(kind: MediaKind) -> RtpCapabilities {
    let codec = match kind {
        MediaKind::Audio => Codec::new("PCMU", 8_000),
        MediaKind::Video => Codec::new("VP8", 90_000),
    };
    RtpCapabilities {
        codecs: [codec].into(),
        ..RtpCapabilities::none(kind)
    }
}

/// Gives out the transports of an offer.
struct Keys<'a> {
    negotiator: &'a Negotiator,
    given: BTreeSet<TransportId>,
    next: u32,
}

impl<'a> Keys<'a> {
    fn new(negotiator: &'a Negotiator) -> Self {
        Self {
            negotiator,
            given: BTreeSet::new(),
            next: negotiator.next_transport,
        }
    }

    /// A transport that is in use, with new credentials if it is to restart.
    fn of(&mut self, transport: TransportId) -> TransportKey {
        self.given.insert(transport);
        let agreed = self.negotiator.agreed.transports.get(&transport);
        let pending = self.negotiator.pending_form().and_then(|form| form.key_of(transport));
        let key = pending.or(agreed.map(|agreed| agreed.key)).unwrap_or(TransportKey {
            transport,
            generation: 0,
            tls_id: 0,
        });
        let replaced = self.negotiator.restart.get(&transport);
        if replaced.is_some_and(|replaced| key.generation <= *replaced) {
            TransportKey {
                generation: self.negotiator.next_generation(transport),
                ..key
            }
        } else {
            key
        }
    }

    /// The transport of a section that has its own: the one that it was offered with before the
    /// answer, else a new one.
    fn own(&mut self, section: usize) -> TransportKey {
        let form = self.negotiator.pending_form();
        let offered = form.and_then(|form| form.sections.get(section)?.key());
        let is_free = |key: &TransportKey| {
            !self.given.contains(&key.transport) && !self.negotiator.agreed.transports.contains_key(&key.transport)
        };
        let transport = match offered.filter(is_free) {
            Some(key) => key.transport,
            None => {
                let transport = TransportId(self.next);
                self.next = self.next.saturating_add(1);
                transport
            }
        };
        self.of(transport)
    }
}

impl Negotiator {
    pub(super) fn next_generation(&self, transport: TransportId) -> u32 {
        self.used
            .get(&transport)
            .map_or(0, |(generation, _)| generation.saturating_add(1))
    }

    pub(super) fn next_tls_id(&self, transport: TransportId) -> u32 {
        self.used
            .get(&transport)
            .map_or(0, |(_, tls_id)| tls_id.saturating_add(1))
    }
}
