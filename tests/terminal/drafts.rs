//! A note that is being written outlives every end of the app, and is offered at the next start.

use std::path::Path;

use rustix::process::Signal;

use super::support::{Terminal, code};

fn open(data: &Path) -> Terminal {
    let mut terminal = Terminal::start(data, 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("Welcome");
    terminal
}

fn write(terminal: &mut Terminal) {
    terminal.send("n");
    terminal.wait_for("Note (");
    terminal.send("My plan\ttwo hours of planningword\rand a second line");
    terminal.wait_for("second line");
}

fn files(data: &Path) -> usize {
    std::fs::read_dir(data.join("state/drafts")).map_or(0, Iterator::count)
}

fn is_kept(data: &Path) -> bool {
    let Ok(folder) = std::fs::read_dir(data.join("state/drafts")) else { return false };
    folder.filter_map(Result::ok).any(|entry| {
        std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("planningword\\nand a second line"))
    })
}

/// Told on Home, offered by `n` as it was, stored by Ctrl-S, and then forgotten.
fn assert_offered(data: &Path) {
    let mut terminal = open(data);
    terminal.wait_for("A note was not stored: n takes up “My plan”");
    terminal.send("n");
    terminal.wait_for("kept from before");
    for part in ["Title: My plan", "two hours of planningword", "and a second line"] {
        assert!(terminal.screen().contains(part), "{part}:\n{}", terminal.screen());
    }
    terminal.send("\u{13}");
    terminal.wait_for("note stored");
    terminal.wait_until("nothing more to tell", |screen| !screen.contains("not stored"));
    terminal.send("q");
    assert_eq!(code(terminal.finish().0), 0);
    let found = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"))
        .arg("--data-dir")
        .arg(data)
        .args(["search", "--mode", "words", "planningword"])
        .env("HOME", data)
        .output()
        .unwrap();
    assert!(found.status.success() && String::from_utf8_lossy(&found.stdout).contains("My plan"), "{found:?}");
    assert_eq!(files(data), 0, "nothing is kept any more");
}

#[test]
fn ctrl_c_signals_and_a_hang_up_keep_it() {
    type End = (&'static str, fn(&mut Terminal));
    let ends: [End; 4] = [
        ("ctrl-c", |terminal| terminal.send("\u{3}")),
        ("SIGTERM", |terminal| terminal.signal(Signal::TERM)),
        ("SIGHUP", |terminal| terminal.signal(Signal::HUP)),
        ("hang-up", Terminal::hang_up),
    ];
    for (name, end) in ends {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = open(folder.path());
        write(&mut terminal);
        end(&mut terminal);
        let (status, _, raw) = terminal.finish();
        assert_eq!(code(status), 0, "{name}");
        assert!(name == "hang-up" || raw.contains("is kept"), "{name}: it is told");
        assert!(is_kept(folder.path()), "{name}");
        assert_offered(folder.path());
    }
}

#[test]
fn even_kill_9_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = open(folder.path());
    write(&mut terminal);
    terminal.wait("the draft on the disk", |_| is_kept(folder.path()).then_some(()));
    terminal.signal(Signal::KILL);
    assert_eq!(code(terminal.finish().0), 137);
    assert_offered(folder.path());
}

#[test]
fn what_another_window_writes_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = open(folder.path());
    write(&mut first);
    first.wait("the draft on the disk", |_| is_kept(folder.path()).then_some(()));
    let mut second = open(folder.path());
    second.send("n");
    second.wait_for("Note (");
    assert!(!second.screen().contains("My plan"), "{}", second.screen());
    second.send("\u{3}");
    assert_eq!(code(second.finish().0), 0);
    first.send("\u{3}");
    assert_eq!(code(first.finish().0), 0);
    assert_offered(folder.path());
}

#[test]
fn set_aside_it_is_offered_again_and_thrown_away_only_by_two_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = open(folder.path());
    write(&mut terminal);
    terminal.send("\u{3}");
    terminal.finish();
    let mut terminal = open(folder.path());
    terminal.send("n");
    terminal.wait_for("kept from before");
    terminal.send("\u{e}");
    terminal.wait_until("an empty note", |screen| screen.contains("Note (") && !screen.contains("My plan"));
    terminal.send("\u{1b}");
    terminal.wait_until("Home", |screen| !screen.contains("Note ("));
    terminal.wait_for("takes up “My plan”");
    terminal.send("n");
    terminal.wait_for("kept from before");
    terminal.send("\u{1b}");
    terminal.wait_for("Esc again discards");
    assert!(is_kept(folder.path()));
    terminal.send("\u{1b}");
    terminal.wait_until("Home", |screen| !screen.contains("Note ("));
    terminal.send("q");
    assert_eq!(code(terminal.finish().0), 0);
    assert_eq!(files(folder.path()), 0);
}
