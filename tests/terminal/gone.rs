//! A terminal that goes away: the connection dropped, the window was closed. The app ends as if it were told to: what is
//! in hand is finished, nothing crashes, nobody is left to print to.

use std::path::Path;

use super::support::{Terminal, code};

fn crash_reports(data: &Path) -> usize {
    std::fs::read_dir(data.join("state/crashes")).map_or(0, Iterator::count)
}

fn logs(data: &Path) -> String {
    let folder = std::fs::read_dir(data.join("state/logs")).unwrap();
    folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_connection_that_drops_is_no_crash() {
    // With the cursor hidden, and with one shown: in the search, in a note.
    for keys in ["", "/word", "nA title"] {
        let folder = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::start(folder.path(), 80, 24, &[("PEANUT_MODEL", "static")]);
        terminal.wait_for("Welcome");
        terminal.send(keys);
        terminal.wait_for(keys.trim_start_matches(['/', 'n']));
        terminal.hang_up();
        let (status, ..) = terminal.finish();
        assert_eq!(code(status), 0, "{keys:?}");
        assert_eq!(crash_reports(folder.path()), 0, "{keys:?}");
        assert!(!logs(folder.path()).contains("left_without_draining"), "{keys:?}");
    }
}

#[test]
fn a_terminal_without_a_word_is_noticed_too() {
    // Who ignores the hang-up (nohup) gets no signal: only reading and writing tell.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Terminal::program("sh");
    command.arg("-c").arg("trap '' HUP; exec \"$0\" \"$@\"").arg(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(folder.path()).env("HOME", folder.path()).env("PEANUT_MODEL", "static");
    let mut terminal = Terminal::run(command, 80, 24);
    terminal.wait_for("Welcome");
    terminal.hang_up();
    assert_eq!(code(terminal.finish().0), 0);
    assert_eq!(crash_reports(folder.path()), 0);
}

#[test]
fn hung_up_on_again_and_again_it_still_drains() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("Welcome");
    // The shell says it, then the system.
    for _ in 0..5 {
        terminal.signal(rustix::process::Signal::HUP);
    }
    terminal.hang_up();
    assert_eq!(code(terminal.finish().0), 0);
    assert!(!logs(folder.path()).contains("left_without_draining"));
}

#[test]
fn a_connection_that_drops_behind_an_editor_ends_both() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path().join("a.md"), "# Probe\n\neditprobe\n").unwrap();
    let editor = "sh -c 'echo READY; read a'";
    let mut terminal = Terminal::start(&data, 80, 24, &[("PEANUT_MODEL", "static"), ("EDITOR", editor)]);
    terminal.wait_for("Welcome");
    terminal.send("a");
    terminal.wait_for("Add");
    terminal.send("a.md\r");
    terminal.wait_for("2 chunks");
    terminal.send("2editprobe");
    terminal.wait_for("1 found");
    terminal.send("\r");
    terminal.wait_for("? help");
    terminal.send("e");
    terminal.wait_for("READY");
    terminal.hang_up();
    assert_eq!(code(terminal.finish().0), 0);
    assert_eq!(crash_reports(&data), 0);
}
