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
    /// Take output after each datagram and message, even if the library does not ask for it.
    pub(crate) drained_each: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_buffered: 128 * 1024,
            shared_certificate: true,
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

    /// Two peers at two addresses that have exchanged offer and answer, as text, with their host
    /// candidates. The first one offered.
    fn pair(now: Instant, addresses: [SocketAddr; 2], options: &Options) -> (Self, Self);

    fn receive(&mut self, now: Instant, datagram: Self::Datagram);

    fn timeout(&mut self, now: Instant);

    /// Takes all output and all events. Gives the next deadline.
    fn drain(&mut self, now: Instant, drained: &mut Drained<Self::Output>) -> Option<Instant>;

    /// Sends a binary message on the channel. `false`: not now, too much waits already.
    fn send(&mut self, now: Instant, message: &[u8]) -> bool;

    /// The datagrams of what was given out, in order. Work of the network, which is not measured.
    fn datagrams(output: Self::Output, each: impl FnMut(Self::Datagram));

    /// Bytes of heap that belong to the driver's side of all peers of this library.
    fn driver_heap() -> usize {
        0
    }
}

/// What a peer has given out: output to be shipped, and what happened, added up.
#[derive(Debug)]
pub(crate) struct Drained<O> {
    pub(crate) output: Vec<O>,
    pub(crate) connected: bool,
    pub(crate) channel_open: bool,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

impl<O> Default for Drained<O> {
    fn default() -> Self {
        Self {
            output: Vec::new(),
            connected: false,
            channel_open: false,
            messages: 0,
            bytes: 0,
        }
    }
}
