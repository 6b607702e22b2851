//! `pollrtc serve`: a page, a signaling server for two browsers, a peer that echoes, and one that forwards.

mod check;
mod conference;
mod echo;
mod ending;
mod http;
mod origin;
mod page;
mod refused;
mod rooms;
mod sessions;
mod share;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::{from_fn, map_response};
use axum::routing::get;
use axum::{Json, Router};
use axum_server::Control;
use pollrtc::Certificate;
use pollrtc_tokio::Endpoint;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tracing::{info, warn};

use crate::net::{expanded, interface_addresses, own_addresses};
use crate::{connection, log, output};
use conference::Conferences;
use ending::Signals;
use http::Site;
use rooms::Rooms;
use sessions::{Limits, Sessions};

/// The largest request that is read: more than any browser's offer.
const MAX_BODY: usize = 256 * 1024;
/// How long a request's body may make no headway.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long goodbyes and requests that are under way may take in the end.
const DRAIN: Duration = Duration::from_secs(3);

/// What `serve` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    http: http::SiteOptions,
    /// The address whose UDP ports the peers use; may be given several times, and `0.0.0.0` or `::` stands for all of
    /// the machine's [default: those that lead to the internet, and loopback, of IPv4 and IPv6]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
    /// Uses all addresses of all interfaces
    #[arg(long, conflicts_with = "bind")]
    all_interfaces: bool,
    /// The UDP port on each of these addresses, for firewalls and NATs that let one through [default: any that is free]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    udp_port: Option<u16>,
    /// The address that the Internet reaches this machine on, where a NAT gives each of its ports the same number
    /// outside (1:1 NAT, as in clouds); one of IPv4 and one of IPv6
    #[arg(long, value_name = "IP", value_parser = public_address)]
    public_address: Vec<IpAddr>,
    /// Only answers connectivity checks, for servers that everybody reaches: ICE lite
    #[arg(long)]
    ice_lite: bool,
    /// How many connections this program is a peer of at the same time
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_sessions: u32,
    /// How long a peer is kept from which nothing comes any more. It can go on with an ICE restart as long; a phone in a
    /// lift or a tunnel is away for a minute or two
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    keep_interrupted: u64,
    /// How many routers serve the connections, each in a thread of its own where there are as many cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    routers: u16,
    #[command(flatten)]
    connection: connection::Options,
}

fn public_address(text: &str) -> Result<IpAddr, String> {
    let ip: IpAddr = text.parse().map_err(|_| "not an IP address".to_owned())?;
    match ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() {
        true => Err("nobody on the Internet reaches that address".to_owned()),
        false => Ok(ip),
    }
}

impl Args {
    fn udp_addresses(&self) -> Result<Vec<SocketAddr>, Box<dyn Error>> {
        let ips = match (self.all_interfaces, self.bind.as_slice()) {
            (true, _) => interface_addresses()?,
            (false, []) => own_addresses(),
            (false, asked) => expanded(asked)?,
        };
        let port = self.udp_port.unwrap_or(0);
        Ok(ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }

    fn limits(&self) -> Result<Limits, &'static str> {
        let of_family = |is_v4: bool| self.public_address.iter().filter(|ip| ip.is_ipv4() == is_v4).count();
        if of_family(true) > 1 || of_family(false) > 1 {
            return Err("--public-address: there can be one of IPv4 and one of IPv6");
        }
        Ok(Limits {
            most: self.max_sessions as usize,
            interrupted: Duration::from_secs(self.keep_interrupted),
            public: self.public_address.clone(),
        })
    }
}

/// Serves until it is interrupted.
pub(crate) fn run(args: Args) -> Result<(), Box<dyn Error>> {
    log::begin(args.connection.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: Args) -> Result<(), Box<dyn Error>> {
    // From here on an interrupt ends the program in order.
    let mut signals = Signals::listen()?;
    let limits = args.limits()?;
    let config = args.connection.config()?.with_ice_lite(args.ice_lite);
    let sockets = args.udp_addresses()?;
    let endpoint = Endpoint::bind_sharded(&sockets, args.routers.into())?;
    let udp = endpoint.local_addresses().iter().map(SocketAddr::to_string);
    let udp = udp.collect::<Vec<_>>().join(" and ");
    // One certificate for all: making one costs more than a session.
    let certificate = Certificate::generate(pollrtc::default_provider(), &mut pollrtc::Rng::from_os())?;
    let config = config.with_certificate(certificate);

    let site = Site::open(&args.http).await?;
    let elsewhere = site.urls_from_elsewhere()?;
    let (end, ending) = ending::ending();
    let conferences = Conferences::new(endpoint.clone(), config.clone(), &limits, ending.clone());
    let sessions = Arc::new(Sessions::new(endpoint, config, limits, ending.clone()));
    let house = House {
        sessions: Arc::clone(&sessions),
        conferences: Arc::new(conferences),
        rooms: Arc::new(Rooms::new(ending)),
        control: site.control(),
    };
    output::line(format_args!(
        "pollrtc serves on {} and is a peer on UDP {udp}",
        site.url()?
    ))?;
    if !elsewhere.is_empty() {
        output::line(format_args!(
            "Other machines reach the page on {}",
            elsewhere.join(" and ")
        ))?;
    }

    let control = site.control();
    let mut serving = tokio::spawn(site.serve(app(house, elsewhere)));
    tokio::select! {
        ended = &mut serving => return Ok(ended??),
        interrupted = signals.next() => interrupted?,
    }
    info!("saying goodbye");
    end.begin();
    control.graceful_shutdown(Some(DRAIN));
    let goodbyes = async {
        sessions.close_all().await;
        serving.await
    };
    tokio::select! {
        // What is under way after that is cut.
        said = timeout(DRAIN, goodbyes) => match said {
            Ok(served) => served??,
            Err(_) => warn!("not all have taken their goodbye"),
        },
        // Who asks again does not want to wait.
        again = signals.next() => again?,
    }
    Ok(())
}

/// All that is in the house, for whoever counts it.
#[derive(Clone)]
struct House {
    sessions: Arc<Sessions>,
    conferences: Arc<Conferences>,
    rooms: Arc<Rooms>,
    control: Control,
}

fn app(house: House, elsewhere: Vec<String>) -> Router {
    Router::new()
        .merge(page::routes())
        .merge(share::routes(elsewhere))
        .merge(check::routes())
        .merge(sessions::routes(Arc::clone(&house.sessions)))
        .route("/ws", get(rooms::enter).with_state(Arc::clone(&house.rooms)))
        .route(
            "/conference",
            get(conference::enter).with_state(Arc::clone(&house.conferences)),
        )
        .route("/stats", get(stats).with_state(house))
        .fallback(refused::unknown_path)
        // A body that says how long it is gets its refusal at once, before any of it is read.
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
        .layer(from_fn(origin::only_own_page))
        .layer(map_response(refused::as_json))
}

/// `GET /stats`: how much of everything there is, none of which grows in the long run.
async fn stats(State(house): State<House>) -> Json<Value> {
    let (sessions, peers) = house.sessions.count();
    Json(json!({
        "sessions": sessions,
        "peers": peers,
        "conferences": house.conferences.len(),
        "rooms": house.rooms.len(),
        "connections": house.control.connection_count(),
        "tasks": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
    }))
}
