//! What is copied arrives, or is not said to have: plainly by OSC 52, and inside tmux in its buffer. And what is read keeps the
//! room of its tabs.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use super::note;
use super::support::Terminal;

/// A tmux server of our own, which ends with the test.
struct Tmux(String);

impl Tmux {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.args(["-L", &self.0, "-f", "/dev/null"]).args(arguments).env_remove("TMUX").output().unwrap()
    }

    fn shows(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let screen = self.run(&["capture-pane", "-p", "-t", "t"]).stdout;
            if String::from_utf8_lossy(&screen).contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "never saw {text:?}:\n{}", String::from_utf8_lossy(&screen));
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.run(&["kill-server"]);
    }
}

/// A folder with a note in `notes/a.md`, taken into the store in `data`.
fn store_of(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    note(&notes, "a.md", text);
    let mut ingest = Command::new(env!("CARGO_BIN_EXE_peanut"));
    ingest.arg("--data-dir").arg(folder.path().join("data")).args(["ingest", "--wait"]).arg(&notes);
    assert!(ingest.env("HOME", folder.path()).env("PEANUT_MODEL", "static").output().unwrap().status.success());
    folder
}

#[test]
fn inside_tmux_what_is_copied_lies_in_its_buffer() {
    if Command::new("tmux").arg("-V").output().is_err() {
        eprintln!("SKIPPED: there is no tmux on this machine");
        return;
    }
    let folder = store_of("copyprobe\n");
    let tmux = Tmux(format!("peanut-{}", std::process::id()));
    let home = folder.path().display();
    let program =
        format!("HOME='{home}' PEANUT_MODEL=static '{}' --data-dir '{home}/data'", env!("CARGO_BIN_EXE_peanut"));
    assert!(tmux.run(&["new-session", "-d", "-s", "t", "-x", "100", "-y", "30", &program]).status.success());
    tmux.shows("? help");
    for keys in [&["/"][..], &["-l", "copyprobe"]] {
        tmux.run(&[&["send-keys", "-t", "t"], keys].concat());
    }
    tmux.shows("1 found");
    tmux.run(&["send-keys", "-t", "t", "Enter"]);
    tmux.run(&["send-keys", "-t", "t", "y"]);
    tmux.shows("characters copied");
    let buffer = tmux.run(&["show-buffer"]).stdout;
    assert_eq!(String::from_utf8_lossy(&buffer), folder.path().join("notes/a.md").display().to_string());
}

#[test]
fn a_preview_keeps_the_room_of_its_tabs() {
    let text = "# T\n\nname\tvalue\talpha\n\n```\nfunc main() {\n\tif true {\n\t}\n}\n```\ntabprobe\n";
    let folder = store_of(text);
    let mut terminal = Terminal::start(&folder.path().join("data"), 120, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("? help");
    terminal.send("2");
    terminal.send("tabprobe\r");
    terminal.wait_for("name    value    alpha");
    terminal.wait_for("    if true {");
    terminal.send("q");
    let _ = terminal.finish();
}
