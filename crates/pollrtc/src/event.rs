//! Events: what an application is told.

use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_dtls::{CipherSuite, Version};
use pollrtc_ice::Path;
use pollrtc_jsep::{RejectReason, RemoteCandidate, TransceiverId, TransportId};
use pollrtc_media::ClockPair;
use pollrtc_rtp::Missing;
use pollrtc_sctp::channel::{ChannelCloseReason, ChannelId, Message};

use crate::stream::{Incoming, Outgoing};

/// What happened, in order; see [`PeerConnection::poll_event`](pollrtc_core::StateMachine::poll_event).
///
/// ```
/// use pollrtc::{Event, PeerConnection, StateMachine};
///
/// fn take_events(peer: &mut PeerConnection) {
///     while let Some(event) = peer.poll_event() {
///         match event {
///             Event::ChannelOpen { channel, .. } => println!("{:?} is open", peer.channel_info(channel)),
///             Event::Message { data, .. } => println!("{data:?} came"),
///             Event::Closed(reason) => println!("the end: {reason}"),
///             _ => {} // there are more, and there may be others some day
///         }
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Whether the peers can talk has changed.
    ConnectionStateChanged(ConnectionState),
    /// A local candidate to send to the peer, where candidates trickle (RFC 8838).
    Candidate(IceCandidate),
    /// All local candidates are known; descriptions made from now on hold them all.
    GatheringComplete,
    /// The peer's candidate has an mDNS name. Resolve it if you can (RFC 6762), then call
    /// [`resolve_mdns`](crate::PeerConnection::resolve_mdns); ignoring it only costs this candidate.
    ResolveMdns {
        /// A name that ends in `.local`.
        name: String,
    },
    /// An m-section of a description is rejected, has port zero: nothing comes of what it describes.
    SectionRejected {
        /// The index of the section, from zero.
        section: usize,
        /// Its mid.
        mid: String,
        /// What is wrong with it.
        reason: RejectReason,
    },
    /// Media in an m-section is not taken, but the section stays, `inactive`: it shares a transport
    /// with one that is taken, and browsers can't follow where the transport is taken away from it.
    SectionIdle {
        /// The index of the section, from zero.
        section: usize,
        /// Its mid.
        mid: String,
        /// Why the media is not taken.
        reason: RejectReason,
    },
    /// The peer's offer has made a transceiver. What it does, unless [`set_direction`](crate::PeerConnection::set_direction)
    /// says otherwise before the answer is created, is [`Config::offered_direction`](crate::Config::offered_direction).
    TransceiverAdded(TransceiverId),
    /// The mid, the current direction or the parameters of a transceiver have changed.
    TransceiverChanged(TransceiverId),
    /// A transceiver is gone: it was stopped, rejected, or rolled back.
    TransceiverRemoved(TransceiverId),
    /// The peer sends in a transceiver from now on, or in other streams.
    TrackAdded {
        /// The transceiver that receives the track.
        transceiver: TransceiverId,
        /// Ids of the media streams that the track belongs to (RFC 8830).
        streams: Vec<String>,
    },
    /// The peer sends nothing in a transceiver any more.
    TrackRemoved(TransceiverId),
    /// The first packet of an incoming stream came. Who wants to know what a view of it belongs to before, asks
    /// [`incoming`](crate::PeerConnection::incoming).
    StreamStarted {
        /// The stream.
        stream: Incoming,
        /// The transceiver that it belongs to.
        transceiver: TransceiverId,
    },
    /// An incoming stream is over: the peer has said so (RFC 3550 §6.6), or it was agreed on, or other streams took its
    /// place in the table.
    StreamEnded {
        /// The stream.
        stream: Incoming,
    },
    /// A sender report tells what the timestamps of an incoming stream mean (RFC 3550 §6.4.1).
    Clock {
        /// The stream.
        stream: Incoming,
        /// The timestamp of an instant.
        clock: ClockPair,
    },
    /// The peer wants a key frame (RFC 4585 §6.3.1, RFC 5104 §4.3.1).
    KeyframeWanted {
        /// The stream that it is to be sent on.
        stream: Outgoing,
    },
    /// The peer lacks packets of a stream (RFC 4585 §6.2.1): find those that it was meant to have, and
    /// [`resend`](crate::PeerConnection::resend) them. Of streams that take
    /// [frames](crate::PeerConnection::write_frame), the connection does so itself.
    ResendWanted {
        /// The stream.
        stream: Outgoing,
        /// The sequence numbers that it lacks.
        missing: Missing,
    },
    /// The packets of a transport now travel on another path, or on its first.
    PathChanged {
        /// The transport; there are several where the peer does not bundle.
        transport: TransportId,
        /// Its path.
        path: Path,
    },
    /// The DTLS handshake of a transport is done and the peer is who its description says.
    Secured {
        /// The transport.
        transport: TransportId,
        /// The version that was agreed on.
        version: Version,
        /// The cipher suite that was agreed on.
        cipher_suite: CipherSuite,
    },
    /// A channel is open: one of ours, or one that the peer made.
    ChannelOpen {
        /// The channel.
        channel: ChannelId,
        /// True if the peer made it.
        incoming: bool,
    },
    /// A message came.
    Message {
        /// The channel that it came on.
        channel: ChannelId,
        /// The message.
        data: Message,
    },
    /// A message that [`send`](crate::PeerConnection::send) refused on this channel, since too much waited, fits now.
    /// Of several channels each is told in its turn.
    ChannelWritable {
        /// The channel.
        channel: ChannelId,
    },
    /// The bytes that wait to be sent fell to the channel's threshold.
    BufferedAmountLow {
        /// The channel.
        channel: ChannelId,
    },
    /// The peer began to close a channel, what it sent before still comes.
    ChannelClosing {
        /// The channel.
        channel: ChannelId,
    },
    /// A channel is closed for good.
    ChannelClosed {
        /// The channel.
        channel: ChannelId,
        /// What ended it.
        reason: ChannelCloseReason,
    },
    /// The connection has ended, and why. The last event.
    Closed(CloseReason),
}

/// Whether the peers can talk (W3C WebRTC §4.3.3, `RTCPeerConnectionState`).
///
/// ```
/// use pollrtc::{Config, ConnectionState, PeerConnection};
///
/// let peer = PeerConnection::new(Config::default());
/// assert_eq!(peer.connection_state(), ConnectionState::New);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Nothing has begun.
    New,
    /// ICE looks for a path, or DTLS shakes hands.
    Connecting,
    /// The peers can talk.
    Connected,
    /// The peer has been silent for [`Config::disconnected_timeout`](crate::Config::disconnected_timeout); it may come
    /// back.
    Disconnected,
    /// No path was found, or the peer was silent for [`Config::failed_timeout`](crate::Config::failed_timeout). An ICE
    /// restart may help; without one, [`Event::Closed`] follows after
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    Failed,
    /// The connection has ended.
    Closed,
}

/// Why a connection ended.
///
/// ```
/// use pollrtc::{CloseReason, Config, Event, Instant, PeerConnection, StateMachine};
///
/// let mut peer = PeerConnection::new(Config::default());
/// peer.close(Instant::ZERO);
/// let last = std::iter::from_fn(|| peer.poll_event()).last();
/// assert!(matches!(last, Some(Event::Closed(CloseReason::Local))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// [`close`](crate::PeerConnection::close) was called here.
    #[error("closed by this side")]
    Local,
    /// The peer closed it.
    #[error("closed by the peer")]
    Remote,
    /// DTLS ended: by the peer's wish, or because the peer is not who its description says, or
    /// because nothing could be agreed on.
    #[error("DTLS ended: {0}")]
    Dtls(pollrtc_dtls::CloseReason),
    /// No DTLS connection can be made of the configuration and what the peer's description says of it.
    #[error("DTLS can't begin: {0}")]
    DtlsConfiguration(pollrtc_dtls::ConfigError),
    /// There is no path to the peer, and no ICE restart has brought one within
    /// [`Config::close_timeout`](crate::Config::close_timeout).
    #[error("ICE failed: {0}")]
    Ice(pollrtc_ice::FailureReason),
    /// The SCTP association ended, and with it every channel.
    #[error("SCTP ended: {0}")]
    Sctp(pollrtc_sctp::CloseReason),
    /// Another connection of the [`Router`](crate::Router) lives between the same two sockets, so that nothing would tell
    /// their datagrams apart.
    #[error("another connection between the same two sockets is in use")]
    AddressInUse,
    /// The same description of the peer was given to another connection of the [`Router`](crate::Router), which
    /// is the one that the peer knows of.
    #[error("another connection with the same description has taken its place")]
    Superseded,
}

/// A local candidate as it travels over your signaling (W3C WebRTC §4.8.1, `RTCIceCandidateInit`). Its section tells
/// which transport it belongs to.
///
/// ```
/// use pollrtc::{Config, IceCandidate, Instant, PeerConnection};
///
/// let mut peer = PeerConnection::new(Config::default());
/// let candidate = IceCandidate::new("candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host", "");
/// peer.add_remote_candidate(Instant::ZERO, &candidate)?; // kept for the description that it belongs to
/// # Ok::<(), pollrtc::CandidateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IceCandidate {
    /// `candidate:...`, as in SDP without `a=`.
    pub candidate: String,
    /// The mid of its m-section, if there is one yet.
    pub sdp_mid: Option<String>,
    /// The index of its m-section.
    pub sdp_mline_index: u16,
    /// The username fragment of the ICE generation that it belongs to.
    pub username_fragment: String,
}

impl IceCandidate {
    /// A candidate that came over signaling: `candidate:...`, and the username fragment that it belongs to, which may
    /// be empty. Add what is known of its section.
    ///
    /// ```
    /// let line = "candidate:1 1 udp 2122260223 192.0.2.1 5000 typ host";
    /// let candidate = pollrtc::IceCandidate::new(line, "").in_section(0).with_mid("0");
    /// assert_eq!(candidate.sdp_mid.as_deref(), Some("0"));
    /// ```
    pub fn new(candidate: impl Into<String>, username_fragment: impl Into<String>) -> Self {
        Self {
            candidate: candidate.into(),
            sdp_mid: None,
            sdp_mline_index: 0,
            username_fragment: username_fragment.into(),
        }
    }

    /// The same in the section of this index.
    #[must_use]
    pub fn in_section(self, sdp_mline_index: u16) -> Self {
        Self {
            sdp_mline_index,
            ..self
        }
    }

    /// The same in the section of this mid.
    #[must_use]
    pub fn with_mid(self, mid: impl Into<String>) -> Self {
        let sdp_mid = Some(mid.into());
        Self { sdp_mid, ..self }
    }
}

impl<'c> From<&'c IceCandidate> for RemoteCandidate<'c> {
    fn from(candidate: &'c IceCandidate) -> Self {
        Self {
            candidate: &candidate.candidate,
            mid: candidate.sdp_mid.as_deref(),
            section: Some(candidate.sdp_mline_index.into()),
            ufrag: Some(&candidate.username_fragment)
                .filter(|ufrag| !ufrag.is_empty())
                .map(String::as_str),
        }
    }
}
