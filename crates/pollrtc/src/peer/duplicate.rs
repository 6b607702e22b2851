//! What a [`Router`](crate::Router) asks of its connections.

use core::net::SocketAddr;

use pollrtc_core::{Flow, Instant};
use pollrtc_ice::AddressValidation;
use pollrtc_stun::{Class, Message};

use super::connection::PeerConnection;
use super::digest::DescriptionDigest;
use crate::event::CloseReason;

/// What a router looks at whenever something happened to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether an ICE transaction could begin.
    pub(crate) wants_to_start: bool,
    /// Whether the peer has sent a check: it knows our description.
    pub(crate) is_checked: bool,
    /// Whether the peer has proven to have the certificate that its description names.
    pub(crate) is_secured: bool,
    pub(crate) has_ended: bool,
}

impl PeerConnection {
    /// The ufrag halves of STUN usernames that are meant for this connection: one for each transport.
    pub(crate) fn local_ufrags(&self) -> impl Iterator<Item = &str> + Clone {
        let transports = self.transports.iter();
        transports.map(|transport| transport.ice.local_credentials().ufrag.as_str())
    }

    /// Our addresses, as they were given.
    pub(crate) fn local_addresses(&self) -> &[SocketAddr] {
        self.transports.addresses()
    }

    /// Changes whenever [`local_ufrags`](Self::local_ufrags), [`local_addresses`](Self::local_addresses) or, before the end, the
    /// [`description_digest`](Self::description_digest) may have.
    pub(crate) fn names_version(&self) -> u64 {
        self.transports.names_version()
    }

    /// How far the other end of a flow is validated.
    pub(crate) fn address_validation(&self, flow: Flow) -> AddressValidation {
        self.transports.address_validation(flow)
    }

    /// Takes a STUN message that has been read already and has no wrong FINGERPRINT.
    pub(crate) fn handle_message(&mut self, now: Instant, flow: Flow, message: &Message<'_>) {
        self.now = self.now.max(now);
        let index = self.transports.receiver_of_message(flow, message);
        if let Some(transport) = self.transports.at(index) {
            transport.ice.handle_message(now, flow, message);
        }
        self.advance();
    }

    /// The router says from now on when an ICE transaction may begin.
    pub(crate) fn share_pacing(&mut self) {
        self.transports.share_pacing();
    }

    /// Nobody says so.
    pub(crate) fn pace_alone(&mut self) {
        self.transports.pace_alone();
    }

    /// Begins an ICE transaction; false if there was none to begin.
    pub(crate) fn start_transaction(&mut self, now: Instant) -> bool {
        self.now = self.now.max(now);
        let started = self
            .transports
            .iter_mut()
            .any(|transport| transport.ice.start_transaction(now));
        self.advance();
        started
    }

    /// Of the remote description that is agreed on; `None` before, and after the end.
    pub(crate) fn description_digest(&self) -> Option<DescriptionDigest> {
        self.description_digest.filter(|_| !self.lifecycle.has_ended())
    }

    /// Whether everything that it has to say was taken, and it was not touched since: there is nothing to be asked of it
    /// before the deadline that it told.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_quiet_and_told()
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        let mut progress = Progress {
            has_ended: self.lifecycle.has_ended(),
            ..Progress::default()
        };
        for transport in self.transports.iter() {
            progress.wants_to_start |= transport.ice.wants_to_start();
            progress.is_checked |= transport.ice.peer_checks();
            progress.is_secured |= transport.dtls.is_connected();
        }
        progress
    }

    /// Whether an agent has asked what this message answers, and no authentic answer has come.
    pub(crate) fn awaits(&self, message: &Message<'_>) -> bool {
        matches!(message.class(), Class::SuccessResponse | Class::ErrorResponse)
            && self
                .transports
                .iter()
                .any(|transport| transport.ice.is_addressed_by(message))
    }

    /// Whether DTLS may be spoken, and all above it; without, a connection does no more than ICE. Two DTLS clients
    /// that speak to one peer from the same address would spoil each other's handshake.
    pub(crate) fn allow_dtls(&mut self, is_allowed: bool) {
        self.is_dtls_allowed = is_allowed;
    }

    /// Asks the peer whether it is still there, on the transport whose path this is.
    pub(crate) fn ask_path(&mut self, now: Instant, flow: Flow) {
        self.now = self.now.max(now);
        for transport in self.transports.iter_mut() {
            if transport.flow() == Some(flow) {
                transport.ice.expect_migration(now);
            }
        }
        self.advance();
    }

    /// Ends the connection in favour of another one, without a word: the peer would take that for a word of
    /// the other.
    pub(crate) fn give_way(&mut self, reason: CloseReason) {
        self.end(reason);
        self.transports.close_dtls(self.now);
        self.transports.close_ice();
    }
}
