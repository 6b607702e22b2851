//! Records that come: whose they are, whether they count, what they carry.

use core::ops::Range;
use core::time::Duration;

use super::ids::Identity;
use super::{Connection, Event, Phase};
use crate::admission::{Admission, Protection, admit_record};
use crate::error::CloseReason;
use crate::negotiation::{ClientHandshake, Secrets, ServerHandshake};
use crate::received::{self, ApplicationData};
use crate::records::{ENCRYPTED_EPOCH, OpenError};
use crate::wire::ack::RecordNumber;
use crate::wire::datagram::{AnyHeader, split_first_mut_with_id};
use crate::wire::record::{CidHeader, HEADER_LEN, Header, MAX_PLAINTEXT_LEN};
use crate::wire::unified::UnifiedHeader;
use crate::wire::{AlertDescription, AlertLevel, ContentType, Version};

/// All that a ChangeCipherSpec says (RFC 5246 §7.1).
const CHANGE_CIPHER_SPEC: &[u8] = &[1];

/// For how long the keys of an epoch are kept when the next one has begun: twice the longest time
/// that a packet lives (RFC 9147 §4.2.1 and §5.8.1, RFC 9293 §3.4.1).
pub(super) const PREVIOUS_EPOCH: Duration = Duration::from_secs(240);

impl Connection {
    /// Takes a datagram, decrypts what is encrypted and marks what is for the application.
    pub(super) fn handle_records<'d>(&mut self, datagram: &'d mut [u8]) -> ApplicationData<'d> {
        if matches!(self.phase, Phase::Closed) {
            self.stats.after_close += 1;
            return ApplicationData::default();
        }
        self.expire_epochs();
        self.is_authentic = false;
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
                Some(plaintext) => received::mark_data(record, &plaintext),
                None => received::mark_consumed(record),
            }
            rest = after;
        }
        let is_newest = has_ids && self.records.ids.as_mut().is_some_and(|ids| ids.replace_newest(false));
        // Before the end of the handshake nobody has proved who it is.
        let origin = match (self.is_connected(), self.is_authentic, is_newest) {
            (true, true, true) => received::Origin::NewestOfPeer,
            (true, true, false) => received::Origin::Peer,
            _ => received::Origin::Unknown,
        };
        ApplicationData::new(datagram.get_mut(..handled).unwrap_or_default(), id_len, origin)
    }

    /// Takes a record; tells where in it the application's data is, if it holds any. Whether it or one
    /// before it in the same datagram has our connection id counts only if it should.
    fn handle_record(&mut self, header: &AnyHeader, record: &mut [u8], is_identified: bool) -> Option<Range<usize>> {
        if self.lacks_id(header, is_identified) {
            self.stats.missing_connection_ids += 1;
            return None;
        }
        match (self.admission(header, record), header) {
            (Admission::Now, AnyHeader::Classic(header)) if header.epoch == 0 => {
                let content = record.get(HEADER_LEN..).unwrap_or_default();
                self.handle_plain(header, content);
                None
            }
            (Admission::Now, AnyHeader::Classic(header)) => self.handle_epoch1(header, record),
            (Admission::Now, AnyHeader::Cid(header)) => self.handle_epoch1_with_id(header, record),
            (Admission::Now, AnyHeader::Unified(header)) => self.handle_unified(header, record),
            (Admission::Later, header) => {
                self.hold(header, record);
                None
            }
            (Admission::Never, _) => {
                self.stats.unexpected_records += 1;
                None
            }
        }
    }

    /// When a record can be handled.
    fn admission(&mut self, header: &AnyHeader, record: &[u8]) -> Admission {
        let Some(protection) = Protection::of(header) else {
            return Admission::Never;
        };
        let stage = self.stage();
        match header {
            AnyHeader::Classic(header) => {
                let has_keys = self.records.opener().is_some();
                admit_record(stage, protection, Some(header.content_type), has_keys)
            }
            AnyHeader::Unified(header) => admit_record(stage, protection, None, self.records.can_open13(header)),
            AnyHeader::Cid(header) => {
                let opener = self.records.opener();
                let admission = admit_record(stage, protection, None, opener.is_some());
                if admission != Admission::Now || matches!(self.phase, Phase::Connected(_)) {
                    return admission;
                }
                // Whether it is data that has to wait is known only when it is decrypted, and then it is too late
                // to wait.
                let kind = opener.and_then(|opener| opener.peek_with_id(header, record));
                admit_record(stage, protection, kind, true)
            }
        }
    }

    /// Anyone can write records of epoch 0, so none of them ends a connection that is established.
    fn handle_plain(&mut self, header: &Header, content: &[u8]) {
        match header.content_type {
            ContentType::Alert => self.handle_plain_alert(content),
            ContentType::Handshake => {
                let number = RecordNumber {
                    epoch: 0,
                    sequence: header.sequence,
                };
                let outcome = self.handle_fragments(0, content);
                self.acknowledge(number, outcome);
            }
            ContentType::Ack => self.handle_unauthenticated_ack(content),
            ContentType::ChangeCipherSpec
                if content == CHANGE_CIPHER_SPEC && self.records.handle_change_cipher_spec() =>
            {
                self.handle_early_records();
            }
            ContentType::ChangeCipherSpec | ContentType::ApplicationData => self.stats.unexpected_records += 1,
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
                self.failure
                    .handle_alert(self.now, self.flight.rto(), CloseReason::Remote);
            }
            [level, description] if level == AlertLevel::Fatal as u8 => {
                let reason = CloseReason::Alert(AlertDescription(description));
                self.failure.handle_alert(self.now, self.flight.rto(), reason);
            }
            _ => {}
        }
    }

    /// DTLS 1.2: takes an encrypted record.
    fn handle_epoch1(&mut self, header: &Header, record: &mut [u8]) -> Option<Range<usize>> {
        match self.records.opener()?.open(header, record) {
            Ok(plaintext) if plaintext.len() <= self.records.max_received() => {
                self.handle_content(Some(header.content_type), plaintext, record)
            }
            // RFC 5246 §6.2.3.
            Ok(_) => {
                self.refuse(AlertDescription::RECORD_OVERFLOW);
                None
            }
            Err(error) => {
                self.handle_open_error(error);
                None
            }
        }
    }

    /// DTLS 1.2: takes an encrypted record with our connection id, which does not show its type.
    fn handle_epoch1_with_id(&mut self, header: &CidHeader, record: &mut [u8]) -> Option<Range<usize>> {
        match self.records.open_with_id(header, record) {
            // RFC 9146 §5: the type and the padding count; a limit that we told counts the content.
            Ok(opened)
                if opened.inner_len <= MAX_PLAINTEXT_LEN && opened.content.len() <= self.records.max_received() =>
            {
                self.handle_content(opened.content_type, opened.content, record)
            }
            Ok(_) => {
                self.refuse(AlertDescription::RECORD_OVERFLOW);
                None
            }
            Err(error) => {
                self.handle_open_error(error);
                None
            }
        }
    }

    /// DTLS 1.2: what a record of the peer's encrypted epoch carries; tells where in it the application's data is,
    /// if it holds any.
    fn handle_content(
        &mut self,
        content_type: Option<ContentType>,
        plaintext: Range<usize>,
        record: &[u8],
    ) -> Option<Range<usize>> {
        self.is_authentic = true;
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
                self.handle_post_handshake12(content);
            }
            Some(ContentType::Handshake) => {
                self.handle_fragments(ENCRYPTED_EPOCH, content);
            }
            _ => self.stats.unexpected_records += 1,
        }
        None
    }

    /// DTLS 1.3: takes an encrypted record; tells where in it the application's data is, if it holds any.
    fn handle_unified(&mut self, header: &UnifiedHeader, record: &mut [u8]) -> Option<Range<usize>> {
        let opened = match self.records.open13(header, record) {
            Ok(opened) => opened,
            Err(error) => {
                self.handle_open_error(error);
                return None;
            }
        };
        self.is_authentic = true;
        if let Phase::Server(ServerHandshake::V13(server), _) = &mut self.phase {
            server.handle_proof();
        }
        self.failure.clear();
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
                self.acknowledge(opened.number, outcome);
            }
            Some(ContentType::Ack) => self.handle_ack(opened.number.epoch, content),
            _ => self.stats.unexpected_records += 1,
        }
        None
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

    /// Keeps an encrypted record for later, if there is room.
    fn hold(&mut self, header: &AnyHeader, record: &[u8]) {
        if !self.early.push(record) {
            self.stats.overflowed_records += 1;
            return;
        }
        self.stats.held_records += 1;
        let is_offering = matches!(self.phase, Phase::Client(ClientHandshake::Offering(_)));
        if is_offering && matches!(header, AnyHeader::Unified(_)) {
            // RFC 9147 §4: nothing but a ClientHello may claim another version.
            self.records.set_plain_version(Version::DTLS_1_2);
            self.acks.note_unreadable(self.now);
        }
    }

    /// Records that came too early, when it may be their time.
    pub(super) fn handle_early_records(&mut self) {
        if self.early.is_empty() {
            return;
        }
        let id_len = self.records.own_id_len();
        // They do not tell where the datagram at hand came from, nor where they did.
        let was_authentic = self.is_authentic;
        let was_newest = self.records.ids.as_mut().map(|ids| ids.replace_newest(false));
        for mut record in self.early.take() {
            let Ok(header) = AnyHeader::parse_with_id(&record, id_len) else {
                continue;
            };
            if self.admission(&header, &record) == Admission::Later {
                self.early.push(&record);
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
        self.is_authentic = was_authentic;
        if let (Some(ids), Some(was_newest)) = (&mut self.records.ids, was_newest) {
            ids.replace_newest(was_newest);
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

    /// Forgets the keys of previous epochs, when it is time.
    fn expire_epochs(&mut self) {
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
}
