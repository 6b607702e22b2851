//! Candidates that come after their description (RFC 8838, RFC 8840): to which transport they
//! belong, and which are known already.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write;

use super::read::RemoteDescription;
use super::state::{Agreed, Exchange};
use super::{Effect, NegotiationError, Negotiator, RemoteTransport, TransportId};
use crate::attribute::Candidate;

/// A candidate as signaling carries it (W3C WebRTC §4.8.1 `RTCIceCandidateInit`).
///
/// ```
/// use pollrtc_sdp::negotiation::RemoteCandidate;
///
/// let candidate = RemoteCandidate {
///     candidate: "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
///     mid: Some("0"),
///     ..RemoteCandidate::default()
/// };
/// assert_eq!(candidate.ufrag, None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RemoteCandidate<'a> {
    /// `candidate:...`, or `a=candidate:...`, or its bare value; empty if no more will come.
    pub candidate: &'a str,
    /// The mid of its section. It comes before the index.
    pub mid: Option<&'a str>,
    /// The index of its section.
    pub section: Option<usize>,
    /// The generation it belongs to; else what the candidate itself says, else the latest.
    pub ufrag: Option<&'a str>,
}

/// Only its text. Of the sections only the end of all candidates needs none.
impl<'a> From<&'a str> for RemoteCandidate<'a> {
    fn from(candidate: &'a str) -> Self {
        Self {
            candidate,
            ..Self::default()
        }
    }
}

/// Only its text.
impl<'a> From<&'a String> for RemoteCandidate<'a> {
    fn from(candidate: &'a String) -> Self {
        Self::from(candidate.as_str())
    }
}

/// A candidate for an offer of the peer's that we have not answered: its transport is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trickled {
    section: usize,
    /// `None`: no more will come.
    candidate: Option<String>,
}

impl Negotiator {
    /// A candidate of the peer's came over signaling (RFC 9429 §4.1.19). One that is known already
    /// has no effect, nor has one for a section that is rejected.
    ///
    /// # Errors
    ///
    /// If it can't be read, there is no description of the peer's yet, or none of the peer's
    /// descriptions has its section or its ufrag. It is dropped then; the rest goes on.
    pub fn add_remote_candidate(&mut self, candidate: RemoteCandidate<'_>) -> Result<Vec<Effect>, NegotiationError> {
        let text = candidate.candidate.trim();
        let text = text.strip_prefix("a=").unwrap_or(text);
        let parsed = match text {
            "" | "end-of-candidates" => None,
            text => Some(Candidate::parse(text)?),
        };
        let ufrag = candidate.ufrag.or_else(|| parsed.as_ref().and_then(Candidate::ufrag));
        let line = parsed.map(|parsed| parsed.to_string());
        self.apply(|next| next.take_candidate(&candidate, line, ufrag))
    }

    fn take_candidate(
        &mut self,
        candidate: &RemoteCandidate<'_>,
        line: Option<String>,
        ufrag: Option<&str>,
    ) -> Result<(), NegotiationError> {
        let remote = self.remote().ok_or(NegotiationError::NoRemoteDescription)?.clone();
        let section = match (candidate.mid, candidate.section) {
            (Some(mid), _) => Some(remote.index_of_mid(mid).ok_or_else(|| self.unknown_mid(mid))?),
            (None, Some(index)) if index < remote.sections.len() => Some(index),
            // No more candidates in any section (RFC 9429 §4.1.19).
            (None, None) if line.is_none() => None,
            _ => return Err(NegotiationError::NoSuchSection),
        };
        let maximum = self.config.candidates_maximum;
        let mut taken = false;
        if let Exchange::Received {
            offer,
            trickled,
            provisional: None,
            ..
        } = &mut self.exchange
        {
            for index in chosen(section, offer.sections.len()) {
                let names = offer.ufrag_of(index);
                if names.is_some() && (ufrag.is_none() || ufrag == names) && trickled.len() < maximum {
                    trickled.push(Trickled {
                        section: index,
                        candidate: line.clone(),
                    });
                    taken = true;
                }
            }
        }
        for agreed in self.agreements() {
            let transports: BTreeSet<TransportId> = chosen(section, agreed.sections.len())
                .filter_map(|index| agreed.carrier_of(index, &remote))
                .collect();
            for transport in transports {
                let fits = |remote: &RemoteTransport| ufrag.is_none_or(|ufrag| ufrag == remote.ufrag);
                let known = agreed
                    .transports
                    .get(&transport)
                    .is_some_and(|transport| fits(&transport.remote));
                if known && let Some(transport) = Arc::make_mut(agreed).transports.get_mut(&transport) {
                    add(&mut transport.remote, line.as_deref(), maximum);
                    taken = true;
                }
            }
        }
        let rejected = section.is_some_and(|index| {
            let latest = self.in_force().sections.get(index);
            latest.is_some_and(|section| section.transport.is_none())
        });
        match ufrag {
            Some(ufrag) if !taken && !rejected => Err(NegotiationError::UnknownUfrag {
                ufrag: ufrag.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// What the peer's description does not have may be in our offer: then the candidate has overtaken
    /// the answer.
    fn unknown_mid(&self, mid: &str) -> NegotiationError {
        let offered = self.pending_form().into_iter().flat_map(|form| &form.sections);
        match offered.into_iter().any(|section| section.mid == mid) {
            true => NegotiationError::NoRemoteDescription,
            false => NegotiationError::NoSuchSection,
        }
    }

    /// What holds, and what a rollback would bring back.
    fn agreements(&mut self) -> impl Iterator<Item = &mut Arc<Agreed>> {
        let provisional = match &mut self.exchange {
            Exchange::Offered { provisional, .. } | Exchange::Received { provisional, .. } => provisional.as_mut(),
            _ => None,
        };
        let provisional = provisional.map(|provisional| &mut provisional.agreed);
        provisional.into_iter().chain([&mut self.agreed])
    }
}

fn chosen(section: Option<usize>, count: usize) -> impl Iterator<Item = usize> {
    match section {
        Some(index) => index..index.saturating_add(1),
        None => 0..count,
    }
}

impl RemoteDescription {
    /// The ufrag that holds for a section: its own, or that of its bundle.
    fn ufrag_of(&self, index: usize) -> Option<&str> {
        let ufrag = |index: usize| Some(self.sections.get(index)?.credentials.as_ref()?.0.as_str());
        ufrag(index).or_else(|| {
            let group = self.bundles.iter().find(|group| group.contains(&index))?;
            group.iter().find_map(|member| ufrag(*member))
        })
    }
}

impl Agreed {
    /// The transport that candidates for a section belong to. A peer that bundles may tell those of
    /// the whole group for a section that we reject (RFC 9143 §7.1.3).
    fn carrier_of(&self, index: usize, remote: &RemoteDescription) -> Option<TransportId> {
        let transport = |index: usize| self.sections.get(index)?.transport;
        transport(index).or_else(|| {
            let ufrag = remote.ufrag_of(index)?;
            let group = remote.bundles.iter().find(|group| group.contains(&index))?;
            let same = |id: &TransportId| self.transports.get(id).is_some_and(|known| known.remote.ufrag == ufrag);
            group.iter().filter_map(|member| transport(*member)).find(same)
        })
    }

    /// Candidates that came between the offer and our answer.
    pub(super) fn add_trickled(&mut self, trickled: &[Trickled], offer: &RemoteDescription, maximum: usize) {
        let mut found: BTreeMap<TransportId, Vec<String>> = BTreeMap::new();
        for each in trickled {
            let Some(id) = self.carrier_of(each.section, offer) else {
                continue;
            };
            match &each.candidate {
                Some(candidate) => found.entry(id).or_default().push(candidate.clone()),
                None => {
                    if let Some(transport) = self.transports.get_mut(&id) {
                        transport.remote.end_of_candidates = true;
                    }
                }
            }
        }
        for (id, new) in found {
            if let Some(remote) = self.transports.get_mut(&id).map(|transport| &mut transport.remote) {
                remote.candidates = unique(remote.candidates.iter().chain(&new), maximum);
            }
        }
    }
}

fn add(remote: &mut RemoteTransport, candidate: Option<&str>, maximum: usize) {
    let Some(candidate) = candidate else {
        remote.end_of_candidates = true;
        return;
    };
    let wanted = identity(candidate);
    let is_known = remote.candidates.iter().any(|known| identity(known) == wanted);
    if !is_known && remote.candidates.len() < maximum {
        remote.candidates.push(candidate.to_string());
    }
}

/// Adds what is known of the same generation.
pub(super) fn merge(remote: &mut RemoteTransport, known: &RemoteTransport, maximum: usize) {
    let all = known.candidates.iter().chain(&remote.candidates);
    remote.candidates = unique(all, maximum);
    remote.end_of_candidates |= known.end_of_candidates;
}

/// Each candidate once.
pub(super) fn unique<'c>(candidates: impl Iterator<Item = &'c String>, maximum: usize) -> Vec<String> {
    let mut candidates = candidates.peekable();
    let Some(first) = candidates.next().filter(|_| maximum > 0) else {
        return Vec::new();
    };
    if candidates.peek().is_none() {
        return [first.clone()].into();
    }
    let mut seen = BTreeSet::new();
    let all = [first].into_iter().chain(candidates);
    let new = all.filter(|candidate| seen.insert(identity(candidate)));
    new.take(maximum).cloned().collect()
}

/// What makes a candidate that one (RFC 8445 §5.1.3), whatever extensions it is told with: browsers
/// add `ufrag` where they trickle and leave it out in descriptions.
fn identity(candidate: &str) -> String {
    let Ok(candidate) = Candidate::parse(candidate) else {
        return candidate.to_string();
    };
    let mut identity = String::with_capacity(64);
    // Writing to a string can't fail.
    let _ = write!(
        identity,
        "{} {} {} {} {} {:?} {:?}",
        candidate.component,
        candidate.transport.to_ascii_lowercase(),
        candidate.address,
        candidate.port,
        candidate.kind,
        candidate.related,
        candidate.tcp_type
    );
    identity
}
