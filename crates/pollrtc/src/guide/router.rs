//! Router: a server with one socket and many peers.
//!
//! A [`Router`](crate::Router) is driven like a connection, by the same verbs. It finds out whose each datagram is, and does
//! the work of the peers that are busy only. Who is told what, and what becomes of a peer that has ended, is up to you:
//!
//! ```
//! use std::error::Error;
//! use std::io::ErrorKind::{TimedOut, WouldBlock};
//! use std::net::UdpSocket;
//! use std::sync::mpsc::{Receiver, Sender};
//! use std::time::Duration;
//!
//! use pollrtc::{Certificate, Clock, Config, Datagram, Event, PeerConnection, Router, StateMachine};
//!
//! /// An offer, and whom to give the answer: from the thread that speaks HTTP, mostly.
//! type Offer = (String, Sender<Result<String, String>>);
//!
//! /// How many connections there may be.
//! const MAX_PEERS: usize = 10_000;
//! /// How long an offer may have to wait while no datagram comes.
//! const OFFERS_WAIT: Duration = Duration::from_millis(5);
//!
//! /// Sends back what comes, until nobody makes offers any more and all peers are gone.
//! fn serve(socket: UdpSocket, offers: Receiver<Offer>) -> Result<(), Box<dyn Error>> {
//!     let clock = Clock::new();
//!     let local = socket.local_addr()?;
//!     let mut router = Router::new();
//!     // One certificate for all: making one costs more than all else that a connection begins with.
//!     let config = Config::default();
//!     let certificate = Certificate::generate(config.provider, &mut pollrtc::Rng::from_os())?;
//!     let config = config.with_certificate(certificate);
//!     let longest = config.max_message_size;
//!     let mut is_open = true;
//!     let mut buf = vec![0; 65_536];
//!     while is_open || !router.is_empty() {
//!         loop {
//!             let (offer, send_answer) = match offers.try_recv() {
//!                 Ok(offer) => offer,
//!                 Err(error) => {
//!                     is_open &= error == std::sync::mpsc::TryRecvError::Empty;
//!                     break;
//!                 }
//!             };
//!             if router.len() >= MAX_PEERS {
//!                 _ = send_answer.send(Err("we are full".to_owned()));
//!                 continue;
//!             }
//!             let mut peer = PeerConnection::new(config.clone());
//!             peer.add_local_address(clock.now(), local)?;
//!             let answer = peer.accept_offer(clock.now(), &offer);
//!             if answer.is_ok() {
//!                 router.insert(peer);
//!             }
//!             _ = send_answer.send(answer.map_err(|error| error.to_string()));
//!         }
//!         while let Some(id) = router.poll_ready() {
//!             // As long as a message could not be sent back, none is taken.
//!             while router.peer(id).is_some_and(|peer| peer.send_room() >= longest)
//!                 && let Some(event) = router.poll_event_of(id)
//!             {
//!                 match event {
//!                     Event::Message { channel, data } => {
//!                         if let Some(mut peer) = router.peer_mut(id) {
//!                             _ = peer.send(channel, data);
//!                         }
//!                     }
//!                     Event::Closed(_) => _ = router.remove(id),
//!                     _ => {}
//!                 }
//!             }
//!         }
//!         while let Some(transmit) = router.poll_transmit(clock.now(), &mut buf) {
//!             // What can't be sent is lost, as datagrams may be.
//!             _ = socket.send_to(&buf[..transmit.len], transmit.flow.remote());
//!         }
//!         let wait = clock.until(router.poll_timeout()).unwrap_or(OFFERS_WAIT);
//!         socket.set_read_timeout(Some(wait.clamp(Duration::from_micros(1), OFFERS_WAIT)))?;
//!         match socket.recv_from(&mut buf) {
//!             Ok((len, from)) => _ = router.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len]).received_on(local)),
//!             Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {}
//!             Err(error) => return Err(error.into()),
//!         }
//!         router.handle_timeout(clock.now());
//!     }
//!     Ok(())
//! }
//! # // Two clients over loopback, one after the other; and a stranger, and an offer that is none.
//! # fn main() -> Result<(), Box<dyn Error>> {
//! #     let socket = UdpSocket::bind("127.0.0.1:0")?;
//! #     let server = socket.local_addr()?;
//! #     let (send_offer, offers) = std::sync::mpsc::channel();
//! #     let serving = std::thread::spawn(move || serve(socket, offers).map_err(|error| error.to_string()));
//! #     let ask = |offer: String| {
//! #         let (send_answer, answer) = std::sync::mpsc::channel();
//! #         send_offer.send((offer, send_answer)).expect("it serves");
//! #         answer.recv().expect("each offer has an answer")
//! #     };
//! #     assert!(ask("nonsense".to_owned()).is_err());
//! #     for round in 0..2 {
//! #         let clock = Clock::new();
//! #         let socket = UdpSocket::bind("127.0.0.1:0")?;
//! #         socket.send_to(b"whatever", server)?;
//! #         let mut peer = PeerConnection::new(Config::default());
//! #         peer.add_local_address(clock.now(), socket.local_addr()?)?;
//! #         let channel = peer.create_data_channel("echo")?;
//! #         let answer = ask(peer.offer(clock.now())?)?;
//! #         peer.accept_answer(clock.now(), &answer)?;
//! #         let mut buf = vec![0; 65_536];
//! #         let mut is_over = false;
//! #         while !is_over {
//! #             assert!(clock.now() < pollrtc::Instant::from_millis(60_000), "round {round} takes too long");
//! #             while let Some(event) = peer.poll_event() {
//! #                 match event {
//! #                     Event::ChannelOpen { .. } => peer.send(channel, "hello")?,
//! #                     Event::Message { data, .. } => {
//! #                         assert_eq!(data.as_text(), Some("hello"));
//! #                         peer.close(clock.now());
//! #                         is_over = true;
//! #                     }
//! #                     _ => {}
//! #                 }
//! #             }
//! #             while let Some(transmit) = peer.poll_transmit(clock.now(), &mut buf) {
//! #                 socket.send_to(&buf[..transmit.len], transmit.flow.remote())?;
//! #             }
//! #             socket.set_read_timeout(Some(Duration::from_millis(5)))?;
//! #             if let Ok((len, from)) = socket.recv_from(&mut buf) {
//! #                 peer.handle_datagram(clock.now(), Datagram::udp(from, &mut buf[..len]));
//! #             }
//! #             peer.handle_timeout(clock.now());
//! #         }
//! #     }
//! #     drop(send_offer);
//! #     serving.join().expect("it does not panic")?;
//! #     Ok(())
//! # }
//! ```
//!
//! A runtime does away with the 5 ms: it waits for whichever comes first. `pollrtc_tokio` has such a loop, for tokio, with
//! segmentation offload, several sockets, and handles that are used from any task.
//!
//! # Whose events
//!
//! [`poll_ready`](crate::Router::poll_ready) tells for whom there may be something, and
//! [`poll_event_of`](crate::Router::poll_event_of) takes it. What is not taken fills that peer's receive window, and no
//! other's: who floods, or does not read what it is sent, waits for itself. Where nothing is held back,
//! [`poll_event`](crate::StateMachine::poll_event) takes the events of all.
//!
//! A peer that is gone for good is told by its last event, [`Event::Closed`](crate::Event::Closed); it stays in the router, and
//! in memory, until it is [removed](crate::Router::remove). One that vanishes is closed by a [timeout](super::deployment#timeouts).
//!
//! # Several cores
//!
//! A router is for one thread. For more, give each thread a router with a number of its own
//! ([`Router::with_id`](crate::Router::with_id), and [`Config::with_router_id`](crate::Config::with_router_id) for its peers)
//! and a socket, all of one port where the system can share it (`SO_REUSEPORT`). The system then spreads datagrams by
//! address, and knows nothing of who is whose; what comes to the wrong router is handed on:
//!
//! ```
//! use pollrtc::{Config, Datagram, Instant, PeerConnection, Router, RouterId, StateMachine};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = Instant::ZERO;
//! # let (server, client) = ("192.0.2.1:4000".parse()?, "198.51.100.2:5000".parse()?);
//!
//! let ids = [0, 1].map(|number| RouterId::new(number).expect("less than 4096"));
//! let mut routers = ids.map(Router::with_id);
//! // The second one has the peer ...
//! let mut peer = PeerConnection::new(Config::default().with_router_id(ids[1]));
//! peer.add_local_address(now, server)?;
//! # let mut caller = PeerConnection::new(Config::default());
//! # caller.add_local_address(now, client)?;
//! # caller.create_data_channel("chat")?;
//! # let offer = caller.offer(now)?;
//! let answer = peer.accept_offer(now, &offer)?;
//! routers[1].insert(peer);
//! # caller.accept_answer(now, &answer)?;
//! # let mut buf = [0; 1500];
//! # let later = now + std::time::Duration::from_secs(1);
//! # caller.handle_timeout(later);
//! # let len = caller.poll_transmit(later, &mut buf).ok_or("a check")?.len;
//! # let check = &mut buf[..len];
//!
//! // ... and the socket of the first one gets what that peer sends.
//! routers[0].handle_datagram(now, Datagram::udp(client, check).received_on(server));
//! let (owner, mut datagram) = routers[0].poll_misdirected().ok_or("nothing to hand on")?;
//! assert_eq!(owner, ids[1]);
//! // Over a channel to the other thread, which calls:
//! let known = routers[1].handle_misdirected(now, &mut datagram);
//! # assert!(known.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! Who has no shared ports gives each router a port of its own; then nothing is ever misdirected.
//! `pollrtc_tokio::Endpoint::bind_sharded` does either.
