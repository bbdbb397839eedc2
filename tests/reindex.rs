//! Another model is built while the present one serves: killed in the middle, taken up again, switched to at once, left
//! and confirmed; on the real binary, both engines, with a stand-in for Ollama.

#![expect(clippy::unwrap_used, reason = "a test: a failed step ends it")]
#![expect(clippy::expect_used, reason = "the support starts services or ends the test")]

#[path = "support/ollama.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod ollama;
#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ollama::{Fault, StandIn};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

const NOTES: usize = 400;

struct World {
    folder: tempfile::TempDir,
    embedder: StandIn,
    postgres: Option<String>,
}

impl World {
    async fn make(postgres: Option<String>) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), embedder: StandIn::start(None).await, postgres }
    }

    /// A command of a user whose settings name the model `configured`.
    fn peanut(&self, configured: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peanut"));
        command.arg("--data-dir").arg(self.folder.path().join("data")).args(arguments).stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env_remove("PEANUT_MODEL").env_remove("POSTGRES_URL");
        command.env("OLLAMA_URL", &self.embedder.url).env("EMBED_MODEL", configured);
        if let Some(url) = &self.postgres {
            command.env("POSTGRES_URL", url);
        }
        command
    }

    fn run(&self, configured: &str, arguments: &[&str]) -> Output {
        self.peanut(configured, arguments).output().unwrap()
    }

    /// What a command says; it must end with `code`.
    fn said(&self, configured: &str, arguments: &[&str], code: i32) -> String {
        let output = self.run(configured, arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run("alpha", arguments);
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Progress of a model: done, and what waits.
    fn progress(&self, model: &str) -> Option<(u64, u64)> {
        let status = self.json(&["status", "--json"]);
        let held = status["embeddings"].as_array().unwrap().iter().find(|held| held["model"] == model)?.clone();
        let number = |name: &str| held[name].as_u64().unwrap();
        Some((number("done"), number("pending") + number("processing") + number("failed")))
    }

    fn roles(&self) -> [Value; 3] {
        let status = self.json(&["status", "--json"]);
        ["serving", "building", "previous"].map(|role| status["models"][role].clone())
    }

    /// A search is answered by this model, by words and meaning, and finds what it should.
    fn answered_by(&self, model: &str) {
        let answer = self.json(&["search", "--json", "number7 about word7"]);
        assert_eq!((&answer["model"], &answer["degraded"]), (&model.into(), &false.into()), "{answer}");
        assert_eq!(answer["hits"][0]["title"], "Note 7", "{answer}");
    }

    fn texts_asked(&self) -> usize {
        self.embedder.asked().iter().map(|asked| asked.texts.len()).sum()
    }
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap)
}

async fn another_model_is_built(world: World) {
    let source = world.folder.path().join("source");
    std::fs::create_dir_all(&source).unwrap();
    for n in 0..NOTES {
        std::fs::write(source.join(format!("{n}.md")), format!("# Note {n}\n\nnumber{n} about word{n}")).unwrap();
    }
    let source = source.to_str().unwrap();
    world.said("alpha", &["ingest", "--wait-vectors", source], 0);
    assert_eq!(world.roles(), ["ollama:alpha".into(), Value::Null, Value::Null]);
    world.answered_by("ollama:alpha");
    let all = world.progress("ollama:alpha").unwrap();
    assert_eq!(all, (NOTES as u64, 0));

    // A model that cannot be had is refused before anything is promised.
    assert!(world.said("alpha", &["reindex", "--model", "missing"], 2).contains("ollama pull missing"));
    assert!(world.said("alpha", &["reindex"], 0).contains("serves already"));
    assert!(world.said("alpha", &["reindex", "--confirm"], 1).contains("nothing to confirm"));
    let none = world.peanut("alpha", &["reindex"]).env("PEANUT_MODEL", "static").output().unwrap();
    let said = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(none.status.code() == Some(1) && said.contains("want no background model"), "{said}");
    assert_eq!(world.roles(), ["ollama:alpha".into(), Value::Null, Value::Null]);

    // Killed in the middle; the old model serves all the while.
    world.embedder.fail_next(&[Fault::Slow(Duration::from_millis(400)); 200]);
    let mut killed = world.peanut("alpha", &["reindex", "--model", "beta"]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let told = lines(&mut killed).find(|line| line.starts_with("building ollama:beta")).expect("progress in lines");
    assert!(told.contains('%'), "{told}");
    world.answered_by("ollama:alpha");
    killed.kill().unwrap();
    killed.wait().unwrap();
    let (done, waiting) = world.progress("ollama:beta").unwrap();
    assert!(done > 0 && waiting > 0 && done + waiting == NOTES as u64, "{done} done, {waiting} waiting");
    assert_eq!(world.roles(), ["ollama:alpha".into(), "ollama:beta".into(), Value::Null]);
    world.answered_by("ollama:alpha");
    assert!(world.said("alpha", &["reindex", "--model", "gamma"], 1).contains("--cancel"));

    // Taken up again where it stopped, by whoever comes, without naming it; then it serves at once.
    let before = world.texts_asked();
    let said = world.said("alpha", &["reindex"], 0);
    assert!(said.contains("ollama:beta serves") && said.contains("--confirm"), "{said}");
    let again = world.texts_asked() - before;
    assert!(again <= NOTES - done as usize + 1, "{again} texts were sent for {waiting} that waited");
    assert_eq!(world.progress("ollama:beta").unwrap(), all);
    assert_eq!(world.roles(), ["ollama:beta".into(), Value::Null, "ollama:alpha".into()]);
    world.answered_by("ollama:beta");

    // New documents need a vector of the model that serves, no other.
    std::fs::write(format!("{source}/new.md"), "# New\n\nsomething new").unwrap();
    world.said("alpha", &["ingest", "--wait-vectors", source], 0);
    assert_eq!(world.progress("ollama:beta").unwrap(), (NOTES as u64 + 1, 0));
    assert_eq!(world.progress("ollama:alpha").unwrap(), all);

    // And back, with what came in meanwhile; and forth; and for good.
    assert!(world.said("alpha", &["reindex", "--back"], 0).contains("ollama:alpha serves again"));
    world.answered_by("ollama:alpha");
    world.said("alpha", &["ingest", "--wait-vectors", source], 0);
    let caught_up = async {
        while world.progress("ollama:alpha").unwrap() != (NOTES as u64 + 1, 0) {
            let mut worker = world.peanut("alpha", &["ingest", "--wait-vectors", source]);
            tokio::task::spawn_blocking(move || worker.output().unwrap()).await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), caught_up).await.expect("the old model catches up");
    world.said("alpha", &["reindex", "--back"], 0);
    assert!(world.said("alpha", &["reindex", "--confirm"], 0).contains("ollama:alpha"));
    assert_eq!(world.progress("ollama:alpha"), None, "its vectors are gone");
    assert_eq!(world.roles(), ["ollama:beta".into(), Value::Null, Value::Null]);
    assert!(world.said("alpha", &["reindex", "--back"], 1).contains("no model to go back to"));

    // Settings that name another model change nothing by themselves.
    world.said("gamma", &["ingest", "--wait-vectors", source], 0);
    assert_eq!(world.roles(), ["ollama:beta".into(), Value::Null, Value::Null]);
    world.answered_by("ollama:beta");
    world.said("gamma", &["reindex", "--no-wait"], 0);
    assert_eq!(world.roles(), ["ollama:beta".into(), "ollama:gamma".into(), Value::Null]);
    world.said("gamma", &["reindex", "--cancel"], 0);
    assert_eq!(world.progress("ollama:gamma"), None);
    assert_eq!(world.roles(), ["ollama:beta".into(), Value::Null, Value::Null]);

    world.said("alpha", &["check", "--drain"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_another_model_is_built_beside_the_one_that_serves() {
    another_model_is_built(World::make(None).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_another_model_is_built_beside_the_one_that_serves() {
    let server = &services::services().postgres;
    let name = format!("peanut_reindex_{}", std::process::id());
    let mut admin = PgConnection::connect(server).await.unwrap();
    for sql in [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    let (start, _) = server.rsplit_once('/').unwrap();
    another_model_is_built(World::make(Some(format!("{start}/{name}"))).await).await;
    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
