//! What is there is found and what is gone is known: copies whose original goes, a store that is removed under a server,
//! flipped bytes, documents brought back without their files, things that are no files, exports that were cut off.

use std::path::{Path, PathBuf};

use peanut::config::{Config, Environment, Overrides};
use peanut::runtime::wiring::House;

use crate::serving::{Served, until};
use crate::support::Home;
use crate::terminal::Terminal;

/// Does something in the home's store, without workers.
fn in_house(home: &Home, work: impl AsyncFnOnce(&House)) {
    let overrides = Overrides { data_dir: Some(home.data()), ..Overrides::default() };
    let folder = home.path("");
    let mut variables = vec![("HOME", folder.to_str().unwrap()), ("PEANUT_MODEL", "static")];
    variables.extend(home.environment());
    let environment = Environment::of(&variables);
    let config = Config::load(&overrides, &environment).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let house = House::open(config).await.unwrap();
        work(&house).await;
        house.close().await;
    });
}

fn sources(home: &Home, query: &str) -> Vec<PathBuf> {
    home.hits(query).iter().map(|hit| PathBuf::from(hit["source_path"].as_str().unwrap())).collect()
}

fn copies_live_on(home: &Home, running: bool) {
    let mail = "From: a@b.org\nTo: c@d.org\nSubject: qqmail\nMessage-ID: <m@x>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\nqqmail\n";
    let at = |name: &str| home.write(&format!("w/{name}"), if name.ends_with("md") { "# qqnote same\n" } else { mail });
    let files = ["a.md", "b.md", "a.eml", "b.eml"].map(at);
    in_house(home, async |house| {
        house.intake.add_folder(home.path("w").to_str().unwrap(), Vec::new()).await.unwrap();
    });
    let mut served = Served::start(home, "");
    for query in ["qqnote", "qqmail"] {
        until("taken in", || sources(home, query).len() == 1);
    }
    let check = || home.say(&["check", "--drain"]);
    let holders = ["qqnote", "qqmail"].map(|query| sources(home, query).remove(0));
    // The copies are known as such before their originals go.
    let why = |path: &Path| home.say(&["why", path.to_str().unwrap()]).out;
    for copy in files.iter().filter(|file| !holders.contains(file)) {
        until("read", || why(copy).contains("duplicate"));
    }
    if running {
        for holder in &holders {
            std::fs::remove_file(holder).unwrap();
        }
    } else {
        assert!(served.end().success());
        for holder in &holders {
            std::fs::remove_file(holder).unwrap();
        }
        served = Served::start(home, "");
    }
    for (query, holder) in ["qqnote", "qqmail"].into_iter().zip(&holders) {
        let copy = files.iter().find(|file| *file != holder && file.extension() == holder.extension()).unwrap();
        until("found in the copy", || sources(home, query) == [copy.clone()]);
        // Gone, or moved to where the copy is: whoever looks first.
        until("known to be gone", || why(holder).contains("retired"));
        until("known to hold it", || why(copy).contains("indexed"));
    }
    assert!(served.end().success());
    let checked = check();
    assert_eq!(checked.code, Some(0), "{}", checked.out);
    assert!(checked.out.contains("every duplicate has a live holder"), "{}", checked.out);
}

#[test]
fn a_copy_is_found_when_its_original_goes_while_the_server_runs() {
    for home in Home::on_both() {
        copies_live_on(&home, true);
    }
}

#[test]
fn a_copy_is_found_when_its_original_went_while_nothing_ran() {
    for home in Home::on_both() {
        copies_live_on(&home, false);
    }
}

#[test]
fn a_store_that_is_removed_or_replaced_under_a_server_acknowledges_nothing() {
    for replaced in [false, true] {
        let home = Home::new();
        home.ingest(&home.write("a.md", "# Before\n\nsomething before\n"));
        let served = Served::start(&home, "");
        let text = r#"{"title":"t","text":"important words"}"#;
        assert_eq!(served.ask("POST", "/ingest/text", text).0, 202);
        for name in ["peanut.db", "peanut.db-wal", "peanut.db-shm"] {
            let _ = std::fs::rename(home.data().join(name), home.path(name));
        }
        if replaced {
            std::fs::copy(home.path("peanut.db"), home.data().join("peanut.db")).unwrap();
        }
        let (status, answer) = served.ask("POST", "/ingest/text", r#"{"title":"t","text":"lost words"}"#);
        assert_eq!(status, 503, "{answer}");
        assert!(answer.contains("store_unavailable") && answer.contains("removed or replaced"), "{answer}");
        until("down", || served.ask("GET", "/health", "").0 == 503);
        let (_, health) = served.ask("GET", "/health", "");
        assert!(health.contains(r#""sqlite":"down""#) && health.contains("unhealthy"), "{health}");
        let (_, told) = served.ask("GET", "/status", "");
        assert!(
            told.contains("removed or replaced while it was open") && told.contains("start Peanut again"),
            "{told}"
        );
        assert_eq!(served.end().code(), Some(0));
        if !replaced {
            assert!(!home.data().join("peanut.db").exists(), "nothing was made in its place");
            for name in ["peanut.db", "peanut.db-wal", "peanut.db-shm"] {
                let _ = std::fs::rename(home.path(name), home.data().join(name));
            }
            assert_eq!(home.hits("important").len(), 1, "put back, it is as it was");
        }
        assert!(home.hits("lost").is_empty());
        assert_eq!(home.hits("before").len(), 1);
        assert_eq!(home.say(&["check", "--drain"]).code, Some(0));
    }
}

/// Flips a bit of every place in the file where these bytes stand.
fn flip(file: &Path, needle: &[u8]) {
    let mut bytes = std::fs::read(file).unwrap();
    let places: Vec<usize> = (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty(), "it stands nowhere");
    for at in places {
        bytes[at + needle.len() / 2] ^= 1;
    }
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn flipped_bytes_are_named_and_mended_from_the_files() {
    let home = Home::new();
    let note = home.write("s/note.md", "# Heron\n\nThe Grey Heron stands still.\n");
    let message = |n: u32| {
        format!(
            "From a@x.org Thu Jan  1 00:00:0{n} 2024\nFrom: A <a@x.org>\nSubject: Topic{n}\n\
             Date: Thu, 1 Feb 2024 10:00:0{n} +0000\nMessage-ID: <m{n}@x>\n\nThe Kingfisher Number {n} dives.\n\n"
        )
    };
    let archive = home.write("s/box.mbox", (0..3).map(message).collect::<String>());
    let gone = home.write("s/gone.md", "# Crane\n\nThe Common Crane calls.\n");
    home.ingest(&home.path("s"));
    assert_eq!(home.say(&["check"]).code, Some(0));
    let store = home.data().join("peanut.db");
    for text in ["Grey Heron stands", "Kingfisher Number 1", "Common Crane calls"] {
        flip(&store, text.as_bytes());
    }
    let checked = home.say(&["check"]);
    assert_eq!(checked.code, Some(1), "{}{}", checked.out, checked.err);
    for path in [&note, &archive, &gone] {
        let named =
            |line: &str| line.contains("texts are as they were stored") && line.contains(path.to_str().unwrap());
        assert!(checked.out.lines().any(named), "{}", checked.out);
    }
    // What its file still holds is written anew; of the other it is said what is missing.
    let text = std::fs::read(&gone).unwrap();
    std::fs::remove_file(&gone).unwrap();
    let repaired = home.say(&["check", "--repair"]);
    assert_eq!(repaired.code, Some(1), "{}{}", repaired.out, repaired.err);
    assert!(repaired.err.contains("gone.md") && repaired.err.contains("restore a backup"), "{}", repaired.err);
    let problems: Vec<&str> = repaired.out.lines().filter(|line| line.starts_with("PROBLEM")).collect();
    assert!(problems.len() == 1 && problems[0].contains("gone.md"), "{problems:?}");
    std::fs::write(&gone, text).unwrap();
    let repaired = home.say(&["check", "--repair"]);
    assert_eq!(repaired.code, Some(0), "{}{}", repaired.out, repaired.err);
    for query in ["\"grey heron stands\"", "\"kingfisher number 1\"", "\"common crane calls\""] {
        assert_eq!(home.hits(query).len(), 1, "{query}");
    }
}

#[test]
fn a_file_that_is_no_store_is_refused_in_words() {
    let home = Home::new();
    home.ingest(&home.write("a.md", "# A\n\ntext\n"));
    let store = home.data().join("peanut.db");
    for (content, told) in [(&b""[..], "0 bytes"), (b"this is a letter, and no database", "no store of Peanut's")] {
        std::fs::write(&store, content).unwrap();
        let refused = home.say(&["search", "text"]);
        assert_eq!(refused.code, Some(2), "{}", refused.out);
        assert!(refused.err.contains(told) && refused.err.contains("peanut.db"), "{}", refused.err);
        assert_eq!(std::fs::read(&store).unwrap(), content, "it is as it was");
    }
}

#[test]
fn what_was_brought_back_without_its_file_stays_and_says_so() {
    for noticed in [true, false] {
        let home = Home::new();
        let file = home.write("s/a.md", "# Lexgone\n\nlexgone\n");
        home.write("s/b.md", "# Other\n\nother\n");
        home.ingest(&home.path("s"));
        crate::deleted::delete(&home, "lexgone", "Lexgone");
        std::fs::remove_file(&file).unwrap();
        if noticed {
            home.ingest(&home.path("s"));
        }
        let restored = home.say(&["restore", file.to_str().unwrap()]);
        assert_eq!(restored.code, Some(0), "{}", restored.err);
        assert!(restored.out.contains("brought back") && restored.err.contains("the file is gone"), "{}", restored.err);
        // Found, told of, sound, and not taken away again for the same reason.
        home.ingest(&home.path("s"));
        assert_eq!(home.hits("lexgone").len(), 1);
        let why = home.say(&["why", file.to_str().unwrap()]);
        assert!(why.out.contains("the file is gone; what was brought back of it is kept here"), "{}", why.out);
        let checked = home.say(&["check", "--repair"]);
        assert_eq!(checked.code, Some(0), "{}", checked.out);
        assert_eq!(home.hits("lexgone").len(), 1);
    }
}

#[test]
fn what_the_screen_brings_back_without_its_file_stays_too() {
    let home = Home::new();
    let file = home.write("s/a.md", "# Lexgone\n\nlexgone\n");
    home.write("s/b.md", "# Other\n\nother\n");
    home.ingest(&home.path("s"));
    crate::deleted::delete(&home, "lexgone", "Lexgone");
    std::fs::remove_file(&file).unwrap();
    let mut terminal = Terminal::start(&home.data(), 100, 30, &[("PEANUT_MODEL", "static")]);
    terminal.wait_until("a screen", |screen| screen.contains("quit") && screen.contains("● store"));
    terminal.send("u");
    terminal.wait_for("1 brought back; the file is gone");
    terminal.send("\u{3}");
    assert_eq!(terminal.finish().0.code(), Some(0));
    home.ingest(&home.path("s"));
    assert_eq!(home.hits("lexgone").len(), 1);
    let why = home.say(&["why", file.to_str().unwrap()]);
    assert!(why.out.contains("the file is gone; what was brought back of it is kept here"), "{}", why.out);
    let checked = home.say(&["check", "--repair"]);
    assert_eq!(checked.code, Some(0), "{}", checked.out);
    assert_eq!(home.hits("lexgone").len(), 1);
}

#[test]
fn what_took_a_files_name_is_not_read_and_holds_nobody_up() {
    let home = Home::new();
    let swapped = ["pipe.md", "socket.md", "device.md", "folder.md"].map(|name| home.write(&format!("s/{name}"), name));
    home.write("s/fine.md", "# Fine\n\nfineword\n");
    in_house(&home, async |house| {
        let offer = house.intake.offer_paths(&[home.path("s").to_str().unwrap().to_owned()]).await.unwrap();
        assert_eq!(offer.queued, 5);
    });
    // After the offer, before the reading.
    for path in &swapped {
        std::fs::remove_file(path).unwrap();
    }
    let [pipe, socket, device, folder] = &swapped;
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    std::os::unix::fs::symlink("/dev/zero", device).unwrap();
    std::fs::create_dir(folder).unwrap();
    let taken = home.ingest(&home.write("t/another.md", "# Another\n\nanotherword\n"));
    assert_eq!(taken.code, Some(1), "{}{}", taken.out, taken.err);
    assert_eq!((home.hits("fineword").len(), home.hits("anotherword").len()), (1, 1));
    for (path, what) in swapped.iter().zip(["a named pipe", "a socket", "a device", "a folder"]) {
        let why = home.say(&["why", path.to_str().unwrap()]);
        assert!(why.out.contains(&format!("is {what}, no regular file")), "{}", why.out);
    }
}

#[test]
fn an_export_makes_a_store_again_unless_it_was_cut_off() {
    let home = Home::new();
    home.write("s/a.md", "---\ntags: [t]\n---\n# Kept\n\nsomething kept, see [[b]]\n");
    home.write("s/b.md", "# Other\n\nother text\n");
    home.ingest(&home.path("s"));
    assert_eq!(home.say(&["export", "--to", "all.jsonl"]).code, Some(0));
    let whole = std::fs::read(home.path("all.jsonl")).unwrap();
    // Used as a store, it says what it is.
    let refused = home.say(&["export", "--from", "all.jsonl"]);
    assert!(refused.code == Some(2) && refused.err.contains("is an export, not a store"), "{}", refused.err);
    let lines = whole.split(|byte| *byte == b'\n').count() - 1;
    let before_end = whole[..whole.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for (content, told) in [
        (whole[..before_end].to_vec(), format!("cut off: it ends after {} lines", lines - 1)),
        (whole[..before_end - 7].to_vec(), format!("cut off: it ends after {} lines", lines - 2)),
        (whole[..whole.len() - 1].to_vec(), "cut off".to_owned()),
        (
            String::from_utf8_lossy(&whole).replace("something kept", "something else").into_bytes(),
            "checksum".to_owned(),
        ),
        (
            String::from_utf8_lossy(&whole).replacen("{\"table\":\"chunk\"", "{\"tab", 1).into_bytes(),
            "damaged".to_owned(),
        ),
    ] {
        std::fs::write(home.path("broken.jsonl"), content).unwrap();
        let refused = home.say(&["copy", "--from", "broken.jsonl", "--to", "broken/"]);
        assert_eq!(refused.code, Some(2), "{}", refused.out);
        assert!(refused.err.contains(&told) && refused.err.contains("nothing was taken"), "{told}: {}", refused.err);
        assert!(!home.path("broken").exists(), "nothing was made");
    }
    let copied = home.say(&["copy", "--from", "all.jsonl", "--to", "again/"]);
    assert_eq!(copied.code, Some(0), "{}", copied.err);
    assert!(copied.out.contains("verified"), "{}", copied.out);
    let again = home.say(&["export", "--from", "again"]);
    assert_eq!(again.out.as_bytes(), whole, "the same, to the byte");
    let mut used = std::process::Command::new(env!("CARGO_BIN_EXE_peanut"));
    used.args(["--data-dir", "again", "search", "kept"]).current_dir(home.path("")).env("HOME", home.path(""));
    let found = crate::support::said(used.env("PEANUT_MODEL", "static").env_remove("POSTGRES_URL"));
    assert!(found.code == Some(0) && found.out.contains("Kept"), "{}{}", found.out, found.err);
}

#[test]
fn what_a_server_keeps_is_for_its_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let served = Served::start(&home, "umask 0;");
    assert_eq!(served.ask("POST", "/ingest/text", r#"{"title":"t","text":"some words"}"#).0, 202);
    until("asked", || served.ask("GET", "/health", "").0 == 200);
    let (mut folders, mut open, mut names) = (vec![home.data()], Vec::new(), Vec::new());
    while let Some(folder) = folders.pop() {
        let mode = |path: &Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
        if mode(&folder) != 0o700 {
            open.push((folder.clone(), mode(&folder)));
        }
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            names.push(path.strip_prefix(home.data()).unwrap().display().to_string());
            if path.is_dir() {
                folders.push(path);
            } else if mode(&path) != 0o600 {
                open.push((path.clone(), mode(&path)));
            }
        }
    }
    assert!(
        open.is_empty(),
        "{:?}",
        open.iter().map(|(path, mode)| format!("{mode:o} {}", path.display())).collect::<Vec<_>>()
    );
    for name in ["peanut.db", "peanut.db-wal", "peanut.db-shm", "workers.lock", "drop", "state/logs"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    assert_eq!(served.end().code(), Some(0));
}
