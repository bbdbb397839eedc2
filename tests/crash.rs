//! `kill -9` at random moments of ingest, relay and embedding, on the real binary: nothing that was committed is lost,
//! no document is half there or twice there, and in the end the graph equals the store.
//!
//! `PEANUT_KILLS=50 cargo test --test crash` runs the long version; the seed is printed and can be given as `PEANUT_SEED`.

#![expect(clippy::unwrap_used, reason = "a test: the seed is printed, a failed step ends it")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const DOCUMENTS: usize = 400;
const MESSAGES: usize = 400;

fn peanut(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).args(arguments).env("HOME", data).stdin(Stdio::null());
    command
}

fn json(data: &Path, arguments: &[&str]) -> serde_json::Value {
    let output = peanut(data, arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text} {}", String::from_utf8_lossy(&output.stderr)))
}

/// Notes that link to each other and an archive whose messages answer each other, with duplicates and a broken file.
fn corpus(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    std::fs::create_dir_all(source.join("notes")).unwrap();
    for n in 0..DOCUMENTS {
        let words: String = (0..120).fold(String::new(), |mut text, k| {
            let _ = write!(text, "word{} ", (n * 31 + k * 7) % 997);
            text
        });
        let (next, far) = ((n + 1) % DOCUMENTS, (n * 17 + 3) % (DOCUMENTS + 5));
        let text =
            format!("---\ntags: [t{}]\n---\n# Note {n}\n\n{words}\n\nSee [[note-{next}]] and [[note-{far}]].\n", n % 9);
        std::fs::write(source.join(format!("notes/note-{n}.md")), text).unwrap();
    }
    std::fs::copy(source.join("notes/note-1.md"), source.join("notes/same-as-1.md")).unwrap();
    std::fs::write(source.join("broken.pdf"), b"%PDF-1.4 and nothing else").unwrap();
    let mut archive = String::new();
    for n in 0..MESSAGES {
        let parent = if n % 5 == 0 { String::new() } else { format!("In-Reply-To: <m{}@x.org>\n", n - 1) };
        let _ = write!(
            archive,
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: Person {p} <p{p}@x.org>\nTo: all@x.org\nSubject: Topic {t}\n\
             Date: Thu, 1 Feb 2024 10:{m:02}:00 +0000\nMessage-ID: <m{n}@x.org>\n{parent}\nMessage number {n} about word{n}.\n\n",
            p = n % 13,
            t = n / 5,
            m = n % 60,
        );
    }
    std::fs::write(source.join("archive.mbox"), archive).unwrap();
    source
}

fn documents(status: &serde_json::Value) -> u64 {
    status["store"]["documents"].as_u64().unwrap()
}

#[test]
fn killed_again_and_again_nothing_is_lost_or_doubled() {
    let kills: usize = std::env::var("PEANUT_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let seed: u64 = std::env::var("PEANUT_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_240_912);
    eprintln!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let source = corpus(folder.path());
    let source = source.to_str().unwrap();

    let calm = folder.path().join("calm");
    assert!(peanut(&calm, &["ingest", "--wait", source]).output().unwrap().status.code().is_some());
    let expected = json(&calm, &["status", "--json"]);

    let data = folder.path().join("killed");
    let mut held = 0;
    for round in 0..kills {
        // Each round offers everything again, so the later ones cross retries, take-overs and an empty queue too.
        let mut child = peanut(&data, &["ingest", "--wait-vectors", source])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(random.u64(20..2500)));
        let before = if round % 3 == 2 { documents(&json(&data, &["status", "--json"])) } else { held };
        child.kill().unwrap();
        child.wait().unwrap();
        let after = json(&data, &["status", "--json"]);
        assert!(
            documents(&after) >= before,
            "round {round}: {} documents, {before} were seen before the kill",
            documents(&after)
        );
        held = documents(&after);
    }
    let finished = peanut(&data, &["ingest", "--wait", source]).output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&finished.stdout));
    // On a busy machine the same file may be in hand at every kill, and then it is suspected and left alone: whoever names it
    // has it read.
    let notes = std::fs::read_dir(folder.path().join("source/notes")).unwrap().map(|entry| entry.unwrap().path());
    let archive = folder.path().join("source/archive.mbox");
    let named: Vec<String> = notes.chain([archive]).map(|path| path.to_str().unwrap().to_owned()).collect();
    let arguments: Vec<&str> = ["ingest", "--wait"].into_iter().chain(named.iter().map(String::as_str)).collect();
    let by_hand = peanut(&data, &arguments).output().unwrap();
    assert!(by_hand.status.success(), "{}", String::from_utf8_lossy(&by_hand.stderr));
    let check = json(&data, &["check", "--drain", "--json"]);
    assert_eq!(check["sound"], true, "{check}");
    let status = json(&data, &["status", "--json"]);
    for field in ["documents", "documents_by_type", "persons", "chunks", "searchable_chunks"] {
        assert_eq!(status["store"][field], expected["store"][field], "{field}");
    }
    assert_eq!(status["graph"], expected["graph"]);
    assert_eq!(documents(&status), (DOCUMENTS + MESSAGES) as u64);
}
