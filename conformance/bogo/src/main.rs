//! One endpoint of the BoringSSL test runner: it speaks DTLS with the runner through our crate, in
//! the runner's own time, and tells by its exit code how it went. See README.md.

mod credential;
mod options;
mod session;
mod transport;

use std::process::ExitCode;

use options::{Options, OptionsError};

/// What the runner understands by these exit codes.
const UNIMPLEMENTED: u8 = 89;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        // Not a test, a question: whether signatures can be made by a process of their own.
        Err(OptionsError::Handshaker) => {
            println!("No");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(UNIMPLEMENTED);
        }
    };
    match session::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(session::Failure::Unimplemented(what)) => {
            eprintln!("not implemented: {what}");
            ExitCode::from(UNIMPLEMENTED)
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
