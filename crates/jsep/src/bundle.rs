//! Which sections share a transport (RFC 9143), and which of them describes it.

use alloc::vec::Vec;

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

/// Which of these groups each section is in.
pub(super) fn group_of(groups: &[Vec<usize>], sections: usize) -> Vec<Option<usize>> {
    let mut group_of = alloc::vec![None; sections];
    for (group, members) in groups.iter().enumerate() {
        for member in members {
            if let Some(slot) = group_of.get_mut(*member) {
                *slot = Some(group);
            }
        }
    }
    group_of
}
