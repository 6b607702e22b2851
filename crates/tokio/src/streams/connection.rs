//! One stream: what was read becomes frames, and frames wait for the other side to read.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pollrtc::{Deframer, Flow, Framing};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use super::limits::StreamLimits;
use super::news::{Established, News, Stream};

/// The caller's end of a stream.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) number: u64,
    framing: Framing,
    outbox: Arc<Outbox>,
}

/// Bytes on their way from the caller to the task that writes them.
#[derive(Debug, Default)]
struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
    closing: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// How many bytes the task is writing.
    in_flight: usize,
    /// A frame was dropped, and the caller has not been told yet that there is room.
    is_blocked: bool,
    is_closing: bool,
}

impl Connection {
    /// Starts the two tasks that serve it: they end when the stream does, or with the caller's end of it.
    pub(super) fn spawn(
        established: Established,
        number: u64,
        limits: &StreamLimits,
        sender: mpsc::Sender<News>,
    ) -> Self {
        let Established {
            flow,
            stream,
            framing,
            accepted,
        } = established;
        let (reading, writing) = split(stream);
        let outbox = Arc::new(Outbox::default());
        let reader = Reader {
            number,
            flow,
            stream: reading,
            deframer: Deframer::new(framing, vec![0; limits.longest_frame]),
            sender: sender.clone(),
        };
        let writer = Writer {
            number,
            flow,
            stream: writing,
            outbox: Arc::clone(&outbox),
            low: limits.send_buffer / 2,
            sender: sender.clone(),
        };
        let (closing, patience) = (Arc::clone(&outbox), limits.patience);
        tokio::spawn(async move {
            let first_until = accepted.as_ref().map(|accepted| Instant::now() + accepted.patience);
            let serve = async {
                let mut reading = pin!(reader.run(first_until));
                tokio::select! {
                    _ = &mut reading => {}
                    _ = writer.run() => {
                        // The other side has yet to read the last bytes, and says so by closing as well.
                        closing.close();
                        let _ = reading.await;
                    }
                }
            };
            // Whoever does not read keeps no stream open for longer than that.
            tokio::select! {
                () = serve => {}
                () = closing.overdue(patience) => {}
            }
            drop(accepted.map(|accepted| accepted.permit));
            let _ = sender.send(News::Closed { number, flow }).await;
        });
        Self {
            number,
            framing,
            outbox,
        }
    }

    /// Takes a frame with its delimiters, if there is room for all of it.
    pub(super) fn send(&mut self, frame: &[u8], limit: usize) -> bool {
        let Some(around) = self.framing.delimiters(frame) else {
            return false;
        };
        let parts = [around.before(), frame, around.behind()];
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut waiting = self.outbox.lock();
        // What is longer than all the room there is would wait for ever.
        if waiting.is_closing || len > limit {
            return false;
        }
        if waiting.in_flight + waiting.bytes.len() + len > limit {
            waiting.is_blocked = true;
            return false;
        }
        parts.iter().for_each(|part| waiting.bytes.extend_from_slice(part));
        drop(waiting);
        self.outbox.changed.notify_one();
        true
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.outbox.lock().is_blocked
    }

    /// Closes the stream once what waits is sent.
    pub(super) fn close(&self) {
        self.outbox.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().is_closing = true;
        self.changed.notify_one();
        self.closing.notify_one();
    }

    /// Ready when closing has taken this long.
    async fn overdue(&self, patience: Duration) {
        self.closing.notified().await;
        sleep(patience).await;
    }
}

struct Reader {
    number: u64,
    flow: Flow,
    stream: ReadHalf<Stream>,
    deframer: Deframer<Vec<u8>>,
    sender: mpsc::Sender<News>,
}

impl Reader {
    /// Until the stream ends, can't be read on, or brings no first frame in time.
    async fn run(mut self, first_until: Option<Instant>) -> io::Result<()> {
        let Self { number, flow, .. } = self;
        let mut first_until = first_until;
        loop {
            while let Some(frame) = self.deframer.next_frame().map_err(io::Error::other)? {
                let bytes = frame.to_vec();
                first_until = None;
                let frame = News::Frame { number, flow, bytes };
                self.sender.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
            }
            let read = self.stream.read(self.deframer.space());
            let len = match first_until {
                None => read.await?,
                Some(until) => tokio::select! {
                    len = read => len?,
                    () = sleep_until(until) => return Err(io::ErrorKind::TimedOut.into()),
                },
            };
            if len == 0 {
                return Ok(());
            }
            self.deframer.filled(len);
        }
    }
}

struct Writer {
    number: u64,
    flow: Flow,
    stream: WriteHalf<Stream>,
    outbox: Arc<Outbox>,
    /// With no more than this waiting, there is room again.
    low: usize,
    sender: mpsc::Sender<News>,
}

impl Writer {
    /// Until the stream ends or is to be closed.
    async fn run(mut self) -> io::Result<()> {
        let Self { number, flow, .. } = self;
        let mut batch = Vec::new();
        loop {
            let (is_closing, has_room) = {
                let mut waiting = self.outbox.lock();
                let has_room = waiting.is_blocked && waiting.bytes.len() <= self.low;
                waiting.is_blocked &= !has_room;
                batch.clear();
                std::mem::swap(&mut batch, &mut waiting.bytes);
                waiting.in_flight = batch.len();
                (waiting.is_closing, has_room)
            };
            if has_room {
                let writable = News::Writable { number, flow };
                self.sender
                    .send(writable)
                    .await
                    .map_err(|_| io::ErrorKind::BrokenPipe)?;
            }
            let write = async {
                self.stream.write_all(&batch).await?;
                self.stream.flush().await
            };
            write.await?;
            if is_closing {
                return self.stream.shutdown().await;
            }
            if batch.is_empty() {
                self.outbox.changed.notified().await;
            }
        }
    }
}
