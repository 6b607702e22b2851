//! A socket, and what waits until it has room, so that the others need not.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use pollrtc::{Departure, Instant, SendId, Transmit};

use crate::socket::{MAX_TRAIN, Socket};

/// How many bytes wait for one socket that is full; what comes on top is dropped, as a full network would.
const WAITING_BYTES: usize = 4 * MAX_TRAIN;

/// What takes datagrams, as far as it has room.
pub(crate) trait Outlet {
    /// Sends a datagram or a train. How many bytes of it have left, which are whole datagrams from its start: fewer than
    /// all of them if there is no room for more now.
    fn send(&self, transmit: &Transmit, buf: &[u8]) -> usize;
}

impl Outlet for Socket {
    fn send(&self, transmit: &Transmit, buf: &[u8]) -> usize {
        Socket::send(self, transmit, buf)
    }
}

pub(crate) struct Port<S = Socket> {
    pub(crate) socket: S,
    waiting: VecDeque<(Transmit, Vec<u8>)>,
    waiting_bytes: usize,
}

impl<S: Outlet> Port<S> {
    pub(crate) fn new(socket: S) -> Self {
        Self {
            socket,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends a datagram or a train, behind what waits. What has no room waits itself, or is dropped where too much does.
    /// `told` hears of each datagram that has a name and does not wait.
    pub(crate) fn send(&mut self, now: Instant, transmit: &Transmit, buf: &[u8], told: impl FnMut(SendId, Departure)) {
        let sent = match self.has_waiting() {
            true => 0,
            false => self.socket.send(transmit, buf),
        };
        let mut told = told;
        ids(transmit, sent).for_each(|id| told(id, Departure::Sent(now)));
        let Some(rest) = rest_of(transmit, sent) else { return };
        if self.waiting_bytes + rest.len > WAITING_BYTES {
            ids(&rest, rest.len).for_each(|id| told(id, Departure::Dropped));
            return;
        }
        let bytes = buf.get(sent..transmit.len).unwrap_or_default().to_vec();
        self.waiting_bytes += bytes.len();
        self.waiting.push_back((rest, bytes));
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn flush(&mut self, now: Instant, mut told: impl FnMut(SendId, Departure)) {
        while let Some((transmit, bytes)) = self.waiting.front_mut() {
            let sent = self.socket.send(transmit, bytes);
            ids(transmit, sent).for_each(|id| told(id, Departure::Sent(now)));
            let Some(rest) = rest_of(transmit, sent) else {
                self.waiting_bytes -= bytes.len();
                self.waiting.pop_front();
                continue;
            };
            bytes.drain(..sent);
            self.waiting_bytes -= sent;
            *transmit = rest;
            return;
        }
    }
}

/// How long the datagrams of a train are, but for the last one.
fn segment_of(transmit: &Transmit) -> usize {
    transmit.segment_size.map_or(transmit.len.max(1), NonZeroUsize::get)
}

/// What is left of a train when so many bytes have gone.
fn rest_of(transmit: &Transmit, sent: usize) -> Option<Transmit> {
    let len = transmit.len.checked_sub(sent).filter(|len| *len > 0)?;
    let gone = sent.div_ceil(segment_of(transmit)) as u64;
    let rest = Transmit {
        len,
        id: transmit.id.map(|first| SendId(first.0 + gone)),
        ..*transmit
    };
    Some(rest.in_segments(segment_of(transmit)))
}

/// The names of the datagrams in the first `len` bytes of a train, if somebody wants to hear of them.
fn ids(transmit: &Transmit, len: usize) -> impl Iterator<Item = SendId> + use<> {
    let count = len.div_ceil(segment_of(transmit)) as u64;
    let first = transmit.id;
    (0..count).filter_map(move |number| Some(SendId(first?.0 + number)))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::net::{Ipv4Addr, SocketAddr};

    use quickcheck::quickcheck;

    use super::*;

    const NOW: Instant = Instant::from_millis(1);

    /// A socket with room for so many datagrams, which takes them one by one.
    #[derive(Default)]
    struct Narrow {
        room: Cell<usize>,
        sent: RefCell<Vec<Vec<u8>>>,
    }

    impl Outlet for Narrow {
        fn send(&self, transmit: &Transmit, buf: &[u8]) -> usize {
            let mut len = 0;
            for datagram in transmit.datagrams(buf) {
                if self.room.get() == 0 {
                    break;
                }
                self.room.set(self.room.get() - 1);
                self.sent.borrow_mut().push(datagram.to_vec());
                len += datagram.len();
            }
            len
        }
    }

    fn train(first: u64, len: usize, segment: usize) -> Transmit {
        let transmit = Transmit::udp(SocketAddr::from((Ipv4Addr::LOCALHOST, 9)), len).in_segments(segment);
        Transmit {
            id: Some(SendId(first)),
            ..transmit
        }
    }

    #[test]
    fn a_train_that_finds_the_socket_full_on_its_way_goes_on_where_it_stopped() {
        let mut port = Port::new(Narrow::default());
        port.socket.room.set(2);
        let bytes: Vec<u8> = (0..10).collect();
        let mut told = Vec::new();
        port.send(NOW, &train(7, 10, 3), &bytes, |id, departure| {
            told.push((id.0, departure))
        });
        assert_eq!(told, [(7, Departure::Sent(NOW)), (8, Departure::Sent(NOW))]);
        assert!(port.has_waiting());
        // What comes later stays behind it.
        port.socket.room.set(1);
        port.send(NOW, &train(20, 1, 1), &[99], |id, _| panic!("{id:?} has overtaken"));
        port.flush(NOW, |id, departure| told.push((id.0, departure)));
        assert!(port.has_waiting());
        port.socket.room.set(9);
        port.flush(NOW, |id, departure| told.push((id.0, departure)));
        assert!(!port.has_waiting());
        let numbers: Vec<u64> = told.iter().map(|(id, _)| *id).collect();
        assert_eq!(numbers, [7, 8, 9, 10, 20]);
        let sent = port.socket.sent.take();
        assert_eq!(sent, [&[0, 1, 2][..], &[3, 4, 5], &[6, 7, 8], &[9], &[99]]);
    }

    #[test]
    fn what_is_too_much_for_a_full_socket_is_dropped_and_told() {
        let mut port = Port::new(Narrow::default());
        let bytes = vec![0; MAX_TRAIN];
        for first in 0..4 {
            port.send(NOW, &train(first, MAX_TRAIN, MAX_TRAIN), &bytes, |id, _| {
                panic!("{id:?} waits")
            });
        }
        let mut told = Vec::new();
        port.send(NOW, &train(4, 2, 1), &bytes, |id, departure| {
            told.push((id.0, departure))
        });
        assert_eq!(told, [(4, Departure::Dropped), (5, Departure::Dropped)]);
        port.socket.room.set(9);
        let mut left = 0;
        port.flush(NOW, |_, _| left += 1);
        assert_eq!(left, 4);
        port.send(NOW, &train(6, 1, 1), &bytes, |_, _| left += 1);
        assert_eq!(left, 5, "there is room again");
    }

    quickcheck! {
        /// For every sequence of trains and of room, all that is not dropped leaves once and in order, and is told once.
        fn all_leaves_once_and_in_order(trains: Vec<(u8, u8)>, room: Vec<u8>) -> bool {
            let mut port = Port::new(Narrow::default());
            let mut room = room.into_iter().cycle();
            let (mut wanted, mut told, mut first) = (Vec::new(), Vec::new(), 0);
            for (number, (len, segment)) in trains.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..len.max(1)).map(|at| at ^ number as u8).collect();
                let transmit = train(first, bytes.len(), usize::from(segment));
                wanted.extend(transmit.datagrams(&bytes).map(<[u8]>::to_vec));
                first += transmit.datagrams(&bytes).count() as u64;
                port.send(NOW, &transmit, &bytes, |id, _| told.push(id.0));
                port.socket.room.set(room.next().unwrap_or(0).into());
                port.flush(NOW, |id, _| told.push(id.0));
            }
            port.socket.room.set(usize::MAX);
            port.flush(NOW, |id, _| told.push(id.0));
            port.socket.sent.take() == wanted && told == (0..first).collect::<Vec<_>>()
        }
    }
}
