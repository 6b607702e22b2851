//! Audio and video: one stream of each kind at a time, a frame in each packet.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::{Kind, Stream};
use pollrtc::rtp::{ExtensionMap, Format, Origin, Patch, Pool};
use pollrtc::{
    ConnectionState, Event, Incoming, Instant, MediaKind, Missing, Outgoing, PeerConnection, Rewrite, RtpCapabilities,
    RtpPacket, SharedPacket, TransceiverId,
};
use pollrtc_tokio::Peer;
use serde_json::{Value, json};

/// From one frame to the next.
const PERIOD: Duration = Duration::from_millis(20);
/// How many packets may be asked for again.
const KEPT: usize = 500;

/// The media of one connection. Whoever locks both takes this after the connection.
#[derive(Debug, Default)]
pub(crate) struct Media(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<Kind, Stream>,
    /// What sends: ended by being taken away.
    sending: BTreeMap<Kind, Sending>,
    incoming: BTreeMap<Incoming, Kind>,
}

#[derive(Debug)]
struct Sending {
    transceiver: TransceiverId,
    to: Outgoing,
    sequence: u64,
    kept: VecDeque<(u64, SharedPacket)>,
    pool: Pool,
}

impl Media {
    /// Something to send, from the next exchange on.
    pub(crate) fn add(self: &Arc<Self>, peer: &Arc<Peer>, kind: Kind) {
        let (transceiver, to) = peer.with(|peer, _| {
            let transceiver = peer.add_track(media_kind(kind), vec!["agent".into()]);
            (transceiver, peer.outgoing_of(transceiver).next())
        });
        let Some(to) = to else { return };
        let sending = Sending {
            transceiver,
            to,
            sequence: 0,
            kept: VecDeque::new(),
            pool: Pool::new(2 * KEPT),
        };
        self.lock().sending.insert(kind, sending);
        tokio::spawn(send(Arc::clone(peer), Arc::clone(self), kind, to));
    }

    /// Its section is stopped by the next description.
    pub(crate) fn stop(&self, peer: &Peer, kind: Kind) -> Result<(), Box<dyn Error>> {
        let sending = self.lock().sending.remove(&kind).ok_or("nothing is sent")?;
        Ok(peer.with(|peer, _| peer.stop_transceiver(sending.transceiver))?)
    }

    /// Asks for a key frame of all video that comes.
    pub(crate) fn want_keyframe(&self, peer: &Peer) {
        peer.with(|peer, now| {
            let state = self.lock();
            let video = state.incoming.iter().filter(|(_, kind)| **kind == Kind::Video);
            video.for_each(|(stream, _)| peer.request_keyframe(now, *stream));
        });
    }

    pub(crate) fn handle_event(&self, peer: &Peer, event: &Event) {
        if let Event::ResendWanted { stream, missing } = event {
            peer.with(|peer, now| self.lock().resend(peer, now, *stream, *missing));
            return;
        }
        let mut state = self.lock();
        match event {
            Event::StreamEnded { stream } => {
                state.incoming.remove(stream);
            }
            Event::KeyframeWanted { stream } => {
                if let Some(kind) = state.kind_sent_by(*stream) {
                    state.streams.entry(kind).or_default().keyframes_wanted += 1;
                }
            }
            Event::Clock { stream, .. } => {
                if let Some(kind) = state.incoming.get(stream).copied() {
                    state.streams.entry(kind).or_default().sender_reports += 1;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let state = self.lock();
        let streams = state.streams.iter();
        streams.fold(json!({}), |mut all, (kind, stream)| {
            all[kind.name()] = stream.to_json();
            all
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn kind_sent_by(&self, stream: Outgoing) -> Option<Kind> {
        let mut sending = self.sending.iter();
        sending.find_map(|(kind, sending)| (sending.to == stream).then_some(*kind))
    }

    fn resend(&mut self, peer: &mut PeerConnection, now: Instant, stream: Outgoing, missing: Missing) -> Option<()> {
        let kind = self.kind_sent_by(stream)?;
        let format = format(peer, kind, stream)?;
        let sending = self.sending.get(&kind)?;
        for number in missing.sequence_numbers() {
            let kept = sending.kept.iter().find(|(sequence, _)| *sequence as u16 == number);
            let Some((sequence, packet)) = kept else { continue };
            let resent = peer.resend(now, stream, packet, &rewrite(kind, *sequence, format));
            self.streams.entry(kind).or_default().resent += u32::from(resent.is_ok());
        }
        Some(())
    }
}

/// Sends a frame each 20 ms as soon as the stream can be written to, until it is stopped.
async fn send(peer: Arc<Peer>, media: Arc<Media>, kind: Kind, to: Outgoing) {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        let is_over = peer.with(|peer, now| {
            let mut state = media.lock();
            let State { streams, sending, .. } = &mut *state;
            let sending = sending.get_mut(&kind).filter(|sending| sending.to == to);
            let Some(sending) = sending else { return true };
            let Some(format) = format(peer, kind, to).filter(|_| peer.connection_state() == ConnectionState::Connected)
            else {
                return peer.connection_state() == ConnectionState::Closed;
            };
            let stream = streams.entry(kind).or_default();
            let Some(packet) = packet(&mut sending.pool, kind, stream.sent) else {
                return false;
            };
            if peer
                .queue_rtp(now, to, &packet, &rewrite(kind, sending.sequence, format))
                .is_ok()
            {
                stream.sent += 1;
                sending.kept.push_back((sending.sequence, packet));
                sending.sequence += 1;
                if sending.kept.len() > KEPT {
                    sending.kept.pop_front();
                }
            }
            false
        });
        if is_over {
            return;
        }
    }
}

/// Records what comes until the connection ends.
pub(crate) async fn receive(peer: Arc<Peer>, media: Arc<Media>) {
    while let Some(packet) = peer.next_packet().await {
        let kind = peer.with(|peer, _| {
            let transceiver = peer.incoming(packet.stream)?.transceiver;
            Some(peer.transceiver(transceiver)?.kind())
        });
        let kind = match kind {
            Some(MediaKind::Audio) => Kind::Audio,
            Some(MediaKind::Video) => Kind::Video,
            None => continue, // it has ended
        };
        let mut state = media.lock();
        state.incoming.insert(packet.stream, kind);
        state
            .streams
            .entry(kind)
            .or_default()
            .receive(kind, packet.packet.view().payload());
    }
}

/// The place of Opus or VP8 among the stream's formats, once that is agreed on.
fn format(peer: &PeerConnection, kind: Kind, to: Outgoing) -> Option<Format> {
    let ours = RtpCapabilities::of(media_kind(kind));
    let name = match kind {
        Kind::Audio => "opus",
        Kind::Video => "VP8",
    };
    let wanted = ours.codecs.iter().filter(|codec| codec.is(name));
    Some(peer.format_map(wanted, to).get(Format(0))?.0)
}

fn rewrite(kind: Kind, sequence: u64, format: Format) -> Rewrite<'static> {
    Rewrite {
        sequence,
        timestamp: (sequence as u32).wrapping_mul(kind.ticks()),
        marker: kind == Kind::Video,
        format,
        patch: Patch::None,
        descriptor: None,
        frame_number: None,
    }
}

/// A packet with this frame. Its header is written anew when it leaves.
fn packet(pool: &mut Pool, kind: Kind, number: u32) -> Option<SharedPacket> {
    let mut bytes = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    bytes.extend(kind.payload(number));
    pool.share(&RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).ok()?)
}

fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    }
}
