//! The streams of one host: who listens, who is connected, and whose timer is next.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pollrtc_core::{Flow, FlowEvent, Framing, Instant, Protocol, RequestId};

use super::connection::{Connection, Happening, Output, Terms};
use crate::packet::{Complaint, Flags, Packet, Segment, TCP_HEADER, ip_header};
use crate::stats::DropReason;

/// TCP and TLS on one host.
pub(crate) struct Stack {
    listeners: BTreeMap<SocketAddr, Listener>,
    streams: BTreeMap<Key, Stream>,
    timers: BTreeSet<(Instant, Key)>,
    next_port: u16,
    send_buffer: usize,
    /// What leaves.
    pub(crate) packets: VecDeque<Packet>,
    /// What the machine has to be told.
    pub(crate) upcalls: VecDeque<Upcall>,
}

/// Something for the machine.
pub(crate) enum Upcall {
    Event(FlowEvent),
    Frame(Flow, Vec<u8>),
}

/// A TCP segment for this host, with the addresses as the host knows them.
pub(crate) struct Arriving<'p> {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) segment: &'p Segment,
    pub(crate) payload: &'p [u8],
}

/// The local and the remote address of a stream.
type Key = (SocketAddr, SocketAddr);

#[derive(Clone, Copy)]
struct Listener {
    protocol: Protocol,
    framing: Framing,
}

struct Stream {
    connection: Connection,
    flow: Flow,
    /// The request that it answers; `None` once it is answered, and for what was accepted.
    request: Option<RequestId>,
    timer: Option<Instant>,
}

impl Stack {
    pub(crate) fn new() -> Self {
        Self {
            listeners: BTreeMap::new(),
            streams: BTreeMap::new(),
            timers: BTreeSet::new(),
            next_port: FIRST_EPHEMERAL_PORT,
            send_buffer: SEND_BUFFER,
            packets: VecDeque::new(),
            upcalls: VecDeque::new(),
        }
    }

    pub(crate) fn set_send_buffer(&mut self, bytes: usize) {
        self.send_buffer = bytes;
    }

    /// `false` if something listens there already.
    pub(crate) fn listen(&mut self, local: SocketAddr, protocol: Protocol, framing: Framing) -> bool {
        self.listeners.insert(local, Listener { protocol, framing }).is_none()
    }

    pub(crate) fn stop_listening(&mut self, local: SocketAddr) {
        self.listeners.remove(&local);
    }

    /// Connects from a free port of this address.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        id: RequestId,
        from: SocketAddr,
        flow: (Protocol, SocketAddr),
        framing: Framing,
        mtu: usize,
    ) {
        let (protocol, remote) = flow;
        let Some(local) = self.free_port(from, remote) else {
            return self.fail(id);
        };
        let terms = self.terms(protocol, framing, remote.ip(), mtu);
        let mut output = Output::default();
        let stream = Stream {
            connection: Connection::connect(now, terms, &mut output),
            flow: Flow::new(protocol, Some(local), remote),
            request: Some(id),
            timer: None,
        };
        self.streams.insert((local, remote), stream);
        self.settle((local, remote), output);
    }

    /// A stream can't be opened at all.
    pub(crate) fn fail(&mut self, id: RequestId) {
        self.upcalls.push_back(Upcall::Event(FlowEvent::Failed { id }));
    }

    /// Gives up a request.
    pub(crate) fn cancel(&mut self, now: Instant, id: RequestId) {
        let found = self.streams.iter().find(|(_, stream)| stream.request == Some(id));
        if let Some(key) = found.map(|(key, _)| *key) {
            self.act(key, |connection, output| connection.close(now, output));
        }
    }

    pub(crate) fn close(&mut self, now: Instant, flow: Flow) {
        if let Some(key) = self.find(flow) {
            self.act(key, |connection, output| connection.close(now, output));
        }
    }

    /// Ends a stream with a RST; `false` if there is none.
    pub(crate) fn reset(&mut self, flow: Flow) -> bool {
        let key = self.find(flow);
        key.is_some_and(|key| self.act(key, |connection, output| connection.abort(output)))
    }

    /// Sends a frame, or drops it whole.
    pub(crate) fn send(&mut self, now: Instant, flow: Flow, frame: &[u8]) -> Result<(), DropReason> {
        let key = self.find(flow).ok_or(DropReason::NoStream)?;
        let mut sent = Ok(());
        self.act(key, |connection, output| sent = connection.send(now, frame, output));
        sent
    }

    /// A segment came.
    pub(crate) fn handle_segment(&mut self, now: Instant, arriving: &Arriving<'_>, mtu: usize) {
        let Arriving {
            local,
            remote,
            segment,
            payload,
        } = *arriving;
        let key = (local, remote);
        if self.streams.contains_key(&key) {
            self.act(key, |connection, output| {
                connection.handle_segment(now, segment, payload, output);
            });
            return;
        }
        let begins = segment.flags.syn && !segment.flags.ack;
        let listener = self.listeners.get(&local).filter(|_| begins).copied();
        if let Some(Listener { protocol, framing }) = listener {
            let terms = self.terms(protocol, framing, remote.ip(), mtu);
            let mut output = Output::default();
            let stream = Stream {
                connection: Connection::accept(now, terms, segment, &mut output),
                flow: Flow::new(protocol, Some(local), remote),
                request: None,
                timer: None,
            };
            self.streams.insert(key, stream);
            self.settle(key, output);
        } else if !segment.flags.rst {
            self.refuse(arriving);
        }
    }

    /// ICMP came about a segment of this host.
    pub(crate) fn handle_complaint(&mut self, now: Instant, complaint: &Complaint) {
        let headers = ip_header(complaint.destination.ip()) + TCP_HEADER;
        let key = (complaint.source, complaint.destination);
        self.act(key, |connection, output| {
            connection.handle_complaint(now, complaint.error, headers, output);
        });
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((due, key)) = self.timers.first().copied()
            && due <= now
        {
            self.timers.pop_first();
            self.act(key, |connection, output| connection.handle_timeout(now, output));
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// RFC 9293 §3.10.7.1: nothing is there.
    fn refuse(&mut self, arriving: &Arriving<'_>) {
        let segment = arriving.segment;
        let length = arriving.payload.len() as u64 + u64::from(segment.flags.syn) + u64::from(segment.flags.fin);
        let reset = Segment {
            flags: Flags {
                rst: true,
                ack: true,
                ..Flags::default()
            },
            sequence: segment.acknowledgement,
            acknowledgement: segment.sequence + length,
            largest: 0,
        };
        let packet = Packet::tcp(arriving.local, arriving.remote, reset, Vec::new());
        self.packets.push_back(packet);
    }

    /// Does something with a stream and carries out what follows from it; `false` if there is none.
    fn act(&mut self, key: Key, act: impl FnOnce(&mut Connection, &mut Output)) -> bool {
        let Some(stream) = self.streams.get_mut(&key) else {
            return false;
        };
        let mut output = Output::default();
        act(&mut stream.connection, &mut output);
        self.settle(key, output);
        true
    }

    fn settle(&mut self, key: Key, output: Output) {
        let (local, remote) = key;
        for (segment, payload) in output.segments {
            self.packets.push_back(Packet::tcp(local, remote, segment, payload));
        }
        let Some(stream) = self.streams.get_mut(&key) else {
            return;
        };
        for happening in output.happenings {
            self.upcalls.extend(stream.upcall(happening));
        }
        let timer = stream
            .connection
            .poll_timeout()
            .filter(|_| !stream.connection.is_gone());
        if let Some(old) = stream.timer {
            self.timers.remove(&(old, key));
        }
        stream.timer = timer;
        self.timers.extend(timer.map(|due| (due, key)));
        if stream.connection.is_gone() {
            self.streams.remove(&key);
        }
    }

    fn find(&self, flow: Flow) -> Option<Key> {
        if let Some(local) = flow.local() {
            let key = (local, flow.remote());
            return self.streams.get(&key).filter(|stream| stream.flow == flow).map(|_| key);
        }
        let same = |(_, stream): &(&Key, &Stream)| {
            stream.flow.remote() == flow.remote() && stream.flow.protocol() == flow.protocol()
        };
        self.streams.iter().find(same).map(|(key, _)| *key)
    }

    fn terms(&self, protocol: Protocol, framing: Framing, remote: IpAddr, mtu: usize) -> Terms {
        Terms {
            framing,
            secured: protocol == Protocol::Tls,
            segment_size: mtu.min(ETHERNET_MTU).saturating_sub(ip_header(remote) + TCP_HEADER),
            send_buffer: self.send_buffer,
        }
    }

    fn free_port(&mut self, from: SocketAddr, remote: SocketAddr) -> Option<SocketAddr> {
        for _ in FIRST_EPHEMERAL_PORT..=u16::MAX {
            let mut local = from;
            local.set_port(self.next_port);
            self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_EPHEMERAL_PORT);
            if !self.streams.contains_key(&(local, remote)) && !self.listeners.contains_key(&local) {
                return Some(local);
            }
        }
        None
    }
}

impl Stream {
    fn upcall(&mut self, happening: Happening) -> Option<Upcall> {
        let flow = self.flow;
        Some(match happening {
            Happening::Frame(frame) => Upcall::Frame(flow, frame),
            Happening::Opened => {
                let id = self.request.take();
                Upcall::Event(FlowEvent::Opened { id, flow })
            }
            // One that was accepted and never opened was never told of.
            Happening::Failed => Upcall::Event(FlowEvent::Failed { id: self.request? }),
            Happening::Blocked => Upcall::Event(FlowEvent::Blocked(flow)),
            Happening::Writable => Upcall::Event(FlowEvent::Writable(flow)),
            Happening::Closed => Upcall::Event(FlowEvent::Closed(flow)),
        })
    }
}

/// RFC 6335 §6.
const FIRST_EPHEMERAL_PORT: u16 = 49_152;
/// How many bytes a stream holds before it is full.
const SEND_BUFFER: usize = 65_536;
/// What a host takes to be the MTU where its own links say nothing.
const ETHERNET_MTU: usize = 1500;
