//! How a connection ends, and what the peer is told.

use alloc::vec::Vec;

use pollrtc_core::Instant;

use super::early::EarlyRecords;
use super::{Connection, Event, Phase};
use crate::error::{CloseReason, HandshakeError};
use crate::records::RecordLayer;
use crate::wire::{AlertDescription, AlertLevel, ContentType};

impl Connection {
    /// Ends the connection in good order, with close_notify (RFC 8446 §6.1).
    pub fn close(&mut self, now: Instant) {
        self.close_with(now, AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY);
    }

    /// Ends the connection with a fatal alert, for reasons that only the caller knows.
    pub fn abort(&mut self, now: Instant, alert: AlertDescription) {
        self.close_with(now, AlertLevel::Fatal, alert);
    }

    fn close_with(&mut self, now: Instant, level: AlertLevel, description: AlertDescription) {
        self.advance_time(now);
        let alert = match self.phase {
            Phase::Listening(_) => None,
            _ => Some((level, description)),
        };
        self.end(CloseReason::Local, alert);
    }

    /// Answers with an alert, encrypted if our encrypted epoch has begun.
    pub(super) fn alert(&mut self, level: AlertLevel, description: AlertDescription) {
        if let Some(record) = self.alert_record(level, description) {
            self.outbox.reply(record);
        }
    }

    fn alert_record(&mut self, level: AlertLevel, description: AlertDescription) -> Option<Vec<u8>> {
        let epoch = self.records.write_epoch();
        let content = [level as u8, description.0];
        self.records.write_alone(epoch, ContentType::Alert, &content).ok()
    }

    /// The end: tells both sides why, wipes all keys and forgets everything that is not on its way.
    pub(super) fn end(&mut self, reason: CloseReason, alert: Option<(AlertLevel, AlertDescription)>) {
        if !matches!(self.phase, Phase::Closed) {
            self.finish(reason, alert);
        }
    }

    /// The handshake's time is over, or that of what may be why it does not go on.
    pub(super) fn give_up(&mut self) {
        let reason = self.failure.take().unwrap_or(CloseReason::Timeout);
        let alert = match reason {
            CloseReason::Handshake(error) => Some((AlertLevel::Fatal, error.alert())),
            _ => None,
        };
        self.end(reason, alert);
    }

    /// The end, because of what the peer said, and nobody else can have said.
    pub(super) fn refuse(&mut self, alert: AlertDescription) {
        self.end(CloseReason::Violation(alert), Some((AlertLevel::Fatal, alert)));
    }

    /// The peer itself breaks the rules.
    pub(super) fn fail(&mut self, error: HandshakeError) {
        self.end(CloseReason::Handshake(error), Some((AlertLevel::Fatal, error.alert())));
    }

    /// The end, for a phase that is already over.
    pub(super) fn finish(&mut self, reason: CloseReason, alert: Option<(AlertLevel, AlertDescription)>) {
        if let Some(record) = alert.and_then(|(level, description)| self.alert_record(level, description)) {
            self.outbox.push(record);
        }
        self.phase = Phase::Closed;
        self.records = RecordLayer::default();
        self.flight.finish();
        self.acks.clear();
        self.reassembler.restart(0);
        self.hellos.forget();
        self.early = EarlyRecords::default();
        self.handshake_deadline = None;
        self.failure.clear();
        self.events.push_back(Event::Closed(reason));
    }
}
