//! RTP and RTCP of pollrtc, str0m, rtc, rtp-types and rtcp-types, side by side; see README.md of the folder above.

#[path = "../../src/cpu.rs"]
mod cpu;
mod input;
mod measure;
mod read;
#[path = "../../src/table.rs"]
#[allow(dead_code)] // all cases are alike here
mod table;

use std::process::ExitCode;

use crate::measure::{Effort, Reader};
use crate::table::Table;

const USAGE: &str = "\
usage: rtp-peers [--quick] [--json]
  --quick   seconds instead of minutes
  --json    JSON instead of a markdown table";

fn main() -> ExitCode {
    let (mut effort, mut json) = (Effort::FULL, false);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = Effort::QUICK,
            "--json" => json = true,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let mut table = Table::default();
    let mut packets = read::packets();
    case(
        &mut table,
        "RTP, 1,200 B, four header extensions read",
        &mut packets,
        &input::packets(),
        effort,
    );
    let mut compounds = read::compounds();
    let name = "RTCP, SR, SDES and feedback on 100 packets read";
    case(&mut table, name, &mut compounds, &input::compounds(), effort);
    match json {
        true => println!("{}", table.json()),
        false => println!("{}", table.markdown()),
    }
    ExitCode::SUCCESS
}

fn case(table: &mut Table, name: &str, readers: &mut [Reader], inputs: &[Vec<u8>], effort: Effort) {
    table.begin_case(name.to_owned());
    let metrics = measure::read(readers, inputs, effort);
    for (reader, metrics) in readers.iter().zip(metrics) {
        table.add(reader.name, Ok(metrics));
    }
}
