//! An echo peer on mio.
//!
//! `cargo run -p pollrtc --example echo_mio [IP:PORT] < offer.sdp` prints the answer.

mod echo;

use mio::net::UdpSocket;
use pollrtc::Config;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let offer = std::io::read_to_string(std::io::stdin())?;
    echo::echo(
        UdpSocket::bind(address.parse()?)?,
        Config::default(),
        &offer,
        |answer| println!("{answer}"),
    )
}
