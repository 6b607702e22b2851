//! An echo peer on a blocking socket of the standard library.
//!
//! `cargo run -p pollrtc --example echo_std [IP:PORT] < offer.sdp` prints the answer.

mod echo;

use std::net::UdpSocket;

use pollrtc::Config;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".into());
    let offer = std::io::read_to_string(std::io::stdin())?;
    echo::echo(UdpSocket::bind(address)?, Config::default(), &offer, |answer| {
        println!("{answer}")
    })
}
