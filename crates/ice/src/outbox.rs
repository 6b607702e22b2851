//! The outbox: requests until they are answered or given up, and all that waits to be sent.

use alloc::collections::VecDeque;
use core::time::Duration;

use pollrtc_core::{Flow, Instant, Transmit};
use pollrtc_stun::{AttributeType, Builder, Class, ErrorCode, Message, Method, TransactionId};

use crate::config::Config;
use crate::event::Role;
use crate::generations::Generations;
use crate::stats::Stats;
use crate::transaction::{Claim, Purpose, Schedule, Transaction, Transactions};

/// Requests that await their response, and what waits to be sent.
#[derive(Debug)]
pub(crate) struct Outbox {
    transactions: Transactions,
    queue: VecDeque<Outgoing>,
    /// What is said to strangers, once `queue` is empty.
    refusals: VecDeque<Response>,
    checks: Schedule,
    gathering: Schedule,
    /// Requests are bounded by the checklist, so this bounds the responses.
    max_queued: usize,
    max_refusals: usize,
}

/// Something to send.
#[derive(Clone, Copy, Debug)]
enum Outgoing {
    /// A transaction's request, as it stands when it is written.
    Request(TransactionId),
    Response(Response),
    /// A Binding indication on the path (RFC 8445 §11).
    Keepalive(TransactionId),
}

/// A response, kept as what it says: a request that is repeated gets the same bytes again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Response {
    pub(crate) transaction: TransactionId,
    /// The way that the request came.
    pub(crate) flow: Flow,
    /// Which generation's key signs it; `None` before authentication.
    pub(crate) generation: Option<u32>,
    pub(crate) answer: Answer,
}

/// What a response says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Success,
    Error(u16),
    /// 420 with the first few types that we don't know.
    UnknownAttributes([Option<AttributeType>; MAX_UNKNOWN]),
}

/// How many unknown attributes a 420 names.
const MAX_UNKNOWN: usize = 4;

/// How many responses wait to be sent at most; what comes on top is dropped, and asked again.
const MAX_RESPONSES: usize = 128;

/// A buffer of this size holds every message of ours.
pub(crate) const LONGEST_MESSAGE: usize = 1280;

impl Answer {
    pub(crate) fn unknown_attributes(message: &Message<'_>) -> Self {
        let mut unknown = [None; MAX_UNKNOWN];
        for (place, kind) in unknown.iter_mut().zip(message.unknown_comprehension_required()) {
            *place = Some(kind);
        }
        Self::UnknownAttributes(unknown)
    }
}

impl Outbox {
    pub(crate) fn new(config: &Config) -> Self {
        let timing = &config.timing;
        let gather_transmissions = timing.gather_transmissions;
        Self {
            transactions: Transactions::default(),
            queue: VecDeque::new(),
            refusals: VecDeque::new(),
            checks: Schedule {
                rto: timing.retransmission,
                transmissions: timing.check_transmissions,
                last_wait: timing.last_wait,
            },
            gathering: Schedule {
                rto: timing.retransmission,
                transmissions: gather_transmissions,
                last_wait: timing.last_wait.min(1 << (gather_transmissions - 1).min(6)),
            },
            max_queued: MAX_RESPONSES + config.max_pairs,
            max_refusals: config.max_waiting_refusals,
        }
    }

    /// How many requests are open and how many messages wait.
    pub(crate) fn len(&self) -> usize {
        self.transactions.len() + self.queue.len() + self.refusals.len()
    }

    pub(crate) fn has_nothing_to_send(&self) -> bool {
        self.queue.is_empty() && self.refusals.is_empty()
    }

    pub(crate) fn get(&self, id: &TransactionId) -> Option<&Transaction> {
        self.transactions.get(id)
    }

    /// Puts out a request of this id, to be repeated until it is answered. `crowd` is the time that it takes to begin
    /// all transactions that wait or are in progress: no retransmission is to come before (RFC 8445 §14.3).
    pub(crate) fn request(&mut self, now: Instant, id: TransactionId, purpose: Purpose, flow: Flow, crowd: Duration) {
        let rto = self.schedule(purpose).rto.max(crowd);
        self.start(id, Transaction::new(now, purpose, flow, rto));
    }

    /// Puts out a request that is sent once, beside another one for the same purpose.
    pub(crate) fn request_once(&mut self, now: Instant, id: TransactionId, purpose: Purpose, flow: Flow) {
        let schedule = self.schedule(purpose);
        let wait = schedule.wait_after(schedule.transmissions);
        let transaction = Transaction {
            cancelled: true,
            is_extra: true,
            ..Transaction::new(now, purpose, flow, wait)
        };
        self.start(id, transaction);
    }

    /// Puts out a request; what follows at its deadline depends on its purpose.
    pub(crate) fn start(&mut self, id: TransactionId, transaction: Transaction) {
        self.transactions.insert(id, transaction);
        self.queue_request(id);
    }

    fn queue_request(&mut self, id: TransactionId) {
        let mut queued_before = true;
        self.transactions.update(&id, |transaction| {
            queued_before = core::mem::replace(&mut transaction.queued, true);
            transaction.transmissions += u32::from(!queued_before);
        });
        if !queued_before {
            self.queue.push_back(Outgoing::Request(id));
        }
    }

    fn schedule(&self, purpose: Purpose) -> Schedule {
        match purpose {
            Purpose::Gather { .. } => self.gathering,
            Purpose::Check(..) | Purpose::Consent(_) => self.checks,
        }
    }

    /// Retransmits what is due, up to the first request that is given up; the caller asks until there is none.
    /// `is_moot` tells of a request whether nobody waits for its answer any more, `may_send` whether it may be repeated
    /// now: else that is left out.
    pub(crate) fn give_up_one(
        &mut self,
        now: Instant,
        is_moot: impl Fn(&Transaction) -> bool,
        mut may_send: impl FnMut(&Transaction) -> bool,
    ) -> Option<(TransactionId, Transaction)> {
        while let Some(id) = self.transactions.due(now) {
            let transaction = *self.transactions.get(&id)?;
            if let Purpose::Consent(_) = transaction.purpose {
                // RFC 7675 §5.1: sent once; its silence is noticed by the path, not here.
                self.transactions.remove(&id);
                continue;
            }
            let schedule = self.schedule(transaction.purpose).with_rto(transaction.rto);
            // After a sleep of the machine the time may be over before all were sent.
            let deadline = now + schedule.wait_after(transaction.transmissions + 1);
            let is_over = is_moot(&transaction)
                || deadline <= now // the end of time
                || transaction.transmissions >= schedule.transmissions
                || now - transaction.started_at >= schedule.total()
                || transaction.cancelled;
            if is_over {
                self.transactions.remove(&id);
                return Some((id, transaction));
            }
            self.transactions
                .update(&id, |transaction| transaction.deadline = deadline);
            if may_send(&transaction) {
                self.queue_request(id);
            } else {
                self.transactions
                    .update(&id, |transaction| transaction.transmissions += 1);
            }
        }
        None
    }

    /// No more retransmissions, but an answer is still welcome (RFC 8445 §7.3.1.4).
    pub(crate) fn cancel(&mut self, now: Instant, id: &TransactionId) {
        let total = self.checks.total();
        self.transactions.update(id, |transaction| {
            if !transaction.cancelled {
                transaction.cancelled = true;
                transaction.deadline = now.max(transaction.started_at + total);
            }
        });
    }

    /// A request was answered.
    pub(crate) fn remove(&mut self, id: &TransactionId) {
        self.transactions.remove(id);
    }

    /// Forgets requests that nobody waits for any more.
    pub(crate) fn retain_requests(&mut self, mut keep: impl FnMut(&Transaction) -> bool) {
        self.transactions.retain(|_, transaction| keep(transaction));
    }

    /// The beginning with its many checks is over.
    pub(crate) fn shrink(&mut self) {
        self.transactions.shrink();
        self.queue.shrink_to(2);
    }

    /// Forgets what would leave from a base that is gone; tells how many questions to servers were among it.
    pub(crate) fn forget_flows(&mut self, is_gone: impl Fn(Flow) -> bool) -> usize {
        let mut questions = 0;
        self.transactions.retain(|_, transaction| {
            let forgotten = is_gone(transaction.flow);
            questions += usize::from(forgotten && matches!(transaction.purpose, Purpose::Gather { .. }));
            !forgotten
        });
        self.queue
            .retain(|outgoing| !matches!(outgoing, Outgoing::Response(response) if is_gone(response.flow)));
        self.refusals.retain(|refusal| !is_gone(refusal.flow));
        questions
    }

    pub(crate) fn clear(&mut self) {
        self.transactions.retain(|_, _| false);
        self.queue.clear();
        self.refusals.clear();
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.transactions.next_deadline()
    }

    /// What is signed answers the peer; all else goes to strangers, of whom there may be many.
    pub(crate) fn respond(&mut self, response: Response, stats: &mut Stats) {
        if response.generation.is_none() {
            if self.refusals.len() < self.max_refusals {
                self.refusals.push_back(response);
            } else {
                stats.refusal_queue_full += 1;
            }
            return;
        }
        if self.queue.len() >= self.max_queued {
            stats.response_queue_full += 1;
            return;
        }
        self.queue.push_back(Outgoing::Response(response));
    }

    /// Puts out a Binding indication, unless one waits already.
    pub(crate) fn keep_alive(&mut self, id: TransactionId) {
        let waits = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Keepalive(_));
        if !self.queue.iter().any(waits) {
            self.queue.push_back(Outgoing::Keepalive(id));
        }
    }

    /// Writes the first thing that waits. It stays if the buffer is too small. Keepalives take the `path`.
    pub(crate) fn write_next(
        &mut self,
        now: Instant,
        generations: &Generations,
        path: Option<Flow>,
        stats: &mut Stats,
        buf: &mut [u8],
    ) -> Option<Transmit> {
        while let Some(outgoing) = self.queue.front().copied() {
            let written = match outgoing {
                Outgoing::Request(id) => self.write_request(&id, generations, buf),
                Outgoing::Response(response) => write_response(&response, generations, buf),
                Outgoing::Keepalive(id) => write_keepalive(id, path, buf),
            };
            match written {
                Written::Done(transmit) => {
                    self.queue.pop_front();
                    self.count_sent(now, outgoing, stats);
                    return Some(transmit);
                }
                Written::TooSmall if buf.len() < LONGEST_MESSAGE => return None,
                Written::TooSmall | Written::Moot => {
                    self.queue.pop_front();
                }
            }
        }
        self.write_refusal(generations, stats, buf)
    }

    fn write_refusal(&mut self, generations: &Generations, stats: &mut Stats, buf: &mut [u8]) -> Option<Transmit> {
        let refusal = self.refusals.front()?;
        let Written::Done(transmit) = write_response(refusal, generations, buf) else {
            return None;
        };
        self.refusals.pop_front();
        stats.responses_sent += 1;
        Some(transmit)
    }

    fn count_sent(&mut self, now: Instant, outgoing: Outgoing, stats: &mut Stats) {
        match outgoing {
            Outgoing::Request(id) => {
                stats.requests_sent += 1;
                self.transactions.update(&id, |transaction| {
                    transaction.queued = false;
                    let repeated = transaction.transmissions > 1;
                    if !repeated {
                        // The round trip begins when the caller takes it, not when we wanted to.
                        transaction.started_at = now;
                    }
                    stats.retransmissions_sent += u64::from(repeated);
                    stats.consent_checks_sent += u64::from(matches!(transaction.purpose, Purpose::Consent(_)));
                });
            }
            Outgoing::Response(_) => stats.responses_sent += 1,
            Outgoing::Keepalive(_) => {}
        }
    }

    fn write_request(&self, id: &TransactionId, generations: &Generations, buf: &mut [u8]) -> Written {
        let Some(transaction) = self.transactions.get(id) else {
            return Written::Moot;
        };
        let builder = Builder::new(buf, Class::Request, Method::BINDING, *id);
        let built = match transaction.purpose {
            Purpose::Gather { .. } => builder.fingerprint().finish(),
            Purpose::Check(_, claim) | Purpose::Consent(claim) => match sign_check(builder, claim, generations) {
                Some(builder) => builder.finish(),
                None => return Written::Moot,
            },
        };
        Written::from(built.ok(), transaction.flow)
    }
}

/// RFC 8445 §7.2.4: what all checks carry.
fn sign_check<'b>(builder: Builder<'b>, claim: Claim, generations: &Generations) -> Option<Builder<'b>> {
    let remote = generations.keys(claim.generation)?.remote.as_ref()?;
    let builder = builder.username(&remote.username).priority(claim.priority);
    let builder = match claim.role {
        Role::Controlling => builder.ice_controlling(claim.tie_breaker),
        Role::Controlled => builder.ice_controlled(claim.tie_breaker),
    };
    let builder = if claim.nominates {
        builder.use_candidate()
    } else {
        builder
    };
    Some(builder.message_integrity(&remote.key).fingerprint())
}

fn write_response(response: &Response, generations: &Generations, buf: &mut [u8]) -> Written {
    let key = match response.generation {
        None => None,
        Some(number) => match generations.keys(number) {
            Some(keys) => Some(&keys.local_key),
            None => return Written::Moot,
        },
    };
    let class = match response.answer {
        Answer::Success => Class::SuccessResponse,
        Answer::Error(_) | Answer::UnknownAttributes(_) => Class::ErrorResponse,
    };
    let builder = Builder::new(buf, class, Method::BINDING, response.transaction);
    let builder = match response.answer {
        Answer::Success => builder.xor_mapped_address(response.flow.remote()),
        // No phrases: an answer should not be longer than what it answers.
        Answer::Error(code) => builder.error_code(code, ""),
        Answer::UnknownAttributes(unknown) => builder
            .error_code(ErrorCode::UNKNOWN_ATTRIBUTE, "")
            .unknown_attributes(unknown.into_iter().flatten()),
    };
    let builder = match key {
        Some(key) => builder.message_integrity(key),
        None => builder,
    };
    Written::from(builder.fingerprint().finish().ok(), response.flow)
}

fn write_keepalive(id: TransactionId, path: Option<Flow>, buf: &mut [u8]) -> Written {
    let Some(path) = path else {
        return Written::Moot;
    };
    let built = Builder::new(buf, Class::Indication, Method::BINDING, id)
        .fingerprint()
        .finish();
    Written::from(built.ok(), path)
}

enum Written {
    Done(Transmit),
    TooSmall,
    /// What it was about is gone.
    Moot,
}

impl Written {
    fn from(len: Option<usize>, flow: Flow) -> Self {
        match len {
            Some(len) => Self::Done(Transmit::new(flow, len)),
            None => Self::TooSmall,
        }
    }
}
