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

use pollrtc_core::{Datagram, Instant, StateMachine};
use pollrtc_dtls as dtls;
use pollrtc_sctp::AssociationState;

use super::PeerConnection;
use super::packets::INNER_ADDRESS;
use super::transport::{Replacement, Security};
use crate::{CloseReason, DtlsRole, Event};

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
    /// The section that described the transport does so no more.
    pub(super) fn expect_replacement(&mut self, now: Instant) {
        let until = now + self.dtls.hello_timeout;
        self.channels.expect_restart(until);
        let current = &mut self.transports.current;
        if !current.security.is_connected() {
            return;
        }
        current.replacement = Some(Replacement {
            until,
            connection: None,
        });
        current.ice.doubt_path(now);
    }

    /// The peer may have replaced its end: it has closed the association, or sends from elsewhere. True if a
    /// handshake is under way, or begins now.
    pub(super) fn replace(&mut self) -> bool {
        let now = self.now;
        let current = &self.transports.current;
        match &current.replacement {
            Some(Replacement {
                connection: Some(_), ..
            }) => return true,
            Some(replacement) if now < replacement.until => {}
            _ => return false,
        }
        let (role, rtt) = (current.dtls_role, current.ice.round_trip_time());
        let is_current = |agreed: &&pollrtc_sdp::negotiation::Transport| Some(agreed.key.transport) == current.id;
        let agreed = self.negotiator.transports().find(is_current);
        let Some(fingerprints) = agreed.map(|agreed| agreed.remote.fingerprints.clone()) else {
            return false;
        };
        let timeout = self.dtls.hello_timeout;
        let Some(mut connection) = self.dtls_connection(role, &fingerprints, Some(timeout)) else {
            return false;
        };
        if let Some(rtt) = rtt {
            connection.set_round_trip_time(rtt);
        }
        connection.set_client_hello_deadline(now + timeout);
        if let Some(replacement) = &mut self.transports.current.replacement {
            replacement.connection = Some(Box::new(connection));
        }
        true
    }

    /// The path leads to another address. The peer's new end may be there, which knows nothing of the association
    /// and waits for a hello of ours; or its NAT has moved it, and nobody will answer that.
    pub(super) fn follow_path(&mut self) {
        if self.transports.current.dtls_role == DtlsRole::Client && self.replace() {
            let now = self.now;
            if let Some(connection) = self.transports.current.replacing() {
                connection.repeat_flight(now);
            }
        }
    }

    /// Whether the peer has ended the association, which goes on over its new end.
    fn is_association_gone(&self) -> bool {
        self.carrier.is_some() && self.channels.association().state() == AssociationState::New
    }

    /// What comes while a replacement may begin is for one of the two: the other one can't read it.
    pub(super) fn receive_replacement(&mut self, now: Instant, payload: &[u8]) {
        if self.transports.current.replacement.is_none() {
            return;
        }
        if self.transports.current.dtls_role == DtlsRole::Server && is_client_hello(payload) {
            self.replace();
        }
        let Some(connection) = self.transports.current.replacing() else {
            return;
        };
        let mut payload = payload.to_vec();
        for packet in connection.handle_datagram(now, Datagram::udp(INNER_ADDRESS, &mut payload)) {
            self.channels.handle_datagram(now, Datagram::udp(INNER_ADDRESS, packet));
        }
    }

    /// What the handshake with the new end has come to.
    pub(super) fn advance_replacement(&mut self) {
        if self.transports.current.replacement.is_some() && self.is_association_gone() {
            self.replace();
        }
        while let Some(connection) = self.transports.current.replacing() {
            let Some(event) = connection.poll_event() else { break };
            match event {
                dtls::Event::Connected {
                    version, cipher_suite, ..
                } => {
                    let replacement = self.transports.current.replacement.take();
                    if let Some(connection) = replacement.and_then(|replacement| replacement.connection) {
                        self.transports.current.security = Security::Running(connection);
                    }
                    self.transports.current.known_rtt = None;
                    self.events.push_back(Event::Secured { version, cipher_suite });
                    self.connect_channels();
                }
                // It overtook the end of the handshake.
                dtls::Event::ApplicationData(mut packet) => {
                    self.channels
                        .handle_datagram(self.now, Datagram::udp(INNER_ADDRESS, &mut packet));
                }
                dtls::Event::Closed(reason) => {
                    let current = &mut self.transports.current;
                    if let Some(replacement) = &mut current.replacement {
                        replacement.connection = None;
                    }
                    // Nobody has come in the place of the one that closed.
                    if !current.security.is_connected() || self.is_association_gone() {
                        let current = &mut self.transports.current;
                        current.replacement = None;
                        self.channels.transport_closed();
                        self.lose(match reason {
                            dtls::CloseReason::Timeout | dtls::CloseReason::NoClientHello => CloseReason::Remote,
                            other => CloseReason::Dtls(other),
                        });
                    }
                }
                _ => {}
            }
        }
    }
}
