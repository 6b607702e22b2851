//! Which sections share a transport (RFC 9143), and which of them describes it.

use alloc::vec::Vec;

use super::read::RemoteDescription;

/// The sections of one transport: a BUNDLE group, or one section on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shared {
    /// The one that describes the transport.
    pub(super) tagged: usize,
    /// All of them, the tagged one first.
    pub(super) members: Vec<usize>,
}

impl Shared {
    /// A group without those of its members that are not `alive`; `None` if nothing is left.
    pub(super) fn of_group(group: &[usize], alive: impl Fn(usize) -> bool) -> Option<Self> {
        let members: Vec<usize> = group.iter().copied().filter(|member| alive(*member)).collect();
        let tagged = *members.first()?;
        Some(Self { tagged, members })
    }

    /// A section that is in no group.
    pub(super) fn alone(section: usize) -> Self {
        Self {
            tagged: section,
            members: [section].into(),
        }
    }

    /// Moves `tagged` to the front.
    pub(super) fn tag(mut self, tagged: usize) -> Self {
        self.members.retain(|member| *member != tagged);
        self.members.insert(0, tagged);
        Self { tagged, ..self }
    }
}

/// Groups, then the sections that are in none of them, as far as they are alive.
pub(super) fn shared(groups: &[Vec<usize>], sections: usize, alive: impl Fn(usize) -> bool) -> Vec<Shared> {
    let mut in_group = alloc::vec![false; sections];
    let mut all = Vec::new();
    for group in groups {
        if let Some(shared) = Shared::of_group(group, &alive) {
            for member in &shared.members {
                if let Some(slot) = in_group.get_mut(*member) {
                    *slot = true;
                }
            }
            all.push(shared);
        }
    }
    let alone = in_group.iter().enumerate().filter(|(_, bundled)| !**bundled);
    all.extend(
        alone
            .map(|(index, _)| index)
            .filter(|index| alive(*index))
            .map(Shared::alone),
    );
    all
}

/// The section of an offered group that describes its transport: the first that is alive and has a
/// port (RFC 9143 §7.3.1). Browsers describe it in bundle-only sections too: where nothing better
/// is left, one of those will do. `None` if none describes it.
pub(super) fn tagged_of_offer(offer: &RemoteDescription, shared: &Shared) -> Option<usize> {
    let describes = |index: &usize| {
        offer
            .sections
            .get(*index)
            .is_some_and(|section| section.credentials.is_some())
    };
    let has_port = |index: &usize| offer.sections.get(*index).is_some_and(|section| !section.port_zero);
    let members = || shared.members.iter().copied();
    members()
        .find(|index| describes(index) && has_port(index))
        .or_else(|| members().find(describes))
}
