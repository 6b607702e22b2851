//! Messages of the handshake: put together from fragments, and handled in order.

use super::records::PREVIOUS_EPOCH;
use super::{Connection, Event, Phase};
use crate::admission::{Piece, admits_message};
use crate::config::PeerVerification;
use crate::error::{CloseReason, HandshakeError};
use crate::handshake::{Established, Step};
use crate::negotiation::Secrets;
use crate::reassembly::{Inserted, Message};
use crate::records::{ENCRYPTED_EPOCH, HANDSHAKE_EPOCH};
use crate::wire::handshake::{Fragment, fragments};
use crate::wire::{AlertDescription, AlertLevel, HandshakeType, Version};

/// What became of the fragments of a record.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outcome {
    /// All of it is kept, or was handled earlier.
    pub(super) is_of_use: bool,
    /// Some of it was handled earlier.
    pub(super) is_repeated: bool,
    /// Some of it belongs to a message other than the first.
    pub(super) is_next: bool,
}

impl Connection {
    /// Takes the fragments of a record.
    pub(super) fn handle_fragments(&mut self, epoch: u16, content: &[u8]) -> Outcome {
        let mut outcome = Outcome {
            is_of_use: true,
            ..Outcome::default()
        };
        for fragment in fragments(content) {
            let Ok(fragment) = fragment else {
                self.stats.malformed_fragments += 1;
                outcome.is_of_use = false;
                break;
            };
            let inserted = self.handle_fragment(epoch, &fragment);
            // RFC 9147 §7: a record is acknowledged as a whole.
            outcome.is_of_use &= !matches!(inserted, Inserted::Refused | Inserted::TooLong);
            outcome.is_repeated |= matches!(inserted, Inserted::Repeated { .. });
            outcome.is_next |= fragment.message_seq > 0;
        }
        self.handle_messages();
        outcome
    }

    fn handle_fragment(&mut self, epoch: u16, fragment: &Fragment<'_>) -> Inserted {
        let is_repeated = u32::from(fragment.message_seq) < self.reassembler.next_message_seq();
        let piece = Piece {
            kind: fragment.kind,
            epoch,
            is_repeated,
            is_read_epoch: self.is_read_epoch(epoch),
        };
        if !admits_message(self.stage(), piece) {
            self.stats.refused_fragments += 1;
            // As long as nobody says hello; else the answer would be the client's.
            let is_idle = self.reassembler.is_empty() && self.hellos.requested().is_none();
            if matches!(self.phase, Phase::Listening(_)) && is_idle && (fragment.message_seq, fragment.offset) == (0, 0)
            {
                self.refuse_client_hello(HandshakeError::Unexpected(fragment.kind));
            }
            // Under a key of the peer's own, something new in an epoch that is over.
            if self.is_connected() && epoch > 0 && !is_repeated {
                self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
            }
            return Inserted::Refused;
        }
        let is_listening = matches!(self.phase, Phase::Listening(_) | Phase::Server(..)) && epoch == 0;
        if is_listening && fragment.kind == HandshakeType::CLIENT_HELLO {
            let inserted = self.handle_client_hello_fragment(fragment);
            match inserted {
                Inserted::Replaced => self.stats.replaced_fragments += 1,
                Inserted::Refused => self.stats.refused_fragments += 1,
                Inserted::TooLong => {
                    self.stats.refused_fragments += 1;
                    self.hellos.set_refusal(HandshakeError::TooLong(fragment.kind));
                }
                Inserted::Kept | Inserted::Repeated { .. } => {}
            }
            return inserted;
        }
        let inserted = self.reassembler.insert(epoch, fragment);
        match inserted {
            Inserted::Kept => {
                self.hellos.hear(self.now);
                self.failure.postpone(self.now, self.flight.rto());
            }
            Inserted::Replaced => self.stats.replaced_fragments += 1,
            Inserted::Refused => self.stats.refused_fragments += 1,
            Inserted::TooLong => {
                self.stats.refused_fragments += 1;
                self.handle_too_long(epoch, fragment.kind);
            }
            Inserted::Repeated { last } => {
                self.stats.repeated_fragments += 1;
                if last {
                    self.failure.postpone(self.now, self.flight.rto());
                }
                if last && self.flight.handle_unauthenticated_repeat(self.now) {
                    self.stats.flights_resent += 1;
                }
            }
        }
        inserted
    }

    /// Whether this is the epoch of what the peer sends now. In DTLS 1.2 nothing follows the handshake.
    fn is_read_epoch(&self, epoch: u16) -> bool {
        matches!(&self.phase, Phase::Connected(established) if established.secrets.is_read_epoch(epoch))
    }

    /// A message that takes more memory than it may. Under a key of the peer's own that is the end; in the
    /// clear it may be anyone's, but if it is the peer's, this is why nothing goes on.
    fn handle_too_long(&mut self, epoch: u16, kind: HandshakeType) {
        let error = HandshakeError::TooLong(kind);
        match epoch {
            0 => self.failure.note(CloseReason::Handshake(error)),
            _ => self.fail(error),
        }
    }

    /// Handles all messages that are complete, in order.
    fn handle_messages(&mut self) {
        loop {
            let message = match &self.phase {
                Phase::Listening(_) => self.reassembler.pop_any(HandshakeType::CLIENT_HELLO),
                Phase::Client(_) | Phase::Server(..) | Phase::Connected(_) => self.reassembler.pop(),
                Phase::Closed => None,
            };
            let Some(message) = message else { break };
            self.handle_message(&message);
        }
        self.handle_early_records();
    }

    fn handle_message(&mut self, message: &Message) {
        let before = self.version();
        if message.kind == HandshakeType::FINISHED && self.has_excess() {
            return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
        }
        let handled = match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Listening(keys) => return self.handle_client_hello(keys, message),
            Phase::Client(client) => {
                let step = client.handle_message(&mut self.context(), message);
                step.map(|next| next.map(Phase::Client, |secrets| secrets))
            }
            Phase::Server(server, keys) => {
                self.hellos.forget_other();
                let step = server.handle_message(&mut self.context(), message);
                step.map(|next| next.map(|server| Phase::Server(server, keys), |secrets| secrets))
            }
            Phase::Connected(established) => {
                self.phase = Phase::Connected(established);
                return self.handle_post_handshake(message);
            }
            Phase::Closed => return,
        };
        match handled {
            Ok(Step::Next(next)) => {
                self.phase = next;
                self.failure.clear();
                if before.is_none() && self.version() == Some(Version::DTLS_1_3) {
                    self.acks.forget_unreadable();
                    // What anyone could have written has no place behind ServerHello.
                    self.reassembler.keep_only(HANDSHAKE_EPOCH);
                }
            }
            Ok(Step::Complete(established)) => self.complete(established),
            Err(error) => {
                let alert = (AlertLevel::Fatal, error.alert());
                self.finish(CloseReason::Handshake(error), Some(alert));
            }
        }
    }

    /// Whether more has come of the epoch that ends with Finished. Whoever could send it is the peer.
    fn has_excess(&self) -> bool {
        let epoch = match self.version() {
            Some(Version::DTLS_1_3) => HANDSHAKE_EPOCH,
            _ => ENCRYPTED_EPOCH,
        };
        let is_handshaking = matches!(self.phase, Phase::Client(_) | Phase::Server(..));
        is_handshaking && self.reassembler.has_any_of(epoch)
    }

    fn complete(&mut self, established: Established<Secrets>) {
        self.failure.clear();
        let has_proof = !established.peer_certificate.is_empty();
        self.events.push_back(Event::Connected {
            version: established.secrets.version(),
            cipher_suite: established.secrets.cipher_suite(),
            srtp_profile: established.agreed.srtp_profile,
            is_peer_authenticated: has_proof && !matches!(self.config.peer, PeerVerification::AcceptAny),
        });
        // A client of DTLS 1.3 has still to hear that its last flight has come.
        if !self.flight.awaits_acknowledgement() {
            self.handshake_deadline = None;
        }
        let version = established.secrets.version();
        self.previous_epochs_until = Some(self.now + PREVIOUS_EPOCH);
        self.phase = Phase::Connected(established);
        match version {
            Version::DTLS_1_3 => self.reassembler.forget_taken(),
            _ => self.reassembler.restart(self.reassembler.next_message_seq()),
        }
    }
}
