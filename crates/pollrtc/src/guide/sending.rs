//! Sending: messages, and what to do when the other side is slower than you.
//!
//! [`send`](crate::PeerConnection::send) never waits. It takes the message, which then waits inside until the network and
//! the other side have room, or it says why not:
//!
//! | [`ChannelSendError`](crate::ChannelSendError) | what to do |
//! |---|---|
//! | `NotOpen` | nothing can be sent on this channel yet, or any more: [`ChannelOpen`](crate::Event::ChannelOpen) and [`ChannelClosed`](crate::Event::ChannelClosed) tell |
//! | `TooLarge` | no message of this length can ever be sent: ask [`max_message_size`](crate::PeerConnection::max_message_size), cut it, or give it up |
//! | `BufferFull` | too much waits already: keep the message, and try again after [`ChannelWritable`](crate::Event::ChannelWritable) of this channel |
//!
//! `ChannelWritable` comes for each channel that was refused, when the message that was refused fits. It can't be missed, and
//! it comes or the channel is closed: so waiting for one of the two never lasts for ever.
//!
//! # A queue of your own
//!
//! How much waits inside is bounded, by [`max_buffered_amount`](crate::Config::max_buffered_amount) for all channels
//! together. What you want to keep beyond that, such as the rest of a file, is yours:
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use std::collections::VecDeque;
//! use pollrtc::{ChannelId, ChannelSendError, Config, Event, Message, PeerConnection, StateMachine};
//!
//! /// What is still to be sent on a channel.
//! struct Outbox {
//!     channel: ChannelId,
//!     waiting: VecDeque<Message>,
//! }
//!
//! impl Outbox {
//!     /// Sends what fits. Call it when something was added, and after each `ChannelWritable` of the channel.
//!     fn send(&mut self, peer: &mut PeerConnection) -> Result<(), ChannelSendError> {
//!         while let Some(message) = self.waiting.front() {
//!             // A clone of a message shares its bytes.
//!             match peer.send(self.channel, message.clone()) {
//!                 Err(ChannelSendError::BufferFull { .. }) => break,
//!                 Err(error) => return Err(error),
//!                 Ok(()) => drop(self.waiting.pop_front()),
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//! # fn main() -> Result<(), ChannelSendError> {
//! # let small = Config::default().with_max_buffered_amount(100_000);
//! # let (mut pair, channel, _) = Pair::connected(small, Config::default());
//! # let mut outbox = Outbox { channel, waiting: VecDeque::new() };
//!
//! outbox.waiting.extend((0..100).map(|index| Message::from(vec![index; 60_000])));
//! outbox.send(&mut pair.net[pair.alice])?;
//! // In the loop that takes events:
//! # let mut came = 0;
//! # pair.until(|pair| {
//! # while let Some(event) = pair.net[pair.alice].poll_event() {
//! #     let peer = &mut pair.net[pair.alice];
//! match event {
//!     Event::ChannelWritable { channel } if channel == outbox.channel => _ = outbox.send(peer),
//!     _ => {}
//! }
//! # }
//! # while let Some(event) = pair.net[pair.bob].poll_event() {
//! #     came += usize::from(matches!(event, Event::Message { .. }));
//! # }
//! # came == 100
//! # });
//! # assert!(outbox.waiting.is_empty());
//! # assert!(matches!(pair.net[pair.alice].send(channel, vec![0; 300_000]), Err(ChannelSendError::TooLarge { .. })));
//! # Ok(())
//! # }
//! ```
//!
//! Who makes messages as they are asked for, such as pictures of a camera, needs no queue: drop what is refused, and make the
//! next one when there is room. Who wants less to wait inside, so that what is new does not stand behind what is old, looks at
//! [`buffered_amount`](crate::PeerConnection::buffered_amount), and is told by
//! [`BufferedAmountLow`](crate::Event::BufferedAmountLow) when it has fallen to a
//! [threshold](crate::PeerConnection::set_buffered_amount_low_threshold), as in W3C's API.
//!
//! # Answers to messages
//!
//! Who sends something back for each message has a queue too, at the other side: take no message as long as there is no room
//! for its answer. What you don't take fills the receive window, and the other side has to wait. So one that floods you, or
//! that reads nothing of yours, fills neither your memory nor your time:
//!
//! ```
//! # mod support { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guide/support.rs")); }
//! # use support::Pair;
//! use pollrtc::{Config, Event, PeerConnection, StateMachine};
//!
//! /// Sends each message back. False once the connection has ended.
//! fn echo(peer: &mut PeerConnection, longest: usize) -> bool {
//!     while peer.send_room() >= longest
//!         && let Some(event) = peer.poll_event()
//!     {
//!         match event {
//!             // Refused if its channel is closed by now, or the other side takes no message of this length.
//!             Event::Message { channel, data } => _ = peer.send(channel, data),
//!             Event::Closed(_) => return false,
//!             _ => {}
//!         }
//!     }
//!     true
//! }
//! # // Alice floods, and takes nothing until she has sent all.
//! # fn main() {
//! # let config = Config::default().with_max_buffered_amount(512 * 1024);
//! # let longest = config.max_message_size;
//! # let (mut pair, channel, _) = Pair::connected(config.clone(), config);
//! # let (mut sent, mut came) = (0_u8, 0_u8);
//! # pair.until(|pair| {
//! #     assert!(echo(&mut pair.net[pair.bob], longest));
//! #     while sent < 60 && pair.net[pair.alice].send(channel, vec![sent; 100_000]).is_ok() {
//! #         sent += 1;
//! #     }
//! #     // Whatever is between them is full by then.
//! #     while sent == 60 || pair.net.now() > pollrtc::Instant::from_millis(20_000) {
//! #         match pair.net[pair.alice].poll_event() {
//! #             Some(Event::Message { data, .. }) => {
//! #                 assert_eq!(data.as_bytes()[0], came);
//! #                 came += 1;
//! #             }
//! #             Some(_) => {}
//! #             None => break,
//! #         }
//! #     }
//! #     came == 60
//! # });
//! # let now = pair.net.now();
//! # pair.net[pair.alice].close(now);
//! # pair.until(|pair| !echo(&mut pair.net[pair.bob], longest));
//! # }
//! ```
//!
//! `longest` is the longest message that you [take](crate::Config::max_message_size).
//!
//! One channel that nobody reads holds up the events of all. Where channels have readers of their own,
//! [`detach_channel`](crate::PeerConnection::detach_channel) takes the messages of one out of the events, and
//! [`take_message`](crate::PeerConnection::take_message) gives them.
//!
//! # Late is worse than never
//!
//! A channel is ordered and reliable unless it was [made otherwise](crate::ChannelInit): a lost packet then holds up all that
//! comes behind it. For what is outdated soon, make a channel that is not:
//!
//! ```
//! use pollrtc::{ChannelInit, Config, PeerConnection, Reliability};
//!
//! let mut peer = PeerConnection::new(Config::default());
//! let positions = ChannelInit::new("positions").unordered().with_reliability(Reliability::MaxRetransmits(0));
//! peer.create_data_channel(positions)?;
//! # Ok::<(), pollrtc::OpenError>(())
//! ```
