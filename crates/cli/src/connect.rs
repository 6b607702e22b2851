//! `pollrtc connect`: offers to a server that echoes, and checks what comes back.

use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pollrtc::{Bytes, ChannelId, Event, Message};
use pollrtc_tokio::{Endpoint, Peer};
use serde_json::{Value, json};

use crate::connection;
use crate::net::{address_towards, own_addresses};
use crate::signal::Description;

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
    /// The address whose UDP port is used; may be given several times [default: where the server is
    /// reached from]
    #[arg(long, value_name = "IP")]
    bind: Vec<IpAddr>,
    /// How long all of it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    #[command(flatten)]
    connection: connection::Options,
}

/// Prints what happened as JSON; succeeds only if all came back, in order and unchanged.
pub(crate) fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
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
    writeln!(io::stdout(), "{report:#}")?;
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
        args.bind.clone()
    };
    let sockets: Vec<_> = addresses.iter().map(|address| SocketAddr::new(*address, 0)).collect();
    let endpoint = Endpoint::bind(&sockets)?;
    let peer = endpoint.peer(args.connection.config()?);
    let channel = peer.create_data_channel("echo")?;

    let began = Instant::now();
    let offer = peer.offer().await?;
    peer.accept_answer(&ask(url, offer).await?)?;
    opened(&peer, channel, report).await?;
    report["connect_ms"] = millis(began);

    let began = Instant::now();
    let (sent, checked) = tokio::join!(send(&peer, channel, args), check(&peer, channel, args, report));
    checked?;
    sent?;
    report["echo_ms"] = millis(began);
    let stats = peer.stats();
    let transport = stats.data_transport();
    if let Some(path) = transport.and_then(|transport| transport.path) {
        report["path"] = json!({ "local": path.flow.local(), "remote": path.flow.remote() });
    }
    if let Some(time) = transport.and_then(|transport| transport.round_trip_time) {
        report["round_trip_ms"] = json!(time.as_secs_f64() * 1000.0);
    }
    peer.close();
    while peer.next_event().await.is_some() {}
    Ok(())
}

/// Posts the offer; gives the answer's SDP.
async fn ask(url: String, offer: String) -> Result<String, Box<dyn Error>> {
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
            Event::ChannelClosed { channel, reason } if channel == ours => return Err(reason.to_string().into()),
            Event::Closed(reason) => return Err(reason.into()),
            _ => {}
        }
    }
    Err("the connection has ended".into())
}

async fn send(peer: &Peer, channel: ChannelId, args: &Args) -> Result<(), Box<dyn Error>> {
    for index in 0..args.messages {
        peer.send(channel, message(index, args.size)).await?;
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
                Some(Event::ChannelClosed { channel, reason }) if channel == ours => {
                    return Err(reason.to_string().into());
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
fn offer_url(given: &str) -> String {
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
fn addresses_towards(url: &str) -> Vec<IpAddr> {
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
