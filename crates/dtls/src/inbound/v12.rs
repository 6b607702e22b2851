//! Encrypted records of DTLS 1.2.

use core::ops::Range;

use super::Readiness;
use crate::connection::{Connection, Phase};
use crate::records::ENCRYPTED_EPOCH;
use crate::wire::handshake::fragments;
use crate::wire::record::{CidHeader, Header, MAX_PLAINTEXT_LEN};
use crate::wire::{AlertDescription, AlertLevel, ContentType, HandshakeType, Version};

impl Connection {
    pub(super) fn handle_encrypted(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        match self.readiness(header.content_type) {
            Readiness::Now => {}
            Readiness::Later => {
                self.hold(record);
                return None;
            }
            Readiness::Never => {
                self.stats.unexpected_records += 1;
                return None;
            }
        }
        let plaintext = self.open(header, record)?;
        self.handle_content(Some(header.content_type), plaintext, record)
    }

    /// The same for a record with our connection id, which does not show its type.
    pub(super) fn handle_encrypted_with_id(&mut self, header: &CidHeader, record: &mut [u8]) -> Option<Range<usize>> {
        match self.readiness_with_id(header, record) {
            Readiness::Now => {}
            Readiness::Later => {
                self.hold(record);
                return None;
            }
            Readiness::Never => {
                self.stats.unexpected_records += 1;
                return None;
            }
        }
        let opened = match self.records.open_with_id(header, record) {
            // RFC 9146 §5: the type and the padding count; a limit that we told counts the content.
            Ok(opened)
                if opened.inner_len <= MAX_PLAINTEXT_LEN && opened.content.len() <= self.records.max_received() =>
            {
                opened
            }
            Ok(_) => {
                self.refuse(AlertDescription::RECORD_OVERFLOW);
                return None;
            }
            Err(error) => {
                self.handle_open_error(error);
                return None;
            }
        };
        self.handle_content(opened.content_type, opened.content, record)
    }

    /// What a record of the peer's encrypted epoch carries; tells where in it the application's data is,
    /// if it holds any.
    fn handle_content(
        &mut self,
        content_type: Option<ContentType>,
        plaintext: Range<usize>,
        record: &[u8],
    ) -> Option<Range<usize>> {
        if content_type == Some(ContentType::ApplicationData) {
            if plaintext.is_empty() {
                return None;
            }
            self.stats.received += 1;
            return Some(plaintext);
        }
        let content = record.get(plaintext).unwrap_or_default();
        match content_type {
            Some(ContentType::Alert) => self.handle_alert(content),
            Some(ContentType::Handshake) if matches!(self.phase, Phase::Connected(_)) => {
                self.handle_after_handshake(content);
            }
            Some(ContentType::Handshake) => {
                self.handle_fragments(ENCRYPTED_EPOCH, content);
            }
            _ => self.stats.unexpected_records += 1,
        }
        None
    }

    /// When a record of the peer's encrypted epoch can be handled.
    pub(super) fn readiness(&mut self, content_type: ContentType) -> Readiness {
        match self.phase {
            Phase::Listening(_) | Phase::Closed => Readiness::Never,
            _ if self.version() == Some(Version::DTLS_1_3) => Readiness::Never,
            Phase::Connected(_) => Readiness::Now,
            // Data waits for Finished, whatever keys we have.
            Phase::Client(_) | Phase::Server(..) if content_type == ContentType::ApplicationData => Readiness::Later,
            Phase::Client(_) | Phase::Server(..) => match self.records.opener() {
                Some(_) => Readiness::Now,
                None => Readiness::Later,
            },
        }
    }

    /// The same for a record with a connection id: whether it is data that has to wait is known only
    /// when it is decrypted, and then it is too late to wait.
    pub(super) fn readiness_with_id(&mut self, header: &CidHeader, record: &[u8]) -> Readiness {
        let readiness = self.readiness(ContentType::Handshake);
        if readiness != Readiness::Now || self.is_connected() {
            return readiness;
        }
        let opener = self.records.opener();
        let content_type = opener.and_then(|opener| opener.peek_with_id(header, record));
        match content_type {
            Some(ContentType::ApplicationData) => Readiness::Later,
            _ => Readiness::Now,
        }
    }

    /// Decrypts, or drops and counts.
    fn open(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        let opened = self.records.opener()?.open(header, record);
        match opened {
            Ok(plaintext) if plaintext.len() <= self.records.max_received() => return Some(plaintext),
            // RFC 5246 §6.2.3.
            Ok(_) => self.refuse(AlertDescription::RECORD_OVERFLOW),
            Err(error) => self.handle_open_error(error),
        }
        None
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
