//! How the work grows with the description, in instructions: those don't depend on who else uses the
//! machine.

use std::fmt::Write;
use std::hint::black_box;
use std::process::Command;

use pollrtc_sdp::Parser;

use super::input::sfu;
use super::library::read_all;

const SECTIONS: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 500];

/// Instructions per byte to check a description, and to read each attribute in its type, as a table.
pub(crate) fn growth() -> Result<String, String> {
    let mut table =
        String::from("| m-sections | bytes | checked, instructions/B | structure and every attribute typed |\n");
    table.push_str("|---:|---:|---:|---:|\n");
    for sections in SECTIONS {
        let bytes = sfu(sections).len();
        let per_byte = |what| {
            let two = instructions(what, sections, 2)?;
            let one = instructions(what, sections, 1)?;
            Ok::<f64, String>(two.saturating_sub(one) as f64 / bytes as f64)
        };
        let (checked, typed) = (per_byte("checked")?, per_byte("typed")?);
        writeln!(table, "| {sections} | {bytes} | {checked:.1} | {typed:.1} |").map_err(|error| error.to_string())?;
    }
    Ok(table)
}

/// What a run of this program under valgrind executes in all.
fn instructions(what: &str, sections: usize, repetitions: usize) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--sdp-once", what, &sections.to_string(), &repetitions.to_string()])
        .output()
        .map_err(|error| format!("valgrind can't be started: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected
        .and_then(|count| count.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing: {log}"))
}

/// What runs under valgrind: `what`, sections, repetitions.
pub(crate) fn parse_repeatedly(arguments: &[String]) -> Option<()> {
    let [what, sections, repetitions] = arguments else {
        return None;
    };
    let text = sfu(sections.parse().ok()?);
    for _ in 0..repetitions.parse().ok()? {
        match what.as_str() {
            "checked" => drop(black_box(Parser::new().parse(&text).ok()?.media_count())),
            "typed" => drop(black_box(read_all(&Parser::new().structure_only().parse(&text).ok()?))),
            _ => return None,
        }
    }
    Some(())
}
