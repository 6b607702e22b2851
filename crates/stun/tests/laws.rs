//! Both machines keep the laws of the contract.

use std::time::Duration;

use pollrtc_core::Flow;
use pollrtc_core::laws::Laws;
use pollrtc_crypto::Rng;
use pollrtc_stun::{
    BindingServer, Builder, Class, Client, ClientConfig, Method, Retransmission, ServerConfig, TransactionId,
};

const SERVER: ([u8; 4], u16) = ([192, 0, 2, 2], 6000);

fn client() -> Client {
    let config = ClientConfig::default().with_software("pollrtc");
    Client::new(config, Flow::udp(SERVER.into()), Rng::from_seed([1; 32]))
}

fn impatient_client() -> Client {
    let config = ClientConfig::default()
        .with_fingerprint()
        .with_retransmission(Retransmission {
            rto: Duration::ZERO,
            rc: 0,
            rm: 0,
        });
    Client::new(config, Flow::udp(SERVER.into()), Rng::from_seed([2; 32]))
}

fn server() -> BindingServer {
    BindingServer::new(ServerConfig::default())
}

fn request() -> Vec<u8> {
    let mut buf = [0; 128];
    let len = Builder::new(&mut buf, Class::Request, Method::BINDING, TransactionId([3; 12]))
        .software("test")
        .fingerprint()
        .finish()
        .unwrap();
    buf[..len].to_vec()
}

#[test]
fn client_keeps_the_laws() {
    Laws::of(client)
        .against(server)
        .verb(|client, _, _| client.request())
        .samples([request()])
        .check();
}

#[test]
fn client_with_the_shortest_timing_keeps_the_laws() {
    Laws::of(impatient_client)
        .against(server)
        .verb(|client, _, _| client.request())
        .check();
}

#[test]
fn server_keeps_the_laws() {
    Laws::of(server)
        .against(client)
        .samples([request()])
        .memory(BindingServer::queued, 64)
        .check();
}
