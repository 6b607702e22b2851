//! Connection ids of both directions (RFC 9146, RFC 9147 §9).
//!
//! Each side says which ids it wants to be sent; those that we ask for all have the same length, since
//! a record does not tell it.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use pollrtc_crypto::Rng;

use crate::config::ConnectionIdPolicy;
use crate::wire::Writer;
use crate::wire::ack::RecordNumber;
use crate::wire::v13::{ConnectionIdUsage, NewConnectionId};

/// The most ids of ours that are valid at the same time.
pub(crate) const MAX_OURS: usize = 8;
/// The most ids of the peer that are kept beside the one in use (RFC 9147 §9: more may be discarded).
const MAX_SPARES: usize = 8;
/// RFC 9147 §9: so many requests that can't be granted are excessive.
const MAX_FRUITLESS_REQUESTS: u8 = 16;

/// Never changes, hence no room to grow.
type Id = Box<[u8]>;

/// The ids of a connection that is configured to have some.
#[derive(Debug)]
pub(crate) struct ConnectionIds {
    agreement: Agreement,
    /// What the peer may send, oldest first; empty if we want none.
    ours: VecDeque<Id>,
    /// Which of ours the peer was last seen to use.
    in_use: usize,
    /// How many of the last of ours the peer has not been told.
    untold: usize,
    /// What it is to do with them.
    usage: ConnectionIdUsage,
    /// It has asked for some, and is told even if there are none.
    owes_answer: bool,
    /// Requests of the peer that it got nothing for.
    fruitless: u8,
    /// What we send; empty if the peer wants none.
    theirs: Id,
    /// What we may send instead, in this order.
    spares: VecDeque<Id>,
    request: Request,
    /// The newest record of the peer.
    newest: Option<RecordNumber>,
    /// Whether what came since the last time that somebody asked was newer than all before.
    has_newest: bool,
}

/// What the hellos say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agreement {
    /// Nothing yet.
    Open,
    /// The peer does not speak connection ids.
    None,
    /// Both do.
    Some,
}

/// Where our request for more ids stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    None,
    /// It waits to be sent.
    Wanted(u8),
    /// It is sent, and the peer's answer has not come.
    Sent,
}

/// The peer asks for more than it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyRequests;

impl ConnectionIds {
    pub(crate) fn new(policy: &ConnectionIdPolicy, rng: &mut Rng) -> Self {
        Self {
            agreement: Agreement::Open,
            ours: policy.choose(rng).into_iter().collect(),
            in_use: 0,
            untold: 0,
            usage: ConnectionIdUsage::Spare,
            owes_answer: false,
            fruitless: 0,
            theirs: Id::default(),
            spares: VecDeque::new(),
            request: Request::None,
            newest: None,
            has_newest: false,
        }
    }

    /// What our hello says.
    pub(crate) fn offer(&self) -> &[u8] {
        self.ours.front().map_or(&[], |id| id)
    }

    /// The length of all of ours.
    pub(crate) fn len(&self) -> u8 {
        u8::try_from(self.offer().len()).unwrap_or(u8::MAX)
    }

    /// All that the peer may send.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &[u8]> {
        self.ours.iter().map(|id| &id[..])
    }

    /// What goes into our encrypted records; empty for nothing.
    pub(crate) fn theirs(&self) -> &[u8] {
        &self.theirs
    }

    /// How many others we may send.
    pub(crate) fn spares(&self) -> usize {
        self.spares.len()
    }

    /// Bytes that are kept of what the peer says.
    pub(crate) fn memory(&self) -> usize {
        let spares = self.spares.iter().map(|id| id.len() + size_of::<Id>());
        self.theirs.len() + spares.sum::<usize>()
    }

    /// The peer's hello: the id that it wants, if it speaks of ids at all.
    pub(crate) fn agree(&mut self, theirs: Option<&[u8]>) {
        self.agreement = if theirs.is_some() {
            Agreement::Some
        } else {
            Agreement::None
        };
        self.theirs = theirs.unwrap_or_default().into();
    }

    /// Forgets the peer's hello.
    pub(crate) fn restart(&mut self) {
        self.agreement = Agreement::Open;
        self.theirs = Id::default();
        self.newest = None;
    }

    /// Whether a record with this id may be ours.
    pub(crate) fn takes(&self, id: &[u8]) -> bool {
        self.agreement != Agreement::None && self.position(id).is_some()
    }

    /// Whether the peer's encrypted records must have an id.
    pub(crate) fn is_expected(&self) -> bool {
        self.agreement == Agreement::Some && !self.ours.is_empty()
    }

    fn is_sent(&self) -> bool {
        self.agreement == Agreement::Some && !self.theirs.is_empty()
    }

    fn position(&self, id: &[u8]) -> Option<usize> {
        self.ours.iter().position(|ours| ours[..] == *id)
    }

    /// A record of the peer proved genuine. RFC 9146 §6: only one that is newer than all before tells
    /// where the peer is now.
    pub(crate) fn note(&mut self, number: RecordNumber, id: &[u8]) {
        if !self.is_expected() || self.newest.is_some_and(|newest| number <= newest) {
            return;
        }
        self.newest = Some(number);
        self.has_newest = true;
        if let Some(position) = self.position(id) {
            self.in_use = self.in_use.max(position);
        }
    }

    /// Whether there was such a record since this was set last.
    pub(crate) fn replace_newest(&mut self, has_newest: bool) -> bool {
        core::mem::replace(&mut self.has_newest, has_newest)
    }

    /// The next of the peer's ids takes the place of the one in use; tells whether there was one.
    pub(crate) fn use_next(&mut self) -> bool {
        match self.spares.pop_front() {
            Some(next) => {
                self.theirs = next;
                true
            }
            None => false,
        }
    }

    /// How many ids of ours could become valid now. Those before the one that the peer uses may go: it
    /// uses them in order.
    fn room(&self) -> usize {
        (MAX_OURS - self.ours.len()) + self.in_use
    }

    /// Makes new ids valid. `false`, and nothing changes, if there is no room for so many.
    pub(crate) fn issue(
        &mut self,
        policy: &ConnectionIdPolicy,
        rng: &mut Rng,
        count: u8,
        usage: ConnectionIdUsage,
    ) -> bool {
        if usize::from(count) > self.room() {
            return false;
        }
        for _ in 0..count {
            let Some(id) = policy.choose(rng) else { return false };
            if self.ours.len() >= MAX_OURS {
                self.ours.pop_front();
                self.in_use = self.in_use.saturating_sub(1);
            }
            self.ours.push_back(id);
            self.untold += 1;
        }
        self.usage = if count > 0 { self.usage.min(usage) } else { self.usage };
        true
    }

    /// Whether ids of ours can change: the peer speaks of ids, and we want some.
    pub(crate) fn may_issue(&self) -> bool {
        self.is_expected()
    }

    /// Whether we may ask for more: the peer wants ids.
    pub(crate) fn may_request(&self) -> bool {
        self.is_sent()
    }

    /// We would like to have more. `false` if a request is open (RFC 9147 §9).
    pub(crate) fn request(&mut self, count: u8) -> bool {
        let is_free = self.request == Request::None;
        if is_free && count > 0 {
            self.request = Request::Wanted(count);
        }
        is_free
    }

    /// The request that waits to be sent.
    pub(crate) fn take_request(&mut self) -> Option<u8> {
        let Request::Wanted(count) = self.request else {
            return None;
        };
        self.request = Request::Sent;
        Some(count)
    }

    /// Writes what the peer has not been told, if there is anything.
    pub(crate) fn take_untold(&mut self) -> Option<impl FnOnce(&mut Writer)> {
        let untold = core::mem::take(&mut self.untold);
        let usage = core::mem::replace(&mut self.usage, ConnectionIdUsage::Spare);
        let owes_answer = core::mem::take(&mut self.owes_answer);
        let first = self.ours.len().checked_sub(untold)?;
        (untold > 0 || owes_answer).then_some(move |writer: &mut Writer| {
            NewConnectionId::write(writer, self.ours.range(first..).map(|id| &id[..]), usage);
        })
    }

    /// The peer asks for more. RFC 9147 §9: it gets what there is room for, and is told when it asks in
    /// vain too often. Tells whether it gets any.
    pub(crate) fn handle_request(
        &mut self,
        policy: &ConnectionIdPolicy,
        rng: &mut Rng,
        count: u8,
    ) -> Result<bool, TooManyRequests> {
        let granted = usize::from(count).min(self.room());
        let granted = u8::try_from(granted).unwrap_or(u8::MAX);
        self.owes_answer = true;
        if granted == 0 {
            self.fruitless += 1;
            return match self.fruitless > MAX_FRUITLESS_REQUESTS {
                true => Err(TooManyRequests),
                false => Ok(false),
            };
        }
        self.fruitless = 0;
        Ok(self.issue(policy, rng, granted, ConnectionIdUsage::Spare))
    }

    /// The peer has new ids, none of them empty. `false` if there should have been one.
    pub(crate) fn handle_new(&mut self, message: &NewConnectionId<'_>) -> bool {
        if self.request == Request::Sent {
            self.request = Request::None;
        }
        let mut ids = message.iter();
        if message.usage == ConnectionIdUsage::Immediate {
            let Some(first) = ids.next() else { return false };
            // One of these from now on, hence none of those before.
            self.theirs = first.into();
            self.spares.clear();
        }
        let room = MAX_SPARES - self.spares.len();
        self.spares.extend(ids.take(room).map(Id::from));
        true
    }
}
