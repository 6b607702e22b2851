//! `pollrtc serve`: a page, a signaling server for two browsers, and a peer that echoes.

mod origin;
mod page;
mod rooms;
mod sessions;

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use pollrtc::Certificate;
use pollrtc_tokio::Endpoint;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::connection;
use crate::net::own_addresses;
use rooms::Rooms;
use sessions::Sessions;

/// The largest request that is read: more than any browser's offer.
const MAX_BODY: usize = 256 * 1024;
/// How long a request's body may make no headway.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What `serve` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the page and the signaling are served
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// The address whose UDP ports the peers use; may be given several times [default: the one that
    /// leads to the internet, and loopback]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
    /// How many connections this program is a peer of at the same time
    #[arg(long, value_name = "N", default_value_t = 256)]
    max_sessions: usize,
    /// How many routers serve the connections, each in a thread of its own where there are as many cores
    #[arg(long, value_name = "N", default_value_t = 1)]
    routers: usize,
    #[command(flatten)]
    connection: connection::Options,
}

/// Serves until it is interrupted.
pub(crate) fn run(args: Args) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Box<dyn Error>> {
    let config = args.connection.config()?;
    let addresses = if args.bind.is_empty() {
        own_addresses()
    } else {
        args.bind
    };
    let sockets: Vec<_> = addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
    let endpoint = Endpoint::bind_sharded(&sockets, args.routers)?;
    let udp = endpoint
        .local_addresses()
        .iter()
        .map(SocketAddr::to_string)
        .collect::<Vec<_>>()
        .join(" and ");
    // One certificate for all: making one costs more than a session.
    let certificate = Certificate::generate(pollrtc::default_provider(), &mut pollrtc::Rng::from_os())?;
    let config = config.with_certificate(certificate);
    let sessions = Arc::new(Sessions::new(endpoint, config, args.max_sessions));

    let listener = TcpListener::bind(args.http)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", args.http)))?;
    println!(
        "pollrtc serves on http://{} and is a peer on UDP {udp}",
        listener.local_addr()?
    );
    tokio::select! {
        ended = axum::serve(listener, app(sessions)) => ended?,
        () = interrupted() => {}
    }
    Ok(())
}

fn app(sessions: Arc<Sessions>) -> Router {
    let rooms = Arc::new(Rooms::default());
    Router::new()
        .merge(page::routes())
        .merge(sessions::routes(sessions))
        .route("/ws", get(rooms::enter).with_state(rooms))
        // A body that says how long it is gets its refusal at once, before any of it is read.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(axum::middleware::from_fn(origin::only_own_page))
}

async fn interrupted() {
    // An error means that no signal can be waited for: then serve until killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
