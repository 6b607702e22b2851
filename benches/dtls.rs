//! DTLS: a handshake of both sides, and records.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, HashAlgorithm, Rng, default_provider};
use pollrtc_dtls::wire::handshake::ClientHello;
use pollrtc_dtls::wire::record;
use pollrtc_dtls::{CipherSuite, Config, Connection, Cookies, PeerVerification};

const NOW: Instant = Instant::from_millis(1);

struct Ends {
    client: Arc<Config>,
    server: Arc<Config>,
}

impl Ends {
    fn new(suite: CipherSuite) -> Self {
        let mut rng = Rng::from_seed([1; 32]);
        let mut generate = || Certificate::generate(default_provider(), &mut rng).unwrap();
        let (a, b) = (generate(), generate());
        let config = |own: &Certificate, peer: &Certificate| {
            let fingerprint = peer.fingerprint(HashAlgorithm::Sha256);
            let mut config = Config::new(own.clone(), PeerVerification::Fingerprints(vec![fingerprint]));
            config.cookies = Cookies::Off;
            config.cipher_suites = vec![suite];
            Arc::new(config)
        };
        Self {
            client: config(&a, &b),
            server: config(&b, &a),
        }
    }

    fn connections(&self) -> (Connection, Connection) {
        (
            Connection::client(self.client.clone(), Rng::from_seed([2; 32])).unwrap(),
            Connection::server(self.server.clone(), Rng::from_seed([3; 32])).unwrap(),
        )
    }

    fn connected(&self) -> (Connection, Connection) {
        let (mut client, mut server) = self.connections();
        let mut buf = [0; 1500];
        while !(client.is_connected() && server.is_connected()) {
            pump(&mut client, &mut server, &mut buf);
            pump(&mut server, &mut client, &mut buf);
        }
        (client, server)
    }
}

fn pump(from: &mut Connection, to: &mut Connection, buf: &mut [u8]) {
    while let Some(length) = from.write_body(NOW, buf, Headroom::NONE) {
        to.handle_body(NOW, &mut buf[..length]);
    }
}

fn handshake(c: &mut Criterion) {
    let ends = Ends::new(CipherSuite::EcdheEcdsaAes128GcmSha256);
    c.bench_function("dtls/handshake of both sides", |b| {
        b.iter(|| black_box(ends.connected()))
    });
}

fn records(c: &mut Criterion) {
    for (name, suite) in [
        ("aes-128-gcm", CipherSuite::EcdheEcdsaAes128GcmSha256),
        ("chacha20-poly1305", CipherSuite::EcdheEcdsaChaCha20Poly1305Sha256),
    ] {
        let (mut client, mut server) = Ends::new(suite).connected();
        for length in [100, 1200] {
            let mut group = c.benchmark_group(format!("dtls/{name}/{length} B"));
            group.throughput(Throughput::Bytes(length as u64));
            let mut buf = [7; 1500];
            group.bench_function("protect", |b| {
                b.iter(|| client.write_record(black_box(&mut buf), length).unwrap())
            });
            group.bench_function("unprotect", |b| {
                b.iter_batched_ref(
                    || {
                        let mut buf = [7; 1500];
                        let length = client.write_record(&mut buf, length).unwrap();
                        (buf, length)
                    },
                    |(buf, length)| {
                        server
                            .handle_body(NOW, &mut buf[..*length])
                            .map(|payload| payload.len())
                            .sum::<usize>()
                    },
                    BatchSize::SmallInput,
                );
            });
        }
    }
}

fn parsing(c: &mut Criterion) {
    let ends = Ends::new(CipherSuite::EcdheEcdsaAes128GcmSha256);
    let (mut client, _) = ends.connections();
    let mut buf = [0; 1500];
    let length = client.write_body(NOW, &mut buf, Headroom::NONE).unwrap();
    let datagram = &buf[..length];
    let body = &datagram[record::HEADER_LEN + pollrtc_dtls::wire::handshake::HEADER_LEN..];
    c.bench_function("dtls/parse record", |b| {
        b.iter(|| record::records(black_box(datagram)).next().unwrap().unwrap());
    });
    c.bench_function("dtls/parse ClientHello", |b| {
        b.iter(|| ClientHello::parse(black_box(body)).unwrap())
    });
}

criterion_group!(benches, handshake, records, parsing);
criterion_main!(benches);
