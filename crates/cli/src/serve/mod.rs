//! `pollrtc serve`: a page, a signaling server for two browsers, and a peer that echoes.

mod page;
mod rooms;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use tokio::net::TcpListener;

use rooms::Rooms;

/// The largest request that is read: more than any browser's offer.
const MAX_BODY: usize = 256 * 1024;

/// What `serve` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the page and the signaling are served
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// The address whose UDP ports the peers use; may be given several times [default: the one that
    /// leads to the internet, and loopback]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
}

/// Serves until it is interrupted.
pub fn run(args: Args) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> io::Result<()> {
    let listener = TcpListener::bind(args.http)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", args.http)))?;
    println!("pollrtc serves on http://{}", listener.local_addr()?);
    tokio::select! {
        ended = axum::serve(listener, app()) => ended,
        () = interrupted() => Ok(()),
    }
}

fn app() -> Router {
    let rooms = Arc::new(Rooms::default());
    Router::new()
        .merge(page::routes())
        .route("/ws", get(rooms::enter).with_state(rooms))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn interrupted() {
    // An error means that no signal can be waited for: then serve until killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
