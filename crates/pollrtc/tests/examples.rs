//! Each example's echo peer against one that offers, over UDP on the loopback interface.

use std::error::Error;
use std::io::ErrorKind::{TimedOut, WouldBlock};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pollrtc::{Clock, Config, Datagram, Event, Message, PeerConnection, StateMachine};

#[path = "../examples/echo_mio/echo.rs"]
mod echo_mio;
#[path = "../examples/echo_smol/echo.rs"]
mod echo_smol;
#[path = "../examples/echo_std/echo.rs"]
mod echo_std;

const MESSAGES: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn std_sockets() {
    talk_to(|offer, send_answer| echo_std::echo(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?, &offer, send_answer));
}

#[test]
fn smol() {
    talk_to(|offer, send_answer| {
        smol::block_on(async {
            let socket = smol::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            echo_smol::echo(socket, &offer, send_answer).await
        })
    });
}

#[test]
fn mio() {
    talk_to(|offer, send_answer| {
        let socket = mio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        echo_mio::echo(socket, &offer, send_answer)
    });
}

type SendAnswer = Box<dyn FnOnce(String) + Send>;

/// Offers to the echo peer, checks what it sends back, and closes; then the echo peer must end too.
fn talk_to(echo: impl FnOnce(String, SendAnswer) -> Result<(), Box<dyn Error>> + Send + 'static) {
    let clock = Clock::new();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut peer = PeerConnection::new(Config::default());
    peer.add_local_address(clock.now(), socket.local_addr().unwrap())
        .unwrap();
    let channel = peer.create_data_channel("echo").unwrap();
    let offer = peer.offer(clock.now()).unwrap();

    let (send_answer, answer) = mpsc::channel();
    let (send_end, end) = mpsc::channel();
    thread::spawn(move || {
        let send_answer: SendAnswer = Box::new(move |answer| send_answer.send(answer).unwrap());
        send_end
            .send(echo(offer, send_answer).map_err(|error| error.to_string()))
            .unwrap();
    });
    let answer = answer.recv_timeout(PATIENCE).unwrap();
    peer.accept_answer(clock.now(), &answer).unwrap();

    let (mut came, mut closed) = (0, false);
    let mut buf = vec![0; 65_536];
    while !closed {
        assert!(
            clock.now().since_origin() < PATIENCE,
            "only {came} of {MESSAGES} messages came back"
        );
        while let Some(event) = peer.poll_event() {
            match event {
                Event::ChannelOpen { .. } => {
                    (0..MESSAGES).for_each(|index| peer.send(channel, message(index)).unwrap())
                }
                Event::Message { data, .. } => {
                    assert_eq!(data, message(came));
                    came += 1;
                    if came == MESSAGES {
                        peer.close(clock.now());
                    }
                }
                Event::Closed(_) => closed = true,
                _ => {}
            }
        }
        while let Some(transmit) = peer.poll_transmit(clock.now(), &mut buf) {
            socket.send_to(&buf[..transmit.len], transmit.flow.remote()).unwrap();
        }
        if closed {
            break;
        }
        let wait = clock.until(peer.poll_timeout()).unwrap_or(PATIENCE);
        socket.set_read_timeout(Some(wait.min(PATIENCE))).unwrap();
        match socket.recv_from(&mut buf) {
            Ok((len, from)) => _ = peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len])),
            Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => peer.handle_timeout(clock.now()),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(
        end.recv_timeout(PATIENCE).unwrap(),
        Ok(()),
        "the echo peer ends when the connection does"
    );
}

fn message(index: usize) -> Message {
    if index.is_multiple_of(2) {
        Message::from(format!("message {index}"))
    } else {
        Message::from(vec![index as u8; index * 20])
    }
}
