//! An export is whole or not there, is for its owner alone and never takes another file's place; an address that is misspelled
//! is no folder, and its password is shown nowhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::support::{Home, said};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn with_a_store() -> Home {
    let home = Home::new();
    let file = home.write("a.md", "# Kept\n\nsomething kept\n");
    home.ingest(&file);
    home
}

/// Names in the home that do not begin with a dot, and those that do.
fn names(home: &Home) -> Vec<String> {
    let entries = std::fs::read_dir(home.path("")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_export_never_takes_the_place_of_a_file() {
    let home = with_a_store();
    let keep = home.write("keep.txt", "important\n");
    let refused = home.say(&["export", "--to", "keep.txt"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("exists already") && refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(&keep).unwrap(), "important\n");
    let link = home.path("link.jsonl");
    std::os::unix::fs::symlink(&keep, &link).unwrap();
    assert_eq!(home.say(&["export", "--to", "link.jsonl"]).code, Some(2));
    let folder = home.say(&["export", "--to", "data", "--force"]);
    assert!(folder.err.contains("is a folder"), "{}", folder.err);

    let new = home.say(&["export", "--to", "new.jsonl"]);
    assert_eq!(new.code, Some(0), "{}", new.err);
    assert_eq!(mode(&home.path("new.jsonl")), 0o600);
    let forced = home.say(&["export", "--to", "keep.txt", "--force"]);
    assert_eq!(forced.code, Some(0), "{}", forced.err);
    assert_eq!(mode(&keep), 0o600);
    assert_eq!(std::fs::read(&keep).unwrap(), std::fs::read(home.path("new.jsonl")).unwrap());
    assert_eq!(names(&home).iter().filter(|name| name.contains(".part")).count(), 0, "{:?}", names(&home));
}

#[test]
fn an_export_ends_with_what_it_must_hold() {
    let home = with_a_store();
    let told = home.say(&["export"]);
    let (before, end) = told.out.trim_end().rsplit_once('\n').unwrap();
    let end: serde_json::Value = serde_json::from_str(end).unwrap();
    let before = format!("{before}\n");
    let hash: String =
        Sha256::digest(before.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!((end["table"].as_str(), end["sha256"].as_str()), (Some("end"), Some(hash.as_str())));
    assert_eq!(end["lines"], before.lines().count());
    // What is no file is written to as it is.
    let piped = said(&mut {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "\"$0\" --data-dir data export --to /dev/stdout | cat", env!("CARGO_BIN_EXE_peanut")]);
        command.env("HOME", home.path("")).current_dir(home.path(""));
        command
    });
    assert_eq!(piped.out, told.out);
}

#[test]
fn an_export_that_fails_leaves_the_good_one() {
    let home = Home::new();
    for n in 0..40 {
        home.write(&format!("s/{n}.md"), format!("# Note {n}\n\n{}\n", format!("word{n} and more ").repeat(200)));
    }
    home.ingest(&home.path("s"));
    assert_eq!(home.say(&["export", "--to", "backup.jsonl"]).code, Some(0));
    let good = std::fs::read(home.path("backup.jsonl")).unwrap();
    assert!(good.len() > 200_000, "{}", good.len());
    // No file may grow beyond 64 blocks of 1024 bytes.
    let mut limited = std::process::Command::new("bash");
    let script = "ulimit -f 64; \"$0\" --data-dir data export --to backup.jsonl --force";
    limited.args(["-c", script, env!("CARGO_BIN_EXE_peanut")]).env("HOME", home.path("")).current_dir(home.path(""));
    let failed = said(&mut limited);
    assert_eq!(failed.code, Some(2), "{}", failed.err);
    assert!(failed.err.contains("write the export"), "{}", failed.err);
    assert_eq!(std::fs::read(home.path("backup.jsonl")).unwrap(), good);
    assert_eq!(names(&home).iter().filter(|name| name.contains(".part")).count(), 0, "{:?}", names(&home));
}

#[test]
fn a_misspelled_address_is_refused_and_its_password_shown_nowhere() {
    let home = with_a_store();
    let before = names(&home);
    for address in [
        "postgress://peanut:sekret@db/peanut",
        "postgre://peanut:sekret@db/peanut",
        "mysql://peanut:sekret@db/peanut",
        "postgres:/peanut:sekret@db/peanut",
        "postgres//peanut:sekret@db/peanut",
        "postgres:peanut:sekret@db/peanut",
        "peanut:sekret@db/peanut",
        "postgres://peanut:sekret@/peanut",
        "postgres:///sekret",
    ] {
        // One door reads them all; a wrong flag is told by another.
        let all = [["copy", "--to", address], ["export", "--from", address], ["copy", "--too", address]];
        for arguments in &all[..if address.starts_with("postgress") { 3 } else { 1 }] {
            let said = home.say(arguments);
            assert_eq!(said.code, Some(2), "{arguments:?}");
            assert!(!said.err.contains("sekret") && said.out.is_empty(), "{}", said.err);
            let named = arguments[1] == "--too" || said.err.contains("postgres://user@host/database");
            assert!(named, "{arguments:?}: {}", said.err);
        }
    }
    assert_eq!(names(&home), before, "nothing was made");
    for log in std::fs::read_dir(home.data().join("state/logs")).unwrap() {
        assert!(!std::fs::read_to_string(log.unwrap().path()).unwrap().contains("sekret"));
    }
}

#[test]
fn what_it_keeps_is_for_its_owner_alone_whatever_the_umask() {
    let home = Home::new();
    let file = home.write("a.md", "# Kept\n\nsomething kept\n");
    let mut command = std::process::Command::new("sh");
    let script = "umask 0; \"$0\" --data-dir data ingest \"$1\" --wait && \"$0\" --data-dir data doctor; \"$0\" --data-dir data \
                  export --to out.jsonl && \"$0\" --data-dir data copy --to copied/";
    command.args(["-c", script, env!("CARGO_BIN_EXE_peanut"), file.to_str().unwrap()]);
    let done = said(command.env("HOME", home.path("")).env("PEANUT_MODEL", "static").current_dir(home.path("")));
    assert_eq!(done.code, Some(0), "{}{}", done.out, done.err);
    let mut open = Vec::new();
    let mut folders = vec![home.data(), home.path("copied")];
    let mut files = vec![home.path("out.jsonl")];
    while let Some(folder) = folders.pop() {
        if mode(&folder) != 0o700 {
            open.push((folder.clone(), mode(&folder)));
        }
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 4, "{files:?}");
    open.extend(files.into_iter().map(|file| (file.clone(), mode(&file))).filter(|(_, mode)| *mode != 0o600));
    let told: Vec<String> = open.iter().map(|(path, mode)| format!("{mode:o} {}", path.display())).collect();
    assert!(told.is_empty(), "open to others: {told:#?}");
}
