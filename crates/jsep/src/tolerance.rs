//! What the peer's description leaves out, or says otherwise than it may, and what is meant all the same: the rest of it tells,
//! or what was agreed before.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Deviation;
use super::bundle::{self, Shared};
use super::read::{RemoteDescription, RemoteSection};
use super::section::{LocalContent, LocalForm, LocalSection, LocalState, TransportDescription};
use super::state::Agreed;

impl RemoteDescription {
    /// Reads an answer's BUNDLE groups as what they can be: parts of those that we offered (RFC 9143 §7.3.3). Whatever else they
    /// say is told.
    ///
    /// What the answer puts into a group goes there, as with every browser. What was bundled stays so: an answer can't move it
    /// out, and we have no transport for it. What is bundle-only, or says nothing of a transport of its own, belongs to the
    /// bundle that it was offered in.
    pub(super) fn fit_bundles(&mut self, offer: &LocalForm) {
        let sections = offer.sections.iter().zip(&self.sections);
        let is_alive = |(ours, theirs): (&LocalSection, &RemoteSection)| {
            ours.rejected().is_none() && theirs.rejected(true).is_none()
        };
        let alive: Vec<bool> = sections.map(is_alive).collect();
        let mut groups = core::mem::take(&mut self.bundles);
        let mut deviating = BTreeSet::new();
        let is_alive = |index: &usize| alive.get(*index).copied().unwrap_or(false);
        let offered_in = bundle::group_of(&offer.bundles, alive.len());
        let offered = |index: usize| offered_in.get(index).copied().flatten();
        let mut answered_in = bundle::group_of(&groups, alive.len());
        for group in &groups {
            let mut members = group.iter().copied().filter(is_alive);
            let Some(tagged) = members.next() else { continue };
            deviating
                .extend(members.filter(|member| offered(*member).is_none() || offered(*member) != offered(tagged)));
        }
        for index in (0..alive.len()).filter(is_alive) {
            let bundle = offered(index).and_then(|group| offer.bundles.get(group));
            let others = bundle.into_iter().flatten().copied().filter(is_alive);
            let other = self.bundled_with(index, offer, others, &answered_in);
            let Some(other) = other.filter(|other| *other != index) else {
                continue;
            };
            let place = |section: usize| answered_in.get(section).copied().flatten();
            let (own, group) = (place(index), place(other));
            if own.is_some() && own == group {
                continue;
            }
            if let Some(own) = own.and_then(|own| groups.get_mut(own)) {
                own.retain(|member| *member != index);
            }
            let group = group.unwrap_or_else(|| {
                groups.push([other].into());
                groups.len().saturating_sub(1)
            });
            if let Some(members) = groups.get_mut(group) {
                members.push(index);
            }
            for section in [other, index] {
                if let Some(slot) = answered_in.get_mut(section) {
                    *slot = Some(group);
                }
            }
            deviating.insert(index);
        }
        groups.retain(|group| !group.is_empty());
        self.bundles = groups;
        self.deviate(
            deviating
                .into_iter()
                .map(|section| Deviation::BundleMismatch { section }),
        );
    }

    /// The first of those that it was offered with whose transport is that of a section too, whatever the answer's groups say.
    fn bundled_with(
        &self,
        index: usize,
        offer: &LocalForm,
        mut others: impl Iterator<Item = usize>,
        answered_in: &[Option<usize>],
    ) -> Option<usize> {
        let ours = offer.sections.get(index)?;
        let LocalState::Active { key, description } = &ours.state else {
            return None;
        };
        let answered = |index: usize| answered_in.get(index).is_some_and(Option::is_some);
        match description {
            TransportDescription::Bundled => {
                others.find(|other| offer.sections.get(*other).and_then(LocalSection::key) == Some(*key))
            }
            _ if answered(index) => None,
            description => {
                let other = others.find(|other| answered(*other))?;
                let credentials = |index: usize| self.sections.get(index)?.credentials.as_ref();
                let own = credentials(index);
                let is_bundled = *description == TransportDescription::BundleOnly && own == credentials(other);
                (own.is_none() || is_bundled).then_some(other)
            }
        }
    }

    /// RFC 3264 §6.1: whether this answer's directions go no further than those of the offer.
    pub(super) fn compare_directions(&mut self, offer: &LocalForm) {
        let pairs = offer.sections.iter().zip(&self.sections).enumerate();
        let wider: Vec<_> = pairs
            .filter_map(|(section, (ours, theirs))| {
                let LocalContent::Rtp(rtp) = &ours.content else {
                    return None;
                };
                let (offered, answered) = (rtp.direction, theirs.direction);
                let fits = answered.intersect(offered.reversed()) == answered;
                (!fits && ours.rejected().is_none() && !theirs.port_zero).then_some(Deviation::Direction {
                    section,
                    offered,
                    answered,
                })
            })
            .collect();
        self.deviate(wider);
    }

    /// Adds what has to be said and is not, and can be told: where sections are bundled, from the others of their bundle; where a
    /// transport is in use, from what was agreed. `offer` is ours, if this is its answer.
    pub(super) fn complete(&mut self, agreed: &Agreed, offer: Option<&LocalForm>) {
        let bundle_of = bundle::group_of(&self.bundles, self.sections.len());
        let is_bundled = |index: usize| bundle_of.get(index).is_some_and(Option::is_some);
        let alive = self.sections.iter().enumerate().map(|(index, section)| {
            let ours = offer.and_then(|offer| offer.sections.get(index));
            ours.is_none_or(|ours| ours.rejected().is_none()) && !section.is_rejected(is_bundled(index))
        });
        let alive: Vec<bool> = alive.collect();
        let mut deviations = Vec::new();
        for shared in bundle::shared(&self.bundles, alive.len(), |index| alive.get(index) == Some(&true)) {
            let bundled = is_bundled(shared.tagged).then(|| self.complete_bundle(&shared, &mut deviations));
            let known = shared
                .members
                .iter()
                .filter_map(|index| agreed.sections.get(*index)?.transport);
            let known = known.filter_map(|id| agreed.transports.get(&id)).next();
            let tagged = bundled.unwrap_or(shared.tagged);
            let (Some(known), Some(section)) = (known, self.sections.get_mut(tagged)) else {
                continue;
            };
            if section.fingerprints.is_empty() {
                section.fingerprints.clone_from(&known.remote.fingerprints);
                section.has_fingerprint = true;
                deviations.push(Deviation::FingerprintMissing { section: tagged });
            }
            let carried_rtp = agreed
                .sections
                .get(tagged)
                .is_some_and(|section| section.rtp().is_some());
            if !section.rtcp_mux && bundled.is_none() && known.rtcp_mux && carried_rtp {
                section.rtcp_mux = true;
                deviations.push(Deviation::RtcpMuxMissing { section: tagged });
            }
        }
        self.deviate(deviations);
    }

    /// RFC 9143 §7.1.3: the first section describes the transport of all. Some peers have it described by another, and all that
    /// bundle multiplex RTCP (§9.3), also those that don't say so. The index of the first section.
    fn complete_bundle(&mut self, bundle: &Shared, deviations: &mut Vec<Deviation>) -> usize {
        let members = || {
            bundle
                .members
                .iter()
                .filter_map(|index| Some((*index, self.sections.get(*index)?)))
        };
        let with_port = members().find(|(_, section)| !section.port_zero);
        let Some((tagged, described)) = with_port.or(members().next()) else {
            return bundle.tagged;
        };
        let media = members()
            .filter(|(_, section)| section.rtp().is_some())
            .map(|(index, _)| index);
        let media: Vec<usize> = media.collect();
        let any_mux = || members().any(|(_, section)| section.rtcp_mux);
        let says_mux = described.rtcp_mux || (described.rtp().is_none() && any_mux());
        let other = members().find(|(_, section)| section.credentials.is_some());
        let other = other.filter(|_| described.credentials.is_none());
        let other = other.map(|(_, other)| (other.credentials.clone(), other.setup, other.tls_id.clone()));
        let certified = members().find(|(_, section)| section.has_fingerprint);
        let certified = certified.filter(|_| !described.has_fingerprint);
        let fingerprints = certified.map(|(_, certified)| certified.fingerprints.clone());
        if other.is_some() || fingerprints.is_some() {
            deviations.push(Deviation::TransportElsewhere { section: tagged });
        }
        if let Some(section) = self.sections.get_mut(tagged) {
            if let Some((credentials, setup, tls_id)) = other {
                (section.credentials, section.setup, section.tls_id) = (credentials, setup, tls_id);
            }
            if let Some(fingerprints) = fingerprints {
                (section.fingerprints, section.has_fingerprint) = (fingerprints, true);
            }
        }
        if let Some(first) = media.first().filter(|_| !says_mux) {
            deviations.push(Deviation::RtcpMuxMissing { section: *first });
            for index in &media {
                if let Some(section) = self.sections.get_mut(*index) {
                    section.rtcp_mux = true;
                }
            }
        }
        tagged
    }
}
