//! What hostile descriptions cost, in instructions per byte, and whether that grows with their size:
//! `cargo bench -p pollrtc-sdp --bench growth`, which needs valgrind.
//!
//! Instructions don't depend on who else uses the machine. Each shape is read in two sizes, one four
//! times the other; if a byte of the larger costs much more than one of the smaller, something grows
//! with the square, and the bench fails. So it does if a change of an owned description costs a section
//! of many much more than one of few.

use std::env;
use std::fmt::Write;
use std::hint::black_box;
use std::process::{Command, ExitCode};

use pollrtc_sdp::{Limits, Origin, Parser, Profile, Writer};

const SMALL: usize = 2_000;
const LARGE: usize = 4 * SMALL;
/// How much more a byte of the larger description may cost: sorting costs a logarithm.
const TOLERATED: f64 = 1.25;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [once, shape, count, work] = arguments.as_slice()
        && once == "--once"
    {
        return run_once(shape, count.parse().expect("a number"), work);
    }
    println!("| shape | bytes | instructions/B | four times as large | growth |\n|---|---:|---:|---:|---:|");
    let mut linear = true;
    for (name, _) in SHAPES {
        for profile in ["Jsep", "Lenient"] {
            let (bytes, small) = per_byte(name, SMALL, profile);
            let (_, large) = per_byte(name, LARGE, profile);
            let growth = large / small;
            println!("| {name}, {profile} | {bytes} | {small:.1} | {large:.1} | {growth:.2} |");
            linear &= growth < TOLERATED;
        }
    }
    println!("\n| step | instructions/section, of {FEW} | of {SOME} | of {MANY} | growth |\n|---|---:|---:|---:|---:|");
    let [before, after] = ["0", "1"].map(|steps| [FEW, SOME, MANY].map(|count| instructions(CHANGES[0], count, steps)));
    let per_section = |size: usize, count: usize| (after[size] - before[size]) / count as u64;
    let [few, some, many] = [per_section(0, FEW), per_section(1, SOME), per_section(2, MANY)];
    let growth = many as f64 / some as f64;
    println!("| {} | {few} | {some} | {many} | {growth:.2} |", CHANGES[1]);
    linear &= growth < TOLERATED;
    if linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const FEW: usize = 10;
const SOME: usize = 100;
const MANY: usize = 500;

/// What is done to an owned description.
const CHANGES: [&str; 2] = ["a section", "push one to an owned description"];

fn change(sections: usize, steps: usize) {
    let text = black_box(description("codecs", 30));
    let session = Parser::new().parse(&text).expect("a description");
    let section = session.media().next().expect("a section");
    let mut owned = Writer::new(&Origin::with_id("1", "1")).finish().expect("a description");
    for _ in 0..sections.saturating_mul(steps) {
        owned.push_section(&section);
    }
    black_box(owned);
}

type Fill = fn(&mut String, usize);

/// Each adds so many lines or words to a description; what `a=` lines they have belong to one media
/// section, unless they make sections themselves.
const SHAPES: &[(&str, Fill)] = &[
    ("media sections", |text, count| text.push_str(&SECTION.repeat(count))),
    ("mids that begin alike, in a bundle", |text, count| {
        text.push_str("a=group:BUNDLE");
        each(text, count, |text, number| {
            write!(text, " xxxxxxxxxxxxxxxxxxxx{number:05}")
        });
        text.push_str("\r\n");
        each(text, count, |text, number| {
            write!(text, "{SECTION}a=mid:xxxxxxxxxxxxxxxxxxxx{number:05}\r\n")
        });
    }),
    ("one mid in all sections", |text, count| {
        text.push_str(&format!("{SECTION}a=mid:a\r\n").repeat(count))
    }),
    ("groups", |text, count| {
        text.push_str(&"a=group:LS a\r\n".repeat(count));
        write!(text, "{SECTION}a=mid:a\r\n").expect("a string takes all");
    }),
    ("one mid in one group", |text, count| {
        write!(text, "a=group:LS{}\r\n{SECTION}a=mid:a\r\n", " a".repeat(count)).expect("a string takes all");
    }),
    ("unknown attributes", |text, count| {
        lines(text, count, |text, _| write!(text, "a=x\r\n"))
    }),
    ("one long line", |text, count| {
        write!(text, "{SECTION}a=x:{}\r\n", "y".repeat(10 * count)).expect("a string takes all");
    }),
    ("one long mid", |text, count| {
        write!(text, "{SECTION}a=mid:{}\r\n", "y".repeat(10 * count)).expect("a string takes all");
    }),
    ("formats", |text, count| formats(text, count, |_, _| Ok(()))),
    ("formats, each with parameters", |text, count| {
        formats(text, count, |text, number| write!(text, "a=fmtp:{number} a=b\r\n"));
    }),
    ("candidates", |text, count| {
        lines(text, count, |text, number| {
            write!(
                text,
                "a=candidate:{number} 1 udp {} 192.0.2.1 9 typ host\r\n",
                number + 1
            )
        });
    }),
    ("header extensions", |text, count| {
        lines(text, count, |text, number| {
            write!(text, "a=extmap:{} urn:x{number}\r\n", 4_096 + number % 256)
        });
    }),
    ("rids in one simulcast", |text, count| {
        lines(text, count, |text, number| write!(text, "a=rid:r{number} send\r\n"));
        text.push_str("a=simulcast:send r0");
        each(text, count, |text, number| write!(text, ";r{number}"));
        text.push_str("\r\n");
    }),
    ("sources", |text, count| {
        lines(text, count, |text, number| write!(text, "a=ssrc:{number} cname:x\r\n"))
    }),
    ("sources in one group", |text, count| {
        text.push_str(SECTION);
        text.push_str("a=ssrc-group:SIM");
        each(text, count, |text, number| write!(text, " {number}"));
        text.push_str("\r\n");
    }),
    ("codecs", |text, count| {
        lines(text, count, |text, number| {
            write!(text, "a=rtpmap:{} x{number}/8000\r\n", number % 128)
        });
    }),
    ("feedback", |text, count| {
        lines(text, count, |text, number| {
            write!(text, "a=rtcp-fb:{} nack\r\n", number % 128)
        })
    }),
    ("streams", |text, count| {
        lines(text, count, |text, number| write!(text, "a=msid:s{number} t\r\n"))
    }),
    ("image sizes", |text, count| {
        text.push_str(SECTION);
        text.push_str("a=imageattr:* send");
        each(text, count, |text, number| write!(text, " [x={},y=10]", number + 1));
        text.push_str("\r\n");
    }),
];

const SECTION: &str = "m=audio 9 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n";

fn each(text: &mut String, count: usize, mut add: impl FnMut(&mut String, usize) -> std::fmt::Result) {
    (0..count).for_each(|number| add(text, number).expect("a string takes all"));
}

fn lines(text: &mut String, count: usize, add: impl FnMut(&mut String, usize) -> std::fmt::Result) {
    text.push_str(SECTION);
    each(text, count, add);
}

fn formats(text: &mut String, count: usize, mut add: impl FnMut(&mut String, usize) -> std::fmt::Result) {
    text.push_str("m=audio 9 RTP/AVP");
    each(text, count, |text, number| write!(text, " {}", 1_000 + number));
    text.push_str("\r\nc=IN IP4 0.0.0.0\r\n");
    each(text, count, |text, number| add(text, 1_000 + number));
}

/// How long the description is, and the instructions per byte to read it.
fn per_byte(shape: &str, count: usize, profile: &str) -> (usize, f64) {
    let with = instructions(shape, count, profile);
    let without = instructions(shape, count, "nothing");
    let bytes = description(shape, count).len();
    (bytes, with.saturating_sub(without) as f64 / bytes as f64)
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

/// What runs under valgrind.
fn run_once(shape: &str, count: usize, work: &str) -> ExitCode {
    if shape == CHANGES[0] {
        change(count, work.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    let text = black_box(description(shape, count));
    let profile = match work {
        "Jsep" => Profile::Jsep,
        "Lenient" => Profile::Lenient,
        _ => return ExitCode::SUCCESS,
    };
    let limits = Limits {
        bytes: u32::MAX,
        lines: u32::MAX,
        media_sections: u32::MAX,
        attributes: u32::MAX,
        candidates: u32::MAX,
    };
    let mut findings = 0;
    let session = Parser::new()
        .profile(profile)
        .limits(limits)
        .parse_with(&text, |_| findings += 1)
        .map(|session| session.media_count());
    black_box((session.is_ok(), findings));
    ExitCode::SUCCESS
}

fn description(shape: &str, count: usize) -> String {
    let mut text = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    let (_, fill) = SHAPES.iter().find(|(name, _)| *name == shape).expect("a shape of ours");
    fill(&mut text, count);
    text
}
