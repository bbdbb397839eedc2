//! Reading on the real binary: what was found is where the document opens, a link is followed, and one comes back to where
//! one was.

use super::note;
use super::support::Terminal;

fn store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let filler = "Filler line of no meaning.\n\n".repeat(60);
    note(
        &notes,
        "start.md",
        &format!("# Start\n\n{filler}The groundnut harvest: see [[Ships|the ships]] there.\n\n{filler}"),
    );
    note(&notes, "ships.md", "# Ships\n\nA **trawler** left the harbour at dawn: https://example.org/trawler\n");
    let mut ingest = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"));
    ingest.arg("--data-dir").arg(folder.path().join("data")).args(["ingest", "--wait"]).arg(&notes);
    assert!(ingest.env("HOME", folder.path()).env("PEANUT_MODEL", "static").output().unwrap().status.success());
    folder
}

#[test]
fn a_link_is_followed_and_one_comes_back() {
    let folder = store();
    let mut terminal = Terminal::start(&folder.path().join("data"), 80, 24, &[("PEANUT_MODEL", "static")]);
    terminal.wait_until("a screen", |screen| screen.contains("quit"));
    terminal.send("2");
    terminal.wait_until("the input", |screen| screen.contains("leave"));
    terminal.send("groundnut type:markdown");
    terminal.wait_until("the hit", |screen| screen.contains("type:markdown") && screen.contains("1 Start"));
    terminal.send("\r");
    terminal.wait_until("the end of typing", |screen| !screen.contains("leave"));
    terminal.send("\r");
    terminal.wait_until("the match", |screen| screen.contains("match 1 of 1") && screen.contains("groundnut harvest"));
    // What one reads is the text of the link; where it leads is told when it is selected.
    assert!(!terminal.screen().contains("[["), "{}", terminal.screen());
    terminal.send("\t");
    terminal.wait_until("where the link leads", |screen| screen.contains("opens ") && screen.contains("ships.md"));
    terminal.send("\r");
    terminal
        .wait_until("the other document", |screen| screen.contains("A trawler left") && !screen.contains("groundnut"));
    // Who links here is listed and can be opened.
    terminal.wait_for("linked from 1");
    terminal.send("\t");
    terminal.wait_for("address https://example.org/trawler");
    terminal.send("b");
    terminal.wait_until("the backlink", |screen| screen.contains("opens ") && screen.contains("start.md"));
    terminal.send("\u{1b}");
    terminal.wait_until("nothing selected", |screen| !screen.contains("opens ") && screen.contains("A trawler"));
    terminal.send("\u{1b}[D");
    terminal.wait_until("back, where it was left", |screen| screen.contains("groundnut harvest: see the ships"));
    terminal.send("\u{1b}[C");
    terminal.wait_until("forward", |screen| screen.contains("A trawler left"));
    terminal.send("\u{1b}");
    terminal.wait_until("back again", |screen| screen.contains("groundnut harvest"));
    terminal.send("\u{1b}");
    terminal.wait_until("no link selected", |screen| !screen.contains("opens "));
    terminal.send("\u{1b}");
    terminal.wait_until("the list", |screen| screen.contains("similar"));
    terminal.send("q");
    assert_eq!(terminal.finish().0.code(), Some(0));
}
