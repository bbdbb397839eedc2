//! What only SQLite promises: its file, rollback at any point of a commit, and that `verify` sees damage.

mod damage;
mod older;
mod vectors;

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};

use super::{MIGRATOR, SqliteStore};
use crate::domain::document::{Link, LinkKind};
use crate::domain::{
    ChunkKind, DocumentId, ModelId, NewChunk, NewDocument, PersonMention, PersonRole, Place, SourceType, Timestamp,
};
use crate::store::{CommitBatch, DocumentStore, EmbeddingStore, OutboxStore, StoreErrorKind, SystemStore};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("peanut.sqlite");
    (folder, path)
}

fn document(path: &str) -> NewDocument {
    let source_key = format!("file:{path}");
    NewDocument {
        id: DocumentId::from_source_key(&source_key),
        source_key,
        source_type: SourceType::Markdown,
        source_path: path.to_owned(),
        source_offset: None,
        content_sha256: Sha256::digest(path).into(),
        fingerprint: None,
        title: path.to_owned(),
        dated_at: None,
        tags: vec!["tag".into()],
        concepts: vec!["tag".into()],
        aliases: vec!["alias".into()],
        links: vec![Link { kind: LinkKind::Wikilink, target: "elsewhere".into() }],
        people: vec![PersonMention {
            email: Some("a@example.org".into()),
            name: Some("A".into()),
            role: PersonRole::Author,
        }],
        message: None,
        chunks: (0..3)
            .map(|ordinal| (ordinal, format!("text {ordinal} of {path}")))
            .map(|(ordinal, text)| NewChunk {
                pieces: Vec::new(),
                ordinal,
                kind: if ordinal == 2 { ChunkKind::Quoted } else { ChunkKind::Body },
                text_sha256: NewChunk::hash("", &text),
                text,
                overlap_bytes: 0,
                context: String::new(),
                place: Place::default(),
                token_count: 4,
                terms: "text of".into(),
                vector: (ordinal == 0).then(|| direction(path)),
            })
            .collect(),
    }
}

/// A vector of two dimensions that is the document's own.
fn direction(path: &str) -> Vec<f32> {
    let angle = f32::from(Sha256::digest(path)[0]) / 40.0;
    vec![angle.cos(), angle.sin()]
}

fn batch(paths: &[&str]) -> CommitBatch {
    CommitBatch {
        documents: paths.iter().map(|path| document(path)).collect(),
        instant_model: Some(ModelId::from("small")),
        background_models: vec![ModelId::from("big")],
        now: NOW,
        ..CommitBatch::default()
    }
}

async fn store_with(paths: &[&str]) -> (tempfile::TempDir, SqliteStore) {
    let (folder, path) = folder();
    let store = SqliteStore::open(&path).await.expect("open");
    store.register_model(&ModelId::from("small"), 2, NOW).await.expect("register");
    store.register_model(&ModelId::from("big"), 3, NOW).await.expect("register");
    commit(&store, paths).await.expect("commit");
    (folder, store)
}

#[expect(clippy::disallowed_methods, reason = "the store's own tests commit without the recorder")]
async fn commit(store: &SqliteStore, paths: &[&str]) -> crate::store::StoreResult<crate::store::CommitReport> {
    store.commit(&batch(paths)).await
}

async fn execute(store: &SqliteStore, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&store.writer).await.expect(sql);
}

/// Rows of every table, by name.
async fn row_counts(store: &SqliteStore) -> Vec<(String, i64)> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .fetch_all(&store.reader)
        .await
        .expect("tables");
    let mut counts = Vec::new();
    for table in tables {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM \"{table}\""));
        counts.push((table, sqlx::query_scalar(sql).fetch_one(&store.reader).await.expect("count")));
    }
    counts
}

#[tokio::test]
async fn a_commit_that_fails_anywhere_leaves_no_trace() {
    let (_folder, store) = store_with(&["/kept.md"]).await;
    let before = row_counts(&store).await;
    for table in [
        "document",
        "chunk",
        "embedding",
        "embedding_job",
        "document_tag",
        "person",
        "document_person",
        "concept",
        "document_concept",
        "document_link",
        "document_name",
        "outbox",
    ] {
        let sql =
            format!("CREATE TRIGGER sabotage BEFORE INSERT ON {table} BEGIN SELECT raise(ABORT, 'sabotage'); END");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&store.writer).await.expect("sabotage");
        let mut failing = batch(&["/a.md", "/b.md"]);
        failing.documents[0].people[0].email = Some("new@example.org".into());
        failing.documents[0].concepts.push("new concept".into());
        #[expect(clippy::disallowed_methods, reason = "the store's own tests commit without the recorder")]
        let error = store.commit(&failing).await.expect_err(table);
        assert_eq!(error.kind, StoreErrorKind::Invariant, "{table}");
        assert!(error.to_string().contains("file:/a.md"), "{error}");
        execute(&store, "DROP TRIGGER sabotage").await;
        assert_eq!(row_counts(&store).await, before, "{table}");
    }
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    assert_eq!(commit(&store, &["/a.md", "/b.md"]).await.expect("commit").events, 2);
}

#[tokio::test]
async fn verify_names_what_is_broken() {
    for (damage, promise) in [
        ("UPDATE chunk SET ordinal = 7 WHERE ordinal = 1", "numbered"),
        ("DELETE FROM chunk", "text to be found by"),
        ("UPDATE chunk SET searchable = 0 WHERE kind = 'quoted'", "chunk is searchable"),
        ("UPDATE chunk SET kind = 'names'", "text to be found by"),
        ("DELETE FROM word_segment", "is not in the word index"),
        ("DROP TRIGGER chunk_gone; DELETE FROM chunk WHERE kind = 'quoted'", "the store does not hold"),
        ("DELETE FROM word_gone; INSERT INTO word_gone (chunk_id) VALUES (1)", "is not in the word index"),
        ("DELETE FROM outbox", "outbox event"),
        ("UPDATE document_total SET documents = documents + 1", "totals of documents"),
        ("UPDATE embedding_total SET done = 0", "totals of vectors"),
        ("UPDATE outbox_total SET pending = 0", "totals of the outbox"),
        ("UPDATE file_total SET files = 3 WHERE state = 'failed'", "totals of the ledger"),
        ("UPDATE counter SET value = 9 WHERE name = 'graph_edges'", "totals of the graph"),
        ("UPDATE embedding SET vector = x'00' WHERE vector IS NOT NULL", "dimension"),
        ("UPDATE chunk SET place = '{'", "JSON"),
        ("UPDATE document SET source_path = '/same.md'", "same file"),
        ("UPDATE document SET message_id = 'm', fingerprint = x'00'", "Message-ID"),
        (
            "INSERT INTO file (path, origin, state, size_bytes, modified_at, seen, documents, offered_at, updated_at)
             VALUES ('/x', 'folder', 'indexed', 1, 1, 3, 2, 1, 1)",
            "add up",
        ),
        (
            "INSERT INTO file (path, origin, state, size_bytes, modified_at, seen, documents, offered_at, updated_at)
             VALUES ('/x', 'folder', 'indexed', 1, 1, 1, 1, 1, 1)",
            "is held by a live document",
        ),
        (
            "INSERT INTO file (path, origin, state, size_bytes, modified_at, seen, documents, duplicates, offered_at, updated_at)
             VALUES ('/a.md', 'folder', 'indexed', 1, 1, 2, 1, 1, 1, 1)",
            "of every duplicate it is known what it repeats",
        ),
        ("UPDATE chunk SET text = 'sXme' WHERE id = 2", "texts are as they were stored"),
        ("PRAGMA foreign_keys = OFF; DELETE FROM person", "leads to a row"),
    ] {
        let (_folder, store) = store_with(&["/a.md", "/b.md"]).await;
        let sound = store.verify().await.expect("verify");
        assert_eq!(sound.problems, Vec::<String>::new());
        execute(&store, damage).await;
        let problems = store.verify().await.expect("verify").problems;
        assert!(problems.iter().any(|problem| problem.contains(promise)), "{damage}: {problems:?}");
    }
}

#[tokio::test]
async fn many_may_open_a_new_store_at_once() {
    // Each round is a new chance for the openers to meet between two migrations.
    for _ in 0..8 {
        let (_folder, path) = folder();
        let opened = futures_util::future::join_all((0..6).map(|_| SqliteStore::open(&path))).await;
        for store in opened {
            store.expect("open").ping().await.expect("ping");
        }
    }
}

#[tokio::test]
async fn foreign_files_and_newer_stores_are_refused_in_words() {
    let (_folder, path) = folder();
    std::fs::write(&path, "this is no database, but it is long enough to look at ".repeat(20)).expect("write");
    let error = SqliteStore::open(&path).await.expect_err("no database");
    assert_eq!(error.kind, StoreErrorKind::Permanent);
    assert!(error.to_string().contains("no store of Peanut's"), "{error}");

    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).await.expect("open");
    execute(
        &store,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'future', 1, x'00', 1)",
    )
    .await;
    store.close().await;
    let error = SqliteStore::open(&path).await.expect_err("newer");
    assert_eq!(error.kind, StoreErrorKind::Permanent);
    assert!(error.to_string().contains("newer Peanut"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_private_and_the_log_is_folded_back_at_the_end() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, store) = store_with(&["/a.md"]).await;
    for suffix in ["", "-wal"] {
        let path = format!("{}{suffix}", store.location());
        let mode = std::fs::metadata(&path).expect(&path).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
    store.close().await;
    assert!(!PathBuf::from(format!("{}-wal", store.location())).exists());
}

#[tokio::test]
async fn pruned_events_are_not_missed_but_later_changes_are() {
    let (_folder, store) = store_with(&["/a.md"]).await;
    let events = store.claim_events("relay", 10, std::time::Duration::from_secs(9), NOW).await.expect("claim");
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    store.mark_processed(&ids, NOW).await.expect("mark");
    assert_eq!(store.prune_processed(Timestamp(NOW.0 + 1), 10).await.expect("prune"), 1);
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    execute(&store, "UPDATE document SET changed_at = changed_at + 5").await;
    assert_eq!(store.verify().await.expect("verify").problems.len(), 1);
}

#[tokio::test]
async fn a_full_disk_stops_writing_only_while_it_is_full() {
    let (_folder, store) = store_with(&["/before.md"]).await;
    execute(&store, "PRAGMA wal_checkpoint(TRUNCATE)").await;
    // The engine's own limit: the same error, at the same places, as a disk without room.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.expect("pages");
    let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + 2));
    sqlx::raw_sql(limit).execute(&store.writer).await.expect("limit");
    let paths: Vec<String> = (0..200).map(|number| format!("/{number}.md")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let before = row_counts(&store).await;
    let error = commit(&store, &paths).await.expect_err("no room");
    assert_eq!(error.kind, StoreErrorKind::Retryable, "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(row_counts(&store).await, before);
    // Room again: whether or not the connection was replaced, the limit is gone.
    execute(&store, "PRAGMA max_page_count = 1073741823").await;
    commit(&store, &paths).await.expect("there is room again");
    assert_eq!(store.counts().await.expect("counts").documents, 201);
}

/// A migration that adds a table or a column must say whether it travels when a store is copied.
#[tokio::test]
async fn every_column_travels_or_is_derived() {
    const DERIVED: [&str; 15] = [
        "completion",
        "counter",
        "document_total",
        "embedding_total",
        "file_total",
        "outbox_total",
        "search_change",
        "index_state",
        "vector_segment",
        "word_gone",
        "word_segment",
        "word_terms",
        "worker",
        "_sqlx_migrations",
        "embedding.seq",
    ];
    let (_folder, path) = folder();
    let store = SqliteStore::open(&path).await.expect("open");
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.name, c.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&store.reader)
    .await
    .expect("schema");
    let forgotten: Vec<String> = columns
        .into_iter()
        .filter(|(table, column)| {
            let travels = crate::store::transfer::TABLES
                .iter()
                .any(|known| known.name == table && known.columns.iter().any(|held| held.name == column));
            !travels && !DERIVED.contains(&table.as_str()) && !DERIVED.contains(&format!("{table}.{column}").as_str())
        })
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    assert!(forgotten.is_empty(), "not in store::transfer::TABLES and not known as derived: {forgotten:?}");
}
