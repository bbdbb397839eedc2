//! The only place that prints. Plain lines when piped, colour only on a terminal and never with `NO_COLOR`.

use std::io::{self, IsTerminal, Write};

use color_eyre::eyre;
use serde::Serialize;

use crate::telemetry::redact;

/// Writes one line to standard output. A closed pipe (`| head`) ends the program quietly, as tools do.
pub(super) fn line(text: impl AsRef<str>) -> eyre::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{}", text.as_ref()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => Ok(other?),
    }
}

/// Writes a value as JSON: indented on a terminal, one line when piped.
pub(super) fn json(value: &impl Serialize) -> eyre::Result<()> {
    let text =
        if io::stdout().is_terminal() { serde_json::to_string_pretty(value)? } else { serde_json::to_string(value)? };
    line(text)
}

/// Says something beside the output.
pub(super) fn note(text: impl AsRef<str>) {
    // A standard error that is gone has nobody to tell.
    let _ = writeln!(io::stderr(), "{}", text.as_ref());
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
    note(format!("peanut: {}", redact(&lines.join("\n  because: "))));
    tracing::error!(error = lines.join(": "), "command_failed");
}

/// Whether standard output takes colour.
pub(super) fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Bold text on a terminal, plain elsewhere.
pub(super) fn bold(text: &str) -> String {
    if colours() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Faint text on a terminal, plain elsewhere.
pub(super) fn faint(text: &str) -> String {
    if colours() { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// One line that is rewritten in place on a terminal and left out elsewhere.
pub(super) fn progress(text: &str) {
    let mut err = io::stderr();
    if err.is_terminal() {
        let _ = write!(err, "\r\u{1b}[2K{text}");
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
