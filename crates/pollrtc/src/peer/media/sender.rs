//! One stream that we send: who it is, and how its packets look to the peer.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use pollrtc_crypto::Rng;
use pollrtc_jsep::rtp::{Codec, LocalSource, NegotiatedRtp, PayloadType, Role};
use pollrtc_jsep::{Transceiver, TransceiverId, TransportId};
use pollrtc_media::{ReceivedFirs, Resends, RtxNumbers, Transmission};
use pollrtc_rtp::payload::{H264Mode, PayloadFormat};
use pollrtc_rtp::{Extension, Format};
use pollrtc_sdp::attribute::Direction;

use super::codecs::{h264_mode, payload_format};
use super::frames::FrameStream;
use super::keys::Start;
use super::told::Sayings;
use crate::stream::Outgoing;

/// One SSRC, with that of its retransmissions.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) id: Outgoing,
    pub(super) transceiver: TransceiverId,
    /// Which layer of simulcast, from zero in the order of the description.
    pub(super) layer: usize,
    pub(super) source: LocalSource,
    /// What was agreed on; `None` as long as it is not to send.
    pub(super) route: Option<Route>,
    /// Where it and its retransmissions begin under the keys of now.
    pub(super) start: Start,
    pub(super) repair_start: Start,
    /// What its reports say.
    pub(super) transmission: Transmission,
    /// Which requests for what was lost are answered.
    pub(super) resends: Resends,
    pub(super) rtx_numbers: RtxNumbers,
    /// Key frames that were asked for by number.
    pub(super) firs: ReceivedFirs,
    /// Whether the peer has reported on it, so that it knows by now whose it is.
    pub(super) is_known: bool,
    /// The same for its retransmissions, whose reports nobody is waiting for: how many have left.
    pub(super) repairs: u64,
    /// What its packets said, where the peer asks for them again and there is no stream for that.
    pub(super) sayings: Option<Sayings>,
    /// Whether it takes frames, and where it is with them.
    pub(super) frames: Option<Box<FrameStream>>,
}

/// So many retransmissions say which stream they belong to: afterwards the peer knows.
const NAMED_REPAIRS: u64 = 100;

/// What carries a stream, and the numbers that the peer knows things by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) transport: TransportId,
    /// By the places of [`Format`].
    formats: Vec<OutgoingFormat>,
    /// Header extensions with their numbers.
    pub(super) extensions: Vec<(Extension, u8)>,
    /// Whether both forms of header extensions may be used (RFC 8285 §4.1.2).
    pub(super) mixed_extensions: bool,
    pub(super) mid: String,
    /// The layer's id, where there are layers.
    pub(super) rid: Option<String>,
}

/// The numbers of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutgoingFormat {
    pub(super) payload_type: u8,
    /// The payload type that retransmits it.
    pub(super) rtx: Option<u8>,
    /// In hertz.
    pub(super) clock_rate: u32,
    /// How its frames are cut.
    pub(super) payload: PayloadFormat,
    /// The same of H.264.
    pub(super) h264_mode: H264Mode,
}

impl Sender {
    pub(super) fn new(
        id: Outgoing,
        transceiver: TransceiverId,
        layer: usize,
        source: LocalSource,
        rng: &mut Rng,
    ) -> Self {
        Self {
            id,
            transceiver,
            layer,
            source,
            route: None,
            start: Start::default(),
            repair_start: Start::default(),
            transmission: Transmission::new(0),
            resends: Resends::new(),
            rtx_numbers: RtxNumbers::new(rng.u64() as u16), // any 16 of the bits
            firs: ReceivedFirs::default(),
            is_known: false,
            repairs: 0,
            sayings: None,
            frames: None,
        }
    }

    /// Whether the peer knows whose its retransmissions are.
    pub(super) fn is_repair_known(&self) -> bool {
        self.repairs >= NAMED_REPAIRS
    }

    /// Takes what was agreed on for its transceiver.
    pub(super) fn agree(&mut self, transceiver: &Transceiver, transport: Option<TransportId>) {
        self.route = self.route(transceiver, transport);
        if self.sayings.is_none() && self.is_repaired_in_place(transceiver) {
            self.sayings = Some(Sayings::new());
        }
        if self.transmission.packets() == 0
            && let Some(format) = self.route.as_ref().and_then(|route| route.format(Format(0)))
        {
            self.transmission = Transmission::new(format.clock_rate);
        }
    }

    /// Whether the peer asks for packets again (RFC 4585 §4.2) that no other stream can bring (RFC 4588).
    fn is_repaired_in_place(&self, transceiver: &Transceiver) -> bool {
        let Some(parameters) = transceiver.parameters() else {
            return false;
        };
        let send = &parameters.send;
        let has_nack = |codec: &Codec| {
            codec
                .feedback
                .iter()
                .any(|each| each.kind == "nack" && each.parameter.is_empty())
        };
        let has_rtx = |payload_type| self.source.rtx.is_some() && send.rtx_of(payload_type).is_some();
        formats(parameters).any(|(sent, _)| has_nack(&sent.codec) && !has_rtx(sent.payload_type))
    }

    fn route(&self, transceiver: &Transceiver, transport: Option<TransportId>) -> Option<Route> {
        let sends = transceiver.current_direction().is_some_and(Direction::sends);
        let parameters = transceiver
            .parameters()
            .filter(|_| sends && !transceiver.is_stopped())?;
        let send = &parameters.send;
        let rid = match send.simulcast.send.get(self.layer) {
            Some(stream) => stream.alternatives.first().map(|layer| layer.rid.clone()),
            // Simulcast that was not taken means the first layer alone (RFC 8853 §5.3.3).
            None if self.layer > 0 => return None,
            None => send.rids.first().map(|rid| rid.id.clone()),
        };
        let formats = formats(parameters).map(|(sent, _)| OutgoingFormat {
            payload_type: sent.payload_type,
            rtx: send.rtx_of(sent.payload_type),
            clock_rate: sent.codec.clock_rate,
            payload: payload_format(&sent.codec),
            h264_mode: h264_mode(&sent.codec),
        });
        let extensions = send.header_extensions.iter().filter_map(|each| {
            let id = u8::try_from(each.id).ok()?;
            let meaning = Extension::from_uri(&each.extension.uri)?;
            (!each.extension.encrypted).then_some((meaning, id))
        });
        Some(Route {
            transport: transport?,
            formats: formats.collect(),
            extensions: extensions.collect(),
            mixed_extensions: send.extmap_allow_mixed,
            mid: transceiver.mid()?.into(),
            rid,
        })
    }
}

impl Route {
    /// Whether the peer knows a header extension.
    pub(super) fn says(&self, extension: Extension) -> bool {
        self.extensions.iter().any(|(known, _)| *known == extension)
    }

    /// The numbers of a format; `None` if there is none in this place.
    pub(super) fn format(&self, format: Format) -> Option<OutgoingFormat> {
        self.formats.get(usize::from(format.0)).copied()
    }
}

/// What a transceiver's packets can hold, as we send and as we receive it, each in the place that [`Format`] names:
/// all that is not the retransmission of something else.
pub(super) fn formats(parameters: &NegotiatedRtp) -> impl Iterator<Item = (&PayloadType, &PayloadType)> {
    let both = parameters.send.codecs.iter().zip(&parameters.receive.codecs);
    both.filter(|(sent, _)| sent.codec.role() != Role::Retransmission)
}
