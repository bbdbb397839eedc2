//! Codes in memory and the server's graph find what an exact scan finds, with filters that keep much and little, and see
//! everything that any process did.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pgvector::Vector;

use super::super::load::Limits;
use super::super::source::Source;
use super::{NOW, Server, document, remove, write};
use crate::domain::search::{Condition, Filter, Predicate, VectorQuery};
use crate::domain::{ChunkId, ModelId, SourceType};
use crate::store::postgres::PostgresStore;
use crate::store::{EmbeddingStore as _, SearchStore as _};

fn unit(random: &mut fastrand::Rng, centre: Option<&[f32]>, dimension: usize) -> Vec<f32> {
    let mut vector: Vec<f32> =
        (0..dimension).map(|at| (random.f32() - 0.5) + centre.map_or(0.0, |centre| centre[at] * 4.0)).collect();
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    for x in &mut vector {
        *x /= norm;
    }
    vector
}

/// A store that never holds codes and has graphs of few vectors.
async fn open_without_codes(server: &Server) -> PostgresStore {
    let mut store = server.open().await;
    let index = Arc::get_mut(&mut store.search).expect("nobody else has it yet");
    index.limits = Limits { code_bytes: 0, graph_vectors: 2_000, ..Limits::default() };
    store
}

#[tokio::test]
async fn graph_and_codes_find_what_an_exact_scan_finds() {
    const DIMENSION: usize = 64;
    const DOCUMENTS: usize = 4_000;
    let server = Server::new().await;
    let postgres = open_without_codes(&server).await;
    let scanning = server.open().await;
    let mut random = fastrand::Rng::with_seed(5);
    let centres: Vec<Vec<f32>> = (0..60).map(|_| unit(&mut random, None, DIMENSION)).collect();
    let mut vectors: Vec<(i64, usize, Vec<f32>)> = Vec::new();
    let mut transaction = postgres.pool.begin().await.expect("begin");
    sqlx::raw_sql("INSERT INTO model (name, dimension, registered_at) VALUES ('m', 64, 0), ('old', 8, 0)")
        .execute(&mut *transaction)
        .await
        .expect("model");
    for number in 0..DOCUMENTS {
        let vector = unit(&mut random, Some(&centres[number % 60]), DIMENSION);
        let mut document = document(number, &[format!("text {number}")]);
        // One in a hundred is a PDF, one in twenty of the rest HTML, half of the others mail.
        document.source_type = match number {
            n if n % 100 == 7 => SourceType::Pdf,
            n if n % 20 == 3 => SourceType::Html,
            n if n % 2 == 0 => SourceType::Mail,
            _ => SourceType::Markdown,
        };
        let ids = write(&mut transaction, &document, Some((1, std::slice::from_ref(&vector)))).await;
        vectors.push((ids[0], number, vector));
    }
    transaction.commit().await.expect("commit");
    assert_eq!(postgres.search.build_graphs().await.expect("build"), 1);
    assert_eq!(postgres.search.build_graphs().await.expect("build"), 0);
    sqlx::raw_sql("ANALYZE embedding").execute(&postgres.pool).await.expect("analyze");
    sqlx::raw_sql("UPDATE document SET deleted_at = 1 WHERE seq % 50 = 2")
        .execute(&postgres.pool)
        .await
        .expect("retire");
    let of = |kind: SourceType| Filter {
        conditions: vec![Condition { negated: false, any_of: vec![Predicate::Type(kind)] }],
        ..Filter::default()
    };
    scanning.warm_up().await.expect("warm up");
    let filters = [Filter::default(), of(SourceType::Pdf), of(SourceType::Html), of(SourceType::Mail)];
    for (store, filter) in [&postgres, &scanning].into_iter().flat_map(|store| filters.iter().map(move |f| (store, f)))
    {
        let (mut hits, mut wanted) = (0, 0);
        for _ in 0..40 {
            let centre = random.usize(0..60);
            let vector = unit(&mut random, Some(&centres[centre]), DIMENSION);
            let query = VectorQuery { model: ModelId::from("m"), vector: vector.clone(), scale: 2.0, offset: 0.1 };
            let found = store.search_vectors(&[query], filter, 30).await.expect("search");
            assert_eq!(found.len(), 30);
            let passes = |number: usize| {
                number % 50 != 1
                    && match filter.conditions.first().map(|condition| &condition.any_of[0]) {
                        Some(Predicate::Type(SourceType::Pdf)) => number % 100 == 7,
                        Some(Predicate::Type(SourceType::Html)) => number % 100 != 7 && number % 20 == 3,
                        Some(_) => number.is_multiple_of(2),
                        None => true,
                    }
            };
            let mut exact: Vec<(f32, i64)> = vectors
                .iter()
                .filter(|(_, number, _)| passes(*number))
                .map(|(id, _, other)| (vector.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() * 2.0 + 0.1, *id))
                .collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            let best: HashSet<i64> = exact.iter().take(10).map(|(_, id)| *id).collect();
            let by_id: HashMap<i64, f32> = exact.iter().map(|(score, id)| (*id, *score)).collect();
            for chunk in &found {
                assert!((by_id[&chunk.chunk_id.0] - chunk.score).abs() < 1e-4);
            }
            hits += found.iter().take(10).filter(|chunk| best.contains(&chunk.chunk_id.0)).count();
            wanted += 10;
        }
        assert!(hits * 100 >= wanted * 98, "{filter:?}: {hits} of {wanted}");
    }
    // A second model serves the chunks the first has no vector for, and only those.
    let mut connection = postgres.pool.acquire().await.expect("connection");
    sqlx::raw_sql(
        "INSERT INTO embedding (model_seq, chunk_id, vector) SELECT 2, chunk_id, '[1,0,0,0,0,0,0,0]'
            FROM embedding WHERE chunk_id <= 400;
         DELETE FROM embedding WHERE model_seq = 1 AND chunk_id <= 200",
    )
    .execute(&mut *connection)
    .await
    .expect("second model");
    let first = VectorQuery { model: ModelId::from("m"), vector: vectors[2000].2.clone(), scale: 1.0, offset: 0.0 };
    let mut axis = vec![0.0; 8];
    axis[0] = 1.0;
    let second = VectorQuery { model: ModelId::from("old"), vector: axis, scale: 0.1, offset: 0.05 };
    let queries = [first, second];
    for store in [&postgres, &scanning] {
        let found = store.search_vectors(&queries, &Filter::default(), 3_900).await.expect("search");
        assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).count() > 150);
        assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).all(|chunk| (chunk.score - 0.15).abs() < 1e-4));
        let scores = store.score_vectors(&queries, &[ChunkId(1), ChunkId(300), ChunkId(99_999)]).await.expect("score");
        assert!((scores[0].expect("second model") - 0.15).abs() < 1e-4);
        assert!((scores[1].expect("first model") - 0.15).abs() > 1e-4 && scores[2].is_none());
    }
    wait_for_codes(&scanning).await;
    let found = scanning.search_vectors(&queries, &Filter::default(), 3_900).await.expect("search");
    assert!(found.iter().filter(|chunk| chunk.chunk_id.0 <= 200).count() > 150);
    assert!(!holds_codes(&postgres).await);
    scanning.pool.close().await;
    drop(connection);
    server.drop(postgres).await;
}

/// Whether searches of all models are answered from codes in memory.
async fn holds_codes(store: &PostgresStore) -> bool {
    let view = store.search.refresh(Source::Primary).await.expect("look");
    store.search.codes_for(&view, &view.models).await.expect("codes").is_some()
}

async fn wait_for_codes(store: &PostgresStore) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !holds_codes(store).await {
        assert!(std::time::Instant::now() < deadline, "never loaded");
        tokio::task::yield_now().await;
    }
}

/// What an exact scan of the table finds, straight from SQL.
async fn exactly(store: &PostgresStore, vector: &[f32], limit: i64) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT e.chunk_id FROM embedding e JOIN chunk c ON c.id = e.chunk_id JOIN document d ON d.seq = c.document_seq \
         JOIN model m ON m.seq = e.model_seq WHERE m.name = 'm' AND d.deleted_at IS NULL AND e.vector IS NOT NULL \
         ORDER BY e.vector <#> $1, e.chunk_id LIMIT $2",
    )
    .bind(Vector::from(vector.to_vec()))
    .bind(limit)
    .fetch_all(&store.pool)
    .await
    .expect("exact scan")
}

/// Every way in which vectors come and go, by two processes in turn; both find after each what the table holds.
#[tokio::test]
async fn codes_follow_whatever_any_process_does() {
    const DIMENSION: usize = 24;
    let model = ModelId::from("m");
    let server = Server::new().await;
    let stores = [server.open().await, server.open().await];
    stores[0].register_model(&model, DIMENSION, NOW).await.expect("model");
    let mut random = fastrand::Rng::with_seed(9);
    let mut chunks: Vec<i64> = Vec::new();
    for round in 0..60_usize {
        let store = &stores[round % 2];
        let mut transaction = store.pool.begin().await.expect("begin");
        match random.usize(0..6) {
            // Documents with vectors and without.
            kind @ 0..3 => {
                let texts: Vec<String> = (0..random.usize(1..40)).map(|n| format!("text {round} {n}")).collect();
                let vectors: Vec<Vec<f32>> = texts.iter().map(|_| unit(&mut random, None, DIMENSION)).collect();
                let with = (kind > 0).then_some((1, &vectors[..]));
                chunks.extend(write(&mut transaction, &document(round, &texts), with).await);
            }
            3 => {
                let gone: Vec<i64> = (0..5).filter_map(|_| random.choice(&chunks).copied()).collect();
                remove(&mut transaction, &gone).await;
                chunks.retain(|id| !gone.contains(id));
            }
            4 => {
                sqlx::query("UPDATE document SET deleted_at = CASE WHEN deleted_at IS NULL THEN 1 END WHERE seq = $1")
                    .bind(random.i64(1..20))
                    .execute(&mut *transaction)
                    .await
                    .expect("turn");
            }
            _ => {}
        }
        transaction.commit().await.expect("commit");
        if round % 3 == 0 {
            // A worker's batch: of any chunks, and some texts have no vector.
            let batch: Vec<(ChunkId, Option<Vec<f32>>)> = (0..10)
                .filter_map(|n| {
                    let id = ChunkId(*random.choice(&chunks)?);
                    Some((id, (n != 4).then(|| unit(&mut random, None, DIMENSION))))
                })
                .collect();
            let batch: HashMap<ChunkId, Option<Vec<f32>>> = batch.into_iter().collect();
            let batch: Vec<_> = batch.into_iter().collect();
            store.complete_embeddings(&model, &batch, NOW).await.expect("complete");
        }
        if round % 7 == 0 {
            store.search.compact().await.expect("compact");
        }
        for reader in &stores {
            let vector = unit(&mut random, None, DIMENSION);
            let query = VectorQuery { model: model.clone(), vector: vector.clone(), scale: 1.0, offset: 0.0 };
            let found = reader.search_vectors(&[query], &Filter::default(), 10).await.expect("search");
            let found: Vec<i64> = found.iter().map(|chunk| chunk.chunk_id.0).collect();
            assert_eq!(found, exactly(reader, &vector, 10).await, "round {round}");
            assert!(holds_codes(reader).await);
        }
    }
    // A model that is dropped and comes back with other vectors is another model.
    stores[0].drop_model(&model).await.expect("drop");
    stores[1].register_model(&model, 3, NOW).await.expect("model");
    stores[1].complete_embeddings(&model, &[(ChunkId(chunks[0]), Some(vec![0.0, 0.6, 0.8]))], NOW).await.expect("one");
    for store in &stores {
        let query = VectorQuery { model: model.clone(), vector: vec![0.0, 0.6, 0.8], scale: 1.0, offset: 0.0 };
        let found = store.search_vectors(&[query], &Filter::default(), 10).await.expect("search");
        let live = exactly(store, &[0.0, 0.6, 0.8], 10).await;
        assert_eq!(found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>(), live);
    }
    let [first, second] = stores;
    second.pool.close().await;
    server.drop(first).await;
}

/// What one process commits another finds with its next search, while a third removes, retires and merges.
#[tokio::test]
async fn searches_see_every_commit_while_others_write() {
    const DIMENSION: usize = 16;
    let model = ModelId::from("m");
    let server = Server::new().await;
    let [writer, reader, other] = [server.open().await, server.open().await, server.open().await];
    writer.register_model(&model, DIMENSION, NOW).await.expect("model");
    let query =
        |vector: &[f32]| [VectorQuery { model: ModelId::from("m"), vector: vector.to_vec(), scale: 1.0, offset: 0.0 }];
    let finding = async {
        let mut random = fastrand::Rng::with_seed(21);
        for number in 0..80 {
            let vectors: Vec<Vec<f32>> = (0..3).map(|_| unit(&mut random, None, DIMENSION)).collect();
            let texts: Vec<String> = (0..3).map(|n| format!("found {number} {n}")).collect();
            let mut transaction = writer.begin_writing("write", "").await.expect("begin");
            let ids = write(&mut transaction, &document(number, &texts), Some((1, &vectors))).await;
            transaction.commit().await.expect("commit");
            for (id, vector) in ids.iter().zip(&vectors) {
                let found = reader.search_vectors(&query(vector), &Filter::default(), 1).await.expect("search");
                assert_eq!(found.first().map(|chunk| chunk.chunk_id.0), Some(*id), "document {number}");
            }
        }
    };
    let disturbing = async {
        let mut random = fastrand::Rng::with_seed(22);
        for number in 1_000..1_060 {
            let vectors = [unit(&mut random, None, DIMENSION)];
            let mut transaction = other.begin_writing("write", "").await.expect("begin");
            let texts = [format!("passing {number}")];
            let ids = write(&mut transaction, &document(number, &texts), Some((1, &vectors))).await;
            transaction.commit().await.expect("commit");
            let mut connection = other.pool.acquire().await.expect("connection");
            remove(&mut connection, &ids).await;
            drop(connection);
            other.search.compact().await.expect("compact");
            other.search_vectors(&query(&vectors[0]), &Filter::default(), 5).await.expect("search");
        }
    };
    tokio::join!(finding, disturbing);
    reader.pool.close().await;
    other.pool.close().await;
    server.drop(writer).await;
}

/// More vectors than a search reads itself are read in the background; it asks the server meanwhile and misses nothing.
#[tokio::test]
async fn many_new_vectors_are_read_in_the_background() {
    const DIMENSION: usize = 8;
    let server = Server::new().await;
    let mut store = server.open().await;
    let index = Arc::get_mut(&mut store.search).expect("nobody else has it yet");
    index.limits = Limits { read_at_once: 50, ..Limits::default() };
    store.register_model(&ModelId::from("m"), DIMENSION, NOW).await.expect("model");
    let mut random = fastrand::Rng::with_seed(4);
    let vectors: Vec<Vec<f32>> = (0..300).map(|_| unit(&mut random, None, DIMENSION)).collect();
    let texts: Vec<String> = (0..300).map(|n| format!("text {n}")).collect();
    let mut transaction = store.pool.begin().await.expect("begin");
    write(&mut transaction, &document(1, &texts), Some((1, &vectors))).await;
    transaction.commit().await.expect("commit");
    let query = [VectorQuery { model: ModelId::from("m"), vector: vectors[7].clone(), scale: 1.0, offset: 0.0 }];
    let all = exactly(&store, &vectors[7], 20).await;
    let found = store.search_vectors(&query, &Filter::default(), 20).await.expect("search");
    assert_eq!(found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>(), all);
    wait_for_codes(&store).await;
    let found = store.search_vectors(&query, &Filter::default(), 20).await.expect("search");
    assert_eq!(found.iter().map(|chunk| chunk.chunk_id.0).collect::<Vec<_>>(), all);
    server.drop(store).await;
}
