//! Handshake messages in pieces.

use std::time::Duration;

use pollrtc_core::{Headroom, InnerProtocol};
use pollrtc_dtls::wire::HandshakeType;
use pollrtc_dtls::wire::handshake::{Fragment, ServerHello, fragments};
use pollrtc_dtls::wire::record::{self, HEADER_LEN};
use pollrtc_dtls::wire::v13::HELLO_RETRY_REQUEST_RANDOM;
use pollrtc_dtls::{State, Version, Versions};
use quickcheck::{TestResult, quickcheck};

use crate::support::wire::{HelloParts, body_of, fragment_record, message_record, whole};
use crate::support::{Pair, Setup, deliver, drain, millis, server_of, waiting_server};

fn piece(body: &[u8], message_seq: u16, start: usize, end: usize) -> Vec<u8> {
    fragment_record(&Fragment {
        offset: start.try_into().unwrap(),
        body: &body[start..end],
        ..whole(HandshakeType::CLIENT_HELLO, message_seq, body)
    })
}

#[test]
fn any_mtu_will_do() {
    for mtu in [0, 64, 65, 100, 256, 577, 1200, 1472, 9000] {
        let mut setup = Setup::new();
        (setup.client.mtu, setup.server.mtu) = (mtu, 1200);
        let mut pair = setup.pair();
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected(), "mtu {mtu}");

        let mut setup = Setup::new();
        (setup.client.mtu, setup.server.mtu) = (1200, mtu);
        let mut pair = setup.pair();
        pair.settle();
        assert!(pair.client.is_connected() && pair.server.is_connected(), "mtu {mtu}");
    }
}

#[test]
fn datagrams_keep_to_the_mtu_also_when_it_changes_on_the_way() {
    let mut pair = Pair::new();
    pair.client.set_mtu(100);
    let small = pair.client_sends();
    assert!(small.len() > 1 && small.iter().all(|datagram| datagram.len() <= 100));
    pair.client.set_mtu(70);
    pair.wait(millis(400));
    let smaller = pair.client_sends();
    assert!(smaller.len() > small.len() && smaller.iter().all(|datagram| datagram.len() <= 70));
    // Two cuts of the same message, and only half of each.
    pair.server_gets(&small[1]);
    for datagram in smaller.iter().take(2) {
        pair.server_gets(datagram);
    }
    pair.settle();
    assert!(pair.server.state() != State::Listening);
}

#[test]
fn a_buffer_smaller_than_the_mtu_is_filled_and_one_too_small_is_left_alone() {
    let mut pair = Pair::new();
    assert_eq!(pair.client.write_body(pair.now, &mut [], Headroom::NONE), None);
    assert_eq!(pair.client.write_body(pair.now, &mut [0; 25], Headroom::NONE), None);
    let length = pair.client.write_body(pair.now, &mut [0; 60], Headroom::NONE).unwrap();
    assert_eq!(length, 60);
}

#[test]
fn single_bytes_in_reverse_order_make_a_message() {
    let mut pair = Pair::new();
    let body = body_of(&pair.client_sends(), HandshakeType::CLIENT_HELLO);
    for start in (0..body.len()).rev() {
        assert_eq!(pair.server.state(), State::Listening);
        pair.server_gets(&piece(&body, 0, start, start + 1));
    }
    assert_eq!(pair.server.state(), State::Connecting);
}

quickcheck! {
    /// For every way to cut a message into pieces that overlap and repeat, in every order: once
    /// every byte has come, the message is complete, and not before.
    fn any_overlap_is_reassembled(cuts: Vec<(u16, u16)>) -> TestResult {
        let body = HelloParts::good().client();
        let mut server = waiting_server();
        let mut covered = vec![false; body.len()];
        for (start, length) in cuts {
            let start = usize::from(start) % body.len();
            let end = (start + usize::from(length) % 40).min(body.len());
            deliver(&mut server, pollrtc_core::Instant::ZERO, &piece(&body, 0, start, end));
            covered[start..end].fill(true);
            if (server.state() == State::Connecting) != covered.iter().all(|covered| *covered) {
                return TestResult::failed();
            }
        }
        for start in (0..body.len()).filter(|start| !covered[*start]) {
            deliver(&mut server, pollrtc_core::Instant::ZERO, &piece(&body, 0, start, start + 1));
        }
        TestResult::from_bool(server.state() == State::Connecting)
    }
}

#[test]
fn several_messages_in_one_record_are_taken_apart() {
    let mut pair = Pair::new();
    for datagram in pair.client_sends() {
        pair.server_gets(&datagram);
    }
    let flight = pair.server_sends();
    let mut content = Vec::new();
    for record in record::records(&flight[0]) {
        content.extend_from_slice(record.unwrap().fragment);
    }
    let packed = crate::support::wire::plain_record(pollrtc_dtls::wire::ContentType::Handshake, 50, &content);
    pair.client_gets(&packed);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

/// For so long a ClientHello of which not all has come keeps others out.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn a_fragment_of_another_kind_or_length_does_not_lock_the_real_one_out() {
    let body = HelloParts::good().client();
    let longer = vec![0; body.len() + 7];
    // Half of the real one, a lie about its length, and the rest.
    let mut server = waiting_server();
    let now = pollrtc_core::Instant::ZERO;
    deliver(&mut server, now, &piece(&body, 0, 0, 30));
    deliver(&mut server, now, &piece(&longer, 0, 10, 20));
    deliver(&mut server, now, &piece(&body, 0, 30, body.len()));
    assert_eq!(server.state(), State::Connecting);

    // The lie first: then it takes until the client says all of it again.
    let mut server = waiting_server();
    deliver(&mut server, now, &piece(&longer, 0, 10, 20));
    deliver(&mut server, now + millis(400), &piece(&body, 0, 0, body.len()));
    assert_eq!(server.state(), State::Listening);
    // However often it is told.
    deliver(&mut server, now + millis(1900), &piece(&longer, 0, 10, 20));
    deliver(&mut server, now + PATIENCE, &piece(&body, 0, 0, body.len()));
    assert_eq!(server.stats().replaced_fragments, 1);
    assert_eq!(server.state(), State::Connecting);
}

#[test]
fn bytes_that_contradict_earlier_ones_begin_the_message_anew() {
    let body = HelloParts::good().client();
    let now = pollrtc_core::Instant::ZERO;
    for (start, end) in [(0, 20), (10, 20), (body.len() - 1, body.len())] {
        let mut server = waiting_server();
        deliver(&mut server, now, &piece(&vec![0xee; body.len()], 0, start, end));
        for cut in [15, body.len()] {
            deliver(&mut server, now + PATIENCE, &piece(&body, 0, 0, cut));
        }
        assert_eq!(server.state(), State::Connecting, "{start}..{end}");
    }
}

#[test]
fn a_piece_of_the_last_hello_is_no_part_of_the_next_one() {
    let mut pair = Pair::new();
    let hello = pair.client_sends();
    // Somebody else's, of the same length.
    let mut first = body_of(&hello, HandshakeType::CLIENT_HELLO);
    first[10] ^= 1;
    pair.server_gets(&message_record(HandshakeType::CLIENT_HELLO, 0, &first));
    pair.server_sends();
    pair.server_gets(&piece(&first, 0, 0, 20));
    pair.now += PATIENCE;
    pair.server_gets(&hello[0]);
    assert_eq!(pair.server.stats().replaced_client_hellos, 1);
    pair.settle();
    assert!(pair.client.is_connected() && pair.server.is_connected());
}

#[test]
fn a_fragment_beyond_its_message_is_malformed() {
    let body = HelloParts::good().client();
    let mut server = waiting_server();
    let mut bad = piece(&body, 0, 10, body.len());
    bad[HEADER_LEN + 8] += 1; // the offset's last byte
    deliver(&mut server, pollrtc_core::Instant::ZERO, &bad);
    assert_eq!(server.stats().malformed_fragments, 1);
    assert_eq!(server.memory(), 0);
}

#[test]
fn empty_fragments_of_full_messages_are_dropped() {
    let body = HelloParts::good().client();
    let mut server = waiting_server();
    for start in 0..body.len() {
        deliver(&mut server, pollrtc_core::Instant::ZERO, &piece(&body, 0, start, start));
    }
    assert_eq!(server.memory(), 0);
    assert_eq!(server.state(), State::Listening);
}

quickcheck! {
    /// For every flood of fragments, the memory stays within its bound, and the real handshake comes
    /// through once the flood is over.
    fn no_flood_grows_memory(flood: Vec<(u16, u32, u32)>) -> bool {
        let mut pair = Pair::new();
        let hello = pair.client_sends();
        for (message_seq, length, offset) in flood {
            let length = length % 0x0100_0000;
            let body = &[0xaa; 200][..(length as usize).min(200)];
            let offset = offset % (length - body.len() as u32 + 1);
            let kind = HandshakeType::CLIENT_HELLO;
            let message_seq = message_seq % 12;
            pair.server_gets(&fragment_record(&Fragment { kind, length, message_seq, offset, body }));
            if pair.server.memory() > 104 * 1024 {
                return false;
            }
        }
        pair.now += PATIENCE;
        for datagram in hello {
            pair.server_gets(&datagram);
        }
        pair.settle();
        pair.client.is_connected() && pair.server.is_connected()
    }
}

#[test]
fn messages_far_ahead_are_refused() {
    let mut server = waiting_server();
    let body = HelloParts::good().client();
    for message_seq in [8, 9, 100, 65_535] {
        let record = message_record(HandshakeType::CLIENT_HELLO, message_seq, &body);
        deliver(&mut server, pollrtc_core::Instant::ZERO, &record);
    }
    assert_eq!(server.stats().refused_fragments, 4);
    assert_eq!(server.state(), State::Listening);
}

/// ClientHellos of today's browsers, where a checkout of them lies beside the repository.
#[test]
fn captured_browsers_are_answered_in_whatever_order_their_datagrams_come() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/wire");
    let Ok(entries) = std::fs::read_dir(&directory) else {
        eprintln!("skipped: there are no captures at {}", directory.display());
        return;
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut answered = 0;
    for name in names.filter(|name| name.contains("-dtls-")) {
        let first = std::fs::read(directory.join(&name)).unwrap();
        let Some((offset, complete)) = hello_fragment(&first) else {
            continue;
        };
        if offset != 0 {
            continue;
        }
        let mut datagrams = vec![first];
        if !complete {
            let (stem, number) = name.strip_suffix(".bin").unwrap().rsplit_once('-').unwrap();
            let next = number.parse::<u32>().unwrap() + 1;
            let Ok(second) = std::fs::read(directory.join(format!("{stem}-{next}.bin"))) else {
                continue;
            };
            if hello_fragment(&second).is_none_or(|(offset, _)| offset == 0) {
                continue;
            }
            datagrams.push(second);
        }
        for versions in [Versions::Dtls12, Versions::Both] {
            for _ in 0..2 {
                let mut server = server_of(versions);
                for datagram in &datagrams {
                    deliver(&mut server, pollrtc_core::Instant::ZERO, datagram);
                }
                let flight = drain(&mut server, pollrtc_core::Instant::ZERO);
                let hello = body_of(&plain_parts(&flight), HandshakeType::SERVER_HELLO);
                check_answer(&name, versions, &ServerHello::parse(&hello).unwrap());
                answered += 1;
                datagrams.reverse();
            }
        }
    }
    assert!(answered >= 40, "{answered} captured hellos");
}

/// The datagrams up to their first encrypted record of DTLS 1.3.
fn plain_parts(flight: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let plain_len = |datagram: &[u8]| {
        let plain = record::records(datagram).map_while(Result::ok);
        plain.map(|record| HEADER_LEN + record.fragment.len()).sum::<usize>()
    };
    let plain = flight.iter().map(|datagram| datagram[..plain_len(datagram)].to_vec());
    plain.filter(|datagram| !datagram.is_empty()).collect()
}

/// What a server must answer to the hello of that capture.
fn check_answer(name: &str, versions: Versions, hello: &ServerHello<'_>) {
    if versions == Versions::Dtls12 || name.contains("dtls12") {
        assert_eq!(hello.extensions.selected_version(), Ok(None), "{name}");
        return assert_eq!(hello.cipher_suite, 0xc02b, "{name}");
    }
    assert_eq!(
        hello.extensions.selected_version(),
        Ok(Some(Version::DTLS_1_3)),
        "{name}"
    );
    assert_eq!(hello.cipher_suite, 0x1301, "{name}");
    if name.contains("nokeyshare") {
        assert_eq!(*hello.random, HELLO_RETRY_REQUEST_RANDOM, "{name}");
        return assert_eq!(hello.extensions.selected_group(), Ok(Some(0x11ec)), "{name}");
    }
    let share = hello.extensions.key_share().unwrap().unwrap();
    let is_large = name.contains("-default-") || name.contains("snap") || name.contains("sped");
    // Of the captures without the post-quantum group, one ends with a part of another.
    if is_large || !name.contains("chromium-nopqc") {
        assert_eq!(share.group == 0x11ec, is_large, "{name}");
    }
}

/// Where the fragment of a ClientHello begins, and whether it is all of it.
fn hello_fragment(datagram: &[u8]) -> Option<(u32, bool)> {
    let record = record::records(datagram).next()?.ok()?;
    let fragment = fragments(record.fragment).next()?.ok()?;
    let is_hello = fragment.kind == HandshakeType::CLIENT_HELLO && record.header.epoch == 0;
    is_hello.then_some((fragment.offset, fragment.offset == 0 && fragment.is_last()))
}
