//! The way in: from datagram to record, from record to fragment, from fragment to message, from
//! message to the next state.

use core::ops::Range;

use crate::connection::{Connection, Event, Phase};
use crate::error::{CloseReason, HandshakeError};
use crate::reassembly::{Inserted, Message};
use crate::received::{self, ApplicationData};
use crate::records::{ENCRYPTED_EPOCH, OpenError};
use crate::v12::{Established, Step, Welcome};
use crate::wire::handshake::{Fragment, fragments};
use crate::wire::record::{HEADER_LEN, Header, MAX_PLAINTEXT_LEN, split_first_mut};
use crate::wire::{AlertDescription, AlertLevel, ContentType, HandshakeType, Version};

/// All that a ChangeCipherSpec says (RFC 5246 §7.1).
const CHANGE_CIPHER_SPEC: &[u8] = &[1];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Now,
    Later,
    Never,
}

impl Connection {
    /// Takes a datagram, decrypts what is encrypted and marks what is for the application.
    pub(crate) fn receive<'d>(&mut self, datagram: &'d mut [u8]) -> ApplicationData<'d> {
        if matches!(self.phase, Phase::Closed) {
            self.stats.after_close += 1;
            return ApplicationData::default();
        }
        let mut rest = &mut *datagram;
        while !rest.is_empty() {
            let Ok((header, record, after)) = split_first_mut(rest) else {
                self.stats.malformed_records += 1;
                break;
            };
            match self.handle_record(&header, record) {
                Some(plaintext) => received::deliver(record, &plaintext),
                None => received::withhold(record),
            }
            rest = after;
        }
        ApplicationData::new(datagram)
    }

    /// Takes a record; tells where in it the application's data is, if it holds any.
    fn handle_record(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        match header.epoch {
            0 => {
                let content = record.get(HEADER_LEN..).unwrap_or_default();
                self.handle_plain(header, content);
                None
            }
            ENCRYPTED_EPOCH => self.handle_encrypted(header, record),
            _ => {
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
            ContentType::Alert => self.stats.unauthenticated_alerts += 1,
            ContentType::Handshake if !has_ended => self.handle_fragments(0, content),
            ContentType::ChangeCipherSpec if is_handshaking && content == CHANGE_CIPHER_SPEC => {
                match self.records.announce() {
                    true => self.handle_held(),
                    false => self.stats.unexpected_records += 1,
                }
            }
            _ => self.stats.unexpected_records += 1,
        }
    }

    fn handle_encrypted(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        match self.readiness(header.content_type) {
            Readiness::Now => {}
            Readiness::Later => {
                match self.held.push(record) {
                    true => self.stats.held_records += 1,
                    false => self.stats.overflowed_records += 1,
                }
                return None;
            }
            Readiness::Never => {
                self.stats.unexpected_records += 1;
                return None;
            }
        }
        let plaintext = self.open(header, record)?;
        if header.content_type == ContentType::ApplicationData {
            if plaintext.is_empty() {
                return None;
            }
            self.stats.received += 1;
            return Some(plaintext);
        }
        let content = record.get(plaintext).unwrap_or_default();
        match header.content_type {
            ContentType::Alert => self.handle_alert(content),
            ContentType::Handshake if matches!(self.phase, Phase::Connected(_)) => {
                self.handle_after_handshake(content);
            }
            ContentType::Handshake => self.handle_fragments(ENCRYPTED_EPOCH, content),
            _ => self.stats.unexpected_records += 1,
        }
        None
    }

    /// When a record of the peer's encrypted epoch can be handled.
    fn readiness(&mut self, content_type: ContentType) -> Readiness {
        match self.phase {
            Phase::Listening(_) | Phase::Closed => Readiness::Never,
            Phase::Connected(_) => Readiness::Now,
            // Data waits for Finished, whatever keys we have.
            Phase::Client(_) | Phase::Server(..) if content_type == ContentType::ApplicationData => Readiness::Later,
            Phase::Client(_) | Phase::Server(..) => match self.records.opener() {
                Some(_) => Readiness::Now,
                None => Readiness::Later,
            },
        }
    }

    /// Decrypts, or drops and counts.
    fn open(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        let opened = self.records.opener()?.open(header, record);
        match opened {
            Ok(plaintext) if plaintext.len() <= MAX_PLAINTEXT_LEN => return Some(plaintext),
            // RFC 5246 §6.2.3.
            Ok(_) => self.refuse(AlertDescription::RECORD_OVERFLOW),
            Err(OpenError::Malformed) => self.stats.malformed_records += 1,
            Err(OpenError::Replayed) => self.stats.replayed_records += 1,
            Err(OpenError::Forged) => self.stats.forged_records += 1,
            Err(OpenError::TooManyForgeries) => {
                self.stats.forged_records += 1;
                let alert = (AlertLevel::Fatal, AlertDescription::BAD_RECORD_MAC);
                self.end(CloseReason::TooManyForgeries, Some(alert));
            }
        }
        None
    }

    /// Records that came too early, when it may be their time.
    fn handle_held(&mut self) {
        if self.records.opener().is_none() {
            return;
        }
        for mut record in self.held.take() {
            let Ok(header) = Header::parse(&record) else {
                continue;
            };
            if self.readiness(header.content_type) == Readiness::Later {
                self.held.push(&record);
                continue;
            }
            let record = &mut record[..];
            if let Some(plaintext) = self.handle_encrypted(&header, record) {
                let data = record.get(plaintext).map(<[u8]>::to_vec);
                self.events.extend(data.map(Event::ApplicationData));
            }
        }
    }

    /// An alert of the peer itself.
    fn handle_alert(&mut self, content: &[u8]) {
        // RFC 8446 §5.1: one alert in one record.
        let &[level, description] = content else {
            return self.refuse(AlertDescription::DECODE_ERROR);
        };
        let description = AlertDescription(description);
        if description == AlertDescription::CLOSE_NOTIFY {
            // RFC 5246 §7.2.1: answered in kind.
            let answer = (AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
            self.end(CloseReason::Remote, Some(answer));
        } else if level == AlertLevel::Fatal as u8 {
            self.end(CloseReason::Alert(description), None);
        } else if level == AlertLevel::Warning as u8 {
            self.stats.warnings += 1;
        } else {
            self.refuse(AlertDescription::ILLEGAL_PARAMETER);
        }
    }

    /// The end, because of what the peer said, and nobody else can have said.
    fn refuse(&mut self, alert: AlertDescription) {
        self.end(CloseReason::Violation(alert), Some((AlertLevel::Fatal, alert)));
    }

    fn handle_fragments(&mut self, epoch: u16, content: &[u8]) {
        for fragment in fragments(content) {
            let Ok(fragment) = fragment else {
                self.stats.malformed_fragments += 1;
                break;
            };
            self.handle_fragment(epoch, &fragment);
        }
        self.handle_messages();
    }

    fn handle_fragment(&mut self, epoch: u16, fragment: &Fragment<'_>) {
        let kind = fragment.kind;
        let is_expected = match self.phase {
            Phase::Listening(_) => kind == HandshakeType::CLIENT_HELLO,
            // Finished is the one message that is encrypted, without which it proves nothing. Another
            // one in its place is the peer's own fault.
            Phase::Client(_) | Phase::Server(..) => kind != HandshakeType::FINISHED || epoch == ENCRYPTED_EPOCH,
            Phase::Connected(_) | Phase::Closed => false,
        };
        if !is_expected {
            self.stats.refused_fragments += 1;
            if matches!(self.phase, Phase::Listening(_)) && fragment.offset == 0 {
                self.refuse_client_hello(HandshakeError::Unexpected(kind));
            }
            return;
        }
        match self.reassembler.insert(epoch, fragment) {
            Inserted::Kept => {}
            Inserted::Refused => self.stats.refused_fragments += 1,
            Inserted::Repeated { last } => {
                self.stats.repeated_fragments += 1;
                if kind == HandshakeType::CLIENT_HELLO {
                    self.handle_rival(fragment);
                } else if last && self.flight.handle_unauthenticated_repeat(self.now) {
                    self.stats.flights_resent += 1;
                }
            }
        }
    }

    /// Handles all messages that are complete, in order.
    fn handle_messages(&mut self) {
        loop {
            let message = match &self.phase {
                Phase::Listening(_) => self.reassembler.pop_any(HandshakeType::CLIENT_HELLO),
                Phase::Client(_) | Phase::Server(..) => self.reassembler.pop(),
                Phase::Connected(_) | Phase::Closed => None,
            };
            let Some(message) = message else { break };
            self.handle_message(&message);
        }
        self.handle_held();
    }

    fn handle_message(&mut self, message: &Message) {
        let handled = match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Listening(welcome) => return self.handle_client_hello(welcome, message),
            Phase::Client(client) => {
                let step = client.handle_message(&mut self.context(), message);
                step.map(|next| next.map(Phase::Client))
            }
            Phase::Server(server, welcome) => {
                self.rivals.restart(0);
                let step = server.handle_message(&mut self.context(), message);
                step.map(|next| next.map(|server| Phase::Server(server, welcome)))
            }
            other => return self.phase = other,
        };
        match handled {
            Ok(Step::Next(next)) => self.phase = next,
            Ok(Step::Complete(established)) => self.complete(established),
            Err(error) => {
                let alert = (AlertLevel::Fatal, error.alert());
                self.finish(CloseReason::Handshake(error), Some(alert));
            }
        }
    }

    /// Anyone can send a ClientHello, so a bad one is refused and the next one may be better.
    fn handle_client_hello(&mut self, welcome: Welcome, message: &Message) {
        match welcome.handle_client_hello(&mut self.context(), message) {
            Ok(Some(server)) => {
                self.phase = Phase::Server(server, welcome);
                self.handshake_deadline = Some(self.now + self.config.handshake_timeout);
                return;
            }
            Ok(None) => self.stats.cookies_asked += 1,
            Err(error) => self.refuse_client_hello(error),
        }
        self.phase = Phase::Listening(welcome);
        self.reassembler.restart(0);
    }

    /// Says why, and goes on waiting for another one.
    fn refuse_client_hello(&mut self, error: HandshakeError) {
        self.stats.refused_client_hellos += 1;
        self.alert(AlertLevel::Fatal, error.alert());
        if !matches!(self.events.back(), Some(Event::ClientHelloRefused(_))) {
            self.events.push_back(Event::ClientHelloRefused(error));
        }
    }

    /// A ClientHello while another one is being answered: the same once more, or another. Whoever
    /// sent the first may have been a stranger who was faster than the peer, so the newer one wins,
    /// until the client shows that it has seen our answer.
    fn handle_rival(&mut self, fragment: &Fragment<'_>) {
        let Phase::Server(server, welcome) = &self.phase else {
            return;
        };
        let Some(answered) = server.unanswered_client_hello() else {
            return;
        };
        self.rivals.insert(0, fragment);
        let Some(hello) = self.rivals.pop_any(HandshakeType::CLIENT_HELLO) else {
            return;
        };
        self.rivals.restart(0);
        if answered == hello.bytes {
            if self.flight.handle_unauthenticated_repeat(self.now) {
                self.stats.flights_resent += 1;
            }
            return;
        }
        let welcome = welcome.clone();
        match welcome.handle_client_hello(&mut self.context(), &hello) {
            Ok(Some(server)) => {
                self.stats.replaced_client_hellos += 1;
                self.phase = Phase::Server(server, welcome);
                self.reassembler.restart(hello.message_seq.wrapping_add(1));
            }
            Ok(None) => self.stats.cookies_asked += 1,
            Err(_) => self.stats.refused_client_hellos += 1,
        }
    }

    fn complete(&mut self, established: Established) {
        self.events.push_back(Event::Connected {
            version: Version::DTLS_1_2,
            cipher_suite: established.cipher_suite(),
            srtp_profile: established.srtp_profile,
        });
        self.phase = Phase::Connected(established);
        self.handshake_deadline = None;
        // Finished is the last message. Whoever could send more of this epoch is the peer.
        if self.reassembler.has_any_of(ENCRYPTED_EPOCH) {
            return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
        }
        self.reassembler.restart(self.reassembler.next_message_seq());
    }

    /// Handshake messages on an established connection, from the peer itself.
    fn handle_after_handshake(&mut self, content: &[u8]) {
        for fragment in fragments(content) {
            let Ok(fragment) = fragment else {
                self.stats.malformed_fragments += 1;
                break;
            };
            let next_message_seq = self.reassembler.next_message_seq();
            match fragment.kind {
                // RFC 6347 §4.2.4: the peer did not get our last flight. Its last byte stands for all.
                HandshakeType::FINISHED if fragment.message_seq.wrapping_add(1) == next_message_seq => {
                    self.stats.repeated_fragments += 1;
                    if fragment.is_last() && self.flight.handle_repeat() {
                        self.stats.flights_resent += 1;
                    }
                }
                // RFC 5246 §7.4.1.1, RFC 5746 §4.5: renegotiation is refused with a warning.
                HandshakeType::HELLO_REQUEST | HandshakeType::CLIENT_HELLO => {
                    self.stats.refused_renegotiations += 1;
                    self.alert(AlertLevel::Warning, AlertDescription::NO_RENEGOTIATION);
                }
                _ if fragment.message_seq >= next_message_seq => {
                    return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
                }
                _ => self.stats.refused_fragments += 1,
            }
        }
    }
}
