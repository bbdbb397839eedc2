//! Two worker processes on one PostgreSQL, one FalkorDB and one embedder, `kill -9` of either at random moments: every
//! chunk is embedded once in effect, every event is applied, nothing is lost or doubled, no lease stays behind, and in
//! the end the graph equals the store.
//!
//! `PEANUT_KILLS=50 cargo test --test competing` runs the long version; the seed is printed and can be given as
//! `PEANUT_SEED`.

#![expect(clippy::unwrap_used, reason = "a test: the seed is printed, a failed step ends it")]
#![expect(clippy::expect_used, reason = "the support starts services or ends the test")]

#[path = "support/ollama.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod ollama;
#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ollama::StandIn;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const NOTES_A_ROUND: usize = 25;
const MESSAGES_A_ROUND: usize = 25;

/// What both processes stand on.
struct World {
    folder: tempfile::TempDir,
    server: String,
    database: String,
    embedder: StandIn,
    graph: (String, u16),
}

impl World {
    async fn make(server: &str) -> Self {
        let database = format!("peanut_competing_{}", std::process::id());
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            server: server.to_owned(),
            database,
            embedder: StandIn::start(None).await,
            graph: services::services().falkordb_at(),
        };
        world.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", world.database)).await;
        world.admin(&format!("CREATE DATABASE {}", world.database)).await;
        world
    }

    async fn admin(&self, sql: &str) {
        let mut admin = PgConnection::connect(&self.server).await.unwrap();
        sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }

    fn url(&self) -> String {
        let (start, _) = self.server.rsplit_once('/').unwrap();
        format!("{start}/{}", self.database)
    }

    /// Worker process `name`, with a data folder of its own.
    fn peanut(&self, name: &str, arguments: &[&str]) -> Command {
        let data = self.folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(&data).args(arguments).stdin(Stdio::null()).env("HOME", data);
        command.env("POSTGRES_URL", self.url()).env("OLLAMA_URL", &self.embedder.url).env("EMBED_MODEL", "stand-in");
        command.env("FALKORDB_HOST", &self.graph.0).env("FALKORDB_PORT", self.graph.1.to_string());
        command.env("FALKORDB_GRAPH", &self.database).env_remove("PEANUT_MODEL");
        command
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.peanut("asking", arguments).output().unwrap();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    async fn number(&self, sql: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.url()).await.unwrap();
        let number = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        number
    }
}

/// More for every round: notes that link to others, and messages that answer messages, in an archive that grows.
fn grow(source: &Path, round: usize) {
    std::fs::create_dir_all(source).unwrap();
    for n in round * NOTES_A_ROUND..(round + 1) * NOTES_A_ROUND {
        let words: String = (0..300).fold(String::new(), |mut text, k| {
            let _ = write!(text, "word{} ", (n * 31 + k * 7) % 997);
            text
        });
        let far = (n * 17 + 3) % (n + 5);
        // Some paragraphs are the same in many notes: one vector serves them all.
        let shared = "the same paragraph ".repeat(40);
        let text = format!("# Note {n}\n\n{words}\n\n## Common\n\n{shared}\n\nSee [[note-{far}]].\n");
        std::fs::write(source.join(format!("note-{n}.md")), text).unwrap();
    }
    let archive = source.join("archive.mbox");
    let mut text = std::fs::read_to_string(&archive).unwrap_or_default();
    for n in round * MESSAGES_A_ROUND..(round + 1) * MESSAGES_A_ROUND {
        let parent = if n % 5 == 0 { String::new() } else { format!("In-Reply-To: <m{}@x.org>\n", n - 1) };
        let _ = write!(
            text,
            "From a@x.org Thu Jan  1 00:00:00 2024\nFrom: Person {p} <p{p}@x.org>\nTo: all@x.org\nSubject: Topic {t}\n\
             Date: Thu, 1 Feb 2024 10:{m:02}:00 +0000\nMessage-ID: <m{n}@x.org>\n{parent}\nMessage number {n} about word{n}.\n\n",
            p = n % 13,
            t = n / 5,
            m = n % 60,
        );
    }
    std::fs::write(archive, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_killed_again_and_again_do_everything_once() {
    let kills: usize = std::env::var("PEANUT_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    let seed: u64 = std::env::var("PEANUT_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_251_125);
    eprintln!("seed {seed}, {kills} kills");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::make(&services::services().postgres).await;
    let source: PathBuf = world.folder.path().join("source");
    let names = ["one", "two"];
    let mut running: [Option<Child>; 2] = [None, None];
    let mut held = 0;
    for round in 0..kills {
        grow(&source, round);
        for (name, child) in names.iter().zip(&mut running) {
            let ended = child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
            if ended {
                let mut command = world.peanut(name, &["ingest", "--wait-vectors", source.to_str().unwrap()]);
                *child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            }
        }
        tokio::time::sleep(Duration::from_millis(random.u64(50..4000))).await;
        if random.f32() < 0.3 {
            world.embedder.fail_next(&[ollama::Fault::Slow(Duration::from_millis(700)), ollama::Fault::Reset]);
        }
        let victim = random.usize(..2);
        if let Some(mut child) = running[victim].take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        if round > 0 {
            let documents = world.number("SELECT count(*) FROM document WHERE deleted_at IS NULL").await;
            assert!(documents >= held, "round {round}: {documents} documents where {held} were");
            held = documents;
            // Nobody holds anything longer than the longest lease there is.
            let stuck = "SELECT (SELECT count(*) FROM file WHERE lease_until > $now + 300000)
                 + (SELECT count(*) FROM embedding_job WHERE lease_until > $now + 120000)
                 + (SELECT count(*) FROM outbox WHERE lease_until > $now + 60000)";
            let now = "(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT";
            assert_eq!(world.number(&stuck.replace("$now", now)).await, 0, "round {round}");
        }
    }
    // Both once more, in peace and side by side: each frees what its killed predecessor held, so nobody waits for a lease.
    for child in running.iter_mut().filter_map(Option::as_mut) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let started = std::time::Instant::now();
    // On a busy machine the same file may be in hand at every kill, and then it is suspected and left alone: whoever names it
    // has it read.
    let files = std::fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<String> = files.chain([source.clone()]).map(|path| path.to_str().unwrap().to_owned()).collect();
    let arguments: Vec<&str> =
        ["ingest", "--wait-vectors"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let last = names.map(|name| {
        let mut command = world.peanut(name, &arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for (name, child) in names.iter().zip(last) {
        let finished = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
        eprintln!("{name}: {} ({:.1?})", String::from_utf8_lossy(&finished.stdout).trim(), started.elapsed());
        assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
    }
    // Jobs are held for two minutes, files for five: none of those was waited for.
    assert!(started.elapsed() < Duration::from_secs(110), "{:?}", started.elapsed());
    let check = world.json(&["check", "--drain", "--json"]);
    assert_eq!(check["sound"], true, "{check}");
    let (notes, messages) = (kills * NOTES_A_ROUND, kills * MESSAGES_A_ROUND);
    let status = world.json(&["status", "--json"]);
    assert_eq!(status["store"]["documents"], (notes + messages) as u64, "nothing lost, nothing twice");
    assert_eq!(status["graph"]["documents"], (notes + messages) as u64);
    let background = "(SELECT seq FROM model WHERE name = 'ollama:stand-in')";
    let chunks = world.number("SELECT count(*) FROM chunk WHERE kind IN ('body', 'attachment')").await;
    assert!(chunks as usize > notes + messages);
    let embedded = format!("SELECT count(*) FROM embedding WHERE model_seq = {background} AND vector IS NOT NULL");
    assert_eq!(world.number(&embedded).await, chunks, "every text has its vector");
    assert_eq!(world.number("SELECT count(*) FROM embedding_job").await, 0, "and no job is left");
    let mixed = format!(
        "SELECT count(*) FROM (SELECT 1 FROM embedding JOIN chunk ON chunk.id = chunk_id WHERE model_seq = {background}
         GROUP BY text_sha256 HAVING count(DISTINCT vector::TEXT) > 1) AS texts"
    );
    assert_eq!(world.number(&mixed).await, 0, "the vector of a chunk is that of its text");
    let left = "SELECT (SELECT count(*) FROM file WHERE state IN ('queued', 'parsing'))
         + (SELECT count(*) FROM outbox WHERE state <> 'processed')";
    assert_eq!(world.number(left).await, 0, "nothing waits, nothing is held, nothing was given up");
    let asked: usize = world.embedder.asked().iter().map(|asked| asked.texts.len()).sum();
    eprintln!("{chunks} chunks, {asked} texts sent to the embedder");
    // The graph can be written anew at any time, and is the same again.
    let rebuilt = world.json(&["graph", "rebuild", "--json"]);
    assert_eq!(
        (&rebuilt["equal"], &rebuilt["documents"]),
        (&true.into(), &((notes + messages) as u64).into()),
        "{rebuilt}"
    );
    world.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", world.database)).await;
}

#[test]
fn the_embedded_graph_is_written_anew_and_proven() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    grow(&source, 0);
    let peanut = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(folder.path().join("data")).args(arguments).stdin(Stdio::null());
        let output = command.env("HOME", folder.path()).env("PEANUT_MODEL", "static").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(peanut(&["ingest", "--wait", source.to_str().unwrap()]).0, Some(0));
    let taken = damage(&folder.path().join("data/peanut.db"));
    assert_eq!(peanut(&["check"]).0, Some(1), "a graph that lost edges is seen: {taken}");
    let (code, said) = peanut(&["graph", "rebuild"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("50 documents delivered; graph equals the store"), "{said}");
    assert_eq!(peanut(&["check"]).0, Some(0));
}

/// Takes edges away behind the program's back.
fn damage(path: &Path) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        let done = sqlx::query("DELETE FROM graph_edge WHERE kind = 'SENT'").execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        done.rows_affected()
    })
}
