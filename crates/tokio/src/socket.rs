//! One UDP socket, as fast as the system has it.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::task::{Context, Poll, ready};

use pollrtc::{Datagram, Ecn, Transmit};
use quinn_udp::{EcnCodepoint, RecvMeta, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// How many buffers one system call fills at most; each holds a train of datagrams where there is GRO.
const BATCH: usize = 8;
/// The longest datagram, or train of them.
pub(crate) const MAX_TRAIN: usize = 65_535;
/// What the kernel is asked to hold for us while we are busy.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    udp: UdpSocketState,
    local: SocketAddr,
}

/// Whether other sockets may have the same port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Exclusive,
    Shared,
}

/// Where received trains are put.
pub(crate) struct Buffers {
    bytes: Vec<u8>,
}

impl Socket {
    pub(crate) fn bind(address: SocketAddr, sharing: Sharing) -> io::Result<Self> {
        let socket = open(address, sharing)?;
        let udp = UdpSocketState::new((&socket).into())?;
        // Less than asked for is fine: only bursts are lost sooner.
        let _ = udp.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
        let _ = udp.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
        let local = socket.local_addr()?;
        let io = UdpSocket::from_std(socket)?;
        Ok(Self { io, udp, local })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// How many datagrams the system cuts from one train.
    pub(crate) fn max_segments(&self) -> usize {
        self.udp.max_gso_segments()
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error shows when receiving.
        let _ = ready!(self.io.poll_recv_ready(cx));
        Poll::Ready(())
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        // An error shows when sending.
        let _ = ready!(self.io.poll_send_ready(cx));
        Poll::Ready(())
    }

    /// Hands on what has arrived, at most one batch; false if there was nothing.
    pub(crate) fn receive(&self, buffers: &mut Buffers, mut handle: impl FnMut(Datagram<'_>)) -> bool {
        let mut metas = [RecvMeta::default(); BATCH];
        let mut chunks = buffers.bytes.chunks_mut(MAX_TRAIN);
        let mut slices: [IoSliceMut<'_>; BATCH] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let received = self.io.try_io(Interest::READABLE, || {
            self.udp.recv((&self.io).into(), &mut slices, &mut metas)
        });
        // Other errors than "nothing there" tell of datagrams that could not be delivered (ICMP).
        let Ok(count) = received else {
            return received.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock);
        };
        for (meta, bytes) in metas.iter().zip(&mut slices).take(count) {
            for payload in bytes[..meta.len].chunks_mut(meta.stride.max(1)) {
                let datagram = Datagram::udp(meta.addr, payload)
                    .received_on(self.local)
                    .with_ecn(meta.ecn.and_then(|ecn| Ecn::from_bits(ecn as u8)));
                handle(datagram);
            }
        }
        true
    }

    /// Sends a datagram or a train. How many bytes have left, whole datagrams from the start: fewer than all of them only
    /// if the socket has no room now; go on once it is writable. What can't be sent for another reason is lost, as
    /// datagrams may be.
    pub(crate) fn send(&self, transmit: &Transmit, buf: &[u8]) -> usize {
        let contents = buf.get(..transmit.len).unwrap_or(buf);
        if transmit.segment_size.is_some() && self.udp.max_gso_segments() == 1 {
            // Segmentation offload turned out not to work on this route.
            let datagrams = transmit.datagrams(buf);
            let sent = datagrams.take_while(|datagram| self.send_as(transmit, datagram, None));
            return sent.map(<[u8]>::len).sum();
        }
        match self.send_as(transmit, contents, transmit.segment_size.map(NonZeroUsize::get)) {
            true => transmit.len,
            false => 0,
        }
    }

    /// False if there is no room.
    fn send_as(&self, transmit: &Transmit, contents: &[u8], segment_size: Option<usize>) -> bool {
        let ecn = transmit.ecn.and_then(|ecn| EcnCodepoint::from_bits(ecn as u8));
        let out = quinn_udp::Transmit {
            destination: transmit.flow.remote(),
            ecn,
            contents,
            segment_size,
            src_ip: None, // the socket is bound to it
        };
        let sent = self
            .io
            .try_io(Interest::WRITABLE, || self.udp.try_send((&self.io).into(), &out));
        !sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

fn open(address: SocketAddr, sharing: Sharing) -> io::Result<std::net::UdpSocket> {
    // The system chooses a port for each: nothing is shared.
    if sharing == Sharing::Exclusive || address.port() == 0 {
        return std::net::UdpSocket::bind(address);
    }
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::DGRAM, None)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BATCH * MAX_TRAIN],
        }
    }
}
