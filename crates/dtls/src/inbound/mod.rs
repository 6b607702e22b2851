//! The way in: from datagram to record, from record to fragment, from fragment to message, from
//! message to the next state.

mod hellos;
mod ids;
mod v12;
mod v13;

use core::net::SocketAddr;
use core::ops::Range;

use crate::config::PeerVerification;
use crate::connection::{Connection, Event, Phase};
use crate::error::{CloseReason, HandshakeError};
use crate::handshake::{Client, Established, Server, Step};
use crate::reassembly::{Inserted, Message};
use crate::received::{self, ApplicationData};
use crate::records::{ENCRYPTED_EPOCH, HANDSHAKE_EPOCH, OpenError};
use crate::wire::handshake::{Fragment, fragments};
use crate::wire::record::{AnyHeader, HEADER_LEN, Header, split_first_mut_with_id};
use crate::wire::{AlertDescription, AlertLevel, ContentType, HandshakeType, Version};

use ids::Identity;

/// All that a ChangeCipherSpec says (RFC 5246 §7.1).
const CHANGE_CIPHER_SPEC: &[u8] = &[1];

/// When an encrypted record can be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Now,
    Later,
    Never,
}

/// What no server sends in the clear. RFC 5246 §7.4.1.1: HelloRequest is ignored by a client that is
/// negotiating already, and comes behind a handshake only.
fn is_never_from_servers(kind: HandshakeType) -> bool {
    let is_of_a_client = matches!(
        kind,
        HandshakeType::HELLO_REQUEST
            | HandshakeType::CLIENT_HELLO
            | HandshakeType::CERTIFICATE_VERIFY
            | HandshakeType::CLIENT_KEY_EXCHANGE
    );
    is_of_a_client || is_never_plain(kind)
}

/// What no client sends in the clear.
fn is_never_from_clients(kind: HandshakeType) -> bool {
    let is_of_a_server = matches!(
        kind,
        HandshakeType::HELLO_REQUEST
            | HandshakeType::SERVER_HELLO
            | HandshakeType::HELLO_VERIFY_REQUEST
            | HandshakeType::NEW_SESSION_TICKET
            | HandshakeType::SERVER_KEY_EXCHANGE
            | HandshakeType::CERTIFICATE_REQUEST
            | HandshakeType::SERVER_HELLO_DONE
    );
    is_of_a_server || is_never_plain(kind)
}

/// What DTLS 1.3 alone has, behind its hellos.
fn is_never_plain(kind: HandshakeType) -> bool {
    matches!(
        kind,
        HandshakeType::ENCRYPTED_EXTENSIONS
            | HandshakeType::KEY_UPDATE
            | HandshakeType::REQUEST_CONNECTION_ID
            | HandshakeType::NEW_CONNECTION_ID
    )
}

/// What became of the fragments of a record.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    /// All of it is kept, or was handled earlier.
    is_of_use: bool,
    /// Some of it was handled earlier.
    is_repeated: bool,
    /// Some of it belongs to a message other than the first.
    is_next: bool,
}

impl Connection {
    /// Takes a datagram, decrypts what is encrypted and marks what is for the application.
    pub(crate) fn receive<'d>(&mut self, source: SocketAddr, datagram: &'d mut [u8]) -> ApplicationData<'d> {
        if matches!(self.phase, Phase::Closed) {
            self.stats.after_close += 1;
            return ApplicationData::default();
        }
        self.expire_epochs();
        let has_ids = self.records.ids.is_some();
        let id_len = self.records.own_id_len();
        let mut is_identified = false;
        let mut handled = 0;
        let mut rest = &mut *datagram;
        while !rest.is_empty() {
            let Ok((header, record, after)) = split_first_mut_with_id(rest, id_len) else {
                self.stats.malformed_records += 1;
                break;
            };
            if has_ids {
                match self.check_id(&header, record) {
                    Some(Identity::Own) => is_identified = true,
                    // RFC 9147 §4: what follows a record of another connection is none of ours either.
                    Some(Identity::Other) => {
                        self.stats.wrong_connection_ids += 1;
                        break;
                    }
                    None => {}
                }
            }
            handled += record.len();
            match self.handle_record(&header, record, is_identified) {
                Some(plaintext) => received::deliver(record, &plaintext),
                None => received::withhold(record),
            }
            rest = after;
        }
        if has_ids {
            self.note_source(source);
        }
        ApplicationData::new(datagram.get_mut(..handled).unwrap_or_default(), id_len)
    }

    /// Takes a record; tells where in it the application's data is, if it holds any. Whether it or one
    /// before it in the same datagram has our connection id counts only if it should.
    fn handle_record(&mut self, header: &AnyHeader, record: &mut [u8], is_identified: bool) -> Option<Range<usize>> {
        if self.lacks_id(header, is_identified) {
            self.stats.missing_connection_ids += 1;
            return None;
        }
        match header {
            AnyHeader::Unified(header) => self.handle_unified(header, record),
            AnyHeader::Cid(header) if header.epoch == ENCRYPTED_EPOCH => self.handle_encrypted_with_id(header, record),
            AnyHeader::Classic(header) if header.epoch == 0 => {
                let content = record.get(HEADER_LEN..).unwrap_or_default();
                self.handle_plain(header, content);
                None
            }
            AnyHeader::Classic(header) if header.epoch == ENCRYPTED_EPOCH => self.handle_encrypted(header, record),
            AnyHeader::Classic(_) | AnyHeader::Cid(_) => {
                self.stats.unexpected_records += 1;
                None
            }
        }
    }

    /// Anyone can write records of epoch 0, so none of them ends a connection that is established.
    fn handle_plain(&mut self, header: &Header, content: &[u8]) {
        let is_handshaking = matches!(self.phase, Phase::Client(_) | Phase::Server(..));
        let has_ended = self.records.opener().is_some();
        match header.content_type {
            ContentType::Alert => self.handle_plain_alert(content),
            ContentType::Handshake if !has_ended => {
                let number = crate::wire::ack::RecordNumber {
                    epoch: 0,
                    sequence: header.sequence,
                };
                let outcome = self.handle_fragments(0, content);
                self.note_record(number, outcome);
            }
            ContentType::Ack if is_handshaking || matches!(self.phase, Phase::Listening(_)) => {
                self.handle_unauthenticated_ack(content)
            }
            ContentType::ChangeCipherSpec
                if is_handshaking && content == CHANGE_CIPHER_SPEC && self.version() != Some(Version::DTLS_1_3) =>
            {
                match self.records.announce() {
                    true => self.handle_held(),
                    false => self.stats.unexpected_records += 1,
                }
            }
            _ => self.stats.unexpected_records += 1,
        }
    }

    /// Anyone can have sent it, so it ends nothing by itself (RFC 9147 §5.10). But if it is true, nothing of
    /// the peer's follows, and there is no use in waiting for that to the end of the handshake's time.
    fn handle_plain_alert(&mut self, content: &[u8]) {
        self.stats.unauthenticated_alerts += 1;
        if !matches!(self.phase, Phase::Client(_) | Phase::Server(..)) {
            return;
        }
        match *content {
            [_, description] if AlertDescription(description) == AlertDescription::CLOSE_NOTIFY => {
                self.suspect_end(CloseReason::Remote);
            }
            [level, description] if level == AlertLevel::Fatal as u8 => {
                self.suspect_end(CloseReason::Alert(AlertDescription(description)));
            }
            _ => {}
        }
    }

    /// Counts a record that does not decrypt.
    fn handle_open_error(&mut self, error: OpenError) {
        match error {
            OpenError::Malformed => self.stats.malformed_records += 1,
            // RFC 8446 §5.2.
            OpenError::TooLong => self.refuse(AlertDescription::RECORD_OVERFLOW),
            OpenError::Replayed => self.stats.replayed_records += 1,
            OpenError::Forged => self.stats.forged_records += 1,
            OpenError::TooManyForgeries => {
                self.stats.forged_records += 1;
                let alert = (AlertLevel::Fatal, AlertDescription::BAD_RECORD_MAC);
                self.end(CloseReason::TooManyForgeries, Some(alert));
            }
        }
    }

    /// Keeps an encrypted record for later; `false` if there is no room.
    fn hold(&mut self, record: &[u8]) -> bool {
        let is_held = self.held.push(record);
        match is_held {
            true => self.stats.held_records += 1,
            false => self.stats.overflowed_records += 1,
        }
        is_held
    }

    /// Records that came too early, when it may be their time.
    fn handle_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let id_len = self.records.own_id_len();
        let had_news = self.records.ids.as_mut().map(|ids| ids.replace_news(false));
        for mut record in self.held.take() {
            let Ok(header) = AnyHeader::parse_with_id(&record, id_len) else {
                continue;
            };
            let readiness = match &header {
                AnyHeader::Classic(header) => self.readiness(header.content_type),
                AnyHeader::Cid(header) => self.readiness_with_id(header, &record),
                AnyHeader::Unified(header) => self.readiness13(header),
            };
            if readiness == Readiness::Later {
                self.held.push(&record);
                continue;
            }
            let record = &mut record[..];
            // The hellos may have settled by now that there are no ids.
            let identity = self.check_id(&header, record);
            if identity == Some(Identity::Other) {
                self.stats.wrong_connection_ids += 1;
                continue;
            }
            if let Some(plaintext) = self.handle_record(&header, record, identity.is_some()) {
                let data = record.get(plaintext).map(<[u8]>::to_vec);
                self.events.extend(data.map(Event::ApplicationData));
            }
        }
        // Where they came from is not known any more.
        if let (Some(ids), Some(had_news)) = (&mut self.records.ids, had_news) {
            ids.replace_news(had_news);
        }
    }

    /// An alert of the peer itself.
    fn handle_alert(&mut self, content: &[u8]) {
        // RFC 8446 §5.1: one alert in one record.
        let &[level, description] = content else {
            return self.refuse(AlertDescription::DECODE_ERROR);
        };
        if level != AlertLevel::Warning as u8 && level != AlertLevel::Fatal as u8 {
            return self.refuse(AlertDescription::ILLEGAL_PARAMETER);
        }
        let description = AlertDescription(description);
        // RFC 8446 §6: in DTLS 1.3 the level says nothing; all but two end the connection.
        let level = match self.version() {
            Some(Version::DTLS_1_3) if description == AlertDescription::USER_CANCELED => AlertLevel::Warning as u8,
            Some(Version::DTLS_1_3) => AlertLevel::Fatal as u8,
            _ => level,
        };
        if description == AlertDescription::CLOSE_NOTIFY {
            // RFC 5246 §7.2.1: answered in kind.
            let answer = (AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
            self.end(CloseReason::Remote, Some(answer));
        } else if level == AlertLevel::Fatal as u8 {
            self.end(CloseReason::Alert(description), None);
        } else {
            self.stats.warnings += 1;
        }
    }

    /// The end, because of what the peer said, and nobody else can have said.
    fn refuse(&mut self, alert: AlertDescription) {
        self.end(CloseReason::Violation(alert), Some((AlertLevel::Fatal, alert)));
    }

    fn handle_fragments(&mut self, epoch: u16, content: &[u8]) -> Outcome {
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
        if !self.expects(epoch, fragment) {
            self.stats.refused_fragments += 1;
            // As long as nobody says hello; else the answer would be the client's.
            let is_idle = self.reassembler.is_empty() && self.hellos.requested().is_none();
            if matches!(self.phase, Phase::Listening(_)) && is_idle && (fragment.message_seq, fragment.offset) == (0, 0)
            {
                self.refuse_client_hello(HandshakeError::Unexpected(fragment.kind));
            }
            // Under a key of the peer's own, something new in an epoch that is over.
            if self.is_connected()
                && epoch > 0
                && u32::from(fragment.message_seq) >= self.reassembler.next_message_seq()
            {
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
                    self.refusal = Some(HandshakeError::TooLong(fragment.kind));
                }
                Inserted::Kept | Inserted::Repeated { .. } => {}
            }
            return inserted;
        }
        let inserted = self.reassembler.insert(epoch, fragment);
        match inserted {
            Inserted::Kept => {
                self.hellos.hear(self.now);
                self.put_off_end();
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
                    self.put_off_end();
                }
                if last && self.flight.handle_unauthenticated_repeat(self.now) {
                    self.stats.flights_resent += 1;
                }
            }
        }
        inserted
    }

    /// A message that takes more memory than it may. Under a key of the peer's own that is the end; in the
    /// clear it may be anyone's, but if it is the peer's, this is why nothing goes on.
    fn handle_too_long(&mut self, epoch: u16, kind: HandshakeType) {
        let error = HandshakeError::TooLong(kind);
        match epoch {
            0 => self.suspect(CloseReason::Handshake(error)),
            _ => self.fail(error),
        }
    }

    /// Whether a message of this kind has a place in this epoch.
    fn expects(&self, epoch: u16, fragment: &Fragment<'_>) -> bool {
        let kind = fragment.kind;
        let is_hello = kind == HandshakeType::CLIENT_HELLO || kind == HandshakeType::SERVER_HELLO;
        let is_repeat = u32::from(fragment.message_seq) < self.reassembler.next_message_seq();
        match &self.phase {
            Phase::Listening(_) => kind == HandshakeType::CLIENT_HELLO,
            // A server sorts hellos out by what they say.
            Phase::Server(..) if epoch == 0 && kind == HandshakeType::CLIENT_HELLO => true,
            // In DTLS 1.3 everything but the hellos is encrypted, and they have come.
            Phase::Client(Client::V13(_)) | Phase::Server(Server::V13(_), _) => match epoch {
                0 => is_hello && is_repeat,
                _ => !is_hello,
            },
            // What the other side never sends in the clear is not its own, and takes nobody's place.
            Phase::Client(_) if epoch == 0 && is_never_from_servers(kind) => false,
            Phase::Server(..) if epoch == 0 && is_never_from_clients(kind) => false,
            // In DTLS 1.2 Finished is the one message that is, without which it proves nothing. Another
            // one in its place is the peer's own fault.
            Phase::Client(_) | Phase::Server(..) => kind != HandshakeType::FINISHED || epoch == ENCRYPTED_EPOCH,
            // Repeats of the handshake, and what follows it.
            Phase::Connected(established) => {
                let is_newest = established.is_read_epoch(epoch);
                (epoch == HANDSHAKE_EPOCH && is_repeat) || is_newest || (epoch > HANDSHAKE_EPOCH && is_repeat)
            }
            Phase::Closed => false,
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
        self.handle_held();
    }

    fn handle_message(&mut self, message: &Message) {
        let before = self.version();
        if message.kind == HandshakeType::FINISHED && self.has_excess() {
            return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
        }
        let handled = match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Listening(listener) => return self.handle_client_hello(listener, message),
            Phase::Client(client) => {
                let step = client.handle_message(&mut self.context(), message);
                step.map(|next| next.map(Phase::Client))
            }
            Phase::Server(server, listener) => {
                self.hellos.forget_other();
                let step = server.handle_message(&mut self.context(), message);
                step.map(|next| next.map(|server| Phase::Server(server, listener)))
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
                self.progress();
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

    fn complete(&mut self, established: Established) {
        self.progress();
        let has_proof = !established.peer_certificate.is_empty();
        self.events.push_back(Event::Connected {
            version: established.version(),
            cipher_suite: established.cipher_suite(),
            srtp_profile: established.agreed.srtp_profile,
            is_peer_authenticated: has_proof && !matches!(self.config.peer, PeerVerification::AcceptAny),
        });
        // A client of DTLS 1.3 has still to hear that its last flight has come.
        if !self.flight.awaits_acknowledgement() {
            self.handshake_deadline = None;
        }
        let version = established.version();
        self.previous_epochs_until = Some(self.now + v13::PREVIOUS_EPOCH);
        self.phase = Phase::Connected(established);
        match version {
            Version::DTLS_1_3 => self.reassembler.forget_taken(),
            _ => self.reassembler.restart(self.reassembler.next_message_seq()),
        }
    }
}
