//! Accepts streams.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pollrtc::{Flow, Framing, Protocol};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::news::{Accepted, Established, News, Stream};

/// How long to wait after an error that concerns the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Listener {
    pub(super) framing: Framing,
    pub(super) security: Security,
    pub(super) patience: Duration,
    pub(super) room: Arc<Semaphore>,
    pub(super) sender: mpsc::Sender<News>,
}

/// What accepted streams speak first.
#[derive(Clone)]
pub(super) enum Security {
    None,
    #[cfg(feature = "tls")]
    Tls(tokio_rustls::TlsAcceptor),
}

impl Listener {
    pub(super) fn spawn(self, address: SocketAddr) -> io::Result<(SocketAddr, AbortHandle)> {
        let socket = std::net::TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let socket = TcpListener::from_std(socket)?;
        let task = tokio::spawn(async move {
            loop {
                match socket.accept().await {
                    Ok((tcp, remote)) => self.accept(tcp, remote),
                    Err(_) => sleep(PAUSE).await,
                }
            }
        });
        Ok((address, task.abort_handle()))
    }

    /// In a task of its own, so that a handshake that takes its time holds up nobody. Where there is no room the stream
    /// is closed at once.
    fn accept(&self, tcp: TcpStream, remote: SocketAddr) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            return;
        };
        let (security, sender) = (self.security.clone(), self.sender.clone());
        let (framing, patience) = (self.framing, self.patience);
        tokio::spawn(async move {
            let Ok(Ok((flow, stream))) = timeout(patience, security.establish(tcp, remote)).await else {
                return;
            };
            let stream = Established {
                flow,
                stream,
                framing,
                accepted: Some(Accepted { patience, permit }),
            };
            let _ = sender.send(News::Established { id: None, stream }).await;
        });
    }
}

impl Security {
    async fn establish(&self, tcp: TcpStream, remote: SocketAddr) -> io::Result<(Flow, Stream)> {
        tcp.set_nodelay(true)?;
        let local = Some(tcp.local_addr()?);
        Ok(match self {
            Self::None => (Flow::new(Protocol::Tcp, local, remote), Box::new(tcp) as Stream),
            #[cfg(feature = "tls")]
            Self::Tls(acceptor) => {
                let tls = acceptor.accept(tcp).await?;
                (Flow::new(Protocol::Tls, local, remote), Box::new(tls))
            }
        })
    }
}
