//! A negotiator that does as it is told: one command per line on standard input, a JSON object with
//! `do`, and one line of JSON on standard output for each, with `error` if it was refused.

mod command;
mod state;

use std::io::{self, BufRead, Write};

use command::Session;
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut session = Session::default();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(command) => session
                .obey(&command)
                .unwrap_or_else(|error| json!({ "error": error.to_string() })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{}", Value::to_string(&answer))?;
        output.flush()?;
    }
    Ok(())
}
