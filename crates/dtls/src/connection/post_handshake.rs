//! What the peer says when the handshake is over.

use super::records::PREVIOUS_EPOCH;
use super::{Connection, Phase};
use crate::admission::Role;
use crate::error::HandshakeError;
use crate::negotiation::Secrets;
use crate::reassembly::Message;
use crate::v13::KeyUpdateRequest;
use crate::wire::handshake::fragments;
use crate::wire::v13::{KeyUpdate, NewSessionTicket};
use crate::wire::{AlertDescription, AlertLevel, HandshakeType};

impl Connection {
    /// DTLS 1.3: a message on an established connection, from the peer itself.
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
            HandshakeType::NEW_SESSION_TICKET if self.role == Role::Client => {
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
                    secrets.send_next(self.records.ids.as_deref_mut(), &mut self.flight);
                }
            }
            HandshakeType::NEW_CONNECTION_ID => self.handle_new_connection_id(message),
            HandshakeType::REQUEST_CONNECTION_ID => self.handle_request_connection_id(message),
            kind => self.fail(HandshakeError::Unexpected(kind)),
        }
    }

    /// DTLS 1.2: handshake messages on an established connection, from the peer itself.
    pub(super) fn handle_post_handshake12(&mut self, content: &[u8]) {
        for fragment in fragments(content) {
            let Ok(fragment) = fragment else {
                self.stats.malformed_fragments += 1;
                break;
            };
            let next_message_seq = self.reassembler.next_message_seq();
            match fragment.kind {
                // RFC 6347 §4.2.4: the peer did not get our last flight. Its last byte stands for all.
                HandshakeType::FINISHED if u32::from(fragment.message_seq) + 1 == next_message_seq => {
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
                _ if u32::from(fragment.message_seq) >= next_message_seq => {
                    return self.refuse(AlertDescription::UNEXPECTED_MESSAGE);
                }
                _ => self.stats.refused_fragments += 1,
            }
        }
    }
}
