//! The handle to one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pollrtc::{
    CandidateError, ChannelId, ChannelInit, ChannelSendError, ConnectionState, Event, Instant, Message,
    NegotiationError, OpenError, PeerConnection, PeerId, RemoteCandidate, Stats,
};
use tokio::sync::Notify;

use crate::channel::Channel;
use crate::media::{Inbox, MediaPacket};
use crate::shared::{Shared, State};

/// How long a description waits for candidates from STUN servers that may never answer.
const GATHERING_PATIENCE: Duration = Duration::from_secs(3);

/// One connection of an [`Endpoint`](crate::Endpoint). Dropping it closes the connection.
#[derive(Debug)]
pub struct Peer {
    shared: Arc<Shared>,
    id: PeerId,
    changed: Arc<Notify>,
    ended: AtomicBool,
}

impl Peer {
    pub(crate) fn new(shared: Arc<Shared>, id: PeerId, changed: Arc<Notify>) -> Self {
        Self {
            shared,
            id,
            changed,
            ended: AtomicBool::new(false),
        }
    }

    /// An offer to send to the other side, with all candidates in it.
    ///
    /// # Errors
    ///
    /// If another exchange is under way, or the connection is closed.
    pub async fn offer(&self) -> Result<String, NegotiationError> {
        let offer = self.with(|peer, now| peer.offer(now))?;
        Ok(self.gathered(offer).await)
    }

    /// Takes the other side's offer; gives the answer to send back, with all candidates in it. Also
    /// for every later offer of the same peer.
    ///
    /// # Errors
    ///
    /// If the offer is malformed or asks for what can't be; the connection is as it was then.
    pub async fn accept_offer(&self, offer: &str) -> Result<String, NegotiationError> {
        let answer = self.with(|peer, now| peer.accept_offer(now, offer))?;
        Ok(self.gathered(answer).await)
    }

    /// An offer to send to the other side at once: candidates that are found later come as
    /// [`Event::Candidate`](pollrtc::Event::Candidate), to be sent after it (trickle ICE, RFC 8838).
    ///
    /// # Errors
    ///
    /// If another exchange is under way, or the connection is closed.
    pub fn trickle_offer(&self) -> Result<String, NegotiationError> {
        self.with(|peer, now| peer.offer(now))
    }

    /// Takes the other side's offer, and gives the answer to send back at once, as
    /// [`trickle_offer`](Self::trickle_offer) does.
    ///
    /// # Errors
    ///
    /// If the offer is malformed or asks for what can't be; the connection is as it was then.
    pub fn trickle_answer(&self, offer: &str) -> Result<String, NegotiationError> {
        self.with(|peer, now| peer.accept_offer(now, offer))
    }

    /// A candidate of the other side's that came over signaling: what its
    /// [`IceCandidate`](pollrtc::IceCandidate) was sent as, or its text alone. An empty one means that no more will come.
    ///
    /// # Errors
    ///
    /// If it is not a candidate line, or names a section that the other side has not described.
    pub fn add_remote_candidate<'c>(&self, candidate: impl Into<RemoteCandidate<'c>>) -> Result<(), CandidateError> {
        self.with(|peer, now| peer.add_remote_candidate(now, candidate))
    }

    /// Takes the other side's answer to our offer.
    ///
    /// # Errors
    ///
    /// If there is no offer of ours, or the answer is malformed or does not fit it; the connection
    /// is as it was then.
    pub fn accept_answer(&self, answer: &str) -> Result<(), NegotiationError> {
        self.with(|peer, now| peer.accept_answer(now, answer))
    }

    /// A data channel of ours; it opens when the connection does, or soon after.
    ///
    /// # Errors
    ///
    /// If the label or protocol is too long, the id is taken, or the connection has ended.
    pub fn create_data_channel(&self, init: impl Into<ChannelInit>) -> Result<ChannelId, OpenError> {
        self.with(|peer, _| peer.create_data_channel(init))
    }

    /// Sends a message on a channel, waiting as long as too much waits to be sent already. While the connection has failed
    /// that is until it ends, see [`Config::close_timeout`](pollrtc::Config::close_timeout).
    ///
    /// # Errors
    ///
    /// If the channel is not open or is closed meanwhile, or the message is larger than
    /// [can ever be sent](PeerConnection::max_message_size).
    pub async fn send(&self, channel: ChannelId, message: impl Into<Message>) -> Result<(), ChannelSendError> {
        let message = message.into();
        loop {
            let changed = self.changed.notified();
            match self.with(|peer, _| peer.send(channel, message.clone())) {
                Err(ChannelSendError::BufferFull { .. }) => changed.await,
                done => return done,
            }
        }
    }

    /// A handle to one of the channels, be it one that was [created](Self::create_data_channel) here or one that an
    /// event tells of. From now on its messages go there, those that wait to be taken as well, and no more come from
    /// [`next_event`](Self::next_event).
    pub fn channel(&self, channel: ChannelId) -> Channel {
        Channel::new(Arc::clone(&self.shared), self.id, Arc::clone(&self.changed), channel)
    }

    /// What happens next; `None` once the connection has ended.
    pub async fn next_event(&self) -> Option<Event> {
        // Who takes one event after the other without ever waiting lets others have a turn.
        tokio::task::consume_budget().await;
        while !self.ended.load(Ordering::Acquire) {
            let changed = self.changed.notified();
            let event = self.lock(|state, id| state.router.poll_event_of(id));
            let Some(event) = event else {
                changed.await;
                continue;
            };
            self.shared.core.wake.notify_one();
            if matches!(event, Event::Closed(_)) {
                self.ended.store(true, Ordering::Release);
                self.changed.notify_waiters();
            }
            return Some(event);
        }
        None
    }

    /// The next packet of media, in the order in which they come; `None` once the connection has ended. Packets are kept
    /// from the first call on, so call it early; of those that nobody takes, 1,024 wait.
    ///
    /// What you do with it is up to you: [`with`](Self::with) another handle, `queue_rtp` sends it on. Whoever forwards to
    /// many, and wants no copy of it, drives a [`Router`](pollrtc::Router) with sockets of their own.
    pub async fn next_packet(&self) -> Option<MediaPacket> {
        tokio::task::consume_budget().await;
        while !self.ended.load(Ordering::Acquire) {
            let changed = self.changed.notified();
            if let Some(packet) = self.lock(|state, id| state.inboxes.entry(id).or_insert_with(Inbox::new).pop()) {
                return Some(packet);
            }
            let state = self.lock(|state, id| state.router.peer(id).map(PeerConnection::connection_state));
            if state.is_none_or(|state| state == ConnectionState::Closed) {
                break;
            }
            changed.await;
        }
        None
    }

    /// How many packets of media were dropped, since too many waited for [`next_packet`](Self::next_packet) or were held.
    pub fn dropped_packets(&self) -> u64 {
        self.lock(|state, id| state.inboxes.get(&id).map_or(0, Inbox::dropped))
    }

    /// What was negotiated, and what was sent, received and dropped.
    pub fn stats(&self) -> Stats {
        self.with(|peer, _| peer.stats())
    }

    /// Closes the connection; [`Event::Closed`] follows.
    pub fn close(&self) {
        self.with(|peer, now| peer.close(now));
    }

    /// Everything else that the connection can do. The driver and all other handles of the endpoint
    /// wait until `act` returns.
    pub fn with<R>(&self, act: impl FnOnce(&mut PeerConnection, Instant) -> R) -> R {
        let now = self.shared.core.clock.now();
        let result = self.lock(|state, id| {
            let mut peer = state.router.peer_mut(id);
            act(peer.as_mut().expect("a peer stays as long as its handle"), now)
        });
        self.shared.core.wake.notify_one();
        result
    }

    fn lock<R>(&self, act: impl FnOnce(&mut State, PeerId) -> R) -> R {
        act(&mut self.shared.core.lock(), self.id)
    }

    /// The description with the candidates that are known once gathering is complete.
    async fn gathered(&self, description: String) -> String {
        let complete = async {
            loop {
                let changed = self.changed.notified();
                let current = self.current_description();
                if current.as_ref().is_none_or(|(_, complete)| *complete) {
                    return;
                }
                changed.await;
            }
        };
        // Candidates that come too late for the description come as events.
        let _ = tokio::time::timeout(GATHERING_PATIENCE, complete).await;
        self.current_description().map_or(description, |(current, _)| current)
    }

    fn current_description(&self) -> Option<(String, bool)> {
        self.lock(|state, id| {
            let peer = state.router.peer(id)?;
            Some((peer.local_description()?.sdp, peer.is_gathering_complete()))
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close();
        self.lock(|state, id| {
            state.listeners.remove(&id);
            state.inboxes.remove(&id);
            state.leaving.push(id);
        });
        // The driver does not know any more whom to tell that it is over.
        self.changed.notify_waiters();
        self.shared.core.wake.notify_one();
    }
}
