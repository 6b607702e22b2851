//! Transceivers: what is sent and received in one RTP section (RFC 9429 §4.2).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::rtp::{
    Codec, CodecOrder, LocalSource, MediaKind, NegotiatedRtp, Role, RtpCapabilities, RtpParameters, RtpSources,
};
use pollrtc_sdp::attribute::Direction;

/// Names one transceiver of one negotiator for good.
///
/// ```
/// use pollrtc_jsep::rtp::MediaKind;
/// use pollrtc_jsep::{Config, Negotiator, TransceiverInit};
///
/// let mut negotiator = Negotiator::new(Config::new(1));
/// let camera = negotiator.add_transceiver(MediaKind::Video, TransceiverInit::default());
/// assert_eq!(camera.number(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransceiverId(pub(super) u32);

impl TransceiverId {
    /// The number of transceivers that the negotiator had before this one.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// How a transceiver starts (W3C WebRTC §5.1 `RTCRtpTransceiverInit`).
///
/// ```
/// use pollrtc_jsep::sdp::attribute::Direction;
/// use pollrtc_jsep::TransceiverInit;
///
/// let init = TransceiverInit { direction: Direction::RecvOnly, ..TransceiverInit::default() };
/// assert!(init.streams.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TransceiverInit {
    /// The direction of media; both ways by default.
    pub direction: Direction,
    /// Ids of the media streams that what we send belongs to (RFC 8830).
    pub streams: Vec<String>,
    /// Layers of simulcast: an id of at most three characters for each, the first the most
    /// important (RFC 8853).
    pub rids: Vec<String>,
}

/// What is sent and received in one RTP section.
///
/// ```
/// use pollrtc_jsep::Transceiver;
///
/// fn is_sending(transceiver: &Transceiver) -> bool {
///     transceiver.current_direction().is_some_and(|direction| direction.sends())
/// }
///
/// # let mut negotiator = pollrtc_jsep::Negotiator::new(pollrtc_jsep::Config::new(1));
/// # negotiator.add_transceiver(pollrtc_jsep::rtp::MediaKind::Audio, pollrtc_jsep::TransceiverInit::default());
/// assert!(!is_sending(&negotiator.transceivers()[0]), "nothing is agreed on yet");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Transceiver {
    pub(super) id: TransceiverId,
    pub(super) kind: MediaKind,
    pub(super) direction: Direction,
    pub(super) streams: Vec<String>,
    pub(super) rids: Vec<String>,
    pub(super) sources: Vec<LocalSource>,
    pub(super) preferences: Option<Vec<Codec>>,
    pub(super) origin: Origin,
    /// Whether something is attached that we send.
    pub(super) has_track: bool,
    /// Whether it has ever been agreed that we send.
    pub(super) has_sent: bool,
    pub(super) stopped: bool,
    pub(super) negotiated: Negotiated,
}

/// Who made a transceiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    AddTrack,
    AddTransceiver,
    /// An offer of the peer's; goes with it if it is rolled back.
    Remote,
}

/// The part of a transceiver that descriptions change and a rollback restores.
#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Negotiated {
    pub(super) mid: Option<String>,
    pub(super) section: Option<usize>,
    pub(super) current_direction: Option<Direction>,
    pub(super) receiving: bool,
    pub(super) remote_streams: Vec<String>,
    pub(super) remote_sources: RtpSources,
    pub(super) parameters: Option<NegotiatedRtp>,
}

impl Transceiver {
    pub(super) fn new(id: TransceiverId, kind: MediaKind, init: TransceiverInit, origin: Origin) -> Self {
        Self {
            id,
            kind,
            direction: init.direction,
            streams: init.streams,
            rids: init.rids,
            sources: Vec::new(),
            preferences: None,
            origin,
            has_track: origin == Origin::AddTrack,
            has_sent: false,
            stopped: false,
            negotiated: Negotiated::default(),
        }
    }

    /// Its name.
    pub fn id(&self) -> TransceiverId {
        self.id
    }

    /// Audio or video.
    pub fn kind(&self) -> MediaKind {
        self.kind
    }

    /// The mid of its section, once a description with it was set.
    pub fn mid(&self) -> Option<&str> {
        self.negotiated.mid.as_deref()
    }

    /// The index of its section, once a description with it was set.
    pub fn section(&self) -> Option<usize> {
        self.negotiated.section
    }

    /// Which way we want media to flow.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Which way media flows, as of the last answer.
    pub fn current_direction(&self) -> Option<Direction> {
        self.negotiated.current_direction
    }

    /// Whether it was stopped and waits for the exchange that removes it.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Ids of the streams that what we send belongs to.
    pub fn streams(&self) -> &[String] {
        &self.streams
    }

    /// Whether the peer's last description has it send.
    pub fn is_receiving(&self) -> bool {
        self.negotiated.receiving
    }

    /// Ids of the streams that the peer says its media belongs to.
    pub fn remote_streams(&self) -> &[String] {
        &self.negotiated.remote_streams
    }

    /// Ids of the layers that we send, as they were given.
    pub fn rids(&self) -> &[String] {
        &self.rids
    }

    /// The sources that our descriptions name.
    pub fn sources(&self) -> &[LocalSource] {
        &self.sources
    }

    /// The sources that the peer's last description names; none unless it sends.
    pub fn remote_sources(&self) -> &RtpSources {
        &self.negotiated.remote_sources
    }

    /// Codecs, header extensions and layers, as of the last answer.
    pub fn parameters(&self) -> Option<&NegotiatedRtp> {
        self.negotiated.parameters.as_ref()
    }

    /// The sources that a description with these parameters names: none where layers are told apart by their ids, and
    /// none for retransmissions where there are none.
    pub(super) fn sources_to_name(&self, sends: bool, parameters: &RtpParameters) -> Vec<LocalSource> {
        if !sends || !parameters.simulcast.send.is_empty() {
            return Vec::new();
        }
        let has_rtx = parameters
            .codecs
            .iter()
            .any(|each| each.codec.role() == Role::Retransmission);
        let named = self.sources.iter().map(|source| LocalSource {
            rtx: source.rtx.filter(|_| has_rtx),
            ..*source
        });
        named.collect()
    }

    /// Its section is none any more. What was added to a section of the peer's waits like any other
    /// track for the next one that can have it.
    pub(super) fn give_up_section(&mut self) {
        self.negotiated = Negotiated::default();
        if self.has_track && self.origin == Origin::Remote {
            self.origin = Origin::AddTrack;
        }
    }

    /// What we can do, as far as the preferences allow (RFC 9429 §4.2.6).
    pub(super) fn capabilities<'c>(&self, all: &'c RtpCapabilities) -> Cow<'c, RtpCapabilities> {
        let Some(preferences) = &self.preferences else {
            return Cow::Borrowed(all);
        };
        Cow::Owned(RtpCapabilities {
            codecs: preferences
                .iter()
                .filter(|wanted| all.codecs.contains(wanted))
                .cloned()
                .collect(),
            order: CodecOrder::Preferred,
            ..all.clone()
        })
    }
}
