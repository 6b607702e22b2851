//! What an exchange of offer and answer costs, in instructions per section, and whether that grows with
//! their number: `cargo bench -p pollrtc-jsep --bench growth`, which needs valgrind.
//!
//! Instructions don't depend on who else uses the machine. If a section of many costs much more than one
//! of few, something grows with the square, and the bench fails. So it does if a candidate that trickles
//! costs more than 20,000 instructions.

use std::env;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use pollrtc_jsep::rtp::{MediaKind, RtpCapabilities};
use pollrtc_jsep::{
    CertificateHash, Config, HashFunction, LocalTransport, NegotiationError, Negotiator, RemoteCandidate,
    TransceiverInit, TransportKey,
};

/// How much more a section of many may cost: sorting costs a logarithm.
const TOLERATED: f64 = 1.25;

const FEW: usize = 10;
const SOME: usize = 100;
const MANY: usize = 500;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [once, work, count, steps] = arguments.as_slice()
        && once == "--once"
    {
        let number = |text: &String| text.parse().expect("a number");
        let done = match work.as_str() {
            CANDIDATES => trickle(number(count), number(steps)),
            _ => exchange(number(count), number(steps)),
        };
        done.expect("what peers of ours say fits");
        return ExitCode::SUCCESS;
    }
    let mut linear = true;
    println!("| step | instructions/section, of {FEW} | of {SOME} | of {MANY} | growth |\n|---|---:|---:|---:|---:|");
    let mut before = [0; 3];
    for (step, name) in EXCHANGE.iter().enumerate() {
        let after = [FEW, SOME, MANY].map(|count| instructions(EXCHANGE[0], count, &step.to_string()));
        let per_section = |size: usize, count: usize| (after[size] - before[size]) / count as u64;
        let [few, some, many] = [per_section(0, FEW), per_section(1, SOME), per_section(2, MANY)];
        let growth = many as f64 / some as f64;
        if step > 0 {
            println!("| {name} | {few} | {some} | {many} | {growth:.2} |");
            linear &= growth < TOLERATED;
        }
        before = after;
    }
    println!("\n| candidate that trickles | instructions | behind {BEFORE} others |\n|---|---:|---:|");
    for sections in [2, 50] {
        let cost = |before: usize| {
            let [few, many] =
                [0, TRICKLED].map(|count| instructions(CANDIDATES, sections, &format!("{}", before + count)));
            (many - few) / TRICKLED as u64
        };
        let (first, late) = (cost(0), cost(BEFORE));
        println!("| of {sections} sections | {first} | {late} |");
        linear &= first.max(late) <= CANDIDATE_MAXIMUM;
    }
    if linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What two peers with so many sections do, one after the other.
const EXCHANGE: [&str; 7] = [
    "transceivers",
    "create the offer",
    "set it",
    "take it",
    "create the answer",
    "set it, and agree",
    "take it, and agree",
];

const CANDIDATES: &str = "candidates that trickle";
/// Over so many the cost of one is taken.
const TRICKLED: usize = 100;
const BEFORE: usize = 800;
/// Instructions for one, whatever came before.
const CANDIDATE_MAXIMUM: u64 = 20_000;

/// So many candidates trickle to who has answered an offer of so many bundled sections.
fn trickle(sections: usize, count: usize) -> Result<(), NegotiationError> {
    let (_, mut bob) = agreed(sections, 5)?;
    for number in 0..count {
        let line = format!(
            "candidate:1 1 udp 2130706431 192.0.2.{} {} typ host",
            number % 256,
            1_000 + number
        );
        let candidate = RemoteCandidate {
            section: Some(1),
            ..RemoteCandidate::from(&line)
        };
        black_box(bob.add_remote_candidate(candidate)?);
    }
    Ok(())
}

/// Does so many of them behind the first.
fn exchange(sections: usize, steps: usize) -> Result<(), NegotiationError> {
    agreed(sections, steps).map(drop)
}

/// The two after so many steps.
fn agreed(sections: usize, steps: usize) -> Result<(Negotiator, Negotiator), NegotiationError> {
    let transport = |key: TransportKey| LocalTransport {
        ufrag: format!("uf{}g{}", key.transport, key.generation),
        pwd: "of/no/use/without/a/transport".to_owned(),
        fingerprints: vec![CertificateHash::new(HashFunction::Sha256, &[0xab; 32]).expect("32 bytes")],
        ..LocalTransport::default()
    };
    let [mut alice, mut bob] = [1, 2].map(|id| {
        Negotiator::new(Config {
            audio: RtpCapabilities::of(MediaKind::Audio),
            video: RtpCapabilities::of(MediaKind::Video),
            ..Config::new(id)
        })
    });
    for kind in [MediaKind::Audio, MediaKind::Video].into_iter().cycle().take(sections) {
        alice.add_transceiver(kind, TransceiverInit::default());
    }
    let is_done = |step: usize| step >= steps;
    if is_done(0) {
        return Ok((alice, bob));
    }
    let offer = alice.create_offer(transport)?;
    if is_done(1) {
        return Ok((alice, bob));
    }
    alice.set_local(&offer)?;
    if is_done(2) {
        return Ok((alice, bob));
    }
    bob.set_remote(&offer)?;
    if is_done(3) {
        return Ok((alice, bob));
    }
    let answer = bob.create_answer(transport)?;
    if is_done(4) {
        return Ok((alice, bob));
    }
    bob.set_local(&answer)?;
    if is_done(5) {
        return Ok((alice, bob));
    }
    black_box(alice.set_remote(&answer)?);
    Ok((alice, bob))
}

/// What a run of this program under valgrind executes in all.
fn instructions(shape: &str, count: usize, work: &str) -> u64 {
    let program = env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--once", shape, &count.to_string(), work])
        .output()
        .expect("valgrind can be started");
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or_else(|| panic!("valgrind counted nothing: {log}"))
}
