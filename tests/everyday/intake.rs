//! Intake at 80x24: a failed, a skipped and a partly read archive, each with its reason readable to the end; numbers that
//! stay true when a file is read again.

use crate::support::Home;
use crate::terminal::Terminal;

fn message(n: u32, body: &str) -> String {
    format!(
        "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: A <a@x.org>\nSubject: Topic{n}\nDate: Thu, 1 Feb 2024 10:00:00 \
         +0000\nMessage-ID: <m{n}@x>\n\n{body} text{n}\n\n"
    )
}

/// The screen's text with its breaks undone, so that what is wrapped can be read.
fn unwrapped(screen: &str) -> String {
    let inside = screen.lines().map(|line| line.rsplit('│').nth(1).unwrap_or(line).trim());
    inside.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_retry_of_a_finished_archive_keeps_its_numbers() {
    let home = Home::new();
    let archive = home.write("box.mbox", (0..7).map(|n| message(n, "common")).collect::<String>());
    home.ingest(&archive);
    let mut terminal = Terminal::start(&home.data(), 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("quit");
    terminal.send("3");
    let row =
        |screen: &str| screen.lines().find(|line| line.contains("box.mbox")).map(str::to_owned).unwrap_or_default();
    terminal.wait_until("the archive", |screen| row(screen).contains("done") && row(screen).contains(" 7 "));
    terminal.send("r");
    terminal.wait_for("queued again");
    // Read once more, all of it: what is shown is what it holds.
    terminal.wait_until("the second pass", |screen| row(screen).contains("done") && screen.contains("7 unchanged"));
    terminal.wait_until("the same number", |screen| row(screen).contains("done") && row(screen).contains(" 7 "));
    // It grows: the new messages are added to the number, not in its place.
    let grown = std::fs::read_to_string(&archive).unwrap() + &message(8, "new") + &message(9, "new");
    std::fs::write(&archive, grown).unwrap();
    terminal.send("r");
    terminal.wait_until("all nine", |screen| row(screen).contains("done") && row(screen).contains(" 9 "));
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
    let why = home.say(&["why", archive.to_str().unwrap()]);
    assert!(why.out.contains("9 live"), "{}", why.out);
}

#[test]
fn reasons_are_read_to_their_end_at_80_by_24() {
    let home = Home::new();
    home.write("s/broken-archive-with-a-long-name.pdf", "%PDF-1.4 and nothing else");
    home.write("s/an-empty-archive.mbox", "");
    home.write("s/fine.md", "# Fine\n\nall is well\n");
    home.ingest(&home.path("s"));
    let reason = |name: &str| {
        let why = home.say(&["why", "--json", home.path(name).to_str().unwrap()]);
        let record: serde_json::Value = serde_json::from_str(&why.out).unwrap();
        record["file"]["reason"].as_str().unwrap().to_owned()
    };
    let reasons = [reason("s/broken-archive-with-a-long-name.pdf"), reason("s/an-empty-archive.mbox")];
    let mut terminal = Terminal::start(&home.data(), 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_for("quit");
    let all = |screen: &str| reasons.iter().all(|reason| unwrapped(screen).contains(reason.as_str()));
    // On Home already, whatever pane has the keys; and over the whole screen.
    terminal.wait_until("both reasons on Home", all);
    terminal.send("3");
    terminal.wait_until("both reasons", |screen| screen.contains("next tab") && all(screen));
    terminal.send("w");
    terminal.wait_until("one in full", |screen| screen.contains("y copies") && screen.contains("in the store"));
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
}
