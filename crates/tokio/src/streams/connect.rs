//! Opens streams.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use pollrtc::{Flow, FlowRequest, Protocol, ServerName};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::news::{Established, News, Stream};

/// What it takes to open streams.
#[derive(Clone, Debug, Default)]
pub(super) struct Connector {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl Connector {
    /// Opens a stream in a task of its own.
    pub(super) fn spawn(
        &self,
        request: FlowRequest,
        patience: Duration,
        sender: mpsc::Sender<News>,
    ) -> Option<AbortHandle> {
        let FlowRequest::Open {
            id,
            from,
            to,
            protocol,
            framing,
            server_name,
        } = request
        else {
            return None;
        };
        let connector = self.clone();
        let task = tokio::spawn(async move {
            let connect = connector.connect(from, to, protocol, server_name);
            let news = match timeout(patience, connect).await {
                Ok(Ok((flow, stream))) => News::Established {
                    id: Some(id),
                    stream: Established {
                        flow,
                        stream,
                        framing,
                        accepted: None,
                    },
                },
                _ => News::Failed(id),
            };
            // Nobody listens once the streams are gone.
            let _ = sender.send(news).await;
        });
        Some(task.abort_handle())
    }

    async fn connect(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
        protocol: Protocol,
        server_name: Option<ServerName>,
    ) -> io::Result<(Flow, Stream)> {
        let socket = match to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(from) = from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let tcp = socket.connect(to).await?;
        // Frames are small, and wait for nothing.
        tcp.set_nodelay(true)?;
        let flow = Flow::new(protocol, Some(tcp.local_addr()?), to);
        let stream: Stream = match protocol {
            Protocol::Tcp => Box::new(tcp),
            Protocol::Tls => self.secure(tcp, to.ip(), server_name).await?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok((flow, stream))
    }

    /// The certificate has to name the server, or else its address.
    #[cfg(feature = "tls")]
    async fn secure(&self, tcp: TcpStream, ip: IpAddr, server_name: Option<ServerName>) -> io::Result<Stream> {
        use tokio_rustls::rustls::pki_types;
        let config = self.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
        let name = match server_name {
            Some(name) => pki_types::ServerName::try_from(name.as_str().to_owned()).map_err(io::Error::other)?,
            None => pki_types::ServerName::IpAddress(ip.into()),
        };
        let tls = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await?;
        Ok(Box::new(tls))
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(&self, _: TcpStream, _: IpAddr, _: Option<ServerName>) -> io::Result<Stream> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
