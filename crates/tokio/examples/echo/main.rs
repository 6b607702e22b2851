//! An echo peer on tokio.
//!
//! `cargo run -p pollrtc-tokio --example echo [IP:PORT] < offer.sdp` prints the answer.

mod echo;

use pollrtc_tokio::Endpoint;
use pollrtc_tokio::pollrtc::Config;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let offer = std::io::read_to_string(std::io::stdin())?;
    let endpoint = Endpoint::bind(&[address.parse()?])?;
    echo::echo(&endpoint, Config::default(), &offer, |answer| println!("{answer}")).await?;
    endpoint.close().await;
    Ok(())
}
