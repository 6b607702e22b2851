//! Transceivers: what an application sends and receives, section by section (W3C WebRTC §5.4).

use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_jsep::rtp::{Codec, MediaKind};
use pollrtc_jsep::{NegotiationError, Transceiver, TransceiverId, TransceiverInit};
use pollrtc_sdp::attribute::Direction;

use super::connection::PeerConnection;
use crate::stream::Outgoing;

impl PeerConnection {
    /// Adds a transceiver: the next offer has a section for it. What it may carry is what
    /// [`Config::audio`](crate::Config::audio) and [`video`](crate::Config::video) have.
    ///
    /// ```
    /// use pollrtc::{Config, Instant, MediaKind, PeerConnection, RtpCapabilities, TransceiverInit};
    ///
    /// let mut peer = PeerConnection::new(Config::default().with_video(RtpCapabilities::of(MediaKind::Video)));
    /// let camera = peer.add_transceiver(MediaKind::Video, TransceiverInit::default());
    /// assert!(peer.negotiation_needed());
    /// assert_eq!(peer.outgoing_of(camera).count(), 1);
    /// ```
    pub fn add_transceiver(&mut self, kind: MediaKind, init: TransceiverInit) -> TransceiverId {
        let id = self.negotiator.add_transceiver(kind, init);
        self.name_sources(id);
        id
    }

    /// Adds something to send: to a transceiver that the peer's offer has made and that sends nothing yet, else to a new
    /// one (W3C WebRTC §5.1, `addTrack`). `streams`: ids of the media streams that it belongs to.
    pub fn add_track(&mut self, kind: MediaKind, streams: Vec<String>) -> TransceiverId {
        let id = self.negotiator.add_track(kind, streams);
        self.name_sources(id);
        id
    }

    /// Sends nothing any more from the next exchange on; the section goes on receiving (W3C WebRTC §5.1,
    /// `removeTrack`).
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn remove_track(&mut self, id: TransceiverId) -> Result<(), NegotiationError> {
        self.negotiator.remove_track(id)
    }

    /// Which way media is to flow, from the next exchange on. For a transceiver that an offer has made: from its answer
    /// on, if that was not created yet.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_direction(&mut self, id: TransceiverId, direction: Direction) -> Result<(), NegotiationError> {
        self.negotiator.set_direction(id, direction)
    }

    /// Which codecs are agreed on, and in which order (W3C WebRTC §5.4, `setCodecPreferences`); none that the
    /// configuration does not have. An empty list takes the preferences back.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver, or it is stopped.
    pub fn set_codec_preferences(&mut self, id: TransceiverId, codecs: Vec<Codec>) -> Result<(), NegotiationError> {
        self.negotiator.set_codec_preferences(id, Some(codecs))
    }

    /// Stops a transceiver for good: the next description rejects its section.
    ///
    /// # Errors
    ///
    /// If there is no such transceiver.
    pub fn stop_transceiver(&mut self, id: TransceiverId) -> Result<(), NegotiationError> {
        self.negotiator.stop(id)?;
        self.agree_on_media();
        Ok(())
    }

    /// All transceivers, in the order in which they were added.
    pub fn transceivers(&self) -> &[Transceiver] {
        self.negotiator.transceivers()
    }

    /// The transceiver with this id, unless it is gone.
    pub fn transceiver(&self, id: TransceiverId) -> Option<&Transceiver> {
        self.negotiator.transceiver(id)
    }

    /// The streams that a transceiver sends: one, or one for each layer of simulcast, in the order of the layers. They
    /// can be written to once it was agreed that it sends.
    pub fn outgoing_of(&self, id: TransceiverId) -> impl Iterator<Item = Outgoing> {
        self.media.outgoing_of(id)
    }
}
