//! DTLS of pollrtc, BoringSSL, OpenSSL and dimpl, side by side; see README.md of the folder above.

mod boringssl;
mod dimpl;
mod pollrtc;

use std::process::ExitCode;

use dtls_measure::measure::Kind;
use dtls_measure::subject::{Ends, Local, Remote, Subject};
use dtls_measure::{Contestant, run};

fn main() -> ExitCode {
    run(&[
        Contestant {
            name: "pollrtc",
            start: |kind| Some(local(pollrtc::Configs::new(kind))),
        },
        Contestant {
            name: "boringssl",
            start: |kind| Some(local(boringssl::Contexts::new(kind))),
        },
        Contestant {
            name: "openssl",
            start: |kind| (kind == Kind::V12).then(|| Ok(Box::new(Remote::start("dtls-openssl", kind)?) as _)),
        },
        Contestant {
            name: "dimpl",
            start: |kind| (kind != Kind::V13Hybrid).then(|| local(dimpl::Configs::new(kind))),
        },
    ])
}

fn local(ends: Result<impl Ends + 'static, String>) -> Result<Box<dyn Subject>, String> {
    Ok(Box::new(Local::new(ends?)))
}
