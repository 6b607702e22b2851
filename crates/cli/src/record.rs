//! `pollrtc record`: writes what a server sends to files.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pollrtc::{ConnectionState, Direction, Event, MediaKind, TransceiverInit};
use pollrtc_tokio::{Endpoint, Peer};
use serde_json::{Value, json};
use tracing::debug;

use crate::connect::{addresses_towards, ask, can_meet, no_path, offer_url};
use crate::interrupt::interrupted;
use crate::recorder::Recorder;
use crate::{connection, log, net, output};

/// What `record` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A server that answers `POST /offer`, such as `http://localhost:8080`
    url: String,
    /// Where the files go: one for each stream, named after its number and codec
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    out: PathBuf,
    /// How long to record [default: until the server ends it, or Ctrl-C]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    #[command(flatten)]
    reach: Reach,
}

/// How a server is reached.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Reach {
    /// The address whose UDP port is used; may be given several times, and `0.0.0.0` or `::` stands for all of the
    /// machine's [default: where the server is reached from]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
    /// How long it may take until there is a connection
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    connection: connection::Options,
}

impl Reach {
    pub(crate) fn verbose(&self) -> u8 {
        self.connection.verbose
    }

    /// Connects to the server. `prepare` adds transceivers.
    pub(crate) async fn connect(
        &self,
        url: &str,
        prepare: impl FnOnce(&Peer),
    ) -> Result<(Endpoint, Peer), Box<dyn Error>> {
        let url = offer_url(url);
        let addresses = match self.bind.as_slice() {
            [] => addresses_towards(&url),
            given => net::expanded(given)?,
        };
        let sockets: Vec<_> = addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
        let endpoint = Endpoint::bind(&sockets)?;
        let peer = endpoint.peer(self.connection.config()?);
        prepare(&peer);
        let attempt = async {
            let offer = peer.offer().await?;
            let answer = ask(url.clone(), offer.clone()).await;
            let answer = answer.map_err(|error| format!("{url}: {error}"))?;
            can_meet(&offer, &answer)?;
            peer.accept_answer(&answer)?;
            while let Some(event) = peer.next_event().await {
                match event {
                    Event::Secured { .. } => return Ok(()),
                    Event::ConnectionStateChanged(ConnectionState::Failed) => return Err(no_path(&peer).into()),
                    Event::Closed(reason) => return Err(reason.into()),
                    event => debug!(?event),
                }
            }
            Err::<(), Box<dyn Error>>("the connection has ended".into())
        };
        let outcome = tokio::time::timeout(Duration::from_secs(self.timeout), attempt).await;
        outcome.unwrap_or_else(|_| Err(format!("not connected after {} s", self.timeout).into()))?;
        Ok((endpoint, peer))
    }
}

/// Waits until the connection has ended, and why, if not by the peer's wish.
pub(crate) async fn ended(peer: &Peer) -> Result<(), Box<dyn Error>> {
    while let Some(event) = peer.next_event().await {
        match event {
            Event::Closed(reason) => {
                debug!(%reason, "the connection has ended");
                return Ok(());
            }
            Event::ConnectionStateChanged(ConnectionState::Failed) => return Err(no_path(peer).into()),
            event => debug!(?event),
        }
    }
    Ok(())
}

/// Prints what was recorded as JSON; succeeds only if something was.
pub(crate) fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    log::begin(args.reach.verbose());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = json!({ "ok": false, "url": args.url, "files": [] });
    match runtime.block_on(record(&args, &mut report)) {
        Ok(()) => report["ok"] = json!(true),
        Err(error) => report["error"] = json!(error.to_string()),
    }
    output::line(format_args!("{report:#}"))?;
    Ok(match report["ok"] {
        Value::Bool(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

async fn record(args: &Args, report: &mut Value) -> Result<(), Box<dyn Error>> {
    if !args.out.is_dir() {
        return Err(format!(
            "{} is no directory: create it, or choose another with --out",
            args.out.display()
        )
        .into());
    }
    let receive = |peer: &Peer| {
        for kind in [MediaKind::Audio, MediaKind::Video] {
            let init = TransceiverInit {
                direction: Direction::RecvOnly,
                ..TransceiverInit::default()
            };
            peer.with(|peer, _| peer.add_transceiver(kind, init));
        }
    };
    let (endpoint, peer) = args.reach.connect(&args.url, receive).await?;
    let mut recorder = Recorder::new(&args.out);
    let enough = async {
        match args.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        outcome = recorder.run(&peer) => outcome,
        outcome = ended(&peer) => outcome,
        interrupted = interrupted() => Ok(interrupted?),
        () = enough => Ok(()),
    };
    // What came is written, however it ended.
    let frames = recorder.frames();
    report["files"] = json!(recorder.finish(&peer)?);
    endpoint.close().await;
    outcome?;
    match frames {
        0 => Err("the server sent neither sound nor pictures that could be recorded".into()),
        _ => Ok(()),
    }
}
