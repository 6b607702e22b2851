//! Shows an error in the text that it is about.

use core::fmt;

use crate::error::ParseError;

impl ParseError {
    /// The error with the line that it is about and a caret under what is wrong, for people.
    ///
    /// `text` is what was parsed. Long lines are cut to the part around the caret, and bytes that
    /// are no printable text are shown as escapes, so that a hostile description can do nothing to
    /// a terminal or a log.
    ///
    /// ```
    /// let text = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n";
    /// let error = pollrtc_sdp::Session::parse(text).unwrap_err();
    /// assert_eq!(
    ///     error.display_with(text).to_string(),
    ///     "line 5, column 9: write a number from 0 to 65535 as the port\n\
    ///      \x20 |\n\
    ///      5 | m=audio 70000 RTP/AVP 0\n\
    ///      \x20 |         ^"
    /// );
    /// ```
    pub fn display_with<'t, T: AsRef<[u8]> + ?Sized>(&self, text: &'t T) -> impl fmt::Display + use<'t, T> {
        Report {
            error: *self,
            text: text.as_ref(),
        }
    }
}

struct Report<'t> {
    error: ParseError,
    text: &'t [u8],
}

/// How many bytes of the line are shown before the caret, and from it on.
const BEFORE: usize = 60;
const AFTER: usize = 40;

impl Report<'_> {
    /// What of the line is shown before and from the error's place on, and whether more stands on
    /// either side.
    fn window(&self) -> Window<'_> {
        let (before, after) = self
            .text
            .split_at_checked(self.error.offset())
            .unwrap_or((self.text, &[]));
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let before = start
            .and_then(|at| before.get(at.saturating_add(1)..))
            .unwrap_or(before);
        // A carriage return before the line feed ends the line; another is what the error is about.
        let after = match after.iter().position(|byte| *byte == b'\n') {
            Some(end) => after.get(..end).map(|line| line.strip_suffix(b"\r").unwrap_or(line)),
            None => None,
        }
        .unwrap_or(after);
        let cut = before.len().saturating_sub(BEFORE);
        let mut shown = before.get(cut..).unwrap_or(before);
        if cut > 0 {
            // Not the second half of a character.
            let partial = shown.iter().take(3).take_while(|byte| is_continuation(**byte)).count();
            shown = shown.get(partial..).unwrap_or(shown);
        }
        let mut length = after.len().min(AFTER);
        while length < after.len() && length > 1 && after.get(length).copied().is_some_and(is_continuation) {
            length = length.saturating_sub(1);
        }
        Window {
            before: shown,
            more_before: cut > 0,
            after: after.get(..length).unwrap_or(after),
            more_after: length < after.len(),
        }
    }
}

struct Window<'t> {
    before: &'t [u8],
    more_before: bool,
    after: &'t [u8],
    more_after: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.error.line();
        let gutter = line
            .checked_ilog10()
            .map_or(2, |log| usize::try_from(log).unwrap_or(0).saturating_add(2));
        let window = self.window();
        write!(f, "{}\n{:gutter$}|\n{line} | ", self.error, "")?;
        let cut = |more: bool| if more { "…" } else { "" };
        f.write_str(cut(window.more_before))?;
        show(f, window.before)?;
        show(f, window.after)?;
        f.write_str(cut(window.more_after))?;

        let mut width = Width(usize::from(window.more_before));
        show(&mut width, window.before)?;
        write!(f, "\n{:gutter$}| {:width$}^", "", "", width = width.0)
    }
}

/// Writes text as it is, and what is no printable text as escapes.
fn show(f: &mut impl fmt::Write, text: &[u8]) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                ' '..='~' => f.write_char(character)?,
                _ => write!(f, "{}", character.escape_debug())?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// Counts the characters that are written to it.
struct Width(usize);

impl fmt::Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.chars().count());
        Ok(())
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}
