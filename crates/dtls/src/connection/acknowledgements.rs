//! Acknowledgements of DTLS 1.3 (RFC 9147 §7), ours and the peer's.

use super::messages::Outcome;
use super::{Connection, Phase};
use crate::error::HandshakeError;
use crate::flight::Acknowledged;
use crate::negotiation::{ClientHandshake, Secrets};
use crate::wire::Version;
use crate::wire::ack::{Ack, RecordNumber};

impl Connection {
    /// RFC 9147 §7.1: a record with handshake messages has come. When the whole flight has, our own
    /// flight tells the peer; if we have none, or if the rest does not come, an acknowledgement does.
    /// One that names all that came within a while saves the peer from sending things twice.
    pub(super) fn acknowledge(&mut self, number: RecordNumber, outcome: Outcome) {
        if !outcome.is_of_use {
            return;
        }
        match &self.phase {
            // Pieces of ServerHello; which version it chooses is not known yet, unless there was a retry.
            Phase::Client(ClientHandshake::Offering(offering)) => {
                let is_13 = offering.is_retried();
                let is_answered = !outcome.is_repeated && self.reassembler.is_empty();
                if !is_answered {
                    self.acks.note(number);
                }
                if is_13 && !is_answered {
                    self.acks.schedule(self.now);
                }
            }
            // A piece of the ClientHello that answers our HelloRetryRequest.
            Phase::Listening(_) if self.flight.is_pending() && outcome.is_next => {
                self.flight.rest();
                self.acks.note(number);
                self.acks.schedule(self.now);
            }
            _ if self.version() != Some(Version::DTLS_1_3) => {}
            // Our flight is on its way and says it all.
            Phase::Connected(_) if number.epoch < 3 && self.flight.awaits_acknowledgement() => {}
            Phase::Connected(_) => {
                self.acks.note(number);
                match number.epoch < 3 && !outcome.is_repeated {
                    // The client's last flight; nothing else answers it.
                    true => self.acks.send_now(),
                    false => self.acks.schedule(self.now),
                }
            }
            // A server answers a ClientHello at once.
            Phase::Server(..) if number.epoch == 0 => {}
            Phase::Client(_) | Phase::Server(..) => {
                // RFC 9147 §7.2: the peer's next flight says that ours has come.
                if number.epoch > 0 && !outcome.is_repeated {
                    self.flight.finish();
                }
                self.acks.note(number);
                match self.reassembler.has_gap() {
                    true => self.acks.schedule_gap(self.now),
                    false => self.acks.schedule(self.now),
                }
            }
            Phase::Listening(_) | Phase::Closed => {}
        }
    }

    /// An acknowledgement of the peer itself.
    pub(super) fn handle_ack(&mut self, epoch: u64, content: &[u8]) {
        let Ok(ack) = Ack::parse(content) else {
            self.stats.malformed_records += 1;
            return;
        };
        if self.flight.handle_ack(self.now, epoch, ack.iter()) == Acknowledged::Completely {
            self.handle_complete_ack();
        }
    }

    /// Our flight has come: if nothing else answers it, what waited for it goes on.
    fn handle_complete_ack(&mut self) {
        let Phase::Connected(established) = &mut self.phase else {
            return;
        };
        let Secrets::V13(secrets) = &mut established.secrets else {
            return;
        };
        self.flight.finish();
        self.handshake_deadline = None;
        self.records.end_handshake_writing();
        if secrets.handle_acknowledgement(&mut self.records).is_err() {
            return self.fail(HandshakeError::Provider);
        }
        secrets.send_next(self.records.ids.as_deref_mut(), &mut self.flight);
    }

    /// An acknowledgement that anyone could have sent. It may spare the peer things that it has; if it
    /// lacks them after all, it goes on saying what they answer, and gets them again.
    pub(super) fn handle_unauthenticated_ack(&mut self, content: &[u8]) {
        let is_in_place = match &self.phase {
            // The server may turn out to speak DTLS 1.2.
            Phase::Client(ClientHandshake::Offering(offering)) => offering.is_retried(),
            _ => self.version() == Some(Version::DTLS_1_3) || matches!(self.phase, Phase::Listening(_)),
        };
        match Ack::parse(content) {
            Ok(ack) if is_in_place => {
                if ack.is_empty() {
                    return self.flight.handle_empty_ack(self.now);
                }
                let acknowledged = self.flight.handle_ack(self.now, 0, ack.iter());
                // A server hears the ClientHello again if need be. A client has nothing but its timer.
                if acknowledged == Acknowledged::Completely && matches!(self.phase, Phase::Client(_)) {
                    self.flight.keep_waiting();
                }
            }
            Ok(_) => self.stats.unexpected_records += 1,
            Err(_) => self.stats.malformed_records += 1,
        }
    }
}
