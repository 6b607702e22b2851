//! The same packets through pollrtc and libsrtp. Each protects, and the bytes are the same; each unprotects what the
//! other protected; and what was changed on its way, came before or lies too far back gets one verdict from both.

mod libsrtp;
mod packet;
mod pair;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use pollrtc_crypto::{Provider, Rng, aws_lc_rs, rust_crypto};
use pollrtc_srtp::Profile;

use crate::pair::{Pair, Variant};

const USAGE: &str = "usage: run.sh [--quick] [--seed N]";

fn main() -> ExitCode {
    let (mut rounds, mut seed) = (40, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => rounds = 4,
            "--seed" => match arguments.next().and_then(|seed| seed.parse().ok()) {
                Some(given) => seed = given,
                None => return usage(),
            },
            _ => return usage(),
        }
    }
    eprintln!("{}, seed {seed}", libsrtp::version());
    let mut failed = false;
    for profile in Profile::ALL {
        for variant in Variant::ALL {
            for (name, provider) in [
                ("aws-lc-rs", aws_lc_rs::PROVIDER),
                ("rust-crypto", rust_crypto::PROVIDER),
            ] {
                let run = || play(provider, profile, variant, rounds, seed);
                let result = catch_unwind(AssertUnwindSafe(run));
                let passed = result.is_ok();
                failed |= !passed;
                let packets = result.unwrap_or_default();
                println!(
                    r#"{{"profile":"{profile}","variant":"{variant:?}","provider":"{name}","packets":{packets},"passed":{passed}}}"#
                );
            }
        }
    }
    match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

/// How many packets were compared.
fn play(provider: &dyn Provider, profile: Profile, variant: Variant, rounds: u32, seed: u64) -> u64 {
    let mut packets = 0;
    for round in 0..rounds {
        let mut bytes = [round as u8; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        bytes[8..12].copy_from_slice(&round.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let mut pair = Pair::new(provider, profile, variant, &mut rng);
        packets += pair.run(&mut rng);
    }
    packets
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}
