//! Logs that cannot be written, a home that is missing, no terminal: warned or refused in plain words.

use crate::support::{Home, said};
use crate::terminal::Terminal;

/// Logs cannot be made where a file lies.
fn without_logs(home: &Home) -> std::path::PathBuf {
    home.write("state", "a file where the folder of logs and crashes should be")
}

#[test]
fn commands_work_where_logs_cannot_be_written() {
    let home = Home::new();
    let file = home.write("a.md", "# Said\n\nhi there\n");
    let state = without_logs(&home);
    let run = |arguments: &[&str]| said(home.peanut(arguments).env("PEANUT_STATE_DIR", &state));
    let taken = run(&["ingest", file.to_str().unwrap(), "--wait"]);
    assert_eq!(taken.code, Some(0), "{}", taken.err);
    for arguments in [&["search", "hi"][..], &["status"], &["doctor"], &["config"], &["check"]] {
        let said = run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}{}", said.out, said.err);
        let warned: Vec<&str> =
            said.err.lines().filter(|line| line.contains("warning: cannot write logs to")).collect();
        assert_eq!(warned.len(), 1, "{}", said.err);
        assert!(warned[0].contains(state.to_str().unwrap()), "{}", said.err);
    }
    let doctor = run(&["doctor"]);
    let found = doctor.out.lines().skip_while(|line| !line.contains("logs")).take(2).collect::<Vec<_>>().join("\n");
    assert!(
        found.contains("warning") && found.contains("cannot write") && found.contains("writable"),
        "{}",
        doctor.out
    );
    // The app as well: its screen is not drawn over.
    let environment = [("PEANUT_STATE_DIR", state.to_str().unwrap()), ("PEANUT_MODEL", "static")];
    let mut terminal = Terminal::start(&home.data(), 80, 24, &environment);
    terminal.wait_for("quit");
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
}

#[test]
fn a_log_level_that_is_none_is_refused_with_those_there_are() {
    let home = Home::new();
    let said = home.say(&["--log-level", "lo=ud=er", "status"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("log level") && said.err.contains("debug"), "{}", said.err);
}

#[test]
fn a_missing_home_says_what_to_set() {
    let run = |arguments: &[&str], home: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("PEANUT_MODEL", "static");
        if let Some(home) = home {
            command.env("HOME", home);
        }
        said(&mut command)
    };
    for home in [None, Some("")] {
        let refused = run(&["status"], home);
        assert_eq!(refused.code, Some(2));
        assert!(refused.err.contains("HOME") && refused.err.contains("--data-dir"), "{}", refused.err);
        let data = Home::new();
        let works = run(&["--data-dir", data.data().to_str().unwrap(), "status"], home);
        assert_eq!(works.code, Some(0), "{}", works.err);
    }
    let folder = Home::new();
    let file = folder.write("file", "x");
    let impossible = run(&["status"], file.join("home").to_str());
    assert_eq!(impossible.code, Some(2));
    assert!(impossible.err.contains("data folder") && impossible.err.contains("--data-dir"), "{}", impossible.err);
    assert_eq!(run(&["--help"], None).code, Some(0));
}

#[test]
fn without_a_terminal_the_app_says_what_works() {
    let home = Home::new();
    let piped = home.say(&[]);
    assert_eq!(piped.code, Some(2));
    assert!(piped.err.contains("terminal") && piped.err.contains("peanut search"), "{}", piped.err);
    assert!(piped.out.is_empty(), "{:?}", piped.out);
    for term in ["dumb", ""] {
        let terminal = Terminal::start(&home.data(), 80, 24, &[("TERM", term)]);
        let (status, screen, raw) = terminal.finish();
        assert_eq!(status.code(), Some(2), "TERM={term}: {screen}");
        assert!(raw.contains("TERM") && raw.contains("peanut search") && !raw.contains('\u{1b}'), "{raw:?}");
    }
    // Commands do without, and send no colours to it.
    let terminal = Terminal::with_arguments(&home.data(), 80, 24, &[("TERM", "dumb")], &["status"]);
    let (status, _, raw) = terminal.finish();
    assert_eq!(status.code(), Some(0));
    assert!(raw.contains("documents") && !raw.contains('\u{1b}'), "{raw:?}");
}

#[test]
fn an_address_in_use_is_not_told_to_be_without_effect() {
    let home = Home::new();
    let mut doctor = home.peanut(&["doctor"]);
    let told = crate::support::said(doctor.env("POSTGRES_URL", "postgres://u:p@127.0.0.1:1/db"));
    assert_eq!(told.code, Some(1), "{}", told.out);
    assert!(!told.out.contains("without effect") && told.out.contains("start PostgreSQL"), "{}", told.out);
}
