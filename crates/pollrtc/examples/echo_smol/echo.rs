use std::error::Error;

use pollrtc::{Clock, Config, Datagram, Event, PeerConnection, StateMachine};
use smol::Timer;
use smol::net::UdpSocket;

/// Answers an offer, then sends every message back, until the other side closes or is gone.
pub(crate) async fn echo(
    socket: UdpSocket,
    config: Config,
    offer: &str,
    send_answer: impl FnOnce(String),
) -> Result<(), Box<dyn Error>> {
    let clock = Clock::new();
    let longest = config.max_message_size;
    let mut peer = PeerConnection::new(config);
    peer.add_local_address(clock.now(), socket.local_addr()?)?;
    send_answer(peer.accept_offer(clock.now(), offer)?);

    let mut buf = vec![0; 65_536];
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
            let _ = socket.send_to(&buf[..transmit.len], transmit.flow.remote()).await;
        }
        let timer = clock.until(peer.poll_timeout()).map_or(Timer::never(), Timer::after);
        let received = async { Some(socket.recv_from(&mut buf).await) };
        let timed_out = async {
            timer.await;
            None
        };
        if let Some((len, from)) = smol::future::or(received, timed_out).await.transpose()? {
            peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len]));
        }
        peer.handle_timeout(clock.now());
    }
}
