//! Candidates that come after their description (RFC 8838, RFC 8840), and to which transport they belong.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::candidates::{Told, Trickled, identity};
use super::read::RemoteDescription;
use super::state::{Agreed, Exchange};
use super::{Effect, NegotiationError, Negotiator, Transport, TransportId};
use pollrtc_sdp::attribute::{Candidate, OwnedCandidate};

/// A candidate as signaling carries it (W3C WebRTC §4.8.1 `RTCIceCandidateInit`).
///
/// ```
/// use pollrtc_jsep::RemoteCandidate;
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
        let told = parsed.as_ref().map(|parsed| Told {
            candidate: OwnedCandidate::from(*parsed),
            identity: identity(parsed),
        });
        self.take_candidate(&candidate, told.as_ref(), ufrag)
    }

    /// In place, not on a copy: candidates come one by one, and each has to cost the same, however
    /// much has been described and told before. Nothing has changed where there is an error.
    fn take_candidate(
        &mut self,
        candidate: &RemoteCandidate<'_>,
        told: Option<&Told>,
        ufrag: Option<&str>,
    ) -> Result<Vec<Effect>, NegotiationError> {
        let remote = self.remote().ok_or(NegotiationError::NoRemoteDescription)?.clone();
        let section = match (candidate.mid, candidate.section) {
            (Some(mid), _) => Some(remote.index_of_mid(mid).ok_or_else(|| self.unknown_mid(mid))?),
            (None, Some(index)) if index < remote.sections.len() => Some(index),
            // No more candidates in any section (RFC 9429 §4.1.19).
            (None, None) if told.is_none() => None,
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
                        candidate: told.cloned(),
                    });
                    taken = true;
                }
            }
        }
        let mut effects = Vec::new();
        let mut in_force = BTreeSet::new();
        for agreed in self.agreements() {
            let transports: BTreeSet<TransportId> = chosen(section, agreed.sections.len())
                .filter_map(|index| agreed.transport_of(index, &remote))
                .collect();
            for id in transports {
                let transport = agreed.transports.get(&id);
                let fits = |transport: &Transport| ufrag.is_none_or(|ufrag| ufrag == transport.remote.ufrag);
                if !transport.is_some_and(|transport| fits(transport)) {
                    continue;
                }
                taken = true;
                if !agreed.lacks(id, told, maximum) {
                    continue;
                }
                let end_of_candidates = Arc::make_mut(agreed).add(id, told);
                // What a rollback would bring back has no effect before.
                if !in_force.contains(&id) {
                    effects.push(Effect::RemoteCandidates {
                        transport: id,
                        candidates: told.iter().map(|told| told.candidate.clone()).collect(),
                        end_of_candidates,
                    });
                }
            }
            in_force.extend(agreed.transports.keys().copied());
        }
        let rejected = section.is_some_and(|index| {
            let latest = self.in_force().sections.get(index);
            latest.is_some_and(|section| section.transport.is_none())
        });
        match ufrag {
            Some(ufrag) if !taken && !rejected => Err(NegotiationError::UnknownUfrag {
                ufrag: ufrag.to_string(),
            }),
            _ => Ok(effects),
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
    fn transport_of(&self, index: usize, remote: &RemoteDescription) -> Option<TransportId> {
        let transport = |index: usize| self.sections.get(index)?.transport;
        transport(index).or_else(|| {
            let ufrag = remote.ufrag_of(index)?;
            let group = remote.bundles.iter().find(|group| group.contains(&index))?;
            let same = |id: &TransportId| self.transports.get(id).is_some_and(|known| known.remote.ufrag == ufrag);
            group.iter().filter_map(|member| transport(*member)).find(same)
        })
    }

    /// Whether this candidate, or the end of them, is new to a transport that has room for it.
    fn lacks(&self, id: TransportId, told: Option<&Told>, maximum: usize) -> bool {
        let Some(remote) = self.transports.get(&id).map(|transport| &transport.remote) else {
            return false;
        };
        match told {
            None => !remote.end_of_candidates,
            Some(told) => {
                let is_known = |known: &BTreeSet<String>| known.contains(&told.identity);
                remote.candidates.len() < maximum && !self.candidates.get(&id).is_some_and(is_known)
            }
        }
    }

    /// Adds a candidate, or the end of them; whether no more come.
    fn add(&mut self, id: TransportId, told: Option<&Told>) -> bool {
        let Some(remote) = self.transports.get_mut(&id).map(|transport| &mut transport.remote) else {
            return false;
        };
        match told {
            None => remote.end_of_candidates = true,
            Some(told) => {
                self.candidates.entry(id).or_default().insert(told.identity.clone());
                remote.candidates.push(told.candidate.clone());
            }
        }
        remote.end_of_candidates
    }

    /// Candidates that came between the offer and our answer.
    pub(super) fn add_trickled(&mut self, trickled: &[Trickled], offer: &RemoteDescription, maximum: usize) {
        for each in trickled {
            let Some(id) = self.transport_of(each.section, offer) else {
                continue;
            };
            if self.lacks(id, each.candidate.as_ref(), maximum) {
                self.add(id, each.candidate.as_ref());
            }
        }
    }
}
