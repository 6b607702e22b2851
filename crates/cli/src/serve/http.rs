//! Where the page and the signaling are served: addresses, TLS, and what a client may cost.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Control, Handle};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use crate::net;

/// What `serve` can be told of HTTP.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct SiteOptions {
    /// Where the page and the signaling are served: on all addresses that the host has. `0.0.0.0:8080` or `[::]:8080`
    /// for the machines around
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:8080")]
    http: String,
    /// Serves HTTPS with this certificate, and those that it was issued by behind it (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of that certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// How many connections clients may have to the page and the signaling at the same time; others are closed at once
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: u32,
    /// How long a client may take for TLS, for the head of a request, also for that of the next one, and for reading
    /// anything at all of an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    header_timeout: u64,
}

/// Sockets that listen, and how they are served.
pub(super) struct Site {
    listeners: Vec<TcpListener>,
    tls: Option<RustlsConfig>,
    /// The host as it was asked for, if it is a name.
    name: Option<String>,
    header_timeout: Duration,
    places: Arc<Semaphore>,
    control: Control,
}

impl Site {
    /// Listens from now on.
    ///
    /// # Errors
    ///
    /// If an address can't be had, or certificate and key can't be used.
    pub(super) async fn open(args: &SiteOptions) -> io::Result<Self> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut missing = None;
        for address in net::resolve(&args.http)? {
            // Where the system chooses the port, it is the same for all addresses.
            let chosen = listeners.first().map(TcpListener::local_addr).transpose()?;
            let port = chosen.map_or(address.port(), |chosen| chosen.port());
            let address = SocketAddr::new(address.ip(), port);
            match TcpListener::bind(address) {
                Ok(listener) => listeners.push(listener),
                // A name may have addresses that this machine lacks.
                Err(error) if is_absent(&error) => missing = Some(at(address, error)),
                Err(error) => return Err(at(address, error)),
            }
        }
        if let (true, Some(error)) = (listeners.is_empty(), missing) {
            return Err(error);
        }
        let tls = match (&args.tls_cert, &args.tls_key) {
            (Some(certificate), Some(key)) => Some(tls(certificate, key).await?),
            _ => None,
        };
        let host = args.http.rsplit_once(':').map_or(&*args.http, |(host, _)| host);
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        Ok(Self {
            listeners,
            tls,
            name: (!is_address).then(|| host.to_owned()),
            header_timeout: Duration::from_secs(args.header_timeout),
            places: Arc::new(Semaphore::new(args.max_connections as usize)),
            control: Control::new(),
        })
    }

    /// Counts connections, and ends them.
    pub(super) fn control(&self) -> Control {
        self.control.clone()
    }

    /// The URL for who sits at this machine.
    pub(super) fn url(&self) -> io::Result<String> {
        let Some(listener) = self.listeners.first() else {
            return Err(io::Error::other("nothing listens"));
        };
        let address = listener.local_addr()?;
        Ok(match &self.name {
            Some(name) => format!("{}://{name}:{}", self.scheme(), address.port()),
            None if address.ip().is_unspecified() => format!("{}://localhost:{}", self.scheme(), address.port()),
            None => format!("{}://{address}", self.scheme()),
        })
    }

    /// The URLs for other machines; there are none if the site is for this machine alone.
    pub(super) fn urls_from_elsewhere(&self) -> io::Result<Vec<String>> {
        let mut urls = Vec::new();
        for listener in &self.listeners {
            let bound = listener.local_addr()?;
            let addresses = match bound.ip() {
                ip if ip.is_unspecified() => {
                    // `[::]` takes what comes over IPv4 as well.
                    let is_taken = |other: &IpAddr| bound.is_ipv6() || other.is_ipv4();
                    net::interface_addresses()?.into_iter().filter(is_taken).collect()
                }
                ip => vec![ip],
            };
            let reachable = addresses.into_iter().filter(|ip| net::is_reachable_from_elsewhere(*ip));
            urls.extend(reachable.map(|ip| format!("{}://{}", self.scheme(), SocketAddr::new(ip, bound.port()))));
        }
        // IPv4 first: shorter to type.
        urls.sort_by_key(|url| url.contains('['));
        Ok(urls)
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until the control says otherwise.
    pub(super) async fn serve(self, app: Router) -> io::Result<()> {
        let mut servers = JoinSet::new();
        for listener in self.listeners {
            let limited = Limited {
                inner: NoDelayAcceptor::new(),
                places: Arc::clone(&self.places),
                write_timeout: self.header_timeout,
            };
            let mut server = axum_server::from_tcp(listener)?
                .handle(Handle::with_control(self.control.clone()))
                .first_request_timeout(self.header_timeout)
                .accept_error_handler(|from, error| debug!(?from, %error, "no connection"))
                .acceptor(limited);
            server.http_builder().http1().header_read_timeout(self.header_timeout);
            let app = app.clone().into_make_service();
            match &self.tls {
                None => servers.spawn(server.serve(app)),
                Some(tls) => {
                    let tls = RustlsAcceptor::new(tls.clone()).handshake_timeout(self.header_timeout);
                    servers.spawn(server.map(|limited| tls.acceptor(limited)).serve(app))
                }
            };
        }
        while let Some(ended) = servers.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// HTTP/1.1 alone: WebSockets need it, and its requests have a timeout.
async fn tls(certificate: &PathBuf, key: &PathBuf) -> io::Result<RustlsConfig> {
    let files = format!("{} and {}", certificate.display(), key.display());
    let read = RustlsConfig::from_pem_file(certificate, key).await;
    let read = read.map_err(|error| io::Error::new(error.kind(), format!("{files}: {error}")))?;
    let mut config = (*read.get_inner()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn at(address: SocketAddr, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}

/// The machine does not have that address, or not even its family.
fn is_absent(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || cfg!(target_os = "linux") && error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// Takes so many connections and no more.
#[derive(Clone)]
struct Limited<A> {
    inner: A,
    places: Arc<Semaphore>,
    /// After which time a client that takes nothing of an answer is let go.
    write_timeout: Duration,
}

impl<A, S> Accept<TcpStream, S> for Limited<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
    A::Stream: AsyncRead + AsyncWrite,
{
    type Stream = Held<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let accepted = self.inner.accept(stream, service);
        let write_timeout = self.write_timeout;
        Box::pin(async move {
            let Ok(place) = place else {
                warn!("a client has to go: there are as many connections as there may be (--max-connections)");
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let (stream, service) = accepted.await?;
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(write_timeout));
            let held = Held {
                stream: Box::pin(stream),
                _place: place,
            };
            Ok((held, service))
        })
    }
}

/// A connection in its place, which it gives back in the end.
struct Held<S> {
    stream: Pin<Box<TimeoutStream<S>>>,
    _place: OwnedSemaphorePermit,
}

impl<S: AsyncRead + AsyncWrite> AsyncRead for Held<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite> AsyncWrite for Held<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, bufs)
    }
}
