//! What an established connection derives keys from: the application's epochs (RFC 9147 §8) and keys
//! for others.

use alloc::vec;
use alloc::vec::Vec;

use pollrtc_crypto::{CryptoError, Provider, Secret};

use super::keys::{Schedule, TrafficSecret};
use crate::connection_ids::ConnectionIds;
use crate::flight::{Answer, Flight};
use crate::handshake::{item, message};
use crate::records::{APPLICATION_EPOCH, RecordLayer};
use crate::wire::v13::{KeyUpdate, RequestConnectionId};
use crate::wire::{CipherSuite, HandshakeType};

/// Whether the peer is to change its keys too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyUpdateRequest {
    /// Only ours change.
    NotRequested,
    /// The peer's change too.
    Requested,
}

/// The application traffic secrets of both directions (RFC 8446 §7.1), the epoch of each, and what of ours waits
/// to be said after the handshake.
pub(crate) struct ApplicationTraffic {
    schedule: Schedule,
    ours: TrafficSecret,
    theirs: TrafficSecret,
    exporter: Secret,
    write_epoch: u16,
    read_epoch: u16,
    /// `None` when all are used up.
    next_message_seq: Option<u16>,
    /// Our KeyUpdate is on its way. Until it is acknowledged our keys stay.
    is_updating: bool,
    /// A KeyUpdate that waits until something else is acknowledged.
    wanted: Option<KeyUpdateRequest>,
}

impl ApplicationTraffic {
    /// The client's secrets: the server swaps the first two.
    pub(super) fn new(
        schedule: Schedule,
        ours: TrafficSecret,
        theirs: TrafficSecret,
        exporter: Secret,
        next_message_seq: u16,
    ) -> Self {
        Self {
            schedule,
            ours,
            theirs,
            exporter,
            write_epoch: APPLICATION_EPOCH,
            read_epoch: APPLICATION_EPOCH,
            next_message_seq: Some(next_message_seq),
            is_updating: false,
            wanted: None,
        }
    }

    pub(crate) fn suite(&self) -> CipherSuite {
        self.schedule.suite
    }

    /// The epoch of what we send.
    pub(crate) fn write_epoch(&self) -> u16 {
        self.write_epoch
    }

    /// The newest epoch of what the peer sends.
    pub(crate) fn read_epoch(&self) -> u16 {
        self.read_epoch
    }

    /// RFC 8446 §7.5.
    pub(crate) fn export(
        &self,
        provider: &dyn Provider,
        label: &str,
        context: &[u8],
        out: &mut [u8],
    ) -> Result<(), CryptoError> {
        debug_assert!(core::ptr::addr_eq(provider, self.schedule.provider));
        self.schedule.export(&self.exporter, label, context, out)
    }

    /// Whether there is another epoch, and another number for the message that begins it.
    pub(crate) fn can_update(&self) -> bool {
        self.is_updating || self.write_epoch < u16::MAX && self.next_message_seq.is_some()
    }

    /// Our keys are to change. One KeyUpdate at a time (RFC 9147 §5.8.4): one that is under way does
    /// for this one too.
    pub(crate) fn want_update(&mut self, request: KeyUpdateRequest) {
        if self.is_updating && request == KeyUpdateRequest::NotRequested {
            return;
        }
        if self.wanted != Some(KeyUpdateRequest::Requested) {
            self.wanted = Some(request);
        }
    }

    /// Sends the next message that waits, if nothing else of ours waits for its acknowledgement.
    pub(crate) fn send_next(&mut self, ids: Option<&mut ConnectionIds>, flight: &mut Flight) {
        if self.is_updating || flight.awaits_acknowledgement() {
            return;
        }
        let Some(message_seq) = self.next_message_seq else {
            return;
        };
        if let Some(next) = self.next_message(message_seq, ids) {
            self.next_message_seq = message_seq.checked_add(1);
            flight.start(vec![item(self.write_epoch, next)], Answer::Acknowledgement);
        }
    }

    fn next_message(&mut self, message_seq: u16, ids: Option<&mut ConnectionIds>) -> Option<Vec<u8>> {
        if self.can_update()
            && let Some(request) = self.wanted.take()
        {
            let body = KeyUpdate {
                update_requested: request == KeyUpdateRequest::Requested,
            };
            self.is_updating = true;
            return Some(message(HandshakeType::KEY_UPDATE, message_seq, |writer| {
                writer.bytes(&body.body());
            }));
        }
        let ids = ids?;
        if let Some(write) = ids.take_untold() {
            return Some(message(HandshakeType::NEW_CONNECTION_ID, message_seq, write));
        }
        let body = RequestConnectionId {
            count: ids.take_request()?,
        };
        Some(message(HandshakeType::REQUEST_CONNECTION_ID, message_seq, |writer| {
            writer.bytes(&body.body());
        }))
    }

    /// Whether there is a number for another message.
    pub(crate) fn can_speak(&self) -> bool {
        self.next_message_seq.is_some()
    }

    /// All that we sent has come: if that was a KeyUpdate, our new keys begin.
    pub(crate) fn handle_acknowledgement(&mut self, records: &mut RecordLayer) -> Result<(), CryptoError> {
        if !core::mem::take(&mut self.is_updating) {
            return Ok(());
        }
        self.ours = self.schedule.next(&self.ours)?;
        self.write_epoch = self.write_epoch.checked_add(1).ok_or(CryptoError::Unsupported)?;
        records.install_sealer13(self.write_epoch, self.schedule.record_keys(&self.ours)?);
        Ok(())
    }

    /// The peer's KeyUpdate: its new keys may be used from here on.
    pub(crate) fn handle_key_update(&mut self, records: &mut RecordLayer) -> Result<(), CryptoError> {
        self.theirs = self.schedule.next(&self.theirs)?;
        self.read_epoch = self.read_epoch.checked_add(1).ok_or(CryptoError::Unsupported)?;
        records.install_opener13(self.read_epoch, self.schedule.record_keys(&self.theirs)?);
        Ok(())
    }
}
