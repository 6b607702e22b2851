//! How much more several routers do than one: pairs of peers of one endpoint send to each other as fast as they can.
//!
//! `cargo run --release -p pollrtc-tokio --example routers -- ROUTERS PAIRS SECONDS`, each once for 1 router and for as
//! many as there are cores.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pollrtc::{Config, Event};
use pollrtc_tokio::{Endpoint, Peer};

const MESSAGE: usize = 16 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (routers, pairs, seconds) = (next(2)?, next(8)?, next(5)?);
    let endpoint = Endpoint::bind_sharded(&["127.0.0.1:0".parse()?], routers as usize)?;
    let received = Arc::new(AtomicU64::new(0));
    for _ in 0..pairs {
        let (a, b) = (endpoint.peer(Config::default()), endpoint.peer(Config::default()));
        a.create_data_channel("bulk")?;
        let answer = b.accept_offer(&a.offer().await?).await?;
        a.accept_answer(&answer)?;
        tokio::spawn(send(a));
        tokio::spawn(receive(b, Arc::clone(&received)));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = received.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let bytes = received.load(Ordering::Relaxed) - before;
    let rate = bytes / 1024 / 1024 / u64::from(seconds.max(1));
    println!("{routers} routers, {pairs} pairs: {rate} MiB/s");
    Ok(())
}

async fn send(peer: Peer) {
    while let Some(event) = peer.next_event().await {
        if let Event::ChannelOpen { channel, .. } = event {
            while peer.send(channel, vec![0; MESSAGE]).await.is_ok() {}
        }
    }
}

async fn receive(peer: Peer, received: Arc<AtomicU64>) {
    while let Some(event) = peer.next_event().await {
        if let Event::Message { data, .. } = event {
            received.fetch_add(data.len() as u64, Ordering::Relaxed);
        }
    }
}
