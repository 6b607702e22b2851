//! `pollrtc play`: sends a file of sound or pictures, in real time.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use pollrtc::rtp::Format;
use pollrtc::{Direction, Frame, Instant, Outgoing, TransceiverInit, WriteError};
use pollrtc_tokio::Peer;
use serde_json::{Value, json};

use crate::container::{Codec, Reader};
use crate::interrupt::interrupted;
use crate::record::{Reach, ended};
use crate::recorder::Recorder;
use crate::{log, output};

/// What `play` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Ogg with Opus, IVF with VP8, VP9 or AV1, or H.264 with start codes
    file: PathBuf,
    /// A server that answers `POST /offer`, such as `http://localhost:8080`
    url: String,
    /// Writes what the server sends back to files in this directory
    #[arg(long, value_name = "DIRECTORY")]
    record: Option<PathBuf>,
    /// How many pictures of H.264 are sent each second: its files don't say it
    #[arg(long, value_name = "RATE", default_value_t = 30.0, value_parser = rate)]
    fps: f64,
    #[command(flatten)]
    reach: Reach,
}

fn rate(given: &str) -> Result<f64, String> {
    let rate: f64 = given.parse().map_err(|_| "not a number")?;
    match (0.1..=1000.0).contains(&rate) {
        true => Ok(rate),
        false => Err("not between 0.1 and 1000".into()),
    }
}

/// More packets than these need not wait.
const WAITING: usize = 200;
/// How soon to look again whether there is room.
const PAUSE: Duration = Duration::from_millis(5);
/// How long an echo may take.
const ECHO: Duration = Duration::from_secs(1);

/// Prints what was sent as JSON; succeeds only if all was.
pub(crate) fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    log::begin(args.reach.verbose());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = json!({ "ok": false, "url": args.url, "file": args.file.display().to_string(), "frames": 0 });
    match runtime.block_on(play(&args, &mut report)) {
        Ok(()) => report["ok"] = json!(true),
        Err(error) => report["error"] = json!(error.to_string()),
    }
    output::line(format_args!("{report:#}"))?;
    Ok(match report["ok"] {
        Value::Bool(true) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

async fn play(args: &Args, report: &mut Value) -> Result<(), Box<dyn Error>> {
    let named = |error: Box<dyn Error>| format!("{}: {error}", args.file.display());
    let mut file = Reader::open(&args.file, args.fps).map_err(named)?;
    if let Some(directory) = args.record.as_ref().filter(|directory| !directory.is_dir()) {
        return Err(format!(
            "{} is no directory: create it, or choose another with --record",
            directory.display()
        )
        .into());
    }
    let codec = file.codec;
    report["codec"] = json!(codec.name());
    let direction = match args.record {
        Some(_) => Direction::SendRecv,
        None => Direction::SendOnly,
    };
    let mut to = None;
    let send = |peer: &Peer| {
        let init = TransceiverInit {
            direction,
            streams: vec!["pollrtc".into()],
            ..TransceiverInit::default()
        };
        to = peer.with(|peer, _| {
            let transceiver = peer.add_transceiver(codec.kind(), init);
            peer.outgoing_of(transceiver).next()
        });
    };
    let (endpoint, peer) = args.reach.connect(&args.url, send).await?;
    let to = to.ok_or("nothing can be sent")?;
    let format = format(&peer, to, codec)?;

    let mut recorder = args.record.as_ref().map(|directory| Recorder::new(directory));
    let sending = async {
        send_all(&peer, to, format, &mut file, report).await?;
        // The echo of the last frame is under way.
        if args.record.is_some() {
            tokio::time::sleep(ECHO).await;
        }
        Ok::<(), Box<dyn Error>>(())
    };
    let recording = async {
        match &mut recorder {
            Some(recorder) => recorder.run(&peer).await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        outcome = sending => outcome,
        outcome = recording => outcome.and(Err("the connection has ended before the file".into())),
        outcome = ended(&peer) => outcome.and(Err("the connection has ended before the file".into())),
        interrupted = interrupted() => Ok(interrupted?),
    };
    if let Some(recorder) = recorder {
        report["files"] = json!(recorder.finish(&peer)?);
    }
    endpoint.close().await;
    outcome
}

/// In which of its formats the stream takes the codec.
fn format(peer: &Peer, to: Outgoing, codec: Codec) -> Result<Format, String> {
    peer.with(|peer, _| {
        let is_usable = |each: &pollrtc::Codec| {
            // Of H.264, what may be cut.
            Codec::of(each) == Some(codec)
                && (codec != Codec::H264 || each.parameter("packetization-mode") == Some("1"))
        };
        let place = peer.outgoing_formats(to).position(is_usable);
        if let Some(place) = place.and_then(|place| u8::try_from(place).ok()) {
            return Ok(Format(place));
        }
        let mut known: Vec<_> = peer.outgoing_formats(to).map(|each| each.name.clone()).collect();
        known.dedup();
        let kind = codec.kind().as_str();
        Err(match known.as_slice() {
            [] => format!("the server takes no {kind}"),
            known => format!(
                "the server takes no {}, but {}: convert the file",
                codec.name(),
                known.join(", ")
            ),
        })
    })
}

/// Sends each frame when its time has come.
async fn send_all(
    peer: &Peer,
    to: Outgoing,
    format: Format,
    file: &mut Reader,
    report: &mut Value,
) -> Result<(), Box<dyn Error>> {
    let began = tokio::time::Instant::now();
    let origin = peer.with(|_, now| now);
    let mut count = 0_u64;
    while let Some((at, bytes)) = file.next()? {
        tokio::time::sleep_until(began + at).await;
        send(peer, to, &Frame::new(&bytes, origin + at).with_format(format))
            .await
            .map_err(|error| format!("frame {count} of {} bytes: {error}", bytes.len()))?;
        count += 1;
        report["frames"] = json!(count);
        report["seconds"] = json!(at.as_secs_f64());
    }
    match count {
        0 => Err("there are no frames in the file".into()),
        _ => Ok(()),
    }
}

/// Sends one as soon as there is room.
async fn send(peer: &Peer, to: Outgoing, frame: &Frame<'_>) -> Result<(), WriteError> {
    let attempt = || {
        peer.with(|peer, now: Instant| match peer.queued(to) < WAITING {
            true => peer.write_frame(now, to, frame),
            false => Err(WriteError::Full),
        })
    };
    loop {
        match attempt() {
            Err(WriteError::Full | WriteError::NotReady) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
}
