//! Events that the caller has not taken yet.

use alloc::collections::VecDeque;

use crate::candidate::Candidate;
use crate::event::Event;

/// The queue of events.
#[derive(Debug, Default)]
pub(crate) struct Events(VecDeque<Event>);

/// How many events of the kinds that can repeat without end are kept.
const MAX_REPEATABLE: usize = 64;

impl Events {
    /// Queues an event. A caller who never takes any loses the oldest news of the kind that can
    /// repeat without end, and keeps the latest.
    pub(crate) fn push(&mut self, event: Event) {
        let repeats = |event: &Event| matches!(event, Event::StateChanged(_) | Event::PathChanged(_));
        if repeats(&event)
            && self.0.iter().filter(|event| repeats(event)).count() >= MAX_REPEATABLE
            && let Some(oldest) = self.0.iter().position(repeats)
        {
            self.0.remove(oldest);
        }
        self.0.push_back(event);
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.0.pop_front();
        if self.0.is_empty() {
            // There are few after the beginning.
            self.0 = VecDeque::new();
        }
        event
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes back candidates that were not signalled yet.
    pub(crate) fn retain_candidates(&mut self, keep: impl Fn(&Candidate) -> bool) {
        self.0.retain(|event| match event {
            Event::Candidate(candidate) => keep(candidate),
            _ => true,
        });
    }

    /// Takes back names that nobody waits for any more.
    pub(crate) fn forget_names(&mut self) {
        self.0.retain(|event| !matches!(event, Event::ResolveMdns { .. }));
    }
}
