//! Connection ids: those of both sides as the caller sees them, whose record it is, and what the peer says about
//! them after the handshake.

use super::{Connection, Event, Phase};
use crate::connection_ids::TooManyRequests;
use crate::error::{ConnectionIdError, HandshakeError};
use crate::negotiation::Secrets;
use crate::reassembly::Message;
use crate::wire::datagram::AnyHeader;
use crate::wire::v13::{ConnectionIdUsage, NewConnectionId, RequestConnectionId};
use crate::wire::{AlertDescription, ParseError};

/// Whose connection id a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    Own,
    Other,
}

impl Connection {
    /// The connection ids that the peer's records may have: what a server finds this connection by
    /// ([`connection_id`](crate::connection_id)). There is one from the beginning, if
    /// [`Config::connection_ids`](crate::Config::connection_ids) wants any; when they change [`Event::ConnectionIdsChanged`] says so,
    /// before the peer can use new ones. None when the connection has ended.
    pub fn connection_ids(&self) -> impl Iterator<Item = &[u8]> {
        self.records.ids.iter().flat_map(|ids| ids.ours())
    }

    /// The connection id that our records have; empty if the peer wants none.
    pub fn peer_connection_id(&self) -> &[u8] {
        self.records.peer_id()
    }

    /// How many other connection ids the peer has given us to use.
    pub fn spare_connection_ids(&self) -> usize {
        self.records.ids.as_ref().map_or(0, |ids| ids.spares())
    }

    /// Goes on with the next connection id that the peer has given us, so that nobody can follow us by
    /// the old one to where we are going (RFC 9147 §9): to be called when records take another path from here on.
    /// `false` if there is none.
    pub fn use_next_connection_id(&mut self) -> bool {
        self.records.ids.as_mut().is_some_and(|ids| ids.use_next())
    }

    /// Makes new connection ids of ours valid and tells the peer (RFC 9147 §9).
    ///
    /// # Errors
    ///
    /// Nothing changes if there is one.
    pub fn issue_connection_ids(&mut self, count: u8, usage: ConnectionIdUsage) -> Result<(), ConnectionIdError> {
        self.check_ids_can_change()?;
        let ids = self.records.ids.as_mut().filter(|ids| ids.may_issue());
        let (Some(ids), Some(policy)) = (ids, &self.config.connection_ids) else {
            return Err(ConnectionIdError::NotNegotiated);
        };
        if !ids.issue(policy, &mut self.rng, count, usage) {
            return Err(ConnectionIdError::TooMany);
        }
        if count > 0 {
            self.tell_ids_changed();
        }
        self.send_post_handshake();
        Ok(())
    }

    /// Asks the peer for so many connection ids (RFC 9147 §9), to be used on paths to come. It may give
    /// fewer.
    ///
    /// # Errors
    ///
    /// Nothing changes if there is one.
    pub fn request_connection_ids(&mut self, count: u8) -> Result<(), ConnectionIdError> {
        self.check_ids_can_change()?;
        let ids = self.records.ids.as_mut().filter(|ids| ids.may_request());
        if !ids.ok_or(ConnectionIdError::NotNegotiated)?.request(count) {
            return Err(ConnectionIdError::Pending);
        }
        self.send_post_handshake();
        Ok(())
    }

    fn check_ids_can_change(&self) -> Result<(), ConnectionIdError> {
        match &self.phase {
            Phase::Connected(established) => match &established.secrets {
                Secrets::V12(_) => Err(ConnectionIdError::NotNegotiated),
                Secrets::V13(secrets) if !secrets.can_speak() => Err(ConnectionIdError::SequenceExhausted),
                Secrets::V13(_) => Ok(()),
            },
            _ => Err(ConnectionIdError::NotConnected),
        }
    }

    /// Tells the application to look at its table.
    pub(super) fn tell_ids_changed(&mut self) {
        if !self.events.contains(&Event::ConnectionIdsChanged) {
            self.events.push_back(Event::ConnectionIdsChanged);
        }
    }

    /// Sends what waits for an acknowledgement of something else, if it waits no longer.
    pub(super) fn send_post_handshake(&mut self) {
        if let Phase::Connected(established) = &mut self.phase
            && let Secrets::V13(secrets) = &mut established.secrets
        {
            secrets.send_next(self.records.ids.as_deref_mut(), &mut self.flight);
        }
    }

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
                self.send_post_handshake();
            }
            Err(TooManyRequests) => self.refuse(AlertDescription::TOO_MANY_CIDS_REQUESTED),
        }
    }
}
