//! Stopped and brought back: by Ctrl-Z, by a signal from outside, with and without a shell that waits. What the shell
//! gets is a terminal in order.

use rustix::process::Signal;

use super::support::{Terminal, code};

/// A shell with job control that has started the app.
fn shell(folder: &std::path::Path) -> Terminal {
    let mut command = Terminal::program("bash");
    command.args(["--norc", "--noprofile", "--noediting", "-i"]);
    command.env("HOME", folder).env("PS1", "PROMPT> ").env("PEANUT_MODEL", "static").current_dir(folder);
    let mut terminal = Terminal::run(command, 80, 24);
    terminal.wait_for("PROMPT>");
    terminal.send(&format!("'{}' --data-dir '{}'\n", env!("CARGO_BIN_EXE_peanut"), folder.display()));
    terminal.wait_for("Welcome");
    terminal
}

/// The shell has the terminal: its line is shown and echoes.
fn assert_shell(terminal: &mut Terminal, from: usize) {
    terminal.wait_for_bytes("\u{1b}[?1049l", from);
    terminal.wait_for_bytes("Stopped", from);
    // Only with its prompt does the shell take the terminal's mode back.
    terminal.wait_for_bytes("PROMPT>", from);
    terminal.send("echo here-$((40 + 2))\n");
    terminal.wait_for("here-42");
    assert!(terminal.screen().contains("echo here-"), "what is typed is shown:\n{}", terminal.screen());
    let raw = terminal.raw();
    for off in ["\u{1b}[?2004l", "\u{1b}[?1000l", "\u{1b}[?25h"] {
        assert!(raw[from..].contains(off), "{off:?} is missing");
    }
}

fn assert_app(terminal: &mut Terminal, from: usize) {
    terminal.wait_for_return(from);
    assert!(terminal.screen().contains("Welcome"), "{}", terminal.screen());
    let (before, after) = terminal.drawn_anew(|_| false).expect("the app is there");
    assert_eq!(before.difference(&after), None);
}

#[test]
fn ctrl_z_and_fg_with_another_size() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = shell(folder.path());
    for columns in [100, 70] {
        let from = terminal.raw().len();
        terminal.send("\u{1a}");
        assert_shell(&mut terminal, from);
        terminal.resize(columns, 30);
        terminal.send("fg\n");
        assert_app(&mut terminal, from);
        terminal.wait_until("the footer in the last of 30 rows", |screen| {
            screen.lines().count() == 30 && screen.lines().last().is_some_and(|row| row.contains("q quit"))
        });
    }
    terminal.send("q");
    terminal.wait_for("PROMPT>");
    terminal.send("echo code-$?; exit\n");
    let (_, _, raw) = terminal.finish();
    assert!(raw.contains("code-0"));
}

#[test]
fn stopped_from_outside_with_and_without_notice() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = shell(folder.path());
    let from = terminal.raw().len();
    terminal.send("\u{1a}");
    assert_shell(&mut terminal, from);
    terminal.send("jobs -p > pid; fg\n");
    assert_app(&mut terminal, from);
    let id: i32 = std::fs::read_to_string(folder.path().join("pid")).unwrap().trim().parse().unwrap();
    let process = rustix::process::Pid::from_raw(id).unwrap();
    let from = terminal.raw().len();
    rustix::process::kill_process(process, Signal::TSTP).unwrap();
    assert_shell(&mut terminal, from);
    terminal.send("fg\n");
    assert_app(&mut terminal, from);
    // Without notice the terminal cannot be given back, but it is taken back: in raw mode, on its own screen, whole.
    let from = terminal.raw().len();
    rustix::process::kill_process(process, Signal::STOP).unwrap();
    terminal.wait_for_bytes("PROMPT>", from);
    terminal.send("stty sane; printf '\\033[?1049l'; fg\n");
    assert_app(&mut terminal, from);
    terminal.send("q");
    terminal.wait_for("PROMPT>");
}

#[test]
fn without_a_shell_nobody_could_bring_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("Welcome");
    terminal.send("\u{1a}");
    terminal.wait_for("no shell waits");
    // Whoever stops it by its number can bring it back by its number.
    let from = terminal.raw().len();
    terminal.signal(Signal::TSTP);
    terminal.wait_for_bytes("\u{1b}[?1049l", from);
    terminal.wait_until_stopped();
    terminal.signal(Signal::CONT);
    assert_app(&mut terminal, from);
    terminal.send("q");
    assert_eq!(code(terminal.finish().0), 0);
}

/// What runs in a container sees the groups and sessions of whoever started it as number 0.
#[test]
fn in_a_container_it_cannot_be_stopped_and_goes_on() {
    let container = ["--user", "--map-root-user", "--pid", "--fork"];
    let possible = std::process::Command::new("unshare").args(container).arg("true").status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: this machine lets nobody make a process namespace (unshare)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let start = format!("'{}' --data-dir '{}'", env!("CARGO_BIN_EXE_peanut"), folder.path().display());
    // Below a first process, in its session and in one of its own; and as the first process itself.
    for command in [format!("{start}; exit $?"), format!("setsid -w {start}; exit $?"), format!("exec {start}")] {
        let mut program = Terminal::program("unshare");
        program.args(container).args(["sh", "-c", &command]);
        program.env("HOME", folder.path()).env("PEANUT_MODEL", "static").current_dir(folder.path());
        let mut terminal = Terminal::run(program, 80, 24);
        terminal.wait_for("Welcome");
        terminal.send("\u{1a}");
        terminal.wait_for("no shell waits");
        terminal.send("q");
        assert_eq!(code(terminal.finish().0), 0, "{command}");
    }
}

#[test]
fn ctrl_z_in_the_pager_stops_both_and_fg_brings_both_back() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.md"), "# Probe\n\nstopprobe\n").unwrap();
    let mut command = Terminal::program("bash");
    command.args(["--norc", "--noprofile", "--noediting", "-i"]).current_dir(folder.path());
    command.env("HOME", folder.path()).env("PS1", "PROMPT> ").env("PEANUT_MODEL", "static");
    command.env("PAGER", "sh -c 'cat > paged; exec < /dev/tty; echo READY; read a; echo \"got $a\"; read a'");
    let mut terminal = Terminal::run(command, 80, 24);
    terminal.wait_for("PROMPT>");
    let peanut = format!("'{}' --data-dir data", env!("CARGO_BIN_EXE_peanut"));
    terminal.send(&format!("{peanut} ingest --wait a.md; clear; {peanut}\n"));
    terminal.wait_for("2 chunks");
    terminal.send("2stopprobe");
    terminal.wait_for("1 found");
    terminal.send("\r");
    terminal.wait_for("? help");
    let from = terminal.raw().len();
    terminal.send("o");
    terminal.wait_for("READY");
    terminal.send("\u{1a}");
    terminal.wait_for_bytes("Stopped", from);
    terminal.wait_for_bytes("PROMPT>", from);
    // The shell names what it brings back.
    let brought_back = terminal.raw().len();
    terminal.send("fg\n");
    terminal.wait_for_bytes("data", brought_back);
    terminal.send("after fg\n");
    terminal.wait_for("got after fg");
    terminal.send("\n");
    terminal.wait_for_return(from);
    terminal.send("q");
    terminal.wait_for("PROMPT>");
}

#[test]
fn whoever_waits_for_a_suspended_holder_of_the_workers_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = shell(folder.path());
    let lock = folder.path().join("workers.lock");
    terminal.wait("the workers", |_| {
        let text = std::fs::read_to_string(&lock).unwrap_or_default();
        (text.lines().count() == 2).then_some(())
    });
    let from = terminal.raw().len();
    terminal.send("\u{1a}");
    assert_shell(&mut terminal, from);
    std::fs::write(folder.path().join("a.md"), "# suspended\n").unwrap();
    let peanut = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(folder.path()).args(arguments).env("HOME", folder.path());
        let output = command.env("PEANUT_MODEL", "static").current_dir(folder.path()).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (told, noted) = peanut(&["ingest", "a.md"]);
    assert!(told.contains("1 queued") && told.contains("they wait"), "{told}");
    assert!(noted.contains("is suspended (") && noted.contains("kill -CONT"), "{noted}");
    let (found, _) = peanut(&["doctor"]);
    let line = found.lines().find(|line| line.contains(" workers ")).unwrap_or_default().to_owned();
    assert!(line.starts_with("warning") && line.contains("is suspended"), "{found}");
    terminal.send("fg\n");
    assert_app(&mut terminal, from);
    let (done, noted) = peanut(&["ingest", "--wait", "a.md"]);
    assert!(!noted.contains("suspended"), "{done}{noted}");
    terminal.send("q");
    terminal.wait_for("PROMPT>");
    terminal.send("exit\n");
    let _ = terminal.finish();
}
