//! Datagrams between two ends in one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::rc::Rc;

/// What is on its way in one direction. Buffers are used again, so that the wire allocates nothing.
#[derive(Default)]
pub struct Wire {
    waiting: VecDeque<Vec<u8>>,
    spare: Vec<Vec<u8>>,
    /// All that ever went over it.
    pub bytes: usize,
    pub datagrams: usize,
}

impl Wire {
    /// Sends a datagram that `write` puts into a buffer; it tells the length, or `None` for nothing.
    pub fn send_with(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) -> bool {
        let mut buf = self.spare.pop().unwrap_or_default();
        buf.resize(BUFFER, 0);
        let Some(length) = write(&mut buf) else {
            self.spare.push(buf);
            return false;
        };
        buf.truncate(length);
        self.bytes += length;
        self.datagrams += 1;
        self.waiting.push_back(buf);
        true
    }

    pub fn send(&mut self, datagram: &[u8]) {
        self.send_with(|buf| {
            buf[..datagram.len()].copy_from_slice(datagram);
            Some(datagram.len())
        });
    }

    /// Hands over the oldest datagram, if there is one.
    pub fn receive<T>(&mut self, read: impl FnOnce(&mut [u8]) -> T) -> Option<T> {
        let mut datagram = self.waiting.pop_front()?;
        let read = read(&mut datagram);
        self.spare.push(datagram);
        Some(read)
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

const BUFFER: usize = 2048;

/// One end of two wires, for libraries that read and write by themselves.
pub struct End {
    pub incoming: Rc<RefCell<Wire>>,
    pub outgoing: Rc<RefCell<Wire>>,
}

impl End {
    /// Both ends, and what goes from the first to the second and back.
    pub fn pair() -> (Self, Self) {
        let (there, back) = (Rc::<RefCell<Wire>>::default(), Rc::<RefCell<Wire>>::default());
        let first = Self {
            incoming: back.clone(),
            outgoing: there.clone(),
        };
        let second = Self {
            incoming: there,
            outgoing: back,
        };
        (first, second)
    }
}

impl Read for End {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let received = self.incoming.borrow_mut().receive(|datagram| {
            let length = datagram.len().min(buf.len());
            buf[..length].copy_from_slice(&datagram[..length]);
            length
        });
        received.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Write for End {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().send(datagram);
        Ok(datagram.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
