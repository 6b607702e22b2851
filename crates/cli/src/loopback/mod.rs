//! `pollrtc loopback`: two peers in this process, on a simulated network and in virtual time.

mod nat;
mod world;

use std::cell::Cell;
use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use nat::NatKind;
use world::{Outcome, World};

use crate::output;

/// What `loopback` can be told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// What peer A is behind
    #[arg(long, value_enum, default_value_t = NatKind::PortRestricted)]
    nat_a: NatKind,
    /// What peer B is behind
    #[arg(long, value_enum, default_value_t = NatKind::PortRestricted)]
    nat_b: NatKind,
    /// How much of what crosses the Internet is lost, from 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    loss: f64,
    /// How long a packet takes there and back: `100ms`, `1.5s`
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = duration)]
    rtt: Duration,
    /// What decides all chance
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many messages A sends; B sends each of them back
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: usize,
    /// Writes all that crossed the wire into this file, for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
}

/// The exit code for two NATs that only a relay brings together.
const NEEDS_RELAY: u8 = 2;

/// Prints each step with its virtual time; succeeds only if every message arrived.
pub(crate) fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    // The first line that was lost: nobody reads the others either.
    let lost = Cell::new(None);
    let mut world = World::new(&args, |at, who, what| {
        let millis = at.as_nanos() as f64 / 1e6;
        let told = lost
            .take()
            .map_or_else(|| output::line(format_args!("{millis:>10.1} ms  {who}  {what}")), Err);
        lost.set(told.err());
    })?;
    let outcome = world.run();
    if let Some(error) = lost.take() {
        return Err(error.into());
    }
    if let Some(path) = &args.pcap {
        world.write_capture(BufWriter::new(File::create(path)?))?;
    }
    match (outcome, nat::need_for_relay(args.nat_a, args.nat_b)) {
        (Outcome::Arrived, _) => {
            let messages = args.messages;
            output::line(format_args!(
                "All {messages} messages arrived and came back, in order and unchanged."
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        (Outcome::NotConnected, Some(why)) => {
            output::line(format_args!("These two can't meet without a relay (TURN): {why}."))?;
            Ok(ExitCode::from(NEEDS_RELAY))
        }
        (outcome, _) => Err(format!("{outcome} (seed {})", args.seed).into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("must be from 0 to 1".to_owned())
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| "must be like 100ms or 1.5s".to_owned())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "us" => number / 1_000_000.0,
        _ => return Err("needs a unit: us, ms or s".to_owned()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    fn outcome(nat_a: NatKind, nat_b: NatKind, loss: f64, rtt: u64, seed: u64) -> Outcome {
        let args = Args {
            nat_a,
            nat_b,
            loss,
            rtt: Duration::from_millis(rtt),
            seed,
            messages: 100,
            pcap: None,
        };
        World::new(&args, |_, _, _| {}).unwrap().run()
    }

    /// Every pair of NATs on a bad network: those that can meet do, the others say that they can't.
    #[test]
    fn every_pair_that_can_meet_does() {
        for a in NatKind::value_variants() {
            for b in NatKind::value_variants() {
                let expected = match nat::need_for_relay(*a, *b) {
                    None => Outcome::Arrived,
                    Some(_) => Outcome::NotConnected,
                };
                for seed in 1..=3 {
                    assert_eq!(
                        outcome(*a, *b, 0.1, 200, seed),
                        expected,
                        "{a:?} and {b:?}, seed {seed}"
                    );
                }
            }
        }
    }

    #[test]
    fn times_and_shares_are_read() {
        assert_eq!(duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert!(duration("100").is_err() && duration("-1s").is_err() && duration("fast").is_err());
        assert_eq!(share("0.05"), Ok(0.05));
        assert!(share("5").is_err() && share("NaN").is_err());
    }
}
