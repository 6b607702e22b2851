//! What is left of secrets in the memory of the process when a connection is over and gone. A program of its
//! own, so that nothing else is in it.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use pollrtc_core::{Headroom, InnerProtocol, Instant};
use pollrtc_crypto::{Certificate, HashAlgorithm, Provider, Rng, default_provider, rust_crypto};
use pollrtc_dtls::{Config, Connection, Cookies, KeyLog, PeerVerification, Versions};

/// What the test remembers of a secret is masked with this, so that it does not find itself.
const MASK: u8 = 0x5c;
/// So much of a secret counts as all of it.
const NEEDLE_LEN: usize = 16;
/// Of the thread that shakes hands.
const STACK_SIZE: usize = 4 << 20;

/// Masked secrets by their labels.
type Secrets = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// Copies of a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Copies {
    /// In the stack of the thread that used it, where calls leave what they had.
    stack: usize,
    /// Everywhere else.
    heap: usize,
}

fn remember(config: &mut Config, secrets: &Secrets) {
    let secrets = secrets.clone();
    config.key_log = Some(KeyLog(Arc::new(move |line| {
        let mut words = line.split(' ');
        let (label, secret) = (words.next().unwrap(), words.nth(1).unwrap());
        let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
        let digits = secret.as_bytes().chunks(2);
        let masked = digits.map(|digits| (digit(digits[0]) << 4 | digit(digits[1])) ^ MASK);
        secrets.lock().unwrap().insert(label.to_owned(), masked.collect());
    })));
}

/// A connection from its first byte to its last, and all of it dropped. What `look` finds when it is open.
fn live_and_die<T>(
    provider: &'static dyn Provider,
    versions: Versions,
    secrets: &Secrets,
    look: impl FnOnce() -> T,
) -> T {
    let mut rng = Rng::from_os();
    let mut generate = || Certificate::generate(provider, &mut rng).unwrap();
    let (a, b) = (generate(), generate());
    let only = |certificate: &Certificate| {
        PeerVerification::Fingerprints(vec![certificate.fingerprint(HashAlgorithm::Sha256)])
    };
    let mut configs = [
        Config::with_provider(provider, a.clone(), only(&b)),
        Config::with_provider(provider, b, only(&a)),
    ];
    for config in &mut configs {
        config.versions = versions;
        config.cookies = Cookies::Off;
        remember(config, secrets);
    }
    let [client, server] = configs;
    let mut client = Connection::client(client, Rng::from_os()).unwrap();
    let mut server = Connection::server(server, Rng::from_os()).unwrap();
    let (now, mut buf) = (Instant::from_millis(1), vec![0; 2000]);
    let mut talk = |client: &mut Connection, server: &mut Connection| {
        for _ in 0..6 {
            while let Some(length) = client.write_body(now, &mut buf, Headroom::NONE) {
                server.handle_body(now, &mut buf[..length]);
            }
            while let Some(length) = server.write_body(now, &mut buf, Headroom::NONE) {
                client.handle_body(now, &mut buf[..length]);
            }
        }
    };
    talk(&mut client, &mut server);
    assert!(client.is_connected() && server.is_connected());
    let mut exported = [0; 32];
    for side in [&client, &server] {
        side.export_keying_material("EXTRACTOR-dtls_srtp", None, &mut exported)
            .unwrap();
    }
    client.send(b"there").unwrap();
    server.send(b"and back").unwrap();
    talk(&mut client, &mut server);
    let found = look();
    client.close(now);
    talk(&mut client, &mut server);
    found
}

/// The memory that can be written, without the kernel's own.
fn regions() -> Vec<Range<u64>> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let writable = maps
        .lines()
        .filter(|line| line.split(' ').nth(1).unwrap().starts_with("rw"));
    let address = |text: &str| u64::from_str_radix(text, 16).unwrap();
    writable
        .map(|line| {
            let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
            address(start)..address(end)
        })
        .collect()
}

/// Where in the process each secret stands.
fn scan(secrets: &BTreeMap<String, Vec<u8>>, stack: &Range<u64>) -> BTreeMap<String, Copies> {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut found: BTreeMap<String, Copies> = BTreeMap::new();
    let needles: Vec<(&String, &[u8])> = secrets
        .iter()
        .map(|(label, secret)| (label, &secret[..NEEDLE_LEN]))
        .collect();
    let mut chunk = vec![0u8; 1 << 20];
    let own = chunk.as_ptr() as u64..chunk.as_ptr() as u64 + chunk.len() as u64;
    for region in regions() {
        let mut at = region.start;
        while at < region.end {
            let length = (region.end - at).min(chunk.len() as u64) as usize;
            let Ok(length) = memory.read_at(&mut chunk[..length], at) else {
                break;
            };
            for (offset, window) in chunk[..length].windows(NEEDLE_LEN).enumerate() {
                let first = window[0] ^ MASK;
                for (label, needle) in &needles {
                    let is_same =
                        first == needle[0] && window.iter().zip(*needle).all(|(byte, masked)| byte ^ MASK == *masked);
                    let address = at + offset as u64;
                    if is_same && !own.contains(&address) {
                        let copies = found.entry((*label).clone()).or_default();
                        match stack.contains(&address) {
                            true => copies.stack += 1,
                            false => copies.heap += 1,
                        }
                    }
                }
            }
            // What begins in this chunk and ends in the next is seen with the next.
            at += match length < chunk.len() {
                true => length.max(1),
                false => length - NEEDLE_LEN + 1,
            } as u64;
        }
    }
    found
}

/// Runs in a thread of its own, whose stack is known, and with no other: what one looks through is copied, and
/// would be found by another.
fn in_a_thread<T: Send + 'static>(run: impl FnOnce(Range<u64>) -> T + Send + 'static) -> T {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE);
    let thread = thread.spawn(move || {
        let here = 0u8;
        let top = &raw const here as u64;
        run(top - STACK_SIZE as u64..top + 64 * 1024)
    });
    thread.unwrap().join().unwrap()
}

/// Copies of each secret while a connection is open, and when it is gone.
fn copies_of_secrets(provider: &'static dyn Provider, versions: Versions) -> [BTreeMap<String, Copies>; 2] {
    in_a_thread(move |stack| {
        let secrets = Secrets::default();
        let all = || secrets.lock().unwrap().clone();
        let open = live_and_die(provider, versions, &secrets, || scan(&all(), &stack));
        let labels = if versions == Versions::Dtls12 { 1 } else { 5 };
        assert_eq!(all().len(), labels);
        [open, scan(&all(), &stack)]
    })
}

#[test]
fn the_scan_finds_what_is_there() {
    let found = in_a_thread(|stack| {
        let mut rng = Rng::from_os();
        let mut on_the_heap = vec![0u8; 100];
        rng.fill(&mut on_the_heap[..48]);
        let mut on_the_stack = [0u8; 48];
        rng.fill(&mut on_the_stack);
        let masked = |secret: &[u8]| secret.iter().map(|byte| byte ^ MASK).collect::<Vec<u8>>();
        let secrets = BTreeMap::from([
            ("heap".to_owned(), masked(&on_the_heap[..48])),
            ("stack".to_owned(), masked(&on_the_stack)),
        ]);
        let found = scan(&secrets, &stack);
        (found, std::hint::black_box((on_the_heap, on_the_stack))).0
    });
    assert!(found["heap"].heap == 1 && found["stack"].stack >= 1, "{found:?}");
}

#[test]
fn a_secret_stands_in_one_place_on_each_side_and_nowhere_when_the_connection_is_gone() {
    for provider in [default_provider(), rust_crypto::PROVIDER] {
        for versions in [Versions::Dtls12, Versions::Dtls13] {
            let [open, gone] = copies_of_secrets(provider, versions);
            let places: Vec<_> = open.iter().map(|(label, copies)| (&label[..], copies.heap)).collect();
            // Those of the handshake go with it.
            let expected: &[(&str, usize)] = match versions {
                Versions::Dtls12 => &[("CLIENT_RANDOM", 2)],
                _ => &[
                    ("CLIENT_TRAFFIC_SECRET_0", 2),
                    ("EXPORTER_SECRET", 2),
                    ("SERVER_TRAFFIC_SECRET_0", 2),
                ],
            };
            assert_eq!(places, expected, "{provider:?} {versions:?}");
            // Nor do calls of the cryptographic libraries leave any on the stack, as far as was ever seen.
            assert_eq!(gone, BTreeMap::new(), "{provider:?} {versions:?}");
        }
    }
}
