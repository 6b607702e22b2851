use std::error::Error;
use std::io::ErrorKind::WouldBlock;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use pollrtc::{Clock, Config, Datagram, Event, PeerConnection, StateMachine};

/// Answers an offer, then sends every message back, until the other side closes.
pub(crate) fn echo(mut socket: UdpSocket, offer: &str, send_answer: impl FnOnce(String)) -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let mut peer = PeerConnection::new(Config::default());
    peer.add_local_address(clock.now(), socket.local_addr()?)?;
    send_answer(peer.accept_offer(clock.now(), offer)?);

    let (mut poll, mut ready) = (Poll::new()?, Events::with_capacity(1));
    poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    let mut buf = vec![0; 65_536];
    loop {
        while let Some(event) = peer.poll_event() {
            match event {
                Event::Message { channel, data } => peer.send(channel, data)?,
                Event::Closed(_) => return Ok(()),
                _ => {}
            }
        }
        while let Some(transmit) = peer.poll_transmit(clock.now(), &mut buf) {
            match socket.send_to(&buf[..transmit.len], transmit.flow.remote()) {
                Err(error) if error.kind() == WouldBlock => {} // lost, as datagrams may be
                sent => drop(sent?),
            }
        }
        poll.poll(&mut ready, clock.until(peer.poll_timeout()))?;
        loop {
            match socket.recv_from(&mut buf) {
                Ok((len, from)) => _ = peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len])),
                Err(error) if error.kind() == WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        peer.handle_timeout(clock.now());
    }
}
