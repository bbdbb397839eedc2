//! The one door to standard output and standard error of every command. What goes through it is made visible
//! ([`crate::domain::visible`]): a title, path or message never steers the terminal. Colour only on a terminal that has it,
//! and never with `NO_COLOR`. JSON says exactly what the store holds.
//!
//! `tests/architecture.rs` holds that nobody else of the commands takes the streams.

use std::io::{self, IsTerminal, Write};

use color_eyre::eyre;
use serde::Serialize;

use crate::domain::visible::{visible_json, visible_line, visible_text};
use crate::telemetry::redact;

const BOLD: &str = "\u{1b}[1m";
const FAINT: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";
/// To the beginning of the line, and all of it gone.
const OVER: &str = "\r\u{1b}[2K";

/// A piece of a line; see [`bold`], [`faint`], [`plain`].
pub(super) struct Span<'a> {
    text: &'a str,
    style: &'static str,
}

/// Text as it is.
pub(super) fn plain(text: &str) -> Span<'_> {
    Span { text, style: "" }
}

/// Bold text on a terminal, plain elsewhere.
pub(super) fn bold(text: &str) -> Span<'_> {
    Span { text, style: BOLD }
}

/// Faint text on a terminal, plain elsewhere.
pub(super) fn faint(text: &str) -> Span<'_> {
    Span { text, style: FAINT }
}

/// Writes one line to standard output; a line end inside it is made visible too.
pub(super) fn line(text: impl AsRef<str>) -> eyre::Result<()> {
    write_out(&visible_line(text.as_ref()))
}

/// Writes one line of several pieces.
pub(super) fn styled(spans: &[Span<'_>]) -> eyre::Result<()> {
    write_out(&painted(spans, colours()))
}

fn painted(spans: &[Span<'_>], in_colour: bool) -> String {
    let mut out = String::new();
    for span in spans {
        let text = visible_line(span.text);
        if in_colour && !span.style.is_empty() {
            out.extend([span.style, &*text, PLAIN]);
        } else {
            out.push_str(&text);
        }
    }
    out
}

/// Writes one line of a text; its tabs stay.
pub(super) fn text_line(line: &str) -> eyre::Result<()> {
    write_out(&visible_text(line))
}

/// Writes a value as JSON: indented on a terminal, one line when piped.
pub(super) fn json(value: &impl Serialize) -> eyre::Result<()> {
    if io::stdout().is_terminal() {
        return write_out(&visible_json(&serde_json::to_string_pretty(value)?));
    }
    json_line(value)
}

/// Writes a value as one line of JSON.
pub(super) fn json_line(value: &impl Serialize) -> eyre::Result<()> {
    write_out(&visible_json(&serde_json::to_string(value)?))
}

/// A closed pipe (`| head`) ends the program quietly, as tools do.
fn write_out(line: &str) -> eyre::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Standard output for what is not for eyes: completions, the manual page.
pub(super) fn data() -> io::Stdout {
    io::stdout()
}

/// Standard output for many lines of JSON, each written whole; on a terminal they steer nothing.
pub(super) fn json_lines() -> Box<dyn Write + Send> {
    let out = io::BufWriter::with_capacity(256 << 10, io::stdout());
    if io::stdout().is_terminal() { Box::new(JsonOnScreen(out)) } else { Box::new(out) }
}

struct JsonOnScreen<W>(W);

impl<W: Write> Write for JsonOnScreen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(visible_json(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether somebody looks at what commands say beside their output.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Says something beside the output, on one line.
pub(super) fn note(text: impl AsRef<str>) {
    // A standard error that is gone has nobody to tell.
    let _ = writeln!(io::stderr(), "{}", visible_line(text.as_ref()));
}

/// Reports an error with its causes, outermost first, on one line each.
pub(super) fn error(report: &eyre::Report) {
    let mut lines = Vec::new();
    for cause in report.chain() {
        let text = cause.to_string();
        if !lines.iter().any(|known: &String| known.contains(&text)) {
            lines.push(text);
        }
    }
    for (index, line) in lines.iter().enumerate() {
        let head = if index == 0 { "peanut: " } else { "  because: " };
        note(format!("{head}{}", redact(line)));
    }
    tracing::error!(error = lines.join(": "), "command_failed");
}

/// Reports arguments that cannot be read; they may be names of files.
pub(super) fn usage(error: &clap::Error) {
    for line in redact(&error.to_string()).lines() {
        note(line);
    }
}

/// Whether standard output takes colour.
fn colours() -> bool {
    io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// One line that is rewritten in place on a terminal and left out elsewhere.
pub(super) fn progress(text: &str) {
    let mut err = io::stderr();
    if err.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
        let _ = write!(err, "{OVER}{}", visible_line(text));
        let _ = err.flush();
    }
}

/// A moment as `2024-09-12`, in the machine's time zone; empty when unknown.
pub(super) fn date(moment: Option<crate::domain::Timestamp>) -> String {
    moment
        .and_then(|moment| jiff::Timestamp::from_millisecond(moment.0).ok())
        .map(|moment| moment.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_on_a_screen_say_the_same() {
        let mut screen = JsonOnScreen(Vec::new());
        writeln!(screen, "{{\"a\":\"\u{9b}2J é\"}}").unwrap();
        assert_eq!(String::from_utf8(screen.0).unwrap(), "{\"a\":\"\\u009b2J é\"}\n");
    }

    #[test]
    fn only_our_own_styles_reach_the_terminal() {
        let spans = [plain(" 1 "), bold("\u{1b}[2Jtitle"), faint("\u{9b}31m\n")];
        assert_eq!(painted(&spans, false), " 1 ␛[2Jtitle\\u{9b}31m␊");
        assert_eq!(painted(&spans, true), format!(" 1 {BOLD}␛[2Jtitle{PLAIN}{FAINT}\\u{{9b}}31m␊{PLAIN}"));
    }
}
