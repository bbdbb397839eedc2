//! Editor and pager: they get the terminal at once and alone, what is typed there is theirs, and the app comes back as it
//! was, whatever they did, on a terminal that answers no question.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Terminal, code};

/// A folder with one document in its store, and a script for editor or pager.
struct Desk {
    folder: tempfile::TempDir,
    script: PathBuf,
}

impl Desk {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (1..60).fold("# Probe\n\n".to_owned(), |text, n| format!("{text}editprobe line {n}\n\n"));
        std::fs::write(folder.path().join("a.md"), lines).unwrap();
        let ingest = Command::new(env!("CARGO_BIN_EXE_peanut"))
            .args(["ingest", "--wait", "a.md", "--data-dir", "data"])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("PEANUT_MODEL", "static")
            .output()
            .unwrap();
        assert!(ingest.status.success(), "{ingest:?}");
        let path = folder.path().join("program");
        let mut file = std::fs::File::create(&path).unwrap();
        write!(file, "#!/bin/sh\n{script}\n").unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder, script: path }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The app with the hit selected.
    fn open(&self, environment: &[(&str, &str)]) -> Terminal {
        let program = self.script.to_str().unwrap();
        let mut all = vec![("PEANUT_MODEL", "static"), ("EDITOR", program), ("PAGER", program)];
        all.extend(environment);
        let mut terminal = Terminal::start(&self.path().join("data"), 80, 24, &all);
        terminal.wait_for("2 chunks");
        terminal.send("2editprobe");
        terminal.wait_for("1 found");
        terminal.send("\r");
        terminal.wait_for("? help");
        terminal
    }

    fn has_drained(&self) -> bool {
        let logs = std::fs::read_dir(self.path().join("data/state/logs")).unwrap();
        logs.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .any(|text| text.contains("signal_received") || text.contains("left_without_draining"))
    }
}

/// The app is on its screen, takes keys, shows what a fresh draw shows, asked the terminal nothing, and quits.
fn assert_back(mut terminal: Terminal, from: usize) {
    terminal.wait_for_return(from);
    let (before, after) = terminal.drawn_anew(|_| false).expect("the app is there");
    assert_eq!(before.difference(&after), None);
    terminal.send("5");
    terminal.wait_for("workers,");
    terminal.send("q");
    let (status, _, raw) = terminal.finish();
    assert_eq!(code(status), 0);
    assert!(!raw.contains("\u{1b}[6n") && !raw.contains("\u{1b}[c"), "the terminal was asked something");
    super::assert_restored(&raw);
}

#[test]
fn the_editor_comes_and_goes() {
    let desk = Desk::new("echo \"$@\" > arguments; exec true");
    let mut terminal = desk.open(&[]);
    let from = terminal.raw().len();
    terminal.send("e");
    terminal.wait_for_return(from);
    let arguments = std::fs::read_to_string(desk.path().join("arguments")).unwrap();
    assert!(arguments.starts_with("+1 ") && arguments.trim().ends_with("a.md"), "{arguments}");
    assert_back(terminal, from);
}

#[test]
fn the_pager_starts_at_once_from_list_and_reader_and_gets_the_text() {
    for keys in ["o", "\ro"] {
        let desk = Desk::new("cat > paged; exec < /dev/tty; echo READY; read answer; echo \"$answer\" >> paged");
        let mut terminal = desk.open(&[]);
        let from = terminal.raw().len();
        for key in keys.chars() {
            terminal.send(&key.to_string());
            if key == '\r' {
                terminal.wait_for("line 3");
            }
        }
        // Without another key.
        terminal.wait_for("READY");
        terminal.send("typed for the pager\n");
        terminal.wait_for_return(from);
        let paged = std::fs::read_to_string(desk.path().join("paged")).unwrap();
        assert!(paged.contains("editprobe line 59") && paged.ends_with("typed for the pager\n"), "{paged}");
        assert_back(terminal, from);
    }
}

#[test]
fn a_program_that_cannot_be_run_or_fails_is_told() {
    for (editor, told) in [("/nowhere/editor", "cannot run"), ("sh -c 'echo broken >&2; exit 3'", "exit status: 3")] {
        let desk = Desk::new("");
        let mut terminal = desk.open(&[("EDITOR", editor), ("PAGER", "/nowhere/pager")]);
        let from = terminal.raw().len();
        terminal.send("e");
        terminal.wait_for(told);
        terminal.send("o");
        terminal.wait_for("set PAGER");
        assert_back(terminal, from);
    }
}

#[test]
fn an_interrupt_typed_in_the_pager_is_the_pagers() {
    // One that goes on, as less does, and one that dies of it (`exec`: a shell that is about to start it would not).
    let goes_on = "exec < /dev/tty; trap 'echo INTERRUPTED' INT; echo READY; read a; read a; read a";
    for script in [goes_on, "cat > paged; echo READY; exec cat /dev/tty"] {
        let desk = Desk::new(script);
        let mut terminal = desk.open(&[]);
        let from = terminal.raw().len();
        terminal.send("o");
        terminal.wait_for("READY");
        terminal.send("\u{3}");
        if script.contains("trap") {
            terminal.wait_for("INTERRUPTED");
            terminal.send("\n\n\n");
        }
        terminal.wait_for_return(from);
        assert!(!desk.has_drained(), "the drain was begun");
        assert_back(terminal, from);
    }
}

#[test]
fn a_quit_typed_in_the_pager_is_the_pagers() {
    let desk = Desk::new("exec < /dev/tty; trap 'echo NOT-ME' QUIT; echo READY; read a; read a");
    let mut terminal = desk.open(&[]);
    let from = terminal.raw().len();
    terminal.send("o");
    terminal.wait_for("READY");
    terminal.send("\u{1c}");
    terminal.wait_for("NOT-ME");
    terminal.send("\n\n");
    assert_back(terminal, from);
    assert!(!desk.has_drained());
}

#[test]
fn another_size_meanwhile_is_taken_up() {
    let desk = Desk::new("echo READY; read a");
    let mut terminal = desk.open(&[]);
    let from = terminal.raw().len();
    terminal.send("e");
    terminal.wait_for("READY");
    terminal.resize(120, 40);
    terminal.send("\n");
    terminal.wait_until("the footer in the last of 40 rows", |screen| {
        screen.lines().count() == 40 && screen.lines().last().is_some_and(|row| row.contains("? help"))
    });
    assert_back(terminal, from);
}

#[test]
fn a_program_that_spoils_the_terminal_spoils_nothing() {
    // Another screen, no echo, no waiting for input, junk, a question whose answer never comes.
    let script = "printf '\\033[?1049h\\033[31mJUNK\\033[?25l\\033[6n'; stty raw -echo; printf READY; exit 0";
    let desk = Desk::new(script);
    let mut terminal = desk.open(&[]);
    let from = terminal.raw().len();
    terminal.send("e");
    terminal.wait_for_return(from);
    assert!(terminal.screen().contains("? help") && !terminal.screen().contains("JUNK"), "{}", terminal.screen());
    // The answer to the question, late.
    terminal.send("\u{1b}[12;40R\u{1b}]11;rgb:0000/0000/0000\u{7}");
    terminal.wait_for("? help");
    let (before, after) = terminal.drawn_anew(|_| false).unwrap();
    assert_eq!(before.difference(&after), None);
    terminal.send("q");
    assert_eq!(code(terminal.end()), 0);
    assert!(terminal.is_cooked(), "the shell gets the mode that it gave");
}

#[test]
fn work_goes_on_while_the_editor_is_open() {
    let desk = Desk::new("echo READY; read a");
    let mut terminal = desk.open(&[]);
    let from = terminal.raw().len();
    terminal.send("e");
    terminal.wait_for("READY");
    // Into the drop zone: the app's workers take it in, and a command finds it, while the editor has the terminal.
    std::fs::write(desk.path().join("data/drop/while.md"), "# While\n\nmeanwhileword\n").unwrap();
    let found = || {
        let output = Command::new(env!("CARGO_BIN_EXE_peanut"))
            .args(["search", "--mode", "words", "meanwhileword", "--data-dir", "data"])
            .current_dir(desk.path())
            .env("HOME", desk.path())
            .output()
            .unwrap();
        output.status.success()
    };
    terminal.wait("the document", |_| found().then_some(()));
    terminal.send("\n");
    terminal.wait_for("2 chunks");
    assert_back(terminal, from);
}

#[test]
fn told_to_end_while_the_editor_is_open_both_end() {
    let desk = Desk::new("trap 'echo EDITOR-TOLD; exit 0' TERM; echo READY; while :; do read a; done");
    let mut terminal = desk.open(&[]);
    terminal.send("e");
    terminal.wait_for("READY");
    terminal.signal(rustix::process::Signal::TERM);
    let (status, _, raw) = terminal.finish();
    assert_eq!(code(status), 0);
    assert!(raw.contains("EDITOR-TOLD"));
}
