//! The peer's end of the transport is replaced by a new one, which nobody has agreed on.
//!
//! RFC 9143 §7.5 lets a transport stay when the section that described it goes. To browsers it ends there: they close
//! their DTLS association, and what was bundled goes on over a new transport, from other sockets, under the same
//! ICE credentials, with another handshake in the same roles and with the same certificate. Firefox goes on with the
//! SCTP association over that, Chromium aborts it and begins another one, which has the same channels without another
//! OPEN. Others replace nothing. Nobody says beforehand which of these it will be.
//!
//! Only for a while after such a change another handshake may begin beside the connection that there is, which
//! it replaces when the peer has proven to be the same.

use alloc::boxed::Box;

use pollrtc_core::{InnerProtocol, Instant};
use pollrtc_dtls as dtls;
use pollrtc_jsep::{DtlsRole, TransportId};

use super::connection::PeerConnection;
use super::transport::Replacement;
use crate::event::CloseReason;

/// How a record with a ClientHello begins: a handshake record of epoch 0 (RFC 9147 §4), whose message is the
/// first of RFC 8446 §4.
fn is_client_hello(datagram: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    const CLIENT_HELLO: u8 = 1;
    datagram.first() == Some(&HANDSHAKE)
        && datagram.get(3..5) == Some(&[0, 0])
        && datagram.get(13) == Some(&CLIENT_HELLO)
}

impl PeerConnection {
    /// The section that described this transport does so no more.
    pub(super) fn expect_replacement(&mut self, now: Instant, id: TransportId) {
        let until = now + self.dtls.hello_timeout;
        if self.sctp.is_on(Some(id)) {
            self.sctp.channels.expect_restart(until);
        }
        let Some(transport) = self.transports.get_mut(id) else {
            return;
        };
        if !transport.dtls.is_connected() {
            return;
        }
        transport.replacement = Some(Replacement {
            until,
            connection: None,
        });
        transport.ice.expect_migration(now);
    }

    /// The peer may have replaced its end: it has closed the association, or sends from elsewhere. True if a
    /// handshake is under way, or begins now.
    pub(super) fn replace(&mut self, index: usize) -> bool {
        let (now, timeout) = (self.now, self.dtls.hello_timeout);
        let Some(transport) = self.transports.at(index) else {
            return false;
        };
        match &transport.replacement {
            Some(Replacement {
                connection: Some(_), ..
            }) => return true,
            Some(replacement) if now < replacement.until => {}
            _ => return false,
        }
        let agreed = |transport: TransportId| {
            self.negotiator
                .transports()
                .find(|each| each.key.transport == transport)
        };
        let Some(agreed) = transport.id.and_then(agreed) else {
            return false;
        };
        let (role, fingerprints) = (transport.dtls.role, &agreed.remote.fingerprints);
        let connection = self.dtls.connection(self.rng.fork(), role, fingerprints, Some(timeout));
        // One was made of the same before.
        let Ok(Some(mut connection)) = connection else {
            return false;
        };
        if let Some(rtt) = transport.ice.round_trip_time() {
            connection.set_round_trip_time(rtt);
        }
        connection.set_client_hello_deadline(now + timeout);
        if let Some(replacement) = &mut transport.replacement {
            replacement.connection = Some(Box::new(connection));
        }
        true
    }

    /// The path leads to another address. The peer's new end may be there, which knows nothing of the association
    /// and waits for a hello of ours; or its NAT has moved it, and nobody will answer that.
    pub(super) fn follow_peer(&mut self, index: usize) {
        let is_client = |role| role == DtlsRole::Client;
        let begins = self
            .transports
            .at(index)
            .is_some_and(|transport| is_client(transport.dtls.role));
        if !begins || !self.replace(index) {
            return;
        }
        let now = self.now;
        if let Some(connection) = self.transports.at(index).and_then(|transport| transport.replacing()) {
            connection.repeat_flight(now);
        }
    }

    /// What comes while a replacement may begin is for one of the two: the other one can't read it.
    pub(super) fn receive_replacement(&mut self, now: Instant, index: usize, payload: &[u8]) {
        let Some(transport) = self.transports.at(index).filter(|each| each.replacement.is_some()) else {
            return;
        };
        let carries_data = self.sctp.is_on(transport.id);
        if transport.dtls.role == DtlsRole::Server && is_client_hello(payload) {
            self.replace(index);
        }
        let Some(connection) = self.transports.at(index).and_then(|transport| transport.replacing()) else {
            return;
        };
        let mut payload = payload.to_vec();
        for packet in connection.handle_body(now, &mut payload) {
            if carries_data {
                self.sctp.handle_packet(now, packet);
            }
        }
    }

    /// What the handshake with the new end has come to.
    pub(super) fn advance_replacement(&mut self, index: usize) {
        let Some(transport) = self.transports.at(index).filter(|each| each.replacement.is_some()) else {
            return;
        };
        let id = transport.id;
        let carries_data = self.sctp.is_on(id);
        if carries_data && self.sctp.has_lost_association() {
            self.replace(index);
        }
        while let Some(transport) = self.transports.at(index) {
            let Some(event) = transport.replacing().and_then(|connection| connection.poll_event()) else {
                return;
            };
            match event {
                dtls::Event::Connected {
                    version, cipher_suite, ..
                } => {
                    let replacement = transport.replacement.take();
                    if let Some(connection) = replacement.and_then(|replacement| replacement.connection) {
                        transport.dtls.replace(connection);
                        // Those of the old association, which nobody has any more.
                        transport.keys = None;
                    }
                    self.handle_connected(id, version, cipher_suite);
                }
                // It overtook the end of the handshake.
                dtls::Event::ApplicationData(mut packet) if carries_data => {
                    self.sctp.handle_packet(self.now, &mut packet);
                }
                dtls::Event::Closed(reason) => {
                    if let Some(replacement) = &mut transport.replacement {
                        replacement.connection = None;
                    }
                    // Nobody has come in the place of the one that closed.
                    if !transport.dtls.is_connected() || (carries_data && self.sctp.has_lost_association()) {
                        transport.replacement = None;
                        self.handle_dtls_closed(
                            id,
                            match reason {
                                dtls::CloseReason::Timeout | dtls::CloseReason::NoClientHello => CloseReason::Remote,
                                other => CloseReason::Dtls(other),
                            },
                        );
                    }
                }
                _ => {}
            }
        }
    }
}
