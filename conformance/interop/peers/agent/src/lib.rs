//! What the agents in Rust share. An agent is a program with one WebRTC stack that does what it is told: a command is a line
//! of JSON on stdin, its reply a line on stdout (see the README of the matrix).

mod frame;
mod message;
mod record;
mod sans_io;

use std::error::Error;
use std::io::{self, Write};
use std::net::IpAddr;

pub use frame::{Kind, Stream};
pub use message::Message;
pub use record::{Channel, Record};
pub use sans_io::{Stack, run};
use serde_json::{Value, json};

/// What a command gives back, or why it was not carried out.
pub type Reply = Result<Value, Box<dyn Error>>;

/// One command.
#[derive(Clone, Debug)]
pub struct Command(Value);

/// How a data channel is opened.
#[derive(Clone, Debug)]
pub struct ChannelInit {
    pub label: String,
    pub ordered: bool,
    pub max_retransmits: Option<u16>,
}

impl Command {
    /// What to do.
    pub fn verb(&self) -> &str {
        self.text("do")
    }

    /// The name of the connection that it is about.
    pub fn connection(&self) -> &str {
        self.text("on")
    }

    /// An argument; empty if it is missing.
    pub fn text(&self, argument: &str) -> &str {
        self.0[argument].as_str().unwrap_or_default()
    }

    /// Whether an argument is there, and true.
    pub fn is(&self, argument: &str) -> bool {
        self.0[argument].as_bool().unwrap_or(false)
    }

    /// The channel to `open`.
    pub fn channel_init(&self) -> ChannelInit {
        ChannelInit {
            label: self.text("label").to_owned(),
            ordered: self.0["ordered"].as_bool().unwrap_or(true),
            max_retransmits: self.0["maxRetransmits"].as_u64().map(|count| count as u16),
        }
    }

    /// The messages to `send`.
    pub fn messages(&self) -> Vec<Message> {
        let seed = self.0["seed"].as_u64().unwrap_or_default() as usize;
        let sizes = self.0["sizes"].as_array().into_iter().flatten();
        let sizes = sizes.filter_map(Value::as_u64).enumerate();
        sizes
            .map(|(index, size)| Message::new(seed, index, size as usize))
            .collect()
    }
}

/// Carries out commands until stdin ends.
pub fn serve(name: &str, version: &str, mut carry_out: impl FnMut(Command) -> Reply) {
    say(&json!({ "name": name, "version": version }));
    for line in io::stdin().lines().map_while(Result::ok) {
        let command = serde_json::from_str(&line).map(Command);
        let reply = command.map_err(Into::into).and_then(&mut carry_out);
        say(&reply.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
}

fn say(reply: &Value) {
    let mut out = io::stdout().lock();
    // Nobody listens any more: stdin ends, too.
    let _ = writeln!(out, "{reply}").and_then(|()| out.flush());
}

/// The address to be reached at: what follows `--bind` on the command line.
pub fn bind_address() -> IpAddr {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--bind");
    let address = arguments.nth(1).and_then(|address| address.parse().ok());
    address.expect("--bind and an IP address")
}
