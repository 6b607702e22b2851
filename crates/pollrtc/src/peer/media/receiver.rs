//! What comes on one transport: which stream a packet belongs to, and what is known of each.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_jsep::{Transceiver, TransceiverId};
use pollrtc_media::{
    Arrival, Facts, FeedbackConfig, KeyframeConfig, KeyframeRequests, NackConfig, NackList, OriginalNames, Reception,
    TransportArrivals, unwrap_rtx,
};
use pollrtc_rtp::Extension;
use pollrtc_rtp::{
    self as rtp, Demultiplexer, DemultiplexerConfig, ExtensionMap, Origin, Route, RtpPacket, SectionId, Source,
    StreamKey, TransportSequence, Via,
};
use pollrtc_srtp::Unprotected;

use super::section::{Meaning, Section, starts_keyframe};
use crate::event::Event;
use crate::stream::{Incoming, IncomingInfo};

/// So many events wait at most before what asks for more is left alone.
pub(super) const EVENTS: usize = 4096;

/// The media that one transport brings.
#[derive(Debug)]
pub(super) struct Receiver {
    sections: Vec<Section>,
    /// Which section each packet belongs to.
    demultiplexer: Demultiplexer,
    /// What the numbers of header extensions mean: the same in all sections of a bundle (RFC 9143 §10.1).
    extensions: Box<ExtensionMap>,
    /// By SSRC.
    streams: Vec<Stream>,
    /// When packets came by their transport-wide numbers, and the SSRC of the last one.
    pub(super) arrivals: TransportArrivals,
    pub(super) last_ssrc: u32,
    max_streams: usize,
    round_trip: Option<Duration>,
    /// When something is to be asked for, at the earliest.
    pub(super) feedback_due: Instant,
    pub(super) dropped: Dropped,
}

/// Authentic packets that were of no use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dropped {
    /// Nothing tells which section they belong to, or their payload type is none that was agreed on.
    pub(super) unassigned: u64,
    /// They came before.
    pub(super) duplicates: u64,
    /// They carry nothing.
    pub(super) empty: u64,
}

/// One SSRC.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    last_packet: Instant,
    kind: StreamKind,
}

#[derive(Debug)]
enum StreamKind {
    Media(Box<MediaStream>),
    /// It repairs the stream of this SSRC.
    Repair {
        media: u32,
    },
}

/// A stream of media.
#[derive(Debug)]
pub(super) struct MediaStream {
    pub(super) id: Incoming,
    pub(super) key: StreamKey,
    pub(super) transceiver: TransceiverId,
    /// In which place its section is.
    section: usize,
    /// Which layer of simulcast, from zero in the order of the description.
    pub(super) layer: usize,
    /// What makes the indices under the keys of now go on above those under the keys before; `None` until the first
    /// packet under new keys, whose rollovers begin anew.
    offset: Option<u64>,
    pub(super) reception: Reception,
    pub(super) missing: NackList,
    pub(super) keyframes: KeyframeRequests,
}

/// Numbers for streams that begin.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u32,
    /// What makes the keys of this connection's streams others than those of all others: its upper 40 bits.
    key_base: u64,
}

impl MediaStream {
    /// When it has something to ask for.
    fn feedback_due(&self) -> Option<Instant> {
        [self.missing.poll_timeout(), self.keyframes.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Numbers {
    pub(super) fn new(random: u64) -> Self {
        Self {
            next: 0,
            key_base: random & !0xff_ffff,
        }
    }

    fn take(&mut self) -> (Incoming, StreamKey) {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        (Incoming(id), StreamKey(self.key_base.wrapping_add(id.into())))
    }
}

/// What a packet needs beside its receiver.
pub(super) struct Arriving<'a> {
    pub(super) arrived: Instant,
    pub(super) numbers: &'a mut Numbers,
    pub(super) events: &'a mut VecDeque<Event>,
}

impl Receiver {
    pub(super) fn new(max_streams: usize, rng: &mut Rng) -> Self {
        let demultiplexer = DemultiplexerConfig {
            streams: max_streams,
            ..DemultiplexerConfig::new(rng.u64())
        };
        Self {
            sections: Vec::new(),
            demultiplexer: Demultiplexer::new(demultiplexer),
            extensions: Box::default(),
            streams: Vec::new(),
            arrivals: TransportArrivals::new(FeedbackConfig::default()),
            last_ssrc: 0,
            max_streams: max_streams.max(1),
            round_trip: None,
            feedback_due: Instant::FAR_FUTURE,
            dropped: Dropped::default(),
        }
    }

    /// Takes what was agreed on for the transceivers that its transport carries.
    pub(super) fn agree<'t>(&mut self, carried: impl Iterator<Item = &'t Transceiver>, events: &mut VecDeque<Event>) {
        self.sections.clear();
        *self.extensions = ExtensionMap::new();
        for transceiver in carried {
            let Some(section) = Section::of(transceiver) else {
                continue;
            };
            self.sections.push(section);
            let extensions = transceiver
                .parameters()
                .into_iter()
                .flat_map(|each| &each.receive.header_extensions);
            for each in extensions.filter(|each| !each.extension.encrypted) {
                if let (Ok(id), Some(meaning)) = (u8::try_from(each.id), Extension::from_uri(&each.extension.uri)) {
                    self.extensions.insert(id, meaning);
                }
            }
        }
        self.assign();
        let sections = &self.sections;
        let mut ended = Vec::new();
        for stream in &mut self.streams {
            let StreamKind::Media(media) = &mut stream.kind else {
                continue;
            };
            match sections
                .iter()
                .position(|section| section.transceiver == media.transceiver)
            {
                Some(place) => media.section = place,
                None => ended.push(stream.ssrc),
            }
        }
        for ssrc in ended {
            self.end(ssrc, events);
        }
    }

    /// The demultiplexer follows the sections.
    fn assign(&mut self) {
        struct Lists<'s> {
            payload_types: Vec<u8>,
            rids: Vec<&'s str>,
            ssrcs: Vec<u32>,
        }
        let lists = self.sections.iter().map(|section| Lists {
            payload_types: section.payload_types().collect(),
            rids: section.layers.iter().map(String::as_str).collect(),
            ssrcs: section.sources.sources.iter().map(|source| source.ssrc).collect(),
        });
        let lists: Vec<Lists<'_>> = lists.collect();
        let sections = self.sections.iter().zip(&lists).map(|(section, lists)| rtp::Section {
            id: section_id(section.transceiver),
            mid: Some(&section.mid),
            payload_types: &lists.payload_types,
            rids: &lists.rids,
            ssrcs: &lists.ssrcs,
            outgoing_ssrcs: &[],
        });
        let sections: Vec<rtp::Section<'_>> = sections.collect();
        self.demultiplexer.set_sections(&sections);
    }

    /// The stream of media with this SSRC.
    pub(super) fn media_mut(&mut self, ssrc: u32) -> Option<&mut MediaStream> {
        let place = self.place(ssrc)?;
        match &mut self.streams.get_mut(place)?.kind {
            StreamKind::Media(media) => Some(media),
            StreamKind::Repair { .. } => None,
        }
    }

    /// What a stream is.
    pub(super) fn info_of(&self, stream: Incoming) -> Option<IncomingInfo> {
        let mut all = self.all_media();
        let (_, media) = all.find(|(_, media)| media.id == stream)?;
        Some(IncomingInfo {
            transceiver: media.transceiver,
            layer: media.layer,
            key: media.key,
        })
    }

    /// A key frame of a stream is wanted. False if there is no such stream.
    pub(super) fn request_keyframe(&mut self, stream: Incoming) -> bool {
        let Some((_, media)) = self.all_media_mut().find(|(_, media)| media.id == stream) else {
            return false;
        };
        media.keyframes.request();
        let due = media.keyframes.poll_timeout().unwrap_or(Instant::FAR_FUTURE);
        self.feedback_due = self.feedback_due.min(due);
        true
    }

    /// What comes from now on is protected by the keys of another association: a peer's streams go on, and count their
    /// rollovers from zero again.
    pub(super) fn handle_new_keys(&mut self) {
        for (_, media) in self.all_media_mut() {
            media.offset = None;
        }
    }

    /// How long it takes until something comes that was asked for.
    pub(super) fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = Some(round_trip);
        for (_, media) in self.all_media_mut() {
            media.missing.set_round_trip(round_trip);
        }
    }

    /// Time has passed: what was due and is not wanted any more is due no longer.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if now < self.feedback_due {
            return;
        }
        for (_, media) in self.all_media_mut() {
            media.missing.handle_timeout(now);
            if media.missing.take_key_frame_need() {
                media.keyframes.request();
            }
        }
        self.note_feedback();
    }

    /// All that was due was asked for: when the next is.
    pub(super) fn note_feedback(&mut self) {
        let due = self.all_media().filter_map(|(_, media)| media.feedback_due());
        self.feedback_due = due
            .chain(self.arrivals.poll_timeout())
            .min()
            .unwrap_or(Instant::FAR_FUTURE);
    }

    /// All streams of media, with their SSRCs.
    pub(super) fn all_media(&self) -> impl Iterator<Item = (u32, &MediaStream)> {
        self.streams.iter().filter_map(|stream| match &stream.kind {
            StreamKind::Media(media) => Some((stream.ssrc, &**media)),
            StreamKind::Repair { .. } => None,
        })
    }

    pub(super) fn all_media_mut(&mut self) -> impl Iterator<Item = (u32, &mut MediaStream)> {
        self.streams.iter_mut().filter_map(|stream| match &mut stream.kind {
            StreamKind::Media(media) => Some((stream.ssrc, &mut **media)),
            StreamKind::Repair { .. } => None,
        })
    }

    /// A packet that is authentic and new: the view of it, if somebody can use it.
    pub(super) fn receive<'d>(
        &mut self,
        plain: Unprotected<'d>,
        arriving: &mut Arriving<'_>,
    ) -> Option<(Incoming, RtpPacket<'d>)> {
        let Unprotected {
            packet, ssrc, index, ..
        } = plain;
        let place = match self.place(ssrc) {
            Some(place) if self.is_media(place) => place,
            known => return self.receive_other(packet, index, known, arriving),
        };
        // Mostly it belongs to a stream that goes on: then it is looked at once.
        let packet: &'d [u8] = packet;
        let view = RtpPacket::parse(packet, &self.extensions, Origin::default()).ok()?;
        self.note_arrival(&view, arriving.arrived);
        let Ok(route) = self.demultiplexer.route(&view) else {
            self.dropped.unassigned += 1;
            return None;
        };
        let place = match self.belongs(place, route) {
            true => place,
            false => {
                self.end(ssrc, arriving.events);
                self.begin(&view, route, arriving)?
            }
        };
        self.streams.get_mut(place)?.last_packet = arriving.arrived;
        self.take(place, view, Some(index), arriving.arrived)
    }

    /// A packet of a stream that begins, or that repairs another. `known`: where the stream is, if it is there.
    fn receive_other<'d>(
        &mut self,
        packet: &'d mut [u8],
        index: u64,
        known: Option<usize>,
        arriving: &mut Arriving<'_>,
    ) -> Option<(Incoming, RtpPacket<'d>)> {
        let view = RtpPacket::parse(packet, &self.extensions, Origin::default()).ok()?;
        self.note_arrival(&view, arriving.arrived);
        let Ok(route) = self.demultiplexer.route(&view) else {
            self.dropped.unassigned += 1;
            return None;
        };
        let place = match known {
            Some(place) => place,
            None => self.begin(&view, route, arriving)?,
        };
        let stream = self.streams.get_mut(place)?;
        stream.last_packet = arriving.arrived;
        if let StreamKind::Repair { media } = stream.kind {
            return self.repair(media, packet, arriving.arrived);
        }
        let view = RtpPacket::parse(packet, &self.extensions, Origin::default()).ok()?;
        self.take(place, view, Some(index), arriving.arrived)
    }

    fn is_media(&self, place: usize) -> bool {
        let stream = self.streams.get(place);
        stream.is_some_and(|stream| matches!(stream.kind, StreamKind::Media(_)))
    }

    /// Takes down when a packet came that has a transport-wide number.
    fn note_arrival(&mut self, view: &RtpPacket<'_>, arrived: Instant) {
        let Some(number) = view.header_extension::<TransportSequence>() else {
            return;
        };
        self.last_ssrc = view.ssrc();
        self.arrivals
            .handle_packet(arrived, number.sequence_number, view.as_bytes().len());
        if let Some(due) = self.arrivals.poll_timeout() {
            self.feedback_due = self.feedback_due.min(due);
        }
    }

    /// A packet of a stream of media. `index`: `None` if it is a repair, whose index only its number tells.
    fn take<'d>(
        &mut self,
        place: usize,
        mut view: RtpPacket<'d>,
        index: Option<u64>,
        arrived: Instant,
    ) -> Option<(Incoming, RtpPacket<'d>)> {
        let StreamKind::Media(media) = &mut self.streams.get_mut(place)?.kind else {
            return None;
        };
        let section = self.sections.get(media.section)?;
        let Some(Meaning::Media {
            format,
            clock_rate,
            has_nack,
            payload,
        }) = section.meaning(view.payload_type())
        else {
            self.dropped.unassigned += 1;
            return None;
        };
        let facts = Facts {
            timestamp: view.timestamp(),
            clock_rate,
            payload: view.payload().len(),
        };
        let (via, arrival) = match index {
            Some(index) => {
                let offset = *media
                    .offset
                    .get_or_insert_with(|| match media.reception.highest_index() {
                        None => 0,
                        Some(highest) => near(highest, view.sequence_number()).wrapping_sub(index),
                    });
                let index = index.wrapping_add(offset);
                (Via::Media, media.reception.handle_index(arrived, index, facts))
            }
            None => {
                let index = near(media.reception.highest_index()?, view.sequence_number());
                (Via::Rtx, media.reception.handle_recovered(index))
            }
        };
        let Some(index) = arrival.delivered() else {
            self.dropped.duplicates += u64::from(matches!(arrival, Arrival::Duplicate { .. }));
            return None;
        };
        if has_nack {
            media.missing.handle_packet(arrived, index, via);
            // Who waits for one looks for it.
            if media.keyframes.poll_timeout().is_some() && starts_keyframe(payload, view.payload()) {
                media.keyframes.handle_key_frame();
                media.missing.handle_key_frame(index);
            }
            if media.missing.take_key_frame_need() {
                media.keyframes.request();
            }
            if let Some(due) = media.feedback_due() {
                self.feedback_due = self.feedback_due.min(due);
            }
        }
        if view.payload().is_empty() {
            // RFC 3550 §5.1: padding alone, to probe with.
            self.dropped.empty += 1;
            return None;
        }
        view.origin = Origin {
            source: Source {
                stream: media.key,
                index,
            },
            arrived,
            format,
            via,
        };
        Some((media.id, view))
    }

    /// A packet that repairs a stream (RFC 4588).
    fn repair<'d>(&mut self, media: u32, bytes: &'d mut [u8], arrived: Instant) -> Option<(Incoming, RtpPacket<'d>)> {
        let payload_type = bytes.get(1)? & 0x7f;
        let place = self.place(media)?;
        let StreamKind::Media(stream) = &self.streams.get(place)?.kind else {
            return None;
        };
        let meaning = self.sections.get(stream.section)?.meaning(payload_type);
        let Some(Meaning::Repair { original }) = meaning else {
            self.dropped.unassigned += 1;
            return None;
        };
        let names = OriginalNames {
            payload_type: original,
            ssrc: media,
        };
        let Some(packet) = unwrap_rtx(bytes, names) else {
            self.dropped.empty += 1;
            return None;
        };
        let view = RtpPacket::parse(packet, &self.extensions, Origin::default()).ok()?;
        self.take(place, view, None, arrived)
    }

    /// RFC 9143 §9.2: a packet may say that its SSRC belongs to another section from now on.
    fn belongs(&self, place: usize, route: Route) -> bool {
        match self.streams.get(place).map(|stream| &stream.kind) {
            Some(StreamKind::Media(media)) => section_id(media.transceiver) == route.section,
            _ => true,
        }
    }

    /// A stream begins with this packet, if it can be told what it belongs to. Where it is.
    fn begin(&mut self, view: &RtpPacket<'_>, route: Route, arriving: &mut Arriving<'_>) -> Option<usize> {
        let ssrc = view.ssrc();
        let kind = match arriving.events.len() {
            0..EVENTS => self.kind_of(view, route, arriving),
            _ => None,
        };
        let Some(kind) = kind else {
            self.dropped.unassigned += 1;
            return None;
        };
        if self.streams.len() >= self.max_streams {
            // Only the peer itself can make so many: SRTP has authenticated each.
            let silent = self.streams.iter().min_by_key(|stream| stream.last_packet)?.ssrc;
            self.end(silent, arriving.events);
        }
        let place = self.streams.partition_point(|stream| stream.ssrc < ssrc);
        let stream = Stream {
            ssrc,
            last_packet: arriving.arrived,
            kind,
        };
        self.streams.insert(place, stream);
        Some(place)
    }

    fn kind_of(&self, view: &RtpPacket<'_>, route: Route, arriving: &mut Arriving<'_>) -> Option<StreamKind> {
        let is_named = |section: &Section| section_id(section.transceiver) == route.section;
        let place = self.sections.iter().position(is_named)?;
        let section = self.sections.get(place)?;
        Some(match section.meaning(view.payload_type())? {
            Meaning::Repair { .. } => StreamKind::Repair {
                media: self.repaired_by(section, view.ssrc(), route)?,
            },
            Meaning::Media { .. } => {
                let layer = section.layer_of(view.ssrc(), route)?;
                let transceiver = section.transceiver;
                let (stream, key) = arriving.numbers.take();
                arriving.events.push_back(Event::StreamStarted { stream, transceiver });
                let mut missing = NackList::new(NackConfig::default());
                if let Some(round_trip) = self.round_trip {
                    missing.set_round_trip(round_trip);
                }
                StreamKind::Media(Box::new(MediaStream {
                    id: stream,
                    key,
                    transceiver,
                    section: place,
                    layer,
                    offset: Some(0),
                    reception: Reception::authenticated(),
                    missing,
                    keyframes: KeyframeRequests::new(KeyframeConfig::default()),
                }))
            }
        })
    }

    /// Which stream a stream of retransmissions repairs: that of the layer that it names (RFC 8852 §3.2), or that the
    /// peer's description groups it with, or the only one of its section that none repairs.
    fn repaired_by(&self, section: &Section, ssrc: u32, route: Route) -> Option<u32> {
        let own = || {
            self.all_media()
                .filter(|(_, media)| media.transceiver == section.transceiver)
        };
        if let Some(layer) = route.layer {
            let layer = usize::from(layer.index);
            return own().find(|(_, media)| media.layer == layer).map(|(ssrc, _)| ssrc);
        }
        let grouped = section.sources.sources.iter().map(|source| source.ssrc);
        let mut grouped = grouped.filter(|media| section.sources.rtx_of(*media) == Some(ssrc));
        if let Some(media) = grouped.next() {
            return Some(media);
        }
        let repaired = |ssrc: u32| {
            let mut streams = self.streams.iter();
            streams.any(|stream| matches!(stream.kind, StreamKind::Repair { media } if media == ssrc))
        };
        let mut candidates = own().map(|(ssrc, _)| ssrc).filter(|ssrc| !repaired(*ssrc));
        let only = candidates.next()?;
        candidates.next().is_none().then_some(only)
    }

    /// A stream is over, and what repairs it.
    pub(super) fn end(&mut self, ssrc: u32, events: &mut VecDeque<Event>) {
        self.streams.retain(|stream| match &stream.kind {
            StreamKind::Media(media) if stream.ssrc == ssrc => {
                events.push_back(Event::StreamEnded { stream: media.id });
                false
            }
            StreamKind::Repair { media } => *media != ssrc && stream.ssrc != ssrc,
            StreamKind::Media(_) => true,
        });
    }

    fn place(&self, ssrc: u32) -> Option<usize> {
        self.streams.binary_search_by_key(&ssrc, |stream| stream.ssrc).ok()
    }
}

impl Section {
    /// Which layer a packet of media belongs to: the one that it names, or that a description names its source for; the
    /// only one where there are no layers. `None` if it names one that there is not.
    fn layer_of(&self, ssrc: u32, route: Route) -> Option<usize> {
        if !self.layers.is_empty() {
            return route.layer.map(|layer| layer.index.into());
        }
        // Old simulcast groups its sources from small to large.
        let tracks = self.sources.tracks();
        let layers = tracks.first().map(|track| track.layers.as_slice()).unwrap_or_default();
        Some(layers.iter().position(|layer| *layer == ssrc).unwrap_or(0))
    }
}

/// How a section is called among those of its transport.
fn section_id(transceiver: TransceiverId) -> SectionId {
    SectionId(transceiver.number())
}

/// The index of a packet by its sequence number: the one nearest to the newest.
fn near(newest: u64, sequence: u16) -> u64 {
    let distance = sequence.wrapping_sub(newest as u16).cast_signed(); // the low 16 bits of both
    let index = newest.checked_add_signed(distance.into());
    index.unwrap_or_else(|| u64::from(sequence))
}
