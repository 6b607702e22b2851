//! What an application sends of media.

use pollrtc_core::{Instant, Transmit};
use pollrtc_jsep::rtp::Codec;
use pollrtc_media::{ClockPair, FormatMap, RtxNames, wrap_rtx};
use pollrtc_rtp::payload::apply_patch;
use pollrtc_rtp::{AbsSendTime, BuildError, Format, NtpTime, Rewrite, RtpPacket, SharedPacket};
use pollrtc_srtp::ProtectError;

use super::codecs::forwarded_codec;
use super::control::Reporting;
use super::header::Hop;
use super::keys::Keys;
use super::queue::Queued;
use super::sender::{Sender, formats};
use super::session::Session;
use super::streams::Media;
use super::told::Told;
use crate::peer::connection::PeerConnection;
use crate::peer::transports::Transports;
use crate::stream::{Incoming, Outgoing, WriteError};

impl PeerConnection {
    /// Writes a packet for the peer into `buf`, sealed, to be sent at once: it never waits for the pacer, makes no event
    /// and brings no deadline forward. `packet` may have come by any connection, on any thread: its payload goes on as
    /// it is, and those of its header extensions that are not of one hop and that this peer knows too.
    ///
    /// # Errors
    ///
    /// Why nothing was written. Nothing has changed then.
    pub fn write_rtp(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &RtpPacket<'_>,
        rewrite: &Rewrite<'_>,
        buf: &mut [u8],
    ) -> Result<Transmit, WriteError> {
        self.media
            .write(&mut self.transports, now, to, packet, rewrite, false, buf)
    }

    /// Queues a packet for the peer, which leaves when the pacer lets it: the way for video.
    ///
    /// # Errors
    ///
    /// Why it was not queued: also [`WriteError::Full`], as long as as many wait as
    /// [`Config::max_queued_packets`](crate::Config::max_queued_packets) says, and [`WriteError::TooLong`] if it is longer
    /// than [`longest_datagram`](pollrtc_core::StateMachine::longest_datagram).
    pub fn queue_rtp(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        self.now = self.now.max(now);
        let longest = self.longest();
        self.media.queue(Queued::new(to, packet, rewrite, false), longest)
    }

    /// Queues a packet that was sent before and that the peer lacks: as a retransmission (RFC 4588) where that is
    /// negotiated, else once more as it was. It leaves before new packets; a request that comes again within a round
    /// trip, or would have more than a quarter of the stream sent again, does nothing. Nor does one for a packet that
    /// [arrived](pollrtc_rtp::Origin::arrived) more than a second ago; those that were made here, and never arrived, are as
    /// young as who kept them says.
    ///
    /// # Errors
    ///
    /// Why it can't be sent again.
    pub fn resend(
        &mut self,
        now: Instant,
        to: Outgoing,
        packet: &SharedPacket,
        rewrite: &Rewrite<'_>,
    ) -> Result<(), WriteError> {
        self.now = self.now.max(now);
        let view = packet.view();
        let place = self.media.place_of(to).ok_or(WriteError::NotNegotiated)?;
        let sender = self.media.senders.get_mut(place).ok_or(WriteError::NotNegotiated)?;
        let len = view.as_bytes().len();
        let first_sent = match view.origin.arrived {
            Instant::ZERO => now,
            arrived => arrived,
        };
        if sender.resends.admit(now, rewrite.sequence, first_sent, len).is_err() {
            return Ok(());
        }
        let longest = self.longest();
        self.media.queue(Queued::new(to, packet, rewrite, true), longest)
    }

    /// How many packets wait to be sent on a stream: what a player looks at before it goes on.
    pub fn queued(&self, to: Outgoing) -> usize {
        self.media.queue.len_of(to)
    }

    /// Tells what the timestamps of an outgoing stream mean, for its sender reports: of a forwarded stream what
    /// [`Event::Clock`](crate::Event::Clock) told of it, in the timestamps that leave. Unless told, the moment of the first
    /// packet counts.
    pub fn set_clock(&mut self, to: Outgoing, clock: ClockPair) {
        if let Some(sender) = self
            .media
            .place_of(to)
            .and_then(|place| self.media.senders.get_mut(place))
        {
            sender.transmission.set_clock(clock);
        }
    }

    /// What packets of an incoming stream can hold: [`Origin::format`](pollrtc_rtp::Origin::format) is a place in this
    /// list. Empty if there is no such stream any more.
    pub fn formats_of(&self, stream: Incoming) -> impl Iterator<Item = &Codec> {
        let transceiver = self.incoming(stream).map(|info| info.transceiver);
        let transceiver = transceiver.and_then(|id| self.negotiator.transceiver(id));
        let parameters = transceiver.and_then(|transceiver| transceiver.parameters());
        parameters
            .into_iter()
            .flat_map(formats)
            .map(|(_, received)| &received.codec)
    }

    /// In which of its formats a stream of ours takes packets that come in these, as
    /// [`formats_of`](Self::formats_of) lists them for another stream. Ask again after
    /// [`Event::TransceiverChanged`](crate::Event::TransceiverChanged).
    pub fn format_map<'c>(&self, from: impl IntoIterator<Item = &'c Codec>, to: Outgoing) -> FormatMap {
        let mut map = FormatMap::new();
        let transceiver = self
            .media
            .sender(to)
            .and_then(|sender| self.negotiator.transceiver(sender.transceiver));
        let Some(parameters) = transceiver.and_then(|transceiver| transceiver.parameters()) else {
            return map;
        };
        for (codec, place) in from.into_iter().zip(0..FormatMap::LIMIT) {
            let ours = formats(parameters).position(|(sent, _)| sent.codec.matches(codec));
            if let Some(ours) = ours.and_then(|place| u8::try_from(place).ok()) {
                map.insert(Format(place), Format(ours), forwarded_codec(codec));
            }
        }
        map
    }
}

impl Media {
    pub(super) fn place_of(&self, id: Outgoing) -> Option<usize> {
        self.senders.binary_search_by_key(&id, |sender| sender.id).ok()
    }

    fn queue(&mut self, queued: Queued, longest: usize) -> Result<(), WriteError> {
        let sender = self.sender(queued.to).ok_or(WriteError::NotNegotiated)?;
        let route = sender.route.as_ref().ok_or(WriteError::NotNegotiated)?;
        route.format(queued.rewrite().format).ok_or(WriteError::UnknownFormat)?;
        let needed = queued.packet.view().as_bytes().len();
        if needed > longest {
            return Err(WriteError::TooLong { needed });
        }
        match self.queue.push(queued) {
            true => Ok(()),
            false => Err(WriteError::Full),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a packet is, and where it goes")]
    fn write(
        &mut self,
        transports: &mut Transports,
        now: Instant,
        to: Outgoing,
        packet: &RtpPacket<'_>,
        rewrite: &Rewrite<'_>,
        is_resend: bool,
        buf: &mut [u8],
    ) -> Result<Transmit, WriteError> {
        let place = self.place_of(to).ok_or(WriteError::NotNegotiated)?;
        let sender = self.senders.get_mut(place).ok_or(WriteError::NotNegotiated)?;
        let route = sender.route.as_ref().ok_or(WriteError::NotNegotiated)?;
        let carrier = route.transport;
        let transport = transports.get_mut(carrier).ok_or(WriteError::NotReady)?;
        let flow = transport.flow().ok_or(WriteError::NotReady)?;
        let keys = transport.keys.as_mut().ok_or(WriteError::NotReady)?;
        let session = self.sessions.iter_mut().find(|session| session.transport == carrier);
        let session = session.ok_or(WriteError::NotReady)?;
        let len = seal(
            keys,
            session,
            sender,
            now,
            self.clock.at(now),
            packet,
            rewrite,
            is_resend,
            buf,
        )?;
        Ok(Transmit::new(flow, len))
    }

    /// What leaves by itself: reports, what is asked for, and packets that waited, none of them longer than `longest`.
    pub(in crate::peer) fn poll_transmit(
        &mut self,
        transports: &mut Transports,
        now: Instant,
        buf: &mut [u8],
        longest: usize,
    ) -> Option<Transmit> {
        let (buf, _) = buf.split_at_mut(longest.min(buf.len()));
        if let Some(transmit) = self.poll_control(transports, now, buf) {
            return Some(transmit);
        }
        while let Some(queued) = self.queue.pop() {
            let (view, rewrite) = (queued.packet.view(), queued.rewrite());
            match self.write(transports, now, queued.to, &view, &rewrite, queued.is_resend, buf) {
                Ok(transmit) => {
                    if queued.is_of_frame
                        && !queued.is_resend
                        && let Some(store) = &mut self.frames
                    {
                        store.note_sent(now, &queued.packet);
                    }
                    return Some(transmit);
                }
                // There will be another buffer.
                Err(WriteError::TooLong { .. }) if buf.len() < longest => {
                    self.queue.put_back(queued);
                    return None;
                }
                // One that can't be written any more is gone with its stream.
                Err(_) => {}
            }
        }
        None
    }

    fn poll_control(&mut self, transports: &mut Transports, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        for session in &mut self.sessions {
            let due = session.poll_timeout();
            if now < due || due == Instant::FAR_FUTURE {
                continue;
            }
            let Some(transport) = transports.get_mut(session.transport) else {
                continue;
            };
            let (Some(flow), Some(keys)) = (transport.flow(), &mut transport.keys) else {
                continue;
            };
            let on_it = |sender: &&Sender| {
                sender
                    .route
                    .as_ref()
                    .is_some_and(|route| route.transport == session.transport)
            };
            let reporting = Reporting {
                now,
                clock: self.clock,
                cname: &self.cname,
            };
            let room = keys.outbound.rtcp_headroom().body(buf)?;
            let senders = self.senders.iter().filter(on_it);
            let Some(len) = session.control.write(&mut session.receiver, senders, &reporting, room) else {
                continue;
            };
            let Ok(len) = keys.outbound.protect_rtcp(buf, len) else {
                continue;
            };
            return Some(Transmit::new(flow, len));
        }
        None
    }

    /// Before this, nothing leaves by itself.
    pub(in crate::peer) fn quiet_until(&self, transports: &Transports) -> Instant {
        if !self.queue.is_empty() {
            return Instant::ZERO;
        }
        let ready = self.sessions.iter().filter(|session| {
            let transport = transports.get(session.transport);
            transport.is_some_and(|transport| transport.keys.is_some() && transport.flow().is_some())
        });
        ready.map(Session::poll_timeout).fold(Instant::FAR_FUTURE, Instant::min)
    }
}

/// Writes and seals one packet; how long it is.
#[expect(clippy::too_many_arguments, reason = "what a packet is, and how it leaves")]
fn seal(
    keys: &mut Keys,
    session: &mut Session,
    sender: &mut Sender,
    now: Instant,
    time: NtpTime,
    packet: &RtpPacket<'_>,
    rewrite: &Rewrite<'_>,
    is_resend: bool,
    buf: &mut [u8],
) -> Result<usize, WriteError> {
    let route = sender.route.as_ref().ok_or(WriteError::NotNegotiated)?;
    let format = route.format(rewrite.format).ok_or(WriteError::UnknownFormat)?;
    let rtx = sender.source.rtx.zip(format.rtx).filter(|_| is_resend);
    // What goes out once more under its own number says what it said then: with another word in it, SRTP must refuse it.
    let said = sender.sayings.as_ref().filter(|_| is_resend && rtx.is_none());
    let said = said.and_then(|sayings| sayings.of(rewrite.sequence));
    let told = said.unwrap_or(Told {
        send_time: AbsSendTime::from_ntp(time),
        transport_sequence: session.transport_sequence as u16, // its low 16 bits
        is_known: match rtx {
            Some(_) => sender.is_repair_known(),
            None => sender.is_known,
        },
    });
    let hop = Hop {
        told,
        route,
        ssrc: sender.source.ssrc,
        format,
        is_repair: rtx.is_some(),
    };
    let overhead = keys.outbound.rtp_headroom().total() + if rtx.is_some() { OSN } else { 0 };
    let len = hop.write(packet, rewrite, buf).map_err(|error| match error {
        BuildError::BufferTooSmall { needed } | BuildError::TooLong(needed) => WriteError::TooLong {
            needed: needed + overhead,
        },
        _ => WriteError::UnknownFormat,
    })?;
    let needed = len + overhead;
    if buf.len() < needed {
        return Err(WriteError::TooLong { needed });
    }
    let payload = packet.payload();
    if let Some(room) = buf.get_mut(len - payload.len()..len) {
        // Of one that is malformed, the numbers don't count either.
        let _ = apply_patch(room, rewrite.patch);
    }
    let refused = WriteError::Sequence {
        sequence: rewrite.sequence,
    };
    let sealed = match rtx {
        None => {
            let is_old = sender.transmission.packets() > 0;
            let index = keys.index(&mut sender.start, sender.source.ssrc, rewrite.sequence, is_old);
            keys.outbound.protect_rtp(index.ok_or(refused)?, buf, len)
        }
        Some((ssrc, payload_type)) => {
            let sequence = sender.rtx_numbers.take();
            let names = RtxNames {
                payload_type,
                ssrc,
                sequence: sequence as u16, // its low 16 bits
            };
            let len = wrap_rtx(buf, len, names).ok_or(WriteError::TooLong { needed })?;
            let is_old = sender.repairs > 0;
            sender.repairs += 1;
            let index = keys.index(&mut sender.repair_start, ssrc, sequence, is_old);
            keys.outbound.protect_rtp(index.ok_or(refused)?, buf, len)
        }
    };
    let sealed = sealed.map_err(|error| match error {
        ProtectError::BufferTooShort { needed, .. } => WriteError::TooLong { needed },
        ProtectError::Exhausted => WriteError::NotReady,
        _ => refused,
    })?;
    if said.is_none() {
        session.transport_sequence += 1;
    }
    if !is_resend {
        if let Some(sayings) = &mut sender.sayings {
            sayings.insert(rewrite.sequence, told);
        }
        sender.transmission.handle_packet(now, rewrite.timestamp, payload.len());
        sender.resends.handle_packet(now, sealed);
    }
    Ok(sealed)
}

/// Bytes of the original sequence number in a retransmission (RFC 4588 §4).
const OSN: usize = 2;
