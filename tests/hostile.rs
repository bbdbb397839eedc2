//! Every hostile file of the measurements (`benches/hostile`, which shows that time and memory are linear), small, and the
//! packed ones that reach outside, through the real program on both engines: each comes to an end, no parser dies of it, what
//! lies between them is found, and the store is sound.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test: a failed step ends it")]
#![expect(clippy::format_collect, reason = "the makers of the measurements")]

#[path = "../benches/hostile/mail.rs"]
mod mail;
#[path = "../benches/hostile/markup.rs"]
mod markup;
#[path = "../benches/hostile/notes.rs"]
mod notes;
#[path = "../benches/hostile/packed.rs"]
mod packed;
#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A kind of hostile file, as the measurements have it.
pub(crate) struct Case {
    name: &'static str,
    file: &'static str,
    n: usize,
    make: fn(usize) -> Vec<u8>,
}

/// This part of what is measured: a build for tests is slow.
const PART: usize = 64;

fn peanut(data: &Path, store: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
    command.arg("--data-dir").arg(data).args(arguments).env("HOME", data).env("PEANUT_MODEL", "static");
    command.env_remove("POSTGRES_URL").envs(store.map(|store| ("POSTGRES_URL", store)));
    command.stdin(Stdio::null()).output().unwrap()
}

/// A Word document of these parts.
fn docx(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Documents that name files and hosts outside, that grow by their entities, and that lie about what they hold.
fn reaching_out(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
    let outside = folder.join("outside.txt");
    std::fs::write(&outside, "outsideword").unwrap();
    let body = |dtd: &str, text: &str| {
        format!(
            "<?xml version=\"1.0\"?>{dtd}<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"
        )
    };
    let part = |dtd: &str, text: &str| docx(&[("word/document.xml", &body(dtd, text))]);
    let file = format!("<!DOCTYPE w [<!ENTITY x SYSTEM \"file://{}\">]>", outside.display());
    write("entity.docx", &part(&file, "alpineentity &x; end"));
    let host = "<!DOCTYPE w SYSTEM \"http://127.0.0.1:9/x.dtd\" [<!ENTITY x SYSTEM \"http://127.0.0.1:9/x\">]>";
    write("host.docx", &part(host, "alpinehost &x; end"));
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect();
    write("laughs.docx", &part(&format!("<!DOCTYPE w [<!ENTITY a0 \"lol\">{laughs}]>"), "alpinelaughs &a9;"));
    let slip =
        [("word/document.xml", &*body("", "alpineslip")), ("../../../slipped", "x"), ("/tmp/peanut-slipped", "x")];
    write("slip.docx", &docx(&slip));
    let whole = part("", "alpinecut");
    write("cut.docx", &whole[..whole.len() / 2]);
    // It says that its text is a hundred bytes.
    let mut liar = part("", &"alpineliar ".repeat(100_000));
    let at = liar.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap() + 24;
    liar[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    write("liar.docx", &liar);
    std::fs::remove_file(outside).unwrap();
}

fn taken_in(store: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let (data, source) = (folder.path().join("data"), folder.path().join("source"));
    std::fs::create_dir(&source).unwrap();
    reaching_out(&source);
    let cases: Vec<Case> =
        [notes::CASES, markup::CASES, mail::CASES, packed::CASES].into_iter().flat_map(|cases| cases()).collect();
    for (number, case) in cases.iter().enumerate() {
        let place = source.join(format!("{number}"));
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join(case.file), (case.make)((case.n / PART).max(4))).unwrap();
        std::fs::write(place.join("beside.md"), format!("# Beside {}\n\nbesideword{number}\n", case.name)).unwrap();
    }
    let taken = peanut(&data, store, &["ingest", "--wait", source.to_str().unwrap()]);
    let told = String::from_utf8_lossy(&taken.stderr);
    // Some cannot be read, and say so.
    assert!(matches!(taken.status.code(), Some(0 | 1)), "{told}");
    for number in 0..cases.len() {
        if number % 16 == 0 {
            let found = peanut(&data, store, &["search", "--mode", "words", &format!("besideword{number}")]);
            assert_eq!(found.status.code(), Some(0), "{number}: {told}");
        }
    }
    assert_eq!(peanut(&data, store, &["search", "--mode", "words", "outsideword"]).status.code(), Some(1));
    assert!(!Path::new("/tmp/peanut-slipped").exists() && !folder.path().join("slipped").exists());
    let crashes = std::fs::read_dir(data.join("state/crashes")).map_or(0, Iterator::count);
    assert_eq!(crashes, 0, "a parser died: {told}");
    let check = peanut(&data, store, &["check", "--drain"]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn hostile_files_come_to_an_end_in_the_embedded_store() {
    taken_in(None);
}

#[test]
fn hostile_files_come_to_an_end_in_postgres() {
    let name = format!("peanut_hostile_{}", std::process::id());
    let server = &services::services().postgres;
    let run = |sql: String| {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let mut admin = PgConnection::connect(server).await.unwrap();
            sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
            admin.close().await.unwrap();
        });
    };
    run(format!("CREATE DATABASE {name}"));
    let (host, _) = server.rsplit_once('/').unwrap();
    taken_in(Some(&format!("{host}/{name}")));
    run(format!("DROP DATABASE {name} WITH (FORCE)"));
}
