//! Heartbeats (RFC 9260 §8.3): whether a peer that says nothing is there.

use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;

use super::timer::Timer;
use crate::wire::{PacketWriter, kind, parameter};

/// The longest heartbeat that is answered; the answer must not be larger than a packet.
const MAX_HEARTBEAT: usize = 400;

#[derive(Debug)]
pub(super) struct Heartbeat {
    /// `None` for no heartbeats of ours.
    interval: Option<Duration>,
    timer: Timer,
    /// The nonce of a heartbeat to send.
    due: Option<u64>,
    /// The nonce of the heartbeat that is not answered yet, and when it was sent.
    awaited: Option<(u64, Instant)>,
    /// The information of a heartbeat of the peer's to answer.
    answer: Option<Vec<u8>>,
}

impl Heartbeat {
    pub(super) fn new(interval: Option<Duration>) -> Self {
        Self {
            interval,
            timer: Timer::default(),
            due: None,
            awaited: None,
            answer: None,
        }
    }

    /// The path is in use: the next heartbeat is due when it has been quiet for a while from now on.
    pub(super) fn rearm(&mut self, now: Instant, rto: Duration) {
        if let Some(interval) = self.interval {
            self.timer.set(now + interval + rto);
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.timer.deadline()
    }

    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        self.timer.take_due(now)
    }

    /// Gives up waiting for an answer; true if one was awaited.
    pub(super) fn give_up_waiting(&mut self) -> bool {
        self.awaited.take().is_some()
    }

    /// The next packet has a heartbeat with this nonce.
    pub(super) fn send(&mut self, nonce: u64) {
        self.due = Some(nonce);
    }

    /// HEARTBEAT; false if it is none. What the peer wants back is one parameter (§3.3.5).
    pub(super) fn handle_heartbeat(&mut self, value: &[u8]) -> bool {
        let well_formed = (4..=MAX_HEARTBEAT).contains(&value.len());
        if well_formed {
            self.answer = Some(value.to_vec());
        }
        well_formed
    }

    /// HEARTBEAT ACK. Gives the round trip; `None` if nothing like it was sent.
    pub(super) fn handle_heartbeat_ack(&mut self, now: Instant, value: &[u8]) -> Option<Duration> {
        let (_, nonce) = value.split_first_chunk::<4>()?;
        let nonce = u64::from_be_bytes(*nonce.first_chunk()?);
        let (_, sent) = self.awaited.take_if(|(awaited, _)| *awaited == nonce)?;
        Some(now - sent)
    }

    /// Whether a heartbeat or an answer to one is to be sent.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some() || self.answer.is_some()
    }

    pub(super) fn write(&mut self, packet: &mut PacketWriter<'_>, now: Instant) {
        self.answer
            .take_if(|information| packet.chunk(kind::HEARTBEAT_ACK, 0, |body| body.put(information)));
        let sent = self.due.take_if(|nonce| {
            packet.chunk(kind::HEARTBEAT, 0, |body| {
                body.put_parameter(parameter::HEARTBEAT_INFO, &[&nonce.to_be_bytes()]);
            })
        });
        if let Some(nonce) = sent {
            self.awaited = Some((nonce, now));
        }
    }
}
