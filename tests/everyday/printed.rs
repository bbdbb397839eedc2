//! Titles, paths, tags, headings, people and texts full of terminal escapes, printed by every command, piped and on a terminal.

use std::fmt::Write as _;

use crate::support::{Home, said};
use crate::terminal::Terminal;

/// A file name with a clipboard write, a window title and a line of its own.
const NAME: &str = "x\u{1b}]52;c;UFdORUQ=\u{7}\u{1b}]0;PWNED\u{7}\n   FAKE LINE \u{202e}y.md";

fn corpus(home: &Home) {
    home.write(
        "s/a.html",
        "<html><head><title>invoice &#27;]0;PWNED&#7;&#27;[2J</title></head><body><h1>Head&#27;[2J</h1>\
         <p>invoiceprobe &#27;[31m&#x9b;2Jend</p></body></html>",
    );
    home.write(
        "s/b.md",
        "---\ntitle: \"invoice \\e[2J\"\ntags: [\"a\\e[31mb\"]\n---\n# In\u{1b}[2Jside\n\ninvoiceprobe\n",
    );
    home.write(
        "s/c.eml",
        "From: \"An\u{1b}]0;PWNED\u{7}na\" <anna@example.org>\nSubject: =?utf-8?Q?invoiceprobe_=1B[2J=C2=9B2J?=\nDate: Thu, 1 Feb \
         2024 10:00:00 +0000\nMessage-ID: <c@x>\n\ninvoiceprobe \u{1b}]52;c;UFdORUQ=\u{7} \u{202e}txt\n",
    );
    home.write(&format!("s/{NAME}"), "invoiceprobe\n");
    home.write("s/broken\u{1b}[2J.pdf", "%PDF-1.4 and nothing else");
}

/// Everything the commands say.
fn everything(home: &Home) -> String {
    let file = home.path(&format!("s/{NAME}"));
    let missing = home.path("gone\u{1b}]0;PWNED\u{7}.md");
    let broken = home.path("s/broken\u{1b}[2J.pdf");
    let commands: Vec<Vec<&str>> = vec![
        vec!["search", "invoiceprobe"],
        vec!["search", "invoiceprobe", "--why"],
        vec!["search", "in:\u{1b}[2Jx", "nothing\u{1b}]0;PWNED\u{7}"],
        vec!["why", file.to_str().unwrap()],
        vec!["why", broken.to_str().unwrap()],
        vec!["why", missing.to_str().unwrap()],
        vec!["ingest", missing.to_str().unwrap(), file.to_str().unwrap(), "--wait"],
        vec!["status"],
        vec!["doctor"],
        vec!["check"],
        vec!["get", "\u{1b}]0;PWNED\u{7}"],
        vec!["restore", "\u{1b}]0;PWNED\u{7}"],
        vec!["export", "--from", "\u{1b}]0;PWNED\u{7}"],
        vec!["copy", "--to", "x\u{1b}[2J/", "--from", "\u{9b}2J"],
        vec!["keys", "revoke", "\u{1b}[2J"],
        vec!["no-such\u{1b}]0;PWNED\u{7}"],
        vec!["search", "--no-such\u{1b}]0;PWNED\u{7}"],
    ];
    let mut all = String::new();
    for arguments in commands {
        let said = home.say(&arguments);
        let _ = writeln!(all, "{}{}", said.out, said.err);
    }
    for hit in home.hits("invoiceprobe") {
        let said = home.say(&["get", hit["document_id"].as_str().unwrap()]);
        all.push_str(&said.out);
    }
    all
}

fn steers(text: &str) -> Option<char> {
    text.chars().find(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{202a}'..='\u{202e}'))
}

#[test]
fn nothing_printed_steers_the_terminal() {
    let home = Home::new();
    corpus(&home);
    let told = home.ingest(&home.path("s"));
    assert_eq!(steers(&(told.out + &told.err)), None);
    let all = everything(&home);
    assert_eq!(steers(&all), None, "{all:?}");
    // A name is one line, and what it holds can be seen.
    assert!(all.contains("␛]52;c;UFdORUQ=␇") && all.contains("\\u{202e}y.md"), "{all}");
    assert!(!all.lines().any(|line| line.trim_start().starts_with("FAKE LINE")), "{all}");
    // Titles and tags were cleaned when they came in.
    for hit in home.hits("invoiceprobe") {
        let title = hit["title"].as_str().unwrap();
        assert!(!title.contains(char::is_control) && !title.contains("PWNED\u{7}"), "{title:?}");
    }
}

#[test]
fn json_says_exactly_where_a_file_lies() {
    let home = Home::new();
    corpus(&home);
    home.ingest(&home.path("s"));
    let path = home.path(&format!("s/{NAME}"));
    let hits = home.hits("invoiceprobe");
    let hit = hits.iter().find(|hit| hit["source_path"] == path.to_str().unwrap()).expect("the exact path");
    let read = home.say(&["get", hit["document_id"].as_str().unwrap()]);
    assert!(read.out.contains("invoiceprobe"));
    let why = home.say(&["why", "--json", path.to_str().unwrap()]);
    let record: serde_json::Value = serde_json::from_str(&why.out).unwrap();
    assert_eq!(record["file"]["path"], path.to_str().unwrap());
    assert_eq!(steers(&why.out), None, "escaped, all of it");
}

#[test]
fn on_a_terminal_only_our_own_colours_are_sent() {
    let home = Home::new();
    corpus(&home);
    home.ingest(&home.path("s"));
    let file = home.path(&format!("s/{NAME}"));
    for arguments in [&["search", "invoiceprobe"][..], &["why", file.to_str().unwrap()], &["status"]] {
        let terminal = Terminal::with_arguments(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")], arguments);
        let (_, _, raw) = terminal.finish();
        let plain = ["\u{1b}[1m", "\u{1b}[2m", "\u{1b}[0m", "\r"].iter().fold(raw, |text, own| text.replace(own, ""));
        assert_eq!(steers(&plain), None, "{arguments:?}: {plain:?}");
    }
}

#[test]
fn the_screen_and_the_log_show_them_too() {
    let home = Home::new();
    corpus(&home);
    home.ingest(&home.path("s"));
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("Search");
    terminal.send("3");
    terminal.wait_until("the broken file", |screen| screen.contains("broken␛[2J.pdf"));
    terminal.send("2");
    terminal.wait_until("the input", |screen| screen.contains("leave"));
    terminal.send("invoiceprobe");
    terminal.wait_until("the hits", |screen| screen.contains("FAKE LINE"));
    terminal.send("\u{3}");
    let (status, _, raw) = terminal.finish();
    assert_eq!(status.code(), Some(0));
    for bad in ["PWNED\u{7}", "UFdORUQ=\u{7}", "\u{9b}", "\u{202e}"] {
        assert!(!raw.contains(bad), "{bad:?} reached the terminal");
    }
    let logs = std::fs::read_dir(home.data().join("state/logs")).unwrap();
    for log in logs {
        let text = std::fs::read_to_string(log.unwrap().path()).unwrap();
        assert_eq!(steers(&text), None);
    }
}

#[test]
fn help_and_version_still_go_to_standard_output() {
    let home = Home::new();
    for (arguments, wanted) in
        [(&["--help"][..], "Usage: peanut"), (&["--version"], "peanut "), (&["restore", "-h"], "Usage")]
    {
        let said = said(&mut home.peanut(arguments));
        assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(said.out.contains(wanted), "{}", said.out);
    }
    let wrong = home.say(&["serch"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.err.contains("serch") && wrong.out.is_empty(), "{}", wrong.err);
}
