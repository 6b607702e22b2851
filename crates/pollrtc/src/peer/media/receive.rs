//! The way of media that comes.

use pollrtc_core::Instant;
use pollrtc_ice::Path;
use pollrtc_jsep::TransportId;
use pollrtc_rtp::PacketKind;
use pollrtc_rtp::rtcp::{Compound, ReportBlock, RtcpPacket};

use super::receiver::{Arriving, EVENTS};
use super::sender::Sender;
use super::streams::Media;
use crate::event::Event;
use crate::peer::connection::PeerConnection;
use crate::peer::transport::Transport;
use crate::stats::MediaStats;
use crate::stream::{Incoming, IncomingInfo, Received};

impl PeerConnection {
    /// A packet of SRTP or SRTCP, on the transport in this place. `arrived`: when it came.
    pub(in crate::peer) fn receive_media<'d>(
        &mut self,
        now: Instant,
        arrived: Instant,
        index: usize,
        path: Path,
        payload: &'d mut [u8],
    ) -> Received<'d> {
        let Some(transport) = self.transports.at(index) else {
            return Received::Nothing;
        };
        let (Some(id), Some(keys)) = (transport.id, &mut transport.keys) else {
            self.dropped.media += 1;
            return Received::Nothing;
        };
        // What is not authentic, or came before, has changed nothing but a counter of the context's.
        match PacketKind::of(payload) {
            Some(PacketKind::Rtp) => {
                let Ok(plain) = keys.inbound.unprotect_rtp(payload) else {
                    return Received::Nothing;
                };
                transport.ice.handle_authenticated(now, path);
                let mut arriving = Arriving {
                    arrived,
                    numbers: &mut self.media.numbers,
                    events: &mut self.events,
                };
                let session = self.media.sessions.iter_mut().find(|session| session.transport == id);
                let received = session.and_then(|session| session.receiver.receive(plain, &mut arriving));
                received.map_or(Received::Nothing, |(stream, packet)| Received::Rtp { stream, packet })
            }
            Some(PacketKind::Rtcp) => {
                let Ok(plain) = keys.inbound.unprotect_rtcp(payload) else {
                    return Received::Nothing;
                };
                transport.ice.handle_authenticated(now, path);
                let packet: &'d [u8] = plain.packet;
                let Ok(compound) = Compound::parse(packet) else {
                    self.dropped.media += 1;
                    return Received::Nothing;
                };
                self.handle_rtcp(now, id, &compound);
                Received::Rtcp {
                    transport: id,
                    compound,
                }
            }
            _ => {
                self.dropped.unknown += 1;
                Received::Nothing
            }
        }
    }

    fn handle_rtcp(&mut self, now: Instant, transport: TransportId, compound: &Compound<'_>) {
        // What is malformed costs itself.
        for packet in compound.packets().flatten() {
            if self.events.len() >= EVENTS {
                // Who takes no events can do nothing about what they tell; the peer asks again.
                return;
            }
            match packet {
                RtcpPacket::SenderReport(report) => {
                    let info = report.info();
                    if let Some(session) = self.media.session_mut(transport)
                        && let Some(media) = session.receiver.media_mut(report.ssrc())
                    {
                        media.reception.handle_sender_report(now, info.ntp_time);
                        let clock = session.clock.handle_sender_report(now, &info);
                        self.events.push_back(Event::Clock {
                            stream: media.id,
                            clock,
                        });
                    }
                    report
                        .reports()
                        .for_each(|block| self.media.handle_report(now, transport, block));
                }
                RtcpPacket::ReceiverReport(report) => {
                    report
                        .reports()
                        .for_each(|block| self.media.handle_report(now, transport, block));
                }
                RtcpPacket::Goodbye(goodbye) => {
                    let session = self
                        .media
                        .sessions
                        .iter_mut()
                        .find(|session| session.transport == transport);
                    if let Some(session) = session {
                        goodbye
                            .sources()
                            .for_each(|ssrc| session.receiver.end(ssrc, &mut self.events));
                    }
                }
                RtcpPacket::GenericNack(nack) => {
                    if let Some(sender) = self.media.sender_of(transport, nack.media_ssrc()) {
                        let stream = sender.id;
                        let missing = nack.missing();
                        if !self.media.answer(now, stream, missing.clone()) {
                            let missing = missing.take(EVENTS - self.events.len());
                            self.events
                                .extend(missing.map(|missing| Event::ResendWanted { stream, missing }));
                        }
                    }
                }
                RtcpPacket::PictureLossIndication(request) => {
                    if let Some(sender) = self.media.sender_of(transport, request.media_ssrc) {
                        self.events.push_back(Event::KeyframeWanted { stream: sender.id });
                    }
                }
                RtcpPacket::FullIntraRequest(request) => {
                    for entry in request.entries().take(EVENTS - self.events.len()) {
                        if let Some(sender) = self.media.sender_of(transport, entry.ssrc)
                            && sender.firs.is_new(request.sender_ssrc(), entry.sequence_number)
                        {
                            self.events.push_back(Event::KeyframeWanted { stream: sender.id });
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// What an incoming stream is; `None` if there is none of this name any more.
    pub fn incoming(&self, stream: Incoming) -> Option<IncomingInfo> {
        let mut sessions = self.media.sessions.iter();
        sessions.find_map(|session| session.receiver.info_of(stream))
    }

    /// Asks the peer for a key frame of an incoming stream (RFC 4585 §6.3.1): soon, and no more often than is of use.
    /// However many ask, the peer is asked once.
    pub fn request_keyframe(&mut self, now: Instant, from: Incoming) {
        self.now = self.now.max(now);
        for session in &mut self.media.sessions {
            if session.receiver.request_keyframe(from) {
                return;
            }
        }
    }
}

impl Media {
    /// What a transport has counted of media.
    pub(in crate::peer) fn stats(&self, transport: &Transport) -> Option<MediaStats> {
        let keys = transport.keys.as_ref()?;
        let session = self
            .sessions
            .iter()
            .find(|session| Some(session.transport) == transport.id)?;
        let dropped = session.receiver.dropped;
        Some(MediaStats {
            inbound: keys.inbound.stats(),
            outbound: keys.outbound.stats(),
            dropped_unassigned: dropped.unassigned,
            dropped_duplicates: dropped.duplicates,
            dropped_empty: dropped.empty,
        })
    }

    /// The peer tells how it receives a stream of ours.
    fn handle_report(&mut self, now: Instant, transport: TransportId, block: ReportBlock) {
        let at = self.clock.at(now);
        let Some(sender) = self.sender_of(transport, block.ssrc) else {
            return;
        };
        sender.is_known = true;
        let Some(session) = self.session_mut(transport) else {
            return;
        };
        let (last, delay) = (block.last_sender_report, block.delay_since_last_sender_report);
        let Some(round_trip) = session.control.round_trip.handle_answer(at, last, delay) else {
            return;
        };
        session.receiver.set_round_trip(round_trip);
        for sender in &mut self.senders {
            if sender.route.as_ref().is_some_and(|route| route.transport == transport) {
                sender.resends.set_round_trip(round_trip);
            }
        }
    }

    fn sender_of(&mut self, transport: TransportId, ssrc: u32) -> Option<&mut Sender> {
        let is_on = |sender: &Sender| sender.route.as_ref().is_some_and(|route| route.transport == transport);
        let mut senders = self.senders.iter_mut();
        senders.find(|sender| sender.source.ssrc == ssrc && is_on(sender))
    }
}
