//! The real binary on a real (pseudo) terminal: start, search, add, quit, signals, a crash; the terminal is always given back.

#![expect(clippy::unwrap_used, clippy::expect_used, unreachable_pub, reason = "tests and their helper")]
#![expect(clippy::print_stderr, reason = "a long run tells what it did")]

mod copying;
mod drafts;
mod gone;
mod lending;
mod random;
mod reading;
mod settings;
mod stopping;
#[path = "../support/terminal.rs"]
mod support;

use std::path::Path;

use support::{Terminal, code};

/// Leaving the alternate screen and showing the cursor again: what "the terminal is restored" means.
fn assert_restored(raw: &str) {
    let left = raw.rfind("\u{1b}[?1049l").expect("left the alternate screen");
    let entered = raw.rfind("\u{1b}[?1049h").expect("entered the alternate screen");
    assert!(left > entered, "the alternate screen was entered again after it was left");
    assert!(raw.rfind("\u{1b}[?25h").is_some_and(|shown| shown > entered), "the cursor is shown again");
    assert!(raw.rfind("\u{1b}[?2004l").is_some_and(|off| off > entered), "bracketed paste is off again");
}

fn note(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn a_newcomer_adds_files_searches_and_quits() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    note(&notes, "harvest.md", "# Harvest\n\nThe groundnut harvest was late because of the rain.\n");
    note(&notes, "ships.md", "# Ships\n\nA trawler left the harbour at dawn.\n");
    let mut terminal = Terminal::start(&folder.path().join("data"), 80, 24, &[]);
    terminal.wait_for("Welcome");
    terminal.send("a");
    terminal.wait_until("the prompt for a path", |screen| screen.contains("Add"));
    terminal.send(notes.to_str().unwrap());
    terminal.send("\r");
    terminal.wait_until("both documents", |screen| screen.contains("2 chunks") || screen.contains("2 documents"));
    terminal.send("/");
    terminal.send("groundnut");
    terminal.wait_until("the hit", |screen| screen.contains("Harvest"));
    // Escape and a letter in one go would be Alt and the letter.
    terminal.send("\u{1b}");
    terminal.wait_until("the end of typing", |screen| !screen.contains("leave"));
    terminal.send("q");
    let (status, _, raw) = terminal.finish();
    assert_eq!(code(status), 0);
    assert_restored(&raw);
}

#[test]
fn pasted_paths_are_offered() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("my notes");
    note(&notes, "one.txt", "Quokkas smile.\n");
    let mut terminal = Terminal::start(&folder.path().join("data"), 100, 30, &[]);
    terminal.wait_for("Welcome");
    let quoted = format!("'{}'", notes.display());
    terminal.send(&format!("\u{1b}[200~{quoted}\u{1b}[201~"));
    terminal.wait_until("the pasted path", |screen| screen.contains("my notes"));
    terminal.send("\r");
    terminal.wait_until("the document", |screen| screen.contains("1 chunk"));
    terminal.send("\u{3}");
    let (status, _, raw) = terminal.finish();
    assert_eq!(code(status), 0);
    assert_restored(&raw);
}

#[test]
fn sighup_and_sigterm_end_it_cleanly() {
    for signal in [rustix::process::Signal::HUP, rustix::process::Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::start(folder.path(), 80, 24, &[]);
        terminal.wait_for("Welcome");
        terminal.signal(signal);
        let (status, _, raw) = terminal.finish();
        assert_eq!(code(status), 0, "{signal:?}");
        assert_restored(&raw);
    }
}

#[test]
fn a_panic_gives_the_terminal_back_and_leaves_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "hunter2-secret";
    let environment = [("PEANUT_PANIC", "screen"), ("POSTGRES_URL", &*format!("postgres://me:{secret}@db/x"))];
    let terminal = Terminal::start(folder.path(), 80, 24, &environment);
    let (status, _, raw) = terminal.finish();
    assert_ne!(code(status), 0);
    assert_restored(&raw);
    let crashes = folder.path().join("state/crashes");
    let reports: Vec<_> = std::fs::read_dir(&crashes).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(reports.len(), 1);
    let report = std::fs::read_to_string(&reports[0]).unwrap();
    for part in ["what:", "where:", "backtrace:", "version:", "arguments:", "last log lines:", "PEANUT_PANIC"] {
        assert!(report.contains(part), "{part} missing in:\n{report}");
    }
    assert!(!report.contains(secret));
}

#[test]
fn a_panic_in_a_worker_does_not_take_the_screen_down() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), 100, 30, &[("PEANUT_PANIC", "worker")]);
    terminal.wait_for("Welcome");
    terminal.send("\u{1b}5");
    terminal.wait_until("the restart", |screen| screen.contains("restart"));
    terminal.send("q");
    let (status, _, raw) = terminal.finish();
    assert_eq!(code(status), 0);
    assert_restored(&raw);
    let mut reports = std::fs::read_dir(folder.path().join("state/crashes")).unwrap().flatten();
    assert!(reports.any(|entry| entry.file_name().to_string_lossy().starts_with("crash-")));
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "x").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"))
        .args(["--data-dir", file.to_str().unwrap(), "status"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a-file"));
}
