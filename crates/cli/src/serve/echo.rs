//! Media that goes back where it came from, as an echo: each stream of the client's in the section that it came by.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pollrtc::media::{ALL_LAYERS, Forwarder, ForwarderConfig, History, HistoryConfig, Verdict};
use pollrtc::{Event, Incoming, Instant, MediaKind, Outgoing, PeerConnection, TransceiverId};
use pollrtc_tokio::{MediaPacket, Peer};

/// The echo of one session.
#[derive(Debug)]
pub(super) struct MediaEcho {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By the stream that comes. Of several layers of simulcast, the one that came first goes back.
    returning: BTreeMap<Incoming, Returning>,
    /// What may be asked for again.
    history: History,
}

#[derive(Debug)]
struct Returning {
    transceiver: TransceiverId,
    to: Outgoing,
    forwarder: Forwarder,
    is_selected: bool,
}

impl MediaEcho {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State {
                returning: BTreeMap::new(),
                history: History::new(HistoryConfig::default()),
            }),
        }
    }

    /// Sends back what comes, until the connection ends.
    pub(super) async fn run(&self, peer: &Peer) {
        while let Some(packet) = peer.next_packet().await {
            peer.with(|peer, now| self.lock().take(peer, now, &packet));
        }
    }

    /// Something happened to the connection.
    pub(super) fn handle_event(&self, peer: &Peer, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::StreamEnded { stream } => {
                state.returning.remove(stream);
            }
            Event::TransceiverChanged(transceiver) => {
                for (stream, returning) in &mut state.returning {
                    if returning.transceiver == *transceiver {
                        let formats = peer.with(|peer, _| peer.format_map(peer.formats_of(*stream), returning.to));
                        returning.forwarder.set_formats(formats);
                    }
                }
            }
            Event::KeyframeWanted { stream: to } => {
                let wanted = state.returning.iter().find(|(_, returning)| returning.to == *to);
                if let Some((stream, _)) = wanted {
                    peer.with(|peer, now| peer.request_keyframe(now, *stream));
                }
            }
            Event::ResendWanted { stream: to, missing } => {
                let State { returning, history } = &*state;
                let Some(returning) = returning.values().find(|returning| returning.to == *to) else {
                    return;
                };
                for sequence in missing.sequence_numbers() {
                    let packet = returning
                        .forwarder
                        .find(sequence)
                        .and_then(|source| history.get(source));
                    let Some(packet) = packet else { continue };
                    let view = packet.view();
                    if let Some(rewrite) = returning.forwarder.repeat(sequence, &view) {
                        // A stream that has ended meanwhile needs nothing.
                        let _ = peer.with(|peer, now| peer.resend(now, *to, packet, &rewrite));
                    }
                }
            }
            Event::Clock { stream, clock } => {
                if let Some(returning) = state.returning.get_mut(stream) {
                    let key = returning.forwarder.current();
                    if let Some(key) = key {
                        returning.forwarder.handle_clock(key, *clock);
                    }
                    if let Some(clock) = returning.forwarder.outgoing_clock() {
                        peer.with(|peer, _| peer.set_clock(returning.to, clock));
                    }
                }
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, peer: &mut PeerConnection, now: Instant, MediaPacket { stream, packet }: &MediaPacket) {
        if !self.returning.contains_key(stream) {
            let Some(returning) = self.begin(peer, *stream) else {
                return;
            };
            self.returning.insert(*stream, returning);
        }
        let Some(returning) = self.returning.get_mut(stream) else {
            return;
        };
        let view = packet.view();
        if !std::mem::replace(&mut returning.is_selected, true) {
            returning.forwarder.select(view.origin.source.stream, ALL_LAYERS);
        }
        match returning.forwarder.next(&view) {
            Verdict::Forward(rewrite) => {
                self.history.insert(now, packet);
                // One for which there is no room is lost, as on any way.
                let _ = peer.queue_rtp(now, returning.to, packet, &rewrite);
            }
            Verdict::KeyframeNeeded(_) => peer.request_keyframe(now, *stream),
            _ => {}
        }
    }

    /// A stream that has just begun goes back in its section, unless another one of that does so already.
    fn begin(&self, peer: &PeerConnection, stream: Incoming) -> Option<Returning> {
        let transceiver = peer.incoming(stream)?.transceiver;
        let to = peer.outgoing_of(transceiver).next()?;
        if self.returning.values().any(|returning| returning.to == to) {
            return None;
        }
        let clock_rate = match peer.transceiver(transceiver)?.kind() {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        let config = ForwarderConfig {
            formats: peer.format_map(peer.formats_of(stream), to),
            clock_rate,
            first_sequence: getrandom::u32().ok()? as u16, // any 16 of the bits
        };
        Some(Returning {
            transceiver,
            to,
            forwarder: Forwarder::new(config),
            is_selected: false,
        })
    }
}
