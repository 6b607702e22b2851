//! An echo peer on smol.
//!
//! `cargo run -p pollrtc --example echo_smol [IP:PORT] < offer.sdp` prints the answer.

mod echo;

use pollrtc::Config;
use smol::net::UdpSocket;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let offer = std::io::read_to_string(std::io::stdin())?;
    smol::block_on(async {
        let socket = UdpSocket::bind(address).await?;
        echo::echo(socket, Config::default(), &offer, |answer| println!("{answer}")).await
    })
}
