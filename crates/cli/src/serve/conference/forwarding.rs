//! Who sends what, and who gets it: forwarding without any signaling.

use std::collections::BTreeMap;
use std::time::Duration;

use pollrtc::media::{ALL_LAYERS, ClockPair, Forwarder, ForwarderConfig, History, HistoryConfig, Verdict};
use pollrtc::rtp::{Missing, StreamKey};
use pollrtc::{
    Codec, Direction, Event, Incoming, Instant, MediaKind, Outgoing, PeerConnection, SharedPacket, TransceiverId,
    TransceiverInit,
};

use super::choice::{self, Picture, choose};

/// How many sections each member's media has at most: a camera, a microphone, a screen and its sound.
const MAX_TRACKS: usize = 4;
/// How many layers of simulcast each of them has.
const MAX_LAYERS: usize = 4;
/// What is silent for so long does not come any more. Cameras send each picture within a tenth of that.
const SILENCE: Duration = Duration::from_secs(1);
/// How much of a measured rate is taken from the last second, in percent.
const NEWEST: u64 = 40;
/// How wide layers are as long as nobody says so.
const ASSUMED_WIDTHS: [u32; MAX_LAYERS] = [320, 640, 1280, 1920];

/// One of those who are in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MemberId(pub(super) u64);

/// The members' connections.
pub(super) trait Connections {
    /// Does something with a member's connection, now; `None` if it has none any more.
    fn with<R>(&self, member: MemberId, act: impl FnOnce(&mut PeerConnection, Instant) -> R) -> Option<R>;
}

/// Everything that is forwarded in one room.
#[derive(Debug)]
pub(super) struct Forwarding {
    members: BTreeMap<MemberId, Member>,
    /// What may be asked for again.
    history: History,
}

#[derive(Debug)]
struct Member {
    /// What it sends.
    tracks: Vec<Track>,
    /// How many bits a second its pictures may have together.
    limit: u64,
}

/// What one section of a member's brings, and who gets it.
#[derive(Debug)]
struct Track {
    transceiver: TransceiverId,
    kind: MediaKind,
    /// What its packets can hold; none before the first came.
    formats: Vec<Codec>,
    layers: Vec<Layer>,
    subscriptions: Vec<Subscription>,
}

/// A track, for one who gets it.
#[derive(Clone, Copy)]
struct Sent<'t> {
    kind: MediaKind,
    layers: &'t [Layer],
}

/// One stream of a track: there are several with simulcast.
#[derive(Debug)]
struct Layer {
    /// Its place among the layers of its section, from zero.
    place: usize,
    stream: Incoming,
    key: StreamKey,
    /// How wide its pictures are, as its sender tells.
    width: Option<u32>,
    /// When its last packet came.
    last: Instant,
    /// What has come since the last look.
    bytes: u64,
    /// In bits a second.
    rate: u64,
}

/// One who gets a track.
#[derive(Debug)]
struct Subscription {
    subscriber: MemberId,
    /// Of the subscriber's connection.
    transceiver: TransceiverId,
    to: Outgoing,
    forwarder: Forwarder,
    /// Whether the subscriber has agreed by now.
    is_agreed: bool,
    /// The stream that it is to get.
    chosen: Option<Incoming>,
    /// How wide it is shown, in pixels; 0 if it is not.
    wanted: u32,
    /// How many streams had taken over when its clock was told.
    clocked: u32,
}

/// What a member gets of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Who sends it.
    pub(super) of: MemberId,
    pub(super) kind: MediaKind,
    /// The section of the viewer's connection that it comes by.
    pub(super) mid: String,
    /// Which layer comes, from zero, the smallest.
    pub(super) layer: Option<usize>,
    /// How many there are.
    pub(super) layers: usize,
}

/// How wide a picture is shown that is not told of.
const DEFAULT_WIDTH: u32 = 320;

impl Forwarding {
    pub(super) fn new() -> Self {
        Self {
            members: BTreeMap::new(),
            history: History::new(HistoryConfig {
                streams: 256,
                ..HistoryConfig::default()
            }),
        }
    }

    pub(super) fn join(&mut self, member: MemberId) {
        let member = self.members.entry(member);
        member.or_insert(Member {
            tracks: Vec::new(),
            limit: u64::MAX,
        });
    }

    /// A member has gone: nobody gets anything of it any more.
    pub(super) fn leave(&mut self, connections: &impl Connections, member: MemberId) {
        let Some(gone) = self.members.remove(&member) else {
            return;
        };
        for track in gone.tracks {
            self.drop_track(connections, track);
        }
        for track in self.members.values_mut().flat_map(|member| &mut member.tracks) {
            track
                .subscriptions
                .retain(|subscription| subscription.subscriber != member);
        }
    }

    /// Gives a member all that the others send: what is new has a transceiver from now on. Whether its connection has to
    /// exchange descriptions.
    pub(super) fn subscribe(&mut self, connections: &impl Connections, subscriber: MemberId) -> bool {
        let others = self.members.iter_mut().filter(|(member, _)| **member != subscriber);
        for (publisher, member) in others {
            for track in &mut member.tracks {
                let is_there = |subscription: &Subscription| subscription.subscriber == subscriber;
                if !track.subscriptions.iter().any(is_there) {
                    let added = Subscription::add(connections, *publisher, track.kind, subscriber);
                    track.subscriptions.extend(added);
                }
            }
        }
        connections
            .with(subscriber, |peer, _| peer.negotiation_needed())
            .unwrap_or(false)
    }

    /// Something happened to a member's connection. Whether others have to be told.
    pub(super) fn handle_event(&mut self, connections: &impl Connections, member: MemberId, event: &Event) -> bool {
        match event {
            Event::TransceiverAdded(_) | Event::TransceiverChanged(_) | Event::TransceiverRemoved(_) => {
                self.note_tracks(connections, member);
                self.note_agreed(connections, member);
                self.choose_for(connections, member);
                return true;
            }
            Event::StreamEnded { stream } => {
                let member = self.members.get_mut(&member);
                for track in member.into_iter().flat_map(|member| &mut member.tracks) {
                    track.layers.retain(|layer| layer.stream != *stream);
                }
            }
            Event::Clock { stream, clock } => self.handle_clock(connections, member, *stream, *clock),
            Event::KeyframeWanted { stream } => self.handle_keyframe_wanted(connections, member, *stream),
            Event::ResendWanted { stream, missing } => self.resend(connections, member, *stream, *missing),
            _ => {}
        }
        false
    }

    /// A packet came from a member.
    pub(super) fn handle_packet(
        &mut self,
        connections: &impl Connections,
        from: MemberId,
        stream: Incoming,
        packet: &SharedPacket,
    ) {
        if self.find(from, stream).is_none() {
            self.begin(connections, from, stream, packet.view().origin.arrived);
        }
        let Some((track, place)) = self.find(from, stream) else {
            return; // of a section more than there may be
        };
        let Self { members, history } = self;
        let Some(track) = members.get_mut(&from).and_then(|member| member.tracks.get_mut(track)) else {
            return;
        };
        let view = packet.view();
        let now = view.origin.arrived;
        let Some(layer) = track.layers.get_mut(place) else {
            return;
        };
        layer.last = now;
        layer.bytes += view.as_bytes().len() as u64;
        let (mut is_kept, mut needs_key_frame) = (false, false);
        for subscription in track.subscriptions.iter_mut().filter(|each| each.is_agreed) {
            match subscription.forwarder.next(&view) {
                Verdict::Forward(rewrite) => {
                    if !std::mem::replace(&mut is_kept, true) {
                        history.insert(now, packet);
                    }
                    let (to, clock) = (subscription.to, subscription.new_clock());
                    connections.with(subscription.subscriber, |peer, now| {
                        if let Some(clock) = clock {
                            peer.set_clock(to, clock);
                        }
                        // One for which there is no room is lost, as on any way.
                        let _ = peer.queue_rtp(now, to, packet, &rewrite);
                    });
                }
                Verdict::KeyframeNeeded(_) => needs_key_frame = true,
                Verdict::Skip => {}
            }
        }
        if needs_key_frame {
            // However many need it, it is asked for once.
            connections.with(from, |peer, now| peer.request_keyframe(now, stream));
        }
    }

    /// Where a stream of a member's is: its track, and among the layers of that.
    fn find(&self, member: MemberId, stream: Incoming) -> Option<(usize, usize)> {
        let mut tracks = (0..).zip(&self.members.get(&member)?.tracks);
        tracks.find_map(|(at, track)| {
            let place = track.layers.iter().position(|layer| layer.stream == stream)?;
            Some((at, place))
        })
    }

    /// A stream has begun, and takes its place among the layers of its track.
    fn begin(&mut self, connections: &impl Connections, from: MemberId, stream: Incoming, now: Instant) {
        let told = connections.with(from, |peer, _| {
            let formats: Vec<Codec> = peer.formats_of(stream).cloned().collect();
            Some((peer.incoming(stream)?, formats))
        });
        let Some((info, formats)) = told.flatten() else { return };
        let tracks = self.members.get_mut(&from).map(|member| &mut member.tracks);
        let track = tracks
            .into_iter()
            .flatten()
            .find(|track| track.transceiver == info.transceiver);
        let Some(track) = track.filter(|_| info.layer < MAX_LAYERS) else {
            return;
        };
        // Where another one was, this one is now: the sender has begun anew.
        track.layers.retain(|layer| layer.place != info.layer);
        let place = track.layers.partition_point(|layer| layer.place < info.layer);
        let layer = Layer {
            place: info.layer,
            stream,
            key: info.key,
            width: None,
            last: now,
            bytes: 0,
            rate: 0,
        };
        track.layers.insert(place, layer);
        track.formats = formats;
        let subscribers: Vec<_> = track.subscriptions.iter().map(|each| each.subscriber).collect();
        for subscription in &mut track.subscriptions {
            subscription.agree(connections, &track.formats);
        }
        for subscriber in subscribers {
            self.choose_for(connections, subscriber);
        }
    }

    /// How wide a member shows what comes by these sections, and how many bits a second it lets come.
    pub(super) fn want(
        &mut self,
        connections: &impl Connections,
        viewer: MemberId,
        widths: &BTreeMap<String, u32>,
        limit: Option<u64>,
    ) {
        if let Some(member) = self.members.get_mut(&viewer) {
            member.limit = limit.unwrap_or(u64::MAX);
        }
        for (_, _, subscription) in self.subscriptions_of(viewer) {
            let transceiver = subscription.transceiver;
            let mid = connections.with(viewer, |peer, _| {
                peer.transceiver(transceiver)?.mid().map(str::to_owned)
            });
            if let Some(width) = mid.flatten().and_then(|mid| widths.get(&mid)) {
                subscription.wanted = *width;
            }
        }
        self.choose_for(connections, viewer);
    }

    /// How wide the pictures are that a member sends, by their layers.
    pub(super) fn set_widths(&mut self, member: MemberId, widths: &[u32]) {
        let tracks = self.members.get_mut(&member).map(|member| &mut member.tracks);
        for layer in tracks
            .into_iter()
            .flatten()
            .filter(|track| track.kind == MediaKind::Video)
            .flat_map(|track| &mut track.layers)
        {
            layer.width = widths.get(layer.place).copied().filter(|width| *width > 0);
        }
    }

    /// So much time has passed: rates are measured anew, and layers chosen by them.
    pub(super) fn look(&mut self, connections: &impl Connections, passed: Duration) {
        let millis = (passed.as_millis() as u64).max(1); // fits for millions of years
        let tracks = self.members.values_mut().flat_map(|member| &mut member.tracks);
        for layer in tracks.flat_map(|track| &mut track.layers) {
            let rate = std::mem::take(&mut layer.bytes) * 8 * 1000 / millis;
            layer.rate = match layer.rate {
                0 => rate,
                before => (before * (100 - NEWEST) + rate * NEWEST) / 100,
            };
        }
        let members: Vec<_> = self.members.keys().copied().collect();
        for member in members {
            self.choose_for(connections, member);
        }
    }

    /// What a member gets of the others.
    pub(super) fn shown_to(&self, connections: &impl Connections, viewer: MemberId) -> Vec<Shown> {
        let mut shown = Vec::new();
        for (member, track) in self.tracks() {
            let subscriptions = track.subscriptions.iter();
            for subscription in subscriptions.filter(|each| each.is_agreed && each.subscriber == viewer) {
                let transceiver = subscription.transceiver;
                let mid = connections.with(viewer, |peer, _| {
                    peer.transceiver(transceiver)?.mid().map(str::to_owned)
                });
                let Some(mid) = mid.flatten() else { continue };
                let current = subscription.forwarder.current();
                shown.push(Shown {
                    of: member,
                    kind: track.kind,
                    mid,
                    layer: track
                        .layers
                        .iter()
                        .find(|layer| Some(layer.key) == current)
                        .map(|layer| layer.place),
                    layers: track.layers.len(),
                });
            }
        }
        shown
    }

    fn tracks(&self) -> impl Iterator<Item = (MemberId, &Track)> {
        let members = self.members.iter();
        members.flat_map(|(id, member)| member.tracks.iter().map(|track| (*id, track)))
    }

    /// What a member gets, with who sends it and what is sent.
    fn subscriptions_of(&mut self, viewer: MemberId) -> impl Iterator<Item = (MemberId, Sent<'_>, &mut Subscription)> {
        let members = self.members.iter_mut();
        let tracks = members.flat_map(|(id, member)| member.tracks.iter_mut().map(|track| (*id, track)));
        tracks.filter_map(move |(publisher, track)| {
            let mut subscriptions = track.subscriptions.iter_mut();
            let subscription = subscriptions.find(|each| each.subscriber == viewer)?;
            let sent = Sent {
                kind: track.kind,
                layers: &track.layers,
            };
            Some((publisher, sent, subscription))
        })
    }

    /// What a member sends, as of its last exchange of descriptions.
    fn note_tracks(&mut self, connections: &impl Connections, member: MemberId) {
        let receiving = |peer: &mut PeerConnection, _: Instant| -> Vec<(TransceiverId, MediaKind)> {
            let all = peer.transceivers().iter();
            let receiving = all.filter(|each| each.current_direction().is_some_and(Direction::receives));
            receiving
                .map(|each| (each.id(), each.kind()))
                .take(MAX_TRACKS)
                .collect()
        };
        let sends = connections.with(member, receiving).unwrap_or_default();
        let Some(sender) = self.members.get_mut(&member) else {
            return;
        };
        let still_sends = |track: &Track| sends.iter().any(|(id, _)| *id == track.transceiver);
        let tracks = std::mem::take(&mut sender.tracks);
        let (kept, dropped): (Vec<_>, Vec<_>) = tracks.into_iter().partition(still_sends);
        sender.tracks = kept;
        for (transceiver, kind) in sends {
            if !sender.tracks.iter().any(|track| track.transceiver == transceiver) {
                sender.tracks.push(Track {
                    transceiver,
                    kind,
                    formats: Vec::new(),
                    layers: Vec::new(),
                    subscriptions: Vec::new(),
                });
            }
        }
        for track in dropped {
            self.drop_track(connections, track);
        }
    }

    fn drop_track(&mut self, connections: &impl Connections, track: Track) {
        for layer in &track.layers {
            self.history.remove(layer.key);
        }
        for subscription in &track.subscriptions {
            let transceiver = subscription.transceiver;
            // Where the connection has ended there is nothing left to stop.
            connections.with(subscription.subscriber, |peer, _| {
                peer.stop_transceiver(transceiver).is_ok()
            });
        }
    }

    /// What can be sent where, as of a member's last exchange of descriptions: as publisher and as subscriber.
    fn note_agreed(&mut self, connections: &impl Connections, member: MemberId) {
        for (publisher, sender) in &mut self.members {
            for track in &mut sender.tracks {
                let began_with = track.layers.first().map(|layer| layer.stream);
                if let Some(stream) = began_with.filter(|_| member == *publisher) {
                    let formats = connections.with(member, |peer, _| peer.formats_of(stream).cloned().collect());
                    track.formats = formats.unwrap_or_default();
                }
                for subscription in &mut track.subscriptions {
                    if member == *publisher || member == subscription.subscriber {
                        subscription.agree(connections, &track.formats);
                    }
                }
            }
        }
    }

    /// Which layer a member gets of each.
    fn choose_for(&mut self, connections: &impl Connections, viewer: MemberId) {
        let Some(limit) = self.members.get(&viewer).map(|member| member.limit) else {
            return;
        };
        let Some(now) = connections.with(viewer, |_, now| now) else {
            return;
        };
        let mut pictures = Vec::new();
        for (_, track, subscription) in self.subscriptions_of(viewer) {
            match track.kind {
                MediaKind::Audio => subscription.select(track.layers.first()),
                MediaKind::Video => pictures.push(subscription.picture(track.layers, now)),
            }
        }
        let chosen = choose(&pictures, limit);
        let pictures = pictures.iter().zip(chosen);
        let shown = self.subscriptions_of(viewer);
        let shown = shown.filter(|(_, track, _)| track.kind == MediaKind::Video);
        for ((_, track, subscription), (picture, chosen)) in shown.zip(pictures) {
            // As long as nothing comes, what came last is waited for.
            if chosen.is_some() || picture.layers.iter().any(|layer| layer.is_live) {
                subscription.select(chosen.and_then(|place| track.layers.get(place)));
            }
        }
    }

    /// RFC 3550 §6.4.1: what a member's timestamps mean is what they mean to all who get them.
    fn handle_clock(&mut self, connections: &impl Connections, member: MemberId, stream: Incoming, clock: ClockPair) {
        let Some(member) = self.members.get_mut(&member) else {
            return;
        };
        for track in &mut member.tracks {
            let Some(key) = track
                .layers
                .iter()
                .find(|layer| layer.stream == stream)
                .map(|layer| layer.key)
            else {
                continue;
            };
            for subscription in &mut track.subscriptions {
                subscription.forwarder.handle_clock(key, clock);
                if subscription.forwarder.current() != Some(key) {
                    continue;
                }
                if let Some(clock) = subscription.forwarder.outgoing_clock() {
                    connections.with(subscription.subscriber, |peer, _| {
                        peer.set_clock(subscription.to, clock);
                    });
                }
            }
        }
    }

    /// RFC 4585 §6.3.1: a viewer's decoder needs a beginning, which only the sender can make.
    fn handle_keyframe_wanted(&mut self, connections: &impl Connections, viewer: MemberId, to: Outgoing) {
        let mut subscriptions = self.subscriptions_of(viewer);
        let Some((publisher, track, subscription)) = subscriptions.find(|(_, _, each)| each.to == to) else {
            return;
        };
        let current = subscription.forwarder.current();
        if let Some(layer) = track.layers.iter().find(|layer| Some(layer.key) == current) {
            connections.with(publisher, |peer, now| peer.request_keyframe(now, layer.stream));
        }
    }

    /// RFC 4585 §6.2.1: what a viewer lacks comes from the publisher's history, called as it was the first time.
    fn resend(&mut self, connections: &impl Connections, viewer: MemberId, to: Outgoing, missing: Missing) {
        let Self { members, history } = self;
        let tracks = members.values().flat_map(|member| &member.tracks);
        let mut subscriptions = tracks.flat_map(|track| &track.subscriptions);
        let Some(subscription) = subscriptions.find(|each| each.subscriber == viewer && each.to == to) else {
            return;
        };
        let forwarder = &subscription.forwarder;
        for sequence in missing.sequence_numbers() {
            let packet = forwarder.find(sequence).and_then(|source| history.get(source));
            let Some(packet) = packet else { continue };
            let view = packet.view();
            if let Some(rewrite) = forwarder.repeat(sequence, &view) {
                // A stream that has ended meanwhile needs nothing.
                connections.with(viewer, |peer, now| peer.resend(now, to, packet, &rewrite).is_ok());
            }
        }
    }
}

impl Subscription {
    /// A transceiver for what somebody else sends.
    fn add(connections: &impl Connections, publisher: MemberId, kind: MediaKind, subscriber: MemberId) -> Option<Self> {
        let init = TransceiverInit {
            direction: Direction::SendOnly,
            streams: vec![format!("member-{}", publisher.0)],
            ..TransceiverInit::default()
        };
        let added = connections.with(subscriber, |peer, _| {
            let transceiver = peer.add_transceiver(kind, init);
            Some((transceiver, peer.outgoing_of(transceiver).next()?))
        });
        let (transceiver, to) = added.flatten()?;
        let config = ForwarderConfig {
            clock_rate: match kind {
                MediaKind::Audio => 48_000,
                MediaKind::Video => 90_000,
            },
            first_sequence: getrandom::u32().ok()? as u16, // any 16 of the bits
            ..ForwarderConfig::default()
        };
        Some(Self {
            subscriber,
            transceiver,
            to,
            forwarder: Forwarder::new(config),
            is_agreed: false,
            chosen: None,
            wanted: DEFAULT_WIDTH,
            clocked: 0,
        })
    }

    /// What the subscriber has agreed to by now.
    fn agree(&mut self, connections: &impl Connections, formats: &[Codec]) {
        let (transceiver, to) = (self.transceiver, self.to);
        let agreed = connections.with(self.subscriber, |peer, _| {
            let direction = peer.transceiver(transceiver)?.current_direction();
            let sends = direction.is_some_and(Direction::sends);
            sends.then(|| peer.format_map(formats, to))
        });
        let agreed = agreed.flatten();
        self.is_agreed = agreed.is_some();
        self.forwarder.set_formats(agreed.unwrap_or_default());
    }

    fn picture(&self, layers: &[Layer], now: Instant) -> Picture {
        let current = |layer: &Layer| Some(layer.stream) == self.chosen;
        Picture {
            layers: layers.iter().map(|layer| layer.as_choice(now)).collect(),
            wanted: self.wanted,
            current: layers.iter().position(current),
        }
    }

    /// This layer is to be forwarded, from its next key frame on; or nothing at once.
    fn select(&mut self, layer: Option<&Layer>) {
        let chosen = layer.map(|layer| layer.stream);
        if chosen == self.chosen {
            return;
        }
        self.chosen = chosen;
        match layer {
            Some(layer) => self.forwarder.select(layer.key, ALL_LAYERS),
            None => self.forwarder.pause(),
        }
    }

    /// What its timestamps mean, once another stream has taken over.
    fn new_clock(&mut self) -> Option<ClockPair> {
        let switches = self.forwarder.stats().switches;
        if std::mem::replace(&mut self.clocked, switches) == switches {
            return None;
        }
        self.forwarder.outgoing_clock()
    }
}

impl Layer {
    fn as_choice(&self, now: Instant) -> choice::Layer {
        let assumed = ASSUMED_WIDTHS.get(self.place).copied();
        choice::Layer {
            width: self.width.or(assumed).unwrap_or_default(),
            rate: self.rate,
            is_live: now - SILENCE <= self.last,
        }
    }
}
