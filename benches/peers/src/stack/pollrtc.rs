//! pollrtc, with aws-lc-rs. Any order of calls is legal, and output comes in trains of datagrams.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::Instant;

use pollrtc::rtp::{ExtensionMap, Format, Origin, Patch, Pool, Source};
use pollrtc::{
    Certificate, ChannelId, Config, ConnectionState, Datagram, Event, MediaKind, Outgoing, PeerConnection, Received,
    Rewrite, Rng, RtpCapabilities, RtpPacket, SharedPacket, StateMachine, default_provider,
};

use crate::peer::{Drained, Options, Peer};

const MTU: usize = 1200;
/// As many datagrams of this length as a system takes in one call.
const MAX_SEGMENTS: usize = 32;

pub(crate) struct Pollrtc {
    connection: PeerConnection,
    remote: SocketAddr,
    channel: Option<ChannelId>,
    streams: Vec<Outgoing>,
    /// The simulation's time at which our own begins.
    origin: Instant,
}

/// One call's output: datagrams of `segment` bytes, the last may be shorter.
pub(crate) struct Train {
    buf: Vec<u8>,
    len: usize,
    segment: usize,
}

impl Peer for Pollrtc {
    const NAME: &'static str = "pollrtc";
    const BATCHES: bool = true;
    type Output = Train;
    type Datagram = Slot;
    type Packet = SharedPacket;

    fn pair(now: Instant, [here, there]: [SocketAddr; 2], options: &Options) -> (Self, Self) {
        let zero = pollrtc::Instant::ZERO;
        let mut a = PeerConnection::new(config(options));
        let mut b = PeerConnection::new(config(options));
        a.add_local_address(zero, here).expect("address");
        b.add_local_address(zero, there).expect("address");
        let channel = (options.video == 0).then(|| a.create_data_channel("bench").expect("channel"));
        let video: Vec<_> = (0..options.video)
            .map(|_| a.add_track(MediaKind::Video, vec!["bench".into()]))
            .collect();
        let offer = a.offer(zero).expect("offer");
        let answer = b.accept_offer(zero, &offer).expect("offer is accepted");
        a.accept_answer(zero, &answer).expect("answer is accepted");
        let streams = video.iter().flat_map(|id| a.outgoing_of(*id)).collect();
        let peer = |connection, remote, channel, streams| Self {
            connection,
            remote,
            channel,
            streams,
            origin: now,
        };
        (peer(a, there, channel, streams), peer(b, here, None, Vec::new()))
    }

    fn receive(&mut self, now: Instant, mut datagram: Slot, drained: &mut Drained<Self>) {
        let now = self.at(now);
        let received = self
            .connection
            .handle_datagram(now, Datagram::udp(self.remote, &mut datagram.0));
        if let Received::Rtp { packet, .. } = received {
            drained.push_packet(|| share(&packet));
        }
    }

    fn timeout(&mut self, now: Instant) {
        let now = self.at(now);
        self.connection.handle_timeout(now);
    }

    fn drain(&mut self, now: Instant, drained: &mut Drained<Self>) -> Option<Instant> {
        let at = self.at(now);
        self.take_output(at, drained);
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::ConnectionStateChanged(ConnectionState::Connected) => drained.connected = true,
                Event::ChannelOpen { channel, .. } => {
                    self.channel = Some(channel);
                    drained.channel_open = true;
                }
                Event::Message { data, .. } => {
                    drained.messages += 1;
                    drained.bytes += data.len() as u64;
                }
                _ => {}
            }
        }
        // Taking messages opens the receive window, which the peer may have to be told.
        self.take_output(at, drained);
        let deadline = self.connection.poll_timeout()?;
        self.origin.checked_add(deadline.since_origin())
    }

    fn send(&mut self, _now: Instant, message: &[u8]) -> bool {
        self.channel
            .is_some_and(|channel| self.connection.send(channel, message).is_ok())
    }

    fn packet(sequence: u64, timestamp: u32, payload: &[u8]) -> SharedPacket {
        let mut bytes = PACKET.take();
        bytes.clear();
        bytes.extend_from_slice(&[0x80, 96, 0, 0]);
        bytes.extend_from_slice(&timestamp.to_be_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(payload);
        let origin = Origin {
            source: Source {
                index: sequence,
                ..Source::default()
            },
            ..Origin::default()
        };
        let packet = share(&RtpPacket::parse(&bytes, &ExtensionMap::new(), origin).expect("packet"));
        PACKET.set(bytes);
        packet
    }

    fn send_packet(&mut self, now: Instant, stream: usize, packet: &SharedPacket, drained: &mut Drained<Self>) {
        let view = packet.view();
        let rewrite = Rewrite {
            sequence: view.origin.source.index,
            timestamp: view.timestamp(),
            marker: view.marker(),
            format: Format(0),
            patch: Patch::None,
            descriptor: None,
            frame_number: None,
        };
        let mut buf = spare_train();
        let to = self.streams[stream];
        let transmit = self.connection.write_rtp(self.at(now), to, &view, &rewrite, &mut buf);
        let len = transmit.expect("a packet that leaves").len;
        drained.output.push(Train { buf, len, segment: len });
    }

    fn datagrams(train: Train, mut each: impl FnMut(Slot)) {
        for datagram in train.buf[..train.len].chunks(train.segment) {
            let mut slot = SLOTS.with_borrow_mut(Vec::pop).unwrap_or_default();
            slot.clear();
            slot.extend_from_slice(datagram);
            each(Slot(slot));
        }
        TRAINS.with_borrow_mut(|trains| trains.push(train.buf));
    }

    fn driver_heap() -> usize {
        MADE_TRAINS.get() * MTU * MAX_SEGMENTS
    }
}

impl Pollrtc {
    fn at(&self, now: Instant) -> pollrtc::Instant {
        pollrtc::Instant::ZERO + now.duration_since(self.origin)
    }

    fn take_output(&mut self, now: pollrtc::Instant, drained: &mut Drained<Self>) {
        let mut buf = spare_train();
        while let Some(transmit) = self.connection.poll_transmit(now, &mut buf) {
            drained.output.push(Train {
                buf: std::mem::replace(&mut buf, spare_train()),
                len: transmit.len,
                segment: transmit.segment_size.map_or(transmit.len, NonZeroUsize::get),
            });
        }
        TRAINS.with_borrow_mut(|trains| trains.push(buf));
    }
}

fn share(packet: &RtpPacket<'_>) -> SharedPacket {
    POOL.with_borrow_mut(|pool| pool.share(packet))
        .expect("room for a packet")
}

fn config(options: &Options) -> Config {
    let video = match options.video {
        0 => RtpCapabilities::none(MediaKind::Video),
        _ => RtpCapabilities::of(MediaKind::Video),
    };
    Config::default()
        .with_video(video)
        .with_certificate(options.shared_certificate.then(shared_certificate))
        .with_max_buffered_amount(options.max_buffered)
        .with_mtu(MTU)
        .with_max_segments(MAX_SEGMENTS)
}

fn shared_certificate() -> Certificate {
    static CERTIFICATE: OnceLock<Certificate> = OnceLock::new();
    let generate = || Certificate::generate(default_provider(), &mut Rng::from_os()).expect("certificate");
    CERTIFICATE.get_or_init(generate).clone()
}

/// A datagram in a buffer that goes back to where it came from. The buffers are the driver's part,
/// which here is the simulation's: a real driver has one to send from and one to receive into.
pub(crate) struct Slot(Vec<u8>);

impl AsRef<[u8]> for Slot {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let buf = std::mem::take(&mut self.0);
        SLOTS.with_borrow_mut(|slots| slots.push(buf));
    }
}

/// A buffer for one train, a used one if there is one.
fn spare_train() -> Vec<u8> {
    TRAINS.with_borrow_mut(Vec::pop).unwrap_or_else(|| {
        MADE_TRAINS.set(MADE_TRAINS.get() + 1);
        vec![0; MTU * MAX_SEGMENTS]
    })
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::new(Pool::new(1 << 16));
    static PACKET: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static TRAINS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static MADE_TRAINS: Cell<usize> = const { Cell::new(0) };
    static SLOTS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}
