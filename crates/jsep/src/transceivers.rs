//! What the application asks for between descriptions: media, data channels, restarts.

use alloc::string::String;
use alloc::vec::Vec;

use super::state::{DataWish, Exchange};
use super::transceiver::Origin;
use super::{NegotiationError, Negotiator, Transceiver, TransceiverId, TransceiverInit};
use crate::rtp::{Codec, LocalSource, MediaKind};
use pollrtc_sdp::attribute::Direction;

impl Negotiator {
    /// Adds a transceiver; the next offer has a section for it (RFC 9429 §4.1.4).
    ///
    /// ```
    /// use pollrtc_jsep::{Config, Negotiator, TransceiverInit};
    /// use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
    ///
    /// let audio = RtpCapabilities::of(MediaKind::Audio);
    /// let mut negotiator = Negotiator::new(Config { audio, ..Config::new(1) });
    /// let id = negotiator.add_transceiver(MediaKind::Audio, TransceiverInit::default());
    /// assert!(negotiator.negotiation_needed());
    /// assert_eq!(negotiator.transceiver(id).unwrap().mid(), None);
    /// ```
    pub fn add_transceiver(&mut self, kind: MediaKind, init: TransceiverInit) -> TransceiverId {
        self.push_transceiver(kind, init, Origin::AddTransceiver)
    }

    /// Adds something to send: to a transceiver of the peer's that has nothing to send yet, else to
    /// a new one (RFC 9429 §4.1.2).
    pub fn add_track(&mut self, kind: MediaKind, streams: Vec<String>) -> TransceiverId {
        let free = self.transceivers.iter_mut().find(|transceiver| {
            transceiver.kind == kind && !transceiver.has_track && !transceiver.has_sent && !transceiver.stopped
        });
        if let Some(transceiver) = free {
            transceiver.has_track = true;
            transceiver.streams = streams;
            transceiver.direction = Direction::of(true, transceiver.direction.receives());
            return transceiver.id;
        }
        let init = TransceiverInit {
            streams,
            ..TransceiverInit::default()
        };
        self.push_transceiver(kind, init, Origin::AddTrack)
    }

    /// Takes what is sent away; the section goes on receiving (RFC 9429 §4.1.3).
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn remove_track(&mut self, id: TransceiverId) -> Result<(), NegotiationError> {
        let transceiver = self.live_transceiver(id)?;
        transceiver.has_track = false;
        transceiver.direction = Direction::of(false, transceiver.direction.receives());
        Ok(())
    }

    /// Which way media shall flow, from the next exchange on (RFC 9429 §4.2.3).
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_direction(&mut self, id: TransceiverId, direction: Direction) -> Result<(), NegotiationError> {
        self.live_transceiver(id)?.direction = direction;
        Ok(())
    }

    /// Which media streams what we send belongs to, from the next exchange on.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_streams(&mut self, id: TransceiverId, streams: Vec<String>) -> Result<(), NegotiationError> {
        self.live_transceiver(id)?.streams = streams;
        Ok(())
    }

    /// Which sources descriptions name, from the next one on (RFC 5576): peers that don't know streams by `a=mid` find
    /// them by these, and the source of retransmissions. Layers of simulcast have none in SDP.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_sources(&mut self, id: TransceiverId, sources: Vec<LocalSource>) -> Result<(), NegotiationError> {
        self.live_transceiver(id)?.sources = sources;
        Ok(())
    }

    /// Which codecs descriptions have, and in which order (RFC 9429 §4.2.6); none that we can't do
    /// otherwise. `None`, or an empty list, takes the preferences back.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_codec_preferences(
        &mut self,
        id: TransceiverId,
        preferences: Option<Vec<Codec>>,
    ) -> Result<(), NegotiationError> {
        self.live_transceiver(id)?.preferences = preferences.filter(|codecs| !codecs.is_empty());
        Ok(())
    }

    /// Stops a transceiver for good: the next description rejects its section (RFC 9429 §4.2.1).
    /// One without a section is gone at once.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver.
    pub fn stop(&mut self, id: TransceiverId) -> Result<(), NegotiationError> {
        let index = self.transceivers.iter().position(|transceiver| transceiver.id == id);
        let transceiver = index.and_then(|index| self.transceivers.get_mut(index));
        let transceiver = transceiver.ok_or(NegotiationError::NoSuchTransceiver)?;
        transceiver.stopped = true;
        if transceiver.negotiated.section.is_none() {
            self.transceivers.retain(|transceiver| transceiver.id != id);
        }
        Ok(())
    }

    /// All transceivers, in the order in which they were added.
    pub fn transceivers(&self) -> &[Transceiver] {
        &self.transceivers
    }

    /// The transceiver with this id, unless it is gone.
    pub fn transceiver(&self, id: TransceiverId) -> Option<&Transceiver> {
        self.transceivers.iter().find(|transceiver| transceiver.id == id)
    }

    /// The next offer has a section for data channels (RFC 9429 §4.1.6).
    pub fn add_data_channels(&mut self) {
        self.data = DataWish::Wanted;
    }

    /// The next description rejects the section of the data channels.
    pub fn stop_data_channels(&mut self) {
        let described = self.agreed.sections.iter().any(|section| section.data().is_some())
            || self.signaling_state() != super::SignalingState::Stable;
        self.data = if described {
            DataWish::Stopping
        } else {
            DataWish::Unasked
        };
    }

    /// The next offer restarts ICE on all transports: new credentials, a new search for a path
    /// (RFC 9429 §5.2.3.1). It holds until an exchange has replaced the credentials.
    pub fn restart_ice(&mut self) {
        for key in self.keys() {
            self.restart.insert(key.transport, key.generation);
        }
    }

    /// Nothing can be negotiated any more.
    pub fn close(&mut self) {
        self.exchange = Exchange::Closed;
        self.created_offer = None;
        self.created_answer = None;
    }

    pub(super) fn push_transceiver(&mut self, kind: MediaKind, init: TransceiverInit, origin: Origin) -> TransceiverId {
        let id = TransceiverId(self.next_transceiver);
        self.next_transceiver = self.next_transceiver.saturating_add(1);
        self.transceivers.push(Transceiver::new(id, kind, init, origin));
        id
    }

    fn live_transceiver(&mut self, id: TransceiverId) -> Result<&mut Transceiver, NegotiationError> {
        self.transceivers
            .iter_mut()
            .find(|transceiver| transceiver.id == id && !transceiver.stopped)
            .ok_or(NegotiationError::NoSuchTransceiver)
    }
}
