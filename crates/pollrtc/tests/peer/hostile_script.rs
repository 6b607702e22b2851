//! A connection with media whose peer has turned hostile: it has the keys, so that all that it makes up is authentic. Also
//! compiled into `conformance/fuzzing`, with a `PROVIDER` of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pollrtc::media::ClockPair;
use pollrtc::rtp::{ExtensionMap, Format, Origin, Patch, Pool};
use pollrtc::{
    Config, Datagram, Departure, Direction, Event, FlowEvent, FlowRequest, Incoming, Instant, MediaKind, Outgoing,
    PeerConnection, Provider, Received, Rewrite, Rng, RtpCapabilities, RtpPacket, SendId, SessionDescription,
    StateMachine, TransceiverInit, Transmit,
};
use pollrtc_crypto::{
    AeadAlgorithm, AeadKey, CryptoError, CtrAlgorithm, CtrKey, HashAlgorithm, HashContext, HmacKey, KeyExchange,
    KeyExchangeAnswer, NamedGroup, RecordNumberKey, SignatureScheme, SigningKey,
};
use pollrtc_srtp::{MasterKey, Outbound, Profile};

use super::script;

/// Where the two are.
const ALICE: ([u8; 4], u16) = ([192, 0, 2, 1], 5000);
const BOB: ([u8; 4], u16) = ([192, 0, 2, 2], 6000);

/// How many incoming streams there may be.
const STREAMS: usize = 8;
/// How many packets may wait.
const QUEUED: usize = 32;

/// One end of a call, and what its peer knows.
pub(crate) struct Hostile {
    pub(crate) peer: PeerConnection,
    /// With the keys of the peer, and how many had been made when it was.
    sealer: Option<(usize, Outbound)>,
    /// The newest index of each stream that was made up.
    indices: BTreeMap<u32, u64>,
    /// Of its own making, which comes first.
    started: u32,
}

/// Both ends of a call with sound and pictures both ways, connected; every call gives the same two.
pub(crate) fn calling() -> (Hostile, PeerConnection) {
    MASTERS.with_borrow_mut(Vec::clear);
    let mut now = Instant::from_millis(1_000);
    let [mut alice, mut bob] = [(&Overhearing as &'static dyn Provider, 1), (super::PROVIDER, 2)]
        .map(|(provider, seed)| PeerConnection::new(with_media(Config::new(provider, [seed; 32]))));
    alice.add_local_address(now, ALICE.into()).expect("a usable address");
    bob.add_local_address(now, BOB.into()).expect("a usable address");
    alice.add_track(MediaKind::Audio, vec!["call".into()]);
    alice.add_track(MediaKind::Video, vec!["call".into()]);
    alice.create_data_channel("script").expect("room for a channel");
    let offer = alice.offer(now).expect("a fresh peer can offer");
    let answer = bob.accept_offer(now, &offer).expect("our offer is fine");
    alice.accept_answer(now, &answer).expect("our answer is fine");
    while masters().len() < 2 {
        while carry(now, &mut alice, ALICE.into(), &mut bob) | carry(now, &mut bob, BOB.into(), &mut alice) {}
        let next = [alice.poll_timeout(), bob.poll_timeout()].into_iter().flatten().min();
        now = now.max(next.expect("they have a deadline until they are connected"));
        alice.handle_timeout(now);
        bob.handle_timeout(now);
    }
    while carry(now, &mut alice, ALICE.into(), &mut bob) | carry(now, &mut bob, BOB.into(), &mut alice) {}
    let hostile = Hostile {
        peer: alice,
        sealer: None,
        indices: BTreeMap::new(),
        started: 0,
    };
    (hostile, bob)
}

fn with_media(config: Config) -> Config {
    config
        .with_audio(RtpCapabilities::of(MediaKind::Audio))
        .with_video(RtpCapabilities::of(MediaKind::Video))
        .with_offered_direction(Direction::SendRecv)
        .with_max_incoming_streams(STREAMS)
        .with_max_queued_packets(QUEUED)
}

/// Whether there was anything to carry.
fn carry(now: Instant, from: &mut PeerConnection, source: SocketAddr, to: &mut PeerConnection) -> bool {
    let (mut buf, mut has_said) = ([0; 4096], false);
    while let Some(transmit) = from.poll_transmit(now, &mut buf) {
        has_said = true;
        let _ = to.handle_datagram(now, Datagram::udp(source, &mut buf[..transmit.len]));
    }
    has_said
}

/// What the application and its peer may do at any time, by number.
pub(crate) fn act(hostile: &mut Hostile, now: Instant, argument: u64) {
    let rest = argument >> 4;
    match argument % 16 {
        0..=4 => hostile.make_up_rtp(now, Dice(rest)),
        5..=7 => hostile.make_up_rtcp(now, Dice(rest)),
        8 => {
            let mut dice = Dice(rest);
            for _ in 0..dice.below(300) {
                let next = Dice(dice.next());
                match rest % 2 {
                    0 => hostile.make_up_rtp(now, next),
                    _ => hostile.make_up_rtcp(now, next),
                }
            }
        }
        9..=11 => send(&mut hostile.peer, now, rest),
        12 | 13 => renegotiate(&mut hostile.peer, now, rest),
        14 => {
            let stream = Incoming(rest as u32 % 32);
            hostile.peer.request_keyframe(now, stream);
            let _ = (hostile.peer.incoming(stream), hostile.peer.formats_of(stream).count());
        }
        _ => script::act(&mut hostile.peer, now, rest),
    }
    hostile.check();
}

impl Hostile {
    /// There are no more streams than there may be.
    fn check(&mut self) {
        let streams = (0..self.started + 64).map(Incoming);
        let there = streams.filter(|stream| self.peer.incoming(*stream).is_some());
        assert!(there.count() <= STREAMS, "no more streams than there may be");
    }

    /// What seals as the peer does; `None` before there are keys.
    fn sealer(&mut self) -> Option<&mut Outbound> {
        let masters = masters();
        if self
            .sealer
            .as_ref()
            .is_none_or(|(made_of, _)| *made_of != masters.len())
        {
            // A connection makes the keys for what it receives first.
            let (key, salt) = masters.get((masters.len() / 2).checked_sub(1)? * 2)?;
            let profile = match key.len() {
                16 => Profile::AeadAes128Gcm,
                _ => Profile::AeadAes256Gcm,
            };
            let master = MasterKey::new(profile, key, &salt[..profile.salt_len()]).ok()?;
            let outbound = Outbound::new(super::PROVIDER, &master, &pollrtc_srtp::Config::default()).ok()?;
            self.sealer = Some((masters.len(), outbound));
            self.indices.clear();
        }
        self.sealer.as_mut().map(|(_, outbound)| outbound)
    }

    /// A packet with some of what it needs to be taken, or all.
    fn make_up_rtp(&mut self, now: Instant, mut dice: Dice) {
        let transceivers = self.peer.transceivers();
        let parameters = dice.pick(transceivers).and_then(|each| each.parameters());
        let payload_types = parameters.into_iter().flat_map(|each| &each.receive.codecs);
        let payload_types: Vec<u8> = payload_types.map(|each| each.payload_type).collect();
        let payload_type = match dice.below(8) {
            0 => dice.byte() & 0x7f,
            _ => dice.pick(&payload_types).copied().unwrap_or(96),
        };
        let ids: Vec<(u8, String)> = parameters
            .into_iter()
            .flat_map(|each| &each.receive.header_extensions)
            .filter_map(|each| Some((u8::try_from(each.id).ok()?, each.extension.uri.to_string())))
            .collect();
        let named = dice
            .pick(transceivers)
            .and_then(|each| each.mid())
            .unwrap_or("0")
            .to_owned();
        let ssrc = self.ssrc(&mut dice);
        let known = self.indices.get(&ssrc).copied();
        let index = match (known, dice.below(8)) {
            (Some(newest), 0) => newest.saturating_sub(dice.below(100)),
            (Some(newest), 1) => newest + dice.below(0x7000),
            (Some(newest), 2) => newest + dice.below(300),
            (Some(newest), _) => newest + 1,
            (None, _) => dice.below(0x8000),
        };
        let mut packet = vec![0x80, payload_type | dice.byte() & 0x80];
        packet.extend_from_slice(&(index as u16).to_be_bytes());
        packet.extend_from_slice(&(dice.next() as u32).to_be_bytes());
        packet.extend_from_slice(&ssrc.to_be_bytes());
        if dice.below(4) > 0 {
            packet[0] |= 0x10;
            let mut elements = Vec::new();
            for _ in 0..dice.below(5) {
                let Some((id, uri)) = dice.pick(&ids) else { break };
                let value = match uri.rsplit([':', '/']).next().unwrap_or_default() {
                    "mid" => named.clone().into_bytes(),
                    _ => (0..=dice.below(4)).map(|_| dice.byte()).collect(),
                };
                let len = value.len().clamp(1, 16);
                elements.push(id << 4 | (len - 1) as u8);
                elements.extend_from_slice(&value[..len.min(value.len())]);
            }
            elements.resize(elements.len().next_multiple_of(4), 0);
            packet.extend_from_slice(&[0xbe, 0xde]);
            packet.extend_from_slice(&((elements.len() / 4) as u16).to_be_bytes());
            packet.extend_from_slice(&elements);
        }
        let payload = dice.below(40);
        packet.extend((0..payload).map(|_| dice.byte()));
        if dice.below(8) == 0 {
            // Padding, of which there may be more than there is of the packet.
            packet[0] |= 0x20;
            packet.push(dice.byte());
        }
        if dice.below(16) == 0 {
            packet[0] ^= dice.byte();
        }
        let mut buf = [0; 512];
        buf[..packet.len()].copy_from_slice(&packet);
        let Some(sealer) = self.sealer() else { return };
        if let Ok(len) = sealer.protect_rtp(index, &mut buf, packet.len()) {
            let newest = self.indices.entry(ssrc).or_default();
            *newest = (*newest).max(index);
            self.deliver(now, &mut buf[..len]);
        }
    }

    /// Any of the streams that the peer has told, that were made up, or of our own.
    fn ssrc(&self, dice: &mut Dice) -> u32 {
        let transceivers = self.peer.transceivers();
        let remote = transceivers
            .iter()
            .flat_map(|each| each.remote_sources().sources.iter());
        let remote: Vec<u32> = remote.map(|source| source.ssrc).collect();
        match dice.below(8) {
            0 => dice.next() as u32,
            1 | 2 => dice.below(16) as u32,
            3 => {
                let own: Vec<u32> = transceivers
                    .iter()
                    .flat_map(|each| each.sources())
                    .flat_map(|source| source.ssrcs())
                    .collect();
                dice.pick(&own).copied().unwrap_or(1)
            }
            _ => dice.pick(&remote).copied().unwrap_or(1),
        }
    }

    /// A compound whose packets have the right lengths, most of them.
    fn make_up_rtcp(&mut self, now: Instant, mut dice: Dice) {
        let mut compound = Vec::new();
        for _ in 0..=dice.below(3) {
            let (kind, count) = match dice.below(12) {
                0 => (200, dice.below(3)),
                1 => (201, dice.below(3)),
                2 => (202, dice.below(3)),
                3 => (203, dice.below(4)),
                4 | 5 => (205, 1),
                6 => (205, 15),
                7 => (206, 1),
                8 => (206, 4),
                9 => (206, 15),
                10 => (207, 0),
                _ => (dice.byte() | 0xc0, dice.below(32)),
            };
            let words = match dice.below(8) {
                0 => dice.below(1_000),
                _ => dice.below(20),
            } as u16;
            compound.extend_from_slice(&[0x80 | count as u8, kind]);
            compound.extend_from_slice(&words.to_be_bytes());
            for _ in 0..words {
                let word = match dice.below(2) {
                    0 => self.ssrc(&mut dice),
                    _ => dice.next() as u32,
                };
                compound.extend_from_slice(&word.to_be_bytes());
            }
        }
        compound.resize(compound.len().max(8), 0);
        if dice.below(16) == 0 {
            let at = dice.below(compound.len() as u64) as usize;
            compound[at] ^= dice.byte();
        }
        let len = compound.len();
        let mut buf = compound;
        buf.resize(len + 64, 0);
        let Some(sealer) = self.sealer() else { return };
        if let Ok(len) = sealer.protect_rtcp(&mut buf, len) {
            self.deliver(now, &mut buf[..len]);
        }
    }

    fn deliver(&mut self, now: Instant, sealed: &mut [u8]) {
        let datagram = Datagram::udp(BOB.into(), sealed).received_on(ALICE.into());
        if let Received::Rtp { stream, packet } = self.peer.handle_datagram(now, datagram) {
            self.started = self.started.max(stream.0.wrapping_add(1));
            assert!(!packet.payload().is_empty());
            assert!(self.peer.incoming(stream).is_some());
        }
    }
}

/// What an application may do with what it sends.
fn send(peer: &mut PeerConnection, now: Instant, argument: u64) {
    let mut dice = Dice(argument);
    let to = Outgoing(dice.below(6) as u32);
    let mut bytes = vec![0x80, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    let payload = match dice.below(8) {
        0 => dice.below(3_000),
        _ => dice.below(100),
    };
    bytes.extend((0..payload).map(|_| dice.byte()));
    let Ok(packet) = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()) else {
        return;
    };
    let descriptor: Vec<u8> = (0..dice.below(12)).map(|_| dice.byte()).collect();
    let rewrite = Rewrite {
        sequence: match dice.below(8) {
            0 => dice.next(),
            _ => dice.below(200),
        },
        timestamp: dice.next() as u32,
        marker: dice.below(2) == 0,
        format: Format(dice.below(6) as u8),
        patch: match dice.below(3) {
            0 => Patch::None,
            1 => Patch::Vp8 {
                picture_id: dice.next() as u16,
                tl0_picture_index: dice.byte(),
                key_index: dice.byte(),
            },
            _ => Patch::Vp9 {
                picture_id: dice.next() as u16,
            },
        },
        descriptor: (dice.below(2) == 0).then_some(&descriptor[..]),
        frame_number: (dice.below(2) == 0).then(|| dice.next() as u16),
    };
    match dice.below(4) {
        0 => {
            let mut buf = vec![0; dice.below(4_000) as usize];
            if let Ok(transmit) = peer.write_rtp(now, to, &packet, &rewrite, &mut buf) {
                assert!(transmit.len <= buf.len());
            }
        }
        1 | 2 => {
            let shared = Pool::new(1).share(&packet).expect("room for one");
            let before = peer.queued(to);
            let queued = match dice.below(2) {
                0 => peer.queue_rtp(now, to, &shared, &rewrite),
                _ => peer.resend(now, to, &shared, &rewrite),
            };
            assert!(peer.queued(to) <= before + usize::from(queued.is_ok()));
            assert!(peer.queued(to) <= 2 * QUEUED, "RFC 4588's and the others'");
        }
        _ => {
            let clock = ClockPair {
                timestamp: dice.next() as u32,
                at: now,
            };
            peer.set_clock(to, clock);
        }
    }
}

/// Descriptions that keep the connection and change its media.
fn renegotiate(peer: &mut PeerConnection, now: Instant, argument: u64) {
    let mut dice = Dice(argument);
    let ids: Vec<_> = peer.transceivers().iter().map(|each| each.id()).collect();
    let transceiver = dice.pick(&ids).copied();
    let directions = [
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    match dice.below(8) {
        0 if dice.below(4) == 0 => drop(transceiver.map(|id| peer.stop_transceiver(id))),
        0 | 1 => {
            let direction = dice.pick(&directions).copied().unwrap_or_default();
            drop(transceiver.map(|id| peer.set_direction(id, direction)));
        }
        2 if ids.len() < 6 => {
            peer.add_transceiver(MediaKind::Video, TransceiverInit::default());
        }
        2 | 3 => {
            // What the peer has described, with other words in it.
            let Some(theirs) = peer.remote_description() else {
                return;
            };
            let offer = altered(&theirs.sdp, &mut dice);
            if peer
                .set_remote_description(now, &SessionDescription::offer(offer))
                .is_ok()
                && let Ok(answer) = peer.create_answer()
            {
                drop(peer.set_local_description(now, &answer));
            }
        }
        _ => {
            let Some(theirs) = peer.remote_description() else {
                return;
            };
            if peer.offer(now).is_ok() && peer.accept_answer(now, &altered(&theirs.sdp, &mut dice)).is_err() {
                drop(peer.set_local_description(now, &SessionDescription::rollback()));
            }
        }
    }
}

/// A description with a word changed, mostly.
fn altered(sdp: &str, dice: &mut Dice) -> String {
    const CHANGES: [(&str, &str); 12] = [
        ("a=sendrecv", "a=inactive"),
        ("a=sendrecv", "a=recvonly"),
        ("a=sendrecv", "a=sendonly"),
        ("a=inactive", "a=sendrecv"),
        ("a=recvonly", "a=sendrecv"),
        ("a=ssrc:", "a=none:"),
        ("a=extmap:1 ", "a=extmap:13 "),
        ("a=rtcp-rsize", "a=none"),
        ("a=ssrc-group:FID", "a=ssrc-group:SIM"),
        ("a=fmtp:", "a=none:"),
        (
            "urn:ietf:params:rtp-hdrext:sdes:mid",
            "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        ),
        ("nack", "ack"),
    ];
    match dice.pick(&CHANGES) {
        Some((from, to)) if dice.below(4) > 0 => sdp.replacen(from, to, 1 + dice.below(3) as usize),
        _ => sdp.to_owned(),
    }
}

/// Numbers from a number.
struct Dice(u64);

impl Dice {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len() as u64) as usize;
        from.get(at)
    }
}

impl StateMachine for Hostile {
    type Event = Event;
    type Received<'d> = Received<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Received<'d> {
        self.peer.handle_datagram(now, datagram)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.peer.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        self.peer.poll_transmit(now, buf)
    }

    fn longest_datagram(&self) -> usize {
        self.peer.longest_datagram()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.peer.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.peer.poll_timeout()
    }

    fn handle_sent(&mut self, id: SendId, departure: Departure) {
        self.peer.handle_sent(id, departure);
    }

    fn handle_flow(&mut self, now: Instant, event: FlowEvent) {
        self.peer.handle_flow(now, event);
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        self.peer.poll_flow()
    }
}

/// A master key of SRTP, and its salt in front of zeros.
type Master = (Vec<u8>, [u8; 16]);

thread_local! {
    /// Those that [`Overhearing`] has heard of, in the order of their making.
    static MASTERS: RefCell<Vec<Master>> = const { RefCell::new(Vec::new()) };
}

fn masters() -> Vec<Master> {
    MASTERS.with_borrow(Vec::clone)
}

/// A provider that tells the master keys of SRTP. They are the keys of AES in counter mode that are used at once: from
/// them the others are derived (RFC 3711 §4.3), of which the first has the label 0.
#[derive(Debug)]
struct Overhearing;

struct OverheardCtr {
    key: Vec<u8>,
    inner: Box<dyn CtrKey>,
    is_used: AtomicBool,
}

impl CtrKey for OverheardCtr {
    fn apply_keystream(&self, counter: &[u8; 16], in_out: &mut [u8]) {
        if !self.is_used.swap(true, Ordering::Relaxed) {
            MASTERS.with_borrow_mut(|masters| masters.push((self.key.clone(), *counter)));
        }
        self.inner.apply_keystream(counter, in_out);
    }
}

impl Provider for Overhearing {
    fn ctr(&self, algorithm: CtrAlgorithm, key: &[u8]) -> Result<Box<dyn CtrKey>, CryptoError> {
        Ok(Box::new(OverheardCtr {
            key: key.to_vec(),
            inner: super::PROVIDER.ctr(algorithm, key)?,
            is_used: AtomicBool::new(false),
        }))
    }

    fn aead(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn AeadKey>, CryptoError> {
        super::PROVIDER.aead(algorithm, key)
    }

    fn record_number_key(&self, algorithm: AeadAlgorithm, key: &[u8]) -> Result<Box<dyn RecordNumberKey>, CryptoError> {
        super::PROVIDER.record_number_key(algorithm, key)
    }

    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>, CryptoError> {
        super::PROVIDER.hash(algorithm)
    }

    fn hmac(&self, algorithm: HashAlgorithm, key: &[u8]) -> Result<Box<dyn HmacKey>, CryptoError> {
        super::PROVIDER.hmac(algorithm, key)
    }

    fn groups(&self) -> &'static [NamedGroup] {
        super::PROVIDER.groups()
    }

    fn key_exchange(&self, group: NamedGroup, rng: &mut Rng) -> Result<Box<dyn KeyExchange>, CryptoError> {
        super::PROVIDER.key_exchange(group, rng)
    }

    fn answer_key_exchange(
        &self,
        group: NamedGroup,
        peer_public_key: &[u8],
        rng: &mut Rng,
    ) -> Result<KeyExchangeAnswer, CryptoError> {
        super::PROVIDER.answer_key_exchange(group, peer_public_key, rng)
    }

    fn signature_schemes(&self) -> &'static [SignatureScheme] {
        super::PROVIDER.signature_schemes()
    }

    fn verify(
        &self,
        scheme: SignatureScheme,
        subject_public_key_info: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        super::PROVIDER.verify(scheme, subject_public_key_info, message, signature)
    }

    fn generate_signing_key(&self, rng: &mut Rng) -> Result<Arc<dyn SigningKey>, CryptoError> {
        super::PROVIDER.generate_signing_key(rng)
    }

    fn signing_key_from_pkcs8(&self, der: &[u8]) -> Result<Arc<dyn SigningKey>, CryptoError> {
        super::PROVIDER.signing_key_from_pkcs8(der)
    }
}
