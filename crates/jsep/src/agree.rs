//! What an offer and its answer agree on, checked as a whole (RFC 9429 §5.8.3, §5.11).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::bundle::{self, Shared};
use super::candidates::Candidates;
use super::config::{Config, Reassociation};
use super::read::{RemoteContent, RemoteDescription, RemoteSection};
use super::section::{
    AgreedContent, AgreedData, AgreedIdle, AgreedRtp, AgreedSection, LocalContent, LocalForm, LocalSection, LocalState,
    TransportDescription,
};
use super::state::Agreed;
use super::transport::TransportKey;
use super::{
    DtlsRole, IceRole, NegotiationError, RejectReason, RemoteTransport, RtcpMuxPolicy, Transport, TransportId,
};
use crate::rtp::{BundleIds, MediaKind};
use pollrtc_sdp::attribute::Setup;

/// Who made the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offerer {
    Us,
    Peer,
}

/// An offer and its answer, with what was agreed before.
pub(super) struct Exchanged<'a> {
    pub(super) config: &'a Config,
    pub(super) before: &'a Agreed,
    pub(super) provisional: Option<&'a Agreed>,
    pub(super) offerer: Offerer,
    pub(super) local: &'a LocalForm,
    pub(super) remote: &'a RemoteDescription,
}

impl Exchanged<'_> {
    pub(super) fn agree(&self) -> Result<Agreed, NegotiationError> {
        if self.offerer == Offerer::Us {
            self.check_answer()?;
        }
        let mut rejected = self.rejected();
        let (mut groups, mut shared) = self.bundled(&rejected);
        if self.offerer == Offerer::Us && self.reject_unusable(&shared, &groups, &mut rejected)? {
            (groups, shared) = self.bundled(&rejected);
        }
        let (mut transports, mut candidates) = (BTreeMap::new(), BTreeMap::new());
        let mut transport_of = alloc::vec![None; rejected.len()];
        for shared in &shared {
            if rejected.get(shared.tagged).is_some_and(Option::is_some) {
                continue;
            }
            let (transport, identities) = self.transport(shared)?;
            for member in &shared.members {
                if let Some(slot) = transport_of.get_mut(*member) {
                    *slot = Some((transport.key.transport, shared.tagged));
                }
            }
            candidates.insert(transport.key.transport, identities);
            transports.insert(transport.key.transport, Box::new(transport));
        }
        let mut sections = Vec::with_capacity(rejected.len());
        for (index, (rejected, transport)) in rejected.iter().zip(transport_of).enumerate() {
            sections.push(self.section(index, *rejected, transport)?);
        }
        let used: BTreeSet<TransportId> = sections.iter().filter_map(|section| section.transport).collect();
        transports.retain(|id, _| used.contains(id));
        candidates.retain(|id, _| used.contains(id));
        let ids = self.ids(&sections);
        Ok(Agreed {
            sections,
            ids,
            bundles: groups,
            lip_sync: match self.offerer {
                Offerer::Us => self.remote.lip_sync.clone(),
                Offerer::Peer => self.local.lip_sync.clone(),
            },
            transports,
            candidates,
        })
    }

    /// What both have described so far, codecs that were not agreed on and sections that are rejected
    /// among them. Browsers remember all of it. Where a peer gives a number to something else, that is
    /// what it stands for from then on.
    fn ids(&self, sections: &[AgreedSection]) -> BundleIds {
        let mut ids = BundleIds::new();
        for alive in [true, false] {
            for (index, section) in sections.iter().enumerate() {
                if section.rejected.is_none() != alive {
                    continue;
                }
                let Some((ours, theirs)) = self.sides(index) else {
                    continue;
                };
                let local = ours.content.parameters();
                let local = MediaKind::parse(&ours.line.media).zip(local);
                let remote = theirs.rtp().map(|rtp| (rtp.kind, &rtp.parameters));
                // The answer first: it tells what was agreed on.
                let said = match self.offerer {
                    Offerer::Us => [remote, local],
                    Offerer::Peer => [local, remote],
                };
                for (kind, parameters) in said.into_iter().flatten() {
                    // What is in conflict with something else is nobody's fault here.
                    let _ = ids.claim(kind, parameters);
                }
            }
        }
        ids.remember(&self.provisional.unwrap_or(self.before).ids);
        ids
    }

    fn sides(&self, index: usize) -> Option<(&LocalSection, &RemoteSection)> {
        self.local.sections.get(index).zip(self.remote.sections.get(index))
    }

    /// RFC 9429 §5.8.3, RFC 3264 §6: section by section, what an answer to our offer must keep.
    fn check_answer(&self) -> Result<(), NegotiationError> {
        let (offered, answered) = (self.local.sections.len(), self.remote.sections.len());
        if offered != answered {
            return Err(NegotiationError::SectionsMismatch { offered, answered });
        }
        for (index, (ours, theirs)) in self.local.sections.iter().zip(&self.remote.sections).enumerate() {
            let words = |media: &str, protocol: &str| format!("{media} {protocol}");
            if !ours.line.is_answered_by(&theirs.line) {
                return Err(NegotiationError::MediaMismatch {
                    section: index,
                    expected: words(&ours.line.media, &ours.line.protocol),
                    found: words(&theirs.line.media, &theirs.line.protocol),
                });
            }
            // Peers older than RFC 5888 leave the mid out.
            if let Some(found) = theirs.mid.as_ref().filter(|mid| **mid != ours.mid) {
                return Err(NegotiationError::MidMismatch {
                    section: index,
                    expected: ours.mid.clone(),
                    found: found.clone(),
                });
            }
        }
        Ok(())
    }

    /// Which sections are rejected, and why. What we offered with port zero stays rejected whatever the answer says:
    /// libdatachannel accepts it, which RFC 3264 §6 forbids.
    fn rejected(&self) -> Vec<Option<RejectReason>> {
        if self.offerer == Offerer::Peer {
            return self.local.sections.iter().map(LocalSection::rejected).collect();
        }
        let bundle_of = self.remote.bundle_of();
        let sections = self.local.sections.iter().zip(&self.remote.sections).zip(bundle_of);
        sections
            .map(|((ours, theirs), group)| {
                // RFC 9143 §7.4.1: answers of older peers have bundled sections with port zero.
                ours.rejected().or(theirs.rejected(group.is_some()))
            })
            .collect()
    }

    /// The BUNDLE groups of the answer, and which sections share a transport.
    fn bundled(&self, rejected: &[Option<RejectReason>]) -> (Vec<Vec<usize>>, Vec<Shared>) {
        let groups = self.groups(rejected);
        let alive = |index: usize| rejected.get(index).is_some_and(Option::is_none);
        let shared = bundle::shared(&groups, rejected.len(), alive);
        (groups, shared)
    }

    /// What answers our offer in a way that can't be used costs what would go over that transport. Whether there was any.
    fn reject_unusable(
        &self,
        shared: &[Shared],
        groups: &[Vec<usize>],
        rejected: &mut [Option<RejectReason>],
    ) -> Result<bool, NegotiationError> {
        let mut missing = None;
        let mut any = false;
        for shared in shared {
            let bundled = groups.iter().any(|group| group.contains(&shared.tagged));
            let Some(reason) = self.unusable(shared, bundled) else {
                continue;
            };
            any = true;
            for member in &shared.members {
                if let Some(slot) = rejected.get_mut(*member) {
                    slot.get_or_insert(reason);
                }
            }
            let section = shared.tagged;
            let has_fingerprint = self
                .remote
                .sections
                .get(section)
                .is_some_and(|section| section.has_fingerprint);
            let lacks = match reason {
                RejectReason::NoIceCredentials => Some(NegotiationError::MissingIceCredentials { section }),
                RejectReason::NoFingerprint if !has_fingerprint => {
                    Some(NegotiationError::MissingFingerprint { section })
                }
                _ => None,
            };
            missing = missing.or(lacks);
        }
        // Whoever gets no section learns more from an error.
        match missing {
            Some(missing) if rejected.iter().all(Option::is_some) => Err(missing),
            _ => Ok(any),
        }
    }

    /// Why the transport that an answer describes can't be used.
    fn unusable(&self, shared: &Shared, bundled: bool) -> Option<RejectReason> {
        let (ours, theirs) = self.sides(shared.tagged)?;
        let is_known = ours
            .key()
            .is_some_and(|key| self.before.transports.contains_key(&key.transport));
        let own = match &ours.state {
            LocalState::Active { description, .. } => description,
            LocalState::Rejected(_) => return None,
        };
        if *own == TransportDescription::BundleOnly && !bundled {
            return Some(RejectReason::BundleOnly);
        }
        // RFC 4145 §4: who answers so wants no connection now. A transport that is in use goes on.
        if theirs.setup == Some(Setup::HoldConn) && !is_known {
            return Some(RejectReason::HoldConn);
        }
        if theirs.credentials.is_none() {
            return Some(RejectReason::NoIceCredentials);
        }
        if theirs.fingerprints.is_empty() {
            return Some(RejectReason::NoFingerprint);
        }
        let is_required = self.config.rtcp_mux_policy == RtcpMuxPolicy::Require;
        (is_required && !self.rtcp_mux(shared)).then_some(RejectReason::NoRtcpMux)
    }

    /// The BUNDLE groups of the answer, without what is rejected.
    fn groups(&self, rejected: &[Option<RejectReason>]) -> Vec<Vec<usize>> {
        let groups = match self.offerer {
            Offerer::Us => &self.remote.bundles,
            Offerer::Peer => &self.local.bundles,
        };
        let alive = |index: &usize| rejected.get(*index).is_some_and(Option::is_none);
        let groups = groups.iter();
        let groups = groups.map(|group| group.iter().copied().filter(alive).collect::<Vec<usize>>());
        groups.filter(|group| !group.is_empty()).collect()
    }

    /// With what makes each of the peer's candidates that one.
    fn transport(&self, shared: &Shared) -> Result<(Transport, BTreeSet<String>), NegotiationError> {
        let section = shared.tagged;
        let missing = NegotiationError::MissingIceCredentials { section };
        let (ours, _) = self.sides(section).ok_or_else(|| missing.clone())?;
        let remote = remote_transport(self.remote, shared);
        let mut remote = remote.ok_or_else(|| missing.clone())?;
        let key = ours.key().ok_or(missing)?;
        if remote.fingerprints.is_empty() {
            return Err(NegotiationError::MissingFingerprint { section });
        }
        let before = self.before.transports.get(&key.transport).map(Box::as_ref);
        let earlier = self
            .provisional
            .and_then(|agreed| agreed.transports.get(&key.transport))
            .map(Box::as_ref);
        // RFC 9429 §5.10: an answer restarts ICE if the offer does. To a peer that has not, aiortc is one, our end is what it was.
        let ignored = before.filter(|_| self.offerer == Offerer::Us);
        let ignored = ignored
            .filter(|before| before.key.generation != key.generation && !before.remote.differs_in_credentials(&remote));
        let key = ignored.map_or(key, |before| before.key);
        let anew = self.check_association(section, before, earlier, &remote)?;
        // RFC 8842 §5.3: the roles of an association stay, whatever is said. Firefox answers every
        // re-offer with `active`, whatever it is; its certificate tells that the association goes on.
        let renewed = |known: &Transport| self.is_renewed(key, known, &remote) || self.is_moved(section, known);
        let dtls_role = match before.filter(|before| !anew && !renewed(before)) {
            Some(before) => before.dtls_role,
            None => self.dtls_role(section, ours),
        };
        let handshake = before.map_or(0, |before| {
            let last = earlier.unwrap_or(before);
            last.handshake.saturating_add(u32::from(renewed(last)))
        });
        let rtcp_mux = self.rtcp_mux(shared);
        for known in [before, earlier].into_iter().flatten() {
            if remote.tls_id.is_none() && !known.remote.differs_in_association(&remote) {
                remote.tls_id.clone_from(&known.remote.tls_id);
            }
        }
        let candidates = self.candidates(shared, key.transport, &mut remote);
        let same_generation = before
            .filter(|before| before.key.generation == key.generation && !before.remote.differs_in_credentials(&remote));
        let ice_role = same_generation.map_or_else(|| self.ice_role(&remote), |before| before.ice_role);
        // Counted from what a provisional answer said, which may have been somebody else's.
        let association = earlier.or(before).map_or(0, |last| {
            let anew = last.remote.differs_in_association(&remote);
            last.association.saturating_add(u32::from(anew))
        });
        let mid = self.local.sections.get(section).filter(|section| section.has_mid);
        remote.candidates = candidates.known;
        let transport = Transport {
            key,
            remote,
            dtls_role,
            ice_role,
            rtcp_mux,
            association,
            handshake,
            section,
            mid: mid.map(|section| section.mid.clone()),
        };
        Ok((transport, candidates.identities))
    }

    /// Those of the description, behind what is known of the same generation.
    fn candidates(&self, shared: &Shared, id: TransportId, remote: &mut RemoteTransport) -> Candidates {
        let maximum = self.config.candidates_maximum;
        let mut candidates = Candidates::default();
        for agreed in self.provisional.into_iter().chain([self.before]) {
            let known = agreed.transports.get(&id).map(|transport| &transport.remote);
            let Some(known) = known.filter(|known| !known.differs_in_credentials(remote)) else {
                continue;
            };
            remote.end_of_candidates |= known.end_of_candidates;
            match agreed.candidates.get(&id) {
                Some(identities) if candidates.known.is_empty() => {
                    candidates.known.clone_from(&known.candidates);
                    candidates.identities.clone_from(identities);
                }
                _ => candidates.extend(known.candidates.iter(), maximum),
            }
        }
        let sections = sections_of(self.remote, shared, &remote.ufrag);
        candidates.extend(sections.flat_map(|section| &section.candidates), maximum);
        candidates
    }

    /// Whether the peer's end of a transport is a new one, although nobody asked for that: an answer
    /// has new credentials where the offer has the old ones. So do browsers when the section that
    /// describes the transport is stopped: to them the transport ends with it, and another one with
    /// new credentials and a new DTLS handshake carries what was bundled. Ours never do: Firefox
    /// refuses such an answer.
    fn is_renewed(&self, key: TransportKey, known: &Transport, remote: &RemoteTransport) -> bool {
        let same_offer = known.key.generation == key.generation;
        self.offerer == Offerer::Us && same_offer && known.remote.differs_in_credentials(remote)
    }

    /// Whether the peer has begun another DTLS association where the section that described the
    /// transport is rejected now: Chromium answers that section with the role that it had, and the one
    /// that describes the transport from now on with the other role, and means it: it refuses whatever
    /// says later that the role is what it was. Its credentials stay.
    fn is_moved(&self, section: usize, known: &Transport) -> bool {
        let theirs = |index: usize| self.remote.sections.get(index);
        let was = theirs(known.section).filter(|was| was.port_zero && known.section != section);
        let (kept, other) = match known.dtls_role {
            DtlsRole::Client => (Setup::Passive, Setup::Active),
            DtlsRole::Server => (Setup::Active, Setup::Passive),
        };
        self.offerer == Offerer::Us
            && was.is_some_and(|was| was.setup == Some(kept))
            && theirs(section).is_some_and(|now| now.setup == Some(other))
    }

    /// Whether the peer asks for a new DTLS association, and may (RFC 9429 §5.8.3, §5.11).
    fn check_association(
        &self,
        section: usize,
        before: Option<&Transport>,
        earlier: Option<&Transport>,
        remote: &RemoteTransport,
    ) -> Result<bool, NegotiationError> {
        for known in [before, earlier].into_iter().flatten() {
            let anew = known.remote.differs_in_association(remote);
            if anew && !known.remote.differs_in_credentials(remote) {
                return Err(NegotiationError::NewDtlsAssociation { section });
            }
        }
        let anew = before.is_some_and(|before| before.remote.differs_in_association(remote));
        if anew && self.config.reassociation == Reassociation::Refuse {
            return Err(NegotiationError::NewDtlsAssociation { section });
        }
        Ok(anew)
    }

    /// RFC 8842 §5.3, §5.4: the answer decides.
    fn dtls_role(&self, section: usize, ours: &LocalSection) -> DtlsRole {
        let is_active = match self.offerer {
            Offerer::Peer => matches!(
                ours.state,
                LocalState::Active {
                    description: TransportDescription::Full {
                        setup: Setup::Active,
                        ..
                    },
                    ..
                }
            ),
            // RFC 4145 §4: an answer without it means passive, as an offer without it means active. One
            // that leaves it open is read so too, as libdatachannel and aiortc do.
            Offerer::Us => {
                let theirs = self.remote.sections.get(section);
                theirs.and_then(|theirs| theirs.setup) != Some(Setup::Active)
            }
        };
        if is_active { DtlsRole::Client } else { DtlsRole::Server }
    }

    /// RFC 8445 §6.1.1.
    fn ice_role(&self, remote: &RemoteTransport) -> IceRole {
        match (self.config.ice_lite, remote.ice_lite, self.offerer) {
            (false, true, _) | (false, false, Offerer::Us) | (true, true, Offerer::Us) => IceRole::Controlling,
            _ => IceRole::Controlled,
        }
    }

    /// Whether RTCP goes with RTP, as it does where there is none.
    fn rtcp_mux(&self, shared: &Shared) -> bool {
        let carries_rtp = |index: &usize| {
            let ours = self.local.sections.get(*index);
            ours.is_some_and(|ours| matches!(ours.content, LocalContent::Rtp(_)))
        };
        if !shared.members.iter().any(carries_rtp) {
            return true;
        }
        let says = |index: &usize| self.remote.sections.get(*index).is_some_and(|theirs| theirs.rtcp_mux);
        // A data section that describes the transport of media may leave it out where another says it.
        says(&shared.tagged) || (!carries_rtp(&shared.tagged) && shared.members.iter().any(says))
    }

    fn section(
        &self,
        index: usize,
        rejected: Option<RejectReason>,
        transport: Option<(TransportId, usize)>,
    ) -> Result<AgreedSection, NegotiationError> {
        let Some((ours, theirs)) = self.sides(index) else {
            let (offered, answered) = (self.local.sections.len(), self.remote.sections.len());
            return Err(NegotiationError::SectionsMismatch { offered, answered });
        };
        let (transport, tagged) = transport.unzip();
        let content = match (&ours.content, &theirs.content) {
            (LocalContent::Data(data), RemoteContent::Data(remote)) if rejected.is_none() => {
                AgreedContent::Data(AgreedData {
                    legacy: data.legacy,
                    local_port: data.port,
                    remote_port: remote.port,
                    max_message_size: remote.max_message_size,
                })
            }
            (LocalContent::Rtp(rtp), RemoteContent::Rtp(remote)) if rejected.is_none() => {
                let direction = match self.offerer {
                    // RFC 3264 §6.1, seen from us.
                    Offerer::Us => theirs.direction.reversed().intersect(rtp.direction),
                    Offerer::Peer => rtp.direction,
                };
                let mut said = remote.parameters.clone();
                // What the tagged section says of RTCP holds for its bundle (RFC 9143 §7.1.3).
                let tagged = tagged.and_then(|tagged| self.remote.sections.get(tagged));
                said.rtcp_rsize |= !theirs.rtcp_mux && tagged.is_some_and(|tagged| tagged.rtcp_rsize);
                let parameters = match self.offerer {
                    Offerer::Us => rtp.parameters.accept(&said),
                    Offerer::Peer => said.accept(&rtp.parameters).map(crate::rtp::NegotiatedRtp::reversed),
                };
                match (parameters, remote.parameters.idle()) {
                    (Ok(parameters), _) => AgreedContent::Rtp(Box::new(AgreedRtp {
                        transceiver: rtp.transceiver,
                        direction,
                        offered: (self.offerer == Offerer::Us).then_some(rtp.direction),
                        peer_offered: (self.offerer == Offerer::Peer).then_some(theirs.direction),
                        parameters,
                        streams: rtp.streams.clone(),
                    })),
                    // As an offer of codecs that we don't have.
                    (Err(_), Some(parameters)) => AgreedContent::Idle(Box::new(AgreedIdle {
                        reason: RejectReason::NoCommonCodec,
                        parameters,
                    })),
                    (Err(_), None) => AgreedContent::Unknown,
                }
            }
            (LocalContent::Idle(idle), RemoteContent::Rtp(_)) if rejected.is_none() => {
                AgreedContent::Idle(Box::new(AgreedIdle {
                    reason: idle.reason,
                    parameters: idle.parameters.clone(),
                }))
            }
            // An answer whose formats have become others than those it accepts.
            (LocalContent::Data(_) | LocalContent::Rtp(_), _) if rejected.is_none() => {
                return Err(NegotiationError::MediaMismatch {
                    section: index,
                    expected: format!("{} {}", ours.line.media, ours.line.formats),
                    found: format!("{} {}", theirs.line.media, theirs.line.formats),
                });
            }
            _ => AgreedContent::Unknown,
        };
        let rejected = match (&content, &theirs.content, rejected) {
            (AgreedContent::Unknown, RemoteContent::Rtp(_), None) => Some(RejectReason::NoCommonCodec),
            (AgreedContent::Unknown, _, None) => Some(RejectReason::Unsupported),
            (.., rejected) => rejected,
        };
        Ok(AgreedSection {
            mid: ours.mid.clone(),
            line: ours.line.clone(),
            rejected,
            transport: transport.filter(|_| rejected.is_none()),
            content,
        })
    }
}

/// How to reach the peer for these sections, as the tagged one says; without candidates.
pub(super) fn remote_transport(remote: &RemoteDescription, shared: &Shared) -> Option<RemoteTransport> {
    let tagged = remote.sections.get(shared.tagged)?;
    let (ufrag, pwd) = tagged.credentials.as_ref()?;
    Some(RemoteTransport {
        ufrag: ufrag.clone(),
        pwd: pwd.0.clone(),
        ice_lite: remote.ice_lite,
        trickle: remote.trickle,
        fingerprints: tagged.fingerprints.clone(),
        tls_id: tagged.tls_id.clone(),
        candidates: Vec::new(),
        end_of_candidates: sections_of(remote, shared, ufrag).any(|section| section.end_of_candidates),
    })
}

/// The sections that may have candidates of a transport: those of the whole group, also what we
/// reject of it (RFC 9143 §7.1.3), with the same credentials or none.
fn sections_of<'r>(
    remote: &'r RemoteDescription,
    shared: &'r Shared,
    ufrag: &str,
) -> impl Iterator<Item = &'r RemoteSection> {
    let group = remote.bundles.iter().find(|group| group.contains(&shared.tagged));
    let members = group.unwrap_or(&shared.members);
    let sections = members.iter().filter_map(|index| remote.sections.get(*index));
    sections.filter(move |section| match &section.credentials {
        Some((other, _)) => other == ufrag,
        None => true,
    })
}
