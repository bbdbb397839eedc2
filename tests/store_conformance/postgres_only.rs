//! What only PostgreSQL promises: several processes that write at once, and refusals a person can act on.

use std::collections::HashSet;
use std::time::Duration;

use peanut::domain::{DocumentId, ModelId, WriteOutcome};
use peanut::store::postgres::{PostgresOptions, PostgresStore};
use peanut::store::{
    CommitBatch, DocumentStore as _, EmbeddingStore as _, IntakeStore as _, RetireReason, StoreError, StoreErrorKind,
    SystemStore as _,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::build::{LEASE, NOW, assert_graph_matches, assert_sound, batch, batch_with, file, mail, offered};
use crate::harness::Harness as _;
use crate::postgres_harness::{Newest as PostgresHarness, address_of, execute, server};

async fn refusal(url: &str) -> StoreError {
    match PostgresStore::open(url, &PostgresOptions::default()).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

async fn run(database: &str, sql: &str) {
    let mut connection = PgConnection::connect(&address_of(database)).await.expect("connect");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
    connection.close().await.expect("close");
}

/// Address of the test server for another user.
fn as_user(user: &str) -> String {
    let (_, place) = server().split_once('@').expect("a user");
    format!("postgres://{user}@{place}")
}

#[tokio::test]
async fn processes_that_commit_at_once_make_no_document_twice() {
    let harness = PostgresHarness::fresh().await;
    let documents: Vec<_> = (0..20)
        .map(|at| mail("/a.mbox", at, &format!("m{at}"), &format!("text {at}")))
        .chain((0..20).map(|at| file(&format!("/n/{at}.md"), &format!("note {at}"))))
        .collect();
    let mut writing = tokio::task::JoinSet::new();
    for process in 0..4 {
        let store = harness.another().await;
        let mut documents = documents.clone();
        documents.rotate_left(process * 7);
        writing.spawn(async move {
            let mut added = 0;
            for document in documents {
                let report = store.commit(&batch(vec![document])).await.expect("commit");
                added += usize::from(report.outcomes == [WriteOutcome::Added]);
            }
            added
        });
    }
    assert_eq!(writing.join_all().await.into_iter().sum::<usize>(), 40);
    assert_eq!(harness.store().counts().await.expect("counts").documents, 40);
    assert_graph_matches(harness.store(), NOW).await;
    assert_sound(harness.store()).await;
}

#[tokio::test]
async fn commits_and_embedders_do_not_lock_each_other_out() {
    let harness = PostgresHarness::fresh().await;
    let model = ModelId::from("slow");
    harness.store().register_model(&model, 2, NOW).await.expect("register");
    let mut working = tokio::task::JoinSet::new();
    for process in 0..2 {
        let (store, model) = (harness.another().await, model.clone());
        working.spawn(async move {
            for round in 0..25 {
                let jobs = store.claim_embeddings(&model, &format!("w{process}"), 20, LEASE, NOW).await.expect("claim");
                let vectors: Vec<_> = jobs.iter().map(|job| (job.chunk_id, Some(vec![0.6, 0.8]))).collect();
                tokio::time::sleep(Duration::from_millis(round % 5)).await;
                store.complete_embeddings(&model, &vectors, NOW).await.expect("complete");
            }
        });
        let store = harness.another().await;
        working.spawn(async move {
            for round in 0..25 {
                let texts: Vec<String> = (0..6).map(|part| format!("part {part} of round {}", round * part)).collect();
                let document = file(&format!("/n/{}.md", round % 3), &texts.join("\n\n"));
                let id = document.id;
                store.commit(&batch_with(vec![document], "slow", &[])).await.expect("commit");
                store.commit(&batch_with(Vec::new(), "slow", &["slow"])).await.expect("commit nothing");
                if round % 4 == 0 {
                    store.retire(&[id], RetireReason::Deleted, NOW).await.expect("retire");
                    store.restore(&[id], NOW).await.expect("restore");
                }
                store.queue_missing(&ModelId::from("slow"), 100, NOW).await.expect("queue");
            }
        });
    }
    while let Some(done) = working.join_next().await {
        done.expect("no error");
    }
    assert_sound(harness.store()).await;
}

#[tokio::test]
async fn processes_that_start_together_make_one_schema() {
    let database = format!("peanut_case_{}_start", std::process::id());
    let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
    execute(&[drop.clone(), format!("CREATE DATABASE {database}")]).await;
    let mut opening = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let url = address_of(&database);
        opening.spawn(async move {
            let store = PostgresStore::open(&url, &PostgresOptions { max_connections: 2 }).await.expect("open");
            store.ping().await.expect("ping");
            store.close().await;
        });
    }
    opening.join_all().await;
    execute(&[drop]).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_title_is_found_and_mended() {
    let harness = PostgresHarness::fresh().await;
    let store = harness.store();
    let (old, new) = (file("/old.md", "one"), file("/new.md", "two"));
    store.commit(&batch(vec![old, new.clone()])).await.expect("commit");
    // Of documents of before there is nothing to compare with.
    run(&harness.database, "UPDATE document SET title_sha256 = NULL WHERE source_path = '/old.md'").await;
    run(&harness.database, "UPDATE document SET title = title || 'x'").await;
    let damaged = store.damaged_texts().await.expect("compare");
    assert!(matches!(&damaged[..], [one] if one.path == "/new.md" && one.is_title), "{damaged:?}");
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.len() == 1 && problems[0].ends_with("of /new.md (its title)"), "{problems:?}");
    store.distrust_texts(&[damaged[0].chunk]).await.expect("distrust");
    assert_eq!(store.commit(&batch(vec![new])).await.expect("commit").outcomes, [WriteOutcome::Changed]);
    assert_sound(store).await;
}

/// Waits until a session waits for a lock with this in its statement.
async fn until_it_waits(watching: &mut PgConnection, database: &str, statement: &str) {
    loop {
        let waits: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock' AND query LIKE $2)",
        )
        .bind(database)
        .bind(format!("%{statement}%"))
        .fetch_one(&mut *watching)
        .await
        .expect("activity");
        if waits {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_is_retired_though_its_transaction_lost_a_deadlock() {
    let harness = PostgresHarness::fresh().await;
    // The store looks for a deadlock after three seconds, the other session never: the store's transaction is the one that
    // is given up.
    let patience = "options=-c%20deadlock_timeout%3D3s";
    let url = address_of(&harness.database);
    let url = format!("{url}{}{patience}", if url.contains('?') { '&' } else { '?' });
    let store = PostgresStore::open(&url, &PostgresOptions { max_connections: 2 }).await.expect("open");
    let finish = |path: &str| peanut::domain::intake::FileUpdate {
        whole: Some(Vec::new()),
        ..crate::build::update(path, peanut::domain::intake::FileState::Indexed, 1)
    };
    for path in ["/a.md", "/b.md"] {
        store.offer(&[offered(path)], false, NOW).await.expect("offer");
        store.claim_files("w", 1, LEASE, NOW).await.expect("claim");
        let one = CommitBatch { files: vec![finish(path)], ..batch(vec![file(path, "same")]) };
        store.commit(&one).await.expect("commit");
    }
    let mut watching = PgConnection::connect(&address_of(&harness.database)).await.expect("connect");
    let mut other = PgConnection::connect(&address_of(&harness.database)).await.expect("connect");
    sqlx::raw_sql("SET deadlock_timeout = '1h'; BEGIN; SELECT 1 FROM file WHERE path = '/a.md' FOR UPDATE")
        .execute(&mut other)
        .await
        .expect("lock");
    let retiring = tokio::spawn(async move {
        let retired = store.retire_file("/a.md", NOW).await;
        (store, retired)
    });
    until_it_waits(&mut watching, &harness.database, "UPDATE file SET state = 'retired'").await;
    sqlx::raw_sql("SELECT 1 FROM file WHERE path = '/b.md' FOR UPDATE; COMMIT")
        .execute(&mut other)
        .await
        .expect("lock");
    let (store, retired) = retiring.await.expect("join");
    assert_eq!(retired.expect("retired in the end").len(), 1);
    assert_eq!(store.claim_files("w", 2, LEASE, NOW).await.expect("claim").len(), 1, "the copy is read again");
}

#[tokio::test]
async fn a_database_that_was_made_anew_is_noticed_and_nothing_is_written_to_it() {
    let harness = PostgresHarness::fresh().await;
    let (store, probing) = (harness.store(), harness.another().await);
    store.commit(&batch(vec![file("/a.md", "text")])).await.expect("commit");
    probing.ping().await.expect("ping");
    let (name, copy) = (&harness.database, format!("{}_copy", harness.database));
    // Even a copy of it, and the same name.
    let drop = |name: &str| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    let terminate = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    execute(&[
        drop(&copy),
        terminate,
        format!("CREATE DATABASE {copy} TEMPLATE {name}"),
        drop(name),
        format!("ALTER DATABASE {copy} RENAME TO {name}"),
    ])
    .await;
    // The first calls may meet the connections that were cut.
    let error = loop {
        match store.commit(&batch(vec![file("/b.md", "important")])).await {
            Err(error) if error.is_retryable() => {}
            Err(error) => break error,
            Ok(report) => panic!("acknowledged: {report:?}"),
        }
    };
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("dropped or replaced"), "{error}");
    assert!(error.is_displaced(), "{error:?}");
    assert!(store.offer(&[offered("/c.md")], false, NOW).await.is_err(), "and nothing else is");
    let error = loop {
        match probing.ping().await {
            Err(error) if error.is_retryable() => {}
            Err(error) => break error,
            Ok(()) => panic!("nothing was noticed"),
        }
    };
    assert!(error.to_string().contains("start Peanut again"), "{error}");
    let again = harness.another().await;
    again.ping().await.expect("ping");
    assert_eq!(again.counts().await.expect("counts").documents, 1);
}

#[tokio::test]
async fn wrong_addresses_are_refused_with_the_remedy() {
    let error = refusal("postgres://postgres@127.0.0.1:1/postgres").await;
    assert!(error.is_retryable() && error.to_string().contains("start PostgreSQL"), "{error}");
    let error = refusal(&address_of("no_such_database")).await;
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("createdb"), "{error}");
    let error = refusal("not an address: secret").await;
    assert!(error.to_string().contains("postgres://user:password@host:5432/database"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn wrong_passwords_are_refused_without_being_told() {
    let role = format!("locked_{}", std::process::id());
    execute(&[format!("DROP ROLE IF EXISTS {role}"), format!("CREATE ROLE {role} LOGIN PASSWORD 'right'")]).await;
    let error = refusal(&as_user(&format!("{role}:wr0ng"))).await;
    execute(&[format!("DROP ROLE {role}")]).await;
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("password is wrong"), "{error}");
    assert!(!format!("{error:?}").contains("wr0ng"), "{error:?}");
}

#[tokio::test]
async fn a_newer_schema_is_left_alone() {
    let harness = PostgresHarness::fresh().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', true, '', 0)";
    run(&harness.database, newer).await;
    let error = refusal(&address_of(&harness.database)).await;
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("newer Peanut"), "{error}");
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let harness = PostgresHarness::fresh().await;
    execute(&[format!("ALTER DATABASE {} SET default_transaction_read_only = on", harness.database)]).await;
    let error = refusal(&address_of(&harness.database)).await;
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("read-only"), "{error}");
}

#[tokio::test]
async fn a_user_without_rights_is_refused() {
    let harness = PostgresHarness::fresh().await;
    let role = format!("guest_{}", std::process::id());
    execute(&[format!("DROP ROLE IF EXISTS {role}"), format!("CREATE ROLE {role} LOGIN")]).await;
    run(&harness.database, "DROP TABLE _sqlx_migrations").await;
    let url = as_user(&role).replace("/postgres", &format!("/{}", harness.database));
    let error = refusal(&url).await;
    execute(&[format!("DROP ROLE {role}")]).await;
    assert!(error.kind == StoreErrorKind::Permanent && error.to_string().contains("owner"), "{error}");
}

#[tokio::test]
async fn very_long_names_fit_everywhere() {
    let harness = PostgresHarness::fresh().await;
    let store = harness.store();
    let noise = |seed: u64| -> String {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.alphanumeric()).take(6000).collect()
    };
    let mut message = mail("/a.mbox", 0, &noise(1), "text");
    message.title = noise(2);
    message.tags = vec![noise(3)];
    message.concepts = vec![noise(4)];
    message.aliases = vec![noise(5)];
    message.links = vec![crate::build::wikilink(&noise(6)), crate::build::file_link(&noise(7))];
    let answers = message.message.as_mut().expect("message");
    answers.in_reply_to = Some(noise(8));
    answers.references = vec![noise(8)];
    let mut target = file("/n/target.md", "text of the target");
    target.aliases = vec![noise(6)];
    for round in [WriteOutcome::Added, WriteOutcome::Unchanged] {
        let batch = CommitBatch { documents: vec![message.clone(), target.clone()], ..batch(Vec::new()) };
        assert_eq!(store.commit(&batch).await.expect("commit").outcomes, [round, round]);
    }
    let ids: HashSet<DocumentId> = [message.id, target.id].into();
    assert_eq!(ids.len(), 2);
    assert_eq!(store.document(message.id).await.expect("read").title, message.title);
    assert_graph_matches(store, NOW).await;
    assert_sound(store).await;
}

/// A migration that adds a table or a column must say whether it travels when a store is copied.
#[tokio::test]
async fn every_column_travels_or_is_derived() {
    const DERIVED: [&str; 16] = [
        "completion",
        "store_identity",
        "counter_change",
        "document_change",
        "embedding_change",
        "file_change",
        "outbox_change",
        "outbox_mark",
        "search_retired",
        "index_piece",
        "vector_segment",
        "word_gone",
        "word_segment",
        "word_terms",
        "worker",
        "_sqlx_migrations",
    ];
    /// The number of a transaction says something on its own server alone.
    const WRITTEN: (&str, &str) = ("embedding", "written_by");
    let harness = PostgresHarness::fresh().await;
    let mut connection = PgConnection::connect(&address_of(&harness.database)).await.expect("connect");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.table_name::TEXT, c.column_name::TEXT FROM information_schema.columns AS c
         JOIN information_schema.tables AS t USING (table_schema, table_name)
         WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("schema");
    connection.close().await.expect("close");
    let forgotten: Vec<String> = columns
        .into_iter()
        .filter(|(table, column)| {
            let travels = peanut::store::transfer::TABLES
                .iter()
                .any(|known| known.name == table && known.columns.iter().any(|held| held.name == column));
            !travels && !DERIVED.contains(&table.as_str()) && (table.as_str(), column.as_str()) != WRITTEN
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    assert!(forgotten.is_empty(), "not in store::transfer::TABLES and not known as derived: {forgotten:?}");
}

#[tokio::test]
async fn files_are_claimed_on_the_host_they_lie_on() {
    let harness = PostgresHarness::fresh().await;
    let (anna, otto) = (harness.another().await.on_host("anna"), harness.another().await.on_host("otto"));
    anna.offer(&[offered("/notes/a.md"), offered("/notes/b.md")], false, NOW).await.expect("offer");
    otto.offer(&[offered("/notes/c.md")], false, NOW).await.expect("offer");
    // One of before hosts were told apart.
    harness.store().offer(&[offered("/notes/old.md")], false, NOW).await.expect("offer");
    let paths = |files: Vec<peanut::domain::intake::FileRecord>| files.into_iter().map(|f| f.path).collect::<Vec<_>>();
    let below = otto.paths_below("/notes", "", 10).await.expect("paths");
    assert_eq!(below.iter().map(|known| known.path.as_str()).collect::<Vec<_>>(), ["/notes/c.md", "/notes/old.md"]);
    assert_eq!(paths(otto.claim_files("o", 1, LEASE, NOW).await.expect("claim")), ["/notes/c.md"]);
    assert_eq!(
        paths(anna.claim_files("a", 9, LEASE, NOW).await.expect("claim")),
        ["/notes/a.md", "/notes/b.md", "/notes/old.md"]
    );
    let late = NOW.plus(LEASE + Duration::from_secs(1));
    assert_eq!(paths(otto.claim_files("o", 9, LEASE, late).await.expect("claim")), ["/notes/c.md", "/notes/old.md"]);
    // A host that was given another name finds its files again by offering them.
    let renamed = harness.another().await.on_host("anna-2");
    let found = [offered("/notes/a.md"), offered("/notes/b.md")];
    renamed.offer(&found, true, late).await.expect("offer");
    assert_eq!(paths(renamed.claim_files("r", 9, LEASE, late).await.expect("claim")), ["/notes/a.md", "/notes/b.md"]);
}
