//! TCP and TLS flows: opened, accepted, framed, and never in each other's way.

mod connect;
mod connection;
mod limits;
mod listen;
mod news;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pollrtc::{Flow, FlowEvent, FlowRequest, Framing, RequestId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use connect::Connector;
use connection::Connection;
use news::News;

pub use limits::StreamLimits;

/// How many frames and events of all streams wait to be taken; then streams are not read on.
const NEWS: usize = 64;

/// TCP and TLS flows for a state machine: carries out what
/// [`poll_flow`](pollrtc::StateMachine::poll_flow) asks, and tells what to give to
/// [`handle_flow`](pollrtc::StateMachine::handle_flow) and to
/// [`handle_datagram`](pollrtc::StateMachine::handle_datagram).
///
/// Each stream has tasks and a buffer of its own, so that one whose other side does not read holds up nobody: it drops
/// whole frames, and says so with [`FlowEvent::Blocked`].
///
/// ```no_run
/// # use pollrtc::{Datagram, Instant, StateMachine};
/// # use pollrtc_tokio::{Incoming, Streams};
/// # async fn run(mut machine: impl StateMachine, now: impl Fn() -> Instant) {
/// let mut streams = Streams::new();
/// loop {
///     while let Some(request) = machine.poll_flow() {
///         streams.request(request);
///     }
///     match streams.next().await {
///         Incoming::Event(event) => machine.handle_flow(now(), event),
///         Incoming::Frame { flow, mut bytes } => drop(machine.handle_datagram(now(), Datagram::new(flow, &mut bytes))),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Streams {
    limits: StreamLimits,
    connector: Connector,
    open: HashMap<Flow, Connection>,
    requests: HashMap<RequestId, AbortHandle>,
    listeners: Vec<AbortHandle>,
    /// Room for accepted streams.
    accepted: Arc<Semaphore>,
    news: mpsc::Receiver<News>,
    sender: mpsc::Sender<News>,
    /// Taken from the tasks, but not by the caller.
    ready: VecDeque<Incoming>,
    /// Counts connections, so that news of an old one are not taken for those of a new one with the same addresses.
    number: u64,
    dropped: u64,
}

/// What came from the streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// What became of a stream, for `handle_flow`.
    Event(FlowEvent),
    /// One frame, for `handle_datagram`.
    Frame {
        /// The stream that it came by.
        flow: Flow,
        /// The frame, without its delimiters.
        bytes: Vec<u8>,
    },
}

impl Streams {
    /// No streams, with default limits. TLS can be asked for once [`with_tls`](Self::with_tls) was called.
    pub fn new() -> Self {
        Self::with_limits(StreamLimits::default())
    }

    /// No streams, with these limits.
    pub fn with_limits(limits: StreamLimits) -> Self {
        let (sender, news) = mpsc::channel(NEWS);
        Self {
            limits,
            connector: Connector::default(),
            open: HashMap::new(),
            requests: HashMap::new(),
            listeners: Vec::new(),
            accepted: Arc::new(Semaphore::new(limits.accepted.min(Semaphore::MAX_PERMITS))),
            news,
            sender,
            ready: VecDeque::new(),
            number: 0,
            dropped: 0,
        }
    }

    /// With whose certificates TLS is content; without this no TLS stream can be opened.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, config: Arc<tokio_rustls::rustls::ClientConfig>) -> Self {
        self.connector.tls = Some(config);
        self
    }

    /// Accepts TCP streams at an address, with frames delimited like this. Gives the address back, with the port that the
    /// system chose where it was 0.
    ///
    /// # Errors
    ///
    /// If the address can't be listened at.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn listen(&mut self, address: SocketAddr, framing: Framing) -> io::Result<SocketAddr> {
        self.listen_with(address, framing, listen::Security::None)
    }

    /// Accepts TLS streams at an address.
    ///
    /// # Errors
    ///
    /// If the address can't be listened at.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "tls")]
    pub fn listen_tls(
        &mut self,
        address: SocketAddr,
        framing: Framing,
        config: Arc<tokio_rustls::rustls::ServerConfig>,
    ) -> io::Result<SocketAddr> {
        self.listen_with(address, framing, listen::Security::Tls(config.into()))
    }

    fn listen_with(
        &mut self,
        address: SocketAddr,
        framing: Framing,
        security: listen::Security,
    ) -> io::Result<SocketAddr> {
        let listener = listen::Listener {
            framing,
            security,
            patience: self.limits.patience,
            room: Arc::clone(&self.accepted),
            sender: self.sender.clone(),
        };
        let (address, task) = listener.spawn(address)?;
        self.listeners.push(task);
        Ok(address)
    }

    /// Does what a state machine asks for. The answers come from [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn request(&mut self, request: FlowRequest) {
        match request {
            FlowRequest::Open { id, .. } => {
                let connector = self.connector.clone();
                let task = connector.spawn(request, self.limits.patience, self.sender.clone());
                let replaced = task.and_then(|task| self.requests.insert(id, task));
                if let Some(replaced) = replaced {
                    replaced.abort();
                }
            }
            FlowRequest::Cancel(id) => {
                if let Some(task) = self.requests.remove(&id) {
                    task.abort();
                }
            }
            FlowRequest::Close(flow) => {
                if let Some(connection) = self.open.get(&flow) {
                    connection.close();
                }
            }
            // What later versions ask for, this one can't do.
            _ => {}
        }
    }

    /// Sends one frame whole, or drops it whole: false if there is no such stream, it is full, or the frame can't be
    /// delimited on it.
    pub fn send(&mut self, flow: Flow, frame: &[u8]) -> bool {
        let Some(connection) = self.open.get_mut(&flow) else {
            self.dropped += 1;
            return false;
        };
        let was_blocked = connection.is_blocked();
        let sent = connection.send(frame, self.limits.send_buffer);
        if !was_blocked && connection.is_blocked() {
            self.ready.push_back(Incoming::Event(FlowEvent::Blocked(flow)));
        }
        self.dropped += u64::from(!sent);
        sent
    }

    /// How many frames were dropped by [`send`](Self::send).
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many streams are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// True if no stream is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What comes next. Nothing is lost if the future is dropped before it is ready.
    pub async fn next(&mut self) -> Incoming {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What has come, if anything.
    pub fn try_next(&mut self) -> Option<Incoming> {
        while self.ready.is_empty() {
            let news = self.news.try_recv().ok()?;
            self.take(news);
        }
        self.ready.pop_front()
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            ready!(self.poll_ready(cx));
            if let Some(incoming) = self.ready.pop_front() {
                return Poll::Ready(incoming);
            }
        }
    }

    /// Ready if [`try_next`](Self::try_next) may have something.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ready.is_empty() {
            match ready!(self.news.poll_recv(cx)) {
                Some(news) => self.take(news),
                None => return Poll::Pending, // not while a sender of ours is here
            }
        }
        Poll::Ready(())
    }

    fn take(&mut self, news: News) {
        let incoming = match news {
            News::Established { id, stream } => {
                if let Some(id) = id
                    && self.requests.remove(&id).is_none()
                {
                    return; // cancelled meanwhile
                }
                self.number += 1;
                let flow = stream.flow;
                let connection = Connection::spawn(stream, self.number, &self.limits, self.sender.clone());
                if self.open.insert(flow, connection).is_some() {
                    // The system gives nobody the addresses of a stream that lives.
                    self.ready.push_back(Incoming::Event(FlowEvent::Closed(flow)));
                }
                Incoming::Event(FlowEvent::Opened { id, flow })
            }
            News::Failed(id) => {
                if self.requests.remove(&id).is_none() {
                    return;
                }
                Incoming::Event(FlowEvent::Failed { id })
            }
            News::Frame { number, flow, bytes } if self.is_present(flow, number) => Incoming::Frame { flow, bytes },
            News::Writable { number, flow } if self.is_present(flow, number) => {
                Incoming::Event(FlowEvent::Writable(flow))
            }
            News::Closed { number, flow } if self.is_present(flow, number) => {
                self.open.remove(&flow);
                Incoming::Event(FlowEvent::Closed(flow))
            }
            // Of a stream that is gone already.
            News::Frame { .. } | News::Writable { .. } | News::Closed { .. } => return,
        };
        self.ready.push_back(incoming);
    }

    fn is_present(&self, flow: Flow, number: u64) -> bool {
        self.open
            .get(&flow)
            .is_some_and(|connection| connection.number == number)
    }
}

impl Default for Streams {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let tasks = self.requests.values().chain(&self.listeners);
        tasks.for_each(AbortHandle::abort);
    }
}
