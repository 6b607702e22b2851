//! Writing messages into the caller's buffer.

use core::net::SocketAddr;

use pollrtc_core::Transmit;
use pollrtc_stun as stun;
use pollrtc_stun::{AttributeType, Builder, Class, Message, Method};

use super::Agent;
use crate::event::Role;
use crate::transactions::{Purpose, Transaction, TransactionId};

/// Something to send.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outgoing {
    /// A transaction's request, as it stands when it is written.
    Request(TransactionId),
    Response(Response),
    /// A Binding indication on the path (RFC 8445 §11).
    Keepalive,
}

/// A response, kept as what it says: a request that is repeated gets the same bytes again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    pub(super) transaction: stun::TransactionId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Whose key signs it; `None` before authentication.
    pub(super) session: Option<u32>,
    pub(super) answer: Answer,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
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
const LONGEST_MESSAGE: usize = 1280;

impl Answer {
    pub(super) fn unknown_attributes(message: &Message<'_>) -> Self {
        let mut unknown = [None; MAX_UNKNOWN];
        for (place, kind) in unknown.iter_mut().zip(message.unknown_comprehension_required()) {
            *place = Some(kind);
        }
        Self::UnknownAttributes(unknown)
    }
}

impl Agent {
    pub(super) fn queue_response(&mut self, response: Response) {
        // Requests are bounded by the checklist, so the queue's length bounds the responses.
        let waiting = self.outgoing.len();
        if waiting >= MAX_RESPONSES + self.config.max_pairs {
            self.stats.response_queue_full += 1;
            return;
        }
        self.outgoing.push_back(Outgoing::Response(response));
    }

    /// Writes the first thing that waits. It stays if the buffer is too small.
    pub(super) fn write_next(&mut self, buf: &mut [u8]) -> Option<Transmit> {
        while let Some(outgoing) = self.outgoing.front().copied() {
            let written = match outgoing {
                Outgoing::Request(id) => self.write_request(&id, buf),
                Outgoing::Response(response) => self.write_response(&response, buf),
                Outgoing::Keepalive => self.write_keepalive(buf),
            };
            match written {
                Written::Done(transmit) => {
                    self.outgoing.pop_front();
                    self.count_sent(outgoing);
                    return Some(transmit);
                }
                Written::TooSmall if buf.len() < LONGEST_MESSAGE => return None,
                Written::TooSmall | Written::Moot => {
                    self.outgoing.pop_front();
                }
            }
        }
        None
    }

    fn count_sent(&mut self, outgoing: Outgoing) {
        match outgoing {
            Outgoing::Request(id) => {
                self.stats.requests_sent += 1;
                let now = self.now;
                let mut repeated = false;
                let mut consent = false;
                self.transactions.update(&id, |transaction| {
                    transaction.queued = false;
                    repeated = transaction.transmissions > 1;
                    consent = matches!(transaction.purpose, Purpose::Consent { .. });
                    if !repeated {
                        // The round trip begins when the caller takes it, not when we wanted to.
                        transaction.started_at = now;
                    }
                });
                self.stats.retransmissions_sent += u64::from(repeated);
                self.stats.consent_checks_sent += u64::from(consent);
            }
            Outgoing::Response(_) => self.stats.responses_sent += 1,
            Outgoing::Keepalive => {}
        }
    }

    fn write_request(&self, id: &TransactionId, buf: &mut [u8]) -> Written {
        let Some(transaction) = self.transactions.get(id) else {
            return Written::Moot;
        };
        let Some(local) = self.local_address(transaction.local) else {
            return Written::Moot;
        };
        let builder = Builder::new(buf, Class::Request, Method::BINDING, stun::TransactionId(*id));
        let built = match transaction.purpose {
            Purpose::Gather { .. } => builder.fingerprint().finish(),
            Purpose::Check { nominates, .. } | Purpose::Consent { nominates } => {
                match self.sign_check(builder, transaction, nominates) {
                    Some(builder) => builder.finish(),
                    None => return Written::Moot,
                }
            }
        };
        Written::from(built.ok(), local, transaction.remote)
    }

    /// RFC 8445 §7.2.4: what all checks carry.
    fn sign_check<'b>(&self, builder: Builder<'b>, transaction: &Transaction, nominates: bool) -> Option<Builder<'b>> {
        let remote = self.keys(transaction.session)?.remote.as_ref()?;
        let builder = builder.username(&remote.username).priority(transaction.priority);
        let builder = match transaction.role {
            Role::Controlling => builder.ice_controlling(transaction.tie_breaker),
            Role::Controlled => builder.ice_controlled(transaction.tie_breaker),
        };
        let builder = if nominates { builder.use_candidate() } else { builder };
        Some(builder.message_integrity(&remote.key).fingerprint())
    }

    fn write_response(&self, response: &Response, buf: &mut [u8]) -> Written {
        let key = match response.session {
            None => None,
            Some(number) => match self.keys(number) {
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
            Answer::Success => builder.xor_mapped_address(response.remote),
            // No phrases: an answer should not be longer than what it answers.
            Answer::Error(code) => builder.error_code(code, ""),
            Answer::UnknownAttributes(unknown) => builder
                .error_code(stun::ErrorCode::UNKNOWN_ATTRIBUTE, "")
                .unknown_attributes(unknown.into_iter().flatten()),
        };
        let builder = match key {
            Some(key) => builder.message_integrity(key),
            None => builder,
        };
        Written::from(builder.fingerprint().finish().ok(), response.local, response.remote)
    }

    fn write_keepalive(&mut self, buf: &mut [u8]) -> Written {
        let Some(path) = self.path() else {
            return Written::Moot;
        };
        let id = stun::TransactionId(self.rng.array());
        let built = Builder::new(buf, Class::Indication, Method::BINDING, id)
            .fingerprint()
            .finish();
        Written::from(built.ok(), path.local, path.remote)
    }
}

enum Written {
    Done(Transmit),
    TooSmall,
    /// What it was about is gone.
    Moot,
}

impl Written {
    fn from(len: Option<usize>, local: SocketAddr, remote: SocketAddr) -> Self {
        match len {
            Some(len) => Self::Done(Transmit::udp(remote, len).from_local(local)),
            None => Self::TooSmall,
        }
    }
}
