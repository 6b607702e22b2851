//! How much more several routers on as many threads do than one: clients with sockets of their own send to one server as fast as
//! they can. The settings take turns, so that a machine whose pace changes is as kind to the one as to the other.
//!
//! `cargo run --release -p pollrtc-tokio --example routers -- ROUTERS CLIENTS SECONDS ROUNDS`

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pollrtc_tokio::pollrtc::{Config, Event};
use pollrtc_tokio::{Endpoint, Peer};

const MESSAGE: usize = 16 * 1024;

/// What one endpoint has done.
struct Measured {
    mib_per_second: f64,
    /// Processor time of the whole program.
    us_per_message: f64,
    cores: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (routers, clients, seconds, rounds) = (next(2)?, next(8)?, next(5)?, next(3)?);
    // Threads, and routers of the server.
    let settings = [(1, 1), (routers, 1), (routers, routers)];
    let mut measured = settings.map(|_| Vec::new());
    for _ in 0..rounds {
        for ((threads, routers), measured) in settings.into_iter().zip(&mut measured) {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(threads as usize).enable_all().build()?;
            // The task that measures is one of the runtime's too, so that there is no further thread.
            let task = runtime.spawn(async move {
                measure(routers, clients, seconds)
                    .await
                    .map_err(|error| error.to_string())
            });
            measured.push(runtime.block_on(task)??);
        }
    }
    for ((threads, routers), measured) in settings.into_iter().zip(measured) {
        let Measured {
            mib_per_second,
            us_per_message,
            cores,
        } = median(measured);
        println!(
            "{threads} threads, {routers} routers, {clients} clients: {mib_per_second:.0} MiB/s, {us_per_message:.1} µs of processor per message, {cores:.2} cores"
        );
    }
    Ok(())
}

/// That of the middle one by throughput.
fn median(mut all: Vec<Measured>) -> Measured {
    all.sort_by(|one, other| one.mib_per_second.total_cmp(&other.mib_per_second));
    let middle = all.len() / 2;
    all.swap_remove(middle)
}

async fn measure(routers: u32, clients: u32, seconds: u32) -> Result<Measured, Box<dyn Error + Send + Sync>> {
    let loopback = "127.0.0.1:0".parse()?;
    let server = Endpoint::bind_sharded(&[loopback], routers as usize)?;
    let received = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let client = Endpoint::bind(&[loopback])?;
        let (a, b) = (client.peer(Config::default()), server.peer(Config::default()));
        a.create_data_channel("bulk")?;
        let answer = b.accept_offer(&a.offer().await?).await?;
        a.accept_answer(&answer)?;
        tasks.push(tokio::spawn(send(a)));
        tasks.push(tokio::spawn(receive(b, Arc::clone(&received))));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = (Instant::now(), processor_time(), received.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let elapsed = before.0.elapsed().as_secs_f64();
    let used = (processor_time() - before.1).as_secs_f64();
    let messages = (received.load(Ordering::Relaxed) - before.2) as f64;
    tasks.iter().for_each(|task| task.abort());
    server.close().await;
    Ok(Measured {
        mib_per_second: messages * MESSAGE as f64 / 1024.0 / 1024.0 / elapsed,
        us_per_message: used / messages * 1e6,
        cores: used / elapsed,
    })
}

/// What this process has had of all processors, where the system says so in Linux' way.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    // The 14th and 15th field (proc(5)), in hundredths of a second.
    let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
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
        if let Event::Message { .. } = event {
            received.fetch_add(1, Ordering::Relaxed);
        }
    }
}
