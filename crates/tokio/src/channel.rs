//! The handle to one data channel.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pollrtc::{
    Bytes, ChannelId, ChannelInfo, ChannelSendError, ChannelState, Instant, Message, PeerConnection, PeerId,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::shared::Shared;

/// How many bytes one message of a [`ByteStream`] has, at most.
const LONGEST_WRITE: usize = 64 * 1024;

/// One data channel of a [`Peer`](crate::Peer), with messages of its own: whoever is slow with one channel does not hold up
/// who reads another. Dropping it closes the channel; what was sent on it still arrives. The connection lives as long as its
/// `Peer`, not as long as this.
///
/// ```no_run
/// use pollrtc_tokio::pollrtc::Event;
/// # async fn run(peer: pollrtc_tokio::Peer) {
/// while let Some(event) = peer.next_event().await {
///     if let Event::ChannelOpen { channel, .. } = event {
///         let channel = peer.channel(channel);
///         tokio::spawn(async move {
///             while let Some(message) = channel.next_message().await {
///                 if channel.send(message).await.is_err() {
///                     break; // it is closed, or the peer takes no message of this length
///                 }
///             }
///         });
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Channel {
    shared: Arc<Shared>,
    peer: PeerId,
    changed: Arc<Notify>,
    id: ChannelId,
}

impl Channel {
    pub(crate) fn new(shared: Arc<Shared>, peer: PeerId, changed: Arc<Notify>, id: ChannelId) -> Self {
        let channel = Self {
            shared,
            peer,
            changed,
            id,
        };
        channel.with(|peer, _| peer.detach_channel(id));
        channel
    }

    /// What the connection calls it.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// What is known of it: label, protocol, order, reliability. `None` once it is closed.
    pub fn info(&self) -> Option<ChannelInfo> {
        self.with(|peer, _| peer.channel_info(self.id).cloned()).flatten()
    }

    /// Whether it connects, is open, closes or is closed.
    pub fn state(&self) -> ChannelState {
        let state = self.with(|peer, _| peer.channel_state(self.id));
        state.unwrap_or(ChannelState::Closed)
    }

    /// Sends a message, waiting until the channel is open, and as long as too much waits to be sent already.
    ///
    /// # Errors
    ///
    /// If the channel is closed, or the message is larger than
    /// [can ever be sent](PeerConnection::max_message_size).
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), ChannelSendError> {
        let message = message.into();
        loop {
            let changed = self.changed.notified();
            match self.try_send(&message) {
                Some(done) => return done,
                None => changed.await,
            }
        }
    }

    /// `None` if it is to be tried again when something has changed.
    fn try_send(&self, message: &Message) -> Option<Result<(), ChannelSendError>> {
        let sent = self.with(|peer, _| match peer.channel_state(self.id) {
            ChannelState::Connecting => None,
            _ => Some(peer.send(self.id, message.clone())),
        });
        match sent {
            None => Some(Err(ChannelSendError::NotOpen)),
            Some(Some(Err(ChannelSendError::BufferFull { .. }))) => None,
            Some(done) => done,
        }
    }

    /// The next message; `None` once the channel is closed and all that came before is taken.
    pub async fn next_message(&self) -> Option<Message> {
        // Who takes one message after the other without ever waiting lets others have a turn.
        tokio::task::consume_budget().await;
        loop {
            let changed = self.changed.notified();
            match self.try_next() {
                Some(next) => return next,
                None => changed.await,
            }
        }
    }

    /// `None` if it is to be tried again when something has changed.
    fn try_next(&self) -> Option<Option<Message>> {
        let next = self.with(|peer, _| match peer.take_message(self.id) {
            None if peer.channel_state(self.id) == ChannelState::Closed => Some(None),
            None => None,
            message => Some(message),
        });
        next.unwrap_or(Some(None))
    }

    /// Closes the channel, once what was sent on it has arrived. What the other side has sent before still comes.
    pub fn close(&self) {
        self.with(|peer, _| peer.close_channel(self.id));
    }

    /// The channel as a stream of bytes, where it does not count how they are cut into messages.
    pub fn into_byte_stream(self) -> ByteStream {
        ByteStream {
            channel: self,
            unread: Bytes::new(),
            reading: None,
            writing: None,
        }
    }

    /// `None` if the connection is gone.
    fn with<R>(&self, act: impl FnOnce(&mut PeerConnection, Instant) -> R) -> Option<R> {
        let now = self.shared.core.clock.now();
        let result = {
            let mut state = self.shared.core.lock();
            let mut peer = state.router.peer_mut(self.peer)?;
            act(&mut peer, now)
        };
        self.shared.core.wake.notify_one();
        Some(result)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.with(|peer, _| {
            peer.close_channel(self.id);
            peer.discard_messages(self.id);
        });
    }
}

/// A data channel as a stream of bytes: what is written travels in messages of any length, and the ends of those that come are
/// not seen. For channels that are ordered and reliable; text is read as its bytes.
///
/// What was written has left when [`flush`](tokio::io::AsyncWriteExt::flush) is done, and
/// [`shutdown`](tokio::io::AsyncWriteExt::shutdown) closes the channel, in both directions: SCTP has no way to end one alone
/// (RFC 8831 §6.7).
#[derive(Debug)]
pub struct ByteStream {
    channel: Channel,
    /// The rest of the message that came last.
    unread: Bytes,
    reading: Option<Pin<Box<OwnedNotified>>>,
    writing: Option<Pin<Box<OwnedNotified>>>,
}

impl ByteStream {
    /// The channel itself. What was read of a message only in part is lost.
    pub fn into_channel(self) -> Channel {
        self.channel
    }
}

/// Tries until it is done, waiting for the next change of the connection each time that it is not.
fn poll_change<T>(
    changed: &Arc<Notify>,
    waiting: &mut Option<Pin<Box<OwnedNotified>>>,
    cx: &mut Context<'_>,
    mut attempt: impl FnMut() -> Option<T>,
) -> Poll<T> {
    loop {
        // It hears of all that happens from now on.
        let notified = waiting.get_or_insert_with(|| Box::pin(Arc::clone(changed).notified_owned()));
        if let Some(done) = attempt() {
            return Poll::Ready(done);
        }
        ready!(notified.as_mut().poll(cx));
        *waiting = None;
    }
}

impl AsyncRead for ByteStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self {
            channel,
            unread,
            reading,
            ..
        } = &mut *self;
        // Who is flooded lets others run.
        let budget = ready!(tokio::task::coop::poll_proceed(cx));
        while unread.is_empty() {
            match ready!(poll_change(&channel.changed, reading, cx, || channel.try_next())) {
                Some(message) => *unread = message.into_bytes(),
                None => return Poll::Ready(Ok(())),
            }
        }
        budget.made_progress();
        let len = unread.len().min(buf.remaining());
        buf.put_slice(&unread.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ByteStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let Self { channel, writing, .. } = &mut *self;
        let longest = channel.with(|peer, _| peer.max_message_size());
        let len = buf.len().min(LONGEST_WRITE).min(longest.unwrap_or(LONGEST_WRITE));
        let message = Message::from(&buf[..len]);
        let sent = ready!(poll_change(&channel.changed, writing, cx, || channel.try_send(&message)));
        Poll::Ready(sent.map(|()| len).map_err(broken_pipe))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { channel, writing, .. } = &mut *self;
        poll_change(&channel.changed, writing, cx, || {
            let left = channel.with(|peer, _| {
                let is_open = peer.channel_state(channel.id) != ChannelState::Closed;
                (is_open, peer.buffered_amount(channel.id) == 0)
            });
            match left {
                Some((true, is_sent)) => is_sent.then_some(Ok(())),
                Some((false, _)) | None => Some(Err(broken_pipe(ChannelSendError::NotOpen))),
            }
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.channel.close();
        Poll::Ready(Ok(()))
    }
}

fn broken_pipe(error: ChannelSendError) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, error)
}
