//! Settings on the real binary: what is changed lies where it is kept, and the palette's command line runs in a shell.

use std::fs;
use std::process::Command;

use super::note;
use super::support::Terminal;

const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";

#[test]
fn a_setting_is_changed_where_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("peanut/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "# mine\n[screen]\nmouse = true   # by hand\n").unwrap();
    let home = folder.path().to_str().unwrap();
    let environment = [("PEANUT_MODEL", "static"), ("XDG_CONFIG_HOME", home)];
    let data = folder.path().join("data");
    let mut terminal = Terminal::start(&data, 100, 30, &environment);
    terminal.wait_for("Welcome");
    terminal.send("9");
    terminal.wait_for("search.vector_weight");
    // A key steps, and the store has it: another process says so.
    terminal.send(RIGHT);
    terminal.wait_for("meaning  0.5");
    terminal.send(LEFT);
    terminal.wait_for("meaning  0.45");
    terminal.send("\r");
    terminal.wait_for("Change a setting");
    terminal.send("\x15" /* Ctrl-U */);
    terminal.send("7\r");
    terminal.wait_for("= 7: auto, or a number from 0 to 1");
    terminal.send("\x1b");
    terminal.wait_until("the prompt gone", |screen| !screen.contains("Change a setting"));
    // One of the file: the line, and nothing else of it.
    terminal.send("/screen.mouse\r");
    terminal.wait_for("takes effect after restart");
    terminal.send(RIGHT);
    terminal.wait_for("true → false after restart");
    assert_eq!(fs::read_to_string(&file).unwrap(), "# mine\n[screen]\nmouse = false   # by hand\n");
    // One of the environment is not changed here.
    terminal.send("/");
    terminal.send("\x15");
    terminal.send("embedding.model\r\r");
    terminal.wait_for("open: change the variable PEANUT_MODEL");
    terminal.send("q");
    let (status, _, _) = terminal.finish();
    assert!(status.success());
    let mut config = Command::new(env!("CARGO_BIN_EXE_peanut"));
    config.arg("--data-dir").arg(&data).arg("config").env("XDG_CONFIG_HOME", home);
    let told = String::from_utf8(config.output().unwrap().stdout).unwrap();
    assert!(told.lines().any(|line| line.starts_with("screen.mouse") && line.ends_with("false  (file)")), "{told}");
    let mut again = Terminal::start(&data, 100, 30, &environment);
    again.wait_for("Welcome");
    again.send("9");
    again.wait_for("meaning  0.45");
}

#[test]
fn the_command_line_of_an_action_runs_in_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("my data");
    let notes = folder.path().join("notes");
    note(&notes, "a.md", "lineprobe of an action\n");
    let mut ingest = Command::new(env!("CARGO_BIN_EXE_peanut"));
    ingest.arg("--data-dir").arg(&data).args(["ingest", "--wait"]).arg(&notes).env("PEANUT_MODEL", "static");
    assert!(ingest.output().unwrap().status.success());
    let mut terminal = Terminal::start(&data, 160, 40, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("? help");
    terminal.send("2lineprobe");
    terminal.wait_for("1 found");
    terminal.send("\r");
    terminal.send(":copy the text");
    terminal.wait_for("$ peanut --data-dir");
    let screen = terminal.screen();
    let line = screen.lines().find_map(|line| line.split_once("$ peanut ").map(|(_, rest)| rest)).unwrap();
    let line = line.split('│').next().unwrap().trim_end();
    let program = format!("'{}' {line}", env!("CARGO_BIN_EXE_peanut"));
    let done = Command::new("sh").args(["-c", &program]).env("PEANUT_MODEL", "static").output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("lineprobe of an action"), "{program}: {done:?}");
    terminal.send("\x1b");
    terminal.wait_until("the palette gone", |screen| !screen.contains("Esc leaves"));
    terminal.send("r");
    terminal.wait_for("retry: only in Intake and Outbox");
}
