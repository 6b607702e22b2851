//! The `pollrtc` program: see what the library does with a browser, with another server, or with
//! nothing but itself behind simulated NATs.

mod connect;
mod connection;
mod container;
mod interrupt;
mod log;
mod loopback;
mod net;
mod output;
mod play;
mod public;
mod record;
mod recorder;
mod serve;
mod signal;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// WebRTC data channels, seen at work. Without a command: `serve`.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves a page on which a browser connects to this program, or to another browser
    Serve(serve::Args),
    /// Connects to a server that echoes, and checks what comes back; prints JSON
    Connect(connect::Args),
    /// Sends a file of sound or pictures to a server, in real time; prints JSON
    Play(play::Args),
    /// Writes what a server sends to files; prints JSON
    Record(record::Args),
    /// Connects two peers in this process through simulated NATs, in virtual time
    Loopback(loopback::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => serve::run(args).map(|()| ExitCode::SUCCESS),
        Command::Connect(args) => connect::run(args),
        Command::Play(args) => play::run(args),
        Command::Record(args) => record::run(args),
        Command::Loopback(args) => loopback::run(args),
    };
    outcome.unwrap_or_else(|error| {
        // Where nobody reads that either, the exit code says it.
        let _ = writeln!(std::io::stderr(), "pollrtc: {error}");
        ExitCode::FAILURE
    })
}
