//! What was deleted comes back: from the screen and by command, after a restart, and is told of meanwhile.

use crate::support::Home;
use crate::terminal::Terminal;

/// Searches for `query` in the app, and leaves the input.
fn find(terminal: &mut Terminal, query: &str, wanted: &str) {
    terminal.wait_until("a screen", |screen| screen.contains("quit"));
    terminal.send("2");
    terminal.wait_until("the input", |screen| screen.contains("leave"));
    terminal.send(query);
    terminal.wait_until(wanted, |screen| screen.contains(query) && screen.contains(&format!("1 {wanted}")));
    terminal.send("\u{1b}");
    terminal.wait_until("the end of typing", |screen| !screen.contains("leave"));
}

/// Deletes, in the app, the one document that `query` finds.
pub(crate) fn delete(home: &Home, query: &str, title: &str) {
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")]);
    find(&mut terminal, query, title);
    terminal.send("d");
    terminal.wait_for("Sure?");
    terminal.send("y");
    terminal.wait_for("now Enter does it");
    terminal.send("\r");
    terminal.wait_for("1 deleted");
    terminal.send("q");
    assert_eq!(terminal.finish().0.code(), Some(0));
}

#[test]
fn a_deleted_document_comes_back_after_a_restart() {
    let home = Home::new();
    let file = home.write("a.md", "# Lexkeyone\n\nlexkeyone\n");
    home.ingest(&file);
    delete(&home, "lexkeyone", "Lexkeyone");
    assert!(home.hits("lexkeyone").is_empty());

    // Taken in again by name, unchanged and changed, it stays deleted, and that is said, with the way back.
    let id = home.hits("lexkeyone is:deleted")[0]["document_id"].as_str().unwrap().to_owned();
    let restore = format!("peanut restore {id}");
    for text in ["# Lexkeyone\n\nlexkeyone\n", "# Lexkeyone\n\nlexkeyone changed\n"] {
        std::fs::write(&file, text).unwrap();
        let told = home.ingest(&file);
        assert!(told.err.contains("deleted by you on 2") && told.err.contains(&restore), "{}", told.err);
        assert!(home.hits("lexkeyone").is_empty());
    }
    let why = home.say(&["why", file.to_str().unwrap()]);
    assert!(why.out.contains("by you on 2") && why.out.contains(&restore), "{}", why.out);

    let said = home.say(&["restore", &id]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("brought back") && said.out.contains("Lexkeyone"), "{}", said.out);
    assert_eq!(home.hits("lexkeyone changed").len(), 1, "as the file is now");
    assert!(!home.say(&["why", file.to_str().unwrap()]).out.contains("by you"));
    assert_eq!(home.say(&["check"]).code, Some(0), "store and graph agree");

    let again = home.say(&["restore", &id]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("is not deleted"), "{}", again.err);
}

#[test]
fn the_screen_brings_back_what_an_earlier_session_deleted() {
    let home = Home::new();
    home.write("s/a.md", "# Firstone\n\nalphaword\n");
    home.write("s/b.md", "# Secondone\n\nbetaword\n");
    home.write("s/c.md", "# Thirdone\n\ngammaword\n");
    home.ingest(&home.path("s"));
    for (query, title) in [("alphaword", "Firstone"), ("betaword", "Secondone"), ("gammaword", "Thirdone")] {
        delete(&home, query, title);
    }
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")]);
    // The one that is looked at, though another was deleted later.
    find(&mut terminal, "alphaword is:deleted", "Firstone");
    terminal.send("u");
    terminal.wait_for("1 brought back");
    terminal.wait_until("no hit", |screen| !screen.contains("Firstone"));
    // In the reader.
    terminal.send("/");
    terminal.wait_until("the input", |screen| screen.contains("leave"));
    terminal.send("\u{15}betaword is:deleted");
    terminal.wait_until("the hit", |screen| screen.contains("betaword is:deleted") && screen.contains("1 Secondone"));
    terminal.send("\r");
    terminal.wait_until("the end of typing", |screen| !screen.contains("leave"));
    terminal.send("\r");
    terminal.wait_for("u brings it back");
    terminal.send("u");
    terminal.wait_until("no mark in the reader", |screen| !screen.contains("u brings it back"));
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
    // And the last deletion, whoever made it, with nothing looked at.
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_until("a screen", |screen| screen.contains("quit") && screen.contains("● store"));
    terminal.send("u");
    terminal.wait_for("1 brought back");
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
    for word in ["alphaword", "betaword", "gammaword"] {
        assert_eq!(home.hits(word).len(), 1, "{word}");
    }
}

#[test]
fn messages_of_an_archive_come_back_by_its_path() {
    let home = Home::new();
    let mail = |n: u32| {
        format!(
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: A <a@x.org>\nSubject: Topic{n}\nDate: Thu, 1 Feb 2024 10:00:0{n} +0000\nMessage-ID: <m{n}@x>\n\ncommonword text{n}\n\n"
        )
    };
    let archive = home.write("box.mbox", (0..4).map(mail).collect::<String>());
    home.ingest(&archive);
    for n in [1, 2] {
        delete(&home, &format!("text{n}"), &format!("Topic{n}"));
    }
    assert_eq!(home.hits("commonword").len(), 2);
    let why = home.say(&["why", archive.to_str().unwrap()]);
    assert!(why.out.contains("2 documents by you") && why.out.contains("peanut restore"), "{}", why.out);
    let said = home.say(&["restore", archive.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("2 documents brought back"), "{}", said.out);
    assert_eq!(home.hits("commonword").len(), 4);
    let nothing = home.say(&["restore", archive.to_str().unwrap(), "00000000-0000-0000-0000-000000000000"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("nothing that was read from there is deleted"), "{}", nothing.err);
    assert!(nothing.err.contains("there is no such document"), "{}", nothing.err);
}
