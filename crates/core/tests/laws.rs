//! The harness finds machines that break a law, each of them, and lets good ones pass.
#![cfg(feature = "laws")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use pollrtc_core::laws::Laws;
use pollrtc_core::{Datagram, Flow, FlowEvent, FlowRequest, Instant, RequestId, StateMachine, Transmit};

/// Echoes what comes a millisecond later; breaks one law on demand.
#[derive(Default)]
struct Echo {
    sin: Sin,
    held: VecDeque<(Instant, Flow, Vec<u8>)>,
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
    SaysNothingAtLength,
    CutsTooLong,
    CutsAStream,
    SendsToPortZero,
    SendsFromElsewhere,
    SendsLongerThanItSays,
    NeedsMoreRoomThanItSays,
    ReceivedPanics,
    ReceivedDiffers,
    AsksForever,
    RefusesUnreachable,
}

/// What an echo hears: a view that does its work when it is looked at.
struct Heard<'d> {
    sin: Sin,
    bytes: &'d [u8],
}

impl Heard<'_> {
    fn first(&self) -> Option<u8> {
        assert!(
            self.sin != Sin::ReceivedPanics || self.bytes.len() != 3,
            "three bytes are too much to look at"
        );
        match self.sin {
            Sin::ReceivedDiffers => Some(dice()),
            _ => self.bytes.first().copied(),
        }
    }
}

/// What no law allows: it comes out differently each time.
fn dice() -> u8 {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    (time.unwrap().subsec_nanos() / 64) as u8
}

impl StateMachine for Echo {
    type Event = Instant;
    type Received<'d> = Heard<'d>;

    fn handle_datagram<'d>(&mut self, now: Instant, datagram: Datagram<'d>) -> Heard<'d> {
        let Datagram { flow, payload, .. } = datagram;
        assert!(
            self.sin != Sin::PanicsOnBytes || payload.len() != 3,
            "three bytes are too much"
        );
        let room = self.held.len() < 16 || self.sin == Sin::HoardsMemory;
        if room && !payload.is_empty() && flow.remote().port() != 0 {
            let due = now + Duration::from_millis(1);
            self.held.push_back((due, flow, payload.to_vec()));
        }
        Heard {
            sin: self.sin,
            bytes: payload,
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
                return Some(Transmit::udp(([192, 0, 2, 9], 9).into(), 1));
            }
            _ => {}
        }
        self.held
            .front()
            .filter(|(due, _, bytes)| *due <= now && bytes.len() <= buf.len())?;
        if self.sin == Sin::NeedsMoreRoomThanItSays && buf.len() < 2000 {
            return None;
        }
        let (_, flow, bytes) = self.held.pop_front()?;
        buf[..bytes.len()].copy_from_slice(&bytes);
        let echo = Transmit::new(flow, bytes.len());
        let answer_to = |to: SocketAddr| Transmit::new(Flow::new(flow.protocol(), flow.local(), to), bytes.len());
        let in_segments = |size| Transmit {
            segment_size: NonZeroUsize::new(size),
            ..echo
        };
        match self.sin {
            Sin::SaysNothingAtLength => return Some(Transmit { len: 0, ..echo }),
            Sin::CutsTooLong => return Some(in_segments(bytes.len() + 1)),
            Sin::CutsAStream if flow.protocol().is_stream() => return Some(in_segments(1)),
            Sin::SendsToPortZero => return Some(answer_to(SocketAddr::new(flow.remote().ip(), 0))),
            Sin::SendsFromElsewhere => return Some(echo.from_local(([192, 0, 2, 66], 1).into())),
            _ => {}
        }
        if self.sin == Sin::RollsDice
            && let Some(first) = buf.first_mut()
        {
            *first = dice();
        }
        Some(echo)
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

    fn longest_datagram(&self) -> usize {
        match self.sin {
            Sin::SendsLongerThanItSays => 2,
            _ => 1500,
        }
    }

    fn poll_flow(&mut self) -> Option<FlowRequest> {
        (self.sin == Sin::AsksForever).then_some(FlowRequest::Cancel(RequestId(1)))
    }

    fn handle_flow(&mut self, _now: Instant, event: FlowEvent) {
        assert!(
            self.sin != Sin::RefusesUnreachable || !matches!(event, FlowEvent::Unreachable(_)),
            "nobody may be unreachable"
        );
    }
}

fn laws_for(sin: Sin) -> Laws<Echo> {
    let make = move || Echo { sin, ..Echo::default() };
    let laws =
        Laws::walking(make, |heard| format!("{:?}", heard.first())).samples([b"abc".to_vec(), b"longer".to_vec()]);
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
    Laws::walking(Echo::default, |heard| format!("{:?}", heard.first()))
        .against(Echo::default)
        .verb(|echo, now, _| echo.handle_timeout(now))
        .check();
}

/// What a machine may do wrong, and what the harness says then.
const SINS: [(Sin, &str); 18] = [
    (Sin::PanicsOnBytes, "three bytes are too much"),
    (Sin::OverrunsBuffer, "law 2"),
    (Sin::BusyLoops, "law 3, no busy loop"),
    (Sin::SpeaksUnasked, "law"),
    (Sin::NeverEnds, "law 4"),
    (Sin::HoardsMemory, "law 4"),
    (Sin::RollsDice, "law 5"),
    (Sin::SaysNothingAtLength, "length 0"),
    (Sin::CutsTooLong, "in segments of"),
    (Sin::CutsAStream, "in segments on a stream"),
    (Sin::SendsToPortZero, "port 0"),
    (Sin::SendsFromElsewhere, "was not given"),
    (Sin::SendsLongerThanItSays, "the longest was to have 2"),
    (Sin::NeedsMoreRoomThanItSays, "but in a longer one"),
    (Sin::ReceivedPanics, "too much to look at"),
    (Sin::ReceivedDiffers, "law 5"),
    (Sin::AsksForever, "law 4"),
    (Sin::RefusesUnreachable, "nobody may be unreachable"),
];

#[test]
fn each_broken_law_is_found_and_named() {
    for (sin, name) in SINS {
        let error = verdict(sin).expect_err(name);
        assert!(error.contains(name), "expected {name}, found {error}");
        assert!(error.contains("script: ["), "the failing script is printed: {error}");
    }
}

#[test]
fn a_single_run_finds_all_but_what_differs_between_two() {
    for (sin, name) in SINS {
        let error = verdict(sin).expect_err(name);
        let (_, script) = error.split_once("script: [").expect("the failing script is printed");
        let numbers = script.trim_end().trim_end_matches(']').split(", ");
        let numbers = numbers.filter(|number| !number.is_empty());
        let script: Vec<u8> = numbers.map(|number| number.parse().expect("a byte")).collect();
        let outcome = std::panic::catch_unwind(|| laws_for(sin).run_once(&script));
        assert_eq!(outcome.is_ok(), name == "law 5", "{error}");
    }
}

#[test]
fn a_machine_may_send_only_from_the_addresses_it_was_given() {
    // An echo answers from wherever it was asked. One that was given a single address must not.
    let given = SocketAddr::from(([192, 0, 2, 1], 5000));
    let outcome = std::panic::catch_unwind(|| laws_for(Sin::None).local_addresses([given]).check());
    let error = outcome.expect_err("it answers from elsewhere");
    let error = error.downcast_ref::<String>().expect("quickcheck panics with text");
    assert!(error.contains("was not given"), "{error}");
}
