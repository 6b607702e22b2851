//! Connection ids: whose record it is, where the peer is now, and what it says about ids after the
//! handshake.

use core::net::SocketAddr;

use crate::connection::{Connection, Event};
use crate::connection_ids::TooManyRequests;
use crate::error::HandshakeError;
use crate::reassembly::Message;
use crate::wire::record::AnyHeader;
use crate::wire::v13::{NewConnectionId, RequestConnectionId};
use crate::wire::{AlertDescription, ParseError};

/// Whose connection id a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Own,
    Other,
}

impl Connection {
    /// Whose id this is; `None` for a record without one.
    pub(super) fn check_id(&self, header: &AnyHeader, record: &[u8]) -> Option<Identity> {
        let id = record.get(header.connection_id()?).unwrap_or_default();
        let ids = self.records.ids.as_ref();
        Some(match ids.is_some_and(|ids| ids.takes(id)) {
            true => Identity::Own,
            false => Identity::Other,
        })
    }

    /// Whether a record should have an id and has none. RFC 9146 §3: in DTLS 1.2 every encrypted record
    /// has one; RFC 9147 §4: in DTLS 1.3 every datagram.
    pub(super) fn lacks_id(&self, header: &AnyHeader, is_identified: bool) -> bool {
        let is_expected = self.records.ids.as_ref().is_some_and(|ids| ids.is_expected());
        is_expected
            && match header {
                AnyHeader::Classic(header) => header.epoch > 0,
                AnyHeader::Cid(_) => false,
                AnyHeader::Unified(_) => !is_identified,
            }
    }

    /// RFC 9146 §6: a datagram is handled that came from here. If something in it was newer than all
    /// before, this is where the peer is now, or somebody who passes its datagrams on. We go on sending
    /// to where the caller says.
    pub(super) fn note_source(&mut self, source: SocketAddr) {
        let has_news = self.records.ids.as_mut().is_some_and(|ids| ids.replace_news(false));
        if !has_news || source == self.heard_from || !self.is_connected() {
            return;
        }
        self.heard_from = source;
        self.events
            .retain(|event| !matches!(event, Event::PeerAddressChanged(_)));
        self.events.push_back(Event::PeerAddressChanged(source));
    }

    /// RFC 9147 §9: the peer's new ids.
    pub(super) fn handle_new_connection_id(&mut self, message: &Message) {
        let Some(ids) = self.records.ids.as_mut().filter(|ids| ids.may_request()) else {
            return self.fail(HandshakeError::Unexpected(message.kind));
        };
        let parsed = match NewConnectionId::parse(message.body()) {
            Ok(parsed) => parsed,
            Err(ParseError::Value) => return self.fail(HandshakeError::IllegalParameter(message.kind)),
            Err(_) => return self.fail(HandshakeError::Malformed(message.kind)),
        };
        // Whether there are ids at all was settled by the hellos.
        if parsed.iter().any(<[u8]>::is_empty) || !ids.handle_new(&parsed) {
            self.fail(HandshakeError::IllegalParameter(message.kind));
        }
    }

    /// RFC 9147 §9: the peer would like to have more ids of ours.
    pub(super) fn handle_request_connection_id(&mut self, message: &Message) {
        let policy = &self.config.connection_ids;
        let ids = self.records.ids.as_mut().filter(|ids| ids.may_issue());
        let (Some(ids), Some(policy)) = (ids, policy) else {
            return self.fail(HandshakeError::Unexpected(message.kind));
        };
        let Ok(request) = RequestConnectionId::parse(message.body()) else {
            return self.fail(HandshakeError::Malformed(message.kind));
        };
        match ids.handle_request(policy, &mut self.rng, request.count) {
            Ok(is_granted) => {
                if is_granted {
                    self.tell_ids_changed();
                }
                self.proceed();
            }
            Err(TooManyRequests) => self.refuse(AlertDescription::TOO_MANY_CIDS_REQUESTED),
        }
    }
}
