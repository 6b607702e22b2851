//! STUN: the messages of a connectivity check, read, verified and written.

use std::hint::black_box;
use std::net::SocketAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use pollrtc_stun::{AttributeType, Builder, Class, IntegrityKey, Message, Method, TransactionId};

const ID: TransactionId = TransactionId([7; 12]);

/// A check as Chrome sends it.
fn write_check(buf: &mut [u8], key: &IntegrityKey) -> usize {
    Builder::new(buf, Class::Request, Method::BINDING, ID)
        .username("AbCd:EfGh")
        .attribute(AttributeType::GOOG_NETWORK_INFO, &[0, 1, 0, 10])
        .ice_controlling(0x1122_3344_5566_7788)
        .use_candidate()
        .priority(0x6e00_1eff)
        .message_integrity(key)
        .fingerprint()
        .finish()
        .expect("the buffer is large enough")
}

fn write_response(buf: &mut [u8], key: &IntegrityKey) -> usize {
    Builder::new(buf, Class::SuccessResponse, Method::BINDING, ID)
        .xor_mapped_address(SocketAddr::from(([192, 0, 2, 1], 32_853)))
        .message_integrity(key)
        .fingerprint()
        .finish()
        .expect("the buffer is large enough")
}

fn read_check(bytes: &[u8]) -> Message<'_> {
    let message = Message::parse(bytes).expect("a message");
    black_box((
        message.username(),
        message.priority(),
        message.ice_controlling(),
        message.ice_controlled(),
        message.use_candidate(),
    ));
    message
}

fn stun(c: &mut Criterion) {
    let key = IntegrityKey::short_term("VOkJxbRl1RmTxUk/WvJxBt");
    let mut buf = [0; 256];
    let len = write_check(&mut buf, &key);
    let check = buf[..len].to_vec();
    let len = write_response(&mut buf, &key);
    let response = buf[..len].to_vec();

    let mut group = c.benchmark_group("stun");
    group.bench_function("check/read", |b| {
        b.iter(|| {
            read_check(black_box(&check));
        });
    });
    group.bench_function("check/verify", |b| {
        b.iter(|| {
            let message = read_check(black_box(&check));
            assert!(message.verify_integrity(&key) && message.verify_fingerprint() == Some(true));
        });
    });
    group.bench_function("check/write", |b| {
        b.iter(|| write_check(black_box(&mut buf), &key));
    });
    group.bench_function("response/read", |b| {
        b.iter(|| {
            let message = Message::parse(black_box(&response)).expect("a message");
            message.xor_mapped_address()
        });
    });
    group.bench_function("response/write", |b| {
        b.iter(|| write_response(black_box(&mut buf), &key));
    });
    group.finish();
}

criterion_group!(benches, stun);
criterion_main!(benches);
