use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::UdpSocket;

use pollrtc::{Clock, Config, Datagram, Event, PeerConnection, StateMachine};

/// Answers an offer, then sends every message back, until the other side closes.
pub(crate) fn echo(socket: UdpSocket, offer: &str, send_answer: impl FnOnce(String)) -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let mut peer = PeerConnection::new(Config::default());
    peer.add_local_address(clock.now(), socket.local_addr()?)?;
    send_answer(peer.accept_offer(clock.now(), offer)?);

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
            socket.send_to(&buf[..transmit.len], transmit.flow.remote())?;
        }
        socket.set_read_timeout(clock.until(peer.poll_timeout()))?;
        match socket.recv_from(&mut buf) {
            Ok((len, from)) => _ = peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len])),
            Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => peer.handle_timeout(clock.now()),
            Err(error) => return Err(error.into()),
        }
    }
}
