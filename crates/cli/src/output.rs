//! Standard output, of which nothing is lost in silence.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line.
///
/// # Errors
///
/// If it is lost, since the reader is gone or the disk is full.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    written.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}")))
}
