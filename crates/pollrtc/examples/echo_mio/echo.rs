use std::error::Error;
use std::io::ErrorKind::WouldBlock;

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use pollrtc::{Clock, Config, Datagram, Event, PeerConnection, StateMachine};

/// How many datagrams are taken before what they caused is sent, however many there are.
const DATAGRAMS_PER_TURN: usize = 64;

/// Answers an offer, then sends every message back, until the other side closes or is gone.
pub(crate) fn echo(
    mut socket: UdpSocket,
    config: Config,
    offer: &str,
    send_answer: impl FnOnce(String),
) -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let longest = config.max_message_size;
    let mut peer = PeerConnection::new(config);
    peer.add_local_address(clock.now(), socket.local_addr()?)?;
    send_answer(peer.accept_offer(clock.now(), offer)?);

    let (mut poll, mut ready) = (Poll::new()?, Events::with_capacity(1));
    poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    let mut buf = vec![0; 65_536];
    let mut is_drained = true;
    loop {
        // As long as a message could not be sent back, none is taken: whoever floods us has to wait.
        while peer.send_room() >= longest
            && let Some(event) = peer.poll_event()
        {
            match event {
                // Refused if its channel is closed by now, or the other side takes no message of this length.
                Event::Message { channel, data } => _ = peer.send(channel, data),
                Event::Closed(reason) => {
                    eprintln!("closed: {reason}");
                    return Ok(());
                }
                _ => {}
            }
        }
        while let Some(transmit) = peer.poll_transmit(clock.now(), &mut buf) {
            // What can't be sent is lost, as datagrams may be: not every candidate of the peer's can be reached.
            let _ = socket.send_to(&buf[..transmit.len], transmit.flow.remote());
        }
        if is_drained {
            poll.poll(&mut ready, clock.until(peer.poll_timeout()))?;
        }
        is_drained = false;
        for _ in 0..DATAGRAMS_PER_TURN {
            match socket.recv_from(&mut buf) {
                Ok((len, from)) => _ = peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len])),
                Err(error) if error.kind() == WouldBlock => {
                    is_drained = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        peer.handle_timeout(clock.now());
    }
}
