//! A store of the version before names and quotes were found.

use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

use super::{MIGRATOR, SqliteStore, folder};
use crate::domain::search::{Filter, Occur, WordMatch, WordsQuery};
use crate::domain::{ChunkKind, DocumentId, terms};
use crate::store::{DocumentStore, SearchStore, SystemStore};

/// The migration that made them found.
const FINDABLE: i64 = 9;

/// A message with text, quote and signature, and one of nothing but a subject and an attachment.
const CONTENT: &str = "
    INSERT INTO document (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title,
                          ingested_at, changed_at, message_id, in_reply_to, attachments) VALUES
        (1, x'00000000000000000000000000000001', 'message:a', 'mail', '/all.mbox', 0, x'01', 'Roof', 1, 1, 'a', 'lost', '[]'),
        (2, x'00000000000000000000000000000002', 'message:b', 'mail', '/all.mbox', 9, x'02', 'Holiday picture', 1, 1, 'b',
            NULL, '[\"quokka_sunset.jpg\"]');
    INSERT INTO outbox (event_type, entity_id, recorded_at) SELECT 'document_added', id, 1 FROM document;
    INSERT INTO person (seq, id, email, display_name, first_seen_at) VALUES (1, x'03', 'dora@example.org', 'Dora', 1);
    INSERT INTO document_person (document_seq, person_seq, role, name) VALUES (2, 1, 'to', 'Dora Empfang');
    INSERT INTO chunk (id, document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count,
                       text_sha256) VALUES
        (1, 1, 0, 'body', 1, 'That suits me.', 0, 'Roof', '{}', 4,
            x'87ad612840b4e3bbeee097c42ce9c747212edb67f773a8f080abed9c5cda1d34'),
        (2, 1, 1, 'quoted', 0, '> slate tiles', 0, 'Roof', '{}', 3, x'02'),
        (3, 1, 2, 'signature', 0, '-- Dachbau', 0, 'Roof', '{}', 3, x'03');
    INSERT INTO chunk_words (rowid, terms) VALUES (1, 'roof that suit me');
";

async fn found(store: &SqliteStore, word: &str) -> Vec<DocumentId> {
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term(terms::terms(word)))] };
    let found = store.search_words(&words, &Filter::default(), 10).await.expect("search");
    found.into_iter().map(|chunk| chunk.document_id).collect()
}

#[tokio::test]
async fn what_an_older_version_left_out_is_found_after_opening() {
    let (_folder, path) = folder();
    let older = MIGRATOR.iter().filter(|migration| migration.version < FINDABLE).cloned().collect();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.expect("create");
    Migrator::with_migrations(older).run(&pool).await.expect("migrate");
    sqlx::raw_sql(CONTENT).execute(&pool).await.expect("fill");
    pool.close().await;

    let store = SqliteStore::open(&path).await.expect("open");
    let [roof, picture] = [1, 2].map(|number| DocumentId(uuid::Uuid::from_u128(number)));
    for word in ["slate", "Dachbau", "suits", "Roof"] {
        assert_eq!(found(&store, word).await, [roof], "{word}");
    }
    for word in ["holiday", "quokka", "Empfang", "example"] {
        assert_eq!(found(&store, word).await, [picture], "{word}");
    }
    assert_eq!(store.newest(&Filter::default(), 10).await.expect("newest").len(), 2);
    let view = store.document(picture).await.expect("document");
    assert_eq!(view.chunks.iter().map(|chunk| chunk.kind).collect::<Vec<_>>(), [ChunkKind::Body, ChunkKind::Names]);
    assert_eq!(view.body(), "");
    assert_eq!(store.verify().await.expect("verify").problems, Vec::<String>::new());
    assert_eq!(store.counts().await.expect("counts").searchable_chunks, 5);
    // Once is enough.
    store.close().await;
    let store = SqliteStore::open(&path).await.expect("open again");
    assert_eq!(store.counts().await.expect("counts").chunks, 5);
}

/// The migration that says which version of the terms made the word index.
const TERMS: i64 = 12;

#[tokio::test]
async fn words_indexed_as_they_were_before_are_found_as_they_are_now() {
    let (_folder, path) = folder();
    let older = MIGRATOR.iter().filter(|migration| migration.version < TERMS).cloned().collect();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options.clone()).await.expect("create");
    Migrator::with_migrations(older).run(&pool).await.expect("migrate");
    sqlx::raw_sql(CONTENT).execute(&pool).await.expect("fill");
    let stale = "UPDATE chunk SET text = 'Die Straße war gesperrt.' WHERE id = 1;
        DELETE FROM chunk_words WHERE rowid = 1;
        INSERT INTO chunk_words (rowid, terms) VALUES (1, 'roof die straße war gesperrt');";
    sqlx::raw_sql(stale).execute(&pool).await.expect("fill");
    pool.close().await;
    let roof = DocumentId(uuid::Uuid::from_u128(1));
    let phrase = WordsQuery { clauses: vec![(Occur::Must, terms::phrase(&terms::asked("die Strasse war")))] };
    let found = async |store: &SqliteStore| {
        let found = store.search_words(&phrase, &Filter::default(), 10).await.expect("search");
        found.into_iter().map(|chunk| chunk.document_id).collect::<Vec<_>>()
    };

    let store = SqliteStore::open(&path).await.expect("open");
    assert_eq!(found(&store).await, [roof]);
    assert!(is_sound(&store.verify().await.expect("verify").problems));
    store.close().await;

    // A process that ended in the middle: emptied, and the first chunk passed over.
    let pool = SqlitePool::connect_with(options).await.expect("connect");
    let half = "DELETE FROM word_segment;
        UPDATE word_terms SET done_id = 1, last_id = (SELECT max(id) FROM chunk);";
    sqlx::raw_sql(half).execute(&pool).await.expect("empty");
    pool.close().await;
    let store = SqliteStore::open(&path).await.expect("open again");
    assert_eq!(found(&store).await, [], "what was done is not done again");
    let slate = WordsQuery { clauses: vec![(Occur::Must, terms::phrase(&terms::asked("slate tiles")))] };
    assert_eq!(store.search_words(&slate, &Filter::default(), 10).await.expect("search").len(), 1);
    let problems = store.verify().await.expect("verify").problems;
    assert!(problems.iter().any(|problem| problem.contains("chunk 1, which is not in the word index")), "{problems:?}");
}

/// Whether the index is: the rest of this store was written by hand.
fn is_sound(problems: &[String]) -> bool {
    !problems.iter().any(|problem| problem.contains("index"))
}
