//! The harness finds machines that break a law, each of them, and lets good ones pass.
#![cfg(feature = "laws")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Datagram, Instant, StateMachine, Transmit};

/// Echoes what comes a millisecond later; breaks one law on demand.
#[derive(Default)]
struct Echo {
    sin: Sin,
    held: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Sin {
    #[default]
    None,
    PanicsOnBytes,
    OverrunsBuffer,
    BusyLoops,
    SpeaksUnasked,
    NeverEnds,
    HoardsMemory,
    RollsDice,
}

impl StateMachine for Echo {
    type Event = Instant;
    type Received<'d> = ();

    fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        assert!(
            self.sin != Sin::PanicsOnBytes || datagram.payload.len() != 3,
            "three bytes are too much"
        );
        if self.held.len() < 16 || self.sin == Sin::HoardsMemory {
            self.held.push_back((
                now + Duration::from_millis(1),
                datagram.flow.remote(),
                datagram.payload.to_vec(),
            ));
        }
    }

    fn handle_timeout(&mut self, _now: Instant) {}

    fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        match self.sin {
            Sin::OverrunsBuffer => {
                return Some(Transmit::udp(([192, 0, 2, 9], 9).into(), buf.len() + 1));
            }
            Sin::NeverEnds => {
                return Some(Transmit::udp(([192, 0, 2, 9], 9).into(), buf.len().min(1)));
            }
            Sin::SpeaksUnasked if now > Instant::from_millis(2_000) => {
                return Some(Transmit::udp(([192, 0, 2, 9], 9).into(), 0)).filter(|_| buf.len() > 60_000);
            }
            _ => {}
        }
        self.held
            .front()
            .filter(|(due, _, bytes)| *due <= now && bytes.len() <= buf.len())?;
        let (_, to, bytes) = self.held.pop_front()?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        if self.sin == Sin::RollsDice
            && let Some(first) = buf.first_mut()
        {
            *first = std::ptr::from_ref(&*first).addr() as u8 ^ std::process::id() as u8;
            *first ^= std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .subsec_nanos() as u8;
        }
        Some(Transmit::udp(to, bytes.len()))
    }

    fn poll_event(&mut self) -> Option<Instant> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.sin == Sin::BusyLoops {
            return Some(Instant::ZERO);
        }
        self.held.front().map(|(due, ..)| *due)
    }
}

fn laws_for(sin: Sin) -> Laws<Echo> {
    let laws = Laws::of(move || Echo { sin, ..Echo::default() }).samples([b"abc".to_vec(), b"longer".to_vec()]);
    laws.memory(|echo| echo.held.len(), 16).scripts(300)
}

fn verdict(sin: Sin) -> Result<(), String> {
    let outcome = std::panic::catch_unwind(|| laws_for(sin).check());
    outcome.map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .expect("quickcheck panics with text")
            .clone()
    })
}

#[test]
fn a_lawful_machine_passes() {
    assert_eq!(verdict(Sin::None), Ok(()));
}

#[test]
fn a_lawful_pair_passes() {
    Laws::of(Echo::default)
        .against(Echo::default)
        .verb(|echo, now, _| echo.handle_timeout(now))
        .check();
}

#[test]
fn each_broken_law_is_found_and_named() {
    for (sin, name) in [
        (Sin::PanicsOnBytes, "three bytes are too much"),
        (Sin::OverrunsBuffer, "law 2"),
        (Sin::BusyLoops, "law 3, no busy loop"),
        (Sin::SpeaksUnasked, "law"),
        (Sin::NeverEnds, "law 4"),
        (Sin::HoardsMemory, "law 4"),
        (Sin::RollsDice, "law 5"),
    ] {
        let error = verdict(sin).expect_err(name);
        assert!(error.contains(name), "expected {name}, found {error}");
        assert!(error.contains("script: ["), "the failing script is printed: {error}");
    }
}
