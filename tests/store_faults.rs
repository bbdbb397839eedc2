//! A PostgreSQL that is far, slow, silent, gone, or lacks something: nothing is lost or done twice, nobody waits longer
//! than the stated limit, and every refusal says what to do.
#![expect(clippy::expect_used, reason = "a case that cannot go on has failed")]
#![expect(clippy::disallowed_methods, reason = "the outbox is filled without waking anybody")]

#[path = "store_conformance/build.rs"]
#[expect(dead_code, reason = "the store's cases use the rest")]
mod build;
#[path = "support/own_postgres.rs"]
#[expect(dead_code, reason = "the tests of replicas use the rest")]
mod own_postgres;
#[path = "support/proxy.rs"]
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

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use peanut::domain::search::{Filter, Occur, WordMatch, WordsQuery};
use peanut::domain::{NewDocument, SystemClock};
use peanut::graph::check::compare;
use peanut::graph::falkor::{FalkorAddress, FalkorGraph};
use peanut::outbox::relay::Relay;
use peanut::store::limited::Limited;
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use peanut::store::{SharedStore, StoreError, StoreErrorKind};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::build::{batch, file, wikilink};
use crate::own_postgres::OwnPostgres;
use crate::proxy::{Mode, Proxy};
use crate::services::{free_port, services};

/// A usual call's limit here; a commit may take twice as long.
const LIMIT: Duration = Duration::from_secs(3);
/// What a call may take beyond its limit: a busy machine.
const SLACK: Duration = Duration::from_secs(2);

async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("connect");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("close");
}

/// A database of its own on the shared server, dropped by the last statement of the test.
async fn database() -> (String, String) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = format!("peanut_faults_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    let server = &services().postgres;
    execute(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    execute(server, &format!("CREATE DATABASE {name}")).await;
    let (address, _) = server.rsplit_once('/').expect("a database in the address");
    (format!("{address}/{name}"), name)
}

async fn refusal(url: &str) -> StoreError {
    match PostgresStore::open(url, &PostgresOptions::default()).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

fn notes(from: usize, count: usize) -> Vec<NewDocument> {
    (from..from + count)
        .map(|at| {
            let mut note = file(&format!("/n/{at}.md"), &format!("text {at}"));
            note.links = vec![wikilink(&(at / 2).to_string())];
            note.concepts = vec![format!("concept {}", at % 50)];
            note
        })
        .collect()
}

/// What callers went through.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    longest: Duration,
    failures: usize,
    successes: usize,
}

/// Commits notes one by one, each until it is in, and searches in between, as workers and people do.
async fn write_and_search(
    store: SharedStore,
    mut from: usize,
    seen: tokio::sync::watch::Sender<Seen>,
    stop: CancellationToken,
) -> usize {
    let query = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("text".into()))] };
    while !stop.is_cancelled() {
        loop {
            let started = Instant::now();
            let done = store.commit(&batch(notes(from, 1))).await;
            seen.send_modify(|seen| {
                // A commit may take twice the limit.
                seen.longest = seen.longest.max(started.elapsed().saturating_sub(LIMIT));
                seen.successes += usize::from(done.is_ok());
                seen.failures += usize::from(done.is_err());
            });
            match done {
                Ok(_) => break,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
        from += 1;
        let started = Instant::now();
        let found = store.search_words(&query, &Filter::default(), 10).await;
        seen.send_modify(|seen| {
            seen.longest = seen.longest.max(started.elapsed());
            seen.failures += usize::from(found.is_err());
        });
        if let Err(error) = found {
            assert!(error.is_retryable(), "{error}");
        }
    }
    from
}

#[tokio::test]
async fn bad_networks_lose_double_and_hang_nothing() {
    let (url, name) = database().await;
    let port = services().postgres.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next()).expect("port");
    let proxy = Proxy::before("127.0.0.1", port.parse().expect("port")).await;
    let near: SharedStore = Arc::new(PostgresStore::open(&url, &PostgresOptions::default()).await.expect("open"));
    let far = url.replace(&format!(":{port}/"), &format!(":{}/", proxy.port));
    let far = PostgresStore::open(&far, &PostgresOptions { max_connections: 4 }).await.expect("open");
    let far: SharedStore = Arc::new(Limited::new(far).with_limit(LIMIT));
    let (host, falkor_port) = services().falkordb_at();
    let graph =
        Arc::new(FalkorGraph::new(FalkorAddress { host, port: falkor_port, password: None, graph: name.clone() }));
    let clock = Arc::new(SystemClock);
    let relay = Arc::new(Relay::new(Arc::clone(&far), graph.clone(), clock, Arc::default(), "far", 1));
    let stop = CancellationToken::new();
    let relaying = tokio::spawn({
        let (relay, stop) = (Arc::clone(&relay), stop.clone());
        async move { relay.run(stop).await }
    });
    let mut written = 0;
    let faults = [
        Mode::Reset,
        Mode::Delay(Duration::from_secs(5)),
        Mode::Trickle,
        Mode::Blackhole,
        Mode::Reset,
        Mode::Blackhole,
    ];
    for mode in faults {
        let (seen, mut watching) = tokio::sync::watch::channel(Seen::default());
        let halt = CancellationToken::new();
        let writing = tokio::spawn(write_and_search(Arc::clone(&far), written, seen, halt.clone()));
        let until = async |what: &str, watching: &mut tokio::sync::watch::Receiver<Seen>, test: fn(&Seen) -> bool| {
            let waiting = tokio::time::timeout(Duration::from_secs(90), watching.wait_for(test));
            *waiting.await.unwrap_or_else(|_| panic!("{mode:?}: never {what}")).expect("the writer goes on")
        };
        until("went well", &mut watching, |seen| seen.successes > 3).await;
        proxy.set(mode);
        if mode == Mode::Trickle {
            // Slow, but it goes on.
            let before = watching.borrow().successes;
            let goes_on = watching.wait_for(|seen| seen.successes > before + 2);
            tokio::time::timeout(Duration::from_secs(90), goes_on).await.expect("goes on").expect("the writer goes on");
        } else {
            until("failed", &mut watching, |seen| seen.failures > 2).await;
        }
        proxy.set(Mode::Pass);
        let before = watching.borrow().successes;
        let recovers = watching.wait_for(|seen| seen.successes > before + 3);
        tokio::time::timeout(Duration::from_secs(90), recovers).await.expect("recovers").expect("the writer goes on");
        halt.cancel();
        written = writing.await.expect("the writer ends");
        let seen = *watching.borrow();
        assert!(seen.longest < LIMIT + SLACK, "{mode:?}: a call took {:?}", seen.longest);
    }
    // What was claimed when the network went away comes free by itself; the rest is delivered at once.
    let mut activity = relay.activity();
    let drained = async {
        while near.outbox_status(peanut::domain::Clock::now(&SystemClock)).await.expect("status").pending > 0 {
            let _ = tokio::time::timeout(Duration::from_millis(200), activity.changed()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(150), drained).await.expect("the outbox drains");
    stop.cancel();
    tokio::time::timeout(LIMIT * 4, relaying).await.expect("the relay ends").expect("join").expect("relay");
    assert_eq!(near.counts().await.expect("counts").documents, written as u64);
    assert_eq!(near.verify().await.expect("verify").problems, Vec::<String>::new());
    let compared = compare(&near, &*graph).await.expect("compare");
    assert_eq!(compared.differences(), Vec::<String>::new());
    let mut connection = PgConnection::connect(&url).await.expect("connect");
    let (doubled, counted): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE event_type = 'document_added' \
            GROUP BY entity_id HAVING count(*) > 1) AS twice), (SELECT count(*) FROM outbox WHERE attempts > 0)",
    )
    .fetch_one(&mut connection)
    .await
    .expect("events");
    assert_eq!((doubled, counted), (0, 0), "events doubled, events that lost an attempt");
    drop(connection);
    near.close().await;
    far.close().await;
    execute(&services().postgres, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

#[tokio::test]
async fn a_server_that_stops_is_waited_for_and_found_again() {
    let mut server = OwnPostgres::start();
    let store = PostgresStore::open(&server.url("postgres"), &PostgresOptions::default()).await.expect("open");
    let store: SharedStore = Arc::new(Limited::new(store).with_limit(LIMIT));
    store.commit(&batch(notes(0, 5))).await.expect("commit");
    server.stop();
    let started = Instant::now();
    let error = store.commit(&batch(notes(5, 1))).await.expect_err("it is gone");
    assert!(error.is_retryable() && started.elapsed() < LIMIT * 2 + SLACK, "{error} after {:?}", started.elapsed());
    let error = store.ping().await.expect_err("it is gone").to_string();
    assert!(error.contains("start PostgreSQL") || error.contains("was lost"), "{error}");
    // Once the lost connections are used up, the reason is told, though the pool only says that time is up.
    let mut told = String::new();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !told.contains("start PostgreSQL") {
        assert!(Instant::now() < deadline, "{told}");
        told = store.ping().await.expect_err("it is gone").to_string();
    }
    server.start_again();
    // Broken connections are replaced; whoever tries again is served.
    let again = async { while store.commit(&batch(notes(5, 1))).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), again).await.expect("it is back");
    assert_eq!(store.counts().await.expect("counts").documents, 6);
    store.close().await;
}

#[tokio::test]
async fn a_silent_port_is_given_up_with_the_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    let started = Instant::now();
    let error = refusal(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).await;
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    assert!(error.is_retryable() && error.to_string().contains("check host, port, firewall"), "{error}");
    let closed = refusal(&format!("postgres://postgres@127.0.0.1:{}/postgres", free_port())).await;
    assert!(closed.to_string().contains("start PostgreSQL"), "{closed}");
}

#[tokio::test]
async fn another_service_on_the_port_is_named_as_such() {
    // A web server answers at once, with something else; Redis waits for more.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let port = listener.local_addr().expect("address").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let web = refusal(&format!("postgres://postgres@127.0.0.1:{port}/postgres")).await.to_string();
    assert!(web.contains("is it the right port?"), "{web}");
    let (host, port) = services().falkordb_at();
    let redis = refusal(&format!("postgres://postgres@{host}:{port}/postgres")).await.to_string();
    assert!(redis.contains("check host, port"), "{redis}");
}

#[tokio::test]
async fn a_server_without_pgvector_names_the_package() {
    let place = tempfile::tempdir().expect("folder");
    let server = OwnPostgres::without_pgvector(place.path());
    let error = refusal(&server.url("postgres")).await;
    assert_eq!(error.kind, StoreErrorKind::Permanent, "{error}");
    let text = error.to_string();
    assert!(text.contains("lacks pgvector") && text.contains("postgresql-<version>-pgvector"), "{text}");
}

#[tokio::test]
async fn a_user_who_may_not_install_pgvector_is_told_who_may() {
    let (url, name) = database().await;
    let role = format!("owner_{}", std::process::id());
    let server = &services().postgres;
    execute(server, &format!("DROP ROLE IF EXISTS {role}")).await;
    execute(server, &format!("CREATE ROLE {role} LOGIN")).await;
    execute(server, &format!("ALTER DATABASE {name} OWNER TO {role}")).await;
    let (_, place) = url.split_once('@').expect("a user");
    let theirs = format!("postgres://{role}@{place}");
    let text = refusal(&theirs).await.to_string();
    assert!(text.contains("CREATE EXTENSION vector") && text.contains("superuser"), "{text}");
    // Once somebody did, the owner of the database needs nobody.
    execute(&url, "CREATE EXTENSION vector").await;
    let store = PostgresStore::open(&theirs, &PostgresOptions::default()).await.expect("open");
    peanut::store::SystemStore::close(&store).await;
    execute(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    execute(server, &format!("DROP ROLE {role}")).await;
}

#[tokio::test]
async fn an_older_schema_is_brought_up_to_date_with_its_data() {
    let (url, name) = database().await;
    // What a first release left: the first migration alone, as sqlx notes it.
    let migrator = sqlx::migrate!("migrations/postgres");
    let mut connection = PgConnection::connect(&url).await.expect("connect");
    let first = migrator.iter().next().expect("a first migration");
    migrator.run_to(first.version, &mut connection).await.expect("first migration");
    sqlx::query("INSERT INTO setting (key, value, updated_at) VALUES ('kept', 'yes', 1)")
        .execute(&mut connection)
        .await
        .expect("a setting of old");
    connection.close().await.expect("close");
    let store: SharedStore = Arc::new(PostgresStore::open(&url, &PostgresOptions::default()).await.expect("open"));
    let newest = migrator.iter().map(|migration| migration.version).max();
    assert_eq!(Some(store.info().await.expect("info").schema_version), newest);
    assert_eq!(store.setting("kept").await.expect("setting").as_deref(), Some("yes"));
    store.commit(&batch(notes(0, 3))).await.expect("commit");
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    store.close().await;
    execute(&services().postgres, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}
