//! Encrypted records of DTLS 1.3, acknowledgements, and messages after the handshake.

use core::ops::Range;
use core::time::Duration;

use super::{Outcome, Readiness};
use crate::connection::{Connection, Phase};
use crate::error::{CloseReason, HandshakeError};
use crate::flight::Acknowledged;
use crate::handshake::{Client, Secrets, Server};
use crate::reassembly::Message;
use crate::v13::KeyUpdateRequest;
use crate::wire::ack::{Ack, RecordNumber};
use crate::wire::unified::UnifiedHeader;
use crate::wire::v13::{KeyUpdate, NewSessionTicket};
use crate::wire::{AlertDescription, AlertLevel, ContentType, HandshakeType, Version};

/// For how long the keys of an epoch are kept when the next one has begun: twice the longest time
/// that a packet lives (RFC 9147 §4.2.1 and §5.8.1, RFC 9293 §3.4.1).
pub(super) const PREVIOUS_EPOCH: Duration = Duration::from_secs(240);

impl Connection {
    /// Forgets the keys of previous epochs, when it is time.
    pub(super) fn expire_epochs(&mut self) {
        if self.previous_epochs_until.is_none_or(|until| self.now < until) {
            return;
        }
        self.previous_epochs_until = None;
        if let Phase::Connected(established) = &self.phase
            && let Secrets::V13(secrets) = &established.secrets
        {
            self.records.forget_openers13_before(secrets.read_epoch());
        }
    }

    /// Takes an encrypted record of DTLS 1.3; tells where in it the application's data is, if it
    /// holds any.
    pub(super) fn handle_unified(&mut self, header: &UnifiedHeader, record: &mut [u8]) -> Option<Range<usize>> {
        match self.readiness13(header) {
            Readiness::Now => {}
            Readiness::Later => {
                let is_first = matches!(self.phase, Phase::Client(Client::Offering(_)));
                if self.hold(record) && is_first {
                    // RFC 9147 §4: nothing but a ClientHello may claim another version.
                    self.records.set_plain_version(Version::DTLS_1_2);
                    self.acks.note_unreadable(self.now);
                }
                return None;
            }
            Readiness::Never => {
                self.stats.unexpected_records += 1;
                return None;
            }
        }
        let opened = match self.records.open13(header, record) {
            Ok(opened) => opened,
            Err(error) => {
                self.handle_open_error(error);
                return None;
            }
        };
        if let Phase::Server(Server::V13(server), _) = &mut self.phase {
            server.handle_proof();
        }
        self.progress();
        let content = record.get(opened.content.clone()).unwrap_or_default();
        match opened.content_type {
            // Under the keys of the handshake there is none.
            Some(ContentType::ApplicationData) if opened.number.epoch >= 3 && self.is_connected() => {
                if content.is_empty() {
                    return None;
                }
                self.stats.received += 1;
                return Some(opened.content);
            }
            Some(ContentType::Alert) => self.handle_alert(content),
            Some(ContentType::Handshake) => {
                let epoch = u16::try_from(opened.number.epoch).unwrap_or(u16::MAX);
                let outcome = self.handle_fragments(epoch, content);
                self.note_record(opened.number, outcome);
            }
            Some(ContentType::Ack) => self.handle_ack(opened.number.epoch, content),
            _ => self.stats.unexpected_records += 1,
        }
        None
    }

    /// When an encrypted record of DTLS 1.3 can be handled.
    pub(super) fn readiness13(&self, header: &UnifiedHeader) -> Readiness {
        let can_open = self.records.can_open13(header);
        match (&self.phase, self.version()) {
            // The keys come with ServerHello, or with the client's Finished.
            (Phase::Client(Client::Offering(_)), _) if self.config.speaks(Version::DTLS_1_3) => Readiness::Later,
            (Phase::Client(_) | Phase::Server(..), Some(Version::DTLS_1_3)) if !can_open => Readiness::Later,
            (_, Some(Version::DTLS_1_3)) if can_open => Readiness::Now,
            _ => Readiness::Never,
        }
    }

    /// RFC 9147 §7.1: a record with handshake messages has come. When the whole flight has, our own
    /// flight tells the peer; if we have none, or if the rest does not come, an acknowledgement does.
    /// One that names all that came within a while saves the peer from sending things twice.
    pub(super) fn note_record(&mut self, number: RecordNumber, outcome: Outcome) {
        if !outcome.is_of_use {
            return;
        }
        match &self.phase {
            // Pieces of ServerHello; which version it chooses is not known yet, unless there was a retry.
            Phase::Client(Client::Offering(offer)) => {
                let is_13 = offer.retry.is_some();
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
    fn handle_ack(&mut self, epoch: u64, content: &[u8]) {
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
        secrets.proceed(self.records.ids.as_deref_mut(), &mut self.flight);
    }

    /// An acknowledgement that anyone could have sent. It may spare the peer things that it has; if it
    /// lacks them after all, it goes on saying what they answer, and gets them again.
    pub(super) fn handle_unauthenticated_ack(&mut self, content: &[u8]) {
        let is_in_place = match &self.phase {
            // The server may turn out to speak DTLS 1.2.
            Phase::Client(Client::Offering(offer)) => offer.retry.is_some(),
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

    /// A message on an established connection, from the peer itself.
    pub(super) fn handle_post_handshake(&mut self, message: &Message) {
        let Phase::Connected(established) = &mut self.phase else {
            return;
        };
        let Secrets::V13(secrets) = &mut established.secrets else {
            self.stats.refused_fragments += 1;
            return;
        };
        self.reassembler.forget_taken();
        match message.kind {
            HandshakeType::NEW_SESSION_TICKET if self.is_client => {
                // Of no use to us, but acknowledged.
                if NewSessionTicket::parse(message.body()).is_err() {
                    self.fail(HandshakeError::Malformed(message.kind));
                }
            }
            HandshakeType::KEY_UPDATE => {
                let Ok(update) = KeyUpdate::parse(message.body()) else {
                    return self.fail(HandshakeError::Malformed(message.kind));
                };
                // Nothing follows it under the old keys (RFC 8446 §5.1), also if it came before.
                let has_excess = self.reassembler.has_any_of(secrets.read_epoch());
                if has_excess || secrets.read_epoch() == u16::MAX {
                    return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
                }
                if secrets.handle_key_update(&mut self.records).is_err() {
                    return self.fail(HandshakeError::Provider);
                }
                self.previous_epochs_until = Some(self.now + PREVIOUS_EPOCH);
                if update.update_requested {
                    secrets.want_update(KeyUpdateRequest::NotRequested);
                    secrets.proceed(self.records.ids.as_deref_mut(), &mut self.flight);
                }
            }
            HandshakeType::NEW_CONNECTION_ID => self.handle_new_connection_id(message),
            HandshakeType::REQUEST_CONNECTION_ID => self.handle_request_connection_id(message),
            kind => self.fail(HandshakeError::Unexpected(kind)),
        }
    }

    /// The peer itself breaks the rules.
    pub(super) fn fail(&mut self, error: HandshakeError) {
        self.end(CloseReason::Handshake(error), Some((AlertLevel::Fatal, error.alert())));
    }
}
