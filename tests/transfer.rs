//! `peanut copy` and `peanut export` on the real binary, real mail and real PostgreSQL: what went out and came back is the
//! same byte for byte, a copy that was killed is never taken for a store, and no password is ever shown.

#![expect(clippy::unwrap_used, reason = "a test: a failed step ends it")]
#![expect(clippy::expect_used, reason = "the support starts services or ends the test")]

mod mail_support;
#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Archives of the shared data beyond this are left out: a slice is enough.
const MOST_BYTES: u64 = 3 << 20;

fn peanut(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).args(arguments).stdin(Stdio::null());
    command.env("HOME", data).env("PEANUT_MODEL", "static").env_remove("POSTGRES_URL");
    command
}

fn done(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("hunter2"), "a password was shown: {said}");
    said
}

fn export(data: &Path, from: &str) -> Vec<u8> {
    let output = peanut(data, &["export", "--from", from]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A database of its own on a test server; the address carries a password the server does not ask for.
async fn database(server: &str, name: &str) -> String {
    let mut admin = PgConnection::connect(server).await.unwrap();
    for sql in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    admin.close().await.unwrap();
    let (start, rest) = server.split_once("://").unwrap();
    let (user, place) = rest.split_once('@').unwrap();
    let user = user.split(':').next().unwrap();
    let (host, _) = place.rsplit_once('/').unwrap();
    format!("{start}://{user}:hunter2@{host}/{name}")
}

async fn drop_database(server: &str, name: &str) {
    let mut admin = PgConnection::connect(server).await.unwrap();
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

fn copy_below(from: &Path, to: &Path, left: &mut u64) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    std::fs::create_dir_all(to).unwrap();
    for path in paths {
        let target = to.join(path.file_name().unwrap());
        let size = path.metadata().unwrap().len();
        if path.is_dir() {
            copy_below(&path, &target, left);
        } else if size <= *left {
            *left -= size;
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Mail of the fixtures and a slice of the shared data, notes that link, texts with odd characters, and files that cannot
/// be read.
fn corpus(folder: &Path) -> PathBuf {
    let source = folder.join("source");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    copy_below(&fixtures, &source.join("fixtures"), &mut MOST_BYTES.clone());
    if let Some(shared) = mail_support::shared_mail() {
        for part in ["torture", "eml", "maildir", "mbox"] {
            copy_below(&shared.join(part), &source.join(part), &mut MOST_BYTES.clone());
        }
    }
    let write = |name: &str, bytes: &[u8]| std::fs::write(source.join(name), bytes).unwrap();
    write("nul.txt", b"before\0after \x1a and tab\tand\x0bvertical, \xef\xbb\xbf a mark\n\nsecond\0paragraph");
    write("odd \u{1F95C} \u{202e}name.md", "---\ntitle: \"A \\u0000 in the title\"\ntags: [\"nul\\u0000tag\", ünïcode, 日本]\naliases: [\"al\\u0000ias\"]\nauthor: \"An\\u0000na\"\n---\n# He\u{0}ad\n\ne\u{301}\u{200d}🧑‍🚀 '; DROP TABLE document; -- $1 ?1 \\ \" [[nul]] [[no\u{0}where]]\n".as_bytes());
    let long = "very long name ".repeat(200);
    write(
        "long.md",
        format!("---\naliases: [\"{long}\"]\ntags: [{}]\n---\n[[{long}x]] {}", "t".repeat(3000), "wörd ".repeat(5000))
            .as_bytes(),
    );
    write("broken.pdf", b"%PDF-1.4 and nothing else");
    let mut archive = std::fs::File::create(source.join("nul.mbox")).unwrap();
    for n in 0..300 {
        let parent = if n % 4 == 0 { String::new() } else { format!("In-Reply-To: <n{}\0@x.org>\n", n - 1) };
        write!(archive, "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: Per\0son <p{}@x.org>\nTo: all@x.org\nSubject: Nul \0 topic {n}\nDate: Thu, 1 Feb 2024 10:00:00 +0000\nMessage-ID: <n{n}\0@x.org>\n{parent}\nMessage {n} with \0 in it about word{n}.\n\n", n % 13).unwrap();
    }
    source
}

async fn out_and_back(server: &str, major: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (data, back) = (folder.path().join("data"), folder.path().join("back"));
    let source = corpus(folder.path());
    // Some files cannot be read: exit 1, and dead letters that must travel too.
    peanut(&data, &["ingest", "--wait", source.to_str().unwrap()]).output().unwrap();
    let first = data.join("peanut.db");
    let before = export(&data, first.to_str().unwrap());
    let text = String::from_utf8(before.clone()).unwrap();
    for table in ["document", "chunk", "embedding", "document_link", "graph_edge", "outbox", "dead_letter", "person"] {
        assert!(text.contains(&format!("{{\"table\":\"{table}\"")), "no {table} to move");
    }
    // A backslash that somebody wrote is doubled in JSON; what is looked for is the escape of a NUL itself.
    assert!(!text.replace(r"\\", "").contains(r"\u0000"), "NUL is mended on the way in");
    assert!(text.contains("🧑‍🚀 '; DROP TABLE") && text.contains("word299"), "the rest is as it was");
    let name = format!("peanut_copy_{major}_{}", std::process::id());
    let url = database(server, &name).await;

    // Killed while it copies: nobody takes what is there for a store.
    let mut killed =
        peanut(&data, &["copy", "--to", &url]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let told = BufReader::new(killed.stderr.take().unwrap()).lines().map(Result::unwrap);
    let last = told.into_iter().find(|line| line.starts_with("copying chunk")).expect("progress in lines");
    assert!(last.contains("rows"), "{last}");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let refused = peanut(&back, &["status"]).env("POSTGRES_URL", &url).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("unfinished copy of") && said.contains("peanut copy") && !said.contains("hunter2"), "{said}");

    let said = done(peanut(&data, &["copy", "--to", &url]).output().unwrap());
    assert!(said.contains("verified") && said.contains("verifying chunk"), "{said}");
    assert_eq!(export(&data, &url), before, "out");
    // A second copy would mix two stores.
    let twice = peanut(&data, &["copy", "--to", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&twice.stderr).into_owned();
    assert_eq!(twice.status.code(), Some(1), "{said}");
    assert!(said.contains("not empty") && said.contains("createdb") && !said.contains("hunter2"), "{said}");

    let target = format!("{}/", back.display());
    done(peanut(&data, &["copy", "--from", &url, "--to", &target]).output().unwrap());
    let after = export(&data, back.join("peanut.db").to_str().unwrap());
    assert_eq!(after, before, "and back");
    let file = folder.path().join("store.jsonl");
    done(peanut(&back, &["export", "--to", file.to_str().unwrap()]).output().unwrap());
    assert_eq!(std::fs::read(&file).unwrap(), before);

    // And it works: sound, the graph equals the store, the same hits.
    let hits = |command: &mut Command| {
        let output = command.output().unwrap();
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let of = |hit: &serde_json::Value| (hit["document_id"].to_string(), hit["title"].to_string());
        found["hits"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let query = ["search", "--json", "topic word7 message"];
    let wanted = hits(&mut peanut(&data, &query));
    assert!(!wanted.is_empty());
    assert_eq!(hits(&mut peanut(&back, &query)), wanted);
    let on_server = folder.path().join("on-server");
    assert_eq!(hits(peanut(&on_server, &query).env("POSTGRES_URL", &url)), wanted);
    done(peanut(&back, &["check", "--drain"]).output().unwrap());
    done(peanut(&on_server, &["check", "--drain"]).env("POSTGRES_URL", &url).output().unwrap());
    drop_database(server, &name).await;
}

#[tokio::test]
async fn sqlite_to_postgres_16_and_back_is_the_same_byte_for_byte() {
    out_and_back(&services::services().postgres16, 16).await;
}

#[tokio::test]
async fn sqlite_to_postgres_18_and_back_is_the_same_byte_for_byte() {
    out_and_back(&services::services().postgres, 18).await;
}

#[test]
fn places_that_cannot_be_are_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = |arguments: &[&str]| {
        let output = peanut(&data, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(&["copy", "--to", "/nowhere/x.db", "--from", "/nowhere/y.db"]).contains("no store at /nowhere/y.db"));
    assert!(peanut(&data, &["status"]).output().unwrap().status.success());
    let own = data.join("peanut.db");
    assert!(said(&["copy", "--to", own.to_str().unwrap()]).contains("is the store itself"));
    // A held lock stands for a process that works.
    let lock =
        std::fs::File::options().write(true).create(true).truncate(false).open(data.join("workers.lock")).unwrap();
    lock.try_lock().unwrap();
    let target = folder.path().join("new.db");
    assert!(said(&["copy", "--to", target.to_str().unwrap()]).contains("another process works on"));
    let unreachable = said(&["copy", "--to", "postgres://me:hunter2@127.0.0.1:1/x"]);
    assert!(!unreachable.contains("hunter2") && unreachable.contains("127.0.0.1:1"), "{unreachable}");
}
