//! What happens on a panic: the terminal is given back first, then a report is written, then the user is told where.
//!
//! Installed once by `cli`. A panic on the screen's thread ends the program; one in a worker is written here and
//! handled by the supervisor; one inside a parser's own thread is only logged, since the file becomes a dead letter.

use std::backtrace::Backtrace;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::domain::visible::visible_text;
use crate::domain::{Clock, SystemClock};

use super::{log, private, redact};

/// Threads whose name starts with this parse hostile input behind `catch_unwind`.
pub const PARSER_THREADS: &str = "peanut-parse";

/// Reports kept; older ones are deleted.
const KEPT_REPORTS: usize = 20;

/// Reports of parsers written by one process at most: a folder of hostile files must not push out the others.
const PARSER_REPORTS: usize = 5;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();
static PARSERS_TOLD: AtomicUsize = AtomicUsize::new(0);
static LAST_REPORT: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Installs the hook. `restore_terminal` runs first when the screen's thread (the one calling this) panics.
pub fn install(folder: PathBuf, restore_terminal: impl Fn() + Send + Sync + 'static) {
    let screen_thread = std::thread::current().id();
    // Installed once; a second time changes nothing.
    let _ = FOLDER.set(folder.clone());
    std::panic::set_hook(Box::new(move |info| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed").to_owned();
        if name.starts_with(PARSER_THREADS) {
            tracing::warn!(error = %info, "parser_panicked");
            return;
        }
        if thread.id() == screen_thread {
            restore_terminal();
        }
        let report = report(info, &name);
        tracing::error!(error = %info, thread = name, "panic");
        match write(&folder, &report) {
            Ok(path) => {
                if thread.id() == screen_thread {
                    let _ = writeln!(std::io::stderr(), "peanut: a crash; the report is in {}", path.display());
                }
                *LAST_REPORT.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
            }
            Err(error) => {
                let _ = writeln!(
                    std::io::stderr(),
                    "{}",
                    visible_text(&format!("cannot write a crash report to {}: {error}\n{report}", folder.display()))
                );
            }
        }
    }));
}

/// Where the last report of this process was written.
#[must_use]
pub fn last_report() -> Option<PathBuf> {
    LAST_REPORT.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Writes that a file ended the process that parsed it, twice; `why` says how. Nothing else was harmed.
pub fn parser_ended(file: &str, why: &str) {
    tracing::error!(file, why, "file_ended_its_parser");
    let Some(folder) = FOLDER.get() else { return };
    if PARSERS_TOLD.fetch_add(1, Ordering::Relaxed) >= PARSER_REPORTS {
        return;
    }
    let mut text = String::new();
    let _ = writeln!(text, "Peanut crash report");
    let _ =
        writeln!(text, "what:      a file ended the process that parsed it, twice; it is left out, the rest goes on");
    let _ = writeln!(text, "file:      {}", visible_text(file));
    let _ = writeln!(text, "how:       {}", visible_text(why));
    let _ = writeln!(text, "when:      {}", jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default());
    let _ = writeln!(text, "version:   {}", version());
    if let Err(error) = write(folder, &redact(&text)) {
        tracing::warn!(%error, "crash_report_not_written");
    }
}

fn version() -> String {
    format!("{} ({} {})", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH)
}

fn report(info: &PanicHookInfo<'_>, thread: &str) -> String {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let place = info.location().map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mut text = String::new();
    let _ = writeln!(text, "Peanut crash report");
    let _ = writeln!(text, "what:      {message}");
    let _ = writeln!(text, "where:     {place}");
    let _ = writeln!(text, "thread:    {thread}");
    let _ = writeln!(text, "when:      {}", jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default());
    let _ = writeln!(text, "version:   {}", version());
    let _ = writeln!(text, "arguments: {}", arguments.join(" "));
    let _ = writeln!(text, "\nbacktrace:\n{}", Backtrace::force_capture());
    let _ = writeln!(text, "\nlast log lines:\n{}", log::recent_lines().join("\n"));
    redact(&text)
}

fn write(folder: &Path, report: &str) -> std::io::Result<PathBuf> {
    private::own_folder(folder)?;
    let path = (0..1000)
        .map(|n| folder.join(format!("crash-{}-{}-{n}.log", SystemClock.now().0, std::process::id())))
        .find(|path| !path.exists())
        .ok_or_else(|| std::io::Error::other("no free name for a crash report"))?;
    let mut file = private::create_new(&path)?;
    file.write_all(report.as_bytes())?;
    file.sync_all()?;
    prune(folder);
    Ok(path)
}

/// Writes the report of a process that left none; `held` is what is known of it.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn write_unclean(folder: &Path, held: &str) -> std::io::Result<PathBuf> {
    let found = jiff::Timestamp::from_millisecond(SystemClock.now().0).unwrap_or_default();
    let what = "a process ended without a word: killed, out of memory, its stack used up, or the machine stopped";
    write(folder, &format!("Peanut crash report\nwhat:      {what}\nfound:     {found}\n{held}"))
}

/// The reports in `folder`, oldest first.
#[must_use]
pub fn reports(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut reports: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    reports.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("crash-")));
    reports.sort();
    reports
}

/// Files that ended their parser, by the reports in `folder`, the newest first, each once.
#[must_use]
pub fn files_named(folder: &Path) -> Vec<String> {
    let mut named = Vec::new();
    for report in reports(folder).iter().rev().filter_map(|path| std::fs::read_to_string(path).ok()) {
        let file = report.lines().find_map(|line| line.strip_prefix("file:")).map(|file| file.trim().to_owned());
        named.extend(file.filter(|file| !named.contains(file)));
    }
    named
}

fn prune(folder: &Path) {
    let reports = reports(folder);
    let surplus = reports.len().saturating_sub(KEPT_REPORTS);
    for path in &reports[..surplus] {
        let _ = std::fs::remove_file(path);
    }
}
