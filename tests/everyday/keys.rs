//! Keys of the configuration: none vanishes, and Ctrl-C always quits.

use crate::support::{Home, Said, said};
use crate::terminal::Terminal;

fn with_keys(home: &Home, keys: &str) -> String {
    let file = home.write("config/peanut.toml", format!("# mine\n[screen]\nmouse = false\n\n[keys]\n{keys}"));
    file.to_str().unwrap().to_owned()
}

fn run(home: &Home, file: &str, arguments: &[&str]) -> Said {
    said(home.peanut(arguments).env("PEANUT_CONFIG", file))
}

#[test]
fn ctrl_c_quits_whatever_the_keys_say() {
    for keys in ["quit = \"ctrl-q\"\n", "quit = \"\"\n", ""] {
        let home = Home::new();
        let file = with_keys(&home, keys);
        let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_CONFIG", &file)]);
        terminal.wait_for("Welcome");
        // Also from a prompt and out of the input.
        terminal.send(if keys.is_empty() { "2" } else { "a" });
        terminal.wait_until("a field", |screen| screen.contains("leave") || screen.contains("Add files"));
        terminal.send("\u{3}");
        assert_eq!(terminal.finish().0.code(), Some(0), "{keys:?}");
    }
    let home = Home::new();
    let file = with_keys(&home, "quit = \"ctrl-q\"\n");
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_CONFIG", &file)]);
    terminal.wait_for("Welcome");
    terminal.send("5");
    terminal.wait_for("workers");
    terminal.send("\u{11}");
    assert_eq!(terminal.finish().0.code(), Some(0), "and the key that was asked for");
}

#[test]
fn keys_that_clash_or_do_not_exist_are_refused_with_their_line() {
    let home = Home::new();
    for (keys, line, words) in [
        ("quit = \"j\"\n", "line 6", ["quit", "down", "another key"]),
        ("zoom = \"Z\"\nquit = \"d\"\n", "line 7", ["quit", "delete", "another key"]),
        ("zoom = \"Z\"\nlog = \"Z\"\n", "line 6 and 7", ["zoom", "log", "another key"]),
        ("help = \"ctrl-c\"\n", "line 6", ["help", "ctrl-c", "always quits"]),
        ("quit = \"banana\"\n", "line 6", ["quit", "banana", "write a character"]),
        ("quit = \"ctrl-m\"\n", "line 6", ["quit", "ctrl-m", "choose another"]),
        ("qiut = \"x\"\n", "line 6", ["qiut", "no such action", "is quit meant?"]),
        ("quit = 7\n", "line 6", ["configuration", "line", "string"]),
    ] {
        let file = with_keys(&home, keys);
        let config = run(&home, &file, &["config"]);
        assert_eq!(config.code, Some(2), "{keys}");
        let named = config.err.contains(line) && config.err.contains(&file);
        assert!(named && words.iter().all(|word| config.err.contains(word)), "{keys}: {}", config.err);
        let doctor = run(&home, &file, &["doctor"]);
        assert_ne!(doctor.code, Some(0), "{keys}");
        assert!((doctor.out + &doctor.err).contains(line), "{keys}");
        // The screen asks the same door: one clash, one key, one value are enough.
        if !["quit = \"j\"\n", "quit = \"banana\"\n", "quit = 7\n"].contains(&keys) {
            continue;
        }
        let terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_CONFIG", &file)]);
        let (status, _, raw) = terminal.finish();
        assert_eq!(status.code(), Some(2), "{keys}");
        assert!(raw.contains(words[0]) && !raw.contains("\u{1b}[?1049h"), "before the screen is drawn: {raw}");
    }
    let file = with_keys(&home, "quit = \"Q\"\ndown = \"n\"\nnote = \"N w\"\n");
    assert_eq!(run(&home, &file, &["config"]).code, Some(2), "n and N are of the reader, w of search");
    let file = with_keys(&home, "quit = \"Q ctrl-q\"\nquotes = \"h\"\n");
    let good = run(&home, &file, &["config"]);
    assert_eq!(good.code, Some(0), "{}", good.err);
}
