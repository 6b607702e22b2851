//! SRTP of pollrtc, libsrtp and rtc-srtp, side by side; see README.md of the folder above.

#[path = "../../src/cpu.rs"]
mod cpu;
#[path = "../../../../conformance/interop/srtp/src/libsrtp.rs"]
#[allow(dead_code)] // the tests of interoperability use more of it
mod libsrtp;
mod measure;
mod subject;
#[path = "../../src/table.rs"]
#[allow(dead_code)] // all cases are alike here
mod table;

use std::process::ExitCode;

use pollrtc_srtp::Profile;

use crate::measure::Effort;
use crate::subject::{Libsrtp, Pollrtc, Room, Rtc, Subject};
use crate::table::Table;

const USAGE: &str = "\
usage: srtp-peers [--quick] [--json] [CASE...]
  --quick   seconds instead of minutes
  --json    JSON instead of a markdown table
  CASE      only cases whose name contains this, as `GCM` or \"1200 B\"";

/// Bytes of plain packets.
const LENGTHS: [usize; 2] = [100, 1200];
/// Receivers of a packet.
const ROOM: usize = 64;
const PROFILES: [Profile; 3] = [
    Profile::Aes128CmHmacSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

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
    eprintln!("{}", libsrtp::version());
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let mut table = Table::default();
    for profile in PROFILES {
        for len in LENGTHS {
            let name = format!("{profile}, {len} B");
            if is_wanted(&name) {
                let mut subjects: [Box<dyn Subject>; 3] = [
                    Box::new(Pollrtc::new(profile)),
                    Box::new(Libsrtp::new(profile)),
                    Box::new(Rtc::new(profile)),
                ];
                table.begin_case(name);
                for (name, metrics) in NAMES.into_iter().zip(measure::packets(&mut subjects, len, effort)) {
                    table.add(name, Ok(metrics));
                }
            }
            let name = format!("{profile}, {len} B to {ROOM} receivers");
            if is_wanted(&name) {
                let mut rooms: [Box<dyn Room>; 2] = [
                    Box::new(subject::PollrtcRoom::new(profile, ROOM)),
                    Box::new(subject::LibsrtpRoom::new(profile, ROOM)),
                ];
                table.begin_case(name);
                for (name, metrics) in NAMES.into_iter().zip(measure::rooms(&mut rooms, len, effort)) {
                    table.add(name, Ok(metrics));
                }
            }
        }
    }
    match json {
        true => println!("{}", table.json()),
        false => println!("{}", table.markdown()),
    }
    ExitCode::SUCCESS
}

const NAMES: [&str; 3] = ["pollrtc", "libsrtp", "rtc"];
