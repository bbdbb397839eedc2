//! Stores of older versions: from before names and quotes were found, before terms were made as now, before segments were
//! those of `index`; and stores that were restored from a dump.

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use super::super::super::MIGRATOR;
use super::{NOW, Server, document, pack, write};
use crate::domain::search::{Filter, Occur, VectorQuery, WordMatch, WordsQuery};
use crate::domain::{ChunkKind, DocumentId, ModelId, terms};
use crate::store::postgres::PostgresStore;
use crate::store::{DocumentStore, EmbeddingStore, SearchStore, SystemStore};

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

/// A segment as it was: whatever it held, nobody reads it any more.
const SEGMENT: &str = "
    INSERT INTO word_segment (chunks, header, dictionary) VALUES (1, '\\x01', '\\x02');
    INSERT INTO word_block (segment_id, block, bytes) SELECT id, 0, '\\x03' FROM word_segment;
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
    sqlx::raw_sql(SEGMENT).execute(&mut connection).await.expect("index");
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
    sqlx::raw_sql(SEGMENT).execute(&mut connection).await.expect("index");
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
    let emptied = "DELETE FROM word_segment; DELETE FROM word_gone; \
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

/// The migration that brought the segments and blocks of `index`.
const INDEX: i64 = 17;

#[tokio::test]
async fn a_store_with_segments_of_before_and_a_graph_has_those_of_now() {
    let server = Server::new().await;
    let older = MIGRATOR.iter().filter(|migration| migration.version < INDEX).cloned().collect();
    let mut connection = PgConnection::connect(&server.address()).await.expect("connect");
    Migrator::with_migrations(older).run_direct(None, &mut connection, false).await.expect("migrate");
    sqlx::raw_sql(CONTENT).execute(&mut connection).await.expect("fill");
    sqlx::raw_sql(SEGMENT).execute(&mut connection).await.expect("index");
    let vectors = "INSERT INTO model (name, dimension, registered_at) VALUES ('m', 2, 0); \
        INSERT INTO embedding (model_seq, chunk_id, vector) VALUES (1, 1, '[0.6,0.8]'); \
        CREATE INDEX embedding_graph_1 ON embedding USING hnsw ((vector::halfvec(2)) halfvec_cosine_ops) \
            WHERE model_seq = 1; \
        UPDATE word_terms SET version = 1000000, done_id = 3, last_id = 3";
    sqlx::raw_sql(vectors).execute(&mut connection).await.expect("vectors");
    connection.close().await.expect("close");

    let store = server.open().await;
    let near = VectorQuery { model: ModelId::from("m"), vector: vec![0.0, 1.0], scale: 1.0, offset: 0.0 };
    for _ in 0..2 {
        assert_eq!(found(&store, "suits").await.len(), 1);
        let found = store.search_vectors(std::slice::from_ref(&near), &Filter::default(), 5).await.expect("search");
        assert!(found.len() == 1 && (found[0].score - 0.8).abs() < 1e-4, "{found:?}");
        // Packed for the second round.
        pack(&store, 1).await;
    }
    assert_eq!(store.search.vectors_held(1), (1, 1));
    let graphs: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_class WHERE starts_with(relname, 'embedding_graph')")
        .fetch_one(&store.pool)
        .await
        .expect("look");
    assert_eq!(graphs, 0);
    assert!(is_sound(&store.verify().await.expect("verify").problems));
    server.drop(store).await;
}

#[tokio::test]
async fn an_index_that_was_half_made_when_its_process_ended_is_completed_by_the_next() {
    let server = Server::new().await;
    let store = server.open().await;
    let mut transaction = store.pool.begin().await.expect("begin");
    for number in 0..50 {
        let texts: Vec<String> = (0..50).map(|n| format!("common text {number} {n}")).collect();
        write(&mut transaction, &document(number, &texts), None).await;
    }
    transaction.commit().await.expect("commit");
    assert_eq!(store.begin_words(true).await.expect("begin"), 2_500);
    assert_eq!(store.renew_some().await.expect("some"), Some(2_000));
    store.pool.close().await;
    let store = server.open().await;
    let words = WordsQuery { clauses: vec![(Occur::Should, WordMatch::Term("common".to_owned()))] };
    let all = store.search_words(&words, &Filter::default(), 10_000).await.expect("search");
    assert_eq!(all.len(), 2_500);
    assert_eq!(store.renew_some().await.expect("nothing is left"), None);
    assert!(is_sound(&store.verify().await.expect("verify").problems));
    server.drop(store).await;
}

#[tokio::test]
async fn what_was_restored_on_another_server_is_found_and_packed() {
    let server = Server::new().await;
    let store = server.open().await;
    let model = ModelId::from("m");
    store.register_model(&model, 2, NOW).await.expect("model");
    let add = async |store: &PostgresStore, number: usize| {
        let mut transaction = store.pool.begin().await.expect("begin");
        let vectors = [vec![0.6, 0.8]];
        write(&mut transaction, &document(number, &["some".to_owned()]), Some((1, &vectors))).await;
        transaction.commit().await.expect("commit");
    };
    add(&store, 1).await;
    add(&store, 2).await;
    assert_eq!(pack(&store, 1).await, 2);
    add(&store, 3).await;
    // As a dump of a cluster with many more transactions has it.
    let far = "UPDATE embedding SET written_by = written_by + 1000000000; \
        UPDATE vector_segment SET last_xact = last_xact + 1000000000";
    sqlx::raw_sql(far).execute(&store.pool).await.expect("far");
    store.pool.close().await;
    let store = server.open().await;
    add(&store, 4).await;
    let near = [VectorQuery { model, vector: vec![0.6, 0.8], scale: 1.0, offset: 0.0 }];
    let found = store.search_vectors(&near, &Filter::default(), 9).await.expect("search");
    assert_eq!(found.len(), 4);
    assert_eq!(pack(&store, 1).await, 4);
    assert_eq!(store.search_vectors(&near, &Filter::default(), 9).await.expect("search").len(), 4);
    assert_eq!(store.search.vectors_held(1), (4, 4));
    server.drop(store).await;
}
