//! A real streaming standby serves searches: not before it has what this process wrote, not when it is behind, paused,
//! stopped, silent or promoted; and the screens are told.
#![expect(clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the outbox is filled without waking anybody")]

#[path = "store_conformance/build.rs"]
#[expect(dead_code, reason = "the store's cases use the rest")]
mod build;
#[path = "support/own_postgres.rs"]
#[expect(dead_code, reason = "the tests of faults use the rest")]
mod own_postgres;
#[path = "support/proxy.rs"]
#[expect(dead_code, reason = "the tests of faults use the rest")]
mod proxy;
#[path = "support/services.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod services;

/// What `build` asks for.
mod harness {
    use peanut::store::{DocumentStore, EmbeddingStore, GraphStore, IntakeStore, OutboxStore, SystemStore};

    pub(crate) trait Backend:
        DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore
    {
    }

    impl<T> Backend for T where T: DocumentStore + EmbeddingStore + GraphStore + IntakeStore + OutboxStore + SystemStore {}
}

use std::time::{Duration, Instant};

use peanut::domain::ModelId;
use peanut::domain::search::{Filter, Occur, VectorQuery, WordMatch, WordsQuery};
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use peanut::store::{
    CommitBatch, DocumentStore as _, EmbeddingStore as _, ReplicaStatus, SearchStore as _, SystemStore as _,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::build::{NOW, batch, file};
use crate::own_postgres::OwnPostgres;
use crate::proxy::{Mode, Proxy};

const OPTIONS: PostgresOptions = PostgresOptions { max_connections: 6 };

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("close");
}

async fn open(primary: &OwnPostgres, replica_port: u16) -> PostgresStore {
    let store = PostgresStore::open(&primary.url("postgres"), &OPTIONS).await.expect("open");
    let replica = format!("postgres://postgres@127.0.0.1:{replica_port}/postgres");
    store.with_replica(&replica, &OPTIONS).expect("an address")
}

async fn add(store: &PostgresStore, word: &str) {
    store.commit(&batch(vec![file(&format!("/n/{word}.md"), word)])).await.expect("commit");
}

async fn finds(store: &PostgresStore, word: &str) -> bool {
    let query = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term(word.to_owned()))] };
    let found = store.search_words(&query, &Filter::default(), 5).await.expect("search");
    let ids: Vec<_> = found.iter().map(|chunk| chunk.chunk_id).collect();
    let shown = store.hydrate(&ids).await.expect("hydrate");
    assert_eq!(shown.len(), found.len(), "what was found can be shown");
    !found.is_empty()
}

async fn until(store: &PostgresStore, what: &str, test: impl Fn(&ReplicaStatus) -> bool) -> ReplicaStatus {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let status = store.replica().await.expect("status").expect("a replica");
        if test(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "never {what}: {status:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn follows(status: &ReplicaStatus) -> bool {
    status.serves && status.has_own_writes && status.behind_bytes == Some(0)
}

#[tokio::test]
async fn it_serves_and_goes_on_serving_without_its_primary() {
    let mut primary = OwnPostgres::start();
    let store = PostgresStore::open(&primary.url("postgres"), &OPTIONS).await.expect("open");
    add(&store, "first").await;
    store.close().await;
    let standby = primary.standby();
    let store = open(&primary, standby.port).await;
    // Whoever writes finds it with the next search, however far the standby is.
    for number in 0..30 {
        let word = format!("needle{number}");
        add(&store, &word).await;
        assert!(finds(&store, &word).await, "{word}");
    }
    until(&store, "follows", follows).await;
    store.warm_up().await.expect("warm up");
    assert!(finds(&store, "first").await && finds(&store, "needle29").await);
    primary.stop();
    // Only the standby can answer now.
    assert!(finds(&store, "first").await && finds(&store, "needle29").await && !finds(&store, "absent").await);
    assert!(store.ping().await.is_err());
    store.close().await;
}

/// A text whose segment is so large that it is copied to this host.
fn long_text(word: &str) -> String {
    let mut random = fastrand::Rng::with_seed(5);
    let words: Vec<String> = (0..60_000).map(|_| format!("{:x}", random.u64(..))).collect();
    format!("{word} {}", words.join(" "))
}

#[tokio::test]
async fn copies_on_this_host_serve_both_servers_and_vectors_are_found_on_both() {
    let mut primary = OwnPostgres::start();
    let url = primary.url("postgres");
    PostgresStore::open(&url, &OPTIONS).await.expect("open").close().await;
    let standby = primary.standby();
    let folder = tempfile::tempdir().expect("folder");
    let index = folder.path().join("index");
    let store = PostgresStore::open_with(&url, &OPTIONS, Some(index.clone())).await.expect("open");
    let replica = format!("postgres://postgres@127.0.0.1:{}/postgres", standby.port);
    let store = store.with_replica(&replica, &OPTIONS).expect("an address");
    let model = ModelId::from("m");
    store.register_model(&model, 2, NOW).await.expect("model");
    let mut document = file("/n/long.md", &long_text("needle"));
    document.chunks[0].vector = Some(vec![0.6, 0.8]);
    let batch = CommitBatch { instant_model: Some(model.clone()), ..batch(vec![document]) };
    store.commit(&batch).await.expect("commit");
    let near = [VectorQuery { model, vector: vec![0.0, 1.0], scale: 1.0, offset: 0.0 }];
    let is_near = async || {
        let found = store.search_vectors(&near, &Filter::default(), 5).await.expect("search");
        found.len() == 1 && (found[0].score - 0.8).abs() < 1e-4
    };
    let copies = || std::fs::read_dir(&index).expect("folder").count();
    // By whichever server first: the other finds the copy.
    assert!(finds(&store, "needle").await && is_near().await);
    assert_eq!(copies(), 1);
    until(&store, "follows", follows).await;
    primary.stop();
    assert!(finds(&store, "needle").await && is_near().await);
    assert_eq!(copies(), 1);
    store.close().await;
}

#[tokio::test]
async fn one_that_is_behind_is_said_to_be_and_serves_nothing() {
    let primary = OwnPostgres::start();
    let store = PostgresStore::open(&primary.url("postgres"), &OPTIONS).await.expect("open");
    add(&store, "first").await;
    let standby = primary.standby();
    let reader = open(&primary, standby.port).await;
    until(&reader, "follows", follows).await;
    execute(&standby.url("postgres"), "SELECT pg_wal_replay_pause()").await;
    // What this process writes it finds at once, on the primary; what another writes at the latest when the standby is
    // too far behind.
    add(&reader, "mine").await;
    assert!(finds(&reader, "mine").await);
    add(&store, "theirs").await;
    let behind = until(&reader, "behind", |status| status.behind_seconds.is_some_and(|seconds| seconds > 1.0)).await;
    assert!(behind.behind_bytes > Some(0) && behind.problem.is_none(), "{behind:?}");
    let late = until(&reader, "too far behind", |status| !status.serves).await;
    assert!(late.behind_seconds.is_some_and(|seconds| seconds >= 10.0), "{late:?}");
    assert!(finds(&reader, "theirs").await && finds(&reader, "mine").await);
    execute(&standby.url("postgres"), "SELECT pg_wal_replay_resume()").await;
    until(&reader, "follows again", follows).await;
    assert!(finds(&reader, "theirs").await && finds(&reader, "mine").await);
    reader.close().await;
    store.close().await;
}

#[tokio::test]
async fn one_that_stops_or_is_promoted_is_passed_over() {
    let primary = OwnPostgres::start();
    let store = PostgresStore::open(&primary.url("postgres"), &OPTIONS).await.expect("open");
    add(&store, "first").await;
    store.close().await;
    let mut standby = primary.standby();
    let store = open(&primary, standby.port).await;
    until(&store, "follows", follows).await;
    assert!(finds(&store, "first").await);
    standby.stop();
    // In the middle of everything: nobody notices but the screens.
    assert!(finds(&store, "first").await);
    // First the connection is lost, then nothing listens any more.
    let is_refused = |status: &ReplicaStatus| {
        let problem = status.problem.as_deref().unwrap_or_default();
        problem.contains("start PostgreSQL") && problem.contains("searches go to the primary")
    };
    assert!(!until(&store, "stopped", is_refused).await.serves);
    assert!(finds(&store, "first").await);
    standby.start_again();
    until(&store, "is back", follows).await;
    execute(&standby.url("postgres"), "SELECT pg_promote()").await;
    let promoted = until(&store, "promoted", |status| status.problem.is_some()).await;
    assert!(promoted.problem.is_some_and(|problem| problem.contains("no standby")));
    add(&store, "second").await;
    assert!(finds(&store, "second").await);
    store.close().await;
}

#[tokio::test]
async fn a_silent_one_costs_a_moment_and_another_server_is_no_replica() {
    let primary = OwnPostgres::start();
    let store = PostgresStore::open(&primary.url("postgres"), &OPTIONS).await.expect("open");
    add(&store, "first").await;
    store.close().await;
    let standby = primary.standby();
    let proxy = Proxy::before("127.0.0.1", standby.port).await;
    let store = open(&primary, proxy.port).await;
    until(&store, "follows", follows).await;
    assert!(finds(&store, "first").await);
    proxy.set(Mode::Blackhole);
    let started = Instant::now();
    assert!(finds(&store, "first").await);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    // From then on it is not even asked.
    let started = Instant::now();
    assert!(finds(&store, "first").await);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let silent = until(&store, "silent", |status| status.problem.is_some()).await;
    assert!(silent.problem.is_some_and(|problem| problem.contains("primary")));
    store.close().await;
    let other = OwnPostgres::start();
    let foreign = other.standby();
    let store = open(&primary, foreign.port).await;
    let status = until(&store, "recognised", |status| status.problem.is_some()).await;
    assert!(status.problem.is_some_and(|problem| problem.contains("another server")));
    assert!(finds(&store, "first").await);
    store.close().await;
}
