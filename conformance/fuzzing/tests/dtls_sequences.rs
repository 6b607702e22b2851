//! Sequences of handshake messages that are not what they should be, on stable.

use pollrtc_fuzzing::dtls_sequence::{Outcome, dtls_sequence, play};
use quickcheck::{TestResult, quickcheck};

/// All setups of a liar: its role and version, what the other side speaks and asks for.
const SETUPS: u8 = 64;

quickcheck! {
    /// For every sequence of messages under every setup: the connection is connected exactly if the
    /// acceptor is, and keys, data and names wait for that.
    fn only_the_right_sequence_connects(setup: u8, script: Vec<u8>) -> bool {
        let _ = play(setup % SETUPS, &script);
        true
    }

    /// For every network that loses, doubles, delays, swaps and cuts for a while: both connect.
    fn no_network_keeps_two_apart(setup: u8, script: Vec<u8>) -> TestResult {
        dtls_sequence(&[&[setup | 0x80], &script[..]].concat());
        TestResult::passed()
    }
}

#[test]
fn a_liar_that_says_what_is_right_is_connected_under_every_setup() {
    // Action 0 says the next right message; its choice is the first of several.
    for setup in 0..SETUPS {
        for choice in 0..3 {
            let script = [0, choice].repeat(16);
            assert_eq!(
                play(setup, &script),
                Outcome::Connected,
                "setup {setup}, choice {choice}"
            );
        }
    }
}

#[test]
fn one_wrong_message_at_any_place_ends_it() {
    for setup in 0..SETUPS {
        for right in 0..6 {
            for wrong in 0..22 {
                let script = [[0, 2].repeat(right), vec![8, wrong], [0, 0].repeat(16)].concat();
                println!("setup {setup}, {right} right messages, then {wrong}"); // shown if it panics
                let _ = play(setup, &script);
            }
        }
    }
}

#[test]
fn scripts_reach_both_ends() {
    let mut bytes = 1u64;
    let mut random = || {
        // Knuth's generator; its high bits will do.
        bytes = bytes
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (bytes >> 56) as u8
    };
    let mut counts = [0u32; 3];
    for round in 0..500u16 {
        let script: Vec<u8> = (0..60).map(|_| random()).collect();
        println!("{round}: {script:?}"); // shown if it panics
        counts[play(round as u8 % SETUPS, &script) as usize] += 1;
    }
    let [connected, refused, _] = counts;
    assert!(connected > 100 && refused > 100, "{counts:?}");
}
