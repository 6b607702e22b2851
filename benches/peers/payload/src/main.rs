//! Payload formats of pollrtc and rtc-rtp, side by side; see README.md of the folder above.

#[path = "../../src/cpu.rs"]
mod cpu;
mod frames;
mod measure;
mod subject;
#[path = "../../src/table.rs"]
#[allow(dead_code)] // all cases are alike here
mod table;

use std::process::ExitCode;

use pollrtc_rtp::payload::{H265DecodingOrder, PayloadFormat};

use crate::measure::Effort;
use crate::subject::{Pollrtc, Rtc, Subject};
use crate::table::Table;

const USAGE: &str = "\
usage: payload-peers [--quick] [--json] [CASE...]
  --quick   seconds instead of minutes
  --json    JSON instead of a markdown table
  CASE      only cases whose name contains this, as `H264` or \"100 kB\"";

const FORMATS: [(PayloadFormat, &str); 5] = [
    (PayloadFormat::Vp8, "VP8"),
    (PayloadFormat::Vp9, "VP9"),
    (PayloadFormat::H264, "H264"),
    (PayloadFormat::H265(H265DecodingOrder::AsSent), "H265"),
    (PayloadFormat::Av1, "AV1"),
];
/// A frame between others, and a key frame.
const FRAMES: [(usize, &str); 2] = [(5_000, "5 kB"), (100_000, "100 kB")];

fn main() -> ExitCode {
    let (mut effort, mut json, mut wanted) = (Effort::FULL, false, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = Effort::QUICK,
            "--json" => json = true,
            option if option.starts_with('-') => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
            _ => wanted.push(argument),
        }
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let mut table = Table::default();
    for (format, format_name) in FORMATS {
        for (len, len_name) in FRAMES {
            let name = format!("{format_name}, frame of {len_name}");
            if !is_wanted(&name) {
                continue;
            }
            let frame = frames::frame(format, len);
            let mut subjects: [Box<dyn Subject>; 2] = [Box::new(Pollrtc::new(format)), Box::new(Rtc::new(format))];
            table.begin_case(name);
            for (name, metrics) in NAMES.into_iter().zip(measure::frames(&mut subjects, &frame, effort)) {
                table.add(name, metrics);
            }
        }
    }
    match json {
        true => println!("{}", table.json()),
        false => println!("{}", table.markdown()),
    }
    ExitCode::SUCCESS
}

const NAMES: [&str; 2] = ["pollrtc", "rtc"];
