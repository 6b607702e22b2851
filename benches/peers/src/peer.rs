//! What every library must do here. A new one is one `impl Peer` and two lines in `main.rs`.

use std::net::SocketAddr;
use std::time::Instant;

/// How a pair of peers is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How many bytes `send` may have taken that have not left; some libraries also count what is on
    /// its way.
    pub(crate) max_buffered: usize,
    /// One certificate for all connections, as servers have it, instead of a fresh one each.
    pub(crate) shared_certificate: bool,
    /// How many streams of video the first peer sends to the second one, in VP8, instead of a data channel.
    pub(crate) video: usize,
    /// Take output after each datagram and message, even if the library does not ask for it.
    pub(crate) drained_each: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_buffered: 128 * 1024,
            shared_certificate: true,
            video: 0,
            drained_each: false,
        }
    }
}

/// One library's peer connection with one data channel.
pub(crate) trait Peer: Sized {
    const NAME: &'static str;
    /// Whether the library allows several datagrams to be fed, or messages to be sent, before its
    /// output is taken.
    const BATCHES: bool;

    /// What the library gives out at once.
    type Output;
    /// One datagram, owned.
    type Datagram: AsRef<[u8]>;
    /// A packet of RTP, as the library takes it from the application and gives it to that.
    type Packet;

    /// Two peers at two addresses that have exchanged offer and answer, as text, with their host
    /// candidates. The first one offered.
    fn pair(now: Instant, addresses: [SocketAddr; 2], options: &Options) -> (Self, Self);

    fn receive(&mut self, now: Instant, datagram: Self::Datagram, drained: &mut Drained<Self>);

    fn timeout(&mut self, now: Instant);

    /// Takes all output and all events. Gives the next deadline.
    fn drain(&mut self, now: Instant, drained: &mut Drained<Self>) -> Option<Instant>;

    /// Sends a binary message on the channel. `false`: not now, too much waits already.
    fn send(&mut self, now: Instant, message: &[u8]) -> bool;

    /// A packet with this payload, to be sent.
    fn packet(sequence: u64, timestamp: u32, payload: &[u8]) -> Self::Packet;

    /// Sends a packet on one of the streams: a new one, or one that another peer of the library received.
    fn send_packet(&mut self, now: Instant, stream: usize, packet: &Self::Packet, drained: &mut Drained<Self>);

    /// The datagrams of what was given out, in order. Work of the network, which is not measured.
    fn datagrams(output: Self::Output, each: impl FnMut(Self::Datagram));

    /// Bytes of heap that belong to the driver's side of all peers of this library.
    fn driver_heap() -> usize {
        0
    }
}

/// What a peer has given out: output to be shipped, and what happened, added up.
pub(crate) struct Drained<P: Peer> {
    pub(crate) output: Vec<P::Output>,
    pub(crate) connected: bool,
    pub(crate) channel_open: bool,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Packets of RTP that came, and were not taken yet.
    pub(crate) packets: Vec<P::Packet>,
    pub(crate) packets_received: u64,
    /// Whether they are dropped at once.
    pub(crate) drops_packets: bool,
}

impl<P: Peer> Drained<P> {
    /// A packet came.
    pub(crate) fn push_packet(&mut self, packet: impl FnOnce() -> P::Packet) {
        self.packets_received += 1;
        if !self.drops_packets {
            self.packets.push(packet());
        }
    }
}

impl<P: Peer> Default for Drained<P> {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            connected: false,
            channel_open: false,
            messages: 0,
            bytes: 0,
            packets: Vec::new(),
            packets_received: 0,
            drops_packets: true,
        }
    }
}
