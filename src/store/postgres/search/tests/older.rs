//! A store of the version before names and quotes were found.

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use super::super::super::MIGRATOR;
use super::{IndexedChunk, Server, index_chunks};
use crate::domain::search::{Filter, Occur, WordMatch, WordsQuery};
use crate::domain::{ChunkKind, DocumentId, terms};
use crate::store::postgres::PostgresStore;
use crate::store::{DocumentStore, SearchStore, SystemStore};

/// The migration that made them found.
const FINDABLE: i64 = 8;

/// A message with text, quote and signature, and one of nothing but a subject and an attachment.
const CONTENT: &str = "
    INSERT INTO document (seq, id, source_key, source_type, source_path, source_offset, content_sha256, title,
                          ingested_at, changed_at, message_id, in_reply_to, attachments) VALUES
        (1, '00000000-0000-0000-0000-000000000001', 'message:a', 'mail', '/all.mbox', 0, '\\x01', 'Roof', 1, 1, 'a', 'lost', '[]'),
        (2, '00000000-0000-0000-0000-000000000002', 'message:b', 'mail', '/all.mbox', 9, '\\x02', 'Holiday picture', 1, 1,
            'b', NULL, '[\"quokka_sunset.jpg\"]');
    INSERT INTO outbox (event_type, entity_id, recorded_at) SELECT 'document_added', id, 1 FROM document;
    INSERT INTO person (seq, id, email, display_name, first_seen_at)
        VALUES (1, '00000000-0000-0000-0000-000000000003', 'dora@example.org', 'Dora', 1);
    INSERT INTO document_person (document_seq, person_seq, role, name) VALUES (2, 1, 'to', 'Dora Empfang');
    INSERT INTO chunk (id, document_seq, ordinal, kind, searchable, text, overlap_bytes, context, place, token_count,
                       text_sha256) VALUES
        (1, 1, 0, 'body', TRUE, 'That suits me.', 0, 'Roof', '{}', 4,
            '\\x87ad612840b4e3bbeee097c42ce9c747212edb67f773a8f080abed9c5cda1d34'),
        (2, 1, 1, 'quoted', FALSE, '> slate tiles', 0, 'Roof', '{}', 3, '\\x02'),
        (3, 1, 2, 'signature', FALSE, '-- Dachbau', 0, 'Roof', '{}', 3, '\\x03');
    SELECT setval('chunk_id_seq', 3);
    SELECT setval('document_seq_seq', 2);
";

async fn found(store: &PostgresStore, word: &str) -> Vec<DocumentId> {
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term(terms::terms(word)))] };
    let found = store.search_words(&words, &Filter::default(), 10).await.expect("search");
    found.into_iter().map(|chunk| chunk.document_id).collect()
}

#[tokio::test]
async fn what_an_older_version_left_out_is_found_after_opening() {
    let server = Server::new().await;
    let older = MIGRATOR.iter().filter(|migration| migration.version < FINDABLE).cloned().collect();
    let mut connection = PgConnection::connect(&server.address()).await.expect("connect");
    Migrator::with_migrations(older).run_direct(None, &mut connection, false).await.expect("migrate");
    sqlx::raw_sql(CONTENT).execute(&mut connection).await.expect("fill");
    let [roof, picture] = [1, 2].map(|number| DocumentId(uuid::Uuid::from_u128(number)));
    // A body packs as every chunk did before kinds were told apart.
    let body = IndexedChunk {
        id: 1,
        document_seq: 1,
        document_id: roof,
        kind: ChunkKind::Body,
        token_count: 4,
        terms: "roof that suit me",
    };
    index_chunks(&mut connection, &[body]).await.expect("index");
    connection.close().await.expect("close");

    let store = server.open().await;
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
    store.pool.close().await;
    let store = server.open().await;
    assert_eq!(store.counts().await.expect("counts").chunks, 5);
    server.drop(store).await;
}

/// The migration that says which version of the terms made the word index.
const TERMS: i64 = 12;

#[tokio::test]
async fn words_indexed_as_they_were_before_are_found_as_they_are_now() {
    let server = Server::new().await;
    let older = MIGRATOR.iter().filter(|migration| migration.version < TERMS).cloned().collect();
    let mut connection = PgConnection::connect(&server.address()).await.expect("connect");
    Migrator::with_migrations(older).run_direct(None, &mut connection, false).await.expect("migrate");
    sqlx::raw_sql(CONTENT).execute(&mut connection).await.expect("fill");
    let text = "UPDATE chunk SET text = 'Die Straße war gesperrt.' WHERE id = 1";
    sqlx::raw_sql(text).execute(&mut connection).await.expect("fill");
    let roof = DocumentId(uuid::Uuid::from_u128(1));
    let body = IndexedChunk {
        id: 1,
        document_seq: 1,
        document_id: roof,
        kind: ChunkKind::Body,
        token_count: 4,
        terms: "roof die straße war gesperrt",
    };
    index_chunks(&mut connection, &[body]).await.expect("index");
    connection.close().await.expect("close");

    let store = server.open().await;
    for word in ["Strasse", "gesperrte"] {
        let words = WordsQuery { clauses: vec![(Occur::Should, terms::asked(word)[0].matching())] };
        let found = store.search_words(&words, &Filter::default(), 10).await.expect("search");
        assert_eq!(found.iter().map(|chunk| chunk.document_id).collect::<Vec<_>>(), [roof], "{word}");
    }
    let words = WordsQuery { clauses: vec![(Occur::Must, terms::phrase(&terms::asked("die Strasse war")))] };
    assert_eq!(store.search_words(&words, &Filter::default(), 10).await.expect("search").len(), 1);
    assert!(is_sound(&store.verify().await.expect("verify").problems));

    // A process that ended in the middle: emptied, and nothing done yet.
    let emptied = "DELETE FROM word_block; DELETE FROM word_segment; DELETE FROM word_gone; \
        UPDATE word_terms SET done_id = 0, last_id = (SELECT max(id) FROM chunk)";
    sqlx::raw_sql(emptied).execute(&store.pool).await.expect("empty");
    store.pool.close().await;
    let store = server.open().await;
    assert_eq!(store.search_words(&words, &Filter::default(), 10).await.expect("search").len(), 1);
    assert!(is_sound(&store.verify().await.expect("verify").problems));
    server.drop(store).await;
}

/// Whether the index is: the rest of this store was written by hand.
fn is_sound(problems: &[String]) -> bool {
    !problems.iter().any(|problem| problem.contains("index"))
}
