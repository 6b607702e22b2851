//! Cryptography per packet: sealing and opening records, tags of STUN messages.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pollrtc_crypto::{
    AeadAlgorithm, Certificate, CtrAlgorithm, Fingerprint, HashAlgorithm, HmacSha1, HmacSha256, NamedGroup, Provider,
    Rng, SrtpKeyDerivation, SrtpKeyLabel, aws_lc_rs, rust_crypto,
};

fn providers() -> [(&'static str, &'static dyn Provider); 2] {
    [
        ("aws-lc-rs", aws_lc_rs::PROVIDER),
        ("rust-crypto", rust_crypto::PROVIDER),
    ]
}

/// The header that a DTLS 1.2 record authenticates.
const AAD: [u8; 13] = [0x17; 13];
const NONCE: [u8; 12] = [7; 12];

fn records(c: &mut Criterion) {
    for (name, provider) in providers() {
        for algorithm in [
            AeadAlgorithm::Aes128Gcm,
            AeadAlgorithm::Aes256Gcm,
            AeadAlgorithm::ChaCha20Poly1305,
        ] {
            let key = vec![7; algorithm.key_len()];
            let key = provider.aead(algorithm, &key).expect("a key");
            let mut group = c.benchmark_group(format!("{name}/{algorithm:?}"));
            for length in [100, 1200] {
                group.throughput(Throughput::Bytes(length as u64));
                let mut record = vec![0; length];
                group.bench_function(format!("seal {length} B"), |b| {
                    b.iter(|| key.seal(&NONCE, &AAD, black_box(&mut record)));
                });
                let tag = key.seal(&NONCE, &AAD, &mut record).expect("a tag");
                let mut copy = record.clone();
                group.bench_function(format!("copy and open {length} B"), |b| {
                    b.iter(|| {
                        copy.copy_from_slice(&record);
                        key.open(&NONCE, &AAD, black_box(&mut copy), &tag)
                            .expect("what was sealed")
                    });
                });
            }
        }
    }
}

/// What SRTP does with a packet where it has no AEAD: a keystream, and a tag of 10 bytes.
fn srtp(c: &mut Criterion) {
    for (name, provider) in providers() {
        let hmac = provider.hmac(HashAlgorithm::Sha1, &[7; 20]).expect("a key");
        let mut group = c.benchmark_group(format!("{name}/srtp"));
        for length in [100, 1200] {
            group.throughput(Throughput::Bytes(length as u64));
            let mut packet = vec![0; length];
            for algorithm in CtrAlgorithm::ALL {
                let key = vec![7; algorithm.key_len()];
                let key = provider.ctr(algorithm, &key).expect("a key");
                group.bench_function(format!("{algorithm:?} {length} B"), |b| {
                    b.iter(|| key.apply_keystream(&[7; 16], black_box(&mut packet)));
                });
            }
            let mut mac = [0; HashAlgorithm::MAX_OUTPUT_LEN];
            hmac.sign(&[&packet, &[0; 4]], &mut mac);
            let tag: &[u8; 10] = mac.first_chunk().expect("a tag");
            group.bench_function(format!("check of the tag of {length} B"), |b| {
                b.iter(|| hmac.verify(&[black_box(&packet), &[0; 4]], tag).expect("the tag"));
            });
        }
        group.finish();
        c.bench_function(&format!("{name}/srtp/keys of a direction"), |b| {
            b.iter(|| {
                let derivation = SrtpKeyDerivation::new(provider, CtrAlgorithm::Aes128Ctr, &[7; 16], &[8; 14]);
                let derivation = derivation.expect("a key");
                let mut derived = [0; 20];
                SrtpKeyLabel::ALL.map(|label| {
                    derivation.derive(label, &mut derived);
                    derived
                })
            })
        });
    }
}

fn tags(c: &mut Criterion) {
    let message = [7; 84];
    let mut group = c.benchmark_group("tag of 84 B");
    let key = HmacSha1::new(b"VOkJxbRl1RmTxUk/WvJxBt");
    group.bench_function("HmacSha1", |b| b.iter(|| key.sign(&[black_box(&message)])));
    let tag = key.sign(&[&message]);
    group.bench_function("HmacSha1, checked", |b| {
        b.iter(|| key.verify(&[black_box(&message)], &tag))
    });
    let key = HmacSha256::new(&[7; 32]);
    group.bench_function("HmacSha256", |b| b.iter(|| key.sign(&[black_box(&message)])));
    let key = b"VOkJxbRl1RmTxUk/WvJxBt";
    group.bench_function("HmacSha1, keyed each time", |b| {
        b.iter(|| HmacSha1::new(black_box(key)).sign(&[&message]))
    });
    group.finish();
}

fn handshakes(c: &mut Criterion) {
    for (name, provider) in providers() {
        let mut rng = Rng::from_seed([7; 32]);
        let mut group = c.benchmark_group(format!("{name}/handshake"));
        for algorithm in [NamedGroup::X25519, NamedGroup::Secp256r1] {
            let peer = provider.key_exchange(algorithm, &mut rng).expect("a key");
            group.bench_function(format!("{algorithm:?}"), |b| {
                b.iter(|| {
                    let ours = provider.key_exchange(algorithm, &mut rng).expect("a key");
                    ours.complete(peer.public_key()).expect("a secret")
                });
            });
        }
        let certificate = Certificate::generate(provider, &mut rng).expect("a certificate");
        let key = certificate.key();
        let scheme = key.schemes()[0];
        group.bench_function("sign", |b| {
            b.iter(|| key.sign(scheme, black_box(b"transcript"), &mut rng))
        });
        let signature = key.sign(scheme, b"transcript", &mut rng).expect("a signature");
        group.bench_function("verify", |b| {
            b.iter(|| {
                provider
                    .verify(scheme, key.public_key_info(), b"transcript", &signature)
                    .expect("a right signature")
            })
        });
        group.bench_function("certificate", |b| {
            b.iter(|| Certificate::generate(provider, &mut rng).expect("a certificate"))
        });
        group.finish();
    }
}

fn fingerprints(c: &mut Criterion) {
    let text = Fingerprint::of(HashAlgorithm::Sha256, b"certificate").to_string();
    c.bench_function("fingerprint/read", |b| {
        b.iter(|| black_box(&text).parse::<Fingerprint>())
    });
}

criterion_group!(benches, records, srtp, tags, handshakes, fingerprints);
criterion_main!(benches);
