//! Media: audio and video, what comes and what leaves, and how to forward it.
//!
//! # Transceivers
//!
//! What a connection may carry is up to [`Config::audio`](crate::Config::audio) and [`video`](crate::Config::video): by
//! default nothing, so that sections of media are refused. [`RtpCapabilities::of`](crate::RtpCapabilities::of) has what
//! browsers offer. Each section is a transceiver, as in the browser:
//! [`add_transceiver`](crate::PeerConnection::add_transceiver) and [`add_track`](crate::PeerConnection::add_track) make one
//! for the next offer, an offer of the peer's makes those that it needs, and tells of them with
//! [`TransceiverAdded`](crate::Event::TransceiverAdded). What these do unless told otherwise is
//! [`Config::offered_direction`](crate::Config::offered_direction).
//!
//! A transceiver sends one stream, or one for each layer of simulcast: [`outgoing_of`](crate::PeerConnection::outgoing_of)
//! names them. Each stream that comes has a name too, [`Incoming`](crate::Incoming), which
//! [`incoming`](crate::PeerConnection::incoming) explains; it never changes its meaning.
//!
//! # Packets that come
//!
//! `handle_datagram` gives a packet of media back at once, as [`Received::Rtp`](crate::Received::Rtp): a view into your own
//! buffer, decrypted in place. It is authentic, new, and belongs to a stream; retransmissions are unwrapped already. Look at
//! it, or keep it: [`Pool::share`](crate::rtp::Pool::share) makes the one copy that outlives the datagram.
//!
//! Reports, requests for what was lost, feedback on arrivals and retransmissions happen by themselves. Three events ask
//! something of who *sends* packets that came from elsewhere:
//!
//! | event | what to do |
//! |---|---|
//! | [`KeyframeWanted`](crate::Event::KeyframeWanted) | have the encoder make a key frame, or [`request_keyframe`](crate::PeerConnection::request_keyframe) of the publisher's stream |
//! | [`ResendWanted`](crate::Event::ResendWanted) | find the packets, and [`resend`](crate::PeerConnection::resend) them |
//! | [`Clock`](crate::Event::Clock) | tell the [`Forwarder`](crate::media::Forwarder), and [`set_clock`](crate::PeerConnection::set_clock) of what it is sent on as, so that sound and picture stay together |
//!
//! # Packets that leave
//!
//! [`write_rtp`](crate::PeerConnection::write_rtp) seals a packet into your buffer, to be sent at once;
//! [`queue_rtp`](crate::PeerConnection::queue_rtp) has `poll_transmit` give it out in its turn. The packet may have come by any
//! connection, on any thread. How it is called when it leaves says a [`Rewrite`](crate::Rewrite): its number (the first one below
//! 2<sup>15</sup>, and none twice), its timestamp, its format. SSRC, payload type, header extensions of this hop and what
//! protects it are the connection's business.
//!
//! # Forwarding
//!
//! A [`Forwarder`](crate::media::Forwarder) makes the rewrites of one subscription: it begins with a key frame, switches between
//! layers, closes the gaps of what it leaves out, and knows which packet a number that the subscriber lacks stands for. A
//! [`History`](crate::media::History) keeps the packets. Neither knows a connection, so that an echo, a conference and a
//! recorder are made of the same pieces. Here Bob sends back to Alice what her camera sends, in the section that it came by:
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use pollrtc::media::{ALL_LAYERS, Forwarder, ForwarderConfig, History, HistoryConfig, Verdict};
//! use pollrtc::rtp::{ExtensionMap, Format, Origin, Patch, Pool};
//! use pollrtc::{
//!     Config, Direction, Event, Incoming, Instant, MediaKind, Outgoing, PeerConnection, Received, Rewrite,
//!     RtpCapabilities, RtpPacket, StateMachine,
//! };
//!
//! /// What comes by one stream leaves by another one.
//! struct Echo {
//!     from: Incoming,
//!     to: Outgoing,
//!     forwarder: Forwarder,
//!     history: History,
//!     pool: Pool,
//! }
//!
//! impl Echo {
//!     /// The stream goes back in its own section.
//!     fn new(peer: &PeerConnection, from: Incoming) -> Option<Self> {
//!         let info = peer.incoming(from)?;
//!         let to = peer.outgoing_of(info.transceiver).next()?;
//!         // The codecs that both directions have in common, by their places.
//!         let formats = peer.format_map(peer.formats_of(from), to);
//!         let config = ForwarderConfig { formats, clock_rate: 90_000, first_sequence: 1_000 };
//!         let mut forwarder = Forwarder::new(config);
//!         forwarder.select(info.key, ALL_LAYERS);
//!         let history = History::new(HistoryConfig::default());
//!         Some(Self { from, to, forwarder, history, pool: Pool::new(1_000) })
//!     }
//!
//!     /// A packet came.
//!     fn take(&mut self, peer: &mut PeerConnection, now: Instant, packet: &RtpPacket<'_>) {
//!         // None: as many are held as may be. Then this one is lost, as on any way.
//!         let Some(shared) = self.pool.share(packet) else { return };
//!         match self.forwarder.next(packet) {
//!             Verdict::Forward(rewrite) => {
//!                 self.history.insert(now, &shared);
//!                 _ = peer.queue_rtp(now, self.to, &shared, &rewrite);
//!             }
//!             Verdict::KeyframeNeeded(_) => peer.request_keyframe(now, self.from),
//!             _ => {}
//!         }
//!     }
//!
//!     /// Something happened.
//!     fn handle(&mut self, peer: &mut PeerConnection, now: Instant, event: &Event) {
//!         match event {
//!             Event::KeyframeWanted { stream } if *stream == self.to => peer.request_keyframe(now, self.from),
//!             Event::ResendWanted { stream, missing } if *stream == self.to => {
//!                 for sequence in missing.sequence_numbers() {
//!                     let kept = self.forwarder.find(sequence).and_then(|source| self.history.get(source));
//!                     let Some(packet) = kept else { continue };
//!                     if let Some(rewrite) = self.forwarder.repeat(sequence, &packet.view()) {
//!                         _ = peer.resend(now, self.to, packet, &rewrite);
//!                     }
//!                 }
//!             }
//!             Event::Clock { stream, clock } if *stream == self.from => {
//!                 if let Some(key) = self.forwarder.current() {
//!                     self.forwarder.handle_clock(key, *clock);
//!                 }
//!                 if let Some(clock) = self.forwarder.outgoing_clock() {
//!                     peer.set_clock(self.to, clock);
//!                 }
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//! # fn main() {
//!
//! let video = || Config::default().with_video(RtpCapabilities::of(MediaKind::Video));
//! let (alice, bob) = (video(), video().with_offered_direction(Direction::SendRecv));
//! # let mut pair = Pair::new(alice, bob);
//! # let camera = pair.net[pair.alice].add_track(MediaKind::Video, vec!["camera".into()]);
//! # pair.exchange();
//! # let mut secured = 0;
//! # pair.until(|pair| {
//! #     for host in [pair.alice, pair.bob] {
//! #         while let Some(event) = pair.net[host].poll_event() {
//! #             secured += usize::from(matches!(event, Event::Secured { .. }));
//! #         }
//! #     }
//! #     secured == 2
//! # });
//! # use std::cell::RefCell;
//! # use std::rc::Rc;
//! # let echo: Rc<RefCell<Option<Echo>>> = Rc::default();
//! # let echoing = Rc::clone(&echo);
//! // Where Bob's loop hands datagrams to the connection:
//! # pair.net.on_received(pair.bob, move |peer, now, received| {
//! #     let mut echo = echoing.borrow_mut();
//! if let Received::Rtp { stream, packet } = received {
//!     if echo.is_none() {
//!         *echo = Echo::new(peer, stream);
//!     }
//!     if let Some(echo) = &mut *echo {
//!         echo.take(peer, now, &packet);
//!     }
//! }
//! # });
//! # let came: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
//! # let coming = Rc::clone(&came);
//! # pair.net.on_received(pair.alice, move |_, _, received| {
//! #     if let Received::Rtp { packet, .. } = received {
//! #         coming.borrow_mut().push(packet.payload().to_vec());
//! #     }
//! # });
//! # let to = pair.net[pair.alice].outgoing_of(camera).next().unwrap();
//! # let mut pool = Pool::new(100);
//! # // A frame of VP8 that needs no other, in one packet.
//! # let mut bytes = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x10, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a];
//! # bytes.resize(500, 7);
//! # let packet = RtpPacket::parse(&bytes, &ExtensionMap::new(), Origin::default()).unwrap();
//! # let shared = pool.share(&packet).unwrap();
//! # let mut sequence = 0;
//! # pair.until(|pair| {
//! #     let rewrite = Rewrite {
//! #         sequence,
//! #         timestamp: 3_000 * sequence as u32,
//! #         marker: true,
//! #         format: Format(0),
//! #         patch: Patch::None,
//! #         descriptor: None,
//! #         frame_number: None,
//! #     };
//! #     if sequence < 20 {
//! #         pair.net.with(pair.alice, |peer, now| peer.queue_rtp(now, to, &shared, &rewrite)).unwrap();
//! #         sequence += 1;
//! #     }
//! #     let now = pair.net.now();
//! #     while let Some(event) = pair.net[pair.bob].poll_event() {
//! #         let peer = &mut pair.net[pair.bob];
//! #         if let Some(echo) = &mut *echo.borrow_mut() {
//! #             echo.handle(peer, now, &event);
//! #         }
//! #     }
//! #     came.borrow().len() == 20
//! # });
//! # assert!(came.borrow().iter().all(|payload| *payload == bytes[12..]));
//! # }
//! ```
//!
//! A subscriber with several layers to choose from [`select`](crate::media::Forwarder::select)s one; a server with many
//! subscribers has a forwarder for each, and one history for all. Whoever is told by
//! [`TransceiverChanged`](crate::Event::TransceiverChanged) that something was negotiated asks for the
//! [`format_map`](crate::PeerConnection::format_map) again.
//!
//! # Bounds
//!
//! Streams, packets that wait, and what may be asked for again have limits in the configuration
//! ([`max_incoming_streams`](crate::Config::max_incoming_streams), [`max_queued_packets`](crate::Config::max_queued_packets)) and in
//! your own pools and histories. What a stranger sends is dropped before anything is kept of it.
