//! `pollrtc connect`: offers to a server that echoes, and checks what comes back.

use std::error::Error;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pollrtc::{
    Bytes, ChannelCloseReason, ChannelId, ChannelSendError, ConnectionState, Event, Message, SessionDescription,
};
use pollrtc_sdp::attribute::Candidate;
use pollrtc_tokio::{Endpoint, Peer};
use serde_json::{Value, json};
use tracing::debug;

use crate::net::{self, address_towards, own_addresses};
use crate::signal::Description;
use crate::{connection, log, output};

/// What `connect` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A server that answers `POST /offer`, such as `http://localhost:8080`
    url: String,
    /// How many messages to send, text and binary in turn
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: usize,
    /// How large each of them is
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    size: usize,
    /// The address whose UDP port is used; may be given several times, and `0.0.0.0` or `::` stands for all of the
    /// machine's [default: where the server is reached from]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
    /// How long all of it may take, up to a day
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,
    #[command(flatten)]
    connection: connection::Options,
}

/// Prints what happened as JSON; succeeds only if all came back, in order and unchanged.
pub(crate) fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    log::begin(args.connection.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = json!({ "ok": false, "url": args.url, "messages": args.messages, "size": args.size });
    let limit = Duration::from_secs(args.timeout);
    let outcome = runtime.block_on(async {
        let attempt = connect(&args, &mut report);
        let outcome = tokio::time::timeout(limit, attempt).await;
        outcome.unwrap_or_else(|_| Err(format!("not done after {} s", args.timeout).into()))
    });
    match &outcome {
        Ok(()) => report["ok"] = json!(true),
        Err(error) => report["error"] = json!(error.to_string()),
    }
    output::line(format_args!("{report:#}"))?;
    Ok(if outcome.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn connect(args: &Args, report: &mut Value) -> Result<(), Box<dyn Error>> {
    let url = offer_url(&args.url);
    let addresses = if args.bind.is_empty() {
        addresses_towards(&url)
    } else {
        net::expanded(&args.bind)?
    };
    let sockets: Vec<_> = addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
    let endpoint = Endpoint::bind(&sockets)?;
    let peer = endpoint.peer(args.connection.config()?);
    let channel = peer.create_data_channel("echo")?;

    let began = Instant::now();
    let offer = peer.offer().await?;
    let answer = ask(url, offer.clone()).await?;
    can_meet(&offer, &answer)?;
    peer.accept_answer(&answer)?;
    opened(&peer, channel, report).await?;
    report["connect_ms"] = millis(began);

    let began = Instant::now();
    // Whichever fails ends both, and is what is told.
    tokio::try_join!(send(&peer, channel, args), check(&peer, channel, args, report))?;
    report["echo_ms"] = millis(began);
    let stats = peer.stats();
    let transport = stats.data_transport();
    if let Some(path) = transport.and_then(|transport| transport.path) {
        report["path"] = json!({ "local": path.flow.local(), "remote": path.flow.remote() });
    }
    if let Some(time) = transport.and_then(|transport| transport.round_trip_time) {
        report["round_trip_ms"] = json!(time.as_secs_f64() * 1000.0);
    }
    endpoint.close().await;
    Ok(())
}

/// Fails where no pair of candidates can work: each side has addresses, but none of a family that both have.
pub(crate) fn can_meet(offer: &str, answer: &str) -> Result<(), String> {
    let (ours, theirs) = (candidates(offer), candidates(answer));
    let same_family = |one: &IpAddr, other: &IpAddr| one.is_ipv4() == other.is_ipv4();
    let meet = |one: &IpAddr| theirs.iter().any(|other| same_family(one, other));
    // A candidate with an mDNS name tells no family, and the server may find others in our checks.
    if theirs.is_empty() || ours.iter().any(meet) {
        return Ok(());
    }
    let family = |ip: &IpAddr| if ip.is_ipv4() { "IPv4" } else { "IPv6" };
    let list = |ips: &[IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let missing = theirs.first().map_or("IP", family);
    Err(format!(
        "no {missing} address here: the server has {}, and this side {}; choose with --bind",
        list(&theirs),
        list(&ours)
    ))
}

/// The addresses of a description's candidates, of those that are addresses.
fn candidates(sdp: &str) -> Vec<IpAddr> {
    let lines = sdp.lines().filter(|line| line.starts_with("a=candidate:"));
    let parsed = lines.filter_map(|line| Candidate::parse(line).ok().filter(Candidate::is_udp));
    parsed.filter_map(|candidate| candidate.address.parse().ok()).collect()
}

/// Posts the offer; gives the answer's SDP.
pub(crate) async fn ask(url: String, offer: String) -> Result<String, Box<dyn Error>> {
    let offer = serde_json::to_string(&Description::new("offer", offer))?;
    let asking = tokio::task::spawn_blocking(move || {
        let mut response = ureq::post(&url)
            .config()
            .http_status_as_error(false)
            .build()
            .header("content-type", "application/json")
            .send(offer)?;
        let text = response.body_mut().read_to_string()?;
        Ok::<_, ureq::Error>((response.status(), text))
    });
    let (status, text) = asking.await??;
    if !status.is_success() {
        return Err(format!("the server refused the offer with HTTP {status}: {text}").into());
    }
    let answer: Description = serde_json::from_str(&text)?;
    Ok(answer.of_kind("answer")?)
}

/// Waits until the channel is open.
async fn opened(peer: &Peer, ours: ChannelId, report: &mut Value) -> Result<(), Box<dyn Error>> {
    while let Some(event) = peer.next_event().await {
        match event {
            Event::Secured { .. } => {
                let security = peer.stats().data_transport().and_then(|transport| transport.security);
                report["dtls"] = security.as_ref().map_or(Value::Null, connection::describe);
            }
            Event::ChannelOpen { channel, .. } if channel == ours => return Ok(()),
            Event::ChannelClosed { channel, reason } if channel == ours && ended_alone(reason) => {
                return Err(format!("the channel has ended: {reason}").into());
            }
            Event::ConnectionStateChanged(ConnectionState::Failed) => return Err(no_path(peer).into()),
            Event::Closed(reason) => return Err(reason.into()),
            event => debug!(?event),
        }
    }
    Err("the connection has ended".into())
}

/// Whether the channel alone has ended. Else the connection has, and tells why by its next event.
fn ended_alone(reason: ChannelCloseReason) -> bool {
    reason != ChannelCloseReason::Disconnected
}

/// Why there is no connection, or no more.
pub(crate) fn no_path(peer: &Peer) -> String {
    let ours = peer.with(|peer, _| peer.local_description());
    let theirs = peer.with(|peer, _| peer.remote_description());
    let list = |description: Option<SessionDescription>| {
        let addresses = description
            .map(|description| candidates(&description.sdp))
            .unwrap_or_default();
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    format!(
        "no packet gets through between {} here and {} there",
        list(ours),
        list(theirs)
    )
}

async fn send(peer: &Peer, channel: ChannelId, args: &Args) -> Result<(), Box<dyn Error>> {
    for index in 0..args.messages {
        match peer.send(channel, message(index, args.size)).await {
            Ok(()) => {}
            // Why the channel is closed is told by the event that follows, to whoever takes the echoes.
            Err(ChannelSendError::NotOpen) => pending().await,
            Err(error) => return Err(format!("message {index} can't be sent: {error}").into()),
        }
    }
    Ok(())
}

/// Takes the echoes and compares each with what was sent.
async fn check(peer: &Peer, ours: ChannelId, args: &Args, report: &mut Value) -> Result<(), Box<dyn Error>> {
    for index in 0..args.messages {
        report["echoed"] = json!(index);
        let echo = loop {
            match peer.next_event().await {
                Some(Event::Message { channel, data }) if channel == ours => break data,
                Some(Event::Closed(reason)) => return Err(reason.into()),
                Some(Event::ConnectionStateChanged(ConnectionState::Failed)) => return Err(no_path(peer).into()),
                Some(Event::ChannelClosed { channel, reason }) if channel == ours && ended_alone(reason) => {
                    return Err(format!("the channel has ended: {reason}").into());
                }
                Some(_) => {}
                None => return Err("the connection has ended".into()),
            }
        };
        if echo != message(index, args.size) {
            return Err(format!("echo {index} differs from what was sent").into());
        }
    }
    report["echoed"] = json!(args.messages);
    Ok(())
}

/// The message of this number: text if it is even, binary if it is odd; no two alike that are large
/// enough to differ.
fn message(index: usize, size: usize) -> Message {
    if index.is_multiple_of(2) {
        let mut text = format!("{index} ").repeat(size / 2 + 1);
        text.truncate(size);
        return Message::from(text);
    }
    let seed = index.wrapping_mul(0x9e37_79b9);
    let bytes: Bytes = (0..size)
        .map(|at| (seed >> (8 * (at % 4))) as u8 ^ (at / 4) as u8)
        .collect();
    Message::from(bytes)
}

fn millis(since: Instant) -> Value {
    json!((since.elapsed().as_secs_f64() * 10_000.0).round() / 10.0)
}

/// `localhost:8080` as well as `http://localhost:8080/offer`.
pub(crate) fn offer_url(given: &str) -> String {
    let url = if given.contains("://") {
        given.to_owned()
    } else {
        format!("http://{given}")
    };
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", given));
    match rest.split_once('/') {
        Some((_, path)) if !path.is_empty() => url,
        _ => format!("{scheme}://{}/offer", rest.trim_end_matches('/')),
    }
}

/// The address from which the server's is reached, so that it reaches us; all of ours if that can't
/// be told.
pub(crate) fn addresses_towards(url: &str) -> Vec<IpAddr> {
    let host = url
        .split("://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default();
    let with_port = |host: &str| -> io::Result<Vec<SocketAddr>> { Ok(host.to_socket_addrs()?.collect()) };
    let found = with_port(host).or_else(|_| with_port(&format!("{host}:80")));
    let towards = found.unwrap_or_default().into_iter().find_map(address_towards);
    match towards {
        // On this machine, a server may be a peer on any of its addresses.
        Some(address) if !address.is_loopback() => vec![address],
        _ => own_addresses(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_be_short() {
        assert_eq!(offer_url("localhost:8080"), "http://localhost:8080/offer");
        assert_eq!(offer_url("http://localhost:8080/"), "http://localhost:8080/offer");
        assert_eq!(offer_url("http://[::1]:8080"), "http://[::1]:8080/offer");
        assert_eq!(
            offer_url("http://a.example/rtc/offer?x=1"),
            "http://a.example/rtc/offer?x=1"
        );
    }

    #[test]
    fn two_families_do_not_meet() {
        let sdp = |ips: &[&str]| {
            let lines = ips
                .iter()
                .map(|ip| format!("a=candidate:1 1 udp 5 {ip} 9 typ host\r\n"));
            lines.collect::<String>()
        };
        let error = can_meet(&sdp(&["::1"]), &sdp(&["192.0.2.1", "127.0.0.1"])).unwrap_err();
        assert!(error.starts_with("no IPv4 address here"), "{error}");
        assert!(
            error.contains("192.0.2.1, 127.0.0.1") && error.contains("::1"),
            "{error}"
        );
        assert_eq!(can_meet(&sdp(&["::1", "127.0.0.1"]), &sdp(&["192.0.2.1"])), Ok(()));
        assert_eq!(
            can_meet(&sdp(&["::1"]), ""),
            Ok(()),
            "the server may be behind a NAT and find us"
        );
        assert_eq!(can_meet(&sdp(&["::1"]), &sdp(&["a.local"])), Ok(()));
    }

    #[test]
    fn messages_have_the_size_asked_for_and_differ() {
        for size in [0, 1, 5, 1024] {
            for index in 0..10 {
                assert_eq!(message(index, size).as_bytes().len(), size);
            }
        }
        assert_ne!(message(1, 16), message(3, 16));
        assert_ne!(message(2, 16), message(4, 16));
    }
}
