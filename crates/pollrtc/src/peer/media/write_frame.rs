//! What an application sends of frames.

use alloc::boxed::Box;

use pollrtc_core::Instant;
use pollrtc_crypto::Rng;
use pollrtc_jsep::rtp::Codec;
use pollrtc_media::ClockPair;
use pollrtc_rtp::payload::{FramePacketizer, Packetize, PayloadFormat};
use pollrtc_rtp::{Extension, Missing, Origin, RtpPacketBuilder, Source, StreamKey, Via, unwrap_near};

use super::codecs::payload_format;
use super::descriptors::{Descriptors, LONGEST_DESCRIPTOR};
use super::frames::{FrameStore, FrameStream, first_number};
use super::queue::Queued;
use super::sender::{OutgoingFormat, Route, formats};
use super::streams::Media;
use crate::frame::{Frame, FrameContents};
use crate::peer::connection::PeerConnection;
use crate::peer::transports::Transports;
use crate::stream::{Incoming, Outgoing, WriteError};

/// The fixed header (RFC 3550 §5.1).
const HEADER: usize = 12;
/// Bytes of the original sequence number in a retransmission (RFC 4588 §4), for which there is always room.
const OSN: usize = 2;
fn packetizer(format: OutgoingFormat, rng: &mut Rng) -> FramePacketizer {
    let first_picture = rng.u64() as u16; // any 16 of the bits
    FramePacketizer::new(format.payload, first_picture).with_h264_mode(format.h264_mode)
}

/// How many bytes header extensions may take in front of a payload.
fn extension_bytes(route: &Route, has_descriptor: bool) -> usize {
    let len = |extension: &Extension| match extension {
        Extension::TransportSequence => 2,
        Extension::AbsSendTime => 3,
        Extension::Mid => route.mid.len(),
        Extension::Rid | Extension::RepairedRid => route.rid.as_ref().map_or(0, |rid| rid.len()),
        Extension::DependencyDescriptor if has_descriptor => LONGEST_DESCRIPTOR,
        _ => 0,
    };
    let written = route.extensions.iter().map(|(extension, _)| len(extension));
    // RFC 8285 §4.3: each with its number and its length, all on a boundary of 32 bits, behind a word of their own.
    let all: usize = written.filter(|len| *len > 0).map(|len| len + 2).sum();
    match all {
        0 => 0,
        _ => all.next_multiple_of(4) + 4,
    }
}

impl PeerConnection {
    /// Sends a frame: cuts it into packets as its format has it, numbers them, gives them the timestamp of its time, and
    /// queues them. What the peer lacks of them is sent again without further ado, as long as it is among the last
    /// [`Config::frame_history`](crate::Config::frame_history) bytes; there are no
    /// [`ResendWanted`](crate::Event::ResendWanted) for such a stream. A stream takes either frames or packets, not both.
    ///
    /// Where [`queued`](Self::queued) tells of many packets, or this says [`WriteError::Full`], the path is slower than the
    /// frames: wait before the next one, or leave frames out, up to a key frame.
    ///
    /// # Errors
    ///
    /// Why nothing was sent of it. Nothing has changed then.
    ///
    /// # Example
    ///
    /// ```
    /// use core::time::Duration;
    /// use pollrtc::{Frame, Instant, Outgoing, PeerConnection, WriteError};
    ///
    /// /// Sends pictures, each 40 ms after the one before. Call it when the next one is due, and drain `poll_transmit`.
    /// fn play(
    ///     peer: &mut PeerConnection,
    ///     now: Instant,
    ///     camera: Outgoing,
    ///     pictures: &mut impl Iterator<Item = Vec<u8>>,
    /// ) -> Result<Option<Instant>, WriteError> {
    ///     if peer.queued(camera) < 100
    ///         && let Some(picture) = pictures.next()
    ///     {
    ///         peer.write_frame(now, camera, &Frame::new(&picture, now))?;
    ///         return Ok(Some(now + Duration::from_millis(40)));
    ///     }
    ///     Ok(None)
    /// }
    /// # let mut peer = PeerConnection::new(pollrtc::Config::default());
    /// # let refused = play(&mut peer, Instant::ZERO, Outgoing(0), &mut [vec![0x10]].into_iter());
    /// # assert_eq!(refused, Err(WriteError::NotNegotiated));
    /// ```
    pub fn write_frame(&mut self, now: Instant, to: Outgoing, frame: &Frame<'_>) -> Result<(), WriteError> {
        self.now = self.now.max(now);
        self.media.write_frame(&self.transports, now, to, frame)
    }

    /// How the payloads of an incoming stream are coded, in the order of [`formats_of`](Self::formats_of): what
    /// [`media::Frames`](pollrtc_media::Frames) are made from.
    pub fn payload_formats_of(&self, stream: Incoming) -> impl Iterator<Item = PayloadFormat> {
        self.formats_of(stream).map(payload_format)
    }

    /// What a stream of ours can be written in: [`Frame::format`] and [`Rewrite::format`](crate::Rewrite::format) are places in this list. Empty as
    /// long as nothing is agreed on.
    pub fn outgoing_formats(&self, to: Outgoing) -> impl Iterator<Item = &Codec> {
        let transceiver = self.media.sender(to).map(|sender| sender.transceiver);
        let transceiver = transceiver.and_then(|id| self.negotiator.transceiver(id));
        let parameters = transceiver.and_then(|transceiver| transceiver.parameters());
        parameters.into_iter().flat_map(formats).map(|(sent, _)| &sent.codec)
    }
}

impl Media {
    fn write_frame(
        &mut self,
        transports: &Transports,
        now: Instant,
        to: Outgoing,
        frame: &Frame<'_>,
    ) -> Result<(), WriteError> {
        let place = self.place_of(to).ok_or(WriteError::NotNegotiated)?;
        let sender = self.senders.get_mut(place).ok_or(WriteError::NotNegotiated)?;
        let route = sender.route.as_ref().ok_or(WriteError::NotNegotiated)?;
        let format = route.format(frame.format).ok_or(WriteError::UnknownFormat)?;
        let format = match frame.contents {
            FrameContents::Plain => format,
            FrameContents::Encrypted { .. } => OutgoingFormat {
                payload: PayloadFormat::Opaque,
                ..format
            },
        };
        let is_opaque = format.payload == PayloadFormat::Opaque;
        if is_opaque && !route.says(Extension::DependencyDescriptor) {
            return Err(WriteError::NoDescriptor);
        }
        let transport = transports.get(route.transport).ok_or(WriteError::NotReady)?;
        let path = transport.ice.path().ok_or(WriteError::NotReady)?;
        let keys = transport.keys.as_ref().ok_or(WriteError::NotReady)?;
        let around = HEADER + OSN + extension_bytes(route, is_opaque) + keys.outbound.rtp_headroom().total();
        let limit = self.frame_settings.mtu.min(path.mtu).saturating_sub(around);

        let settings = self.frame_settings;
        let store = self.frames.get_or_insert_with(|| Box::new(FrameStore::new(settings)));
        let rng = &mut self.rng;
        let stream = sender.frames.get_or_insert_with(|| {
            Box::new(FrameStream::new(
                keys.association,
                format.payload,
                packetizer(format, rng),
                rng,
            ))
        });
        let key = key_of(to);
        if stream.association != keys.association {
            // Another association counts rollovers from zero.
            stream.association = keys.association;
            stream.next = first_number(rng);
            store.history.remove(key);
        }
        let mut cutter = match stream.format == format.payload {
            true => stream.packetizer.clone(),
            false => packetizer(format, rng),
        };
        let timestamp = frame
            .timestamp
            .unwrap_or_else(|| stream.timestamp(frame.captured, format.clock_rate));
        let begins_sound = stream.begins_sound(frame.captured);
        let keyframe = match frame.contents {
            FrameContents::Plain => None,
            FrameContents::Encrypted { is_keyframe } => Some(is_keyframe),
        };
        if keyframe.is_some() {
            stream
                .descriptors
                .get_or_insert_with(|| Box::new(Descriptors::new(rng)));
        }

        store.cut.clear();
        store.payload.resize(limit, 0);
        let mut payloads = cutter.packetize(frame.bytes, limit).map_err(WriteError::Frame)?;
        let (room, most) = (self.queue.room(), self.queue.limit());
        let mut refused = None;
        let mut sequence = stream.next;
        while let Some(written) = payloads.write_payload(&mut store.payload).map_err(WriteError::Frame)? {
            if store.cut.len() >= room {
                // What does not fit where nothing waits never does.
                refused = Some(match room >= most {
                    true => WriteError::LongFrame { packets: most },
                    false => WriteError::Full,
                });
                break;
            }
            let header = RtpPacketBuilder {
                marker: written.marker || begins_sound,
                payload_type: format.payload_type,
                sequence_number: sequence as u16, // its low 16 bits
                timestamp,
                ssrc: sender.source.ssrc,
                ..RtpPacketBuilder::default()
            };
            let origin = Origin {
                source: Source {
                    stream: key,
                    index: sequence,
                },
                arrived: now,
                format: frame.format,
                via: Via::Media,
            };
            let mut room = [0; LONGEST_DESCRIPTOR];
            let descriptor = stream
                .descriptors
                .as_ref()
                .zip(keyframe)
                .and_then(|(descriptors, is_keyframe)| descriptors.write(&written, is_keyframe, &mut room));
            let Some(packet) = store.make(header, written.len, origin, descriptor) else {
                refused = Some(WriteError::Full);
                break;
            };
            store.cut.push(packet);
            sequence += 1;
        }
        if let Some(error) = refused {
            store.cut.clear();
            return Err(error);
        }
        (stream.format, stream.packetizer) = (format.payload, cutter);
        stream.next = sequence;
        stream.last_captured = Some(frame.captured);
        if let (Some(descriptors), Some(_)) = (&mut stream.descriptors, keyframe) {
            descriptors.next_frame();
        }
        sender.transmission.set_clock(ClockPair {
            timestamp,
            at: frame.captured,
        });
        for packet in store.cut.drain(..) {
            self.queue.push(Queued::of_frame(to, packet));
        }
        Ok(())
    }

    /// The peer lacks packets: those of frames are sent again. False if the application has what it lacks.
    pub(super) fn answer(&mut self, now: Instant, to: Outgoing, missing: impl Iterator<Item = Missing>) -> bool {
        let Some(place) = self.place_of(to) else { return true };
        let Some(sender) = self.senders.get_mut(place) else {
            return true;
        };
        let (Some(stream), Some(store)) = (&sender.frames, &self.frames) else {
            return false;
        };
        for sequence in missing.flat_map(Missing::sequence_numbers) {
            let index = unwrap_near::<16>(stream.next as i64, sequence.into());
            let Ok(index) = u64::try_from(index) else { continue };
            let source = Source {
                stream: key_of(to),
                index,
            };
            let Some(packet) = store.history.get(source) else {
                continue;
            };
            let view = packet.view();
            let (sent, len) = (view.origin.arrived, view.as_bytes().len());
            if sender.resends.admit(now, index, sent, len).is_ok() {
                self.queue.push(Queued::of_frame(to, packet.clone()).again());
            }
        }
        true
    }
}

/// The name of a stream in the history.
fn key_of(to: Outgoing) -> StreamKey {
    StreamKey(to.0.into())
}
